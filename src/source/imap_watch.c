/*
 * Watching: who is told of changes.  The mailboxes watched first have a link of their own, on which
 * the server pushes (IDLE, or NOOP by the engine's clock), as many as leave one link for the
 * work; the others are looked at by STATUS every poll_ms.  Several changes of one turn are told
 * once, at the end of a step.
 */
#include "source/imap_source_int.h"

#include <stdlib.h>

#include "base/mem.h"

#define LOST_POLL_MS	30000
#define ALERT_MAX	300u

/* ---- watchers */

void
imap_watch(struct source *source, const char *mailbox, source_change_fn fn, void *arg)
{
	struct imap_source *s = (struct imap_source *)source;
	struct imap_box *b;

	CHECK(s, IMAP_SOURCE_MAGIC);
	if (s->closing)
		return;
	b = imap_box_find(s, mailbox, true);
	VEC_PUSH(&b->watchers, ((struct imap_watcher){ fn, arg }));
	if (b->watch_no == 0)
		b->watch_no = ++s->watches;
	b->told_lost = false;	/* this one does not know */
	b->retry_at = b->poll_at = 0;
	imap_source_step(s);
}

void
imap_unwatch(struct source *source, const char *mailbox, source_change_fn fn, void *arg)
{
	struct imap_source *s = (struct imap_source *)source;
	struct imap_box *b;

	CHECK(s, IMAP_SOURCE_MAGIC);
	b = imap_box_find(s, mailbox, false);
	for (size_t i = 0; b != NULL && i < b->watchers.n; i++) {
		if (b->watchers.at[i].fn != fn || b->watchers.at[i].arg != arg)
			continue;
		b->watchers.at[i] = b->watchers.at[--b->watchers.n];
		break;
	}
	if (b == NULL || b->watchers.n > 0)
		return;
	b->watch_no = 0;
	b->how = HOW_NONE;
	b->changed = b->told_lost = false;
	err_clear(&b->lost);
	b->polled = (struct source_status){ 0 };
	imap_source_step(s);
}

/* fn may watch, unwatch, submit and close. */
static void
tell(struct imap_box *b)
{
	struct { VEC(struct imap_watcher) } now = { 0 };
	struct err lost = b->lost;

	b->changed = false;
	b->told_lost = err_is(&lost);
	for (size_t i = 0; i < b->watchers.n; i++)
		VEC_PUSH(&now, b->watchers.at[i]);
	for (size_t i = 0; i < now.n; i++)
		for (size_t k = 0; k < b->watchers.n; k++) {
			if (b->watchers.at[k].fn != now.at[i].fn ||
			    b->watchers.at[k].arg != now.at[i].arg)
				continue;
			now.at[i].fn(now.at[i].arg, b->name, err_is(&lost) ? &lost : NULL);
			break;
		}
	VEC_FREE(&now);
}

void
imap_watch_tell(struct imap_source *s)
{
	struct { VEC(struct imap_box *) } boxes = { 0 };

	/* Mailboxes are freed at the end of a step only: these live. */
	LIST_EACH(&s->boxes, it) {
		struct imap_box *b = LIST_ITEM(it, struct imap_box, link);

		if (b->changed && b->watchers.n > 0)
			VEC_PUSH(&boxes, b);
		b->changed = b->changed && b->watchers.n > 0;
	}
	for (size_t i = 0; i < boxes.n && !s->closing; i++)
		tell(boxes.at[i]);
	VEC_FREE(&boxes);
}

void
imap_watch_lost(struct imap_box *b, const struct err *e)
{
	if (b->watchers.n == 0 || b->told_lost)
		return;
	b->lost = *e;
	b->lost.scope = SCOPE_MAILBOX;
	b->lost.temporary = true;
	b->how = HOW_NONE;		/* said anew when it is back */
	b->changed = true;
	imap_source_step(b->source);
}

