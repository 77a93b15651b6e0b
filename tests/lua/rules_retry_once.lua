-- Retries come when their time has come, once each: a look for them that began before the
-- end of a turn must not begin the turn again.
-- mode: daemon
-- maildir: sample
-- until: all tried
-- absent: before its time
local t = require "t"
local home = t.home { create = true }
local store = mail.store "s"
local last, calls = {}, 0
home.inbox:rules {
	{ "again", existing = true, run = function(msg)
		local uid, now = msg.uid, mail.now()
		if last[uid] and now - last[uid] < 0.9 then mail.log(uid, "is judged before its time") end
		last[uid] = now
		calls = calls + 1
		if calls == 48 then mail.log "all tried" end
		for _ = 1, uid do store:get "x" end
		mail.retry("not yet", "1s")
	end },
}
