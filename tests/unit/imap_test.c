/* The IMAP engine in memory: what it says, when, and whose the answers are. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/imap.h"

#define HELLO	"* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN IDLE ID ENABLE CONDSTORE " \
	"NAMESPACE UIDPLUS MOVE ESEARCH] ready\r\n"

struct talk {
	struct imap	*m;
	struct secret	*password;
	struct str	 out;		/* all that was written since the last look */
	struct str	 story;		/* what callbacks told */
	struct err	 err;
	int64_t		 now;
	enum engine_want want;
	bool		 dead;
	size_t		 left;		/* bytes that were not taken */
	size_t		 cut;		/* feed in pieces of so many bytes; 0: whole */
};

static void
on_ready(void *arg)
{
	str_adds(&((struct talk *)arg)->story, "ready ");
}

static void
on_event(void *arg, struct imap_reply *r)
{
	struct talk *t = arg;

	str_addf(&t->story, "event:%.*s ", VIEW_ARG(r->name));
}

static void
talk_init(struct talk *t, bool starttls, bool insecure)
{
	struct imap_conf c = { .host = "mail.example.com", .port = 993, .starttls = starttls,
		.user = "anna", .insecure_plaintext = insecure, .version = "1",
		.events = { on_ready, on_event }, .arg = t };

	*t = (struct talk){ .now = 1000 };
	t->password = secret_of(VIEW("tea"));
	c.password = t->password;
	t->m = imap_new(&c);
}

static void
pump(struct talk *t)
{
	struct view v;

	if (t->dead)
		return;
	if (imap_engine_ops.tick(t->m, t->now, &t->err) < 0) {
		t->dead = true;
		imap_engine_ops.on_closed(t->m, &t->err);
		return;
	}
	while ((v = imap_engine_ops.output(t->m)).n > 0) {
		size_t n = t->cut > 0 ? MIN(t->cut, v.n) : v.n;

		str_add(&t->out, v.p, n);
		imap_engine_ops.sent(t->m, n);
	}
}

static void
feed(struct talk *t, struct view in)
{
	size_t used;

	if (t->dead)
		return;
	if (imap_engine_ops.tick(t->m, t->now, &t->err) < 0 ||
	    imap_engine_ops.feed(t->m, in, &used, &t->want, &t->err) < 0) {
		t->dead = true;
		imap_engine_ops.on_closed(t->m, &t->err);
		return;
	}
	t->left = in.n - used;
}

static void
say(struct talk *t, const char *text)
{
	struct view v = view_of(text);

	while (t->cut > 0 && v.n > t->cut) {
		feed(t, view_n(v.p, t->cut));
		v = view_from(v, t->cut);
	}
	feed(t, v);
	pump(t);
}

/* What was written since, and forgets it. */
static const char *
heard(struct talk *t)
{
	static char text[8000];

	pump(t);
	snprintf(text, sizeof(text), "%s", str_z(&t->out));
	str_reset(&t->out);
	return text;
}

static void
talk_end(struct talk *t)
{
	imap_free(&t->m);
	secret_free(&t->password);
	str_free(&t->out);
	str_free(&t->story);
}

static void
on_reply(void *arg, struct imap_reply *r)
{
	struct talk *t = arg;

	if (r->kind == IMAP_FETCH)
		str_addf(&t->story, "fetch:%u ", r->fetch.uid);
	else if (r->set != NULL && (r->kind == IMAP_SEARCH || r->kind == IMAP_ESEARCH)) {
		str_adds(&t->story, "found:");
		seqset_print(r->set, &t->story);
		str_adds(&t->story, " ");
	} else
		str_addf(&t->story, "reply:%.*s ", VIEW_ARG(r->name));
}

static void
on_done(void *arg, const struct imap_answer *a)
{
	struct talk *t = arg;

	if (a->result != NULL)
		str_addf(&t->story, "%s ", imap_cond_name(a->result->cond));
	else
		str_addf(&t->story, "lost%s ", a->sent ? "-sent" : "");
}

