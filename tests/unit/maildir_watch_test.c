/* The Maildir source: watching, with and without notices of the system. */
#include "tests/unit/maildir_world.h"

struct seen { int changes, lost; bool over; };

static void
on_change(void *arg, const char *mailbox, const struct err *lost)
{
	struct seen *s = arg;

	(void)mailbox;
	if (lost != NULL)
		s->lost++;
	else
		s->changes++;
}

static bool
wait_for(struct world *w, const int *what, int more_than)
{
	bool over = false;
	struct loop_timer *t = loop_after(w->l, 20000, set_true, &over);

	while (*what <= more_than && !over)
		loop_turn(w->l, true);
	if (!over)
		loop_cancel(w->l, &t);
	return !over;
}

TEST(maildir_watch_tells_of_a_delivery)
{
	struct world w;
	struct seen s = { 0 };

	world_begin(&w);
	w.s->ops->watch(w.s, "inbox", on_change, &s);
	EXPECT_EQ(count(&w, "INBOX"), 0);
	deliver(&w, "1000.a.h");
	EXPECT(wait_for(&w, &s.changes, 0));
	EXPECT_EQ(count(&w, "INBOX"), 1);
	EXPECT_EQ(s.lost, 0);
	w.s->ops->unwatch(w.s, "INBOX", on_change, &s);
	world_end(&w);
}

TEST(maildir_watch_of_a_removed_mailbox)
{
	struct world w;
	struct seen s = { 0 };
	int before;

	world_begin(&w);
	make_folder(&w, ".A");
	put_file(&w, ".A/cur/1000.a.h:2,", mail);
	w.s->ops->watch(w.s, "A", on_change, &s);
	EXPECT_EQ(count(&w, "A"), 1);
	mv(&w, ".A", ".Gone");
	EXPECT(wait_for(&w, &s.lost, 0));
	EXPECT_EQ(count(&w, "A"), 9999);
	EXPECT_EQ(s.lost, 1);
	before = s.changes;
	make_folder(&w, ".A");
	EXPECT(wait_for(&w, &s.changes, before));	/* it is back, and watched again */
	EXPECT_EQ(count(&w, "A"), 0);
	before = s.changes;
	put_file(&w, ".A/new/2000.b.h", mail);
	EXPECT(wait_for(&w, &s.changes, before));
	EXPECT_EQ(count(&w, "A"), 1);
	world_end(&w);
}

TEST(maildir_watch_of_an_impossible_name)
{
	struct world w;
	struct seen s = { 0 };

	world_begin(&w);
	w.s->ops->watch(w.s, "a.b", on_change, &s);
	EXPECT(wait_for(&w, &s.lost, 0));
	world_end(&w);
}

TEST(maildir_watch_without_notices)
{
	struct world w;
	struct seen s = { 0 };

	/* the fake loop has no notices but those that a test makes: the slow check must do */
	world_begin(&w);
	world_close(&w);
	w.s = NULL;
	loop_free(&w.l);
	w.l = loop_fake_new(1700000000000);
	w.b.l = w.l;
	world_source(&w);
	w.s->ops->watch(w.s, "INBOX", on_change, &s);
	loop_fake_run_for(w.l, 1000);
	EXPECT_EQ(s.changes, 0);
	deliver(&w, "1000.a.h");
	loop_fake_run_for(w.l, 1000);
	EXPECT_EQ(s.changes, 1);
	world_end(&w);
}
