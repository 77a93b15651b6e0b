/*
 * What the tests of rt share: a runtime on a loop, a few C waits, and a notebook.
 * Globals of the scripts: task (rt_push_tasklib), all and each, note(x), hold()
 * (waits until the test or wake() ends it; returns "held"), wake(), early() (done
 * before its wait), brief(ms) (ends by its own time).
 */
#ifndef RT_FIXTURE_H
#define RT_FIXTURE_H

#include "base/mem.h"
#include "net/loop.h"
#include "net/loop_fake.h"
#include "rt/rt.h"
#include "unit.h"

struct fx {
	struct loop	*l;
	struct log	*log;
	struct rt	*rt;
	struct str	 notes;		/* what note() was given, separated by blanks */
	struct str	 logged;	/* log lines */
	int		 finished, cancelled;	/* of C waits */
	struct op	*held;		/* the op of the last hold() */
	int		 ends;		/* root tasks that have ended */
	struct err	 e;		/* of the first one that failed */
	char		 detail[4000];
	char		 result[200];	/* its first result as text */
	int		 nres;
	int		 idle;
};

static struct fx *
fx_of(lua_State *L)
{
	return rt_owner(rt_of(L));
}

struct held { struct op op; struct fx *f; };

static int
held_finish(lua_State *L, struct op *op)
{
	struct held *h = (struct held *)(void *)op;
	bool late = op_timed_out(op);

	h->f->finished++;
	if (h->f->held == op)
		h->f->held = NULL;
	free(h);
	lua_pushstring(L, late ? "timed out" : "held");
	return 1;
}

static void
held_cancel(struct op *op)
{
	struct held *h = (struct held *)(void *)op;

	h->f->cancelled++;
	if (h->f->held == op)
		h->f->held = NULL;
	free(h);
}

static struct held *
held_new(lua_State *L)
{
	struct held *h = xcalloc(1, sizeof(*h));

	h->f = fx_of(L);
	h->op.finish = held_finish;
	h->op.cancel = held_cancel;
	return h;
}

static int
s_hold(lua_State *L)
{
	struct held *h;

	rt_can_wait(L);
	h = held_new(L);
	h->f->held = &h->op;
	return rt_wait(L, &h->op);
}

static int
s_early(lua_State *L)
{
	struct held *h;

	rt_can_wait(L);
	h = held_new(L);
	rt_done(&h->op);
	rt_done(&h->op);
	return rt_wait(L, &h->op);
}

static int
s_brief(lua_State *L)
{
	int64_t ms = luaL_checkinteger(L, 1);
	struct held *h;

	rt_can_wait(L);
	h = held_new(L);
	h->op.at = loop_now(rt_loop(rt_of(L))) + ms;
	return rt_wait(L, &h->op);
}

static int
s_wake(lua_State *L)
{
	struct fx *f = fx_of(L);

	if (f->held)
		rt_done(f->held);
	return 0;
}

static int
s_note(lua_State *L)
{
	struct fx *f = fx_of(L);

	if (f->notes.len)
		str_addc(&f->notes, ' ');
	str_adds(&f->notes, luaL_tolstring(L, 1, NULL));
	return 0;
}

static int
open_aux(lua_State *L)
{
	static const luaL_Reg fns[] = {
		{ "hold", s_hold }, { "early", s_early }, { "brief", s_brief },
		{ "wake", s_wake }, { "note", s_note },
	};

	lua_pushglobaltable(L);
	for (size_t i = 0; i < ARRAY_LEN(fns); i++) {
		lua_pushstring(L, fns[i].name);
		lua_pushcfunction(L, fns[i].func);
		lua_rawset(L, -3);
	}
	lua_pushliteral(L, "task");
	rt_push_tasklib(L);
	lua_rawset(L, -3);
	if (luaL_loadfile(L, "lua/mail/task.lua") != LUA_OK)
		return lua_error(L);
	lua_pushliteral(L, "task");
	lua_rawget(L, -3);
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "all");
	lua_setfield(L, -2, "all");
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "each" : "all";

		lua_pushstring(L, name);
		lua_getfield(L, -2, name);
		lua_rawset(L, -4);
	}
	return 0;
}

static void
on_log(void *arg, enum log_level level, const char *line)
{
	struct fx *f = arg;

	(void)level;
	str_adds(&f->logged, line);
	str_addc(&f->logged, '\n');
}

static void
on_idle(void *arg)
{
	((struct fx *)arg)->idle++;
}

static void fx_free(struct fx **fp);

/* NULL when there is no memory for it within the limits. */
static struct fx *
fx_try(bool fake, const struct rt_limits *limits)
{
	struct fx *f = xcalloc(1, sizeof(*f));
	struct err e = ERR_NONE;

	f->l = fake ? loop_fake_new(1700000000000) : loop_new(&e);
	f->log = log_new(-1, LOG_TEXT, false, LOG_INFO);
	log_tap(f->log, on_log, f);
	f->rt = f->l ? rt_new(f->l, f->log, limits, &e) : NULL;
	if (f->rt) {
		rt_set_owner(f->rt, f);
		rt_on_idle(f->rt, on_idle, f);
	}
	if (f->rt == NULL || rt_pcall(f->rt, open_aux, NULL, &e) < 0)
		fx_free(&f);
	return f;
}

static struct fx *
fx_new(bool fake, const struct rt_limits *limits)
{
	struct fx *f = fx_try(fake, limits);

	if (f == NULL) {
		printf("# no runtime; run from the top of the repository\n");
		exit(2);
	}
	return f;
}

static void
fx_free(struct fx **fp)
{
	struct fx *f = *fp;

	*fp = NULL;
	rt_free(&f->rt);
	loop_free(&f->l);
	log_free(&f->log);
	str_free(&f->notes);
	str_free(&f->logged);
	free(f);
}

static int
load_aux(lua_State *L)
{
	const char *src = lua_touserdata(L, 1);

	if (luaL_loadbuffer(L, src, strlen(src), "=script") != LUA_OK)
		return lua_error(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, lua_touserdata(L, 1));
	return 0;
}

static void
on_end(void *arg, struct task *t, lua_State *L, int nres, const struct err *e, const char *detail)
{
	struct fx *f = arg;

	(void)t;
	f->ends++;
	f->nres = nres;
	if (!err_is(&f->e)) {		/* the first failure stays */
		f->e = *e;
		snprintf(f->detail, sizeof(f->detail), "%s", detail);
	}
	f->result[0] = '\0';
	if (!err_is(e) && nres > 0 && lua_type(L, -nres) == LUA_TSTRING)
		snprintf(f->result, sizeof(f->result), "%s", lua_tostring(L, -nres));
	else if (!err_is(e) && nres > 0 && lua_isinteger(L, -nres))
		snprintf(f->result, sizeof(f->result), "%lld", (long long)lua_tointeger(L, -nres));
}

/* Loads src as a root task; NULL when it does not compile (e says why). */
static struct task *
fx_spawn(struct fx *f, const char *src)
{
	union { const char *in; void *out; } u = { .in = src };

	f->e = ERR_NONE;
	if (rt_pcall(f->rt, load_aux, u.out, &f->e) < 0)
		return NULL;
	lua_rawgetp(rt_state(f->rt), LUA_REGISTRYINDEX, src);
	return rt_spawn(f->rt, rt_state(f->rt), 0, NULL, "main", on_end, f, &f->e);
}

/* fx_spawn and the loop until nothing is left. */
static void
fx_run(struct fx *f, const char *src)
{
	str_reset(&f->notes);
	if (fx_spawn(f, src))
		loop_run(f->l);
}

#endif
