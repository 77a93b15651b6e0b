/*
 * view: bytes that somebody else owns.  str: bytes that grow, with a ceiling and
 * a sticky "over": builders append and ask once at the end.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <string.h>

#include "base/base.h"

struct view {
	const char	*p;	/* may be NULL when n is 0 */
	size_t		 n;
};

#define VIEW(lit)	((struct view){ (lit), sizeof(lit) - 1 })
#define VIEW_NONE	((struct view){ NULL, 0 })
/* For "%.*s". */
#define VIEW_ARG(v)	((int)MIN((v).n, (size_t)1 << 20)), ((v).p ? (v).p : "")

static inline struct view view_of(const char *s) { return (struct view){ s, s ? strlen(s) : 0 }; }
static inline struct view view_n(const char *p, size_t n) { return (struct view){ p, n }; }
bool view_eq(struct view a, struct view b);
bool view_ieq(struct view a, struct view b);		/* ASCII case-insensitive */
bool view_is(struct view a, const char *s);		/* view_eq with a C string */
bool view_iis(struct view a, const char *s);		/* view_ieq with a C string */
bool view_starts(struct view a, struct view prefix);
bool view_istarts(struct view a, struct view prefix);
bool view_ends(struct view a, struct view suffix);
/* <0, 0, >0 by bytes, the shorter first. */
int view_cmp(struct view a, struct view b);
/* Offset of the byte or the first occurrence; -1 when absent. */
ptrdiff_t view_chr(struct view a, char c);
ptrdiff_t view_find(struct view a, struct view needle);
struct view view_trim(struct view v);			/* blank, tab, CR, LF at both ends */
struct view view_from(struct view v, size_t off);	/* from off (clamped) to the end */
struct view view_sub(struct view v, size_t off, size_t n);	/* both clamped */
/* A NUL-terminated copy; the caller frees it. */
char *view_dup(struct view v);

/*
 * Invariant: p is NULL or holds len bytes and a NUL behind them; len <= max.
 * Zeroed is valid: empty, with the ceiling STR_MAX_DEFAULT.  Once over, nothing
 * more is added until str_reset, str_free or str_take: the content is a true
 * beginning of what was meant.
 */
struct str {
	char	*p;
	size_t	 len;
	size_t	 cap;
	size_t	 max;		/* 0: STR_MAX_DEFAULT */
	bool	 over;		/* something did not fit and was left out */
};

#define STR_MAX_DEFAULT	((size_t)1 << 30)
#define STR_INIT	((struct str){ 0 })
static inline struct str str_limited(size_t max) { return (struct str){ .max = max }; }

void str_free(struct str *s);				/* back to empty; keeps max */
void str_reset(struct str *s);				/* length 0, memory kept, over cleared */
void str_add(struct str *s, const void *p, size_t n);	/* all of it or nothing and over */
void str_addv(struct str *s, struct view v);
void str_adds(struct str *s, const char *z);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF(2, 3);
void str_addvf(struct str *s, const char *fmt, va_list ap) PRINTF(2, 0);
void str_cut(struct str *s, size_t len);		/* shorten to len */
/* Makes room for n bytes behind the end and returns it, or NULL and over; then str_grew(). */
char *str_room(struct str *s, size_t n);
void str_grew(struct str *s, size_t n);
/* Never NULL. */
const char *str_z(const struct str *s);
static inline struct view str_view(const struct str *s) { return (struct view){ s->p, s->len }; }
/* Takes the buffer out, NUL-terminated, never NULL; the caller frees it; *s is empty after. */
char *str_take(struct str *s);

#endif
