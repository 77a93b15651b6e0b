/*
 * mail.store: values under (store, key), with expiry.
 *
 * The value is the binding's encoding; only "i" and decimal digits is known here, as
 * an integer that INCR can add to.  What has expired is absent at once; the purge
 * removes it later.  A refusal (not an integer, too large) fails alone.
 *
 * Ceilings: STATE_KEY_MAX, STATE_VALUE_MAX (state.h); STORE_KEYS_MAX keys an answer.
 */
#include "engine/state_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define STORE_KEYS_MAX	100000u

struct store_job {
	struct job		 job;
	struct arena		 arena;
	struct state_write	 w;
	bool			 cas, found_old;
	struct view		 old;
	size_t			 limit;
	bool			 found;		/* answer */
	struct str		 value;
	struct { VEC(char *) } keys;
	state_value_fn		 fn;
	void			*arg;
};

static struct store_job *
store_job_of(struct job *j)
{
	return CONTAINER_OF(j, struct store_job, job);
}

static void
store_drop(struct job *j)
{
	struct store_job *b = store_job_of(j);

	for (size_t i = 0; i < b->keys.n; i++)
		free(b->keys.at[i]);
	VEC_FREE(&b->keys);
	str_free(&b->value);
	arena_free(&b->arena);
	free(b);
}

static void
store_answer(struct job *j, const struct err *e)
{
	struct store_job *b = store_job_of(j);
	bool found = b->found && !err_is(e);

	b->fn(b->arg, found, found ? str_view(&b->value) : VIEW_NONE, e);
}

static void
store_write_answer(struct job *j, const struct err *e)
{
	if (store_job_of(j)->fn != NULL)
		store_answer(j, e);
}

static struct store_job *
store_job_new(void (*run)(struct db *, struct job *), state_value_fn fn, void *arg)
{
	struct store_job *b = xcalloc(1, sizeof(*b));

	b->job.run = run;
	b->job.answer = store_answer;
	b->job.drop = store_drop;
	b->fn = fn;
	b->arg = arg;
	return b;
}

void
store_write_copy(struct state_write *to, const struct state_write *from, struct arena *a)
{
	struct view v = arena_dup(a, str_view(&from->value));

	*to = *from;
	to->store = arena_dupz(a, from->store);
	to->key = arena_dupz(a, from->key);
	/* Borrowed from the arena: never grown, never freed. */
	to->value = (struct str){ .p = (char *)(uintptr_t)v.p, .len = v.n };
}

/* ---- on the thread */

/* The living value into *value; false: absent. */
static bool
store_read(struct db *db, const char *store, const char *key, int64_t now, struct str *value,
	int64_t *expires_r)
{
	sqlite3_stmt *st = sql_use(db, SQL_STORE_GET, "SELECT value, expires FROM store"
	    " WHERE name = ?1 AND key = ?2 AND (expires IS NULL OR expires > ?3)");
	const void *p;

	*expires_r = 0;
	sql_text(db, st, 1, store);
	sql_text(db, st, 2, key);
	sql_int(db, st, 3, now);
	if (!sql_row(db, st))
		return false;
	p = sqlite3_column_blob(st, 0);
	if (p != NULL)
		str_add(value, p, (size_t)sqlite3_column_bytes(st, 0));
	*expires_r = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	return true;
}

static void
store_put(struct db *db, const struct state_write *w, struct view value, int64_t expires)
{
	sqlite3_stmt *st = sql_use(db, SQL_STORE_SET, "INSERT OR REPLACE INTO store"
	    " (name, key, value, expires) VALUES (?1, ?2, ?3, nullif(?4, 0))");

	sql_text(db, st, 1, w->store);
	sql_text(db, st, 2, w->key);
	sql_blob(db, st, 3, value);
	sql_int(db, st, 4, expires);
	sql_run(db, st);
}

static bool
integer_of(struct view v, int64_t *n_r)
{
	char text[24], *end;

	if (v.n < 2 || v.n >= sizeof(text) || v.p[0] != 'i' || v.p[1] == ' ' || v.p[1] == '+')
		return false;
	memcpy(text, v.p + 1, v.n - 1);
	text[v.n - 1] = '\0';
	errno = 0;
	*n_r = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && end == text + v.n - 1;
}

static int
store_add(struct db *db, const struct state_write *w, bool found, struct str *value)
{
	int64_t n = 0;

	if (found && !integer_of(str_view(value), &n))
		return err_set(&db->err, ERR_USAGE, SCOPE_MESSAGE,
		    "store \"%s\": the value of \"%s\" is no integer; it cannot be counted up", w->store,
		    w->key);
	if (__builtin_add_overflow(n, w->by, &n))
		return err_set(&db->err, ERR_USAGE, SCOPE_MESSAGE,
		    "store \"%s\": the value of \"%s\" would leave the range of integers", w->store,
		    w->key);
	str_reset(value);
	str_addf(value, "i%" PRId64, n);
	return 0;
}

static int
store_check(const struct state_write *w, struct err *e)
{
	if (strlen(w->store) > STATE_KEY_MAX || strlen(w->key) > STATE_KEY_MAX)
		return err_set(e, ERR_LIMIT, SCOPE_MESSAGE,
		    "store \"%.60s\": a name or key has more than %zu bytes", w->store, STATE_KEY_MAX);
	if (w->value.len > STATE_VALUE_MAX)
		return err_set(e, ERR_LIMIT, SCOPE_MESSAGE,
		    "store \"%s\": the value of \"%s\" has more than %zu bytes", w->store, w->key,
		    STATE_VALUE_MAX);
	return 0;
}

