/*
 * Names of a Maildir: "unique:2,FLAGS" of a message, ".A.B" of a folder.  Pure.
 */
#ifndef PROTO_MAILDIR_NAME_H
#define PROTO_MAILDIR_NAME_H

#include "base/err.h"
#include "base/str.h"

#define MAILDIR_NAME_MAX	255u	/* bytes of a file name */
#define MAILDIR_KEYWORDS	26u	/* letters a-z */

/*
 * key identifies the message as long as it is in its mailbox; the rest of the name
 * is state.  What is not understood is kept, so that a flag change loses nothing.
 */
struct maildir_name {
	struct view	key;		/* before the first ":" */
	bool		info;		/* there is a ":2," */
	unsigned	sys;		/* FLAG_* */
	uint32_t	keywords;	/* bit 0 is "a" */
	uint32_t	other;		/* capitals without a meaning; bit 0 is "A" */
	struct view	tail;		/* from the first byte that is no letter */
};

/*
 * False for what is no message: a dot file, an empty or overlong name, an empty
 * key, "/", NUL.  Views into file.
 */
bool maildir_name_parse(struct maildir_name *n, struct view file) MUST_CHECK;
/* Letters in ASCII order, as readers expect; nothing behind the key unless info. */
void maildir_name_print(struct str *out, const struct maildir_name *n);

/* When a message was delivered, by its key: "1700000000.M12P34Q5.host" and elder forms. */
struct maildir_when { int64_t time; uint64_t m, p, q; };	/* time -1: the key does not say */
struct maildir_when maildir_when_parse(struct view key);
/* By time, then microseconds, process, counter. */
int maildir_when_cmp(const struct maildir_when *a, const struct maildir_when *b);

/*
 * "A/B" to ".A.B", each level in modified UTF-7, "." inside one as "\2e" and "\" as
 * "\5c"; "INBOX" (any case) to "".  ERR_USAGE that names the fault: an empty level, control bytes, bytes that
 * are no UTF-8, a result over MAILDIR_NAME_MAX.
 */
int maildir_folder_encode(struct str *out, struct view mailbox, struct err *e) MUST_CHECK;
/* The reverse; -1 and ERR_PROTO for a directory that no mailbox name leads to. */
int maildir_folder_decode(struct str *out, struct view dir, struct err *e) MUST_CHECK;

#endif
