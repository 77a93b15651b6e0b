/*
 * Watching a mailbox: the system's notice of new/ and cur/, and under it a slow check
 * of their times on a thread, since notices get lost (network file systems, watch
 * limits).  Several changes of one turn are told once.  A mailbox that is removed is
 * told as lost; a notice of the folder above, or the slow check, sees it come back.
 */
#include "source/maildir_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define SETTLE_MS 10	/* a delivery is several events */
#define FOLDER_MS 50	/* a new folder gets its new/ and cur/ a moment later */

struct check {
	struct maildir_box	*box;
	char			*path;
	struct maildir_stamp	 stamp;
	int			 errnum;
};

static void arm(struct maildir_box *box, int64_t ms);

/* fn may watch, unwatch, submit and close. */
static void
tell(struct maildir_box *box, const struct err *lost)
{
	struct { VEC(struct maildir_watcher) } now = { 0 };

	for (size_t i = 0; i < box->watchers.n; i++)
		VEC_PUSH(&now, box->watchers.at[i]);
	for (size_t i = 0; i < now.n; i++) {
		for (size_t j = 0; j < box->watchers.n; j++) {
			if (box->watchers.at[j].fn != now.at[i].fn ||
			    box->watchers.at[j].arg != now.at[i].arg)
				continue;
			now.at[i].fn(now.at[i].arg, box->name, lost);
			break;
		}
	}
	VEC_FREE(&now);
}

static void
tell_lost(struct maildir_box *box, int errnum)
{
	struct err e = ERR_NONE;

	if (box->lost)
		return;
	box->lost = true;
	for (int i = 0; i < 2; i++)
		loop_watch_free(box->m->source.loop, &box->watch[i]);
	if (errnum == ENOENT || errnum == ENOTDIR)
		err_set(&e, ERR_GONE, SCOPE_MAILBOX, "there is no mailbox '%s' in account '%s'",
		    box->name, box->m->source.name);
	else
		err_sys(&e, errnum, "mailbox '%s' in account '%s'", box->name, box->m->source.name);
	e.scope = SCOPE_MAILBOX;
	e.temporary = true;
	tell(box, &e);
}

/* ---- the slow check */

static void
check_work(void *arg)
{
	struct check *c = arg;

	c->errnum = maildir_stamp_take(c->path, &c->stamp) == 0 ? 0 : errno;
}

static void watch_dirs(struct maildir_box *box, bool warn);

/* A folder that was replaced: the system still looks at the old one. */
static void
drop_moved(struct maildir_box *box, const struct maildir_stamp *now)
{
	for (int i = 0; box->watch_known && i < 2; i++) {
		if (box->watch_stamp.dir[i].dev != now->dir[i].dev ||
		    box->watch_stamp.dir[i].ino != now->dir[i].ino)
			loop_watch_free(box->m->source.loop, &box->watch[i]);
	}
}

static void
check_done(void *arg)
{
	struct check *c = arg;
	struct maildir_box *box = c->box;
	struct maildir *m = box->m;
	bool changed = c->errnum == 0 && (box->lost || !box->watch_known ||
	    !maildir_stamp_eq(&c->stamp, &box->watch_stamp));
	/* the first only begins to compare, unless nobody would tell what came before it */
	bool first = !box->watch_known && !box->lost && box->watch[0] != NULL &&
	    box->watch[1] != NULL;

	box->checking = false;
	if (c->errnum == 0) {
		drop_moved(box, &c->stamp);
		box->watch_stamp = c->stamp;
		box->watch_known = true;
		box->lost = false;
	}
	if (box->watchers.n > 0 && !m->closing) {
		arm(box, m->rescan_ms);
		if (c->errnum == 0)
			watch_dirs(box, true);
		if (c->errnum != 0)
			tell_lost(box, c->errnum);
		else if (changed && !first)
			tell(box, NULL);
	}
	free(c->path);
	free(c);
	maildir_unhold(m);
}

