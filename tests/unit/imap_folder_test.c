/* The IMAP source: requests in doubt, closing, anything at any time, mailboxes as objects. */
#include "tests/unit/imap_half.h"

/* ---- requests in doubt */

TEST(a_copy_under_way_is_held_what_reads_is_not)
{
	struct world w;
	struct request *r;

	begin(&w, 3);
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 1000);
	w.silent = true;
	world_ask(&w, REQ_COPY, "INBOX");
	world_run(&w, 10);
	world_cut(&w, 1);
	w.silent = false;
	world_run(&w, 10);
	EXPECT_EQ(w.answers, 2);
	EXPECT_EQ(w.last->err.kind, ERR_HELD);
	EXPECT(!w.last->err.temporary);
	world_run(&w, 2000);
	w.silent = true;
	world_ask(&w, REQ_FETCH, "INBOX");
	world_run(&w, 3000);
	for (unsigned i = 1; i <= w.opened; i++)
		world_cut(&w, i);
	w.silent = false;
	world_run(&w, 10);
	EXPECT_EQ(w.answers, 3);
	EXPECT(w.last->err.kind != ERR_HELD);
	EXPECT(w.last->err.temporary);
	/* a probe has nothing to look for here */
	r = request_new(REQ_COPY, "INBOX", world_done, &w);
	r->target = "Lists";
	r->uid = 1;
	r->probe = true;
	source_submit(w.s, r);
	world_run(&w, 10);
	EXPECT_EQ(w.last->err.kind, ERR_HELD);
	world_end(&w);
}

TEST(a_list_that_was_cut_is_asked_again)
{
	struct world w;

	begin(&w, 3);
	w.list = "* LIST () \"/\" INBOX\r\n";
	world_ask(&w, REQ_STATUS, "INBOX");
	world_run(&w, 100);
	w.silent = true;
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 100);
	world_cut(&w, 1);
	w.silent = false;
	world_run(&w, 1100);
	EXPECT_EQ(w.answers, 2);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(w.last->list.n, 1);
	world_end(&w);
}

/* ---- closing */

TEST(close_at_each_stage)
{
	for (int stage = 0; stage < 9; stage++) {
		struct world w;
		struct seen s = { 0 };

		begin(&w, 2);
		w.refused = stage == 3;
		w.silent = stage == 1;
		if (stage >= 1) {
			watch(&w, "INBOX", &s);
			world_ask(&w, REQ_SCAN, "Work");
			world_ask(&w, REQ_LIST, "");
		}
		if (stage >= 2)
			world_run(&w, 100);
		if (stage == 1)
			loop_turn(w.l, false);
		if (stage >= 5) {
			w.silent = true;
			world_ask(&w, REQ_SCAN, "INBOX");
			if (stage >= 6)
				world_run(&w, 10);
			world_ask(&w, REQ_SCAN, "Lists");
			world_ask(&w, REQ_STATUS, "INBOX");
			if (stage == 7)
				world_run(&w, 10);
			if (stage == 8)
				world_cut(&w, 1);
		}
		world_close(&w);
		EXPECT(!w.closed);
		world_run(&w, 5100);
		EXPECT(w.closed);
		EXPECT_EQ(w.now, 0);
		EXPECT_EQ(w.answers, stage == 0 ? 0 : stage < 5 ? 2 : 5);
		world_end(&w);
	}
}

TEST(close_lets_a_command_end_and_logs_out)
{
	struct world w;

	begin(&w, 3);
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 100);
	world_ask(&w, REQ_SCAN, "INBOX");
	loop_turn(w.l, false);
	loop_turn(w.l, false);
	world_close(&w);
	world_run(&w, 100);
	EXPECT(w.closed);
	EXPECT_EQ(w.answers, 2);
	EXPECT_EQ(heard(&w, "LOGOUT"), 1);
	world_end(&w);
}

/* ---- anything at any time: each request is answered once, and nothing is left */

