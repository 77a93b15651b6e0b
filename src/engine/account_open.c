/*
 * Opening the source of an account by its kind, and what sources with connections share: one
 * set of TLS rules that trusts the system's CAs, and one look for a machine that has slept.
 *
 * An option that cannot be right (a pin that is none, a file of CAs that cannot be read) is
 * ERR_USAGE here, before anything is connected; all else of the network is the source's own
 * business, which tries again by itself.
 */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "net/suspend.h"
#include "net/tls.h"
#include "source/imap_source.h"
#include "source/maildir.h"

/* ---- the same store twice */

static bool
same_folder(const char *a, const char *b)
{
	struct stat sa, sb;

	return strcmp(a, b) == 0 || (stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino);
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

bool
account_same_store(const struct account_decl *a, const struct account_decl *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == ACCOUNT_MAILDIR)
		return a->path != NULL && b->path != NULL && same_folder(a->path, b->path);
	return a->port == b->port && strcasecmp(a->host, b->host) == 0 &&
	    same_text(a->user, b->user) && same_text(a->authorize, b->authorize);
}

/* ---- IMAP */

static int
own_tls(struct account *a, struct err *err)
{
	const struct account_decl *d = a->decl;
	struct tls_params params = { .ca_file = d->ca_file,
		.fingerprints = (const char *const *)d->fingerprints };

	if (a->tls != NULL)
		return 0;
	a->tls = tls_new(&params, err);
	if (a->tls != NULL)
		return 0;
	err->kind = ERR_USAGE;
	err->scope = SCOPE_ACCOUNT;
	err->temporary = false;
	err_prefix(err, "%s", d->ca_file != NULL ? "ca_file" : "fingerprint");
	return -1;
}

static struct tls *
tls_for(struct account *a, struct err *err)
{
	struct engine *e = a->engine;
	struct tls_params params = { 0 };

	if (a->decl->ca_file != NULL || a->decl->fingerprints != NULL)
		return own_tls(a, err) == 0 ? a->tls : NULL;
	if (e->tls == NULL)
		e->tls = tls_new(&params, err);
	return e->tls;
}

static struct source *
open_imap(struct account *a, struct err *err)
{
	const struct engine_conf *ec = &a->engine->conf;
	const struct account_decl *d = a->decl;
	struct imap_source_conf conf = { .name = d->name, .host = d->host, .port = d->port,
		.user = d->user, .authzid = d->authorize, .password = d->password, .token = d->token,
		.security = d->tls, .insecure_plaintext = d->insecure_plaintext, .dns = ec->dns,
		.timeout_ms = d->timeout_ms, .max_connections = d->max_connections,
		.read_only = ec->dry_run, .subscribe = d->subscribe,
		.once = ec->once, .quiet = ec->quiet };

	assert(ec->dns != NULL);
	if (d->tls != SESSION_PLAIN && (conf.tls = tls_for(a, err)) == NULL)
		return NULL;
	return imap_source_open(ec->loop, ec->log, &conf, err);
}

int
account_prepare(struct account *a, struct err *err)
{
	const struct account_decl *d = a->decl;

	if ((d->ca_file == NULL && d->fingerprints == NULL) || own_tls(a, err) == 0)
		return 0;
	err_prefix(err, "%s: account \"%s\"", d->where, d->name);
	return -1;
}

/* ---- suspend */

static void
has_slept(void *arg, int64_t slept_ms)
{
	struct engine *e = arg;

	log_info(e->conf.log, "the machine has slept for %lld s: connections are tested",
	    (long long)slept_ms / 1000);
	for (size_t i = 0; i < e->accounts.n; i++) {
		struct source *s = e->accounts.at[i]->source;

		if (s != NULL && !e->accounts.at[i]->ending && s->ops->awake != NULL)
			s->ops->awake(s);
	}
}

static void
suspend_follow(struct engine *e)
{
	bool far = false;

	for (size_t i = 0; i < e->accounts.n; i++)
		far |= account_is_far(e->accounts.at[i]);
	if (!far)
		suspend_free(&e->suspend);
	else if (e->suspend == NULL)
		e->suspend = suspend_new(e->conf.loop, has_slept, e);
}

/* ---- all kinds */

static struct source *
open_maildir(struct account *a, struct err *err)
{
	const struct engine_conf *ec = &a->engine->conf;
	struct maildir_conf conf = { .name = a->name, .path = a->decl->path,
		.create = a->decl->create && !ec->dry_run };

	return maildir_open(ec->loop, ec->log, &conf, &a->book, err);
}

struct source *
account_source_open(struct account *a, struct err *err)
{
	struct engine *e = a->engine;
	struct source *s;

	if (e->conf.open_source != NULL)
		s = e->conf.open_source(e->conf.open_arg, a->decl, err);
	else
		s = a->decl->kind == ACCOUNT_IMAP ? open_imap(a, err) : open_maildir(a, err);
	if (s != NULL && s->ops->awake != NULL && e->suspend == NULL)
		e->suspend = suspend_new(e->conf.loop, has_slept, e);
	return s;
}

void
account_source_gone(struct account *a)
{
	a->source = NULL;
	tls_free(&a->tls);
	suspend_follow(a->engine);
}
