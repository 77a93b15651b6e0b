/* The map against a plain array of what must be in it. */
#include "base/map.h"

#include "unit.h"

enum { KEYS = 500 };

static struct view
key_of(char buf[32], int i)
{
	int n = snprintf(buf, 32, "key %d", i);

	return view_n(buf, (size_t)n);
}

TEST(empty_map)
{
	struct map	*m = map_new();
	size_t		 it = 0;
	struct view	 key;
	void		*value;

	EXPECT(map_get(m, VIEW("x")) == NULL);
	EXPECT(map_del(m, VIEW("x")) == NULL);
	EXPECT_EQ(map_count(m), 0);
	EXPECT(!map_next(m, &it, &key, &value));
	map_free(&m);
	EXPECT(m == NULL);
	map_free(&m);
}

TEST(set_get_replace_delete)
{
	struct map	*m = map_new();
	char		 name[] = "INBOX";
	int		 a, b;

	EXPECT(map_set(m, view_of(name), &a) == NULL);
	/* The key is a copy, and is looked at by bytes. */
	name[0] = 'X';
	EXPECT(map_get(m, VIEW("INBOX")) == &a);
	EXPECT(map_get(m, VIEW("XNBOX")) == NULL);
	EXPECT(map_get(m, VIEW("inbox")) == NULL);
	EXPECT(map_set(m, VIEW("INBOX"), &b) == &a);
	EXPECT_EQ(map_count(m), 1);
	EXPECT(map_del(m, VIEW("INBOX")) == &b);
	EXPECT(map_del(m, VIEW("INBOX")) == NULL);
	EXPECT_EQ(map_count(m), 0);
	map_free(&m);
}

TEST(keys_are_bytes)
{
	struct map	*m = map_new();
	int		 v[4];

	map_set(m, VIEW_NONE, &v[0]);
	map_set(m, VIEW("\0"), &v[1]);
	map_set(m, VIEW("a\0b"), &v[2]);
	map_set(m, VIEW("12345678"), &v[3]);
	EXPECT_EQ(map_count(m), 4);
	EXPECT(map_get(m, VIEW("")) == &v[0]);
	EXPECT(map_get(m, VIEW("\0")) == &v[1]);
	EXPECT(map_get(m, VIEW("a\0b")) == &v[2]);
	EXPECT(map_get(m, VIEW("a\0c")) == NULL);
	EXPECT(map_get(m, VIEW("12345678")) == &v[3]);
	EXPECT(map_get(m, VIEW("12345678\0")) == NULL);
	map_free(&m);
}

/* What is in the map is what is in the model, by look-up and by walk. */
static bool
agrees(const struct map *m, int model[KEYS][2])
{
	size_t		 it = 0, walked = 0, want = 0;
	struct view	 key;
	void		*value;
	char		 buf[32];

	for (int i = 0; i < KEYS; i++) {
		int *must = model[i][0] ? model[i] : NULL;

		want += must != NULL;
		if (map_get(m, key_of(buf, i)) != must)
			return false;
	}
	while (map_next(m, &it, &key, &value)) {
		int *v = value;

		if (!view_eq(key, key_of(buf, v[1])))
			return false;
		walked++;
	}
	return walked == want && map_count(m) == want;
}

TEST(random_work_against_a_model)
{
	struct map	*m = map_new();
	static int	 model[KEYS][2];
	uint32_t	 x = 1;
	char		 buf[32];

	for (int i = 0; i < KEYS; i++)
		model[i][1] = i;
	for (int step = 0; step < 40000; step++) {
		x = x * 1664525u + 1013904223u;
		int i = (int)((x >> 16) % KEYS);
		/* Thousands of steps that mostly fill, then as many that mostly empty. */
		bool set = (x >> 8) % 4 != 0 ? step / 4000 % 2 == 0 : step / 4000 % 2 == 1;
		void *must = model[i][0] ? model[i] : NULL;

		if (set)
			EXPECT(map_set(m, key_of(buf, i), model[i]) == must);
		else
			EXPECT(map_del(m, key_of(buf, i)) == must);
		model[i][0] = set;
		if (step % 500 == 0)
			EXPECT(agrees(m, model));
	}
	EXPECT(agrees(m, model));
	map_free(&m);
}

TEST(maps_have_seeds_of_their_own)
{
	bool differs = false;

	/* 64 keys: the chance of the same order by two seeds is nil. */
	for (int round = 0; round < 3 && !differs; round++) {
		struct map	*a = map_new(), *b = map_new();
		size_t		 ia = 0, ib = 0;
		struct view	 ka, kb;
		void		*va, *vb;
		char		 buf[32];
		int		 one;

		for (int i = 0; i < 64; i++) {
			map_set(a, key_of(buf, i), &one);
			map_set(b, key_of(buf, i), &one);
		}
		while (map_next(a, &ia, &ka, &va) && map_next(b, &ib, &kb, &vb))
			differs = differs || !view_eq(ka, kb);
		map_free(&a);
		map_free(&b);
	}
	EXPECT(differs);
}
