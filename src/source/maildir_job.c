/*
 * A job of a mailbox, stage by stage: what it takes from the queue; a pass over the
 * directories where it needs one (thread); UIDs for what is new, from the book
 * (loop); keys of UIDs that are gone, for probes (loop); the requests in order
 * (thread, maildir_perform); the answers in order (loop).
 *
 * A pass comes only first: a SCAN or STATUS behind a change waits for the next job,
 * so that it sees the change.
 */
#include "source/maildir_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static bool
is_account(enum request_kind kind)
{
	return kind == REQ_LIST || kind == REQ_CREATE || kind == REQ_RENAME || kind == REQ_REMOVE;
}

static bool
is_look(enum request_kind kind)
{
	return kind == REQ_SCAN || kind == REQ_STATUS;
}

static bool
is_change(enum request_kind kind)
{
	return !is_account(kind) && !is_look(kind) && kind != REQ_FETCH;
}

static void
job_fail(struct maildir_job *job, const struct err *e)
{
	LIST_EACH(&job->requests, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		r->result = RESULT_FAILED;
		r->err = *e;
	}
}

static void
job_free(struct maildir_job *job)
{
	struct view name;
	size_t it = 0;
	void *key;

	for (size_t i = 0; i < job->fresh.n; i++) {
		free(job->fresh.at[i].name);
		free(job->fresh.at[i].key);
	}
	VEC_FREE(&job->fresh);
	free(job->asked);
	VEC_FREE(&job->missing);
	VEC_FREE(&job->taken);
	if (job->lost_keys != NULL) {
		while (map_next(job->lost_keys, &it, &name, &key))
			free(key);
		map_free(&job->lost_keys);
	}
	VEC_FREE(&job->loaded);
	for (size_t i = 0; i < job->renamed.n; i++)
		free(job->renamed.at[i]);
	VEC_FREE(&job->renamed);
	free(job);
}

static void
tell_renamed(struct maildir_job *job)
{
	struct maildir *m = job->m;

	for (size_t i = 0; i < job->renamed.n; i += 2) {
		const char *pair[] = { job->renamed.at[i], job->renamed.at[i + 1] };

		for (size_t j = 0; j < ARRAY_LEN(pair); j++) {
			struct maildir_box *box = pair[j] == NULL ? NULL :
			    map_get(m->boxes, view_of(pair[j]));

			if (box != NULL)
				maildir_box_forget(box);
		}
		if (m->book->renamed != NULL)
			m->book->renamed(m->book->book, m->source.name, pair[0], pair[1]);
	}
}

static void
forget(struct maildir_job *job, const uint32_t *uids, size_t n)
{
	const struct uid_book *book = job->m->book;

	if (n > 0)
		book->forget(book->book, job->m->source.name, job->box->name, uids, n);
}

/* Answers in order; a callback may submit, watch or close. */
static void
job_end(struct maildir_job *job)
{
	struct maildir *m = job->m;
	struct maildir_box *box = job->box;

	for (size_t i = 0; i < job->loaded.n; i++)
		maildir_fill(job->loaded.at[i].r->message, &job->loaded.at[i]);
	tell_renamed(job);
	while (!list_empty(&job->left)) {
		struct link *last = job->left.prev;

		list_remove(last);
		list_prepend(&box->queue, last);
	}
	if (m->closing)
		maildir_cancel_queued(box);
	while (!list_empty(&job->requests)) {
		struct request *r = LIST_ITEM(job->requests.next, struct request, link);

		list_remove(&r->link);
		r->done(r);
	}
	/* after the answers: who journals them must not lose the key before */
	forget(job, job->taken.at, job->taken.n);
	box->busy = false;
	m->exclusive = false;
	if (!list_empty(&box->queue))
		list_append(&m->ready, &box->ready);
	else if (!m->closing)
		maildir_box_drop_if_empty(box);
	job_free(job);
	maildir_unhold(m);
}

static void
performed(void *arg)
{
	job_end(arg);
}

static void
perform(void *arg)
{
	maildir_perform(arg);
}

static void
stage_perform(struct maildir_job *job)
{
	loop_work(job->m->source.loop, perform, performed, job);
}

/* ---- a MOVE that may have happened before a crash: the key of its UID, from the book */

struct find { struct maildir_job *job; uint32_t uid; };

static void
find_done(struct maildir_job *job)
{
	if (--job->finding == 0)
		stage_perform(job);
}

static void
found(void *arg, const char *key, const struct err *e)
{
	struct find *f = arg;
	struct maildir_job *job = f->job;
	char uid[16];

	(void)e;	/* not knowing the key is GONE, whatever the reason */
	snprintf(uid, sizeof(uid), "%u", f->uid);
	if (key != NULL)
		free(map_set(job->lost_keys, view_of(uid), xstrdup(key)));
	free(f);
	find_done(job);
}

static void
stage_find(struct maildir_job *job)
{
	const struct uid_book *book = job->m->book;

	job->finding = 1;
	LIST_EACH(&job->requests, it) {
		struct request *r = LIST_ITEM(it, struct request, link);
		struct find *f;

		if (r->kind != REQ_MOVE || !r->probe || book->find == NULL ||
		    maildir_entry_of(job->box, r->uid) != NULL)
			continue;
		if (job->lost_keys == NULL)
			job->lost_keys = map_new();
		f = xmalloc(sizeof(*f));
		*f = (struct find){ job, r->uid };
		job->finding++;
		book->find(book->book, job->m->source.name, job->box->name, r->uid, found, f);
	}
	find_done(job);
}

