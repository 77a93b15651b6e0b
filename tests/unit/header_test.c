#include "mail/header.h"

#include "unit.h"

static struct view
value(const struct header *h, const char *name, size_t nth)
{
	const struct header_field *f = header_get(h, view_of(name), nth);

	return f != NULL ? f->raw : VIEW("(absent)");
}

TEST(header_of_all_line_ends)
{
	static const char *const ends[] = { "\r\n", "\n", "\r", "\r\r\n" };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct str s = STR_INIT;
		struct header h = { 0 };
		const char *e = ends[i];

		str_addf(&s, "A: 1%sB: 2%s  more%sC:%s%sbody", e, e, e, e, e);
		header_index(&h, str_view(&s), true);
		EXPECT_EQ(h.n, 3);
		EXPECT_VIEW(value(&h, "a", 0), " 1");
		EXPECT(view_starts(value(&h, "B", 0), VIEW(" 2")));
		EXPECT(view_ends(value(&h, "B", 0), VIEW("  more")));
		EXPECT_EQ(value(&h, "C", 0).n, 0);
		EXPECT_EQ(h.body, s.len - 4);
		EXPECT(h.ended && !h.broken && !h.over);
		header_free(&h);
		str_free(&s);
	}
}

TEST(header_stray_cr_is_no_line_end)
{
	struct header h = { 0 };

	header_index(&h, VIEW("A: 1\r\nB: 2\rC: 3\r\n\r\n"), true);
	EXPECT_EQ(h.n, 2);
	EXPECT_VIEW(value(&h, "B", 0), " 2\rC: 3");
	header_free(&h);
}

TEST(header_cr_message_takes_all_ends)
{
	struct header h = { 0 };

	header_index(&h, VIEW("A: 1\rB: 2\r\nC: 3\n\nx"), true);
	EXPECT_EQ(h.n, 3);
	EXPECT_EQ(h.body, 17);
	EXPECT_VIEW(value(&h, "B", 0), " 2");
	header_free(&h);
}

TEST(header_nth_and_case)
{
	struct header h = { 0 };

	header_index(&h, VIEW("Received: 1\nSubject: s\nRECEIVED: 2\n\n"), true);
	EXPECT_VIEW(value(&h, "received", 0), " 1");
	EXPECT_VIEW(value(&h, "Received", 1), " 2");
	EXPECT_VIEW(value(&h, "Received", 2), "(absent)");
	EXPECT_VIEW(value(&h, "Receive", 0), "(absent)");
	header_free(&h);
}

TEST(header_top_skips_what_stands_before)
{
	struct header h = { 0 };

	header_index(&h, VIEW("\r\n\nFrom a@b Tue Feb  3\nA: 1\n\nx"), true);
	EXPECT_EQ(h.n, 1);
	EXPECT_EQ(h.body, 29);
	EXPECT(!h.broken);
	header_index(&h, VIEW("\xEF\xBB\xBF" "A: 1\n\nx"), true);
	EXPECT_EQ(h.n, 1);
	EXPECT_VIEW(h.at[0].name, "A");
	header_free(&h);
}

TEST(header_of_part_takes_no_liberties)
{
	struct header h = { 0 };

	header_index(&h, VIEW("\nA: 1\n\nx"), false);
	EXPECT_EQ(h.n, 0);
	EXPECT_EQ(h.body, 1);
	header_index(&h, VIEW("A: 1\ntext begins\nB: 2\n\n"), false);
	EXPECT_EQ(h.n, 1);
	EXPECT_EQ(h.body, 5);
	EXPECT(h.broken && h.ended);
	header_free(&h);
}

TEST(header_top_skips_junk)
{
	struct header h = { 0 };

	header_index(&h, VIEW("A: 1\njunk\n folded junk\nB: 2\n\nx"), true);
	EXPECT_EQ(h.n, 2);
	EXPECT_VIEW(h.at[0].raw, " 1");
	EXPECT(h.broken);
	EXPECT_EQ(h.body, 29);
	header_free(&h);
}

TEST(header_without_fields_is_text)
{
	struct header h = { 0 };

	header_index(&h, VIEW("Hello you\nhow are you\n\nBye: now\n"), true);
	EXPECT_EQ(h.n, 0);
	EXPECT_EQ(h.body, 0);
	EXPECT(h.broken);
	header_index(&h, VIEW("Hello you"), true);
	EXPECT_EQ(h.body, 0);
	header_free(&h);
}

