/* Regular expressions: flags, groups, offsets of faults, ceilings. */
#include "base/regex.h"

#include "unit.h"

/* 1, 0, -1 as regex_match; -2 when the pattern does not compile. */
static int
match(const char *pattern, unsigned flags, struct view subject, struct err *e)
{
	struct regex *re = regex_new(view_of(pattern), flags, NULL, e);
	int rc;

	if (re == NULL)
		return -2;
	rc = regex_match(re, subject, 0, NULL, e);
	regex_free(&re);
	return rc;
}

#define MATCH(pattern, flags, text)	match((pattern), (flags), VIEW(text), NULL)

static struct view
repeat(struct str *s, const char *what, int times, const char *last)
{
	for (int i = 0; i < times; i++)
		str_adds(s, what);
	str_adds(s, last);
	return str_view(s);
}

TEST(matches_or_not)
{
	EXPECT_EQ(MATCH("inv(oice)?", 0, "your invoice"), 1);
	EXPECT_EQ(MATCH("^inv", 0, "your invoice"), 0);
	EXPECT_EQ(MATCH("", 0, ""), 1);
	EXPECT_EQ(match("^$", 0, VIEW_NONE, NULL), 1);
}

TEST(flags_change_the_match)
{
	EXPECT_EQ(MATCH("abc", 0, "ABC"), 0);
	EXPECT_EQ(MATCH("abc", REGEX_CASELESS, "ABC"), 1);
	EXPECT_EQ(MATCH("größe", REGEX_CASELESS, "GRÖßE"), 1);
	EXPECT_EQ(MATCH("^b", 0, "a\nb"), 0);
	EXPECT_EQ(MATCH("^b", REGEX_MULTILINE, "a\nb"), 1);
	EXPECT_EQ(MATCH("a.b", 0, "a\nb"), 0);
	EXPECT_EQ(MATCH("a.b", REGEX_DOTALL, "a\nb"), 1);
	EXPECT_EQ(MATCH("a b # c", 0, "ab"), 0);
	EXPECT_EQ(MATCH("a b # c", REGEX_EXTENDED, "ab"), 1);
	EXPECT_EQ(MATCH("b", REGEX_ANCHORED, "ab"), 0);
}

TEST(letters_to_flags)
{
	struct err e = ERR_NONE;
	unsigned flags = 99;

	EXPECT_EQ(regex_flags(VIEW("ims x"), &flags, &e), 0);
	EXPECT_EQ(flags, REGEX_CASELESS | REGEX_MULTILINE | REGEX_DOTALL | REGEX_EXTENDED);
	EXPECT_EQ(regex_flags(VIEW_NONE, &flags, &e), 0);
	EXPECT_EQ(flags, 0);
	EXPECT_EQ(regex_flags(VIEW("ig"), &flags, &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "\"g\"") != NULL);
	err_clear(&e);
	EXPECT_EQ(regex_flags(view_n("\0", 1), &flags, &e), -1);
}

TEST(unicode)
{
	EXPECT_EQ(MATCH("^\\w+$", 0, "Größe"), 1);
	EXPECT_EQ(MATCH("^.$", 0, "€"), 1);
	EXPECT_EQ(MATCH("\\bÜber", 0, "fürÜber"), 0);
	EXPECT_EQ(MATCH("^\\p{Greek}+$", 0, "λόγος"), 1);
	EXPECT_EQ(MATCH("^a\\x{1F48C}$", 0, "a💌"), 1);
}

