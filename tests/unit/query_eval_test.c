/* Queries evaluated on messages: every key and operator, UNKNOWN logic, captures, where. */
#include "engine/query.h"
#include "unit.h"

static const struct view none = { NULL, 0 };

#define HEADER \
	"From: =?UTF-8?Q?Anna_M=C3=BCller?= <Anna@Billing.Example.org>\r\n" \
	"Sender: robot@send.example.net\r\n" \
	"To: \"Bob, the Boss\" <bob@example.com>, carl@example.net\r\n" \
	"Cc: team: dora@example.com, emil@example.com;\r\n" \
	"Reply-To: help@example.org\r\n" \
	"Delivered-To: bob+lists@example.com\r\n" \
	"Subject: =?UTF-8?B?UmU6IFJlY2hudW5nICM0MiBmw7xyIE3DpHJ6?=\r\n" \
	"List-Id: Dev list <dev.lists.example.org>\r\n" \
	"Message-ID: <abc.123@mail.example.org>\r\n" \
	"X-Tag: one\r\n" \
	"X-Tag: =?UTF-8?Q?zw=C3=B6lf?=\r\n" \
	"Date: Fri, 30 Jan 2026 14:00:00 +0100\r\n" \
	"MIME-Version: 1.0\r\n" \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define BODY \
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" \
	"Gr=C3=BC=C3=9Fe aus K=C3=B6ln=\r\n und Bonn\r\n" \
	"--b\r\nContent-Type: text/html\r\n\r\n<p>Kl&auml;ger &amp; <b>Beklagte</b></p><script>var hidden</script>\r\n" \
	"--b\r\nContent-Type: application/octet-stream\r\n\r\nbinary words\r\n--b--\r\n"

#define T0	INT64_C(1769778000)	/* 2026-01-30 13:00:00 UTC */

static struct message *
message(unsigned have)
{
	struct message *m = message_new();
	struct message_facts *f = message_facts(m);
	struct blob *b = blob_copy(have & NEED_BODY ? VIEW(HEADER BODY) : VIEW(HEADER));

	if (have & (NEED_HEADER | NEED_BODY))
		message_set_bytes(m, b, (have & NEED_BODY) != 0);
	blob_free(&b);
	f->uid = 17;
	f->size = 5000;
	f->received = T0;
	f->here = T0 + 100;
	flags_add(&f->flags, FLAG_SEEN, none);
	flags_add(&f->flags, 0, VIEW("Invoice"));
	message_know(m, have & NEED_FACTS);
	return m;
}
#define ALL_BYTES	(NEED_FACTS | NEED_HEADER | NEED_BODY)

static struct query *
make(const char *key, const char *name, enum query_op op, const char *value)
{
	struct query_value v = { .type = QV_TEXT, .text = view_of(value) };
	struct err e = ERR_NONE;
	struct zone *z = zone_new(VIEW("Europe/Berlin"), &e);
	struct query *q = query_key(view_of(key), view_of(name), op, &v, value != NULL, z, &e);

	zone_free(&z);
	if (q == NULL)
		printf("# %s: %s\n", key, e.text);
	return q;
}

static struct query *
joined(struct query *a, struct query *b, bool and)
{
	struct query *q = and ? query_and(a, b) : query_or(a, b);

	query_free(&a);
	query_free(&b);
	return q;
}
#define AND(a, b)	joined((a), (b), true)
#define OR(a, b)	joined((a), (b), false)

static struct query *
not(struct query *a)
{
	struct query *q = query_not(a);

	query_free(&a);
	return q;
}

struct row { const char *key, *name; enum query_op op; const char *value; bool yes; };

/* The row that is wrong, or n. */
static size_t
first_wrong(const struct row *rows, size_t n)
{
	struct message *m = message(ALL_BYTES);
	struct query_ctx c = { .message = m, .now = T0 + 3 * 86400 };
	size_t i;

	for (i = 0; i < n; i++) {
		struct query *q = make(rows[i].key, rows[i].name, rows[i].op, rows[i].value);
		bool good = q != NULL && query_eval(q, &c) == (rows[i].yes ? VERDICT_YES : VERDICT_NO) &&
		    !err_is(&c.err);

		query_free(&q);
		if (!good) {
			printf("# %s:%s \"%s\": expected %s%s\n", rows[i].key, query_op_name(rows[i].op),
			    rows[i].value ? rows[i].value : "", rows[i].yes ? "yes" : "no", c.err.text);
			break;
		}
	}
	message_unref(&m);
	return i;
}

