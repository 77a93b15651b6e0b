/*
 * Opening a mailbox for its rules: its name (rules can stand on a role), status, the
 * state's box, what has been judged, what is pending, then the watch.  What fails is
 * tried again: when the watch tells, or after a pause.
 */
#include "engine/engine_int.h"

#define DISPUTES_MAX	3u

#include <stdlib.h>

static void
reopen_fire(void *arg)
{
	struct runner *r = arg;

	r->reopen = NULL;
	if (r->watched)
		runner_open(r);
	else
		runner_source(r);
}

/* The watch, if there is one, tells when the mailbox comes; the timer is for what nobody tells. */
static void
runner_failed(struct runner *r, const struct err *e)
{
	bool away = account_says_away(r->box->account, e);

	if (!r->lost)
		log_at(runner_log(r), away ? LOG_DEBUG : LOG_WARN, "%s:%s: %s; its rules wait",
		    runner_account(r), r->box->name, e->text);
	if (!away)
		r->absent = e->kind == ERR_GONE && e->scope == SCOPE_MAILBOX && !e->temporary;
	r->lost |= !away;
	r->trouble = *e;
	r->phase = RUNNER_CLOSED;
	loop_cancel(runner_loop(r), &r->reopen);
	r->reopen = loop_after(runner_loop(r), e->temporary && !away ? SOON_MS : REOPEN_MS, reopen_fire, r);
	engine_poke(r->engine);
}

/* Answers that come while the runner is being stopped only let it end. */
static bool
opening_over(struct runner *r)
{
	CHECK(r, RUNNER_MAGIC);
	r->asking = false;
	if (r->phase == RUNNER_OPENING)
		return false;
	engine_poke(r->engine);
	return true;
}

/* Asking has put all in doubt that was noted as not tried; nobody will try it now. */
static void
note_unsent(struct runner *r, const struct state_messages *list)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->at[i].actions.n; k++)
			if (list->at[i].actions.at[k].unsent)
				state_batch_result(runner_batch(r), &list->at[i].actions.at[k], "unsent", 0, 0);
}

static void
open_pending(void *arg, struct state_messages *list, const struct err *e)
{
	struct runner *r = arg;
	struct { VEC(struct turn *) } plans = { 0 };

	if (opening_over(r)) {
		if (!err_is(e))
			note_unsent(r, list);
		state_messages_free(list);
		return;
	}
	for (size_t i = 0; !err_is(e) && i < list->n; i++) {
		if (list->at[i].kind != STATE_PLANNED)
			continue;
		VEC_PUSH(&plans, turn_resume(r, &list->at[i]));
		runner_insert(r, plans.at[plans.n - 1]);
	}
	state_messages_free(list);
	r->phase = RUNNER_OPEN;
	r->dirty = true;
	if (plans.n > 0)
		log_info(runner_log(r), "%s:%s: taking up the plans of %zu messages", runner_account(r),
		    r->box->name, plans.n);
	for (size_t i = 0; i < plans.n; i++)
		turn_perform(plans.at[i]);
	VEC_FREE(&plans);
	runner_ask_due(r);
	runner_pump(r);
}

static void
open_judged(void *arg, const uint32_t *uids, size_t n, const struct err *e)
{
	struct runner *r = arg;

	if (opening_over(r))
		return;
	r->judged.n = r->next_judged = 0;
	for (size_t i = 0; !err_is(e) && i < n; i++)
		VEC_PUSH(&r->judged, uids[i]);
	r->asking = true;
	state_pending(r->engine->conf.state, r->state.id, 0, PENDING_MAX, open_pending, r);
}

