# Getting in: certificates, STARTTLS, passwords, and a server that is not there.
# shellcheck shell=sh disable=SC2086,SC2154

MOVE_ALL='home.inbox:rules { { "all", move = "Box" } }'

# in_as_anna: a run gets in; what comes into INBOX from now on is new.
in_as_anna()
{
	mill 0 run --once rules.lua
	said "home: signed in at localhost:"
}

# no_password_came NAME: the server has not seen a sign-in.
no_password_came()
{
	unsaid "user=<anna>" "$(place "$1")/log"
}

case_tls_own_ca()
{
	server a
	letter "$(inbox a anna)" old
	script "$(account home a anna 'create = true')" "$MOVE_ALL"
	in_as_anna
	said "home: signed in at localhost:$a_tls as anna"
	said "what is there (1) is left alone"
	letter "$(inbox a anna)" new
	mill 0 run --once rules.lua
	said "judged 1, matched by rules 1, actions done 1, failed 0, held 0"
	must_hold a anna INBOX old
	must_hold a anna Box new
	# By address, which the certificate has too.
	letter "$(inbox a anna)" newer
	script "$(account home a anna 'host = "127.0.0.1"')" "$MOVE_ALL"
	mill 0 run --once rules.lua
	must_hold a anna Box "new newer"
}

case_tls_wrong_name()
{
	server a other
	script "$(account home a anna)" "$MOVE_ALL"
	mill 4 run --once rules.lua
	said "the certificate is for mail.example.org, not for localhost"
	no_password_came a
}

case_tls_expired()
{
	server a expired
	script "$(account home a anna)" "$MOVE_ALL"
	mill 4 run --once rules.lua
	said "the certificate expired on 2020-01-01 00:00 UTC"
	no_password_came a
}

case_tls_unknown_ca()
{
	server a stranger
	script "$(account home a anna)" "$MOVE_ALL"
	mill 4 run --once rules.lua
	no_password_came a
	pin=$(sed -n 's/.*pin sha256:\([0-9a-f]*\).*/\1/p' "$OUT" | sed 1q)
	[ ${#pin} = 64 ] || fail "no fingerprint is suggested"
	script "$(account home a anna 'ca_file = nil' "fingerprint = \"$pin\"")" "$MOVE_ALL"
	in_as_anna
	# Pinned: another certificate will not do, although its CA is known.
	server b
	port=$b_tls
	script "$(account home a anna 'ca_file = nil' "fingerprint = \"$pin\"" "port = $port")" "$MOVE_ALL"
	mill 4 run --once rules.lua
	said "not the one that is pinned"
	no_password_came b
}

case_starttls()
{
	server a
	script "$(account home a anna 'tls = "starttls"' "port = $a_plain")" "$MOVE_ALL"
	in_as_anna
	grep 'Login: user=<anna>' "$(place a)/log" | grep -q TLS || fail "not by TLS" "$(place a)/log"
	server b other
	script "$(account home b anna 'tls = "starttls"' "port = $b_plain")" "$MOVE_ALL"
	mill 4 run --once rules.lua
	said "the certificate is for mail.example.org, not for localhost"
	no_password_came b
	server c <<-END
	ssl = no
	END
	script "$(account home c anna 'tls = "starttls"' "port = $c_plain")" "$MOVE_ALL"
	mill 4 run --once rules.lua
	said "STARTTLS"
	no_password_came c
	# TLS towards a port that does not speak it.
	script "$(account home c anna 'timeout = "5s"' "port = $c_plain")" "$MOVE_ALL"
	mill 4 run --once rules.lua
	said "localhost:$c_plain"
	no_password_came c
}

case_plaintext()
{
	server a <<-END
	ssl = no
	END
	script "$(account home a anna 'tls = "none"' 'ca_file = nil' "port = $a_plain")" "$MOVE_ALL"
	in_as_anna
	script "$(account home a anna 'tls = "none"' 'ca_file = nil' 'host = "mail.example.org"')" "$MOVE_ALL"
	mill 3 run --once rules.lua
	said "would send the password to mail.example.org"
}

case_wrong_password()
{
	server a
	script "$(account home a anna 'create = true')" \
	    "$(account work a ben 'password = "not-the-secret"')" \
	    "$MOVE_ALL" 'work.inbox:rules { { "all", move = "Box" } }'
	mill 5 run --once rules.lua
	said "work: localhost:$a_tls: signing in as ben"
	said "AUTHENTICATIONFAILED"
	unsaid "not-the-secret"
	unsaid "secret-anna"
	letter "$(inbox a anna)" one
	mill 5 run --once rules.lua
	must_hold a anna Box one
	# The daemon goes on with the other account; the log shows no secret at any level.
	start run --verbose rules.lua
	await "home:INBOX: watched by IDLE"
	await "work: localhost:$a_tls: signing in as ben"
	letter "$(inbox a anna)" two
	await "home:INBOX/2: done: move to Box"
	must_hold a anna Box "one two"
	said "trying again in 30 min" "$LOG"
	for secret in not-the-secret secret-anna "$(printf '\0anna\0secret-anna' | openssl base64 -A)"; do
		unsaid "$secret" "$LOG"
	done
	stop
}