/* Does the write; *value (what is there before) becomes what is there after.  found: likewise. */
static bool
store_do(struct db *db, const struct state_write *w, bool found, int64_t was, struct str *value)
{
	int64_t expires = w->expires < 0 ? was : w->expires;
	sqlite3_stmt *st;

	if (w->op == STORE_DELETE) {
		st = sql_use(db, SQL_STORE_DELETE, "DELETE FROM store WHERE name = ?1 AND key = ?2");
		sql_text(db, st, 1, w->store);
		sql_text(db, st, 2, w->key);
		sql_run(db, st);
		str_reset(value);
		return found;
	}
	if (w->op == STORE_INCR) {
		if (store_add(db, w, found, value) != 0)
			return false;
	} else {
		str_reset(value);
		str_addv(value, str_view(&w->value));
	}
	store_put(db, w, str_view(value), expires);
	return true;
}

void
store_apply(struct db *db, const struct state_write *w, int64_t now)
{
	struct str value = STR_INIT;
	int64_t was;
	bool found;

	if (store_check(w, &db->err) == 0) {
		found = store_read(db, w->store, w->key, now, &value, &was);
		if (!err_is(&db->err))
			store_do(db, w, found, was, &value);
	}
	str_free(&value);
	if (!err_is(&db->err) || db->fatal)
		return;
	log_error(db->log, "%s; this write is left out", db->err.text);
	err_clear(&db->err);
}

static void
store_get_run(struct db *db, struct job *j)
{
	struct store_job *b = store_job_of(j);
	int64_t expires;

	b->found = store_read(db, b->w.store, b->w.key, j->now, &b->value, &expires);
}

static void
store_write_run(struct db *db, struct job *j)
{
	struct store_job *b = store_job_of(j);
	int64_t was;
	bool found;

	if (store_check(&b->w, &db->err) != 0)
		return;
	found = store_read(db, b->w.store, b->w.key, j->now, &b->value, &was);
	if (b->cas && (found != b->found_old || (found && !view_eq(str_view(&b->value), b->old))))
		return;		/* found stays false: nothing was written */
	if (!err_is(&db->err))
		b->found = store_do(db, &b->w, found, was, &b->value) || b->cas;
}

/* The keys from prefix on, for as long as they begin with it. */
static void
store_keys_run(struct db *db, struct job *j)
{
	struct store_job *b = store_job_of(j);
	sqlite3_stmt *st = sql_use(db, SQL_STORE_KEYS, "SELECT key FROM store"
	    " WHERE name = ?1 AND key >= ?2 AND (expires IS NULL OR expires > ?3) ORDER BY key");

	sql_text(db, st, 1, b->w.store);
	sql_text(db, st, 2, b->w.key);
	sql_int(db, st, 3, j->now);
	while (b->keys.n < b->limit && sql_row(db, st)) {
		if (!view_starts(view_of(sql_col(st, 0)), view_of(b->w.key)))
			break;
		VEC_PUSH(&b->keys, sql_dup(st, 0));
	}
	if (st != NULL)
		sqlite3_reset(st);
}

static void
store_keys_answer(struct job *j, const struct err *e)
{
	struct store_job *b = store_job_of(j);

	for (size_t i = 0; !err_is(e) && i < b->keys.n; i++)
		b->fn(b->arg, true, view_of(b->keys.at[i]), e);
	b->fn(b->arg, false, VIEW_NONE, e);
}

/* ---- the loop */

void
state_store_get(struct state *s, const char *store, const char *key, state_value_fn fn, void *arg)
{
	struct store_job *b = store_job_new(store_get_run, fn, arg);

	b->w.store = arena_dupz(&b->arena, store);
	b->w.key = arena_dupz(&b->arena, key);
	state_ask(s, &b->job);
}

static struct store_job *
store_write_new(const struct state_write *w, state_value_fn fn, void *arg)
{
	struct store_job *b = store_job_new(store_write_run, fn, arg);

	b->job.writes = true;
	b->job.answer = store_write_answer;
	store_write_copy(&b->w, w, &b->arena);
	return b;
}

void
state_store_write(struct state *s, const struct state_write *w, state_value_fn fn, void *arg)
{
	state_ask(s, &store_write_new(w, fn, arg)->job);
}

void
state_store_cas(struct state *s, const struct state_write *w, bool found_old, struct view old,
	state_value_fn fn, void *arg)
{
	struct store_job *b = store_write_new(w, fn, arg);

	b->cas = true;
	b->found_old = found_old;
	b->old = arena_dup(&b->arena, old);
	state_ask(s, &b->job);
}

void
state_store_keys(struct state *s, const char *store, const char *prefix, size_t limit,
	state_value_fn fn, void *arg)
{
	struct store_job *b = store_job_new(store_keys_run, fn, arg);

	b->w.store = arena_dupz(&b->arena, store);
	b->w.key = arena_dupz(&b->arena, prefix);
	b->job.answer = store_keys_answer;
	b->limit = MIN(limit, (size_t)STORE_KEYS_MAX);
	state_ask(s, &b->job);
}
