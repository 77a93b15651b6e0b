/*
 * rt: run Lua as tasks over a loop.  One lua_State, one loop, one thread.  Knows
 * no mail.
 *
 * A task is a coroutine that C resumes.  A C function that has to wait fills an op,
 * starts its work and returns rt_wait(L, op); the task sleeps.  Callbacks of the
 * loop call rt_done(op), which only queues the task; later the scheduler resumes
 * it, and op->finish pushes the results, in protected mode, inside the task.
 *
 * Invariants (architecture.md, "The loop and the tasks", rules 1-9):
 * - lua_resume on a task stands in one function; C calls Lua through nothing else.
 * - exactly one of op->finish and op->cancel runs, once; rt_done on an op that was
 *   cancelled or done before is a no-op as long as its memory lives, which is why
 *   cancel must stop the work's callbacks before it frees.
 * - a task does not end before its children; the first child that fails cancels
 *   its siblings and fails the parent at its next wait.
 * - cancel is level-triggered: the next wait raises and every later one too.
 * - code between two waits is one step for other tasks only while it is shorter than
 *   a slice: after 10 ms of CPU another task may run at any instruction.
 * - a slice over its budget is yielded (10 ms), logged (100 ms), and raises when
 *   the task has burnt limits.cpu_ms in one message's handling (between two waits).
 */
#ifndef RT_RT_H
#define RT_RT_H

#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"
#include "rt/luacompat.h"

struct rt;
struct task;

struct rt_limits {
	int64_t	cpu_ms;		/* CPU between two waits; 0: 5000 */
	size_t	slice_growth;	/* net heap growth between two waits, bytes; 0: 64 MiB */
	size_t	total;		/* ceiling of the whole heap; 0: 1 GiB */
};

struct op {
	struct task	*task;		/* the waiter; NULL while nobody waits */
	int64_t		 at;		/* loop_now() at which it ends by itself; 0: never */
	int		(*finish)(lua_State *L, struct op *op);	/* pushes results; may raise; frees the op's object */
	void		(*cancel)(struct op *op);		/* stops the work and frees; never touches Lua */
	/* private to rt */
	bool		 done, timed_out;
	struct loop_timer *timer;
	struct rt	*rt;
};
/* In finish: did `at` end it (and not rt_done)? */
static inline bool op_timed_out(const struct op *op) { return op->timed_out; }

/* ---- life */
/*
 * Makes the lua_State with the libraries of rt_openlibs.  The environment variable
 * MAILMILL_GC chooses the collector: "aggressive" (a cycle never pauses: for
 * tests), "generational", anything else is Lua's incremental default.
 */
struct rt *rt_new(struct loop *l, struct log *log, const struct rt_limits *limits, struct err *e)
	MUST_CHECK;
void rt_free(struct rt **rt);		/* kills what still runs (closing <close> values), closes the state */
lua_State *rt_state(struct rt *rt);	/* the main state: for loading code and registering, not for running */
struct rt *rt_of(lua_State *L);
/*
 * base table string math utf8 os io package coroutine debug, each without what
 * could block, end or blind the process (lib.c lists it), and strict globals.
 * package.searchers is: preload, text files on package.path, C modules (two); the
 * binding inserts its own at 2.  rt_new has called it.
 */
void rt_openlibs(lua_State *L);
struct loop *rt_loop(struct rt *rt);
struct log *rt_log(struct rt *rt);
/* How many tasks have not ended. */
size_t rt_tasks(const struct rt *rt);
/* Called (from the loop) each time the last task has ended. */
void rt_on_idle(struct rt *rt, void (*fn)(void *arg), void *arg);
/* The binding above keeps its own object here. */
void rt_set_owner(struct rt *rt, void *owner);
void *rt_owner(struct rt *rt);

/* ---- tasks */
/*
 * Called when a task has ended, outside Lua.  e is ERR_NONE, or the error; detail
 * is the traceback or "".  Where the task returned or raised values, L has them:
 * on success nres results at the top of L; on failure the error object is on top.
 * The callee pops nothing, must not wait and must not raise (see rt_pcall).
 */
typedef void (*task_end_fn)(void *arg, struct task *t, lua_State *L, int nres, const struct err *e,
	const char *detail);
/*
 * A new task from the function and nargs arguments on top of `from` (popped).  A
 * child of `parent`; NULL makes a root.  NULL and e when memory for it was refused.
 */
struct task *rt_spawn(struct rt *rt, lua_State *from, int nargs, struct task *parent,
	const char *name, task_end_fn end, void *arg, struct err *e) MUST_CHECK;
/*
 * The next wait, and every later one, raises `why`; so in all its children.  A wait
 * that was done already still delivers its result.
 */
void rt_cancel(struct task *t, const struct err *why);
/*
 * Never resumed again.  What it waits for is cancelled now; from the loop, its
 * children end first, then its pending <close> values run (they cannot wait, and
 * have 250 ms of CPU), then end is called with `why`.
 */
