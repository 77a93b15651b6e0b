/*
 * Batches: what the rules decided and achieved, written as one.
 *
 * On the loop a batch collects operations, its strings in an arena; on the thread they
 * are run in order, each by its row in ops[].  The row of a message is found by (box,
 * uid, rule): the chain's ('') and one for each later test.  Kinds follow one another
 * in place: due -> retry -> planned -> gone, or parked.
 *
 * A message above the cursor keeps a row ("handled") until the cursor has passed it:
 * after a crash nothing is judged twice, whatever was done meanwhile.
 *
 * A batch is never refused in part: its caller has gone on to later messages.  An error
 * in it ends the state; a write to mail.store that cannot be done is logged and left out.
 */
#include "engine/state_int.h"

#include <stdlib.h>

#include "base/mem.h"

struct op {
	void		(*run)(struct db *db, struct state_batch *b, const struct op *op);
	int64_t		 box;		/* of an action's result: its row */
	uint32_t	 uid;		/* ... the new UID */
	uint32_t	 uidvalidity;	/* ... of the new UID */
	unsigned	 attempts;
	int64_t		 at;		/* or since when it is there */
	int64_t		 size;
	const char	*rule;		/* '' for the chain */
	const char	*text;		/* reason, result, revision, digest */
	size_t		 first, n;	/* actions, or the place of a store write */
};

struct act {
	struct action	*live;		/* the caller's; gets its row with the answer */
	struct blob	*bytes;
	enum verb	 verb;
	const char	*args, *token, *account, *mailbox, *rule;
	int64_t		 row;
};

struct state_batch {
	struct job	 job;
	struct arena	 arena;
	struct { VEC(struct op) } ops;
	struct { VEC(struct act) } acts;
	struct { VEC(struct state_write) } writes;
	state_fn	 fn;
	void		*arg;
};

/* ---- the loop */

struct state_batch *
state_batch_new(void)
{
	return xcalloc(1, sizeof(struct state_batch));
}

void
state_batch_free(struct state_batch **bp)
{
	struct state_batch *b = *bp;

	if (b == NULL)
		return;
	*bp = NULL;
	for (size_t i = 0; i < b->acts.n; i++)
		blob_free(&b->acts.at[i].bytes);
	VEC_FREE(&b->ops);
	VEC_FREE(&b->acts);
	VEC_FREE(&b->writes);
	arena_free(&b->arena);
	free(b);
}

bool
state_batch_empty(const struct state_batch *b)
{
	return b->ops.n == 0;
}

static const char *
keep(struct state_batch *b, const char *s)
{
	return s != NULL ? arena_dupz(&b->arena, s) : NULL;
}

static const char *
keep_rule(struct state_batch *b, const char *rule)
{
	return rule != NULL && rule[0] != '\0' ? arena_dupz(&b->arena, rule) : "";
}

/* ---- the cursor */

/* It never goes back: what it has passed is done. */
static void
run_cursor(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_CURSOR, BOX_CURSOR);

	sql_int(db, st, 1, op->box);
	sql_int(db, st, 2, op->uid);
	sql_run(db, st);
	st = sql_use(db, SQL_CURSOR_HANDLED,
	    "DELETE FROM message INDEXED BY message_handled WHERE box = ?1 AND kind = 4 AND uid <= ?2");
	sql_int(db, st, 1, op->box);
	sql_int(db, st, 2, op->uid);
	sql_run(db, st);
}

void
state_batch_cursor(struct state_batch *b, int64_t box, uint32_t uid)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_cursor, .box = box, .uid = uid }));
}

static void
run_existing(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	sqlite3_stmt *st = sql_use(db, SQL_BOX_EXISTING,
	    "UPDATE mailbox SET existing_upto = ?2 WHERE id = ?1");

	sql_int(db, st, 1, op->box);
	sql_int(db, st, 2, op->uid);
	sql_run(db, st);
}

void
state_batch_existing(struct state_batch *b, int64_t box, uint32_t upto)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_existing, .box = box, .uid = upto }));
}

