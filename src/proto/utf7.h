/*
 * Modified UTF-7 (RFC 3501 5.1.3): names of mailboxes in IMAP4rev1 and of folders
 * in Maildir++.  Strict, so that decode and encode are exact inverses.
 */
#ifndef PROTO_UTF7_H
#define PROTO_UTF7_H

#include "base/str.h"

/* Appends; -1 (out as it was) when v is not valid UTF-8 or holds a NUL. */
int utf7_encode(struct str *out, struct view v) MUST_CHECK;
/*
 * Appends UTF-8; -1 (out as it was) for bytes outside 0x20..0x7e, an open or empty
 * shift, printable ASCII inside a shift, adjacent shifts, lone surrogates, NUL,
 * padding bits that are not zero.
 */
int utf7_decode(struct str *out, struct view v) MUST_CHECK;

#endif
