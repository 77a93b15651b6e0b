/* What differs between Lua 5.4.4 .. 5.5, in one place. */
#ifndef RT_LUACOMPAT_H
#define RT_LUACOMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#if LUA_VERSION_NUM < 504
#error "mailmill needs Lua 5.4 or 5.5"
#endif
#if LUA_VERSION_NUM == 504 && LUA_VERSION_RELEASE_NUM < 50404
#error "mailmill needs Lua 5.4.4 or later"
#endif

/* lua_closethread came with 5.4.6; before it, lua_resetthread does the same. */
#if LUA_VERSION_RELEASE_NUM < 50406
#define luacompat_closethread(L, from)	((void)(from), lua_resetthread(L))
#else
#define luacompat_closethread(L, from)	lua_closethread((L), (from))
#endif

/* 5.5 takes a seed for its string hash. */
#if LUA_VERSION_NUM >= 505
#define luacompat_newstate(f, ud, seed)	lua_newstate((f), (ud), (seed))
#else
#define luacompat_newstate(f, ud, seed)	((void)(seed), lua_newstate((f), (ud)))
#endif

#endif
