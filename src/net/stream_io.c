/*
 * stream_io: what flows through an open stream, and the limits on it.
 *
 * Reading is bounded per turn, so that a fast server cannot starve others.  The read
 * buffer exists while bytes are in it.  One timer serves all limits; it is not moved
 * with every byte but looks again when it fires.
 */
#include "net/stream_int.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"

/*
 * At least a TLS record (RFC 8446, 5.1): each read takes one whole, so nothing stays inside
 * libssl, where the descriptor would not show it.
 */
#define READ_SIZE	((size_t)16 * 1024)
#define READ_TURN	((size_t)64 * 1024)
#define NEVER		INT64_MAX

/* ---- steps, plain or TLS */

static enum tls_step
step_plain(struct stream *s, ssize_t n, size_t *n_r, enum tls_step again, struct err *e)
{
	*n_r = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return TLS_OK;
	if (n == 0)
		return TLS_END;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return again;
	peer_err(e, s->p.peer, errno);
	return TLS_FAILED;
}

static enum tls_step
step_read(struct stream *s, size_t *n_r, struct err *e)
{
	if (s->tls != NULL)
		return tls_conn_read(s->tls, s->in, READ_SIZE, n_r, e);
	return step_plain(s, recv(s->fd, s->in, READ_SIZE, 0), n_r, TLS_READ, e);
}

static enum tls_step
step_write(struct stream *s, size_t *n_r, struct err *e)
{
	struct view v = outbuf_view(&s->out);

	if (s->tls != NULL)
		return tls_conn_write(s->tls, v.p, v.n, n_r, e);
	return step_plain(s, send(s->fd, v.p, v.n, MSG_NOSIGNAL), n_r, TLS_WRITE, e);
}

int
stream_wants_of(enum tls_step step)
{
	return step == TLS_WRITE ? LOOP_WRITE : LOOP_READ;
}

/* ---- limits and events */

static bool
is_reading(const struct stream *s)
{
	return s->stage == STAGE_OPEN && !s->paused && s->upgrade == NULL && s->in_at == s->in_end;
}

static int64_t
idle_due(const struct stream *s)
{
	return is_reading(s) && s->p.idle_ms > 0 ? s->read_at + s->p.idle_ms : NEVER;
}

static int64_t
write_due(const struct stream *s)
{
	if (s->stage != STAGE_OPEN || outbuf_len(&s->out) == 0 || s->p.write_ms == 0)
		return NEVER;
	return s->write_at + s->p.write_ms;
}

static int64_t
shut_due(const struct stream *s)
{
	return s->shut && s->stage != STAGE_ENDED ? s->shut_at : NEVER;
}

static int64_t
next_limit(const struct stream *s)
{
	int64_t at = s->stage == STAGE_HANDSHAKE ? s->p.deadline : NEVER;

	at = MIN(at, idle_due(s));
	at = MIN(at, write_due(s));
	return MIN(at, shut_due(s));
}

static void on_limit(void *arg);

/* A timer that is early is left: it looks again. */
static void
arm_limit(struct stream *s)
{
	struct loop *l = s->p.loop;
	int64_t at = next_limit(s);

	if (at == NEVER) {
		loop_cancel(l, &s->limit);
		return;
	}
	if (s->limit != NULL && s->limit_at <= at)
		return;
	loop_cancel(l, &s->limit);
	s->limit_at = at;
	s->limit = loop_after(l, MAX(at - loop_now(l), 0), on_limit, s);
}

static void
arm_io(struct stream *s)
{
	int events = 0;

	if (s->io == NULL)
		return;
	if (s->stage == STAGE_HANDSHAKE)
		events = s->handshake_wants;
	if (is_reading(s))
		events |= s->read_wants;
	if (s->stage == STAGE_OPEN && s->blocked)
		events |= s->write_wants;
	loop_io_want(s->io, events);
}

void
stream_arm(struct stream *s)
{
	arm_io(s);
	arm_limit(s);
}

