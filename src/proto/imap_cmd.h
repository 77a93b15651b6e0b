/*
 * The one encoder of IMAP commands (RFC 9051, 9; RFC 7888).  Every string becomes an
 * atom, a quoted string or a literal by what is in it; nothing from a script, a mail
 * or a server can end a command or begin another.
 *
 * Builders append and ask once: the first fault is kept, imap_cmd_end() tells it, and
 * a command that did not end well has no parts to send.
 *
 *	c = imap_cmd_new(&syntax, tag);
 *	imap_cmd_raw(c, "UID MOVE ");  imap_cmd_set(c, uids);
 *	imap_cmd_raw(c, " ");          imap_cmd_mailbox(c, name);
 *	if (imap_cmd_end(c, e) == 0)   for each part: wait for "+" if it says so; write
 *
 * In the comments below, ERR_USAGE means that imap_cmd_end() will say so.
 */
#ifndef PROTO_IMAP_CMD_H
#define PROTO_IMAP_CMD_H

#include "base/blob.h"
#include "base/err.h"
#include "base/secret.h"
#include "proto/imap_caps.h"

#define IMAP_ARG_MAX	((size_t)64 << 10)	/* bytes of one string; more is ERR_LIMIT */
#define IMAP_CMD_MAX	((size_t)1 << 20)	/* of all of a command but its blobs */
#define IMAP_LINE_DEFAULT ((size_t)8000)	/* what servers take; 1000 for some old ones */
#define IMAP_MINUS_MAX	((size_t)4096)		/* RFC 7888, 5: the largest {n+} of LITERAL- */

/* What the server takes. */
struct imap_syntax {
	bool	literal_plus;
	bool	literal_minus;
	bool	binary;			/* a literal with NUL bytes in APPEND (RFC 3516, 4.4) */
	bool	utf8;			/* UTF8=ACCEPT or IMAP4rev2 is ENABLEd, not just offered */
	size_t	line_max;		/* bytes without literals; 0: IMAP_LINE_DEFAULT */
};
/* By capabilities; utf8 stays false. */
struct imap_syntax imap_syntax_of(const struct imap_caps *caps, size_t line_max);

/*
 * Tags of a session: letters from the caller's random bytes, then a counter; never
 * digits only (163.com), and not to be guessed before the first one was seen.
 */
#define IMAP_TAG_LETTERS 6
#define IMAP_TAG_SIZE	20
struct imap_tags { char letters[IMAP_TAG_LETTERS + 1]; uint64_t n; };
void imap_tags_init(struct imap_tags *t, const unsigned char random[IMAP_TAG_LETTERS]);
void imap_tags_next(struct imap_tags *t, char tag_r[IMAP_TAG_SIZE]);

struct imap_cmd;
/* tag NULL: a line without one (DONE, the answer to a challenge, "*"). */
struct imap_cmd *imap_cmd_new(const struct imap_syntax *syntax, const char *tag);
void imap_cmd_free(struct imap_cmd **c);
/* -1: the first fault, or a line over line_max (ERR_LIMIT); scope message. */
int imap_cmd_end(struct imap_cmd *c, struct err *e) MUST_CHECK;

/* After imap_cmd_end: what to write, in this order. */
struct imap_part {
	struct view	bytes;		/* lives with the command */
	bool		wait;		/* not before the server has said "+" */
	bool		secret;		/* never to be shown */
};
size_t imap_cmd_parts(const struct imap_cmd *c);
struct imap_part imap_cmd_part(const struct imap_cmd *c, size_t i);

/* ---- what a command is made of; blanks between are the caller's, by imap_cmd_raw */

/* The program's own words: printable ASCII, asserted. */
void imap_cmd_raw(struct imap_cmd *c, const char *words);
void imap_cmd_number(struct imap_cmd *c, uint64_t n);
/* astring: an atom where it can be.  what: for errors, "the mailbox name".  A NUL is ERR_USAGE. */
void imap_cmd_astring(struct imap_cmd *c, struct view v, const char *what);
/* string: quoted or literal (ID, LIST patterns, METADATA). */
void imap_cmd_string(struct imap_cmd *c, struct view v, const char *what);
/*
 * As the server spells it (modified UTF-7 or what LIST said, with its prefix); "inbox"
 * becomes INBOX.  CR and LF are ERR_USAGE, and so is an empty name.
 */
