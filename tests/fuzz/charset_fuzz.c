/* The first line is the label, the rest its text: valid UTF-8, bounded, at any ceiling. */
#include "mail/charset.h"

#include <stdlib.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = view_n((const char *)data, n);
	ptrdiff_t lf = view_chr(in, '\n');
	struct view label = view_sub(in, 0, lf < 0 ? 0 : (size_t)lf);
	struct view text = view_from(in, (size_t)(lf + 1));
	struct str out = STR_INIT, low = str_limited(1 + n / 2);

	if (!charset_decode(&out, label, text) && label.n == 0)
		abort();
	if (!utf8_valid(str_view(&out)) || out.len > 8 * text.n + 128)
		abort();
	charset_decode(&low, label, text);
	if (!utf8_valid(str_view(&low)) || low.len > low.max)
		abort();
	if (low.over ? !view_starts(str_view(&out), str_view(&low)) :
	    !view_eq(str_view(&out), str_view(&low)))
		abort();
	str_free(&out);
	str_free(&low);
	return 0;
}
