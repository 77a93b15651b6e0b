/*
 * The ceilings of the IMAP source, from both sides: names of LIST, what a server pushes without end,
 * files for large literals.  Those of the engine: imap_limits_test.c.
 */
#include "tests/unit/imap_world.h"

#include <malloc.h>

#include "source/imap_source_int.h"

#define NAMES	100000u		/* as imap_list.c has it */
#define SLACK	((size_t)512 << 10)

static void
begin(struct world *w)
{
	struct imap_source_conf c;

	world_begin(w);
	c = world_conf(w);
	world_start(w, &c);
}

static bool
is_logged(const struct world *w, const char *text)
{
	return view_find(str_view(&w->log_text), view_of(text)) >= 0;
}

static size_t
lines_with(const struct world *w, const char *text)
{
	size_t n = 0;

	for (const char *p = strstr(w->log_text.p, text); p != NULL; p = strstr(p + 1, text))
		n++;
	return n;
}

static size_t
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* ---- LIST */

static void
names(struct str *s, unsigned n)
{
	str_reset(s);
	str_adds(s, "* LIST () \"/\" INBOX\r\n");
	for (unsigned i = 1; i < n; i++)
		str_addf(s, "* LIST () \"/\" m%u\r\n", i);
}

TEST(list_of_100000_names_and_one_more)
{
	struct str s = STR_INIT;
	struct world w;

	for (unsigned more = 0; more < 2; more++) {
		begin(&w);
		names(&s, NAMES + more);
		w.list = str_z(&s);
		world_ask(&w, REQ_LIST, "");
		world_run(&w, 1000);
		EXPECT_EQ(w.answers, 1);
		EXPECT_EQ(w.last->result, more ? RESULT_FAILED : RESULT_DONE);
		EXPECT_EQ(w.last->list.n, more ? 0 : NAMES);
		EXPECT_EQ(w.last->err.kind, more ? ERR_LIMIT : ERR_OK);
		if (more)
			EXPECT_STR(w.last->err.text, "account 'work': more than 100000 mailboxes");
		/* The link serves what comes next. */
		world_ask(&w, REQ_STATUS, "INBOX");
		world_run(&w, 1000);
		EXPECT_EQ(w.answers, 2);
		EXPECT_EQ(w.last->result, RESULT_DONE);
		EXPECT_EQ(w.opened, 1);
		world_end(&w);
	}
	str_free(&s);
}

/* Who has a role already is not looked for among all names: 2,500,000,000 steps here once. */
TEST(a_role_that_many_claim)
{
	struct str s = STR_INIT;
	struct world w;
	size_t roles = 0;

	begin(&w);
	names(&s, NAMES / 2);
	for (unsigned i = NAMES / 2; i < NAMES; i++)
		str_addf(&s, "* LIST (\\Trash) \"/\" m%u\r\n", i);
	w.list = str_z(&s);
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(w.last->list.n, NAMES);
	for (size_t i = 0; i < w.last->list.n; i++)
		roles += w.last->list.at[i].role != NULL && strcmp(w.last->list.at[i].role, "trash") == 0;
	EXPECT_EQ(roles, 1);
	EXPECT_STR(w.last->list.at[NAMES / 2].role, "trash");
	world_end(&w);
	str_free(&s);
}

TEST(a_name_over_64_kib_is_left_out_and_said)
{
	struct str s = STR_INIT;
	struct world w;

	begin(&w);
	names(&s, 3);
	for (int i = 0; i < 3; i++) {
		str_adds(&s, "* LIST () \"/\" \"");
		for (size_t k = 0; k <= IMAP_STRING_MAX; k++)
			str_addc(&s, 'x');
		str_adds(&s, "\"\r\n");
	}
	str_adds(&s, "* LIST () \"/\" last\r\n");
	w.list = str_z(&s);
	world_ask(&w, REQ_LIST, "");
	world_run(&w, 1000);
	EXPECT_EQ(w.last->result, RESULT_DONE);
	EXPECT_EQ(w.last->list.n, 4);
	EXPECT_STR(w.last->list.at[3].name, "last");
	EXPECT_EQ(lines_with(&w, "the name of a mailbox cannot be read and is left out: an atom or "
	    "string is too long"), 1);
	world_end(&w);
	str_free(&s);
}

