/*
 * The table ACTION of the Lua half, as a struct action: what a message or a set is to
 * undergo, its template filled.  Everything that a script can get wrong raises here.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#define FLAGS_MAX	64
#define NAME_BYTES	1000u
#define PATH_BYTES	4000u

void
action_field_flags(lua_State *L, int idx, struct flags *f)
{
	int list = lua_gettop(L) + 1;

	lua_getfield(L, idx, "flags");
	if (!lua_istable(L, list))
		rt_fail(L, ERR_USAGE, "flags: a list of names expected, got a %s", luaL_typename(L, list));
	for (lua_Integer i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i++) {
		struct view keyword;
		struct err e = ERR_NONE;
		unsigned sys;

		if (i > FLAGS_MAX)
			rt_fail(L, ERR_LIMIT, "more than %d flags at once", FLAGS_MAX);
		if (lua_type(L, -1) != LUA_TSTRING)
			rt_fail(L, ERR_USAGE, "flags: a name expected, got a %s", luaL_typename(L, -1));
		if (flag_parse(bind_view_arg(L, -1), &sys, &keyword, &e) < 0)
			rt_raise(L, &e, NULL, NULL, NULL);
		flags_add(f, sys, keyword);
		lua_pop(L, 1);
	}
	lua_settop(L, list - 1);
}

static char *
field_dup(lua_State *L, int idx, const char *name, size_t max, bool required)
{
	const char *p = bind_field_text(L, idx, name);

	if (p == NULL && !required)
		return NULL;
	if (p == NULL || p[0] == '\0')
		rt_fail(L, ERR_USAGE, "%s is missing", name);
	if (strlen(p) > max)
		rt_fail(L, ERR_LIMIT, "%s is longer than %zu bytes", name, max);
	return xstrdup(p);
}

static void
check_bytes(lua_State *L, int idx, struct action *a)
{
	size_t n;
	const char *p;

	if (lua_getfield(L, idx, "bytes") != LUA_TSTRING)
		rt_fail(L, ERR_USAGE, "replace: the bytes of the new message are missing");
	p = lua_tolstring(L, -1, &n);
	if (n > BLOB_MAX)
		rt_fail(L, ERR_LIMIT, "replace: the new message is too large");
	a->bytes = blob_copy(view_n(p, n));
	lua_pop(L, 1);
}

void
action_check(lua_State *L, int idx, struct action *a)
{
	const char *verb;
	char *path;
	int v;

	luaL_checktype(L, idx, LUA_TTABLE);
	verb = bind_field_text(L, idx, "verb");
	v = verb != NULL ? verb_find(view_of(verb)) : -1;
	if (v < 0)
		rt_fail(L, ERR_USAGE, "no verb '%.60s'", verb != NULL ? verb : "");
	a->verb = (enum verb)v;
	a->rule = field_dup(L, idx, "rule", NAME_BYTES, false);
	switch (a->verb) {
	case VERB_FLAG:
	case VERB_UNFLAG:
		action_field_flags(L, idx, &a->flags);
		break;
	case VERB_COPY:
	case VERB_MOVE:
		a->account = field_dup(L, idx, "account", NAME_BYTES, false);
		a->mailbox = field_dup(L, idx, "mailbox", NAME_BYTES, true);
		break;
	case VERB_SAVE:
		a->part = field_dup(L, idx, "part", NAME_BYTES, false);
		path = field_dup(L, idx, "path", PATH_BYTES, true);
		a->path = bind_path(bind_script(L), path);
		free(path);
		break;
	case VERB_REPLACE:
		check_bytes(L, idx, a);
		break;
	default:
		break;
	}
}
