/* RFC 2047: whatever comes, one line of valid UTF-8 that is not much longer. */
#include "mail/word.h"

#include <stdlib.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = view_n((const char *)data, n);
	struct str out = STR_INIT;

	word_decode(&out, in);
	if (!utf8_valid(str_view(&out)) || out.len > 8 * n + 64)
		abort();
	for (size_t i = 0; i < out.len; i++)
		if (out.p[i] == '\0' || out.p[i] == '\r' || out.p[i] == '\n')
			abort();
	if (word_length(in) > n)
		abort();
	str_free(&out);
	return 0;
}
