/* The loop with a virtual clock: no real time passes, and the order is that of the real one. */
#include "net/loop_fake.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#define MIN_MS	INT64_C(60000)
#define WALL	INT64_C(1700000000000)

struct ctx {
	struct loop		*l;
	struct loop_watch	*w, *w2;
	struct loop_signal	*s;
	int64_t			 at;
	int			 n;
	bool			 late;
	char			 trace[200];
};

static void
trace(struct ctx *c, const char *what)
{
	size_t n = strlen(c->trace);

	snprintf(c->trace + n, sizeof(c->trace) - n, "%s ", what);
}

static void on_a(void *arg) { trace(arg, "a"); }
static void on_b(void *arg) { trace(arg, "b"); }

static void
note_time(void *arg)
{
	struct ctx *c = arg;

	c->at = loop_now(c->l);
	c->n++;
}

TEST(twenty_nine_minutes_take_no_time)
{
	struct ctx c = { .l = loop_fake_new(WALL) };
	struct timespec before, after;

	EXPECT_EQ(loop_now(c.l), 1000000);
	EXPECT_EQ(loop_wall(c.l), WALL);
	clock_gettime(CLOCK_MONOTONIC, &before);
	loop_after(c.l, 29 * MIN_MS, note_time, &c);
	loop_run(c.l);
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_EQ(c.n, 1);
	EXPECT_EQ(c.at, 1000000 + 29 * MIN_MS);
	EXPECT_EQ(loop_wall(c.l), WALL + 29 * MIN_MS);
	EXPECT(after.tv_sec - before.tv_sec < 60);	/* not 29 minutes */
	loop_free(&c.l);
}

struct alarm { struct ctx *c; struct loop_timer *t; int64_t at; };

static void
check_time(void *arg)
{
	struct alarm *a = arg;

	a->t = NULL;
	a->c->n++;
	a->c->late |= loop_now(a->c->l) != a->at;
}

TEST(the_heap_survives_many_cancels)
{
	struct ctx c = { .l = loop_fake_new(WALL) };
	struct alarm alarms[2000] = { 0 };
	unsigned x = 12345;
	int left = 0;

	for (size_t i = 0; i < ARRAY_LEN(alarms); i++) {
		struct alarm *a = &alarms[i];
		int64_t ms;

		x = x * 1103515245u + 12345u;
		ms = (x >> 16) % 5000;
		*a = (struct alarm){ .c = &c, .at = loop_now(c.l) + ms };
		a->t = loop_after(c.l, ms, check_time, a);
	}
	for (size_t i = 0; i < ARRAY_LEN(alarms); i++) {
		x = x * 1103515245u + 12345u;
		if ((x >> 16) % 3 != 0)
			loop_cancel(c.l, &alarms[i].t);
		else
			left++;
	}
	loop_run(c.l);
	EXPECT_EQ(c.n, left);
	EXPECT(!c.late);
	loop_free(&c.l);
}

static void
each_second(void *arg)
{
	struct ctx *c = arg;

	c->n++;
	loop_after(c->l, 1000, each_second, c);
}

TEST(run_for_stops_at_the_time)
{
	struct ctx c = { .l = loop_fake_new(WALL) };

	loop_after(c.l, 1000, each_second, &c);
	loop_fake_run_for(c.l, 3000);
	EXPECT_EQ(c.n, 3);
	EXPECT_EQ(loop_now(c.l), 1003000);
	loop_fake_run_for(c.l, 999);
	EXPECT_EQ(c.n, 3);
	loop_fake_run_for(c.l, 1);
	EXPECT_EQ(c.n, 4);
	loop_free(&c.l);
}

static void
defer_twice(void *arg)
{
	struct ctx *c = arg;

	if (c->n++ < 2)
		loop_defer(c->l, defer_twice, c);
}

static void
forever(void *arg)
{
	struct ctx *c = arg;

	loop_defer(c->l, forever, c);
}

TEST(run_for_settles)
{
	struct ctx c = { .l = loop_fake_new(WALL) };

	loop_after(c.l, 10, defer_twice, &c);
	loop_fake_run_for(c.l, 10);
	EXPECT_EQ(c.n, 3);
	loop_defer(c.l, forever, &c);
	loop_fake_run_for(c.l, 0);	/* comes back */
	loop_free(&c.l);
}

TEST(the_clock_stands_while_there_is_something_to_do)
{
	struct ctx c = { .l = loop_fake_new(WALL) };

	loop_after(c.l, 5, note_time, &c);
	loop_defer(c.l, on_a, &c);
	loop_turn(c.l, false);
	EXPECT_EQ(loop_now(c.l), 1000000);
	loop_turn(c.l, true);
	EXPECT_EQ(loop_now(c.l), 1000005);
	EXPECT_EQ(c.n, 1);
	loop_free(&c.l);
}

