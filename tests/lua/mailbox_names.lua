-- Names pass through as they are: UTF-8, and what other programs would quote or encode.
-- mode: exec
-- maildir: sample
local t = require "t"
local home = t.home { create = true }

local NAMES = { "Entwürfe/Größe", "A&B", "A &- B", "Two Words", "it's \"quoted\"", "日本語",
	"50 % off", "back\\slash", "{braces}", "tilde~", "*star?", "(list) [x]" }

t.case("made, listed, counted, renamed, removed", function()
	for _, name in ipairs(NAMES) do
		local box = home(name):create()
		t.eq(box.name, name)
		t.eq(tostring(box), "home:" .. name)
		t.eq(box:status().messages, 0)
	end
	local listed = {}
	for box in home:mailboxes() do
		listed[box.name] = true
	end
	for _, name in ipairs(NAMES) do
		t.eq(listed[name], true, name)
		local moved = home(name):rename(name .. " ü")
		t.eq(moved.name, name .. " ü")
		moved:remove()
	end
end)
t.case("targets of verbs", function()
	local msg = home.inbox:search():first()
	for _, name in ipairs(NAMES) do
		msg:copy(home(name))
		t.eq(home(name):status().messages, 1, name)
		if not name:find "[{}]" then
			msg:copy(name)
			t.eq(home(name):status().messages, 2, name)
		end
	end
	msg:copy "{{braces}}"
	t.eq(home "{braces}":status().messages, 2)
end)
t.case("values of mail in a name", function()
	local msg = home.inbox:search(mail.q.subject "aus Kiel"):first()
	msg:copy "{subject} & \"{from}\"/é"
	local found = {}
	for box in home:mailboxes { "*Kiel*" } do
		found[#found + 1] = box.name
	end
	t.eq(#found, 1)
	t.has(found[1], "Grüße aus Kiel & \"")
	t.has(found[1], "\"/é")
end)
t.case("a question mark is one character, not one byte", function()
	home "Müll":create()
	home "Mull":create()
	t.eq(#home:mailboxes { "M?ll" }, 2)
	t.eq(#home:mailboxes { "M??ll" }, 0)
	t.eq(#home:mailboxes { "???" }, 2)
	t.eq(#home:mailboxes { "A&*", except = { "A&B" } }, 0)
	t.eq(#home:mailboxes { "(list) [x]" }, 1)
	t.eq(#home:mailboxes { "50 *off" }, 1)
end)
