-- mode: exec
-- maildir: sample
local t = require "t"
local q = mail.q
local home = t.home()

t.case("output and code", function()
	local r = mail.command { "sh", "-c", "echo out; echo err >&2" }
	t.eq(r.out, "out\n")
	t.eq(r.err, "err\n")
	t.eq(r.code, 0)
	t.eq({ r.signal, r.timed_out }, { nil, false })
	t.raises(function() local _ = r.cod end, t.line(), "did you mean 'code'?")
	t.eq(mail.command { "sh", "-c", "exit 3", ok = { 0, 3 } }.code, 3)
	t.eq(mail.command { "sh", "-c", "exit 3", ok = 3 }.code, 3)
	t.eq(mail.command { "echo", "a b", "$HOME" }.out, "a b $HOME\n")
end)
t.case("stdin", function()
	t.eq(mail.command { "cat", stdin = "given" }.out, "given")
	t.eq(mail.command { "cat" }.out, "")
	local m = home.inbox:search(q.uid(8)):first()
	t.eq(mail.command { "cat", stdin = m }.out, m:raw())
	local big = ("0123456789"):rep(100000)
	t.eq(#mail.command { "cat", stdin = big }.out, 1000000)
end)
t.case("environment and folder", function()
	t.eq(mail.command { "sh", "-c", "echo $X", env = { X = "y" } }.out, "y\n")
	t.eq(mail.command { "pwd", cwd = "/" }.out, "/\n")
end)
t.case("failures", function()
	local e = t.raises(function() mail.command { "sh", "-c", "echo because >&2; exit 3" } end,
		t.line(-1), "sh ended with code 3: because")
	t.eq(e.code, "system")
	t.raises(function() mail.command { "sh", "-c", "kill -9 $$" } end, "signal 9")
	t.raises(function() mail.command { "/no/such/program" } end, "/no/such/program")
	t.raises(function() mail.command { "sleep", "60", timeout = "1s" } end,
		"sleep did not end within its time")
	t.raises(function() mail.command { "false" } end, "false ended with code 1")
end)
t.case("errors", function()
	t.raises(function() mail.command "ls" end, t.line(), "takes a table, not the text \"ls\"")
	t.raises(function() mail.command {} end, t.line(), "no program is named")
	t.raises(function() mail.command { "ls", 5 } end, t.line(), "argument 2 is 5")
	t.raises(function() mail.command { "ls", stdinn = "x" } end, t.line(),
		"unknown option 'stdinn'; did you mean 'stdin'?")
	t.raises(function() mail.command { "ls", timeout = "3m" } end, t.line(), "timeout")
	t.raises(function() mail.command { "ls", ok = "0" } end, t.line(), "ok must be a table or a number")
	t.raises(function() mail.command { "ls", max = "many" } end, t.line(), "mail.command: max:")
	t.raises(function() mail.command { "ls", stdin = 5 } end, t.line(), "stdin must be")
	t.raises(function() mail.command { "ls", env = { X = {} } } end, t.line(), "env is a table of NAME = text")
end)
t.case("others go on", function()
	local ticks = 0
	local ticker = mail.spawn(function()
		for _ = 1, 5 do
			mail.sleep(0.02)
			ticks = ticks + 1
		end
	end)
	mail.command { "sleep", "0.3" }
	t.eq(ticks, 5)
	ticker:wait()
end)
