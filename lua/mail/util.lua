-- What the other files share: the place in the user's script, errors with a place and
-- a "did you mean", checked tables.
local core = ...

local util = {}

--- The files that `require` is loading, the innermost last (see init.lua).
util.modules = {}

--- The innermost frame that is the user's: "rules.lua:12", and its level's source and line.
--- @return string where
--- @return string|nil source  the chunk name ("@/home/anna/rules.lua")
--- @return integer|nil line
function util.where()
	local level = 2
	while true do
		local info = debug.getinfo(level, "Sl")
		if not info then
			return "?"
		end
		if info.what ~= "C" and info.source:sub(1, 6) ~= "=mail/" and info.currentline > 0 then
			return ("%s:%d"):format(info.source:match("[^/@=]*$"), info.currentline),
				info.source, info.currentline
		end
		level = level + 1
	end
end

--- Raises a mail.error of kind usage at the user's line (or at `where`).
function util.fail_at(where, format, ...)
	core.raise("usage", where .. ": " .. format:format(...))
end

function util.fail(format, ...)
	util.fail_at(util.where(), format, ...)
end

--- "; did you mean 'x'?", or "".
function util.hint(word, names)
	local near = type(word) == "string" and core.near(word, names)
	return near and ("; did you mean '%s'?"):format(near) or ""
end

local TYPE_WORDS = { string = "a text", number = "a number", boolean = "true or false",
	["function"] = "a function", table = "a table" }

--- The types that an option may have, in words: "a text or a number".
function util.types(types)
	local words = {}
	for name in types:gmatch "%a+" do
		words[#words + 1] = TYPE_WORDS[name]
	end
	return table.concat(words, " or ")
end

--- Every key of t must be one of `allowed` (name -> type or list of types as one text).
function util.check_keys(what, t, allowed, where)
	if type(t) ~= "table" then
		util.fail_at(where or util.where(), "%s takes a table of options, not %s", what,
			util.describe(t))
	end
	for key, value in pairs(t) do
		local types = allowed[key]
		if not types then
			util.fail_at(where or util.where(), "%s: unknown option '%s'%s", what, tostring(key),
				util.hint(key, util.names(allowed)))
		elseif not (" " .. types .. " "):find(" " .. type(value) .. " ", 1, true) then
			util.fail_at(where or util.where(), "%s: %s must be %s, not %s", what, key,
				util.types(types), util.describe(value))
		end
	end
end

--- "message" (a handle), "mail.account" (a table) of what is ours, else false or nil.
function util.class_of(value)
	local mt = getmetatable(value)
	return type(mt) == "table" and rawget(mt, "__name") or type(mt) == "string" and mt
end

--- A value in words: "a number", "nil", 'the text "x"'.
function util.describe(value)
	local kind = type(value)
	if kind == "nil" then
		return "nil"
	elseif kind == "string" then
		return ('the text "%s"'):format(#value > 40 and value:sub(1, 40) .. "..." or value)
	elseif kind == "boolean" or kind == "number" then
		return tostring(value)
	end
	local name = util.class_of(value)
	local noun = name and name:gsub("^mail%.", "") or kind
	return (noun:find("^[aeiou]") and "an " or "a ") .. noun
end

--- The text of whatever was raised, without a place in front.
function util.reason(err)
	if type(err) == "table" and type(err.message) == "string" then
		err = err.message
	end
	return (tostring(err):gsub("^[^%s:]+:%d+: ", ""))
end

--- fn(...) raises at the user's line and with `what` in front.
function util.within(what, fn, ...)
	local results = table.pack(pcall(fn, ...))
	if not results[1] then
		util.fail("%s: %s", what, util.reason(results[2]))
	end
	return table.unpack(results, 2, results.n)
end

--- Names of a table's text keys, in order.
function util.names(...)
	local names = {}
	for _, t in ipairs { ... } do
		for name in pairs(t) do
			names[#names + 1] = name
		end
	end
	table.sort(names)
	return names
end

--- A class of ours: methods (called with a colon, or told so), fields computed by a
--- function (false: nil unless the table has it), and an error with "did you mean" for
--- anything else.
function util.class(name, methods, fields)
	local mt, checked = { __name = "mail." .. name }, {}
	fields = fields or {}
	for key, method in pairs(methods) do
		checked[key] = function(self, ...)
			if getmetatable(self) ~= mt then
				util.fail("write %s:%s(...) with a colon", name, key)
			end
			return method(self, ...)
		end
	end
	function mt.__index(self, key)
		local method = checked[key]
		if method then
			return method
		elseif fields[key] ~= nil then
			return fields[key] and fields[key](self) or nil
		end
		util.fail("%s: no field or method '%s'%s", name, tostring(key),
			util.hint(key, util.names(methods, fields)))
	end
	function mt.__newindex(_, key)
		util.fail("%s: '%s' cannot be set", name, tostring(key))
	end
	return mt
end

--- Milliseconds of "15min", or of a number of seconds.
function util.duration(value, what)
	if type(value) == "number" then
		if not (value >= 0 and value < 1e12) then
			util.fail("%s: %s seconds are no duration", what, tostring(value))
		end
		return math.floor(value * 1000)
	elseif type(value) == "string" then
		local ok, ms = pcall(core.duration, value)
		if ok then
			return ms
		end
		util.fail("%s: %s", what, util.reason(ms))
	end
	util.fail("%s: a duration such as \"15min\" or a number of seconds is expected, not %s", what,
		util.describe(value))
end

return util
