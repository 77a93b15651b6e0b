/*
 * Reading: SCAN, FETCH, STATUS.  Facts come from the name and from stat(2) (size;
 * mtime is the time of receipt), bytes from the file, opened by its name of the
 * moment.  Reading changes nothing, not even new/ to cur/.  A file that cannot be
 * read keeps nobody up: it is in the list with its facts, and a warning names it.
 * A job stops after MAILDIR_LOAD_MAX bytes and answers what it has.
 */
#include "source/maildir_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

enum load { LOAD_DONE, LOAD_UNREADABLE, LOAD_GONE, LOAD_BUSY };

static void
set_facts(struct maildir_job *job, const struct maildir_entry *entry, const struct stat *st,
	struct message_facts *facts)
{
	struct maildir_name n;

	facts->uid = entry->uid;
	facts->size = st->st_size;
	facts->received = st->st_mtime;
	facts->here = entry->here;
	if (maildir_name_parse(&n, view_of(entry->name))) {
		facts->flags.sys = n.sys;
		maildir_keywords_names(&job->place.keywords, n.keywords, &facts->flags);
	}
}

int
maildir_entry_open(struct maildir_job *job, struct maildir_entry *entry, struct stat *st,
	int *fd_r, struct err *e)
{
	int rc = 1;

	while (rc > 0) {
		int dir = job->place.fd[entry->in_new ? MAILDIR_NEW : MAILDIR_CUR], fd, errnum;

		/* no link out of the Maildir, and a FIFO must not block */
		fd = openat(dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		errnum = errno;
		if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode)) {
			*fd_r = fd;
			return 1;
		}
		if (fd >= 0) {
			close(fd);
			errnum = EINVAL;
		}
		if (errnum != ENOENT)
			return err_sys(e, errnum, "'%s/%s/%s'", job->place.path,
			    entry->in_new ? "new" : "cur", entry->name);
		rc = maildir_again(job, entry, e);
	}
	return rc;
}

static enum load
load_facts(struct maildir_job *job, struct maildir_entry *entry, struct maildir_loaded *ld,
	struct err *e)
{
	int rc = 1;

	while (rc > 0) {
		int dir = job->place.fd[entry->in_new ? MAILDIR_NEW : MAILDIR_CUR];
		struct stat st;

		if (fstatat(dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			set_facts(job, entry, &st, &ld->facts);
			return LOAD_DONE;
		}
		if (errno != ENOENT) {
			st = (struct stat){ 0 };
			err_sys(e, errno, "'%s'", entry->name);
			set_facts(job, entry, &st, &ld->facts);
			return LOAD_UNREADABLE;
		}
		rc = maildir_again(job, entry, e);
	}
	return rc == 0 ? LOAD_GONE : LOAD_BUSY;
}

/* ld is empty before; what it holds after is the caller's, whatever the answer. */
static enum load
load(struct maildir_job *job, struct maildir_entry *entry, unsigned need,
	struct maildir_loaded *ld, struct err *e)
{
	bool body = (need & (NEED_BODY | NEED_STRUCTURE)) != 0;
	enum load rc = load_facts(job, entry, ld, e);
	struct stat st;
	int fd, opened;

