/*
 * mailmill exec: a program script to its end.  Ctrl-C cancels its tasks at their next
 * wait, so that what they hold is closed in order; a second one ends at once.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/host.h"

struct program {
	struct host		 host;
	struct script		*script;
	struct loop_signal	*signals[2];
	bool			 stopping;
	int			 code;
};

static void
stopped(void *arg)
{
	struct program *p = arg;

	loop_stop(p->host.loop);
}

static void
stop(struct program *p, int code)
{
	if (p->stopping)
		return;
	p->stopping = true;
	p->code = code;
	if (p->script != NULL)
		script_stop(p->script);
	engine_stop(p->host.engine, 0, stopped, p);
}

static void
on_signal(void *arg)
{
	struct program *p = arg;

	if (p->stopping) {
		log_warn(p->host.cli->log, "interrupted twice: breaking off");
		_exit(EXIT_FAILED);
	}
	log_warn(p->host.cli->log, "interrupted");
	stop(p, EXIT_FAILED);
}

static void
on_broken(void *arg, const struct err *e)
{
	struct program *p = arg;

	log_error(p->host.cli->log, "the state cannot be written, so nothing more is done: %s", e->text);
	stop(p, EXIT_FAILED);
}

static void
on_idle(void *arg)
{
	struct program *p = arg;
	const struct err *e = script_main_error(p->script);

	if (script_has_tasks(p->script))
		return;
	stop(p, err_is(e) ? cli_exit_code(e) : script_task_errors(p->script) > 0 ? EXIT_FAILED :
	    script_partial(p->script) ? EXIT_PARTIAL : EXIT_DONE);
}

static void
loaded(void *arg, struct script *s, const struct err *e, const char *detail, const char *load_point)
{
	struct program *p = arg;
	struct err err = ERR_NONE;

	(void)load_point;
	p->script = s;
	if (p->stopping)
		return;
	if (err_is(e)) {
		host_load_error(p->host.cli->log, e, detail);
		stop(p, EXIT_CONFIG);
	} else if (host_findings(&p->host, s, false) > 0) {
		stop(p, EXIT_CONFIG);
	} else if (engine_activate_accounts(p->host.engine, script_ruleset(s), &err) < 0) {
		log_error(p->host.cli->log, "%s", err.text);
		stop(p, EXIT_CONFIG);
	} else {
		if (script_ruleset(s)->chains.n > 0)
			log_warn(p->host.cli->log, "exec runs the program alone: the rules in it stay "
			    "still; `mailmill run` puts them to work");
		script_on_idle(s, on_idle, p);
		script_activate(s, p->host.engine);
	}
}

static int
run_program(struct program *p, const struct script_conf *conf)
{
	static const int sigs[] = { SIGTERM, SIGINT };
	struct err e = ERR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		p->signals[i] = loop_signal_new(p->host.loop, sigs[i], on_signal, p, &e);
	state_on_broken(p->host.state, on_broken, p);
	p->script = script_load(conf, loaded, p, &e);
	if (p->script == NULL) {
		log_error(p->host.cli->log, "%s", e.text);
		return EXIT_CONFIG;
	}
	loop_run(p->host.loop);
	return p->code;
}

/* What stands behind FILE is the program's; one who meant us with this would lose mail. */
static bool
dry_run_behind(int argc, char **argv, const char *file)
{
	bool behind = false;

	for (int i = 1; i < argc; i++) {
		if (behind && strcmp(argv[i], "--dry-run") == 0)
			return true;
		if (!behind && strcmp(argv[i], "--") == 0)
			return false;
		behind |= argv[i] == file;
	}
	return false;
}

int
cmd_exec(struct cli *c, int argc, char **argv)
{
	struct program p = { 0 };
	bool dry_run = false;
	const struct cli_option opts[] = { { "--dry-run", &dry_run, NULL } };
	const char **rest = xcalloc((size_t)argc + 1, sizeof(*rest));
	struct script_conf conf = { .phase = SCRIPT_EXEC };
	size_t nrest;
	int code = EXIT_USAGE;

	if (cli_options(c, cmd_find("exec"), argc, argv, opts, 1, true, rest, &nrest) < 0)
		goto out;
	if (nrest == 0) {
		cli_usage(cmd_find("exec"), "FILE is missing");
		goto out;
	}
	if (dry_run_behind(argc, argv, rest[0])) {
		cli_usage(cmd_find("exec"), "--dry-run behind FILE would be an argument of the program, "
		    "which would act; write it before FILE (or -- before FILE, if the program knows it)");
		goto out;
	}
	cli_open_log(c);
	code = host_open(&p.host, c, dry_run ? HOST_COPY : HOST_BESIDE, &(struct manner){ .dry_run = dry_run });
	if (code == EXIT_DONE) {
		conf.loop = p.host.loop;
		conf.log = c->log;
		conf.state = p.host.state;
		conf.file = rest[0];
		conf.args = rest + 1;
		conf.lua_dir = c->lua_dir;
		conf.store_denied = p.host.beside;
		code = run_program(&p, &conf);
		for (size_t i = 0; i < ARRAY_LEN(p.signals); i++)
			loop_signal_free(p.host.loop, &p.signals[i]);
		script_free(&p.script);
		host_close(&p.host);
	}
out:
	free(rest);
	return code;
}