void
imap_watch_how(struct imap_box *b, enum imap_how how)
{
	struct imap_source *s = b->source;
	enum log_level level = s->conf.once ? LOG_DEBUG : LOG_INFO;
	unsigned own = 0;

	if (b->how == how)
		return;
	b->how = how;
	LIST_EACH(&s->boxes, it)
		own += LIST_ITEM(it, struct imap_box, link)->own;
	if (how == HOW_IDLE)
		log_at(s->source.log, level, "%s:%s: watched by IDLE", s->source.name, b->name);
	else if (how == HOW_NOOP)
		log_at(s->source.log, level, "%s:%s: looked at every %d s (the server has no IDLE)",
		    s->source.name, b->name, IMAP_POLL_MS / 1000);
	else if (how == HOW_POLL)
		log_at(s->source.log, level, "%s:%s: looked at every %lld s (%u of %u connections %s taken by "
		    "watches)", s->source.name, b->name, (long long)s->conf.poll_ms / 1000, own,
		    s->links_max, own == 1 ? "is" : "are");
}

/* ---- what the server pushes */

static bool
is_change(struct imap_link *l, struct imap_reply *r)
{
	struct imap_box *b = l->box;

	switch (r->kind) {
	case IMAP_EXISTS:
		b->moved_on |= r->number > b->exists;
		return r->number != b->exists;
	case IMAP_EXPUNGE:
		return true;
	case IMAP_VANISHED:
		return !r->earlier;
	case IMAP_FETCH:
		return (r->fetch.has & IMAP_F_FLAGS) != 0;
	default:
		return false;
	}
}

/* People have to see it (RFC 9051, 7.1); servers repeat it on each connection. */
static void
alert(struct imap_source *s, struct view text)
{
	text = view_sub(text, 0, ALERT_MAX);
	if (s->alert != NULL && view_is(text, s->alert))
		return;
	free(s->alert);
	s->alert = view_dup(text);
	log_warn(s->source.log, "%s: the server says: %s", s->source.name, s->alert);
}

void
imap_watch_event(struct imap_link *l, struct imap_reply *r)
{
	struct imap_box *b = l->box;
	const struct imap_selected *sel = imap_selected(l->imap);

	if (r->kind == IMAP_CONDITION && r->cond.code == IMAP_CODE_ALERT)
		alert(l->source, r->cond.text);
	if (b == NULL || sel == NULL)
		return;
	if (l->selecting) {
		if (r->kind == IMAP_FETCH && (r->fetch.has & IMAP_F_UID))
			l->last_uid = MAX(l->last_uid, r->fetch.uid);
		return;
	}
	if (!is_change(l, r))
		return;
	b->exists = sel->exists;
	b->changed = true;
	imap_source_step(l->source);
}

/* ---- links of their own */

static void
give_up(struct imap_source *s, struct imap_link *l)
{
	l->watches = NULL;
	l->used_at = loop_now(s->source.loop);
	if (!imap_link_ready(l))
		return;
	imap_idle(l->imap, false);
	imap_link_poke(l);
}

/* A worker that can become b's own: one that has it selected, else one with nothing to do. */
static struct imap_link *
a_worker(struct imap_source *s, const struct imap_box *b)
{
	struct imap_link *found = NULL;

	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (!imap_link_ready(l) || l->watches != NULL)
			continue;
		if (l->box == b)
			return l;
		if (b->at == NULL && !l->selecting && (l->box == NULL || (!l->box->batching &&
		    list_empty(&l->box->queue) && list_empty(&l->box->asks))))
			found = l;
	}
	return found;
}

static bool
has_own(struct imap_source *s, const struct imap_box *b)
{
	LIST_EACH(&s->links, it)
		if (LIST_ITEM(it, struct imap_link, link)->watches == b)
			return true;
	return false;
}

static void
give_own(struct imap_source *s, struct imap_box *b)
{
	struct imap_link *l = has_own(s, b) ? NULL : a_worker(s, b);

	if (l == NULL)
		return;		/* imap_serve.c opens one when it may */
	l->watches = b;
	if (l->box != b || l->selecting)
		return;
	imap_idle(l->imap, true);
	imap_watch_how(b, imap_can_idle(l->imap) ? HOW_IDLE : HOW_NOOP);
	b->changed = b->moved_on = true;
	imap_op_send(imap_op_new(l->imap, IMAP_DO_NOOP), NULL, NULL, NULL);
	imap_link_poke(l);
}

