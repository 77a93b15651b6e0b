/*
 * The book of UIDs for sources that have none: (mailbox, key) -> UID, counted up by
 * first sight.
 *
 * A key that is new where one of our own actions put it is no arrival: its hops are
 * those of the original and one.  A move within an account keeps the key (action.key),
 * everything else that we make carries the token of its action as key.  An action
 * explains one appearance only (action.arrived).
 *
 * A key that is gone keeps its UID for a day, for moves to and fro and mail programs
 * that rename in two steps; find() is answered for as long as the row is there, which
 * the purge allows to go only when no unfinished action names it.
 */
#include "engine/state_int.h"

#include <stdlib.h>

#include "base/mem.h"

struct uid_slot { const char *key; uint32_t uid; int64_t here; unsigned char hops; };

struct uid_job {
	struct job		 job;
	struct arena		 arena;
	const char		*account, *mailbox, *to;
	struct uid_entry	*entries;	/* the caller's */
	struct uid_slot		*slots;
	size_t			 n;
	struct box_row		 row;
	uint32_t		 uid;
	char			*key;
	uid_book_fn		 book_fn;
	uid_key_fn		 key_fn;
	void			*arg;
};

static struct uid_job *
uid_job_of(struct job *j)
{
	return CONTAINER_OF(j, struct uid_job, job);
}

static void
uid_drop(struct job *j)
{
	struct uid_job *u = uid_job_of(j);

	arena_free(&u->arena);
	free(u->key);
	free(u);
}

static void
uid_no_answer(struct job *j UNUSED, const struct err *e UNUSED)
{
}

static struct uid_job *
uid_job_new(void (*run)(struct db *, struct job *), const char *account, const char *mailbox)
{
	struct uid_job *u = xcalloc(1, sizeof(*u));

	u->job.run = run;
	u->job.answer = uid_no_answer;
	u->job.drop = uid_drop;
	u->job.writes = true;
	u->account = arena_dupz(&u->arena, account);
	u->mailbox = arena_dupz(&u->arena, mailbox);
	return u;
}

/* ---- assign */

/*
 * The action of ours that put this key here, and has not explained another one yet.
 * 0: none; *hops_r: of what it made.
 */
static int64_t
own_action(struct db *db, const struct uid_job *u, const char *key, bool by_token,
	unsigned char *hops_r)
{
	/*
	 * By key: a move or delete that kept it, from another mailbox of the account.  A token
	 * is nobody else's: what has it is ours even if the action is noted as "gone", since
	 * after a crash its source was.
	 */
	sqlite3_stmt *st = by_token ?
	    sql_use(db, SQL_UID_TOKEN, "SELECT id, hops FROM action INDEXED BY action_token WHERE token = ?1"
		" AND account_to = ?2 AND box_to = ?3 AND arrived IS NULL ORDER BY id DESC LIMIT 1") :
	    sql_use(db, SQL_UID_OWN, "SELECT a.id, a.hops FROM action a INDEXED BY action_key JOIN mailbox b"
		" ON b.id = a.box"
		" WHERE a.key = ?1 AND a.account_to = ?2 AND a.box_to = ?3 AND a.arrived IS NULL"
		" AND (a.result IS NULL OR a.result LIKE 'done%' OR a.result LIKE 'copied_only%')"
		" AND b.account = ?2 ORDER BY a.id DESC LIMIT 1");
	int64_t id;

	sql_text(db, st, 1, key);
	sql_text(db, st, 2, u->account);
	sql_text(db, st, 3, u->mailbox);
	if (!sql_row(db, st))
		return 0;
	id = sqlite3_column_int64(st, 0);
	*hops_r = (unsigned char)MIN(sqlite3_column_int64(st, 1) + 1, 255);
	sqlite3_reset(st);
	return id;
}

static void
slot_new(struct db *db, struct uid_job *u, struct uid_slot *slot)
{
	int64_t action = own_action(db, u, slot->key, false, &slot->hops);
	sqlite3_stmt *st;

	if (action == 0)
		action = own_action(db, u, slot->key, true, &slot->hops);
	if (u->row.uidnext == UINT32_MAX) {
		err_set(&db->err, ERR_LIMIT, SCOPE_MAILBOX, "%s:%s has no UIDs left", u->account,
		    u->mailbox);
		return;
	}
	slot->uid = u->row.uidnext++;
	slot->here = u->job.now;
	st = sql_use(db, SQL_UID_NEW,
	    "INSERT INTO uid (box, uid, key, here, hops) VALUES (?1, ?2, ?3, ?4, ?5)");
	sql_int(db, st, 1, u->row.id);
	sql_int(db, st, 2, slot->uid);
	sql_text(db, st, 3, slot->key);
	sql_int(db, st, 4, slot->here);
	sql_int(db, st, 5, slot->hops);
	sql_run(db, st);
	if (action == 0)
		return;
	st = sql_use(db, SQL_UID_ARRIVED, "UPDATE action SET arrived = ?2 WHERE id = ?1");
	sql_int(db, st, 1, action);
	sql_int(db, st, 2, slot->uid);
	sql_run(db, st);
}

