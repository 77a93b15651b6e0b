/*
 * The loop over libuv: order, cancelling in callbacks, posts, work, signals,
 * watches, descriptors, and an end with everything still registered.
 */
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

struct ctx {
	struct loop		*l;
	struct loop_timer	*t;
	struct loop_io		*io, *peer;
	struct loop_watch	*w;
	struct loop_signal	*s;
	struct loop_work	*work;
	int			 n, fd, limit;
	char			 trace[400];
	pthread_t		 self;
	bool			 gone;
};

static void
trace(struct ctx *c, const char *what)
{
	size_t n = strlen(c->trace);

	snprintf(c->trace + n, sizeof(c->trace) - n, "%s ", what);
}

static struct loop *
loop_make(void)
{
	struct err e = ERR_NONE;
	struct loop *l = loop_new(&e);

	if (l == NULL) {
		fprintf(stderr, "%s\n", e.text);
		exit(2);
	}
	return l;
}

static void on_a(void *arg) { trace(arg, "a"); }
static void on_b(void *arg) { trace(arg, "b"); }
static void on_c(void *arg) { trace(arg, "c"); }
static void stop_it(void *arg) { loop_stop(((struct ctx *)arg)->l); }
static void nothing(void *arg UNUSED) { }

/* ---- order */

/* In one turn, so that all three count from the same moment. */
static void
set_three(void *arg)
{
	struct ctx *c = arg;

	loop_after(c->l, 3, on_c, c);
	loop_after(c->l, 0, on_a, c);
	loop_after(c->l, 0, on_b, c);
}

TEST(timers_fire_by_time_then_birth)
{
	struct ctx c = { .l = loop_make() };

	loop_defer(c.l, set_three, &c);
	loop_run(c.l);
	EXPECT_STR(c.trace, "a b c ");
	loop_free(&c.l);
	EXPECT(c.l == NULL);
}

static void
defer_again(void *arg)
{
	struct ctx *c = arg;

	c->n++;
	if (!c->gone)
		loop_defer(c->l, defer_again, c);
}

static void
set_gone(void *arg)
{
	((struct ctx *)arg)->gone = true;
}

TEST(deferred_generations_do_not_starve_timers)
{
	struct ctx c = { .l = loop_make() };

	loop_defer(c.l, defer_again, &c);
	loop_after(c.l, 2, set_gone, &c);
	loop_run(c.l);
	EXPECT(c.gone);
	EXPECT(c.n > 0);
	loop_free(&c.l);
}

static void
defer_b(void *arg)
{
	struct ctx *c = arg;

	trace(c, "defer");
	loop_defer(c->l, on_b, c);
}

TEST(a_turn_is_one_generation_then_timers)
{
	struct ctx c = { .l = loop_make() };

	loop_after(c.l, 0, on_c, &c);
	loop_defer(c.l, defer_b, &c);
	loop_defer(c.l, on_a, &c);
	loop_turn(c.l, false);
	EXPECT_STR(c.trace, "defer a c ");
	loop_turn(c.l, true);
	EXPECT_STR(c.trace, "defer a c b ");
	loop_free(&c.l);
}

static void
after_zero(void *arg)
{
	struct ctx *c = arg;

	trace(c, "z");
	if (++c->n < 3)
		loop_after(c->l, 0, after_zero, c);
}

TEST(a_timer_of_zero_waits_for_the_next_turn)
{
	struct ctx c = { .l = loop_make() };

	loop_after(c.l, 0, after_zero, &c);
	loop_turn(c.l, false);
	EXPECT_EQ(c.n, 1);
	loop_turn(c.l, false);
	EXPECT_EQ(c.n, 2);
	loop_free(&c.l);
}

/* ---- cancelling */

static void
cancel_t(void *arg)
{
	struct ctx *c = arg;

	trace(c, "cancel");
	loop_cancel(c->l, &c->t);
}

