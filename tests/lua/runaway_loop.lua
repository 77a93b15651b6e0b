-- mode: exec
local t = require "t"

local function other()
	local ticks, on = 0, true
	local task = mail.spawn(function()
		while on do
			mail.sleep(0.01)
			ticks = ticks + 1
		end
	end)
	return function()
		on = false
		task:wait()
		return ticks
	end
end

local function ends(fn, code, ...)
	mail.sleep(0)
	local task = mail.spawn(fn)
	local stop = other()
	local err = t.raises(function() task:wait() end, ...)
	t.eq(stop() >= 0, true)
	t.eq(err.code or code, code)
end

t.case("an endless loop", function()
	ends(function() while true do end end, "limit", "without a wait")
end)
