/*
 * Mailboxes as objects: CREATE, RENAME, REMOVE and STATUS.  A name that can be no mailbox of this
 * server is answered without a byte sent.
 */
#include "source/imap_source_int.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- answers */

static void
folder_end(struct imap_plain *p, enum request_result result)
{
	p->r->result = result;
	imap_answer(p->l->source, p->r);
	imap_plain_ended(p);
}

static bool
says_it_exists(const struct imap_result *res)
{
	return res->code == IMAP_CODE_ALREADYEXISTS || imap_says(res, "already exists") ||
	    imap_says(res, "mailbox exists");
}

static void
folder_fault(struct imap_plain *p, const struct imap_answer *a)
{
	struct request *r = p->r;
	struct str what = STR_INIT;
	const char *made = r->kind == REQ_CREATE ? r->mailbox : r->target;

	if (imap_plain_again(p, a)) {
		imap_plain_ended(p);
		return;
	}
	str_addf(&what, "mailbox '%s' in account '%s'", r->mailbox, p->l->source->source.name);
	if (a->result != NULL && a->result->cond == IMAP_NO && says_it_exists(a->result) &&
	    (r->kind == REQ_CREATE || r->kind == REQ_RENAME))
		err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX, "mailbox '%s' in account '%s' is there "
		    "already", made, p->l->source->source.name);
	else if (a->result != NULL)
		(void)imap_select_fault(p->l->source, r->mailbox, a->result, &r->err);
	imap_answer_fault(p->l->source, r, a, str_z(&what));
	str_free(&what);
	imap_plain_ended(p);
}

/* ---- commands */

/* Appends the server's spelling; -1: r is answered. */
static int
folder_name(struct imap_plain *p, const char *name, struct str *wire)
{
	struct request *r = p->r;

	if (imap_name_encode(wire, view_of(name), imap_namespaces(p->l->imap), &r->err) == 0)
		return 0;
	r->err.scope = SCOPE_MAILBOX;
	folder_end(p, RESULT_FAILED);
	return -1;
}

static void
subscribe_done(void *arg, const struct imap_answer *a)
{
	struct imap_plain *p = arg;
	struct request *r = p->r;

	if (a->result == NULL || a->result->cond != IMAP_OK)
		log_warn(p->l->source->source.log, "%s:%s: made, but the server does not subscribe to it",
		    p->l->source->source.name, r->kind == REQ_RENAME ? r->target : r->mailbox);
	folder_end(p, RESULT_DONE);
}

static void
made(void *arg, const struct imap_answer *a)
{
	struct imap_plain *p = arg;
	struct request *r = p->r;
	struct str wire = STR_INIT;
	struct err e = ERR_NONE;
	struct imap_op *op;

	if (a->result == NULL || a->result->cond != IMAP_OK) {
		folder_fault(p, a);
		return;
	}
	if (!p->l->source->conf.subscribe || imap_name_encode(&wire, view_of(r->kind == REQ_RENAME ?
	    r->target : r->mailbox), imap_namespaces(p->l->imap), &e) < 0) {
		folder_end(p, RESULT_DONE);
		return;
	}
	op = imap_op_new(p->l->imap, IMAP_DO_SUBSCRIBE);
	imap_op_mailbox(op, str_view(&wire));
	imap_op_send(op, NULL, subscribe_done, p);
	str_free(&wire);
}

static void
removed(void *arg, const struct imap_answer *a)
{
	struct imap_plain *p = arg;

	if (a->result != NULL && a->result->cond == IMAP_OK)
		folder_end(p, RESULT_DONE);
	else
		folder_fault(p, a);
}

