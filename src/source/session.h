/*
 * A session: one protocol engine (proto/engine_ops.h) on one stream.  It dials, feeds what
 * comes, writes what the engine offers, does the TLS handshake when the engine asks for
 * it, and calls tick at the engine's deadline.  It knows no protocol.
 *
 * All callbacks, of the engine too, come from the loop, never from inside a call of this
 * header.
 */
#ifndef SOURCE_SESSION_H
#define SOURCE_SESSION_H

#include "net/stream.h"
#include "proto/engine_ops.h"

enum session_tls {
	SESSION_TLS,		/* from the first byte */
	SESSION_STARTTLS,	/* the engine asks (ENGINE_WANT_TLS); tls is needed */
	SESSION_PLAIN,
};

struct session_conf {
	struct loop		*loop;
	struct log		*log;		/* may be NULL */
	struct dns		*dns;		/* outlives the session, as tls does */
	struct tls		*tls;
	struct peer		 peer;		/* copied */
	enum session_tls	 security;
	int64_t			 timeout_ms;	/* over name, connection and TLS together; and for each write */
	const struct engine_ops	*ops;
	void			*engine;	/* the owner's; outlives the session */
	/*
	 * Bytes can flow (a second time after STARTTLS: not called).  loopback: the peer is
	 * this machine by its address.  Before the first feed(), after on_tls() when TLS came first.
	 */
	void			(*opened)(void *arg, bool loopback);
	/*
	 * The end, once; the engine has been told by on_closed().  e: ERR_OK when the engine
	 * ended it in order (ENGINE_CLOSE), else why, in words.  Only session_free() is
	 * useful after (allowed here).
	 */
	void			(*ended)(void *arg, const struct err *e);
	void			*arg;
};

struct session;
/*
 * Makes sessions: the real one, or one in memory for tests.  free: at any stage, also in
 * callbacks of the session but not of the engine; the engine hears nothing more.
 * poke: the engine has something to write or a new deadline; looked at in the next
 * generation of the loop, so that what one turn asks for leaves in one write.
 */
struct session_maker {
	struct session	*(*open)(const struct session_conf *conf);
	void		(*poke)(struct session *s);
	void		(*free)(struct session **s);
};
extern const struct session_maker session_over_stream;

#endif
