/*
 * Bytes into a mailbox: COPY, APPEND, and MOVE between file systems.  The delivery of
 * https://cr.yp.to/proto/maildir.html: a file in tmp, written and synced, then renamed
 * into new/ or cur/ where nothing is replaced; the directory is synced at the end of
 * the job, before the answer.  A copy with a token is named by it, so that a later
 * try finds it.  mtime is the time of receipt.
 */
#include "source/maildir_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

#define CHUNK		((size_t)32 << 10)
#define TMP_AGE_S	(36 * 60 * 60)	/* what the Maildir paper gives a delivery */

/* Either bytes, or what fd has from its begin. */
struct content { struct view bytes; int fd; int64_t received; };

static char *
unique(struct maildir_job *job)
{
	unsigned char r[4];
	char hex[2 * sizeof(r) + 1];

	random_bytes(r, sizeof(r));	/* two accounts of one process on one Maildir */
	hex_of(r, sizeof(r), hex);
	return xasprintf("%lld.M%lldP%ldQ%lluR%s.%s", (long long)(job->wall_ms / 1000),
	    (long long)(job->wall_ms % 1000 * 1000), (long)getpid(),
	    (unsigned long long)job->number * 10000 + job->names++, hex, job->m->host);
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? errno : EIO;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

/* Fills buf as far as the file goes; -1 and errno. */
static ssize_t
read_full(int fd, char *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, buf + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

static int
write_content(int fd, const struct content *c)
{
	char buf[CHUNK];
	ssize_t n;
	int errnum;

	if (c->fd < 0)
		return write_all(fd, c->bytes.p, c->bytes.n);
	while ((n = read_full(c->fd, buf, sizeof(buf))) > 0) {
		errnum = write_all(fd, buf, (size_t)n);
		if (errnum != 0)
			return errnum;
	}
	return n < 0 ? errno : 0;
}

static int
write_tmp(int tmp_fd, const char *tmp, const struct content *c)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = c->received } };
	int fd = openat(tmp_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int errnum;

	if (fd < 0)
		return errno;
	errnum = write_content(fd, c);
	if (errnum == 0 && futimens(fd, times) != 0)
		errnum = errno;
	if (errnum == 0 && fsync(fd) != 0)
		errnum = errno;
	if (close(fd) != 0 && errnum == 0)
		errnum = errno;
	return errnum;
}

/* 0, or an errno (EEXIST: the name is taken). */
static int
deliver(struct maildir_job *job, struct maildir_place *to, enum maildir_dir d, const char *name,
	const struct content *c)
{
	char *u = unique(job), *tmp = xasprintf(MAILDIR_OURS "%s", u);
	int errnum = write_tmp(to->fd[MAILDIR_TMP], tmp, c);

	if (errnum == 0)
		errnum = maildir_rename(to->fd[MAILDIR_TMP], tmp, to->fd[d], name);
	if (errnum == 0)
		to->dirty[d] = true;
	else
		unlinkat(to->fd[MAILDIR_TMP], tmp, 0);
	free(u);
	free(tmp);
	return errnum;
}

/* What COPY and APPEND have in common.  flags' key is set here. */
static void
put(struct maildir_job *job, struct request *r, struct maildir_place *to, enum maildir_dir d,
	struct maildir_name *n, const struct content *c)
{
	char *key = r->token != NULL ? xstrdup(r->token) : unique(job);
	struct str name = STR_INIT;
	int errnum;

	n->key = view_of(key);
	maildir_name_print(&name, n);
	errnum = deliver(job, to, d, str_z(&name), c);
	if (errnum == 0) {
		r->result = RESULT_DONE;
		r->new_name = xasprintf("%s/%s/%s", to->path, maildir_dir_name[d], str_z(&name));
		maildir_place_note(to, n->key, d, str_z(&name));
	} else if (errnum == EEXIST) {
		err_set(&r->err, ERR_REFUSED, SCOPE_MESSAGE, "mailbox '%s' already has a message "
		    "named '%s'", to->name, str_z(&name));
	} else {
		err_sys(&r->err, errnum, "mailbox '%s': '%s' cannot be written", to->name,
		    str_z(&name));
	}
	str_free(&name);
	free(key);
}

/* True: the answer is there (found, or it could not be looked for). */
static bool
probe(struct request *r, struct maildir_place *to)
{
	const char *where = NULL;

	if (!r->probe || r->token == NULL)
		return false;
	if (maildir_place_find(to, view_of(r->token), &where, &r->err) != 0)
		return true;
	if (where == NULL)
		return false;
	r->result = RESULT_DONE;
	r->adopted = true;
	r->new_name = xasprintf("%s/%s", to->path, where);
	to->dirty[where[0] == 'n' ? MAILDIR_NEW : MAILDIR_CUR] = true;
	return true;
}

