/*
 * Sets of UIDs as ranges.  While numbers come ascending the last range grows or one is
 * appended and the set stays in order.  Else it is loose: raw ranges are collected and
 * put in order by a radix sort (linear whatever the order) when somebody reads.
 * A loose set may hold a quarter more than its ceiling before it is tidied, so that
 * repeated numbers neither count against the ceiling nor cost a sort each.
 */
#include "proto/seqset.h"

#include <stdio.h>

static size_t
ceiling(const struct seqset *s)
{
	return s->max > 0 ? s->max : SEQSET_MAX;
}

void
seqset_free(struct seqset *s)
{
	VEC_FREE(s);
	s->loose = s->over = false;
}

/* One pass of the sort: by byte number k of lo, stable. */
static void
sort_pass(const struct seq_range *from, struct seq_range *to, size_t n, unsigned shift)
{
	size_t at[256] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[from[i].lo >> shift & 0xff]++;
	for (unsigned b = 0; b < 256; b++) {
		size_t here = at[b];

		at[b] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i].lo >> shift & 0xff]++] = from[i];
}

/* By lo; four passes, so that the result is in at[] again. */
static void
sort(struct seqset *s)
{
	struct seq_range *other = xreallocarray(NULL, s->n, sizeof(*other));

	for (unsigned shift = 0; shift < 32; shift += 16) {
		sort_pass(s->at, other, s->n, shift);
		sort_pass(other, s->at, s->n, shift + 8);
	}
	free(other);
}

void
seqset_tidy(struct seqset *s)
{
	size_t kept = 0;

	if (!s->loose)
		return;
	s->loose = false;
	sort(s);
	for (size_t i = 0; i < s->n; i++) {
		struct seq_range *last = kept > 0 ? &s->at[kept - 1] : NULL;

		if (last != NULL && s->at[i].lo - 1 <= last->hi)
			last->hi = MAX(last->hi, s->at[i].hi);
		else
			s->at[kept++] = s->at[i];
	}
	s->n = kept;
	if (s->n > ceiling(s)) {
		s->n = ceiling(s);
		s->over = true;
	}
}

/* Joins lo..hi to the last range where they touch. */
static bool
extend_last(struct seqset *s, uint32_t lo, uint32_t hi)
{
	struct seq_range *last = &s->at[s->n - 1];

	if (lo >= last->lo && lo - 1 <= last->hi) {
		last->hi = MAX(last->hi, hi);
		return true;
	}
	if (lo < last->lo && hi >= last->lo - 1) {
		/* It may reach the ranges before now. */
		last->lo = lo;
		last->hi = MAX(last->hi, hi);
		s->loose = s->loose || s->n > 1;
		return true;
	}
	return false;
}

void
seqset_add(struct seqset *s, uint32_t a, uint32_t b)
{
	uint32_t lo = MAX(MIN(a, b), 1u), hi = MAX(a, b);

	if (hi == 0 || (s->n > 0 && extend_last(s, lo, hi)))
		return;
	if (s->loose && s->n >= ceiling(s) + ceiling(s) / 4) {
		seqset_tidy(s);
		if (extend_last(s, lo, hi))
			return;
	}
	if (!s->loose && s->n > 0 && lo < s->at[s->n - 1].lo)
		s->loose = true;
	if (!s->loose && s->n >= ceiling(s)) {
		s->over = true;
		return;
	}
	VEC_PUSH(s, ((struct seq_range){ lo, hi }));
}

/* seq-number / seq-range of RFC 9051, 9, without "*". */
static bool
scan_range(struct scan *in, uint32_t *a_r, uint32_t *b_r)
{
	uint64_t a, b;

	if (!scan_number(in, UINT32_MAX, &a) || a == 0)
		return false;
	b = a;
	if (scan_char(in, ':') && (!scan_number(in, UINT32_MAX, &b) || b == 0))
		return false;
	*a_r = (uint32_t)a;
	*b_r = (uint32_t)b;
	return true;
}

