/* RFC 5322 dates and the usual breakages. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/str.h"

struct date {
	int64_t	epoch;		/* seconds since 1970 UTC */
	int	zone_min;	/* minutes east of UTC; 0 when unknown */
};

/* false: not a date, or out of range (1..9999): absent, never 1970. */
bool date_parse(struct view raw, struct date *d_r);
/* "Fri, 30 Jan 2026 14:00:00 +0100" */
void date_print(struct str *out, struct date d);

#endif
