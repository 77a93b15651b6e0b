/*
 * A script: one Lua state with the module `mail`, one file, what it declared, and its
 * tasks.  A runtime is a value: a reload loads a second script beside the first.
 */
#ifndef BIND_SCRIPT_H
#define BIND_SCRIPT_H

#include "engine/engine.h"

struct script;

enum script_phase { SCRIPT_RUN, SCRIPT_EXEC, SCRIPT_CHECK };
struct script_conf {
	struct loop		*loop;
	struct log		*log;
	struct state		*state;		/* NULL in CHECK */
	enum script_phase	 phase;
	const char		*file;
	const char *const	*args;		/* of exec; NULL-terminated; may be NULL */
	const char		*lua_dir;	/* MAILMILL_LUA: overrides the embedded files; or NULL */
	bool			 store_denied;	/* exec beside a daemon: mail.store raises (says why) */
};

/*
 * Compiles and starts the file; loaded is called from the loop when the load point is
 * reached (the end of the file or its first wait; err is ERR_NONE) or when loading failed
 * (err says where, and detail is the traceback or "").  NULL and err at once when the file cannot be read or compiled.
 * load_point: "rules.lua:14", or NULL at the end of the file.
 */
typedef void (*script_loaded_fn)(void *arg, struct script *s, const struct err *err, const char *detail,
	const char *load_point);
struct script *script_load(const struct script_conf *conf, script_loaded_fn loaded, void *arg,
	struct err *err) MUST_CHECK;
struct ruleset *script_ruleset(struct script *s);	/* borrowed */
/* Findings of loading (unused queries ...) and of ruleset_check, in order of place. */
void script_findings(struct script *s, ruleset_finding_fn fn, void *arg);

/* Timers start, and the main task goes on behind its load point, with this engine. */
void script_activate(struct script *s, struct engine *e);
/*
 * idle is called, from the loop, each time no task is left but timers that wait for
 * their time (handlers of rules excepted).
 */
void script_on_idle(struct script *s, void (*idle)(void *arg), void *arg);
bool script_has_tasks(const struct script *s);		/* the main task, spawned ones, timers */
bool script_busy(const struct script *s);		/* the same without timers that wait */
/* At the load point: has rules, timers, tasks, or goes on, so that it can have a use. */
bool script_declares(const struct script *s);
bool script_has_timers(const struct script *s);
unsigned script_task_errors(const struct script *s);	/* tasks that ended with an error (logged) */
bool script_partial(const struct script *s);		/* a set verb had single failures: exit code 6 */
/* detail, or "" when it is a traceback of one place that text names already. */
const char *script_detail(const char *text, const char *detail);
/* How the main task ended, for exec: ERR_NONE while it runs or when it ended well. */
const struct err *script_main_error(const struct script *s);

/* No new timer run or task; what runs is cancelled (its next wait raises). */
void script_stop(struct script *s);
/* Ends the tasks that go on all the same (they catch what cancels them); handlers stay. */
void script_kill(struct script *s);
/* Kills what is left; the ruleset's references to the script end with the ruleset. */
void script_free(struct script **s);

extern const struct handler_ops script_handler_ops;

#endif
