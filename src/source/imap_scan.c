/*
 * SCAN: the messages above a UID, oldest first.
 *
 * What is not known to the mailbox costs one command.  A handful is fetched at once by
 * "UID FETCH n:*", whose replies are the list; where there may be more than is asked for,
 * a UID SEARCH brings the UIDs once, and they are fetched piece by piece in this and later SCANs.
 * Either way box->known then holds all UIDs between known_above and known_next, and only what
 * came later has to be asked for.  What is new is decided by UIDs alone.
 *
 * A message whose reply cannot be read is asked for again alone, with the header only, and
 * appears with what is known of it: a rule must see it, and the log says why it is poor.
 */
#include "source/imap_batch.h"

#include <stdlib.h>

#include "base/mem.h"

#define SCAN_LIMIT_DEFAULT	256u

struct found {
	uint32_t	 uid;
	unsigned	 got;
	bool		 broken;
	struct message	*m;
	struct err	 err;
};

struct imap_scan {
	uint32_t	 above;		/* of it on; nothing between the request's and this */
	uint32_t	 upto;		/* 0: no end */
	size_t		 limit;
	bool		 direct;	/* FETCH n:*, by which UIDs come to be known */
	bool		 blind;		/* a reply could not be read, not even its UID */
	struct seqset	 shown;		/* all UIDs that a direct FETCH or a SEARCH showed */
	struct seqset	 asked;		/* those that are to be answered */
	struct seqset	 unsure;	/* asked, and the answer was no OK */
	struct { VEC(struct found) };
};

void
imap_scan_free(struct imap_scan **sp)
{
	struct imap_scan *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		message_unref(&s->at[i].m);
	VEC_FREE(s);
	seqset_free(&s->shown);
	seqset_free(&s->asked);
	seqset_free(&s->unsure);
	free(s);
}

/* ---- what the box knows */

static void
known_forget(struct imap_box *b)
{
	seqset_free(&b->known);
	b->known_whole = false;
}

/* Are all messages right above this UID known? */
static bool
known_covers(struct imap_box *b, uint32_t above)
{
	return b->known_whole && above >= b->known_above && above < b->known_next;
}

/* All that is above `above`: these, as of now. */
static void
known_take(struct imap_box *b, uint32_t above, struct seqset *uids)
{
	uint32_t max = seqset_max(uids), next = MAX(MAX(b->uidnext, above + 1), max + (max < UINT32_MAX));

	if (!known_covers(b, above)) {
		known_forget(b);
		b->known_above = above;
		b->known_whole = true;
	}
	seqset_add_all(&b->known, uids);
	b->known_next = next;
	b->uidnext = next;
	b->known_exists = b->exists;
}

/* The UIDs above `above` and up to upto, at most limit of them; how many. */
static size_t
known_some(struct imap_box *b, uint32_t above, uint32_t upto, size_t limit, struct seqset *out)
{
	size_t n = 0;

	seqset_tidy(&b->known);
	for (size_t i = 0; i < b->known.n && n < limit; i++) {
		uint64_t lo = MAX(b->known.at[i].lo, (uint64_t)above + 1), hi = b->known.at[i].hi;

		if (upto != 0)
			hi = MIN(hi, (uint64_t)upto);
		if (lo > hi)
			continue;
		hi = MIN(hi, lo + (limit - n) - 1);
		seqset_add(out, (uint32_t)lo, (uint32_t)hi);
		n += (size_t)(hi - lo + 1);
	}
	return n;
}

/* May there be something above this one that no scan has brought? */
static bool
may_have_more(struct imap_box *b, uint32_t above, uint32_t upto)
{
	struct seqset one = { 0 };

	if (known_covers(b, above)) {
		size_t n = known_some(b, above, upto, 1, &one);

		seqset_free(&one);
		if (n > 0)
			return true;
		above = b->known_next - 1;
	}
	if (above == UINT32_MAX || (upto != 0 && upto <= above))
		return false;
	return b->uidnext == 0 || b->moved_on || above + 1 < b->uidnext;
}

/* ---- the answer */

static struct request *
scan_request(struct batch_group *g)
{
	return g->items.at[0].r;
}

