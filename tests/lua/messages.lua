-- mode: exec
-- maildir: sample
local t = require "t"
local q = mail.q
local home = t.home()

local function msg(uid)
	return home.inbox:search(q.uid(uid)):first()
end

t.case("addresses", function()
	local m = msg(1)
	t.eq(m.from.name, "Billing, Dept.")
	t.eq(m.from.address, "books@billing.example")
	t.eq(m.from.local_part, "books")
	t.eq(m.from.domain, "billing.example")
	t.eq(tostring(m.from), "books@billing.example")
	t.eq(msg(5).from.name, "Jörg")
	t.eq(#msg(4).to, 2)
	t.eq(msg(4).to[2].address, "team@example.com")
	t.eq(msg(4).cc[1].local_part, "carl")
	t.eq(msg(1).cc, nil)
end)
t.case("texts", function()
	t.eq(msg(5).subject, "Grüße aus Kiel")
	t.eq(msg(1).message_id, "inv17@billing.example")
	t.eq(msg(6).in_reply_to, "lunch@example.com")
	t.eq(msg(6).references, { "a@example.com", "lunch@example.com" })
	t.eq(msg(2).list_id, "dev.lists.example.org")
	t.has(msg(1).text, "Amount due: 100€ by Friday.")
	t.has(msg(3).text, "Buy now")
	t.eq(msg(1).mailbox, "INBOX")
	t.eq(msg(1).account, "home")
	t.eq(tostring(msg(2)), "home:INBOX/2")
end)
t.case("numbers and flags", function()
	local m = msg(1)
	t.eq(m.date, 1767348000)
	t.eq(m.received, 1767225600 + 86400)
	t.eq(m.uid, 1)
	t.eq(math.type(m.size), "integer")
	t.eq(math.abs(m.here - mail.now()) < 100, true)
	t.eq(m.flags, { seen = true })
	t.eq(msg(6).flags, { seen = true, answered = true })
	t.eq(msg(2).flags, {})
end)
t.case("absent is nil, broken is nil with defects", function()
	local m = msg(8)
	t.eq({ m.from, m.subject, m.date, m.message_id, m.list_id, m.to, m.sender }, {})
	t.eq(m.flags, {})
	t.has(m.text, "no sender")
	local keys = 0
	for _ in pairs(m.defects or {}) do
		keys = keys + 1
	end
	t.eq(keys >= 0, true)
	t.eq(msg(4).defects, nil)
end)
t.case("headers", function()
	t.eq(msg(6):header "X-Tag", "one")
	t.eq(msg(6):header "x-tag", "one")
	t.eq(msg(6):headers "X-Tag", { "one", "two" })
	t.eq(msg(6):header "None", nil)
	t.eq(msg(6):headers "None", {})
	t.eq(msg(5):header "Subject", "Grüße aus Kiel")
end)
t.case("parts", function()
	local types, pdf = {}, nil
	for part in msg(1):parts() do
		types[#types + 1] = part.type
	end
	t.eq(types, { "text/plain", "application/pdf" })
	for part in msg(1):parts "application/pdf" do
		pdf = part
	end
	t.eq(pdf.filename, "inv17.pdf")
	t.eq(pdf:bytes(), "%PDF-fake")
	t.eq(pdf.disposition, "attachment")
	t.eq(pdf.number, "2")
	t.eq(pdf.message.uid, 1)
	for part in msg(1):parts "text/*" do
		t.has(part:text(), "100€")
		t.eq(part.charset, "utf-8")
	end
	for _ in msg(2):parts "image/*" do
		error "no image"
	end
end)
t.case("raw", function()
	t.has(msg(8):raw(), "X-Odd: yes\r\n")
	t.eq(#msg(8):raw(), msg(8).size)
end)
t.case("reading does not flag", function()
	t.eq(home.inbox:search(q.unseen):count(), 6)
end)
t.case("errors", function()
	local m = msg(1)
	t.raises(function() local _ = m.subjct end, t.line(), "no field or method 'subjct'",
		"did you mean 'subject'?")
	t.raises(function() local _ = m.from.adress end, t.line(), "address: no field 'adress'",
		"did you mean 'address'?")
	t.raises(function() m.subject = "x" end, t.line(), "cannot be assigned")
	t.raises(function() m.move "X" end, t.line(), "write message:move(...) with a colon")
	t.raises(function() m:flag("a", "b") end, t.line(), "flag takes one value",
		"{ \"a\", \"b\" }")
	t.raises(function() m:move(5) end, t.line(), "a mailbox's name or a mailbox is expected, not 5")
	t.raises(function() m:move() end, t.line(), "not nil")
	t.raises(function() m:delete "x" end, t.line(), "delete takes no value")
	t.raises(function() m:flag "a b" end, t.line(), "a b")
	t.raises(function() m:header() end, t.line())
	t.raises(function() m:save "" end, t.line(), "a path is expected")
	for part in m:parts "application/pdf" do
		t.raises(function() local _ = part.filname end, "did you mean 'filename'?")
		t.raises(function() part.save "x" end, t.line(), "with a colon")
		t.raises(function() part:save(5) end, t.line(), "a path is expected, not 5")
	end
end)
t.case("a message that went", function()
	local m = home.inbox:search(q.uid(2)):first()
	local n = home.inbox:search(q.uid(2))
	t.eq(#n, 1)
	m:expunge()
	local e = t.raises(function() local _ = n:first().text end, t.line())
	t.eq(e.code, "gone")
	t.eq(n:first():flag "seen".gone, 1)
	t.eq(n:flag "seen".gone, 1)
	t.eq(n:flag "seen":must().done, 0)
	t.eq(n:search(q.body "x"):count(), 0)
end)
