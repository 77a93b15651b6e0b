/* Handles, option tables, error objects, and the libraries' limits. */
#include "rt_fixture.h"

struct thing { int refs; int64_t n; };

static int t_get(lua_State *L);
static int t_shut(lua_State *L);
static void thing_release(void *obj) { ((struct thing *)obj)->refs--; }

static int
thing_index(lua_State *L, void *obj, const char *key)
{
	struct thing *t = obj;

	if (strcmp(key, "subject") != 0)
		return 0;
	lua_pushinteger(L, t->n);
	return 1;
}

static const luaL_Reg thing_methods[] = { { "get", t_get }, { "shut", t_shut }, { NULL, NULL } };
static const char *const thing_fields[] = { "subject", NULL };
static const struct rt_class thing_class = {
	.name = "mail.message", .methods = thing_methods, .index = thing_index,
	.fields = thing_fields, .release = thing_release,
};
static const struct rt_class other_class = { .name = "mail.other" };

static int
t_get(lua_State *L)
{
	lua_pushinteger(L, ((struct thing *)rt_check(L, 1, &thing_class))->n);
	return 1;
}

static int
t_shut(lua_State *L)
{
	rt_close(L, 1, &thing_class);
	return 0;
}

struct out { const char *s; int64_t n; double d; bool b; int64_t ms, size; };

static int
f_opts(lua_State *L)
{
	static const struct rt_opt rows[] = {
		{ "name", OPT_STRING, offsetof(struct out, s), true },
		{ "count", OPT_INTEGER, offsetof(struct out, n), false },
		{ "ratio", OPT_NUMBER, offsetof(struct out, d), false },
		{ "create", OPT_BOOLEAN, offsetof(struct out, b), false },
		{ "timeout", OPT_DURATION, offsetof(struct out, ms), false },
		{ "limit", OPT_SIZE, offsetof(struct out, size), false },
		{ "fn", OPT_ANY, 0, false },
	};
	struct out o = { .n = 5, .ms = 7 };

	rt_opts(L, 1, "mail.thing", rows, ARRAY_LEN(rows), &o);
	lua_pushfstring(L, "%s/%d/%d/%d/%d", o.s, (int)o.n, (int)o.b, (int)o.ms, (int)o.size);
	return 1;
}

static int
f_fail(lua_State *L)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_REFUSED, SCOPE_ACCOUNT, "no such mailbox");
	e.temporary = true;
	return rt_raise(L, &e, "copy", "work", "Lists");
}

static int
push_aux(lua_State *L)
{
	static const luaL_Reg fns[] = { { "opts", f_opts }, { "fail", f_fail } };

	rt_class_register(L, &thing_class);
	rt_class_register(L, &other_class);
	lua_pushglobaltable(L);
	lua_pushliteral(L, "thing");
	rt_push(L, &thing_class, lua_touserdata(L, 1));
	lua_rawset(L, -3);
	lua_pushliteral(L, "other");
	rt_push(L, &other_class, lua_touserdata(L, 1));
	lua_rawset(L, -3);
	for (size_t i = 0; i < ARRAY_LEN(fns); i++) {
		lua_pushstring(L, fns[i].name);
		lua_pushcfunction(L, fns[i].func);
		lua_rawset(L, -3);
	}
	return 0;
}

#define WITH_THING() \
	struct thing t = { .refs = 1, .n = 42 }; \
	struct err e = ERR_NONE; \
	struct fx *f = fx_new(true, NULL); \
	EXPECT(rt_pcall(f->rt, push_aux, &t, &e) == 0)
#define DONE()	fx_free(&f); EXPECT(f == NULL)
#define FAILS(src, want_)	fx_run(f, src); EXPECT_STR(f->e.text, want_)

TEST(fields_and_methods)
{
	WITH_THING();
	fx_run(f, "note(thing:get()) note(thing.subject) note(tostring(thing):match '^message')");
	EXPECT_STR(str_z(&f->notes), "42 42 message");
	FAILS("return thing.sbuject",
	    "message: no field or method 'sbuject'; did you mean 'subject'?");
	FAILS("thing:gte()", "message: no field or method 'gte'; did you mean 'get'?");
	FAILS("return thing.wholly_unknown", "message: no field or method 'wholly_unknown'");
	FAILS("thing.subject = 1", "message: 'subject' cannot be assigned");
	FAILS("return thing[1]", "message: no field of type number");
	fx_run(f, "thing.get(other)");
	EXPECT(strstr(f->e.text, "message expected, got mail.other") != NULL);
	fx_run(f, "getmetatable('').__index.x = nil thing.get {}");
	EXPECT(strstr(f->e.text, "message expected, got table") != NULL);
	DONE();
}

TEST(closed_handles)
{
	WITH_THING();
	fx_run(f, "thing:shut() thing:shut() note(tostring(thing))");
	EXPECT_STR(str_z(&f->notes), "message (closed)");
	EXPECT_EQ(t.refs, 0);
	FAILS("thing:get()", "message is closed");
	EXPECT_EQ(f->e.kind, ERR_GONE);
	FAILS("return thing.subject", "message is closed");
	DONE();
	EXPECT_EQ(t.refs, 0);
}

TEST(collected_and_scoped_handles)
{
	WITH_THING();
	fx_run(f, "do local x <close> = thing end note(tostring(thing))");
	EXPECT_STR(str_z(&f->notes), "message (closed)");
	EXPECT_EQ(t.refs, 0);
	t.refs = 1;
	EXPECT(rt_pcall(f->rt, push_aux, &t, &e) == 0);
	fx_run(f, "rawset(_G, 'thing', nil) collectgarbage()");
	EXPECT_EQ(t.refs, 0);
	DONE();
}

