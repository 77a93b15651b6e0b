/* Rules on an account that has connections: away, lost answers, UIDs that change, own moves. */
#include "engine_far_kit.h"

#include "net/loop_fake.h"

static void
move_rule(struct world *w, const char *box, const char *name, const char *to, bool own)
{
	struct rule *r = new_rule(name, NULL);

	add_action(r, VERB_MOVE, to);
	r->own = own;
	attach(w, box, r);
}

static uint64_t
parked(const struct world *w)
{
	return engine_counts(w->engine)->parked;
}

TEST(the_first_run_leaves_what_is_there)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);

	far_put(in, "old");
	far_put(in, "older");
	EXPECT(far_world(&w, &f, unit_tmp(), false));
	move_rule(&w, "INBOX", "all", "Lists", false);
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(engine_counts(w.engine)->left_alone, 2);
	far_put(in, "new");
	far_tell(&f);
	UNTIL(&w, to->messages.n == 1);
	EXPECT_EQ(to->messages.n, 1);
	EXPECT_EQ(in->messages.n, 2);
	EXPECT(run_idle(&w));
	far_close_world(&w, &f);
	EXPECT(!f.open);
}

TEST(what_is_there_is_known_when_uidvalidity_changes)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);
	struct rule *r = new_rule("all", NULL);

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	add_action(r, VERB_MOVE, "Lists");
	r->existing = true;
	attach(&w, "INBOX", r);
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	in->uidvalidity = 9;
	in->uidnext = 1;
	far_put(in, "was here");
	far_put(in, "was here too");
	far_tell(&f);
	UNTIL(&w, engine_counts(w.engine)->left_alone == 2);
	EXPECT_EQ(engine_counts(w.engine)->left_alone, 2);
	EXPECT(run_idle(&w));
	EXPECT_EQ(to->messages.n, 0);
	far_put(in, "new");
	far_tell(&f);
	UNTIL(&w, to->messages.n == 1);
	EXPECT_EQ(to->messages.n, 1);
	EXPECT_STR(to->messages.at[0].subject, "new");
	far_close_world(&w, &f);
}

TEST(an_action_that_meets_other_uids_is_given_up)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);
	struct rule *r = new_rule("ask", NULL);

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	r->run = 1;
	attach(&w, "INBOX", r);
	far_put(in, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	in->uidvalidity = 9;		/* while the function thinks */
	answer(w.asked[0], "Lists");
	UNTIL(&w, engine_counts(w.engine)->left_alone == 1);
	EXPECT_EQ(engine_counts(w.engine)->left_alone, 1);
	EXPECT(run_idle(&w));
	EXPECT_EQ(to->messages.n, 0);
	EXPECT_EQ(in->messages.n, 1);
	EXPECT_EQ(parked(&w), 0);
	EXPECT_EQ(w.nasked, 1);
	far_close_world(&w, &f);
}

/* A server whose STATUS and SELECT do not agree: not asked without a pause, nor for ever. */
TEST(two_uidvalidities_open_nothing)
{
	struct world w;
	struct far f = { .status_says = 9 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);
	const char *name = "";

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	move_rule(&w, "INBOX", "all", "Lists", false);
	far_put(in, "x");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT(engine_trouble(w.engine, &name) != NULL);
	EXPECT(f.asked[REQ_STATUS] >= 2 && f.asked[REQ_STATUS] <= 3);
	EXPECT_EQ(to->messages.n, 0);
	far_close_world(&w, &f);
}

/* The end comes while a mailbox is being opened: its plans are as unsent as before. */
TEST(an_end_while_opening_doubts_nothing)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);
	struct rule *r = new_rule("ask", NULL);

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	r->run = 1;
	attach(&w, "INBOX", r);
	far_put(in, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	f.away = true;
	answer(w.asked[0], "Lists");
	UNTIL(&w, engine_waiting(w.engine) == 1);
	far_again(&w, &f);
	f.away = false;
	for (unsigned turns = 1; turns < 40 && to->messages.n == 0; turns++) {
		EXPECT(start(&w));
		for (unsigned i = 0; i < turns && to->messages.n == 0; i++)
			turn(&w);
		far_again(&w, &f);
	}
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(to->messages.n, 1);
	EXPECT_EQ(f.probes, 0);
	EXPECT_EQ(parked(&w), 0);
	far_close_world(&w, &f);
}

