/* Views and growing strings: the borders, the empty ones, the ceiling. */
#include "base/str.h"

#include "unit.h"

TEST(view_equality)
{
	EXPECT(view_eq(VIEW_NONE, VIEW("")));
	EXPECT(view_eq(VIEW("a\0b"), VIEW("a\0b")));
	EXPECT(!view_eq(VIEW("a\0b"), VIEW("a\0c")));
	EXPECT(!view_eq(VIEW("a"), VIEW("A")));
	EXPECT(!view_eq(VIEW("ab"), VIEW("abc")));
	EXPECT(view_ieq(VIEW("Inbox[Z]"), VIEW("iNBOX[z]")));
	/* Neighbours of the letters, and bytes above ASCII, have no case. */
	EXPECT(!view_ieq(VIEW("@[`{"), VIEW("`{@[")));
	EXPECT(!view_ieq(VIEW("\xc4"), VIEW("\xe4")));
	EXPECT(view_is(VIEW("x"), "x") && !view_is(VIEW("x"), "xy"));
	EXPECT(view_iis(VIEW("X"), "x") && !view_iis(VIEW("xy"), "x"));
	EXPECT(view_is(view_of(NULL), ""));
}

TEST(view_ends_of_things)
{
	EXPECT(view_starts(VIEW("abc"), VIEW("ab")));
	EXPECT(view_starts(VIEW("abc"), VIEW_NONE));
	EXPECT(!view_starts(VIEW("ab"), VIEW("abc")));
	EXPECT(!view_starts(VIEW("abc"), VIEW("AB")));
	EXPECT(view_istarts(VIEW("abc"), VIEW("AB")));
	EXPECT(!view_istarts(VIEW("a"), VIEW("AB")));
	EXPECT(view_ends(VIEW("abc"), VIEW("bc")));
	EXPECT(view_ends(VIEW("abc"), VIEW_NONE));
	EXPECT(view_ends(VIEW_NONE, VIEW_NONE));
	EXPECT(!view_ends(VIEW("abc"), VIEW("b")));
	EXPECT(!view_ends(VIEW("c"), VIEW("bc")));
}

TEST(view_order)
{
	EXPECT(view_cmp(VIEW_NONE, VIEW("")) == 0);
	EXPECT(view_cmp(VIEW("a"), VIEW("b")) < 0);
	EXPECT(view_cmp(VIEW("b"), VIEW("abc")) > 0);
	EXPECT(view_cmp(VIEW("ab"), VIEW("abc")) < 0);
	EXPECT(view_cmp(VIEW("abc"), VIEW("ab")) > 0);
	EXPECT(view_cmp(VIEW("\xff"), VIEW("a")) > 0);
}

TEST(view_search)
{
	EXPECT_EQ(view_chr(VIEW("abca"), 'a'), 0);
	EXPECT_EQ(view_chr(VIEW("abc"), 'c'), 2);
	EXPECT_EQ(view_chr(VIEW("a\0c"), '\0'), 1);
	EXPECT_EQ(view_chr(VIEW("abc"), '\0'), -1);
	EXPECT_EQ(view_chr(VIEW_NONE, 'a'), -1);
	EXPECT_EQ(view_find(VIEW("abcabd"), VIEW("abd")), 3);
	EXPECT_EQ(view_find(VIEW("abc"), VIEW_NONE), 0);
	EXPECT_EQ(view_find(VIEW_NONE, VIEW_NONE), 0);
	EXPECT_EQ(view_find(VIEW_NONE, VIEW("a")), -1);
	EXPECT_EQ(view_find(VIEW("ab"), VIEW("abc")), -1);
	EXPECT_EQ(view_find(VIEW("x\0y"), VIEW("\0y")), 1);
}

TEST(view_cuts)
{
	EXPECT_VIEW(view_trim(VIEW(" \t\r\n a b \r\n")), "a b");
	EXPECT_VIEW(view_trim(VIEW(" \t")), "");
	EXPECT_VIEW(view_trim(VIEW_NONE), "");
	EXPECT_VIEW(view_trim(VIEW("\fa\v")), "\fa\v");
	EXPECT_VIEW(view_from(VIEW("abc"), 1), "bc");
	EXPECT_VIEW(view_from(VIEW("abc"), 3), "");
	EXPECT_VIEW(view_from(VIEW("abc"), SIZE_MAX), "");
	EXPECT(view_from(VIEW_NONE, 5).p == NULL);
	EXPECT_VIEW(view_sub(VIEW("abcdef"), 2, 3), "cde");
	EXPECT_VIEW(view_sub(VIEW("abc"), 2, SIZE_MAX), "c");
	EXPECT_VIEW(view_sub(VIEW("abc"), 9, 1), "");
}

