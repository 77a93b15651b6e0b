/* "did you mean": the nearest of some names. */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include "base/str.h"

/*
 * The index of the name within edit distance 2 (1 for words under 4 letters; a
 * swap of two neighbours counts as 1; case does not count), nearest first, or -1.
 */
int near_find(struct view word, const char *const *names, size_t n);

#endif
