/*
 * What the files of the binding share: the script's inside, the memory and the waits
 * of a core function, the message that Lua holds.
 *
 * Lua may raise anywhere, so what a core function owns lives in a userdata (scratch)
 * on its stack, whose collector gives it back if the function does not come that far.
 */
#ifndef BIND_BIND_INT_H
#define BIND_BIND_INT_H

#include "base/list.h"
#include "bind/bind.h"

#define ARGS_MAX	10000u			/* arguments of exec */
#define FUNCTIONS_MAX	100000u			/* rule and where functions of one script */
#define BODIES_MAX	((size_t)64 << 20)	/* bytes that messages of programs hold */

/* ---- script.c */
struct finding { bool error; char *where, *text; };
struct findings { VEC(struct finding) };

struct script {
	uint32_t		 magic;
	struct script_conf	 conf;
	char			*file, *dir, *lua_dir;
	struct { VEC(char *) }	 args;
	struct rt		*rt;
	struct ruleset		*ruleset;	/* a reference, until script_free */
	struct engine		*engine;	/* set by script_activate */

	/* up to the load point */
	script_loaded_fn	 loaded;
	void			*loaded_arg;
	struct loop_timer	*loaded_timer;
	struct err		 load_err;
	char			*load_detail, *load_point;
	bool			 past_load;	/* nothing can be declared any more */
	bool			 active, stopping;
	bool			 declares;	/* timers or tasks begin with the activation */
	struct link		 gates;		/* struct gate: who waits for activation */
	struct findings		 findings;

	/* the program: the main task, and what it spawned */
	struct task		*main;		/* NULL: not begun, or ended */
	struct err		 main_err;
	void			(*idle)(void *arg);
	void			*idle_arg;
	struct loop_timer	*idle_timer;
	struct link		 roots;		/* struct root: tasks without a parent, timers */
	unsigned		 task_errors, timers;
	bool			 partial;

	/* functions of rules, by number: a table in the registry, and its inverse */
	int			 functions, numbers;
	uint32_t		 nfunctions;

	struct link		 bodies;	/* struct msg, the one used last at the end */
	size_t			 held;

	/* the end: both the owner and the last ruleset have let go, no callback is under way */
	bool			 closed, released;
	unsigned		 busy;
	struct loop_timer	*free_timer;
};
#define SCRIPT_MAGIC 0x53435254u

/* The main task is at its load point (NULL: the end of its file). */
void script_reached(struct script *s, const char *load_point);
void script_open_gates(struct script *s);
/* Frees it when all have let go. */
void script_let_go(struct script *s);
/* A task of the program has ended: is it idle now? */
void script_look_idle(struct script *s);
/* "where: message" of the error value on L's top, that t has ended with; cannot raise. */
void script_error_text(struct task *t, lua_State *L, const struct err *e, struct str *out);
/* Keeps fn (at idx) alive; its number, the same for the same function. */
uint32_t script_keep(lua_State *L, int idx);
void script_push_function(lua_State *L, uint32_t fn);

/* ---- bind_core.c: the table core, and what core functions need */
/* On L's top: the table core, with all of bind_*; the classes are registered. */
void bind_core(lua_State *L);
/* Pushes what the embedded file of that name ("init") returns. */
int bind_load(lua_State *L, const char *name);
/* Pushes core[name], which the Lua half has set; false (nothing pushed) when it has not. */
bool bind_push_hook(lua_State *L, const char *name);
/* The load point, once: core.loaded() is called, then the owner is told. */
void bind_reach(lua_State *L, const char *load_point);

/* ---- bind_ask.c: memory and waits */
void scratch_open(lua_State *L);
/* Zeroed memory on top of the stack; drop is called once at most, by the collector or bind_drop. */
void *bind_scratch(lua_State *L, size_t n, void (*drop)(void *p));
void bind_drop(void *p);
void *bind_scratch_at(lua_State *L, int idx);	/* the memory of the one that stands at idx */

/* ---- bind_core.c: arguments */
/* "rules.lua:12": the line of the script that is running. */
const char *bind_where(lua_State *L, char *buf, size_t size);
/* The argument as a C string without NUL, at most max bytes. */
const char *bind_text_arg(lua_State *L, int arg, size_t max);
struct view bind_view_arg(lua_State *L, int arg);
/* Fields of the table at idx; absent: NULL, false.  The string is anchored by the table. */
const char *bind_field_text(lua_State *L, int idx, const char *name);
bool bind_field_bool(lua_State *L, int idx, const char *name);
char *bind_field_dup(lua_State *L, int idx, const char *name);	/* the caller frees it */
/* "~/x" and "x" to an absolute path (the caller frees it): below $HOME, below the script's folder. */
char *bind_path(const struct script *s, const char *path);
/* The script, while it may declare: raises behind the load point.  what: "a rule is declared". */
struct script *bind_loading(lua_State *L, const char *what);
/* The live account; a new reference to the live mailbox; they raise. */
struct account *bind_account(lua_State *L, const char *name);
struct box *bind_box(lua_State *L, const char *account, const char *mailbox);

/* ---- waiting for one answer */
struct tie;
/*
 * An object that waits; embedded first in a larger one.  It lives in scratch on the
 * waiting stack.  Ended by the answer, or given up: then the answer finds nobody.
 */
