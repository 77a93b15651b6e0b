/* The life of the state: who may open it, what a commit holds, what a crash leaves. */
#include "state_kit.h"

#include <signal.h>

TEST(makes_its_folder)
{
	struct kit k = { 0 };
	struct stat st;
	char path[300];

	kit_open(&k);
	EXPECT_STR(k.err.text, "");
	EXPECT(k.state != NULL);
	EXPECT(stat(k.dir, &st) == 0);
	EXPECT_EQ(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/state.db", k.dir);
	EXPECT(stat(path, &st) == 0);
	EXPECT_EQ(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s/state.db-wal", k.dir);
	EXPECT(stat(path, &st) == 0);
	EXPECT_EQ(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s/state.lock", k.dir);
	EXPECT(stat(path, &st) == 0);
	EXPECT_EQ(st.st_mode & 07777, 0600);
	EXPECT_EQ(kit_ask(&k, "PRAGMA synchronous"), 2);
	EXPECT_EQ(kit_ask(&k, "PRAGMA foreign_keys"), 1);
	kit_close(&k);
	snprintf(path, sizeof(path), "%s/state.db-wal", k.dir);
	EXPECT(stat(path, &st) != 0);
}

TEST(a_run_has_its_own_file)
{
	struct kit k = { 0 };
	struct state *run;
	struct err e = ERR_NONE;
	struct stat st;
	char path[300];
	long pid = 0;

	kit_open(&k);
	run = state_open(k.loop, NULL, k.dir, "runs/7f", &pid, &e);
	EXPECT_STR(e.text, "");
	EXPECT(run != NULL);
	snprintf(path, sizeof(path), "%s/runs/7f.db", k.dir);
	EXPECT(stat(path, &st) == 0);
	state_close(&run);
	EXPECT(state_open(k.loop, NULL, k.dir, "runs/../../x", &pid, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	kit_close(&k);
}

TEST(open_to_others_is_refused)
{
	struct kit k = { 0 };
	char path[300];

	kit_open(&k);
	state_close(&k.state);
	EXPECT(chmod(k.dir, 0750) == 0);
	kit_open(&k);
	EXPECT(k.state == NULL);
	EXPECT_EQ(k.err.kind, ERR_USAGE);
	EXPECT(strstr(k.err.text, "chmod 700 /") != NULL);
	EXPECT(chmod(k.dir, 0700) == 0);
	snprintf(path, sizeof(path), "%s/state.db", k.dir);
	EXPECT(chmod(path, 0644) == 0);
	kit_open(&k);
	EXPECT(k.state == NULL);
	EXPECT_EQ(k.err.kind, ERR_USAGE);
	EXPECT(strstr(k.err.text, "chmod 600 /") != NULL);
	kit_close(&k);
}

TEST(symlinks_are_refused)
{
	struct kit k = { 0 };
	struct err e = ERR_NONE;
	char link[260], db[300], other[300];
	long pid;

	kit_open(&k);
	state_close(&k.state);
	snprintf(link, sizeof(link), "%s-link", k.dir);
	EXPECT(symlink(k.dir, link) == 0);
	EXPECT(state_open(k.loop, NULL, link, "state", &pid, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	strcat(link, "/");
	e = ERR_NONE;
	EXPECT(state_open(k.loop, NULL, link, "state", &pid, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	snprintf(db, sizeof(db), "%s/state.db", k.dir);
	snprintf(other, sizeof(other), "%s/other", k.dir);
	EXPECT(rename(db, other) == 0 && symlink(other, db) == 0);
	kit_open(&k);
	EXPECT(k.state == NULL);
	EXPECT(strstr(k.err.text, "symbolic link") != NULL);
	kit_close(&k);
}

/*
 * What fn does in a process of its own, which is killed as soon as it has returned 0: that
 * is 0 here as well, else what it returned.
 */
static int
in_child(int (*fn)(const char *dir), const char *dir)
{
	pid_t pid = fork();
	int status, rc;

	if (pid == 0) {
		if ((rc = fn(dir)) == 0)
			kill(getpid(), SIGKILL);
		_exit(rc);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? 0 : -2;
	return WEXITSTATUS(status);
}

static int
child_sees_lock(const char *dir)
{
	struct err e = ERR_NONE;
	struct loop *l = loop_new(&e);
	long pid = 0;

	if (state_open(l, NULL, dir, "state", &pid, &e) != NULL)
		return 1;
	return e.kind == ERR_HELD && pid == getppid() &&
	    strstr(e.text, "is in use by process") != NULL ? 0 : 2;
}

TEST(one_process_at_a_time)
{
	struct kit k = { 0 };
	struct err e = ERR_NONE;
	long pid = 0;

	kit_open(&k);
	EXPECT_EQ(in_child(child_sees_lock, k.dir), 0);
	EXPECT(state_open(k.loop, NULL, k.dir, "state", &pid, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_HELD);
	EXPECT_EQ(pid, getpid());
	state_close(&k.state);
	kit_open(&k);
	EXPECT(k.state != NULL);
	kit_close(&k);
}

/* Runs SQL on a closed state's file. */
static int
on_file(const char *dir, const char *sql)
{
	char path[300];
	sqlite3 *sq;
	int rc;

	snprintf(path, sizeof(path), "%s/state.db", dir);
	rc = sqlite3_open(path, &sq) == SQLITE_OK ? sqlite3_exec(sq, sql, NULL, NULL, NULL) : -1;
	sqlite3_close(sq);
	return rc;
}

TEST(newer_schema_is_refused)
{
	struct kit k = { 0 };

	kit_open(&k);
	state_close(&k.state);
	EXPECT_EQ(on_file(k.dir, "PRAGMA user_version = 99"), 0);
	kit_open(&k);
	EXPECT(k.state == NULL);
	EXPECT_EQ(k.err.kind, ERR_SYSTEM);
	EXPECT(strstr(k.err.text, "newer mailmill (schema 99") != NULL);
	kit_close(&k);
}

TEST(older_schema_is_brought_up_to_date)
{
	struct kit k = { 0 };
	char path[300];

	kit_open(&k);
	state_close(&k.state);
	snprintf(path, sizeof(path), "%s/state.db", k.dir);
	EXPECT(unlink(path) == 0);
	EXPECT_EQ(on_file(k.dir, db_schema_step(1)), 0);
	EXPECT_EQ(on_file(k.dir, "PRAGMA user_version = 1;"
	    "INSERT INTO mailbox (account, name, uidvalidity, cursor, made_at)"
	    " VALUES ('home', 'INBOX', 7, 42, 0)"), 0);
	EXPECT(chmod(path, 0600) == 0);
	kit_open(&k);
	EXPECT_STR(k.err.text, "");
	kit_box(&k, "home", "INBOX", 7);
	EXPECT_EQ(k.box.cursor, 42);
	EXPECT(!k.box.first);
	state_timer_set(k.state, "t", 5, kit_done, &k);
	kit_wait(&k);
	EXPECT_STR(k.err.text, "");
	EXPECT(db_schema_step(4) == NULL);
	EXPECT_EQ(kit_ask(&k, "PRAGMA user_version"), 3);
	kit_close(&k);
}

TEST(damaged_file_is_refused)
{
	struct kit k = { 0 };
	char path[300];
	FILE *f;

	kit_open(&k);
	state_close(&k.state);
	snprintf(path, sizeof(path), "%s/state.db", k.dir);
	EXPECT((f = fopen(path, "r+")) != NULL);
	fputs("this is no database, whatever its name is", f);
	fclose(f);
	kit_open(&k);
	EXPECT(k.state == NULL);
	EXPECT_EQ(k.err.kind, ERR_SYSTEM);
	EXPECT(strstr(k.err.text, "state.db") != NULL);
	kit_close(&k);
}

TEST(timers)
{
	struct kit k = { 0 };

	kit_open(&k);
	state_timer_get(k.state, "digest", kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 0);
	state_timer_set(k.state, "digest", 1, kit_done, &k);
	state_timer_set(k.state, "digest", 1234, kit_done, &k);
	kit_reopen(&k);
	state_timer_get(k.state, "digest", kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 1234);
	kit_close(&k);
}

struct order { int next, bad; };
static struct order_cell { struct order *o; int n; } cells[1000];

static void
in_order(void *arg, const struct err *e)
{
	struct order_cell *c = arg;

	c->o->bad += err_is(e) || c->n != c->o->next;
	c->o->next++;
}

TEST(many_commits_are_few_transactions)
{
	struct kit k = { 0 };
	struct order o = { 0 };
	unsigned long before;
	int64_t box;

	kit_open(&k);
	box = kit_box(&k, "home", "INBOX", 1);
	before = k.state->db->commits;
	for (int i = 0; i < 1000; i++) {
		struct state_batch *b = state_batch_new();

		cells[i] = (struct order_cell){ &o, i };
		state_batch_cursor(b, box, (uint32_t)i + 1);
		state_commit(k.state, &b, in_order, &cells[i]);
	}
	kit_wait(&k);
	EXPECT_EQ(o.next, 1000);
	EXPECT_EQ(o.bad, 0);
	EXPECT(k.state->db->commits - before < 100);
	kit_box(&k, "home", "INBOX", 1);
	EXPECT_EQ(k.box.cursor, 1000);
	kit_close(&k);
}

/* A job of our own that writes and then fails. */
struct failing { struct job job; bool constraint; struct err err; };

static void
failing_run(struct db *db, struct job *j)
{
	struct failing *f = CONTAINER_OF(j, struct failing, job);

	sql_exec(db, "INSERT INTO timer VALUES ('half', 1)");
	if (f->constraint)
		sql_exec(db, "INSERT INTO timer VALUES ('half', 2)");
	else
		err_set(&db->err, ERR_REFUSED, SCOPE_MESSAGE, "no");
}

static void
failing_answer(struct job *j, const struct err *e)
{
	CONTAINER_OF(j, struct failing, job)->err = *e;
}

static void
failing_drop(struct job *j UNUSED)
{
}

TEST(a_job_that_fails_is_undone_alone)
{
	struct kit k = { 0 };
	struct job job = { .writes = true, .run = failing_run, .answer = failing_answer,
		.drop = failing_drop };
	struct failing typed = { .job = job }, constraint = { .job = job, .constraint = true };

	kit_open(&k);
	state_timer_set(k.state, "before", 1, kit_done, &k);
	state_ask(k.state, &typed.job);
	state_ask(k.state, &constraint.job);
	state_timer_set(k.state, "behind", 1, kit_done, &k);
	kit_wait(&k);
	EXPECT_STR(k.err.text, "");
	EXPECT_EQ(typed.err.kind, ERR_REFUSED);
	EXPECT_EQ(constraint.err.kind, ERR_SYSTEM);
	EXPECT(!state_broken(k.state));
	kit_reopen(&k);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM timer"), 2);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM timer WHERE name = 'half'"), 0);
	kit_close(&k);
}

static int
child_dies(const char *dir)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct err e = ERR_NONE;
	int64_t box;

	snprintf(k.dir, sizeof(k.dir), "%s", dir);
	k.loop = loop_new(&e);
	kit_open(&k);
	box = kit_box(&k, "home", "INBOX", 9);
	state_batch_cursor(b, box, 17);
	kit_commit(&k, b);
	kit_plan(&k, box, 18, kit_action(VERB_MOVE, "Lists/dev", "t18"));
	return err_is(&k.err) ? 1 : 0;
}

TEST(nothing_is_lost_by_a_crash)
{
	struct kit k = { 0 };
	int64_t box;

	kit_open(&k);
	EXPECT(!k.state->db->checked);
	state_close(&k.state);
	EXPECT_EQ(in_child(child_dies, k.dir), 0);
	kit_open(&k);
	EXPECT_STR(k.err.text, "");
	EXPECT(k.state->db->checked);
	box = kit_box(&k, "home", "INBOX", 9);
	EXPECT_EQ(k.box.cursor, 17);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 1);
	EXPECT_EQ(k.list.at[0].uid, 18);
	EXPECT_EQ(k.list.at[0].actions.n, 1);
	EXPECT_EQ(k.list.at[0].actions.at[0].verb, VERB_MOVE);
	EXPECT_STR(k.list.at[0].actions.at[0].mailbox, "Lists/dev");
	EXPECT_STR(k.list.at[0].actions.at[0].token, "t18");
	EXPECT(!k.list.at[0].actions.at[0].done);
	kit_reopen(&k);
	EXPECT(!k.state->db->checked);
	kit_close(&k);
}

/* Disk full: the file may not grow any more. */
TEST(a_failed_commit_is_final)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct str big = STR_INIT;
	int64_t box;

	kit_open(&k);
	state_on_broken(k.state, kit_on_broken, &k);
	box = kit_box(&k, "home", "INBOX", 1);
	state_batch_cursor(b, box, 5);
	kit_commit(&k, b);
	EXPECT(!err_is(&k.err));
	kit_ask(&k, "PRAGMA max_page_count = 1");	/* what is there at least */
	for (int i = 0; i < 100000; i++)
		str_addc(&big, 'x');
	b = state_batch_new();
	state_batch_cursor(b, box, 6);
	state_batch_park(b, box, 6, NULL, 1, str_z(&big));
	kit_commit(&k, b);
	str_free(&big);
	EXPECT_EQ(k.err.kind, ERR_SYSTEM);
	EXPECT(strstr(k.err.text, "full") != NULL);
	EXPECT(state_broken(k.state));
	EXPECT_EQ(k.broken_n, 1);
	EXPECT(strstr(k.broken.text, "full") != NULL);
	/* Also what would fit is refused from now on. */
	state_timer_set(k.state, "t", 1, kit_done, &k);
	kit_wait(&k);
	EXPECT(err_is(&k.err));
	kit_box(&k, "home", "INBOX", 1);
	EXPECT(err_is(&k.err));
	EXPECT_EQ(k.broken_n, 1);
	kit_reopen(&k);
	kit_box(&k, "home", "INBOX", 1);
	EXPECT(!err_is(&k.err));
	EXPECT_EQ(k.box.cursor, 5);
	kit_close(&k);
}

static void
close_it(void *arg, const struct err *e UNUSED)
{
	struct kit *k = arg;

	state_close(&k->state);
}

static void
count_it(void *arg, const struct err *e UNUSED)
{
	((struct kit *)arg)->waiting++;
}

TEST(closing_finishes_and_drops_answers)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box;

	kit_open(&k);
	box = kit_box(&k, "home", "INBOX", 1);
	state_batch_cursor(b, box, 3);
	state_commit(k.state, &b, count_it, &k);
	state_close(&k.state);
	loop_run(k.loop);
	EXPECT_EQ(k.waiting, 0);
	kit_open(&k);
	/* From inside an answer: those behind it do not come. */
	b = state_batch_new();
	state_commit(k.state, &b, close_it, &k);
	for (int i = 0; i < 5; i++)
		state_timer_set(k.state, "t", 77, count_it, &k);
	loop_run(k.loop);
	EXPECT(k.state == NULL);
	EXPECT_EQ(k.waiting, 0);
	kit_open(&k);
	kit_box(&k, "home", "INBOX", 1);
	EXPECT_EQ(k.box.cursor, 3);
	state_timer_get(k.state, "t", kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 77);
	kit_close(&k);
}

TEST(old_history_goes)
{
	struct kit k = { 0 };
	struct state_batch *b;
	struct action a = { .verb = VERB_FLAG };
	int64_t box;

	kit_open(&k);
	box = kit_box(&k, "home", "INBOX", 1);
	for (uint32_t uid = 1; uid <= 3; uid++) {
		a.row = kit_plan(&k, box, uid, kit_action(VERB_FLAG, NULL, "t"));
		b = state_batch_new();
		if (uid != 2)
			state_batch_result(b, &a, "done", 0, 0);
		kit_commit(&k, b);
	}
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM action"), 3);
	kit_ask(&k, "UPDATE action SET made_at = made_at - 91 * 86400 WHERE uid < 3");
	kit_reopen(&k);
	/* One is young, one has not ended. */
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM action"), 2);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM action WHERE uid = 1"), 0);
	kit_close(&k);
}
