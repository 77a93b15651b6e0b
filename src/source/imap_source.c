/*
 * IMAP as a source: its life, its requests and their answers.  A submit only queues; once a turn
 * of the loop a step looks what can go on (imap_serve.c), so that what one turn asks for
 * goes together.  Requests that need their mailbox selected wait at it, the others (LIST,
 * STATUS, APPEND, ...) in one queue of the account.
 *
 * Everything is answered by a deferred call; the source is freed when it was closed, no link
 * is left and no answer is on its way.
 */
#include "source/imap_source_int.h"

#include <stdlib.h>

#include "base/mem.h"

#define CLOSE_MS 5000	/* for what is under way when the source is closed */

static void maybe_end(struct imap_source *s);

/* ---- mailboxes */

struct imap_box *
imap_box_find(struct imap_source *s, const char *name, bool make)
{
	struct imap_box *b;

	if (view_iis(view_of(name), "INBOX"))
		name = "INBOX";
	LIST_EACH(&s->boxes, it) {
		b = LIST_ITEM(it, struct imap_box, link);
		if (strcmp(b->name, name) == 0)
			return b;
	}
	if (!make)
		return NULL;
	b = xcalloc(1, sizeof(*b));
	b->source = s;
	b->name = xstrdup(name);
	list_init(&b->queue);
	list_init(&b->asks);
	list_append(&s->boxes, &b->link);
	return b;
}

static void
box_free(struct imap_box *b)
{
	list_remove(&b->link);
	seqset_free(&b->known);
	VEC_FREE(&b->watchers);
	free(b->name);
	free(b->wire);
	free(b);
}

void
imap_box_drop_if_unused(struct imap_box *b)
{
	if (b->watchers.n == 0 && list_empty(&b->queue) && list_empty(&b->asks) && b->at == NULL &&
	    !b->batching && !b->polling)
		box_free(b);
}

/* ---- answers */

static void
answer_now(void *arg)
{
	struct request *r = arg;
	struct imap_source *s = (struct imap_source *)r->source;

	r->done(r);
	s->held--;
	maybe_end(s);
}

void
imap_answer(struct imap_source *s, struct request *r)
{
	list_remove(&r->link);
	s->held++;
	loop_defer(s->source.loop, answer_now, r);
}

void
imap_answer_err(struct imap_source *s, struct request *r, const struct err *e)
{
	r->result = RESULT_FAILED;
	if (!err_is(&r->err))
		r->err = *e;
	imap_answer(s, r);
}

void
imap_answer_all(struct imap_source *s, struct link *queue, const struct err *e)
{
	LIST_EACH(queue, it)
		imap_answer_err(s, LIST_ITEM(it, struct request, link), e);
}

static bool
makes_copies(const struct request *r)
{
	return r->kind == REQ_COPY || r->kind == REQ_MOVE || r->kind == REQ_APPEND;
}

void
imap_answer_fault(struct imap_source *s, struct request *r, const struct imap_answer *a,
	const char *what)
{
	struct err e = ERR_NONE;

	if (a->result != NULL && imap_fault(a->result, IMAP_DURING_COMMAND, what, &e, NULL) == 0)
		err_set(&e, ERR_PROTO, SCOPE_MESSAGE, "%s: the server says OK and not what was asked",
		    what);
	if (a->result == NULL && a->sent && makes_copies(r)) {
		err_set(&e, ERR_HELD, SCOPE_MESSAGE, "%s: it was sent, and the connection was lost before "
		    "the answer: it may have happened, and is not done again", what);
	} else if (a->result == NULL && s->closing && a->err.kind == ERR_CANCELED) {
		err_set(&e, ERR_CANCELED, SCOPE_ACCOUNT, "account '%s' was closed", s->source.name);
	} else if (a->result == NULL) {
		e = a->err;
		err_set(&e, ERR_NET, SCOPE_SESSION, "the connection was lost");
		if (e.kind != ERR_USAGE && e.kind != ERR_LIMIT)
			e.temporary = true;
		if (e.kind == ERR_CANCELED)
			e.kind = ERR_NET;
		err_prefix(&e, "%s", what);
	}
	imap_answer_err(s, r, &e);
}

/* ---- steps */

static void
alarm_rings(void *arg)
{
	struct imap_source *s = arg;

	s->alarm = NULL;
	imap_source_step(s);
}

static void
step(void *arg)
{
	struct imap_source *s = arg;
	int64_t due, now = loop_now(s->source.loop);

	s->stepping = false;
	s->held--;
	imap_serve(s);
	imap_watch_tell(s);
	if (!s->closing)
		LIST_EACH(&s->boxes, it)
			imap_box_drop_if_unused(LIST_ITEM(it, struct imap_box, link));
	due = imap_serve_due(s);
	loop_cancel(s->source.loop, &s->alarm);
	if (!s->closing && due != INT64_MAX)
		s->alarm = loop_after(s->source.loop, MAX(due - now, (int64_t)1), alarm_rings,
		    s);
	maybe_end(s);
}