void
imap_watch_assign(struct imap_source *s)
{
	unsigned max = s->links_max > 1 ? s->links_max - 1 : 1, last = 0;
	struct { VEC(struct imap_box *) } own = { 0 };

	LIST_EACH(&s->boxes, it)
		LIST_ITEM(it, struct imap_box, link)->own = false;
	while (own.n < max) {
		struct imap_box *first = NULL;

		LIST_EACH(&s->boxes, it) {
			struct imap_box *b = LIST_ITEM(it, struct imap_box, link);

			if (b->watch_no > last && (first == NULL || b->watch_no < first->watch_no))
				first = b;
		}
		if (first == NULL)
			break;
		last = first->watch_no;
		first->own = true;
		VEC_PUSH(&own, first);
	}
	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (l->watches != NULL && !l->watches->own)
			give_up(s, l);
	}
	for (size_t i = 0; i < own.n; i++)
		give_own(s, own.at[i]);
	VEC_FREE(&own);
}

/* ---- the others: STATUS */

static void
poll_reply(void *arg, struct imap_reply *r)
{
	struct imap_box *b = arg;
	const struct imap_status *st = &r->status;
	struct source_status now = { 0 };

	if (r->kind != IMAP_STATUS)
		return;
	now.messages = st->has & IMAP_ST_MESSAGES ? st->messages : 0;
	now.uidnext = st->has & IMAP_ST_UIDNEXT ? st->uidnext : 0;
	now.uidvalidity = st->has & IMAP_ST_UIDVALIDITY ? st->uidvalidity : 0;
	imap_select_validity(b, now.uidvalidity, now.messages);
	/* A server that does not say UIDNEXT hides a message that came when another went. */
	if (b->told_lost || now.uidnext == 0 || now.uidnext != b->polled.uidnext ||
	    now.messages != b->polled.messages || now.uidvalidity != b->polled.uidvalidity)
		b->changed = b->moved_on = true;
	b->polled = now;
	err_clear(&b->lost);
	imap_watch_how(b, HOW_POLL);
}

static void
poll_done(void *arg, const struct imap_answer *a)
{
	struct imap_box *b = arg;
	struct imap_source *s = b->source;
	int64_t pause = s->conf.poll_ms;
	struct err e = ERR_NONE;

	b->polling = false;
	if (a->result == NULL) {
		pause = 0;
	} else if (imap_select_fault(s, b->name, a->result, &e) < 0) {
		pause = MIN(pause, (int64_t)LOST_POLL_MS);
		imap_watch_lost(b, &e);
	}
	/* One that could not be said at all is not said again at once. */
	if (a->result == NULL && !a->sent && a->err.kind == ERR_USAGE)
		pause = s->conf.poll_ms;
	b->poll_at = loop_now(s->source.loop) + pause;
	imap_source_step(s);
}

static struct imap_link *
poll_link(struct imap_source *s, const struct imap_box *b)
{
	struct imap_link *found = NULL;

	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (!imap_link_ready(l))
			continue;
		if (found == NULL || (found->box == b && l->box != b) ||
		    (found->watches != NULL && l->watches == NULL && l->box != b))
			found = l;
	}
	return found;
}

static void
poll_one(struct imap_source *s, struct imap_box *b, struct imap_link *l)
{
	struct str wire = STR_INIT;
	struct err e = ERR_NONE;
	struct imap_op *op;

	b->poll_at = loop_now(s->source.loop) + s->conf.poll_ms;
	if (l->box == b) {
		imap_watch_how(b, HOW_POLL);
		/* It is selected here: what changed comes as events. */
		imap_op_send(imap_op_new(l->imap, IMAP_DO_NOOP), NULL, NULL, NULL);
	} else if (imap_name_encode(&wire, view_of(b->name), imap_namespaces(l->imap), &e) < 0) {
		imap_watch_lost(b, &e);
	} else {
		b->polling = true;
		op = imap_op_new(l->imap, IMAP_DO_STATUS);
		imap_op_mailbox(op, str_view(&wire));
		imap_cmd_raw(imap_op_cmd(op), " (MESSAGES UIDNEXT UIDVALIDITY)");
		imap_op_send(op, poll_reply, poll_done, b);
	}
	imap_link_poke(l);
	str_free(&wire);
}

void
imap_watch_poll(struct imap_source *s)
{
	int64_t now = loop_now(s->source.loop);

	LIST_EACH(&s->boxes, it) {
		struct imap_box *b = LIST_ITEM(it, struct imap_box, link);
		struct imap_link *l;

		if (b->watchers.n == 0 || b->own || b->polling || now < b->poll_at)
			continue;
		l = poll_link(s, b);
		if (l != NULL)
			poll_one(s, b, l);
	}
}
