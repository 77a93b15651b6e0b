/*
 * Runaway scripts, on the real loop and the real CPU timer: the task that runs away
 * ends, the others go on.  Nothing here asks how long something took.
 */
#include "rt_fixture.h"

static const struct rt_limits small = {
	.cpu_ms = 60, .slice_growth = 8 << 20, .total = 64 << 20,
};

/* A neighbour that must get its turns, and the runaway; then the neighbour's last word. */
#define BESIDE(src) \
	struct fx *f = fx_new(false, &small); \
	EXPECT(fx_spawn(f, "for i = 1, 3 do task.sleep(0.001) end note 'neighbour'") != NULL); \
	if (fx_spawn(f, src)) \
		loop_run(f->l)
#define DONE()	fx_free(&f); EXPECT(f == NULL)
#define ENDED_BY_LIMIT() \
	EXPECT_EQ(f->ends, 2); \
	EXPECT_EQ(f->e.kind, ERR_LIMIT); \
	EXPECT(strstr(str_z(&f->notes), "neighbour") != NULL); \
	EXPECT(strstr(str_z(&f->notes), "never") == NULL)

TEST(endless_loop)
{
	BESIDE("while true do end");
	ENDED_BY_LIMIT();
	EXPECT_STR(f->e.text, "ran for 60 ms of CPU without a wait");
	EXPECT(strstr(f->detail, "script:1:") != NULL);
	DONE();
}

TEST(others_run_meanwhile)
{
	struct rt_limits long_cpu = { .cpu_ms = 5000 };
	struct fx *f = fx_new(false, &long_cpu);

	EXPECT(fx_spawn(f, "local go = true "
	    "task.spawn(function() task.sleep(0.001) go = false end) "
	    "task.sleep(0) local n = 0 while go do n = n + 1 end note 'stopped'") != NULL);
	loop_run(f->l);
	EXPECT_STR(str_z(&f->notes), "stopped");
	EXPECT_EQ(f->e.kind, ERR_OK);
	DONE();
}

TEST(slices_compute_right)
{
	struct rt_limits long_cpu = { .cpu_ms = 60000 };
	struct fx *f = fx_new(false, &long_cpu);

	/* Four that share the CPU, one of them through coroutines, pcall and metamethods. */
	EXPECT(fx_spawn(f, "local function sum(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end "
	    "local N <const> = 1000000 local want = sum(N) "
	    "local r = all { function() return sum(N) end, "
	    "  function() return select(2, pcall(sum, N)) end, "
	    "  function() return coroutine.wrap(function() return sum(N) end)() end, "
	    "  function() local s = 0 for v in coroutine.wrap(function() "
	    "    for i = 1, N do coroutine.yield(i % 7) end end) do s = s + v end return s end } "
	    "for i = 1, 4 do note(r[i] == want) end") != NULL);
	loop_run(f->l);
	EXPECT_STR(str_z(&f->notes), "true true true true");
	DONE();
}

TEST(loop_below_pcall)
{
	BESIDE("while true do pcall(function() while true do end end) end note 'never'");
	ENDED_BY_LIMIT();
	DONE();
}

TEST(loop_below_coroutines)
{
	BESIDE("local function spin() while true do end end "
	    "coroutine.wrap(function() while true do pcall(coroutine.wrap(spin)) end end)()");
	ENDED_BY_LIMIT();
	EXPECT(strstr(f->detail, "'spin'") || strstr(f->detail, "script:1:"));
	DONE();
}

TEST(loop_below_sort)
{
	BESIDE("table.sort({3, 2, 1}, function() while true do end end) note 'never'");
	ENDED_BY_LIMIT();
	DONE();
}

TEST(loop_below_sort_below_pcall)
{
	BESIDE("local function spin() while true do end end "
	    "pcall(table.sort, {3, 2, 1}, function() while true do pcall(spin) end end) "
	    "while true do pcall(spin) end note 'never'");
	ENDED_BY_LIMIT();
	DONE();
}

TEST(loop_of_coroutines_below_gsub)
{
	BESIDE("local function spin() while true do end end "
	    "pcall(string.gsub, 'a', 'a', function() "
	    "  while true do coroutine.resume(coroutine.create(spin)) end end) "
	    "while true do end");
	ENDED_BY_LIMIT();
	DONE();
}

