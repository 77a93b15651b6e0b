/*
 * The error value: who must act (kind), what is still usable (scope), a text
 * that names the thing.  The caller owns it; nothing is allocated; the first
 * error wins.  "struct err e = ERR_NONE;" begins, the last parameter carries it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

#include "base/base.h"

/* X(symbol, name in Lua: err.code).  The list of decisions.md. */
#define ERR_KINDS(X) \
	X(NET, "net") X(TLS, "tls") X(AUTH, "auth") X(PROTO, "proto") \
	X(REFUSED, "refused") X(GONE, "gone") X(LIMIT, "limit") \
	X(CANCELED, "canceled") X(USAGE, "usage") X(SYSTEM, "system") X(HELD, "held")

enum err_kind {
	ERR_OK,
#define X(sym, name) ERR_##sym,
	ERR_KINDS(X)
#undef X
};

enum err_scope { SCOPE_MESSAGE, SCOPE_MAILBOX, SCOPE_SESSION, SCOPE_ACCOUNT, SCOPE_PROGRAM };

struct err {
	enum err_kind	kind;		/* ERR_OK: no error */
	enum err_scope	scope;
	bool		temporary;	/* trying again later makes sense */
	char		text[400];	/* one line, UTF-8, no control bytes */
};

#define ERR_NONE ((struct err){ .kind = ERR_OK })

/*
 * Sets *e unless it already holds an error (or is NULL); always returns -1.
 * temporary becomes false.  In the text, a byte that is not UTF-8 becomes '?' as well.
 * Text over the size is cut at a character.  Control bytes become '?'.
 */
int err_set(struct err *e, enum err_kind kind, enum err_scope scope, const char *fmt, ...)
	PRINTF(4, 5);
int err_vset(struct err *e, enum err_kind kind, enum err_scope scope, const char *fmt,
	va_list ap) PRINTF(4, 0);
/*
 * The same, with ": strerror(errnum)" behind; ERR_SYSTEM, scope MESSAGE unless set after.
 * A full disk and the like (ENOSPC EDQUOT EMFILE ENFILE ENOMEM): temporary, scope ACCOUNT.
 */
int err_sys(struct err *e, int errnum, const char *fmt, ...) PRINTF(3, 4);
/* Puts "prefix: " in front of an error that is there; of the prefix at most 199 bytes. */
void err_prefix(struct err *e, const char *fmt, ...) PRINTF(2, 3);
void err_clear(struct err *e);
static inline bool err_is(const struct err *e) { return e->kind != ERR_OK; }

/* "net", "tls", ...; "ok" for ERR_OK. */
const char *err_kind_name(enum err_kind kind);
/* "message", "mailbox", ... */
const char *err_scope_name(enum err_scope scope);

#endif
