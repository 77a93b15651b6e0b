/*
 * What mail.imap makes of its options: defaults, `login`, `like`, digests.  The real Lua half
 * is at work; nothing is opened.
 */
#include "unit.h"

#include "base/mem.h"
#include "bind/script.h"

struct world {
	struct loop	*loop;
	struct log	*log;
	struct script	*script;
	struct err	 err;
};

static void
loaded(void *arg, struct script *s, const struct err *e, const char *detail, const char *load_point)
{
	struct world *w = arg;

	(void)s;
	(void)detail;
	(void)load_point;
	w->err = *e;
	loop_stop(w->loop);
}

/* Loads the text up to its end. */
static void
begin(struct world *w, const char *text)
{
	struct script_conf conf = { .phase = SCRIPT_CHECK };
	char *file = xasprintf("%s/rules.lua", unit_tmp());
	FILE *f = fopen(file, "w");

	*w = (struct world){ .err = ERR_NONE };
	fputs(text, f);
	fclose(f);
	w->loop = loop_new(&w->err);
	w->log = log_new(2, LOG_TEXT, false, LOG_WARN);
	conf.loop = w->loop;
	conf.log = w->log;
	conf.file = file;
	w->script = script_load(&conf, loaded, w, &w->err);
	if (w->script != NULL)
		loop_run(w->loop);
	free(file);
}

static void
end(struct world *w)
{
	script_free(&w->script);
	log_free(&w->log);
	loop_free(&w->loop);
}

static const struct account_decl *
decl(struct world *w, const char *name)
{
	return ruleset_account(script_ruleset(w->script), name);
}

static bool
same(struct world *w, const char *a, const char *b)
{
	const struct account_decl *da = decl(w, a), *db = decl(w, b);

	return strcmp(da->digest, db->digest) == 0;
}

static const char base[] =
	"local function imap(name, more)\n"
	"  local o = { name = name, host = 'imap.example.com', user = 'anna', password = 'pw' }\n"
	"  for k, v in pairs(more or {}) do o[k] = v end\n"
	"  return mail.imap(o)\n"
	"end\n"
	"local pin = ('aB'):rep(32)\n";

#define SCRIPT(w, body) do { \
	char *script_text = xasprintf("%s%s", base, body); \
	begin(w, script_text); \
	free(script_text); \
	EXPECT_STR((w)->err.text, ""); \
	EXPECT((w)->script != NULL); \
} while (0)

TEST(defaults)
{
	struct world w;
	const struct account_decl *d;

	SCRIPT(&w, "imap('a')");
	d = decl(&w, "a");
	EXPECT_EQ(d->kind, ACCOUNT_IMAP);
	EXPECT_STR(d->host, "imap.example.com");
	EXPECT_EQ(d->port, 993);
	EXPECT_EQ(d->tls, SESSION_TLS);
	EXPECT_STR(d->user, "anna");
	EXPECT(d->authorize == NULL);
	EXPECT(d->password != NULL && d->token == NULL);
	EXPECT(d->ca_file == NULL && d->fingerprints == NULL && d->trash == NULL && d->tz == NULL);
	EXPECT(!d->create && !d->subscribe && !d->insecure_plaintext);
	EXPECT_EQ(d->timeout_ms, 0);
	EXPECT_EQ(d->max_connections, 0);
	EXPECT(d->path == NULL);
	EXPECT(strstr(d->where, "rules.lua:7") != NULL);
	end(&w);
}

TEST(all_options)
{
	struct world w;
	const struct account_decl *d;

	SCRIPT(&w, "imap('a', { tls = 'starttls', fingerprint = { pin, 'sha256:' .. pin },\n"
	    "timeout = '90s', max_connections = 5, create = 'subscribed', trash = 'Müll',\n"
	    "tz = 'UTC', insecure_plaintext = true })\n"
	    "imap('b', { tls = 'none', host = '::1', create = true })\n"
	    "imap('c', { tls = 'starttls', port = 993 })");
	d = decl(&w, "a");
	EXPECT_EQ(d->port, 143);
	EXPECT_EQ(d->tls, SESSION_STARTTLS);
	EXPECT(strncmp(d->fingerprints[0], "aBaB", 4) == 0);
	EXPECT(strncmp(d->fingerprints[1], "sha256:aB", 9) == 0);
	EXPECT(d->fingerprints[2] == NULL);
	EXPECT_EQ(d->timeout_ms, 90000);
	EXPECT_EQ(d->max_connections, 5);
	EXPECT(d->create && d->subscribe && d->insecure_plaintext);
	EXPECT_STR(d->trash, "Müll");
	EXPECT_STR(d->tz, "UTC");
	d = decl(&w, "b");
	EXPECT_EQ(d->port, 143);
	EXPECT_EQ(d->tls, SESSION_PLAIN);
	EXPECT(d->create && !d->subscribe);
	EXPECT_EQ(decl(&w, "c")->port, 993);
	end(&w);
}

