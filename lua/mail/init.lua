-- The module `mail`: what scripts hold.  `core` is the C half (src/bind/bind.h).
local core = ...
local util = core.load "util"
local query = core.load "query"
local rules = core.load "rules"
local account = core.load "account"
local timer = core.load "timer"
local task = core.load "task"
core.load "message"

local mail = {
	q = query.q,
	rules = rules.make,
	maildir = account.maildir,
	imap = core.load "account_imap",
	secret = core.load "secret",
	store = core.load "store",
	every = timer.every,
	daily = timer.daily,
	weekly = timer.weekly,
	monthly = timer.monthly,
	at = timer.at,
	version = core.version,
	args = core.args(),
}

-- ---- time and tasks

--- mail.sleep("5s") or mail.sleep(0.5): suspends this task only.
function mail.sleep(span)
	local ms = util.duration(span, "mail.sleep")
	core.gate()
	core.sleep(ms / 1000)
end

local waiting = {} -- spawned while loading: begin with the activation

local PROXY = util.class("task", {
	wait = function(self)
		core.gate()
		return rawget(self, "real"):wait()
	end,
	cancel = function(self)
		core.gate()
		rawget(self, "real"):cancel()
	end,
	status = function(self)
		local real = rawget(self, "real")
		return real and real:status() or "waiting"
	end,
})

