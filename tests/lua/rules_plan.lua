-- mode: plan
-- maildir: sample
-- output: would move to Taken
-- absent: done: move
local t = require "t"
local home = t.home { create = true }
home.inbox:rules { { "take", move = "Taken" } }

-- mode: exec
local t = require "t"
local home = t.home()
t.case("a dry run changes nothing", function()
	t.eq(home.inbox:search():count(), 8)
	t.eq(#home:mailboxes(), 1)
end)
