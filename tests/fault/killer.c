/*
 * Kills a program at its n-th call that changes something on disk (LD_PRELOAD).
 *
 * Counted, over all threads: opens that may create, writes to regular files (1 and 2 are
 * the log and do not count), rename, link, unlink, mkdir, rmdir, truncate, sync and the
 * setting of times.  What is read, sockets, pipes and eventfds do not count.
 *
 *   FAULT_AT=N       SIGKILL at call N (0 or none: only count)
 *   FAULT_WHEN=      before (the call does not happen), after (it has), or late: before,
 *                    but the other threads get LATE_MS to go on, so that what should
 *                    have waited for this call is on disk without it
 *   FAULT_ONLY=TEXT  count only the calls on paths that hold TEXT
 *   FAULT_TRACE=F    a line "N call path" for each counted call into F
 *   FAULT_COUNT=F    the number of calls into F, at a normal exit
 *
 * At a point that is not "late" every other counted call stops, too: what is on disk is
 * what was there at this instant.  fsync and its kin count but do nothing: a process
 * that dies loses nothing that the kernel has, and the tests are many times faster.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define LATE_MS		40
#define PATH_BYTES	4200

enum when { BEFORE, AFTER, LATE };

static atomic_long count;
static atomic_int dying;
static long kill_at;
static enum when kill_when;
static const char *only, *count_file;
static int trace_fd = -1;

/* The function of this name that would have been called without us. */
static void *
real(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (fn == NULL)
		abort();
	return fn;
}
#define REAL(fn) ((__typeof__(&fn))real(#fn))

static void
pause_ms(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

static void
die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause_ms(1000);
}

__attribute__((constructor)) static void
begin(void)
{
	const char *at = getenv("FAULT_AT"), *when = getenv("FAULT_WHEN");
	const char *trace = getenv("FAULT_TRACE");

	kill_at = at != NULL ? atol(at) : 0;
	kill_when = when == NULL || strcmp(when, "before") == 0 ? BEFORE :
	    strcmp(when, "after") == 0 ? AFTER : LATE;
	only = getenv("FAULT_ONLY");
	count_file = getenv("FAULT_COUNT");
	if (trace != NULL)
		trace_fd = REAL(open)(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	unsetenv("LD_PRELOAD");	/* children are not meant */
}

__attribute__((destructor)) static void
end(void)
{
	int fd = count_file == NULL ? -1 :
	    REAL(open)(count_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", atomic_load(&count));

	if (fd >= 0 && REAL(write)(fd, text, (size_t)n) == n)
		close(fd);
}

/* The path of dir (or, without path, of the descriptor itself) and path. */
static void
path_of(char out[PATH_BYTES], int dir, const char *path)
{
	char link[64];
	ssize_t n = 0;

	if (dir != AT_FDCWD && (path == NULL || path[0] != '/')) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		n = readlink(link, out, PATH_BYTES - 1);
		if (n < 0)
			n = 0;
	}
	snprintf(out + n, PATH_BYTES - (size_t)n, "%s%s", n > 0 && path != NULL ? "/" : "",
	    path != NULL ? path : "");
}

/* The number of this call, or 0 when it does not count; does not return from a point before. */
static long
enter(const char *call, int dir, const char *path)
{
	char name[PATH_BYTES], line[PATH_BYTES + 64];
	int saved = errno, len;
	long n;

	if (only != NULL || trace_fd >= 0)
		path_of(name, dir, path);
	if (only != NULL && strstr(name, only) == NULL)
		return 0;
	if (atomic_load(&dying))
		die();
	n = atomic_fetch_add(&count, 1) + 1;
	if (trace_fd >= 0) {
		len = snprintf(line, sizeof(line), "%ld %s %s\n", n, call, name);
		if (REAL(write)(trace_fd, line, (size_t)len) != len)
			abort();
	}
	if (n == kill_at && kill_when == LATE) {
		pause_ms(LATE_MS);
		die();
	}
	if (n == kill_at && kill_when == BEFORE) {
		atomic_store(&dying, 1);
		die();
	}
	errno = saved;
	return n;
}

static void
leave(long n)
{
	if (n == 0 || n != kill_at)
		return;
	atomic_store(&dying, 1);
	die();
}

/* Does a write to this descriptor count? */
static int
counts(int fd)
{
	struct stat st;
	int saved = errno, yes;

	yes = fd > 2 && fd != trace_fd && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	errno = saved;
	return yes;
}

/* A call whose arguments are ready: rc = the real one between enter() and leave(). */
#define CALL(type, call, dir, path, expr) do {				\
	long n_ = enter(call, dir, path);				\
	type rc_ = (expr);						\
	int errno_ = errno;						\
	leave(n_);							\
	errno = errno_;							\
	return rc_;							\
} while (0)

