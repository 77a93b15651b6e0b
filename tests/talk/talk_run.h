/*
 * One run of one talk in memory: a loop with a virtual clock, an IMAP source, sessions
 * whose other end is the script.
 *
 *	talk.c		steps one after the other; the same talk cut in many ways
 *	talk_session.c	struct session_maker in memory
 *	talk_do.c	what is asked of the source, and what came of it, as text
 */
#ifndef TALK_RUN_H
#define TALK_RUN_H

#include "net/loop_fake.h"
#include "source/imap_source.h"
#include "talk_script.h"

#define TALK_PASSWORD	"s3cret-pass"
#define TALK_TOKEN	"t0ken-of-anna"

struct talk_line { char *text; unsigned write; bool taken; };
struct talk_lines { VEC(struct talk_line) };

/* How the bytes of the server arrive. */
struct talk_cut {
	enum { CUT_NEVER, CUT_ONCE, CUT_BYTES } how;
	size_t	step, at;	/* ONCE: in this step, after so many bytes */
	bool	turns;		/* the loop turns between the pieces */
};

struct talk_run {
	const struct talk_script *script;
	struct talk_cut	 cut;
	struct loop	*loop;
	struct log	*log;
	struct source	*source;
	struct credential *password, *token;
	struct talk_slots slots;
	struct { VEC(struct session *) } sessions;
	struct session	*at;		/* whose lines the script speaks of */
	struct talk_lines outcomes, logged;
	unsigned	 writes;	/* of all sessions */
	unsigned	 last_write;	/* in which the last line came that the talk heard */
	unsigned	 requests;
	unsigned	 refuse;	/* connections that are refused, the next ones */
	bool		 closing;
	bool		 leaked;	/* a secret stood in a log line */
	char		 why[800];	/* the talk has failed */
};

struct session {
	struct talk_run	*run;
	struct session_conf conf;
	char		*host;
	struct str	 in;		/* of the server, not taken by the engine yet */
	struct str	 out;		/* of the client, no whole line yet */
	struct talk_lines lines;
	size_t		 head;		/* lines before this one are dealt with */
	struct loop_timer *timer;
	bool		 poked, opened, handshake;
	bool		 over;		/* ended, by whichever side */
	bool		 freed;
	struct err	 end;
};

/* ---- talk_session.c */
extern const struct session_maker talk_maker;
void talk_feed(struct session *s, struct view bytes);
/* The other end closes or the network breaks it. */
void talk_break(struct session *s, const char *words);
void talk_session_free(struct session *s);	/* its memory; at the end of the run */

/* ---- talk_do.c */
int talk_open_source(struct talk_run *r);
bool talk_do(struct talk_run *r, const char *text);	/* false: what is that? */
void talk_tell(struct talk_run *r, const char *fmt, ...) PRINTF(2, 3);

void talk_lines_add(struct talk_lines *l, char *text, unsigned write);
void talk_lines_free(struct talk_lines *l);

#endif
