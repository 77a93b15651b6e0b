/*
 * What every protocol engine is to the session that joins it to a stream: bytes in,
 * bytes out, facts.  No descriptor, no clock, no Lua: an engine is fed from a test, a
 * fuzzer or a transcript as well as from a socket, whole or cut at any byte.
 *
 * The session calls feed with what has come, writes what output offers and says how much
 * went, does the TLS handshake when the engine asks for one by ENGINE_WANT_TLS (and
 * refuses bytes that were left over in its buffer), and calls tick when next_deadline
 * has come.  An engine never calls the session; what it has to say to its owner it says
 * by the callbacks that its own header names.
 */
#ifndef PROTO_ENGINE_OPS_H
#define PROTO_ENGINE_OPS_H

#include "base/err.h"
#include "base/str.h"

enum engine_want {
	ENGINE_GO_ON,
	ENGINE_WANT_TLS,	/* the server has agreed: nothing may be written or fed before on_tls */
	ENGINE_CLOSE,		/* the talk has ended in order */
};

/* What TLS found, as data: for channel binding and for the log. */
struct engine_tls {
	bool		verified;	/* chain and host name */
	const char	*version, *cipher;
	struct view	exporter;	/* tls-exporter (RFC 9266), or empty */
	struct view	server_end_point;	/* hash of the certificate (RFC 5929), or empty */
};

struct engine_ops {
	/*
	 * Takes what it can of in; *used_r bytes are done with, the rest is fed again with
	 * more behind it.  0, or -1: the talk is over, e says why.
	 */
	int		(*feed)(void *engine, struct view in, size_t *used_r, enum engine_want *want_r,
				struct err *e);
	/* Bytes to send, valid until sent() or the next call; empty: nothing. */
	struct view	(*output)(void *engine);
	void		(*sent)(void *engine, size_t n);
	int		(*on_tls)(void *engine, const struct engine_tls *tls, struct err *e);
	/* The stream is gone (e: why, always an error); what was under way is answered with it. */
	void		(*on_closed)(void *engine, const struct err *e);
	/*
	 * now and the deadline in ms of the loop's monotonic clock; INT64_MAX: none.  The session
	 * ticks before it feeds, before it asks for output, and when the deadline has come: an
	 * engine knows the time by this alone.
	 */
	int		(*tick)(void *engine, int64_t now, struct err *e);
	int64_t		(*next_deadline)(void *engine);
};

#endif
