/*
 * UTF-8: validate, decode, repair, clip, show.
 *
 * One decoder (decode_one) knows the rules: no surrogates, nothing overlong,
 * nothing above U+10FFFF (RFC 3629).  What it refuses is one bad byte, never
 * more, so that a repaired text has at most three times the bytes it had and
 * resynchronises at the next character.  Runs of ASCII are passed in words.
 *
 * Not here: display width, grapheme clusters, normalisation (casemap.c).
 */
#include "base/utf8.h"

#define WORD_HIGH_BITS	UINT64_C(0x8080808080808080)

static const char hex_digit[] = "0123456789abcdef";

/* The number of ASCII bytes at the start of p. */
static size_t
ascii_run(const char *p, size_t n)
{
	size_t i = 0;
	uint64_t w;

	for (; i + sizeof(w) <= n; i += sizeof(w)) {
		memcpy(&w, p + i, sizeof(w));
		if (w & WORD_HIGH_BITS)
			break;
	}
	while (i < n && (unsigned char)p[i] < 0x80)
		i++;
	return i;
}

/* RFC 3629, 4: the length of the character at p (n > 0), or 0 when it is none. */
static size_t
decode_one(const char *z, size_t n, uint32_t *cp_r)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)z;
	uint32_t cp;
	size_t len;

	if (p[0] < 0x80) {
		*cp_r = p[0];
		return 1;
	}
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (n < len)
		return 0;
	cp = p[0] & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3Fu);
	}
	if (cp < least[len] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		return 0;
	*cp_r = cp;
	return len;
}

bool
utf8_ascii(struct view v)
{
	return ascii_run(v.p, v.n) == v.n;
}

bool
utf8_valid(struct view v)
{
	size_t i = 0, len;
	uint32_t cp;

	while (i < v.n) {
		if ((unsigned char)v.p[i] < 0x80) {
			i += ascii_run(v.p + i, v.n - i);
			continue;
		}
		if ((len = decode_one(v.p + i, v.n - i, &cp)) == 0)
			return false;
		i += len;
	}
	return true;
}

void
utf8_clean(struct str *out, struct view v)
{
	size_t i = 0, good = 0, len;
	uint32_t cp;

	while (i < v.n) {
		if ((unsigned char)v.p[i] < 0x80) {
			i += ascii_run(v.p + i, v.n - i);
			continue;
		}
		if ((len = decode_one(v.p + i, v.n - i, &cp)) != 0) {
			i += len;
			continue;
		}
		str_add(out, v.p + good, i - good);
		str_adds(out, UTF8_REPLACEMENT);
		good = ++i;
	}
	if (i > good)
		str_add(out, v.p + good, i - good);
}

void
utf8_put(struct str *out, uint32_t cp)
{
	char b[4];
	size_t n;

	if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		cp = 0xFFFD;
	if (cp < 0x80) {
		b[0] = (char)cp;
		n = 1;
	} else if (cp < 0x800) {
		b[0] = (char)(0xC0 | cp >> 6);
		n = 2;
	} else if (cp < 0x10000) {
		b[0] = (char)(0xE0 | cp >> 12);
		n = 3;
	} else {
		b[0] = (char)(0xF0 | cp >> 18);
		n = 4;
	}
	for (size_t i = n; i-- > 1; cp >>= 6)
		b[i] = (char)(0x80 | (cp & 0x3F));
	str_add(out, b, n);
}

uint32_t
utf8_get(struct view v, size_t *used_r)
{
	uint32_t cp = 0xFFFD;
	size_t len;

	if (v.n == 0) {
		*used_r = 0;
		return cp;
	}
	len = decode_one(v.p, v.n, &cp);
	*used_r = len != 0 ? len : 1;
	return cp;
}

size_t
utf8_clip(struct view v, size_t max)
{
	uint32_t cp;

	if (v.n <= max)
		return v.n;
	/* A character that begins up to three bytes before the cut and ends behind it. */
	for (size_t back = 1; back <= 3 && back <= max; back++)
		if (decode_one(v.p + max - back, v.n - (max - back), &cp) > back)
			return max - back;
	return max;
}

size_t
utf8_count(struct view v)
{
	size_t count = 0, i = 0, used;

	while (i < v.n) {
		if ((unsigned char)v.p[i] < 0x80) {
			used = ascii_run(v.p + i, v.n - i);
			count += used;
		} else {
			(void)utf8_get(view_from(v, i), &used);
			count++;
		}
		i += used;
	}
	return count;
}

/* UAX 9 (marks, embeddings, isolates), and the two separators that break lines. */
static bool
is_deceptive(uint32_t cp)
{
	return cp == 0x061C || cp == 0x200E || cp == 0x200F ||
	    (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
}

/* Writes the escape of cp into b and returns its length; 0: cp is shown as it is. */
static size_t
escape(uint32_t cp, char b[6])
{
	size_t n = 0;

	b[n++] = '\\';
	if (cp == '\n' || cp == '\r' || cp == '\t') {
		b[n++] = cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't';
	} else if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0)) {
		b[n++] = 'x';
		b[n++] = hex_digit[cp >> 4 & 15];
		b[n++] = hex_digit[cp & 15];
	} else if (is_deceptive(cp)) {
		b[n++] = 'u';
		for (int shift = 12; shift >= 0; shift -= 4)
			b[n++] = hex_digit[cp >> shift & 15];
	} else {
		return 0;
	}
	return n;
}

void
utf8_printable(struct str *out, struct view v, size_t max_chars)
{
	size_t i = 0, shown = 0, used, len;
	char b[6];

	while (i < v.n) {
		uint32_t cp = utf8_get(view_from(v, i), &used);

		len = escape(cp, b);
		if (MAX(len, (size_t)1) > max_chars - shown) {
			str_adds(out, "...");
			return;
		}
		if (len > 0)
			str_add(out, b, len);
		else
			utf8_put(out, cp);
		shown += MAX(len, (size_t)1);
		i += used;
	}
}