TEST(query_eval_texts)
{
	static const struct row rows[] = {
		{ "subject", "", OP_HAS, "RECHNUNG", true }, { "subject", "", OP_HAS, "F\xC3\x9CR", true },
		{ "subject", "", OP_HAS, "invoice", false }, { "subject", "", OP_PRESENT, NULL, true },
		{ "subject", "", OP_IS, " re: rechnung #42 f\xC3\xBCr m\xC3\xA4rz ", true },
		{ "subject", "", OP_IS, "rechnung", false },
		{ "subject", "", OP_STARTS, "re: R", true }, { "subject", "", OP_STARTS, "rechnung", false },
		{ "subject", "", OP_ENDS, "M\xC3\x84RZ", true }, { "subject", "", OP_ENDS, "re", false },
		{ "subject", "", OP_GLOB, "*rechnung*", true }, { "subject", "", OP_GLOB, "rechnung", false },
		{ "subject", "", OP_GLOB, "re: rechnung #?? f?r m?rz", true },
		{ "subject", "", OP_GLOB, "re: rechnung #[0-9][!0-1] *", true },
		{ "subject", "", OP_GLOB, "re: rechnung #[0-9][0-1] *", false },
		{ "subject", "", OP_GLOB, "*#4?", false },
		{ "subject", "", OP_MATCHES, "^RE: .* #\\d+ f\xC3\x9Cr", true },
		{ "subject", "", OP_MATCHES, "\\d{3}", false },
		{ "list_id", "", OP_HAS, "lists", true }, { "list_id", "", OP_HAS, "dev list", false },
		{ "list_id", "", OP_IS, "dev.lists.example.org", true },
		{ "list_id", "", OP_DOMAIN, "lists.example.org", true },
		{ "list_id", "", OP_DOMAIN, "dev.lists.example.org", true },
		{ "list_id", "", OP_DOMAIN, "ists.example.org", false },
		{ "list_id", "", OP_DOMAIN, "a.dev.lists.example.org", false },
		{ "message_id", "", OP_IS, "abc.123@mail.example.org", true },
		{ "header", "x-tag", OP_HAS, "one", true }, { "header", "X-Tag", OP_IS, "Zw\xC3\xB6lf", true },
		{ "header", "X-Tag", OP_IS, "on", false }, { "header", "X-Tag", OP_PRESENT, NULL, true },
		{ "header", "X-Ta", OP_PRESENT, NULL, false }, { "header", "X-Tag", OP_MATCHES, "^zw\xC3\xB6", true },
		{ "body", "", OP_HAS, "K\xC3\xB6ln und Bonn", true }, { "body", "", OP_HAS, "kl\xC3\xA4ger & beklagte", true },
		{ "body", "", OP_HAS, "hidden", false }, { "body", "", OP_HAS, "binary", false },
		{ "body", "", OP_HAS, "Rechnung", false }, { "body", "", OP_PRESENT, NULL, true },
		{ "body", "", OP_MATCHES, "bonn\\s*$", true },
		{ "text", "", OP_HAS, "gr\xC3\xBC\xC3\x9F" "e", true }, { "text", "", OP_HAS, "beklagte", false },
		{ "text", "", OP_PRESENT, NULL, true },
		{ "any_text", "", OP_HAS, "rechnung", true }, { "any_text", "", OP_HAS, "beklagte", true },
		{ "any_text", "", OP_HAS, "m\xC3\xBCller", true }, { "any_text", "", OP_HAS, "zw\xC3\xB6lf", true },
		{ "any_text", "", OP_HAS, "binary", false }, { "any_text", "", OP_PRESENT, NULL, true },
	};

	EXPECT_EQ(first_wrong(rows, ARRAY_LEN(rows)), ARRAY_LEN(rows));
}

