-- mode: existing
-- maildir: sample
-- output: order 1 2 3 4 5 6 7 8
-- output: at once: 1
-- output: many at once
local t = require "t"
local home = t.home { create = true }
local order, now, most = {}, 0, 0
local free, most_free = 0, 0
home.inbox:rules {
	{ "one by one", serial = true, existing = true, run = function(msg)
		now = now + 1
		most = math.max(most, now)
		order[#order + 1] = msg.uid
		mail.sleep(0.01)
		now = now - 1
		if #order == 8 then
			mail.log("order", table.concat(order, " "))
			mail.log("at once:", most)
		end
	end },
	{ "together", existing = true, run = function(msg)
		free = free + 1
		most_free = math.max(most_free, free)
		mail.sleep(0.2)
		free = free - 1
		if msg.uid == 8 then
			mail.log(most_free > 1 and "many at once" or "never more than one")
		end
	end },
}