/* Parts that never came: said in the log, so that nobody wonders. */
static void
scan_complain(struct batch_group *g, const struct found *f)
{
	unsigned lacks = imap_read_missing(g->need, f->got);

	if (!f->broken && !err_is(&f->err) && (lacks & (NEED_HEADER | NEED_BODY | NEED_FLAGS)) == 0)
		return;
	log_warn(g->box->source->source.log, "mailbox '%s' in account '%s': the message with UID %u could "
	    "not be read whole: %s", g->box->name, g->box->source->source.name, f->uid,
	    err_is(&f->err) ? f->err.text : err_is(&g->fault) ? g->fault.text :
	    "the server's answer cannot be understood");
}

static void
scan_answer(struct batch_group *g)
{
	struct imap_scan *s = g->scan;
	const struct imap_selected *sel = imap_selected(g->imap);	/* STATUS may know of another one */
	struct request *r = scan_request(g);
	uint32_t last = s->above;

	for (size_t i = 0; i < s->n; i++) {
		struct found *f = &s->at[i];

		scan_complain(g, f);
		imap_read_dates(g->box->source, f->m);
		VEC_PUSH(&r->messages, f->m);
		VEC_PUSH(&r->hops, 0);
		f->m = NULL;
		last = f->uid;
	}
	/* What was asked for and is not there has gone: not to be asked for again. */
	if (!seqset_empty(&s->asked))
		seqset_del_all(&g->box->known, &s->unsure);
	if (!seqset_empty(&s->asked))
		last = MAX(last, seqset_max(&s->asked));
	r->status.uidvalidity = sel != NULL ? sel->uidvalidity : 0;
	r->status.uidnext = g->box->uidnext;
	r->status.messages = g->box->exists;
	r->more = may_have_more(g->box, last, s->upto);
	group_answer(g, &g->items.at[0], RESULT_DONE);
	group_end(g);
}

/* Reading once more does no harm, so a loss is never in doubt. */
static void
scan_failed(struct batch_group *g)
{
	struct err e = g->fault;

	if (g->items.at[0].lost) {
		group_lose(g, &g->items.at[0]);
	} else {
		group_err(g, &e, ERR_PROTO, "what the server says of the messages in it could not be read");
		group_fail(g, &g->items.at[0], &e);
	}
	if (g->scan->direct)
		g->box->moved_on = true;
	group_end(g);
}

/* ---- replies */

/* Its place, made when it is new; NULL: there are enough, and this one is above them all. */
static struct found *
found_at(struct imap_scan *s, uint32_t uid)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->at[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->n && s->at[lo].uid == uid)
		return &s->at[lo];
	if (s->n >= s->limit) {
		if (lo == s->n)
			return NULL;
		message_unref(&s->at[--s->n].m);	/* comes again in the next scan */
	}
	VEC_PUSH(s, ((struct found){ 0 }));
	memmove(&s->at[lo + 1], &s->at[lo], (s->n - 1 - lo) * sizeof(*s->at));
	s->at[lo] = (struct found){ .uid = uid, .m = message_new() };
	message_facts(s->at[lo].m)->uid = uid;
	return &s->at[lo];
}

static void
scan_reply(struct batch_group *g, struct imap_reply *r)
{
	struct imap_scan *s = g->scan;
	uint32_t uid = r->kind == IMAP_BROKEN ? r->uid : r->kind == IMAP_FETCH ? r->fetch.uid : 0;
	struct found *f;

	if (uid == 0) {
		s->blind |= r->kind == IMAP_BROKEN || r->kind == IMAP_FETCH;
		return;
	}
	if (uid <= s->above)
		return;
	if (s->direct)
		seqset_add(&s->shown, uid, uid);
	f = s->upto != 0 && uid > s->upto ? NULL : found_at(s, uid);
	if (f == NULL)
		return;
	if (r->kind == IMAP_BROKEN)
		f->broken = true;
	else
		f->got |= imap_read_fill(g->l, f->m, r, &f->err);
}

static void
scan_note(struct batch_group *g, struct seqset *set, const struct imap_answer *a)
{
	if (a->result != NULL && a->result->cond == IMAP_OK) {
		if (g->scan->blind)
			seqset_add_all(&g->scan->unsure, set);
		return;
	}
	seqset_add_all(&g->scan->unsure, set);
	if (a->result != NULL) {
		imap_fault(a->result, IMAP_DURING_COMMAND, g->what, &g->fault, NULL);
		g->items.at[0].no = true;
	} else {
		g->loss = *a;
		g->items.at[0].lost = true;
		g->items.at[0].sent |= a->sent;
	}
}

static void
write_items(struct batch_group *g, struct imap_op *op)
{
	imap_read_items(g->imap, op, g->need);
}

