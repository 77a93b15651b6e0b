/*
 * SASL (RFC 4422) for IMAP, POP3 and SMTP: which mechanism, and what it says.  Pure:
 * credentials, facts of TLS and random bytes come from the caller.  The framing of the
 * three protocols (AUTHENTICATE or AUTH, "+" or 334, "*" to give up) is their own; the
 * base64 between is the same and is done here.
 *
 *	sasl_choose() -> sasl_new() -> sasl_step(NULL) -> sasl_step(challenge) ... ->
 *	the server's OK: sasl_accepted(); its NO: sasl_refusal()
 */
#ifndef PROTO_SASL_H
#define PROTO_SASL_H

#include "base/err.h"
#include "base/secret.h"

/*
 * X(symbol, name, strength, what it needs).  By falling preference (CRAM-MD5 is last: it
 * is used by name only); strength compares
 * what an eavesdropper or a false server gains: only a fall of it is a downgrade.
 * COMMAND is no mechanism but the protocol's own command (IMAP LOGIN, POP3 USER and
 * PASS), so that one rule chooses among all; its name has a blank, as no server's word.
 */
#define SASL_MECHS(X) \
	X(EXTERNAL,		"EXTERNAL",		6, SASL_HAVE_CERT) \
	X(SCRAM_SHA_256_PLUS,	"SCRAM-SHA-256-PLUS",	5, SASL_HAVE_PASSWORD) \
	X(SCRAM_SHA_256,	"SCRAM-SHA-256",	4, SASL_HAVE_PASSWORD) \
	X(SCRAM_SHA_1_PLUS,	"SCRAM-SHA-1-PLUS",	4, SASL_HAVE_PASSWORD) \
	X(SCRAM_SHA_1,		"SCRAM-SHA-1",		3, SASL_HAVE_PASSWORD) \
	X(OAUTHBEARER,		"OAUTHBEARER",		2, SASL_HAVE_TOKEN) \
	X(XOAUTH2,		"XOAUTH2",		2, SASL_HAVE_TOKEN) \
	X(PLAIN,		"PLAIN",		1, SASL_HAVE_PASSWORD) \
	X(LOGIN,		"LOGIN",		1, SASL_HAVE_PASSWORD) \
	X(COMMAND,		"password command",	1, SASL_HAVE_PASSWORD) \
	X(CRAM_MD5,		"CRAM-MD5",		2, SASL_HAVE_PASSWORD)

enum sasl_mech {
	SASL_NONE,
#define X(sym, name, strength, need) SASL_##sym,
	SASL_MECHS(X)
#undef X
	SASL_MECH_END
};
#define SASL_BIT(mech)	(1u << (mech))

enum { SASL_HAVE_PASSWORD = 1, SASL_HAVE_TOKEN = 2, SASL_HAVE_CERT = 4 };

/* ASCII case-insensitive; SASL_NONE for a name that is not known. */
enum sasl_mech sasl_mech_of(struct view name);
const char *sasl_mech_name(enum sasl_mech mech);	/* "PLAIN"; "none" */
bool sasl_mech_can(enum sasl_mech mech);		/* sasl_new() knows its steps */

/* The facts of the connection, as the session found them. */
struct sasl_tls {
	bool		verified;	/* encrypted, and the peer proven by chain and name or by a pin */
	bool		loopback;	/* the peer is this machine */
	struct view	binding;	/* channel-binding bytes; empty: none */
	const char	*binding_type;	/* "tls-exporter", "tls-unique", or NULL */
};

struct sasl_policy {
	unsigned	offered;	/* SASL_BIT of what the server lists; and COMMAND if allowed */
	unsigned	have;		/* SASL_HAVE_*: CERT only where the account means to use one */
	enum sasl_mech	named;		/* by the account; SASL_NONE: the strongest */
	unsigned	failed;		/* SASL_BIT of what was refused as a mechanism */
	bool		insecure_plaintext;	/* the account allows a connection in clear */
	struct sasl_tls	tls;
};

/*
 * ERR_TLS: nothing is sent over a connection that is neither verified nor loopback,
 * unless the account says so; also no digest, since the mail would follow in clear.
 * Named: that one if offered, else one at least as strong, never a weaker one.
 * CRAM-MD5 only by name.  ERR_AUTH (scope ACCOUNT) says what was offered and what is
 * missing.  Never tries "failed" again.
 */
int sasl_choose(const struct sasl_policy *p, enum sasl_mech *mech_r, struct err *e) MUST_CHECK;

struct sasl_params {
	enum sasl_mech		 mech;
	struct view		 user;		/* who signs in (authcid) */
	struct view		 authzid;	/* act as; empty: as user */
	const struct secret	*password;
	const struct secret	*token;
	struct view		 host;		/* as connected to: OAUTHBEARER */
	uint16_t		 port;
	struct view		 nonce;		/* random bytes of the caller, for mechanisms with one */
	struct sasl_tls		 tls;
	bool			 initial;	/* the protocol can carry an initial response (SASL-IR) */
};

/* All that params points at is borrowed until sasl_free. */
struct sasl;
/* NULL and ERR_USAGE: the credentials do not fit the mechanism (a NUL, none at all). */
struct sasl *sasl_new(const struct sasl_params *params, struct err *e) MUST_CHECK;
void sasl_free(struct sasl **s);

/*
 * The one step.  challenge NULL, first of all: is there an initial response?  1: it is
 * in out ("=" when it is empty), 0: the server begins.  Then each challenge as base64
 * (what stands behind "+ " or "334 "): 1 and the answer in out, to be sent as a line
 * even when empty; -1: give up by sending "*", e tells why.  out is replaced, and is
 * base64 in all cases.
 */
int sasl_step(struct sasl *s, const struct view *challenge, struct secret *out, struct err *e)
	MUST_CHECK;

/*
 * The server said OK.  -1 and ERR_AUTH unless the mechanism has come to its end: all
 * credentials sent, and for those that prove the server, the server proven.
 */
int sasl_accepted(const struct sasl *s, struct err *e) MUST_CHECK;

/* What the error challenge of XOAUTH2 or OAUTHBEARER said before the NO. */
enum sasl_refusal {
	SASL_REFUSED,		/* nothing in particular: user, password, mechanism */
	SASL_REFUSED_EXPIRED,	/* 401, invalid_token: refresh once, try once */
	SASL_REFUSED_SCOPE,	/* 400, 403, insufficient_scope: a new token would be no better */
};
enum sasl_refusal sasl_refusal(const struct sasl *s);
/* The status as sent, of 31 bytes the printable ones; "" when there was none. */
const char *sasl_status(const struct sasl *s);

#endif
