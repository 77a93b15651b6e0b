# Reloading: a changed file, SIGHUP, bad files, mail in between, functions under way.
# shellcheck shell=sh disable=SC2086,SC2154

flag_rule()
{
	rules "home.inbox:rules { { \"$1\", flag = \"$1\" } }"
}

case_reload_rename_over()
{
	maildir Maildir
	flag_rule One
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await "INBOX/1: done: flag One"
	flag_rule Two
	await "rules.lua: loaded again"
	letter Maildir two
	await "INBOX/2: done: flag Two"
	# Away and back, as editors with backups do.
	mv rules.lua rules.lua~
	sleep 0.5
	letter Maildir three
	await "INBOX/3: done: flag Two"
	flag_rule Three
	await "rules.lua: loaded again" 2
	letter Maildir four
	await "INBOX/4: done: flag Three"
	# Another file in the folder is no change.
	echo >other.lua
	sleep 0.6
	[ "$(count "loaded again" "$LOG")" = 2 ] || fail "another file made it load again"
	stop
	unsaid "error" "$LOG"
}

case_reload_write_in_place()
{
	maildir Maildir
	flag_rule One
	start run rules.lua
	await "rule at work"
	rules 'home.inbox:rules { { "Two", flag = "Two" } }'
	mv rules.lua two
	flag_rule One
	await "loaded again"
	# In pieces: the file is empty for a while, then half of it is there.
	: >rules.lua
	sleep 0.6
	letter Maildir one
	await "INBOX/1: done: flag"
	head -1 two >>rules.lua
	sleep 0.6
	tail -n +2 two >>rules.lua
	await "rules.lua: loaded again" 2
	kill -0 "$daemon" || fail "the daemon ended when the file was empty"
	letter Maildir two
	await "INBOX/2: done: flag Two"
	stop
}

case_reload_empty_file()
{
	maildir Maildir
	flag_rule One
	start run rules.lua
	await "rule at work"
	: >rules.lua
	await "was not taken"
	said "no rules" "$LOG"
	letter Maildir one
	await "INBOX/1: done: flag One"
	# What has timers is a program: it may take the place of rules.
	echo 'mail.every("1h", function() end)' >rules.lua
	await "loaded again"
	letter Maildir two
	sleep 0.5
	unsaid "INBOX/2" "$LOG"
	flag_rule Two
	await "loaded again" 2
	await "INBOX/2: done: flag Two"
	stop
}

case_reload_sighup()
{
	maildir Maildir
	echo 'return "One"' >word.lua
	rules 'local word = require "word"' 'home.inbox:rules { { "a", flag = word } }'
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await "INBOX/1: done: flag One"
	# A module that changed: the file itself did not.
	echo 'return "Two"' >word.lua
	signal HUP
	await "loaded again"
	letter Maildir two
	await "INBOX/2: done: flag Two"
	for n in 1 2 3 4 5 6 7 8; do
		signal HUP
	done
	letter Maildir three
	await "INBOX/3: done: flag Two"
	stop
}

case_reload_symlink()
{
	maildir Maildir
	mkdir dotfiles
	flag_rule One
	mv rules.lua dotfiles/real.lua
	ln -s dotfiles/real.lua rules.lua
	sed -i 's|path = "Maildir"|path = "'"$dir"'/Maildir"|' dotfiles/real.lua
	start run rules.lua
	await "rule at work"
	sed 's/One/Two/g' dotfiles/real.lua >dotfiles/new
	cat dotfiles/new >dotfiles/real.lua
	await "loaded again"
	letter Maildir one
	await "INBOX/1: done: flag Two"
	sed -i 's/Two/Three/g' dotfiles/real.lua
	await "loaded again" 2
	letter Maildir two
	await "INBOX/2: done: flag Three"
	# Another target, then a file in the link's place.
	sed 's/Three/Four/g' dotfiles/real.lua >dotfiles/other.lua
	ln -sfn dotfiles/other.lua rules.lua
	await "loaded again" 3
	letter Maildir three
	await "INBOX/3: done: flag Four"
	stop
}

