/*
 * The Maildir source: opening, reading, flags, order, mailboxes.  What moves
 * and copies messages is in maildir_move_test.c, watching in maildir_watch_test.c.
 */
#include "tests/unit/maildir_world.h"

/* ---- opening */

TEST(maildir_refuses_what_is_none)
{
	struct maildir_conf conf = { .name = "home", .path = "/nowhere/at/all" };
	struct uid_book book = { 0 };
	struct err e = ERR_NONE;
	struct loop *l = loop_new(&e);

	EXPECT(maildir_open(l, NULL, &conf, &book, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "/nowhere/at/all") != NULL);
	err_clear(&e);
	conf.path = "relative";
	EXPECT(maildir_open(l, NULL, &conf, &book, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	loop_free(&l);
}

TEST(maildir_sweeps_our_old_leftovers)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct world w;

	world_begin(&w);
	put_file(&w, "tmp/mailmill.fresh", "x");
	need(utimensat(AT_FDCWD, path_of(&w, "tmp/mailmill.fresh"), old, 0));
	world_close(&w);
	world_source(&w);
	EXPECT_EQ(count(&w, "INBOX"), 0);
	EXPECT(has(&w, "tmp/mailmill.fresh"));	/* its ctime is new: a delivery under way */
	make_folder(&w, ".A");
	put_file(&w, ".A/tmp/mailmill.other", "x");
	put_file(&w, ".A/tmp/1000.foreign", "x");
	world_close(&w);
	loop_free(&w.l);
	w.l = loop_fake_new(clock_wall_ms() + (int64_t)37 * 3600 * 1000);
	w.b.l = w.l;
	world_source(&w);
	EXPECT_EQ(count(&w, "INBOX"), 0);
	EXPECT(!has(&w, "tmp/mailmill.fresh"));
	EXPECT(!has(&w, ".A/tmp/mailmill.other"));
	EXPECT(has(&w, ".A/tmp/1000.foreign"));
	world_end(&w);
}

/* ---- scan and fetch */

TEST(maildir_scans_oldest_first)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	put_file(&w, "cur/2000.M1P1Q1.h:2,S", mail);
	put_file(&w, "new/3000.M1P1Q1.h", mail);
	put_file(&w, "cur/1000.M1P1Q2.h:2,F", mail);
	put_file(&w, "cur/1000.M1P1Q1.h", mail);
	put_file(&w, "cur/.hidden", mail);
	r = scan(&w, "inbox", 0, 0, NEED_HEADER);
	EXPECT_EQ(r->result, RESULT_DONE);
	EXPECT_EQ(r->messages.n, 4);
	EXPECT_EQ(r->hops.n, 4);
	EXPECT_EQ(r->status.uidvalidity, 7);
	EXPECT_EQ(r->status.uidnext, 5);
	EXPECT(!r->more);
	for (size_t i = 0; i < 4; i++) {
		struct message_facts *f = message_facts(r->messages.at[i]);

		EXPECT_EQ(f->uid, i + 1);
		EXPECT_EQ(r->hops.at[i], (i + 1) % 3);
		EXPECT_EQ(f->size, (int64_t)strlen(mail));
		EXPECT_EQ(f->here, 1234);
		EXPECT(message_have(r->messages.at[i]) & NEED_HEADER);
	}
	EXPECT_EQ(message_facts(r->messages.at[0])->flags.sys, 0);
	EXPECT_EQ(message_facts(r->messages.at[1])->flags.sys, FLAG_FLAGGED);
	EXPECT_EQ(message_facts(r->messages.at[2])->flags.sys, FLAG_SEEN);
	request_free(&r);
	EXPECT(has(&w, "new/3000.M1P1Q1.h"));	/* reading changes nothing */
	r = run(&w, make(REQ_STATUS, "INBOX", 0));
	EXPECT_EQ(r->status.messages, 4);
	EXPECT_EQ(r->status.unseen, 3);
	request_free(&r);
	world_end(&w);
}

