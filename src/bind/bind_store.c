/*
 * mail.store and the timers' memory: asked of the state, which answers in order and
 * cannot be told to forget, so every question has a tie.
 *
 * In a rule function writes are noted with the decisions and committed with them.
 * Reads there see the stored value with the turn's earlier writes and the noted ones
 * applied in order.
 */
#include "bind/bind_int.h"

#include <errno.h>
#include <stdlib.h>

#define STORE_BYTES	200u
#define KEY_BYTES	1000u
#define KEYS_LIMIT	100000
#define WRITES_MAX	1000u		/* of one function */

struct asking {
	struct ask		 ask;
	struct call		*call;		/* of the rule function, or NULL */
	struct state_write	 w;		/* what is asked or written; owned */
	bool			 found;
	struct str		 value;
	bool			 found_old;	/* CAS */
	struct str		 old;
	char			*prefix;	/* KEYS */
	size_t			 limit;
	struct { VEC(char *) }	 keys;
	int64_t			 number;	/* INCR: the new value; a timer's time */
};

static void
write_free(struct state_write *w)
{
	free(w->store);
	free(w->key);
	str_free(&w->value);
	*w = (struct state_write){ 0 };
}

static void
asking_release(struct ask *a)
{
	struct asking *k = CONTAINER_OF(a, struct asking, ask);

	write_free(&k->w);
	str_free(&k->value);
	str_free(&k->old);
	free(k->prefix);
	k->prefix = NULL;
	for (size_t i = 0; i < k->keys.n; i++)
		free(k->keys.at[i]);
	VEC_FREE(&k->keys);
}

static struct state *
check_state(lua_State *L)
{
	struct script *s = bind_script(L);

	if (s->conf.store_denied)
		rt_fail(L, ERR_HELD, "mail.store belongs to the running daemon; stop it, or use the store "
		    "in its rules and timers");
	if (s->conf.state == NULL)
		rt_fail(L, ERR_USAGE, "mail.store can be used only after loading");
	return s->conf.state;
}

/* Store and key are arguments 1 and 2. */
static struct asking *
asking_new(lua_State *L, const char *verb, int (*push)(lua_State *L, struct ask *a))
{
	const char *store = bind_text_arg(L, 1, STORE_BYTES), *key = bind_text_arg(L, 2, KEY_BYTES);
	struct asking *k;

	check_state(L);
	k = CONTAINER_OF(ask_new(L, sizeof(*k), verb, push, asking_release), struct asking, ask);
	k->call = call_of(L);
	k->w.store = xstrdup(store);
	k->w.key = xstrdup(key);
	return k;
}

/* ---- a rule function's view */

static int64_t
value_integer(const struct str *v, bool *ok_r)
{
	char *end;
	long long n;

	errno = 0;
	n = v->len > 1 && v->p[0] == 'i' ? strtoll(v->p + 1, &end, 10) : 0;
	*ok_r = v->len > 1 && v->p[0] == 'i' && *end == '\0' && errno == 0;
	return n;
}

static void
apply_write(const struct state_write *w, bool *found, struct str *value)
{
	int64_t n;
	bool ok = true;

	switch (w->op) {
	case STORE_SET:
		*found = true;
		str_reset(value);
		str_addv(value, str_view(&w->value));
		break;
	case STORE_DELETE:
		*found = false;
		str_reset(value);
		break;
	case STORE_INCR:
		n = *found ? value_integer(value, &ok) : 0;
		if (!ok || __builtin_add_overflow(n, w->by, &n))
			break;
		*found = true;
		str_reset(value);
		str_addf(value, "i%lld", (long long)n);
		break;
	}
}

static bool
same_place(const struct state_write *w, const char *store, const char *key)
{
	return strcmp(w->store, store) == 0 && (key == NULL || strcmp(w->key, key) == 0);
}

/* What is noted and not yet in the state, older first; false: not in a rule function. */
static bool
noted_writes(lua_State *L, const struct asking *k, const struct state_writes *lists[2])
{
	const struct call *c = k->call != NULL ? call_of(L) : NULL;

	if (c == NULL)
		return false;
	lists[0] = turn_writes(c->turn);
	lists[1] = &c->writes;
	return true;
}

/* The value as this function sees it. */
static void
overlay(lua_State *L, struct asking *k)
{
	const struct state_writes *lists[2];

	if (!noted_writes(L, k, lists))
		return;
	for (size_t n = 0; n < ARRAY_LEN(lists); n++)
		for (size_t i = 0; i < lists[n]->n; i++)
			if (same_place(&lists[n]->at[i], k->w.store, k->w.key))
				apply_write(&lists[n]->at[i], &k->found, &k->value);
}

/* Moves w to the decisions. */
static void
note_write(lua_State *L, struct call *c, struct state_write *w)
{
	if (c->where)
		rt_fail(L, ERR_USAGE, "a where function answers a question; it cannot write to mail.store");
	if (c->writes.n >= WRITES_MAX)
		rt_fail(L, ERR_LIMIT, "more than %u writes to mail.store in one rule function", WRITES_MAX);
	VEC_PUSH(&c->writes, *w);
	*w = (struct state_write){ 0 };
}

