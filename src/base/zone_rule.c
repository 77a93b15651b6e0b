/*
 * The rule that a zone follows behind its last listed transition: a POSIX TZ
 * string (IEEE 1003.1, 8.3) with hours up to 167 and negative times, as the
 * footer of a TZif file has it (RFC 8536, 3.3.1).
 *
 *   name offset [name [offset] , begin [/time] , end [/time]]
 *
 * Without a rule behind the second name the string is refused: which one
 * applies would be a guess.  POSIX counts offsets to the west, we to the east.
 */
#include "base/zone.h"

#define DAY	86400

static bool
is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Three letters or more, or <...>. */
static bool
skip_name(struct scan *s)
{
	struct scan t = *s;
	size_t n = 0;

	if (scan_char(&t, '<')) {
		(void)scan_until(&t, ">");
		if (!scan_char(&t, '>'))
			return false;
		*s = t;
		return true;
	}
	for (; !scan_done(&t); t.p++, n++)
		if (!((*t.p >= 'a' && *t.p <= 'z') || (*t.p >= 'A' && *t.p <= 'Z')))
			break;
	if (n >= 3)
		*s = t;
	return n >= 3;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static bool
read_time(struct scan *s, uint64_t hours_max, int32_t *r)
{
	struct scan t = *s;
	bool minus = scan_char(&t, '-');
	uint64_t h, m = 0, sec = 0;

	if (!minus)
		(void)scan_char(&t, '+');
	if (!scan_number(&t, hours_max, &h))
		return false;
	if (scan_char(&t, ':')) {
		if (!scan_number(&t, 59, &m))
			return false;
		if (scan_char(&t, ':') && !scan_number(&t, 59, &sec))
			return false;
	}
	*r = (int32_t)(h * 3600 + m * 60 + sec) * (minus ? -1 : 1);
	*s = t;
	return true;
}

static bool
read_number(struct scan *s, int least, int most, int *r)
{
	uint64_t n;

	if (!scan_number(s, (uint64_t)most, &n) || n < (uint64_t)least)
		return false;
	*r = (int)n;
	return true;
}

/* ,Mm.w.d or ,Jn or ,n and [/time]; 02:00 without a time. */
static bool
read_edge(struct scan *s, struct zone_edge *d)
{
	bool good;

	*d = (struct zone_edge){ .time = 2 * 3600 };
	if (!scan_char(s, ','))
		return false;
	if (scan_char(s, 'M')) {
		d->day = DAY_MONTH;
		good = read_number(s, 1, 12, &d->month) && scan_char(s, '.') &&
		    read_number(s, 1, 5, &d->week) && scan_char(s, '.') &&
		    read_number(s, 0, 6, &d->wday);
	} else if (scan_char(s, 'J')) {
		d->day = DAY_JULIAN;
		good = read_number(s, 1, 365, &d->n);
	} else {
		d->day = DAY_COUNT;
		good = read_number(s, 0, 365, &d->n);
	}
	return good && (!scan_char(s, '/') || read_time(s, 167, &d->time));
}

bool
zone_rule_parse(struct view v, struct zone_rule *rule_r)
{
	struct scan s = scan_of(v);
	struct zone_rule rule = { 0 };
	int32_t west;

	if (!skip_name(&s) || !read_time(&s, 24, &west))
		return false;
	rule.std = -west;
	if (!scan_done(&s)) {
		if (!skip_name(&s))
			return false;
		rule.has_dst = true;
		rule.dst = rule.std + 3600;
		if (scan_peek(&s) != ',') {
			if (!read_time(&s, 24, &west))
				return false;
			rule.dst = -west;
		}
		if (!read_edge(&s, &rule.begin) || !read_edge(&s, &rule.end))
			return false;
	}
	if (!scan_done(&s))
		return false;
	*rule_r = rule;
	return true;
}

/* When the edge comes in a year, in local seconds since 1970. */
static int64_t
edge_in(const struct zone_edge *d, int64_t year)
{
	int64_t day = civil_days(year, 1, 1), next;

	switch (d->day) {
	case DAY_JULIAN:			/* February 29 is never counted */
		day += d->n - 1 + (d->n >= 60 && is_leap(year));
		break;
	case DAY_COUNT:
		day += d->n;
		break;
	case DAY_MONTH:
		day = civil_days(year, d->month, 1);
		next = d->month == 12 ? civil_days(year + 1, 1, 1) :
		    civil_days(year, d->month + 1, 1);
		/* 1970-01-01 was a Thursday. */
		day += (d->wday - ((day + 4) % 7 + 7) % 7 + 7) % 7 + 7 * (d->week - 1);
		if (day >= next)
			day -= 7;
		break;
	}
	return day * DAY + d->time;
}

/* The year of local time; an estimate from the mean length, then put right. */
static int64_t
year_of(int64_t local_s)
{
	int64_t days = local_s / DAY - (local_s % DAY < 0);
	int64_t year = 1970 + (days * 400) / 146097;

	while (civil_days(year, 1, 1) > days)
		year--;
	while (civil_days(year + 1, 1, 1) <= days)
		year++;
	return year;
}

int32_t
zone_rule_offset(const struct zone_rule *rule, int64_t epoch_s, bool *dst_r)
{
	int64_t year, begin, end;

	*dst_r = false;
	if (!rule->has_dst)
		return rule->std;
	year = year_of(epoch_s + rule->std);
	begin = edge_in(&rule->begin, year) - rule->std;
	end = edge_in(&rule->end, year) - rule->dst;
	/* In the south it begins late in the year and ends early in the next. */
	if (begin < end)
		*dst_r = begin <= epoch_s && epoch_s < end;
	else
		*dst_r = !(end <= epoch_s && epoch_s < begin);
	return *dst_r ? rule->dst : rule->std;
}

static bool
two_digits(struct scan *s, int most, int *r)
{
	if (s->end - s->p < 2 || s->p[0] < '0' || s->p[0] > '9' ||
	    s->p[1] < '0' || s->p[1] > '9')
		return false;
	*r = 10 * (s->p[0] - '0') + (s->p[1] - '0');
	s->p += 2;
	return *r <= most;
}

bool
zone_offset(struct scan *s, int32_t *offset_r)
{
	struct scan t = *s;
	bool minus = scan_char(&t, '-');
	int hours = 0, minutes = 0;

	if ((!minus && !scan_char(&t, '+')) || !two_digits(&t, 23, &hours))
		return false;
	if (scan_char(&t, ':') || (scan_peek(&t) >= '0' && scan_peek(&t) <= '9'))
		if (!two_digits(&t, 59, &minutes))
			return false;
	*offset_r = (hours * 3600 + minutes * 60) * (minus ? -1 : 1);
	*s = t;
	return true;
}
