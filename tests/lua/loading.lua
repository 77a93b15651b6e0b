-- mode: check
-- output: loading.lua: 1 account, 1 rule on 1 mailbox: ok
-- output: checked up to the first wait, loading.lua:{here}
-- absent: after the wait
-- maildir: sample
local t = require "t"
local home = t.home()
home.inbox:rules { { "one", flag = "x" } }
print "before it"
home.inbox:status() --@here
print "after the wait"

-- mode: check
-- maildir: sample
-- output: checked up to the first wait, loading.lua:{search}
local t = require "t"
local home = t.home()
local all = home.inbox:search()
all:count() --@search

-- mode: check
-- expect: exit 3
-- output: bad.lua:1: unexpected symbol near '='
require "t".write("bad.lua", "local x = = 5")
require "bad"

-- mode: check
-- expect: exit 3
-- output: loading.lua:{boom}: boom
error "boom" --@boom

-- mode: check
-- expect: exit 3
-- output: module 'nosuch' not found
require "nosuch"

-- mode: check
-- output: 0 accounts, 0 rules on 0 mailboxes: ok
local sub = require "t"
print(type(sub))

-- mode: exec
-- expect: exit 1
-- output: loading.lua:{later}: later
mail.sleep(0)
error "later" --@later

-- mode: exec
-- expect: exit 1
-- output: attempt to index a nil value
mail.sleep(0)
local none
print(none.field)

-- mode: exec
-- maildir: sample
-- output: exec runs the program alone: the rules in it stay still
-- absent: done: flag
local t = require "t"
local home = t.home()
home.inbox:rules { { "one", flag = "x", existing = true } }
home.inbox:status()

-- mode: exec
-- expect: exit 3
-- maildir: sample
-- output: q.here can never hold when a message arrives
local t = require "t"
local home = t.home()
home.inbox:rules { { "x", when = mail.q.here "30d", move = "X" } }
