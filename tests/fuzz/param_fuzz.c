/* Parameters: names once each, one line of valid UTF-8, bounded. */
#include "mail/param.h"

#include <stdlib.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_line(struct view v)
{
	if (!utf8_valid(v))
		abort();
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '\0' || v.p[i] == '\r' || v.p[i] == '\n')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = { 0 };
	struct params p;
	size_t total = 0;

	params_parse(&a, view_n((const char *)data, n), &p);
	if (p.n > PARAM_MAX)
		abort();
	check_line(p.value);
	for (size_t i = 0; i < p.n; i++) {
		check_line(p.at[i].name);
		check_line(p.at[i].value);
		total += p.at[i].name.n + p.at[i].value.n;
		for (size_t k = 0; k < i; k++)
			if (view_ieq(p.at[i].name, p.at[k].name))
				abort();
	}
	if (total > 8 * n + 64 * 64)
		abort();
	arena_free(&a);
	return 0;
}
