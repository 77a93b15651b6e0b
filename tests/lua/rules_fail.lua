-- mode: existing
-- maildir: sample
-- expect: exit 1
-- output: home:INBOX/4 "Lunch?" from boss@example.com: rule "raises" raised: rules_fail.lua:{boom}: boom
-- output: nothing was done, trying again in 5 s (1 of 3)
-- output: stack traceback:
-- output: home:INBOX/5 "Grüße aus Kiel" from joerg@example.net: held: too odd
-- output: rule "other message" raised: rules_fail.lua:{other}: move: a rule function decides about its own message only
-- output: rule "set verb" raised: rules_fail.lua:{set}: set:move acts at once and cannot stand in a rule function
-- output: rule "nil target" raised: rule "nil target": the function of move returned nil
-- output: rule "deciding where" raised:
local t = require "t"
local home = t.home { create = true }
local q = mail.q
local count = mail.store "count"

local function rule(name, uid, fn)
	return { name, when = q.uid(uid), run = fn, existing = true }
end
home.inbox:rules {
	rule("raises", 4, function(msg)
		msg:flag "Decided"
		count:incr "raises"
		error "boom" --@boom
	end),
	rule("holds", 5, function(msg)
		msg:flag "Decided"
		pcall(mail.hold, "too odd")
	end),
	rule("retries", 6, function(msg)
		msg:flag "Decided"
		count:incr "retries"
		mail.retry("not now", "1h")
	end),
	rule("other message", 7, function()
		home.inbox:search(q.uid(1)):first():move "X" --@other
	end),
	rule("set verb", 8, function()
		home.inbox:search():move "X" --@set
	end),
	{ "nil target", when = q.uid(1), existing = true, move = function() end },
	{ "deciding where", when = q.uid(2) & q.where(function(m) m:flag "X" end), flag = "Y",
		existing = true },
	{ "others go on", when = q.uid(3), flag = "Fine", existing = true },
}

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("nothing of them was applied", function()
	t.eq(home.inbox:search(q.flag "decided"):count(), 0)
	t.eq(mail.store "count":get "raises", nil)
	t.eq(mail.store "count":get "retries", nil)
	t.eq(home.inbox:search(q.flag "fine"):count(), 1)
	t.eq(home.inbox:search():count(), 8)
end)
