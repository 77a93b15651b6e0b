/*
 * Declarations: rules attached to mailboxes.  The Lua half has checked keys and spelling;
 * what is checked here is what C alone can know (templates, flags, names that are
 * taken).  Accounts: bind_account.c.
 *
 * A rule is built in scratch, so an error in its middle leaves nothing behind.  Its
 * revision is a digest of everything that decides what it does, code included.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "mail/flags.h"

#define NAME_MAX_BYTES	200u
#define PATH_MAX_BYTES	4000u
#define RULES_MAX	100000u
#define ACTIONS_A_RULE	ACTIONS_MAX
#define CAPTURES_MAX	REGEX_GROUPS_MAX

/* ---- rules */

static void
drop_rule(void *p)
{
	rule_free(p);
}

static void
read_on(lua_State *L, int idx, struct rule *r)
{
	int top = lua_gettop(L);

	if (lua_getfield(L, idx, "on") == LUA_TSTRING) {
		lua_createtable(L, 1, 0);
		lua_insert(L, -2);
		lua_rawseti(L, -2, 1);
	}
	for (lua_Integer i = 1; lua_istable(L, top + 1) && lua_rawgeti(L, top + 1, i) != LUA_TNIL; i++) {
		const char *on = luaL_checkstring(L, -1);

		if (strcmp(on, "arrival") == 0)
			r->on |= RULE_ARRIVAL;
		else if (strcmp(on, "apply") == 0)
			r->on |= RULE_APPLY;
		else
			rt_fail(L, ERR_USAGE, "rule \"%s\": on: no event '%.60s'", r->name, on);
		lua_pop(L, 1);
	}
	lua_settop(L, top);
}

static struct query *
read_query(lua_State *L, int idx, const char *name)
{
	struct query *q = NULL;

	if (lua_getfield(L, idx, name) != LUA_TNIL)
		q = query_ref(query_check(L, -1));
	lua_pop(L, 1);
	return q;
}

/* What the action at idx does with its template; the names of captures are when's. */
static void
read_target(lua_State *L, int idx, const struct rule *r, struct rule_action *a)
{
	const char *captures[CAPTURES_MAX], *text = bind_field_text(L, idx, "target");
	size_t n = r->when != NULL ? query_captures(r->when, captures, ARRAY_LEN(captures)) : 0;
	struct err e = ERR_NONE;

	if (text == NULL || strlen(text) > PATH_MAX_BYTES)
		rt_fail(L, ERR_USAGE, "rule \"%s\": %s: a target is missing or too long", r->name,
		    verb_name(a->verb));
	a->target = template_new(view_of(text), captures, n, &e);
	if (a->target != NULL)
		return;
	err_prefix(&e, "rule \"%s\": %s", r->name, verb_name(a->verb));
	rt_raise(L, &e, NULL, NULL, NULL);
}

/* The ACTION on top of the stack; it is in the rule before anything can raise. */
static void
read_action(lua_State *L, struct rule *r)
{
	int idx = lua_gettop(L);
	const char *verb = bind_field_text(L, idx, "verb");
	int v = verb != NULL ? verb_find(view_of(verb)) : -1;
	struct rule_action *a;
	size_t n;

	if (v < 0 || r->actions.n >= ACTIONS_A_RULE)
		rt_fail(L, ERR_USAGE, v < 0 ? "rule \"%s\": no such verb" :
		    "rule \"%s\": too many actions", r->name);
	VEC_PUSH(&r->actions, ((struct rule_action){ .verb = (enum verb)v }));
	a = &r->actions.at[r->actions.n - 1];
	a->account = bind_field_dup(L, idx, "account");
	switch (a->verb) {
	case VERB_FLAG:
	case VERB_UNFLAG:
		action_field_flags(L, idx, &a->flags);
		break;
	case VERB_COPY:
	case VERB_MOVE:
	case VERB_SAVE:
		read_target(L, idx, r, a);
		break;
	case VERB_REPLACE:
		if (lua_getfield(L, idx, "bytes") != LUA_TSTRING)
			rt_fail(L, ERR_USAGE, "rule \"%s\": replace: bytes are missing", r->name);
		a->bytes = blob_copy(view_n(lua_tolstring(L, -1, &n), lua_rawlen(L, -1)));
		lua_pop(L, 1);
		break;
	default:
		break;
	}
}

static void
read_actions(lua_State *L, int idx, struct rule *r)
{
	int top = lua_gettop(L);

	if (lua_getfield(L, idx, "actions") == LUA_TTABLE)
		for (lua_Integer i = 1; lua_rawgeti(L, top + 1, i) == LUA_TTABLE; i++) {
			read_action(L, r);
			lua_settop(L, top + 1);
		}
	lua_settop(L, top);
}

