/*
 * What a NO, a BAD or a BYE means: who must act, and whether trying again makes sense.  One
 * table of response codes and of the words that servers use where they have no code.
 */
#ifndef PROTO_IMAP_FAULT_H
#define PROTO_IMAP_FAULT_H

#include "proto/imap_resp.h"

enum imap_during {
	IMAP_DURING_GREETING,	/* BYE instead of a greeting */
	IMAP_DURING_SIGNIN,	/* LOGIN, AUTHENTICATE, and what follows until ready */
	IMAP_DURING_COMMAND,
	IMAP_DURING_IDLE,	/* a BYE while nothing is asked: restart, timeout, kick */
};

/*
 * Sets *e (if it holds no error yet): kind, scope, temporary, and a text that begins with
 * what ("UID MOVE to Lists") and quotes the server's words, cleaned for a terminal, at most
 * 200 bytes of them.  pause_ms_r (may be NULL): how long the server asked to wait, 0 if it
 * did not.  r->cond OK is no fault: 0; else -1.
 *
 *	AUTHENTICATIONFAILED, AUTHORIZATIONFAILED, EXPIRED, words	ERR_AUTH, account, permanent
 *	UNAVAILABLE, INUSE, THROTTLED, SERVERBUG, connection limits	ERR_NET/ERR_REFUSED, temporary
 *	OVERQUOTA, TOOBIG, NOPERM, CANNOT, ALREADYEXISTS, LIMIT	ERR_REFUSED or ERR_LIMIT, message
 *	NONEXISTENT, TRYCREATE					ERR_GONE, mailbox
 *	EXPUNGEISSUED						ERR_GONE, message
 *	BAD							ERR_PROTO
 */
int imap_fault(const struct imap_result *r, enum imap_during when, const char *what, struct err *e,
	int64_t *pause_ms_r);
/* Do its words for people hold this (in lower case; case does not matter)?  The first 300 bytes count. */
bool imap_says(const struct imap_result *r, const char *words);

#endif
