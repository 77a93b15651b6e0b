/*
 * MIME parts in Lua's hand: a message and the index of a part in it.  What a part says
 * of itself needs the structure; its text and bytes need the message's body, which is
 * fetched again when it was dropped meanwhile.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

struct part {
	struct msg	*g;
	part_id		 id;
};

static void
part_release(void *p)
{
	struct part *part = p;

	msg_unref(part->g);
	free(part);
}

static void
drop_part(void *p)
{
	struct part **slot = p;

	if (*slot != NULL)
		part_release(*slot);
	*slot = NULL;
}

static void
drop_str(void *p)
{
	str_free(p);
}

static void
push_part(lua_State *L, struct msg *g, part_id id)
{
	struct part **slot = bind_scratch(L, sizeof(struct part *), drop_part);

	*slot = xcalloc(1, sizeof(**slot));
	**slot = (struct part){ g, id };
	g->refs++;
	rt_push(L, &bind_part_class, *slot);
	*slot = NULL;
	lua_replace(L, -2);
}

static struct part *
check_part(lua_State *L, int arg)
{
	struct part *p = rt_check(L, arg, &bind_part_class);

	if (p->g->closed)
		rt_fail(L, ERR_GONE, "message is closed: its rule function has ended");
	return p;
}

struct msg *
part_check(lua_State *L, int arg, uint32_t *part_r)
{
	struct part *p = check_part(L, arg);

	*part_r = p->id;
	return p->g;
}

/* ---- for part in msg:parts "application/pdf" */

enum { UP_MESSAGE = 1, UP_PATTERN, UP_NEXT };

/* Without a pattern: what holds something, not the multiparts around it. */
static bool
part_fits(struct mime *m, part_id id, struct view pattern)
{
	if (pattern.n > 0)
		return mime_type_is(m, id, pattern);
	return !view_starts(mime_type(m, id), VIEW("multipart/"));
}

static int
parts_find(lua_State *L)
{
	struct msg *g = msg_check(L, lua_upvalueindex(UP_MESSAGE));
	struct view pattern = view_of(lua_tostring(L, lua_upvalueindex(UP_PATTERN)));
	part_id id = (part_id)lua_tointeger(L, lua_upvalueindex(UP_NEXT));
	struct mime *m = message_mime(g->m);

	for (; id < mime_count(m); id++) {
		if (!part_fits(m, id, pattern))
			continue;
		lua_pushinteger(L, (lua_Integer)id + 1);
		lua_replace(L, lua_upvalueindex(UP_NEXT));
		push_part(L, g, id);
		return 1;
	}
	lua_pushinteger(L, (lua_Integer)id);
	lua_replace(L, lua_upvalueindex(UP_NEXT));
	return 0;
}

static int
parts_next(lua_State *L)
{
	struct msg *g = msg_check(L, lua_upvalueindex(UP_MESSAGE));

	lua_settop(L, 0);
	if (message_have(g->m) & NEED_BODY)
		return parts_find(L);
	return msg_with(L, g, NEED_STRUCTURE, parts_find);
}

int
msg_parts(lua_State *L)
{
	msg_check(L, 1);
	if (!lua_isnoneornil(L, 2))
		bind_text_arg(L, 2, 200);
	lua_settop(L, 2);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, parts_next, 3);
	return 1;
}

/* ---- fields */

static int
push_text(lua_State *L, struct view v)
{
	if (v.n == 0)
		lua_pushnil(L);
	else
		lua_pushlstring(L, v.p, v.n);
	return 1;
}

static struct view
get_type(struct mime *m, part_id id)
{
	return mime_type(m, id);
}

static const struct { const char *name; struct view (*get)(struct mime *m, part_id id); } texts[] = {
	{ "type", get_type }, { "filename", mime_filename }, { "charset", mime_charset },
	{ "cid", mime_cid }, { "disposition", mime_disposition },
};
static const char *const field_names[] = {
	"type", "filename", "charset", "cid", "disposition", "size", "number", "safe_name", "message",
	NULL,
};

static int
push_built(lua_State *L, struct mime *m, part_id id, bool number)
{
	struct str *out = bind_scratch(L, sizeof(*out), drop_str);

	if (number)
		mime_number(m, id, out);
	else
		mime_safe_name(m, id, out);
	lua_pushlstring(L, str_z(out), out->len);
	return 1;
}

static int
part_field(lua_State *L)
{
	struct part *p = check_part(L, 1);
	const char *key = lua_tostring(L, 2);
	struct mime *m = message_mime(p->g->m);

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcmp(texts[i].name, key) == 0)
			return push_text(L, texts[i].get(m, p->id));
	if (strcmp(key, "number") == 0)
		return push_built(L, m, p->id, true);
	if (strcmp(key, "safe_name") == 0)
		return push_built(L, m, p->id, false);
	lua_pushinteger(L, (lua_Integer)mime_size(m, p->id));
	return 1;
}

static int
part_index(lua_State *L, void *obj, const char *key)
{
	struct part *p = check_part(L, 1);
	bool known = false;

	(void)obj;
	for (size_t i = 0; field_names[i] != NULL; i++)
		known = known || strcmp(field_names[i], key) == 0;
	if (!known)
		return 0;
	if (strcmp(key, "message") == 0) {
		msg_push(L, p->g);
		return 1;
	}
	if (message_have(p->g->m) & NEED_BODY)
		return part_field(L);
	return msg_with(L, p->g, NEED_STRUCTURE, part_field);
}

/* ---- methods */

static int
push_content(lua_State *L, void (*get)(struct mime *m, part_id p, struct str *out))
{
	struct part *p = check_part(L, 1);
	struct str *out = bind_scratch(L, sizeof(*out), drop_str);

	out->max = MIME_DECODED_MAX;
	get(message_mime(p->g->m), p->id, out);
	lua_pushlstring(L, str_z(out), out->len);
	bind_drop(out);
	return 1;
}

static int
text_get(lua_State *L)
{
	return push_content(L, mime_text);
}

static int
bytes_get(lua_State *L)
{
	return push_content(L, mime_bytes);
}

static int
part_text(lua_State *L)
{
	struct part *p = check_part(L, 1);

	lua_settop(L, 1);
	return msg_with(L, p->g, NEED_BODY, text_get);
}

static int
part_bytes(lua_State *L)
{
	struct part *p = check_part(L, 1);

	lua_settop(L, 1);
	return msg_with(L, p->g, NEED_BODY, bytes_get);
}

static const luaL_Reg methods[] = {
	{ "text", part_text }, { "bytes", part_bytes },
	{ NULL, NULL },
};

const struct rt_class bind_part_class = {
	.name = "mail.part",
	.methods = methods,
	.index = part_index,
	.fields = field_names,
	.release = part_release,
};