static void
on_limit(void *arg)
{
	struct stream *s = arg;
	int64_t now = loop_now(s->p.loop);

	stream_enter(s);
	s->limit = NULL;
	if (s->stage == STAGE_HANDSHAKE && now >= s->p.deadline)
		stream_finish_say(s, STREAM_FAILED, ERR_NET,
		    "the TLS handshake did not end in time: the server does not answer");
	else if (now >= write_due(s))
		stream_finish_say(s, STREAM_FAILED, ERR_NET,
		    "the server took none of %zu waiting bytes for %lld s", outbuf_len(&s->out),
		    (long long)(s->p.write_ms + 999) / 1000);
	else if (now >= shut_due(s))
		stream_finish_say(s, STREAM_CUT, ERR_NET,
		    "the server did not close its side in time");
	else if (now >= idle_due(s))
		stream_finish_say(s, STREAM_FAILED, ERR_NET, "the server was silent for %lld s",
		    (long long)(s->p.idle_ms + 999) / 1000);
	stream_leave(s);
}

/* ---- reading */

static void
show(struct stream *s)
{
	struct view v = view_n(s->in + s->in_at, s->in_end - s->in_at);
	size_t taken = s->p.ops->on_data(s->p.arg, v);

	assert(taken <= v.n);
	s->in_at += taken;
	if (taken < v.n)
		s->paused = true;
}

void
stream_read_all(struct stream *s)
{
	struct err e = ERR_NONE;
	enum tls_step step;
	size_t n, got = 0;

	if (s->stage == STAGE_OPEN && !s->paused && s->upgrade == NULL && s->in_at < s->in_end)
		show(s);
	while (is_reading(s) && got < READ_TURN) {
		if (s->in == NULL)
			s->in = xmalloc(READ_SIZE);
		step = step_read(s, &n, &e);
		if (step == TLS_READ || step == TLS_WRITE) {
			s->read_wants = stream_wants_of(step);
			return;
		}
		if (step != TLS_OK) {
			/* The failed write took the error; what is read now looks like an end. */
			if (err_is(&s->broken))
				stream_finish(s, STREAM_FAILED, &s->broken);
			else
				stream_finish_step(s, step, &e);
			return;
		}
		s->in_at = 0;
		s->in_end = n;
		got += n;
		s->read_at = loop_now(s->p.loop);
		show(s);
	}
}

/* ---- writing */

/*
 * Before the end is told, what the server said last is read: it is often the reason
 * ("BYE too many connections").  libssl cannot do that after an error.
 */
static void
write_failed(struct stream *s, enum tls_step step, const struct err *e)
{
	if (s->tls != NULL) {
		stream_finish_step(s, step, e);
		return;
	}
	s->broken = *e;
	s->blocked = false;
	stream_read_all(s);
	stream_finish(s, STREAM_FAILED, &s->broken);
}

static void
say_goodbye(struct stream *s)
{
	struct err e = ERR_NONE;
	enum tls_step step = TLS_OK;

	if (s->tls != NULL)
		step = tls_conn_goodbye(s->tls, &e);
	s->blocked = step == TLS_READ || step == TLS_WRITE;
	if (s->blocked) {
		s->write_wants = stream_wants_of(step);
	} else if (step == TLS_OK) {
		shutdown(s->fd, SHUT_WR);
		s->shut_sent = true;
	} else {
		stream_finish_step(s, step, &e);
	}
}

void
stream_write_all(struct stream *s)
{
	struct err e = ERR_NONE;
	bool had = outbuf_len(&s->out) > 0;
	enum tls_step step;
	size_t n;

	if (s->stage != STAGE_OPEN || s->upgrade != NULL)
		return;
	while (outbuf_len(&s->out) > 0) {
		step = step_write(s, &n, &e);
		s->blocked = step == TLS_READ || step == TLS_WRITE;
		if (s->blocked) {
			s->write_wants = stream_wants_of(step);
			return;
		}
		if (step != TLS_OK) {
			write_failed(s, step, &e);
			return;
		}
		outbuf_take(&s->out, n);
		s->write_at = loop_now(s->p.loop);
	}
	s->blocked = false;
	if (s->shut && !s->shut_sent)
		say_goodbye(s);
	else if (had && s->p.ops->on_drain != NULL)
		s->p.ops->on_drain(s->p.arg);
}
