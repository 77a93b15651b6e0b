-- Many tasks at once, written with spawn and wait, so that no C frame stands
-- between two Lua frames.  Both run their tasks below one of their own (the scope):
-- a failure ends what runs beside it, and is raised to the caller only, who may
-- catch it and go on.  A caller that is cancelled takes the scope with it.
local core = ...

local LIMIT = 8 -- how many functions of each() run at once

local function fail(what, expected, value)
	error(("%s: %s expected, got %s"):format(what, expected, type(value)), 3)
end

-- all { f, g, ... } -> { result of f, result of g, ... }: the first result of each.
local function all(functions)
	if type(functions) ~= "table" then
		fail("all", "a list of functions", functions)
	end
	for i = 1, #functions do
		if type(functions[i]) ~= "function" then
			fail("all", "a list of functions", functions[i])
		end
	end
	local scope = core.spawn(function()
		local tasks, results = {}, {}
		for i = 1, #functions do
			tasks[i] = core.spawn(functions[i])
		end
		for i = 1, #tasks do
			results[i] = tasks[i]:wait()
		end
		return results
	end)
	return scope:wait()
end

local function check_limit(options)
	for key in pairs(options or {}) do
		if key ~= "limit" then
			error(("each: no option '%s'; did you mean 'limit'?"):format(tostring(key)), 3)
		end
	end
	local limit = options and options.limit or LIMIT
	if math.type(limit) ~= "integer" or limit < 1 then
		error("each: limit must be an integer of at least 1", 3)
	end
	return limit
end

-- each(list, fn, { limit = 8 }) -> { fn(list[1], 1), ... }: at most `limit` run at
-- once, started in order.  list may also be an iterator function, called when a
-- place is free.  One task gives out the values: slices of two may interleave.
local function each(list, fn, options)
	if type(fn) ~= "function" then
		fail("each", "a function", fn)
	end
	local places = core.places(check_limit(options))
	local results, is_table = {}, type(list) == "table"

	local function run(value, i)
		results[i] = fn(value, i)
		places:leave()
	end

	local scope = core.spawn(function()
		local i = 0
		while true do
			places:enter()
			i = i + 1
			local value
			if is_table then
				value = list[i]
			else
				value = list()
			end
			if value == nil then
				return results
			end
			core.spawn(run, value, i)
		end
	end)
	return scope:wait()
end

return { all = all, each = each }
