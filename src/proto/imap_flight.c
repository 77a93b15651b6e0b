/*
 * Commands on their way: one queue in the order of submission, as many in flight as may
 * overlap.  The rules of overlap are the table below; RFC 9051, 5.5 is their ground, what
 * servers really do their reason.  Nothing overtakes: when the first one has to wait, all do.
 */
#include "proto/imap_int.h"

#include <stdio.h>
#include <stdlib.h>

#define TARGETS_MAX	1000u
#define APPEND_PART	((size_t)256)	/* of its literal in the window: who appends bounds them */

/* Their UIDs, or (NOOP, IDLE, all that take no argument) their replies, are the mailbox's. */
#define USES_SELECTED	(IMAPV_READS | IMAPV_CHANGES | IMAPV_SELECT | IMAPV_BARE)

static const struct verb_row { const char *words; unsigned flags; } verbs[] = {
#define X(sym, words, flags) { words, flags },
	IMAP_VERBS(X)
#undef X
};

const char *
imap_verb_words(enum imap_verb v)
{
	assert(v < IMAP_VERB_END);
	return verbs[v].words;
}

unsigned
imap_verb_flags(enum imap_verb v)
{
	return verbs[v].flags;
}

/* ---- what may overlap */

enum when { ALWAYS, SAME_VERB, SAME_MAILBOX, SAME_UIDS, NO_ESEARCH, TARGET_UNKNOWN };

/* The later command waits while an earlier one is in flight: any flag of each column. */
static const struct overlap {
	unsigned	 first, then;
	enum when	 when;
	const char	*why;
} overlaps[] = {
	{ IMAPV_BARRIER, ~0u, ALWAYS, "Cyrus swallows what stands behind AUTHENTICATE" },
	/* Not for LIST, STATUS, APPEND and what else says its mailbox: a start is one flight. */
	{ USES_SELECTED, IMAPV_SELECT, ALWAYS, "what is in flight is about the old mailbox" },
	{ IMAPV_SELECT, ~0u, ALWAYS, "Courier says no [CLOSED]: nothing tells the mailboxes apart" },
	{ IMAPV_ALONE, IMAPV_ALONE, SAME_VERB, "the replies carry no tag" },
	{ IMAPV_LIST, IMAPV_LIST, ALWAYS, "the replies carry no tag" },
	{ IMAPV_STATUS, IMAPV_STATUS, SAME_MAILBOX, "the replies carry the mailbox only" },
	{ IMAPV_SEARCH, IMAPV_SEARCH, NO_ESEARCH, "SEARCH replies carry no tag; ESEARCH ones do" },
	{ IMAPV_CHANGES, IMAPV_SEARCH, ALWAYS, "Dovecot answers with what was before the change" },
	{ IMAPV_CHANGES, IMAPV_READS, SAME_UIDS, "FETCH and STORE of one message: either order" },
	{ IMAPV_READS, IMAPV_CHANGES, SAME_UIDS, "the message may go before it was read" },
	{ IMAPV_NAMES, IMAPV_NAMES | IMAPV_LIST | IMAPV_STATUS | IMAPV_TARGET, ALWAYS,
	    "the mailbox has to be there first" },
	{ IMAPV_LIST | IMAPV_STATUS | IMAPV_TARGET, IMAPV_NAMES, ALWAYS,
	    "the mailbox has to stay until then" },
	{ IMAPV_TARGET, IMAPV_TARGET, TARGET_UNKNOWN, "no queue of commands that may all fail" },
	{ IMAPV_TARGET, IMAPV_STATUS, SAME_MAILBOX, "the count is to have the new message" },
	{ IMAPV_STATUS, IMAPV_TARGET, SAME_MAILBOX, "the count is not to have the new message" },
};

bool
imap_is_target(const struct imap *m, struct view mailbox)
{
	for (size_t i = 0; i < m->targets.n; i++)
		if (view_is(mailbox, m->targets.at[i]))
			return true;
	return false;
}

static void
target_learn(struct imap *m, const char *name)
{
	if (name != NULL && m->targets.n < TARGETS_MAX && !imap_is_target(m, view_of(name)))
		VEC_PUSH(&m->targets, xstrdup(name));
}

