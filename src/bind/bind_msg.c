/*
 * The message behind a handle: its life, its bodies, and fetching what is missing.
 *
 * The message of a rule function dies for Lua with the function; its body goes then.
 * Messages of programs live as long as Lua holds them, but all of them together keep
 * at most BODIES_MAX of bodies: the one whose body was used longest ago loses it, and
 * fetches it again if asked.  No reference to a live mailbox is kept between two waits,
 * so a script that forgets a message does not keep its account from ending.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#define PREFETCH_MAX	1000

/* ---- life */

struct msg *
msg_new(struct script *s, struct message *m, const char *account, const char *mailbox)
{
	struct msg *g = xcalloc(1, sizeof(*g));

	g->refs = 1;
	g->script = s;
	g->m = message_ref(m);
	g->account = xstrdup(account);
	g->mailbox = xstrdup(mailbox);
	list_init(&g->body);
	return g;
}

static void
msg_forget_body(struct msg *g)
{
	if (!list_empty(&g->body)) {
		list_remove(&g->body);
		g->script->held -= g->held;
	}
	g->held = 0;
	message_drop_body(g->m);
}

void
msg_unref(struct msg *g)
{
	if (--g->refs > 0)
		return;
	if (!g->closed)
		msg_forget_body(g);
	message_unref(&g->m);
	free(g->account);
	free(g->mailbox);
	free(g);
}

void
msg_close(struct msg *g)
{
	if (g->closed)
		return;
	msg_forget_body(g);
	g->closed = true;
	g->call = NULL;
}

void
msg_push(lua_State *L, struct msg *g)
{
	rt_push(L, &bind_message_class, g);
	g->refs++;	/* a box that could not be made has taken none */
}

struct msg *
msg_check(lua_State *L, int arg)
{
	struct msg *g = rt_check(L, arg, &bind_message_class);

	if (g->closed)
		rt_fail(L, ERR_GONE, "message is closed: its rule function has ended");
	return g;
}

/* ---- fetching */

/* g holds a body now: others lose theirs when there are too many. */
static void
note_body(struct msg *g)
{
	struct script *s = g->script;

	if (!(message_have(g->m) & NEED_BODY))
		return;
	if (!list_empty(&g->body)) {
		list_remove(&g->body);
		s->held -= g->held;
	}
	g->held = message_held(g->m);
	s->held += g->held;
	list_append(&s->bodies, &g->body);
	while (s->held > BODIES_MAX && s->bodies.next != &g->body)
		msg_forget_body(LIST_ITEM(s->bodies.next, struct msg, body));
}

struct fetch {
	struct ask	 ask;
	struct msg	*g;
	unsigned	 need;
};

static void
fetch_release(struct ask *a)
{
	struct fetch *f = CONTAINER_OF(a, struct fetch, ask);

	if (f->g != NULL)
		msg_unref(f->g);
	f->g = NULL;
}

static int
fetch_push(lua_State *L, struct ask *a)
{
	struct fetch *f = CONTAINER_OF(a, struct fetch, ask);
	struct msg *g = f->g;
	bool whole = (f->need & ~message_have(g->m)) == 0;

	if (g->closed)
		return rt_fail(L, ERR_GONE, "message is closed: its rule function has ended");
	if (!whole)
		return rt_fail(L, ERR_SYSTEM, "%s:%s: the message could not be read whole", g->account,
		    g->mailbox);
	note_body(g);
	return 0;
}

int
msg_with(lua_State *L, struct msg *g, unsigned need, lua_CFunction then)
{
	struct fetch *f;
	struct box *b;

	need &= ~message_have(g->m);
	if (need == 0) {
		if (!list_empty(&g->body)) {	/* used last */
			list_remove(&g->body);
			list_append(&g->script->bodies, &g->body);
		}
		return then(L);
	}
	b = bind_box(L, g->account, g->mailbox);
	box_unref(&b);		/* it exists; a raise from here on would lose the reference */
	f = CONTAINER_OF(ask_new(L, sizeof(*f), "fetch", fetch_push, fetch_release), struct fetch, ask);
	g->refs++;
	*f = (struct fetch){ .ask = f->ask, .g = g, .need = need };
	f->ask.then = then;
	f->ask.account = g->account;
	f->ask.mailbox = g->mailbox;
	b = bind_box(L, g->account, g->mailbox);
	f->ask.eop = box_fetch(b, g->m, need, ask_fetched, &f->ask);
	box_unref(&b);
	return ask_wait(L, &f->ask);
}

