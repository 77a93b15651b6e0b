/*
 * Passes over new/ and cur/, and the cache that they keep: key to file name and UID.
 *
 * readdir(3) may miss a file that another program renames meanwhile (every flag
 * change is a rename), so one look proves presence but not absence.  Gone is what
 * two looks missed, the last of them quiet (the directories did not change under
 * it), or eight looks in any weather.  new/ is read before cur/, the way messages
 * travel.  Other programs' renames found later (ENOENT) cost another look, at most
 * MAILDIR_LOOKS_MAX a job, whatever they do.
 */
#include "source/maildir_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* A directory changed in the tick of its stamp may change again and keep its mtime. */
#define STAMP_TRUST_MS 2000
/* The same within one look, where the file system has fine times: over a tick of any kernel. */
#define QUIET_MS	20
#define LOOKS_ENOUGH	8u	/* one look in a storm misses some 3 % of the files */

void
maildir_entry_free(struct maildir_entry *entry)
{
	free(entry->name);
	free(entry);
}

static struct view
key_of(const struct maildir_entry *entry)
{
	return view_n(entry->name, entry->key_len);
}

/* ---- stamps */

static void
stamp_set(struct maildir_stamp *st, int i, const struct stat *s)
{
	st->dir[i].dev = s->st_dev;
	st->dir[i].ino = s->st_ino;
	st->dir[i].mtime = s->st_mtim;
}

int
maildir_stamp_take(const char *path, struct maildir_stamp *st)
{
	int rc = 0;

	*st = (struct maildir_stamp){ 0 };
	for (int i = 0; i < 2 && rc == 0; i++) {
		char *sub = xasprintf("%s/%s", path, maildir_dir_name[MAILDIR_NEW + i]);
		struct stat s;

		rc = stat(sub, &s);
		if (rc == 0)
			stamp_set(st, i, &s);
		free(sub);
	}
	return rc;
}

bool
maildir_stamp_eq(const struct maildir_stamp *a, const struct maildir_stamp *b)
{
	for (int i = 0; i < 2; i++) {
		if (a->dir[i].dev != b->dir[i].dev || a->dir[i].ino != b->dir[i].ino ||
		    a->dir[i].mtime.tv_sec != b->dir[i].mtime.tv_sec ||
		    a->dir[i].mtime.tv_nsec != b->dir[i].mtime.tv_nsec)
			return false;
	}
	return true;
}

/* Is what the last pass saw still all there is? */
static bool
unchanged(const struct maildir_box *box, const struct maildir_stamp *now)
{
	if (!box->known || box->stamp_wall == 0 || !maildir_stamp_eq(&box->stamp, now))
		return false;
	for (int i = 0; i < 2; i++) {
		int64_t ms = (int64_t)now->dir[i].mtime.tv_sec * 1000;

		if (ms + STAMP_TRUST_MS > box->stamp_wall)
			return false;
	}
	return true;
}

/* ---- one look */

struct look {
	struct maildir_job	*job;
	struct maildir_box	*box;
	struct map		*fresh;	/* key to index + 1; NULL: only known keys matter */
	bool			 in_new;
	size_t			 seen;	/* known keys */
};

static void
look_fresh(struct look *lk, const struct maildir_name *n, struct view file)
{
	struct maildir_job *job = lk->job;
	size_t at = (size_t)(uintptr_t)map_get(lk->fresh, n->key);
	struct maildir_fresh *f;

	if (at == 0) {
		VEC_PUSH(&job->fresh, ((struct maildir_fresh){ .key = view_dup(n->key) }));
		at = job->fresh.n;
		map_set(lk->fresh, n->key, (void *)(uintptr_t)at);
	}
	f = &job->fresh.at[at - 1];
	free(f->name);
	f->name = view_dup(file);
	f->key_len = (uint16_t)n->key.n;
	f->in_new = lk->in_new;
	f->seen = lk->box->look;
}

static bool
look_one(void *arg, const char *name)
{
	struct look *lk = arg;
	struct maildir_entry *entry;
	struct maildir_name n;

	if (!maildir_name_parse(&n, view_of(name)))
		return true;
	entry = map_get(lk->box->by_key, n.key);
	if (entry == NULL) {
		if (lk->fresh != NULL)
			look_fresh(lk, &n, view_of(name));
		return true;
	}
	if (entry->seen != lk->box->look)
		lk->seen++;
	entry->seen = lk->box->look;
	entry->in_new = lk->in_new;
	if (strcmp(entry->name, name) != 0) {
		free(entry->name);
		entry->name = xstrdup(name);
	}
	return true;
}

