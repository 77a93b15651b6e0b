/* The error value: the first wins, the text is one clean line, nothing overruns. */
#include "base/err.h"

#include <errno.h>

#include "base/utf8.h"
#include "unit.h"

/* n times the text, in a static buffer of the caller. */
static const char *
repeat(char *to, const char *text, size_t n)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < n; i++)
		memcpy(to + i * len, text, len);
	to[n * len] = '\0';
	return to;
}

TEST(set_fills_and_returns_minus_one)
{
	struct err e = ERR_NONE;

	EXPECT(!err_is(&e));
	EXPECT_EQ(err_set(&e, ERR_AUTH, SCOPE_ACCOUNT, "sign-in of %s: %d", "ann", 7), -1);
	EXPECT(err_is(&e));
	EXPECT_EQ(e.kind, ERR_AUTH);
	EXPECT_EQ(e.scope, SCOPE_ACCOUNT);
	EXPECT(!e.temporary);
	EXPECT_STR(e.text, "sign-in of ann: 7");
}

TEST(first_error_wins)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_NET, SCOPE_SESSION, "first");
	EXPECT_EQ(err_set(&e, ERR_TLS, SCOPE_PROGRAM, "second"), -1);
	EXPECT_EQ(err_sys(&e, ENOENT, "third"), -1);
	EXPECT_EQ(e.kind, ERR_NET);
	EXPECT_EQ(e.scope, SCOPE_SESSION);
	EXPECT_STR(e.text, "first");
	err_clear(&e);
	EXPECT(!err_is(&e));
	EXPECT_STR(e.text, "");
	err_set(&e, ERR_TLS, SCOPE_PROGRAM, "second");
	EXPECT_STR(e.text, "second");
}

TEST(null_is_no_receiver)
{
	EXPECT_EQ(err_set(NULL, ERR_NET, SCOPE_SESSION, "x"), -1);
	EXPECT_EQ(err_sys(NULL, ENOENT, "x"), -1);
	err_prefix(NULL, "x");
}

TEST(control_and_foreign_bytes_become_question_marks)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_REFUSED, SCOPE_MESSAGE, "%s", "NO \x1b[31mred\r\nA1 OK\t\x7f");
	EXPECT_STR(e.text, "NO ?[31mred??A1 OK??");
	err_clear(&e);
	err_set(&e, ERR_REFUSED, SCOPE_MESSAGE, "%s", "a\xff" "b\xc3 \xc2\x9b" "31m \xc3\xa4\xef\xbf\xbd");
	EXPECT_STR(e.text, "a?b? ?31m \xc3\xa4\xef\xbf\xbd");
}

TEST(long_text_is_cut_at_a_character)
{
	static char	longer[4096];
	size_t		full = sizeof(((struct err *)0)->text) - 1;

	for (size_t lead = 0; lead < 5; lead++) {
		static const char *const chars[] = { "x", "\xc3\xa4", "\xe2\x82\xac",
		    "\xf0\x9f\x98\x80" };

		for (size_t c = 0; c < 4; c++) {
			struct err e = ERR_NONE;

			err_set(&e, ERR_PROTO, SCOPE_SESSION, "%s%s", &"...."[4 - lead],
			    repeat(longer, chars[c], 500));
			EXPECT(utf8_valid(view_of(e.text)));
			EXPECT(strchr(e.text, '?') == NULL);
			EXPECT(strlen(e.text) <= full);
			EXPECT(strlen(e.text) + strlen(chars[c]) > full);
		}
	}
}

TEST(text_of_controls_ends_clean)
{
	static char	longer[4096];
	struct err	e = ERR_NONE;

	/* Each shrinks from two bytes to one: what is cut may not show up as half. */
	err_set(&e, ERR_PROTO, SCOPE_SESSION, "%s\xf0\x9f\x98\x80",
	    repeat(longer, "\xc2\x85", 200));
	EXPECT(utf8_valid(view_of(e.text)));
	EXPECT_EQ(strlen(e.text), 199);
}

TEST(sys_appends_the_reason)
{
	static char	longer[4096];
	struct err	e = ERR_NONE;

	EXPECT_EQ(err_sys(&e, ENOENT, "%s", "/tmp/x"), -1);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	EXPECT_EQ(e.scope, SCOPE_MESSAGE);
	EXPECT_STR(e.text, "/tmp/x: No such file or directory");
	err_clear(&e);
	err_sys(&e, ENOENT, "%s", repeat(longer, "\xc3\xa4", 500));
	EXPECT(utf8_valid(view_of(e.text)));
	EXPECT(view_ends(view_of(e.text), VIEW("\xc3\xa4: No such file or directory")));
	EXPECT(strlen(e.text) >= sizeof(e.text) - 2);
}

TEST(prefix_goes_in_front)
{
	static char	longer[4096];
	struct err	e = ERR_NONE;

	err_prefix(&e, "nothing there");
	EXPECT_STR(e.text, "");
	err_set(&e, ERR_GONE, SCOPE_MAILBOX, "mailbox is gone");
	err_prefix(&e, "%s:%s", "work", "INBOX");
	EXPECT_STR(e.text, "work:INBOX: mailbox is gone");
	EXPECT_EQ(e.kind, ERR_GONE);
	err_prefix(&e, "%s", repeat(longer, "\xe2\x82\xac", 500));
	EXPECT(utf8_valid(view_of(e.text)));
	EXPECT(view_ends(view_of(e.text), VIEW(": work:INBOX: mailbox is gone")));
	/* Again and again: it stays inside, and ends whole. */
	for (int i = 0; i < 20; i++)
		err_prefix(&e, "once \xc3\xa4 more");
	EXPECT(utf8_valid(view_of(e.text)));
	EXPECT(strlen(e.text) < sizeof(e.text));
}

TEST(names_are_the_list)
{
	EXPECT_STR(err_kind_name(ERR_OK), "ok");
	EXPECT_STR(err_kind_name(ERR_NET), "net");
	EXPECT_STR(err_kind_name(ERR_CANCELED), "canceled");
	EXPECT_STR(err_kind_name(ERR_HELD), "held");
	EXPECT_STR(err_scope_name(SCOPE_MESSAGE), "message");
	EXPECT_STR(err_scope_name(SCOPE_PROGRAM), "program");
}

TEST(a_full_disk_is_not_the_messages_fault)
{
	struct err e = ERR_NONE;

	err_sys(&e, ENOSPC, "copying");
	EXPECT(e.temporary);
	EXPECT_EQ(e.scope, SCOPE_ACCOUNT);
	err_clear(&e);
	err_sys(&e, EACCES, "copying");
	EXPECT(!e.temporary);
	EXPECT_EQ(e.scope, SCOPE_MESSAGE);
}
