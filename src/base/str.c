/*
 * Views and growing strings.  A view never owns and is never written through; a
 * str doubles its memory up to its ceiling.  What does not fit is left out as a
 * whole, and so is all that follows: the content is always a true beginning of
 * what was meant, and "over" says that it is not all of it.
 * The bytes to append must not lie in the str itself.
 */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define CAP_MIN	((size_t)32)

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

static bool
same_nocase(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* memcmp must not see the NULL of an empty view. */
static bool
same(const char *a, const char *b, size_t n)
{
	return n == 0 || memcmp(a, b, n) == 0;
}

bool
view_eq(struct view a, struct view b)
{
	return a.n == b.n && same(a.p, b.p, a.n);
}

bool
view_ieq(struct view a, struct view b)
{
	return a.n == b.n && same_nocase(a.p, b.p, a.n);
}

bool
view_is(struct view a, const char *s)
{
	return view_eq(a, view_of(s));
}

bool
view_iis(struct view a, const char *s)
{
	return view_ieq(a, view_of(s));
}

bool
view_starts(struct view a, struct view prefix)
{
	return a.n >= prefix.n && same(a.p, prefix.p, prefix.n);
}

bool
view_istarts(struct view a, struct view prefix)
{
	return a.n >= prefix.n && same_nocase(a.p, prefix.p, prefix.n);
}

bool
view_ends(struct view a, struct view suffix)
{
	return a.n >= suffix.n && view_eq(view_from(a, a.n - suffix.n), suffix);
}

int
view_cmp(struct view a, struct view b)
{
	size_t	n = MIN(a.n, b.n);
	int	c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

ptrdiff_t
view_chr(struct view a, char c)
{
	const char *at = a.n > 0 ? memchr(a.p, c, a.n) : NULL;

	return at != NULL ? at - a.p : -1;
}

ptrdiff_t
view_find(struct view a, struct view needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (needle.n > a.n)
		return -1;
	/* Two-way search in every libc we build on: linear, whatever the mail says. */
	at = memmem(a.p, a.n, needle.p, needle.n);
	return at != NULL ? at - a.p : -1;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct view
view_trim(struct view v)
{
	while (v.n > 0 && is_space(v.p[v.n - 1]))
		v.n--;
	while (v.n > 0 && is_space(*v.p)) {
		v.p++;
		v.n--;
	}
	return v;
}

struct view
view_from(struct view v, size_t off)
{
	off = MIN(off, v.n);
	/* An empty view may be NULL, to which not even 0 may be added. */
	return off > 0 ? view_n(v.p + off, v.n - off) : v;
}

struct view
view_sub(struct view v, size_t off, size_t n)
{
	v = view_from(v, off);
	v.n = MIN(v.n, n);
	return v;
}

char *
view_dup(struct view v)
{
	return xmemdup0(v.p, v.n);
}

/* Below half of the address space, so that no sum here can wrap. */
static size_t
ceiling(const struct str *s)
{
	return s->max != 0 ? MIN(s->max, SIZE_MAX / 4) : STR_MAX_DEFAULT;
}

void
str_free(struct str *s)
{
	free(s->p);
	*s = str_limited(s->max);
}

void
str_reset(struct str *s)
{
	s->over = false;
	str_cut(s, 0);
}

char *
str_room(struct str *s, size_t n)
{
	size_t limit = ceiling(s), need;

	if (s->over || s->len > limit || n > limit - s->len) {
		s->over = true;
		return NULL;
	}
	need = s->len + n + 1;
	if (need > s->cap) {
		s->cap = MAX(MAX(need, CAP_MIN), MIN(2 * s->cap, limit + 1));
		s->p = xrealloc(s->p, s->cap);
		s->p[s->len] = '\0';
	}
	return s->p + s->len;
}

void
str_grew(struct str *s, size_t n)
{
	assert(n < s->cap - s->len);
	s->len += n;
	s->p[s->len] = '\0';
}

void
str_add(struct str *s, const void *p, size_t n)
{
	char *to = str_room(s, n);

	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, p, n);
	str_grew(s, n);
}

void
str_addv(struct str *s, struct view v)
{
	str_add(s, v.p, v.n);
}

void
str_adds(struct str *s, const char *z)
{
	str_add(s, z, strlen(z));
}

void
str_addc(struct str *s, char c)
{
	str_add(s, &c, 1);
}

void
str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_addvf(s, fmt, ap);
	va_end(ap);
}

void
str_addvf(struct str *s, const char *fmt, va_list ap)
{
	char	*to;
	int	 n;
	va_list	 again;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		s->over = true;		/* longer than INT_MAX */
	} else if ((to = str_room(s, (size_t)n)) != NULL) {
		vsnprintf(to, (size_t)n + 1, fmt, again);
		str_grew(s, (size_t)n);
	}
	va_end(again);
}

void
str_cut(struct str *s, size_t len)
{
	if (len >= s->len)
		return;
	s->len = len;
	s->p[len] = '\0';
}

const char *
str_z(const struct str *s)
{
	return s->p != NULL ? s->p : "";
}

char *
str_take(struct str *s)
{
	char *p = s->p != NULL ? s->p : xstrdup("");

	*s = str_limited(s->max);
	return p;
}
