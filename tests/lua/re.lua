-- mode: exec
local t = require "t"

t.case("match", function()
	local re = mail.re [[#(?<ticket>\d+)]]
	t.eq(re:match "see #42 and #43", "42")
	t.eq(re:match "none", nil)
	t.eq(mail.re "a.c":match "xabcx", "abc")
	t.eq(mail.re("ABC", "i"):match "xabcx", "abc")
	t.eq(mail.re "ü+":match "füür", "üü")
	t.eq({ mail.re "(a)(b)?(c)":match "ac" }, { "a", nil, "c" })
	t.eq(mail.re "a":match("aab", 3), nil)
end)
t.case("find", function()
	t.eq({ mail.re "b(.)":find "abcb" }, { 2, 3, "c" })
	t.eq(mail.re "z":find "abc", nil)
end)
t.case("gmatch", function()
	local out = {}
	for a, b in mail.re "(\\w)=(\\w)":gmatch "a=1, b=2" do
		out[#out + 1] = a .. b
	end
	t.eq(out, { "a1", "b2" })
	local n = 0
	for _ in mail.re "x*":gmatch "axb" do
		n = n + 1
	end
	t.eq(n >= 3, true)
end)
t.case("gsub and split", function()
	t.eq(mail.re "(\\d)":gsub("a1b2", "<%1>"), "a<1>b<2>")
	t.eq(mail.re "\\d":gsub("a1b2", function(d) return tostring(d * 2 // 1) end), "a2b4")
	t.eq(mail.re "\\d":gsub("a1b2", { ["1"] = "x" }), "axb2")
	t.eq(mail.re ",\\s*":split "a, b,c", { "a", "b", "c" })
end)
t.case("errors", function()
	t.raises(function() local _ = mail.re "(" end, t.line(), "mail.re:", "parenthesis")
	t.raises(function() local _ = mail.re(5) end, t.line(), "a pattern is expected, not 5")
	t.raises(function() local _ = mail.re("a", "q") end, t.line(), "q")
	t.raises(function() local _ = mail.re("a", 5) end, t.line(), "not 5")
	t.raises(function() local _ = mail.re "a".mtach end, "did you mean 'match'?")
end)
t.case("a bad pattern is bounded", function()
	local e = t.raises(function()
		mail.re "(a+)+(b+)+$":match(("a"):rep(5000) .. "c")
		mail.re "^(a|a|aa)+$":match(("a"):rep(5000) .. "c")
	end, "re.lua:")
	t.eq(e.code, "limit")
end)
