/*
 * The rules of one mailbox: the turns under way, what they decide and achieve, and how it
 * is written.  runner_open.c opens the mailbox and takes up what the state says is
 * unfinished, runner_scan.c brings new messages in, runner_due.c later tests and retries.
 *
 * What turns decide and achieve is collected in a batch and committed in the next
 * generation of the loop, one commit under way at a time: that is the group commit.  The
 * cursor moves with the batch: up to the oldest message that is not decided yet.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#include "base/fault.h"

/* ---- turns */

void
runner_insert(struct runner *r, struct turn *t)
{
	struct link *at = r->turns.prev;

	while (at != &r->turns && LIST_ITEM(at, struct turn, link)->uid > t->uid)
		at = at->prev;
	list_prepend(at, &t->link);	/* behind `at` */
	r->nturns++;
}

bool
runner_has(const struct runner *r, uint32_t uid)
{
	LIST_EACH(&r->turns, it)
		if (LIST_ITEM(it, struct turn, link)->uid == uid)
			return true;
	return false;
}

/* A turn of the scan holds the cursor back until it is decided; others have rows of their own. */
static bool
holds_cursor(const struct turn *t)
{
	return t->due_rule == NULL && !t->rowed && !turn_decided(t);
}

/* ---- batches */

struct commit {
	struct runner	*runner;
	struct { VEC(struct turn *) } turns;
};

struct state_batch *
runner_batch(struct runner *r)
{
	if (r->batch == NULL) {
		r->batch = state_batch_new();
		if (r->flushing > 0)
			r->flush_asked = true;
		else
			loop_defer(runner_loop(r), runner_flush, r);
	}
	return r->batch;
}

static void
runner_committed(void *arg, const struct err *e)
{
	struct commit *c = arg;
	struct runner *r = c->runner;

	CHECK(r, RUNNER_MAGIC);
	r->flushing--;
	for (size_t i = 0; i < c->turns.n; i++) {
		if (err_is(e))
			turn_abandon(c->turns.at[i]);
		else
			turn_perform(c->turns.at[i]);
	}
	VEC_FREE(&c->turns);
	free(c);
	if (r->flush_asked && r->flushing == 0) {
		r->flush_asked = false;
		runner_flush(r);
	}
	if ((r->due_dirty || r->due_held) && !err_is(e))
		runner_ask_due(r);
	runner_pump(r);
}

static uint32_t
cursor_now(const struct runner *r)
{
	uint32_t upto = r->left != 0 ? MIN(r->left - 1, r->seen) : r->seen;

	LIST_EACH(&r->turns, it) {
		const struct turn *t = LIST_ITEM(it, struct turn, link);

		if (holds_cursor(t))
			return MIN(t->uid - 1, upto);
	}
	return upto;
}

void
runner_turn_left(struct runner *r, const struct turn *t)
{
	if (holds_cursor(t) && (r->left == 0 || t->uid < r->left))
		r->left = t->uid;
}

void
runner_flush(void *arg)
{
	struct runner *r = arg;
	struct commit *c;
	uint32_t cursor;

	CHECK(r, RUNNER_MAGIC);
	if (r->batch == NULL)
		return;
	c = xcalloc(1, sizeof(*c));
	c->runner = r;
	c->turns.at = r->batched.at;
	c->turns.n = r->batched.n;
	c->turns.cap = r->batched.cap;
	memset(&r->batched, 0, sizeof(r->batched));
	cursor = fault_planted("cursor-first") ? r->seen : cursor_now(r);
	if (cursor > r->cursor) {
		r->cursor = cursor;
		state_batch_cursor(r->batch, r->state.id, cursor);
	}
	for (size_t i = 0; i < r->handled.n; i++)
		if (r->handled.at[i] > r->cursor)
			state_batch_plan(r->batch, r->state.id, r->handled.at[i], NULL, "", NULL);
	r->handled.n = 0;
	r->flushing++;
	state_commit(r->engine->conf.state, &r->batch, runner_committed, c);
}

/* ---- ends of turns */

