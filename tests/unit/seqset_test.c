/* Sets of UIDs: against a plain bitmap, at the ceilings, in pieces, and COPYUID's pairs. */
#include "proto/seqset.h"

#include "tests/unit/unit.h"

/* The set of what text says, printed, in a buffer of the caller. */
static const char *
printed(struct seqset *s, struct str *out)
{
	str_reset(out);
	seqset_print(s, out);
	return str_z(out);
}

static const struct { const char *in, *out; } parsed[] = {
	{ "1", "1" }, { "1:3", "1:3" }, { "3:1", "1:3" }, { "1,2,3", "1:3" }, { "5,4,3", "3:5" },
	{ "9,1,5", "1,5,9" }, { "1:10,5:6", "1:10" }, { "5:6,1:10", "1:10" },
	{ "5,7,6,1", "1,5:7" }, { "4294967295", "4294967295" },
	{ "1:4294967295", "1:4294967295" }, { "4294967294,4294967295,1", "1,4294967294:4294967295" },
	{ "2:2,2", "2" }, { "10:20,1:5,4:9", "1:20" }, { "00007", "7" },
	{ "10,20,19,9:12,1", "1,9:12,19:20" },
};

TEST(seqset_parses_and_prints)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(parsed); i++) {
		struct seqset s = { 0 };
		struct err e = ERR_NONE;

		EXPECT_EQ(seqset_parse(&s, view_of(parsed[i].in), &e), 0);
		EXPECT_STR(printed(&s, &out), parsed[i].out);
		seqset_free(&s);
	}
	str_free(&out);
}

TEST(seqset_refuses)
{
	static const char *const bad[] = {
		"", "0", "*", "1:*", "*:4", "1,", ",1", "1,,2", "1:", ":1", "1:2:3", "a", "1 2",
		"4294967296", "-1", "1:0", "0:1", "1.5", " 1", "1 ", "99999999999999999999999",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct seqset s = { 0 };
		struct err e = ERR_NONE;

		if (seqset_parse(&s, view_of(bad[i]), &e) == 0)
			printf("# taken: %s\n", bad[i]);
		EXPECT_EQ(e.kind, ERR_PROTO);
		EXPECT(seqset_empty(&s));
	}
}

TEST(seqset_leaves_zero_out)
{
	struct seqset s = { 0 };
	struct str out = STR_INIT;

	seqset_add(&s, 0, 0);
	EXPECT(seqset_empty(&s));
	EXPECT_EQ(seqset_min(&s), 0);
	EXPECT_EQ(seqset_max(&s), 0);
	seqset_add(&s, 0, 2);
	EXPECT_STR(printed(&s, &out), "1:2");
	seqset_free(&s);
	str_free(&out);
}

#define SPACE 300u

struct bits { bool at[SPACE + 2]; };

static uint32_t
random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
fill(struct seqset *s, struct bits *b, uint32_t *seed)
{
	unsigned n = random_next(seed) % 40;

	*b = (struct bits){ 0 };
	while (n-- > 0) {
		uint32_t lo = 1 + random_next(seed) % SPACE;
		uint32_t hi = lo + random_next(seed) % 9;

		hi = MIN(hi, SPACE);
		seqset_add(s, lo, hi);
		for (uint32_t i = lo; i <= hi; i++)
			b->at[i] = true;
	}
}

/* 0, or the first number in which they differ; SPACE + 1 for a set out of order. */
static uint32_t
differs(struct seqset *s, const struct bits *b)
{
	struct seq_iter it = { 0 };
	uint32_t n, last = 0;
	uint64_t count = 0;

	for (uint32_t i = 1; i <= SPACE; i++) {
		if (seqset_has(s, i) != b->at[i])
			return i;
		count += b->at[i];
	}
	if (seqset_count(s) != count)
		return SPACE + 1;
	while (seqset_next(s, &it, &n)) {
		if (n <= last || !b->at[n])
			return n;
		last = n;
		count--;
	}
	for (size_t i = 1; i < s->n; i++) {
		if (s->at[i].lo <= s->at[i - 1].hi + 1)
			return SPACE + 1;
	}
	return count == 0 ? 0 : SPACE + 1;
}