static bool
same_mailbox(const struct imap_op *a, const struct imap_op *b)
{
	return a->mailbox != NULL && b->mailbox != NULL && strcmp(a->mailbox, b->mailbox) == 0;
}

static bool
sets_meet(struct imap_op *a, struct imap_op *b)
{
	size_t i = 0, k = 0;

	if (a->from != 0 || b->from != 0)
		return a->from != 0 && b->from != 0 ? true : a->from != 0 ?
		    seqset_max(&b->set) >= a->from : seqset_max(&a->set) >= b->from;
	seqset_tidy(&a->set);
	seqset_tidy(&b->set);
	while (i < a->set.n && k < b->set.n) {
		const struct seq_range *x = &a->set.at[i], *y = &b->set.at[k];

		if (x->hi < y->lo)
			i++;
		else if (y->hi < x->lo)
			k++;
		else
			return true;
	}
	return false;
}

static bool
row_holds(const struct overlap *o, struct imap_op *a, struct imap_op *b)
{
	switch (o->when) {
	case ALWAYS:
		return true;
	case SAME_VERB:
		return a->verb == b->verb;
	case SAME_MAILBOX:
		return same_mailbox(a, b);
	case SAME_UIDS:
		return sets_meet(a, b);
	case NO_ESEARCH:
		return !imap_can(a->imap, IMAP_CAP_ESEARCH);
	case TARGET_UNKNOWN:
		return same_mailbox(a, b) && !imap_is_target(a->imap, view_of(b->mailbox));
	}
	return true;
}

/* Has b to wait for a? */
static bool
must_wait(struct imap_op *a, struct imap_op *b)
{
	if (a->verb == IMAP_DO_IDLE && a->over)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(overlaps); i++)
		if ((verbs[a->verb].flags & overlaps[i].first || overlaps[i].first == ~0u) &&
		    (verbs[b->verb].flags & overlaps[i].then || overlaps[i].then == ~0u) &&
		    row_holds(&overlaps[i], a, b))
			return true;
	return false;
}

/* ---- life */

struct imap_op *
imap_op_new(struct imap *m, enum imap_verb v)
{
	struct imap_op *op = xcalloc(1, sizeof(*op));

	CHECK(m, IMAP_MAGIC);
	list_init(&op->link);
	op->imap = m;
	op->verb = v;
	imap_tags_next(&m->tags, op->tag);
	op->cmd = imap_cmd_new(&m->syntax, op->tag);
	if (v != IMAP_DO_APPEND)	/* imap_cmd_append() writes all of it */
		imap_cmd_raw(op->cmd, verbs[v].words);
	if (v != IMAP_DO_APPEND && !(verbs[v].flags & IMAPV_BARE))
		imap_cmd_raw(op->cmd, " ");
	return op;
}

struct imap_op *
imap_op_own(struct imap *m, enum imap_verb v, imap_done_fn done)
{
	struct imap_op *op = imap_op_new(m, v);

	op->own = true;
	op->done = done;
	op->arg = m;
	return op;
}

void
imap_op_free(struct imap_op **opp)
{
	struct imap_op *op = *opp;

	*opp = NULL;
	list_remove(&op->link);
	imap_cmd_free(&op->cmd);
	seqset_free(&op->set);
	free(op->mailbox);
	free(op);
}

void
imap_op_drop(struct imap_op **op)
{
	if (*op != NULL)
		imap_op_free(op);
}

struct imap_cmd *
imap_op_cmd(struct imap_op *op)
{
	return op->cmd;
}

struct seqset *
imap_op_set(struct imap_op *op)
{
	return &op->set;
}

uint64_t
imap_op_uids(struct imap_op *op, struct seqset *s, struct seq_iter *it, size_t reserve)
{
	size_t room = imap_cmd_room(op->cmd, reserve);
	struct str piece = STR_INIT;
	struct err e = ERR_NONE;
	uint64_t n = 0;

	if (seqset_piece(s, it, MAX(room, (size_t)SEQ_PIECE_MIN), 0, &piece)) {
		imap_cmd_set(op->cmd, str_view(&piece));
		if (seqset_parse(&op->set, str_view(&piece), &e) == 0)
			n = seqset_count(&op->set);
	}
	str_free(&piece);
	return n;
}