static void
slot_back(struct db *db, const struct uid_job *u, const struct uid_slot *slot)
{
	sqlite3_stmt *st = sql_use(db, SQL_UID_BACK,
	    "UPDATE uid SET gone_at = NULL WHERE box = ?1 AND uid = ?2");

	sql_int(db, st, 1, u->row.id);
	sql_int(db, st, 2, slot->uid);
	sql_run(db, st);
}

/* Did an action of ours take this message away?  Then its return is an arrival. */
static bool
taken_away(struct db *db, const struct uid_job *u, int64_t uid)
{
	sqlite3_stmt *st = sql_use(db, SQL_UID_TAKEN, "SELECT 1 FROM action INDEXED BY action_message"
	    " WHERE box = ?1 AND uid = ?2 AND verb IN ('move', 'delete') AND result LIKE 'done%'");
	bool taken;

	sql_int(db, st, 1, u->row.id);
	sql_int(db, st, 2, uid);
	taken = sql_row(db, st);
	if (taken)
		sqlite3_reset(st);
	return taken;
}

static void
slot_assign(struct db *db, struct uid_job *u, struct uid_slot *slot)
{
	/* Left to itself the planner walks the box from its last UID down. */
	sqlite3_stmt *st = sql_use(db, SQL_UID_KEY, "SELECT uid, here, hops, gone_at FROM uid"
	    " INDEXED BY uid_key WHERE box = ?1 AND key = ?2 ORDER BY uid DESC LIMIT 1");
	bool gone, known = false;

	sql_int(db, st, 1, u->row.id);
	sql_text(db, st, 2, slot->key);
	if (sql_row(db, st)) {
		gone = sqlite3_column_type(st, 3) != SQLITE_NULL;
		known = !gone || sqlite3_column_int64(st, 3) > u->job.now - DAY;
		if (known) {
			slot->uid = (uint32_t)sqlite3_column_int64(st, 0);
			slot->here = sqlite3_column_int64(st, 1);
			slot->hops = (unsigned char)sqlite3_column_int64(st, 2);
		}
		sqlite3_reset(st);
		if (known && gone) {
			known = !taken_away(db, u, slot->uid);
			if (known)
				slot_back(db, u, slot);
		}
	}
	if (!known && !err_is(&db->err))
		slot_new(db, u, slot);
}

static void
assign_run(struct db *db, struct job *j)
{
	struct uid_job *u = uid_job_of(j);
	sqlite3_stmt *st;
	uint32_t before;

	if (!box_row_find(db, u->account, u->mailbox, &u->row))
		box_row_new(db, u->account, u->mailbox, 0, j->now, &u->row);
	before = u->row.uidnext;
	for (size_t i = 0; i < u->n && !err_is(&db->err); i++)
		slot_assign(db, u, &u->slots[i]);
	if (u->row.uidnext == before)
		return;
	st = sql_use(db, SQL_BOX_UIDNEXT, "UPDATE mailbox SET uidnext = ?2 WHERE id = ?1");
	sql_int(db, st, 1, u->row.id);
	sql_int(db, st, 2, u->row.uidnext);
	sql_run(db, st);
}

static void
assign_answer(struct job *j, const struct err *e)
{
	struct uid_job *u = uid_job_of(j);

	for (size_t i = 0; i < u->n && !err_is(e); i++) {
		u->entries[i].uid = u->slots[i].uid;
		u->entries[i].here = u->slots[i].here;
		u->entries[i].hops = u->slots[i].hops;
	}
	u->book_fn(u->arg, u->row.uidvalidity, u->row.uidnext, e);
}

static void
book_assign(void *book, const char *account, const char *mailbox, struct uid_entry *entries,
	size_t n, uid_book_fn done, void *arg)
{
	struct uid_job *u = uid_job_new(assign_run, account, mailbox);

	u->job.answer = assign_answer;
	u->entries = entries;
	u->n = n;
	u->slots = arena_alloc(&u->arena, (n + 1) * sizeof(*u->slots));
	for (size_t i = 0; i < n; i++)
		u->slots[i].key = arena_dupz(&u->arena, entries[i].key);
	u->book_fn = done;
	u->arg = arg;
	state_ask(book, &u->job);
}

/* ---- find, forget */

static void
find_run(struct db *db, struct job *j)
{
	struct uid_job *u = uid_job_of(j);
	sqlite3_stmt *st;

	if (!box_row_find(db, u->account, u->mailbox, &u->row))
		return;
	st = sql_use(db, SQL_UID_OF, "SELECT key FROM uid WHERE box = ?1 AND uid = ?2");
	sql_int(db, st, 1, u->row.id);
	sql_int(db, st, 2, u->uid);
	if (sql_row(db, st)) {
		u->key = sql_dup(st, 0);
		sqlite3_reset(st);
	}
}

static void
find_answer(struct job *j, const struct err *e)
{
	struct uid_job *u = uid_job_of(j);

	u->key_fn(u->arg, err_is(e) ? NULL : u->key, e);
}

