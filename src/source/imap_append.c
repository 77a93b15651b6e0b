/*
 * APPEND and its proof: APPENDUID, or where the server has no UIDPLUS, that the mailbox
 * shows one message more.  What was sent and never answered is held, not sent again.
 *
 * Line ends become CRLF before; a message with NUL bytes goes only where the server takes
 * them (BINARY), one over APPENDLIMIT not at all.  Keywords that the server refuses are left out
 * at a second try.  A mailbox that is missing is made once where the request allows it.
 */
#include "source/imap_batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct append {
	struct imap_plain	*plain;
	struct imap_link	*l;
	struct imap		*imap;
	struct request		*r;
	char			 what[200];
	struct str		 wire;
	struct blob		*bytes;		/* with CRLF */
	bool			 created, bare;	/* bare: without keywords */
	bool			 counts, proven;	/* counts: no UIDPLUS */
	struct imap_status	 before, after;
};

static void append_send(struct append *ap);

/* ---- the end; nothing of ap is used after */

static void
append_free(struct append *ap)
{
	blob_free(&ap->bytes);
	str_free(&ap->wire);
	free(ap);
}

static void
append_end(struct append *ap, enum request_result result)
{
	struct imap_plain *p = ap->plain;

	ap->r->result = result;
	imap_answer(ap->l->source, ap->r);
	append_free(ap);
	imap_plain_ended(p);
}

static void
append_fail(struct append *ap, const struct err *e)
{
	ap->r->err = *e;
	append_end(ap, RESULT_FAILED);
}

static void
append_fault(struct append *ap, const struct imap_answer *a)
{
	struct imap_plain *p = ap->plain;

	if (!imap_plain_again(p, a))
		imap_answer_fault(ap->l->source, ap->r, a, ap->what);
	append_free(ap);
	imap_plain_ended(p);
}

/* ---- the bytes */

/* CRLF for each line end; NULL: they are so already. */
static struct blob *
with_crlf(struct view v)
{
	struct str out = STR_INIT;
	size_t bare = 0;	/* at most twice BLOB_MAX in all */

	for (size_t i = 0; i < v.n; i++)
		bare += v.p[i] == '\n' && (i == 0 || v.p[i - 1] != '\r');
	if (bare == 0)
		return NULL;
	out.max = v.n + bare + 1;
	(void)str_room(&out, v.n + bare);
	for (size_t i = 0, from = 0; i <= v.n; i++) {
		if (i < v.n && (v.p[i] != '\n' || (i > 0 && v.p[i - 1] == '\r')))
			continue;
		str_add(&out, v.p + from, i - from);
		if (i < v.n)
			str_add(&out, "\r\n", 2);
		from = i + 1;
	}
	return blob_take(&out);
}

static int
append_bytes(struct append *ap, struct err *e)
{
	const struct imap_caps *caps = imap_capabilities(ap->imap);
	struct view v = blob_view(ap->r->bytes);

	if (v.n > 0 && memchr(v.p, '\0', v.n) != NULL && !imap_syntax(ap->imap)->binary)
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "%s: the message has NUL bytes, and the server "
		    "takes none (no BINARY)", ap->what);
	ap->bytes = with_crlf(v);
	if (ap->bytes == NULL)
		ap->bytes = blob_ref(ap->r->bytes);
	v = blob_view(ap->bytes);
	if (caps->append_max > 0 && v.n > caps->append_max)
		return err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "%s: the message has %zu bytes, the server takes "
		    "%llu at most (APPENDLIMIT)", ap->what, v.n, (unsigned long long)caps->append_max);
	return 0;
}

/* ---- a missing mailbox */

static void
create_done(void *arg, const struct imap_answer *a)
{
	struct append *ap = arg;

	if (imap_target_made(ap->l->source, ap->imap, str_view(&ap->wire), a)) {
		append_send(ap);
		return;
	}
	if (a->result != NULL) {
		append_fault(ap, a);
		return;
	}
	/* The message itself was not taken: nothing is in doubt. */
	append_fault(ap, &(struct imap_answer){ .err = a->err });
}

static void
append_missing(struct append *ap)
{
	struct err e = ERR_NONE;

	if (ap->r->create && !ap->created) {
		ap->created = true;
		imap_op_send(imap_target_create(ap->imap, str_view(&ap->wire)), NULL, create_done, ap);
		return;
	}
	imap_target_err(&e, ap->l->source, ap->r->mailbox);
	append_fail(ap, &e);
}

/* ---- answers */

