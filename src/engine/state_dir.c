/*
 * The folder of the state: who may look into it, who works in it, and the spool.
 *
 * The folder is ours alone (0700, security.md "State"); what is looser, a symlink or
 * somebody else's is refused, never repaired: it may have been read already.  The lock
 * is the kernel's (flock), so a process that died leaves none behind; the pid in the
 * file is for people only.
 *
 * A spool file is written under another name, synced and renamed; the folder is
 * synced once for a batch.  A rename without its commit leaves a file that the sweep
 * at the next start removes.
 */
#include "engine/state_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* What lstat() found at path must be ours alone. */
static int
check_ours(const char *path, const struct stat *st, bool folder, struct err *e)
{
	if (S_ISLNK(st->st_mode))
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "%s is a symbolic link; the state must be a %s of its own", path,
		    folder ? "directory" : "file");
	if (folder ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "%s is no %s", path,
		    folder ? "directory" : "regular file");
	if (st->st_uid != geteuid())
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "%s belongs to another user (uid %lu)", path, (unsigned long)st->st_uid);
	if ((st->st_mode & 077) != 0)
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "%s is open to other users (mode %03o); do: chmod %s %s", path,
		    (unsigned)st->st_mode & 0777, folder ? "700" : "600", path);
	return 0;
}

/* One folder: made if it is missing, else looked at if it is to be ours. */
static int
make_folder(const char *path, bool ours, struct err *e)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST) {
		err_sys(e, errno, "cannot make the directory %s", path);
		e->scope = SCOPE_PROGRAM;
		return -1;
	}
	if (!ours)
		return 0;
	if (lstat(path, &st) != 0)
		return err_sys(e, errno, "cannot look at %s", path);
	return check_ours(path, &st, true, e);
}

/* The folders above dir are made if they are missing; those that are there may be anybody's. */
static int
make_parents(char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return 0;
	for (char *p = path + 1; *p != '\0'; p++) {
		int rc;

		if (*p != '/')
			continue;
		*p = '\0';
		rc = stat(path, &st) == 0 ? 0 : make_folder(path, false, e);
		*p = '/';
		if (rc != 0)
			return -1;
	}
	return 0;
}

int
state_dir_check(const char *dir, const char *name, struct err *e)
{
	char *path = xstrdup(dir);
	size_t n = strlen(path);
	const char *slash = strrchr(name, '/');
	int rc = -1;

	/* "DIR/" would be looked at behind a link. */
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	if (n == 0) {
		err_set(e, ERR_USAGE, SCOPE_PROGRAM, "the state has no directory");
		goto out;
	}
	if (make_parents(path, e) != 0 || make_folder(path, true, e) != 0)
		goto out;
	if (slash != NULL) {
		char *sub = xasprintf("%s/%.*s", path, (int)(slash - name), name);

		rc = make_folder(sub, true, e);
		free(sub);
		goto out;
	}
	rc = 0;
out:
	free(path);
	return rc;
}

/* Opens for reading and writing, made 0600 if it is missing; -1 unless it is ours. */
static int
open_ours(const char *path, struct err *e)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "%s is a symbolic link; the state must be a file of its own", path);
	if (fd < 0 || fstat(fd, &st) != 0) {
		err_sys(e, errno, "cannot open %s", path);
		e->scope = SCOPE_PROGRAM;
	} else if (check_ours(path, &st, false, e) == 0) {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int
state_dir_file(const char *path, struct err *e)
{
	int fd = open_ours(path, e);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int
lock_held(int fd, const char *dir, long *pid_r, struct err *e)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid;

	text[n > 0 ? n : 0] = '\0';
	pid = strtol(text, NULL, 10);
	if (pid_r != NULL)
		*pid_r = pid > 0 ? pid : 0;
	if (pid > 0)
		return err_set(e, ERR_HELD, SCOPE_PROGRAM, "the state in %s is in use by process %ld",
		    dir, pid);
	return err_set(e, ERR_HELD, SCOPE_PROGRAM, "the state in %s is in use by another process",
	    dir);
}

int
state_dir_lock(const char *dir, const char *path, long *pid_r, struct err *e)
{
	int fd = open_ours(path, e), rc;
	char text[32];

	if (fd < 0)
		return -1;
	do
		rc = flock(fd, LOCK_EX | LOCK_NB);
	while (rc != 0 && errno == EINTR);
	if (rc != 0 && errno == EWOULDBLOCK) {
		lock_held(fd, dir, pid_r, e);
	} else if (rc != 0) {
		err_sys(e, errno, "cannot lock %s", path);
	} else {
		int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

		if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n)
			return fd;
		err_sys(e, errno, "cannot write %s", path);
	}
	close(fd);
	return -1;
}