TEST(maildir_uids_survive_a_restart)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	deliver(&w, "1000.a.h");
	deliver(&w, "2000.b.h");
	EXPECT_EQ(count(&w, "INBOX"), 2);
	need(unlink(path_of(&w, "new/1000.a.h")));
	world_close(&w);
	world_source(&w);
	deliver(&w, "500.c.h");	/* older by name, but new to us */
	r = scan(&w, "INBOX", 0, 0, 0);
	EXPECT_EQ(r->messages.n, 2);
	EXPECT_EQ(message_facts(r->messages.at[0])->uid, 2);
	EXPECT_EQ(message_facts(r->messages.at[1])->uid, 3);
	request_free(&r);
	world_end(&w);
}

TEST(maildir_scan_bounds)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	for (int i = 1; i <= 9; i++) {
		char key[40];

		snprintf(key, sizeof(key), "%d.x.h", 1000 + i);
		deliver(&w, key);
	}
	r = scan(&w, "INBOX", 3, 4, NEED_BODY);
	EXPECT_EQ(r->messages.n, 4);
	EXPECT_EQ(message_facts(r->messages.at[0])->uid, 4);
	EXPECT(r->more);
	EXPECT_VIEW(message_raw(r->messages.at[0]), mail);
	request_free(&r);
	r = make(REQ_SCAN, "INBOX", 3);
	r->upto = 5;
	run(&w, r);
	EXPECT_EQ(r->messages.n, 2);
	EXPECT(!r->more);
	request_free(&r);
	r = scan(&w, "INBOX", 9, 4, 0);
	EXPECT_EQ(r->messages.n, 0);
	EXPECT(!r->more);
	request_free(&r);
	world_end(&w);
}

TEST(maildir_fetch)
{
	struct world w;
	struct message *m = message_new();
	struct request *r;
	struct view subject;

	world_begin(&w);
	deliver(&w, "1000.a.h");
	r = make(REQ_FETCH, "INBOX", 1);
	r->need = NEED_BODY;
	r->message = m;
	run(&w, r);
	EXPECT_EQ(r->result, RESULT_DONE);
	request_free(&r);
	EXPECT_VIEW(message_raw(m), mail);
	EXPECT(message_field(m, FIELD_SUBJECT, &subject));
	EXPECT_VIEW(subject, "one");
	EXPECT_EQ(message_facts(m)->uid, 1);
	message_unref(&m);
	EXPECT_EQ(result(&w, make(REQ_FETCH, "INBOX", 2)), RESULT_GONE);
	EXPECT_EQ(result(&w, make(REQ_FETCH, "Nowhere", 1)), RESULT_FAILED);
	world_end(&w);
}

TEST(maildir_scans_five_thousand_in_chunks)
{
	struct world w;
	uint32_t above = 0;
	size_t n = 0;
	bool more = true;

	world_begin(&w);
	for (int i = 0; i < 5100; i++) {
		char name[60];

		snprintf(name, sizeof(name), "cur/%d.M1P1.h:2,", 1000000 + (i * 7919) % 5100);
		put_file(&w, name, mail);
	}
	while (more) {
		struct request *r = scan(&w, "INBOX", above, 700, NEED_HEADER);

		EXPECT_EQ(r->result, RESULT_DONE);
		for (size_t i = 0; i < r->messages.n; i++) {
			EXPECT_EQ(message_facts(r->messages.at[i])->uid, above + 1);
			above++;
		}
		n += r->messages.n;
		more = r->more;
		request_free(&r);
	}
	EXPECT_EQ(n, 5100);
	EXPECT_EQ(w.b.biggest, 5000);
	EXPECT_EQ(w.b.asked, 2);
	world_end(&w);
}

/* A window from what is known, though others have taken it away and something new has come. */
TEST(maildir_a_stale_window_hides_no_arrival)
{
	struct world w;
	struct request *r;
	uint32_t above = 0, last = 0;
	char name[40];
	bool more = true;

	world_begin(&w);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "%d.a.h", 1000 + i);
		deliver(&w, name);
	}
	r = scan(&w, "INBOX", 0, 10, NEED_FACTS);
	above = message_facts(r->messages.at[9])->uid;
	request_free(&r);
	for (int i = 10; i < 40; i++) {
		snprintf(name, sizeof(name), "new/%d.a.h", 1000 + i);
		need(unlink(path_of(&w, name)));
	}
	deliver(&w, "9000.z.h");
	for (int tries = 0; more && tries < 20; tries++) {
		r = scan(&w, "INBOX", above, 10, NEED_FACTS);
		for (size_t i = 0; i < r->messages.n; i++)
			last = above = message_facts(r->messages.at[i])->uid;
		more = r->more;
		request_free(&r);
	}
	EXPECT(!more);
	EXPECT_EQ(last, 41);
	world_end(&w);
}

