/*
 * What the files of rt share among themselves; no other room includes it.
 *
 * A lua_State's extra space holds the rt.  Its lowest bit is set while the state
 * belongs to the scheduler: a task's own, or a coroutine suspended by a wait or by
 * the end of a slice.  A script can neither resume nor close such a one.
 */
#ifndef RT_RT_INNER_H
#define RT_RT_INNER_H

#include <pthread.h>
#include <signal.h>

#include "base/list.h"
#include "base/str.h"
#include "base/vec.h"
#include "rt/rt.h"

#define RT_MAGIC	0x6d727431u
#define TASK_MAGIC	0x6d747331u

#define RT_TICK_MS	10	/* a slice */
#define RT_SLOW_MS	100	/* a slice that is logged */
#define RT_CLOSE_MS	250	/* CPU for the <close> values of a killed task */
#define RT_DEPTH	64	/* coroutines inside coroutines */
#define RT_TRACE_MAX	8192	/* bytes of a traceback that are kept */

struct rt {
	uint32_t	 magic;
	lua_State	*L;
	struct loop	*loop;
	struct log	*log;
	struct rt_limits limits;
	void		*owner;
	void		(*idle_fn)(void *arg);
	void		*idle_arg;

	/* the allocator: heap <= limits.total; heap <= ceiling inside a slice */
	size_t		 heap, ceiling;		/* ceiling 0: not inside a slice */

	/* tasks that have not ended; those to be run in the next generation */
	struct link	 all, turns;
	size_t		 ntasks;
	bool		 ended;			/* one has ended since the last idle call */
	bool		 draining;
	struct loop_timer *drain;

	/* the slice; running and ticks are shared with the signal handler */
	struct task	*current;
	lua_State	*volatile running;	/* the innermost state on the CPU */
	volatile sig_atomic_t ticks;
	pthread_t	 thread;
	struct rt	*below;			/* whose slices this rt's interrupted */
	bool		 ticking;		/* the timer is left running (torture build) */
	bool		 pass;			/* this yield is the scheduler's, not the script's */
	int64_t		 begun;			/* clock_mono_ms() of the slice */
	size_t		 heap_begun;
};

enum task_state {
	TASK_READY,		/* in the queue, to be resumed */
	TASK_RUNNING,
	TASK_WAITING,		/* wait is set */
	TASK_JOINING,		/* the body has ended (or is killed); children have not */
	TASK_ENDED,
};

struct task {
	uint32_t	 magic;
	unsigned	 refs;			/* the scheduler's, each handle's, a parent's `fallen` */
	struct rt	*rt;
	lua_State	*L;			/* valid until ended; after that for handles, which hold it */
	int		 ref;			/* its place in the registry */
	enum task_state	 state;
	char		*name;
	void		*data;
	task_end_fn	 end;
	void		*arg;

	struct task	*parent;
	struct link	 children, sibling, in_all, in_turns;
	struct link	 waiters;		/* struct join: who waits for its end */
	struct task	*joins;			/* for whose end it waits */

	struct op	*wait;
	int64_t		 deadline;		/* loop_now(); 0: none */
	int		 nargs;			/* for the first resume */

	struct err	*why;			/* of cancel or kill */
	bool		 cancelled, killed;	/* cancelled: asked from outside, so no failure */
	bool		 body_ended;
	bool		 kept;			/* the parent's `fallen` holds its place in the registry */
	bool		 late;			/* the wait was ended by the deadline */
	struct task	*fallen;		/* the first child whose failure nobody took */

	/* how the body ended */
	int		 status;		/* LUA_OK, or what lua_pcall said */
	int		 nres;
	bool		 failed;

	/* since the last wait */
	int		 cpu_ms;
	int		 budget_ms;
	size_t		 grown;
	bool		 over;			/* the budget is used up: not to be resumed */
	bool		 raised;		/* the hook has raised once */
	bool		 slow;			/* it has been logged since its last wait */

	/* coroutines that the script's resume and wrap have open, outermost first */
	struct { VEC(lua_State *) } chain;
	size_t		 level;			/* how many of them are on the C stack now */
	unsigned	 fixed;			/* how many of those cannot be yielded through */

	struct str	 trace;			/* of the failure */
	struct str	 inner;			/* of a failed inner coroutine ... */
	const void	*inner_of;		/* ... with this error value */
};

struct join {			/* handle:wait() */
	struct op	 op;
	struct task	*target, *waiter;
	struct link	 in_waiters;
};

/* ---- rt.c */
static inline uintptr_t *
rt_space(lua_State *L)
{
	return lua_getextraspace(L);
}

static inline bool
rt_is_owned(lua_State *L)
{
	return (*rt_space(L) & 1) != 0;
}

static inline void
rt_set_owned(lua_State *L, bool on)
{
	*rt_space(L) = (*rt_space(L) & ~(uintptr_t)1) | on;
}

/* ---- task.c */
void task_queue(struct task *t);
void task_unref(struct task *t);
/* The next of t's tree in preorder; NULL behind the last. */
struct task *task_tree_next(struct task *root, struct task *t);
/* Appends the traceback of all its coroutines, innermost first.  Outside Lua. */
void task_add_trace(struct task *t, struct str *out);
void task_drain(struct rt *rt);			/* one generation */

/* ---- wait.c */
/* Takes its op away (op->cancel); the task then raises when it is resumed. */
void wait_abort(struct task *t);
/* May a yield pass from L up to the scheduler? */
bool wait_is_open(const struct task *t, lua_State *L);
/* Number of seconds or duration at arg -> ms. */
int64_t wait_check_ms(lua_State *L, int arg);

/* ---- slice.c */
int slice_install(struct err *e) MUST_CHECK;
/* Around a generation: the CPU timer runs in between. */
void slice_arm(struct rt *rt);
void slice_disarm(struct rt *rt);
/* Around the time that t is on the CPU. */
void slice_begin(struct rt *rt, struct task *t);
void slice_end(struct rt *rt, struct task *t);
/* Plants the hook again in a state that control comes back to, if t is over its budget. */
void slice_return(struct task *t, lua_State *L);
/* In the torture build, ends the slice early; else nothing. */
void slice_torture(lua_State *L);
/* A wait has begun: counters back to zero. */
void slice_reset(struct task *t);

/* ---- co.c */
int co_open(lua_State *L);
/* Closes what t has pending, innermost first, and t itself. */
void co_close_all(struct task *t);

/* ---- handle.c */
/* rt_push with nuv user values (nil); the box stays at the top. */
void handle_push(lua_State *L, const struct rt_class *c, void *obj, int nuv);
/* Puts the object into an empty box; cannot fail. */
void handle_fill(lua_State *L, int idx, void *obj);

/* ---- gate.c */
void gate_open(lua_State *L);	/* into the table on top */

/* ---- error.c */
int error_open(lua_State *L);
/* The same from anywhere: on L's top the object, or the reason that it could not be made. */
void error_push_safe(lua_State *L, const struct err *e);
/* Appends a traceback without the frames of C and of the embedded library ("mail/..."). */
void error_trace(struct str *out, const char *text);
/* "; did you mean 'x'?" or "", into buf. */
const char *error_hint(char *buf, size_t size, const char *word, const char *const *names,
	size_t n);

#endif