TEST(header_without_empty_line)
{
	struct header h = { 0 };

	header_index(&h, VIEW("A: 1\nB: 2\n f\ntext\nmore"), true);
	EXPECT_EQ(h.n, 2);
	EXPECT_EQ(h.body, 13);
	EXPECT(!h.ended);
	header_index(&h, VIEW("A: 1\n"), true);
	EXPECT_EQ(h.body, 5);
	EXPECT(!h.ended && !h.broken);
	header_index(&h, VIEW_NONE, true);
	EXPECT_EQ(h.n, 0);
	EXPECT_EQ(h.body, 0);
	header_free(&h);
}

TEST(header_names)
{
	struct header h = { 0 };

	header_index(&h, VIEW("A \t: 1\n: none\nB C: no\nD\xE4: no\nX-!#$: yes\n\n"), true);
	EXPECT_EQ(h.n, 2);
	EXPECT_VIEW(h.at[0].name, "A");
	EXPECT_VIEW(h.at[0].raw, " 1");
	EXPECT_VIEW(h.at[1].name, "X-!#$");
	header_free(&h);
}

TEST(header_count_is_bounded)
{
	struct str s = STR_INIT;
	struct header h = { 0 };

	for (unsigned i = 0; i < HEADER_COUNT_MAX + 5; i++)
		str_adds(&s, "A: 1\n f\n");
	str_adds(&s, "\nbody");
	header_index(&h, str_view(&s), true);
	EXPECT_EQ(h.n, HEADER_COUNT_MAX);
	EXPECT(h.over);
	EXPECT_EQ(h.body, s.len - 4);
	EXPECT_EQ(h.at[h.n - 1].raw.n, 5);
	header_free(&h);
	str_free(&s);
}

TEST(header_block_is_bounded)
{
	struct str s = STR_INIT;
	struct header h = { 0 };

	str_adds(&s, "A: ");
	while (s.len < HEADER_BLOCK_MAX)
		str_adds(&s, "0123456789abcdef");
	str_adds(&s, "\nB: 2\n\nbody");
	header_index(&h, str_view(&s), true);
	EXPECT_EQ(h.n, 1);
	EXPECT(h.over);
	EXPECT_EQ(h.body, s.len - 4);
	header_free(&h);
	str_free(&s);
}

/* At the ceilings nothing is over. */
TEST(header_at_its_ceilings)
{
	struct str s = STR_INIT;
	struct header h = { 0 };

	for (unsigned i = 0; i < HEADER_COUNT_MAX; i++)
		str_adds(&s, "A: 1\n");
	str_adds(&s, "\nbody");
	header_index(&h, str_view(&s), true);
	EXPECT_EQ(h.n, HEADER_COUNT_MAX);
	EXPECT(!h.over);
	header_free(&h);
	for (size_t more = 0; more < 2; more++) {
		str_reset(&s);
		str_adds(&s, "A: ");
		while (s.len < HEADER_BLOCK_MAX - 2 + more)
			str_addc(&s, 'a');
		str_adds(&s, "\nB: begins here\n\nbody");
		header_index(&h, str_view(&s), true);
		EXPECT_EQ(h.n, 2 - more);
		EXPECT_EQ(h.over, more);
		EXPECT_EQ(h.body, s.len - 4);
		header_free(&h);
	}
	str_free(&s);
}

/* A megabyte of CR with an LF at its end was quadratic once. */
TEST(header_many_cr)
{
	struct str s = STR_INIT;
	struct header h = { 0 };

	str_adds(&s, "A: 1\r");
	while (s.len < ((size_t)4 << 20))
		str_adds(&s, "B: 2\r");
	str_adds(&s, "\n");
	header_index(&h, str_view(&s), true);
	EXPECT_EQ(h.n, HEADER_COUNT_MAX);
	header_free(&h);
	str_free(&s);
}

static const char *
unfolded(struct str *s, const char *raw, size_t n)
{
	str_reset(s);
	header_unfold(s, view_n(raw, n));
	return str_z(s);
}

TEST(header_unfold_makes_one_line)
{
	struct str s = STR_INIT;

	EXPECT_STR(unfolded(&s, " a\r\n b\n\t c  d\r ", 15), "a b c  d");
	EXPECT_STR(unfolded(&s, "a\0b", 3), "a b");
	EXPECT_STR(unfolded(&s, "gr\xFCn", 4), "gr\xC3\xBCn");
	EXPECT_STR(unfolded(&s, "gr\xC3\xBCn", 5), "gr\xC3\xBCn");
	EXPECT_STR(unfolded(&s, " \r\n ", 4), "");
	str_free(&s);
}

TEST(header_unfold_is_bounded)
{
	struct str in = STR_INIT, out = STR_INIT;

	while (in.len < HEADER_FIELD_MAX + 100)
		str_adds(&in, "0123456789");
	header_unfold(&out, str_view(&in));
	EXPECT_EQ(out.len, HEADER_FIELD_MAX);
	str_free(&in);
	str_free(&out);
}
