/* What the files of the live engine share; included by engine, account, box, perform, runner, turn and theirs. */
#ifndef ENGINE_ENGINE_INT_H
#define ENGINE_ENGINE_INT_H

#include "base/list.h"
#include "engine/engine.h"

#define HOPS_MAX	5u	/* own moves in a chain, then the message is held */
#define ATTEMPTS_MAX	3u	/* then parked */

/* ---- engine.c */
struct engine {
	uint32_t		 magic;
	struct engine_conf	 conf;
	struct engine_counts	 counts;
	struct ruleset		*ruleset;	/* the one at work, or NULL */
	struct { VEC(struct account *) } accounts;	/* live and retiring ones */
	struct link		 runners;
	struct loop_timer	*old_timer;	/* cancels handlers of old rulesets */
	void			(*on_idle)(void *);
	void			*on_idle_arg;
	bool			 idle_asked, stopping;
	loop_fn			 stopped;
	void			*stopped_arg;
	struct loop_timer	*grace;
	bool			 retiring;	/* stopping, and the accounts too */
	struct tls		*tls;		/* trusts the system's CAs; made at first need */
	struct suspend		*suspend;	/* while an account has connections */
};
#define ENGINE_MAGIC 0x454e4731u

/* Something ended: look, in the next generation, whether the engine is idle or has stopped. */
void engine_poke(struct engine *e);
/* An operation that a program waits for; given up: its answer is dropped. */
struct engine_op { bool canceled; };

/* ---- account.c */
struct account {
	uint32_t		 magic;
	struct engine		*engine;
	const char		*name;		/* decl->name */
	struct account_decl	*decl;		/* a copy */
	struct zone		*zone;
	struct uid_book		 book;		/* the state's; borrowed by the source */
	struct source		*source;	/* NULL: cannot be opened now */
	struct tls		*tls;		/* with CAs or pins of its own, or NULL */
	struct err		 trouble;	/* why its source cannot be asked; ERR_OK: it can */
	struct { VEC(struct box *) } boxes;	/* weak: a box leaves when its last reference goes */
	struct { VEC(struct source_mailbox) } list;	/* as of the last LIST */
	bool			 listed, listing;
	int64_t			 listed_at;	/* loop_now() */
	struct link		 waiting;	/* of resolve_wait: for the LIST under way */
	bool			 retired;	/* replaced or gone from the rules: ends when drained */
	bool			 ending;	/* ... is drained: being closed */
	struct account		*successor;	/* opens when this one has ended */
	struct loop_timer	*reopen;
	unsigned		 failures;
	size_t			 busy;		/* requests under way */
};
#define ACCOUNT_MAGIC 0x41434331u

/* The server, the way to it, or the sign-in. */
static inline bool
err_of_network(const struct err *e)
{
	return e->kind == ERR_NET || e->kind == ERR_TLS || e->kind == ERR_AUTH || e->kind == ERR_PROTO;
}
/* What its source answered: notes what says that the source is away, or that it is not. */
void account_heard(struct account *a, const struct err *e);
/* It has connections, and logs by itself what becomes of them (struct source_ops). */
static inline bool
account_is_far(const struct account *a)
{
	return a->source != NULL && a->source->ops->awake != NULL;
}
/* e says that the account is away, which its source has logged. */
static inline bool
account_says_away(const struct account *a, const struct err *e)
{
	return account_is_far(a) && e->scope >= SCOPE_SESSION;
}

/* ---- account_open.c */
struct source *account_source_open(struct account *a, struct err *err) MUST_CHECK;
/* What can be seen of the options before anything is opened.  -1: ERR_USAGE. */
int account_prepare(struct account *a, struct err *err) MUST_CHECK;
void account_source_gone(struct account *a);	/* closed */
/* The same store of mail: two accounts would act on each message twice. */
bool account_same_store(const struct account_decl *a, const struct account_decl *b);

/* ---- account.c */
struct account *account_new(struct engine *e, const struct account_decl *d, struct err *err) MUST_CHECK;
/* 0 open or will be tried again, -1 ERR_USAGE: the options are wrong. */
int account_open(struct account *a, struct err *err) MUST_CHECK;
void account_retire(struct account *a);
void account_free(struct account **a);
/* Sends a request of this account, counting it; r->done must call account_ended().  Takes over
 * the references in r->bytes and r->message; roles ("@trash") in its names become names. */
