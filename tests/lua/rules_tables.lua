-- mode: existing
-- maildir: sample
-- output: home:INBOX: 6 rules at work
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
local q = mail.q

local shared = mail.rules {
	{ "vip", when = q.from "boss", flag = { "flagged", "Vip" }, existing = true },
	{ "lists", when = q.list_id:domain "lists.example.org", move = "Lists/{list_id}", existing = true },
}
home.inbox:rules(shared, {
	{ "invoices", when = q.subject "invoice", flag = "Invoice", save = "saved/{from.domain}/",
		copy = home "Copies", existing = true },
	{ "news", when = q.header "List-Unsubscribe", unless = q.flagged, flag = "seen", move = "News",
		existing = true },
	{ "tickets", when = q.subject:matches [[#(?<ticket>\d+)\b]], move = "Tickets/{ticket}",
		existing = true },
}, { { { "rest", when = q.flag "invoice", flag = "Later", existing = true } } })

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()

t.case("what the rules did", function()
	t.eq(home.inbox:search(q.flag "vip"):count(), 2)
	t.eq(home.inbox:search(q.flagged):count(), 2)
	t.eq(home "Lists/dev.lists.example.org":search():count(), 1)
	t.eq(home.inbox:search(q.flag "invoice" & q.flag "later"):count(), 1)
	t.eq(home "Copies":search():first().flags, { seen = true, Invoice = true })
	t.eq(home "News":search(q.seen):count(), 1)
	t.eq(home "Tickets/4711":search():count(), 1)
	t.eq(home.inbox:search():count(), 5)
	t.has(t.read("saved/billing.example/1767312000-1.eml"), "Invoice 17")
end)

-- mode: existing
-- absent: done:
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
local q = mail.q
home.inbox:rules {
	{ "vip", when = q.from "boss", flag = { "flagged", "Again" }, existing = true },
}
