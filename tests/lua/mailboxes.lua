-- mode: exec
-- maildir: sample
local t = require "t"
local q = mail.q
local home = t.home { create = true }

local function names(list)
	local out = {}
	for box in list do
		out[#out + 1] = box.name
	end
	table.sort(out)
	return out
end

t.case("create, rename, remove", function()
	t.eq(home "Lists/dev":create() == home "Lists/dev", true)
	home "Lists/dev-x":create()
	home "Trash":create()
	home "Größe":create()
	t.eq(names(home:mailboxes()), { "Größe", "INBOX", "Lists/dev", "Lists/dev-x", "Trash" })
	local new = home "Lists/dev":rename "Lists/devel"
	t.eq(new.name, "Lists/devel")
	t.eq(names(home:mailboxes "Lists/*"), { "Lists/dev-x", "Lists/devel" })
	home "Lists/devel":remove()
	t.eq(names(home:mailboxes { "Lists/*" }), { "Lists/dev-x" })
	t.raises(function() home "Lists/devel":remove() end, "Lists/devel")
	t.raises(function() home "Trash":create() end, "Trash")
	home "a.b":create()
	t.eq(names(home:mailboxes "a.b"), { "a.b" })
	home "a.b":remove()
end)
t.case("patterns", function()
	home "Lists/dev":create()
	home "Lists/dev/sub":create()
	home "ListsAlike":create()
	t.eq(names(home:mailboxes "Lists/%"), { "Lists/dev", "Lists/dev-x" })
	t.eq(names(home:mailboxes "Lists/dev-x"), { "Lists/dev-x" })
	t.eq(names(home:mailboxes "Lists/dev?x"), { "Lists/dev-x" })
	t.eq(names(home:mailboxes { "*", except = { "@trash", "Lists*", "inbox" } }), { "Größe" })
	t.eq(names(home:mailboxes { except = "Lists*" }), { "Größe", "INBOX", "Trash" })
	t.eq(names(home:mailboxes "@trash"), { "Trash" })
	t.eq(names(home:mailboxes "inbox"), { "INBOX" })
	t.eq(#home:mailboxes "Nothing", 0)
end)
t.case("status", function()
	local s = home.inbox:status()
	t.eq(s.messages, 8)
	t.eq(s.unseen, 6)
	t.eq(s.uidnext, 9)
	t.eq(math.type(s.uidvalidity), "integer")
	t.eq(home.trash:status().messages, 0)
	t.raises(function() home "None":status() end, "None")
	t.raises(function() local _ = s.mesages end, t.line(), "did you mean 'messages'?")
end)
t.case("searched as one", function()
	home.inbox:search(q.uid "1:2"):copy "Lists/dev"
	home.inbox:search(q.uid(3)):copy "Trash"
	t.eq(home:search(q.seen):count(), 3)
	t.eq(home:mailboxes { "*", except = "@trash" }:search():count(), 10)
	t.eq(home:mailboxes { "*", except = "@trash" }:search():limit(9):count(), 9)
	t.eq(home:search():limit(9):count(), 9)
	t.eq(home:search(q.from "news"):count(), 2)
	t.eq((home.trash:search() * home "Trash":search()):count(), 1)
	t.eq((home:search() - home "@trash":search()):count(), 10)
end)

-- mode: exec
local t = require "t"
local home = t.home { trash = "Lists/dev" }

t.case("trash = names it", function()
	local seen = {}
	for box in home:mailboxes { "*", except = "@trash" } do
		seen[box.name] = true
	end
	t.eq(seen["Lists/dev"], nil)
	t.eq(seen["Trash"], true)
	local before = home "Lists/dev":status().messages
	home.inbox:search():limit(1):delete():must()
	t.eq(home "Lists/dev":status().messages, before + 1)
	t.eq(home.trash:status().messages, before + 1)
end)
