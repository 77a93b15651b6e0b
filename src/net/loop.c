/*
 * loop: what both backends have in common: the turn, deferred and posted calls,
 * the lists of what is registered.
 *
 * A turn is: one generation of deferred calls; one look at I/O; what threads
 * posted; the timers that are due.  Each part runs only what was there when it
 * began, so none of them can starve another.  The loop waits only if nothing is
 * deferred and no timer is due.
 *
 * Whether the loop lives is counted here and not asked of the backend, so both
 * end at the same moment.  Not here: any system call; see loop_uv.c, loop_fake.c.
 */
#include "net/loop_int.h"

#include <stdlib.h>

#define CALLS_KEEP	4096	/* a generation larger than this gives its memory back */

/* ---- calls */

static void
calls_trim(struct loop_calls *c)
{
	c->n = 0;
	if (c->cap > CALLS_KEEP)
		VEC_FREE(c);
}

/* Takes the calls out of q, which gets the spare memory for the next generation. */
static struct loop_calls
calls_take(struct loop *l, struct loop_calls *q)
{
	struct loop_calls c = *q;

	*q = l->spare;
	l->spare = (struct loop_calls){ 0 };
	return c;
}

static void
calls_run(struct loop *l, struct loop_calls *c)
{
	for (size_t i = 0; i < c->n; i++)
		c->at[i].fn(c->at[i].arg);
	calls_trim(c);
	VEC_FREE(&l->spare);
	l->spare = *c;
}

void
loop_defer(struct loop *l, loop_fn fn, void *arg)
{
	CHECK(l, LOOP_MAGIC);
	VEC_PUSH(&l->deferred, ((struct loop_call){ fn, arg }));
}

void
loop_post(struct loop *l, loop_fn fn, void *arg)
{
	CHECK(l, LOOP_MAGIC);
	pthread_mutex_lock(&l->lock);
	VEC_PUSH(&l->posts, ((struct loop_call){ fn, arg }));
	/* Under the lock: once the call has run, its receiver may free the loop. */
	l->ops->wake(l);
	pthread_mutex_unlock(&l->lock);
}

bool
loop_is_posted(struct loop *l)
{
	bool yes;

	pthread_mutex_lock(&l->lock);
	yes = l->posts.n > 0;
	pthread_mutex_unlock(&l->lock);
	return yes;
}

static void
run_posts(struct loop *l)
{
	struct loop_calls c;

	pthread_mutex_lock(&l->lock);
	if (l->posts.n == 0) {
		pthread_mutex_unlock(&l->lock);
		return;
	}
	c = calls_take(l, &l->posts);
	pthread_mutex_unlock(&l->lock);
	calls_run(l, &c);
}

/* ---- life */

void
loop_begin(struct loop *l)
{
	l->magic = LOOP_MAGIC;
	list_init(&l->io_list);
	list_init(&l->signal_list);
	list_init(&l->watch_list);
	list_init(&l->child_list);
	list_init(&l->work_list);
	pthread_mutex_init(&l->lock, NULL);
}

void
loop_end(struct loop *l)
{
	loop_timer_drop(l);
	VEC_FREE(&l->deferred);
	VEC_FREE(&l->posts);
	VEC_FREE(&l->spare);
	pthread_mutex_destroy(&l->lock);
	l->magic = 0;
}

void
loop_free(struct loop **lp)
{
	struct loop *l = *lp;

	if (l == NULL)
		return;
	CHECK(l, LOOP_MAGIC);
	assert(!l->in_turn);
	*lp = NULL;
	loop_work_drop(l);		/* first: its threads post */
	loop_child_drop(l);
	while (!list_empty(&l->io_list)) {
		struct loop_io *io = LIST_ITEM(l->io_list.next, struct loop_io, link);

		loop_io_free(l, &io);
	}
	while (!list_empty(&l->signal_list)) {
		struct loop_signal *s = LIST_ITEM(l->signal_list.next, struct loop_signal, link);

		loop_signal_free(l, &s);
	}
	while (!list_empty(&l->watch_list)) {
		struct loop_watch *w = LIST_ITEM(l->watch_list.next, struct loop_watch, link);

		loop_watch_free(l, &w);
	}
	l->ops->free(l);
}

bool
loop_is_alive(struct loop *l)
{
	return l->deferred.n > 0 || l->timers.n > 0 || l->hold > 0 || l->awake > 0 ||
	    l->works > 0 || loop_is_posted(l);
}

/* How long this turn may wait for I/O, in ms; -1 without end. */
static int64_t
turn_wait(struct loop *l, bool wait)
{
	const struct loop_timer *t = loop_timer_first(l);

	if (!wait || l->stop || l->deferred.n > 0)
		return 0;
	if (t != NULL)
		return MAX(t->at - l->now, 0);
	return loop_is_alive(l) ? -1 : 0;
}

