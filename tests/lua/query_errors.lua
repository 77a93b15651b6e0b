-- mode: exec
local t = require "t"
local q = mail.q

t.case("unknown keys", function()
	t.raises(function() local _ = q.form "x" end, t.line(), "no search key 'form'; did you mean 'from'?")
	t.raises(function() return q.subjct end, t.line(), "did you mean 'subject'?")
	t.raises(function() local _ = q { subjct = "x" } end, t.line(), "did you mean 'subject'?")
	t.raises(function() return q.xyzzy end, t.line(), "no search key 'xyzzy'")
	t.raises(function() q.from = 1 end, t.line(), "cannot be changed")
end)
t.case("unknown methods", function()
	t.raises(function() local _ = q.subject:glop "x" end, t.line(),
		"query: no method 'glop'; did you mean 'glob'?")
	t.raises(function() local _ = q.subject.glob "x" end, t.line(), "with a colon")
	t.raises(function() local _ = q.seen:domain "x" end, t.line(), "q.seen takes no value")
	t.raises(function() local _ = q.subject:domain "x" end, t.line(), "q.subject has no domain")
	t.raises(function() local _ = q.header:is "x" end, t.line(), "q.header needs a name first")
	t.raises(function() local _ = q.larger:glob "x" end, t.line(), "q.larger", ":glob")
end)
t.case("values", function()
	t.raises(function() local _ = q.from(nil) end, t.line(), "q.from(nil)")
	t.raises(function() local _ = q.from(true) end, t.line(), "not true")
	t.raises(function() local _ = q.from {} end, t.line(), "an empty list matches nothing")
	t.raises(function() local _ = q.from("a", "b") end, t.line(), "takes one value", "{ \"a\", \"b\" }")
	t.raises(function() local _ = q.subject:is("a", "b") end, t.line(), "takes one value")
	t.raises(function() local _ = q.from "a" "b" end, t.line(), "complete")
	t.raises(function() local _ = q.seen "x" end, t.line(), "q.seen takes no value", "~q.seen")
	t.raises(function() local _ = q.flag(5) end, t.line(), "a name is expected, not 5")
	t.raises(function() local _ = q.header "a b" end, t.line(), "no header's name")
	t.raises(function() local _ = q.subject(q.from "x") end, t.line(), "not a query")
end)
t.case("numbers", function()
	t.raises(function() local _ = tostring(q.larger) end, t.line(), "q.larger wants a value")
	t.raises(function() local _ = q.larger "5 apples" end, t.line(), "larger \"5MB\"")
	t.raises(function() local _ = q.older "3m" end, t.line(), "older")
	t.raises(function() local _ = q.before "yesterday" end, t.line(), "before")
	t.raises(function() local _ = q.uid "a:b" end, t.line(), "uid")
	t.raises(function() local _ = q.larger(0 / 0) end, t.line(), "q.larger")
	t.raises(function() local _ = q.larger(1e300) end, t.line(), "q.larger")
end)
t.case("patterns", function()
	t.raises(function() local _ = q.subject:matches "(" end, t.line(), "q.subject:matches:")
	t.raises(function() local _ = q.subject:matches(true) end, t.line(), "q.subject")
end)
t.case("lua operators", function()
	t.raises(function() return q.seen & true end, t.line(), "the right operand of & is true",
		"write ~ & |")
	t.raises(function() return not q.seen & q.flagged end, t.line(), "the left operand of & is false")
	t.raises(function() return q.seen | nil end, t.line(), "the right operand of | is nil")
	t.raises(function() local _ = q.seen & "x" end, t.line(), "the right operand of & is the text \"x\"")
	t.raises(function() return q.seen < q.flagged end, t.line(), "queries cannot be compared")
	t.raises(function() return q.seen <= q.flagged end, t.line(), "queries cannot be compared")
	t.raises(function() return q.seen .. q.flagged end, t.line(), "cannot be joined with ..")
	t.raises(function() return "a" .. q.flagged end, t.line(), "cannot be joined with ..")
	t.raises(function() return q.seen + q.flagged end, t.line(), "queries are combined by & (and)")
	t.raises(function() return -q.seen end, t.line(), "queries are combined by & (and)")
	t.raises(function() return q.seen ~ q.flagged end, t.line(), "queries are combined by & (and)")
end)
t.case("tables", function()
	t.raises(function() local _ = q "x" end, t.line(), "q { ... } takes a table of keys")
	t.raises(function() local _ = q { "x" } end, t.line(), "keys by name")
	t.raises(function() local _ = q { seen = 5 } end, t.line(), "q.seen takes no value")
	t.raises(function() local _ = q { from = q.seen } end, t.line(), "not a query")
	t.raises(function() local _ = q.where "x" end, t.line(), "q.where: a function is expected")
end)
t.case("chains are no limit, nesting is", function()
	local any = q.none
	for i = 1, 2000 do
		any = any | q.from("a" .. i)
	end
	t.eq(#tostring(any) > 2000, true)
	local err = t.raises(function()
		local x = q.seen
		for _ = 1, 300 do
			x = ~(x & q.flagged) | q.draft
		end
	end, "query_errors.lua:")
	t.has(err, "deep")
end)
t.case("test", function()
	t.raises(function() local _ = q.seen:test "x" end, t.line(), "a message is expected")
	t.raises(function() local _ = q.seen.test "x" end, t.line(), "with a colon")
end)

-- mode: check
-- expect: exit 3
-- output: query_errors.lua:{a}: this query is used by nothing
-- absent: query_errors.lua:{b}: this
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
home.inbox:rules {
	{ "lost", when = mail.q.from "a" --@a
		and mail.q.subject "b", flag = "x" }, --@b
}

-- mode: check
-- expect: exit 3
-- output: query_errors.lua:{n}: rule "negated": when must be a query, not false; "not" gives a boolean, write ~q.key
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
home.inbox:rules {
	{ "negated", when = not mail.q.from "a", flag = "x" }, --@n
}

-- mode: check
-- expect: exit 3
-- output: query_errors.lua:{s}: rule "star": "*.pdf" is looked for as it stands
-- output: q.key:glob "*.pdf"
local home = mail.maildir { name = "home", path = os.getenv "MAILDIR", create = true }
home.inbox:rules {
	{ "star", when = mail.q.subject "*.pdf", flag = "x" }, --@s
}