/* ---- rows with a time */

/* Binds (box, uid, rule), the key of a message's row. */
static sqlite3_stmt *
use_row(struct db *db, enum sql slot, const char *text, const struct op *op)
{
	sqlite3_stmt *st = sql_use(db, slot, text);

	sql_int(db, st, 1, op->box);
	sql_int(db, st, 2, op->uid);
	sql_text(db, st, 3, op->rule);
	return st;
}

static void
run_retry(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	sqlite3_stmt *st = use_row(db, SQL_RETRY, "INSERT OR REPLACE INTO message"
	    " (box, uid, rule, kind, attempts, at, reason) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)", op);

	sql_int(db, st, 4, op->attempts);
	sql_int(db, st, 5, op->at);
	sql_text(db, st, 6, op->text);
	sql_run(db, st);
}

void
state_batch_retry(struct state_batch *b, int64_t box, uint32_t uid, const char *due_rule,
	unsigned attempts, int64_t at, const char *reason)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_retry, .box = box, .uid = uid,
	    .rule = keep_rule(b, due_rule), .attempts = attempts, .at = at,
	    .text = keep(b, reason) }));
}

/* What was planned stays in the row for the person who looks. */
static void
run_park(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	sqlite3_stmt *st = use_row(db, SQL_PARK, "INSERT INTO message"
	    " (box, uid, rule, kind, attempts, reason) VALUES (?1, ?2, ?3, 2, ?4, ?5)"
	    " ON CONFLICT (box, uid, rule) DO UPDATE SET kind = 2, at = NULL,"
	    " attempts = excluded.attempts, reason = excluded.reason", op);

	sql_int(db, st, 4, op->attempts);
	sql_text(db, st, 5, op->text);
	sql_run(db, st);
}

void
state_batch_park(struct state_batch *b, int64_t box, uint32_t uid, const char *due_rule,
	unsigned attempts, const char *reason)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_park, .box = box, .uid = uid,
	    .rule = keep_rule(b, due_rule), .attempts = attempts, .text = keep(b, reason) }));
}

/* A row that has got further than due is not set back. */
static void
run_due(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	sqlite3_stmt *st = use_row(db, SQL_DUE, "INSERT INTO message"
	    " (box, uid, rule, kind, at) VALUES (?1, ?2, ?3, 3, ?4)"
	    " ON CONFLICT (box, uid, rule) DO UPDATE SET at = excluded.at WHERE kind = 3", op);

	sql_int(db, st, 4, op->at);
	sql_run(db, st);
}

void
state_batch_due(struct state_batch *b, int64_t box, uint32_t uid, const char *rule, int64_t at)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_due, .box = box, .uid = uid,
	    .rule = keep_rule(b, rule), .at = at }));
}

static void
run_undue(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	sql_run(db, use_row(db, SQL_UNDUE, "DELETE FROM message"
	    " WHERE box = ?1 AND uid = ?2 AND rule = ?3 AND kind IN (1, 3)", op));
}

void
state_batch_undue(struct state_batch *b, int64_t box, uint32_t uid, const char *rule)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_undue, .box = box, .uid = uid,
	    .rule = keep_rule(b, rule) }));
}

static void
run_known(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	sqlite3_stmt *st = sql_use(db, SQL_KNOWN, "UPDATE message SET size = ?3,"
	    " digest = coalesce(?4, digest), here = nullif(?5, 0) WHERE box = ?1 AND uid = ?2");

	sql_int(db, st, 1, op->box);
	sql_int(db, st, 2, op->uid);
	sql_int(db, st, 3, op->size);
	sql_text(db, st, 4, op->text);
	sql_int(db, st, 5, op->at);
	sql_run(db, st);
}

void
state_batch_known(struct state_batch *b, int64_t box, uint32_t uid, int64_t size,
	const char *digest, int64_t here)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_known, .box = box, .uid = uid, .size = size,
	    .text = keep(b, digest), .at = here }));
}

