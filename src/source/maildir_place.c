/*
 * A mailbox's directories, open for one stage on a thread: descriptors for tmp, new
 * and cur, so that a folder renamed by another program meanwhile stays the same
 * folder; an index by key for probes; one fsync a directory at the end.
 * Nothing here replaces a file that exists.
 */
#include "source/maildir_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

const char *const maildir_dir_name[MAILDIR_DIRS] = { "tmp", "new", "cur" };

int
maildir_place_open(struct maildir_place *p, const struct source *s, const char *name,
	const char *path, struct err *e)
{
	*p = (struct maildir_place){ .fd = { -1, -1, -1 } };
	for (int d = 0; d < MAILDIR_DIRS; d++) {
		char *sub = xasprintf("%s/%s", path, maildir_dir_name[d]);
		int errnum;

		p->fd[d] = open(sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		errnum = errno;
		free(sub);
		if (p->fd[d] >= 0)
			continue;
		if (errnum == ENOENT || errnum == ENOTDIR)
			err_set(e, ERR_GONE, SCOPE_MAILBOX, "no mailbox '%s' in account '%s'",
			    name, s->name);
		else
			err_sys(e, errnum, "mailbox '%s' in account '%s': %s", name, s->name,
			    maildir_dir_name[d]);
		while (d-- > 0)
			close(p->fd[d]);
		return -1;
	}
	p->name = xstrdup(name);
	p->path = xstrdup(path);
	p->open = true;
	maildir_keywords_read(p, s->log);
	return 0;
}

void
maildir_place_close(struct maildir_place *p)
{
	if (!p->open)
		return;
	for (int d = 0; d < MAILDIR_DIRS; d++)
		close(p->fd[d]);
	map_free(&p->index);
	arena_free(&p->names);
	maildir_keywords_free(&p->keywords);
	free(p->name);
	free(p->path);
	p->open = false;
}

int
maildir_place_sync(struct maildir_place *p, struct err *e)
{
	int rc = 0;

	for (int d = 0; p->open && d < MAILDIR_DIRS; d++) {
		if (!p->dirty[d])
			continue;
		p->dirty[d] = false;
		if (fsync(p->fd[d]) != 0)
			rc = err_sys(e, errno, "mailbox '%s': fsync of %s", p->name,
			    maildir_dir_name[d]);
	}
	return rc;
}

int
maildir_rename(int from_fd, const char *from, int to_fd, const char *to)
{
#ifdef RENAME_NOREPLACE
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != ENOSYS && errno != EINVAL)
		return errno;
#endif
	/* link(2) replaces nothing; a crash between leaves two names of one file */
	if (linkat(from_fd, from, to_fd, to, 0) == 0)
		return unlinkat(from_fd, from, 0) == 0 ? 0 : errno;
	if (errno != EPERM && errno != ENOTSUP && errno != EMLINK)
		return errno;
	/* no hard links here: unique names make what remains of the race harmless */
	if (faccessat(to_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	return renameat(from_fd, from, to_fd, to) == 0 ? 0 : errno;
}

int
maildir_each(int dir_fd, bool (*fn)(void *arg, const char *name), void *arg)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), errnum;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (d == NULL) {
		errnum = errno;
		if (fd >= 0)
			close(fd);
		return errnum;
	}
	while (errno = 0, (ent = readdir(d)) != NULL) {
		if (ent->d_name[0] == '.' || ent->d_type == DT_DIR)
			continue;
		if (!fn(arg, ent->d_name))
			break;
	}
	errnum = ent == NULL ? errno : 0;
	closedir(d);
	return errnum;
}

struct indexing { struct maildir_place *p; enum maildir_dir d; };

void
maildir_place_note(struct maildir_place *p, struct view key, enum maildir_dir d, const char *name)
{
	if (p->index != NULL)
		map_set(p->index, key, arena_printf(&p->names, "%s/%s", maildir_dir_name[d], name));
}

static bool
index_one(void *arg, const char *name)
{
	struct indexing *ix = arg;
	struct maildir_name n;

	if (maildir_name_parse(&n, view_of(name)))
		maildir_place_note(ix->p, n.key, ix->d, name);
	return true;
}

int
maildir_place_find(struct maildir_place *p, struct view key, const char **where_r, struct err *e)
{
	*where_r = NULL;
	if (p->index == NULL) {
		p->index = map_new();
		for (int d = MAILDIR_NEW; d <= MAILDIR_CUR; d++) {
			struct indexing ix = { p, (enum maildir_dir)d };
			int errnum = maildir_each(p->fd[d], index_one, &ix);

			if (errnum == 0)
				continue;
			map_free(&p->index);
			return err_sys(e, errnum, "mailbox '%s': %s", p->name, maildir_dir_name[d]);
		}
	}
	*where_r = map_get(p->index, key);
	return 0;
}

/* Makes path and its three directories, what of them is missing; cur last, since it makes a folder. */
int
maildir_make(const char *path, struct err *e)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_sys(e, errno, "cannot make '%s'", path);
	for (int d = 0; d < MAILDIR_DIRS; d++) {
		char *sub = xasprintf("%s/%s", path, maildir_dir_name[d]);
		int errnum = mkdir(sub, 0700) == 0 ? 0 : errno;

		free(sub);
		if (errnum != 0 && errnum != EEXIST)
			return err_sys(e, errnum, "cannot make '%s/%s'", path, maildir_dir_name[d]);
	}
	return 0;
}

/* For APPEND the target is the mailbox of the request itself. */
static const char *
target_name(const struct maildir_job *job, const struct request *r)
{
	return r->kind == REQ_APPEND ? job->box->name : r->target;
}

static int
open_target(struct maildir_job *job, struct request *r, struct maildir_place *p, const char *name)
{
	const struct source *s = &job->m->source;
	char *path = maildir_path_of(job->m, name, &r->err);
	int rc = -1;

	if (path == NULL)
		return -1;
	if (maildir_place_open(p, s, name, path, &r->err) == 0) {
		rc = 0;
	} else if (r->err.kind == ERR_GONE && r->create) {
		err_clear(&r->err);
		if (maildir_folder_make(job->m, path, &r->err) == 0)
			rc = maildir_place_open(p, s, name, path, &r->err);
	} else if (r->err.kind == ERR_GONE) {
		err_clear(&r->err);
		err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX, "no mailbox '%s' in account '%s'; "
		    "create = true makes it", name, s->name);
	}
	free(path);
	return rc;
}

struct maildir_place *
maildir_target(struct maildir_job *job, struct request *r)
{
	const char *name = target_name(job, r);
	struct maildir_place *p;

	for (size_t i = 0; i < job->target_n; i++) {
		if (strcmp(job->targets[i].name, name) == 0)
			return &job->targets[i];
	}
	assert(job->target_n < MAILDIR_TARGETS_MAX);	/* what a job takes is cut to that */
	p = &job->targets[job->target_n];
	if (open_target(job, r, p, name) != 0)
		return NULL;
	job->target_n++;
	return p;
}
