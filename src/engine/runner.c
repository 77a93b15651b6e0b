/*
 * The rules of one mailbox: opens it, takes up what the state says is unfinished, then
 * scans for new messages, whenever the source says that something changed, in windows of
 * bounded size; each message becomes a turn.
 *
 * What turns decide and achieve is collected in a batch and committed in the next
 * generation of the loop, one commit under way at a time: that is the group commit.  The
 * cursor moves with the batch: up to the oldest message that is not decided yet.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#include "base/fault.h"

#define WINDOW		512u		/* turns under way */
#define WINDOW_BODIES	48u		/* ... when their rules read whole messages */
#define SCAN_CHUNK	256u
#define REOPEN_MS	30000
#define SOON_MS		2000		/* ... after what passes by itself */
#define PENDING_MAX	4096u
#define DUE_HELD_MS	((int64_t)1000)

static void runner_pump(struct runner *r);
static void runner_open(struct runner *r);
static void due_ask(struct runner *r);

static struct loop *
runner_loop(const struct runner *r)
{
	return r->engine->conf.loop;
}

static struct log *
runner_log(const struct runner *r)
{
	return r->engine->conf.log;
}

static const char *
account_of(const struct runner *r)
{
	return r->box->account->name;
}

/* ---- turns */

static void
turn_insert(struct runner *r, struct turn *t)
{
	struct link *at = r->turns.prev;

	while (at != &r->turns && LIST_ITEM(at, struct turn, link)->uid > t->uid)
		at = at->prev;
	list_prepend(at, &t->link);	/* behind `at` */
	r->nturns++;
}

static bool
turn_active(const struct runner *r, uint32_t uid)
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

static void runner_flush(void *arg);

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
		due_ask(r);
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

static void
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
		action_print(&line, a, account_of(t->runner));
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

	turn_free(&t);
	r->nturns--;
	runner_step_queued(r);
	if (r->due_held && r->batch == NULL && r->flushing == 0)
		due_ask(r);		/* else the commit's end asks */
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
		    account_of(r), r->box->name, t->uid, turn_rule(t),
		    r->phase == RUNNER_STOPPING ? "; the next start judges the message again" : "");
		if (r->phase == RUNNER_STOPPING)
			turn_abandon(t);
		else
			turn_restart(t);
	}
}

/* ---- scanning */

/* UIDs come ascending, and so does the list. */
static bool
is_judged(struct runner *r, uint32_t uid)
{
	while (r->next_judged < r->judged.n && r->judged.at[r->next_judged] < uid)
		r->next_judged++;
	return r->next_judged < r->judged.n && r->judged.at[r->next_judged] == uid;
}

static void
scan_again(void *arg)
{
	struct runner *r = arg;

	r->reopen = NULL;
	r->dirty = true;
	runner_pump(r);
}

static void
scan_later(struct runner *r, const struct err *e)
{
	log_warn(runner_log(r), "%s:%s: looking for new mail failed: %s", account_of(r),
	    r->box->name, e->text);
	r->dirty = false;
	loop_cancel(runner_loop(r), &r->reopen);
	r->reopen = loop_after(runner_loop(r), e->temporary ? SOON_MS : REOPEN_MS, scan_again, r);
}

/*
 * The UIDs mean other messages now (J6): nothing that was decided for them may be done.
 * What is under way ends, then the mailbox is opened again.
 */
static void
runner_renew(struct runner *r)
{
	r->phase = RUNNER_CLOSED;
	r->renewed = true;
	loop_cancel(runner_loop(r), &r->due);
	loop_cancel(runner_loop(r), &r->reopen);
	LIST_EACH(&r->turns, it) {
		struct turn *t = LIST_ITEM(it, struct turn, link);

		if (t->phase == TURN_ENDED || t->phase == TURN_PLANNED ||
		    (t->phase == TURN_PERFORMING && t->timer == NULL))
			continue;	/* turn_perform() ends it */
		if (t->phase == TURN_ASKING)
			t->ruleset->handler->cancel(t->ruleset->script, t);
		engine_op_cancel(&t->op);
		loop_cancel(runner_loop(r), &t->timer);
		turn_abandon(t);
	}
}

