/*
 * What the files of the IMAP source that carry out requests share: groups of requests of one
 * shape on one mailbox, and the commands that a group sends.
 *
 * A group goes from step to step: a step sends commands by group_send() and group_command()
 * and sets next, which is called when all of them have their answers.  It answers each of its
 * items once and calls group_end() when none is left.  Everything here is called from
 * inside callbacks of the engine or of imap_batch_run().
 */
#ifndef SOURCE_IMAP_BATCH_H
#define SOURCE_IMAP_BATCH_H

#include "source/imap_source_int.h"

#define BATCH_REQUESTS_MAX	1000u
#define FLAG_WORDS_MAX		(KEYWORDS_MAX + 6)

struct batch_item {
	struct request	*r;		/* NULL: answered */
	uint32_t	 uid;
	size_t		 order;		/* of submission */
	/* ---- of its commands */
	bool		 lost;		/* one of them has no answer, */
	bool		 sent;		/* and what it asked for may have been done */
	bool		 no;		/* one of them was answered NO or BAD */
	bool		 bare;		/* COPY, MOVE: OK, without a COPYUID */
	bool		 counted;	/* ... and the target's count has said what that means */
	/* ---- of their replies */
	bool		 seen;		/* named by a FETCH of the step that tells what is there */
	bool		 was;		/* it was there before */
	bool		 checked;	/* such a FETCH was answered OK: what it did not name is gone */
	bool		 proven;	/* COPYUID names it; FLAGS: they are as asked */
	bool		 broken;	/* a FETCH of it could not be read */
	unsigned	 got;		/* FETCH: NEED_* that came */
};

struct batch_group;
typedef void (*group_fn)(struct batch_group *g);
typedef void (*group_write_fn)(struct batch_group *g, struct imap_op *op);
typedef void (*group_reply_fn)(struct batch_group *g, struct imap_reply *r);
typedef void (*group_done_fn)(struct batch_group *g, struct seqset *set, const struct imap_answer *a);

struct batch_group {
	struct imap_batch	*batch;
	struct imap_link	*l;
	struct imap		*imap;		/* lives until its commands are answered; l->imap does not */
	struct imap_box		*box;
	size_t			 index, after;	/* begins when all groups below `after` have ended */
	bool			 begun, ended;
	unsigned		 under_way;	/* commands */
	group_fn		 next;
	struct { VEC(struct batch_item) } items;	/* ascending UIDs, each once */
	/* ---- the shape */
	enum request_kind	 kind;
	unsigned		 need;
	struct flags		 add, del;
	char			*target;	/* as scripts spell it */
	bool			 create;
	/* ---- of its steps */
	char			 what[240];	/* for errors: "UID MOVE to 'Lists'" */
	struct err		 fault;		/* of the first NO or BAD */
	bool			 blind;		/* a FETCH could not be read, not even its UID */
	struct imap_answer	 loss;		/* of a command that has no answer */
	unsigned		 round;
	struct str		 wire;		/* target as the server spells it */
	struct imap_copy {
		bool			 moves, plus;	/* UID MOVE; UIDPLUS */
		bool			 missing, created;	/* the target */
		bool			 repeat, repeated;
		uint64_t		 n;	/* copies that the target must show more */
		struct imap_status	 before, after;
	} copy;
	struct imap_scan	*scan;
};

/* ---- imap_batch.c */

/*
 * A command on these UIDs, in as many pieces as the line asks for, with `reserve` bytes left
 * for what write() adds behind the set.  reply, done: of each piece.
 */
void group_send(struct batch_group *g, enum imap_verb v, struct seqset *set, size_t reserve,
	group_write_fn write, group_reply_fn reply, group_done_fn done);
/* A command without UIDs that are known; done's set is empty. */
void group_command(struct batch_group *g, struct imap_op *op, group_reply_fn reply,
	group_done_fn done);
