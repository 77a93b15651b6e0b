/*
 * Maildir as a source: its life, its mailboxes and their queues.  A submit only
 * queues; the next turn of the loop makes a job of what has come together (_job).
 * RENAME and REMOVE run alone, since they move the directories of other mailboxes
 * away under their jobs.  What touches files is elsewhere: _scan (passes, cache),
 * _load, _do, _copy, _place, _box, _keywords; and _watch.
 */
#include "source/maildir_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

static void kick(struct maildir *m);

/* ---- mailboxes */

char *
maildir_path_of(const struct maildir *m, const char *name, struct err *e)
{
	struct str path = STR_INIT;

	str_adds(&path, m->path);
	str_addc(&path, '/');
	if (name[0] != '\0' && maildir_folder_encode(&path, view_of(name), e) != 0) {
		str_free(&path);
		return NULL;
	}
	str_cut(&path, path.p[path.len - 1] == '/' ? path.len - 1 : path.len);
	return str_take(&path);
}

struct maildir_box *
maildir_box_get(struct maildir *m, const char *name, struct err *e)
{
	struct maildir_box *box;
	char *path;

	if (view_iis(view_of(name), "INBOX"))
		name = "INBOX";
	box = map_get(m->boxes, view_of(name));
	if (box != NULL)
		return box;
	path = maildir_path_of(m, name, e);
	if (path == NULL)
		return NULL;
	box = xcalloc(1, sizeof(*box));
	box->magic = MAILDIR_BOX_MAGIC;
	box->m = m;
	box->name = xstrdup(name);
	box->path = path;
	box->by_key = map_new();
	list_init(&box->queue);
	list_init(&box->ready);
	map_set(m->boxes, view_of(name), box);
	return box;
}

void
maildir_box_forget(struct maildir_box *box)
{
	for (size_t i = 0; i < box->by_uid.n; i++)
		maildir_entry_free(box->by_uid.at[i]);
	VEC_FREE(&box->by_uid);
	map_free(&box->by_key);
	box->by_key = map_new();
	box->known = false;
	box->uidvalidity = box->uidnext = 0;
	box->stamp = (struct maildir_stamp){ 0 };
	box->stamp_wall = 0;
}

static void
box_free(struct maildir_box *box)
{
	maildir_watch_end(box);
	maildir_box_forget(box);
	map_free(&box->by_key);
	VEC_FREE(&box->watchers);
	free(box->name);
	free(box->path);
	free(box);
}

/* A name that led nowhere leaves nothing behind: scripts can make up any number of them. */
void
maildir_box_drop_if_empty(struct maildir_box *box)
{
	if (box->busy || box->known || box->checking || box->watchers.n > 0 ||
	    box->by_uid.n > 0 || !list_empty(&box->queue))
		return;
	list_remove(&box->ready);
	map_del(box->m->boxes, view_of(box->name));
	box_free(box);
}

/* ---- the end of the source */

void
maildir_idle(struct maildir *m)
{
	struct view name;
	size_t it = 0;
	void *box;
	loop_fn closed = m->closed;
	void *arg = m->closed_arg;

	if (!m->closing || m->running > 0 || m->deferred > 0)
		return;
	while (map_next(m->boxes, &it, &name, &box))
		box_free(box);
	map_free(&m->boxes);
	m->magic = 0;
	free(m->path);
	free(m->source.name);
	free(m);
	if (closed != NULL)
		closed(arg);
}

void
maildir_unhold(struct maildir *m)
{
	m->running--;
	kick(m);	/* one that must run alone may wait for this */
	maildir_idle(m);
}

static void
answer_now(void *arg)
{
	struct request *r = arg;
	struct maildir *m = (struct maildir *)r->source;

	r->done(r);
	m->deferred--;
	maildir_idle(m);
}

/* An answer without a job, in the next generation. */
static void
answer_later(struct maildir *m, struct request *r)
{
	r->result = RESULT_FAILED;
	m->deferred++;
	loop_defer(m->source.loop, answer_now, r);
}

void
maildir_cancel_queued(struct maildir_box *box)
{
	LIST_EACH(&box->queue, it) {
		struct request *r = LIST_ITEM(it, struct request, link);

		list_remove(it);
		err_set(&r->err, ERR_CANCELED, SCOPE_ACCOUNT, "account '%s' was closed",
		    box->m->source.name);
		answer_later(box->m, r);
	}
}

static void
close_later(void *arg)
{
	struct maildir *m = arg;

	m->deferred--;
	maildir_idle(m);
}

static void
maildir_close(struct source *s, loop_fn done, void *arg)
{
	struct maildir *m = (struct maildir *)s;
	struct view name;
	size_t it = 0;
	void *box;

	CHECK(m, MAILDIR_MAGIC);
	if (m->closing)
		return;
	m->closing = true;
	m->closed = done;
	m->closed_arg = arg;
	maildir_watch_stop(m);
	while (map_next(m->boxes, &it, &name, &box)) {
		maildir_watch_end(box);
		maildir_cancel_queued(box);
		list_remove(&((struct maildir_box *)box)->ready);
	}
	m->deferred++;
	loop_defer(s->loop, close_later, m);
}

/* ---- the queue */

static void
start_ready(void *arg)
{
	struct maildir *m = arg;

	m->deferred--;
	m->kicked = false;
	while (!m->closing && !m->exclusive && !list_empty(&m->ready)) {
		struct maildir_box *box = LIST_ITEM(m->ready.next, struct maildir_box, ready);
		struct request *r = LIST_ITEM(box->queue.next, struct request, link);

		if (r->kind == REQ_RENAME || r->kind == REQ_REMOVE) {
			if (m->running > 0)
				break;	/* the last of them kicks again */
			m->exclusive = true;
		}
		list_remove(&box->ready);
		maildir_job_start(box);
	}
	maildir_idle(m);
}

