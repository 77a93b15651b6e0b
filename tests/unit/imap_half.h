/*
 * The connection half of the IMAP source without the other half: each request of a mailbox is one
 * "UID FETCH n (UID)", by the functions below instead of those of imap_batch.c, imap_append.c
 * and imap_read.c, which have tests of their own.
 */
#ifndef IMAP_HALF_H
#define IMAP_HALF_H

#include "source/imap_source_int.h"
#include "tests/unit/imap_world.h"

/* ---- in place of the other half */

struct one { struct imap_link *l; struct imap_box *b; struct request *r; unsigned *left; };

static void
one_done(void *arg, const struct imap_answer *a)
{
	struct one *o = arg;

	if (a->result != NULL && a->result->cond == IMAP_OK)
		imap_answer(o->b->source, o->r);
	else
		imap_answer_fault(o->b->source, o->r, a, "the test's command");
	if (--*o->left == 0) {
		free(o->left);
		imap_batch_ended(o->l, o->b);
	}
	free(o);
}

void
imap_batch_run(struct imap_link *l, struct imap_box *b)
{
	unsigned *left = xcalloc(1, sizeof(*left));
	char text[40];

	LIST_EACH(&b->queue, it) {
		struct one *o = xcalloc(1, sizeof(*o));
		struct imap_op *op = imap_op_new(l->imap, IMAP_DO_UID_FETCH);

		*o = (struct one){ l, b, LIST_ITEM(it, struct request, link), left };
		list_remove(it);
		++*left;
		snprintf(text, sizeof(text), "%u", o->r->uid);
		imap_cmd_set(imap_op_cmd(op), view_of(text));
		imap_cmd_raw(imap_op_cmd(op), " (UID)");
		imap_op_send(op, NULL, one_done, o);
	}
}

void
imap_append_run(struct imap_plain *p)
{
	imap_answer(p->l->source, p->r);
	imap_plain_ended(p);
}

struct imap_sink
imap_read_sink(struct imap_link *l)
{
	(void)l;
	return (struct imap_sink){ 0 };
}

void
imap_read_drop(struct imap_link *l)
{
	(void)l;
}

/* ---- watchers */

struct seen { unsigned changes, lost; struct err why; };

static inline void
on_change(void *arg, const char *mailbox, const struct err *lost)
{
	struct seen *s = arg;

	(void)mailbox;
	s->changes += lost == NULL;
	s->lost += lost != NULL;
	if (lost != NULL)
		s->why = *lost;
}

static inline void
watch(struct world *w, const char *mailbox, struct seen *s)
{
	w->s->ops->watch(w->s, mailbox, on_change, s);
}

static void
begin(struct world *w, unsigned connections)
{
	struct imap_source_conf c;

	world_begin(w);
	c = world_conf(w);
	c.max_connections = connections;
	world_start(w, &c);
}

#endif
