-- mode: exec
local t = require "t"

t.case("globals", function()
	t.raises(function() undeclared = 1 end, t.line(), -- luacheck: ignore
		"assign to undeclared global 'undeclared'")
	t.raises(function() return undeclared2 end, -- luacheck: ignore
		"undeclared global 'undeclared2'")
	t.raises(function() local _ = mial.q end, t.line(), -- luacheck: ignore
		"undeclared global 'mial'; did you mean 'mail'?")
end)
t.case("the module", function()
	t.raises(function() local _ = mail.maildr end, t.line(),
		"mail: no field 'maildr'; did you mean 'maildir'?")
	t.raises(function() mail.q = 1 end, t.line(), "mail.q cannot be set")
	t.raises(function() mail.new = 1 end, t.line(), "mail.new cannot be set")
	local names = {}
	for name in pairs(mail) do
		names[name] = true
	end
	for _, name in ipairs { "q", "rules", "maildir", "store", "every", "daily", "weekly", "monthly",
		"at", "version", "args", "sleep", "spawn", "all", "each", "deadline", "now", "ago", "retry",
		"hold", "try", "log", "command", "re", "list" } do
		t.eq(names[name], true, name)
	end
end)
t.case("what would end or block the process", function()
	t.raises(function() os.exit(1) end, t.line(), "os.exit")
	t.raises(function() os.execute "true" end, t.line(), "mail.command")
	t.raises(function() io.popen "true" end, t.line(), "mail.command")
	t.raises(function() setmetatable({}, { __gc = print }) end, t.line(), "__gc")
	t.eq(load("\27Lua"), nil)
	t.raises(function() debug.sethook() end, t.line())
end)
t.case("try", function()
	t.eq({ mail.try(function(a, b) return a, b end, 1, 2) }, { true, 1, 2 })
	local ok, err = mail.try(function() error "plain" end)
	t.eq(ok, false)
	t.eq(err.code, "usage")
	t.eq(err.message, "plain")
	t.has(err.where, "strict.lua:")
	ok, err = mail.try(function() local x = nil return x.y end)
	t.eq(ok, false)
	t.has(err.message, "attempt to index")
	ok, err = mail.try(function() mail.sleep {} end)
	t.eq({ ok, err.code }, { false, "usage" })
	t.has(tostring(err), "strict.lua:")
	t.has("failed: " .. err, "failed: strict.lua:")
	ok, err = mail.try(error, { my = "own" })
	t.eq({ ok, err.my }, { false, "own" })
	ok, err = mail.try(function() local function f() return 1 + f() end return f() end)
	t.eq({ ok, err.code }, { false, "limit" })
	ok, err = mail.try(function() mail.sleep(0.001) error "after a wait" end)
	t.eq({ ok, err.message }, { false, "after a wait" })
end)
t.case("time", function()
	t.eq(math.type(mail.now()), "float")
	t.eq(math.abs(mail.now() - os.time()) < 5, true)
	t.eq(math.abs(mail.ago "1d" - (os.time() - 86400)) < 5, true)
	t.eq(math.abs(mail.ago(60) - (os.time() - 60)) < 5, true)
	t.raises(function() mail.ago "1m" end, t.line(), "mail.ago: bad duration \"1m\"")
	t.raises(function() mail.ago() end, t.line(), "mail.ago")
end)

-- mode: exec
-- output: info 1 nil true
-- output: warn: careful
-- output: error: wrong
-- absent: hidden
-- output: warn: a\nb\x1b[31m
local t = require "t"
mail.log("info", 1, nil, true)
mail.log.warn "careful"
mail.log.error "wrong"
mail.log.debug "hidden"
mail.log.info(setmetatable({}, { __tostring = function() return "shown" end }))
mail.log.warn "a\nb\27[31m"
t.raises(function() mail.log.wran "x" end, t.line(), "mail.log: no level 'wran'",
	"did you mean 'warn'?")
