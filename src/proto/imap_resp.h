/*
 * What an IMAP server says, as typed facts: bytes in, one reply after the other out.
 * No command is known here; who asked is the engine's business, which attributes a reply
 * by what it holds (UID, tag correlator, mailbox), never by its place.
 *
 * Read what is tolerated as it is meant: NIL, "" and () for each other, numbers with sign
 * or fraction, missing or additional fields at the end, unknown words everywhere.  What
 * cannot be read is IMAP_BROKEN and the stream goes on behind its line.
 */
#ifndef PROTO_IMAP_RESP_H
#define PROTO_IMAP_RESP_H

#include "mail/date.h"
#include "mail/flags.h"
#include "mail/mime.h"
#include "proto/imap_tree.h"
#include "proto/seqset.h"

enum imap_kind {
	IMAP_BROKEN,		/* why, excerpt, limit; number, name, uid where they were read */
	IMAP_UNKNOWN,		/* name, number, args: an event */
	IMAP_CONTINUE,		/* "+": text */
	IMAP_TAGGED,		/* tag, cond */
	IMAP_CONDITION,		/* untagged OK, NO, BAD, BYE, PREAUTH: cond */
	IMAP_CAPABILITY, IMAP_ENABLED,	/* words */
	IMAP_ID,		/* id */
	IMAP_FLAGS,		/* flags: those of the mailbox */
	IMAP_LIST,		/* list: LIST, LSUB, XLIST */
	IMAP_NAMESPACE,		/* space */
	IMAP_STATUS,		/* status */
	IMAP_SEARCH, IMAP_SORT,	/* set, modseq; SORT's order is not kept */
	IMAP_ESEARCH,		/* esearch, set */
	IMAP_EXISTS, IMAP_RECENT, IMAP_EXPUNGE,	/* number */
	IMAP_VANISHED,		/* set, earlier */
	IMAP_FETCH,		/* number, fetch */
	IMAP_QUOTA, IMAP_QUOTAROOT,	/* quota */
};

/* ---- conditions and their codes (RFC 9051, 7.1) */

enum imap_cond { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH };

/* X(symbol, name on the wire) */
#define IMAP_CODES(X) \
	X(ALERT, "ALERT") X(ALREADYEXISTS, "ALREADYEXISTS") X(APPENDUID, "APPENDUID") \
	X(AUTHENTICATIONFAILED, "AUTHENTICATIONFAILED") \
	X(AUTHORIZATIONFAILED, "AUTHORIZATIONFAILED") X(BADCHARSET, "BADCHARSET") \
	X(BADEVENT, "BADEVENT") X(CANNOT, "CANNOT") X(CAPABILITY, "CAPABILITY") \
	X(CLIENTBUG, "CLIENTBUG") X(CLOSED, "CLOSED") X(COMPRESSIONACTIVE, "COMPRESSIONACTIVE") \
	X(CONTACTADMIN, "CONTACTADMIN") X(COPYUID, "COPYUID") X(CORRUPTION, "CORRUPTION") \
	X(EXPIRED, "EXPIRED") X(EXPUNGEISSUED, "EXPUNGEISSUED") X(HASCHILDREN, "HASCHILDREN") \
	X(HIGHESTMODSEQ, "HIGHESTMODSEQ") X(INPROGRESS, "INPROGRESS") X(INUSE, "INUSE") \
	X(LIMIT, "LIMIT") X(MAILBOXID, "MAILBOXID") X(MESSAGELIMIT, "MESSAGELIMIT") \
	X(MODIFIED, "MODIFIED") X(NOMODSEQ, "NOMODSEQ") X(NONEXISTENT, "NONEXISTENT") \
	X(NOPERM, "NOPERM") X(NOTIFICATIONOVERFLOW, "NOTIFICATIONOVERFLOW") \
	X(NOTSAVED, "NOTSAVED") X(OVERQUOTA, "OVERQUOTA") X(PARSE, "PARSE") \
	X(PERMANENTFLAGS, "PERMANENTFLAGS") X(PRIVACYREQUIRED, "PRIVACYREQUIRED") \
	X(READ_ONLY, "READ-ONLY") X(READ_WRITE, "READ-WRITE") X(REFERRAL, "REFERRAL") \
	X(SERVERBUG, "SERVERBUG") X(THROTTLED, "THROTTLED") X(TOOBIG, "TOOBIG") \
	X(TRYCREATE, "TRYCREATE") X(UIDNEXT, "UIDNEXT") X(UIDNOTSTICKY, "UIDNOTSTICKY") \
	X(UIDREQUIRED, "UIDREQUIRED") X(UIDVALIDITY, "UIDVALIDITY") \
	X(UNAVAILABLE, "UNAVAILABLE") X(UNKNOWN_CTE, "UNKNOWN-CTE") X(UNSEEN, "UNSEEN") \
	X(USEATTR, "USEATTR")

