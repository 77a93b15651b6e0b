/* Trees of arguments: shapes, what servers confuse, depth and memory, odd numbers. */
#include "proto/imap_tree.h"

#include "tests/unit/unit.h"

static void
build(struct imap_tree *t, struct view in)
{
	struct imap_lex lx = { .literal_max = IMAP_MEMORY_MAX };
	struct lex_token tok;

	for (;;) {
		int r;

		lx.literal_max = MIN(imap_tree_room(t), IMAP_MEMORY_MAX);
		r = imap_lex_next(&lx, &in, &tok, NULL);
		if (r != 1)
			break;
		imap_tree_add(t, &tok);
	}
	imap_lex_free(&lx);
}

/* As text again, without recursion: the way up is kept. */
static const char *
print(const struct imap_tree *t, struct str *out)
{
	const struct imap_node *up[IMAP_DEPTH_MAX + 1], *n = t->first;
	size_t depth = 0;

	str_reset(out);
	for (;;) {
		while (n == NULL && depth > 0) {
			str_addc(out, ')');
			n = up[--depth]->next;
		}
		if (n == NULL)
			return str_z(out);
		if (out->len > 0 && out->p[out->len - 1] != '(')
			str_addc(out, ' ');
		if (n->kind == NODE_LIST) {
			str_addc(out, '(');
			up[depth++] = n;
			n = n->first;
			continue;
		}
		str_addf(out, n->kind == NODE_QUOTED ? "\"%.*s\"" : n->kind == NODE_LITERAL ?
		    "<%.*s>" : "%.*s", VIEW_ARG(n->text));
		if (n->kind == NODE_SUNK)
			str_addf(out, "#%llu", (unsigned long long)n->size);
		n = n->next;
	}
}

static const struct { const char *in, *out; } shapes[] = {
	{ "* X\r\n", "" }, { "* X a \"b\" {1}\r\nc ()\r\n", "a \"b\" <c> ()" },
	{ "* X ((a)(b (c)) d)\r\n", "((a) (b (c)) d)" }, { "* X (a (b\r\n", "(a (b))" },
	{ "* X a)) b\r\n", "a b" }, { "* X (  a  )  \r\n", "(a)" }, { "* X ({2000000}\r\n", "(#2000000)" },
};

TEST(imap_tree_shapes)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		struct imap_tree t = { 0 };

		build(&t, view_of(shapes[i].in));
		EXPECT_STR(print(&t, &out), shapes[i].out);
		EXPECT(!t.over);
		imap_tree_free(&t);
	}
	str_free(&out);
}

TEST(imap_tree_nothing_has_many_spellings)
{
	struct imap_tree t = { 0 };
	const struct imap_node *n;

	build(&t, view_of("* X NIL nil \"\" () {0}\r\n \"NIL\" (a) x\r\n"));
	n = t.first;
	for (unsigned i = 0; i < 5; i++, n = n->next) {
		EXPECT(node_is_none(n));
		EXPECT_VIEW(node_text(n), "");
	}
	EXPECT(!node_is_none(n));
	EXPECT_VIEW(node_text(n), "NIL");
	EXPECT_VIEW(node_text(n->next), "");
	EXPECT_VIEW(node_text(node_first(n->next)), "a");
	EXPECT_EQ(node_count(t.first), 8);
	EXPECT(node_is_none(node_nth(t.first, 8)));
	EXPECT(node_first(NULL) == NULL);
	imap_tree_free(&t);
}

static void
nest(struct str *in, unsigned depth)
{
	str_reset(in);
	str_adds(in, "* X ");
	for (unsigned i = 0; i < depth; i++)
		str_addc(in, '(');
	str_adds(in, "deep");
	for (unsigned i = 0; i < depth; i++)
		str_addc(in, ')');
	str_adds(in, " after\r\n");
}

