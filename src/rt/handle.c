/*
 * Handles: a userdata is a box with one reference to a C object; closing or
 * collecting it drops the reference, once, and every later use raises
 * "message is closed".  The class's metatable stands in the registry under the
 * class's address; its __index finds methods first, then asks class->index, then
 * raises with the nearest name.
 */
#include "rt/rt_inner.h"

#include "base/near.h"

#define NAMES_MAX	256	/* looked through for "did you mean" */

struct box {
	const struct rt_class	*c;
	void			*obj;	/* NULL once closed */
};

static const char *
short_name(const struct rt_class *c)
{
	return strncmp(c->name, "mail.", 5) == 0 ? c->name + 5 : c->name;
}

static void
box_empty(struct box *b)
{
	void *obj = b->obj;

	b->obj = NULL;
	if (obj && b->c->release)
		b->c->release(obj);
}

/* The metatable's first argument is always one of its boxes, whoever calls it. */
static struct box *
to_box(lua_State *L, int arg, const struct rt_class *c)
{
	struct box *b = lua_touserdata(L, arg);
	bool same;

	if (b == NULL || lua_islightuserdata(L, arg) || !lua_getmetatable(L, arg))
		return NULL;
	lua_rawgetp(L, LUA_REGISTRYINDEX, c);
	same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same ? b : NULL;
}

static const struct rt_class *
upvalue_class(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static struct box *
check_box(lua_State *L, int arg, const struct rt_class *c)
{
	struct box *b = to_box(L, arg, c);

	if (b == NULL)
		luaL_typeerror(L, arg, short_name(c));
	return b;
}

void *
rt_test(lua_State *L, int arg, const struct rt_class *c)
{
	struct box *b = to_box(L, arg, c);

	return b ? b->obj : NULL;
}

void *
rt_check(lua_State *L, int arg, const struct rt_class *c)
{
	struct box *b = check_box(L, arg, c);

	if (b->obj == NULL)
		rt_fail(L, ERR_GONE, "%s is closed", short_name(c));
	return b->obj;
}

void
rt_close(lua_State *L, int arg, const struct rt_class *c)
{
	box_empty(check_box(L, arg, c));
}

static int
box_close(lua_State *L)
{
	struct box *b = to_box(L, 1, upvalue_class(L));

	if (b)
		box_empty(b);
	return 0;
}

/* Called by box_index, whose upvalue 2 holds the methods, those added from Lua too. */
static int
raise_unknown(lua_State *L, const struct rt_class *c, const char *key)
{
	const char *names[NAMES_MAX];
	char hint[120];
	size_t n = 0;

	luaL_checkstack(L, 4, NULL);
	lua_pushnil(L);
	while (lua_next(L, lua_upvalueindex(2))) {	/* the table keeps its keys alive */
		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING && n < NAMES_MAX)
			names[n++] = lua_tostring(L, -1);
	}
	for (const char *const *f = c->fields; f && *f && n < NAMES_MAX; f++)
		names[n++] = *f;
	return rt_fail(L, ERR_USAGE, "%s: no field or method '%.60s'%s", short_name(c), key,
	    error_hint(hint, sizeof(hint), key, names, n));
}

/* upvalues: the class, the table of methods */
static int
box_index(lua_State *L)
{
	const struct rt_class *c = upvalue_class(L);
	struct box *b = check_box(L, 1, c);
	const char *key;

	if (lua_type(L, 2) != LUA_TSTRING)
		return rt_fail(L, ERR_USAGE, "%s: no field of type %s", short_name(c),
		    luaL_typename(L, 2));
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
		return 1;
	lua_settop(L, 2);
	key = lua_tostring(L, 2);
	if (c->index) {
		int n;

		if (b->obj == NULL)
			return rt_fail(L, ERR_GONE, "%s is closed", short_name(c));
		if ((n = c->index(L, b->obj, key)) > 0)
			return n;
	}
	return raise_unknown(L, c, key);
}

static int
box_newindex(lua_State *L)
{
	const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);

	return rt_fail(L, ERR_USAGE, "%s: '%.60s' cannot be assigned", short_name(upvalue_class(L)),
	    key);
}

static int
box_tostring(lua_State *L)
{
	const struct rt_class *c = upvalue_class(L);
	struct box *b = check_box(L, 1, c);

	lua_pushfstring(L, b->obj ? "%s: %p" : "%s (closed)", short_name(c), b->obj);
	return 1;
}

static void
set_meta(lua_State *L, const struct rt_class *c, const char *event, lua_CFunction fn)
{
	union { const struct rt_class *in; void *out; } u = { .in = c };

	lua_pushlightuserdata(L, u.out);
	lua_pushcclosure(L, fn, 1);
	lua_setfield(L, -2, event);
}

void
rt_class_register(lua_State *L, const struct rt_class *c)
{
	union { const struct rt_class *in; void *out; } u = { .in = c };

	luaL_checkstack(L, 6, NULL);
	lua_newtable(L);
	lua_pushstring(L, c->name);
	lua_setfield(L, -2, "__name");
	lua_pushstring(L, short_name(c));
	lua_setfield(L, -2, "__metatable");
	set_meta(L, c, "__gc", box_close);
	set_meta(L, c, "__close", box_close);
	set_meta(L, c, "__newindex", box_newindex);
	set_meta(L, c, "__tostring", box_tostring);
	lua_pushlightuserdata(L, u.out);
	lua_newtable(L);
	if (c->methods)
		luaL_setfuncs(L, c->methods, 0);
	lua_pushcclosure(L, box_index, 2);
	lua_setfield(L, -2, "__index");
	if (c->meta)
		luaL_setfuncs(L, c->meta, 0);
	lua_rawsetp(L, LUA_REGISTRYINDEX, c);
}

void
rt_push_methods(lua_State *L, const struct rt_class *c)
{
	luaL_checkstack(L, 3, NULL);
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, c) != LUA_TTABLE)
		luaL_error(L, "class %s is not registered", c->name);
	lua_getfield(L, -1, "__index");
	lua_getupvalue(L, -1, 2);
	lua_replace(L, -3);
	lua_pop(L, 1);
}

void
handle_push(lua_State *L, const struct rt_class *c, void *obj, int nuv)
{
	struct box *b;

	luaL_checkstack(L, 3, NULL);
	b = lua_newuserdatauv(L, sizeof(*b), nuv);
	b->c = c;
	b->obj = NULL;
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, c) != LUA_TTABLE)
		luaL_error(L, "class %s is not registered", c->name);
	b->obj = obj;
	lua_setmetatable(L, -2);
}

void
handle_fill(lua_State *L, int idx, void *obj)
{
	struct box *b = lua_touserdata(L, idx);

	b->obj = obj;
}

void
rt_push(lua_State *L, const struct rt_class *c, void *obj)
{
	handle_push(L, c, obj, 0);
}
