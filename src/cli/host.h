/*
 * The host of a script: loop, state and engine, as `run` and `exec` share them.
 */
#ifndef CLI_HOST_H
#define CLI_HOST_H

#include "cli/cli.h"

enum host_state {
	HOST_OWN,		/* the state of --state; in use elsewhere: EXIT_IN_USE */
	HOST_BESIDE,		/* ... then one of its own for this run (exec beside a daemon) */
	HOST_COPY,		/* a copy that goes with the run (dry run) */
	HOST_SCRATCH,		/* an empty one that goes with the run */
};

struct host {
	struct cli	*cli;
	struct loop	*loop;
	struct dns	*dns;
	struct state	*state;
	struct engine	*engine;
	bool		 beside;	/* the state is this run's own */
	char		*scratch;	/* folder to remove at the end, or NULL */
	char		*run_name;	/* "runs/ID": its file is removed at the end, or NULL */
};

struct manner {			/* as in struct engine_conf */
	bool		 dry_run, existing, once, quiet;
};
/* 0, or an exit code; what went wrong is in the log. */
int host_open(struct host *h, struct cli *c, enum host_state which, const struct manner *how);
void host_close(struct host *h);
/* Logs why loading failed; a traceback that has only the place that the text has is left out. */
void host_load_error(struct log *log, const struct err *e, const char *detail);
/* Logs what loading and checking found; the number of errors.  strict counts warnings too. */
size_t host_findings(struct host *h, struct script *s, bool strict);

#endif
