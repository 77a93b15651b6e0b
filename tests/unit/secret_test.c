/* Secrets: what they hold, that they grow without a limit being passed, that they are wiped. */
#include "base/secret.h"

#include "base/mem.h"

#include "tests/unit/unit.h"

static bool
all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

TEST(secret_holds_bytes)
{
	struct secret *s = secret_of(view_n("a\0b", 3));

	secret_addc(s, '!');
	EXPECT(view_eq(secret_reveal(s), view_n("a\0b!", 4)));
	EXPECT_EQ(secret_len(s), 4);
	secret_free(&s);
	EXPECT(s == NULL);
	secret_free(&s);
	EXPECT_EQ(secret_len(NULL), 0);
	EXPECT(secret_copy(NULL) == NULL);
}

TEST(secret_is_wiped_by_reset)
{
	struct secret *s = secret_of(VIEW("hunter2"));
	const char *p = secret_reveal(s).p;

	secret_reset(s);
	EXPECT_EQ(secret_len(s), 0);
	EXPECT(all_zero(p, 7));
	secret_free(&s);
}

TEST(secret_take_wipes_the_source)
{
	char at[64] = "hunter2 and what was longer once";
	struct str from = STR_INIT, other = STR_INIT;
	struct secret *s;

	secret_wipe(at, sizeof(at));
	EXPECT(all_zero(at, sizeof(at)));
	str_adds(&from, "hunter2");
	s = secret_take(&from);
	EXPECT_VIEW(secret_reveal(s), "hunter2");
	EXPECT(from.p == NULL && from.len == 0);
	secret_free(&s);
	secret_wipe_str(&other);	/* never filled */
}

TEST(secret_grows_over_pages)
{
	struct secret *s = secret_new(), *copy;

	for (size_t i = 0; i < 20000; i++)
		secret_addc(s, (char)('a' + i % 26));
	EXPECT_EQ(secret_len(s), 20000);
	EXPECT(!secret_over(s));
	for (size_t i = 0; i < 20000; i++)
		if (secret_reveal(s).p[i] != (char)('a' + i % 26))
			UNIT_FAIL("byte %zu differs", i);
	copy = secret_copy(s);
	EXPECT(view_eq(secret_reveal(s), secret_reveal(copy)));
	secret_free(&copy);
	secret_free(&s);
}

TEST(secret_has_a_ceiling)
{
	char *big = xcalloc(1, SECRET_MAX);
	struct secret *s = secret_of(view_n(big, SECRET_MAX)), *copy;

	EXPECT(!secret_over(s));
	secret_add(s, VIEW_NONE);
	EXPECT(!secret_over(s));
	secret_addc(s, 'x');
	EXPECT(secret_over(s));
	EXPECT_EQ(secret_len(s), SECRET_MAX);
	copy = secret_copy(s);
	EXPECT(secret_over(copy));
	secret_free(&copy);
	secret_reset(s);
	EXPECT(!secret_over(s));
	secret_add_base64(s, view_n(big, SECRET_MAX));
	EXPECT(secret_over(s) && secret_len(s) == 0);
	secret_free(&s);
	free(big);
}

TEST(secret_base64)
{
	static const char *const pairs[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb", "//77" },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct secret *s = secret_of(VIEW("+ "));

		secret_add_base64(s, view_of(pairs[i][0]));
		EXPECT_VIEW(view_from(secret_reveal(s), 2), pairs[i][1]);
		secret_free(&s);
	}
}

TEST(secret_compare)
{
	EXPECT(secret_eq(VIEW("abc"), VIEW("abc")));
	EXPECT(secret_eq(VIEW_NONE, VIEW("")));
	EXPECT(!secret_eq(VIEW("abc"), VIEW("abd")));
	EXPECT(!secret_eq(VIEW("xbc"), VIEW("abc")));
	EXPECT(!secret_eq(VIEW("abc"), VIEW("ab")));
	EXPECT(!secret_eq(VIEW("ab"), view_n("ab\0", 3)));
}
