/* Address lists: what mail really carries, and what must cost no more than its length. */
#include "mail/address.h"

#include "base/utf8.h"
#include "unit.h"

/* "name|address|local|domain|group" of each, joined by " ; ". */
static char *
show(const char *raw, size_t n)
{
	struct arena a = { 0 };
	struct address_list l = { 0 };
	struct str out = STR_INIT;

	address_parse(&a, view_n(raw, n), &l);
	for (size_t i = 0; i < l.n; i++) {
		const struct address *x = &l.at[i];

		str_addf(&out, "%s%.*s|%.*s|%.*s|%.*s|%.*s", i > 0 ? " ; " : "",
		    VIEW_ARG(x->name), VIEW_ARG(x->address), VIEW_ARG(x->local_part),
		    VIEW_ARG(x->domain), VIEW_ARG(x->group));
	}
	address_list_free(&l);
	arena_free(&a);
	return str_take(&out);
}

struct row { const char *raw, *want; };

/* The first row that differs, in words; NULL when all are right. */
static const char *
first_wrong(const struct row *rows, size_t n, char *why, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		char *got = show(rows[i].raw, strlen(rows[i].raw));
		int same = strcmp(got, rows[i].want) == 0;

		snprintf(why, size, "%s\n#   is     %s\n#   wanted %s", rows[i].raw, got, rows[i].want);
		free(got);
		if (!same)
			return why;
	}
	return NULL;
}

#define EXPECT_ROWS(rows) do { \
	char why_[2000]; \
	const char *wrong_ = first_wrong(rows, ARRAY_LEN(rows), why_, sizeof(why_)); \
	if (wrong_ != NULL) \
		UNIT_FAIL("%s", wrong_); \
} while (0)

TEST(plain_forms)
{
	static const struct row rows[] = {
		{ "", "" }, { " \r\n ", "" }, { ",,, ,", "" }, { "<>", "" }, { "()", "" }, { "\"\"", "" },
		{ "bob@example.com", "|bob@example.com|bob|example.com|" },
		{ " Bob@Example.COM ", "|Bob@example.com|Bob|example.com|" },
		{ "<bob@x.org>", "|bob@x.org|bob|x.org|" },
		{ "Bob <bob@x.org>", "Bob|bob@x.org|bob|x.org|" },
		{ "Bob<bob@x.org>", "Bob|bob@x.org|bob|x.org|" },
		{ "John Q. Public <j@x>", "John Q. Public|j@x|j|x|" },
		{ "\"Public, John Q.\" <j@x>", "Public, John Q.|j@x|j|x|" },
		{ "bob@x (Bob Smith)", "Bob Smith|bob@x|bob|x|" },
		{ "Bob <bob@x> (at home)", "Bob|bob@x|bob|x|" },
		{ "<bob@x> (Bob)", "Bob|bob@x|bob|x|" },
		{ "<bob@x> Bob", "Bob|bob@x|bob|x|" },
		{ "a@b, c@d", "|a@b|a|b| ; |c@d|c|d|" },
		{ "a@b; c@d;", "|a@b|a|b| ; |c@d|c|d|" },
		{ "root", "|root|root||" },
		{ "MAILER-DAEMON", "|MAILER-DAEMON|MAILER-DAEMON||" },
		{ "a@b.", "|a@b|a|b|" },
		{ "Bob\r\n\t<bob@x>,\r\n Al <al@y>", "Bob|bob@x|bob|x| ; Al|al@y|al|y|" },
		{ "user+tag@x", "|user+tag@x|user+tag|x|" },
		{ "a..b.@docomo.ne.jp", "|a..b.@docomo.ne.jp|a..b.|docomo.ne.jp|" },
		{ "a@[127.0.0.1]", "|a@[127.0.0.1]|a|[127.0.0.1]|" },
		{ "A <a@[IPv6:2001:db8::1]>", "A|a@[ipv6:2001:db8::1]|a|[ipv6:2001:db8::1]|" },
	};

	EXPECT_ROWS(rows);
}

