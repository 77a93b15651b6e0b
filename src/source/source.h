/*
 * A source: the store of one account, behind which the engine knows no protocol by
 * name.  Everything is a request in the queue of its mailbox: submitted from the
 * loop, answered from the loop, exactly once, never from inside source_submit().
 *
 * Order: requests of one mailbox take effect in the order of submission; FETCH and
 * FLAGS, COPY and MOVE of one turn of the loop may be joined.  Different mailboxes
 * are independent.
 *
 * Identity of a message is (mailbox, uidvalidity, uid).  A source whose protocol has
 * no UIDs asks a uid_book (the engine's state) for them.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "base/list.h"
#include "base/log.h"
#include "mail/message.h"
#include "net/loop.h"

enum source_can {			/* or-ed; what is missing is an error that says so */
	SOURCE_MAILBOXES = 1,		/* LIST CREATE RENAME REMOVE */
	SOURCE_FLAGS = 2, SOURCE_KEYWORDS = 4,
	SOURCE_MOVE = 8, SOURCE_COPY = 16, SOURCE_APPEND = 32, SOURCE_EXPUNGE = 64,
	SOURCE_WATCH = 128,		/* tells of changes by itself (else it is polled) */
	SOURCE_ADOPT = 256,		/* constructive requests can be probed by their token */
	SOURCE_HOPS = 512,		/* SCAN tells what our rules moved (by the uid_book) */
};

enum request_kind {
	REQ_LIST, REQ_CREATE, REQ_RENAME, REQ_REMOVE,	/* of the account; mailbox names the object */
	REQ_STATUS,
	REQ_SCAN,	/* the messages above a UID, oldest first */
	REQ_FETCH,	/* one message */
	REQ_FLAGS, REQ_COPY, REQ_MOVE, REQ_EXPUNGE, REQ_APPEND,
};

enum request_result {
	RESULT_DONE,
	RESULT_GONE,		/* the message is not there (any more): neither success nor error */
	RESULT_COPIED_ONLY,	/* MOVE: the copy is proven, the original stayed */
	RESULT_FAILED,		/* see err */
};

struct source_mailbox {
	char	*name;		/* "/" separates; "INBOX" is the inbox */
	char	*role;		/* "inbox" "trash" "archive" "junk" "sent" "drafts", or NULL */
	bool	 selectable;
};

struct source_status {
	uint32_t	uidvalidity, uidnext;
	int64_t		messages, unseen;
};

struct request {
	/* ---- filled by the caller; the strings are copied by source_submit() */
	enum request_kind	 kind;
	const char		*mailbox;
	uint32_t		 uid;		/* SCAN: above this one.  FETCH..EXPUNGE: the message */
	/*
	 * FETCH..EXPUNGE: the UIDVALIDITY that uid was learned under; when the mailbox has another
	 * by now nothing is done and the answer is FAILED, ERR_GONE, scope MAILBOX.  0: whatever it is.
	 */
	uint32_t		 uidvalidity;
	uint32_t		 upto;		/* SCAN: the last one wanted; 0: no end */
	size_t			 limit;		/* SCAN: at most so many messages */
	unsigned		 need;		/* SCAN, FETCH: NEED_*; facts always come */
	struct flags		 add, del;	/* FLAGS; APPEND: add.  Owned by the request */
	const char		*target;	/* COPY, MOVE: a mailbox of this source; RENAME: the new name */
	const char		*token;		/* COPY, APPEND: name of this copy, the same at every try (see below) */
	bool			 probe;		/* an earlier try may have happened: look for its result first */
	bool			 create;	/* COPY, MOVE, APPEND: make a missing target */
	struct blob		*bytes;		/* APPEND; a reference is taken */
	int64_t			 received;	/* APPEND: INTERNALDATE; 0: now */
	struct message		*message;	/* FETCH: fill this one if set (a reference is taken) */
	void			(*done)(struct request *r);	/* owns r from then on: request_free(&r) */
	void			*arg;

	/* ---- filled by the source */
	enum request_result	 result;
	struct err		 err;
	bool			 adopted;	/* found by the probe, not done again */
	struct source_status	 status;	/* STATUS, SCAN (uidvalidity, uidnext) */
	struct { VEC(struct message *) } messages;	/* SCAN: ascending UIDs */
	struct { VEC(unsigned char) } hops;	/* SCAN: beside messages; 0: an arrival, n: our rules moved it n times */
	bool			 more;		/* SCAN: there are more above the last one */
	struct { VEC(struct source_mailbox) } list;	/* LIST */
	uint32_t		 new_uid;	/* COPY, MOVE, APPEND: 0 when not known yet */
	uint32_t		 new_uidvalidity; /* of the target, with new_uid; 0: not known */
	char			*new_name;	/* the copy's own name where the source has one (a path for people), or NULL */