void
imap_op_uids_from(struct imap_op *op, uint32_t first)
{
	char text[24];

	snprintf(text, sizeof(text), "%u:*", first);
	imap_cmd_set(op->cmd, view_of(text));
	op->from = first;
}

static void
op_is_about(struct imap_op *op, struct view name)
{
	free(op->mailbox);
	op->mailbox = view_iis(name, "INBOX") ? xstrdup("INBOX") : view_dup(name);
}

void
imap_op_mailbox(struct imap_op *op, struct view name)
{
	imap_cmd_mailbox(op->cmd, name);
	op_is_about(op, name);
}

void
imap_op_append(struct imap_op *op, const struct imap_append *a)
{
	imap_cmd_append(op->cmd, a);
	op_is_about(op, a->mailbox);
}

void
imap_op_send(struct imap_op *op, imap_reply_fn reply, imap_done_fn done, void *arg)
{
	struct imap *m = op->imap;

	CHECK(m, IMAP_MAGIC);
	op->reply = reply;
	op->done = done;
	op->arg = arg;
	if (imap_cmd_end(op->cmd, &op->fault) == 0)
		for (size_t i = 0; i < imap_cmd_parts(op->cmd); i++)
			op->bytes += MIN(imap_cmd_part(op->cmd, i).bytes.n,
			    op->verb == IMAP_DO_APPEND ? APPEND_PART : IMAP_LINE_DEFAULT);
	list_append(&m->waiting, &op->link);
}

/* ---- ends */

/* Answers it; whoever is told may send more, so nothing of it is used after. */
void
imap_op_finish(struct imap_op *op, const struct imap_result *res, const struct err *e)
{
	struct imap *m = op->imap;
	struct imap_answer a = { .result = res, .sent = op->flying && m->writing != op };
	imap_done_fn done = op->done;

	if (e != NULL)
		a.err = *e;
	list_remove(&op->link);
	if (op->flying) {
		m->in_flight--;
		m->flight_bytes -= op->bytes;
	}
	if (m->idling == op)
		m->idling = NULL;
	if (res != NULL && res->cond == IMAP_OK && (verbs[op->verb].flags & IMAPV_TARGET))
		target_learn(m, op->mailbox);
	if (res != NULL && (verbs[op->verb].flags & IMAPV_NAMES))
		while (m->targets.n > 0)
			free(VEC_POP(&m->targets));
	op->done = NULL;
	if (done != NULL)
		done(op->arg, &a);
	if (m->writing == op && res != NULL && (op->off > 0 ||
	    !imap_cmd_part(op->cmd, op->part).wait || op->plus)) {
		/* Its literal is half way out: the rest has to follow, or the server loses its place. */
		op->answered = true;
		return;
	}
	if (m->writing == op)
		m->writing = NULL;
	imap_op_free(&op);
}

void
imap_fail_all(struct imap *m, const struct err *e)
{
	struct link *lists[] = { &m->flight, &m->waiting };

	if (m->writing != NULL && m->writing->answered) {
		imap_op_free(&m->writing);
		m->writing = NULL;
	}
	/* What they submit when they are told fails as well. */
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		while (!list_empty(lists[i]))
			imap_op_finish(LIST_ITEM(lists[i]->next, struct imap_op, link), NULL, e);
}

/* ---- finding */

struct imap_op *
imap_flight_tag(struct imap *m, struct view tag)
{
	LIST_EACH(&m->flight, it) {
		struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

		if (view_is(tag, op->tag))
			return op;
	}
	return NULL;
}

struct imap_op *
imap_flight_find(struct imap *m, unsigned flags)
{
	LIST_EACH(&m->flight, it) {
		struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

		if (verbs[op->verb].flags & flags)
			return op;
	}
	return NULL;
}

bool
imap_op_has(struct imap_op *op, uint32_t uid)
{
	return op->from != 0 ? uid >= op->from : seqset_has(&op->set, uid);
}

/* ---- what goes next */

static bool
may_go(struct imap *m, struct imap_op *op)
{
	if (!op->own && m->stage != STAGE_READY)
		return false;
	if (m->in_flight >= IMAP_WINDOW ||
	    (m->in_flight > 0 && m->flight_bytes + op->bytes > IMAP_WINDOW_BYTES))
		return false;
	LIST_EACH(&m->flight, it)
		if (must_wait(LIST_ITEM(it, struct imap_op, link), op))
			return false;
	return true;
}

