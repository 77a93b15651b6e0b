/* Parameters of Content-Type and Content-Disposition. */
#include "mail/param.h"

#include "unit.h"

/* "value name=value ..." with the names in order of the parser's (sorted) result. */
static char *
show(const char *raw, size_t n)
{
	struct arena a = { 0 };
	struct params *p = calloc(1, sizeof(*p));
	struct str out = STR_INIT;

	params_parse(&a, view_n(raw, n), p);
	str_addv(&out, p->value);
	for (size_t i = 0; i < p->n; i++)
		str_addf(&out, " | %.*s=%.*s", VIEW_ARG(p->at[i].name), VIEW_ARG(p->at[i].value));
	arena_free(&a);
	free(p);
	return str_take(&out);
}

struct row { const char *raw, *want; };

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

TEST(plain)
{
	static const struct row rows[] = {
		{ "", "" }, { " \r\n ", "" }, { ";", "" }, { ";;;", "" },
		{ "text/plain", "text/plain" }, { " TEXT/Plain ", "text/plain" },
		{ "text/plain; charset=utf-8", "text/plain | charset=utf-8" },
		{ "text/plain;charset=\"utf-8\";", "text/plain | charset=utf-8" },
		{ "text/plain; CharSet = \"UTF-8\"", "text/plain | charset=UTF-8" },
		{ "text/plain;\r\n\tcharset=utf-8;\r\n\tformat=flowed",
		  "text/plain | charset=utf-8 | format=flowed" },
		{ "text/plain; charset=us-ascii (Plain text)", "text/plain | charset=us-ascii" },
		{ "text/plain (c); charset=x", "text/plain | charset=x" },
		{ "text / plain; a=b", "text/plain | a=b" },
		{ "multipart/mixed; boundary=\"a b:(c)=?\"", "multipart/mixed | boundary=a b:(c)=?" },
		{ "multipart/mixed; boundary=\" x\"", "multipart/mixed | boundary= x" },
		{ "multipart/mixed; boundary=----=_Part_1.2", "multipart/mixed | boundary=----=_Part_1.2" },
		{ "attachment; filename=\"\"", "attachment | filename=" },
		{ "attachment; filename=", "attachment | filename=" },
		{ "a/b; x=1; x=2", "a/b | x=1" },
	};

	EXPECT_ROWS(rows);
}

TEST(tolerated)
{
	static const struct row rows[] = {
		{ "text/plain charset=utf-8", "text/plain | charset=utf-8" },
		{ "text/plain junk; charset=utf-8", "text/plain | charset=utf-8" },
		{ "\"text/plain\"; a=b", "text/plain | a=b" },
		{ "attachment; filename=my report.pdf", "attachment | filename=my report.pdf" },
		{ "attachment; filename=report (1).pdf", "attachment | filename=report (1).pdf" },
		{ "attachment; filename=\"a.pdf", "attachment | filename=a.pdf" },
		{ "attachment; filename=\"a \"b\" c.pdf\"", "attachment | filename=a \"b\" c.pdf" },
		{ "attachment; filename=\"a \\\"b\\\" c.pdf\"", "attachment | filename=a \"b\" c.pdf" },
		{ "attachment; filename=\"C:\\TEMP\\x.doc\"", "attachment | filename=C:\\TEMP\\x.doc" },
		{ "attachment; filename=\"a\\\\b\"", "attachment | filename=a\\b" },
		{ "attachment; filename=\"a;b.pdf\"; size=3", "attachment | filename=a;b.pdf | size=3" },
		{ "m/x; boundary=\"abc\" charset=\"x\"", "m/x | boundary=abc | charset=x" },
		{ "m/x; boundary=\"abc\"charset=x", "m/x | boundary=abc | charset=x" },
		{ "m/x; charset=\"utf-8\" junk; a=b", "m/x | a=b | charset=utf-8" },
		{ "m/x; foo; =bar; a=b; ; c", "m/x | a=b" },
		{ "a/b; n=\"x\r\n y\"", "a/b | n=x y" },
		{ "a/b; n=J\xFCrgen", "a/b | n=Jürgen" }, { "a/b; n=Jürgen", "a/b | n=Jürgen" },
		{ "a/b; n=\"=?utf-8?Q?J=C3=BCrgen?=\"", "a/b | n=Jürgen" },
		{ "a/b; n==?utf-8?Q?J=C3=BCrgen?=", "a/b | n=Jürgen" },
		{ "a/b; n=\"=?utf-8?B?4oI=?=\r\n =?utf-8?B?rA==?=.txt\"", "a/b | n=€.txt" },
		{ "a/b; n=\"=?utf-8?Q?a=0D=0Ab=00?=\"", "a/b | n=a b" },
		{ "; charset=x", " | charset=x" }, { "a/b; (c) n(d)=x", "a/b" },
	};

	EXPECT_ROWS(rows);
}

