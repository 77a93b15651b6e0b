/*
 * What has had its time goes: actions that ended long ago, UIDs of messages that are
 * gone, values that expired.  In steps of bounded size, one with each group of writes
 * until nothing is left, then again a day later.
 */
#include "engine/state_int.h"

bool
purge_due(const struct db *db, int64_t now)
{
	/* A clock that was set back must not stop it. */
	return now >= db->purged_at + DAY || now < db->purged_at;
}

/* Ids grow with time: the old ones stand first, and what is younger ends the walk. */
static size_t
purge_actions(struct db *db, int64_t before)
{
	struct { VEC(int64_t) } ids = { 0 };
	size_t n;
	sqlite3_stmt *st = sql_use(db, SQL_PURGE_ACTIONS,
	    "SELECT id, made_at, coalesce(result, 'unsent') <> 'unsent' FROM action ORDER BY id");

	while (ids.n < PURGE_STEP && sql_row(db, st)) {
		if (sqlite3_column_int64(st, 1) >= before)
			break;
		if (sqlite3_column_int(st, 2) != 0)
			VEC_PUSH(&ids, sqlite3_column_int64(st, 0));
	}
	if (st != NULL)
		sqlite3_reset(st);
	for (size_t i = 0; i < ids.n; i++) {
		st = sql_use(db, SQL_PURGE_ACTION, "DELETE FROM action WHERE id = ?1");
		sql_int(db, st, 1, ids.at[i]);
		sql_run(db, st);
	}
	n = ids.n;
	VEC_FREE(&ids);
	return n;
}

/* A UID that an unfinished action names may still be asked for. */
static size_t
purge_uids(struct db *db, int64_t before)
{
	sqlite3_stmt *st = sql_use(db, SQL_PURGE_UIDS,
	    "DELETE FROM uid WHERE (box, uid) IN (SELECT u.box, u.uid FROM uid u"
	    " WHERE u.gone_at < ?1 AND NOT EXISTS (SELECT 1 FROM action a WHERE a.box = u.box"
	    " AND a.uid = u.uid AND a.result IS NULL) ORDER BY u.gone_at LIMIT ?2)");

	sql_int(db, st, 1, before);
	sql_int(db, st, 2, PURGE_STEP);
	return sql_run(db, st) ? (size_t)sqlite3_changes(db->sq) : 0;
}

static size_t
purge_store(struct db *db, int64_t now)
{
	sqlite3_stmt *st = sql_use(db, SQL_PURGE_STORE,
	    "DELETE FROM store WHERE (name, key) IN (SELECT name, key FROM store"
	    " WHERE expires <= ?1 ORDER BY expires LIMIT ?2)");

	sql_int(db, st, 1, now);
	sql_int(db, st, 2, PURGE_STEP);
	return sql_run(db, st) ? (size_t)sqlite3_changes(db->sq) : 0;
}

void
purge_step(struct db *db, int64_t now)
{
	size_t most = purge_actions(db, now - HISTORY_DAYS * DAY);
	size_t n = purge_uids(db, now - DAY);

	most = MAX(most, n);
	n = purge_store(db, now);
	most = MAX(most, n);
	if (most < PURGE_STEP)
		db->purged_at = now;
}