/* ---- UIDs for what the pass found */

static void stage_assign(struct maildir_job *job);

static void
assigned(void *arg, uint32_t uidvalidity, uint32_t uidnext, const struct err *e)
{
	struct maildir_job *job = arg;
	struct maildir_box *box = job->box;

	if (e != NULL && err_is(e)) {
		job->err = *e;
	} else if (uidvalidity == 0) {
		err_set(&job->err, ERR_SYSTEM, SCOPE_MAILBOX,
		    "mailbox '%s' in account '%s': no UIDVALIDITY", box->name, job->m->source.name);
	} else if (box->uidvalidity != 0 && box->uidvalidity != uidvalidity) {
		maildir_box_forget(box);
		err_set(&job->err, ERR_GONE, SCOPE_MAILBOX,
		    "mailbox '%s' in account '%s': its UIDs were renewed",
		    box->name, job->m->source.name);
		job->err.temporary = true;
	} else {
		box->uidvalidity = uidvalidity;
		box->uidnext = uidnext;
		maildir_learn(job);
	}
	free(job->asked);
	job->asked = NULL;
	if (err_is(&job->err)) {
		job_fail(job, &job->err);
		job_end(job);
		return;
	}
	stage_assign(job);
}

static void
stage_assign(struct maildir_job *job)
{
	struct maildir_box *box = job->box;
	const struct uid_book *book = job->m->book;
	size_t n = MIN(job->fresh.n - job->assigned, (size_t)MAILDIR_ASSIGN_MAX);

	if (n == 0 && box->uidvalidity != 0) {
		box->known = true;
		stage_find(job);
		return;
	}
	job->asked = xcalloc(n + 1, sizeof(*job->asked));
	job->asked_n = n;
	for (size_t i = 0; i < n; i++) {
		struct maildir_fresh *f = &job->fresh.at[job->assigned + i];

		job->asked[i] = (struct uid_entry){ .key = f->key, .received = f->received };
	}
	book->assign(book->book, job->m->source.name, box->name, job->asked, n, assigned, job);
}

static void
passed(void *arg)
{
	struct maildir_job *job = arg;

	if (err_is(&job->err)) {
		job_fail(job, &job->err);
		job_end(job);
		return;
	}
	forget(job, job->missing.at, job->missing.n);
	stage_assign(job);
}

static void
pass(void *arg)
{
	maildir_pass(arg);
}

/* ---- what a job takes */

/* False when r's target would be one too many. */
static bool
note_target(const char **targets, size_t *n, const struct request *r)
{
	if (r->target == NULL)
		return true;
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(targets[i], r->target) == 0)
			return true;
	}
	if (*n == MAILDIR_TARGETS_MAX - 1)	/* one place is left for APPEND's own mailbox */
		return false;
	targets[(*n)++] = r->target;
	return true;
}

/*
 * A SCAN that what is known fills needs no pass: new messages get higher UIDs anyway.
 * Else a big mailbox would be read whole for each window of it.
 */
static bool
is_filled(const struct maildir_box *box, const struct request *r)
{
	return r->kind == REQ_SCAN && box->known && r->limit > 0 &&
	    box->by_uid.n - maildir_above(box, r->uid) > r->limit;
}

static void
need_pass(struct maildir_job *job, const struct request *r)
{
	const struct maildir_box *box = job->box;

	if (is_account(r->kind) || r->kind == REQ_APPEND || is_filled(box, r))
		return;
	if (!box->known || is_look(r->kind))
		job->pass = true;
	/* A UID that the cache does not have: a look that raced with a rename may have missed it. */
	if (!box->known || (!is_look(r->kind) && maildir_entry_of(box, r->uid) == NULL))
		job->pass = job->twice = true;
}

static void
take(struct maildir_job *job)
{
	const char *targets[MAILDIR_TARGETS_MAX];
	size_t targets_n = 0, n = 0;
	bool changed = false;

	LIST_EACH(&job->box->queue, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		if (n == MAILDIR_TAKE_MAX || (n > 0 && is_account(r->kind)))
			break;
		if ((changed && is_look(r->kind)) || !note_target(targets, &targets_n, r))
			break;
		list_remove(it);
		list_append(&job->requests, it);
		n++;
		need_pass(job, r);
		changed |= is_change(r->kind);
		if (is_account(r->kind))
			break;
	}
}

void
maildir_job_start(struct maildir_box *box)
{
	struct maildir *m = box->m;
	struct maildir_job *job = xcalloc(1, sizeof(*job));

	job->m = m;
	job->box = box;
	job->number = ++m->jobs;
	job->wall_ms = loop_wall(m->source.loop);
	list_init(&job->requests);
	list_init(&job->left);
	box->busy = true;
	m->running++;
	take(job);
	if (job->pass)
		loop_work(m->source.loop, pass, passed, job);
	else
		stage_find(job);
}
