-- Sets of messages: lazy until first used, then a fixed list of (mailbox, uid).  Walking
-- one makes messages in windows, so that memory does not grow with the set.
local core = ...
local util = core.load "util"
local query = core.load "query"
local target = core.load "target"
local result = core.load "result"

local WINDOW = 64 -- messages prefetched at a time

local SET
local set = {}

-- Fields: boxes and query (a search not yet run), or boxes_of[i] and uids[i] (resolved).
local function new(fields)
	return setmetatable(fields, SET)
end

local function resolved(boxes_of, uids)
	return new { boxes_of = boxes_of, uids = uids }
end

local function keep_maybe(box, condition, uids, maybe, boxes_of, out)
	for i, uid in ipairs(uids) do
		if not maybe[i] or condition:test(core.message(box.account.name, box.name, uid)) then
			boxes_of[#boxes_of + 1] = box
			out[#out + 1] = uid
		end
	end
end

-- Runs the search, once.
local function resolve(self)
	if rawget(self, "uids") then
		return self
	end
	core.gate()
	local boxes_of, out = {}, {}
	if rawget(self, "make") then
		boxes_of, out = self.make()
	else
		for _, box in ipairs(self.boxes()) do
			local uids, maybe = core.search(box.account.name, box.name, self.condition, self.max or 0)
			keep_maybe(box, self.condition, uids, maybe, boxes_of, out)
			if self.max and #out >= self.max then
				break
			end
		end
	end
	rawset(self, "boxes_of", boxes_of)
	rawset(self, "uids", out)
	rawset(self, "windows", {})
	rawset(self, "position", setmetatable({}, { __mode = "k" }))
	return self
end

-- The i-th message; its window is prefetched, the window before is let go.
local function message(self, i)
	local first = i - (i - 1) % WINDOW
	if self.windows.first ~= first then
		local window = { first = first }
		local list = {}
		for k = first, math.min(first + WINDOW - 1, #self.uids) do
			local box = self.boxes_of[k]
			local m = core.message(box.account.name, box.name, self.uids[k])
			window[k] = m
			list[#list + 1] = m
		end
		core.prefetch(list)
		rawset(self, "windows", window)
	end
	local m = self.windows[i]
	self.position[m] = i
	return m
end

-- The set as groups of one mailbox each, in order of first appearance.
local function groups(self)
	local list, by = {}, {}
	resolve(self)
	for i, uid in ipairs(self.uids) do
		local box = self.boxes_of[i]
		local g = by[box]
		if not g then
			g = { box = box, uids = {} }
			by[box] = g
			list[#list + 1] = g
		end
		g.uids[#g.uids + 1] = uid
	end
	return list
end

-- The uids of one group by the target that the template gives for each message.
local function by_target(self, g, action)
	local list, by = {}, {}
	for i, uid in ipairs(self.uids) do
		if self.boxes_of[i] == g.box then
			local filled = target.fill(action, message(self, i))
			local key = filled.path or filled.mailbox
			if not by[key] then
				by[key] = { action = filled, uids = {} }
				list[#list + 1] = by[key]
			end
			by[key].uids[#by[key].uids + 1] = uid
		end
	end
	return list
end

local function plain(action)
	if not action.target then
		return action
	end
	local text = action.target:gsub("{{", "{"):gsub("}}", "}")
	local out = {}
	for k, v in pairs(action) do
		out[k] = v
	end
	out.target = nil
	out[action.verb == "save" and "path" or "mailbox"] = text
	return out
end

local function act(self, verb, value)
	local action = target.make(verb, value)
	if core.handling() then
		util.fail("set:%s acts at once and cannot stand in a rule function, whose verbs are "
			.. "decisions about its own message; put it into a program or a timer", verb)
	end
	local total = result.new()
	for _, g in ipairs(groups(self)) do
		local parts = { { action = plain(action), uids = g.uids } }
		if target.varies(action) and action.target:gsub("{{", ""):find("{", 1, true) then
			parts = by_target(self, g, action)
		end
		for _, part in ipairs(parts) do
			result.add(total, core.verb(g.box.account.name, g.box.name, part.uids, part.action))
		end
	end
	return total
end

local methods = {}
for _, verb in ipairs(target.VERBS) do
	methods[verb] = function(self, value)
		return act(self, verb, value)
	end
end

--- How many messages.  @return integer
function methods.count(self)
	return #resolve(self).uids
end

--- The first message, or nil.
function methods.first(self)
	resolve(self)
	return self.uids[1] and message(self, 1) or nil
end

--- A set of at most n messages, the first ones.
function methods.limit(self, n)
	if math.type(n) ~= "integer" or n < 0 then
		util.fail("limit: a number of messages is expected, not %s", util.describe(n))
	end
	if not rawget(self, "uids") and rawget(self, "boxes") then
		return new { boxes = self.boxes, condition = self.condition,
			max = self.max and math.min(self.max, n) or n }
	end
	return new { make = function()
		resolve(self)
		return table.move(self.boxes_of, 1, math.min(n, #self.uids), 1, {}),
			table.move(self.uids, 1, math.min(n, #self.uids), 1, {})
	end }
end

local SORTABLE = { "date", "received", "size", "subject", "from", "uid", "here" }

local function sort_key(m, key)
	local value = m[key]
	if key == "from" then
		value = value and value.address
	end
	return type(value) == "string" and value:lower() or value
end

--- Sorted by date received size subject from uid here; "-date" is newest first.  Messages
--- without the field come last; equal ones keep their order.
function methods.sort(self, order)
	local descending = type(order) == "string" and order:sub(1, 1) == "-"
	local key = type(order) == "string" and order:gsub("^-", "") or ""
	local known = false
	for _, name in ipairs(SORTABLE) do
		known = known or name == key
	end
	if not known then
		util.fail("sort: unknown order %s%s", util.describe(order), util.hint(key, SORTABLE))
	end
	return new { make = function()
		resolve(self)
		local rows = {}
		for i = 1, #self.uids do
			rows[i] = { i = i, key = sort_key(message(self, i), key) }
		end
		table.sort(rows, function(a, b)
			if a.key == b.key then
				return a.i < b.i
			elseif a.key == nil or b.key == nil then
				return b.key == nil
			elseif descending then
				return a.key > b.key
			end
			return a.key < b.key
		end)
		local boxes_of, uids = {}, {}
		for i, row in ipairs(rows) do
			boxes_of[i], uids[i] = self.boxes_of[row.i], self.uids[row.i]
		end
		return boxes_of, uids
	end }
end

--- fn(msg) -> a key: a table from each key to the set of its messages (nil: left out).
function methods.group(self, fn)
	if type(fn) ~= "function" then
		util.fail("group: a function is expected, not %s", util.describe(fn))
	end
	local sets = {}
	resolve(self)
	for i, uid in ipairs(self.uids) do
		local key = fn(message(self, i))
		if key ~= nil then
			sets[key] = sets[key] or resolve(new { make = function() return {}, {} end })
			local one = sets[key]
			one.uids[#one.uids + 1] = uid
			one.boxes_of[#one.boxes_of + 1] = self.boxes_of[i]
		end
	end
	return sets
end

--- The same search, run anew at its first use.
function methods.again(self)
	if rawget(self, "boxes") then
		return new { boxes = self.boxes, condition = self.condition, max = self.max }
	elseif rawget(self, "make") then
		return new { make = self.make }
	end
	return resolved(self.boxes_of, self.uids)
end

--- A narrower set: those for which the query holds too.
function methods.search(self, condition)
	local c = query.coerce(condition, "search")
	return new { make = function()
		local boxes_of, uids = {}, {}
		resolve(self)
		for i, uid in ipairs(self.uids) do
			if c:test(message(self, i)) then
				boxes_of[#boxes_of + 1], uids[#uids + 1] = self.boxes_of[i], uid
			end
		end
		return boxes_of, uids
	end }
end

SET = util.class("set", methods)

function SET.__len(self)
	return #resolve(self).uids
end

--- for msg in set do ... end
function SET.__call(self, _, previous)
	resolve(self)
	local i = previous and (self.position[previous] or #self.uids) + 1 or 1
	if i > #self.uids then
		return nil
	end
	return message(self, i)
end

local function identity(box, uid)
	return box.account.name .. "\0" .. box.name .. "\0" .. uid
end

local function combine(a, b, sign, keep)
	if getmetatable(a) ~= SET or getmetatable(b) ~= SET then
		util.fail("%s works between two sets of messages", sign)
	end
	return new { make = function()
		local boxes_of, uids, seen, other = {}, {}, {}, {}
		resolve(a)
		resolve(b)
		for i, uid in ipairs(b.uids) do
			other[identity(b.boxes_of[i], uid)] = true
		end
		local function add(s, filter)
			for i, uid in ipairs(s.uids) do
				local id = identity(s.boxes_of[i], uid)
				if not seen[id] and filter(id) then
					seen[id] = true
					boxes_of[#boxes_of + 1], uids[#uids + 1] = s.boxes_of[i], uid
				end
			end
		end
		keep(add, other)
		return boxes_of, uids
	end }
end

local function always()
	return true
end

function SET.__add(a, b)
	return combine(a, b, "+", function(add)
		add(a, always)
		add(b, always)
	end)
end

function SET.__sub(a, b)
	return combine(a, b, "-", function(add, other)
		add(a, function(id) return not other[id] end)
	end)
end

function SET.__mul(a, b)
	return combine(a, b, "*", function(add, other)
		add(a, function(id) return other[id] end)
	end)
end

function SET.__tostring(self)
	if rawget(self, "uids") then
		return ("a set of %d messages"):format(#self.uids)
	end
	return "a set of messages, not searched yet"
end

--- boxes: a function that gives the list of mailboxes, called when the search runs.
function set.search(boxes, condition)
	local c = condition == nil and core.query_all() or query.coerce(condition, "search")
	return new { boxes = boxes, condition = c }
end

return set
