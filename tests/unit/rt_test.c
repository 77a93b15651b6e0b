/* Tasks, waits, cancel, kill, children, deadlines, on the virtual clock. */
#include "rt_fixture.h"

/* Runs src on a fresh fixture f. */
#define RUN(src) \
	struct fx *f = fx_new(true, NULL); \
	fx_run(f, src)
#define DONE()	fx_free(&f); EXPECT(f == NULL)
#define NOTES(text) EXPECT_STR(str_z(&f->notes), text)

TEST(results)
{
	RUN("return 'a', 2, nil");
	EXPECT_EQ(f->ends, 1);
	EXPECT_EQ(f->nres, 3);
	EXPECT_STR(f->result, "a");
	EXPECT_EQ(f->e.kind, ERR_OK);
	EXPECT_EQ(f->idle, 1);
	EXPECT_EQ(rt_tasks(f->rt), 0);
	DONE();
}

TEST(sleep_moves_the_clock)
{
	int64_t t0;
	struct fx *f = fx_new(true, NULL);

	t0 = loop_now(f->l);
	fx_run(f, "task.sleep(1740) note(task.name()) task.sleep '1min' task.sleep(0) task.sleep(-1)");
	EXPECT_EQ(loop_now(f->l) - t0, 1800000);
	NOTES("main");
	fx_run(f, "task.sleep(0/0)");
	EXPECT(strstr(f->e.text, "NaN") != NULL);
	DONE();
}

TEST(done_before_the_wait)
{
	RUN("note(early()) note(early())");
	NOTES("held held");
	EXPECT_EQ(f->finished, 2);
	EXPECT_EQ(f->cancelled, 0);
	DONE();
}

TEST(own_time_ends_a_wait)
{
	RUN("note(brief(500))");
	NOTES("timed out");
	EXPECT_EQ(f->finished, 1);
	DONE();
}

TEST(done_from_outside_twice)
{
	struct fx *f = fx_new(true, NULL);

	EXPECT(fx_spawn(f, "note(hold())") != NULL);
	loop_fake_run_for(f->l, 10);
	EXPECT(f->held != NULL);
	rt_done(f->held);
	rt_done(f->held);
	EXPECT_EQ(f->ends, 0);		/* only queued */
	loop_run(f->l);
	NOTES("held");
	EXPECT_EQ(f->ends, 1);
	DONE();
}

TEST(cancel_is_level_triggered)
{
	struct err why = ERR_NONE;
	struct task *t;
	struct fx *f = fx_new(true, NULL);

	t = fx_spawn(f, "for i = 1, 3 do local ok, e = pcall(hold) note(tostring(ok) .. e.code) end "
	    "return 'over'");
	EXPECT(t != NULL);
	loop_fake_run_for(f->l, 10);
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "stop it");
	rt_cancel(t, &why);
	EXPECT_EQ(f->cancelled, 1);
	rt_cancel(t, &why);
	loop_run(f->l);
	NOTES("falsecanceled falsecanceled falsecanceled");
	EXPECT_EQ(f->cancelled, 1);
	EXPECT_STR(f->result, "over");
	DONE();
}

TEST(cancel_leaves_a_done_result)
{
	struct err why = ERR_NONE;
	struct task *t;
	struct fx *f = fx_new(true, NULL);

	t = fx_spawn(f, "note(hold()) hold()");
	EXPECT(t != NULL);
	loop_fake_run_for(f->l, 10);
	rt_done(f->held);
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "stop it");
	rt_cancel(t, &why);
	loop_run(f->l);
	NOTES("held");
	EXPECT_EQ(f->e.kind, ERR_CANCELED);
	EXPECT_STR(f->e.text, "stop it");
	EXPECT_EQ(f->finished, 1);
	EXPECT_EQ(f->cancelled, 0);
	DONE();
}

#define CLOSING "local function closing(s) return setmetatable({}, " \
	"{ __close = function() note(s) end }) end "

