/*
 * Requests of one mailbox as commands on sets of UIDs.  What waits in the mailbox's queue is
 * taken as one batch and put into groups of one shape: FETCH of the same need, FLAGS of the
 * same flags, COPY or MOVE to the same place, EXPUNGE, each SCAN for itself.  All
 * groups begin at once and the engine's queue sends them in one flight, but for those that share a
 * UID with an earlier group: they wait for its end, since it may have more than one step.
 *
 * A batch ends when all its requests are answered, and says so by a deferred call.  When the
 * connection is lost, what was not sent goes back to the head of the queue.
 *
 * Limits: BATCH_REQUESTS_MAX requests a batch.
 */
#include "source/imap_batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

struct imap_batch {
	struct imap_link	*l;
	struct imap		*imap;
	struct imap_box		*box;
	struct { VEC(struct batch_group *) } groups;
	struct { VEC(struct batch_item) } back;	/* for the queue again */
	size_t			 done;		/* groups below have ended */
	bool			 stepping, lost;
};

static void batch_step(struct imap_batch *b);

/* ---- commands */

struct piece {
	struct batch_group	*g;
	struct seqset		 set;
	group_reply_fn		 reply;
	group_done_fn		 done;
};

static void
piece_reply(void *arg, struct imap_reply *r)
{
	struct piece *p = arg;

	if (p->reply != NULL)
		p->reply(p->g, r);
}

static void
piece_done(void *arg, const struct imap_answer *a)
{
	struct piece *p = arg;
	struct batch_group *g = p->g;

	if (a->result == NULL && a->err.kind != ERR_USAGE && a->err.kind != ERR_LIMIT)
		g->batch->lost = true;
	p->done(g, &p->set, a);
	seqset_free(&p->set);
	free(p);
	if (--g->under_way > 0)
		return;
	g->next(g);
	batch_step(g->batch);
}

void
group_command(struct batch_group *g, struct imap_op *op, group_reply_fn reply, group_done_fn done)
{
	struct piece *p = xcalloc(1, sizeof(*p));

	*p = (struct piece){ .g = g, .reply = reply, .done = done };
	seqset_copy(&p->set, imap_op_set(op));
	g->under_way++;
	imap_op_send(op, piece_reply, piece_done, p);
}

void
group_send(struct batch_group *g, enum imap_verb v, struct seqset *set, size_t reserve,
	group_write_fn write, group_reply_fn reply, group_done_fn done)
{
	struct seq_iter it = { 0 };

	for (;;) {
		struct imap_op *op = imap_op_new(g->imap, v);

		if (imap_op_uids(op, set, &it, reserve) == 0) {
			imap_op_drop(&op);
			return;
		}
		if (write != NULL)
			write(g, op);
		group_command(g, op, reply, done);
	}
}

void
group_note(struct batch_group *g, struct seqset *set, const struct imap_answer *a)
{
	bool no = a->result != NULL && a->result->cond != IMAP_OK;

	if (a->result == NULL)
		g->loss = (struct imap_answer){ .sent = a->sent || g->loss.sent, .err = a->err };
	else if (!no)
		return;
	else
		imap_fault(a->result, IMAP_DURING_COMMAND, g->what, &g->fault, NULL);
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (!seqset_has(set, it->uid))
			continue;
		it->no |= no;
		it->lost |= !no;
		it->sent |= !no && a->sent;
	}
}

/* ---- items */

