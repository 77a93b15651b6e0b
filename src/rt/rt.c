/*
 * The life of a runtime: the lua_State, its allocator, and protected calls for the
 * few things that happen outside a task.
 *
 * The allocator counts.  It refuses a growth that takes the whole heap over
 * limits.total, or the heap over what the running task may add between two waits;
 * Lua then collects what it can and asks again, and a second refusal is a memory
 * error in the task that asked.  Shrinking and freeing never fail.
 *
 * A block that is no object of its own (a stack, a call's record) may grow by a
 * little into spare room over the ceilings: a finalizer that finds no stack is
 * skipped by Lua for good, and the object in its handle would never be released.
 */
#include "rt/rt_inner.h"

#include <stdlib.h>

#define SPARE		((size_t)256 << 10)
#define SPARE_STEP	((size_t)16 << 10)

#define DEFAULT_CPU_MS	5000
#define DEFAULT_GROWTH	((size_t)64 << 20)
#define DEFAULT_TOTAL	((size_t)1 << 30)

static bool
alloc_refuses(const struct rt *rt, bool object, size_t grow)
{
	size_t spare = !object && grow <= SPARE_STEP ? SPARE : 0;
	size_t total = rt->limits.total + spare, ceiling = rt->ceiling + spare;

	if (rt->heap >= total || grow > total - rt->heap)
		return true;
	return rt->ceiling != 0 && (rt->heap >= ceiling || grow > ceiling - rt->heap);
}

static void *
rt_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct rt *rt = ud;
	size_t old = ptr ? osize : 0;	/* without a block, osize is a type tag */
	void *p;

	if (nsize == 0) {
		free(ptr);
		rt->heap -= old;
		return NULL;
	}
	if (nsize > old && alloc_refuses(rt, ptr == NULL && osize != 0, nsize - old))
		return NULL;
	p = realloc(ptr, nsize);
	if (p == NULL && nsize > old)
		return NULL;
	rt->heap = rt->heap - old + nsize;
	return p ? p : ptr;	/* a block that could not shrink is still large enough */
}

static int
rt_panic(lua_State *L)
{
	const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error object";

	log_error(rt_log(rt_of(L)), "Lua error outside a protected call: %s", text);
	return 0;	/* Lua calls abort() */
}

static void
rt_warn(void *ud, const char *msg, int tocont)
{
	struct rt *rt = ud;

	(void)tocont;
	log_warn(rt->log, "%s", msg);
}

static void
choose_collector(lua_State *L)
{
	const char *mode = getenv("MAILMILL_GC");

	if (mode == NULL)
		return;
	if (strcmp(mode, "generational") == 0)
		lua_gc(L, LUA_GCGEN, 0, 0);
	if (strcmp(mode, "aggressive") != 0)
		return;
#if LUA_VERSION_NUM >= 505
	lua_gc(L, LUA_GCINC);
	lua_gc(L, LUA_GCPARAM, LUA_GCPPAUSE, 0);
	lua_gc(L, LUA_GCPARAM, LUA_GCPSTEPSIZE, 256);
#else
	lua_gc(L, LUA_GCINC, 1, 200, 8);	/* pause 1 % (0 would mean: unchanged), 256-byte steps */
#endif
}

static int
open_aux(lua_State *L)
{
	struct rt *rt = lua_touserdata(L, 1);

	lua_setwarnf(L, rt_warn, rt);
	error_open(L);
	rt_openlibs(L);
	choose_collector(L);
	return 0;
}

static void
set_limits(struct rt *rt, const struct rt_limits *limits)
{
	if (limits)
		rt->limits = *limits;
	if (rt->limits.cpu_ms <= 0)
		rt->limits.cpu_ms = DEFAULT_CPU_MS;
	if (rt->limits.slice_growth == 0)
		rt->limits.slice_growth = DEFAULT_GROWTH;
	if (rt->limits.total == 0)
		rt->limits.total = DEFAULT_TOTAL;
	rt->limits.total = MIN(rt->limits.total, SIZE_MAX / 4);
	rt->limits.slice_growth = MIN(rt->limits.slice_growth, rt->limits.total);
}

struct rt *
rt_new(struct loop *l, struct log *log, const struct rt_limits *limits, struct err *e)
{
	struct rt *rt = xcalloc(1, sizeof(*rt));

	rt->magic = RT_MAGIC;
	rt->loop = l;
	rt->log = log;
	list_init(&rt->all);
	list_init(&rt->turns);
	set_limits(rt, limits);
	if (slice_install(e) < 0)
		goto fail;
	rt->L = luacompat_newstate(rt_alloc, rt, (unsigned)(uintptr_t)rt);
	if (rt->L == NULL) {
		err_set(e, ERR_LIMIT, SCOPE_PROGRAM, "Lua: no memory for a new state");
		goto fail;
	}
	*rt_space(rt->L) = (uintptr_t)rt;
	lua_atpanic(rt->L, rt_panic);
	if (rt_pcall(rt, open_aux, rt, e) < 0)
		goto fail;
	return rt;
fail:
	if (rt->L)
		lua_close(rt->L);
	free(rt);
	return NULL;
}

void
rt_free(struct rt **rtp)
{
	struct rt *rt = *rtp;
	struct err why = ERR_NONE;

	if (rt == NULL)
		return;
	CHECK(rt, RT_MAGIC);
	assert(rt->current == NULL);
	*rtp = NULL;
	rt->idle_fn = NULL;
	err_set(&why, ERR_CANCELED, SCOPE_PROGRAM, "the program is ending");
	while (rt->ntasks > 0) {
		LIST_EACH(&rt->all, l)
			rt_kill(LIST_ITEM(l, struct task, in_all), &why);
		task_drain(rt);
	}
	loop_cancel(rt->loop, &rt->drain);
	rt->limits.total = SIZE_MAX / 2;	/* what is left to do frees */
	lua_close(rt->L);
	rt->magic = 0;
	free(rt);
}

lua_State *
rt_state(struct rt *rt)
{
	return rt->L;
}

struct rt *
rt_of(lua_State *L)
{
	struct rt *rt = (struct rt *)(*rt_space(L) & ~(uintptr_t)1);

	CHECK(rt, RT_MAGIC);
	return rt;
}

struct loop *
rt_loop(struct rt *rt)
{
	return rt->loop;
}

struct log *
rt_log(struct rt *rt)
{
	return rt->log;
}

size_t
rt_tasks(const struct rt *rt)
{
	return rt->ntasks;
}

void
rt_on_idle(struct rt *rt, void (*fn)(void *arg), void *arg)
{
	rt->idle_fn = fn;
	rt->idle_arg = arg;
}

void
rt_set_owner(struct rt *rt, void *owner)
{
	rt->owner = owner;
}

void *
rt_owner(struct rt *rt)
{
	return rt->owner;
}

int
rt_pcall(struct rt *rt, int (*fn)(lua_State *L), void *arg, struct err *e)
{
	lua_State *L = rt->L;

	if (!lua_checkstack(L, LUA_MINSTACK))
		return err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "Lua: no memory");
	lua_pushcfunction(L, fn);
	lua_pushlightuserdata(L, arg);
	if (lua_pcall(L, 1, 0, 0) == LUA_OK)
		return 0;
	if (e && !err_is(e))
		rt_error_of(L, -1, e);
	lua_pop(L, 1);
	return -1;
}
