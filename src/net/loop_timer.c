/*
 * loop_timer: the timers of a loop, a binary heap by (time, order of birth).
 *
 * A timer knows its place in the heap, so cancelling costs O(log n) and leaves
 * nothing behind: a mail program sets a deadline for every read and cancels
 * nearly all of them.  One that fires leaves the heap first and its memory last,
 * so that cancelling it from its own callback is harmless.
 */
#include "net/loop_int.h"

#include <stdlib.h>

static bool
timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void
heap_set(struct loop *l, size_t pos, struct loop_timer *t)
{
	l->timers.at[pos] = t;
	t->pos = pos;
}

static void
heap_up(struct loop *l, size_t pos)
{
	struct loop_timer *t = l->timers.at[pos];

	while (pos > 0 && timer_before(t, l->timers.at[(pos - 1) / 2])) {
		heap_set(l, pos, l->timers.at[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	heap_set(l, pos, t);
}

static void
heap_down(struct loop *l, size_t pos)
{
	struct loop_timer *t = l->timers.at[pos];
	size_t kid;

	while ((kid = 2 * pos + 1) < l->timers.n) {
		if (kid + 1 < l->timers.n &&
		    timer_before(l->timers.at[kid + 1], l->timers.at[kid]))
			kid++;
		if (!timer_before(l->timers.at[kid], t))
			break;
		heap_set(l, pos, l->timers.at[kid]);
		pos = kid;
	}
	heap_set(l, pos, t);
}

static void
heap_remove(struct loop *l, struct loop_timer *t)
{
	size_t pos = t->pos;
	struct loop_timer *last = VEC_POP(&l->timers);

	if (last != t) {
		heap_set(l, pos, last);
		heap_up(l, pos);
		heap_down(l, last->pos);
	}
	t->pos = LOOP_TIMER_OUT;
}

static void
timer_free(struct loop_timer *t)
{
	t->magic = 0;
	free(t);
}

struct loop_timer *
loop_after(struct loop *l, int64_t ms, loop_fn fn, void *arg)
{
	struct loop_timer *t;
	int64_t now;

	CHECK(l, LOOP_MAGIC);
	now = loop_now(l);
	t = xcalloc(1, sizeof(*t));
	t->magic = LOOP_TIMER_MAGIC;
	t->at = ms <= 0 ? now : ms > INT64_MAX - now ? INT64_MAX : now + ms;
	t->seq = l->seq++;
	t->fn = fn;
	t->arg = arg;
	VEC_PUSH(&l->timers, t);
	heap_up(l, l->timers.n - 1);
	return t;
}

void
loop_cancel(struct loop *l, struct loop_timer **tp)
{
	struct loop_timer *t = *tp;

	CHECK(l, LOOP_MAGIC);
	if (t == NULL)
		return;
	CHECK(t, LOOP_TIMER_MAGIC);
	*tp = NULL;
	if (t->pos == LOOP_TIMER_OUT)
		return;			/* it is firing: freed behind its callback */
	heap_remove(l, t);
	timer_free(t);
}

struct loop_timer *
loop_timer_first(const struct loop *l)
{
	return l->timers.n > 0 ? l->timers.at[0] : NULL;
}

/*
 * Fires what is due.  A timer that a callback adds waits for the next turn, even
 * with 0 ms: being younger it sorts behind all that were due before.
 */
void
loop_timer_fire(struct loop *l)
{
	uint64_t young = l->seq;
	struct loop_timer *t;

	while ((t = loop_timer_first(l)) != NULL && t->at <= l->now && t->seq < young) {
		heap_remove(l, t);
		t->fn(t->arg);
		timer_free(t);
	}
}

void
loop_timer_drop(struct loop *l)
{
	for (size_t i = 0; i < l->timers.n; i++)
		timer_free(l->timers.at[i]);
	VEC_FREE(&l->timers);
}
