-- mode: exec
-- maildir: sample
-- expect: exit 6
-- output: stays where it is: move:
local t = require "t"
local q = mail.q
local home = t.home { create = true }
local inbox = home.inbox
home "Trash":create()

t.case("flag and unflag", function()
	local r = inbox:search(q.uid "1:3"):flag "Invoice"
	t.eq(r.done, 3)
	t.eq(r.failed, 0)
	t.eq(tostring(r), "3 done, 0 gone, 0 only copied, 0 failed")
	t.eq(r:must() == r, true)
	t.eq(r.first, nil)
	t.eq(inbox:search(q.flag "invoice"):count(), 3)
	inbox:search(q.uid(1)):first():flag { "flagged", "\\Answered", "Two" }
	t.eq(inbox:search(q.uid(1)):first().flags,
		{ seen = true, flagged = true, answered = true, Invoice = true, Two = true })
	inbox:search(q.uid "1:2"):unflag { "Invoice", "flagged", "seen" }
	t.eq(inbox:search(q.uid(1)):first().flags, { answered = true, Two = true })
	t.raises(function() local _ = r.doen end, t.line(), "result: no field or method 'doen'",
		"did you mean 'done'?")
end)
t.case("copy", function()
	local r = inbox:search(q.uid "1:2"):copy "Copies"
	t.eq(r.done, 2)
	t.eq(home "Copies":search():count(), 2)
	t.eq(inbox:search():count(), 8)
	t.eq(type(r.map), "table")
	local copy = home "Copies":search(q.subject "invoice"):first()
	t.eq(copy.flags, { answered = true, Two = true })
	t.eq(copy.received, 1767225600 + 86400)
end)
t.case("move", function()
	local r = inbox:search(q.uid "1:2"):move "Moved"
	t.eq({ r.done, r.gone, r.failed }, { 2, 0, 0 })
	t.eq(inbox:search():count(), 6)
	t.eq(home "Moved":search():count(), 2)
	t.eq(home "Moved":search():first():move(inbox).done, 1)
	t.eq(inbox:search(q.subject "invoice"):first().received, 1767225600 + 86400)
end)
t.case("move by template", function()
	local r = inbox:search(q.from):move "By/{from.domain}/{date:%Y-%m}"
	t.eq(r.done, 6)
	t.eq(home "By/example.com/2026-01":search():count(), 3)
	t.eq(home "By/billing.example/2026-01":search():count(), 1)
	local e = inbox:search():move "X/{subject}"
	t.eq({ e.done, e.failed }, { 0, 1 })
	t.has(t.raises(function() e:must() end, "1 of 1 messages failed").cause, "subject")
	t.eq(inbox:search():move "X/{subject|none}".done, 1)
	t.eq(home "X/none":search():count(), 1)
	t.eq(inbox:search():count(), 0)
end)
t.case("braces in names", function()
	home "X/none":search():move "a{{b}}c":must()
	t.eq(home "a{b}c":search():count(), 1)
	home "a{b}c":search():move(home "d{e}":create()):must()
	t.eq(home "d{e}":search():first():move "X/none".done, 1)
end)
t.case("delete and expunge", function()
	t.eq(home:search(q.from "boss"):delete().done, 2)
	t.eq(home.trash:search():count(), 2)
	t.eq(home.trash:search():limit(1):expunge().done, 1)
	t.eq(home.trash:search():count(), 1)
end)
t.case("save", function()
	local one = home:search(q.subject "printer"):first()
	one:save "out/{date:%Y}/fire.eml"
	t.eq(t.read "out/2026/fire.eml", one:raw())
	one:save "out/2026/fire.eml"
	t.eq(t.read "out/2026/fire-1.eml", one:raw())
	one:save "~/saved/"
	t.eq(t.read(os.getenv "HOME" .. "/saved/fire.eml"), nil)
	local pdf = home:search(q.subject "invoice"):first()
	for part in pdf:parts "application/pdf" do
		part:save "out/"
		part:save "out/"
		part:save "out/{from.domain}-{filename}"
	end
	t.eq(t.read "out/inv17.pdf", "%PDF-fake")
	t.eq(t.read "out/inv17-1.pdf", "%PDF-fake")
	t.eq(t.read "out/billing.example-inv17.pdf", "%PDF-fake")
	t.eq(home:search(q.subject "printer"):save "~/all/{message_id}.eml".done, 1)
	t.eq(t.read(os.getenv "HOME" .. "/all/t4711@example.com.eml") ~= nil, true)
end)
t.case("replace", function()
	local m = home:search(q.subject "printer"):first()
	local r = m:replace("X-New: yes\r\n" .. m:raw())
	t.eq(r.done, 1)
	local again = home:search(q.subject "printer")
	t.eq(again:count(), 1)
	t.eq(again:first():header "X-New", "yes")
	t.eq(again:first().received, m.received)
end)
t.case("errors", function()
	local set = home:search()
	t.raises(function() set:move(5) end, t.line(), "a mailbox's name or a mailbox is expected, not 5")
	t.raises(function() set:move "@trsh" end, t.line(), "no role \"@trsh\"")
	t.raises(function() set:move "{nope}" end, "verbs.lua:", "no field or capture \"nope\"")
	t.raises(function() set:flag {} end, t.line(), "no flag is named")
	t.raises(function() set:flag("a", "b") end, t.line(), "takes one value")
	t.raises(function() set:delete "Trash" end, t.line(), "delete takes no value")
	t.raises(function() set:flag "\\Recent" end, t.line(), "Recent")
end)

-- mode: exec
-- maildir: sample
-- expect: exit 6
local t = require "t"
local home = t.home()

t.case("no trash, no target", function()
	local set = home.inbox:search()
	local e = t.raises(function() set:delete() end, "trash =", "expunge")
	t.eq(type(e.result), "table")
	t.eq(e.result.done, 0)
	e = t.raises(function() set:move "None" end, "None")
	t.eq(e.op, "move")
	t.eq(home.inbox:search():count(), 8)
end)

-- mode: show
-- maildir: sample
-- output: move
local t = require "t"
local home = t.home { create = true }

t.case("a dry run changes nothing", function()
	home.inbox:search():move "Elsewhere"
	home.inbox:search():limit(2):expunge()
	t.eq(home.inbox:search():count(), 8)
end)
