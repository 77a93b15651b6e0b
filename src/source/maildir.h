/*
 * Maildir and Maildir++ as a source.  One folder is INBOX (the path itself); ".A.B"
 * below it is "A/B".  Flags stand in names (":2,FS"), keywords as letters by
 * dovecot-keywords.  Deliveries are tmp, fsync, rename (link where needed), directory
 * fsync.  Other programs may rename (flags), move and remove at any time.
 * All file work runs on loop_work threads, one job a mailbox at a time.
 */
#ifndef SOURCE_MAILDIR_H
#define SOURCE_MAILDIR_H

#include "source/source.h"

struct maildir_conf {
	const char	*name;		/* account */
	const char	*path;		/* absolute, or ~/...: the home folder */
	bool		 create;	/* make the Maildir itself when it is missing */
	int64_t		 rescan_ms;	/* slow rescan under the watch; 0: 30 s */
};
/*
 * The path is looked at here: a missing or unreadable Maildir (no cur/new/tmp) is
 * ERR_USAGE that names it.  book is borrowed and outlives the source.
 */
struct source *maildir_open(struct loop *l, struct log *log, const struct maildir_conf *conf,
	const struct uid_book *book, struct err *e) MUST_CHECK;

#endif
