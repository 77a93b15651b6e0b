/*
 * Looking for new messages, whenever the source says that something changed, in windows
 * of bounded size; each message becomes a turn.  A window is smaller where rules read
 * whole messages.  What is under way when the mailbox turns out to have other UIDs ends
 * without being done.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#define WINDOW_BODIES	48u		/* turns under way when their rules read whole messages */
#define SCAN_CHUNK	512u

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
	bool away = account_says_away(r->box->account, e);

	log_at(runner_log(r), away || r->told ? LOG_DEBUG : LOG_WARN,
	    "%s:%s: looking for new mail failed: %s", runner_account(r), r->box->name, e->text);
	r->told = true;
	r->trouble = *e;
	r->dirty = false;
	loop_cancel(runner_loop(r), &r->reopen);
	/* The source tells when it is back; the timer is for what nobody tells. */
	r->reopen = loop_after(runner_loop(r), e->temporary && !away ? SOON_MS : REOPEN_MS, scan_again, r);
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
		turn_away(t, false);
		turn_abandon(t);
	}
}

void
runner_doubt(struct runner *r)
{
	if (r->phase != RUNNER_OPEN)
		return;
	runner_renew(r);
	r->disputes += !r->agreed;
	r->doubted = true;
}

/* Its source may not say since when it is here: since now, if it has just come. */
static void
take_message(struct runner *r, struct message *m)
{
	struct message_facts *f = message_facts(m);

	f->uidvalidity = r->state.uidvalidity;
	if (message_have(m) & NEED_HERE)
		return;
	if (f->uid <= r->state.existing_upto) {
		box_settle(m);
		return;
	}
	f->here = loop_wall(runner_loop(r)) / 1000;
	message_know(m, NEED_HERE);
}

static void
take_messages(struct runner *r, struct request *q)
{
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
		take_message(r, m);
		t = turn_new(r, m, i < q->hops.n ? q->hops.at[i] : 0);
		runner_insert(r, t);
		VEC_PUSH(&fresh, t);
	}
	/* The messages go with their turns; whole chunks must not stay until the last has ended. */
	for (size_t i = 0; i < fresh.n; i++)
		turn_step(fresh.at[i]);
	if (fresh.n == 0 && r->seen > r->cursor)
		runner_batch(r);
	VEC_FREE(&fresh);
}

void
runner_arrived(struct runner *r, struct request *q)
{
	struct account *a = r->box->account;

	r->scanning = false;
	if (r->phase == RUNNER_OPEN)
		take_messages(r, q);
	request_free(&q);
	runner_pump(r);
	account_ended(a);
}

static void
runner_scanned(struct request *q)
{
	struct runner *r = q->arg;
	struct account *a = r->box->account;

	CHECK(r, RUNNER_MAGIC);
	account_heard(a, &q->err);
	if (q->result == RESULT_DONE) {
		r->told = false;
		err_clear(&r->trouble);
		if (r->phase == RUNNER_OPEN && q->status.uidvalidity == r->state.uidvalidity) {
			r->agreed = true;
			r->disputes = 0;
			runner_hops(r, q);	/* goes on in runner_arrived() */
			return;
		}
	}
	r->scanning = false;
	if (r->phase == RUNNER_OPEN && q->result != RESULT_DONE)
		scan_later(r, &q->err);
	else if (r->phase == RUNNER_OPEN && r->agreed)
		runner_renew(r);
	else
		runner_doubt(r);	/* it was just opened, and STATUS said something else */
	request_free(&q);
	runner_pump(r);
	account_ended(a);
}

void
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

void
runner_changed(void *arg, const char *mailbox, const struct err *lost)
{
	struct runner *r = arg;

	CHECK(r, RUNNER_MAGIC);
	(void)mailbox;
	if (lost != NULL) {
		if (!r->lost)
			log_warn(runner_log(r), "%s:%s: %s; its rules wait", runner_account(r),
			    r->box->name, lost->text);
		r->lost = true;
		return;
	}
	if (r->lost)
		log_info(runner_log(r), "%s:%s: is there now", runner_account(r), r->box->name);
	r->lost = false;
	r->dirty = true;
	turns_try_now(r);
	if (r->phase == RUNNER_CLOSED)
		runner_open(r);
	else
		runner_pump(r);
}
