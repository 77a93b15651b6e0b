/* Encoded words: what the RFC says, what mailers write, what attackers send. */
#include "mail/word.h"

#include "base/base.h"
#include "base/utf8.h"
#include "unit.h"

struct row { const char *raw, *want; };

static const char *
first_wrong(const struct row *rows, size_t n, char *why, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		struct str s = STR_INIT;
		int same;

		word_decode(&s, view_of(rows[i].raw));
		same = strcmp(str_z(&s), rows[i].want) == 0;
		snprintf(why, size, "%s\n#   is     \"%s\"\n#   wanted \"%s\"", rows[i].raw, str_z(&s),
		    rows[i].want);
		str_free(&s);
		if (!same)
			return why;
	}
	return NULL;
}

#define EXPECT_ROWS(rows) do { \
	char why_[2000]; \
	const char *wrong_ = first_wrong(rows, ARRAY_LEN(rows), why_, sizeof(why_)); \
	if (wrong_ != NULL) \
		UNIT_FAIL("%s", wrong_); \
} while (0)

TEST(unfolds)
{
	static const struct row rows[] = {
		{ "", "" }, { " ", "" }, { " hello ", "hello" }, { "\thello\r\n", "hello" },
		{ " a\r\n b", "a b" }, { "a \r\n\t b", "a b" }, { "a\n b\r c", "a b c" },
		{ "a\r\n\r\n b", "a b" }, { "a\r\nb", "a b" }, { "\r\n a", "a" }, { "a  b", "a  b" },
		{ "a\tb", "a\tb" },
	};

	EXPECT_ROWS(rows);
}

/* RFC 2047, 8. */
TEST(rfc_examples)
{
	static const struct row rows[] = {
		{ "=?ISO-8859-1?Q?a?=", "a" },
		{ "=?ISO-8859-1?Q?a?= b", "a b" },
		{ "=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab" },
		{ "=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab" },
		{ "=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab" },
		{ "=?ISO-8859-1?Q?a_b?=", "a b" },
		{ "=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b" },
		{ "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>" },
		{ "=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard" },
		{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
		  " =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
		  "If you can read this you understand the example." },
		{ "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore" },
	};

	EXPECT_ROWS(rows);
}

TEST(joins_bytes_of_cut_characters)
{
	static const struct row rows[] = {
		{ "=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€" },
		{ "=?UTF-8?Q?=E2=82?=\r\n =?utf-8?q?=AC?=", "€" },
		{ "=?utf-8?B?4oI=?= =?UTF-8?Q?=AC?=", "€" },
		{ "=?utf-8?Q?=E2=82?= x =?utf-8?Q?=AC?=", "\xEF\xBF\xBD\xEF\xBF\xBD x \xEF\xBF\xBD" },
		{ "=?iso-2022-jp?B?GyRCOzMbKEI=?= =?iso-2022-jp?B?GyRCRUQbKEI=?=", "山田" },
		{ "=?gb2312?B?1Q==?= =?gb2312?B?xQ==?=", "张" },
		/* Padding within each word, as GMime 3.2.13 got wrong. */
		{ "=?utf-8?B?YQ==?= =?utf-8?B?Yg==?= =?utf-8?B?Yw==?=", "abc" },
	};

	EXPECT_ROWS(rows);
}

TEST(tolerated)
{
	static const struct row rows[] = {
		{ "x=?utf-8?q?=C3=BC?=y", "xüy" },
		{ "\"=?utf-8?q?=C3=BC?=\"", "\"ü\"" },
		{ "=?utf-8?q?a?==?utf-8?q?b?=", "ab" },
		{ "=?utf-8?Q?Hello World?=", "Hello World" },
		{ "=?utf-8?Q?Hello\r\n World?=", "Hello World" },
		{ "=?utf-8?B?SGVs\r\n bG8=?=", "Hello" },
		{ "=?utf-8?B?SGVsbG8?=", "Hello" },
		{ "=?utf-8?Q?what?_now?=", "what? now" },
		{ "=?utf-8?Q?\?=", "" },
		{ "a =?utf-8?Q?\?= b", "a  b" },
		{ "=?utf-8?Q?=?=", "=" },
		{ "=?utf-8?Q?a=zz=?=", "a=zz=" },
		{ "=?utf-8?Q?foo?=?=bar", "foo?=bar" },
		{ "=?\?Q?=C3=BC?=", "ü" },
		{ "=?x-unknown-set?Q?=C3=BC?=", "ü" },
		{ "=?x-unknown-set?Q?=FC?=", "ü" },
		{ "=?uft-8?Q?=C3=BC?=", "ü" },
		{ "=?us-ascii?Q?=C3=BC?=", "ü" },
		{ "=?unicode-1-1-utf-7?Q?Hi_Mom_+Jjo-!?=", "Hi Mom ☺!" },
		{ "=?koi8-r?B?8NLJ18XU?=", "Привет" },
		{ "=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет" },
		{ "=?big5?B?pqw=?=", "收" },
		{ "=?ks_c_5601-1987?B?vsiz5w==?=", "안녕" },
		{ "=?iso-8859-8-i?B?+ezl7Q==?=", "שלום" },
	};

	EXPECT_ROWS(rows);
}

