/*
 * Names of mailboxes both ways.  The decoder does not prove that the short form it made
 * leads back: it asks the encoder, and takes the full form where it does not.  So two
 * mailboxes never share a name, whatever the namespaces look like.
 *
 * What is not valid modified UTF-7 (or UTF-8 where that is spoken), or hides control
 * bytes in it, is spelled byte by byte, by "%XX" where it must be.
 */
#include "proto/imap_name.h"

#include "base/utf8.h"
#include "proto/utf7.h"

#define USAGE(e, ...)	err_set(e, ERR_USAGE, SCOPE_MAILBOX, __VA_ARGS__)
#define QUOTE(v)	(int)MIN((v).n, 100), (v).n > 0 ? (v).p : ""

static bool
has_control(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f)
			return true;
	}
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* v begins with "%": the byte it stands for, or -1. */
static int
escaped(struct view v)
{
	if (v.n < 3 || hex_digit(v.p[1]) < 0 || hex_digit(v.p[2]) < 0)
		return -1;
	return hex_digit(v.p[1]) * 16 + hex_digit(v.p[2]);
}

/* ---- to the server */

/* A stretch of UTF-8 without escapes. */
static int
encode_plain(struct str *out, struct view v, bool utf8)
{
	if (!utf8_valid(v) || has_control(v))
		return -1;
	if (!utf8)
		return utf7_encode(out, v);
	str_addv(out, v);
	return 0;
}

static int
encode_level(struct str *out, struct view level, char delim, bool utf8, struct err *e)
{
	size_t begin = out->len;

	while (level.n > 0) {
		ptrdiff_t at = view_chr(level, '%');
		struct view plain = view_sub(level, 0, at < 0 ? level.n : (size_t)at);
		int byte;

		if (encode_plain(out, plain, utf8) != 0)
			return USAGE(e, "the mailbox name holds control bytes or is no UTF-8");
		level = view_from(level, plain.n);
		if (level.n == 0)
			break;
		byte = escaped(level);
		if (byte < 0)
			return USAGE(e, "in a mailbox name \"%%\" is written \"%%25\"");
		if (byte == 0 || byte == '\r' || byte == '\n')
			return USAGE(e, "the mailbox name holds control bytes or is no UTF-8");
		str_addc(out, (char)byte);
		level = view_from(level, 3);
	}
	if (delim != 0 && view_chr(view_n(out->p + begin, out->len - begin), delim) >= 0)
		return USAGE(e, "the server separates levels by \"%c\": it cannot stand inside "
		    "one (levels are written with \"/\"; of a value, a part can be captured)", delim);
	return 0;
}

/* The levels of name with delim between.  full: the server's own name, in which levels may be empty. */
static int
encode_levels(struct str *out, struct view name, char delim, bool utf8, bool full,
	struct err *e)
{
	for (;;) {
		ptrdiff_t slash = view_chr(name, '/');
		struct view level = view_sub(name, 0, slash < 0 ? name.n : (size_t)slash);

		if (level.n == 0 && !full)
			return USAGE(e, "a level of the mailbox name is empty");
		if (level.n > 0 && encode_level(out, level, delim, utf8, e) != 0)
			return -1;
		if (slash < 0)
			return 0;
		if (delim == 0)
			return USAGE(e, "this server has no levels: \"/\" inside a name is "
			    "written \"%%2F\"");
		str_addc(out, delim);
		name = view_from(name, (size_t)slash + 1);
	}
}

/* The name in the namespace whose prefix it has, or false (out as it was). */
static bool
encode_other(struct str *out, struct view name, bool full, const struct imap_places *p)
{
	size_t begin = out->len;

	for (size_t i = 0; i < p->nother; i++) {
		const struct imap_place *o = &p->other[i];

		if (o->prefix.n == 0)
			continue;
		if (encode_levels(out, name, o->delim, p->utf8, full, NULL) == 0 && !out->over &&
		    view_starts(view_from(str_view(out), begin), o->prefix))
			return true;
		str_cut(out, begin);
	}
	return false;
}

