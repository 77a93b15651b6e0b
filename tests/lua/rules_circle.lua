-- mode: exec
-- maildir: empty
local t = require "t"
t.home { create = true } "A":create()
t.deliver { subject = "round and round" }

-- mode: daemon
-- expect: exit 1
-- until: five times in a row
-- output: look for rules that move in a circle
local t = require "t"
local home = t.home { create = true }
home.inbox:rules { { "there", own = true, move = "A", existing = true } }
home "A":rules { { "back", own = true, move = "INBOX", existing = true } }
