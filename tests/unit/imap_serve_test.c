/* The IMAP source: who is watched how, which link serves whom, mailboxes that change under us. */
#include "tests/unit/imap_half.h"

/* ---- watching */

TEST(a_watched_mailbox_has_the_first_link)
{
	struct world w;
	struct seen s = { 0 };

	begin(&w, 3);
	world_ask(&w, REQ_LIST, "");
	watch(&w, "INBOX", &s);
	world_ask(&w, REQ_STATUS, "INBOX");
	world_run(&w, 1000);
	EXPECT_EQ(w.opened, 1);
	EXPECT_EQ(w.answers, 2);
	EXPECT_EQ(heard(&w, "1> SELECT INBOX"), 1);
	EXPECT_EQ(heard(&w, "1> IDLE"), heard(&w, "1> DONE") + 1);
	EXPECT_EQ(logged(&w, "work:INBOX: watched by IDLE"), 1);
	EXPECT_EQ(s.changes, 1);
	world_say(&w, 1, "* OK [ALERT] Down at noon\r\n* OK [ALERT] Down at noon\r\n");
	world_run(&w, 10);
	EXPECT_EQ(logged(&w, "work: the server says: Down at noon"), 1);
	EXPECT_EQ(s.changes, 1);
	world_say(&w, 1, "* 4 EXISTS\r\n* 1 RECENT\r\n");
	world_run(&w, 10);
	EXPECT_EQ(s.changes, 2);
	world_say(&w, 1, "* 2 EXPUNGE\r\n* 1 FETCH (FLAGS (\\Seen))\r\n");
	world_run(&w, 10);
	EXPECT_EQ(s.changes, 3);
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 10);
	EXPECT_EQ(w.answers, 3);
	EXPECT_EQ(heard(&w, "1> IDLE"), heard(&w, "1> DONE") + 1);
	w.s->ops->unwatch(w.s, "INBOX", on_change, &s);
	world_say(&w, 1, "* 5 EXISTS\r\n");
	world_run(&w, 10);
	EXPECT_EQ(s.changes, 3);
	world_run(&w, 61000);
	EXPECT_EQ(heard(&w, "1> LOGOUT"), 1);
	EXPECT_EQ(w.now, 0);
	world_end(&w);
}

TEST(a_cut_link_comes_back_within_a_second_and_calls)
{
	struct world w;
	struct seen s = { 0 };

	begin(&w, 3);
	watch(&w, "INBOX", &s);
	world_run(&w, 70000);
	EXPECT_EQ(s.changes, 1);
	world_cut(&w, 1);
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 1100);
	EXPECT_EQ(w.opened, 2);
	EXPECT_EQ(s.changes, 2);
	EXPECT_EQ(w.answers, 1);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(logged(&w, "work: the connection was lost: mail.example.com:143: connection reset"), 1);
	EXPECT_EQ(logged(&w, "work: connected again"), 1);
	/* the second time so soon is a failure: its pause is at least 1.5 s */
	world_cut(&w, 2);
	world_run(&w, 1000);
	EXPECT_EQ(w.opened, 2);
	world_run(&w, 2000);
	EXPECT_EQ(w.opened, 3);
	EXPECT_EQ(s.changes, 3);
	/* up for a minute: what was before does not count any more */
	world_run(&w, 61000);
	world_cut(&w, 3);
	world_run(&w, 1100);
	EXPECT_EQ(w.opened, 4);
	EXPECT_EQ(logged(&w, "trying again"), 1);
	world_end(&w);
}

