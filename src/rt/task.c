/*
 * Tasks: spawn, the run queue, the one lua_resume, cancel, kill, and the end.
 *
 * A task's coroutine runs task_main, which calls the user's function protected, so
 * that an error unwinds with <close> values that may wait, and the traceback is
 * taken where it was raised.  What task_main returns stays on the task's stack for
 * handles that ask later.
 *
 * The queue is drained one generation at a time from a timer of 0 ms (a deferred
 * call could not be taken back by rt_free); between two generations the loop looks
 * at I/O.  Trees of tasks are walked by their links, never by recursion.
 */
#include "rt/rt_inner.h"

#include <stdlib.h>

static void task_finish(struct task *t);

/* ---- the tree */

struct task *
task_tree_next(struct task *root, struct task *t)
{
	if (!list_empty(&t->children))
		return LIST_ITEM(t->children.next, struct task, sibling);
	while (t != root && t->sibling.next == &t->parent->children)
		t = t->parent;
	return t == root ? NULL : LIST_ITEM(t->sibling.next, struct task, sibling);
}

/* ---- the queue */

static void
drain_due(void *arg)
{
	struct rt *rt = arg;

	rt->drain = NULL;
	task_drain(rt);
}

static void
plan_drain(struct rt *rt)
{
	if (rt->drain == NULL && !rt->draining && !list_empty(&rt->turns))
		rt->drain = loop_after(rt->loop, 0, drain_due, rt);
}

void
task_queue(struct task *t)
{
	if (t->state == TASK_ENDED || !list_empty(&t->in_turns))
		return;
	list_append(&t->rt->turns, &t->in_turns);
	plan_drain(t->rt);
}

/* ---- spawn */

/* lua_pcall's handler: keeps the traceback of an error that nobody catches. */
static int
keep_trace(lua_State *L)
{
	struct task *t = rt_self(L);

	str_reset(&t->trace);
	t->trace.max = RT_TRACE_MAX;
	if (t->inner_of && t->inner_of == lua_topointer(L, 1))
		str_addv(&t->trace, str_view(&t->inner));
	luaL_traceback(L, L, NULL, 1);
	error_trace(&t->trace, lua_tostring(L, -1));
	lua_settop(L, 1);
	return 1;
}

static int
task_main_k(lua_State *L, int status, lua_KContext ctx)
{
	struct task *t = rt_self(L);

	(void)ctx;
	t->status = status == LUA_YIELD ? LUA_OK : status;
	t->nres = t->status == LUA_OK ? lua_gettop(L) - 1 : 1;
	return t->nres;
}

static int
task_main(lua_State *L)
{
	int nargs = lua_gettop(L) - 1;

	lua_pushcfunction(L, keep_trace);
	lua_insert(L, 1);
	return task_main_k(L, lua_pcallk(L, nargs, LUA_MULTRET, 1, 0, task_main_k), 0);
}

static int
spawn_aux(lua_State *L)
{
	struct task *t = lua_touserdata(L, 1);

	t->L = lua_newthread(L);
	if (!lua_checkstack(t->L, t->nargs + LUA_MINSTACK))
		return luaL_error(L, "not enough memory for %d arguments", t->nargs);
	t->ref = luaL_ref(L, LUA_REGISTRYINDEX);
	return 0;
}

static void
set_why(struct task *t, const struct err *why)
{
	if (t->why == NULL)
		t->why = xmalloc(sizeof(*t->why));
	*t->why = *why;
}

static void
link_parent(struct task *t, struct task *parent)
{
	t->parent = parent;
	if (parent == NULL)
		return;
	list_append(&parent->children, &t->sibling);
	t->data = parent->data;
	t->deadline = parent->deadline;
	if (parent->why) {
		set_why(t, parent->why);
		t->cancelled = true;
	}
}

struct task *
rt_spawn(struct rt *rt, lua_State *from, int nargs, struct task *parent, const char *name,
	task_end_fn end, void *arg, struct err *e)
{
	struct task *t = xcalloc(1, sizeof(*t));

	CHECK(rt, RT_MAGIC);
	t->magic = TASK_MAGIC;
	t->rt = rt;
	t->refs = 1;
	t->nargs = nargs + 1;
	if ((parent && (parent->killed || parent->state == TASK_ENDED) &&
	    err_set(e, ERR_CANCELED, SCOPE_MESSAGE, "task %s has ended", parent->name) < 0) ||
	    rt_pcall(rt, spawn_aux, t, e) < 0) {
		lua_pop(from, nargs + 1);
		free(t);
		return NULL;
	}
	lua_pushcfunction(t->L, task_main);
	lua_xmove(from, t->L, nargs + 1);
	rt_set_owned(t->L, true);
	t->name = xstrdup(name ? name : "task");
	t->end = end;
	t->arg = arg;
	list_init(&t->children);
	list_init(&t->sibling);
	list_init(&t->in_turns);
	list_init(&t->waiters);
	list_append(&rt->all, &t->in_all);
	rt->ntasks++;
	slice_reset(t);
	link_parent(t, parent);
	task_queue(t);
	return t;
}