case_secrets()
{
	server a
	echo secret-anna >pw
	chmod 600 pw
	for secret in 'command { "sh", "-c", "cat pw; echo more" }' 'file "pw"' 'env "ANNA_PW"'; do
		script "$(account home a anna "password = mail.secret.$secret")" "$MOVE_ALL"
		ANNA_PW=secret-anna mill 0 run --once rules.lua
		unsaid secret-anna
	done
	chmod 644 pw
	script "$(account home a anna 'password = mail.secret.file "pw"')" "$MOVE_ALL"
	mill 5 run --once rules.lua
	said "others have access to it; chmod 600"
	script "$(account home a anna 'password = mail.secret.command { "sh", "-c", "echo locked >&2; exit 3" }')" \
	    "$MOVE_ALL"
	mill 5 run --once rules.lua
	said "locked"
	script "$(account home a anna 'password = mail.secret.env "NO_SUCH"')" "$MOVE_ALL"
	mill 5 run --once rules.lua
	said "NO_SUCH"
}

case_exec_codes()
{
	server a
	script "$(account home a anna 'password = "wrong"')" 'print(#home.inbox:search())'
	mill 5 exec rules.lua
	said "AUTHENTICATIONFAILED"
	script "$(account home a anna)" 'print("messages", #home.inbox:search())'
	mill 0 exec rules.lua
	said "messages	0"
	server_stop a
	mill 4 exec rules.lua
	said "connection refused"
}

case_down_at_start()
{
	server a
	server_stop a
	letter "$(inbox a anna)" old
	script "$(account home a anna 'create = true')" "$MOVE_ALL"
	start run rules.lua
	await "localhost:$a_tls: connection refused"
	server_start a || fail "the server does not come up"
	await "home:INBOX: first run: what is there (1) is left alone"
	letter "$(inbox a anna)" new
	await "done: move to Box"
	must_hold a anna INBOX old
	stop
}

# Fewer connections than asked for: the server says so, work goes on.
case_connection_limit()
{
	server a <<-END
	mail_max_userip_connections = 2
	END
	adm a mailbox create -u anna Lists News
	script "$(account home a anna 'max_connections = 6' 'create = true')" \
	    "$MOVE_ALL" 'home "Lists":rules { { "l", move = "Box" } }' \
	    'home "News":rules { { "n", move = "Box" } }'
	start run rules.lua
	await "watched by IDLE"
	await "home: the server takes no more than"
	letter "$(inbox a anna)" one
	until_true in_box a anna Box 1
	unsaid "error" "$LOG"
	stop
}

# The server has a master user, who acts for others.
case_acting_for_another()
{
	server a
	cat >>"$(place a)/conf" <<-END
	passdb {
	  driver = passwd-file
	  master = yes
	  args = scheme=plain $(place a)/masters
	}
	END
	echo 'root:secret-root' >"$(place a)/masters"
	restart a
	letter "$(inbox a anna)" one
	script "$(account home a anna 'login = "root"' 'password = "secret-root"' 'create = true')" \
	    'local other = mail.imap { name = "other", like = home, user = "ben" }' "$MOVE_ALL" \
	    'other.inbox:rules { { "all", move = "Box" } }'
	letter "$(inbox a ben)" two
	mill 0 run --once --existing rules.lua
	must_hold a anna Box one
	must_hold a ben Box two
	said "signed in at localhost:$a_tls as root"
}

# A server that knows the password and cannot open the mail.  When it can again, what was
# there before is no new mail.
case_mail_out_of_order()
{
	server a
	letter "$(inbox a anna)" old
	mv "$(home a anna)" "$(home a anna).away"
	: >"$(home a anna)"
	script "$(account home a anna 'create = true')" "$MOVE_ALL"
	mill 1 run --once rules.lua
	said "error: 1 mailbox could not be opened"
	start run rules.lua
	await "warn: home:INBOX: "
	rm "$(home a anna)"
	mv "$(home a anna).away" "$(home a anna)"
	await "home:INBOX: first run: what is there (1) is left alone"
	letter "$(inbox a anna)" new
	await "done: move to Box"
	must_hold a anna INBOX old
	must_hold a anna Box new
	stop
}
