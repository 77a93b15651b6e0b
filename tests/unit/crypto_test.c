/* SHA-256 against the vectors of FIPS 180-2, hexadecimal, random bytes. */
#include "base/crypto.h"

#include "unit.h"

static const char *
hex_digest(struct view v, char out[2 * SHA256_SIZE + 1])
{
	unsigned char d[SHA256_SIZE];

	sha256_of(v, d);
	hex_of(d, sizeof(d), out);
	return out;
}

TEST(sha256_vectors)
{
	char hex[2 * SHA256_SIZE + 1];

	EXPECT_STR(hex_digest(VIEW_NONE, hex),
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	EXPECT_STR(hex_digest(VIEW("abc"), hex),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	EXPECT_STR(hex_digest(
	    VIEW("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hex),
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256_in_parts)
{
	static const char text[] = "a digest does not depend on where its input is cut";
	struct view v = view_of(text);
	unsigned char whole[SHA256_SIZE], parts[SHA256_SIZE];

	sha256_of(v, whole);
	for (size_t i = 0; i <= v.n; i++) {
		struct sha256 *h = sha256_new();

		sha256_add(h, view_n(v.p, i));
		sha256_add(h, view_n(v.p + i, v.n - i));
		sha256_end(&h, parts);
		EXPECT(h == NULL);
		EXPECT(memcmp(whole, parts, sizeof(whole)) == 0);
	}
}

TEST(hex_is_lower_case)
{
	char out[9];

	hex_of((const unsigned char *)"\x00\x7f\xab\xff", 4, out);
	EXPECT_STR(out, "007fabff");
	hex_of(NULL, 0, out);
	EXPECT_STR(out, "");
}

TEST(random_fills_everything)
{
	static const unsigned char zero[64];
	unsigned char a[1000], b[1000];

	memset(a, 0, sizeof(a));
	memset(b, 0, sizeof(b));
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	EXPECT(memcmp(a, b, sizeof(a)) != 0);
	/* 64 zero bytes in a row by chance: never */
	for (size_t i = 0; i + sizeof(zero) <= sizeof(a); i++)
		EXPECT(memcmp(a + i, zero, sizeof(zero)) != 0);
	random_bytes(a, 0);
}

TEST(random_stays_inside)
{
	unsigned char a[300];

	memset(a, 0xA5, sizeof(a));
	random_bytes(a, 299);
	EXPECT_EQ(a[299], 0xA5);
}