static void
runner_scanned(struct request *q)
{
	struct runner *r = q->arg;
	struct account *a = r->box->account;

	CHECK(r, RUNNER_MAGIC);
	r->scanning = false;
	if (q->result != RESULT_DONE) {
		if (r->phase == RUNNER_OPEN)
			scan_later(r, &q->err);
	} else if (r->phase == RUNNER_OPEN && q->status.uidvalidity != r->state.uidvalidity) {
		runner_renew(r);
	} else if (r->phase == RUNNER_OPEN) {
		struct { VEC(struct turn *) } fresh = { 0 };

		r->dirty |= q->more;
		for (size_t i = 0; i < q->messages.n; i++) {
			struct message *m = q->messages.at[i];
			uint32_t uid = message_facts(m)->uid;
			struct turn *t;

			if (uid <= r->seen)
				continue;
			r->seen = uid;
			if (is_judged(r, uid))
				continue;
			t = turn_new(r, m, q->hops.at[i]);
			turn_insert(r, t);
			VEC_PUSH(&fresh, t);
		}
		/* The messages go with their turns; whole chunks must not stay until the last has ended. */
		for (size_t i = 0; i < fresh.n; i++)
			turn_step(fresh.at[i]);
		if (fresh.n == 0 && r->seen > r->cursor)
			runner_batch(r);
		VEC_FREE(&fresh);
	}
	request_free(&q);
	runner_pump(r);
	account_ended(a);
}

static void
runner_pump(struct runner *r)
{
	size_t window = (r->chain != NULL && (r->chain->need_most & NEED_BODY)) ? WINDOW_BODIES :
	    WINDOW;
	struct request *q;

	if (r->renewed)
		runner_open(r);
	if (r->phase == RUNNER_OPEN && r->dirty && !r->scanning && r->nturns < (window + 1) / 2 &&
	    r->box->account->source != NULL && !state_broken(r->engine->conf.state)) {
		q = request_new(REQ_SCAN, r->box->name, runner_scanned, r);
		q->uid = r->seen;
		q->limit = MIN(SCAN_CHUNK, (window + 1) / 2);
		q->need = NEED_FACTS | NEED_HEADER | r->chain->need;
		r->dirty = false;
		r->scanning = true;
		account_submit(r->box->account, q);
	}
	engine_poke(r->engine);
}

static void
runner_changed(void *arg, const char *mailbox, const struct err *lost)
{
	struct runner *r = arg;

	CHECK(r, RUNNER_MAGIC);
	(void)mailbox;
	if (lost != NULL) {
		if (!r->lost)
			log_warn(runner_log(r), "%s:%s: %s; its rules wait", account_of(r),
			    r->box->name, lost->text);
		r->lost = true;
		return;
	}
	if (r->lost)
		log_info(runner_log(r), "%s:%s: there again", account_of(r), r->box->name);
	r->lost = false;
	r->dirty = true;
	if (r->phase == RUNNER_CLOSED)
		runner_open(r);
	else
		runner_pump(r);
}

/* ---- later tests and retries */

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
	due_ask(r);
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
			due_ask(r);	/* its time came while we looked */
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
	t = turn_new(r, m, sm->hops);
	message_unref(&m);
	t->attempt = sm->kind == STATE_RETRY ? sm->attempts + 1 : 1;
	t->rowed = true;
	if (sm->rule != NULL)
		t->due_rule = xstrdup(sm->rule);
	turn_insert(r, t);
	turn_fetch_first(t, NEED_FACTS | NEED_HEADER | r->chain->need);
}

static void
due_found(void *arg, struct state_messages *list, const struct err *e)
{
	struct runner *r = arg;

	CHECK(r, RUNNER_MAGIC);
	r->due_held = false;
	for (size_t i = 0; !err_is(e) && r->phase == RUNNER_OPEN && i < list->n; i++) {
		struct state_message *sm = &list->at[i];

		if (sm->kind != STATE_RETRY && sm->kind != STATE_DUE)
			continue;
		/* Its row stays until the turn has ended, and would be found again and again. */
		r->due_held = true;
		if (r->nturns < 2 * WINDOW && !turn_active(r, sm->uid))
			due_begin(r, sm);
	}
	state_messages_free(list);
	state_next_due(r->engine->conf.state, r->state.id, due_next, r);
}

static void
due_ask(struct runner *r)
{
	if (r->due_asked || r->phase != RUNNER_OPEN || state_broken(r->engine->conf.state))
		return;
	r->due_dirty = false;
	r->due_asked = true;
	loop_cancel(runner_loop(r), &r->due);
	state_pending(r->engine->conf.state, r->state.id, loop_wall(runner_loop(r)) / 1000,
	    PENDING_MAX, due_found, r);
}

/* ---- opening: status, the state's box, what is judged, what is pending, watch */

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
	if (!r->lost)
		log_warn(runner_log(r), "%s:%s: %s; its rules wait", account_of(r), r->box->name, e->text);
	r->absent = e->kind == ERR_REFUSED || e->kind == ERR_GONE;
	r->lost = true;
	r->phase = RUNNER_CLOSED;
	loop_cancel(runner_loop(r), &r->reopen);
	r->reopen = loop_after(runner_loop(r), e->temporary ? SOON_MS : REOPEN_MS, reopen_fire, r);
	engine_poke(r->engine);
}

