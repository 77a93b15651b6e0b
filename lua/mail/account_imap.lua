-- mail.imap: an account on a server.  What its options are, what they mean together, and
-- `like`, which takes those of another account.  A password never stands in an error.
local core = ...
local util = core.load "util"
local account = core.load "account"
local target = core.load "target"

local WHAT = "mail.imap"
local EXAMPLE = "mail.imap { name = \"work\", host = \"imap.example.com\", user = "
	.. "\"anna@example.com\", password = mail.secret.command { \"pass\", \"show\", \"work\" } }"

local OPTIONS = { name = "string", host = "string", port = "number", user = "string",
	password = "string userdata", oauth = "string userdata", tls = "string", ca_file = "string",
	fingerprint = "string table", insecure_plaintext = "boolean", timeout = "string number",
	max_connections = "number", create = "boolean string", trash = "string", tz = "string",
	login = "string", authorize = "string", like = "table" }

local PORTS = { implicit = 993, starttls = 143, none = 143 }
-- Of each pair one counts: an own one takes the place of an inherited other.
local EITHER = { { "password", "oauth" }, { "ca_file", "fingerprint" } }

local function fail(where, format, ...)
	util.fail_at(where, WHAT .. ": " .. format, ...)
end

-- ---- what is given

-- Before the types of all others are looked at: the value may be a secret and is not shown.
local function check_secret(options, key, where)
	local value = options[key]
	if value == nil or util.class_of(value) == "secret" then
		return
	elseif type(value) ~= "string" then
		fail(where, "%s must be a text or a mail.secret (.command .file .env .prompt), not %s", key,
			type(value) == "number" and "a number" or util.describe(value))
	elseif value == "" then
		fail(where, "%s is empty", key)
	elseif value:find "[%z\r\n]" then
		fail(where, "%s has a line break or NUL byte in it", key)
	end
end

local function check_text(options, key, where)
	local value = options[key]
	if value and (value == "" or value:find "%c") then
		fail(where, "%s is %s", key, value == "" and "empty" or "a text with control characters")
	end
end

local function check_host(host, where)
	local name, port = host:match "^([^:]*):(%d+)$"
	if host:find("/", 1, true) then
		fail(where, "host is a name or address, not a URL: \"%s\"", host)
	elseif name then
		fail(where, "host is a name or address without the port: host = \"%s\", port = %s", name, port)
	elseif host:find "[%[%]%s]" or #host > 253 then
		fail(where, "host is no name or address of a server: \"%s\"", host:sub(1, 260))
	end
end

local function check_integer(options, key, low, high, where)
	local value = options[key]
	if value and (math.type(value) ~= "integer" or value < low or value > high) then
		fail(where, "%s is a whole number from %d to %d, not %s", key, low, high, tostring(value))
	end
end

local function check_fingerprint(value, where)
	for key, one in pairs(type(value) == "table" and value or { value }) do
		if math.type(key) ~= "integer" or type(one) ~= "string" then
			fail(where, "fingerprint is a text or a list of texts, not %s",
				util.describe(type(one) ~= "string" and one or value))
		end
	end
	if type(value) == "table" and #value == 0 then
		fail(where, "fingerprint is an empty list")
	end
end

local function check_pairs(options, where)
	for _, pair in ipairs(EITHER) do
		if options[pair[1]] and options[pair[2]] then
			fail(where, "%s and %s exclude each other: keep one of them", pair[1], pair[2])
		end
	end
	for _, key in ipairs { "ca_file", "fingerprint" } do
		if options[key] and options.tls == "none" then
			fail(where, "%s has nothing to verify with tls = \"none\"", key)
		end
	end
end

local function check_like(other, where)
	local _, kind = account.options(other)
	if other ~= nil and not kind then
		fail(where, "like is another account, as in like = work, not %s", util.describe(other))
	elseif kind and kind ~= "imap" then
		fail(where, "like takes the options of another mail.imap account; \"%s\" is a mail.%s",
			other.name, kind)
	end
end

