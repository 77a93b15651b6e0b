-- mode: existing
-- maildir: sample
-- expect: exit 1
-- output: home:INBOX/6
-- output: no mailbox 'Missing' in account 'home'; create = true makes it
local t = require "t"
local q = mail.q
local home = t.home()
local other = mail.maildir { name = "other", path = "other", create = true, trash = "Bin" }
local function rule(name, uid, more)
	more[1], more.when, more.existing = name, q.uid(uid), true
	return more
end
home.inbox:rules {
	rule("unflag", 1, { unflag = { "seen" }, flag = "Unseen" }),
	rule("replace", 2, { replace = "Subject: replaced\r\n\r\nnew\r\n" }),
	rule("expunge", 3, { expunge = true }),
	rule("to another account", 4, { move = other "Work/boss" }),
	rule("copy to a role elsewhere", 5, { copy = other.trash }),
	rule("missing", 6, { move = "Missing" }),
	rule("save", 7, { save = "~/a/b/", flag = "Saved" }),
	rule("off", 8, { move = false, delete = false, flag = "Only" }),
}

-- mode: exec
local t = require "t"
local q = mail.q
local home = t.home()
local other = mail.maildir { name = "other", path = "other", trash = "Bin" }
t.case("what the verbs did", function()
	t.eq(home.inbox:search(q.uid(1)):first().flags, { Unseen = true })
	t.eq(home.inbox:search(q.subject "replaced"):count(), 1)
	t.eq(home.inbox:search(q.subject "patch"):count(), 0)
	t.eq(home.inbox:search(q.uid(3)):count(), 0)
	t.eq(other "Work/boss":search(q.flagged):first().subject, "Lunch?")
	t.eq(other "Bin":search():count(), 1)
	t.eq(home.inbox:search(q.uid(5)):count(), 1)
	t.eq(home.inbox:search(q.uid(6)):count(), 1)
	t.eq(t.read(os.getenv "HOME" .. "/a/b/1767830400-7.eml"):sub(1, 18), "From: Printer Desk")
	t.eq(home.inbox:search(q.uid(8)):first().flags, { Only = true })
end)
