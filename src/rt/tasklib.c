/*
 * What a script can do with tasks: sleep, spawn, deadline, now, name.  all and
 * each stand on these, in lua/mail/task.lua.
 *
 * A task handle holds one reference to the task and, as its user value, the task's
 * coroutine, on whose stack the results stay until the handle is collected.
 */
#include "rt/rt_inner.h"

#include <stdlib.h>

/* ---- sleep */

static void
sleep_cancel(struct op *op)
{
	free(op);
}

static int
sleep_finish(lua_State *L, struct op *op)
{
	(void)L;
	free(op);
	return 0;
}

static int
lib_sleep(lua_State *L)
{
	int64_t ms = wait_check_ms(L, 1);
	struct op *op;

	rt_can_wait(L);
	op = xcalloc(1, sizeof(*op));
	op->at = loop_now(rt_of(L)->loop) + ms;
	op->finish = sleep_finish;
	op->cancel = sleep_cancel;
	return rt_wait(L, op);
}

/* ---- task handles */

static int h_wait(lua_State *L);
static int h_cancel(lua_State *L);
static int h_status(lua_State *L);

static void
h_release(void *obj)
{
	task_unref(obj);
}

static const luaL_Reg task_methods[] = {
	{ "wait", h_wait },
	{ "cancel", h_cancel },
	{ "status", h_status },
	{ NULL, NULL },
};

/* Closing a handle does not end its task. */
static const struct rt_class task_class = {
	.name = "mail.task",
	.methods = task_methods,
	.release = h_release,
};

static struct task *
join_end(struct op *op)
{
	struct join *j = CONTAINER_OF(op, struct join, op);
	struct task *target = j->target;

	j->waiter->joins = NULL;
	list_remove(&j->in_waiters);
	free(j);
	return target;
}

static void
join_cancel(struct op *op)
{
	task_unref(join_end(op));
}

/* Pushes what an ended task has given, or raises its error. */
static int
push_outcome(lua_State *L, struct task *target)
{
	luaL_checkstack(L, target->nres + 1, "too many results");
	if (!lua_checkstack(target->L, 1))
		return luaL_error(L, "not enough memory");
	for (int i = 1; i <= target->nres; i++) {
		lua_pushvalue(target->L, lua_gettop(target->L) - target->nres + i);
		lua_xmove(target->L, L, 1);
	}
	return target->failed ? lua_error(L) : target->nres;
}

/*
 * The handle at index 1 keeps its coroutine alive, closed or not, but what the outcome
 * needs of the task is copied here: pushing may raise, and the reference goes first.
 */
static int
join_finish(lua_State *L, struct op *op)
{
	struct task *target = join_end(op);
	struct task end = { .L = target->L, .nres = target->nres, .failed = target->failed };

	task_unref(target);
	return push_outcome(L, &end);
}

/* Would waiting for target never end, because target waits for t? */
static void
check_circle(lua_State *L, struct task *t, struct task *target)
{
	for (struct task *p = t; p; p = p->parent)
		if (p == target)
			rt_fail(L, ERR_USAGE, p == t ? "a task cannot wait for itself" :
			    "a task cannot wait for its parent, which waits for it");
	for (struct task *x = target; x; x = x->joins)
		if (x == t)
			rt_fail(L, ERR_USAGE, "task %s waits for this one", target->name);
}

static int
h_wait(lua_State *L)
{
	struct task *target = rt_check(L, 1, &task_class), *t = rt_self(L);
	struct join *j;

	rt_can_wait(L);
	lua_settop(L, 1);
	if (target->state == TASK_ENDED)
		return push_outcome(L, target);
	check_circle(L, t, target);
	j = xcalloc(1, sizeof(*j));
	j->target = target;
	target->refs++;		/* another task may close the handle */
	j->waiter = t;
	j->op.finish = join_finish;
	j->op.cancel = join_cancel;
	list_append(&target->waiters, &j->in_waiters);
	t->joins = target;
	return rt_wait(L, &j->op);
}

