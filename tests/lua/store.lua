-- mode: exec
local t = require "t"
local s = mail.store "things"

t.case("values", function()
	t.eq(s:get "none", nil)
	for i, v in ipairs { true, false, 0, -5, 1.5, 1 << 62, "", "text", "a\0b", { 1, 2, "x" },
		{ a = { b = { c = true } } }, {} } do
		s:set("v" .. i, v)
		t.eq(s:get("v" .. i), v)
	end
	s:set("v1", nil)
	t.eq(s:get "v1", nil)
	s:delete "v2"
	t.eq(s:get "v2", nil)
	s:delete "never there"
end)
t.case("incr", function()
	t.eq(s:incr "n", 1)
	t.eq(s:incr("n", 10), 11)
	t.eq(s:incr("n", -1), 10)
	s:set("word", "x")
	t.raises(function() s:incr "word" end, "word")
end)
t.case("update", function()
	t.eq(s:update("u", function(old) return (old or 0) + 1 end), 1)
	t.eq(s:update("u", function(old) return old + 1 end), 2)
	t.eq(s:update("u", function() return nil end), nil)
	t.eq(s:get "u", nil)
	mail.each({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, function()
		s:update("many", function(old)
			mail.sleep(0.001)
			return (old or 0) + 1
		end)
	end)
	t.eq(s:get "many", 10)
end)
t.case("keys", function()
	local k = mail.store "keys"
	for _, key in ipairs { "b/1", "a/2", "a/1", "a_", "c" } do
		k:set(key, 1)
	end
	t.eq(k:keys(), { "a/1", "a/2", "a_", "b/1", "c" })
	t.eq(k:keys "a/", { "a/1", "a/2" })
	t.eq(k:keys("", 2), { "a/1", "a/2" })
	t.eq(k:keys "zz", {})
	t.eq(mail.store "keys":get "b/1", 1)
	t.eq(mail.store "others":get "b/1", nil)
end)
t.case("expiry", function()
	s:set("soon", "x", { expires = "1s" })
	s:set("later", "x", { expires = "1h" })
	t.eq(s:get "soon", "x")
	mail.sleep(2.1)
	t.eq(s:get "soon", nil)
	t.eq(s:get "later", "x")
	t.eq(s:keys "soon", {})
	t.eq(s:incr "soon", 1)
end)
t.case("errors", function()
	t.raises(function() mail.store() end, t.line(), "a name is expected, not nil")
	t.raises(function() mail.store "" end, t.line(), "a name is expected")
	t.raises(function() s:gte "x" end, t.line(), "store: no field or method 'gte'",
		"did you mean 'get'?")
	t.raises(function() s.get "x" end, t.line(), "write store:get(...) with a colon")
	t.raises(function() s:get(5) end, t.line(), "a key is a text", "not 5")
	t.raises(function() s:get "" end, t.line(), "a key is a text")
	t.raises(function() s:set("x", print) end, t.line(), "function")
	t.raises(function() s:set("x", { print }) end, "function")
	t.raises(function() s:set("x", 1, { expire = "3d" }) end, t.line(), "unknown option 'expire'",
		"did you mean 'expires'?")
	t.raises(function() s:set("x", 1, { expires = "3m" }) end, t.line(), "expires")
	t.raises(function() s:incr("x", 1.5) end, t.line(), "a whole number is expected, not 1.5")
	t.raises(function() s:update("x", 5) end, t.line(), "a function is expected, not 5")
	t.raises(function() s:keys(5) end, t.line(), "not 5")
	t.raises(function() s:set("x", ("x"):rep(70000)) end, "64 KiB")
	local loop = {}
	loop.loop = loop
	t.raises(function() s:set("x", loop) end, "contain itself")
end)

-- mode: exec
local t = require "t"
t.case("it is durable", function()
	t.eq(mail.store "things":get "n", 10)
	t.eq(mail.store "things":get "v8", "text")
end)
