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

t.case("a huge string", function()
	ends(function() return ("x"):rep(1 << 30) end, "limit", "memory")
	ends(function()
		local s = "x"
		while true do
			s = s .. s
		end
	end, "limit", "memory")
end)
t.case("a growing table", function()
	ends(function()
		local all = {}
		while true do
			all[#all + 1] = { #all }
		end
	end, "limit", "memory")
end)
t.case("deep recursion", function()
	ends(function()
		local function f(n) return 1 + f(n + 1) end
		f(1)
	end, "limit", "stack overflow")
end)
t.case("the rest still works", function()
	t.eq(mail.command { "echo", "fine" }.out, "fine\n")
end)