static void
op_on_(int *unit_failed, struct talk *t, enum imap_verb v, const char *set, const char *rest)
{
	struct imap_op *op = imap_op_new(t->m, v);
	struct seqset s = { 0 };
	struct seq_iter it = { 0 };
	struct err e = ERR_NONE;

	if (set != NULL) {
		EXPECT_EQ(seqset_parse(&s, view_of(set), &e), 0);
		EXPECT(imap_op_uids(op, &s, &it, 100) > 0);
	}
	imap_cmd_raw(imap_op_cmd(op), rest);
	imap_op_send(op, on_reply, on_done, t);
	seqset_free(&s);
}
#define op_on(...) op_on_(unit_failed, __VA_ARGS__)

static void
op_select(struct talk *t, const char *name)
{
	struct imap_op *op = imap_op_new(t->m, IMAP_DO_SELECT);

	imap_op_mailbox(op, view_of(name));
	imap_op_send(op, NULL, on_done, t);
}

/* Signed in, nothing selected.  Tags go on from aaaaaa5. */
static void
sign_in_(int *unit_failed, struct talk *t)
{
	struct engine_tls tls = { .verified = true };

	pump(t);
	EXPECT_EQ(imap_engine_ops.on_tls(t->m, &tls, &t->err), 0);
	imap_connected(t->m, false);
	say(t, HELLO);
	EXPECT_STR(heard(t), "aaaaaa1 AUTHENTICATE PLAIN AGFubmEAdGVh\r\n");
	say(t, "aaaaaa1 OK [CAPABILITY IMAP4rev1 LITERAL+ IDLE ID ENABLE CONDSTORE NAMESPACE UIDPLUS "
	    "MOVE ESEARCH] in\r\n");
	EXPECT_STR(heard(t), "aaaaaa2 ENABLE CONDSTORE\r\n"
	    "aaaaaa3 ID (\"name\" \"mailmill\" \"version\" \"1\")\r\naaaaaa4 NAMESPACE\r\n");
	say(t, "* ENABLED CONDSTORE\r\naaaaaa2 OK x\r\n* ID (\"name\" \"Dovecot\")\r\naaaaaa3 OK x\r\n"
	    "* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\naaaaaa4 OK x\r\n");
	EXPECT_STR(str_z(&t->story), "ready ");
	str_reset(&t->story);
}

#define sign_in(t) sign_in_(unit_failed, t)

static void
select_inbox_(int *unit_failed, struct talk *t)
{
	op_select(t, "INBOX");
	EXPECT_STR(heard(t), "aaaaaa5 SELECT INBOX\r\n");
	say(t, "* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS (\\Seen Work \\*)] x\r\n* 3 EXISTS\r\n* 0 RECENT\r\n"
	    "* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 44] x\r\n* OK [HIGHESTMODSEQ 9] x\r\n"
	    "aaaaaa5 OK [READ-WRITE] done\r\n");
	EXPECT_STR(str_z(&t->story), "OK ");
	str_reset(&t->story);
}

#define select_inbox(t) select_inbox_(unit_failed, t)

TEST(imap_signs_in_and_learns)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	EXPECT(imap_is_ready(t.m));
	EXPECT_STR(imap_server(t.m), "Dovecot");
	EXPECT(imap_is_enabled(t.m, IMAP_CAP_CONDSTORE));
	EXPECT(view_is(imap_namespaces(t.m)->personal.prefix, "INBOX."));
	EXPECT_EQ(imap_namespaces(t.m)->personal.delim, '.');
	talk_end(&t);
}

TEST(imap_the_same_byte_by_byte)
{
	struct talk t;

	talk_init(&t, false, false);
	t.cut = 1;
	sign_in(&t);
	select_inbox(&t);
	EXPECT_EQ(imap_selected(t.m)->uidnext, 44);
	talk_end(&t);
}

TEST(imap_select_says_what_is_known)
{
	struct talk t;
	const struct imap_selected *b;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	b = imap_selected(t.m);
	EXPECT(b != NULL);
	EXPECT_STR(b->name, "INBOX");
	EXPECT_EQ(b->exists, 3);
	EXPECT_EQ(b->uidvalidity, 7);
	EXPECT_EQ(b->uidnext, 44);
	EXPECT(b->flags_known && b->flags_any && !b->read_only);
	EXPECT(flags_has(&b->flags, 0, VIEW("Work")));
	say(&t, "* 5 EXISTS\r\n* 2 EXPUNGE\r\n");
	EXPECT_EQ(b->exists, 4);
	EXPECT_STR(str_z(&t.story), "event:EXISTS event:EXPUNGE ");
	str_reset(&t.story);
	op_select(&t, "Gone");
	heard(&t);
	say(&t, "aaaaaa6 NO no such mailbox\r\n");
	EXPECT(imap_selected(t.m) == NULL);
	talk_end(&t);
}

