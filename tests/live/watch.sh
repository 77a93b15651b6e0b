# The daemon at work on a server: arrivals, and connections that go.
# shellcheck shell=sh disable=SC2086,SC2154

MOVE_ALL='home.inbox:rules { { "all", move = "Box" } }'

# watching SERVER [OPTION...]: a daemon that moves what comes to anna's INBOX, idling.
watching()
{
	where=$1
	shift
	script "$(account home "$where" anna 'create = true' "$@")" "$MOVE_ALL"
	start run --verbose rules.lua
	await "home:INBOX: watched by IDLE"
}

case_arrival()
{
	server a
	watching a
	letter "$(inbox a anna)" first
	await "done: move to Box"
	best=99999
	for n in 1 2 3 4 5; do
		begun=$(now_ms)
		letter "$(inbox a anna)" "number-$n"
		await "done: move to Box" $((n + 1))
		took=$(($(now_ms) - begun))
		[ $took -ge $best ] || best=$took
	done
	# A poll would be slow each time.
	[ $best -lt 5000 ] || fail "at best $best ms from delivery to the move"
	for n in $(seq 40); do
		letter "$(inbox a anna)" "flood-$n"
	done
	until_true in_box a anna Box 46
	in_box a anna INBOX 0 || fail "something is left"
	stop
	said "judged 46, matched by rules 46, actions done 46, failed 0, held 0" "$LOG"
}

# Catching up, oldest first, and nothing twice.
case_catch_up()
{
	server a
	letter "$(inbox a anna)" old
	script "$(account home a anna 'create = true')" \
	    'home.inbox:on_new("count", function(msg)' \
	    'print("seen", msg.uid, msg.subject) mail.store "n":incr(msg.subject) end)'
	mill 0 run --once rules.lua
	for n in 1 2 3 4 5 6 7 8 9; do
		letter "$(inbox a anna)" "n$n"
	done
	mill 0 run --once rules.lua
	sed -n 's/^seen	//p' "$OUT" >order
	sort -n order | cmp -s - order || fail "not the oldest first" order
	[ "$(wc -l <order)" = 9 ] || fail "not nine" order
	mill 0 run --once rules.lua
	said "judged 0"
	start run rules.lua
	await "watched by IDLE"
	letter "$(inbox a anna)" last
	await "seen	11	last"
	stop
	unsaid "seen	10	n9" "$LOG"
}

case_restart_while_idling()
{
	server a
	watching a
	letter "$(inbox a anna)" one
	await "done: move to Box"
	server_stop a
	await "the connection was lost"
	for n in 2 3 4; do
		letter "$(inbox a anna)" "n$n"
	done
	server_start a || fail "the server does not come up"
	await "done: move to Box" 4
	must_hold a anna Box "one n2 n3 n4"
	# Again, without the server's goodbye.
	server_crash a
	letter "$(inbox a anna)" n5
	server_start a || fail "the server does not come up"
	await "done: move to Box" 5
	letter "$(inbox a anna)" n6
	await "done: move to Box" 6
	must_hold a anna Box "one n2 n3 n4 n5 n6"
	in_box a anna INBOX 0 || fail "something is left"
	stop
	said "judged 6, matched by rules 6, actions done 6, failed 0, held 0" "$LOG"
}

case_kicked_while_idling()
{
	server a
	watching a
	adm a kick anna >kicked
	await "the connection was lost"
	letter "$(inbox a anna)" one
	await "done: move to Box"
	cut_off a anna
	letter "$(inbox a anna)" two
	await "done: move to Box" 2
	must_hold a anna Box "one two"
	stop
}

# Connections break again and again while there is work.  Nothing is lost and nothing is
# there twice; a move whose reply was lost may wait for a person.
case_kicked_at_work()
{
	server a
	line a
	script "$(account home a anna 'create = true')" \
	    'home.inbox:rules { { "all", flag = "Handled", copy = "Copies", move = "Box" } }'
	for n in $(seq 300); do
		letter "$(inbox a anna)" "n$n"
	done
	start run --verbose --existing rules.lua
	round=0
	while [ $round -lt 12 ]; do
		round=$((round + 1))
		sleep "0.0$((round % 5 + 1))"
		break_line a
	done
	settled()
	{
		held=$(count ": held" "$LOG")
		[ $(($(amount a anna Box) + held)) -ge 300 ]
	}
	# What failed twice waits for a minute.
	patiently 75 settled
	{
		list a anna INBOX hdr.subject
		list a anna Box hdr.subject
	} | sort >all
	[ "$(sort -u all | wc -l)" = 300 ] || fail "$(sort -u all | wc -l) of 300 are left" all
	[ -z "$(list a anna Box hdr.subject | sort | uniq -d)" ] || fail "some were moved twice"
	both=$(uniq -d all | wc -l)
	[ "$both" -le "$(count ": held" "$LOG")" ] || fail "$both are in both, and nothing says so" all
	letter "$(inbox a anna)" last
	await "/301: done: move to Box"
	signal TERM
	wait "$keeper"
	daemon=
	keeper=
	[ -z "$(list a anna Copies hdr.subject | sort | uniq -d)" ] || fail "some were copied twice"
}