TEST(query_eval_addresses)
{
	static const struct row rows[] = {
		{ "from", "", OP_HAS, "M\xC3\x9CLLER <anna@", true }, { "from", "", OP_HAS, "bob", false },
		{ "from", "", OP_IS, "anna@billing.example.org", true },
		{ "from", "", OP_IS, "anna m\xC3\xBCller", true }, { "from", "", OP_IS, "anna", false },
		{ "from", "", OP_STARTS, "anna@", true }, { "from", "", OP_STARTS, "anna m", true },
		{ "from", "", OP_ENDS, ".org", true }, { "from", "", OP_ENDS, ".org>", true },
		{ "from", "", OP_ENDS, "m\xC3\xBCller", true },
		{ "from", "", OP_GLOB, "*@*.example.org", true }, { "from", "", OP_GLOB, "anna*>", true },
		{ "from", "", OP_GLOB, "anna", false },
		{ "from", "", OP_MATCHES, "^anna@", true }, { "from", "", OP_MATCHES, "^M", false },
		{ "from", "", OP_DOMAIN, "Example.ORG", true }, { "from", "", OP_DOMAIN, "@example.org", true },
		{ "from", "", OP_DOMAIN, "billing.example.org", true }, { "from", "", OP_DOMAIN, "ample.org", false },
		{ "from", "", OP_DOMAIN, "x.billing.example.org", false },
		{ "to", "", OP_IS, "bob, the boss", true }, { "to", "", OP_IS, "carl@example.net", true },
		{ "to", "", OP_DOMAIN, "example.net", true }, { "to", "", OP_HAS, "dora", false },
		{ "cc", "", OP_IS, "emil@example.com", true }, { "cc", "", OP_PRESENT, NULL, true },
		{ "bcc", "", OP_PRESENT, NULL, false }, { "bcc", "", OP_HAS, "a", false },
		{ "sender", "", OP_HAS, "robot", true }, { "reply_to", "", OP_HAS, "help@", true },
		{ "recipient", "", OP_HAS, "bob+lists", true }, { "recipient", "", OP_HAS, "dora", true },
		{ "recipient", "", OP_HAS, "anna", false },
		{ "anyone", "", OP_HAS, "anna", true }, { "anyone", "", OP_HAS, "robot", true },
		{ "anyone", "", OP_HAS, "help", true }, { "anyone", "", OP_HAS, "bob+lists", false },
	};

	EXPECT_EQ(first_wrong(rows, ARRAY_LEN(rows)), ARRAY_LEN(rows));
}

TEST(query_eval_facts)
{
	static const struct row rows[] = {
		{ "seen", "", OP_PRESENT, NULL, true }, { "unseen", "", OP_PRESENT, NULL, false },
		{ "flagged", "", OP_PRESENT, NULL, false }, { "unflagged", "", OP_PRESENT, NULL, true },
		{ "answered", "", OP_PRESENT, NULL, false }, { "draft", "", OP_PRESENT, NULL, false },
		{ "deleted", "", OP_PRESENT, NULL, false },
		{ "flag", "invoice", OP_PRESENT, NULL, true }, { "flag", "Seen", OP_PRESENT, NULL, true },
		{ "flag", "\\Flagged", OP_PRESENT, NULL, false }, { "flag", "Other", OP_PRESENT, NULL, false },
		{ "larger", "", OP_HAS, "4999", true }, { "larger", "", OP_HAS, "5kB", false },
		{ "smaller", "", OP_HAS, "5kB", false }, { "smaller", "", OP_HAS, "5001", true },
		/* three days after it came, 100 s less in this mailbox */
		{ "older", "", OP_HAS, "3d", true }, { "older", "", OP_HAS, "3d1s", false },
		{ "newer", "", OP_HAS, "3d", false }, { "newer", "", OP_HAS, "3d1s", true },
		{ "here", "", OP_HAS, "3d", false }, { "here", "", OP_HAS, "71h58min20s", true },
		/* it came at 14:00 in Berlin */
		{ "before", "", OP_HAS, "2026-01-30 14:00", false }, { "before", "", OP_HAS, "2026-01-30 14:00:01", true },
		{ "since", "", OP_HAS, "2026-01-30 14:00", true }, { "since", "", OP_HAS, "2026-01-30 14:00:01", false },
		{ "since", "", OP_HAS, "2026-01-30T13:00:00Z", true },
		{ "on", "", OP_HAS, "2026-01-30", true }, { "on", "", OP_HAS, "2026-01-29", false },
		{ "on", "", OP_HAS, "2026-01-31", false }, { "on", "", OP_HAS, "2026-01-30 23:00", true },
		{ "uid", "", OP_HAS, "17", true }, { "uid", "", OP_HAS, "1:16", false },
		{ "uid", "", OP_HAS, "1:3,17:*", true }, { "uid", "", OP_HAS, "*", false },
		{ "all", "", OP_PRESENT, NULL, true }, { "none", "", OP_PRESENT, NULL, false },
	};

	EXPECT_EQ(first_wrong(rows, ARRAY_LEN(rows)), ARRAY_LEN(rows));
}

