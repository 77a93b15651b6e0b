/*
 * Where a password or token comes from: given as it is, the first line of a program's output
 * (argv, no shell), of a file (0600 and ours, else it is refused) or of an environment variable,
 * or typed at a terminal.  Known by description; asked for before each sign-in.
 */
#ifndef SOURCE_CREDENTIAL_H
#define SOURCE_CREDENTIAL_H

#include "base/secret.h"
#include "net/loop.h"

enum credential_kind {
	CREDENTIAL_GIVEN, CREDENTIAL_COMMAND, CREDENTIAL_FILE, CREDENTIAL_ENV, CREDENTIAL_PROMPT,
};
struct credential_spec {
	enum credential_kind	 kind;
	const struct secret	*given;
	const char *const	*argv;		/* COMMAND: NULL-terminated */
	const char		*name;		/* FILE: absolute path; ENV: variable; PROMPT: what to ask for */
};

struct credential;			/* reference counted */
/* ERR_USAGE: no program, an empty name, ... (never shows a given secret). */
struct credential *credential_new(const struct credential_spec *spec, struct err *e) MUST_CHECK;
struct credential *credential_ref(struct credential *c);
void credential_unref(struct credential **c);
/* Equal for equal descriptions; of a given secret only a digest goes in.  Not for logs. */
void credential_describe(const struct credential *c, struct str *out);

/*
 * Asks: COMMAND and FILE every time, PROMPT once and kept (asked of /dev/tty, on a work thread,
 * without echo).  done: once, from the loop, unless given up; the ask is gone then.  s lives during
 * done; NULL: e says why.  A credential has one loop; all asks are over or given up before it
 * is freed.  Errors:
 * ERR_AUTH scope ACCOUNT that names the program (its exit, the first line of its stderr), file or
 * variable; temporary when a program failed or took over 60 s; single flight where several ask.
 */
typedef void (*credential_fn)(void *arg, const struct secret *s, const struct err *e);
struct credential_ask;
struct credential_ask *credential_get(struct credential *c, struct loop *l, credential_fn done, void *arg);
void credential_give_up(struct credential_ask **a);

#endif
