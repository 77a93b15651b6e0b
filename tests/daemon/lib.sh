# What the cases share.  A case works in a folder of its own: $OUT is what the last `mill`
# printed, $LOG what the daemon of `start` has logged so far.  The first thing that is not
# as expected ends the case.
# shellcheck shell=sh disable=SC2034,SC2154

set_up()
{
	dir=$work/$name
	mkdir -p "$dir/home" "$dir/tmp" && cd "$dir" || exit 1
	OUT=$dir/out
	LOG=$dir/log
	export HOME="$dir/home" TMPDIR="$dir/tmp" MAILMILL_STATE="$dir/state" TZ=UTC LC_ALL=C
	unset MAILMILL_CONFIG XDG_CONFIG_HOME XDG_STATE_HOME NO_COLOR
	daemon=
	keeper=
	letters=0
	trap 'end_daemon; end_more' EXIT
	trap 'exit 1' TERM INT
}

end_daemon()
{
	[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null
	# `timeout` passes TERM on, and KILL 2 s later: it must live to do so.
	[ -z "$keeper" ] || kill -TERM "$keeper" 2>/dev/null
	[ -z "$keeper" ] || wait "$keeper" 2>/dev/null
	daemon=
	keeper=
}

# What else a group has running; its kit may define it anew.
end_more()
{
	:
}

finish()
{
	echo "ok $group/$name" >"$work/$name.result"
}

# fail WHY [FILE]: ends the case.
fail()
{
	{
		echo "not ok $group/$name: $1"
		for file in "${2-}" "$OUT" "$LOG"; do
			if [ -n "$file" ] && [ -s "$file" ]; then
				echo "  --- ${file##*/}"
				tail -40 "$file" | sed 's/^/  /'
			fi
		done
	} >"$work/$name.result"
	exit 1
}

# --- running it --------------------------------------------------------------------------

# mill CODE ARGUMENT...: to its end, which must be CODE.
mill()
{
	wanted=$1
	shift
	timeout -k 2 40 "$MAILMILL" "$@" >"$OUT" 2>&1 </dev/null
	code=$?
	[ "$code" = "$wanted" ] || fail "exit code $code, not $wanted: mailmill $*"
}

# start ARGUMENT...: in the background; $daemon is its process.
start()
{
	: >"$LOG"
	timeout -k 2 "$limit" "$MAILMILL" "$@" >>"$LOG" 2>&1 </dev/null &
	keeper=$!
	left=200
	daemon=
	# The keeper's child; the state's lock names it, unless it is the one before yet.
	until [ -n "$daemon" ]; do
		daemon=$(cat "$MAILMILL_STATE/state.lock" 2>/dev/null)
		[ -n "$daemon" ] && kill -0 "$daemon" 2>/dev/null || daemon=
		left=$((left - 1))
		[ $left -gt 0 ] || fail "the daemon did not come up: mailmill $*"
		[ -n "$daemon" ] || sleep 0.05
	done
}

# signal NAME: to the daemon.
signal()
{
	kill "-$1" "$daemon" || fail "the daemon is gone"
}

# ended CODE: waits for the daemon's end.
ended()
{
	wait "$keeper"
	code=$?
	daemon=
	keeper=
	[ "$code" = "$1" ] || fail "the daemon ended with $code, not $1"
}

stop()
{
	signal TERM
	ended "${1-0}"
}

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

# --- looking -----------------------------------------------------------------------------

# said TEXT [FILE]: stands in the output.
said()
{
	grep -qF -- "$1" "${2-$OUT}" || fail "no '$1' in ${2-the output}"
}

unsaid()
{
	! grep -qF -- "$1" "${2-$OUT}" || fail "'$1' in ${2-the output}"
}

# count TEXT FILE: lines with it.
count()
{
	grep -cF -- "$1" "$2" || :
}

# await TEXT [TIMES]: until the daemon has logged it so often (once).
await()
{
	left=300
	until [ "$(count "$1" "$LOG")" -ge "${2-1}" ]; do
		left=$((left - 1))
		[ $left -gt 0 ] || fail "the daemon has not said '$1' ${2-1} times within 15 s"
		kill -0 "$keeper" 2>/dev/null || [ "$(count "$1" "$LOG")" -ge "${2-1}" ] ||
		    fail "the daemon ended without '$1'"
		sleep 0.05
	done
}

# until_true COMMAND...: within 10 s.
until_true()
{
	left=200
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || fail "never true: $*"
		sleep 0.05
	done
}

# mails FOLDER: how many lie in it.
mails()
{
	find "$1/new" "$1/cur" -type f 2>/dev/null | wc -l | tr -d ' '
}

has()
{
	[ "$(mails "$1")" = "$2" ]
}

holds()
{
	has "$1" "$2" || fail "$(mails "$1") messages in $1, not $2"
}

# listing FOLDER...: every name, mode, size, time and byte below.
listing()
{
	find "$@" -printf '%p %y %m %s %i %T@\n' | sort
	find "$@" -type f -exec cksum {} + | sort
}

# --- mail and rules ----------------------------------------------------------------------

maildir()
{
	for folder; do
		mkdir -p "$folder/cur" "$folder/new" "$folder/tmp"
	done
}

# letter FOLDER SUBJECT: delivered as a mail server does it.
letter()
{
	letters=$((letters + 1))
	cat >"$1/tmp/$letters.M${letters}P$$.test" <<-END
	From: Anna <anna@example.com>
	To: me@example.org
	Subject: $2
	Date: Thu, 1 Jan 2026 10:12:01 +0000
	Message-ID: <$letters.$$@example.com>

	Text of letter $letters.
	END
	mv "$1/tmp/$letters.M${letters}P$$.test" "$1/new/"
}

# rules TEXT...: rules.lua over ./Maildir, whose account is `home`, its lines as given.
# Written to a new file and renamed over, as most editors do.
rules()
{
	{
		echo 'local mail, q = mail, mail.q; local home = mail.maildir { name = "home", path = "Maildir", create = true }'
		for text; do
			printf '%s\n' "$text"
		done
	} >rules.lua.new
	mv rules.lua.new rules.lua
}
