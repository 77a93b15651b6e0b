/*
 * Rule functions: one task a call, in which verbs and store writes are noted as
 * decisions and handed to the engine when the function has returned.
 *
 * A call belongs to the task and, by task_data, to all that it spawns; a task does not
 * end before its children, so the call outlives them.  The engine is answered from the
 * task's end, never from inside start(), and not at all after cancel().
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "engine/template.h"

#define WRITES_MAX	1000u		/* to mail.store, a function */
#define REASON_MAX	1000u
#define DELAY_MAX_MS	((int64_t)366 * 86400 * 1000)
#define TEXT_MAX	((size_t)64 << 10)	/* bytes of a filled template */

/* ---- the engine's side */

static void
call_free(struct call *c)
{
	loop_cancel(c->script->conf.loop, &c->timer);
	msg_close(c->msg);
	msg_unref(c->msg);
	actions_free(&c->actions);
	for (size_t i = 0; i < c->writes.n; i++) {
		free(c->writes.at[i].store);
		free(c->writes.at[i].key);
		str_free(&c->writes.at[i].value);
	}
	VEC_FREE(&c->writes);
	free(c->reason);
	free(c);
}

static void
call_answer(struct call *c, struct turn_answer *a)
{
	struct script *s = c->script;
	struct turn *t = c->turn;

	c->turn = NULL;
	s->busy++;		/* this may be the end of the ruleset */
	msg_close(c->msg);
	engine_answered(t, a);
	call_free(c);
	script_let_go(s);	/* busy: from the loop, for a task's end is still under way in rt */
	s->busy--;
}

static void
call_ended(void *arg, struct task *t, lua_State *L, int nres, const struct err *e,
	const char *detail)
{
	struct call *c = arg;
	struct turn_answer a = { .outcome = ANSWER_OK };
	struct str text = str_limited(REASON_MAX);

	if (c->turn == NULL) {
		call_free(c);
		return;
	}
	if (c->outcome != ANSWER_OK) {		/* retry and hold win, caught or not */
		a.outcome = c->outcome == ANSWER_RETRY ? ANSWER_RETRY : ANSWER_HOLD;
		a.reason = c->reason;
		a.delay_ms = c->delay_ms;
	} else if (err_is(e)) {
		script_error_text(t, L, e, &text);
		a.outcome = ANSWER_FAILED;
		a.reason = str_z(&text);
		a.detail = detail[0] != '\0' ? detail : NULL;
	} else {
		a.yes = c->where && nres > 0 && lua_toboolean(L, -nres);
		a.actions = c->actions;
		a.writes = c->writes;
		c->actions = (struct actions){ 0 };
		c->writes = (struct state_writes){ 0 };
	}
	call_answer(c, &a);
	str_free(&text);
}

static void
call_refused(void *arg)
{
	struct call *c = arg;
	struct turn_answer a = { .outcome = ANSWER_FAILED, .reason = c->err.text };

	c->timer = NULL;
	call_answer(c, &a);
}

static void
push_captures(lua_State *L, const struct captures *caps)
{
	lua_newtable(L);
	for (size_t i = 0; caps != NULL && i < caps->n; i++) {
		lua_pushstring(L, caps->at[i].value);
		lua_setfield(L, -2, caps->at[i].name);
	}
}

static int
call_spawn(lua_State *L)
{
	struct call *c = lua_touserdata(L, 1);
	struct err e = ERR_NONE;
	char name[120];

	script_push_function(L, c->fn);
	msg_push(L, c->msg);
	push_captures(L, c->caps);
	snprintf(name, sizeof(name), "rule %s", turn_rule(c->turn));
	c->task = rt_spawn(c->script->rt, L, 2, NULL, name, call_ended, c, &e);
	if (c->task == NULL)
		return rt_raise(L, &e, NULL, NULL, NULL);
	task_set_data(c->task, c);
	return 0;
}

