/*
 * Child processes: argv only, never a shell.  The task waits; a cancel kills the
 * process group.  A message as stdin is read whole first and copied to the child.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#define ARGV_MAX	10000
#define ENV_MAX		1000
#define OUT_MAX		((lua_Integer)256 << 20)

enum { ARG_TABLE = 1, ARG_STDIN };	/* the stack of core_command */

struct running {
	struct ask	 ask;
	struct child	*child;
	struct { VEC(const char *) } argv;	/* anchored by the table */
	struct { VEC(char *) } env;
	struct str	 out, err;
	struct child_result result;		/* its views are not used */
};

static void
running_release(struct ask *a)
{
	struct running *r = CONTAINER_OF(a, struct running, ask);

	child_free(&r->child);
	VEC_FREE(&r->argv);
	for (size_t i = 0; i < r->env.n; i++)
		free(r->env.at[i]);
	VEC_FREE(&r->env);
	str_free(&r->out);
	str_free(&r->err);
}

static void
child_done(void *arg, const struct child_result *res)
{
	struct running *r = arg;

	r->result = *res;
	str_addv(&r->out, res->out);
	str_addv(&r->err, res->err);
	child_free(&r->child);
	ask_done(&r->ask, NULL);
}

static int
running_push(lua_State *L, struct ask *a)
{
	struct running *r = CONTAINER_OF(a, struct running, ask);
	const struct { const char *name; bool on; } words[] = {
		{ "timed_out", r->result.timed_out }, { "out_over", r->result.out_over },
		{ "err_over", r->result.err_over },
	};

	lua_createtable(L, 0, 7);
	if (r->result.exit_code >= 0) {
		lua_pushinteger(L, r->result.exit_code);
		lua_setfield(L, -2, "code");
	}
	if (r->result.signo != 0) {
		lua_pushinteger(L, r->result.signo);
		lua_setfield(L, -2, "signal");
	}
	lua_pushlstring(L, str_z(&r->out), r->out.len);
	lua_setfield(L, -2, "out");
	lua_pushlstring(L, str_z(&r->err), r->err.len);
	lua_setfield(L, -2, "err");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		lua_pushboolean(L, words[i].on);
		lua_setfield(L, -2, words[i].name);
	}
	return 1;
}

static void
read_argv(lua_State *L, struct running *r)
{
	if (lua_getfield(L, ARG_TABLE, "argv") != LUA_TTABLE)
		rt_fail(L, ERR_USAGE, "mail.command: argv is missing");
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		struct view v;

		if (lua_type(L, -1) != LUA_TSTRING || i > ARGV_MAX)
			rt_fail(L, ERR_USAGE, "mail.command: argument %d is no text, or there are too many",
			    (int)i);
		v = bind_view_arg(L, -1);
		if (strlen(v.p) != v.n)
			rt_fail(L, ERR_USAGE, "mail.command: argument %d contains a NUL byte", (int)i);
		VEC_PUSH(&r->argv, v.p);
		lua_pop(L, 1);
	}
	if (r->argv.n == 0 || r->argv.at[0][0] == '\0')
		rt_fail(L, ERR_USAGE, "mail.command: no program is named");
	VEC_PUSH(&r->argv, NULL);
	lua_pop(L, 2);
}

static void
read_env(lua_State *L, struct running *r)
{
	if (lua_getfield(L, ARG_TABLE, "env") == LUA_TTABLE) {
		lua_pushnil(L);
		while (lua_next(L, -2)) {
			size_t nn = 0, nv = 0;
			const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &nn) : "";
			const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &nv) :
			    NULL;

			if (name[0] == '\0' || strchr(name, '=') != NULL || value == NULL ||
			    strlen(name) != nn || strlen(value) != nv || r->env.n >= ENV_MAX)
				rt_fail(L, ERR_USAGE, "mail.command: env is a table of NAME = text, "
				    "without NUL bytes");
			VEC_PUSH(&r->env, xasprintf("%s=%s", name, value));
			lua_pop(L, 1);
		}
	}
	VEC_PUSH(&r->env, NULL);
	lua_pop(L, 1);
}

static lua_Integer
field_integer(lua_State *L, const char *name, lua_Integer max)
{
	lua_Integer n = 0;

	if (lua_getfield(L, ARG_TABLE, name) != LUA_TNIL) {
		n = luaL_checkinteger(L, -1);
		if (n < 0 || n > max)
			rt_fail(L, ERR_USAGE, "mail.command: %s is out of range", name);
	}
	lua_pop(L, 1);
	return n;
}

static int
command_start(lua_State *L)
{
	struct child_params p = { 0 };
	struct msg *g = rt_test(L, ARG_STDIN, &bind_message_class);
	struct err e = ERR_NONE;
	struct running *r;

	lua_settop(L, ARG_STDIN);
	r = CONTAINER_OF(ask_new(L, sizeof(*r), "command", running_push, running_release),
	    struct running, ask);
	read_argv(L, r);
	read_env(L, r);
	p.argv = r->argv.at;
	p.env_add = (const char *const *)r->env.at;
	p.cwd = bind_field_text(L, ARG_TABLE, "cwd");
	p.timeout_ms = field_integer(L, "timeout", (lua_Integer)366 * 86400 * 1000);
	p.out_max = (size_t)field_integer(L, "max", OUT_MAX);
	if (g != NULL)
		p.input = message_raw(g->m);
	else if (lua_type(L, ARG_STDIN) == LUA_TSTRING)
		p.input = bind_view_arg(L, ARG_STDIN);
	r->child = child_new(bind_script(L)->conf.loop, &p, child_done, r, &e);
	if (r->child == NULL)
		return rt_raise(L, &e, "command", NULL, NULL);
	return ask_wait(L, &r->ask);
}

static int
core_command(lua_State *L)
{
	luaL_checktype(L, ARG_TABLE, LUA_TTABLE);
	rt_can_wait(L);
	lua_settop(L, ARG_TABLE);
	lua_getfield(L, ARG_TABLE, "stdin");
	if (rt_test(L, ARG_STDIN, &bind_message_class) != NULL)
		return msg_with(L, msg_check(L, ARG_STDIN), NEED_BODY, command_start);
	if (!lua_isnil(L, ARG_STDIN) && lua_type(L, ARG_STDIN) != LUA_TSTRING)
		return rt_fail(L, ERR_USAGE, "mail.command: stdin is a text or a message, not a %s",
		    luaL_typename(L, ARG_STDIN));
	return command_start(L);
}

void
bind_command(lua_State *L)
{
	static const luaL_Reg functions[] = { { "command", core_command }, { NULL, NULL } };

	luaL_setfuncs(L, functions, 0);
}
