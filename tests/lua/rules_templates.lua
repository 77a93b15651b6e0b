-- mode: existing
-- maildir: sample
-- output: home:INBOX/8
-- output: stays where it is
local t = require "t"
local q = mail.q
local home = t.home { create = true }
home.inbox:rules {
	{ "fallback", when = q.uid(8), save = "s/{subject|none}-{uid}.eml", existing = true },
	{ "no value", when = q.uid(8), move = "S/{from.domain}", existing = true },
	{ "not after that", when = q.uid(8), flag = "Unreached", existing = true },
	{ "parts", when = q.uid "1:4", move = "{from.domain}/{from.local_part}", existing = true },
	{ "dates", when = q.uid(5), copy = "Y/{date:%Y-%m}/{received:%d}", existing = true },
	{ "braces", when = q.uid(5), copy = "{{literal}}", existing = true },
	{ "names", when = q.uid(5), copy = "N/{from.name}-{account}-{mailbox}", existing = true },
}

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("where they went", function()
	t.eq(t.read "s/none-8.eml" ~= nil, true)
	t.eq(home.inbox:search(q.uid(8)):first().flags, {})
	t.eq(home "billing.example/books":search():count(), 1)
	t.eq(home "example.com/boss":search():count(), 1)
	t.eq(home "Y/2026-01/06":search():count(), 1)
	t.eq(home "{literal}":search():count(), 1)
	t.eq(home "N/Jörg-home-INBOX":search():count(), 1)
end)

-- mode: exec
-- maildir: empty
local t = require "t"
local home = t.home { create = true }
t.deliver { subject = "../../etc/passwd", from = "\"../x\" <a@b.example>" }
t.deliver { subject = "=?utf-8?q?a=00b=0Ac/..?=", from = "a@b.example" }

-- mode: existing
local t = require "t"
local home = t.home { create = true }
home.inbox:rules { { "hostile", copy = "H/{subject}", save = "h/{subject}/x.eml", existing = true } }

-- mode: exec
local t = require "t"
local home = t.home()
t.case("values from mail lose what is dangerous", function()
	local n = 0
	for box in home:mailboxes "H/*" do
		n = n + box:search():count()
		t.eq(box.name:find("..", 1, true) == nil or box.name:find "/%.%." == nil, true)
	end
	t.eq(n, 2)
	t.eq(t.read "../../etc/passwd/x.eml", nil)
	t.eq(t.read "etc/passwd/x.eml", nil)
end)