TEST(maildir_unreadable_file_stops_nobody)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	deliver(&w, "1000.a.h");
	need(symlink("/dev/zero", path_of(&w, "cur/2000.b.h:2,S")));
	deliver(&w, "3000.c.h");
	r = scan(&w, "INBOX", 0, 0, NEED_BODY);
	EXPECT_EQ(r->messages.n, 3);
	EXPECT_EQ(message_facts(r->messages.at[1])->flags.sys, FLAG_SEEN);
	EXPECT((message_have(r->messages.at[1]) & (NEED_BODY | NEED_HEADER)) == 0);
	EXPECT(message_have(r->messages.at[2]) & NEED_BODY);
	EXPECT(strstr(w.logged, "2000.b.h") != NULL);
	request_free(&r);
	r = make(REQ_FETCH, "INBOX", 2);
	r->need = NEED_BODY;
	run(&w, r);
	EXPECT_EQ(r->result, RESULT_FAILED);
	EXPECT_EQ(r->err.scope, SCOPE_MESSAGE);
	request_free(&r);
	world_end(&w);
}

TEST(maildir_forgets_only_what_is_gone)
{
	struct world w;

	world_begin(&w);
	deliver(&w, "1000.a.h");
	deliver(&w, "2000.b.h");
	deliver(&w, "3000.c.h");
	EXPECT_EQ(count(&w, "INBOX"), 3);
	need(unlink(path_of(&w, "new/2000.b.h")));
	mv(&w, "new/3000.c.h", "cur/3000.c.h:2,S");
	EXPECT_EQ(count(&w, "INBOX"), 2);
	EXPECT(!w.b.rows.at[0].forgotten);
	EXPECT(w.b.rows.at[1].forgotten);
	EXPECT(!w.b.rows.at[2].forgotten);
	world_end(&w);
}

TEST(maildir_book_that_fails)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	deliver(&w, "1000.a.h");
	w.b.fail = true;
	r = scan(&w, "INBOX", 0, 0, 0);
	EXPECT_EQ(r->result, RESULT_FAILED);
	EXPECT_STR(r->err.text, "the book is closed");
	request_free(&r);
	w.b.fail = false;
	EXPECT_EQ(count(&w, "INBOX"), 1);
	world_end(&w);
}

/* ---- flags and keywords */

static struct request *
flagger(uint32_t uid, unsigned add, unsigned del, const char *keyword)
{
	struct request *r = make(REQ_FLAGS, "INBOX", uid);

	r->add.sys = add;
	r->del.sys = del;
	if (keyword != NULL)
		flags_add(&r->add, 0, view_of(keyword));
	return r;
}

TEST(maildir_flags)
{
	struct world w;

	world_begin(&w);
	deliver(&w, "1000.a.h,S=5");
	EXPECT_EQ(count(&w, "INBOX"), 1);
	EXPECT_EQ(result(&w, flagger(1, 0, FLAG_SEEN, NULL)), RESULT_DONE);
	EXPECT(has(&w, "new/1000.a.h,S=5"));		/* nothing to change */
	EXPECT_EQ(result(&w, flagger(1, FLAG_SEEN | FLAG_FLAGGED, 0, NULL)), RESULT_DONE);
	EXPECT(has(&w, "cur/1000.a.h,S=5:2,FS"));
	/* another program marks it, before we do, with a letter that we do not know */
	mv(&w, "cur/1000.a.h,S=5:2,FS", "cur/1000.a.h,S=5:2,FRSX");
	EXPECT_EQ(result(&w, flagger(1, FLAG_DELETED, FLAG_FLAGGED, NULL)), RESULT_DONE);
	EXPECT(has(&w, "cur/1000.a.h,S=5:2,RSTX"));
	need(unlink(path_of(&w, "cur/1000.a.h,S=5:2,RSTX")));
	EXPECT_EQ(result(&w, flagger(1, 0, FLAG_DELETED, NULL)), RESULT_GONE);
	EXPECT_EQ(result(&w, flagger(1, FLAG_DELETED, 0, NULL)), RESULT_GONE);
	world_end(&w);
}