void
maildir_do_copy(struct maildir_job *job, struct request *r)
{
	struct maildir_entry *entry = maildir_entry_of(job->box, r->uid);
	struct maildir_place *to;
	struct content c = { .fd = -1 };
	struct maildir_name n;
	struct stat st;
	int rc;

	r->result = RESULT_GONE;
	if (entry == NULL && !r->probe)
		return;
	r->result = RESULT_FAILED;
	to = maildir_target(job, r);
	if (to == NULL || probe(r, to))
		return;
	rc = entry == NULL ? 0 : maildir_entry_open(job, entry, &st, &c.fd, &r->err);
	if (rc <= 0) {
		r->result = rc == 0 ? RESULT_GONE : RESULT_FAILED;
		return;
	}
	c.received = st.st_mtime;
	if (maildir_name_parse(&n, view_of(entry->name))) {
		n.tail = VIEW_NONE;
		n.keywords = maildir_keywords_translate(&job->place, to, n.keywords,
		    job->m->source.log);
		put(job, r, to, entry->in_new ? MAILDIR_NEW : MAILDIR_CUR, &n, &c);
	}
	close(c.fd);
}

void
maildir_do_append(struct maildir_job *job, struct request *r)
{
	struct maildir_place *to;
	struct maildir_name n = { .sys = r->add.sys };
	struct content c = { blob_view(r->bytes), -1,
	    r->received != 0 ? r->received : job->wall_ms / 1000 };
	uint32_t bit;

	r->result = RESULT_FAILED;
	to = maildir_target(job, r);
	if (to == NULL || probe(r, to))
		return;
	for (size_t i = 0; i < r->add.n; i++) {
		if (maildir_keywords_need(to, r->add.at[i], &bit, &r->err) != 0)
			return;
		n.keywords |= bit;
	}
	n.info = n.sys != 0 || n.keywords != 0;
	put(job, r, to, n.info ? MAILDIR_CUR : MAILDIR_NEW, &n, &c);
}

/* ---- MOVE between file systems */

static int
compare(int a, int b, bool *same_r)
{
	char abuf[CHUNK], bbuf[CHUNK];
	ssize_t an, bn;

	*same_r = false;
	do {
		an = read_full(a, abuf, sizeof(abuf));
		if (an < 0)
			return errno;
		bn = read_full(b, bbuf, sizeof(bbuf));
		if (bn < 0)
			return errno;
		if (an != bn || memcmp(abuf, bbuf, (size_t)an) != 0)
			return 0;
	} while (an == (ssize_t)CHUNK);
	*same_r = true;
	return 0;
}

int
maildir_same_bytes(int a_dir, const char *a, int b_dir, const char *b, bool *same_r, struct err *e)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int af = openat(a_dir, a, flags), bf = -1, errnum = 0;

	*same_r = false;
	if (af < 0)
		return err_sys(e, errno, "'%s'", a);
	bf = openat(b_dir, b, flags);
	errnum = bf < 0 ? errno : compare(af, bf, same_r);
	close(af);
	if (bf >= 0)
		close(bf);
	return errnum == 0 ? 0 : err_sys(e, errnum, "'%s' and '%s'", a, b);
}

int
maildir_carry(struct maildir_job *job, struct maildir_entry *entry, struct maildir_place *to,
	enum maildir_dir d, const char *name, struct err *e)
{
	struct content c = { .fd = -1 };
	struct stat st;
	bool same;
	int errnum, rc = maildir_entry_open(job, entry, &st, &c.fd, e);

	if (rc <= 0)
		return rc == 0 ? ENOENT : -1;
	c.received = st.st_mtime;
	errnum = deliver(job, to, d, name, &c);
	close(c.fd);
	if (errnum != 0)
		return errnum;
	if (maildir_place_sync(to, e) != 0 ||
	    maildir_same_bytes(job->place.fd[entry->in_new ? MAILDIR_NEW : MAILDIR_CUR],
	    entry->name, to->fd[d], name, &same, e) != 0)
		return -1;
	if (!same)
		return err_set(e, ERR_SYSTEM, SCOPE_MESSAGE,
		    "'%s': the copy in '%s' is not the same bytes", entry->name, to->name);
	if (unlinkat(job->place.fd[entry->in_new ? MAILDIR_NEW : MAILDIR_CUR], entry->name, 0) != 0)
		return errno;
	return 0;
}

/* ---- leftovers */

struct sweeping { int fd; int64_t before; };

static bool
sweep_one(void *arg, const char *name)
{
	struct sweeping *s = arg;
	struct stat st;

	if (strncmp(name, MAILDIR_OURS, strlen(MAILDIR_OURS)) == 0 &&
	    fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_ctime < s->before)	/* mtime is the message's own */
		unlinkat(s->fd, name, 0);
	return true;
}

static void
sweep_path(const char *path, int64_t wall_ms)
{
	char *tmp = xasprintf("%s/tmp", path);
	struct sweeping s = { open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    wall_ms / 1000 - TMP_AGE_S };

	free(tmp);
	if (s.fd < 0)
		return;
	if (maildir_each(s.fd, sweep_one, &s) != 0)
		s.before = 0;	/* what cannot be read now is swept another time */
	close(s.fd);
}

void
maildir_sweep(const struct maildir *m, int64_t wall_ms)
{
	struct maildir_folders f = { 0 };

	sweep_path(m->path, wall_ms);
	if (maildir_folders(m, &f, NULL) != 0)
		return;
	for (size_t i = 0; i < f.n; i++) {
		char *path = xasprintf("%s/%s", m->path, f.at[i]);

		sweep_path(path, wall_ms);
		free(path);
	}
	maildir_folders_free(&f);
}
