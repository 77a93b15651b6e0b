-- Accounts: what every kind of them can do, and how one is declared.
local core = ...
local util = core.load "util"
local mailbox = core.load "mailbox"
local target = core.load "target"

local account = {}

local ROLE = target.ROLE

-- ---- accounts

local methods = {}

--- account:mailboxes { "*", except = { "@trash" } }: a list that can be walked and searched.
--- Without a name or pattern of its own: all.
function methods.mailboxes(acc, globs)
	return mailbox.many(acc, globs)
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
		return mailbox.of(acc, key == "inbox" and "INBOX" or "@" .. key)
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
	return mailbox.of(acc, lower == "inbox" and "INBOX" or name)
end

function ACCOUNT.__tostring(acc)
	return acc.name
end

-- ---- declaring

local kinds = setmetatable({}, { __mode = "k" }) -- account -> { kind=, options= }

local function check_name(what, name, where)
	if not name:match("^[%w][%w%._-]*$") or #name > 64 then
		util.fail_at(where, "%s: the name \"%s\": letters, digits, . _ and - only, 64 at most, "
			.. "a letter or digit first", what, name)
	end
end

--- What every kind of account has in common at its beginning.
function account.check(what, name, where)
	if core.active() then
		util.fail_at(where, "%s: accounts are declared before the first wait of the script", what)
	end
	check_name(what, name, where)
end

--- Declares it and gives the object that scripts hold.
--- @param what string  "mail.imap", for errors
--- @param decl table  what core.declare_account takes
--- @param options table|nil  what account.options gives back
function account.declare(what, decl, options)
	local ok, err = pcall(core.declare_account, decl)
	if not ok then
		util.fail_at(decl.where, "%s: %s", what, util.reason(err))
	end
	mailbox.trash_of[decl.name] = decl.trash
	local acc = setmetatable({ name = decl.name, boxes = {} }, ACCOUNT)
	kinds[acc] = { kind = decl.kind, options = options }
	return acc
end

--- The options that an account was declared with, and its kind; nil: it is no account.
function account.options(acc)
	local known = kinds[acc]
	if known then
		return known.options, known.kind
	end
	return nil, nil
end

-- ---- Maildirs

local MAILDIR = { name = "string", path = "string", trash = "string", create = "boolean",
	tz = "string" }

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
	account.check("mail.maildir", options.name, where)
	return account.declare("mail.maildir", { kind = "maildir", name = options.name,
		path = target.absolute(options.path), trash = options.trash,
		create = options.create or false, tz = options.tz, where = where })
end

return account
