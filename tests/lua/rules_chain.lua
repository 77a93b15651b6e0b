-- mode: existing
-- maildir: sample
-- output: rule "second" cannot move it: rule "first" has decided to move it
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
local q = mail.q
home.inbox:rules {
	{ "stop here", when = q.subject "patch", stop = true, existing = true },
	{ "no stop", when = q.flagged, move = "A", stop = false, existing = true },
	{ "after move", when = q.flagged, flag = "Still", existing = true },
	{ "first", when = q.uid(5), move = "B", stop = false, existing = true },
	{ "second", when = q.uid(5), move = "C", existing = true },
	{ "flags of before", when = q.flag "Still" | q.flag "Mark", flag = "Seen2", existing = true },
	{ "by hand", on = "apply", flag = "Hand", existing = true },
	{ "last", when = ~q.flagged, flag = "Last", existing = true },
}

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("the chain", function()
	t.eq(home "A":search():first().flags, { flagged = true, Still = true, Seen2 = true })
	t.eq(home "B":search():count(), 1)
	t.eq(home:search(q.flag "last"):count(), 6)
	t.eq(home.inbox:search(q.subject "patch"):first().flags, {})
	t.eq(home:search(q.flag "hand"):count(), 0)
end)
