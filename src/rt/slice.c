/*
 * Slices: no script holds the loop.
 *
 * While tasks run, ITIMER_PROF ticks every 10 ms of CPU; an idle process never
 * wakes.  The handler plants a one-shot count hook in the innermost running state
 * (lua_sethook may be called from a handler; ldebug.c says so).  The hook yields:
 * pcall cannot see that, and the scheduler puts the task at the end of the queue,
 * or kills it when it has used up its CPU between two waits.  A permanent hook
 * would halve the speed of every script; this one costs nothing until it fires.
 *
 * Below a C function that cannot be yielded through (a sort comparison, a gsub
 * callback) the hook can only raise, and only over the budget.  A pcall there may
 * catch that, so it stays armed: first with 1000 instructions for <close> values,
 * then before every instruction, until control reaches a place that can yield.
 *
 * The torture build plants the hook in every slice, three instructions from its
 * begin.
 *
 * What no hook stops is C: string.find with a pathological pattern.
 *
 * The one changing static of the program is here, because a signal handler gets no
 * argument: the runtime that is on the CPU.  Several may live (a reload has two);
 * slice_arm remembers whom it interrupts.
 */
#include "rt/rt_inner.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "base/clock.h"

#define CLEANUP_STEPS	1000

/* Its slices are too short for a timer that begins anew with each generation. */
#ifdef MAILMILL_TORTURE
#define TICKS_ALWAYS	true
#else
#define TICKS_ALWAYS	false
#endif

static _Atomic(struct rt *) slice_rt;

static void
log_slow(struct task *t, const char *trace)
{
	char msg[160];

	snprintf(msg, sizeof(msg), "task %.60s: held all others for %lld ms without a wait",
	    t->name, (long long)(clock_mono_ms() - t->rt->begun));
	log_detail(t->rt->log, LOG_WARN, msg, trace);
	t->slow = true;
}

static void
slice_hook(lua_State *L, lua_Debug *ar)
{
	struct rt *rt = rt_of(L);
	struct task *t = rt->current;

	(void)ar;
	lua_sethook(L, NULL, 0, 0);
	if (t == NULL)
		return;
	if (t->cpu_ms + (int)rt->ticks * RT_TICK_MS >= t->budget_ms)
		t->over = true;
	if (!t->slow && clock_mono_ms() - rt->begun >= RT_SLOW_MS) {
		luaL_traceback(L, L, NULL, 0);
		log_slow(t, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	if (wait_is_open(t, L)) {
		rt->pass = true;
		lua_yield(L, 0);
		return;
	}
	if (!t->over)
		return;
	lua_sethook(L, slice_hook, LUA_MASKCOUNT, t->raised ? 1 : CLEANUP_STEPS);
	t->raised = true;
	rt_fail(L, ERR_LIMIT, "ran for %d ms of CPU without a wait", t->budget_ms);
}

#ifdef MAILMILL_TORTURE
/* Ends the slice after a few instructions, so that a yield comes at every place. */
void
slice_torture(lua_State *L)
{
	lua_sethook(L, slice_hook, LUA_MASKCOUNT, 3);
}
#else
void
slice_torture(lua_State *L)
{
	(void)L;
}
#endif

static void
slice_tick(int signo)
{
	struct rt *rt = atomic_load(&slice_rt);
	lua_State *L;

	if (rt == NULL)
		return;
	if (!pthread_equal(pthread_self(), rt->thread)) {
		int saved = errno;

		pthread_kill(rt->thread, signo);
		errno = saved;
		return;
	}
	rt->ticks = rt->ticks + 1;
	L = rt->running;
	/* Planting walks the calls of L: done at each tick, a deep recursion would get no further. */
	if (L && lua_gethook(L) == NULL)
		lua_sethook(L, slice_hook, LUA_MASKCOUNT, 1);
}

int
slice_install(struct err *e)
{
	struct sigaction sa = { .sa_handler = slice_tick, .sa_flags = SA_RESTART };

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGPROF, &sa, NULL) < 0)
		return err_sys(e, errno, "SIGPROF");
	return 0;
}

void
slice_arm(struct rt *rt)
{
	struct itimerval every = {
		.it_interval = { .tv_usec = RT_TICK_MS * 1000 },
		.it_value = { .tv_usec = RT_TICK_MS * 1000 },
	};

	rt->thread = pthread_self();
	rt->below = atomic_exchange(&slice_rt, rt);
	if (rt->below == NULL && !rt->ticking)
		setitimer(ITIMER_PROF, &every, NULL);
	rt->ticking = TICKS_ALWAYS;
}

void
slice_disarm(struct rt *rt)
{
	struct itimerval off = { .it_value = { 0 } };

	atomic_store(&slice_rt, rt->below);
	if (rt->below == NULL && !TICKS_ALWAYS)
		setitimer(ITIMER_PROF, &off, NULL);
	rt->below = NULL;
}

void
slice_reset(struct task *t)
{
	t->cpu_ms = 0;
	t->grown = 0;
	t->over = t->raised = t->slow = false;
	t->budget_ms = (int)MIN(t->rt->limits.cpu_ms, (int64_t)1 << 30);
}

void
slice_begin(struct rt *rt, struct task *t)
{
	rt->current = t;
	rt->ticks = 0;
	rt->begun = clock_mono_ms();
	rt->heap_begun = rt->heap;
	rt->ceiling = rt->heap + rt->limits.slice_growth - MIN(t->grown, rt->limits.slice_growth);
	rt->running = t->L;
	slice_torture(t->L);
}

void
slice_end(struct rt *rt, struct task *t)
{
	size_t had = t->grown + rt->heap;

	rt->running = NULL;
	t->cpu_ms += (int)rt->ticks * RT_TICK_MS;
	t->grown = had > rt->heap_begun ? had - rt->heap_begun : 0;
	if (t->cpu_ms >= t->budget_ms)
		t->over = true;
	rt->ceiling = 0;
	rt->current = NULL;
	if (!t->slow && clock_mono_ms() - rt->begun >= RT_SLOW_MS) {
		struct str trace = str_limited(RT_TRACE_MAX);

		task_add_trace(t, &trace);
		log_slow(t, str_z(&trace));
		str_free(&trace);
	}
}

void
slice_return(struct task *t, lua_State *L)
{
	if (t->over)
		lua_sethook(L, slice_hook, LUA_MASKCOUNT, 1);
}
