/* The book of UIDs: who keeps his, who is new, and who was brought by ourselves. */
#include "state_kit.h"

#include "net/loop_fake.h"

#define MANY 300

struct asked { struct uid_entry at[MANY]; char keys[MANY][32]; };

/* Asks for up to three keys of a mailbox; the entries are in *q. */
static void
assign(struct kit *k, struct asked *q, const char *mailbox, const char *a, const char *b,
	const char *c)
{
	struct uid_book book = state_book(k->state);
	const char *keys[] = { a, b, c };
	size_t n = 0;

	for (; n < 3 && keys[n] != NULL; n++)
		q->at[n] = (struct uid_entry){ .key = keys[n], .hops = 99 };
	book.assign(book.book, "home", mailbox, q->at, n, kit_on_book, k);
	kit_wait(k);
}

static void
forget(struct kit *k, const char *mailbox, uint32_t uid)
{
	struct uid_book book = state_book(k->state);

	book.forget(book.book, "home", mailbox, &uid, 1);
	kit_wait(k);
}

static void
on_key(void *arg, const char *key, const struct err *e)
{
	struct kit *k = arg;

	k->err = *e;
	snprintf(k->text, sizeof(k->text), "%s", key != NULL ? key : "(none)");
}

static const char *
key_of(struct kit *k, const char *mailbox, uint32_t uid)
{
	struct uid_book book = state_book(k->state);

	book.find(book.book, "home", mailbox, uid, on_key, k);
	kit_wait(k);
	return k->text;
}

TEST(known_keys_keep_their_uid)
{
	struct kit k = { 0 };
	struct asked q;
	uint32_t validity;

	kit_open(&k);
	assign(&k, &q, "INBOX", "a", "b", "c");
	EXPECT_STR(k.err.text, "");
	EXPECT_EQ(q.at[0].uid, 1);
	EXPECT_EQ(q.at[2].uid, 3);
	EXPECT_EQ(q.at[2].hops, 0);
	EXPECT(q.at[0].here > 1600000000);
	EXPECT_EQ(k.uidnext, 4);
	validity = k.uidvalidity;
	EXPECT(validity != 0);
	assign(&k, &q, "INBOX", "d", "b", "d");
	EXPECT_EQ(q.at[0].uid, 4);
	EXPECT_EQ(q.at[1].uid, 2);
	EXPECT_EQ(q.at[2].uid, 4);
	kit_reopen(&k);
	assign(&k, &q, "INBOX", "c", "e", NULL);
	EXPECT_EQ(q.at[0].uid, 3);
	EXPECT_EQ(q.at[1].uid, 5);
	EXPECT_EQ(k.uidvalidity, validity);
	assign(&k, &q, "INBOX", NULL, NULL, NULL);
	EXPECT_EQ(k.uidvalidity, validity);
	EXPECT_EQ(k.uidnext, 6);
	assign(&k, &q, "Lists", "a", NULL, NULL);
	EXPECT_EQ(q.at[0].uid, 1);
	EXPECT(k.uidvalidity != validity);
	/* The rules see the same box. */
	kit_box(&k, "home", "INBOX", validity);
	EXPECT(k.box.first);
	EXPECT_EQ(k.box.uidvalidity, validity);
	kit_close(&k);
}

TEST(what_comes_back_within_a_day_keeps_its_uid)
{
	struct kit k = { 0 };
	struct asked q;

	k.loop = loop_fake_new(INT64_C(1700000000000));
	k.log = log_new(-1, LOG_TEXT, false, LOG_DEBUG);
	snprintf(k.dir, sizeof(k.dir), "%s/state", unit_tmp());
	kit_open(&k);
	assign(&k, &q, "INBOX", "a", "b", NULL);
	EXPECT_EQ(q.at[0].here, 1700000000);
	forget(&k, "INBOX", 1);
	EXPECT_STR(key_of(&k, "INBOX", 1), "a");
	loop_fake_jump_wall(k.loop, (DAY - 10) * 1000);
	assign(&k, &q, "INBOX", "a", NULL, NULL);
	EXPECT_EQ(q.at[0].uid, 1);
	EXPECT_EQ(q.at[0].here, 1700000000);
	/* It is there again: a day later it is still known. */
	loop_fake_jump_wall(k.loop, 2 * DAY * 1000);
	assign(&k, &q, "INBOX", "a", NULL, NULL);
	EXPECT_EQ(q.at[0].uid, 1);
	forget(&k, "INBOX", 1);
	loop_fake_jump_wall(k.loop, (DAY + 10) * 1000);
	assign(&k, &q, "INBOX", "a", "b", NULL);
	EXPECT_EQ(q.at[0].uid, 3);
	EXPECT_EQ(q.at[1].uid, 2);
	/* The purge of that day took the old row. */
	EXPECT_STR(key_of(&k, "INBOX", 1), "(none)");
	EXPECT_STR(key_of(&k, "INBOX", 3), "a");
	kit_close(&k);
}