/* ---- answers */

static void
value_answer(void *arg, bool found, struct view value, const struct err *e)
{
	struct ask *a = tie_end(arg);
	struct asking *k;

	if (a == NULL)
		return;
	k = CONTAINER_OF(a, struct asking, ask);
	k->found = found;
	str_reset(&k->value);
	str_addv(&k->value, value);
	ask_done(a, e);
}

static int
push_value(lua_State *L, struct asking *k)
{
	if (!k->found)
		lua_pushnil(L);
	else
		value_push(L, str_view(&k->value));
	return 1;
}

/* ---- get, set, delete */

static int
get_push(lua_State *L, struct ask *a)
{
	struct asking *k = CONTAINER_OF(a, struct asking, ask);

	overlay(L, k);
	return push_value(L, k);
}

static int
core_store_get(lua_State *L)
{
	struct asking *k = asking_new(L, "store", get_push);

	state_store_get(check_state(L), k->w.store, k->w.key, value_answer, tie_new(&k->ask));
	return ask_wait(L, &k->ask);
}

static int
write_now_or_note(lua_State *L, struct asking *k)
{
	if (k->call != NULL) {
		note_write(L, k->call, &k->w);
		bind_drop(&k->ask);
		return 0;
	}
	state_store_write(check_state(L), &k->w, value_answer, tie_new(&k->ask));
	return ask_wait(L, &k->ask);
}

static int64_t
check_expires(lua_State *L, int arg)
{
	lua_Integer at = luaL_optinteger(L, arg, 0);

	luaL_argcheck(L, at >= -1, arg, "a time expected");
	return at;
}

static int
core_store_set(lua_State *L)
{
	struct asking *k = asking_new(L, "store", ask_push_nothing);

	k->w.op = STORE_SET;
	k->w.expires = check_expires(L, 4);
	value_encode(L, 3, &k->w.value);
	return write_now_or_note(L, k);
}

static int
core_store_delete(lua_State *L)
{
	struct asking *k = asking_new(L, "store", ask_push_nothing);

	k->w.op = STORE_DELETE;
	return write_now_or_note(L, k);
}

/* ---- incr */

static int
incr_push(lua_State *L, struct ask *a)
{
	struct asking *k = CONTAINER_OF(a, struct asking, ask);
	int64_t n, sum;
	bool ok = true;

	if (k->call == NULL)
		return push_value(L, k);
	overlay(L, k);
	n = k->found ? value_integer(&k->value, &ok) : 0;
	if (!ok)
		return rt_fail(L, ERR_USAGE, "store:incr: the value of \"%.100s\" is no whole number",
		    k->w.key);
	if (__builtin_add_overflow(n, k->w.by, &sum))
		return rt_fail(L, ERR_LIMIT, "store:incr: \"%.100s\" would leave 64 bits", k->w.key);
	note_write(L, k->call, &k->w);
	lua_pushinteger(L, sum);
	return 1;
}

static int
core_store_incr(lua_State *L)
{
	struct asking *k = asking_new(L, "store", incr_push);

	k->w.op = STORE_INCR;
	k->w.by = luaL_checkinteger(L, 3);
	k->w.expires = -1;
	if (k->call != NULL)
		state_store_get(check_state(L), k->w.store, k->w.key, value_answer, tie_new(&k->ask));
	else
		state_store_write(check_state(L), &k->w, value_answer, tie_new(&k->ask));
	return ask_wait(L, &k->ask);
}

/* ---- compare and set */

static int
cas_push(lua_State *L, struct ask *a)
{
	struct asking *k = CONTAINER_OF(a, struct asking, ask);
	bool same = k->found;		/* outside of rule functions: it was written */

	if (k->call != NULL) {
		overlay(L, k);
		same = k->found == k->found_old &&
		    (!k->found || view_eq(str_view(&k->value), str_view(&k->old)));
		if (same)
			note_write(L, k->call, &k->w);
	}
	lua_pushboolean(L, same);
	return 1;
}

static int
core_store_cas(lua_State *L)
{
	struct asking *k = asking_new(L, "store", cas_push);

	k->w.op = lua_isnoneornil(L, 4) ? STORE_DELETE : STORE_SET;
	k->w.expires = check_expires(L, 5);
	if (!lua_isnoneornil(L, 3)) {
		k->found_old = true;
		value_encode(L, 3, &k->old);
	}
	if (k->w.op == STORE_SET)
		value_encode(L, 4, &k->w.value);
	if (k->call != NULL)
		state_store_get(check_state(L), k->w.store, k->w.key, value_answer, tie_new(&k->ask));
	else
		state_store_cas(check_state(L), &k->w, k->found_old, str_view(&k->old), value_answer,
		    tie_new(&k->ask));
	return ask_wait(L, &k->ask);
}

