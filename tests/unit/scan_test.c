/* The cursor: what matches moves it, what does not leaves it where it was. */
#include "base/scan.h"

#include "unit.h"

TEST(empty_views)
{
	struct scan	s = scan_of(VIEW_NONE);
	uint64_t	n = 7;

	EXPECT(scan_done(&s));
	EXPECT_EQ(scan_peek(&s), -1);
	EXPECT(!scan_char(&s, '\0'));
	EXPECT(!scan_lit(&s, "a"));
	EXPECT(scan_lit(&s, ""));
	EXPECT(!scan_number(&s, 9, &n));
	EXPECT_EQ(n, 7);
	scan_blank(&s);
	EXPECT_VIEW(scan_until(&s, "a"), "");
	EXPECT_VIEW(scan_rest(&s), "");
}

TEST(chars_and_words)
{
	struct scan s = scan_of(VIEW("* ok \t [X]\xff"));

	EXPECT(!scan_char(&s, ' '));
	EXPECT(scan_char(&s, '*') && scan_char(&s, ' '));
	EXPECT(!scan_lit(&s, "okay"));
	EXPECT(!scan_lit(&s, "ok  "));
	EXPECT(scan_lit(&s, "OK"));
	scan_blank(&s);
	EXPECT_VIEW(scan_rest(&s), "[X]\xff");
	EXPECT(!scan_lit(&s, "[x]y z too long"));
	EXPECT(scan_lit(&s, "[x]"));
	EXPECT_EQ(scan_peek(&s), 0xff);
	EXPECT(scan_char(&s, '\xff'));
	EXPECT(scan_done(&s));
}

/* Whether the text begins with a number <= max, which is want and leaves rest. */
static bool
number_is(const char *text, uint64_t max, uint64_t want, const char *rest)
{
	struct scan	s = scan_of(view_of(text));
	uint64_t	n;

	return scan_number(&s, max, &n) && n == want && view_is(scan_rest(&s), rest);
}

static bool
no_number(const char *text, uint64_t max)
{
	struct scan	s = scan_of(view_of(text));
	uint64_t	n;

	return !scan_number(&s, max, &n) && view_is(scan_rest(&s), text);
}

TEST(numbers)
{
	EXPECT(number_is("0", 0, 0, ""));
	EXPECT(number_is("42)", 100, 42, ")"));
	EXPECT(number_is("100", 100, 100, ""));
	EXPECT(no_number("101", 100));
	EXPECT(no_number("1", 0));
	EXPECT(no_number("9", 8));
	EXPECT(no_number("", 9));
	EXPECT(no_number("-1", 9));
	EXPECT(no_number("+1", 9));
	EXPECT(no_number(" 1", 9));
	EXPECT(number_is("4294967295", UINT32_MAX, UINT32_MAX, ""));
	EXPECT(no_number("4294967296", UINT32_MAX));
	EXPECT(number_is("18446744073709551615x", UINT64_MAX, UINT64_MAX, "x"));
	EXPECT(no_number("18446744073709551616", UINT64_MAX));
	EXPECT(no_number("99999999999999999999", UINT64_MAX));
	EXPECT(number_is("00000000000000000007", 9, 7, ""));
	EXPECT(no_number("000000000000000000007", 9));
}

TEST(until)
{
	struct scan s = scan_of(VIEW("ab\0c\xfe;d, e"));

	EXPECT(view_eq(scan_until(&s, ";,"), VIEW("ab\0c\xfe")));
	EXPECT_EQ(scan_peek(&s), ';');
	EXPECT_VIEW(scan_until(&s, ";,"), "");
	EXPECT(scan_char(&s, ';'));
	EXPECT_VIEW(scan_until(&s, ",;"), "d");
	EXPECT_VIEW(scan_until(&s, ""), ", e");
	EXPECT(scan_done(&s));
	s = scan_of(VIEW("a\xfe"));
	EXPECT_VIEW(scan_until(&s, "\xfe"), "a");
}
