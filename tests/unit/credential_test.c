/*
 * credential: secrets from programs, files, the environment and a terminal; who asks together,
 * who gives up, and what is refused in words.
 */
#include "source/credential_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "unit.h"

#define GUARD_MS	20000

struct heard {
	int			 calls;
	char			 secret[200];
	size_t			 len;
	struct err		 e;
	struct credential_ask	*ask;
	struct heard		*kill;		/* given up from inside done */
	struct credential	*again;		/* asked from inside done */
	struct loop		*l;
};

struct world {
	struct loop		*l;
	struct credential	*c;
	struct loop_timer	*guard;
	bool			 late;
	struct heard		 h[3];
};

static void
on_guard(void *arg)
{
	struct world *w = arg;

	w->guard = NULL;
	w->late = true;
}

static void
on_secret(void *arg, const struct secret *s, const struct err *e)
{
	struct heard *h = arg;

	h->calls++;
	h->ask = NULL;
	h->e = *e;
	if (s != NULL) {
		struct view v = secret_reveal(s);

		h->len = v.n;
		snprintf(h->secret, sizeof(h->secret), "%.*s", VIEW_ARG(v));
	}
	if (h->kill != NULL)
		credential_give_up(&h->kill->ask);
	if (h->again != NULL) {
		struct credential *c = h->again;

		h->again = NULL;
		h->ask = credential_get(c, h->l, on_secret, h);
	}
}

static void
world_open(struct world *w, const struct credential_spec *spec)
{
	struct err e = ERR_NONE;

	*w = (struct world){ .l = loop_new(&e) };
	w->guard = loop_after(w->l, GUARD_MS, on_guard, w);
	w->c = credential_new(spec, &e);
	if (w->c == NULL) {
		fprintf(stderr, "%s\n", e.text);
		exit(2);
	}
}

static void
world_close(struct world *w)
{
	credential_unref(&w->c);
	loop_cancel(w->l, &w->guard);
	loop_run(w->l);				/* ends: nothing is left */
	loop_free(&w->l);
}

static void
ask(struct world *w, int i)
{
	w->h[i].ask = credential_get(w->c, w->l, on_secret, &w->h[i]);
}

static void
wait_for(struct world *w, int i, int calls)
{
	while (!w->late && w->h[i].calls < calls)
		loop_turn(w->l, true);
}

/* Asks once; the text of the secret, or of the error. */
static const char *
once(const struct credential_spec *spec, struct heard *h)
{
	struct world w;

	world_open(&w, spec);
	ask(&w, 0);
	if (w.h[0].calls != 0)
		return "called from inside";
	wait_for(&w, 0, 1);
	*h = w.h[0];
	world_close(&w);
	return h->e.kind == ERR_OK ? h->secret : h->e.text;
}

static const char *
sh(const char *script, struct heard *h)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };

	return once(&(struct credential_spec){ CREDENTIAL_COMMAND, .argv = argv }, h);
}

/* ---- programs */

TEST(the_first_line_of_a_program)
{
	struct heard h;

	EXPECT_STR(sh("printf 'pass word\\nuser: me\\n'", &h), "pass word");
	EXPECT_EQ(h.calls, 1);
	EXPECT_STR(sh("printf 'crlf\\r\\nmore'", &h), "crlf");
	EXPECT_STR(sh("printf 'no end'", &h), "no end");
	EXPECT_STR(sh("echo $$ >/dev/null; cat; echo ' s '", &h), " s ");	/* stdin is empty */
	/* More behind it than is kept. */
	EXPECT_STR(sh("echo x; yes | head -c 200000", &h), "x");
}

