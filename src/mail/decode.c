/*
 * Base64 and quoted-printable (RFC 2045, 6.7 and 6.8), as tolerant as mail needs.
 *
 * Both read their input once, write through a small buffer, and stop at the
 * ceiling of the result with its "over" set: what was written is then a true
 * beginning of the whole.  Nothing here fails: a byte that means nothing is
 * skipped (base64) or kept (quoted-printable).
 *
 * Not here: charsets, line ends of text (mime.c), uuencode.
 */
#include "mail/decode.h"

#define SINK_MAX	4096u

/* Bytes on their way into a str. */
struct sink {
	struct str	*out;
	size_t		 n;
	char		 at[SINK_MAX];
};

static const char base64_digit[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Appends as much of v as the ceiling lets in. */
static void
add_clipped(struct str *out, struct view v)
{
	size_t max = out->max > 0 ? out->max : STR_MAX_DEFAULT;
	size_t left = out->len < max ? max - out->len : 0;

	if (out->over || v.n == 0)
		return;
	str_addv(out, view_sub(v, 0, left));
	if (v.n > left)
		out->over = true;
}

static void
sink_flush(struct sink *s)
{
	add_clipped(s->out, view_n(s->at, s->n));
	s->n = 0;
}

static inline void
sink_put(struct sink *s, char c)
{
	if (s->n == SINK_MAX)
		sink_flush(s);
	s->at[s->n++] = c;
}

static void
sink_putv(struct sink *s, struct view v)
{
	if (v.n > SINK_MAX - s->n)
		sink_flush(s);
	if (v.n > SINK_MAX) {
		add_clipped(s->out, v);
	} else if (v.n > 0) {
		memcpy(s->at + s->n, v.p, v.n);
		s->n += v.n;
	}
}

enum encoding
encoding_of(struct view name)
{
	static const struct { const char *name; enum encoding enc; } known[] = {
		{ "7bit", ENC_NONE }, { "8bit", ENC_NONE }, { "binary", ENC_NONE },
		{ "7-bit", ENC_NONE }, { "8-bit", ENC_NONE },
		{ "base64", ENC_BASE64 }, { "base-64", ENC_BASE64 },
		{ "quoted-printable", ENC_QP }, { "quotedprintable", ENC_QP },
	};
	size_t n = 0;

	/* A comment, a stray parameter or quotes around the token do not matter. */
	name = view_trim(name);
	if (name.n > 0 && name.p[0] == '"')
		name = view_from(name, 1);
	while (n < name.n && strchr(" \t\r\n;(\"", name.p[n]) == NULL)
		n++;
	name = view_sub(name, 0, n);
	if (name.n == 0)
		return ENC_NONE;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (view_iis(name, known[i].name))
			return known[i].enc;
	return ENC_UNKNOWN;
}

/* The six bits of a base64 byte (RFC 4648, tables 1 and 2), or -1. */
static inline int
base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

static void
base64_table(int8_t table[256])
{
	for (unsigned c = 0; c < 256; c++)
		table[c] = (int8_t)base64_value((unsigned char)c);
}

void
base64_decode(struct str *out, struct view in)
{
	struct sink sink = { .out = out };
	int8_t table[256];
	uint32_t acc = 0;
	unsigned bits = 0;

	base64_table(table);
	for (size_t i = 0; i < in.n && !out->over; i++) {
		int v = table[(unsigned char)in.p[i]];

		if (v >= 0) {
			acc = acc << 6 | (uint32_t)v;
			bits += 6;
			if (bits >= 8) {
				bits -= 8;
				sink_put(&sink, (char)(acc >> bits & 0xFF));
			}
		} else if (in.p[i] == '=') {
			/* Padding in the middle: two encoded texts stand one behind the other. */
			bits = 0;
		}
	}
	sink_flush(&sink);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* "=XX" at the start of v: its byte, else -1. */
static int
hex_pair(struct view v)
{
	int hi = v.n >= 3 ? hex_value(v.p[1]) : -1;
	int lo = hi >= 0 ? hex_value(v.p[2]) : -1;

	return lo >= 0 ? hi << 4 | lo : -1;
}

/* One line without its break and without blanks at its end. */
static void
qp_line(struct sink *s, struct view line)
{
	while (line.n > 0) {
		ptrdiff_t eq = view_chr(line, '=');
		size_t plain = eq < 0 ? line.n : (size_t)eq;
		int c;

		sink_putv(s, view_sub(line, 0, plain));
		line = view_from(line, plain);
		if (line.n == 0)
			break;
		c = hex_pair(line);
		if (c < 0 && line.n > 1 && line.p[1] == '\r') {
			line = view_from(line, 2);	/* a soft break in lone-CR text */
			continue;
		}
		sink_put(s, c < 0 ? '=' : (char)c);
		line = view_from(line, c < 0 ? 1 : 3);
	}
}

/* RFC 2045, 6.7: rule 3 (blanks at the end of a line), rule 5 (soft breaks). */
static void
qp_body(struct sink *s, struct view in)
{
	while (in.n > 0 && !s->out->over) {
		ptrdiff_t lf = view_chr(in, '\n');
		struct view line = lf < 0 ? in : view_sub(in, 0, (size_t)lf);
		bool cr = lf > 0 && in.p[lf - 1] == '\r';

		in = view_from(in, lf < 0 ? in.n : (size_t)lf + 1);
		while (line.n > 0 && strchr(" \t\r", line.p[line.n - 1]) != NULL &&
		    line.p[line.n - 1] != '\0')
			line.n--;
		if (line.n > 0 && line.p[line.n - 1] == '=') {
			/* Also at the very end: the break belongs to the boundary there. */
			qp_line(s, view_sub(line, 0, line.n - 1));
			continue;
		}
		qp_line(s, line);
		if (lf >= 0)
			sink_putv(s, cr ? VIEW("\r\n") : VIEW("\n"));
	}
}

/* RFC 2047, 4.2: no lines, "_" is a blank. */
static void
qp_word(struct sink *s, struct view in)
{
	for (size_t i = 0; i < in.n; i++) {
		int c = in.p[i] == '=' ? hex_pair(view_from(in, i)) : -1;

		if (c >= 0)
			i += 2;
		sink_put(s, c >= 0 ? (char)c : in.p[i] == '_' ? ' ' : in.p[i]);
	}
}

void
qp_decode(struct str *out, struct view in, bool word)
{
	struct sink sink = { .out = out };

	if (word)
		qp_word(&sink, in);
	else
		qp_body(&sink, in);
	sink_flush(&sink);
}

void
encoding_decode(struct str *out, enum encoding enc, struct view in)
{
	if (enc == ENC_BASE64)
		base64_decode(out, in);
	else if (enc == ENC_QP)
		qp_decode(out, in, false);
	else
		add_clipped(out, in);
}

void
base64_encode(struct str *out, struct view in)
{
	struct sink sink = { .out = out };

	for (size_t i = 0; i < in.n; i += 3) {
		size_t n = MIN(in.n - i, 3);
		uint32_t w = (uint32_t)(unsigned char)in.p[i] << 16;

		if (n > 1)
			w |= (uint32_t)(unsigned char)in.p[i + 1] << 8;
		if (n > 2)
			w |= (uint32_t)(unsigned char)in.p[i + 2];
		sink_put(&sink, base64_digit[w >> 18]);
		sink_put(&sink, base64_digit[w >> 12 & 63]);
		sink_put(&sink, n > 1 ? base64_digit[w >> 6 & 63] : '=');
		sink_put(&sink, n > 2 ? base64_digit[w & 63] : '=');
	}
	sink_flush(&sink);
}
