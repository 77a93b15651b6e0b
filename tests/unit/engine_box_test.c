/* What programs ask of mailboxes: fetch, search, verbs over many messages, lists and changes. */
#include "engine_kit.h"

struct answer {
	int		 n;		/* answers that came */
	struct err	 err;
	struct verb_result verb;	/* without its map */
	struct uid_pair	 map[16];
	size_t		 nmap;
	uint32_t	 uids[16];
	bool		 maybe[16];
	size_t		 nuids;
	uint32_t	 uidvalidity;
	int64_t		 messages;
	char		 text[300];
};

static void
on_done(void *arg, const struct err *e)
{
	struct answer *a = arg;

	a->n++;
	a->err = *e;
}

static void
on_verb(void *arg, const struct verb_result *r, const struct err *e)
{
	struct answer *a = arg;

	on_done(a, e);
	a->verb = *r;
	a->nmap = MIN(r->map.n, ARRAY_LEN(a->map));
	for (size_t i = 0; i < a->nmap; i++)
		a->map[i] = r->map.at[i];
}

static void
on_search(void *arg, uint32_t uidvalidity, const uint32_t *uids, const bool *maybe, size_t n,
	const struct err *e)
{
	struct answer *a = arg;

	on_done(a, e);
	a->uidvalidity = uidvalidity;
	a->nuids = n;
	for (size_t i = 0; i < MIN(n, ARRAY_LEN(a->uids)); i++) {
		a->uids[i] = uids[i];
		a->maybe[i] = maybe[i];
	}
}

static void
on_status(void *arg, const struct source_status *st, const struct err *e)
{
	struct answer *a = arg;

	on_done(a, e);
	a->messages = st != NULL ? st->messages : -1;
}

static void
on_mailboxes(void *arg, const struct source_mailbox *list, size_t n, const struct err *e)
{
	struct answer *a = arg;

	on_done(a, e);
	a->text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strncat(a->text, list[i].name, sizeof(a->text) - strlen(a->text) - 1);
		strncat(a->text, " ", sizeof(a->text) - strlen(a->text) - 1);
	}
}

static void
on_name(void *arg, const char *name, const struct err *e)
{
	struct answer *a = arg;

	on_done(a, e);
	snprintf(a->text, sizeof(a->text), "%s", name != NULL ? name : "");
}

/* Two accounts without rules: "home" with n messages in INBOX, and "other". */
static bool
open_two(struct world *w, int n, bool dry_run, char other[340])
{
	if (!open_world_as(w, unit_tmp(), true, dry_run))
		return false;
	snprintf(other, 340, "%s/Other", w->dir);
	make_maildir(other);
	add_account(w);
	add_account_at(w, "other", other, "1");
	for (int i = 1; i <= n; i++)
		deliver(w, i, i % 2 ? "odd" : "even");
	return start(w);
}

static struct box *
box_of(struct world *w, const char *account, const char *mailbox)
{
	return engine_box(engine_account(w->engine, account), mailbox);
}

static struct answer
run_search(struct world *w, struct query *q, size_t limit, const char *mailbox)
{
	struct box *b = box_of(w, "home", mailbox);
	struct answer a = { 0 };

	box_search(b, q, limit, on_search, &a);
	query_free(&q);
	UNTIL(w, a.n > 0);
	box_unref(&b);
	return a;
}

static struct answer
run_verb(struct world *w, struct action act, uint32_t first, uint32_t last)
{
	struct box *b = box_of(w, "home", "INBOX");
	struct answer a = { 0 };
	uint32_t uids[600];
	size_t n = 0;

	for (uint32_t uid = first; uid <= last; uid++)
		uids[n++] = uid;
	box_verb(b, &act, 0, uids, n, on_verb, &a);
	UNTIL(w, a.n > 0);
	box_unref(&b);
	return a;
}

static char *words(const char *s) { return (char *)(uintptr_t)s; }

