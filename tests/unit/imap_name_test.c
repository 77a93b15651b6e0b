/* Names of mailboxes both ways: real namespaces, escapes, what must not share a name. */
#include "proto/imap_name.h"

#include "tests/unit/unit.h"

static const struct imap_place cyrus_other[] = { { { "user.", 5 }, '.' }, { { "", 0 }, '.' } };
static const struct imap_place dovecot_other[] = { { { "shared/", 7 }, '/' } };
static const struct imap_place uw_other[] = { { { "~", 1 }, '/' }, { { "#shared/", 8 }, '/' } };

enum { COURIER, CYRUS, GMAIL, DOVECOT, FLAT, UTF8, UW, DOMINO };
static const struct imap_places servers[] = {
	[COURIER] = { .personal = { { "INBOX.", 6 }, '.' } },
	[CYRUS] = { .personal = { { "INBOX.", 6 }, '.' }, .other = cyrus_other, .nother = 2 },
	[GMAIL] = { .personal = { { "", 0 }, '/' } },
	[DOVECOT] = { .personal = { { "", 0 }, '.' }, .other = dovecot_other, .nother = 1 },
	[FLAT] = { .personal = { { "", 0 }, 0 } },
	[UTF8] = { .personal = { { "", 0 }, '/' }, .utf8 = true },
	[UW] = { .personal = { { "", 0 }, '/' }, .other = uw_other, .nother = 2 },
	[DOMINO] = { .personal = { { "", 0 }, '\\' } },
};

static const struct { unsigned at; char delim; const char *server, *script; } pairs[] = {
	{ COURIER, '.', "INBOX", "INBOX" }, { COURIER, '.', "INBOX.Lists.dev", "Lists/dev" },
	{ COURIER, '.', "INBOX.INBOX", "/INBOX/INBOX" }, { COURIER, '.', "INBOX.a/b", "a%2Fb" },
	{ COURIER, '.', "INBOX.inbox.x", "inbox/x" }, { COURIER, '.', "shared.x", "/shared/x" },
	{ COURIER, '.', "INBOX.100%", "100%25" }, { COURIER, '.', "INBOX.&AOk-t&AOk-", "\xc3\xa9t\xc3\xa9" },
	{ COURIER, '.', "inbox.x", "/inbox/x" }, { COURIER, '.', "INBOX.", "/INBOX/" },
	{ COURIER, '.', "INBOX.a..b", "/INBOX/a//b" }, { COURIER, '.', ".x", "//x" },
	{ CYRUS, '.', "user.joe.x", "user/joe/x" }, { CYRUS, '.', "INBOX.user.joe", "/INBOX/user/joe" },
	{ CYRUS, '.', "INBOX.user", "user" }, { CYRUS, '.', "INBOX.users.x", "users/x" },
	{ GMAIL, '/', "[Gmail]/All Mail", "[Gmail]/All Mail" }, { GMAIL, '/', "a.b", "a.b" },
	{ GMAIL, '/', "[Gmail]/Entw&APw-rfe", "[Gmail]/Entw\xc3\xbcrfe" }, { GMAIL, '/', "R&-D", "R&D" },
	{ GMAIL, '/', "R&D", "R%26D" }, { GMAIL, '/', "R&D/\xff", "R%26D/%FF" },
	{ GMAIL, '/', "&AGE-", "%26AGE-" }, { GMAIL, '/', "caf\xc3\xa9", "caf%C3%A9" },
	{ GMAIL, '/', "tab\there", "tab%09here" }, { GMAIL, '/', "&AAo-", "%26AAo-" },
	{ GMAIL, '/', "/abs", "//abs" }, { GMAIL, '/', "a\"b\\c", "a\"b\\c" }, { GMAIL, '/', "nil", "nil" },
	{ DOVECOT, '/', "shared/joe.x/y", "shared/joe.x/y" }, { DOVECOT, '.', "a.b", "a/b" },
	{ FLAT, 0, "a/b.c", "a%2Fb.c" }, { UTF8, '/', "caf\xc3\xa9/R&D", "caf\xc3\xa9/R&D" },
	{ UTF8, '/', "&AOk-", "&AOk-" }, { UTF8, '/', "\xff%", "%FF%25" },
	{ UW, '/', "~joe/x", "~joe/x" }, { UW, '/', "#shared/a.b", "#shared/a.b" },
	{ DOMINO, '\\', "a\\b/c", "a/b%2Fc" },
};

