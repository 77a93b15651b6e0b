/*
 * The standard libraries, less what would block, end or blind the process:
 *
 *   os.exit os.execute io.popen os.setlocale	raise, naming what to use
 *   load loadfile dofile, Lua searcher		text chunks only: bytecode can crash the VM
 *   collectgarbage				collect count step isrunning
 *   setmetatable				refuses __gc, which would run in another's turn
 *   debug					traceback and getinfo
 *   coroutine					ours (co.c)
 *   string.rep table.move			bounded where C would loop without memory
 *   _G						reading or assigning an undeclared name raises
 *
 * Not stopped: string.find and its kin with a pathological pattern; reading from
 * a terminal with io.read.
 */
#include "rt/rt_inner.h"

#include <limits.h>

#define MOVE_MAX	10000000
#define GLOBALS_MAX	256	/* names looked through for "did you mean" */

/* ---- what raises */

static int
no_exit(lua_State *L)
{
	return rt_fail(L, ERR_USAGE, "os.exit would end every task; return from the script, "
	    "or raise with error()");
}

static int
no_execute(lua_State *L)
{
	return rt_fail(L, ERR_USAGE, "os.execute would stop every task; use mail.command { ... }");
}

static int
no_popen(lua_State *L)
{
	return rt_fail(L, ERR_USAGE, "io.popen would stop every task; use mail.command { ... }");
}

static int
no_setlocale(lua_State *L)
{
	return rt_fail(L, ERR_USAGE, "os.setlocale would change the whole program");
}

/* ---- wrappers; upvalue 1 is the original */

static int
call_original(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* Makes argument `arg` the mode "t". */
static int
call_text_only(lua_State *L, int arg)
{
	if (lua_gettop(L) < arg)
		lua_settop(L, arg);
	lua_pushliteral(L, "t");
	lua_replace(L, arg);
	return call_original(L);
}

static int
text_load(lua_State *L)
{
	return call_text_only(L, 3);
}

static int
text_loadfile(lua_State *L)
{
	return call_text_only(L, 2);
}

static int
dofile_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	return lua_gettop(L) - 1;
}

static int
text_dofile(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_settop(L, 1);
	if (luaL_loadfilex(L, name, "t") != LUA_OK)
		return lua_error(L);
	lua_callk(L, 0, LUA_MULTRET, 0, dofile_k);
	return dofile_k(L, 0, 0);
}

static int
some_collectgarbage(lua_State *L)
{
	static const char *const allowed[] = { "collect", "count", "step", "isrunning", NULL };
	const char *what = luaL_optstring(L, 1, "collect");

	for (size_t i = 0; allowed[i]; i++)
		if (strcmp(what, allowed[i]) == 0)
			return call_original(L);
	return rt_fail(L, ERR_USAGE, "collectgarbage: only \"collect\", \"count\", \"step\" and "
	    "\"isrunning\"; the collector belongs to all tasks");
}

static int
no_gc_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return rt_fail(L, ERR_USAGE, "setmetatable: __gc would run in another "
			    "task's turn; use __close and local x <close>");
	}
	lua_settop(L, 2);
	lua_setmetatable(L, 1);
	return 1;
}

static int
safe_rep(lua_State *L)
{
	size_t n, sep;

	luaL_checklstring(L, 1, &n);
	luaL_optlstring(L, 3, "", &sep);
	if (n + sep > 0)
		return call_original(L);
	luaL_checkinteger(L, 2);
	lua_pushliteral(L, "");
	return 1;
}

static int
safe_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);

	if (to > from && (lua_Unsigned)to - (lua_Unsigned)from > MOVE_MAX)
		return rt_fail(L, ERR_LIMIT, "table.move: more than %d elements", MOVE_MAX);
	return call_original(L);
}

static int
hide_getinfo(lua_State *L)
{
	int at = lua_isthread(L, 1) ? 2 : 1;

	/* this function is one more level of its own stack */
	if (lua_isinteger(L, at) && lua_tointeger(L, at) >= 0 && lua_tointeger(L, at) < INT_MAX &&
	    (at == 1 || lua_tothread(L, 1) == L)) {
		lua_pushinteger(L, lua_tointeger(L, at) + 1);
		lua_replace(L, at);
	}
	call_original(L);
	if (lua_istable(L, -1)) {
		lua_getfield(L, -1, "func");
		if (lua_iscfunction(L, -1)) {	/* rt's own must not be called by a script */
			lua_pushnil(L);
			lua_setfield(L, -3, "func");
		}
		lua_pop(L, 1);
	}
	return lua_gettop(L);
}

/* Replaces lib[name] (lib on top) by fn around the original. */
static void
around(lua_State *L, const char *name, lua_CFunction fn)
{
	lua_getfield(L, -1, name);
	lua_pushcclosure(L, fn, 1);
	lua_setfield(L, -2, name);
}

