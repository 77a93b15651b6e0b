/*
 * Mailboxes as directories: LIST, CREATE, RENAME, REMOVE.  A Maildir++ folder is a
 * directory ".A.B" of the root with a cur/ in it; "A/B" is below "A" by name only.
 * RENAME takes what is below along, one rename(2) each: when one fails, those before
 * it are renamed back.  REMOVE deletes a Maildir's own files and nothing else.
 * Limit: 100,000 folders.
 */
#include "source/maildir_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/role.h"

#define FOLDERS_MAX 100000u

/* ---- the folders */

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
maildir_folders_free(struct maildir_folders *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->at[i]);
	VEC_FREE(f);
}

static bool
has_cur(int root, const char *folder)
{
	struct str sub = STR_INIT;
	struct stat st;
	bool has;

	str_addf(&sub, "%s/cur", folder);
	has = fstatat(root, str_z(&sub), &st, 0) == 0 && S_ISDIR(st.st_mode);
	str_free(&sub);
	return has;
}

int
maildir_folders(const struct maildir *m, struct maildir_folders *f, struct err *e)
{
	DIR *d = opendir(m->path);
	struct dirent *ent;
	int errnum;

	if (d == NULL)
		return err_sys(e, errno, "account '%s': '%s'", m->source.name, m->path);
	while (errno = 0, (ent = readdir(d)) != NULL) {
		const char *name = ent->d_name;

		if (name[0] != '.' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    !has_cur(dirfd(d), name))
			continue;
		if (f->n == FOLDERS_MAX) {
			closedir(d);
			return err_set(e, ERR_LIMIT, SCOPE_ACCOUNT, "account '%s': more than %u folders",
			    m->source.name, FOLDERS_MAX);
		}
		VEC_PUSH(f, xstrdup(name));
	}
	errnum = errno;
	closedir(d);
	if (errnum != 0)
		return err_sys(e, errnum, "account '%s': '%s'", m->source.name, m->path);
	if (f->n > 1)
		qsort(f->at, f->n, sizeof(*f->at), name_cmp);
	return 0;
}

/* ---- LIST */

static int
do_list(struct maildir_job *job, struct request *r)
{
	const struct maildir *m = job->m;
	struct maildir_folders f = { 0 };
	int rc = maildir_folders(m, &f, &r->err);

	if (rc == 0)
		VEC_PUSH(&r->list, ((struct source_mailbox){ xstrdup("INBOX"), xstrdup("inbox"), true }));
	for (size_t i = 0; rc == 0 && i < f.n; i++) {
		struct err e = ERR_NONE;
		struct str name = STR_INIT;

		if (maildir_folder_decode(&name, view_of(f.at[i]), &e) != 0) {
			log_warn(m->source.log, "account '%s': %s", m->source.name, e.text);
			str_free(&name);
			continue;
		}
		VEC_PUSH(&r->list, ((struct source_mailbox){ str_take(&name), NULL, true }));
	}
	if (rc == 0)
		role_give(r->list.at, r->list.n);
	maildir_folders_free(&f);
	return rc;
}

/* ---- CREATE */

static int
sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), errnum = 0;

	if (fd < 0 || fsync(fd) != 0)
		errnum = errno;
	if (fd >= 0)
		close(fd);
	return errnum == 0 ? 0 : err_sys(e, errnum, "'%s'", path);
}

int
maildir_folder_make(const struct maildir *m, const char *path, struct err *e)
{
	char *mark;
	int fd;

	if (strcmp(path, m->path) == 0) {
		err_set(e, ERR_REFUSED, SCOPE_ACCOUNT, "account '%s': '%s' is gone",
		    m->source.name, path);
		if (e != NULL)
			e->temporary = true;	/* a disk that is not mounted comes back */
		return -1;
	}
	if (maildir_make(path, e) != 0)
		return -1;
	/* tells a delivery agent, which has no root to look at, that this is a folder */
	mark = xasprintf("%s/maildirfolder", path);
	fd = open(mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	free(mark);
	if (fd < 0)
		return err_sys(e, errno, "'%s/maildirfolder'", path);
	close(fd);
	return sync_dir(path, e) != 0 || sync_dir(m->path, e) != 0 ? -1 : 0;
}

static bool
exists(const char *path)
{
	char *cur = xasprintf("%s/cur", path);
	bool is = access(cur, F_OK) == 0;

	free(cur);
	return is;
}

static int
do_create(struct maildir_job *job, struct request *r)
{
	if (exists(job->box->path))
		return err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX,
		    "mailbox '%s' in account '%s' is there already", job->box->name,
		    job->m->source.name);
	return maildir_folder_make(job->m, job->box->path, &r->err);
}

