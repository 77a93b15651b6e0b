-- mail.q: queries as values.  q.key "text" and its refinements make nodes in C; this
-- file is their spelling, and the errors that explain what was meant.
local core = ...
local util = core.load "util"

local KEYS, OPS, TAKES_NAME = core.query_keys(), core.query_ops(), {}
local KEY = {}
for _, key in ipairs(KEYS) do
	KEY[key] = true
	TAKES_NAME[key] = core.query_takes_name(key)
end
local WORDS = {}
for _, key in ipairs(KEYS) do
	WORDS[#WORDS + 1] = key
end
WORDS[#WORDS + 1] = "where"

local Q = { __name = "mail.query" }
local built = {} -- every query made while loading: { place, used }

local function is_query(x)
	return getmetatable(x) == Q
end

-- The C node of a query; a bare key becomes its "is present" form here.
local function node(self)
	local c = rawget(self, "c")
	if not c then
		local ok, made = pcall(core.query_key, self.key, self.name, nil, nil)
		if not ok then
			util.fail_at(self.where, "%s", util.reason(made))
		end
		c = made
		rawset(self, "c", c)
	end
	return c
end

local function use(self)
	rawset(self, "used", true)
	return node(self)
end

local function new(fields)
	local where = util.where()
	fields.where = where
	fields.used = false
	local self = setmetatable(fields, Q)
	if not core.active() then
		built[#built + 1] = self
	end
	return self
end

local function values_of(key, value, out)
	local kind = type(value)
	if kind == "string" or kind == "userdata" then
		out[#out + 1] = value
	elseif kind == "number" then
		if math.type(value) == "float" then
			value = math.floor(value)
		end
		out[#out + 1] = value
	elseif kind == "table" and getmetatable(value) == nil then
		if #value == 0 then
			util.fail("q.%s: an empty list matches nothing; was that meant?", key)
		end
		for _, v in ipairs(value) do
			values_of(key, v, out)
		end
	else
		util.fail("q.%s: a text, a list of texts, a mail.re or a mail.list is expected, not %s", key,
			util.describe(value))
	end
	return out
end

-- key (and name) with an operator and values.
local function refine(self, op, value)
	rawset(self, "used", true)
	local values = values_of(self.key, value, {})
	if self.key == "message_id" and op ~= "matches" and op ~= "glob" then
		for i, v in ipairs(values) do -- as it is copied from a header
			values[i] = type(v) == "string" and v:match "^<(.*)>$" or v
		end
	end
	if op == "matches" then
		for i, v in ipairs(values) do
			if type(v) == "string" then
				local ok, re = pcall(core.re, v, "i")
				if not ok then
					util.fail("q.%s:matches: %s", self.key, util.reason(re))
				end
				values[i] = re
			end
		end
	end
	local ok, c = pcall(core.query_key, self.key, self.name, op, values)
	if not ok then
		local why = util.reason(c)
		util.fail("%s%s", why:find("^q%.") and "" or ("q.%s: "):format(self.key), why)
	end
	return new { c = c }
end

function Q.__call(self, value, text, ...)
	if not rawget(self, "key") then
		util.fail("this query is complete and takes no further value")
	elseif TAKES_NAME[self.key] and not self.name then
		rawset(self, "used", true)
		if type(value) == "table" and getmetatable(value) == nil and #value > 0 and text == nil then
			local any
			for _, name in ipairs(value) do
				any = any and any | self(name) or self(name)
			end
			return any
		elseif type(value) ~= "string" then
			util.fail("q.%s: a name is expected, not %s", self.key, util.describe(value))
		end
		local named = new { key = self.key, name = value }
		node(named) -- a name that is none is told here
		if text ~= nil then
			return refine(named, nil, text)
		end
		return named
	elseif value == nil then
		util.fail("q.%s(nil): a value is expected; for \"is present\" write q.%s alone", self.key,
			self.key)
	elseif select("#", ...) > 0 or text ~= nil then
		util.fail("q.%s takes one value; for any of several write q.%s { \"a\", \"b\" }", self.key,
			self.key)
	end
	return refine(self, nil, value)
end

local methods = {}

--- Runs the query here on a message.
--- @return boolean
function methods.test(self, msg)
	if not is_query(self) then
		util.fail("write query:test(msg) with a colon")
	elseif type(msg) ~= "userdata" then
		util.fail("test: a message is expected, not %s", util.describe(msg))
	end
	core.gate()
	return use(self):test(msg)
end

for _, op in ipairs(OPS) do
	methods[op] = function(self, value, ...)
		if not is_query(self) then
			util.fail("write q.key:%s(value) with a colon", op)
		elseif not rawget(self, "key") then
			util.fail(":%s refines a key, not a whole query", op)
		elseif select("#", ...) > 0 then
			util.fail("q.%s:%s takes one value", self.key, op)
		elseif TAKES_NAME[self.key] and not self.name then
			util.fail("q.%s needs a name first: q.%s(\"X-Name\"):%s(...)", self.key, self.key, op)
		end
		return refine(self, op, value)
	end
end

function Q.__index(self, key)
	if key == "key" or key == "name" or key == "c" then
		return nil
	end
	local method = methods[key]
	if method then
		return method
	end
	util.fail("query: no method '%s'%s", tostring(key), util.hint(key, util.names(methods)))
end

local query = {}

--- What a condition may be: a query, or a table of keys.
function query.coerce(value, what)
	if is_query(value) then
		return use(value)
	elseif type(value) == "table" and getmetatable(value) == nil then
		return use(query.from_table(value))
	end
	util.fail("%s: a query is expected, not %s%s", what, util.describe(value),
		type(value) == "boolean" and "; \"not\" gives a boolean, write ~q.key" or "")
end

local function operand(a, b, sign)
	local function check(side, x)
		if not is_query(x) and not (type(x) == "table" and getmetatable(x) == nil) then
			util.fail("the %s operand of %s is %s, a query is expected; \"not\", \"and\" and "
				.. "\"or\" do not work on queries: write ~ & |", side, sign, util.describe(x))
		end
	end
	check("left", a)
	check("right", b)
	return query.coerce(a, sign), query.coerce(b, sign)
end

local function combine(make, a, b, sign)
	local x, y = operand(a, b, sign)
	local ok, c = pcall(make, x, y)
	if not ok then
		util.fail("%s", util.reason(c))
	end
	return new { c = c }
end

function Q.__band(a, b)
	return combine(core.query_and, a, b, "&")
end

function Q.__bor(a, b)
	return combine(core.query_or, a, b, "|")
end

function Q.__bnot(a)
	local ok, c = pcall(core.query_not, use(a))
	if not ok then
		util.fail("%s", util.reason(c))
	end
	return new { c = c }
end

function Q.__tostring(self)
	return tostring(use(self))
end

function Q.__newindex(_, key)
	util.fail("a query cannot be changed ('%s')", tostring(key))
end

local function wrong_sign()
	util.fail("queries are combined by & (and), | (or) and ~ in front (not)")
end
for _, event in ipairs { "add", "sub", "mul", "div", "mod", "pow", "unm", "idiv", "bxor", "shl",
	"shr", "len" } do
	Q["__" .. event] = wrong_sign
end

local function compared()
	util.fail("queries cannot be compared; use q.larger(size), q.before(date) and the like")
end
Q.__lt, Q.__le = compared, compared

function Q.__concat()
	util.fail("queries cannot be joined with ..; write & (and) or | (or)")
end

local function check_key(key)
	if not KEY[key] and key ~= "where" then
		util.fail("no search key '%s'%s", tostring(key), util.hint(key, WORDS))
	end
end

local function field(key, value)
	if key == "header" and type(value) == "table" and getmetatable(value) == nil and #value == 0 then
		local all
		for _, name in ipairs(util.names(value)) do
			local text = value[name]
			local named = new { key = "header", name = name }
			local one = text == true and named or refine(named, nil, text)
			all = all and all & one or one
		end
		return all or new { c = core.query_all() }
	elseif TAKES_NAME[key] then
		return new { key = key }(value)
	elseif value == true then
		return new { key = key }
	elseif value == false then
		return ~new { key = key }
	elseif is_query(value) then
		util.fail("q { %s = ... }: a text is expected, not a query", key)
	end
	return refine(new { key = key }, nil, value)
end

--- q { from = {"a", "b"}, unseen = true } is all of them.
function query.from_table(t)
	local keys, all = {}, nil
	for key in pairs(t) do
		if type(key) ~= "string" then
			util.fail("a query table has keys by name: { from = \"x\", unseen = true }")
		end
		check_key(key)
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for _, key in ipairs(keys) do
		local one
		if key == "where" then
			one = query.q.where(t[key])
		elseif (key == "all" or key == "none") and t[key] == true then
			one = query.q[key]
		else
			one = field(key, t[key])
		end
		all = all and all & one or one
	end
	return all or new { c = core.query_all() }
end

local q = {}

--- A function as a condition: called with the message, last of all.
local function where(fn)
	if type(fn) ~= "function" then
		util.fail("q.where: a function is expected, not %s", util.describe(fn))
	end
	return new { c = core.query_where(fn) }
end

query.q = setmetatable(q, {
	__name = "mail.q",
	__index = function(_, key)
		if key == "where" then
			return where
		elseif key == "all" then
			return new { c = core.query_all() }
		elseif key == "none" then
			return new { c = core.query_none() }
		end
		check_key(key)
		return new { key = key }
	end,
	__newindex = function(_, key)
		util.fail("mail.q cannot be changed ('%s')", tostring(key))
	end,
	__call = function(_, t)
		if type(t) ~= "table" or getmetatable(t) then
			util.fail("q { ... } takes a table of keys, not %s", util.describe(t))
		end
		return query.from_table(t)
	end,
})

query.is = is_query

--- A plain text with a star in it, in a search: said once, where it stands.
function query.warn_star(c)
	local star = core.query_star(c)
	if star then
		core.log("warn", ("%s: \"%s\" is looked for as it stands, star and all; for a pattern write "
			.. "q.key:glob \"%s\""):format(util.where(), star, star))
	end
end

--- At the load point: a query that nothing uses is a mistake.
function query.report_unused()
	for _, one in ipairs(built) do
		if not one.used then
			core.finding(false, one.where, "this query is used by nothing; between queries \"and\", "
				.. "\"or\" and \"not\" throw one of them away: write & | ~")
		end
	end
	built = {}
end

return query
