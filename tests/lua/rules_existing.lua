-- mode: once
-- maildir: sample
-- output: home:INBOX/4: done: flag Old
-- absent: flag New
local t = require "t"
local home = t.home()
home.inbox:rules {
	{ "what is there", when = mail.q.flagged, flag = "Old", existing = true },
	{ "what comes", flag = "New" },
}

-- mode: exec
local t = require "t"
t.home()
t.deliver { subject = "fresh" }

-- mode: once
-- output: flag New
-- absent: flag Old
local t = require "t"
local home = t.home()
home.inbox:rules {
	{ "what is there", when = mail.q.flagged, flag = "Old", existing = true },
	{ "what comes", flag = "New" },
}
