-- mode: exec
-- maildir: sample
-- output: "*.pdf" is looked for as it stands, star and all; for a pattern write q.key:glob "*.pdf"
local t = require "t"
local q = mail.q
local home = t.home()

t.write("vip.txt", "# who matters\nboss@example.com\n*@dev.example   # all of them\n\n")
t.case("list", function()
	local vip = mail.list "vip.txt"
	t.eq(#vip, 2)
	t.eq(vip:has "boss@example.com", true)
	t.eq(vip:has "BOSS@EXAMPLE.COM", true)
	t.eq(vip:has "x@dev.example", true)
	t.eq(vip:has "x@example.com", false)
	t.eq(home.inbox:search(q.from(vip)):count(), 3)
	vip:add "news@shop.example"
	t.eq(home.inbox:search(q.from(vip)):count(), 4)
	t.has(t.read "vip.txt", "news@shop.example")
	vip:remove "boss@example.com"
	t.eq(home.inbox:search(q.from(vip)):count(), 2)
	t.eq(vip:has(home.inbox:search(q.uid(2)):first().from), true)
end)
t.case("list of a table", function()
	local some = mail.list { "boss@example.com" }
	t.eq(#some, 1)
	t.eq(home.inbox:search(q.from(some)):count(), 2)
end)
t.case("list errors", function()
	t.raises(function() local _ = mail.list "none.txt" end, t.line(), "mail.list:", "none.txt")
	t.raises(function() local _ = mail.list(5) end, t.line(), "not 5")
	t.raises(function() local _ = mail.list { 5 } end, t.line(), "entry 1 is no text")
	t.raises(function() local _ = mail.list "vip.txt".hsa end, "did you mean 'has'?")
end)
t.case("star", function()
	t.eq(home.inbox:search(q.subject "*.pdf"):count(), 0)
end)
