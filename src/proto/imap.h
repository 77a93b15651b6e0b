/*
 * The IMAP engine: one session's talk with a server (RFC 9051, RFC 3501), without I/O.
 * It greets, goes to TLS where STARTTLS is demanded, signs in, learns what the server can
 * do, then sends commands and tells what came back.  Bytes go in and out by
 * struct engine_ops (imap_engine_ops); who owns the engine speaks to it by what stands here.
 *
 * Commands wait in one queue and go in its order.  As many as may overlap go in one
 * flight (imap_flight.c has the table); what is submitted in one turn of the loop leaves in
 * one write.  While nothing is to be sent and idling is wanted, the engine idles: IDLE
 * stands last in the flight, DONE first in the next one.
 *
 * Sequence numbers stay here: a script and a source know UIDs only.
 */
#ifndef PROTO_IMAP_H
#define PROTO_IMAP_H

#include "mail/flags.h"
#include "proto/engine_ops.h"
#include "proto/imap_caps.h"
#include "proto/imap_cmd.h"
#include "proto/imap_log.h"
#include "proto/imap_name.h"
#include "proto/imap_resp.h"
#include "proto/sasl.h"

#define IMAP_REPLY_MS	60000		/* default: most between two bytes while an answer is due */
#define IMAP_PROBE_MS	30000		/* ... of imap_probe() */
#define IMAP_IDLE_MS	(9 * 60000)	/* default: IDLE is renewed so often */
#define IMAP_POLL_MS	60000		/* default: NOOP where there is no IDLE */
#define IMAP_WINDOW	25u		/* commands under way */
#define IMAP_WINDOW_BYTES ((size_t)32 << 10)	/* ... and their bytes, literals of APPEND apart */

/* Callbacks come from inside the calls of engine_ops; they may send commands, not free. */
struct imap_events {
	/* Signed in; capabilities, namespaces and the server's name are known. */
	void	(*ready)(void *arg);
	/*
	 * What belongs to no command: EXISTS, EXPUNGE, VANISHED, FETCH of what nobody asked
	 * for, FLAGS, conditions ("Still here").  imap_selected() knows it already.  [ALERT] always,
	 * also before ready().
	 */
	void	(*event)(void *arg, struct imap_reply *r);
};

struct imap_conf {
	const char		*host;		/* as connected to; copied, as all strings here */
	uint16_t		 port;
	bool			 starttls;	/* TLS by STARTTLS, or the session ends */
	bool			 insecure_plaintext;	/* may sign in without TLS on other hosts */
	const char		*user;		/* who signs in */
	const char		*authzid;	/* act as; NULL: as user */
	const struct secret	*password, *token;	/* either may be NULL; copied, wiped when signed in */
	enum sasl_mech		 mech;		/* SASL_NONE: the strongest that is offered */
	unsigned char		 random[IMAP_TAG_LETTERS];
	size_t			 line_max;	/* 0: IMAP_LINE_DEFAULT */
	int64_t			 reply_ms, idle_ms, poll_ms;	/* 0: the defaults above */
	const char		*version;	/* for ID; NULL: none is sent */
	struct imap_sink	 sink;		/* large literals; zeroed: dropped */
	imap_log_fn		 wire;		/* NULL: no wire log */
	struct imap_events	 events;
	void			*arg;		/* of wire and events */
};

struct imap;
extern const struct engine_ops imap_engine_ops;

struct imap *imap_new(const struct imap_conf *conf);
void imap_free(struct imap **m);	/* commands that have no answer are answered first (ERR_CANCELED) */
/*
 * The peer is connected, before any byte: loopback allows a sign-in in clear.  Under
 * implicit TLS on_tls of engine_ops has come before.
 */
void imap_connected(struct imap *m, bool loopback);