/* ---- RENAME */

static int
rename_folder(const struct maildir *m, const char *from, const char *to, struct err *e)
{
	char *old = xasprintf("%s/%s", m->path, from), *new = xasprintf("%s/%s", m->path, to);
	struct stat st;
	int rc = 0;

	/* rename(2) replaces an empty directory without a word */
	if (lstat(new, &st) == 0)
		rc = err_set(e, ERR_REFUSED, SCOPE_MAILBOX, "account '%s': folder '%s' is there already",
		    m->source.name, to);
	else if (rename(old, new) != 0)
		rc = err_sys(e, errno, "account '%s': folder '%s' to '%s'", m->source.name, from, to);
	free(old);
	free(new);
	return rc;
}

static void
note_renamed(struct maildir_job *job, const char *from, const char *to)
{
	struct str name = STR_INIT;

	/* a folder without a mailbox name has no book either */
	if (maildir_folder_decode(&name, view_of(from), NULL) == 0) {
		VEC_PUSH(&job->renamed, str_take(&name));
		if (to != NULL && maildir_folder_decode(&name, view_of(to), NULL) == 0)
			VEC_PUSH(&job->renamed, str_take(&name));
		else
			VEC_PUSH(&job->renamed, NULL);
	}
	str_free(&name);
}

static int
rename_all(struct maildir_job *job, const struct maildir_folders *from,
	const struct maildir_folders *to, struct err *e)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		if (rename_folder(job->m, from->at[i], to->at[i], e) != 0)
			break;
	}
	if (i == from->n) {
		for (i = 0; i < from->n; i++)
			note_renamed(job, from->at[i], to->at[i]);
		return sync_dir(job->m->path, e);
	}
	while (i-- > 0) {
		struct err back = ERR_NONE;

		if (rename_folder(job->m, to->at[i], from->at[i], &back) != 0) {
			log_error(job->m->source.log, "%s", back.text);
			note_renamed(job, from->at[i], to->at[i]);
		}
	}
	return -1;
}

/* The folder itself and those below it: old and new names side by side. */
static int
collect_below(const struct maildir *m, struct view old, struct view new,
	struct maildir_folders *from, struct maildir_folders *to, struct err *e)
{
	struct maildir_folders all = { 0 };
	int rc = maildir_folders(m, &all, e);

	for (size_t i = 0; rc == 0 && i < all.n; i++) {
		struct view name = view_of(all.at[i]);
		struct str renamed = str_limited(MAILDIR_NAME_MAX);

		if (!view_starts(name, old) || (name.n > old.n && name.p[old.n] != '.'))
			continue;
		str_addv(&renamed, new);
		str_addv(&renamed, view_from(name, old.n));
		if (renamed.over)
			rc = err_set(e, ERR_USAGE, SCOPE_MAILBOX,
			    "account '%s': the new name of folder '%s' is too long", m->source.name,
			    all.at[i]);
		VEC_PUSH(from, xstrdup(all.at[i]));
		VEC_PUSH(to, str_take(&renamed));
	}
	maildir_folders_free(&all);
	return rc;
}

