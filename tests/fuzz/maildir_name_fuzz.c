/* Names of a Maildir: what was printed parses to the same; folder names are inverses. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/maildir_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
fuzz_message(struct view v)
{
	struct maildir_name a, b;
	struct maildir_when when;
	struct str out = STR_INIT;

	if (!maildir_name_parse(&a, v))
		return;
	when = maildir_when_parse(a.key);
	if (maildir_when_cmp(&when, &when) != 0)
		abort();
	maildir_name_print(&out, &a);
	if (!maildir_name_parse(&b, str_view(&out)) || !view_eq(a.key, b.key) || a.sys != b.sys ||
	    a.keywords != b.keywords || a.other != b.other || !view_eq(a.tail, b.tail))
		abort();
	str_free(&out);
}

static void
fuzz_folder(struct view v)
{
	struct str name = STR_INIT, dir = STR_INIT;
	struct err e = ERR_NONE;

	if (maildir_folder_decode(&name, v, &e) == 0 &&
	    (maildir_folder_encode(&dir, str_view(&name), &e) != 0 || !view_eq(str_view(&dir), v)))
		abort();
	str_reset(&name);
	str_reset(&dir);
	if (maildir_folder_encode(&dir, v, &e) == 0 && dir.len > 0 &&
	    (view_chr(str_view(&dir), '/') >= 0 || dir.p[0] != '.' || dir.len < 2 ||
	    dir.p[1] == '.'))
		abort();
	str_free(&name);
	str_free(&dir);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view v = view_n((const char *)data, n);

	fuzz_message(v);
	fuzz_folder(v);
	return 0;
}