case_reload_bad_file()
{
	maildir Maildir
	flag_rule One
	start run rules.lua
	await "rule at work"
	rules 'home.inbox:rules { { "a", flag = = "x" } }'
	await "was not taken"
	said "error: rules.lua:2: " "$LOG"
	said "the rules of before stay at work" "$LOG"
	said "mailmill check rules.lua" "$LOG"
	letter Maildir one
	await "INBOX/1: done: flag One"
	rules 'home.inbox:rules { { "a", flagg = "x" } }'
	await "was not taken" 2
	said "did you mean 'flag'" "$LOG"
	rules 'home.inbox:rules { { "a", when = q.older "3d", flag = "x" } }'
	await "was not taken" 3
	# Right in itself, but one account has no Maildir: nothing of it is taken.
	rules 'local work = mail.maildir { name = "work", path = "nowhere" }' \
	    'home.inbox:rules { { "Two", flag = "Two" } }'
	await "was not taken" 4
	said "rules.lua:2: account \"work\": no Maildir at $dir/nowhere" "$LOG"
	rules 'error "while loading"'
	await "was not taken" 5
	letter Maildir two
	await "INBOX/2: done: flag One"
	flag_rule Two
	await "loaded again"
	letter Maildir three
	await "INBOX/3: done: flag Two"
	stop
	[ "$(count "loaded again" "$LOG")" = 1 ] || fail "a bad file was taken"
}

