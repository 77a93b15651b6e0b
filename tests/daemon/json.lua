-- usage: mailmill exec json.lua FILE: every line of the file must be one JSON object (RFC 8259).
local text, at

local function bad(what)
	error(("%s at column %d of: %s"):format(what, at, text), 0)
end

local function take(pattern)
	local from, to, found = text:find("^" .. pattern, at)
	if not from then
		return nil
	end
	at = to + 1
	return found or true
end

local value

local function text_value()
	take '"'
	while not take '"' do
		if take "\\" then
			if not take '["\\/bfnrt]' and not take "u%x%x%x%x" then
				bad "an unknown escape"
			end
		elseif not take "[^%c\"\\]" then
			bad "a control byte or no end of a text"
		end
	end
end

local function list_of(close, item)
	if take("%s*" .. close) then
		return
	end
	repeat
		item()
	until not take "%s*,%s*"
	if not take("%s*" .. close) then
		bad("no " .. close)
	end
end

local function pair()
	if text:sub(at, at) ~= '"' then
		bad "a name is expected"
	end
	text_value()
	if not take "%s*:%s*" then
		bad "no colon"
	end
	value()
end

function value()
	local c = text:sub(at, at)
	if c == '"' then
		text_value()
	elseif take "{%s*" then
		list_of("}", pair)
	elseif take "%[%s*" then
		list_of("]", value)
	elseif not (take "true" or take "false" or take "null"
		or take "%-?%d+%.%d+" or take "%-?%d+") then
		bad "no value"
	end
end

local n = 0
for line in io.lines(...) do
	text, at, n = line, 1, n + 1
	if line:sub(1, 1) ~= "{" then
		bad "no object"
	elseif not utf8.len(line) then
		bad "no UTF-8"
	end
	value()
	if at ~= #line + 1 then
		bad "something behind the object"
	end
	for _, key in ipairs { "time", "level", "msg" } do
		if not line:find('"' .. key .. '":', 1, true) then
			bad("no " .. key)
		end
	end
end
print(("%d lines: all lines are objects"):format(n))