static uint32_t
dice(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

static void
one_event(struct world *w, uint32_t *seed, struct seen *s, unsigned *asked)
{
	static const char *const names[] = { "INBOX", "Lists", "Work", "Four", "None", "a//b" };
	static const enum request_kind kinds[] = { REQ_SCAN, REQ_FETCH, REQ_COPY, REQ_STATUS, REQ_LIST,
		REQ_CREATE, REQ_RENAME, REQ_REMOVE, REQ_SCAN };
	const char *name = names[dice(seed, ARRAY_LEN(names))];

	switch (dice(seed, 14)) {
	case 0: case 1: case 2:
		world_ask(w, kinds[dice(seed, ARRAY_LEN(kinds))], name);
		++*asked;
		break;
	case 3:
		watch(w, name, s);
		break;
	case 4:
		w->s->ops->unwatch(w->s, name, on_change, s);
		break;
	case 5:
		world_cut(w, dice(seed, w->opened + 1));
		break;
	case 6:
		w->refused = dice(seed, 3) == 0;
		break;
	case 7:
		w->silent = dice(seed, 4) == 0;
		break;
	case 8:
		w->no_password = dice(seed, 6) == 0;
		break;
	case 9:
		w->most = dice(seed, 4);
		break;
	case 10:
		w->box[dice(seed, 4)].missing = dice(seed, 3) == 0;
		break;
	case 11:
		w->s->ops->awake(w->s);
		break;
	case 12:
		world_say(w, dice(seed, w->opened + 1), dice(seed, 2) ? "* 9 EXISTS\r\n" : "* BYE enough\r\n");
		break;
	default:
		world_run(w, dice(seed, 3) == 0 ? 40000 : dice(seed, 300));
		break;
	}
}

TEST(anything_at_any_time)
{
	for (uint32_t round = 0; round < 150; round++) {
		uint32_t seed = round * 7919 + 1;
		struct seen s = { 0 };
		unsigned asked = 0;
		struct world w;

		begin(&w, 1 + round % 4);
		w.no_uidnext = w.no_status_uidnext = round % 5 == 0;
		for (int i = 0; i < 80; i++)
			one_event(&w, &seed, &s, &asked);
		world_close(&w);
		world_run(&w, 6000);
		EXPECT(w.closed);
		EXPECT_EQ(w.now, 0);
		EXPECT_EQ(w.answers, asked);
		world_end(&w);
	}
}

/* ---- several at once */

/* What only reads waits for the next connection, in its order; what was sent and changes does not. */
TEST(what_was_under_way_keeps_its_order)
{
	struct world w;
	const char *again;

	begin(&w, 1);
	w.list = "* LIST () \"/\" INBOX\r\n";
	world_ask(&w, REQ_STATUS, "Four");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 1);
	w.silent = true;
	world_ask(&w, REQ_STATUS, "Work");
	world_ask(&w, REQ_LIST, "");
	world_ask(&w, REQ_STATUS, "Lists");
	world_ask(&w, REQ_STATUS, "INBOX");
	world_ask(&w, REQ_CREATE, "New");
	world_run(&w, 100);
	again = strstr(str_z(&w.heard), "STATUS Work");
	EXPECT(again != NULL && strstr(again, "STATUS INBOX") != NULL);
	EXPECT_EQ(heard(&w, "CREATE"), 0);	/* alone */
	w.silent = false;
	str_reset(&w.heard);
	world_cut(&w, 1);
	world_run(&w, 3000);
	EXPECT_EQ(w.answers, 6);
	EXPECT(strstr(str_z(&w.heard), "2> STATUS Work (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
	    "2> LIST \"\" \"*\" RETURN (SPECIAL-USE)\n2> STATUS Lists (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n"
	    "2> STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)\n2> CREATE New\n") != NULL);
	EXPECT_EQ(logged(&w, "connecting again"), 1);
	world_end(&w);
}

TEST(twenty_at_once_on_a_link)
{
	struct world w;
	char name[20];

	begin(&w, 1);
	world_ask(&w, REQ_STATUS, "Four");
	world_run(&w, 1000);
	w.silent = true;
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		world_ask(&w, REQ_STATUS, name);
	}
	world_run(&w, 100);
	EXPECT_EQ(heard(&w, "STATUS x"), 20);
	world_end(&w);
	EXPECT_EQ(w.answers, 31);
}

/* ---- mailboxes as objects */

static const char *
role_at(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->last->list.n; i++)
		if (strcmp(w->last->list.at[i].name, name) == 0)
			return w->last->list.at[i].role != NULL ? w->last->list.at[i].role : "none";
	return "missing";
}