/* ---- what is pushed */

struct seen { unsigned changes; };

static void
on_change(void *arg, const char *mailbox, const struct err *lost)
{
	(void)mailbox;
	(void)lost;
	((struct seen *)arg)->changes++;
}

TEST(a_hundred_thousand_changes_while_idle)
{
	struct str s = STR_INIT;
	struct seen seen = { 0 };
	struct world w;
	size_t before;

	begin(&w);
	w.s->ops->watch(w.s, "INBOX", on_change, &seen);
	world_run(&w, 1000);
	EXPECT(is_logged(&w, "watched by IDLE"));
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "* 2 FETCH (UID 7 FLAGS (\\Seen Work%d))\r\n* 3 EXISTS\r\n", i);
	world_say(&w, 1, str_z(&s));
	world_run(&w, 10);
	seen.changes = 0;
	before = in_use();
	for (int i = 0; i < 100; i++) {
		world_say(&w, 1, str_z(&s));
		world_run(&w, 10);
	}
	EXPECT(in_use() < before + SLACK);
	/* Told once a turn, not once a line. */
	EXPECT(seen.changes >= 1 && seen.changes <= 200);
	EXPECT_EQ(w.opened, 1);
	w.s->ops->unwatch(w.s, "INBOX", on_change, &seen);
	world_end(&w);
	str_free(&s);
}

TEST(what_cannot_be_read_while_idle_is_said_once)
{
	struct str s = STR_INIT;
	struct seen seen = { 0 };
	struct world w;

	begin(&w);
	w.s->ops->watch(w.s, "INBOX", on_change, &seen);
	world_run(&w, 1000);
	str_adds(&s, "* 2 FETCH (UID 7 X-THING ");
	for (size_t k = 0; k <= IMAP_STRING_MAX; k++)
		str_addc(&s, 'x');
	str_adds(&s, ")\r\n");
	for (int i = 0; i < 20; i++)
		world_say(&w, 1, str_z(&s));
	world_run(&w, 100);
	EXPECT(is_logged(&w, "work: something the server says cannot be read and is left out: an atom or "
	    "string is too long"));
	EXPECT_EQ(log_count(w.log, LOG_WARN), 1);
	EXPECT_EQ(w.now, 1);
	seen.changes = 0;
	world_say(&w, 1, "* 4 EXISTS\r\n");
	world_run(&w, 10);
	EXPECT_EQ(seen.changes, 1);
	w.s->ops->unwatch(w.s, "INBOX", on_change, &seen);
	world_end(&w);
	str_free(&s);
}

/* ---- large literals */

TEST(files_are_for_literals_that_were_asked_for_and_few)
{
	struct imap_box b = { .batching = false };
	struct imap_link l = { .box = &b };
	struct imap_sink sink = imap_read_sink(&l);
	struct imap_literal lit = { .number = 1, .uid = 5, .size = 2 << 20 };
	unsigned files = 0;

	EXPECT(!sink.begin(sink.arg, &lit));
	b.batching = true;
	for (lit.nth = 0; lit.nth < 1000; lit.nth++) {
		if (!sink.begin(sink.arg, &lit))
			continue;
		sink.data(sink.arg, VIEW("bytes"));
		sink.end(sink.arg);
		files++;
	}
	EXPECT_EQ(files, 4);
	/* The next reply has its own. */
	lit.number = 2;
	lit.nth = 0;
	EXPECT(sink.begin(sink.arg, &lit));
	lit.nth = 1;
	lit.size = BLOB_MAX;
	EXPECT(sink.begin(sink.arg, &lit));
	lit.nth = 2;
	lit.size = (uint64_t)BLOB_MAX + 1;
	EXPECT(!sink.begin(sink.arg, &lit));
	imap_read_drop(&l);
	EXPECT(l.spool == NULL);
}
