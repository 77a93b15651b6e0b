/*
 * A job's work on its thread: every request in order, then one fsync a directory.
 * Here: flags, move and removal, which are each one system call that happened or
 * did not.  An answer DONE stands on disk when it is given: when a sync fails, all
 * changes of the job are reported as failed, since which of them hold is not known.
 */
#include "source/maildir_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define TRIES 4		/* a rename that says ENOENT though the file is there */

static const struct { void (*perform)(struct maildir_job *job, struct request *r); } verbs[] = {
	[REQ_LIST] = { maildir_do_mailboxes }, [REQ_CREATE] = { maildir_do_mailboxes },
	[REQ_RENAME] = { maildir_do_mailboxes }, [REQ_REMOVE] = { maildir_do_mailboxes },
	[REQ_STATUS] = { maildir_do_status }, [REQ_SCAN] = { maildir_do_scan },
	[REQ_FETCH] = { maildir_do_fetch }, [REQ_FLAGS] = { maildir_do_flags },
	[REQ_COPY] = { maildir_do_copy }, [REQ_MOVE] = { maildir_do_move },
	[REQ_EXPUNGE] = { maildir_do_expunge }, [REQ_APPEND] = { maildir_do_append },
};

static bool
needs_place(enum request_kind kind)
{
	return kind >= REQ_STATUS && kind != REQ_APPEND;
}

static enum maildir_dir
dir_of(const struct maildir_entry *entry)
{
	return entry->in_new ? MAILDIR_NEW : MAILDIR_CUR;
}

/* ---- the frame */

static void
open_place(struct maildir_job *job)
{
	struct err e = ERR_NONE;

	LIST_EACH(&job->requests, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		if (!needs_place(r->kind))
			continue;
		if (!err_is(&e) && maildir_place_open(&job->place, &job->m->source,
		    job->box->name, job->box->path, &e) == 0)
			return;
		r->result = RESULT_FAILED;
		r->err = e;
	}
}

static void
sync_all(struct maildir_job *job)
{
	struct err e = ERR_NONE;
	int rc = 0;

	/* targets first: a crash between leaves two names of a message rather than none */
	for (size_t i = 0; i < job->target_n; i++)
		rc |= maildir_place_sync(&job->targets[i], &e);
	rc |= maildir_place_sync(&job->place, &e);
	if (rc == 0)
		return;
	e.scope = SCOPE_MAILBOX;
	e.temporary = true;
	LIST_EACH(&job->requests, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		if (r->kind < REQ_FLAGS || r->result != RESULT_DONE)
			continue;
		r->result = RESULT_FAILED;
		r->err = e;
	}
}

/* Its UID means another message now, or none: the mailbox was removed and made again. */
static bool
renumbered(const struct maildir_box *box, struct request *r)
{
	if (r->kind < REQ_FETCH || r->kind == REQ_APPEND || r->uidvalidity == 0 ||
	    box->uidvalidity == 0 || r->uidvalidity == box->uidvalidity)
		return false;
	err_set(&r->err, ERR_GONE, SCOPE_MAILBOX, "mailbox '%s' in account '%s' was made anew: its "
	    "messages have other numbers", box->name, box->m->source.name);
	r->result = RESULT_FAILED;
	return true;
}

void
maildir_perform(struct maildir_job *job)
{
	job->look_first = job->box->look;
	open_place(job);
	LIST_EACH(&job->requests, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		if (job->loaded_bytes > MAILDIR_LOAD_MAX) {
			list_remove(it);
			list_append(&job->left, it);
			continue;
		}
		if (needs_place(r->kind) && !job->place.open)
			continue;
		if (renumbered(job->box, r))
			continue;
		verbs[r->kind].perform(job, r);
	}
	sync_all(job);
	for (size_t i = 0; i < job->target_n; i++)
		maildir_place_close(&job->targets[i]);
	maildir_place_close(&job->place);
	maildir_drop_gone(job->box);
}

/* ---- FLAGS */

static int
change(struct maildir_job *job, const struct request *r, struct maildir_name *n, struct err *e)
{
	struct maildir_place *p = &job->place;
	uint32_t bit;

	n->sys = (n->sys | r->add.sys) & ~r->del.sys;
	for (size_t i = 0; i < r->add.n; i++) {
		if (flags_has(&r->del, 0, view_of(r->add.at[i])))
			continue;
		if (maildir_keywords_need(p, r->add.at[i], &bit, e) != 0)
			return -1;
		n->keywords |= bit;
	}
	for (size_t i = 0; i < r->del.n; i++)
		n->keywords &= ~maildir_keywords_find(&p->keywords, r->del.at[i]);
	return 0;
}

