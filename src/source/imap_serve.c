/*
 * Which link serves which mailbox, once a turn of the loop.
 *
 * A link is a mailbox's own (imap_watch.c says whose), or a worker.  An own link serves its
 * mailbox; workers go to mailboxes with requests, one after the other, and stay until the queue is
 * empty, or for STAY_MS when others wait.  With one connection in all it is both.
 * Requests that need no mailbox go first (imap_plain.c), so that a start is one flight: LIST,
 * STATUS, SELECT.  One sign-in at a time; a worker that was not used for UNUSED_MS is logged out.
 */
#include "source/imap_source_int.h"

#define UNUSED_MS	60000
#define STAY_MS		5000
#define QUIET_MS	1000	/* a link that does not idle may not have heard of new mail since */

static bool
has_work(const struct imap_box *b)
{
	return !list_empty(&b->queue) || !list_empty(&b->asks);
}

bool
imap_serve_busy(const struct imap_link *l)
{
	return l->selecting || (l->box != NULL && l->box->batching);
}

static bool
may_serve(const struct imap_source *s, const struct imap_link *l, const struct imap_box *b)
{
	return b == NULL || b->at == l || l->watches == NULL || l->watches == b || s->links_max == 1;
}

struct imap_link *
imap_serve_by(struct imap_source *s, const struct imap_box *b)
{
	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (imap_link_ready(l) && may_serve(s, l, b))
			return l;
	}
	return NULL;
}

/* ---- requests of a selected mailbox */

static void
answer_asks(struct imap_box *b)
{
	LIST_EACH(&b->asks, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		r->status.uidvalidity = b->uidvalidity;
		r->status.uidnext = b->uidnext;
		r->status.messages = b->exists;
		r->result = RESULT_DONE;
		imap_answer(b->source, r);
	}
}

/* UIDs that were learned before the server renumbered its messages name others now. */
static void
answer_renumbered(struct imap_box *b)
{
	struct err e = ERR_NONE;

	LIST_EACH(&b->queue, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		if (r->uidvalidity == 0 || b->uidvalidity == 0 || r->uidvalidity == b->uidvalidity)
			continue;
		err_clear(&e);
		err_set(&e, ERR_GONE, SCOPE_MAILBOX, "mailbox '%s' in account '%s': the server has "
		    "renumbered its messages (UIDVALIDITY %u is %u now)", b->name, b->source->source.name,
		    r->uidvalidity, b->uidvalidity);
		imap_answer_err(b->source, r, &e);
	}
}

static void
run(struct imap_link *l, struct imap_box *b)
{
	int64_t now = loop_now(l->source->source.loop);
	bool idles = l->watches == b && imap_can_idle(l->imap);

	answer_asks(b);
	answer_renumbered(b);
	if (list_empty(&b->queue))
		return;
	if (!idles && now - l->used_at >= QUIET_MS && now - l->selected_at >= QUIET_MS) {
		imap_op_send(imap_op_new(l->imap, IMAP_DO_NOOP), NULL, NULL, NULL);
		b->moved_on = true;
	}
	l->used_at = now;
	b->batching = true;
	imap_batch_run(l, b);
	imap_link_poke(l);
}

void
imap_batch_ended(struct imap_link *l, struct imap_box *b)
{
	b->batching = false;
	l->used_at = loop_now(l->source->source.loop);
	imap_source_step(l->source);
	imap_link_over(l);
}

/* The first that waits; each selection puts its mailbox last. */
static struct imap_box *
next_waiting(struct imap_source *s, const struct imap_link *l)
{
	LIST_EACH(&s->boxes, it) {
		struct imap_box *b = LIST_ITEM(it, struct imap_box, link);

		if (has_work(b) && b->at == NULL && !b->batching &&
		    (!b->own || b == l->watches))
			return b;
	}
	return NULL;
}

