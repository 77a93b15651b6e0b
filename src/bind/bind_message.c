/*
 * Messages in Lua's hand: fields by name, fetched when first asked for.
 *
 * The message of a rule function dies for Lua with the function; its body goes then.
 * Messages of programs live as long as Lua holds them, but all of them together keep
 * at most BODIES_MAX of bodies: the one whose body was used longest ago loses it, and
 * fetches it again if asked.  No reference to a live mailbox is kept between two waits,
 * so a script that forgets a message does not keep its account from ending.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#define REFERENCES_MAX	1000u
#define PREFETCH_MAX	1000
#define NAME_BYTES	200u		/* of a header's name */

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
	lua_CFunction	 then;
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
	return f->then(L);
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
	*f = (struct fetch){ .ask = f->ask, .g = g, .need = need, .then = then };
	f->ask.account = g->account;
	f->ask.mailbox = g->mailbox;
	b = bind_box(L, g->account, g->mailbox);
	f->ask.eop = box_fetch(b, g->m, need, ask_fetched, &f->ask);
	box_unref(&b);
	return ask_wait(L, &f->ask);
}

/* ---- pushing values */

static void
push_view(lua_State *L, struct view v)
{
	lua_pushlstring(L, v.n > 0 ? v.p : "", v.n);
}

static void
set_view(lua_State *L, const char *name, struct view v)
{
	push_view(L, v);
	lua_setfield(L, -2, name);
}

static const char address_key = 'a';	/* its address is the registry key of the metatable */

static int
address_tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "address");
	luaL_tolstring(L, -1, NULL);
	return 1;
}

static void
push_address(lua_State *L, const struct address *a)
{
	lua_createtable(L, 0, 4);
	if (a->name.n > 0)
		set_view(L, "name", a->name);
	set_view(L, "address", a->address);
	set_view(L, "local_part", a->local_part);
	set_view(L, "domain", a->domain);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &address_key);
	lua_setmetatable(L, -2);
}

static int
push_words(lua_State *L, const char *p)
{
	lua_Integer n = 0;

	lua_newtable(L);
	while (*(p += strspn(p, " ")) != '\0') {
		size_t len = strcspn(p, " ");

		lua_pushlstring(L, p, len);
		lua_rawseti(L, -2, ++n);
		p += len;
	}
	return n > 0;
}

static void
drop_str(void *p)
{
	str_free(p);
}

/* ---- fields; each pushes one value, absent: nil */

static void
field_text(lua_State *L, struct msg *g, int which)
{
	struct view v;

	if (message_field(g->m, (enum message_field)which, &v))
		push_view(L, v);
	else
		lua_pushnil(L);
}

static void
field_address(lua_State *L, struct msg *g, int which)
{
	static const struct view headers[] = { VIEW("from"), VIEW("sender"), VIEW("reply-to") };
	const struct address_list *l = message_addresses(g->m, headers[which]);

	if (l->n > 0)
		push_address(L, &l->at[0]);
	else
		lua_pushnil(L);
}

