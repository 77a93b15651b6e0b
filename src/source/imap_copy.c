/*
 * COPY and MOVE.  A tagged OK is no proof, since UID commands pass over what is not there:
 * the source set of COPYUID is one (RFC 4315, 3), tagged or untagged, also in front of a NO.
 * What it does not name is looked for: gone, or still there and FAILED.  A NO to MOVE may
 * stand behind copies that were made (RFC 6851, 4.3): whether these originals went is looked for too.
 *
 * MOVE without the capability: COPY, then of exactly the proven ones \Deleted, UID EXPUNGE, and a
 * look that they are gone; what stays is COPIED_ONLY.  Without UIDPLUS the target's count
 * before and after is the proof, the originals are marked \Deleted and left: a plain
 * EXPUNGE would remove what others have marked.
 *
 * A target that is missing is made once where the request allows it.
 */
#include "source/imap_batch.h"

static void copy_start(struct batch_group *g);
static void copy_delete(struct batch_group *g);

/* MOVE by COPY: the proven ones are not done yet. */
static bool
by_copy(const struct batch_group *g)
{
	return g->kind == REQ_MOVE && !g->copy.moves;
}

/* ---- the proof */

static void
take_copyuid(struct batch_group *g, const struct imap_result *res)
{
	struct seq_pairs p;
	struct seq_run run;

	if (res->code != IMAP_CODE_COPYUID || res->code_bad)
		return;
	seq_pairs_begin(&p, res->src, res->dst);
	while (seq_pairs_next(&p, &run))
		continue;
	if (p.broken)
		return;
	seq_pairs_begin(&p, res->src, res->dst);
	while (seq_pairs_next(&p, &run)) {
		for (size_t i = group_from(g, run.src); i < g->items.n; i++) {
			struct batch_item *it = &g->items.at[i];

			if (it->uid - run.src >= run.n)
				break;
			if (it->r == NULL)
				continue;
			it->proven = true;
			it->r->new_uidvalidity = res->uidvalidity;
			it->r->new_uid = run.dst + (it->uid - run.src);
		}
	}
}

static void
copy_reply(struct batch_group *g, struct imap_reply *r)
{
	if (r->kind == IMAP_CONDITION)
		take_copyuid(g, &r->cond);
}

static void
copy_done(struct batch_group *g, struct seqset *set, const struct imap_answer *a)
{
	bool proof = false;

	group_note(g, set, a);
	if (a->result == NULL)
		return;
	take_copyuid(g, a->result);
	g->copy.missing |= imap_target_missing(a->result);
	/* COPY does nothing then; of a MOVE the COPYUID tells. */
	g->copy.repeat |= a->result->cond == IMAP_NO && a->result->code == IMAP_CODE_EXPUNGEISSUED &&
	    (!g->copy.moves || g->copy.plus);
	for (size_t i = 0; i < g->items.n; i++)
		proof |= g->items.at[i].proven && seqset_has(set, g->items.at[i].uid);
	for (size_t i = 0; i < g->items.n; i++)
		if (a->result->cond == IMAP_OK && !proof && seqset_has(set, g->items.at[i].uid))
			g->items.at[i].bare = true;
}

/* ---- the target's count, where there is no UIDPLUS */

static void
status_before(struct batch_group *g, struct imap_reply *r)
{
	if (r->kind == IMAP_STATUS)
		g->copy.before = r->status;
}

static void
status_after(struct batch_group *g, struct imap_reply *r)
{
	if (r->kind == IMAP_STATUS)
		g->copy.after = r->status;
}

/* Where nobody says what was there, it was: the answer of COPY or MOVE decides about a loss. */
static void
was_done(struct batch_group *g, struct seqset *set, const struct imap_answer *a)
{
	if (a->result == NULL || a->result->cond == IMAP_OK)
		return;
	for (size_t i = 0; i < g->items.n; i++)
		g->items.at[i].was |= seqset_has(set, g->items.at[i].uid);
}

static void
status_done(struct batch_group *g, struct seqset *set, const struct imap_answer *a)
{
	(void)g;
	(void)set;
	(void)a;	/* without an answer there is no proof */
}

/* ---- the end of what was not moved */

static void
copied_only(struct batch_group *g, struct batch_item *it, const char *why)
{
	struct err e = ERR_NONE;

	if (!it->lost && err_is(&g->fault)) {
		e = g->fault;
		err_prefix(&e, "the message was copied, the original stays");
		e.temporary = false;
	}
	err_set(&e, it->lost ? ERR_NET : ERR_REFUSED, SCOPE_MESSAGE, "%s: the message was copied, "
	    "the original %s: %s", g->what, it->lost ? "may still be there" : "stays", why);
	it->r->err = e;
	group_answer(g, it, RESULT_COPIED_ONLY);
}

/* The copy that MOVE made is there, and a look has told about the original, or could not. */
static void
moved(struct batch_group *g, struct batch_item *it)
{
	if (it->lost)
		copied_only(g, it, "the connection was lost before the server said that it went");
	else if (it->seen || !it->checked)
		copied_only(g, it, "the server did not remove it");
	else
		group_answer(g, it, RESULT_DONE);
}

