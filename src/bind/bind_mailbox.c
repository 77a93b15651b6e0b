/*
 * Mailboxes for programs: search, verbs over many messages, status, and the list and
 * changes of an account's mailboxes.  Each is one engine operation that the task waits
 * for; its answer is copied into the ask, and pushed by the task.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#define NAME_BYTES	1000u
#define UIDS_MAX	10000000

/* ---- search */

struct searching {
	struct ask	 ask;
	uint32_t	 uidvalidity;
	struct { VEC(uint32_t) } uids;
	struct { VEC(bool) } maybe;
};

static void
search_release(struct ask *a)
{
	struct searching *s = CONTAINER_OF(a, struct searching, ask);

	VEC_FREE(&s->uids);
	VEC_FREE(&s->maybe);
}

static void
search_done(void *arg, uint32_t uidvalidity, const uint32_t *uids, const bool *maybe, size_t n,
	const struct err *e)
{
	struct searching *s = arg;

	s->uidvalidity = uidvalidity;
	if (!err_is(e) && n > 0) {
		VEC_ROOM(&s->uids, n);
		memcpy(s->uids.at, uids, n * sizeof(*uids));
		s->uids.n = n;
		VEC_ROOM(&s->maybe, n);
		memcpy(s->maybe.at, maybe, n * sizeof(*maybe));
		s->maybe.n = n;
	}
	ask_done(&s->ask, e);
}