TEST(query_eval_the_day_of_a_zone)
{
	struct message *m = message(NEED_FACTS);
	struct query_ctx c = { .message = m };
	struct query *q = make("on", "", OP_HAS, "2026-03-29");	/* 23 hours in Berlin */
	const struct { int64_t at; enum verdict v; } rows[] = {
		{ INT64_C(1774738799), VERDICT_NO }, { INT64_C(1774738800), VERDICT_YES },
		{ INT64_C(1774821599), VERDICT_YES }, { INT64_C(1774821600), VERDICT_NO },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		message_facts(m)->received = rows[i].at;
		EXPECT_EQ(query_eval(q, &c), rows[i].v);
	}
	query_free(&q);
	message_unref(&m);
}

TEST(query_eval_reads_times_in_the_zone_that_asks)
{
	static const struct { const char *key; int64_t at; enum verdict berlin, utc; } rows[] = {
		{ "on", INT64_C(1774738800), VERDICT_YES, VERDICT_NO },	/* 2026-03-28 23:00 UTC */
		{ "since", INT64_C(1774738800), VERDICT_YES, VERDICT_NO },
		{ "before", INT64_C(1774738800), VERDICT_NO, VERDICT_YES },
	};
	struct err e = ERR_NONE;
	struct zone *utc = zone_new(VIEW("UTC"), &e), *berlin = zone_new(VIEW("Europe/Berlin"), &e);
	struct message *m = message(NEED_FACTS);
	struct query_ctx c = { .message = m };

	EXPECT(utc != NULL && berlin != NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query *q = make(rows[i].key, "", OP_HAS, "2026-03-29");

		message_facts(m)->received = rows[i].at;
		c.zone = berlin;
		EXPECT_EQ(query_eval(q, &c), rows[i].berlin);
		c.zone = utc;
		EXPECT_EQ(query_eval(q, &c), rows[i].utc);
		query_free(&q);
	}
	message_unref(&m);
	zone_free(&utc);
	zone_free(&berlin);
}

static enum verdict
eval_values(struct message *m, const char *key, enum query_op op, const struct query_value *v, size_t n)
{
	struct query_ctx c = { .message = m };
	struct err e = ERR_NONE;
	struct query *q = query_key(view_of(key), none, op, v, n, NULL, &e);
	enum verdict verdict = query_eval(q, &c);

	query_free(&q);
	return verdict;
}

TEST(query_eval_any_of_many)
{
	struct message *m = message(ALL_BYTES);
	struct query_value few[3], many[500];
	char words[500][48];

	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		snprintf(words[i], sizeof(words[i]), "nobody%zu@example.org", i);
		many[i] = (struct query_value){ .type = QV_TEXT, .text = view_of(words[i]) };
	}
	memcpy(few, many, sizeof(few));
	EXPECT_EQ(eval_values(m, "from", OP_IS, few, 3), VERDICT_NO);
	EXPECT_EQ(eval_values(m, "from", OP_IS, many, 500), VERDICT_NO);
	few[2].text = many[499].text = VIEW(" ANNA@billing.example.org");
	EXPECT_EQ(eval_values(m, "from", OP_IS, few, 3), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "from", OP_IS, many, 500), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "from", OP_HAS, many, 500), VERDICT_NO);	/* a blank before it */
	EXPECT_EQ(eval_values(m, "from", OP_DOMAIN, many, 500), VERDICT_NO);
	few[2].text = many[499].text = VIEW("@EXAMPLE.org");
	EXPECT_EQ(eval_values(m, "from", OP_DOMAIN, few, 3), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "from", OP_DOMAIN, many, 500), VERDICT_YES);
	few[2].text = many[499].text = VIEW("f\xC3\x9Cr m");
	EXPECT_EQ(eval_values(m, "subject", OP_HAS, few, 3), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "subject", OP_HAS, many, 500), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "subject", OP_IS, many, 500), VERDICT_NO);
	EXPECT_EQ(eval_values(m, "subject", OP_STARTS, many, 500), VERDICT_NO);
	message_unref(&m);
}

