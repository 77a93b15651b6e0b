/* Bump memory for one reply, one message or one compiled object: freed as a whole. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;
/* Zeroed is valid and empty. */
struct arena {
	struct arena_block	*head;
	size_t			 total;	/* bytes handed out */
};

/* Zeroed memory aligned for any type.  Never NULL. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
#define ARENA_NEW(a, type)	((type *)arena_alloc((a), sizeof(type)))
char *arena_dupz(struct arena *a, const char *z) __attribute__((returns_nonnull));
/* A NUL-terminated copy as a view. */
struct view arena_dup(struct arena *a, struct view v);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
void arena_free(struct arena *a);	/* back to empty */

#endif
