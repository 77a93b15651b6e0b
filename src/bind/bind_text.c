/*
 * Text, time and the log: durations, sizes, points of time, word lists (mail.list).
 * Lists are files or tables; a file is looked at again, at most once a second, when it
 * is asked.
 */
#include "bind/bind_int.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/wordlist.h"

#define ENTRIES_MAX	1000000
#define LOG_MAX		((size_t)8 << 10)
#define ZONE_BYTES	200u

/* ---- durations, sizes, points of time */

static int
core_duration(lua_State *L)
{
	struct err e = ERR_NONE;
	int64_t ms;

	if (duration_parse(bind_view_arg(L, 1), &ms, &e) < 0)
		return rt_raise(L, &e, NULL, NULL, NULL);
	lua_pushinteger(L, ms);
	return 1;
}

static int
core_size(lua_State *L)
{
	struct err e = ERR_NONE;
	int64_t bytes;

	if (size_parse(bind_view_arg(L, 1), &bytes, &e) < 0)
		return rt_raise(L, &e, NULL, NULL, NULL);
	lua_pushinteger(L, bytes);
	return 1;
}

static void
drop_zone(void *p)
{
	zone_free(p);
}

/* The zone named at arg, in scratch on top; NULL is local. */
static struct zone *
check_zone(lua_State *L, int arg)
{
	struct zone **slot = bind_scratch(L, sizeof(struct zone *), drop_zone);
	struct err e = ERR_NONE;

	if (lua_isnoneornil(L, arg))
		return NULL;
	*slot = zone_new(view_of(bind_text_arg(L, arg, ZONE_BYTES)), &e);
	if (*slot == NULL)
		rt_raise(L, &e, NULL, NULL, NULL);
	return *slot;
}

static int
core_time(lua_State *L)
{
	struct view text = bind_view_arg(L, 1);
	struct zone *z;
	struct err e = ERR_NONE;
	int64_t at;

	lua_settop(L, 2);
	z = check_zone(L, 2);
	if (time_parse(text, z, &at, &e) < 0)
		return rt_raise(L, &e, NULL, NULL, NULL);
	lua_pushinteger(L, at);
	return 1;
}

/* As os.date("*t") has them. */
static const struct { const char *name; size_t off; int add; bool needed; } tm_fields[] = {
	{ "year", offsetof(struct tm, tm_year), 1900, true },
	{ "month", offsetof(struct tm, tm_mon), 1, true },
	{ "day", offsetof(struct tm, tm_mday), 0, true },
	{ "hour", offsetof(struct tm, tm_hour), 0, false },
	{ "min", offsetof(struct tm, tm_min), 0, false },
	{ "sec", offsetof(struct tm, tm_sec), 0, false },
	{ "wday", offsetof(struct tm, tm_wday), 1, false },
	{ "yday", offsetof(struct tm, tm_yday), 1, false },
};

static int *
tm_place(struct tm *tm, size_t i)
{
	return (int *)(void *)((char *)tm + tm_fields[i].off);
}

static int
core_split_time(lua_State *L)
{
	double at = luaL_checknumber(L, 1);
	struct tm tm = { 0 };

	luaL_argcheck(L, at > -1e15 && at < 1e15, 1, "a time in seconds since 1970");
	lua_settop(L, 2);
	zone_split(check_zone(L, 2), (int64_t)floor(at), &tm);
	lua_createtable(L, 0, ARRAY_LEN(tm_fields));
	for (size_t i = 0; i < ARRAY_LEN(tm_fields); i++) {
		lua_pushinteger(L, *tm_place(&tm, i) + tm_fields[i].add);
		lua_setfield(L, -2, tm_fields[i].name);
	}
	return 1;
}

static int
core_join_time(lua_State *L)
{
	struct tm tm = { 0 };

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	for (size_t i = 0; i < ARRAY_LEN(tm_fields); i++) {
		lua_Integer n = tm_fields[i].add;
		int ok = 1;

		if (lua_getfield(L, 1, tm_fields[i].name) != LUA_TNIL)
			n = lua_tointegerx(L, -1, &ok);
		else if (tm_fields[i].needed)
			ok = 0;
		if (!ok || n < -100000 || n > 100000)
			return rt_fail(L, ERR_USAGE, "%s of a time is missing or no whole number in range",
			    tm_fields[i].name);
		*tm_place(&tm, i) = (int)n - tm_fields[i].add;
		lua_pop(L, 1);
	}
	lua_pushinteger(L, zone_join(check_zone(L, 2), tm));
	return 1;
}

static int
core_now(lua_State *L)
{
	lua_pushnumber(L, (double)loop_wall(bind_script(L)->conf.loop) / 1000);
	return 1;
}

/* ---- the log */

static void
drop_str(void *p)
{
	str_free(p);
}

