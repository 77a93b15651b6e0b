/*
 * FLAGS and EXPUNGE, each with its proof.
 *
 * FLAGS: UID STORE says OK whatever is there, so that a message is DONE when its FETCH
 * reply came; the others are asked for (servers send none when nothing changed).
 * EXPUNGE: \Deleted, UID EXPUNGE of exactly these, and a look that they are gone; a message
 * that was never there is GONE.  Without UIDPLUS nothing is expunged: a plain EXPUNGE
 * would take what others have marked (RFC 9051, 6.4.3).
 */
#include "source/imap_batch.h"

static const struct { unsigned bit; const char *name; } sys_names[] = {
	{ FLAG_SEEN, "\\Seen" }, { FLAG_FLAGGED, "\\Flagged" }, { FLAG_ANSWERED, "\\Answered" },
	{ FLAG_DRAFT, "\\Draft" }, { FLAG_DELETED, "\\Deleted" }, { FLAG_PASSED, "$Forwarded" },
};

size_t
imap_flag_words(const struct flags *f, struct view out[FLAG_WORDS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sys_names); i++)
		if (f->sys & sys_names[i].bit)
			out[n++] = view_of(sys_names[i].name);
	for (size_t i = 0; i < f->n && n < FLAG_WORDS_MAX; i++)
		out[n++] = view_of(f->at[i]);
	return n;
}

/* ---- what is written behind a set, and the replies that tell what is there */

void
imap_write_deleted(struct batch_group *g, struct imap_op *op)
{
	(void)g;
	imap_cmd_raw(imap_op_cmd(op), " +FLAGS.SILENT (\\Deleted)");
}

void
imap_write_uid(struct batch_group *g, struct imap_op *op)
{
	(void)g;
	imap_cmd_raw(imap_op_cmd(op), " (UID)");
}

static void
write_uid_flags(struct batch_group *g, struct imap_op *op)
{
	(void)g;
	imap_cmd_raw(imap_op_cmd(op), " (UID FLAGS)");
}

static struct batch_item *
item_of(struct batch_group *g, const struct imap_reply *r)
{
	uint32_t uid = r->kind == IMAP_BROKEN ? r->uid : r->kind == IMAP_FETCH &&
	    (r->fetch.has & IMAP_F_UID) ? r->fetch.uid : 0;

	g->blind |= uid == 0 && (r->kind == IMAP_BROKEN || r->kind == IMAP_FETCH);
	return uid != 0 ? group_item(g, uid) : NULL;
}

void
imap_reply_seen(struct batch_group *g, struct imap_reply *r)
{
	struct batch_item *it = item_of(g, r);

	if (it != NULL)
		it->seen = true;
}

void
imap_reply_was(struct batch_group *g, struct imap_reply *r)
{
	struct batch_item *it = item_of(g, r);

	if (it != NULL)
		it->was = true;
}

/* Of a FETCH that tells what is there: silence about a UID means something after OK only, and
 * when all that was said could be read. */
void
imap_note_checked(struct batch_group *g, struct seqset *set, const struct imap_answer *a)
{
	bool told = a->result != NULL && !g->blind && (a->result->cond == IMAP_OK ||
	    (a->result->code == IMAP_CODE_EXPUNGEISSUED && seqset_count(set) == 1));

	if (!told) {
		group_note(g, set, a);
		return;
	}
	for (size_t i = 0; i < g->items.n; i++)
		g->items.at[i].checked |= seqset_has(set, g->items.at[i].uid);
}

/* ---- FLAGS */

/* The first of f that a mailbox keeping `kept` (or any keyword) does not have; NULL: none. */
static const char *
first_missing(const struct flags *f, const struct imap_flags *in, const struct flags *kept, bool any)
{
	unsigned sys = f->sys & ~(in != NULL ? in->sys : kept->sys);

	if (any)
		sys &= ~(unsigned)FLAG_PASSED;
	for (size_t i = 0; i < ARRAY_LEN(sys_names); i++)
		if (sys & sys_names[i].bit)
			return sys_names[i].name;
	for (size_t i = 0; i < f->n && !any; i++) {
		bool has = in == NULL && flags_has(kept, 0, view_of(f->at[i]));

		for (size_t k = 0; in != NULL && !has && k < in->keywords.n; k++)
			has = view_ieq(in->keywords.at[k], view_of(f->at[i]));
		if (!has)
			return f->at[i];
	}
	return NULL;
}

static bool
has_any(const struct flags *f, const struct imap_flags *in)
{
	if (f->sys & in->sys)
		return true;
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < in->keywords.n; k++)
			if (view_ieq(in->keywords.at[k], view_of(f->at[i])))
				return true;
	return false;
}

static void
write_flags(struct imap_op *op, const char *how, const struct flags *f)
{
	struct view words[FLAG_WORDS_MAX];
	size_t n = imap_flag_words(f, words);

	imap_cmd_raw(imap_op_cmd(op), how);
	imap_cmd_flags(imap_op_cmd(op), words, n);
}

static void
write_add(struct batch_group *g, struct imap_op *op)
{
	write_flags(op, " +FLAGS ", &g->add);
}