/* The first time rules look at this mailbox: new mail only, unless somebody asked for more. */
static void
first_run(struct runner *r, uint32_t uidnext, int64_t messages)
{
	struct state_batch *b = state_batch_new();
	bool some = false;

	for (size_t i = 0; i < r->chain->rules.n; i++)
		some |= r->chain->rules.at[i]->existing;
	if (r->engine->conf.existing || some || r->absent) {
		/* A mailbox made after the rules were loaded holds arrivals only. */
		r->state.cursor = 0;
		r->state.existing_upto = r->engine->conf.existing || r->absent ? 0 : uidnext - 1;
		state_batch_existing(b, r->state.id, r->state.existing_upto);
		if (messages > 0)
			log_info(runner_log(r), "%s:%s: first run: taking what is there (%lld)",
			    runner_account(r), r->box->name, (long long)messages);
	} else {
		r->state.cursor = uidnext - 1;
		r->engine->counts.left_alone += (uint64_t)messages;
		if (messages > 0)
			log_info(runner_log(r), "%s:%s: first run: what is there (%lld) is left alone; "
			    "run --existing takes it", runner_account(r), r->box->name,
			    (long long)messages);
	}
	state_batch_cursor(b, r->state.id, r->state.cursor);
	state_commit(r->engine->conf.state, &b, NULL, NULL);
}

/* What is told and what STATUS says may differ for a while: not round and round, and not for ever. */
static void
open_later(struct runner *r)
{
	struct err e = ERR_NONE;

	r->doubted = false;
	loop_cancel(runner_loop(r), &r->reopen);
	if (r->disputes < DISPUTES_MAX) {
		r->reopen = loop_after(runner_loop(r), SOON_MS, reopen_fire, r);
		return;
	}
	r->renewed = false;
	r->disputes = 0;
	err_set(&e, ERR_PROTO, SCOPE_MAILBOX, "the server says two different UIDVALIDITY of it, again and "
	    "again: its messages cannot be told from one another");
	runner_failed(r, &e);
}

struct opened { struct runner *runner; struct source_status status; };

void
runner_tell(const struct runner *r)
{
	log_info(runner_log(r), "%s:%s: %zu rule%s at work", runner_account(r), r->box->name,
	    r->chain->rules.n, r->chain->rules.n == 1 ? "" : "s");
}

/* The state has set the cursor behind what is there: nothing of it is new. */
static void
tell_renewed(struct runner *r, const struct source_status *st)
{
	struct str line = STR_INIT;

	str_addf(&line, "%s:%s: the server has renumbered its messages (UIDVALIDITY %u is %u now; %lld "
	    "message%s): what is there is taken as known, only what comes from now on is new",
	    runner_account(r), r->box->name, (unsigned)r->state.before, (unsigned)r->state.uidvalidity,
	    (long long)st->messages, st->messages == 1 ? "" : "s");
	if (r->state.left > 0)
		str_addf(&line, "; %lld with unfinished work %s left as %s", (long long)r->state.left,
		    r->state.left == 1 ? "is" : "are", r->state.left == 1 ? "it is" : "they are");
	log_warn(runner_log(r), "%s", str_z(&line));
	str_free(&line);
	r->engine->counts.left_alone += (uint64_t)st->messages;
}

static void
open_box(void *arg, const struct state_box *box, const struct err *e)
{
	struct opened *o = arg;
	struct runner *r = o->runner;

	if (!opening_over(r)) {
		if (err_is(e)) {
			runner_failed(r, e);
		} else {
			r->state = *box;
			runner_tell(r);
			if (box->renewed)
				tell_renewed(r, &o->status);
			if (box->first)
				first_run(r, o->status.uidnext, o->status.messages);
			else if (r->engine->conf.existing && !box->renewed)
				log_info(runner_log(r), "%s:%s: not the first run: --existing takes nothing "
				    "more here", runner_account(r), r->box->name);
			r->cursor = r->seen = r->state.cursor;
			r->asking = true;
			state_judged(r->engine->conf.state, box->id, r->cursor, open_judged, r);
		}
	}
	free(o);
}