/* Without a COPYUID nobody tells whether a NO to MOVE stands behind a copy: it is not tried again. */
static void
copy_fail(struct batch_group *g, struct batch_item *it, struct err *e)
{
	if (g->copy.moves && !g->copy.plus)
		e->temporary = false;
	group_fail(g, it, e);
}

/* The look was refused: after an OK it may have happened. */
static void
not_told(struct batch_group *g, struct batch_item *it)
{
	struct err e = g->fault;

	if (it->bare) {
		err_clear(&e);
		group_err(g, &e, ERR_HELD, "the server says OK to a copy into '%.60s', gives no proof of it "
		    "(COPYUID), and does not tell what is left: it may have happened", g->target);
	}
	group_err(g, &e, ERR_PROTO, "what the server says of the message with UID %u could not be read",
	    it->uid);
	copy_fail(g, it, &e);
}

/* Still in the mailbox, as a look has shown, and no COPYUID names it. */
static void
stayed(struct batch_group *g, struct batch_item *it)
{
	struct err e = ERR_NONE;

	if (it->bare && g->kind == REQ_COPY) {
		/* OK, and it was there all the time: it was copied, its new UID is not known. */
		group_answer(g, it, RESULT_DONE);
		return;
	}
	if (it->bare && by_copy(g))
		group_err(g, &e, ERR_HELD, "the server says OK to a copy into '%.60s' and gives no proof "
		    "of it (COPYUID); it may have happened, the original was left where it is", g->target);
	else if (err_is(&g->fault))
		e = g->fault;
	else
		group_err(g, &e, ERR_REFUSED, "the server says OK and left the message where it is");
	copy_fail(g, it, &e);
}

static void
copy_end(struct batch_group *g)
{
	if (group_left(g, NULL) > 0)
		copy_delete(g);
	else
		group_end(g);
}

/* A look at the mailbox has told what is there. */
static void
copy_checked(struct batch_group *g)
{
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL || (it->proven && by_copy(g)))
			continue;
		if (it->proven) {
			moved(g, it);
		} else if (it->lost) {
			/* After an OK without a proof it may have happened, or a NO to MOVE that has none. */
			it->sent = it->bare || (it->no && g->copy.moves && !g->copy.plus);
			group_lose(g, it);
		} else if (it->seen) {
			stayed(g, it);
		} else if (!it->checked) {
			not_told(g, it);
		} else {
			group_answer(g, it, g->copy.moves && it->bare && it->was ? RESULT_DONE : RESULT_GONE);
		}
	}
	copy_end(g);
}

/* ---- after COPY or MOVE */

/*
 * No COPYUID exists here: what was there and got an OK counts, if the target shows it.  Each step
 * for itself: between two of them others have copied to the same place.
 */
static void
prove_by_count(struct batch_group *g)
{
	bool grew;

	g->copy.n = 0;
	for (size_t i = 0; i < g->items.n; i++)
		g->copy.n += g->items.at[i].r != NULL && g->items.at[i].bare && !g->items.at[i].counted &&
		    g->items.at[i].was;
	grew = by_copy(g) && imap_target_grew(&g->copy.before, &g->copy.after, g->copy.n);
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL || !it->bare || it->counted)
			continue;
		it->counted = true;
		if (!it->was)
			group_answer(g, it, RESULT_GONE);
		else if (g->kind == REQ_COPY)
			group_answer(g, it, RESULT_DONE);
		else
			it->proven = grew;
	}
}

/* What is proven, and what has to be looked for. */
static void
copy_settle(struct batch_group *g)
{
	struct seqset unproven = { 0 };

	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL)
			continue;
		if (it->proven && !by_copy(g) && !(g->copy.moves && it->no))
			group_answer(g, it, RESULT_DONE);
		else if (!it->proven || !by_copy(g))
			seqset_add(&unproven, it->uid, it->uid);
	}
	g->blind = false;
	g->next = copy_checked;
	if (seqset_empty(&unproven))
		copy_end(g);
	else
		group_send(g, IMAP_DO_UID_FETCH, &unproven, 8, imap_write_uid, imap_reply_seen,
		    imap_note_checked);
	seqset_free(&unproven);
}

/* There is no target.  Another command of the same step may have found it all the same. */
static void
copy_refused(struct batch_group *g, struct err e)
{
	/* ERR_GONE is said of the mailbox the messages are in. */
	if (e.kind == ERR_GONE)
		e.kind = ERR_REFUSED;
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL || it->proven || it->bare)
			continue;
		if (it->lost)
			group_lose(g, it);
		else
			group_fail(g, it, &e);
	}
	copy_settle(g);
}

static void
create_done(struct batch_group *g, struct seqset *set, const struct imap_answer *a)
{
	group_note(g, set, a);
	g->copy.missing = !imap_target_made(g->box->source, g->imap, str_view(&g->wire),
	    a);
	if (a->result == NULL)
		for (size_t i = 0; i < g->items.n; i++)
			g->items.at[i].lost = true;
}