static struct query *
key(const char *name, const char *text)
{
	struct query_value v = { .type = QV_TEXT, .text = view_of(text) };
	struct err e = ERR_NONE;

	return query_key(view_of(name), VIEW_NONE, OP_HAS, &v, 1, NULL, &e);
}

TEST(a_search_gives_uids_in_order_and_stops_at_its_limit)
{
	struct world w;
	struct answer a;
	char other[340];

	EXPECT(open_two(&w, 9, false, other));
	a = run_search(&w, key("subject", "even"), 0, "INBOX");
	EXPECT(!err_is(&a.err));
	EXPECT_EQ(a.nuids, 4);
	for (size_t i = 0; i < a.nuids; i++)
		EXPECT_EQ(a.uids[i], 2 * (i + 1));
	a = run_search(&w, key("body", "body of 7"), 0, "inbox");
	EXPECT_EQ(a.nuids, 1);
	EXPECT_EQ(a.uids[0], 7);
	a = run_search(&w, query_all(), 3, "INBOX");
	EXPECT_EQ(a.nuids, 3);
	EXPECT_EQ(a.uids[2], 3);
	EXPECT_EQ(a.n, 1);
	close_world(&w, 0);
}

TEST(a_search_leaves_functions_to_the_caller)
{
	struct world w;
	struct answer a;
	struct query *even, *fn, *q;
	char other[340];

	EXPECT(open_two(&w, 6, false, other));
	even = key("subject", "even");
	fn = query_where(1);
	q = query_and(even, fn);
	a = run_search(&w, q, 0, "INBOX");
	EXPECT_EQ(a.nuids, 3);
	EXPECT(a.maybe[0] && a.maybe[1] && a.maybe[2]);
	q = query_or(even, fn);
	a = run_search(&w, q, 0, "INBOX");
	EXPECT_EQ(a.nuids, 6);
	EXPECT(a.maybe[0] && !a.maybe[1] && a.maybe[2]);
	query_free(&even);
	query_free(&fn);
	close_world(&w, 0);
}

TEST(a_search_that_fails_is_an_error_with_the_mailbox)
{
	struct world w;
	struct answer a;
	char other[340];

	EXPECT(open_two(&w, 1, false, other));
	a = run_search(&w, query_all(), 0, "Nowhere");
	EXPECT_EQ(a.n, 1);
	EXPECT(a.err.kind == ERR_GONE || a.err.kind == ERR_REFUSED);
	EXPECT_EQ(a.err.scope, SCOPE_MAILBOX);
	EXPECT(strstr(a.err.text, "Nowhere") != NULL);
	EXPECT_EQ(a.nuids, 0);
	a = run_search(&w, query_all(), 0, "@trash");
	EXPECT_EQ(a.err.kind, ERR_REFUSED);
	close_world(&w, 0);
}

TEST(a_search_given_up_answers_nobody)
{
	struct world w;
	struct answer a = { 0 };
	struct box *b;
	struct query *q = query_all();
	struct engine_op *op;
	char other[340];

	EXPECT(open_two(&w, 3, false, other));
	b = box_of(&w, "home", "INBOX");
	op = box_search(b, q, 0, on_search, &a);
	engine_op_cancel(&op);
	EXPECT(op == NULL);
	query_free(&q);
	box_unref(&b);
	pause_ms(&w, 100);
	EXPECT_EQ(a.n, 0);
	close_world(&w, 0);
}

TEST(a_fetch_brings_a_message_or_says_that_it_is_gone)
{
	struct world w;
	struct answer a = { 0 }, gone = { 0 };
	struct message *m = message_new(), *none = message_new();
	struct box *b;
	char other[340];

	EXPECT(open_two(&w, 2, false, other));
	b = box_of(&w, "home", "INBOX");
	run_search(&w, query_all(), 0, "INBOX");
	message_facts(m)->uid = 2;
	message_facts(none)->uid = 77;
	box_fetch(b, m, NEED_FACTS | NEED_BODY, on_done, &a);
	box_fetch(b, none, NEED_FACTS | NEED_BODY, on_done, &gone);
	UNTIL(&w, a.n + gone.n == 2);
	EXPECT(!err_is(&a.err));
	EXPECT(message_raw(m).n > 20);
	EXPECT_EQ(gone.err.kind, ERR_GONE);
	EXPECT_EQ(gone.err.scope, SCOPE_MESSAGE);
	message_unref(&m);
	message_unref(&none);
	a = (struct answer){ 0 };
	box_status(b, on_status, &a);
	UNTIL(&w, a.n > 0);
	EXPECT_EQ(a.messages, 2);
	box_unref(&b);
	close_world(&w, 0);
}

