/*
 * Sets of UIDs: what parses prints and parses the same again; the operations agree with
 * those on bits for small numbers; pieces put together are the set.  Input is two texts with
 * a newline between.
 */
#include "proto/seqset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPACE 512u

static void
check_order(struct seqset *s)
{
	seqset_tidy(s);
	for (size_t i = 0; i < s->n; i++) {
		assert(s->at[i].lo > 0 && s->at[i].lo <= s->at[i].hi);
		assert(i == 0 || (uint64_t)s->at[i - 1].hi + 1 < s->at[i].lo);
	}
}

static void
check_text(struct seqset *s)
{
	struct str out = STR_INIT;
	struct seqset back = { 0 };

	check_order(s);
	seqset_print(s, &out);
	assert(seqset_empty(s) == (out.len == 0));
	if (out.len > 0)
		assert(seqset_parse(&back, str_view(&out), NULL) == 0 && !back.loose);
	assert(seqset_eq(s, &back));
	seqset_free(&back);
	str_free(&out);
}

static void
check_pieces(struct seqset *s, size_t bytes, uint64_t count)
{
	struct str out = STR_INIT;
	struct seqset back = { 0 };
	struct seq_iter it = { 0 };

	/* A range of billions in small pieces is a long way. */
	if (count > 0 && seqset_count(s) / count > 1000)
		count = 0;
	while (seqset_piece(s, &it, bytes, count, &out)) {
		assert(out.len <= MAX(bytes, SEQ_PIECE_MIN));
		assert(seqset_parse(&back, str_view(&out), NULL) == 0);
		str_reset(&out);
	}
	assert(seqset_eq(s, &back));
	seqset_free(&back);
	str_free(&out);
}

static void
check_operations(struct seqset *a, struct seqset *b)
{
	struct seqset all = { 0 }, less = { 0 }, both = { 0 }, wide = { 0 };

	seqset_copy(&all, a);
	seqset_add_all(&all, b);
	seqset_copy(&less, a);
	seqset_del_all(&less, b);
	seqset_copy(&both, a);
	seqset_keep_all(&both, b);
	assert(seqset_count(&less) + seqset_count(&both) == seqset_count(a));
	assert(seqset_count(&all) + seqset_count(&both) == seqset_count(a) + seqset_count(b));
	for (uint32_t i = 1; i <= SPACE; i++) {
		bool x = seqset_has(a, i), y = seqset_has(b, i);

		assert(seqset_has(&all, i) == (x || y));
		assert(seqset_has(&less, i) == (x && !y));
		assert(seqset_has(&both, i) == (x && y));
	}
	/* Wider over what is known of both: nothing else of them is in it. */
	seqset_copy(&wide, a);
	seqset_widen(&wide, &all);
	assert(wide.n <= a->n);
	seqset_keep_all(&wide, &all);
	assert(seqset_eq(&wide, a));
	check_text(&all);
	check_text(&less);
	check_text(&both);
	seqset_free(&all);
	seqset_free(&less);
	seqset_free(&both);
	seqset_free(&wide);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_n((const char *)data, size), first = in, second = VIEW_NONE;
	ptrdiff_t line = view_chr(in, '\n');
	struct seqset a = { 0 }, b = { 0 };
	struct seq_pairs p;
	struct seq_run run;
	uint64_t n = 0;

	if (line >= 0) {
		first = view_sub(in, 0, (size_t)line);
		second = view_from(in, (size_t)line + 1);
	}
	seq_pairs_begin(&p, first, second);
	while (seq_pairs_next(&p, &run)) {
		assert(run.src > 0 && run.dst > 0 && run.n > 0);
		assert(run.src + (run.n - 1) <= UINT32_MAX && run.dst + (run.n - 1) <= UINT32_MAX);
		n += run.n;
	}
	if (seqset_parse(&a, first, NULL) == 0 && seqset_parse(&b, second, NULL) == 0) {
		assert(p.broken || (n >= seqset_count(&a) && n >= seqset_count(&b)));
		check_text(&a);
		check_pieces(&a, size % 70, size % 7);
		check_operations(&a, &b);
	}
	seqset_free(&a);
	seqset_free(&b);
	return 0;
}
