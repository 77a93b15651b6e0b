/*
 * Inside the loop: what loop.c, its helpers and the two backends share.  Nothing
 * outside net/loop*.c and net/child.c includes this.
 *
 * loop.c owns order and life (lists, counters, generations); a backend owns the
 * waiting and whatever the system needs for a descriptor, a signal, a watch or a
 * process.  Each object begins with the part below; the backend allocates it with
 * its own part around it.
 */
#ifndef NET_LOOP_INT_H
#define NET_LOOP_INT_H

#include <pthread.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/vec.h"
#include "net/loop.h"

#define LOOP_MAGIC		0x6c6f6f70u
#define LOOP_TIMER_MAGIC	0x74696d65u
#define LOOP_IO_MAGIC		0x64657363u
#define LOOP_SIGNAL_MAGIC	0x73696720u
#define LOOP_WATCH_MAGIC	0x77617463u
#define LOOP_WORK_MAGIC		0x776f726bu
#define CHILD_MAGIC		0x6368696cu

struct loop_call { loop_fn fn; void *arg; };
struct loop_calls { VEC(struct loop_call) };

struct loop_timer {
	uint32_t	 magic;
	size_t		 pos;		/* in the heap; LOOP_TIMER_OUT while it fires */
	int64_t		 at;
	uint64_t	 seq;		/* equal times fire in the order of loop_after() */
	loop_fn		 fn;
	void		*arg;
};
#define LOOP_TIMER_OUT	SIZE_MAX

struct loop_io {
	uint32_t	 magic;
	struct link	 link;
	struct loop	*l;
	int		 want;
	loop_io_fn	 fn;
	void		*arg;
};

struct loop_signal {
	uint32_t	 magic;
	struct link	 link;
	struct loop	*l;
	int		 signo;
	uint64_t	 seq;
	loop_fn		 fn;
	void		*arg;
};

struct loop_watch {
	uint32_t	 magic;
	struct link	 link;
	struct loop	*l;
	uint64_t	 seq;
	bool		 dead;
	loop_watch_fn	 fn;
	void		*arg;
};

/* A process that leads its own group, and our ends of its three pipes. */
typedef void (*loop_proc_fn)(void *arg, int exit_code, int signo);
struct loop_proc {
	pid_t		 pid;
	bool		 exited;
	loop_proc_fn	 fn;
	void		*arg;
};
struct loop_proc_params {
	const char *const	*argv;
	char			**env;
	const char		*cwd;
};

struct loop_ops {
	int64_t	(*now)(const struct loop *l);
	int64_t	(*wall)(const struct loop *l);
	/* One look at I/O, waiting at most ms (-1: until something comes); sets l->now. */
	void	(*poll)(struct loop *l, int64_t ms);
	void	(*wake)(struct loop *l);	/* from any thread: ends a poll, now or the next */
	void	(*free)(struct loop *l);	/* everything registered is gone already */
	bool	real;		/* the world outside goes on: threads work, watches keep it alive */

	struct loop_io *(*io_new)(struct loop *l, int fd, int events, struct err *e);
	void	(*io_want)(struct loop_io *io, int events);
	void	(*io_free)(struct loop_io *io);
	struct loop_signal *(*signal_new)(struct loop *l, int signo, struct err *e);
	void	(*signal_free)(struct loop_signal *s);
	struct loop_watch *(*watch_new)(struct loop *l, const char *path, struct err *e);
	void	(*watch_free)(struct loop_watch *w);
	/* fds_r: our ends of its stdin, stdout, stderr: CLOEXEC, not blocking, the caller's. */
	struct loop_proc *(*proc_new)(struct loop *l, const struct loop_proc_params *p,
	    int fds_r[3], struct err *e);
	void	(*proc_kill)(struct loop_proc *p, int signo);	/* the whole group */
	/* fn is not called any more; one that still runs is killed, and reaped later. */
	void	(*proc_free)(struct loop_proc *p);
};

struct loop {
	uint32_t		 magic;
	const struct loop_ops	*ops;
	void			*backend;

	int64_t			 now;		/* valid in a turn */
	bool			 in_turn, stop;
	unsigned long		 hold;
	size_t			 awake;		/* wanted ios, living watches, running children */
	size_t			 works;		/* not done yet */
	uint64_t		 seq;

	struct { VEC(struct loop_timer *) } timers;	/* binary heap by (at, seq) */
	struct loop_calls	 deferred;
	struct loop_calls	 spare;		/* memory for the next generation */

	struct link		 io_list, signal_list, watch_list, child_list, work_list;

	pthread_mutex_t		 lock;		/* posts */
	struct loop_calls	 posts;
	struct loop_pool	*pool;		/* NULL until the first work */
};

/* Both backends: makes and unmakes the common part; l->ops and l->backend are set before. */
void loop_begin(struct loop *l);
void loop_end(struct loop *l);
bool loop_is_posted(struct loop *l);
bool loop_is_alive(struct loop *l);
/* A watch that the system gave up: does not keep the loop alive any more. */
void loop_watch_dies(struct loop_watch *w);

/* loop_timer.c */
struct loop_timer *loop_timer_first(const struct loop *l);	/* NULL: none */
void loop_timer_fire(struct loop *l);
void loop_timer_drop(struct loop *l);

/* loop_work.c, child.c: at the end of the loop */
void loop_work_drop(struct loop *l);
void loop_child_drop(struct loop *l);

#endif