TEST(a_program_that_fails)
{
	struct heard h;

	EXPECT_STR(sh("echo half; echo 'gpg: \033[1mno key\nmore' >&2; exit 2", &h),
	    "password command /bin/sh: it exited with 2: gpg: \\x1b[1mno key");
	EXPECT_EQ(h.e.kind, ERR_AUTH);
	EXPECT_EQ(h.e.scope, SCOPE_ACCOUNT);
	EXPECT(h.e.temporary);
	EXPECT_EQ(h.len, 0);
	EXPECT_STR(sh("kill -9 $$", &h), "password command /bin/sh: it was ended by signal 9");
	EXPECT_STR(sh(":", &h), "password command /bin/sh: it printed nothing");
	EXPECT(!h.e.temporary);
	EXPECT_STR(sh("echo; echo second", &h),
	    "password command /bin/sh: the first line is empty");
	EXPECT_STR(sh("printf 'a\\000b\\n'", &h),
	    "password command /bin/sh: there is a NUL byte in it");
	EXPECT_STR(sh("head -c 70000 /dev/zero | tr '\\0' x", &h),
	    "password command /bin/sh: the first line is over 64 kB");
	EXPECT_STR(once(&(struct credential_spec){ CREDENTIAL_COMMAND,
	    .argv = (const char *const[]){ "/no/such program", NULL } }, &h),
	    "password command /no/such program: cannot start /no/such program: "
	    "No such file or directory");
	EXPECT(!h.e.temporary);
	EXPECT_EQ(h.e.kind, ERR_AUTH);
}

TEST(a_program_that_hangs)
{
	const char *argv[] = { "sleep", "1000", NULL };
	struct world w;

	world_open(&w, &(struct credential_spec){ CREDENTIAL_COMMAND, .argv = argv });
	credential_limit(w.c, 20);
	ask(&w, 0);
	wait_for(&w, 0, 1);
	EXPECT_STR(w.h[0].e.text, "password command sleep: it did not end within 1 s");
	EXPECT(w.h[0].e.temporary);
	world_close(&w);
}

static size_t
lines_of(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;
	int c;

	while (f != NULL && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f != NULL)
		fclose(f);
	return n;
}

TEST(who_asks_together_shares_a_flight)
{
	const char *argv[] = { "/bin/sh", "-c", "echo run >>\"$0\"; echo secret", NULL, NULL };
	char path[300];
	struct world w;

	snprintf(path, sizeof(path), "%s/runs", unit_tmp());
	argv[3] = path;
	world_open(&w, &(struct credential_spec){ CREDENTIAL_COMMAND, .argv = argv });
	for (int i = 0; i < 3; i++)
		ask(&w, i);
	credential_give_up(&w.h[1].ask);
	credential_give_up(&w.h[1].ask);
	wait_for(&w, 2, 1);
	EXPECT_STR(w.h[0].secret, "secret");
	EXPECT_STR(w.h[2].secret, "secret");
	EXPECT_EQ(w.h[1].calls, 0);
	EXPECT_EQ(lines_of(path), 1);
	/* Every time anew. */
	ask(&w, 0);
	wait_for(&w, 0, 2);
	EXPECT_EQ(lines_of(path), 2);
	EXPECT_EQ(w.h[0].calls, 2);
	world_close(&w);
}

TEST(done_may_give_up_others_and_ask_again)
{
	const char *argv[] = { "echo", "secret", NULL };
	struct credential *held;
	struct world w;

	world_open(&w, &(struct credential_spec){ CREDENTIAL_COMMAND, .argv = argv });
	w.h[0].kill = &w.h[1];
	w.h[0].again = w.c;
	w.h[0].l = w.l;
	ask(&w, 0);
	ask(&w, 1);
	ask(&w, 2);
	held = credential_ref(w.c);
	credential_unref(&held);
	credential_unref(&w.c);			/* who asks holds it */
	wait_for(&w, 0, 2);
	EXPECT_EQ(w.h[0].calls, 2);
	EXPECT_EQ(w.h[1].calls, 0);
	EXPECT_EQ(w.h[2].calls, 1);
	EXPECT_STR(w.h[0].secret, "secret");
	world_close(&w);
}

