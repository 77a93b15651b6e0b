-- luacheck, for lua/ and tests/lua
std = "lua54"
globals = { "mail" }
max_line_length = 100
self = false
unused_args = false
