/*
 * What an IMAP server says that it can do, as a set of bits.  One row a capability:
 * the list is the manual of what the engine may use, and when it must forget it.
 */
#ifndef PROTO_IMAP_CAPS_H
#define PROTO_IMAP_CAPS_H

#include "base/str.h"
#include "proto/sasl.h"

/* CAPF_LOGIN: says something about signing in only; CAPF_REV2: built into IMAP4rev2
 * (RFC 9051, appendix E); CAPF_ENABLE: takes effect by ENABLE (RFC 5161). */
enum { CAPF_LOGIN = 1, CAPF_REV2 = 2, CAPF_ENABLE = 4 };

/* X(symbol, name on the wire, CAPF_*, what it allows) */
#define IMAP_CAPS(X) \
	X(IMAP4REV1,	"IMAP4rev1",	0, "RFC 3501: the protocol") \
	X(IMAP4REV2,	"IMAP4rev2",	CAPF_ENABLE, "RFC 9051: the protocol, with all of CAPF_REV2") \
	X(STARTTLS,	"STARTTLS",	CAPF_LOGIN, "RFC 9051 6.2.1: TLS on the clear port") \
	X(LOGINDISABLED, "LOGINDISABLED", CAPF_LOGIN, "RFC 9051 6.2.3: no LOGIN command") \
	X(SASL_IR,	"SASL-IR",	CAPF_LOGIN | CAPF_REV2, "RFC 4959: a response in AUTHENTICATE") \
	X(LOGIN_REFERRALS, "LOGIN-REFERRALS", CAPF_LOGIN, "RFC 2221: read, not followed") \
	X(ID,		"ID",		0, "RFC 2971: names of client and server") \
	X(ENABLE,	"ENABLE",	CAPF_REV2, "RFC 5161: ENABLE") \
	X(NAMESPACE,	"NAMESPACE",	CAPF_REV2, "RFC 2342: prefix and delimiter of names") \
	X(CHILDREN,	"CHILDREN",	0, "RFC 3348: \\HasChildren in LIST") \
	X(LIST_EXTENDED, "LIST-EXTENDED", CAPF_REV2, "RFC 5258: LIST with selection and RETURN") \
	X(LIST_STATUS,	"LIST-STATUS",	CAPF_REV2, "RFC 5819: LIST RETURN (STATUS (...))") \
	X(LIST_MYRIGHTS, "LIST-MYRIGHTS", 0, "RFC 8440: LIST RETURN (MYRIGHTS)") \
	X(SPECIAL_USE,	"SPECIAL-USE",	0, "RFC 6154: \\Trash and others in LIST") \
	X(CREATE_SPECIAL_USE, "CREATE-SPECIAL-USE", 0, "RFC 6154: CREATE with USE") \
	X(XLIST,	"XLIST",	0, "roles of old servers: XLIST") \
	X(STATUS_SIZE,	"STATUS=SIZE",	CAPF_REV2, "RFC 8438: SIZE in STATUS") \
	X(LITERAL_PLUS,	"LITERAL+",	0, "RFC 7888: {n+} of any size") \
	X(LITERAL_MINUS, "LITERAL-",	CAPF_REV2, "RFC 7888: {n+} up to 4096 bytes") \
	X(BINARY,	"BINARY",	0, "RFC 3516: decoded parts, literals with NUL") \
	X(UTF8_ACCEPT,	"UTF8=ACCEPT",	CAPF_ENABLE, "RFC 9755: UTF-8 in strings and names") \
	X(UTF8_ONLY,	"UTF8=ONLY",	CAPF_ENABLE, "RFC 9755: and nothing else") \
	X(UIDPLUS,	"UIDPLUS",	CAPF_REV2, "RFC 4315: UID EXPUNGE, COPYUID, APPENDUID") \
	X(MOVE,		"MOVE",		CAPF_REV2, "RFC 6851: UID MOVE") \
	X(UNSELECT,	"UNSELECT",	CAPF_REV2, "RFC 3691: leave a mailbox, nothing expunged") \
	X(IDLE,		"IDLE",		CAPF_REV2, "RFC 2177: push") \
	X(NOTIFY,	"NOTIFY",	0, "RFC 5465: push of other mailboxes and of headers") \
	X(CONDSTORE,	"CONDSTORE",	CAPF_ENABLE, "RFC 7162: MODSEQ, CHANGEDSINCE, UNCHANGEDSINCE") \
	X(QRESYNC,	"QRESYNC",	CAPF_ENABLE, "RFC 7162: SELECT with what is known; VANISHED") \
	X(ESEARCH,	"ESEARCH",	CAPF_REV2, "RFC 4731: SEARCH RETURN; answers with a tag") \
	X(SEARCHRES,	"SEARCHRES",	CAPF_REV2, "RFC 5182: $ for the last result") \
	X(WITHIN,	"WITHIN",	0, "RFC 5032: OLDER, YOUNGER") \
	X(SORT,		"SORT",		0, "RFC 5256: SORT") \
	X(SORT_DISPLAY,	"SORT=DISPLAY",	0, "RFC 5957: SORT by shown names") \
	X(ESORT,	"ESORT",	0, "RFC 5267: SORT RETURN") \
	X(CONTEXT_SEARCH, "CONTEXT=SEARCH", 0, "RFC 5267: PARTIAL and updates of SEARCH") \
	X(PARTIAL,	"PARTIAL",	0, "RFC 9394: pages of SEARCH and FETCH") \
	X(MULTISEARCH,	"MULTISEARCH",	0, "RFC 7377: SEARCH in several mailboxes") \
	X(SEARCH_FUZZY,	"SEARCH=FUZZY",	0, "RFC 6203: FUZZY") \
	X(THREAD_REFERENCES, "THREAD=REFERENCES", 0, "RFC 5256: threads") \
	X(OBJECTID,	"OBJECTID",	0, "RFC 8474: EMAILID, MAILBOXID") \
	X(SAVEDATE,	"SAVEDATE",	0, "RFC 8514: when it came into this mailbox") \
	X(PREVIEW,	"PREVIEW",	0, "RFC 8970: the first words of a message") \
	X(COMPRESS_DEFLATE, "COMPRESS=DEFLATE", 0, "RFC 4978: COMPRESS") \
	X(APPENDLIMIT,	"APPENDLIMIT",	0, "RFC 7889: the largest APPEND") \
	X(MULTIAPPEND,	"MULTIAPPEND",	0, "RFC 3502: several messages in one APPEND") \
	X(CATENATE,	"CATENATE",	0, "RFC 4469: APPEND from parts") \
	X(REPLACE,	"REPLACE",	0, "RFC 8508: REPLACE") \
	X(QUOTA,	"QUOTA",	0, "RFC 9208: GETQUOTAROOT") \
	X(ACL,		"ACL",		0, "RFC 4314: MYRIGHTS") \
	X(METADATA,	"METADATA",	0, "RFC 5464: notes at mailboxes") \
	X(METADATA_SERVER, "METADATA-SERVER", 0, "RFC 5464: notes at the account") \
	X(UIDONLY,	"UIDONLY",	CAPF_ENABLE, "RFC 9586: no sequence numbers") \
	X(MESSAGELIMIT,	"MESSAGELIMIT",	0, "RFC 9738: the most messages of one command") \
	X(INPROGRESS,	"INPROGRESS",	0, "RFC 9585: signs of life of long commands") \
	X(UNAUTHENTICATE, "UNAUTHENTICATE", 0, "RFC 8437: sign out, keep the connection") \
	X(X_GM_EXT_1,	"X-GM-EXT-1",	0, "Gmail: labels, X-GM-RAW, X-GM-MSGID")

