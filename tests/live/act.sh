# What rules and programs do to mail on a server.
# shellcheck shell=sh disable=SC2016,SC2086,SC2154

MOVE_ALL='home.inbox:rules { { "all", move = "Box" } }'

case_flags_and_keywords()
{
	server a
	letter "$(inbox a anna)" one
	letter "$(inbox a anna)" two
	adm a flags add -u anna '\Answered Old' mailbox INBOX all
	script "$(account home a anna)" 'home.inbox:rules {' \
	    '{ "f", when = q.subject "one", flag = { "seen", "flagged", "Wichtig" }, unflag = { "answered", "Old" } },' \
	    '{ "g", when = q.answered, flag = "draft" } }'
	mill 0 run --once --existing rules.lua
	list a anna INBOX hdr.subject flags | tr -d '\r' >flags
	grep one flags | grep Wichtig | grep '\\Seen' | grep -q '\\Flagged' || fail "not flagged" flags
	! grep one flags | grep -E 'Old|Answered|Draft' || fail "flags that should be off" flags
	grep two flags | grep '\\Answered' | grep Old | grep -q '\\Draft' || fail "the other one" flags
	grep two flags | grep -E 'Seen|Flagged|Wichtig' && fail "too many" flags
	script "$(account home a anna)" \
	    'print("flagged", #home.inbox:search(q.flagged), #home.inbox:search(q.flag "wichtig"))' \
	    'for m in home.inbox:search(q.flagged) do print(m.flags.seen, m.flags.Wichtig) end'
	mill 0 exec rules.lua
	said "flagged	1	1"
	said "true	true"
}

# \Deleted on other people's messages means nothing to us: they stay.
case_bystanders()
{
	server a
	for subject in theirs moved gone trashed stays; do
		letter "$(inbox a anna)" $subject
	done
	adm a flags add -u anna '\Deleted' mailbox INBOX header subject theirs
	script "$(account home a anna 'create = true')" 'home.inbox:rules {' \
	    '{ "m", when = q.subject "moved", move = "Box" },' \
	    '{ "e", when = q.subject "gone", expunge = true },' \
	    '{ "d", when = q.subject "trashed", delete = true } }'
	mill 0 run --once --existing rules.lua
	must_hold a anna INBOX "theirs stays"
	must_hold a anna Box moved
	must_hold a anna Trash trashed
	list a anna INBOX hdr.subject flags >flags
	grep theirs flags | grep -q '\\Deleted' || fail "the mark is gone" flags
	raw a anna >said
	! grep -Ei '^[^ ]+ (EXPUNGE|CLOSE)' said || fail "an EXPUNGE without UIDs" said
}

# Without MOVE: copied, proven, marked, removed by UID.
case_bystanders_without_move()
{
	server a <<-END
	imap_capability = IMAP4rev1 SASL-IR LITERAL+ UIDPLUS IDLE NAMESPACE
	END
	for subject in theirs moved stays; do
		letter "$(inbox a anna)" $subject
	done
	adm a flags add -u anna '\Deleted' mailbox INBOX header subject theirs
	script "$(account home a anna 'create = true')" 'home.inbox:rules {' \
	    '{ "m", when = q.subject "moved", move = "Box" } }'
	mill 0 run --once --existing rules.lua
	must_hold a anna INBOX "theirs stays"
	must_hold a anna Box moved
	raw a anna >said
	grep -q 'UID EXPUNGE' said || fail "no UID EXPUNGE" said
	# Neither MOVE nor UIDPLUS: the original stays, marked.
	server b <<-END
	imap_capability = IMAP4rev1 LITERAL+
	END
	for subject in theirs moved stays; do
		letter "$(inbox b anna)" $subject
	done
	adm b flags add -u anna '\Deleted' mailbox INBOX header subject theirs
	script "$(account home b anna 'create = true')" \
	    'print(home.inbox:search(q.subject "moved"):move "Box")'
	mill 6 exec rules.lua
	said "1 only copied"
	must_hold b anna INBOX "theirs moved stays"
	must_hold b anna Box moved
	raw b anna >said
	! grep -Ei '^[^ ]+ (UID )?(EXPUNGE|CLOSE)' said || fail "an EXPUNGE" said
}

