/*
 * Queries as values of Lua: a handle on an immutable tree of C.  Spelling, operators
 * and did-you-mean of methods are the Lua half's.
 *
 * test() evaluates on one message here, fetching what decides it and asking where
 * functions, as often as evaluation finds something missing.  Its context lives in
 * scratch between two waits.
 */
#include "bind/bind_int.h"

#include <math.h>
#include <stdlib.h>

#define VALUES_MAX	100000

struct query *
query_check(lua_State *L, int arg)
{
	return rt_check(L, arg, &bind_query_class);
}

/* ---- making one */

static void
drop_query(void *p)
{
	query_free(p);
}

static struct query **
query_slot(lua_State *L)
{
	return bind_scratch(L, sizeof(struct query *), drop_query);
}

static int
push_query(lua_State *L, struct query **slot)
{
	if (*slot == NULL)
		return rt_fail(L, ERR_LIMIT, "a query has \"and\", \"or\" and \"not\" at most 200 deep "
		    "in each other");
	rt_push(L, &bind_query_class, *slot);
	*slot = NULL;
	return 1;
}

/* The value on top, which its table anchors. */
static void
read_value(lua_State *L, struct query_value *v)
{
	size_t n;

	switch (lua_type(L, -1)) {
	case LUA_TSTRING:
		v->type = QV_TEXT;
		v->text.p = lua_tolstring(L, -1, &n);
		v->text.n = n;
		return;
	case LUA_TNUMBER: {
		double d = floor(lua_tonumber(L, -1));

		v->type = QV_NUMBER;
		if (lua_isinteger(L, -1))
			v->number = lua_tointeger(L, -1);
		else if (d > -9e15 && d < 9e15)
			v->number = (int64_t)d;
		else
			rt_fail(L, ERR_USAGE, "a number of a query is out of range");
		return;
	}
	default:
		break;
	}
	if ((v->regex = rt_test(L, -1, &bind_regex_class)) != NULL)
		v->type = QV_REGEX;
	else if ((v->list = rt_test(L, -1, &bind_list_class)) != NULL)
		v->type = QV_LIST;
	else
		rt_fail(L, ERR_USAGE, "a text, a number, a mail.re or a mail.list is expected, not a %s",
		    luaL_typename(L, -1));
}

static enum query_op
read_op(lua_State *L, int arg, const struct query_value *values, size_t n)
{
	const char *name = luaL_optstring(L, arg, "");
	int op;

	if (name[0] == '\0') {
		if (n == 0)
			return OP_PRESENT;
		return values[0].type == QV_REGEX ? OP_MATCHES : OP_HAS;
	}
	op = query_op_find(view_of(name));
	if (op < 0)
		luaL_argerror(L, arg, "no operator of that name");
	return (enum query_op)op;
}

static int
core_query_key(lua_State *L)
{
	struct view key = bind_view_arg(L, 1);
	struct view name = lua_isnoneornil(L, 2) ? VIEW_NONE : bind_view_arg(L, 2);
	lua_Integer n = 0;
	struct query_value *values;
	struct query **slot;
	struct err e = ERR_NONE;
	enum query_op op;

	/* Read raw: what __len and __index give is anchored by nobody. */
	if (!lua_isnoneornil(L, 4)) {
		luaL_checktype(L, 4, LUA_TTABLE);
		n = (lua_Integer)MIN(lua_rawlen(L, 4), (lua_Unsigned)VALUES_MAX + 1);
	}
	if (n > VALUES_MAX)
		return rt_fail(L, ERR_LIMIT, "more than %d values in a query; use mail.list", VALUES_MAX);
	values = bind_scratch(L, (size_t)MAX(n, 1) * sizeof(*values), NULL);
	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, 4, i + 1);
		read_value(L, &values[i]);
		lua_pop(L, 1);
	}
	op = read_op(L, 3, values, (size_t)n);
	slot = query_slot(L);
	*slot = query_key(key, name, op, values, (size_t)n, NULL, &e);
	if (*slot == NULL)
		return rt_raise(L, &e, NULL, NULL, NULL);
	return push_query(L, slot);
}

static int
core_query_and(lua_State *L)
{
	struct query *a = query_check(L, 1), *b = query_check(L, 2);
	struct query **slot = query_slot(L);

	*slot = query_and(a, b);
	return push_query(L, slot);
}

static int
core_query_or(lua_State *L)
{
	struct query *a = query_check(L, 1), *b = query_check(L, 2);
	struct query **slot = query_slot(L);

	*slot = query_or(a, b);
	return push_query(L, slot);
}

static int
core_query_not(lua_State *L)
{
	struct query *a = query_check(L, 1), **slot = query_slot(L);

	*slot = query_not(a);
	return push_query(L, slot);
}

static int
core_query_all(lua_State *L)
{
	struct query **slot = query_slot(L);

	*slot = query_all();
	return push_query(L, slot);
}

static int
core_query_none(lua_State *L)
{
	struct query **slot = query_slot(L);

	*slot = query_none();
	return push_query(L, slot);
}