static void
read_rule(lua_State *L, int idx, struct rule *r)
{
	r->when = read_query(L, idx, "when");
	r->unless = read_query(L, idx, "unless");
	read_on(L, idx, r);
	if (lua_getfield(L, idx, "after") != LUA_TNIL) {
		r->after_ms = luaL_checkinteger(L, -1);
		luaL_argcheck(L, r->after_ms >= 0, idx, "after is negative");
	}
	if (lua_getfield(L, idx, "stop") != LUA_TNIL)
		r->stop = lua_toboolean(L, -1);
	lua_pop(L, 2);
	r->after_here = bind_field_bool(L, idx, "after_here");
	r->existing = bind_field_bool(L, idx, "existing");
	r->own = bind_field_bool(L, idx, "own");
	r->serial = bind_field_bool(L, idx, "serial");
	if (lua_getfield(L, idx, "run") != LUA_TNIL)
		r->run = script_keep(L, lua_gettop(L));
	lua_pop(L, 1);
	read_actions(L, idx, r);
}

/* ---- the revision */

static int
add_code(lua_State *L, const void *p, size_t n, void *arg)
{
	(void)L;
	sha256_add(arg, view_n(p, n));
	return 0;
}

static void
drop_sha(void *p)
{
	struct sha256 **h = p;
	unsigned char sum[SHA256_SIZE];

	if (*h != NULL)
		sha256_end(h, sum);
}

/* Tables and flags as text; a function by its code, without its lines. */
static void
set_revision(lua_State *L, int idx, struct rule *r)
{
	struct sha256 **h = bind_scratch(L, sizeof(struct sha256 *), drop_sha);
	unsigned char sum[SHA256_SIZE];
	struct str text = STR_INIT;

	*h = sha256_new();
	str_addf(&text, "%s\n%u %lld %d %d %d %d %d\n", r->name, r->on, (long long)r->after_ms,
	    r->after_here, r->stop, r->existing, r->own, r->serial);
	if (r->when != NULL)
		query_print(r->when, &text);
	str_addc(&text, '\n');
	if (r->unless != NULL)
		query_print(r->unless, &text);
	for (size_t i = 0; i < r->actions.n; i++) {
		const struct rule_action *a = &r->actions.at[i];

		str_addf(&text, "\n%s %s ", verb_name(a->verb), a->account != NULL ? a->account : "");
		flags_print(&text, &a->flags);
		str_addv(&text, blob_view(a->bytes));
	}
	sha256_add(*h, str_view(&text));
	str_free(&text);
	if (lua_getfield(L, idx, "actions") == LUA_TTABLE)
		for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
			const char *target = bind_field_text(L, lua_gettop(L), "target");

			sha256_add(*h, view_of(target));
			sha256_add(*h, VIEW("\n"));
			lua_pop(L, 1);
		}
	if (r->run != 0) {
		lua_getfield(L, idx, "run");
		lua_dump(L, add_code, *h, 1);
	}
	sha256_end(h, sum);
	hex_of(sum, sizeof(r->revision) / 2, r->revision);
}

/* ---- attaching */

/* A role stays a role until the account is open; one that can be named now is named. */
static const char *
chain_mailbox(lua_State *L, const struct account_decl *d, const char *mailbox)
{
	static const char *const roles[] = { "@trash", "@archive", "@junk", "@sent", "@drafts" };

	if (strcasecmp(mailbox, "inbox") == 0 || strcmp(mailbox, "@inbox") == 0)
		return "INBOX";
	if (strcmp(mailbox, "@trash") == 0 && d->trash != NULL)
		return d->trash;
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (strcmp(mailbox, roles[i]) == 0)
			return mailbox;
	if (mailbox[0] == '@')
		rt_fail(L, ERR_USAGE, "no role '%.60s'; the roles are @inbox @trash @archive @junk "
		    "@sent @drafts", mailbox);
	return mailbox;
}

static int
core_attach(lua_State *L)
{
	struct script *s = bind_loading(L, "a rule is declared");
	const char *account = bind_text_arg(L, 1, NAME_MAX_BYTES);
	const char *mailbox = bind_text_arg(L, 2, 1000), *name, *where;
	const struct account_decl *d = ruleset_account(s->ruleset, account);
	struct err e = ERR_NONE;
	struct rule **slot, *r;
	char here[LUA_IDSIZE + 20];

	luaL_checktype(L, 3, LUA_TTABLE);
	if (d == NULL)
		return rt_fail(L, ERR_USAGE, "no account \"%s\"", account);
	mailbox = chain_mailbox(L, d, mailbox);
	name = bind_field_text(L, 3, "name");
	where = bind_field_text(L, 3, "where");
	if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_BYTES)
		return rt_fail(L, ERR_USAGE, "a rule's name has 1 to %u bytes", NAME_MAX_BYTES);
	if (where == NULL)
		where = bind_where(L, here, sizeof(here));
	slot = bind_scratch(L, sizeof(struct rule *), drop_rule);
	*slot = rule_new(name, where);
	read_rule(L, 3, *slot);
	set_revision(L, 3, *slot);
	r = *slot;
	*slot = NULL;
	if (ruleset_attach(s->ruleset, account, mailbox, r, &e) < 0)
		return rt_raise(L, &e, NULL, NULL, NULL);
	return 0;
}

void
bind_declare(lua_State *L)
{
	static const luaL_Reg functions[] = { { "attach", core_attach }, { NULL, NULL } };

	luaL_setfuncs(L, functions, 0);
}