TEST(imap_tree_depth)
{
	struct str in = STR_INIT, out = STR_INIT;
	struct imap_tree t = { 0 };

	nest(&in, IMAP_DEPTH_MAX);
	build(&t, str_view(&in));
	EXPECT(!t.deep);
	EXPECT(view_find(view_of(print(&t, &out)), VIEW("(deep)")) > 0);
	EXPECT_VIEW(node_text(node_nth(t.first, 1)), "after");
	imap_tree_free(&t);
	nest(&in, IMAP_DEPTH_MAX + 1);
	build(&t, str_view(&in));
	EXPECT(t.deep && !t.over);
	EXPECT(view_find(view_of(print(&t, &out)), VIEW("deep")) < 0);
	imap_tree_free(&t);
	nest(&in, 1000000);
	build(&t, str_view(&in));
	EXPECT(t.deep && !t.over);
	imap_tree_free(&t);
	str_free(&in);
	str_free(&out);
}

TEST(imap_tree_memory)
{
	struct str in = STR_INIT;
	struct imap_tree t = { 0 };

	str_adds(&in, "* X ");
	for (unsigned i = 0; i < 200000; i++)
		str_adds(&in, "a ()");
	str_adds(&in, "\r\n");
	build(&t, str_view(&in));
	EXPECT(t.over);
	EXPECT(t.arena.total <= IMAP_REPLY_MAX);
	EXPECT(t.arena.total > IMAP_REPLY_MAX / 2);
	EXPECT_EQ(imap_tree_room(&t), 0);
	imap_tree_free(&t);
	EXPECT(t.arena.total == 0 && t.first == NULL);
	str_free(&in);
}

/* The fifth literal of 1 MiB no longer fits and is announced instead. */
TEST(imap_tree_literals_share_the_memory)
{
	struct str in = STR_INIT;
	struct imap_tree t = { 0 };
	const struct imap_node *n;
	unsigned held = 0, sunk = 0;

	str_adds(&in, "* X ");
	for (unsigned i = 0; i < 6; i++) {
		str_addf(&in, "{%zu}\r\n", IMAP_MEMORY_MAX);
		memset(str_room(&in, IMAP_MEMORY_MAX), 'x', IMAP_MEMORY_MAX);
		str_grew(&in, IMAP_MEMORY_MAX);
	}
	str_adds(&in, "\r\n");
	build(&t, str_view(&in));
	for (n = t.first; n != NULL; n = n->next) {
		held += n->kind == NODE_LITERAL;
		sunk += n->kind == NODE_SUNK;
	}
	EXPECT(!t.over);
	EXPECT_EQ(held, 3);
	EXPECT_EQ(sunk, 3);
	imap_tree_free(&t);
	str_free(&in);
}

static const struct { const char *in; uint64_t max, out; bool ok; } numbers[] = {
	{ "0", 9, 0, true }, { "12", 99, 12, true }, { "12", 9, 9, true }, { "-1", 9, 0, true },
	{ "+7", 9, 7, true }, { "9.37e+06", UINT64_MAX, 9370000, true },
	{ "1.5", 9, 1, true }, { "1e3", UINT64_MAX, 1000, true }, { "1.23456e2", 999, 123, true },
	{ "1234e-2", 9999, 12, true }, { "1e99", 4294967295u, 4294967295u, true },
	{ "18446744073709551615", UINT64_MAX, UINT64_MAX, true },
	{ "18446744073709551616", UINT64_MAX, UINT64_MAX, true },
	{ "99999999999999999999999", UINT64_MAX, UINT64_MAX, true },
	{ "", 9, 0, false }, { "-", 9, 0, false }, { "x", 9, 0, false }, { ".5", 9, 0, false },
	{ "NIL", 9, 0, false }, { "1e", UINT32_MAX, UINT32_MAX, true },
};

TEST(imap_tree_numbers)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t n = 0;

		if (imap_number(view_of(numbers[i].in), numbers[i].max, &n) != numbers[i].ok ||
		    n != numbers[i].out)
			UNIT_FAIL("%s gives %llu", numbers[i].in, (unsigned long long)n);
	}
}
