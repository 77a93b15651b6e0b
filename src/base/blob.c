/*
 * The bytes of a message behind a reference count.
 *
 * A blob is heap memory or a mapping.  blob_read() collects on the heap and moves
 * to an unlinked file (0600, in TMPDIR or /tmp) at the byte that passes
 * BLOB_HEAP_MAX; that file is mapped when it is complete, and since nobody else
 * can name it, nobody can cut it under the mapping (SIGBUS).
 *
 * Ceiling: BLOB_MAX.  The memory held while reading is BLOB_HEAP_MAX plus one
 * chunk.  The descriptor must block; EAGAIN is an error as any other.
 */
#include "base/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOB_MAGIC	0x626C6F62u
#define CHUNK		((size_t)64 << 10)	/* of a whole message */
#define CHUNK_HEADER	((size_t)8 << 10)	/* when only a header is wanted */

struct blob {
	uint32_t	magic;
	atomic_uint	refs;
	char		*p;
	size_t		n;
	bool		mapped;
};

/* One blob_read() in progress. */
struct intake {
	struct str	heap;		/* what has no place in the file yet */
	int		file;		/* -1: all is in heap */
	size_t		total;
	/* Where the header's end is looked for: */
	bool		in_line;	/* the current line has a byte */
	bool		begun;		/* a line that is not empty was seen */
	bool		after_cr;
	bool		header_seen;
};

static struct blob *
blob_new(char *p, size_t n, bool mapped)
{
	struct blob *b = xmalloc(sizeof(*b));

	b->magic = BLOB_MAGIC;
	atomic_init(&b->refs, 1);
	b->p = p;
	b->n = n;
	b->mapped = mapped;
	return b;
}

struct blob *
blob_copy(struct view v)
{
	return blob_new(xmemdup0(v.n > 0 ? v.p : "", v.n), v.n, false);
}

struct blob *
blob_take(struct str *s)
{
	size_t n = s->len;

	return blob_new(str_take(s), n, false);
}

struct blob *
blob_ref(struct blob *b)
{
	CHECK(b, BLOB_MAGIC);
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void
blob_free(struct blob **bp)
{
	struct blob *b = *bp;

	if (b == NULL)
		return;
	CHECK(b, BLOB_MAGIC);
	*bp = NULL;
	/* acq_rel: what other owners did with the bytes happens before the free. */
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (b->mapped)
		munmap(b->p, b->n);
	else
		free(b->p);
	b->magic = 0;
	free(b);
}

struct view
blob_view(const struct blob *b)
{
	if (b == NULL)
		return VIEW_NONE;
	CHECK(b, BLOB_MAGIC);
	return view_n(b->p, b->n);
}

/* An open file without a name, or -1 with errno. */
static int
open_unnamed(void)
{
	const char *dir = getenv("TMPDIR");
	char *path;
	int fd;

	if (dir == NULL || dir[0] == '\0')
		dir = "/tmp";
#ifdef O_TMPFILE
	fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
#endif
	/* Not every file system has O_TMPFILE. */
	path = xasprintf("%s/mailmill-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

/* Moves what is on the heap to the file. */
static int
spill(struct intake *in, struct err *e)
{
	size_t done = 0;

	if (in->file < 0 && (in->file = open_unnamed()) < 0)
		return err_sys(e, errno, "cannot make a temporary file for a message");
	while (done < in->heap.len) {
		ssize_t n = write(in->file, in->heap.p + done, in->heap.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "cannot write the temporary file of a message");
		done += (size_t)n;
	}
	str_reset(&in->heap);
	return 0;
}

/*
 * Follows the lines of p: the first empty one behind one that is not ends the
 * header (RFC 5322, 2.1); the reader of headers skips empty lines at the top.
 * A CR ends a line too, but only the byte behind it tells CR from CRLF.
 */
static void
watch_header(struct intake *in, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !in->header_seen; i++) {
		bool cr = p[i] == '\r', lf = p[i] == '\n';

		if (lf && in->after_cr) {
			in->after_cr = false;	/* the second half of CRLF */
			continue;
		}
		in->after_cr = cr;
		if (!cr && !lf) {
			in->in_line = in->begun = true;
			continue;
		}
		if (!in->in_line && in->begun)
			in->header_seen = true;
		in->in_line = false;
	}
}

/* 1: the end of the file, 0: there is more (or enough was read), -1: error. */
static int
take_in(struct intake *in, int fd, size_t upto, struct err *e)
{
	size_t chunk = upto > 0 ? CHUNK_HEADER : CHUNK;

	while (upto == 0 || (in->total < upto && !in->header_seen)) {
		size_t want = upto > 0 ? MIN(chunk, upto - in->total) : chunk;
		char *room = str_room(&in->heap, want);
		ssize_t n = room != NULL ? read(fd, room, want) : 0;

		if (room == NULL)
			return err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "message is too large");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "cannot read the message");
		if (n == 0)
			return 1;
		if (upto > 0)
			watch_header(in, room, (size_t)n);
		str_grew(&in->heap, (size_t)n);
		in->total += (size_t)n;
		if (in->total > BLOB_MAX)
			return err_set(e, ERR_LIMIT, SCOPE_MESSAGE,
			    "message is larger than %zu bytes", BLOB_MAX);
		if (in->total > BLOB_HEAP_MAX && spill(in, e) != 0)
			return -1;
	}
	return 0;
}

/* Is fd, after what was read, at the end?  Only a regular file can say so. */
static bool
at_end(int fd)
{
	struct stat st;
	off_t at = lseek(fd, 0, SEEK_CUR);

	return at >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && at >= st.st_size;
}

struct blob *
blob_read(int fd, size_t upto, bool *whole_r, struct err *e)
{
	struct intake in = { .file = -1 };
	struct blob *b = NULL;
	int end = take_in(&in, fd, upto, e);

	if (end < 0)
		goto out;
	*whole_r = end == 1 || at_end(fd);
	if (in.file < 0) {
		b = blob_take(&in.heap);
	} else {
		void *p = mmap(NULL, in.total, PROT_READ, MAP_PRIVATE, in.file, 0);

		if (p == MAP_FAILED)
			err_sys(e, errno, "cannot map the temporary file of a message");
		else
			b = blob_new(p, in.total, true);
	}
out:
	str_free(&in.heap);
	if (in.file >= 0)
		close(in.file);
	return b;
}