local function check(options, where)
	if type(options) == "table" then
		check_secret(options, "password", where)
		check_secret(options, "oauth", where)
		check_like(options.like, where)
	end
	util.check_keys(WHAT, options, OPTIONS, where)
	for _, key in ipairs { "host", "user", "login", "authorize", "ca_file", "trash" } do
		check_text(options, key, where)
	end
	check_integer(options, "port", 1, 65535, where)
	check_integer(options, "max_connections", 1, 50, where)
	if options.host then
		check_host(options.host, where)
	end
	if options.tls and not PORTS[options.tls] then
		fail(where, "tls is \"implicit\", \"starttls\" or \"none\", not \"%s\"%s", options.tls,
			util.hint(options.tls, util.names(PORTS)))
	end
	if type(options.create) == "string" and options.create ~= "subscribed" then
		fail(where, "create is true, false or \"subscribed\", not \"%s\"%s", options.create,
			util.hint(options.create, { "subscribed" }))
	end
	if options.timeout then
		local ms = util.duration(options.timeout, WHAT .. ": timeout")
		if ms < 1000 or ms > 600000 then
			fail(where, "timeout is a duration from \"1s\" to \"10min\", not %s",
				util.describe(options.timeout))
		end
	end
	if options.fingerprint then
		check_fingerprint(options.fingerprint, where)
	end
	check_pairs(options, where)
end

-- ---- what is meant

-- The options with those of `like` where they have none; never its name.
local function inherit(options)
	local all = {}
	for key, value in pairs(options.like and account.options(options.like) or {}) do
		all[key] = value
	end
	for _, pair in ipairs(EITHER) do
		if options[pair[1]] or options[pair[2]] then
			all[pair[1]], all[pair[2]] = nil, nil
		end
	end
	if options.tls == "none" then
		all.ca_file, all.fingerprint = nil, nil
	end
	all.name = nil
	for key, value in pairs(options) do
		all[key] = value
	end
	all.like = nil
	return all
end

local function is_loopback(host)
	return host:lower() == "localhost" or host == "::1" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

local function check_whole(options, where)
	for _, key in ipairs { "name", "host", "user" } do
		if not options[key] then
			fail(where, "%s is missing, as in %s", key, EXAMPLE)
		end
	end
	if not options.password and not options.oauth then
		fail(where, "password is missing: a text, or better mail.secret.command { \"pass\", \"show\", "
			.. "\"%s\" }, mail.secret.file, mail.secret.env or mail.secret.prompt; for an access token "
			.. "oauth in its place", options.name)
	end
	if options.tls == "none" and not options.insecure_plaintext and not is_loopback(options.host) then
		fail(where, "tls = \"none\" would send the password to %s for everybody on the way to read; "
			.. "leave tls out (port 993) or take \"starttls\"; insecure_plaintext = true allows it all "
			.. "the same", options.host)
	end
end

-- What core.declare_account takes.
local function declaration(options, where)
	local tls, pins = options.tls or "implicit", options.fingerprint
	local login = options.login
	return { kind = "imap", name = options.name, where = where, trash = options.trash,
		tz = options.tz, create = options.create and true or false,
		subscribe = options.create == "subscribed",
		host = options.host, port = options.port or PORTS[tls], tls = tls,
		ca_file = options.ca_file and target.absolute(options.ca_file),
		fingerprints = type(pins) == "string" and { pins } or pins,
		insecure_plaintext = options.insecure_plaintext,
		timeout = options.timeout and util.duration(options.timeout, WHAT .. ": timeout"),
		max_connections = options.max_connections,
		-- Whoever signs in as another acts for the mailbox's user.
		user = login or options.user, authorize = options.authorize or login and options.user,
		password = options.password, token = options.oauth }
end

--- mail.imap { name = "work", host = "imap.example.com", user = "anna", password = ... }
--- @param options table  see doc/reference.md, Accounts
--- @return table account
return function(options)
	local where = util.where()
	check(options, where)
	local all = inherit(options)
	check_whole(all, where)
	check_pairs(all, where)
	account.check(WHAT, all.name, where)
	return account.declare(WHAT, declaration(all, where), all)
end
