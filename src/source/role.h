/*
 * Which mailbox is the trash, the archive, ...: by the server's word where it has one
 * (SPECIAL-USE), else by the names that programs and providers give them.
 */
#ifndef SOURCE_ROLE_H
#define SOURCE_ROLE_H

#include "source/source.h"

/*
 * Gives each role that no mailbox has yet to the first usual name of it that exists, among the
 * selectable ones without a role.  Case of ASCII does not matter; "INBOX/", "[Gmail]/" and
 * "[Google Mail]/" in front are overlooked.
 */
void role_give(struct source_mailbox *at, size_t n);
/* Is this the mailbox's role already, by the server's word? */
bool role_taken(const struct source_mailbox *at, size_t n, const char *role);

#endif
