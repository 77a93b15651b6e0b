/*
 * The state: SQLite on one thread of its own, with group commit.  Calls are made and
 * answered in the loop; an answer comes after the COMMIT that holds what was asked,
 * in the order of the calls.  Reads see all writes asked for before them.
 *
 * A commit that fails is final: every answer from then on is the error, state_broken()
 * is true, and the engine stops acting (delivery.md J8).
 *
 * Files: DIR/state.db (0600, DIR 0700), DIR/state.lock (kernel lock, holds the pid),
 * DIR/spool/ (bytes that a plan needs; no message body is in the database); of "runs/ID"
 * they are DIR/runs/ID.db, .lock and .spool/.
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "engine/action.h"
#include "net/loop.h"
#include "source/source.h"

struct state;

/* ---- life */
/*
 * name: "state" for DIR/state.db, or "runs/ID" (made).  Errors: ERR_USAGE for a directory
 * that is a symlink, another user's, or open to others (says chmod 700); ERR_HELD when
 * another process has the lock (*pid_r); ERR_SYSTEM for a newer schema or a damaged file.
 * After an unclean end the file is checked before use.
 */
struct state *state_open(struct loop *l, struct log *log, const char *dir, const char *name,
	long *pid_r, struct err *e) MUST_CHECK;
/* Finishes what was asked (answers are dropped), closes cleanly. */
void state_close(struct state **s);
bool state_broken(const struct state *s);
/* Called once, from the loop, when a commit has failed. */
void state_on_broken(struct state *s, void (*fn)(void *arg, const struct err *e), void *arg);
/* For source_open: UIDs by this state. */
struct uid_book state_book(struct state *s);

typedef void (*state_fn)(void *arg, const struct err *e);

/* ---- mailboxes */
struct state_box {
	int64_t		id;
	uint32_t	uidvalidity;
	uint32_t	cursor;		/* every message up to this UID is done or has a row */
	uint32_t	existing_upto;	/* messages up to this UID were there before the rules (0: none taken up) */
	bool		first;		/* never seen before by rules: the cursor has not been set */
	bool		renewed;	/* its UIDVALIDITY is another one since this call */
	uint32_t	before;		/* ... than this one */
	int64_t		left;		/* ... under which so many messages had unfinished work */
};
typedef void (*state_box_fn)(void *arg, const struct state_box *box, const struct err *e);
/*
 * The box of (account, mailbox); makes it.  A changed uidvalidity: the old one is set aside with
 * its rows, renewed is true, and the cursor stands before uidnext, so that what is there now is
 * known (uidnext 0: is not set, first is true).
 */
void state_box(struct state *s, const char *account, const char *mailbox, uint32_t uidvalidity,
	uint32_t uidnext, state_box_fn fn, void *arg);

/* ---- what is pending in a box: messages that have a row and are not done */
enum state_kind {
	STATE_PLANNED,			/* its actions are frozen; some may have been done */
	STATE_RETRY,			/* judge again at `at` */
	STATE_PARKED,			/* held: a person must look */
	STATE_DUE,			/* a rule with "after": judge `rule` at `at` */
};
struct state_message {
	uint32_t	 uid;
	enum state_kind	 kind;
	int64_t		 at;		/* epoch seconds; RETRY, DUE */
	unsigned	 attempts;
	unsigned	 hops;		/* of the message (source.h) */
	int64_t		 here;		/* as noted by state_batch_known(); 0: not known */
	char		*rule;		/* DUE; PLANNED, RETRY: the due_rule it came from, or NULL */
	char		*reason;	/* RETRY, PARKED */
	struct actions	 actions;	/* PLANNED: in order; .done and .row are filled */
};
struct state_messages { VEC(struct state_message) };
void state_messages_free(struct state_messages *l);
typedef void (*state_messages_fn)(void *arg, struct state_messages *list, const struct err *e);
/*
 * PLANNED rows (all), RETRY and DUE rows with at <= upto, by UID, at most limit, above
 * (after_uid, kind) of the last one.  The list moves to the callee.
 */
void state_pending(struct state *s, int64_t box, int64_t upto, size_t limit, state_messages_fn fn,
	void *arg);
/*
 * UIDs above `uid` that have been judged already (a row says planned, retry, parked or
 * handled), ascending: after a crash they are not judged again by the scan.  The array is
 * the answer's and lives during fn.
 */
typedef void (*state_uids_fn)(void *arg, const uint32_t *uids, size_t n, const struct err *e);
void state_judged(struct state *s, int64_t box, uint32_t uid, state_uids_fn fn, void *arg);
/*
 * What our own actions put into the box, with UIDs above `uid` up to `upto`: as far as their
 * results told the new UID.  The array lives during fn.
 */
struct state_moved { uint32_t uid; unsigned hops; };
typedef void (*state_moved_fn)(void *arg, const struct state_moved *list, size_t n, const struct err *e);
void state_moved(struct state *s, int64_t box, uint32_t uid, uint32_t upto, state_moved_fn fn,
	void *arg);
