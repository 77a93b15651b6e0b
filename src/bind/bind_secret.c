/*
 * mail.secret.*: a userdata around a credential.  Scripts can print where it looks
 * ("mail.secret.env WORK_PW"), hand it to an account, and nothing else; its value never
 * comes to Lua.  A password that a script gives as a text is wrapped the same way by
 * secret_read, which wipes what it copied; the text itself is the script's.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#include "base/secret.h"

#define ARGV_MAX	1000
#define TEXT_MAX	4000u

struct hidden {
	struct credential	*credential;
	char			*label;		/* "mail.secret.file /home/anna/pw" */
};

static void
hidden_free(void *p)
{
	struct hidden *h = p;

	credential_unref(&h->credential);
	free(h->label);
	free(h);
}

static void
drop_hidden(void *p)
{
	struct hidden **h = p;

	if (*h != NULL)
		hidden_free(*h);
}

static int
hidden_tostring(lua_State *L)
{
	const struct hidden *h = rt_check(L, 1, &bind_secret_class);

	lua_pushstring(L, h->label);
	return 1;
}

static const luaL_Reg hidden_meta[] = { { "__tostring", hidden_tostring }, { NULL, NULL } };

const struct rt_class bind_secret_class = {
	.name = "mail.secret",
	.release = hidden_free,
	.meta = hidden_meta,
};

/* ---- making one */

/* The texts of the list at idx, anchored by it; in scratch on top. */
static const char **
read_argv(lua_State *L, int idx)
{
	lua_Integer n = (luaL_checktype(L, idx, LUA_TTABLE), luaL_len(L, idx));
	const char **argv;

	if (n < 1 || n > ARGV_MAX)
		rt_fail(L, ERR_USAGE, "a program and its arguments are 1 to %d texts", ARGV_MAX);
	argv = bind_scratch(L, ((size_t)n + 1) * sizeof(*argv), NULL);
	for (lua_Integer i = 0; i < n; i++) {
		if (lua_rawgeti(L, idx, i + 1) != LUA_TSTRING)
			rt_fail(L, ERR_USAGE, "argument %d is no text", (int)(i + 1));
		argv[i] = bind_text_arg(L, lua_gettop(L), TEXT_MAX);
		lua_pop(L, 1);
	}
	return argv;
}

/* secret(kind, argv or text) -> SECRET */
static int
core_secret(lua_State *L)
{
	static const char *const kinds[] = { "command", "file", "env", "prompt", NULL };
	static const enum credential_kind of[] = {
		CREDENTIAL_COMMAND, CREDENTIAL_FILE, CREDENTIAL_ENV, CREDENTIAL_PROMPT,
	};
	int kind = luaL_checkoption(L, 1, NULL, kinds);
	struct credential_spec spec = { .kind = of[kind] };
	struct err e = ERR_NONE;
	struct hidden **slot;

	if (spec.kind == CREDENTIAL_COMMAND)
		spec.argv = read_argv(L, 2);
	else
		spec.name = bind_text_arg(L, 2, TEXT_MAX);
	slot = bind_scratch(L, sizeof(*slot), drop_hidden);
	*slot = xcalloc(1, sizeof(**slot));
	(*slot)->credential = credential_new(&spec, &e);
	if ((*slot)->credential == NULL)
		return rt_raise(L, &e, NULL, NULL, NULL);
	/* Of a program's arguments one may be secret. */
	(*slot)->label = xasprintf("mail.secret.%s %s", kinds[kind],
	    spec.argv != NULL ? spec.argv[0] : spec.name);
	rt_push(L, &bind_secret_class, *slot);
	*slot = NULL;
	return 1;
}

/* ---- reading one */

struct credential *
secret_read(lua_State *L, int idx, const char *name)
{
	struct credential_spec spec = { .kind = CREDENTIAL_GIVEN };
	struct credential *c = NULL;
	struct err e = ERR_NONE;
	struct secret *given;
	struct hidden *h;

	lua_getfield(L, idx, name);
	h = rt_test(L, -1, &bind_secret_class);
	if (h != NULL) {
		c = credential_ref(h->credential);
	} else if (lua_type(L, -1) == LUA_TSTRING) {
		given = secret_of(bind_view_arg(L, -1));
		spec.given = given;
		c = credential_new(&spec, &e);
		secret_free(&given);
	} else if (!lua_isnil(L, -1)) {
		rt_fail(L, ERR_USAGE, "%s: a text or a mail.secret is expected, not a %s", name,
		    luaL_typename(L, -1));
	}
	lua_pop(L, 1);
	if (err_is(&e)) {
		err_prefix(&e, "%s", name);
		rt_raise(L, &e, NULL, NULL, NULL);
	}
	return c;
}

void
bind_secret(lua_State *L)
{
	static const luaL_Reg functions[] = { { "secret", core_secret }, { NULL, NULL } };

	rt_class_register(L, &bind_secret_class);
	luaL_setfuncs(L, functions, 0);
}
