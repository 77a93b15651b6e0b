/* i;unicode-casemap: what is equal to what, and what is not. */
#include "base/utf8.h"

#include "unit.h"

static bool
same(struct view a, struct view b)
{
	struct str ka = STR_INIT, kb = STR_INIT;
	bool eq;

	casemap(&ka, a);
	casemap(&kb, b);
	eq = view_eq(str_view(&ka), str_view(&kb));
	str_free(&ka);
	str_free(&kb);
	return eq;
}

static bool
contains(struct view hay, struct view needle)
{
	struct str key = STR_INIT;
	bool found;

	casemap(&key, needle);
	found = casemap_contains(hay, str_view(&key));
	str_free(&key);
	return found;
}

#define SAME(a, b)	same(VIEW(a), VIEW(b))
#define CONTAINS(a, b)	contains(VIEW(a), VIEW(b))

TEST(ascii_maps_to_upper_case)
{
	struct str s = STR_INIT;

	casemap(&s, VIEW("Re: [abc-xyz] @`{ 09_AZ"));
	EXPECT_VIEW(str_view(&s), "RE: [ABC-XYZ] @`{ 09_AZ");
	str_free(&s);
	EXPECT(!SAME("[", "{"));
	EXPECT(!SAME("a", "b"));
}

TEST(umlauts_composed_or_not)
{
	EXPECT(SAME("Müller", "MU\u0308LLER"));
	EXPECT(SAME("ÄÖÜ", "äöü"));
	EXPECT(!SAME("Müller", "Muller"));
	EXPECT(!SAME("Müller", "Mueller"));
}

TEST(sharp_s_is_not_ss)
{
	EXPECT(SAME("Straße", "STRAßE"));
	EXPECT(!SAME("Straße", "STRASSE"));
}

TEST(turkish_i)
{
	EXPECT(SAME("i", "I"));
	EXPECT(SAME("ı", "I"));			/* UnicodeData: 0131 has titlecase 0049 */
	EXPECT(!SAME("İ", "i"));
	EXPECT(SAME("İ", "i\u0307"));
	EXPECT(CONTAINS("İstanbul", "STANBUL"));
}

TEST(greek_sigmas_are_one)
{
	EXPECT(SAME("ΟΔΥΣΣΕΥΣ", "οδυσσευς"));
	EXPECT(SAME("ς", "σ"));
}

TEST(cyrillic)
{
	EXPECT(SAME("Привет", "ПРИВЕТ"));
	EXPECT(SAME("й", "И\u0306"));
}

TEST(compatibility_forms)
{
	EXPECT(SAME("ﬁle", "FILE"));
	EXPECT(SAME("ｆｕｌｌｗｉｄｔｈ　１", "Fullwidth 1"));
	EXPECT(SAME("①", "1"));
	EXPECT(SAME("\u212A", "k"));		/* KELVIN SIGN */
	EXPECT(SAME("ſ", "S"));			/* LONG S */
	EXPECT(SAME("a\u00A0b", "A b"));		/* NO-BREAK SPACE */
	EXPECT(SAME("ｶﾞ", "ガ"));
}

TEST(example_of_rfc_5051)
{
	struct str s = STR_INIT;

	casemap(&s, VIEW("\u01C4"));
	EXPECT_VIEW(str_view(&s), "DZ\u030C");
	str_free(&s);
	EXPECT(SAME("\u01C5", "dž"));
}

TEST(hangul)
{
	EXPECT(SAME("한글", "\u1112\u1161\u11AB\u1100\u1173\u11AF"));
}

TEST(marks_are_put_in_order)
{
	struct str s = STR_INIT;

	casemap(&s, VIEW("a\u0301\u0323"));
	EXPECT_VIEW(str_view(&s), "A\u0323\u0301");
	str_free(&s);
	EXPECT(SAME("a\u0301\u0323", "a\u0323\u0301"));
	EXPECT(SAME("ệ", "e\u0302\u0323"));
	/* Two of one class keep their order, since it can be seen. */
	EXPECT(!SAME("a\u0301\u0308", "a\u0308\u0301"));
}

TEST(many_marks_are_bounded)
{
	struct str s = STR_INIT, key = STR_INIT;

	for (int i = 0; i < 20000; i++)
		str_adds(&s, i % 2 ? "\u0301" : "\u0323");
	casemap(&key, str_view(&s));
	EXPECT_EQ(key.len, s.len);
	EXPECT(utf8_valid(str_view(&key)));
	str_free(&s);
	str_free(&key);
}

TEST(padding_is_dropped)
{
	EXPECT(SAME("V\u200Bi\u200C\u00ADa\u200Dg\uFEFFr\u2060a", "viagra"));
	EXPECT(SAME("u\u200B\u0308", "ü"));
	EXPECT(CONTAINS("buy che\u00ADap", "CHEAP"));
}

TEST(bad_bytes_become_replacements)
{
	EXPECT(SAME("a\xFF", "A\uFFFD"));
	EXPECT(!SAME("a\xFF", "a"));
}

TEST(substrings)
{
	EXPECT(CONTAINS("Rechnung für März", "MÄRZ"));
	EXPECT(CONTAINS("anything", ""));
	EXPECT(CONTAINS("", ""));
	EXPECT(!CONTAINS("", "x"));
	EXPECT(!CONTAINS("Rechnung", "Rechnungen"));
	EXPECT(CONTAINS("für", "fu"));		/* the mark comes behind: RFC 5051 */
	EXPECT(casemap_contains(VIEW_NONE, VIEW_NONE));
}

/* The key of a key is itself; every key is UTF-8. */
TEST(keys_are_stable_for_all_characters)
{
	struct str a = STR_INIT, k = STR_INIT, kk = STR_INIT;

	for (uint32_t cp = 1; cp <= 0x2FFFF; cp++) {
		if (cp >= 0xD800 && cp <= 0xDFFF)
			continue;
		str_reset(&a);
		str_reset(&k);
		str_reset(&kk);
		utf8_put(&a, cp);
		casemap(&k, str_view(&a));
		casemap(&kk, str_view(&k));
		if (!view_eq(str_view(&k), str_view(&kk)) || !utf8_valid(str_view(&k)))
			UNIT_FAIL("the key of U+%04X is not stable", (unsigned)cp);
	}
	str_free(&a);
	str_free(&k);
	str_free(&kk);
}
