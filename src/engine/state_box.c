/*
 * Mailboxes as rules see them, and what is pending in them.
 *
 * A mailbox has one living row a name; when its UIDs are renewed the row is set aside
 * with all that hangs on it: no stored UID is ever used under another UIDVALIDITY
 * (delivery.md J6).  The rows of messages are written in state_batch.c.
 *
 * A plan that cannot be read back (a damaged line, a missing spool file) stops its own
 * message only: it is parked with the reason.
 */
#include "engine/state_int.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/mem.h"

struct box_job {
	struct job		 job;
	char			*account, *mailbox;	/* state_box */
	int64_t			 id;			/* ... else the box */
	int64_t			 upto;			/* a time, a UID */
	size_t			 limit;
	struct state_box	 box;
	struct state_messages	 list;
	struct { VEC(uint32_t) } uids;
	struct { VEC(struct state_moved) } moved;
	uint32_t		 uidnext;
	int64_t			 value;
	state_box_fn		 box_fn;
	state_messages_fn	 messages_fn;
	state_uids_fn		 uids_fn;
	state_moved_fn		 moved_fn;
	state_time_fn		 time_fn;	/* or state_count_fn: the same type */
	void			*arg;
};

static struct box_job *
box_job_of(struct job *j)
{
	return CONTAINER_OF(j, struct box_job, job);
}

void
state_messages_free(struct state_messages *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->at[i].rule);
		free(l->at[i].reason);
		actions_free(&l->at[i].actions);
	}
	VEC_FREE(l);
}

static void
box_job_drop(struct job *j)
{
	struct box_job *b = box_job_of(j);

	free(b->account);
	free(b->mailbox);
	state_messages_free(&b->list);
	VEC_FREE(&b->uids);
	VEC_FREE(&b->moved);
	free(b);
}

static struct box_job *
box_job_new(void (*run)(struct db *, struct job *),
	void (*answer)(struct job *, const struct err *), int64_t id, void *arg)
{
	struct box_job *b = xcalloc(1, sizeof(*b));

	b->job.run = run;
	b->job.answer = answer;
	b->job.drop = box_job_drop;
	b->id = id;
	b->arg = arg;
	return b;
}

/* ---- rows of mailboxes */

bool
box_row_find(struct db *db, const char *account, const char *mailbox, struct box_row *row_r)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_FIND,
	    "SELECT id, uidvalidity, uidnext, cursor, existing_upto FROM mailbox"
	    " WHERE account = ?1 AND name = ?2 AND aside_at IS NULL");

	*row_r = (struct box_row){ 0 };
	sql_text(db, st, 1, account);
	sql_text(db, st, 2, mailbox);
	if (!sql_row(db, st))
		return false;
	row_r->id = sqlite3_column_int64(st, 0);
	row_r->uidvalidity = (uint32_t)sqlite3_column_int64(st, 1);
	row_r->uidnext = (uint32_t)sqlite3_column_int64(st, 2);
	row_r->first = sqlite3_column_type(st, 3) == SQLITE_NULL;
	row_r->cursor = (uint32_t)sqlite3_column_int64(st, 3);
	row_r->existing_upto = (uint32_t)sqlite3_column_int64(st, 4);
	sqlite3_reset(st);
	return true;
}

void
box_row_new(struct db *db, const char *account, const char *mailbox, uint32_t uidvalidity,
	int64_t now, struct box_row *row_r)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_NEW, "INSERT INTO mailbox"
	    " (account, name, uidvalidity, made_at) VALUES (?1, ?2, ?3, ?4)");

	while (uidvalidity == 0)
		random_bytes(&uidvalidity, sizeof(uidvalidity));
	sql_text(db, st, 1, account);
	sql_text(db, st, 2, mailbox);
	sql_int(db, st, 3, uidvalidity);
	sql_int(db, st, 4, now);
	sql_run(db, st);
	*row_r = (struct box_row){ .id = sqlite3_last_insert_rowid(db->sq),
		.uidvalidity = uidvalidity, .uidnext = 1, .first = true };
}

void
box_row_aside(struct db *db, int64_t id, int64_t now)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_ASIDE,
	    "UPDATE mailbox SET aside_at = ?2 WHERE id = ?1");

	sql_int(db, st, 1, id);
	sql_int(db, st, 2, now);
	sql_run(db, st);
}

