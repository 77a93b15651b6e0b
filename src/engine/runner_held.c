/*
 * Mail that our own rules put into a mailbox is no arrival there.  A source with a book of UIDs
 * says so itself; of the others the results of our actions tell the new UIDs, and the state
 * keeps them.
 *
 * The mailbox may show a message before the answer to its MOVE was read: a scan waits
 * until no action that makes something here is under way, 30 s at most, then what they noted
 * is written, then the state is asked.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#define HELD_MS 30000

struct hopping { struct runner *runner; struct request *request; };

static void
hops_known(void *arg, const struct state_moved *list, size_t n, const struct err *e)
{
	struct hopping *h = arg;
	struct runner *r = h->runner;
	struct request *q = h->request;
	size_t k = 0;

	CHECK(r, RUNNER_MAGIC);
	free(h);
	(void)e;		/* a broken state ends all work anyway */
	q->hops.n = 0;
	for (size_t i = 0; i < q->messages.n; i++) {
		uint32_t uid = message_facts(q->messages.at[i])->uid;

		while (k < n && list[k].uid < uid)
			k++;
		VEC_PUSH(&q->hops, (unsigned char)(k < n && list[k].uid == uid ? list[k].hops : 0));
	}
	runner_arrived(r, q);
}

/* What others have noted is in batches that nobody has written yet. */
static void
ask_state(struct runner *r, struct request *q)
{
	struct hopping *h = xcalloc(1, sizeof(*h));
	uint32_t first = message_facts(q->messages.at[0])->uid;
	uint32_t last = message_facts(q->messages.at[q->messages.n - 1])->uid;

	*h = (struct hopping){ r, q };
	LIST_EACH(&r->engine->runners, it)
		runner_flush(LIST_ITEM(it, struct runner, link));
	state_moved(r->engine->conf.state, r->state.id, first - 1, last, hops_known, h);
}

static void
release(struct runner *r)
{
	struct request *q = r->held;

	r->held = NULL;
	loop_cancel(runner_loop(r), &r->held_timer);
	if (q != NULL)
		ask_state(r, q);
}

static void
held_long(void *arg)
{
	struct runner *r = arg;

	r->held_timer = NULL;
	log_warn(runner_log(r), "%s:%s: what our rules put here is not answered for %d s; new messages "
	    "are judged all the same", runner_account(r), r->box->name, HELD_MS / 1000);
	release(r);
}

void
runner_hops(struct runner *r, struct request *q)
{
	const struct source *s = r->box->account->source;

	if (q->messages.n == 0 || s == NULL || source_cannot(s, SOURCE_HOPS) == NULL) {
		runner_arrived(r, q);
		return;
	}
	if (r->box->incoming == 0) {
		ask_state(r, q);
		return;
	}
	r->held = q;
	r->held_timer = loop_after(runner_loop(r), HELD_MS, held_long, r);
}

void
runner_incoming_over(struct runner *r)
{
	release(r);
}

void
runner_unhold(struct runner *r)
{
	release(r);
}
