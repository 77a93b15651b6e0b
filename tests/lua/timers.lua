-- mode: daemon
-- until: seven runs
-- output: every: first
-- output: never two at once
-- output: timer "every 0.02": timers.lua:{bad}: a run that fails
-- output: at: once
-- expect: exit 1
local now, most, runs, bad = 0, 0, 0, 0
mail.every(0.05, function()
	now = now + 1
	most = math.max(most, now)
	runs = runs + 1
	if runs == 1 then
		mail.log "every: first"
	end
	mail.sleep(0.08)
	now = now - 1
	if runs == 7 then
		mail.log(most == 1 and "never two at once" or "two at once")
		mail.log "seven runs"
	end
end, { name = "slow" })
mail.every(0.02, function()
	bad = bad + 1
	if bad == 2 then
		error "a run that fails" --@bad
	end
end)
mail.at(mail.now() + 0.1, function() mail.log "at: once" end)

-- mode: exec
-- expect: exit 3
-- output: ends here
local t = require "t"
local f = function() end

t.case("names and options", function()
	mail.daily("03:00", f, { name = "a" })
	t.raises(function() mail.daily("04:00", f, { name = "a" }) end, t.line(),
		"a timer \"a\" was declared at timers.lua:", "already")
	t.raises(function() mail.daily("03:00", f, { nmae = "x" }) end, t.line(),
		"mail.daily: unknown option 'nmae'; did you mean 'name'?")
	t.raises(function() mail.daily("03:00", f, { missed = "oncee" }) end, t.line(),
		"missed is \"once\" or \"skip\"", "did you mean 'once'?")
	t.raises(function() mail.daily("03:00", f, { tz = "Mars" }) end, t.line(), "mail.daily: tz:")
	t.raises(function() mail.daily("03:00", f, "x") end, t.line(), "takes a table of options")
	t.raises(function() mail.daily("03:00") end, t.line(), "a function is expected, not nil")
end)
t.case("times", function()
	t.raises(function() mail.daily("3 o'clock", f) end, t.line(), "a time such as \"03:00\"")
	t.raises(function() mail.daily("24:00", f) end, t.line(), "a time such as \"03:00\"")
	t.raises(function() mail.daily(3, f) end, t.line(), "not 3")
	t.raises(function() mail.weekly("tus 03:00", f) end, t.line(), "\"mon 03:00\"", "did you mean")
	t.raises(function() mail.weekly("mon", f) end, t.line(), "\"mon 03:00\"")
	t.raises(function() mail.weekly("mon 25:00", f) end, t.line(), "\"03:00\"")
	t.raises(function() mail.monthly(0, "03:00", f) end, t.line(), "a day of the month, 1 to 31, not 0")
	t.raises(function() mail.monthly("1", "03:00", f) end, t.line(), "not the text \"1\"")
	t.raises(function() mail.every("3m", f) end, t.line(), "mail.every: bad duration \"3m\"")
	t.raises(function() mail.every(0, f) end, t.line(), "at least 10 milliseconds")
	t.raises(function() mail.at("tomorrow", f) end, t.line(), "mail.at:", "tomorrow")
	t.raises(function() mail.at(nil, f) end, t.line(), "not nil")
end)
error "ends here" -- timers would go on for ever

-- mode: daemon
-- until: weekly and monthly are there
local f = function() end
mail.daily("03:00", f, { tz = "Europe/Berlin" })
mail.weekly("Mon 03:00", f)
mail.weekly("friday 3:00", f)
mail.monthly(31, "03:00", f)
mail.at("2026-01-01 00:00", function() mail.log "the past is past" end)
mail.sleep(0.1)
mail.log "weekly and monthly are there"

-- mode: daemon
-- output: missed, so at once
mail.at("2026-01-01 00:00", function() mail.log "missed, so at once" end,
	{ missed = "once", name = "new year" })

-- mode: daemon
-- output: the end
-- absent: missed, so at once
mail.at("2026-01-01 00:00", function() mail.log "missed, so at once" end,
	{ missed = "once", name = "new year" })
mail.sleep(0.3)
mail.log "the end"

-- mode: daemon
-- until: every began
mail.every("1s", function() mail.log "every began" end, { name = "missed one" })

-- mode: exec
local t = require "t"
mail.sleep(1.2)
t.eq(1, 1)

-- mode: daemon
-- until: missed every
mail.every("1s", function() mail.log("missed every", mail.now() - mail.ago "0s" < 0.9) end,
	{ name = "missed one", missed = "once" })
