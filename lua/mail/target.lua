-- Verbs as tables: what `move = "X"` in a rule, msg:move "X" and set:move "X" have in
-- common.  make(verb, argument) gives the ACTION of core (see bind.h), with `target`
-- (a template) in place of mailbox or path.
local core = ...
local util = core.load "util"

local target = {}

-- In the order in which the actions of one rule are applied.
target.VERBS = { "flag", "unflag", "copy", "save", "replace", "move", "delete", "expunge" }
target.is_verb = {}
for _, verb in ipairs(target.VERBS) do
	target.is_verb[verb] = true
end

local function escape(name)
	return (name:gsub("[{}]", "%0%0"))
end

local function flags(verb, value)
	local list = type(value) == "table" and value or { value }
	local out = {}
	for i, name in ipairs(list) do
		if type(name) ~= "string" then
			util.fail("%s: a flag's name or a list of names is expected, not %s", verb,
				util.describe(name))
		end
		out[i] = name
	end
	if #out == 0 then
		util.fail("%s: no flag is named", verb)
	end
	return { verb = verb, flags = out }
end

local function mailbox(verb, value)
	if type(value) == "string" then
		if value == "" then
			util.fail("%s: an empty mailbox name", verb)
		end
		return { verb = verb, target = value }
	end
	local mt = getmetatable(value)
	if type(mt) == "table" and mt.__name == "mail.mailbox" then
		return { verb = verb, account = value.account.name, target = escape(value.name) }
	end
	util.fail("%s: a mailbox's name or a mailbox is expected, not %s", verb, util.describe(value))
end

local function bare(verb, value)
	if value ~= nil and value ~= true then
		util.fail("%s takes no value (write %s = true), not %s", verb, verb, util.describe(value))
	end
	return { verb = verb }
end

local function path(verb, value)
	if type(value) ~= "string" or value == "" then
		util.fail("%s: a path is expected, not %s", verb, util.describe(value))
	end
	return { verb = verb, target = target.absolute(value) }
end

local function bytes(verb, value)
	if type(value) ~= "string" or value == "" then
		util.fail("%s: the bytes of the new message are expected, not %s", verb,
			util.describe(value))
	end
	return { verb = verb, bytes = value }
end

local makers = { flag = flags, unflag = flags, copy = mailbox, move = mailbox, delete = bare,
	expunge = bare, save = path, replace = bytes }

--- "~/x" and "x" (beside the script) as absolute paths.
function target.absolute(p)
	if p:sub(1, 2) == "~/" then
		local home = os.getenv "HOME"
		if not home then
			util.fail("\"%s\": HOME is not set", p)
		end
		return home .. p:sub(2)
	elseif p:sub(1, 1) ~= "/" then
		return core.script_dir() .. "/" .. p
	end
	return p
end

function target.make(verb, value)
	return makers[verb](verb, value)
end

--- The action for one message, its template filled.  captures, part: may be nil.
function target.fill(action, msg, captures, part)
	local text = action.target
	if not text then
		return action
	end
	local out = {}
	for k, v in pairs(action) do
		out[k] = v
	end
	out.target = nil
	if action.verb == "save" then
		out.path = core.fill(msg, text, "path", captures, part)
	else
		out.mailbox = core.fill(msg, text, "mailbox", captures, part)
	end
	return out
end

--- Does the target depend on the message?
function target.varies(action)
	return action.target ~= nil and action.target:find("{", 1, true) ~= nil
end

return target
