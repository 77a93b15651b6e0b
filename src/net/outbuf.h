/*
 * Bytes that wait to be written: in at the end, out at the beginning.  They may be a
 * password, so memory is wiped before it is given back.  Zeroed is valid: empty.
 */
#ifndef NET_OUTBUF_H
#define NET_OUTBUF_H

#include "base/str.h"

struct outbuf {
	char	*p;
	size_t	 at, end, cap;	/* what waits is p[at..end) */
};

static inline size_t outbuf_len(const struct outbuf *b) { return b->end - b->at; }
static inline struct view outbuf_view(const struct outbuf *b)
{ return (struct view){ b->p + b->at, b->end - b->at }; }
void outbuf_add(struct outbuf *b, struct view v);	/* the ceiling is the caller's */
void outbuf_take(struct outbuf *b, size_t n);		/* n bytes are written */
void outbuf_free(struct outbuf *b);			/* back to empty */

#endif