TEST(verbs_count_what_they_did_and_what_was_gone)
{
	struct world w;
	struct answer a;
	char other[340];

	EXPECT(open_two(&w, 6, false, other));
	run_search(&w, query_all(), 0, "INBOX");
	a = run_verb(&w, (struct action){ .verb = VERB_COPY, .mailbox = words("Copies") }, 1, 3);
	EXPECT(!err_is(&a.err));
	EXPECT_EQ(a.verb.done, 3);
	a = run_verb(&w, (struct action){ .verb = VERB_MOVE, .mailbox = words("Moved") }, 3, 8);
	EXPECT_EQ(a.verb.done, 4);
	EXPECT_EQ(a.verb.gone, 2);
	EXPECT_EQ(a.verb.failed, 0);
	a = run_verb(&w, (struct action){ .verb = VERB_EXPUNGE }, 1, 1);
	EXPECT_EQ(a.verb.done, 1);
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(count(&w, ".Copies"), 3);
	EXPECT_EQ(count(&w, ".Moved"), 4);
	a = run_verb(&w, (struct action){ .verb = VERB_EXPUNGE }, 5, 4);	/* of no message at all */
	EXPECT_EQ(a.n, 1);
	EXPECT_EQ(a.verb.done + a.verb.gone + a.verb.failed, 0);
	close_world(&w, 0);
}

TEST(copy_and_move_between_two_accounts)
{
	struct world w;
	struct answer a;
	char other[340];

	EXPECT(open_two(&w, 5, false, other));
	run_search(&w, query_all(), 0, "INBOX");
	a = run_verb(&w, (struct action){ .verb = VERB_COPY, .account = words("other"),
	    .mailbox = words("From/home") }, 1, 2);
	EXPECT(!err_is(&a.err));
	EXPECT_EQ(a.verb.done, 2);
	EXPECT(a.verb.bytes > 40);
	a = run_verb(&w, (struct action){ .verb = VERB_MOVE, .account = words("other"),
	    .mailbox = words("INBOX") }, 2, 9);
	EXPECT_EQ(a.verb.done, 4);
	EXPECT_EQ(a.verb.gone, 4);
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(count_in(other, ".From.home"), 2);
	EXPECT_EQ(count_in(other, "."), 4);
	close_world(&w, 0);
}

TEST(verbs_that_cannot_be_done_say_why)
{
	struct world w;
	struct answer a;
	char other[340];

	EXPECT(open_two(&w, 2, false, other));
	run_search(&w, query_all(), 0, "INBOX");
	a = run_verb(&w, (struct action){ .verb = VERB_MOVE, .account = words("nobody"),
	    .mailbox = words("X") }, 1, 2);
	EXPECT_EQ(a.err.kind, ERR_USAGE);
	EXPECT(strstr(a.err.text, "nobody") != NULL);
	EXPECT_EQ(a.verb.failed, 2);
	a = run_verb(&w, (struct action){ .verb = VERB_DELETE }, 1, 2);
	EXPECT_EQ(a.err.kind, ERR_REFUSED);
	EXPECT(strstr(a.err.text, "trash") != NULL);
	EXPECT_EQ(a.verb.failed, 2);
	a = run_verb(&w, (struct action){ .verb = VERB_SAVE, .path = words("relative") }, 1, 1);
	EXPECT_EQ(a.verb.failed, 1);
	EXPECT_EQ(a.verb.first.kind, ERR_USAGE);
	EXPECT(!err_is(&a.err));
	EXPECT_EQ(count(&w, "."), 2);
	close_world(&w, 0);
}

