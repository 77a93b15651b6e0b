-- Prints "section TAB name" for all that a script can write or read; see tests/doc/run.
local mail = require "mail"
local seen = rawget(_G, "seen")

local function put(section, name)
	print(section .. "\t" .. name)
end

local function keys(section, t)
	for key in pairs(t) do
		if type(key) == "string" then
			put(section, key)
		end
	end
end

-- A wrong name, so that the right ones are proposed.
local function wrong(section, fn)
	seen.section = section
	assert(not pcall(fn), section)
end

seen.section = "Accounts"
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR" }
wrong("Accounts", function() return home.zzz end)
wrong("Accounts", function() home:mailboxes { zzz = 1 } end)
wrong("Accounts", function() mail.imap { zzz = 1 } end)
wrong("Accounts", function()
	mail.imap { name = "a", host = "h", user = "u", password = "p", tls = "zzz" }
end)
wrong("Secrets", function() return mail.secret.zzz end)
wrong("Queries", function() return mail.q.zzz end)
wrong("Queries", function() return mail.q.all.zzz end)
wrong("Rules", function() mail.rules { { "x", zzz = 1 } } end)
wrong("Rules", function() mail.rules { { "x", on = "zzz" } } end)
wrong("Rules", function() mail.rules { { "x", after = { "1d", since = "zzz" } } } end)
wrong("Rules", function() mail.rules { { "x", after = { "1d", zzz = 1 } } } end)
wrong("Timers", function() mail.daily("03:00", print, { zzz = 1 }) end)
wrong("Timers", function() mail.daily("03:00", print, { missed = "zzz" }) end)
wrong("Commands", function() mail.command { "true", zzz = 1 } end)
wrong("Tasks", function() mail.each({}, print, { zzz = 1 }) end)
wrong("The store", function() mail.store "x":set("k", 1, { zzz = 1 }) end)
wrong("The log", function() return mail.log.zzz end)
keys("The module", mail)
seen.classes()

local msg = home.inbox:search():first()
wrong("Sets of messages", function() home.inbox:search():sort "zzz" end)
seen.section = "Commands"
keys("Addresses", msg.from)
keys("Mailboxes", home.inbox:status())
keys("Commands", mail.command { "true" })
keys("Results", msg:flag "seen")
local _, err = mail.try(mail.command, { "false" })
keys("Errors", err)
_, err = mail.try(function() home.inbox:search():delete() end)
keys("Errors", err)
put("Errors", "cause")
put("Commands", "signal")
for _, line in ipairs(seen) do
	print(line)
end