	/* ---- the source's own */
	struct link		 link;
	struct source		*source;
	char			*mailbox_own, *target_own, *token_own;
};

struct request *request_new(enum request_kind kind, const char *mailbox,
	void (*done)(struct request *), void *arg);
void request_free(struct request **r);

/*
 * While a source is away (no connection), requests wait for the attempt that is under way;
 * when it fails they are FAILED with its reason, and so are those that come before the next
 * one: temporary when the source tries again by itself.  A COPY, MOVE or APPEND that was sent and
 * never answered, at a source without SOURCE_ADOPT, is FAILED with ERR_HELD, not temporary: it may
 * have happened, and is not done again.  The same is the answer to one with probe set there.
 */

/*
 * token: [A-Za-z0-9._-]{1,120}.  A copy that carries a token can be recognised later:
 * with probe set, a COPY or APPEND whose token is found in the target is adopted
 * (DONE, adopted), a MOVE whose message is no longer in the mailbox but stands in the
 * target is adopted, an EXPUNGE of a missing message is GONE, FLAGS are set again.
 */

struct source;
typedef void (*source_change_fn)(void *arg, const char *mailbox, const struct err *lost);

struct source_ops {
	const char	*protocol;	/* "maildir" */
	unsigned	 can;		/* enum source_can */
	void		(*submit)(struct source *s, struct request *r);
	/*
	 * Calls fn soon after something changed in the mailbox (new mail, flags,
	 * removals; several as one), until unwatch.  With lost set: it cannot be watched
	 * now (removed, unreadable); temporary ones are tried again by the source, which
	 * then calls fn again.
	 */
	void		(*watch)(struct source *s, const char *mailbox, source_change_fn fn, void *arg);
	void		(*unwatch)(struct source *s, const char *mailbox, source_change_fn fn, void *arg);
	/*
	 * The machine has slept: connections are to be proven alive.  NULL: there are none; a source
	 * that has them also logs by itself why it is away and when it is back.
	 */
	void		(*awake)(struct source *s);
	/*
	 * May be NULL.  Appends what it is, as it is now, in words: "signed in at HOST:PORT as USER
	 * (TLSv1.3, Dovecot)".
	 */
	void		(*describe)(struct source *s, struct str *out);
	/*
	 * May be NULL.  The program is about to end: what waits for a connection, now or later,
	 * waits no longer and is FAILED, temporary.
	 */
	void		(*no_wait)(struct source *s);
	/* Answers what is queued with ERR_CANCELED, finishes what has begun, then frees; done may be NULL. */
	void		(*close)(struct source *s, loop_fn done, void *arg);
};

struct source {			/* first member of every implementation */
	const struct source_ops	*ops;
	struct loop		*loop;
	struct log		*log;
	char			*name;		/* of the account */
};

/* Takes r (strings are copied, the rest moves over); done will be called once. */
void source_submit(struct source *s, struct request *r);
/* The first that is missing of `can`, as words ("cannot keep keywords"), or NULL. */
const char *source_cannot(const struct source *s, unsigned can);

/*
 * ---- UIDs for sources without.  Asynchronous; answers come from the loop.  The
 * answer is durable when it comes.
 */
struct uid_entry {
	const char	*key;		/* in: stable name of the message in its mailbox */
	int64_t		 received;	/* in: for the log only */
	uint32_t	 uid;		/* out */
	int64_t		 here;		/* out: epoch seconds, first seen in this mailbox */
	unsigned char	 hops;		/* out: see request.hops */
};
typedef void (*uid_book_fn)(void *arg, uint32_t uidvalidity, uint32_t uidnext, const struct err *e);
typedef void (*uid_key_fn)(void *arg, const char *key, const struct err *e);
struct uid_book {
	void	*book;
	/* Known keys keep their UID, new ones get the next ones in the order given.  entries
	 * stay the caller's and must live until done. */
	void	(*assign)(void *book, const char *account, const char *mailbox,
			struct uid_entry *entries, size_t n, uid_book_fn done, void *arg);
	/*
	 * The key of a UID that was assigned here, or NULL; for the probe of a MOVE after
	 * a restart: the file is then looked for in the target.  May be NULL (such a MOVE
	 * is then GONE).  key lives until done returns.
	 */
	void	(*find)(void *book, const char *account, const char *mailbox, uint32_t uid,
			uid_key_fn done, void *arg);
	/*
	 * These keys were looked for twice and are not there.  The book keeps what find()
	 * may still be asked for: UIDs that an unfinished action names.
	 */
	void	(*forget)(void *book, const char *account, const char *mailbox,
			const uint32_t *uids, size_t n);
	/* A mailbox was renamed or removed (to NULL): its book goes with it. */
	void	(*renamed)(void *book, const char *account, const char *from, const char *to);
};

#endif
