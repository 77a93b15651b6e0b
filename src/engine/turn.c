/*
 * A turn: one message on its way down the chain of its mailbox, then through its plan.
 *
 *   JUDGING -> FETCHING / ASKING / QUEUED -> JUDGING ... -> PLANNED -> PERFORMING -> ENDED
 *
 * Judging never acts: it collects decisions, from rule tables and from functions alike.
 * When the chain has been walked, the plan is frozen in the state (delivery.md J4), then
 * performed; turn_act.c has that half, turn_end.c the other ends.  What a rule's condition lacks is fetched for this
 * message alone, and the rule is judged again from its beginning.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

/* What is known of a message is not what it will be at a later test. */
#define LATER_BLIND	(NEED_FLAGS | NEED_HERE | NEED_RECEIVED)

enum step { STEP_NEXT, STEP_STOP, STEP_WAIT };

static struct log *
turn_log(const struct turn *t)
{
	return t->runner->engine->conf.log;
}

/* 'home:INBOX/12 "Subject" from a@b' */
void
turn_title(const struct turn *t, struct str *out)
{
	box_title(t->runner->box, out);
	str_addf(out, "/%u", t->uid);
	if (t->message != NULL && (message_have(t->message) & NEED_HEADER)) {
		str_addc(out, ' ');
		message_title(t->message, out);
	}
}

/* ---- life */

struct turn *
turn_new(struct runner *r, struct message *m, unsigned hops)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->magic = TURN_MAGIC;
	t->runner = r;
	t->ruleset = ruleset_ref(r->ruleset);
	t->chain = r->chain;
	t->message = message_ref(m);
	t->uid = message_facts(m)->uid;
	t->hops = hops;
	t->attempt = 1;
	t->existing = t->uid <= r->state.existing_upto;
	flags_copy(&t->flags, &message_facts(m)->flags);
	list_init(&t->link);
	return t;
}

static void
decisions_clear(struct turn *t)
{
	actions_free(&t->actions);
	for (size_t i = 0; i < t->writes.n; i++) {
		free(t->writes.at[i].store);
		free(t->writes.at[i].key);
		str_free(&t->writes.at[i].value);
	}
	VEC_FREE(&t->writes);
	VEC_FREE(&t->dues);
	captures_clear(&t->caps);
	query_ctx_free(&t->ctx);
	t->ctx = (struct query_ctx){ 0 };
	t->matched = 0;
}

void
turn_free(struct turn **tp)
{
	struct turn *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	CHECK(t, TURN_MAGIC);
	list_remove(&t->link);
	turn_away(t, false);
	engine_op_cancel(&t->op);
	loop_cancel(t->runner->engine->conf.loop, &t->timer);
	decisions_clear(t);
	flags_free(&t->flags);
	message_unref(&t->message);
	free(t->due_rule);
	ruleset_unref(&t->ruleset);
	t->magic = 0;
	free(t);
}

bool
turn_decided(const struct turn *t)
{
	return t->phase >= TURN_PLANNED;
}

struct message *
turn_message(struct turn *t)
{
	return t->message;
}

struct box *
turn_box(struct turn *t)
{
	return t->runner->box;
}

const char *
turn_rule(const struct turn *t)
{
	return t->chain->rules.at[t->rule]->name;
}

unsigned
turn_attempt(const struct turn *t)
{
	return t->attempt;
}

void
turn_set_data(struct turn *t, void *data)
{
	t->data = data;
}

void *
turn_data(const struct turn *t)
{
	return t->data;
}

const struct state_writes *
turn_writes(const struct turn *t)
{
	return &t->writes;
}

/* ---- decisions */

