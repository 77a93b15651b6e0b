/*
 * The ceilings of the IMAP engine, from both sides: what is at a ceiling passes, what is over it is
 * told as a fact or ends the session in words, and what follows is read as if nothing had been.
 * Cost is looked at by what is held (the allocator's count) and by what is told, never by time.
 */
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

static void
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

static void
on_event(void *arg, struct imap_reply *r)
{
	struct talk *t = arg;

	t->events++;
	note(t, r);
}

static void
on_reply(void *arg, struct imap_reply *r)
{
	note(arg, r);
}

static void
on_done(void *arg, const struct imap_answer *a)
{
	struct talk *t = arg;

	t->done += a->result != NULL;
	t->lost += a->result == NULL;
	if (a->result == NULL)
		t->fault = a->err;
}

static bool
sink_begin(void *arg, const struct imap_literal *l)
{
	struct talk *t = arg;

	t->begun++;
	t->promised = l->size;
	return true;
}

static void
sink_data(void *arg, struct view bytes)
{
	((struct talk *)arg)->sunk += bytes.n;
}

static void
sink_end(void *arg)
{
	((struct talk *)arg)->ended++;
}

static void
over(struct talk *t)
{
	t->dead = true;
	imap_engine_ops.on_closed(t->m, &t->err);
}

static void
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

static void
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

static void
say(struct talk *t, const char *text)
{
	say_view(t, view_of(text));
}

static void
say_str(struct talk *t, struct str *s)
{
	say_view(t, str_view(s));
	str_free(s);
}

/* n times this text, not held at once. */
static void
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

static void
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

static void
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
static void
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

static void
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

static size_t
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void
add_many(struct str *s, const char *text, size_t n)
{
	while (n-- > 0)
		str_adds(s, text);
}

/* ---- tokens */

TEST(a_string_of_64_kib_and_one_byte_more)
{
	for (int i = 0; i < 4; i++) {
		struct str s = STR_INIT;
		const char *quote = i % 2 ? "\"" : "";
		bool more = i >= 2;
		struct talk t;

		begin(&t);
		op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
		str_addf(&s, "* 1 FETCH (UID 5 X-THING %s", quote);
		add_many(&s, "a", IMAP_STRING_MAX + more);
		str_addf(&s, "%s)\r\n", quote);
		say_str(&t, &s);
		EXPECT_EQ(t.fetches, !more);
		EXPECT_EQ(t.limits, more);
		EXPECT_EQ(t.uid, 5);
		EXPECT_GOES_ON(&t);
		end(&t);
	}
}

TEST(a_literal_of_1_mib_and_one_byte_more)
{
	for (size_t more = 0; more < 2; more++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		op(&t, IMAP_DO_UID_FETCH, "1:9 (BODY.PEEK[])");
		str_addf(&s, "* 1 FETCH (UID 5 BODY[] {%zu}\r\n", IMAP_MEMORY_MAX + more);
		add_many(&s, "m", IMAP_MEMORY_MAX + more);
		str_adds(&s, ")\r\n");
		say_str(&t, &s);
		EXPECT_EQ(t.fetches, 1);
		EXPECT_EQ(t.held, more ? 0 : IMAP_MEMORY_MAX);
		EXPECT_EQ(t.sunk, more ? IMAP_MEMORY_MAX + 1 : 0);
		EXPECT_EQ(t.begun, more);
		EXPECT_EQ(t.ended, more);
		EXPECT_GOES_ON(&t);
		end(&t);
	}
}

