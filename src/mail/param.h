/* "type/subtype; name=value" headers: Content-Type, Content-Disposition; RFC 2231, RFC 2047 inside. */
#ifndef MAIL_PARAM_H
#define MAIL_PARAM_H

#include "base/arena.h"
#include "base/str.h"

#define PARAM_MAX	64u		/* a header; the rest is ignored */

struct param { struct view name, value; };	/* name lower-case, value decoded UTF-8 */
struct params {
	struct view	value;		/* what stands before the first ";": trimmed, lower-case, comments removed */
	struct param	at[PARAM_MAX];
	size_t		n;
};

/* Continuations joined, charsets decoded; RFC 2231 wins over plain.  Strings in the arena. */
void params_parse(struct arena *a, struct view raw, struct params *out);
struct view params_get(const struct params *p, const char *name);	/* VIEW_NONE when absent */

#endif
