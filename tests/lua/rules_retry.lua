-- mode: daemon
-- maildir: sample
-- until: the third try
-- output: third try
-- output: 1 again
-- output: 2 again
local t = require "t"
local home = t.home { create = true }
local tries = 0
home.inbox:rules {
	{ "again", when = mail.q.uid(4), existing = true, run = function(msg)
		tries = tries + 1
		if tries < 3 then
			mail.log(tries, "again")
			mail.retry("not yet", 0.1)
		end
		msg:flag "Third"
		mail.log "the third try"
	end },
}