# Mail comes in all the time while the file changes all the time.
case_reload_under_load()
{
	maildir Maildir
	for n in 1 2 3 4 5 6; do
		for k in 1 2 3 4 5 6 7 8 9 10; do
			letter Maildir "before"
		done
	done
	rules 'home.inbox:rules { { "a", existing = true, move = "Box" } }'
	start run rules.lua
	await "taking what is there (60)"
	for n in 1 2 3 4 5 6 7 8; do
		rules "home.inbox:rules { { \"r$n\", run = function(msg) mail.sleep(0.02) msg:copy \"Copy\" msg:move \"Box\" end } }"
		for k in 1 2 3 4 5 6 7 8 9 10; do
			letter Maildir "mail $n $k"
		done
		signal HUP
	done
	until_true has Maildir/.Box 140
	holds Maildir 0
	stop
	unsaid "error" "$LOG"
	holds Maildir/.Box 140
	[ "$(count "done: move to Box" "$LOG")" = 140 ] || fail "not 140 moves"
	[ "$(sort -u <<-END | wc -l
	$(grep -h '^Message-ID' Maildir/.Box/*/*)
	END
	)" = 140 ] || fail "some mail is there twice"
	copies=$(mails Maildir/.Copy)
	[ "$(count "done: copy to Copy" "$LOG")" = "$copies" ] || fail "copies and plans differ"
}

# A function that waits at a reload ends under the old rules; new mail meets the new ones.
case_reload_function_under_way()
{
	maildir Maildir
	rules 'home.inbox:on_new("old", function(msg)' \
	    'mail.log "begun"' 'mail.sleep(1.5)' 'mail.log "going on"' 'msg:move "Old" end)'
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await begun
	rules 'home.inbox:rules { { "new", move = "New" } }'
	await "loaded again"
	letter Maildir two
	await "INBOX/2: done: move to New"
	unsaid "going on" "$LOG"
	await "INBOX/1: done: move to Old"
	said "going on" "$LOG"
	stop
	holds Maildir/.Old 1
	holds Maildir/.New 1
	unsaid "warn" "$LOG"
}

# An account whose options change is closed and opened; one that goes, goes.
case_reload_accounts()
{
	maildir Maildir Second
	flag_rule One
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await "INBOX/1: done: flag One"
	cat >rules.new <<-'END'
	local home = mail.maildir { name = "home", path = "Maildir", create = true, trash = "Bin" }
	local work = mail.maildir { name = "work", path = "Second" }
	home.inbox:on_new("slow", function(msg) mail.log "begun" mail.sleep(1) msg:delete() end)
	work.inbox:rules { { "w", flag = "W" } }
	END
	mv rules.new rules.lua
	await "loaded again"
	letter Maildir two
	letter Second one
	await "work:INBOX/1: done: flag W"
	await begun
	# Twice more while the function is under way: three accounts of one name in a row.
	for bin in Bin2 Bin3; do
		cat >rules.lua <<-END
		local home = mail.maildir { name = "home", path = "Maildir", create = true, trash = "$bin" }
		home.inbox:rules { { "d", delete = true } }
		END
		signal HUP
		sleep 0.1
	done
	letter Maildir three
	letter Second two
	await "home:INBOX/2: done: delete"
	await "home:INBOX/3: done: delete"
	holds Maildir/.Bin 1
	holds Maildir/.Bin3 1
	unsaid "work:INBOX/2" "$LOG"
	stop
	unsaid "error" "$LOG"
}

case_reload_timers_and_tasks()
{
	cat >rules.lua <<-'END'
	mail.every(0.1, function() mail.log "old tick" end)
	mail.sleep(0.05)
	local guard <close> = setmetatable({}, { __close = function() mail.log "old task closed" end })
	mail.sleep "1h"
	END
	start run rules.lua
	await "old tick" 2
	echo 'mail.every(0.1, function() mail.log "new tick" end)' >rules.new
	mv rules.new rules.lua
	await "new tick"
	await "old task closed"
	before=$(count "old tick" "$LOG")
	await "new tick" 4
	[ "$(count "old tick" "$LOG")" = "$before" ] || fail "the old timer still runs"
	stop
	unsaid "error" "$LOG"
}

# A whole folder of configuration is put in the place of the old one.
case_reload_folder_swapped()
{
	maildir Maildir
	flag_rule One
	sed -i "s|path = \"Maildir\"|path = \"$dir/Maildir\"|" rules.lua
	mkdir etc etc.new
	mv rules.lua etc/
	sed 's/One/Two/g' etc/rules.lua >etc.new/rules.lua
	start run etc/rules.lua
	await "rule at work"
	letter Maildir one
	await "INBOX/1: done: flag One"
	mv etc etc.old
	mv etc.new etc
	await "etc/rules.lua: loaded again"
	letter Maildir two
	await "INBOX/2: done: flag Two"
	# Gone for a while.
	mv etc etc.new
	sleep 1
	letter Maildir three
	await "INBOX/3: done: flag Two"
	mv etc.new etc
	sed 's/Two/Three/g' etc/rules.lua >new
	mv new etc/rules.lua
	await "etc/rules.lua: loaded again" 2
	letter Maildir four
	await "INBOX/4: done: flag Three"
	stop
	unsaid "error" "$LOG"
}

# The account of a function under way leaves the rules.
case_reload_account_removed()
{
	maildir Maildir Second
	rules 'home.inbox:on_new("slow", function(msg)' \
	    'mail.log "begun" mail.sleep(1) msg:copy "Kept" msg:move(home "Box") end)'
	start run rules.lua
	await "rule at work"
	letter Maildir one
	await begun
	cat >rules.new <<-'END'
	local work = mail.maildir { name = "work", path = "Second" }
	work.inbox:rules { { "w", flag = "W" } }
	END
	mv rules.new rules.lua
	await "loaded again"
	letter Maildir two
	letter Second one
	await "work:INBOX/1: done: flag W"
	await "home:INBOX/1: done: move to Box"
	sleep 0.3
	unsaid "INBOX/2" "$LOG"
	# It comes back: what came meanwhile is new mail.
	rules 'home.inbox:rules { { "back", flag = "Back" } }'
	await "home:INBOX/2: done: flag Back"
	stop
	unsaid "error" "$LOG"
	holds Maildir/.Box 1
	holds Maildir/.Kept 1
}

# A program that catches what cancels it does not go on, let alone in circles.
case_reload_stubborn_program()
{
	cat >rules.lua <<-'END'
	mail.every("1h", function() end)
	mail.log "old begun"
	local rounds = 0
	while true do
		pcall(mail.sleep, 0.01)
		rounds = rounds + 1
		if rounds % 1000 == 0 then
			mail.log "old round"
		end
	end
	END
	start run rules.lua
	await "old begun"
	echo 'mail.every(0.1, function() mail.log "new tick" end)' >rules.new
	mv rules.new rules.lua
	await "new tick"
	sleep 2
	before=$(count "old round" "$LOG")
	ticks=$(count "new tick" "$LOG")
	await "new tick" $((ticks + 5))
	[ "$(count "old round" "$LOG")" = "$before" ] || fail "the old program still runs"
	stop
}
