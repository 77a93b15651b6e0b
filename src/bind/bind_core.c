/*
 * The table core itself: the gate at the load point, the embedded Lua files, the
 * script's own facts, and reading arguments.
 *
 * Whoever waits calls the gate first.  The main task's first call is the load point;
 * all that call it sleep until the script is activated.
 */
#include "bind/bind_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/near.h"
#include "bind/embedded.h"

#ifndef MAILMILL_VERSION
#define MAILMILL_VERSION "unknown"
#endif

#define NAMES_MAX	500			/* looked through for "did you mean" */
#define LEVELS_MAX	64			/* of the stack, looked through for the script's line */
#define FINDINGS_MAX	1000u

/* Their addresses are keys of the registry. */
static const char core_key = 'c', loaded_key = 'l';

struct script *
bind_script(lua_State *L)
{
	struct script *s = rt_owner(rt_of(L));

	CHECK(s, SCRIPT_MAGIC);
	return s;
}

struct engine *
bind_engine(lua_State *L)
{
	struct script *s = bind_script(L);

	if (!s->active)
		rt_fail(L, ERR_USAGE, "this can be done only after loading");
	return s->engine;
}

/* ---- arguments */

const char *
bind_where(lua_State *L, char *buf, size_t size)
{
	lua_Debug ar;
	const char *name;

	buf[0] = '\0';
	for (int level = 0; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0 || strncmp(ar.source, "=mail/", 6) == 0)
			continue;
		name = strrchr(ar.short_src, '/');
		snprintf(buf, size, "%s:%d", name != NULL ? name + 1 : ar.short_src, ar.currentline);
		break;
	}
	return buf;
}

struct view
bind_view_arg(lua_State *L, int arg)
{
	size_t n;
	const char *p = luaL_checklstring(L, arg, &n);

	return view_n(p, n);
}

const char *
bind_text_arg(lua_State *L, int arg, size_t max)
{
	struct view v = bind_view_arg(L, arg);

	if (strlen(v.p) != v.n)
		luaL_argerror(L, arg, "contains a NUL byte");
	if (v.n > max)
		luaL_argerror(L, arg, "is too long");
	return v.p;
}

const char *
bind_field_text(lua_State *L, int idx, const char *name)
{
	const char *p = NULL;
	size_t n;

	if (lua_getfield(L, idx, name) == LUA_TSTRING) {
		p = lua_tolstring(L, -1, &n);
		if (strlen(p) != n)
			rt_fail(L, ERR_USAGE, "%s contains a NUL byte", name);
	} else if (!lua_isnil(L, -1)) {
		rt_fail(L, ERR_USAGE, "%s: a string expected, got a %s", name, luaL_typename(L, -1));
	}
	lua_pop(L, 1);
	return p;
}

bool
bind_field_bool(lua_State *L, int idx, const char *name)
{
	bool on;

	lua_getfield(L, idx, name);
	on = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return on;
}

char *
bind_field_dup(lua_State *L, int idx, const char *name)
{
	const char *z = bind_field_text(L, idx, name);

	return z != NULL ? xstrdup(z) : NULL;
}

struct script *
bind_loading(lua_State *L, const char *what)
{
	struct script *s = bind_script(L);

	if (s->past_load)
		rt_fail(L, ERR_USAGE, "%s after the load point (%s): declare it before the first wait",
		    what, s->load_point != NULL ? s->load_point : "the end of the file");
	return s;
}

char *
bind_path(const struct script *s, const char *path)
{
	const char *home = getenv("HOME");

	if (path[0] == '/')
		return xstrdup(path);
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home != NULL)
		return xasprintf("%s%s", home, path + 1);
	return xasprintf("%s/%s", s->dir, path);
}

struct account *
bind_account(lua_State *L, const char *name)
{
	struct account *a = engine_account(bind_engine(L), name);

	if (a == NULL)
		rt_fail(L, ERR_GONE, "no account \"%.100s\" is open", name);
	return a;
}

struct box *
bind_box(lua_State *L, const char *account, const char *mailbox)
{
	return engine_box(bind_account(L, account), mailbox);
}

/* ---- the gate */

static void
gate_release(struct ask *a)
{
	struct gate *g = CONTAINER_OF(a, struct gate, ask);

	if (g->link.next != NULL)
		list_remove(&g->link);
}

