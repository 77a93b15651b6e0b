/* The IMAP source: options, connecting, why there is no connection. */
#include "tests/unit/imap_half.h"

/* ---- options */

TEST(options_that_make_no_sense_are_named)
{
	struct world w;
	struct imap_source_conf c;
	struct err e = ERR_NONE;

	world_begin(&w);
	c = world_conf(&w);
	c.password = NULL;
	EXPECT(imap_source_open(w.l, w.log, &c, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "password, token") != NULL);
	err_clear(&e);
	c = world_conf(&w);
	c.security = SESSION_TLS;
	EXPECT(imap_source_open(w.l, w.log, &c, &e) == NULL);
	EXPECT(strstr(e.text, "tls") != NULL);
	err_clear(&e);
	c = world_conf(&w);
	c.max_connections = 51;
	EXPECT(imap_source_open(w.l, w.log, &c, &e) == NULL);
	EXPECT(strstr(e.text, "max_connections") != NULL);
	world_end(&w);
}

TEST(nothing_connects_before_somebody_asks)
{
	struct world w;

	begin(&w, 3);
	world_run(&w, 100000);
	EXPECT_EQ(w.opened, 0);
	world_close(&w);
	world_run(&w, 10);
	EXPECT(w.closed);
	world_end(&w);
}

/* ---- connecting */

TEST(first_request_signs_in)
{
	struct world w;

	begin(&w, 3);
	world_ask(&w, REQ_STATUS, "inbox");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 1);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(w.last->status.uidnext, 11);
	EXPECT_EQ(w.last->status.messages, 3);
	EXPECT_EQ(logged(&w, "work: signed in at mail.example.com:143 as anna (Testd)"), 1);
	EXPECT_EQ(heard(&w, "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"), 1);
	world_end(&w);
	EXPECT(w.closed);
}

TEST(at_the_end_nothing_waits_for_a_connection)
{
	struct world w;

	begin(&w, 3);
	w.silent = true;
	world_ask(&w, REQ_STATUS, "INBOX");
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 100);
	EXPECT_EQ(w.answers, 0);
	w.s->ops->no_wait(w.s);
	world_run(&w, 10);
	EXPECT_EQ(w.answers, 2);
	EXPECT_EQ(w.last->result, RESULT_FAILED);
	EXPECT(w.last->err.temporary);
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 10);
	EXPECT_EQ(w.answers, 3);
	world_close(&w);
	world_run(&w, 10);
	EXPECT(w.closed);
	world_end(&w);
}

TEST(a_wrong_password_is_told_to_all_that_wait)
{
	struct world w;

	begin(&w, 3);
	w.no_password = true;
	world_ask(&w, REQ_LIST, "");
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 2);
	EXPECT_EQ(w.last->result, RESULT_FAILED);
	EXPECT_EQ(w.last->err.kind, ERR_AUTH);
	EXPECT_EQ(w.last->err.scope, SCOPE_ACCOUNT);
	EXPECT(w.last->err.temporary);
	EXPECT_EQ(logged(&w, "trying again in 30 min"), 1);
	EXPECT_EQ(w.opened, 1);
	/* in the pause: at once, without an attempt */
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 10);
	EXPECT_EQ(w.answers, 3);
	EXPECT_EQ(w.opened, 1);
	/* behind it: a request waits for the attempt */
	w.no_password = false;
	world_run(&w, 30 * 60 * 1000);
	EXPECT_EQ(w.opened, 1);		/* nobody wants anything */
	world_ask(&w, REQ_SCAN, "INBOX");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 4);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	world_end(&w);
}

TEST(pauses_grow_and_the_log_grows_quiet)
{
	struct world w;
	struct seen s = { 0 };
	unsigned first, later;

	begin(&w, 3);
	w.refused = true;
	watch(&w, "INBOX", &s);
	world_run(&w, 500);
	EXPECT_EQ(w.opened, 1);
	EXPECT_EQ(logged(&w, "work: mail.example.com:143: connection refused; trying again in "), 1);
	world_run(&w, 10 * 60 * 1000);
	first = w.opened;
	EXPECT(first >= 8 && first <= 13);
	world_run(&w, 60 * 60 * 1000);
	later = w.opened - first;
	EXPECT(later >= 9 && later <= 17);
	EXPECT(logged(&w, "connection refused") >= 3);
	EXPECT(logged(&w, "connection refused") <= 5);
	EXPECT_EQ(s.lost, 0);
	w.refused = false;
	world_run(&w, 7 * 60 * 1000);
	EXPECT_EQ(logged(&w, "signed in"), 1);
	EXPECT_EQ(s.changes, 1);
	world_end(&w);
}

TEST(a_pause_that_the_server_asks_for_is_kept)
{
	struct world w;

	begin(&w, 3);
	w.busy = "[UNAVAILABLE] Session invalidated - Suggested Backoff Time: 120000 milliseconds";
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(w.answers, 1);
	EXPECT_EQ(logged(&w, "the server asks for a pause: trying again at "), 1);
	w.busy = NULL;
	w.s->ops->awake(w.s);
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 110000);
	EXPECT_EQ(w.opened, 1);
	world_run(&w, 20000);
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(w.opened, 2);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	world_end(&w);
}

TEST(awake_tries_at_once_and_probes)
{
	struct world w;
	struct seen s = { 0 };

	begin(&w, 3);
	w.refused = true;
	watch(&w, "INBOX", &s);
	world_run(&w, 5 * 60 * 1000);
	w.refused = false;
	w.s->ops->awake(w.s);
	world_run(&w, 100);
	EXPECT_EQ(w.now, 1);
	EXPECT_EQ(heard(&w, "NOOP"), 0);
	w.s->ops->awake(w.s);
	world_run(&w, 100);
	EXPECT_EQ(heard(&w, "DONE"), 1);
	EXPECT_EQ(heard(&w, "NOOP"), 1);
	world_end(&w);
}
