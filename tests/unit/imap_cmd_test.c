/* The encoder of IMAP commands: atom, quoted, literal; barriers; what is refused; cutting. */
#include "proto/imap_cmd.h"

#include "base/mem.h"

#include "tests/unit/unit.h"

#define LIT(s)	{ (s), sizeof(s) - 1 }	/* in tables; VIEW() elsewhere */

static const struct imap_syntax bare = { 0 };
static const struct imap_syntax plus = { .literal_plus = true };
static const struct imap_syntax minus = { .literal_minus = true };
static const struct imap_syntax utf8 = { .literal_plus = true, .utf8 = true };

/*
 * Ends the command and shows it: "|" is a barrier, "[" and "]" are around a secret, CRLF
 * is "~".  An error shows as its kind.  Frees the command; valid until the next call.
 */
static const char *
shown(struct imap_cmd *c, char to[4096])
{
	struct err e = ERR_NONE;
	size_t len = 0;

	if (imap_cmd_end(c, &e) != 0) {
		snprintf(to, 4096, "!%s", err_kind_name(e.kind));
		if (imap_cmd_parts(c) != 0)
			strcpy(to, "a failed command has parts");
	} else {
		for (size_t i = 0; i < imap_cmd_parts(c); i++) {
			struct imap_part p = imap_cmd_part(c, i);

			if (p.wait)
				to[len++] = '|';
			if (p.secret)
				to[len++] = '[';
			for (size_t k = 0; k < p.bytes.n && len < 4000; k++) {
				if (p.bytes.p[k] == '\n' && len > 0 && to[len - 1] == '\r')
					to[len - 1] = '~';
				else
					to[len++] = p.bytes.p[k];
			}
			if (p.secret)
				to[len++] = ']';
		}
		to[len] = '\0';
	}
	imap_cmd_free(&c);
	return to;
}

TEST(cmd_tags)
{
	struct imap_tags t;
	char tag[IMAP_TAG_SIZE];

	imap_tags_init(&t, (const unsigned char *)"\x00\x01\x19\x1a\xff\x0c");
	EXPECT_STR(t.letters, "abzavm");
	imap_tags_next(&t, tag);
	EXPECT_STR(tag, "abzavm1");
	imap_tags_next(&t, tag);
	EXPECT_STR(tag, "abzavm2");
	t.n = UINT64_C(9999999999999) - 1;
	imap_tags_next(&t, tag);
	EXPECT_STR(tag, "abzavm9999999999999");
	imap_tags_next(&t, tag);
	EXPECT_STR(tag, "abzavm1");
}

static const char *
astring(const struct imap_syntax *syntax, struct view v, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(syntax, NULL);

	imap_cmd_astring(c, v, "it");
	return shown(c, to);
}

TEST(cmd_astring_by_content)
{
	static const struct { struct view in; const char *out; } rows[] = {
		{ LIT("abc"), "abc~" }, { LIT("a.b/c-d_e&AOk-"), "a.b/c-d_e&AOk-~" },
		{ LIT(""), "\"\"~" }, { LIT("a b"), "\"a b\"~" },
		{ LIT("NIL"), "\"NIL\"~" }, { LIT("nil"), "\"nil\"~" }, { LIT("NILS"), "NILS~" },
		{ LIT("a\"b\\c"), "\"a\\\"b\\\\c\"~" }, { LIT("a]"), "\"a]\"~" },
		{ LIT("%"), "\"%\"~" }, { LIT("*"), "\"*\"~" }, { LIT("{3}"), "\"{3}\"~" },
		{ LIT("(x)"), "\"(x)\"~" },
		{ LIT("caf\xc3\xa9"), "{5+}~caf\xc3\xa9~" }, { LIT("a\tb"), "{3+}~a\tb~" },
		{ LIT("a\r\nb"), "{4+}~a~b~" }, { LIT("a\nb"), "{3+}~a\nb~" },
		{ LIT("\x7f"), "{1+}~\x7f~" }, { LIT("\xff"), "{1+}~\xff~" },
		{ LIT("a\0b"), "!usage" }, { LIT("\0"), "!usage" },
	};
	char to[4096];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_STR(astring(&plus, rows[i].in, to), rows[i].out);
	EXPECT_STR(astring(&bare, VIEW("caf\xc3\xa9"), to), "{5}~|caf\xc3\xa9~");
	EXPECT_STR(astring(&minus, VIEW("caf\xc3\xa9"), to), "{5+}~caf\xc3\xa9~");
	/* RFC 9755, 3: quoted once it is enabled; what is no UTF-8 never. */
	EXPECT_STR(astring(&utf8, VIEW("caf\xc3\xa9"), to), "\"caf\xc3\xa9\"~");
	EXPECT_STR(astring(&utf8, VIEW("\xff"), to), "{1+}~\xff~");
}

