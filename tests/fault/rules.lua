-- The rules of the fault tests: every verb at least once, alone and with others, over two
-- accounts, with functions, a later test and mailboxes whose rules must not see (or, with
-- own, must see once) what other rules put there.  A subject's first word names its rule.
local mail = require "mail"
local q = mail.q

local dir = os.getenv "FAULT_DIR"
local home = mail.maildir { name = "home", path = dir .. "/home", create = true, trash = "Trash" }
local other = mail.maildir { name = "other", path = dir .. "/other", create = true }
local seen = mail.store "fault"

local function is(word)
  return q.subject:starts(word .. " ")
end

home.inbox:on_new("count", function(msg)
  seen:incr "messages"
  seen:set("last " .. msg.message_id, msg.subject)
  if msg.subject:find "odd" then
    msg:flag "Odd"
  end
end)

home.inbox:rules {
  { "flag",     when = is "flag",     flag = { "flagged", "Work" } },
  { "unflag",   when = is "unflag",   unflag = "seen" },
  { "copy",     when = is "copy",     copy = "Copies" },
  { "away",     when = is "away",     copy = other "Copies" },
  { "save",     when = is "save",     save = dir .. "/saved/{message_id}.eml" },
  { "move",     when = is "move",     move = "Moved" },
  { "sorted",   when = is "sorted",   flag = "Sorted", move = "Sorted/{from.local_part}" },
  { "across",   when = is "across",   move = other "Moved" },
  { "delete",   when = is "delete",   delete = true },
  { "expunge",  when = is "expunge",  expunge = true },
  { "several",  when = is "several",  flag = "Several", unflag = "seen", copy = "Several",
                save = dir .. "/saved/several/{message_id}.eml", move = "Done" },
  { "both",     when = is "both",     copy = other "Both", move = other "Both too" },
  { "body",     when = q.body "needle", flag = "Needle", move = "Needles" },
  { "staged",   when = is "staged",   move = "Stage" },
  { "later",    when = is "later",    after = "1s", flag = "Later", copy = "Later" },
}

home.inbox:on_new("function", function(msg)
  if not msg.subject:find "^function " then
    return
  end
  seen:incr "function"
  msg:flag "Function"
  msg:copy "Function"
  for part in msg:parts "application/pdf" do
    part:save(dir .. "/saved/{message_id}/")
  end
  msg:copy(other "Function")
end)

home.inbox:on_new("replace", function(msg)
  if msg.subject:find "^replace " then
    seen:incr "replace"
    msg:replace("Message-ID: <new-" .. msg.message_id:gsub("[<>]", "") .. ">\r\n" ..
      "Subject: replaced\r\nFrom: r@example.com\r\n\r\nAnother body.\r\n")
  end
end)

-- What only our own actions bring is no arrival here.
for _, box in ipairs { home "Moved", home "Copies", home "Done", other "Moved", other "Both" } do
  box:rules { { "never", flag = "Wrong", copy = "Wrong" } }
end
-- ... but for this one, which asks for it.
home "Stage":rules { { "on", own = true, flag = "Staged", move = "Final" } }
