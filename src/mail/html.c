/*
 * A tokenizer in one pass, after the states of HTML's own (13.2.5 of the living
 * standard) as far as they decide what is text.  There is no tree: nothing nests, so
 * nothing is deep, and a tag without an end costs no more than one with it.
 *
 * What ends nowhere (a comment, a tag, a script) hides the rest, as in a browser.
 * Hidden elements (display:none) are shown: spam hides words from its reader, and the
 * rules should see them.  Text in tables stays in the order of the source.
 */
#include "mail/html.h"

#include "base/utf8.h"

#define ELEMENT_MAX	12u	/* bytes of an element's name that we know */
#define ENTITY_MAX	16u
#define PRESCAN_MAX	1024u	/* bytes in which a charset may be named */

struct html {
	struct view	in;
	size_t		i;
	struct str	*out;
	size_t		from;	/* length of out at the beginning */
	bool		blank;	/* white space waits for the next word */
	unsigned	breaks;	/* line breaks wait for it: 0, 1, 2 */
};

/* Elements that begin a line, by name; sorted. */
static const char *const block_names[] = {
	"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
	"dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
	"h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "legend", "li", "main",
	"menu", "nav", "ol", "optgroup", "option", "p", "pre", "section", "summary", "table",
	"tbody", "tfoot", "thead", "tr", "ul",
};
/* Elements whose content is no text of the message; sorted. */
static const char *const dropped_names[] = {
	"iframe", "noembed", "noframes", "noscript", "script", "style", "title",
};

static bool
name_in(struct view name, const char *const *names, size_t n)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;
		int c = view_cmp(name, view_of(names[mid]));

		if (c == 0)
			return true;
		if (c < 0)
			n = mid;
		else
			lo = mid + 1;
	}
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\0';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
at(const struct html *h, size_t i)
{
	return i < h->in.n ? h->in.p[i] : '\0';
}

/* What separates the next word from the one before it. */
static void
gap(struct html *h)
{
	if (h->out->len > h->from) {
		if (h->breaks > 0)
			str_add(h->out, "\n\n", h->breaks);
		else if (h->blank)
			str_addc(h->out, ' ');
	}
	h->breaks = 0;
	h->blank = false;
}

static void
put(struct html *h, const char *p, size_t n)
{
	gap(h);
	str_add(h->out, p, n);
}

static void
line_break(struct html *h, unsigned n)
{
	h->breaks = MAX(h->breaks, n);
}

static void
put_char(struct html *h, uint32_t cp)
{
	/* No-break and other spaces separate words like a blank (Zs). */
	if (cp == 0xA0 || cp == 0x3000 || (cp >= 0x2000 && cp <= 0x200A) || cp == 0x202F ||
	    cp == 0x205F || (cp < 0x80 && is_space((char)cp))) {
		h->blank = true;
		return;
	}
	gap(h);
	utf8_put(h->out, cp);
}

/* 13.2.5.80: what a number means; windows-1252 was meant below U+00A0. */
static uint32_t
fixed_number(uint32_t cp)
{
	static const uint16_t win1252[32] = {
		0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030,
		0x160, 0x2039, 0x152, 0x8D, 0x17D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D,
		0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0x9D, 0x17E, 0x178,
	};

	if (cp >= 0x80 && cp < 0xA0)
		return win1252[cp - 0x80];
	return cp == 0 ? 0xFFFD : cp;
}

/* "&#228;", "&#xE4;"; h->i stands on the '&'.  Returns false when it is none. */
static bool
number(struct html *h)
{
	size_t i = h->i + 2, first;
	bool hex = at(h, i) == 'x' || at(h, i) == 'X';
	uint32_t cp = 0;

	if (hex)
		i++;
	for (first = i; ; i++) {
		char c = at(h, i);
		char low = (char)(c | 0x20);
		unsigned digit;

		if (is_digit(c))
			digit = (unsigned)(c - '0');
		else if (hex && low >= 'a' && low <= 'f')
			digit = (unsigned)(low - 'a') + 10;
		else
			break;
		if (cp <= 0x10FFFF)
			cp = cp * (hex ? 16 : 10) + digit;
	}
	if (i == first)
		return false;
	h->i = i + (at(h, i) == ';');
	put_char(h, fixed_number(cp));
	return true;
}

/* "&auml;"; without the semicolon those of Latin 1, which HTML always took. */
static bool
named(struct html *h)
{
	struct view rest = view_sub(h->in, h->i + 1, ENTITY_MAX);
	size_t n = 0;
	uint32_t cp;

	while (n < rest.n && (is_letter(rest.p[n]) || is_digit(rest.p[n])))
		n++;
	if (n < rest.n && rest.p[n] == ';' && (cp = html_entity(view_sub(rest, 0, n))) != 0) {
		h->i += 1 + n + 1;
		put_char(h, cp);
		return true;
	}
	for (; n >= 2; n--) {
		cp = html_entity(view_sub(rest, 0, n));
		if ((cp >= 0xA0 && cp < 0x100) || cp == '&' || cp == '<' || cp == '>' || cp == '"') {
			h->i += 1 + n;
			put_char(h, cp);
			return true;
		}
	}
	return false;
}

static void
ampersand(struct html *h)
{
	if (at(h, h->i + 1) == '#' ? number(h) : named(h))
		return;
	put(h, "&", 1);
	h->i++;
}

/* Moves behind the first occurrence of needle at or behind i, or to the end. */
static void
skip_behind(struct html *h, size_t i, struct view needle)
{
	ptrdiff_t found = view_find(view_from(h->in, i), needle);

	h->i = found < 0 ? h->in.n : MIN(i, h->in.n) + (size_t)found + needle.n;
}

