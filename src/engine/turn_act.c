/*
 * The second half of a turn: its plan, which is on disk by now, is performed action by
 * action.  Each result is noted in the state with the next batch; after a crash the plan
 * is taken up again and each action that has no result is probed first (delivery.md J3).
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#include "base/fault.h"

static const int64_t act_pauses[] = { 5000, 60000 };

struct turn *
turn_resume(struct runner *r, struct state_message *sm)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->magic = TURN_MAGIC;
	t->runner = r;
	t->message = message_new();
	message_facts(t->message)->uid = sm->uid;
	message_facts(t->message)->uidvalidity = r->state.uidvalidity;
	t->uid = sm->uid;
	t->attempt = 1;
	t->actions = sm->actions;
	memset(&sm->actions, 0, sizeof(sm->actions));
	if (sm->rule != NULL)
		t->due_rule = xstrdup(sm->rule);
	t->probe = fault_planted("no-probe") ? PROBE_NONE : PROBE_DOUBT;
	t->phase = TURN_PLANNED;
	list_init(&t->link);
	return t;
}

static void
log_done(struct turn *t, const struct action *a, const struct perform_result *res)
{
	struct str line = STR_INIT;

	box_title(t->runner->box, &line);
	str_addf(&line, "/%u: ", t->uid);
	if (res->result == RESULT_GONE) {
		str_addf(&line, "is gone; nothing left to %s", verb_name(a->verb));
	} else {
		str_adds(&line, res->adopted ? "had been done before: " : "done: ");
		action_print(&line, a, t->runner->box->account->name);
		if (res->new_name != NULL && a->verb == VERB_SAVE)
			str_addf(&line, " as %s", res->new_name);
	}
	if (res->result == RESULT_COPIED_ONLY)
		str_addf(&line, "; the copy is there, the original could not be removed: %s",
		    res->err.text);
	log_at(t->runner->engine->conf.log, res->result == RESULT_COPIED_ONLY ? LOG_WARN : LOG_INFO,
	    "%s", str_z(&line));
	str_free(&line);
}

static void
act_again(void *arg)
{
	struct turn *t = arg;

	CHECK(t, TURN_MAGIC);
	t->timer = NULL;
	turn_away(t, false);
	if (t->phase == TURN_FETCHING) {
		turn_fetch_again(t);
		return;
	}
	t->probe = MAX(t->probe, PROBE_TRIED);
	turn_perform(t);
}

void
turn_wait(struct turn *t, bool away, int64_t pause)
{
	t->timer = loop_after(t->runner->engine->conf.loop, pause, act_again, t);
	turn_away(t, away);
	engine_poke(t->runner->engine);
}

void
turn_away(struct turn *t, bool away)
{
	if (t->away != away)
		t->runner->naway += away ? (size_t)1 : (size_t)-1;
	t->away = away;
}

void
turns_try_now(struct runner *r)
{
	if (r->naway == 0)
		return;
	LIST_EACH(&r->turns, it) {
		struct turn *t = LIST_ITEM(it, struct turn, link);

		if (!t->away || t->elsewhere)
			continue;
		loop_cancel(r->engine->conf.loop, &t->timer);
		t->timer = loop_after(r->engine->conf.loop, 0, act_again, t);
		turn_away(t, false);
	}
}

void
turn_not_sent(struct turn *t)
{
	struct runner *r = t->runner;

	if (t->phase != TURN_PERFORMING || r->box->account->source == NULL ||
	    source_cannot(r->box->account->source, SOURCE_ADOPT) == NULL)
		return;
	if (t->probe != PROBE_DOUBT && t->next_action < t->actions.n)
		state_batch_result(runner_batch(r), &t->actions.at[t->next_action], "unsent", 0, 0);
}

/* Which account is away: of a copy or move to another one it may be that one. */
static const struct account *
away_account(const struct turn *t, const struct action *a, const struct perform_result *res)
{
	struct account *own = t->runner->box->account;

	return res->elsewhere && a->account != NULL ? engine_account(own->engine, a->account) : own;
}

/* Nothing happened, and it may pass.  An account that is away does not make its messages bad ones. */
static void
act_waits(struct turn *t, const struct action *a, const struct perform_result *res,
	const char *text)
{
	struct runner *r = t->runner;
	const struct account *at = away_account(t, a, res);
	int64_t pause = act_pauses[MIN(t->tries, ARRAY_LEN(act_pauses) - 1)];
	bool away = at != NULL && account_says_away(at, &res->err);

	/* One's own account tells when it is back; another one is asked again, at growing pauses. */
	if (away)
		pause = act_pauses[res->elsewhere ? MIN(t->tries / 4, 1u) : ARRAY_LEN(act_pauses) - 1];
	r->engine->counts.retried += t->tries++ == 0;
	log_at(r->engine->conf.log, t->tries <= ARRAY_LEN(act_pauses) && !away ? LOG_WARN : LOG_DEBUG,
	    r->phase == RUNNER_STOPPING ?
	    "%s:%s/%u: %s; the next start tries again" : "%s:%s/%u: %s; trying again in %lld s",
	    r->box->account->name, r->box->name, t->uid, text, (long long)pause / 1000);
	if (r->phase == RUNNER_STOPPING || r->renewed) {
		turn_not_sent(t);
		turn_abandon(t);
		return;
	}
	t->elsewhere = res->elsewhere;
	turn_wait(t, away || res->err.scope >= SCOPE_SESSION, pause);
}

