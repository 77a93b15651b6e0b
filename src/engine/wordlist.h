/*
 * mail.list: a file of entries, one a line; "#" begins a remark (at the line's start
 * or after a blank); "*@domain" stands for every address of that domain.  Hashed by
 * casemap key, so that 50,000 entries cost one look-up; read again when the file
 * changed (checked at most once a second).
 */
#ifndef ENGINE_WORDLIST_H
#define ENGINE_WORDLIST_H

#include "base/err.h"
#include "base/str.h"

#define WORDLIST_MAX	((size_t)64 << 20)	/* bytes of the file */

struct wordlist;
/* A missing file is ERR_USAGE that names it. */
struct wordlist *wordlist_open(const char *path, struct err *e) MUST_CHECK;
struct wordlist *wordlist_of(const struct view *entries, size_t n);	/* in memory */
struct wordlist *wordlist_ref(struct wordlist *l);
void wordlist_free(struct wordlist **l);
/* Reads the file again if it changed.  A file that became unreadable keeps the old entries (-1, e). */
int wordlist_refresh(struct wordlist *l, int64_t now_ms, struct err *e) MUST_CHECK;
bool wordlist_has(struct wordlist *l, struct view entry);		/* the whole value, casemapped */
/* Does an entry stand somewhere in this text?  key: its casemap key. */
bool wordlist_within(struct wordlist *l, struct view key);
bool wordlist_has_address(struct wordlist *l, struct view address);	/* also by *@domain */
/* Writes the file anew (tmp, fsync, rename), keeping remarks and order. */
int wordlist_add(struct wordlist *l, struct view entry, struct err *e) MUST_CHECK;
int wordlist_remove(struct wordlist *l, struct view entry, struct err *e) MUST_CHECK;
size_t wordlist_count(const struct wordlist *l);
const char *wordlist_path(const struct wordlist *l);		/* NULL: in memory */

#endif