/* Keeps what a NO, a BAD or a loss means for the items of set, and for g->fault and g->loss. */
void group_note(struct batch_group *g, struct seqset *set, const struct imap_answer *a);
/* NULL: none of this UID, or it is answered. */
struct batch_item *group_item(struct batch_group *g, uint32_t uid);
/* Index of the first item whose UID is not below. */
size_t group_from(const struct batch_group *g, uint32_t uid);
/* The UIDs of what is not answered; how many. */
size_t group_left(struct batch_group *g, struct seqset *out);
void group_answer(struct batch_group *g, struct batch_item *it, enum request_result result);
void group_fail(struct batch_group *g, struct batch_item *it, const struct err *e);
void group_fail_all(struct batch_group *g, const struct err *e);
/*
 * The connection is gone: what was not sent waits for the next one, the rest is FAILED
 * (imap_answer_fault).
 */
void group_lose(struct batch_group *g, struct batch_item *it);
/* No item may be left. */
void group_end(struct batch_group *g);
static inline bool group_can(const struct batch_group *g, enum imap_cap cap)
{ return imap_can(g->imap, cap); }
/* "mailbox 'x' in account 'y': ..."; -1. */
int group_err(struct batch_group *g, struct err *e, enum err_kind kind, const char *fmt, ...)
	PRINTF(4, 5);

/* ---- each kind's first step; g->what is set, nothing is refused yet */
void imap_scan_begin(struct batch_group *g);		/* imap_scan.c */
void imap_scan_free(struct imap_scan **s);
void imap_fetch_begin(struct batch_group *g);		/* imap_read.c */
void imap_flags_begin(struct batch_group *g);		/* imap_change.c */
void imap_expunge_begin(struct batch_group *g);
void imap_copy_begin(struct batch_group *g);		/* imap_copy.c: COPY, MOVE */

/* ---- imap_read.c */
/* " (UID FLAGS ...)" behind the set of a UID FETCH; facts always. */
#define READ_ITEMS_MAX	160u
void imap_read_items(struct imap *m, struct imap_op *op, unsigned need);
/*
 * What the FETCH reply says goes into m.  Returns NEED_* that came.  *e: why bytes that came
 * could not be kept.
 */
unsigned imap_read_fill(struct imap_link *l, struct message *m, struct imap_reply *r, struct err *e);
/* What of need, and of the facts, has not come. */
unsigned imap_read_missing(unsigned need, unsigned got);
/* The server says no date that could be read: now stands for it, so that nobody asks for ever. */
void imap_read_dates(struct imap_source *s, struct message *m);

/* ---- imap_change.c */
/* "\Seen", "$Forwarded", keywords; how many. */
size_t imap_flag_words(const struct flags *f, struct view out[FLAG_WORDS_MAX]);
void imap_write_deleted(struct batch_group *g, struct imap_op *op);
void imap_write_uid(struct batch_group *g, struct imap_op *op);	/* " (UID)" */
/* A FETCH names it: item->seen; item->was. */
void imap_reply_seen(struct batch_group *g, struct imap_reply *r);
void imap_reply_was(struct batch_group *g, struct imap_reply *r);

void imap_note_checked(struct batch_group *g, struct seqset *set, const struct imap_answer *a);

/* ---- imap_target.c: mailboxes that are to take a message */
/* Appends a script's name as the server spells it; ERR_USAGE. */
int imap_box_wire(struct imap_source *s, struct imap *m, const char *name, struct str *out,
	struct err *e) MUST_CHECK;
struct imap_op *imap_target_create(struct imap *m, struct view wire);
/* The mailbox is there now; subscribes to it where the account says so. */
bool imap_target_made(struct imap_source *s, struct imap *m, struct view wire,
	const struct imap_answer *a);
bool imap_target_missing(const struct imap_result *res);
/* "the mailbox 'x' does not exist; create = true makes it" */
int imap_target_err(struct err *e, struct imap_source *s, const char *target);
struct imap_op *imap_target_status(struct imap *m, struct view wire);
/* Shows the second one n messages more?  false also when one of them says nothing. */
bool imap_target_grew(const struct imap_status *before, const struct imap_status *after, uint64_t n);

#endif
