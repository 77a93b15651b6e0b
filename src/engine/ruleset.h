/*
 * A ruleset: everything that one load of a script declared, checked as a whole and then
 * immutable.  Accounts, and for each mailbox one ordered chain of rules.  A reload
 * makes a second one beside the first; turns under way keep a reference to theirs.
 */
#ifndef ENGINE_RULESET_H
#define ENGINE_RULESET_H

#include "engine/action.h"
#include "engine/query.h"
#include "engine/template.h"
#include "source/credential.h"
#include "source/session.h"

enum rule_on { RULE_ARRIVAL = 1, RULE_APPLY = 2 };

/* What a rule does, before templates are filled. */
struct rule_action {
	enum verb	 verb;
	struct flags	 flags;		/* FLAG, UNFLAG */
	char		*account;	/* COPY, MOVE: NULL: the account that the rule runs on */
	struct template	*target;	/* COPY, MOVE: mailbox; SAVE: path */
	struct blob	*bytes;		/* REPLACE */
};

struct rule {
	char		*name;
	char		*where;		/* "rules.lua:12" */
	struct query	*when, *unless;	/* NULL: all, none */
	unsigned	 on;		/* enum rule_on; 0 is made RULE_ARRIVAL */
	int64_t		 after_ms;	/* -1: no "after" */
	bool		 after_here;	/* counts from `here`, else from `received` */
	int		 stop;		/* -1: by the verbs, 0, 1 */
	bool		 existing, own, serial;
	uint32_t	 run;		/* function of the script, by number; 0: none */
	char		 revision[17];	/* digest of the definition, hex */
	struct { VEC(struct rule_action) } actions;	/* in the order of VERBS */
};
struct rule *rule_new(const char *name, const char *where);
void rule_free(struct rule **r);		/* before it was attached */
unsigned rule_needs(const struct rule *r);	/* NEED_* of conditions and templates, at most */
unsigned rule_needs_first(const struct rule *r);	/* without NEED_BODY of conditions that may not need it */

enum account_kind { ACCOUNT_MAILDIR, ACCOUNT_IMAP };
struct account_decl {			/* zeroed; whoever makes one fills all that his kind has */
	char		*name, *where;
	enum account_kind kind;
	char		*trash;		/* mailbox, or NULL: by role */
	bool		 create;
	char		*tz;		/* or NULL */
	char		*digest;	/* of all options: equal ones are handed over at a reload */
	/* MAILDIR */
	char		*path;
	/* IMAP */
	char		*host;
	uint16_t	 port;
	char		*user;		/* who signs in */
	char		*authorize;	/* act as, or NULL */
	enum session_tls tls;
	char		*ca_file;	/* or NULL: the system's; never with fingerprints */
	char		**fingerprints;	/* NULL-terminated, or NULL */
	bool		 insecure_plaintext;
	int64_t		 timeout_ms;	/* 0: the source's own */
	unsigned	 max_connections;	/* 0: the source's own */
	bool		 subscribe;	/* to what is made; goes with create */
	struct credential *password, *token;	/* references; one of them */
};
/* References to the credentials, copies of all else. */
struct account_decl *account_decl_copy(const struct account_decl *d);
void account_decl_free(struct account_decl **d);

struct chain {				/* the rules of one mailbox, in order */
	char		*account, *mailbox;
	struct { VEC(struct rule *) } rules;
	unsigned	 need;		/* union of rule_needs_first: fetched at once */
	unsigned	 need_most;
};

/* How the engine asks the script for what only it can answer. */
struct turn;
struct handler_ops {
	/*
	 * Run function fn for this turn's message.  Answered by engine_answered(), from the
	 * loop, exactly once, not from inside start(), and not after cancel().
	 */
	void	(*start)(void *script, struct turn *t, uint32_t fn, bool where,
			const struct captures *caps);
	void	(*cancel)(void *script, struct turn *t);
	void	(*released)(void *script);	/* the last reference to the ruleset is gone */
};

struct ruleset {
	int				 refs;
	const struct handler_ops	*handler;
	void				*script;
	struct { VEC(struct account_decl *) } accounts;
	struct { VEC(struct chain *) } chains;
};
struct ruleset *ruleset_new(const struct handler_ops *h, void *script);
struct ruleset *ruleset_ref(struct ruleset *r);
void ruleset_unref(struct ruleset **r);
/* Takes d.  -1 ERR_USAGE when the name is taken (names both places). */
int ruleset_add_account(struct ruleset *r, struct account_decl *d, struct err *e) MUST_CHECK;
const struct account_decl *ruleset_account(const struct ruleset *r, const char *name);
/* Appends to the chain of (account, mailbox); takes rule.  -1 ERR_USAGE when the name is taken there. */
int ruleset_attach(struct ruleset *r, const char *account, const char *mailbox, struct rule *rule,
	struct err *e) MUST_CHECK;
struct chain *ruleset_chain(const struct ruleset *r, const char *account, const char *mailbox);

/*
 * Looks at the whole, once, after loading: `older`/`here` in an arrival rule, rules that
 * can never be reached, stars in substrings, rules that do nothing...  One call of fn a
 * finding; error: the set must not be activated; else a warning (an error for `check`).
 */
typedef void (*ruleset_finding_fn)(void *arg, bool error, const char *where, const char *text);
void ruleset_check(struct ruleset *r, ruleset_finding_fn fn, void *arg);

#endif