void
loop_turn(struct loop *l, bool wait)
{
	struct loop_calls c;

	CHECK(l, LOOP_MAGIC);
	assert(!l->in_turn);
	l->now = l->ops->now(l);
	l->in_turn = true;
	if (l->deferred.n > 0) {
		c = calls_take(l, &l->deferred);
		calls_run(l, &c);
	}
	l->ops->poll(l, turn_wait(l, wait));
	run_posts(l);
	loop_timer_fire(l);
	l->in_turn = false;
}

void
loop_run(struct loop *l)
{
	CHECK(l, LOOP_MAGIC);
	while (!l->stop && loop_is_alive(l))
		loop_turn(l, true);
	l->stop = false;
}

void
loop_stop(struct loop *l)
{
	CHECK(l, LOOP_MAGIC);
	l->stop = true;
}

void
loop_hold(struct loop *l)
{
	CHECK(l, LOOP_MAGIC);
	l->hold++;
}

void
loop_release(struct loop *l)
{
	CHECK(l, LOOP_MAGIC);
	assert(l->hold > 0);
	l->hold--;
}

/* ---- time */

int64_t
loop_now(const struct loop *l)
{
	CHECK(l, LOOP_MAGIC);
	return l->in_turn ? l->now : l->ops->now(l);
}

int64_t
loop_wall(const struct loop *l)
{
	CHECK(l, LOOP_MAGIC);
	return l->ops->wall(l);
}

/* ---- descriptors */

struct loop_io *
loop_io_new(struct loop *l, int fd, int events, loop_io_fn fn, void *arg, struct err *e)
{
	struct loop_io *io;

	CHECK(l, LOOP_MAGIC);
	if ((io = l->ops->io_new(l, fd, events, e)) == NULL)
		return NULL;
	io->magic = LOOP_IO_MAGIC;
	io->l = l;
	io->want = events;
	io->fn = fn;
	io->arg = arg;
	list_append(&l->io_list, &io->link);
	l->awake += events != 0;
	return io;
}

void
loop_io_want(struct loop_io *io, int events)
{
	CHECK(io, LOOP_IO_MAGIC);
	if (events == io->want)
		return;
	io->l->awake -= io->want != 0;
	io->l->awake += events != 0;
	io->want = events;
	io->l->ops->io_want(io, events);
}

void
loop_io_free(struct loop *l, struct loop_io **iop)
{
	struct loop_io *io = *iop;

	CHECK(l, LOOP_MAGIC);
	if (io == NULL)
		return;
	CHECK(io, LOOP_IO_MAGIC);
	assert(io->l == l);
	*iop = NULL;
	l->awake -= io->want != 0;
	list_remove(&io->link);
	io->magic = 0;
	l->ops->io_free(io);
}

/* ---- signals */

struct loop_signal *
loop_signal_new(struct loop *l, int signo, loop_fn fn, void *arg, struct err *e)
{
	struct loop_signal *s;

	CHECK(l, LOOP_MAGIC);
	if ((s = l->ops->signal_new(l, signo, e)) == NULL)
		return NULL;
	s->magic = LOOP_SIGNAL_MAGIC;
	s->l = l;
	s->signo = signo;
	s->seq = l->seq++;
	s->fn = fn;
	s->arg = arg;
	list_append(&l->signal_list, &s->link);
	return s;
}

void
loop_signal_free(struct loop *l, struct loop_signal **sp)
{
	struct loop_signal *s = *sp;

	CHECK(l, LOOP_MAGIC);
	if (s == NULL)
		return;
	CHECK(s, LOOP_SIGNAL_MAGIC);
	assert(s->l == l);
	*sp = NULL;
	list_remove(&s->link);
	s->magic = 0;
	l->ops->signal_free(s);
}

/* ---- watches */

struct loop_watch *
loop_watch_new(struct loop *l, const char *path, loop_watch_fn fn, void *arg, struct err *e)
{
	struct loop_watch *w;

	CHECK(l, LOOP_MAGIC);
	if ((w = l->ops->watch_new(l, path, e)) == NULL)
		return NULL;
	w->magic = LOOP_WATCH_MAGIC;
	w->l = l;
	w->seq = l->seq++;
	w->fn = fn;
	w->arg = arg;
	list_append(&l->watch_list, &w->link);
	l->awake += l->ops->real;
	return w;
}

void
loop_watch_dies(struct loop_watch *w)
{
	if (!w->dead)
		w->l->awake -= w->l->ops->real;
	w->dead = true;
}

void
loop_watch_free(struct loop *l, struct loop_watch **wp)
{
	struct loop_watch *w = *wp;

	CHECK(l, LOOP_MAGIC);
	if (w == NULL)
		return;
	CHECK(w, LOOP_WATCH_MAGIC);
	assert(w->l == l);
	*wp = NULL;
	loop_watch_dies(w);
	list_remove(&w->link);
	w->magic = 0;
	l->ops->watch_free(w);
}
