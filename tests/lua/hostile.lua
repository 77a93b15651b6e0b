-- mode: exec
-- maildir: sample
-- What a script can do with the handles it holds while C is at work with them.
local t = require "t"
local q = mail.q
local home = t.home()
mail.sleep(0)

local function close(x)
	local closing <close> = x
end

t.case("a replacement function closes its regex", function()
	local re = mail.re "a"
	t.raises(function()
		re:gsub("aaa", function()
			close(re)
			collectgarbage()
			return "b"
		end)
	end, "closed")
end)
t.case("an address closes the list it is looked up in", function()
	local list = mail.list { "x" }
	t.raises(function()
		list:has(setmetatable({}, { __index = function()
			close(list)
			return "x"
		end }))
	end, "closed")
end)
t.case("a list with a length of its own", function()
	t.raises(function()
		mail.list(setmetatable({}, { __len = function() return -1 end }))
	end, "list")
end)
t.case("another task closes a handle that is waited for", function()
	local h = mail.spawn(function()
		mail.sleep(0.02)
		return 1, 2
	end)
	mail.spawn(function() close(h) end)
	t.eq({ h:wait() }, { 1, 2 })
end)
t.case("where functions collect while a fetched message is tested", function()
	local function junk()
		collectgarbage()
		return true
	end
	local m = home.inbox:search(q.uid(1)):first()
	t.eq((q.where(junk) & q.where(function() return junk() end) & q.from):test(m), true)
	t.eq((q.from & q.where(junk) & q.where(function() return junk() end)):test(m), true)
end)
t.case("levels at the limits", function()
	t.eq(debug.getinfo(math.maxinteger), nil)
	t.eq(debug.getinfo(-1), nil)
end)

-- mode: exec
-- expect: exit 1
-- output: an error without a text
-- An error whose __tostring never ends holds nobody up.
mail.sleep(0)
error(setmetatable({}, { __tostring = function()
	while true do
		local _ = pcall(error)
	end
end }))

-- mode: exec
-- output: were changed
local task = mail.spawn(function() return 1 end)
mail.sleep(0.01)
local real = rawget(task, "real")
for _, n in ipairs { 1 << 32, -1, (1 << 31) - 1 } do
	real.results = { n = n }
	local ok, e = pcall(real.wait, real)
	assert(not ok)
	print(e)
end
