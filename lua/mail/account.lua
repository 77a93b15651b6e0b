-- Accounts and mailboxes: what is declared, and where rules and searches begin.
local core = ...
local util = core.load "util"
local rules = core.load "rules"
local set = core.load "set"

local account = {}

local ROLES = { "inbox", "trash", "archive", "junk", "sent", "drafts" }
local ROLE = {}
for _, role in ipairs(ROLES) do
	ROLE[role] = true
end

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

--- Makes the mailbox.  @return table the mailbox
function box_methods.create(box)
	core.gate()
	core.create(box.account.name, box.name)
	return box
end

--- Renames it, and what lies below it.  @return table the mailbox of the new name
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

--- @return table { messages=, unseen=, uidnext=, uidvalidity= }
function box_methods.status(box)
	core.gate()
	return core.status(box.account.name, box.name)
end

local BOX = util.class("mailbox", box_methods)

function BOX.__tostring(box)
	return box.account.name .. ":" .. box.name
end

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

function MANY.__call(many, _, previous)
	local list = many.list()
	local i = 0
	if previous then
		for k, box in ipairs(list) do
			if box == previous then
				i = k
			end
		end
	end
	return list[i + 1]
end

function MANY.__len(many)
	return #many.list()
end

-- "*" matches anything, "%" anything but "/", as in LIST.
local function pattern_of(glob)
	local p = glob:gsub("[%^%$%(%)%.%[%]%+%-%?]", "%%%0"):gsub("%%?[%*%%]", function(c)
		return c:sub(-1) == "*" and ".*" or "[^/]*"
	end)
	return "^" .. p .. "$"
end

local function matches(acc, entry, globs)
	for _, glob in ipairs(globs) do
		if glob:sub(1, 1) == "@" then
			if entry.role == glob:sub(2):lower() then
				return true
			end
		elseif entry.name:match(pattern_of(glob)) then
			return true
		end
	end
	return false
end

-- ---- accounts

local methods = {}

--- account:mailboxes { "*", except = { "@trash" } }: a list that can be walked and searched.
function methods.mailboxes(acc, globs)
	globs = globs or { "*" }
	if type(globs) == "string" then
		globs = { globs }
	end
	for key, glob in pairs(globs) do
		if key ~= "except" and (type(key) ~= "number" or type(glob) ~= "string") then
			util.fail("mailboxes: a list of names and patterns is expected, and except = {...}; not %s",
				tostring(key))
		end
	end
	local except = globs.except or {}
	if type(except) == "string" then
		except = { except }
	end
	local found
	local function list()
		if not found then
			core.gate()
			found = {}
			for _, entry in ipairs(core.mailboxes(acc.name)) do
				if entry.selectable and matches(acc, entry, globs)
					and not matches(acc, entry, except) then
					found[#found + 1] = box_of(acc, entry.name)
				end
			end
		end
		return found
	end
	return setmetatable({ list = list }, MANY)
end

--- Searches every mailbox of the account.
function methods.search(acc, condition)
	return methods.mailboxes(acc):search(condition)
end

local ACCOUNT = { __name = "mail.account" }

function ACCOUNT.__index(acc, key)
	if methods[key] then
		return methods[key]
	elseif ROLE[key] then
		return box_of(acc, key == "inbox" and "INBOX" or "@" .. key)
	end
	local names = { "name" }
	for name in pairs(methods) do
		names[#names + 1] = name
	end
	table.move(ROLES, 1, #ROLES, #names + 1, names)
	util.fail("account \"%s\": no field '%s'%s; a mailbox is written %s \"%s\"", acc.name,
		tostring(key), util.hint(key, names), acc.name, tostring(key))
end

function ACCOUNT.__newindex(acc, key)
	util.fail("account \"%s\": '%s' cannot be set", acc.name, tostring(key))
end

function ACCOUNT.__call(acc, name)
	if type(name) ~= "string" or name == "" then
		util.fail("account \"%s\": a mailbox's name is expected, not %s", acc.name,
			util.describe(name))
	end
	return box_of(acc, name:lower() == "inbox" and "INBOX" or name)
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
			util.fail_at(where, "mail.maildir: %s is missing", key)
		end
	end
	if core.active() then
		util.fail_at(where, "mail.maildir: accounts are declared before the first wait of the script")
	end
	check_name("mail.maildir", options.name, where)
	local path = core.load("target").absolute(options.path)
	core.declare_account { kind = "maildir", name = options.name, path = path,
		trash = options.trash, create = options.create or false, tz = options.tz, where = where }
	return setmetatable({ name = options.name, boxes = {} }, ACCOUNT)
end

return account
