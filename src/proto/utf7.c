/*
 * Modified UTF-7, RFC 3501 5.1.3.  Printable ASCII stands for itself ("&" is "&-"),
 * all else is UTF-16BE in base64 with "," for "/", without padding, between "&" and
 * "-".  The decoder takes only what the encoder would write: a second spelling of
 * a name would be a second mailbox.  Linear; no memory but the output.
 */
#include "proto/utf7.h"

#include "base/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

struct shift { uint32_t bits; unsigned n; };	/* n bits wait in the low end */

static bool
is_direct(unsigned char c)
{
	return c >= 0x20 && c <= 0x7e;
}

static void
put_unit(struct str *out, struct shift *s, uint32_t unit)
{
	s->bits = (s->bits & 0x3f) << 16 | unit;
	s->n += 16;
	while (s->n >= 6) {
		s->n -= 6;
		str_addc(out, digits[s->bits >> s->n & 0x3f]);
	}
}

static void
put_shifted(struct str *out, struct shift *s, uint32_t cp)
{
	if (cp < 0x10000) {
		put_unit(out, s, cp);
		return;
	}
	cp -= 0x10000;
	put_unit(out, s, 0xd800 | cp >> 10);
	put_unit(out, s, 0xdc00 | (cp & 0x3ff));
}

static void
end_shift(struct str *out, struct shift *s)
{
	if (s->n > 0)
		str_addc(out, digits[s->bits << (6 - s->n) & 0x3f]);
	str_addc(out, '-');
	*s = (struct shift){ 0 };
}

int
utf7_encode(struct str *out, struct view v)
{
	struct shift s = { 0 };
	bool shifted = false;

	if (!utf8_valid(v) || view_chr(v, '\0') >= 0)
		return -1;
	for (size_t used = 0; v.n > 0; v = view_from(v, used)) {
		uint32_t cp = utf8_get(v, &used);
		bool direct = cp < 0x80 && is_direct((unsigned char)cp);

		if (direct == shifted) {
			if (direct)
				end_shift(out, &s);
			else
				str_addc(out, '&');
			shifted = !direct;
		}
		if (!direct) {
			put_shifted(out, &s, cp);
			continue;
		}
		str_addc(out, (char)cp);
		if (cp == '&')
			str_addc(out, '-');
	}
	if (shifted)
		end_shift(out, &s);
	return 0;
}

static int
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == ',' ? 63 : -1;
}

/* One UTF-16 unit; *high is a surrogate that waits for its second half. */
static int
take_unit(struct str *out, uint32_t unit, uint32_t *high)
{
	bool low = unit >= 0xdc00 && unit <= 0xdfff;

	if (low != (*high != 0))
		return -1;
	if (low) {
		utf8_put(out, 0x10000 + ((*high & 0x3ff) << 10 | (unit & 0x3ff)));
		*high = 0;
	} else if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
	} else if (unit == 0 || (unit < 0x80 && is_direct((unsigned char)unit))) {
		return -1;
	} else {
		utf8_put(out, unit);
	}
	return 0;
}

/* b64: what stands between "&" and "-", not empty. */
static int
take_shift(struct str *out, struct view b64)
{
	struct shift s = { 0 };
	uint32_t high = 0;

	for (size_t i = 0; i < b64.n; i++) {
		int d = digit_of(b64.p[i]);

		if (d < 0)
			return -1;
		s.bits = (s.bits << 6 | (uint32_t)d) & 0x3fffff;
		s.n += 6;
		if (s.n < 16)
			continue;
		s.n -= 16;
		if (take_unit(out, s.bits >> s.n & 0xffff, &high) != 0)
			return -1;
	}
	/* what is left is padding: less than a digit, all zero */
	if (high != 0 || s.n >= 6 || (s.bits & ((1u << s.n) - 1)) != 0)
		return -1;
	return 0;
}

static int
decode(struct str *out, struct view v)
{
	bool after_shift = false;

	while (v.n > 0) {
		ptrdiff_t end;

		if (!is_direct((unsigned char)v.p[0]))
			return -1;
		if (v.p[0] != '&') {
			str_addc(out, v.p[0]);
			v = view_from(v, 1);
			after_shift = false;
			continue;
		}
		v = view_from(v, 1);
		if ((end = view_chr(v, '-')) < 0)
			return -1;
		if (end == 0) {
			str_addc(out, '&');
		} else if (after_shift || take_shift(out, view_sub(v, 0, (size_t)end)) != 0) {
			return -1;
		}
		after_shift = end > 0;
		v = view_from(v, (size_t)end + 1);
	}
	return 0;
}

int
utf7_decode(struct str *out, struct view v)
{
	size_t before = out->len;

	if (decode(out, v) == 0)
		return 0;
	str_cut(out, before);
	return -1;
}
