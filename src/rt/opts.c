/*
 * Option tables: one row an option gives the check, the conversion and the name
 * for "did you mean".  First every key of the table must be a row, then every row
 * is read; so an unknown key is told before a missing one.
 */
#include "rt/rt_inner.h"

#include "base/clock.h"

#define NAMES_MAX	128

static const char *
type_words(enum rt_opt_type type)
{
	static const char *const words[] = {
		[OPT_STRING] = "a string",
		[OPT_INTEGER] = "an integer",
		[OPT_NUMBER] = "a number",
		[OPT_BOOLEAN] = "true or false",
		[OPT_DURATION] = "a time (\"15min\", or seconds)",
		[OPT_SIZE] = "a size (\"5MB\", or bytes)",
		[OPT_ANY] = "a value",
	};

	return words[type];
}

static int
raise_type(lua_State *L, const char *what, const struct rt_opt *o)
{
	return rt_fail(L, ERR_USAGE, "%s: %s must be %s, not a %s", what, o->name,
	    type_words(o->type), luaL_typename(L, -1));
}

static const struct rt_opt *
find_row(const struct rt_opt *opts, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(opts[i].name, name) == 0)
			return &opts[i];
	return NULL;
}

static int
raise_unknown(lua_State *L, const char *what, const struct rt_opt *opts, size_t n,
	const char *key)
{
	const char *names[NAMES_MAX];
	char hint[120];
	size_t k = 0;

	for (size_t i = 0; i < n && k < NAMES_MAX; i++)
		if (strcmp(opts[i].name, "#") != 0)
			names[k++] = opts[i].name;
	return rt_fail(L, ERR_USAGE, "%s: no option '%.60s'%s", what, key,
	    error_hint(hint, sizeof(hint), key, names, k));
}

static void
check_keys(lua_State *L, int arg, const char *what, const struct rt_opt *opts, size_t n)
{
	bool positional = find_row(opts, n, "#") != NULL;

	lua_pushnil(L);
	while (lua_next(L, arg)) {
		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING) {
			const char *key = lua_tostring(L, -1);

			if (strcmp(key, "#") == 0 || find_row(opts, n, key) == NULL)
				raise_unknown(L, what, opts, n, key);
		} else if (!positional || !lua_isinteger(L, -1)) {
			rt_fail(L, ERR_USAGE, "%s: options have names; found a value without one "
			    "(key of type %s)", what, luaL_typename(L, -1));
		}
	}
}

static void
read_text(lua_State *L, const char *what, const struct rt_opt *o, const char **out)
{
	size_t len;
	const char *s;

	if (lua_type(L, -1) != LUA_TSTRING)
		raise_type(L, what, o);
	s = lua_tolstring(L, -1, &len);
	if (strlen(s) != len)
		rt_fail(L, ERR_USAGE, "%s: %s contains a NUL byte", what, o->name);
	*out = s;
}

static void
read_amount(lua_State *L, const char *what, const struct rt_opt *o, int64_t *out)
{
	struct err e = ERR_NONE;
	bool time = o->type == OPT_DURATION;
	int r;

	if (lua_type(L, -1) == LUA_TNUMBER) {
		double scale = time ? 1000 : 1, v = lua_tonumber(L, -1) * scale;

		if (!(v >= 0 && v < 9e15))
			rt_fail(L, ERR_USAGE, "%s: %s is out of range", what, o->name);
		*out = (int64_t)v;
		return;
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		raise_type(L, what, o);
	r = time ? duration_parse(view_of(lua_tostring(L, -1)), out, &e) :
	    size_parse(view_of(lua_tostring(L, -1)), out, &e);
	if (r < 0) {
		err_prefix(&e, "%s: %s", what, o->name);
		rt_raise(L, &e, NULL, NULL, NULL);
	}
}

/* The value on top into its place. */
static void
read_value(lua_State *L, const char *what, const struct rt_opt *o, char *out)
{
	void *p = out + o->off;
	int ok = 1;

	switch (o->type) {
	case OPT_STRING:
		read_text(L, what, o, p);
		break;
	case OPT_INTEGER: {
		int64_t v = lua_tointegerx(L, -1, &ok);

		if (!ok || lua_type(L, -1) != LUA_TNUMBER)
			raise_type(L, what, o);
		*(int64_t *)p = v;
		break;
	}
	case OPT_NUMBER:
		if (lua_type(L, -1) != LUA_TNUMBER)
			raise_type(L, what, o);
		*(double *)p = lua_tonumber(L, -1);
		break;
	case OPT_BOOLEAN:
		if (!lua_isboolean(L, -1))
			raise_type(L, what, o);
		*(bool *)p = lua_toboolean(L, -1);
		break;
	case OPT_DURATION:
	case OPT_SIZE:
		read_amount(L, what, o, p);
		break;
	case OPT_ANY:
		break;
	}
}

void
rt_opts(lua_State *L, int arg, const char *what, const struct rt_opt *opts, size_t n, void *out)
{
	bool there = !lua_isnoneornil(L, arg);

	luaL_checkstack(L, 6, NULL);
	if (there && !lua_istable(L, arg))
		rt_fail(L, ERR_USAGE, "%s: a table of options expected, got a %s", what,
		    luaL_typename(L, arg));
	arg = lua_absindex(L, arg);
	if (there)
		check_keys(L, arg, what, opts, n);
	for (size_t i = 0; i < n; i++) {
		const struct rt_opt *o = &opts[i];
		bool given = false;

		if (strcmp(o->name, "#") == 0)
			continue;
		if (there) {
			lua_pushstring(L, o->name);
			given = lua_rawget(L, arg) != LUA_TNIL;
			if (given)
				read_value(L, what, o, out);
			lua_pop(L, 1);
		}
		if (!given && o->required)
			rt_fail(L, ERR_USAGE, "%s: %s is missing", what, o->name);
	}
}