/* ---- plans */

static void
run_handled(struct db *db, struct state_batch *b, const struct op *op)
{
	sqlite3_stmt *st;

	if (op->rule[0] != '\0')
		run_undue(db, b, op);
	st = sql_use(db, SQL_PLAN_HANDLED, "INSERT INTO message (box, uid, rule, kind)"
	    " SELECT ?1, ?2, '', 4 WHERE ?2 > coalesce((SELECT cursor FROM mailbox WHERE id = ?1), 0)"
	    " ON CONFLICT (box, uid, rule) DO NOTHING");
	sql_int(db, st, 1, op->box);
	sql_int(db, st, 2, op->uid);
	sql_run(db, st);
}

/* Where an action makes something, and by what the book will know it again. */
struct origin { char *account, *mailbox, *key; int64_t hops; bool replaces, moves, makes; };

static void
origin_find(struct db *db, const struct op *op, struct origin *o)
{
	sqlite3_stmt *st;
	bool booked = false;

	if (o->makes) {
		st = sql_use(db, SQL_PLAN_ORIGIN, "SELECT key, hops FROM uid WHERE box = ?1 AND uid = ?2");
		sql_int(db, st, 1, op->box);
		sql_int(db, st, 2, op->uid);
		while (sql_row(db, st)) {
			o->hops = sqlite3_column_int64(st, 1);
			booked = true;
			if (o->moves)
				o->key = sql_dup(st, 0);
		}
	}
	if (o->makes && !booked) {
		st = sql_use(db, SQL_PLAN_HOPS, "SELECT coalesce(" OWN_HOPS("?1", "?2") ", 0)");
		sql_int(db, st, 1, op->box);
		sql_int(db, st, 2, op->uid);
		while (sql_row(db, st))
			o->hops = sqlite3_column_int64(st, 0);
	}
	if (o->replaces) {
		st = sql_use(db, SQL_BOX_NAME, "SELECT account, name FROM mailbox WHERE id = ?1");
		sql_int(db, st, 1, op->box);
		while (sql_row(db, st)) {
			free(o->account);
			free(o->mailbox);
			o->account = sql_dup(st, 0);
			o->mailbox = sql_dup(st, 1);
		}
	}
}

static void
plan_action(struct db *db, const struct op *op, struct act *a, size_t ordinal,
	const struct origin *o, int64_t now)
{
	sqlite3_stmt *st = use_row(db, SQL_PLAN_ACTION, "INSERT INTO action"
	    " (box, uid, due, ordinal, verb, args, token, account_to, box_to, key, hops, rule,"
	    " revision, made_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)", op);
	bool own = a->verb == VERB_REPLACE, moves = a->verb == VERB_MOVE || a->verb == VERB_DELETE;

	sql_int(db, st, 4, (int64_t)ordinal);
	sql_text(db, st, 5, verb_name(a->verb));
	sql_text(db, st, 6, a->args);
	sql_text(db, st, 7, a->token);
	sql_text(db, st, 8, own ? o->account : a->account);
	sql_text(db, st, 9, own ? o->mailbox : a->mailbox);
	sql_text(db, st, 10, moves ? o->key : NULL);
	sql_int(db, st, 11, o->hops);
	sql_text(db, st, 12, a->rule);
	sql_text(db, st, 13, op->text);
	sql_int(db, st, 14, now);
	sql_run(db, st);
	a->row = sqlite3_last_insert_rowid(db->sq);
}

