/* check --connect: what can be seen of a ruleset's accounts by signing in; nothing is changed. */
#ifndef CLI_CONNECT_H
#define CLI_CONNECT_H

#include "cli/host.h"

struct connected {
	size_t	findings;	/* what is wrong with the file, as far as the accounts tell */
	int	code;		/* EXIT_DONE; else EXIT_SIGNIN, or EXIT_NETWORK, or EXIT_FAILED */
};
/*
 * Opens the accounts of rs in h->engine, which has none, and runs the loop until each has
 * told, or failed.  One line an account on standard output, what is wrong in the log.
 */
struct connected connect_all(struct host *h, struct ruleset *rs);

#endif