static void
book_find(void *book, const char *account, const char *mailbox, uint32_t uid, uid_key_fn done,
	void *arg)
{
	struct uid_job *u = uid_job_new(find_run, account, mailbox);

	u->job.writes = false;
	u->job.answer = find_answer;
	u->uid = uid;
	u->key_fn = done;
	u->arg = arg;
	state_ask(book, &u->job);
}

static void
forget_run(struct db *db, struct job *j)
{
	struct uid_job *u = uid_job_of(j);

	if (!box_row_find(db, u->account, u->mailbox, &u->row))
		return;
	for (size_t i = 0; i < u->n; i++) {
		sqlite3_stmt *st = sql_use(db, SQL_UID_GONE, "UPDATE uid SET gone_at = ?3"
		    " WHERE box = ?1 AND uid = ?2 AND gone_at IS NULL");

		sql_int(db, st, 1, u->row.id);
		sql_int(db, st, 2, u->slots[i].uid);
		sql_int(db, st, 3, j->now);
		sql_run(db, st);
	}
}

static void
book_forget(void *book, const char *account, const char *mailbox, const uint32_t *uids, size_t n)
{
	struct uid_job *u = uid_job_new(forget_run, account, mailbox);

	u->n = n;
	u->slots = arena_alloc(&u->arena, (n + 1) * sizeof(*u->slots));
	for (size_t i = 0; i < n; i++)
		u->slots[i].uid = uids[i];
	state_ask(book, &u->job);
}

/* ---- a mailbox was renamed or removed, and with it all below it */

struct renamed { int64_t id; char *name; };
struct renamed_list { VEC(struct renamed) };

/* The living rows of `from` and of its children. */
static void
renamed_find(struct db *db, const struct uid_job *u, struct renamed_list *l)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_UNDER, "SELECT id, name FROM mailbox"
	    " WHERE account = ?1 AND aside_at IS NULL"
	    " AND (name = ?2 OR substr(name, 1, length(?2) + 1) = ?2 || '/') ORDER BY name");

	sql_text(db, st, 1, u->account);
	sql_text(db, st, 2, u->mailbox);
	while (sql_row(db, st)) {
		struct renamed r = { sqlite3_column_int64(st, 0), sql_dup(st, 1) };

		VEC_PUSH(l, r);
	}
}

static void
box_clear(struct db *db, int64_t id, int64_t now)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_CLEAR_MESSAGES, "DELETE FROM message WHERE box = ?1");

	sql_int(db, st, 1, id);
	sql_run(db, st);
	st = sql_use(db, SQL_BOX_CLEAR_UIDS, "DELETE FROM uid WHERE box = ?1");
	sql_int(db, st, 1, id);
	sql_run(db, st);
	/* The row stays: the history of its actions names it. */
	box_row_aside(db, id, now);
}

static void
box_rename(struct db *db, const struct uid_job *u, const struct renamed *r)
{
	char *name = xasprintf("%s%s", u->to, r->name + strlen(u->mailbox));
	struct box_row there;
	sqlite3_stmt *st;

	if (box_row_find(db, u->account, name, &there) && there.id != r->id)
		box_row_aside(db, there.id, u->job.now);
	st = sql_use(db, SQL_BOX_RENAME, "UPDATE mailbox SET name = ?2 WHERE id = ?1");
	sql_int(db, st, 1, r->id);
	sql_text(db, st, 2, name);
	sql_run(db, st);
	free(name);
}

/* What our actions have put there, or will, is looked for under the new name. */
static void
targets_rename(struct db *db, const struct uid_job *u)
{
	sqlite3_stmt *st = sql_use(db, SQL_UID_TARGET, "UPDATE action"
	    " SET box_to = ?3 || substr(box_to, length(?2) + 1)"
	    " WHERE account_to = ?1 AND arrived IS NULL"
	    " AND (box_to = ?2 OR substr(box_to, 1, length(?2) + 1) = ?2 || '/')");

	sql_text(db, st, 1, u->account);
	sql_text(db, st, 2, u->mailbox);
	sql_text(db, st, 3, u->to);
	sql_run(db, st);
}

static void
renamed_run(struct db *db, struct job *j)
{
	struct uid_job *u = uid_job_of(j);
	struct renamed_list l = { 0 };

	renamed_find(db, u, &l);
	for (size_t i = 0; i < l.n; i++) {
		if (u->to == NULL)
			box_clear(db, l.at[i].id, j->now);
		else
			box_rename(db, u, &l.at[i]);
	}
	if (u->to != NULL)
		targets_rename(db, u);
	for (size_t i = 0; i < l.n; i++)
		free(l.at[i].name);
	VEC_FREE(&l);
}

static void
book_renamed(void *book, const char *account, const char *from, const char *to)
{
	struct uid_job *u = uid_job_new(renamed_run, account, from);

	u->to = to != NULL ? arena_dupz(&u->arena, to) : NULL;
	state_ask(book, &u->job);
}

struct uid_book
state_book(struct state *s)
{
	CHECK(s, STATE_MAGIC);
	return (struct uid_book){ .book = s, .assign = book_assign, .find = book_find,
		.forget = book_forget, .renamed = book_renamed };
}