TEST(cmd_literal_sizes)
{
	char *big = xmalloc(IMAP_ARG_MAX + 2);
	struct imap_cmd *c;
	struct err e = ERR_NONE;
	char to[4096];

	memset(big, 'x', IMAP_ARG_MAX + 1);
	big[IMAP_ARG_MAX + 1] = '\0';
	/* Long strings are literals, so that no line limit counts them. */
	c = imap_cmd_new(&bare, NULL);
	imap_cmd_astring(c, view_n(big, 1001), "it");
	EXPECT_EQ(imap_cmd_room(c, 0), 8000 - 8 - 2);
	EXPECT_EQ(imap_cmd_end(c, &e), 0);
	EXPECT_EQ(imap_cmd_parts(c), 2);
	EXPECT(imap_cmd_part(c, 1).wait && imap_cmd_part(c, 1).bytes.n == 1003);
	imap_cmd_free(&c);

	/* RFC 7888, 5: LITERAL- takes 4096 bytes at once, no more. */
	c = imap_cmd_new(&minus, NULL);
	imap_cmd_string(c, view_n(big, 4096), "it");
	imap_cmd_raw(c, " ");
	imap_cmd_string(c, view_n(big, 4097), "it");
	EXPECT_EQ(imap_cmd_end(c, &e), 0);
	EXPECT_EQ(imap_cmd_parts(c), 2);
	EXPECT(view_ends(imap_cmd_part(c, 0).bytes, VIEW("x {4097}\r\n")));
	EXPECT(view_starts(imap_cmd_part(c, 0).bytes, VIEW("{4096+}\r\nx")));
	EXPECT(!imap_cmd_part(c, 0).wait && imap_cmd_part(c, 1).wait);
	imap_cmd_free(&c);

	EXPECT_STR(astring(&plus, view_n(big, IMAP_ARG_MAX + 1), to), "!limit");
	c = imap_cmd_new(&plus, NULL);
	for (size_t i = 0; i < 20; i++)
		imap_cmd_string(c, view_n(big, IMAP_ARG_MAX), "it");
	EXPECT_STR(shown(c, to), "!limit");
	free(big);
}

static const char *
mailbox(struct view name, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(&plus, "a1");

	imap_cmd_raw(c, "SELECT ");
	imap_cmd_mailbox(c, name);
	return shown(c, to);
}

TEST(cmd_mailbox_names)
{
	char to[4096];

	EXPECT_STR(mailbox(VIEW("inbox"), to), "a1 SELECT INBOX~");
	EXPECT_STR(mailbox(VIEW("INBOX.Lists.dev"), to), "a1 SELECT INBOX.Lists.dev~");
	EXPECT_STR(mailbox(VIEW("Entw&APw-rfe"), to), "a1 SELECT Entw&APw-rfe~");
	EXPECT_STR(mailbox(VIEW("a \"b\""), to), "a1 SELECT \"a \\\"b\\\"\"~");
	EXPECT_STR(mailbox(VIEW("x\r\na2 DELETE INBOX"), to), "!usage");
	EXPECT_STR(mailbox(VIEW("x\ny"), to), "!usage");
	EXPECT_STR(mailbox(VIEW("x\ry"), to), "!usage");
	EXPECT_STR(mailbox(VIEW("x\0y"), to), "!usage");
	EXPECT_STR(mailbox(VIEW(""), to), "!usage");
	EXPECT_STR(mailbox(VIEW("caf\xc3\xa9"), to), "a1 SELECT {5+}~caf\xc3\xa9~");
}

static const char *
flag(struct view v, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);

	imap_cmd_flag(c, v);
	return shown(c, to);
}

