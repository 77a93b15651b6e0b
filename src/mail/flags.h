/* System flags as bits, keywords as names (RFC 9051 2.3.2). */
#ifndef MAIL_FLAGS_H
#define MAIL_FLAGS_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

enum {
	FLAG_SEEN = 1, FLAG_FLAGGED = 2, FLAG_ANSWERED = 4, FLAG_DRAFT = 8, FLAG_DELETED = 16,
	FLAG_PASSED = 32,	/* "$Forwarded"; Maildir's P */
};
#define KEYWORD_MAX	100u	/* bytes of a keyword */
#define KEYWORDS_MAX	200u	/* of a message */

/* Keywords compare ASCII case-insensitively. */
struct flags { unsigned sys; VEC(char *) };

void flags_free(struct flags *f);
void flags_copy(struct flags *to, const struct flags *from);	/* to is replaced */
/*
 * "seen", "\\Seen", "flagged"... to a system bit; any other atom is a keyword
 * (*sys_r 0, *keyword_r the name).  ERR_USAGE for what is no atom or too long.
 */
int flag_parse(struct view name, unsigned *sys_r, struct view *keyword_r, struct err *e) MUST_CHECK;
bool flags_has(const struct flags *f, unsigned sys, struct view keyword);
void flags_add(struct flags *f, unsigned sys, struct view keyword);	/* one of both; keyword copied */
void flags_del(struct flags *f, unsigned sys, struct view keyword);
void flags_add_all(struct flags *f, const struct flags *more);
void flags_del_all(struct flags *f, const struct flags *less);
/* "seen flagged Invoice" in a fixed order (system first, keywords sorted). */
void flags_print(struct str *out, const struct flags *f);
int flags_scan(struct flags *f, struct view list, struct err *e) MUST_CHECK;	/* the reverse */

#endif
