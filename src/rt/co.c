/*
 * The library "coroutine", ours, because Lua's own would show the scheduler's
 * yields to the script.
 *
 * A wait, or the end of a slice, inside a nested coroutine must reach the
 * scheduler.  It yields with rt->pass set; resume and wrap see the flag, mark the
 * coroutine as owned by the scheduler, and yield further out with a continuation.
 * When the task is resumed, the continuations go back in, level by level.  The
 * task's chain names the coroutines that are open this way, outermost first: a
 * kill closes them innermost first.
 *
 * Limits: RT_DEPTH coroutines inside each other, closing ones included.
 */
#include "rt/rt_inner.h"

static lua_State *
check_co(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	if (co == NULL)
		luaL_typeerror(L, 1, "coroutine");
	return co;
}

/* Goes one level in; raises when that is too deep. */
static struct task *
enter(lua_State *L, lua_State *co)
{
	struct rt *rt = rt_of(L);
	struct task *t = rt->current;

	if (t == NULL)
		rt_fail(L, ERR_USAGE, "coroutines run only inside a task");
	if (t->level >= RT_DEPTH)
		rt_fail(L, ERR_LIMIT, "more than %d coroutines inside each other", RT_DEPTH);
	if (t->level >= t->chain.n) {
		VEC_PUSH(&t->chain, co);
	} else {
		t->chain.at[t->level] = co;
	}
	t->level++;
	rt->running = co;
	slice_torture(co);
	return t;
}

static void
leave(struct task *t, lua_State *L)
{
	t->level--;
	t->rt->running = L;
}

/* The coroutine is no longer open. */
static void
drop(struct task *t, lua_State *L)
{
	t->chain.n = t->level;
	slice_return(t, L);
}

static void
close_one(struct task *t, lua_State *L, lua_State *co)
{
	t->fixed++;
	(void)luacompat_closethread(co, L);
	t->fixed--;
}

/* Keeps the traceback of co, which failed with the value on its top. */
static void
keep_inner(lua_State *L, struct task *t, lua_State *co)
{
	bool same = t->inner_of && t->inner_of == lua_topointer(co, -1);

	if (!same)
		str_reset(&t->inner);
	t->inner.max = RT_TRACE_MAX;
	t->inner_of = NULL;
	luaL_traceback(L, co, NULL, 0);
	error_trace(&t->inner, lua_tostring(L, -1));
	lua_pop(L, 1);
}

static int
co_failed(lua_State *L, struct task *t, lua_State *co, bool wrap)
{
	int st = lua_status(co);
	bool died = st != LUA_OK && st != LUA_YIELD;

	luaL_checkstack(L, 4, NULL);
	if (died)
		keep_inner(L, t, co);
	/* After the hook raised in it, Lua lets no hook stop what its <close> values do. */
	if (died && wrap && !t->over) {
		enter(L, co);
		close_one(t, L, co);
		leave(t, L);
		drop(t, L);
	}
	if (!wrap)
		lua_pushboolean(L, 0);
	lua_xmove(co, L, 1);
	if (wrap && lua_type(L, -1) == LUA_TSTRING) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
	}
	if (died)
		t->inner_of = lua_topointer(L, -1);
	return wrap ? lua_error(L) : 2;
}

static int co_k(lua_State *L, int status, lua_KContext ctx);

static int
go(lua_State *L, lua_State *co, int nargs, bool wrap)
{
	struct rt *rt = rt_of(L);
	struct task *t = enter(L, co);
	unsigned fixed = !lua_isyieldable(L);
	int nres = 0, r;

	t->fixed += fixed;
	r = lua_resume(co, L, nargs, &nres);
	t->fixed -= fixed;
	leave(t, L);
	if (r == LUA_YIELD && rt->pass) {
		rt_set_owned(co, true);
		return lua_yieldk(L, 0, wrap, co_k);
	}
	drop(t, L);
	if (r != LUA_OK && r != LUA_YIELD)
		return co_failed(L, t, co, wrap);
	if (!lua_checkstack(L, nres + 1)) {
		lua_pop(co, nres);
		return luaL_error(L, "too many results from a coroutine");
	}
	if (!wrap)
		lua_pushboolean(L, 1);
	lua_xmove(co, L, nres);
	return nres + !wrap;
}

static lua_State *
wrapped(lua_State *L)
{
	return lua_tothread(L, lua_upvalueindex(1));
}