void
task_unref(struct task *t)
{
	CHECK(t, TASK_MAGIC);
	if (--t->refs > 0)
		return;
	t->magic = 0;
	free(t->name);
	free(t->why);
	str_free(&t->trace);
	str_free(&t->inner);
	VEC_FREE(&t->chain);
	free(t);
}

struct task *
rt_self(lua_State *L)
{
	return rt_of(L)->current;
}

const char *
task_name(const struct task *t)
{
	return t->name;
}

void
task_set_data(struct task *t, void *data)
{
	t->data = data;
}

void *
task_data(const struct task *t)
{
	return t->data;
}

/* ---- traceback from outside */

struct trace { struct task *t; struct str *out; };

static int
trace_aux(lua_State *L)
{
	struct trace *tr = lua_touserdata(L, 1);
	struct task *t = tr->t;

	for (size_t i = t->chain.n + 1; i-- > 0;) {
		luaL_traceback(L, i ? t->chain.at[i - 1] : t->L, NULL, 0);
		error_trace(tr->out, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	return 0;
}

void
task_add_trace(struct task *t, struct str *out)
{
	struct trace tr = { t, out };
	struct err e = ERR_NONE;

	if (rt_pcall(t->rt, trace_aux, &tr, &e) < 0)
		str_adds(out, e.text);
}

/* ---- cancel and kill */

void
rt_cancel(struct task *t, const struct err *why)
{
	CHECK(t, TASK_MAGIC);
	if (t->state == TASK_ENDED)
		return;
	for (struct task *x = t; x; x = task_tree_next(t, x)) {
		if (x->why)
			continue;
		set_why(x, why);
		x->cancelled = true;
		wait_abort(x);
	}
}

/* asked: from outside, so that t's end is no failure of its parent */
static void
kill_tree(struct task *t, const struct err *why, bool asked)
{
	struct op *op;

	for (struct task *x = t; x; x = task_tree_next(t, x)) {
		if (x->killed)
			continue;
		x->killed = true;
		x->cancelled |= x != t || asked;
		set_why(x, why);
		if ((op = x->wait) != NULL) {
			loop_cancel(t->rt->loop, &op->timer);
			op->task = NULL;
			x->wait = NULL;
			op->cancel(op);
		}
		task_queue(x);
	}
}

void
rt_kill(struct task *t, const struct err *why)
{
	CHECK(t, TASK_MAGIC);
	if (t->state != TASK_ENDED)
		kill_tree(t, why, true);
}

/* ---- the end */

/* child failed and nobody waited for it: its siblings go, and t fails at its next wait. */
static void
take_fall(struct task *t, struct task *child, const struct err *e)
{
	struct err why = ERR_NONE;

	if (t->fallen || t->failed || t->killed)
		return;
	t->fallen = child;
	child->refs++;
	child->kept = true;
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "task %.60s, beside this one, failed: %s",
	    child->name, e->text);
	LIST_EACH(&t->children, l)
		rt_cancel(LIST_ITEM(l, struct task, sibling), &why);
	wait_abort(t);
}

/* The body ended well but a child fell: that is t's failure. */
static void
inherit_fall(struct task *t)
{
	lua_State *from = t->fallen->L;

	lua_settop(t->L, 0);
	if (lua_checkstack(from, 1)) {
		lua_pushvalue(from, -1);
		lua_xmove(from, t->L, 1);
	} else {
		lua_pushnil(t->L);
	}
	t->nres = 1;
	t->failed = true;
	str_reset(&t->trace);
	str_addv(&t->trace, str_view(&t->fallen->trace));
}

static void
release_fallen(struct task *t)
{
	struct task *child = t->fallen;

	if (child == NULL)
		return;
	t->fallen = NULL;
	luaL_unref(t->rt->L, LUA_REGISTRYINDEX, child->ref);
	task_unref(child);
}

static void
leave_parent(struct task *t, const struct err *e, bool taken)
{
	struct task *parent = t->parent;

	if (parent == NULL)
		return;
	list_remove(&t->sibling);
	t->parent = NULL;
	if (err_is(e) && !taken && !t->cancelled)
		take_fall(parent, t, e);
	if (parent->state == TASK_JOINING && list_empty(&parent->children))
		task_queue(parent);
}

int
rt_call_ended(struct task *t, int nargs)
{
	struct rt *rt = t->rt;
	int r;

	CHECK(t, TASK_MAGIC);
	assert(t->state == TASK_ENDED && rt->current == NULL);
	slice_reset(t);
	t->budget_ms = RT_CLOSE_MS;
	slice_begin(rt, t);
	t->fixed++;
	r = lua_pcall(t->L, nargs, 0, 0);
	t->fixed--;
	slice_end(rt, t);
	if (r != LUA_OK)
		lua_pop(t->L, 1);
	return r == LUA_OK ? 0 : -1;
}

static void
task_finish(struct task *t)
{
	struct rt *rt = t->rt;
	struct err e = ERR_NONE;
	bool taken = !list_empty(&t->waiters);

	if (t->fallen && !t->failed)
		inherit_fall(t);
	if (t->killed)
		e = *t->why;
	else if (t->failed)
		rt_error_of(t->L, -1, &e);
	t->state = TASK_ENDED;
	LIST_EACH(&t->waiters, l)
		rt_done(&LIST_ITEM(l, struct join, in_waiters)->op);
	leave_parent(t, &e, taken);
	if (t->end)
		t->end(t->arg, t, t->L, t->nres, &e, str_z(&t->trace));
	release_fallen(t);
	list_remove(&t->in_all);
	list_remove(&t->in_turns);
	rt->ntasks--;
	rt->ended = true;
	if (!t->kept)
		luaL_unref(rt->L, LUA_REGISTRYINDEX, t->ref);
	task_unref(t);
}

static void
body_ended(struct task *t, int r)
{
	struct err why = ERR_NONE;

	t->body_ended = true;
	t->failed = r != LUA_OK || t->status != LUA_OK;
	if (r != LUA_OK) {	/* task_main itself could not run: only out of memory */
		(void)luacompat_closethread(t->L, NULL);
		t->nres = 1;
	}
	if (t->failed && !list_empty(&t->children)) {
		err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "task %.60s, its parent, failed", t->name);
		LIST_EACH(&t->children, l)
			rt_cancel(LIST_ITEM(l, struct task, sibling), &why);
	}
	t->state = TASK_JOINING;
	if (t->killed)
		task_queue(t);
	else if (list_empty(&t->children))
		task_finish(t);
}

