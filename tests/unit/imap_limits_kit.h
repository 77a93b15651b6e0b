/*
 * What the tests of the ceilings of the IMAP engine share: an engine in memory, fed in pieces, and
 * counts of what it told.  begin(): signed in, INBOX selected; the next command is aaaaaa4.
 */
#ifndef IMAP_LIMITS_KIT_H
#define IMAP_LIMITS_KIT_H

#include "unit.h"

#include <malloc.h>

#include "proto/imap_int.h"
#include "proto/imap_resp_int.h"

#define HELLO	"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE ESEARCH] ready\r\n"
#define PIECE	((size_t)4099)		/* bytes of one read, so that nothing comes whole */
#define SLACK	((size_t)256 << 10)	/* what a flat memory may differ by: buffers */

struct talk {
	struct imap	*m;
	struct err	 err;
	bool		 dead;
	int64_t		 now;
	struct str	 out;
	size_t		 lines;			/* written */
	/* ---- told */
	size_t		 fetches, events, broken, limits, done, lost;
	uint64_t	 found;			/* numbers of SEARCH */
	bool		 incomplete, deep;
	uint32_t	 uid;			/* of the last FETCH or broken one */
	struct err	 fault;			/* of the last command without an answer */
	/* ---- the sink */
	size_t		 begun, ended;
	uint64_t	 promised, sunk, held;	/* held: bytes of sections in memory */
};

static inline void
note(struct talk *t, const struct imap_reply *r)
{
	t->broken += r->kind == IMAP_BROKEN;
	t->limits += r->kind == IMAP_BROKEN && r->limit;
	if (r->kind == IMAP_BROKEN)
		t->uid = r->uid;
	if (r->kind == IMAP_FETCH) {
		t->fetches++;
		t->uid = r->fetch.uid;
		t->deep = r->limit;
		for (size_t i = 0; i < r->fetch.nsections; i++)
			t->held += r->fetch.sections[i].bytes.n;
	}
	if (r->kind == IMAP_SEARCH || r->kind == IMAP_ESEARCH || r->kind == IMAP_VANISHED) {
		t->found = seqset_count(r->set);
		t->incomplete = r->incomplete;
	}
}

static inline void
on_event(void *arg, struct imap_reply *r)
{
	struct talk *t = arg;

	t->events++;
	note(t, r);
}

static inline void
on_reply(void *arg, struct imap_reply *r)
{
	note(arg, r);
}

static inline void
on_done(void *arg, const struct imap_answer *a)
{
	struct talk *t = arg;

	t->done += a->result != NULL;
	t->lost += a->result == NULL;
	if (a->result == NULL)
		t->fault = a->err;
}

static inline bool
sink_begin(void *arg, const struct imap_literal *l)
{
	struct talk *t = arg;

	t->begun++;
	t->promised = l->size;
	return true;
}

static inline void
sink_data(void *arg, struct view bytes)
{
	((struct talk *)arg)->sunk += bytes.n;
}

static inline void
sink_end(void *arg)
{
	((struct talk *)arg)->ended++;
}

static inline void
over(struct talk *t)
{
	t->dead = true;
	imap_engine_ops.on_closed(t->m, &t->err);
}

static inline void
pump(struct talk *t)
{
	struct view v;

	if (!t->dead && imap_engine_ops.tick(t->m, t->now, &t->err) < 0)
		over(t);
	while (!t->dead && (v = imap_engine_ops.output(t->m)).n > 0) {
		for (size_t i = 0; i < v.n; i++)
			t->lines += v.p[i] == '\n';
		str_add(&t->out, v.p, v.n);
		imap_engine_ops.sent(t->m, v.n);
	}
}

static inline void
say_view(struct talk *t, struct view v)
{
	enum engine_want want;
	size_t used;

	while (v.n > 0 && !t->dead) {
		struct view some = view_sub(v, 0, PIECE);

		if (imap_engine_ops.feed(t->m, some, &used, &want, &t->err) < 0)
			over(t);
		v = view_from(v, some.n);
	}
	pump(t);
}

static inline void
say(struct talk *t, const char *text)
{
	say_view(t, view_of(text));
}

static inline void
say_str(struct talk *t, struct str *s)
{
	say_view(t, str_view(s));
	str_free(s);
}

/* n times this text, not held at once. */
static inline void
say_many(struct talk *t, const char *text, size_t n)
{
	struct str some = STR_INIT;

	while (n > 0 && !t->dead) {
		size_t k = MIN(n, (size_t)1000);

		str_reset(&some);
		for (size_t i = 0; i < k; i++)
			str_adds(&some, text);
		say_view(t, str_view(&some));
		n -= k;
	}
	str_free(&some);
}

static inline void
begin_with(struct talk *t, const char *hello)
{
	static const struct engine_tls tls = { .verified = true };
	struct secret *password = secret_of(VIEW("tea"));
	struct imap_conf c = { .host = "mail.example.com", .port = 993, .user = "anna",
		.password = password, .events = { NULL, on_event }, .arg = t,
		.sink = { sink_begin, sink_data, sink_end, t } };

	*t = (struct talk){ .now = 1000 };
	t->m = imap_new(&c);
	secret_free(&password);
	pump(t);
	if (imap_engine_ops.on_tls(t->m, &tls, &t->err) < 0)
		over(t);
	imap_connected(t->m, false);
	say(t, hello);
}

static inline void
op(struct talk *t, enum imap_verb v, const char *rest)
{
	struct imap_op *o = imap_op_new(t->m, v);
	struct err e = ERR_NONE;

	if (v == IMAP_DO_SELECT)
		imap_op_mailbox(o, view_of(rest));
	else
		imap_cmd_raw(imap_op_cmd(o), rest);
	if (v == IMAP_DO_UID_FETCH && seqset_parse(imap_op_set(o), VIEW("1:9"), &e) < 0)
		abort();
	imap_op_send(o, on_reply, on_done, t);
	pump(t);
}

/* Signed in, INBOX selected; the next command is aaaaaa4. */
static inline void
begin_(int *unit_failed, struct talk *t)
{
	begin_with(t, HELLO);
	say(t, "+ \r\n");
	say(t, "aaaaaa1 OK [CAPABILITY IMAP4rev1 IDLE ESEARCH] in\r\n");
	say(t, "* LIST () \"/\" \"\"\r\naaaaaa2 OK x\r\n");
	EXPECT(imap_is_ready(t->m));
	op(t, IMAP_DO_SELECT, "INBOX");
	say(t, "* 3 EXISTS\r\naaaaaa3 OK x\r\n");
	EXPECT(imap_selected(t->m) != NULL);
	str_reset(&t->out);
	t->lines = t->done = t->events = 0;
}
#define begin(t) begin_(unit_failed, t)

static inline void
end(struct talk *t)
{
	imap_free(&t->m);
	str_free(&t->out);
}

/* It still talks: the command under way has its answer. */
#define EXPECT_GOES_ON(t) do { \
	size_t so_far = (t)->fetches; \
	say((t), "* 1 FETCH (UID 3)\r\naaaaaa4 OK x\r\n"); \
	EXPECT(!(t)->dead); \
	EXPECT_EQ((t)->fetches, so_far + 1); \
	EXPECT_EQ((t)->done, 1); \
} while (0)

static inline size_t
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static inline void
add_many(struct str *s, const char *text, size_t n)
{
	while (n-- > 0)
		str_adds(s, text);
}

#endif
