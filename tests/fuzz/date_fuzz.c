/* Dates: in range or absent; what is printed is read as the same. */
#include "mail/date.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str s = STR_INIT;
	struct date d, back;

	if (!date_parse(view_n((const char *)data, n), &d))
		return 0;
	if (d.epoch < INT64_C(-62135596800) || d.epoch > INT64_C(253402300799) ||
	    d.zone_min < -1499 || d.zone_min > 1499)
		abort();
	date_print(&s, d);
	/* At both ends of the calendar the local time can lie outside of it. */
	if (d.epoch > INT64_C(-62135500000) && d.epoch < INT64_C(253402200000) &&
	    (!date_parse(str_view(&s), &back) || back.epoch != d.epoch || back.zone_min != d.zone_min))
		abort();
	str_free(&s);
	return 0;
}
