/*
 * Bytes of a named charset to UTF-8.  A label from mail is looked up in our alias
 * and allow list; iconv_open() never sees a foreign name.  UTF-8, US-ASCII,
 * ISO-8859-1 and windows-1252 are decoded here; the result is always valid UTF-8.
 */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "base/str.h"

/* Is the label (any case, blanks and quotes trimmed) in the alias table? */
bool charset_known(struct view label);
/*
 * Appends bytes as UTF-8; what does not convert becomes U+FFFD, byte by byte.
 * Empty or unknown label, US-ASCII with 8-bit bytes: UTF-8 if valid, else windows-1252.
 * Returns false when the label was unknown.
 */
bool charset_decode(struct str *out, struct view label, struct view bytes);

#endif
