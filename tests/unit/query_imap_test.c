/* Queries printed as IMAP SEARCH criteria. */
#include "engine/query.h"
#include "unit.h"

static const struct view none = { NULL, 0 };

static struct query *
make(const char *key, const char *name, enum query_op op, const char *const *values, size_t n,
	const struct zone *z)
{
	struct query_value v[60];
	struct err e = ERR_NONE;
	struct query *q;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct query_value){ .type = QV_TEXT, .text = view_of(values[i]) };
	q = query_key(view_of(key), view_of(name), op, v, n, z, &e);
	if (q == NULL)
		printf("# %s\n", e.text);
	return q;
}

static const char *
printed(struct query *q, struct str *s)
{
	str_reset(s);
	if (q == NULL)
		return "(null)";
	query_print(q, s);
	query_free(&q);
	return str_z(s);
}

TEST(query_imap_of_each_key)
{
	static const struct { const char *key, *name; enum query_op op; const char *value, *imap; } rows[] = {
		{ "from", "", OP_HAS, "boss", "FROM \"boss\"" },
		{ "to", "", OP_HAS, "a\"b\\c", "TO \"a\\\"b\\\\c\"" },
		{ "cc", "", OP_PRESENT, NULL, "HEADER CC \"\"" },
		{ "bcc", "", OP_HAS, "x", "BCC \"x\"" },
		{ "sender", "", OP_HAS, "x", "HEADER SENDER \"x\"" },
		{ "sender", "", OP_PRESENT, NULL, "HEADER SENDER \"\"" },
		{ "reply_to", "", OP_HAS, "x", "HEADER REPLY-TO \"x\"" },
		{ "recipient", "", OP_HAS, "x",
		    "OR (TO \"x\") (OR (CC \"x\") (HEADER DELIVERED-TO \"x\"))" },
		{ "recipient", "", OP_PRESENT, NULL,
		    "OR (HEADER TO \"\") (OR (HEADER CC \"\") (HEADER DELIVERED-TO \"\"))" },
		{ "anyone", "", OP_HAS, "x", "OR (FROM \"x\") (OR (TO \"x\") (OR (CC \"x\") "
		    "(OR (BCC \"x\") (OR (HEADER SENDER \"x\") (HEADER REPLY-TO \"x\")))))" },
		{ "subject", "", OP_HAS, "f\xC3\xBCr", "SUBJECT \"f\xC3\xBCr\"" },
		{ "subject", "", OP_HAS, "a\r\nb", "SUBJECT \"a\\\\r\\\\nb\"" },
		{ "subject", "", OP_PRESENT, NULL, "HEADER SUBJECT \"\"" },
		{ "subject", "", OP_IS, "x", "{subject:is \"x\"}" },
		{ "subject", "", OP_STARTS, "x", "{subject:starts \"x\"}" },
		{ "subject", "", OP_MATCHES, "^x", "{subject:matches \"^x\"}" },
		{ "subject", "", OP_GLOB, "*x", "{subject:glob \"*x\"}" },
		{ "from", "", OP_DOMAIN, "example.org", "{from:domain \"example.org\"}" },
		{ "header", "X-Spam", OP_HAS, "yes", "HEADER X-Spam \"yes\"" },
		{ "header", "X-Spam", OP_PRESENT, NULL, "HEADER X-Spam \"\"" },
		{ "header", "X-Spam", OP_IS, "yes", "{header(X-Spam):is \"yes\"}" },
		{ "list_id", "", OP_HAS, "x", "HEADER LIST-ID \"x\"" },
		{ "list_id", "", OP_PRESENT, NULL, "HEADER LIST-ID \"\"" },
		{ "message_id", "", OP_HAS, "x", "HEADER MESSAGE-ID \"x\"" },
		{ "body", "", OP_HAS, "x", "BODY \"x\"" },
		{ "body", "", OP_PRESENT, NULL, "{body}" },
		{ "text", "", OP_HAS, "x", "{text \"x\"}" },
		{ "any_text", "", OP_HAS, "x", "TEXT \"x\"" },
		{ "any_text", "", OP_PRESENT, NULL, "{any_text}" },
		{ "seen", "", OP_PRESENT, NULL, "SEEN" },
		{ "unseen", "", OP_PRESENT, NULL, "UNSEEN" },
		{ "flagged", "", OP_PRESENT, NULL, "FLAGGED" },
		{ "unflagged", "", OP_PRESENT, NULL, "UNFLAGGED" },
		{ "answered", "", OP_PRESENT, NULL, "ANSWERED" },
		{ "draft", "", OP_PRESENT, NULL, "DRAFT" },
		{ "deleted", "", OP_PRESENT, NULL, "DELETED" },
		{ "flag", "Invoice", OP_PRESENT, NULL, "KEYWORD Invoice" },
		{ "flag", "\\Seen", OP_PRESENT, NULL, "SEEN" },
		{ "flag", "$Forwarded", OP_PRESENT, NULL, "KEYWORD $Forwarded" },
		{ "larger", "", OP_HAS, "5MB", "LARGER 5000000" },
		{ "smaller", "", OP_HAS, "1KiB", "SMALLER 1024" },
		{ "older", "", OP_HAS, "30d", "OLDER 2592000" },
		{ "older", "", OP_HAS, "0s", "{older \"0s\"}" },
		{ "newer", "", OP_HAS, "1h30min", "YOUNGER 5400" },
		{ "here", "", OP_HAS, "30d", "{here \"30d\"}" },
		{ "before", "", OP_HAS, "2026-01-31", "BEFORE 31-Jan-2026" },
		{ "before", "", OP_HAS, "2026-01-31 14:00", "{before \"2026-01-31 14:00\"}" },
		{ "since", "", OP_HAS, "2026-12-01", "SINCE 1-Dec-2026" },
		{ "on", "", OP_HAS, "2026-06-15", "ON 15-Jun-2026" },
		{ "on", "", OP_HAS, "2026-06-15 14:00", "ON 15-Jun-2026" },
		{ "uid", "", OP_HAS, "7", "UID 7" },
		{ "uid", "", OP_HAS, "100:1", "UID 1:100" },
		{ "uid", "", OP_HAS, "5:*", "UID 5:*" },
		{ "uid", "", OP_HAS, "1:3, 9", "OR (UID 1:3) (UID 9)" },
		{ "all", "", OP_PRESENT, NULL, "ALL" },
		{ "none", "", OP_PRESENT, NULL, "NOT ALL" },
	};
	struct str s = STR_INIT;
	struct err e = ERR_NONE;
	struct zone *z = zone_new(VIEW("Europe/Berlin"), &e);

	EXPECT(z != NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query *q = make(rows[i].key, rows[i].name, rows[i].op, &rows[i].value,
		    rows[i].value != NULL, z);

		EXPECT_STR(printed(q, &s), rows[i].imap);
	}
	zone_free(&z);
	str_free(&s);
}