/* A count is a promise: nothing is taken for it before it comes. */
TEST(literals_that_claim_too_much)
{
	static const struct { const char *count; bool dead; } rows[] = {
		{ "2147483648", false }, { "1099511627776", false }, { "1099511627777", true },
		{ "9223372036854775808", true }, { "18446744073709551617", true },
		{ "99999999999999999999", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str s = STR_INIT;
		struct talk t;
		size_t before;

		begin(&t);
		op(&t, IMAP_DO_UID_FETCH, "1:9 (BODY.PEEK[])");
		before = in_use();
		str_addf(&s, "* 1 FETCH (UID 5 BODY[] {%s}\r\n", rows[i].count);
		say_str(&t, &s);
		say_many(&t, "0123456789abcdef", 200000);
		EXPECT_EQ(t.dead, rows[i].dead);
		EXPECT(in_use() < before + SLACK);
		EXPECT_EQ(t.sunk, rows[i].dead ? 0 : 3200000);
		EXPECT_EQ(t.ended, 0);
		if (rows[i].dead) {
			EXPECT_EQ(t.err.kind, ERR_PROTO);
			EXPECT_EQ(t.lost, 1);
			EXPECT(strstr(t.fault.text, "impossible length") != NULL);
		}
		end(&t);
	}
}

/* ---- replies */

TEST(a_reply_of_4_mib_and_more)
{
	static const struct { enum imap_verb verb; const char *args, *head, *item, *tail; bool own; } rows[] = {
		{ IMAP_DO_UID_FETCH, "1:9 (FLAGS)", "* 1 FETCH (UID 5 FLAGS (", "abc ", "))\r\n", true },
		{ IMAP_DO_LIST, "\"\" \"*\"", "* LIST (", "\\Odd ", ") \"/\" a\r\n", true },
		{ IMAP_DO_STATUS, "a (MESSAGES)", "* STATUS a (", "ODD 1 ", ")\r\n", false },
		{ IMAP_DO_NOOP, "", "* THING (", "() ", ")\r\n", false },
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		bool more = i % 2 == 1;
		struct talk t;
		size_t before;

		begin(&t);
		op(&t, rows[i / 2].verb, rows[i / 2].args);
		before = in_use();
		say(&t, rows[i / 2].head);
		say_many(&t, rows[i / 2].item, more ? 100000 : 20000);
		EXPECT(in_use() < before + IMAP_REPLY_MAX + SLACK);
		say(&t, rows[i / 2].tail);
		EXPECT_EQ(t.limits, more);
		EXPECT_EQ(t.broken, more);
		/* Who asked hears of it, where that can be known. */
		if (more)
			EXPECT_EQ(t.events, !rows[i / 2].own);
		say(&t, "* 1 EXISTS\r\naaaaaa4 OK x\r\n");
		EXPECT(!t.dead);
		EXPECT_EQ(t.done, 1);
		EXPECT(in_use() < before + SLACK);
		end(&t);
	}
}

TEST(lists_in_lists_64_and_65)
{
	for (unsigned more = 0; more < 2; more++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
		str_adds(&s, "* 1 FETCH (X-THING ");
		add_many(&s, "(", IMAP_DEPTH_MAX - 1 + more);
		add_many(&s, ")", IMAP_DEPTH_MAX - 1 + more);
		str_adds(&s, " UID 5)\r\n");
		say_str(&t, &s);
		EXPECT_EQ(t.fetches, 1);
		EXPECT_EQ(t.uid, 5);
		EXPECT_EQ(t.deep, more);
		EXPECT_GOES_ON(&t);
		end(&t);
	}
}

TEST(parentheses_without_end)
{
	struct talk t;
	size_t before;

	begin(&t);
	op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
	before = in_use();
	say(&t, "* 1 FETCH (UID 5 X-THING ");
	say_many(&t, "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((", 15000);
	EXPECT(in_use() < before + SLACK);
	say(&t, "\r\n");
	EXPECT_EQ(t.fetches, 1);
	EXPECT(t.deep);
	EXPECT_EQ(t.uid, 5);
	EXPECT_GOES_ON(&t);
	end(&t);
}

TEST(a_search_of_400000_numbers_in_one_line)
{
	static const char *const heads[] = { "* SEARCH", "* ESEARCH (TAG \"aaaaaa4\") UID ALL 9" };

	for (unsigned i = 0; i < ARRAY_LEN(heads); i++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		op(&t, IMAP_DO_UID_SEARCH, "ALL");
		str_adds(&s, heads[i]);
		for (unsigned n = i; n < 400000; n++)
			str_addf(&s, "%c%u", i == 0 ? ' ' : ',', 4000000001u - 2 * n);
		str_adds(&s, "\r\n");
		say_str(&t, &s);
		EXPECT_EQ(t.found, 400000);
		EXPECT(!t.incomplete);
		EXPECT_EQ(t.broken, 0);
		end(&t);
	}
}

/* The ceiling of 16 million ranges, lowered; itself it is in seqset_test.c. */
TEST(more_ranges_than_a_set_may_have)
{
	static const char *const heads[] = { "* SEARCH 2 4 6 8 10 12 14 16",
		"* ESEARCH (TAG \"aaaaaa4\") UID ALL 2,4,6,8,10,12,14,16", "* SORT 16 14 12 10 8 6 4 2",
		"* VANISHED 2,4,6,8,10,12,14,16" };

	for (size_t i = 0; i < 2 * ARRAY_LEN(heads); i++) {
		struct str s = STR_INIT;
		bool more = i % 2 == 1;
		struct talk t;

		begin(&t);
		t.m->resp->set.max = 8;
		op(&t, IMAP_DO_UID_SEARCH, "ALL");
		str_addf(&s, "%s%s\r\n", heads[i / 2], !more ? "" : i / 2 % 2 ? ",18" : " 18");
		say_str(&t, &s);
		if (i / 2 != 2) {
			EXPECT_EQ(t.incomplete, more);
			EXPECT_EQ(t.found, 8);
		}
		say(&t, "aaaaaa4 OK x\r\n");
		EXPECT(!t.dead);
		EXPECT_EQ(t.done, 1);
		end(&t);
	}
}

/* An empty answer is a fact; one that was too much for us must not look like it. */
TEST(a_search_that_cannot_be_read_is_not_empty)
{
	static const char *const heads[] = { "* SEARCH 1 ", "* ESEARCH (TAG \"aaaaaa4\") UID ALL " };

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		op(&t, IMAP_DO_UID_SEARCH, "ALL");
		str_adds(&s, heads[i]);
		add_many(&s, "7", IMAP_STRING_MAX + 1);
		str_adds(&s, "\r\naaaaaa4 OK x\r\n");
		say_str(&t, &s);
		EXPECT_EQ(t.limits, 1);
		EXPECT_EQ(t.events, 0);
		EXPECT_EQ(t.done, 1);
		EXPECT(!t.dead);
		end(&t);
	}
}

