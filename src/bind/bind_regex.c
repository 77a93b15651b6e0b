/*
 * mail.re: PCRE2 with the shapes of Lua's own string functions.
 *
 *   re:match(s, init)  captures, or the whole match when there are none; nil
 *   re:find(s, init)   first and last byte, captures; nil
 *   re:gmatch(s)       iterator over captures
 *   re:gsub(s, r, n)   r: a text with %0 to %9 and %%, a table, or a function
 *   re:split(s)        the texts between the matches
 *
 * Subjects are UTF-8; what a match may cost is bounded (base/regex.h) and a ceiling
 * that is hit raises.  A replacement function may not wait.
 */
#include "bind/bind_int.h"

#define SPANS		(REGEX_GROUPS_MAX + 1)

static struct regex *
check_re(lua_State *L)
{
	return rt_check(L, 1, &bind_regex_class);
}

/* 1 or 0; raises. */
static int
match_at(lua_State *L, struct regex *re, struct view s, size_t start, struct regex_span *spans)
{
	struct err e = ERR_NONE;
	int r = regex_match(re, s, start, spans, &e);

	if (r < 0)
		rt_raise(L, &e, NULL, NULL, NULL);
	return r;
}

/* Lua's init: from 1, negative from the end; a place that no match can begin at is the end + 1. */
static size_t
check_init(lua_State *L, int arg, size_t n)
{
	lua_Integer init = luaL_optinteger(L, arg, 1);

	if (init > 0)
		return (lua_Unsigned)init - 1 > n ? n + 1 : (size_t)init - 1;
	if (init == 0 || init < -(lua_Integer)n)
		return 0;
	return n - (size_t)-init;
}

static void
push_span(lua_State *L, struct view s, struct regex_span span)
{
	if (span.start < 0)
		lua_pushnil(L);
	else
		lua_pushlstring(L, s.p + span.start, (size_t)(span.end - span.start));
}

/* The captures, or the whole when there are none; how many. */
static int
push_captures(lua_State *L, struct regex *re, struct view s, const struct regex_span *spans)
{
	unsigned n = regex_groups(re);

	luaL_checkstack(L, (int)n + 2, NULL);
	if (n == 0) {
		push_span(L, s, spans[0]);
		return 1;
	}
	for (unsigned i = 1; i <= n; i++)
		push_span(L, s, spans[i]);
	return (int)n;
}

static int
re_match(lua_State *L)
{
	struct regex *re = check_re(L);
	struct view s = bind_view_arg(L, 2);
	size_t start = check_init(L, 3, s.n);
	struct regex_span spans[SPANS];

	if (start > s.n || !match_at(L, re, s, start, spans))
		return 0;
	return push_captures(L, re, s, spans);
}

static int
re_find(lua_State *L)
{
	struct regex *re = check_re(L);
	struct view s = bind_view_arg(L, 2);
	size_t start = check_init(L, 3, s.n);
	struct regex_span spans[SPANS];

	if (start > s.n || !match_at(L, re, s, start, spans))
		return 0;
	lua_pushinteger(L, spans[0].start + 1);
	lua_pushinteger(L, spans[0].end);
	return 2 + (regex_groups(re) > 0 ? push_captures(L, re, s, spans) : 0);
}

/* Where to look on behind a match; an empty one moves by one character. */
static size_t
behind(struct view s, const struct regex_span *span)
{
	size_t at = (size_t)span->end;

	if (span->end > span->start || at >= s.n)
		return span->end > span->start ? at : at + 1;
	at++;
	while (at < s.n && ((unsigned char)s.p[at] & 0xC0) == 0x80)
		at++;
	return at;
}

/* upvalues: the regex, the subject, where to look on */
static int
gmatch_next(lua_State *L)
{
	struct regex *re = rt_check(L, lua_upvalueindex(1), &bind_regex_class);
	struct view s = bind_view_arg(L, lua_upvalueindex(2));
	size_t start = (size_t)lua_tointeger(L, lua_upvalueindex(3));
	struct regex_span spans[SPANS];

	if (start > s.n || !match_at(L, re, s, start, spans))
		return 0;
	lua_pushinteger(L, (lua_Integer)behind(s, &spans[0]));
	lua_replace(L, lua_upvalueindex(3));
	return push_captures(L, re, s, spans);
}

static int
re_gmatch(lua_State *L)
{
	check_re(L);
	luaL_checkstring(L, 2);
	lua_settop(L, 2);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, gmatch_next, 3);
	return 1;
}

/* ---- gsub */

static void
add_template(lua_State *L, luaL_Buffer *b, struct regex *re, struct view s,
	const struct regex_span *spans)
{
	struct view t = bind_view_arg(L, 3);

	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		unsigned group;

		if (c != '%') {
			luaL_addchar(b, c);
			continue;
		}
		c = ++i < t.n ? t.p[i] : '\0';
		if (c == '%') {
			luaL_addchar(b, '%');
			continue;
		}
		group = (unsigned)(c - '0');
		if (c < '0' || c > '9' || group > MAX(regex_groups(re), 1))
			rt_fail(L, ERR_USAGE, "re:gsub: invalid use of '%%' in the replacement; the pattern "
			    "has %u groups", regex_groups(re));
		if (group > regex_groups(re))
			group = 0;
		if (spans[group].start >= 0)
			luaL_addlstring(b, s.p + spans[group].start,
			    (size_t)(spans[group].end - spans[group].start));
	}
}

