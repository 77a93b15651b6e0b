# Dovecot for the cases: certificates, servers, their mail.
#
# A server has a name of one word (a, b), users anna, ben and eve with the passwords
# secret-anna, ..., Maildirs, and two ports: $a_tls takes TLS at once, $a_plain takes plain
# text and STARTTLS.  It runs in the foreground as a child of its case, so that nothing of it
# is left behind.  Socket paths are short (108 bytes at most): $work/servers/PID-NAME.
# shellcheck shell=sh disable=SC2034,SC2154

# --- certificates ------------------------------------------------------------------------

# make_certificates DIR: ca.pem; and NAME.pem with NAME.key for
#   good	localhost and 127.0.0.1
#   other	mail.example.org
#   expired	localhost, until 2020
#   stranger	localhost, by a CA that nobody knows
make_certificates()
{
	mkdir -p "$1/issued" && cd "$1" || return 1
	: >index.txt
	echo 1000 >serial
	cat >ca.conf <<-END
	[ca]
	default_ca = ours
	[ours]
	database = $1/index.txt
	serial = $1/serial
	new_certs_dir = $1/issued
	default_md = sha256
	policy = any
	copy_extensions = copy
	unique_subject = no
	[any]
	commonName = supplied
	[req]
	distinguished_name = name
	[name]
	END
	for authority in ca unknown; do
		openssl req -x509 -config ca.conf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		    -keyout $authority.key -out $authority.pem -days 30 -subj "/CN=test $authority" \
		    -addext basicConstraints=critical,CA:TRUE \
		    -addext keyUsage=critical,keyCertSign || return 1
	done
	here_names=DNS:localhost,IP:127.0.0.1
	since=$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)
	until=$(date -u -d '30 days' +%Y%m%d%H%M%SZ)
	certificate good ca $here_names "$since" "$until" &&
	    certificate other ca DNS:mail.example.org "$since" "$until" &&
	    certificate expired ca $here_names 20190101000000Z 20200101000000Z &&
	    certificate stranger unknown $here_names "$since" "$until" &&
	    chmod 644 ./*.key
}

# certificate NAME AUTHORITY NAMES SINCE UNTIL
certificate()
{
	openssl req -new -config ca.conf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" -addext "subjectAltName=$3" &&
	    openssl ca -batch -config ca.conf -cert "$2.pem" -keyfile "$2.key" -notext \
	    -startdate "$4" -enddate "$5" -in "$1.csr" -out "$1.pem"
}

# --- servers -----------------------------------------------------------------------------

# server NAME [CERTIFICATE]: configured (lines of stdin are added to its configuration) and
# started; ${NAME}_tls, ${NAME}_plain are its ports.
server()
{
	server_configure "$1" "${2-good}"
	cat >>"$(place "$1")/conf"
	attempt=0
	until server_start "$1"; do
		attempt=$((attempt + 1))
		[ $attempt -lt 20 ] || fail "Dovecot does not start" "$(place "$1")/log"
		server_ports "$1" $attempt
	done
}

# place NAME: a server's folder.
place()
{
	echo "$work/servers/$$-$1"
}

# home NAME USER: of a user's mail; INBOX is Maildir in it, Lists/dev is Maildir/.Lists.dev.
home()
{
	echo "$work/servers/$$-$1/mail/$2"
}

server_configure()
{
	there=$(place "$1")
	mkdir -p "$there/r" "$there/mail"
	for user in anna ben eve; do
		mkdir -p "$there/raw/$user"
		echo "$user:secret-$user"
	done >"$there/users"
	cat >"$there/conf" <<-END
	base_dir = $there/r
	state_dir = $there/r
	log_path = $there/log
	instance_name = mill$$-$1
	default_internal_user = $(id -un)
	default_internal_group = $(id -gn)
	default_login_user = $(id -un)
	protocols = imap
	listen = 127.0.0.1
	ssl = yes
	ssl_cert = <$work/ca/$2.pem
	ssl_key = <$work/ca/$2.key
	disable_plaintext_auth = no
	auth_failure_delay = 0
	auth_mechanisms = plain login
	mail_home = $there/mail/%u
	mail_location = maildir:~/Maildir
	first_valid_uid = 1
	first_valid_gid = 1
	passdb {
	  driver = passwd-file
	  args = scheme=plain $there/users
	}
	userdb {
	  driver = static
	  args = uid=$(id -u) gid=$(id -g) home=$there/mail/%u
	}
	namespace inbox {
	  inbox = yes
	  separator = /
	  mailbox Trash {
	    auto = subscribe
	    special_use = \Trash
	  }
	}
	service anvil {
	  chroot =
	  unix_listener anvil-auth-penalty {
	    mode = 0
	  }
	}
	protocol imap {
	  rawlog_dir = $there/raw/%u
	}
	END
	server_ports "$1" 0
}

# server_ports NAME ATTEMPT: others, below what is given out for outgoing connections.
server_ports()
{
	port=$((10000 + ($$ * 14 + $2 * 1402 + $(printf %d "'$1") * 2) % 20000))
	eval "$1_tls=$port $1_plain=$((port + 1))"
	cat >"$(place "$1")/ports" <<-END
	service imap-login {
	  chroot =
	  inet_listener imap {
	    port = $((port + 1))
	  }
	  inet_listener imaps {
	    port = $port
	  }
	}
	END
	grep -q '^!include ports' "$(place "$1")/conf" || echo '!include ports' >>"$(place "$1")/conf"
}

# server_start NAME: 1 when it does not come up.
server_start()
{
	there=$(place "$1")
	# Sockets of one that was killed are no obstacle; a stale pid would be.
	rm -rf "$there/r"
	mkdir "$there/r"
	dovecot -F -c "$there/conf" >>"$there/log" 2>&1 </dev/null &
	pid=$!
	left=200
	until [ -e "$there/r/master.pid" ]; do
		left=$((left - 1))
		[ $left -gt 0 ] && kill -0 $pid 2>/dev/null || {
			end_servers $pid
			wait $pid
			return 1
		}
		sleep 0.02
	done
	eval "$1_pid=$pid"
}

children()
{
	cat "/proc/$1/task/$1/children" 2>/dev/null
}

# server_stop NAME: in order; who is connected hears BYE.
server_stop()
{
	eval "pid=\${$1_pid-}"
	kill -TERM "$pid" || fail "server $1 does not run"
	left=15
	while [ $left -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
		left=$((left - 1))
		sleep 0.02
	done
	server_crash "$1"
}

# server_crash NAME: all at once, connections break off.
server_crash()
{
	eval "pid=\${$1_pid-} $1_pid="
	[ -z "$pid" ] || end_servers "$pid"
	[ -z "$pid" ] || wait "$pid" 2>/dev/null
}

# end_servers PID: of a master; its children first, which it buries.
end_servers()
{
	[ -d "/proc/$1" ] || return 0
	kill -TERM "$1" 2>/dev/null
	left=50
	while [ $left -gt 0 ] && [ -n "$(children "$1")" ]; do
		# shellcheck disable=SC2046	# one word each
		kill -KILL $(children "$1") 2>/dev/null
		left=$((left - 1))
		sleep 0.02
	done
	# A zombie whose parent has yet to look is gone, too.
	left=50
	while [ $left -gt 0 ] && grep -qs '^State:.[^Z]' "/proc/$1/status"; do
		left=$((left - 1))
		sleep 0.02
	done
	[ $left -gt 0 ] || kill -KILL "$1" 2>/dev/null
}

# restart NAME: on the same ports, with mail as it is.
restart()
{
	server_stop "$1"
	server_start "$1" || fail "server $1 does not come up again" "$(place "$1")/log"
}

# --- who is connected --------------------------------------------------------------------

# adm NAME ARGUMENT...: doveadm on a server.
adm()
{
	there=$(place "$1")
	shift
	doveadm -c "$there/conf" "$@"
}

# sessions NAME USER: the processes that serve a user's connections.
sessions()
{
	adm "$1" -f flow who -1 "$2" | sed -n "s/.*proto=imap .*pid=\([0-9]*\).*/\1/p"
}

