/*
 * Messages from FETCH replies: which items a need asks for, what a reply says into a message,
 * literals that are too large for memory; and the FETCH request.
 *
 * A large literal goes to an unlinked temporary file while it comes and becomes a blob when its
 * reply is whole, so that memory stays flat.  A message that cannot be read with others is asked for
 * once more alone; where its structure cannot be read, by all of its bytes.
 *
 * `here` is SAVEDATE (RFC 8514), or INTERNALDATE where the server keeps none.
 */
#include "source/imap_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

/* ---- large literals */

#define SPOOLED_MAX	4u	/* files of one reply; we ask for one literal */

struct spooled {
	size_t		 nth;		/* among the sections of its reply */
	int		 fd;		/* -1: see err, or blob */
	struct blob	*blob;
	struct err	 err;
};
struct spool {
	uint32_t	 number;	/* of the reply */
	struct { VEC(struct spooled) };
};

static void
spool_empty(struct spool *sp)
{
	for (size_t i = 0; i < sp->n; i++) {
		if (sp->at[i].fd >= 0)
			close(sp->at[i].fd);
		blob_free(&sp->at[i].blob);
	}
	VEC_FREE(sp);
}

void
imap_read_drop(struct imap_link *l)
{
	if (l->spool == NULL)
		return;
	spool_empty(l->spool);
	free(l->spool);
	l->spool = NULL;
}

static int
open_unnamed(void)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/mailmill-XXXXXX", dir != NULL && dir[0] != '\0' ? dir : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);	/* 0600 */

	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

static bool
sink_begin(void *arg, const struct imap_literal *lit)
{
	struct imap_link *l = arg;
	struct spool *sp = l->spool != NULL ? l->spool : xcalloc(1, sizeof(*sp));
	struct spooled one = { .nth = lit->nth, .fd = -1 };

	l->spool = sp;
	/* Nobody asked: it is not kept. */
	if (l->box == NULL || !l->box->batching)
		return false;
	if (sp->n > 0 && (sp->number != lit->number || lit->nth <= sp->at[sp->n - 1].nth))
		spool_empty(sp);	/* of a reply before */
	if (sp->n == SPOOLED_MAX)
		return false;
	sp->number = lit->number;
	if (lit->size > BLOB_MAX)
		err_set(&one.err, ERR_LIMIT, SCOPE_MESSAGE, "the message has %llu bytes, more than can be "
		    "read (%zu)", (unsigned long long)lit->size, BLOB_MAX);
	else if ((one.fd = open_unnamed()) < 0)
		err_sys(&one.err, errno, "cannot make a temporary file for a message");
	VEC_PUSH(sp, one);
	return one.fd >= 0;
}

static void
sink_data(void *arg, struct view bytes)
{
	struct imap_link *l = arg;
	struct spool *sp = l->spool;
	struct spooled *one = sp != NULL && sp->n > 0 ? &sp->at[sp->n - 1] : NULL;

	while (one != NULL && one->fd >= 0 && bytes.n > 0) {
		ssize_t n = write(one->fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_sys(&one->err, errno, "cannot write the temporary file of a message");
			close(one->fd);
			one->fd = -1;
			return;
		}
		bytes = view_from(bytes, (size_t)n);
	}
}

static void
sink_end(void *arg)
{
	(void)arg;
}

struct imap_sink
imap_read_sink(struct imap_link *l)
{
	return (struct imap_sink){ .begin = sink_begin, .data = sink_data, .end = sink_end, .arg = l };
}

