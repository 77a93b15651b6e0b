-- Accounts on servers are declared, and nothing is asked: no server is there to answer.
-- mode: check
-- output: 4 accounts, 0 rules on 0 mailboxes: ok
-- absent: hunter2
local t = require "t"

local HERE = "imap_options.lua:"
local function with(more)
	local options = { name = "w", host = "imap.example.com", user = "anna", password = "hunter2" }
	for key, value in pairs(more) do
		options[key] = value
	end
	return options
end

-- mail.imap with these options must raise; then no part of the text is the password.
local function bad(options, ...)
	local e = t.raises(function() mail.imap(options) end, "mail.imap", HERE, ...)
	t.eq(e.code, "usage")
	t.eq(tostring(e):find("hunter2", 1, true), nil)
end

t.case("unknown options", function()
	bad(with { hots = "x" }, "unknown option 'hots'; did you mean 'host'?")
	bad(with { passwd = "hunter2" }, "unknown option 'passwd'")
	bad(with { provider = "gmail" }, "unknown option 'provider'")
	bad(with { "hunter2" }, "unknown option '1'")
	bad(5, "takes a table of options, not 5")
	bad(nil, "takes a table of options, not nil")
end)
t.case("missing", function()
	bad({ host = "h", user = "u", password = "hunter2" }, "name is missing, as in mail.imap {")
	bad({ name = "n", user = "u", password = "hunter2" }, "host is missing")
	bad({ name = "n", host = "h", password = "hunter2" }, "user is missing")
	bad({ name = "n", host = "h", user = "u" }, "password is missing", "mail.secret.command",
		"oauth")
end)
t.case("passwords", function()
	bad(with { password = 4711 }, "password must be a text or a mail.secret", "not a number")
	bad(with { password = { "hunter2" } }, "password must be", "not a table")
	bad(with { password = mail.re "hunter2" }, "password must be", "not a regex")
	bad(with { password = "" }, "password is empty")
	bad(with { password = "hunter2\n" }, "password has a line break")
	bad(with { password = "hunter2\0" }, "NUL byte")
	bad(with { oauth = "hunter2" }, "password and oauth exclude each other")
	bad(with { oauth = true }, "oauth must be a text or a mail.secret", "not true")
	bad(with { user = mail.secret.env "X" }, "user must be a text, not a secret")
end)
t.case("names", function()
	bad(with { name = "a b" }, "the name \"a b\": letters, digits")
	bad(with { host = "imaps://imap.example.com" }, "not a URL")
	bad(with { host = "imap.example.com:993" }, "host = \"imap.example.com\", port = 993")
	bad(with { host = "[::1]" }, "host is no name or address")
	bad(with { host = "a b" }, "host is no name or address")
	bad(with { host = ("h"):rep(254) }, "host is no name or address")
	bad(with { host = "" }, "host is empty")
	bad(with { user = "a\r\nb" }, "user is a text with control characters")
	bad(with { user = ("u"):rep(1001) }, "user is missing or too long")
	bad(with { login = "" }, "login is empty")
	bad(with { authorize = "a\0b" }, "authorize is a text with control characters")
	bad(with { tz = "Mars/Olympus" }, "Mars/Olympus")
end)
t.case("numbers", function()
	bad(with { port = 0 }, "port is a whole number from 1 to 65535, not 0")
	bad(with { port = 65536 }, "not 65536")
	bad(with { port = 99.5 }, "not 99.5")
	bad(with { port = "993" }, "port must be a number, not the text \"993\"")
	bad(with { max_connections = 0 }, "max_connections is a whole number from 1 to 50, not 0")
	bad(with { max_connections = 51 }, "not 51")
	bad(with { timeout = "100ms" }, "timeout")
	bad(with { timeout = 0.5 }, "timeout is a duration from \"1s\" to \"10min\", not 0.5")
	bad(with { timeout = "11min" }, "not the text \"11min\"")
	bad(with { timeout = "1m" }, "timeout")
	bad(with { create = "subscribe" }, "create is true, false or \"subscribed\"",
		"did you mean 'subscribed'?")
	bad(with { insecure_plaintext = "yes" }, "insecure_plaintext must be true or false")
end)
t.case("TLS", function()
	bad(with { tls = "start_tls" }, "tls is \"implicit\", \"starttls\" or \"none\"",
		"did you mean 'starttls'?")
	bad(with { tls = true }, "tls must be a text, not true")
	bad(with { tls = "none" }, "would send the password to imap.example.com",
		"insecure_plaintext = true")
	bad(with { tls = "none", host = "127.evil.example" }, "would send the password")
	bad(with { tls = "none", host = "127.0.0.1.evil.example" }, "would send the password")
	bad(with { tls = "none", host = "127.0.0.1", ca_file = "x" }, "ca_file has nothing to verify")
	bad(with { ca_file = "a", fingerprint = "b" }, "ca_file and fingerprint exclude each other")
	bad(with { ca_file = "no-such.pem" }, "no-such.pem")
	bad(with { ca_file = "imap_options.lua" }, "imap_options.lua")
	bad(with { fingerprint = "12:34" }, "12:34")
	bad(with { fingerprint = {} }, "fingerprint is an empty list")
	bad(with { fingerprint = { sha256 = "x" } }, "fingerprint is a text or a list of texts")
	bad(with { fingerprint = { 5 } }, "fingerprint is a text or a list of texts, not 5")
	bad(with { fingerprint = 5 }, "fingerprint must be a text or a table")
end)

