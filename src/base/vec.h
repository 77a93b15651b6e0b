/*
 * A typed growing array:  struct { VEC(int) } v = { 0 };  VEC_PUSH(&v, 7);  v.at[i], v.n
 * The memory is one block; pointers into it die at the next VEC_PUSH.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdlib.h>

#include "base/mem.h"

#define VEC(type)	type *at; size_t n; size_t cap;

#define VEC_ROOM(v, more) do { \
	if ((v)->n + (more) > (v)->cap) { \
		(v)->cap = MAX((v)->n + (more), (v)->cap ? 2 * (v)->cap : 8); \
		(v)->at = xreallocarray((v)->at, (v)->cap, sizeof(*(v)->at)); \
	} \
} while (0)
#define VEC_PUSH(v, x) do { VEC_ROOM(v, 1); (v)->at[(v)->n++] = (x); } while (0)
#define VEC_POP(v)	((v)->at[--(v)->n])
#define VEC_FREE(v) do { free((v)->at); (v)->at = NULL; (v)->n = (v)->cap = 0; } while (0)

#endif