static void
end_killed(struct task *t)
{
	t->state = TASK_JOINING;
	if (!list_empty(&t->children))
		return;		/* the last one queues it again */
	if (!t->body_ended)
		co_close_all(t);
	t->body_ended = true;
	lua_settop(t->L, 0);
	error_push_safe(t->L, t->why);
	t->failed = true;
	t->nres = 1;
	task_finish(t);
}

/* ---- running */

static void
end_exhausted(struct task *t)
{
	struct err why = ERR_NONE;

	err_set(&why, ERR_LIMIT, SCOPE_MESSAGE, "ran for %d ms of CPU without a wait", t->budget_ms);
	str_reset(&t->trace);
	t->trace.max = RT_TRACE_MAX;
	task_add_trace(t, &t->trace);
	kill_tree(t, &why, false);
}

/* The only lua_resume of a task. */
static void
task_resume(struct task *t)
{
	struct rt *rt = t->rt;
	int r, nres = 0;
	bool passed;

	t->state = TASK_RUNNING;
	slice_begin(rt, t);
	r = lua_resume(t->L, NULL, t->nargs, &nres);
	passed = rt->pass;
	rt->pass = false;
	slice_end(rt, t);
	t->nargs = 0;
	if (r != LUA_YIELD) {
		body_ended(t, r);
		return;
	}
	if (!passed)		/* a C module yielded by itself: as if its slice had ended */
		lua_pop(t->L, nres);
	if (t->wait && !t->raised) {
		t->state = TASK_WAITING;
		slice_reset(t);
		return;
	}
	t->state = t->wait ? TASK_WAITING : TASK_READY;
	if (t->over && !t->killed)
		end_exhausted(t);
	else
		task_queue(t);
}

static void
task_run(struct task *t)
{
	if (t->killed)
		end_killed(t);
	else if (t->state == TASK_JOINING)
		task_finish(t);
	else
		task_resume(t);
}

void
task_drain(struct rt *rt)
{
	struct link now;

	CHECK(rt, RT_MAGIC);
	list_init(&now);
	if (!list_empty(&rt->turns)) {
		now = rt->turns;
		now.next->prev = now.prev->next = &now;
		list_init(&rt->turns);
	}
	rt->draining = true;
	slice_arm(rt);
	while (!list_empty(&now)) {
		struct task *t = LIST_ITEM(now.next, struct task, in_turns);

		list_remove(&t->in_turns);
		task_run(t);
	}
	slice_disarm(rt);
	rt->draining = false;
	plan_drain(rt);
	if (rt->ended && rt->ntasks == 0) {
		rt->ended = false;
		if (rt->idle_fn)
			rt->idle_fn(rt->idle_arg);	/* may free rt */
	}
}