enum imap_code {
	IMAP_CODE_NONE,
	IMAP_CODE_OTHER,	/* code_name and code_text say which */
#define X(sym, name) IMAP_CODE_##sym,
	IMAP_CODES(X)
#undef X
};

struct imap_words { const struct view *at; size_t n; };

/* System flags and "$Forwarded" as bits, the rest as names; "]" and "\*" are tolerated. */
struct imap_flags {
	unsigned	  sys;		/* FLAG_* */
	bool		  recent;
	bool		  any;		/* "\*": new keywords may be made */
	bool		  more;		/* over KEYWORDS_MAX or KEYWORD_MAX: some were left out */
	struct imap_words keywords;	/* "\Other" among them */
};

struct imap_result {
	enum imap_cond	 cond;
	enum imap_code	 code;
	bool		 code_bad;	/* its arguments make no sense; they are empty or 0 */
	struct view	 code_name, code_text;	/* as sent; code_text behind the name */
	struct view	 text;		/* for people, behind the code; not yet cleaned for a terminal */
	/* A pause that the server asked for: [THROTTLED] anywhere, "Suggested Backoff Time". */
	bool		 throttled;
	uint64_t	 backoff_ms;	/* 0: not said */
	/* ---- of the code */
	uint64_t	 number;	/* UIDNEXT, HIGHESTMODSEQ, UNSEEN, MESSAGELIMIT; INPROGRESS: done */
	uint64_t	 goal;		/* INPROGRESS; MESSAGELIMIT: the last UID that was done */
	uint32_t	 uidvalidity;	/* UIDVALIDITY, COPYUID, APPENDUID */
	/* COPYUID, as written, for seq_pairs_begin(); APPENDUID: dst.  MODIFIED: src. */
	struct view	 src, dst;
	struct imap_words words;	/* CAPABILITY, BADCHARSET */
	struct imap_flags flags;	/* PERMANENTFLAGS */
	struct view	 id;		/* MAILBOXID; INPROGRESS: the tag */
};

/* ---- mailboxes */

/* X(symbol, name on the wire): RFC 9051, 7.3.1; RFC 6154; RFC 8457; Gmail's XLIST */
#define IMAP_ATTRS(X) \
	X(NONEXISTENT, "\\NonExistent") X(NOSELECT, "\\Noselect") \
	X(NOINFERIORS, "\\Noinferiors") X(HASCHILDREN, "\\HasChildren") \
	X(HASNOCHILDREN, "\\HasNoChildren") X(MARKED, "\\Marked") X(UNMARKED, "\\Unmarked") \
	X(SUBSCRIBED, "\\Subscribed") X(REMOTE, "\\Remote") X(NOACCESS, "\\NoAccess") \
	X(ALL, "\\All") X(ARCHIVE, "\\Archive") X(DRAFTS, "\\Drafts") \
	X(FLAGGED, "\\Flagged") X(JUNK, "\\Junk") X(SENT, "\\Sent") X(TRASH, "\\Trash") \
	X(IMPORTANT, "\\Important") X(INBOX, "\\Inbox") X(ALLMAIL, "\\AllMail") \
	X(SPAM, "\\Spam") X(STARRED, "\\Starred")

enum imap_attr {		/* IMAP_ATTR_x is a bit */
#define X(sym, name) IMAP_ATTRN_##sym,
	IMAP_ATTRS(X)
#undef X
};
#define IMAP_ATTR(sym)	(1u << IMAP_ATTRN_##sym)

