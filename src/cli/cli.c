/* The command: options that all subcommands share, paths, exit codes. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/near.h"

/* ---- paths */

static const char *
home(void)
{
	const char *h = getenv("HOME");
	const struct passwd *pw;

	if (h != NULL && h[0] == '/')
		return h;
	pw = getpwuid(getuid());
	return pw != NULL ? pw->pw_dir : "/";
}

/* $NAME, else $XDG/mailmill<tail>, else ~/<dflt>/mailmill<tail>. */
static char *
path_of(const char *name, const char *xdg, const char *dflt, const char *tail)
{
	const char *v = getenv(name);

	if (v != NULL && v[0] != '\0')
		return xstrdup(v);
	v = getenv(xdg);
	if (v != NULL && v[0] == '/')
		return xasprintf("%s/mailmill%s", v, tail);
	return xasprintf("%s/%s/mailmill%s", home(), dflt, tail);
}

/* ---- options */

int
cli_usage(const struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	fputs("mailmill", stderr);
	if (cmd != NULL)
		fprintf(stderr, " %s", cmd->name);
	fputs(": ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (cmd != NULL)
		fprintf(stderr, "\nusage: mailmill %s\nMore: mailmill help %s\n", cmd->usage, cmd->name);
	else
		fputs("\nMore: mailmill --help\n", stderr);
	return EXIT_USAGE;
}

static const struct cli_option *
find_option(const struct cli_option *opts, size_t n, struct view name)
{
	for (size_t i = 0; i < n; i++)
		if (view_is(name, opts[i].name))
			return &opts[i];
	return NULL;
}

static int
unknown_option(const struct cmd *cmd, const char *word, const struct cli_option *own, size_t nown,
	const struct cli_option *common, size_t ncommon)
{
	const char *names[32];
	size_t n = 0;
	int near;

	for (size_t i = 0; i < nown && n < ARRAY_LEN(names); i++)
		names[n++] = own[i].name;
	for (size_t i = 0; i < ncommon && n < ARRAY_LEN(names); i++)
		names[n++] = common[i].name;
	near = near_find(view_of(word), names, n);
	if (near >= 0)
		cli_usage(cmd, "unknown option %s; did you mean %s?", word, names[near]);
	else
		cli_usage(cmd, "unknown option %s", word);
	return -1;
}

int
cli_options(struct cli *c, const struct cmd *cmd, int argc, char **argv,
	const struct cli_option *opts, size_t nopts, bool stop_at_file, const char **rest,
	size_t *nrest_r)
{
	const char *state = NULL;
	bool help = false, over = false;
	const struct cli_option common[] = {
		{ "--json", &c->json, NULL }, { "--verbose", &c->verbose, NULL },
		{ "-v", &c->verbose, NULL }, { "--quiet", &c->quiet, NULL }, { "-q", &c->quiet, NULL },
		{ "--wire", &c->wire, NULL },
		{ "--state", NULL, &state }, { "--help", &help, NULL }, { "-h", &help, NULL },
	};

	*nrest_r = 0;
	for (int i = 1; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		size_t n = eq != NULL && argv[i][1] == '-' ? (size_t)(eq - argv[i]) : strlen(argv[i]);
		const struct cli_option *o;

		if (over || argv[i][0] != '-' || argv[i][1] == '\0') {
			rest[(*nrest_r)++] = argv[i];
			over |= stop_at_file;
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			over = true;
			continue;
		}
		o = find_option(opts, nopts, view_n(argv[i], n));
		if (o == NULL)
			o = find_option(common, ARRAY_LEN(common), view_n(argv[i], n));
		if (o == NULL)
			return unknown_option(cmd, argv[i], opts, nopts, common, ARRAY_LEN(common));
		if (o->flag != NULL && argv[i][n] == '=') {
			cli_usage(cmd, "%s takes no value", o->name);
			return -1;
		}
		if (o->flag != NULL) {
			*o->flag = true;
		} else if (argv[i][n] == '=') {
			*o->value = argv[i] + n + 1;
		} else if (i + 1 < argc) {
			*o->value = argv[++i];
		} else {
			cli_usage(cmd, "%s needs a value", o->name);
			return -1;
		}
	}
	if (help) {
		char *words[] = { NULL, NULL };

		words[0] = words[1] = (char *)(uintptr_t)cmd->name;
		cmd_help(c, 2, words);
		exit(EXIT_DONE);
	}
	if (state != NULL) {
		free(c->state_dir);
		c->state_dir = xstrdup(state);
	}
	return 0;
}

const char *
cli_rule_file(const struct cli *c, const char *named)
{
	if (named != NULL || access(c->config, F_OK) == 0)
		return named != NULL ? named : c->config;
	log_error(c->log, "no FILE was named and there is no %s: write your rules there, or name "
	    "their file", c->config);
	return NULL;
}

void
cli_open_log(struct cli *c)
{
	const char *term = getenv("TERM");
	bool color = !c->json && isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL &&
	    term != NULL && strcmp(term, "dumb") != 0;

	c->log = log_new(STDERR_FILENO, c->json ? LOG_JSON : LOG_TEXT, color,
	    c->wire ? LOG_WIRE : c->quiet ? LOG_WARN : c->verbose ? LOG_DEBUG : LOG_INFO);
}

int
cli_exit_code(const struct err *e)
{
	switch (e->kind) {
	case ERR_OK:
		return EXIT_DONE;
	case ERR_NET:
	case ERR_TLS:
		return EXIT_NETWORK;
	case ERR_PROTO:
		return e->scope >= SCOPE_SESSION ? EXIT_NETWORK : EXIT_FAILED;
	case ERR_AUTH:
		return EXIT_SIGNIN;
	case ERR_HELD:
		return EXIT_IN_USE;
	default:
		return EXIT_FAILED;
	}
}

/* ---- the table */

const struct cmd *
cmd_find(const char *name)
{
	for (size_t i = 0; i < cmd_count; i++)
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	return NULL;
}

int
cli_unknown_command(const char *word)
{
	const char *names[32];
	int near;

	if (word[0] == '-')
		return cli_usage(NULL, "options stand behind the command, as in mailmill run %s", word);
	for (size_t i = 0; i < cmd_count; i++)
		names[i] = cmds[i].name;
	near = near_find(view_of(word), names, cmd_count);
	if (near >= 0)
		return cli_usage(NULL, "no command '%s'; did you mean '%s'?", word, names[near]);
	return cli_usage(NULL, "no command '%s'", word);
}

/* A file that is opened as 0, 1 or 2 would get what is printed and logged. */
static void
fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Output that did not arrive (a full disk) is a failure; a reader that has gone is not. */
static int
flush_output(int code)
{
	if (fflush(stdout) == 0 || errno == EPIPE)
		return code;
	fprintf(stderr, "mailmill: standard output cannot be written: %s\n", strerror(errno));
	return code == EXIT_DONE ? EXIT_FAILED : code;
}

int
cli_run(int argc, char **argv)
{
	struct cli c = { 0 };
	const struct cmd *cmd;
	int code;

	fill_standard_fds();
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		cmd_help(&c, 1, argv);
		return flush_output(argc < 2 ? EXIT_USAGE : EXIT_DONE);
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("mailmill %s\n", MAILMILL_VERSION);
		return EXIT_DONE;
	}
	if ((cmd = cmd_find(argv[1])) == NULL)
		return cli_unknown_command(argv[1]);
	c.config = path_of("MAILMILL_CONFIG", "XDG_CONFIG_HOME", ".config", "/rules.lua");
	c.state_dir = path_of("MAILMILL_STATE", "XDG_STATE_HOME", ".local/state", "");
	c.lua_dir = getenv("MAILMILL_LUA");
	code = flush_output(cmd->run(&c, argc - 1, argv + 1));
	log_free(&c.log);
	free(c.config);
	free(c.state_dir);
	return code;
}
