/*
 * The file of the state: opened, checked, brought up to date.
 *
 * One row of steps[] leads from one schema version to the next (PRAGMA user_version);
 * rows are added, never changed.  A newer file is refused.  The file is in WAL mode
 * with one connection that holds it alone (SQLite before 3.51.3 can corrupt a WAL that
 * two share); a clean close takes the WAL away, so one that is there at the start says
 * that the last process did not end well, and the whole file is checked.
 *
 * Times are epoch seconds.  No message body is in the file: what a plan needs of one is
 * in the spool.
 */
#include "engine/state_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"

static const char step_journal[] =
    /*
     * A mailbox as rules and the book of UIDs know it.  aside_at: it was removed, or its
     * UIDs were renewed; the row stays for the history.
     */
    "CREATE TABLE mailbox (id INTEGER PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL,"
    " uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL DEFAULT 1, cursor INTEGER,"
    " existing_upto INTEGER NOT NULL DEFAULT 0, made_at INTEGER NOT NULL, aside_at INTEGER);"
    "CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name) WHERE aside_at IS NULL;"
    /*
     * What is known of a message that is not simply done.  rule: '' for the chain, else
     * the rule of a later test.  kind: 0 planned, 1 retry, 2 parked, 3 due, 4 handled
     * (above the cursor, nothing left to do).  plan, actions: id of its first action and
     * how many there are; spooled: some of them have bytes in the spool.
     */
    "CREATE TABLE message (box INTEGER NOT NULL REFERENCES mailbox, uid INTEGER NOT NULL,"
    " rule TEXT NOT NULL, kind INTEGER NOT NULL, at INTEGER, attempts INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT, plan INTEGER, actions INTEGER NOT NULL DEFAULT 0,"
    " spooled INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (box, uid, rule)) WITHOUT ROWID;"
    "CREATE INDEX message_planned ON message (box, uid) WHERE kind = 0;"
    "CREATE INDEX message_at ON message (box, at) WHERE kind IN (1, 3);"
    "CREATE INDEX message_parked ON message (box) WHERE kind = 2;"
    "CREATE INDEX message_handled ON message (box, uid) WHERE kind = 4;"
    /*
     * One action of a plan; ids of a plan follow one another.  result: NULL while it is
     * intended.  box_to: the mailbox in which it makes something.  key, hops: of the
     * message, where the book gives UIDs; arrived: the UID under which the book saw come
     * what the action made.
     */
    "CREATE TABLE action (id INTEGER PRIMARY KEY, box INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " due TEXT NOT NULL, ordinal INTEGER NOT NULL, verb TEXT NOT NULL, args TEXT NOT NULL,"
    " token TEXT, account_to TEXT, box_to TEXT, key TEXT, hops INTEGER NOT NULL DEFAULT 0,"
    " rule TEXT NOT NULL, revision TEXT NOT NULL, made_at INTEGER NOT NULL, ended_at INTEGER,"
    " result TEXT, new_uid INTEGER, arrived INTEGER);"
    "CREATE INDEX action_message ON action (box, uid);"
    "CREATE INDEX action_key ON action (key) WHERE key IS NOT NULL;"
    "CREATE INDEX action_token ON action (token) WHERE box_to IS NOT NULL;"
    /* The book: UIDs of messages whose source has none.  here: first seen. */
    "CREATE TABLE uid (box INTEGER NOT NULL REFERENCES mailbox, uid INTEGER NOT NULL,"
    " key TEXT NOT NULL, here INTEGER NOT NULL, hops INTEGER NOT NULL, gone_at INTEGER,"
    " PRIMARY KEY (box, uid)) WITHOUT ROWID;"
    "CREATE INDEX uid_key ON uid (box, key);"
    "CREATE INDEX uid_gone ON uid (gone_at) WHERE gone_at IS NOT NULL;";

static const char step_scripts[] =
    /* mail.store and timers.  expires: NULL, or the second from which a value is absent. */
    "CREATE TABLE store (name TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " expires INTEGER, PRIMARY KEY (name, key)) WITHOUT ROWID;"
    "CREATE INDEX store_expires ON store (expires) WHERE expires IS NOT NULL;"
    "CREATE TABLE timer (name TEXT PRIMARY KEY, ran_at INTEGER NOT NULL) WITHOUT ROWID;";

static const char step_numbered[] =
    /*
     * Messages with UIDs of their own.  size, digest (of the header): to know a message again
     * under another UIDVALIDITY; here: since when it is in the mailbox, where its source does
     * not say.  new_validity: of the mailbox in which new_uid is.
     */
    "ALTER TABLE message ADD COLUMN size INTEGER;"
    "ALTER TABLE message ADD COLUMN digest TEXT;"
    "ALTER TABLE message ADD COLUMN here INTEGER;"
    "ALTER TABLE action ADD COLUMN new_validity INTEGER;"
    "CREATE INDEX action_new ON action (account_to, box_to, new_uid) WHERE new_uid IS NOT NULL;";

static const char *const steps[] = { step_journal, step_scripts, step_numbered };

const char *
db_schema_step(size_t n)
{
	return n >= 1 && n <= ARRAY_LEN(steps) ? steps[n - 1] : NULL;
}