TEST(giving_up_ends_the_program)
{
	const char *argv[] = { "/bin/sh", "-c", "exec sleep 1000", NULL };
	const char *none[] = { "/no/such/program", NULL };
	struct world w;

	world_open(&w, &(struct credential_spec){ CREDENTIAL_COMMAND, .argv = argv });
	ask(&w, 0);
	ask(&w, 1);
	loop_turn(w.l, false);
	credential_give_up(&w.h[0].ask);
	credential_give_up(&w.h[1].ask);
	EXPECT_EQ(w.h[0].calls, 0);
	world_close(&w);			/* loop_run ends: the child is gone */
	world_open(&w, &(struct credential_spec){ CREDENTIAL_COMMAND, .argv = none });
	ask(&w, 0);
	credential_give_up(&w.h[0].ask);
	world_close(&w);
	EXPECT_EQ(w.h[0].calls, 0);
}

/* ---- files */

static const char *
file(const char *name, const char *text, mode_t mode)
{
	static char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", unit_tmp(), name);
	unlink(path);
	if ((f = fopen(path, "w")) == NULL)
		exit(2);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
	return path;
}

static const char *
read_file(const char *path, struct heard *h)
{
	return once(&(struct credential_spec){ CREDENTIAL_FILE, .name = path }, h);
}

TEST(the_first_line_of_a_file)
{
	char link[300], big[70000], want[400];
	const char *path;
	struct heard h;

	EXPECT_STR(read_file(file("f", "secret\r\nsecond\n", 0600), &h), "secret");
	EXPECT_STR(read_file(file("f", "secret", 0400), &h), "secret");
	path = file("f", "linked\n", 0600);
	snprintf(link, sizeof(link), "%.290s.link", path);
	EXPECT_EQ(symlink(path, link), 0);
	EXPECT_STR(read_file(link, &h), "linked");
	path = file("f", "\n", 0600);
	snprintf(want, sizeof(want), "password file %s: the first line is empty", path);
	EXPECT_STR(read_file(path, &h), want);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	path = file("f", big, 0600);
	snprintf(want, sizeof(want), "password file %s: the first line is over 64 kB", path);
	EXPECT_STR(read_file(path, &h), want);
	EXPECT_EQ(h.e.kind, ERR_AUTH);
}

TEST(a_file_that_others_may_read_is_refused)
{
	const mode_t loose[] = { 0604, 0644, 0620, 0602, 0610, 0666, 0601 };
	char want[500];
	struct heard h;

	for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
		const char *path = file("f", "secret\n", loose[i]);

		snprintf(want, sizeof(want),
		    "password file %s: others have access to it; chmod 600 %s", path, path);
		EXPECT_STR(read_file(path, &h), want);
		EXPECT_EQ(h.e.kind, ERR_AUTH);
		EXPECT_EQ(h.e.scope, SCOPE_ACCOUNT);
		EXPECT(!h.e.temporary);
		EXPECT_EQ(h.len, 0);
	}
}

TEST(what_is_no_file_is_not_waited_for)
{
	char path[300], want[400];
	struct heard h;

	snprintf(path, sizeof(path), "%s/none", unit_tmp());
	snprintf(want, sizeof(want), "password file %s: No such file or directory", path);
	EXPECT_STR(read_file(path, &h), want);
	EXPECT_EQ(h.e.kind, ERR_AUTH);
	EXPECT_EQ(mkfifo(path, 0600), 0);
	snprintf(want, sizeof(want), "password file %s: it is no regular file", path);
	EXPECT_STR(read_file(path, &h), want);
	EXPECT_STR(read_file("/dev/zero", &h), "password file /dev/zero: it is no regular file");
}

TEST(giving_up_a_file_and_asking_again)
{
	struct world w;

	world_open(&w, &(struct credential_spec){ CREDENTIAL_FILE,
	    .name = file("f", "secret\n", 0600) });
	ask(&w, 0);
	credential_give_up(&w.h[0].ask);
	ask(&w, 1);
	wait_for(&w, 1, 1);
	EXPECT_STR(w.h[1].secret, "secret");
	ask(&w, 2);
	credential_give_up(&w.h[2].ask);
	world_close(&w);
	EXPECT_EQ(w.h[0].calls, 0);
	EXPECT_EQ(w.h[2].calls, 0);
}