TEST(cmd_flags_are_atoms)
{
	static const struct view bad[] = {
		LIT(""), LIT("\\"), LIT("a b"), LIT("a)"), LIT("a\r\nb"), LIT("\\Seen)"), LIT("\\*"),
		LIT("a]"), LIT("caf\xc3\xa9"), LIT("a\0"), LIT("\\\\Seen"), LIT("a\"b"), LIT("{1}"),
	};
	const struct view list[] = { VIEW("\\Seen"), VIEW("$Forwarded"), VIEW("Invoice") };
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);
	char to[4096], big[257];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_STR(flag(bad[i], to), "!usage");
	memset(big, 'f', sizeof(big));
	EXPECT_STR(flag(view_n(big, 256), to), "!usage");
	EXPECT_EQ(strlen(flag(view_n(big, 255), to)), 256);
	imap_cmd_flags(c, list, ARRAY_LEN(list));
	imap_cmd_raw(c, " ");
	imap_cmd_flags(c, NULL, 0);
	EXPECT_STR(shown(c, to), "(\\Seen $Forwarded Invoice) ()~");
}

static const char *
set(struct view v, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);

	imap_cmd_set(c, v);
	return shown(c, to);
}

TEST(cmd_sets)
{
	static const struct view good[] = {
		LIT("1"), LIT("1:5,9,12:*"), LIT("*"), LIT("$"), LIT("4294967295"), LIT("5:2"),
	};
	static const struct view bad[] = {
		LIT(""), LIT("0"), LIT("1,"), LIT(",1"), LIT("1,,2"), LIT("1:"), LIT("1:2:3"),
		LIT("1 2"), LIT("4294967296"), LIT("1\r\n"), LIT("1\0"), LIT("a"), LIT("$,1"),
		LIT("-1"), LIT("1:0"), LIT("99999999999999999999999"),
	};
	char to[4096], want[64];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(want, sizeof(want), "%s~", good[i].p);
		EXPECT_STR(set(good[i], to), want);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_STR(set(bad[i], to), "!usage");
}

TEST(cmd_set_is_cut_to_the_line)
{
	const struct imap_syntax narrow = { .line_max = 40 };
	struct view rest = VIEW("101:105,201,301:305,401,501,601,701,801,901");
	static const char *const lines[] = {
		"t UID FETCH 101:105,201,301:305 (UID)~",
		"t UID FETCH 401,501,601,701,801 (UID)~",
		"t UID FETCH 901 (UID)~",
	};
	char to[4096];
	size_t i = 0;

	for (; rest.n > 0 && i < ARRAY_LEN(lines); i++) {
		struct imap_cmd *c = imap_cmd_new(&narrow, "t");

		imap_cmd_raw(c, "UID FETCH ");
		imap_cmd_set_some(c, &rest, strlen(" (UID)"));
		imap_cmd_raw(c, " (UID)");
		EXPECT_STR(shown(c, to), lines[i]);
	}
	EXPECT(rest.n == 0 && i == 3);
}

/* However narrow the line: one range at a time, and the fault is told, never a loop. */
TEST(cmd_set_on_a_line_that_is_too_narrow)
{
	const struct imap_syntax narrow = { .line_max = 10 };
	struct imap_cmd *c = imap_cmd_new(&narrow, "t");
	struct view rest = VIEW("1234567890,7"), bad = VIEW("1,2,,3");
	char to[4096];

	EXPECT_EQ(imap_cmd_room(c, 100), 0);
	EXPECT_EQ(imap_cmd_room(c, 0), 10 - 2 - 2);
	imap_cmd_set_some(c, &rest, 100);
	EXPECT_VIEW(rest, "7");
	EXPECT_STR(shown(c, to), "!limit");

	c = imap_cmd_new(&plus, "t");
	imap_cmd_set_some(c, &bad, 0);
	EXPECT_EQ(bad.n, 0);
	EXPECT_STR(shown(c, to), "!usage");
}

TEST(cmd_line_limit)
{
	const struct imap_syntax narrow = { .line_max = 20 };
	struct imap_cmd *c = imap_cmd_new(&narrow, "t");
	char to[4096];

	imap_cmd_raw(c, "0123456789012345");
	EXPECT_STR(shown(c, to), "t 0123456789012345~");
	c = imap_cmd_new(&narrow, "t");
	imap_cmd_raw(c, "01234567890123456");
	EXPECT_STR(shown(c, to), "!limit");
}

static const char *
fields(struct view name, char to[4096])
{
	struct view names[] = { VIEW("From"), name };
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);

	imap_cmd_fields(c, names, 2);
	return shown(c, to);
}

