/*
 * Names of mailboxes: what decodes encodes to the same bytes, in every kind of namespace;
 * what encodes holds no control byte; what comes back from the server's spelling leads to it.
 * The first byte says which namespaces.
 */
#include "base/utf8.h"
#include "proto/imap_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct imap_place others[] = {
	{ { "user.", 5 }, '.' }, { { "#s/", 3 }, '/' }, { { "", 0 }, '.' },
};
static const struct imap_places servers[] = {
	{ .personal = { { "INBOX.", 6 }, '.' }, .other = others, .nother = 3 },
	{ .personal = { { "", 0 }, '/' } },
	{ .personal = { { "", 0 }, 0 } },
	{ .personal = { { "", 0 }, '/' }, .other = others, .nother = 2, .utf8 = true },
	{ .personal = { { "", 0 }, '\\' } },
	{ .personal = { { "mail/", 5 }, '/' } },
	{ .personal = { { "", 0 }, '&' } },
};

static bool
is_clean(struct view v)
{
	return view_chr(v, '\0') < 0 && view_chr(v, '\r') < 0 && view_chr(v, '\n') < 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct imap_places *p;
	struct view in;
	struct str a = STR_INIT, b = STR_INIT;

	if (size == 0)
		return 0;
	p = &servers[data[0] % ARRAY_LEN(servers)];
	in = view_from(view_n((const char *)data, size), 1);
	if (imap_name_decode(&a, in, p->personal.delim, p, NULL) == 0) {
		assert(utf8_valid(str_view(&a)) && is_clean(str_view(&a)));
		assert(imap_name_encode(&b, str_view(&a), p, NULL) == 0);
		assert(view_eq(str_view(&b), in) || view_iis(in, "INBOX"));
	}
	str_reset(&a);
	str_reset(&b);
	if (imap_name_encode(&a, in, p, NULL) == 0) {
		assert(a.len > 0 && a.len <= IMAP_NAME_MAX && is_clean(str_view(&a)));
		/* One spelling of ours: what it decodes to names the same mailbox. */
		if (imap_name_decode(&b, str_view(&a), p->personal.delim, p, NULL) == 0) {
			struct str c = STR_INIT;

			assert(imap_name_encode(&c, str_view(&b), p, NULL) == 0);
			assert(view_eq(str_view(&c), str_view(&a)) || view_iis(str_view(&a), "INBOX"));
			str_free(&c);
		}
	}
	str_free(&a);
	str_free(&b);
	return 0;
}