/* ---- core */

static void
drop_msg(void *p)
{
	struct msg **g = p;

	if (*g != NULL)
		msg_unref(*g);
	*g = NULL;
}

static int
core_message(lua_State *L)
{
	const char *account = bind_text_arg(L, 1, 1000), *mailbox = bind_text_arg(L, 2, 1000);
	lua_Integer uid = luaL_checkinteger(L, 3), uidvalidity = luaL_optinteger(L, 4, 0);
	struct msg **slot = bind_scratch(L, sizeof(struct msg *), drop_msg);
	struct message *m;

	luaL_argcheck(L, uid > 0 && uid <= UINT32_MAX, 3, "a UID");
	m = message_new();
	message_facts(m)->uid = (uint32_t)uid;
	message_facts(m)->uidvalidity = (uint32_t)uidvalidity;
	*slot = msg_new(bind_script(L), m, account, mailbox);
	message_unref(&m);
	msg_push(L, *slot);
	return 1;
}

static int
core_uidvalidity(lua_State *L)
{
	lua_pushinteger(L, message_facts(msg_check(L, 1)->m)->uidvalidity);
	return 1;
}

struct prefetch_one { struct prefetch *all; struct engine_op *eop; };
struct prefetch {
	struct ask		 ask;
	size_t			 n, left;
	struct prefetch_one	 at[];
};

static void
prefetch_release(struct ask *a)
{
	struct prefetch *p = CONTAINER_OF(a, struct prefetch, ask);

	for (size_t i = 0; i < p->n; i++)
		engine_op_cancel(&p->at[i].eop);
}

/* A message that went meanwhile says so when it is asked for. */
static void
prefetch_done(void *arg, const struct err *e)
{
	struct prefetch_one *one = arg;

	(void)e;
	one->eop = NULL;
	if (--one->all->left == 0)
		ask_done(&one->all->ask, NULL);
}

static int
push_nothing(lua_State *L, struct ask *a)
{
	(void)L;
	(void)a;
	return 0;
}

static int
core_prefetch(lua_State *L)
{
	lua_Integer n = (luaL_checktype(L, 1, LUA_TTABLE), luaL_len(L, 1));
	unsigned need = NEED_FACTS | NEED_HEADER;
	struct prefetch *p;

	luaL_argcheck(L, n >= 0 && n <= PREFETCH_MAX, 1, "too many messages");
	if (!lua_isnoneornil(L, 2))
		need = query_needs_first(query_check(L, 2));
	p = CONTAINER_OF(ask_new(L, sizeof(*p) + (size_t)n * sizeof(p->at[0]), "fetch", push_nothing,
	    prefetch_release), struct prefetch, ask);
	for (lua_Integer i = 1; i <= n; i++) {
		struct msg *g = (lua_rawgeti(L, 1, i), msg_check(L, -1));
		unsigned missing = need & ~message_have(g->m);
		struct prefetch_one *one = &p->at[p->n];

		lua_pop(L, 1);		/* the list keeps it */
		if (missing != 0) {
			struct box *b = bind_box(L, g->account, g->mailbox);

			p->n++;
			p->left++;
			one->all = p;
			one->eop = box_fetch(b, g->m, missing, prefetch_done, one);
			box_unref(&b);
		}
	}
	if (p->left == 0)
		return 0;
	return ask_wait(L, &p->ask);
}

void
bind_msg(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "message", core_message }, { "prefetch", core_prefetch },
		{ "uidvalidity", core_uidvalidity },
		{ NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