TEST(maildir_keywords)
{
	struct world w;
	struct request *r;
	char name[60];

	world_begin(&w);
	put_file(&w, "dovecot-keywords", "0 Invoice\n2 $Junk\n");
	put_file(&w, "cur/1000.a.h:2,Sc", mail);
	r = scan(&w, "INBOX", 0, 0, 0);
	EXPECT(flags_has(&message_facts(r->messages.at[0])->flags, 0, VIEW("$junk")));
	request_free(&r);
	EXPECT_EQ(result(&w, flagger(1, 0, 0, "Later")), RESULT_DONE);
	EXPECT(has(&w, "cur/1000.a.h:2,Sbc"));
	EXPECT_EQ(result(&w, flagger(1, 0, 0, "INVOICE")), RESULT_DONE);
	EXPECT(has(&w, "cur/1000.a.h:2,Sabc"));
	r = flagger(1, 0, 0, NULL);
	flags_add(&r->del, 0, VIEW("Later"));
	flags_add(&r->del, 0, VIEW("Unheard"));
	EXPECT_EQ(result(&w, r), RESULT_DONE);
	EXPECT(has(&w, "cur/1000.a.h:2,Sac"));
	for (int i = 3; i < 26; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		EXPECT_EQ(result(&w, flagger(1, 0, 0, name)), RESULT_DONE);
	}
	r = run(&w, flagger(1, 0, 0, "one-more"));
	EXPECT_EQ(r->result, RESULT_FAILED);
	EXPECT_EQ(r->err.kind, ERR_LIMIT);
	EXPECT(strstr(r->err.text, "one-more") != NULL);
	request_free(&r);
	EXPECT(!has(&w, "dovecot-keywords.lock"));
	world_end(&w);
}

/* A lock that another program holds is waited for; one of ours whose owner died is not. */
TEST(maildir_keywords_survive_a_killed_owner)
{
	struct request *r;
	struct world w;
	char path[600];

	world_begin(&w);
	put_file(&w, "cur/1000.a.h:2,", mail);
	put_file(&w, "dovecot-keywords.lock", "0 Half");
	snprintf(path, sizeof(path), "%s/dovecot-keywords.lock", w.root);
	EXPECT_EQ(chmod(path, 0400), 0);
	r = scan(&w, "INBOX", 0, 0, 0);
	request_free(&r);
	EXPECT_EQ(result(&w, flagger(1, 0, 0, "Later")), RESULT_DONE);
	EXPECT(has(&w, "cur/1000.a.h:2,a"));
	EXPECT(!has(&w, "dovecot-keywords.lock"));
	put_file(&w, "dovecot-keywords.lock", "0 Later");
	EXPECT_EQ(chmod(path, 0600), 0);
	r = run(&w, flagger(1, 0, 0, "Now"));
	EXPECT_EQ(r->result, RESULT_FAILED);
	EXPECT(r->err.temporary);
	request_free(&r);
	EXPECT(has(&w, "dovecot-keywords.lock"));
	world_end(&w);
}

TEST(maildir_keywords_are_translated_by_move)
{
	struct world w;

	world_begin(&w);
	make_folder(&w, ".Work");
	put_file(&w, "dovecot-keywords", "0 Invoice\n1 Paid\n");
	put_file(&w, ".Work/dovecot-keywords", "0 Other\n1 Invoice\n");
	put_file(&w, "cur/1000.a.h:2,Sabz", mail);
	EXPECT_EQ(result(&w, mover("INBOX", 1, "Work")), RESULT_DONE);
	EXPECT(has(&w, ".Work/cur/1000.a.h:2,Sbc"));
	world_end(&w);
}

/* ---- order of requests */

struct order { int n; int at[8]; struct request *r[8]; };

