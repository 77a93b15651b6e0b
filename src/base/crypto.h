/* Digests and random bytes.  The only file with libcrypto is crypto.c. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/str.h"

#define SHA256_SIZE 32

struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, struct view v);
/* Writes the digest and frees the state. */
void sha256_end(struct sha256 **h, unsigned char out[SHA256_SIZE]);
void sha256_of(struct view v, unsigned char out[SHA256_SIZE]);
/* Lower-case hex of n bytes and a NUL: out has 2n+1 places. */
void hex_of(const unsigned char *p, size_t n, char *out);
/* Random bytes from the system; ends the process when there are none. */
void random_bytes(void *p, size_t n);

#endif