TEST(view_copy)
{
	char *a = view_dup(VIEW("a\0b")), *b = view_dup(VIEW_NONE);

	EXPECT(memcmp(a, "a\0b", 4) == 0);
	EXPECT_STR(b, "");
	free(a);
	free(b);
}

TEST(zeroed_is_empty)
{
	struct str s = STR_INIT;

	EXPECT_STR(str_z(&s), "");
	EXPECT_VIEW(str_view(&s), "");
	str_cut(&s, 0);
	str_reset(&s);
	str_add(&s, NULL, 0);
	str_addv(&s, VIEW_NONE);
	EXPECT(!s.over);
	EXPECT_STR(str_z(&s), "");
	str_free(&s);
	str_free(&s);
}

TEST(pieces_join)
{
	struct str s = STR_INIT;

	str_adds(&s, "a1 ");
	str_addv(&s, VIEW("FETCH"));
	str_addc(&s, ' ');
	str_addf(&s, "%u:%s", 17u, "*");
	str_add(&s, " (", 2);
	str_addf(&s, "%s", "");
	EXPECT_STR(str_z(&s), "a1 FETCH 17:* (");
	EXPECT_EQ(s.len, 15);
	str_cut(&s, 99);
	EXPECT_EQ(s.len, 15);
	str_cut(&s, 8);
	EXPECT_STR(str_z(&s), "a1 FETCH");
	str_free(&s);
	EXPECT_EQ(s.len, 0);
	EXPECT(s.p == NULL);
}

TEST(grows_by_every_size)
{
	struct str s = STR_INIT;

	for (int i = 0; i < 3000; i++) {
		str_addc(&s, (char)('a' + i % 26));
		EXPECT_EQ(s.p[s.len], 0);
	}
	for (int i = 0; i < 3000; i++)
		EXPECT_EQ(s.p[i], 'a' + i % 26);
	/* Doubling: 3000 single bytes took few blocks, so the last is roomy. */
	EXPECT(s.cap > 3000 && s.cap <= 8192);
	str_reset(&s);
	str_addf(&s, "%4000d", 1);
	EXPECT_EQ(s.len, 4000);
	str_free(&s);
}

TEST(ceiling_is_kept)
{
	struct str s = str_limited(5);

	str_adds(&s, "abc");
	str_adds(&s, "de");
	EXPECT(!s.over);
	EXPECT_STR(str_z(&s), "abcde");
	str_addc(&s, 'f');
	EXPECT(s.over);
	EXPECT_STR(str_z(&s), "abcde");
	str_reset(&s);
	EXPECT(!s.over);
	str_addf(&s, "%d", 123456);
	EXPECT(s.over);
	EXPECT_STR(str_z(&s), "");
	str_free(&s);
	EXPECT(!s.over);
	EXPECT_EQ(s.max, 5);
}

TEST(over_is_sticky)
{
	struct str s = str_limited(4);

	str_adds(&s, "ab");
	str_adds(&s, "cde");
	/* It would fit, but would make a text that nobody meant. */
	str_adds(&s, "f");
	EXPECT(s.over);
	EXPECT_STR(str_z(&s), "ab");
	EXPECT(str_room(&s, 0) == NULL);
	str_free(&s);
}

TEST(huge_sizes_do_not_wrap)
{
	struct str s = STR_INIT, all = str_limited(SIZE_MAX);

	str_adds(&s, "abc");
	EXPECT(str_room(&s, SIZE_MAX) == NULL);
	EXPECT(s.over);
	EXPECT_STR(str_z(&s), "abc");
	str_adds(&all, "abc");
	EXPECT(str_room(&all, SIZE_MAX - 2) == NULL);
	EXPECT_STR(str_z(&all), "abc");
	str_free(&s);
	str_free(&all);
}

TEST(room_and_grew)
{
	struct str	 s = str_limited(100);
	char		*to = str_room(&s, 100);

	EXPECT(to != NULL);
	memset(to, 'x', 100);
	str_grew(&s, 40);
	EXPECT_EQ(strlen(str_z(&s)), 40);
	EXPECT(str_room(&s, 60) == s.p + 40);
	EXPECT(str_room(&s, 61) == NULL);
	EXPECT(s.over);
	str_free(&s);
}

TEST(take_hands_over)
{
	struct str	 s = str_limited(3);
	char		*a, *b;

	str_adds(&s, "abc");
	a = str_take(&s);
	b = str_take(&s);
	EXPECT_STR(a, "abc");
	EXPECT_STR(b, "");
	EXPECT(s.p == NULL);
	EXPECT_EQ(s.max, 3);
	str_adds(&s, "de");
	EXPECT_STR(str_z(&s), "de");
	free(a);
	free(b);
	str_free(&s);
}
