/*
 * Secrets live in pages of their own: mapped, left out of core dumps, kept from swap
 * where the system lets us (a refusal is no error: the limit for locked memory is
 * small), and wiped before they are given back.  Growing maps new pages, copies and
 * wipes the old ones, since realloc would leave a readable copy in free memory.
 *
 * What it cannot do: hide the bytes from who may read this process, nor in the
 * buffers of the TLS library on their way out.
 * Limits: SECRET_MAX bytes each; at least one page each, so this is not for many.
 */
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#define SECRET_MAGIC	0x5ec2e75au

struct secret {
	uint32_t	 magic;
	char		*p;		/* NULL or cap mapped bytes */
	size_t		 len;
	size_t		 cap;
	bool		 over;
};

void
secret_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void
secret_wipe_str(struct str *s)
{
	secret_wipe(s->p, s->cap);
	str_free(s);
}

/* Whole pages that hold n bytes; NULL when the system has none. */
static char *
pages_map(size_t n, size_t *cap_r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t cap = (n + page - 1) / page * page;
	char *p = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
#ifdef MADV_DONTDUMP
	madvise(p, cap, MADV_DONTDUMP);
#endif
	(void)!mlock(p, cap);
	*cap_r = cap;
	return p;
}

static void
pages_free(struct secret *s)
{
	if (s->p == NULL)
		return;
	secret_wipe(s->p, s->cap);
	munmap(s->p, s->cap);
	s->p = NULL;
	s->cap = 0;
}

struct secret *
secret_new(void)
{
	struct secret *s = xcalloc(1, sizeof(*s));

	s->magic = SECRET_MAGIC;
	return s;
}

struct secret *
secret_of(struct view v)
{
	struct secret *s = secret_new();

	secret_add(s, v);
	return s;
}

struct secret *
secret_take(struct str *from)
{
	struct secret *s = secret_of(str_view(from));

	secret_wipe_str(from);
	return s;
}

struct secret *
secret_copy(const struct secret *s)
{
	struct secret *copy;

	if (s == NULL)
		return NULL;
	copy = secret_of(secret_reveal(s));
	copy->over = s->over;
	return copy;
}

void
secret_free(struct secret **sp)
{
	struct secret *s = *sp;

	if (s == NULL)
		return;
	CHECK(s, SECRET_MAGIC);
	*sp = NULL;
	pages_free(s);
	s->magic = 0;
	free(s);
}

/* Room for n more bytes, or false and over. */
static bool
room(struct secret *s, size_t n)
{
	struct secret old = *s;

	CHECK(s, SECRET_MAGIC);
	if (s->over || n > SECRET_MAX - s->len) {
		s->over = true;
		return false;
	}
	if (s->len + n > s->cap) {
		s->p = pages_map(s->len + n, &s->cap);
		if (s->p == NULL) {
			*s = old;
			s->over = true;
			return false;
		}
		if (old.len > 0)
			memcpy(s->p, old.p, old.len);
		pages_free(&old);
	}
	return true;
}

void
secret_add(struct secret *s, struct view v)
{
	if (!room(s, v.n) || v.n == 0)
		return;
	memcpy(s->p + s->len, v.p, v.n);
	s->len += v.n;
}

void
secret_addc(struct secret *s, char c)
{
	secret_add(s, view_n(&c, 1));
}

/* RFC 4648, 4, with padding and without line breaks, straight into our own pages. */
void
secret_add_base64(struct secret *s, struct view v)
{
	static const char digit[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	/* What would not fit anyway is not multiplied. */
	size_t need = v.n > SECRET_MAX ? SECRET_MAX + 1 : (v.n + 2) / 3 * 4;
	char *to;

	if (!room(s, need) || need == 0)
		return;
	to = s->p + s->len;
	for (size_t i = 0; i < v.n; i += 3) {
		size_t n = MIN(v.n - i, (size_t)3);
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < n ? (unsigned char)v.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*to++ = k <= n ? digit[bits >> (18 - 6 * k) & 0x3f] : '=';
	}
	s->len += need;
}

void
secret_reset(struct secret *s)
{
	CHECK(s, SECRET_MAGIC);
	secret_wipe(s->p, s->len);
	s->len = 0;
	s->over = false;
}

bool
secret_over(const struct secret *s)
{
	CHECK(s, SECRET_MAGIC);
	return s->over;
}

size_t
secret_len(const struct secret *s)
{
	return secret_reveal(s).n;
}

struct view
secret_reveal(const struct secret *s)
{
	if (s == NULL)
		return VIEW_NONE;
	CHECK(s, SECRET_MAGIC);
	return view_n(s->p, s->len);
}

bool
secret_eq(struct view a, struct view b)
{
	size_t n = MAX(a.n, b.n);
	/* volatile: no compiler may leave the loop at the first difference. */
	volatile unsigned char diff = a.n != b.n;

	for (size_t i = 0; i < n; i++) {
		unsigned char x = i < a.n ? (unsigned char)a.p[i] : 0;
		unsigned char y = i < b.n ? (unsigned char)b.p[i] : 0;

		diff |= x ^ y;
	}
	return diff == 0;
}