/* A line from a rule function says of which message. */
static int
core_log(lua_State *L)
{
	static const char *const names[] = { "error", "warn", "info", "debug", NULL };
	static const enum log_level levels[] = { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
	enum log_level level = levels[luaL_checkoption(L, 1, "info", names)];
	struct view text = bind_view_arg(L, 2);
	struct script *s = bind_script(L);
	struct call *c = rt_self(L) != NULL ? task_data(rt_self(L)) : NULL;
	struct str *line;

	if (!log_on(s->conf.log, level))
		return 0;
	line = bind_scratch(L, sizeof(*line), drop_str);
	line->max = 2 * LOG_MAX;
	if (c != NULL)
		str_addf(line, "%s:%s/%u: ", c->msg->account, c->msg->mailbox,
		    message_facts(c->msg->m)->uid);
	str_addv(line, view_sub(text, 0, LOG_MAX));
	log_at(s->conf.log, level, "%s", str_z(line));
	return 0;
}

/* ---- mail.list */

static struct wordlist *
check_list(lua_State *L)
{
	struct wordlist *l = rt_check(L, 1, &bind_list_class);
	struct script *s = bind_script(L);
	struct err e = ERR_NONE;

	if (wordlist_refresh(l, loop_now(s->conf.loop), &e) < 0)
		log_warn(s->conf.log, "%s; its old entries stay", e.text);
	return l;
}

static int
list_has(lua_State *L)
{
	struct wordlist *l;
	struct view v;

	if (lua_istable(L, 2))		/* an address of a message */
		lua_getfield(L, 2, "address");
	else
		lua_pushvalue(L, 2);
	v = bind_view_arg(L, lua_gettop(L));
	l = check_list(L);		/* last: a table's __index may close it */
	lua_pushboolean(L, wordlist_has(l, v) || wordlist_has_address(l, v));
	return 1;
}

static int
list_change(lua_State *L, int (*change)(struct wordlist *l, struct view entry, struct err *e))
{
	struct wordlist *l = check_list(L);
	struct err e = ERR_NONE;

	if (change(l, bind_view_arg(L, 2), &e) < 0)
		return rt_raise(L, &e, NULL, NULL, NULL);
	lua_settop(L, 1);
	return 1;
}

static int
list_add(lua_State *L)
{
	return list_change(L, wordlist_add);
}

static int
list_remove_entry(lua_State *L)
{
	return list_change(L, wordlist_remove);
}

static int
list_len(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)wordlist_count(check_list(L)));
	return 1;
}

static void
list_release(void *p)
{
	struct wordlist *l = p;

	wordlist_free(&l);
}

static const luaL_Reg list_methods[] = {
	{ "has", list_has }, { "add", list_add }, { "remove", list_remove_entry }, { NULL, NULL },
};
static const luaL_Reg list_meta[] = { { "__len", list_len }, { NULL, NULL } };

const struct rt_class bind_list_class = {
	.name = "mail.list",
	.methods = list_methods,
	.release = list_release,
	.meta = list_meta,
};

static void
drop_list(void *p)
{
	wordlist_free(p);
}

static struct wordlist *
list_of_table(lua_State *L)
{
	lua_Integer n = luaL_len(L, 1);
	struct view *entries;

	luaL_argcheck(L, n >= 0 && n <= ENTRIES_MAX, 1, "not a list, or too many entries");
	entries = bind_scratch(L, (size_t)MAX(n, 1) * sizeof(*entries), NULL);
	for (lua_Integer i = 0; i < n; i++) {
		if (lua_rawgeti(L, 1, i + 1) != LUA_TSTRING)
			rt_fail(L, ERR_USAGE, "mail.list: entry %d is no text", (int)(i + 1));
		entries[i] = bind_view_arg(L, -1);
		lua_pop(L, 1);
	}
	return wordlist_of(entries, (size_t)n);
}

static void
drop_path(void *p)
{
	char **path = p;

	free(*path);
}

static int
core_list(lua_State *L)
{
	struct wordlist **slot;
	struct err e = ERR_NONE;
	char **path;

	lua_settop(L, 1);
	slot = bind_scratch(L, sizeof(struct wordlist *), drop_list);
	if (lua_istable(L, 1)) {
		*slot = list_of_table(L);
	} else {
		path = bind_scratch(L, sizeof(char *), drop_path);
		*path = bind_path(bind_script(L), bind_text_arg(L, 1, 4000));
		*slot = wordlist_open(*path, &e);
	}
	if (*slot == NULL)
		return rt_raise(L, &e, NULL, NULL, NULL);
	rt_push(L, &bind_list_class, *slot);
	*slot = NULL;
	return 1;
}

void
bind_text(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "duration", core_duration }, { "size", core_size }, { "time", core_time },
		{ "split_time", core_split_time }, { "join_time", core_join_time },
		{ "now", core_now }, { "log", core_log }, { "list", core_list },
		{ NULL, NULL },
	};

	rt_class_register(L, &bind_list_class);
	luaL_setfuncs(L, functions, 0);
	bind_regex(L);
}
