#include "mail/message.h"

#include "base/crypto.h"
#include "unit.h"

static struct message *
message_of(struct view bytes, bool whole)
{
	struct message *m = message_new();
	struct blob *b = blob_copy(bytes);

	message_set_bytes(m, b, whole);
	blob_free(&b);
	return m;
}

static void
set(struct message *m, struct view bytes, bool whole)
{
	struct blob *b = blob_copy(bytes);

	message_set_bytes(m, b, whole);
	blob_free(&b);
}

static const char *
defects(struct message *m, struct str *s)
{
	str_reset(s);
	message_defects(m, s);
	return str_z(s);
}

TEST(message_of_nothing)
{
	struct message *m = message_new();
	struct str s = STR_INIT;
	struct view v;
	struct date d;
	struct header_field f;

	EXPECT_EQ(message_have(m), 0);
	EXPECT(!message_field(m, FIELD_SUBJECT, &v));
	EXPECT(!message_header(m, VIEW("To"), 0, &v));
	EXPECT(!message_header_at(m, 0, &f));
	EXPECT_EQ(message_addresses(m, VIEW("From"))->n, 0);
	EXPECT(!message_date(m, &d));
	EXPECT_EQ(message_references(m, &v, 1), 0);
	EXPECT_EQ(message_text(m).n, 0);
	EXPECT_EQ(message_raw(m).n, 0);
	EXPECT(message_mime(m) == NULL);
	EXPECT_STR(defects(m, &s), "");
	/* Not known is not absent: the header may come later. */
	set(m, VIEW("Subject: x\nDate: 3 Feb 2026 09:15 +0100\n\n"), false);
	EXPECT(message_field(m, FIELD_SUBJECT, &v));
	EXPECT_VIEW(v, "x");
	EXPECT(message_date(m, &d));
	str_free(&s);
	message_unref(&m);
}

TEST(message_facts_and_needs)
{
	struct message *m = message_new();

	message_facts(m)->size = 42;
	message_know(m, NEED_SIZE | NEED_BODY);
	EXPECT_EQ(message_have(m), NEED_SIZE);
	set(m, VIEW("A: b\n\n"), false);
	EXPECT_EQ(message_have(m), NEED_SIZE | NEED_HEADER);
	set(m, VIEW("A: b\n\nc"), true);
	EXPECT_EQ(message_have(m), NEED_SIZE | NEED_HEADER | NEED_STRUCTURE | NEED_BODY);
	EXPECT_EQ(message_facts(m)->size, 42);
	message_unref(&m);
}

TEST(message_references_are_counted)
{
	struct message *m = message_new(), *again = message_ref(m);

	message_unref(&m);
	EXPECT(m == NULL);
	EXPECT_EQ(message_have(again), 0);
	message_unref(&again);
	message_unref(&again);
}

TEST(message_identifiers)
{
	struct message *m = message_of(VIEW("Message-ID: junk <a@b> <c@d>\nIn-Reply-To: Your mail\n"
	    "List-Id: \"<x>\" <l.example>\nReferences: <1@a>junk<2@\n a>\n"
	    "References: <> <3@a> <open\n\n"), false);
	struct view v, ids[2];

	EXPECT(message_field(m, FIELD_MESSAGE_ID, &v));
	EXPECT_VIEW(v, "a@b");
	EXPECT(!message_field(m, FIELD_IN_REPLY_TO, &v));
	EXPECT(message_field(m, FIELD_LIST_ID, &v));
	EXPECT_VIEW(v, "l.example");
	EXPECT_EQ(message_references(m, ids, 2), 3);
	EXPECT_VIEW(ids[0], "1@a");
	EXPECT_VIEW(ids[1], "2@a");
	message_unref(&m);
}

TEST(message_headers)
{
	struct message *m = message_of(VIEW("X: =?utf-8?q?=C3=A4?=\ny: 1\nx:\n b\nX: c\n\n"), false);
	struct header_field f;
	struct view v, w;

	EXPECT(message_header(m, VIEW("x"), 0, &v));
	EXPECT_VIEW(v, "\xC3\xA4");
	EXPECT(message_header(m, VIEW("X"), 0, &w) && w.p == v.p);
	EXPECT(message_header(m, VIEW("X"), 1, &v));
	EXPECT_VIEW(v, "b");
	EXPECT(message_header(m, VIEW("Y"), 0, &v));
	EXPECT_VIEW(v, "1");
	EXPECT(message_header(m, VIEW("X"), 2, &v));
	EXPECT_VIEW(v, "c");
	EXPECT(!message_header(m, VIEW("X"), 3, &v));
	EXPECT(message_header(m, VIEW("X"), 1, &v));
	EXPECT_VIEW(v, "b");
	EXPECT(!message_header(m, VIEW("Z"), 0, &v));
	EXPECT(message_header_at(m, 2, &f));
	EXPECT_VIEW(f.name, "x");
	EXPECT_VIEW(f.raw, "\n b");
	EXPECT(!message_header_at(m, 4, &f));
	message_unref(&m);
}

