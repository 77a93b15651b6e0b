/*
 * The selected mailbox, from what the server says of it: before, in and after the answer to
 * SELECT.  Sequence numbers end here: they move the count of messages, nothing else.
 */
#include "proto/imap_int.h"

#include <stdlib.h>

void
imap_box_clear(struct imap_selected *b)
{
	free((char *)(uintptr_t)b->name);
	flags_free(&b->flags);
	*b = (struct imap_selected){ 0 };
}

const struct imap_selected *
imap_selected(const struct imap *m)
{
	CHECK(m, IMAP_MAGIC);
	return m->sel.name != NULL ? &m->sel : NULL;
}

static void
take_permanent(struct imap_selected *b, const struct imap_flags *f)
{
	flags_free(&b->flags);
	b->flags.sys = f->sys;
	for (size_t i = 0; i < f->keywords.n; i++)
		flags_add(&b->flags, 0, f->keywords.at[i]);
	/* A list that we had to cut is no ground to refuse a keyword. */
	b->flags_any = f->any || f->more;
	b->flags_known = true;
}

static void
take_condition(struct imap *m, struct imap_selected *b, const struct imap_result *r, bool selecting)
{
	switch (r->code) {
	case IMAP_CODE_UIDVALIDITY:
		b->uidvalidity = r->uidvalidity;
		break;
	case IMAP_CODE_UIDNEXT:
		b->uidnext = r->number <= UINT32_MAX ? MAX(b->uidnext, (uint32_t)r->number) : b->uidnext;
		break;
	case IMAP_CODE_HIGHESTMODSEQ:
		b->highestmodseq = r->number;
		break;
	case IMAP_CODE_NOMODSEQ:
		b->highestmodseq = 0;
		break;
	case IMAP_CODE_PERMANENTFLAGS:
		take_permanent(b, &r->flags);
		break;
	case IMAP_CODE_READ_ONLY:
		b->read_only = true;
		break;
	case IMAP_CODE_CLOSED:
		/* What came before was said of the mailbox before (RFC 7162, 3.2.11). */
		if (selecting)
			imap_box_clear(&m->next);
		break;
	default:
		break;
	}
}

void
imap_box_take(struct imap *m, const struct imap_reply *r, bool selecting)
{
	struct imap_selected *b = selecting ? &m->next : &m->sel;

	if (!selecting && m->sel.name == NULL)
		return;
	switch (r->kind) {
	case IMAP_EXISTS:
		b->exists = r->number;
		break;
	case IMAP_EXPUNGE:
		b->exists -= b->exists > 0;
		break;
	case IMAP_VANISHED:
		if (!r->earlier)
			b->exists -= (uint32_t)MIN((uint64_t)b->exists, seqset_count(r->set));
		break;
	case IMAP_FETCH:
		if ((r->fetch.has & IMAP_F_UID) && b->uidnext != 0 && r->fetch.uid >= b->uidnext &&
		    r->fetch.uid < UINT32_MAX)
			b->uidnext = r->fetch.uid + 1;
		break;
	case IMAP_CONDITION:
		take_condition(m, b, &r->cond, selecting);
		break;
	default:
		break;
	}
}

void
imap_box_answer(struct imap *m, const struct imap_op *op, const struct imap_result *res)
{
	bool opens = op->verb == IMAP_DO_SELECT || op->verb == IMAP_DO_EXAMINE;

	/* A SELECT that fails leaves nothing selected (RFC 9051, 6.3.2). */
	if (opens || res->cond == IMAP_OK)
		imap_box_clear(&m->sel);
	if (!opens || res->cond != IMAP_OK) {
		imap_box_clear(&m->next);
		return;
	}
	m->sel = m->next;
	m->next = (struct imap_selected){ 0 };
	m->sel.name = xstrdup(op->mailbox);
	m->sel.read_only |= res->code == IMAP_CODE_READ_ONLY || op->verb == IMAP_DO_EXAMINE;
	if (res->code == IMAP_CODE_READ_WRITE && op->verb == IMAP_DO_SELECT)
		m->sel.read_only = false;
}