void account_submit(struct account *a, struct request *r);
void account_ended(struct account *a);

/* ---- account_role.c */
/* A role or name: 1 found, 0 there is none (err says what to do), -1: ask account_want_list(). */
int account_role(struct account *a, const char *name, const char **name_r, struct err *err);
void account_list_clear(struct account *a);
void account_want_list(struct account *a, loop_fn fn, void *arg);	/* fn once the list is there (or failed) */

/* ---- box.c */
struct runner;
struct box {
	uint32_t	 magic;
	int		 refs;
	struct account	*account;
	char		*name;
	struct runner	*runner;	/* rules at work here, or NULL */
	size_t		 incoming;	/* actions under way that make something here */
};
#define BOX_MAGIC 0x424f5831u
/* Counts an action that makes something in b; runner_incoming_over() when the last has ended. */
void box_incoming(struct box *b, int by);
/* `here` of a message whose source does not tell it: since it was received. */
void box_settle(struct message *m);
/* "home:INBOX" */
void box_title(const struct box *b, struct str *out);

/* ---- perform.c: one action on one message */
struct perform_result {
	enum request_result	 result;
	struct err		 err;
	uint32_t		 new_uid, new_uidvalidity;
	bool			 elsewhere;	/* the error is of the target's account */
	bool			 adopted;
	int64_t			 bytes;
	const char		*new_name;
};
typedef void (*perform_fn)(void *arg, const struct perform_result *r);
/*
 * What is known of earlier tries.  A temporary failure says that nothing happened, but for a
 * source that can look (SOURCE_ADOPT); after a crash nothing is known.
 */
enum probe { PROBE_NONE, PROBE_TRIED, PROBE_DOUBT };
/* a must live until done; m may be NULL; uidvalidity: as in struct request. */
void perform(struct box *b, uint32_t uid, uint32_t uidvalidity, struct message *m,
	const struct action *a, enum probe probe, perform_fn done, void *arg);
/* Names what the action of this message will make, the same at every try (source.h). */
char *perform_token(const struct box *b, uint32_t uidvalidity, const struct message *m,
	const struct action *a, size_t ordinal, const char *due_rule);

/* ---- save.c: bytes into a file (blocking; on a work thread) */
struct save_job {
	char		*path;		/* as in struct action */
	struct view	 bytes;
	char		*safe_name;	/* used when path ends with "/" */
	const char	*token;		/* the action's, or NULL: names the temporary file */
	bool		 probe;		/* a file of these bytes that is there is ours */
	char		*path_r;	/* where they are now */
	bool		 adopted;
	struct err	 err;
};
void save_run(void *arg);		/* struct save_job */

/* ---- runner_fold.c: held messages in the log */
struct fold {				/* a burst of them */
	char			*reason;	/* of the last */
	unsigned		 same, lines;	/* with that reason in a row; with a line of their own */
	unsigned		 more;		/* without one */
	uint32_t		 first, last;	/* the last range of their UIDs */
	struct str		 uids;		/* those before */
	struct loop_timer	*timer;
};
/* The level at which a message that is held is told. */
enum log_level runner_fold(struct runner *r, uint32_t uid, const char *reason) MUST_CHECK;
void runner_fold_end(struct runner *r);		/* tells what was folded */

