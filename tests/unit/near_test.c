/* "did you mean": what counts as a slip, and where it ends. */
#include "base/near.h"

#include "unit.h"

static const char *const verbs[] = { "move", "copy", "delete", "flag", "unflag", "forward" };
static const char *const keys[] = { "to", "cc", "from", "subject", "Recent", "remove" };

static const char *
verb(const char *word)
{
	int i = near_find(view_of(word), verbs, 6);

	return i < 0 ? "none" : verbs[i];
}

static const char *
key(const char *word)
{
	int i = near_find(view_of(word), keys, 6);

	return i < 0 ? "none" : keys[i];
}

TEST(slips)
{
	EXPECT_STR(verb("move"), "move");
	EXPECT_STR(verb("mvoe"), "move");
	EXPECT_STR(verb("omev"), "move");	/* two swaps */
	EXPECT_STR(verb("movee"), "move");
	EXPECT_STR(verb("mov"), "move");
	EXPECT_STR(verb("dekete"), "delete");
	EXPECT_STR(verb("dleet"), "delete");
	EXPECT_STR(verb("forwrad"), "forward");
	EXPECT_STR(verb("fowrd"), "forward");
	EXPECT_STR(key("subejct"), "subject");
	EXPECT_STR(key("form"), "from");
}

TEST(case_does_not_count)
{
	EXPECT_STR(verb("MOVE"), "move");
	EXPECT_STR(verb("DLEETE"), "delete");
	EXPECT_STR(key("recnet"), "Recent");
}

TEST(too_far_is_none)
{
	EXPECT_STR(verb("remove"), "move");	/* two letters */
	EXPECT_STR(verb("removed"), "none");
	EXPECT_STR(verb("archive"), "none");
	EXPECT_STR(verb(""), "none");
	EXPECT_STR(verb("evom"), "none");
	EXPECT_EQ(near_find(VIEW("move"), verbs, 0), -1);
	EXPECT_EQ(near_find(VIEW_NONE, verbs, 6), -1);
}

TEST(short_words_get_one_slip)
{
	EXPECT_STR(key("ot"), "to");
	EXPECT_STR(key("too"), "to");
	EXPECT_STR(key("c"), "cc");
	EXPECT_STR(key("fr"), "none");
	EXPECT_STR(key("frm"), "from");
	EXPECT_STR(key("xy"), "none");
	EXPECT_STR(key("fom"), "from");
	EXPECT_STR(key("xom"), "none");
}

TEST(nearest_first_then_first)
{
	static const char *const names[] = { "abcdxx", "abcdex", "abcdey", "ABCDEF" };

	EXPECT_EQ(near_find(VIEW("abcdef"), names, 4), 3);
	EXPECT_EQ(near_find(VIEW("abcdef"), names, 3), 1);
	EXPECT_EQ(near_find(VIEW("abcdef"), names, 1), 0);
}

TEST(long_words_are_not_looked_at)
{
	static char		 longer[128];
	const char		*name = longer;
	char			 word[128];

	memset(longer, 'a', 66);
	memset(word, 'a', sizeof(word));
	EXPECT_EQ(near_find(view_n(word, 64), &name, 1), 0);
	EXPECT_EQ(near_find(view_n(word, 65), &name, 1), -1);
	EXPECT_EQ(near_find(view_n(word, 63), &name, 1), -1);
	/* Bytes behind the view are not part of the word. */
	EXPECT_EQ(near_find(view_n("movefast", 4), verbs, 6), 0);
}
