-- mode: exec
-- maildir: empty
local t = require "t"
local q = mail.q
local home = t.home()

-- The rule stands one line below the call: that is the line to name.
t.case("unknown key", function()
	t.raises(function() home.inbox:rules {
		{ "one", when = q.seen, mvoe = "X" },
	} end, t.line(-1), "rule \"one\": unknown key 'mvoe'; did you mean 'move'?")
	t.raises(function() home.inbox:rules {
		{ "fine", when = q.seen, move = "X" },
		{ "two",
			whn = q.seen, move = "X" },
	} end, t.line(-2), "rule \"two\": unknown key 'whn'; did you mean 'when'?")
	t.raises(function() home.inbox:rules { { "five", 5, move = "X" } } end, t.line(),
		"unknown key '2'")
end)
t.case("types", function()
	local function bad(rule, ...)
		t.raises(function() home.inbox:rules { rule } end, ...)
	end
	bad({ "t1", when = "x", move = "X" }, "rule \"t1\": when must be a query, not the text \"x\"")
	bad({ "t2", run = "x" }, "run must be a function, not the text \"x\"")
	bad({ "t3", stop = "yes" }, "stop must be true or false, not the text \"yes\"")
	bad({ "t4", on = "arival", move = "X" }, "on is \"arrival\" or \"apply\"",
		"did you mean 'arrival'?")
	bad({ "t5", on = {}, move = "X" }, "on is empty")
	bad({ "t6", after = "3m", move = "X" }, "rule \"t6\": after:")
	bad({ "t7", after = true, move = "X" }, "after must be a text or a number or a table, not true")
	bad({ "t8", after = { "3d", sinc = "here" }, move = "X" }, "unknown key 'sinc'",
		"did you mean 'since'?")
	bad({ "t9", after = { "3d", since = "hre" }, move = "X" }, "since is \"here\" or \"received\"",
		"did you mean 'here'?")
	bad({ "t10", after = {}, move = "X" }, "a duration such as")
	bad({ "t11", when = { form = "x" }, move = "X" }, "rule \"t11\": no search key 'form'",
		"did you mean 'from'?")
end)
t.case("verbs", function()
	local function bad(rule, ...)
		t.raises(function() home.inbox:rules { rule } end, ...)
	end
	bad({ "v1", move = 5 }, "move: a mailbox's name or a mailbox is expected, not 5")
	bad({ "v2", move = true }, "move: a mailbox's name or a mailbox is expected, not true")
	bad({ "v3", move = "" }, "an empty mailbox name")
	bad({ "v4", move = "@trsh" }, "no role \"@trsh\"")
	bad({ "v5", flag = true }, "flag: a flag's name or a list of names is expected, not true")
	bad({ "v6", flag = {} }, "no flag is named")
	bad({ "v7", flag = { "a", 5 } }, "not 5")
	bad({ "v8", flag = "a b" }, "rule \"v8\"", "a b")
	bad({ "v9", delete = "Trash" }, "delete takes no value")
	bad({ "v10", expunge = 1 }, "expunge takes no value")
	bad({ "v11", save = true }, "a path is expected, not true")
	bad({ "v12", replace = "" }, "the bytes of the new message are expected")
	bad({ "v13", flag = { a = "seen" } }, "a flag's name or a list of names is expected")
	bad({ "v14", move = home }, "not an account")
end)
t.case("templates", function()
	local function bad(rule, ...)
		t.raises(function() home.inbox:rules { rule } end, ...)
	end
	bad({ "p1", move = "Lists/{lst_id}" }, "rule \"p1\": move:", "no field or capture \"lst_id\"",
		"did you mean \"list_id\"?")
	bad({ "m1", move = "A//B" }, "rule \"m1\": move: a level of the mailbox name")
	bad({ "m2", move = "inbox" }, "rule \"m2\": move: inbox is the mailbox that the message is in")
	bad({ "m3", copy = home.inbox }, "rule \"m3\": copy: INBOX is the mailbox")
	bad({ "p2", move = "{subject" }, "rule \"p2\": move:")
	bad({ "p3", save = "x/{date:%Q}/" }, "rule \"p3\": save:")
	bad({ "p4", move = "a}b" }, "rule \"p4\": move:", "}}")
	bad({ "p5", when = q.subject:matches "(?<ticket>x)", move = "{tiket}" },
		"did you mean \"ticket\"?")
	local err = t.raises(function() home.inbox:rules {
		{ "p6", move = "{nonsense}" },
	} end, t.line(-1), "rule \"p6\": move: no field")
	t.eq(tostring(err):find("rule \"p6\".*rule \"p6\""), nil)
end)
t.case("names", function()
	t.raises(function() home.inbox:rules { { when = q.seen, move = "X" } } end, t.line(),
		"a rule begins with its name: { \"name\"")
	t.raises(function() home.inbox:rules { { name = "n", when = q.seen, move = "X" } } end, t.line(),
		"without a key: { \"n\"")
	t.raises(function() home.inbox:rules { { "" } } end, t.line(), "a rule's name is empty")
	t.raises(function() home.inbox:rules {
		{ "same", flag = "x" },
		{ "same", flag = "y" },
	} end, "a rule \"same\" stands at rule_errors.lua:", "already; names are unique in a mailbox")
	home "Other":rules { { "same", flag = "x" } }
end)
t.case("sets", function()
	t.raises(function() home.inbox:rules() end, t.line(), "at least one set of rules")
	t.raises(function() home.inbox:rules "x" end, t.line(), "rules are tables, not the text \"x\"")
	t.raises(function() home.inbox:rules(q.seen) end, t.line(), "rules are tables, not a query")
	t.raises(function() home.inbox.rules {} end, t.line(), "with a colon")
	t.raises(function() home.inbox:rules { { "n1", flag = "x" }, stop = true } end, t.line(),
		"a rule begins with its name: { \"name\", stop = ... }")
	t.raises(function() home.inbox:rules { { "n2", flag = "x" }, foo = true } end, t.line(),
		"'foo = true' stands outside of any rule")
	t.raises(function() home.inbox:rules { { { flag = "x" }, "n3" } } end, t.line(),
		"a rule begins with its name: { \"n3\", ... }")
	t.raises(function() mail.rules(5) end, t.line(), "takes a table of rules, not 5")
	t.raises(function() mail.rules {
		{ "inside", mvoe = "X" },
	} end, t.line(-1), "rule \"inside\": unknown key 'mvoe'")
	t.raises(function() mail.rules { "single", mvoe = "X" } end, t.line(), "rule \"single\"")
end)
t.case("on_new", function()
	t.raises(function() home.inbox:on_new(print) end, t.line(), "the name comes first")
	t.raises(function() home.inbox:on_new("x", 5) end, t.line(), "a function is expected, not 5")
	t.raises(function() home.inbox.on_new("x", print) end, t.line(), "with a colon")
end)
t.case("too late", function()
	mail.sleep(0)
	t.raises(function() home.inbox:rules { { "late", flag = "x" } } end, t.line(),
		"before the first wait")
	t.raises(function() mail.retry "x" end, t.line(), "inside a rule function only")
	t.raises(function() mail.hold "x" end, t.line(), "inside a rule function only")
	t.raises(function() mail.retry() end, t.line(), "the reason is a text")
	t.raises(function() mail.hold {} end, t.line(), "the reason is a text")
end)

