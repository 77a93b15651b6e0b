/* Transfer encodings: bounded; base64 there and back; a lower ceiling gives a true beginning. */
#include "mail/decode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_ceiling(enum encoding enc, struct view in, struct view whole)
{
	struct str low = str_limited(1 + in.n / 3);

	encoding_decode(&low, enc, in);
	if (!view_starts(whole, str_view(&low)) || low.over != (whole.n > low.max) ||
	    (low.over && low.len != low.max))
		abort();
	str_free(&low);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = view_n((const char *)data, n);
	struct str out = STR_INIT, back = STR_INIT;

	for (int enc = ENC_NONE; enc <= ENC_UNKNOWN; enc++) {
		str_reset(&out);
		encoding_decode(&out, (enum encoding)enc, in);
		if (out.len > n)
			abort();
		check_ceiling((enum encoding)enc, in, str_view(&out));
	}
	str_reset(&out);
	qp_decode(&out, in, true);
	if (out.len > n)
		abort();
	str_reset(&out);
	base64_encode(&out, in);
	base64_decode(&back, str_view(&out));
	if (!view_eq(str_view(&back), in))
		abort();
	encoding_of(in);
	str_free(&out);
	str_free(&back);
	return 0;
}
