/* Any bytes as HTML: the words are UTF-8 without control blanks, and not much longer. */
#include "mail/html.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str out = STR_INIT;
	struct view v;

	assert(html_charset(view_n((const char *)data, size)).n <= 1024);
	str_adds(&out, "|");
	html_text(&out, view_n((const char *)data, size));
	v = view_from(str_view(&out), 1);
	assert(utf8_valid(v));
	assert(v.n <= 3 * size + 2);
	for (size_t i = 0; i < v.n; i++)
		assert(v.p[i] != '\r' && v.p[i] != '\t' && v.p[i] != '\0');
	if (v.n > 0)
		assert(view_trim(v).n == v.n);
	assert(view_find(v, VIEW("\n\n\n")) < 0 && view_find(v, VIEW("  ")) < 0);
	str_free(&out);
	return 0;
}
