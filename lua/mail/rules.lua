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
local NAMES = util.names(KEYS, target.is_verb)

local lines_of = {} -- of the files of scripts, while loading

local function lines(source)
	if not lines_of[source] then
		local list = {}
		local file = source:sub(1, 1) == "@" and io.open(source:sub(2), "r")
		if file then
			for text in file:lines() do
				list[#list + 1] = text
			end
			file:close()
		end
		lines_of[source] = list
	end
	return lines_of[source]
end

-- The line of a rule: the first one from the call's line on that has its quoted name,
-- else the first of the file that has it.
local function line_of(name, source, line)
	local list = lines(source)
	local function find(from, to)
		for n = from, to do
			if list[n]:find('"' .. name .. '"', 1, true) or list[n]:find("'" .. name .. "'", 1, true) then
				return n
			end
		end
	end
	return find(line, #list) or find(1, math.min(line, #list)) or line
end

local function place(name, here)
	if not here.source then
		return here.where
	end
	return ("%s:%d"):format(here.source:match("[^/@]*$"), line_of(name, here.source, here.line))
end

-- An error inside `fn` gets the rule's place and name in front.
local function within(where, name, fn, ...)
	local ok, a, b = pcall(fn, ...)
	if not ok then
		local text, own = util.reason(a), ("rule \"%s\": "):format(name)
		if text:sub(1, #own) == own then
			text = text:sub(#own + 1)
		end
		util.fail_at(where, "%s%s", own, text)
	end
	return a, b
end

local function after_of(value)
	if type(value) ~= "table" then
		return util.duration(value, "after"), false
	end
	for key in pairs(value) do
		if key ~= 1 and key ~= "since" then
			util.fail("after: unknown key '%s'%s; a right use is after = { \"30d\", since = \"here\" }",
				tostring(key), util.hint(key, { "since" }))
		end
	end
	if value.since ~= nil and value.since ~= "here" and value.since ~= "received" then
		util.fail("after: since is \"here\" or \"received\", not %s%s", util.describe(value.since),
			util.hint(value.since, { "here", "received" }))
	end
	return util.duration(value[1], "after"), value.since == "here"
end

local function on_of(value)
	local list = type(value) == "table" and value or { value }
	if #list == 0 then
		util.fail("on is empty; it is \"arrival\", \"apply\" or a list of both")
	end
	for _, event in ipairs(list) do
		if event ~= "arrival" and event ~= "apply" then
			util.fail("on is \"arrival\" or \"apply\", not %s%s", util.describe(event),
				util.hint(event, { "arrival", "apply" }))
		end
	end
	return list
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

local function check_value(key, value)
	local types = KEYS[key]
	if key == 1 or target.is_verb[key] then
		return
	elseif not types then
		util.fail("unknown key '%s'%s", tostring(key), util.hint(key, NAMES))
	elseif not (" " .. types .. " "):find(" " .. type(value) .. " ", 1, true) then
		local is_query = key == "when" or key == "unless"
		util.fail("%s must be %s, not %s%s", key,
			is_query and "a query" or util.types(types), util.describe(value),
			is_query and type(value) == "boolean" and "; \"not\" gives a boolean, write ~q.key" or "")
	end
end

local function build(rule, out)
	local keys = {}
	for key in pairs(rule) do
		keys[#keys + 1] = key
	end
	table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
	for _, key in ipairs(keys) do
		check_value(key, rule[key])
	end
	if rule.when ~= nil then
		out.when = query.coerce(rule.when, "when")
	end
	if rule.unless ~= nil then
		out.unless = query.coerce(rule.unless, "unless")
	end
	if rule.after ~= nil then
		out.after, out.after_here = after_of(rule.after)
	end
	out.on = on_of(rule.on or "arrival")
	out.stop, out.own, out.existing, out.serial = rule.stop, rule.own, rule.existing, rule.serial
	out.run = with_functions(rule, rule[1])
	for _, verb in ipairs(target.VERBS) do
		local value = rule[verb]
		if value ~= nil and value ~= false and type(value) ~= "function" then
			out.actions[#out.actions + 1] = target.make(verb, value)
		end
	end
end

local function compile(rule, here)
	local name = rule[1]
	if name == "" then
		util.fail_at(here.where, "a rule's name is empty")
	end
	local where = place(name, here)
	local out = { name = name, where = where, actions = {} }
	within(where, name, build, rule, out)
	return out
end

-- A table in a set that is neither a rule nor a set: what was meant?
local function fail_set(set, key, here)
	if key == "name" and type(set.name) == "string" then
		util.fail_at(here.where, "a rule begins with its name, without a key: { \"%s\", ... }",
			set.name)
	elseif KEYS[key] or target.is_verb[key] then
		util.fail_at(here.where, "a rule begins with its name: { \"name\", %s = ... }", key)
	end
	for i = 1, #set do
		if type(set[i]) == "string" then
			util.fail_at(here.where, "a rule begins with its name: { \"%s\", ... }", set[i])
		end
	end
	util.fail_at(here.where, "a set of rules is a list of tables; '%s = %s' stands outside of "
		.. "any rule", tostring(key), util.describe(set[key]))
end

-- Sets nest: a rules value, or a plain list whose first element is a table.
local function flatten(set, out, here)
	local mt = type(set) == "table" and getmetatable(set)
	if type(set) ~= "table" or mt and mt ~= RULES then
		util.fail_at(here.where, "rules are tables, not %s", util.describe(set))
	end
	local inner = mt == RULES and set.here or here
	local list = mt == RULES and set.list or set
	if getmetatable(list) == RULES then
		return flatten(list, out, inner)
	elseif type(list[1]) == "string" then
		out[#out + 1] = { list, inner }
		return out
	end
	if list.name ~= nil then
		fail_set(list, "name", inner)
	end
	for key, value in pairs(list) do
		if math.type(key) ~= "integer" or type(value) == "string" then
			fail_set(list, key, inner)
		end
	end
	for i = 1, #list do
		flatten(list[i], out, inner)
	end
	return out
end

-- Where the set stands.  tail: it was called by `return mail.rules {...}` of a module.
local function here(tail)
	local file = tail and util.modules[#util.modules]
	if file then
		return { where = file:match("[^/]*$") .. ":1", source = "@" .. file, line = 1 }
	end
	local where, source, line = util.where()
	return { where = where, source = source, line = line }
end

local made = {} -- sets, until one of their mailboxes is named

--- mail.rules { {...}, {...} } -> a value for any number of mailboxes.
function rules.make(list)
	local h = here(debug.getinfo(1, "t").istailcall and debug.getinfo(2, "S").what == "C")
	if type(list) ~= "table" or getmetatable(list) and getmetatable(list) ~= RULES then
		util.fail("mail.rules { ... } takes a table of rules, not %s", util.describe(list))
	end
	local set = setmetatable({ list = list, here = h, used = false }, RULES)
	for _, one in ipairs(flatten(set, {}, h)) do
		compile(one[1], one[2]) -- a set that is wrong is wrong where it is written
	end
	if not core.active() then
		made[#made + 1] = set
	end
	return set
end

local function mark_used(set)
	if getmetatable(set) == RULES then
		set.used = true
		set = set.list
	end
	if type(set[1]) == "table" then
		for _, inner in ipairs(set) do
			mark_used(inner)
		end
	end
end

--- At the load point: a set that no mailbox has is a mistake.
function rules.report_unused()
	for _, set in ipairs(made) do
		if not set.used then
			core.finding(false, set.here.where, "these rules are attached to no mailbox: "
				.. "write account.inbox:rules(set)")
		end
	end
	made, lines_of = {}, {}
end

-- Every message that such a rule matched would be held.
local function check_not_itself(rule, mailbox)
	for _, action in ipairs(rule.actions) do
		local name = action.target
		local is_mailbox = action.verb == "move" or action.verb == "copy"
		if is_mailbox and (action.account or mailbox.account.name) == mailbox.account.name
			and (name == mailbox.name or name:upper() == "INBOX" and mailbox.name == "INBOX") then
			util.fail_at(rule.where, "rule \"%s\": %s: %s is the mailbox that the message is in",
				rule.name, action.verb, name)
		end
	end
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
		local set = select(i, ...)
		for _, one in ipairs(flatten(set, {}, h)) do
			local rule = compile(one[1], one[2])
			check_not_itself(rule, mailbox)
			within(rule.where, rule.name, core.attach, mailbox.account.name, mailbox.name, rule)
		end
		mark_used(set)
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
	rules.attach(mailbox, { { name, run = fn } })
	return mailbox
end

return rules
