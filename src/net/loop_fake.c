/*
 * loop_fake: the backend of tests.  The clock stands still while there is anything
 * to do and jumps to the next timer when there is not, so waiting costs no time.
 *
 * Work is a deferred call (ops->real is false), touches and signals are queued
 * and fire from a deferred call: nothing calls back from inside a call.  Watches do
 * not keep this loop alive, since nothing outside could touch them.
 *
 * A test may still have threads of its own that loop_post() (the writer of the
 * state).  While the loop is held for them, it waits for their post before it lets
 * the clock jump, but no longer than HELD_MS of real time: a hold for life costs
 * patience and not an endless test.
 */
#include "net/loop_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "net/loop_int.h"

#define MONO_BEGIN	1000000
#define HELD_MS		1000
#define SETTLE_TURNS	1000	/* at the end of loop_fake_run_for: see there */

/* One touch (path is set) or one signal. */
struct fake_event {
	char	*path, *name;
	int	 signo;
};

struct fake {
	struct loop	base;
	int64_t		now;
	int64_t		wall_off;	/* wall - now */
	pthread_cond_t	posted;		/* with base.lock */
	struct { VEC(struct fake_event) } events;
	size_t		taken;		/* events before this one have fired */
};

struct fake_watch { struct loop_watch base; char *path; };

static struct fake *
fake_of(const struct loop *l)
{
	return l->backend;
}

/* ---- time and turns */

static int64_t
fake_now(const struct loop *l)
{
	return fake_of(l)->now;
}

static int64_t
fake_wall(const struct loop *l)
{
	return fake_of(l)->now + fake_of(l)->wall_off;
}

/* Waits for a post, at most ms of real time (-1: without end). */
static void
wait_for_post(struct loop *l, int64_t ms)
{
	struct fake *f = fake_of(l);
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&l->lock);
	while (l->posts.n == 0 && rc != ETIMEDOUT)
		rc = ms < 0 ? pthread_cond_wait(&f->posted, &l->lock) :
		    pthread_cond_timedwait(&f->posted, &l->lock, &until);
	pthread_mutex_unlock(&l->lock);
}

static void
fake_poll(struct loop *l, int64_t ms)
{
	struct fake *f = fake_of(l);

	if (ms == 0)
		return;
	if (l->hold > 0)
		wait_for_post(l, ms < 0 ? -1 : HELD_MS);
	if (ms > 0 && !loop_is_posted(l))
		f->now += ms;
	l->now = f->now;
}

static void
fake_wake(struct loop *l)
{
	pthread_cond_signal(&fake_of(l)->posted);
}

/* ---- what it refuses */

static struct loop_io *
fake_io_new(struct loop *l UNUSED, int fd UNUSED, int events UNUSED, struct err *e)
{
	err_set(e, ERR_SYSTEM, SCOPE_PROGRAM, "a loop with a virtual clock has no descriptors");
	return NULL;
}

static struct loop_proc *
fake_proc_new(struct loop *l UNUSED, const struct loop_proc_params *p, int fds_r[3] UNUSED,
    struct err *e)
{
	err_set(e, ERR_SYSTEM, SCOPE_PROGRAM,
	    "cannot start %s: a loop with a virtual clock has no children", p->argv[0]);
	return NULL;
}

/* ---- signals and watches */

static struct loop_signal *
fake_signal_new(struct loop *l UNUSED, int signo UNUSED, struct err *e UNUSED)
{
	return xcalloc(1, sizeof(struct loop_signal));
}

static void
fake_signal_free(struct loop_signal *s)
{
	free(s);
}

static struct loop_watch *
fake_watch_new(struct loop *l UNUSED, const char *path, struct err *e UNUSED)
{
	struct fake_watch *w = xcalloc(1, sizeof(*w));

	w->path = xstrdup(path);
	return &w->base;
}

static void
fake_watch_free(struct loop_watch *base)
{
	struct fake_watch *w = CONTAINER_OF(base, struct fake_watch, base);

	free(w->path);
	free(w);
}

/*
 * The lists are in the order of seq.  They are searched anew after each call, which
 * may have freed any of their members.
 */
static struct loop_watch *
watch_after(struct loop *l, uint64_t seq, const char *path)
{
	LIST_EACH(&l->watch_list, it) {
		struct loop_watch *w = LIST_ITEM(it, struct loop_watch, link);

		if (w->seq >= seq && !w->dead &&
		    strcmp(CONTAINER_OF(w, struct fake_watch, base)->path, path) == 0)
			return w;
	}
	return NULL;
}