/* "<!...", "<?...", "</" without a letter: 13.2.5.41 to 13.2.5.50. */
static void
markup(struct html *h)
{
	struct view rest = view_from(h->in, h->i);

	if (view_starts(rest, VIEW("<!-->")))
		h->i += 5;
	else if (view_starts(rest, VIEW("<!--->")))
		h->i += 6;
	else if (view_starts(rest, VIEW("<!--")))
		skip_behind(h, h->i + 4, VIEW("-->"));
	else
		skip_behind(h, h->i + 2, VIEW(">"));
}

/* Moves behind the '>' of a tag; i: behind its name.  A quote counts behind '=' only. */
static void
skip_attributes(struct html *h, size_t i)
{
	bool value = false;

	for (; i < h->in.n; i++) {
		char c = h->in.p[i];

		if (c == '>') {
			h->i = i + 1;
			return;
		}
		if (value && (c == '"' || c == '\'')) {
			ptrdiff_t end = view_chr(view_from(h->in, i + 1), c);

			if (end < 0)
				break;
			i += 1 + (size_t)end;
			value = false;
		} else if (c == '=') {
			value = true;
		} else if (!is_space(c)) {
			value = false;
		}
	}
	h->i = h->in.n;
}

/* Moves to the end tag of name, or to the end. */
static void
skip_content(struct html *h, struct view name)
{
	for (;;) {
		ptrdiff_t lt = view_find(view_from(h->in, h->i), VIEW("</"));
		size_t behind;
		char c;

		if (lt < 0) {
			h->i = h->in.n;
			return;
		}
		h->i += (size_t)lt;
		behind = h->i + 2 + name.n;
		c = at(h, behind);
		if (view_ieq(view_sub(h->in, h->i + 2, name.n), name) && behind < h->in.n &&
		    (is_space(c) || c == '>' || c == '/'))
			return;
		h->i += 2;
	}
}

/* A start or end tag, whose name begins at i. */
static void
tag(struct html *h, size_t i, bool end)
{
	char low[ELEMENT_MAX];
	struct view name = { low, 0 };
	size_t first = i;

	for (; i < h->in.n && !is_space(h->in.p[i]) && h->in.p[i] != '/' && h->in.p[i] != '>'; i++) {
		char c = h->in.p[i];

		if (i - first < sizeof(low))
			low[i - first] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	name.n = i - first <= sizeof(low) ? i - first : 0;
	skip_attributes(h, i);
	if (view_is(name, "br"))
		line_break(h, h->breaks + (h->breaks < 2));
	else if (name_in(name, block_names, ARRAY_LEN(block_names)))
		line_break(h, 1);
	else if (view_is(name, "td") || view_is(name, "th"))
		h->blank = true;
	else if (!end && name_in(name, dropped_names, ARRAY_LEN(dropped_names)))
		skip_content(h, name);
}

static void
angle(struct html *h)
{
	char c = at(h, h->i + 1);

	if (is_letter(c)) {
		tag(h, h->i + 1, false);
	} else if (c == '/' && is_letter(at(h, h->i + 2))) {
		tag(h, h->i + 2, true);
	} else if (c == '!' || c == '?' || c == '/') {
		markup(h);
	} else {
		put(h, "<", 1);
		h->i++;
	}
}

/* Bytes up to the next white space, '<', '&' or no-break space (C2 A0). */
static void
word(struct html *h)
{
	size_t first = h->i;

	while (h->i < h->in.n) {
		char c = h->in.p[h->i];

		if (is_space(c) || c == '<' || c == '&' ||
		    (c == '\xC2' && at(h, h->i + 1) == '\xA0'))
			break;
		h->i++;
	}
	if (h->i > first)
		put(h, h->in.p + first, h->i - first);
}

void
html_text(struct str *out, struct view html)
{
	struct str clean = STR_INIT;
	struct html h = { .in = html, .out = out, .from = out->len };

	if (!utf8_valid(html)) {
		utf8_clean(&clean, html);
		h.in = str_view(&clean);
	}
	while (h.i < h.in.n) {
		char c = h.in.p[h.i];

		if (c == '<') {
			angle(&h);
		} else if (c == '&') {
			ampersand(&h);
		} else if (is_space(c)) {
			h.blank = true;
			h.i++;
		} else if (c == '\xC2' && at(&h, h.i + 1) == '\xA0') {
			h.blank = true;
			h.i += 2;
		} else {
			word(&h);
		}
	}
	str_free(&clean);
}

/* 13.2.3.2, simplified: <meta charset="x"> and <meta ... content="text/html; charset=x">. */
struct view
html_charset(struct view html)
{
	struct view in = view_sub(html, 0, PRESCAN_MAX);
	size_t i = 0, n = 0;
	ptrdiff_t lt;

	for (; (lt = view_chr(in, '<')) >= 0; in = view_from(in, (size_t)lt + 1))
		if (view_istarts(view_from(in, (size_t)lt), VIEW("<meta")))
			break;
	if (lt < 0)
		return VIEW_NONE;
	in = view_from(in, (size_t)lt);
	while (i < in.n && !view_istarts(view_from(in, i), VIEW("charset=")))
		i++;
	in = view_from(in, i + sizeof("charset=") - 1);
	while (in.n > 0 && (*in.p == '"' || *in.p == '\'' || is_space(*in.p)))
		in = view_from(in, 1);
	while (n < in.n && strchr("\"'>/;", in.p[n]) == NULL && !is_space(in.p[n]))
		n++;
	return view_sub(in, 0, n);
}
