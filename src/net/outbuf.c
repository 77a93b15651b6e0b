/*
 * outbuf: a queue of bytes in one block.
 *
 * Bytes move to the front only when at least half of the block is used up, so each
 * is moved a bounded number of times.  The block goes back when it is empty.  No
 * realloc: it would leave a copy behind that nobody wipes.
 */
#include "net/outbuf.h"

#include <stdlib.h>

#include "base/mem.h"

#define OUTBUF_MIN	512u

void
outbuf_free(struct outbuf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	*b = (struct outbuf){ 0 };
}

static void
grow(struct outbuf *b, size_t more)
{
	size_t len = outbuf_len(b), cap = MAX(2 * (len + more), OUTBUF_MIN);
	char *p = xmalloc(cap);

	if (len > 0)
		memcpy(p, b->p + b->at, len);
	outbuf_free(b);
	*b = (struct outbuf){ .p = p, .end = len, .cap = cap };
}

void
outbuf_add(struct outbuf *b, struct view v)
{
	if (v.n == 0)
		return;
	if (v.n > b->cap - b->end) {
		if (b->at >= b->cap / 2 && v.n <= b->cap - outbuf_len(b)) {
			memmove(b->p, b->p + b->at, outbuf_len(b));
			b->end -= b->at;
			b->at = 0;
		} else {
			grow(b, v.n);
		}
	}
	memcpy(b->p + b->end, v.p, v.n);
	b->end += v.n;
}

void
outbuf_take(struct outbuf *b, size_t n)
{
	assert(n <= outbuf_len(b));
	b->at += n;
	if (b->at == b->end)
		outbuf_free(b);
}
