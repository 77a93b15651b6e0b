/*
 * loop_uv: the backend of real life, over libuv used narrowly: one uv_timer_t as
 * the limit of a wait (the timers themselves are ours), uv_poll_t on descriptors
 * that others own, signals, file events, processes, and one uv_async_t that ends
 * a wait from another thread.  No libuv thread pool, no libuv streams.  Processes
 * are in loop_uv_proc.c.
 *
 * A libuv handle may only be freed in its close callback: every *_free here closes,
 * and the memory goes a turn later, or in uvl_free(), which turns until all has gone.
 *
 * Limit: the kernel's queue of file events (16,384) is shared by all watches.  When
 * it overflows, changes are lost without a word; a consumer must rescan on any call
 * and look by itself now and then.
 */
#include "net/loop_uv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"

_Static_assert((int)LOOP_READ == (int)UV_READABLE && (int)LOOP_WRITE == (int)UV_WRITABLE,
    "the event bits are passed as they are");

struct uvl_io { struct loop_io base; uv_poll_t h; };
struct uvl_signal { struct loop_signal base; uv_signal_t h; };
struct uvl_watch {
	struct loop_watch	 base;
	uv_fs_event_t		 h;
	char			*path;	/* without symbolic links */
};

/* ---- time and turns */

static int64_t
uvl_now(const struct loop *l)
{
	struct uvl *u = uvl_of(l);

	uv_update_time(&u->uv);
	return (int64_t)uv_now(&u->uv);
}

static int64_t
uvl_wall(const struct loop *l UNUSED)
{
	return clock_wall_ms();
}

/*
 * uv_run() looks at timers before it waits, too (libuv < 1.45).  If a millisecond
 * passes between uv_timer_start() and that, nothing would be left to end the wait:
 * the stop flag makes it a look, and uv_run() clears it.
 */
static void
on_limit(uv_timer_t *t)
{
	uv_stop(t->loop);
}

static void
on_wake(uv_async_t *a UNUSED)
{
}