# A Maildir of Dovecot has no dots in names: the log knows the way out, and it is one.
case_names_with_dots()
{
	server a
	server b <<-'END'
	namespace inbox {
	  separator = .
	}
	END
	for at in a b; do
		letter "$(inbox $at anna)" one
		sed -i '2a List-Id: Development <dev.lists.example.org>' "$(inbox $at anna)"/new/*
		rm -rf state
		script "$(account home $at anna 'create = true')" \
		    'home.inbox:rules { { "l", when = q.list_id, copy = "Lists/{list_id}" } }'
		mill 1 run --once --existing rules.lua
		said "held: copy to Lists/dev.lists.example.org: "
		said "captur"
		unsaid " secs)"
		rm -rf state
		script "$(account home $at anna 'create = true')" 'home.inbox:rules {' \
		    '{ "l", when = q.list_id:matches [[^(?<list>[^.]+)]], move = "Lists/{list}" } }'
		mill 0 run --once --existing rules.lua
		said "done: move to Lists/dev"
	done
	must_hold a anna Lists/dev one
	must_hold b anna Lists.dev one
}

# check --connect says each thing once, and promises nothing.
case_check_connect_once()
{
	server a
	script "$(account home a anna)" "$(account bad a ben 'password = "wrong"')" \
	    "$(account away a eve 'port = 1')"
	mill 5 check --connect rules.lua
	[ "$(count "signed in" "$OUT")" = 1 ] || fail "signed in: not told once"
	[ "$(count AUTHENTICATIONFAILED "$OUT")" = 1 ] || fail "the password: not told once"
	[ "$(count "nothing listens" "$OUT")" = 1 ] || fail "the port: not told once"
	unsaid "trying again"
	script "$(account bad a ben 'password = "wrong"')" 'bad.inbox:rules { { "f", flag = "x" } }'
	mill 5 run --once rules.lua
	said "error: bad: localhost:$a_tls: signing in as ben by PLAIN: the server says NO [AUTHENTICATIONFAILED]: Authentication failed"
	unsaid "trying again"
	unsaid "watched"
}

case_read_only()
{
	server a <<-END
	mail_plugins = acl
	plugin {
	  acl = vfile
	}
	END
	adm a mailbox create -u anna Shared
	letter "$(inbox a anna)/.Shared" one
	echo 'owner lr' >"$(inbox a anna)/.Shared/dovecot-acl"
	letter "$(inbox a anna)" two
	script "$(account home a anna 'create = true')" \
	    'home "Shared":rules { { "f", flag = "flagged" } }' "$MOVE_ALL"
	timeout -k 2 40 "$MAILMILL" run --once --existing rules.lua >"$OUT" 2>&1 </dev/null
	said "read"
	must_hold a anna Shared one
	must_hold a anna Box two
	[ "$(list a anna Shared flags | grep -c Flagged)" = 0 ] || fail "flagged"
	# Into a mailbox where nothing may be put.
	letter "$(inbox a anna)" three
	script "$(account home a anna)" 'print(home.inbox:search():move "Shared")'
	mill 6 exec rules.lua
	said "ermission"
	must_hold a anna INBOX three
}

case_quota()
{
	server a <<-END
	mail_plugins = quota
	protocol imap {
	  mail_plugins = quota imap_quota
	}
	plugin {
	  quota = maildir:User quota
	  quota_rule = *:storage=2K
	  quota_grace = 0
	}
	END
	for n in 1 2 3; do
		letter "$(inbox a anna)" "small$n"
	done
	letter "$(inbox a anna)" large
	head -c 4000 /dev/zero | tr '\0' x >>"$(grep -l large "$(inbox a anna)/new/"*)"
	adm a quota recalc -u anna
	# A move takes no more room; a copy does.
	script "$(account home a anna 'create = true')" 'home.inbox:rules {' \
	    '{ "c", when = q.subject "large", copy = "Copies", move = "Box" },' \
	    '{ "f", flag = "Seen-by-us" } }'
	timeout -k 2 40 "$MAILMILL" run --once --existing rules.lua >"$OUT" 2>&1 </dev/null
	said "OVERQUOTA"
	must_hold a anna INBOX "small1 small2 small3 large"
	in_box a anna Copies 0 || fail "the copy is there"
	in_box a anna Box 0 || fail "moved although the copy failed"
	[ "$(list a anna INBOX flags | grep -c Seen-by-us)" -ge 3 ] || fail "the others did not go on"
	# From another account.
	letter "$(inbox a ben)" from-ben
	head -c 4000 /dev/zero | tr '\0' x >>"$(grep -l from-ben "$(inbox a ben)/new/"*)"
	script "$(account home a anna 'create = true')" "$(account other a ben)" \
	    'print(other.inbox:search():move(home "Box"))'
	mill 6 exec rules.lua
	said "OVERQUOTA"
	must_hold a ben INBOX from-ben
	in_box a anna Box 0 || fail "it is in anna's Box"
}

# dry SERVER ARGUMENT...: nothing changes by it, and nothing is said to anna's server that could.
dry()
{
	where=$1
	shift
	dump "$where" anna >before
	rm -f "$(place "$where")/raw/anna"/*
	mill 0 "$@"
	dump "$where" anna >after
	cmp -s before after || fail "something is not as it was" after
	raw "$where" anna >said
	! grep -Ei '^[^ ]+ (UID )?(SELECT|STORE|COPY|MOVE|EXPUNGE|CLOSE|APPEND|CREATE|DELETE|RENAME|SUBSCRIBE)' \
	    said || fail "a command that may change something" said
	! grep -E 'BODY\[|RFC822[ )]' said || fail "a FETCH that may set Seen" said
}

case_dry_run()
{
	server a
	letter "$(inbox a anna)" one
	letter "$(inbox a anna)" two
	adm a mailbox status -u anna messages INBOX >/dev/null
	script "$(account home a anna 'create = true')" 'home.inbox:rules {' \
	    '{ "f", when = q.subject "one", flag = "seen", copy = "Copies", move = "Box" },' \
	    '{ "e", when = q.body "Text of letter", expunge = true } }'
	dry a run --once --dry-run --existing rules.lua
	said "would move to Box"
	said "would expunge"
	said "EXAMINE INBOX" said
	script "$(account home a anna 'create = true')" \
	    'print(home.inbox:search(q.body "letter"):move "Box")' \
	    'print(home.inbox:search():flag "x")'
	dry a exec --dry-run rules.lua
	said "would"
}

case_exec_verbs()
{
	server a
	for n in 1 2 3 4 5 6 7 8; do
		letter "$(inbox a anna)" "n$n"
	done
	script "$(account home a anna 'create = true')" \
	    'local function subjects(box) local all = {}' \
	    'for m in box:search() do all[#all + 1] = m.subject end return table.concat(all, " ") end' \
	    'print("flag", home.inbox:search(q.subject { "n1", "n2" }):flag "Mine":must().done)' \
	    'print("mine", #home.inbox:search(q.flag "Mine"))' \
	    'print("copy", home.inbox:search(q.uid "1:3"):copy "A/B":must().done)' \
	    'print("move", home.inbox:search(q.subject "n4"):move(home "A"):must().done)' \
	    'print("expunge", home.inbox:search(q.subject "n5"):expunge():must().done)' \
	    'print("delete", home.inbox:search(q.subject "n6"):delete():must().done)' \
	    'print("save", home.inbox:search(q.subject "n7"):save "saved/{subject}.eml":must().done)' \
	    'local m = home.inbox:search(q.subject "n8"):first()' \
	    'print("replace", m:replace((m:raw():gsub("Subject: n8", "Subject: changed"))).done)' \
	    'print("inbox", subjects(home.inbox))' 'print("a/b", subjects(home "A/B"))' \
	    'print("all", #home:search(), #home:mailboxes { "A*" }:search())' \
	    'local box = home "New":create() print("status", box:status().messages, box:status().uidnext)' \
	    'box = box:rename "Newer" home.inbox:search(q.subject "n3"):copy(box)' \
	    'print("renamed", tostring(box), #box:search()) box:remove()' \
	    'print(mail.try(function() return #box:search() end))'
	mill 0 exec rules.lua
	for line in "flag	2" "mine	2" "copy	3" "move	1" "expunge	1" "delete	1" "save	1" \
	    "replace	1" "inbox	n1 n2 n3 n7 changed" "a/b	n1 n2 n3" "all	10	4" "status	0	1" \
	    "renamed	home:Newer	1"; do
		said "$line"
	done
	must_hold a anna INBOX "n1 n2 n3 n7 changed"
	must_hold a anna A/B "n1 n2 n3"
	must_hold a anna A n4
	must_hold a anna Trash n6
	grep -q 'Subject: n7' saved/n7.eml || fail "not saved"
	adm a mailbox list -u anna >boxes
	! grep -q New boxes || fail "not removed" boxes
	[ "$(list a anna INBOX flags | grep -c '\\Seen')" = 0 ] || fail "reading has set Seen"
}

# Subjects in bytes of today and of yesterday, and fields that lie outside of ASCII.
case_headers()
{
	server a
	folder=$(inbox a anna)
	odd()
	{
		letters=$((letters + 1))
		printf "From: %b\nTo: me@example.org\nSubject: %b\nMessage-ID: <odd$letters@example.com>\n\nx\n" \
		    "$1" "$2" >"$folder/new/$letters.odd"
	}
	odd 'Gr\0303\0266\0303\0237e <g@example.com>' 'Gr\0303\0274\0303\0237e (UTF-8)'
	odd 'plain@example.com' 'Gr\0374\0337e (Latin-1)'
	odd '=?utf-8?Q?Gr=C3=B6=C3=9Fe?= <g@example.com>' '=?iso-8859-1?Q?Gr=FC=DFe?= (Q)'
	odd '=?utf-8?B?R3LDtsOfZQ==?= <g@example.com>' '=?utf-8?B?R3LDvMOf?=\n =?utf-8?B?ZSAo?= B)'
	odd 'plain@example.com' 'Nothing of the kind'
	script "$(account home a anna 'create = true')" 'home.inbox:rules {' \
	    '{ "s", when = q.subject "GRÜßE", stop = false, copy = "Subject" },' \
	    '{ "f", when = q.from "größe", copy = "From" } }'
	mill 0 run --once --existing rules.lua
	in_box a anna Subject 4 || fail "$(amount a anna Subject) by subject, not 4"
	in_box a anna From 3 || fail "$(amount a anna From) by sender, not 3"
	script "$(account home a anna)" 'print(#home.inbox:search(q.subject "Grüße"))'
	mill 0 exec rules.lua
	said 4
}

# names SERVER: targets that a server spells in its own way.
names()
{
	letter "$(inbox $1 anna)" one
	script "$(account home $1 anna 'create = "subscribed"')" 'home.inbox:rules {' \
	    '{ "1", copy = "Größere Sachen/A & B" }, { "2", copy = "two  blanks" },' \
	    '{ "3", copy = [["quoted" \ back]] }, { "4", copy = "日本語/メール" },' \
	    '{ "5", copy = "per%25cent" }, { "6", copy = "(paren) {{1}} *" }, { "7", copy = "NIL" },' \
	    '{ "8", copy = "Lists/{from.local_part}" } }'
}

case_names()
{
	server a
	names a
	mill 0 run --once --existing rules.lua
	for box in 'Größere Sachen/A & B' 'two  blanks' '"quoted" \ back' '日本語/メール' '(paren) {1} *' NIL per%cent; do
		must_hold a anna "$box" one
	done
	adm a mailbox list -u anna -s >boxes
	grep -qF 'Größere Sachen/A & B' boxes || fail "not subscribed" boxes
	# Found again under the same names.
	script "$(account home a anna)" 'for _, name in ipairs { "Größere Sachen/A & B", "two  blanks",' \
	    '[["quoted" \ back]], "日本語/メール", "(paren) {1} *", "NIL" } do' \
	    'print(name, #home(name):search()) end' 'for b in home:mailboxes() do print(b) end'
	mill 0 exec rules.lua
	for box in 'Größere Sachen/A & B' 'two  blanks' '"quoted" \ back' '日本語/メール' '(paren) {1} *' NIL; do
		said "$box	1"
		said "home:$box"
	done
}

# A server whose mailboxes lie below INBOX, with a dot between the levels.
case_names_below_inbox()
{
	server b <<-'END'
	namespace inbox {
	  separator = .
	  prefix = INBOX.
	}
	END
	letter "$(inbox b anna)" one
	letter "$(inbox b anna)" two
	adm b mailbox create -u anna INBOX.Old
	letter "$(inbox b anna)/.Old" three
	script "$(account home b anna 'create = true')" 'home.inbox:rules {' \
	    '{ "c", copy = "Lists/dev" }, { "d", when = q.subject "two", delete = true } }' \
	    'home "Lists/dev":rules { { "own", own = true, flag = "Handled" } }'
	mill 0 run --once --existing rules.lua
	must_hold b anna INBOX.Lists.dev "one two"
	must_hold b anna INBOX.Trash two
	must_hold b anna INBOX one
	mill 0 run --once rules.lua
	script "$(account home b anna)" 'print("found", #home "Lists/dev":search(), home.trash)' \
	    'for b in home:mailboxes() do print(b, #b:search()) end'
	mill 0 exec rules.lua
	said "home:Old	1"
	said "found	2	home:@trash"
	said "home:Lists/dev	2"
	said "home:INBOX	1"
	# A dot in a name would be two levels there.
	script "$(account home b anna 'create = true')" 'print(home "Old":search():copy "Lists/a.b")'
	timeout -k 2 40 "$MAILMILL" exec rules.lua >"$OUT" 2>&1 </dev/null
	in_box b anna INBOX.Lists.a.b 0 || fail "a.b became two levels"
}

case_roles()
{
	server a <<-'END'
	namespace inbox {
	  mailbox Trash {
	    auto = no
	    special_use =
	  }
	  mailbox Ablage {
	    auto = create
	    special_use = \Archive
	  }
	  mailbox "Weg damit" {
	    auto = create
	    special_use = \Trash
	  }
	}
	END
	letter "$(inbox a anna)" one
	letter "$(inbox a anna)" two
	script "$(account home a anna)" 'home.inbox:rules {' \
	    '{ "d", when = q.subject "one", delete = true },' \
	    '{ "a", when = q.subject "two", move = "@archive" } }'
	mill 0 run --once --existing rules.lua
	must_hold a anna "Weg damit" one
	must_hold a anna Ablage two
	in_box a anna Trash 0 || fail "another Trash was taken"
}

case_functions()
{
	server a
	{
		printf 'From: Anna <anna@example.com>\nTo: me@example.org\nSubject: with a part\n'
		printf 'Message-ID: <p@example.com>\nMIME-Version: 1.0\n'
		printf 'Content-Type: multipart/mixed; boundary=cut\n\n--cut\nContent-Type: text/plain\n\n'
		printf 'the text\n--cut\nContent-Type: application/pdf; name="bill.pdf"\n'
		printf 'Content-Transfer-Encoding: base64\n\nSGVsbG8sIHdvcmxkIQ==\n--cut--\n'
	} >"$(inbox a anna)/new/1.part"
	letter "$(inbox a anna)" raises
	letter "$(inbox a anna)" plain
	script "$(account home a anna 'create = true')" 'local seen = mail.store "seen"' \
	    'home.inbox:on_new("f", function(msg)' \
	    'seen:incr "all"' \
	    'if msg.subject == "raises" then msg:flag "Never" error "on purpose" end' \
	    'for part in msg:parts "application/pdf" do' \
	    'print("part", part.filename, part:bytes(), part.number, part.size) part:save "saved/" end' \
	    'print("text", msg.text:gsub("%s+$", ""))' \
	    'msg:flag { "seen", "Handled" } msg:move("By/" .. msg.from.domain:gsub("%.", "-")) end)' \
	    'home.inbox:rules { { "later", after = "1h", flag = "Late" } }'
	mill 1 run --once --existing rules.lua
	said "part	bill.pdf	Hello, world!	2"
	said "on purpose"
	must_hold a anna INBOX raises
	in_box a anna By/example-com 2 || fail "not both were moved"
	[ "$(cat saved/bill.pdf)" = "Hello, world!" ] || fail "the part was not saved"
	[ "$(list a anna By/example-com flags | grep -c 'Seen.*Handled\|Handled.*Seen')" = 2 ] ||
	    fail "not flagged"
	[ "$(list a anna INBOX flags | grep -c Never)" = 0 ] || fail "flagged by one that raised"
	script "$(account home a anna)" 'print("all", mail.store "seen":get "all")'
	mill 0 exec rules.lua
	said "all	2"
}

case_after()
{
	server a
	script "$(account home a anna 'create = true')" 'home.inbox:rules {' \
	    '{ "soon", after = "2s", unless = q.flagged, move = "Box" } }'
	start run rules.lua
	await "watched by IDLE"
	letter "$(inbox a anna)" one
	letter "$(inbox a anna)" two
	until_true in_box a anna INBOX 2
	adm a flags add -u anna '\Flagged' mailbox INBOX header subject two
	await "done: move to Box"
	must_hold a anna Box one
	must_hold a anna INBOX two
	stop
}

# A rule table over an INBOX of 2,000: turns of conversation, not one for each message.
case_many_messages()
{
	# A layout that takes dots in names.
	server a <<-END
	mail_location = maildir:~/Maildir:LAYOUT=fs
	END
	awk -v folder="$(inbox a anna)" 'BEGIN {
		for (i = 1; i <= 2000; i++) {
			file = sprintf("%s/new/%d.M%dP1.many", folder, 1767225600 + i, i)
			printf "From: s%d@d%d.example.com\nTo: me@example.org\n", i, i % 10 >file
			if (i % 4 == 0)
				printf "List-Id: <dev.lists.example.org>\n" >file
			printf "Subject: %s %d\n", i % 5 ? "mail" : "invoice", i >file
			printf "Message-ID: <many%d@example.com>\n\ntext %d\n", i, i >file
			close(file)
		}
	}'
	script "$(account home a anna 'create = true')" 'home.inbox:rules {' \
	    '{ "lists", when = q.list_id, move = "Lists/{list_id}" },' \
	    '{ "bills", when = q.subject "invoice", flag = "Invoice", copy = "Bills" },' \
	    '{ "third", when = q.from:domain "d3.example.com", move = "Third" },' \
	    '{ "rest", when = q.from "example.com", flag = "Seen-by-us" } }'
	begun=$(now_ms)
	mill 0 run --quiet --once --existing rules.lua
	took=$(($(now_ms) - begun))
	in_box a anna Lists/dev.lists.example.org 500 ||
	    fail "$(amount a anna Lists/dev.lists.example.org) in Lists/dev.lists.example.org, not 500"
	in_box a anna Bills 300 || fail "$(amount a anna Bills) bills, not 300"
	in_box a anna Third 200 || fail "$(amount a anna Third) in Third, not 200"
	in_box a anna INBOX 1300 || fail "$(amount a anna INBOX) are left, not 1300"
	[ "$(list a anna INBOX flags | grep -c Seen-by-us)" = 1300 ] || fail "not all of the rest flagged"
	raw a anna >said
	commands=$(grep -Ec '^[A-Za-z]+[0-9]+ ' said)
	echo "live/many_messages: $commands commands, $took ms" >figures
	[ "$commands" -lt 200 ] || fail "$commands commands for 2,000 messages" said
	# And a start with nothing new.
	rm -f "$(place a)/raw/anna"/*
	mill 0 run --quiet --once rules.lua
	raw a anna >said
	commands=$(grep -Ec '^[A-Za-z]+[0-9]+ ' said)
	[ "$commands" -lt 25 ] || fail "$commands commands with nothing new" said
}

case_check_connect()
{
	server a
	adm a mailbox create -u anna There
	letter "$(inbox a anna)" one
	script "$(account home a anna)" 'home.inbox:rules { { "a", move = "There" } }'
	dry a check --connect rules.lua
	said "localhost"
	script "$(account home a anna)" 'home.inbox:rules { { "a", move = "Nowhere" } }'
	timeout -k 2 40 "$MAILMILL" check --connect rules.lua >"$OUT" 2>&1 </dev/null
	said "Nowhere"
	script "$(account home a anna 'password = "wrong"')" 'home.inbox:rules { { "a", move = "There" } }'
	mill 5 check --connect rules.lua
	said "AUTHENTICATIONFAILED"
}