static void
on_order(struct request *r)
{
	struct order *o = r->arg;

	for (int i = 0; i < 8; i++) {
		if (o->r[i] == r)
			o->at[o->n++] = i;
	}
}

TEST(maildir_keeps_the_order)
{
	struct world w;
	struct order o = { 0 };

	world_begin(&w);
	make_folder(&w, ".A");
	deliver(&w, "1000.a.h");
	deliver(&w, "2000.b.h");
	o.r[0] = make(REQ_SCAN, "INBOX", 0);
	o.r[1] = flagger(1, FLAG_SEEN, 0, NULL);
	o.r[2] = mover("INBOX", 1, "A");
	o.r[3] = make(REQ_SCAN, "INBOX", 0);
	o.r[4] = make(REQ_FETCH, "INBOX", 1);
	o.r[5] = make(REQ_STATUS, "INBOX", 0);
	o.r[6] = make(REQ_COPY, "INBOX", 2);
	o.r[6]->target = "INBOX";
	o.r[7] = make(REQ_STATUS, "INBOX", 0);
	for (int i = 0; i < 8; i++) {
		o.r[i]->done = on_order;
		o.r[i]->arg = &o;
		source_submit(w.s, o.r[i]);
	}
	while (o.n < 8)
		loop_turn(w.l, true);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(o.at[i], i);
	EXPECT_EQ(o.r[0]->messages.n, 2);
	EXPECT_EQ(o.r[2]->result, RESULT_DONE);
	EXPECT_EQ(o.r[3]->messages.n, 1);	/* the move came first */
	EXPECT_EQ(o.r[4]->result, RESULT_GONE);
	EXPECT_EQ(o.r[5]->status.messages, 1);
	EXPECT_EQ(o.r[7]->status.messages, 2);	/* and the copy */
	EXPECT(has(&w, ".A/cur/1000.a.h:2,S"));
	for (int i = 0; i < 8; i++)
		request_free(&o.r[i]);
	world_end(&w);
}

TEST(maildir_close_answers_everything)
{
	struct world w;
	struct order o = { 0 };

	world_begin(&w);
	deliver(&w, "1000.a.h");
	o.r[0] = make(REQ_SCAN, "INBOX", 0);
	o.r[1] = make(REQ_STATUS, "INBOX", 0);
	o.r[2] = make(REQ_LIST, NULL, 0);
	for (int i = 0; i < 3; i++) {
		o.r[i]->done = on_order;
		o.r[i]->arg = &o;
		source_submit(w.s, o.r[i]);
	}
	world_close(&w);
	EXPECT_EQ(o.n, 3);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(o.r[i]->err.kind, ERR_CANCELED);
		request_free(&o.r[i]);
	}
	world_end(&w);
}

/* ---- mailboxes */

TEST(maildir_lists_with_roles)
{
	struct world w;
	struct request *r;
	static const char *const names[] = { "INBOX", "Archives", "Gr\xc3\xbc\xc3\x9f\x65",
	    "Lists/dev", "Sent Mail", "Sent Messages", "trash" };
	static const char *const wanted[] = { "inbox", "archive", NULL, NULL, NULL, "sent", "trash" };

	world_begin(&w);
	make_folder(&w, ".Sent Mail");
	make_folder(&w, ".Sent Messages");
	make_folder(&w, ".Archives");
	make_folder(&w, ".trash");
	make_folder(&w, ".Lists.dev");
	make_folder(&w, ".Gr&APwA3w-e");
	make_folder(&w, ".bad&name");
	need(mkdir(path_of(&w, ".no-maildir"), 0700));
	r = run(&w, make(REQ_LIST, NULL, 0));
	EXPECT_EQ(r->result, RESULT_DONE);
	EXPECT_EQ(r->list.n, ARRAY_LEN(names));
	for (size_t i = 0; i < r->list.n; i++) {
		EXPECT_STR(r->list.at[i].name, names[i]);
		EXPECT_STR(r->list.at[i].role, wanted[i] == NULL ? "(null)" : wanted[i]);
	}
	request_free(&r);
	EXPECT(strstr(w.logged, ".bad&name") != NULL);
	world_end(&w);
}