TEST(an_unfinished_action_keeps_its_key)
{
	struct kit k = { 0 };
	struct asked q;
	int64_t box;

	kit_open(&k);
	assign(&k, &q, "INBOX", "a", "b", NULL);
	box = kit_box(&k, "home", "INBOX", k.uidvalidity);
	kit_plan(&k, box, 1, kit_action(VERB_MOVE, "Lists", "t1"));
	forget(&k, "INBOX", 1);
	forget(&k, "INBOX", 2);
	kit_ask(&k, "UPDATE uid SET gone_at = gone_at - 100000");
	kit_reopen(&k);
	EXPECT_STR(key_of(&k, "INBOX", 1), "a");
	EXPECT_STR(key_of(&k, "INBOX", 2), "(none)");
	EXPECT_STR(key_of(&k, "Nowhere", 2), "(none)");
	EXPECT(!err_is(&k.err));
	kit_close(&k);
}

TEST(own_moves_are_no_arrivals)
{
	struct kit k = { 0 };
	struct asked q;
	struct state_batch *b;
	struct action a = { .verb = VERB_MOVE };
	int64_t box;

	kit_open(&k);
	assign(&k, &q, "INBOX", "k1", "k2", "k3");
	box = kit_box(&k, "home", "INBOX", k.uidvalidity);
	a.row = kit_plan(&k, box, 1, kit_action(VERB_MOVE, "Lists", "t1"));
	kit_plan(&k, box, 2, kit_action(VERB_DELETE, "Trash", "t2"));
	/* The target sees it before the result is noted, and elsewhere it is nobody's. */
	assign(&k, &q, "Other", "k1", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 0);
	assign(&k, &q, "Lists", "k1", "k3", "new");
	EXPECT_EQ(q.at[0].hops, 1);
	EXPECT_EQ(q.at[1].hops, 0);
	EXPECT_EQ(q.at[2].hops, 0);
	b = state_batch_new();
	state_batch_result(b, &a, "done", 0, 0);
	kit_commit(&k, b);
	kit_reopen(&k);
	assign(&k, &q, "Lists", "k1", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 1);
	assign(&k, &q, "Trash", "k2", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 1);
	/* ... and on from there: a chain is counted. */
	assign(&k, &q, "Lists", NULL, NULL, NULL);
	box = kit_box(&k, "home", "Lists", k.uidvalidity);
	kit_plan(&k, box, 1, kit_action(VERB_MOVE, "Archive", "t3"));
	assign(&k, &q, "Archive", "k1", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 2);
	kit_close(&k);
}

TEST(own_copies_are_no_arrivals)
{
	struct kit k = { 0 };
	struct asked q;
	struct action r = kit_action(VERB_REPLACE, NULL, "t3");
	struct action gone = { .verb = VERB_COPY };
	struct state_batch *b = state_batch_new();
	int64_t box;

	kit_open(&k);
	r.bytes = blob_copy(VIEW("x"));
	assign(&k, &q, "INBOX", "k1", "k2", "k3");
	box = kit_box(&k, "home", "INBOX", k.uidvalidity);
	kit_plan(&k, box, 1, kit_action(VERB_COPY, "Lists", "t1"));
	kit_plan(&k, box, 3, r);
	assign(&k, &q, "Lists", "t1", "k1", NULL);
	EXPECT_EQ(q.at[0].hops, 1);
	EXPECT_EQ(q.at[1].hops, 0);	/* a copy leaves the key where it is */
	assign(&k, &q, "INBOX", "t3", "k3", NULL);
	EXPECT_EQ(q.at[0].uid, 4);
	EXPECT_EQ(q.at[0].hops, 1);
	EXPECT_EQ(q.at[1].hops, 0);
	/* A try that was killed made it and took the source away; the next found that gone. */
	gone.row = kit_plan(&k, box, 2, kit_action(VERB_COPY, "Lists", "t4"));
	state_batch_result(b, &gone, "gone", 0, 0);
	kit_commit(&k, b);
	assign(&k, &q, "Lists", "t4", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 1);
	kit_close(&k);
}

/* A message that a person brings back long after our move is an arrival. */
TEST(an_action_explains_one_appearance)
{
	struct kit k = { 0 };
	struct asked q;
	int64_t box;

	kit_open(&k);
	assign(&k, &q, "INBOX", "k1", NULL, NULL);
	box = kit_box(&k, "home", "INBOX", k.uidvalidity);
	kit_plan(&k, box, 1, kit_action(VERB_MOVE, "Lists", "t1"));
	assign(&k, &q, "Lists", "k1", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 1);
	forget(&k, "Lists", 1);
	kit_ask(&k, "UPDATE uid SET gone_at = gone_at - 100000");
	assign(&k, &q, "Lists", "k1", NULL, NULL);
	EXPECT_EQ(q.at[0].uid, 2);
	EXPECT_EQ(q.at[0].hops, 0);
	kit_plan(&k, box, 1, kit_action(VERB_COPY, "Copies", "t2"));
	assign(&k, &q, "Copies", "t2", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 1);
	forget(&k, "Copies", 1);
	kit_ask(&k, "UPDATE uid SET gone_at = gone_at - 100000");
	assign(&k, &q, "Copies", "t2", NULL, NULL);
	EXPECT_EQ(q.at[0].uid, 2);
	EXPECT_EQ(q.at[0].hops, 0);
	kit_close(&k);
}