/* ---- at hand */

TEST(the_environment)
{
	const struct credential_spec spec = { CREDENTIAL_ENV, .name = "MM_TEST_PASSWORD" };
	struct heard h;

	unsetenv(spec.name);
	EXPECT_STR(once(&spec, &h), "environment variable MM_TEST_PASSWORD: it is not set");
	EXPECT_EQ(h.e.kind, ERR_AUTH);
	EXPECT_EQ(h.e.scope, SCOPE_ACCOUNT);
	setenv(spec.name, "", 1);
	EXPECT_STR(once(&spec, &h),
	    "environment variable MM_TEST_PASSWORD: the first line is empty");
	setenv(spec.name, "secret", 1);
	EXPECT_STR(once(&spec, &h), "secret");
	unsetenv(spec.name);
}

TEST(one_that_was_given)
{
	struct secret *s = secret_of(VIEW("given"));
	struct heard h;
	struct world w;

	EXPECT_STR(once(&(struct credential_spec){ CREDENTIAL_GIVEN, .given = s }, &h), "given");
	world_open(&w, &(struct credential_spec){ CREDENTIAL_GIVEN, .given = s });
	secret_free(&s);			/* it was copied */
	ask(&w, 0);
	ask(&w, 1);
	credential_give_up(&w.h[0].ask);
	wait_for(&w, 1, 1);
	EXPECT_STR(w.h[1].secret, "given");
	EXPECT_EQ(w.h[0].calls, 0);
	world_close(&w);
}

/* ---- descriptions */

