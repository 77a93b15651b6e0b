/*
 * TLS for clients over a connected socket: a context (whom to trust, tickets of
 * earlier sessions) and connections.  Nothing here waits or knows the loop:
 * each step says what the descriptor has to be ready for.
 *
 * Always: TLS 1.2 or newer, the name of the host sent (SNI), no renegotiation, the
 * certificate verified.  One of two ways to verify:
 *   chain and name: a chain to a CA that is trusted, valid today, made out to the host;
 *   fingerprint:    the certificate is the one that was pinned.  Dates, names and CAs do
 *                   not count then: a pin says more than all of them.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/str.h"
#include "net/peer.h"

struct tls;
struct tls_conn;

struct tls_params {
	const char	*ca_file;	/* PEM: these CAs and no others; NULL: the system's */
	/*
	 * Pins: "sha256:" (or nothing) and 64 hex digits, colons between them allowed, of
	 * the whole certificate.  NULL-terminated: any of them will do; NULL: none.
	 */
	const char *const *fingerprints;
};

/*
 * Errors: ERR_USAGE (a fingerprint that is none, a file without a certificate, pins and
 * ca_file together), ERR_SYSTEM (the file cannot be read); scope ACCOUNT.
 */
struct tls *tls_new(const struct tls_params *p, struct err *e) MUST_CHECK;
void tls_free(struct tls **t);		/* after its connections */

/*
 * What a step came to.  READ and WRITE: nothing was done, call again, with the same
 * arguments (a write may bring more bytes, moved), when the descriptor is ready for that.
 */
enum tls_step {
	TLS_OK,
	TLS_READ,
	TLS_WRITE,
	TLS_END,	/* the peer said goodbye (close_notify): the stream is whole */
	TLS_CUT,	/* the connection ended without one: something may be missing */
	TLS_FAILED	/* e is set; only free the connection */
};

/*
 * A connection over fd, which stays the caller's.  Offers a ticket of an earlier session
 * with the same host and port when there is one.  peer is copied.
 */
struct tls_conn *tls_conn_new(struct tls *t, int fd, struct peer peer, struct err *e) MUST_CHECK;
void tls_conn_free(struct tls_conn **c);	/* says nothing to the peer */

/*
 * Steps.  Errors name host and port, scope SESSION: ERR_TLS, not temporary, when the
 * server or its certificate has to change (the text says what is wrong with it, and
 * what to pin); ERR_NET, temporary, when the connection broke.
 */
enum tls_step tls_conn_handshake(struct tls_conn *c, struct err *e);
/*
 * OK: *n_r > 0 bytes, of one record.  With n under 16 KiB the rest of it stays inside, where
 * the descriptor does not show it: read on until READ.
 */
enum tls_step tls_conn_read(struct tls_conn *c, void *p, size_t n, size_t *n_r, struct err *e);
/* OK: *n_r > 0 bytes went, perhaps fewer than n. */
enum tls_step tls_conn_write(struct tls_conn *c, const void *p, size_t n, size_t *n_r,
	struct err *e);
/* Says goodbye (close_notify); the peer's bytes can still be read after. */
enum tls_step tls_conn_goodbye(struct tls_conn *c, struct err *e);

struct tls_facts {
	const char	*version;	/* "TLSv1.3" */
	const char	*cipher;
	bool		 resumed;	/* by a ticket: no certificate was sent */
};
/* After the handshake; the texts live as long as the connection. */
void tls_conn_facts(const struct tls_conn *c, struct tls_facts *out);

#endif
