/*
 * The ceilings of the IMAP engine, from both sides: what is at a ceiling passes, what is over it is
 * told as a fact or ends the session in words, and what follows is read as if nothing had been.
 * Cost is looked at by what is held (the allocator's count) and by what is told, never by time.
 * What has no end by itself, and what goes out: imap_endless_test.c.
 */
#include "imap_limits_kit.h"

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
