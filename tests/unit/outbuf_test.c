/* outbuf: bytes come out as they went in, whatever the portions; an empty one holds nothing. */
#include "net/outbuf.h"

#include "unit.h"

TEST(bytes_keep_their_order)
{
	struct outbuf b = { 0 };
	uint32_t x = 7, in = 0, out = 0;
	bool right = true;

	for (int i = 0; i < 20000; i++) {
		char c[97];
		size_t n;

		x = x * 1103515245u + 12345u;
		n = (x >> 16) % sizeof(c);
		for (size_t k = 0; k < n; k++)
			c[k] = (char)(in++ * 31 & 127);
		outbuf_add(&b, view_n(c, n));
		n = MIN(outbuf_len(&b), (x >> 8) % 100);
		for (size_t k = 0; k < n; k++)
			right = right && outbuf_view(&b).p[k] == (char)(out++ * 31 & 127);
		outbuf_take(&b, n);
	}
	EXPECT(right);
	EXPECT_EQ(outbuf_len(&b), in - out);
	outbuf_free(&b);
	EXPECT(b.p == NULL);
}

TEST(an_empty_one_gives_its_memory_back)
{
	struct outbuf b = { 0 };

	outbuf_add(&b, VIEW_NONE);
	EXPECT(b.p == NULL);
	outbuf_add(&b, VIEW("abc"));
	outbuf_take(&b, 2);
	EXPECT_VIEW(outbuf_view(&b), "c");
	outbuf_take(&b, 1);
	EXPECT(b.p == NULL);
	EXPECT_EQ(outbuf_len(&b), 0);
}
