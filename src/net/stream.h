/*
 * A stream of bytes to a server and back: dials, speaks plain or TLS, or goes from
 * plain to TLS on the way (STARTTLS).
 *
 * Reading and writing are the loop's business: the owner gets bytes and gives bytes.
 * Every callback comes from the loop, never from inside a call of this header, and may
 * call anything here, stream_free() too.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/dns.h"
#include "net/tls.h"

#define STREAM_WRITE_MAX	((size_t)256 * 1024)
#define STREAM_FOREVER		INT64_MAX

/* How a stream ended. */
enum stream_end {
	STREAM_ORDERLY,		/* the server closed it; under TLS with a goodbye */
	STREAM_CUT,		/* TLS without a goodbye: the last bytes may be missing */
	STREAM_FAILED		/* reset, dead, too slow, TLS refused, ... */
};

struct stream_ops {
	/* Bytes flow from now on: connected, and under TLS when that was asked for. */
	void	(*on_open)(void *arg);
	/*
	 * Bytes have come; they are valid during the call.  Returns how many were taken.
	 * What is not taken stays, and nothing more is read until stream_resume(), which
	 * shows it again.
	 */
	size_t	(*on_data)(void *arg, struct view bytes);
	/* Optional: the queue is empty, all was given to the system. */
	void	(*on_drain)(void *arg);
	/*
	 * The end, once; only stream_free() is useful after.  e tells it in words with host
	 * and port, also an orderly one: ERR_NET, temporary; ERR_TLS as in net/tls.h.
	 * Not called when the stream is freed first.
	 */
	void	(*on_end)(void *arg, enum stream_end end, const struct err *e);
};

struct stream_params {
	struct loop	*loop;
	struct peer	 peer;		/* copied */
	int		 fd;		/* connected, now the stream's; -1: dial the peer */
	struct dns	*dns;		/* for dialling */
	struct tls	*tls;		/* from the first byte; NULL: plain.  Outlives the stream */
	int64_t		 deadline;	/* of loop_now(): one for name, connection and TLS together;
					   STREAM_FOREVER */
	int64_t		 idle_ms;	/* most between two bytes that come; 0: no limit */
	int64_t		 write_ms;	/* most without progress while bytes wait; 0: no limit */
	size_t		 write_max;	/* ceiling of the queue; 0: STREAM_WRITE_MAX */
	const struct stream_ops *ops;
	void		*arg;
};

struct stream;
struct stream *stream_new(const struct stream_params *p);
/* At any stage, also in callbacks: closes at once, what waits to be written is lost. */
void stream_free(struct stream **s);

/*
 * Queues all the bytes or, when they do not fit, none: -1 and ERR_LIMIT, scope SESSION;
 * wait for on_drain then.  Written in the next turn of the loop, so that what one
 * turn queues goes as one packet.  Before on_open they wait.  After the end or
 * stream_shut() they are dropped, which is no error: on_end tells.
 */
int stream_write(struct stream *s, struct view bytes, struct err *e) MUST_CHECK;
size_t stream_room(const struct stream *s);	/* bytes that fit now */
size_t stream_queued(const struct stream *s);	/* bytes that wait */

/* Stop reading (the system then slows the server down), and go on.  No count. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/*
 * From plain to TLS, for use when the server has agreed to STARTTLS; then on_open comes
 * a second time.  Bytes of the server that are left behind its agreement, taken or
 * not yet read, end the stream (ERR_TLS: somebody may have injected them), and so do
 * bytes of ours that still wait.  In on_data: return what was taken up to the
 * agreement, no more.  deadline: of loop_now().
 */
void stream_start_tls(struct stream *s, struct tls *t, int64_t deadline);

/*
 * Ends in order: writes what waits, says goodbye, and hears the server out until it
 * closes too (on_end, ORDERLY) or ms are over (on_end, CUT).
 */
void stream_shut(struct stream *s, int64_t ms);

/* From now on; 0: no limit.  A paused stream has no idle limit. */
void stream_set_idle(struct stream *s, int64_t ms);

/* NULL before and without TLS. */
const struct tls_conn *stream_tls(const struct stream *s);
/* The other end is this machine by its address (127.0.0.0/8, ::1); false unless open. */
bool stream_loopback(const struct stream *s);

#endif
