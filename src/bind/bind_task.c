/*
 * Tasks of a program that have no parent: what is spawned while loading, timers and
 * each of their runs.  core.root gives a table of class "task"; its slot 1 holds the C
 * object, and the task itself packs its results into the table, so that they live as
 * long as somebody may ask.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#define RESULTS_MAX	1000000		/* Lua's own limit of a stack */

struct root {
	int		 refs;		/* the task's, the handle's */
	struct script	*script;
	struct task	*task;		/* NULL once ended */
	struct link	 link;		/* script->roots */
	struct link	 waiters;	/* struct join */
	unsigned	 takers;	/* those of them whose concern a failure is */
	char		*name;
	bool		 timer, gates;	/* gates: its end opens them */
	bool		 run;		/* one run of a timer */
	bool		 cancelled;
	struct err	 err;
};

struct join { struct ask ask; struct root *root; struct link link; bool takes; };

static const char meta_key = 'm';	/* its address is the registry key */

static void
root_unref(void *p)
{
	struct root *r = p;

	if (--r->refs > 0)
		return;
	free(r->name);
	free(r);
}

static const struct rt_class root_class = { .name = "mail.task", .release = root_unref };

/* ---- the task */

static void
log_failure(struct root *r, struct task *t, lua_State *L, const struct err *e, const char *detail)
{
	struct str text = str_limited(8000), line = str_limited(8200);

	script_error_text(t, L, e, &text);
	str_addf(&line, "%s \"%s\": %s", r->timer || r->run ? "timer" : "task", r->name, str_z(&text));
	log_detail(r->script->conf.log, LOG_ERROR, str_z(&line), detail);
	r->script->task_errors++;
	str_free(&text);
	str_free(&line);
}

static void
root_ended(void *arg, struct task *t, lua_State *L, int nres, const struct err *e,
	const char *detail)
{
	struct root *r = arg;
	struct script *s = r->script;

	(void)nres;
	r->task = NULL;
	r->err = *e;
	list_remove(&r->link);
	s->timers -= r->timer;
	if (err_is(e) && !r->cancelled && !s->stopping && !s->closed && r->takers == 0)
		log_failure(r, t, L, e, detail);
	while (!list_empty(&r->waiters)) {
		struct link *l = r->waiters.next;

		list_remove(l);
		ask_done(&LIST_ITEM(l, struct join, link)->ask, NULL);
	}
	if (r->gates)
		script_open_gates(s);
	root_unref(r);
	script_look_idle(s);
}

static int
root_k(lua_State *L, int status, lua_KContext ctx)
{
	int n = lua_gettop(L);

	(void)status;
	(void)ctx;
	lua_createtable(L, n, 1);
	lua_insert(L, 1);
	for (int i = n; i > 0; i--)
		lua_rawseti(L, 1, i);
	lua_pushinteger(L, n);
	lua_setfield(L, 1, "n");
	lua_settop(L, 1);
	lua_setfield(L, lua_upvalueindex(2), "results");
	return 0;
}

/* upvalue 1: the function, 2: the table of the task */
static int
root_run(lua_State *L)
{
	lua_settop(L, 0);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_callk(L, 0, LUA_MULTRET, 0, root_k);
	return root_k(L, LUA_OK, 0);
}

static void
drop_root(void *p)
{
	struct root **slot = p;

	if (*slot != NULL)
		root_unref(*slot);
	*slot = NULL;
}

/* Pushes the table; the function is at idx. */
static struct root *
root_new(lua_State *L, int idx, const char *name, bool timer)
{
	struct root **slot = bind_scratch(L, sizeof(struct root *), drop_root), *r;
	struct script *s = bind_script(L);
	struct err e = ERR_NONE;

	r = *slot = xcalloc(1, sizeof(*r));
	*r = (struct root){ .refs = 1, .script = s, .timer = timer, .name = xstrdup(name) };
	list_init(&r->link);
	list_init(&r->waiters);
	lua_createtable(L, 1, 1);
	rt_push(L, &root_class, r);
	*slot = NULL;
	lua_rawseti(L, -2, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
	lua_setmetatable(L, -2);
	lua_pushvalue(L, idx);
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, root_run, 2);
	r->task = rt_spawn(rt_of(L), L, 0, NULL, name, root_ended, r, &e);
	if (r->task == NULL)
		rt_raise(L, &e, NULL, NULL, NULL);
	r->refs++;
	list_append(&s->roots, &r->link);
	s->timers += timer;
	return r;
}

