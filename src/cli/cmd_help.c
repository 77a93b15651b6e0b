/* mailmill help: the table of commands, and each one's page. */
#include "cli/cli.h"

#include <stdio.h>

#define COMMON \
	"Options of every command:\n" \
	"  --state DIR     where the state lives (else $MAILMILL_STATE,\n" \
	"                  $XDG_STATE_HOME/mailmill, ~/.local/state/mailmill)\n" \
	"  --json          log as JSON lines instead of text\n" \
	"  -v, --verbose   say more          -q, --quiet   warnings and errors only\n" \
	"  --wire          say also what is said to servers and by them, passwords hidden\n"

const struct cmd cmds[] = {
	{ "run", "run [FILE] [--once] [--existing] [--dry-run]",
	  "run the rules of FILE on mail as it arrives", 
	  "Catches up on what came since the last time, then watches.  FILE is a Lua script;\n"
	  "without it $MAILMILL_CONFIG, $XDG_CONFIG_HOME/mailmill/rules.lua or\n"
	  "~/.config/mailmill/rules.lua.  SIGHUP, or a change of FILE, loads it again: a bad file\n"
	  "leaves the old rules at work.  SIGTERM and Ctrl-C give what is under way 10 seconds;\n"
	  "asked again it ends at once, and what was not done is done at the next start.\n\n"
	  "  --once        catch up and end; timers do not hold it up\n"
	  "  --existing    the first run on a mailbox takes the mail that is there\n"
	  "  --dry-run     say what would be done; nothing is changed, nothing is remembered\n\n"
	  COMMON "\n"
	  "Exit codes: 0 done, 1 a rule or task failed, 2 usage, 3 configuration, 4 network,\n"
	  "5 sign-in, 6 some messages of a set failed, 75 the state is in use by another process.\n",
	  cmd_run },
	{ "exec", "exec [--dry-run] FILE [ARG...]",
	  "run a program script to its end",
	  "Runs FILE as a program: searches and verbs act at once.  The arguments are `...` and\n"
	  "mail.args in the script.  Beside a running `mailmill run` it uses a state of its own.\n\n"
	  "  --dry-run     verbs say what they would do and change nothing\n\n" COMMON,
	  cmd_exec },
	{ "check", "check [--connect] [FILE]",
	  "look at a script without touching any mail",
	  "Loads FILE up to its first wait or its end and reports what is wrong: unknown keys and\n"
	  "names, bad patterns and templates, queries that nothing uses, rules that can never be\n"
	  "reached.  Exit code 3 when there is an error or a warning.\n\n"
	  "  --connect     then sign in to every account, count what is in the mailboxes that\n"
	  "                have rules, and look whether the mailboxes that rules name are there;\n"
	  "                nothing is changed.  One line an account.  Exit code 3 when something\n"
	  "                is wrong with the file, else 5 when a sign-in was refused, else 4 when\n"
	  "                a server could not be reached\n\n" COMMON,
	  cmd_check },
	{ "help", "help [COMMAND]", "this overview, or the page of a command",
	  "Prints the commands, or everything about one of them.\n", cmd_help },
};
const size_t cmd_count = ARRAY_LEN(cmds);

static void
overview(void)
{
	printf("mailmill %s: rules and programs over your mail\n\n", MAILMILL_VERSION);
	for (size_t i = 0; i < cmd_count; i++)
		printf("  mailmill %-8s %s\n", cmds[i].name, cmds[i].summary);
	printf("\n  mailmill help COMMAND   everything about one command\n"
	    "  mailmill --version\n");
}

int
cmd_help(struct cli *c, int argc, char **argv)
{
	const struct cmd *cmd;

	(void)c;
	if (argc < 2) {
		overview();
		return EXIT_DONE;
	}
	cmd = cmd_find(argv[1]);
	if (cmd == NULL)
		return cli_unknown_command(argv[1]);
	printf("mailmill %s\n%s\n\n%s", cmd->usage, cmd->summary, cmd->help);
	return EXIT_DONE;
}