static void
handler_start(void *script, struct turn *t, uint32_t fn, bool where, const struct captures *caps)
{
	struct script *s = script;
	struct call *c = xcalloc(1, sizeof(*c));
	struct box *b = turn_box(t);

	CHECK(s, SCRIPT_MAGIC);
	*c = (struct call){ .script = s, .turn = t, .fn = fn, .where = where, .caps = caps,
		.outcome = ANSWER_OK };
	c->msg = msg_new(s, turn_message(t), account_name(box_account(b)), box_name(b));
	c->msg->call = c;
	turn_set_data(t, c);
	if (rt_pcall(s->rt, call_spawn, c, &c->err) < 0)
		c->timer = loop_after(s->conf.loop, 0, call_refused, c);
}

static void
handler_cancel(void *script, struct turn *t)
{
	struct call *c = turn_data(t);
	struct err why = ERR_NONE;

	(void)script;
	if (c == NULL)
		return;
	turn_set_data(t, NULL);
	c->turn = NULL;
	c->caps = NULL;
	if (c->task == NULL) {
		call_free(c);
		return;
	}
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "the rule function was canceled");
	rt_cancel(c->task, &why);
	rt_kill(c->task, &why);		/* its end, from the loop, frees the call */
}

static void
handler_released(void *script)
{
	struct script *s = script;

	CHECK(s, SCRIPT_MAGIC);
	s->released = true;
	script_let_go(s);
}

const struct handler_ops script_handler_ops = {
	.start = handler_start,
	.cancel = handler_cancel,
	.released = handler_released,
};

/* ---- the script's side */

struct call *
call_of(lua_State *L)
{
	struct task *t = rt_self(L);
	struct call *c = t != NULL ? task_data(t) : NULL;

	if (c != NULL && c->turn == NULL)
		rt_fail(L, ERR_CANCELED, "the rule function was canceled");
	return c;
}

static struct call *
check_call(lua_State *L, const char *what)
{
	struct call *c = call_of(L);

	if (c == NULL)
		rt_fail(L, ERR_USAGE, "%s works inside a rule function only", what);
	return c;
}

static int
core_handling(lua_State *L)
{
	struct task *t = rt_self(L);

	lua_pushboolean(L, t != NULL && task_data(t) != NULL);
	return 1;
}

static int
core_deciding(lua_State *L)
{
	struct msg *g = rt_test(L, 1, &bind_message_class);
	struct call *c = call_of(L);

	lua_pushboolean(L, c != NULL && g != NULL && g->call == c);
	return 1;
}

static int
core_captures(lua_State *L)
{
	struct call *c = call_of(L);

	if (c == NULL)
		return 0;
	push_captures(L, c->caps);
	return 1;
}

static void
drop_action(void *p)
{
	action_free(p);
}

static int
core_decide(lua_State *L)
{
	struct call *c = check_call(L, "a decision");
	struct action *a = bind_scratch(L, sizeof(*a), drop_action);

	if (c->where)
		return rt_fail(L, ERR_USAGE, "a where function answers a question; it cannot decide");
	if (c->actions.n >= ACTIONS_MAX)
		return rt_fail(L, ERR_LIMIT, "more than %u decisions for one message", ACTIONS_MAX);
	action_check(L, 1, a);
	VEC_PUSH(&c->actions, *a);
	*a = (struct action){ 0 };
	return 0;
}

static int
end_function(lua_State *L, int outcome, const char *word, int64_t delay_ms)
{
	struct call *c = check_call(L, word);
	const char *reason = luaL_checkstring(L, 1);
	struct view v = view_of(reason);

	free(c->reason);
	c->reason = xmemdup0(v.p, utf8_clip(v, REASON_MAX));
	c->outcome = outcome;
	c->delay_ms = delay_ms;
	return rt_fail(L, ERR_HELD, "%s: %s", word, c->reason);
}