static int
core_root(lua_State *L)
{
	const char *name, *kind;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	name = luaL_optstring(L, 2, "task");
	kind = luaL_optstring(L, 3, "");
	if (bind_script(L)->stopping)
		return rt_fail(L, ERR_CANCELED, "the script is being stopped");
	root_new(L, 1, name, strcmp(kind, "timer") == 0)->run = strcmp(kind, "run") == 0;
	return 1;
}

bool
task_is_timer(struct link *root)
{
	return LIST_ITEM(root, struct root, link)->timer;
}

int
task_activate(lua_State *L)
{
	struct script *s = bind_script(L);

	if (!bind_push_hook(L, "activated"))
		script_open_gates(s);
	else
		root_new(L, lua_gettop(L), "activation", false)->gates = true;
	return 0;
}

void
task_cancel_all(struct script *s, const struct err *why, bool kill)
{
	LIST_EACH(&s->roots, it) {
		struct root *r = LIST_ITEM(it, struct root, link);

		r->cancelled = true;
		if (kill)
			rt_kill(r->task, why);
		else
			rt_cancel(r->task, why);
	}
}

/* ---- its handle */

static struct root *
check_root(lua_State *L)
{
	struct root *r;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_rawgeti(L, 1, 1);
	r = rt_check(L, -1, &root_class);
	lua_pop(L, 1);
	return r;
}

static void
join_release(struct ask *a)
{
	struct join *j = CONTAINER_OF(a, struct join, ask);

	if (j->root == NULL)
		return;
	list_remove(&j->link);
	j->root->takers -= j->takes;
	root_unref(j->root);
	j->root = NULL;
}

static int
push_results(lua_State *L, const struct root *r)
{
	lua_Integer n;
	int at;

	if (err_is(&r->err)) {
		struct err e = r->err;

		return rt_raise(L, &e, NULL, NULL, NULL);
	}
	lua_getfield(L, 1, "results");
	if (!lua_istable(L, -1))
		return 0;
	lua_getfield(L, -1, "n");
	n = lua_tointeger(L, -1);
	lua_pop(L, 1);
	at = lua_gettop(L);
	if (n < 0 || n > RESULTS_MAX)	/* a script can write to the table */
		return rt_fail(L, ERR_USAGE, "the results of task \"%s\" were changed", r->name);
	luaL_checkstack(L, (int)n + 1, "too many results");
	for (lua_Integer i = 1; i <= n; i++)
		lua_rawgeti(L, at, i);
	return (int)n;
}

static int
waited(lua_State *L, struct ask *a)
{
	struct join *j = CONTAINER_OF(a, struct join, ask);

	return push_results(L, j->root);
}

static int
joined(lua_State *L, struct ask *a)
{
	(void)L;
	(void)a;
	return 0;
}

static int
join_on(lua_State *L, struct root *r, int (*push)(lua_State *L, struct ask *a))
{
	struct join *j;

	j = CONTAINER_OF(ask_new(L, sizeof(*j), NULL, push, join_release), struct join, ask);
	j->root = r;
	j->takes = push == waited;
	r->takers += j->takes;
	r->refs++;
	list_append(&r->waiters, &j->link);
	return ask_wait(L, &j->ask);
}

static int
root_wait(lua_State *L)
{
	struct root *r = check_root(L);

	lua_settop(L, 1);
	return r->task == NULL ? push_results(L, r) : join_on(L, r, waited);
}

/* Waits for the end, however it was: a failure is logged, as if nobody had waited. */
static int
root_join(lua_State *L)
{
	struct root *r = check_root(L);

	lua_settop(L, 1);
	return r->task == NULL ? 0 : join_on(L, r, joined);
}

static int
root_cancel(lua_State *L)
{
	struct root *r = check_root(L);
	struct err why = ERR_NONE;

	if (r->task == NULL)
		return 0;
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "task \"%s\" was canceled", r->name);
	r->cancelled = true;
	rt_cancel(r->task, &why);
	return 0;
}

static int
root_status(lua_State *L)
{
	struct root *r = check_root(L);
	const char *word = "waiting";

	if (r->task != NULL && rt_self(L) == r->task)
		word = "running";
	else if (r->task == NULL)
		word = !err_is(&r->err) ? "done" : r->cancelled ? "canceled" : "failed";
	lua_pushstring(L, word);
	return 1;
}

void
bind_task(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "wait", root_wait }, { "join", root_join }, { "cancel", root_cancel },
		{ "status", root_status },
		{ NULL, NULL },
	};

	rt_class_register(L, &root_class);
	lua_createtable(L, 0, 3);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushliteral(L, "mail.task");
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
	lua_pushcfunction(L, core_root);
	lua_setfield(L, -2, "root");
}
