/*
 * PCRE2 with JIT, UTF and ceilings on what a match may cost.  One regex may be
 * used by one thread at a time.
 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include "base/err.h"
#include "base/str.h"

#define REGEX_MATCH_LIMIT	1000000u
#define REGEX_DEPTH_LIMIT	250u	/* nesting of parentheses */
#define REGEX_HEAP_KIB		65536u
#define REGEX_PATTERN_MAX	65536u
#define REGEX_GROUPS_MAX	99u

struct regex;

enum regex_flag {
	REGEX_CASELESS	= 1,	/* i */
	REGEX_MULTILINE	= 2,	/* m */
	REGEX_DOTALL	= 4,	/* s */
	REGEX_EXTENDED	= 8,	/* x */
	REGEX_ANCHORED	= 16,
};

/*
 * NULL and ERR_USAGE for a bad pattern: the text says what and where (offset),
 * *offset_r (may be NULL) is the byte offset of the fault for a caret.
 */
struct regex *regex_new(struct view pattern, unsigned flags, size_t *offset_r, struct err *e)
	MUST_CHECK;
/* "ims x" letters to flags; -1 and ERR_USAGE on an unknown one. */
int regex_flags(struct view letters, unsigned *flags_r, struct err *e) MUST_CHECK;
struct regex *regex_ref(struct regex *re);
void regex_free(struct regex **re);		/* drops one reference */
struct view regex_pattern(const struct regex *re);
unsigned regex_flags_of(const struct regex *re);
/* Groups, not counting 0; the name of group i (1..), or NULL when it has none. */
unsigned regex_groups(const struct regex *re);
const char *regex_group_name(const struct regex *re, unsigned i);

struct regex_span { ptrdiff_t start, end; };	/* byte offsets; -1, -1: not set */
/*
 * 1 match, 0 none, -1 error (ERR_LIMIT when a ceiling was hit, ERR_USAGE when
 * subject is not valid UTF-8, or start not at a character of it; see utf8_clean).
 * Looks behind start; with start > 0 the bytes must be those of the call before
 * or they are checked again.  spans: regex_groups() + 1 places, or NULL.
 */
int regex_match(struct regex *re, struct view subject, size_t start, struct regex_span *spans,
	struct err *e) MUST_CHECK;

#endif
