# The command line: help, usage, exit codes, which file and which state.
# shellcheck shell=sh disable=SC2086,SC2154

case_help()
{
	mill 0 --help
	for word in run exec check help; do
		said "mailmill $word"
	done
	cp "$OUT" help
	mill 0 help
	cmp -s help "$OUT" || fail "help is not --help"
	mill 0 -h
	cmp -s help "$OUT" || fail "-h is not --help"
	mill 2
	said "mailmill help COMMAND"
	for word in run exec check; do
		mill 0 help $word
		said "mailmill $word "
		said "--state DIR"
		cp "$OUT" page
		mill 0 $word --help
		cmp -s page "$OUT" || fail "$word --help is not help $word"
	done
	said "--json"
	mill 2 help chekc
	said "did you mean 'check'?"
}

case_version()
{
	mill 0 --version
	grep -Eqx 'mailmill [0-9]+\.[0-9]+\.[0-9]+' "$OUT" || fail "no version"
}

case_usage()
{
	mill 2 rum
	said "no command 'rum'; did you mean 'run'?"
	mill 2 zzzzzz
	said "no command 'zzzzzz'"
	unsaid "did you mean"
	mill 2 --json run
	said "behind the command"
	mill 2 run --onec
	said "mailmill run: unknown option --onec; did you mean --once?"
	said "usage: mailmill run"
	said "mailmill help run"
	mill 2 check --jsn x.lua
	said "did you mean --json?"
	mill 2 run a.lua b.lua
	said "b.lua"
	mill 2 check a.lua b.lua
	said "b.lua"
	mill 2 run --state
	said "--state needs a value"
	mill 2 run --once=yes
	said "--once takes no value"
	mill 2 exec
	said "FILE is missing"
	[ ! -e state ] || fail "a usage error made the state"
}

case_bad_file()
{
	for word in "run --once" check exec; do
		mill 3 $word none.lua
		said "none.lua: No such file or directory"
		unsaid "judged"
		mkdir -p folder.lua
		mill 3 $word folder.lua
		said "folder.lua: Is a directory"
		printf 'local a = 1\nlocal b = = 2\n' >syntax.lua
		mill 3 $word syntax.lua
		said "syntax.lua:2: "
		printf '\033Lua binary' >binary.lua
		mill 3 $word binary.lua
		printf 'mail.nosuch()\n' >name.lua
		mill 3 $word name.lua
		said "name.lua:1: "
		said "no field 'nosuch'"
		rules 'home.inbox:rules { { "a", flagg = "x" } }'
		mill 3 $word rules.lua
		said "rules.lua:2: rule \"a\": unknown key 'flagg'; did you mean 'flag'?"
		[ ! -e Maildir ] || fail "a bad file made the Maildir"
	done
}

case_missing_maildir()
{
	cat >rules.lua <<-'END'
	local home = mail.maildir { name = "home", path = "nowhere" }
	home.inbox:rules { { "a", flag = "x" } }
	END
	mill 3 run --once rules.lua
	said "rules.lua:1: account \"home\": no Maildir at $dir/nowhere"
	said "create = true makes one"
	mill 3 check rules.lua
	said "rules.lua:1: account \"home\": no Maildir at $dir/nowhere"
	mill 3 exec rules.lua
	said "rules.lua:1: account \"home\": no Maildir at $dir/nowhere"
	# One of two: the other is not left half open.
	maildir Maildir
	cat >rules.lua <<-'END'
	local home = mail.maildir { name = "home", path = "Maildir" }
	local work = mail.maildir { name = "work", path = "nowhere" }
	home.inbox:rules { { "a", flag = "x" } }
	END
	mill 3 run --once rules.lua
	said "rules.lua:2: account \"work\""
}

case_default_file()
{
	mill 3 run --once
	said "no FILE was named and there is no $HOME/.config/mailmill/rules.lua"
	mill 3 check
	said "$HOME/.config/mailmill/rules.lua"
	maildir Maildir
	mkdir -p "$HOME/.config/mailmill" xdg/mailmill
	# Paths in a script are beside the script.
	echo "mail.maildir { name = 'athome', path = '$dir/Maildir' }" >"$HOME/.config/mailmill/rules.lua"
	mill 0 check
	said "$HOME/.config/mailmill/rules.lua: 1 account"
	echo "mail.maildir { name = 'xdg', path = '$dir/Maildir' }" >xdg/mailmill/rules.lua
	export XDG_CONFIG_HOME="$dir/xdg"
	mill 0 check
	said "$dir/xdg/mailmill/rules.lua: 1 account"
	rules 'home.inbox:rules { { "a", flag = "x" } }'
	export MAILMILL_CONFIG="$dir/rules.lua"
	mill 0 check
	said "$dir/rules.lua: 1 account, 1 rule on 1 mailbox: ok"
	mill 0 run --once
	said "home:INBOX: 1 rule at work"
}