static void
uvl_poll(struct loop *l, int64_t ms)
{
	struct uvl *u = uvl_of(l);

	if (ms > 0) {
		/*
		 * libuv counts from its idea of now, which may be younger than the
		 * turn's: the time that deferred calls took is not waited again.
		 */
		int64_t late = uvl_now(l) - l->now;

		ms = MAX(ms - late, 0);
		if (ms > 0)
			uv_timer_start(&u->timer, on_limit, (uint64_t)ms, 0);
	}
	uv_run(&u->uv, ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	uv_timer_stop(&u->timer);
	l->now = uvl_now(l);
}

static void
uvl_wake(struct loop *l)
{
	uv_async_send(&uvl_of(l)->async);
}

/* ---- descriptors */

static void
on_io(uv_poll_t *h, int status, int events)
{
	struct uvl_io *io = h->data;

	uvl_tick(io->base.l);
	if (status < 0) {
		/* libuv has stopped the handle; ours stay until their owner says so. */
		events = LOOP_READ | LOOP_WRITE;
		uv_poll_start(h, io->base.want, on_io);
	}
	io->base.fn(io->base.arg, events);
}

static void
io_closed(uv_handle_t *h)
{
	free(h->data);
}

static struct loop_io *
uvl_io_new(struct loop *l, int fd, int events, struct err *e)
{
	struct uvl_io *io = xcalloc(1, sizeof(*io));
	int rc;

	if ((rc = uv_poll_init(&uvl_of(l)->uv, &io->h, fd)) < 0) {
		free(io);
		err_sys(e, -rc, "descriptor %d cannot be waited for", fd);
		return NULL;
	}
	io->h.data = io;
	if (events != 0)
		uv_poll_start(&io->h, events, on_io);
	return &io->base;
}

static void
uvl_io_want(struct loop_io *base, int events)
{
	struct uvl_io *io = CONTAINER_OF(base, struct uvl_io, base);

	if (events == 0)
		uv_poll_stop(&io->h);
	else
		uv_poll_start(&io->h, events, on_io);
}

static void
uvl_io_free(struct loop_io *base)
{
	struct uvl_io *io = CONTAINER_OF(base, struct uvl_io, base);

	uv_close((uv_handle_t *)&io->h, io_closed);
}

/* ---- signals */

static void
on_signal(uv_signal_t *h, int signo UNUSED)
{
	struct uvl_signal *s = h->data;

	uvl_tick(s->base.l);
	s->base.fn(s->base.arg);
}

static void
signal_closed(uv_handle_t *h)
{
	free(h->data);
}

static struct loop_signal *
uvl_signal_new(struct loop *l, int signo, struct err *e)
{
	struct uvl_signal *s = xcalloc(1, sizeof(*s));
	int rc;

	uv_signal_init(&uvl_of(l)->uv, &s->h);
	s->h.data = s;
	if ((rc = uv_signal_start(&s->h, on_signal, signo)) < 0) {
		uv_close((uv_handle_t *)&s->h, signal_closed);
		err_sys(e, -rc, "signal %d cannot be caught", signo);
		return NULL;
	}
	return &s->base;
}

static void
uvl_signal_free(struct loop_signal *base)
{
	struct uvl_signal *s = CONTAINER_OF(base, struct uvl_signal, base);

	uv_close((uv_handle_t *)&s->h, signal_closed);
}

/* ---- watches */

static void on_change(uv_fs_event_t *h, const char *name, int events, int status);

static void
watch_closed(uv_handle_t *h)
{
	struct uvl_watch *w = h->data;

	free(w->path);
	free(w);
}

/* libuv reports what happens to the watched thing itself under its own last name. */
static bool
is_self(const struct uvl_watch *w, const char *name)
{
	const char *slash = strrchr(w->path, '/');

	return name == NULL || strcmp(name, slash != NULL ? slash + 1 : w->path) == 0;
}

static void
on_change(uv_fs_event_t *h, const char *name, int events UNUSED, int status)
{
	struct uvl_watch *w = h->data;

	uvl_tick(w->base.l);
	if (w->base.dead)
		return;
	if (status == 0 && !is_self(w, name)) {
		w->base.fn(w->base.arg, name);
		return;
	}
	/*
	 * Removed, moved away, replaced, or just touched: set on the path anew, which
	 * tells the first two and follows a replacement.  (Comparing inodes does not:
	 * file systems use the number of a removed directory again at once.)
	 */
	uv_fs_event_stop(h);
	if (status == 0 && uv_fs_event_start(h, on_change, w->path, 0) == 0) {
		w->base.fn(w->base.arg, "");
		return;
	}
	loop_watch_dies(&w->base);
	w->base.fn(w->base.arg, NULL);
}

static struct loop_watch *
uvl_watch_new(struct loop *l, const char *path, struct err *e)
{
	struct uvl_watch *w;
	char *real = realpath(path, NULL);
	int rc;

	if (real == NULL) {
		err_sys(e, errno, "cannot watch %s", path);
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->path = real;
	uv_fs_event_init(&uvl_of(l)->uv, &w->h);
	w->h.data = w;
	if ((rc = uv_fs_event_start(&w->h, on_change, real, 0)) < 0) {
		if (rc == UV_ENOSPC)	/* says "no space left on device" and means this: */
			err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "cannot watch %s: the limit of "
			    "the system is reached (fs.inotify.max_user_watches)", path);
		err_sys(e, -rc, "cannot watch %s", path);
		uv_close((uv_handle_t *)&w->h, watch_closed);
		return NULL;
	}
	return &w->base;
}

static void
uvl_watch_free(struct loop_watch *base)
{
	struct uvl_watch *w = CONTAINER_OF(base, struct uvl_watch, base);

	uv_close((uv_handle_t *)&w->h, watch_closed);
}

/* ---- life */

static void
uvl_free(struct loop *l)
{
	struct uvl *u = uvl_of(l);

	uvl_proc_drop(u);
	uv_close((uv_handle_t *)&u->timer, NULL);
	uv_close((uv_handle_t *)&u->async, NULL);
	while (uv_loop_close(&u->uv) == UV_EBUSY)
		uv_run(&u->uv, UV_RUN_ONCE);
	loop_end(l);
	free(u);
}

static const struct loop_ops uvl_ops = {
	.now = uvl_now,
	.wall = uvl_wall,
	.poll = uvl_poll,
	.wake = uvl_wake,
	.free = uvl_free,
	.real = true,
	.io_new = uvl_io_new,
	.io_want = uvl_io_want,
	.io_free = uvl_io_free,
	.signal_new = uvl_signal_new,
	.signal_free = uvl_signal_free,
	.watch_new = uvl_watch_new,
	.watch_free = uvl_watch_free,
	.proc_new = uvl_proc_new,
	.proc_kill = uvl_proc_kill,
	.proc_free = uvl_proc_free,
};

struct loop *
loop_new(struct err *e)
{
	struct uvl *u = xcalloc(1, sizeof(*u));
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int rc;

	if ((rc = uv_loop_init(&u->uv)) < 0) {
		free(u);
		err_sys(e, -rc, "no event loop");
		return NULL;
	}
	uv_timer_init(&u->uv, &u->timer);
	if ((rc = uv_async_init(&u->uv, &u->async, on_wake)) < 0) {
		uv_close((uv_handle_t *)&u->timer, NULL);
		uv_run(&u->uv, UV_RUN_DEFAULT);
		uv_loop_close(&u->uv);
		free(u);
		err_sys(e, -rc, "no event loop");
		return NULL;
	}
	/* A write to a closed pipe or connection is an error to handle, not an end. */
	sigaction(SIGPIPE, &ignore, NULL);
	list_init(&u->procs);
	u->base.ops = &uvl_ops;
	u->base.backend = u;
	loop_begin(&u->base);
	return &u->base;
}
