/*
 * loop_uv_proc: processes of the libuv backend: started with three pipes in a
 * session of their own, killed as a group, always reaped.
 *
 * A process whose owner has gone (fn is NULL) stays in the list until its end is
 * known, so that no zombie is left; loop_free() waits for it, at most a second.
 * uv_spawn() resets signals and the mask in the child and reports exec's error.
 */
#include "net/loop_uv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAP_TRIES	200	/* of 5 ms: how long loop_free waits for a killed child */

struct uvl_proc {
	struct loop_proc	 base;
	uv_process_t		 h;
	struct link		 link;
	struct uvl		*u;
};

static void
proc_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
on_exit_of(uv_process_t *h, int64_t status, int signo)
{
	struct uvl_proc *p = h->data;

	uvl_tick(&p->u->base);
	p->base.exited = true;
	list_remove(&p->link);
	if (p->base.fn == NULL)
		uv_close((uv_handle_t *)h, proc_closed);
	else
		p->base.fn(p->base.arg, signo != 0 ? -1 : (int)(status & 0xff), signo);
}

static void
close_pair(int fd[2])
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* pipes[i]: read and write end; the end that is ours does not block. */
static int
pipes_open(int pipes[3][2], struct err *e)
{
	int rc = 0;

	for (int i = 0; i < 3; i++)
		pipes[i][0] = pipes[i][1] = -1;
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = uv_pipe(pipes[i], i == 0 ? 0 : UV_NONBLOCK_PIPE,
		    i == 0 ? UV_NONBLOCK_PIPE : 0);
	if (rc == 0)
		return 0;
	for (int i = 0; i < 3; i++)
		close_pair(pipes[i]);
	return err_sys(e, -rc, "no pipe for a child process");
}

/* uv_spawn() wants what execve(2) wants: pointers that are not const. */
static char **
argv_copy(const char *const *argv)
{
	size_t n = 0;
	char **copy;

	while (argv[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	memcpy(copy, argv, n * sizeof(*copy));
	return copy;
}

/* A session of its own is a group of its own, and has no terminal to wait for. */
struct loop_proc *
uvl_proc_new(struct loop *l, const struct loop_proc_params *params, int fds_r[3], struct err *e)
{
	struct uvl *u = uvl_of(l);
	struct uvl_proc *p;
	uv_stdio_container_t io[3];
	uv_process_options_t o = { .exit_cb = on_exit_of, .stdio = io, .stdio_count = 3,
	    .flags = UV_PROCESS_DETACHED };
	int pipes[3][2], rc;

	if (pipes_open(pipes, e) < 0)
		return NULL;
	for (int i = 0; i < 3; i++) {
		io[i].flags = UV_INHERIT_FD;
		io[i].data.fd = pipes[i][i == 0 ? 0 : 1];
	}
	o.file = params->argv[0];
	o.args = argv_copy(params->argv);
	o.env = params->env;
	o.cwd = params->cwd;
	p = xcalloc(1, sizeof(*p));
	p->h.data = p;
	rc = uv_spawn(&u->uv, &p->h, &o);
	free(o.args);
	for (int i = 0; i < 3; i++) {
		close(io[i].data.fd);
		fds_r[i] = pipes[i][i == 0 ? 1 : 0];
	}
	if (rc < 0) {
		for (int i = 0; i < 3; i++)
			close(fds_r[i]);
		uv_close((uv_handle_t *)&p->h, proc_closed);
		err_sys(e, -rc, "cannot start %s", params->argv[0]);
		return NULL;
	}
	p->u = u;
	p->base.pid = p->h.pid;
	list_append(&u->procs, &p->link);
	return &p->base;
}

/*
 * The group keeps its number while any member lives, also when its leader has been
 * reaped; the caller signals it only with reason to believe that one does.
 */
void
uvl_proc_kill(struct loop_proc *base, int signo)
{
	kill(-base->pid, signo);
}

void
uvl_proc_free(struct loop_proc *base)
{
	struct uvl_proc *p = CONTAINER_OF(base, struct uvl_proc, base);

	base->fn = NULL;
	if (base->exited)
		uv_close((uv_handle_t *)&p->h, proc_closed);
	else
		uvl_proc_kill(base, SIGKILL);	/* on_exit_of() frees it */
}

/* At the end: a killed child is reaped, unless the system does not let go of it in a second. */
static void
proc_reap(struct uvl_proc *p)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	uvl_proc_kill(&p->base, SIGKILL);
	for (int i = 0; i < REAP_TRIES; i++) {
		pid_t rc = waitpid(p->base.pid, NULL, WNOHANG);

		if (rc != 0 && !(rc < 0 && errno == EINTR))
			break;
		nanosleep(&pause, NULL);
	}
	list_remove(&p->link);
	uv_close((uv_handle_t *)&p->h, proc_closed);
}

void
uvl_proc_drop(struct uvl *u)
{
	while (!list_empty(&u->procs))
		proc_reap(LIST_ITEM(u->procs.next, struct uvl_proc, link));
}
