/* Mailboxes, plans, retries and later tests: what is pending after what was written. */
#include "state_kit.h"

static int64_t
open_box(struct kit *k)
{
	kit_open(k);
	return kit_box(k, "home", "INBOX", 100);
}

TEST(a_box_is_first_until_its_cursor_is_set)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box = open_box(&k);

	EXPECT(k.box.first);
	EXPECT_EQ(k.box.uidvalidity, 100);
	EXPECT(state_batch_empty(b));
	state_batch_cursor(b, box, 0);
	state_batch_existing(b, box, 30);
	EXPECT(!state_batch_empty(b));
	kit_commit(&k, b);
	kit_reopen(&k);
	EXPECT_EQ(kit_box(&k, "home", "INBOX", 100), box);
	EXPECT(!k.box.first);
	EXPECT_EQ(k.box.cursor, 0);
	EXPECT_EQ(k.box.existing_upto, 30);
	EXPECT(kit_box(&k, "home", "Lists", 100) != box);
	EXPECT(kit_box(&k, "work", "INBOX", 100) != box);
	kit_close(&k);
}

TEST(the_cursor_does_not_go_back)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box = open_box(&k);

	state_batch_cursor(b, box, 10);
	state_batch_cursor(b, box, 4);
	kit_commit(&k, b);
	kit_box(&k, "home", "INBOX", 100);
	EXPECT_EQ(k.box.cursor, 10);
	kit_close(&k);
}

TEST(renewed_uids_set_the_old_box_aside)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box = open_box(&k), renewed;

	state_batch_cursor(b, box, 50);
	state_batch_park(b, box, 7, NULL, 3, "why");
	kit_commit(&k, b);
	state_count_parked(k.state, kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 1);
	renewed = kit_box(&k, "home", "INBOX", 101);
	EXPECT(renewed != box);
	EXPECT(k.box.first);
	EXPECT_EQ(k.box.cursor, 0);
	EXPECT_STR(kit_judged(&k, renewed, 0), "");
	state_count_parked(k.state, kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 0);
	EXPECT_EQ(kit_box(&k, "home", "INBOX", 101), renewed);
	kit_close(&k);
}

TEST(a_plan_is_found_again)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct actions l = { 0 };
	int64_t box = open_box(&k);

	VEC_PUSH(&l, kit_action(VERB_FLAG, NULL, "t1"));
	VEC_PUSH(&l, kit_action(VERB_MOVE, "Lists/dev", "t2"));
	state_batch_plan(b, box, 4, NULL, "rev", &l);
	EXPECT_EQ(l.at[0].row, 0);
	kit_commit(&k, b);
	EXPECT_STR(k.err.text, "");
	EXPECT(l.at[0].row != 0 && l.at[1].row == l.at[0].row + 1);
	b = state_batch_new();
	state_batch_result(b, &l.at[0], "done", 0, 0);
	kit_commit(&k, b);
	kit_reopen(&k);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 1);
	EXPECT_EQ(k.list.at[0].kind, STATE_PLANNED);
	EXPECT(k.list.at[0].rule == NULL);
	EXPECT_EQ(k.list.at[0].actions.n, 2);
	EXPECT(k.list.at[0].actions.at[0].done);
	EXPECT(flags_has(&k.list.at[0].actions.at[0].flags, FLAG_SEEN, VIEW_NONE));
	EXPECT(!k.list.at[0].actions.at[1].done);
	EXPECT_EQ(k.list.at[0].actions.at[1].row, l.at[1].row);
	EXPECT_STR(k.list.at[0].actions.at[1].account, "home");
	EXPECT_STR(k.list.at[0].actions.at[1].mailbox, "Lists/dev");
	EXPECT_STR(k.list.at[0].actions.at[1].rule, "r");
	b = state_batch_new();
	state_batch_result(b, &l.at[1], "done", 77, 0);
	state_batch_done(b, box, 4);
	kit_commit(&k, b);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 0);
	EXPECT_EQ(kit_ask(&k, "SELECT new_uid FROM action WHERE result = 'done' AND verb = 'move'"), 77);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM action WHERE revision = 'rev' AND uid = 4"), 2);
	actions_free(&l);
	kit_close(&k);
}