/* ---- those that did not come whole */

static void
scan_repaired(struct batch_group *g)
{
	imap_read_drop(g->l);
	if (g->items.at[0].lost)
		scan_failed(g);
	else
		scan_answer(g);
}

/* The header of each, alone: whatever made it unreadable, the others do not suffer. */
static void
scan_repair(struct batch_group *g)
{
	struct imap_scan *s = g->scan;
	unsigned need = g->need;

	imap_read_drop(g->l);
	g->next = scan_repaired;
	g->need = need & (NEED_HEADER | NEED_BODY | NEED_STRUCTURE) ? NEED_HEADER : 0;
	for (size_t i = 0; i < s->n; i++) {
		struct seqset one = { 0 };
		unsigned lacks = imap_read_missing(need, s->at[i].got) & ~(unsigned)NEED_STRUCTURE;

		/* A body that cannot be had is asked for again by whoever needs it. */
		if (s->at[i].got & NEED_HEADER)
			lacks &= ~(unsigned)(NEED_BODY | NEED_HEADER);
		if ((lacks & ~(unsigned)(NEED_RECEIVED | NEED_HERE)) == 0)
			continue;
		seqset_add(&one, s->at[i].uid, s->at[i].uid);
		group_send(g, IMAP_DO_UID_FETCH, &one, READ_ITEMS_MAX, write_items, scan_reply, scan_note);
		seqset_free(&one);
	}
	if (g->under_way == 0)
		scan_repaired(g);
	g->need = need;
}

/* ---- UIDs that are known: their FETCH */

/* Asked for and neither shown nor denied: it appears with its UID, since it may be there. */
static void
scan_missed(struct batch_group *g)
{
	struct imap_scan *s = g->scan;
	struct seq_iter it = { 0 };
	struct seqset doubt = { 0 };
	uint32_t uid;

	if (g->items.at[0].lost) {
		scan_failed(g);
		return;
	}
	seqset_copy(&doubt, &s->asked);
	for (size_t i = 0; i < s->n; i++)
		seqset_del(&doubt, s->at[i].uid, s->at[i].uid);
	seqset_keep_all(&doubt, &s->unsure);
	while (seqset_next(&doubt, &it, &uid)) {
		struct found *f = found_at(s, uid);

		if (f != NULL)
			f->broken = true;
	}
	seqset_free(&doubt);
	/* unsure becomes: what has gone. */
	seqset_copy(&s->unsure, &s->asked);
	for (size_t i = 0; i < s->n; i++)
		seqset_del(&s->unsure, s->at[i].uid, s->at[i].uid);
	scan_repair(g);
}

/*
 * Those that no reply came for have gone, or could not be read in company: once more, each
 * alone after a NO, else together and by facts only.
 */
static void
scan_fetched(struct batch_group *g)
{
	struct imap_scan *s = g->scan;
	struct seqset missing = { 0 };
	struct seq_iter it = { 0 };
	unsigned need = g->need;
	uint32_t uid;

	if (g->items.at[0].lost || g->fault.kind == ERR_PROTO) {
		scan_failed(g);
		return;
	}
	seqset_copy(&missing, &s->asked);
	for (size_t i = 0; i < s->n; i++)
		seqset_del(&missing, s->at[i].uid, s->at[i].uid);
	g->next = scan_missed;
	g->need = 0;
	seqset_free(&s->unsure);
	if (g->items.at[0].no || s->blind) {
		s->blind = false;
		while (seqset_next(&missing, &it, &uid)) {
			struct seqset one = { 0 };

			seqset_add(&one, uid, uid);
			group_send(g, IMAP_DO_UID_FETCH, &one, READ_ITEMS_MAX, write_items, scan_reply,
			    scan_note);
			seqset_free(&one);
		}
	} else if (!seqset_empty(&missing)) {
		group_send(g, IMAP_DO_UID_FETCH, &missing, READ_ITEMS_MAX, write_items, scan_reply,
		    scan_note);
	}
	seqset_free(&missing);
	g->need = need;
	if (g->under_way == 0)
		scan_missed(g);
}

static void
scan_known(struct batch_group *g)
{
	g->scan->direct = false;
	g->next = scan_fetched;
	group_send(g, IMAP_DO_UID_FETCH, &g->scan->asked, READ_ITEMS_MAX, write_items, scan_reply,
	    scan_note);
}

/* ---- UIDs that are not known: SEARCH, or a direct FETCH */

