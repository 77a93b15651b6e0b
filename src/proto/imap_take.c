/*
 * Replies of the server: whose each is, and what the engine itself takes from it.
 *
 * A reply belongs to a command by what it says, never by its place: FETCH by its UID, ESEARCH
 * by its tag, STATUS by its mailbox, COPYUID by its source set.  Where a reply says nothing
 * of the kind, the table of imap_flight.c lets one such command be under way at a time.
 */
#include "proto/imap_int.h"

#include <stdlib.h>

/* ---- whose it is */

/*
 * What could not be read and names no message: to each of the SEARCHes or to the LIST under way,
 * or they would take silence for an empty answer.
 */
static bool
give_broken(struct imap *m, struct imap_reply *r)
{
	bool search = view_iis(r->name, "SEARCH") || view_iis(r->name, "ESEARCH");
	bool list = view_iis(r->name, "LIST") || view_iis(r->name, "XLIST"), given = false;

	LIST_EACH(&m->flight, it) {
		struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

		if (op->own || op->reply == NULL || !((search && op->verb == IMAP_DO_UID_SEARCH) ||
		    (list && imap_verb_flags(op->verb) & IMAPV_LIST)))
			continue;
		op->reply(op->arg, r);
		given = true;
	}
	return given;
}

/* To each command in flight that named this UID; 0: to each that names any. */
static bool
give_fetch(struct imap *m, struct imap_reply *r, uint32_t uid)
{
	bool given = false;

	LIST_EACH(&m->flight, it) {
		struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

		if ((op->verb != IMAP_DO_UID_FETCH && op->verb != IMAP_DO_UID_STORE) ||
		    (uid != 0 && !imap_op_has(op, uid)))
			continue;
		if (op->reply != NULL)
			op->reply(op->arg, r);
		given = true;
	}
	return given;
}

static struct imap_op *
op_of_search(struct imap *m, const struct imap_reply *r)
{
	if (r->kind == IMAP_ESEARCH && r->esearch.tag.n > 0)
		return imap_flight_tag(m, r->esearch.tag);
	return imap_flight_find(m, IMAPV_SEARCH);
}

/* Servers spell a name otherwise than we do now and then; one STATUS alone is the one that is meant. */
static struct imap_op *
op_of_status(struct imap *m, struct view name)
{
	struct imap_op *only = NULL;
	size_t n = 0;

	LIST_EACH(&m->flight, it) {
		struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

		if (op->verb != IMAP_DO_STATUS)
			continue;
		if (op->mailbox != NULL && (view_is(name, op->mailbox) ||
		    (strcmp(op->mailbox, "INBOX") == 0 && view_iis(name, "INBOX"))))
			return op;
		only = op;
		n++;
	}
	return n == 1 ? only : NULL;
}

/* "* OK [COPYUID ...]" of a MOVE: the one whose UIDs it names. */
static struct imap_op *
op_of_copyuid(struct imap *m, const struct imap_result *res)
{
	struct seqset src = { 0 };
	struct err e = ERR_NONE;
	struct imap_op *found = NULL;

	if (seqset_parse(&src, res->src, &e) == 0 && !seqset_empty(&src))
		LIST_EACH(&m->flight, it) {
			struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

			if ((op->verb == IMAP_DO_UID_MOVE || op->verb == IMAP_DO_UID_COPY) &&
			    imap_op_has(op, seqset_min(&src))) {
				found = op;
				break;
			}
		}
	seqset_free(&src);
	return found;
}

static struct imap_op *
op_of(struct imap *m, const struct imap_reply *r)
{
	struct imap_op *op;

	switch (r->kind) {
	case IMAP_SEARCH:
	case IMAP_SORT:
	case IMAP_ESEARCH:
		return op_of_search(m, r);
	case IMAP_STATUS:
		return op_of_status(m, r->status.name);
	case IMAP_LIST:
		return imap_flight_find(m, IMAPV_LIST);
	case IMAP_QUOTA:
	case IMAP_QUOTAROOT:
		op = imap_flight_find(m, IMAPV_ALONE);
		return op != NULL && op->verb == IMAP_DO_GETQUOTAROOT ? op : NULL;
	case IMAP_CONDITION:
		if (r->cond.code == IMAP_CODE_COPYUID && !r->cond.code_bad)
			return op_of_copyuid(m, &r->cond);
		return NULL;
	default:
		return NULL;
	}
}