/* Its UIDs mean something else now: what was still to do there can be done by nobody. */
static void
box_renewed(struct db *db, struct box_job *b, const struct box_row *row)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_LEFT,
	    "SELECT count(*) FROM message WHERE box = ?1 AND kind <> 4");
	int64_t left = 0;

	sql_int(db, st, 1, row->id);
	while (sql_row(db, st))
		left = sqlite3_column_int64(st, 0);
	box_row_aside(db, row->id, b->job.now);
	b->box.renewed = true;
	b->box.before = row->uidvalidity;
	b->box.left = left;
}

/* In the same transaction: a crash must not make new mail of what is there. */
static void
box_know_all(struct db *db, const struct box_job *b, struct box_row *row)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_CURSOR, BOX_CURSOR);

	row->cursor = b->uidnext - 1;
	row->first = false;
	sql_int(db, st, 1, row->id);
	sql_int(db, st, 2, row->cursor);
	sql_run(db, st);
}

static void
box_run(struct db *db, struct job *j)
{
	struct box_job *b = box_job_of(j);
	struct box_row row;
	bool found = box_row_find(db, b->account, b->mailbox, &row);

	if (found && row.uidvalidity != b->box.uidvalidity) {
		box_renewed(db, b, &row);
		found = false;
	}
	if (!found)
		box_row_new(db, b->account, b->mailbox, b->box.uidvalidity, j->now, &row);
	if (b->box.renewed && b->uidnext > 0)
		box_know_all(db, b, &row);
	b->box.id = row.id;
	b->box.uidvalidity = row.uidvalidity;
	b->box.cursor = row.cursor;
	b->box.existing_upto = row.existing_upto;
	b->box.first = row.first;
}

static void
box_answer(struct job *j, const struct err *e)
{
	box_job_of(j)->box_fn(box_job_of(j)->arg, &box_job_of(j)->box, e);
}

void
state_box(struct state *s, const char *account, const char *mailbox, uint32_t uidvalidity,
	uint32_t uidnext, state_box_fn fn, void *arg)
{
	struct box_job *b = box_job_new(box_run, box_answer, 0, arg);

	b->job.writes = true;
	b->account = xstrdup(account);
	b->mailbox = xstrdup(mailbox);
	b->box.uidvalidity = uidvalidity;
	b->uidnext = uidnext;
	b->box_fn = fn;
	state_ask(s, &b->job);
}

/* ---- pending */

static int
load_action(struct db *db, sqlite3_stmt *st, struct actions *l, struct err *e)
{
	struct action a;
	int verb = verb_find(view_of(sql_col(st, 0)));

	if (verb < 0)
		return err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "no verb \"%s\"", sql_col(st, 0));
	if (action_load(&a, (enum verb)verb, view_of(sql_col(st, 1)), e) != 0)
		return -1;
	if (a.token == NULL)
		a.token = sql_dup(st, 2);
	if (a.rule == NULL)
		a.rule = sql_dup(st, 3);
	a.unsent = strcmp(sql_col(st, 4), "unsent") == 0;
	a.done = sqlite3_column_type(st, 4) != SQLITE_NULL && !a.unsent;
	a.row = (uint64_t)sqlite3_column_int64(st, 5);
	if (a.verb == VERB_REPLACE && !a.done && a.bytes == NULL &&
	    (a.bytes = spool_read(db, a.token, e)) == NULL) {
		action_free(&a);
		return -1;
	}
	VEC_PUSH(l, a);
	return 0;
}

static int
load_plan(struct db *db, struct state_message *m, int64_t first, int64_t n, struct err *e)
{
	sqlite3_stmt *st = sql_use(db, SQL_PENDING_ACTIONS,
	    "SELECT verb, args, token, rule, result, id FROM action"
	    " WHERE id >= ?1 AND id < ?2 ORDER BY id");
	int rc = 0;

	sql_int(db, st, 1, first);
	sql_int(db, st, 2, first + n);
	while (rc == 0 && sql_row(db, st))
		rc = load_action(db, st, &m->actions, e);
	if (rc != 0)
		sqlite3_reset(st);
	else if (!err_is(&db->err) && m->actions.n != (size_t)n)
		rc = err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "%zu of its %lld actions are there",
		    m->actions.n, (long long)n);
	return rc;
}

