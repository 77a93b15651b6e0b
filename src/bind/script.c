/*
 * The life of a script: load to the load point, activate, stop, free.
 *
 * The main task runs the file and then waits at the gate like every other task, so
 * the load point is the first gate it comes to, be it in the middle of the file or
 * behind its end.  Everything that tells the owner something is told from a timer of
 * its own, so that the owner may free the script in reply.
 *
 * Two hold the script: its owner, and the ruleset with its turns, which may outlive
 * the owner's interest by a reload's grace.  Not here: what scripts can call.
 */
#include "bind/script.h"

#include <stdlib.h>
#include <unistd.h>

#include "bind/bind_int.h"

/* ---- findings */

static void
add_finding(void *arg, bool error, const char *where, const char *text)
{
	struct findings *l = arg;

	VEC_PUSH(l, ((struct finding){ error, xstrdup(where), xstrdup(text) }));
}

static void
findings_free(struct findings *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->at[i].where);
		free(l->at[i].text);
	}
	VEC_FREE(l);
}

/* ---- making one */

static void
conf_copy(struct script *s, const struct script_conf *conf)
{
	const char *slash = strrchr(conf->file, '/');
	char *cwd = conf->file[0] == '/' ? NULL : getcwd(NULL, 0);
	struct str dir = STR_INIT;

	s->conf = *conf;
	s->file = xstrdup(conf->file);
	if (cwd != NULL)
		str_adds(&dir, cwd);
	if (slash != NULL && cwd != NULL)
		str_addc(&dir, '/');
	if (slash != NULL)
		str_add(&dir, conf->file, slash == conf->file ? 1 : (size_t)(slash - conf->file));
	free(cwd);
	s->dir = str_take(&dir);
	s->lua_dir = conf->lua_dir != NULL ? xstrdup(conf->lua_dir) : NULL;
	for (size_t i = 0; conf->args != NULL && conf->args[i] != NULL; i++)
		VEC_PUSH(&s->args, xstrdup(conf->args[i]));
	s->conf.file = s->file;
	s->conf.lua_dir = s->lua_dir;
	s->conf.args = NULL;
}

static void
script_destroy(struct script *s)
{
	CHECK(s, SCRIPT_MAGIC);
	s->busy++;	/* what ends in here cannot end it again */
	rt_free(&s->rt);
	loop_cancel(s->conf.loop, &s->loaded_timer);
	loop_cancel(s->conf.loop, &s->idle_timer);
	loop_cancel(s->conf.loop, &s->free_timer);
	findings_free(&s->findings);
	for (size_t i = 0; i < s->args.n; i++)
		free(s->args.at[i]);
	VEC_FREE(&s->args);
	free(s->load_detail);
	free(s->load_point);
	free(s->file);
	free(s->dir);
	free(s->lua_dir);
	s->magic = 0;
	free(s);
}

static int
gate_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 0;
}

/* Runs the file, then waits: the end of the file is a load point too. */
static int
main_end(lua_State *L)
{
	lua_settop(L, 0);
	bind_reach(L, NULL);
	lua_pushvalue(L, lua_upvalueindex(1));	/* gate */
	lua_callk(L, 0, 0, 0, gate_k);
	return 0;
}

static int
main_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	return main_end(L);
}

/* upvalue 1: core.gate, upvalue 2: the chunk, which gets the arguments of exec */
static int
main_run(lua_State *L)
{
	const struct script *s = bind_script(L);
	int n = (int)MIN(s->args.n, ARGS_MAX);

	lua_settop(L, 0);
	luaL_checkstack(L, n + 1, "too many arguments");
	lua_pushvalue(L, lua_upvalueindex(2));
	for (int i = 0; i < n; i++)
		lua_pushstring(L, s->args.at[i]);
	lua_callk(L, n, 0, 0, main_k);
	return main_end(L);
}

static void
set_path(lua_State *L, const struct script *s)
{
	lua_getglobal(L, "package");
	lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;", s->dir, s->dir);
	lua_getfield(L, -2, "path");
	lua_concat(L, 2);
	lua_setfield(L, -2, "path");
	lua_pop(L, 1);
}

