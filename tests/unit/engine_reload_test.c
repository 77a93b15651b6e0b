/* Other rules in place of those at work, while messages are under way; accounts that come and go. */
#include "engine_kit.h"

#include "engine/engine_int.h"

/* All of these deliver one message and see it moved, so the rules are at work. */
#define EXPECT_WORKS(w, n, folder) do { \
	int works_before = count((w), folder); \
	deliver((w), (n), "x"); \
	UNTIL((w), count((w), folder) > works_before); \
	EXPECT_EQ(count((w), folder), works_before + 1); \
} while (0)

static void
mover(struct world *w, const char *digest, const char *to)
{
	struct rule *r = new_rule("all", NULL);

	add_account_at(w, "home", w->maildir, digest);
	add_action(r, VERB_MOVE, to);
	attach(w, "INBOX", r);
}

static void
asker(struct world *w, const char *digest)
{
	struct rule *r = new_rule("fn", NULL);

	add_account_at(w, "home", w->maildir, digest);
	r->run = 1;
	attach(w, "INBOX", r);
}

TEST(rules_on_a_role_outlive_a_reload)
{
	struct world w;
	char p[400];

	EXPECT(open_world(&w, unit_tmp(), true));
	snprintf(p, sizeof(p), "%s/.Archive", w.maildir);
	make_maildir(p);
	for (int i = 0; i < 3; i++) {
		struct rule *r = new_rule("all", NULL);

		if (i > 0)
			new_rules(&w);
		add_account(&w);
		add_action(r, VERB_MOVE, "Done");
		attach(&w, "@archive", r);
		EXPECT(start(&w));
		deliver_to(w.maildir, ".Archive", i, "x");
		UNTIL(&w, count(&w, ".Done") == i + 1);
		EXPECT_EQ(count(&w, ".Done"), i + 1);
	}
	close_world(&w, 0);
}

TEST(rules_that_go_and_come_back_work_again)
{
	struct world w;

	EXPECT(open_world(&w, unit_tmp(), true));
	asker(&w, "1");
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	new_rules(&w);
	add_account(&w);
	EXPECT(start(&w));
	pause_ms(&w, 50);
	new_rules(&w);
	mover(&w, "1", "Done");
	EXPECT(start(&w));
	pause_ms(&w, 50);
	answer(w.asked[0], "First");
	EXPECT_WORKS(&w, 2, ".Done");
	EXPECT_EQ(count(&w, ".First"), 1);
	close_world(&w, 0);
}

TEST(an_account_with_other_options_waits_for_the_one_before)
{
	struct world w;

	EXPECT(open_world(&w, unit_tmp(), true));
	asker(&w, "1");
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	for (int i = 2; i < 5; i++) {
		char digest[2] = { (char)('0' + i), 0 };

		new_rules(&w);
		if (i != 3)	/* once it is not there at all */
			mover(&w, digest, "Done");
		EXPECT(start(&w));
		pause_ms(&w, 60);
	}
	deliver(&w, 2, "x");
	pause_ms(&w, 100);
	EXPECT_EQ(count(&w, ".Done"), 0);
	answer(w.asked[0], "First");
	UNTIL(&w, count(&w, ".Done") == 1);
	EXPECT_EQ(count(&w, ".Done"), 1);
	EXPECT_EQ(count(&w, ".First"), 1);
	close_world(&w, 0);
}

TEST(an_account_with_another_name_waits_for_the_one_with_its_maildir)
{
	struct world w;
	struct rule *r = new_rule("all", NULL);
	struct err e = ERR_NONE;

	EXPECT(open_world(&w, unit_tmp(), true));
	asker(&w, "1");
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	new_rules(&w);
	add_account_at(&w, "other", w.maildir, "1");
	add_action(r, VERB_MOVE, "Done");
	EXPECT_EQ(ruleset_attach(w.rules, "other", "INBOX", r, &e), 0);
	EXPECT(start(&w));
	pause_ms(&w, 200);
	EXPECT_EQ(count(&w, "."), 1);
	answer(w.asked[0], "First");
	UNTIL(&w, count(&w, ".First") == 1);
	EXPECT_EQ(count(&w, ".First"), 1);
	EXPECT_WORKS(&w, 2, ".Done");
	close_world(&w, 0);
}

/* Each number of turns between reloads finds the accounts at another place of their end. */
TEST(reloads_come_at_any_time)
{
	struct world w;

	EXPECT(open_world(&w, unit_tmp(), true));
	mover(&w, "0", "Done");
	EXPECT(start(&w));
	for (int i = 1; i < 60; i++) {
		char digest[12];

		if (i % 5 == 0)
			deliver(&w, i, "x");
		for (int k = 0; k < i % 11; k++)
			loop_turn(w.loop, false);
		snprintf(digest, sizeof(digest), "%d", i / 2);
		new_rules(&w);
		if (i % 7 != 0)
			mover(&w, digest, "Done");
		EXPECT(start(&w));
	}
	UNTIL(&w, count(&w, ".Done") == 11);
	EXPECT_EQ(count(&w, ".Done"), 11);
	EXPECT_WORKS(&w, 100, ".Done");
	close_world(&w, 0);
}

