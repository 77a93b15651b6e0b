/*
 * Dates of mail: RFC 5322, 3.3 and 4.3, asctime, ISO 8601, INTERNALDATE, and the
 * usual breakages (missing day name, seconds or zone, two-digit years, named
 * zones, AM and PM, comments anywhere).
 *
 * The value is taken apart into tokens, and each token is asked what it can be;
 * the order matters only where a bare number could be day or year.  At the end a
 * day, a month and a year must be there and be a day of the calendar.  Numeric
 * zones win over named ones, since names are ambiguous.
 *
 * Not here: dates in other languages than English, 1/2/2003 (which is which?).
 * Ceilings: DATE_TOKENS tokens; the rest of the value is not looked at.
 */
#include "mail/date.h"

#include <stdlib.h>

#include "base/scan.h"

#define DATE_TOKENS	32u
#define ZONE_UNKNOWN	INT32_MAX
#define EPOCH_MIN	INT64_C(-62135596800)	/* 0001-01-01 */
#define EPOCH_MAX	INT64_C(253402300799)	/* 9999-12-31 23:59:59 */

static const char month_names[12][4] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
};
static const char day_names[7][4] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

/* RFC 5322, 4.3, and names that mailers write besides; minutes east of UTC. */
static const struct { const char *name; int min; } zone_names[] = {
	{ "UT", 0 }, { "UTC", 0 }, { "GMT", 0 }, { "Z", 0 }, { "WET", 0 },
	{ "EST", -300 }, { "EDT", -240 }, { "CST", -360 }, { "CDT", -300 },
	{ "MST", -420 }, { "MDT", -360 }, { "PST", -480 }, { "PDT", -420 },
	{ "AKST", -540 }, { "AKDT", -480 }, { "HST", -600 }, { "AST", -240 },
	{ "ADT", -180 }, { "NST", -210 }, { "NDT", -150 }, { "BRT", -180 },
	{ "BST", 60 }, { "WEST", 60 }, { "CET", 60 }, { "MET", 60 }, { "MEZ", 60 },
	{ "CEST", 120 }, { "MEST", 120 }, { "MESZ", 120 }, { "EET", 120 }, { "SAST", 120 },
	{ "EEST", 180 }, { "MSK", 180 }, { "MSD", 240 }, { "IST", 330 },
	{ "HKT", 480 }, { "SGT", 480 }, { "AWST", 480 }, { "JST", 540 }, { "KST", 540 },
	{ "ACST", 570 }, { "AEST", 600 }, { "AEDT", 660 }, { "NZST", 720 }, { "NZDT", 780 },
};

/* What was found so far; -1: not yet. */
struct found {
	int	year, mon, day;		/* mon 1..12 */
	int	hour, min, sec;
	int	zone;			/* ZONE_UNKNOWN: none */
	bool	zone_number;
	bool	pm, am;
	bool	bad;			/* a token contradicts */
};

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A number of 1 to max digits, and how many; false and no move otherwise. */
static bool
take_digits(struct scan *s, size_t max, int *n_r, size_t *len_r)
{
	struct scan t = *s;
	size_t len = 0;
	int n = 0;

	while (len <= max && is_digit(scan_peek(&t))) {
		n = n * 10 + (*t.p++ - '0');
		len++;
	}
	if (len == 0 || len > max)
		return false;
	*s = t;
	*n_r = n;
	*len_r = len;
	return true;
}

/* RFC 5322, 4.3: two and three digits. */
static int
full_year(int n, size_t len)
{
	if (len == 2)
		return n + (n < 50 ? 2000 : 1900);
	return len == 3 ? n + 1900 : n;
}

static void
skip_comment(struct scan *s)
{
	size_t depth = 0;

	for (; s->p < s->end; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		else if (*s->p == '(')
			depth++;
		else if (*s->p == ')' && --depth == 0) {
			s->p++;
			return;
		}
	}
}

static int
month_of(struct view word)
{
	for (int i = 0; i < 12 && word.n >= 3; i++)
		if (view_ieq(view_sub(word, 0, 3), view_n(month_names[i], 3)))
			return i + 1;
	return 0;
}

static bool
is_day_name(struct view word)
{
	for (int i = 0; i < 7 && word.n >= 3; i++)
		if (view_ieq(view_sub(word, 0, 3), view_n(day_names[i], 3)))
			return true;
	return false;
}

