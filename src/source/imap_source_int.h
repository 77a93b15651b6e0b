/*
 * What the files of the IMAP source share.
 *
 *	imap_source.c	the account: open, submit, close, awake; answers
 *	imap_serve.c	which link serves which mailbox; links that are to be opened or closed
 *	imap_plain.c	which requests that need no mailbox selected go beside which, and where
 *	imap_link.c	one connection: credentials, session, engine, wire log
 *	imap_trouble.c	supervision: why there is no connection, the pause, the next attempt
 *	imap_select.c	selecting a mailbox; mailboxes that were renumbered or cannot be selected
 *	imap_watch.c	who is told of changes; IDLE by its own link, the others polled by STATUS
 *	imap_batch.c	requests of one mailbox, collected, as groups of one shape
 *	imap_read.c	SCAN and FETCH: which items, from replies to messages; large bodies to files
 *	imap_change.c	FLAGS, COPY, MOVE, EXPUNGE: the safe order and the proof of each
 *	imap_append.c	APPEND and its proof
 *	imap_folder.c	CREATE, RENAME, REMOVE, STATUS
 *	imap_list.c	LIST and roles; names
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
	struct link		 asks;		/* STATUS, of servers that tell UIDNEXT by SELECT only */
	unsigned		 watch_no;	/* order of watch(), 1 first; 0: nobody watches */
	bool			 own;		/* has, or is to have, a link of its own */
	bool			 changed;	/* watchers are to be told, in this turn */
	bool			 told_lost;	/* watchers know that it cannot be watched */
	struct err		 lost;		/* why; told with changed */
	int64_t			 retry_at;	/* loop_now(): of the next try of one that is lost; 0: none */
	int64_t			 poll_at;	/* loop_now(): of the next STATUS, where polled */
	bool			 polling;	/* one is under way */
	enum imap_how { HOW_NONE, HOW_IDLE, HOW_NOOP, HOW_POLL } how;	/* is it watched; as logged */
	/* imap_scan.c: while known_whole, all UIDs between known_above and known_next. */
	struct seqset		 known;
	uint32_t		 known_above, known_next;
	bool			 known_whole;
	uint32_t		 known_exists;	/* exists, when uidnext was the end */
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
	unsigned		 no;		/* in the wire log */
	enum imap_phase		 phase;
	struct credential_ask	*asking;
	struct imap		*imap;
	struct session		*session;
	struct imap_box		*box;		/* selected, or being selected */
	bool			 selecting;
	uint32_t		 last_uid;	/* ... and the server does not say UIDNEXT: its last message */
	struct imap_box		*watches;	/* its own mailbox, to which it goes back */
	int64_t			 selected_at;
	struct link		 plains;	/* struct imap_plain: LIST, STATUS, APPEND... under way */
	struct link		 again;		/* of these, those that go back to the queue, in order */
	int64_t			 used_at;	/* loop_now(): a worker that idles long is closed */
	int64_t			 up_at;		/* loop_now(), when ready */
	bool			 dead;		/* the session is gone; waits for the end of a batch or of plains */
	bool			 told_broken;	/* the log has said that not all can be read */
	void			*spool;		/* imap_read.c: a large literal on its way to a file */
};

/* ---- a request that needs no selected mailbox, under way on a link */
struct imap_plain {
	struct link		 link;		/* l->plains */
	struct imap_link	*l;
	struct request		*r;
};

struct imap_source {
	struct source		 source;
	uint32_t		 magic;
	struct imap_source_conf	 conf;		/* its strings are copies */
	struct link		 boxes, links;
	struct link		 plain;		/* requests that need no selected mailbox, in order */
	bool			 stepping;	/* a step is deferred */
	unsigned		 held;		/* deferred calls and answers that will come */
	unsigned		 watches;	/* of watch(), so far */
	unsigned		 numbers;	/* of links, so far */
	unsigned		 links_max;	/* conf.max_connections, or fewer when the server said so */
	struct loop_timer	*alarm;		/* the next step that time asks for */
	char			 where[PEER_TEXT];	/* host:port */
	char			*alert;		/* the last one that was logged */
	bool			 flat_list;	/* LIST RETURN brings nothing here: plain LIST */
	/* imap_trouble.c: supervision */
	struct err		 trouble;	/* why the last attempt failed; ERR_OK: it did not */
	struct loop_timer	*pause;		/* until the next attempt */
	bool			 asked;		/* ... and the server asked for it */
	unsigned		 failures;	/* in a row, of links that were not up for 60 s */
	bool			 away;		/* was connected, is not, and the log has said so */
	bool			 been_up;
	struct { char *text; unsigned times; int64_t at; bool at_max; } said;
	/* ---- closing */
	bool			 no_wait;	/* what cannot be sent now is failed */
	bool			 closing;
	loop_fn			 closed;
	void			*closed_arg;
	struct loop_timer	*closing_timer;
};
#define IMAP_SOURCE_MAGIC 0x494d5031u

/* ---- imap_source.c */
/* Looks what can go on, once a turn: links to open, mailboxes to select, batches to begin. */
void imap_source_step(struct imap_source *s);
struct imap_box *imap_box_find(struct imap_source *s, const char *name, bool make);
/* Frees it when nothing needs it any more. */
void imap_box_drop_if_unused(struct imap_box *b);
/* Answers a request: r->done() from the loop (loop_defer), result and err set before. */
void imap_answer(struct imap_source *s, struct request *r);
/*
 * FAILED with what a tagged NO or BAD means, or with the loss of the link: sent tells a COPY,
 * MOVE or APPEND that is held (ERR_HELD) from what may be tried again.
 */