TEST(groups_and_names)
{
	struct err e = ERR_NONE;
	struct regex *re = regex_new(VIEW("(?<year>\\d{4})-(\\d\\d)(?:-(?<day>\\d\\d))?"),
	    REGEX_CASELESS, NULL, &e);
	struct regex_span s[4];

	EXPECT(re != NULL);
	EXPECT_EQ(regex_groups(re), 3);
	EXPECT_EQ(regex_flags_of(re), REGEX_CASELESS);
	EXPECT_EQ(regex_pattern(re).n, 39);
	EXPECT(regex_group_name(re, 0) == NULL);
	EXPECT_STR(regex_group_name(re, 1), "year");
	EXPECT(regex_group_name(re, 2) == NULL);
	EXPECT_STR(regex_group_name(re, 3), "day");
	EXPECT(regex_group_name(re, 4) == NULL);
	EXPECT_EQ(regex_match(re, VIEW("am 2026-01-31."), 0, s, &e), 1);
	EXPECT_EQ(s[0].start, 3);
	EXPECT_EQ(s[0].end, 13);
	EXPECT_EQ(s[1].end, 7);
	EXPECT_EQ(s[3].start, 11);
	EXPECT_EQ(regex_match(re, VIEW("2026-01"), 0, s, &e), 1);
	EXPECT_EQ(s[2].start, 5);
	EXPECT_EQ(s[3].start, -1);
	EXPECT_EQ(s[3].end, -1);
	regex_free(&re);
	EXPECT(re == NULL);
	regex_free(&re);
}

TEST(bad_patterns_name_the_place)
{
	static const struct { const char *pattern; size_t at; } bad[] = {
		{ "ab(c", 4 }, { "a**", 2 }, { "[z-a]", 3 }, { "x\\", 2 }, { "ok(?<1>a)", 5 },
		{ "a\\Cb", 3 },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_NONE;
		size_t at = 99;
		struct regex *re = regex_new(view_of(bad[i].pattern), 0, &at, &e);

		EXPECT(re == NULL);
		EXPECT_EQ(e.kind, ERR_USAGE);
		if (at != bad[i].at)
			UNIT_FAIL("%s: offset %zu (%s)", bad[i].pattern, at, e.text);
	}
	EXPECT_EQ(match("\xFF", 0, VIEW("a"), NULL), -2);
}

TEST(runaway_patterns_stop)
{
	struct str s = STR_INIT;
	struct view v = repeat(&s, "a", 60, "b");
	struct err e = ERR_NONE;

	EXPECT_EQ(match("^(a|aa)+$", 0, v, &e), -1);
	EXPECT_EQ(e.kind, ERR_LIMIT);
	/* Some millions of steps: over our limit and under PCRE2's own. */
	err_clear(&e);
	EXPECT_EQ(match("^(a|aa)+$", 0, view_from(v, 31), &e), -1);
	EXPECT_EQ(e.kind, ERR_LIMIT);
	EXPECT_EQ(match("^(a|aa)+$", 0, view_from(v, 45), NULL), 0);
	err_clear(&e);
	EXPECT_EQ(match("(*NO_JIT)^(a|aa)+$", 0, v, &e), -1);
	EXPECT_EQ(e.kind, ERR_LIMIT);
	err_clear(&e);
	/* A pattern may lower the limit and not raise it. */
	EXPECT_EQ(match("(*LIMIT_MATCH=4000000000)^(a|aa)+$", 0, v, &e), -1);
	EXPECT_EQ(e.kind, ERR_LIMIT);
	str_free(&s);
}

TEST(memory_is_bounded)
{
	struct str s = STR_INIT;
	struct view v = repeat(&s, "ab", 500000, "");
	struct err e = ERR_NONE;

	EXPECT_EQ(match("^(a|(b))*$", 0, v, &e), -1);
	EXPECT_EQ(e.kind, ERR_LIMIT);
	str_free(&s);
}

TEST(ordinary_repeats_are_no_runaways)
{
	struct str s = STR_INIT;
	struct view v = repeat(&s, "ab", 1000, "");

	EXPECT_EQ(match("^(a|b)*$", 0, v, NULL), 1);
	EXPECT_EQ(match("(*NO_JIT)^(a|b)*$", 0, v, NULL), 1);
	str_free(&s);
}

