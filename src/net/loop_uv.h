/* Inside the libuv backend: what loop_uv.c and loop_uv_proc.c share. */
#ifndef NET_LOOP_UV_H
#define NET_LOOP_UV_H

#include <uv.h>

/* It brings those of <sys/param.h>; base.h defines its own. */
#undef MIN
#undef MAX

#include "net/loop_int.h"

struct uvl {
	struct loop	base;
	uv_loop_t	uv;
	uv_timer_t	timer;
	uv_async_t	async;
	struct link	procs;		/* not exited yet, with or without an owner */
};

static inline struct uvl *
uvl_of(const struct loop *l)
{
	return l->backend;
}

/* A callback may come after a long wait: time is as of the look, not of the turn's begin. */
static inline void
uvl_tick(struct loop *l)
{
	l->now = (int64_t)uv_now(&uvl_of(l)->uv);
}

/* struct loop_ops */
struct loop_proc *uvl_proc_new(struct loop *l, const struct loop_proc_params *p, int fds_r[3],
	struct err *e);
void uvl_proc_kill(struct loop_proc *p, int signo);
void uvl_proc_free(struct loop_proc *p);
/* At the end: kills and reaps what still runs. */
void uvl_proc_drop(struct uvl *u);

#endif
