/*
 * A set of UIDs (or sequence numbers) as ranges: what SEARCH, ESEARCH, SORT and
 * VANISHED say, and what UID commands name.  Numbers are 1..4294967295; a range is
 * never expanded, so that "1:4294967295" costs as much as "1".
 *
 * Adding in any order is cheap: the ranges are put in order when the set is next read.
 * So readers change the struct (not the set), and at[] is in order only behind
 * seqset_tidy().  All operations are linear in ranges and bytes.
 */
#ifndef PROTO_SEQSET_H
#define PROTO_SEQSET_H

#include "base/err.h"
#include "base/scan.h"
#include "base/str.h"
#include "base/vec.h"

#define SEQSET_MAX	((size_t)16 << 20)	/* ranges of one set */

struct seq_range { uint32_t lo, hi; };		/* 1 <= lo <= hi */

/* Zeroed is valid and empty. */
struct seqset {
	VEC(struct seq_range)
	size_t	max;	/* ranges; 0: SEQSET_MAX */
	bool	loose;	/* at[] is not in order */
	bool	over;	/* something did not fit: the set is a part of what was meant */
};

void seqset_free(struct seqset *s);		/* back to empty; keeps max */
void seqset_add(struct seqset *s, uint32_t a, uint32_t b);	/* a..b in either order; 0 is left out */
/*
 * Adds "1:5,9,7"; ERR_PROTO and nothing added for an empty text, a 0, "*", blanks, numbers over
 * 32 bits.
 */
int seqset_parse(struct seqset *s, struct view text, struct err *e) MUST_CHECK;
void seqset_copy(struct seqset *to, const struct seqset *from);	/* to is replaced, max apart */
void seqset_del(struct seqset *s, uint32_t a, uint32_t b);
void seqset_add_all(struct seqset *s, const struct seqset *more);	/* union */
void seqset_del_all(struct seqset *s, struct seqset *less);		/* difference */
void seqset_keep_all(struct seqset *s, struct seqset *only);		/* intersection */
/*
 * Closes the gaps in which no number of known lies, so that fewer bytes name the same
 * messages.  known: every UID that may exist up to the highest of s (UIDs only ascend,
 * so that a gap never fills up later).
 */
void seqset_widen(struct seqset *s, struct seqset *known);

void seqset_tidy(struct seqset *s);		/* at[0..n) ascending, disjoint, not adjacent */
static inline bool seqset_empty(const struct seqset *s) { return s->n == 0; }
bool seqset_has(struct seqset *s, uint32_t n);
uint64_t seqset_count(struct seqset *s);	/* numbers, not ranges */
uint32_t seqset_min(struct seqset *s);		/* 0: empty */
uint32_t seqset_max(struct seqset *s);
bool seqset_eq(struct seqset *a, struct seqset *b);
void seqset_print(struct seqset *s, struct str *out);	/* appends "1:5,9"; nothing when empty */

/* A place in a set that does not change meanwhile; zeroed is its beginning. */
struct seq_iter { size_t i; uint32_t next; };
bool seqset_next(struct seqset *s, struct seq_iter *it, uint32_t *n_r);
/*
 * Appends the next piece of the set, at most bytes_max bytes (SEQ_PIECE_MIN at least)
 * and count_max numbers (0: any); false: there is none left.
 */
#define SEQ_PIECE_MIN	21u			/* "4294967295:4294967295" */
bool seqset_piece(struct seqset *s, struct seq_iter *it, size_t bytes_max, uint64_t count_max,
	struct str *out);

/*
 * Two written sets side by side, in the order in which they are written: COPYUID's
 * source and destination (RFC 4315, 3).  "4:2" counts up from 2.
 */
struct seq_pairs { struct scan src, dst; struct seq_range s, d; bool broken; };
struct seq_run { uint32_t src, dst; uint64_t n; };	/* src+i became dst+i for i < n */
void seq_pairs_begin(struct seq_pairs *p, struct view src, struct view dst);
/* false: the end of the shorter one, or (broken) bytes that are no set or sets of unequal size. */
bool seq_pairs_next(struct seq_pairs *p, struct seq_run *run_r);

#endif