enum imap_cap {
#define X(sym, name, flags, allows) IMAP_CAP_##sym,
	IMAP_CAPS(X)
#undef X
	IMAP_CAP_END
};

/* Zeroed is valid: nothing is known. */
struct imap_caps {
	uint64_t	bits;
	unsigned	auth;		/* SASL_BIT of each AUTH= that is known */
	bool		fresh;		/* a list was read since the last imap_caps_forget */
	uint64_t	append_max;	/* bytes (APPENDLIMIT=n); 0: none is said */
	uint64_t	message_max;	/* messages (MESSAGELIMIT=n); 0: none is said */
	bool		after_literal;	/* inner: the last word was "LITERAL" */
};

/*
 * A list replaces what was known before (RFC 9051, 7.2.2): begin, then its words one
 * by one; or all of it as text, from behind "CAPABILITY " to "]" or the end of the line.
 * Unknown words are skipped, blanks may be many, case does not matter.
 */
void imap_caps_begin(struct imap_caps *c);
void imap_caps_word(struct imap_caps *c, struct view word);
void imap_caps_parse(struct imap_caps *c, struct view list);

static inline bool imap_caps_has(const struct imap_caps *c, enum imap_cap cap)
{ return (c->bits >> cap & 1) != 0; }

/*
 * IMAP_FORGET_TLS: all of it, for it was said in clear (RFC 9051, 6.2.1).
 * IMAP_FORGET_LOGIN: what is about signing in; the rest stays as a guess (not fresh),
 * since servers say more after the login than before and not less.
 */
enum imap_forget { IMAP_FORGET_TLS, IMAP_FORGET_LOGIN };
void imap_caps_forget(struct imap_caps *c, enum imap_forget when);

const char *imap_cap_name(enum imap_cap cap);		/* as on the wire */
const char *imap_cap_allows(enum imap_cap cap);		/* for people */
unsigned imap_cap_flags(enum imap_cap cap);		/* CAPF_* */
/* The names of the set, in the order of the table, with a blank between. */
void imap_caps_print(struct str *out, const struct imap_caps *c);

#endif