static int
co_k(lua_State *L, int status, lua_KContext ctx)
{
	bool wrap = ctx != 0;
	lua_State *co = wrap ? wrapped(L) : lua_tothread(L, 1);

	(void)status;
	rt_set_owned(co, false);
	return go(L, co, 0, wrap);
}

static int
start(lua_State *L, lua_State *co, int nargs, bool wrap)
{
	const char *why = NULL;

	if (rt_self(L) != NULL && rt_self(L)->level >= RT_DEPTH)	/* before co has its arguments */
		rt_fail(L, ERR_LIMIT, "more than %d coroutines inside each other", RT_DEPTH);
	if (co == L || rt_is_owned(co))
		why = "cannot resume non-suspended coroutine";
	else if (!lua_checkstack(co, nargs))
		why = "too many arguments to resume";
	if (why && wrap)
		return luaL_error(L, "%s", why);
	if (why) {
		lua_pushboolean(L, 0);
		lua_pushstring(L, why);
		return 2;
	}
	lua_xmove(L, co, nargs);
	return go(L, co, nargs, wrap);
}

static int
co_resume(lua_State *L)
{
	lua_State *co = check_co(L);

	return start(L, co, lua_gettop(L) - 1, false);
}

static int
wrap_call(lua_State *L)
{
	return start(L, wrapped(L), lua_gettop(L), true);
}

static int
co_create(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	return 1;
}

static int
co_wrap(lua_State *L)
{
	co_create(L);
	lua_pushcclosure(L, wrap_call, 1);
	return 1;
}

static bool
is_task(lua_State *L)
{
	struct task *t = rt_self(L);

	return t == NULL || L == t->L;
}

static int
co_yield(lua_State *L)
{
	if (is_task(L))
		return rt_fail(L, ERR_USAGE, "coroutine.yield outside a coroutine; "
		    "to let other tasks run, sleep(0)");
	return lua_yield(L, lua_gettop(L));
}

static const char *
status_of(lua_State *L, lua_State *co)
{
	lua_Debug ar;

	if (co == L)
		return "running";
	if (rt_is_owned(co))
		return "normal";
	switch (lua_status(co)) {
	case LUA_YIELD:
		return "suspended";
	case LUA_OK:
		if (lua_getstack(co, 0, &ar))
			return "normal";
		return lua_gettop(co) == 0 ? "dead" : "suspended";
	default:
		return "dead";
	}
}

static int
co_status(lua_State *L)
{
	lua_pushstring(L, status_of(L, check_co(L)));
	return 1;
}

static int
co_isyieldable(lua_State *L)
{
	lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;

	lua_pushboolean(L, lua_isyieldable(co) && !is_task(co));
	return 1;
}

static int
co_running(lua_State *L)
{
	lua_pushthread(L);
	lua_pushboolean(L, is_task(L));
	return 2;
}

static int
co_close(lua_State *L)
{
	lua_State *co = check_co(L);
	const char *status = status_of(L, co);
	struct task *t;
	int r;

	if (*status != 's' && *status != 'd')
		return luaL_error(L, "cannot close a %s coroutine", status);
	t = enter(L, co);
	t->fixed++;
	r = t->over && lua_status(co) > LUA_YIELD ? LUA_OK : luacompat_closethread(co, L);
	t->fixed--;
	leave(t, L);
	drop(t, L);
	lua_pushboolean(L, r == LUA_OK);
	if (r == LUA_OK)
		return 1;
	lua_xmove(co, L, 1);
	return 2;
}

void
co_close_all(struct task *t)
{
	struct rt *rt = t->rt;

	slice_reset(t);
	t->budget_ms = RT_CLOSE_MS;
	slice_begin(rt, t);
	while (t->chain.n > 0) {
		lua_State *co = t->chain.at[t->chain.n - 1];

		t->level = t->chain.n;
		rt->running = co;
		rt_set_owned(co, false);
		close_one(t, NULL, co);
		t->chain.n = t->level - 1;
	}
	t->level = 0;
	rt->running = t->L;
	close_one(t, NULL, t->L);
	slice_end(rt, t);
}

int
co_open(lua_State *L)
{
	static const luaL_Reg lib[] = {
		{ "create", co_create },
		{ "resume", co_resume },
		{ "yield", co_yield },
		{ "wrap", co_wrap },
		{ "status", co_status },
		{ "isyieldable", co_isyieldable },
		{ "close", co_close },
		{ "running", co_running },
		{ NULL, NULL },
	};

	luaL_newlib(L, lib);
	return 1;
}