void imap_cmd_mailbox(struct imap_cmd *c, struct view name);
/* "\Seen" or a keyword; an atom only, of at most 255 bytes. */
void imap_cmd_flag(struct imap_cmd *c, struct view flag);
void imap_cmd_flags(struct imap_cmd *c, const struct view *flags, size_t n);	/* "(a b)" */
/* "1:5,9,12:*", or "$"; not empty. */
void imap_cmd_set(struct imap_cmd *c, struct view set);
/*
 * As much of *set as the line holds, at least one range, with "reserve" bytes left for
 * what follows; *set becomes the rest.
 */
void imap_cmd_set_some(struct imap_cmd *c, struct view *set, size_t reserve);
/* May it stand as an atom (RFC 9051, 9: ATOM-CHAR; without "]", which some servers refuse)? */
bool imap_atom(struct view v);
bool imap_cmd_utf8(const struct imap_cmd *c);		/* syntax.utf8 */
/* Bytes that this line still takes, the end of the line and reserve apart. */
size_t imap_cmd_room(const struct imap_cmd *c, size_t reserve);
/* "(From List-Id)" of BODY[HEADER.FIELDS ...]; names as in RFC 5322, 2.2; at least one. */
void imap_cmd_fields(struct imap_cmd *c, const struct view *names, size_t n);
void imap_cmd_date(struct imap_cmd *c, int64_t day);	/* days since 1970: 1-Feb-2026 */
/* " 1-Feb-2026 14:00:00 +0100" in quotes; zone in minutes east. */
void imap_cmd_datetime(struct imap_cmd *c, int64_t epoch_s, int zone_min);
/* An astring whose bytes, and whose length, are not shown. */
void imap_cmd_secret(struct imap_cmd *c, const struct secret *s);
/*
 * A response of sasl_step() as it is; not shown.  In a command it counts as any other word:
 * where imap_cmd_room() is less, leave it out and answer the first "+" with it.
 */
void imap_cmd_sasl(struct imap_cmd *c, const struct secret *base64);
/* A literal; the blob is referenced, not copied.  A NUL in it needs syntax.binary. */
void imap_cmd_blob(struct imap_cmd *c, struct blob *b);
/* A fault that the caller found. */
void imap_cmd_fail(struct imap_cmd *c, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);

struct imap_append {
	struct view		 mailbox;
	const struct view	*flags;
	size_t			 nflags;
	bool			 dated;		/* received, zone_min are set */
	int64_t			 received;
	int			 zone_min;
	struct blob		*bytes;		/* lines by CRLF: the caller's care */
};
/* All from "APPEND" on. */
void imap_cmd_append(struct imap_cmd *c, const struct imap_append *a);

/* ---- SEARCH keys as data, so that who compiles a query needs no encoder */

enum imap_key_kind {
	IMAP_KEY_WORD,		/* text: FROM, OR, NOT, RETURN's words; A-Z a-z 0-9 and "-" */
	IMAP_KEY_TEXT,		/* text: a string; UTF-8 */
	IMAP_KEY_FIELD,		/* text: a header field's name */
	IMAP_KEY_FLAG,		/* text: a keyword, without "\" */
	IMAP_KEY_SET,		/* text: a UID set */
	IMAP_KEY_NUMBER,	/* n */
	IMAP_KEY_DAY,		/* n: days since 1970 */
	IMAP_KEY_OPEN, IMAP_KEY_CLOSE,
};
struct imap_key { enum imap_key_kind kind; struct view text; int64_t n; };

/* Is there a text outside of ASCII? */
bool imap_keys_8bit(const struct imap_key *keys, size_t n);
/*
 * The keys with blanks between; in front "CHARSET UTF-8 " where there are 8-bit texts and
 * UTF-8 is not ENABLEd (RFC 9755, 3).  ERR_USAGE: no keys, parentheses that do not match,
 * a text that is not UTF-8.
 */
void imap_cmd_search(struct imap_cmd *c, const struct imap_key *keys, size_t n);

#endif