TEST(query_imap_of_several_values)
{
	const char *abc[] = { "a", "b", "c" }, *many[60];
	struct str s = STR_INIT;

	EXPECT_STR(printed(make("from", "", OP_HAS, abc, 3, NULL), &s),
	    "OR (FROM \"a\") (OR (FROM \"b\") (FROM \"c\"))");
	EXPECT_STR(printed(make("recipient", "", OP_HAS, abc, 2, NULL), &s),
	    "OR (TO \"a\") (OR (TO \"b\") (OR (CC \"a\") (OR (CC \"b\") "
	    "(OR (HEADER DELIVERED-TO \"a\") (HEADER DELIVERED-TO \"b\")))))");
	EXPECT_STR(printed(make("from", "", OP_IS, abc, 3, NULL), &s), "{from:is \"a\" \"b\" \"c\"}");
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = "x";
	EXPECT_STR(printed(make("to", "", OP_HAS, many, 60, NULL), &s), "{to \"x\" \"x\" \"x\" \"x\" "
	    "\"x\" \"x\" \"x\" \"x\" \"x\" \"x\" ... 50 more}");
	str_free(&s);
}

TEST(query_imap_of_patterns_and_lists)
{
	struct err e = ERR_NONE;
	struct regex *re = regex_new(VIEW("^\\d \"x\""), 0, NULL, &e);
	const struct view entries[] = { VIEW("a"), VIEW("b") };
	struct wordlist *l = wordlist_of(entries, 2);
	struct query_value v[] = { { .type = QV_REGEX, .regex = re }, { .type = QV_LIST, .list = l },
		{ .type = QV_NUMBER, .number = 1800000000 } };
	struct str s = STR_INIT;

	EXPECT_STR(printed(query_key(VIEW("subject"), none, OP_HAS, &v[0], 1, NULL, &e), &s),
	    "{subject:matches \"^\\\\d \\\"x\\\"\"}");
	EXPECT_STR(printed(query_key(VIEW("from"), none, OP_HAS, &v[1], 1, NULL, &e), &s),
	    "{from list of 2}");
	EXPECT_STR(printed(query_key(VIEW("from"), none, OP_DOMAIN, &v[1], 1, NULL, &e), &s),
	    "{from:domain list of 2}");
	EXPECT_STR(printed(query_key(VIEW("since"), none, OP_HAS, &v[2], 1, NULL, &e), &s),
	    "{since 1800000000}");
	regex_free(&re);
	wordlist_free(&l);
	str_free(&s);
}

static struct query *
one(const char *key, const char *value)
{
	return make(key, "", OP_HAS, &value, value != NULL, NULL);
}

static struct query *
joined(struct query *a, struct query *b, bool and)
{
	struct query *q = and ? query_and(a, b) : query_or(a, b);

	query_free(&a);
	query_free(&b);
	return q;
}

static struct query *
not(struct query *a)
{
	struct query *q = query_not(a);

	query_free(&a);
	return q;
}

TEST(query_imap_of_combinations)
{
	struct str s = STR_INIT;

	EXPECT_STR(printed(joined(one("from", "boss"), not(one("seen", NULL)), true), &s),
	    "FROM \"boss\" NOT SEEN");
	EXPECT_STR(printed(joined(one("from", "a"), one("seen", NULL), false), &s),
	    "OR (FROM \"a\") (SEEN)");
	EXPECT_STR(printed(joined(joined(one("from", "a"), one("to", "b"), false), one("draft", NULL),
	    false), &s), "OR (FROM \"a\") (OR (TO \"b\") (DRAFT))");
	EXPECT_STR(printed(joined(joined(one("from", "a"), one("to", "b"), true), one("draft", NULL),
	    false), &s), "OR (FROM \"a\" TO \"b\") (DRAFT)");
	EXPECT_STR(printed(joined(joined(one("from", "a"), one("to", "b"), false), one("draft", NULL),
	    true), &s), "OR (FROM \"a\") (TO \"b\") DRAFT");
	EXPECT_STR(printed(not(joined(one("from", "a"), one("to", "b"), true)), &s),
	    "NOT (FROM \"a\" TO \"b\")");
	EXPECT_STR(printed(not(joined(one("from", "a"), one("to", "b"), false)), &s),
	    "NOT (OR (FROM \"a\") (TO \"b\"))");
	EXPECT_STR(printed(not(not(one("seen", NULL))), &s), "SEEN");
	EXPECT_STR(printed(joined(query_all(), query_where(4), true), &s), "ALL {where}");
	EXPECT_STR(printed(query_none(), &s), "NOT ALL");
	str_free(&s);
}