void
imap_source_step(struct imap_source *s)
{
	if (s->stepping)
		return;
	s->stepping = true;
	s->held++;
	loop_defer(s->source.loop, step, s);
}

/* ---- the end */

static void
conf_free(struct imap_source_conf *c)
{
	free((char *)(uintptr_t)c->name);
	free((char *)(uintptr_t)c->host);
	free((char *)(uintptr_t)c->user);
	free((char *)(uintptr_t)c->authzid);
	credential_unref(&c->password);
	credential_unref(&c->token);
}

static void
maybe_end(struct imap_source *s)
{
	loop_fn closed = s->closed;
	void *arg = s->closed_arg;

	if (!s->closing || s->held > 0 || !list_empty(&s->links))
		return;
	LIST_EACH(&s->boxes, it)
		box_free(LIST_ITEM(it, struct imap_box, link));
	loop_cancel(s->source.loop, &s->alarm);
	loop_cancel(s->source.loop, &s->pause);
	loop_cancel(s->source.loop, &s->closing_timer);
	conf_free(&s->conf);
	free(s->said.text);
	free(s->alert);
	free(s->source.name);
	s->magic = 0;
	free(s);
	if (closed != NULL)
		closed(arg);
}

static void
close_hard(void *arg)
{
	struct imap_source *s = arg;

	s->closing_timer = NULL;
	LIST_EACH(&s->links, it)
		imap_link_free(LIST_ITEM(it, struct imap_link, link));
	imap_source_step(s);
}

static void
imap_close(struct source *source, loop_fn done, void *arg)
{
	struct imap_source *s = (struct imap_source *)source;
	struct err e = ERR_NONE;

	CHECK(s, IMAP_SOURCE_MAGIC);
	if (s->closing)
		return;
	s->closing = true;
	s->closed = done;
	s->closed_arg = arg;
	loop_cancel(source->loop, &s->pause);
	err_set(&e, ERR_CANCELED, SCOPE_ACCOUNT, "account '%s' was closed", source->name);
	imap_answer_all(s, &s->plain, &e);
	LIST_EACH(&s->boxes, it) {
		struct imap_box *b = LIST_ITEM(it, struct imap_box, link);

		imap_answer_all(s, &b->queue, &e);
		imap_answer_all(s, &b->asks, &e);
		b->watchers.n = 0;
	}
	s->closing_timer = loop_after(source->loop, CLOSE_MS, close_hard, s);
	imap_source_step(s);
}

/* ---- requests */

static bool
changes(const struct request *r)
{
	switch (r->kind) {
	case REQ_LIST: case REQ_STATUS: case REQ_SCAN: case REQ_FETCH:
		return false;
	default:
		return true;
	}
}

static bool
needs_selected(const struct request *r)
{
	switch (r->kind) {
	case REQ_SCAN: case REQ_FETCH: case REQ_FLAGS: case REQ_COPY: case REQ_MOVE: case REQ_EXPUNGE:
		return true;
	default:
		return false;
	}
}

static int
check(struct imap_source *s, struct request *r)
{
	if (s->closing)
		return err_set(&r->err, ERR_CANCELED, SCOPE_ACCOUNT, "account '%s' was closed",
		    s->source.name);
	if (r->kind != REQ_LIST && r->mailbox[0] == '\0')
		return err_set(&r->err, ERR_USAGE, SCOPE_MAILBOX, "a mailbox without a name");
	if (s->conf.read_only && changes(r))
		return err_set(&r->err, ERR_USAGE, SCOPE_ACCOUNT,
		    "account '%s' is only read: nothing is changed in it", s->source.name);
	if (r->kind == REQ_MOVE && strcmp(r->target, r->mailbox) == 0)
		return err_set(&r->err, ERR_USAGE, SCOPE_MESSAGE, "mailbox '%s' in account '%s': "
		    "a message cannot be moved to where it is", r->mailbox, s->source.name);
	if (r->probe && makes_copies(r))
		return err_set(&r->err, ERR_HELD, SCOPE_MESSAGE, "a copy into '%s' in account '%s' was "
		    "under way when the connection or the program ended: it may have happened, and is not "
		    "done again", r->kind == REQ_APPEND ? r->mailbox : r->target, s->source.name);
	return 0;
}

static void
spell_inbox(char *name)
{
	if (name != NULL && view_iis(view_of(name), "INBOX"))
		memcpy(name, "INBOX", 5);
}

/* Not an end of the request: the next start goes on with it. */
static const struct err *
not_connected(struct imap_source *s, struct err *e)
{
	err_set(e, ERR_NET, SCOPE_ACCOUNT, "account '%s' is not connected", s->source.name);
	e->temporary = true;
	return e;
}

