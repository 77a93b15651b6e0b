/* The typed array and the ring of links, both header only. */
#include "base/list.h"
#include "base/vec.h"

#include "unit.h"

struct item {
	int		number;
	struct link	link;
};

TEST(vec_grows_and_shrinks)
{
	struct { VEC(int) } v = { 0 };

	for (int i = 0; i < 1000; i++)
		VEC_PUSH(&v, 3 * i);
	EXPECT_EQ(v.n, 1000);
	EXPECT(v.cap >= v.n && v.cap <= 2 * v.n);
	for (int i = 0; i < 1000; i++)
		EXPECT_EQ(v.at[i], 3 * i);
	EXPECT_EQ(VEC_POP(&v), 2997);
	EXPECT_EQ(v.n, 999);
	VEC_FREE(&v);
	EXPECT(v.at == NULL);
	EXPECT_EQ(v.n + v.cap, 0);
	VEC_FREE(&v);
}

TEST(vec_room_is_made_at_once)
{
	struct { VEC(struct item) } v = { 0 };

	VEC_ROOM(&v, 100);
	struct item *first = v.at;

	EXPECT(v.cap >= 100);
	for (int i = 0; i < 100; i++)
		VEC_PUSH(&v, ((struct item){ .number = i }));
	EXPECT(v.at == first);
	EXPECT_EQ(v.at[99].number, 99);
	VEC_FREE(&v);
}

/* The numbers of the ring as text, forward; "!" where the way back differs. */
static const char *
ring(char out[64], const struct link *head)
{
	size_t n = 0;

	for (const struct link *l = head->next; l != head && n < 60; l = l->next) {
		const struct item *it = (const void *)((const char *)l -
		    offsetof(struct item, link));

		out[n++] = (char)('0' + it->number);
		if (l->next->prev != l || l->prev->next != l)
			out[n++] = '!';
	}
	out[n] = '\0';
	return out;
}

TEST(list_order)
{
	struct link	head;
	struct item	it[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 },
			    { .number = 3 } };
	char		buf[64];

	list_init(&head);
	EXPECT(list_empty(&head));
	list_append(&head, &it[1].link);
	list_append(&head, &it[2].link);
	list_prepend(&head, &it[0].link);
	list_append(&head, &it[3].link);
	EXPECT(!list_empty(&head));
	EXPECT_STR(ring(buf, &head), "0123");
	list_remove(&it[2].link);
	EXPECT_STR(ring(buf, &head), "013");
	/* Twice is harmless, also when the neighbours have gone on. */
	list_remove(&it[1].link);
	list_remove(&it[2].link);
	EXPECT_STR(ring(buf, &head), "03");
	EXPECT(list_empty(&it[2].link));
	EXPECT(LIST_ITEM(head.next, struct item, link) == &it[0]);
	list_remove(&it[0].link);
	list_remove(&it[3].link);
	EXPECT(list_empty(&head));
}

TEST(list_each_may_remove)
{
	struct link	head;
	struct item	items[6];
	char		buf[64];
	int		sum = 0;

	list_init(&head);
	LIST_EACH(&head, l)
		EXPECT(l == NULL);
	for (int i = 0; i < 6; i++) {
		items[i].number = i;
		list_append(&head, &items[i].link);
	}
	LIST_EACH(&head, l) {
		struct item *it = LIST_ITEM(l, struct item, link);

		sum += it->number;
		if (it->number % 2 == 0)
			list_remove(l);
	}
	EXPECT_EQ(sum, 15);
	EXPECT_STR(ring(buf, &head), "135");
}