void imap_answer_fault(struct imap_source *s, struct request *r, const struct imap_answer *a,
	const char *what);
/* FAILED with e. */
void imap_answer_err(struct imap_source *s, struct request *r, const struct err *e);
/* Answers all of the queue with e. */
void imap_answer_all(struct imap_source *s, struct link *queue, const struct err *e);

/* ---- imap_serve.c */
void imap_serve(struct imap_source *s);
/* The ready link that b's requests would go to; b NULL: any for what needs no mailbox.  NULL: none. */
struct imap_link *imap_serve_by(struct imap_source *s, const struct imap_box *b);
/* When time alone asks for the next step; INT64_MAX: never. */
int64_t imap_serve_due(struct imap_source *s);
/* A mailbox is being selected on it, or a batch is under way. */
bool imap_serve_busy(const struct imap_link *l);

/* ---- imap_plain.c */
/* Begins as many of source->plain as may, in their order. */
void imap_plain_serve(struct imap_source *s);
/* p->r was answered, or has another owner; frees p. */
void imap_plain_ended(struct imap_plain *p);
/*
 * The command of p has no result: if it only reads or was never sent it goes back to the
 * queue, for the next connection.  true: it did; only imap_plain_ended() is to be called.
 */
bool imap_plain_again(struct imap_plain *p, const struct imap_answer *a);

/*
 * ---- imap_link.c
 * Bytes that are sent from outside of a callback of the engine leave after a poke (imap_batch_run,
 * imap_folder_run and imap_append_run are poked by their caller).
 */
void imap_link_poke(struct imap_link *l);
struct imap_link *imap_link_open(struct imap_source *s, struct imap_box *watches);
bool imap_link_ready(const struct imap_link *l);
/* LOGOUT, then it goes. */
void imap_link_close(struct imap_link *l);
/* At once; what was under way is answered. */
void imap_link_free(struct imap_link *l);
/* A dead link goes when its batch and its plain requests are over. */
void imap_link_over(struct imap_link *l);

/* ---- imap_trouble.c */
/* An attempt has failed; pause_ms: what the server asked for. */
void imap_trouble_failed(struct imap_source *s, const struct err *e, bool at_server, int64_t pause_ms);
/* A link that was ready since up_at is gone. */
void imap_trouble_lost(struct imap_source *s, const struct err *e, int64_t up_at, int64_t pause_ms,
	bool needed);
void imap_trouble_over(struct imap_link *l);		/* l is ready */
void imap_describe(struct source *s, struct str *out);

/* ---- imap_select.c */
void imap_select(struct imap_link *l, struct imap_box *b);
/*
 * What an answer about the mailbox name means: imap_fault(), with one text for all servers where
 * there is no such mailbox.
 */
int imap_select_fault(struct imap_source *s, const char *name, const struct imap_result *res,
	struct err *e);
/* The link lets its mailbox go: it can be served by another one, or be dropped. */
void imap_select_leave(struct imap_link *l, bool unselect);
/* b has been seen with this UIDVALIDITY: says what changed. */
void imap_select_validity(struct imap_box *b, uint32_t uidvalidity, int64_t messages);
/* It is selected as it was, under another UIDVALIDITY than it has by now: to be left. */
bool imap_select_is_stale(const struct imap_box *b);

/* ---- imap_watch.c */
void imap_watch(struct source *s, const char *mailbox, source_change_fn fn, void *arg);
void imap_unwatch(struct source *s, const char *mailbox, source_change_fn fn, void *arg);
void imap_watch_assign(struct imap_source *s);		/* which have a link of their own */
void imap_watch_poll(struct imap_source *s);		/* STATUS of those that have none, when due */
void imap_watch_tell(struct imap_source *s);		/* calls watchers: last in a step */
void imap_watch_event(struct imap_link *l, struct imap_reply *r);
/* Cannot be watched now: the watchers hear of it once. */
void imap_watch_lost(struct imap_box *b, const struct err *e);
void imap_watch_how(struct imap_box *b, enum imap_how how);

/*
 * ---- imap_batch.c.  b is selected on l with the right UIDVALIDITY, its queue is not empty, nothing
 * is under way on it.  Takes what can go in one flight out of the queue, answers each request exactly
 * once (never from inside this call), then calls imap_batch_ended().  When the link is lost meanwhile the
 * commands are answered without result, and so the requests: see source.h for those in doubt; what was
 * not sent may go back to the head of the queue.  l and b live until imap_batch_ended(), l->imap only
 * until the commands were answered without result.
 */
void imap_batch_run(struct imap_link *l, struct imap_box *b);
void imap_batch_ended(struct imap_link *l, struct imap_box *b);		/* imap_serve.c */
/* ---- imap_read.c: where large literals of l go; and the end of one that never came whole. */
struct imap_sink imap_read_sink(struct imap_link *l);
void imap_read_drop(struct imap_link *l);
/*
 * ---- imap_folder.c, imap_append.c, imap_list.c: p->r, on a link that is ready; then
 * imap_plain_ended(), maybe from inside this call.
 */
void imap_folder_run(struct imap_plain *p);
void imap_append_run(struct imap_plain *p);
void imap_list_run(struct imap_plain *p);

#endif
