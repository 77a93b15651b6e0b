/*
 * session: one engine on one stream.
 *
 * Stages: OPENING (the stream dials, and shakes hands where TLS comes first) -> TALK ->
 * OVER; STARTTLS goes from TALK to UPGRADE and back.  All work is done in what the stream
 * and one timer call.  The timer stands at the engine's deadline, or at once when the owner
 * poked; it is not moved back with every byte but looks again when it fires.
 *
 * Each of these calls is session_enter() ... session_leave(): between them the owner may be
 * called and may free the session; its memory goes in session_leave().
 *
 * Bytes that the engine leaves are kept here (REST_MAX) and fed again with more behind
 * them; only at the agreement to STARTTLS they stay in the stream, which refuses them.
 */
#include "source/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#define SESSION_MAGIC	0x73657373u
#define REST_MAX	((size_t)64 << 10)

enum stage { STAGE_OPENING, STAGE_TALK, STAGE_UPGRADE, STAGE_OVER };

struct session {
	uint32_t		 magic;
	struct session_conf	 conf;
	char			 host[HOST_MAX + 1];
	char			 name[PEER_TEXT];	/* for the log */
	struct stream		*stream;
	enum stage		 stage;
	bool			 inside;	/* between enter and leave */
	bool			 freed;		/* by the owner, inside */
	bool			 poked;
	struct loop_timer	*timer;
	int64_t			 timer_at;
	struct str		 rest;		/* what the engine has not taken yet */
};

/* ---- in and out of the loop's calls */

static void arm(struct session *s);

static void
session_enter(struct session *s)
{
	CHECK(s, SESSION_MAGIC);
	assert(!s->inside);
	s->inside = true;
}

static void
session_leave(struct session *s)
{
	s->inside = false;
	if (s->freed)
		free(s);
	else
		arm(s);
}

/* All but the memory. */
static void
close_all(struct session *s)
{
	s->stage = STAGE_OVER;
	loop_cancel(s->conf.loop, &s->timer);
	stream_free(&s->stream);
	str_free(&s->rest);
}

/* The one end: the engine hears it, then the owner. */
static void
finish(struct session *s, const struct err *why)
{
	struct err e = *why, gone = *why;

	if (s->stage == STAGE_OVER)
		return;
	close_all(s);
	/* What is still under way then is answered with something. */
	if (!err_is(&e)) {
		peer_fail(&gone, s->conf.peer, ERR_CANCELED, true, "the session has ended");
		gone.scope = SCOPE_SESSION;
	}
	log_debug(s->conf.log, "%s", gone.text);
	s->conf.ops->on_closed(s->conf.engine, &gone);
	s->conf.ended(s->conf.arg, &e);
}

/* By a call of the engine that gave -1. */
static void
finish_failed(struct session *s, struct err *e)
{
	peer_fail(e, s->conf.peer, ERR_PROTO, false, "the engine gave up without a word");
	finish(s, e);
}

/* ---- the timer */

static void on_timer(void *arg);

static void
arm_at(struct session *s, int64_t at)
{
	struct loop *l = s->conf.loop;

	if (at == INT64_MAX) {
		loop_cancel(l, &s->timer);
		return;
	}
	if (s->timer != NULL && s->timer_at <= at)
		return;
	loop_cancel(l, &s->timer);
	s->timer_at = at;
	s->timer = loop_after(l, MAX(at - loop_now(l), 0), on_timer, s);
}

static void
arm(struct session *s)
{
	if (s->stage == STAGE_TALK)
		arm_at(s, s->poked ? loop_now(s->conf.loop) : s->conf.ops->next_deadline(s->conf.engine));
	else if (s->stage == STAGE_UPGRADE)
		loop_cancel(s->conf.loop, &s->timer);	/* the handshake has its own */
}

/* ---- the talk */

/* false: the session is over. */
static bool
tick(struct session *s)
{
	struct err e = ERR_NONE;

	if (s->conf.ops->tick(s->conf.engine, loop_now(s->conf.loop), &e) == 0)
		return true;
	finish_failed(s, &e);
	return false;
}

/* What the engine has to say, as far as the stream takes it: on_drain goes on. */
static void
write_all(struct session *s)
{
	const struct engine_ops *ops = s->conf.ops;
	struct err e = ERR_NONE;
	size_t room;

	while ((room = stream_room(s->stream)) > 0) {
		struct view v = ops->output(s->conf.engine);

		v.n = MIN(v.n, room);
		if (v.n == 0)
			return;
		if (stream_write(s->stream, v, &e) != 0) {
			finish(s, &e);
			return;
		}
		ops->sent(s->conf.engine, v.n);
	}
}

/* Time, then output; the next deadline: session_leave(). */
static void
talk(struct session *s)
{
	s->poked = false;
	if (s->stage == STAGE_TALK && tick(s))
		write_all(s);
}

static void
on_timer(void *arg)
{
	struct session *s = arg;

	session_enter(s);
	s->timer = NULL;
	talk(s);
	session_leave(s);
}

/* The server has agreed to STARTTLS. */
static void
upgrade(struct session *s)
{
	struct err e = ERR_NONE;

	if (s->conf.tls == NULL || stream_tls(s->stream) != NULL) {
		peer_fail(&e, s->conf.peer, ERR_TLS, false, "TLS was to begin %s", s->conf.tls == NULL ?
		    "where none is set up" : "inside of TLS");
		finish(s, &e);
		return;
	}
	s->stage = STAGE_UPGRADE;
	stream_start_tls(s->stream, s->conf.tls, loop_now(s->conf.loop) + s->conf.timeout_ms);
}