static int
core_retry(lua_State *L)
{
	lua_Integer ms = luaL_optinteger(L, 2, 600000);

	luaL_argcheck(L, ms >= 0 && ms <= DELAY_MAX_MS, 2, "a pause of at most a year");
	return end_function(L, ANSWER_RETRY, "mail.retry", ms);
}

static int
core_hold(lua_State *L)
{
	return end_function(L, ANSWER_HOLD, "mail.hold", 0);
}

/* ---- templates of rule functions and programs */

enum { FILL_MESSAGE = 1, FILL_TEXT, FILL_USE, FILL_CAPTURES, FILL_PART };

struct fill {
	struct template	*t;
	struct captures	 caps;
	struct { VEC(const char *) } names;
	struct str	 out;
};

static void
drop_fill(void *p)
{
	struct fill *f = p;

	template_free(&f->t);
	captures_clear(&f->caps);
	VEC_FREE(&f->caps);
	VEC_FREE(&f->names);
	str_free(&f->out);
}

static void
add_capture(struct fill *f, const char *name, const char *value)
{
	VEC_PUSH(&f->caps, ((struct capture){ xstrdup(name), xstrdup(value) }));
	VEC_PUSH(&f->names, f->caps.at[f->caps.n - 1].name);
}

static void
read_captures(lua_State *L, struct fill *f)
{
	struct call *c = call_of(L);

	if (lua_istable(L, FILL_CAPTURES)) {
		lua_pushnil(L);
		while (lua_next(L, FILL_CAPTURES) && f->caps.n < REGEX_GROUPS_MAX) {
			if (lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING)
				add_capture(f, lua_tostring(L, -2), lua_tostring(L, -1));
			lua_pop(L, 1);
		}
		return;
	}
	for (size_t i = 0; c != NULL && c->caps != NULL && i < c->caps->n; i++)
		add_capture(f, c->caps->at[i].name, c->caps->at[i].value);
}

static int
fill_step(lua_State *L)
{
	static const char *const uses[] = { "mailbox", "path", "text", NULL };
	struct msg *g = msg_check(L, FILL_MESSAGE);
	struct fill *f = bind_scratch_at(L, FILL_PART + 1);
	enum template_use use = (enum template_use)luaL_checkoption(L, FILL_USE, "text", uses);
	struct account *a = engine_account(bind_engine(L), g->account);
	struct err e = ERR_NONE;
	struct view part = VIEW_NONE;
	uint32_t id;

	if (!lua_isnil(L, FILL_PART)) {
		struct msg *of = part_check(L, FILL_PART, &id);

		part = mime_filename(message_mime(of->m), id);
	}
	f->out.max = TEXT_MAX;
	if (template_fill(f->t, use, g->m, g->account, g->mailbox, &f->caps, part,
	    a != NULL ? account_zone(a) : NULL, &f->out, &e) < 0)
		return rt_raise(L, &e, NULL, g->account, g->mailbox);
	lua_pushlstring(L, str_z(&f->out), f->out.len);
	bind_drop(f);
	return 1;
}

static int
core_fill(lua_State *L)
{
	struct msg *g = msg_check(L, FILL_MESSAGE);
	const char *text = bind_text_arg(L, FILL_TEXT, TEXT_MAX);
	struct err e = ERR_NONE;
	struct fill *f;

	lua_settop(L, FILL_PART);
	f = bind_scratch(L, sizeof(*f), drop_fill);
	read_captures(L, f);
	f->t = template_new(view_of(text), f->names.at, f->names.n, &e);
	if (f->t == NULL)
		return rt_raise(L, &e, NULL, NULL, NULL);
	return msg_with(L, g, template_needs(f->t) | (lua_isnil(L, FILL_PART) ? 0 : NEED_BODY),
	    fill_step);
}

void
bind_decide(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "handling", core_handling }, { "deciding", core_deciding },
		{ "captures", core_captures }, { "decide", core_decide }, { "retry", core_retry },
		{ "hold", core_hold }, { "fill", core_fill },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