int
seqset_parse(struct seqset *s, struct view text, struct err *e)
{
	struct scan in = scan_of(text);
	uint32_t a, b;
	bool whole;

	do
		whole = scan_range(&in, &a, &b);
	while (whole && scan_char(&in, ','));
	if (!whole || !scan_done(&in))
		return err_set(e, ERR_PROTO, SCOPE_SESSION, "\"%.*s\" is no set of numbers",
		    (int)MIN(text.n, 100), text.n > 0 ? text.p : "");
	in = scan_of(text);
	while (scan_range(&in, &a, &b)) {
		seqset_add(s, a, b);
		(void)scan_char(&in, ',');
	}
	return 0;
}

void
seqset_copy(struct seqset *to, const struct seqset *from)
{
	seqset_free(to);
	seqset_add_all(to, from);
	to->over = to->over || from->over;
}

void
seqset_add_all(struct seqset *s, const struct seqset *more)
{
	for (size_t i = 0; i < more->n; i++)
		seqset_add(s, more->at[i].lo, more->at[i].hi);
}

/* The result of an operation takes the place of its left side. */
static void
replace(struct seqset *s, struct seqset *by)
{
	by->max = s->max;
	by->over = by->over || s->over;
	VEC_FREE(s);
	*s = *by;
}

void
seqset_del_all(struct seqset *s, struct seqset *less)
{
	struct seqset out = { .max = s->max };
	size_t j = 0;

	seqset_tidy(s);
	seqset_tidy(less);
	for (size_t i = 0; i < s->n; i++) {
		uint64_t lo = s->at[i].lo, hi = s->at[i].hi;

		while (j < less->n && less->at[j].hi < lo)
			j++;
		/* j stays on the last one that overlaps: it may reach into the next range */
		for (; j < less->n && less->at[j].lo <= hi; j++) {
			if (less->at[j].lo > lo)
				seqset_add(&out, (uint32_t)lo, less->at[j].lo - 1);
			lo = (uint64_t)less->at[j].hi + 1;
			if (lo > hi)
				break;
		}
		if (lo <= hi)
			seqset_add(&out, (uint32_t)lo, (uint32_t)hi);
	}
	replace(s, &out);
}

void
seqset_keep_all(struct seqset *s, struct seqset *only)
{
	struct seqset out = { .max = s->max };
	size_t i = 0, j = 0;

	seqset_tidy(s);
	seqset_tidy(only);
	while (i < s->n && j < only->n) {
		uint32_t lo = MAX(s->at[i].lo, only->at[j].lo);
		uint32_t hi = MIN(s->at[i].hi, only->at[j].hi);

		if (lo <= hi)
			seqset_add(&out, lo, hi);
		if (s->at[i].hi < only->at[j].hi)
			i++;
		else
			j++;
	}
	replace(s, &out);
}

void
seqset_del(struct seqset *s, uint32_t a, uint32_t b)
{
	struct seq_range one = { MAX(MIN(a, b), 1u), MAX(a, b) };
	struct seqset less = { .at = &one, .n = one.hi > 0 };

	seqset_del_all(s, &less);
}

void
seqset_widen(struct seqset *s, struct seqset *known)
{
	size_t kept = 0, j = 0;

	seqset_tidy(s);
	seqset_tidy(known);
	for (size_t i = 0; i < s->n; i++) {
		struct seq_range *last = kept > 0 ? &s->at[kept - 1] : NULL;

		while (last != NULL && j < known->n && known->at[j].hi <= last->hi)
			j++;
		/* The gap begins behind last and ends before at[i]. */
		if (last != NULL && (j == known->n || known->at[j].lo >= s->at[i].lo))
			last->hi = s->at[i].hi;
		else
			s->at[kept++] = s->at[i];
	}
	s->n = kept;
}

bool
seqset_has(struct seqset *s, uint32_t n)
{
	size_t lo = 0, hi;

	seqset_tidy(s);
	hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (n > s->at[mid].hi)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && n >= s->at[lo].lo;
}

uint64_t
seqset_count(struct seqset *s)
{
	uint64_t count = 0;

	seqset_tidy(s);
	for (size_t i = 0; i < s->n; i++)
		count += (uint64_t)s->at[i].hi - s->at[i].lo + 1;
	return count;
}

uint32_t
seqset_min(struct seqset *s)
{
	seqset_tidy(s);
	return s->n > 0 ? s->at[0].lo : 0;
}

uint32_t
seqset_max(struct seqset *s)
{
	seqset_tidy(s);
	return s->n > 0 ? s->at[s->n - 1].hi : 0;
}

