/*
 * Bytes into a file that a template named: never over an existing file, never a half
 * written one.  The bytes go to a hidden temporary file beside the target (0600), are
 * made durable, and get their name by link(2), which refuses a name that is taken; then
 * "name-1.ext", "name-2.ext" ... are tried.  A later try of the same action (probe)
 * takes a file that holds the same bytes for its own, and removes the temporary file of
 * a try that was killed: it is named by the action's token.
 *
 * Runs on a work thread.  Folders are made as needed (0700).
 */
#include "engine/engine_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

#define SAVE_NAMES_MAX	10000u
#define SAVE_PATH_MAX	4000u

static int
make_folders(const char *path, struct err *e)
{
	char *copy = xstrdup(path);
	int rc = 0;

	for (char *p = strchr(copy + 1, '/'); p != NULL && rc == 0; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			rc = err_sys(e, errno, "the folder %s cannot be made", copy);
		*p = '/';
	}
	free(copy);
	return rc;
}

static int
write_all(int fd, struct view v)
{
	while (v.n > 0) {
		ssize_t n = write(fd, v.p, MIN(v.n, (size_t)1 << 24));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		v = view_from(v, (size_t)n);
	}
	return 0;
}

/* Does the file hold these bytes? */
static bool
same_bytes(const char *path, struct view bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char buf[65536];
	ssize_t n = 0;
	bool same;

	if (fd < 0)
		return false;
	same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == bytes.n;
	while (same && bytes.n > 0 && (n = read(fd, buf, MIN(sizeof(buf), bytes.n))) > 0) {
		same = memcmp(buf, bytes.p, (size_t)n) == 0;
		bytes = view_from(bytes, (size_t)n);
	}
	close(fd);
	return same && bytes.n == 0;
}

/* The i-th name to try: "a.pdf", "a-1.pdf", "a-2.pdf". */
static void
nth_name(struct str *out, const char *path, unsigned i)
{
	const char *base = strrchr(path, '/');
	const char *dot = strrchr(base != NULL ? base : path, '.');

	str_reset(out);
	if (i == 0) {
		str_adds(out, path);
	} else if (dot == NULL || dot == base + 1) {
		str_addf(out, "%s-%u", path, i);
	} else {
		str_add(out, path, (size_t)(dot - path));
		str_addf(out, "-%u%s", i, dot);
	}
}

static int
give_name(struct save_job *j, const char *tmp, const char *path)
{
	struct str name = STR_INIT;
	int rc = -1;

	for (unsigned i = 0; i < SAVE_NAMES_MAX; i++) {
		nth_name(&name, path, i);
		if (link(tmp, str_z(&name)) == 0) {
			rc = 0;
			break;
		}
		if (errno != EEXIST) {
			err_sys(&j->err, errno, "%s cannot be made", str_z(&name));
			break;
		}
	}
	if (rc == 0)
		j->path_r = str_take(&name);
	else if (!err_is(&j->err))
		err_set(&j->err, ERR_LIMIT, SCOPE_MESSAGE, "%u files named like %s exist already",
		    SAVE_NAMES_MAX, path);
	str_free(&name);
	return rc;
}

/* The folder's names are on disk. */
static int
sync_folder(const char *path, struct err *e)
{
	char *dir = xmemdup0(path, (size_t)(strrchr(path, '/') + 1 - path));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd >= 0 && fsync(fd) < 0)
		rc = err_sys(e, errno, "%s cannot be made durable", dir);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

/* The temporary file beside path; with a token a later try knows it again. */
static void
tmp_name(struct str *out, const char *path, const char *token)
{
	unsigned char rnd[8];
	char hex[17];

	str_reset(out);
	str_add(out, path, (size_t)(strrchr(path, '/') + 1 - path));
	random_bytes(rnd, sizeof(rnd));
	hex_of(rnd, sizeof(rnd), hex);
	str_addf(out, ".mailmill-%s", token != NULL ? token : hex);
}

static int
open_tmp(const struct save_job *j, struct str *tmp, const char *path)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd;

	tmp_name(tmp, path, j->token);
	fd = open(str_z(tmp), flags, 0600);
	if (fd >= 0 || errno != EEXIST || j->token == NULL)
		return fd;
	tmp_name(tmp, path, NULL);	/* a program may be at the same */
	return open(str_z(tmp), flags, 0600);
}

static int
save_new(struct save_job *j, const char *path)
{
	struct str tmp = STR_INIT;
	int fd = open_tmp(j, &tmp, path), rc = -1;

	if (fd < 0) {
		err_sys(&j->err, errno, "%s cannot be written", str_z(&tmp));
		str_free(&tmp);
		return -1;
	}
	if (write_all(fd, j->bytes) < 0 || fsync(fd) < 0)
		err_sys(&j->err, errno, "%s cannot be written", str_z(&tmp));
	else
		rc = give_name(j, str_z(&tmp), path);
	close(fd);
	unlink(str_z(&tmp));
	str_free(&tmp);
	return rc == 0 ? sync_folder(path, &j->err) : -1;
}

/* What a try that was cut short has left beside path. */
static void
drop_tmp(const struct save_job *j, const char *path)
{
	struct str tmp = STR_INIT;

	if (j->token == NULL)
		return;
	tmp_name(&tmp, path, j->token);
	unlink(str_z(&tmp));
	str_free(&tmp);
}

/* An earlier try may have come so far: looks for its file among the names it can have. */
static bool
save_adopt(struct save_job *j, const char *path)
{
	struct str name = STR_INIT;
	bool found = false;

	for (unsigned i = 0; i < SAVE_NAMES_MAX && !found; i++) {
		nth_name(&name, path, i);
		if (access(str_z(&name), F_OK) < 0)
			break;
		found = same_bytes(str_z(&name), j->bytes);
	}
	if (found) {
		j->path_r = str_take(&name);
		j->adopted = true;
	}
	str_free(&name);
	return found;
}

static void
save_at(struct save_job *j, const char *path)
{
	if (j->probe)
		drop_tmp(j, path);
	if (!j->probe || !save_adopt(j, path))
		save_new(j, path);
	else
		sync_folder(path, &j->err);	/* the try that made it may have died before */
}

void
save_run(void *arg)
{
	struct save_job *j = arg;
	struct str path = str_limited(SAVE_PATH_MAX);

	str_adds(&path, j->path);
	if (path.len > 0 && path.p[path.len - 1] == '/')
		str_adds(&path, j->safe_name);
	if (path.over || path.len == 0 || path.p[0] != '/')
		err_set(&j->err, ERR_USAGE, SCOPE_MESSAGE, "not a path to save to: \"%s\"", j->path);
	else if (make_folders(path.p, &j->err) == 0)
		save_at(j, path.p);
	str_free(&path);
}