static struct view
take_word(struct scan *s)
{
	const char *start = s->p;

	while (is_alpha(scan_peek(s)))
		s->p++;
	return view_n(start, (size_t)(s->p - start));
}

/* "+0100" "-05:00" "+1" "+530": s stands on the sign.  Nonsense leaves the zone unknown. */
static void
read_zone(struct scan *s, struct found *f)
{
	int sign = *s->p++ == '-' ? -1 : 1, h, m = 0;
	size_t len, mlen;

	if (!take_digits(s, 4, &h, &len)) {
		while (is_digit(scan_peek(s)))
			s->p++;
		return;
	}
	if (len > 2) {
		m = h % 100;
		h /= 100;
	} else if (scan_char(s, ':') && !take_digits(s, 2, &m, &mlen)) {
		return;
	}
	if (h > 24 || m > 59 || f->zone_number)
		return;
	f->zone = sign * (h * 60 + m);
	f->zone_number = true;
}

/* "14:00:05.123" behind its hour; also with dots. */
static void
read_time(struct scan *s, struct found *f, int hour)
{
	char sep = *s->p++;
	size_t len;

	if (f->hour >= 0 || !take_digits(s, 2, &f->min, &len)) {
		f->bad = true;
		return;
	}
	f->hour = hour;
	f->sec = 0;
	if (scan_char(s, sep) && !take_digits(s, 2, &f->sec, &len))
		f->bad = true;
	if (scan_peek(s) == '.' || scan_peek(s) == ',') {
		const char *dot = s->p++;

		if (!is_digit(scan_peek(s)))
			s->p = dot;
		while (is_digit(scan_peek(s)))
			s->p++;
	}
}

/* "2026-01-30", "2026/01/30" behind the year, then perhaps "T". */
static void
read_iso(struct scan *s, struct found *f, int year)
{
	char sep = *s->p++;
	size_t len;

	if (f->year >= 0 || f->mon > 0 || f->day >= 0 || !take_digits(s, 2, &f->mon, &len) ||
	    !scan_char(s, sep) || !take_digits(s, 2, &f->day, &len)) {
		f->bad = true;
		return;
	}
	f->year = year;
	if ((scan_peek(s) == 'T' || scan_peek(s) == 't') && s->p + 1 < s->end && is_digit(s->p[1]))
		s->p++;
}

/* "30-Jan-2026" behind the day: the dash goes, what follows is read as usual. */
static bool
dash_before_word(const struct scan *s)
{
	return scan_peek(s) == '-' && s->p + 1 < s->end && is_alpha((unsigned char)s->p[1]);
}

/* "14.00" and "14.00.00" are times, "30.Jan" and "30." are days. */
static bool
dot_time(const struct scan *s)
{
	return s->end - s->p >= 3 && *s->p == '.' && is_digit(s->p[1]) && is_digit(s->p[2]) &&
	    (s->end - s->p == 3 || !is_digit(s->p[3]));
}

static void
read_number(struct scan *s, struct found *f)
{
	int n;
	size_t len;

	if (!take_digits(s, 4, &n, &len)) {
		f->bad = true;
	} else if (scan_peek(s) == ':' || (f->hour < 0 && f->day >= 0 && len <= 2 && dot_time(s))) {
		read_time(s, f, n);
	} else if (len == 4 && (scan_peek(s) == '-' || scan_peek(s) == '/') &&
	    s->p + 1 < s->end && is_digit((unsigned char)s->p[1]) && f->day < 0) {
		read_iso(s, f, n);
	} else if (f->day < 0 && len <= 2) {
		f->day = n;
		if (dash_before_word(s))
			s->p++;
	} else if (f->year < 0 && len >= 2) {
		f->year = full_year(n, len);
	} else {
		f->bad = true;
	}
}