TEST(query_eval_lists)
{
	const struct view entries[] = { VIEW("*@billing.example.org"), VIEW("rechnung"),
		VIEW("zw\xC3\xB6lf"), VIEW("example.net") };
	struct wordlist *l = wordlist_of(entries, 4);
	struct query_value v = { .type = QV_LIST, .list = l };
	struct message *m = message(ALL_BYTES);
	struct query_ctx c = { .message = m };
	struct err e = ERR_NONE;
	struct query *q;

	EXPECT_EQ(eval_values(m, "from", OP_HAS, &v, 1), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "from", OP_IS, &v, 1), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "to", OP_HAS, &v, 1), VERDICT_NO);
	EXPECT_EQ(eval_values(m, "to", OP_DOMAIN, &v, 1), VERDICT_YES);		/* carl@example.net */
	EXPECT_EQ(eval_values(m, "sender", OP_DOMAIN, &v, 1), VERDICT_YES);	/* send.example.net */
	EXPECT_EQ(eval_values(m, "from", OP_DOMAIN, &v, 1), VERDICT_YES);	/* by *@ */
	EXPECT_EQ(eval_values(m, "cc", OP_DOMAIN, &v, 1), VERDICT_NO);
	EXPECT_EQ(eval_values(m, "subject", OP_HAS, &v, 1), VERDICT_YES);
	EXPECT_EQ(eval_values(m, "subject", OP_IS, &v, 1), VERDICT_NO);
	q = query_key(VIEW("header"), VIEW("X-Tag"), OP_IS, &v, 1, NULL, &e);
	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	query_free(&q);
	wordlist_free(&l);
	message_unref(&m);
}

TEST(query_eval_reads_a_changed_list_and_notes_a_lost_one)
{
	char path[300];
	FILE *f;
	struct err e = ERR_NONE;
	struct message *m = message(NEED_HEADER);
	struct query_ctx c = { .message = m, .now = 1000 };
	struct query_value v = { .type = QV_LIST };
	struct query *q;

	snprintf(path, sizeof(path), "%s/list", unit_tmp());
	f = fopen(path, "w");
	EXPECT(f != NULL && fclose(f) == 0);
	v.list = wordlist_open(path, &e);
	EXPECT(v.list != NULL);
	q = query_key(VIEW("from"), none, OP_HAS, &v, 1, NULL, &e);
	wordlist_free(&v.list);
	EXPECT_EQ(query_eval(q, &c), VERDICT_NO);
	f = fopen(path, "w");
	EXPECT(f != NULL && fputs("anna@billing.example.org\n", f) >= 0 && fclose(f) == 0);
	c.now = 1001;
	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	EXPECT_EQ(remove(path), 0);
	c.now = 1002;
	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	EXPECT(err_is(&c.note) && !err_is(&c.err));
	EXPECT(strstr(c.note.text, path) != NULL);
	query_free(&q);
	message_unref(&m);
}

TEST(query_eval_combinations)
{
	struct message *m = message(ALL_BYTES);
	struct query_ctx c = { .message = m };

	for (unsigned i = 0; i < 8; i++) {
		bool a = i & 1, b = i & 2, neg = i & 4;
		struct query *qa = a ? query_all() : query_none(), *qb = b ? query_all() : query_none();
		struct query *and = AND(query_ref(qa), query_ref(qb)), *or = OR(qa, qb);

		if (neg) {
			and = not(and);
			or = not(or);
		}
		EXPECT_EQ(query_eval(and, &c), ((a && b) != neg) ? VERDICT_YES : VERDICT_NO);
		EXPECT_EQ(query_eval(or, &c), ((a || b) != neg) ? VERDICT_YES : VERDICT_NO);
		query_free(&and);
		query_free(&or);
	}
	message_unref(&m);
}

/* ---- what is not known */

#define BODY_KEY	make("body", "", OP_HAS, "bonn")
#define SUBJECT_YES	make("subject", "", OP_HAS, "rechnung")
#define SUBJECT_NO	make("subject", "", OP_HAS, "nothing")
#define SEEN_KEY	make("seen", "", OP_PRESENT, NULL)
#define DRAFT_KEY	make("draft", "", OP_PRESENT, NULL)

