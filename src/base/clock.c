/*
 * The two clocks, and the words for spans, sizes and points of time that scripts
 * and options use.  Zones are in zone.c.
 *
 * The readers are strict: what could mean two things ("5m", "Mb") is refused
 * with the words that are understood, since a span decides what is deleted.
 *
 * Limits: spans of 200 years, sizes of 10^15 bytes, years 1 to 9999.
 */
#include "base/clock.h"

#include <inttypes.h>

#include "base/scan.h"
#include "base/zone.h"

#define SECOND_MS	INT64_C(1000)
#define MINUTE_MS	(60 * SECOND_MS)
#define HOUR_MS		(60 * MINUTE_MS)
#define DAY_MS		(24 * HOUR_MS)
#define DURATION_MAX_MS	(200 * 365 * DAY_MS)
#define SIZE_MAX_BYTES	INT64_C(1000000000000000)
#define QUOTE_MAX	60u	/* of a bad word, in characters, in an error text */

struct unit { const char *name; int64_t factor; };

/* From large to small: several must come in this order. */
static const struct unit duration_units[] = {
	{ "y", 365 * DAY_MS }, { "mo", 30 * DAY_MS }, { "w", 7 * DAY_MS }, { "d", DAY_MS },
	{ "h", HOUR_MS }, { "min", MINUTE_MS }, { "s", SECOND_MS },
};

static const struct unit size_units[] = {
	{ "B", 1 },
	{ "kB", INT64_C(1000) }, { "MB", INT64_C(1000000) },
	{ "GB", INT64_C(1000000000) }, { "TB", INT64_C(1000000000000) },
	{ "KiB", INT64_C(1) << 10 }, { "MiB", INT64_C(1) << 20 },
	{ "GiB", INT64_C(1) << 30 }, { "TiB", INT64_C(1) << 40 },
};

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	/* With these ids and a valid pointer it cannot fail. */
	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* "what "word": hint", the word cut to a length that leaves room for the hint. */
static int
bad_word(struct err *e, const char *what, struct view word, const char *hint)
{
	return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "bad %s \"%.*s\": %s", what,
	    VIEW_ARG(view_sub(word, 0, QUOTE_MAX)), hint);
}

/* The letters at the cursor. */
static struct view
scan_word(struct scan *s)
{
	const char *from = s->p;

	while (!scan_done(s) && ((*s->p >= 'a' && *s->p <= 'z') || (*s->p >= 'A' && *s->p <= 'Z')))
		s->p++;
	return view_n(from, (size_t)(s->p - from));
}

int
duration_parse(struct view v, int64_t *ms_r, struct err *e)
{
	static const char hint[] = "a duration is a number and one of s, min, h, d, w, mo, y";
	struct scan s = scan_of(view_trim(v));
	int64_t sum = 0;
	size_t k = 0;

	do {
		uint64_t n;
		struct view unit;
		int64_t factor = SECOND_MS;

		if (!scan_number(&s, DURATION_MAX_MS / SECOND_MS, &n))
			return bad_word(e, "duration", v, scan_peek(&s) >= '0' &&
			    scan_peek(&s) <= '9' ? "at most 200 years" : hint);
		scan_blank(&s);
		unit = scan_word(&s);
		if (view_is(unit, "m"))
			return bad_word(e, "duration", v,
			    "\"m\" may be minutes or months, write \"min\" or \"mo\"");
		if (unit.n > 0 || k > 0) {
			while (k < ARRAY_LEN(duration_units) &&
			    !view_is(unit, duration_units[k].name))
				k++;
			if (k == ARRAY_LEN(duration_units))
				return bad_word(e, "duration", v, hint);
			factor = duration_units[k++].factor;
		} else if (!scan_done(&s)) {
			return bad_word(e, "duration", v, hint);
		}
		if ((int64_t)n > (DURATION_MAX_MS - sum) / factor)
			return bad_word(e, "duration", v, "at most 200 years");
		sum += (int64_t)n * factor;
		scan_blank(&s);
	} while (!scan_done(&s));
	*ms_r = sum;
	return 0;
}

