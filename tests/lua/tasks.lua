-- mode: exec
local t = require "t"
local early = {}
local task = mail.spawn(function(a, b)
	early[#early + 1] = a .. b
	return "result", nil, 3
end, "x", "y")

t.case("spawned while loading", function()
	t.eq(task:status(), "waiting")
	t.eq(#early, 0)
	t.eq({ task:wait() }, { "result", nil, 3 })
	t.eq(task:status(), "done")
	t.eq(early, { "xy" })
	task:cancel()
	t.raises(function() local _ = task.wiat end, t.line(), "did you mean 'wait'?")
end)
t.case("spawn and wait", function()
	local a = mail.spawn(function(x) mail.sleep(0.02) return x, 2 end, 1)
	t.eq(a:status() == "waiting", true)
	t.eq({ a:wait() }, { 1, 2 })
	t.eq(a:status(), "done")
	local b = mail.spawn(function() error "inside" end)
	t.raises(function() b:wait() end, "tasks.lua:", "inside")
	local c = mail.spawn(function() mail.sleep(60) end)
	c:cancel()
	t.eq(t.raises(function() c:wait() end).code, "canceled")
end)
t.case("all", function()
	t.eq(mail.all { function() mail.sleep(0.02) return 1 end, function() return 2 end }, { 1, 2 })
	t.eq(mail.all {}, {})
	local ended = false
	t.raises(function()
		mail.all { function() mail.sleep(60) ended = true end, function() error "bad" end }
	end, "bad")
	t.eq(ended, false)
	t.raises(function() mail.all(5) end, t.line(), "a list of functions is expected, not 5")
	t.raises(function() mail.all { 5 } end, t.line(), "a function is expected, not 5")
end)
t.case("each", function()
	local now, most = 0, 0
	local squares = mail.each({ 1, 2, 3, 4, 5 }, function(x, i)
		now = now + 1
		most = math.max(most, now)
		mail.sleep(0.01)
		now = now - 1
		t.eq(x, i)
		return x * x
	end, { limit = 2 })
	t.eq(squares, { 1, 4, 9, 16, 25 })
	t.eq(most, 2)
	local n = 0
	t.eq(mail.each(function() n = n + 1 return n <= 3 and n or nil end, function(x) return -x end),
		{ -1, -2, -3 })
	t.raises(function() mail.each({ 1 }, function() error "each bad" end) end, "each bad")
	t.raises(function() mail.each({}, print, { limt = 1 }) end, t.line(),
		"mail.each: unknown option 'limt'; did you mean 'limit'?")
	t.raises(function() mail.each({}, print, { limit = 0 }) end, t.line(), "limit is a whole number")
	t.raises(function() mail.each(5, print) end, t.line(), "a list, a set of messages or an iterator")
	t.raises(function() mail.each({}) end, t.line(), "a function is expected, not nil")
end)
t.case("deadline", function()
	local before = mail.now()
	local e = t.raises(function()
		local d <close> = mail.deadline "1s"
		mail.sleep(60)
	end)
	t.eq(mail.now() - before < 10, true)
	t.eq(e.code == "canceled" or e.code == "limit", true)
	mail.sleep(0.01)
	t.raises(function() mail.deadline "1m" end, t.line(), "mail.deadline:")
	t.raises(function() mail.deadline() end, t.line(), "a duration such as")
end)
t.case("sleep", function()
	local before = mail.now()
	mail.sleep(0.05)
	t.eq(mail.now() - before >= 0.04, true)
	t.raises(function() mail.sleep "5m" end, t.line(), "mail.sleep: bad duration \"5m\"")
	t.raises(function() mail.sleep(-1) end, t.line(), "no duration")
	t.raises(function() mail.sleep(0 / 0) end, t.line(), "no duration")
	t.raises(function() mail.sleep {} end, t.line(), "a duration such as", "not a table")
end)
t.case("spawn errors", function()
	t.raises(function() mail.spawn(5) end, t.line(), "a function is expected, not 5")
end)
t.case("waits in coroutines and metamethods", function()
	local co = coroutine.wrap(function()
		mail.sleep(0.01)
		coroutine.yield(1)
		mail.sleep(0.01)
		return 2
	end)
	t.eq({ co(), co() }, { 1, 2 })
	local x = setmetatable({}, { __index = function(_, k) mail.sleep(0.001) return k end })
	t.eq(x.abc, "abc")
end)

-- mode: exec
-- expect: exit 1
-- output: tasks.lua:{er}: nobody waits
mail.spawn(function()
	mail.sleep(0.01)
	error "nobody waits" --@er
end)