static void
give(struct imap *m, struct imap_reply *r)
{
	struct imap_op *selecting = imap_flight_find(m, IMAPV_SELECT);
	struct imap_op *op;

	if (selecting != NULL && selecting == m->writing)
		selecting = NULL;	/* not all of it has gone: this is said of the old mailbox */
	imap_box_take(m, r, selecting != NULL);
	if (r->kind == IMAP_FETCH && (r->fetch.has & IMAP_F_UID) && give_fetch(m, r, r->fetch.uid))
		return;
	/* Who asked must know that a message may be there, also where its UID could not be read. */
	if (r->kind == IMAP_BROKEN && (r->uid != 0 || view_iis(r->name, "FETCH")) &&
	    give_fetch(m, r, r->uid))
		return;
	if (r->kind == IMAP_FETCH && !(r->fetch.has & IMAP_F_UID) && r->fetch.nsections > 0 &&
	    give_fetch(m, r, 0))
		return;
	if (r->kind == IMAP_BROKEN && give_broken(m, r))
		return;
	op = op_of(m, r);
	if (op == NULL)
		op = selecting;
	/* It is for people, whatever is under way (RFC 9051, 7.1). */
	if (r->kind == IMAP_CONDITION && r->cond.code == IMAP_CODE_ALERT &&
	    (op != NULL || m->stage != STAGE_READY) && m->conf.events.event != NULL)
		m->conf.events.event(m->conf.arg, r);
	if (op != NULL && !op->own) {
		if (op->reply != NULL)
			op->reply(op->arg, r);
	} else if (op != NULL) {
		imap_sign_learn(m, r);
	} else if (m->stage == STAGE_READY && m->conf.events.event != NULL) {
		m->conf.events.event(m->conf.arg, r);
	}
}

/* ---- conditions */

static void
keep_bye(struct imap *m, const struct imap_result *res)
{
	struct str text = str_limited(300);

	for (size_t i = 0; i < MIN(res->text.n, (size_t)299); i++) {
		unsigned char c = (unsigned char)res->text.p[i];

		str_addc(&text, c >= 32 && c < 127 ? (char)c : '?');
	}
	free(m->bye);
	m->bye = str_take(&text);
}

static int
take_bye(struct imap *m, const struct imap_result *res)
{
	struct imap_op *op = imap_flight_find(m, IMAPV_BARRIER);
	int64_t pause = 0;

	keep_bye(m, res);
	if (m->stage == STAGE_OVER || (op != NULL && op->verb == IMAP_DO_LOGOUT))
		return 0;
	if (m->stage == STAGE_SIGNIN) {
		m->bye_at = m->now;	/* its reason may follow in the answer */
		return 0;
	}
	imap_fault(res, m->idling != NULL || list_empty(&m->flight) ? IMAP_DURING_IDLE :
	    IMAP_DURING_COMMAND, "", &m->end, &pause);
	m->backoff_ms = MAX(m->backoff_ms, pause);
	return -1;
}

static int
take_condition(struct imap *m, struct imap_reply *r)
{
	if (r->cond.throttled)
		m->backoff_ms = MAX(m->backoff_ms, (int64_t)MIN(r->cond.backoff_ms, (uint64_t)86400000));
	if (r->cond.cond == IMAP_BYE)
		return take_bye(m, &r->cond);
	/* Courier may say "* OK [ALERT] ..." in front of its greeting. */
	if (r->cond.cond == IMAP_PREAUTH && m->stage == STAGE_CAPABILITY && !m->preauth)
		return imap_sign_preauth(m);
	if (r->cond.cond == IMAP_PREAUTH)
		return imap_end(m, ERR_PROTO, false, "the server says PREAUTH in the middle of the session");
	if (r->cond.code == IMAP_CODE_CAPABILITY)
		imap_sign_caps(m, r->cond.words);
	give(m, r);
	return 0;
}