static void
run_plan(struct db *db, struct state_batch *b, const struct op *op)
{
	struct act *acts = b->acts.at + op->first;
	struct origin o = { 0 };
	bool spooled = false;
	sqlite3_stmt *st;

	for (size_t i = 0; i < op->n; i++) {
		o.replaces |= acts[i].verb == VERB_REPLACE;
		o.moves |= acts[i].verb == VERB_MOVE || acts[i].verb == VERB_DELETE;
		o.makes |= acts[i].mailbox != NULL || o.replaces;
		spooled |= acts[i].bytes != NULL;
	}
	origin_find(db, op, &o);
	for (size_t i = 0; i < op->n; i++)
		plan_action(db, op, &acts[i], i, &o, b->job.now);
	free(o.account);
	free(o.mailbox);
	free(o.key);
	st = use_row(db, SQL_PLAN_ROW, "INSERT OR REPLACE INTO message"
	    " (box, uid, rule, kind, plan, actions, spooled) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6)", op);
	sql_int(db, st, 4, acts[0].row);
	sql_int(db, st, 5, (int64_t)op->n);
	sql_int(db, st, 6, spooled);
	sql_run(db, st);
}

static void
batch_keep_action(struct state_batch *b, struct action *a)
{
	struct act act = { .live = a, .verb = a->verb };
	struct str args = STR_INIT;

	action_store(&args, a);
	act.args = arena_dup(&b->arena, str_view(&args)).p;
	str_free(&args);
	act.token = keep(b, a->token);
	if (a->verb == VERB_COPY || a->verb == VERB_MOVE || a->verb == VERB_DELETE) {
		act.account = keep(b, a->account);
		act.mailbox = keep(b, a->mailbox);
	}
	act.rule = keep_rule(b, a->rule);
	act.bytes = a->verb == VERB_REPLACE && a->bytes != NULL ? blob_ref(a->bytes) : NULL;
	VEC_PUSH(&b->acts, act);
}

void
state_batch_plan(struct state_batch *b, int64_t box, uint32_t uid, const char *due_rule,
	const char *revision, struct actions *a)
{
	struct op op = { .run = run_handled, .box = box, .uid = uid, .rule = keep_rule(b, due_rule) };

	if (a != NULL && a->n > 0) {
		op.run = run_plan;
		op.text = keep_rule(b, revision);
		op.first = b->acts.n;
		op.n = a->n;
		for (size_t i = 0; i < a->n; i++)
			batch_keep_action(b, &a->at[i]);
	}
	VEC_PUSH(&b->ops, op);
}

/* ---- results */

static void
run_result(struct db *db, struct state_batch *b, const struct op *op)
{
	sqlite3_stmt *st = sql_use(db, SQL_RESULT,
	    "UPDATE action SET result = ?2, new_uid = nullif(?3, 0), ended_at = ?4,"
	    " new_validity = nullif(?5, 0) WHERE id = ?1");

	sql_int(db, st, 1, op->box);
	sql_text(db, st, 2, op->text);
	sql_int(db, st, 3, op->uid);
	sql_int(db, st, 4, b->job.now);
	sql_int(db, st, 5, op->uidvalidity);
	sql_run(db, st);
}

void
state_batch_result(struct state_batch *b, const struct action *a, const char *result,
	uint32_t new_uid, uint32_t new_uidvalidity)
{
	if (a->row != 0)
		VEC_PUSH(&b->ops, ((struct op){ .run = run_result, .box = (int64_t)a->row,
		    .uid = new_uid, .uidvalidity = new_uidvalidity, .text = keep(b, result) }));
}

/* The bytes that a plan needed go when its end is on disk. */
static void
drop_spooled(struct db *db, int64_t first, int64_t n)
{
	sqlite3_stmt *st = sql_use(db, SQL_DONE_TOKENS,
	    "SELECT token FROM action WHERE id >= ?1 AND id < ?2 AND verb = 'replace'"
	    " AND token IS NOT NULL");

	sql_int(db, st, 1, first);
	sql_int(db, st, 2, first + n);
	while (sql_row(db, st))
		VEC_PUSH(&db->unlinks, sql_dup(st, 0));
}

