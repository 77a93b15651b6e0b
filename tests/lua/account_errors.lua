-- mode: exec
-- maildir: empty
local t = require "t"

t.case("unknown option", function()
	local e = t.raises(function() mail.maildir { nme = "x", path = "/tmp" } end, t.line() ..
		"mail.maildir: unknown option 'nme'; did you mean 'name'?")
	t.eq(e.code, "usage")
	t.eq(e.where .. ": ", t.line(-3))
end)
t.case("wrong type", function()
	t.raises(function() mail.maildir { name = 5, path = "/tmp" } end, t.line(),
		"name must be a text, not 5")
	t.raises(function() mail.maildir "home" end, t.line(),
		"mail.maildir takes a table of options, not the text \"home\"")
	t.raises(function() mail.maildir() end, "takes a table of options, not nil")
end)
t.case("missing", function()
	t.raises(function() mail.maildir { name = "x" } end, t.line(), "path is missing")
	t.raises(function() mail.maildir { path = "x" } end, t.line(), "name is missing")
end)
t.case("bad names", function()
	t.raises(function() mail.maildir { name = "a b", path = "x" } end, t.line(), "letters, digits")
	t.raises(function() mail.maildir { name = "", path = "x" } end, t.line(), "letters, digits")
	t.raises(function() mail.maildir { name = ("n"):rep(65), path = "x" } end, "64 at most")
end)
t.case("bad zone", function()
	t.raises(function() mail.maildir { name = "z", path = "x", tz = "Mars/Olympus" } end, t.line(),
		"mail.maildir:", "Mars/Olympus")
end)
t.case("declared twice", function()
	mail.maildir { name = "twice", path = "elsewhere", create = true }
	t.raises(function() mail.maildir { name = "twice", path = "x" } end, t.line(),
		"account \"twice\" was declared at " .. t.line(-2):sub(1, -3) .. " already")
end)

local home = t.home()
t.case("unknown field", function()
	t.raises(function() return home.inbx end, t.line(), "account \"home\": no field 'inbx'",
		"did you mean 'inbox'?")
	t.raises(function() return home.Lists end, t.line(), "no field 'Lists'", "account \"Lists\"")
	t.raises(function() home.x = 1 end, t.line(), "'x' cannot be set")
	t.raises(function() home.mailboxes {} end, t.line(), "write account:mailboxes(...) with a colon")
end)
t.case("mailbox by name", function()
	t.eq(home "Lists/dev".name, "Lists/dev")
	t.eq(tostring(home "Lists/dev"), "home:Lists/dev")
	t.eq(home "inbox" == home.inbox, true)
	t.eq(home "INBOX" == home.inbox, true)
	t.eq(home "@trash" == home.trash, true)
	t.eq(home "A" == home "A", true)
	t.eq(tostring(home), "home")
	t.eq(home.name, "home")
	t.raises(function() home(5) end, t.line(), "a mailbox's name is expected, not 5")
	t.raises(function() home "" end, t.line(), "a mailbox's name is expected")
	t.raises(function() home "@trsh" end, t.line(), "no role \"@trsh\"; did you mean '@trash'?")
end)
t.case("unknown method", function()
	t.raises(function() home.inbox:serch() end, t.line(),
		"mailbox: no field or method 'serch'; did you mean 'search'?")
	t.raises(function() home.inbox.search "x" end, t.line(), "write mailbox:search(...) with a colon")
	t.raises(function() for _ in home.inbox do end end, t.line(), "mailbox:search()")
	t.raises(function() local _ = #home.inbox end, t.line(), "mailbox:search()")
	t.raises(function() home.inbox.name2 = 1 end, t.line(), "'name2' cannot be set")
	t.raises(function() home.inbox:rename(7) end, t.line(), "the new name is expected, not 7")
end)
t.case("mailboxes", function()
	t.raises(function() home:mailboxes { "*", exept = "x" } end, t.line(),
		"unknown option 'exept'; did you mean 'except'?")
	t.raises(function() home:mailboxes { 5 } end, t.line(), "a mailbox's name or a pattern is expected")
	t.raises(function() home:mailboxes { "*", except = { "@trsh" } } end, t.line(),
		"mailboxes: except: there is no role \"@trsh\"; did you mean '@trash'?")
end)
t.case("too late", function()
	mail.sleep(0)
	t.raises(function() mail.maildir { name = "late", path = "x" } end, t.line(),
		"before the first wait")
end)

-- mode: check
-- expect: exit 3
-- output: account_errors.lua:{path}: mail.maildir: unknown option 'pth'; did you mean 'path'?
mail.maildir { name = "a", pth = "b" } --@path

-- mode: check
-- expect: exit 3
-- output: account_errors.lua:{gone}: account "gone": no Maildir at
-- output: 1 account, 0 rules on 0 mailboxes: 1 finding
mail.maildir { name = "gone", path = "/nonexistent/Maildir" } --@gone