TEST(ten_thousand_and_one_capabilities)
{
	for (int code = 0; code < 2; code++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		str_adds(&s, code ? "* OK [CAPABILITY MOVE" : "* CAPABILITY MOVE");
		add_many(&s, " X-NOTHING", 10000);
		str_adds(&s, code ? "] x\r\n" : "\r\n");
		say_str(&t, &s);
		EXPECT(imap_can(t.m, IMAP_CAP_MOVE) && !imap_can(t.m, IMAP_CAP_IDLE));
		say(&t, "* CAPABILITY IMAP4rev1 IDLE\r\n");
		EXPECT(!imap_can(t.m, IMAP_CAP_MOVE) && imap_can(t.m, IMAP_CAP_IDLE));
		op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
		EXPECT_GOES_ON(&t);
		end(&t);
	}
}

TEST(namespaces_by_the_thousand)
{
	struct str s = STR_INIT;
	struct talk t;

	begin(&t);
	str_adds(&s, "* NAMESPACE (");
	add_many(&s, "(\"a/\" \"/\")", IMAP_PREFIXES_MAX + 1000);
	str_adds(&s, ") NIL NIL\r\n");
	say_str(&t, &s);
	EXPECT_EQ(imap_namespaces(t.m)->nother, IMAP_PREFIXES_MAX - 1);
	EXPECT(!t.dead);
	end(&t);
}

