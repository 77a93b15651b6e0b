/*
 * The life of the state: its thread, its queue, its commits.
 *
 *   the loop: job -> queue ...  the thread: queue -> one transaction -> done
 *   the loop: ... done -> answer, in the order of the questions
 *
 * The thread takes what is queued and runs it inside one transaction, at most
 * GROUP_JOBS jobs or GROUP_MS long: so many commits become one, and nobody's answer
 * waits for company.  Each job that writes has a savepoint: what is refused fails
 * alone.  An error of the file or of the commit is final: the group's answers and all
 * later ones are that error (delivery.md J8).
 *
 * Not here: what the jobs do (state_box.c, state_batch.c, ...), SQL (state_sql.c).
 */
#include "engine/state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/state_int.h"

/* ---- lists */

static struct job *
list_job(struct link *head)
{
	struct job *j = LIST_ITEM(head->next, struct job, link);

	list_remove(&j->link);
	return j;
}

static void
list_move_all(struct link *to, struct link *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

static void
list_drop_jobs(struct link *head)
{
	while (!list_empty(head)) {
		struct job *j = list_job(head);

		j->drop(j);
	}
}

/* ---- the thread */

static void
job_begin(struct db *db)
{
	if (!db->in_txn) {
		sql_run(db, sql_use(db, SQL_BEGIN, "BEGIN IMMEDIATE"));
		db->in_txn = !err_is(&db->err);
		db->fatal |= !db->in_txn;
	}
	sql_run(db, sql_use(db, SQL_SAVE, "SAVEPOINT job"));
}

static void
job_end(struct db *db, struct job *j, size_t unlinks)
{
	j->err = db->err;
	err_clear(&db->err);
	if (err_is(&j->err)) {
		while (db->unlinks.n > unlinks)
			free(VEC_POP(&db->unlinks));
		sql_run(db, sql_use(db, SQL_SAVE_BACK, "ROLLBACK TO job"));
	}
	sql_run(db, sql_use(db, SQL_SAVE_END, "RELEASE job"));
	db->fatal |= err_is(&db->err);
}

static void
job_run(struct db *db, struct job *j)
{
	size_t unlinks = db->unlinks.n;

	if (db->fatal)
		return;
	err_clear(&db->err);
	if (j->writes)
		job_begin(db);
	if (!err_is(&db->err))
		j->run(db, j);
	if (!db->fatal && j->writes)
		job_end(db, j, unlinks);
	else
		j->err = db->err;
	if (db->fatal)
		db->broken = db->err;
}

static void
group_commit(struct db *db, int64_t now)
{
	err_clear(&db->err);
	if (purge_due(db, now))
		purge_step(db, now);
	sql_run(db, sql_use(db, SQL_COMMIT, "COMMIT"));
	if (err_is(&db->err)) {
		db->fatal = true;
		db->broken = db->err;
		return;
	}
	db->commits++;
	for (size_t i = 0; i < db->unlinks.n; i++) {
		spool_remove(db, db->unlinks.at[i]);
		free(db->unlinks.at[i]);
	}
	db->unlinks.n = 0;
}

/* Moves jobs from taken to group and does them; after it they can be answered. */
static void
group_run(struct db *db, struct link *taken, struct link *group)
{
	int64_t until = clock_mono_ms() + GROUP_MS;
	size_t n = 0;
	struct job *j;

	do {
		j = list_job(taken);
		list_append(group, &j->link);
		job_run(db, j);
	} while (!list_empty(taken) && ++n < GROUP_JOBS && clock_mono_ms() < until);
	if (db->in_txn && !db->fatal)
		group_commit(db, j->now);
	if (db->fatal) {
		/* What stands in the file is the last good commit. */
		if (!sqlite3_get_autocommit(db->sq))
			sqlite3_exec(db->sq, "ROLLBACK", NULL, NULL, NULL);
		LIST_EACH(group, it) {
			LIST_ITEM(it, struct job, link)->err = db->broken;
			LIST_ITEM(it, struct job, link)->broken = true;
		}
	}
	db->in_txn = false;
}

static void state_answer(void *arg);

static void
group_deliver(struct state *s, struct link *group)
{
	bool post;

	pthread_mutex_lock(&s->lock);
	list_move_all(&s->done, group);
	post = !s->posted && !s->closing;
	s->posted |= post;
	pthread_mutex_unlock(&s->lock);
	if (post) {
		atomic_fetch_add(&s->ticket->refs, 1);
		loop_post(s->loop, state_answer, s->ticket);
	}
}

static void *
state_main(void *arg)
{
	struct state *s = arg;
	struct link taken, group;
	bool end = false;

	list_init(&taken);
	list_init(&group);
	while (!end) {
		pthread_mutex_lock(&s->lock);
		while (list_empty(&taken) && list_empty(&s->queue) && !s->closing)
			pthread_cond_wait(&s->asked, &s->lock);
		list_move_all(&taken, &s->queue);
		end = list_empty(&taken);
		pthread_mutex_unlock(&s->lock);
		if (!end) {
			group_run(s->db, &taken, &group);
			group_deliver(s, &group);
		}
	}
	return NULL;
}

/* ---- the loop */

static void
ticket_unref(struct ticket *t)
{
	if (atomic_fetch_sub(&t->refs, 1) == 1)
		free(t);
}

void
state_ask(struct state *s, struct job *j)
{
	CHECK(s, STATE_MAGIC);
	j->now = loop_wall(s->loop) / 1000;
	if (s->under_way++ == 0)
		loop_hold(s->loop);
	pthread_mutex_lock(&s->lock);
	list_append(&s->queue, &j->link);
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
}

/* An answer may close the state; the ticket knows. */
static void
job_answer(struct ticket *t, struct job *j)
{
	struct state *s = t->state;

	if (--s->under_way == 0)
		loop_release(s->loop);
	if (j->broken && !s->broken) {
		s->broken = true;
		if (s->on_broken != NULL)
			s->on_broken(s->on_broken_arg, &j->err);
	}
	if (t->state != NULL)
		j->answer(j, &j->err);
	j->drop(j);
}

static void
state_answer(void *arg)
{
	struct ticket *t = arg;
	struct state *s = t->state;

	if (s != NULL) {
		pthread_mutex_lock(&s->lock);
		s->posted = false;
		list_move_all(&s->answers, &s->done);
		pthread_mutex_unlock(&s->lock);
		while (t->state != NULL && !list_empty(&s->answers))
			job_answer(t, list_job(&s->answers));
	}
	ticket_unref(t);
}

bool
state_broken(const struct state *s)
{
	CHECK(s, STATE_MAGIC);
	return s->broken;
}

void
state_on_broken(struct state *s, void (*fn)(void *arg, const struct err *e), void *arg)
{
	CHECK(s, STATE_MAGIC);
	s->on_broken = fn;
	s->on_broken_arg = arg;
}

/* ---- life */

/* "state", "runs/ID": plain names, at most one folder. */
static bool
name_ok(const char *name)
{
	const char *slash = strchr(name, '/');

	return name[0] != '\0' && strlen(name) <= 120 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/") ==
	    strlen(name) && (slash == NULL ||
	    (slash != name && slash[1] != '\0' && strchr(slash + 1, '/') == NULL));
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static int
start_thread(struct state *s, struct err *e)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&s->thread, NULL, state_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 ? 0 : err_sys(e, rc, "cannot start the state's thread");
}

static void
state_free(struct state *s)
{
	db_close(&s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->ticket != NULL) {
		s->ticket->state = NULL;
		ticket_unref(s->ticket);
	}
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->asked);
	s->magic = 0;
	free(s);
}

