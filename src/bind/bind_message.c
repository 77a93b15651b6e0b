/*
 * Messages in Lua's hand: fields and methods by name.  One table row a field says what
 * it needs; what is missing is fetched when the field is first asked for (bind_msg.c).
 * What is absent in the message is nil.
 */
#include "bind/bind_int.h"

#include "base/near.h"

#define REFERENCES_MAX	1000u
#define NAME_BYTES	200u		/* of a header's name */

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

/* A field that is absent is nil; one that there is not is a mistake. */
static int
address_index(lua_State *L)
{
	static const char *const names[] = { "name", "address", "local_part", "domain" };
	const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
	int near = near_find(view_of(key), names, ARRAY_LEN(names));

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(key, names[i]) == 0)
			return 0;
	if (near < 0)
		return rt_fail(L, ERR_USAGE, "address: no field '%.60s'", key);
	return rt_fail(L, ERR_USAGE, "address: no field '%.60s'; did you mean '%s'?", key, names[near]);
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

void
bind_message(lua_State *L)
{
	rt_class_register(L, &bind_message_class);
	rt_class_register(L, &bind_part_class);
	lua_newtable(L);
	lua_pushcfunction(L, address_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushcfunction(L, address_index);
	lua_setfield(L, -2, "__index");
	lua_pushliteral(L, "mail.address");
	lua_setfield(L, -2, "__name");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &address_key);
	bind_msg(L);
}
