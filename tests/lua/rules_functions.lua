-- mode: existing
-- maildir: sample
-- output: was in captures
-- output: sample of both
local t = require "t"
local home = t.home { create = true }
local q = mail.q
local seen = mail.store "seen"

local function rule(name, when, fn)
	return { name, when = when, run = fn, existing = true }
end
home.inbox:rules {
	rule("ticket", q.subject:matches [[#(?<ticket>\d+)]], function(msg, m)
		t.eq(m.ticket, "4711")
		t.eq(m.none, nil)
		mail.log("was in captures", m.ticket)
		local r = msg:flag "Ticket"
		t.eq({ r.done, r.failed }, { 0, 0 })
		t.eq(r:must() == r, true)
		msg:move "Tickets/{ticket}"
	end),
	rule("parts", q.subject "invoice", function(msg)
		for part in msg:parts "application/pdf" do
			part:save "pdf/{date:%Y}/"
		end
		msg:copy(home "Books")
		msg:flag { "Invoice", "flagged" }
	end),
	rule("asks", q.from "boss", function(msg)
		mail.sleep(0.01)
		local n = home.inbox:search(q.from(msg.from.address)):count()
		local out = mail.command { "echo", "-n", tostring(n) }.out
		seen:incr "boss"
		msg:flag("N" .. out)
	end),
	{ "both", when = q.list_id, flag = "Data", existing = true, run = function(msg)
		msg:flag "Code"
		mail.log "sample of both"
	end },
	{ "text by function", when = q.header "List-Unsubscribe", existing = true, flag = "Fn",
		move = function(msg, m)
			t.eq(m, {})
			return "By/" .. msg.from.local_part
		end },
	{ "flag by function", when = q.uid(5), existing = true,
		flag = function() return { "One", "Two" } end },
	rule("nothing", q.uid(8), function() end),
}
home "Elsewhere":on_new("x", function() end)

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("decisions were applied", function()
	t.eq(home "Tickets/4711":search(q.flag "ticket"):count(), 1)
	t.eq(t.read "pdf/2026/inv17.pdf", "%PDF-fake")
	t.eq(home "Books":search():count(), 1)
	t.eq(home.inbox:search(q.flag "invoice" & q.flagged):count(), 1)
	t.eq(home.inbox:search(q.from "boss" & q.flag "N2"):count(), 2)
	t.eq(home.inbox:search(q.flag "data" & q.flag "code"):count(), 1)
	t.eq(home "By/news":search(q.flag "fn"):count(), 1)
	t.eq(home.inbox:search(q.uid(5)):first().flags, { One = true, Two = true })
	t.eq(mail.store "seen":get "boss", 2)
	t.eq(home.inbox:search(q.uid(8)):count(), 1)
end)
