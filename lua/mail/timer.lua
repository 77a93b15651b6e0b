-- Timers: one task each, that sleeps until the next time, runs the function, notes when.
-- A run that is due while the last one still goes on waits for it: never two at once.
local core = ...
local util = core.load "util"

local timer = {}
local declared = {} -- before activation
local names = {}

local OPTIONS = { name = "string", tz = "string", missed = "string" }
local DAYS = {}
for i, day in ipairs { "sunday", "monday", "tuesday", "wednesday", "thursday", "friday",
	"saturday" } do
	DAYS[day], DAYS[day:sub(1, 3)] = i, i
end
local LONGEST = 3600 -- seconds of one sleep: the wall clock may jump

-- ---- the next time after `now`, in seconds since 1970

local function clock_of(text, what)
	local h, m = tostring(text):match("^(%d%d?):(%d%d)$")
	h, m = tonumber(h), tonumber(m)
	if not h or h > 23 or m > 59 then
		util.fail("%s: a time such as \"03:00\" is expected, not %s", what, util.describe(text))
	end
	return h, m
end

-- The first day from today on whose date `fits` and whose hour:min lies after now.
local function next_day(now, tz, h, m, fits)
	for ahead = 0, 62 do
		local t = core.split_time(math.floor(now) + ahead * 86400, tz)
		t.hour, t.min, t.sec = h, m, 0
		local at = core.join_time(t, tz)
		if at > now and fits(core.split_time(at, tz)) then
			return at
		end
	end
end

local function last_day(t)
	return os.date("!*t", os.time { year = t.year, month = t.month + 1, day = 0, hour = 12 }).day
end

-- ---- running

-- Was a time missed while nothing ran?
local function missed(one, last)
	if one.at then
		return last < one.at and one.at <= core.now()
	elseif last == 0 then
		return false
	end
	local due = one.next(last)
	return due ~= nil and due <= core.now()
end

local function sleep_until(at)
	while true do
		local left = at - core.now()
		if left <= 0 then
			return
		end
		core.sleep(math.min(left, LONGEST))
	end
end

local function loop(one)
	local last = core.timer_last(one.name)
	if one.missed == "once" and missed(one, last) then
		core.timer_ran(one.name, math.floor(core.now()))
		one.run()
	end
	while true do
		local at = one.next(core.now())
		if not at then
			return
		end
		sleep_until(at)
		core.timer_ran(one.name, math.floor(at))
		one.run()
	end
end

local function start(one)
	core.root(function() loop(one) end, one.name, "timer")
end

local function declare(kind, what, fn, options, make)
	local where = util.where()
	options = options or {}
	util.check_keys("mail." .. kind, options, OPTIONS)
	if options.tz then
		util.within("mail." .. kind .. ": tz", core.split_time, 0, options.tz)
	end
	if type(fn) ~= "function" then
		util.fail("mail.%s: a function is expected, not %s", kind, util.describe(fn))
	end
	local name = options.name or kind .. " " .. what
	if options.missed and options.missed ~= "once" and options.missed ~= "skip" then
		util.fail("mail.%s: missed is \"once\" or \"skip\", not %s%s", kind,
			util.describe(options.missed), util.hint(options.missed, { "once", "skip" }))
	end
	if names[name] then
		if options.name then
			util.fail("mail.%s: a timer \"%s\" was declared at %s already", kind, name, names[name])
		end
		local n = 2
		while names[name .. " " .. n] do
			n = n + 1
		end
		name = name .. " " .. n
	end
	names[name] = where
	local one = { name = name, missed = options.missed or "skip" }
	one.next, one.at = make(options.tz)
	-- One run failing is no reason to end the timer.
	one.run = function()
		local task = core.root(fn, name, "run")
		task:join()
	end
	if core.active() then
		start(one)
	else
		declared[#declared + 1] = one
	end
end

--- mail.every("15min", fn, { name=, missed= })
function timer.every(span, fn, options)
	local ms = util.duration(span, "mail.every")
	if ms < 10 then
		util.fail("mail.every: at least 10 milliseconds")
	end
	declare("every", tostring(span), fn, options, function()
		return function(from)
			return from + ms / 1000
		end
	end)
end

--- mail.daily("03:00", fn, { tz= })
function timer.daily(clock, fn, options)
	local h, m = clock_of(clock, "mail.daily")
	declare("daily", clock, fn, options, function(tz)
		return function(from)
			return next_day(from, tz, h, m, function() return true end)
		end
	end)
end

--- mail.weekly("mon 03:00", fn, { tz= })
function timer.weekly(when, fn, options)
	local day, clock = tostring(when):lower():match("^(%a+) (%d+:%d+)$")
	local wday = day and DAYS[day]
	if not wday then
		util.fail("mail.weekly: a time such as \"mon 03:00\" is expected, not %s%s",
			util.describe(when), day and util.hint(day, util.names(DAYS)) or "")
	end
	local h, m = clock_of(clock, "mail.weekly")
	declare("weekly", when, fn, options, function(tz)
		return function(from)
			return next_day(from, tz, h, m, function(t) return t.wday == wday end)
		end
	end)
end

--- mail.monthly(1, "03:00", fn, { tz= }): a day the month has not is its last one.
function timer.monthly(day, clock, fn, options)
	if math.type(day) ~= "integer" or day < 1 or day > 31 then
		util.fail("mail.monthly: a day of the month, 1 to 31, not %s", util.describe(day))
	end
	local h, m = clock_of(clock, "mail.monthly")
	declare("monthly", day .. " " .. clock, fn, options, function(tz)
		return function(from)
			return next_day(from, tz, h, m, function(t)
				return t.day == math.min(day, last_day(t))
			end)
		end
	end)
end

--- mail.at("2026-12-31 23:00", fn, { tz=, missed= }): once; a time that is past is missed.
function timer.at(time, fn, options)
	local tz = type(options) == "table" and type(options.tz) == "string" and options.tz or nil
	if type(time) ~= "number" and type(time) ~= "string" then
		util.fail("mail.at: a time such as \"2026-12-31 23:00\" is expected, not %s",
			util.describe(time))
	end
	local at = time
	if type(time) == "string" then
		at = util.within("mail.at", core.time, time, tz)
	end
	declare("at", tostring(time), fn, options, function()
		return function(from)
			return at > from and at or nil
		end, at
	end)
end

--- @return boolean  some are declared that have not begun
function timer.declared()
	return #declared > 0
end

--- Activation: what was declared while loading begins.
function timer.start()
	local list = declared
	declared = {}
	for _, one in ipairs(list) do
		start(one)
	end
end

return timer