static int
search_push(lua_State *L, struct ask *a)
{
	struct searching *s = CONTAINER_OF(a, struct searching, ask);
	int n = (int)MIN(s->uids.n, (size_t)UIDS_MAX);

	lua_createtable(L, n, 0);
	lua_createtable(L, n, 0);
	for (int i = 0; i < n; i++) {
		lua_pushinteger(L, s->uids.at[i]);
		lua_rawseti(L, -3, i + 1);
		lua_pushboolean(L, s->maybe.at[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_pushinteger(L, s->uidvalidity);
	return 3;
}

static int
core_search(lua_State *L)
{
	const char *account = bind_text_arg(L, 1, NAME_BYTES);
	const char *mailbox = bind_text_arg(L, 2, NAME_BYTES);
	struct query *q = query_check(L, 3);
	lua_Integer limit = luaL_optinteger(L, 4, 0);
	struct searching *s;
	struct box *b;

	s = CONTAINER_OF(ask_new(L, sizeof(*s), "search", search_push, search_release),
	    struct searching, ask);
	s->ask.account = account;
	s->ask.mailbox = mailbox;
	b = bind_box(L, account, mailbox);
	s->ask.eop = box_search(b, q, limit > 0 ? (size_t)limit : 0, search_done, s);
	box_unref(&b);
	return ask_wait(L, &s->ask);
}

/* ---- verbs */

struct verbing {
	struct ask	 ask;
	struct action	 action;
	struct { VEC(uint32_t) } uids;
	struct { VEC(struct uid_pair) } map;
	struct verb_result result;	/* its map is not used */
	struct err	 lost;		/* nothing more can be done */
};

static void
verb_release(struct ask *a)
{
	struct verbing *v = CONTAINER_OF(a, struct verbing, ask);

	action_free(&v->action);
	v->action = (struct action){ 0 };
	VEC_FREE(&v->uids);
	VEC_FREE(&v->map);
}

static void
verb_done(void *arg, const struct verb_result *r, const struct err *e)
{
	struct verbing *v = arg;

	v->result = *r;
	memset(&v->result.map, 0, sizeof(v->result.map));
	for (size_t i = 0; i < r->map.n; i++)
		VEC_PUSH(&v->map, r->map.at[i]);
	if (e != NULL)
		v->lost = *e;
	ask_done(&v->ask, NULL);
}

static void
push_result(lua_State *L, const struct verbing *v)
{
	const struct { const char *name; int64_t n; } counts[] = {
		{ "done", v->result.done }, { "gone", v->result.gone },
		{ "copied_only", v->result.copied_only }, { "failed", v->result.failed },
		{ "bytes", v->result.bytes },
	};

	lua_createtable(L, 0, 7);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		lua_pushinteger(L, counts[i].n);
		lua_setfield(L, -2, counts[i].name);
	}
	lua_createtable(L, 0, (int)MIN(v->map.n, (size_t)UIDS_MAX));
	for (size_t i = 0; i < v->map.n; i++) {
		lua_pushinteger(L, v->map.at[i].to);
		lua_rawseti(L, -2, v->map.at[i].from);
	}
	lua_setfield(L, -2, "map");
	if (err_is(&v->result.first)) {
		rt_push_error(L, &v->result.first, v->ask.verb, v->ask.account, v->ask.mailbox);
		lua_setfield(L, -2, "first");
	}
}

static int
verb_push(lua_State *L, struct ask *a)
{
	struct verbing *v = CONTAINER_OF(a, struct verbing, ask);

	if (v->result.failed > 0 || v->result.copied_only > 0)
		bind_script(L)->partial = true;
	if (!err_is(&v->lost)) {
		push_result(L, v);
		return 1;
	}
	rt_push_error(L, &v->lost, a->verb, a->account, a->mailbox);
	push_result(L, v);
	lua_setfield(L, -2, "result");
	return lua_error(L);
}

/* The Lua half counted a failure of its own: exit code 6. */
static int
core_partial(lua_State *L)
{
	bind_script(L)->partial = true;
	return 0;
}

static void
read_uids(lua_State *L, int idx, struct verbing *v)
{
	lua_Integer n = luaL_len(L, idx);

	luaL_argcheck(L, n >= 0 && n <= UIDS_MAX, idx, "too many messages");
	VEC_ROOM(&v->uids, (size_t)n);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_Integer uid = (lua_rawgeti(L, idx, i), lua_tointeger(L, -1));

		luaL_argcheck(L, uid > 0 && uid <= UINT32_MAX, idx, "a list of UIDs");
		VEC_PUSH(&v->uids, (uint32_t)uid);
		lua_pop(L, 1);
	}
}

static int
core_verb(lua_State *L)
{
	const char *account = bind_text_arg(L, 1, NAME_BYTES);
	const char *mailbox = bind_text_arg(L, 2, NAME_BYTES);
	lua_Integer uidvalidity = luaL_optinteger(L, 5, 0);
	struct verbing *v;
	struct box *b;

	luaL_checktype(L, 3, LUA_TTABLE);
	v = CONTAINER_OF(ask_new(L, sizeof(*v), NULL, verb_push, verb_release), struct verbing, ask);
	action_check(L, 4, &v->action);
	if (v->action.rule == NULL)
		v->action.rule = xstrdup("program");
	v->ask.verb = verb_name(v->action.verb);
	v->ask.account = account;
	v->ask.mailbox = mailbox;
	read_uids(L, 3, v);
	b = bind_box(L, account, mailbox);
	v->ask.eop = box_verb(b, &v->action, (uint32_t)uidvalidity, v->uids.at, v->uids.n, verb_done, v);
	box_unref(&b);
	return ask_wait(L, &v->ask);
}

/* ---- status */

struct counting { struct ask ask; struct source_status st; };

static void
status_done(void *arg, const struct source_status *st, const struct err *e)
{
	struct counting *c = arg;

	if (st != NULL)
		c->st = *st;
	ask_done(&c->ask, e);
}

static int
status_push(lua_State *L, struct ask *a)
{
	const struct source_status *st = &CONTAINER_OF(a, struct counting, ask)->st;
	const struct { const char *name; int64_t n; } counts[] = {
		{ "messages", st->messages }, { "unseen", st->unseen }, { "uidnext", st->uidnext },
		{ "uidvalidity", st->uidvalidity },
	};

	lua_createtable(L, 0, ARRAY_LEN(counts));
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		lua_pushinteger(L, counts[i].n);
		lua_setfield(L, -2, counts[i].name);
	}
	return 1;
}

static int
core_status(lua_State *L)
{
	const char *account = bind_text_arg(L, 1, NAME_BYTES);
	const char *mailbox = bind_text_arg(L, 2, NAME_BYTES);
	struct counting *c;
	struct box *b;

	c = CONTAINER_OF(ask_new(L, sizeof(*c), "status", status_push, NULL), struct counting, ask);
	c->ask.account = account;
	c->ask.mailbox = mailbox;
	b = bind_box(L, account, mailbox);
	c->ask.eop = box_status(b, status_done, c);
	box_unref(&b);
	return ask_wait(L, &c->ask);
}

/* ---- the account's mailboxes */

struct listing { struct ask ask; struct { VEC(struct source_mailbox) } list; };

