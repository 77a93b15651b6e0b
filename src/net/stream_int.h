/* Inside the stream: what stream.c (stages, owner) and stream_io.c (bytes, limits) share. */
#ifndef NET_STREAM_INT_H
#define NET_STREAM_INT_H

#include "net/dial.h"
#include "net/outbuf.h"
#include "net/stream.h"

enum stage { STAGE_DIAL, STAGE_HANDSHAKE, STAGE_OPEN, STAGE_ENDED };

struct stream {
	uint32_t		 magic;
	struct stream_params	 p;		/* p.deadline: of the handshake under way */
	char			 host[HOST_MAX + 1];
	enum stage		 stage;
	bool			 inside;	/* between enter() and leave() */
	bool			 freed;		/* by its owner, inside */

	struct dial		*dial;
	int			 fd;
	struct loop_io		*io;
	struct tls_conn		*tls;
	int			 handshake_wants;

	struct loop_timer	*kick;
	int			 kick_for;	/* what the kick tries: LOOP_READ, LOOP_WRITE */
	struct loop_timer	*limit;
	int64_t			 limit_at;

	/* reading */
	char			*in;		/* READ_SIZE, or NULL */
	size_t			 in_at, in_end;	/* not taken yet */
	bool			 paused;
	int			 read_wants;	/* what the next read waits for */
	int64_t			 read_at;	/* when bytes came last */

	/* writing */
	struct outbuf		 out;
	bool			 blocked;	/* the next write waits for write_wants */
	int			 write_wants;
	int64_t			 write_at;	/* when bytes went last */
	struct err		 broken;	/* why writing is over; reads go on to the end */

	/* asked for by the owner */
	struct tls		*upgrade;
	bool			 upgrade_dirty;	/* plain bytes waited when it was asked for */
	bool			 shut, shut_sent;
	int64_t			 shut_at;
};

/* Ends the stream and tells the owner; the second end is none. */
void stream_finish(struct stream *s, enum stream_end how, const struct err *why);
void stream_finish_say(struct stream *s, enum stream_end how, enum err_kind kind,
	const char *fmt, ...) PRINTF(4, 5);
/* By what a step came to: END, CUT or FAILED. */
void stream_finish_step(struct stream *s, enum tls_step step, const struct err *e);
/* Makes on_kick run in the next turn, for what: LOOP_READ, LOOP_WRITE, 0. */
void stream_kick(struct stream *s, int what);
void stream_enter(struct stream *s);
void stream_leave(struct stream *s);

/* stream_io.c.  All of these may call the owner but the last. */
void stream_read_all(struct stream *s);		/* what is left, then what has come */
void stream_write_all(struct stream *s);	/* what waits, then the goodbye */
int stream_wants_of(enum tls_step step);
void stream_arm(struct stream *s);		/* descriptor and timer, by the state */

struct sockaddr;
bool stream_addr_loopback(const struct sockaddr *sa);

#endif
