/*
 * mail.error objects: a table whose metatable stands in the registry, so that C
 * recognises its own.  Fields: code (name of the kind), message, scope, temporary,
 * where ("rule.lua:12"), and when known op, account, mailbox, server, cause.
 * tostring gives "where: message".
 *
 * rt_error_of turns any value that a script may raise into a struct err; it never
 * raises itself, so callbacks may use it.
 */
#include "rt/rt_inner.h"

#include "base/near.h"

static const char error_key = 'e';	/* its address is the registry key */

static void
set_text(lua_State *L, const char *field, const char *value)
{
	if (value == NULL)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, field);
}

/* A line of a traceback that says nothing to who wrote the script. */
static bool
trace_line_ours(struct view line)
{
	return view_starts(line, VIEW("\t[C]: in ")) || view_starts(line, VIEW("\tmail/")) ||
	    view_starts(line, VIEW("\t(...tail calls...)"));
}

void
error_trace(struct str *out, const char *text)
{
	struct view rest = view_of(text);

	while (rest.n > 0) {
		ptrdiff_t nl = view_chr(rest, '\n');
		struct view line = nl < 0 ? rest : view_sub(rest, 0, (size_t)nl);

		if (!trace_line_ours(line)) {
			str_adds(out, out->len > 0 ? "\n" : "");
			str_addv(out, line);
		}
		rest = nl < 0 ? VIEW_NONE : view_from(rest, (size_t)nl + 1);
	}
}

/*
 * Pushes "file:line" of the Lua function that called, or nothing and 0.  The embedded
 * library ("=mail/set.lua") is not where the user looks.
 */
static int
push_where(lua_State *L)
{
	lua_Debug ar;

	for (int level = 0; level < 64 && lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline > 0 && strncmp(ar.source, "=mail/", 6) != 0) {
			lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
			return 1;
		}
	}
	return 0;
}

void
rt_push_error(lua_State *L, const struct err *e, const char *op, const char *account,
	const char *mailbox)
{
	luaL_checkstack(L, 6, NULL);
	lua_createtable(L, 0, 8);
	set_text(L, "code", err_kind_name(e->kind));
	set_text(L, "message", e->text);
	set_text(L, "scope", err_scope_name(e->scope));
	lua_pushboolean(L, e->temporary);
	lua_setfield(L, -2, "temporary");
	set_text(L, "op", op);
	set_text(L, "account", account);
	set_text(L, "mailbox", mailbox);
	if (push_where(L))
		lua_setfield(L, -2, "where");
	lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_setmetatable(L, -2);
}

int
rt_raise(lua_State *L, const struct err *e, const char *op, const char *account,
	const char *mailbox)
{
	rt_push_error(L, e, op, account, mailbox);
	return lua_error(L);
}

int
rt_fail(lua_State *L, enum err_kind kind, const char *fmt, ...)
{
	struct err e = ERR_NONE;
	va_list ap;

	va_start(ap, fmt);
	err_vset(&e, kind, SCOPE_MESSAGE, fmt, ap);
	va_end(ap);
	return rt_raise(L, &e, NULL, NULL, NULL);
}

static int
push_aux(lua_State *L)
{
	const struct err *e = lua_touserdata(L, 1);

	rt_push_error(L, e, NULL, NULL, NULL);
	return 1;
}

void
error_push_safe(lua_State *L, const struct err *e)
{
	union { const struct err *in; void *out; } u = { .in = e };

	if (!lua_checkstack(L, LUA_MINSTACK)) {
		lua_settop(L, 0);
		lua_pushnil(L);
		return;
	}
	lua_pushcfunction(L, push_aux);
	lua_pushlightuserdata(L, u.out);
	(void)lua_pcall(L, 1, 1, 0);	/* on failure the reason is the value */
}

