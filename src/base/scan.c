/*
 * The cursor's moves.  Each looks first and moves only when all of it matched,
 * so that a parse function can try one thing after the other.  Linear; nothing
 * here allocates or fails in another way than "does not match".
 */
#include "base/scan.h"

#define DIGITS_MAX	20	/* of UINT64_MAX */

bool
scan_char(struct scan *s, char c)
{
	if (scan_done(s) || *s->p != c)
		return false;
	s->p++;
	return true;
}

bool
scan_lit(struct scan *s, const char *word)
{
	struct view w = view_of(word);

	if (!view_istarts(scan_rest(s), w))
		return false;
	if (w.n > 0)
		s->p += w.n;
	return true;
}

void
scan_blank(struct scan *s)
{
	while (!scan_done(s) && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

bool
scan_number(struct scan *s, uint64_t max, uint64_t *n_r)
{
	const char	*p = s->p;
	uint64_t	 n = 0;

	for (; p < s->end && *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (p - s->p == DIGITS_MAX || digit > max || n > (max - digit) / 10)
			return false;
		n = 10 * n + digit;
	}
	if (p == s->p)
		return false;
	s->p = p;
	*n_r = n;
	return true;
}

struct view
scan_until(struct scan *s, const char *stop)
{
	uint64_t	 stops[4] = { 0 };	/* a bit for each byte */
	const char	*from = s->p;

	for (; *stop != '\0'; stop++) {
		unsigned char c = (unsigned char)*stop;

		stops[c / 64] |= UINT64_C(1) << c % 64;
	}
	for (; !scan_done(s); s->p++) {
		unsigned char c = (unsigned char)*s->p;

		if (stops[c / 64] >> c % 64 & 1)
			break;
	}
	return view_n(from, (size_t)(s->p - from));
}