/* 0, or an errno; the entry follows the file. */
static int
set_name(struct maildir_job *job, struct maildir_entry *entry, const struct maildir_name *n)
{
	struct maildir_place *p = &job->place;
	struct str name = STR_INIT;
	int errnum;

	maildir_name_print(&name, n);
	errnum = maildir_rename(p->fd[dir_of(entry)], entry->name, p->fd[MAILDIR_CUR],
	    str_z(&name));
	if (errnum == 0) {
		p->dirty[MAILDIR_CUR] = true;
		p->dirty[dir_of(entry)] = true;
		free(entry->name);
		entry->name = str_take(&name);
		entry->in_new = false;
	}
	str_free(&name);
	return errnum;
}

static void
fail_sys(struct maildir_job *job, struct request *r, const struct maildir_entry *entry, int errnum)
{
	r->result = RESULT_FAILED;
	err_sys(&r->err, errnum, "mailbox '%s': message %u (%s)", job->box->name, entry->uid,
	    entry->name);
}

/* After ENOENT: true, try again; else the result is set. */
static bool
again(struct maildir_job *job, struct request *r, struct maildir_entry *entry, int tries)
{
	int rc;

	if (tries >= TRIES) {
		fail_sys(job, r, entry, ENOENT);
		r->err.temporary = true;
		return false;
	}
	rc = maildir_again(job, entry, &r->err);
	if (rc <= 0)
		r->result = rc == 0 ? RESULT_GONE : RESULT_FAILED;
	return rc > 0;
}