/* A plan that cannot be read: a person must look. */
static void
park_damaged(struct db *db, int64_t box, const struct state_message *m)
{
	sqlite3_stmt *st = sql_use(db, SQL_PENDING_PARK,
	    "UPDATE message SET kind = 2, at = NULL, reason = ?4"
	    " WHERE box = ?1 AND uid = ?2 AND rule = ?3");

	sql_int(db, st, 1, box);
	sql_int(db, st, 2, m->uid);
	sql_text(db, st, 3, m->rule != NULL ? m->rule : "");
	sql_text(db, st, 4, m->reason);
	sql_run(db, st);
}

/* It is taken up: from here on whatever was not tried is in doubt like all the rest. */
static void
clear_unsent(struct db *db, int64_t box, const struct state_message *m)
{
	bool some = false;
	sqlite3_stmt *st;

	for (size_t i = 0; i < m->actions.n; i++)
		some |= m->actions.at[i].unsent;
	if (!some)
		return;
	st = sql_use(db, SQL_UNSENT, "UPDATE action SET result = NULL, ended_at = NULL"
	    " WHERE box = ?1 AND uid = ?2 AND result = 'unsent'");
	sql_int(db, st, 1, box);
	sql_int(db, st, 2, m->uid);
	sql_run(db, st);
}

/* One row; PARKED when it is a plan that cannot be read. */
static void
load_message(struct db *db, sqlite3_stmt *st, struct state_messages *l)
{
	struct state_message m = {
		.uid = (uint32_t)sqlite3_column_int64(st, 0),
		.kind = (enum state_kind)sqlite3_column_int(st, 1),
		.at = sqlite3_column_int64(st, 2),
		.attempts = (unsigned)sqlite3_column_int64(st, 3),
		.rule = *sql_col(st, 4) != '\0' ? sql_dup(st, 4) : NULL,
		.reason = sql_dup(st, 5),
		.hops = (unsigned)sqlite3_column_int64(st, 8),
		.here = sqlite3_column_int64(st, 9),
	};
	struct err e = ERR_NONE;

	if (m.kind == STATE_PLANNED && load_plan(db, &m, sqlite3_column_int64(st, 6),
	    sqlite3_column_int64(st, 7), &e) != 0) {
		m.kind = STATE_PARKED;
		free(m.reason);
		m.reason = xasprintf("its plan cannot be read: %s", e.text);
		actions_free(&m.actions);
	}
	VEC_PUSH(l, m);
}

/* Without figures the planner takes the key (box, ...) for as good as the small indexes. */
static void
pending_run(struct db *db, struct job *j)
{
	struct box_job *b = box_job_of(j);
	sqlite3_stmt *st = sql_use(db, SQL_PENDING,
	    "SELECT uid, kind, at, attempts, rule, reason, plan, actions, 0 AS hops, here FROM message"
	    " INDEXED BY message_planned WHERE box = ?1 AND kind = 0"
	    " UNION ALL SELECT uid, kind, at, attempts, rule, reason, plan, actions,"
	    " coalesce((SELECT hops FROM uid u WHERE u.box = m.box AND u.uid = m.uid), "
	    OWN_HOPS("m.box", "m.uid") ", 0), here FROM message m"
	    " INDEXED BY message_at WHERE box = ?1 AND kind IN (1, 3) AND at <= ?2"
	    " ORDER BY uid, kind LIMIT ?3");

	sql_int(db, st, 1, b->id);
	sql_int(db, st, 2, b->upto);
	sql_int(db, st, 3, (int64_t)b->limit);
	while (sql_row(db, st))
		load_message(db, st, &b->list);
	for (size_t i = 0; i < b->list.n; i++) {
		clear_unsent(db, b->id, &b->list.at[i]);
		if (b->list.at[i].kind == STATE_PARKED) {
			log_error(db->log, "a message is held: %s", b->list.at[i].reason);
			park_damaged(db, b->id, &b->list.at[i]);
		}
	}
}

static void
pending_answer(struct job *j, const struct err *e)
{
	struct box_job *b = box_job_of(j);
	struct state_messages list = b->list;

	b->list = (struct state_messages){ 0 };
	if (err_is(e))
		state_messages_free(&list);
	b->messages_fn(b->arg, &list, e);
}

void
state_pending(struct state *s, int64_t box, int64_t upto, size_t limit, state_messages_fn fn,
	void *arg)
{
	struct box_job *b = box_job_new(pending_run, pending_answer, box, arg);

	b->upto = upto;
	b->limit = limit;
	b->messages_fn = fn;
	state_ask(s, &b->job);
}