TEST(what_may_have_happened_is_held)
{
	struct world w;
	struct far f = { .lose_moves = true };
	struct far_box *in = far_add_box(&f, "INBOX", 7);

	far_add_box(&f, "Lists", 8);
	far_put(in, "x");
	EXPECT(far_world(&w, &f, unit_tmp(), true));
	move_rule(&w, "INBOX", "all", "Lists", false);
	EXPECT(start(&w));
	UNTIL(&w, parked(&w) == 1);
	EXPECT_EQ(parked(&w), 1);
	EXPECT_EQ(f.asked[REQ_MOVE], 1);
	EXPECT(run_idle(&w));
	/* Nor is it done at the next start. */
	far_again(&w, &f);
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(f.asked[REQ_MOVE], 1);
	far_close_world(&w, &f);
}

/* Messages wait; the engine is idle meanwhile; back again, all is tried at once, unprobed. */
TEST(an_account_that_is_away_is_waited_for)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);
	struct rule *r = new_rule("ask", NULL);
	const char *name = "";

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	r->run = 1;
	attach(&w, "INBOX", r);
	far_put(in, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	f.away = true;
	answer(w.asked[0], "Lists");
	UNTIL(&w, engine_waiting(w.engine) == 1);
	EXPECT_EQ(engine_waiting(w.engine), 1);
	EXPECT(run_idle(&w));
	EXPECT(engine_trouble(w.engine, &name) != NULL);
	EXPECT_EQ(engine_trouble(w.engine, &name)->kind, ERR_NET);
	EXPECT_STR(name, "home");
	f.away = false;
	far_tell(&f);
	UNTIL(&w, to->messages.n == 1);
	EXPECT_EQ(to->messages.n, 1);
	EXPECT(run_idle(&w));
	EXPECT_EQ(engine_waiting(w.engine), 0);
	EXPECT_EQ(parked(&w), 0);
	EXPECT_EQ(f.probes, 0);
	EXPECT(engine_trouble(w.engine, &name) == NULL);
	far_close_world(&w, &f);
}

/* An end in order knows that nothing was sent: the next start need not doubt it. */
TEST(what_was_not_sent_is_done_at_the_next_start)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);
	struct rule *r = new_rule("ask", NULL);

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	r->run = 1;
	attach(&w, "INBOX", r);
	far_put(in, "x");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 1));
	f.away = true;
	answer(w.asked[0], "Lists");
	UNTIL(&w, engine_waiting(w.engine) == 1);
	far_again(&w, &f);
	f.away = false;
	EXPECT(start(&w));
	UNTIL(&w, to->messages.n == 1);
	EXPECT_EQ(to->messages.n, 1);
	EXPECT_EQ(f.probes, 0);
	EXPECT(run_idle(&w));
	EXPECT_EQ(parked(&w), 0);
	EXPECT_EQ(w.nasked, 1);
	far_close_world(&w, &f);
}

TEST(an_account_that_cannot_be_reached_does_not_hold_up_the_end)
{
	struct world w;
	struct far f = { .refuse_sign_in = true };
	const char *name = "";

	far_add_box(&f, "INBOX", 7);
	EXPECT(far_world(&w, &f, unit_tmp(), true));
	move_rule(&w, "INBOX", "all", "Lists", false);
	move_rule(&w, "@archive", "old", "Lists", false);
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT(engine_trouble(w.engine, &name) != NULL);
	EXPECT_EQ(engine_trouble(w.engine, &name)->kind, ERR_AUTH);
	f.refuse_sign_in = false;
	far_tell(&f);
	UNTIL(&w, engine_trouble(w.engine, &name) == NULL);
	EXPECT(engine_trouble(w.engine, &name) == NULL);
	far_close_world(&w, &f);
}