/* What table or function give for this match; false keeps the text. */
static void
add_value(lua_State *L, luaL_Buffer *b, struct regex *re, struct view s,
	const struct regex_span *spans)
{
	if (lua_isfunction(L, 3)) {
		int n;

		lua_pushvalue(L, 3);
		n = push_captures(L, re, s, spans);
		lua_call(L, n, 1);
	} else {
		push_span(L, s, spans[regex_groups(re) > 0 ? 1 : 0]);
		if (!lua_isnil(L, -1))
			lua_gettable(L, 3);
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		push_span(L, s, spans[0]);
	} else if (!lua_isstring(L, -1)) {
		rt_fail(L, ERR_USAGE, "re:gsub: a replacement is a %s, not a text",
		    luaL_typename(L, -1));
	}
	luaL_addvalue(b);
}

static int
re_gsub(lua_State *L)
{
	struct regex *re = check_re(L);
	struct view s = bind_view_arg(L, 2);
	int type = lua_type(L, 3);
	lua_Integer max = luaL_optinteger(L, 4, LUA_MAXINTEGER), n = 0;
	struct regex_span spans[SPANS];
	size_t at = 0, kept = 0;
	luaL_Buffer b;

	luaL_argexpected(L, type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TTABLE ||
	    type == LUA_TFUNCTION, 3, "text, table or function");
	lua_settop(L, 3);
	luaL_buffinit(L, &b);
	while (n < max && at <= s.n && match_at(L, re, s, at, spans)) {
		luaL_addlstring(&b, s.p + kept, (size_t)spans[0].start - kept);
		kept = (size_t)spans[0].end;
		at = behind(s, &spans[0]);
		n++;
		if (type == LUA_TTABLE || type == LUA_TFUNCTION) {
			add_value(L, &b, re, s, spans);
			re = check_re(L);	/* what it called may have closed it */
		} else {
			add_template(L, &b, re, s, spans);
		}
	}
	luaL_addlstring(&b, s.p + kept, s.n - kept);
	luaL_pushresult(&b);
	lua_pushinteger(L, n);
	return 2;
}

static int
re_split(lua_State *L)
{
	struct regex *re = check_re(L);
	struct view s = bind_view_arg(L, 2);
	struct regex_span spans[SPANS];
	size_t at = 0, kept = 0;
	lua_Integer n = 0;

	lua_newtable(L);
	while (at <= s.n && match_at(L, re, s, at, spans)) {
		at = behind(s, &spans[0]);
		if (spans[0].end == spans[0].start &&
		    (spans[0].start == 0 || (size_t)spans[0].start == s.n))
			continue;	/* an empty match at an edge parts nothing */
		lua_pushlstring(L, s.p + kept, (size_t)spans[0].start - kept);
		lua_rawseti(L, -2, ++n);
		kept = (size_t)spans[0].end;
	}
	lua_pushlstring(L, s.p + kept, s.n - kept);
	lua_rawseti(L, -2, ++n);
	return 1;
}

/* ---- the class */

static int
re_tostring(lua_State *L)
{
	struct view p = regex_pattern(check_re(L));

	lua_pushlstring(L, p.p != NULL ? p.p : "", p.n);
	return 1;
}

static void
re_release(void *p)
{
	struct regex *re = p;

	regex_free(&re);
}

static const luaL_Reg re_methods[] = {
	{ "match", re_match }, { "find", re_find }, { "gmatch", re_gmatch }, { "gsub", re_gsub },
	{ "split", re_split },
	{ NULL, NULL },
};
static const luaL_Reg re_meta[] = { { "__tostring", re_tostring }, { NULL, NULL } };

const struct rt_class bind_regex_class = {
	.name = "mail.regex",
	.methods = re_methods,
	.release = re_release,
	.meta = re_meta,
};

static void
drop_re(void *p)
{
	regex_free(p);
}

static int
core_re(lua_State *L)
{
	struct view pattern = bind_view_arg(L, 1);
	struct view letters = lua_isnoneornil(L, 2) ? VIEW_NONE : bind_view_arg(L, 2);
	struct regex **slot = bind_scratch(L, sizeof(struct regex *), drop_re);
	struct err e = ERR_NONE;
	unsigned flags;

	if (regex_flags(letters, &flags, &e) < 0)
		return rt_raise(L, &e, NULL, NULL, NULL);
	*slot = regex_new(pattern, flags, NULL, &e);
	if (*slot == NULL)
		return rt_raise(L, &e, NULL, NULL, NULL);
	rt_push(L, &bind_regex_class, *slot);
	*slot = NULL;
	return 1;
}

void
bind_regex(lua_State *L)
{
	rt_class_register(L, &bind_regex_class);
	lua_pushcfunction(L, core_re);
	lua_setfield(L, -2, "re");
}