TEST(message_address_lists)
{
	struct message *m = message_of(VIEW("To: A <a@b>, c@d\nto: e@f\n\n"), false);
	const struct address_list *l = message_addresses(m, VIEW("to"));

	EXPECT_EQ(l->n, 3);
	EXPECT_VIEW(l->at[2].address, "e@f");
	EXPECT(message_addresses(m, VIEW("TO")) == l);
	EXPECT_EQ(message_addresses(m, VIEW("cc"))->n, 0);
	message_unref(&m);
}

/* Every view of a field survives all that happens to the bytes. */
TEST(message_views_live_on)
{
	struct view whole = VIEW("Subject: s\nFrom: a@b\nX: y\nContent-Type: text/plain\n\ntext");
	struct message *m = message_of(whole, true);
	struct header_field f;
	struct view subject, x;

	EXPECT(message_field(m, FIELD_SUBJECT, &subject));
	EXPECT(message_header_at(m, 2, &f));
	EXPECT_VIEW(message_text(m), "text");
	message_drop_body(m);
	EXPECT_EQ(message_have(m), NEED_HEADER | NEED_STRUCTURE);
	EXPECT_EQ(message_raw(m).n, 0);
	EXPECT_EQ(message_text(m).n, 0);
	EXPECT_VIEW(subject, "s");
	EXPECT_VIEW(f.raw, " y");
	EXPECT(message_header(m, VIEW("X"), 0, &x));
	EXPECT_VIEW(x, "y");
	EXPECT_VIEW(message_addresses(m, VIEW("From"))->at[0].address, "a@b");
	EXPECT_VIEW(mime_type(message_mime(m), 0), "text/plain");
	set(m, whole, true);
	EXPECT_VIEW(message_text(m), "text");
	EXPECT_VIEW(message_raw(m), "Subject: s\nFrom: a@b\nX: y\nContent-Type: text/plain\n\ntext");
	message_unref(&m);
}

TEST(message_first_header_stays)
{
	struct message *m = message_of(VIEW("A: 1\n\n"), false);
	struct header_field f;
	struct view v;

	EXPECT(message_header_at(m, 0, &f));
	set(m, VIEW("A: 2\n\nbody"), true);
	EXPECT(message_header(m, VIEW("A"), 0, &v));
	EXPECT_VIEW(v, "1");
	EXPECT_VIEW(f.raw, " 1");
	EXPECT_VIEW(message_text(m), "body");
	message_unref(&m);
}

TEST(message_drop_without_tree)
{
	struct message *m = message_of(VIEW("A: b\n\nc"), true);

	message_drop_body(m);
	EXPECT_EQ(message_have(m), NEED_HEADER);
	EXPECT(message_mime(m) == NULL);
	message_drop_body(m);
	message_unref(&m);
}

TEST(message_structure_from_facts)
{
	struct message *m = message_new();
	struct mime *tree = mime_new_facts();
	struct mime_facts facts = { .type = VIEW("image/png"), .size = 5 };

	(void)mime_add(tree, PART_NONE, &facts);
	message_set_structure(m, &tree);
	EXPECT(tree == NULL);
	EXPECT_EQ(message_have(m), NEED_STRUCTURE);
	EXPECT_VIEW(mime_type(message_mime(m), 0), "image/png");
	set(m, VIEW("Content-Type: image/gif\n\nx"), true);
	EXPECT_VIEW(mime_type(message_mime(m), 0), "image/gif");
	message_drop_body(m);
	EXPECT_VIEW(mime_type(message_mime(m), 0), "image/gif");
	message_unref(&m);
}

#define B "Content-Type: multipart/mixed; boundary=b\n\n"

