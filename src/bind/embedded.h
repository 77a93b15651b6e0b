/*
 * The Lua files under lua/, embedded in the binary at build time by scripts/embed.
 * Sorted by name; a name is the path below lua/, as in "mail/query.lua".  p holds n
 * bytes and one NUL more.
 */
#ifndef BIND_EMBEDDED_H
#define BIND_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
	const char		*name;
	const unsigned char	*p;
	size_t			 n;
};

extern const struct embedded_file	embedded_files[];
extern const size_t			embedded_count;

#endif
