/*
 * stream: one connection, from its name to its end.
 *
 * Stages: DIAL (net/dial.h) -> HANDSHAKE (when TLS) -> OPEN -> ENDED; STARTTLS goes
 * from OPEN back to HANDSHAKE.  All work is done in three places that the loop calls:
 * a descriptor is ready (on_io), something was asked for (on_kick, a timer of
 * 0 ms), a limit is reached (stream_io.c).  Each is stream_enter() ... stream_leave():
 * between them the owner may be called and may free the stream; its memory goes in
 * stream_leave().
 *
 * Not here: protocol, reconnecting, compression.
 */
#include "net/stream_int.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define STREAM_MAGIC	0x73747265u

/* Keepalive: silent for 2 minutes, then 4 probes in 2 minutes. */
#define KEEP_IDLE_S	120
#define KEEP_EVERY_S	30
#define KEEP_PROBES	4

static void on_io(void *arg, int events);
static void on_kick(void *arg);

/* ---- the end */

static void
close_all(struct stream *s)
{
	struct loop *l = s->p.loop;

	dial_free(&s->dial);
	loop_cancel(l, &s->kick);
	loop_cancel(l, &s->limit);
	tls_conn_free(&s->tls);
	loop_io_free(l, &s->io);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	outbuf_free(&s->out);
}

void
stream_finish(struct stream *s, enum stream_end how, const struct err *why)
{
	struct err e = *why;

	if (s->stage == STAGE_ENDED)
		return;
	close_all(s);
	s->stage = STAGE_ENDED;
	s->p.ops->on_end(s->p.arg, how, &e);
}

void
stream_finish_say(struct stream *s, enum stream_end how, enum err_kind kind, const char *fmt, ...)
{
	struct err e = ERR_NONE;
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	peer_fail(&e, s->p.peer, kind, kind != ERR_TLS, "%s", text);
	stream_finish(s, how, &e);
}

/* The peer's end, or the connection's: what step says. */
void
stream_finish_step(struct stream *s, enum tls_step step, const struct err *e)
{
	size_t unsent = outbuf_len(&s->out);

	if (step == TLS_FAILED)
		stream_finish(s, STREAM_FAILED, e);
	else if (step == TLS_CUT)
		stream_finish_say(s, STREAM_CUT, ERR_NET,
		    "the connection was cut: the server closed it without a TLS goodbye");
	else if (unsent > 0)
		stream_finish_say(s, STREAM_ORDERLY, ERR_NET,
		    "the server closed the connection while %zu bytes waited to be sent", unsent);
	else
		stream_finish_say(s, STREAM_ORDERLY, ERR_NET, "the server closed the connection");
}

/* ---- in and out of the loop's calls */

void
stream_kick(struct stream *s, int what)
{
	s->kick_for |= what;
	if (s->kick == NULL)
		s->kick = loop_after(s->p.loop, 0, on_kick, s);
}

void
stream_enter(struct stream *s)
{
	CHECK(s, STREAM_MAGIC);
	assert(!s->inside);
	s->inside = true;
}

void
stream_leave(struct stream *s)
{
	s->inside = false;
	if (s->freed) {
		free(s->in);
		free(s);
		return;
	}
	if (s->in_at == s->in_end || s->stage == STAGE_ENDED) {
		free(s->in);
		s->in = NULL;
		s->in_at = s->in_end = 0;
	}
	if (s->stage != STAGE_ENDED)
		stream_arm(s);
}

/* ---- opening */

static void
opened(struct stream *s)
{
	s->stage = STAGE_OPEN;
	s->read_at = s->write_at = loop_now(s->p.loop);
	s->read_wants = LOOP_READ;
	s->p.ops->on_open(s->p.arg);
	/* What came right behind the handshake, and what was queued meanwhile. */
	stream_read_all(s);
	stream_write_all(s);
}

static void
shake(struct stream *s)
{
	struct err e = ERR_NONE;
	enum tls_step step = tls_conn_handshake(s->tls, &e);

	if (step == TLS_OK)
		opened(s);
	else if (step == TLS_FAILED)
		stream_finish(s, STREAM_FAILED, &e);
	else
		s->handshake_wants = stream_wants_of(step);
}

