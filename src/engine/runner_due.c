/*
 * Later tests ("after") and retries: rows of the state with a time.  One timer a runner
 * for the earliest; when it fires, the rows whose time has come become turns, at most as
 * many as a window.  A row stays until its turn has ended, so a look that finds such
 * rows waits for the end of turns, not for the time.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#define DUE_HELD_MS	((int64_t)1000)

void
runner_note_due(struct runner *r)
{
	r->due_dirty = true;
}

static void
due_fire(void *arg)
{
	struct runner *r = arg;

	r->due = NULL;
	runner_ask_due(r);
}

static void
due_next(void *arg, int64_t at, const struct err *e)
{
	struct runner *r = arg;
	int64_t wait;

	CHECK(r, RUNNER_MAGIC);
	r->due_asked = false;
	if (!err_is(e) && at != INT64_MAX && r->phase == RUNNER_OPEN) {
		wait = at * 1000 - loop_wall(runner_loop(r));
		if (wait <= 0 && !r->due_held) {
			runner_ask_due(r);	/* its time came while we looked */
			return;
		}
		/*
		 * Timers are monotonic and the wall clock may jump: look at least once a minute.
		 * What is held up is looked for when a turn ends; the timer is for the others.
		 */
		loop_cancel(runner_loop(r), &r->due);
		r->due = loop_after(runner_loop(r), MIN(MAX(wait, r->due_held ? DUE_HELD_MS :
		    (int64_t)0), (int64_t)60000) + 20, due_fire, r);
	}
	runner_pump(r);
}

static void
due_begin(struct runner *r, struct state_message *sm)
{
	struct message *m = message_new();
	struct turn *t;

	message_facts(m)->uid = sm->uid;
	message_facts(m)->uidvalidity = r->state.uidvalidity;
	if (sm->here != 0) {
		message_facts(m)->here = sm->here;
		message_know(m, NEED_HERE);
	}
	t = turn_new(r, m, sm->hops);
	message_unref(&m);
	t->attempt = sm->kind == STATE_RETRY ? sm->attempts + 1 : 1;
	t->rowed = true;
	if (sm->rule != NULL)
		t->due_rule = xstrdup(sm->rule);
	runner_insert(r, t);
	turn_fetch_first(t, NEED_FACTS | NEED_HEADER | r->chain->need);
}

/* Its turn has ended since we asked: the next look finds its row as it is now. */
static bool
due_is_stale(const struct runner *r, uint32_t uid)
{
	for (size_t i = 0; i < r->due_stale.n; i++)
		if (r->due_stale.at[i] == uid)
			return true;
	return false;
}

static void
due_found(void *arg, struct state_messages *list, const struct err *e)
{
	struct runner *r = arg;

	CHECK(r, RUNNER_MAGIC);
	r->due_held = false;
	for (size_t i = 0; !err_is(e) && r->phase == RUNNER_OPEN && i < list->n; i++) {
		struct state_message *sm = &list->at[i];

		if ((sm->kind != STATE_RETRY && sm->kind != STATE_DUE) || due_is_stale(r, sm->uid))
			continue;
		/* Its row stays until the turn has ended, and would be found again and again. */
		r->due_held = true;
		if (r->nturns < 2 * WINDOW && !runner_has(r, sm->uid))
			due_begin(r, sm);
	}
	state_messages_free(list);
	r->due_stale.n = 0;
	state_next_due(r->engine->conf.state, r->state.id, due_next, r);
}

void
runner_ask_due(struct runner *r)
{
	if (r->due_asked || r->phase != RUNNER_OPEN || state_broken(r->engine->conf.state))
		return;
	r->due_dirty = false;
	r->due_asked = true;
	runner_flush(r);
	r->due_stale.n = 0;
	loop_cancel(runner_loop(r), &r->due);
	state_pending(r->engine->conf.state, r->state.id, loop_wall(runner_loop(r)) / 1000,
	    PENDING_MAX, due_found, r);
}
