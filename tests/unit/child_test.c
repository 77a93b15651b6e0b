/* Children: bytes both ways, ends of every kind, deadlines of groups. */
#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

struct ctx {
	struct loop		*l;
	struct child		*c;
	struct child		**other;	/* freed in done, so that the loop ends */
	int			 calls;
	struct child_result	 r;
	char			*out, *err;
	bool			 free_inside;
};

static struct ctx
ctx_make(void)
{
	struct err e = ERR_NONE;
	struct ctx c = { .l = loop_new(&e) };

	if (c.l == NULL)
		exit(2);
	return c;
}

static void
ctx_reset(struct ctx *c)
{
	child_free(&c->c);
	free(c->out);
	free(c->err);
	c->out = c->err = NULL;
}

static void
ctx_end(struct ctx *c)
{
	ctx_reset(c);
	loop_free(&c->l);
}

static void
on_done(void *arg, const struct child_result *r)
{
	struct ctx *c = arg;

	c->calls++;
	c->r = *r;
	if (c->other != NULL)
		child_free(c->other);
	if (c->free_inside)
		child_free(&c->c);
	c->out = view_dup(r->out);
	c->err = view_dup(r->err);
}

/* Runs it to its end.  -1: it did not start. */
static int
run(struct ctx *c, const struct child_params *p)
{
	struct err e = ERR_NONE;

	ctx_reset(c);
	c->calls = 0;
	if ((c->c = child_new(c->l, p, on_done, c, &e)) == NULL)
		return -1;
	loop_run(c->l);
	return 0;
}

static int
run_sh(struct ctx *c, const char *script, struct child_params p)
{
	const char *argv[] = { "sh", "-c", script, NULL };

	p.argv = argv;
	return run(c, &p);
}