/* The blob of a section that went to a file; the spool keeps it for others who want it. */
static struct blob *
spool_blob(struct imap_link *l, size_t nth, struct err *e)
{
	struct spool *sp = l->spool;
	bool whole;

	for (size_t i = 0; sp != NULL && i < sp->n; i++) {
		struct spooled *one = &sp->at[i];

		if (one->nth != nth)
			continue;
		if (one->fd >= 0) {
			if (lseek(one->fd, 0, SEEK_SET) < 0)
				err_sys(&one->err, errno, "cannot read the temporary file of a message");
			else
				one->blob = blob_read(one->fd, 0, &whole, &one->err);
			close(one->fd);
			one->fd = -1;
		}
		if (one->blob != NULL)
			return blob_ref(one->blob);
		if (!err_is(e))
			*e = one->err;
		return NULL;
	}
	return NULL;
}

/* ---- items and replies */

void
imap_read_items(struct imap *m, struct imap_op *op, unsigned need)
{
	struct imap_cmd *c = imap_op_cmd(op);

	imap_cmd_raw(c, " (UID FLAGS RFC822.SIZE INTERNALDATE");
	if (imap_can(m, IMAP_CAP_SAVEDATE))
		imap_cmd_raw(c, " SAVEDATE");
	if ((need & NEED_STRUCTURE) && !(need & NEED_BODY))
		imap_cmd_raw(c, " BODYSTRUCTURE");
	if (need & NEED_BODY)
		imap_cmd_raw(c, " BODY.PEEK[]");
	else if (need & NEED_HEADER)
		imap_cmd_raw(c, " BODY.PEEK[HEADER]");
	imap_cmd_raw(c, ")");
}

static unsigned
fill_facts(struct message *m, const struct imap_fetch *f)
{
	struct message_facts *facts = message_facts(m);
	unsigned got = 0;

	facts->uid = f->uid;
	if (f->has & IMAP_F_FLAGS) {
		flags_free(&facts->flags);
		facts->flags.sys = f->flags.sys;
		for (size_t i = 0; i < f->flags.keywords.n; i++)
			if (!view_starts(f->flags.keywords.at[i], VIEW("\\")))
				flags_add(&facts->flags, 0, f->flags.keywords.at[i]);
		got |= NEED_FLAGS;
	}
	if (f->has & IMAP_F_SIZE) {
		facts->size = (int64_t)MIN(f->size, (uint64_t)INT64_MAX);
		got |= NEED_SIZE;
	}
	if (f->has & IMAP_F_INTERNALDATE) {
		facts->received = f->internaldate.epoch;
		got |= NEED_RECEIVED;
	}
	if (f->has & IMAP_F_SAVEDATE) {
		facts->here = f->savedate.epoch;
		got |= NEED_HERE;
	} else if ((f->has & IMAP_F_INTERNALDATE) && !(message_have(m) & NEED_HERE)) {
		facts->here = f->internaldate.epoch;
		got |= NEED_HERE;
	}
	message_know(m, got);
	return got;
}

static unsigned
fill_section(struct imap_link *l, struct message *m, const struct imap_section *s, size_t nth,
	struct err *e)
{
	bool whole = s->part == IMAP_PART_ALL;
	struct blob *b;

	if (s->number.n > 0 || s->binary || s->partial || s->nil ||
	    (!whole && s->part != IMAP_PART_HEADER))
		return 0;
	b = s->sunk ? spool_blob(l, nth, e) : blob_copy(s->bytes);
	if (b == NULL)
		return 0;
	message_set_bytes(m, b, whole);
	blob_free(&b);
	return whole ? NEED_HEADER | NEED_STRUCTURE | NEED_BODY : NEED_HEADER;
}

unsigned
imap_read_fill(struct imap_link *l, struct message *m, struct imap_reply *r, struct err *e)
{
	unsigned got = fill_facts(m, &r->fetch);

	if ((r->fetch.has & IMAP_F_STRUCTURE) && r->fetch.structure != NULL) {
		message_set_structure(m, &r->fetch.structure);
		got |= NEED_STRUCTURE;
	}
	for (size_t i = 0; i < r->fetch.nsections; i++)
		got |= fill_section(l, m, &r->fetch.sections[i], i, e);
	return got;
}

unsigned
imap_read_missing(unsigned need, unsigned got)
{
	return (need | NEED_FACTS) & ~got;
}

