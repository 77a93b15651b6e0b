/*
 * The event loop: timers, deferred calls, descriptors, signals, directory watches,
 * child processes and blocking work on threads.  One thread runs it; only
 * loop_post() may be called from another.
 *
 * Two backends stand behind this header: libuv (loop_new) and a virtual clock
 * (loop_fake_new, net/loop_fake.h), in which an idle loop jumps to the next timer
 * at once.  Timers, deferred calls and their order are the same code for both.
 *
 * Rules: nothing calls back from inside a call of this header; a callback may call
 * anything here, loop_free(), loop_run() and loop_turn() excepted.  Deferred calls
 * are run one generation at a time: what a deferred call defers runs after the next
 * look at I/O and timers.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "base/str.h"

struct loop;
typedef void (*loop_fn)(void *arg);

/* ---- life */
struct loop *loop_new(struct err *e) MUST_CHECK;	/* also sets SIGPIPE to be ignored */
void loop_free(struct loop **l);		/* drops what is still registered, calling nothing;
						   waits for work that a thread has begun;
						   children must be freed before, or never */
/*
 * Runs until loop_stop(), or until nothing is registered that could wake it.  A stop
 * that came before ends it at once; either way the stop is used up.
 */
void loop_run(struct loop *l);
/*
 * One turn: deferred calls, then I/O, posted calls and timers; waits for them only
 * when wait, and may come back with nothing done.
 */
void loop_turn(struct loop *l, bool wait);
void loop_stop(struct loop *l);

/* ---- time */
int64_t loop_now(const struct loop *l);		/* ms, monotonic, as of this turn's look at I/O */
int64_t loop_wall(const struct loop *l);	/* ms since 1970 */

/* ---- timers and deferred calls */
struct loop_timer;
/* Once, after ms (0: next turn).  The timer is gone when fn has returned. */
struct loop_timer *loop_after(struct loop *l, int64_t ms, loop_fn fn, void *arg);
void loop_cancel(struct loop *l, struct loop_timer **t);	/* sets NULL; NULL is fine */
void loop_defer(struct loop *l, loop_fn fn, void *arg);		/* in the next generation */
/* From any thread: run fn in the loop.  Keeps the loop alive until it has run. */
void loop_post(struct loop *l, loop_fn fn, void *arg);
/* While held (a counter), loop_run does not end for lack of events: threads will post. */
void loop_hold(struct loop *l);
void loop_release(struct loop *l);

/*
 * ---- descriptors (sockets, pipes; no files).  fd stays the caller's, is set not to
 * block, has one loop_io at a time, and must be closed after loop_io_free().  Events
 * are level-triggered.
 */
struct loop_io;
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void (*loop_io_fn)(void *arg, int events);	/* errors come as both */
struct loop_io *loop_io_new(struct loop *l, int fd, int events, loop_io_fn fn, void *arg,
	struct err *e) MUST_CHECK;
void loop_io_want(struct loop_io *io, int events);	/* 0 pauses */
void loop_io_free(struct loop *l, struct loop_io **io);

/* ---- signals; does not keep the loop alive */
struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *l, int signo, loop_fn fn, void *arg,
	struct err *e) MUST_CHECK;
void loop_signal_free(struct loop *l, struct loop_signal **s);

/*
 * ---- directory or file watch.  fn is called after something below `path` (not
 * recursive) was created, renamed, removed or written; several changes may come
 * as one call.  name: the entry where the system tells, else "".  A watch that the
 * system gives up (path removed or moved away) calls fn with NULL once, is dead, and
 * waits to be freed; when the path was replaced the watch follows, with name "".
 * A flood of changes can overflow the system's queue unseen: also look now and then.
 */
struct loop_watch;
typedef void (*loop_watch_fn)(void *arg, const char *name);
struct loop_watch *loop_watch_new(struct loop *l, const char *path, loop_watch_fn fn, void *arg,
	struct err *e) MUST_CHECK;
void loop_watch_free(struct loop *l, struct loop_watch **w);

/*
 * ---- blocking work on a pool of 4 threads.  work runs on a thread, then done in
 * the loop, exactly once, also after loop_work_forget() (work not yet begun is
 * then skipped).  Signals meant for the loop's thread are blocked there.  The handle
 * is gone when done has returned; loop_free() calls neither.
 */
struct loop_work;
struct loop_work *loop_work(struct loop *l, loop_fn work, loop_fn done, void *arg);
void loop_work_forget(struct loop *l, struct loop_work *w);

/*
 * ---- child processes: argv only, never a shell.  Feeds `input` to its stdin,
 * collects stdout and stderr up to their ceilings (the rest is read and dropped,
 * *_over set), kills the whole process group at the deadline (TERM, 2 s later KILL).
 * done is called exactly once unless the child was freed before; then the caller
 * frees the child, in done or later.  A process left behind that holds the outputs
 * delays done by at most 2 s after the end of the program.
 */
struct child;
struct child_params {
	const char *const	*argv;		/* NULL-terminated; argv[0] is looked up in PATH */
	const char *const	*env_add;	/* "NAME=value"..., NULL; on top of our environment */
	const char		*cwd;		/* NULL: ours */
	struct view		 input;		/* copied */
	size_t			 out_max, err_max;	/* 0: 16 MiB, 64 KiB */
	bool			 secret;	/* no copy of its outputs stays in memory; set both ceilings */
	int64_t			 timeout_ms;	/* 0: none */
};
struct child_result {
	int		exit_code;	/* 0..255, or -1 when a signal ended it */
	int		signo;		/* that signal, or 0 */
	bool		timed_out;
	bool		out_over, err_over;
	struct view	out, err;	/* valid during done */
};
typedef void (*child_fn)(void *arg, const struct child_result *r);
/* NULL and ERR_SYSTEM when it cannot be started (names the program). */
struct child *child_new(struct loop *l, const struct child_params *p, child_fn done, void *arg,
	struct err *e) MUST_CHECK;
void child_free(struct child **c);	/* kills the group if it still runs; done is not called */

#endif