TEST(imap_fetch_by_uid_and_no_lower_one)
{
	struct talk t;
	struct imap_op *op;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	op = imap_op_new(t.m, IMAP_DO_UID_FETCH);
	imap_op_uids_from(op, 44);
	imap_cmd_raw(imap_op_cmd(op), " (UID)");
	imap_op_send(op, on_reply, on_done, &t);
	op_on(&t, IMAP_DO_UID_FETCH, "2,9", " (FLAGS)");
	EXPECT_STR(heard(&t), "aaaaaa6 UID FETCH 44:* (UID)\r\naaaaaa7 UID FETCH 2,9 (FLAGS)\r\n");
	/* In any order; the last message comes though its UID is below 44, and nobody asked for 12. */
	say(&t, "* 1 FETCH (UID 9 FLAGS ())\r\n* 3 FETCH (UID 43)\r\n* 2 FETCH (UID 12 FLAGS ())\r\n"
	    "aaaaaa7 OK x\r\naaaaaa6 OK x\r\n");
	EXPECT_STR(str_z(&t.story), "fetch:9 event:FETCH event:FETCH OK OK ");
	talk_end(&t);
}

TEST(imap_searches_are_told_apart_by_tag)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	op_on(&t, IMAP_DO_UID_SEARCH, NULL, "RETURN (ALL) SEEN");
	op_on(&t, IMAP_DO_UID_SEARCH, NULL, "RETURN (ALL) UNSEEN");
	EXPECT_STR(heard(&t), "aaaaaa6 UID SEARCH RETURN (ALL) SEEN\r\n"
	    "aaaaaa7 UID SEARCH RETURN (ALL) UNSEEN\r\n");
	say(&t, "* ESEARCH (TAG \"aaaaaa7\") UID ALL 5\r\naaaaaa7 OK x\r\n"
	    "* ESEARCH (TAG \"aaaaaa6\") UID ALL 1:4\r\naaaaaa6 OK x\r\n");
	EXPECT_STR(str_z(&t.story), "found:5 OK found:1:4 OK ");
	talk_end(&t);
}

TEST(imap_a_search_waits_for_a_change)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	op_on(&t, IMAP_DO_UID_STORE, "1", " +FLAGS (\\Seen)");
	op_on(&t, IMAP_DO_UID_SEARCH, NULL, "SEEN");
	EXPECT_STR(heard(&t), "aaaaaa6 UID STORE 1 +FLAGS (\\Seen)\r\n");
	say(&t, "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\naaaaaa6 OK x\r\n");
	EXPECT_STR(heard(&t), "aaaaaa7 UID SEARCH SEEN\r\n");
	talk_end(&t);
}

TEST(imap_done_fetch_idle_in_one_write)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	imap_idle(t.m, true);
	EXPECT_STR(heard(&t), "aaaaaa6 IDLE\r\n");
	op_on(&t, IMAP_DO_UID_FETCH, "44", " (UID)");
	EXPECT_STR(heard(&t), "");	/* DONE is for a server that idles */
	say(&t, "* 4 EXISTS\r\n+ idling\r\n");
	EXPECT_STR(heard(&t), "DONE\r\naaaaaa7 UID FETCH 44 (UID)\r\naaaaaa8 IDLE\r\n");
	say(&t, "aaaaaa6 OK x\r\n* 4 FETCH (UID 44)\r\naaaaaa7 OK x\r\n+ idling\r\n");
	EXPECT_STR(heard(&t), "");
	EXPECT_STR(str_z(&t.story), "event:EXISTS fetch:44 OK ");
	EXPECT_EQ(imap_selected(t.m)->uidnext, 45);
	talk_end(&t);
}