TEST(message_texts)
{
	static const char *const rows[][2] = {
		{ "A: b\n\nhello\n", "hello\n" },
		{ "Content-Type: text/html\n\n<p>a</p><p>b", "a\nb" },
		{ B "--b\n\none\n--b\n\n\n--b\n\ntwo\n--b--", "one\ntwo" },
		{ B "--b\nContent-Type: text/html\n\n<b>x\n--b\n\nplain\n--b--", "plain" },
		{ B "--b\n\n \n--b\nContent-Type: text/html\n\n<b>x\n--b--", "x" },
		{ B "--b\nContent-Disposition: attachment\n\nno\n--b\n\nyes\n--b--", "yes" },
		{ B "--b\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\nA: b\n\nno\n"
		    "--b\n\nyes\n--b--", "yes" },
		{ B "--b\nContent-Type: message/rfc822\n\nA: b\n\nin\n--b--", "in" },
		{ "Content-Type: image/png\n\nx", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message *m = message_of(view_of(rows[i][0]), true);

		EXPECT_VIEW(message_text(m), rows[i][1]);
		message_unref(&m);
	}
}

TEST(message_defect_words)
{
	struct message *m = message_of(VIEW("From: a\njunk\nFrom: b\nTo: c\nTo: d\nDate: never\n" B
	    "--b\nContent-Type: multipart/x\n\n"), true);
	struct str s = STR_INIT;

	EXPECT_STR(defects(m, &s), "broken_header multiple_from duplicate_header bad_date");
	(void)message_mime(m);
	EXPECT_STR(defects(m, &s), "broken_header multiple_from duplicate_header bad_date "
	    "no_boundary unclosed_multipart");
	message_unref(&m);
	m = message_of(VIEW("A: b\n\nx"), true);
	EXPECT_STR(defects(m, &s), "");
	message_unref(&m);
	str_free(&s);
}

TEST(message_digest_of_any_line_ends)
{
	struct message *crlf = message_of(VIEW("A: 1\r\nB: 2\r\n c\r\n\r\nbody"), true);
	struct message *lf = message_of(VIEW("A: 1\nB: 2\n c\n\n"), false);
	struct message *other = message_of(VIEW("A: 1\nB: 3\n c\n\n"), false);
	unsigned char a[32], b[32], c[32], want[32];

	message_digest(crlf, a);
	message_digest(lf, b);
	message_digest(other, c);
	sha256_of(VIEW("A: 1\r\nB: 2\r\n c\r\n"), want);
	EXPECT(memcmp(a, want, 32) == 0 && memcmp(b, want, 32) == 0);
	EXPECT(memcmp(a, c, 32) != 0);
	message_unref(&crlf);
	message_unref(&lf);
	message_unref(&other);
}

TEST(message_titles)
{
	struct message *m = message_of(VIEW("Subject: a\x1b[1mb\nFrom: X <x@y.z>\n\n"), false);
	struct str s = STR_INIT;

	message_title(m, &s);
	EXPECT_STR(str_z(&s), "\"a\\x1b[1mb\" from x@y.z");
	message_unref(&m);
	m = message_of(VIEW("A: b\n\n"), false);
	str_reset(&s);
	message_title(m, &s);
	EXPECT_STR(str_z(&s), "(no subject)");
	message_unref(&m);
	str_free(&s);
}

TEST(message_huge_header)
{
	struct str s = STR_INIT, words = STR_INIT;
	struct message *m;
	struct view v;

	str_adds(&s, "Subject: s\nA: ");
	while (s.len < HEADER_BLOCK_MAX + 1000)
		str_adds(&s, "0123456789abcdef");
	str_adds(&s, "\nB: late\n\nbody");
	m = message_of(str_view(&s), true);
	EXPECT(message_field(m, FIELD_SUBJECT, &v));
	EXPECT_VIEW(v, "s");
	EXPECT(message_header(m, VIEW("A"), 0, &v));
	EXPECT(v.n <= HEADER_FIELD_MAX);
	EXPECT(!message_header(m, VIEW("B"), 0, &v));
	EXPECT_VIEW(message_text(m), "body");
	EXPECT_STR(defects(m, &words), "huge_header");
	message_unref(&m);
	str_free(&s);
	str_free(&words);
}

TEST(message_many_headers_of_one_name)
{
	struct str s = STR_INIT;
	struct message *m;
	struct view v;
	size_t n = 0;

	for (unsigned i = 0; i < HEADER_COUNT_MAX; i++)
		str_addf(&s, "R: %u\n", i);
	str_adds(&s, "\n");
	m = message_of(str_view(&s), false);
	while (message_header(m, VIEW("R"), n, &v))
		n++;
	EXPECT_EQ(n, HEADER_COUNT_MAX);
	EXPECT(message_held(m) > s.len);
	message_unref(&m);
	str_free(&s);
}