/* The earliest `at` of RETRY and DUE rows of the box; INT64_MAX when there is none. */
typedef void (*state_time_fn)(void *arg, int64_t at, const struct err *e);
void state_next_due(struct state *s, int64_t box, state_time_fn fn, void *arg);
/* Parked messages of all boxes, for people: count now. */
typedef void (*state_count_fn)(void *arg, int64_t n, const struct err *e);
void state_count_parked(struct state *s, state_count_fn fn, void *arg);

/* ---- batches: what is written together, in the order of the calls */
struct state_batch;
struct state_batch *state_batch_new(void);
void state_batch_free(struct state_batch **b);
bool state_batch_empty(const struct state_batch *b);
void state_batch_cursor(struct state_batch *b, int64_t box, uint32_t uid);
void state_batch_existing(struct state_batch *b, int64_t box, uint32_t upto);
/*
 * The frozen plan of a message: replaces a RETRY row and its DUE row of `due_rule` (may
 * be NULL).  Each action gets its row (intent); action->row is set before the answer.
 * REPLACE bytes are spooled and on disk before.  No actions: only "handled" is noted,
 * so that a message above the cursor is not judged again.
 */
void state_batch_plan(struct state_batch *b, int64_t box, uint32_t uid, const char *due_rule,
	const char *revision, struct actions *a);
/*
 * result: "done", "gone", "copied_only", "failed", "held"; "unsent" is none: the action was
 * certainly not done and is not in doubt when its plan is taken up again.  new_uid: what it
 * made, under new_uidvalidity; 0 when unknown.
 */
void state_batch_result(struct state_batch *b, const struct action *a, const char *result,
	uint32_t new_uid, uint32_t new_uidvalidity);
/*
 * What a message can be known by, for its rows that are there: a later plan or retry takes it
 * away again.  digest: of the header, hex, or NULL; here: 0 if its source tells it.
 */
void state_batch_known(struct state_batch *b, int64_t box, uint32_t uid, int64_t size,
	const char *digest, int64_t here);
/* All actions have ended: the message's row goes (the action rows stay as history). */
void state_batch_done(struct state_batch *b, int64_t box, uint32_t uid);
void state_batch_retry(struct state_batch *b, int64_t box, uint32_t uid, const char *due_rule,
	unsigned attempts, int64_t at, const char *reason);
void state_batch_park(struct state_batch *b, int64_t box, uint32_t uid, const char *due_rule,
	unsigned attempts, const char *reason);
void state_batch_due(struct state_batch *b, int64_t box, uint32_t uid, const char *rule, int64_t at);
void state_batch_undue(struct state_batch *b, int64_t box, uint32_t uid, const char *rule);
/*
 * Takes the batch.  fn after its commit; NULL is fine.  The actions of its plans must live,
 * and not move, until then.  A batch is all or nothing, and one that fails breaks the state.
 */
void state_commit(struct state *s, struct state_batch **b, state_fn fn, void *arg);

/* ---- mail.store: text keys and values (the binding's encoding), with expiry */
#define STATE_KEY_MAX	((size_t)512)		/* bytes of a store's name, of a key */
#define STATE_VALUE_MAX	((size_t)1 << 20)	/* more, or a longer key: ERR_LIMIT */
struct state_write { enum { STORE_SET, STORE_DELETE, STORE_INCR } op; char *store, *key; struct str value;
	int64_t by; int64_t expires; /* epoch s; 0: never; -1: keep */ };
typedef void (*state_value_fn)(void *arg, bool found, struct view value, const struct err *e);
void state_store_get(struct state *s, const char *store, const char *key, state_value_fn fn, void *arg);
/*
 * INCR adds `by` to an integer value ("i123"; absent is 0); ERR_USAGE when it is none.  SET
 * and INCR answer found and the value that is there now, DELETE whether there was one.
 * fn may be NULL.
 */
void state_store_write(struct state *s, const struct state_write *w, state_value_fn fn, void *arg);
/*
 * Compare and set: writes only if the current value is still `old` (found_old false: absent).
 * Answers found when it has written.
 */
void state_store_cas(struct state *s, const struct state_write *w, bool found_old, struct view old,
	state_value_fn fn, void *arg);
/*
 * Keys of a store that begin with prefix, in order, at most limit (and 100,000); one call of
 * fn each, then found = false.
 */
void state_store_keys(struct state *s, const char *store, const char *prefix, size_t limit,
	state_value_fn fn, void *arg);
/* The same write as part of a message's batch; one that is refused is logged and left out. */
void state_batch_store(struct state_batch *b, const struct state_write *w);

/* ---- timers: when a named timer last ran (epoch s; 0: never) */
void state_timer_get(struct state *s, const char *name, state_time_fn fn, void *arg);
void state_timer_set(struct state *s, const char *name, int64_t ran_at, state_fn fn, void *arg);

#endif