static void
take_appenduid(struct append *ap, const struct imap_result *res)
{
	struct seqset dst = { 0 };
	struct err e = ERR_NONE;

	if (res->code == IMAP_CODE_APPENDUID && !res->code_bad &&
	    seqset_parse(&dst, res->dst, &e) == 0 && seqset_count(&dst) == 1) {
		ap->r->new_uid = seqset_min(&dst);
		ap->r->new_uidvalidity = res->uidvalidity;
		ap->proven = true;
	}
	seqset_free(&dst);
}

static void
append_done(void *arg, const struct imap_answer *a)
{
	struct append *ap = arg;
	const struct imap_result *res = a->result;

	if (res == NULL) {
		append_fault(ap, a);
	} else if (res->cond == IMAP_OK) {
		take_appenduid(ap, res);
		if (!ap->counts)
			append_end(ap, RESULT_DONE);	/* else the count that follows tells */
	} else if (imap_target_missing(res)) {
		append_missing(ap);
	} else if (!ap->bare && ap->r->add.n > 0 &&
	    (imap_says(res, "keyword") || imap_says(res, "flag"))) {
		ap->bare = true;
		log_warn(ap->l->source->source.log, "%s: the server refuses its keywords: it goes without "
		    "them", ap->what);
		append_send(ap);
	} else {
		append_fault(ap, a);
	}
}

/* ---- without UIDPLUS: a look before, the message, a look after */

static void
before_reply(void *arg, struct imap_reply *r)
{
	if (r->kind == IMAP_STATUS)
		((struct append *)arg)->before = r->status;
}

static void
after_reply(void *arg, struct imap_reply *r)
{
	if (r->kind == IMAP_STATUS)
		((struct append *)arg)->after = r->status;
}

static void
after_done(void *arg, const struct imap_answer *a)
{
	struct append *ap = arg;
	struct err e = ERR_NONE;

	if (ap->proven || imap_target_grew(&ap->before, &ap->after, 1) || ap->before.has == 0) {
		/* A server that tells no counts leaves its OK as the only word. */
		append_end(ap, RESULT_DONE);
		return;
	}
	err_set(&e, ERR_HELD, SCOPE_MESSAGE, "%s: the server says OK, and %s; it is not sent again",
	    ap->what, a->result != NULL ? "no new message is seen there" :
	    "the connection was lost before it was seen there");
	append_fail(ap, &e);
}

static void
counted_append_done(void *arg, const struct imap_answer *a)
{
	struct append *ap = arg;
	struct imap_op *op;

	append_done(ap, a);
	if (a->result == NULL || a->result->cond != IMAP_OK)
		return;		/* ap may be gone */
	op = imap_target_status(ap->imap, str_view(&ap->wire));
	imap_op_send(op, after_reply, after_done, ap);
}

/* Its loss is told by APPEND, which stands behind it. */
static void
before_done(void *arg, const struct imap_answer *a)
{
	(void)arg;
	(void)a;
}

static void
append_send(struct append *ap)
{
	struct view words[FLAG_WORDS_MAX];
	struct flags flags = { .sys = ap->r->add.sys };
	struct imap_append what = { .mailbox = str_view(&ap->wire), .bytes = ap->bytes,
		.flags = words, .dated = ap->r->received != 0, .received = ap->r->received };
	struct imap_op *op;

	what.nflags = imap_flag_words(ap->bare ? &flags : &ap->r->add, words);
	if (ap->counts) {
		ap->before.has = ap->after.has = 0;
		op = imap_target_status(ap->imap, str_view(&ap->wire));
		imap_op_send(op, before_reply, before_done, ap);
	}
	op = imap_op_new(ap->imap, IMAP_DO_APPEND);
	imap_op_append(op, &what);
	imap_op_send(op, NULL, ap->counts ? counted_append_done : append_done, ap);
}

void
imap_append_run(struct imap_plain *p)
{
	struct append *ap = xcalloc(1, sizeof(*ap));
	struct imap_link *l = p->l;
	struct request *r = p->r;
	struct err e = ERR_NONE;

	*ap = (struct append){ .plain = p, .l = l, .imap = l->imap, .r = r };
	snprintf(ap->what, sizeof(ap->what), "mailbox '%.80s' in account '%.60s': APPEND", r->mailbox,
	    l->source->source.name);
	ap->counts = !imap_can(ap->imap, IMAP_CAP_UIDPLUS);
	if (imap_box_wire(l->source, ap->imap, r->mailbox, &ap->wire, &e) < 0 ||
	    append_bytes(ap, &e) < 0)
		append_fail(ap, &e);
	else
		append_send(ap);
}