TEST(maildir_makes_renames_removes)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	EXPECT_EQ(result(&w, make(REQ_CREATE, "A", 0)), RESULT_DONE);
	EXPECT_EQ(result(&w, make(REQ_CREATE, "A", 0)), RESULT_FAILED);
	EXPECT_EQ(result(&w, make(REQ_CREATE, "A/B", 0)), RESULT_DONE);
	EXPECT_EQ(result(&w, make(REQ_CREATE, "AB", 0)), RESULT_DONE);
	put_file(&w, ".A.B/cur/1000.x:2,", mail);
	EXPECT_EQ(count(&w, "A/B"), 1);
	r = make(REQ_RENAME, "A", 0);
	r->target = "AB";
	EXPECT_EQ(result(&w, r), RESULT_FAILED);
	EXPECT(has(&w, ".A/cur"));
	r = make(REQ_RENAME, "A", 0);
	r->target = "A/C";
	EXPECT_EQ(result(&w, r), RESULT_FAILED);
	r = make(REQ_RENAME, "A", 0);
	r->target = "Z";
	EXPECT_EQ(result(&w, r), RESULT_DONE);
	EXPECT_EQ(w.b.renames, 2);
	EXPECT(has(&w, ".Z.B/cur/1000.x:2,"));
	EXPECT(has(&w, ".AB/cur"));
	EXPECT(!has(&w, ".A"));
	EXPECT_EQ(count(&w, "A/B"), 9999);
	EXPECT_EQ(count(&w, "Z/B"), 1);
	EXPECT_EQ(result(&w, make(REQ_REMOVE, "INBOX", 0)), RESULT_FAILED);
	EXPECT_EQ(result(&w, make(REQ_REMOVE, "Nowhere", 0)), RESULT_FAILED);
	put_file(&w, ".Z.B/dovecot.index", "x");
	EXPECT_EQ(result(&w, make(REQ_REMOVE, "Z/B", 0)), RESULT_DONE);
	EXPECT(!has(&w, ".Z.B"));
	EXPECT_EQ(w.b.renames, 3);
	put_file(&w, ".Z/notes.txt", "mine");
	EXPECT_EQ(result(&w, make(REQ_REMOVE, "Z", 0)), RESULT_DONE);
	EXPECT(has(&w, ".Z/notes.txt"));
	EXPECT(!has(&w, ".Z/cur"));
	EXPECT(strstr(w.logged, "stays in") != NULL);
	world_end(&w);
}

TEST(maildir_rename_half_way_is_taken_back)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	make_folder(&w, ".A");
	make_folder(&w, ".A.B");
	make_folder(&w, ".Z.B");
	r = make(REQ_RENAME, "A", 0);
	r->target = "Z";
	EXPECT_EQ(result(&w, r), RESULT_FAILED);
	EXPECT(has(&w, ".A/cur") && has(&w, ".A.B/cur") && has(&w, ".Z.B/cur"));
	EXPECT(!has(&w, ".Z"));
	EXPECT_EQ(w.b.renames, 0);
	world_end(&w);
}

TEST(maildir_rename_waits_for_other_jobs)
{
	struct world w;
	struct order o = { 0 };

	world_begin(&w);
	make_folder(&w, ".A");
	make_folder(&w, ".A.B");
	put_file(&w, ".A.B/cur/1000.x:2,", mail);
	o.r[0] = make(REQ_SCAN, "A/B", 0);
	o.r[1] = make(REQ_RENAME, "A", 0);
	o.r[1]->target = "Z";
	o.r[2] = make(REQ_SCAN, "Z/B", 0);
	for (int i = 0; i < 3; i++) {
		o.r[i]->done = on_order;
		o.r[i]->arg = &o;
		source_submit(w.s, o.r[i]);
	}
	while (o.n < 3)
		loop_turn(w.l, true);
	EXPECT_EQ(o.r[0]->messages.n, 1);
	EXPECT_EQ(o.r[1]->result, RESULT_DONE);
	EXPECT_EQ(o.r[2]->messages.n, 1);
	for (int i = 0; i < 3; i++)
		request_free(&o.r[i]);
	world_end(&w);
}
