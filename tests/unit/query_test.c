/* Queries as values: what is refused and how, needs, captures, covering. */
#include "engine/query.h"
#include "unit.h"

static const struct view none = { NULL, 0 };

static struct query_value
text(const char *z)
{
	return (struct query_value){ .type = QV_TEXT, .text = view_of(z) };
}

/* A key with one text, or present. */
static struct query *
key(const char *name, enum query_op op, const char *value)
{
	struct query_value v = text(value);
	struct err e = ERR_NONE;

	return query_key(view_of(name), none, op, &v, value != NULL, NULL, &e);
}

static struct query *
both(struct query *a, struct query *b, bool and)
{
	struct query *q = and ? query_and(a, b) : query_or(a, b);

	query_free(&a);
	query_free(&b);
	return q;
}
#define AND(a, b)	both((a), (b), true)
#define OR(a, b)	both((a), (b), false)

static struct query *
not(struct query *a)
{
	struct query *q = query_not(a);

	query_free(&a);
	return q;
}

TEST(query_operators_are_named_and_found)
{
	EXPECT_STR(query_op_name(OP_PRESENT), "");
	EXPECT_STR(query_op_name(OP_DOMAIN), "domain");
	for (int op = OP_HAS; op <= OP_DOMAIN; op++)
		EXPECT_EQ(query_op_find(view_of(query_op_name((enum query_op)op))), op);
	EXPECT_EQ(query_op_find(VIEW("contains")), -1);
	EXPECT_EQ(query_op_find(VIEW("")), -1);
}

TEST(query_key_names_are_a_list)
{
	const char *const *names = query_key_names();
	size_t n = 0;

	while (names[n] != NULL) {
		EXPECT(strlen(names[n]) > 0);
		n++;
	}
	EXPECT_EQ(n, 34);
	EXPECT(query_key_takes_name(VIEW("header")) && query_key_takes_name(VIEW("flag")));
	EXPECT(!query_key_takes_name(VIEW("from")) && !query_key_takes_name(VIEW("heade")));
}

