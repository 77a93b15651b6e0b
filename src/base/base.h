/* What every file may use: attributes, small macros, the object check. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK	__attribute__((warn_unused_result))
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))
#define NORETURN	__attribute__((noreturn))
#define UNUSED		__attribute__((unused))


#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

/* The object that embeds this member. */
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/*
 * An opaque object begins with "uint32_t magic"; a door checks it, so that a
 * wrong cast or a use after free is a message with a line.  Stays in release
 * builds (the build never defines NDEBUG).
 */
#define CHECK(obj, want)	assert((obj) != NULL && (obj)->magic == (want))

#endif
