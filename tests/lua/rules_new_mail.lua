-- mode: once
-- maildir: sample
-- output: left alone
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
home.inbox:rules { { "all", move = "Taken" } }

-- mode: exec
local t = require "t"
t.home()
t.deliver { subject = "new one", from = "a@b.example" }
t.deliver { subject = "new two", from = "a@b.example" }

-- mode: once
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
home.inbox:rules { { "all", move = "Taken" } }

-- mode: exec
local t = require "t"
local home = t.home()
t.case("only what came after", function()
	t.eq(home.inbox:search():count(), 8)
	t.eq(t.subjects(home "Taken":search():sort "subject"), { "new one", "new two" })
end)
