/*
 * UTF-8 and the comparison i;unicode-casemap (RFC 5051), by which all text of
 * queries is compared: titlecase mapping, then compatibility decomposition.
 * ß does not become ss; by UnicodeData the dotless Turkish ı compares as I, and
 * the dotted İ as I with a dot above it (which a search for "i" finds).
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

#define UTF8_REPLACEMENT "\xEF\xBF\xBD"

/* Strict (no surrogates, nothing overlong, <= U+10FFFF). */
bool utf8_valid(struct view v);
bool utf8_ascii(struct view v);				/* only bytes < 0x80 */
/* Appends v with each byte that is not UTF-8 as U+FFFD. */
void utf8_clean(struct str *out, struct view v);
void utf8_put(struct str *out, uint32_t cp);		/* invalid code points as U+FFFD */
/* Decodes one character; *used_r >= 1 when v.n > 0; invalid bytes give U+FFFD and 1. */
uint32_t utf8_get(struct view v, size_t *used_r);
/* The longest prefix of at most max bytes that does not cut a character. */
size_t utf8_clip(struct view v, size_t max);
size_t utf8_count(struct view v);			/* characters */
/*
 * For a terminal, a log or a one-line table: control bytes (C0, DEL, C1) and bidi
 * controls become visible escapes (\x1b, \u202e), line breaks "\n", "\r", tabs
 * "\t"; invalid bytes U+FFFD; at most max_chars characters, those of escapes
 * counted and none cut, then "..." if something was left out.
 */
void utf8_printable(struct str *out, struct view v, size_t max_chars);

/*
 * Appends the casemap key of v (invalid bytes as U+FFFD).  Without U+200B..200D,
 * U+2060, U+FEFF and the soft hyphen, which only pad.
 */
void casemap(struct str *out, struct view v);
/* Both by casemap keys; needle_key is a key already. */
bool casemap_contains(struct view hay, struct view needle_key);

#endif