TEST(rfc2231)
{
	static const struct row rows[] = {
		{ "m/x; url*0=\"ftp://\"; url*1=\"cs.utk.edu/pub\"", "m/x | url=ftp://cs.utk.edu/pub" },
		{ "a/x; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
		  "a/x | title=This is ***fun***" },
		{ "a/x; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20;"
		  " title*2=\"isn't it!\"", "a/x | title=This is even more ***fun*** isn't it!" },
		{ "a; f*=UTF-8''%e2%82%ac", "a | f=€" },
		{ "a; f*=iso-8859-1''%FC", "a | f=ü" },
		{ "a; f*0*=utf-8''%E2%82; f*1*=%AC", "a | f=€" },
		{ "a; f*1=b; f*0=a", "a | f=ab" },
		{ "a; f*10=k; f*0=a; f*1=b; f*2=c; f*3=d; f*4=e; f*5=f; f*6=g; f*7=h; f*8=i; f*9=j",
		  "a | f=abcdefghijk" },
		{ "a; f*1=b; f*2=c", "a | f=bc" },
		{ "a; f*0=a; f*2=c", "a | f=a" },
		{ "a; f*0=a; f*0=x; f*1=b", "a | f=ab" },
		{ "a; f=plain; f*=utf-8''better", "a | f=better" },
		{ "a; f*=utf-8''better; f=plain", "a | f=better" },
		{ "a; f=plain; f*0=b; f*1=c", "a | f=bc" },
		{ "a; f*=utf-8'only one", "a | f=only one" },
		{ "a; f*=it's", "a | f=it's" },
		{ "a; f*=noquotes%20x", "a | f=noquotes x" },
		{ "a; f*=''%C3%BC", "a | f=ü" },
		{ "a; f*=\"utf-8''%C3%BC\"", "a | f=ü" },
		{ "a; f*=utf-8''100%", "a | f=100%" }, { "a; f*=utf-8''%zz%4", "a | f=%zz%4" },
		{ "a; f*=utf-8''a%0D%0AB%00c", "a | f=a Bc" },
		{ "a; f*=klingon''%C3%BC", "a | f=ü" },
		{ "a; f*0=\"=?utf-8?Q?J=C3=BC\"; f*1=\"rgen?=\"", "a | f=Jürgen" },
		{ "a; f*=utf-8''=?utf-8?Q?x?=", "a | f==?utf-8?Q?x?=" },
		{ "a; f*x=1", "a | f*x=1" }, { "a; *=1", "a | *=1" }, { "a; f**=1", "a | f=1" },
	};

	EXPECT_ROWS(rows);
}

TEST(get)
{
	struct arena a = { 0 };
	static struct params p;

	params_parse(&a, VIEW("text/plain; Charset=x; name=\"\""), &p);
	EXPECT_VIEW(params_get(&p, "charset"), "x");
	EXPECT_VIEW(params_get(&p, "CHARSET"), "x");
	EXPECT(params_get(&p, "name").p != NULL);	/* there, and empty */
	EXPECT(params_get(&p, "other").p == NULL);
	arena_free(&a);
}

TEST(ceilings)
{
	struct arena a = { 0 };
	static struct params p;
	struct str s = STR_INIT;

	str_adds(&s, "a/b");
	for (int i = 0; i < 200; i++)
		str_addf(&s, "; n%03d=%d", i, i);
	params_parse(&a, str_view(&s), &p);
	EXPECT_EQ(p.n, PARAM_MAX);
	arena_free(&a);
	str_reset(&s);
	for (int i = 0; i < 50000; i++)
		str_addf(&s, "; n*%d*=x", i);
	params_parse(&a, str_view(&s), &p);
	EXPECT_EQ(p.n, 1);
	EXPECT_EQ(p.at[0].value.n, 1024);
	arena_free(&a);
	str_free(&s);
}

TEST(linear_cost)
{
	static const char *units[] = {
		";", "a=b;", "a=\"", "\"", "a=\"b\" c", "(", "()", "a ", " ", "n*0=x;", "a=\"\\\"", "/ ",
		"a=(", "x=a (", "%", "'", "\"a", "\" ", "=?u?q?a", "n*99999999999999999999=x;", "a=\";\"",
	};

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < ARRAY_LEN(units); i++) {
			struct arena a = { 0 };
			static struct params p;
			struct str s = STR_INIT;

			str_adds(&s, k == 0 ? "a/b; x=\"" : "a/b;");
			while (s.len < 1000000)
				str_adds(&s, units[i]);
			params_parse(&a, str_view(&s), &p);
			EXPECT(p.n <= PARAM_MAX);
			EXPECT(a.total <= 4 * s.len);
			arena_free(&a);
			str_free(&s);
		}
}