static void
list_release(struct ask *a)
{
	struct listing *l = CONTAINER_OF(a, struct listing, ask);

	for (size_t i = 0; i < l->list.n; i++) {
		free(l->list.at[i].name);
		free(l->list.at[i].role);
	}
	VEC_FREE(&l->list);
}

static void
list_done(void *arg, const struct source_mailbox *list, size_t n, const struct err *e)
{
	struct listing *l = arg;

	for (size_t i = 0; i < n; i++)
		VEC_PUSH(&l->list, ((struct source_mailbox){ xstrdup(list[i].name),
		    list[i].role != NULL ? xstrdup(list[i].role) : NULL, list[i].selectable }));
	ask_done(&l->ask, e);
}

static int
list_push(lua_State *L, struct ask *a)
{
	struct listing *l = CONTAINER_OF(a, struct listing, ask);

	lua_createtable(L, (int)MIN(l->list.n, (size_t)UIDS_MAX), 0);
	for (size_t i = 0; i < l->list.n; i++) {
		const struct source_mailbox *m = &l->list.at[i];

		lua_createtable(L, 0, 3);
		lua_pushstring(L, m->name);
		lua_setfield(L, -2, "name");
		lua_pushstring(L, m->role);	/* NULL is nil */
		lua_setfield(L, -2, "role");
		lua_pushboolean(L, m->selectable);
		lua_setfield(L, -2, "selectable");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
core_mailboxes(lua_State *L)
{
	const char *account = bind_text_arg(L, 1, NAME_BYTES);
	struct listing *l;

	l = CONTAINER_OF(ask_new(L, sizeof(*l), "mailboxes", list_push, list_release), struct listing,
	    ask);
	l->ask.account = account;
	l->ask.eop = account_mailboxes(bind_account(L, account), list_done, l);
	return ask_wait(L, &l->ask);
}

static int
change(lua_State *L, enum request_kind kind, const char *verb)
{
	const char *account = bind_text_arg(L, 1, NAME_BYTES);
	const char *mailbox = bind_text_arg(L, 2, NAME_BYTES);
	const char *to = kind == REQ_RENAME ? bind_text_arg(L, 3, NAME_BYTES) : NULL;
	struct ask *a = ask_new(L, sizeof(*a), verb, ask_push_nothing, NULL);

	a->account = account;
	a->mailbox = mailbox;
	a->eop = account_change(bind_account(L, account), kind, mailbox, to, ask_fetched, a);
	return ask_wait(L, a);
}

static int
core_create(lua_State *L)
{
	return change(L, REQ_CREATE, "create");
}

static int
core_rename(lua_State *L)
{
	return change(L, REQ_RENAME, "rename");
}

static int
core_remove(lua_State *L)
{
	return change(L, REQ_REMOVE, "remove");
}

struct resolving { struct ask ask; char *name; };

static void
resolve_release(struct ask *a)
{
	struct resolving *r = CONTAINER_OF(a, struct resolving, ask);

	free(r->name);
	r->name = NULL;
}

static void
resolve_done(void *arg, const char *name, const struct err *e)
{
	struct ask *a = tie_end(arg);
	struct resolving *r;

	if (a == NULL)
		return;
	r = CONTAINER_OF(a, struct resolving, ask);
	r->name = name != NULL ? xstrdup(name) : NULL;
	ask_done(a, name != NULL ? NULL : e);
}

static int
resolve_push(lua_State *L, struct ask *a)
{
	lua_pushstring(L, CONTAINER_OF(a, struct resolving, ask)->name);
	return 1;
}

static int
core_resolve(lua_State *L)
{
	const char *account = bind_text_arg(L, 1, NAME_BYTES);
	const char *name = bind_text_arg(L, 2, NAME_BYTES);
	struct account *to = (rt_can_wait(L), bind_account(L, account));
	struct resolving *r;

	r = CONTAINER_OF(ask_new(L, sizeof(*r), "resolve", resolve_push, resolve_release),
	    struct resolving, ask);
	r->ask.account = account;
	account_resolve(to, name, resolve_done, tie_new(&r->ask));
	return ask_wait(L, &r->ask);
}

void
bind_mailbox(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "search", core_search }, { "verb", core_verb }, { "status", core_status },
		{ "mailboxes", core_mailboxes }, { "create", core_create }, { "rename", core_rename },
		{ "remove", core_remove }, { "resolve", core_resolve },
		{ "partial", core_partial },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
