/*
 * Statements of the state: prepared once a slot, reset and used again.
 *
 * The first error of a job is kept in db->err and all later calls do nothing, so
 * that a job is written as a straight line and looked at once, at its end.  Which
 * errors end the state: all but a refusal of this one statement.
 */
#include "engine/state_int.h"

#include "base/mem.h"

void
sql_failed(struct db *db, const char *what)
{
	int code = sqlite3_errcode(db->sq);

	if (code != SQLITE_CONSTRAINT && code != SQLITE_TOOBIG && code != SQLITE_MISMATCH)
		db->fatal = true;
	err_set(&db->err, ERR_SYSTEM, SCOPE_PROGRAM, "%s: %s: %s", db->path, what,
	    sqlite3_errmsg(db->sq));
}

sqlite3_stmt *
sql_use(struct db *db, enum sql slot, const char *text)
{
	if (err_is(&db->err))
		return NULL;
	if (db->stmt[slot] == NULL) {
		if (sqlite3_prepare_v3(db->sq, text, -1, SQLITE_PREPARE_PERSISTENT, &db->stmt[slot],
		    NULL) != SQLITE_OK)
			sql_failed(db, "cannot prepare");
	} else {
		/* The error of an earlier run was noted then. */
		sqlite3_reset(db->stmt[slot]);
		sqlite3_clear_bindings(db->stmt[slot]);
	}
	return db->stmt[slot];
}

void
sql_int(struct db *db, sqlite3_stmt *st, int n, int64_t v)
{
	if (!err_is(&db->err) && sqlite3_bind_int64(st, n, v) != SQLITE_OK)
		sql_failed(db, "cannot bind");
}

void
sql_text(struct db *db, sqlite3_stmt *st, int n, const char *s)
{
	if (!err_is(&db->err) && s != NULL &&
	    sqlite3_bind_text(st, n, s, -1, SQLITE_STATIC) != SQLITE_OK)
		sql_failed(db, "cannot bind");
}

void
sql_blob(struct db *db, sqlite3_stmt *st, int n, struct view v)
{
	/* A NULL pointer would bind NULL, not the empty value. */
	if (!err_is(&db->err) && sqlite3_bind_blob64(st, n, v.n > 0 ? v.p : "", v.n,
	    SQLITE_STATIC) != SQLITE_OK)
		sql_failed(db, "cannot bind");
}

bool
sql_row(struct db *db, sqlite3_stmt *st)
{
	int rc;

	if (err_is(&db->err))
		return false;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		sql_failed(db, "cannot read or write");
	/* An open read would hold the WAL's beginning. */
	sqlite3_reset(st);
	return false;
}

bool
sql_run(struct db *db, sqlite3_stmt *st)
{
	if (err_is(&db->err))
		return false;
	while (sql_row(db, st))
		;
	return !err_is(&db->err) && sqlite3_changes(db->sq) > 0;
}

const char *
sql_col(sqlite3_stmt *st, int n)
{
	const unsigned char *s = sqlite3_column_text(st, n);

	return s != NULL ? (const char *)s : "";
}

char *
sql_dup(sqlite3_stmt *st, int n)
{
	return sqlite3_column_type(st, n) == SQLITE_NULL ? NULL : xstrdup(sql_col(st, n));
}

int
sql_exec(struct db *db, const char *text)
{
	if (err_is(&db->err))
		return -1;
	if (sqlite3_exec(db->sq, text, NULL, NULL, NULL) != SQLITE_OK) {
		sql_failed(db, "cannot set up");
		return -1;
	}
	return 0;
}