local work = mail.imap(with { name = "work", port = 10993, timeout = "90s", max_connections = 5,
	tls = "starttls", create = "subscribed", trash = "Gelöscht", tz = "UTC" })
t.case("like", function()
	bad({ name = "x", like = "work" }, "like is another account, as in like = work")
	bad({ name = "x", like = {} }, "like is another account")
	bad({ name = "x", like = work.inbox }, "like is another account", "not a mailbox")
	bad({ like = work }, "name is missing")
	bad({ name = "work", like = work }, "account \"work\" was declared at")
	bad({ name = "x", like = work, tls = "none" }, "would send the password to imap.example.com")
	local all = mail.imap { name = "all", like = work, user = "otto" }
	t.eq(tostring(all), "all")
	mail.imap { name = "token", like = work, host = "127.0.0.2", oauth = mail.secret.env "TOKEN" }
	bad({ name = "x", like = work, oauth = "a", password = "hunter2" }, "exclude each other")
	local home = mail.maildir { name = "home", path = "x", create = true }
	bad({ name = "x", like = home }, "like takes the options of another mail.imap account",
		"\"home\" is a mail.maildir")
end)
t.case("the object is an account as any", function()
	t.eq(tostring(work), "work")
	t.eq(work.name, "work")
	t.eq(tostring(work.inbox), "work:INBOX")
	t.eq(tostring(work.trash), "work:@trash")
	t.eq(tostring(work "Lists/dev"), "work:Lists/dev")
	t.raises(function() return work.password end, "no field 'password'")
	for key, value in pairs(work) do
		t.eq((tostring(key) .. tostring(value)):find("hunter2", 1, true), nil)
	end
	t.raises(function() work "@trsh" end, "did you mean '@trash'?")
end)

-- mode: check
-- output: 10 accounts, 0 rules on 0 mailboxes: ok
local function good(name, more)
	local options = { name = name, host = "imap.example.com", user = name, password = "x" }
	for key, value in pairs(more) do
		options[key] = value
	end
	return mail.imap(options)
end
local pin = ("ab"):rep(32)
good("loop4", { tls = "none", host = "127.0.0.1" })
good("loop6", { tls = "none", host = "::1" })
good("loopname", { tls = "none", host = "LocalHost", port = 993 })
good("plain", { tls = "none", insecure_plaintext = true })
good("pin", { fingerprint = "sha256:" .. pin })
good("pins", { fingerprint = { pin, pin } })
good("master", { login = "admin", timeout = 600, max_connections = 50, create = false })
good("authorize", { authorize = "info@example.com", timeout = "1s", max_connections = 1 })
good("typed", { password = mail.secret.prompt "Password of anna" })
mail.imap { name = "token", host = "h", user = "u", oauth = "ya29.x", port = 65535, create = true }

-- mode: check
-- expect: exit 3
-- output: imap_options.lua:{typo}: mail.imap: unknown option 'pasword'; did you mean 'password'?
-- absent: hunter2
mail.imap { name = "a", host = "b", user = "c", pasword = "hunter2" } --@typo

-- mode: check
-- expect: exit 3
-- output: imap_options.lua:{named}: mail.imap: account "a" was declared at imap_options.lua:{first} already
-- absent: hunter2
mail.imap { name = "a", host = "b", user = "c", password = "hunter2" } --@first
mail.imap { name = "a", host = "b", user = "c", password = "hunter2" } --@named

-- mode: check
-- expect: exit 3
-- output: imap_options.lua:{two}: account "two" is the same mailbox as "one" (imap_options.lua:{one})
-- absent: hunter2
local one = mail.imap { name = "one", host = "h", user = "u", password = "hunter2" } --@one
mail.imap { name = "two", like = one } --@two

-- mode: exec
-- Declared, and never asked for anything: nobody connects.
local work = mail.imap { name = "work", host = "imap.invalid", user = "anna", password = "x" }
mail.sleep(0.05)
print(work)