TEST(descriptions_that_make_no_sense)
{
	const char *none[] = { NULL }, *empty[] = { "", NULL };
	struct secret *nothing = secret_new(), *nul = secret_of(view_n("a\0b", 3));
	const struct credential_spec bad[] = {
		{ .kind = CREDENTIAL_GIVEN }, { CREDENTIAL_GIVEN, .given = nothing },
		{ CREDENTIAL_GIVEN, .given = nul },
		{ .kind = CREDENTIAL_COMMAND }, { CREDENTIAL_COMMAND, .argv = none },
		{ CREDENTIAL_COMMAND, .argv = empty },
		{ .kind = CREDENTIAL_FILE }, { CREDENTIAL_FILE, .name = "relative" },
		{ .kind = CREDENTIAL_ENV }, { CREDENTIAL_ENV, .name = "" }, { CREDENTIAL_ENV, .name = "A=B" },
		{ .kind = CREDENTIAL_PROMPT }, { CREDENTIAL_PROMPT, .name = "" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_NONE;

		EXPECT(credential_new(&bad[i], &e) == NULL);
		EXPECT_EQ(e.kind, ERR_USAGE);
	}
	secret_free(&nothing);
	secret_free(&nul);
}

static void
describe(const struct credential_spec *spec, struct str *out)
{
	struct err e = ERR_NONE;
	struct credential *c = credential_new(spec, &e);

	str_reset(out);
	credential_describe(c, out);
	credential_unref(&c);
}

TEST(equal_descriptions_are_equal)
{
	const char *one[] = { "pass", "a b", NULL }, *two[] = { "pass", "a", "b", NULL };
	struct secret *s = secret_of(VIEW("hunter2")), *t = secret_of(VIEW("hunter3"));
	struct str a = STR_INIT, b = STR_INIT;

	describe(&(struct credential_spec){ CREDENTIAL_COMMAND, .argv = one }, &a);
	describe(&(struct credential_spec){ CREDENTIAL_COMMAND, .argv = one }, &b);
	EXPECT_STR(str_z(&a), str_z(&b));
	describe(&(struct credential_spec){ CREDENTIAL_COMMAND, .argv = two }, &b);
	EXPECT(strcmp(str_z(&a), str_z(&b)) != 0);
	describe(&(struct credential_spec){ CREDENTIAL_FILE, .name = "/a" }, &a);
	EXPECT_STR(str_z(&a), "file 2:/a");
	describe(&(struct credential_spec){ CREDENTIAL_PROMPT, .name = "/a" }, &b);
	EXPECT(strcmp(str_z(&a), str_z(&b)) != 0);
	describe(&(struct credential_spec){ CREDENTIAL_GIVEN, .given = s }, &a);
	EXPECT(strstr(str_z(&a), "hunter2") == NULL);
	describe(&(struct credential_spec){ CREDENTIAL_GIVEN, .given = s }, &b);
	EXPECT_STR(str_z(&a), str_z(&b));
	describe(&(struct credential_spec){ CREDENTIAL_GIVEN, .given = t }, &b);
	EXPECT(strcmp(str_z(&a), str_z(&b)) != 0);
	secret_free(&s);
	secret_free(&t);
	str_free(&a);
	str_free(&b);
}

/* ---- a terminal: a child with one of its own */

enum { TERMINAL_NONE, TERMINAL_TWICE, TERMINAL_GIVE_UP };

/* In the child; its exit status: 0, or the number of what went wrong. */
static int
at_terminal(int what)
{
	struct world w;

	world_open(&w, &(struct credential_spec){ CREDENTIAL_PROMPT,
	    .name = "the password of me@example.com" });
	ask(&w, 0);
	if (what == TERMINAL_GIVE_UP) {
		for (int i = 0; i < 5; i++) {
			loop_turn(w.l, false);
			usleep(1000);
		}
		credential_give_up(&w.h[0].ask);
		ask(&w, 0);			/* gets on again */
		credential_give_up(&w.h[0].ask);
		world_close(&w);
		return w.h[0].calls == 0 ? 0 : 1;
	}
	wait_for(&w, 0, 1);
	if (what == TERMINAL_NONE) {
		world_close(&w);
		return strcmp(w.h[0].e.text, "cannot ask for the password of me@example.com: "
		    "there is no terminal") == 0 && w.h[0].e.kind == ERR_AUTH ? 0 : 2;
	}
	if (strcmp(w.h[0].secret, "typed secret") != 0)
		return 3;
	ask(&w, 1);				/* kept */
	wait_for(&w, 1, 1);
	world_close(&w);
	return strcmp(w.h[1].secret, "typed secret") == 0 ? 0 : 4;
}

/* What the terminal showed goes into shown (200 bytes). */
static int
run_at_terminal(int what, char *shown)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), status = -1;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		return -1;
	fflush(stdout);
	if ((pid = fork()) == 0) {
		int slave;

		setsid();
		if (what != TERMINAL_NONE) {
			slave = open(ptsname(master), O_RDWR);
			ioctl(slave, TIOCSCTTY, 0);
		}
		close(master);
		_exit(at_terminal(what));
	}
	/* The first prompt is answered; the end of the child closes the terminal (EIO). */
	memset(shown, 0, 200);
	while (what != TERMINAL_NONE && n < 199 && (k = read(master, shown + n, 199 - n)) > 0) {
		n += (size_t)k;
		if (what == TERMINAL_TWICE && memcmp(shown + n - 2, ": ", 2) == 0)
			(void)!write(master, "typed secret\n", 13);
	}
	close(master);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(typed_once_without_echo)
{
	char shown[200];

	EXPECT_EQ(run_at_terminal(TERMINAL_TWICE, shown), 0);
	EXPECT_STR(shown, "mailmill: the password of me@example.com: \r\n");
}

TEST(no_terminal_and_one_that_is_given_up)
{
	char shown[200];

	EXPECT_EQ(run_at_terminal(TERMINAL_NONE, shown), 0);
	EXPECT_EQ(run_at_terminal(TERMINAL_GIVE_UP, shown), 0);
}
