/*
 * "value; name=value; ..." of Content-Type and Content-Disposition (RFC 2045, 5.1;
 * RFC 2183), with the sections and charsets of RFC 2231.
 *
 * One pass collects raw pieces (base name, section, encoded or not, value); they
 * are sorted by name and section, so joining is one walk.  RFC 2231 wins over a
 * plain parameter of the same name, the first over later ones.
 *
 * Tolerated: no ";" before "name=", unquoted values with blanks, a quote that is
 * not closed or stands inside, RFC 2047 words and raw 8-bit bytes.  A backslash
 * escapes only '"' and '\', so that C:\TEMP\x survives.
 *
 * Ceilings: PARAM_MAX parameters, PIECES_MAX pieces; the rest is ignored.
 */
#include "mail/param.h"

#include "base/utf8.h"
#include "base/vec.h"
#include "mail/charset.h"
#include "mail/word.h"

#define PIECES_MAX	1024u
#define SECTION_MAX	9999u

/* name*section*=value as it stands in the header. */
struct piece {
	struct view	name;		/* without stars */
	int		section;	/* -1: none */
	bool		encoded;	/* %XX, and charset'lang' if it is the first */
	struct view	value;		/* of a quoted string: what stands between the quotes */
	bool		quoted;
	size_t		order;
};

struct pieces { VEC(struct piece) };

struct reader {
	const char	*p, *end;
	struct pieces	 pieces;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 2045, 5.1: token; "*" is taken apart by split_name(). */
static bool
is_name(char c)
{
	return c > ' ' && c < 0x7F && (unsigned char)c < 0x80 &&
	    strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Behind the comment that p stands on; one that is not closed reaches to the end. */
static const char *
comment_end(const char *p, const char *end)
{
	size_t depth = 0;

	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return end;
}

static const char *
skip_cfws(const char *p, const char *end)
{
	while (p < end && (is_space(*p) || *p == '(')) {
		if (*p == '(')
			p = comment_end(p, end);
		else
			p++;
	}
	return p;
}

/* Does "name=" begin at p?  *eq_r: at the "=". */
static bool
name_at(const char *p, const char *end, const char **name_end_r, const char **eq_r)
{
	const char *q = p;

	while (q < end && is_name(*q))
		q++;
	*name_end_r = q;
	while (q < end && is_space(*q))
		q++;
	*eq_r = q;
	return *name_end_r > p && q < end && *q == '=';
}

/*
 * Does the quote at p end its string?  Yes, unless more text and another quote
 * come before the next ";": filename="a "b" c.pdf".
 */
static bool
quote_closes(const char *p, const char *end)
{
	const char *q = p + 1, *name_end, *eq;

	while (q < end && is_space(*q))
		q++;
	if (q == end || *q == ';' || *q == '(' || name_at(q, end, &name_end, &eq))
		return true;
	while (q < end && *q != ';' && *q != '"')
		q++;
	return q == end || *q == ';';
}

static struct view
take_quoted(struct reader *r)
{
	const char *start = ++r->p;
	struct view v;

	while (r->p < r->end && !(*r->p == '"' && quote_closes(r->p, r->end)))
		r->p += *r->p == '\\' && r->p + 1 < r->end && strchr("\"\\", r->p[1]) != NULL &&
		    r->p[1] != '\0' ? 2 : 1;
	v = view_n(start, (size_t)(r->p - start));
	if (r->p < r->end)
		r->p++;
	return v;
}

/* To the next ";"; without a comment at its end, but "report (1).pdf" stays. */
static struct view
take_unquoted(struct reader *r)
{
	const char *start = r->p;
	const char *semi = memchr(r->p, ';', (size_t)(r->end - r->p));
	struct view v;

	r->p = semi != NULL ? semi : r->end;
	v = view_trim(view_n(start, (size_t)(r->p - start)));
	if (v.n > 0 && v.p[v.n - 1] == ')') {
		const char *open = memrchr(v.p, '(', v.n);

		if (open != NULL && open > v.p && is_space(open[-1]))
			v.n = (size_t)(open - v.p);
	}
	return view_trim(v);
}

/* RFC 2231, 3 and 4: "name", "name*", "name*7", "name*7*". */
static void
split_name(struct view full, struct piece *p)
{
	ptrdiff_t star = view_chr(full, '*');
	struct view rest;
	unsigned n = 0;

	p->name = full;
	p->section = -1;
	p->encoded = false;
	if (star <= 0)
		return;
	rest = view_from(full, (size_t)star + 1);
	if (rest.n > 0 && rest.p[rest.n - 1] == '*') {
		p->encoded = true;
		rest.n--;
	} else if (rest.n == 0) {
		p->encoded = true;
	}
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] < '0' || rest.p[i] > '9' || n > SECTION_MAX) {
			p->encoded = false;	/* a star that means nothing */
			return;
		}
		n = n * 10 + (unsigned)(rest.p[i] - '0');
	}
	p->name.n = (size_t)star;
	if (rest.n > 0)
		p->section = (int)n;
}