TEST(cancel_in_callbacks)
{
	struct ctx c = { .l = loop_make() };
	struct loop_timer *none = NULL;

	/* another timer that is due in the same turn */
	loop_after(c.l, 0, cancel_t, &c);
	c.t = loop_after(c.l, 0, on_a, &c);
	loop_run(c.l);
	EXPECT_STR(c.trace, "cancel ");
	EXPECT(c.t == NULL);
	/* itself */
	c.t = loop_after(c.l, 0, cancel_t, &c);
	loop_run(c.l);
	EXPECT_STR(c.trace, "cancel cancel ");
	EXPECT(c.t == NULL);
	loop_cancel(c.l, &none);
	loop_free(&c.l);
}

/* ---- life */

TEST(run_ends_by_stop_and_by_nothing_to_do)
{
	struct ctx c = { .l = loop_make() };

	loop_run(c.l);
	loop_after(c.l, 0, stop_it, &c);
	loop_after(c.l, 3600000, on_a, &c);
	loop_run(c.l);
	loop_stop(c.l);
	loop_run(c.l);			/* the stop came before */
	EXPECT_STR(c.trace, "");
	loop_free(&c.l);
	loop_free(&c.l);
}

static void
read_now(void *arg)
{
	struct ctx *c = arg;
	int64_t now = loop_now(c->l);

	usleep(3000);
	c->n = loop_now(c->l) == now;
}

TEST(now_stands_still_in_a_turn)
{
	struct ctx c = { .l = loop_make() };
	int64_t before = loop_now(c.l);

	loop_defer(c.l, read_now, &c);
	loop_turn(c.l, false);
	EXPECT_EQ(c.n, 1);
	EXPECT(loop_now(c.l) > before);
	EXPECT(loop_wall(c.l) > INT64_C(1700000000000));
	loop_free(&c.l);
}

/* ---- threads */

static void
posted(void *arg)
{
	struct ctx *c = arg;

	c->gone = pthread_equal(c->self, pthread_self());
	c->n++;
	if (c->n == c->limit)
		loop_release(c->l);
}

static void *
poster(void *arg)
{
	struct ctx *c = arg;

	for (int i = 0; i < c->limit; i++)
		loop_post(c->l, posted, c);
	return NULL;
}

TEST(posts_from_a_thread)
{
	struct ctx c = { .l = loop_make(), .self = pthread_self(), .limit = 5000 };
	pthread_t t;

	loop_hold(c.l);
	EXPECT_EQ(pthread_create(&t, NULL, poster, &c), 0);
	loop_run(c.l);
	EXPECT_EQ(c.n, 5000);
	EXPECT(c.gone);
	pthread_join(t, NULL);
	/* one from ourselves keeps the loop alive */
	loop_post(c.l, on_a, &c);
	loop_run(c.l);
	EXPECT_STR(c.trace, "a ");
	loop_free(&c.l);
}

struct job {
	struct ctx	*c;
	int		 worked, done;
	bool		 other_thread, blocked;
	int		 wait_fd;
};

static void
job_work(void *arg)
{
	struct job *j = arg;
	sigset_t now;
	char b;

	j->worked++;
	j->other_thread = !pthread_equal(j->c->self, pthread_self());
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	j->blocked = sigismember(&now, SIGPROF) == 1 && sigismember(&now, SIGTERM) == 1 &&
	    sigismember(&now, SIGSEGV) == 0;
	if (j->wait_fd > 0 && read(j->wait_fd, &b, 1) != 1)
		j->worked = -1;
}

static void
job_done(void *arg)
{
	struct job *j = arg;

	j->done++;
	j->c->n++;
	j->c->gone = pthread_equal(j->c->self, pthread_self());
}

TEST(work_runs_on_threads_then_done_here)
{
	struct ctx c = { .l = loop_make(), .self = pthread_self() };
	struct job jobs[50] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i].c = &c;
		EXPECT(loop_work(c.l, job_work, job_done, &jobs[i]) != NULL);
	}
	loop_run(c.l);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		EXPECT_EQ(jobs[i].worked, 1);
		EXPECT_EQ(jobs[i].done, 1);
		EXPECT(jobs[i].other_thread);
		EXPECT(jobs[i].blocked);
	}
	EXPECT(c.gone);
	loop_free(&c.l);
}