/* Two mailboxes that would throw a message to and fro: what our rules put there is no arrival. */
TEST(own_moves_are_no_arrivals)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	move_rule(&w, "INBOX", "away", "Lists", false);
	move_rule(&w, "Lists", "back", "INBOX", false);
	far_put(in, "x");
	EXPECT(start(&w));
	UNTIL(&w, to->messages.n == 1);
	EXPECT(run_idle(&w));
	far_tell(&f);
	EXPECT(run_idle(&w));
	EXPECT_EQ(to->messages.n, 1);
	EXPECT_EQ(f.asked[REQ_MOVE], 1);
	/* What somebody else puts there is one. */
	far_put(to, "y");
	far_tell(&f);
	UNTIL(&w, f.asked[REQ_MOVE] == 2);
	EXPECT(run_idle(&w));
	EXPECT_EQ(in->messages.n, 1);
	EXPECT_STR(in->messages.at[0].subject, "y");
	far_close_world(&w, &f);
}

/* The target shows the message before the answer to its MOVE has come: its scan waits for it. */
TEST(a_scan_waits_for_the_answers_of_moves_into_its_mailbox)
{
	struct world w;
	struct far f = { .hold_moves = true };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);
	size_t scans;

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	move_rule(&w, "INBOX", "away", "Lists", false);
	move_rule(&w, "Lists", "back", "INBOX", false);
	far_put(in, "x");
	EXPECT(start(&w));
	UNTIL(&w, f.held.n == 1);
	EXPECT_EQ(f.held.n, 1);
	scans = f.asked[REQ_SCAN];
	far_tell(&f);
	UNTIL(&w, f.asked[REQ_SCAN] > scans);
	pause_ms(&w, 60);
	EXPECT_EQ(f.asked[REQ_MOVE], 1);
	far_let_go(&f);
	EXPECT(run_idle(&w));
	EXPECT_EQ(f.asked[REQ_MOVE], 1);
	EXPECT_EQ(to->messages.n, 1);
	EXPECT_EQ(in->messages.n, 0);
	far_close_world(&w, &f);
}

TEST(own_moves_are_known_after_a_restart)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	move_rule(&w, "INBOX", "away", "Lists", false);
	far_put(in, "x");
	EXPECT(start(&w));
	UNTIL(&w, to->messages.n == 1);
	EXPECT(run_idle(&w));
	far_again(&w, &f);
	new_rules(&w);
	add_account(&w);
	{
		struct rule *r = new_rule("back", NULL);

		add_action(r, VERB_MOVE, "INBOX");
		r->existing = true;
		attach(&w, "Lists", r);
	}
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(f.asked[REQ_MOVE], 1);
	far_close_world(&w, &f);
}

TEST(rules_that_move_in_a_circle_are_stopped)
{
	struct world w;
	struct far f = { 0 };
	struct far_box *in = far_add_box(&f, "INBOX", 7), *to = far_add_box(&f, "Lists", 8);

	EXPECT(far_world(&w, &f, unit_tmp(), true));
	move_rule(&w, "INBOX", "away", "Lists", true);
	move_rule(&w, "Lists", "back", "INBOX", true);
	far_put(in, "x");
	EXPECT(start(&w));
	UNTIL(&w, parked(&w) == 1);
	EXPECT_EQ(parked(&w), 1);
	EXPECT(run_idle(&w));
	EXPECT_EQ(f.asked[REQ_MOVE], 5);
	EXPECT_EQ(in->messages.n + to->messages.n, 1);
	far_close_world(&w, &f);
}

