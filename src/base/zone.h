/*
 * The inside of zones, for base/ itself and its tests; the rest uses clock.h.
 * zone.c reads and looks up, zone_rule.c knows the POSIX rule of the far future.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/err.h"
#include "base/scan.h"
#include "base/str.h"

struct zone;

/* zone_new() with another directory for the zone database. */
struct zone *zone_new_in(const char *dir, struct view name, struct err *e) MUST_CHECK;

/* Days since 1970-01-01; month 1..12, day may carry over. */
int64_t civil_days(int64_t year, int month, int day);

/* "+02:00", "-0530", "+02": seconds east of Greenwich, under 24 h.  Moves only when it matched. */
bool zone_offset(struct scan *s, int32_t *offset_r);

enum zone_day { DAY_MONTH, DAY_JULIAN, DAY_COUNT };	/* Mm.w.d, Jn, n */

struct zone_edge {
	enum zone_day	day;
	int		month, week, wday;	/* DAY_MONTH; week 5: the last */
	int		n;			/* the others */
	int32_t		time;			/* seconds of local time, may be < 0 */
};

struct zone_rule {
	int32_t			std, dst;	/* seconds east of Greenwich */
	bool			has_dst;
	struct zone_edge	begin, end;	/* of daylight saving time */
};

/* POSIX TZ with the extensions of RFC 8536, 3.3.1: "CET-1CEST,M3.5.0,M10.5.0/3". */
bool zone_rule_parse(struct view v, struct zone_rule *rule_r) MUST_CHECK;
/* The offset at an instant. */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t epoch_s, bool *dst_r);

#endif
