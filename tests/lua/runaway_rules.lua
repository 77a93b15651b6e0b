-- mode: daemon
-- until: rule "loops" raised:
-- maildir: sample
-- expect: exit 1
-- output: rule "loops" raised:
-- output: rule "hoards" raised:
-- output: rule "recurses" raised:
-- output: home:INBOX/5: done: flag Fine
local t = require "t"
local home = t.home()
local function rule(name, uid, fn)
	return { name, when = mail.q.uid(uid), run = fn, existing = true }
end
home.inbox:rules {
	rule("loops", 1, function() while true do pcall(function() while true do end end) end end),
	rule("hoards", 2, function() return ("x"):rep(1 << 30) end),
	rule("recurses", 3, function()
		local function f() return 1 + f() end
		f()
	end),
	rule("fine", 5, function(msg) msg:flag "Fine" end),
}