TEST(a_verb_given_up_does_no_more)
{
	struct world w;
	struct answer a = { 0 };
	struct action act = { .verb = VERB_MOVE, .mailbox = words("Moved") };
	struct box *b;
	struct engine_op *op;
	uint32_t uids[600];
	char other[340];

	EXPECT(open_two(&w, 600, false, other));
	run_search(&w, query_all(), 0, "INBOX");
	b = box_of(&w, "home", "INBOX");
	for (uint32_t i = 0; i < 600; i++)
		uids[i] = i + 1;
	op = box_verb(b, &act, 0, uids, 600, on_verb, &a);
	UNTIL(&w, count(&w, ".Moved") > 0);
	engine_op_cancel(&op);
	box_unref(&b);
	pause_ms(&w, 1000);
	EXPECT_EQ(a.n, 0);
	EXPECT(count(&w, ".") > 0);
	EXPECT_EQ(count(&w, ".") + count(&w, ".Moved"), 600);
	close_world(&w, 0);
}

TEST(a_dry_run_of_verbs_changes_nothing)
{
	struct world w;
	struct answer a;
	char other[340];

	EXPECT(open_two(&w, 2, true, other));
	run_search(&w, query_all(), 0, "INBOX");
	a = run_verb(&w, (struct action){ .verb = VERB_MOVE, .account = words("other"),
	    .mailbox = words("X") }, 1, 2);
	EXPECT_EQ(a.verb.done, 2);
	a = run_verb(&w, (struct action){ .verb = VERB_EXPUNGE }, 1, 2);
	a = (struct answer){ 0 };
	account_change(engine_account(w.engine, "home"), REQ_CREATE, "New", NULL, on_done, &a);
	UNTIL(&w, a.n > 0);
	EXPECT(!err_is(&a.err));
	a = (struct answer){ 0 };
	account_mailboxes(engine_account(w.engine, "home"), on_mailboxes, &a);
	UNTIL(&w, a.n > 0);
	EXPECT_STR(a.text, "INBOX ");
	EXPECT_EQ(count(&w, "."), 2);
	close_world(&w, 0);
}

/* The names that a change needs are read when it is sent: the caller's may be gone by then. */
TEST(mailboxes_are_made_renamed_and_removed_by_name_or_role)
{
	struct world w;
	struct answer a = { 0 };
	struct account *home;
	char other[340], p[400], *to;

	EXPECT(open_two(&w, 0, false, other));
	snprintf(p, sizeof(p), "%s/.Archive", w.maildir);
	make_maildir(p);
	home = engine_account(w.engine, "home");
	to = xstrdup("Old");
	account_change(home, REQ_RENAME, "@archive", to, on_done, &a);
	memset(to, 'x', strlen(to));
	free(to);
	UNTIL(&w, a.n == 1);
	EXPECT(!err_is(&a.err));
	account_change(home, REQ_CREATE, "Lists/dev", NULL, on_done, &a);
	UNTIL(&w, a.n == 2);
	EXPECT(!err_is(&a.err));
	account_mailboxes(home, on_mailboxes, &a);
	UNTIL(&w, a.n == 3);
	EXPECT(strstr(a.text, "Old") != NULL && strstr(a.text, "Lists/dev") != NULL);
	EXPECT(strstr(a.text, "Archive") == NULL);
	account_change(home, REQ_REMOVE, "Old", NULL, on_done, &a);
	UNTIL(&w, a.n == 4);
	EXPECT(!err_is(&a.err));
	account_change(home, REQ_REMOVE, "Old", NULL, on_done, &a);
	UNTIL(&w, a.n == 5);
	EXPECT(err_is(&a.err));
	close_world(&w, 0);
}