TEST(query_eval_unknown_names_the_cheapest_that_is_missing)
{
	struct { struct query *q; unsigned have; enum verdict v; unsigned missing; uint32_t fn; } rows[] = {
		/* nothing is known */
		{ BODY_KEY, 0, VERDICT_UNKNOWN, NEED_BODY, 0 },
		{ SUBJECT_YES, 0, VERDICT_UNKNOWN, NEED_HEADER, 0 },
		{ SEEN_KEY, 0, VERDICT_UNKNOWN, NEED_FLAGS, 0 },
		{ make("uid", "", OP_HAS, "17"), 0, VERDICT_YES, 0, 0 },
		{ AND(BODY_KEY, SUBJECT_YES), 0, VERDICT_UNKNOWN, NEED_HEADER, 0 },
		{ AND(BODY_KEY, AND(SUBJECT_YES, SEEN_KEY)), 0, VERDICT_UNKNOWN, NEED_FLAGS, 0 },
		{ AND(SEEN_KEY, make("larger", "", OP_HAS, "1")), 0, VERDICT_UNKNOWN, NEED_FLAGS | NEED_SIZE, 0 },
		{ AND(query_where(5), BODY_KEY), 0, VERDICT_UNKNOWN, NEED_BODY, 0 },
		{ AND(query_none(), BODY_KEY), 0, VERDICT_NO, 0, 0 },
		{ OR(BODY_KEY, query_all()), 0, VERDICT_YES, 0, 0 },
		/* the header is: it decides, or the body is wanted */
		{ AND(BODY_KEY, SUBJECT_NO), NEED_HEADER, VERDICT_NO, 0, 0 },
		{ OR(BODY_KEY, SUBJECT_YES), NEED_HEADER, VERDICT_YES, 0, 0 },
		{ AND(BODY_KEY, SUBJECT_YES), NEED_HEADER, VERDICT_UNKNOWN, NEED_BODY, 0 },
		{ OR(BODY_KEY, SUBJECT_NO), NEED_HEADER, VERDICT_UNKNOWN, NEED_BODY, 0 },
		{ not(AND(BODY_KEY, SUBJECT_NO)), NEED_HEADER, VERDICT_YES, 0, 0 },
		{ not(BODY_KEY), NEED_HEADER, VERDICT_UNKNOWN, NEED_BODY, 0 },
		/* dearer things that are known decide before cheaper ones are fetched */
		{ AND(SEEN_KEY, SUBJECT_NO), NEED_HEADER, VERDICT_NO, 0, 0 },
		/* any text: the header says yes, else the body is wanted */
		{ make("any_text", "", OP_HAS, "rechnung"), NEED_HEADER, VERDICT_YES, 0, 0 },
		{ make("any_text", "", OP_HAS, "bonn"), NEED_HEADER, VERDICT_UNKNOWN, NEED_BODY, 0 },
		{ make("any_text", "", OP_HAS, "bonn"), 0, VERDICT_UNKNOWN, NEED_HEADER, 0 },
		{ not(make("any_text", "", OP_HAS, "rechnung")), NEED_HEADER, VERDICT_NO, 0, 0 },
		/* functions come last, one at a time */
		{ AND(query_where(5), SUBJECT_NO), NEED_HEADER, VERDICT_NO, 0, 0 },
		{ AND(query_where(5), AND(SUBJECT_YES, query_where(6))), NEED_HEADER, VERDICT_UNKNOWN, 0, 5 },
		{ OR(query_where(6), SUBJECT_NO), NEED_HEADER, VERDICT_UNKNOWN, 0, 6 },
		{ not(query_where(7)), 0, VERDICT_UNKNOWN, 0, 7 },
		{ AND(query_where(5), BODY_KEY), ALL_BYTES, VERDICT_UNKNOWN, 0, 5 },
		/* a message of whole bytes has its header */
		{ AND(BODY_KEY, SUBJECT_YES), NEED_BODY, VERDICT_YES, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message *m = message(rows[i].have);
		struct query_ctx c = { .message = m };

		if (query_eval(rows[i].q, &c) != rows[i].v || c.missing != rows[i].missing ||
		    c.where_fn != rows[i].fn)
			UNIT_FAIL("row %zu: missing %u, function %u", i, c.missing, c.where_fn);
		query_free(&rows[i].q);
		message_unref(&m);
	}
}

TEST(query_eval_asks_functions_one_after_the_other)
{
	struct query *q = AND(OR(query_where(1), query_where(2)), AND(not(query_where(3)), SUBJECT_YES));
	struct message *m = message(NEED_HEADER);
	struct query_ctx c = { .message = m };

	EXPECT_EQ(query_eval(q, &c), VERDICT_UNKNOWN);
	EXPECT_EQ(c.where_fn, 1);
	VEC_PUSH(&c.where, ((struct where_answer){ 1, false }));
	EXPECT_EQ(query_eval(q, &c), VERDICT_UNKNOWN);
	EXPECT_EQ(c.where_fn, 2);
	VEC_PUSH(&c.where, ((struct where_answer){ 2, true }));
	EXPECT_EQ(query_eval(q, &c), VERDICT_UNKNOWN);
	EXPECT_EQ(c.where_fn, 3);
	EXPECT_EQ(c.missing, 0);
	VEC_PUSH(&c.where, ((struct where_answer){ 3, false }));
	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	EXPECT_EQ(c.where_fn, 0);
	c.where.at[2].yes = true;
	EXPECT_EQ(query_eval(q, &c), VERDICT_NO);
	query_ctx_free(&c);
	query_free(&q);
	message_unref(&m);
}

TEST(query_eval_flags_of_the_turn_and_blindness)
{
	struct message *m = message(NEED_HEADER);
	struct flags set = { 0 };
	struct query_ctx c = { .message = m, .flags = &set };
	struct query *seen = SEEN_KEY, *draft = DRAFT_KEY;
	struct query *older = AND(make("older", "", OP_HAS, "3d"), SUBJECT_NO);

	flags_add(&set, FLAG_DRAFT, none);
	EXPECT_EQ(query_eval(seen, &c), VERDICT_NO);
	EXPECT_EQ(query_eval(draft, &c), VERDICT_YES);
	c.blind = NEED_FLAGS;
	EXPECT_EQ(query_eval(draft, &c), VERDICT_UNKNOWN);
	EXPECT_EQ(c.missing, NEED_FLAGS);
	message_know(m, NEED_FACTS);
	c.blind = NEED_RECEIVED;
	EXPECT_EQ(query_eval(older, &c), VERDICT_NO);
	query_free(&older);
	older = make("older", "", OP_HAS, "3d");
	EXPECT_EQ(query_eval(older, &c), VERDICT_UNKNOWN);
	query_free(&older);
	query_free(&seen);
	query_free(&draft);
	flags_free(&set);
	message_unref(&m);
}

/* ---- captures */

#define MATCH(key, re)	make((key), "", OP_MATCHES, (re))

static const char *
captured(struct captures *c, const char *name)
{
	const char *v = captures_get(c, view_of(name));

	return v != NULL ? v : "-";
}

TEST(query_eval_captures_what_held)
{
	struct { struct query *q; enum verdict v; const char *a, *b; } rows[] = {
		{ MATCH("subject", "#(?<a>\\d+) (?<b>\\w+)"), VERDICT_YES, "42", "f\xC3\xBCr" },
		{ MATCH("subject", "(?<a>nothing)|(?<b>Re)"), VERDICT_YES, "-", "Re" },
		{ MATCH("from", "^(?<a>[^@ ]+)@(?<b>.*)"), VERDICT_YES, "Anna", "billing.example.org" },
		/* of two that held the last */
		{ AND(MATCH("subject", "(?<a>Re)"), MATCH("from", "(?<a>Anna)")), VERDICT_YES, "Anna", "-" },
		{ AND(MATCH("from", "(?<a>Anna)"), MATCH("subject", "(?<a>Re)")), VERDICT_YES, "Re", "-" },
		/* an "or" ends with the first */
		{ OR(MATCH("subject", "(?<a>Re)"), MATCH("from", "(?<b>Anna)")), VERDICT_YES, "Re", "-" },
		/* a branch that failed leaves nothing */
		{ OR(AND(MATCH("subject", "(?<a>Re)"), SUBJECT_NO), MATCH("from", "(?<b>Anna)")), VERDICT_YES,
		    "-", "Anna" },
		{ AND(MATCH("subject", "(?<a>Re)"), SUBJECT_NO), VERDICT_NO, "-", "-" },
		{ not(MATCH("subject", "(?<a>Re)")), VERDICT_NO, "-", "-" },
		{ not(AND(MATCH("subject", "(?<a>Re)"), SUBJECT_NO)), VERDICT_YES, "-", "-" },
		{ not(not(MATCH("subject", "(?<a>Re)"))), VERDICT_YES, "Re", "-" },
		/* what is undecided captures nothing yet */
		{ AND(MATCH("subject", "(?<a>Re)"), BODY_KEY), VERDICT_UNKNOWN, "-", "-" },
	};
	struct message *m = message(NEED_HEADER);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct captures caps = { 0 };
		struct query_ctx c = { .message = m, .captures = &caps };

		if (query_eval(rows[i].q, &c) != rows[i].v)
			UNIT_FAIL("row %zu: verdict", i);
		if (strcmp(captured(&caps, "a"), rows[i].a) != 0 || strcmp(captured(&caps, "b"), rows[i].b) != 0)
			UNIT_FAIL("row %zu: a %s, b %s", i, captured(&caps, "a"), captured(&caps, "b"));
		captures_clear(&caps);
		query_free(&rows[i].q);
	}
	message_unref(&m);
}

