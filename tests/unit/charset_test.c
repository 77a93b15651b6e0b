/* Charset labels and conversions; the wanted texts are those of the Unicode mapping tables. */
#include "mail/charset.h"

#include "base/utf8.h"
#include "unit.h"

TEST(labels)
{
	static const char *known[] = {
		"utf-8", "UTF-8", "utf8", " \"utf-8\" ", "'utf-8'", "UTF_8", "uft-8", "unicode-1-1-utf-8",
		"utf-8;format=flowed", "us-ascii", "ANSI_X3.4-1968", "ansi-x3.4-1968", "default", "7bit",
		"iso-8859-1", "ISO_8859-1:1987", "iso8859-1", "latin1", "l1", "cp1252", "x-cp1252",
		"windows-1252", "iso-8859-8-i", "iso-8859-8-e", "csiso88598i", "visual", "logical",
		"unicode-1-1-utf-7", "utf-7", "ks_c_5601-1987", "ks_c_5601-1989", "euc-kr", "x-gbk", "gbk",
		"gb2312", "gb_2312-80", "gb18030", "big5", "x-x-big5", "big5-hkscs", "cp932", "shift_jis",
		"shift-jis", "x-sjis", "windows-31j", "ms_kanji", "euc-jp", "x-euc-jp", "iso-2022-jp",
		"iso-2022-kr", "koi8-r", "koi8-u", "koi8-ru", "x-mac-cyrillic", "x-mac-ukrainian",
		"macintosh", "x-mac-roman", "tis-620", "windows-874", "iso-8859-11", "cp866", "ibm850",
		"iso-8859-15", "windows-1250", "windows-1258", "utf-16", "utf-16le", "utf-16be", "hz-gb-2312",
		"elot_928", "ecma-114", "asmo-708", "sun_eu_greek", "dos-874", "csunicode", "unknown-8bit",
	};
	static const char *unknown[] = {
		"", " ", "klingon", "utf-9", "iso-8859-99", "iso-2022-jp-3", "iso-2022-cn-ext", "ibm1390",
		"UTF-8//TRANSLIT", "../../tmp/x", "x-",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!charset_known(view_of(known[i])))
			UNIT_FAIL("%s is unknown", known[i]);
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		if (charset_known(view_of(unknown[i])))
			UNIT_FAIL("%s is known", unknown[i]);
}