static void
kick(struct maildir *m)
{
	if (m->kicked || m->closing || list_empty(&m->ready))
		return;
	m->kicked = true;
	m->deferred++;
	loop_defer(m->source.loop, start_ready, m);
}

static void
maildir_submit(struct source *s, struct request *r)
{
	struct maildir *m = (struct maildir *)s;
	struct maildir_box *box;

	CHECK(m, MAILDIR_MAGIC);
	if (m->closing) {
		err_set(&r->err, ERR_CANCELED, SCOPE_ACCOUNT, "account '%s' was closed", s->name);
		answer_later(m, r);
		return;
	}
	box = maildir_box_get(m, r->kind == REQ_LIST ? "" : r->mailbox, &r->err);
	if (box != NULL && r->kind != REQ_LIST && box->name[0] == '\0') {
		err_set(&r->err, ERR_USAGE, SCOPE_MAILBOX, "a mailbox without a name");
		box = NULL;
	}
	if (box != NULL && r->target != NULL && view_iis(view_of(r->target), "INBOX"))
		memcpy(r->target_own, "INBOX", 5);
	if (box != NULL && r->kind == REQ_MOVE && strcmp(r->target, box->name) == 0) {
		err_set(&r->err, ERR_USAGE, SCOPE_MESSAGE, "mailbox '%s' in account '%s': "
		    "a message cannot be moved to where it is", box->name, s->name);
		box = NULL;
	}
	if (box == NULL) {
		answer_later(m, r);
		return;
	}
	list_append(&box->queue, &r->link);
	if (!box->busy && list_empty(&box->ready))
		list_append(&m->ready, &box->ready);
	kick(m);
}

/* ---- opening */

static void
maildir_describe(struct source *s, struct str *out)
{
	str_addf(out, "Maildir at %s", ((struct maildir *)s)->path);
}

static const struct source_ops maildir_ops = {
	.protocol = "maildir",
	.can = SOURCE_MAILBOXES | SOURCE_FLAGS | SOURCE_KEYWORDS | SOURCE_MOVE | SOURCE_COPY |
	    SOURCE_APPEND | SOURCE_EXPUNGE | SOURCE_WATCH | SOURCE_ADOPT | SOURCE_HOPS,
	.submit = maildir_submit,
	.watch = maildir_watch,
	.unwatch = maildir_unwatch,
	.describe = maildir_describe,
	.close = maildir_close,
};

/* "/" and ":" would break the name: written as in https://cr.yp.to/proto/maildir.html. */
static void
set_host(struct maildir *m)
{
	char raw[64] = "";
	struct str clean = str_limited(sizeof(m->host) - 1);

	if (gethostname(raw, sizeof(raw) - 1) != 0 || raw[0] == '\0')
		strcpy(raw, "localhost");
	for (const char *p = raw; *p != '\0'; p++) {
		if (*p == '/' || *p == ':' || (unsigned char)*p <= ' ' || *p == 0x7f)
			str_addf(&clean, "\\%03o", (unsigned)(unsigned char)*p);
		else
			str_addc(&clean, *p);
	}
	memcpy(m->host, str_z(&clean), clean.len + 1);
	str_free(&clean);
}

static char *
expand(const char *path)
{
	const char *home = getenv("HOME");
	char *full = path[0] == '~' && path[1] == '/' && home != NULL ?
	    xasprintf("%s%s", home, path + 1) : xstrdup(path);
	size_t n = strlen(full);

	while (n > 1 && full[n - 1] == '/')
		full[--n] = '\0';
	return full;
}

static int
check_path(const char *path, struct err *e)
{
	struct stat st;

	if (path[0] != '/')
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "the path '%s' is not absolute", path);
	for (int d = 0; d < MAILDIR_DIRS; d++) {
		char *sub = xasprintf("%s/%s", path, maildir_dir_name[d]);
		int rc = stat(sub, &st);

		free(sub);
		if (rc == 0 && S_ISDIR(st.st_mode))
			continue;
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT,
		    "no Maildir at %s ('%s' in it: %s); create = true makes one", path,
		    maildir_dir_name[d], rc == 0 ? "not a directory" : strerror(errno));
	}
	return 0;
}

struct sweep { struct maildir *m; int64_t wall_ms; };

static void
sweep(void *arg)
{
	struct sweep *sw = arg;

	maildir_sweep(sw->m, sw->wall_ms);
}

static void
swept(void *arg)
{
	struct maildir *m = ((struct sweep *)arg)->m;

	free(arg);
	maildir_unhold(m);
}

struct source *
maildir_open(struct loop *l, struct log *log, const struct maildir_conf *conf,
	const struct uid_book *book, struct err *e)
{
	struct maildir *m;
	struct sweep *sw;
	char *path = expand(conf->path);

	if ((conf->create && path[0] == '/' && maildir_make(path, e) != 0) ||
	    check_path(path, e) != 0) {
		free(path);
		return NULL;
	}
	m = xcalloc(1, sizeof(*m));
	m->source = (struct source){ &maildir_ops, l, log, xstrdup(conf->name) };
	m->magic = MAILDIR_MAGIC;
	m->path = path;
	m->rescan_ms = conf->rescan_ms > 0 ? conf->rescan_ms : 30 * 1000;
	m->book = book;
	m->boxes = map_new();
	list_init(&m->ready);
	set_host(m);
	sw = xmalloc(sizeof(*sw));
	*sw = (struct sweep){ m, loop_wall(l) };
	m->running++;
	loop_work(l, sweep, swept, sw);
	return &m->source;
}