TEST(query_eval_captures_replace_older_ones)
{
	struct message *m = message(NEED_HEADER);
	struct captures caps = { 0 };
	struct query_ctx c = { .message = m, .captures = &caps };
	struct query *q = MATCH("subject", "(?<a>#\\d+)"), *no = MATCH("subject", "(?<a>xyz)");

	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	EXPECT_EQ(caps.n, 1);
	EXPECT_EQ(query_eval(no, &c), VERDICT_NO);
	EXPECT_STR(captured(&caps, "a"), "#42");
	c.captures = NULL;
	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	captures_clear(&caps);
	EXPECT(caps.n == 0 && captures_get(&caps, VIEW("a")) == NULL);
	query_free(&q);
	query_free(&no);
	message_unref(&m);
}

TEST(query_eval_pattern_over_its_ceiling_is_an_error)
{
	struct message *m = message_new();
	struct str bytes = STR_INIT;
	struct blob *b;
	struct query_ctx c = { .message = m };
	struct query *q = make("subject", "", OP_MATCHES, "^(a+)+$"), *neg;

	str_adds(&bytes, "Subject: ");
	for (int i = 0; i < 60; i++)
		str_addc(&bytes, 'a');
	str_adds(&bytes, "!\r\n\r\n");
	b = blob_take(&bytes);
	message_set_bytes(m, b, false);
	blob_free(&b);
	EXPECT_EQ(query_eval(q, &c), VERDICT_NO);
	EXPECT_EQ(c.err.kind, ERR_LIMIT);
	/* neither it nor its contrary holds */
	neg = not(query_ref(q));
	EXPECT_EQ(query_eval(neg, &c), VERDICT_NO);
	EXPECT_EQ(c.err.kind, ERR_LIMIT);
	query_free(&q);
	query_free(&neg);
	q = query_all();
	EXPECT_EQ(query_eval(q, &c), VERDICT_YES);
	EXPECT(!err_is(&c.err));
	query_free(&q);
	message_unref(&m);
}

