/* The IMAP lexer: each line whole and cut at every byte, each ceiling, big literals. */
#include "proto/imap_lex.h"

#include "tests/unit/unit.h"

static const char *const kind_names[] = {
	[LEX_TAG] = "tag", [LEX_NUMBER] = "number", [LEX_NAME] = "name", [LEX_ATOM] = "atom",
	[LEX_QUOTED] = "quoted", [LEX_LITERAL] = "literal", [LEX_OPEN] = "(", [LEX_CLOSE] = ")",
	[LEX_TEXT] = "text", [LEX_BIG] = "big", [LEX_DATA] = "data", [LEX_END] = "end",
	[LEX_BAD] = "bad",
};

static void
note(struct str *out, const struct lex_token *t, bool *in_data)
{
	if (t->kind == LEX_DATA) {
		if (!*in_data)
			str_adds(out, "data=");
		str_addv(out, t->text);
		*in_data = !t->last;
		if (t->last)
			str_adds(out, " ");
		return;
	}
	str_adds(out, kind_names[t->kind]);
	if (t->text.p != NULL || t->kind == LEX_TEXT) {
		str_addc(out, '=');
		str_addv(out, t->text);
	}
	if (t->kind == LEX_BIG)
		str_addf(out, "=%llu", (unsigned long long)t->size);
	if (t->kind == LEX_BAD)
		str_addf(out, "=%s%s", t->why, t->limit ? " (limit)" : "");
	str_addc(out, ' ');
}

/* All tokens of in, which comes in two pieces. */
static int
lex_at(struct view in, size_t cut, size_t literal_max, struct str *out, struct err *e)
{
	struct imap_lex lx = { .literal_max = literal_max };
	struct view pieces[2] = { view_sub(in, 0, cut), view_from(in, cut) };
	struct lex_token t;
	bool in_data = false;
	int r = 0;

	str_reset(out);
	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		while ((r = imap_lex_next(&lx, &pieces[i], &t, e)) == 1)
			note(out, &t, &in_data);
	}
	if (r == 0 && !imap_lex_idle(&lx))
		str_adds(out, "...");
	imap_lex_free(&lx);
	return r;
}

static const struct { const char *in, *out; } rows[] = {
	{ "* OK [ALERT] hi {3}\r\n", "tag=* name=OK text=[ALERT] hi {3} end " },
	{ "* OK\r\n", "tag=* name=OK text= end " },
	{ "* OK \r\n", "tag=* name=OK text= end " },
	{ "* ok  two\rx \r\n", "tag=* name=ok text=two\rx  end " },
	{ "a1 NO \"x\r\nb BAD\r\n", "tag=a1 name=NO text=\"x end tag=b name=BAD text= end " },
	{ "+ abc {1}\r\n+\r\n+xyz\r\n", "tag=+ text=abc {1} end tag=+ text= end tag=+ text=xyz end " },
	{ "* [COPYUID 1 2 3] done\r\n", "tag=* text=[COPYUID 1 2 3] done end " },
	{ "* 23 EXISTS\r\n", "tag=* number=23 name=EXISTS end " },
	{ "* -1 EXISTS  \r\n", "tag=* number=-1 name=EXISTS end " },
	{ "* FLAGS (\\Seen \\* a])\r\n",
	    "tag=* name=FLAGS ( atom=\\Seen atom=\\* atom=a] ) end " },
	{ "* FLAGS(a)(b)c\r\n", "tag=* name=FLAGS ( atom=a ) ( atom=b ) atom=c end " },
	{ "* LIST () \"\\\\\" \"a\\\"b\\c\"\r\n",
	    "tag=* name=LIST ( ) quoted=\\ quoted=a\"b\\c end " },
	{ "* LIST () \"/\" {3}\r\na\r\n\r\n", "tag=* name=LIST ( ) quoted=/ literal=a\r\n end " },
	{ "* X {0}\r\n ~{2+}\r\n\0\0 \"\"\r\n", NULL },
	{ "* X a{2}\r\nhi b\r\n", "tag=* name=X atom=a literal=hi atom=b end " },
	{ "* X {a} {} {1}x {+} {1 }\r\n",
	    "tag=* name=X atom={a} atom={} atom={1}x atom={+} atom={1 atom=} end " },
	{ "* 1 FETCH (BODY[HEADER.FIELDS (\"To]\" X)]<0> \"v\")\r\n",
	    "tag=* number=1 name=FETCH ( atom=BODY[HEADER.FIELDS (\"To]\" X)]<0> quoted=v ) end " },
	{ "* 1 FETCH (BODY[HEADER.FIELDS ({2}\r\nTo)] {1}\r\nx)\r\n",
	    "tag=* number=1 name=FETCH ( atom=BODY[HEADER.FIELDS (To)] literal=x ) end " },
	{ "* 1 FETCH (BODY[]{1}\r\nx FLAGS (a[b]))\r\n",
	    "tag=* number=1 name=FETCH ( atom=BODY[] literal=x atom=FLAGS ( atom=a[b] ) ) end " },
	{ "* FOO BODY[a b]\r\n", "tag=* name=FOO atom=BODY[a atom=b] end " },
	{ "* SEARCH 1 2,3  \r\n", "tag=* name=SEARCH atom=1 atom=2 atom=3 end " },
	{ "* VANISHED (EARLIER) 1:5,7\r\n",
	    "tag=* name=VANISHED ( atom=EARLIER ) atom=1:5 atom=7 end " },
	{ "\r\n* \r\n*\r\na1\r\n",
	    "bad=an empty line tag=* bad=the line has no name tag=* bad=the line has no name "
	    "tag=a1 bad=the line has no name " },
	{ "* 5\r\n* (a)\r\nx\r\n", "bad" },
	{ "* X \"open\r\n* Y\r\n", "tag=* name=X bad=a quoted string has no end tag=* name=Y end " },
	/* QQ: an escape too many opens a string; the literal behind it is still counted. */
	{ "* X \"qq.com\\\" {9}\r\n* BYE \r\n\r\n) \"b\r\n* Y\r\n",
	    "tag=* name=X bad=a quoted string has no end tag=* name=Y end " },
	{ "* X \"a\nb\rc\" d\ne\r\n", "tag=* name=X quoted=a\nb\rc atom=d\ne end " },
	{ "* X \"a\\\rb\" c\r\r\n", "tag=* name=X quoted=a\\\rb atom=c\r end " },
	{ "* 1 FETCH (BODY[x\r\n* Y\r\n",
	    "tag=* number=1 name=FETCH ( bad=a section has no end tag=* name=Y end " },
	{ "{5}\r\nhello\r\n* Y\r\n", "bad" },
	{ "* X {5}\r\nhell", "tag=* name=X ..." }, { "* X", "tag=* ..." },
	{ "* X {12}\r\n0123456789ab {12}\r\n0123456789ab\r\n", "big" },
};