--- mail.spawn(fn, ...) -> a task with :wait() :cancel() :status().  A task does not end
--- before the tasks that it has spawned.
function mail.spawn(fn, ...)
	if type(fn) ~= "function" then
		util.fail("mail.spawn: a function is expected, not %s", util.describe(fn))
	end
	if core.active() then
		return core.spawn(fn, ...)
	end
	local args, name = table.pack(...), util.where()
	local proxy = setmetatable({}, PROXY)
	waiting[#waiting + 1] = function()
		rawset(proxy, "real", core.root(function()
			return fn(table.unpack(args, 1, args.n))
		end, name))
	end
	return proxy
end

--- mail.all { f, g } -> the first result of each, in order; the first failure ends the others.
function mail.all(functions)
	if type(functions) ~= "table" then
		util.fail("mail.all { f, g }: a list of functions is expected, not %s",
			util.describe(functions))
	end
	for _, fn in ipairs(functions) do
		if type(fn) ~= "function" then
			util.fail("mail.all { f, g }: a function is expected, not %s", util.describe(fn))
		end
	end
	core.gate()
	return task.all(functions)
end

-- What can be walked with "for x in": a function, or a set of messages or mailboxes.
local function iterator_of(list)
	local mt = getmetatable(list)
	if type(list) == "function" then
		return list
	elseif type(mt) == "table" and mt.__call then
		local previous
		return function()
			previous = list(nil, previous)
			return previous
		end
	elseif type(list) == "table" then
		return list
	end
	util.fail("mail.each: a list, a set of messages or an iterator is expected, not %s",
		util.describe(list))
end

--- mail.each(list, fn, { limit = 8 }) -> { fn(list[1], 1), ... }: a list, a set, mailboxes or an
--- iterator; at most limit run at once, started in order; the first failure ends the others.
function mail.each(list, fn, options)
	list = iterator_of(list)
	if type(fn) ~= "function" then
		util.fail("mail.each(list, fn): a function is expected, not %s", util.describe(fn))
	end
	util.check_keys("mail.each", options or {}, { limit = "number" })
	if options and options.limit and (math.type(options.limit) ~= "integer" or options.limit < 1) then
		util.fail("mail.each: limit is a whole number of at least 1, not %s",
			util.describe(options.limit))
	end
	core.gate()
	return task.each(list, fn, options)
end

--- local d <close> = mail.deadline("30s"): waits of this task beyond it raise.
function mail.deadline(span)
	local ms = util.duration(span, "mail.deadline")
	core.gate()
	return core.deadline(ms / 1000)
end

--- Seconds since 1970, with their fraction.
mail.now = core.now

--- mail.ago "30d": that long ago, in seconds since 1970.
function mail.ago(span)
	return math.floor(core.now() - util.duration(span, "mail.ago") / 1000)
end

-- ---- rule functions

--- Not now: the message is judged again after the pause.  Ends the function.
function mail.retry(reason, pause)
	if type(reason) ~= "string" then
		util.fail("mail.retry(reason, \"10min\"): the reason is a text")
	elseif not core.handling() then
		util.fail("mail.retry works inside a rule function only")
	end
	core.retry(reason, util.duration(pause or "10min", "mail.retry"))
end

--- A person must look: the message is held with this reason.  Ends the function.
function mail.hold(reason)
	if type(reason) ~= "string" then
		util.fail("mail.hold(reason): the reason is a text")
	elseif not core.handling() then
		util.fail("mail.hold works inside a rule function only")
	end
	core.hold(reason)
end

-- ---- errors and the log

-- Whatever was raised, as a mail.error: code message where ...
local function as_error(ok, ...)
	if ok or type(...) == "table" then
		return ok, ...
	end
	local text = tostring((...))
	return pcall(core.raise, text:find("stack overflow", 1, true) and "limit"
		or text:find("not enough memory", 1, true) and "limit" or "usage", text)
end

--- mail.try(f, ...) -> true, results...  or  false, mail.error
function mail.try(fn, ...)
	return as_error(pcall(fn, ...))
end

local function line(...)
	local words = table.pack(...)
	for i = 1, words.n do
		words[i] = tostring(words[i])
	end
	return table.concat(words, " ")
end

mail.log = setmetatable({}, {
	__call = function(_, ...) core.log("info", line(...)) end,
	__index = function(_, key)
		util.fail("mail.log: no level '%s'%s", tostring(key),
			util.hint(key, { "error", "warn", "info", "debug" }))
	end,
})
for _, level in ipairs { "error", "warn", "info", "debug" } do
	rawset(mail.log, level, function(...) core.log(level, line(...)) end)
end

-- ---- children

local COMMAND = { stdin = "string userdata", timeout = "string number", ok = "table number",
	env = "table", cwd = "string", max = "string number" }

local function argv_of(options)
	local argv, named = {}, {}
	for key, value in pairs(options) do
		if type(key) ~= "number" then
			named[key] = value
		end
	end
	for i, word in ipairs(options) do
		if type(word) ~= "string" then
			util.fail("mail.command: argument %d is %s, a text is expected", i, util.describe(word))
		end
		argv[i] = word
	end
	if #argv == 0 then
		util.fail("mail.command { \"program\", \"argument\", ... }: no program is named")
	end
	util.check_keys("mail.command", named, COMMAND)
	return argv, named
end

local function accepted(code, ok)
	if type(ok) == "number" then
		return code == ok
	end
	for _, one in ipairs(ok) do
		if code == one then
			return true
		end
	end
	return false
end

local COMMANDED = util.class("command's result", {}, { code = false, signal = false, out = false,
	err = false, timed_out = false, out_over = false, err_over = false })

--- mail.command { "spamc", "-c", stdin = msg, timeout = "30s", ok = {0, 1} }: asks a
--- program (argv, no shell) -> { code=, signal=, out=, err=, timed_out= }.  Raises when it
--- cannot be started, runs out of time, or ends with a code that is not in ok ({0}).
function mail.command(options)
	if type(options) ~= "table" then
		util.fail("mail.command { \"program\", ... } takes a table, not %s", util.describe(options))
	end
	local argv, named = argv_of(options)
	local timeout = util.duration(named.timeout or "60s", "mail.command: timeout")
	local max = named.max
	if type(max) == "string" then
		max = util.within("mail.command: max", core.size, max)
	end
	core.gate()
	local r = core.command { argv = argv, stdin = named.stdin, env = named.env, cwd = named.cwd,
		timeout = timeout, max = max }
	if r.timed_out then
		core.raise("system", ("%s did not end within its time"):format(argv[1]))
	elseif not accepted(r.code, named.ok or { 0 }) then
		local why = r.signal and r.signal ~= 0 and "was ended by signal " .. r.signal
			or "ended with code " .. tostring(r.code)
		local said = (r.err or ""):match("^%s*([^\n]*)")
		core.raise("system", ("%s %s%s"):format(argv[1], why, said ~= "" and ": " .. said or ""))
	end
	return setmetatable(r, COMMANDED)
end

-- ---- text

--- mail.re(pattern, "imsx"): PCRE2; a bad pattern is an error at load time.
function mail.re(pattern, flags)
	if type(pattern) ~= "string" then
		util.fail("mail.re: a pattern is expected, not %s", util.describe(pattern))
	elseif flags ~= nil and type(flags) ~= "string" then
		util.fail("mail.re: flags are a text such as \"i\", not %s", util.describe(flags))
	end
	local ok, re = pcall(core.re, pattern, flags or "")
	if not ok then
		util.fail("mail.re: %s", util.reason(re))
	end
	return re
end

--- mail.list "vip.txt" (beside the script) or mail.list { "a@b", "*@c" }
function mail.list(source)
	if type(source) == "string" then
		source = core.load("target").absolute(source)
	elseif type(source) ~= "table" then
		util.fail("mail.list: a file's name or a list of entries is expected, not %s",
			util.describe(source))
	end
	local ok, list = pcall(core.list, source)
	if not ok then
		util.fail("mail.list: %s", util.reason(list))
	end
	return list
end

-- ---- modules of the script

local original_require = require

-- `return mail.rules { ... }` at the end of a module is a tail call, which leaves no trace of
-- the module's file: so the files that are being loaded are remembered.
rawset(_G, "require", function(name)
	local depth = #util.modules
	local file = type(name) == "string" and package.searchpath(name, package.path)
	local unwind <close> = setmetatable({}, { __close = function() -- luacheck: ignore 211
		for i = #util.modules, depth + 1, -1 do
			util.modules[i] = nil
		end
	end })
	util.modules[depth + 1] = file or nil
	local module, extra = original_require(name)
	return module, extra
end)

-- ---- called by C

--- At the load point: the last findings.
--- @return boolean  timers or tasks begin with the activation
function core.loaded()
	query.report_unused()
	rules.report_unused()
	return timer.declared() or #waiting > 0
end

--- With the activation: what was declared or spawned while loading begins.
function core.activated()
	timer.start()
	local list = waiting
	waiting = {}
	for _, begin in ipairs(list) do
		begin()
	end
end

-- What scripts hold reads from `mail`, so that nothing in it can be replaced.
return setmetatable({}, {
	__name = "mail",
	__index = function(_, key)
		local value = mail[key]
		if value == nil then
			util.fail("mail: no field '%s'%s", tostring(key), util.hint(key, util.names(mail)))
		end
		return value
	end,
	__newindex = function(_, key)
		util.fail("mail.%s cannot be set", tostring(key))
	end,
	__pairs = function() return next, mail end,
})