static void
idle_done(void *arg, const struct imap_answer *a)
{
	struct imap *m = arg;

	/* A NO or BAD before "+": this server has no IDLE, whatever it says.  A loss is no word. */
	if (a->result != NULL && a->result->cond != IMAP_OK)
		m->idle_refused = true;
	m->polled_at = m->now;
}

/* IDLE goes when nothing else has to, also behind reads that are still under way. */
static bool
idle_may_go(struct imap *m)
{
	if (!m->idle_wanted || m->idling != NULL || m->sel.name == NULL || m->stage != STAGE_READY ||
	    !imap_can_idle(m) || !list_empty(&m->waiting))
		return false;
	LIST_EACH(&m->flight, it) {
		struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

		if (!(verbs[op->verb].flags & IMAPV_READS) && op->verb != IMAP_DO_NOOP &&
		    !(op->verb == IMAP_DO_IDLE && op->over))
			return false;
	}
	return m->in_flight < IMAP_WINDOW;
}

/* Ends the IDLE under way, once the server idles: only then does it wait for DONE. */
static void
idle_end(struct imap *m)
{
	struct imap_cmd *c;

	if (m->idling == NULL || !m->idling->plus || m->line != NULL)
		return;
	c = imap_cmd_new(&m->syntax, NULL);
	imap_cmd_raw(c, "DONE");
	imap_line(m, c, false);
	m->idling->over = true;
	m->idling = NULL;
}

void
imap_line(struct imap *m, struct imap_cmd *c, bool sasl)
{
	struct err e = ERR_NONE;

	assert(m->line == NULL);
	if (imap_cmd_end(c, &e) < 0) {
		imap_cmd_free(&c);
		imap_end(m, e.kind, false, "%s", e.text);
		return;
	}
	m->line = c;
	m->line_part = m->line_off = 0;
	m->line_sasl = sasl;
}

struct imap_op *
imap_flight_next(struct imap *m)
{
	struct imap_op *op = NULL;

	while (!list_empty(&m->waiting)) {
		op = LIST_ITEM(m->waiting.next, struct imap_op, link);
		if (!err_is(&op->fault))
			break;
		imap_op_finish(op, NULL, &op->fault);
	}
	if (!list_empty(&m->waiting)) {
		op = LIST_ITEM(m->waiting.next, struct imap_op, link);
		if (m->idling != NULL)
			idle_end(m);
		if (m->line != NULL || !may_go(m, op))
			return NULL;
		list_remove(&op->link);
	} else if (idle_may_go(m)) {
		op = imap_op_own(m, IMAP_DO_IDLE, idle_done);
		imap_op_send(op, NULL, idle_done, m);
		list_remove(&op->link);
		m->idling = op;
		m->idle_since = m->now;
	} else {
		return NULL;
	}
	list_append(&m->flight, &op->link);
	op->flying = true;
	m->in_flight++;
	m->flight_bytes += op->bytes;
	return op;
}

/* ---- idling, from outside */

void
imap_idle(struct imap *m, bool wanted)
{
	CHECK(m, IMAP_MAGIC);
	if (wanted && !m->idle_wanted)
		m->polled_at = m->now;
	m->idle_wanted = wanted;
}

bool
imap_can_idle(const struct imap *m)
{
	return !m->idle_refused && imap_caps_has(&m->caps, IMAP_CAP_IDLE);
}

void
imap_probe(struct imap *m)
{
	CHECK(m, IMAP_MAGIC);
	if (m->stage != STAGE_READY || m->probe_until != 0)
		return;
	m->probe_until = -1;	/* the next tick knows the time */
	imap_op_send(imap_op_own(m, IMAP_DO_NOOP, NULL), NULL, NULL, m);
}

static void
logged_out(void *arg, const struct imap_answer *a)
{
	struct imap *m = arg;

	(void)a;
	m->stage = STAGE_OVER;
}

void
imap_logout(struct imap *m)
{
	CHECK(m, IMAP_MAGIC);
	if (m->stage == STAGE_READY)
		imap_op_send(imap_op_own(m, IMAP_DO_LOGOUT, logged_out), NULL, logged_out, m);
	else
		m->stage = STAGE_OVER;
}