TEST(a_huge_bye)
{
	for (size_t more = 0; more < 2; more++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
		str_adds(&s, "* BYE ");
		add_many(&s, "b", IMAP_TEXT_MAX + more);
		str_adds(&s, "\r\n");
		say_str(&t, &s);
		if (more) {
			/* Nobody says so much in order; the server's closing is the end. */
			EXPECT(!t.dead);
			EXPECT_EQ(t.limits, 1);
			err_set(&t.err, ERR_NET, SCOPE_SESSION, "the server closed the connection");
			over(&t);
		}
		EXPECT(t.dead);
		EXPECT_EQ(t.err.kind, ERR_NET);
		EXPECT_EQ(t.lost, 1);
		EXPECT(strlen(imap_bye(t.m)) < 300);
		EXPECT(strlen(t.err.text) < 400);
		end(&t);
	}
}

/* A command whose answer was too much for us would wait for ever. */
TEST(an_answer_over_the_ceiling_ends_the_session_in_words)
{
	for (size_t more = 0; more < 2; more++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
		str_adds(&s, "aaaaaa4 OK ");
		add_many(&s, "x", IMAP_TEXT_MAX + more);
		str_adds(&s, "\r\n");
		say_str(&t, &s);
		EXPECT_EQ(t.dead, more);
		EXPECT_EQ(t.done, !more);
		EXPECT_EQ(t.lost, more);
		if (more) {
			EXPECT_EQ(t.fault.kind, ERR_LIMIT);
			EXPECT(t.fault.temporary);
			EXPECT(strstr(t.fault.text, "UID FETCH cannot be read: a text is too long") != NULL);
		}
		end(&t);
	}
}

/* ---- without end */

TEST(a_line_without_end)
{
	struct talk t;
	size_t before;

	begin(&t);
	op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
	before = in_use();
	say(&t, "* 1 FETCH (UID 5 X-THING ");
	say_many(&t, "0123456789abcdef", 100000);
	EXPECT(in_use() < before + SLACK);
	EXPECT(!t.dead);
	/* The rest of what may be skipped, without sending it. */
	t.m->resp->lex.line = IMAP_SKIP_MAX - 4;
	say(&t, "abc");
	EXPECT(!t.dead);
	say(&t, "\r\n");
	EXPECT(!t.dead);
	EXPECT_EQ(t.limits, 1);
	say(&t, "* 1 FETCH (UID 5 X-THING ");
	say_many(&t, "0123456789abcdef", 5000);
	t.m->resp->lex.line = IMAP_SKIP_MAX - 3;
	say(&t, "abcde");
	EXPECT(t.dead);
	EXPECT_EQ(t.err.kind, ERR_LIMIT);
	EXPECT_STR(t.err.text, "a line of the server has no end");
	EXPECT_EQ(t.lost, 1);
	end(&t);
}

TEST(replies_without_end)
{
	struct talk t;
	size_t before;

	begin(&t);
	op(&t, IMAP_DO_UID_FETCH, "1:9 (X)");
	before = in_use();
	say_many(&t, "* OK still here\r\n* 3 EXISTS\r\n* X (1 2)\r\n* STATUS a (MESSAGES 1)\r\n", 50000);
	EXPECT_EQ(t.events, 200000);
	EXPECT(in_use() < before + SLACK);
	EXPECT_EQ(t.lines, 1);
	EXPECT_GOES_ON(&t);
	end(&t);
}