TEST(above_the_cursor_nothing_is_judged_twice)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box = open_box(&k);

	state_batch_cursor(b, box, 10);
	state_batch_plan(b, box, 9, NULL, "", NULL);	/* below: nothing to note */
	state_batch_plan(b, box, 12, NULL, "", NULL);
	state_batch_retry(b, box, 13, NULL, 1, 500, "why");
	state_batch_park(b, box, 15, NULL, 3, "why");
	state_batch_due(b, box, 16, "later", 500);	/* judged is what else is said of it */
	kit_commit(&k, b);
	kit_plan(&k, box, 14, kit_action(VERB_FLAG, NULL, "t"));
	EXPECT_STR(kit_judged(&k, box, 0), "12 13 14 15");
	EXPECT_STR(kit_judged(&k, box, 13), "14 15");
	b = state_batch_new();
	state_batch_done(b, box, 14);
	kit_commit(&k, b);
	EXPECT_STR(kit_judged(&k, box, 10), "12 13 14 15");
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 0);
	b = state_batch_new();
	state_batch_cursor(b, box, 16);
	kit_commit(&k, b);
	/* What was handled has gone with the cursor, the rest stays. */
	EXPECT_STR(kit_judged(&k, box, 0), "13 15");
	kit_plan(&k, box, 16, kit_action(VERB_FLAG, NULL, "t"));
	b = state_batch_new();
	state_batch_done(b, box, 16);
	kit_commit(&k, b);
	EXPECT_STR(kit_judged(&k, box, 0), "13 15");
	kit_close(&k);
}

TEST(retries_have_their_time)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box = open_box(&k);

	state_next_due(k.state, box, kit_on_time, &k);
	kit_wait(&k);
	EXPECT(k.value == INT64_MAX);
	state_batch_retry(b, box, 3, NULL, 2, 1000, "timed out");
	state_batch_due(b, box, 2, "tidy", 900);
	state_batch_due(b, box, 2, "tidy too", 1100);
	kit_commit(&k, b);
	state_next_due(k.state, box, kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 900);
	kit_pending(&k, box, 1000);
	EXPECT_EQ(k.list.n, 2);
	EXPECT_EQ(k.list.at[0].uid, 2);
	EXPECT_EQ(k.list.at[0].kind, STATE_DUE);
	EXPECT_STR(k.list.at[0].rule, "tidy");
	EXPECT_EQ(k.list.at[1].kind, STATE_RETRY);
	EXPECT_EQ(k.list.at[1].attempts, 2);
	EXPECT_EQ(k.list.at[1].at, 1000);
	EXPECT(k.list.at[1].rule == NULL);
	EXPECT_STR(k.list.at[1].reason, "timed out");
	kit_pending(&k, box, 899);
	EXPECT_EQ(k.list.n, 0);
	b = state_batch_new();
	state_batch_undue(b, box, 2, "tidy");
	state_batch_done(b, box, 3);
	kit_commit(&k, b);
	state_next_due(k.state, box, kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 1100);
	kit_close(&k);
}