TEST(kill_closes_innermost_first)
{
	struct err why = ERR_NONE;
	struct task *t;
	struct fx *f = fx_new(true, NULL);

	t = fx_spawn(f, CLOSING
	    "local a <close> = closing 'main' "
	    "local function wait() local b <close> = closing 'inner' "
	    "  local c <close> = setmetatable({}, {__close = function() "
	    "    note(select(2, pcall(task.sleep, 1)).code) end}) "
	    "  pcall(hold) note 'never' end "
	    "coroutine.wrap(function() local d <close> = closing 'middle' "
	    "  coroutine.wrap(wait)() end)()");
	EXPECT(t != NULL);
	loop_fake_run_for(f->l, 10);
	err_set(&why, ERR_HELD, SCOPE_MESSAGE, "enough");
	rt_kill(t, &why);
	EXPECT_EQ(f->cancelled, 1);
	EXPECT_EQ(f->ends, 0);
	loop_run(f->l);
	NOTES("usage inner middle main");
	EXPECT_EQ(f->e.kind, ERR_HELD);
	EXPECT_EQ(f->ends, 1);
	DONE();
}

TEST(free_kills_the_rest)
{
	struct fx *f = fx_new(true, NULL);

	EXPECT(fx_spawn(f, "local x <close> = setmetatable({}, {__close = function() note 'x' end}) "
	    "for i = 1, 3 do task.spawn(hold) end task.spawn(function() task.sleep(1e6) end) hold()")
	    != NULL);
	EXPECT(fx_spawn(f, "return 1") != NULL);	/* not even begun */
	loop_fake_run_for(f->l, 10);
	EXPECT(fx_spawn(f, "return 1") != NULL);
	rt_free(&f->rt);
	EXPECT_EQ(f->ends, 3);
	EXPECT_EQ(f->cancelled, 4);
	NOTES("x");
	DONE();
}

TEST(parent_waits_for_children)
{
	RUN("task.spawn(function() task.sleep(5) note 'child' end) note 'body' return 'r'");
	NOTES("body child");
	EXPECT_STR(f->result, "r");
	EXPECT_EQ(f->ends, 1);
	DONE();
}

TEST(child_failure_fails_all)
{
	RUN("task.spawn(function() task.sleep(5) error 'boom' end) "
	    "task.spawn(function() local ok, e = pcall(task.sleep, 50) note(e.code) end) "
	    "local ok, e = pcall(task.sleep, 100) note(e) task.sleep(1) note 'never'");
	EXPECT(strstr(str_z(&f->notes), "canceled") != NULL);	/* in whatever order */
	EXPECT(strstr(str_z(&f->notes), "script:1: boom") != NULL);
	EXPECT_EQ(f->notes.len, strlen("canceled script:1: boom"));
	EXPECT_STR(f->e.text, "script:1: boom");
	DONE();
}

TEST(child_failure_in_order)
{
	RUN("task.spawn(function() task.sleep(5) error 'boom' end) return 1");
	EXPECT_EQ(f->e.kind, ERR_USAGE);
	EXPECT_STR(f->e.text, "script:1: boom");
	EXPECT(strstr(f->detail, "script:1: in function") != NULL);
	EXPECT(strstr(f->detail, "[C]") == NULL);
	DONE();
}

TEST(parent_failure_cancels_children)
{
	RUN("task.spawn(function() local ok, e = pcall(task.sleep, 50) note(e.message) end) "
	    "task.sleep(1) error { message = 'my own' }");
	NOTES("task main, its parent, failed");
	EXPECT_STR(f->e.text, "my own");
	DONE();
}

TEST(handles)
{
	RUN("local h = task.spawn(function(a, b) task.sleep(1) return a, b, nil end, 'x', 7) "
	    "note(h:status()) "
	    "local n = select('#', h:wait()) note(n) note((h:wait())) note(h:status()) "
	    "local g = task.spawn(function() error({}) end) "
	    "note(type(select(2, pcall(g.wait, g)))) note(g:status()) "
	    "local c = task.spawn(hold) c:cancel() note(select(2, pcall(c.wait, c)).code) "
	    "note(c:status()) task.sleep(1)");
	NOTES("waiting 3 x done table failed canceled canceled");
	EXPECT_EQ(f->e.kind, ERR_OK);
	DONE();
}

TEST(waiting_in_circles)
{
	RUN("local a, b "
	    "a = task.spawn(function() task.sleep(1) b:wait() end) "
	    "b = task.spawn(function() task.sleep(1) note(select(2, pcall(a.wait, a)).code) end) "
	    "b:wait() local me "
	    "me = task.spawn(function() note(select(2, pcall(me.wait, me)).message) end) me:wait()");
	NOTES("usage a task cannot wait for itself");
	EXPECT_EQ(f->e.kind, ERR_OK);
	DONE();
}