	if (rc != LOAD_DONE || (!body && (need & NEED_HEADER) == 0))
		return rc;
	opened = maildir_entry_open(job, entry, &st, &fd, e);
	if (opened == 0)
		return LOAD_GONE;
	if (opened < 0)
		return job->looks > MAILDIR_LOOKS_MAX ? LOAD_BUSY : LOAD_UNREADABLE;
	ld->bytes = blob_read(fd, body ? 0 : HEADER_BLOCK_MAX, &ld->whole, e);
	close(fd);
	if (ld->bytes == NULL) {
		err_prefix(e, "'%s'", entry->name);
		return LOAD_UNREADABLE;
	}
	job->loaded_bytes += blob_view(ld->bytes).n;
	return LOAD_DONE;
}

void
maildir_fill(struct message *msg, struct maildir_loaded *ld)
{
	struct message_facts *facts = message_facts(msg);
	struct flags old = facts->flags;

	*facts = ld->facts;		/* the flags move over */
	flags_free(&old);
	message_know(msg, NEED_FACTS);
	if (ld->bytes != NULL)
		message_set_bytes(msg, ld->bytes, ld->whole);
	blob_free(&ld->bytes);
	ld->facts.flags = (struct flags){ 0 };
}

static void
warn_unreadable(struct maildir_job *job, const struct maildir_entry *entry, const struct err *e)
{
	log_warn(job->m->source.log, "mailbox '%s' in account '%s': message %u (%s) cannot be "
	    "read: %s", job->box->name, job->m->source.name, entry->uid, entry->name, e->text);
}

/* False: stop here; r->err may say why. */
static bool
scan_one(struct maildir_job *job, struct request *r, struct maildir_entry *entry)
{
	struct maildir_loaded ld = { 0 };
	struct err e = ERR_NONE;
	struct message *msg;
	enum load rc = load(job, entry, r->need, &ld, &e);

	if (rc == LOAD_GONE || rc == LOAD_BUSY) {
		flags_free(&ld.facts.flags);
		if (rc == LOAD_BUSY)
			r->err = e;
		return rc == LOAD_GONE;
	}
	if (rc == LOAD_UNREADABLE)
		warn_unreadable(job, entry, &e);
	msg = message_new();
	maildir_fill(msg, &ld);
	VEC_PUSH(&r->messages, msg);
	VEC_PUSH(&r->hops, entry->hops);
	return true;
}

static void
set_status(const struct maildir_box *box, struct request *r)
{
	r->status.uidvalidity = box->uidvalidity;
	r->status.uidnext = box->uidnext;
}

void
maildir_do_scan(struct maildir_job *job, struct request *r)
{
	struct maildir_box *box = job->box;
	size_t limit = r->limit > 0 ? MIN(r->limit, (size_t)MAILDIR_SCAN_MAX) : MAILDIR_SCAN_MAX;

	set_status(box, r);
	r->result = RESULT_DONE;
	for (size_t i = maildir_above(box, r->uid); i < box->by_uid.n; i++) {
		struct maildir_entry *entry = box->by_uid.at[i];

		if (r->upto > 0 && entry->uid > r->upto)
			break;
		if (entry->gone)
			continue;
		if (r->messages.n == limit ||
		    (r->messages.n > 0 && job->loaded_bytes > MAILDIR_LOAD_MAX)) {
			r->more = true;
			break;
		}
		if (!scan_one(job, r, entry)) {
			/* what was read is good; without anything it is a failure */
			r->more = true;
			if (r->messages.n == 0)
				r->result = RESULT_FAILED;
			else
				err_clear(&r->err);
			break;
		}
	}
	/* Served from what was known: what has come since is found by the next one. */
	r->more |= !job->pass;
}

void
maildir_do_fetch(struct maildir_job *job, struct request *r)
{
	struct maildir_entry *entry = maildir_entry_of(job->box, r->uid);
	struct maildir_loaded ld = { .r = r };
	enum load rc;

	r->result = RESULT_GONE;
	if (entry == NULL)
		return;
	rc = load(job, entry, r->need, &ld, &r->err);
	if (rc != LOAD_DONE) {
		r->result = rc == LOAD_GONE ? RESULT_GONE : RESULT_FAILED;
		flags_free(&ld.facts.flags);
		return;
	}
	r->result = RESULT_DONE;
	if (r->message != NULL) {	/* the loop may be reading it: filled there */
		VEC_PUSH(&job->loaded, ld);
		return;
	}
	VEC_PUSH(&r->messages, message_new());
	VEC_PUSH(&r->hops, entry->hops);
	maildir_fill(r->messages.at[0], &ld);
}

void
maildir_do_status(struct maildir_job *job, struct request *r)
{
	const struct maildir_box *box = job->box;

	set_status(box, r);
	for (size_t i = 0; i < box->by_uid.n; i++) {
		const struct maildir_entry *entry = box->by_uid.at[i];
		struct maildir_name n;

		if (entry->gone)
			continue;
		r->status.messages++;
		if (!maildir_name_parse(&n, view_of(entry->name)) || (n.sys & FLAG_SEEN) == 0)
			r->status.unseen++;
	}
	r->result = RESULT_DONE;
}
