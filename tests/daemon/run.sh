# mailmill run: the first run, catching up, dry runs, two at once, many mailboxes.
# shellcheck shell=sh disable=SC2086,SC2154

ONE_RULE='home.inbox:rules { { "a", move = "Box" } }'

case_first_run()
{
	maildir Maildir
	letter Maildir one
	letter Maildir two
	rules "$ONE_RULE"
	listing Maildir/new Maildir/cur >before
	mill 0 run --once rules.lua
	said "home:INBOX: first run: what is there (2) is left alone; run --existing takes it"
	listing Maildir/new Maildir/cur | cmp -s before - || fail "the first run touched old mail"
	letter Maildir three
	mill 0 run --once rules.lua
	unsaid "first run"
	said "judged 1, matched by rules 1, actions done 1, failed 0, held 0"
	holds Maildir 2
	holds Maildir/.Box 1
	mill 0 run --once rules.lua
	said "judged 0"
	# Rules that change make no new first run, and old mail stays done.
	rules 'home.inbox:rules { { "b", move = "Elsewhere" } }'
	mill 0 run --once rules.lua
	said "judged 0"
	mill 0 run --once --existing rules.lua
	said "not the first run: --existing takes nothing more"
	holds Maildir 2
}

case_existing()
{
	maildir Maildir
	letter Maildir one
	letter Maildir two
	rules "$ONE_RULE"
	mill 0 run --once --existing rules.lua
	said "home:INBOX: first run: taking what is there (2)"
	holds Maildir/.Box 2
	holds Maildir 0
	# A rule with existing = true takes it alone.
	maildir Maildir/.Other
	letter Maildir/.Other one
	letter Maildir/.Other two
	rules 'home "Other":rules { { "old", existing = true, flag = "Old" }, { "new", flag = "New" } }'
	mill 0 run --once rules.lua
	said "home:Other: first run: taking what is there (2)"
	[ "$(count ": old: flag Old" "$OUT")" = 2 ] || fail "not both by the rule 'old'"
	unsaid "flag New"
}

# Many that are held at once: the first few have a line, the others one together.
case_held_in_few_lines()
{
	maildir Maildir
	for n in $(seq 30); do
		letter Maildir "n$n"
	done
	cat >rules.lua <<-'END'
	local home = mail.maildir { name = "home", path = "Maildir" }
	home.inbox:rules { { "a", move = "Nowhere" } }
	END
	mill 1 run --once --existing rules.lua
	[ "$(count ": held: " "$OUT")" = 3 ] || fail "$(count ": held: " "$OUT") lines of 30 held"
	said "error: home:INBOX: 27 more messages are held; UID 4-30; the last: move to Nowhere: "
	said "failed 30, held 30"
	rm -rf state
	mill 1 run --once --existing --verbose rules.lua
	[ "$(count ": held: " "$OUT")" = 30 ] || fail "--verbose names not all of them"
	# Other reasons have lines of their own, up to ten.
	rm -rf state
	sed -i 's/"Nowhere"/"No\/{subject}"/' rules.lua
	mill 1 run --once --existing rules.lua
	[ "$(count ": held: " "$OUT")" = 10 ] || fail "$(count ": held: " "$OUT") lines of 30 reasons"
	said "error: home:INBOX: 20 more messages are held; UID "
}

