-- The verbs of a message and of a part: decisions inside a rule function, acts elsewhere.
local core = ...
local util = core.load "util"
local target = core.load "target"
local result = core.load "result"

local function act(msg, action)
	if core.deciding(msg) then
		core.decide(action)
		return result.decided()
	elseif core.handling() then
		util.fail("%s: a rule function decides about its own message only; this one is another",
			action.verb)
	end
	core.gate()
	return result.add(result.new(), core.verb(msg.account, msg.mailbox, { msg.uid }, action,
		core.uidvalidity(msg)))
end

local methods = core.methods "mail.message"

for _, verb in ipairs(target.VERBS) do
	methods[verb] = function(msg, ...)
		if type(msg) ~= "userdata" then
			util.fail("write message:%s(...) with a colon", verb)
		end
		return act(msg, target.fill(target.make_one(verb, ...), msg, core.captures()))
	end
end

--- Saves the part's decoded bytes: a path, or a folder that ends with "/" (then under the
--- part's own safe name).  Never overwrites: "name-1.pdf" follows "name.pdf".
core.methods "mail.part".save = function(part, ...)
	if type(part) ~= "userdata" then
		util.fail("write part:save(path) with a colon")
	end
	local action = target.make_one("save", ...)
	local msg = part.message
	action = target.fill(action, msg, core.captures(), part)
	action.part = part.number
	return act(msg, action)
end

return {}
