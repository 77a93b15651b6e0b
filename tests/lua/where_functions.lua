-- mode: existing
-- maildir: sample
-- expect: exit 1
-- output: rule "bad" raised: where_functions.lua:{bad}: bad condition
-- output: home:INBOX/6 "Re: Lunch?" from boss@example.com: held: held by a condition
local t = require "t"
local q = mail.q
local home = t.home()
home.inbox:rules {
	{ "last", when = q.from "boss" & q.where(function(m)
		mail.sleep(0.01)
		return m.uid == 4
	end), flag = "Where", existing = true },
	{ "unless", when = q.uid(5), unless = q.where(function() return false end), flag = "Unless",
		existing = true },
	{ "bad", when = q.uid(7) & q.where(function() error "bad condition" end), flag = "X", --@bad
		existing = true },
	{ "holds", when = q.uid(6) & q.where(function() mail.hold "held by a condition" end), flag = "X",
		existing = true },
	{ "asked in order", when = q.uid(8) & ~q.where(function(m) return m.subject end), flag = "None",
		existing = true },
}

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("conditions by functions", function()
	t.eq(home.inbox:search(q.flag "where"):count(), 1)
	t.eq(home.inbox:search(q.flag "unless"):count(), 1)
	t.eq(home.inbox:search(q.flag "none"):count(), 1)
	t.eq(home.inbox:search(q.flag "x"):count(), 0)
end)