/* It may have happened, and must not happen twice: only a person can look. */
static void
say_what_to_do(struct str *text, const struct action *a)
{
	if (a->verb == VERB_COPY || a->verb == VERB_MOVE || a->verb == VERB_DELETE)
		str_addf(text, "; look whether it is in %s%s%s, and %s it by hand if not",
		    a->account != NULL ? a->account : "", a->account != NULL ? ":" : "",
		    a->mailbox != NULL ? a->mailbox : "the target",
		    a->verb == VERB_COPY ? "copy" : "move");
	else if (a->verb == VERB_REPLACE)
		str_adds(text, "; look whether the new one is beside it, and remove one of them by hand");
}

/* A failure that may pass is tried again; else the message is held, the rest of its plan too. */
static void
act_failed(struct turn *t, const struct action *a, const struct perform_result *res)
{
	const struct err *e = &res->err;
	struct runner *r = t->runner;
	struct str text = str_limited(2000);

	action_print(&text, a, r->box->account->name);
	str_addf(&text, ": %s", e->text);
	if (e->kind == ERR_GONE && e->scope == SCOPE_MAILBOX && !res->elsewhere) {
		log_info(r->engine->conf.log, "%s:%s/%u: %s", r->box->account->name, r->box->name, t->uid,
		    str_z(&text));
		runner_doubt(r);
		turn_abandon(t);
	} else if (e->temporary && (t->tries < ARRAY_LEN(act_pauses) || e->scope >= SCOPE_SESSION)) {
		act_waits(t, a, res, str_z(&text));
	} else {
		bool held = e->kind == ERR_HELD;

		r->engine->counts.failed++;
		if (held)
			say_what_to_do(&text, a);
		state_batch_result(runner_batch(r), a, held ? "held" : "failed", 0, 0);
		turn_park(t, str_z(&text));
	}
	str_free(&text);
}

static void
act_done(void *arg, const struct perform_result *res)
{
	static const char *const words[] = { [RESULT_DONE] = "done", [RESULT_GONE] = "gone",
		[RESULT_COPIED_ONLY] = "copied_only" };
	struct turn *t = arg;
	struct runner *r = t->runner;
	struct action *a = &t->actions.at[t->next_action];

	CHECK(t, TURN_MAGIC);
	if (res->result == RESULT_FAILED) {
		act_failed(t, a, res);
		return;
	}
	if (!r->engine->conf.dry_run)
		log_done(t, a, res);
	t->tries = 0;
	a->done = true;
	state_batch_result(runner_batch(r), a, words[res->result], res->new_uid,
	    res->new_uidvalidity);
	r->engine->counts.actions += res->result == RESULT_DONE;
	/* What an earlier try has made is looked for, action by action: it moved the message, maybe. */
	if (res->result == RESULT_GONE && t->probe == PROBE_NONE)
		for (size_t i = t->next_action + 1; i < t->actions.n; i++) {
			t->actions.at[i].done = true;
			state_batch_result(runner_batch(r), &t->actions.at[i], "gone", 0, 0);
		}
	turn_perform(t);
}

void
turn_perform(struct turn *t)
{
	struct runner *r = t->runner;

	CHECK(t, TURN_MAGIC);
	t->phase = TURN_PERFORMING;
	while (t->next_action < t->actions.n && t->actions.at[t->next_action].done)
		t->next_action++;
	if (t->next_action < t->actions.n) {
		if (fault_planted("done-first"))
			state_batch_result(runner_batch(r), &t->actions.at[t->next_action], "done", 0, 0);
		/* What cannot be noted is not done, nor what was meant for another message. */
		if (state_broken(r->engine->conf.state) || r->renewed) {
			turn_abandon(t);
			return;
		}
		if (t->actions.at[t->next_action].unsent)
			t->probe = PROBE_NONE;	/* nor was what follows */
		perform(r->box, t->uid, r->state.uidvalidity, t->message,
		    &t->actions.at[t->next_action], t->probe, act_done, t);
		return;
	}
	state_batch_done(runner_batch(r), r->state.id, t->uid);
	t->phase = TURN_ENDED;
	runner_turn_ended(r, t);
}