void
maildir_do_flags(struct maildir_job *job, struct request *r)
{
	struct maildir_entry *entry = maildir_entry_of(job->box, r->uid);
	int errnum, tries = 0;

	r->result = RESULT_GONE;
	if (entry == NULL)
		return;
	do {
		struct maildir_name n, was;
		struct stat st;

		if (!maildir_name_parse(&n, view_of(entry->name)))
			return;
		was = n;
		if (change(job, r, &n, &r->err) != 0) {
			r->result = RESULT_FAILED;
			return;
		}
		n.info = true;
		if (n.sys == was.sys && n.keywords == was.keywords)
			errnum = fstatat(job->place.fd[dir_of(entry)], entry->name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
		else
			errnum = set_name(job, entry, &n);
		if (errnum == 0) {
			r->result = RESULT_DONE;
			return;
		}
		if (errnum != ENOENT) {
			fail_sys(job, r, entry, errnum);
			return;
		}
	} while (again(job, r, entry, tries++));
}

/* ---- EXPUNGE */

void
maildir_do_expunge(struct maildir_job *job, struct request *r)
{
	struct maildir_entry *entry = maildir_entry_of(job->box, r->uid);
	int tries = 0;

	r->result = RESULT_GONE;
	if (entry == NULL)
		return;
	do {
		if (unlinkat(job->place.fd[dir_of(entry)], entry->name, 0) == 0) {
			job->place.dirty[dir_of(entry)] = true;
			entry->gone = true;
			VEC_PUSH(&job->taken, entry->uid);
			r->result = RESULT_DONE;
			return;
		}
		if (errno != ENOENT) {
			fail_sys(job, r, entry, errno);
			return;
		}
	} while (again(job, r, entry, tries++));
}

/* ---- MOVE */

static void
moved(struct maildir_job *job, struct request *r, struct maildir_entry *entry,
	const struct maildir_place *to, const char *where)
{
	job->place.dirty[dir_of(entry)] = true;
	entry->gone = true;
	VEC_PUSH(&job->taken, entry->uid);
	r->result = RESULT_DONE;
	r->new_name = xasprintf("%s/%s", to->path, where);
}

/* The message is not in its mailbox: did an earlier try bring it to the target? */
static void
adopt_moved(struct maildir_job *job, struct request *r, struct maildir_place *to, struct view key)
{
	const char *where;

	r->result = RESULT_GONE;
	if (!r->probe || key.n == 0)
		return;
	if (maildir_place_find(to, key, &where, &r->err) != 0) {
		r->result = RESULT_FAILED;
		return;
	}
	if (where == NULL)
		return;
	r->result = RESULT_DONE;
	r->adopted = true;
	r->new_name = xasprintf("%s/%s", to->path, where);
	/* the try that moved it may have died before its sync */
	to->dirty[MAILDIR_NEW] = to->dirty[MAILDIR_CUR] = true;
	job->place.dirty[MAILDIR_NEW] = job->place.dirty[MAILDIR_CUR] = true;
}

/*
 * Both are there: a try that linked and died before it unlinked, or two messages of
 * one name.  1: it was the same, and is moved now; 0 the target has none; -1 failed.
 */
static int
finish_moved(struct maildir_job *job, struct request *r, struct maildir_entry *entry,
	struct maildir_place *to)
{
	struct maildir_place *p = &job->place;
	const char *where, *slash;
	enum maildir_dir d;
	bool same;

	if (maildir_place_find(to, view_n(entry->name, entry->key_len), &where, &r->err) != 0)
		return -1;
	if (where == NULL)
		return 0;
	slash = strchr(where, '/');
	d = where[0] == 'n' ? MAILDIR_NEW : MAILDIR_CUR;
	if (maildir_same_bytes(p->fd[dir_of(entry)], entry->name, to->fd[d], slash + 1, &same,
	    &r->err) != 0)
		return -1;
	if (!same)
		return err_set(&r->err, ERR_REFUSED, SCOPE_MESSAGE, "mailbox '%s' has another message "
		    "with the name of message %u: '%s/%s'", to->name, entry->uid, to->path, where);
	/* the copy that stays must be on disk before the other goes */
	to->dirty[d] = true;
	if (maildir_place_sync(to, &r->err) != 0)
		return -1;
	if (unlinkat(p->fd[dir_of(entry)], entry->name, 0) != 0 && errno != ENOENT)
		return err_sys(&r->err, errno, "'%s'", entry->name);
	moved(job, r, entry, to, where);
	r->adopted = true;
	return 1;
}

/* 0, or an errno (-1: r->err has it). */
static int
move_once(struct maildir_job *job, struct request *r, struct maildir_entry *entry,
	struct maildir_place *to)
{
	struct maildir_place *p = &job->place;
	enum maildir_dir d = dir_of(entry);
	struct str name = STR_INIT;
	struct maildir_name n;
	int errnum;

	if (!maildir_name_parse(&n, view_of(entry->name)))
		return ENOENT;
	n.keywords = maildir_keywords_translate(p, to, n.keywords, job->m->source.log);
	maildir_name_print(&name, &n);
	errnum = maildir_rename(p->fd[d], entry->name, to->fd[d], str_z(&name));
	if (errnum == EXDEV)
		errnum = maildir_carry(job, entry, to, d, str_z(&name), &r->err);
	if (errnum == 0) {
		char *where = xasprintf("%s/%s", maildir_dir_name[d], str_z(&name));

		to->dirty[d] = true;
		maildir_place_note(to, n.key, d, str_z(&name));
		moved(job, r, entry, to, where);
		free(where);
	} else if (errnum == EEXIST) {
		errnum = err_set(&r->err, ERR_REFUSED, SCOPE_MESSAGE, "mailbox '%s' already has a "
		    "message named '%s'", to->name, str_z(&name));
	}
	str_free(&name);
	return errnum;
}

static void
move_entry(struct maildir_job *job, struct request *r, struct maildir_entry *entry,
	struct maildir_place *to)
{
	char *key = xmemdup0(entry->name, entry->key_len);
	int errnum, tries = 0;

	do {
		errnum = move_once(job, r, entry, to);
		if (errnum == 0)
			break;
		r->result = RESULT_FAILED;
		if (errnum > 0 && errnum != ENOENT)
			fail_sys(job, r, entry, errnum);
	} while (errnum == ENOENT && again(job, r, entry, tries++));
	if (r->result == RESULT_GONE)
		adopt_moved(job, r, to, view_of(key));
	free(key);
}

void
maildir_do_move(struct maildir_job *job, struct request *r)
{
	struct maildir_entry *entry = maildir_entry_of(job->box, r->uid);
	struct maildir_place *to;
	char uid[16];
	int rc = 0;

	r->result = RESULT_GONE;
	if (entry == NULL && !r->probe)
		return;
	r->result = RESULT_FAILED;
	to = maildir_target(job, r);
	if (to == NULL)
		return;
	if (entry == NULL) {
		snprintf(uid, sizeof(uid), "%u", r->uid);
		adopt_moved(job, r, to, view_of(job->lost_keys == NULL ? NULL :
		    map_get(job->lost_keys, view_of(uid))));
		return;
	}
	if (r->probe)
		rc = finish_moved(job, r, entry, to);
	if (rc == 0)
		move_entry(job, r, entry, to);
}
