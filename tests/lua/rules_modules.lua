-- mode: exec
local t = require "t"
t.write("team.lua", [[
local q = mail.q
return mail.rules {
	{ "one", when = q.from "a", flag = "x" },

	{ "two", when = q.from "b",
		mvoe = "X" },
}
]])
t.write("shared.lua", [[
return {
	{ "s1", when = mail.q.from "boss", flag = "Boss", existing = true },
	{ "s2", when = mail.q.list_id, flag = "{nope}", move = "{nope}" },
}
]])

-- mode: check
-- expect: exit 3
-- output: team.lua:5: rule "two": unknown key 'mvoe'; did you mean 'move'?
require "team"

-- mode: check
-- maildir: sample
-- expect: exit 3
-- output: rule "s2"
local t = require "t"
t.home().inbox:rules(require "shared")

-- mode: existing
-- maildir: sample
-- output: home:INBOX/4: done: flag Boss
local t = require "t"
local home = t.home()
home.inbox:rules { require "shared"[1] }
home.inbox:on_new("last", function(msg) msg:flag "Last" end)
local loop = {}
for i = 1, 3 do
	loop[i] = { "made " .. i, when = mail.q.uid(i), flag = "Made" .. i, existing = true }
end
home.inbox:rules(loop)

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("rules of a module and of a loop", function()
	t.eq(home.inbox:search(q.flag "boss"):count(), 2)
	t.eq(home.inbox:search(q.flag "Made2"):first().uid, 2)
	t.eq(home.inbox:search(q.flag "last"):count(), 8)
end)