TEST(list_with_roles)
{
	struct world w;

	begin(&w, 3);
	w.list = "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
	    "* LIST (\\HasNoChildren) \"/\" Trash\r\n"
	    "* LIST (\\HasNoChildren \\Trash) \"/\" Bin\r\n"
	    "* LIST (\\Noselect) \"/\" Archive\r\n"
	    "* LIST () \"/\" Archives\r\n"
	    "* LIST () \"/\" \"Entw&APw-rfe\"\r\n"
	    "* LIST () \"/\" \"Junk E-mail\"\r\n"
	    "* LIST () \"/\" Spam\r\n"
	    "* LIST () \"/\" \"Sent Items\"\r\n";
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(heard(&w, "LIST \"\" \"*\" RETURN (SPECIAL-USE)"), 1);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(w.last->list.n, 9);
	EXPECT_STR(role_at(&w, "INBOX"), "inbox");
	EXPECT_STR(role_at(&w, "Bin"), "trash");
	EXPECT_STR(role_at(&w, "Trash"), "none");
	EXPECT_STR(role_at(&w, "Archive"), "none");
	EXPECT_STR(role_at(&w, "Archives"), "archive");
	EXPECT_STR(role_at(&w, "Entwürfe"), "drafts");
	EXPECT_STR(role_at(&w, "Spam"), "junk");
	EXPECT_STR(role_at(&w, "Junk E-mail"), "none");
	EXPECT_STR(role_at(&w, "Sent Items"), "sent");
	EXPECT(!w.last->list.at[3].selectable);
	EXPECT(w.last->list.at[4].selectable);
	world_end(&w);
}

TEST(list_of_gmail_and_of_servers_without_return)
{
	struct world w;

	begin(&w, 3);
	w.list = "* LIST (\\Noselect) \"/\" \"[Gmail]\"\r\n"
	    "* LIST (\\All) \"/\" \"[Gmail]/All Mail\"\r\n"
	    "* LIST () \"/\" \"[Gmail]/Trash\"\r\n";
	w.empty_return = true;
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(heard(&w, "LIST \"\" \"*\""), 2);
	EXPECT_STR(role_at(&w, "[Gmail]/All Mail"), "archive");
	EXPECT_STR(role_at(&w, "[Gmail]/Trash"), "trash");
	EXPECT_STR(role_at(&w, "INBOX"), "inbox");
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(heard(&w, "RETURN"), 1);
	EXPECT_EQ(heard(&w, "LIST \"\" \"*\""), 3);
	world_end(&w);
	begin(&w, 3);
	w.caps = "IMAP4rev1 XLIST NAMESPACE";
	w.list = "* XLIST (\\Inbox) \"/\" \"Posteingang\"\r\n* XLIST (\\Spam) \"/\" \"Reklame\"\r\n";
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(heard(&w, "XLIST \"\" \"*\""), 1);
	EXPECT_STR(role_at(&w, "INBOX"), "inbox");
	EXPECT_STR(role_at(&w, "Reklame"), "junk");
	world_end(&w);
}

TEST(mailboxes_are_made_renamed_removed)
{
	struct world w;
	struct imap_source_conf c;

	world_begin(&w);
	c = world_conf(&w);
	c.subscribe = true;
	world_start(&w, &c);
	world_ask(&w, REQ_CREATE, "Straße & Co");
	world_run(&w, 1000);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(heard(&w, "> CREATE \"Stra&AN8-e &- Co\""), 1);
	EXPECT_EQ(heard(&w, "> SUBSCRIBE \"Stra&AN8-e &- Co\""), 1);
	world_ask(&w, REQ_CREATE, "Work");
	world_run(&w, 100);
	EXPECT_EQ(w.last->err.kind, ERR_REFUSED);
	EXPECT_STR(w.last->err.text, "mailbox 'Work' in account 'work' is there already");
	world_ask(&w, REQ_SCAN, "Work");
	world_run(&w, 100);
	world_ask(&w, REQ_RENAME, "Work");
	world_run(&w, 100);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(heard(&w, "> UNSELECT\n1> RENAME Work Lists"), 1);
	world_ask(&w, REQ_REMOVE, "Four");
	world_run(&w, 100);
	EXPECT_EQ(heard(&w, "> DELETE Four"), 1);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	world_end(&w);
}

TEST(an_account_that_is_only_read_changes_nothing)
{
	static const enum request_kind kinds[] = { REQ_CREATE, REQ_RENAME, REQ_REMOVE, REQ_FLAGS,
		REQ_COPY, REQ_MOVE, REQ_EXPUNGE };
	struct world w;
	struct imap_source_conf c;

	world_begin(&w);
	c = world_conf(&w);
	c.read_only = true;
	world_start(&w, &c);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		world_ask(&w, kinds[i], "Work");
		world_run(&w, 100);
		EXPECT_EQ(w.answers, i + 1);
		EXPECT_EQ(w.last->err.kind, ERR_USAGE);
	}
	EXPECT_EQ(w.opened, 0);
	world_ask(&w, REQ_SCAN, "Work");
	world_run(&w, 1000);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(heard(&w, "EXAMINE Work"), 1);
	EXPECT_EQ(heard(&w, "SELECT"), 0);
	world_end(&w);
}