bool imap_is_ready(const struct imap *m);
/* Why feed() or tick() gave up or the server said BYE; and a pause that the server asked for. */
int64_t imap_backoff_ms(const struct imap *m);	/* 0: none */
const char *imap_bye(const struct imap *m);	/* the last BYE's text, cleaned; "" */

/* ---- what is known of the server */
const struct imap_caps *imap_capabilities(const struct imap *m);
static inline bool imap_can(const struct imap *m, enum imap_cap cap)
{ return imap_caps_has(imap_capabilities(m), cap); }
bool imap_is_enabled(const struct imap *m, enum imap_cap cap);	/* CONDSTORE, QRESYNC after ENABLE */
/* It has taken a message in this session: it is there.  As the server spells it. */
bool imap_is_target(const struct imap *m, struct view mailbox);
const struct imap_places *imap_namespaces(const struct imap *m);	/* for imap_name_encode/decode */
const char *imap_server(const struct imap *m);	/* "Dovecot" or "name version" by ID; "" */
const char *imap_tls_version(const struct imap *m);	/* "TLSv1.3"; "": no TLS */
const struct imap_syntax *imap_syntax(const struct imap *m);

/* ---- the selected mailbox; NULL: none */
struct imap_selected {
	const char	*name;		/* as the server spells it */
	bool		 read_only;	/* EXAMINEd, or the server says so */
	uint32_t	 exists;
	uint32_t	 uidvalidity;	/* 0: the server did not say */
	uint32_t	 uidnext;	/* as of SELECT, moved on by what FETCH showed; 0: not known */
	uint64_t	 highestmodseq;	/* 0: none kept */
	bool		 flags_known;	/* PERMANENTFLAGS came */
	bool		 flags_any;	/* "\*": new keywords can be made */
	struct flags	 flags;		/* those that can be kept */
};
const struct imap_selected *imap_selected(const struct imap *m);

/* ---- commands */

/* X(symbol, words on the wire, IMAPV_* of imap_flight.c) */
#define IMAP_VERBS(X) \
	X(CAPABILITY,	"CAPABILITY",	IMAPV_ALONE | IMAPV_BARE) \
	X(STARTTLS,	"STARTTLS",	IMAPV_BARRIER | IMAPV_BARE) \
	X(AUTHENTICATE,	"AUTHENTICATE",	IMAPV_BARRIER) \
	X(LOGIN,	"LOGIN",	IMAPV_BARRIER) \
	X(LOGOUT,	"LOGOUT",	IMAPV_BARRIER | IMAPV_BARE) \
	X(ID,		"ID",		0) \
	X(ENABLE,	"ENABLE",	0) \
	X(NAMESPACE,	"NAMESPACE",	IMAPV_ALONE | IMAPV_BARE) \
	X(NOOP,		"NOOP",		IMAPV_BARE) \
	X(IDLE,		"IDLE",		IMAPV_BARRIER | IMAPV_BARE) \
	X(LIST,		"LIST",		IMAPV_LIST) \
	X(XLIST,	"XLIST",	IMAPV_LIST) \
	X(STATUS,	"STATUS",	IMAPV_STATUS) \
	X(CREATE,	"CREATE",	IMAPV_NAMES) \
	X(DELETE,	"DELETE",	IMAPV_NAMES) \
	X(RENAME,	"RENAME",	IMAPV_NAMES) \
	X(SUBSCRIBE,	"SUBSCRIBE",	IMAPV_NAMES) \
	X(GETQUOTAROOT,	"GETQUOTAROOT",	IMAPV_ALONE) \
	X(APPEND,	"APPEND",	IMAPV_TARGET) \
	X(SELECT,	"SELECT",	IMAPV_SELECT) \
	X(EXAMINE,	"EXAMINE",	IMAPV_SELECT) \
	X(UNSELECT,	"UNSELECT",	IMAPV_SELECT | IMAPV_BARE) \
	X(CLOSE,	"CLOSE",	IMAPV_SELECT | IMAPV_BARE) \
	X(UID_FETCH,	"UID FETCH",	IMAPV_READS) \
	X(UID_SEARCH,	"UID SEARCH",	IMAPV_READS | IMAPV_SEARCH) \
	X(UID_STORE,	"UID STORE",	IMAPV_CHANGES) \
	X(UID_COPY,	"UID COPY",	IMAPV_CHANGES | IMAPV_TARGET) \
	X(UID_MOVE,	"UID MOVE",	IMAPV_CHANGES | IMAPV_TARGET) \
	X(UID_EXPUNGE,	"UID EXPUNGE",	IMAPV_CHANGES)

