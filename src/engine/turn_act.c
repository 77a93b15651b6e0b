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
	t->uid = sm->uid;
	t->attempt = 1;
	t->actions = sm->actions;
	memset(&sm->actions, 0, sizeof(sm->actions));
	if (sm->rule != NULL)
		t->due_rule = xstrdup(sm->rule);
	t->probe = !fault_planted("no-probe");
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
	t->probe = true;
	turn_perform(t);
}

/* A failure that may pass is tried again; else the message is held, the rest of its plan too. */
static void
act_failed(struct turn *t, const struct action *a, const struct err *e)
{
	struct runner *r = t->runner;
	struct str text = str_limited(2000);

	action_print(&text, a, r->box->account->name);
	str_addf(&text, ": %s", e->text);
	/* An account that is away does not make its messages bad ones: they wait for it. */
	if (e->temporary && (t->tries < ARRAY_LEN(act_pauses) || e->scope >= SCOPE_SESSION)) {
		int64_t pause = act_pauses[MIN(t->tries, ARRAY_LEN(act_pauses) - 1)];

		r->engine->counts.retried += t->tries++ == 0;
		log_at(r->engine->conf.log, t->tries <= ARRAY_LEN(act_pauses) ? LOG_WARN : LOG_DEBUG,
		    r->phase == RUNNER_STOPPING ?
		    "%s:%s/%u: %s; the next start tries again" : "%s:%s/%u: %s; trying again in %lld s",
		    r->box->account->name, r->box->name, t->uid, str_z(&text), (long long)pause / 1000);
		if (r->phase == RUNNER_STOPPING || r->renewed)
			turn_abandon(t);
		else
			t->timer = loop_after(r->engine->conf.loop, pause, act_again, t);
	} else {
		r->engine->counts.failed++;
		state_batch_result(runner_batch(r), a, "failed", 0);
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
		act_failed(t, a, &res->err);
		return;
	}
	if (!r->engine->conf.dry_run)
		log_done(t, a, res);
	t->tries = 0;
	a->done = true;
	state_batch_result(runner_batch(r), a, words[res->result], res->new_uid);
	r->engine->counts.actions += res->result == RESULT_DONE;
	/* What an earlier try has made is looked for, action by action: it moved the message, maybe. */
	if (res->result == RESULT_GONE && !t->probe)
		for (size_t i = t->next_action + 1; i < t->actions.n; i++) {
			t->actions.at[i].done = true;
			state_batch_result(runner_batch(r), &t->actions.at[i], "gone", 0);
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
			state_batch_result(runner_batch(r), &t->actions.at[t->next_action], "done", 0);
		/* What cannot be noted is not done, nor what was meant for another message. */
		if (state_broken(r->engine->conf.state) || r->renewed)
			turn_abandon(t);
		else
			perform(r->box, t->uid, t->message, &t->actions.at[t->next_action], t->probe,
			    act_done, t);
		return;
	}
	state_batch_done(runner_batch(r), r->state.id, t->uid);
	t->phase = TURN_ENDED;
	runner_turn_ended(r, t);
}