TEST(the_wall_jumps_alone)
{
	struct ctx c = { .l = loop_fake_new(WALL) };

	loop_fake_jump_wall(c.l, -3600000);
	EXPECT_EQ(loop_wall(c.l), WALL - 3600000);
	EXPECT_EQ(loop_now(c.l), 1000000);
	loop_fake_run_for(c.l, 10);
	EXPECT_EQ(loop_wall(c.l), WALL - 3600000 + 10);
	loop_free(&c.l);
}

TEST(work_runs_in_the_next_turn)
{
	struct ctx c = { .l = loop_fake_new(WALL) };
	struct loop_work *w;

	loop_work(c.l, on_a, on_b, &c);
	EXPECT_STR(c.trace, "");
	loop_turn(c.l, false);
	EXPECT_STR(c.trace, "a b ");
	w = loop_work(c.l, on_a, on_b, &c);
	loop_work_forget(c.l, w);
	loop_run(c.l);
	EXPECT_STR(c.trace, "a b b ");
	loop_work(c.l, on_a, on_b, &c);	/* dropped */
	loop_free(&c.l);
	EXPECT_STR(c.trace, "a b b ");
}

static void
on_touch(void *arg, const char *name)
{
	struct ctx *c = arg;

	trace(c, name == NULL ? "DEAD" : name);
	if (name != NULL && strcmp(name, "both") == 0)
		loop_watch_free(c->l, &c->w2);
	if (name != NULL && strcmp(name, "self") == 0)
		loop_watch_free(c->l, &c->w);
}

TEST(touches_and_signals)
{
	struct ctx c = { .l = loop_fake_new(WALL) };
	struct err e = ERR_NONE;

	c.w = loop_watch_new(c.l, "/in", on_touch, &c, &e);
	c.w2 = loop_watch_new(c.l, "/in", on_touch, &c, &e);
	c.s = loop_signal_new(c.l, SIGHUP, on_a, &c, &e);
	EXPECT(c.w != NULL && c.w2 != NULL && c.s != NULL);
	loop_run(c.l);				/* watches do not keep it */
	loop_fake_touch(c.l, "/in", "new");
	loop_fake_touch(c.l, "/out", "other");
	loop_fake_signal(c.l, SIGHUP);
	loop_fake_signal(c.l, SIGTERM);
	EXPECT_STR(c.trace, "");
	loop_run(c.l);
	EXPECT_STR(c.trace, "new new a ");
	loop_fake_touch(c.l, "/in", "both");	/* the first frees the second */
	loop_fake_touch(c.l, "/in", "self");
	loop_run(c.l);
	EXPECT_STR(c.trace, "new new a both self ");
	c.w = loop_watch_new(c.l, "/in", on_touch, &c, &e);
	EXPECT(c.w != NULL);
	loop_fake_touch(c.l, "/in", NULL);
	loop_fake_touch(c.l, "/in", "after");
	loop_run(c.l);
	EXPECT_STR(c.trace, "new new a both self DEAD ");
	loop_fake_touch(c.l, "/in", "never");
	loop_free(&c.l);
}

static void unused_io(void *arg UNUSED, int events UNUSED) { }
static void unused_child(void *arg UNUSED, const struct child_result *r UNUSED) { }

TEST(descriptors_and_children_are_refused)
{
	struct ctx c = { .l = loop_fake_new(WALL) };
	const char *argv[] = { "true", NULL };
	struct child_params p = { .argv = argv };
	struct err e = ERR_NONE;

	EXPECT(loop_io_new(c.l, 0, LOOP_READ, unused_io, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	err_clear(&e);
	EXPECT(child_new(c.l, &p, unused_child, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	loop_run(c.l);
	loop_free(&c.l);
}

static void
answered(void *arg)
{
	struct ctx *c = arg;

	trace(c, "answer");
	c->late = loop_now(c->l) != 1000000;
	loop_release(c->l);
}

static void *
slow_thread(void *arg)
{
	struct ctx *c = arg;

	usleep(20000);
	loop_post(c->l, answered, c);
	return NULL;
}

TEST(a_held_clock_waits_for_the_post)
{
	struct ctx c = { .l = loop_fake_new(WALL) };
	pthread_t t;

	loop_hold(c.l);
	loop_after(c.l, 5000, on_a, &c);
	EXPECT_EQ(pthread_create(&t, NULL, slow_thread, &c), 0);
	loop_run(c.l);
	pthread_join(t, NULL);
	EXPECT_STR(c.trace, "answer a ");
	EXPECT(!c.late);
	/* without a timer it waits as long as it takes */
	loop_hold(c.l);
	EXPECT_EQ(pthread_create(&t, NULL, slow_thread, &c), 0);
	loop_run(c.l);
	pthread_join(t, NULL);
	EXPECT_STR(c.trace, "answer a answer ");
	loop_free(&c.l);
}