/* due -> retry -> planned -> done, beside another later test of the same message. */
TEST(a_later_test_has_its_own_row)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct actions l = { 0 };
	int64_t box = open_box(&k);

	state_batch_cursor(b, box, 5);
	state_batch_due(b, box, 5, "x", 10);
	state_batch_due(b, box, 5, "y", 20);
	state_batch_retry(b, box, 5, "x", 1, 15, "net");
	kit_commit(&k, b);
	kit_pending(&k, box, 100);
	EXPECT_EQ(k.list.n, 2);
	EXPECT_EQ(k.list.at[0].kind, STATE_RETRY);
	EXPECT_STR(k.list.at[0].rule, "x");
	EXPECT_EQ(k.list.at[1].kind, STATE_DUE);
	VEC_PUSH(&l, kit_action(VERB_FLAG, NULL, "t"));
	b = state_batch_new();
	state_batch_plan(b, box, 5, "x", "rev", &l);
	state_batch_due(b, box, 5, "x", 30);		/* does not undo the plan */
	kit_commit(&k, b);
	kit_pending(&k, box, 100);
	EXPECT_EQ(k.list.n, 2);
	EXPECT_EQ(k.list.at[0].kind, STATE_PLANNED);
	EXPECT_STR(k.list.at[0].rule, "x");
	EXPECT_EQ(k.list.at[0].actions.n, 1);
	b = state_batch_new();
	state_batch_done(b, box, 5);
	kit_commit(&k, b);
	kit_pending(&k, box, 100);
	EXPECT_EQ(k.list.n, 1);
	EXPECT_STR(k.list.at[0].rule, "y");
	actions_free(&l);
	kit_close(&k);
}

TEST(a_plan_that_failed_is_parked)
{
	struct kit k = { 0 };
	struct state_batch *b;
	struct action a = { .verb = VERB_MOVE };
	int64_t box = open_box(&k);

	a.row = kit_plan(&k, box, 5, kit_action(VERB_MOVE, "Gone", "t"));
	b = state_batch_new();
	state_batch_result(b, &a, "failed", 0, 0);
	state_batch_park(b, box, 5, NULL, 1, "no such mailbox");
	kit_commit(&k, b);
	kit_pending(&k, box, 100);
	EXPECT_EQ(k.list.n, 0);
	EXPECT_STR(kit_judged(&k, box, 0), "5");
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM message WHERE kind = 2 AND actions = 1"
	    " AND reason = 'no such mailbox'"), 1);
	/* A message of which nothing is noted any more can be done without harm. */
	b = state_batch_new();
	state_batch_done(b, box, 99);
	kit_commit(&k, b);
	EXPECT(!err_is(&k.err));
	kit_close(&k);
}

/* The end of a later test's plan says nothing of the chain. */
TEST(an_end_is_that_of_the_plan)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct actions l = { 0 };
	int64_t box = open_box(&k);

	VEC_PUSH(&l, kit_action(VERB_FLAG, NULL, "t"));
	state_batch_retry(b, box, 5, NULL, 1, 10, "net");
	state_batch_plan(b, box, 5, "x", "rev", &l);
	state_batch_done(b, box, 5);
	kit_commit(&k, b);
	kit_pending(&k, box, 100);
	EXPECT_EQ(k.list.n, 1);
	EXPECT_EQ(k.list.at[0].kind, STATE_RETRY);
	actions_free(&l);
	kit_close(&k);
}

/* ---- the spool */

TEST(names_of_the_spool)
{
	char name[122];

	memset(name, 'a', sizeof(name));
	name[121] = '\0';
	EXPECT(!spool_name_ok(name));
	EXPECT(spool_name_ok(name + 1));
	EXPECT(spool_name_ok("5.Xab_-.mailmill"));
	EXPECT(!spool_name_ok(""));
	EXPECT(!spool_name_ok(NULL));
	EXPECT(!spool_name_ok(".a"));
	EXPECT(!spool_name_ok("a/b"));
	EXPECT(!spool_name_ok("a b"));
}

static const char *
spool_path(struct kit *k, const char *token)
{
	snprintf(k->keys, sizeof(k->keys), "%.150s/spool/%s", k->dir, token);
	return k->keys;
}

static struct action
replace_by(const char *bytes, const char *token)
{
	struct action a = kit_action(VERB_REPLACE, NULL, token);

	a.bytes = blob_copy(view_of(bytes));
	return a;
}