/* The account and mailbox of a target by name; -1: the turn has ended. */
static int
resolve_target(struct turn *t, struct action *a)
{
	struct account *own = t->runner->box->account;
	struct account *to = a->account != NULL && strcmp(a->account, own->name) != 0 ?
	    engine_account(own->engine, a->account) : own;
	const char *name = a->verb == VERB_DELETE ? "@trash" : a->mailbox;
	struct err err = ERR_NONE;
	int found;

	if (to == NULL) {
		err_set(&err, ERR_USAGE, SCOPE_MESSAGE, "no account \"%s\"", a->account);
		turn_park(t, err.text);
		return -1;
	}
	found = account_role(to, name, &name, &err);
	if (found < 0) {
		account_want_list(to, NULL, NULL);
		turn_retry(t, t->attempt - 1, 2000, "the target's account is not listed yet");
		return -1;
	}
	if (found > 0 && to == own && strcmp(name, t->runner->box->name) == 0)
		err_set(&err, ERR_USAGE, SCOPE_MESSAGE, "rule \"%s\" would %s the message to the "
		    "mailbox it is in", a->rule, verb_name(a->verb));
	if (err_is(&err)) {
		turn_park(t, err.text);
		return -1;
	}
	if (a->account == NULL)
		a->account = xstrdup(own->name);
	if (name != a->mailbox) {
		char *copy = xstrdup(name);

		free(a->mailbox);
		a->mailbox = copy;
	}
	return 0;
}

/*
 * Notes a decision; takes what *a owns.  What takes the mail away stays last; a second
 * such decision is left out.  -1: the turn has ended.
 */
static int
decide(struct turn *t, struct action *a)
{
	struct action *last = t->actions.n > 0 ? &t->actions.at[t->actions.n - 1] : NULL;
	bool gone = last != NULL && verb_takes_away(last->verb);
	bool target = a->verb == VERB_COPY || a->verb == VERB_MOVE || a->verb == VERB_DELETE;

	if (gone && verb_takes_away(a->verb)) {
		struct str title = STR_INIT;

		turn_title(t, &title);
		log_warn(turn_log(t), "%s: rule \"%s\" cannot %s it: rule \"%s\" has decided to %s it",
		    str_z(&title), a->rule, verb_name(a->verb), last->rule, verb_name(last->verb));
		str_free(&title);
		action_free(a);
		return 0;
	}
	if (t->actions.n >= ACTIONS_MAX || (target && resolve_target(t, a) < 0)) {
		if (t->phase != TURN_ENDED)
			turn_park(t, "more than 32 actions were decided for one message");
		action_free(a);
		return -1;
	}
	if (a->verb == VERB_FLAG)
		flags_add_all(&t->flags, &a->flags);
	else if (a->verb == VERB_UNFLAG)
		flags_del_all(&t->flags, &a->flags);
	VEC_PUSH(&t->actions, *a);
	if (gone) {
		struct action away = t->actions.at[t->actions.n - 2];

		t->actions.at[t->actions.n - 2] = t->actions.at[t->actions.n - 1];
		t->actions.at[t->actions.n - 1] = away;
	}
	return 0;
}

static int
fill_target(struct turn *t, const struct rule *r, const struct rule_action *ra, struct action *a,
	struct err *e)
{
	struct str text = str_limited(4000);
	struct account *own = t->runner->box->account;
	enum template_use use = ra->verb == VERB_SAVE ? TEMPLATE_PATH : TEMPLATE_MAILBOX;

	if (template_fill(ra->target, use, t->message, own->name, t->runner->box->name, &t->caps,
	    VIEW_NONE, own->zone, &text, e) < 0) {
		err_prefix(e, "rule \"%s\"", r->name);
		str_free(&text);
		return -1;
	}
	if (ra->verb == VERB_SAVE)
		a->path = str_take(&text);
	else
		a->mailbox = str_take(&text);
	return 0;
}

