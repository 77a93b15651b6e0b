-- mode: exec
-- maildir: sample
local t = require "t"
local q = mail.q
local home = t.home()
local inbox = home.inbox

local function uids(set)
	local out = {}
	for m in set do
		out[#out + 1] = m.uid
	end
	return out
end

t.case("lazy, then fixed", function()
	local all = inbox:search()
	t.eq(tostring(all), "a set of messages, not searched yet")
	t.eq(#all, 8)
	t.eq(tostring(all), "a set of 8 messages")
	t.deliver { subject = "later" }
	t.eq(all:count(), 8)
	t.eq(all:again():count(), 9)
	t.eq(#inbox:search(q.subject "later"):expunge().map, 0)
	t.eq(inbox:search():count(), 8)
end)
t.case("first and limit", function()
	t.eq(inbox:search():first().uid, 1)
	t.eq(inbox:search(q.none):first(), nil)
	t.eq(uids(inbox:search():limit(3)), { 1, 2, 3 })
	t.eq(uids(inbox:search():limit(3):limit(2)), { 1, 2 })
	t.eq(uids(inbox:search():limit(2):limit(5)), { 1, 2 })
	t.eq(uids(inbox:search():limit(0)), {})
	t.eq(uids(inbox:search():limit(100)), { 1, 2, 3, 4, 5, 6, 7, 8 })
	t.eq(uids(inbox:search(q.where(function(m) return m.uid > 5 end)):limit(2)), { 6, 7 })
	local all = inbox:search()
	t.eq(#all, 8)
	t.eq(uids(all:limit(2)), { 1, 2 })
end)
t.case("sort", function()
	t.eq(uids(inbox:search(q.uid "1:4"):sort "-date"), { 4, 3, 2, 1 })
	t.eq(uids(inbox:search(q.uid "1:4"):sort "date"), { 1, 2, 3, 4 })
end)
t.case("sort by others", function()
	t.eq(uids(inbox:search():sort "-size")[1], 6)
	t.eq(uids(inbox:search():sort "size")[1], 8)
	t.eq(uids(inbox:search():sort "subject"), { 7, 2, 5, 1, 4, 3, 6, 8 })
	t.eq(uids(inbox:search():sort "from")[8], 8)
	t.eq(uids(inbox:search():sort "-uid"), { 8, 7, 6, 5, 4, 3, 2, 1 })
end)
t.case("group", function()
	local by = inbox:search():group(function(m) return m.from and m.from.domain end)
	t.eq(uids(by["example.com"]), { 4, 6, 7 })
	t.eq(#by["dev.example"], 1)
	t.eq(uids(by["example.com"]:again()), { 4, 6, 7 })
	t.eq(uids(by["example.com"]:sort "-uid"), { 7, 6, 4 })
	local n = 0
	for _ in pairs(by) do
		n = n + 1
	end
	t.eq(n, 5)
end)
t.case("algebra", function()
	local boss, seen = inbox:search(q.from "boss"), inbox:search(q.seen)
	t.eq(uids(boss + seen), { 4, 6, 1 })
	t.eq(uids(boss - seen), { 4 })
	t.eq(uids(boss * seen), { 6 })
	t.eq(uids((boss + seen) - boss), { 1 })
	t.eq(uids((boss + boss)), { 4, 6 })
	t.eq(uids((boss - seen):again()), { 4 })
	t.eq(uids(home "INBOX":search(q.seen) * inbox:search(q.answered)), { 6 })
end)
t.case("search in a set", function()
	local some = inbox:search(q.uid "1:5")
	t.eq(uids(some:search(q.unseen)), { 2, 3, 4, 5 })
	t.eq(uids(some:search { from = "boss" }), { 4 })
	t.eq(uids(some:search(q.unseen):search(q.flagged)), { 4 })
end)
t.case("walking", function()
	local n = 0
	local all = inbox:search()
	for a in all do
		for b in all do
			n = n + (a.uid == b.uid and 1 or 0)
		end
	end
	t.eq(n, 8)
	for m in all do
		if m.uid == 3 then
			break
		end
	end
	t.eq(uids(all), { 1, 2, 3, 4, 5, 6, 7, 8 })
end)
t.case("errors", function()
	local set = inbox:search()
	t.raises(function() set:serch() end, t.line(),
		"set: no field or method 'serch'; did you mean 'search'?")
	t.raises(function() set.move "X" end, t.line(), "write set:move(...) with a colon")
	t.raises(function() set:limit "x" end, t.line(), "a number of messages is expected")
	t.raises(function() set:limit(-1) end, t.line(), "a number of messages is expected")
	t.raises(function() set:sort "dat" end, t.line(), "unknown order", "did you mean 'date'?")
	t.raises(function() set:sort() end, t.line(), "unknown order nil; there are date, ")
	t.raises(function() set:group "x" end, t.line(), "a function is expected")
	t.raises(function() local _ = set + 5 end, t.line(), "+ works between two sets of messages, not with 5")
	t.raises(function() local _ = set * q.seen end, t.line(), "not with a query")
	t.raises(function() local _ = q.seen * set end, t.line(), "queries are combined")
	t.raises(function() inbox:search(5) end, t.line(), "search: a query is expected, not 5")
	t.raises(function() inbox:search(false) end, t.line(), "write ~q.key")
	t.raises(function() inbox:search { form = "x" } end, t.line(), "did you mean 'from'?")
	t.raises(function() set:search() end, t.line(), "a query is expected, not nil")
	t.raises(function() local _ = set[1] end, t.line(), "`for msg in set do`")
	t.raises(function() for _ in ipairs(set) do end end, t.line(), "`for msg in set do`")
	t.raises(function() for _ in pairs(set) do end end, t.line(), "`for msg in set do`")
	t.raises(function() set.x = 1 end, t.line(), "'x' cannot be set")
end)
t.case("a failed search is an error", function()
	local e = t.raises(function() home "No/such":search():count() end, t.line(), "No/such")
	t.eq(e.code, "gone")
	t.eq(e.op, "search")
	t.eq(e.account, "home")
	t.eq(e.mailbox, "No/such")
end)
