/* Inside credentials: what credential.c (objects, who asks) has read by credential_read.c. */
#ifndef SOURCE_CREDENTIAL_INT_H
#define SOURCE_CREDENTIAL_INT_H

#include <stdatomic.h>

#include "source/credential.h"

/*
 * The first line of bytes, without its end, into out.  -1: it is empty, too long (whole:
 * all of it is here) or no secret: ERR_AUTH, scope ACCOUNT; the caller says of what.
 */
int credential_first_line(struct secret *out, struct view bytes, bool whole, struct err *e);
/* These two block: on a work thread. */
int credential_read_file(struct secret *out, const char *path, struct err *e);
/* 1: *stop came first. */
int credential_read_tty(struct secret *out, const char *prompt, const atomic_bool *stop,
	struct err *e);

/* How long a program may take, instead of 60 s: for tests. */
void credential_limit(struct credential *c, int64_t ms);

#endif
