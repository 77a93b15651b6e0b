
-- ---- for tests/doc: remembers every name that the module checks or proposes

local seen = { section = "Broken" }
rawset(_G, "seen", seen)

local function note(section, names)
	for _, name in ipairs(names) do
		seen[#seen + 1] = section .. "\t" .. tostring(name):match("^@?(.*)$")
	end
end

-- What an error message would propose.
local hint = util.hint
function util.hint(word, names)
	note(seen.section, names)
	return hint(word, names)
end

local check_keys = util.check_keys
function util.check_keys(what, t, allowed, where)
	note(seen.section, util.names(allowed))
	return check_keys(what, t, allowed, where)
end

local SECTION = { mailbox = "Mailboxes", mailboxes = "Mailboxes", set = "Sets of messages",
	result = "Results", store = "The store", task = "Tasks" }

local class = util.class
function util.class(name, methods, fields)
	local mt = class(name, methods, fields)
	note(SECTION[name] or "Unknown class " .. name, util.names(methods))
	return mt
end

function seen.classes()
	for name, section in pairs { ["mail.message"] = "Messages", ["mail.part"] = "Parts",
		["mail.regex"] = "Patterns", ["mail.list"] = "Lists" } do
		note(section, util.names(core.methods(name)))
	end
	note("Queries", core.query_keys())
	note("Queries", core.query_ops())
end

return util