TEST(imap_name_both_ways)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const struct imap_places *p = &servers[pairs[i].at];
		struct str out = STR_INIT;
		struct err e = ERR_NONE;

		EXPECT_EQ(imap_name_decode(&out, view_of(pairs[i].server), pairs[i].delim, p, &e), 0);
		EXPECT_STR(str_z(&out), pairs[i].script);
		str_reset(&out);
		EXPECT_EQ(imap_name_encode(&out, view_of(pairs[i].script), p, &e), 0);
		EXPECT_STR(str_z(&out), pairs[i].server);
		str_free(&out);
	}
}

TEST(imap_name_inbox_in_any_case)
{
	struct str out = STR_INIT;
	struct err e = ERR_NONE;

	EXPECT_EQ(imap_name_decode(&out, view_of("iNbOx"), '.', &servers[COURIER], &e), 0);
	str_addc(&out, ' ');
	EXPECT_EQ(imap_name_encode(&out, view_of("Inbox"), &servers[GMAIL], &e), 0);
	EXPECT_STR(str_z(&out), "INBOX INBOX");
	str_free(&out);
}

static const struct { unsigned at; const char *name, *says; } refused[] = {
	{ COURIER, "", "empty" }, { COURIER, "a//b", "level" }, { COURIER, "a/", "level" },
	{ GMAIL, "/", "level" }, { COURIER, "v1.2", "\".\"" }, { COURIER, "a%2Eb", "\".\"" },
	{ COURIER, "100%", "%25" }, { GMAIL, "a%2Fb", "\"/\"" }, { GMAIL, "%0A", "control" },
	{ GMAIL, "a\nb", "control" }, { GMAIL, "\xff", "UTF-8" }, { GMAIL, "a%00", "control" },
	{ FLAT, "a/b", "no levels" }, { GMAIL, "%zz", "%25" }, { GMAIL, "\x7f", "control" },
};

TEST(imap_name_refuses_in_words)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct str out = STR_INIT;
		struct err e = ERR_NONE;

		str_adds(&out, "kept");
		if (imap_name_encode(&out, view_of(refused[i].name), &servers[refused[i].at], &e) == 0)
			printf("# taken: %s\n", refused[i].name);
		EXPECT_STR(str_z(&out), "kept");
		EXPECT_EQ(e.kind, ERR_USAGE);
		if (strstr(e.text, refused[i].says) == NULL)
			UNIT_FAIL("%s: %s", refused[i].name, e.text);
		str_free(&out);
	}
}

TEST(imap_name_refuses_of_servers)
{
	static const struct view bad[] = { { "", 0 }, { "a\0b", 3 }, { "a\rb", 3 }, { "a\nb", 3 } };
	struct str out = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_NONE;

		EXPECT_EQ(imap_name_decode(&out, bad[i], '/', &servers[GMAIL], &e), -1);
		EXPECT_EQ(e.kind, ERR_PROTO);
	}
	/* Every spelling reads as the other namespace's: no name, rather than a wrong one. */
	EXPECT_EQ(imap_name_decode(&out, view_of("shared.x"), '.', &servers[DOVECOT], NULL), -1);
	EXPECT_EQ(out.len, 0);
	str_free(&out);
}

TEST(imap_name_ceiling)
{
	struct str in = STR_INIT, out = STR_INIT;
	struct err e = ERR_NONE;

	for (size_t i = 0; i < IMAP_NAME_MAX; i++)
		str_addc(&in, 'a');
	EXPECT_EQ(imap_name_encode(&out, str_view(&in), &servers[GMAIL], &e), 0);
	EXPECT_EQ(imap_name_decode(&out, str_view(&in), '/', &servers[GMAIL], &e), 0);
	EXPECT_EQ(imap_name_encode(&out, str_view(&in), &servers[COURIER], &e), -1);
	str_addc(&in, 'a');
	EXPECT_EQ(imap_name_encode(&out, str_view(&in), &servers[GMAIL], &e), -1);
	EXPECT_EQ(imap_name_decode(&out, str_view(&in), '/', &servers[GMAIL], NULL), -1);
	str_free(&in);
	str_free(&out);
}