/* The value of a statement that gives one; text, or "" after an error. */
static void
ask(struct db *db, const char *sql, struct str *out)
{
	sqlite3_stmt *st = NULL;

	if (err_is(&db->err))
		return;
	if (sqlite3_prepare_v2(db->sq, sql, -1, &st, NULL) != SQLITE_OK)
		sql_failed(db, "cannot read");
	else if (sql_row(db, st))
		str_adds(out, sql_col(st, 0));
	sqlite3_finalize(st);
}

static int
schema_upgrade(struct db *db)
{
	struct str text = STR_INIT;
	size_t version;
	int rc = -1;

	ask(db, "PRAGMA user_version", &text);
	version = strtoul(str_z(&text), NULL, 10);
	if (version > ARRAY_LEN(steps)) {
		err_set(&db->err, ERR_SYSTEM, SCOPE_PROGRAM, "%s was written by a newer mailmill "
		    "(schema %zu, this one knows up to %zu); nothing was changed", db->path, version,
		    ARRAY_LEN(steps));
		goto out;
	}
	for (; version < ARRAY_LEN(steps) && !err_is(&db->err); version++) {
		str_reset(&text);
		str_addf(&text, "PRAGMA user_version = %zu; COMMIT", version + 1);
		if (sql_exec(db, "BEGIN IMMEDIATE") == 0 && sql_exec(db, steps[version]) == 0)
			sql_exec(db, str_z(&text));
	}
	rc = err_is(&db->err) ? -1 : 0;
out:
	str_free(&text);
	return rc;
}

/* After an end that was not clean: is every page and index what it should be? */
static int
check_whole(struct db *db)
{
	struct str text = STR_INIT;

	ask(db, "PRAGMA integrity_check(1)", &text);
	db->checked = true;
	if (!err_is(&db->err) && strcmp(str_z(&text), "ok") == 0)
		log_info(db->log, "%s was not closed cleanly; it has been checked and is sound",
		    db->path);
	else if (!err_is(&db->err))
		err_set(&db->err, ERR_SYSTEM, SCOPE_PROGRAM, "%s is damaged: %s", db->path,
		    str_z(&text));
	str_free(&text);
	return err_is(&db->err) ? -1 : 0;
}

static bool
file_has_bytes(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_size > 0;
}

static int
db_begin(struct db *db)
{
	char *wal = xasprintf("%s-wal", db->path);
	bool unclean = file_has_bytes(wal);
	struct str mode = STR_INIT;

	free(wal);
	if (sqlite3_open_v2(db->path, &db->sq, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_PRIVATECACHE, NULL) != SQLITE_OK) {
		sql_failed(db, "cannot open");
		return -1;
	}
	sqlite3_extended_result_codes(db->sq, 0);
	sqlite3_db_config(db->sq, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sq, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* The lock comes before the first look: then the WAL's index needs no shared memory. */
	if (sql_exec(db, "PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE") != 0)
		return -1;
	ask(db, "PRAGMA journal_mode = WAL", &mode);
	if (!err_is(&db->err) && strcmp(str_z(&mode), "wal") != 0) {
		db->fatal = true;
		err_set(&db->err, ERR_SYSTEM, SCOPE_PROGRAM, "%s: the file system allows no WAL",
		    db->path);
	}
	str_free(&mode);
	if (sql_exec(db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
	    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000") != 0)
		return -1;
	if (unclean && check_whole(db) != 0)
		return -1;
	return schema_upgrade(db);
}

/* A spool file is needed while the message that planned it has a row. */
static bool
spool_wanted(void *arg, const char *token)
{
	struct db *db = arg;
	sqlite3_stmt *st = sql_use(db, SQL_DONE_SPOOLED,
	    "SELECT 1 FROM action a JOIN message m ON m.box = a.box AND m.uid = a.uid"
	    " AND m.rule = a.due WHERE a.token = ?1 AND a.box_to IS NOT NULL AND m.spooled");
	bool yes;

	sql_text(db, st, 1, token);
	yes = sql_row(db, st);
	if (yes)
		sqlite3_reset(st);
	return yes || err_is(&db->err);
}

struct db *
db_open(struct log *log, const char *dir, const char *name, int64_t now, struct err *e)
{
	struct db *db = xcalloc(1, sizeof(*db));

	db->log = log;
	db->path = xasprintf("%s/%s.db", dir, name);
	db->spool = strchr(name, '/') == NULL ? xasprintf("%s/spool", dir) :
	    xasprintf("%s/%s.spool", dir, name);
	if (state_dir_file(db->path, e) != 0)
		goto fail;
	if (db_begin(db) != 0) {
		*e = db->err;
		goto fail;
	}
	if (sql_exec(db, "BEGIN IMMEDIATE") == 0) {
		purge_step(db, now);
		sql_exec(db, "COMMIT");
	}
	spool_sweep(db, spool_wanted, db);
	if (!err_is(&db->err))
		return db;
	*e = db->err;
fail:
	db_close(&db);
	return NULL;
}

void
db_close(struct db **dbp)
{
	struct db *db = *dbp;

	if (db == NULL)
		return;
	*dbp = NULL;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(db->stmt[i]);
	/* Writes the WAL into the file and takes it away. */
	sqlite3_close(db->sq);
	for (size_t i = 0; i < db->unlinks.n; i++)
		free(db->unlinks.at[i]);
	VEC_FREE(&db->unlinks);
	free(db->spool);
	free(db->path);
	free(db);
}