static void
open_status(struct request *q)
{
	struct runner *r = q->arg;
	struct account *a = r->box->account;
	struct opened *o;

	r->scanning = false;
	if (!opening_over(r)) {
		account_heard(a, &q->err);
		if (q->result == RESULT_DONE && (q->status.uidvalidity == 0 || q->status.uidnext == 0)) {
			err_set(&q->err, ERR_PROTO, SCOPE_MAILBOX, "the mailbox does not tell UIDVALIDITY and "
			    "UIDNEXT: its messages cannot be told from one another");
			runner_failed(r, &q->err);
		} else if (q->result != RESULT_DONE) {
			runner_failed(r, &q->err);
		} else {
			r->lost = false;
			err_clear(&r->trouble);
			o = xcalloc(1, sizeof(*o));
			*o = (struct opened){ r, q->status };
			r->asking = true;
			state_box(r->engine->conf.state, a->name, r->box->name,
			    q->status.uidvalidity, q->status.uidnext, open_box, o);
		}
	}
	request_free(&q);
	account_ended(a);
}

void
runner_open(struct runner *r)
{
	struct account *a = r->box->account;

	if (r->phase != RUNNER_CLOSED || a->source == NULL || (r->renewed &&
	    (r->nturns > 0 || r->batch != NULL || r->flushing > 0 || r->due_asked)))
		return;
	if (r->doubted) {
		open_later(r);
		return;
	}
	if (r->renewed && r->reopen != NULL)
		return;
	r->renewed = r->due_held = r->due_dirty = r->agreed = false;
	r->left = 0;
	r->phase = RUNNER_OPENING;
	r->scanning = true;
	loop_cancel(runner_loop(r), &r->reopen);
	account_submit(a, request_new(REQ_STATUS, r->box->name, open_status, r));
}

/* ---- its name */

/* Rules on a role: the mailbox that has it now.  Two chains on one mailbox are refused. */
static int
take_name(struct runner *r, struct err *e)
{
	struct account *a = r->box->account;
	const char *name = NULL;
	struct err why = ERR_NONE;
	int found = account_role(a, r->box->name, &name, &why);

	if (found < 0)
		return err_set(e, ERR_NET, SCOPE_ACCOUNT, "the account cannot be listed now");
	/* To a rule that watches it, it is a mailbox that is not there yet. */
	if (found == 0)
		return err_set(e, ERR_GONE, SCOPE_MAILBOX, "%s", why.text);
	for (size_t i = 0; i < a->boxes.n; i++)
		if (a->boxes.at[i] != r->box && a->boxes.at[i]->runner != NULL &&
		    strcmp(a->boxes.at[i]->name, name) == 0) {
			err_set(e, ERR_USAGE, SCOPE_MAILBOX, "%s is the mailbox \"%s\", which has "
			    "rules under that name already; declare them under one name", r->box->name, name);
			/* Those of before a reload: they are about to end. */
			e->temporary = a->boxes.at[i]->runner->phase == RUNNER_STOPPING;
			return -1;
		}
	if (name != r->box->name) {
		free(r->box->name);
		r->box->name = xstrdup(name);
	}
	return 0;
}

static void
runner_named(void *arg)
{
	struct runner *r = arg;
	struct source *s = r->box->account->source;
	struct err e = ERR_NONE;

	CHECK(r, RUNNER_MAGIC);
	r->naming = false;
	if (r->phase != RUNNER_CLOSED || s == NULL) {
		engine_poke(r->engine);
	} else if (take_name(r, &e) < 0) {
		runner_failed(r, &e);
	} else {
		if (!r->watched)
			s->ops->watch(s, r->box->name, runner_changed, r);
		r->watched = true;
		runner_open(r);
	}
}

void
runner_source(struct runner *r)
{
	if (r->box->account->source == NULL || r->phase != RUNNER_CLOSED || r->naming)
		return;
	r->naming = true;
	if (r->box->name[0] == '@')
		account_want_list(r->box->account, runner_named, r);
	else
		loop_defer(runner_loop(r), runner_named, r);
}
