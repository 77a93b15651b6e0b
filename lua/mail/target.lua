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

local ROLES = { "inbox", "trash", "archive", "junk", "sent", "drafts" }
local ROLE = {}
for _, role in ipairs(ROLES) do
	ROLE[role] = true
end
target.ROLES, target.ROLE = ROLES, ROLE

--- "@trash" and the like must be a role that exists.
function target.check_role(name, what)
	local role = name:match("^@(.*)$")
	if role and not ROLE[role:lower()] and not role:find("{", 1, true) then
		local near = core.near(role, ROLES)
		util.fail("%s: there is no role \"%s\"%s", what, name,
			near and ("; did you mean '@%s'?"):format(near) or "")
	end
end

local function escape(name)
	return (name:gsub("[{}]", "%0%0"))
end

local function flags(verb, value)
	local list = type(value) == "table" and value or { value }
	local out = {}
	for key, name in pairs(list) do
		if type(name) ~= "string" or math.type(key) ~= "integer" then
			util.fail("%s: a flag's name or a list of names is expected, not %s", verb,
				util.describe(type(name) ~= "string" and name or list))
		end
	end
	for i, name in ipairs(list) do
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
		target.check_role(value, verb)
		if ("/" .. value .. "/"):find("//", 1, true) then
			util.fail("%s: a level of the mailbox name \"%s\" is empty", verb, value)
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
		util.fail("%s takes no value (as a key of a rule: %s = true), not %s", verb, verb,
			util.describe(value))
	end
	return { verb = verb }
end

-- Where a relative path begins, and what is left of it.
local function base_of(p)
	if p == "~" or p:sub(1, 2) == "~/" then
		local home = os.getenv "HOME"
		if not home then
			util.fail("\"%s\": HOME is not set", p)
		end
		return home, p:sub(2)
	elseif p:sub(1, 1) ~= "/" then
		return core.script_dir(), "/" .. p
	end
	return "", p
end

--- "~/x" and "x" (beside the script) as absolute paths.
function target.absolute(p)
	local base, rest = base_of(p)
	return base .. rest
end

local function path(verb, value)
	if type(value) ~= "string" or value == "" then
		util.fail("%s: a path is expected, not %s", verb, util.describe(value))
	end
	local base, rest = base_of(value)
	return { verb = verb, target = escape(base) .. rest }
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

function target.make(verb, value)
	return makers[verb](verb, value)
end

--- As make, for a method: one argument at most.
function target.make_one(verb, value, ...)
	if select("#", ...) > 0 then
		util.fail("%s takes one value%s", verb,
			(verb == "flag" or verb == "unflag") and "; for several flags write a list { \"a\", \"b\" }"
			or "")
	end
	return makers[verb](verb, value)
end

-- The action with this text as its path or mailbox, in place of the template.
local function aimed(action, text)
	local out = {}
	for k, v in pairs(action) do
		out[k] = v
	end
	out.target = nil
	out[action.verb == "save" and "path" or "mailbox"] = text
	return out
end

--- The action for one message, its template filled.  captures, part: may be nil.
function target.fill(action, msg, captures, part)
	local text = action.target
	if not text then
		return action
	end
	local use = action.verb == "save" and "path" or "mailbox"
	return aimed(action, core.fill(msg, text, use, captures, part))
end

--- The action when its target is the same for all messages, else nil.
function target.fixed(action)
	if not action.target then
		return action
	end
	local text = action.target:gsub("{{", "\0"):gsub("}}", "\1")
	if text:find("{", 1, true) then
		return nil
	end
	return aimed(action, (text:gsub("%z", "{"):gsub("\1", "}")))
end

return target
