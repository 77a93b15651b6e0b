-- What the other files share: the place in the user's script, errors with a place and
-- a "did you mean", checked tables.
local core = ...

local util = {}

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
			return ("%s:%d"):format(info.short_src:match("[^/]*$"), info.currentline),
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

--- Every key of t must be one of `allowed` (name -> type or list of types as one text).
function util.check_keys(what, t, allowed, where)
	if type(t) ~= "table" then
		util.fail_at(where or util.where(), "%s takes a table of options, not %s", what,
			util.describe(t))
	end
	local names = {}
	for name in pairs(allowed) do
		names[#names + 1] = name
	end
	table.sort(names)
	for key, value in pairs(t) do
		local types = allowed[key]
		if not types then
			util.fail_at(where or util.where(), "%s: unknown option '%s'%s", what, tostring(key),
				util.hint(key, names))
		elseif not (" " .. types .. " "):find(" " .. type(value) .. " ", 1, true) then
			util.fail_at(where or util.where(), "%s: %s must be %s, not %s", what, key,
				(types:gsub(" ", " or ")), util.describe(value))
		end
	end
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
	local mt = getmetatable(value)
	local name = type(mt) == "table" and rawget(mt, "__name")
	return "a " .. (name and name:gsub("^mail%.", "") or kind)
end

--- A class of ours: methods, and an error with "did you mean" for anything else.
function util.class(name, methods, fields)
	local mt = { __name = "mail." .. name }
	function mt.__index(self, key)
		local method = methods[key]
		if method ~= nil then
			return method
		end
		local field = fields and fields[key]
		if field then
			return field(self)
		end
		local names = {}
		for k in pairs(methods) do
			names[#names + 1] = k
		end
		for k in pairs(fields or {}) do
			names[#names + 1] = k
		end
		table.sort(names)
		util.fail("%s: no field or method '%s'%s", name, tostring(key), util.hint(key, names))
	end
	function mt.__newindex(_, key)
		util.fail("%s: '%s' cannot be set", name, tostring(key))
	end
	return mt
end

--- Milliseconds of "15min", or of a number of seconds.
function util.duration(value, what)
	if type(value) == "number" then
		if value < 0 or value ~= value then
			util.fail("%s: a negative duration", what)
		end
		return math.floor(value * 1000)
	elseif type(value) == "string" then
		local ok, ms = pcall(core.duration, value)
		if ok then
			return ms
		end
		util.fail("%s: %s", what, ms.message or tostring(ms))
	end
	util.fail("%s: a duration such as \"15min\" or a number of seconds is expected, not %s", what,
		util.describe(value))
end

return util