TEST(seqset_agrees_with_bits)
{
	uint32_t seed = 7;

	for (unsigned round = 0; round < 2000; round++) {
		struct seqset a = { 0 }, b = { 0 }, c = { 0 };
		struct bits x, y, z;

		fill(&a, &x, &seed);
		fill(&b, &y, &seed);
		EXPECT_EQ(differs(&a, &x), 0);
		seqset_copy(&c, &a);
		seqset_add_all(&c, &b);
		for (unsigned i = 1; i <= SPACE; i++)
			z.at[i] = x.at[i] || y.at[i];
		EXPECT_EQ(differs(&c, &z), 0);
		seqset_copy(&c, &a);
		seqset_del_all(&c, &b);
		for (unsigned i = 1; i <= SPACE; i++)
			z.at[i] = x.at[i] && !y.at[i];
		EXPECT_EQ(differs(&c, &z), 0);
		seqset_copy(&c, &a);
		seqset_keep_all(&c, &b);
		for (unsigned i = 1; i <= SPACE; i++)
			z.at[i] = x.at[i] && y.at[i];
		EXPECT_EQ(differs(&c, &z), 0);
		/* Wider, but the same among those that exist. */
		seqset_widen(&c, &a);
		seqset_keep_all(&c, &a);
		EXPECT_EQ(differs(&c, &z), 0);
		seqset_free(&a);
		seqset_free(&b);
		seqset_free(&c);
	}
}

TEST(seqset_at_the_end_of_numbers)
{
	struct seqset a = { 0 }, b = { 0 };
	struct seq_iter it = { 0 };
	struct str out = STR_INIT;
	uint32_t n;

	seqset_add(&a, 1, UINT32_MAX);
	EXPECT(seqset_count(&a) == UINT32_MAX);
	seqset_del(&a, UINT32_MAX, UINT32_MAX);
	EXPECT_STR(printed(&a, &out), "1:4294967294");
	seqset_del(&a, 1, 4294967292u);
	seqset_add(&a, UINT32_MAX, UINT32_MAX);
	EXPECT_STR(printed(&a, &out), "4294967293:4294967295");
	for (uint32_t want = 4294967293u; want != 0; want++) {
		EXPECT(seqset_next(&a, &it, &n));
		EXPECT_EQ(n, want);
	}
	EXPECT(!seqset_next(&a, &it, &n));
	seqset_add(&b, UINT32_MAX, UINT32_MAX);
	EXPECT(!seqset_eq(&a, &b));
	seqset_keep_all(&a, &b);
	EXPECT(seqset_eq(&a, &b));
	seqset_del_all(&a, &b);
	EXPECT(seqset_empty(&a));
	seqset_free(&a);
	seqset_free(&b);
	str_free(&out);
}

TEST(seqset_widens_over_gaps)
{
	static const struct { const char *want, *known, *out; } rows[] = {
		{ "1,3,5", "1,3,5", "1:5" }, { "1,3,5", "1:5", "1,3,5" },
		{ "1,3,5", "1,3,4,5", "1:3,5" }, { "2,9", "1,2,9,10", "2:9" }, { "7", "1:9", "7" },
		{ "2:4,6:7,20", "1:4,6:7,19:25", "2:7,20" },
	};
	struct str out = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seqset want = { 0 }, known = { 0 };
		struct err e = ERR_NONE;

		EXPECT_EQ(seqset_parse(&want, view_of(rows[i].want), &e), 0);
		EXPECT_EQ(seqset_parse(&known, view_of(rows[i].known), &e), 0);
		seqset_widen(&want, &known);
		EXPECT_STR(printed(&want, &out), rows[i].out);
		seqset_free(&want);
		seqset_free(&known);
	}
	str_free(&out);
}