TEST(query_refuses_with_a_cure)
{
	static const struct { const char *key, *name; enum query_op op; const char *value, *says; } rows[] = {
		{ "sen", "", OP_PRESENT, NULL, "no search key 'sen'; did you mean 'seen'?" },
		{ "subjekt", "", OP_HAS, "x", "no search key 'subjekt'; did you mean 'subject'?" },
		{ "xyzzy", "", OP_PRESENT, NULL, "no search key 'xyzzy'" },
		{ "", "", OP_PRESENT, NULL, "no search key ''" },
		{ "From", "", OP_HAS, "x", "no search key 'From'; did you mean 'from'?" },
		{ "header", "", OP_PRESENT, NULL, "q.header wants a name, as in q.header(\"List-Unsubscribe\")" },
		{ "header", "a b", OP_PRESENT, NULL, "\"a b\" is no header's name" },
		{ "header", "X:", OP_PRESENT, NULL, "\"X:\" is no header's name" },
		{ "flag", "", OP_PRESENT, NULL, "q.flag wants a name, as in q.flag(\"Invoice\")" },
		{ "flag", "a b", OP_PRESENT, NULL, "a b" },
		{ "from", "x", OP_HAS, "x", "q.from takes no name" },
		{ "seen", "", OP_HAS, "x", "q.seen takes no value: it holds or not; the contrary is ~q.seen" },
		{ "seen", "", OP_IS, NULL, "q.seen takes no value" },
		{ "all", "", OP_HAS, "x", "q.all takes no value" },
		{ "subject", "", OP_IS, NULL, "q.subject:is wants a text" },
		{ "subject", "", OP_DOMAIN, "x", "q.subject has no domain" },
		{ "subject", "", OP_HAS, "", "q.subject: an empty text would match everything" },
		{ "from", "", OP_DOMAIN, "@", "q.from: an empty text" },
		{ "subject", "", OP_STARTS, " ", "q.subject: an empty text" },
		{ "subject", "", OP_GLOB, "[a", "glob \"[a\" ends in the middle" },
		{ "subject", "", OP_GLOB, "a\\", "ends in the middle" },
		{ "subject", "", OP_MATCHES, "(a", "q.subject:matches: " },
		{ "larger", "", OP_PRESENT, NULL, "q.larger wants a value, as in q.larger \"5MB\"" },
		{ "larger", "", OP_HAS, "5 apples", "a right use is q.larger \"5MB\"" },
		{ "larger", "", OP_IS, "5MB", "q.larger is a number and has no :is; a right use is q.larger \"5MB\"" },
		{ "older", "", OP_HAS, "5m", "\"min\" or \"mo\"; a right use is q.older \"30d\"" },
		{ "here", "", OP_HAS, "soon", "q.here: " },
		{ "before", "", OP_HAS, "31.1.2026", "a right use is q.before \"2026-01-31\"" },
		{ "on", "", OP_HAS, "2026-02-30", "q.on: " },
		{ "uid", "", OP_HAS, "0", "q.uid: a UID is a number from 1 to 4294967295, or a range; a right use" },
		{ "uid", "", OP_HAS, "1:", "q.uid: " }, { "uid", "", OP_HAS, "1,,2", "q.uid: " },
		{ "uid", "", OP_HAS, "4294967296", "q.uid: " }, { "uid", "", OP_HAS, "", "q.uid: " },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query_value v = text(rows[i].value);
		struct err e = ERR_NONE;
		struct query *q = query_key(view_of(rows[i].key), view_of(rows[i].name), rows[i].op, &v,
		    rows[i].value != NULL, NULL, &e);

		if (q != NULL)
			UNIT_FAIL("accepted: row %zu, %s", i, rows[i].key);
		if (strstr(e.text, rows[i].says) == NULL)
			UNIT_FAIL("row %zu: \"%s\" does not say \"%s\"", i, e.text, rows[i].says);
		EXPECT_EQ(e.kind, ERR_USAGE);
	}
}