static int
core_query_where(lua_State *L)
{
	uint32_t fn = script_keep(L, 1);
	struct query **slot = query_slot(L);

	*slot = query_where(fn);
	return push_query(L, slot);
}

/* ---- names */

static int
core_query_keys(lua_State *L)
{
	const char *const *names = query_key_names();

	lua_newtable(L);
	for (size_t i = 0; names[i] != NULL; i++) {
		lua_pushstring(L, names[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
core_query_ops(lua_State *L)
{
	lua_newtable(L);
	for (int op = OP_PRESENT + 1, i = 1; op <= OP_DOMAIN; op++, i++) {
		lua_pushstring(L, query_op_name((enum query_op)op));
		lua_rawseti(L, -2, i);
	}
	return 1;
}

static int
core_query_takes_name(lua_State *L)
{
	lua_pushboolean(L, query_key_takes_name(bind_view_arg(L, 1)));
	return 1;
}

/* The first plain text with a "*" in it, or nil. */
static int
core_query_star(lua_State *L)
{
	const char *star = query_star(query_check(L, 1));

	lua_pushstring(L, star);
	return 1;
}

/* ---- testing */

enum { ARG_QUERY = 1, ARG_MESSAGE, ARG_CTX, ARG_TOP = ARG_CTX };

struct test { struct query_ctx ctx; };

static void
drop_test(void *p)
{
	struct test *t = p;

	query_ctx_free(&t->ctx);
}

static int test_step(lua_State *L);

static int
where_answered(lua_State *L, int status, lua_KContext ctx)
{
	struct test *t = bind_scratch_at(L, ARG_CTX);

	(void)status;
	(void)ctx;
	VEC_PUSH(&t->ctx.where, ((struct where_answer){ t->ctx.where_fn, lua_toboolean(L, -1) }));
	lua_settop(L, ARG_TOP);
	return test_step(L);
}

static int
test_ask(lua_State *L, const struct test *t)
{
	script_push_function(L, t->ctx.where_fn);
	lua_pushvalue(L, ARG_MESSAGE);
	lua_callk(L, 1, 1, 0, where_answered);
	return where_answered(L, LUA_OK, 0);
}

static int
test_step(lua_State *L)
{
	struct query *q = query_check(L, ARG_QUERY);
	struct msg *g = msg_check(L, ARG_MESSAGE);
	struct test *t = bind_scratch_at(L, ARG_CTX);
	struct account *a = engine_account(bind_engine(L), g->account);
	enum verdict v;

	t->ctx.message = g->m;
	t->ctx.zone = a != NULL ? account_zone(a) : NULL;
	t->ctx.now = loop_wall(bind_script(L)->conf.loop) / 1000;
	t->ctx.missing = 0;
	v = query_eval(q, &t->ctx);
	if (err_is(&t->ctx.err)) {
		struct err e = t->ctx.err;

		return rt_raise(L, &e, "test", g->account, g->mailbox);
	}
	if (v == VERDICT_UNKNOWN && t->ctx.missing != 0)
		return msg_with(L, g, t->ctx.missing, test_step);
	if (v == VERDICT_UNKNOWN)
		return test_ask(L, t);
	bind_drop(t);
	lua_pushboolean(L, v == VERDICT_YES);
	return 1;
}

static int
query_test(lua_State *L)
{
	query_check(L, ARG_QUERY);
	msg_check(L, ARG_MESSAGE);
	lua_settop(L, ARG_MESSAGE);
	bind_scratch(L, sizeof(struct test), drop_test);
	return test_step(L);
}

/* ---- the class */

static void
drop_str(void *p)
{
	str_free(p);
}

static int
query_tostring(lua_State *L)
{
	struct query *q = query_check(L, 1);
	struct str *out = bind_scratch(L, sizeof(*out), drop_str);

	query_print(q, out);
	lua_pushlstring(L, str_z(out), out->len);
	return 1;
}

static void
query_release(void *p)
{
	struct query *q = p;

	query_free(&q);
}

static const luaL_Reg query_methods[] = { { "test", query_test }, { NULL, NULL } };
static const luaL_Reg query_meta[] = { { "__tostring", query_tostring }, { NULL, NULL } };

const struct rt_class bind_query_class = {
	.name = "mail.query",
	.methods = query_methods,
	.release = query_release,
	.meta = query_meta,
};

void
bind_query(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "query_key", core_query_key }, { "query_and", core_query_and },
		{ "query_or", core_query_or }, { "query_not", core_query_not },
		{ "query_all", core_query_all }, { "query_none", core_query_none },
		{ "query_where", core_query_where }, { "query_keys", core_query_keys },
		{ "query_ops", core_query_ops }, { "query_takes_name", core_query_takes_name },
		{ "query_star", core_query_star },
		{ NULL, NULL },
	};

	rt_class_register(L, &bind_query_class);
	luaL_setfuncs(L, functions, 0);
}
