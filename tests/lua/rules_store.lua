-- mode: existing
-- maildir: sample
-- output: closed: message is closed
-- output: first sees 1, second sees 2
local t = require "t"
local q = mail.q
local home = t.home()
local s = mail.store "rules"
local kept
home.inbox:rules {
	{ "first", when = q.uid(1), existing = true, run = function(msg)
		s:incr "n"
		s:set("table", { from = msg.from.address })
		s:update("list", function(old) old = old or {} old[#old + 1] = msg.uid return old end)
		s:set("gone", 1)
		s:delete "gone"
		t.eq(s:get "gone", nil)
		kept = { msg = msg, n = s:get "n" }
	end },
	{ "second", when = q.uid(1), existing = true, run = function()
		t.eq(s:incr "n", 2)
		mail.log(("first sees %d, second sees %d"):format(kept.n, s:get "n"))
		t.eq(s:get "list", { 1 })
		t.eq(s:keys(), { "list", "n", "table" })
	end },
	{ "later", when = q.uid(2), existing = true, run = function()
		while not kept do
			mail.sleep(0.01)
		end
		mail.sleep(0.2)
		local ok, err = mail.try(function() return kept.msg.subject end)
		mail.log("closed:", ok or err.message)
	end },
	{ "tasks of a function", when = q.uid(3), existing = true, run = function(msg)
		mail.each({ "A", "B" }, function(flag)
			mail.sleep(0.01)
			msg:flag(flag)
		end)
		mail.spawn(function()
			mail.sleep(0.05)
			msg:flag "C"
		end)
	end },
	{ "a wait that is late", when = q.uid(4), existing = true, run = function(msg)
		local ok = mail.try(function()
			local d <close> = mail.deadline(0.05)
			mail.sleep(60)
		end)
		msg:flag(ok and "Slept" or "Late")
	end },
}

-- mode: exec
local t = require "t"
local q = mail.q
local s = mail.store "rules"
local home = t.home()
t.case("committed with the decisions", function()
	t.eq(s:get "n", 2)
	t.eq(s:get "table", { from = "books@billing.example" })
	t.eq(s:get "gone", nil)
	t.eq(home.inbox:search(q.uid(3)):first().flags, { A = true, B = true, C = true })
	t.eq(home.inbox:search(q.uid(4)):first().flags, { flagged = true, Late = true })
end)
