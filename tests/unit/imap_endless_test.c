/*
 * The IMAP engine and a server that does not stop: lines, replies, changes, challenges.  Memory stays
 * flat and what can end does.  Then the ceilings of what goes out.
 */
#include "imap_limits_kit.h"

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

TEST(a_command_of_1_mib)
{
	const size_t piece = 60000;
	char *bytes = xmalloc(piece);

	memset(bytes, 'x', piece);
	for (size_t n = IMAP_CMD_MAX / piece; n <= IMAP_CMD_MAX / piece + 1; n++) {
		bool more = n * piece > IMAP_CMD_MAX;
		struct talk t;
		struct imap_op *o;

		begin(&t);
		o = imap_op_new(t.m, IMAP_DO_NOOP);
		for (size_t i = 0; i < n; i++) {
			imap_cmd_raw(imap_op_cmd(o), " ");
			imap_cmd_string(imap_op_cmd(o), view_n(bytes, piece), "a piece");
		}
		imap_op_send(o, on_reply, on_done, &t);
		pump(&t);
		EXPECT_EQ(t.lost, more);
		EXPECT_EQ(t.out.len > 0, !more);
		if (more)
			EXPECT_EQ(t.fault.kind, ERR_LIMIT);
		EXPECT(!t.dead);
		end(&t);
	}
	free(bytes);
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
