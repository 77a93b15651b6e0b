/*
 * What the files of the IMAP engine share.
 *
 *	imap.c		the doors: feed, output, tick
 *	imap_take.c	whose a reply is
 *	imap_flight.c	commands: the queue, what may overlap, idling
 *	imap_box.c	the selected mailbox
 *	imap_sign.c	from the greeting to ready: TLS, sign-in, what the server can do
 */
#ifndef PROTO_IMAP_INT_H
#define PROTO_IMAP_INT_H

#include "base/list.h"
#include "base/mem.h"
#include "base/vec.h"
#include "proto/imap.h"
#include "proto/imap_fault.h"

/* X table's third column: how a command stands to others (imap_flight.c). */
enum {
	IMAPV_BARRIER = 1,	/* nothing goes before its answer (IDLE: its "+") has come */
	IMAPV_ALONE = 2,	/* its replies carry nothing by which two could be told apart */
	IMAPV_LIST = 4,		/* the same, LIST and XLIST together */
	IMAPV_STATUS = 8,	/* told apart by the mailbox */
	IMAPV_NAMES = 16,	/* makes, renames, removes mailboxes */
	IMAPV_TARGET = 32,	/* puts messages into a mailbox that may not exist */
	IMAPV_SELECT = 64,	/* another mailbox from here on */
	IMAPV_READS = 128, IMAPV_SEARCH = 256, IMAPV_CHANGES = 512,
	IMAPV_BARE = 1024,	/* takes no argument */
};

struct imap_op {
	struct link	 link;		/* first: imap->waiting or imap->flight */
	struct imap	*imap;
	enum imap_verb	 verb;
	char		 tag[IMAP_TAG_SIZE];
	struct imap_cmd	*cmd;
	struct err	 fault;		/* it could not be encoded */
	bool		 own;		/* the engine's, not the owner's */
	struct seqset	 set;
	uint32_t	 from;		/* "from:*"; 0: no */
	char		*mailbox;	/* as the server spells it */
	size_t		 part, off;	/* what is written next */
	bool		 plus;		/* "+" came: the part that waits may go; IDLE: it idles */
	bool		 flying;	/* in flight: counted there */
	bool		 answered;	/* while its bytes were still under way: they go on */
	bool		 over;		/* IDLE: DONE was asked for */
	size_t		 bytes;		/* in the window */
	imap_reply_fn	 reply;
	imap_done_fn	 done;
	void		*arg;
};

enum imap_stage {
	STAGE_GREETING,
	STAGE_CAPABILITY,	/* before the sign-in, or before STARTTLS */
	STAGE_STARTTLS,
	STAGE_HANDSHAKE,	/* the session's turn */
	STAGE_SIGNIN,
	STAGE_SIGNED_IN,	/* capabilities anew */
	STAGE_LEARN,		/* ID, ENABLE, NAMESPACE */
	STAGE_READY,
	STAGE_OVER,		/* logged out, or given up */
};

struct imap {
	uint32_t		 magic;
	struct imap_conf	 conf;		/* its strings are copies; the secrets below */
	struct secret		*password, *token;
	struct imap_resp	*resp;
	struct imap_log		*log;		/* or NULL */
	struct imap_tags	 tags;
	enum imap_stage		 stage;
	int64_t			 now, base;	/* base: since when an answer is due without a byte */
	int64_t			 began;		/* the sign-in */
	bool			 due;		/* an answer is due: base counts */
	bool			 loopback, tls;
	char			 tls_version[16];
	bool			 want_tls;	/* for feed() to say */
	bool			 preauth;	/* no sign-in: the greeting was PREAUTH */
	/* ---- commands */
	struct link		 waiting, flight;
	struct imap_op		*writing;	/* the one whose bytes go out; it is in flight */
	size_t			 in_flight, flight_bytes;
	struct imap_cmd		*line;		/* a line without a tag: an answer to "+", DONE */
	size_t			 line_part, line_off;
	bool			 line_sasl;	/* ... is part of a sign-in */
	struct { VEC(char *) }	 targets;	/* mailboxes that took a message: they exist */
	/* ---- idling */
	bool			 idle_wanted, idle_refused;
	struct imap_op		*idling;	/* IDLE in flight and not yet over */
	int64_t			 idle_since, polled_at;
	int64_t			 probe_until;	/* 0: no */
	/* ---- sign-in */
	struct imap_caps	 caps;
	struct imap_syntax	 syntax;
	struct sasl		*sasl;
	struct secret		*sasl_first;	/* too long for the line: answers the first "+" */
	struct err		 sasl_fault;	/* why we gave up by "*" */
	bool			 caps_signed;	/* a list came after the sign-in */
	enum sasl_mech		 mech;
	unsigned		 mechs_failed;
	unsigned		 learning;	/* answers that ready() waits for */
	uint64_t		 enabled;	/* bits of enum imap_cap */
	char			*server;
	struct { VEC(struct imap_place) } other;	/* prefixes are copies */
	struct imap_places	 places;
	/* ---- the selected mailbox */
	struct imap_selected	 sel;		/* name NULL: none */
	struct imap_selected	 next;		/* what a SELECT under way has said so far */
	char			*bye;
	int64_t			 bye_at;	/* in a sign-in: its answer may follow; 0: no */
	char			 late_tag[IMAP_TAG_SIZE];	/* of an ENABLE that was passed over */
	int64_t			 backoff_ms;
	struct err		 end;		/* why feed() or tick() gave up */
};
#define IMAP_MAGIC 0x494d4101u

/* ---- imap.c */
/* Ends the session: feed() or tick() returns -1 with this. */
int imap_end(struct imap *m, enum err_kind kind, bool temporary, const char *fmt, ...) PRINTF(4, 5);

/* ---- imap_take.c */
/* 0, or -1: the session is over (imap->end). */
int imap_take(struct imap *m, struct imap_reply *r);

/* ---- imap_flight.c */
struct imap_op *imap_op_own(struct imap *m, enum imap_verb v, imap_done_fn done);
void imap_op_free(struct imap_op **op);
void imap_op_finish(struct imap_op *op, const struct imap_result *res, const struct err *e);
struct imap_op *imap_flight_tag(struct imap *m, struct view tag);
/* The first in flight of which one of these flags is set; NULL. */
struct imap_op *imap_flight_find(struct imap *m, unsigned flags);
unsigned imap_verb_flags(enum imap_verb v);
bool imap_op_has(struct imap_op *op, uint32_t uid);
/* The next command that may go; NULL: none now. */
struct imap_op *imap_flight_next(struct imap *m);
void imap_fail_all(struct imap *m, const struct err *e);
/* A line without a tag; false: one is still on its way. */
void imap_line(struct imap *m, struct imap_cmd *c, bool sasl);

/* ---- imap_box.c */
/* What a reply says about the mailbox that is selected, or being selected. */
void imap_box_take(struct imap *m, const struct imap_reply *r, bool selecting);
void imap_box_answer(struct imap *m, const struct imap_op *op, const struct imap_result *res);
void imap_box_clear(struct imap_selected *b);

/* ---- imap_sign.c */
int imap_sign_greet(struct imap *m, const struct imap_reply *r);
int imap_sign_preauth(struct imap *m);	/* -1: not before TLS */
bool imap_sign_plus(struct imap *m, struct view text);	/* false: nobody waits for it */
void imap_sign_caps(struct imap *m, struct imap_words words);
/* ID, NAMESPACE, LIST "" "", ENABLED: what the server says of itself. */
void imap_sign_learn(struct imap *m, const struct imap_reply *r);
void imap_sign_tls(struct imap *m);
void imap_sign_free(struct imap *m);

#endif