/* RFC 5322, appendix A. */
TEST(rfc_examples)
{
	static const struct row rows[] = {
		{ "\"Joe Q. Public\" <john.q.public@example.com>",
		  "Joe Q. Public|john.q.public@example.com|john.q.public|example.com|" },
		{ "\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
		  "Giant; \"Big\" Box|sysservices@example.net|sysservices|example.net|" },
		{ "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
		  "Ed Jones|c@a.test|c|a.test|A Group ; |joe@where.test|joe|where.test|A Group ; "
		  "John|jdoe@one.test|jdoe|one.test|A Group" },
		{ "Undisclosed recipients:;", "" },
		{ "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
		  "Pete|pete@silly.test|pete|silly.test|" },
		{ "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
		  "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end)",
		  "Chris Jones|c@public.example|c|public.example|A Group ; "
		  "|joe@example.org|joe|example.org|A Group ; John|jdoe@one.test|jdoe|one.test|A Group" },
		{ "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "" },
		{ "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
		  "Mary Smith|mary@example.net|mary|example.net| ; |jdoe@test.example|jdoe|test.example|" },
		{ "<@a.test,@b.test:c@d.test>", "|c@d.test|c|d.test|" },
		{ "john . doe @ x . test", "john .|doe@x.test|doe|x.test|" },
	};

	EXPECT_ROWS(rows);
}

TEST(groups)
{
	static const struct row rows[] = {
		{ "undisclosed-recipients:;", "" },
		{ "undisclosed-recipients:", "" },
		{ "\"undisclosed-recipients\": ;", "" },
		{ "G: a@b, c@d; e@f", "|a@b|a|b|G ; |c@d|c|d|G ; |e@f|e|f|" },
		{ "x:x:x:x:", "" },
		{ "x:y:a@b;", "|a@b|a|b|y" },
		{ "=?utf-8?q?Fr=C3=BCh?=: a@b;", "|a@b|a|b|Früh" },
		{ "mailto:a@b", "|a@b|a|b|" },
		{ "<mailto:a@b>", "|a@b|a|b|" },
		{ ":a@b;", "|a@b|a|b|" },
	};

	EXPECT_ROWS(rows);
}

TEST(quoted_local_parts)
{
	static const struct row rows[] = {
		{ "\"john doe\"@x", "|\"john doe\"@x|john doe|x|" },
		{ "\"john\"@x", "|john@x|john|x|" },
		{ "<\"a\\\"b\"@x>", "|\"a\\\"b\"@x|a\"b|x|" },
		{ "<\"a,b\"@x>", "|\"a,b\"@x|a,b|x|" },
		/* What stands in the quotes is no address of its own. */
		{ "\"me@gmail.com x\"@internal.test",
		  "|\"me@gmail.com x\"@internal.test|me@gmail.com x|internal.test|" },
		{ "a@b@c", "|\"a@b\"@c|a@b|c|" },
		{ "<a@b@c>", "|\"a@b\"@c|a@b|c|" },
		{ "\"bob@x.com\"", "|bob@x.com|bob|x.com|" },
		{ "\"bob smith@x.com\"", "bob smith@x.com||||" },
	};

	EXPECT_ROWS(rows);
}

TEST(broken_but_common)
{
	static const struct row rows[] = {
		{ "Doe, John <j@x>", "Doe, John|j@x|j|x|" },
		{ "Doe, John, PhD <j@x>, a@b", "Doe, John, PhD|j@x|j|x| ; |a@b|a|b|" },
		{ "root, Bob <b@x>", "|root|root|| ; Bob|b@x|b|x|" },
		{ "a@b, John <j@x>", "|a@b|a|b| ; John|j@x|j|x|" },
		{ "real@name.test <other@evil.test>", "real@name.test|other@evil.test|other|evil.test|" },
		{ "\"real@name.test\" <o@evil.test>", "real@name.test|o@evil.test|o|evil.test|" },
		{ "Bob <bob@x", "Bob|bob@x|bob|x|" },
		{ "Bob <bob@x, Al <al@y>", "Bob|bob@x|bob|x| ; Al|al@y|al|y|" },
		{ "Bob <<bob@x>>", "Bob|bob@x|bob|x|" },
		{ "Bob bob@x", "Bob|bob@x|bob|x|" },
		{ "\"Bob\" bob@x", "Bob|bob@x|bob|x|" },
		{ "Bob bob@x>", "Bob|bob@x|bob|x|" },
		{ "a@b c@d", "|a@b|a|b| ; |c@d|c|d|" },
		{ "A <a@b> C <c@d>", "A|a@b|a|b| ; C|c@d|c|d|" },
		{ "<a@b> C <c@d>", "|a@b|a|b| ; C|c@d|c|d|" },
		{ "<a@b><c@d>", "|a@b|a|b| ; |c@d|c|d|" },
		{ "\"Bob <bob@x>", "Bob|bob@x|bob|x|" },
		{ "Bob (Sales <bob@x>", "Bob (Sales|bob@x|bob|x|" },
		{ "\\\"Bob\\\" <bob@x>", "\"Bob\"|bob@x|bob|x|" },
		{ "'bob@x.com'", "|bob@x.com|bob|x.com|" }, { "''bob@x.com.'.'.", "|bob@x.com|bob|x.com|" },
		{ "'Bob' <'bob@x.com'>", "'Bob'|bob@x.com|bob|x.com|" },
		{ "Bob <>", "Bob||||" },
		{ "Mail Delivery System <MAILER-DAEMON>", "Mail Delivery System|MAILER-DAEMON|MAILER-DAEMON||" },
		{ "Bob <Bob Smith>", "Bob||||" },
		{ "<Bob Smith>", "Bob Smith||||" },
		{ "Bob Smith", "Bob Smith||||" },
		{ "@x.test", "|@x.test||x.test|" },
		{ "[Ticket 12] Help <h@x>", "[Ticket 12] Help|h@x|h|x|" },
		{ "a@", "a@||||" },
		{ "a@b\\c", "|a@bc|a|bc|" },
		{ "a@[b", "a@[b||||" }, { "a@[1 2]", "a@[1 2]||||" },
		{ "a@b?x", "a@b?x||||" },
		{ "Bob > <b@x>", "Bob|b@x|b|x|" },
		{ "Bob, ", "|Bob|Bob||" },
		{ "\"O'Neil \\\\ Co\" <o@x>", "O'Neil \\ Co|o@x|o|x|" },
	};

	EXPECT_ROWS(rows);
}

TEST(encoded_and_8bit_names)
{
	static const struct row rows[] = {
		{ "=?iso-8859-1?Q?J=FCrgen?= <j@x>", "Jürgen|j@x|j|x|" },
		{ "=?utf-8?B?5bGx?= =?utf-8?B?55Sw?= <y@x>", "山田|y@x|y|x|" },
		{ "\"=?utf-8?Q?J=C3=BCrgen?=\" <j@x>", "Jürgen|j@x|j|x|" },
		{ "=?utf-8?Q?Doe,_J=C3=BCrgen?= <j@x>", "Doe, Jürgen|j@x|j|x|" },
		{ "=?utf-8?Q?A_(B)?= <j@x>", "A (B)|j@x|j|x|" },
		{ "=?utf-8?Q?a_=3Cb=40c=3E?= <j@x>", "a <b@c>|j@x|j|x|" },
		{ "Jürgen <j@x>", "Jürgen|j@x|j|x|" },
		{ "J\xFCrgen <j@x>", "Jürgen|j@x|j|x|" },
		{ "jürgen@bücher.test", "|jürgen@bücher.test|jürgen|bücher.test|" },
		{ "=?utf-8?q?a=40b?=", "a@b||||" },
		{ "j@x (=?utf-8?q?J=C3=BCrgen?=)", "Jürgen|j@x|j|x|" },
		{ "=?utf-8?q?a=0Ab=00?= <j@x>", "a b|j@x|j|x|" },
		{ "Jürgen", "Jürgen||||" },
	};

	EXPECT_ROWS(rows);
}

TEST(nul_and_controls)
{
	char *got = show("A\0B <a\0b@x>", 12);

	EXPECT_STR(got, "A B|b@x|b|x|");
	free(got);
	got = show("\"a\x01\"@x", 6);
	EXPECT_STR(got, "a\x01@x||||");
	free(got);
	got = show("\"a\r\n b\"@x", 9);
	EXPECT_STR(got, "|\"a  b\"@x|a  b|x|");
	free(got);
}

/* Parses unit repeated to about size bytes between head and tail. */
static struct address_list
flood(struct arena *a, const char *head, const char *unit, size_t size, const char *tail)
{
	struct str s = STR_INIT;
	struct address_list l = { 0 };

	str_adds(&s, head);
	while (s.len < size)
		str_adds(&s, unit);
	str_adds(&s, tail);
	address_parse(a, str_view(&s), &l);
	str_free(&s);
	return l;
}

/* A parser with quadratic cost would run for minutes on these. */
TEST(linear_cost)
{
	static const struct { const char *head, *unit; size_t size; const char *tail; } rows[] = {
		{ "", "x:", 100000, "" }, { "", ":", 1000000, "" }, { "", "(", 1000000, "" },
		{ "", "(a", 1000000, ")" }, { "", "\"", 999999, "" }, { "", "\\\"", 1000000, "" },
		{ "\"", "\\\"", 1000000, "" }, { "", "<", 1000000, "" }, { "", "a@", 1000000, "" },
		{ "", "a b ", 1000000, "<a@b>" }, { "", "@[", 1000000, "" }, { "", "a@b ", 1000000, "" },
		{ "", "<a@b> ", 1000000, "" }, { "", "=?u?q?a", 1000000, "" }, { "", "\"a\"", 1000000, "" },
		{ "", "=?u?q?a b", 1000000, "?=" }, { "<", "@a,", 1000000, ":b@c>" }, { "", ";", 1000000, "" },
		{ "", "()", 1000000, "a@b" }, { "", "(()", 1000000, "a@b" }, { "", "a@b . ", 1000000, "" },
		{ "a@b", "'", 1000000, "" }, { "", "'", 1000000, "@b" }, { "a@", ".", 1000000, "" },
		{ "", "A,", 1000000, "B <a@b>" }, { "", "\"x\\", 1000000, "" }, { "", "a@'", 1000000, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a = { 0 };
		struct address_list l = flood(&a, rows[i].head, rows[i].unit, rows[i].size, rows[i].tail);

		EXPECT(l.n <= ADDRESS_MAX);
		EXPECT(a.total < 16000000);
		address_list_free(&l);
		arena_free(&a);
	}
}

TEST(too_many)
{
	struct arena a = { 0 };
	struct address_list l = flood(&a, "", "a,", 600000, "");

	EXPECT_EQ(l.n, ADDRESS_MAX);
	EXPECT_EQ(l.dropped, 300000 - ADDRESS_MAX);
	/* The ceiling is the list's, over several headers. */
	address_parse(&a, VIEW("b@c"), &l);
	EXPECT_EQ(l.n, ADDRESS_MAX);
	EXPECT_EQ(l.dropped, 300001 - ADDRESS_MAX);
	address_list_free(&l);
	EXPECT_EQ(l.dropped, 0);
	arena_free(&a);
}

/* What would be decoded when it is read again is no bare word. */
TEST(no_encoded_word_in_a_bare_word)
{
	static const char raw[] = "=?utf:=??B?b=Q]=tf:=??B?=?\\==?u";
	char *got = show(raw, sizeof(raw) - 1);

	EXPECT(strstr(got, "|=??B?=?==?u|") == NULL);
	free(got);
}

/* At the ceiling a comment; deeper ones are text, and hide nothing that follows. */
TEST(comment_depth)
{
	static const int depths[] = { ADDRESS_DEPTH, ADDRESS_DEPTH + 1, 1000, 1000000 };

	for (size_t k = 0; k < sizeof(depths) / sizeof(depths[0]); k++) {
		size_t n = (size_t)depths[k];
		char *raw = malloc(2 * n + 20);

		memset(raw, '(', n);
		memset(raw + n, ')', n);
		strcpy(raw + 2 * n, "a@b, c@d");
		char *got = show(raw, strlen(raw));
		EXPECT_EQ(strstr(got, "|a@b|") != NULL, n == ADDRESS_DEPTH);
		EXPECT(strstr(got, "|c@d|") != NULL);
		free(got);
		free(raw);
	}
}

TEST(print)
{
	static const struct { const char *raw, *want; } rows[] = {
		{ "a@b", "a@b" }, { "Bob <a@b>", "Bob <a@b>" },
		{ "\"x@y.test\" <a@b>", "\"x@y.test\" <a@b>" },
		{ "\"D, \\\"J\\\"\" <a@b>", "\"D, \\\"J\\\"\" <a@b>" }, { "Bob <>", "Bob" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a = { 0 };
		struct address_list l = { 0 };
		struct str s = STR_INIT;

		address_parse(&a, view_of(rows[i].raw), &l);
		EXPECT_EQ(l.n, 1);
		address_print(&s, &l.at[0]);
		EXPECT_STR(str_z(&s), rows[i].want);
		str_free(&s);
		address_list_free(&l);
		arena_free(&a);
	}
}
