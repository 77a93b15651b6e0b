/*
 * The connection half of the IMAP source: links, supervision, watching, mailboxes as objects.
 * What a batch and an APPEND say is tested elsewhere: here each request of a mailbox is one
 * "UID FETCH n (UID)", by the functions below instead of those of imap_batch.c.
 */
#include "source/imap_source_int.h"
#include "tests/unit/imap_world.h"

/* ---- in place of the other half */

struct one { struct imap_link *l; struct imap_box *b; struct request *r; unsigned *left; };

static void
one_done(void *arg, const struct imap_answer *a)
{
	struct one *o = arg;

	if (a->result != NULL && a->result->cond == IMAP_OK)
		imap_answer(o->b->source, o->r);
	else
		imap_answer_fault(o->b->source, o->r, a, "the test's command");
	if (--*o->left == 0) {
		free(o->left);
		imap_batch_ended(o->l, o->b);
	}
	free(o);
}

void
imap_batch_run(struct imap_link *l, struct imap_box *b)
{
	unsigned *left = xcalloc(1, sizeof(*left));
	char text[40];

	LIST_EACH(&b->queue, it) {
		struct one *o = xcalloc(1, sizeof(*o));
		struct imap_op *op = imap_op_new(l->imap, IMAP_DO_UID_FETCH);

		*o = (struct one){ l, b, LIST_ITEM(it, struct request, link), left };
		list_remove(it);
		++*left;
		snprintf(text, sizeof(text), "%u", o->r->uid);
		imap_cmd_set(imap_op_cmd(op), view_of(text));
		imap_cmd_raw(imap_op_cmd(op), " (UID)");
		imap_op_send(op, NULL, one_done, o);
	}
}

void
imap_append_run(struct imap_link *l)
{
	imap_answer(l->source, l->plain);
	imap_plain_ended(l);
}

struct imap_sink
imap_read_sink(struct imap_link *l)
{
	(void)l;
	return (struct imap_sink){ 0 };
}

void
imap_read_drop(struct imap_link *l)
{
	(void)l;
}

/* ---- watchers */

struct seen { unsigned changes, lost; struct err why; };

static void
on_change(void *arg, const char *mailbox, const struct err *lost)
{
	struct seen *s = arg;

	(void)mailbox;
	s->changes += lost == NULL;
	s->lost += lost != NULL;
	if (lost != NULL)
		s->why = *lost;
}

static void
watch(struct world *w, const char *mailbox, struct seen *s)
{
	w->s->ops->watch(w->s, mailbox, on_change, s);
}

static void
begin(struct world *w, unsigned connections)
{
	struct imap_source_conf c;

	world_begin(w);
	c = world_conf(w);
	c.max_connections = connections;
	world_start(w, &c);
}

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
	EXPECT_EQ(logged(&w, "work:INBOX: the server has renumbered its messages (UIDVALIDITY 1 is 2 now; "
	    "120 messages)"), 1);
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