TEST(imap_lex_whole_and_cut)
{
	struct str whole = STR_INIT, cut = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct view in = view_of(rows[i].in);
		struct err e = ERR_NONE;

		if (rows[i].out == NULL)
			in = VIEW("* X {0}\r\n ~{2+}\r\n\0\0 \"\"\r\n");
		EXPECT_EQ(lex_at(in, in.n, 11, &whole, &e), 0);
		if (rows[i].out == NULL) {
			EXPECT(view_eq(str_view(&whole), VIEW("tag=* name=X literal literal=\0\0 "
			    "quoted= end ")));
		} else if (strlen(rows[i].out) > 3) {
			EXPECT_STR(str_z(&whole), rows[i].out);
		} else {
			EXPECT(view_find(str_view(&whole), view_of(rows[i].out)) >= 0);
		}
		for (size_t at = 0; at <= in.n; at++) {
			EXPECT_EQ(lex_at(in, at, 11, &cut, &e), 0);
			if (!view_eq(str_view(&cut), str_view(&whole)))
				printf("# row %zu cut at %zu: %s\n", i, at, str_z(&cut));
			EXPECT(view_eq(str_view(&cut), str_view(&whole)));
		}
	}
	str_free(&whole);
	str_free(&cut);
}

TEST(imap_lex_announces_big_literals)
{
	struct str out = STR_INIT;
	struct err e = ERR_NONE;

	EXPECT_EQ(lex_at(view_of("* X {5}\r\nhello {4}\r\nbyte\r\n"), 11, 4, &out, &e), 0);
	EXPECT_STR(str_z(&out), "tag=* name=X big=5 data=hello literal=byte end ");
	str_free(&out);
}

TEST(imap_lex_impossible_literals_end_the_session)
{
	static const char *const counts[] = {
		"1099511627777", "18446744073709551616", "99999999999999999999999999999999999",
	};
	struct str out = STR_INIT, in = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct err e = ERR_NONE;

		str_reset(&in);
		str_addf(&in, "* X {%s}\r\n", counts[i]);
		EXPECT_EQ(lex_at(str_view(&in), 3, 1 << 20, &out, &e), -1);
		EXPECT_EQ(e.kind, ERR_PROTO);
		EXPECT_EQ(e.scope, SCOPE_SESSION);
	}
	str_free(&out);
	str_free(&in);
}

/* head, then n times c, then tail. */
static void
build(struct str *in, const char *head, size_t n, char c, const char *tail)
{
	str_reset(in);
	str_adds(in, head);
	memset(str_room(in, n), c, n);
	str_grew(in, n);
	str_adds(in, tail);
}

