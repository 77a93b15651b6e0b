/* Names of messages and folders: what readers write, kept and given back. */
#include "proto/maildir_name.h"

#include "mail/flags.h"
#include "tests/unit/unit.h"

TEST(maildir_name_parses)
{
	struct maildir_name n;

	EXPECT(maildir_name_parse(&n, VIEW("1700000000.M1P2.host,S=12:2,FSa")));
	EXPECT_VIEW(n.key, "1700000000.M1P2.host,S=12");
	EXPECT(n.info);
	EXPECT_EQ(n.sys, FLAG_FLAGGED | FLAG_SEEN);
	EXPECT_EQ(n.keywords, 1);
	EXPECT(maildir_name_parse(&n, VIEW("new-one")));
	EXPECT(!n.info);
	EXPECT(maildir_name_parse(&n, VIEW("x:2,")));
	EXPECT(n.info);
	EXPECT_EQ(n.sys, 0);
	EXPECT(maildir_name_parse(&n, VIEW("x:1,S")));	/* "experimental" info says nothing */
	EXPECT_VIEW(n.key, "x");
	EXPECT_EQ(n.sys, 0);
}

TEST(maildir_name_refuses)
{
	struct maildir_name n;
	char longer[MAILDIR_NAME_MAX + 1];

	memset(longer, 'x', sizeof(longer));
	EXPECT(!maildir_name_parse(&n, VIEW("")));
	EXPECT(!maildir_name_parse(&n, VIEW(".hidden")));
	EXPECT(!maildir_name_parse(&n, VIEW(":2,S")));
	EXPECT(!maildir_name_parse(&n, VIEW("a/b")));
	EXPECT(!maildir_name_parse(&n, VIEW("a\0b")));
	EXPECT(!maildir_name_parse(&n, view_n(longer, sizeof(longer))));
	EXPECT(maildir_name_parse(&n, view_n(longer, sizeof(longer) - 1)));
}

TEST(maildir_name_prints_in_order_and_keeps_the_unknown)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "x:2,TSRPFD", "x:2,DFPRST" }, { "x:2,SXbaF", "x:2,FSXab" },
		{ "x:2,SF,extra", "x:2,FS,extra" }, { "x", "x" }, { "x:2,", "x:2," },
		{ "x:2,S1F", "x:2,S1F" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str out = STR_INIT;
		struct maildir_name n;

		EXPECT(maildir_name_parse(&n, view_of(rows[i].in)));
		maildir_name_print(&out, &n);
		EXPECT_STR(str_z(&out), rows[i].out);
		str_free(&out);
	}
}

TEST(maildir_name_order_of_delivery)
{
	static const char *const rows[] = {	/* oldest first */
		"1.M9P9Q9.h", "999.5.host", "1000.4_2.host", "1000.5_1.host", "1000.5_2.host",
		"1000.M7P1Q1.host", "1000.M8P1Q1.host", "1000.M8P1Q2.host", "1000.M8P2Q1.host",
		"1000.V801I3fM10P1.host", "2000.R1a2bM1P1Q1.host",
	};

	for (size_t i = 1; i < ARRAY_LEN(rows); i++) {
		struct maildir_when a = maildir_when_parse(view_of(rows[i - 1]));
		struct maildir_when b = maildir_when_parse(view_of(rows[i]));

		if (maildir_when_cmp(&a, &b) >= 0)
			UNIT_FAIL("%s is not before %s", rows[i - 1], rows[i]);
		EXPECT_EQ(maildir_when_cmp(&b, &a), 1);
	}
	EXPECT_EQ(maildir_when_parse(VIEW("mm-token")).time, -1);
	EXPECT_EQ(maildir_when_parse(VIEW("99999999999999999999999.x")).time, -1);
	EXPECT_EQ(maildir_when_parse(VIEW("123")).time, -1);
}

TEST(maildir_name_folders)
{
	static const struct { const char *mailbox, *dir; } rows[] = {
		{ "INBOX", "" }, { "A", ".A" }, { "A/B", ".A.B" }, { "Sent Mail", ".Sent Mail" },
		{ "Entw\xc3\xbcrfe/a&b", ".Entw&APw-rfe.a&-b" }, { "inbox/x", ".inbox.x" },
		{ "Lists/dev.example.org", ".Lists.dev\\2eexample\\2eorg" }, { "..", ".\\2e\\2e" },
		{ "a\\2e", ".a\\5c2e" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str out = STR_INIT;
		struct err e = ERR_NONE;

		EXPECT_EQ(maildir_folder_encode(&out, view_of(rows[i].mailbox), &e), 0);
		EXPECT_STR(str_z(&out), rows[i].dir);
		str_reset(&out);
		EXPECT_EQ(maildir_folder_decode(&out, view_of(rows[i].dir), &e), 0);
		EXPECT_STR(str_z(&out), rows[i].mailbox);
		str_free(&out);
	}
}

TEST(maildir_name_folders_refused)
{
	static const struct { const char *mailbox, *why; } rows[] = {
		{ "", "empty" }, { "A//B", "empty" }, { "/A", "empty" }, { "A/", "empty" },
		{ "a\nb", "control" },
		{ "\xff", "UTF-8" },
	};
	static const char *const dirs[] = {
		".", "..", ".A.", ".A..B", "A", ".INBOX", ".inbox", ".&AC8-", ".&AC4-", ".&AAo-",
		".Gr\xc3\xb6\xc3\x9f\x65", ".a&", ".&AAk-", ".a\\b", ".a\\", ".a\\2f",
	};
	struct str out = STR_INIT;
	char longer[600];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_NONE;

		EXPECT_EQ(maildir_folder_encode(&out, view_of(rows[i].mailbox), &e), -1);
		EXPECT_EQ(e.kind, ERR_USAGE);
		EXPECT(strstr(e.text, rows[i].why) != NULL);
		EXPECT_EQ(out.len, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		struct err e = ERR_NONE;

		if (maildir_folder_decode(&out, view_of(dirs[i]), &e) == 0)
			UNIT_FAIL("%s is taken as %s", dirs[i], str_z(&out));
		EXPECT_EQ(out.len, 0);
	}
	for (size_t n = 254; n < sizeof(longer); n += 1) {
		struct err e = ERR_NONE;

		memset(longer, 'x', n);
		EXPECT_EQ(maildir_folder_encode(&out, view_n(longer, n), &e), n == 254 ? 0 : -1);
		str_reset(&out);
	}
	str_free(&out);
}

TEST(maildir_name_inbox_in_any_case)
{
	struct str out = STR_INIT;
	struct err e = ERR_NONE;

	EXPECT_EQ(maildir_folder_encode(&out, VIEW("inBox"), &e), 0);
	EXPECT_EQ(out.len, 0);
	str_free(&out);
}