/*
 * iCloud's front does not answer ENABLE.  Servers answer in order: when a later command has
 * its answer, this one will not get any.
 */
static void
pass_over_enable(struct imap *m, const struct imap_op *answered)
{
	LIST_EACH(&m->flight, it) {
		struct imap_op *op = LIST_ITEM(it, struct imap_op, link);

		if (op == answered)
			return;
		if (op->verb != IMAP_DO_ENABLE || op == m->writing)
			continue;
		memcpy(m->late_tag, op->tag, sizeof(m->late_tag));
		imap_op_finish(op, NULL, NULL);
		return;
	}
}

static int
take_tagged(struct imap *m, struct imap_reply *r)
{
	struct imap_op *op = imap_flight_tag(m, r->tag);

	if (op == NULL && m->late_tag[0] != '\0' && view_is(r->tag, m->late_tag))
		return 0;
	if (op == NULL)
		return imap_end(m, ERR_PROTO, true, "the server answers a command that was not given "
		    "(tag \"%.*s\")", (int)MIN(r->tag.n, (size_t)40), r->tag.p);
	if (op == m->writing && r->cond.cond == IMAP_OK)
		return imap_end(m, ERR_PROTO, true, "the server says OK to a command before all of it "
		    "was sent");
	if (r->cond.throttled)
		m->backoff_ms = MAX(m->backoff_ms, (int64_t)MIN(r->cond.backoff_ms, (uint64_t)86400000));
	pass_over_enable(m, op);
	if (imap_verb_flags(op->verb) & IMAPV_SELECT)
		imap_box_answer(m, op, &r->cond);
	imap_op_finish(op, &r->cond, NULL);
	return err_is(&m->end) ? -1 : 0;
}

static void
take_plus(struct imap *m, struct view text)
{
	struct imap_op *op = m->writing;

	if (op != NULL && !op->answered && imap_cmd_part(op->cmd, op->part).wait && op->off == 0)
		op->plus = true;
	else if (imap_sign_plus(m, text))
		return;
	else if (m->idling != NULL && m->idling != m->writing && !m->idling->plus) {
		m->idling->plus = true;
		m->idle_since = m->now;
	}
}

/* Before TLS only what leads there may be said (security.md): the rest somebody put in. */
static bool
may_be_said(const struct imap *m, const struct imap_reply *r)
{
	if (!m->conf.starttls || m->tls)
		return true;
	return r->kind == IMAP_CAPABILITY || r->kind == IMAP_CONDITION || r->kind == IMAP_TAGGED;
}

int
imap_take(struct imap *m, struct imap_reply *r)
{
	const struct imap_op *op;

	if (m->stage == STAGE_GREETING)
		return imap_sign_greet(m, r);
	if (!may_be_said(m, r))
		return imap_end(m, ERR_TLS, false, "the server says something before TLS that has no "
		    "place there (%.*s); nothing was sent in clear", (int)MIN(r->name.n, (size_t)40),
		    r->name.n > 0 ? r->name.p : "?");
	switch (r->kind) {
	case IMAP_TAGGED:
		return take_tagged(m, r);
	case IMAP_CONTINUE:
		take_plus(m, r->text);
		return err_is(&m->end) ? -1 : 0;
	case IMAP_CONDITION:
		return take_condition(m, r);
	case IMAP_CAPABILITY:
		imap_sign_caps(m, r->words);
		return 0;
	case IMAP_ID:
	case IMAP_NAMESPACE:
	case IMAP_ENABLED:
		imap_sign_learn(m, r);
		return 0;
	case IMAP_BROKEN:
		op = r->tag.n > 0 ? imap_flight_tag(m, r->tag) : NULL;
		if (op != NULL)
			return imap_end(m, r->limit ? ERR_LIMIT : ERR_PROTO, true,
			    "the server's answer to %s cannot be read: %s", imap_verb_words(op->verb), r->why);
		/* FALLTHROUGH */
	default:
		if (m->stage >= STAGE_LEARN)
			give(m, r);
		return err_is(&m->end) ? -1 : 0;
	}
}
