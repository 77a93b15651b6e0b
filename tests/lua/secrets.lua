-- mode: check
-- output: 2 accounts, 0 rules on 0 mailboxes: ok
-- absent: hunter2
local t = require "t"

t.case("each says where it looks", function()
	t.eq(tostring(mail.secret.env "WORK_PW"), "mail.secret.env WORK_PW")
	t.eq(tostring(mail.secret.file "/etc/mailmill/work"), "mail.secret.file /etc/mailmill/work")
	t.eq(tostring(mail.secret.file "~/pw"), "mail.secret.file " .. os.getenv "HOME" .. "/pw")
	t.eq(tostring(mail.secret.prompt "Password of anna"), "mail.secret.prompt Password of anna")
	t.eq(tostring(mail.secret.command { "curl", "-u", "anna:hunter2" }), "mail.secret.command curl")
	t.has(tostring(mail.secret.file "pw"), "/secrets/pw")
end)
t.case("a command is a list", function()
	t.raises(function() mail.secret.command "hunter2" end, t.line(),
		"mail.secret.command { \"pass\", \"show\", \"mail/work\" }, not a string")
	t.raises(function() mail.secret.command() end, t.line(), "not a nil")
	t.raises(function() mail.secret.command {} end, t.line(), "no program is named")
	t.raises(function() mail.secret.command { "" } end, t.line(), "no program is named")
	t.raises(function() mail.secret.command { "a", 5 } end, t.line(), "argument 2 is a number")
	t.raises(function() mail.secret.command { "a", timeout = 5 } end, t.line(),
		"unknown option 'timeout'")
	t.raises(function() mail.secret.command { "a\0b" } end, t.line(), "NUL byte")
	t.raises(function()
		local argv = {}
		for i = 1, 1001 do
			argv[i] = "x"
		end
		mail.secret.command(argv)
	end, "1 to 1000 texts")
end)
t.case("the others are a text", function()
	t.raises(function() mail.secret.env() end, t.line(), "the name of an environment variable")
	t.raises(function() mail.secret.env "" end, t.line(), "not an empty text")
	t.raises(function() mail.secret.file {} end, t.line(), "a file's path is expected, not a table")
	t.raises(function() mail.secret.prompt(5) end, t.line(), "the text to ask with")
	t.raises(function() mail.secret.env "A\0B" end, "NUL byte")
	t.raises(function() mail.secret.prompt(("x"):rep(4001)) end, "too long")
end)
t.case("unknown kinds", function()
	t.raises(function() return mail.secret.fiel end, t.line(),
		"mail.secret: no kind 'fiel'; did you mean 'file'?")
	t.raises(function() mail.secret "x" end, t.line(), "mail.secret is no function")
	t.raises(function() mail.secret.x = 1 end, t.line(), "'x' cannot be set")
end)
t.case("a secret can be printed and handed over, no more", function()
	local pw = mail.secret.env "HOME"
	t.raises(function() return pw.value end, "value")
	t.raises(function() return pw .. "" end)
	t.raises(function() return #pw end)
	t.raises(function() pw.x = 1 end)
	t.raises(function() mail.maildir { name = pw, path = "x" } end, "not a secret")
	t.eq(tostring(pw):find(os.getenv "HOME", 1, true), nil)
	mail.imap { name = "a", host = "h", user = "u", password = pw }
	mail.imap { name = "b", host = "h", user = "v", oauth = pw }
end)
t.case("many are let go", function()
	for i = 1, 20000 do
		mail.secret.env("V" .. i)
	end
	collectgarbage()
end)
