/* What takes minutes and days, with a clock that jumps: pauses between tries, later tests, patience. */
#include "engine_kit.h"

#include "net/loop_fake.h"

#define MINUTE	((int64_t)60000)
#define HOUR	(60 * MINUTE)

static bool
open_fake(struct world *w, const char *dir)
{
	return open_world_on(w, loop_fake_new(clock_wall_ms()), dir, true, false);
}

TEST(a_function_that_fails_three_times_is_held)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);
	struct turn_answer bad = { .outcome = ANSWER_FAILED, .reason = "boom" };

	EXPECT(open_fake(&w, unit_tmp()));
	add_account(&w);
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	loop_fake_run_for(w.loop, 1000);
	for (size_t i = 0; i < 3; i++) {
		EXPECT_EQ(w.nasked, i + 1);
		EXPECT_EQ(turn_attempt(w.asked[i]), i + 1);
		engine_answered(w.asked[i], &bad);
		loop_fake_run_for(w.loop, i == 0 ? 7000 : 2 * MINUTE);
	}
	loop_fake_run_for(w.loop, 24 * HOUR);
	EXPECT_EQ(w.nasked, 3);
	EXPECT_EQ(engine_counts(w.engine)->parked, 1);
	EXPECT_EQ(engine_counts(w.engine)->judged, 0);
	close_world(&w, 0);
}

TEST(a_retry_comes_when_it_was_asked_for)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);
	struct turn_answer later = { .outcome = ANSWER_RETRY, .reason = "not yet",
		.delay_ms = 10 * MINUTE };

	EXPECT(open_fake(&w, unit_tmp()));
	add_account(&w);
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	loop_fake_run_for(w.loop, 1000);
	EXPECT_EQ(w.nasked, 1);
	engine_answered(w.asked[0], &later);
	loop_fake_run_for(w.loop, 10 * MINUTE - 2000);
	EXPECT_EQ(w.nasked, 1);
	loop_fake_run_for(w.loop, 5000);
	EXPECT_EQ(w.nasked, 2);
	answer(w.asked[1], "Out");
	loop_fake_run_for(w.loop, 1000);
	EXPECT_EQ(count(&w, ".Out"), 1);
	close_world(&w, 0);
}

TEST(a_later_test_comes_after_days_and_when_the_clock_was_put_forward)
{
	for (int jump = 0; jump < 2; jump++) {
		struct world w;
		struct rule *r = new_rule("later", NULL);

		EXPECT(open_fake(&w, unit_tmp()));
		add_account(&w);
		r->after_ms = 72 * HOUR;
		r->after_here = true;
		add_action(r, VERB_MOVE, "Later");
		attach(&w, "INBOX", r);
		deliver(&w, 1, "x");
		EXPECT(start(&w));
		if (jump) {
			loop_fake_run_for(w.loop, MINUTE);
			EXPECT_EQ(count(&w, ".Later"), 0);
			loop_fake_jump_wall(w.loop, 72 * HOUR);
			loop_fake_run_for(w.loop, 2 * MINUTE);
		} else {
			loop_fake_run_for(w.loop, 71 * HOUR);
			EXPECT_EQ(count(&w, ".Later"), 0);
			loop_fake_run_for(w.loop, HOUR + 5000);
		}
		EXPECT_EQ(count(&w, ".Later"), 1);
		close_world(&w, 0);
	}
}

/* The mailbox has no rules any more, and yet the function gets its 30 s and not a day. */
TEST(old_functions_are_given_up_where_the_rules_went)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);

	EXPECT(open_fake(&w, unit_tmp()));
	add_account(&w);
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	loop_fake_run_for(w.loop, 1000);
	EXPECT_EQ(w.nasked, 1);
	new_rules(&w);
	add_account(&w);
	EXPECT(start(&w));
	loop_fake_run_for(w.loop, 20000);
	EXPECT_EQ(w.ncanceled, 0);
	loop_fake_run_for(w.loop, 12000);
	EXPECT_EQ(w.ncanceled, 1);
	close_world(&w, 0);
}

/* ... and where they are still there, the new ones judge the message again. */
TEST(old_functions_are_asked_anew_where_rules_stay)
{
	struct world w;

	EXPECT(open_fake(&w, unit_tmp()));
	for (int i = 0; i < 2; i++) {
		struct rule *r = new_rule("fn", NULL);

		if (i > 0)
			new_rules(&w);
		add_account(&w);
		r->run = 1;
		attach(&w, "INBOX", r);
		if (i == 0)
			deliver(&w, 1, "x");
		EXPECT(start(&w));
		loop_fake_run_for(w.loop, 1000);
		EXPECT_EQ(w.nasked, 1);
	}
	loop_fake_run_for(w.loop, 32000);
	EXPECT_EQ(w.ncanceled, 1);
	EXPECT_EQ(w.nasked, 2);
	answer(w.asked[1], "Out");
	loop_fake_run_for(w.loop, 1000);
	EXPECT_EQ(count(&w, ".Out"), 1);
	close_world(&w, 0);
}

TEST(rules_on_a_role_begin_when_a_mailbox_has_it)
{
	struct world w;
	struct rule *r = new_rule("all", NULL);
	char p[400];

	EXPECT(open_fake(&w, unit_tmp()));
	add_account(&w);
	add_action(r, VERB_MOVE, "Done");
	attach(&w, "@archive", r);
	EXPECT(start(&w));
	loop_fake_run_for(w.loop, 5 * MINUTE);
	EXPECT(engine_idle(w.engine));
	snprintf(p, sizeof(p), "%s/.Archive", w.maildir);
	make_maildir(p);
	deliver_to(w.maildir, ".Archive", 1, "x");
	loop_fake_run_for(w.loop, MINUTE);
	EXPECT_EQ(count(&w, ".Done"), 1);
	close_world(&w, 0);
}

/* A Maildir that is away for an hour: its mail waits, and nothing is held for that. */
TEST(a_target_that_is_away_is_waited_for)
{
	struct world w;
	struct rule *r = new_rule("all", NULL);
	char other[340], away[340];

	EXPECT(open_fake(&w, unit_tmp()));
	snprintf(other, sizeof(other), "%s/Other", w.dir);
	snprintf(away, sizeof(away), "%s/away", w.dir);
	make_maildir(other);
	add_account(&w);
	add_account_at(&w, "other", other, "1");
	add_action(r, VERB_MOVE, "INBOX");
	r->actions.at[0].account = xstrdup("other");
	attach(&w, "INBOX", r);
	EXPECT(start(&w));
	loop_fake_run_for(w.loop, 1000);
	rename(other, away);
	deliver(&w, 1, "x");
	loop_fake_run_for(w.loop, HOUR);
	EXPECT_EQ(count(&w, "."), 1);
	rename(away, other);
	loop_fake_run_for(w.loop, 5 * MINUTE);
	EXPECT_EQ(engine_counts(w.engine)->parked, 0);
	EXPECT_EQ(engine_counts(w.engine)->failed, 0);
	EXPECT_EQ(engine_counts(w.engine)->retried, 1);
	EXPECT_EQ(count(&w, "."), 0);
	EXPECT_EQ(count_in(other, "."), 1);
	close_world(&w, 0);
}
