#!/bin/sh
# The figures on a server: rules over a mailbox and a restart with nothing new over a line of 40 ms,
# in turns (the client speaks again after the server), bytes and seconds; from an arrival to
# its MOVE; an idle daemon with one account under TLS.  Debian's Dovecot, in a folder of its own
# on loopback.  Prints a table; asserts nothing.
# shellcheck disable=SC2154
set -eu
cd "$(dirname "$0")/../.."
mill=$PWD/build/mailmill
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
work=$(mktemp -d /tmp/mailmill-bench-XXXXXX)
a_pid='' proxy='' daemon=''
end()
{
	kill $proxy $daemon 2>/dev/null || true
	[ -z "$a_pid" ] || end_servers "$a_pid"
	rm -rf "$work"
}
trap end EXIT
fail() { echo "bench: $*" >&2; exit 1; }
if [ "$(id -u)" = 0 ]; then
	# Dovecot refuses to serve mail as root.
	chmod 755 "$work" && chown nobody "$work"
	exec setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env BENCH_WORK="$work" sh "$0"
fi
[ -z "${BENCH_WORK:-}" ] || { rmdir "$work"; work=$BENCH_WORK; }

. tests/live/dovecot.sh
mkdir "$work/servers"
make_certificates "$work/ca" >"$work/ca.log" 2>&1 || fail "no certificates"
cd - >/dev/null 2>&1 || cd "$(dirname "$mill")/.."
for tool in fill proxy; do
	${CC:-cc} -O2 -D_GNU_SOURCE -o "$work/$tool" "tests/bench/$tool.c"
done
server a <<-X
	mail_max_userip_connections = 100
X
"$work/proxy" 0 "$a_plain" 20 "$work/counts" >"$work/port" &
proxy=$!
until [ -s "$work/port" ]; do sleep 0.05; done

rules()	# PORT TLS USER
{
	cat <<-X
	local mail = require "mail"
	local q = mail.q
	local work = mail.imap { name = "work", host = "localhost", port = $1, $2 user = "$3",
	  password = "secret-$3", create = true }
	work.inbox:rules {
	  { "list", when = q.list_id:domain "lists.example.org", move = "Lists" },
	  { "sender", when = q.from "s7@", move = "Seven" },
	  { "spam", when = q.unseen & q.header("X-Spam-Score"):matches "^1[0-9]", flag = "flagged" },
	}
	X
}

counted()	# LABEL COMMAND...: turns and bytes of the line while it ran
{
	label=$1
	shift
	before=$(cat "$work/counts" 2>/dev/null || echo 0 0 0 0)
	begin=$(date +%s.%N)
	"$@" 2>"$work/err" || sed 's/^/    /' "$work/err"
	took=$(date +%s.%N)
	sleep 0.5
	echo "$label|$before $(cat "$work/counts") $begin $took" | awk -F'[| ]' '{
		n = NF - 9; label = $1; for (i = 2; i < n; i++) label = label " " $i
		printf "%-50s %7d %11d %11d %9.2f\n", label, $(NF-5) - $(NF-9), $(NF-4) - $(NF-8),
		    $(NF-3) - $(NF-7), $NF - $(NF-1) }'
}

printf '%-50s %7s %11s %11s %9s\n' "a line of 40 ms" turns "bytes up" "bytes down" seconds
for n in 1000 10000; do
	user=$([ $n = 1000 ] && echo anna || echo ben)
	mkdir -p "$(home a $user)"
	"$work/fill" "$(home a $user)/Maildir" $n
	rules "$(cat "$work/port")" 'tls = "none",' $user >"$work/$user.lua"
	counted "rule table over $n messages" \
	    "$mill" run --quiet --once --existing --state "$work/state-$user" "$work/$user.lua"
	counted "restart with nothing new, $n messages" \
	    "$mill" run --quiet --once --state "$work/state-$user" "$work/$user.lua"
done

# From "EXISTS" heard to "MOVE" said, and the two ways to and from the server.
rules "$(cat "$work/port")" 'tls = "none",' eve >"$work/eve.lua"
"$mill" run --wire --json --state "$work/state-eve" "$work/eve.lua" 2>"$work/wire" &
daemon=$!
until grep -q '"event"[^}]*idling\|C: [a-z0-9]* IDLE' "$work/wire"; do sleep 0.1; done
sleep 1
printf 'From: x@example.org\r\nList-Id: <dev.lists.example.org>\r\nSubject: y\r\n\r\nz\r\n' |
    adm a save -u eve
until grep -q 'C: [a-z0-9]* UID MOVE' "$work/wire"; do sleep 0.1; done
sleep 0.3
kill $daemon
wait $daemon 2>/dev/null || true
daemon=
sed -n 's/.*"time":"[^T]*T\([0-9:.]*\)Z\{0,1\}".*S: \* 1 EXISTS.*/\1/p' "$work/wire" | head -n 1 >"$work/t0"
sed -n 's/.*"time":"[^T]*T\([0-9:.]*\)Z\{0,1\}".*C: [a-z0-9]* UID MOVE.*/\1/p' "$work/wire" | head -n 1 >"$work/t1"
echo "$(cat "$work/t0") $(cat "$work/t1")" | awk '
	function s(t, p) { split(t, p, ":"); return p[1] * 3600 + p[2] * 60 + p[3] }
	{ printf "arrival to MOVE: %.2f round trips\n", (s($2) - s($1)) / 0.04 + 1 }'

# An idle daemon under TLS.
rules "$a_tls" "ca_file = \"$work/ca/ca.pem\"," eve >"$work/eve.lua"
"$mill" run --state "$work/state-eve" "$work/eve.lua" 2>"$work/log" &
daemon=$!
until grep -q 'at work' "$work/log"; do sleep 0.1; done
sleep 2
switches() { cat /proc/$daemon/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'; }
from=$(switches)
sleep "${BENCH_IDLE:-60}"
awk -v w=$(($(switches) - from)) -v s="${BENCH_IDLE:-60}" '
	/^VmRSS/ { r = $2 } /^RssAnon/ { a = $2 }
	END { printf "idle, one account under TLS: %.1f MB resident, %.1f MB of it private, %.1f wake-ups a minute\n",
	    r / 1024, a / 1024, w * 60 / s }' /proc/$daemon/status
