-- Accounts and mailboxes: what is declared, and where rules and searches begin.
local core = ...
local util = core.load "util"
local rules = core.load "rules"
local set = core.load "set"
local target = core.load "target"

local account = {}

local ROLE = target.ROLE
local trash_of = {} -- account's name -> its option trash

-- ---- mailboxes

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

local function box_of(acc, name)
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

-- "*" is anything, "?" one character, "%" anything but "/" (as in LIST).
local MAGIC = { ["*"] = ".*", ["?"] = ".", ["%"] = "[^/]*" }
local function pattern_of(glob)
	return "^" .. glob:gsub("%p", function(c) return MAGIC[c] or "%" .. c end) .. "$"
end

local function has_role(acc, entry, role)
	if role == "inbox" then
		return entry.name == "INBOX"
	elseif role == "trash" and trash_of[acc.name] then
		return entry.name == trash_of[acc.name]
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

-- ---- accounts

local methods = {}

--- account:mailboxes { "*", except = { "@trash" } }: a list that can be walked and searched.
--- Without a name or pattern of its own: all.
function methods.mailboxes(acc, globs)
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
					boxes[#boxes + 1] = box_of(acc, entry.name)
					at[boxes[#boxes]] = #boxes
				end
			end
			found = boxes
		end
		return found, at
	end
	return setmetatable({ list = list, account = acc.name }, MANY)
end

--- Searches every mailbox of the account.
function methods.search(acc, condition)
	return methods.mailboxes(acc):search(condition)
end

local ACCOUNT = { __name = "mail.account" }

local checked = {}
for key, method in pairs(methods) do
	checked[key] = function(acc, ...)
		if getmetatable(acc) ~= ACCOUNT then
			util.fail("write account:%s(...) with a colon", key)
		end
		return method(acc, ...)
	end
end

function ACCOUNT.__index(acc, key)
	if checked[key] then
		return checked[key]
	elseif ROLE[key] then
		return box_of(acc, key == "inbox" and "INBOX" or "@" .. key)
	end
	local hint = util.hint(key, util.names(methods, ROLE, { name = true }))
	if hint == "" then
		hint = ("; a mailbox of that name is written account \"%s\""):format(tostring(key))
	end
	util.fail("account \"%s\": no field '%s'%s", acc.name, tostring(key), hint)
end

function ACCOUNT.__newindex(acc, key)
	util.fail("account \"%s\": '%s' cannot be set", acc.name, tostring(key))
end

--- account "Lists/dev": the mailbox of exactly that name; "/" separates, "@trash" is a role.
function ACCOUNT.__call(acc, name)
	if type(name) ~= "string" or name == "" then
		util.fail("account \"%s\": a mailbox's name is expected, not %s", acc.name,
			util.describe(name))
	end
	target.check_role(name, ("account \"%s\""):format(acc.name))
	local lower = name:lower()
	if name:sub(1, 1) == "@" then
		return acc[lower:sub(2)]
	end
	return box_of(acc, lower == "inbox" and "INBOX" or name)
end

function ACCOUNT.__tostring(acc)
	return acc.name
end

local MAILDIR = { name = "string", path = "string", trash = "string", create = "boolean",
	tz = "string" }

local function check_name(what, name, where)
	if not name:match("^[%w][%w%._-]*$") or #name > 64 then
		util.fail_at(where, "%s: the name \"%s\": letters, digits, . _ and - only, 64 at most, "
			.. "a letter or digit first", what, name)
	end
end

--- mail.maildir { name = "home", path = "~/Maildir" }
--- @param options table  name (required), path (required), trash, create, tz
--- @return table account
function account.maildir(options)
	local where = util.where()
	util.check_keys("mail.maildir", options, MAILDIR, where)
	for _, key in ipairs { "name", "path" } do
		if not options[key] then
			util.fail_at(where, "mail.maildir: %s is missing, as in mail.maildir "
				.. "{ name = \"home\", path = \"~/Maildir\" }", key)
		end
	end
	if core.active() then
		util.fail_at(where, "mail.maildir: accounts are declared before the first wait of the script")
	end
	check_name("mail.maildir", options.name, where)
	local path = core.load("target").absolute(options.path)
	local ok, err = pcall(core.declare_account, { kind = "maildir", name = options.name, path = path,
		trash = options.trash, create = options.create or false, tz = options.tz, where = where })
	if not ok then
		util.fail_at(where, "mail.maildir: %s", util.reason(err))
	end
	trash_of[options.name] = options.trash
	return setmetatable({ name = options.name, boxes = {} }, ACCOUNT)
end

return account