void rt_kill(struct task *t, const struct err *why);
struct task *rt_self(lua_State *L);	/* NULL outside a task */
const char *task_name(const struct task *t);
void task_set_data(struct task *t, void *data);	/* inherited by children at spawn */
void *task_data(const struct task *t);
/*
 * In task_end_fn: calls the function below nargs arguments on top of L, protected, with
 * no results; 0 or -1.  It cannot wait and has 250 ms of CPU: __tostring of an error.
 */
int rt_call_ended(struct task *t, int nargs) MUST_CHECK;
/*
 * Runs fn protected, with arg as light userdata at index 1, for the few things
 * outside a task; 0, or -1 and e (never panics).
 */
int rt_pcall(struct rt *rt, int (*fn)(lua_State *L), void *arg, struct err *e) MUST_CHECK;

/*
 * ---- for bindings: inside a task, protected.  An op begins zeroed, with finish
 * and cancel set.  rt_done may come before rt_wait; the task still sleeps one turn.
 */
void rt_can_wait(lua_State *L);		/* raises now if a wait would fail; before work is started */
int rt_wait(lua_State *L, struct op *op);	/* use as: return rt_wait(L, &x->op); */
/*
 * Pushes a table: sleep(s) spawn(fn, ...) deadline(s) now() name() places(n).  A
 * time is a number of seconds or a duration ("15min").  spawn gives a handle with
 * :wait() (the results, or raises the task's error), :cancel(), :status()
 * ("waiting", "running", "done", "failed", "canceled").  A failure that somebody
 * waits for is his; any other fails the parent.  deadline gives a <close> value;
 * children spawned inside inherit it.  places gives :enter() (waits for one of n)
 * and :leave().
 */
void rt_push_tasklib(lua_State *L);
/* ---- for callbacks of the loop: outside Lua; runs no Lua, cannot fail */
void rt_done(struct op *op);

/* ---- errors: the mail.error object */
/* Raises a mail.error made from e (op, account, mailbox may be NULL). */
int rt_raise(lua_State *L, const struct err *e, const char *op, const char *account,
	const char *mailbox);
int rt_fail(lua_State *L, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
/* Pushes the object instead of raising it. */
void rt_push_error(lua_State *L, const struct err *e, const char *op, const char *account,
	const char *mailbox);
/* Makes *e of whatever error value stands at idx (mail.error or anything else). */
void rt_error_of(lua_State *L, int idx, struct err *e);

/* ---- handles: a box that a script may hold after its object is gone */
struct rt_class {
	const char	*name;		/* "mail.message": shown in errors without "mail." */
	const luaL_Reg	*methods;	/* may be NULL */
	/* a field or method that is not in methods: pushes 1 value, may wait, or returns 0: unknown */
	int		(*index)(lua_State *L, void *obj, const char *key);
	const char *const *fields;	/* names that index answers, NULL-terminated: for did-you-mean; may be NULL */
	void		(*release)(void *obj);	/* the box is collected or closed: drop one reference; may be NULL */
	const luaL_Reg	*meta;		/* more metamethods (__tostring, __eq ...); may be NULL */
};
void rt_class_register(lua_State *L, const struct rt_class *c);
/* Pushes the table of methods, to which more may be added. */
void rt_push_methods(lua_State *L, const struct rt_class *c);
/* Always a new box that owns one reference to obj. */
void rt_push(lua_State *L, const struct rt_class *c, void *obj);
/* The object, or raises: wrong type, or "message is closed". */
void *rt_check(lua_State *L, int arg, const struct rt_class *c);
void *rt_test(lua_State *L, int arg, const struct rt_class *c);	/* NULL when it is something else or closed */
/* Empties the box at arg (release is called); idempotent. */
void rt_close(lua_State *L, int arg, const struct rt_class *c);

/* ---- options of a table: one row gives check, default, did-you-mean and manual */
enum rt_opt_type { OPT_STRING, OPT_INTEGER, OPT_NUMBER, OPT_BOOLEAN, OPT_DURATION, OPT_SIZE, OPT_ANY };
struct rt_opt {
	const char		*name;
	enum rt_opt_type	 type;
	size_t			 off;	/* in out: const char *, int64_t, double, bool, int64_t ms, int64_t bytes, (ignored) */
	bool			 required;
};
/*
 * The table at arg (absent: an empty one) into *out, which holds the defaults;
 * unknown keys and wrong types raise, naming `what` ("mail.maildir").  A row
 * "#" (OPT_ANY) allows positional values, which the caller reads.  Strings live as
 * long as the table holds them and contain no NUL.
 */
void rt_opts(lua_State *L, int arg, const char *what, const struct rt_opt *opts, size_t n, void *out);

#endif