TEST(a_stop_comes_at_any_time)
{
	for (int i = 0; i < 40; i++) {
		struct world w;

		EXPECT(open_world(&w, unit_tmp(), true));
		mover(&w, "1", "Done");
		deliver(&w, 1, "x");
		EXPECT(start(&w));
		for (int k = 0; k < i; k++)
			loop_turn(w.loop, false);
		if (i % 3 == 0) {
			new_rules(&w);
			mover(&w, "2", "Done");
			EXPECT(start(&w));
			for (int k = 0; k < i % 4; k++)
				loop_turn(w.loop, false);
		}
		close_world(&w, 0);
		EXPECT_EQ(count(&w, ".") + count(&w, ".Done"), 1);
	}
}

static void
move_to_other(struct world *w, const char *other, bool asks)
{
	struct rule *r = new_rule("all", NULL);

	add_account(w);
	add_account_at(w, "other", other, "1");
	if (asks)
		r->run = 1;
	add_action(r, VERB_MOVE, "There");
	r->actions.at[0].account = xstrdup("other");
	attach(w, "INBOX", r);
}

static bool
some_turn_is(const struct engine *e, enum turn_phase phase)
{
	LIST_EACH(&e->runners, it) {
		const struct runner *r = LIST_ITEM(it, struct runner, link);

		LIST_EACH(&r->turns, t)
			if (LIST_ITEM(t, struct turn, link)->phase == phase)
				return true;
	}
	return false;
}

/* The other account is closed first: what waits for it is not held for that. */
TEST(a_move_to_another_account_outlives_a_stop)
{
	struct world w;
	char copy[300], other[340];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	snprintf(other, sizeof(other), "%s/Other", copy);
	for (int run = 0; run < 3; run++) {
		EXPECT(open_world(&w, copy, true));
		move_to_other(&w, other, run == 1);
		if (run < 2)
			deliver(&w, run, "x");
		EXPECT(start(&w));
		if (run == 0)
			while (!some_turn_is(w.engine, TURN_PLANNED))
				loop_turn(w.loop, false);
		else if (run == 1)
			EXPECT(run_asked(&w, 1));
		else
			EXPECT(run_idle(&w));
		if (run == 1) {
			engine_stop(w.engine, 10000, on_stopped, &w);
			for (int k = 0; k < 20; k++)
				turn(&w);
			answer(w.asked[0], NULL);
			while (!w.stopped)
				turn(&w);
			EXPECT_EQ(engine_counts(w.engine)->parked, 0);
			w.engine->stopping = w.stopped = false;
		}
		EXPECT_EQ(engine_counts(w.engine)->parked, 0);
		close_world(&w, 10000);
	}
	EXPECT_EQ(count(&w, "."), 0);
	EXPECT_EQ(count_in(other, ".There"), 2);
}

static void on_change(void *arg, const struct err *e) { *(int *)arg = err_is(e) ? -1 : 1; }

static int
change(struct world *w, enum request_kind kind, const char *name)
{
	int done = 0;

	account_change(engine_account(w->engine, "home"), kind, name, NULL, on_change, &done);
	UNTIL(w, done != 0);
	return done;
}

TEST(a_mailbox_that_was_made_anew_has_rules_again)
{
	struct world w;
	struct rule *r = new_rule("all", NULL);
	char p[400];

	EXPECT(open_world(&w, unit_tmp(), true));
	snprintf(p, sizeof(p), "%s/.Lists", w.maildir);
	make_maildir(p);
	add_account(&w);
	add_action(r, VERB_MOVE, "Done");
	attach(&w, "Lists", r);
	EXPECT(start(&w));
	for (int i = 0; i < 3; i++)
		deliver_to(w.maildir, ".Lists", i, "x");
	UNTIL(&w, count(&w, ".Done") == 3);
	EXPECT(run_idle(&w));
	EXPECT_EQ(change(&w, REQ_REMOVE, "Lists"), 1);
	EXPECT_EQ(change(&w, REQ_CREATE, "Lists"), 1);
	pause_ms(&w, 300);
	EXPECT(run_idle(&w));
	deliver_to(w.maildir, ".Lists", 10, "x");
	UNTIL(&w, count(&w, ".Lists") == 0);
	EXPECT_EQ(count(&w, ".Done"), 4);
	close_world(&w, 0);
}