TEST(bytes_are_spooled_and_come_back)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct stat st;
	int64_t box = open_box(&k);

	kit_plan(&k, box, 5, replace_by("Subject: new\n\nbody\n", "5.Xab.mailmill"));
	EXPECT_STR(k.err.text, "");
	EXPECT(stat(spool_path(&k, "5.Xab.mailmill"), &st) == 0);
	EXPECT_EQ(st.st_mode & 07777, 0600);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM action WHERE account_to = 'home'"
	    " AND box_to = 'INBOX'"), 1);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM action WHERE args LIKE '%body%'"), 0);
	kit_reopen(&k);
	EXPECT(stat(spool_path(&k, "5.Xab.mailmill"), &st) == 0);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 1);
	EXPECT_EQ(k.list.at[0].kind, STATE_PLANNED);
	EXPECT_VIEW(blob_view(k.list.at[0].actions.at[0].bytes), "Subject: new\n\nbody\n");
	state_batch_done(b, box, 5);
	kit_commit(&k, b);
	EXPECT(stat(spool_path(&k, "5.Xab.mailmill"), &st) != 0);
	kit_close(&k);
}

TEST(what_nobody_needs_is_swept)
{
	struct kit k = { 0 };
	struct stat st;
	FILE *f;
	int64_t box = open_box(&k);

	kit_plan(&k, box, 5, replace_by("x", "needed"));
	EXPECT((f = fopen(spool_path(&k, "left-over"), "w")) != NULL);
	fclose(f);
	EXPECT((f = fopen(spool_path(&k, ".needed"), "w")) != NULL);
	fclose(f);
	kit_reopen(&k);
	EXPECT(stat(spool_path(&k, "left-over"), &st) != 0);
	EXPECT(stat(spool_path(&k, ".needed"), &st) != 0);
	EXPECT(stat(spool_path(&k, "needed"), &st) == 0);
	kit_close(&k);
}

TEST(a_plan_that_cannot_be_read_is_parked)
{
	struct kit k = { 0 };
	int64_t box = open_box(&k);

	kit_plan(&k, box, 4, replace_by("x", "lost"));
	kit_plan(&k, box, 5, kit_action(VERB_MOVE, "A", "t5"));
	kit_plan(&k, box, 6, kit_action(VERB_MOVE, "A", "t6"));
	EXPECT(unlink(spool_path(&k, "lost")) == 0);
	kit_ask(&k, "UPDATE action SET args = '{' WHERE uid = 5");
	kit_pending(&k, box, 0);
	EXPECT(!err_is(&k.err));
	EXPECT_EQ(k.list.n, 3);
	EXPECT_EQ(k.list.at[0].kind, STATE_PARKED);
	EXPECT(strstr(k.list.at[0].reason, "spool/lost") != NULL);
	EXPECT_EQ(k.list.at[1].kind, STATE_PARKED);
	EXPECT_EQ(k.list.at[2].kind, STATE_PLANNED);
	EXPECT_STR(k.list.at[2].actions.at[0].token, "t6");
	kit_reopen(&k);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 1);
	state_count_parked(k.state, kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 2);
	kit_close(&k);
}

/* A plan without its bytes would be a promise that cannot be kept. */
TEST(a_spool_that_cannot_be_written_is_final)
{
	struct kit k = { 0 };
	int64_t box = open_box(&k);

	state_on_broken(k.state, kit_on_broken, &k);
	EXPECT_EQ(kit_plan(&k, box, 4, replace_by("x", "../evil")), 0);
	EXPECT_EQ(k.err.kind, ERR_SYSTEM);
	EXPECT(state_broken(k.state));
	EXPECT_EQ(k.broken_n, 1);
	kit_reopen(&k);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 0);
	kit_close(&k);
}