static void
log_plan(struct turn *t)
{
	struct str line = str_limited(4000);
	const char *rule = "";

	turn_title(t, &line);
	for (size_t i = 0; i < t->actions.n; i++) {
		const struct action *a = &t->actions.at[i];

		if (strcmp(rule, a->rule) != 0)
			str_addf(&line, "%s %s: ", i == 0 ? ":" : ";", a->rule);
		else
			str_adds(&line, ", ");
		rule = a->rule;
		action_print(&line, a, runner_account(t->runner));
	}
	log_info(runner_log(t->runner), "%s", str_z(&line));
	str_free(&line);
}

void
runner_turn_decided(struct runner *r, struct turn *t)
{
	struct state_batch *b = runner_batch(r);
	const char *revision = "";

	r->engine->counts.judged += t->due_rule == NULL && !t->rowed;
	t->phase = TURN_PLANNED;
	message_drop_body(t->message);
	for (size_t i = 0; i < t->dues.n; i++)
		state_batch_due(b, r->state.id, t->uid, t->dues.at[i].rule->name, t->dues.at[i].at);
	if (t->dues.n > 0)
		runner_note_due(r);
	for (size_t i = 0; i < t->writes.n; i++)
		state_batch_store(b, &t->writes.at[i]);
	if (t->dues.n > 0 && t->actions.n == 0)
		turn_note_known(t);
	if (t->actions.n == 0) {
		if (t->due_rule != NULL)
			state_batch_undue(b, r->state.id, t->uid, t->due_rule);
		else if (t->rowed)
			state_batch_done(b, r->state.id, t->uid);
		VEC_PUSH(&r->handled, t->uid);
		t->phase = TURN_ENDED;
		runner_turn_ended(r, t);
		if (t->writes.n > 0)
			runner_flush(r);	/* the next function's questions see them */
		return;
	}
	for (size_t i = 0; i < t->actions.n; i++) {
		struct action *a = &t->actions.at[i];

		free(a->token);
		a->token = perform_token(r->box, r->state.uidvalidity, t->message, a, i, t->due_rule);
	}
	for (size_t i = 0; i < t->chain->rules.n; i++)
		if (strcmp(t->chain->rules.at[i]->name, t->actions.at[0].rule) == 0)
			revision = t->chain->rules.at[i]->revision;
	log_plan(t);
	if (fault_planted("no-intent")) {
		turn_perform(t);
		return;
	}
	state_batch_plan(b, r->state.id, t->uid, t->due_rule, revision, &t->actions);
	turn_note_known(t);
	VEC_PUSH(&r->batched, t);
	if (t->writes.n > 0)
		runner_flush(r);
	runner_step_queued(r);
}

static void
turn_gone(void *arg)
{
	struct turn *t = arg;
	struct runner *r = t->runner;

	if (r->due_asked && t->rowed)
		VEC_PUSH(&r->due_stale, t->uid);
	turn_free(&t);
	if (--r->nturns == r->naway)
		runner_fold_end(r);
	runner_step_queued(r);
	if (r->due_held && r->batch == NULL && r->flushing == 0)
		runner_ask_due(r);		/* else the commit's end asks */
	runner_pump(r);
}

void
runner_turn_ended(struct runner *r, struct turn *t)
{
	/* It may stand on the stack above us. */
	loop_defer(runner_loop(r), turn_gone, t);
}

/*
 * One pass by UID: `before` is the first rule that an older undecided turn is at, so most
 * of those that wait are seen to wait without looking at all others.
 */
static void
step_queued_pass(struct runner *r)
{
	size_t before = SIZE_MAX;

	LIST_EACH(&r->turns, it) {
		struct turn *t = LIST_ITEM(it, struct turn, link);

		if (t->phase == TURN_QUEUED && (t->chain != r->chain || t->rule < before) &&
		    turn_serial_free(t))
			turn_step(t);
		if (t->chain == r->chain && !turn_decided(t))
			before = MIN(before, t->rule);
	}
}