/* Nobody is left to be waited for: no zombie. */
static bool
no_children(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

TEST(cat_of_a_megabyte)
{
	struct ctx c = ctx_make();
	const char *argv[] = { "cat", NULL };
	size_t n = (size_t)1 << 20;
	char *in = malloc(n);

	for (size_t i = 0; i < n; i++)
		in[i] = (char)(i * 7 + i / 251);
	EXPECT_EQ(run(&c, &(struct child_params){ .argv = argv, .input = view_n(in, n) }), 0);
	EXPECT_EQ(c.calls, 1);
	EXPECT_EQ(c.r.exit_code, 0);
	EXPECT_EQ(c.r.out.n, n);
	EXPECT(memcmp(c.out, in, n) == 0);
	EXPECT(!c.r.out_over && !c.r.err_over && !c.r.timed_out);
	free(in);
	ctx_end(&c);
	EXPECT(no_children());
}

TEST(codes_and_streams)
{
	struct ctx c = ctx_make();

	EXPECT_EQ(run_sh(&c, "echo out; echo err >&2; exit 7", (struct child_params){ 0 }), 0);
	EXPECT_EQ(c.r.exit_code, 7);
	EXPECT_EQ(c.r.signo, 0);
	EXPECT_STR(c.out, "out\n");
	EXPECT_STR(c.err, "err\n");
	EXPECT_EQ(run_sh(&c, "kill -9 $$", (struct child_params){ 0 }), 0);
	EXPECT_EQ(c.r.exit_code, -1);
	EXPECT_EQ(c.r.signo, SIGKILL);
	EXPECT_EQ(run_sh(&c, "cat", (struct child_params){ 0 }), 0);	/* no input: its end */
	EXPECT_EQ(c.r.exit_code, 0);
	EXPECT_STR(c.out, "");
	ctx_end(&c);
}

TEST(a_missing_program_is_named)
{
	struct ctx c = ctx_make();
	const char *argv[] = { "mailmill-no-such-program", "secret", NULL };
	const char *none[] = { NULL }, *true_argv[] = { "true", NULL };
	struct child_params p = { .argv = argv };
	struct err e = ERR_NONE;

	EXPECT(child_new(c.l, &p, on_done, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	EXPECT(strstr(e.text, "mailmill-no-such-program") != NULL);
	EXPECT(strstr(e.text, "secret") == NULL);
	err_clear(&e);
	p.argv = none;
	EXPECT(child_new(c.l, &p, on_done, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	p = (struct child_params){ .argv = true_argv, .cwd = "/no/such/dir" };
	EXPECT(child_new(c.l, &p, on_done, &c, &e) == NULL);
	EXPECT(strstr(e.text, "/no/such/dir") != NULL);
	loop_run(c.l);
	EXPECT_EQ(c.calls, 0);
	ctx_end(&c);
	EXPECT(no_children());
}

/* No child of ours is meant: gone, or a zombie until init looks; within 2 s. */
static bool
is_gone(pid_t pid)
{
	for (int i = 0; i < 400 && kill(pid, 0) == 0; i++) {
		char path[64], line[300] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		if ((f = fopen(path, "r")) == NULL)
			return true;
		if (fgets(line, sizeof(line), f) == NULL)
			line[0] = '\0';
		fclose(f);
		if (strstr(line, ") Z ") != NULL)
			return true;
		usleep(5000);
	}
	return kill(pid, 0) != 0;
}

TEST(a_deadline_ends_the_group)
{
	struct ctx c = ctx_make();

	EXPECT_EQ(run_sh(&c, "sleep 60 & echo $!; wait",
	    (struct child_params){ .timeout_ms = 200 }), 0);
	EXPECT_EQ(c.calls, 1);
	EXPECT(c.r.timed_out);
	EXPECT_EQ(c.r.exit_code, -1);
	EXPECT_EQ(c.r.signo, SIGTERM);
	EXPECT(atoi(c.out) > 1);
	EXPECT(is_gone((pid_t)atoi(c.out)));
	ctx_end(&c);
	EXPECT(no_children());
}

TEST(who_outlives_its_leader_after_a_deadline_is_killed)
{
	struct ctx c = ctx_make();

	EXPECT_EQ(run_sh(&c, "(trap '' TERM; sleep 60; :) & echo $!; wait",
	    (struct child_params){ .timeout_ms = 200 }), 0);
	EXPECT(c.r.timed_out);
	EXPECT_EQ(c.r.signo, SIGTERM);
	EXPECT(is_gone((pid_t)atoi(c.out)));
	ctx_end(&c);
}

TEST(who_ignores_term_is_killed)
{
	struct ctx c = ctx_make();

	EXPECT_EQ(run_sh(&c, "trap '' TERM; while :; do sleep 1; done",
	    (struct child_params){ .timeout_ms = 100 }), 0);
	EXPECT(c.r.timed_out);
	EXPECT_EQ(c.r.signo, SIGKILL);
	ctx_end(&c);
}

TEST(output_has_a_ceiling)
{
	struct ctx c = ctx_make();
	const char *flood = "i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678; "
	    "i=$((i+1)); done; echo end >&2";

	EXPECT_EQ(run_sh(&c, flood, (struct child_params){ .out_max = 1000, .err_max = 2 }), 0);
	EXPECT_EQ(c.r.exit_code, 0);
	EXPECT(c.r.out_over && c.r.err_over);
	EXPECT_EQ(c.r.out.n, 1000);
	EXPECT_STR(c.err, "en");
	EXPECT(strncmp(c.out + 980, "0123456789012345678\n", 20) == 0);
	/* exactly the ceiling is not over it */
	EXPECT_EQ(run_sh(&c, "printf 1234", (struct child_params){ .out_max = 4 }), 0);
	EXPECT(!c.r.out_over);
	EXPECT_STR(c.out, "1234");
	ctx_end(&c);
}

TEST(input_that_nobody_reads)
{
	struct ctx c = ctx_make();
	size_t n = (size_t)1 << 20;
	char *in = calloc(1, n);
	const char *argv[] = { "true", NULL };

	EXPECT_EQ(run(&c, &(struct child_params){ .argv = argv, .input = view_n(in, n) }), 0);
	EXPECT_EQ(c.r.exit_code, 0);
	EXPECT_EQ(run_sh(&c, "exec <&-; sleep 0.1; echo fine",
	    (struct child_params){ .input = view_n(in, n) }), 0);
	EXPECT_STR(c.out, "fine\n");
	free(in);
	ctx_end(&c);
}

TEST(environment_and_directory)
{
	struct ctx c = ctx_make();
	const char *add[] = { "MAILMILL_TEST=two", "HOME=/there", NULL };
	const char *dir = unit_tmp();
	char want[300];

	setenv("MAILMILL_TEST", "one", 1);
	setenv("MAILMILL_TEST_LONGER", "kept", 1);
	setenv("MAILMILL_TES", "too", 1);
	EXPECT_EQ(run_sh(&c, "echo $MAILMILL_TEST $MAILMILL_TEST_LONGER $MAILMILL_TES $HOME; pwd",
	    (struct child_params){ .env_add = add, .cwd = dir }), 0);
	snprintf(want, sizeof(want), "two kept too /there\n%s\n", dir);
	EXPECT_STR(c.out, want);
	ctx_end(&c);
}

static void
ignore_done(void *arg UNUSED, const struct child_result *r UNUSED)
{
}

TEST(it_inherits_nothing)
{
	struct ctx c = ctx_make();
	const char *script = "ls /proc/self/fd 2>/dev/null | wc -l; kill -s PIPE $$";
	const char *argv[] = { "sleep", "60", NULL };
	struct child_params p = { .argv = argv, .input = VIEW("x") };
	struct err e = ERR_NONE;
	struct child *other;
	int want = 4;		/* 0 1 2 and ls's own */

	/* what the test program was started with goes through */
	for (int fd = 3; fd < 1000; fd++) {
		int flags = fcntl(fd, F_GETFD);

		want += flags >= 0 && (flags & FD_CLOEXEC) == 0;
	}
	/* the pipes of another one must not */
	other = child_new(c.l, &p, ignore_done, NULL, &e);
	EXPECT(other != NULL);
	c.other = &other;
	EXPECT_EQ(run_sh(&c, script, (struct child_params){ 0 }), 0);
	EXPECT_EQ(atoi(c.out), want);
	EXPECT_EQ(c.r.signo, SIGPIPE);		/* back to its default */
	ctx_end(&c);
}

TEST(a_background_process_does_not_hold_it_up)
{
	struct ctx c = ctx_make();

	EXPECT_EQ(run_sh(&c, "sleep 60 & echo $!", (struct child_params){ 0 }), 0);
	EXPECT_EQ(c.calls, 1);
	EXPECT_EQ(c.r.exit_code, 0);
	EXPECT(!c.r.timed_out);
	EXPECT_EQ(kill((pid_t)atoi(c.out), SIGKILL), 0);	/* it was left alone */
	ctx_end(&c);
}

TEST(freed_in_done)
{
	struct ctx c = ctx_make();

	c.free_inside = true;
	EXPECT_EQ(run_sh(&c, "echo still there", (struct child_params){ 0 }), 0);
	EXPECT_EQ(c.calls, 1);
	EXPECT(c.c == NULL);
	EXPECT_STR(c.out, "still there\n");
	ctx_end(&c);
}

static void
free_it(void *arg)
{
	child_free(&((struct ctx *)arg)->c);
}

TEST(freed_while_it_runs)
{
	struct ctx c = ctx_make();

	loop_after(c.l, 20, free_it, &c);
	EXPECT_EQ(run_sh(&c, "sleep 60 & wait", (struct child_params){ .timeout_ms = 50000 }), 0);
	EXPECT_EQ(c.calls, 0);
	EXPECT(c.c == NULL);
	ctx_end(&c);
	EXPECT(no_children());
}

TEST(the_loop_freed_while_it_runs)
{
	struct ctx c = ctx_make();
	const char *argv[] = { "sleep", "60", NULL };
	struct child_params p = { .argv = argv, .timeout_ms = 1000, .input = VIEW("x") };
	struct err e = ERR_NONE;

	EXPECT(child_new(c.l, &p, on_done, &c, &e) != NULL);
	EXPECT(child_new(c.l, &p, on_done, &c, &e) != NULL);
	loop_turn(c.l, false);
	loop_free(&c.l);
	EXPECT_EQ(c.calls, 0);
	EXPECT(no_children());
}

TEST(many_at_once)
{
	struct ctx c[20];
	struct loop *l;
	const char *argv[] = { "cat", NULL };
	struct child_params p = { .argv = argv, .input = VIEW("hello") };
	struct err e = ERR_NONE;

	c[0] = ctx_make();
	l = c[0].l;
	for (int i = 0; i < 20; i++) {
		c[i] = (struct ctx){ .l = l };
		c[i].c = child_new(l, &p, on_done, &c[i], &e);
		EXPECT(c[i].c != NULL);
	}
	loop_run(l);
	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(c[i].calls, 1);
		EXPECT_STR(c[i].out, "hello");
		ctx_reset(&c[i]);
	}
	loop_free(&l);
}

TEST(outputs_that_are_secret_are_whole)
{
	const char *argv[] = { "/bin/sh", "-c", "yes abcdefg | head -c 50000; echo e >&2", NULL };
	struct child_params p = { .argv = argv, .out_max = 40000, .err_max = 100, .secret = true };
	struct err e = ERR_NONE;
	struct ctx c = ctx_make();

	c.c = child_new(c.l, &p, on_done, &c, &e);
	EXPECT(c.c != NULL);
	loop_run(c.l);
	EXPECT_EQ(c.calls, 1);
	EXPECT(c.r.out_over && !c.r.err_over);
	EXPECT_EQ(strlen(c.out), 40000);
	EXPECT_STR(c.err, "e\n");
	ctx_end(&c);
}
