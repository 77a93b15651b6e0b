/* Nothing is passed over: what was given up, what is tried again, what waits for its turn. */
#include "engine_kit.h"

#include "engine/engine_int.h"

static struct query *
key(const char *name, const char *text)
{
	struct query_value v = { .type = QV_TEXT, .text = view_of(text) };
	struct err e = ERR_NONE;

	return query_key(view_of(name), VIEW_NONE, OP_HAS, &v, 1, NULL, &e);
}

static uint32_t
asked_uid(const struct world *w, size_t i)
{
	return message_facts(turn_message(w->asked[i]))->uid;
}

/* Too big to come whole with the header: its body is fetched when it is asked for. */
static void
deliver_big(struct world *w, int n, const char *subject)
{
	char tmp[500], new[500];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s/tmp/%d.M%d.test", w->maildir, 1700000000 + n, n);
	snprintf(new, sizeof(new), "%s/new/%d.M%d.test", w->maildir, 1700000000 + n, n);
	f = fopen(tmp, "w");
	fprintf(f, "From: a@example.org\nSubject: %s\n\n", subject);
	for (int i = 0; i < 60000; i++)
		fprintf(f, "body of %d, line %d of it\n", n, i);
	fclose(f);
	rename(tmp, new);
}

TEST(what_is_given_up_is_judged_again_whatever_was_done_after_it)
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
			deliver(&w, 1, "x"), deliver(&w, 2, "y");
		EXPECT(start(&w));
		EXPECT(run_asked(&w, 2 - (size_t)run));
		EXPECT_EQ(asked_uid(&w, 0), 1);
		answer(w.asked[1 - run], "Out");
		close_world(&w, 0);
		EXPECT_EQ(w.ncanceled, 1 - run);
		EXPECT_EQ(count(&w, ".Out"), run + 1);
	}
}

TEST(a_retry_that_the_function_asked_for_is_no_attempt)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);
	struct turn_answer later = { .outcome = ANSWER_RETRY, .reason = "not yet", .delay_ms = 0 };

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	for (size_t i = 0; i < 4; i++) {
		EXPECT(run_asked(&w, i + 1));
		EXPECT_EQ(turn_attempt(w.asked[i]), 1);
		if (i < 3)
			engine_answered(w.asked[i], &later);
	}
	answer(w.asked[3], NULL);
	EXPECT(run_idle(&w));
	EXPECT_EQ(engine_counts(w.engine)->parked, 0);
	EXPECT_EQ(engine_counts(w.engine)->judged, 0);
	close_world(&w, 0);
}

TEST(own_mail_stays_own_mail_when_it_is_tried_again)
{
	struct world w;
	struct rule *there = new_rule("there", NULL), *fn = new_rule("fn", NULL);
	struct rule *never = new_rule("never", NULL);
	struct turn_answer later = { .outcome = ANSWER_RETRY, .reason = "not yet", .delay_ms = 0 };

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(there, VERB_MOVE, "B");
	fn->own = true;
	fn->run = 1;
	add_action(never, VERB_MOVE, "Never");
	attach(&w, "INBOX", there);
	attach(&w, "B", fn);
	attach(&w, "B", never);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	engine_answered(w.asked[0], &later);
	EXPECT(run_asked(&w, 2));
	answer(w.asked[1], NULL);
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Never"), 0);
	EXPECT_EQ(count(&w, ".B"), 1);
	close_world(&w, 0);
}

/* The date of a message is its file's time. */
static void
set_time(struct world *w, int n, int64_t at)
{
	char p[500];
	struct timespec t[2] = { { .tv_sec = at }, { .tv_sec = at } };

	snprintf(p, sizeof(p), "%s/new/%d.M%d.test", w->maildir, 1700000000 + n, n);
	utimensat(AT_FDCWD, p, t, 0);
}

TEST(a_later_test_under_way_does_not_hold_up_the_next)
{
	struct world w;
	struct rule *r = new_rule("later", NULL);
	int64_t now = clock_wall_ms() / 1000;

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	r->after_ms = 1000;
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	deliver(&w, 2, "y");
	set_time(&w, 1, now);
	set_time(&w, 2, now + 2);
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	EXPECT_EQ(asked_uid(&w, 0), 1);
	EXPECT(run_asked(&w, 2));
	EXPECT_EQ(asked_uid(&w, 1), 2);
	answer(w.asked[1], "Out");
	answer(w.asked[0], "Out");
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Out"), 2);
	EXPECT_EQ(w.nasked, 2);
	close_world(&w, 0);
}

TEST(two_later_tests_of_one_message_follow_one_another)
{
	struct world w;

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	for (int i = 0; i < 2; i++) {
		struct rule *r = new_rule(i == 0 ? "one" : "two", NULL);

		r->after_ms = 0;
		r->run = 1;
		attach(&w, "INBOX", r);
	}
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	pause_ms(&w, 100);
	EXPECT_EQ(w.nasked, 1);
	answer(w.asked[0], NULL);
	EXPECT(run_asked(&w, 2));
	EXPECT(strcmp(turn_rule(w.asked[1]), "two") == 0);
	answer(w.asked[1], "Out");
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Out"), 1);
	close_world(&w, 0);
}

