/*
 * child: one program run to its end: input fed, output collected, deadline kept.
 *
 * The process leads a group of its own (the backend starts it).  Our ends of its
 * pipes do not block; a program that does not read its input is no error, one that
 * writes more than the ceiling is read on and the rest dropped, so that it ends.
 *
 * It is over when the process has ended and both outputs are closed.  A background
 * process that inherited them would hold that up for ever: DRAIN_MS after the end
 * of the process they are closed as they are.  At the deadline the group gets TERM,
 * KILL_MS later KILL; what outlives its leader after a deadline is killed at once.
 * A program that left the group (setsid) is not followed.
 *
 * The object is the caller's until child_free(), which may come inside done.
 */
#include "net/loop_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

#define OUT_MAX		((size_t)16 << 20)
#define ERR_MAX		((size_t)64 << 10)
#define READ_SIZE	32768
#define READS_A_TURN	8	/* a flood of output leaves the loop to others */
#define KILL_MS		2000
#define DRAIN_MS	2000

struct sink {
	struct child	*c;
	int		 fd;	/* -1: closed */
	struct loop_io	*io;
	struct str	 buf;
	bool		 over;
};

struct child {
	uint32_t		 magic;
	struct link		 link;
	struct loop		*l;
	struct loop_proc	*proc;
	child_fn		 done;
	void			*arg;
	struct loop_timer	*deadline, *kill, *drain;
	int			 in_fd;
	struct loop_io		*in_io;
	struct str		 input;
	size_t			 sent;
	struct sink		 out, err;
	int			 exit_code, signo;
	bool			 exited, timed_out;
	bool			 over;		/* done is being or has been called */
	bool			 in_done, freed;
	bool			 secret;
};

/* ---- letting go */

static void
input_close(struct child *c)
{
	loop_io_free(c->l, &c->in_io);
	if (c->in_fd >= 0)
		close(c->in_fd);
	c->in_fd = -1;
	str_free(&c->input);
}