static const struct { const char *label, *in, *want; } rows[] = {
	{ "utf-8", "gr\xC3\xBC\xC3\x9F", "grüß" },
	{ "utf-8", "\xEF\xBB\xBFx", "x" },
	{ "utf-8", "a\xFC" "b", "a\xEF\xBF\xBD" "b" },
	{ "utf-8", "\xC3", "\xEF\xBF\xBD" },
	{ "utf-8", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
	{ "", "plain", "plain" },
	{ "", "gr\xC3\xBC", "grü" },
	{ "", "gr\xFC", "grü" },
	{ "us-ascii", "gr\xC3\xBC", "grü" },
	{ "us-ascii", "gr\xFC", "grü" },
	{ "klingon", "gr\xC3\xBC", "grü" },
	{ "klingon", "gr\xFC", "grü" },
	{ "iso-8859-1", "gr\xFC\xDF \x80 \x93x\x94", "grüß € “x”" },
	{ "iso-8859-1", "\xC3\xBC", "Ã¼" },
	{ "windows-1252", "\x81", "\xEF\xBF\xBD" },
	{ "windows-1252", "\x80\x9F\xA0\xFF", "€Ÿ\xC2\xA0ÿ" },
	{ "iso-8859-2", "\xB1\xEA", "ąę" },
	{ "iso-8859-15", "\xA4", "€" },
	{ "iso-8859-9", "\xFD\xFE", "ış" },
	{ "iso-8859-8-i", "\xF9\xEC\xE5\xED", "שלום" },
	{ "iso-8859-7", "\xC1\xE8", "Αθ" },
	{ "iso-8859-5", "\xBF\xE0", "Пр" },
	{ "iso-8859-6", "\xC7\xE4", "ال" },
	{ "windows-1250", "\x9C\xBF", "śż" },
	{ "windows-1251", "\xCF\xF0\xE8", "При" },
	{ "windows-1253", "\xC1\xE8", "Αθ" },
	{ "windows-1255", "\xF9\xEC", "של" },
	{ "windows-1256", "\xC7\xE1", "ال" },
	{ "windows-1257", "\xE0\xF8", "ąų" },
	{ "koi8-r", "\xF0\xD2\xC9", "При" },
	{ "koi8-u", "\xA4\xA6", "єі" },
	{ "cp866", "\x8F\xE0", "Пр" },
	{ "cp437", "\x81\xE1", "üß" },
	{ "ibm850", "\x81", "ü" },
	{ "x-mac-cyrillic", "\x8F\xF0\xE8", "При" },
	{ "macintosh", "\x9F\xA7", "üß" },
	{ "tis-620", "\xA1\xD2", "กา" },
	{ "gb2312", "\xD6\xD0\xCE\xC4", "中文" },
	{ "gb2312", "\xE9\x46", "镕" },
	{ "gbk", "\xD6\xD0", "中" },
	{ "big5", "\xA4\xA4\xA4\xE5", "中文" },
	{ "shift_jis", "\x93\xFA\x96{", "日本" },
	{ "shift_jis", "\x87\x40\xB1", "①ｱ" },
	{ "cp932", "\\~", "\\~" },
	{ "euc-jp", "\xC6\xFC\xCB\xDC", "日本" },
	{ "iso-2022-jp", "\x1B$BF|K\\\x1B(B.", "日本." },
	{ "euc-kr", "\xC7\xD1\xB1\xDB", "한글" },
	{ "ks_c_5601-1987", "\x8C\x63", "똠" },
	{ "iso-2022-kr", "\x1B$)C\x0E\x47\x51\x0F.", "한." },
	{ "utf-7", "Hi +Jjo-!", "Hi ☺!" },
	{ "viscii", "\xAA", "\xE1\xBA\xBF" },
	/* Broken in the middle: the rest is still read. */
	{ "gb18030", "a\xFF" "b\xD6\xD0", "a\xEF\xBF\xBD" "b中" },
	{ "shift_jis", "x\x93", "x\xEF\xBF\xBD" },
	{ "euc-kr", "\xC7", "\xEF\xBF\xBD" },
};

TEST(conversions)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str s = STR_INIT;
		bool known = charset_decode(&s, view_of(rows[i].label), view_of(rows[i].in));

		if (strcmp(str_z(&s), rows[i].want) != 0)
			UNIT_FAIL("row %zu, %s: is \"%s\", not \"%s\"", i, rows[i].label, str_z(&s),
			    rows[i].want);
		EXPECT_EQ(known, strcmp(rows[i].label, "klingon") != 0);
		str_free(&s);
	}
}

TEST(wide_sets)
{
	static const struct { const char *label, *in; size_t n; } wide[] = {
		{ "utf-16le", "\xFC\0\x3A\x26", 4 }, { "utf-16be", "\0\xFC\x26\x3A", 4 },
		{ "utf-16", "\xFF\xFE\xFC\0\x3A\x26", 6 }, { "utf-16", "\xFE\xFF\0\xFC\x26\x3A", 6 },
		{ "utf-16be", "\xFE\xFF\0\xFC\x26\x3A", 6 }, { "utf-32be", "\0\0\0\xFC\0\0\x26\x3A", 8 },
	};

	for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
		struct str s = STR_INIT;

		charset_decode(&s, view_of(wide[i].label), view_n(wide[i].in, wide[i].n));
		EXPECT_STR(str_z(&s), "ü☺");
		str_free(&s);
	}
}

TEST(nul_is_a_character)
{
	struct str s = STR_INIT;

	charset_decode(&s, VIEW("koi8-r"), view_n("a\0\xF0", 3));
	EXPECT_EQ(s.len, 4);
	EXPECT(memcmp(s.p, "a\0\xD0\x9F", 4) == 0);
	str_free(&s);
}

