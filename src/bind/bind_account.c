/*
 * Accounts as scripts declare them.  The Lua half has checked options and spelling and
 * made up what was left out; what is checked here is what C alone can know: zones, the
 * form of pins, whether a file of CAs can be used, lengths, names that are taken.
 *
 * An account is built in scratch, so an error in its middle leaves nothing behind.  Its
 * digest covers every option; of a given password only credential.c's description goes
 * in, which is a digest itself.
 */
#include "bind/bind_int.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "net/tls.h"

#define NAME_MAX_BYTES	200u
#define PATH_MAX_BYTES	4000u
#define USER_MAX_BYTES	1000u
#define PINS_MAX	100

static void
drop_account(void *p)
{
	account_decl_free(p);
}

/* ---- the digest */

/* Each with its length, so that no two options look like one another. */
static void
add_text(struct str *out, const char *z)
{
	if (z == NULL)
		str_adds(out, "-\n");
	else
		str_addf(out, "%zu:%s\n", strlen(z), z);
}

static void
add_credential(struct str *out, const struct credential *c)
{
	if (c != NULL)
		credential_describe(c, out);
	str_addc(out, '\n');
}

static char *
account_digest(const struct account_decl *d)
{
	unsigned char sum[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct str text = STR_INIT;

	str_addf(&text, "%d %d %d %u %d %d %lld %u\n", d->kind, d->create, d->subscribe, d->port,
	    d->tls, d->insecure_plaintext, (long long)d->timeout_ms, d->max_connections);
	add_text(&text, d->name);
	add_text(&text, d->path);
	add_text(&text, d->trash);
	add_text(&text, d->tz);
	add_text(&text, d->host);
	add_text(&text, d->user);
	add_text(&text, d->authorize);
	add_text(&text, d->ca_file);
	for (char **pin = d->fingerprints; pin != NULL && *pin != NULL; pin++)
		add_text(&text, *pin);
	add_text(&text, NULL);
	add_credential(&text, d->password);
	add_credential(&text, d->token);
	sha256_of(str_view(&text), sum);
	hex_of(sum, sizeof(sum), hex);
	str_free(&text);
	return xstrdup(hex);
}

/* ---- the parts of a declaration */

static void
check_zone(lua_State *L, const struct account_decl *d)
{
	struct err e = ERR_NONE;
	struct zone *z = zone_new(view_of(d->tz), &e);

	if (z == NULL) {
		err_prefix(&e, "account \"%s\": tz", d->name);
		rt_raise(L, &e, NULL, d->name, NULL);
	}
	zone_free(&z);
}

/* A whole number from low to high; absent: low. */
static lua_Integer
field_integer(lua_State *L, const char *name, lua_Integer low, lua_Integer high)
{
	lua_Integer n = low;

	if (lua_getfield(L, 1, name) != LUA_TNIL) {
		n = luaL_checkinteger(L, -1);
		if (n < low || n > high)
			rt_fail(L, ERR_USAGE, "%s is out of range", name);
	}
	lua_pop(L, 1);
	return n;
}

/* A text that must be there. */
static char *
need_text(lua_State *L, const char *name, size_t max)
{
	const char *z = bind_field_text(L, 1, name);

	if (z == NULL || z[0] == '\0' || strlen(z) > max)
		rt_fail(L, ERR_USAGE, "%s is missing or too long", name);
	return xstrdup(z);
}

static void
read_pins(lua_State *L, struct account_decl *d)
{
	lua_Integer n;

	if (lua_getfield(L, 1, "fingerprints") == LUA_TTABLE) {
		n = luaL_len(L, -1);
		if (n < 1 || n > PINS_MAX)
			rt_fail(L, ERR_USAGE, "fingerprint: 1 to %d of them", PINS_MAX);
		d->fingerprints = xcalloc((size_t)n + 1, sizeof(*d->fingerprints));
		for (lua_Integer i = 0; i < n; i++) {
			lua_rawgeti(L, -1, i + 1);
			d->fingerprints[i] = xstrdup(bind_text_arg(L, lua_gettop(L), USER_MAX_BYTES));
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
}

/* Made once and thrown away: a bad pin or file is told with the line of the script. */
static void
check_trust(lua_State *L, const struct account_decl *d)
{
	struct tls_params p = {
		.ca_file = d->ca_file, .fingerprints = (const char *const *)d->fingerprints,
	};
	struct err e = ERR_NONE;
	struct tls *t;

	if (d->ca_file == NULL && d->fingerprints == NULL)
		return;
	t = tls_new(&p, &e);
	if (t == NULL)
		rt_raise(L, &e, NULL, d->name, NULL);
	tls_free(&t);
}

static void
read_maildir(lua_State *L, const struct script *s, struct account_decl *d)
{
	const char *path = bind_field_text(L, 1, "path");

	if (path == NULL || path[0] == '\0' || strlen(path) > PATH_MAX_BYTES)
		rt_fail(L, ERR_USAGE, "path is missing or too long");
	d->kind = ACCOUNT_MAILDIR;
	d->path = bind_path(s, path);
}

static void
read_imap(lua_State *L, const struct script *s, struct account_decl *d)
{
	static const char *const tls[] = { "implicit", "starttls", "none", NULL };
	static const enum session_tls of[] = { SESSION_TLS, SESSION_STARTTLS, SESSION_PLAIN };
	const char *ca_file = bind_field_text(L, 1, "ca_file");

	d->kind = ACCOUNT_IMAP;
	d->host = need_text(L, "host", HOST_MAX);
	d->port = (uint16_t)field_integer(L, "port", 1, UINT16_MAX);
	d->user = need_text(L, "user", USER_MAX_BYTES);
	d->authorize = bind_field_dup(L, 1, "authorize");
	lua_getfield(L, 1, "tls");
	d->tls = of[luaL_checkoption(L, -1, NULL, tls)];
	lua_pop(L, 1);
	if (ca_file != NULL && strlen(ca_file) > PATH_MAX_BYTES)
		rt_fail(L, ERR_USAGE, "ca_file is too long");
	d->ca_file = ca_file != NULL ? bind_path(s, ca_file) : NULL;
	read_pins(L, d);
	d->insecure_plaintext = bind_field_bool(L, 1, "insecure_plaintext");
	d->timeout_ms = field_integer(L, "timeout", 0, 600000);
	d->max_connections = (unsigned)field_integer(L, "max_connections", 0, 50);
	d->subscribe = bind_field_bool(L, 1, "subscribe");
	d->password = secret_read(L, 1, "password");
	d->token = secret_read(L, 1, "token");
	if ((d->password != NULL) == (d->token != NULL))
		rt_fail(L, ERR_USAGE, "one of password and oauth is needed");
	check_trust(L, d);
}

/* ---- declaring */

static int
core_declare_account(lua_State *L)
{
	struct script *s = bind_loading(L, "an account is declared");
	const char *kind, *name, *where;
	struct account_decl **slot, *d;
	struct err e = ERR_NONE;

	luaL_checktype(L, 1, LUA_TTABLE);
	kind = bind_field_text(L, 1, "kind");
	name = bind_field_text(L, 1, "name");
	where = bind_field_text(L, 1, "where");
	if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_BYTES ||
	    strpbrk(name, ":/\r\n") != NULL)
		return rt_fail(L, ERR_USAGE, "an account's name has 1 to %u bytes, without : / and "
		    "line breaks", NAME_MAX_BYTES);
	slot = bind_scratch(L, sizeof(*slot), drop_account);
	d = *slot = xcalloc(1, sizeof(*d));
	d->name = xstrdup(name);
	d->where = xstrdup(where != NULL ? where : "");
	d->trash = bind_field_dup(L, 1, "trash");
	d->tz = bind_field_dup(L, 1, "tz");
	d->create = bind_field_bool(L, 1, "create");
	if (kind != NULL && strcmp(kind, "imap") == 0)
		read_imap(L, s, d);
	else if (kind != NULL && strcmp(kind, "maildir") == 0)
		read_maildir(L, s, d);
	else
		return rt_fail(L, ERR_USAGE, "no kind of account \"%s\"", kind != NULL ? kind : "");
	check_zone(L, d);
	d->digest = account_digest(d);
	*slot = NULL;
	if (ruleset_add_account(s->ruleset, d, &e) < 0)
		return rt_raise(L, &e, NULL, NULL, NULL);
	return 0;
}

void
bind_declare_account(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "declare_account", core_declare_account }, { NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
