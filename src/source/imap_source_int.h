/*
 * What the files of the IMAP source share.
 *
 *	imap_source.c	the account: open, submit, close, awake; which link serves which mailbox
 *	imap_link.c	one connection: credentials, session, engine, supervision, backoff
 *	imap_watch.c	who is told of changes; IDLE by its own link, the others polled by STATUS
 *	imap_batch.c	requests of one mailbox, collected, as groups of one shape
 *	imap_read.c	SCAN and FETCH: which items, from replies to messages; large bodies to files
 *	imap_change.c	FLAGS, COPY, MOVE, EXPUNGE: the safe order and the proof of each
 *	imap_append.c	APPEND and its proof
 *	imap_folder.c	LIST and roles, CREATE, RENAME, REMOVE, STATUS; names
 */
#ifndef SOURCE_IMAP_SOURCE_INT_H
#define SOURCE_IMAP_SOURCE_INT_H

#include "base/list.h"
#include "proto/imap.h"
#include "proto/imap_fault.h"
#include "source/imap_source.h"

/* ---- one mailbox that somebody watches or asks something of */
struct imap_box {
	struct link		 link;		/* source->boxes */
	struct imap_source	*source;
	char			*name;		/* as scripts spell it */
	char			*wire;		/* as the server does; NULL before the first link was ready */
	struct link		 queue;		/* of requests that need it selected, in order */
	struct imap_link	*at;		/* the link that has it selected, or is about to; or NULL */
	bool			 batching;	/* a batch is under way on it */
	uint32_t		 uidvalidity;	/* of the last SELECT or STATUS; 0: not seen yet */
	uint32_t		 uidnext;	/* at least this; 0: not known */
	uint32_t		 exists;
	bool			 moved_on;	/* EXISTS grew since the last scan: uidnext is too low */
	struct { VEC(struct imap_watcher { source_change_fn fn; void *arg; }) } watchers;
	bool			 told_lost;	/* watchers know that it cannot be watched */
	/* imap_read.c: UIDs above known_above, by SEARCH, that are still to be scanned. */
	struct seqset		 known;
	uint32_t		 known_above;
	bool			 known_whole;	/* known holds all of them, as of uidnext */
	/* imap_watch.c: what the last STATUS said, for those that are polled. */
	struct source_status	 polled;
};

/* ---- one connection */
enum imap_phase {
	LINK_DOWN,		/* nothing; a pause may run (source->pause) */
	LINK_ASKING,		/* for the credential */
	LINK_CONNECTING,	/* dial, TLS, greeting, sign-in */
	LINK_READY,
	LINK_CLOSING,		/* LOGOUT was sent */
};
struct imap_link {
	struct link		 link;		/* source->links */
	struct imap_source	*source;
	enum imap_phase		 phase;
	struct credential_ask	*asking;
	struct imap		*imap;
	struct session		*session;
	struct imap_box		*box;		/* selected, or being selected */
	bool			 selecting;
	struct imap_box		*watches;	/* its own mailbox, to which it goes back */
	struct request		*plain;		/* LIST, STATUS, APPEND...: one at a time */
	int64_t			 used_at;	/* loop_now(): a worker that idles long is closed */
	void			*spool;		/* imap_read.c: a large literal on its way to a file */
};

struct imap_source {
	struct source		 source;
	uint32_t		 magic;
	struct imap_source_conf	 conf;		/* its strings are copies */
	struct link		 boxes, links;
	struct link		 plain;		/* requests that need no selected mailbox, in order */
	/* imap_link.c: supervision */
	struct err		 trouble;	/* why the last attempt failed; ERR_OK: it did not */
	struct loop_timer	*pause;		/* until the next attempt */
	unsigned		 failures;	/* in a row */
	int64_t			 up_since;
	bool			 closing;
	loop_fn			 closed;
	void			*closed_arg;
	struct loop_timer	*poll;
};
#define IMAP_SOURCE_MAGIC 0x494d5031u

/* ---- imap_source.c: looks what can go on: links to open, mailboxes to select, batches to begin. */
void imap_source_step(struct imap_source *s);	/* by loop_defer, once a turn */
struct imap_box *imap_box_find(struct imap_source *s, const char *name, bool make);

/*
 * ---- imap_batch.c.  b is selected on l with the right UIDVALIDITY, its queue is not empty, nothing
 * is under way on it.  Takes what can go in one flight, answers each request exactly once (never from
 * inside this call), then calls imap_batch_ended().  When the link is lost meanwhile the
 * commands are answered without result, and so the requests: see source.h for those in doubt.
 */
void imap_batch_run(struct imap_link *l, struct imap_box *b);
void imap_batch_ended(struct imap_link *l, struct imap_box *b);		/* imap_source.c */
/* ---- imap_folder.c, imap_append.c: l->plain, on a link that is ready; then imap_plain_ended(). */
void imap_folder_run(struct imap_link *l);
void imap_append_run(struct imap_link *l);
void imap_plain_ended(struct imap_link *l);				/* imap_source.c */
/* Answers a request: r->done() from the loop (loop_defer), result and err set before. */
void imap_answer(struct imap_source *s, struct request *r);
/* FAILED with what a tagged NO or BAD means, or with the loss of the link (a->sent decides between
 * trying again and ERR_HELD, by the request's kind). */
void imap_answer_fault(struct imap_source *s, struct request *r, const struct imap_answer *a,
	const char *what);

#endif