enum imap_verb {
#define X(sym, words, flags) IMAP_DO_##sym,
	IMAP_VERBS(X)
#undef X
	IMAP_VERB_END
};
const char *imap_verb_words(enum imap_verb v);

/*
 * One command: imap_op_new() writes the verb's words and a blank, the owner the rest
 * through imap_op_cmd() and the calls below, imap_op_send() queues it.  SELECT, EXAMINE,
 * UNSELECT and CLOSE change imap_selected() when their answer comes.
 */
struct imap_op;
struct imap_op *imap_op_new(struct imap *m, enum imap_verb v);
void imap_op_drop(struct imap_op **op);			/* instead of sending it */
struct imap_cmd *imap_op_cmd(struct imap_op *op);
/*
 * The UIDs it is about: as many from *it on as the line takes with `reserve` bytes left for
 * what follows.  By them FETCH replies and COPYUID find their command.  Returns how many
 * numbers; 0: there was none left.  The piece that went: imap_op_set().
 */
uint64_t imap_op_uids(struct imap_op *op, struct seqset *s, struct seq_iter *it, size_t reserve);
void imap_op_uids_from(struct imap_op *op, uint32_t first);	/* "first:*"; lower ones that come are dropped */
struct seqset *imap_op_set(struct imap_op *op);
/* The mailbox it is about, as the server spells it: STATUS, SELECT, targets. */
void imap_op_mailbox(struct imap_op *op, struct view name);
/* All of APPEND. */
void imap_op_append(struct imap_op *op, const struct imap_append *a);

struct imap_answer {
	const struct imap_result *result;	/* the tagged reply; NULL: none came */
	bool		 sent;			/* its last byte had gone: it may have taken effect */
	struct err	 err;			/* without result: why; NO and BAD: see imap_fault() */
};
/*
 * reply: what belongs to this command: FETCH of its UIDs, (E)SEARCH, STATUS, LIST, QUOTA,
 * "* OK [COPYUID ...]", and all that comes while a SELECT is under way; may be NULL.
 * What one reply() may keep is said in imap_resp.h.  A FETCH goes to each command in flight
 * that named its UID; flags that STORE brings as well.  One that is IMAP_BROKEN or has
 * bytes of a message, and no UID that could be read, goes to each UID FETCH and STORE in flight;
 * an IMAP_BROKEN (E)SEARCH or LIST to each SEARCH or LIST.
 * done: once, from inside a call of engine_ops (or imap_free); res lives until it returns.
 * -1 never comes from here: a command that could not be encoded is answered like any other.
 */
typedef void (*imap_reply_fn)(void *arg, struct imap_reply *r);
typedef void (*imap_done_fn)(void *arg, const struct imap_answer *a);
void imap_op_send(struct imap_op *op, imap_reply_fn reply, imap_done_fn done, void *arg);

/* ---- idling */
void imap_idle(struct imap *m, bool wanted);	/* while a mailbox is selected and nothing else to do */
bool imap_can_idle(const struct imap *m);	/* else NOOP every poll_ms */
/* Is the other end alive?  DONE or NOOP; no answer in IMAP_PROBE_MS ends the session. */
void imap_probe(struct imap *m);
void imap_logout(struct imap *m);		/* after what is queued; then ENGINE_CLOSE */

#endif
