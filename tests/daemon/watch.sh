# The daemon at work: what arrives, rules that raise, rules that wait.
# shellcheck shell=sh disable=SC2086,SC2154

case_delivery_at_once()
{
	maildir Maildir
	rules 'home.inbox:rules { { "a", move = "Box" } }'
	start run rules.lua
	await "rule at work"
	letter Maildir first
	await "done: move to Box"
	# The best of some: the machine may be busy, a poll would be slow each time.
	best=99999
	for n in 1 2 3 4 5; do
		begun=$(now_ms)
		letter Maildir "number $n"
		until_true has Maildir/.Box $((n + 1))
		took=$(($(now_ms) - begun))
		[ $took -ge $best ] || best=$took
	done
	[ $best -lt 1000 ] || fail "at best $best ms from delivery to the move"
	# To cur, as a mail program does, and many at once.
	letter Maildir "by a copy"
	await "done: move to Box" 7
	for n in $(seq 60); do
		letter Maildir "flood $n"
	done
	until_true has Maildir/.Box 67
	holds Maildir 0
	stop
	said "judged 67, matched by rules 67, actions done 67, failed 0, held 0" "$LOG"
}

case_rule_that_raises()
{
	maildir Maildir
	rules 'local function deeper(msg) local x; return x.field end' \
	    'home.inbox:rules {' \
	    '{ "bad", when = q.subject "bad", run = function(msg)' \
	    'msg:flag "Never"' \
	    'deeper(msg)' \
	    'return 1 end },' \
	    '{ "good", move = "Box" } }'
	start run rules.lua
	await "rules at work"
	letter Maildir "bad one"
	await "raised"
	said 'home:INBOX/1 "bad one" from anna@example.com: rule "bad" raised: rules.lua:2: ' "$LOG"
	said "attempt to index a nil value (local 'x')" "$LOG"
	said "nothing was done, trying again in 5 s (1 of 3)" "$LOG"
	said "stack traceback" "$LOG"
	said "rules.lua:6: in function" "$LOG"
	letter Maildir "good one"
	await "INBOX/2: done: move to Box"
	await "(2 of 3)"
	unsaid "Never" "$LOG"
	holds Maildir 1
	stop 1
	said "judged 1, matched by rules 1, actions done 1, failed 2, held 0" "$LOG"
	# The second try's pause outlives a restart.
	mill 0 run --once rules.lua
	unsaid "raised"
}

case_rule_that_waits()
{
	maildir Maildir
	# Many wait side by side, and mail goes on past them; serial is one by one.
	rules 'home.inbox:rules {' \
	    '{ "slow", when = q.subject "slow", run = function(msg)' \
	    'mail.sleep(1) msg:move "Slow" end },' \
	    '{ "fast", move = "Fast" } }'
	start run rules.lua
	await "rules at work"
	begun=$(now_ms)
	for n in 1 2 3 4 5 6 7 8 9 10; do
		letter Maildir "slow $n"
	done
	letter Maildir "quick"
	await "done: move to Fast"
	[ "$(mails Maildir/.Slow)" = 0 ] || [ $(($(now_ms) - begun)) -ge 1000 ] ||
	    fail "a slow one was done early"
	until_true has Maildir/.Slow 10
	[ $(($(now_ms) - begun)) -lt 9000 ] || fail "the slow ones waited for each other"
	stop
}

case_runaway_rule()
{
	maildir Maildir
	rules 'home.inbox:rules {' \
	    '{ "mad", when = q.subject "mad", run = function(msg) while true do end end },' \
	    '{ "good", move = "Box" } }'
	start run rules.lua
	await "rules at work"
	letter Maildir "mad"
	letter Maildir "good"
	await "done: move to Box"
	await 'rule "mad" raised'
	letter Maildir "good"
	await "done: move to Box" 2
	stop 1
}

case_not_now_and_held()
{
	maildir Maildir
	rules 'home.inbox:rules {' \
	    '{ "wait", when = q.subject "later", run = function() mail.retry("the index is closed", "1h") end },' \
	    '{ "look", when = q.subject "odd", run = function() mail.hold "what is this?" end },' \
	    '{ "rest", flag = "Rest" } }'
	start run rules.lua
	await "rules at work"
	letter Maildir "later"
	letter Maildir "odd"
	letter Maildir "plain"
	await 'INBOX/1 "later" from anna@example.com: not now: the index is closed; again in 1h'
	await 'INBOX/2 "odd" from anna@example.com: held: what is this?'
	await "INBOX/3: done: flag Rest"
	stop 1
	# Neither is forgotten nor judged again too early.
	mill 0 run --once rules.lua
	said "judged 0"
}