case_state_folder()
{
	maildir Maildir
	rules 'home.inbox:rules { { "a", flag = "x" } }'
	umask 000
	mill 0 run --once rules.lua
	find state -printf '%f %m\n' | sort >modes
	printf 'state 700\nstate.db 600\nstate.lock 600\n' >wanted
	cmp -s modes wanted || fail "modes of the state" modes
	chmod 755 state
	mill 3 run --once rules.lua
	said "$dir/state"
	said "chmod 700"
	chmod 700 state
	chmod 644 state/state.db
	mill 3 run --once rules.lua
	said "state.db"
	chmod 600 state/state.db
	mv state elsewhere
	ln -s elsewhere state
	mill 3 run --once rules.lua
	said "symbolic link"
	rm state
	unset MAILMILL_STATE
	mill 0 run --once rules.lua
	[ -e "$HOME/.local/state/mailmill/state.db" ] || fail "no state below ~/.local/state"
	export XDG_STATE_HOME="$dir/xdg"
	mill 0 run --once rules.lua
	[ -e xdg/mailmill/state.db ] || fail "no state below XDG_STATE_HOME"
	mill 0 run --once --state other rules.lua
	[ -e other/state.db ] || fail "no state where --state says"
	: >file
	mill 3 run --once --state file rules.lua
	said "file"
}

case_json_log()
{
	maildir Maildir
	letter Maildir 'quote " backslash \ tab	end'
	rules 'home.inbox:rules { { "a", existing = true, flag = "x" } }' \
	    'mail.log("control \1 and bidi \u{202e} and \"quotes\" and bytes \xff")' 'mail.log.warn("two\nlines")' \
	    'home.inbox:rules { { "bad", existing = true, run = function() error { } end } }'
	mill 1 run --once --json rules.lua
	cp "$OUT" lines
	printf 'home.x = 1\n' >bad.lua
	timeout 20 "$MAILMILL" run --once --json bad.lua >>lines 2>&1
	[ -s lines ] || fail "no log"
	mill 0 exec "$here/json.lua" lines
	said "all lines are objects"
}

case_root_warned()
{
	maildir Maildir
	rules 'home.inbox:rules { { "a", flag = "x" } }'
	mill 0 run --once rules.lua
	[ "$(id -u)" = 0 ] || unsaid "running as root"
	# A user namespace makes us root in name where the system allows it.
	if [ "$(id -u)" = 0 ] || ! unshare -r true 2>/dev/null; then
		[ "$(id -u)" != 0 ] || said "running as root"
		return
	fi
	timeout -k 2 20 unshare -r "$MAILMILL" run --once rules.lua >"$OUT" 2>&1 </dev/null
	said "warn: running as root"
}

# What is closed must not become the state's descriptor: the log would be written into it.
case_closed_descriptors()
{
	maildir Maildir
	letter Maildir one
	rules 'home.inbox:rules { { "a", existing = true, flag = "x" } }' 'print "hello"'
	timeout -k 2 20 "$MAILMILL" run --once rules.lua <&- >&- 2>&-
	code=$?
	[ $code = 0 ] || fail "exit code $code without standard descriptors"
	mill 0 run --once rules.lua
	said "judged 0"
	printf 'print "hello"\n' >hello.lua
	timeout -k 2 20 "$MAILMILL" exec hello.lua 2>"$OUT" | :
	[ ! -s "$OUT" ] || fail "a reader that has gone is complained about"
	[ -e /dev/full ] || return 0
	timeout -k 2 20 "$MAILMILL" help run >/dev/full 2>"$OUT"
	code=$?
	[ $code = 1 ] || fail "exit code $code, not 1, when the output is lost"
	said "standard output cannot be written"
}

case_errors_without_text()
{
	for value in '{}' nil print 7 '{ message = "with a message" }'; do
		echo "mail.sleep(0.01) error($value)" >error.lua
		mill 1 exec error.lua
		unsaid "0x"
		[ "$value" != '{}' ] || said "an error without a text (its value is a table)"
		[ "$value" != nil ] || said "an error without a text (its value is nil)"
		[ "$value" != 7 ] || said "7"
	done
	said "with a message"
}
