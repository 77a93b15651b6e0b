# mailmill check: what can be known without touching mail.
# shellcheck shell=sh disable=SC2086,SC2154

case_check_ok()
{
	maildir Maildir
	letter Maildir one
	rules 'home.inbox:rules { { "a", when = q.subject "x", move = "X" }, { "b", flag = "y" } }' \
	    'home "Other":rules { { "c", flag = "z" } }'
	listing Maildir >before
	mill 0 check rules.lua
	said "rules.lua: 1 account, 3 rules on 2 mailboxes: ok"
	unsaid "error"
	unsaid "checked up to"
	listing Maildir | cmp -s before - || fail "check changed the Maildir"
	[ ! -e state ] || fail "check made a state"
	mill 0 check --json rules.lua
}

# The error names the line; a traceback would name it again, however FILE was given.
case_check_typo_in_one_line()
{
	maildir Maildir
	rules 'home.inbox:rules { { "a", mvoe = "X" } }'
	for file in rules.lua "$PWD/rules.lua"; do
		mill 3 check "$file"
		said "unknown key 'mvoe'; did you mean 'move'?"
		unsaid "stack traceback"
	done
}

case_check_findings()
{
	maildir Maildir
	rules 'local lost = q.subject "a" and q.subject "b"' \
	    'home.inbox:rules {' \
	    '{ "star", when = q.subject "50% off*", flag = "x" },' \
	    '{ "used", when = lost, flag = "x" },' \
	    '{ "all", move = "Y" },' \
	    '{ "never", when = q.subject "z", flag = "x" },' \
	    '}'
	mill 3 check rules.lua
	said "warn: rules.lua:2: "
	said "rules.lua:4: "
	said "rules.lua:7: rule \"never\""
	said "3 findings"
	cp "$OUT" text
	rules 'home.inbox:rules { { "old", when = q.older "3d", move = "Old" } }'
	mill 3 check rules.lua
	said "rules.lua:2: "
	said "after"
	rules 'home.inbox:rules { { "here", when = q.here "3d", move = "Old" } }'
	mill 3 check rules.lua
	said "after"
	rules 'local set = mail.rules { { "a", flag = "x" } }'
	mill 3 check rules.lua
	said "rules.lua:2: these rules are attached to no mailbox"
	rules 'home.inbox:rules { { "a", when = q.subject:matches "(", flag = "x" } }'
	mill 3 check rules.lua
	said "rules.lua:2: "
	rules 'home.inbox:rules { { "a", move = "X/{nosuch}" } }'
	mill 3 check rules.lua
	said "rules.lua:2: "
	said "nosuch"
	# Warnings do not keep the rules from running; errors do.
	rules 'local set = mail.rules { { "a", flag = "x" } }' 'home.inbox:rules { { "b", flag = "x" } }'
	mill 0 run --once rules.lua
	said "warn: rules.lua:2: these rules are attached to no mailbox"
	rules 'home.inbox:rules { { "old", when = q.older "3d", move = "Old" } }'
	mill 3 run --once rules.lua
	said "after"
	rules 'home.inbox:rules { { "twice", flag = "x" }, { "twice", flag = "y" } }'
	mill 3 check rules.lua
	said "twice"
}

case_check_load_point()
{
	maildir Maildir
	rules 'home.inbox:rules { { "a", flag = "x" } }' 'mail.sleep("1h")' 'home.nosuch()'
	mill 0 check rules.lua
	said "checked up to the first wait, rules.lua:3"
	rules 'home.inbox:rules { { "a", flag = "x" } }' 'print(#home.inbox:search {})' 'home.nosuch()'
	mill 0 check rules.lua
	said "checked up to the first wait, rules.lua:3"
}

# Nobody listens at port 1 of this machine.
AWAY='local work = mail.imap { name = "work", host = "127.0.0.1", port = 1, user = "anna", password = "x" }'

case_check_connect()
{
	maildir Maildir
	maildir Maildir/.Lists
	letter Maildir one
	rules 'home.inbox:rules { { "a", move = "Lists" } }'
	mill 0 check --connect rules.lua
	said "home: Maildir at "
	said "; 2 mailboxes; INBOX 1 message"
	[ ! -e state ] || fail "a state was made"
	# create = true makes what is missing; without it rules that name it are wrong.
	rules 'home.inbox:rules { { "a", move = "New" } }'
	mill 0 check --connect rules.lua
	sed 's/, create = true//; s/"New"/"Listz"/' rules.lua >other.lua
	mill 0 check other.lua
	mill 3 check --connect other.lua
	said 'other.lua:2: rule "a": account "home" has no mailbox "Listz"; did you mean "Lists"?'
	echo 'home.inbox:rules { { "t", delete = true } }' >>other.lua
	mill 3 check --connect other.lua
	said 'rule "t": account "home" has no mailbox for the trash'
	# An account that is away does not hold up the others.
	rules "$AWAY" 'home.inbox:rules { { "a", flag = "x" } }' 'work.inbox:rules { { "b", move = "Y" } }'
	mill 4 check --connect rules.lua
	said "home: Maildir at "
	said "error: work: 127.0.0.1:1: "
	holds Maildir 1
}

case_once_with_an_account_away()
{
	maildir Maildir
	rules "$AWAY" 'home.inbox:rules { { "a", move = "Box" } }' 'work.inbox:rules { { "b", move = "Y" } }' \
	    'work "@archive":rules { { "c", flag = "x" } }'
	mill 4 run --once rules.lua
	letter Maildir one
	mill 4 run --once rules.lua
	said "error: not all accounts could be used: work: 127.0.0.1:1: "
	said "actions done 1"
	holds Maildir/.Box 1
	mill 4 run --once --dry-run rules.lua
	rules "$AWAY" 'print(#work.inbox:search {})'
	mill 4 exec rules.lua
	said "127.0.0.1:1"
}
