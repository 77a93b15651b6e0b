/*
 * loop_work: blocking work (files, PBKDF2, DNS) on a pool of at most 4 threads.
 *
 * The pool is the loop's own and not libuv's, which a slow resolver could fill.
 * Threads start when there is more work than idle threads, and end with the loop.
 * They block every signal but the synchronous ones, so that a handler (and the
 * profiling timer that stops runaway scripts) always meets the loop's thread.
 *
 * Work that is not begun when the loop is freed is dropped, neither called.  A
 * loop without threads (the fake one, or a system that gives none) runs work as a
 * deferred call.
 */
#include "net/loop_int.h"

#include <signal.h>
#include <stdlib.h>

#define POOL_THREADS	4

struct loop_work {
	uint32_t	 magic;
	struct link	 link;		/* of the loop: until done has been called */
	struct link	 queued;	/* of the pool: until begun */
	struct loop	*l;
	loop_fn		 work, done;
	void		*arg;
	bool		 begun;		/* under the pool's lock when there is one */
};

/* Everything below the lock is guarded by it; threads and n are the loop thread's. */
struct loop_pool {
	pthread_t	 threads[POOL_THREADS];
	size_t		 n;
	struct loop	*l;
	pthread_mutex_t	 lock;
	pthread_cond_t	 more;
	struct link	 queue;
	size_t		 waiting;	/* works in the queue */
	size_t		 idle;		/* threads in pthread_cond_wait */
	bool		 quit;
};

static void
work_free(struct loop_work *w)
{
	list_remove(&w->link);
	w->magic = 0;
	free(w);
}

/* In the loop, behind the work. */
static void
work_end(void *arg)
{
	struct loop_work *w = arg;

	w->l->works--;
	if (w->done != NULL)
		w->done(w->arg);
	work_free(w);
}

/* In the loop, instead of on a thread. */
static void
work_here(void *arg)
{
	struct loop_work *w = arg;

	if (!w->begun) {
		w->begun = true;
		w->work(w->arg);
	}
	work_end(w);
}

static void *
pool_thread(void *arg)
{
	struct loop_pool *p = arg;
	struct loop_work *w;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (list_empty(&p->queue) && !p->quit) {
			p->idle++;
			pthread_cond_wait(&p->more, &p->lock);
			p->idle--;
		}
		if (p->quit)
			break;
		w = LIST_ITEM(p->queue.next, struct loop_work, queued);
		list_remove(&w->queued);
		p->waiting--;
		w->begun = true;
		pthread_mutex_unlock(&p->lock);
		w->work(w->arg);
		loop_post(p->l, work_end, w);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
pool_grow(struct loop_pool *p)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&p->threads[p->n], NULL, pool_thread, p) == 0)
		p->n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct loop_pool *
pool_new(struct loop *l)
{
	struct loop_pool *p = xcalloc(1, sizeof(*p));

	p->l = l;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	list_init(&p->queue);
	return p;
}

/* Queues the work; false when there is no thread that could do it. */
static bool
pool_add(struct loop_pool *p, struct loop_work *w)
{
	bool grow;

	pthread_mutex_lock(&p->lock);
	grow = p->n < POOL_THREADS && p->waiting >= p->idle;
	pthread_mutex_unlock(&p->lock);
	if (grow)
		pool_grow(p);
	if (p->n == 0)
		return false;
	pthread_mutex_lock(&p->lock);
	list_append(&p->queue, &w->queued);
	p->waiting++;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	return true;
}

struct loop_work *
loop_work(struct loop *l, loop_fn work, loop_fn done, void *arg)
{
	struct loop_work *w;

	CHECK(l, LOOP_MAGIC);
	w = xcalloc(1, sizeof(*w));
	w->magic = LOOP_WORK_MAGIC;
	w->l = l;
	w->work = work;
	w->done = done;
	w->arg = arg;
	list_init(&w->queued);
	list_append(&l->work_list, &w->link);
	l->works++;
	if (l->ops->real && l->pool == NULL)
		l->pool = pool_new(l);
	if (l->pool == NULL || !pool_add(l->pool, w))
		loop_defer(l, work_here, w);
	return w;
}

void
loop_work_forget(struct loop *l, struct loop_work *w)
{
	struct loop_pool *p;
	bool dequeued = false;

	CHECK(l, LOOP_MAGIC);
	CHECK(w, LOOP_WORK_MAGIC);
	assert(w->l == l);
	if ((p = l->pool) != NULL)
		pthread_mutex_lock(&p->lock);
	if (p != NULL && !list_empty(&w->queued)) {
		list_remove(&w->queued);
		p->waiting--;
		dequeued = true;
	}
	w->begun = true;		/* in a loop without threads: work_here skips it */
	if (p != NULL)
		pthread_mutex_unlock(&p->lock);
	if (dequeued)
		loop_post(l, work_end, w);
}

/* Ends the pool, waiting for what has begun, and frees the works of a dying loop. */
void
loop_work_drop(struct loop *l)
{
	struct loop_pool *p = l->pool;

	if (p != NULL) {
		pthread_mutex_lock(&p->lock);
		p->quit = true;
		pthread_cond_broadcast(&p->more);
		pthread_mutex_unlock(&p->lock);
		for (size_t i = 0; i < p->n; i++)
			pthread_join(p->threads[i], NULL);
		pthread_cond_destroy(&p->more);
		pthread_mutex_destroy(&p->lock);
		free(p);
		l->pool = NULL;
	}
	while (!list_empty(&l->work_list))
		work_free(LIST_ITEM(l->work_list.next, struct loop_work, link));
	l->works = 0;
}