TEST(pattern_ceilings)
{
	struct str s = STR_INIT;
	struct err e = ERR_NONE;
	struct regex *re;

	re = regex_new(repeat(&s, "(a)", 99, ""), 0, NULL, &e);
	EXPECT(re != NULL);
	regex_free(&re);
	str_adds(&s, "(a)");
	EXPECT(regex_new(str_view(&s), 0, NULL, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	str_reset(&s);
	EXPECT(regex_new(repeat(&s, "a", REGEX_PATTERN_MAX + 1, ""), 0, NULL, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	str_reset(&s);
	for (unsigned more = 0; more < 2; more++) {
		struct str nested = STR_INIT;

		for (unsigned i = 0; i < REGEX_DEPTH_LIMIT + more; i++)
			str_adds(&nested, "(?:");
		str_adds(&nested, "a");
		for (unsigned i = 0; i < REGEX_DEPTH_LIMIT + more; i++)
			str_adds(&nested, ")");
		re = regex_new(str_view(&nested), 0, NULL, &e);
		EXPECT_EQ(re != NULL, !more);
		regex_free(&re);
		str_free(&nested);
	}
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	EXPECT(regex_new(VIEW("((a{900}){900}){900}"), 0, NULL, &e) == NULL);
	str_free(&s);
}

TEST(subjects_must_be_utf8)
{
	struct err e = ERR_NONE;
	struct regex *re = regex_new(VIEW("(?<=.)b"), 0, NULL, &e);

	EXPECT(re != NULL);
	EXPECT_EQ(regex_match(re, VIEW("\xFF" "b"), 0, NULL, &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	EXPECT_EQ(regex_match(re, VIEW("\x80\x80" "b"), 2, NULL, &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	EXPECT_EQ(regex_match(re, VIEW("äb"), 1, NULL, &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	EXPECT_EQ(regex_match(re, VIEW("äb"), 4, NULL, &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	regex_free(&re);
}

/* The same place with other bytes between two starts: any answer, no crash. */
TEST(changed_bytes_are_harmless)
{
	struct regex *re = regex_new(VIEW("(?<=..)b"), 0, NULL, NULL);
	char text[] = "xäb";

	EXPECT(re != NULL);
	EXPECT_EQ(regex_match(re, view_n(text, 4), 0, NULL, NULL), 1);
	memset(text, 0x80, 3);
	(void)!regex_match(re, view_n(text, 4), 3, NULL, NULL);
	regex_free(&re);
}

TEST(start_sees_what_is_before)
{
	struct regex *re = regex_new(VIEW("(?<=ä)b|^c"), 0, NULL, NULL);
	struct regex_span s[1];

	EXPECT(re != NULL);
	EXPECT_EQ(regex_match(re, VIEW("äb"), 2, s, NULL), 1);
	EXPECT_EQ(s[0].start, 2);
	EXPECT_EQ(regex_match(re, VIEW("xc"), 1, s, NULL), 0);
	EXPECT_EQ(regex_match(re, VIEW("c"), 1, s, NULL), 0);
	regex_free(&re);
}

TEST(all_matches_of_a_long_text)
{
	struct str s = STR_INIT;
	struct view v = repeat(&s, "für ", 100000, "");
	struct regex *re = regex_new(VIEW("ü"), 0, NULL, NULL);
	struct regex_span at[1];
	size_t start = 0, count = 0;

	EXPECT(re != NULL);
	while (regex_match(re, v, start, at, NULL) == 1) {
		start = (size_t)at[0].end;
		count++;
	}
	EXPECT_EQ(count, 100000);
	regex_free(&re);
	str_free(&s);
}

TEST(references_are_counted)
{
	struct regex *re = regex_new(VIEW("a"), 0, NULL, NULL), *other;

	EXPECT(re != NULL);
	other = regex_ref(re);
	regex_free(&re);
	EXPECT(re == NULL);
	EXPECT_EQ(regex_match(other, VIEW("a"), 0, NULL, NULL), 1);
	regex_free(&other);
}