bool
seqset_eq(struct seqset *a, struct seqset *b)
{
	seqset_tidy(a);
	seqset_tidy(b);
	for (size_t i = 0; i < MIN(a->n, b->n); i++) {
		if (a->at[i].lo != b->at[i].lo || a->at[i].hi != b->at[i].hi)
			return false;
	}
	return a->n == b->n;
}

/* At most SEQ_PIECE_MIN bytes and a NUL. */
static size_t
format_range(char buf[24], uint32_t lo, uint32_t hi)
{
	int n = lo == hi ? snprintf(buf, 24, "%u", lo) : snprintf(buf, 24, "%u:%u", lo, hi);

	return (size_t)n;
}

void
seqset_print(struct seqset *s, struct str *out)
{
	char buf[24];

	seqset_tidy(s);
	for (size_t i = 0; i < s->n; i++) {
		size_t n = format_range(buf, s->at[i].lo, s->at[i].hi);

		if (i > 0)
			str_addc(out, ',');
		str_add(out, buf, n);
	}
}

bool
seqset_next(struct seqset *s, struct seq_iter *it, uint32_t *n_r)
{
	uint32_t n;

	seqset_tidy(s);
	if (it->i >= s->n)
		return false;
	n = it->next > 0 ? it->next : s->at[it->i].lo;
	*n_r = n;
	it->next = n + 1;
	if (n == s->at[it->i].hi)
		*it = (struct seq_iter){ it->i + 1, 0 };
	return true;
}

bool
seqset_piece(struct seqset *s, struct seq_iter *it, size_t bytes_max, uint64_t count_max,
	struct str *out)
{
	size_t	used = 0;
	char	buf[24];

	seqset_tidy(s);
	bytes_max = MAX(bytes_max, SEQ_PIECE_MIN);
	count_max = count_max > 0 ? count_max : UINT64_MAX;
	while (it->i < s->n && count_max > 0) {
		uint32_t end = s->at[it->i].hi, lo = it->next > 0 ? it->next : s->at[it->i].lo;
		uint32_t hi = (uint32_t)MIN((uint64_t)end, lo + (count_max - 1 > UINT32_MAX ?
		    UINT32_MAX : count_max - 1));
		size_t n = format_range(buf, lo, hi);

		if (used > 0 && used + 1 + n > bytes_max)
			break;
		if (used > 0)
			str_addc(out, ',');
		str_add(out, buf, n);
		used += n + (used > 0);
		count_max -= (uint64_t)hi - lo + 1;
		*it = hi == end ? (struct seq_iter){ it->i + 1, 0 } :
		    (struct seq_iter){ it->i, hi + 1 };
	}
	return used > 0;
}

void
seq_pairs_begin(struct seq_pairs *p, struct view src, struct view dst)
{
	*p = (struct seq_pairs){ .src = scan_of(src), .dst = scan_of(dst) };
}

/* The next range where r is used up (lo 0); false at the end. */
static bool
refill(struct seq_pairs *p, struct scan *in, struct seq_range *r)
{
	uint32_t a, b;

	if (r->lo > 0)
		return true;
	if (scan_done(in))
		return false;
	if (!scan_range(in, &a, &b) || (!scan_done(in) && (!scan_char(in, ',') || scan_done(in)))) {
		p->broken = true;
		return false;
	}
	*r = (struct seq_range){ MIN(a, b), MAX(a, b) };
	return true;
}

static void
use(struct seq_range *r, uint64_t n)
{
	uint64_t lo = r->lo + n;

	*r = lo > r->hi ? (struct seq_range){ 0, 0 } : (struct seq_range){ (uint32_t)lo, r->hi };
}

bool
seq_pairs_next(struct seq_pairs *p, struct seq_run *run_r)
{
	bool have_src, have_dst;
	uint64_t n;

	if (p->broken)
		return false;
	have_src = refill(p, &p->src, &p->s);
	have_dst = refill(p, &p->dst, &p->d);
	if (!have_src || !have_dst || p->broken) {
		p->broken = p->broken || have_src != have_dst;
		return false;
	}
	n = MIN((uint64_t)p->s.hi - p->s.lo, (uint64_t)p->d.hi - p->d.lo) + 1;
	*run_r = (struct seq_run){ p->s.lo, p->d.lo, n };
	use(&p->s, n);
	use(&p->d, n);
	return true;
}