void
duration_print(struct str *out, int64_t ms)
{
	static const struct unit parts[] = {
		{ "d", DAY_MS }, { "h", HOUR_MS }, { "min", MINUTE_MS }, { "s", SECOND_MS },
		{ "ms", 1 },
	};
	uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

	if (ms < 0)
		str_addc(out, '-');
	if (ms == 0)
		str_adds(out, "0s");
	for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
		uint64_t n = left / (uint64_t)parts[k].factor;

		left %= (uint64_t)parts[k].factor;
		if (n > 0)
			str_addf(out, "%" PRIu64 "%s", n, parts[k].name);
	}
}

int
size_parse(struct view v, int64_t *bytes_r, struct err *e)
{
	static const char hint[] = "a size is a number and one of B, kB, MB, GB, TB, "
	    "KiB, MiB, GiB, TiB";
	struct scan s = scan_of(view_trim(v));
	struct view unit;
	uint64_t n;
	size_t k = 0;

	if (!scan_number(&s, (uint64_t)SIZE_MAX_BYTES, &n))
		return bad_word(e, "size", v, scan_peek(&s) >= '0' && scan_peek(&s) <= '9' ?
		    "at most 1000 TB" : hint);
	scan_blank(&s);
	unit = scan_rest(&s);
	while (k < ARRAY_LEN(size_units) && unit.n > 0 && !view_iis(unit, size_units[k].name))
		k++;
	if (k == ARRAY_LEN(size_units))
		return bad_word(e, "size", v, hint);
	if ((int64_t)n > SIZE_MAX_BYTES / size_units[k].factor)
		return bad_word(e, "size", v, "at most 1000 TB");
	*bytes_r = (int64_t)n * size_units[k].factor;
	return 0;
}

/* Exactly this many digits. */
static bool
scan_digits(struct scan *s, int count, int *r)
{
	int n = 0;

	for (int i = 0; i < count; i++, s->p++) {
		int c = scan_peek(s);

		if (c < '0' || c > '9')
			return false;
		n = 10 * n + (c - '0');
	}
	*r = n;
	return true;
}

static bool
scan_date(struct scan *s, struct tm *tm)
{
	int year, month, day;

	if (!scan_digits(s, 4, &year) || !scan_char(s, '-') || !scan_digits(s, 2, &month) ||
	    !scan_char(s, '-') || !scan_digits(s, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 ||
	    day > civil_days(month == 12 ? year + 1 : year, month % 12 + 1, 1) -
	    civil_days(year, month, 1))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

static bool
scan_clock(struct scan *s, struct tm *tm)
{
	if (!scan_digits(s, 2, &tm->tm_hour) || !scan_char(s, ':') ||
	    !scan_digits(s, 2, &tm->tm_min))
		return false;
	if (scan_char(s, ':') && !scan_digits(s, 2, &tm->tm_sec))
		return false;
	return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 59;
}

/* What is behind the seconds: nothing, "Z" or an offset. */
static bool
scan_offset(struct scan *s, bool *given_r, int32_t *offset_r)
{
	scan_blank(s);
	*offset_r = 0;
	*given_r = scan_char(s, 'Z') || scan_char(s, 'z') || zone_offset(s, offset_r);
	return scan_done(s);
}

/* Civil time as if it were UTC. */
static int64_t
utc_seconds(const struct tm *tm)
{
	return civil_days((int64_t)tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday) * 86400 +
	    tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

int
time_parse(struct view v, const struct zone *z, int64_t *epoch_r, struct err *e)
{
	struct scan s = scan_of(view_trim(v));
	struct tm tm = { 0 };
	bool good, given = false;
	int32_t offset = 0;

	good = scan_date(&s, &tm);
	if (good && !scan_done(&s))
		good = (scan_char(&s, 'T') || scan_char(&s, 't') || scan_char(&s, ' ')) &&
		    scan_clock(&s, &tm) && scan_offset(&s, &given, &offset);
	if (!good)
		return bad_word(e, "time", v, "a time is \"2026-01-31\" or "
		    "\"2026-01-31 14:00\", with seconds and \"Z\" or \"+02:00\" if wanted");
	*epoch_r = given ? utc_seconds(&tm) - offset : zone_join(z, tm);
	return 0;
}