/* Answers that come while the runner is being stopped only let it end. */
static bool
opening_over(struct runner *r)
{
	CHECK(r, RUNNER_MAGIC);
	if (r->phase == RUNNER_OPENING)
		return false;
	engine_poke(r->engine);
	return true;
}

static void
open_pending(void *arg, struct state_messages *list, const struct err *e)
{
	struct runner *r = arg;
	struct { VEC(struct turn *) } plans = { 0 };

	if (opening_over(r)) {
		state_messages_free(list);
		return;
	}
	for (size_t i = 0; !err_is(e) && i < list->n; i++) {
		if (list->at[i].kind != STATE_PLANNED)
			continue;
		VEC_PUSH(&plans, turn_resume(r, &list->at[i]));
		turn_insert(r, plans.at[plans.n - 1]);
	}
	state_messages_free(list);
	r->phase = RUNNER_OPEN;
	r->dirty = true;
	if (plans.n > 0)
		log_info(runner_log(r), "%s:%s: taking up the plans of %zu messages", account_of(r),
		    r->box->name, plans.n);
	for (size_t i = 0; i < plans.n; i++)
		turn_perform(plans.at[i]);
	VEC_FREE(&plans);
	due_ask(r);
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
			    account_of(r), r->box->name, (long long)messages);
	} else {
		r->state.cursor = uidnext - 1;
		r->engine->counts.left_alone += (uint64_t)messages;
		if (messages > 0)
			log_info(runner_log(r), "%s:%s: first run: what is there (%lld) is left alone; "
			    "run --existing takes it", account_of(r), r->box->name,
			    (long long)messages);
	}
	state_batch_cursor(b, r->state.id, r->state.cursor);
	state_commit(r->engine->conf.state, &b, NULL, NULL);
}

struct opened { struct runner *runner; struct source_status status; };

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
			if (box->first)
				first_run(r, o->status.uidnext, o->status.messages);
			else if (r->engine->conf.existing)
				log_info(runner_log(r), "%s:%s: not the first run: --existing takes nothing "
				    "more here", account_of(r), r->box->name);
			r->cursor = r->seen = r->state.cursor;
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
		if (q->result != RESULT_DONE) {
			runner_failed(r, &q->err);
		} else {
			r->lost = false;
			o = xcalloc(1, sizeof(*o));
			*o = (struct opened){ r, q->status };
			state_box(r->engine->conf.state, a->name, r->box->name,
			    q->status.uidvalidity, open_box, o);
		}
	}
	request_free(&q);
	account_ended(a);
}

static void
runner_open(struct runner *r)
{
	struct account *a = r->box->account;

	if (r->phase != RUNNER_CLOSED || a->source == NULL || (r->renewed &&
	    (r->nturns > 0 || r->batch != NULL || r->flushing > 0 || r->due_asked)))
		return;
	r->renewed = r->due_held = r->due_dirty = false;
	r->left = 0;
	r->phase = RUNNER_OPENING;
	r->scanning = true;
	loop_cancel(runner_loop(r), &r->reopen);
	account_submit(a, request_new(REQ_STATUS, r->box->name, open_status, r));
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

/* Rules on a role: the mailbox that has it now.  Two chains on one mailbox are refused. */
static int
take_name(struct runner *r, struct err *e)
{
	struct account *a = r->box->account;
	const char *name = NULL;

	if (account_role(a, r->box->name, &name, e) <= 0)
		return err_set(e, ERR_NET, SCOPE_ACCOUNT, "the account cannot be listed now");
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

void
runner_set_chain(struct runner *r, struct ruleset *rs, struct chain *c)
{
	struct ruleset *old = r->ruleset;

	r->ruleset = ruleset_ref(rs);
	r->chain = c;
	ruleset_unref(&old);
	r->again = r->phase == RUNNER_STOPPING;
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
			turn_abandon(t);
		}
	}
	engine_poke(r->engine);
}

bool
runner_idle(const struct runner *r)
{
	bool quiet = r->nturns == 0 && !r->scanning && r->batch == NULL && r->flushing == 0 &&
	    !r->due_asked && !r->naming;

	if (r->phase == RUNNER_STOPPING || r->phase == RUNNER_CLOSED)
		return quiet;
	return quiet && r->phase == RUNNER_OPEN && !r->dirty && !r->due_dirty;
}

void
runner_free(struct runner **rp)
{
	struct runner *r = *rp;

	*rp = NULL;
	CHECK(r, RUNNER_MAGIC);
	assert(list_empty(&r->turns));
	list_remove(&r->link);
	if (r->box->runner == r)
		r->box->runner = NULL;
	state_batch_free(&r->batch);
	VEC_FREE(&r->batched);
	VEC_FREE(&r->handled);
	VEC_FREE(&r->judged);
	ruleset_unref(&r->ruleset);
	box_unref(&r->box);
	r->magic = 0;
	free(r);
}