static void
field_addresses(lua_State *L, struct msg *g, int which)
{
	static const struct view headers[] = { VIEW("to"), VIEW("cc") };
	const struct address_list *l = message_addresses(g->m, headers[which]);

	if (l->n == 0) {
		lua_pushnil(L);
		return;
	}
	lua_createtable(L, (int)l->n, 0);
	for (size_t i = 0; i < l->n; i++) {
		push_address(L, &l->at[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void
field_date(lua_State *L, struct msg *g, int which)
{
	struct date d;

	(void)which;
	if (message_date(g->m, &d))
		lua_pushinteger(L, d.epoch);
	else
		lua_pushnil(L);
}

static void
field_references(lua_State *L, struct msg *g, int which)
{
	struct view ids[REFERENCES_MAX];
	size_t n = message_references(g->m, ids, ARRAY_LEN(ids));

	(void)which;
	if (n == 0) {
		lua_pushnil(L);
		return;
	}
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		push_view(L, ids[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

enum { NUMBER_RECEIVED, NUMBER_HERE, NUMBER_SIZE, NUMBER_UID };

static void
field_number(lua_State *L, struct msg *g, int which)
{
	const struct message_facts *f = message_facts(g->m);
	const int64_t numbers[] = { [NUMBER_RECEIVED] = f->received, [NUMBER_HERE] = f->here,
		[NUMBER_SIZE] = f->size, [NUMBER_UID] = f->uid };

	lua_pushinteger(L, numbers[which]);
}

static void
field_flags(lua_State *L, struct msg *g, int which)
{
	struct str *out = bind_scratch(L, sizeof(*out), drop_str);

	(void)which;
	flags_print(out, &message_facts(g->m)->flags);
	lua_newtable(L);
	push_words(L, str_z(out));
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		lua_pushboolean(L, 1);
		lua_rawset(L, -4);
	}
	lua_pop(L, 2);
}

static void
field_defects(lua_State *L, struct msg *g, int which)
{
	struct str *out = bind_scratch(L, sizeof(*out), drop_str);

	(void)which;
	message_defects(g->m, out);
	if (!push_words(L, str_z(out)))
		lua_pushnil(L);
}

static void
field_body(lua_State *L, struct msg *g, int which)
{
	(void)which;
	push_view(L, message_text(g->m));
}

static void
field_place(lua_State *L, struct msg *g, int which)
{
	lua_pushstring(L, which == 0 ? g->account : g->mailbox);
}

struct field {
	const char	*name;
	unsigned	 need;
	void		(*push)(lua_State *L, struct msg *g, int which);
	int		 which;
};
static const struct field fields[] = {
	{ "subject", NEED_HEADER, field_text, FIELD_SUBJECT },
	{ "message_id", NEED_HEADER, field_text, FIELD_MESSAGE_ID },
	{ "in_reply_to", NEED_HEADER, field_text, FIELD_IN_REPLY_TO },
	{ "list_id", NEED_HEADER, field_text, FIELD_LIST_ID },
	{ "from", NEED_HEADER, field_address, 0 },
	{ "sender", NEED_HEADER, field_address, 1 },
	{ "reply_to", NEED_HEADER, field_address, 2 },
	{ "to", NEED_HEADER, field_addresses, 0 },
	{ "cc", NEED_HEADER, field_addresses, 1 },
	{ "date", NEED_HEADER, field_date, 0 },
	{ "references", NEED_HEADER, field_references, 0 },
	{ "defects", NEED_HEADER, field_defects, 0 },
	{ "received", NEED_RECEIVED, field_number, NUMBER_RECEIVED },
	{ "here", NEED_HERE, field_number, NUMBER_HERE },
	{ "size", NEED_SIZE, field_number, NUMBER_SIZE },
	{ "uid", 0, field_number, NUMBER_UID },
	{ "flags", NEED_FLAGS, field_flags, 0 },
	{ "text", NEED_BODY, field_body, 0 },
	{ "account", 0, field_place, 0 },
	{ "mailbox", 0, field_place, 1 },
};
static const char *const field_names[] = {
	"subject", "message_id", "in_reply_to", "list_id", "from", "sender", "reply_to", "to", "cc",
	"date", "references", "defects", "received", "here", "size", "uid", "flags", "text",
	"account", "mailbox", NULL,
};

static const struct field *
field_find(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, key) == 0)
			return &fields[i];
	return NULL;
}

static int
field_get(lua_State *L)
{
	struct msg *g = msg_check(L, 1);
	const struct field *f = field_find(lua_tostring(L, 2));

	f->push(L, g, f->which);
	return 1;
}

static int
message_index(lua_State *L, void *obj, const char *key)
{
	const struct field *f = field_find(key);

	(void)obj;
	if (f == NULL)
		return 0;
	return msg_with(L, msg_check(L, 1), f->need, field_get);
}

/* ---- methods */

static int
header_get_one(lua_State *L)
{
	struct view v;

	if (!message_header(msg_check(L, 1)->m, bind_view_arg(L, 2), 0, &v))
		return 0;
	push_view(L, v);
	return 1;
}

static int
message_header_first(lua_State *L)
{
	struct msg *g = msg_check(L, 1);

	bind_text_arg(L, 2, NAME_BYTES);
	lua_settop(L, 2);
	return msg_with(L, g, NEED_HEADER, header_get_one);
}

static int
header_get_all(lua_State *L)
{
	struct msg *g = msg_check(L, 1);
	struct view name = bind_view_arg(L, 2), v;

	lua_newtable(L);
	for (size_t i = 0; message_header(g->m, name, i, &v); i++) {
		push_view(L, v);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int
message_header_all(lua_State *L)
{
	struct msg *g = msg_check(L, 1);

	bind_text_arg(L, 2, NAME_BYTES);
	lua_settop(L, 2);
	return msg_with(L, g, NEED_HEADER, header_get_all);
}

static int
raw_get(lua_State *L)
{
	push_view(L, message_raw(msg_check(L, 1)->m));
	return 1;
}

static int
message_raw_bytes(lua_State *L)
{
	struct msg *g = msg_check(L, 1);

	lua_settop(L, 1);
	return msg_with(L, g, NEED_BODY, raw_get);
}

static int
message_tostring(lua_State *L)
{
	struct msg *g = rt_check(L, 1, &bind_message_class);

	lua_pushfstring(L, "%s:%s/%d", g->account, g->mailbox, (int)message_facts(g->m)->uid);
	return 1;
}

static void
message_release(void *p)
{
	msg_unref(p);
}

static const luaL_Reg message_methods[] = {
	{ "header", message_header_first }, { "headers", message_header_all },
	{ "parts", msg_parts }, { "raw", message_raw_bytes },
	{ NULL, NULL },
};
static const luaL_Reg message_meta[] = { { "__tostring", message_tostring }, { NULL, NULL } };

const struct rt_class bind_message_class = {
	.name = "mail.message",
	.methods = message_methods,
	.index = message_index,
	.fields = field_names,
	.release = message_release,
	.meta = message_meta,
};

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
	lua_Integer uid = luaL_checkinteger(L, 3);
	struct msg **slot = bind_scratch(L, sizeof(struct msg *), drop_msg);
	struct message *m;

	luaL_argcheck(L, uid > 0 && uid <= UINT32_MAX, 3, "a UID");
	m = message_new();
	message_facts(m)->uid = (uint32_t)uid;
	*slot = msg_new(bind_script(L), m, account, mailbox);
	message_unref(&m);
	msg_push(L, *slot);
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

	luaL_argcheck(L, n <= PREFETCH_MAX, 1, "too many messages");
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
bind_message(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "message", core_message }, { "prefetch", core_prefetch },
		{ NULL, NULL },
	};

	rt_class_register(L, &bind_message_class);
	rt_class_register(L, &bind_part_class);
	lua_newtable(L);
	lua_pushcfunction(L, address_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, "mail.address");
	lua_setfield(L, -2, "__name");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &address_key);
	luaL_setfuncs(L, functions, 0);
}
