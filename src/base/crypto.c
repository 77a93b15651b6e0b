/*
 * Digests by OpenSSL's EVP, random bytes by the system.
 *
 * A digest fails only when memory is out or the library is broken, and random
 * bytes only when the kernel has none; no caller can do better than stop, so
 * both end the process with one line, as allocation does (mem.h).
 */
#include "base/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "base/mem.h"

#define SHA256_MAGIC	0x5a256a11u
#define RANDOM_PORTION	256u	/* up to here getrandom gives all or an error */

struct sha256 {
	uint32_t	 magic;
	EVP_MD_CTX	*ctx;
};

static NORETURN void
die(const char *what)
{
	fprintf(stderr, "mailmill: %s\n", what);
	abort();
}

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = xcalloc(1, sizeof(*h));

	h->magic = SHA256_MAGIC;
	h->ctx = EVP_MD_CTX_new();
	if (h->ctx == NULL || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
		die("libcrypto cannot begin a SHA-256 digest");
	return h;
}

void
sha256_add(struct sha256 *h, struct view v)
{
	CHECK(h, SHA256_MAGIC);
	if (v.n > 0 && EVP_DigestUpdate(h->ctx, v.p, v.n) != 1)
		die("libcrypto cannot go on with a SHA-256 digest");
}

void
sha256_end(struct sha256 **hp, unsigned char out[SHA256_SIZE])
{
	struct sha256 *h = *hp;

	CHECK(h, SHA256_MAGIC);
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		die("libcrypto cannot end a SHA-256 digest");
	EVP_MD_CTX_free(h->ctx);
	h->magic = 0;
	free(h);
	*hp = NULL;
}

void
sha256_of(struct view v, unsigned char out[SHA256_SIZE])
{
	struct sha256 *h = sha256_new();

	sha256_add(h, v);
	sha256_end(&h, out);
}

void
hex_of(const unsigned char *p, size_t n, char *out)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digit[p[i] >> 4];
		*out++ = digit[p[i] & 15];
	}
	*out = '\0';
}

void
random_bytes(void *to, size_t n)
{
	unsigned char *p = to;

	while (n > 0) {
		ssize_t got = getrandom(p, MIN(n, RANDOM_PORTION), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die("the system gives no random bytes");
		p += got;
		n -= (size_t)got;
	}
}
