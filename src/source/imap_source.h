/*
 * IMAP as a source (source.h): an account's connections, what is watched, and requests as
 * commands.  The source exists as soon as its options make sense; it connects at first
 * use, and again by itself whenever it lost a connection.
 */
#ifndef SOURCE_IMAP_SOURCE_H
#define SOURCE_IMAP_SOURCE_H

#include "proto/sasl.h"
#include "source/credential.h"
#include "source/session.h"
#include "source/source.h"

#define IMAP_CONNECTIONS_DEFAULT	3u
#define IMAP_CONNECTIONS_MAX		50u

struct imap_source_conf {			/* strings are copied */
	const char		*name;		/* of the account */
	const char		*host;
	uint16_t		 port;
	const char		*user;		/* who signs in */
	const char		*authzid;	/* act as, or NULL */
	struct credential	*password, *token;	/* references are taken; one of them */
	enum session_tls	 security;
	bool			 insecure_plaintext;
	struct tls		*tls;		/* borrowed, as dns is; NULL when PLAIN */
	struct dns		*dns;
	int64_t			 timeout_ms;	/* 0: 60 s */
	unsigned		 max_connections;	/* 0: IMAP_CONNECTIONS_DEFAULT */
	bool			 read_only;	/* EXAMINE, and changing requests are refused */
	bool			 subscribe;	/* mailboxes that are made are subscribed to as well */
	bool			 once;		/* used for moments: no word of trying again, nor of watching */
	bool			 quiet;		/* what becomes of connections is for --verbose only */
	int64_t			 poll_ms;	/* of what has no connection of its own; 0: 60 s */
	const struct session_maker *maker;	/* NULL: session_over_stream */
};

/* -1... NULL: ERR_USAGE when an option is wrong (names it). */
struct source *imap_source_open(struct loop *l, struct log *log, const struct imap_source_conf *conf,
	struct err *e) MUST_CHECK;

#endif