/* The rule's table of actions.  1 done, 0 the rule is left out, -1: the turn has ended. */
static int
decide_table(struct turn *t, const struct rule *r)
{
	struct actions made = { 0 };
	struct err err = ERR_NONE;
	int rc = 1;

	for (size_t i = 0; i < r->actions.n; i++) {
		const struct rule_action *ra = &r->actions.at[i];
		struct action a = { .verb = ra->verb, .rule = xstrdup(r->name) };

		flags_copy(&a.flags, &ra->flags);
		a.account = ra->account != NULL ? xstrdup(ra->account) : NULL;
		a.bytes = ra->bytes != NULL ? blob_ref(ra->bytes) : NULL;
		if (ra->target != NULL && fill_target(t, r, ra, &a, &err) < 0)
			rc = 0;
		VEC_PUSH(&made, a);
	}
	if (rc == 0) {
		struct str title = STR_INIT;

		turn_title(t, &title);
		log_warn(turn_log(t), "%s: stays where it is: %s", str_z(&title), err.text);
		str_free(&title);
		actions_free(&made);
		return 0;
	}
	for (size_t i = 0; i < made.n; i++) {
		if (rc < 0)
			action_free(&made.at[i]);
		else if (decide(t, &made.at[i]) < 0)
			rc = -1;
	}
	VEC_FREE(&made);
	return rc;
}

/* ---- waiting */

static void
turn_fetched(void *arg, const struct err *e)
{
	struct turn *t = arg;

	CHECK(t, TURN_MAGIC);
	t->op = NULL;
	account_heard(t->runner->box->account, e);
	if (e->kind == ERR_GONE && e->scope == SCOPE_MAILBOX) {
		turn_abandon(t);
		runner_doubt(t->runner);
	} else if (e->kind == ERR_GONE) {
		struct runner *r = t->runner;

		if (t->due_rule != NULL)
			state_batch_undue(runner_batch(r), r->state.id, t->uid, t->due_rule);
		state_batch_done(runner_batch(r), r->state.id, t->uid);
		t->phase = TURN_ENDED;
		runner_turn_ended(r, t);
	} else if (err_is(e) && e->temporary && e->scope >= SCOPE_SESSION) {
		/* Nothing is wrong with the message: it waits for its account. */
		if (t->runner->phase == RUNNER_STOPPING || t->runner->renewed)
			turn_abandon(t);
		else
			turn_wait(t, true, REOPEN_MS);
	} else if (err_is(e) && e->temporary) {
		turn_later(t, LOG_INFO, REOPEN_MS, e->text);
	} else if (err_is(e)) {
		turn_park(t, e->text);
	} else if ((t->want & ~message_have(t->message)) != 0) {
		turn_park(t, "its mailbox does not tell what the rules ask for");
	} else {
		/* A turn that began without its message knows its flags only now. */
		if (t->bare)
			flags_copy(&t->flags, &message_facts(t->message)->flags);
		t->bare = false;
		turn_step(t);
		runner_step_queued(t->runner);	/* it may have passed what others wait for */
	}
}

void
turn_fetch_again(struct turn *t)
{
	t->op = box_fetch(t->runner->box, t->message, t->want, turn_fetched, t);
}

void
turn_fetch_first(struct turn *t, unsigned need)
{
	t->phase = TURN_FETCHING;
	t->bare = true;
	t->want = need;
	turn_fetch_again(t);
}

static enum step
turn_fetch(struct turn *t, unsigned need)
{
	t->phase = TURN_FETCHING;
	t->want = need;
	turn_fetch_again(t);
	return STEP_WAIT;
}

static enum step
turn_ask(struct turn *t, uint32_t fn, bool where)
{
	/* Nobody would give up a function that begins after the time for it is over. */
	if (t->runner->phase == RUNNER_STOPPING) {
		turn_abandon(t);
		return STEP_WAIT;
	}
	t->phase = TURN_ASKING;
	t->asked_where = where;
	t->ruleset->handler->start(t->ruleset->script, t, fn, where, &t->caps);
	return STEP_WAIT;
}

/* One by one, oldest first: nobody older is still before or in this rule, nobody is in it. */
bool
turn_serial_free(const struct turn *t)
{
	LIST_EACH(&t->runner->turns, it) {
		const struct turn *o = LIST_ITEM(it, struct turn, link);

		if (o == t || turn_decided(o) || o->chain != t->chain)
			continue;
		if (o->uid < t->uid ? o->rule <= t->rule : o->rule == t->rule && o->phase == TURN_ASKING)
			return false;
	}
	return true;
}

/* ---- judging */

