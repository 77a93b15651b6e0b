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
