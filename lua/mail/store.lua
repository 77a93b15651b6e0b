-- mail.store "name": a durable table.  In a rule function writes are committed together
-- with the decisions, so that a second try does not count twice.
local core = ...
local util = core.load "util"

local methods = {}

local function check_key(what, key)
	if type(key) ~= "string" or key == "" or #key > 512 then
		util.fail("store:%s: a key is a text of 1 to 512 bytes, not %s", what, util.describe(key))
	end
end

local function expiry(what, options)
	if options == nil then
		return nil
	end
	util.check_keys("store:" .. what, options, { expires = "string number" })
	if options.expires == nil then
		return nil
	end
	local ms = util.duration(options.expires, "store:" .. what .. ": expires")
	return math.floor(core.now() + ms / 1000)
end

--- @return any value  nil when absent or expired
function methods.get(store, key)
	check_key("get", key)
	core.gate()
	return core.store_get(store.name, key)
end

--- @param value any  boolean, number, string, or a table of them; nil deletes
--- @param options table|nil  { expires = "3d" }
function methods.set(store, key, value, options)
	check_key("set", key)
	local expires = expiry("set", options)
	core.gate()
	if value == nil then
		core.store_delete(store.name, key)
	else
		core.store_set(store.name, key, value, expires)
	end
end

function methods.delete(store, key)
	check_key("delete", key)
	core.gate()
	core.store_delete(store.name, key)
end

--- Adds `by` (1) to an integer; absent is 0.  @return integer the new value
function methods.incr(store, key, by)
	check_key("incr", key)
	by = by or 1
	if math.type(by) ~= "integer" then
		util.fail("store:incr: a whole number is expected, not %s", util.describe(by))
	end
	core.gate()
	return core.store_incr(store.name, key, by)
end

--- store:update(key, function(old) return new end): safe beside other tasks; fn may run
--- more than once.  @return any the new value
function methods.update(store, key, fn, options)
	check_key("update", key)
	if type(fn) ~= "function" then
		util.fail("store:update: a function is expected, not %s", util.describe(fn))
	end
	local expires = expiry("update", options)
	core.gate()
	if core.handling() then
		local new = fn(core.store_get(store.name, key))
		methods.set(store, key, new, options)
		return new
	end
	while true do
		local old = core.store_get(store.name, key)
		local new = fn(old)
		if core.store_cas(store.name, key, old, new, expires) then
			return new
		end
	end
end

--- Keys that begin with prefix, in order; at most limit (1000).
function methods.keys(store, prefix, limit)
	if prefix ~= nil and type(prefix) ~= "string" then
		util.fail("store:keys: the beginning of keys is expected, not %s", util.describe(prefix))
	elseif limit ~= nil and (math.type(limit) ~= "integer" or limit < 1) then
		util.fail("store:keys: limit is a whole number of at least 1, not %s", util.describe(limit))
	end
	core.gate()
	return core.store_keys(store.name, prefix or "", limit or 1000)
end

local STORE = util.class("store", methods)

return function(name)
	if type(name) ~= "string" or name == "" or #name > 128 then
		util.fail("mail.store: a name is expected, not %s", util.describe(name))
	end
	return setmetatable({ name = name }, STORE)
end
