/* Flags and keywords as sets. */
#include "mail/flags.h"

#include "unit.h"

static const char *
print(const struct flags *f, struct str *s)
{
	str_reset(s);
	flags_print(s, f);
	return str_z(s);
}

TEST(parse)
{
	static const struct { const char *name; unsigned sys; const char *keyword; } good[] = {
		{ "seen", FLAG_SEEN, "" }, { "\\Seen", FLAG_SEEN, "" }, { "SEEN", FLAG_SEEN, "" },
		{ "flagged", FLAG_FLAGGED, "" }, { "answered", FLAG_ANSWERED, "" },
		{ "\\draft", FLAG_DRAFT, "" }, { "Deleted", FLAG_DELETED, "" },
		{ "$Forwarded", FLAG_PASSED, "" }, { "$forwarded", FLAG_PASSED, "" },
		{ "Invoice", 0, "Invoice" }, { "$Junk", 0, "$Junk" }, { "a[b", 0, "a[b" }, { "x/y:z", 0, "x/y:z" },
	};
	static const char *bad[] = {
		"", " ", "\\", "\\Recent", "\\*", "\\$Forwarded", "two words", "a(b", "a)b", "a{b", "a%b", "a*b",
		"a\"b", "a\\b", "a]b", "\xC3\xBC", "a\tb", "a\x7F", "a\r\nb",
	};
	unsigned sys;
	struct view k;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err e = ERR_NONE;

		EXPECT_EQ(flag_parse(view_of(good[i].name), &sys, &k, &e), 0);
		EXPECT_EQ(sys, good[i].sys);
		EXPECT_VIEW(k, good[i].keyword);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_NONE;

		if (flag_parse(view_of(bad[i]), &sys, &k, &e) != -1)
			UNIT_FAIL("%s was taken", bad[i]);
		EXPECT_EQ(e.kind, ERR_USAGE);
	}
}

TEST(length_of_a_keyword)
{
	char name[102];
	unsigned sys;
	struct view k;
	struct err e = ERR_NONE;

	memset(name, 'x', sizeof(name));
	EXPECT_EQ(flag_parse(view_n(name, 100), &sys, &k, &e), 0);
	EXPECT_EQ(flag_parse(view_n(name, 101), &sys, &k, &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	e = ERR_NONE;
	EXPECT_EQ(flag_parse(view_n("a\0b", 3), &sys, &k, &e), -1);
}

TEST(add_del_has)
{
	struct flags f = { 0 };
	struct str s = STR_INIT;

	flags_add(&f, FLAG_FLAGGED | FLAG_SEEN, VIEW_NONE);
	flags_add(&f, 0, VIEW("b"));
	flags_add(&f, 0, VIEW("a"));
	flags_add(&f, 0, VIEW("C"));
	flags_add(&f, 0, VIEW("B"));		/* there already */
	EXPECT_STR(print(&f, &s), "seen flagged a b C");
	EXPECT(flags_has(&f, FLAG_SEEN, VIEW_NONE));
	EXPECT(flags_has(&f, FLAG_SEEN | FLAG_FLAGGED, VIEW_NONE));
	EXPECT(!flags_has(&f, FLAG_SEEN | FLAG_DRAFT, VIEW_NONE));
	EXPECT(flags_has(&f, 0, VIEW("c")));
	EXPECT(!flags_has(&f, 0, VIEW("cc")));
	flags_del(&f, FLAG_SEEN, VIEW("A"));
	flags_del(&f, 0, VIEW("nothing"));
	EXPECT_STR(print(&f, &s), "flagged b C");
	flags_free(&f);
	EXPECT_STR(print(&f, &s), "");
	str_free(&s);
}

TEST(sets)
{
	struct flags a = { 0 }, b = { 0 };
	struct err e = ERR_NONE;
	struct str s = STR_INIT;

	EXPECT_EQ(flags_scan(&a, VIEW("seen x y"), &e), 0);
	EXPECT_EQ(flags_scan(&b, VIEW("draft Y z"), &e), 0);
	flags_add_all(&a, &b);
	EXPECT_STR(print(&a, &s), "seen draft x y z");
	flags_del_all(&a, &b);
	EXPECT_STR(print(&a, &s), "seen x");
	flags_copy(&b, &a);
	EXPECT_STR(print(&b, &s), "seen x");
	flags_add(&b, 0, VIEW("n"));
	EXPECT_STR(print(&a, &s), "seen x");
	flags_copy(&a, &a);
	flags_add_all(&a, &a);
	EXPECT_STR(print(&a, &s), "seen x");
	flags_del_all(&a, &a);
	EXPECT_STR(print(&a, &s), "");
	flags_free(&a);
	flags_free(&b);
	str_free(&s);
}

TEST(scan_is_the_reverse_of_print)
{
	struct flags f = { 0 };
	struct err e = ERR_NONE;
	struct str s = STR_INIT;

	EXPECT_EQ(flags_scan(&f, VIEW("  Zeta $Forwarded \\Deleted\tseen alpha seen  "), &e), 0);
	EXPECT_STR(print(&f, &s), "seen deleted $Forwarded alpha Zeta");
	EXPECT_EQ(flags_scan(&f, VIEW(""), &e), 0);
	EXPECT_STR(print(&f, &s), "");
	EXPECT_EQ(flags_scan(&f, VIEW("keep"), &e), 0);
	EXPECT_EQ(flags_scan(&f, VIEW("a b(c"), &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT_STR(print(&f, &s), "keep");	/* an error changes nothing */
	flags_free(&f);
	str_free(&s);
}

TEST(too_many_keywords)
{
	struct flags f = { 0 };
	struct err e = ERR_NONE;
	struct str s = STR_INIT;

	for (unsigned i = 0; i < KEYWORDS_MAX; i++)
		str_addf(&s, "k%u ", i);
	EXPECT_EQ(flags_scan(&f, str_view(&s), &e), 0);
	EXPECT_EQ(f.n, KEYWORDS_MAX);
	flags_add(&f, 0, VIEW("more"));
	EXPECT_EQ(f.n, KEYWORDS_MAX);
	str_adds(&s, "K7");			/* one that is there */
	EXPECT_EQ(flags_scan(&f, str_view(&s), &e), 0);
	str_adds(&s, " more");
	EXPECT_EQ(flags_scan(&f, str_view(&s), &e), -1);
	EXPECT_EQ(e.kind, ERR_LIMIT);
	flags_free(&f);
	str_free(&s);
}
