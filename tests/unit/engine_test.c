/* The engine as a whole: rules from arrival to action, first runs, functions, later tests. */
#include "engine_kit.h"

TEST(moves_what_matches_and_leaves_the_rest)
{
	struct world w;
	struct rule *r = new_rule("bills", "bill");

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(r, VERB_FLAG, NULL);
	add_action(r, VERB_MOVE, "Bills/{from.local_part}");
	attach(&w, "INBOX", r);
	deliver(&w, 1, "a bill");
	deliver(&w, 2, "something else");
	deliver(&w, 3, "another BILL");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(count(&w, ".Bills.a1"), 1);
	EXPECT_EQ(count(&w, ".Bills.a3"), 1);
	EXPECT_EQ(engine_counts(w.engine)->actions, 4);
	close_world(&w, 0);
}

TEST(the_first_run_leaves_what_is_there_alone_and_a_restart_goes_on)
{
	struct world w;
	const char *dir = unit_tmp();
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", dir);
	for (int run = 0; run < 3; run++) {
		struct rule *r = new_rule("all", NULL);

		EXPECT(open_world(&w, copy, false));
		add_account(&w);
		add_action(r, VERB_MOVE, "Done");
		attach(&w, "INBOX", r);
		deliver(&w, run, "x");
		EXPECT(start(&w));
		EXPECT(run_idle(&w));
		EXPECT_EQ(count(&w, "."), 1);
		EXPECT_EQ(count(&w, ".Done"), run);
		close_world(&w, 0);
	}
}

TEST(a_function_decides_and_a_failing_one_is_tried_again_later)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);
	struct turn_answer a = { .outcome = ANSWER_OK };
	struct action act = { .verb = VERB_MOVE, .mailbox = xstrdup("Out") };
	struct turn_answer bad = { .outcome = ANSWER_FAILED, .reason = "boom" };

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	deliver(&w, 2, "y");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 2));
	EXPECT_EQ(message_facts(turn_message(w.asked[0]))->uid, 1);
	VEC_PUSH(&a.actions, act);
	engine_answered(w.asked[0], &a);
	engine_answered(w.asked[1], &bad);
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Out"), 1);
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(engine_counts(w.engine)->failed, 1);
	EXPECT_EQ(engine_counts(w.engine)->retried, 1);
	close_world(&w, 0);
}

TEST(a_serial_rule_sees_one_message_at_a_time)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	r->run = 1;
	r->serial = true;
	attach(&w, "INBOX", r);
	for (int i = 1; i <= 5; i++)
		deliver(&w, i, "x");
	EXPECT(start(&w));
	for (size_t i = 0; i < 5; i++) {
		struct turn_answer a = { .outcome = ANSWER_OK };

		EXPECT(run_asked(&w, i + 1));
		for (int k = 0; k < 20; k++)
			loop_turn(w.loop, false);
		EXPECT_EQ(w.nasked, i + 1);
		EXPECT_EQ(message_facts(turn_message(w.asked[i]))->uid, i + 1);
		engine_answered(w.asked[i], &a);
	}
	EXPECT(run_idle(&w));
	close_world(&w, 0);
}

TEST(stopping_gives_up_a_function_and_the_next_start_asks_again)
{
	struct world w;
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (int run = 0; run < 2; run++) {
		struct rule *r = new_rule("fn", NULL);

		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		r->run = 1;
		attach(&w, "INBOX", r);
		if (run == 0)
			deliver(&w, 1, "x");
		EXPECT(start(&w));
		EXPECT(run_asked(&w, 1));
		close_world(&w, 0);
		EXPECT_EQ(w.ncanceled, 1);
	}
}