static int
stamp_open(const struct maildir_place *p, struct maildir_stamp *st)
{
	for (int i = 0; i < 2; i++) {
		struct stat s;

		if (fstat(p->fd[MAILDIR_NEW + i], &s) != 0)
			return errno;
		stamp_set(st, i, &s);
	}
	return 0;
}

/* Nothing changed since `before`, and nothing can have changed without a new mtime. */
static bool
is_quiet(const struct maildir_place *p, const struct maildir_stamp *before, int64_t wall)
{
	struct maildir_stamp after = { 0 };

	if (stamp_open(p, &after) != 0 || !maildir_stamp_eq(before, &after))
		return false;
	for (int i = 0; i < 2; i++) {
		const struct timespec *t = &before->dir[i].mtime;

		if ((int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000 + QUIET_MS > wall)
			return false;
	}
	return true;
}

/* *all_r: every known key was seen. */
static int
look(struct maildir_job *job, const struct maildir_place *p, struct map *fresh, bool *all_r,
	struct err *e)
{
	struct look lk = { job, job->box, fresh, true, 0 };
	struct maildir_stamp before = { 0 };
	int64_t wall = clock_wall_ms();
	bool stamped = stamp_open(p, &before) == 0;

	job->box->look++;
	for (int d = MAILDIR_NEW; d <= MAILDIR_CUR; d++) {
		int errnum;

		lk.in_new = d == MAILDIR_NEW;
		errnum = maildir_each(p->fd[d], look_one, &lk);
		if (errnum != 0)
			return err_sys(e, errnum, "mailbox '%s' in account '%s': %s", job->box->name,
			    job->m->source.name, maildir_dir_name[d]);
	}
	*all_r = lk.seen == job->box->by_uid.n;
	job->quiet = stamped && is_quiet(p, &before, wall);
	return 0;
}

/* Is what the last n looks missed gone? */
static bool
is_proof(const struct maildir_job *job, uint32_t n)
{
	return n >= LOOKS_ENOUGH || (n >= 2 && job->quiet);
}

/* ---- a pass */

static int
fresh_cmp(const void *ap, const void *bp)
{
	const struct maildir_fresh *a = ap, *b = bp;
	int c = maildir_when_cmp(&a->when, &b->when);

	return c != 0 ? c : view_cmp(view_of(a->key), view_of(b->key));
}

/* Oldest first.  A key that does not tell its time (a token of ours) is as old as its file. */
static void
sort_fresh(struct maildir_job *job, const struct maildir_place *p)
{
	for (size_t i = 0; i < job->fresh.n; i++) {
		struct maildir_fresh *f = &job->fresh.at[i];
		struct stat st;

		f->when = maildir_when_parse(view_n(f->name, f->key_len));
		if (fstatat(p->fd[f->in_new ? MAILDIR_NEW : MAILDIR_CUR], f->name, &st,
		    AT_SYMLINK_NOFOLLOW) == 0)
			f->received = st.st_mtime;
		else
			f->received = f->when.time > 0 ? f->when.time : 0;
		if (f->when.time < 0)
			f->when.time = f->received;
	}
	if (job->fresh.n > 1)
		qsort(job->fresh.at, job->fresh.n, sizeof(*job->fresh.at), fresh_cmp);
}

static void
collect_missing(struct maildir_job *job, uint32_t looks)
{
	struct maildir_box *box = job->box;

	for (size_t i = 0; i < box->by_uid.n; i++) {
		struct maildir_entry *entry = box->by_uid.at[i];

		if (box->look - entry->seen < looks)
			continue;
		entry->gone = true;
		VEC_PUSH(&job->missing, entry->uid);
	}
	maildir_drop_gone(box);
}

static int
pass_looks(struct maildir_job *job, const struct maildir_place *p, struct map *fresh)
{
	uint32_t looks = 0;
	bool all = true;

	do {
		if (look(job, p, fresh, &all, &job->err) != 0)
			return -1;
		looks++;
	} while ((!all || job->twice) && !is_proof(job, looks));
	if (!all)
		collect_missing(job, looks);
	return 0;
}

static int
pass_open(struct maildir_job *job, const struct maildir_place *p)
{
	struct maildir_box *box = job->box;
	struct maildir_stamp now = { 0 };
	int64_t wall = clock_wall_ms();
	int errnum = stamp_open(p, &now), rc;
	struct map *fresh;

	if (errnum != 0)
		return err_sys(&job->err, errnum, "mailbox '%s'", box->name);
	if (!job->twice && unchanged(box, &now))
		return 0;
	fresh = map_new();
	rc = pass_looks(job, p, fresh);
	map_free(&fresh);
	if (rc != 0)
		return -1;
	sort_fresh(job, p);
	box->stamp = now;
	box->stamp_wall = wall;
	return 0;
}

void
maildir_pass(struct maildir_job *job)
{
	struct maildir_place p;

	if (maildir_place_open(&p, &job->m->source, job->box->name, job->box->path, &job->err) != 0)
		return;
	if (pass_open(job, &p) != 0)
		job->err.scope = SCOPE_MAILBOX;
	maildir_place_close(&p);
}

/* ---- the cache */

static int
uid_cmp(const void *ap, const void *bp)
{
	const struct maildir_entry *const *a = ap, *const *b = bp;

	return (*a)->uid < (*b)->uid ? -1 : (*a)->uid > (*b)->uid;
}

void
maildir_learn(struct maildir_job *job)
{
	struct maildir_box *box = job->box;
	uint32_t last = box->by_uid.n > 0 ? box->by_uid.at[box->by_uid.n - 1]->uid : 0;
	bool sorted = true;

	for (size_t i = 0; i < job->asked_n; i++) {
		const struct uid_entry *u = &job->asked[i];
		struct maildir_fresh *f = &job->fresh.at[job->assigned++];
		struct maildir_entry *entry = xcalloc(1, sizeof(*entry));

		*entry = (struct maildir_entry){ .name = f->name, .key_len = f->key_len,
		    .in_new = f->in_new, .seen = f->seen, .uid = u->uid, .here = u->here,
		    .hops = u->hops };
		f->name = NULL;
		sorted &= entry->uid > last;
		last = entry->uid;
		map_set(box->by_key, key_of(entry), entry);
		VEC_PUSH(&box->by_uid, entry);
	}
	if (!sorted)
		qsort(box->by_uid.at, box->by_uid.n, sizeof(*box->by_uid.at), uid_cmp);
}

struct maildir_entry *
maildir_entry_of(const struct maildir_box *box, uint32_t uid)
{
	size_t i = maildir_above(box, uid);

	if (i == 0 || box->by_uid.at[i - 1]->uid != uid || box->by_uid.at[i - 1]->gone)
		return NULL;
	return box->by_uid.at[i - 1];
}

size_t
maildir_above(const struct maildir_box *box, uint32_t uid)
{
	size_t low = 0, high = box->by_uid.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (box->by_uid.at[mid]->uid <= uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
maildir_drop_gone(struct maildir_box *box)
{
	size_t kept = 0;

	for (size_t i = 0; i < box->by_uid.n; i++) {
		struct maildir_entry *entry = box->by_uid.at[i];

		if (!entry->gone) {
			box->by_uid.at[kept++] = entry;
			continue;
		}
		map_del(box->by_key, key_of(entry));
		maildir_entry_free(entry);
	}
	box->by_uid.n = kept;
}

static bool
is_missed(const struct maildir_job *job, const struct maildir_entry *entry)
{
	uint32_t look = job->box->look;

	return is_proof(job, MIN(look - job->look_first, look - entry->seen));
}

int
maildir_again(struct maildir_job *job, struct maildir_entry *entry, struct err *e)
{
	bool all;

	while (!is_missed(job, entry)) {
		if (job->looks++ >= MAILDIR_LOOKS_MAX) {
			err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "mailbox '%s' in account '%s' changes "
			    "faster than it can be read", job->box->name, job->m->source.name);
			if (e != NULL)
				e->temporary = true;
			return -1;
		}
		if (look(job, &job->place, NULL, &all, e) != 0)
			return -1;
		if (entry->seen == job->box->look)
			return 1;
	}
	entry->gone = true;
	VEC_PUSH(&job->taken, entry->uid);
	return 0;
}