struct imap_list {
	struct view	 name;		/* as the server spells it: imap_name_decode() */
	char		 delim;		/* 0: NIL, a flat name */
	unsigned	 attrs;		/* IMAP_ATTR() */
	bool		 lsub, xlist;	/* the word it came by */
	bool		 child_subscribed;	/* CHILDINFO ("SUBSCRIBED"), RFC 5258 */
	struct view	 oldname;	/* OLDNAME, RFC 5465; empty: none */
};

struct imap_prefix { struct view prefix; char delim; };
struct imap_prefixes { const struct imap_prefix *at; size_t n; };
#define IMAP_PREFIXES_MAX	64u	/* of each kind; the rest is left out */
struct imap_namespace { struct imap_prefixes personal, other, shared; };

enum {				/* struct imap_status.has */
	IMAP_ST_MESSAGES = 1, IMAP_ST_RECENT = 2, IMAP_ST_UIDNEXT = 4, IMAP_ST_UIDVALIDITY = 8,
	IMAP_ST_UNSEEN = 16, IMAP_ST_MODSEQ = 32, IMAP_ST_SIZE = 64, IMAP_ST_DELETED = 128,
	IMAP_ST_APPENDLIMIT = 256, IMAP_ST_MAILBOXID = 512,
};
struct imap_status {
	struct view	name;		/* as the server spells it */
	unsigned	has;
	uint32_t	messages, recent, uidnext, uidvalidity, unseen, deleted;
	uint64_t	modseq, size;
	uint64_t	appendlimit;	/* UINT64_MAX: NIL, no limit is told */
	struct view	mailboxid;
};

struct imap_resource { struct view name; uint64_t usage, limit; };
struct imap_quota {
	struct view			 root;	/* QUOTA */
	const struct imap_resource	*at;	/* QUOTA; STORAGE counts in KiB */
	size_t				 n;
	struct view			 mailbox;	/* QUOTAROOT */
	struct imap_words		 roots;		/* QUOTAROOT */
};

struct imap_pair { struct view name, value; };
struct imap_id { const struct imap_pair *at; size_t n; };

/* ---- messages */

enum {				/* struct imap_esearch.has */
	IMAP_ES_MIN = 1, IMAP_ES_MAX = 2, IMAP_ES_ALL = 4, IMAP_ES_COUNT = 8, IMAP_ES_MODSEQ = 16,
	IMAP_ES_PARTIAL = 32,
};
struct imap_esearch {
	struct view	tag;		/* the correlator; empty: none */
	struct view	mailbox;	/* RFC 7377 */
	uint32_t	uidvalidity;
	bool		uid;		/* numbers are UIDs */
	unsigned	has;
	uint32_t	min, max, count;
	uint64_t	modseq;		/* ALL or PARTIAL: the reply's set */
};

enum imap_section_part { IMAP_PART_ALL, IMAP_PART_HEADER, IMAP_PART_FIELDS, IMAP_PART_FIELDS_NOT,
	IMAP_PART_TEXT, IMAP_PART_MIME };

/* One BODY[...], BINARY[...], RFC822, RFC822.HEADER or RFC822.TEXT. */
struct imap_section {
	struct view	  item;		/* as sent: "BODY[1.HEADER.FIELDS (To)]<0>" */
	struct view	  number;	/* "1.2", or empty: the message */
	enum imap_section_part	  part;
	struct imap_words fields;	/* of FIELDS and FIELDS_NOT, quotes removed */
	bool		  binary;
	bool		  partial;	/* <origin> */
	uint64_t	  origin;
	struct view	  bytes;
	bool		  nil;		/* NIL or no value: there is no such part */
	bool		  sunk;		/* the bytes went to the sink, if it wanted them */
	uint64_t	  size;		/* bytes of it */
};

