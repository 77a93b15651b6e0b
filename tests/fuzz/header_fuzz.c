/* Any bytes as a header block: offsets inside, in order, and unfolded lines clean. */
#include "mail/header.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(struct view v)
{
	assert(utf8_valid(v));
	assert(view_chr(v, '\r') < 0 && view_chr(v, '\n') < 0 && view_chr(v, '\0') < 0);
}

static void
check(struct view bytes, bool top)
{
	struct header h = { 0 };
	struct str line = STR_INIT;
	const char *last = bytes.p;

	header_index(&h, bytes, top);
	assert(h.body <= bytes.n && h.n <= HEADER_COUNT_MAX);
	for (size_t i = 0; i < h.n; i++) {
		const struct header_field *f = &h.at[i];

		assert(f->name.n > 0 && f->name.p >= last);
		assert(f->raw.p > f->name.p + f->name.n - 1);
		last = f->raw.p + f->raw.n;
		assert(last <= bytes.p + h.body);
		assert(header_get(&h, f->name, 0) != NULL);
		str_reset(&line);
		header_unfold(&line, f->raw);
		check_line(str_view(&line));
	}
	str_free(&line);
	header_free(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view bytes = view_n((const char *)data, size);

	if (size == 0)
		bytes = VIEW("");
	check(bytes, true);
	check(bytes, false);
	return 0;
}