/* Every label of the table, every byte, pairs of them, and much of it: valid and bounded. */
TEST(all_bytes_of_all_sets)
{
	static const char *all[] = {
		"utf-8", "latin1", "us-ascii", "windows-1250", "windows-1254", "windows-1258", "iso-8859-3",
		"iso-8859-4", "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-16", "tis-620", "koi8-t",
		"cp737", "cp775", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863",
		"cp864", "cp865", "cp869", "mac-ce", "viscii", "tcvn", "armscii-8", "georgian-ps", "hp-roman8",
		"gb18030", "hz-gb-2312", "big5", "big5-hkscs", "euc-tw", "shift_jis", "euc-jp", "iso-2022-jp",
		"iso-2022-jp-2", "euc-kr", "johab", "iso-2022-kr", "utf-7", "utf-16", "utf-16le", "utf-16be",
		"utf-32", "utf-32le", "utf-32be", "klingon", "",
	};
	struct str in = STR_INIT;

	for (int i = 0; i < 256; i++)
		for (int k = 0; k < 256; k += 5) {
			str_addc(&in, (char)i);
			str_addc(&in, (char)k);
		}
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct str out = STR_INIT;

		if (all[i][0] != '\0' && strcmp(all[i], "klingon") != 0)
			EXPECT(charset_known(view_of(all[i])));
		charset_decode(&out, view_of(all[i]), str_view(&in));
		EXPECT(out.len > 0);
		EXPECT(out.len <= 8 * in.len);
		EXPECT(utf8_valid(str_view(&out)));
		str_free(&out);
	}
	str_free(&in);
}

TEST(ceiling_keeps_characters_whole)
{
	static const char *labels[] = { "utf-8", "gb18030", "latin1", "" };

	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		for (size_t max = 1; max < 20; max++) {
			struct str s = str_limited(max);

			charset_decode(&s, view_of(labels[i]), VIEW("ab\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
			    "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"));
			EXPECT(s.over);
			EXPECT(s.len <= max);
			EXPECT(utf8_valid(str_view(&s)));
			str_free(&s);
		}
}

TEST(linear_cost)
{
	static const char *labels[] = { "utf-8", "gb18030", "shift_jis", "iso-2022-jp", "utf-7", "utf-16", "" };
	static const char *units[] = { "\xFF", "a\xFF", "\x81", "\x1B$B", "+", "+AAAA", "\xD8\x00", "\x80" };

	for (size_t u = 0; u < ARRAY_LEN(units); u++) {
		struct str in = STR_INIT, out = STR_INIT;

		while (in.len < 500000)
			str_adds(&in, units[u]);
		for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
			str_reset(&out);
			charset_decode(&out, view_of(labels[i]), str_view(&in));
			EXPECT(out.len <= 8 * in.len + 64);
			EXPECT(utf8_valid(str_view(&out)));
		}
		str_free(&in);
		str_free(&out);
	}
}

/* Characters that lie across any border inside of the converter. */
TEST(long_texts)
{
	static const struct { const char *label, *unit, *want; } rows2[] = {
		{ "gb18030", "\xD6\xD0", "中" }, { "shift_jis", "\x93\xFA", "日" }, { "utf-7", "+Jjo-", "☺" },
		{ "koi8-r", "\xF0", "П" }, { "gb18030", "\x81\x30\x81\x30", "\xC2\x80" },
		{ "iso-2022-jp", "\x1B$BF|\x1B(B", "日" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows2); i++)
		for (size_t shift = 0; shift < 4; shift++) {
			struct str in = STR_INIT, want = STR_INIT, out = STR_INIT;

			str_add(&in, "xyz", shift);
			str_add(&want, "xyz", shift);
			for (int k = 0; k < 20000; k++) {
				str_adds(&in, rows2[i].unit);
				str_adds(&want, rows2[i].want);
			}
			charset_decode(&out, view_of(rows2[i].label), str_view(&in));
			EXPECT(view_eq(str_view(&out), str_view(&want)));
			str_free(&in);
			str_free(&want);
			str_free(&out);
		}
}