TEST(a_hundred_thousand_changes_while_idle)
{
	struct talk t;
	size_t before;

	begin(&t);
	imap_idle(t.m, true);
	pump(&t);
	EXPECT_STR(str_z(&t.out), "aaaaaa4 IDLE\r\n");
	say(&t, "+ idling\r\n");
	before = in_use();
	say_many(&t, "* 2 FETCH (UID 7 FLAGS (\\Seen Work) BODY[] {5}\r\nhello)\r\n", 100000);
	EXPECT_EQ(t.fetches, 100000);
	EXPECT_EQ(t.events, 100000);
	EXPECT(in_use() < before + SLACK);
	EXPECT_EQ(t.lines, 1);
	op(&t, IMAP_DO_NOOP, "");
	EXPECT_STR(str_z(&t.out), "aaaaaa4 IDLE\r\nDONE\r\naaaaaa5 NOOP\r\naaaaaa6 IDLE\r\n");
	say(&t, "aaaaaa4 OK x\r\naaaaaa5 OK x\r\n");
	EXPECT_EQ(t.done, 1);
	end(&t);
}

/* A server that talks is never late for a single answer. */
TEST(a_sign_in_has_an_end)
{
	struct talk t;
	int64_t begun;
	unsigned n = 0;

	begin_with(&t, HELLO);
	begun = t.now;
	for (; !t.dead && n < 1000; n++) {
		t.now += IMAP_REPLY_MS / 2;
		EXPECT(imap_engine_ops.next_deadline(t.m) <= begun + 5 * IMAP_REPLY_MS);
		pump(&t);
		say(&t, "* OK wait\r\n");
	}
	EXPECT(t.dead);
	EXPECT_EQ(n, 10);
	EXPECT_EQ(t.err.kind, ERR_NET);
	EXPECT(t.err.temporary);
	EXPECT_STR(t.err.text, "the server talks but does not sign us in (300 s)");
	end(&t);
	/* One that is slow is not cut off, nor one that has signed us in. */
	begin_with(&t, HELLO);
	for (n = 0; n < 9; n++) {
		t.now += IMAP_REPLY_MS / 2;
		pump(&t);
		say(&t, "* OK wait\r\n");
	}
	say(&t, "+ \r\n");
	say(&t, "aaaaaa1 OK [CAPABILITY IMAP4rev1] in\r\n");
	say(&t, "* LIST () \"/\" \"\"\r\naaaaaa2 OK x\r\n");
	EXPECT(imap_is_ready(t.m));
	op(&t, IMAP_DO_NOOP, "");
	t.now += IMAP_REPLY_MS - 1;
	pump(&t);
	EXPECT(!t.dead);
	end(&t);
}

/* PLAIN answers once, then gives up by "*", then the session. */
TEST(challenges_without_end)
{
	struct talk t;
	unsigned n = 0;

	begin_with(&t, HELLO);
	t.lines = 0;
	for (; !t.dead && n < 1000; n++)
		say(&t, "+ \r\n");
	EXPECT_EQ(n, 3);
	EXPECT_EQ(t.lines, 2);
	EXPECT(t.dead);
	EXPECT(err_is(&t.err));
	EXPECT(view_ends(str_view(&t.out), VIEW("\r\nAGFubmEAdGVh\r\n*\r\n")));
	end(&t);
	/* All in one read. */
	begin_with(&t, HELLO);
	t.lines = 0;
	say_many(&t, "+ \r\n", 100000);
	EXPECT(t.lines <= 2);
	end(&t);
	/* A challenge over the ceiling is no challenge: the sign-in goes on without it. */
	begin_with(&t, HELLO);
	say(&t, "+ ");
	say_many(&t, "QUFB", IMAP_TEXT_MAX / 4 + 1);
	say(&t, "\r\n+ \r\n");
	say(&t, "aaaaaa1 OK [CAPABILITY IMAP4rev1] in\r\n");
	say(&t, "* LIST () \"/\" \"\"\r\naaaaaa2 OK x\r\n");
	EXPECT(imap_is_ready(t.m));
	end(&t);
}

/* ---- what goes out */

static size_t
flight(struct talk *t)
{
	size_t n = 0;

	LIST_EACH(&t->m->flight, it)
		n++;
	return n;
}

