-- Prints what the functions of rules.lua have counted.
local store = require "mail".store "fault"

for _, key in ipairs(store:keys()) do
  print("count " .. key, store:get(key))
end