/* ---- keys */

static void
keys_answer(void *arg, bool found, struct view value, const struct err *e)
{
	struct tie *t = arg;
	struct asking *k;
	struct ask *a;

	if (found) {
		if (t->ask == NULL)
			return;
		k = CONTAINER_OF(t->ask, struct asking, ask);
		VEC_PUSH(&k->keys, view_dup(value));
		return;
	}
	a = tie_end(t);
	if (a != NULL)
		ask_done(a, e);
}

static int
by_name(const void *a, const void *b)
{
	char *const *pa = a, *const *pb = b;

	return strcmp(*pa, *pb);
}

static void
key_there(struct asking *k, const char *key, bool there)
{
	for (size_t i = 0; i < k->keys.n; i++) {
		if (strcmp(k->keys.at[i], key) != 0)
			continue;
		if (!there) {
			free(k->keys.at[i]);
			k->keys.at[i] = k->keys.at[--k->keys.n];
		}
		return;
	}
	if (there)
		VEC_PUSH(&k->keys, xstrdup(key));
}

/* At most WRITES_MAX noted writes, each against the keys that were asked for. */
static void
overlay_keys(lua_State *L, struct asking *k)
{
	const struct state_writes *lists[2];

	if (!noted_writes(L, k, lists))
		return;
	for (size_t n = 0; n < ARRAY_LEN(lists); n++)
		for (size_t i = 0; i < lists[n]->n; i++) {
			const struct state_write *w = &lists[n]->at[i];

			if (same_place(w, k->w.store, NULL) &&
			    view_starts(view_of(w->key), view_of(k->prefix)))
				key_there(k, w->key, w->op != STORE_DELETE);
		}
	if (k->keys.n > 0)
		qsort(k->keys.at, k->keys.n, sizeof(*k->keys.at), by_name);
}

static int
keys_push(lua_State *L, struct ask *a)
{
	struct asking *k = CONTAINER_OF(a, struct asking, ask);
	size_t n;

	overlay_keys(L, k);
	n = MIN(k->keys.n, k->limit);
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		lua_pushstring(L, k->keys.at[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
core_store_keys(lua_State *L)
{
	lua_Integer limit = luaL_optinteger(L, 3, 1000);
	struct asking *k;

	luaL_argcheck(L, limit > 0 && limit <= KEYS_LIMIT, 3, "1 to 100000 keys");
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		lua_pushliteral(L, "");
		lua_replace(L, 2);
	}
	k = asking_new(L, "store", keys_push);
	k->prefix = xstrdup(k->w.key);
	k->limit = (size_t)limit;
	state_store_keys(check_state(L), k->w.store, k->prefix, k->limit, keys_answer,
	    tie_new(&k->ask));
	return ask_wait(L, &k->ask);
}

/* ---- timers */

static void
time_answer(void *arg, int64_t at, const struct err *e)
{
	struct ask *a = tie_end(arg);

	if (a == NULL)
		return;
	CONTAINER_OF(a, struct asking, ask)->number = at;
	ask_done(a, e);
}

static int
time_push(lua_State *L, struct ask *a)
{
	lua_pushinteger(L, CONTAINER_OF(a, struct asking, ask)->number);
	return 1;
}

/* A script without the state (exec beside a daemon) has timers that remember nothing. */
static struct state *
timer_state(lua_State *L)
{
	struct script *s = bind_script(L);

	return s->conf.store_denied ? NULL : s->conf.state;
}

static int
core_timer_last(lua_State *L)
{
	const char *name = bind_text_arg(L, 1, KEY_BYTES);
	struct asking *k;

	if (timer_state(L) == NULL) {
		lua_pushinteger(L, 0);
		return 1;
	}
	k = CONTAINER_OF(ask_new(L, sizeof(*k), "timer", time_push, asking_release), struct asking, ask);
	state_timer_get(timer_state(L), name, time_answer, tie_new(&k->ask));
	return ask_wait(L, &k->ask);
}

static void
ran_answer(void *arg, const struct err *e)
{
	struct ask *a = tie_end(arg);

	if (a != NULL)
		ask_done(a, e);
}

static int
core_timer_ran(lua_State *L)
{
	const char *name = bind_text_arg(L, 1, KEY_BYTES);
	lua_Integer at = luaL_checkinteger(L, 2);
	struct ask *a;

	if (timer_state(L) == NULL)
		return 0;
	a = ask_new(L, sizeof(*a), "timer", ask_push_nothing, NULL);
	state_timer_set(timer_state(L), name, at, ran_answer, tie_new(a));
	return ask_wait(L, a);
}

void
bind_store(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "store_get", core_store_get }, { "store_set", core_store_set },
		{ "store_delete", core_store_delete }, { "store_incr", core_store_incr },
		{ "store_cas", core_store_cas }, { "store_keys", core_store_keys },
		{ "timer_last", core_timer_last }, { "timer_ran", core_timer_ran },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