TEST(cmd_header_fields)
{
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);
	char to[4096];

	EXPECT_STR(fields(VIEW("List-Id"), to), "(From List-Id)~");
	EXPECT_STR(fields(VIEW("X-a(b)"), to), "(From \"X-a(b)\")~");
	EXPECT_STR(fields(VIEW("Subject:"), to), "!usage");
	EXPECT_STR(fields(VIEW("a b"), to), "!usage");
	EXPECT_STR(fields(VIEW(""), to), "!usage");
	EXPECT_STR(fields(VIEW("a\r\n"), to), "!usage");
	EXPECT_STR(fields(VIEW("a\0"), to), "!usage");
	EXPECT_STR(fields(VIEW("\xc3\xa9"), to), "!usage");
	imap_cmd_fields(c, NULL, 0);
	EXPECT_STR(shown(c, to), "!usage");
}

static const char *
day(int64_t n, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);

	imap_cmd_date(c, n);
	return shown(c, to);
}

static const char *
datetime(int64_t epoch_s, int zone_min, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);

	imap_cmd_datetime(c, epoch_s, zone_min);
	return shown(c, to);
}

TEST(cmd_dates)
{
	char to[4096];

	EXPECT_STR(day(0, to), "1-Jan-1970~");
	EXPECT_STR(day(20483, to), "30-Jan-2026~");
	EXPECT_STR(day(-1, to), "31-Dec-1969~");
	EXPECT_STR(day(-719162, to), "1-Jan-0001~");
	EXPECT_STR(day(-719163, to), "!usage");
	EXPECT_STR(day(2932896, to), "31-Dec-9999~");
	EXPECT_STR(day(2932897, to), "!usage");
	EXPECT_STR(day(INT64_MAX, to), "!usage");
	EXPECT_STR(day(INT64_MIN, to), "!usage");
	EXPECT_STR(datetime(1769778005, 60, to), "\"30-Jan-2026 14:00:05 +0100\"~");
	EXPECT_STR(datetime(0, -210, to), "\"31-Dec-1969 20:30:00 -0330\"~");
	EXPECT_STR(datetime(0, 0, to), "\" 1-Jan-1970 00:00:00 +0000\"~");
	EXPECT_STR(datetime(0, 1440, to), "!usage");
	EXPECT_STR(datetime(INT64_MAX, 0, to), "!usage");
	EXPECT_STR(datetime(INT64_MIN, -1439, to), "!usage");
}

static const char *
login(const struct imap_syntax *syntax, struct view password, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(syntax, "a1");
	struct secret *s = secret_of(password);

	imap_cmd_raw(c, "LOGIN ");
	imap_cmd_astring(c, VIEW("fred@example.org"), "the user name");
	imap_cmd_raw(c, " ");
	imap_cmd_secret(c, s);
	secret_free(&s);
	return shown(c, to);
}

TEST(cmd_secrets_are_marked)
{
	struct imap_cmd *c = imap_cmd_new(&bare, "a1");
	struct secret *response = secret_of(VIEW("AGZyZWQAaHVudGVyMg=="));
	char to[4096];

	EXPECT_STR(login(&bare, VIEW("hunter2"), to), "a1 LOGIN fred@example.org [hunter2]~");
	EXPECT_STR(login(&bare, VIEW("a \"b"), to), "a1 LOGIN fred@example.org [\"a \\\"b\"]~");
	/* Not even how long it is. */
	EXPECT_STR(login(&bare, VIEW("\xc3\xa9"), to),
	    "a1 LOGIN fred@example.org [{2}~]|[\xc3\xa9]~");
	EXPECT_STR(login(&plus, VIEW("\xc3\xa9\r\n"), to),
	    "a1 LOGIN fred@example.org [{4+}~\xc3\xa9~]~");
	EXPECT_STR(login(&plus, VIEW("a\0b"), to), "!usage");
	imap_cmd_raw(c, "AUTHENTICATE PLAIN ");
	imap_cmd_sasl(c, response);
	EXPECT_STR(shown(c, to), "a1 AUTHENTICATE PLAIN [AGZyZWQAaHVudGVyMg==]~");
	/* An answer to a challenge, an empty one (XOAUTH2), one that would be a command. */
	c = imap_cmd_new(&bare, NULL);
	imap_cmd_sasl(c, response);
	EXPECT_STR(shown(c, to), "[AGZyZWQAaHVudGVyMg==]~");
	c = imap_cmd_new(&bare, NULL);
	secret_reset(response);
	imap_cmd_sasl(c, response);
	EXPECT_STR(shown(c, to), "~");
	c = imap_cmd_new(&bare, NULL);
	secret_add(response, VIEW("x\r\na2 NOOP"));
	imap_cmd_sasl(c, response);
	EXPECT_STR(shown(c, to), "!usage");
	secret_free(&response);
}