static struct loop_signal *
signal_after(struct loop *l, uint64_t seq, int signo)
{
	LIST_EACH(&l->signal_list, it) {
		struct loop_signal *s = LIST_ITEM(it, struct loop_signal, link);

		if (s->seq >= seq && s->signo == signo)
			return s;
	}
	return NULL;
}

/* Deferred once for each event. */
static void
fire_next(void *arg)
{
	struct loop *l = arg;
	struct fake *f = fake_of(l);
	struct fake_event ev = f->events.at[f->taken++];
	struct loop_watch *w;
	struct loop_signal *s;
	uint64_t seq = 0;

	if (f->taken == f->events.n)
		f->taken = f->events.n = 0;
	while (ev.path != NULL && (w = watch_after(l, seq, ev.path)) != NULL) {
		seq = w->seq + 1;
		if (ev.name == NULL)
			loop_watch_dies(w);
		w->fn(w->arg, ev.name);
	}
	while (ev.path == NULL && (s = signal_after(l, seq, ev.signo)) != NULL) {
		seq = s->seq + 1;
		s->fn(s->arg);
	}
	free(ev.path);
	free(ev.name);
}

static void
event_add(struct loop *l, struct fake_event ev)
{
	CHECK(l, LOOP_MAGIC);
	VEC_PUSH(&fake_of(l)->events, ev);
	loop_defer(l, fire_next, l);
}

/* ---- life */

static void
fake_free(struct loop *l)
{
	struct fake *f = fake_of(l);

	for (size_t i = f->taken; i < f->events.n; i++) {
		free(f->events.at[i].path);
		free(f->events.at[i].name);
	}
	VEC_FREE(&f->events);
	pthread_cond_destroy(&f->posted);
	loop_end(l);
	free(f);
}

static const struct loop_ops fake_ops = {
	.now = fake_now,
	.wall = fake_wall,
	.poll = fake_poll,
	.wake = fake_wake,
	.free = fake_free,
	.io_new = fake_io_new,
	.signal_new = fake_signal_new,
	.signal_free = fake_signal_free,
	.watch_new = fake_watch_new,
	.watch_free = fake_watch_free,
	.proc_new = fake_proc_new,
};

struct loop *
loop_fake_new(int64_t wall_ms)
{
	struct fake *f = xcalloc(1, sizeof(*f));

	f->now = MONO_BEGIN;
	f->wall_off = wall_ms - MONO_BEGIN;
	pthread_cond_init(&f->posted, NULL);
	f->base.ops = &fake_ops;
	f->base.backend = f;
	loop_begin(&f->base);
	return &f->base;
}

static void
set_flag(void *arg)
{
	*(bool *)arg = true;
}

/*
 * When the time has come, what became due with it is still carried out, with what
 * it defers; a call that defers itself for ever is cut after SETTLE_TURNS.
 */
void
loop_fake_run_for(struct loop *l, int64_t ms)
{
	struct loop_timer *t;
	bool passed = false;

	CHECK(l, LOOP_MAGIC);
	assert(l->ops == &fake_ops);
	t = loop_after(l, ms, set_flag, &passed);
	while (!passed && !l->stop)
		loop_turn(l, true);
	if (!passed)
		loop_cancel(l, &t);
	for (int i = 0; i < SETTLE_TURNS && !l->stop; i++) {
		const struct loop_timer *first = loop_timer_first(l);

		if (l->deferred.n == 0 && !loop_is_posted(l) &&
		    (first == NULL || first->at > fake_of(l)->now))
			break;
		loop_turn(l, false);
	}
	l->stop = false;
}

void
loop_fake_jump_wall(struct loop *l, int64_t ms)
{
	CHECK(l, LOOP_MAGIC);
	assert(l->ops == &fake_ops);
	fake_of(l)->wall_off += ms;
}

void
loop_fake_touch(struct loop *l, const char *path, const char *name)
{
	assert(l->ops == &fake_ops);
	event_add(l, (struct fake_event){ .path = xstrdup(path),
	    .name = name != NULL ? xstrdup(name) : NULL });
}

void
loop_fake_signal(struct loop *l, int signo)
{
	assert(l->ops == &fake_ops);
	event_add(l, (struct fake_event){ .signo = signo });
}
