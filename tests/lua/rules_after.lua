-- mode: existing
-- maildir: sample
local t = require "t"
local home = t.home { create = true }
local q = mail.q
home.inbox:rules {
	{ "old enough", when = q.from "boss", after = "3d", flag = "Due", existing = true },
	{ "number", when = q.list_id, after = 3600, flag = "Due", existing = true },
	{ "since here", when = q.uid(5), after = { "1d", since = "here" }, flag = "Here", existing = true },
	{ "since received", when = q.uid(5), after = { "1d", since = "received" }, flag = "Received",
		existing = true },
	{ "not any more", when = q.subject "printer", unless = q.seen, after = "1d", flag = "Due",
		existing = true },
	{ "gone by then", when = q.uid(1), move = "Away", existing = true },
	{ "too late", when = q.uid(1), after = "1h", flag = "Due", existing = true },
}

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("after", function()
	t.eq(home.inbox:search(q.flag "due"):count(), 4)
	t.eq(home.inbox:search(q.flag "received"):count(), 1)
	t.eq(home.inbox:search(q.flag "here"):count(), 0)
	t.eq(home "Away":search(q.flag "due"):count(), 0)
end)
