-- luacheck, for lua/ and tests/lua
std = "lua54"
globals = { "mail" }
max_line_length = 100
self = false
unused_args = false
-- A test file holds several scripts; scopes that only close are not used otherwise.
files["tests/lua"] = {
	ignore = { "211", "221", "241", "331", "411", "421", "431", "542" }, max_line_length = 120,
}
