/* Arena memory: zeroed, aligned, apart from each other, freed as a whole. */
#include "base/arena.h"

#include "unit.h"

TEST(memory_is_zeroed_and_aligned)
{
	struct arena a = { 0 };

	for (size_t n = 0; n < 3000; n += 7) {
		unsigned char *p = arena_alloc(&a, n);

		EXPECT_EQ((uintptr_t)p % sizeof(long double), 0);
		for (size_t i = 0; i < n; i++)
			EXPECT_EQ(p[i], 0);
		memset(p, 0xff, n);
	}
	arena_free(&a);
}

TEST(pieces_do_not_overlap)
{
	enum { PIECES = 2000 };
	struct arena	 a = { 0 };
	unsigned char	*at[PIECES];
	size_t		 sum = 0;

	for (size_t i = 0; i < PIECES; i++) {
		size_t n = i % 97 == 0 ? 40000 : 1 + i % 61;

		at[i] = arena_alloc(&a, n);
		memset(at[i], (int)(i % 251), n);
		sum += n;
	}
	for (size_t i = 0; i < PIECES; i++) {
		size_t n = i % 97 == 0 ? 40000 : 1 + i % 61;

		for (size_t k = 0; k < n; k++)
			EXPECT_EQ(at[i][k], i % 251);
	}
	EXPECT(a.total >= sum);
	arena_free(&a);
}

TEST(a_large_piece_leaves_the_rest_in_use)
{
	struct arena		 a = { 0 };
	struct arena_block	*head;
	char			*p, *q;

	p = arena_alloc(&a, 16);
	head = a.head;
	arena_alloc(&a, 100000);
	q = arena_alloc(&a, 16);
	EXPECT(a.head == head);
	EXPECT(q == p + 16);
	arena_free(&a);
}

TEST(no_bytes_are_still_a_place)
{
	struct arena	 a = { 0 };
	char		*p = arena_alloc(&a, 0), *q = arena_alloc(&a, 0);

	EXPECT(p != q);
	arena_free(&a);
}

TEST(copies)
{
	struct arena	a = { 0 };
	struct view	v = arena_dup(&a, VIEW("a\0b")), none = arena_dup(&a, VIEW_NONE);
	char		big[2000];

	EXPECT(view_eq(v, VIEW("a\0b")));
	EXPECT_EQ(v.p[3], 0);
	EXPECT(none.p != NULL);
	EXPECT_STR(none.p, "");
	EXPECT_STR(arena_dupz(&a, "text"), "text");
	EXPECT_STR(arena_dupz(&a, ""), "");
	EXPECT_STR(arena_printf(&a, "%s-%d", "x", 42), "x-42");
	memset(big, 'z', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	EXPECT_STR(arena_printf(&a, "%s", big), big);
	arena_free(&a);
}

TEST(free_is_empty_and_usable_again)
{
	struct arena	 a = { 0 };
	int		*p;

	arena_free(&a);
	arena_alloc(&a, 100);
	EXPECT(a.total >= 100);
	arena_free(&a);
	EXPECT(a.head == NULL);
	EXPECT_EQ(a.total, 0);
	p = ARENA_NEW(&a, int);
	EXPECT_EQ(*p, 0);
	arena_free(&a);
}