TEST(deadline_is_a_scope)
{
	RUN("do local d <close> = task.deadline(10) "
	    "  do local e <close> = task.deadline(3) "
	    "    local ok, err = pcall(task.sleep, 5) note(err.code) "
	    "    note(pcall(task.sleep, 0)) end "
	    "  task.sleep(5) note 'fine' "
	    "  local c = task.spawn(function() task.sleep(60) end) "
	    "  note(select(2, pcall(c.wait, c)).message) "
	    "  note(select(2, pcall(hold)).code) "
	    "end task.sleep(100) note 'after'");
	NOTES("limit false fine the deadline has passed limit after");
	EXPECT_EQ(f->e.kind, ERR_OK);
	EXPECT_EQ(f->cancelled, 0);
	DONE();
}

TEST(deadline_ends_a_long_own_time)
{
	RUN("local d <close> = task.deadline(1) note(brief(500)) "
	    "note(select(2, pcall(brief, 5000)).code)");
	NOTES("timed out limit");
	EXPECT_EQ(f->cancelled, 1);
	DONE();
}

TEST(waits_everywhere)
{
	RUN("local mt = { __index = function(_, k) return brief(1) .. k end, "
	    "  __add = function() return brief(1) end, __call = function() return early() end, "
	    "  __close = function() note(brief(1)) end, __lt = function() early() return true end } "
	    "local x = setmetatable({}, mt) "
	    "note(x.z) note(x + 1) note(x()) note(x < x) note(select(2, pcall(early))) "
	    "note(select(2, xpcall(early, print))) "
	    "for v in function(_, c) if not c then return early() end end do note(v) end "
	    "do local y <close> = x end "
	    "pcall(function() local y <close> = x error 'e' end)");
	EXPECT_EQ(f->e.kind, ERR_OK);
	NOTES("timed outz timed out held true held held held timed out timed out");
	DONE();
}

TEST(nested_coroutines)
{
	RUN("local function gen(n) return coroutine.wrap(function() "
	    "  for i = 1, n do early() coroutine.yield(i) end end) end "
	    "local outer = coroutine.create(function(a) local g = gen(3) "
	    "  note(a) while true do local v = g() if not v then return 'end' end "
	    "  note(coroutine.yield(v * 10)) end end) "
	    "for i = 1, 4 do note(select(2, coroutine.resume(outer, 'in' .. i))) end "
	    "note(coroutine.status(outer)) note(select(2, coroutine.resume(outer)))");
	NOTES("in1 10 in2 20 in3 30 in4 end dead cannot resume dead coroutine");
	EXPECT_EQ(f->e.kind, ERR_OK);
	DONE();
}

TEST(foreign_coroutines_are_left_alone)
{
	RUN("local co, me = nil, coroutine.running() "
	    "task.spawn(function() co = coroutine.create(function() early() brief(5) note 'mine' end) "
	    "  coroutine.resume(co) end) "
	    "task.sleep(0.002) "
	    "note(coroutine.status(co)) note(select(2, coroutine.resume(co))) "
	    "note(pcall(coroutine.close, co)) "
	    "task.spawn(function() note(coroutine.status(me)) note((coroutine.resume(me))) "
	    "  note(pcall(coroutine.close, me)) end)");
	EXPECT_EQ(f->e.kind, ERR_OK);
	NOTES("normal cannot resume non-suspended coroutine false normal false false mine");
	DONE();
}

TEST(coroutine_library)
{
	RUN("note(select(2, coroutine.running())) note(coroutine.isyieldable()) "
	    "note(select(2, pcall(coroutine.yield)).code) "
	    "local co = coroutine.create(function() coroutine.yield() end) "
	    "note(coroutine.status(co)) coroutine.resume(co) note(coroutine.close(co)) "
	    "note(coroutine.status(co)) "
	    "local bad = coroutine.create(function() local x <close> = "
	    "  setmetatable({}, {__close = function() error('c', 0) end}) coroutine.yield() end) "
	    "coroutine.resume(bad) note(select(2, coroutine.close(bad))) "
	    "note(select(2, pcall(coroutine.wrap(function() error('w', 0) end)))) "
	    "local self; self = coroutine.wrap(function() return self() end) "
	    "note(select(2, pcall(self)))");
	NOTES("true false usage suspended true dead c w "
	    "script:1: cannot resume non-suspended coroutine");
	DONE();
}

