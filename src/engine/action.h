/*
 * An action: one verb with its arguments as they were decided, as it stands in the
 * plan of a message and in the state.
 */
#ifndef ENGINE_ACTION_H
#define ENGINE_ACTION_H

#include "base/blob.h"
#include "mail/flags.h"

/*
 * In the order in which the actions of one rule are applied.  X(symbol, name, takes the
 * mail away, what it makes exists beside the original)
 */
#define VERBS(X) \
	X(FLAG, "flag", false, false) X(UNFLAG, "unflag", false, false) \
	X(COPY, "copy", false, true) X(SAVE, "save", false, true) \
	X(REPLACE, "replace", true, true) \
	X(MOVE, "move", true, false) X(DELETE, "delete", true, false) \
	X(EXPUNGE, "expunge", true, false)
enum verb {
#define X(sym, name, away, makes) VERB_##sym,
	VERBS(X)
#undef X
	VERB_COUNT
};
const char *verb_name(enum verb v);
int verb_find(struct view name);		/* -1: none of that name */
bool verb_takes_away(enum verb v);		/* ends the chain of rules */

#define ACTIONS_MAX 32u				/* a message */

struct action {
	enum verb	 verb;
	struct flags	 flags;		/* FLAG, UNFLAG */
	char		*account;	/* COPY, MOVE, DELETE: the target's account */
	char		*mailbox;	/* ... and mailbox, resolved ("@trash" is a name by now) */
	char		*path;		/* SAVE: file or folder with a trailing "/", absolute */
	char		*part;		/* SAVE: part number "1.2", or NULL for the whole message */
	struct blob	*bytes;		/* REPLACE: the new message; in the state a spool file's name */
	char		*rule;		/* who decided it: rule name, or "program" */
	/* ---- once planned */
	char		*token;		/* names what it makes, the same at every try (source.h) */
	uint64_t	 row;		/* in the state; 0: not journalled */
	bool		 done;
	bool		 unsent;	/* noted at an end in order: it was not tried, or certainly failed */
};
struct actions { VEC(struct action) };

void action_free(struct action *a);
void actions_free(struct actions *l);
void action_copy(struct action *to, const struct action *from);	/* to is overwritten, not freed */
/*
 * For people, printable: "move to Lists/dev", "flag seen Invoice", "save /home/a/x.pdf".
 * account: the one not to mention.
 */
void action_print(struct str *out, const struct action *a, const char *account);
/*
 * The arguments (flags, account, mailbox, path, part) as one line of JSON, and back; for
 * the state, which keeps rule, token and bytes beside it.  Load overwrites *a; -1 and
 * ERR_SYSTEM for a line that is not that: then *a is empty.
 */
void action_store(struct str *out, const struct action *a);
int action_load(struct action *a, enum verb verb, struct view json, struct err *e) MUST_CHECK;

#endif
