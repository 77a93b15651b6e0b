/*
 * Allocation that ends the process instead of returning NULL: one line on
 * stderr and exit code 70, by write and _exit, since nothing that might want
 * memory itself can be asked then.  The databases survive that as they survive
 * a kill.  A size of 0 gives a block of one byte.
 *
 * In the torture build (MAILMILL_TORTURE) the environment variable
 * MAILMILL_FAIL_ALLOC=n refuses the n-th allocation of the process, from 1 up;
 * that counter is the one variable of the program that is not in a value.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_OUT_OF_MEMORY	70	/* EX_SOFTWARE of sysexits.h */

static void NORETURN
out_of_memory(void)
{
	static const char line[] = "mailmill: out of memory\n";

	/* If the line cannot be written, nobody is left to be told. */
	ssize_t written UNUSED = write(STDERR_FILENO, line, sizeof(line) - 1);

	_exit(EXIT_OUT_OF_MEMORY);
}

#ifdef MAILMILL_TORTURE
#include <stdatomic.h>

static bool
refused(void)
{
	static atomic_ullong	 count;
	const char		*nth = getenv("MAILMILL_FAIL_ALLOC");

	return nth != NULL && atomic_fetch_add(&count, 1) + 1 == strtoull(nth, NULL, 10);
}
#else
static bool
refused(void)
{
	return false;
}
#endif

void *
xmalloc(size_t n)
{
	void *p = refused() ? NULL : malloc(n != 0 ? n : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	bool	 none = count == 0 || size == 0;
	void	*p;

	p = refused() ? NULL : calloc(none ? 1 : count, none ? 1 : size);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xrealloc(void *p, size_t n)
{
	void *q = refused() ? NULL : realloc(p, n != 0 ? n : 1);

	if (q == NULL)
		out_of_memory();
	return q;
}

void *
xreallocarray(void *p, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		out_of_memory();
	return xrealloc(p, n);
}

char *
xstrdup(const char *s)
{
	return xmemdup0(s, strlen(s));
}

char *
xmemdup0(const void *p, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		out_of_memory();
	copy = xmalloc(n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

char *
xasprintf(const char *fmt, ...)
{
	char	*s;
	int	 n;
	va_list	 ap;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	/* Longer than INT_MAX: what controls a size has a ceiling far below. */
	if (n < 0)
		out_of_memory();
	s = xmalloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}