TEST(the_copy_of_a_moved_message_has_another_key)
{
	struct kit k = { 0 };
	struct asked q;
	struct actions l = { 0 };
	struct state_batch *b = state_batch_new();
	int64_t box;

	kit_open(&k);
	assign(&k, &q, "INBOX", "k1", NULL, NULL);
	box = kit_box(&k, "home", "INBOX", k.uidvalidity);
	VEC_PUSH(&l, kit_action(VERB_COPY, "Lists", "t1"));
	VEC_PUSH(&l, kit_action(VERB_MOVE, "Archive", "t2"));
	state_batch_plan(b, box, 1, NULL, "rev", &l);
	kit_commit(&k, b);
	actions_free(&l);
	assign(&k, &q, "Lists", "k1", "t1", NULL);
	EXPECT_EQ(q.at[0].hops, 0);
	EXPECT_EQ(q.at[1].hops, 1);
	assign(&k, &q, "Archive", "k1", NULL, NULL);
	EXPECT_EQ(q.at[0].hops, 1);
	kit_close(&k);
}

TEST(a_book_goes_with_its_mailbox)
{
	struct kit k = { 0 };
	struct asked q;
	struct uid_book book;
	uint32_t lists, dev, other;
	int64_t box;

	kit_open(&k);
	book = state_book(k.state);
	assign(&k, &q, "Lists", "a", NULL, NULL);
	lists = k.uidvalidity;
	assign(&k, &q, "Lists/dev", "a", "b", NULL);
	dev = k.uidvalidity;
	assign(&k, &q, "Listserv", "a", NULL, NULL);
	other = k.uidvalidity;
	box = kit_box(&k, "home", "Lists", lists);
	kit_plan(&k, box, 1, kit_action(VERB_MOVE, "Lists/dev", "t1"));
	book.renamed(book.book, "home", "Lists", "L%_");
	assign(&k, &q, "L%_", "a", "z", NULL);
	EXPECT_EQ(k.uidvalidity, lists);
	EXPECT_EQ(q.at[0].uid, 1);
	EXPECT_EQ(q.at[1].uid, 2);
	assign(&k, &q, "L%_/dev", "b", "t1", NULL);
	EXPECT_EQ(k.uidvalidity, dev);
	EXPECT_EQ(q.at[0].uid, 2);
	EXPECT_EQ(q.at[1].hops, 1);
	assign(&k, &q, "Listserv", NULL, NULL, NULL);
	EXPECT_EQ(k.uidvalidity, other);
	EXPECT_EQ(kit_box(&k, "home", "L%_", lists), box);
	kit_pending(&k, box, 0);
	EXPECT_EQ(k.list.n, 1);
	/* Removed: what comes under that name is another mailbox. */
	book.renamed(book.book, "home", "L%_", NULL);
	assign(&k, &q, "L%_", "a", NULL, NULL);
	EXPECT(k.uidvalidity != lists);
	EXPECT_EQ(q.at[0].uid, 1);
	assign(&k, &q, "L%_/dev", "b", NULL, NULL);
	EXPECT(k.uidvalidity != dev);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM message"), 0);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM uid"), 3);
	kit_close(&k);
}

TEST(renamed_onto_another_sets_that_aside)
{
	struct kit k = { 0 };
	struct asked q;
	struct uid_book book;
	uint32_t a;

	kit_open(&k);
	book = state_book(k.state);
	assign(&k, &q, "A", "a", NULL, NULL);
	a = k.uidvalidity;
	assign(&k, &q, "B", "b", NULL, NULL);
	book.renamed(book.book, "home", "A", "B");
	assign(&k, &q, "B", "a", "b", NULL);
	EXPECT_STR(k.err.text, "");
	EXPECT_EQ(k.uidvalidity, a);
	EXPECT_EQ(q.at[0].uid, 1);
	EXPECT_EQ(q.at[1].uid, 2);
	kit_close(&k);
}

TEST(many_keys_at_once)
{
	struct kit k = { 0 };
	struct asked *q = calloc(1, sizeof(*q));
	struct uid_book book;
	int bad = 0;

	kit_open(&k);
	book = state_book(k.state);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++) {
			snprintf(q->keys[i], sizeof(q->keys[i]), "%zu.M%zu.host", i * 7919, i);
			q->at[i] = (struct uid_entry){ .key = q->keys[i] };
		}
		book.assign(book.book, "home", "INBOX", q->at, MANY, kit_on_book, &k);
		kit_wait(&k);
		for (size_t i = 0; i < MANY; i++)
			bad += q->at[i].uid != i + 1;
	}
	EXPECT_EQ(bad, 0);
	EXPECT_EQ(k.uidnext, MANY + 1);
	free(q);
	kit_close(&k);
}
