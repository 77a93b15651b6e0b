/* suspend: a wall clock that runs ahead is told once, one that is set back never. */
#include "net/suspend.h"

#include "net/loop_fake.h"
#include "unit.h"

struct ctx {
	struct suspend	*s;
	int		 n;
	int64_t		 slept;
	bool		 free_in_fn;
};

static void
on_sleep(void *arg, int64_t slept_ms)
{
	struct ctx *c = arg;

	c->n++;
	c->slept = slept_ms;
	if (c->free_in_fn)
		suspend_free(&c->s);
}

TEST(a_sleep_is_told_once)
{
	struct loop *l = loop_fake_new(1700000000000);
	struct ctx c = { 0 };

	c.s = suspend_new(l, on_sleep, &c);
	loop_fake_run_for(l, 5 * SUSPEND_LOOK_MS);
	EXPECT_EQ(c.n, 0);
	loop_fake_jump_wall(l, 3600000);
	loop_fake_run_for(l, 5 * SUSPEND_LOOK_MS);
	EXPECT_EQ(c.n, 1);
	EXPECT_EQ(c.slept, 3600000);
	loop_fake_jump_wall(l, -3600000);
	loop_fake_run_for(l, 5 * SUSPEND_LOOK_MS);
	EXPECT_EQ(c.n, 1);
	loop_fake_jump_wall(l, SUSPEND_MIN_MS - 1);
	loop_fake_run_for(l, 5 * SUSPEND_LOOK_MS);
	EXPECT_EQ(c.n, 1);
	suspend_free(&c.s);
	EXPECT(c.s == NULL);
	loop_run(l);
	loop_free(&l);
}

TEST(a_look_now_and_freeing_in_the_callback)
{
	struct loop *l = loop_fake_new(1700000000000);
	struct ctx c = { .free_in_fn = true };

	c.s = suspend_new(l, on_sleep, &c);
	loop_fake_jump_wall(l, 60000);
	suspend_look(c.s);
	EXPECT_EQ(c.n, 0);
	loop_fake_run_for(l, 1);
	EXPECT_EQ(c.n, 1);
	EXPECT(c.s == NULL);
	loop_run(l);			/* no timer is left */
	loop_free(&l);
}