static void
imap_no_wait(struct source *source)
{
	struct imap_source *s = (struct imap_source *)source;
	struct err e = s->trouble;

	CHECK(s, IMAP_SOURCE_MAGIC);
	s->no_wait = true;
	not_connected(s, &e);
	if (imap_serve_by(s, NULL) == NULL)
		imap_answer_all(s, &s->plain, &e);
	LIST_EACH(&s->boxes, it) {
		struct imap_box *b = LIST_ITEM(it, struct imap_box, link);

		if (imap_serve_by(s, b) == NULL) {
			imap_answer_all(s, &b->queue, &e);
			imap_answer_all(s, &b->asks, &e);
		}
	}
	imap_source_step(s);
}

static void
imap_submit(struct source *source, struct request *r)
{
	struct imap_source *s = (struct imap_source *)source;
	struct imap_box *b = NULL;

	CHECK(s, IMAP_SOURCE_MAGIC);
	spell_inbox(r->mailbox_own);
	spell_inbox(r->target_own);
	if (check(s, r) < 0) {
		imap_answer_err(s, r, &r->err);
		return;
	}
	if (needs_selected(r))
		b = imap_box_find(s, r->mailbox, true);
	if ((s->no_wait || (s->pause != NULL && err_is(&s->trouble))) &&
	    imap_serve_by(s, b) == NULL) {
		struct err e = s->trouble;

		imap_answer_err(s, r, s->no_wait ? not_connected(s, &e) : &e);
		imap_source_step(s);	/* forgets the mailbox */
		return;
	}
	list_append(b != NULL ? &b->queue : &s->plain, &r->link);
	imap_source_step(s);
}

/* ---- opening */

static void
imap_awake(struct source *source)
{
	struct imap_source *s = (struct imap_source *)source;

	CHECK(s, IMAP_SOURCE_MAGIC);
	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (!imap_link_ready(l))
			continue;
		imap_probe(l->imap);
		imap_link_poke(l);
	}
	if (!s->asked)
		loop_cancel(source->loop, &s->pause);
	imap_source_step(s);
}

static const struct source_ops imap_ops = {
	.protocol = "imap",
	.can = SOURCE_MAILBOXES | SOURCE_FLAGS | SOURCE_KEYWORDS | SOURCE_MOVE | SOURCE_COPY |
	    SOURCE_APPEND | SOURCE_EXPUNGE | SOURCE_WATCH,
	.submit = imap_submit,
	.watch = imap_watch,
	.unwatch = imap_unwatch,
	.awake = imap_awake,
	.no_wait = imap_no_wait,
	.describe = imap_describe,
	.close = imap_close,
};

static bool
given(const char *z)
{
	return z != NULL && z[0] != '\0';
}

static int
check_conf(const struct imap_source_conf *c, struct err *e)
{
	const char *wrong = NULL;

	if (!given(c->host) || strlen(c->host) > HOST_MAX)
		wrong = "host: the name of the server is missing or too long";
	else if (c->port == 0)
		wrong = "port: 0 is none";
	else if (!given(c->user))
		wrong = "user: who signs in is missing";
	else if ((c->password != NULL) == (c->token != NULL))
		wrong = "password, token: exactly one of them is needed";
	else if (c->security != SESSION_PLAIN && c->tls == NULL)
		wrong = "tls: the rules of TLS are missing";
	else if (c->max_connections > IMAP_CONNECTIONS_MAX)
		wrong = "max_connections: too many (at most 50)";
	else if (c->timeout_ms < 0 || c->poll_ms < 0)
		wrong = "timeout, poll: less than nothing";
	return wrong == NULL ? 0 : err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "%s", wrong);
}

struct source *
imap_source_open(struct loop *l, struct log *log, const struct imap_source_conf *conf, struct err *e)
{
	struct imap_source *s;

	if (check_conf(conf, e) < 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->source = (struct source){ &imap_ops, l, log, xstrdup(conf->name) };
	s->magic = IMAP_SOURCE_MAGIC;
	s->conf = *conf;
	s->conf.name = xstrdup(conf->name);
	s->conf.host = xstrdup(conf->host);
	s->conf.user = xstrdup(conf->user);
	s->conf.authzid = given(conf->authzid) ? xstrdup(conf->authzid) : NULL;
	s->conf.password = conf->password != NULL ? credential_ref(conf->password) : NULL;
	s->conf.token = conf->token != NULL ? credential_ref(conf->token) : NULL;
	s->conf.timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : 60 * 1000;
	s->conf.poll_ms = conf->poll_ms > 0 ? conf->poll_ms : 60 * 1000;
	if (conf->maker == NULL)
		s->conf.maker = &session_over_stream;
	s->links_max = conf->max_connections > 0 ? conf->max_connections : IMAP_CONNECTIONS_DEFAULT;
	list_init(&s->boxes);
	list_init(&s->links);
	list_init(&s->plain);
	peer_print((struct peer){ s->conf.host, s->conf.port }, s->where);
	return &s->source;
}
