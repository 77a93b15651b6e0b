/*
 * Values of mail.store as text, one letter that says the type and then the value:
 *
 *   i-123  d0.5  sbytes  b0 b1  t{...}
 *
 * Within a table every value stands with its end marked:
 *
 *   item  = "i" digits ";" / "d" number ";" / "s" length ":" bytes / "b0" / "b1" /
 *           "{" *( item item ) "}"		key, value
 *
 * Keys stand in order (integers by value, then strings by bytes), so equal tables have
 * equal texts, which compare-and-set relies on.  Nothing recurses: the open tables are
 * a small array.  Ceilings: VALUE_MAX bytes, VALUE_DEPTH tables inside each other.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#include "base/scan.h"

#define KEYS_MAX	(VALUE_MAX / 4)		/* an entry has at least 4 bytes */

struct key { const char *s; size_t n; lua_Integer i; };	/* s NULL: an integer; else the table keeps it */
struct level { struct key *at; size_t n, next; };
struct walk { struct level open[VALUE_DEPTH]; unsigned depth; };

static int
raise_large(lua_State *L)
{
	return rt_fail(L, ERR_LIMIT, "a value of mail.store has at most %zu KiB", VALUE_MAX >> 10);
}

static void
drop_walk(void *p)
{
	struct walk *w = p;

	while (w->depth > 0)
		free(w->open[--w->depth].at);
}

static int
by_key(const void *pa, const void *pb)
{
	const struct key *a = pa, *b = pb;

	if (a->s == NULL || b->s == NULL) {
		if (a->s == NULL && b->s == NULL)
			return a->i < b->i ? -1 : a->i > b->i;
		return a->s == NULL ? -1 : 1;
	}
	return view_cmp(view_n(a->s, a->n), view_n(b->s, b->n));
}

/* The table on top becomes the innermost open one. */
static void
open_table(lua_State *L, struct walk *w)
{
	struct level *l = &w->open[w->depth];
	size_t cap = 0;

	if (w->depth == VALUE_DEPTH)
		rt_fail(L, ERR_LIMIT, "a value of mail.store has at most %u tables inside each other "
		    "(does it contain itself?)", VALUE_DEPTH);
	luaL_checkstack(L, 5, NULL);
	*l = (struct level){ 0 };
	w->depth++;
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		struct key k = { 0 };

		if (lua_type(L, -2) == LUA_TSTRING)
			k.s = lua_tolstring(L, -2, &k.n);
		else if (lua_isinteger(L, -2))
			k.i = lua_tointeger(L, -2);
		else
			rt_fail(L, ERR_USAGE, "mail.store: a table's keys are texts and whole numbers, "
			    "not a %s", luaL_typename(L, -2));
		if (l->n == KEYS_MAX)
			raise_large(L);
		if (l->n == cap)
			l->at = xreallocarray(l->at, cap = cap ? 2 * cap : 16, sizeof(*l->at));
		l->at[l->n++] = k;
		lua_pop(L, 1);
	}
	if (l->n > 0)
		qsort(l->at, l->n, sizeof(*l->at), by_key);
}

static void
add_string(struct str *out, const char *p, size_t n)
{
	str_addf(out, "s%zu:", n);
	str_add(out, p, n);
}

/* The value on top, as an item; tables are opened.  Leaves tables, pops the others. */
static void
add_item(lua_State *L, struct walk *w, struct str *out)
{
	size_t n;
	const char *p;

	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN:
		str_adds(out, lua_toboolean(L, -1) ? "b1" : "b0");
		break;
	case LUA_TNUMBER:
		if (lua_isinteger(L, -1))
			str_addf(out, "i%lld;", (long long)lua_tointeger(L, -1));
		else
			str_addf(out, "d%.17g;", lua_tonumber(L, -1));
		break;
	case LUA_TSTRING:
		p = lua_tolstring(L, -1, &n);
		add_string(out, p, n);
		break;
	case LUA_TTABLE:
		str_addc(out, '{');
		open_table(L, w);
		return;
	default:
		rt_fail(L, ERR_USAGE, "mail.store keeps booleans, numbers, texts and tables of them, "
		    "not a %s", luaL_typename(L, -1));
	}
	lua_pop(L, 1);
}

static void
encode_table(lua_State *L, struct str *out)
{
	struct walk *w = bind_scratch(L, sizeof(*w), drop_walk);

	lua_insert(L, -2);	/* the scratch below the table */
	str_adds(out, "t{");
	open_table(L, w);
	while (w->depth > 0) {
		struct level *l = &w->open[w->depth - 1];
		const struct key *k;

		if (out->over)
			raise_large(L);
		if (l->next == l->n) {
			str_addc(out, '}');
			free(l->at);
			w->depth--;
			lua_pop(L, 1);
			continue;
		}
		k = &l->at[l->next++];
		if (k->s == NULL) {
			str_addf(out, "i%lld;", (long long)k->i);
			lua_rawgeti(L, -1, k->i);
		} else {
			add_string(out, k->s, k->n);
			lua_pushlstring(L, k->s, k->n);
			lua_rawget(L, -2);
		}
		add_item(L, w, out);
	}
	lua_pop(L, 1);
}

