/*
 * Waiting: a task sleeps on one op at a time.
 *
 * The op is ended by rt_done, by its own `at` (both: op->finish runs in the task),
 * or by a cancel, a kill, the task's deadline or a fallen child (op->cancel runs at
 * once, outside Lua, and the task raises when it is resumed).  Whoever comes first
 * takes the op off the task, so the others find nothing.
 */
#include "rt/rt_inner.h"

#include <math.h>

#include "base/clock.h"

#define WAIT_MS_MAX	((int64_t)200 * 366 * 86400 * 1000)

bool
wait_is_open(const struct task *t, lua_State *L)
{
	return t->fixed == 0 && lua_isyieldable(L);
}

/* The name of the library function on top of L (popped), into buf; or "". */
static void
library_name(lua_State *L, char *buf, size_t size)
{
	static const char *const libs[] = { LUA_TABLIBNAME, LUA_STRLIBNAME, LUA_GNAME };

	buf[0] = '\0';
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	for (size_t i = 0; i < ARRAY_LEN(libs); i++) {
		if (lua_getfield(L, -1, libs[i]) == LUA_TTABLE)
			for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
				if (lua_rawequal(L, -1, -5) && lua_type(L, -2) == LUA_TSTRING)
					snprintf(buf, size, "%s", lua_tostring(L, -2));
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
}

/* The name of the C function below which L cannot yield, into buf; or "". */
static void
find_boundary(lua_State *L, int level, char *buf, size_t size)
{
	lua_Debug ar;

	luaL_checkstack(L, 6, NULL);
	for (; level < 100 && lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Snf", &ar);
		if (*ar.what != 'C') {
			lua_pop(L, 1);
			continue;
		}
		library_name(L, buf, size);
		if (buf[0] == '\0' && ar.name)
			snprintf(buf, size, "%s", ar.name);
		if (buf[0] && strcmp(buf, "pcall") != 0 && strcmp(buf, "xpcall") != 0 &&
		    strcmp(buf, "dofile") != 0)
			return;
	}
	buf[0] = '\0';
}

static int
raise_boundary(lua_State *L, const struct task *t)
{
	char name[60] = "";

	if (lua_isyieldable(L))		/* then a state further out is the closed one */
		for (size_t i = t->level; i-- > 0 && name[0] == '\0';) {
			lua_State *out = i ? t->chain.at[i - 1] : t->L;

			if (!lua_isyieldable(out))
				find_boundary(out, 0, name, sizeof(name));
		}
	else
		find_boundary(L, 1, name, sizeof(name));
	if (strcmp(name, "require") == 0)
		return rt_fail(L, ERR_USAGE, "cannot wait while require loads a module; "
		    "wait in a function that the module returns");
	if (name[0] == '\0')
		return rt_fail(L, ERR_USAGE, "cannot wait here: a C function is waiting for the result");
	return rt_fail(L, ERR_USAGE, "cannot wait inside a function that '%s' calls; "
	    "do the waiting before or after", name);
}

/* A fallen child's error as it was raised, on top of L. */
static int
raise_fallen(lua_State *L, const struct task *child)
{
	luaL_checkstack(L, 1, NULL);
	if (!lua_checkstack(child->L, 1))
		return luaL_error(L, "not enough memory");
	lua_pushvalue(child->L, -1);
	lua_xmove(child->L, L, 1);
	return lua_error(L);
}

static bool
is_late(const struct task *t)
{
	return t->deadline != 0 && t->deadline <= loop_now(t->rt->loop);
}

/*
 * t's deadline has passed while its parent is under one that has passed too: the
 * parent hears of it by itself, so this end is no failure beside that one.
 */
static void
expire(struct task *t)
{
	const struct task *parent = t->parent;

	if (parent && parent->deadline && parent->deadline <= loop_now(t->rt->loop))
		t->cancelled = true;
}

/* Raises what forbids this task to wait; returns when nothing does. */
static void
raise_pending(lua_State *L, struct task *t)
{
	bool late = t->late || is_late(t);

	t->late = false;
	if (t->why)
		rt_raise(L, t->why, NULL, NULL, NULL);
	if (t->fallen)
		raise_fallen(L, t->fallen);
	if (late) {
		expire(t);
		rt_fail(L, ERR_LIMIT, "the deadline has passed");
	}
}

void
rt_can_wait(lua_State *L)
{
	struct task *t = rt_self(L);

	if (t == NULL)
		rt_fail(L, ERR_USAGE, "only a task can wait");
	if (!wait_is_open(t, L))
		raise_boundary(L, t);
	raise_pending(L, t);
}

/* Takes the op off its task; it is the caller's to finish or cancel. */
static void
wait_detach(struct op *op)
{
	loop_cancel(op->rt->loop, &op->timer);
	if (op->task)
		op->task->wait = NULL;
	op->task = NULL;
}

void
wait_abort(struct task *t)
{
	struct op *op = t->wait;

	if (op == NULL || op->done)	/* done: its result is still delivered */
		return;
	wait_detach(op);
	op->cancel(op);
	task_queue(t);
}

void
rt_done(struct op *op)
{
	if (op->done)
		return;
	op->done = true;
	if (op->task == NULL)
		return;
	loop_cancel(op->rt->loop, &op->timer);
	task_queue(op->task);
}

static void
wait_expired(void *arg)
{
	struct op *op = arg;
	struct task *t = op->task;

	op->timer = NULL;
	if (is_late(t) && (op->at == 0 || op->at > t->deadline)) {
		t->late = true;
		expire(t);
		wait_abort(t);
		return;
	}
	op->timed_out = true;
	rt_done(op);
}

static int
wait_k(lua_State *L, int status, lua_KContext ctx)
{
	struct task *t = rt_self(L);
	struct op *op = t->wait;

	(void)status;
	(void)ctx;
	if (op == NULL) {
		raise_pending(L, t);
		return rt_fail(L, ERR_CANCELED, "the wait was canceled");
	}
	wait_detach(op);
	return op->finish(L, op);
}

int
rt_wait(lua_State *L, struct op *op)
{
	struct rt *rt = rt_of(L);
	struct task *t = rt->current;
	int64_t at = op->at;

	if (t == NULL || !wait_is_open(t, L) || t->why || t->fallen || is_late(t)) {
		op->cancel(op);
		rt_can_wait(L);
	}
	assert(t->wait == NULL && op->task == NULL);
	op->rt = rt;
	op->task = t;
	t->wait = op;
	if (t->deadline && (at == 0 || t->deadline < at))
		at = t->deadline;
	if (op->done)
		task_queue(t);
	else if (at)
		op->timer = loop_after(rt->loop, MAX(at - loop_now(rt->loop), 0), wait_expired, op);
	rt->pass = true;
	return lua_yieldk(L, 0, 0, wait_k);
}

int64_t
wait_check_ms(lua_State *L, int arg)
{
	int64_t ms;

	if (lua_type(L, arg) == LUA_TSTRING) {
		struct err e = ERR_NONE;
		size_t n;
		const char *p = lua_tolstring(L, arg, &n);

		if (duration_parse(view_n(p, n), &ms, &e) < 0)
			rt_raise(L, &e, NULL, NULL, NULL);
	} else {
		double s = luaL_checknumber(L, arg);

		luaL_argcheck(L, !isnan(s), arg, "a time in seconds expected, got NaN");
		ms = s <= 0 ? 0 : s >= WAIT_MS_MAX / 1000.0 ? WAIT_MS_MAX : (int64_t)ceil(s * 1000);
	}
	return ms;
}