TEST(the_machine_has_slept)
{
	struct world w;
	struct far f = { 0 };
	struct loop *l = loop_fake_new(1700000000000);

	far_add_box(&f, "INBOX", 7);
	EXPECT(open_world_on(&w, l, unit_tmp(), true, false));
	far_engine(&w, &f, true);
	add_account(&w);
	EXPECT(start(&w));
	loop_fake_run_for(l, 60000);
	EXPECT_EQ(f.awakes, 0);
	loop_fake_jump_wall(l, 3600 * 1000);
	loop_fake_run_for(l, 60000);
	EXPECT_EQ(f.awakes, 1);
	far_close_world(&w, &f);
}

static struct account_decl *
imap_decl(const char *name, const char *host, const char *user)
{
	struct account_decl *d = xcalloc(1, sizeof(*d));

	d->kind = ACCOUNT_IMAP;
	d->name = xstrdup(name);
	d->where = xstrdup("test:1");
	d->host = xstrdup(host);
	d->port = 993;
	d->user = xstrdup(user);
	d->digest = xstrdup(name);
	return d;
}

TEST(one_mailbox_has_one_account)
{
	struct ruleset *rs = ruleset_new(NULL, NULL);
	struct err e = ERR_NONE;
	struct account_decl *d = imap_decl("c", "mail.example.org", "anna");

	EXPECT_EQ(ruleset_add_account(rs, imap_decl("a", "mail.example.org", "anna"), &e), 0);
	EXPECT_EQ(ruleset_add_account(rs, imap_decl("b", "mail.example.org", "ben"), &e), 0);
	EXPECT_EQ(engine_check_paths(rs, &e), 0);
	d->authorize = xstrdup("shared");
	EXPECT_EQ(ruleset_add_account(rs, d, &e), 0);
	EXPECT_EQ(engine_check_paths(rs, &e), 0);
	EXPECT_EQ(ruleset_add_account(rs, imap_decl("d", "MAIL.example.org", "ben"), &e), 0);
	EXPECT(engine_check_paths(rs, &e) < 0);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "act on each message twice") != NULL);
	ruleset_unref(&rs);
}

static void
expect_refused(int *unit_failed, struct world *w, struct account_decl *d, const char *word)
{
	struct err e = ERR_NONE;

	new_rules(w);
	EXPECT_EQ(ruleset_add_account(w->rules, d, &e), 0);
	EXPECT(engine_activate(w->engine, w->rules, &e) < 0);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "test:1: account \"a\": ") != NULL);
	EXPECT(strstr(e.text, word) != NULL);
}

TEST(options_that_cannot_be_right_are_refused_at_once)
{
	struct world w;
	struct account_decl *d = imap_decl("a", "mail.example.org", "anna");
	struct account_decl *pin = imap_decl("a", "mail.example.org", "anna");

	EXPECT(open_world(&w, unit_tmp(), true));
	d->ca_file = xasprintf("%s/none.pem", w.dir);
	expect_refused(unit_failed, &w, d, "ca_file");
	pin->fingerprints = xcalloc(2, sizeof(*pin->fingerprints));
	pin->fingerprints[0] = xstrdup("sha256:no");
	expect_refused(unit_failed, &w, pin, "fingerprint");
	close_world(&w, 0);
}

TEST(a_declaration_is_copied_whole)
{
	struct account_decl *d = imap_decl("a", "mail.example.org", "anna"), *c;

	d->authorize = xstrdup("shared");
	d->ca_file = xstrdup("/ca.pem");
	d->fingerprints = xcalloc(2, sizeof(*d->fingerprints));
	d->fingerprints[0] = xstrdup("aa");
	d->timeout_ms = 5;
	d->subscribe = true;
	c = account_decl_copy(d);
	account_decl_free(&d);
	EXPECT_STR(c->host, "mail.example.org");
	EXPECT_STR(c->authorize, "shared");
	EXPECT_STR(c->fingerprints[0], "aa");
	EXPECT(c->fingerprints[1] == NULL);
	EXPECT_EQ(c->port, 993);
	EXPECT(c->subscribe);
	account_decl_free(&c);
	EXPECT(c == NULL);
}
