/*
 * A password or token, and everything made from one.  The type is opaque and has no
 * printer: %s cannot show it, and the one door to its bytes has a name that can be
 * searched for.  Grows without leaving copies behind; wiped on free.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/str.h"

#define SECRET_MAX	((size_t)64 << 10)	/* bytes; tokens of a few kB exist */

struct secret;
struct secret *secret_new(void);			/* empty */
struct secret *secret_of(struct view v);		/* a copy; the caller wipes his own */
/* Takes the bytes out of *s: a copy, then *s is wiped and freed. */
struct secret *secret_take(struct str *s);
struct secret *secret_copy(const struct secret *s);	/* NULL gives NULL */
void secret_free(struct secret **s);			/* NULL is fine */

/* All of it or nothing and over, as with a str. */
void secret_add(struct secret *s, struct view v);
void secret_addc(struct secret *s, char c);
void secret_add_base64(struct secret *s, struct view v);
void secret_reset(struct secret *s);			/* wiped, empty, over cleared */
bool secret_over(const struct secret *s);
size_t secret_len(const struct secret *s);		/* NULL: 0 */
/* The bytes, until the next secret_add, secret_reset or secret_free.  NULL gives VIEW_NONE. */
struct view secret_reveal(const struct secret *s);
/* In a time that depends on the lengths alone. */
bool secret_eq(struct view a, struct view b);

/* For what held a secret elsewhere. */
void secret_wipe(void *p, size_t n);
void secret_wipe_str(struct str *s);			/* all of its memory; then freed */

#endif