TEST(four_works_at_once_and_forgotten_ones_are_skipped)
{
	struct ctx c = { .l = loop_make(), .self = pthread_self() };
	struct job jobs[6] = { 0 };
	struct loop_work *w[6];
	int fd[2];

	EXPECT_EQ(pipe(fd), 0);
	for (int i = 0; i < 6; i++) {
		jobs[i].c = &c;
		jobs[i].wait_fd = fd[0];
		w[i] = loop_work(c.l, job_work, job_done, &jobs[i]);
	}
	/* Four threads block in read(2): the last two cannot begin. */
	loop_work_forget(c.l, w[4]);
	loop_work_forget(c.l, w[5]);
	while (c.n < 2)
		loop_turn(c.l, true);
	EXPECT_EQ(jobs[4].worked + jobs[5].worked, 0);
	EXPECT_EQ(jobs[4].done + jobs[5].done, 2);
	loop_work_forget(c.l, w[0]);	/* begun or not: done once */
	EXPECT_EQ(write(fd[1], "1234", 4), 4);
	loop_run(c.l);
	EXPECT_EQ(c.n, 6);
	for (int i = 0; i < 6; i++)
		EXPECT_EQ(jobs[i].done, 1);
	EXPECT_EQ(jobs[1].worked + jobs[2].worked + jobs[3].worked, 3);
	close(fd[0]);
	close(fd[1]);
	loop_free(&c.l);
}

/* ---- signals */

static void
on_usr1(void *arg)
{
	struct ctx *c = arg;

	trace(c, "usr1");
	loop_signal_free(c->l, &c->s);
	loop_stop(c->l);
}

TEST(signals)
{
	struct ctx c = { .l = loop_make() };
	struct err e = ERR_NONE;
	struct loop_signal *other;

	c.s = loop_signal_new(c.l, SIGUSR1, on_usr1, &c, &e);
	EXPECT(c.s != NULL);
	other = loop_signal_new(c.l, SIGUSR2, on_b, &c, &e);
	EXPECT(other != NULL);
	loop_run(c.l);			/* does not keep the loop alive */
	loop_hold(c.l);
	kill(getpid(), SIGUSR1);
	loop_run(c.l);
	EXPECT_STR(c.trace, "usr1 ");
	EXPECT(c.s == NULL);
	EXPECT(loop_signal_new(c.l, SIGKILL, on_b, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	loop_release(c.l);
	loop_free(&c.l);
}

/* ---- descriptors */

static void
on_echo(void *arg, int events)
{
	struct ctx *c = arg;
	char b[10];

	if (events & LOOP_WRITE) {
		trace(c, "write");
		loop_io_want(c->io, LOOP_READ);
		if (write(c->fd, "x", 1) != 1)
			trace(c, "failed");
		return;
	}
	trace(c, read(c->fd, b, sizeof(b)) > 0 ? "read" : "end");
	loop_io_free(c->l, &c->io);
}

static void
on_peer(void *arg, int events UNUSED)
{
	struct ctx *c = arg;
	char b[10];
	ssize_t n = read(c->limit, b, sizeof(b));

	trace(c, "peer");
	if (n <= 0 || write(c->limit, b, (size_t)n) != n)
		trace(c, "failed");
	loop_io_want(c->peer, 0);
}

TEST(descriptors_and_pauses)
{
	struct ctx c = { .l = loop_make() };
	struct err e = ERR_NONE;
	int sv[2];

	EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	c.fd = sv[0];
	c.limit = sv[1];
	c.io = loop_io_new(c.l, sv[0], LOOP_READ | LOOP_WRITE, on_echo, &c, &e);
	c.peer = loop_io_new(c.l, sv[1], LOOP_READ, on_peer, &c, &e);
	EXPECT(c.io != NULL && c.peer != NULL);
	loop_run(c.l);			/* ends: one is freed, one is paused */
	EXPECT_STR(c.trace, "write peer read ");
	EXPECT(c.io == NULL);
	/* the same descriptor again, at once */
	c.io = loop_io_new(c.l, sv[0], LOOP_READ, on_echo, &c, &e);
	EXPECT(c.io != NULL);
	EXPECT(loop_io_new(c.l, sv[0], LOOP_READ, on_echo, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	loop_io_free(c.l, &c.peer);
	close(sv[1]);
	loop_run(c.l);
	EXPECT_STR(c.trace, "write peer read end ");
	close(sv[0]);
	loop_free(&c.l);
}

static void
on_broken(void *arg, int events)
{
	struct ctx *c = arg;

	c->n++;
	c->limit = events;
	if (c->n == 2)			/* again while nobody handles it */
		loop_io_free(c->l, &c->io);
}

TEST(errors_come_as_both)
{
	struct ctx c = { .l = loop_make() };
	struct err e = ERR_NONE;
	int fd[2];

	EXPECT_EQ(pipe(fd), 0);
	close(fd[0]);
	c.io = loop_io_new(c.l, fd[1], LOOP_WRITE, on_broken, &c, &e);
	EXPECT(c.io != NULL);
	loop_run(c.l);
	EXPECT_EQ(c.n, 2);
	EXPECT_EQ(c.limit, LOOP_READ | LOOP_WRITE);
	EXPECT_EQ(write(fd[1], "x", 1), -1);	/* and no SIGPIPE */
	close(fd[1]);
	loop_free(&c.l);
}

/* ---- watches */

static void
on_change(void *arg, const char *name)
{
	struct ctx *c = arg;

	c->n++;
	if (name == NULL) {
		trace(c, "DEAD");
		c->gone = true;
		loop_watch_free(c->l, &c->w);
	} else {
		size_t n = strlen(name) + 2;

		/* several events of one file count once */
		if (strlen(c->trace) < n || strncmp(c->trace + strlen(c->trace) - n + 1,
		    name, n - 2) != 0)
			trace(c, name);
	}
	loop_stop(c->l);
}

static void
touch(const char *dir, const char *name)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "w")) != NULL)
		fclose(f);
}