static int
encode(struct str *out, struct view name, const struct imap_places *p, struct err *e)
{
	bool full = name.n > 1 && name.p[0] == '/';

	if (name.n == 0)
		return USAGE(e, "the mailbox name is empty");
	if (name.n > IMAP_NAME_MAX)
		return USAGE(e, "the mailbox name is too long");
	if (full)
		name = view_from(name, 1);
	if (!full && view_iis(name, "INBOX")) {
		str_adds(out, "INBOX");
		return 0;
	}
	if (encode_other(out, name, full, p))
		return 0;
	if (!full)
		str_addv(out, p->personal.prefix);
	return encode_levels(out, name, p->personal.delim, p->utf8, full, e);
}

int
imap_name_encode(struct str *out, struct view name, const struct imap_places *p,
	struct err *e)
{
	struct str own = str_limited(IMAP_NAME_MAX);
	int rc = encode(&own, name, p, e);

	if (rc == 0 && own.over)
		rc = USAGE(e, "the mailbox name is too long");
	if (rc == 0)
		str_addv(out, str_view(&own));
	str_free(&own);
	return rc;
}

/* ---- from the server */

/* The bytes one by one: what is not printable ASCII, "&" and "%" as "%XX". */
static void
decode_bytes(struct str *out, struct view v, bool utf8)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c < 0x20 || c > 0x7e || c == '%' || c == '/' || (c == '&' && !utf8))
			str_addf(out, "%%%02X", c);
		else
			str_addc(out, (char)c);
	}
}

static void
decode_level(struct str *out, struct view level, bool utf8)
{
	struct str s = STR_INIT;
	bool good;

	if (utf8)
		str_addv(&s, level);
	good = utf8 ? utf8_valid(level) : utf7_decode(&s, level) == 0;
	if (!good || has_control(str_view(&s))) {
		decode_bytes(out, level, utf8);
		str_free(&s);
		return;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '/' || s.p[i] == '%')
			str_addf(out, "%%%02X", (unsigned char)s.p[i]);
		else
			str_addc(out, s.p[i]);
	}
	str_free(&s);
}

static void
decode_levels(struct str *out, struct view name, char delim, bool utf8)
{
	ptrdiff_t at;

	while (delim != 0 && (at = view_chr(name, delim)) >= 0) {
		decode_level(out, view_sub(name, 0, (size_t)at), utf8);
		str_addc(out, '/');
		name = view_from(name, (size_t)at + 1);
	}
	decode_level(out, name, utf8);
}

static bool
leads_back(const struct str *made, struct view name, const struct imap_places *p)
{
	struct str back = STR_INIT;
	bool same = !made->over && imap_name_encode(&back, str_view(made), p, NULL) == 0 &&
	    view_eq(str_view(&back), name);

	str_free(&back);
	return same;
}

static bool
has_prefix_of_other(struct view name, const struct imap_places *p)
{
	for (size_t i = 0; i < p->nother; i++) {
		if (p->other[i].prefix.n > 0 && view_starts(name, p->other[i].prefix))
			return true;
	}
	return false;
}

static bool
decode(struct str *own, struct view name, char delim, const struct imap_places *p)
{
	struct view prefix = p->personal.prefix;

	if (view_iis(name, "INBOX"))
		str_adds(own, "INBOX");
	else if (has_prefix_of_other(name, p))
		decode_levels(own, name, delim, p->utf8);
	else if (view_istarts(name, prefix))
		decode_levels(own, view_from(name, prefix.n), delim, p->utf8);
	/* RFC 9051, 5.1: INBOX in any case is the same mailbox */
	if (view_iis(name, "INBOX") || (own->len > 0 && leads_back(own, name, p)))
		return true;
	str_reset(own);
	str_addc(own, '/');
	decode_levels(own, name, delim, p->utf8);
	return leads_back(own, name, p);
}

int
imap_name_decode(struct str *out, struct view name, char delim, const struct imap_places *p,
	struct err *e)
{
	struct str own = str_limited(IMAP_NAME_MAX);
	int rc = 0;

	if (name.n == 0 || name.n > IMAP_NAME_MAX || !decode(&own, name, delim, p))
		rc = err_set(e, ERR_PROTO, SCOPE_MAILBOX,
		    "no mailbox name leads to the server's \"%.*s\"", QUOTE(name));
	else
		str_addv(out, str_view(&own));
	str_free(&own);
	return rc;
}
