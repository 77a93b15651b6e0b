-- mail.secret: where a password or token comes from.  A secret says where it looks, never
-- what it found; only an account's password and oauth take one.
local core = ...
local util = core.load "util"
local target = core.load "target"

local made = {}

--- mail.secret.command { "pass", "show", "mail/work" }: the first line of its output.
--- Run again before each sign-in; no shell.
function made.command(argv)
	if type(argv) ~= "table" then
		util.fail("mail.secret.command takes the program and its arguments as a list, as in "
			.. "mail.secret.command { \"pass\", \"show\", \"mail/work\" }, not a %s", type(argv))
	end
	for key, word in pairs(argv) do
		if math.type(key) ~= "integer" then
			util.fail("mail.secret.command: unknown option '%s'; it takes a list of texts",
				tostring(key))
		elseif type(word) ~= "string" then
			util.fail("mail.secret.command: argument %d is a %s, a text is expected", key, type(word))
		end
	end
	if #argv == 0 or argv[1] == "" then
		util.fail("mail.secret.command { \"program\", \"argument\", ... }: no program is named")
	end
	return util.within("mail.secret.command", core.secret, "command", argv)
end

local function of_text(kind, what, change)
	return function(text)
		if type(text) ~= "string" or text == "" then
			util.fail("mail.secret.%s: %s is expected, not %s", kind, what,
				text == "" and "an empty text" or util.describe(text))
		end
		return util.within("mail.secret." .. kind, core.secret, kind, change and change(text) or text)
	end
end

--- mail.secret.file "~/.config/mailmill/work": its first line; a file of ours, 0600.
made.file = of_text("file", "a file's path", target.absolute)
--- mail.secret.env "WORK_PW": an environment variable.
made.env = of_text("env", "the name of an environment variable")
--- mail.secret.prompt "Password of anna": asked for once, at the terminal.
made.prompt = of_text("prompt", "the text to ask with")

return setmetatable({}, {
	__name = "mail.secret",
	__index = function(_, key)
		local fn = made[key]
		if not fn then
			util.fail("mail.secret: no kind '%s'%s", tostring(key), util.hint(key, util.names(made)))
		end
		return fn
	end,
	__newindex = function(_, key)
		util.fail("mail.secret: '%s' cannot be set", tostring(key))
	end,
	__call = function()
		util.fail("mail.secret is no function: mail.secret.command, .file, .env or .prompt")
	end,
	__pairs = function() return next, made end,
})