# line NAME: ${NAME}_tls leads through a relay from here on.
line()
{
	eval "port=\$$1_tls"
	there=$(place "$1")
	"$work/relay" 0 "$port" 0 /dev/null >"$there/line" &
	echo $! >"$there/line.pid"
	until [ -s "$there/line" ]; do
		sleep 0.02
	done
	eval "$1_tls=$(cat "$there/line")"
}

# break_line NAME: all its connections end in a reset; the server lives on, and leaves no lock behind.
break_line()
{
	kill -USR1 "$(cat "$(place "$1")/line.pid")"
}

# cut_off NAME USER: its connections break, in whatever they are doing.
cut_off()
{
	# shellcheck disable=SC2046	# one word each
	kill -KILL $(sessions "$1" "$2") 2>/dev/null
}

# raw NAME USER: all that clients of a user have said after signing in.
raw()
{
	# A log begins each line with the time.
	cat "$(place "$1")/raw/$2"/*.in 2>/dev/null | sed 's/^[0-9.]* //' | tr -d '\r'
}

# --- mail --------------------------------------------------------------------------------

# inbox NAME USER: the folder of the user's INBOX; mail can be delivered there by `letter`.
inbox()
{
	folder=$(home "$1" "$2")/Maildir
	[ -d "$folder" ] || maildir "$folder"
	echo "$folder"
}

# list NAME USER MAILBOX FIELD...: a line a message, in UID order: the fields of
# doveadm-fetch(1), tabs between them.  Nothing when there is no such mailbox.
list()
{
	there=$(place "$1")
	user=$2
	box=$3
	shift 3
	doveadm -c "$there/conf" -f tab fetch -u "$user" "$*" mailbox "$box" 2>/dev/null |
	    sed 1d
}

# subjects NAME USER MAILBOX: in UID order, in one line.
subjects()
{
	list "$1" "$2" "$3" hdr.subject | paste -sd ' ' -
}

# amount NAME USER MAILBOX: messages in it; 0 when it does not exist.
amount()
{
	list "$1" "$2" "$3" uid | wc -l | tr -d ' '
}

# in_box NAME USER MAILBOX N: true when N messages are in it.
in_box()
{
	[ "$(amount "$1" "$2" "$3")" = "$4" ]
}

# must_hold NAME USER MAILBOX SUBJECTS: as subjects() prints them.
must_hold()
{
	found=$(subjects "$1" "$2" "$3")
	[ "$found" = "$4" ] || fail "$2's $3 holds '$found', not '$4'"
}

# dump NAME USER: every mailbox, UID, flag, date, size and byte.
dump()
{
	adm "$1" -f tab mailbox status -u "$2" 'messages uidnext uidvalidity unseen highestmodseq' '*'
	adm "$1" -f tab fetch -u "$2" 'mailbox uid flags date.received size.physical text' all
}