/* One parameter, or what is none up to the next ";". */
static void
take_param(struct reader *r)
{
	const char *start, *name_end, *eq;
	struct piece p = { .order = r->pieces.n };

	r->p = skip_cfws(r->p, r->end);
	start = r->p;
	if (!name_at(start, r->end, &name_end, &eq)) {
		/* Always moves on: to the ";" or behind a byte that no name has. */
		r->p = name_end;
		if (r->p < r->end)
			r->p++;
		return;
	}
	split_name(view_n(start, (size_t)(name_end - start)), &p);
	r->p = eq + 1;
	while (r->p < r->end && is_space(*r->p))
		r->p++;
	p.quoted = r->p < r->end && *r->p == '"';
	p.value = p.quoted ? take_quoted(r) : take_unquoted(r);
	VEC_PUSH(&r->pieces, p);
}

/* What stands before the parameters: the first word, lower-case. */
static void
take_value(struct reader *r, struct str *out)
{
	const char *name_end, *eq;

	for (;;) {
		const char *next = skip_cfws(r->p, r->end);
		bool apart = next > r->p;

		r->p = next;
		if (next == r->end || *next == ';')
			break;
		/* A blank ends it ("text/plain charset=x"), but not around "/". */
		if (apart && out->len > 0 && out->p[out->len - 1] != '/' && *next != '/') {
			if (!name_at(next, r->end, &name_end, &eq)) {
				next = memchr(next, ';', (size_t)(r->end - next));
				r->p = next != NULL ? next : r->end;
			}
			break;
		}
		if (*next != '"')
			str_addc(out, lower(*next));
		r->p++;
	}
}

static int
name_cmp(struct view a, struct view b)
{
	for (size_t i = 0; i < MIN(a.n, b.n); i++) {
		int d = (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);

		if (d != 0)
			return d;
	}
	return a.n < b.n ? -1 : a.n > b.n;
}

/* By name; then "name*" and "name*0...", in order of sections; then "name". */
static int
piece_cmp(const void *av, const void *bv)
{
	const struct piece *a = av, *b = bv;
	bool a_plain = a->section < 0 && !a->encoded, b_plain = b->section < 0 && !b->encoded;
	int d = name_cmp(a->name, b->name);

	if (d != 0)
		return d;
	if (a_plain != b_plain)
		return a_plain ? 1 : -1;
	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The piece's bytes, with its quoting undone, appended. */
static void
add_bytes(struct str *out, const struct piece *p, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (p->quoted && c == '\\' && i + 1 < v.n &&
		    (v.p[i + 1] == '"' || v.p[i + 1] == '\\')) {
			c = v.p[++i];
		} else if (p->encoded && c == '%' && i + 2 < v.n) {
			int hi = hex_value(v.p[i + 1]), lo = hex_value(v.p[i + 2]);

			if (hi >= 0 && lo >= 0) {
				c = (char)(hi << 4 | lo);
				i += 2;
			}
		}
		str_addc(out, c);
	}
}

