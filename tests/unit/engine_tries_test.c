/* A function that raises: three tries, then a person must look.  The pauses are cut in the state. */
#include "engine_kit.h"

#include <sqlite3.h>

/* The only message's row: what is due later is due now; -1 when there is not just one row. */
static int
make_due(const struct world *w, int *kind_r, char *reason, size_t size)
{
	char path[600];
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	int rows = 0, attempts = -1;

	snprintf(path, sizeof(path), "%s/state.db", w->state_dir);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		abort();
	sqlite3_exec(db, "UPDATE message SET at = 1 WHERE kind = 1", NULL, NULL, NULL);
	sqlite3_prepare_v2(db, "SELECT kind, attempts, ifnull(reason, '') FROM message", -1, &st, NULL);
	for (; sqlite3_step(st) == SQLITE_ROW; rows++) {
		*kind_r = sqlite3_column_int(st, 0);
		attempts = sqlite3_column_int(st, 1);
		snprintf(reason, size, "%s", (const char *)sqlite3_column_text(st, 2));
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	return rows == 1 ? attempts : -1;
}

TEST(a_function_that_raises_is_tried_three_times_then_held)
{
	struct world w;
	char copy[300], reason[200] = "";
	int kind = -1;

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (unsigned run = 1; run <= 4; run++) {
		struct turn_answer bad = { .outcome = ANSWER_FAILED, .reason = "boom" };
		struct rule *r = new_rule("fn", NULL);

		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		r->run = 1;
		attach(&w, "INBOX", r);
		if (run == 1)
			deliver(&w, 1, "x");
		EXPECT(start(&w));
		if (run <= 3 && run_asked(&w, 1)) {
			EXPECT_EQ(turn_attempt(w.asked[0]), run);
			engine_answered(w.asked[0], &bad);
		}
		EXPECT(run_idle(&w));
		EXPECT_EQ(w.nasked, run <= 3 ? 1 : 0);
		EXPECT_EQ(engine_counts(w.engine)->parked, run == 3 ? 1 : 0);
		EXPECT_EQ(count(&w, "."), 1);
		close_world(&w, 0);
		EXPECT_EQ(make_due(&w, &kind, reason, sizeof(reason)), run < 3 ? (int)run : 3);
		EXPECT_EQ(kind, run < 3 ? 1 : 2);
	}
	EXPECT_STR(reason, "rule \"fn\" raised 3 times: boom");
}
