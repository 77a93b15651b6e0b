/*
 * Mailboxes that are to take a message: one that is missing is made once where the request
 * allows it; and where the server has no UIDPLUS, the count of the mailbox before and after
 * stands for the proof.
 */
#include "source/imap_batch.h"

int
imap_box_wire(struct imap_source *s, struct imap *m, const char *name, struct str *out,
	struct err *e)
{
	if (imap_name_encode(out, view_of(name), imap_namespaces(m), e) == 0)
		return 0;
	err_prefix(e, "account '%.60s'", s->source.name);
	return -1;
}

struct imap_op *
imap_target_create(struct imap *m, struct view wire)
{
	struct imap_op *op = imap_op_new(m, IMAP_DO_CREATE);

	imap_op_mailbox(op, wire);
	return op;
}

bool
imap_target_made(struct imap_source *s, struct imap *m, struct view wire, const struct imap_answer *a)
{
	struct imap_op *op;

	if (a->result == NULL || (a->result->cond != IMAP_OK &&
	    a->result->code != IMAP_CODE_ALREADYEXISTS))
		return false;
	if (s->conf.subscribe && a->result->cond == IMAP_OK) {
		op = imap_op_new(m, IMAP_DO_SUBSCRIBE);
		imap_op_mailbox(op, wire);
		imap_op_send(op, NULL, NULL, NULL);
	}
	return true;
}

bool
imap_target_missing(const struct imap_result *res)
{
	return res != NULL && res->cond == IMAP_NO && (res->code == IMAP_CODE_TRYCREATE ||
	    res->code == IMAP_CODE_NONEXISTENT);
}

int
imap_target_err(struct err *e, struct imap_source *s, const char *target)
{
	/* Not ERR_GONE: that is said of the mailbox the message is in. */
	return err_set(e, ERR_REFUSED, SCOPE_MAILBOX, "there is no mailbox '%.100s' in account '%.60s' "
	    "(create = true makes it)", target, s->source.name);
}

struct imap_op *
imap_target_status(struct imap *m, struct view wire)
{
	struct imap_op *op = imap_op_new(m, IMAP_DO_STATUS);

	imap_op_mailbox(op, wire);
	imap_cmd_raw(imap_op_cmd(op), " (MESSAGES UIDNEXT)");
	return op;
}

bool
imap_target_grew(const struct imap_status *before, const struct imap_status *after, uint64_t n)
{
	unsigned both = before->has & after->has;

	if ((both & IMAP_ST_UIDNEXT) && before->uidnext > 0 && after->uidnext >= before->uidnext)
		return after->uidnext - before->uidnext >= n;
	return (both & IMAP_ST_MESSAGES) && after->messages >= before->messages &&
	    after->messages - before->messages >= n;
}
