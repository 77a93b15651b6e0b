/*
 * Keywords as letters: "dovecot-keywords" in a mailbox has lines "N name", N 0..25
 * for a..z.  Read when a stage opens the mailbox, changed under Dovecot's own lock
 * ("dovecot-keywords.lock", made with O_EXCL, which becomes the new file by rename),
 * so that both programs may add at once.  26 keywords a mailbox is the format's
 * ceiling; the file is read up to 64 KiB.
 *
 * A killed process must not keep the mailbox locked: a lock of ours is made with a mode
 * that nobody else gives it (0400) and held by flock(2), which ends with its owner.  One
 * with that mode that nobody holds is removed; one of another program only by its age.
 */
#include "source/maildir_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scan.h"

#define FILE_MAX	((size_t)64 << 10)
#define LOCK_TRIES	40
#define LOCK_WAIT_MS	50
#define LOCK_STALE_S	300	/* its owner writes one small file: it is dead */
#define LOCK_MODE	0400	/* of ours */

void
maildir_keywords_free(struct maildir_keywords *k)
{
	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++)
		free(k->name[i]);
	*k = (struct maildir_keywords){ 0 };
}

static void
parse(struct maildir_keywords *k, struct view text)
{
	struct scan s = scan_of(text);

	while (!scan_done(&s)) {
		struct scan line = scan_of(scan_until(&s, "\n"));
		uint64_t n = 0;

		scan_char(&s, '\n');
		if (!scan_number(&line, MAILDIR_KEYWORDS - 1, &n) || !scan_char(&line, ' '))
			continue;
		if (scan_done(&line) || scan_rest(&line).n > KEYWORD_MAX)
			continue;
		free(k->name[n]);
		k->name[n] = view_dup(view_trim(scan_rest(&line)));
	}
}

/* 0, or an errno; a missing file is an empty table. */
static int
read_file(const char *path, struct maildir_keywords *k)
{
	struct str text = str_limited(FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), errnum = 0;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	for (;;) {
		char buf[4096];

		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		str_add(&text, buf, (size_t)n);
		if (text.over)
			break;
	}
	if (n < 0)
		errnum = errno;
	else
		parse(k, str_view(&text));
	close(fd);
	str_free(&text);
	return errnum;
}

void
maildir_keywords_read(struct maildir_place *p, struct log *log)
{
	char *path = xasprintf("%s/dovecot-keywords", p->path);
	int errnum;

	maildir_keywords_free(&p->keywords);
	errnum = read_file(path, &p->keywords);
	if (errnum != 0)
		log_warn(log, "mailbox '%s': keywords cannot be read: %s: %s", p->name, path,
		    strerror(errnum));
	free(path);
}

void
maildir_keywords_names(const struct maildir_keywords *k, uint32_t bits, struct flags *flags)
{
	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++) {
		if ((bits >> i & 1) != 0 && k->name[i] != NULL)
			flags_add(flags, 0, view_of(k->name[i]));
	}
}

uint32_t
maildir_keywords_find(const struct maildir_keywords *k, const char *name)
{
	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++) {
		if (k->name[i] != NULL && view_iis(view_of(k->name[i]), name))
			return 1u << i;
	}
	return 0;
}

/* Holds fd what the name stands for, and nobody else? */
static bool
hold(int fd, const char *lock)
{
	struct stat here, there;

	errno = 0;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &here) == 0 &&
	    lstat(lock, &there) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* True when the lock was of a process that died, and is gone now. */