TEST(who_signs_in)
{
	struct world w;

	SCRIPT(&w, "imap('login', { login = 'admin' })\n"
	    "imap('other', { authorize = 'info' })\n"
	    "imap('both', { login = 'admin', authorize = 'info' })");
	EXPECT_STR(decl(&w, "login")->user, "admin");
	EXPECT_STR(decl(&w, "login")->authorize, "anna");
	EXPECT_STR(decl(&w, "other")->user, "anna");
	EXPECT_STR(decl(&w, "other")->authorize, "info");
	EXPECT_STR(decl(&w, "both")->user, "admin");
	EXPECT_STR(decl(&w, "both")->authorize, "info");
	end(&w);
}

TEST(like_inherits)
{
	struct world w;
	const struct account_decl *d;

	SCRIPT(&w, "local a = imap('a', { port = 10993, fingerprint = pin, timeout = 70, tz = 'UTC',\n"
	    "  create = 'subscribed', login = 'admin', max_connections = 7 })\n"
	    "local b = mail.imap { name = 'b', like = a }\n"
	    "mail.imap { name = 'c', like = b, user = 'carl', create = false, max_connections = 1 }\n"
	    "mail.imap { name = 'd', like = a, oauth = mail.secret.env 'T', tls = 'none', host = '127.0.0.1' }\n"
	    "imap('e', { tls = 'starttls' })\n");
	d = decl(&w, "b");
	EXPECT_STR(d->host, "imap.example.com");
	EXPECT_EQ(d->port, 10993);
	EXPECT(d->fingerprints != NULL && d->fingerprints[1] == NULL);
	EXPECT_EQ(d->timeout_ms, 70000);
	EXPECT(d->create && d->subscribe);
	EXPECT_STR(d->authorize, "anna");
	EXPECT_STR(d->tz, "UTC");
	EXPECT(strstr(d->where, "rules.lua:9") != NULL);
	d = decl(&w, "c");
	EXPECT_STR(d->user, "admin");
	EXPECT_STR(d->authorize, "carl");
	EXPECT(!d->create && !d->subscribe);
	EXPECT_EQ(d->max_connections, 1);
	EXPECT_EQ(d->timeout_ms, 70000);
	d = decl(&w, "d");
	EXPECT(d->password == NULL && d->token != NULL);
	EXPECT(d->fingerprints == NULL);
	EXPECT_EQ(d->tls, SESSION_PLAIN);
	end(&w);
}

/* One credential for all that are like it: a prompt asks once. */
TEST(like_shares_the_secret)
{
	struct world w;

	SCRIPT(&w, "local a = imap('a', { password = mail.secret.prompt 'pw of anna' })\n"
	    "mail.imap { name = 'b', like = a }");
	EXPECT(decl(&w, "a")->password == decl(&w, "b")->password);
	end(&w);
}

static const char *const different[] = {
	"host = 'x'", "port = 994", "user = 'x'", "password = 'other'", "login = 'x'",
	"authorize = 'x'", "tls = 'starttls', port = 993", "fingerprint = pin",
	"fingerprint = { pin, pin }", "insecure_plaintext = true", "timeout = 61",
	"max_connections = 4", "create = true", "create = 'subscribed'", "trash = 'x'", "tz = 'UTC'",
	"password = mail.secret.env 'pw'", "password = mail.secret.file '/pw'",
	"password = mail.secret.command { 'pw' }", "password = mail.secret.command { 'pw', 'x' }",
};

/* The name is in the digest, so each is loaded by itself. */
static bool
digest_of(const char *options, char *out, size_t size)
{
	char *text = xasprintf("%simap('a', { %s })", base, options);
	struct world w;
	bool ok;

	begin(&w, text);
	free(text);
	ok = !err_is(&w.err) && decl(&w, "a") != NULL;
	if (ok)
		snprintf(out, size, "%s", decl(&w, "a")->digest);
	else
		printf("# %s: %s\n", options, w.err.text);
	end(&w);
	return ok;
}

TEST(digest_tells_every_option)
{
	char all[ARRAY_LEN(different) + 1][70], again[70];
	size_t n = ARRAY_LEN(different);

	EXPECT(digest_of("", all[n], sizeof(all[n])));
	for (size_t i = 0; i < n; i++) {
		EXPECT(digest_of(different[i], all[i], sizeof(all[i])));
		EXPECT(digest_of(different[i], again, sizeof(again)));
		EXPECT_STR(all[i], again);
		EXPECT(strcmp(all[i], all[n]) != 0);
		for (size_t k = 0; k < i; k++)
			EXPECT(strcmp(all[i], all[k]) != 0);
	}
}

/* An option that is given as its default is no other account. */
TEST(digest_of_defaults)
{
	char plain[70], given[70];

	EXPECT(digest_of("", plain, sizeof(plain)));
	EXPECT(digest_of("port = 993, tls = 'implicit', create = false", given, sizeof(given)));
	EXPECT_STR(given, plain);
}

TEST(digest_has_the_name)
{
	struct world w;

	SCRIPT(&w, "imap('a') imap('b')");
	EXPECT(!same(&w, "a", "b"));
	end(&w);
}
