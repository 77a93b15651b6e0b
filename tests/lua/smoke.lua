-- mode: exec
-- maildir: sample
-- args: one two
local t = require "t"
local q = mail.q
local home = t.home()

t.case("module", function()
	t.eq(require "mail" == mail, true)
	t.eq(type(mail.version), "string")
	t.eq(mail.args, { "one", "two" })
end)
local args = { ... }
t.case("arguments", function() t.eq(args, { "one", "two" }) end)
t.case("search", function()
	t.eq(home.inbox:search():count(), 8)
	t.eq(#home.inbox:search(q.from "boss"), 2)
	t.eq(t.subjects(home.inbox:search(q.subject "lunch")), { "Lunch?", "Re: Lunch?" })
end)
