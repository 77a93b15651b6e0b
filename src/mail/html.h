/* The words of an HTML body, for matching and for people without a browser. */
#ifndef MAIL_HTML_H
#define MAIL_HTML_H

#include "base/str.h"

/*
 * Appends the text of html (UTF-8; other bytes become U+FFFD): tags, comments and what
 * script, style, title and noscript hold dropped, block elements as line breaks,
 * characters decoded, white space collapsed.  No blank at the ends.  Linear, no tree.
 */
void html_text(struct str *out, struct view html);
/* The charset that a <meta> in the first 1024 bytes names; empty: none. */
struct view html_charset(struct view html);
/* The code point of a character name without & and ;, case-sensitive; 0: not known. */
uint32_t html_entity(struct view name);

#endif