size_t
group_from(const struct batch_group *g, uint32_t uid)
{
	size_t lo = 0, hi = g->items.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->items.at[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct batch_item *
group_item(struct batch_group *g, uint32_t uid)
{
	size_t i = group_from(g, uid);

	if (i == g->items.n || g->items.at[i].uid != uid || g->items.at[i].r == NULL)
		return NULL;
	return &g->items.at[i];
}

size_t
group_left(struct batch_group *g, struct seqset *out)
{
	size_t n = 0;

	for (size_t i = 0; i < g->items.n; i++) {
		if (g->items.at[i].r == NULL)
			continue;
		if (out != NULL)
			seqset_add(out, g->items.at[i].uid, g->items.at[i].uid);
		n++;
	}
	return n;
}

void
group_answer(struct batch_group *g, struct batch_item *it, enum request_result result)
{
	struct request *r = it->r;

	assert(r != NULL);
	it->r = NULL;
	r->result = result;
	imap_answer(g->box->source, r);
}

void
group_fail(struct batch_group *g, struct batch_item *it, const struct err *e)
{
	struct request *r = it->r;

	assert(r != NULL);
	it->r = NULL;
	imap_answer_err(g->box->source, r, e);
}

void
group_fail_all(struct batch_group *g, const struct err *e)
{
	for (size_t i = 0; i < g->items.n; i++)
		if (g->items.at[i].r != NULL)
			group_fail(g, &g->items.at[i], e);
}

static void
account_closed(const struct imap_source *s, struct err *e)
{
	err_set(e, ERR_CANCELED, SCOPE_ACCOUNT, "account '%s' was closed", s->source.name);
}

void
group_lose(struct batch_group *g, struct batch_item *it)
{
	struct imap_source *s = g->box->source;
	struct imap_answer a = g->loss;
	struct request *r = it->r;
	struct err e = ERR_NONE;

	assert(r != NULL);
	if (!it->sent && g->batch->lost && !s->closing) {
		VEC_PUSH(&g->batch->back, *it);
		it->r = NULL;
		return;
	}
	it->r = NULL;
	a.sent = it->sent;
	if (!it->sent && g->batch->lost) {
		account_closed(s, &e);
		imap_answer_err(s, r, &e);
	} else {
		imap_answer_fault(s, r, &a, g->what);
	}
}

int
group_err(struct batch_group *g, struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (err_is(e))
		return -1;
	va_start(ap, fmt);
	err_vset(e, kind, SCOPE_MESSAGE, fmt, ap);
	va_end(ap);
	err_prefix(e, "mailbox '%.80s' in account '%.60s'", g->box->name, g->box->source->source.name);
	return -1;
}

void
group_end(struct batch_group *g)
{
	assert(!g->ended && g->under_way == 0 && group_left(g, NULL) == 0);
	g->ended = true;
}

/* ---- shapes */

static bool
flags_same(const struct flags *a, const struct flags *b)
{
	if (a->sys != b->sys || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)	/* in order, each once */
		if (!view_ieq(view_of(a->at[i]), view_of(b->at[i])))
			return false;
	return true;
}

static bool
same_shape(const struct batch_group *g, const struct request *r)
{
	if (g->kind != r->kind)
		return false;
	switch (r->kind) {
	case REQ_FETCH:
		return g->need == r->need;
	case REQ_FLAGS:
		return flags_same(&g->add, &r->add) && flags_same(&g->del, &r->del);
	case REQ_COPY:
	case REQ_MOVE:
		return g->create == r->create && strcmp(g->target, r->target) == 0;
	case REQ_EXPUNGE:
		return true;
	default:
		return false;
	}
}

static struct batch_group *
group_new(struct imap_batch *b, const struct request *r)
{
	static const char *const verbs[] = { [REQ_SCAN] = "looking for messages",
		[REQ_FETCH] = "UID FETCH", [REQ_FLAGS] = "UID STORE", [REQ_COPY] = "UID COPY",
		[REQ_MOVE] = "UID MOVE", [REQ_EXPUNGE] = "UID EXPUNGE" };
	struct batch_group *g = xcalloc(1, sizeof(*g));

	*g = (struct batch_group){ .batch = b, .l = b->l, .imap = b->imap, .box = b->box, .index = b->groups.n,
		.kind = r->kind, .need = r->need, .create = r->create };
	flags_copy(&g->add, &r->add);
	flags_copy(&g->del, &r->del);
	if (r->target != NULL)
		g->target = xstrdup(r->target);
	if (g->target != NULL)
		snprintf(g->what, sizeof(g->what), "%s to '%.120s' in account '%.60s'", verbs[r->kind],
		    g->target, b->box->source->source.name);
	else
		snprintf(g->what, sizeof(g->what), "mailbox '%.80s' in account '%.60s': %s",
		    b->box->name, b->box->source->source.name, verbs[r->kind]);
	VEC_PUSH(&b->groups, g);
	return g;
}

static void
group_free(struct batch_group *g)
{
	flags_free(&g->add);
	flags_free(&g->del);
	str_free(&g->wire);
	imap_scan_free(&g->scan);
	VEC_FREE(&g->items);
	free(g->target);
	free(g);
}

/*
 * The group that r joins: the last one of its shape, unless a later one (or that one) has a
 * request of the same UID, or there is a SCAN behind it, which is to see things as they were.
 */
static struct batch_group *
group_for(struct imap_batch *b, const struct request *r, size_t from)
{
	for (size_t i = b->groups.n; i > from; i--)
		if (same_shape(b->groups.at[i - 1], r))
			return b->groups.at[i - 1];
	return group_new(b, r);
}

static int
item_cmp(const void *a, const void *b)
{
	const struct batch_item *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static int
order_cmp(const void *a, const void *b)
{
	const struct batch_item *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* Puts r into a group.  last_of: UID to the last group that has it; *scans: groups up to the last SCAN. */
static void
batch_add(struct imap_batch *b, struct request *r, struct map *last_of, size_t *scans, size_t order)
{
	struct view key = view_n((const char *)&r->uid, sizeof(r->uid));
	struct batch_group *last = r->kind == REQ_SCAN ? NULL : map_get(last_of, key), *g;

	g = group_for(b, r, last != NULL ? MAX(*scans, last->index + 1) : *scans);
	if (last != NULL)
		g->after = MAX(g->after, last->index + 1);
	if (r->kind == REQ_SCAN) {
		g->after = *scans;	/* two of them share what the box knows */
		*scans = g->index + 1;
	} else {
		map_set(last_of, key, g);
	}
	VEC_PUSH(&g->items, ((struct batch_item){ .r = r, .uid = r->uid, .order = order }));
}

/* ---- the course of a batch */

static bool
refuses(struct batch_group *g, struct err *e)
{
	const struct imap_selected *sel = imap_selected(g->imap);

	if (g->kind == REQ_SCAN || g->kind == REQ_FETCH || g->kind == REQ_COPY || sel == NULL ||
	    !sel->read_only)
		return false;
	group_err(g, e, ERR_REFUSED, "the server gives it for reading only: nothing can be changed "
	    "in it");
	return true;
}

static void
group_begin(struct batch_group *g)
{
	struct err e = ERR_NONE;

	g->begun = true;
	qsort(g->items.at, g->items.n, sizeof(*g->items.at), item_cmp);
	if (g->batch->lost) {
		for (size_t i = 0; i < g->items.n; i++)
			group_lose(g, &g->items.at[i]);
		group_end(g);
	} else if (refuses(g, &e)) {
		group_fail_all(g, &e);
		group_end(g);
	} else if (g->kind == REQ_SCAN) {
		imap_scan_begin(g);
	} else if (g->kind == REQ_FETCH) {
		imap_fetch_begin(g);
	} else if (g->kind == REQ_FLAGS) {
		imap_flags_begin(g);
	} else if (g->kind == REQ_EXPUNGE) {
		imap_expunge_begin(g);
	} else {
		imap_copy_begin(g);
	}
}

static void
batch_end(void *arg)
{
	struct imap_batch *b = arg;
	struct imap_link *l = b->l;
	struct imap_box *box = b->box;
	struct err e = ERR_NONE;

	account_closed(box->source, &e);
	if (b->back.n > 0)
		qsort(b->back.at, b->back.n, sizeof(*b->back.at), order_cmp);
	for (size_t i = b->back.n; i > 0; i--) {
		if (box->source->closing)	/* the queue was answered already */
			imap_answer_err(box->source, b->back.at[i - 1].r, &e);
		else
			list_prepend(&box->queue, &b->back.at[i - 1].r->link);
	}
	for (size_t i = 0; i < b->groups.n; i++)
		group_free(b->groups.at[i]);
	VEC_FREE(&b->groups);
	VEC_FREE(&b->back);
	free(b);
	if (imap_select_is_stale(box))
		imap_select_leave(l, true);
	imap_batch_ended(l, box);
}

/* Begins what can begin; groups may end meanwhile. */
static void
batch_step(struct imap_batch *b)
{
	if (b->stepping || b->done == b->groups.n)
		return;
	b->stepping = true;
	for (size_t i = b->done; i < b->groups.n; i++) {
		while (b->done < b->groups.n && b->groups.at[b->done]->ended)
			b->done++;
		if (!b->groups.at[i]->begun && b->groups.at[i]->after <= b->done)
			group_begin(b->groups.at[i]);
	}
	while (b->done < b->groups.n && b->groups.at[b->done]->ended)
		b->done++;
	b->stepping = false;
	if (b->done == b->groups.n)
		loop_defer(b->box->source->source.loop, batch_end, b);
}

void
imap_batch_run(struct imap_link *l, struct imap_box *box)
{
	struct imap_batch *b = xcalloc(1, sizeof(*b));
	struct map *last_of = map_new();
	size_t scans = 0, n = 0;

	*b = (struct imap_batch){ .l = l, .imap = l->imap, .box = box };
	while (!list_empty(&box->queue) && n < BATCH_REQUESTS_MAX) {
		struct request *r = LIST_ITEM(box->queue.next, struct request, link);

		list_remove(&r->link);
		batch_add(b, r, last_of, &scans, n++);
	}
	map_free(&last_of);
	assert(b->groups.n > 0);
	batch_step(b);
}
