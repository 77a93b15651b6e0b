# The end: signals, the grace, and what the next start does.
# shellcheck shell=sh disable=SC2086,SC2154

case_term_when_idle()
{
	maildir Maildir
	rules 'home.inbox:rules { { "a", flag = "x" } }'
	for which in TERM INT; do
		start run rules.lua
		await "rule at work"
		begun=$(now_ms)
		signal $which
		ended 0
		[ $(($(now_ms) - begun)) -lt 5000 ] || fail "$which: an idle daemon took its time"
		said "ending: what is under way gets 10 s" "$LOG"
		said "judged 0" "$LOG"
	done
}

case_term_short_function()
{
	maildir Maildir
	rules 'home.inbox:on_new("short", function(msg)' \
	    'mail.log "begun"' 'mail.sleep(1)' 'msg:move "Box" end)'
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await begun
	signal TERM
	ended 0
	said "done: move to Box" "$LOG"
	holds Maildir/.Box 1
	mill 0 run --once rules.lua
	said "judged 0"
}

case_term_long_function()
{
	maildir Maildir
	rules 'home.inbox:on_new("long", function(msg)' \
	    'mail.log "begun"' 'if os.getenv "SLOW" then mail.sleep "1h" end' 'msg:move "Box" end)'
	export SLOW=1
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await begun
	begun=$(now_ms)
	signal TERM
	# Nothing new is taken meanwhile.
	sleep 0.2
	letter Maildir two
	ended 0
	took=$(($(now_ms) - begun))
	[ $took -ge 8000 ] || fail "the grace was only $took ms"
	[ $took -lt 20000 ] || fail "the end took $took ms"
	said 'home:INBOX/1: rule "long" was still at work and is given up; the next start judges' "$LOG"
	[ "$(count begun "$LOG")" = 1 ] || fail "a message was taken while ending"
	holds Maildir 2
	unset SLOW
	mill 0 run --once rules.lua
	said "judged 2"
	holds Maildir/.Box 2
}

case_term_twice()
{
	maildir Maildir
	rules 'home.inbox:on_new("long", function(msg)' \
	    'mail.log "begun"' 'mail.sleep "1h" end)'
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await begun
	begun=$(now_ms)
	signal TERM
	await "ending"
	signal INT
	ended 0
	[ $(($(now_ms) - begun)) -lt 8000 ] || fail "the second signal was not heard"
	said "asked twice" "$LOG"
}

case_once_ends()
{
	maildir Maildir
	rules 'home.inbox:on_new("wait", function(msg) mail.sleep(0.3) msg:flag "x" end)' \
	    'mail.every("1h", function() end)'
	mill 0 run --once rules.lua
	letter Maildir one
	mill 0 run --once rules.lua
	said "done: flag x"
}

# A child that a rule function waits for does not outlive the daemon.
case_term_with_child()
{
	maildir Maildir
	# shellcheck disable=SC2016	# the child expands it
	rules 'home.inbox:on_new("child", function(msg)' \
	    'mail.command { "sh", "-c", "echo $$ >child.new; mv child.new child; exec sleep ${SLOW:-0}", timeout = "10min" }' \
	    'msg:flag "x" end)'
	export SLOW=300
	start run rules.lua
	await "rule at work"
	letter Maildir one
	until_true test -e child
	child=$(cat child)
	signal TERM
	await ending
	signal TERM
	ended 0
	! kill -0 "$child" 2>/dev/null || fail "the child $child lives on"
	unset SLOW
	mill 0 run --once rules.lua
	said "done: flag x"
}

# Nothing that is under way in one account is lost because another one is idle.
case_term_between_accounts()
{
	maildir Maildir Maildir/.Kept Second
	cat >rules.lua <<-'END'
	local one = mail.maildir { name = "one", path = "Maildir" }
	local two = mail.maildir { name = "two", path = "Second", create = true }
	one.inbox:on_new("over", function(msg)
		mail.log "begun"
		mail.sleep(1)
		mail.log("there are", #two.inbox:search {})
		msg:copy "Kept"
		msg:move(two "From one")
	end)
	END
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await begun
	signal TERM
	ended 0
	said "there are 0" "$LOG"
	said "done: move to two:From one" "$LOG"
	holds "Second/.From one" 1
	holds Maildir/.Kept 1
	mill 0 run --once rules.lua
	said "judged 0"
}

case_term_while_loading()
{
	maildir Maildir
	rules 'local n = 0' 'while true do' 'n = n + 1' 'end'
	start run rules.lua
	sleep 0.3
	begun=$(now_ms)
	signal TERM
	ended 0
	[ $(($(now_ms) - begun)) -lt 4000 ] || fail "TERM was not heard while the file was loading"
}
