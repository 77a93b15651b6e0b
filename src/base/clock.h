/* Time as data: calendars and durations.  The time itself comes from the loop (net/loop.h). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <time.h>

#include "base/err.h"
#include "base/str.h"

int64_t clock_wall_ms(void);		/* since 1970, UTC */
int64_t clock_mono_ms(void);		/* never goes back */

/*
 * A duration: number and unit of s min h d w mo y ("90s", "15min", "3d"), several
 * of them from large to small ("1h30min"), or a bare number of seconds.  mo is
 * 30 d, y is 365 d.  "m" is refused by name (minute or month?).  *ms_r:
 * milliseconds, >= 0, at most 200 years (of 365 d).
 */
int duration_parse(struct view v, int64_t *ms_r, struct err *e) MUST_CHECK;
/* "3d", "15min", "1h30min"; what is under a second as "250ms".  Exact. */
void duration_print(struct str *out, int64_t ms);
/*
 * "250kB" "5MB" "1GB" "1TB" (powers of 1000), "KiB" "MiB" "GiB" "TiB" (1024), or a
 * bare number of bytes; upper and lower case are one.  At most 1 PB (10^15).
 */
int size_parse(struct view v, int64_t *bytes_r, struct err *e) MUST_CHECK;

/*
 * A zone: "" or "local" (TZ of the process), "UTC", "+02:00", or a name of the
 * zone database ("Europe/Berlin").  Kept as a value; look-ups are thread-safe.
 */
struct zone;
struct zone *zone_new(struct view name, struct err *e) MUST_CHECK;	/* NULL: unknown zone */
void zone_free(struct zone **z);
const char *zone_name(const struct zone *z);
/*
 * Fills tm_year..tm_sec, tm_wday, tm_yday, tm_isdst, tm_gmtoff; z NULL is local.
 * Instants outside of the years 1 to 9999 are taken as the nearest inside.
 */
void zone_split(const struct zone *z, int64_t epoch_s, struct tm *tm_r);
/*
 * From tm_year..tm_sec in the zone; fields out of range carry over.  A time that
 * does not exist moves forward, of one that comes twice the first is taken.
 */
int64_t zone_join(const struct zone *z, struct tm tm);

/*
 * "2026-01-31", "2026-01-31 14:00[:05]", "2026-01-31T14:00:00Z" -> epoch seconds.
 * "Z" or an offset such as "+02:00" at the end stands above z.
 */
int time_parse(struct view v, const struct zone *z, int64_t *epoch_r, struct err *e) MUST_CHECK;

#endif