TEST(imap_renews_idle_with_a_noop)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	imap_idle(t.m, true);
	heard(&t);
	say(&t, "+ idling\r\n");
	EXPECT_EQ(imap_engine_ops.next_deadline(t.m), t.now + IMAP_IDLE_MS);
	t.now += IMAP_IDLE_MS - 1;
	EXPECT_STR(heard(&t), "");
	t.now += 1;
	EXPECT_STR(heard(&t), "DONE\r\naaaaaa7 NOOP\r\naaaaaa8 IDLE\r\n");
	/* And a server that is silent then is dead. */
	EXPECT_EQ(imap_engine_ops.next_deadline(t.m), t.now + IMAP_REPLY_MS);
	t.now += IMAP_REPLY_MS;
	heard(&t);
	EXPECT(t.dead && t.err.kind == ERR_NET && t.err.temporary);
	talk_end(&t);
}

TEST(imap_without_idle_noop)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	imap_idle(t.m, true);
	heard(&t);
	say(&t, "aaaaaa6 BAD what\r\n");
	EXPECT(!imap_can_idle(t.m));
	EXPECT_STR(heard(&t), "");
	t.now += IMAP_POLL_MS;
	EXPECT_STR(heard(&t), "aaaaaa7 NOOP\r\n");
	talk_end(&t);
}

TEST(imap_a_probe_finds_a_dead_peer)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	imap_idle(t.m, true);
	heard(&t);
	say(&t, "+ x\r\n");
	imap_probe(t.m);
	EXPECT_STR(heard(&t), "DONE\r\naaaaaa7 NOOP\r\naaaaaa8 IDLE\r\n");
	EXPECT_EQ(imap_engine_ops.next_deadline(t.m), t.now + IMAP_PROBE_MS);
	t.now += IMAP_PROBE_MS;
	heard(&t);
	EXPECT(t.dead);
	talk_end(&t);
}