static void
search_reply(struct batch_group *g, struct imap_reply *r)
{
	g->scan->blind |= r->kind == IMAP_BROKEN;
	if (r->set == NULL || (r->kind != IMAP_SEARCH && r->kind != IMAP_ESEARCH))
		return;
	if (r->kind == IMAP_ESEARCH && !(r->esearch.has & IMAP_ES_ALL))
		return;
	g->scan->blind |= r->incomplete;
	seqset_add_all(&g->scan->shown, r->set);
}

static void
searched(struct batch_group *g)
{
	struct imap_scan *s = g->scan;

	if (g->items.at[0].lost || g->items.at[0].no || s->blind) {
		s->direct = true;	/* the box is as it was before */
		scan_failed(g);
		return;
	}
	if (s->above > 0)
		seqset_del(&s->shown, 1, s->above);	/* n:* names the last one always */
	known_take(g->box, s->above, &s->shown);
	if (known_some(g->box, s->above, s->upto, s->limit, &s->asked) > 0)
		scan_known(g);
	else
		scan_answer(g);
}

static void
scan_search(struct batch_group *g)
{
	struct imap_op *op = imap_op_new(g->imap, IMAP_DO_UID_SEARCH);
	struct imap_cmd *c = imap_op_cmd(op);

	g->scan->direct = false;
	g->scan->blind = false;
	seqset_free(&g->scan->shown);
	g->box->moved_on = false;
	if (group_can(g, IMAP_CAP_ESEARCH))
		imap_cmd_raw(c, "RETURN (ALL) ");
	imap_cmd_raw(c, "UID ");
	imap_cmd_number(c, g->scan->above + 1);
	imap_cmd_raw(c, ":*");
	g->next = searched;
	group_command(g, op, search_reply, scan_note);
}

/* The replies are the list.  When one of them could not be read, a SEARCH has to say what is there. */
static void
fetched_new(struct batch_group *g)
{
	struct imap_scan *s = g->scan;

	if (g->items.at[0].lost || g->fault.kind == ERR_PROTO) {
		scan_failed(g);
		return;
	}
	if (g->items.at[0].no || s->blind) {
		g->items.at[0].no = false;
		seqset_free(&s->unsure);
		for (size_t i = 0; i < s->n; i++)
			message_unref(&s->at[i].m);
		s->n = 0;
		scan_search(g);
		return;
	}
	known_take(g->box, s->above, &s->shown);
	s->direct = false;
	scan_repair(g);
}

static void
scan_direct(struct batch_group *g)
{
	struct imap_scan *s = g->scan;
	struct imap_op *op = imap_op_new(g->imap, IMAP_DO_UID_FETCH);

	s->direct = true;
	g->box->moved_on = false;
	imap_op_uids_from(op, s->above + 1);
	imap_read_items(g->imap, op, g->need);
	g->next = fetched_new;
	group_command(g, op, scan_reply, scan_note);
}

/* Can it be only a few that are new? */
static bool
few(struct imap_box *b, const struct imap_scan *s)
{
	if (s->upto != 0)
		return false;
	if (b->exists > 0 && b->exists <= s->limit)
		return true;
	if (b->uidnext == 0)
		return false;
	if (s->above + 1 >= b->uidnext)		/* at the end as it was: what came since */
		return b->exists <= b->known_exists + s->limit;
	return !b->moved_on && b->uidnext - 1 - s->above <= s->limit;
}

void
imap_scan_begin(struct batch_group *g)
{
	struct request *r = scan_request(g);
	struct imap_box *b = g->box;
	struct imap_scan *s = g->scan = xcalloc(1, sizeof(*s));
	bool direct;

	s->above = r->uid;
	s->upto = r->upto;
	s->limit = r->limit > 0 ? r->limit : SCAN_LIMIT_DEFAULT;
	if (known_covers(b, s->above)) {
		if (known_some(b, s->above, s->upto, s->limit, &s->asked) > 0) {
			scan_known(g);
			return;
		}
		s->above = b->known_next - 1;
	}
	if (!may_have_more(b, s->above, s->upto)) {
		scan_answer(g);
		return;
	}
	direct = few(b, s);
	/* UIDNEXT may count what is only on its way: looked at from the last one that was seen. */
	if (known_covers(b, r->uid))
		s->above = MAX(r->uid, MAX(seqset_max(&b->known), b->known_above));
	if (direct)
		scan_direct(g);
	else
		scan_search(g);
}
