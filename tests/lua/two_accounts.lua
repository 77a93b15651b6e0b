-- mode: exec
-- maildir: sample
local t = require "t"
local q = mail.q
local one = t.home { name = "one", create = true }
local two = mail.maildir { name = "two", path = "second", create = true }

t.case("across accounts", function()
	t.eq(one.inbox:search(q.uid "1:3"):move(two "From/one").done, 3)
	t.eq(one.inbox:search():count(), 5)
	t.eq(two "From/one":search():count(), 3)
	t.eq(two "From/one":search(q.seen):first().subject, "Invoice 17 for January")
	t.eq(two "From/one":search(q.seen):first().received, 1767225600 + 86400)
	t.eq(one.inbox:search(q.flagged):copy(two.inbox).done, 1)
	t.eq(two.inbox:search(q.flagged):count(), 1)
end)
t.case("sets of both", function()
	local both = one:search() + two:search()
	t.eq(both:count(), 9)
	t.eq(both:flag "Seen2".done, 9)
	t.eq(two:search(q.flag "seen2"):count(), 4)
	t.eq((both - two:search()):count(), 5)
end)
