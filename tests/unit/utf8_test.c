/* UTF-8: the strict decoder, repair, clipping and the printable form. */
#include "base/utf8.h"

#include "unit.h"

static const char *
clean(struct str *s, struct view v)
{
	str_reset(s);
	utf8_clean(s, v);
	return str_z(s);
}

static const char *
printable(struct str *s, struct view v, size_t max)
{
	str_reset(s);
	utf8_printable(s, v, max);
	return str_z(s);
}

TEST(valid_accepts_the_borders)
{
	EXPECT(utf8_valid(VIEW_NONE));
	EXPECT(utf8_valid(VIEW("plain ASCII that is longer than a word")));
	EXPECT(utf8_valid(VIEW("\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF")));
	EXPECT(utf8_valid(VIEW("\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")));
	EXPECT(utf8_valid(VIEW("a\0b")));
}

TEST(valid_refuses)
{
	static const char *const bad[] = {
		"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80",
		"\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80",
		"\xF0\x8F\xBF\xBF", "\xF0\x9F\x92", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
		"\xFE", "\xFF", "long enough for words \xFF and on",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (utf8_valid(view_of(bad[i])))
			UNIT_FAIL("bad[%zu] was taken as valid", i);
}

TEST(ascii_is_told)
{
	EXPECT(utf8_ascii(VIEW_NONE));
	EXPECT(utf8_ascii(VIEW("0123456789abcdef\x7F")));
	EXPECT(!utf8_ascii(VIEW("0123456789abcde\x80")));
	EXPECT(!utf8_ascii(VIEW("\xC3\xA4")));
}

TEST(clean_replaces_each_bad_byte)
{
	struct str s = STR_INIT;

	EXPECT_STR(clean(&s, VIEW("gr\xC3\xBC\xC3\x9F" "e")), "grüße");
	EXPECT_STR(clean(&s, VIEW("a\xFF\xFE" "b")), "a\uFFFD\uFFFDb");
	EXPECT_STR(clean(&s, VIEW("\xE2\x82")), "\uFFFD\uFFFD");
	EXPECT_STR(clean(&s, VIEW("\xE2\x82\xC3\xA4")), "\uFFFD\uFFFDä");
	EXPECT_STR(clean(&s, VIEW("\xED\xA0\x80")), "\uFFFD\uFFFD\uFFFD");
	EXPECT_STR(clean(&s, VIEW_NONE), "");
	str_free(&s);
}

TEST(put_and_get_are_inverse)
{
	struct str s = STR_INIT;
	size_t used;

	for (uint32_t cp = 0; cp <= 0x10FFFF; cp += cp < 0x3000 ? 1 : 97) {
		if (cp >= 0xD800 && cp <= 0xDFFF)
			continue;
		str_reset(&s);
		utf8_put(&s, cp);
		if (utf8_get(str_view(&s), &used) != cp || used != s.len ||
		    !utf8_valid(str_view(&s)))
			UNIT_FAIL("U+%04X does not come back", (unsigned)cp);
	}
	str_reset(&s);
	utf8_put(&s, 0xD800);
	utf8_put(&s, 0x110000);
	EXPECT_VIEW(str_view(&s), "\uFFFD\uFFFD");
	EXPECT_EQ(utf8_get(VIEW("\xC3"), &used), 0xFFFD);
	EXPECT_EQ(used, 1);
	EXPECT_EQ(utf8_get(VIEW_NONE, &used), 0xFFFD);
	EXPECT_EQ(used, 0);
	str_free(&s);
}

TEST(clip_cuts_no_character)
{
	struct view v = VIEW("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x92\x8C");	/* a ä € 💌 */
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		EXPECT_EQ(utf8_clip(v, i), want[i]);
	/* Bytes that are no character are no reason to go back. */
	EXPECT_EQ(utf8_clip(VIEW("\x80\x80\x80\x80"), 3), 3);
	EXPECT_EQ(utf8_clip(VIEW("ab\xF0\x9F"), 3), 3);
}

TEST(count_counts_characters)
{
	EXPECT_EQ(utf8_count(VIEW_NONE), 0);
	EXPECT_EQ(utf8_count(VIEW("twelve bytes and then ä€💌")), 25);
	EXPECT_EQ(utf8_count(VIEW("\xFF\xFFx")), 3);
}

TEST(printable_escapes)
{
	struct str s = STR_INIT;

	EXPECT_STR(printable(&s, VIEW("a\r\nb\tc"), 99), "a\\r\\nb\\tc");
	EXPECT_STR(printable(&s, VIEW("\x1b[31m\x7f\0"), 99), "\\x1b[31m\\x7f\\x00");
	EXPECT_STR(printable(&s, VIEW("\xC2\x9B" "31m"), 99), "\\x9b31m");
	EXPECT_STR(printable(&s, VIEW("exe\u202Egnp.\u2066"), 99), "exe\\u202egnp.\\u2066");
	EXPECT_STR(printable(&s, VIEW("\u200E\u061C\u2028"), 99), "\\u200e\\u061c\\u2028");
	EXPECT_STR(printable(&s, VIEW("ok \xFF ä"), 99), "ok \uFFFD ä");
	str_free(&s);
}

TEST(printable_is_bounded)
{
	struct str s = STR_INIT;

	EXPECT_STR(printable(&s, VIEW("äöüß"), 4), "äöüß");
	EXPECT_STR(printable(&s, VIEW("äöüß"), 3), "äöü...");
	EXPECT_STR(printable(&s, VIEW("ab\x1b" "cd"), 5), "ab...");
	EXPECT_STR(printable(&s, VIEW("ab\x1b" "cd"), 6), "ab\\x1b...");
	EXPECT_STR(printable(&s, VIEW("a"), 0), "...");
	EXPECT_STR(printable(&s, VIEW_NONE, 0), "");
	str_free(&s);
}