TEST(twenty_five_commands_are_under_way)
{
	struct talk t;

	begin(&t);
	for (unsigned i = 0; i < 3 * IMAP_WINDOW; i++)
		op(&t, IMAP_DO_UID_FETCH, "1:9 (UID)");
	EXPECT_EQ(flight(&t), IMAP_WINDOW);
	EXPECT_EQ(t.lines, IMAP_WINDOW);
	for (unsigned i = 0; i < 2 * IMAP_WINDOW; i++) {
		char line[40];

		snprintf(line, sizeof(line), "aaaaaa%u OK x\r\n", 4 + i);
		say(&t, line);
		EXPECT_EQ(flight(&t), IMAP_WINDOW);
	}
	EXPECT_EQ(t.lines, 3 * IMAP_WINDOW);
	end(&t);
}

/* 32 KiB, and one command more than that only where it is alone. */
TEST(bytes_under_way)
{
	struct str long_one = STR_INIT;
	struct talk t;

	begin(&t);
	add_many(&long_one, "1:9,", 1980);
	str_adds(&long_one, "9 (UID)");
	for (unsigned i = 0; i < 10; i++)
		op(&t, IMAP_DO_UID_FETCH, str_z(&long_one));
	EXPECT_EQ(flight(&t), IMAP_WINDOW_BYTES / long_one.len);
	EXPECT_EQ(flight(&t), 4);
	EXPECT(t.m->flight_bytes <= IMAP_WINDOW_BYTES);
	say(&t, "aaaaaa4 OK x\r\n");
	EXPECT_EQ(flight(&t), 4);
	EXPECT_EQ(t.lines, 5);
	str_free(&long_one);
	end(&t);
}

TEST(a_command_line_of_8000_bytes_and_one_more)
{
	const size_t around = strlen("aaaaaa4 NOOP \r\n");

	for (size_t more = 0; more < 2; more++) {
		struct str s = STR_INIT;
		struct talk t;

		begin(&t);
		str_adds(&s, " ");
		add_many(&s, "x", IMAP_LINE_DEFAULT - around + more);
		op(&t, IMAP_DO_NOOP, str_z(&s));
		EXPECT_EQ(t.out.len, more ? 0 : IMAP_LINE_DEFAULT);
		EXPECT_EQ(t.lost, more);
		if (more)
			EXPECT_EQ(t.fault.kind, ERR_LIMIT);
		op(&t, IMAP_DO_UID_FETCH, "1:9 (UID)");
		say(&t, more ? "aaaaaa5 OK x\r\n" : "aaaaaa4 OK x\r\naaaaaa5 OK x\r\n");
		EXPECT(!t.dead);
		EXPECT_EQ(t.done, more ? 1 : 2);
		str_free(&s);
		end(&t);
	}
}

/* 10,000 UIDs with gaps: commands of at most a line, all of the UIDs, each once. */
TEST(a_set_over_many_lines)
{
	struct seqset all = { 0 }, gone = { 0 };
	struct seq_iter it = { 0 };
	struct talk t;
	uint64_t n = 0;
	size_t ops = 0;

	begin(&t);
	for (uint32_t i = 0; i < 10000; i++)
		seqset_add(&all, 1000000 + 2 * i, 1000000 + 2 * i);
	while (n < 10000 && ops < 100) {
		struct imap_op *o = imap_op_new(t.m, IMAP_DO_UID_FETCH);
		uint64_t some = imap_op_uids(o, &all, &it, 20);

		EXPECT(some > 0);
		seqset_add_all(&gone, imap_op_set(o));
		imap_cmd_raw(imap_op_cmd(o), " (UID)");
		imap_op_send(o, on_reply, on_done, &t);
		n += some;
		ops++;
	}
	EXPECT_EQ(n, 10000);
	EXPECT(seqset_eq(&all, &gone));
	EXPECT_EQ(ops, 11);		/* 80,000 bytes */
	pump(&t);
	EXPECT_EQ(t.lost, 0);
	seqset_free(&all);
	seqset_free(&gone);
	end(&t);
}
