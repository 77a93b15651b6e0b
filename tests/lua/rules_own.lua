-- mode: exec
-- maildir: sample
local t = require "t"
local home = t.home { create = true }
home "A":create()
home "B":create()

-- mode: existing
local t = require "t"
local home = t.home { create = true }
local q = mail.q
home.inbox:rules {
	{ "to a", when = q.from "boss", move = "A", existing = true },
	{ "to b", when = q.list_id, move = "B", existing = true },
}
home "A":rules { { "own", own = true, flag = "Own" } }
home "B":rules { { "not own", flag = "Own" } }
mail.sleep(1) -- so long do the rules have

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
t.case("own moves", function()
	t.eq(home "A":search(q.flag "own"):count(), 2)
	t.eq(home "B":search(q.flag "own"):count(), 0)
end)
