/*
 * The message as rules and queries see it: facts (flags, size, dates) and fields,
 * each decoded at its first use and then kept.  What is not there yet is named by
 * a need mask; the engine fetches it and asks again.  Pure: bytes are set by others.
 * Not thread-safe; reference counted.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "base/blob.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/flags.h"
#include "mail/mime.h"

enum {					/* what must be known; or-ed */
	NEED_FLAGS = 1, NEED_SIZE = 2, NEED_RECEIVED = 4, NEED_HERE = 8,
	NEED_HEADER = 16,		/* the header block */
	NEED_STRUCTURE = 32,		/* the MIME tree without bodies */
	NEED_BODY = 64,			/* all bytes */
};
#define NEED_FACTS (NEED_FLAGS | NEED_SIZE | NEED_RECEIVED | NEED_HERE)

struct message;

struct message *message_new(void);
struct message *message_ref(struct message *m);
void message_unref(struct message **m);
unsigned message_have(const struct message *m);		/* NEED_* that are known */

/* ---- facts, public: set by the source, read by all; valid as message_have() says */
struct message_facts {
	uint32_t	uid;
	uint32_t	uidvalidity;	/* that uid was learned under; 0: not known */
	int64_t		size;		/* bytes */
	int64_t		received;	/* INTERNALDATE, epoch seconds */
	int64_t		here;		/* since when in this mailbox, epoch seconds */
	struct flags	flags;
};
struct message_facts *message_facts(struct message *m);
void message_know(struct message *m, unsigned need);	/* facts of these NEED_ bits were filled in */
/* Sets bytes (a reference is taken).  whole: the message; else its header block. */
void message_set_bytes(struct message *m, struct blob *b, bool whole);
/* The tree from BODYSTRUCTURE; takes it over (*tree is NULL after). */
void message_set_structure(struct message *m, struct mime **tree);
/*
 * Drops the bytes of the body and the text; the header, all fields, and the tree of parts
 * (if one was made) are kept.
 */
void message_drop_body(struct message *m);
size_t message_held(const struct message *m);		/* bytes of memory held, about */

/* ---- fields; need NEED_HEADER unless noted.  Views live as long as the message. */
#define MESSAGE_FIELDS(X)	/* text fields: symbol, name in Lua and in queries */ \
	X(SUBJECT, "subject") X(MESSAGE_ID, "message_id") X(IN_REPLY_TO, "in_reply_to") \
	X(LIST_ID, "list_id")
enum message_field {
#define X(sym, name) FIELD_##sym,
	MESSAGE_FIELDS(X)
#undef X
};
/* Decoded; false when absent.  message_id, in_reply_to without < >; list_id what stands in < >. */
bool message_field(struct message *m, enum message_field f, struct view *v_r);
/* The first (or n-th, from 0) header of that name, decoded by RFC 2047; false when absent. */
bool message_header(struct message *m, struct view name, size_t nth, struct view *v_r);
/* Fields in order: i from 0 while true; names and raw values. */
bool message_header_at(struct message *m, size_t i, struct header_field *f_r);
/* All addresses of all headers of that name ("from", "to", "cc", "reply-to", "sender",
 * "bcc", "delivered-to"), decoded; never NULL. */
const struct address_list *message_addresses(struct message *m, struct view header);
bool message_date(struct message *m, struct date *d_r);
/* References (RFC 5322 3.6.4) without < >, oldest first: how many; at most max are written. */
size_t message_references(struct message *m, struct view *ids, size_t max);

/* ---- MIME.  NEED_STRUCTURE or NEED_BODY; never NULL once one of them is there.  The tree of the
 * bytes replaces the one of BODYSTRUCTURE (which lives on): keep numbers, not part_ids. */
struct mime *message_mime(struct message *m);
/* The readable text: every text/plain that is no attachment, joined; without one the words
 * of text/html with tags removed.  NEED_BODY; lives until message_drop_body(). */
struct view message_text(struct message *m);
struct view message_raw(const struct message *m);	/* whole bytes; empty without NEED_BODY */

/* ---- defects seen so far, as a list of words: "broken_header multiple_from unclosed_multipart ..." */
void message_defects(struct message *m, struct str *out);
/* SHA-256 over the header's bytes with line ends as CRLF: the third identity of delivery.md J1. */
void message_digest(struct message *m, unsigned char out[32]);
/* "Subject" from a@b, for a log line: printable, one line, bounded. */
void message_title(struct message *m, struct str *out);

#endif
