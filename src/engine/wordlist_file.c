/*
 * The file of a list: read as a whole, compared with what it was, and replaced as a
 * whole: written beside it, synced, renamed over it, so that there is always one or the
 * other.  A link is followed, its target replaced.  Limits: WORDLIST_MAX bytes.
 */
#include "engine/wordlist_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/wordlist.h"

static int
read_all(int fd, const char *path, struct str *out, struct err *e)
{
	for (;;) {
		char *room = str_room(out, 65536);
		ssize_t n;

		if (room == NULL)
			return err_set(e, ERR_LIMIT, SCOPE_PROGRAM, "list %s has more than %zu MiB",
			    path, WORDLIST_MAX >> 20);
		n = read(fd, room, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "list %s", path);
		if (n == 0)
			return 0;
		str_grew(out, (size_t)n);
	}
}

int
wordlist_file_read(const char *path, struct str *out, struct stat *st_r, struct err *e)
{
	/* O_NONBLOCK: a pipe of that name must not hold the program up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -1;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "there is no list %s", path);
	if (fd < 0)
		return err_sys(e, errno, "list %s", path);
	*out = str_limited(WORDLIST_MAX + 65536);
	if (fstat(fd, st_r) < 0)
		err_sys(e, errno, "list %s", path);
	else if (!S_ISREG(st_r->st_mode))
		err_set(e, ERR_USAGE, SCOPE_PROGRAM, "list %s is no regular file", path);
	else if (st_r->st_size > (off_t)WORDLIST_MAX)
		err_set(e, ERR_LIMIT, SCOPE_PROGRAM, "list %s has more than %zu MiB", path,
		    WORDLIST_MAX >> 20);
	else
		rc = read_all(fd, path, out, e);
	close(fd);
	return rc;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
wordlist_file_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static int
write_all(int fd, struct view v)
{
	while (v.n > 0) {
		ssize_t n = write(fd, v.p, v.n);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			v = view_from(v, (size_t)n);
	}
	return 0;
}

/* The rename is durable once its directory is; a system that cannot sync one is left alone. */
static void
sync_dir(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(copy);
}

int
wordlist_file_write(const char *path, struct view text, mode_t mode, struct err *e)
{
	char *real = realpath(path, NULL), *tmp = NULL;
	int fd = -1, rc = -1;

	if (real == NULL)
		return err_sys(e, errno, "list %s", path);
	tmp = xasprintf("%s.XXXXXX", real);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		err_sys(e, errno, "list %s", tmp);
		goto out;
	}
	rc = fchmod(fd, mode & 07777) < 0 || write_all(fd, text) < 0 || fsync(fd) < 0 ? -1 : 0;
	if (close(fd) < 0)
		rc = -1;
	if (rc == 0)
		rc = rename(tmp, real);
	if (rc < 0) {
		err_sys(e, errno, "list %s", path);
		(void)unlink(tmp);
	} else {
		sync_dir(real);
	}
out:
	free(tmp);
	free(real);
	return rc;
}
