/* Modified UTF-7: what decodes is what the encoder would have written, and back. */
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "proto/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view v = view_n((const char *)data, n);
	struct str a = STR_INIT, b = STR_INIT;

	if (utf7_decode(&a, v) == 0 && (!utf8_valid(str_view(&a)) ||
	    utf7_encode(&b, str_view(&a)) != 0 || !view_eq(str_view(&b), v)))
		abort();
	str_reset(&a);
	str_reset(&b);
	if (utf7_encode(&a, v) == 0 &&
	    (utf7_decode(&b, str_view(&a)) != 0 || !view_eq(str_view(&b), v)))
		abort();
	str_free(&a);
	str_free(&b);
	return 0;
}
