-- Sets of messages: lazy until first used, then a fixed list of (mailbox, uid).  Walking
-- one makes messages in windows, so that memory does not grow with the set.
local core = ...
local util = core.load "util"
local query = core.load "query"
local target = core.load "target"
local result = core.load "result"

local WINDOW = 64 -- messages prefetched at a time

local SET
local STATE = {} -- the key of what a set is
local set = {}

--[[
What a set is:
  boxes, condition, max     a search: function that lists mailboxes, QUERY, most messages
  make, from                derived: make(state, ...) -> boxes_of, uids; from: its sets
  boxes_of, uids            once used: mailbox and UID of each message
  validity                  ... and each mailbox's UIDVALIDITY at that time
  window, position          the messages at hand; message -> its place
]]
local function new(state)
	return setmetatable({ [STATE] = state }, SET)
end

-- Roles get the name of their mailbox, so that a message has one name in all sets.
local function named(box)
	if box.name:sub(1, 1) == "@" then
		return box.account(core.resolve(box.account.name, box.name))
	end
	return box
end

-- Appends the messages of one mailbox; at most `room` of them.
local function search(box, condition, room, boxes_of, out, validity)
	local account, name = box.account.name, box.name
	local uids, maybe, valid = core.search(account, name, condition, room or 0)
	local unsure = false
	for i = 1, #uids do
		unsure = unsure or maybe[i]
	end
	if room and unsure then -- the functions may drop some: then more are wanted
		uids, maybe, valid = core.search(account, name, condition, 0)
	end
	validity[box] = valid
	for i, uid in ipairs(uids) do
		if room and room <= 0 then
			return 0
		end
		if not maybe[i] or condition:test(core.message(account, name, uid, valid)) then
			boxes_of[#boxes_of + 1], out[#out + 1] = box, uid
			room = room and room - 1
		end
	end
	return room
end

local function run(state)
	local boxes_of, out, validity = {}, {}, {}
	local room = state.max
	for _, box in ipairs(state.boxes()) do
		if room == 0 then
			break
		end
		room = search(named(box), state.condition, room, boxes_of, out, validity)
	end
	return boxes_of, out, validity
end

-- Of sets that one set is made of; a UID means one message only under one UIDVALIDITY.
local function joined(from)
	local validity = {}
	for _, state in ipairs(from) do
		for box, valid in pairs(state.validity) do
			if validity[box] and validity[box] ~= valid then
				util.fail("%s:%s: the server numbered its messages anew between two searches; search "
					.. "again", box.account.name, box.name)
			end
			validity[box] = valid
		end
	end
	return validity
end

-- The state with boxes_of and uids: searched at the first use, once.
local function resolve(self)
	local state = self[STATE]
	if not state.uids then
		core.gate()
		local boxes_of, uids, validity
		if state.make then
			local from = {}
			for i, one in ipairs(state.from) do
				from[i] = resolve(one)
			end
			validity = joined(from)
			boxes_of, uids = state.make(table.unpack(from))
		else
			boxes_of, uids, validity = run(state)
		end
		if not state.uids then -- another task may have been first
			state.boxes_of, state.uids, state.validity = boxes_of, uids, validity
			state.position = setmetatable({}, { __mode = "k" })
		end
	end
	return state
end

-- The i-th message; its window is prefetched, the window before is let go.
local function message(state, i)
	local first = i - (i - 1) % WINDOW
	local window = state.window
	if not window or window.first ~= first then
		local list = {}
		window = { first = first }
		for k = first, math.min(first + WINDOW - 1, #state.uids) do
			local box = state.boxes_of[k]
			local m = core.message(box.account.name, box.name, state.uids[k], state.validity[box])
			window[k] = m
			list[#list + 1] = m
		end
		core.prefetch(list)
		state.window = window
	end
	local m = window[i]
	state.position[m] = i
	return m
end

-- ---- verbs

-- The set as groups of one mailbox each, in order of first appearance.
local function groups(state)
	local list, by = {}, {}
	for i, box in ipairs(state.boxes_of) do
		local g = by[box]
		if not g then
			g = { box = box, uids = {}, places = {}, valid = state.validity[box] }
			by[box] = g
			list[#list + 1] = g
		end
		g.uids[#g.uids + 1], g.places[#g.places + 1] = state.uids[i], i
	end
	return list
end

-- Lines about single messages that a verb writes on one mailbox; more are for --verbose.
local LINES_MAX = 100

-- A message whose target cannot be filled stays where it is.
local function count_unfilled(total, g, uid, action, err)
	local code = type(err) == "table" and err.code
	if code == "gone" then
		total.gone = total.gone + 1
		return
	elseif code ~= "held" and code ~= "limit" then
		error(err, 0)
	end
	g.unfilled = (g.unfilled or 0) + 1
	core.log(g.unfilled > LINES_MAX and "debug" or "warn", ("%s:%s/%d: stays where it is: %s: %s")
		:format(g.box.account.name, g.box.name, uid, action.verb, util.reason(err)))
	result.fail(total, err)
end

-- The uids of one group by the target that the template gives for each message.
local function by_target(state, g, action, total)
	local list, by = {}, {}
	for k, uid in ipairs(g.uids) do
		local ok, filled = pcall(target.fill, action, message(state, g.places[k]))
		if ok then
			local key = filled.path or filled.mailbox
			if not by[key] then
				by[key] = { action = filled, uids = {} }
				list[#list + 1] = by[key]
			end
			by[key].uids[#by[key].uids + 1] = uid
		else
			count_unfilled(total, g, uid, action, filled)
		end
	end
	if (g.unfilled or 0) > LINES_MAX then
		core.log("warn", ("%s:%s: %s: %d more stay where they are; --verbose names each"):format(
			g.box.account.name, g.box.name, action.verb, g.unfilled - LINES_MAX))
	end
	return list
end

local function perform(total, g, part)
	local ok, r = pcall(core.verb, g.box.account.name, g.box.name, part.uids, part.action, g.valid)
	if ok then
		result.add(total, r)
	else
		if type(r) == "table" and type(r.result) == "table" then
			rawset(r, "result", result.add(total, r.result))
		end
		error(r, 0)
	end
end

local function act(self, verb, ...)
	local action = target.make_one(verb, ...)
	if core.handling() then
		util.fail("set:%s acts at once and cannot stand in a rule function, whose verbs are "
			.. "decisions about its own message; put it into a program or a timer", verb)
	end
	local state, total, fixed = resolve(self), result.new(), target.fixed(action)
	for _, g in ipairs(groups(state)) do
		local parts = fixed and { { action = fixed, uids = g.uids } }
			or by_target(state, g, action, total)
		for _, part in ipairs(parts) do
			perform(total, g, part)
		end
	end
	return total
end

local methods = {}
for _, verb in ipairs(target.VERBS) do
	methods[verb] = function(self, ...)
		return act(self, verb, ...)
	end
end

-- ---- questions

--- How many messages.
--- @return integer
function methods.count(self)
	return #resolve(self).uids
end

--- The first message, or nil.
function methods.first(self)
	local state = resolve(self)
	return state.uids[1] and message(state, 1) or nil
end

--- A set of at most n messages, the first ones.
function methods.limit(self, n)
	local state = self[STATE]
	if math.type(n) ~= "integer" or n < 0 then
		util.fail("limit: a number of messages is expected, not %s", util.describe(n))
	elseif state.boxes and not state.uids then
		return new { boxes = state.boxes, condition = state.condition,
			max = state.max and math.min(state.max, n) or n }
	end
	return new { from = { self }, make = function(s)
		local last = math.min(n, #s.uids)
		return table.move(s.boxes_of, 1, last, 1, {}), table.move(s.uids, 1, last, 1, {})
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

local function before(a, b, descending)
	if a.key == b.key then
		return a.i < b.i
	elseif a.key == nil or b.key == nil then
		return b.key == nil
	elseif descending then
		return a.key > b.key
	end
	return a.key < b.key
end

--- Sorted by date received size subject from uid here; "-date" is newest first.  Messages
--- without the field come last; equal ones keep their order.
function methods.sort(self, order)
	local descending, key, known = false, order, false
	if type(order) == "string" and order:sub(1, 1) == "-" then
		descending, key = true, order:sub(2)
	end
	for _, name in ipairs(SORTABLE) do
		known = known or name == key
	end
	if not known then
		local hint = util.hint(key, SORTABLE)
		util.fail("sort: unknown order %s%s", util.describe(order), hint ~= "" and hint
			or "; there are " .. table.concat(SORTABLE, ", "))
	end
	return new { from = { self }, make = function(s)
		local rows, boxes_of, uids = {}, {}, {}
		for i = 1, #s.uids do
			rows[i] = { i = i, key = sort_key(message(s, i), key) }
		end
		table.sort(rows, function(a, b) return before(a, b, descending) end)
		for i, row in ipairs(rows) do
			boxes_of[i], uids[i] = s.boxes_of[row.i], s.uids[row.i]
		end
		return boxes_of, uids
	end }
end

-- Those messages of s for which fn holds.
local function filtered(s, fn)
	local boxes_of, uids = {}, {}
	for i, uid in ipairs(s.uids) do
		if fn(message(s, i)) then
			boxes_of[#boxes_of + 1], uids[#uids + 1] = s.boxes_of[i], uid
		end
	end
	return boxes_of, uids
end

--- fn(msg) -> a key: a table from each key to the set of its messages (nil: left out).
function methods.group(self, fn)
	if type(fn) ~= "function" then
		util.fail("group: a function is expected, not %s", util.describe(fn))
	end
	local state, members, sets = resolve(self), {}, {}
	for i, uid in ipairs(state.uids) do
		local key = fn(message(state, i))
		if key ~= nil then
			local m = members[key]
			if not m then
				m = { boxes_of = {}, uids = {}, from = { self }, validity = state.validity,
					position = setmetatable({}, { __mode = "k" }),
					make = function(s)
						return filtered(s, function(msg) return fn(msg) == key end)
					end }
				members[key], sets[key] = m, new(m)
			end
			m.boxes_of[#m.boxes_of + 1], m.uids[#m.uids + 1] = state.boxes_of[i], uid
		end
	end
	return sets
end

--- The same question, asked anew at its first use.
function methods.again(self)
	local state = self[STATE]
	local from
	if state.from then
		from = {}
		for i, one in ipairs(state.from) do
			from[i] = methods.again(one)
		end
	end
	return new { boxes = state.boxes, condition = state.condition, max = state.max,
		make = state.make, from = from }
end

--- A narrower set: those for which the query holds too.
function methods.search(self, condition)
	local c = query.coerce(condition, "search")
	query.warn_star(c)
	return new { from = { self }, make = function(s)
		return filtered(s, function(m)
			local ok, held = pcall(c.test, c, m)
			if not ok and not (type(held) == "table" and held.code == "gone") then
				error(held, 0)
			end
			return ok and held
		end)
	end }
end

SET = util.class("set", methods)

local named_index = SET.__index
function SET.__index(self, key)
	if type(key) == "number" then
		util.fail("a set of messages is walked by `for msg in set do`; set:first() is its first one")
	end
	return named_index(self, key)
end

function SET.__pairs()
	util.fail("a set of messages is walked by `for msg in set do`, without pairs")
end

function SET.__len(self)
	return #resolve(self).uids
end

--- for msg in set do ... end
function SET.__call(self, _, previous)
	local state = resolve(self)
	local i = previous and (state.position[previous] or #state.uids) + 1 or 1
	if i > #state.uids then
		return nil
	end
	return message(state, i)
end

-- ---- algebra

local function identity(box, uid)
	return box.account.name .. "\0" .. box.name .. "\0" .. uid
end

local function always()
	return true
end

-- Of a those that keep_a holds for, then of b: each message once.
local function merged(a, b, keep_a, keep_b)
	local boxes_of, uids, seen, other = {}, {}, {}, {}
	for i, uid in ipairs(b.uids) do
		other[identity(b.boxes_of[i], uid)] = true
	end
	local function add(s, keep)
		for i, uid in ipairs(s.uids) do
			local id = identity(s.boxes_of[i], uid)
			if not seen[id] and keep(other[id]) then
				seen[id] = true
				boxes_of[#boxes_of + 1], uids[#uids + 1] = s.boxes_of[i], uid
			end
		end
	end
	add(a, keep_a)
	if keep_b then
		add(b, keep_b)
	end
	return boxes_of, uids
end

local function combine(a, b, sign, keep_a, keep_b)
	if getmetatable(a) ~= SET or getmetatable(b) ~= SET then
		util.fail("%s works between two sets of messages, not with %s", sign,
			util.describe(getmetatable(a) ~= SET and a or b))
	end
	return new { from = { a, b }, make = function(x, y)
		return merged(x, y, keep_a, keep_b)
	end }
end

function SET.__add(a, b)
	return combine(a, b, "+", always, always)
end

function SET.__sub(a, b)
	return combine(a, b, "-", function(in_b) return not in_b end)
end

function SET.__mul(a, b)
	return combine(a, b, "*", function(in_b) return in_b end)
end

function SET.__tostring(self)
	local uids = self[STATE].uids
	return uids and ("a set of %d messages"):format(#uids) or "a set of messages, not searched yet"
end

--- boxes: a function that gives the list of mailboxes, called when the search runs.
function set.search(boxes, condition)
	local c
	if condition == nil then
		c = core.query_all()
	else
		c = query.coerce(condition, "search")
		query.warn_star(c)
	end
	return new { boxes = boxes, condition = c }
end

return set