TEST(own_mail_is_no_arrival_and_a_circle_ends)
{
	struct world w;
	struct rule *there, *back, *other;

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	there = new_rule("there", NULL);
	back = new_rule("back", NULL);
	other = new_rule("other", NULL);
	there->own = back->own = true;
	add_action(there, VERB_MOVE, "B");
	add_action(back, VERB_MOVE, "INBOX");
	add_action(other, VERB_MOVE, "Never");
	attach(&w, "INBOX", there);
	attach(&w, "B", other);
	attach(&w, "B", back);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	for (int i = 0; i < 12; i++)
		EXPECT(run_idle(&w));
	for (int64_t end = clock_mono_ms() + 5000; clock_mono_ms() < end &&
	    engine_counts(w.engine)->parked == 0;)
		turn(&w);
	EXPECT_EQ(count(&w, ".Never"), 0);
	EXPECT_EQ(engine_counts(w.engine)->parked, 1);
	EXPECT_EQ(engine_counts(w.engine)->actions, 5);
	close_world(&w, 0);
}

TEST(a_later_test_is_durable_and_comes_once)
{
	struct world w;
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (int run = 0; run < 2; run++) {
		struct rule *r = new_rule("later", "x");
		int64_t began = clock_wall_ms();

		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		r->after_ms = 2000;
		r->after_here = true;
		add_action(r, VERB_MOVE, "Later");
		attach(&w, "INBOX", r);
		if (run == 0)
			deliver(&w, 1, "x"), deliver(&w, 2, "y");
		EXPECT(start(&w));
		EXPECT(run_idle(&w));
		if (run == 1)
			for (int64_t end = clock_mono_ms() + 6000; clock_mono_ms() < end &&
			    count(&w, ".Later") == 0;)
				turn(&w);
		/* A slow machine may be over the time in the first run already. */
		if (run == 1 || clock_wall_ms() - began < 1900) {
			EXPECT_EQ(count(&w, ".Later"), run);
			EXPECT_EQ(count(&w, "."), 2 - run);
		}
		EXPECT(run_idle(&w));
		close_world(&w, 0);
	}
}

TEST(thousands_pass_in_windows)
{
	struct world w;
	struct rule *r = new_rule("even", "even");

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(r, VERB_MOVE, "Even");
	attach(&w, "INBOX", r);
	for (int i = 0; i < 2000; i++)
		deliver(&w, i, i % 2 ? "odd" : "even");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Even"), 1000);
	EXPECT_EQ(engine_counts(w.engine)->judged, 2000);
	close_world(&w, 0);
}

TEST(only_rules_for_existing_mail_take_what_was_there)
{
	struct world w;
	struct rule *old = new_rule("old", "bill"), *fresh = new_rule("new", NULL);

	EXPECT(open_world(&w, unit_tmp(), false));
	add_account(&w);
	old->existing = true;
	add_action(old, VERB_MOVE, "Bills");
	add_action(fresh, VERB_MOVE, "Rest");
	attach(&w, "INBOX", old);
	attach(&w, "INBOX", fresh);
	deliver(&w, 1, "a bill");
	deliver(&w, 2, "something else");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Bills"), 1);
	EXPECT_EQ(count(&w, "."), 1);
	deliver(&w, 3, "something new");
	UNTIL(&w, count(&w, ".Rest") == 1);
	EXPECT_EQ(count(&w, ".Rest"), 1);
	EXPECT_EQ(count(&w, "."), 1);
	close_world(&w, 0);
}

static struct rule *
later_rule(const char *name, int64_t ms)
{
	struct rule *r = new_rule(name, NULL);

	r->after_ms = ms;
	r->after_here = true;
	r->existing = true;
	add_action(r, VERB_MOVE, "Later");
	return r;
}

TEST(a_later_test_whose_time_has_passed_comes_at_once)
{
	struct world w;
	struct rule *r = later_rule("later", 1000);
	struct timespec t[2] = { { .tv_sec = 1700000000 }, { .tv_sec = 1700000000 } };
	char p[500];

	EXPECT(open_world(&w, unit_tmp(), false));
	add_account(&w);
	r->after_here = false;
	attach(&w, "INBOX", r);
	for (int i = 1; i < 400; i++) {
		deliver(&w, i, "x");
		snprintf(p, sizeof(p), "%s/new/%d.M%d.test", w.maildir, 1700000000 + i, i);
		utimensat(AT_FDCWD, p, t, 0);
	}
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Later"), 399);
	close_world(&w, 0);
}