/* Feeds what is there; *left_r: how much of it the engine has not taken.  false: over. */
static bool
feed(struct session *s, struct view in, size_t *left_r, enum engine_want *want_r)
{
	struct err e = ERR_NONE;
	size_t used = 0;

	*want_r = ENGINE_GO_ON;
	if (s->conf.ops->feed(s->conf.engine, in, &used, want_r, &e) != 0) {
		finish_failed(s, &e);
		return false;
	}
	assert(used <= in.n);
	*left_r = in.n - used;
	return true;
}

/* Keeps the last n bytes of in, which may lie in rest itself. */
static bool
keep_rest(struct session *s, struct view in, size_t n)
{
	struct err e = ERR_NONE;

	if (n > REST_MAX) {
		peer_fail(&e, s->conf.peer, ERR_LIMIT, true, "a line of the server is over %zu kB",
		    REST_MAX >> 10);
		finish(s, &e);
		return false;
	}
	if (s->rest.len > 0) {
		memmove(s->rest.p, s->rest.p + s->rest.len - n, n);
		str_cut(&s->rest, n);
	} else if (n > 0) {
		str_add(&s->rest, in.p + in.n - n, n);
	}
	if (n == 0)
		str_free(&s->rest);
	return true;
}

/* How much of bytes is done with. */
static size_t
take(struct session *s, struct view bytes)
{
	enum engine_want want;
	struct view in = bytes;
	size_t left;

	if (!tick(s))
		return bytes.n;
	if (s->rest.len > 0) {
		str_addv(&s->rest, bytes);
		in = str_view(&s->rest);
	}
	if (!feed(s, in, &left, &want))
		return bytes.n;
	if (want == ENGINE_WANT_TLS) {
		str_free(&s->rest);
		upgrade(s);
		return bytes.n - MIN(left, bytes.n);
	}
	if (want == ENGINE_CLOSE)
		finish(s, &ERR_NONE);
	else if (keep_rest(s, in, left))
		talk(s);
	return bytes.n;
}

/* ---- what the stream calls */

/* false: over, or freed. */
static bool
tell_tls(struct session *s)
{
	struct engine_tls t = { .verified = true };	/* else the stream had not opened */
	struct err e = ERR_NONE;
	struct tls_facts facts;

	tls_conn_facts(stream_tls(s->stream), &facts);
	t.version = facts.version;
	t.cipher = facts.cipher;
	log_debug(s->conf.log, "%s: %s, %s%s", s->name, t.version, t.cipher,
	    facts.resumed ? ", resumed" : "");
	if (s->conf.ops->on_tls(s->conf.engine, &t, &e) == 0)
		return true;
	finish_failed(s, &e);
	return false;
}

static void
on_open(void *arg)
{
	struct session *s = arg;
	bool first = s->stage == STAGE_OPENING;

	session_enter(s);
	if (first)
		log_debug(s->conf.log, "%s: connected", s->name);
	s->stage = STAGE_TALK;
	if (tick(s) && (stream_tls(s->stream) == NULL || tell_tls(s))) {
		if (first)
			s->conf.opened(s->conf.arg, stream_loopback(s->stream));
		talk(s);
	}
	session_leave(s);
}

static size_t
on_data(void *arg, struct view bytes)
{
	struct session *s = arg;
	size_t n;

	session_enter(s);
	n = take(s, bytes);
	session_leave(s);
	return n;
}

static void
on_drain(void *arg)
{
	struct session *s = arg;

	session_enter(s);
	talk(s);
	session_leave(s);
}

static void
on_end(void *arg, enum stream_end end UNUSED, const struct err *e)
{
	struct session *s = arg;

	session_enter(s);
	finish(s, e);
	session_leave(s);
}

static const struct stream_ops stream_calls = { on_open, on_data, on_drain, on_end };

/* ---- what the owner calls */

static struct session *
session_open(const struct session_conf *conf)
{
	struct session *s = xcalloc(1, sizeof(*s));

	assert(conf->tls != NULL || conf->security == SESSION_PLAIN);
	s->magic = SESSION_MAGIC;
	s->conf = *conf;
	snprintf(s->host, sizeof(s->host), "%s", conf->peer.host);
	s->conf.peer.host = s->host;
	peer_print(s->conf.peer, s->name);
	if (conf->security == SESSION_PLAIN)
		s->conf.tls = NULL;
	s->rest = str_limited(2 * REST_MAX);
	s->stream = stream_new(&(struct stream_params){ .loop = conf->loop, .peer = s->conf.peer,
	    .fd = -1, .dns = conf->dns, .tls = conf->security == SESSION_TLS ? conf->tls : NULL,
	    .deadline = loop_now(conf->loop) + conf->timeout_ms, .write_ms = conf->timeout_ms,
	    .ops = &stream_calls, .arg = s });
	return s;
}

static void
session_poke(struct session *s)
{
	CHECK(s, SESSION_MAGIC);
	if (s->poked || s->stage != STAGE_TALK)
		return;			/* a session that opens looks of itself */
	s->poked = true;
	if (!s->inside)
		arm(s);
}

static void
session_free(struct session **sp)
{
	struct session *s = *sp;

	if (s == NULL)
		return;
	CHECK(s, SESSION_MAGIC);
	*sp = NULL;
	close_all(s);
	s->magic = 0;
	if (s->inside)
		s->freed = true;
	else
		free(s);
}

const struct session_maker session_over_stream = {
	.open = session_open,
	.poke = session_poke,
	.free = session_free,
};