/* No statement may walk a table that grows with the mail, but for those of rare occasions. */
TEST(no_statement_walks_a_table)
{
	static const enum sql rare[] = { SQL_PURGE_ACTIONS, SQL_UID_TARGET };
	struct kit k = { 0 };
	struct uid_entry entry = { .key = "k" };
	struct uid_book book;
	struct state_batch *b = state_batch_new();
	struct action a = { .verb = VERB_FLAG };
	uint32_t one = 1;
	int64_t box = open_box(&k);
	size_t seen = 0;

	book = state_book(k.state);
	book.assign(k.state, "home", "Maildir", &entry, 1, kit_on_book, &k);
	a.row = kit_plan(&k, box, 5, replace_by("x", "t5"));
	kit_plan(&k, box, 6, kit_action(VERB_MOVE, "A", "t6"));
	state_batch_result(b, &a, "done", 0, 0);
	state_batch_done(b, box, 5);
	state_batch_retry(b, box, 7, NULL, 1, 5, "");
	state_batch_park(b, box, 8, NULL, 1, "");
	state_batch_due(b, box, 9, "x", 5);
	state_batch_undue(b, box, 9, "x");
	state_batch_plan(b, box, 10, NULL, "", NULL);
	state_batch_cursor(b, box, 11);
	state_batch_existing(b, box, 11);
	kit_commit(&k, b);
	kit_pending(&k, box, 100);
	kit_judged(&k, box, 0);
	state_next_due(k.state, box, kit_on_time, &k);
	state_count_parked(k.state, kit_on_time, &k);
	book.forget(k.state, "home", "Maildir", &one, 1);
	book.assign(k.state, "home", "Maildir", &entry, 1, kit_on_book, &k);
	book.renamed(k.state, "home", "Maildir", "M");
	book.renamed(k.state, "home", "M", NULL);
	kit_wait(&k);
	EXPECT(!err_is(&k.err));
	for (size_t i = 0; i < SQL_COUNT; i++) {
		const char *text = sqlite3_sql(k.state->db->stmt[i]);
		sqlite3_stmt *st = NULL;
		struct str sql = STR_INIT;
		bool walks = false, ok = i == rare[0] || i == rare[1];

		if (text == NULL)
			continue;
		str_addf(&sql, "EXPLAIN QUERY PLAN %s", text);
		if (sqlite3_prepare_v2(k.state->db->sq, str_z(&sql), -1, &st, NULL) == SQLITE_OK)
			while (sqlite3_step(st) == SQLITE_ROW) {
				const char *step = (const char *)sqlite3_column_text(st, 3);

				walks |= strncmp(step, "SCAN ", 5) == 0 &&
				    strstr(step, "message_parked") == NULL &&
				    strstr(step, "CONSTANT") == NULL;
				seen++;
			}
		sqlite3_finalize(st);
		str_free(&sql);
		if (walks && !ok)
			UNIT_FAIL("walks a table: %s", text);
	}
	EXPECT(seen > 20);
	kit_close(&k);
}

TEST(renewed_uids_make_nothing_new_of_what_is_there)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box = open_box(&k);

	state_batch_cursor(b, box, 50);
	state_batch_park(b, box, 7, NULL, 3, "why");
	kit_commit(&k, b);
	state_box(k.state, "home", "INBOX", 101, 21, kit_on_box, &k);
	kit_wait(&k);
	EXPECT(k.box.renewed);
	EXPECT(!k.box.first);
	EXPECT_EQ(k.box.cursor, 20);
	EXPECT_EQ(k.box.before, 100);
	EXPECT_EQ(k.box.left, 1);
	/* ... also when the process ends right after. */
	kit_reopen(&k);
	state_box(k.state, "home", "INBOX", 101, 30, kit_on_box, &k);
	kit_wait(&k);
	EXPECT(!k.box.renewed);
	EXPECT(!k.box.first);
	EXPECT_EQ(k.box.cursor, 20);
	kit_close(&k);
}