/* ---- questions with a short answer */

static void
judged_run(struct db *db, struct job *j)
{
	struct box_job *b = box_job_of(j);
	sqlite3_stmt *st = sql_use(db, SQL_JUDGED, "SELECT DISTINCT uid FROM message"
	    " WHERE box = ?1 AND uid > ?2 AND kind <> 3 ORDER BY uid");

	sql_int(db, st, 1, b->id);
	sql_int(db, st, 2, b->upto);
	while (sql_row(db, st))
		VEC_PUSH(&b->uids, (uint32_t)sqlite3_column_int64(st, 0));
}

static void
judged_answer(struct job *j, const struct err *e)
{
	struct box_job *b = box_job_of(j);

	b->uids_fn(b->arg, b->uids.at, err_is(e) ? 0 : b->uids.n, e);
}

void
state_judged(struct state *s, int64_t box, uint32_t uid, state_uids_fn fn, void *arg)
{
	struct box_job *b = box_job_new(judged_run, judged_answer, box, arg);

	b->upto = uid;
	b->uids_fn = fn;
	state_ask(s, &b->job);
}

static void
moved_run(struct db *db, struct job *j)
{
	struct box_job *b = box_job_of(j);
	sqlite3_stmt *st = sql_use(db, SQL_MOVED, "SELECT a.new_uid, max(a.hops) + 1 FROM mailbox o"
	    " JOIN action a INDEXED BY action_new ON a.account_to = o.account AND a.box_to = o.name"
	    " WHERE o.id = ?1 AND a.new_uid > ?2 AND a.new_uid <= ?3"
	    " AND (a.new_validity IS NULL OR a.new_validity = o.uidvalidity)"
	    " GROUP BY a.new_uid ORDER BY a.new_uid");

	sql_int(db, st, 1, b->id);
	sql_int(db, st, 2, b->upto);
	sql_int(db, st, 3, b->value);
	while (sql_row(db, st))
		VEC_PUSH(&b->moved, ((struct state_moved){ (uint32_t)sqlite3_column_int64(st, 0),
		    (unsigned)MIN(sqlite3_column_int64(st, 1), 255) }));
}

static void
moved_answer(struct job *j, const struct err *e)
{
	struct box_job *b = box_job_of(j);

	b->moved_fn(b->arg, b->moved.at, err_is(e) ? 0 : b->moved.n, e);
}

void
state_moved(struct state *s, int64_t box, uint32_t uid, uint32_t upto, state_moved_fn fn, void *arg)
{
	struct box_job *b = box_job_new(moved_run, moved_answer, box, arg);

	b->upto = uid;
	b->value = upto;
	b->moved_fn = fn;
	state_ask(s, &b->job);
}

static void
value_answer(struct job *j, const struct err *e)
{
	box_job_of(j)->time_fn(box_job_of(j)->arg, box_job_of(j)->value, e);
}

static void
next_due_run(struct db *db, struct job *j)
{
	struct box_job *b = box_job_of(j);
	sqlite3_stmt *st = sql_use(db, SQL_NEXT_DUE,
	    "SELECT min(at) FROM message INDEXED BY message_at WHERE box = ?1 AND kind IN (1, 3)");

	sql_int(db, st, 1, b->id);
	while (sql_row(db, st))
		if (sqlite3_column_type(st, 0) != SQLITE_NULL)
			b->value = sqlite3_column_int64(st, 0);
}

void
state_next_due(struct state *s, int64_t box, state_time_fn fn, void *arg)
{
	struct box_job *b = box_job_new(next_due_run, value_answer, box, arg);

	b->value = INT64_MAX;
	b->time_fn = fn;
	state_ask(s, &b->job);
}

static void
parked_run(struct db *db, struct job *j)
{
	sqlite3_stmt *st = sql_use(db, SQL_PARKED, "SELECT count(*) FROM message m"
	    " INDEXED BY message_parked JOIN mailbox b ON b.id = m.box WHERE m.kind = 2 AND b.aside_at IS NULL");

	while (sql_row(db, st))
		box_job_of(j)->value = sqlite3_column_int64(st, 0);
}

void
state_count_parked(struct state *s, state_count_fn fn, void *arg)
{
	struct box_job *b = box_job_new(parked_run, value_answer, 0, arg);

	b->time_fn = fn;
	state_ask(s, &b->job);
}