TEST(query_refuses_patterns_and_lists_where_they_make_no_sense)
{
	struct err e = ERR_NONE;
	struct regex *re = regex_new(VIEW("x"), 0, NULL, &e);
	const struct view entry = VIEW("a");
	struct wordlist *l = wordlist_of(&entry, 1);
	struct query_value vr = { .type = QV_REGEX, .regex = re }, vl = { .type = QV_LIST, .list = l };
	struct query_value less = { .type = QV_NUMBER, .number = -1 };
	static const struct { const char *key; enum query_op op; bool regex, fine; } rows[] = {
		{ "subject", OP_HAS, true, true }, { "subject", OP_MATCHES, true, true },
		{ "subject", OP_IS, true, false }, { "from", OP_DOMAIN, true, false },
		{ "subject", OP_HAS, false, true }, { "from", OP_IS, false, true },
		{ "from", OP_DOMAIN, false, true }, { "from", OP_GLOB, false, false },
		{ "subject", OP_STARTS, false, false }, { "subject", OP_MATCHES, false, false },
		{ "larger", OP_HAS, true, false }, { "uid", OP_HAS, false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query *q;

		err_clear(&e);
		q = query_key(view_of(rows[i].key), none, rows[i].op, rows[i].regex ? &vr : &vl, 1, NULL, &e);
		if ((q != NULL) != rows[i].fine)
			UNIT_FAIL("row %zu: %s", i, e.text);
		query_free(&q);
	}
	err_clear(&e);
	EXPECT(query_key(VIEW("larger"), none, OP_HAS, &less, 1, NULL, &e) == NULL);
	EXPECT(strstr(e.text, "less than nothing") != NULL);
	err_clear(&e);
	EXPECT(query_key(VIEW("uid"), none, OP_HAS, &less, 1, NULL, &e) == NULL);
	regex_free(&re);
	wordlist_free(&l);
}

TEST(query_knows_its_needs)
{
	struct query *q = AND(key("from", OP_HAS, "a"), OR(key("body", OP_HAS, "b"), key("larger", OP_HAS, "1MB")));
	struct query *w = AND(query_where(3), key("seen", OP_PRESENT, NULL));

	EXPECT_EQ(query_needs(q), NEED_HEADER | NEED_BODY | NEED_SIZE);
	EXPECT_EQ(query_needs_first(q), NEED_HEADER | NEED_SIZE);
	EXPECT(!query_has_where(q));
	EXPECT(query_has_where(w));
	EXPECT_EQ(query_needs(w), NEED_FLAGS);
	EXPECT(query_uses_key(q, "larger") && !query_uses_key(q, "older"));
	EXPECT(query_uses_key(w, "seen"));
	query_free(&q);
	query_free(&w);
	q = query_all();
	EXPECT_EQ(query_needs(q), 0);
	query_free(&q);
	q = not(key("here", OP_HAS, "3d"));
	EXPECT_EQ(query_needs(q), NEED_HERE);
	EXPECT(query_uses_key(q, "here"));
	query_free(&q);
}

TEST(query_lists_its_captures)
{
	struct query *q = AND(AND(key("subject", OP_MATCHES, "#(?<ticket>\\d+) (?<word>x)"),
	    key("from", OP_MATCHES, "(?<who>a)(b)(?<ticket>c)")),
	    not(key("to", OP_MATCHES, "(?<never>x)")));
	const char *names[8];

	EXPECT_EQ(query_captures(q, names, 8), 3);
	EXPECT_STR(names[0], "ticket");
	EXPECT_STR(names[1], "word");
	EXPECT_STR(names[2], "who");
	EXPECT_EQ(query_captures(q, names, 2), 2);
	query_free(&q);
}

TEST(query_finds_a_star_in_a_substring)
{
	struct query *q = AND(key("subject", OP_GLOB, "a*"), key("from", OP_IS, "*"));

	EXPECT(query_star(q) == NULL);
	q = AND(q, not(key("subject", OP_HAS, "inv*ce")));
	EXPECT_STR(query_star(q), "inv*ce");
	query_free(&q);
}

TEST(query_depth_is_bounded)
{
	struct query *q = key("seen", OP_PRESENT, NULL), *more;
	int depth = 0;

	while ((more = depth % 2 ? query_and(q, q) : query_or(q, q)) != NULL && depth < 1000) {
		query_free(&q);
		q = more;
		depth++;
	}
	EXPECT(more == NULL && depth == 199);
	EXPECT(query_not(q) == NULL);
	query_free(&q);

	/* chains of one kind, and double negation, are no depth */
	q = key("seen", OP_PRESENT, NULL);
	for (int i = 0; i < 1000; i++) {
		q = OR(q, key("draft", OP_PRESENT, NULL));
		EXPECT(q != NULL);
	}
	for (int i = 0; i < 1000; i++)
		q = not(q);
	EXPECT(q != NULL);
	query_free(&q);
}

TEST(query_parts_are_shared)
{
	struct query *a = key("from", OP_HAS, "x"), *q = query_and(a, a), *r = query_ref(q);

	query_free(&a);
	query_free(&q);
	EXPECT(q == NULL);
	EXPECT(query_uses_key(r, "from"));
	query_free(&r);
	query_free(&r);
}

#define FROM(v)		key("from", OP_HAS, (v))
#define SEEN		key("seen", OP_PRESENT, NULL)
#define LARGE		key("larger", OP_HAS, "1MB")

static struct query *
from_any(const char *a, const char *b)
{
	struct query_value v[2] = { text(a), text(b) };
	struct err e = ERR_NONE;

	return query_key(VIEW("from"), none, OP_HAS, v, 2, NULL, &e);
}

static struct query *
named(const char *key_name, const char *name)
{
	struct err e = ERR_NONE;

	return query_key(view_of(key_name), view_of(name), OP_PRESENT, NULL, 0, NULL, &e);
}

TEST(query_covers_what_follows)
{
	struct { struct query *a, *b; bool covers; } rows[] = {
		{ query_all(), FROM("x"), true },
		{ FROM("x"), query_all(), false },
		{ FROM("x"), query_none(), true },
		{ FROM("x"), FROM("X"), true },			/* by casemap keys */
		{ FROM("x"), FROM("y"), false },
		{ FROM("x"), key("to", OP_HAS, "x"), false },
		{ FROM("x"), key("from", OP_IS, "x"), false },
		{ key("from", OP_PRESENT, NULL), FROM("x"), true },
		{ from_any("x", "y"), FROM("y"), true },
		{ FROM("y"), from_any("x", "y"), false },
		{ from_any("x", "y"), from_any("y", "x"), true },
		{ FROM("x"), AND(FROM("x"), SEEN), true },
		{ AND(FROM("x"), SEEN), FROM("x"), false },
		{ AND(FROM("x"), SEEN), AND(SEEN, AND(LARGE, FROM("x"))), true },
		{ OR(FROM("x"), SEEN), SEEN, true },
		{ SEEN, OR(FROM("x"), SEEN), false },
		{ OR(OR(FROM("x"), LARGE), SEEN), OR(SEEN, FROM("x")), true },
		{ not(FROM("x")), not(FROM("x")), true },
		{ not(FROM("x")), not(from_any("x", "y")), true },
		{ not(from_any("x", "y")), not(FROM("x")), false },
		{ not(AND(FROM("x"), SEEN)), not(FROM("x")), true },
		{ FROM("x"), not(FROM("x")), false },
		{ query_where(1), query_where(1), true },
		{ query_where(1), query_where(2), false },
		{ LARGE, LARGE, true },
		{ LARGE, key("larger", OP_HAS, "2MB"), false },
		{ key("larger", OP_HAS, "1000kB"), LARGE, true },
		{ key("subject", OP_MATCHES, "a"), key("subject", OP_MATCHES, "a"), true },
		{ key("subject", OP_MATCHES, "a"), key("subject", OP_MATCHES, "b"), false },
		{ key("uid", OP_HAS, "1:5"), key("uid", OP_HAS, "5:1"), true },
		{ named("header", "X-A"), named("header", "x-a"), true },
		{ named("header", "X-A"), named("header", "X-B"), false },
		{ named("flag", "A"), named("flag", "B"), false },
		{ named("flag", "seen"), named("flag", "\\Seen"), true },
		{ named("flag", "seen"), named("flag", "draft"), false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		EXPECT(rows[i].a != NULL && rows[i].b != NULL);
		if (query_covers(rows[i].a, rows[i].b) != rows[i].covers)
			UNIT_FAIL("row %zu", i);
		query_free(&rows[i].a);
		query_free(&rows[i].b);
	}
}

/* (q and name) or (q and seen); the other way round; and so on: twice as many paths each. */
static struct query *
doubled(struct query *q, int depth)
{
	struct query *same = query_ref(q);
	char name[16];

	snprintf(name, sizeof(name), "a%u", (unsigned)depth);
	return depth % 2 ? OR(AND(q, FROM(name)), AND(same, SEEN)) :
	    AND(OR(q, FROM(name)), OR(same, LARGE));
}

TEST(query_covers_gives_up_in_time)
{
	struct query *a = FROM("a0"), *b = FROM("b0");

	for (int depth = 1; depth < 60; depth++) {
		a = doubled(a, depth);
		b = doubled(b, depth);
		EXPECT(a != NULL && b != NULL);
	}
	EXPECT(!query_covers(a, b));
	query_free(&a);
	query_free(&b);
}
