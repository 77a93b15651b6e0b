/*
 * places(n): at most n tasks inside.  enter() waits for a place, first come first
 * served; leave() gives one back, to the first that waits.
 *
 * It is in C because Lua code of two tasks may interleave at any instruction once
 * a slice ends: a test and the assignment after it are not one step there.
 *
 * A place that was given to a task which is then killed is passed on.
 */
#include "rt/rt_inner.h"

#include <stdlib.h>

#define PLACES_MAX	1000000

struct gate {
	unsigned	 refs;		/* the handle's and each waiter's */
	lua_Integer	 free;
	struct link	 waiters;	/* struct gate_wait, longest first */
};

struct gate_wait {
	struct op	 op;
	struct gate	*g;
	struct link	 in_waiters;
};

static int g_enter(lua_State *L);
static int g_leave(lua_State *L);

static void
gate_unref(void *obj)
{
	struct gate *g = obj;

	if (--g->refs == 0)
		free(g);
}

static const luaL_Reg gate_methods[] = {
	{ "enter", g_enter },
	{ "leave", g_leave },
	{ NULL, NULL },
};

static const struct rt_class gate_class = {
	.name = "mail.gate",
	.methods = gate_methods,
	.release = gate_unref,
};

static void
gate_give(struct gate *g)
{
	if (list_empty(&g->waiters)) {
		g->free++;
	} else {
		struct gate_wait *w = LIST_ITEM(g->waiters.next, struct gate_wait, in_waiters);

		list_remove(&w->in_waiters);
		rt_done(&w->op);
	}
}

static int
enter_finish(lua_State *L, struct op *op)
{
	struct gate_wait *w = CONTAINER_OF(op, struct gate_wait, op);

	(void)L;
	gate_unref(w->g);
	free(w);
	return 0;
}

static void
enter_cancel(struct op *op)
{
	struct gate_wait *w = CONTAINER_OF(op, struct gate_wait, op);

	list_remove(&w->in_waiters);
	if (op->done)
		gate_give(w->g);
	gate_unref(w->g);
	free(w);
}

static int
g_enter(lua_State *L)
{
	struct gate *g = rt_check(L, 1, &gate_class);
	struct gate_wait *w;

	rt_can_wait(L);
	if (g->free > 0) {
		g->free--;
		return 0;
	}
	w = xcalloc(1, sizeof(*w));
	w->op.finish = enter_finish;
	w->op.cancel = enter_cancel;
	w->g = g;
	g->refs++;
	list_append(&g->waiters, &w->in_waiters);
	return rt_wait(L, &w->op);
}

static int
g_leave(lua_State *L)
{
	gate_give(rt_check(L, 1, &gate_class));
	return 0;
}

static int
gate_new(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 1);
	struct gate *g;

	luaL_argcheck(L, n >= 1 && n <= PLACES_MAX, 1, "number of places out of range");
	handle_push(L, &gate_class, NULL, 0);
	g = xcalloc(1, sizeof(*g));
	g->refs = 1;
	g->free = n;
	list_init(&g->waiters);
	handle_fill(L, -1, g);
	return 1;
}

void
gate_open(lua_State *L)
{
	rt_class_register(L, &gate_class);
	lua_pushcfunction(L, gate_new);
	lua_setfield(L, -2, "places");
}