TEST(a_later_test_never_comes_for_mail_that_left)
{
	struct world w;
	char p[500];

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	attach(&w, "INBOX", later_rule("later", 3000));
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	snprintf(p, sizeof(p), "%s/new/%d.M1.test", w.maildir, 1700000001);
	if (unlink(p) < 0) {
		close_world(&w, 0);	/* a slow machine: its time has come */
		return;
	}
	pause_ms(&w, 4200);
	EXPECT(run_idle(&w));
	EXPECT_EQ(engine_counts(w.engine)->matched, 0);
	EXPECT_EQ(engine_counts(w.engine)->failed + engine_counts(w.engine)->parked, 0);
	close_world(&w, 0);
}

TEST(a_later_test_of_a_rule_that_is_gone_comes_to_nothing)
{
	struct world w;
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (int run = 0; run < 3; run++) {
		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		/* The third start has the rule again: what came to nothing does not come back. */
		attach(&w, "INBOX", later_rule(run == 1 ? "another" : "later", 2000));
		if (run == 0)
			deliver(&w, 1, "x");
		EXPECT(start(&w));
		EXPECT(run_idle(&w));
		if (run == 0 && count(&w, ".") == 0) {
			close_world(&w, 0);	/* a slow machine: its time came before the rule went */
			return;
		}
		if (run > 0)
			pause_ms(&w, 2500);
		EXPECT(run_idle(&w));
		EXPECT_EQ(count(&w, "."), 1);
		close_world(&w, 0);
	}
}

/* A message that a rule parked stays parked after a restart, and does not stop the others. */
TEST(a_message_that_was_held_stays_held)
{
	struct world w;
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (int run = 0; run < 2; run++) {
		struct rule *r = new_rule("fn", NULL);
		struct turn_answer hold = { .outcome = ANSWER_HOLD, .reason = "look at this" };

		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		r->run = 1;
		attach(&w, "INBOX", r);
		deliver(&w, run, "x");
		EXPECT(start(&w));
		EXPECT(run_asked(&w, 1));
		if (run == 0)
			engine_answered(w.asked[0], &hold);
		else
			answer(w.asked[0], "Out");
		EXPECT(run_idle(&w));
		EXPECT_EQ(w.nasked, 1);
		EXPECT_EQ(count(&w, ".Out"), run);
		close_world(&w, 0);
	}
}

/* One that takes long holds the cursor; those behind it are not judged again after a restart. */
TEST(what_was_judged_behind_a_slow_one_is_not_judged_again)
{
	struct world w;
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (int run = 0; run < 2; run++) {
		struct rule *r = new_rule("fn", "slow"), *rest = new_rule("rest", NULL);

		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		r->run = 1;
		attach(&w, "INBOX", r);
		add_action(rest, VERB_FLAG, NULL);
		attach(&w, "INBOX", rest);
		for (int i = 0; run == 0 && i < 700; i++)
			deliver(&w, i, i == 0 ? "slow" : "x");
		EXPECT(start(&w));
		EXPECT(run_asked(&w, 1));
		if (run == 0) {
			UNTIL(&w, engine_counts(w.engine)->actions == 699);
			EXPECT_EQ(engine_counts(w.engine)->actions, 699);
		} else {
			answer(w.asked[0], "Out");
			EXPECT(run_idle(&w));
			EXPECT_EQ(engine_counts(w.engine)->judged, 1);
			EXPECT_EQ(engine_counts(w.engine)->actions, 1);
			EXPECT_EQ(count(&w, ".Out"), 1);
		}
		close_world(&w, 0);
	}
}