/* Turns until the trace holds `what`; the watch itself keeps the loop alive. */
static void
turn_until(struct ctx *c, const char *what)
{
	while (strstr(c->trace, what) == NULL && c->w != NULL)
		loop_turn(c->l, true);
}

TEST(a_directory_watch_sees_create_rename_remove_and_its_end)
{
	struct ctx c = { .l = loop_make() };
	struct err e = ERR_NONE;
	char dir[300], a[400], b[400];

	snprintf(dir, sizeof(dir), "%s/w", unit_tmp());
	snprintf(a, sizeof(a), "%s/one", dir);
	snprintf(b, sizeof(b), "%s/two", dir);
	EXPECT_EQ(mkdir(dir, 0700), 0);
	c.w = loop_watch_new(c.l, dir, on_change, &c, &e);
	EXPECT(c.w != NULL);
	touch(dir, "one");
	turn_until(&c, "one");
	EXPECT_EQ(rename(a, b), 0);
	turn_until(&c, "two");
	c.trace[0] = '\0';
	EXPECT_EQ(unlink(b), 0);
	turn_until(&c, "two");
	EXPECT_EQ(rmdir(dir), 0);
	turn_until(&c, "DEAD");
	EXPECT(c.gone);
	EXPECT(c.w == NULL);
	EXPECT(loop_watch_new(c.l, dir, on_change, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	EXPECT(strstr(e.text, dir) != NULL);
	loop_run(c.l);
	loop_free(&c.l);
}

TEST(a_watch_of_a_moved_directory_dies)
{
	struct ctx c = { .l = loop_make() };
	struct err e = ERR_NONE;
	const char *tmp = unit_tmp();
	char dir[300], to[300];

	snprintf(dir, sizeof(dir), "%s/w", tmp);
	snprintf(to, sizeof(to), "%s/x", tmp);
	EXPECT_EQ(mkdir(dir, 0700), 0);
	c.w = loop_watch_new(c.l, dir, on_change, &c, &e);
	EXPECT(c.w != NULL);
	EXPECT_EQ(rename(dir, to), 0);
	turn_until(&c, "DEAD");
	EXPECT(c.gone);
	loop_free(&c.l);
}

TEST(a_watch_follows_a_replaced_file)
{
	struct ctx c = { .l = loop_make() };
	struct err e = ERR_NONE;
	const char *dir = unit_tmp();
	char a[400], b[400];

	snprintf(a, sizeof(a), "%s/one", dir);
	snprintf(b, sizeof(b), "%s/two", dir);
	touch(dir, "one");
	touch(dir, "two");
	c.w = loop_watch_new(c.l, a, on_change, &c, &e);
	EXPECT(c.w != NULL);
	EXPECT_EQ(rename(b, a), 0);
	while (c.n == 0)
		loop_turn(c.l, true);
	while (c.n > 0) {		/* settle */
		c.n = 0;
		loop_turn(c.l, false);
	}
	touch(dir, "one");
	while (c.n == 0)
		loop_turn(c.l, true);
	EXPECT(!c.gone);
	loop_free(&c.l);
}

TEST(thousands_of_changes)
{
	struct ctx c = { .l = loop_make() };
	struct err e = ERR_NONE;
	const char *dir = unit_tmp();
	char name[20];

	c.w = loop_watch_new(c.l, dir, on_change, &c, &e);
	EXPECT(c.w != NULL);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "f%04d", i);
		touch(dir, name);
	}
	while (strstr(c.trace, "f0000") == NULL)
		loop_turn(c.l, true);
	loop_watch_free(c.l, &c.w);
	EXPECT(c.n >= 1);
	loop_free(&c.l);
}