TEST(seqset_has_a_ceiling)
{
	struct seqset s = { .max = 8 };
	struct str out = STR_INIT;

	for (uint32_t i = 1; i <= 8; i++)
		seqset_add(&s, 2 * i, 2 * i);
	EXPECT(!s.over);
	seqset_add(&s, 18, 18);
	EXPECT(s.over);
	EXPECT_STR(printed(&s, &out), "2,4,6,8,10,12,14,16");
	seqset_free(&s);
	EXPECT(!s.over);
	/* Descending and again and again: repeated numbers do not count. */
	for (unsigned round = 0; round < 100; round++) {
		for (uint32_t i = 8; i >= 1; i--)
			seqset_add(&s, 2 * i, 2 * i);
		EXPECT(s.n <= 11);
	}
	EXPECT_STR(printed(&s, &out), "2,4,6,8,10,12,14,16");
	EXPECT(!s.over);
	seqset_add(&s, 30, 30);
	seqset_add(&s, 28, 28);
	(void)seqset_count(&s);
	EXPECT(s.over);
	EXPECT_EQ(s.n, 8);
	seqset_free(&s);
	str_free(&out);
}

TEST(seqset_sixteen_million)
{
	struct seqset s = { 0 };

	for (uint32_t i = 0; i < SEQSET_MAX + 10; i++)
		seqset_add(&s, 1 + 2 * i, 1 + 2 * i);
	EXPECT(s.over);
	EXPECT(seqset_count(&s) == SEQSET_MAX);
	seqset_free(&s);
}

TEST(seqset_in_pieces)
{
	uint32_t seed = 99;

	for (unsigned round = 0; round < 500; round++) {
		struct seqset s = { 0 }, back = { 0 };
		struct bits b;
		struct seq_iter it = { 0 };
		struct str out = STR_INIT;
		struct err e = ERR_NONE;
		size_t bytes = 1 + random_next(&seed) % 60;
		uint64_t count = random_next(&seed) % 20;

		fill(&s, &b, &seed);
		while (seqset_piece(&s, &it, bytes, count, &out)) {
			struct seqset piece = { 0 };

			EXPECT(out.len <= MAX(bytes, SEQ_PIECE_MIN));
			EXPECT_EQ(seqset_parse(&piece, str_view(&out), &e), 0);
			EXPECT(count == 0 || seqset_count(&piece) <= count);
			EXPECT(seqset_empty(&back) || seqset_min(&piece) > seqset_max(&back));
			seqset_add_all(&back, &piece);
			seqset_free(&piece);
			str_reset(&out);
		}
		EXPECT(seqset_eq(&s, &back));
		seqset_free(&s);
		seqset_free(&back);
		str_free(&out);
	}
}

TEST(seqset_pieces_of_one_huge_range)
{
	struct seqset s = { 0 };
	struct seq_iter it = { 0 };
	struct str out = STR_INIT;

	seqset_add(&s, 1, UINT32_MAX);
	EXPECT(seqset_piece(&s, &it, 100, 2000, &out));
	EXPECT_STR(str_z(&out), "1:2000");
	str_reset(&out);
	EXPECT(seqset_piece(&s, &it, 0, 0, &out));
	EXPECT_STR(str_z(&out), "2001:4294967295");
	EXPECT(!seqset_piece(&s, &it, 0, 0, &out));
	seqset_free(&s);
	str_free(&out);
}

static const struct { const char *src, *dst, *runs; bool broken; } pair_rows[] = {
	{ "1:3", "7:9", "1>7*3 ", false }, { "1:3", "7,9,8", "1>7*1 2>9*1 3>8*1 ", false },
	{ "5,2:4", "10:13", "5>10*1 2>11*3 ", false }, { "3:1", "9:7", "1>7*3 ", false },
	{ "", "", "", false }, { "1:2", "5", "1>5*1 ", true }, { "1", "5:6", "1>5*1 ", true },
	{ "1,x", "5,6", "1>5*1 ", true }, { "1,", "5", "", true },
	{ "1:4294967295", "1:4294967295", "1>1*4294967295 ", false }, { "", "5", "", true },
};

TEST(seqset_pairs_in_written_order)
{
	for (size_t i = 0; i < ARRAY_LEN(pair_rows); i++) {
		struct seq_pairs p;
		struct seq_run run;
		struct str out = STR_INIT;

		seq_pairs_begin(&p, view_of(pair_rows[i].src), view_of(pair_rows[i].dst));
		while (seq_pairs_next(&p, &run))
			str_addf(&out, "%u>%u*%llu ", run.src, run.dst, (unsigned long long)run.n);
		EXPECT_STR(str_z(&out), pair_rows[i].runs);
		EXPECT_EQ(p.broken, pair_rows[i].broken);
		str_free(&out);
	}
}