/* A long token: too much for a command, never too much for an answer. */
TEST(cmd_long_response)
{
	struct secret *response = secret_new();
	struct imap_cmd *c;
	struct err e = ERR_NONE;
	char to[4096];

	for (size_t i = 0; i < 1000; i++)
		secret_add(response, VIEW("abcdefghij"));
	c = imap_cmd_new(&bare, "a1");
	imap_cmd_raw(c, "AUTHENTICATE XOAUTH2 ");
	EXPECT(imap_cmd_room(c, 0) < secret_len(response));
	imap_cmd_sasl(c, response);
	EXPECT_STR(shown(c, to), "!limit");
	c = imap_cmd_new(&bare, NULL);
	imap_cmd_sasl(c, response);
	EXPECT_EQ(imap_cmd_end(c, &e), 0);
	EXPECT_EQ(imap_cmd_part(c, 0).bytes.n, 10000);
	imap_cmd_free(&c);
	secret_free(&response);
}

static const char *
append(const struct imap_syntax *syntax, struct view message, char to[4096])
{
	const struct view flags[] = { VIEW("\\Seen"), VIEW("Invoice") };
	struct imap_cmd *c = imap_cmd_new(syntax, "a1");
	struct imap_append a = {
		.mailbox = VIEW("A b"), .flags = flags, .nflags = 2,
		.dated = true, .received = 1769778005, .zone_min = 60,
	};

	a.bytes = blob_copy(message);
	imap_cmd_append(c, &a);
	blob_free(&a.bytes);	/* the command holds its own reference */
	return shown(c, to);
}

#define APPEND_HEAD "a1 APPEND \"A b\" (\\Seen Invoice) \"30-Jan-2026 14:00:05 +0100\" "

TEST(cmd_append)
{
	const struct imap_syntax binary = { .binary = true };
	struct imap_cmd *c = imap_cmd_new(&plus, "a1");
	struct imap_append least = { .mailbox = VIEW("x") };
	char to[4096];

	EXPECT_STR(append(&bare, VIEW("A: b\r\n\r\nc\r\n"), to), APPEND_HEAD "{11}~|A: b~~c~~");
	EXPECT_STR(append(&plus, VIEW("A: b\r\n"), to), APPEND_HEAD "{6+}~A: b~~");
	EXPECT_STR(append(&bare, VIEW(""), to), APPEND_HEAD "{0}~|~");
	EXPECT_STR(append(&bare, VIEW("a\0b"), to), "!usage");
	EXPECT(strncmp(append(&binary, VIEW("a\0b"), to), APPEND_HEAD "~{3}~|a",
	    strlen(APPEND_HEAD "~{3}~|a")) == 0);
	imap_cmd_append(c, &least);
	EXPECT_STR(shown(c, to), "a1 APPEND x {0+}~~");
}

/* Its bytes are not copied: the part is the blob's own memory. */
TEST(cmd_append_refers_to_the_blob)
{
	struct blob *b = blob_copy(VIEW("message"));
	struct imap_cmd *c = imap_cmd_new(&bare, NULL);
	struct err e = ERR_NONE;

	imap_cmd_blob(c, b);
	EXPECT_EQ(imap_cmd_end(c, &e), 0);
	EXPECT_EQ(imap_cmd_parts(c), 3);
	EXPECT(imap_cmd_part(c, 1).bytes.p == blob_view(b).p && imap_cmd_part(c, 1).wait);
	EXPECT_VIEW(imap_cmd_part(c, 2).bytes, "\r\n");
	EXPECT(!imap_cmd_part(c, 2).wait);
	imap_cmd_free(&c);
	blob_free(&b);
}

static const char *
search(const struct imap_syntax *syntax, const struct imap_key *keys, size_t n, char to[4096])
{
	struct imap_cmd *c = imap_cmd_new(syntax, "a1");

	imap_cmd_raw(c, "UID SEARCH ");
	imap_cmd_search(c, keys, n);
	return shown(c, to);
}

#define WORD(s)	{ .kind = IMAP_KEY_WORD, .text = LIT(s) }
#define TEXT(s)	{ .kind = IMAP_KEY_TEXT, .text = LIT(s) }
#define OPEN	{ .kind = IMAP_KEY_OPEN }
#define CLOSE	{ .kind = IMAP_KEY_CLOSE }