/* What is dear is not looked at when something cheap decides: its error does not show. */
TEST(query_eval_begins_with_the_cheap)
{
	struct message *m = message_new();
	struct str bytes = STR_INIT;
	struct blob *b;
	struct query_ctx c = { .message = m };
	struct query *and, *or;

	str_adds(&bytes, "Subject: x\r\n\r\n");
	for (int i = 0; i < 60; i++)
		str_addc(&bytes, 'a');
	str_adds(&bytes, "!");
	b = blob_take(&bytes);
	message_set_bytes(m, b, true);
	blob_free(&b);
	message_facts(m)->flags.sys = FLAG_SEEN;
	message_know(m, NEED_FLAGS);
	and = AND(make("body", "", OP_MATCHES, "^(a+)+$"), AND(SUBJECT_NO, SEEN_KEY));
	or = OR(make("body", "", OP_MATCHES, "^(a+)+$"), OR(SUBJECT_NO, SEEN_KEY));
	EXPECT_EQ(query_eval(and, &c), VERDICT_NO);
	EXPECT(!err_is(&c.err));
	EXPECT_EQ(query_eval(or, &c), VERDICT_YES);
	EXPECT(!err_is(&c.err));
	query_free(&and);
	query_free(&or);
	message_unref(&m);
}

TEST(query_eval_globs)
{
	static const struct { const char *glob, *subject; bool yes; } rows[] = {
		{ "*", "", true }, { "", "", true }, { "?", "", false }, { "?", "x", true }, { "?", "xy", false },
		{ "*a*b*c*", "xxaxxbxxcxx", true }, { "*a*b*c", "abcabcab", false },
		{ "a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
		{ "\\*", "*", true }, { "\\*", "x", false }, { "\\[a]", "[a]", true },
		{ "[]]", "]", true }, { "[a-c]", "B", true }, { "[!a-c]", "B", false }, { "[^a-c]", "d", true },
		{ "[a-]", "-", true }, { "[\\]x]", "]", true }, { "[a-", "x", false },
		{ "f?r", "f\xC3\xBCr", true }, { "f\xC3\xBCr", "FU\xCC\x88R", true }, { "f?r", "fuer", false },
	};
	struct err e = ERR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message *m = message_new();
		struct query_ctx c = { .message = m };
		struct query_value v = { .type = QV_TEXT, .text = view_of(rows[i].glob) };
		struct query *q = query_key(VIEW("subject"), none, OP_GLOB, &v, 1, NULL, &e);
		struct str bytes = STR_INIT;
		struct blob *b;

		str_addf(&bytes, "Subject: %s\n\n", rows[i].subject);
		b = blob_take(&bytes);
		message_set_bytes(m, b, false);
		blob_free(&b);
		if ((q != NULL && query_eval(q, &c) == VERDICT_YES) != rows[i].yes)
			UNIT_FAIL("row %zu: glob \"%s\" on \"%s\"", i, rows[i].glob, rows[i].subject);
		query_free(&q);
		message_unref(&m);
	}
}