static int
do_rename(struct maildir_job *job, struct request *r)
{
	const struct maildir *m = job->m;
	struct maildir_folders from = { 0 }, to = { 0 };
	struct str old = STR_INIT, new = STR_INIT;
	int rc = -1;

	if (maildir_folder_encode(&old, view_of(job->box->name), &r->err) != 0 ||
	    maildir_folder_encode(&new, view_of(r->target), &r->err) != 0)
		goto out;
	if (old.len == 0 || new.len == 0) {
		err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX,
		    "account '%s': INBOX cannot be renamed or replaced", m->source.name);
		goto out;
	}
	str_addc(&old, '.');
	if (view_starts(str_view(&new), str_view(&old))) {
		err_set(&r->err, ERR_USAGE, SCOPE_MAILBOX,
		    "account '%s': '%s' cannot be put below itself", m->source.name, job->box->name);
		goto out;
	}
	str_cut(&old, old.len - 1);
	if (collect_below(m, str_view(&old), str_view(&new), &from, &to, &r->err) != 0)
		goto out;
	if (from.n == 0 || strcmp(from.at[0], str_z(&old)) != 0)
		err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX, "no mailbox '%s' in account '%s'",
		    job->box->name, m->source.name);
	else
		rc = rename_all(job, &from, &to, &r->err);
out:
	maildir_folders_free(&from);
	maildir_folders_free(&to);
	str_free(&old);
	str_free(&new);
	return rc;
}

/* ---- REMOVE */

static bool
unlink_one(void *arg, const char *name)
{
	return unlinkat(*(int *)arg, name, 0) == 0 || errno == ENOENT || errno == EISDIR;
}

static int
empty_dir(int box, const char *sub, struct err *e)
{
	int fd = openat(box, sub, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), errnum;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "'%s'", sub);
	errnum = maildir_each(fd, unlink_one, &fd);
	close(fd);
	if (errnum != 0 || unlinkat(box, sub, AT_REMOVEDIR) != 0)
		return err_sys(e, errnum != 0 ? errnum : errno, "'%s'", sub);
	return 0;
}

static bool
remove_own(void *arg, const char *name)
{
	if (strncmp(name, "dovecot", 7) == 0 || strcmp(name, "maildirfolder") == 0)
		return unlink_one(arg, name);
	return true;
}

static int
empty_box(struct maildir_job *job, int box, struct err *e)
{
	int errnum;

	/* cur last: without it the rest is no mailbox */
	if (empty_dir(box, "tmp", e) != 0 || empty_dir(box, "new", e) != 0 ||
	    empty_dir(box, "cur", e) != 0) {
		err_prefix(e, "mailbox '%s' in account '%s'", job->box->name, job->m->source.name);
		return -1;
	}
	errnum = maildir_each(box, remove_own, &box);
	return errnum == 0 ? 0 : err_sys(e, errnum, "'%s'", job->box->path);
}

static int
do_remove(struct maildir_job *job, struct request *r)
{
	const struct maildir *m = job->m;
	const char *path = job->box->path;
	int fd, rc;

	if (strcmp(path, m->path) == 0)
		return err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX,
		    "account '%s': INBOX cannot be removed", m->source.name);
	if (!exists(path))
		return err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX, "no mailbox '%s' in account '%s'",
		    job->box->name, m->source.name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(&r->err, errno, "mailbox '%s': '%s'", job->box->name, path);
	rc = empty_box(job, fd, &r->err);
	close(fd);
	if (rc != 0)
		return -1;
	note_renamed(job, strrchr(path, '/') + 1, NULL);
	if (rmdir(path) != 0)
		log_warn(m->source.log, "account '%s': mailbox '%s' was removed; what is no "
		    "Maildir's own stays in '%s': %s", m->source.name, job->box->name, path,
		    strerror(errno));
	return sync_dir(m->path, &r->err);
}

void
maildir_do_mailboxes(struct maildir_job *job, struct request *r)
{
	int rc;

	if (r->kind == REQ_LIST)
		rc = do_list(job, r);
	else if (r->kind == REQ_CREATE)
		rc = do_create(job, r);
	else if (r->kind == REQ_RENAME)
		rc = do_rename(job, r);
	else
		rc = do_remove(job, r);
	r->result = rc == 0 ? RESULT_DONE : RESULT_FAILED;
}