static void
check(void *arg)
{
	struct maildir_box *box = arg;
	struct check *c;

	box->timer = NULL;
	if (box->checking) {
		arm(box, box->m->rescan_ms);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->box = box;
	c->path = xstrdup(box->path);
	box->checking = true;
	box->m->running++;
	loop_work(box->m->source.loop, check_work, check_done, c);
}

static void
arm(struct maildir_box *box, int64_t ms)
{
	loop_cancel(box->m->source.loop, &box->timer);
	box->timer = loop_after(box->m->source.loop, ms, check, box);
}

/* ---- the system's notices */

static void
settled(void *arg)
{
	struct maildir_box *box = arg;

	box->settle = NULL;
	tell(box, NULL);
}

static void
noticed(void *arg, const char *name)
{
	struct maildir_box *box = arg;

	if (name == NULL) {	/* removed, or the system gave up: the check will tell which */
		for (int i = 0; i < 2; i++)
			loop_watch_free(box->m->source.loop, &box->watch[i]);
		arm(box, 0);
		return;
	}
	if (box->settle == NULL)
		box->settle = loop_after(box->m->source.loop, SETTLE_MS, settled, box);
}

/* What cannot be watched is left to the slow check. */
static void
watch_dirs(struct maildir_box *box, bool warn)
{
	for (int i = 0; i < 2; i++) {
		char *sub = xasprintf("%s/%s", box->path, maildir_dir_name[MAILDIR_NEW + i]);
		struct err e = ERR_NONE;

		if (box->watch[i] == NULL)
			box->watch[i] = loop_watch_new(box->m->source.loop, sub, noticed, box, &e);
		free(sub);
		if (box->watch[i] != NULL || !warn || box->warned)
			continue;
		box->warned = true;
		log_warn(box->m->source.log, "mailbox '%s' in account '%s' is looked at every "
		    "%lld s only: %s", box->name, box->m->source.name,
		    (long long)(box->m->rescan_ms / 1000), e.text);
	}
}

/* ---- folders that come (back): the folder above says so */

static void
folder_settled(void *arg)
{
	struct maildir *m = arg;
	struct view name;
	size_t it = 0;
	void *box;

	m->root_settle = NULL;
	while (map_next(m->boxes, &it, &name, &box)) {
		if (((struct maildir_box *)box)->lost && ((struct maildir_box *)box)->watchers.n > 0)
			arm(box, 0);
	}
}

static void
folder_noticed(void *arg, const char *name)
{
	struct maildir *m = arg;

	if (name == NULL)
		loop_watch_free(m->source.loop, &m->root_watch);
	else if (m->root_settle == NULL)
		m->root_settle = loop_after(m->source.loop, FOLDER_MS, folder_settled, m);
}

/* Without it the slow check finds them. */
static void
watch_root(struct maildir *m)
{
	struct err e = ERR_NONE;

	if (m->root_watch == NULL)
		m->root_watch = loop_watch_new(m->source.loop, m->path, folder_noticed, m, &e);
}

void
maildir_watch_stop(struct maildir *m)
{
	loop_watch_free(m->source.loop, &m->root_watch);
	loop_cancel(m->source.loop, &m->root_settle);
}

/* ---- watchers */

struct refused { struct maildir *m; source_change_fn fn; void *arg; char *mailbox; struct err e; };

static void
refuse(void *arg)
{
	struct refused *f = arg;

	if (!f->m->closing)
		f->fn(f->arg, f->mailbox, &f->e);
	f->m->deferred--;
	maildir_idle(f->m);
	free(f->mailbox);
	free(f);
}

void
maildir_watch(struct source *s, const char *mailbox, source_change_fn fn, void *arg)
{
	struct maildir *m = (struct maildir *)s;
	struct err e = ERR_NONE;
	struct maildir_box *box;

	CHECK(m, MAILDIR_MAGIC);
	if (m->closing)
		return;
	box = maildir_box_get(m, mailbox, &e);
	if (box == NULL) {
		struct refused *f = xcalloc(1, sizeof(*f));

		*f = (struct refused){ m, fn, arg, xstrdup(mailbox), e };
		m->deferred++;
		loop_defer(s->loop, refuse, f);
		return;
	}
	VEC_PUSH(&box->watchers, ((struct maildir_watcher){ fn, arg }));
	if (box->watchers.n > 1)
		return;
	/* at once, so that nothing between the caller's scan and the first check is missed */
	box->lost = box->watch_known = false;
	watch_dirs(box, false);
	watch_root(m);
	arm(box, 0);
}

void
maildir_watch_end(struct maildir_box *box)
{
	struct loop *l = box->m->source.loop;

	for (int i = 0; i < 2; i++)
		loop_watch_free(l, &box->watch[i]);
	loop_cancel(l, &box->timer);
	loop_cancel(l, &box->settle);
	box->watchers.n = 0;
}

void
maildir_unwatch(struct source *s, const char *mailbox, source_change_fn fn, void *arg)
{
	struct maildir *m = (struct maildir *)s;
	struct maildir_box *box;

	CHECK(m, MAILDIR_MAGIC);
	box = map_get(m->boxes, view_iis(view_of(mailbox), "INBOX") ? VIEW("INBOX") :
	    view_of(mailbox));
	for (size_t i = 0; box != NULL && i < box->watchers.n; i++) {
		if (box->watchers.at[i].fn != fn || box->watchers.at[i].arg != arg)
			continue;
		box->watchers.at[i] = box->watchers.at[--box->watchers.n];
		if (box->watchers.n == 0)
			maildir_watch_end(box);
		return;
	}
}
