-- Mailboxes: where rules and searches begin; and several of them as one.
local core = ...
local util = core.load "util"
local rules = core.load "rules"
local set = core.load "set"
local target = core.load "target"

local mailbox = {}

--- Account's name -> its option trash.
mailbox.trash_of = {}

-- ---- one
local box_methods = {
	rules = rules.attach,
	on_new = rules.on_new,
}

--- @param condition table|nil  a query, or a table of keys; none: all messages
--- @return table set
function box_methods.search(box, condition)
	return set.search(function() return { box } end, condition)
end

--- Makes the mailbox.
--- @return table the mailbox
function box_methods.create(box)
	core.gate()
	core.create(box.account.name, box.name)
	return box
end

--- Renames it, and what lies below it.
--- @return table the mailbox of the new name
function box_methods.rename(box, to)
	if type(to) ~= "string" or to == "" then
		util.fail("rename: the new name is expected, not %s", util.describe(to))
	end
	core.gate()
	core.rename(box.account.name, box.name, to)
	return box.account(to)
end

--- Removes the mailbox and all messages in it.
function box_methods.remove(box)
	core.gate()
	core.remove(box.account.name, box.name)
end

local STATUS = util.class("status", {}, { messages = false, unseen = false, uidnext = false,
	uidvalidity = false })

--- @return table { messages=, unseen=, uidnext=, uidvalidity= }
function box_methods.status(box)
	core.gate()
	return setmetatable(core.status(box.account.name, box.name), STATUS)
end

local BOX = util.class("mailbox", box_methods)

function BOX.__tostring(box)
	return box.account.name .. ":" .. box.name
end

local function no_list()
	util.fail("a mailbox is no list: mailbox:search() is the set of its messages")
end
BOX.__call, BOX.__len, BOX.__pairs = no_list, no_list, no_list

--- The mailbox object of that name, always the same one.
function mailbox.of(acc, name)
	local known = acc.boxes[name]
	if not known then
		known = setmetatable({ account = acc, name = name }, BOX)
		acc.boxes[name] = known
	end
	return known
end

-- ---- several mailboxes as one

local many_methods = {}

function many_methods.search(many, condition)
	return set.search(many.list, condition)
end

local MANY = util.class("mailboxes", many_methods)

--- for box in account:mailboxes { ... } do ... end
function MANY.__call(many, _, previous)
	local list, at = many.list()
	return list[(previous and at[previous] or 0) + 1]
end

function MANY.__tostring(many)
	return "mailboxes of " .. many.account
end

function MANY.__len(many)
	return #many.list()
end

-- "*" is anything, "?" one character (UTF-8), "%" anything but "/" (as in LIST).
local MAGIC = { ["*"] = ".*", ["?"] = "[^\x80-\xBF][\x80-\xBF]*", ["%"] = "[^/]*" }
local function pattern_of(glob)
	return "^" .. glob:gsub("%p", function(c) return MAGIC[c] or "%" .. c end) .. "$"
end

local function has_role(acc, entry, role)
	if role == "inbox" then
		return entry.name == "INBOX"
	elseif role == "trash" and mailbox.trash_of[acc.name] then
		return entry.name == mailbox.trash_of[acc.name]
	end
	return entry.role == role
end

local function matches(acc, entry, globs)
	for _, glob in ipairs(globs) do
		if glob:sub(1, 1) == "@" then
			if has_role(acc, entry, glob:sub(2):lower()) then
				return true
			end
		elseif entry.name:match(pattern_of(glob))
			or glob:lower() == "inbox" and entry.name == "INBOX" then
			return true
		end
	end
	return false
end

-- A list of names and patterns, checked.
local function globs_of(value, what)
	local list = type(value) == "table" and value or { value }
	for key, glob in pairs(list) do
		if key == "except" and what == "mailboxes" then
			globs_of(glob, "mailboxes: except")
		elseif math.type(key) ~= "integer" then
			util.fail("%s: unknown option '%s'%s", what, tostring(key), util.hint(key, { "except" }))
		elseif type(glob) ~= "string" or glob == "" then
			util.fail("%s: a mailbox's name or a pattern is expected, not %s", what, util.describe(glob))
		else
			target.check_role(glob, what)
		end
	end
	return list
end

--- The mailboxes of an account whose names fit: a list that can be walked and searched.
--- @param globs table|string  names, patterns, "@role"; except = the same; none: all
function mailbox.many(acc, globs)
	globs = globs_of(globs or {}, "mailboxes")
	local except = globs_of(globs.except or {}, "mailboxes: except")
	local wanted = #globs > 0 and globs or { "*" }
	local found, at
	local function list()
		if not found then
			core.gate()
			local boxes = {}
			at = {}
			for _, entry in ipairs(core.mailboxes(acc.name)) do
				if entry.selectable and matches(acc, entry, wanted)
					and not matches(acc, entry, except) then
					boxes[#boxes + 1] = mailbox.of(acc, entry.name)
					at[boxes[#boxes]] = #boxes
				end
			end
			found = boxes
		end
		return found, at
	end
	return setmetatable({ list = list, account = acc.name }, MANY)
end

return mailbox
