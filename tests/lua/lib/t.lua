-- What the tests share: comparisons, expected errors, mail to deliver.
local t = {}

local function show(v, depth)
	if type(v) == "string" then
		return ("%q"):format(v)
	elseif type(v) ~= "table" or getmetatable(v) or depth > 3 then
		return tostring(v)
	end
	local out = {}
	for k, x in pairs(v) do
		out[#out + 1] = ("[%s] = %s"):format(show(k, depth + 1), show(x, depth + 1))
	end
	table.sort(out)
	return "{ " .. table.concat(out, ", ") .. " }"
end

local function same(a, b)
	if type(a) ~= "table" or type(b) ~= "table" or getmetatable(a) or getmetatable(b) then
		return a == b and math.type(a) == math.type(b)
	end
	for k, v in pairs(a) do
		if not same(v, b[k]) then
			return false
		end
	end
	for k in pairs(b) do
		if a[k] == nil then
			return false
		end
	end
	return true
end

function t.eq(got, wanted, what)
	if not same(got, wanted) then
		error(("%sgot %s, wanted %s"):format(what and what .. ": " or "", show(got, 0),
			show(wanted, 0)), 2)
	end
end

function t.has(text, part)
	if not tostring(text):find(part, 1, true) then
		error(("'%s' does not stand in: %s"):format(part, tostring(text)), 2)
	end
end

--- fn must raise an error whose text has all these texts in it; returns the error.
function t.raises(fn, ...)
	local ok, err = pcall(fn)
	if ok then
		error("nothing was raised", 2)
	end
	for _, part in ipairs { ... } do
		if not tostring(err):find(part, 1, true) then
			error(("'%s' does not stand in: %s"):format(part, tostring(err)), 2)
		end
	end
	return err
end

--- "errors.lua:12" of the caller, `more` lines further down.
function t.line(more)
	local info = debug.getinfo(2, "Sl")
	return ("%s:%d: "):format(info.source:match("[^/@]*$"), info.currentline + (more or 0))
end

--- One case; its failure does not end the others.
function t.case(name, fn)
	local ok, err = xpcall(fn, function(e)
		return debug.traceback(tostring(e), 2)
	end)
	print(("%s - %s"):format(ok and "ok" or "not ok", name))
	if not ok then
		print((err:gsub("\n", "\n  ")))
	end
end

local count = 0

--- The text of a message: fields by header name (subject = ...), body.
function t.mail(fields)
	count = count + 1
	local head = { ("Message-ID: <t%d@test.example>"):format(count) }
	for name, value in pairs(fields) do
		if name ~= "body" then
			head[#head + 1] = ("%s: %s"):format(name:gsub("_", "-"), value)
		end
	end
	table.sort(head)
	return table.concat(head, "\r\n") .. "\r\n\r\n" .. (fields.body or "text") .. "\r\n"
end

--- Delivers into the inbox, or into the folder (".Lists"), the way a delivery agent does.
function t.deliver(fields, folder)
	local root = os.getenv "MAILDIR" .. (folder and "/" .. folder or "")
	local text = type(fields) == "table" and t.mail(fields) or fields
	count = count + 1
	local name = ("%d.M%dP%d.test"):format(os.time(), count, math.random(1, 1 << 30))
	local f = assert(io.open(root .. "/tmp/" .. name, "wb"))
	f:write(text)
	f:close()
	assert(os.rename(root .. "/tmp/" .. name, root .. "/new/" .. name))
end

--- The bytes of a file, or nil.
function t.read(path)
	local f = io.open(path, "rb")
	local text = f and f:read "a"
	if f then
		f:close()
	end
	return text
end

function t.write(path, text)
	local f = assert(io.open(path, "wb"))
	f:write(text)
	f:close()
end

--- The subjects of a set or list of messages, in order.
function t.subjects(set)
	local out = {}
	for m in set do
		out[#out + 1] = m.subject or "-"
	end
	return out
end

function t.home(options)
	options = options or {}
	options.name, options.path = options.name or "home", options.path or os.getenv "MAILDIR"
	return mail.maildir(options)
end

return t
