/* An intrusive doubly linked ring.  The head is a link too; empty points to itself. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/base.h"

struct link { struct link *next, *prev; };

static inline void list_init(struct link *h) { h->next = h->prev = h; }
static inline bool list_empty(const struct link *h) { return h->next == h; }
static inline void list_append(struct link *h, struct link *l)
{ l->next = h; l->prev = h->prev; h->prev->next = l; h->prev = l; }
static inline void list_prepend(struct link *h, struct link *l)
{ l->prev = h; l->next = h->next; h->next->prev = l; h->next = l; }
/* Safe to call twice. */
static inline void list_remove(struct link *l)
{ l->next->prev = l->prev; l->prev->next = l->next; l->next = l->prev = l; }
#define LIST_ITEM(l, type, member)	CONTAINER_OF(l, type, member)
/* The body may remove `it`. */
#define LIST_EACH(h, it) \
	for (struct link *it = (h)->next, *it##_next = it->next; it != (h); \
	    it = it##_next, it##_next = it->next)

#endif