TEST(roles_become_names_and_a_missing_one_is_an_error)
{
	struct world w;
	struct answer a = { 0 };
	struct account *home;
	char other[340], p[400];

	EXPECT(open_two(&w, 0, false, other));
	snprintf(p, sizeof(p), "%s/.Archive", w.maildir);
	make_maildir(p);
	home = engine_account(w.engine, "home");
	account_resolve(home, "@archive", on_name, &a);
	UNTIL(&w, a.n == 1);
	EXPECT_STR(a.text, "Archive");
	account_resolve(home, "@Inbox", on_name, &a);
	UNTIL(&w, a.n == 2);
	EXPECT_STR(a.text, "INBOX");
	account_resolve(home, "Plain", on_name, &a);
	UNTIL(&w, a.n == 3);
	EXPECT_STR(a.text, "Plain");
	account_resolve(home, "@sent", on_name, &a);
	UNTIL(&w, a.n == 4);
	EXPECT_EQ(a.err.kind, ERR_REFUSED);
	EXPECT(strstr(a.err.text, "@sent") != NULL);
	close_world(&w, 0);
}

/* At each number of turns a reload takes the other account away, under the copy's feet. */
TEST(the_target_of_a_copy_can_leave_the_rules_at_any_time)
{
	for (int turns = 0; turns < 24; turns++) {
		struct world w;
		struct answer a = { 0 };
		struct action act = { .verb = VERB_MOVE, .account = words("other"), .mailbox = words("X") };
		struct box *b;
		uint32_t uid = 1;
		char other[340];

		EXPECT(open_two(&w, 1, false, other));
		run_search(&w, query_all(), 0, "INBOX");
		b = box_of(&w, "home", "INBOX");
		box_verb(b, &act, 0, &uid, 1, on_verb, &a);
		for (int k = 0; k < turns; k++)
			loop_turn(w.loop, turns % 2);
		new_rules(&w);
		add_account(&w);
		EXPECT(start(&w));
		UNTIL(&w, a.n > 0);
		EXPECT_EQ(a.n, 1);
		EXPECT_EQ(a.verb.done + a.verb.failed, 1);
		EXPECT_EQ(count(&w, ".") + count_in(other, ".X"), 1);
		EXPECT_EQ(count_in(other, ".X"), a.verb.done);
		box_unref(&b);
		close_world(&w, 0);
	}
}

TEST(uids_of_another_uidvalidity_are_not_acted_on)
{
	struct world w;
	char other[340];
	struct action act = { .verb = VERB_FLAG };
	struct answer found, a = { 0 }, fetched = { 0 };
	uint32_t uids[] = { 1, 2, 3 };
	struct message *m = message_new();
	struct box *b;

	EXPECT(open_two(&w, 3, false, other));
	found = run_search(&w, query_all(), 0, "INBOX");
	EXPECT_EQ(found.nuids, 3);
	EXPECT(found.uidvalidity != 0);
	b = box_of(&w, "home", "INBOX");
	flags_add(&act.flags, FLAG_FLAGGED, VIEW_NONE);
	box_verb(b, &act, found.uidvalidity, uids, 3, on_verb, &a);
	UNTIL(&w, a.n > 0);
	EXPECT_EQ(a.verb.done, 3);
	EXPECT_EQ(a.err.kind, ERR_OK);
	a = (struct answer){ 0 };
	box_verb(b, &act, found.uidvalidity + 1, uids, 3, on_verb, &a);
	UNTIL(&w, a.n > 0);
	EXPECT_EQ(a.verb.done, 0);
	EXPECT_EQ(a.verb.failed, 3);
	EXPECT_EQ(a.err.kind, ERR_GONE);
	EXPECT_EQ(a.err.scope, SCOPE_MAILBOX);
	message_facts(m)->uid = 1;
	message_facts(m)->uidvalidity = found.uidvalidity + 1;
	box_fetch(b, m, NEED_FACTS, on_done, &fetched);
	UNTIL(&w, fetched.n > 0);
	EXPECT_EQ(fetched.err.kind, ERR_GONE);
	EXPECT_EQ(fetched.err.scope, SCOPE_MAILBOX);
	message_unref(&m);
	action_free(&act);
	box_unref(&b);
	close_world(&w, 0);
}