/* Evaluates a condition; VERDICT_UNKNOWN: *step_r says what is waited for. */
static enum verdict
judge(struct turn *t, const struct query *q, bool capture, enum step *step_r)
{
	enum verdict v;

	t->ctx.message = t->message;
	t->ctx.zone = t->runner->box->account->zone;
	t->ctx.now = loop_wall(t->runner->engine->conf.loop) / 1000;
	t->ctx.flags = &t->flags;
	t->ctx.blind = 0;
	t->ctx.captures = capture ? &t->caps : NULL;
	t->ctx.missing = 0;
	v = query_eval(q, &t->ctx);
	if (err_is(&t->ctx.err)) {
		/* A pattern that hit its ceiling has no verdict: a person must look. */
		struct err err = t->ctx.err;

		err_prefix(&err, "rule \"%s\"", turn_rule(t));
		turn_park(t, err.text);
		*step_r = STEP_WAIT;
		return VERDICT_UNKNOWN;
	}
	if (v == VERDICT_UNKNOWN)
		*step_r = t->ctx.missing != 0 ? turn_fetch(t, t->ctx.missing) :
		    turn_ask(t, t->ctx.where_fn, true);
	return v;
}

static bool
rule_applies(const struct turn *t, const struct rule *r)
{
	if (t->due_rule != NULL)
		return strcmp(r->name, t->due_rule) == 0;
	if (!(r->on & RULE_ARRIVAL))
		return false;
	if (t->hops > 0 && !r->own)
		return false;
	return !t->existing || r->existing;
}

/* A rule with "after": is tested later, unless its condition is false for good already. */
static enum step
schedule(struct turn *t, const struct rule *r)
{
	struct query_ctx later = { .message = t->message, .blind = LATER_BLIND,
		.zone = t->runner->box->account->zone,
		.now = loop_wall(t->runner->engine->conf.loop) / 1000 };
	const struct message_facts *f = message_facts(t->message);
	unsigned need = (r->after_here ? NEED_HERE : NEED_RECEIVED) & ~message_have(t->message);
	bool no;

	if (need != 0)		/* scanned before a reload brought this rule */
		return turn_fetch(t, need);
	no = r->when != NULL && query_eval(r->when, &later) == VERDICT_NO &&
	    !err_is(&later.err);

	if (!no && r->unless != NULL)
		no = query_eval(r->unless, &later) == VERDICT_YES;
	query_ctx_free(&later);
	if (!no)
		VEC_PUSH(&t->dues, ((struct turn_due){ r,
		    (r->after_here ? f->here : f->received) + r->after_ms / 1000 }));
	return STEP_NEXT;
}

/* After the rule's parts: does the message go on down the chain? */
static enum step
rule_passed(struct turn *t, const struct rule *r)
{
	const struct action *last = t->actions.n > t->had ? &t->actions.at[t->actions.n - 1] : NULL;
	/* What takes the mail away stands last, whichever rule decided it. */
	bool away = last != NULL && verb_takes_away(last->verb) && strcmp(last->rule, r->name) == 0;

	t->in_rule = false;
	if (r->stop >= 0)
		return r->stop == 1 ? STEP_STOP : STEP_NEXT;
	return away ? STEP_STOP : STEP_NEXT;
}

static enum step
rule_matched(struct turn *t, const struct rule *r)
{
	unsigned need = 0, have = message_have(t->message);
	int rc;

	for (size_t i = 0; i < r->actions.n; i++)
		if (r->actions.at[i].target != NULL)
			need |= template_needs(r->actions.at[i].target);
	if ((need & ~have) != 0)
		return turn_fetch(t, need & ~have);
	if (r->run != 0 && !t->in_rule) {
		if (r->serial && !turn_serial_free(t)) {
			t->phase = TURN_QUEUED;
			return STEP_WAIT;
		}
		return turn_ask(t, r->run, false);
	}
	t->matched++;
	t->runner->engine->counts.matched++;
	rc = decide_table(t, r);
	if (rc < 0)
		return STEP_WAIT;
	return rc == 0 ? STEP_STOP : rule_passed(t, r);
}

