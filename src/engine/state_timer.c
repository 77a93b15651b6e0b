/* When a named timer last ran; the name is the script's. */
#include "engine/state_int.h"

#include <stdlib.h>

#include "base/mem.h"

struct timer_job {
	struct job	 job;
	char		*name;
	int64_t		 at;
	state_time_fn	 time_fn;
	state_fn	 fn;
	void		*arg;
};

static struct timer_job *
timer_job_of(struct job *j)
{
	return CONTAINER_OF(j, struct timer_job, job);
}

static void
timer_drop(struct job *j)
{
	struct timer_job *t = timer_job_of(j);

	free(t->name);
	free(t);
}

static void
timer_answer(struct job *j, const struct err *e)
{
	struct timer_job *t = timer_job_of(j);

	if (t->time_fn != NULL)
		t->time_fn(t->arg, err_is(e) ? 0 : t->at, e);
	else if (t->fn != NULL)
		t->fn(t->arg, e);
}

static struct timer_job *
timer_job_new(const char *name, void (*run)(struct db *, struct job *), void *arg)
{
	struct timer_job *t = xcalloc(1, sizeof(*t));

	t->job.run = run;
	t->job.answer = timer_answer;
	t->job.drop = timer_drop;
	t->name = xstrdup(name);
	t->arg = arg;
	return t;
}

static void
timer_get(struct db *db, struct job *j)
{
	struct timer_job *t = timer_job_of(j);
	sqlite3_stmt *st = sql_use(db, SQL_TIMER_GET, "SELECT ran_at FROM timer WHERE name = ?1");

	sql_text(db, st, 1, t->name);
	while (sql_row(db, st))
		t->at = sqlite3_column_int64(st, 0);
}

static void
timer_set(struct db *db, struct job *j)
{
	struct timer_job *t = timer_job_of(j);
	sqlite3_stmt *st = sql_use(db, SQL_TIMER_SET,
	    "INSERT OR REPLACE INTO timer (name, ran_at) VALUES (?1, ?2)");

	sql_text(db, st, 1, t->name);
	sql_int(db, st, 2, t->at);
	sql_run(db, st);
}

void
state_timer_get(struct state *s, const char *name, state_time_fn fn, void *arg)
{
	struct timer_job *t = timer_job_new(name, timer_get, arg);

	t->time_fn = fn;
	state_ask(s, &t->job);
}

void
state_timer_set(struct state *s, const char *name, int64_t ran_at, state_fn fn, void *arg)
{
	struct timer_job *t = timer_job_new(name, timer_set, arg);

	t->job.writes = true;
	t->at = ran_at;
	t->fn = fn;
	state_ask(s, &t->job);
}
