/*
 * credential_read: the first line of something, of a file that nobody else may read, and
 * of a terminal without echo.
 *
 * A file counts by what its descriptor says, so a symbolic link is followed and cannot be
 * changed in between.  Read by others is refused: its owner should know.  Root's group may
 * read root's file, which is how systemd hands out credentials.
 *
 * The terminal is the process's own, never stdin.  One is asked by one at a time: a lock on
 * it holds between the threads of this process and between processes.  The wait looks at
 * *stop ten times a second, so that an end of the program restores the echo.
 */
#include "source/credential_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"

#define TTY		"/dev/tty"
#define LOOK_MS		100
#define PROMPT_CHARS	200

int
credential_first_line(struct secret *out, struct view bytes, bool whole, struct err *e)
{
	ptrdiff_t end = view_chr(bytes, '\n');
	struct view line = end >= 0 ? view_sub(bytes, 0, (size_t)end) : bytes;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if ((end < 0 && !whole) || line.n > SECRET_MAX)
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT, "the first line is over %zu kB",
		    SECRET_MAX >> 10);
	if (line.n == 0)
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT, "the first line is empty");
	if (view_chr(line, '\0') >= 0)
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT, "there is a NUL byte in it");
	secret_add(out, line);
	if (secret_over(out))
		return err_set(e, ERR_SYSTEM, SCOPE_ACCOUNT, "no memory for a secret");
	return 0;
}

/* ---- a file */

static int
sys(struct err *e, int errnum, const char *path)
{
	err_sys(e, errnum, "password file %s", path);
	e->kind = ERR_AUTH;
	e->scope = SCOPE_ACCOUNT;
	return -1;
}

static int
check_file(int fd, const char *path, struct err *e)
{
	struct stat st;
	mode_t loose = S_IRWXG | S_IRWXO;

	if (fstat(fd, &st) != 0)
		return sys(e, errno, path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT, "password file %s: it is no regular file",
		    path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT,
		    "password file %s: it belongs to another user", path);
	if (st.st_uid == 0 && st.st_gid == 0)
		loose &= ~(mode_t)S_IRGRP;
	if (st.st_mode & loose)
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT,
		    "password file %s: others have access to it; chmod 600 %s", path, path);
	return 0;
}

/* Up to n bytes; -1: errno. */
static ssize_t
read_up_to(int fd, char *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = read(fd, p + got, n - got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (ssize_t)got;
}

int
credential_read_file(struct secret *out, const char *path, struct err *e)
{
	char bytes[SECRET_MAX + 2];		/* and CRLF */
	ssize_t n;
	int fd, rc = -1;

	/* What is no file must not be waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return sys(e, errno, path);
	if (check_file(fd, path, e) != 0)
		goto out;
	n = read_up_to(fd, bytes, sizeof(bytes));
	if (n < 0) {
		sys(e, errno, path);
		goto out;
	}
	rc = credential_first_line(out, view_n(bytes, (size_t)n), (size_t)n < sizeof(bytes), e);
	if (rc != 0)
		err_prefix(e, "password file %s", path);
	secret_wipe(bytes, (size_t)n);
out:
	close(fd);
	return rc;
}

/* ---- a terminal */

static int
tty_fail(struct err *e, const char *prompt, const char *why)
{
	return err_set(e, ERR_AUTH, SCOPE_ACCOUNT, "cannot ask for %s: %s", prompt, why);
}

/* 0: it is ours. */
static int
tty_lock(int fd, const atomic_bool *stop)
{
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return 0;		/* a system that does not lock those */
		if (atomic_load(stop))
			return 1;
		poll(NULL, 0, LOOK_MS);
	}
	return 0;
}

static void
tty_say(int fd, const char *prompt)
{
	struct str s = STR_INIT;

	str_adds(&s, "mailmill: ");
	utf8_printable(&s, view_of(prompt), PROMPT_CHARS);
	str_adds(&s, ": ");
	(void)!write(fd, s.p, s.len);
	str_free(&s);
}

/* One line, as far as it has come. */
static int
tty_line(int fd, struct secret *out, const char *prompt, const atomic_bool *stop, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c[1024];
	ssize_t n;

	for (;;) {
		struct view got;
		ptrdiff_t end;

		if (atomic_load(stop))
			return 1;
		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		n = read(fd, c, sizeof(c));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return tty_fail(e, prompt, "the terminal gave no answer");
		got = view_n(c, (size_t)n);
		end = view_chr(got, '\n');
		secret_add(out, end >= 0 ? view_sub(got, 0, (size_t)end) : got);
		secret_wipe(c, sizeof(c));
		if (end >= 0)
			break;
	}
	if (secret_len(out) == 0 || secret_over(out))
		return tty_fail(e, prompt, "nothing useful was typed");
	return 0;
}

int
credential_read_tty(struct secret *out, const char *prompt, const atomic_bool *stop,
	struct err *e)
{
	struct termios was, mute;
	int fd = open(TTY, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

	if (fd < 0)
		return tty_fail(e, prompt, "there is no terminal");
	if ((rc = tty_lock(fd, stop)) != 0)
		goto out;
	/* From the background a terminal stops who touches it. */
	if (tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &was) != 0) {
		rc = tty_fail(e, prompt, "the program runs in the background");
		goto out;
	}
	mute = was;
	mute.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	mute.c_lflag |= ICANON | ISIG;
	mute.c_iflag |= ICRNL;
	if (tcsetattr(fd, TCSAFLUSH, &mute) != 0) {
		rc = tty_fail(e, prompt, "the terminal's echo cannot be turned off");
		goto out;
	}
	tty_say(fd, prompt);
	rc = tty_line(fd, out, prompt, stop, e);
	tcsetattr(fd, TCSADRAIN, &was);
	(void)!write(fd, "\n", 1);
out:
	close(fd);
	return rc;
}