/* A step can end in a decision, which lets others go on: they are seen to here, not below. */
void
runner_step_queued(struct runner *r)
{
	r->step_again = true;
	if (r->stepping)
		return;
	r->stepping = true;
	while (r->step_again) {
		r->step_again = false;
		step_queued_pass(r);
	}
	r->stepping = false;
}

void
runner_cancel_handlers(struct runner *r, const struct ruleset *keep)
{
	LIST_EACH(&r->turns, it) {
		struct turn *t = LIST_ITEM(it, struct turn, link);

		if (t->ruleset == NULL || t->ruleset == keep ||
		    (t->phase != TURN_ASKING && t->phase != TURN_QUEUED))
			continue;
		if (t->phase == TURN_ASKING)
			t->ruleset->handler->cancel(t->ruleset->script, t);
		log_warn(runner_log(r), "%s:%s/%u: rule \"%s\" was still at work and is given up%s",
		    runner_account(r), r->box->name, t->uid, turn_rule(t),
		    r->phase == RUNNER_STOPPING ? "; the next start judges the message again" : "");
		if (r->phase == RUNNER_STOPPING)
			turn_abandon(t);
		else
			turn_restart(t);
	}
}

/* ---- life */

void
runner_start(struct engine *e, struct box *b, struct ruleset *rs, struct chain *c)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->magic = RUNNER_MAGIC;
	r->engine = e;
	r->box = box_ref(b);
	r->ruleset = ruleset_ref(rs);
	r->chain = c;
	list_init(&r->turns);
	list_append(&e->runners, &r->link);
	b->runner = r;
	runner_source(r);
}

void
runner_set_chain(struct runner *r, struct ruleset *rs, struct chain *c)
{
	struct ruleset *old = r->ruleset;

	r->ruleset = ruleset_ref(rs);
	r->chain = c;
	ruleset_unref(&old);
	r->again = r->phase == RUNNER_STOPPING;
	if (r->phase == RUNNER_OPEN)
		runner_tell(r);
}

void
runner_stop(struct runner *r)
{
	struct source *s = r->box->account->source;

	CHECK(r, RUNNER_MAGIC);
	r->again = false;
	if (r->phase == RUNNER_STOPPING)
		return;
	if (s != NULL && r->watched)
		s->ops->unwatch(s, r->box->name, runner_changed, r);
	r->watched = false;
	r->phase = RUNNER_STOPPING;
	loop_cancel(runner_loop(r), &r->due);
	loop_cancel(runner_loop(r), &r->reopen);
	LIST_EACH(&r->turns, it) {
		struct turn *t = LIST_ITEM(it, struct turn, link);

		if (t->timer != NULL) {
			loop_cancel(runner_loop(r), &t->timer);
			turn_away(t, false);
			turn_not_sent(t);
			turn_abandon(t);
		}
	}
	runner_unhold(r);
	engine_poke(r->engine);
}

bool
runner_idle(const struct runner *r)
{
	bool quiet = !r->scanning && r->batch == NULL && r->flushing == 0 && !r->due_asked &&
	    !r->naming && !r->asking;

	if (r->phase == RUNNER_STOPPING)
		return quiet && r->nturns == 0;
	quiet = quiet && r->nturns == r->naway;
	if (r->phase == RUNNER_CLOSED)
		return quiet && (!r->renewed || r->box->account->source == NULL);
	return quiet && r->phase == RUNNER_OPEN && !r->dirty && !r->due_dirty;
}

void
runner_free(struct runner **rp)
{
	struct runner *r = *rp;

	*rp = NULL;
	CHECK(r, RUNNER_MAGIC);
	assert(list_empty(&r->turns) && r->held == NULL);
	runner_fold_end(r);
	list_remove(&r->link);
	if (r->box->runner == r)
		r->box->runner = NULL;
	state_batch_free(&r->batch);
	VEC_FREE(&r->batched);
	VEC_FREE(&r->handled);
	VEC_FREE(&r->due_stale);
	VEC_FREE(&r->judged);
	ruleset_unref(&r->ruleset);
	box_unref(&r->box);
	r->magic = 0;
	free(r);
}