static const struct { const char *head; size_t n; char c; const char *tail, *end; } limits[] = {
	{ "* X ", IMAP_STRING_MAX, 'a', "\r\n", "a end " },
	{ "* X ", IMAP_STRING_MAX + 1, 'a', "\r\n", "is too long (limit) " },
	{ "* X \"", IMAP_STRING_MAX, 'a', "\"\r\n", "a end " },
	{ "* X \"", IMAP_STRING_MAX + 1, 'a', "\"\r\n", "is too long (limit) " },
	{ "* 1 FETCH (BODY[", IMAP_STRING_MAX, 'a', "]\r\n", "is too long (limit) " },
	{ "* 1 FETCH (BODY[{65530}\r\n", 65530, 'a', "]\r\n", "aaa] end " },
	{ "* 1 FETCH (BODY[{65532}\r\n", 65532, 'a', "]\r\n", "is too long (limit) " },
	{ "* ", IMAP_STRING_MAX + 1, 'X', " y {2}\r\n()\r\n", "is too long (limit) " },
	{ "* OK ", IMAP_TEXT_MAX, 'a', "\r\n", "a end " },
	{ "* OK ", IMAP_TEXT_MAX + 1, 'a', "\r\n", "a text is too long (limit) " },
	{ "* X ", IMAP_LINE_MAX, '(', "\r\n", "the line is too long (limit) " },
	{ "* SEARCH ", IMAP_LINE_MAX + 9, ' ', "7\r\n", "atom=7 end " },
	{ "* VANISHED 1", IMAP_LINE_MAX + 9, ',', "7\r\n", "atom=7 end " },
	{ "* VANISHED ", IMAP_STRING_MAX + 1, '7', "\r\n", "is too long (limit) " },
};

TEST(imap_lex_ceilings)
{
	struct str in = STR_INIT, out = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct err e = ERR_NONE;

		build(&in, limits[i].head, limits[i].n, limits[i].c, limits[i].tail);
		EXPECT_EQ(lex_at(str_view(&in), in.len / 2, 1 << 20, &out, &e), 0);
		if (!view_ends(str_view(&out), view_of(limits[i].end)))
			printf("# row %zu ends with %s\n", i, out.p + out.len - MIN(out.len, 60));
		EXPECT(view_ends(str_view(&out), view_of(limits[i].end)));
	}
	str_free(&in);
	str_free(&out);
}

TEST(imap_lex_goes_on_after_a_bad_line)
{
	struct str in = STR_INIT, out = STR_INIT;
	struct err e = ERR_NONE;

	build(&in, "* X ", IMAP_STRING_MAX + 1, 'a', " {9}\r\n* BYE no\r\n b\r\n* Y\r\n");
	EXPECT_EQ(lex_at(str_view(&in), 100, 1 << 20, &out, &e), 0);
	EXPECT_STR(str_z(&out), "tag=* name=X bad=an atom or string is too long (limit) "
	    "tag=* name=Y end ");
	str_free(&in);
	str_free(&out);
}

/* What a count promises is not held before it is known to fit. */
TEST(imap_lex_holds_no_more_than_it_may)
{
	static const char *const heads[] = {
		"* 1 FETCH (BODY[{9000000}\r\n", "* X {9000000}\r\n", "* X \"{9000000}\r\n",
		"{9000000}\r\n", "* 1 FETCH {9000000}\r\n",
	};
	struct str bytes = STR_INIT;

	build(&bytes, "", 3000000, 'x', "");
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct imap_lex lx = { .literal_max = IMAP_MEMORY_MAX };
		struct view in = view_of(heads[i]), more = str_view(&bytes);
		struct lex_token t;

		while (imap_lex_next(&lx, &in, &t, NULL) == 1)
			continue;
		EXPECT(lx.buf.cap < IMAP_STRING_MAX);
		while (imap_lex_next(&lx, &more, &t, NULL) == 1)
			EXPECT_EQ(t.kind, LEX_DATA);
		EXPECT(lx.buf.cap < IMAP_STRING_MAX);
		imap_lex_free(&lx);
	}
	str_free(&bytes);
}

TEST(imap_lex_keeps_an_excerpt)
{
	struct imap_lex lx = { .literal_max = 10 };
	struct view in = view_of("* X {2}\r\nab \"c\r\n");
	struct lex_token t = { 0 };
	struct err e = ERR_NONE;

	while (imap_lex_next(&lx, &in, &t, &e) == 1 && t.kind != LEX_BAD)
		continue;
	EXPECT_EQ(t.kind, LEX_BAD);
	EXPECT_VIEW(imap_lex_excerpt(&lx), "* X {2} \"c");
	imap_lex_free(&lx);
}