static void
folder_change(struct imap_plain *p, enum imap_verb verb, imap_done_fn done)
{
	struct request *r = p->r;
	struct str from = STR_INIT, to = STR_INIT;
	struct imap_op *op;

	if (folder_name(p, r->mailbox, &from) == 0 &&
	    (r->kind != REQ_RENAME || folder_name(p, r->target, &to) == 0)) {
		op = imap_op_new(p->l->imap, verb);
		imap_op_mailbox(op, str_view(&from));
		if (r->kind == REQ_RENAME) {
			imap_cmd_raw(imap_op_cmd(op), " ");
			imap_cmd_mailbox(imap_op_cmd(op), str_view(&to));
		}
		imap_op_send(op, NULL, done, p);
	}
	str_free(&from);
	str_free(&to);
}

/* ---- STATUS */

static void
status_reply(void *arg, struct imap_reply *reply)
{
	struct imap_plain *p = arg;
	struct source_status *st = &p->r->status;
	const struct imap_status *said = &reply->status;

	if (reply->kind != IMAP_STATUS)
		return;
	st->messages = said->has & IMAP_ST_MESSAGES ? said->messages : 0;
	st->unseen = said->has & IMAP_ST_UNSEEN ? said->unseen : 0;
	st->uidnext = said->has & IMAP_ST_UIDNEXT ? said->uidnext : 0;
	st->uidvalidity = said->has & IMAP_ST_UIDVALIDITY ? said->uidvalidity : 0;
}

static void
status_done(void *arg, const struct imap_answer *a)
{
	struct imap_plain *p = arg;
	struct request *r = p->r;
	struct imap_box *b;

	if (a->result == NULL || a->result->cond != IMAP_OK) {
		folder_fault(p, a);
		return;
	}
	b = imap_box_find(p->l->source, r->mailbox, r->status.uidnext == 0 || r->status.uidvalidity == 0);
	if (b != NULL)
		imap_select_validity(b, r->status.uidvalidity, r->status.messages);
	if (r->status.uidnext != 0 && r->status.uidvalidity != 0) {
		if (b != NULL && b->at != NULL && r->status.uidnext > b->uidnext)
			b->moved_on = true;
		folder_end(p, RESULT_DONE);
		return;
	}
	/* What STATUS does not say a SELECT does. */
	list_append(&b->asks, &r->link);
	imap_plain_ended(p);
}

/*
 * Not meant for the mailbox that is selected, but every server MUST be able to answer it (RFC 9051,
 * 6.3.11), and it says what else would take a SEARCH and a FETCH.  It comes to that only where
 * the one link has it selected, as when rules are loaded anew; at a start STATUS stands before
 * SELECT.  A server may then tell what the session knows: NOOP tells the session what is new.
 */
static void
freshen(struct imap_link *l, const char *mailbox)
{
	const struct imap_box *b = l->box;

	if (b == NULL || l->selecting || strcmp(b->name, mailbox) != 0 ||
	    (l->watches == b && imap_can_idle(l->imap)))
		return;
	imap_op_send(imap_op_new(l->imap, IMAP_DO_NOOP), NULL, NULL, NULL);
}

static void
folder_status(struct imap_plain *p)
{
	struct request *r = p->r;
	struct str wire = STR_INIT;
	struct imap_op *op;

	r->status = (struct source_status){ 0 };
	if (folder_name(p, r->mailbox, &wire) == 0) {
		freshen(p->l, r->mailbox);
		op = imap_op_new(p->l->imap, IMAP_DO_STATUS);
		imap_op_mailbox(op, str_view(&wire));
		imap_cmd_raw(imap_op_cmd(op), " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)");
		imap_op_send(op, status_reply, status_done, p);
	}
	str_free(&wire);
}

void
imap_folder_run(struct imap_plain *p)
{
	switch (p->r->kind) {
	case REQ_CREATE:
		folder_change(p, IMAP_DO_CREATE, made);
		break;
	case REQ_RENAME:
		folder_change(p, IMAP_DO_RENAME, made);
		break;
	case REQ_REMOVE:
		folder_change(p, IMAP_DO_DELETE, removed);
		break;
	default:
		folder_status(p);
		break;
	}
}