static void
serve_link(struct imap_source *s, struct imap_link *l)
{
	struct imap_box *b = l->box, *home = l->watches, *next = NULL;
	int64_t now = loop_now(s->source.loop);

	if (imap_serve_busy(l))
		return;
	if (home == NULL || s->links_max == 1)
		next = next_waiting(s, l);
	if (b != NULL && has_work(b) && (next == NULL || now - l->selected_at < STAY_MS)) {
		run(l, b);
		return;
	}
	if (next == NULL && home != NULL && home != b && home->at == NULL &&
	    (now >= home->retry_at || has_work(home)))
		next = home;
	if (next != NULL)
		imap_select(l, next);
}

/* ---- links that come and go */

static bool
is_unused(const struct imap_link *l)
{
	return imap_link_ready(l) && l->watches == NULL && list_empty(&l->plains) && !imap_serve_busy(l) &&
	    (l->box == NULL || !has_work(l->box));
}

static void
close_unused(struct imap_source *s)
{
	int64_t now = loop_now(s->source.loop);

	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (is_unused(l) && now - l->used_at >= UNUSED_MS)
			imap_link_close(l);
	}
}

/* Which link is missing; false: none.  *watches_r: whose own it is to be. */
static bool
is_missing(struct imap_source *s, struct imap_box **watches_r)
{
	unsigned own = 0, workers = 0;
	bool waiting = false;

	*watches_r = NULL;
	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		workers += !l->dead && l->watches == NULL;
	}
	LIST_EACH(&s->boxes, it) {
		struct imap_box *b = LIST_ITEM(it, struct imap_box, link);
		bool has = false;

		own += b->own;
		waiting |= has_work(b) && b->at == NULL && !b->own;
		LIST_EACH(&s->links, lit)
			has |= LIST_ITEM(lit, struct imap_link, link)->watches == b;
		if (b->own && !has && (*watches_r == NULL || b->watch_no < (*watches_r)->watch_no))
			*watches_r = b;
	}
	if (*watches_r != NULL)
		return true;
	return (waiting && workers + own < s->links_max) ||
	    (!list_empty(&s->plain) && imap_serve_by(s, NULL) == NULL);
}

static void
open_missing(struct imap_source *s)
{
	struct imap_box *watches;
	unsigned n = 0;

	if (s->pause != NULL)
		return;
	LIST_EACH(&s->links, it) {
		const struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (l->phase == LINK_ASKING || l->phase == LINK_CONNECTING)
			return;
		n += !l->dead;
	}
	if (n < s->links_max && is_missing(s, &watches))
		imap_link_open(s, watches);
}

/* ---- the step */

static void
serve_closing(struct imap_source *s)
{
	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (l->phase == LINK_ASKING || l->phase == LINK_CONNECTING)
			imap_link_free(l);
		else if (imap_link_ready(l) && list_empty(&l->plains) && !imap_serve_busy(l))
			imap_link_close(l);
	}
}

void
imap_serve(struct imap_source *s)
{
	if (s->closing) {
		serve_closing(s);
		return;
	}
	imap_watch_assign(s);
	/* A STATUS of the mailbox that is selected next is to stand before the SELECT. */
	imap_plain_serve(s);
	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (imap_link_ready(l))
			serve_link(s, l);
	}
	imap_watch_poll(s);
	close_unused(s);
	open_missing(s);
}

int64_t
imap_serve_due(struct imap_source *s)
{
	int64_t at = INT64_MAX;

	if (s->closing || imap_serve_by(s, NULL) == NULL)
		return at;
	LIST_EACH(&s->links, it) {
		const struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (!imap_link_ready(l))
			continue;
		if (is_unused(l))
			at = MIN(at, l->used_at + UNUSED_MS);
		if (l->watches != NULL && l->watches->at == NULL && !imap_serve_busy(l))
			at = MIN(at, l->watches->retry_at);
	}
	LIST_EACH(&s->boxes, it) {
		const struct imap_box *b = LIST_ITEM(it, struct imap_box, link);

		if (b->watchers.n > 0 && !b->own && !b->polling)
			at = MIN(at, b->poll_at);
	}
	return at;
}