/* The first waits for its body, passes the serial rule, and is asked below it for long. */
TEST(a_serial_rule_goes_on_when_the_older_one_has_passed_it)
{
	struct world w;
	struct rule *bodies = new_rule("bodies", NULL), *one = new_rule("one", "second");
	struct rule *long_one = new_rule("long", NULL);
	struct query *a = key("subject", "first"), *b = key("body", "never there");

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	bodies->when = query_and(a, b);
	query_free(&a);
	query_free(&b);
	add_action(bodies, VERB_MOVE, "Never");
	one->serial = true;
	one->run = 1;
	long_one->run = 2;
	attach(&w, "INBOX", bodies);
	attach(&w, "INBOX", one);
	attach(&w, "INBOX", long_one);
	deliver_big(&w, 1, "first");
	deliver(&w, 2, "second");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 2));
	EXPECT_EQ(asked_uid(&w, 0), 1);
	EXPECT_EQ(asked_uid(&w, 1), 2);
	EXPECT(strcmp(turn_rule(w.asked[1]), "one") == 0);
	answer(w.asked[0], NULL);
	answer(w.asked[1], NULL);
	EXPECT(run_asked(&w, 3));
	answer(w.asked[2], NULL);
	EXPECT(run_idle(&w));
	close_world(&w, 0);
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

TEST(no_function_begins_when_the_time_to_stop_is_over)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);
	int64_t end = clock_mono_ms() + 10000;

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	r->when = key("body", "body of");
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver_big(&w, 1, "x");
	EXPECT(start(&w));
	while (!some_turn_is(w.engine, TURN_FETCHING) && clock_mono_ms() < end)
		loop_turn(w.loop, false);
	EXPECT(some_turn_is(w.engine, TURN_FETCHING));
	engine_stop(w.engine, 0, on_stopped, &w);
	while (!w.stopped && clock_mono_ms() < end)
		turn(&w);
	EXPECT(w.stopped);
	EXPECT_EQ(w.nasked, w.ncanceled);
	free_world(&w);
}

TEST(a_rule_that_only_flags_does_not_end_the_chain_of_a_mail_that_moves)
{
	struct world w;
	struct rule *move = new_rule("move", NULL), *flag = new_rule("flag", NULL);
	struct rule *copy = new_rule("copy", NULL), *again = new_rule("again", NULL);

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(move, VERB_MOVE, "There");
	move->stop = 0;
	add_action(flag, VERB_FLAG, NULL);
	add_action(again, VERB_MOVE, "Elsewhere");
	add_action(copy, VERB_COPY, "Copy");
	attach(&w, "INBOX", move);
	attach(&w, "INBOX", flag);
	attach(&w, "INBOX", copy);
	attach(&w, "INBOX", again);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".There"), 1);
	EXPECT_EQ(count(&w, ".Copy"), 1);
	EXPECT_EQ(count(&w, ".Elsewhere"), 0);
	EXPECT_EQ(engine_counts(w.engine)->actions, 3);
	close_world(&w, 0);
}

TEST(more_than_32_actions_are_held_and_none_is_done)
{
	for (unsigned more = 0; more < 2; more++) {
		struct world w;

		EXPECT(open_world(&w, unit_tmp(), true));
		add_account(&w);
		for (unsigned i = 0; i < ACTIONS_MAX + more; i++) {
			char name[20];
			struct rule *r;

			snprintf(name, sizeof(name), "r%u", i);
			r = new_rule(name, NULL);
			add_action(r, VERB_FLAG, NULL);
			attach(&w, "INBOX", r);
		}
		deliver(&w, 1, "x");
		EXPECT(start(&w));
		EXPECT(run_idle(&w));
		EXPECT_EQ(engine_counts(w.engine)->parked, more);
		EXPECT_EQ(engine_counts(w.engine)->actions, more ? 0 : ACTIONS_MAX);
		close_world(&w, 0);
	}
}

TEST(a_missing_value_leaves_the_message_where_it_is)
{
	struct world w;
	struct rule *r = new_rule("lists", NULL);

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(r, VERB_FLAG, NULL);
	add_action(r, VERB_MOVE, "Lists/{list_id}");
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(engine_counts(w.engine)->actions, 0);
	EXPECT_EQ(engine_counts(w.engine)->parked, 0);
	close_world(&w, 0);
}

TEST(a_trash_that_comes_later_is_found)
{
	struct world w;
	struct rule *r = new_rule("bin", "bin");
	char p[400];

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(r, VERB_DELETE, NULL);
	attach(&w, "INBOX", r);
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	pause_ms(&w, 5100);		/* the list of the start is believed no longer */
	snprintf(p, sizeof(p), "%s/.Trash", w.maildir);
	make_maildir(p);
	deliver(&w, 1, "to the bin");
	UNTIL(&w, count(&w, ".Trash") == 1);
	EXPECT_EQ(count(&w, ".Trash"), 1);
	EXPECT_EQ(engine_counts(w.engine)->parked, 0);
	close_world(&w, 0);
}

TEST(a_dry_run_changes_nothing)
{
	struct world w;
	struct rule *r = new_rule("all", NULL);

	EXPECT(open_world_as(&w, unit_tmp(), true, true));
	add_account(&w);
	add_action(r, VERB_FLAG, NULL);
	add_action(r, VERB_COPY, "Copy");
	add_action(r, VERB_MOVE, "There");
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(count(&w, ".Copy"), 0);
	EXPECT_EQ(count(&w, ".There"), 0);
	EXPECT_EQ(engine_counts(w.engine)->matched, 1);
	close_world(&w, 0);
}
