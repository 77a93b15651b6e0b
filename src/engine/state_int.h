/*
 * What the files of the state share.  Two sides: the loop makes jobs and takes their
 * answers; the state's thread alone touches struct db (in state_open and state_close,
 * when there is no thread, the caller does).
 */
#ifndef ENGINE_STATE_INT_H
#define ENGINE_STATE_INT_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/list.h"
#include "engine/state.h"

#define GROUP_JOBS	2000u		/* one transaction holds at most so many jobs */
#define GROUP_MS	64		/* ... or takes up no other one after so long */
#define DAY		((int64_t)86400)
#define HISTORY_DAYS	90		/* actions that have ended are kept so long */
#define PURGE_STEP	500		/* rows of a kind that one group removes at most */

/* One a prepared statement; it is prepared at its first use. */
enum sql {
	SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK, SQL_SAVE, SQL_SAVE_BACK, SQL_SAVE_END,
	SQL_BOX_FIND, SQL_BOX_NEW, SQL_BOX_ASIDE, SQL_BOX_NAME, SQL_BOX_RENAME, SQL_BOX_UNDER,
	SQL_BOX_LEFT, SQL_BOX_CURSOR, SQL_BOX_EXISTING, SQL_BOX_UIDNEXT, SQL_BOX_CLEAR_MESSAGES,
	SQL_BOX_CLEAR_UIDS,
	SQL_PENDING, SQL_PENDING_ACTIONS, SQL_PENDING_PARK, SQL_JUDGED, SQL_NEXT_DUE, SQL_PARKED,
	SQL_CURSOR_HANDLED, SQL_PLAN_ORIGIN, SQL_PLAN_ACTION, SQL_PLAN_ROW, SQL_PLAN_HANDLED,
	SQL_PLAN_HOPS, SQL_KNOWN, SQL_MOVED, SQL_UNSENT, SQL_RESULT, SQL_DONE_FIND, SQL_DONE_DELETE, SQL_DONE_HANDLED, SQL_DONE_SPOOLED, SQL_DONE_TOKENS, SQL_RETRY,
	SQL_PARK, SQL_DUE, SQL_UNDUE,
	SQL_UID_KEY, SQL_UID_NEW, SQL_UID_BACK, SQL_UID_OF, SQL_UID_GONE, SQL_UID_OWN, SQL_UID_TOKEN,
	SQL_UID_ARRIVED, SQL_UID_TARGET, SQL_UID_TAKEN,
	SQL_STORE_GET, SQL_STORE_SET, SQL_STORE_DELETE, SQL_STORE_KEYS,
	SQL_TIMER_GET, SQL_TIMER_SET,
	SQL_PURGE_ACTIONS, SQL_PURGE_ACTION, SQL_PURGE_UIDS, SQL_PURGE_STORE,
	SQL_COUNT
};

struct db {
	sqlite3		*sq;
	sqlite3_stmt	*stmt[SQL_COUNT];
	struct log	*log;
	char		*path;
	char		*spool;		/* folder of bytes that plans need; made when first used */
	bool		 spool_there;
	struct err	 err;		/* of the job at work; the first one wins */
	bool		 fatal;		/* the file cannot be trusted or written any more */
	struct err	 broken;	/* ... because of this; the answer to everything from then on */
	bool		 in_txn;
	struct { VEC(char *) } unlinks;	/* spool files that go after the commit */
	int64_t		 purged_at;	/* epoch seconds; 0: at once */
	bool		 checked;	/* the file was checked: the last end was not clean */
	unsigned long	 commits;
};

struct job {
	struct link	 link;
	bool		 writes;
	bool		 broken;	/* this answer says that the state is broken */
	int64_t		 now;		/* epoch seconds when it was asked */
	struct err	 err;
	void		(*run)(struct db *db, struct job *j);		/* thread; errors in db->err */
	void		(*answer)(struct job *j, const struct err *e);	/* loop; e is never NULL */
	void		(*drop)(struct job *j);				/* loop; frees all of it */
};

/* Outlives the state while a post is under way; state is NULL then. */
struct ticket {
	struct state	*state;
	atomic_int	 refs;
};

struct state {
	uint32_t	 magic;
	struct loop	*loop;
	struct log	*log;
	struct db	*db;
	int		 lock_fd;
	pthread_t	 thread;
	size_t		 under_way;	/* asked and not answered; the loop is held */
	bool		 broken;	/* ... and on_broken has been called */
	struct link	 answers;	/* jobs whose answers are being called */
	void		(*on_broken)(void *arg, const struct err *e);
	void		*on_broken_arg;
	struct ticket	*ticket;