static void
begin_tls(struct stream *s, struct tls *t)
{
	struct err e = ERR_NONE;

	if ((s->tls = tls_conn_new(t, s->fd, s->p.peer, &e)) == NULL) {
		stream_finish(s, STREAM_FAILED, &e);
		return;
	}
	s->stage = STAGE_HANDSHAKE;
	shake(s);
}

/* RFC 9051, 6.2.1 and RFC 3207, 5: nothing from before TLS may count after. */
static void
begin_upgrade(struct stream *s)
{
	struct tls *t = s->upgrade;
	char byte;

	s->upgrade = NULL;
	s->blocked = false;
	if (s->in_at < s->in_end || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		stream_finish_say(s, STREAM_FAILED, ERR_TLS, "there were bytes behind the server's "
		    "agreement to STARTTLS; somebody may have put them there");
	else if (s->upgrade_dirty)
		stream_finish_say(s, STREAM_FAILED, ERR_TLS,
		    "bytes were still to be sent in clear when STARTTLS began");
	else
		begin_tls(s, t);
}

/* Errors do not matter: what is no TCP has none of this. */
static void
set_options(int fd)
{
	const int on = 1, idle = KEEP_IDLE_S, every = KEEP_EVERY_S, probes = KEEP_PROBES;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#ifdef TCP_KEEPIDLE
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
#endif
}

static void
connected(struct stream *s)
{
	struct err e = ERR_NONE;

	set_options(s->fd);
	s->io = loop_io_new(s->p.loop, s->fd, 0, on_io, s, &e);
	if (s->io == NULL)
		stream_finish_say(s, STREAM_FAILED, ERR_SYSTEM, "%s", e.text);
	else if (s->p.tls != NULL)
		begin_tls(s, s->p.tls);
	else
		opened(s);
}

/* ---- what the loop calls */

static void
on_dialled(void *arg, int fd, const struct err *e)
{
	struct stream *s = arg;

	stream_enter(s);
	s->fd = fd;
	if (fd < 0) {
		stream_finish(s, STREAM_FAILED, e);
	} else {
		dial_free(&s->dial);
		connected(s);
	}
	stream_leave(s);
}

static void
work(struct stream *s, int ready)
{
	if (s->stage == STAGE_HANDSHAKE) {
		shake(s);
		return;
	}
	if (ready & s->read_wants)
		stream_read_all(s);
	if (s->stage == STAGE_OPEN && s->upgrade != NULL)
		begin_upgrade(s);
	else if (ready & s->write_wants)
		stream_write_all(s);
}

static void
on_io(void *arg, int events)
{
	struct stream *s = arg;

	stream_enter(s);
	work(s, events);
	stream_leave(s);
}

static void
on_kick(void *arg)
{
	struct stream *s = arg;
	int what = s->kick_for;

	stream_enter(s);
	s->kick = NULL;
	s->kick_for = 0;
	if (s->stage == STAGE_DIAL && s->fd >= 0) {
		connected(s);
	} else if (s->stage == STAGE_OPEN) {
		/* By their purpose, whatever the descriptor has to be ready for. */
		if (what & LOOP_READ)
			stream_read_all(s);
		if (s->stage == STAGE_OPEN && s->upgrade != NULL)
			begin_upgrade(s);
		else if (what & LOOP_WRITE)
			stream_write_all(s);
	}
	stream_leave(s);
}

/* ---- what the owner calls */

struct stream *
stream_new(const struct stream_params *p)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->magic = STREAM_MAGIC;
	s->p = *p;
	snprintf(s->host, sizeof(s->host), "%s", p->peer.host);
	s->p.peer.host = s->host;
	if (s->p.write_max == 0)
		s->p.write_max = STREAM_WRITE_MAX;
	s->fd = p->fd;
	s->read_wants = LOOP_READ;
	s->write_wants = LOOP_WRITE;
	if (p->fd < 0) {
		s->dial = dial_new(&(struct dial_params){ .loop = p->loop, .dns = p->dns,
		    .peer = p->peer, .deadline = p->deadline }, on_dialled, s);
	} else {
		stream_kick(s, LOOP_READ);
	}
	return s;
}