static void
create_ended(struct batch_group *g)
{
	if (g->copy.missing) {
		copy_refused(g, g->fault);
		return;
	}
	err_clear(&g->fault);
	copy_start(g);
}

static void
target_missing(struct batch_group *g)
{
	struct err e = ERR_NONE;

	if (g->create && !g->copy.created) {
		g->copy.created = true;
		err_clear(&g->fault);
		g->next = create_ended;
		group_command(g, imap_target_create(g->imap, str_view(&g->wire)), NULL, create_done);
		return;
	}
	if (g->create)
		e = g->fault;
	imap_target_err(&e, g->box->source, g->target);
	copy_refused(g, e);
}

static void
copied(struct batch_group *g)
{
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL || !it->lost)
			continue;
		if (it->proven && g->copy.moves)
			moved(g, it);
		else
			group_lose(g, it);
	}
	if (!g->copy.plus && !g->copy.moves)
		prove_by_count(g);
	if (g->copy.missing && group_left(g, NULL) > 0) {
		target_missing(g);
	} else if (g->copy.repeat && !g->copy.repeated) {
		g->copy.repeated = true;
		err_clear(&g->fault);
		copy_start(g);
	} else {
		copy_settle(g);
	}
}

/* ---- MOVE by COPY: the originals */

static void
copy_deleted(struct batch_group *g)
{
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL)
			continue;
		if (it->lost)
			copied_only(g, it, "the connection was lost before it was removed");
		else if (!g->copy.plus)
			copied_only(g, it, "the server has no UIDPLUS, so it was marked \\Deleted only");
		else if (it->seen || !it->checked)
			copied_only(g, it, "the server did not remove it");
		else
			group_answer(g, it, RESULT_DONE);
	}
	group_end(g);
}

static void
copy_delete(struct batch_group *g)
{
	struct seqset proven = { 0 };

	group_left(g, &proven);
	for (size_t i = 0; i < g->items.n; i++)
		g->items.at[i].seen = g->items.at[i].checked = g->items.at[i].no = false;
	err_clear(&g->fault);
	g->blind = false;
	g->next = copy_deleted;
	group_send(g, IMAP_DO_UID_STORE, &proven, 32, imap_write_deleted, NULL, group_note);
	if (g->copy.plus) {
		group_send(g, IMAP_DO_UID_EXPUNGE, &proven, 0, NULL, NULL, group_note);
		group_send(g, IMAP_DO_UID_FETCH, &proven, 8, imap_write_uid, imap_reply_seen,
		    imap_note_checked);
	}
	seqset_free(&proven);
}

/* ---- the beginning */

static void
write_target(struct batch_group *g, struct imap_op *op)
{
	imap_cmd_raw(imap_op_cmd(op), " ");
	imap_op_mailbox(op, str_view(&g->wire));
}

/*
 * All of one flight; where there is no UIDPLUS, looks before and behind.  The second time of those
 * alone that were refused: what had an OK may be there.
 */
static void
copy_start(struct batch_group *g)
{
	struct seqset left = { 0 };
	bool count = !g->copy.plus && by_copy(g);

	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL || it->proven || it->bare)
			continue;
		seqset_add(&left, it->uid, it->uid);
		it->no = it->seen = it->checked = false;
	}
	g->copy.missing = g->copy.repeat = false;
	g->copy.before.has = g->copy.after.has = 0;
	g->next = copied;
	if (!g->copy.plus)
		group_send(g, IMAP_DO_UID_FETCH, &left, 8, imap_write_uid, imap_reply_was, was_done);
	if (count)
		group_command(g, imap_target_status(g->imap, str_view(&g->wire)), status_before, status_done);
	group_send(g, g->copy.moves ? IMAP_DO_UID_MOVE : IMAP_DO_UID_COPY, &left, g->wire.len + 32,
	    write_target, copy_reply, copy_done);
	if (count)
		group_command(g, imap_target_status(g->imap, str_view(&g->wire)), status_after, status_done);
	seqset_free(&left);
	if (g->under_way == 0)
		copied(g);
}

void
imap_copy_begin(struct batch_group *g)
{
	struct err e = ERR_NONE;

	if (imap_box_wire(g->box->source, g->imap, g->target, &g->wire, &e) < 0) {
		group_fail_all(g, &e);
		group_end(g);
		return;
	}
	if (g->kind == REQ_MOVE && g->box->wire != NULL && view_is(str_view(&g->wire), g->box->wire)) {
		/* A MOVE to where it is makes a new message, again and again. */
		group_err(g, &e, ERR_REFUSED, "a message cannot be moved to where it is");
		group_fail_all(g, &e);
		group_end(g);
		return;
	}
	g->copy.plus = group_can(g, IMAP_CAP_UIDPLUS);
	g->copy.moves = g->kind == REQ_MOVE && group_can(g, IMAP_CAP_MOVE);
	copy_start(g);
}