TEST(coroutines_too_deep)
{
	RUN("local function deep(n) return coroutine.wrap(function() return deep(n + 1) end)() end "
	    "note(select(2, pcall(deep, 1)).code) "
	    "local function ok(n) if n == 0 then early() return 'ok' end "
	    "  return coroutine.wrap(function() return ok(n - 1) end)() end note(ok(60))");
	NOTES("limit ok");
	DONE();
}

TEST(no_wait_below_c)
{
	RUN("local function try(f, ...) local ok, e = pcall(f, ...) note(e.message) end "
	    "try(table.sort, {3, 2, 1}, function(a, b) early() return a < b end) "
	    "try(string.gsub, 'aa', 'a', function() early() end) "
	    "package.preload.m = function() early() end try(require, 'm') "
	    "try(tostring, setmetatable({}, {__tostring = function() early() end})) "
	    "try(table.sort, {3, 2, 1}, function(a, b) "
	    "  coroutine.wrap(function() early() end)() return a < b end)");
	NOTES("cannot wait inside a function that 'sort' calls; do the waiting before or after "
	    "cannot wait inside a function that 'gsub' calls; do the waiting before or after "
	    "cannot wait while require loads a module; wait in a function that the module returns "
	    "cannot wait inside a function that 'tostring' calls; do the waiting before or after "
	    "cannot wait inside a function that 'sort' calls; do the waiting before or after");
	EXPECT_EQ(f->finished, 0);
	EXPECT_EQ(f->cancelled, 0);
	DONE();
}

TEST(tracebacks_show_inner_coroutines)
{
	RUN("local function third() error 'deep' end\n"
	    "local function second() third() return 1 end\n"
	    "local g = coroutine.wrap(function() brief(1) second() end)\n"
	    "local function first() g() return 1 end\n"
	    "first()");
	EXPECT_STR(f->e.text, "script:4: script:1: deep");
	EXPECT(strstr(f->detail, "script:2: in ") != NULL);
	EXPECT(strstr(f->detail, "script:4: in ") != NULL);
	EXPECT(strstr(f->detail, "[C]: in ?") == NULL);
	DONE();
}

TEST(all_and_each)
{
	RUN("local r = all { function() task.sleep(2) return 'a' end, function() return 'b' end } "
	    "note(r[1] .. r[2]) "
	    "local ok, e = pcall(all, { function() task.sleep(9) note 'never' end, "
	    "  function() task.sleep(1) error('bad', 0) end }) note(e) task.sleep(1) "
	    "local now, most = 0, 0 "
	    "local sq = each({1, 2, 3, 4, 5}, function(x, i) now = now + 1 "
	    "  most = math.max(most, now) task.sleep(1) now = now - 1 return x * x end, {limit = 2}) "
	    "note(table.concat(sq, ',')) note(most) "
	    "local n = 0 local it = each(function() task.sleep(1) n = n + 1 "
	    "  return n <= 3 and n or nil end, function(x) return -x end) "
	    "note(table.concat(it, ',')) "
	    "note(select(2, pcall(function() each({}, print, {limt = 1}) end)))");
	EXPECT_EQ(f->e.kind, ERR_OK);
	NOTES("ab bad 1,4,9,16,25 2 -1,-2,-3 script:1: each: no option 'limt'; did you mean 'limit'?");
	DONE();
}

TEST(gates)
{
	RUN("local g, now, most = task.places(2), {}, 0 "
	    "for i = 1, 5 do task.spawn(function() g:enter() now[i] = true "
	    "  local n = 0 for _ in pairs(now) do n = n + 1 end most = math.max(most, n) "
	    "  task.sleep(1) now[i] = nil g:leave() end) end "
	    "task.sleep(10) note(most) "
	    "g:enter() g:enter() "
	    "local a = task.spawn(function() g:enter() note 'never' end) "
	    "local b = task.spawn(function() g:enter() note 'b' end) "
	    "task.sleep(1) a:cancel() g:leave() b:wait()");
	NOTES("2 b");
	EXPECT_EQ(f->e.kind, ERR_OK);
	DONE();
}