TEST(left_alone)
{
	static const struct row rows[] = {
		{ "=?utf-8?B?abc", "=?utf-8?B?abc" }, { "=?utf-8?X?abc?=", "=?utf-8?X?abc?=" },
		{ "=?utf-8?abc?=", "=?utf-8?abc?=" }, { "=?", "=?" }, { "=?a?b?c", "=?a?b?c" },
		{ "a=?b", "a=?b" }, { "=?utf 8?q?a?=", "=?utf 8?q?a?=" },
		{ "=?utf-8?q?a =?utf-8?q?b?=", "=?utf-8?q?a b" }, { "=?=?utf-8?q?b?=", "=?b" },
		{ "?=", "?=" }, { "=?utf-8?B?a?b?=", "=?utf-8?B?a?b?=" },
		/* Decoded once, not twice. */
		{ "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?=", "=?utf-8?Q?a?=" },
	};

	EXPECT_ROWS(rows);
}

TEST(raw_8bit)
{
	static const struct row rows[] = {
		{ "J\xC3\xBCrgen", "Jürgen" }, { "J\xFCrgen", "Jürgen" }, { "\x80 5", "€ 5" },
		{ "\x93quoted\x94", "“quoted”" },
		{ "J\xFCrgen =?utf-8?q?=C3=BC?=", "Jürgen ü" },
	};

	EXPECT_ROWS(rows);
}

TEST(one_line_whatever_comes)
{
	static const struct row rows[] = {
		{ "=?utf-8?Q?a=0D=0ABcc:_x@y?=", "a Bcc: x@y" },
		{ "=?utf-8?B?YQpi?=", "a b" }, { "=?utf-8?Q?a=00b?=", "ab" },
		{ "=?utf-16be?B?AGEADQAKAGI=?=", "a b" }, { "=?utf-7?Q?a+AAoADQAA-b?=", "a b" },
	};
	struct str s = STR_INIT;

	EXPECT_ROWS(rows);
	word_decode(&s, view_n("a\0b\r\n\0c", 7));
	EXPECT_STR(str_z(&s), "ab c");
	str_free(&s);
}

TEST(ceiling_of_the_result)
{
	struct str s = str_limited(5);

	word_decode(&s, view_of("=?utf-8?q?=C3=BC=C3=BC=C3=BC=C3=BC?= more"));
	EXPECT(s.over);
	EXPECT(s.len <= 5);
	EXPECT(utf8_valid(str_view(&s)));
	str_free(&s);
}

TEST(linear_cost)
{
	static const char *units[] = {
		"=?", "=?u?q?", "=?u?q?x", "=?u?q?x?", "=?utf-8?q?a?=", "=?utf-8?q?a?= ", "=?utf-8?b?",
		"?=", "=?u?q?a ?", "\r\n ", "\r\n", "\r", " ", "=?utf-8?q?=C3?= =?gb18030?q?a?= ",
		"=?utf-7?q?a?==?iso-2022-kr?q?a?==?euc-jp?q?=b0=a1?==?big5?q?=a4=40?==?koi8-r?q?=c1?=",
		"=?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct str in = STR_INIT, out = STR_INIT;

		while (in.len < 1000000)
			str_adds(&in, units[i]);
		word_decode(&out, str_view(&in));
		EXPECT(out.len <= 3 * in.len);
		EXPECT(utf8_valid(str_view(&out)));
		str_free(&in);
		str_free(&out);
	}
}

TEST(length_of_a_word)
{
	EXPECT_EQ(word_length(view_of("=?utf-8?q?a?= b")), 13);
	EXPECT_EQ(word_length(view_of("=?utf-8?q?a")), 0);
	EXPECT_EQ(word_length(view_of("x=?utf-8?q?a?=")), 0);
	EXPECT_EQ(word_length(VIEW_NONE), 0);
}