case_dry_run()
{
	maildir Maildir
	letter Maildir one
	rules "$ONE_RULE"
	# Without a state yet.
	listing Maildir >before
	mill 0 run --once --dry-run --existing rules.lua
	said "home:INBOX/1: would move to Box"
	said "dry run: judged 1, matched by rules 1, actions that would be done 1"
	listing Maildir | cmp -s before - || fail "a dry run changed the Maildir"
	[ ! -e state ] || fail "a dry run made the state"
	# With one: it shows what the next run does.
	mill 0 run --once rules.lua
	letter Maildir two
	listing Maildir state >before
	mill 0 run --once --dry-run rules.lua
	said '"two" from anna@example.com: a: move to Box'
	unsaid '"one"'
	said "would move to Box"
	unsaid "done: move"
	listing Maildir state | cmp -s before - || fail "a dry run changed something"
	# Beside a daemon.
	start run rules.lua
	await "done: move to Box"
	listing Maildir >before
	mill 0 run --once --dry-run --existing rules.lua
	said "the state in $dir/state is in use"
	said "would move to Box"
	listing Maildir | cmp -s before - || fail "a dry run beside a daemon changed the Maildir"
	letter Maildir three
	await "done: move to Box" 2
	stop
	[ -z "$(ls tmp)" ] || fail "a dry run left something in TMPDIR"
}

case_dry_run_makes_nothing()
{
	mkdir elsewhere
	rules "$ONE_RULE"
	mill 0 run --once --dry-run rules.lua
	[ ! -e Maildir ] || fail "a dry run made the Maildir"
	said "$dir/Maildir"
	mill 0 run --once rules.lua
	[ -d Maildir/cur ] || fail "run did not make the Maildir"
}

case_dry_run_functions()
{
	maildir Maildir
	letter Maildir one
	rules 'home.inbox:on_new("code", function(msg)' \
	    'mail.store "seen":incr "n"' \
	    'msg:save "saved/"' 'msg:flag "x"' 'msg:move "Box" end)' \
	    'mail.spawn(function() home.inbox:search {}:flag "y" end)'
	mill 0 run --once rules.lua
	letter Maildir two
	listing Maildir state >before
	mill 0 run --once --dry-run rules.lua
	said "code: save $dir/saved/, flag x, move to Box"
	listing Maildir state | cmp -s before - || fail "a dry run changed something"
	[ ! -e saved ] || fail "a dry run saved a file"
}

case_second_run()
{
	maildir Maildir
	rules "$ONE_RULE"
	start run rules.lua
	await "at work"
	mill 75 run rules.lua
	said "error: the state in $dir/state is in use by process $daemon"
	mill 75 run --once rules.lua
	mill 0 check rules.lua
	letter Maildir one
	await "done: move to Box"
	stop
	# A daemon that was killed leaves no lock that counts.
	start run rules.lua
	await "at work"
	kill -KILL "$daemon"
	wait "$keeper" 2>/dev/null
	mill 0 run --once rules.lua
}

case_several_mailboxes()
{
	maildir Maildir Second Third
	cat >rules.lua <<-'END'
	local one = mail.maildir { name = "one", path = "Maildir", create = true }
	local two = mail.maildir { name = "two", path = "Second", create = true }
	local three = mail.maildir { name = "three", path = "Third", create = true }
	local set = mail.rules { { "shared", flag = "Shared" } }
	one.inbox:rules(set, { { "over", when = mail.q.subject "over", move = two "From one" } })
	two.inbox:rules(set)
	two "From one":rules(set)
	three.inbox:rules(set)
	one "Later":rules { { "late", flag = "Late" } }
	END
	start run rules.lua
	await "rule at work" 2
	await "2 rules at work"
	letter Maildir plain
	letter Second plain
	letter Third plain
	for account in one two three; do
		await "$account:INBOX/1: done: flag Shared"
	done
	letter Maildir over
	await "one:INBOX/2: done: move to two:From one"
	until_true has Second/.From\ one 1
	# One breaks: the others go on, and it comes back.
	mv Third Third.gone
	letter Maildir "still there"
	letter Second "still there"
	await "one:INBOX/3: done: flag Shared"
	await "two:INBOX/2: done: flag Shared"
	await "three:INBOX: "
	mv Third.gone Third
	letter Third "back again"
	await "three:INBOX/2: done: flag Shared"
	# A mailbox that did not exist when its rules began.
	maildir Maildir/.Later
	letter Maildir/.Later "late"
	await "one:Later/1: done: flag Late"
	stop
	unsaid "error" "$LOG"
}