/* ---- opening */

#define OPEN(name)							\
int name(const char *path, int flags, ...)				\
{									\
	va_list ap;							\
	mode_t mode = 0;						\
									\
	if ((flags & O_CREAT) == 0 && (flags & O_TMPFILE) != O_TMPFILE)			\
		return REAL(name)(path, flags);				\
	va_start(ap, flags);						\
	mode = va_arg(ap, mode_t);					\
	va_end(ap);							\
	if ((flags & O_CREAT) == 0)					\
		return REAL(name)(path, flags, mode);			\
	CALL(int, "open", AT_FDCWD, path, REAL(name)(path, flags, mode));	\
}

#define OPENAT(name)							\
int name(int dir, const char *path, int flags, ...)			\
{									\
	va_list ap;							\
	mode_t mode = 0;						\
									\
	if ((flags & O_CREAT) == 0 && (flags & O_TMPFILE) != O_TMPFILE)			\
		return REAL(name)(dir, path, flags);			\
	va_start(ap, flags);						\
	mode = va_arg(ap, mode_t);					\
	va_end(ap);							\
	if ((flags & O_CREAT) == 0)					\
		return REAL(name)(dir, path, flags, mode);		\
	CALL(int, "open", dir, path, REAL(name)(dir, path, flags, mode));	\
}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* ---- bytes */

ssize_t
write(int fd, const void *p, size_t n)
{
	if (!counts(fd))
		return REAL(write)(fd, p, n);
	CALL(ssize_t, "write", fd, NULL, REAL(write)(fd, p, n));
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	if (!counts(fd))
		return REAL(writev)(fd, v, n);
	CALL(ssize_t, "write", fd, NULL, REAL(writev)(fd, v, n));
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (!counts(fd))
		return REAL(pwrite)(fd, p, n, at);
	CALL(ssize_t, "write", fd, NULL, REAL(pwrite)(fd, p, n, at));
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	if (!counts(fd))
		return REAL(pwrite64)(fd, p, n, at);
	CALL(ssize_t, "write", fd, NULL, REAL(pwrite64)(fd, p, n, at));
}

int
ftruncate(int fd, off_t n)
{
	CALL(int, "truncate", fd, NULL, REAL(ftruncate)(fd, n));
}

int
ftruncate64(int fd, off64_t n)
{
	CALL(int, "truncate", fd, NULL, REAL(ftruncate64)(fd, n));
}

int
fsync(int fd)
{
	CALL(int, "sync", fd, NULL, 0);
}

int
fdatasync(int fd)
{
	CALL(int, "sync", fd, NULL, 0);
}

int
futimens(int fd, const struct timespec t[2])
{
	CALL(int, "times", fd, NULL, REAL(futimens)(fd, t));
}

int
utimensat(int dir, const char *path, const struct timespec t[2], int flags)
{
	CALL(int, "times", dir, path, REAL(utimensat)(dir, path, t, flags));
}

/* ---- names; of two, the new one is the path that is told */

int
rename(const char *from, const char *to)
{
	CALL(int, "rename", AT_FDCWD, to, REAL(rename)(from, to));
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	CALL(int, "rename", to_dir, to, REAL(renameat)(from_dir, from, to_dir, to));
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	CALL(int, "rename", to_dir, to, REAL(renameat2)(from_dir, from, to_dir, to, flags));
}

int
link(const char *from, const char *to)
{
	CALL(int, "link", AT_FDCWD, to, REAL(link)(from, to));
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	CALL(int, "link", to_dir, to, REAL(linkat)(from_dir, from, to_dir, to, flags));
}

int
unlink(const char *path)
{
	CALL(int, "unlink", AT_FDCWD, path, REAL(unlink)(path));
}

int
unlinkat(int dir, const char *path, int flags)
{
	CALL(int, "unlink", dir, path, REAL(unlinkat)(dir, path, flags));
}

int
mkdir(const char *path, mode_t mode)
{
	CALL(int, "mkdir", AT_FDCWD, path, REAL(mkdir)(path, mode));
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	CALL(int, "mkdir", dir, path, REAL(mkdirat)(dir, path, mode));
}

int
rmdir(const char *path)
{
	CALL(int, "rmdir", AT_FDCWD, path, REAL(rmdir)(path));
}
