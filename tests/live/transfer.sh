# Several accounts in one process, and mail that goes from one to another.
# shellcheck shell=sh disable=SC2016,SC2086,SC2154

# hard_mail FOLDER: bytes that are easily changed on the way.
hard_mail()
{
	head='From: a@example.com\nMessage-ID: <%s@example.com>\nSubject: %s\n'
	# shellcheck disable=SC2059	# formats
	{
		printf "$head\n" dots dots >"$1/new/1.h"
		printf '.\n..\nFrom the start\n. \n\n\n' >>"$1/new/1.h"
		printf "${head}X-Raw: \\377\\376 \\303\\244\n\n\\000-free \\200\\377 bytes" eight eight |
		    tr -d '\000' >"$1/new/2.h"
		printf "$head\n" empty empty >"$1/new/3.h"
		printf "$head\n%s\n" long long "$(head -c 100000 /dev/zero | tr '\0' x)" >"$1/new/4.h"
		printf "$head\nno end of line at the end" open open >"$1/new/5.h"
		printf "$head\n" large large >"$1/new/7.h"
		awk 'BEGIN { for (i = 0; i < 50000; i++) print "line", i, "of a text that is spooled" }' \
		    >>"$1/new/7.h"
		printf "${head}X-Fold: a\n\tb\n  c\n\n{3}\nabc)\n* 1 EXISTS\n" braces braces >"$1/new/6.h"
	}
}

# contents SERVER USER MAILBOX: every byte, in the order of subjects.
contents()
{
	for subject in $(list $1 $2 "$3" hdr.subject | sort); do
		echo "=== $subject"
		adm $1 -f pager fetch -u $2 text mailbox "$3" header subject "$subject"
	done
}

case_two_accounts_and_a_maildir()
{
	server a
	server b
	maildir Local
	script "$(account one a anna 'create = true')" "$(account two b ben 'create = true')" \
	    'local here = mail.maildir { name = "here", path = "Local", create = true }' \
	    'for _, account in ipairs { one, two, here } do account.inbox:rules { { "all", move = "Box" } } end'
	start run rules.lua
	await "one:INBOX: watched by IDLE"
	await "two:INBOX: watched by IDLE"
	await "at work" 3
	letter "$(inbox a anna)" to-one
	letter "$(inbox b ben)" to-two
	letter Local to-here
	await "done: move to Box" 3
	must_hold a anna Box to-one
	must_hold b ben Box to-two
	holds Local/.Box 1
	# One server goes; the others do not care.
	server_stop a
	await "one: the connection was lost"
	letter "$(inbox b ben)" again-two
	letter Local again-here
	await "done: move to Box" 5
	must_hold b ben Box "to-two again-two"
	letter "$(inbox a anna)" again-one
	server_start a || fail "server a does not come up"
	await "done: move to Box" 6
	must_hold a anna Box "to-one again-one"
	stop
	said "actions done 6, failed 0, held 0" "$LOG"
}

case_move_across()
{
	server a
	server b
	hard_mail "$(inbox a anna)"
	adm a flags add -u anna '\Flagged Kept' mailbox INBOX header subject dots
	list a anna INBOX hdr.subject date.received.unixtime | sort >dates
	contents a anna INBOX >before
	script "$(account one a anna)" "$(account two b ben 'create = true')" \
	    'one.inbox:rules { { "all", move = two "From Anna" } }'
	mill 0 run --once --existing rules.lua
	in_box a anna INBOX 0 || fail "not all have gone"
	contents b ben "From Anna" >after
	cmp before after || fail "bytes have changed"
	list b ben "From Anna" hdr.subject flags | grep dots | grep Kept | grep -q Flagged ||
	    fail "the flags have not come along"
	list b ben "From Anna" hdr.subject date.received.unixtime | sort | cmp -s - dates ||
	    fail "the time of arrival is another"
}

case_to_maildir_and_back()
{
	server a
	server b
	hard_mail "$(inbox a anna)"
	contents a anna INBOX >before
	script "$(account one a anna)" "$(account two b ben 'create = true')" \
	    'local here = mail.maildir { name = "here", path = "Local", create = true }' \
	    'print("out", one.inbox:search():move(here "Way"):must().done)' \
	    'print("back", here "Way":search():move(two "Home"):must().done)'
	mill 0 exec rules.lua
	said "out	7"
	said "back	7"
	in_box a anna INBOX 0 || fail "not all have gone"
	holds Local/.Way 0
	contents b ben Home >after
	cmp before after || fail "bytes have changed"
}

# The target breaks off again and again, then the source: nothing is lost, nothing is in the
# target twice.
case_move_across_cut()
{
	server a
	server b
	line a
	line b
	for n in $(seq 60); do
		letter "$(inbox a anna)" "n$n"
	done
	script "$(account one a anna)" "$(account two b ben 'create = true')" \
	    'one.inbox:rules { { "all", move = two "Box" } }'
	start run --verbose --existing rules.lua
	round=0
	while [ $round -lt 8 ]; do
		round=$((round + 1))
		sleep "0.0$((round % 4 + 1))"
		break_line b
		[ $((round % 3)) != 0 ] || break_line a
	done
	settled()
	{
		[ $(($(amount b ben Box) + $(count ": held" "$LOG"))) -ge 60 ]
	}
	# What failed twice waits for a minute.
	patiently 75 settled
	{
		list a anna INBOX hdr.subject
		list b ben Box hdr.subject
	} | sort -u >all
	[ "$(wc -l <all)" = 60 ] || fail "$(wc -l <all) of 60 are left" all
	[ -z "$(list b ben Box hdr.subject | sort | uniq -d)" ] || fail "some are there twice"
	signal TERM
	wait "$keeper"
	daemon=
	keeper=
}