TEST(close_runs_after_the_limit)
{
	BESIDE("local a <close> = setmetatable({}, {__close = function() note 'closed' end}) "
	    "local b <close> = setmetatable({}, {__close = function() while true do end end}) "
	    "while true do end");
	ENDED_BY_LIMIT();
	EXPECT(strstr(str_z(&f->notes), "closed") != NULL);
	DONE();
}

TEST(close_runs_after_the_limit_below_sort)
{
	BESIDE("local a <close> = setmetatable({}, {__close = function() note 'closed' end}) "
	    "local b <close> = setmetatable({}, {__close = function() while true do end end}) "
	    "table.sort({3, 2, 1}, function() while true do end end)");
	ENDED_BY_LIMIT();
	EXPECT(strstr(str_z(&f->notes), "closed") != NULL);
	DONE();
}

TEST(a_runaway_child_fails_its_parent)
{
	BESIDE("task.spawn(function() while true do end end) task.sleep(1e6) note 'never'");
	ENDED_BY_LIMIT();
	DONE();
}

TEST(waits_renew_the_budget)
{
	BESIDE("local function busy() local x = 0 for i = 1, 200000 do x = x + i end end "
	    "for i = 1, 60 do busy() task.sleep(0) end note 'through'");
	EXPECT_EQ(f->e.kind, ERR_OK);
	EXPECT(strstr(str_z(&f->notes), "through") != NULL);
	DONE();
}

TEST(long_slices_are_logged)
{
	struct rt_limits long_cpu = { .cpu_ms = 150 };
	struct fx *f = fx_new(false, &long_cpu);

	EXPECT(fx_spawn(f, "table.sort({3, 2, 1}, function() while true do end end)") != NULL);
	loop_run(f->l);
	EXPECT(strstr(str_z(&f->logged), "task main: held all others") != NULL);
	DONE();
}

TEST(huge_string)
{
	BESIDE("local ok, e = pcall(string.rep, 'x', 1000000000) note(e) error(e, 0)");
	EXPECT(strstr(str_z(&f->notes), "not enough memory") != NULL);
	ENDED_BY_LIMIT();
	DONE();
}

TEST(empty_string_many_times)
{
	BESIDE("note('<' .. (''):rep(1 << 60) .. '>') "
	    "note(select(2, pcall(table.move, {}, 1, 1 << 60, 2)).code)");
	EXPECT_EQ(f->e.kind, ERR_OK);
	EXPECT(strstr(str_z(&f->notes), "<> limit") != NULL);
	DONE();
}

TEST(endless_recursion)
{
	BESIDE("local function f() return 1 + f() end f()");
	ENDED_BY_LIMIT();
	DONE();
}

TEST(endless_table)
{
	BESIDE("local t = {} while true do t[#t + 1] = {} end");
	ENDED_BY_LIMIT();
	DONE();
}

TEST(endless_table_in_slices)
{
	/* Grows over many slices: what counts is the growth between two waits. */
	struct rt_limits slow = { .cpu_ms = 60000, .slice_growth = 4 << 20 };
	struct fx *f = fx_new(false, &slow);

	EXPECT(fx_spawn(f, "local t = {} while true do for i = 1, 1000 do end t[#t + 1] = {} end") != NULL);
	loop_run(f->l);
	EXPECT_EQ(f->e.kind, ERR_LIMIT);
	EXPECT_STR(f->e.text, "not enough memory");
	fx_run(f, "note 'alive'");
	EXPECT_STR(str_z(&f->notes), "alive");
	DONE();
}

TEST(memory_comes_back)
{
	struct fx *f = fx_new(false, &small);

	for (int i = 0; i < 20; i++) {
		fx_run(f, "local t = {} while true do t[#t + 1] = 'x' .. #t end");
		EXPECT_EQ(f->e.kind, ERR_LIMIT);
	}
	fx_run(f, "collectgarbage() note(collectgarbage 'count' < 4000)");
	EXPECT_STR(str_z(&f->notes), "true");
	DONE();
}

TEST(total_ceiling)
{
	struct fx *f = fx_new(false, &small);

	/* Each step is within its slice; all together are not. */
	fx_run(f, "local keep = {} for i = 1, 100 do keep[i] = ('x'):rep(2000000) .. i task.sleep(0) end");
	EXPECT_EQ(f->e.kind, ERR_LIMIT);
	fx_run(f, "note 'alive'");
	EXPECT_STR(str_z(&f->notes), "alive");
	DONE();
}