/* The mail.error at index 1 into *e. */
static void
read_object(lua_State *L, struct err *e)
{
	const char *code, *scope, *text;
	enum err_kind kind = ERR_USAGE;

	lua_pushliteral(L, "code");
	lua_rawget(L, 1);
	lua_pushliteral(L, "message");
	lua_rawget(L, 1);
	lua_pushliteral(L, "scope");
	lua_rawget(L, 1);
	lua_pushliteral(L, "temporary");
	lua_rawget(L, 1);
	code = lua_type(L, -4) == LUA_TSTRING ? lua_tostring(L, -4) : "";
	text = lua_type(L, -3) == LUA_TSTRING ? lua_tostring(L, -3) : "error without a message";
	scope = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
	for (enum err_kind k = ERR_NET; k <= ERR_HELD; k++)
		if (strcmp(err_kind_name(k), code) == 0)
			kind = k;
	err_set(e, kind, SCOPE_MESSAGE, "%s", text);
	for (enum err_scope s = SCOPE_MESSAGE; s <= SCOPE_PROGRAM; s++)
		if (strcmp(err_scope_name(s), scope) == 0)
			e->scope = s;
	e->temporary = lua_toboolean(L, -1);
}

static bool
is_error_object(lua_State *L, int idx)
{
	bool same;

	if (lua_type(L, idx) != LUA_TTABLE || !lua_getmetatable(L, idx))
		return false;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
	same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same;
}

static int
read_aux(lua_State *L)
{
	struct err *e = lua_touserdata(L, 2);

	if (is_error_object(L, 1)) {
		read_object(L, e);
	} else if (lua_isstring(L, 1)) {	/* converting a number may raise: so we are here */
		const char *text = lua_tostring(L, 1);
		bool limit = strstr(text, "not enough memory") || strstr(text, "stack overflow");

		err_set(e, limit ? ERR_LIMIT : ERR_USAGE, SCOPE_MESSAGE, "%s", text);
	} else if (lua_type(L, 1) == LUA_TTABLE) {
		lua_pushliteral(L, "message");
		lua_rawget(L, 1);
		if (lua_type(L, -1) == LUA_TSTRING)
			err_set(e, ERR_USAGE, SCOPE_MESSAGE, "%s", lua_tostring(L, -1));
	}
	if (!err_is(e))
		err_set(e, ERR_USAGE, SCOPE_MESSAGE, "an error without a text (its value is %s%s)",
		    lua_isnil(L, 1) ? "" : "a ", luaL_typename(L, 1));
	return 0;
}

void
rt_error_of(lua_State *L, int idx, struct err *e)
{
	idx = lua_absindex(L, idx);
	*e = ERR_NONE;
	if (!lua_checkstack(L, LUA_MINSTACK)) {
		err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "not enough memory");
		return;
	}
	lua_pushcfunction(L, read_aux);
	lua_pushvalue(L, idx);
	lua_pushlightuserdata(L, e);
	if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
		lua_pop(L, 1);
		*e = ERR_NONE;
		err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "not enough memory");
	}
}

static int
error_tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_getfield(L, 1, "message");
	luaL_tolstring(L, 2, NULL);
	if (lua_getfield(L, 1, "where") == LUA_TSTRING)
		lua_pushfstring(L, "%s: %s", lua_tostring(L, 4), lua_tostring(L, 3));
	else
		lua_settop(L, 3);
	return 1;
}

/* "failed: " .. err is what people write. */
static int
error_concat(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	luaL_tolstring(L, 2, NULL);
	lua_concat(L, 2);
	return 1;
}

int
error_open(lua_State *L)
{
	static const luaL_Reg meta[] = {
		{ "__tostring", error_tostring },
		{ "__concat", error_concat },
		{ NULL, NULL },
	};

	luaL_newlib(L, meta);
	lua_pushliteral(L, "mail.error");
	lua_setfield(L, -2, "__name");
	lua_pushliteral(L, "mail.error");
	lua_setfield(L, -2, "__metatable");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
	return 0;
}

const char *
error_hint(char *buf, size_t size, const char *word, const char *const *names, size_t n)
{
	int at = near_find(view_of(word), names, n);

	buf[0] = '\0';
	if (at >= 0)
		snprintf(buf, size, "; did you mean '%s'?", names[at]);
	return buf;
}