/* ---- spool */

/* The alphabet of a token (source.h); a leading "." is kept for what is being written. */
bool
spool_name_ok(const char *token)
{
	size_t n = token != NULL ? strlen(token) : 0;

	return n >= 1 && n <= 120 && token[0] != '.' &&
	    strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static int
write_all(int fd, struct view v)
{
	size_t done = 0;

	while (done < v.n) {
		ssize_t n = write(fd, v.p + done, v.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return fsync(fd);
}

int
spool_write(struct db *db, const char *token, struct view bytes, struct err *e)
{
	char *tmp, *path;
	int fd, rc = -1;

	if (!spool_name_ok(token))
		return err_set(e, ERR_SYSTEM, SCOPE_PROGRAM, "\"%s\" is no name for the spool",
		    token != NULL ? token : "");
	if (!db->spool_there && make_folder(db->spool, true, e) != 0)
		return -1;
	db->spool_there = true;
	path = xasprintf("%s/%s", db->spool, token);
	tmp = xasprintf("%s/.%s", db->spool, token);
	fd = open(tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && write_all(fd, bytes) == 0 && rename(tmp, path) == 0) {
		rc = 0;
	} else {
		err_sys(e, errno, "cannot write %s", tmp);
		unlink(tmp);
	}
	if (fd >= 0)
		close(fd);
	free(tmp);
	free(path);
	return rc;
}

/* A name is on disk when its folder is. */
int
spool_sync(struct db *db, struct err *e)
{
	int fd = open(db->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), rc = 0;

	if (fd < 0 || fsync(fd) != 0)
		rc = err_sys(e, errno, "cannot sync %s", db->spool);
	if (fd >= 0)
		close(fd);
	return rc;
}

struct blob *
spool_read(struct db *db, const char *token, struct err *e)
{
	struct blob *b = NULL;
	char *path;
	bool whole;
	int fd;

	if (!spool_name_ok(token)) {
		err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "\"%s\" is no name of the spool",
		    token != NULL ? token : "");
		return NULL;
	}
	path = xasprintf("%s/%s", db->spool, token);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		err_sys(e, errno, "cannot open %s", path);
	else
		b = blob_read(fd, 0, &whole, e);
	if (fd >= 0)
		close(fd);
	free(path);
	return b;
}

void
spool_remove(struct db *db, const char *token)
{
	char *path;

	if (!spool_name_ok(token))
		return;
	path = xasprintf("%s/%s", db->spool, token);
	unlink(path);
	free(path);
}

void
spool_sweep(struct db *db, bool (*keep)(void *arg, const char *token), void *arg)
{
	DIR *d = opendir(db->spool);
	struct dirent *de;

	if (d == NULL)
		return;
	while ((de = readdir(d)) != NULL) {
		const char *name = de->d_name[0] == '.' ? de->d_name + 1 : de->d_name;

		/* "." and ".." and what is not of ours stay. */
		if (spool_name_ok(name) && (name != de->d_name || !keep(arg, name)))
			unlinkat(dirfd(d), de->d_name, 0);
	}
	closedir(d);
}
