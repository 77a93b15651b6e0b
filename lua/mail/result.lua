-- What a verb achieved: { done, gone, copied_only, failed, bytes, map }, and :must().
local core = ...
local util = core.load "util"

local result = {}
local methods = {}

--- Raises a mail.error when any message failed or was only copied; else returns itself.
function methods.must(self)
	if self.failed > 0 or self.copied_only > 0 then
		local first = rawget(self, "first")
		local ok, err = pcall(core.raise, "refused", ("%d of %d messages failed%s"):format(
			self.failed + self.copied_only, self.done + self.gone + self.failed + self.copied_only,
			first and ": " .. util.reason(first) or ""))
		if not ok then
			err.result, err.cause = self, first
			error(err, 0)
		end
	end
	return self
end

-- The counts stand in the table itself; here they are for "did you mean".
local RESULT = util.class("result", methods, { first = false, decided = false, done = false,
	gone = false, copied_only = false, failed = false, bytes = false, map = false })

function RESULT.__tostring(self)
	return ("%d done, %d gone, %d only copied, %d failed"):format(self.done, self.gone,
		self.copied_only, self.failed)
end

function result.new()
	return setmetatable({ done = 0, gone = 0, copied_only = 0, failed = 0, bytes = 0, map = {} },
		RESULT)
end

function result.add(total, one)
	for _, field in ipairs { "done", "gone", "copied_only", "failed", "bytes" } do
		total[field] = total[field] + one[field]
	end
	for from, to in pairs(one.map or {}) do
		total.map[from] = to
	end
	if one.first and not rawget(total, "first") then
		rawset(total, "first", one.first)
	end
	return total
end

--- One message more that failed.
function result.fail(total, err)
	total.failed = total.failed + 1
	if not rawget(total, "first") then
		rawset(total, "first", err)
	end
	core.partial()
end

--- What a verb returns in a rule function: decided, not done.
function result.decided()
	local r = result.new()
	rawset(r, "decided", true)
	return r
end

return result