# The server's process stands still and the connection stays: only silence tells.
case_half_open()
{
	server a
	script "$(account home a anna 'create = true' 'timeout = "2s"')" "$MOVE_ALL" \
	    'mail.every(0.5, function() print("messages", mail.try(function()' \
	    'return home "Trash":status().messages end)) end)'
	start run rules.lua
	await "home:INBOX: watched by IDLE"
	await "messages	true	0"
	# shellcheck disable=SC2046	# one word each
	kill -STOP $(sessions a anna)
	await "home: the connection was lost"
	asked=$(count "messages	true	0" "$LOG")
	await "messages	true	0" $((asked + 2))
	cut_off a anna
	letter "$(inbox a anna)" one
	await "done: move to Box"
	stop
}

case_term_while_idling()
{
	server a
	watching a
	begun=$(now_ms)
	stop
	[ $(($(now_ms) - begun)) -lt 5000 ] || fail "the end took $(($(now_ms) - begun)) ms"
	# With the server gone as well.
	start run rules.lua
	await "home:INBOX: watched by IDLE"
	# shellcheck disable=SC2046	# one word each
	kill -STOP $(sessions a anna)
	begun=$(now_ms)
	stop
	[ $(($(now_ms) - begun)) -lt 12000 ] || fail "the end took $(($(now_ms) - begun)) ms"
}

case_mailbox_comes_and_goes()
{
	server a
	adm a mailbox create -u anna News
	script "$(account home a anna 'create = true')" 'home "News":rules { { "all", move = "Box" } }'
	start run rules.lua
	await "home:News: watched by IDLE"
	letter "$(inbox a anna)/.News" one
	await "done: move to Box"
	adm a mailbox delete -u anna News
	await "home:News: there is no mailbox 'News' in account 'home'; its rules wait"
	adm a mailbox create -u anna News
	letter "$(inbox a anna)/.News" two
	# The source looks every 30 s.  What it holds by then is not new: it is another mailbox.
	patiently 75 grep -q "home:News: is there now" "$LOG"
	letter "$(inbox a anna)/.News" three
	await '"three" from anna@example.com: all: move to Box'
	await "done: move to Box" 2
	must_hold a anna News two
	must_hold a anna Box "one three"
	stop
}

# UIDs begin anew, as after a restore: what is there is not new, what comes is.
case_renumbered()
{
	server a
	letter "$(inbox a anna)" old
	script "$(account home a anna 'create = true')" "$MOVE_ALL"
	mill 0 run --once rules.lua
	server_stop a
	folder=$(inbox a anna)
	rm -f "$folder"/dovecot*
	letter "$folder" in-between
	sleep 1.1	# UIDVALIDITY counts seconds
	server_start a || fail "the server does not come up"
	mill 0 run --once rules.lua
	said "warn: home:INBOX: the server has renumbered its messages (UIDVALIDITY "
	said "; 2 messages): what is there is taken as known, only what comes from now on is new"
	[ "$(count renumbered "$OUT")" = 1 ] || fail "told twice"
	said "judged 0"
	must_hold a anna INBOX "old in-between"
	letter "$folder" new
	mill 0 run --once rules.lua
	said "judged 1,"
	must_hold a anna Box new
	# Under a daemon that watches.
	start run rules.lua
	await "watched by IDLE"
	server_stop a
	rm -f "$folder"/dovecot*
	sleep 1.1
	server_start a || fail "the server does not come up"
	await "UIDVALIDITY"
	letter "$folder" newer
	await "done: move to Box"
	stop
	must_hold a anna INBOX "old in-between"
	must_hold a anna Box "new newer"
}

# One connection for three mailboxes: they are looked at in turn.
case_one_connection()
{
	server a
	adm a mailbox create -u anna Lists News
	script "$(account home a anna 'max_connections = 1' 'create = true')" "$MOVE_ALL" \
	    'home "Lists":rules { { "l", move = "Box" } }' \
	    'home "News":rules { { "n", move = "Box" } }'
	start run rules.lua
	await "home:News: looked at every"
	await "at work" 3
	letter "$(inbox a anna)" one
	letter "$(inbox a anna)/.Lists" two
	letter "$(inbox a anna)/.News" three
	patiently 75 in_box a anna Box 3
	stop
	[ "$(grep -c 'Login: user=<anna>' "$(place a)/log")" = 1 ] || fail "more than one connection"
}