TEST(rows_say_what_a_message_is_known_by)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box = open_box(&k);

	state_batch_park(b, box, 7, NULL, 3, "why");
	state_batch_known(b, box, 7, 4711, "abcd", 0);
	state_batch_due(b, box, 8, "later", 100);
	state_batch_known(b, box, 8, 5, NULL, 1234);
	kit_commit(&k, b);
	EXPECT_EQ(kit_ask(&k, "SELECT size FROM message WHERE uid = 7 AND digest = 'abcd'"), 4711);
	kit_pending(&k, box, 1000);
	EXPECT_EQ(k.list.n, 1);
	EXPECT_EQ(k.list.at[0].here, 1234);
	kit_close(&k);
}

struct moved_answer { struct state_moved at[8]; size_t n; };

static void
on_moved(void *arg, const struct state_moved *list, size_t n, const struct err *e UNUSED)
{
	struct moved_answer *a = arg;

	a->n = n;
	for (size_t i = 0; i < MIN(n, ARRAY_LEN(a->at)); i++)
		a->at[i] = list[i];
}

/* A move from INBOX to Lists as UID 70 of UIDVALIDITY 5, from there on to Old as UID 9. */
TEST(what_own_moves_made_is_known_by_its_new_uid)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct actions first = { 0 }, second = { 0 };
	struct moved_answer a = { 0 };
	int64_t inbox = open_box(&k), lists, old;

	VEC_PUSH(&first, kit_action(VERB_MOVE, "Lists", "t1"));
	VEC_PUSH(&second, kit_action(VERB_MOVE, "Old", "t2"));
	lists = kit_box(&k, "home", "Lists", 5);
	old = kit_box(&k, "home", "Old", 6);
	state_batch_plan(b, inbox, 1, NULL, "r", &first);
	kit_commit(&k, b);
	b = state_batch_new();
	state_batch_result(b, &first.at[0], "done", 70, 5);
	state_batch_due(b, lists, 70, "later", 10);
	state_batch_plan(b, lists, 70, NULL, "r", &second);
	kit_commit(&k, b);
	b = state_batch_new();
	state_batch_result(b, &second.at[0], "done", 9, 0);
	kit_commit(&k, b);
	state_moved(k.state, lists, 0, 100, on_moved, &a);
	kit_wait(&k);
	EXPECT_EQ(a.n, 1);
	EXPECT_EQ(a.at[0].uid, 70);
	EXPECT_EQ(a.at[0].hops, 1);
	state_moved(k.state, lists, 70, 100, on_moved, &a);
	kit_wait(&k);
	EXPECT_EQ(a.n, 0);
	state_moved(k.state, old, 0, 100, on_moved, &a);
	kit_wait(&k);
	EXPECT_EQ(a.n, 1);
	EXPECT_EQ(a.at[0].hops, 2);
	kit_pending(&k, lists, 1000);
	EXPECT_EQ(k.list.n, 2);
	EXPECT_EQ(k.list.at[1].kind, STATE_DUE);
	EXPECT_EQ(k.list.at[1].hops, 1);
	/* Under another UIDVALIDITY it is another message. */
	lists = kit_box(&k, "home", "Lists", 55);
	state_moved(k.state, lists, 0, 100, on_moved, &a);
	kit_wait(&k);
	EXPECT_EQ(a.n, 0);
	actions_free(&first);
	actions_free(&second);
	kit_close(&k);
}

TEST(what_was_not_sent_is_so_until_it_is_taken_up)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct actions l = { 0 };
	int64_t box = open_box(&k);

	VEC_PUSH(&l, kit_action(VERB_MOVE, "Lists", "t1"));
	state_batch_plan(b, box, 1, NULL, "r", &l);
	kit_commit(&k, b);
	b = state_batch_new();
	state_batch_result(b, &l.at[0], "unsent", 0, 0);
	kit_commit(&k, b);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 1);
	EXPECT(k.list.at[0].actions.at[0].unsent);
	EXPECT(!k.list.at[0].actions.at[0].done);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 1);
	EXPECT(!k.list.at[0].actions.at[0].unsent);
	EXPECT(!k.list.at[0].actions.at[0].done);
	actions_free(&l);
	kit_close(&k);
}