/* On the stack: the module.  `require "mail"` and the global are the same table. */
static void
set_module(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "mail");
	lua_pop(L, 1);
	lua_pushglobaltable(L);
	lua_pushliteral(L, "mail");
	lua_pushvalue(L, -3);
	lua_rawset(L, -3);
	lua_pop(L, 2);
}

static void
push_chunk(lua_State *L, const struct script *s)
{
	if (luaL_loadfilex(L, s->file, "t") == LUA_OK)
		return;
	rt_fail(L, ERR_USAGE, "%s", lua_tostring(L, -1));
}

static void
main_ended(void *arg, struct task *t, lua_State *L, int nres, const struct err *e,
	const char *detail);

static int
setup(lua_State *L)
{
	struct script *s = lua_touserdata(L, 1);
	struct err e = ERR_NONE;

	lua_newtable(L);
	s->functions = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_newtable(L);
	s->numbers = luaL_ref(L, LUA_REGISTRYINDEX);
	set_path(L, s);
	bind_core(L);
	lua_pushvalue(L, -1);
	lua_insert(L, 2);
	bind_load(L, "init");
	set_module(L);
	lua_getfield(L, 2, "gate");
	push_chunk(L, s);
	lua_pushcclosure(L, main_run, 2);
	s->main = rt_spawn(s->rt, L, 0, NULL, "main", main_ended, s, &e);
	return s->main != NULL ? 0 : rt_raise(L, &e, NULL, NULL, NULL);
}

struct script *
script_load(const struct script_conf *conf, script_loaded_fn loaded, void *arg, struct err *err)
{
	struct script *s = xcalloc(1, sizeof(*s));

	s->magic = SCRIPT_MAGIC;
	list_init(&s->gates);
	list_init(&s->bodies);
	list_init(&s->roots);
	conf_copy(s, conf);
	s->loaded = loaded;
	s->loaded_arg = arg;
	s->ruleset = ruleset_new(&script_handler_ops, s);
	s->rt = rt_new(conf->loop, conf->log, NULL, err);
	if (s->rt != NULL) {
		rt_set_owner(s->rt, s);
		if (rt_pcall(s->rt, setup, s, err) == 0)
			return s;
	}
	s->loaded = NULL;
	script_free(&s);
	return NULL;
}

/* ---- the load point */

static void
tell_loaded(void *arg)
{
	struct script *s = arg;

	s->loaded_timer = NULL;
	s->busy++;		/* what it is told lives until it returns */
	s->loaded(s->loaded_arg, s, &s->load_err, s->load_detail != NULL ? s->load_detail : "",
	    s->load_point);
	s->busy--;
	script_let_go(s);
}

void
script_reached(struct script *s, const char *load_point)
{
	if (s->past_load)
		return;
	s->past_load = true;
	s->load_point = load_point != NULL ? xstrdup(load_point) : NULL;
	if (s->loaded != NULL)
		s->loaded_timer = loop_after(s->conf.loop, 0, tell_loaded, s);
}

/* ---- the end of the program */

static void
tell_idle(void *arg)
{
	struct script *s = arg;

	s->idle_timer = NULL;
	if (s->idle != NULL)
		s->idle(s->idle_arg);
}

void
script_look_idle(struct script *s)
{
	if (!script_busy(s) && s->past_load && !s->closed && s->idle != NULL && s->idle_timer == NULL)
		s->idle_timer = loop_after(s->conf.loop, 0, tell_idle, s);
}

/* "where: message" of the error value on L's top, which the callee may not raise over. */
static int
error_text(lua_State *L)
{
	struct str *out = lua_touserdata(L, 2);
	size_t n;
	const char *p;

	/* "table: 0x55..." says nothing; the struct err does. */
	if (!lua_isstring(L, 1) && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL)
		return 0;
	p = luaL_tolstring(L, 1, &n);

	str_add(out, p, n);
	return 0;
}

