# mailmill exec: a program to its end.
# shellcheck shell=sh disable=SC2086,SC2154

case_exec_arguments()
{
	echo 'print(#mail.args, ...)' >args.lua
	mill 0 exec args.lua one "two words" --json -- --once
	said "$(printf '5\tone\ttwo words\t--json\t--\t--once')"
	mill 0 exec args.lua
	said "0"
}

case_exec_codes()
{
	maildir Maildir
	letter Maildir one
	rules 'home.inbox:search(q.subject "one"):flag "x"' 'print "to its end"'
	mill 0 exec rules.lua
	said "to its end"
	rules 'mail.sleep(0.01)' 'error "on purpose"'
	mill 1 exec rules.lua
	said "rules.lua:3: on purpose"
	unsaid "stack traceback"	# it would name that line alone
	rules 'mail.sleep(0.01)' 'local function f() error "on purpose" end' 'f() print "x"'
	mill 1 exec rules.lua
	said "rules.lua:3: on purpose"
	said "stack traceback"
	rules 'error "while loading"'
	mill 3 exec rules.lua
	said "rules.lua:2: while loading"
	rules 'mail.spawn(function() error "in a task" end)' 'mail.sleep(0.05)'
	mill 1 exec rules.lua
	said "in a task"
	# Gone between the search and the verb: no failure.
	rules 'local set = home.inbox:search(q.subject "one")' 'print(#set)' \
	    'home.inbox:search(q.subject "one"):move "Box"' 'set:flag "x"' 'print "went on"'
	mill 0 exec rules.lua
	said "went on"
	letter Maildir two
	chmod 500 Maildir/.Box/tmp Maildir/.Box/new Maildir/.Box/cur
	rules 'home.inbox:search {}:copy "Box"' 'print "went on"'
	timeout -k 2 20 "$MAILMILL" exec rules.lua >"$OUT" 2>&1 </dev/null
	code=$?
	chmod 700 Maildir/.Box/tmp Maildir/.Box/new Maildir/.Box/cur
	[ "$code" = 6 ] || fail "exit code $code, not 6, when a copy failed"
	said "went on"
}

# A verb on many messages does not fill the log with one failure.
case_exec_many_failures()
{
	maildir Maildir
	for i in $(seq 105); do letter Maildir one; done
	rules 'print(home.inbox:search {}:flag "A-mark")' 'print(home.inbox:search {}:move "X/{cc}")'
	mill 6 exec rules.lua
	said "home:INBOX: move: 5 more stay where they are"
	lines=$(grep -c "stays where it is" "$OUT")
	[ "$lines" = 100 ] || fail "$lines lines about single messages, not 100"
	mill 6 exec --verbose rules.lua
	lines=$(grep -c "stays where it is" "$OUT")
	[ "$lines" = 105 ] || fail "$lines lines with --verbose, not 105"
}

case_exec_dry_run()
{
	maildir Maildir
	letter Maildir one
	rules 'home.inbox:search {}:move "Box"' 'print "went on"'
	listing Maildir >before
	mill 0 exec --dry-run rules.lua
	said "went on"
	said "would move to Box"
	listing Maildir | cmp -s before - || fail "exec --dry-run changed the Maildir"
	[ ! -e state/state.db ] || fail "exec --dry-run made a state"
	# Behind FILE it would be the program's, which would act.
	mill 2 exec rules.lua --dry-run
	said "write it before FILE"
	listing Maildir | cmp -s before - || fail "exec with --dry-run behind FILE changed the Maildir"
	echo 'print(...)' >args.lua
	mill 0 exec -- args.lua --dry-run
	said "--dry-run"
	rules 'home "New":create()' 'home.inbox:search {}:delete()'
	timeout 20 "$MAILMILL" exec --dry-run rules.lua >"$OUT" 2>&1 </dev/null
	listing Maildir | cmp -s before - || fail "exec --dry-run made a mailbox"
}

case_exec_beside()
{
	maildir Maildir
	letter Maildir one
	rules 'home.inbox:rules { { "a", flag = "x" } }'
	start run rules.lua
	await "left alone"
	cat >program.lua <<-'END'
	local home = mail.maildir { name = "home", path = "Maildir", create = true }
	print("found", #home.inbox:search(mail.q.subject "one"))
	home.inbox:search(mail.q.subject "one"):move "Box"
	END
	mill 0 exec program.lua
	said "$(printf 'found\t1')"
	holds Maildir/.Box 1
	[ -z "$(ls state/runs 2>/dev/null)" ] || fail "the run left something in state/runs"
	echo 'mail.store "s":set("a", 1)' >store.lua
	mill 75 exec store.lua
	said "store.lua:1: "
	said "mail.store"
	mill 0 exec program.lua
	said "$(printf 'found\t0')"
	letter Maildir two
	await '"two" from anna@example.com: a: flag x'
	stop
	mill 0 exec store.lua
}

case_exec_interrupted()
{
	maildir Maildir
	cat >program.lua <<-'END'
	local guard <close> = setmetatable({}, { __close = function() print "closed in order" end })
	io.stdout:write("begun\n")
	io.stdout:flush()
	mail.sleep "1h"
	END
	start exec program.lua
	await begun
	signal INT
	ended 1
	said "interrupted" "$LOG"
	said "closed in order" "$LOG"
	# One that catches everything ends as well.
	cat >program.lua <<-'END'
	io.stdout:write("begun\n")
	io.stdout:flush()
	while true do
		mail.try(mail.sleep, "1h")
	end
	END
	start exec program.lua
	await begun
	signal INT
	ended 1
}