static int
h_cancel(lua_State *L)
{
	struct task *target = rt_check(L, 1, &task_class);
	struct err why = ERR_NONE;

	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "the task was canceled");
	rt_cancel(target, &why);
	return 0;
}

static int
h_status(lua_State *L)
{
	struct task *t = rt_check(L, 1, &task_class);
	const char *s = "waiting";

	if (t->state == TASK_RUNNING)
		s = "running";
	else if (t->state == TASK_ENDED)
		s = !t->failed ? "done" : t->cancelled ? "canceled" : "failed";
	lua_pushstring(L, s);
	return 1;
}

/* spawn(fn, ...) -> handle */
static int
lib_spawn(lua_State *L)
{
	struct rt *rt = rt_of(L);
	struct task *self = rt->current, *t;
	struct err e = ERR_NONE;
	lua_Debug ar;
	char name[80];
	int nargs = lua_gettop(L) - 1;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	if (self == NULL)
		return rt_fail(L, ERR_USAGE, "only a task can spawn");
	lua_pushvalue(L, 1);
	lua_getinfo(L, ">S", &ar);
	snprintf(name, sizeof(name), "%.60s:%d", ar.short_src, MAX(ar.linedefined, 0));
	handle_push(L, &task_class, NULL, 1);	/* first, because it may raise */
	lua_insert(L, 1);
	t = rt_spawn(rt, L, nargs, self, name, NULL, NULL, &e);
	if (t == NULL)
		return rt_raise(L, &e, NULL, NULL, NULL);
	t->refs++;
	handle_fill(L, 1, t);
	lua_pushthread(t->L);
	lua_xmove(t->L, L, 1);
	lua_setiuservalue(L, 1, 1);
	lua_settop(L, 1);
	return 1;
}

/* ---- deadline */

struct scope {
	struct task	*t;	/* a reference */
	int64_t		 before;
};

static void
scope_release(void *obj)
{
	struct scope *s = obj;

	task_unref(s->t);
	free(s);
}

static int scope_close(lua_State *L);

static const luaL_Reg scope_meta[] = {
	{ "__close", scope_close },
	{ NULL, NULL },
};

static const struct rt_class scope_class = {
	.name = "mail.deadline",
	.release = scope_release,
	.meta = scope_meta,
};

static int
scope_close(lua_State *L)
{
	struct scope *s = rt_test(L, 1, &scope_class);

	if (s)
		s->t->deadline = s->before;
	rt_close(L, 1, &scope_class);
	return 0;
}

static int
lib_deadline(lua_State *L)
{
	struct rt *rt = rt_of(L);
	int64_t at = loop_now(rt->loop) + wait_check_ms(L, 1);
	struct task *t = rt->current;
	struct scope *s;

	if (t == NULL)
		return rt_fail(L, ERR_USAGE, "only a task has a deadline");
	handle_push(L, &scope_class, NULL, 0);
	s = xcalloc(1, sizeof(*s));
	s->t = t;
	s->before = t->deadline;
	t->refs++;
	handle_fill(L, -1, s);
	if (t->deadline == 0 || at < t->deadline)
		t->deadline = at;
	return 1;
}

/* ---- the rest */

static int
lib_now(lua_State *L)
{
	lua_pushnumber(L, (double)loop_wall(rt_of(L)->loop) / 1000);
	return 1;
}

static int
lib_name(lua_State *L)
{
	struct task *t = rt_self(L);

	if (t == NULL)
		return 0;
	lua_pushstring(L, t->name);
	return 1;
}

void
rt_push_tasklib(lua_State *L)
{
	static const luaL_Reg lib[] = {
		{ "sleep", lib_sleep },
		{ "spawn", lib_spawn },
		{ "deadline", lib_deadline },
		{ "now", lib_now },
		{ "name", lib_name },
		{ NULL, NULL },
	};

	rt_class_register(L, &task_class);
	rt_class_register(L, &scope_class);
	luaL_newlib(L, lib);
	gate_open(L);
}