static void
read_word(struct scan *s, struct found *f)
{
	struct view w = take_word(s);
	int mon = month_of(w);

	if (view_iis(w, "AM") || view_iis(w, "PM")) {
		f->pm = w.p[0] == 'P' || w.p[0] == 'p';
		f->am = !f->pm;
	} else if (mon != 0 && f->mon < 0) {
		f->mon = mon;
		if (scan_peek(s) == '-' || scan_peek(s) == '.')
			s->p++;		/* 30-Jan-2026, 30 Jan. 2026 */
	} else if (f->hour >= 0 && f->zone == ZONE_UNKNOWN && !is_day_name(w)) {
		for (size_t i = 0; i < ARRAY_LEN(zone_names); i++)
			if (view_iis(w, zone_names[i].name))
				f->zone = zone_names[i].min;
	}
}

static bool
is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int
month_days(int y, int m)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return m == 2 && is_leap(y) ? 29 : days[m - 1];
}

/* Days since 1970-01-01 of a proleptic Gregorian date, y >= 1. */
static int64_t
day_number(int y, int m, int d)
{
	int64_t before = y - 1, days = before * 365 + before / 4 - before / 100 + before / 400;

	for (int i = 1; i < m; i++)
		days += month_days(y, i);
	return days + d - 1 - 719162;	/* 719162: 0001-01-01 to 1970-01-01 */
}

static bool
settle(struct found *f, struct date *d_r)
{
	int zone = f->zone == ZONE_UNKNOWN ? 0 : f->zone;

	if (f->bad || f->year < 1 || f->year > 9999 || f->mon < 1 || f->mon > 12 || f->day < 1 ||
	    f->day > month_days(f->year, f->mon))
		return false;
	if (f->hour < 0)
		f->hour = f->min = f->sec = 0;
	if ((f->am || f->pm) && f->hour <= 12)
		f->hour = f->hour % 12 + (f->pm ? 12 : 0);
	if (f->hour > 23 || f->min > 59 || f->sec > 60)
		return false;
	d_r->epoch = day_number(f->year, f->mon, f->day) * 86400 + f->hour * 3600 + f->min * 60 +
	    f->sec - zone * 60;
	d_r->zone_min = zone;
	return d_r->epoch >= EPOCH_MIN && d_r->epoch <= EPOCH_MAX;
}

bool
date_parse(struct view raw, struct date *d_r)
{
	struct found f = { -1, -1, -1, -1, -1, -1, ZONE_UNKNOWN, false, false, false, false };
	struct scan s = scan_of(view_trim(raw));

	for (unsigned n = 0; n < DATE_TOKENS && !scan_done(&s) && !f.bad; n++) {
		int c = scan_peek(&s);

		while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',') {
			s.p++;
			c = scan_peek(&s);
		}
		if (c == '(')
			skip_comment(&s);
		else if (is_digit(c))
			read_number(&s, &f);
		else if (is_alpha(c))
			read_word(&s, &f);
		else if ((c == '+' || c == '-') && f.hour >= 0 && s.p + 1 < s.end && is_digit(s.p[1]))
			read_zone(&s, &f);
		else if (c >= 0)
			s.p++;
	}
	return settle(&f, d_r);
}

void
date_print(struct str *out, struct date d)
{
	int64_t local, days;
	int zone = MAX(-5999, MIN(5999, d.zone_min)), secs, y = 1, m = 1, abs_zone = abs(zone);

	local = MAX(EPOCH_MIN, MIN(EPOCH_MAX, d.epoch));
	local = MAX(EPOCH_MIN, MIN(EPOCH_MAX, local + (int64_t)zone * 60));
	local -= EPOCH_MIN;			/* seconds since 0001-01-01, a Monday */
	days = local / 86400;
	secs = (int)(local % 86400);
	/* The average year is never longer than 366 days: an estimate from below, then up. */
	y = (int)(days / 366) + 1;
	while (day_number(y + 1, 1, 1) + 719162 <= days)
		y++;
	days -= day_number(y, 1, 1) + 719162;
	for (; days >= month_days(y, m); m++)
		days -= month_days(y, m);
	str_addf(out, "%c%.2s, %02d %c%.2s %04d %02d:%02d:%02d %c%02d%02d",
	    day_names[(local / 86400 + 1) % 7][0] - 32, day_names[(local / 86400 + 1) % 7] + 1,
	    (int)days + 1, month_names[m - 1][0] - 32, month_names[m - 1] + 1, y, secs / 3600,
	    secs / 60 % 60, secs % 60, zone < 0 ? '-' : '+', abs_zone / 60, abs_zone % 60);
}
