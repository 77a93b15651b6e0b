/* Transfer encodings, tolerant as doc/deviations.md says.  Linear; output bounded by *out's ceiling. */
#ifndef MAIL_DECODE_H
#define MAIL_DECODE_H

#include "base/str.h"

enum encoding { ENC_NONE, ENC_BASE64, ENC_QP, ENC_UNKNOWN };	/* 7bit, 8bit, binary are NONE */

enum encoding encoding_of(struct view name);
/* Foreign bytes are skipped, "-_" accepted, "=" in mid-stream restarts the quantum. */
void base64_decode(struct str *out, struct view in);
/* Soft breaks with trailing blanks; a lone "=" is kept.  word: "_" is a blank (RFC 2047 Q). */
void qp_decode(struct str *out, struct view in, bool word);
void encoding_decode(struct str *out, enum encoding enc, struct view in);
void base64_encode(struct str *out, struct view in);	/* no line breaks */

#endif
