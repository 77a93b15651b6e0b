/* RFC 2047 encoded words in a header value. */
#ifndef MAIL_WORD_H
#define MAIL_WORD_H

#include "base/str.h"

/*
 * Appends the decoded value of a raw (folded) header value as one line of valid
 * UTF-8: folds become single blanks, encoded words are decoded (adjacent ones of one
 * charset joined as bytes first, blanks between two dropped), raw 8-bit bytes are
 * UTF-8 if valid, else windows-1252.  CR, LF and NUL never appear in the result.
 */
void word_decode(struct str *out, struct view raw);
/* The bytes of the encoded word that v begins with; 0: none. */
size_t word_length(struct view v);
/* Appends UTF-8 text as one line: runs of CR and LF as one blank, NUL left out. */
void word_one_line(struct str *out, struct view text);

#endif