-- mode: check
-- expect: exit 3
-- output: rule_errors.lua:{later}: rule "later": q.older can never hold when a message arrives; write after
-- output: rule_errors.lua:{both}: rule "both": after move nothing is left to delete
-- output: rule_errors.lua:{nothing}: rule "nothing" does nothing
-- output: rule_errors.lua:{never}: rule "never" can never be reached: "takes" (rule_errors.lua:{takes})
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR" }
home.inbox:rules {
	{ "later", when = mail.q.older "30d", move = "X" }, --@later
	{ "both", when = mail.q.flagged, move = "X", delete = true }, --@both
	{ "nothing", when = mail.q.seen }, --@nothing
	{ "takes", when = mail.q.from "a", move = "X" }, --@takes
	{ "never", when = mail.q.from "a" & mail.q.seen, move = "Y" }, --@never
}

-- mode: check
-- expect: exit 3
-- output: rule_errors.lua:{lost}: these rules are attached to no mailbox
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR" }
local lost = mail.rules { --@lost
	{ "lost", flag = "x" },
}
home.inbox:rules { { "used", flag = "x" } }

-- mode: check
-- output: 1 account, 4 rules on 2 mailboxes: ok
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR" }
local inner = mail.rules { { "inner", flag = "x" } }
local outer = mail.rules { inner, { "outer", flag = "y" } }
home.inbox:rules(outer)
home "Other":rules({ outer })
