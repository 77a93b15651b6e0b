/*
 * Templates in targets, paths and texts: "Lists/{list_id}", "{date:%Y-%m}",
 * "{ticket|none}", "{from.domain}", "{account}", "{{".
 */
#ifndef ENGINE_TEMPLATE_H
#define ENGINE_TEMPLATE_H

#include "base/clock.h"
#include "engine/query.h"

struct template;

/* NULL and ERR_USAGE (what, where in the text, did-you-mean) for a bad one. */
struct template *template_new(struct view text, const char *const *captures, size_t ncaptures,
	struct err *e) MUST_CHECK;
void template_free(struct template **t);
unsigned template_needs(const struct template *t);
bool template_is_fixed(const struct template *t);	/* no braces: the same for every message */

enum template_use {
	TEMPLATE_MAILBOX,	/* values lose "/", control bytes and leading dots; <= 100 bytes a value */
	TEMPLATE_PATH,		/* the same */
	TEMPLATE_TEXT,		/* values lose CR, LF, NUL */
};
/*
 * Appends the text.  -1 and ERR_HELD when a value is missing and has no fallback: the
 * text names the field.  part_name: for {filename} in a part's save, or empty.
 */
int template_fill(const struct template *t, enum template_use use, struct message *m,
	const char *account, const char *mailbox, const struct captures *caps, struct view part_name,
	const struct zone *z, struct str *out, struct err *e) MUST_CHECK;

#endif
