-- Rules as data: sets of rule tables, checked key by key, then handed to C.
local core = ...
local util = core.load "util"
local query = core.load "query"
local target = core.load "target"

local rules = {}

local RULES = { __name = "mail.rules" }

-- Keys of a rule beside the verbs, with their types.
local KEYS = {
	when = "table", unless = "table", on = "string table", after = "string number table",
	run = "function", stop = "boolean", own = "boolean", existing = "boolean", serial = "boolean",
}
local NAMES = {}
for key in pairs(KEYS) do
	NAMES[#NAMES + 1] = key
end
for _, verb in ipairs(target.VERBS) do
	NAMES[#NAMES + 1] = verb
end
table.sort(NAMES)

-- The line of a rule: the first one from the call's line on that has its quoted name.
local function line_of(name, source, line)
	if not source or source:sub(1, 1) ~= "@" then
		return line
	end
	local file = io.open(source:sub(2), "r")
	if not file then
		return line
	end
	local n, found = 0, line
	for text in file:lines() do
		n = n + 1
		if n >= line and (text:find('"' .. name .. '"', 1, true)
			or text:find("'" .. name .. "'", 1, true)) then
			found = n
			break
		end
	end
	file:close()
	return found
end

local function place(name, here)
	if not here.source then
		return here.where
	end
	return ("%s:%d"):format(here.source:match("[^/@]*$"), line_of(name, here.source, here.line))
end

local function after_of(value, where, name)
	if type(value) ~= "table" then
		return util.duration(value, ("%s: rule \"%s\": after"):format(where, name)), false
	end
	for key in pairs(value) do
		if key ~= 1 and key ~= "since" then
			util.fail_at(where, "rule \"%s\": after: unknown key '%s'%s", name, tostring(key),
				util.hint(key, { "since" }))
		end
	end
	if value.since ~= nil and value.since ~= "here" and value.since ~= "received" then
		util.fail_at(where, "rule \"%s\": after: since is \"here\" or \"received\", not %s", name,
			util.describe(value.since))
	end
	return util.duration(value[1], ("%s: rule \"%s\": after"):format(where, name)),
		value.since == "here"
end

local function on_of(value, where, name)
	local list = type(value) == "table" and value or { value }
	for _, event in ipairs(list) do
		if event ~= "arrival" and event ~= "apply" then
			util.fail_at(where, "rule \"%s\": on is \"arrival\" or \"apply\", not %s%s", name,
				util.describe(event), util.hint(event, { "arrival", "apply" }))
		end
	end
	return list
end

-- An error inside `fn` gets the rule's place and name in front.
local function within(where, name, fn, ...)
	local ok, a, b = pcall(fn, ...)
	if not ok then
		local text = type(a) == "table" and a.message or tostring(a)
		util.fail_at(where, "rule \"%s\": %s", name, (text:gsub("^[^ ]+:%d+: ", "")))
	end
	return a, b
end

-- A rule whose target is a function runs as code: the function gives the argument.
local function with_functions(rule, name)
	local computed = {}
	for _, verb in ipairs(target.VERBS) do
		if type(rule[verb]) == "function" then
			computed[#computed + 1] = verb
		end
	end
	if #computed == 0 then
		return rule.run
	end
	local run = rule.run
	return function(msg, captures)
		if run then
			run(msg, captures)
		end
		for _, verb in ipairs(computed) do
			local value = rule[verb](msg, captures)
			if value == nil then
				core.raise("usage", ("rule \"%s\": the function of %s returned nil"):format(name,
					verb))
			end
			msg[verb](msg, value)
		end
	end
end

local function compile(rule, here)
	local name = rule[1]
	if type(name) ~= "string" or name == "" then
		util.fail_at(here.where, "a rule begins with its name: { \"name\", when = ..., move = ... }")
	end
	local where = place(name, here)
	local out = { name = name, where = where, actions = {} }
	for key, value in pairs(rule) do
		local types = KEYS[key]
		local checked = key == 1 or target.is_verb[key]
		if not types and not checked then
			util.fail_at(where, "rule \"%s\": unknown key '%s'%s", name, tostring(key),
				util.hint(key, NAMES))
		elseif types and not (" " .. types .. " "):find(" " .. type(value) .. " ", 1, true) then
			util.fail_at(where, "rule \"%s\": %s must be %s, not %s%s", name, key,
				(types:gsub("table", "a query"):gsub(" ", " or ")), util.describe(value),
				type(value) == "boolean" and "; \"not\" gives a boolean, write ~q.key" or "")
		end
	end
	if rule.when ~= nil then
		out.when = within(where, name, query.coerce, rule.when, "when")
	end
	if rule.unless ~= nil then
		out.unless = within(where, name, query.coerce, rule.unless, "unless")
	end
	if rule.after ~= nil then
		out.after, out.after_here = after_of(rule.after, where, name)
	end
	out.on = on_of(rule.on or "arrival", where, name)
	out.stop, out.own, out.existing, out.serial = rule.stop, rule.own, rule.existing, rule.serial
	out.run = with_functions(rule, name)
	for _, verb in ipairs(target.VERBS) do
		local value = rule[verb]
		if value ~= nil and value ~= false and type(value) ~= "function" then
			out.actions[#out.actions + 1] = within(where, name, target.make, verb, value)
		end
	end
	return out
end

-- Sets nest: a rules value, or a plain list whose first element is a table.
local function flatten(set, out, here)
	if type(set) ~= "table" then
		util.fail_at(here.where, "rules are tables, not %s", util.describe(set))
	end
	local inner = getmetatable(set) == RULES and set.here or here
	if type(set[1]) == "string" then
		out[#out + 1] = { set, inner }
		return out
	end
	local n = 0
	for key, value in pairs(set) do
		if type(key) == "number" then
			n = n + 1
		elseif getmetatable(set) ~= RULES then
			util.fail_at(inner.where, "a set of rules is a list of tables; '%s = %s' stands outside "
				.. "of any rule", tostring(key), util.describe(value))
		end
	end
	for i = 1, n do
		flatten(set[i], out, inner)
	end
	return out
end

local function here()
	local where, source, line = util.where()
	return { where = where, source = source, line = line }
end

--- mail.rules { {...}, {...} } -> a value for any number of mailboxes.
function rules.make(list)
	local h = here()
	if type(list) ~= "table" then
		util.fail("mail.rules { ... } takes a table of rules, not %s", util.describe(list))
	end
	local set = {}
	for i, rule in ipairs(list) do
		set[i] = rule
	end
	set.here = h
	setmetatable(set, RULES)
	for _, one in ipairs(flatten(set, {}, h)) do
		compile(one[1], one[2]) -- a set that is wrong is wrong where it is written
	end
	return set
end

--- mailbox:rules(set, ...): attaches, in order.
function rules.attach(mailbox, ...)
	local h = here()
	if core.active() then
		util.fail("rules are declared before the first wait of the script")
	end
	if select("#", ...) == 0 then
		util.fail("%s:rules(...) takes at least one set of rules", mailbox.name)
	end
	for i = 1, select("#", ...) do
		for _, one in ipairs(flatten((select(i, ...)), {}, h)) do
			core.attach(mailbox.account.name, mailbox.name, compile(one[1], one[2]))
		end
	end
	return mailbox
end

--- mailbox:on_new("name", fn) is the rule { "name", run = fn } at its place.
function rules.on_new(mailbox, name, fn)
	if type(name) ~= "string" then
		util.fail("on_new(\"name\", function(msg) ... end): the name comes first")
	elseif type(fn) ~= "function" then
		util.fail("on_new(\"%s\", fn): a function is expected, not %s", name, util.describe(fn))
	end
	return rules.attach(mailbox, { { name, run = fn } })
end

return rules