static bool
break_lock(const char *lock)
{
	int fd = open(lock, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool broken = false;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		broken = fd < 0 && errno == ENOENT;
	else if (((st.st_mode & 07777) == LOCK_MODE && hold(fd, lock)) ||
	    clock_wall_ms() / 1000 - st.st_mtime > LOCK_STALE_S)
		broken = unlink(lock) == 0;
	if (fd >= 0)
		close(fd);
	return broken;
}

/* The lock is the file to be. */
static int
lock_file(const char *lock, struct err *e)
{
	struct timespec wait = { .tv_nsec = LOCK_WAIT_MS * 1000000L };

	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, LOCK_MODE);

		if (fd >= 0 && (hold(fd, lock) || errno == ENOLCK || errno == EOPNOTSUPP))
			return fd;	/* without flock(2) here there is the age alone */
		if (fd >= 0)
			close(fd);	/* broken by another before it was held */
		else if (errno != EEXIST)
			return err_sys(e, errno, "%s", lock);
		else if (!break_lock(lock))
			nanosleep(&wait, NULL);
	}
	err_set(e, ERR_SYSTEM, SCOPE_MAILBOX, "%s: another program holds it", lock);
	if (e != NULL)
		e->temporary = true;
	return -1;
}

static int
write_file(int fd, const struct maildir_keywords *k)
{
	struct str text = STR_INIT;
	int errnum = 0;

	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++) {
		if (k->name[i] != NULL)
			str_addf(&text, "%zu %s\n", i, k->name[i]);
	}
	if (write(fd, text.p, text.len) != (ssize_t)text.len)
		errnum = errno != 0 ? errno : ENOSPC;
	else if (fsync(fd) != 0)
		errnum = errno;
	str_free(&text);
	return errnum;
}

/* Under the lock: read again, take the lowest free letter, write. */
static int
add(struct maildir_place *p, const char *path, int fd, const char *name, struct err *e)
{
	struct maildir_keywords *k = &p->keywords;
	int errnum;
	size_t i = 0;

	maildir_keywords_free(k);
	errnum = read_file(path, k);
	if (errnum != 0)
		return err_sys(e, errnum, "%s", path);
	if (maildir_keywords_find(k, name) == 0) {
		while (i < MAILDIR_KEYWORDS && k->name[i] != NULL)
			i++;
		if (i == MAILDIR_KEYWORDS)
			return err_set(e, ERR_LIMIT, SCOPE_MAILBOX, "mailbox '%s': a Maildir holds "
			    "%u keywords, '%s' would be one more", p->name, MAILDIR_KEYWORDS, name);
		k->name[i] = xstrdup(name);
	}
	errno = 0;
	errnum = write_file(fd, k);
	return errnum == 0 ? 0 : err_sys(e, errnum, "%s.lock", path);
}

int
maildir_keywords_need(struct maildir_place *p, const char *name, uint32_t *bit_r, struct err *e)
{
	char *path, *lock;
	int fd, rc = -1;

	*bit_r = maildir_keywords_find(&p->keywords, name);
	if (*bit_r != 0)
		return 0;
	path = xasprintf("%s/dovecot-keywords", p->path);
	lock = xasprintf("%s.lock", path);
	fd = lock_file(lock, e);
	if (fd < 0)
		goto out;
	rc = add(p, path, fd, name, e);
	if (rc == 0 && rename(lock, path) != 0)
		rc = err_sys(e, errno, "%s", path);
	if (rc == 0) {
		(void)fchmod(fd, 0600);	/* else it is there, but cannot be written to */
	} else {
		unlink(lock);
		maildir_keywords_read(p, NULL);
	}
	close(fd);
	*bit_r = maildir_keywords_find(&p->keywords, name);
out:
	free(path);
	free(lock);
	return rc;
}

uint32_t
maildir_keywords_translate(const struct maildir_place *from, struct maildir_place *to,
	uint32_t bits, struct log *log)
{
	uint32_t out = 0, bit;

	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++) {
		const char *name = from->keywords.name[i];
		struct err e = ERR_NONE;

		if ((bits >> i & 1) == 0 || name == NULL)
			continue;	/* a letter without a name would get another's meaning */
		if (maildir_keywords_need(to, name, &bit, &e) != 0)
			log_warn(log, "keyword '%s' is lost: %s", name, e.text);
		else
			out |= bit;
	}
	return out;
}