void
script_error_text(struct task *t, lua_State *L, const struct err *e, struct str *out)
{
	str_reset(out);
	if (lua_checkstack(L, LUA_MINSTACK) && lua_gettop(L) > 0) {
		lua_pushcfunction(L, error_text);
		lua_pushvalue(L, -2);
		lua_pushlightuserdata(L, out);
		if (rt_call_ended(t, 2) < 0)
			str_reset(out);
	}
	if (out->len == 0)
		str_adds(out, e->text);
}

/* "rules.lua:5" of the one frame that the traceback has, without its folder as errors have it; or "". */
static void
only_place(struct str *out, const char *detail)
{
	const char *frame = strstr(detail, "\n\t"), *end;

	if (frame == NULL || strstr(frame + 1, "\n\t") != NULL)
		return;
	frame += 2;
	end = strstr(frame, ": in ");
	for (const char *p = frame; end != NULL && p < end; p++)
		if (*p == '/')
			frame = p + 1;
	if (end != NULL)
		str_add(out, frame, (size_t)(end - frame));
}

const char *
script_detail(const char *text, const char *detail)
{
	struct str place = STR_INIT;
	bool told;

	only_place(&place, detail);
	told = place.len > 0 && strstr(text, str_z(&place)) != NULL;
	str_free(&place);
	return told ? "" : detail;
}

static void
main_failed(struct script *s, struct task *t, lua_State *L, const struct err *e, const char *detail)
{
	struct str text = str_limited(4000);

	script_error_text(t, L, e, &text);
	s->main_err = *e;
	if (!s->past_load) {
		s->load_err = (struct err)ERR_NONE;
		err_set(&s->load_err, e->kind, SCOPE_PROGRAM, "%s", str_z(&text));
		s->load_detail = xstrdup(detail);
		script_reached(s, NULL);
	} else if (e->kind != ERR_CANCELED) {
		s->task_errors++;
		log_detail(s->conf.log, LOG_ERROR, str_z(&text), script_detail(str_z(&text), detail));
	}
	str_free(&text);
}

static void
main_ended(void *arg, struct task *t, lua_State *L, int nres, const struct err *e,
	const char *detail)
{
	struct script *s = arg;

	(void)nres;
	s->main = NULL;
	if (s->closed)
		return;
	if (err_is(e))
		main_failed(s, t, L, e, detail);
	script_look_idle(s);
}

void
script_on_idle(struct script *s, void (*idle)(void *arg), void *arg)
{
	CHECK(s, SCRIPT_MAGIC);
	s->idle = idle;
	s->idle_arg = arg;
	script_look_idle(s);
}

/* ---- asking about one */

struct ruleset *
script_ruleset(struct script *s)
{
	CHECK(s, SCRIPT_MAGIC);
	return s->ruleset;
}

bool
script_has_tasks(const struct script *s)
{
	return s->main != NULL || !list_empty(&s->roots);
}

bool
script_busy(const struct script *s)
{
	for (struct link *l = s->roots.next; l != &s->roots; l = l->next)
		if (!task_is_timer(l))
			return true;
	return s->main != NULL;
}

bool
script_declares(const struct script *s)
{
	return s->declares || s->load_point != NULL || s->ruleset->chains.n > 0;
}

bool
script_has_timers(const struct script *s)
{
	return s->timers > 0;
}

unsigned
script_task_errors(const struct script *s)
{
	return s->task_errors;
}

bool
script_partial(const struct script *s)
{
	return s->partial;
}

const struct err *
script_main_error(const struct script *s)
{
	return &s->main_err;
}

/* ---- what loading found, in order */

/* By file, then line as a number. */
static int
by_place(const void *pa, const void *pb)
{
	const struct finding *a = pa, *b = pb;
	const char *ca = strrchr(a->where, ':'), *cb = strrchr(b->where, ':');
	size_t na = ca != NULL ? (size_t)(ca - a->where) : strlen(a->where);
	size_t nb = cb != NULL ? (size_t)(cb - b->where) : strlen(b->where);
	int c = view_cmp(view_n(a->where, na), view_n(b->where, nb));
	long la = ca != NULL ? atol(ca + 1) : 0, lb = cb != NULL ? atol(cb + 1) : 0;

	if (c == 0)
		c = la < lb ? -1 : la > lb;
	return c != 0 ? c : strcmp(a->text, b->text);
}

