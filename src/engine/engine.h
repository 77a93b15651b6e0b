/*
 * The engine: live accounts, their mailboxes, and the rules that run on them.  No Lua;
 * no protocol by name.  Everything is asynchronous: calls are made and answered in the
 * loop, an answer never comes from inside the call.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/ruleset.h"
#include "engine/state.h"

struct engine;
struct account;			/* live: a source and its boxes */
struct box;			/* a live mailbox; reference counted */

struct engine_conf {
	struct loop	*loop;
	struct log	*log;
	struct state	*state;
	bool		 dry_run;	/* says what it would do; no changing request is made */
	bool		 existing;	/* the first run takes what is there */
	bool		 once;		/* nobody waits for what is tried again: none of it is told */
	bool		 quiet;		/* what becomes of connections is told by who asks, not by the log */
	const char	*home;		/* for "~/" in paths; NULL: $HOME */
	struct dns	*dns;		/* borrowed; NULL when there is no account on a server */
	/* For tests: makes the source in our place; NULL: by the kind of the account. */
	struct source	*(*open_source)(void *arg, const struct account_decl *d, struct err *e);
	void		*open_arg;
};
struct engine_counts {		/* since the start, for the closing line and status */
	uint64_t	judged, matched, actions, failed, parked, retried, left_alone;
};

struct engine *engine_new(const struct engine_conf *conf);
void engine_free(struct engine **e);	/* after engine_stop() has answered */
const struct engine_counts *engine_counts(const struct engine *e);
bool engine_dry_run(const struct engine *e);
/*
 * Why an account cannot be used now, or NULL when all can: a sign-in that was refused before
 * anything of the network (ERR_NET, ERR_TLS), also of one mailbox alone.  *name_r: of the
 * account.
 */
const struct err *engine_trouble(const struct engine *e, const char **name_r);
/* Messages whose actions wait for an account that is away, or for room on a disk. */
size_t engine_waiting(const struct engine *e);
/* Mailboxes that are there and could not be opened, though their account can be used: their rules wait. */
size_t engine_shut(const struct engine *e);
struct loop *engine_loop(const struct engine *e);

/*
 * Puts a checked ruleset to work (a reference is taken): opens its accounts (those with
 * equal options are handed over from the ruleset before), starts the runners of its
 * chains.  An account that cannot be opened is logged and tried again; rules of the
 * others go on.  The old ruleset takes no new message; after 30 s its handlers are
 * cancelled.  -1 and ERR_USAGE when an account's options are wrong: then nothing changed.
 */
int engine_activate(struct engine *e, struct ruleset *r, struct err *err) MUST_CHECK;
/* -1 when two accounts have one Maildir or mailbox: they would act on each message twice. */
int engine_check_paths(const struct ruleset *r, struct err *err) MUST_CHECK;
/* Opens the accounts only: for exec. */
int engine_activate_accounts(struct engine *e, struct ruleset *r, struct err *err) MUST_CHECK;
/*
 * fn is called, from the loop, each time there is nothing left to do now: no turn under
 * way, nothing to scan, no retry or due test whose time has come.  What waits for an account
 * that is away does not count.
 */
void engine_on_idle(struct engine *e, void (*fn)(void *arg), void *arg);
bool engine_idle(const struct engine *e);
/* Takes no new message, gives what is under way `grace_ms`, cancels the rest, commits, closes the sources. */
void engine_stop(struct engine *e, int64_t grace_ms, loop_fn done, void *arg);
void engine_hurry(struct engine *e);	/* while it stops: the grace is over now */

