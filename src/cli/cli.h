/*
 * The command.  main() calls cli_run(); each subcommand is one row of a table and one
 * file cmd_*.c; what they share is here.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "bind/script.h"

/* Exit codes, as promised to scripts and units. */
enum {
	EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3, EXIT_NETWORK = 4,
	EXIT_SIGNIN = 5, EXIT_PARTIAL = 6, EXIT_IN_USE = 75,
};

/* Options that every subcommand takes, and the paths that follow from the environment. */
struct cli {
	bool		 json, verbose, wire, quiet;
	char		*state_dir;
	char		*config;		/* the default rule file */
	const char	*lua_dir;		/* MAILMILL_LUA, or NULL */
	struct log	*log;
};

/* One option of one subcommand: a switch (flag) or one that takes a value. */
struct cli_option { const char *name; bool *flag; const char **value; };

struct cmd {
	const char	*name, *usage, *summary;
	const char	*help;			/* paragraphs and options */
	int		(*run)(struct cli *c, int argc, char **argv);
};
extern const struct cmd cmds[];
extern const size_t cmd_count;
const struct cmd *cmd_find(const char *name);

int cli_run(int argc, char **argv);
/*
 * Takes the options out of argv (argv[0] is the subcommand), also the common ones, and
 * leaves the rest in rest[0..*nrest_r).  "--" ends the options; with stop_at_file the
 * first other word does (the rest are a script's arguments).  -1: a line on stderr said
 * what is wrong; exit with EXIT_USAGE.
 */
int cli_options(struct cli *c, const struct cmd *cmd, int argc, char **argv,
	const struct cli_option *opts, size_t nopts, bool stop_at_file, const char **rest,
	size_t *nrest_r);
/* Makes c->log as the options say. */
void cli_open_log(struct cli *c);
/* The file to load: the one that was named (or NULL), else the default one; NULL: there is
 * none, and the log says so. */
const char *cli_rule_file(const struct cli *c, const char *named);
/* The exit code for an error that ended the work. */
int cli_exit_code(const struct err *e);
/* A usage error on stderr; returns EXIT_USAGE. */
int cli_usage(const struct cmd *cmd, const char *fmt, ...) PRINTF(2, 3);
/* The same for a word that is no command, with the one that was meant. */
int cli_unknown_command(const char *word);

/* Subcommands. */
int cmd_run(struct cli *c, int argc, char **argv);
int cmd_exec(struct cli *c, int argc, char **argv);
int cmd_check(struct cli *c, int argc, char **argv);
int cmd_help(struct cli *c, int argc, char **argv);

#endif