static void
replace(lua_State *L, const char *name, lua_CFunction fn)
{
	lua_pushcfunction(L, fn);
	lua_setfield(L, -2, name);
}

/* ---- package: text only */

/* upvalue 1: package */
static int
text_searcher(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *file;

	lua_getfield(L, lua_upvalueindex(1), "searchpath");
	lua_pushvalue(L, 1);
	if (lua_getfield(L, lua_upvalueindex(1), "path") != LUA_TSTRING)
		return luaL_error(L, "package.path must be a string");
	lua_call(L, 2, 2);
	if (lua_isnil(L, -2))
		return 1;	/* the list of files that were tried */
	lua_pop(L, 1);
	file = lua_tostring(L, -1);
	if (luaL_loadfilex(L, file, "t") != LUA_OK)
		return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", name, file,
		    lua_tostring(L, -1));
	lua_pushvalue(L, -2);
	return 2;
}

static void
fix_package(lua_State *L)
{
	lua_getfield(L, -1, "searchers");
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, text_searcher, 1);
	lua_rawseti(L, -2, 2);
	lua_pop(L, 1);
}

/* ---- strict globals */

static int
global_read(lua_State *L)
{
	const char *names[GLOBALS_MAX], *key;
	char hint[120];
	size_t n = 0;

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	key = lua_tostring(L, 2);
	lua_pushnil(L);
	while (lua_next(L, 1)) {	/* the names stay alive: _G holds them */
		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING && n < GLOBALS_MAX)
			names[n++] = lua_tostring(L, -1);
	}
	return rt_fail(L, ERR_USAGE, "undeclared global '%.60s'%s", key,
	    error_hint(hint, sizeof(hint), key, names, n));
}

static int
global_assign(lua_State *L)
{
	const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);

	return rt_fail(L, ERR_USAGE, "assign to undeclared global '%.60s'; write local %s%.60s", key,
	    lua_isfunction(L, 3) ? "function " : "", key);
}

static void
make_strict(lua_State *L)
{
	static const luaL_Reg meta[] = {
		{ "__index", global_read },
		{ "__newindex", global_assign },
		{ NULL, NULL },
	};

	lua_pushglobaltable(L);
	luaL_newlib(L, meta);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}

/* ---- all of it */

static void
open_debug(lua_State *L)
{
	luaopen_debug(L);
	lua_newtable(L);
	lua_getfield(L, -2, "traceback");
	lua_setfield(L, -2, "traceback");
	lua_getfield(L, -2, "getinfo");
	lua_pushcclosure(L, hide_getinfo, 1);
	lua_setfield(L, -2, "getinfo");
	lua_pushvalue(L, -1);
	lua_setglobal(L, "debug");
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "debug");
	lua_pop(L, 3);
}

void
rt_openlibs(lua_State *L)
{
	static const luaL_Reg libs[] = {
		{ LUA_GNAME, luaopen_base },
		{ LUA_LOADLIBNAME, luaopen_package },
		{ LUA_TABLIBNAME, luaopen_table },
		{ LUA_STRLIBNAME, luaopen_string },
		{ LUA_MATHLIBNAME, luaopen_math },
		{ LUA_UTF8LIBNAME, luaopen_utf8 },
		{ LUA_OSLIBNAME, luaopen_os },
		{ LUA_IOLIBNAME, luaopen_io },
		{ LUA_COLIBNAME, co_open },
	};
	static const struct { const char *lib, *name; lua_CFunction fn; bool around; } changes[] = {
		{ LUA_GNAME, "load", text_load, true },
		{ LUA_GNAME, "loadfile", text_loadfile, true },
		{ LUA_GNAME, "dofile", text_dofile, false },
		{ LUA_GNAME, "collectgarbage", some_collectgarbage, true },
		{ LUA_GNAME, "setmetatable", no_gc_setmetatable, false },
		{ LUA_STRLIBNAME, "rep", safe_rep, true },
		{ LUA_TABLIBNAME, "move", safe_move, true },
		{ LUA_OSLIBNAME, "exit", no_exit, false },
		{ LUA_OSLIBNAME, "execute", no_execute, false },
		{ LUA_OSLIBNAME, "setlocale", no_setlocale, false },
		{ LUA_IOLIBNAME, "popen", no_popen, false },
	};

	luaL_checkstack(L, LUA_MINSTACK, NULL);
	for (size_t i = 0; i < ARRAY_LEN(libs); i++) {
		luaL_requiref(L, libs[i].name, libs[i].func, 1);
		if (libs[i].func == luaopen_package)
			fix_package(L);
		lua_pop(L, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		lua_getglobal(L, changes[i].lib);
		(changes[i].around ? around : replace)(L, changes[i].name, changes[i].fn);
		lua_pop(L, 1);
	}
	open_debug(L);
	make_strict(L);
}