struct state *
state_open(struct loop *l, struct log *log, const char *dir, const char *name, long *pid_r,
	struct err *e)
{
	struct state *s = xcalloc(1, sizeof(*s));
	char *lock = xasprintf("%s/%s.lock", dir, name);

	s->magic = STATE_MAGIC;
	s->loop = l;
	s->log = log;
	s->lock_fd = -1;
	list_init(&s->queue);
	list_init(&s->done);
	list_init(&s->answers);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->asked, NULL);
	s->ticket = xcalloc(1, sizeof(*s->ticket));
	s->ticket->state = s;
	atomic_init(&s->ticket->refs, 1);
	if (!name_ok(name))
		err_set(e, ERR_USAGE, SCOPE_PROGRAM, "\"%s\" is no name for a state", name);
	else if (state_dir_check(dir, name, e) == 0 &&
	    (s->lock_fd = state_dir_lock(dir, lock, pid_r, e)) >= 0 &&
	    (s->db = db_open(log, dir, name, loop_wall(l) / 1000, e)) != NULL &&
	    start_thread(s, e) == 0) {
		free(lock);
		return s;
	}
	free(lock);
	state_free(s);
	return NULL;
}

void
state_close(struct state **sp)
{
	struct state *s = *sp;

	if (s == NULL)
		return;
	CHECK(s, STATE_MAGIC);
	*sp = NULL;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->asked);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	list_drop_jobs(&s->done);
	list_drop_jobs(&s->answers);
	if (s->under_way > 0)
		loop_release(s->loop);
	state_free(s);
}