static void
sink_close(struct sink *s)
{
	loop_io_free(s->c->l, &s->io);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void
sink_free(struct sink *s)
{
	if (s->c->secret)
		secret_wipe_str(&s->buf);
	else
		str_free(&s->buf);
}

/* Everything but the outputs' bytes and the object. */
static void
child_let_go(struct child *c)
{
	if (c->over)
		return;
	c->over = true;
	c->l->awake--;
	loop_cancel(c->l, &c->deadline);
	loop_cancel(c->l, &c->kill);
	loop_cancel(c->l, &c->drain);
	input_close(c);
	sink_close(&c->out);
	sink_close(&c->err);
	c->l->ops->proc_free(c->proc);
	c->proc = NULL;
}

static void
child_release(struct child *c)
{
	child_let_go(c);
	list_remove(&c->link);
	sink_free(&c->out);
	sink_free(&c->err);
	c->magic = 0;
	free(c);
}

void
child_free(struct child **cp)
{
	struct child *c = *cp;

	if (c == NULL)
		return;
	CHECK(c, CHILD_MAGIC);
	*cp = NULL;
	c->freed = true;
	if (!c->in_done)		/* else the views of its result are in use */
		child_release(c);
}

void
loop_child_drop(struct loop *l)
{
	while (!list_empty(&l->child_list))
		child_release(LIST_ITEM(l->child_list.next, struct child, link));
}

/* ---- the end.  Whoever calls this does not touch c after. */

static void
child_check_end(struct child *c)
{
	struct child_result r;

	if (c->over || !c->exited || c->out.fd >= 0 || c->err.fd >= 0)
		return;
	child_let_go(c);
	r = (struct child_result){
		.exit_code = c->exit_code, .signo = c->signo, .timed_out = c->timed_out,
		.out_over = c->out.over, .err_over = c->err.over,
		.out = str_view(&c->out.buf), .err = str_view(&c->err.buf),
	};
	c->in_done = true;
	c->done(c->arg, &r);
	c->in_done = false;
	if (c->freed)
		child_release(c);
}

static void
close_outputs(struct child *c)
{
	sink_close(&c->out);
	sink_close(&c->err);
	child_check_end(c);
}

static void
on_drained(void *arg)
{
	struct child *c = arg;

	c->drain = NULL;
	close_outputs(c);
}

static void
on_exited(void *arg, int exit_code, int signo)
{
	struct child *c = arg;

	c->exited = true;
	c->exit_code = exit_code;
	c->signo = signo;
	input_close(c);
	loop_cancel(c->l, &c->kill);
	if (c->timed_out)
		c->l->ops->proc_kill(c->proc, SIGKILL);
	c->drain = loop_after(c->l, DRAIN_MS, on_drained, c);
	child_check_end(c);
}

static void
on_kill(void *arg)
{
	struct child *c = arg;

	c->kill = NULL;
	c->l->ops->proc_kill(c->proc, SIGKILL);
}

static void
on_deadline(void *arg)
{
	struct child *c = arg;

	c->deadline = NULL;
	c->timed_out = true;
	if (c->exited) {
		/* Only somebody who holds its outputs is left. */
		c->l->ops->proc_kill(c->proc, SIGKILL);
		close_outputs(c);
		return;
	}
	c->l->ops->proc_kill(c->proc, SIGTERM);
	c->kill = loop_after(c->l, KILL_MS, on_kill, c);
}

/* ---- its three pipes */

static void
on_input(void *arg, int events UNUSED)
{
	struct child *c = arg;
	ssize_t n = 0;

	while (c->sent < c->input.len) {
		n = write(c->in_fd, c->input.p + c->sent, c->input.len - c->sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	input_close(c);		/* all sent, or it does not want more */
}

/* 1: more later, 0: closed. */
static int
sink_read(struct sink *s)
{
	char buf[READ_SIZE];

	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = read(s->fd, buf, sizeof(buf));
		size_t room = s->buf.max - s->buf.len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 1;
		if (n <= 0)
			return 0;
		str_add(&s->buf, buf, MIN((size_t)n, room));
		s->over |= (size_t)n > room;
		if (s->c->secret)
			secret_wipe(buf, (size_t)n);
	}
	return 1;
}

static void
on_output(void *arg, int events UNUSED)
{
	struct sink *s = arg;

	if (sink_read(s) > 0)
		return;
	sink_close(s);
	child_check_end(s->c);
}

/* ---- the beginning */

/* Does "NAME=value" of ours give way to one of add? */
static bool
env_replaced(const char *ours, const char *const *add)
{
	size_t n = strcspn(ours, "=");

	for (; *add != NULL; add++)
		if (strncmp(ours, *add, n) == 0 && (*add)[n] == '=')
			return true;
	return false;
}

/* The vector is the caller's, its strings are not copied.  NULL: ours as it is. */
static char **
env_merge(const char *const *add)
{
	struct { VEC(const char *) } v = { 0 };
	char **env;

	if (add == NULL || *add == NULL)
		return NULL;
	for (char **p = environ; p != NULL && *p != NULL; p++)
		if (!env_replaced(*p, add))
			VEC_PUSH(&v, *p);
	for (; *add != NULL; add++)
		VEC_PUSH(&v, *add);
	env = xcalloc(v.n + 1, sizeof(*env));
	memcpy(env, v.at, v.n * sizeof(*env));
	VEC_FREE(&v);
	return env;
}

static int
child_start(struct child *c, const struct child_params *p, struct err *e)
{
	struct loop_proc_params pp = { .argv = p->argv, .cwd = p->cwd };
	struct stat st;
	int fds[3];

	if (p->argv == NULL || p->argv[0] == NULL || p->argv[0][0] == '\0')
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "a command without a program");
	/* exec's error would name the program. */
	if (p->cwd != NULL && stat(p->cwd, &st) < 0)
		return err_sys(e, errno, "cannot start %s in %s", p->argv[0], p->cwd);
	pp.env = env_merge(p->env_add);
	c->proc = c->l->ops->proc_new(c->l, &pp, fds, e);
	free(pp.env);
	if (c->proc == NULL)
		return -1;
	c->proc->fn = on_exited;
	c->proc->arg = c;
	c->in_fd = fds[0];
	c->out.fd = fds[1];
	c->err.fd = fds[2];
	return 0;
}

static int
child_listen(struct child *c, struct err *e)
{
	if (c->input.len == 0)
		input_close(c);
	else if ((c->in_io = loop_io_new(c->l, c->in_fd, LOOP_WRITE, on_input, c, e)) == NULL)
		return -1;
	c->out.io = loop_io_new(c->l, c->out.fd, LOOP_READ, on_output, &c->out, e);
	c->err.io = loop_io_new(c->l, c->err.fd, LOOP_READ, on_output, &c->err, e);
	return c->out.io != NULL && c->err.io != NULL ? 0 : -1;
}

struct child *
child_new(struct loop *l, const struct child_params *p, child_fn done, void *arg, struct err *e)
{
	struct child *c;

	CHECK(l, LOOP_MAGIC);
	c = xcalloc(1, sizeof(*c));
	c->magic = CHILD_MAGIC;
	c->l = l;
	c->done = done;
	c->arg = arg;
	c->out.c = c->err.c = c;
	c->out.buf = str_limited(p->out_max > 0 ? p->out_max : OUT_MAX);
	c->err.buf = str_limited(p->err_max > 0 ? p->err_max : ERR_MAX);
	if (child_start(c, p, e) < 0) {
		free(c);
		return NULL;
	}
	if ((c->secret = p->secret)) {
		/* All their room at once: growing would leave copies behind. */
		str_room(&c->out.buf, c->out.buf.max);
		str_room(&c->err.buf, c->err.buf.max);
	}
	list_append(&l->child_list, &c->link);
	l->awake++;
	str_addv(&c->input, p->input);
	if (child_listen(c, e) < 0) {
		child_release(c);
		return NULL;
	}
	if (p->timeout_ms > 0)
		c->deadline = loop_after(l, p->timeout_ms, on_deadline, c);
	return c;
}