struct ask {
	struct op		 op;
	struct engine_op	*eop;		/* under way, or NULL */
	struct tie		*tie;		/* under way where nothing can be given up, or NULL */
	struct err		 err;
	const char		*verb, *account, *mailbox;	/* for the error; anchored on the stack */
	int			(*push)(lua_State *L, struct ask *a);	/* the results; not called with err */
	void			(*release)(struct ask *a);	/* what else it owns; idempotent; or NULL */
	/* Goes on behind push, whose results it finds, when the ask is dropped; or NULL. */
	lua_CFunction		then;
};
/* rt_can_wait, then a zeroed one on top of the stack. */
struct ask *ask_new(lua_State *L, size_t n, const char *verb,
	int (*push)(lua_State *L, struct ask *a), void (*release)(struct ask *a));
int ask_wait(lua_State *L, struct ask *a);		/* use as: return ask_wait(L, a); */
int ask_push_nothing(lua_State *L, struct ask *a);	/* for what has no result */
void ask_done(struct ask *a, const struct err *e);	/* e may be NULL */
void ask_fetched(void *arg, const struct err *e);	/* an engine_fn: arg is the ask */

struct gate { struct ask ask; struct link link; };	/* waits for activation */

/* The far end of a wait whose answer comes in any case; freed by who is answered. */
struct tie { struct ask *ask; };
struct tie *tie_new(struct ask *a);
/* The ask, or NULL when it has been given up; the tie is freed. */
struct ask *tie_end(struct tie *t);

/* ---- bind_msg.c, bind_message.c: a message in Lua's hand */
void bind_msg(lua_State *L);
struct msg {
	int		 refs;
	struct script	*script;	/* NULL once its state is closed */
	struct message	*m;
	char		*account, *mailbox;
	struct call	*call;		/* of the rule function whose message it is; or NULL */
	bool		 closed;
	struct link	 body;		/* in script->bodies */
	size_t		 held;
};
extern const struct rt_class bind_message_class;
struct msg *msg_new(struct script *s, struct message *m, const char *account, const char *mailbox);
void msg_unref(struct msg *g);
/* No more for Lua; its body goes. */
void msg_close(struct msg *g);
void msg_push(lua_State *L, struct msg *g);		/* a handle, with a reference of its own */
struct msg *msg_check(lua_State *L, int arg);		/* or raises */
/*
 * then(L), once g has what is needed: at once, or after a fetch, with the stack as it
 * was and one value more.  Use as: return msg_with(...).
 */
int msg_with(lua_State *L, struct msg *g, unsigned need, lua_CFunction then);
int msg_parts(lua_State *L);				/* bind_part.c */
/* The message and part of the PART at arg. */
struct msg *part_check(lua_State *L, int arg, uint32_t *part_r);
extern const struct rt_class bind_part_class;

/* ---- bind_task.c: tasks of the program beside the main task */
void bind_task(lua_State *L);
/* Runs core.activated(), then opens the gates. */
int task_activate(lua_State *L);
bool task_is_timer(struct link *root);	/* of script.roots */
void task_cancel_all(struct script *s, const struct err *why, bool kill);

/* ---- bind_query.c */
extern const struct rt_class bind_query_class;
struct query *query_check(lua_State *L, int arg);

/* ---- bind_regex.c, bind_text.c */
extern const struct rt_class bind_regex_class;
extern const struct rt_class bind_list_class;
void bind_regex(lua_State *L);

/* ---- bind_secret.c: mail.secret */
extern const struct rt_class bind_secret_class;
/* The field of the table at idx, a text or a secret, as a new reference; absent: NULL. */
struct credential *secret_read(lua_State *L, int idx, const char *name);

/* ---- bind_action.c: the table ACTION */
/* Into *a (zeroed, in scratch of the caller's): raises for what is wrong. */
void action_check(lua_State *L, int idx, struct action *a);
/* The field "flags" of the table at idx: a list of names. */
void action_field_flags(lua_State *L, int idx, struct flags *f);

/* ---- bind_decide.c: one call of a rule or where function */
struct call {
	struct script	*script;
	struct turn	*turn;		/* NULL once cancelled */
	uint32_t	 fn;
	bool		 where;
	struct task	*task;
	struct msg	*msg;
	const struct captures *caps;	/* the turn's */
	struct loop_timer *timer;	/* answers a call that could not begin */
	struct err	 err;
	/* decided so far */
	int		 outcome;	/* of struct turn_answer */
	struct actions	 actions;
	struct state_writes writes;
	int64_t		 delay_ms;
	char		*reason;
};
/* The call that the running task belongs to, or NULL; raises when it was cancelled. */
struct call *call_of(lua_State *L);

/* ---- bind_value.c: values of mail.store as text */
#define VALUE_MAX	((size_t)64 << 10)
#define VALUE_DEPTH	16u
/* The value at idx into out; raises for what cannot be stored.  out lives in scratch. */
void value_encode(lua_State *L, int idx, struct str *out);
/* Pushes it; raises ERR_SYSTEM for a text that is not one. */
void value_push(lua_State *L, struct view text);

#endif
