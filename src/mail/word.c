/*
 * RFC 2047 encoded words, as mail has them rather than as the RFC wants them.
 *
 * The value is unfolded first; then one pass looks for "=?".  Bytes of adjacent
 * words of one charset are collected in a run and converted together, since
 * mailers cut multi-byte characters at the border of two words.  Words are found
 * anywhere: in quoted strings, next to text, with blanks inside.  A start without
 * an end ("?=") is text; the search for an end stops at the next start, so each
 * byte is looked at a bounded number of times.
 *
 * Ceilings: a charset label has CHARSET_LABEL_MAX bytes; a value may change its
 * charset CHARSET_CHANGES_MAX times, what follows is read as if unlabelled, since
 * loading a converter costs a hundred times what converting a word costs.
 */
#include "mail/word.h"

#include "base/utf8.h"
#include "mail/charset.h"
#include "mail/decode.h"

#define CHARSET_LABEL_MAX	80u
#define CHARSET_CHANGES_MAX	64u

/* One encoded word: "=?charset*lang?B?text?=" */
struct word {
	struct view	charset;	/* without the language (RFC 2231, 5) */
	bool		base64;
	struct view	text;
	size_t		len;		/* of all of it */
};

/* Adjacent words that wait to be converted together. */
struct run {
	struct str	bytes;
	struct view	charset;
	bool		open;
	unsigned	changes;	/* of the charset, in this value */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Has v nothing that needs more than copying? */
static bool
is_plain(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c >= 0x80 || c == '\r' || c == '\n' || c == '\0' ||
		    (c == '=' && i + 1 < v.n && v.p[i + 1] == '?'))
			return false;
	}
	return true;
}

static struct view
trim_blanks(struct view v)
{
	while (v.n > 0 && is_blank(v.p[0]))
		v = view_from(v, 1);
	while (v.n > 0 && is_blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

/* Folds as single blanks (RFC 5322, 2.2.3), without NUL. */
static void
unfold(struct str *out, struct view raw)
{
	for (size_t i = 0; i < raw.n; ) {
		size_t start = i;
		char c = '\0';

		while (i < raw.n && (c = raw.p[i]) != '\r' && c != '\n' && c != '\0')
			i++;
		str_addv(out, view_sub(raw, start, i - start));
		if (i < raw.n && c == '\0') {
			i++;
			continue;
		}
		start = i;
		while (i < raw.n && (is_blank(raw.p[i]) || raw.p[i] == '\r' || raw.p[i] == '\n'))
			i++;
		if (i > start) {
			while (out->len > 0 && is_blank(out->p[out->len - 1]))
				str_cut(out, out->len - 1);
			str_addc(out, ' ');
		}
	}
}

/*
 * The text of a word up to its "?=".  A "?" that ends nothing may stand in Q text
 * (RFC 2047 forbids it, mailers write it), the start of another word may not.
 */
static bool
text_end(struct view v, bool base64, size_t *n_r)
{
	size_t i = 0;

	for (;;) {
		ptrdiff_t q = view_chr(view_from(v, i), '?');

		if (q < 0)
			return false;
		i += (size_t)q;
		if (i + 1 < v.n && v.p[i + 1] == '=') {
			*n_r = i;
			return true;
		}
		if (base64 || (i > 0 && v.p[i - 1] == '='))
			return false;
		i++;
	}
}

static bool
word_parse(struct view v, struct word *w)
{
	ptrdiff_t mark, star;
	size_t n;

	if (v.n < 8 || v.p[0] != '=' || v.p[1] != '?')
		return false;
	mark = view_chr(view_sub(v, 2, CHARSET_LABEL_MAX), '?');
	if (mark < 0)
		return false;
	w->charset = view_sub(v, 2, (size_t)mark);
	n = 2 + (size_t)mark + 1;		/* behind the second "?" */
	if (n + 2 > v.n || v.p[n + 1] != '?' || strchr("BbQq", v.p[n]) == NULL || v.p[n] == '\0')
		return false;
	for (size_t i = 0; i < w->charset.n; i++)
		if (is_blank(w->charset.p[i]) || w->charset.p[i] == '=')
			return false;
	star = view_chr(w->charset, '*');
	if (star >= 0)
		w->charset.n = (size_t)star;
	w->base64 = v.p[n] == 'B' || v.p[n] == 'b';
	w->text = view_from(v, n + 2);
	if (!text_end(w->text, w->base64, &w->text.n))
		return false;
	w->len = n + 2 + w->text.n + 2;
	return true;
}

size_t
word_length(struct view v)
{
	struct word w;

	return word_parse(v, &w) ? w.len : 0;
}

void
word_one_line(struct str *out, struct view text)
{
	for (size_t i = 0; i < text.n; ) {
		size_t start = i;
		char c = '\0';

		while (i < text.n && (c = text.p[i]) != '\r' && c != '\n' && c != '\0')
			i++;
		str_addv(out, view_sub(text, start, i - start));
		if (i == text.n)
			break;
		if (c != '\0')
			str_addc(out, ' ');
		while (i < text.n && (text.p[i] == '\r' || text.p[i] == '\n' || text.p[i] == '\0'))
			i++;
	}
}

/* Converts the open run and appends it. */
static void
run_flush(struct str *out, struct run *r)
{
	struct str text = STR_INIT;
	bool known = r->changes <= CHARSET_CHANGES_MAX;

	if (!r->open)
		return;
	charset_decode(&text, known ? r->charset : VIEW_NONE, str_view(&r->bytes));
	word_one_line(out, str_view(&text));
	str_free(&text);
	str_reset(&r->bytes);
	r->open = false;
}

static void
run_add(struct str *out, struct run *r, const struct word *w)
{
	bool same = view_ieq(r->charset, w->charset);

	if (!same) {
		run_flush(out, r);
		r->changes++;
		r->charset = w->charset;
	}
	r->open = true;
	if (w->base64)
		base64_decode(&r->bytes, w->text);
	else
		qp_decode(&r->bytes, w->text, true);
}

/* What stands outside of words: UTF-8 (RFC 6532), or what it was before. */
static void
add_plain(struct str *out, struct view v)
{
	if (v.n > 0)
		charset_decode(out, VIEW_NONE, v);
}

static bool
all_blank(struct view v)
{
	return trim_blanks(v).n == 0;
}

static void
decode_line(struct str *out, struct view line)
{
	struct run run = { .open = false };
	size_t at = 0, plain = 0;	/* plain: start of the text not yet appended */
	struct word w;

	for (;;) {
		ptrdiff_t found = view_find(view_from(line, at), VIEW("=?"));
		struct view between;

		if (found < 0)
			break;
		at += (size_t)found;
		if (!word_parse(view_from(line, at), &w)) {
			at += 2;
			continue;
		}
		between = view_sub(line, plain, at - plain);
		if (!run.open || !all_blank(between)) {
			run_flush(out, &run);
			add_plain(out, between);
		}
		run_add(out, &run, &w);
		at += w.len;
		plain = at;
	}
	run_flush(out, &run);
	add_plain(out, view_from(line, plain));
	str_free(&run.bytes);
}

void
word_decode(struct str *out, struct view raw)
{
	struct str line = STR_INIT;

	if (is_plain(raw)) {
		str_addv(out, trim_blanks(raw));
		return;
	}
	unfold(&line, raw);
	decode_line(out, trim_blanks(str_view(&line)));
	str_free(&line);
}
