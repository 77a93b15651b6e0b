/*
 * Sessions in memory: what source/session does with an engine, without a stream.  The
 * source hands its `dns` through to the session unseen; here it carries the run.
 */
#include "talk_run.h"

#include <stdlib.h>

#include "base/mem.h"

static void look_soon(struct session *s);

void
talk_lines_add(struct talk_lines *l, char *text, unsigned write)
{
	struct talk_line line = { .text = text, .write = write };

	VEC_PUSH(l, line);
}

void
talk_lines_free(struct talk_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i].text);
	VEC_FREE(l);
}

static void
session_end(struct session *s, const struct err *e)
{
	struct err gone = *e;

	if (s->over)
		return;
	s->over = true;
	s->end = *e;
	loop_cancel(s->run->loop, &s->timer);
	/* An end in order is none for what is under way. */
	err_set(&gone, ERR_CANCELED, SCOPE_SESSION, "the session has ended");
	s->conf.ops->on_closed(s->conf.engine, &gone);
	if (!s->freed)
		s->conf.ended(s->conf.arg, &s->end);
}

static void
due(void *arg)
{
	struct session *s = arg;

	s->timer = NULL;
	look_soon(s);
}

static void
set_timer(struct session *s)
{
	int64_t at, now = loop_now(s->run->loop);

	loop_cancel(s->run->loop, &s->timer);
	if (s->over || s->freed)
		return;
	at = s->conf.ops->next_deadline(s->conf.engine);
	if (at != INT64_MAX)
		s->timer = loop_after(s->run->loop, MAX(at - now, (int64_t)0), due, s);
}

static void
take_output(struct session *s, struct view v)
{
	ptrdiff_t end;

	str_addv(&s->out, v);
	while ((end = view_find(str_view(&s->out), VIEW("\r\n"))) >= 0) {
		struct str rest = STR_INIT;

		talk_lines_add(&s->lines, view_dup(view_n(s->out.p, (size_t)end)), s->run->writes);
		str_addv(&rest, view_from(str_view(&s->out), (size_t)end + 2));
		str_free(&s->out);
		s->out = rest;
	}
}

/* tick and output, as when the deadline has come or the engine was poked. */
static void
look(void *arg)
{
	struct session *s = arg;
	struct err e = ERR_NONE;
	struct view v;

	s->poked = false;
	if (s->over || s->freed || !s->opened || s->handshake)
		return;
	if (s->conf.ops->tick(s->conf.engine, loop_now(s->run->loop), &e) < 0) {
		session_end(s, &e);
		return;
	}
	if (s->freed)
		return;
	s->run->writes++;
	while (!s->freed && (v = s->conf.ops->output(s->conf.engine)).n > 0) {
		take_output(s, v);
		s->conf.ops->sent(s->conf.engine, v.n);
	}
	set_timer(s);
}

static void
look_soon(struct session *s)
{
	if (s->poked || s->over || s->freed)
		return;
	s->poked = true;
	loop_defer(s->run->loop, look, s);
}

static bool
do_tls(struct session *s)
{
	struct engine_tls tls = { .verified = true, .version = "TLSv1.3",
		.cipher = "TLS_AES_256_GCM_SHA384" };
	struct err e = ERR_NONE;

	if (s->conf.ops->on_tls(s->conf.engine, &tls, &e) == 0)
		return true;
	session_end(s, &e);
	return false;
}

static void
handshake(void *arg)
{
	struct session *s = arg;

	if (s->over || s->freed)
		return;
	s->handshake = false;
	if (do_tls(s))
		look_soon(s);
}

void
talk_feed(struct session *s, struct view bytes)
{
	enum engine_want want = ENGINE_GO_ON;
	struct err e = ERR_NONE;
	struct str rest = STR_INIT;
	size_t used = 0;

	if (s->over || s->freed)
		return;
	str_addv(&s->in, bytes);
	if (s->handshake) {
		err_set(&e, ERR_TLS, SCOPE_SESSION, "bytes behind the agreement to STARTTLS");
		session_end(s, &e);
		return;
	}
	if (s->conf.ops->tick(s->conf.engine, loop_now(s->run->loop), &e) < 0 || s->freed ||
	    s->conf.ops->feed(s->conf.engine, str_view(&s->in), &used, &want, &e) < 0) {
		session_end(s, &e);
		return;
	}
	str_addv(&rest, view_from(str_view(&s->in), used));
	str_free(&s->in);
	s->in = rest;
	if (s->freed)
		return;
	if (want == ENGINE_CLOSE) {
		session_end(s, &e);
	} else if (want == ENGINE_WANT_TLS) {
		if (s->in.len > 0) {
			err_set(&e, ERR_TLS, SCOPE_SESSION, "bytes behind the agreement to STARTTLS");
			session_end(s, &e);
			return;
		}
		s->handshake = true;
		loop_defer(s->run->loop, handshake, s);
	} else {
		look_soon(s);
	}
}

void
talk_break(struct session *s, const char *words)
{
	struct err e = ERR_NONE;

	err_set(&e, ERR_NET, SCOPE_SESSION, "%s:%u: %s", s->host, s->conf.peer.port, words);
	e.temporary = true;
	session_end(s, &e);
}

/* ---- the maker */

static void
start(void *arg)
{
	struct session *s = arg;

	if (s->freed)
		return;
	if (s->run->refuse > 0) {
		s->run->refuse--;
		talk_break(s, "connection refused");
		return;
	}
	s->opened = true;
	if (s->conf.security == SESSION_TLS && !do_tls(s))
		return;
	s->conf.opened(s->conf.arg, talk_option(s->run->script, "loopback") != NULL);
	look_soon(s);
}

static struct session *
maker_open(const struct session_conf *conf)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->run = (struct talk_run *)(void *)conf->dns;
	s->conf = *conf;
	s->host = xstrdup(conf->peer.host);
	VEC_PUSH(&s->run->sessions, s);
	loop_defer(s->run->loop, start, s);
	return s;
}

static void
maker_poke(struct session *s)
{
	look_soon(s);
}

/* Its memory stays until the run is over: deferred calls may still name it. */
static void
maker_free(struct session **sp)
{
	struct session *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	loop_cancel(s->run->loop, &s->timer);
	s->freed = s->over = true;
}

const struct session_maker talk_maker = { maker_open, maker_poke, maker_free };

void
talk_session_free(struct session *s)
{
	str_free(&s->in);
	str_free(&s->out);
	talk_lines_free(&s->lines);
	free(s->host);
	free(s);
}