static void
write_del(struct batch_group *g, struct imap_op *op)
{
	write_flags(op, " -FLAGS ", &g->del);
}

static size_t
flags_length(const struct flags *f)
{
	struct view words[FLAG_WORDS_MAX];
	size_t n = imap_flag_words(f, words), bytes = 16;

	for (size_t i = 0; i < n; i++)
		bytes += words[i].n + 1;
	return bytes;
}

static void
flags_reply(struct batch_group *g, struct imap_reply *r)
{
	struct batch_item *it = item_of(g, r);

	if (it == NULL)
		return;
	it->seen = true;
	if (r->kind != IMAP_FETCH || !(r->fetch.has & IMAP_F_FLAGS))
		return;
	it->proven = first_missing(&g->add, &r->fetch.flags, NULL, false) == NULL &&
	    !has_any(&g->del, &r->fetch.flags);
}

static void
flags_checked(struct batch_group *g)
{
	struct err e = ERR_NONE;

	group_err(g, &e, ERR_REFUSED, "the server did not keep the flags as they were set");
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL)
			continue;
		if (it->lost)
			group_lose(g, it);
		else if (it->seen && it->proven)
			group_answer(g, it, RESULT_DONE);
		else if (it->seen || !it->checked)
			group_fail(g, it, err_is(&g->fault) ? &g->fault : &e);
		else
			group_answer(g, it, RESULT_GONE);
	}
	group_end(g);
}

/* Those whose FETCH came have them, if the server said OK; the others are asked for. */
static void
flags_stored(struct batch_group *g)
{
	struct seqset left = { 0 };

	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->lost) {
			group_lose(g, it);
		} else if (it->seen && !it->no) {
			group_answer(g, it, RESULT_DONE);
		} else {
			seqset_add(&left, it->uid, it->uid);
			it->seen = it->proven = false;
		}
	}
	if (seqset_empty(&left)) {
		group_end(g);
		return;
	}
	g->blind = false;
	g->next = flags_checked;
	group_send(g, IMAP_DO_UID_FETCH, &left, 16, write_uid_flags, flags_reply,
	    imap_note_checked);
	seqset_free(&left);
}

void
imap_flags_begin(struct batch_group *g)
{
	const struct imap_selected *sel = imap_selected(g->imap);
	bool known = sel != NULL && sel->flags_known;
	const char *missing = known ? first_missing(&g->add, NULL, &sel->flags, sel->flags_any) : NULL;
	struct seqset left = { 0 };
	struct err e = ERR_NONE;

	if (missing != NULL) {
		group_err(g, &e, ERR_REFUSED, "the server keeps no \"%.100s\" in it", missing);
		group_fail_all(g, &e);
		group_end(g);
		return;
	}
	group_left(g, &left);
	g->next = flags_stored;
	if (g->add.sys != 0 || g->add.n > 0)
		group_send(g, IMAP_DO_UID_STORE, &left, flags_length(&g->add), write_add, flags_reply,
		    group_note);
	if (g->del.sys != 0 || g->del.n > 0)
		group_send(g, IMAP_DO_UID_STORE, &left, flags_length(&g->del), write_del, flags_reply,
		    group_note);
	if (g->under_way == 0) {
		g->next = flags_checked;
		group_send(g, IMAP_DO_UID_FETCH, &left, 16, write_uid_flags, flags_reply,
		    imap_note_checked);
	}
	seqset_free(&left);
}

/* ---- EXPUNGE */

static void
expunge_ended(struct batch_group *g)
{
	bool plus = group_can(g, IMAP_CAP_UIDPLUS);
	struct err e = ERR_NONE;

	if (plus)
		group_err(g, &e, ERR_REFUSED, "the server did not expunge the message");
	else
		group_err(g, &e, ERR_REFUSED, "the message is marked \\Deleted and stays: the server has no "
		    "UIDPLUS, and EXPUNGE would remove what others have marked as well");
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->lost)
			group_lose(g, it);
		else if (it->seen || !it->checked)
			group_fail(g, it, err_is(&g->fault) ? &g->fault : &e);
		else
			group_answer(g, it, plus && it->was ? RESULT_DONE : RESULT_GONE);
	}
	group_end(g);
}

/*
 * A message that was \Deleted before may bring no FETCH reply; so what was there is asked for in
 * front, in the same write.
 */
void
imap_expunge_begin(struct batch_group *g)
{
	struct seqset left = { 0 };

	group_left(g, &left);
	g->next = expunge_ended;
	group_send(g, IMAP_DO_UID_FETCH, &left, 8, imap_write_uid, imap_reply_was, group_note);
	group_send(g, IMAP_DO_UID_STORE, &left, 32, imap_write_deleted, NULL, group_note);
	if (group_can(g, IMAP_CAP_UIDPLUS))
		group_send(g, IMAP_DO_UID_EXPUNGE, &left, 0, NULL, NULL, group_note);
	group_send(g, IMAP_DO_UID_FETCH, &left, 8, imap_write_uid, imap_reply_seen,
	    imap_note_checked);
	seqset_free(&left);
}