TEST(cmd_search)
{
	static const struct imap_key keys[] = {
		WORD("OR"), OPEN, WORD("FROM"), TEXT("a b"), WORD("SINCE"),
		{ .kind = IMAP_KEY_DAY, .n = 20483 }, CLOSE, OPEN, WORD("HEADER"),
		{ .kind = IMAP_KEY_FIELD, .text = LIT("List-Id") }, TEXT(""), CLOSE,
		WORD("UID"), { .kind = IMAP_KEY_SET, .text = LIT("5:*") },
		WORD("LARGER"), { .kind = IMAP_KEY_NUMBER, .n = 100 },
		WORD("KEYWORD"), { .kind = IMAP_KEY_FLAG, .text = LIT("$Forwarded") },
	};
	static const struct imap_key high[] = { WORD("SUBJECT"), TEXT("caf\xc3\xa9") };
	char to[4096];

	EXPECT(!imap_keys_8bit(keys, ARRAY_LEN(keys)) && imap_keys_8bit(high, 2));
	EXPECT_STR(search(&bare, keys, ARRAY_LEN(keys), to), "a1 UID SEARCH "
	    "OR (FROM \"a b\" SINCE 30-Jan-2026) (HEADER List-Id \"\") UID 5:* LARGER 100 "
	    "KEYWORD $Forwarded~");
	EXPECT_STR(search(&bare, high, 2, to),
	    "a1 UID SEARCH CHARSET UTF-8 SUBJECT {5}~|caf\xc3\xa9~");
	EXPECT_STR(search(&plus, high, 2, to),
	    "a1 UID SEARCH CHARSET UTF-8 SUBJECT {5+}~caf\xc3\xa9~");
	/* RFC 9755, 3: no CHARSET once UTF-8 is enabled. */
	EXPECT_STR(search(&utf8, high, 2, to), "a1 UID SEARCH SUBJECT \"caf\xc3\xa9\"~");
}

TEST(cmd_search_refuses)
{
	static const struct { const char *what; struct imap_key keys[4]; size_t n; } bad[] = {
		{ "nothing", { OPEN }, 0 },
		{ "open", { OPEN, WORD("ALL") }, 2 },
		{ "closed twice", { OPEN, WORD("ALL"), CLOSE, CLOSE }, 4 },
		{ "empty parentheses", { OPEN, CLOSE }, 2 },
		{ "closed first", { CLOSE, OPEN }, 2 },
		{ "no word", { WORD("ALL DELETED") }, 1 },
		{ "a line break in a word", { WORD("ALL\r\na2") }, 1 },
		{ "no word at all", { WORD("") }, 1 },
		{ "no UTF-8", { WORD("BODY"), TEXT("\xff") }, 2 },
		{ "a NUL", { WORD("BODY"), TEXT("a\0b") }, 2 },
		{ "a negative number", { { .kind = IMAP_KEY_NUMBER, .n = -1 } }, 1 },
		{ "a system flag", { { .kind = IMAP_KEY_FLAG, .text = LIT("\\Seen") } }, 1 },
		{ "a set", { { .kind = IMAP_KEY_SET, .text = LIT("1 2") } }, 1 },
		{ "a field", { { .kind = IMAP_KEY_FIELD, .text = LIT("a:") } }, 1 },
	};
	char to[4096];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (strcmp(search(&plus, bad[i].keys, bad[i].n, to), "!usage") != 0)
			UNIT_FAIL("%s: %s", bad[i].what, to);
}

TEST(cmd_first_fault_stays)
{
	struct imap_cmd *c = imap_cmd_new(&plus, NULL);
	struct err e = ERR_NONE;

	imap_cmd_astring(c, VIEW("a\0b"), "the user name");
	imap_cmd_flag(c, VIEW("a b"));
	EXPECT_EQ(imap_cmd_end(c, &e), -1);
	EXPECT_STR(e.text, "the user name holds a NUL byte");
	EXPECT_EQ(e.scope, SCOPE_MESSAGE);
	EXPECT_EQ(imap_cmd_parts(c), 0);
	imap_cmd_free(&c);
}

TEST(cmd_syntax_of_capabilities)
{
	struct imap_caps caps = { 0 };
	struct imap_syntax s;

	imap_caps_parse(&caps, VIEW("IMAP4rev2 BINARY"));
	s = imap_syntax_of(&caps, 1000);
	EXPECT(!s.literal_plus && s.literal_minus && s.binary && !s.utf8 && s.line_max == 1000);
	imap_caps_parse(&caps, VIEW("IMAP4rev1 LITERAL+ UTF8=ACCEPT"));
	s = imap_syntax_of(&caps, 0);
	EXPECT(s.literal_plus && !s.literal_minus && !s.binary && !s.utf8);
}