# New rules while it idles: the old ones end, the connection's mail goes on.
case_reload()
{
	server a
	watching a
	letter "$(inbox a anna)" one
	await "done: move to Box"
	script "$(account home a anna 'create = true')" 'home.inbox:rules { { "all", move = "Other" } }'
	signal HUP
	await "rules.lua: loaded again"
	letter "$(inbox a anna)" two
	await "done: move to Other"
	# A file that does not load leaves all as it is.
	script 'nonsense('
	signal HUP
	await "was not taken"
	letter "$(inbox a anna)" three
	await "done: move to Other" 2
	must_hold a anna Box one
	must_hold a anna Other "two three"
	stop
}

# Killed in the middle, and started again.
case_killed_at_work()
{
	server a
	for n in $(seq 140); do
		letter "$(inbox a anna)" "n$n"
	done
	script "$(account home a anna 'create = true')" \
	    'home.inbox:rules { { "all", flag = "Handled", copy = "Copies", move = "Box" } }'
	start run --verbose --existing rules.lua
	for round in 1 2 3 4 5 6; do
		for n in $(seq 10); do
			letter "$(inbox a anna)" "r$round-$n"
		done
		sleep "0.0$((round * 2 % 7 + 2))"
		signal KILL
		wait "$keeper" 2>/dev/null
		cat "$LOG" >>before
		start run --verbose --existing rules.lua
	done
	held()
	{
		cat before "$LOG" | sed -n 's/.*INBOX.\([0-9]*\)[: ].*held: .*/\1/p' | sort -u | wc -l
	}
	settled()
	{
		[ $(($(amount a anna Box) + $(held))) -ge 200 ]
	}
	# What failed twice waits for a minute.
	patiently 75 settled
	{
		list a anna INBOX hdr.subject
		list a anna Box hdr.subject
	} | sort >all
	[ "$(sort -u all | wc -l)" = 200 ] || fail "$(sort -u all | wc -l) of 200 are left" all
	[ -z "$(uniq -d all)" ] || fail "some are in both" all
	[ -z "$(list a anna Copies hdr.subject | sort | uniq -d)" ] || fail "some were copied twice"
	signal TERM
	wait "$keeper"
	daemon=
	keeper=
}

# Another program has taken the message while a rule thinks about it.
case_gone_meanwhile()
{
	server a
	script "$(account home a anna 'create = true')" 'home.inbox:on_new("slow", function(msg)' \
	    'print("thinks", msg.subject) mail.sleep(1) msg:move "Box" end)'
	start run rules.lua
	await "watched by IDLE"
	letter "$(inbox a anna)" one
	letter "$(inbox a anna)" two
	await "thinks" 2
	adm a expunge -u anna mailbox INBOX header subject one
	await "done: move to Box"
	until_true in_box a anna INBOX 0
	must_hold a anna Box two
	stop
	said "failed 0, held 0" "$LOG"
}

# A program beside the daemon, on the same mail.
case_exec_beside()
{
	server a
	watching a
	letter "$(inbox a anna)" one
	await "done: move to Box"
	mv rules.lua daemon.lua
	script "$(account home a anna 'create = true')" 'print(home "Box":search():move("Later"):must().done)'
	mv rules.lua program.lua
	mv daemon.lua rules.lua
	mill 0 exec program.lua
	must_hold a anna Later one
	letter "$(inbox a anna)" two
	await "done: move to Box" 2
	must_hold a anna Box two
	stop
}

# Another store than Maildir, whose UIDs and flags lie elsewhere.
case_sdbox()
{
	server a <<-END
	mail_location = sdbox:~/sdbox
	END
	script "$(account home a anna 'create = true')" \
	    'home.inbox:rules { { "all", flag = "Mine", move = "Box.with.dots/A" } }'
	start run rules.lua
	await "watched by IDLE"
	for n in 1 2 3; do
		printf 'From: a@example.com\nSubject: n%s\n\ntext\n' $n | adm a save -u anna
	done
	await "done: move to Box.with.dots/A" 3
	must_hold a anna Box.with.dots/A "n1 n2 n3"
	[ "$(list a anna Box.with.dots/A flags | grep -c Mine)" = 3 ] || fail "not flagged"
	restart a
	await "connected again"
	printf 'From: a@example.com\nSubject: n4\n\ntext\n' | adm a save -u anna
	await "done: move to Box.with.dots/A" 4
	stop
}
