/* RFC 5322 address lists, tolerant: groups, comments, routes, quoted locals, raw UTF-8. */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/vec.h"

#define ADDRESS_MAX	10000u		/* a header; the rest is left out and counted in dropped */
#define ADDRESS_DEPTH	32u		/* of comments */

struct address {			/* views into the arena; valid UTF-8, one line */
	struct view	name;		/* decoded display name (or comment), or empty */
	/*
	 * local@domain, fit for an envelope as it is (no route, no comments, domain in lower
	 * case, local part quoted if it must be); or the bare word ("root"); or empty, when
	 * there is only a name ("Bob <>").
	 */
	struct view	address;
	struct view	local_part;	/* unquoted */
	struct view	domain;		/* lower-cased ASCII; empty when there is none */
	struct view	group;		/* decoded name of the group it stood in, or empty */
};
struct address_list { VEC(struct address) unsigned dropped; };

/* Parses a raw (folded) header value, appending to *out; never fails, linear. */
void address_parse(struct arena *a, struct view raw, struct address_list *out);
void address_list_free(struct address_list *l);
/* "Name <local@domain>" or "local@domain", for people. */
void address_print(struct str *out, const struct address *a);

#endif