/* ---- runner.c: the rules of one mailbox */
struct runner {
	uint32_t	 magic;
	struct link	 link;			/* engine->runners */
	struct engine	*engine;
	struct box	*box;
	struct ruleset	*ruleset;		/* reference */
	struct chain	*chain;			/* of ruleset */
	enum { RUNNER_CLOSED, RUNNER_OPENING, RUNNER_OPEN, RUNNER_STOPPING } phase;
	struct state_box state;
	struct link	 turns;			/* under way, by UID */
	size_t		 nturns;
	size_t		 naway;			/* ... that wait for an account that is away */
	uint32_t	 seen;			/* scanned up to this UID */
	uint32_t	 cursor;		/* last one written */
	uint32_t	 left;			/* the lowest UID given up undecided; 0: none */
	struct { VEC(uint32_t) } judged;	/* above the cursor: not to be judged again */
	size_t		 next_judged;
	bool		 dirty, scanning, flush_asked;
	bool		 told;			/* that new mail cannot be looked for; the log knows */
	unsigned	 flushing;		/* commits under way */
	bool		 naming;		/* its role is being looked up */
	bool		 asking;		/* the state, on the way to being open */
	bool		 due_dirty, due_asked;	/* rows with a time were written; being looked up */
	bool		 due_held;		/* some whose time has come wait for turns to end */
	bool		 stepping, step_again;	/* in runner_step_queued; once more */
	bool		 watched;		/* the source tells of changes */
	bool		 renewed;		/* its UIDs are others now: opens again when drained */
	bool		 doubted;		/* ... as an action was told: not at once */
	bool		 agreed;		/* SCAN has shown the UIDVALIDITY that STATUS told */
	unsigned	 disputes;		/* in a row: it was opened, and SCAN or an action showed another one */
	bool		 again;			/* STOPPING, but rules came back: starts anew when drained */
	bool		 lost;			/* the mailbox cannot be watched now */
	bool		 absent;		/* it was not there when its rules were loaded */
	struct state_batch *batch;
	struct { VEC(struct turn *) } batched;	/* planned in the batch that is being collected */
	struct { VEC(uint32_t) } handled;	/* decided without an action since the last flush */
	struct { VEC(uint32_t) } due_stale;	/* ended since due_asked: the answer knows them of before */
	struct loop_timer *due;			/* the next retry or later test */
	struct loop_timer *reopen;
	struct err	 trouble;		/* why it was not opened or scanned, last; ERR_OK: it was */
	struct request	*held;			/* a scan that waits for the end of actions towards this mailbox */
	struct loop_timer *held_timer;
	struct fold	 fold;
};
#define RUNNER_MAGIC 0x52554e31u
void runner_start(struct engine *e, struct box *b, struct ruleset *rs, struct chain *c);
void runner_set_chain(struct runner *r, struct ruleset *rs, struct chain *c);
void runner_stop(struct runner *r);		/* takes nothing new; frees itself when drained */
bool runner_idle(const struct runner *r);
void runner_free(struct runner **r);		/* idle and stopping */
void runner_cancel_handlers(struct runner *r, const struct ruleset *keep);	/* of other rulesets; NULL: all */
/* The account's source (re)opened, or was closed. */
void runner_source(struct runner *r);
/* The batch to write into; it goes to the state in the next generation. */
struct state_batch *runner_batch(struct runner *r);
void runner_flush(void *runner);		/* ... or now */
/* A turn has been decided or has ended: take in more, move the cursor. */
void runner_turn_decided(struct runner *r, struct turn *t);
void runner_turn_ended(struct runner *r, struct turn *t);
/* A turn will be given up: if it is undecided, the cursor stays before it. */
void runner_turn_left(struct runner *r, const struct turn *t);
void runner_step_queued(struct runner *r);	/* those that wait before a serial rule */
void runner_note_due(struct runner *r);		/* a row with a time is in the batch */

/* ---- between runner.c, runner_scan.c, runner_open.c, runner_due.c */
#define WINDOW		1024u		/* turns under way */
#define PENDING_MAX	4096u		/* rows in one answer of the state */
#define REOPEN_MS	30000		/* a look after what failed */
#define SOON_MS		2000		/* ... and passes by itself */
static inline struct loop *runner_loop(const struct runner *r) { return r->engine->conf.loop; }
static inline struct log *runner_log(const struct runner *r) { return r->engine->conf.log; }
static inline const char *runner_account(const struct runner *r) { return r->box->account->name; }
void runner_insert(struct runner *r, struct turn *t);
bool runner_has(const struct runner *r, uint32_t uid);	/* a turn of this message */
void runner_pump(struct runner *r);		/* scans if there is reason and room */
void runner_open(struct runner *r);		/* if it is closed and can be opened now */
/* What comes from here on is new mail for so many rules. */
void runner_tell(const struct runner *r);
void runner_ask_due(struct runner *r);		/* looks for rows whose time has come */
void runner_changed(void *arg, const char *mailbox, const struct err *lost);
/* A turn was told that its UID is of another UIDVALIDITY: all are given up, then it opens again. */
void runner_doubt(struct runner *r);