case_broken_mailbox()
{
	maildir Maildir Maildir/.Shut Second
	cat >rules.lua <<-'END'
	local one = mail.maildir { name = "one", path = "Maildir" }
	local two = mail.maildir { name = "two", path = "Second" }
	for _, box in ipairs { one.inbox, one "Shut", two.inbox } do
		box:rules { { "a", flag = "x" } }
	end
	END
	chmod 000 Maildir/.Shut/cur
	start run rules.lua
	await "one:Shut: "
	letter Maildir one
	letter Second one
	await "one:INBOX/1: done: flag x"
	await "two:INBOX/1: done: flag x"
	chmod 700 Maildir/.Shut/cur
	letter Maildir/.Shut one
	stop
	mill 0 run --once rules.lua
}

case_program_goes_on()
{
	maildir Maildir
	rules 'local n = 0' \
	    'home.inbox:rules { { "a", run = function() n = n + 1 end } }' \
	    'mail.log "loaded"' \
	    'mail.sleep(0.2)' \
	    'mail.log "behind the load point"' \
	    'while n == 0 do mail.sleep(0.05) end' \
	    'mail.log("counted", n)'
	start run rules.lua
	await "behind the load point"
	letter Maildir one
	await "counted 1"
	letter Maildir two
	sleep 0.3
	kill -0 "$daemon" || fail "the daemon ended though it has rules"
	stop
}

case_timers_keep_it_alive()
{
	cat >timers.lua <<-'END'
	local n = 0
	mail.every(0.1, function()
		n = n + 1
		mail.log("tick", n)
		if n == 2 then
			error "the second one fails"
		end
	end)
	END
	start run timers.lua
	await "tick 4"
	said "the second one fails" "$LOG"
	said "timers.lua:6: " "$LOG"
	stop 1
	# --once waits for no timer.
	mill 0 run --once timers.lua
}

case_nothing_left()
{
	printf 'mail.sleep(0.05)\nmail.log "that was all"\n' >short.lua
	mill 0 run short.lua
	said "that was all"
	said "no rules and no timers are left: the end"
	printf 'mail.at(mail.now() + 0.2, function() mail.log "at its time" end)\n' >at.lua
	mill 0 run at.lua
	said "at its time"
	said "the end"
}

case_one_maildir_twice()
{
	maildir Maildir
	ln -s Maildir Link
	for path in Maildir Maildir/ ./Maildir/../Maildir Link; do
		cat >rules.lua <<-END
		local a = mail.maildir { name = "a", path = "Maildir" }
		local b = mail.maildir { name = "b", path = "$path" }
		a.inbox:rules { { "x", flag = "x" } }
		END
		for word in check "run --once" exec; do
			mill 3 $word rules.lua
			said 'rules.lua:2: account "b" is the same Maildir as "a" (rules.lua:1)'
		done
	done
}

case_quiet_and_verbose()
{
	maildir Maildir
	letter Maildir one
	rules 'home.inbox:rules { { "a", existing = true, flag = "x" } }' 'mail.log.debug "for the curious"' \
	    'mail.log "by the way"' 'mail.log.warn "mind this"'
	mill 0 run --once --quiet rules.lua
	said "warn: mind this"
	unsaid "by the way"
	unsaid "at work"
	mill 0 run --once rules.lua
	said "by the way"
	unsaid "for the curious"
	mill 0 run --once -v rules.lua
	said "for the curious"
	! grep -q "$(printf '\033')" "$OUT" || fail "colours without a terminal"
}

case_endless_top_level()
{
	maildir Maildir
	rules 'local n = 0' 'while true do' 'n = n + 1' 'end'
	mill 3 check rules.lua
	said "ran for 5000 ms of CPU without a wait"
	grep -q 'rules\.lua:[345]: ' "$OUT" || fail "the loop's place is not named"
}