	pthread_mutex_t	 lock;		/* of what follows */
	pthread_cond_t	 asked;
	struct link	 queue;		/* jobs to do, in order */
	struct link	 done;		/* jobs to answer, in order */
	bool		 posted;	/* the loop has been asked to look at done */
	bool		 closing;
};
#define STATE_MAGIC 0x53544154u

/* ---- state.c */
void state_ask(struct state *s, struct job *j);

/* ---- state_dir.c: the folder, its lock, the spool */
/* Makes or checks DIR and the folder of NAME in it. */
int state_dir_check(const char *dir, const char *name, struct err *e) MUST_CHECK;
/* A file of ours, 0600, that is neither a symlink nor open to others. */
int state_dir_file(const char *path, struct err *e) MUST_CHECK;
/* The descriptor that holds the lock, or -1; ERR_HELD: *pid_r says by whom (0: unknown). */
int state_dir_lock(const char *dir, const char *path, long *pid_r, struct err *e) MUST_CHECK;
bool spool_name_ok(const char *token);
/* Writes DB's spool file of that name; whole and on disk after spool_sync(). */
int spool_write(struct db *db, const char *token, struct view bytes, struct err *e) MUST_CHECK;
int spool_sync(struct db *db, struct err *e) MUST_CHECK;
struct blob *spool_read(struct db *db, const char *token, struct err *e) MUST_CHECK;
void spool_remove(struct db *db, const char *token);
/* Removes what no planned message needs; keep says whether it is needed. */
void spool_sweep(struct db *db, bool (*keep)(void *arg, const char *token), void *arg);

/* ---- state_sql.c: statements.  Errors go to db->err; after one, the rest does nothing. */
sqlite3_stmt *sql_use(struct db *db, enum sql slot, const char *text);	/* reset, unbound */
void sql_int(struct db *db, sqlite3_stmt *st, int n, int64_t v);
void sql_text(struct db *db, sqlite3_stmt *st, int n, const char *s);	/* NULL is NULL; s must live */
void sql_blob(struct db *db, sqlite3_stmt *st, int n, struct view v);
bool sql_row(struct db *db, sqlite3_stmt *st);		/* the next row is there */
/* Runs to the end; true when it changed a row. */
bool sql_run(struct db *db, sqlite3_stmt *st);
const char *sql_col(sqlite3_stmt *st, int n);		/* never NULL; until the next step */
char *sql_dup(sqlite3_stmt *st, int n);			/* NULL for NULL */
int sql_exec(struct db *db, const char *text);		/* statements without values; -1: db->err */
/* Notes the error of SQLite that is there now; fatal unless this statement alone was refused. */
void sql_failed(struct db *db, const char *what);

/* ---- state_schema.c */
/* Opens the file, checks it after an unclean end, brings its schema up to date. */
struct db *db_open(struct log *log, const char *dir, const char *name, int64_t now, struct err *e)
	MUST_CHECK;
void db_close(struct db **db);
/* Tests: the statements that lead from version n - 1 to n (1: an empty file); NULL: none. */
const char *db_schema_step(size_t n);

/* ---- state_purge.c: what has had its time */
bool purge_due(const struct db *db, int64_t now);
void purge_step(struct db *db, int64_t now);		/* inside a transaction */

/*
 * ---- state_box.c, on the thread
 * Hops of what an action of ours put into this mailbox under this UID, where results say so.
 */
#define OWN_HOPS(BOX, UID) "(SELECT max(a.hops) + 1 FROM mailbox o JOIN action a" \
	" INDEXED BY action_new ON a.account_to = o.account AND a.box_to = o.name" \
	" WHERE o.id = " BOX " AND a.new_uid = " UID \
	" AND (a.new_validity IS NULL OR a.new_validity = o.uidvalidity))"
#define BOX_CURSOR "UPDATE mailbox SET cursor = max(coalesce(cursor, 0), ?2) WHERE id = ?1"
struct box_row { int64_t id; uint32_t uidvalidity, uidnext, cursor, existing_upto; bool first; };
bool box_row_find(struct db *db, const char *account, const char *mailbox, struct box_row *row_r);
/* uidvalidity 0: a random one. */
void box_row_new(struct db *db, const char *account, const char *mailbox, uint32_t uidvalidity,
	int64_t now, struct box_row *row_r);
void box_row_aside(struct db *db, int64_t id, int64_t now);

/* ---- state_store.c, on the thread */
/* One write of a batch; what is refused is logged and left out, and no error. */
void store_apply(struct db *db, const struct state_write *w, int64_t now);
void store_write_copy(struct state_write *to, const struct state_write *from, struct arena *a);

#endif