/* ---- runner_held.c: which messages of a scan our own rules have put here */
/* Calls runner_arrived(), now or when that is known, with q's hops filled. */
void runner_hops(struct runner *r, struct request *q);
void runner_arrived(struct runner *r, struct request *q);
/* No action makes something here any more. */
void runner_incoming_over(struct runner *r);
/* It is being stopped: nothing waits any more. */
void runner_unhold(struct runner *r);

/* ---- turn.c: one message on its way */
enum turn_phase {
	TURN_JUDGING, TURN_FETCHING, TURN_ASKING, TURN_QUEUED /* behind a serial rule */,
	TURN_PLANNED /* waits for its commit */, TURN_PERFORMING, TURN_ENDED,
};
struct turn_due { const struct rule *rule; int64_t at; };
struct turn {
	uint32_t	 magic;
	struct link	 link;			/* runner->turns, by UID */
	struct runner	*runner;
	struct ruleset	*ruleset;		/* reference; NULL for a resumed plan */
	const struct chain *chain;
	uint32_t	 uid;
	struct message	*message;		/* NULL for a resumed plan until something needs it */
	unsigned	 hops, attempt;
	bool		 rowed;			/* has a row in the state: does not hold the cursor */
	bool		 existing;
	char		*due_rule;		/* judged for this rule alone (a later test), or NULL */
	enum turn_phase	 phase;
	size_t		 rule;			/* index of the rule being judged */
	bool		 in_rule;		/* its condition held; its parts are being applied */
	struct query_ctx ctx;
	struct captures	 caps;
	struct flags	 flags;			/* with those set by earlier rules */
	struct actions	 actions;
	struct state_writes writes;
	struct { VEC(struct turn_due) } dues;
	size_t		 matched;		/* rules that held */
	size_t		 had;			/* actions decided before the rule being judged */
	size_t		 next_action;
	unsigned	 tries;			/* of the next action */
	struct loop_timer *timer;		/* until the next try */
	enum probe	 probe;
	bool		 away;			/* timer: waits for its account (runner->naway) */
	bool		 elsewhere;		/* ... or for the target's */
	bool		 asked_where;
	bool		 bare;			/* its facts are not fetched yet */
	unsigned	 want;			/* NEED_* of the fetch under way */
	struct engine_op *op;
	void		*data;
};
#define TURN_MAGIC 0x5455524eu
/* A message from a scan, or for a later test or retry (due_rule, attempt). */
struct turn *turn_new(struct runner *r, struct message *m, unsigned hops);
/* A plan from the state: goes on where it stopped. */
struct turn *turn_resume(struct runner *r, struct state_message *sm);
void turn_step(struct turn *t);			/* judge as far as possible */
void turn_perform(struct turn *t);		/* its plan is on disk: act */
void turn_fetch_first(struct turn *t, unsigned need);	/* a turn without its message yet; then judges */
void turn_restart(struct turn *t);		/* under the runner's chain as it is now */
void turn_free(struct turn **t);
/* 'home:INBOX/12 "Subject" from a@b', for a log line. */
void turn_title(const struct turn *t, struct str *out);
bool turn_decided(const struct turn *t);
bool turn_serial_free(const struct turn *t);	/* it may enter the serial rule it is at */
/* It waits for its account, and no longer. */
void turn_away(struct turn *t, bool away);
/* It ends while its next action is known not to have happened: notes that, so that the next start
 * need not doubt it. */
void turn_not_sent(struct turn *t);
/* Those that wait for the account are tried now. */
void turns_try_now(struct runner *r);
/* It goes on after pause, or (away) when its account is back. */
void turn_wait(struct turn *t, bool away, int64_t pause);
void turn_fetch_again(struct turn *t);
/* Gives it up: what is in the state goes on at the next start. */
void turn_abandon(struct turn *t);
/* Ends it for good, with a row that says why: judge again at, or a person must look. */
void turn_retry(struct turn *t, unsigned attempts, int64_t delay_ms, const char *reason);
/* The same as turn_retry(), told in the log; the attempt does not count. */
void turn_later(struct turn *t, enum log_level level, int64_t delay_ms, const char *reason);
void turn_park(struct turn *t, const char *reason);
/* A function raised: tried again, at the third time held. */
void turn_failed(struct turn *t, const char *rule, const char *why, const char *detail);
/* Its row is there: what the message can be known by goes into it. */
void turn_note_known(struct turn *t);

#endif
