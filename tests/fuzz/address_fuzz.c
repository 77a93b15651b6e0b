/*
 * Addresses: one line of valid UTF-8 each; what is read from an address is that
 * address, so it can go into an envelope and a header as it is.
 */
#include "mail/address.h"

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

static void
check_again(const struct address *x)
{
	struct arena a = { 0 };
	struct address_list l = { 0 };
	struct str s = STR_INIT;

	str_addc(&s, '<');
	str_addv(&s, x->address);
	str_addc(&s, '>');
	address_parse(&a, str_view(&s), &l);
	if (l.n != 1 || !view_eq(l.at[0].address, x->address) ||
	    !view_eq(l.at[0].local_part, x->local_part) || !view_eq(l.at[0].domain, x->domain))
		abort();
	str_free(&s);
	address_list_free(&l);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = { 0 };
	struct address_list l = { 0 };

	address_parse(&a, view_n((const char *)data, n), &l);
	if (l.n > n || l.dropped > n)
		abort();
	for (size_t i = 0; i < l.n; i++) {
		struct str s = STR_INIT;
		const struct address *x = &l.at[i];

		check_line(x->name);
		check_line(x->address);
		check_line(x->local_part);
		check_line(x->domain);
		check_line(x->group);
		if (x->name.n == 0 && x->address.n == 0)
			abort();
		if (x->address.n > 0)
			check_again(x);
		address_print(&s, x);
		str_free(&s);
	}
	address_list_free(&l);
	arena_free(&a);
	return 0;
}