/* RFC 2231, 4: charset'language'text.  One quote is enough for those who forget. */
static struct view
take_charset(struct view *v)
{
	ptrdiff_t first = view_chr(*v, '\''), second;
	struct view charset;

	if (first < 0)
		return VIEW_NONE;
	charset = view_sub(*v, 0, (size_t)first);
	second = view_chr(view_from(*v, (size_t)first + 1), '\'');
	if (second < 0 && !charset_known(charset))
		return VIEW_NONE;	/* an apostrophe of the text */
	*v = view_from(*v, (size_t)first + 1 + (second < 0 ? 0 : (size_t)second + 1));
	return charset;
}

/* A value that is not of RFC 2231; kept byte for byte where nothing needs decoding. */
static void
decode_plain(struct str *out, struct view v)
{
	bool plain = utf8_ascii(v) && view_find(v, VIEW("=?")) < 0;

	for (size_t i = 0; i < v.n && plain; i++)
		plain = v.p[i] != '\r' && v.p[i] != '\n' && v.p[i] != '\0';
	if (plain)
		str_addv(out, v);
	else
		word_decode(out, v);
}

/* Decodes the value of the n pieces at p, all of one name, and appends it. */
static void
join(struct str *out, const struct piece *p, size_t n)
{
	struct str bytes = STR_INIT, text = STR_INIT;
	struct view charset = VIEW_NONE;
	bool encoded = false;
	int want = p[0].section;

	for (size_t i = 0; i < n; i++) {
		struct view v = p[i].value;

		if (p[i].section == want - 1 && i > 0)
			continue;		/* twice the same: the first stands */
		if (p[i].section != want || (i > 0 && want < 0))
			break;			/* a gap: what follows has lost its place */
		if (p[i].encoded && i == 0)
			charset = take_charset(&v);
		encoded |= p[i].encoded;
		add_bytes(&bytes, &p[i], v);
		want += want >= 0;
	}
	if (encoded) {
		charset_decode(&text, charset, str_view(&bytes));
		word_one_line(out, str_view(&text));
	} else {
		decode_plain(out, str_view(&bytes));
	}
	str_free(&bytes);
	str_free(&text);
}

static struct view
keep_name(struct arena *a, struct view name)
{
	char *z = arena_alloc(a, name.n + 1);

	for (size_t i = 0; i < name.n; i++)
		z[i] = lower(name.p[i]);
	return view_n(z, name.n);
}

static void
keep_all(struct arena *a, struct pieces *ps, struct params *out)
{
	if (ps->n > 0)
		qsort(ps->at, ps->n, sizeof(*ps->at), piece_cmp);
	for (size_t i = 0, n; i < ps->n && out->n < PARAM_MAX; i += n) {
		struct str value = STR_INIT;

		for (n = 1; i + n < ps->n && name_cmp(ps->at[i].name, ps->at[i + n].name) == 0; n++)
			;
		join(&value, ps->at + i, n);
		out->at[out->n].name = keep_name(a, ps->at[i].name);
		out->at[out->n++].value = arena_dup(a, str_view(&value));
		str_free(&value);
	}
}

void
params_parse(struct arena *a, struct view raw, struct params *out)
{
	struct reader r = { .p = raw.p, .end = raw.p + raw.n };
	struct str value = STR_INIT, clean = STR_INIT;

	memset(out, 0, sizeof(*out));
	if (raw.n == 0)
		return;
	take_value(&r, &value);
	while (r.p < r.end && r.pieces.n < PIECES_MAX)
		take_param(&r);
	word_decode(&clean, str_view(&value));
	out->value = arena_dup(a, str_view(&clean));
	keep_all(a, &r.pieces, out);
	VEC_FREE(&r.pieces);
	str_free(&value);
	str_free(&clean);
}

struct view
params_get(const struct params *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (view_iis(p->at[i].name, name))
			return p->at[i].value;
	return VIEW_NONE;
}