TEST(a_place_given_to_the_killed_goes_on)
{
	struct err why = ERR_NONE;
	struct task *t;
	struct fx *f = fx_new(true, NULL);

	fx_run(f, "rawset(_G, 'g', task.places(1)) g:enter()");
	t = fx_spawn(f, "g:enter() note 'never'");
	EXPECT(t != NULL);
	EXPECT(fx_spawn(f, "g:enter() note 'second'") != NULL);
	loop_fake_run_for(f->l, 10);
	EXPECT(fx_spawn(f, "g:leave() hold()") != NULL);
	do
		loop_turn(f->l, false);
	while (f->held == NULL);
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "stop it");
	rt_kill(t, &why);
	rt_done(f->held);
	loop_run(f->l);
	EXPECT(strstr(str_z(&f->notes), "never") == NULL);
	EXPECT(strstr(str_z(&f->notes), "second") != NULL);
	DONE();
}

TEST(cancel_goes_down_through_all)
{
	struct err why = ERR_NONE;
	struct task *t;
	struct fx *f = fx_new(true, NULL);

	t = fx_spawn(f, "all { hold, function() all { hold, hold } end }");
	EXPECT(t != NULL);
	loop_fake_run_for(f->l, 10);
	EXPECT_EQ(rt_tasks(f->rt), 7);
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "stop it");
	rt_cancel(t, &why);
	EXPECT_EQ(f->cancelled, 3);
	loop_run(f->l);
	EXPECT_STR(f->e.text, "stop it");
	EXPECT_EQ(rt_tasks(f->rt), 0);
	DONE();
}

TEST(ten_thousand_asleep)
{
	/* n = n + 1 would not do: when a slice ends in between, another may count. */
	RUN("local up = {} for i = 1, 10000 do "
	    "task.spawn(function() task.sleep(100 - i % 100) up[i] = true end) end "
	    "local function count() local n = 0 for _ in pairs(up) do n = n + 1 end return n end "
	    "task.sleep(50.5) note(count()) task.sleep(100) note(count())");
	NOTES("5000 10000");
	EXPECT_EQ(f->e.kind, ERR_OK);
	DONE();
}

TEST(deep_trees_of_tasks)
{
	struct err why = ERR_NONE;
	struct task *t;
	struct fx *f = fx_new(true, NULL);

	t = fx_spawn(f, "local function go(n) if n > 0 then task.spawn(go, n - 1) end hold() end go(2000)");
	EXPECT(t != NULL);
	loop_fake_run_for(f->l, 100);
	EXPECT_EQ(rt_tasks(f->rt), 2001);
	err_set(&why, ERR_CANCELED, SCOPE_MESSAGE, "stop it");
	rt_kill(t, &why);
	loop_run(f->l);
	EXPECT_EQ(rt_tasks(f->rt), 0);
	EXPECT_EQ(f->cancelled, 2001);
	DONE();
}

/* Every allocation of this script is refused once, by a ceiling that rises slowly. */
TEST(every_refusal_ends_in_an_error)
{
	bool through = false;

	for (size_t total = 20000; !through && total < 400000; total += 173) {
		struct rt_limits limits = { .total = total };
		struct fx *f = fx_try(true, &limits);

		if (f == NULL)
			continue;
		fx_run(f, "local co = coroutine.wrap(function() early() local ok, e = pcall(error, {}) "
		    "  coroutine.yield(1) task.sleep(1) end) co() "
		    "local h = task.spawn(function() local x <close> = task.deadline(5) hold() end) "
		    "local t = {} for i = 1, 50 do t[i] = i .. 'text' end "
		    "pcall(error) local ok, e = pcall(h.wait, h) co() "
		    "each({1, 2, 3}, function(x) return x end)");
		through = !err_is(&f->e);
		if (!through)
			EXPECT(f->e.text[0] != '\0');
		EXPECT_EQ(rt_tasks(f->rt), 0);
		fx_free(&f);
	}
	EXPECT(through);
}

TEST(two_runtimes_on_one_loop)
{
	struct err e = ERR_NONE;
	struct rt *other;
	RUN("note 'a'");

	other = rt_new(f->l, f->log, NULL, &e);
	EXPECT(other != NULL);
	fx_run(f, "task.sleep(1) note 'b'");
	NOTES("b");
	rt_free(&other);
	fx_run(f, "note 'c'");
	NOTES("c");
	DONE();
}
