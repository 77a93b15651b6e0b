/* A cursor over bytes.  Each function moves only when it matched. */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include "base/str.h"

struct scan { const char *p, *end; };

static inline struct scan scan_of(struct view v)
{ return (struct scan){ v.p, v.n > 0 ? v.p + v.n : v.p }; }
static inline bool scan_done(const struct scan *s) { return s->p >= s->end; }
static inline int scan_peek(const struct scan *s)	/* -1 at the end */
{ return s->p < s->end ? (unsigned char)*s->p : -1; }
static inline struct view scan_rest(const struct scan *s)
{ return (struct view){ s->p, (size_t)(s->end - s->p) }; }
bool scan_char(struct scan *s, char c);
bool scan_lit(struct scan *s, const char *word);		/* ASCII case-insensitive */
void scan_blank(struct scan *s);				/* blanks and tabs */
/* 1..20 digits, value <= max; false (and no move) otherwise. */
bool scan_number(struct scan *s, uint64_t max, uint64_t *n_r);
/* Everything before the first byte that is in stop (or the end); moves onto it. */
struct view scan_until(struct scan *s, const char *stop);

#endif