TEST(three_connections_two_watches_the_third_is_polled)
{
	struct world w;
	struct seen a = { 0 }, b = { 0 }, c = { 0 };

	begin(&w, 3);
	watch(&w, "INBOX", &a);
	watch(&w, "Work", &b);
	watch(&w, "Lists", &c);
	world_run(&w, 1000);
	EXPECT_EQ(w.opened, 2);
	EXPECT_EQ(heard(&w, "IDLE"), 2 + heard(&w, "DONE"));
	EXPECT_EQ(heard(&w, "STATUS Lists (MESSAGES UIDNEXT UIDVALIDITY)"), 1);
	EXPECT_EQ(logged(&w, "work:Lists: looked at every 60 s (2 of 3 connections are taken by watches)"), 1);
	EXPECT_EQ(c.changes, 1);
	world_run(&w, 120000);
	EXPECT_EQ(heard(&w, "STATUS Lists"), 3);
	EXPECT_EQ(c.changes, 1);
	w.box[1].exists = 1;
	w.box[1].uidnext = 2;
	world_run(&w, 60000);
	EXPECT_EQ(c.changes, 2);
	/* its requests are a worker's, which goes when it is not used */
	world_ask(&w, REQ_SCAN, "Lists");
	world_run(&w, 1000);
	EXPECT_EQ(w.opened, 3);
	EXPECT_EQ(heard(&w, "3> SELECT Lists"), 1);
	EXPECT_EQ(w.answers, 1);
	world_run(&w, 130000);
	EXPECT_EQ(heard(&w, "3> LOGOUT"), 1);
	EXPECT_EQ(w.now, 2);
	/* the place of an own link falls to the next */
	w.s->ops->unwatch(w.s, "Work", on_change, &b);
	world_run(&w, 1000);
	EXPECT_EQ(logged(&w, "work:Lists: watched by IDLE"), 1);
	EXPECT_EQ(w.opened, 3);
	world_end(&w);
}

TEST(two_polled_mailboxes_do_not_call_each_other)
{
	struct world w;
	struct seen a = { 0 }, b = { 0 }, c = { 0 };

	begin(&w, 2);
	watch(&w, "INBOX", &a);
	watch(&w, "Work", &b);
	watch(&w, "Four", &c);
	world_run(&w, 1000);
	for (int i = 0; i < 5; i++) {
		world_ask(&w, REQ_SCAN, "Work");
		world_ask(&w, REQ_SCAN, "Four");
		world_run(&w, 100);
	}
	EXPECT_EQ(w.answers, 10);
	EXPECT_EQ(w.opened, 2);
	EXPECT_EQ(b.changes, 1);
	EXPECT_EQ(c.changes, 1);
	world_end(&w);
}

TEST(one_connection_goes_out_and_comes_home)
{
	struct world w;
	struct seen a = { 0 }, b = { 0 };

	begin(&w, 1);
	watch(&w, "INBOX", &a);
	watch(&w, "Work", &b);
	world_run(&w, 1000);
	EXPECT_EQ(w.opened, 1);
	EXPECT_EQ(a.changes, 1);
	EXPECT_EQ(b.changes, 1);
	EXPECT_EQ(logged(&w, "work:Work: looked at every 60 s (1 of 1 connections is taken by watches)"), 1);
	world_ask(&w, REQ_SCAN, "Work");
	world_ask(&w, REQ_SCAN, "Lists");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 2);
	EXPECT_EQ(heard(&w, "SELECT Work"), 1);
	EXPECT_EQ(heard(&w, "SELECT Lists"), 1);
	EXPECT_EQ(heard(&w, "SELECT INBOX"), 2);
	EXPECT_EQ(a.changes, 2);
	EXPECT_EQ(w.opened, 1);
	world_end(&w);
}

TEST(a_worker_stays_until_others_wait)
{
	struct world w;

	begin(&w, 1);
	world_ask(&w, REQ_SCAN, "Work");
	world_run(&w, 100);
	world_ask(&w, REQ_SCAN, "Work");
	world_run(&w, 100);
	EXPECT_EQ(heard(&w, "SELECT"), 1);
	EXPECT_EQ(heard(&w, "NOOP"), 0);
	/* quiet for a while: what came since is asked for */
	world_run(&w, 5000);
	world_ask(&w, REQ_SCAN, "Work");
	world_run(&w, 100);
	EXPECT_EQ(heard(&w, "NOOP"), 1);
	EXPECT_EQ(heard(&w, "SELECT"), 1);
	world_ask(&w, REQ_SCAN, "Four");
	world_run(&w, 100);
	EXPECT_EQ(heard(&w, "SELECT"), 2);
	EXPECT_EQ(w.answers, 4);
	EXPECT_EQ(w.opened, 1);
	world_end(&w);
}

TEST(a_limit_of_connections_is_no_failure)
{
	struct world w;
	struct seen a = { 0 }, b = { 0 };

	begin(&w, 5);
	w.most = 1;
	watch(&w, "INBOX", &a);
	watch(&w, "Work", &b);
	world_run(&w, 2000);
	EXPECT_EQ(w.now, 1);
	EXPECT_EQ(w.opened, 2);
	EXPECT_EQ(logged(&w, "mailmill goes on with 1"), 1);
	EXPECT_EQ(logged(&w, "trying again"), 0);
	EXPECT_EQ(a.changes, 1);
	EXPECT_EQ(b.changes, 1);
	EXPECT_EQ(logged(&w, "work:Work: looked at every 60 s"), 1);
	world_run(&w, 600000);
	EXPECT_EQ(w.opened, 2);
	world_end(&w);
}