TEST(option_tables)
{
	WITH_THING();
	fx_run(f, "return opts { name = 'x', create = true, timeout = '2min', limit = '1kB', fn = print }");
	EXPECT_STR(f->result, "x/5/1/120000/1000");
	fx_run(f, "return opts { name = 'x', count = 9, timeout = 1.5, limit = 10, ratio = 1 }");
	EXPECT_STR(f->result, "x/9/0/1500/10");
	FAILS("opts { nmae = 'x' }", "mail.thing: no option 'nmae'; did you mean 'name'?");
	FAILS("opts()", "mail.thing: name is missing");
	FAILS("opts { name = 1 }", "mail.thing: name must be a string, not a number");
	FAILS("opts { name = 'a\\0b' }", "mail.thing: name contains a NUL byte");
	FAILS("opts { name = 'x', count = 1.5 }", "mail.thing: count must be an integer, not a number");
	FAILS("opts { name = 'x', count = '1' }", "mail.thing: count must be an integer, not a string");
	FAILS("opts { name = 'x', create = 1 }", "mail.thing: create must be true or false, not a number");
	FAILS("opts { name = 'x', timeout = -1 }", "mail.thing: timeout is out of range");
	FAILS("opts 'x'", "mail.thing: a table of options expected, got a string");
	fx_run(f, "opts { 'x' }");
	EXPECT(strstr(f->e.text, "mail.thing: options have names") == f->e.text);
	fx_run(f, "opts { name = 'x', timeout = '5m' }");
	EXPECT(strstr(f->e.text, "mail.thing: timeout: ") == f->e.text);
	DONE();
}

TEST(error_objects)
{
	WITH_THING();
	fx_run(f, "local ok, x = pcall(function() fail() end) "
	    "for _, k in ipairs { 'code', 'message', 'op', 'account', 'mailbox', 'where', 'scope', "
	    "  'temporary', 'cause' } do note(x[k]) end note(x) note('E ' .. x) error(x)");
	EXPECT_STR(str_z(&f->notes), "refused no such mailbox copy work Lists script:1 account true nil "
	    "script:1: no such mailbox E script:1: no such mailbox");
	EXPECT_EQ(f->e.kind, ERR_REFUSED);
	EXPECT_EQ(f->e.scope, SCOPE_ACCOUNT);
	EXPECT(f->e.temporary);
	EXPECT_STR(f->e.text, "no such mailbox");
	FAILS("error()", "an error without a text (its value is nil)");
	FAILS("error(12)", "12");
	FAILS("error({message = 'm'})", "m");
	FAILS("error(setmetatable({}, {__index = error}))", "an error without a text (its value is a table)");
	EXPECT_EQ(f->e.kind, ERR_USAGE);
	DONE();
}

TEST(strict_globals)
{
	WITH_THING();
	FAILS("return prnt", "undeclared global 'prnt'; did you mean 'print'?");
	FAILS("x = 1", "assign to undeclared global 'x'; write local x");
	FAILS("function go() end", "assign to undeclared global 'go'; write local function go");
	FAILS("setmetatable(_G, nil)", "script:1: cannot change a protected metatable");
	DONE();
}

TEST(libraries)
{
	WITH_THING();
	fx_run(f, "note(load('return 1')()) note((load(string.dump(function() end)))) "
	    "note((load(string.dump(function() end), 'x', 'b'))) "
	    "note(load('return y', 'c', 't', {y = 3})()) "
	    "note(debug.sethook) note(debug.getinfo(1, 'l').currentline) "
	    "note(debug.getinfo(print).func) note(type(collectgarbage 'count'))");
	EXPECT_STR(str_z(&f->notes), "1 nil nil 3 nil 1 nil number");
	FAILS("os.exit()", "os.exit would end every task; return from the script, "
	    "or raise with error()");
	FAILS("io.popen 'ls'", "io.popen would stop every task; use mail.command { ... }");
	FAILS("os.execute 'ls'", "os.execute would stop every task; use mail.command { ... }");
	fx_run(f, "collectgarbage 'stop'");
	EXPECT(strstr(f->e.text, "collectgarbage: only") == f->e.text);
	fx_run(f, "setmetatable({}, {__gc = print})");
	EXPECT(strstr(f->e.text, "setmetatable: __gc") == f->e.text);
	DONE();
}

TEST(modules_are_text)
{
	char dir[220], path[260], src[1600];
	FILE *fp;
	WITH_THING();

	snprintf(dir, sizeof(dir), "%s", unit_tmp());
	snprintf(path, sizeof(path), "%s/good.lua", dir);
	fp = fopen(path, "w");
	EXPECT(fp != NULL);
	fputs("return { word = ... }", fp);
	fclose(fp);
	snprintf(src, sizeof(src), "package.path = '%s/?.lua' note(require 'good'.word) "
	    "local f <close> = io.open('%s/bad.lua', 'wb') f:write(string.dump(function() end)) f:close() "
	    "note(pcall(require, 'bad')) note(pcall(dofile, '%s/bad.lua')) note(loadfile '%s/bad.lua') "
	    "note(type(dofile '%s/good.lua')) "
	    "note((pcall(require, 'absent')))", dir, dir, dir, dir, dir);
	fx_run(f, src);
	EXPECT_STR(str_z(&f->notes), "good false false nil table false");
	DONE();
}