static enum step
judge_rule(struct turn *t, const struct rule *r)
{
	enum step step = STEP_NEXT;
	enum verdict v;

	if (!rule_applies(t, r))
		return STEP_NEXT;
	if (r->after_ms >= 0 && t->due_rule == NULL)
		return schedule(t, r);
	if (t->in_rule)
		return rule_matched(t, r);
	t->had = t->actions.n;
	captures_clear(&t->caps);
	if (r->when != NULL && (v = judge(t, r->when, true, &step)) != VERDICT_YES)
		return v == VERDICT_NO ? STEP_NEXT : step;
	if (r->unless != NULL && (v = judge(t, r->unless, false, &step)) != VERDICT_NO)
		return v == VERDICT_YES ? STEP_NEXT : step;
	return rule_matched(t, r);
}

static void
judge_chain(struct turn *t)
{
	while (t->rule < t->chain->rules.n) {
		enum step step = judge_rule(t, t->chain->rules.at[t->rule]);

		if (step == STEP_WAIT)
			return;
		t->rule = step == STEP_STOP ? t->chain->rules.n : t->rule + 1;
		VEC_FREE(&t->ctx.where);
	}
	runner_turn_decided(t->runner, t);
}

void
turn_step(struct turn *t)
{
	CHECK(t, TURN_MAGIC);
	t->phase = TURN_JUDGING;
	if (t->hops >= HOPS_MAX) {
		turn_park(t, "our own rules have moved this message five times in a row; "
		    "look for rules that move in a circle (own = true)");
		return;
	}
	judge_chain(t);
}

void
turn_restart(struct turn *t)
{
	struct runner *r = t->runner;

	decisions_clear(t);
	ruleset_unref(&t->ruleset);
	t->ruleset = ruleset_ref(r->ruleset);
	t->chain = r->chain;
	t->rule = 0;
	t->in_rule = false;
	t->data = NULL;
	flags_copy(&t->flags, &message_facts(t->message)->flags);
	turn_step(t);
}

/* ---- what the script answers */

static void
answer_clear(struct turn_answer *a)
{
	actions_free(&a->actions);
	for (size_t i = 0; i < a->writes.n; i++) {
		free(a->writes.at[i].store);
		free(a->writes.at[i].key);
		str_free(&a->writes.at[i].value);
	}
	VEC_FREE(&a->writes);
}

/* The decisions of a function.  -1: the turn has ended. */
static int
take_decisions(struct turn *t, struct turn_answer *a)
{
	int rc = 0;

	for (size_t i = 0; i < a->actions.n && rc == 0; i++) {
		struct action act = a->actions.at[i];

		a->actions.at[i] = (struct action){ 0 };
		if (act.rule == NULL)
			act.rule = xstrdup(turn_rule(t));
		rc = decide(t, &act);
	}
	for (size_t i = 0; i < a->writes.n && rc == 0; i++) {
		VEC_PUSH(&t->writes, a->writes.at[i]);
		a->writes.at[i] = (struct state_write){ 0 };
	}
	return rc;
}

void
engine_answered(struct turn *t, struct turn_answer *a)
{
	struct runner *r = t->runner;

	CHECK(t, TURN_MAGIC);
	assert(t->phase == TURN_ASKING);
	t->data = NULL;
	switch (a->outcome) {
	case ANSWER_OK:
		if (t->asked_where) {
			VEC_PUSH(&t->ctx.where, ((struct where_answer){ t->ctx.where_fn, a->yes }));
			turn_step(t);
		} else if (take_decisions(t, a) == 0) {
			t->in_rule = true;
			turn_step(t);
		}
		break;
	case ANSWER_RETRY:
		turn_later(t, LOG_INFO, a->delay_ms, a->reason);
		break;
	case ANSWER_HOLD:
		turn_park(t, a->reason);
		break;
	case ANSWER_FAILED:
		turn_failed(t, turn_rule(t), a->reason, a->detail);
		break;
	}
	answer_clear(a);
	runner_step_queued(r);
}
