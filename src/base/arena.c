/*
 * Bump memory.  Blocks double from 512 bytes to 32 KiB; the head is the one in
 * use.  What would waste a good part of a block gets one of its own, behind the
 * head, so that the head's rest stays in use.  Nothing is freed singly.
 * There is no ceiling here: who lets input decide looks at "total".
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define ALIGN		alignof(max_align_t)
#define BLOCK_MIN	((size_t)512)
#define BLOCK_MAX	((size_t)32 << 10)

/* Invariant: used <= size; the bytes from used on are zero. */
struct arena_block {
	struct arena_block	*next;
	size_t			 size;
	size_t			 used;
	alignas(max_align_t) char mem[];
};

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	return b;
}

/* The block that has n bytes left: the head, a new head, or one of its own. */
static struct arena_block *
block_with(struct arena *a, size_t n)
{
	struct arena_block	*b, *head = a->head;
	size_t			 size;

	if (head != NULL && n <= head->size - head->used)
		return head;
	size = head == NULL ? BLOCK_MIN : MIN(2 * head->size, BLOCK_MAX);
	if (head != NULL && n > size / 4) {
		b = block_new(n);
		b->next = head->next;
		head->next = b;
		return b;
	}
	b = block_new(MAX(size, n));
	b->next = head;
	a->head = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct arena_block	*b;
	void			*p;

	/* No ceiling of ours lets a size come near; the sums below may not wrap. */
	assert(n < SIZE_MAX / 4);
	n = MAX((n + ALIGN - 1) / ALIGN * ALIGN, ALIGN);
	b = block_with(a, n);
	p = b->mem + b->used;
	b->used += n;
	a->total += n;
	return p;
}

char *
arena_dupz(struct arena *a, const char *z)
{
	size_t n = strlen(z) + 1;

	return memcpy(arena_alloc(a, n), z, n);
}

struct view
arena_dup(struct arena *a, struct view v)
{
	char *copy = arena_alloc(a, v.n + 1);

	if (v.n > 0)
		memcpy(copy, v.p, v.n);
	return view_n(copy, v.n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	char	*s;
	int	 n;
	va_list	 ap;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);		/* fails above INT_MAX only */
	s = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_free(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){ 0 };
}
