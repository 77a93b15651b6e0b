# What the cases share: the kit of tests/daemon/lib.sh, Dovecot, and rules over it.
# shellcheck shell=sh disable=SC2034,SC2154

# shellcheck source=tests/daemon/lib.sh
. "$here/../daemon/lib.sh"
# shellcheck source=tests/live/dovecot.sh
. "$here/dovecot.sh"

CA=$work/ca/ca.pem

end_more()
{
	for pid in $(cat "$work/servers/$$"-*/r/master.pid 2>/dev/null); do
		end_servers "$pid"
	done
	for pid in $(cat "$work/servers/$$"-*/line.pid 2>/dev/null); do
		kill "$pid" 2>/dev/null
	done
}

# account NAME SERVER USER [OPTION...]: a line of rules that makes the account, by TLS.
account()
{
	eval "port=\$$2_tls"
	printf 'local %s = mail.imap { name = "%s", host = "localhost", port = %s, user = "%s", ' \
	    "$1" "$1" "$port" "$3"
	printf 'password = "secret-%s", ca_file = "%s"' "$3" "$CA"
	shift 3
	for option; do
		printf ', %s' "$option"
	done
	echo ' }'
}

# script TEXT...: rules.lua of these lines, all at once.
script()
{
	{
		echo 'local mail, q = mail, mail.q'
		for text; do
			printf '%s\n' "$text"
		done
	} >rules.lua.new
	mv rules.lua.new rules.lua
}

# patiently SECONDS COMMAND...: until it is true.
patiently()
{
	left=$(($1 * 4))
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || fail "not in time: $*"
		sleep 0.25
	done
}