/* ---- the end */

static void unused_io(void *arg UNUSED, int events UNUSED) { }
static void unused_watch(void *arg UNUSED, const char *name UNUSED) { }
static void must_not_run(void *arg) { ((struct ctx *)arg)->gone = true; }

TEST(freed_with_everything_registered)
{
	struct ctx c = { .l = loop_make(), .self = pthread_self() };
	struct err e = ERR_NONE;
	struct job jobs[8] = { 0 };
	int fd[2];

	EXPECT_EQ(pipe(fd), 0);
	EXPECT_EQ(write(fd[1], "xxxxxxxxxx", 10), 10);
	loop_turn(c.l, false);
	loop_after(c.l, 0, must_not_run, &c);
	loop_after(c.l, 100000, must_not_run, &c);
	loop_defer(c.l, must_not_run, &c);
	loop_post(c.l, must_not_run, &c);
	EXPECT(loop_io_new(c.l, fd[0], LOOP_READ, unused_io, &c, &e) != NULL);
	EXPECT(loop_io_new(c.l, fd[1], 0, unused_io, &c, &e) != NULL);
	EXPECT(loop_signal_new(c.l, SIGUSR2, must_not_run, &c, &e) != NULL);
	EXPECT(loop_watch_new(c.l, unit_tmp(), unused_watch, &c, &e) != NULL);
	for (int i = 0; i < 8; i++) {
		jobs[i].c = &c;
		jobs[i].wait_fd = fd[0];
		EXPECT(loop_work(c.l, job_work, job_done, &jobs[i]) != NULL);
	}
	kill(getpid(), SIGUSR2);
	loop_free(&c.l);
	EXPECT(!c.gone);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(jobs[i].done, 0);
	close(fd[0]);
	close(fd[1]);
}

TEST(two_loops_are_two_values)
{
	struct ctx c = { .l = loop_make() }, d = { .l = loop_make() };

	loop_after(c.l, 1, on_a, &c);
	loop_after(d.l, 0, nothing, &d);
	loop_after(d.l, 1, on_b, &d);
	loop_run(d.l);
	loop_free(&d.l);
	loop_run(c.l);
	EXPECT_STR(c.trace, "a ");
	EXPECT_STR(d.trace, "b ");
	loop_free(&c.l);
}