void
value_encode(lua_State *L, int idx, struct str *out)
{
	size_t n;
	const char *p;

	out->max = VALUE_MAX;
	luaL_checkstack(L, 10, NULL);
	switch (lua_type(L, idx)) {
	case LUA_TBOOLEAN:
		str_adds(out, lua_toboolean(L, idx) ? "b1" : "b0");
		break;
	case LUA_TNUMBER:
		if (lua_isinteger(L, idx))
			str_addf(out, "i%lld", (long long)lua_tointeger(L, idx));
		else
			str_addf(out, "d%.17g", lua_tonumber(L, idx));
		break;
	case LUA_TSTRING:
		p = lua_tolstring(L, idx, &n);
		str_addc(out, 's');
		str_add(out, p, n);
		break;
	case LUA_TTABLE:
		lua_pushvalue(L, idx);
		encode_table(L, out);
		break;
	default:
		rt_fail(L, ERR_USAGE, "mail.store keeps booleans, numbers, texts and tables of them, "
		    "not a %s", luaL_typename(L, idx));
	}
	if (out->over)
		raise_large(L);
}

/* ---- back */

static int
raise_damaged(lua_State *L)
{
	return rt_fail(L, ERR_SYSTEM, "mail.store: a stored value is damaged");
}

static void
push_integer(lua_State *L, struct view v)
{
	char buf[32], *end;
	long long i;

	if (v.n == 0 || v.n >= sizeof(buf))
		raise_damaged(L);
	memcpy(buf, v.p, v.n);
	buf[v.n] = '\0';
	i = strtoll(buf, &end, 10);
	if (*end != '\0' || buf[0] == ' ' || buf[0] == '+')
		raise_damaged(L);
	lua_pushinteger(L, i);
}

static void
push_float(lua_State *L, struct view v)
{
	char buf[64], *end;
	double d;

	if (v.n == 0 || v.n >= sizeof(buf))
		raise_damaged(L);
	memcpy(buf, v.p, v.n);
	buf[v.n] = '\0';
	d = strtod(buf, &end);
	if (*end != '\0')
		raise_damaged(L);
	lua_pushnumber(L, d);
}

static void
push_string(lua_State *L, struct scan *s)
{
	uint64_t n;

	if (!scan_number(s, VALUE_MAX, &n) || !scan_char(s, ':') || n > (size_t)(s->end - s->p))
		raise_damaged(L);
	lua_pushlstring(L, s->p, n);
	s->p += n;
}

/* Pushes one item that is no table. */
static void
push_item(lua_State *L, struct scan *s)
{
	struct view v;

	if (scan_char(s, 's')) {
		push_string(L, s);
	} else if (scan_char(s, 'b')) {
		bool yes = scan_char(s, '1');

		if (!yes && !scan_char(s, '0'))
			raise_damaged(L);
		lua_pushboolean(L, yes);
	} else {
		int kind = scan_peek(s);

		if (kind != 'i' && kind != 'd')
			raise_damaged(L);
		s->p++;
		v = scan_until(s, ";");
		if (!scan_char(s, ';'))
			raise_damaged(L);
		(kind == 'i' ? push_integer : push_float)(L, v);
	}
}

/* Each open table stands on the stack, those inside others with their key between. */
static void
push_table(lua_State *L, struct scan *s)
{
	unsigned depth = 1;

	lua_newtable(L);
	for (;;) {
		if (scan_char(s, '}')) {
			if (--depth == 0)
				return;
			lua_rawset(L, -3);
			continue;
		}
		if (scan_peek(s) != 'i' && scan_peek(s) != 's')
			raise_damaged(L);
		push_item(L, s);
		if (!scan_char(s, '{')) {
			push_item(L, s);
			lua_rawset(L, -3);
			continue;
		}
		if (depth++ == VALUE_DEPTH)
			raise_damaged(L);
		lua_newtable(L);
	}
}

void
value_push(lua_State *L, struct view text)
{
	struct scan s = scan_of(view_from(text, 1));

	luaL_checkstack(L, 2 * (int)VALUE_DEPTH + 10, NULL);
	switch (text.n > 0 ? text.p[0] : 0) {
	case 'i':
		push_integer(L, scan_rest(&s));
		return;
	case 'd':
		push_float(L, scan_rest(&s));
		return;
	case 's':
		lua_pushlstring(L, text.p + 1, text.n - 1);
		return;
	case 'b':
		if (text.n != 2 || (text.p[1] != '0' && text.p[1] != '1'))
			raise_damaged(L);
		lua_pushboolean(L, text.p[1] == '1');
		return;
	case 't':
		if (!scan_char(&s, '{'))
			raise_damaged(L);
		push_table(L, &s);
		if (!scan_done(&s))
			raise_damaged(L);
		return;
	default:
		raise_damaged(L);
	}
}
