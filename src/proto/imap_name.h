/*
 * Names of mailboxes: as a server spells them, and as scripts do.
 *
 * A script's name has "/" between its levels and is UTF-8.  It is relative to the first
 * personal namespace ("Lists/dev" is "INBOX.Lists.dev" on Courier); a mailbox of another
 * namespace has its full name ("user/joe/x" for "user.joe.x"); "INBOX", in any case, is the
 * inbox.  Inside a level "/" is "%2F" and "%" is "%25"; "%XX" is any other byte of the server's
 * spelling that has no other way to be said.  A name that begins with "/" is the server's full
 * name, level by level; it is only given to what the short form would not lead to.
 */
#ifndef PROTO_IMAP_NAME_H
#define PROTO_IMAP_NAME_H

#include "base/err.h"
#include "base/str.h"

#define IMAP_NAME_MAX	4096u		/* bytes of a name, either way */

/* delim 0: the server has no levels there.  prefix as the server spells it, "INBOX.". */
struct imap_place { struct view prefix; char delim; };
struct imap_places {
	struct imap_place	 personal;	/* the first one; {"", delim of LIST "" ""} without NAMESPACE */
	const struct imap_place	*other;		/* all that are not personal */
	size_t			 nother;
	bool			 utf8;		/* UTF8=ACCEPT or IMAP4rev2 is enabled: no modified UTF-7 */
};

/*
 * Appends the script's name of what the server calls name; delim: that of its LIST reply.
 * Exact: imap_name_encode() gives name back.  -1 and ERR_PROTO (out as it was) for an empty or
 * overlong name, CR, LF, NUL, and a delimiter that its namespace does not have.
 */
int imap_name_decode(struct str *out, struct view name, char delim, const struct imap_places *p,
	struct err *e) MUST_CHECK;
/*
 * Appends the server's name.  ERR_USAGE (out as it was) that names the fault: empty names and
 * levels, control bytes, no UTF-8, a "%" that is no escape, the server's own separator
 * inside a level, "/" where the server has no levels, too long.
 */
int imap_name_encode(struct str *out, struct view name, const struct imap_places *p,
	struct err *e) MUST_CHECK;

#endif
