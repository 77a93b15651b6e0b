-- mode: exec
-- maildir: empty
local t = require "t"
local q = mail.q
local home = t.home { create = true }
for i = 1, 300 do
	t.deliver { subject = ("number %03d"):format(i), from = ("p%d@example.org"):format(i % 7) }
end

t.case("windows", function()
	local all = home.inbox:search()
	t.eq(#all, 300)
	local n, sum = 0, 0
	for m in all do
		n = n + 1
		sum = sum + m.uid
		t.has(m.subject, "number")
	end
	t.eq({ n, sum }, { 300, 300 * 301 // 2 })
	n = 0
	for m in all:sort "-subject" do
		n = n + 1
		t.eq(m.subject, ("number %03d"):format(301 - n))
	end
	local by = all:group(function(m) return m.from.local_part end)
	t.eq(#by.p0, 42)
	t.eq(#by.p1, 43)
end)
t.case("two at once", function()
	local all = home.inbox:search()
	local counts = mail.all {
		function() local n = 0 for _ in all do n = n + 1 mail.sleep(0) end return n end,
		function() local n = 0 for _ in all do n = n + 1 end return n end,
	}
	t.eq(counts, { 300, 300 })
end)
t.case("each over a set and over mailboxes", function()
	local now, most = 0, 0
	local subjects = mail.each(home.inbox:search():limit(100), function(m)
		now = now + 1
		most = math.max(most, now)
		mail.sleep(0.002)
		now = now - 1
		return m.subject
	end, { limit = 4 })
	t.eq({ #subjects, most > 1, most <= 4 }, { 100, true, true })
	home "A":create()
	local names = mail.each(home:mailboxes(), function(box) return box.name end)
	table.sort(names)
	t.eq(names, { "A", "INBOX" })
end)
t.case("verbs in bulk", function()
	t.eq(home.inbox:search():flag { "seen", "Bulk" }.done, 300)
	t.eq(home.inbox:search(q.flag "bulk" & q.seen):count(), 300)
	t.eq(home.inbox:search(q.from "p1"):move "By/{from.local_part}".done, 43)
	t.eq(home "By/p1":search():count(), 43)
	t.eq(home.inbox:search():limit(200):expunge().done, 200)
	t.eq(home.inbox:status().messages, 57)
end)