static int
gate_push(lua_State *L, struct ask *a)
{
	(void)L;
	(void)a;
	return 0;
}

static int
core_gate(lua_State *L)
{
	struct script *s = bind_script(L);
	struct gate *g;
	char where[LUA_IDSIZE + 20];

	if (s->active)
		return 0;
	if (rt_self(L) == s->main)
		bind_reach(L, bind_where(L, where, sizeof(where)));
	g = CONTAINER_OF(ask_new(L, sizeof(*g), NULL, gate_push, gate_release), struct gate, ask);
	list_append(&s->gates, &g->link);
	return ask_wait(L, &g->ask);
}

bool
bind_push_hook(lua_State *L, const char *name)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
	lua_getfield(L, -1, name);
	lua_replace(L, -2);
	if (lua_isfunction(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

void
bind_reach(lua_State *L, const char *load_point)
{
	struct script *s = bind_script(L);

	if (s->past_load)
		return;
	rt_can_wait(L);
	if (bind_push_hook(L, "loaded"))
		lua_call(L, 0, 1);
	else
		lua_pushboolean(L, 1);
	s->declares = lua_toboolean(L, -1);
	lua_pop(L, 1);
	script_reached(s, load_point);
}

/* ---- the embedded files */

static void
drop_blob(void *p)
{
	blob_free(p);
}

/* The file of that name below MAILMILL_LUA, if there is one. */
static bool
load_override(lua_State *L, const char *dir, const char *file)
{
	struct blob **b = bind_scratch(L, sizeof(struct blob *), drop_blob);
	struct err e = ERR_NONE;
	struct view v;
	bool whole;
	int fd;

	lua_pushfstring(L, "%s/%s", dir, file);
	fd = open(lua_tostring(L, -1), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		lua_pop(L, 2);
		return false;
	}
	*b = blob_read(fd, 0, &whole, &e);
	close(fd);
	if (*b == NULL)
		rt_raise(L, &e, NULL, NULL, NULL);
	v = blob_view(*b);
	lua_pushfstring(L, "=%s", file);
	if (luaL_loadbufferx(L, v.p != NULL ? v.p : "", v.n, lua_tostring(L, -1), "t") != LUA_OK)
		rt_fail(L, ERR_USAGE, "%s", lua_tostring(L, -1));
	return true;
}

/* Pushes the chunk of "mail/query.lua". */
static void
push_file(lua_State *L, const char *file)
{
	struct script *s = bind_script(L);

	if (s->lua_dir != NULL && load_override(L, s->lua_dir, file))
		return;
	for (size_t i = 0; i < embedded_count; i++) {
		const struct embedded_file *f = &embedded_files[i];

		if (strcmp(f->name, file) != 0)
			continue;
		lua_pushfstring(L, "=%s", file);
		if (luaL_loadbufferx(L, (const char *)f->p, f->n, lua_tostring(L, -1), "t") != LUA_OK)
			rt_fail(L, ERR_SYSTEM, "%s", lua_tostring(L, -1));
		return;
	}
	rt_fail(L, ERR_SYSTEM, "the embedded file %s is missing", file);
}

int
bind_load(lua_State *L, const char *name)
{
	int top = lua_gettop(L);

	luaL_checkstack(L, 10, NULL);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
	if (lua_getfield(L, -1, name) != LUA_TNIL) {
		lua_replace(L, top + 1);
		lua_settop(L, top + 1);
		return 1;
	}
	lua_pop(L, 1);
	lua_pushfstring(L, "mail/%s.lua", name);
	push_file(L, lua_tostring(L, -1));
	lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
	lua_call(L, 1, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, top + 1, name);
	lua_replace(L, top + 1);
	lua_settop(L, top + 1);
	return 1;
}

static int
core_load(lua_State *L)
{
	return bind_load(L, bind_text_arg(L, 1, 100));
}

/* ---- about the script */

static int
core_active(lua_State *L)
{
	lua_pushboolean(L, bind_script(L)->active);
	return 1;
}

static int
core_phase(lua_State *L)
{
	static const char *const names[] = {
		[SCRIPT_RUN] = "run", [SCRIPT_EXEC] = "exec", [SCRIPT_CHECK] = "check",
	};

	lua_pushstring(L, names[bind_script(L)->conf.phase]);
	return 1;
}

static int
core_args(lua_State *L)
{
	struct script *s = bind_script(L);

	lua_createtable(L, (int)MIN(s->args.n, ARGS_MAX), 0);
	for (size_t i = 0; i < MIN(s->args.n, ARGS_MAX); i++) {
		lua_pushstring(L, s->args.at[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
core_script_dir(lua_State *L)
{
	lua_pushstring(L, bind_script(L)->dir);
	return 1;
}

static int
core_finding(lua_State *L)
{
	struct script *s = bind_script(L);
	const char *where = bind_text_arg(L, 2, 1000), *text = bind_text_arg(L, 3, 10000);

	if (s->findings.n < FINDINGS_MAX)
		VEC_PUSH(&s->findings, ((struct finding){ lua_toboolean(L, 1), xstrdup(where),
		    xstrdup(text) }));
	return 0;
}

static int
core_methods(lua_State *L)
{
	static const struct rt_class *const classes[] = {
		&bind_message_class, &bind_part_class, &bind_query_class, &bind_regex_class,
		&bind_list_class,
	};
	const char *name = luaL_checkstring(L, 1);

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (strcmp(classes[i]->name, name) == 0) {
			rt_push_methods(L, classes[i]);
			return 1;
		}
	return luaL_argerror(L, 1, "no class of that name");
}

/* ---- for messages to people */

static int
core_near(lua_State *L)
{
	const char *names[NAMES_MAX];
	struct view word = bind_view_arg(L, 1);
	size_t n = 0;
	int at;

	luaL_checktype(L, 2, LUA_TTABLE);
	for (lua_Integer i = 1; n < NAMES_MAX && lua_rawgeti(L, 2, i) != LUA_TNIL; i++) {
		if (lua_type(L, -1) == LUA_TSTRING)	/* the table keeps it alive */
			names[n++] = lua_tostring(L, -1);
		lua_pop(L, 1);
	}
	at = word.n <= 100 ? near_find(word, names, n) : -1;
	if (at < 0)
		return 0;
	lua_pushstring(L, names[at]);
	return 1;
}

/* Bytes of the place that text begins with ("rules.lua:12: "), without ": "; or 0. */
static size_t
place_length(const char *text)
{
	const char *end = strstr(text, ": ");
	size_t n = end != NULL ? (size_t)(end - text) : 0, digits = 0;

	while (digits < n && text[n - 1 - digits] >= '0' && text[n - 1 - digits] <= '9')
		digits++;
	return digits > 0 && digits + 1 < n && text[n - 1 - digits] == ':' ? n : 0;
}

/* raise(kind, text): the place in front of the text becomes err.where. */
static int
core_raise(lua_State *L)
{
	const char *kind = luaL_checkstring(L, 1), *text = luaL_checkstring(L, 2);
	size_t place = place_length(text);
	struct err e = ERR_NONE;

	for (enum err_kind k = ERR_NET; k <= ERR_HELD; k++)
		if (strcmp(err_kind_name(k), kind) == 0)
			err_set(&e, k, SCOPE_MESSAGE, "%s", place > 0 ? text + place + 2 : text);
	luaL_argcheck(L, err_is(&e), 1, "no kind of error of that name");
	rt_push_error(L, &e, NULL, NULL, NULL);
	if (place > 0) {
		lua_pushlstring(L, text, place);
		lua_setfield(L, -2, "where");
	}
	return lua_error(L);
}

/* ---- the table */

void
bind_core(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "gate", core_gate }, { "load", core_load },
		{ "active", core_active }, { "phase", core_phase }, { "args", core_args },
		{ "script_dir", core_script_dir }, { "finding", core_finding },
		{ "methods", core_methods },
		{ "near", core_near }, { "raise", core_raise },
		{ NULL, NULL },
	};
	static void (*const rooms[])(lua_State *L) = {
		bind_task, bind_declare_account, bind_secret, bind_declare, bind_query, bind_message, bind_mailbox, bind_decide, bind_store,
		bind_command, bind_text,
	};

	luaL_checkstack(L, LUA_MINSTACK, NULL);
	scratch_open(L);
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
	rt_push_tasklib(L);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
	luaL_setfuncs(L, functions, 0);
	lua_pushliteral(L, MAILMILL_VERSION);
	lua_setfield(L, -2, "version");
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++)
		rooms[i](L);
}