void
stream_free(struct stream **sp)
{
	struct stream *s = *sp;

	if (s == NULL)
		return;
	CHECK(s, STREAM_MAGIC);
	*sp = NULL;
	/* One attempt: a server that does not take it will find out. */
	if (s->tls != NULL && s->stage == STAGE_OPEN && outbuf_len(&s->out) == 0)
		tls_conn_goodbye(s->tls, NULL);
	close_all(s);
	s->stage = STAGE_ENDED;
	s->magic = 0;
	if (s->inside) {
		s->freed = true;
		return;
	}
	free(s->in);
	free(s);
}

int
stream_write(struct stream *s, struct view bytes, struct err *e)
{
	CHECK(s, STREAM_MAGIC);
	if (s->stage == STAGE_ENDED || s->shut || bytes.n == 0)
		return 0;
	if (bytes.n > stream_room(s)) {
		peer_fail(e, s->p.peer, ERR_LIMIT, true,
		    "%zu bytes do not fit behind the %zu that wait to be sent", bytes.n,
		    outbuf_len(&s->out));
		return -1;
	}
	if (outbuf_len(&s->out) == 0)
		s->write_at = loop_now(s->p.loop);
	outbuf_add(&s->out, bytes);
	if (!s->blocked)
		stream_kick(s, LOOP_WRITE);
	return 0;
}

size_t
stream_room(const struct stream *s)
{
	CHECK(s, STREAM_MAGIC);
	return s->p.write_max - outbuf_len(&s->out);
}

size_t
stream_queued(const struct stream *s)
{
	CHECK(s, STREAM_MAGIC);
	return outbuf_len(&s->out);
}

/* Inside, stream_leave() sees to what follows from a change. */
static void
changed(struct stream *s)
{
	if (s->inside || s->stage == STAGE_ENDED)
		return;
	stream_arm(s);
}

void
stream_pause(struct stream *s)
{
	CHECK(s, STREAM_MAGIC);
	s->paused = true;
	changed(s);
}

void
stream_resume(struct stream *s)
{
	CHECK(s, STREAM_MAGIC);
	if (!s->paused)
		return;
	s->paused = false;
	s->read_at = loop_now(s->p.loop);
	if (s->stage == STAGE_OPEN)
		stream_kick(s, LOOP_READ);
	changed(s);
}

void
stream_start_tls(struct stream *s, struct tls *t, int64_t deadline)
{
	CHECK(s, STREAM_MAGIC);
	assert(s->tls == NULL && s->upgrade == NULL);
	if (s->stage != STAGE_OPEN)
		return;
	s->upgrade = t;
	s->upgrade_dirty = outbuf_len(&s->out) > 0;
	s->p.deadline = deadline;
	stream_kick(s, 0);
	changed(s);
}

void
stream_shut(struct stream *s, int64_t ms)
{
	CHECK(s, STREAM_MAGIC);
	if (s->stage == STAGE_ENDED || s->shut)
		return;
	s->shut = true;
	s->shut_at = loop_now(s->p.loop) + ms;
	stream_kick(s, LOOP_WRITE);
	changed(s);
}

void
stream_set_idle(struct stream *s, int64_t ms)
{
	CHECK(s, STREAM_MAGIC);
	s->p.idle_ms = ms;
	s->read_at = loop_now(s->p.loop);
	changed(s);
}

const struct tls_conn *
stream_tls(const struct stream *s)
{
	CHECK(s, STREAM_MAGIC);
	return s->stage == STAGE_OPEN ? s->tls : NULL;
}

bool
stream_addr_loopback(const struct sockaddr *sa)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(six) ||
	    (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == IN_LOOPBACKNET);
}

bool
stream_loopback(const struct stream *s)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);

	CHECK(s, STREAM_MAGIC);
	return s->stage == STAGE_OPEN && getpeername(s->fd, (struct sockaddr *)&ss, &len) == 0 &&
	    stream_addr_loopback((const struct sockaddr *)&ss);
}
