/*
 * One connection: the credential, then a session with an engine on it, until either ends.  What
 * is signed in is told to imap_trouble.c, and so is what failed; who uses the link is
 * imap_serve.c's decision.
 *
 * The engine's callbacks come from inside its calls, so nothing is freed there: links go in
 * callbacks of the session, of a credential, or in a step.
 */
#include "source/imap_source_int.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/mem.h"

#ifndef MAILMILL_VERSION
#define MAILMILL_VERSION "unknown"
#endif

void
imap_link_poke(struct imap_link *l)
{
	if (l->session != NULL)
		l->source->conf.maker->poke(l->session);
}

bool
imap_link_ready(const struct imap_link *l)
{
	return l->phase == LINK_READY && !l->dead && imap_is_ready(l->imap);
}

/* ---- the end */

void
imap_link_over(struct imap_link *l)
{
	struct imap_source *s = l->source;

	if (!l->dead || !list_empty(&l->plains) || (l->box != NULL && l->box->batching))
		return;
	if (l->box != NULL)
		l->box->at = NULL;
	list_remove(&l->link);
	free(l);
	imap_source_step(s);
}

void
imap_link_free(struct imap_link *l)
{
	if (l->dead)
		return;
	credential_give_up(&l->asking);
	if (l->session != NULL)
		l->source->conf.maker->free(&l->session);
	imap_free(&l->imap);
	imap_read_drop(l);
	l->phase = LINK_DOWN;
	l->watches = NULL;
	l->dead = true;
	imap_link_over(l);
}

void
imap_link_close(struct imap_link *l)
{
	if (l->phase != LINK_READY) {
		imap_link_free(l);
		return;
	}
	imap_select_leave(l, false);
	l->watches = NULL;
	l->phase = LINK_CLOSING;
	imap_logout(l->imap);
	imap_link_poke(l);
}

static void
ended(void *arg, const struct err *e)
{
	struct imap_link *l = arg;
	struct imap_source *s = l->source;
	enum imap_phase phase = l->phase;
	int64_t pause = imap_backoff_ms(l->imap), up_at = l->up_at;
	/* What was under way has been told and waits again. */
	bool needed = l->watches != NULL || !list_empty(&s->plain) ||
	    (l->box != NULL && (l->box->batching || !list_empty(&l->box->queue)));
	struct err why = *e;

	if (!err_is(&why)) {
		err_set(&why, ERR_NET, SCOPE_SESSION, "the server ended the session");
		why.temporary = true;
	}
	imap_link_free(l);
	if (!s->closing && phase == LINK_CONNECTING)
		imap_trouble_failed(s, &why, true, pause);
	else if (!s->closing && phase == LINK_READY)
		imap_trouble_lost(s, &why, up_at, pause, needed);
	imap_source_step(s);
}

/* ---- the beginning */

static void
wire(void *arg, const char *line)
{
	const struct imap_link *l = arg;

	log_at(l->source->source.log, LOG_WIRE, "%s[%u] %s", l->source->source.name, l->no, line);
}

static void
ready(void *arg)
{
	struct imap_link *l = arg;

	l->phase = LINK_READY;
	l->up_at = l->used_at = loop_now(l->source->source.loop);
	imap_trouble_over(l);
	imap_source_step(l->source);
}

/* What cannot be read and is nobody's answer is left out: said once a connection. */
static void
event(void *arg, struct imap_reply *r)
{
	struct imap_link *l = arg;
	const struct imap_source *s = l->source;

	if (r->kind == IMAP_BROKEN) {
		log_at(s->source.log, l->told_broken ? LOG_DEBUG : LOG_WARN, "%s: something the server says "
		    "cannot be read and is left out: %s", s->source.name, r->why);
		l->told_broken = true;
	}
	imap_watch_event(l, r);
}

static void
opened(void *arg, bool loopback)
{
	struct imap_link *l = arg;

	imap_connected(l->imap, loopback);
}

static void
connect_with(struct imap_link *l, const struct secret *secret)
{
	struct imap_source *s = l->source;
	const struct imap_source_conf *c = &s->conf;
	struct imap_conf ic = { .host = c->host, .port = c->port,
		.starttls = c->security == SESSION_STARTTLS,
		.insecure_plaintext = c->insecure_plaintext, .user = c->user, .authzid = c->authzid,
		.password = c->password != NULL ? secret : NULL,
		.token = c->token != NULL ? secret : NULL, .reply_ms = c->timeout_ms,
		.version = MAILMILL_VERSION, .sink = imap_read_sink(l),
		.wire = log_on(s->source.log, LOG_WIRE) ? wire : NULL,
		.events = { ready, event }, .arg = l };
	struct session_conf sc = { .loop = s->source.loop, .log = s->source.log, .dns = c->dns,
		.tls = c->tls, .peer = { c->host, c->port }, .security = c->security,
		.timeout_ms = c->timeout_ms, .ops = &imap_engine_ops, .opened = opened, .ended = ended,
		.arg = l };

	random_bytes(ic.random, sizeof(ic.random));
	l->imap = imap_new(&ic);
	sc.engine = l->imap;
	l->phase = LINK_CONNECTING;
	l->session = c->maker->open(&sc);
}

static void
credential_came(void *arg, const struct secret *secret, const struct err *e)
{
	struct imap_link *l = arg;
	struct imap_source *s = l->source;
	struct err why = e != NULL ? *e : ERR_NONE;

	l->asking = NULL;
	if (!err_is(&why) && secret != NULL) {
		connect_with(l, secret);
		return;
	}
	err_set(&why, ERR_AUTH, SCOPE_ACCOUNT, "there is no password");
	imap_link_free(l);
	if (!s->closing)
		imap_trouble_failed(s, &why, false, 0);
	imap_source_step(s);
}

struct imap_link *
imap_link_open(struct imap_source *s, struct imap_box *watches)
{
	struct imap_link *l = xcalloc(1, sizeof(*l));

	l->source = s;
	l->no = ++s->numbers;
	l->phase = LINK_ASKING;
	l->watches = watches;
	list_init(&l->plains);
	list_init(&l->again);
	l->used_at = loop_now(s->source.loop);
	list_append(&s->links, &l->link);
	l->asking = credential_get(s->conf.password != NULL ? s->conf.password : s->conf.token,
	    s->source.loop, credential_came, l);
	return l;
}
