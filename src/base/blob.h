/*
 * The bytes of a message, shared by reference.  Up to BLOB_HEAP_MAX they live on
 * the heap, above it in an unlinked temporary file of ours that is mapped: a file
 * of somebody else's is never mapped, since who truncates it would end the process.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include "base/err.h"
#include "base/str.h"

#define BLOB_HEAP_MAX	((size_t)1 << 20)
#define BLOB_MAX	((size_t)1 << 30)	/* larger: ERR_LIMIT */

struct blob;
struct blob *blob_copy(struct view v);			/* heap, whatever the size */
struct blob *blob_take(struct str *s);			/* takes the memory */
/*
 * Reads fd from its current offset: everything, or (upto > 0) at least up to the
 * end of the header (the first empty line) and then no more than needed, never
 * more than upto bytes.  *whole_r: the end of the file was reached.
 */
struct blob *blob_read(int fd, size_t upto, bool *whole_r, struct err *e) MUST_CHECK;
/* Thread-safe reference count. */
struct blob *blob_ref(struct blob *b);
void blob_free(struct blob **b);			/* drops one reference; NULL is fine */
struct view blob_view(const struct blob *b);		/* NULL gives VIEW_NONE */

#endif
