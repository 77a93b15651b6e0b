/*
 * Planted bugs, for the fault build alone (-DMAILMILL_FAULT): the fault tests switch one
 * on by MAILMILL_PLANT=name and must catch it.  In every other build this is `false`.
 *
 *   no-intent     acts before the plan is on disk
 *   done-first    notes an action as done before it is done
 *   no-probe      takes a plan up again without looking for what was done
 *   fresh-token   names a copy anew at every try
 *   cursor-first  moves the cursor over messages that are not decided
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef MAILMILL_FAULT
#include <stdlib.h>
#include <string.h>

static inline int
fault_planted(const char *name)
{
	const char *p = getenv("MAILMILL_PLANT");

	return p != NULL && strcmp(p, name) == 0;
}
#else
#define fault_planted(name) 0
#endif

#endif
