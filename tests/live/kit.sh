# The kit itself.
# shellcheck shell=sh disable=SC2086,SC2154

# talk PORT OPTION...: what a server answers to lines of stdin, over TLS by openssl.
talk()
{
	port=$1
	shift
	sed 's/$/\r/' | timeout 20 openssl s_client -quiet -CAfile "$CA" -verify_return_error -verify_hostname \
	    localhost -connect "127.0.0.1:$port" "$@" 2>"$OUT.err"
}

case_dovecot()
{
	began=$(now_ms)
	server a
	server b <<-'END'
	namespace inbox {
	  separator = .
	  prefix = INBOX.
	}
	END
	[ $(($(now_ms) - began)) -lt 20000 ] || fail "two servers took long to start"
	letter "$(inbox a anna)" one
	adm a mailbox create -u anna "Lists/dev"
	letter "$(inbox a anna)/.Lists.dev" two
	must_hold a anna INBOX one
	must_hold a anna Lists/dev two
	in_box a ben INBOX 0 || fail "mail came to ben"
	printf '%s\n' '1 LOGIN anna secret-anna' '2 SELECT INBOX' '3 UID FETCH 1 UID' '4 LOGOUT' |
	    talk "$a_tls" >"$OUT"
	said "* 1 FETCH (UID 1)"
	raw a anna >"$OUT"
	said "2 SELECT INBOX"
	printf '%s\n' '1 LOGIN ben secret-ben' '2 LIST "" *' '3 LOGOUT' |
	    talk "$b_plain" -starttls imap >"$OUT"
	said '"." INBOX.Trash'
	printf '%s\n' '1 LOGIN anna wrong' '2 LOGOUT' | talk "$a_tls" >"$OUT"
	said "1 NO [AUTHENTICATIONFAILED]"
	first=$a_pid
	restart a
	[ "$first" != "$a_pid" ] || fail "the process is the same after a restart"
	must_hold a anna INBOX one
}

case_certificates()
{
	server a other
	printf '1 LOGOUT\n' | talk "$a_tls" >"$OUT"
	said "ostname mismatch" "$OUT.err"
	server b expired
	printf '1 LOGOUT\n' | talk "$b_tls" >"$OUT"
	said "certificate has expired" "$OUT.err"
	server c stranger
	printf '1 LOGOUT\n' | talk "$c_tls" >"$OUT"
	said "unable to get local issuer" "$OUT.err"
}
