/* The file of a mail.list; for wordlist.c. */
#ifndef ENGINE_WORDLIST_FILE_H
#define ENGINE_WORDLIST_FILE_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The bytes of the file and what it was then; *out is the caller's to free, also after
 * an error.  No file: ERR_USAGE; over WORDLIST_MAX: ERR_LIMIT.
 */
int wordlist_file_read(const char *path, struct str *out, struct stat *st_r, struct err *e)
	MUST_CHECK;
/* Nothing was written to it between the two, as far as can be seen. */
bool wordlist_file_same(const struct stat *a, const struct stat *b);
/* Puts text in the place of the file that path leads to. */
int wordlist_file_write(const char *path, struct view text, mode_t mode, struct err *e) MUST_CHECK;

#endif
