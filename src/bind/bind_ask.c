/*
 * What a core function owns while Lua may raise (scratch), and waiting for one answer
 * (ask).  Both live in userdata on the stack of the coroutine, so that a raise gives
 * them back and a wait keeps them.
 *
 * The end of a wait (results, error, cancel, collector) lets go of what is under way
 * exactly once.  Where the other side cannot be told to forget (the state), its answer
 * goes to a tie, which knows whether anybody still waits.
 */
#include "bind/bind_int.h"

#include <stdalign.h>
#include <stdlib.h>

/* ---- scratch */

struct scratch {
	void	(*drop)(void *p);	/* NULL once dropped */
	alignas(max_align_t) char body[];
};
static const char scratch_key = 's';	/* its address is the registry key */

void
bind_drop(void *p)
{
	struct scratch *m = CONTAINER_OF(p, struct scratch, body);
	void (*drop)(void *) = m->drop;

	m->drop = NULL;
	if (drop != NULL)
		drop(p);
}

static int
scratch_gc(lua_State *L)
{
	struct scratch *m = lua_touserdata(L, 1);

	bind_drop(m->body);
	return 0;
}

void *
bind_scratch(lua_State *L, size_t n, void (*drop)(void *p))
{
	struct scratch *m;

	luaL_checkstack(L, 8, NULL);
	m = lua_newuserdatauv(L, sizeof(*m) + n, 0);
	memset(m, 0, sizeof(*m) + n);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
	lua_setmetatable(L, -2);
	m->drop = drop;
	return m->body;
}

void *
bind_scratch_at(lua_State *L, int idx)
{
	struct scratch *m = lua_touserdata(L, idx);

	return m->body;
}

void
scratch_open(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, scratch_gc);
	lua_setfield(L, -2, "__gc");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key);
}

/* ---- waiting */

static void
ask_let_go(void *p)
{
	struct ask *a = p;

	engine_op_cancel(&a->eop);
	if (a->tie != NULL)
		a->tie->ask = NULL;
	a->tie = NULL;
	if (a->release != NULL)
		a->release(a);
}

static void
ask_cancel(struct op *op)
{
	bind_drop(CONTAINER_OF(op, struct ask, op));
}

static int
ask_finish(lua_State *L, struct op *op)
{
	struct ask *a = CONTAINER_OF(op, struct ask, op);
	lua_CFunction then = a->then;
	int n;

	if (err_is(&a->err)) {
		rt_push_error(L, &a->err, a->verb, a->account, a->mailbox);
		bind_drop(a);	/* the names may go with it */
		return lua_error(L);
	}
	n = a->push(L, a);
	bind_drop(a);
	return then != NULL ? then(L) : n;	/* then may pop a */
}

struct ask *
ask_new(lua_State *L, size_t n, const char *verb, int (*push)(lua_State *L, struct ask *a),
	void (*release)(struct ask *a))
{
	struct ask *a;

	rt_can_wait(L);
	a = bind_scratch(L, n, ask_let_go);
	a->op.finish = ask_finish;
	a->op.cancel = ask_cancel;
	a->verb = verb;
	a->push = push;
	a->release = release;
	return a;
}

int
ask_wait(lua_State *L, struct ask *a)
{
	return rt_wait(L, &a->op);
}

void
ask_done(struct ask *a, const struct err *e)
{
	a->eop = NULL;
	if (e != NULL && err_is(e))
		a->err = *e;
	rt_done(&a->op);
}

void
ask_fetched(void *arg, const struct err *e)
{
	ask_done(arg, e);
}

struct tie *
tie_new(struct ask *a)
{
	struct tie *t = xcalloc(1, sizeof(*t));

	t->ask = a;
	a->tie = t;
	return t;
}

struct ask *
tie_end(struct tie *t)
{
	struct ask *a = t->ask;

	if (a != NULL)
		a->tie = NULL;
	free(t);
	return a;
}

int
ask_push_nothing(lua_State *L, struct ask *a)
{
	(void)L;
	(void)a;
	return 0;
}