void
imap_read_dates(struct imap_source *s, struct message *m)
{
	struct message_facts *facts = message_facts(m);
	unsigned lacks = (NEED_RECEIVED | NEED_HERE) & ~message_have(m);

	if (lacks & NEED_RECEIVED)
		facts->received = loop_wall(s->source.loop) / 1000;
	if (lacks & NEED_HERE)
		facts->here = facts->received;
	message_know(m, lacks);
}

/* ---- FETCH */

static void
write_items(struct batch_group *g, struct imap_op *op)
{
	imap_read_items(g->imap, op, g->need);
}

static void
fetch_reply(struct batch_group *g, struct imap_reply *r)
{
	uint32_t uid = r->kind == IMAP_BROKEN ? r->uid : r->kind == IMAP_FETCH ? r->fetch.uid : 0;
	struct batch_item *it = uid != 0 ? group_item(g, uid) : NULL;

	g->blind |= uid == 0 && (r->kind == IMAP_BROKEN || r->kind == IMAP_FETCH);
	if (it == NULL)
		return;
	it->seen = true;
	if (r->kind == IMAP_BROKEN) {
		it->broken = true;
		return;
	}
	if (it->r->message == NULL)
		it->r->message = message_new();
	it->got |= imap_read_fill(g->l, it->r->message, r, &it->r->err);
}

static void
fetch_failed(struct batch_group *g, struct batch_item *it)
{
	struct err e = it->r->err;

	if (!err_is(&e))
		e = g->fault;
	group_err(g, &e, ERR_PROTO, "what the server says of the message with UID %u could not be read",
	    it->uid);
	group_fail(g, it, &e);
}

/* Once more, alone. */
static void
fetch_alone(struct batch_group *g, struct batch_item *it)
{
	struct seqset one = { 0 };

	g->need = imap_read_missing(it->r->need, it->got);
	if (g->need & NEED_STRUCTURE && (it->broken || it->got != 0))
		g->need |= NEED_BODY;		/* its structure cannot be read: by its bytes */
	it->seen = it->broken = it->no = it->checked = false;
	seqset_add(&one, it->uid, it->uid);
	group_send(g, IMAP_DO_UID_FETCH, &one, READ_ITEMS_MAX, write_items, fetch_reply,
	    imap_note_checked);
	seqset_free(&one);
}

static void
fetched(struct batch_group *g)
{
	bool first = g->round++ == 0;

	imap_read_drop(g->l);
	g->blind = false;	/* `checked` knows */
	for (size_t i = 0; i < g->items.n; i++) {
		struct batch_item *it = &g->items.at[i];

		if (it->r == NULL)
			continue;
		if (it->got != 0 && !first)
			imap_read_dates(g->box->source, it->r->message);
		if (it->got != 0 && (imap_read_missing(it->r->need, it->got) & (first ? ~0u :
		    ~(unsigned)(NEED_RECEIVED | NEED_HERE))) == 0) {
			err_clear(&it->r->err);
			group_answer(g, it, RESULT_DONE);
		} else if (it->lost) {
			group_lose(g, it);
		} else if (err_is(&it->r->err)) {
			fetch_failed(g, it);
		} else if (!it->seen && it->checked) {
			/* What came before was said of its flags, not of it. */
			group_answer(g, it, RESULT_GONE);
		} else if (first && g->fault.kind != ERR_PROTO) {
			fetch_alone(g, it);	/* not after a BAD: servers count them */
		} else {
			fetch_failed(g, it);
		}
	}
	if (g->under_way == 0)
		group_end(g);
}

void
imap_fetch_begin(struct batch_group *g)
{
	struct seqset left = { 0 };

	group_left(g, &left);
	g->next = fetched;
	group_send(g, IMAP_DO_UID_FETCH, &left, READ_ITEMS_MAX, write_items, fetch_reply,
	    imap_note_checked);
	seqset_free(&left);
}
