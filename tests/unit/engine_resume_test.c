/* Plans that a killed process left: what it had done is found, and known as ours. */
#include "engine_kit.h"

#include "engine/engine_int.h"

static void
on_commit(void *arg, const struct err *e)
{
	*(bool *)arg = !err_is(e);
}

static struct action
planned(enum verb verb, const char *mailbox, const char *path, const char *token)
{
	struct action a = { .verb = verb, .rule = xstrdup("r"), .token = xstrdup(token) };

	a.account = mailbox != NULL ? xstrdup("home") : NULL;
	a.mailbox = mailbox != NULL ? xstrdup(mailbox) : NULL;
	a.path = path != NULL ? xstrdup(path) : NULL;
	return a;
}

/* Writes the plan "save, move to Done" for message 1 of INBOX; what was done is not noted. */
static bool
plan(struct world *w, const char *path)
{
	struct state_batch *b = state_batch_new();
	struct actions actions = { 0 };
	struct box *inbox = engine_box(engine_account(w->engine, "home"), "INBOX");
	bool committed = false;

	VEC_PUSH(&actions, planned(VERB_SAVE, NULL, path, "1.Xone"));
	VEC_PUSH(&actions, planned(VERB_MOVE, "Done", NULL, "1.Xtwo"));
	state_batch_plan(b, inbox->runner->state.id, 1, NULL, "", &actions);
	state_commit(w->state, &b, on_commit, &committed);
	UNTIL(w, committed);
	actions_free(&actions);
	box_unref(&inbox);
	return committed;
}

/* Killed after the move: the message is gone for the save, but its move is still ours. */
TEST(a_move_is_ours_though_the_action_before_it_finds_nothing)
{
	char dir[300], from[500], to[500], done[400];
	struct world w;

	snprintf(dir, sizeof(dir), "%s", unit_tmp());
	for (int run = 0; run < 2; run++) {
		EXPECT(open_world(&w, dir, true));
		add_account(&w);
		attach(&w, "INBOX", new_rule("none", "never"));
		snprintf(done, sizeof(done), "%s/.Done", w.maildir);
		if (run == 0) {
			deliver(&w, 1, "x");
			EXPECT(start(&w));
			EXPECT(run_idle(&w));
			snprintf(to, sizeof(to), "%s/saved", dir);
			EXPECT(plan(&w, to));
			make_maildir(done);
			snprintf(from, sizeof(from), "%s/new/1700000001.M1.test", w.maildir);
			snprintf(to, sizeof(to), "%s/new/1700000001.M1.test", done);
			EXPECT_EQ(rename(from, to), 0);
		} else {
			EXPECT(start(&w));
			EXPECT(run_idle(&w));
		}
		close_world(&w, 0);
	}
	/* Its rules look at Done only now, when the plan has ended. */
	EXPECT(open_world(&w, dir, true));
	add_account(&w);
	{
		struct rule *r = new_rule("all", NULL);

		add_action(r, VERB_FLAG, NULL);
		attach(&w, "Done", r);
	}
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(engine_counts(w.engine)->judged, 1);
	EXPECT_EQ(engine_counts(w.engine)->matched, 0);
	EXPECT_EQ(count(&w, ".Done"), 1);
	close_world(&w, 0);
}
