/* Modified UTF-7 both ways: the examples of RFC 3501 5.1.3, and what must be refused. */
#include "proto/utf7.h"

#include "tests/unit/unit.h"

static const struct { const char *utf8, *utf7; } pairs[] = {
	{ "", "" }, { "Archive", "Archive" }, { "a&b", "a&-b" }, { "&", "&-" },
	{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	    "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
	{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" }, { "\xe2\x98\xba!", "&Jjo-!" },
	{ "\xf0\x9f\x93\xa8", "&2D3c6A-" }, { "\xe2\x98\xba&\xe2\x98\xba", "&Jjo-&-&Jjo-" },
	{ "\t", "&AAk-" }, { "\xef\xbf\xbf", "&,,8-" },
};

TEST(utf7_both_ways)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct str out = STR_INIT;

		EXPECT_EQ(utf7_encode(&out, view_of(pairs[i].utf8)), 0);
		EXPECT_STR(str_z(&out), pairs[i].utf7);
		str_reset(&out);
		EXPECT_EQ(utf7_decode(&out, view_of(pairs[i].utf7)), 0);
		EXPECT_STR(str_z(&out), pairs[i].utf8);
		str_free(&out);
	}
}

TEST(utf7_refuses_other_spellings)
{
	static const char *const bad[] = {
		"&", "&Jjo", "&Jjo-&Jjo-", "&AGE-", "&AC4-", "&ACY-", "&AAA-", "caf\xc3\xa9", "a\tb",
		"&Jj-", "&Jjp-", "&JjoA-", "&2D0-", "&3Og-", "&3OjYPQ-", "&2D0AYQ-", "&Jj/-", "&J=-",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct str out = STR_INIT;

		str_adds(&out, "kept");
		if (utf7_decode(&out, view_of(bad[i])) == 0)
			printf("# taken: %s\n", bad[i]);
		EXPECT_STR(str_z(&out), "kept");
		str_free(&out);
	}
}

TEST(utf7_encodes_only_utf8)
{
	struct str out = STR_INIT;

	EXPECT_EQ(utf7_encode(&out, view_of("\xff")), -1);
	EXPECT_EQ(utf7_encode(&out, view_n("a\0b", 3)), -1);
	EXPECT_EQ(utf7_encode(&out, view_of("\xed\xa0\x80")), -1);
	EXPECT_EQ(out.len, 0);
	str_free(&out);
}