void
script_findings(struct script *s, ruleset_finding_fn fn, void *arg)
{
	struct findings all = { 0 };

	CHECK(s, SCRIPT_MAGIC);
	for (size_t i = 0; i < s->findings.n; i++)
		add_finding(&all, s->findings.at[i].error, s->findings.at[i].where,
		    s->findings.at[i].text);
	ruleset_check(s->ruleset, add_finding, &all);
	if (all.n > 0)
		qsort(all.at, all.n, sizeof(*all.at), by_place);
	for (size_t i = 0; i < all.n; i++)
		fn(arg, all.at[i].error, all.at[i].where, all.at[i].text);
	findings_free(&all);
}

/* ---- activation and the end */

void
script_activate(struct script *s, struct engine *e)
{
	struct err err = ERR_NONE;

	CHECK(s, SCRIPT_MAGIC);
	assert(!s->active);
	s->engine = e;
	s->active = true;
	if (rt_pcall(s->rt, task_activate, s, &err) == 0)
		return;
	s->task_errors++;
	log_error(s->conf.log, "%s", err.text);
	script_open_gates(s);
}

void
script_open_gates(struct script *s)
{
	while (!list_empty(&s->gates)) {
		struct link *l = s->gates.next;

		list_remove(l);
		ask_done(&LIST_ITEM(l, struct gate, link)->ask, NULL);
	}
}

void
script_stop(struct script *s)
{
	struct err why = ERR_NONE;

	CHECK(s, SCRIPT_MAGIC);
	err_set(&why, ERR_CANCELED, SCOPE_PROGRAM, "the script is being stopped");
	if (s->main != NULL)
		rt_cancel(s->main, &why);
	task_cancel_all(s, &why, false);
	s->stopping = true;
}

void
script_kill(struct script *s)
{
	struct err why = ERR_NONE;

	CHECK(s, SCRIPT_MAGIC);
	err_set(&why, ERR_CANCELED, SCOPE_PROGRAM, "the script has ended");
	if (s->main != NULL)
		rt_kill(s->main, &why);
	task_cancel_all(s, &why, true);
}

static void
free_later(void *arg)
{
	struct script *s = arg;

	s->free_timer = NULL;
	script_let_go(s);
}

void
script_let_go(struct script *s)
{
	if (!s->closed || !s->released)
		return;
	if (s->busy == 0)
		script_destroy(s);
	else if (s->free_timer == NULL)
		s->free_timer = loop_after(s->conf.loop, 0, free_later, s);
}

void
script_free(struct script **sp)
{
	struct script *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	script_kill(s);
	loop_cancel(s->conf.loop, &s->loaded_timer);
	loop_cancel(s->conf.loop, &s->idle_timer);
	ruleset_unref(&s->ruleset);
	s->closed = true;
	script_let_go(s);
}

/* ---- functions of rules, by number */

uint32_t
script_keep(lua_State *L, int idx)
{
	struct script *s = bind_script(L);
	uint32_t n;

	luaL_checktype(L, idx, LUA_TFUNCTION);
	lua_pushvalue(L, idx);
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->numbers);
	lua_pushvalue(L, -2);
	if (lua_rawget(L, -2) == LUA_TNUMBER) {
		n = (uint32_t)lua_tointeger(L, -1);
		lua_pop(L, 3);
		return n;
	}
	if (s->nfunctions >= FUNCTIONS_MAX)
		rt_fail(L, ERR_LIMIT, "more than %u functions in rules and queries; make them outside "
		    "of the loop", FUNCTIONS_MAX);
	n = s->nfunctions + 1;
	lua_pop(L, 1);
	lua_pushvalue(L, -2);
	lua_pushinteger(L, n);
	lua_rawset(L, -3);
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->functions);
	lua_pushvalue(L, -3);
	lua_rawseti(L, -2, n);
	lua_pop(L, 3);
	s->nfunctions = n;
	return n;
}

void
script_push_function(lua_State *L, uint32_t fn)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, bind_script(L)->functions);
	lua_rawgeti(L, -1, fn);
	lua_replace(L, -2);
}
