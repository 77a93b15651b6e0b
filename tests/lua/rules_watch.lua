-- mode: daemon
-- maildir: sample
-- until: that is all
-- output: done: move to Taken
-- output: new mail is there
local t = require "t"
local q = mail.q
local home = t.home { create = true }
home.inbox:rules { { "take", when = q.subject "now", move = "Taken" } }
mail.sleep(0.3)
t.deliver { subject = "now" }
for _ = 1, 50 do
	mail.sleep(0.1)
	local ok, n = mail.try(function() return home "Taken":search():count() end)
	if ok and n == 1 then
		mail.log "new mail is there"
		break
	end
end
mail.log "that is all"
