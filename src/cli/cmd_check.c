/*
 * mailmill check: a script up to its load point, and everything that can be known
 * without touching mail; with --connect (connect.c) also what the accounts tell.  The
 * verdict is on standard output, the findings in the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/connect.h"

struct checker {
	struct host	 host;
	struct script	*script;
	char		*load_point;
	size_t		 bad;
	bool		 unusable;	/* its accounts cannot be opened */
	bool		 broken;	/* its load did not come to the load point */
};

static void
loaded(void *arg, struct script *s, const struct err *e, const char *detail, const char *load_point)
{
	struct checker *k = arg;

	k->script = s;
	if (err_is(e)) {
		host_load_error(k->host.cli->log, e, detail);
		k->bad++;
		k->unusable = k->broken = true;
	} else {
		k->bad += host_findings(&k->host, s, true);
		k->load_point = load_point != NULL ? xstrdup(load_point) : NULL;
	}
	loop_stop(k->host.loop);
}

/* A Maildir that is not there is worth a word, though it may be there tomorrow. */
static void
check_account(struct checker *k, const struct account_decl *d)
{
	const char *home = getenv("HOME");
	bool tilde = d->path != NULL && strncmp(d->path, "~/", 2) == 0 && home != NULL;
	char *cur;

	if (d->path == NULL)
		return;
	cur = xasprintf("%s%s/cur", tilde ? home : "", tilde ? d->path + 1 : d->path);
	if (access(cur, R_OK | X_OK) < 0 && !d->create) {
		log_error(k->host.cli->log, "%s: account \"%s\": no Maildir at %s (create = true makes one)",
		    d->where, d->name, d->path);
		k->bad++;
		k->unusable = true;
	}
	free(cur);
}

static void
verdict(struct checker *k, const char *file)
{
	const struct ruleset *rs = script_ruleset(k->script);
	size_t rules = 0;
	struct err e = ERR_NONE;

	if (engine_check_paths(rs, &e) < 0) {
		log_error(k->host.cli->log, "%s", e.text);
		k->bad++;
		k->unusable = true;
	}
	/* What a load that broke off had declared by then would be read as all there is. */
	if (k->broken) {
		printf("%s: %zu finding%s; the load ended there\n", file, k->bad, k->bad == 1 ? "" : "s");
		return;
	}
	for (size_t i = 0; i < rs->accounts.n; i++)
		check_account(k, rs->accounts.at[i]);
	for (size_t i = 0; i < rs->chains.n; i++)
		rules += rs->chains.at[i]->rules.n;
	printf("%s: %zu account%s, %zu rule%s on %zu mailbox%s: ", file, rs->accounts.n,
	    rs->accounts.n == 1 ? "" : "s", rules, rules == 1 ? "" : "s", rs->chains.n,
	    rs->chains.n == 1 ? "" : "es");
	if (k->bad > 0)
		printf("%zu finding%s\n", k->bad, k->bad == 1 ? "" : "s");
	else
		printf("ok\n");
	if (k->load_point != NULL)
		printf("checked up to the first wait, %s; what stands behind it was not run\n",
		    k->load_point);
}

static int
check_file(struct checker *k, struct script_conf *conf, bool connect)
{
	struct connected found = { 0 };
	struct err e = ERR_NONE;

	conf->loop = k->host.loop;
	conf->log = k->host.cli->log;
	conf->lua_dir = k->host.cli->lua_dir;
	k->script = script_load(conf, loaded, k, &e);
	if (k->script == NULL) {
		log_error(k->host.cli->log, "%s", e.text);
		return EXIT_CONFIG;
	}
	loop_run(k->host.loop);
	verdict(k, conf->file);
	if (connect && k->unusable) {
		log_warn(k->host.cli->log, "nothing was connected: mend what is wrong first");
	} else if (connect) {
		fflush(stdout);
		found = connect_all(&k->host, script_ruleset(k->script));
	}
	return k->bad + found.findings > 0 ? EXIT_CONFIG : found.code;
}

int
cmd_check(struct cli *c, int argc, char **argv)
{
	struct checker k = { .host = { .cli = c } };
	const char **rest = xcalloc((size_t)argc + 1, sizeof(*rest));
	struct script_conf conf = { .phase = SCRIPT_CHECK };
	bool connect = false;
	const struct cli_option opts[] = { { "--connect", &connect, NULL } };
	struct err e = ERR_NONE;
	size_t nrest;
	int code = EXIT_USAGE;

	if (cli_options(c, cmd_find("check"), argc, argv, opts, 1, false, rest, &nrest) < 0)
		goto out;
	if (nrest > 1) {
		cli_usage(cmd_find("check"), "one FILE, not '%s' as well", rest[1]);
		goto out;
	}
	cli_open_log(c);
	code = EXIT_CONFIG;
	conf.file = cli_rule_file(c, rest[0]);
	if (conf.file == NULL)
		goto out;
	if (connect) {
		code = host_open(&k.host, c, HOST_SCRATCH, &(struct manner){ .dry_run = true,
			.once = true, .quiet = true });
	} else {
		k.host.loop = loop_new(&e);
		code = k.host.loop != NULL ? EXIT_DONE : EXIT_FAILED;
	}
	if (err_is(&e))
		log_error(c->log, "%s", e.text);
	if (code == EXIT_DONE)
		code = check_file(&k, &conf, connect);
	script_free(&k.script);
	host_close(&k.host);
	free(k.load_point);
out:
	free(rest);
	return code;
}