/* ---- turns: one message on its way down the chain (handler_ops) */
struct message *turn_message(struct turn *t);
struct box *turn_box(struct turn *t);
const char *turn_rule(const struct turn *t);		/* the rule that asks now */
unsigned turn_attempt(const struct turn *t);		/* 1, 2, 3 */
void turn_set_data(struct turn *t, void *data);
void *turn_data(const struct turn *t);
struct state_writes { VEC(struct state_write) };
struct turn_answer {
	enum { ANSWER_OK, ANSWER_RETRY, ANSWER_HOLD, ANSWER_FAILED } outcome;
	bool			 yes;		/* of a where function */
	struct actions		 actions;	/* OK: what was decided, in order; moves over */
	struct state_writes	 writes;	/* OK: to mail.store; moves over */
	int64_t			 delay_ms;	/* RETRY */
	const char		*reason;	/* RETRY, HOLD; FAILED: the error's text */
	const char		*detail;	/* FAILED: traceback, or NULL */
};
void engine_answered(struct turn *t, struct turn_answer *a);
/* Writes of this turn's earlier functions and rules that are not committed yet, newest last. */
const struct state_writes *turn_writes(const struct turn *t);

/* ---- accounts and boxes, for programs */
struct account *engine_account(struct engine *e, const char *name);	/* NULL: not live */
const char *account_name(const struct account *a);
struct source *account_source(struct account *a);	/* NULL while it cannot be opened */
const struct zone *account_zone(const struct account *a);
const struct account_decl *account_decl(const struct account *a);
struct box *engine_box(struct account *a, const char *mailbox);	/* a new reference */
struct box *box_ref(struct box *b);
void box_unref(struct box **b);
const char *box_name(const struct box *b);
struct account *box_account(struct box *b);
/*
 * "@trash" and the other roles to a name: the account's option, then the source's roles.
 * Any other name is itself.  NULL and e (which names the option) when there is none.
 */
typedef void (*name_fn)(void *arg, const char *name, const struct err *e);
void account_resolve(struct account *a, const char *name, name_fn fn, void *arg);

/* An operation under way that can be given up: then its answer does not come. */
struct engine_op;
void engine_op_cancel(struct engine_op **op);

/*
 * One message's missing facts or bytes into m, which knows its UID and UIDVALIDITY; done: e->kind
 * ERR_GONE when it is not there (scope MAILBOX: its mailbox has other UIDs now).
 */
typedef void (*engine_fn)(void *arg, const struct err *e);
struct engine_op *box_fetch(struct box *b, struct message *m, unsigned need, engine_fn done, void *arg);
/*
 * Walks the mailbox oldest first and evaluates q on each message.  uids: those for which
 * it holds, under uidvalidity; maybe: a where function has still to be asked.  A failed
 * search is an error, never an empty result.  limit 0: all.
 */
typedef void (*search_fn)(void *arg, uint32_t uidvalidity, const uint32_t *uids, const bool *maybe,
	size_t n, const struct err *e);
struct engine_op *box_search(struct box *b, struct query *q, size_t limit, search_fn done, void *arg);
/* A verb over messages at once (programs), whose UIDs were learned under uidvalidity (0: not
 * known).  `a` is copied. */
struct uid_pair { uint32_t from, to; };
struct verb_result {
	uint32_t	done, gone, copied_only, failed;
	int64_t		bytes;
	struct { VEC(struct uid_pair) } map;	/* move, copy, replace: where the UID is known */
	struct err	first;			/* of the failures */
};
typedef void (*verb_fn)(void *arg, const struct verb_result *r, const struct err *e);
struct engine_op *box_verb(struct box *b, const struct action *a, uint32_t uidvalidity,
	const uint32_t *uids, size_t n, verb_fn done, void *arg);
typedef void (*status_fn)(void *arg, const struct source_status *st, const struct err *e);
struct engine_op *box_status(struct box *b, status_fn done, void *arg);
typedef void (*mailboxes_fn)(void *arg, const struct source_mailbox *list, size_t n, const struct err *e);
struct engine_op *account_mailboxes(struct account *a, mailboxes_fn done, void *arg);
/* kind: REQ_CREATE, REQ_RENAME (to), REQ_REMOVE. */
struct engine_op *account_change(struct account *a, enum request_kind kind, const char *mailbox,
	const char *to, engine_fn done, void *arg);

#endif