TEST(imap_starttls_gate)
{
	static const struct { const char *greeting, *answer; } rows[] = {
		{ "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", NULL },
		{ "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", NULL },
		{ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "aaaaaa1 NO no\r\n" },
		{ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "aaaaaa1 BAD no\r\n" },
		{ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "* 3 EXISTS\r\n" },
		{ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "zz1 OK no\r\n" },
		{ "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "+ go\r\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct talk t;

		talk_init(&t, true, true);
		imap_connected(t.m, true);
		say(&t, rows[i].greeting);
		if (rows[i].answer != NULL) {
			EXPECT_STR(heard(&t), "aaaaaa1 STARTTLS\r\n");
			say(&t, rows[i].answer);
		}
		EXPECT(t.dead);
		EXPECT(t.err.kind == ERR_TLS || t.err.kind == ERR_PROTO);
		EXPECT_STR(str_z(&t.out), "");
		talk_end(&t);
	}
}

TEST(imap_starttls_forgets_and_leaves_what_follows)
{
	struct talk t;
	struct engine_tls tls = { .verified = true };

	talk_init(&t, true, false);
	imap_connected(t.m, false);
	say(&t, "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED AUTH=EXTERNAL] hi\r\n");
	EXPECT_STR(heard(&t), "aaaaaa1 STARTTLS\r\n");
	say(&t, "aaaaaa1 OK go\r\n* CAPABILITY injected\r\n");
	EXPECT_EQ(t.want, ENGINE_WANT_TLS);
	EXPECT_EQ(t.left, strlen("* CAPABILITY injected\r\n"));
	EXPECT_STR(heard(&t), "");
	EXPECT_EQ(imap_engine_ops.on_tls(t.m, &tls, &t.err), 0);
	EXPECT_STR(heard(&t), "aaaaaa2 CAPABILITY\r\n");
	say(&t, "* CAPABILITY IMAP4rev1\r\naaaaaa2 OK x\r\n");
	EXPECT_STR(heard(&t), "aaaaaa3 LOGIN anna tea\r\n");
	talk_end(&t);
}

TEST(imap_no_password_in_clear)
{
	struct talk t;

	talk_init(&t, false, false);
	imap_connected(t.m, false);
	say(&t, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n");
	EXPECT(t.dead && t.err.kind == ERR_TLS);
	EXPECT_STR(str_z(&t.out), "");
	talk_end(&t);
}

TEST(imap_wrong_password_is_permanent)
{
	struct talk t;

	talk_init(&t, false, false);
	imap_connected(t.m, true);
	say(&t, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
	heard(&t);
	say(&t, "aaaaaa1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n");
	EXPECT(t.dead && t.err.kind == ERR_AUTH && !t.err.temporary);
	EXPECT(strstr(t.err.text, "Authentication failed") != NULL);
	EXPECT(strstr(t.err.text, "tea") == NULL);
	talk_end(&t);
}

TEST(imap_mechanism_that_is_not_known_after_all)
{
	struct talk t;

	talk_init(&t, false, false);
	imap_connected(t.m, true);
	say(&t, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n");
	EXPECT_STR(heard(&t), "aaaaaa1 AUTHENTICATE PLAIN\r\n");
	say(&t, "aaaaaa1 BAD unknown\r\n");
	EXPECT_STR(heard(&t), "aaaaaa2 LOGIN anna tea\r\n");
	talk_end(&t);
}

TEST(imap_sasl_without_initial_response)
{
	struct talk t;

	talk_init(&t, false, false);
	imap_connected(t.m, true);
	say(&t, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] hi\r\n");
	EXPECT_STR(heard(&t), "aaaaaa1 AUTHENTICATE PLAIN\r\n");
	say(&t, "+ \r\n");
	EXPECT_STR(heard(&t), "AGFubmEAdGVh\r\n");
	say(&t, "aaaaaa1 OK x\r\n");
	EXPECT_STR(heard(&t), "aaaaaa2 CAPABILITY\r\n");
	talk_end(&t);
}

TEST(imap_bye_in_sign_in_waits_for_the_reason)
{
	struct talk t;

	talk_init(&t, false, false);
	imap_connected(t.m, true);
	say(&t, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n");
	heard(&t);
	say(&t, "* BYE too many failures\r\n");
	EXPECT(!t.dead);
	say(&t, "aaaaaa1 NO [AUTHENTICATIONFAILED] wrong\r\n");
	EXPECT(t.dead && t.err.kind == ERR_AUTH);
	talk_end(&t);
}

TEST(imap_enable_that_is_never_answered)
{
	struct talk t;

	talk_init(&t, false, false);
	imap_connected(t.m, true);
	say(&t, HELLO);
	heard(&t);
	say(&t, "aaaaaa1 OK [CAPABILITY IMAP4rev1 ID ENABLE CONDSTORE IDLE] in\r\n");
	EXPECT_STR(heard(&t), "aaaaaa2 ENABLE CONDSTORE\r\n"
	    "aaaaaa3 ID (\"name\" \"mailmill\" \"version\" \"1\")\r\naaaaaa4 LIST \"\" \"\"\r\n");
	say(&t, "aaaaaa3 OK x\r\n* LIST (\\Noselect) \"/\" \"\"\r\naaaaaa4 OK x\r\n");
	EXPECT(imap_is_ready(t.m));
	EXPECT_EQ(imap_namespaces(t.m)->personal.delim, '/');
	say(&t, "aaaaaa2 OK late\r\n");
	EXPECT(!t.dead);
	op_select(&t, "INBOX");
	EXPECT_STR(heard(&t), "aaaaaa5 SELECT INBOX\r\n");
	talk_end(&t);
}

TEST(imap_an_answer_nobody_asked_for_ends_it)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	op_on(&t, IMAP_DO_NOOP, NULL, "");
	say(&t, "aaaaaa9 OK x\r\n");
	EXPECT(t.dead && t.err.kind == ERR_PROTO);
	EXPECT_STR(str_z(&t.story), "lost ");
	talk_end(&t);
}

TEST(imap_lost_tells_what_was_sent)
{
	struct talk t;
	struct err e = ERR_NONE;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	op_on(&t, IMAP_DO_UID_MOVE, "1", " Lists");
	heard(&t);
	op_on(&t, IMAP_DO_UID_MOVE, "2", " Lists");
	err_set(&e, ERR_NET, SCOPE_SESSION, "cut");
	imap_engine_ops.on_closed(t.m, &e);
	EXPECT_STR(str_z(&t.story), "lost-sent lost ");
	talk_end(&t);
}

TEST(imap_literal_waits_and_can_be_refused)
{
	struct talk t;
	struct imap_append a = { .mailbox = VIEW("Sent") };

	talk_init(&t, false, false);
	imap_connected(t.m, true);
	say(&t, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n");
	heard(&t);
	say(&t, "* LIST () \"/\" \"\"\r\naaaaaa1 OK x\r\n");
	for (int i = 0; i < 2; i++) {
		struct imap_op *op = imap_op_new(t.m, IMAP_DO_APPEND);

		a.bytes = blob_copy(VIEW("Subject: x\r\n\r\n"));
		imap_op_append(op, &a);
		blob_free(&a.bytes);
		imap_op_send(op, on_reply, on_done, &t);
	}
	op_on(&t, IMAP_DO_NOOP, NULL, "");
	EXPECT_STR(heard(&t), "aaaaaa2 APPEND Sent {14}\r\n");
	say(&t, "aaaaaa2 NO [TRYCREATE] none\r\n");
	EXPECT_STR(heard(&t), "aaaaaa3 APPEND Sent {14}\r\n");
	say(&t, "+ go\r\n");
	EXPECT_STR(heard(&t), "Subject: x\r\n\r\n\r\naaaaaa4 NOOP\r\n");
	say(&t, "aaaaaa3 OK x\r\naaaaaa4 OK x\r\n");
	EXPECT_STR(str_z(&t.story), "ready NO OK OK ");
	talk_end(&t);
}

TEST(imap_bye_ends_it_in_words)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	say(&t, "* BYE Server shutting down.\r\n");
	EXPECT(t.dead && t.err.temporary);
	EXPECT(strstr(t.err.text, "Server shutting down") != NULL);
	talk_end(&t);
}

TEST(imap_logout_closes)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	imap_logout(t.m);
	EXPECT_STR(heard(&t), "aaaaaa5 LOGOUT\r\n");
	say(&t, "* BYE bye\r\naaaaaa5 OK x\r\n");
	EXPECT_EQ(t.want, ENGINE_CLOSE);
	EXPECT(!t.dead);
	talk_end(&t);
}

TEST(imap_window)
{
	struct talk t;
	size_t n = 0;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	for (int i = 0; i < 40; i++)
		op_on(&t, IMAP_DO_UID_FETCH, "1", " (UID)");
	for (const char *p = heard(&t); (p = strchr(p, '\n')) != NULL; p++)
		n++;
	EXPECT_EQ(n, IMAP_WINDOW);
	say(&t, "aaaaaa6 OK x\r\n");
	EXPECT_STR(heard(&t), "aaaaaa31 UID FETCH 1 (UID)\r\n");
	talk_end(&t);
}

static void
op_status(struct talk *t, const char *name)
{
	struct imap_op *op = imap_op_new(t->m, IMAP_DO_STATUS);

	imap_op_mailbox(op, view_of(name));
	imap_cmd_raw(imap_op_cmd(op), " (UIDNEXT)");
	imap_op_send(op, on_reply, on_done, t);
}

static void
op_append(struct talk *t, const char *name, size_t n)
{
	struct imap_op *op = imap_op_new(t->m, IMAP_DO_APPEND);
	struct str bytes = STR_INIT;
	struct blob *blob;

	while (bytes.len < n)
		str_adds(&bytes, "x");
	blob = blob_take(&bytes);
	imap_op_append(op, &(struct imap_append){ .mailbox = view_of(name), .bytes = blob });
	imap_op_send(op, on_reply, on_done, t);
	blob_free(&blob);
}

TEST(imap_select_goes_with_what_names_its_mailbox)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	op_on(&t, IMAP_DO_LIST, NULL, "\"\" \"*\"");
	op_status(&t, "Lists");
	op_append(&t, "Work", 1);
	op_select(&t, "Lists");
	op_status(&t, "Work");
	EXPECT_STR(heard(&t), "aaaaaa6 LIST \"\" \"*\"\r\naaaaaa7 STATUS Lists (UIDNEXT)\r\n"
	    "aaaaaa8 APPEND Work {1+}\r\nx\r\naaaaaa9 SELECT Lists\r\n");
	/* The first two lines are about INBOX; what SELECT says stands. */
	say(&t, "* 4 EXISTS\r\n* 9 FETCH (FLAGS (\\Seen))\r\naaaaaa6 OK x\r\n"
	    "* STATUS Lists (UIDNEXT 6)\r\naaaaaa7 OK x\r\naaaaaa8 OK x\r\n* 2 EXISTS\r\n"
	    "* OK [UIDVALIDITY 8] x\r\n* OK [UIDNEXT 6] x\r\n");
	EXPECT_STR(imap_selected(t.m)->name, "INBOX");
	EXPECT_EQ(imap_selected(t.m)->exists, 3);
	EXPECT_STR(heard(&t), "");
	say(&t, "aaaaaa9 OK [READ-WRITE] x\r\n");
	EXPECT_STR(imap_selected(t.m)->name, "Lists");
	EXPECT_EQ(imap_selected(t.m)->exists, 2);
	EXPECT_EQ(imap_selected(t.m)->uidvalidity, 8);
	EXPECT_STR(heard(&t), "aaaaaa10 STATUS Work (UIDNEXT)\r\n");
	talk_end(&t);
}

TEST(imap_select_waits_for_what_uses_the_selection)
{
	static const struct { enum imap_verb verb; const char *set, *rest; } rows[] = {
		{ IMAP_DO_UID_FETCH, "1", " (UID)" }, { IMAP_DO_UID_SEARCH, NULL, "SEEN" },
		{ IMAP_DO_UID_STORE, "1", " +FLAGS (\\Seen)" }, { IMAP_DO_NOOP, NULL, "" },
		{ IMAP_DO_UNSELECT, NULL, "" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct talk t;

		talk_init(&t, false, false);
		sign_in(&t);
		select_inbox(&t);
		op_on(&t, rows[i].verb, rows[i].set, rows[i].rest);
		op_select(&t, "Lists");
		EXPECT(strstr(heard(&t), "SELECT Lists") == NULL);
		say(&t, "aaaaaa6 OK x\r\n");
		EXPECT_STR(heard(&t), "aaaaaa7 SELECT Lists\r\n");
		talk_end(&t);
	}
}

/* Who appends bounds the bytes of messages; the first alone, until it is known that there is a mailbox. */
TEST(imap_appends_go_together)
{
	struct talk t;
	unsigned n = 0;

	talk_init(&t, false, false);
	sign_in(&t);
	EXPECT(!imap_is_target(t.m, VIEW("Lists")));
	for (int i = 0; i < 30; i++)
		op_append(&t, "Lists", 9000);
	pump(&t);
	for (const char *p = str_z(&t.out); (p = strstr(p, "APPEND")) != NULL; p++)
		n++;
	EXPECT_EQ(n, 1);
	say(&t, "aaaaaa5 OK [APPENDUID 1 1] x\r\n");
	EXPECT(imap_is_target(t.m, VIEW("Lists")));
	EXPECT(!imap_is_target(t.m, VIEW("List")));
	n = 0;
	for (const char *p = str_z(&t.out); (p = strstr(p, "APPEND")) != NULL; p++)
		n++;
	EXPECT_EQ(n, 1 + IMAP_WINDOW);
	talk_end(&t);
}

TEST(imap_moves_to_a_mailbox_that_may_not_exist)
{
	struct talk t;

	talk_init(&t, false, false);
	sign_in(&t);
	select_inbox(&t);
	for (int i = 1; i <= 3; i++) {
		struct imap_op *op = imap_op_new(t.m, IMAP_DO_UID_MOVE);
		struct seqset s = { 0 };
		struct seq_iter it = { 0 };

		seqset_add(&s, (uint32_t)i, (uint32_t)i);
		imap_op_uids(op, &s, &it, 100);
		seqset_free(&s);
		imap_cmd_raw(imap_op_cmd(op), " ");
		imap_op_mailbox(op, VIEW("Lists"));
		imap_op_send(op, on_reply, on_done, &t);
	}
	EXPECT_STR(heard(&t), "aaaaaa6 UID MOVE 1 Lists\r\n");
	say(&t, "* OK [COPYUID 5 1 10] x\r\n* 1 EXPUNGE\r\naaaaaa6 OK x\r\n");
	EXPECT_STR(str_z(&t.story), "reply:OK event:EXPUNGE OK ");
	EXPECT_STR(heard(&t), "aaaaaa7 UID MOVE 2 Lists\r\naaaaaa8 UID MOVE 3 Lists\r\n");
	talk_end(&t);
}
