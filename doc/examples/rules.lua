-- Rules for one Maildir.  Try it without risk: mailmill run --dry-run --once rules.lua
local mail = require "mail"
local q = mail.q

local home = mail.maildir {
  name = "home",
  path = os.getenv "MAILDIR" or "~/Maildir",
  create = true,                       -- missing target mailboxes are made
}

local family = mail.list { "*@mueller.example", "opa@bund.example" }

home.inbox:rules {
  { "spam",     when = q.header("X-Spam-Flag", "YES"),             flag = "seen", move = "Junk" },
  { "family",   when = q.from(family),                             flag = "flagged" },
  { "lists",    when = q.list_id:domain "lists.example.org",       move = "Lists/{list_id}" },
  { "tickets",  when = q.subject:matches [[#(?<ticket>\d{4,})\b]], move = "Tickets/{ticket}" },
  { "invoices", when = q.subject { "invoice", "Rechnung" },        flag = "Invoice",
                copy = "Archive/{date:%Y}" },
  { "news",     when = q.header "List-Unsubscribe", unless = q.flagged, move = "News" },
}

-- Where tables end, functions begin.  Their verbs are decisions: all of them happen
-- when the function has returned, none of them if it raises.  serial: one by one, so
-- that two letters of one sender do not both look like the first.
local senders = mail.store "senders"

home.inbox:rules {
  { "first letter", serial = true, run = function(msg)
    if msg.from and senders:incr(msg.from.address) == 1 then
      mail.log("first letter of", msg.from.address)
      msg:flag "New"
    end
  end },
}