/* Of a plan, or else of a retry of the chain that found nothing left to do. */
static void
run_done(struct db *db, struct state_batch *b UNUSED, const struct op *op)
{
	struct op row = *op;
	int64_t plan, n;
	bool spooled, above;
	char *rule;
	sqlite3_stmt *st = sql_use(db, SQL_DONE_FIND,
	    "SELECT m.rule, m.spooled, m.plan, m.actions, m.uid > coalesce(b.cursor, 0)"
	    " FROM message m JOIN mailbox b ON b.id = m.box WHERE m.box = ?1 AND m.uid = ?2"
	    " AND (m.kind = 0 OR m.kind = 1 AND m.rule = '') ORDER BY m.kind LIMIT 1");

	sql_int(db, st, 1, op->box);
	sql_int(db, st, 2, op->uid);
	if (!sql_row(db, st))
		return;
	row.rule = rule = sql_dup(st, 0);
	spooled = sqlite3_column_int(st, 1) != 0;
	plan = sqlite3_column_int64(st, 2);
	n = sqlite3_column_int64(st, 3);
	above = sqlite3_column_int(st, 4) != 0;
	sqlite3_reset(st);
	if (spooled)
		drop_spooled(db, plan, n);
	if (rule[0] == '\0' && above)
		st = use_row(db, SQL_DONE_HANDLED, "UPDATE message SET kind = 4, at = NULL,"
		    " attempts = 0, reason = NULL, plan = NULL, actions = 0, spooled = 0"
		    " WHERE box = ?1 AND uid = ?2 AND rule = ?3", &row);
	else
		st = use_row(db, SQL_DONE_DELETE,
		    "DELETE FROM message WHERE box = ?1 AND uid = ?2 AND rule = ?3", &row);
	sql_run(db, st);
	free(rule);
}

void
state_batch_done(struct state_batch *b, int64_t box, uint32_t uid)
{
	VEC_PUSH(&b->ops, ((struct op){ .run = run_done, .box = box, .uid = uid, .rule = "" }));
}

/* ---- mail.store */

static void
run_store(struct db *db, struct state_batch *b, const struct op *op)
{
	store_apply(db, &b->writes.at[op->first], b->job.now);
}

void
state_batch_store(struct state_batch *b, const struct state_write *w)
{
	struct state_write copy;

	store_write_copy(&copy, w, &b->arena);
	VEC_PUSH(&b->ops, ((struct op){ .run = run_store, .first = b->writes.n }));
	VEC_PUSH(&b->writes, copy);
}

/* ---- as a job */

static struct state_batch *
batch_of(struct job *j)
{
	return CONTAINER_OF(j, struct state_batch, job);
}

/* What the plans need is on disk before they are. */
static int
batch_spool(struct db *db, const struct state_batch *b)
{
	bool some = false;

	for (size_t i = 0; i < b->acts.n; i++) {
		const struct act *a = &b->acts.at[i];

		if (a->bytes == NULL)
			continue;
		some = true;
		if (spool_write(db, a->token, blob_view(a->bytes), &db->err) != 0)
			return -1;
	}
	return some ? spool_sync(db, &db->err) : 0;
}

static void
batch_run(struct db *db, struct job *j)
{
	struct state_batch *b = batch_of(j);

	if (batch_spool(db, b) == 0)
		for (size_t i = 0; i < b->ops.n && !err_is(&db->err); i++)
			b->ops.at[i].run(db, b, &b->ops.at[i]);
	db->fatal |= err_is(&db->err);
}

static void
batch_answer(struct job *j, const struct err *e)
{
	struct state_batch *b = batch_of(j);

	for (size_t i = 0; i < b->acts.n && !err_is(e); i++)
		b->acts.at[i].live->row = (uint64_t)b->acts.at[i].row;
	if (b->fn != NULL)
		b->fn(b->arg, e);
}

static void
batch_drop(struct job *j)
{
	struct state_batch *b = batch_of(j);

	state_batch_free(&b);
}

void
state_commit(struct state *s, struct state_batch **bp, state_fn fn, void *arg)
{
	struct state_batch *b = *bp;

	*bp = NULL;
	b->job.writes = true;
	b->job.run = batch_run;
	b->job.answer = batch_answer;
	b->job.drop = batch_drop;
	b->fn = fn;
	b->arg = arg;
	state_ask(s, &b->job);
}