/* ---- mailboxes that change under us */

TEST(renumbered_messages_are_told_and_old_uids_refused)
{
	struct world w;
	struct seen s = { 0 };
	struct request *r;

	begin(&w, 3);
	watch(&w, "INBOX", &s);
	world_run(&w, 1000);
	w.box[0] = (struct world_box){ "INBOX", 120, 121, 2, false };
	r = request_new(REQ_FLAGS, "INBOX", world_done, &w);
	r->uid = 3;
	r->uidvalidity = 1;
	r->add.sys = FLAG_SEEN;
	world_cut(&w, 1);
	source_submit(w.s, r);
	world_run(&w, 3000);
	EXPECT_EQ(logged(&w, "has renumbered its messages"), 0);	/* the engine tells, once */
	EXPECT_EQ(w.answers, 1);
	EXPECT_EQ(w.last->result, RESULT_FAILED);
	EXPECT_EQ(w.last->err.kind, ERR_GONE);
	EXPECT_EQ(w.last->err.scope, SCOPE_MAILBOX);
	EXPECT_EQ(heard(&w, "UID FETCH"), 0);
	EXPECT_EQ(s.changes, 2);
	world_end(&w);
}

TEST(a_mailbox_that_is_not_there_is_lost_and_found)
{
	struct world w;
	struct seen s = { 0 };

	begin(&w, 3);
	w.box[2].missing = true;
	watch(&w, "Work", &s);
	world_ask(&w, REQ_SCAN, "Work");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 1);
	EXPECT_EQ(w.last->err.kind, ERR_GONE);
	EXPECT_EQ(s.lost, 1);
	EXPECT(s.why.temporary);
	EXPECT(strstr(s.why.text, "'Work'") != NULL);
	world_run(&w, 95000);
	EXPECT_EQ(s.lost, 1);
	EXPECT_EQ(heard(&w, "SELECT Work"), 4);
	EXPECT_EQ(s.changes, 0);
	w.box[2].missing = false;
	world_run(&w, 30000);
	EXPECT_EQ(s.changes, 1);
	EXPECT_EQ(logged(&w, "work:Work: watched by IDLE"), 1);
	EXPECT_EQ(w.opened, 1);
	world_end(&w);
}

TEST(a_polled_mailbox_that_goes_is_lost_and_found)
{
	struct world w;
	struct seen a = { 0 }, b = { 0 };

	begin(&w, 1);
	watch(&w, "INBOX", &a);
	watch(&w, "Work", &b);
	world_run(&w, 1000);
	EXPECT_EQ(b.changes, 1);
	w.box[2].missing = true;
	world_run(&w, 120000);
	EXPECT_EQ(b.lost, 1);
	EXPECT_EQ(a.lost, 0);
	EXPECT_EQ(logged(&w, "work:Work: looked at"), 1);
	w.box[2].missing = false;
	world_run(&w, 31000);
	EXPECT_EQ(b.changes, 2);
	world_end(&w);
}

TEST(a_name_that_can_be_none_is_refused)
{
	struct world w;
	struct seen s = { 0 };

	begin(&w, 3);
	watch(&w, "a//b", &s);
	world_ask(&w, REQ_SCAN, "a//b");
	world_ask(&w, REQ_CREATE, "bad%");
	world_ask(&w, REQ_STATUS, "");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 3);
	EXPECT_EQ(w.last->err.kind, ERR_USAGE);
	EXPECT_EQ(s.lost, 1);
	EXPECT_EQ(s.why.kind, ERR_USAGE);
	EXPECT_EQ(heard(&w, "SELECT"), 0);
	EXPECT_EQ(heard(&w, "CREATE"), 0);
	world_end(&w);
}

TEST(courier_does_not_say_uidnext)
{
	struct world w;

	begin(&w, 3);
	w.no_uidnext = w.no_status_uidnext = true;
	world_ask(&w, REQ_STATUS, "INBOX");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 1);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(w.last->status.uidnext, 11);
	EXPECT_EQ(w.last->status.uidvalidity, 1);
	EXPECT_EQ(heard(&w, "UID FETCH * (UID)"), 1);
	world_end(&w);
}