enum {				/* struct imap_fetch.has */
	IMAP_F_UID = 1, IMAP_F_FLAGS = 2, IMAP_F_INTERNALDATE = 4, IMAP_F_SIZE = 8,
	IMAP_F_MODSEQ = 16, IMAP_F_STRUCTURE = 32, IMAP_F_EMAILID = 64, IMAP_F_THREADID = 128,
	IMAP_F_SAVEDATE = 256, IMAP_F_GM_MSGID = 512, IMAP_F_GM_THRID = 1024,
	IMAP_F_GM_LABELS = 2048, IMAP_F_PREVIEW = 4096,
};
struct imap_fetch {
	uint32_t		 uid;
	unsigned		 has;		/* what came and made sense */
	struct imap_flags	 flags;
	struct date		 internaldate, savedate;
	uint64_t		 size;		/* RFC822.SIZE: a hint, servers err */
	uint64_t		 modseq, gm_msgid, gm_thrid;
	struct imap_words	 gm_labels;	/* as sent, modified UTF-7 */
	struct view		 emailid, threadid, preview;
	const struct imap_section *sections;
	size_t			 nsections;
	/* BODYSTRUCTURE or BODY; the reader's, unless taken out by setting it NULL. */
	struct mime		*structure;
};

struct imap_reply {
	enum imap_kind	 kind;
	struct view	 tag;		/* of a tagged reply */
	struct view	 name;		/* as sent: "FETCH" */
	uint32_t	 number;	/* in front of the name, clamped */
	bool		 numbered;	/* there was one */
	/* A ceiling of ours was hit; else than BROKEN: lists too deep are left out. */
	bool		 limit;
	/* ---- IMAP_BROKEN */
	const char	*why;
	uint32_t	 uid;		/* of a FETCH, or 0 */
	struct view	 excerpt;	/* the beginning of the line */
	/* ---- IMAP_CONTINUE */
	struct view	 text;
	/* ---- IMAP_SEARCH, SORT, ESEARCH, VANISHED */
	struct seqset	*set;		/* the reader's; may be emptied by taking its memory out */
	bool		 incomplete;	/* something in it was no number, or the ceiling was hit */
	bool		 earlier;
	uint64_t	 modseq;	/* SEARCH; 0: not said */
	/* ---- by kind */
	union {
		struct imap_result	 cond;
		struct imap_words	 words;
		struct imap_id		 id;
		struct imap_flags	 flags;
		struct imap_list	 list;
		struct imap_namespace	 space;
		struct imap_status	 status;
		struct imap_esearch	 esearch;
		struct imap_fetch	 fetch;
		struct imap_quota	 quota;
		const struct imap_node	*args;	/* IMAP_UNKNOWN: the first argument */
	};
};

/*
 * Where the bytes of literals go that are too large to be held (over IMAP_MEMORY_MAX, or what
 * one reply may have).  Called from within imap_resp_next(), which they must not call.
 */
struct imap_literal {
	uint32_t	number, uid;	/* of the FETCH; uid 0: not yet said (it may follow the bytes) */
	struct view	item;		/* "BODY[]" */
	size_t		nth;		/* among the sections of this reply, 0 first */
	uint64_t	size;
};
struct imap_sink {
	bool	(*begin)(void *arg, const struct imap_literal *l);	/* false: the bytes are dropped */
	void	(*data)(void *arg, struct view bytes);
	void	(*end)(void *arg);	/* all of them came; not called when the session ends before */
	void	*arg;
};

struct imap_resp;
struct imap_resp *imap_resp_new(void);
void imap_resp_free(struct imap_resp **r);
/* sink may be NULL: large literals are dropped; copied. */
void imap_resp_sink(struct imap_resp *r, const struct imap_sink *sink);
/*
 * Takes bytes off the front of *in until a reply is whole.  1: *reply_r, which lives
 * until the next call; what is left in *in belongs to the next ones.  0: *in is used up.
 * -1: the stream cannot be followed any more; the session must end.
 */
int imap_resp_next(struct imap_resp *r, struct view *in, struct imap_reply **reply_r,
	struct err *e) MUST_CHECK;
/* No byte of a next reply has come: what STARTTLS and COMPRESS must ask. */
bool imap_resp_idle(const struct imap_resp *r);
const char *imap_code_name(enum imap_code code);	/* "" for NONE and OTHER */
const char *imap_cond_name(enum imap_cond cond);

#endif
