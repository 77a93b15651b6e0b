/*
 * tls: client contexts, tickets and connections over libssl.
 *
 * SSL_set_fd and SSL_MODE_RELEASE_BUFFERS: an idle connection holds 17 kB, a quarter
 * of what memory BIOs cost.  Writes may be partial and their buffer may move.
 *
 * Tickets: up to 4 a host and port, 256 hosts, the host used last stays.  A ticket of
 * TLS 1.3 is used once (RFC 8446, C.4), a session of TLS 1.2 until a handshake that
 * offered it fails.  They are the context's, so a ticket never crosses to another set of
 * CAs or pins: a resumed session is one whose certificate was verified by the same rules.
 *
 * No renegotiation, no compression, no early data.  An end without close_notify is
 * told apart and left to the caller: mail protocols say for themselves when they end.
 */
#include "net/tls_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/mem.h"

#define TLS_MAGIC	0x746c7363u
#define CONN_MAGIC	0x746c736eu
#define TICKETS_MAX	4
#define HOSTS_MAX	256

struct tls_host {
	struct link	 link;
	uint16_t	 port;
	size_t		 n;
	SSL_SESSION	*tickets[TICKETS_MAX];	/* the newest last */
	char		 name[HOST_MAX + 1];
};

/* ---- tickets */

static void
host_free(struct tls *t, struct tls_host *h)
{
	for (size_t i = 0; i < h->n; i++)
		SSL_SESSION_free(h->tickets[i]);
	list_remove(&h->link);
	t->hosts_n--;
	free(h);
}

static struct tls_host *
host_find(struct tls *t, const struct tls_conn *c)
{
	LIST_EACH(&t->hosts, it) {
		struct tls_host *h = LIST_ITEM(it, struct tls_host, link);

		if (h->port == c->peer.port && view_ieq(view_of(h->name), view_of(c->name))) {
			list_remove(&h->link);
			list_prepend(&t->hosts, &h->link);
			return h;
		}
	}
	return NULL;
}

static struct tls_host *
host_new(struct tls *t, const struct tls_conn *c)
{
	struct tls_host *h = xcalloc(1, sizeof(*h));

	if (t->hosts_n == HOSTS_MAX)
		host_free(t, LIST_ITEM(t->hosts.prev, struct tls_host, link));
	h->port = c->peer.port;
	memcpy(h->name, c->name, sizeof(h->name));
	list_prepend(&t->hosts, &h->link);
	t->hosts_n++;
	return h;
}

/*
 * libssl has a new session.  It spoils its own when a connection ends without a goodbye,
 * as half of all mail servers do, so a copy is kept.
 */
static int
on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct tls_conn *c = SSL_get_app_data(ssl);
	struct tls_host *h;

	if (!SSL_SESSION_is_resumable(session) || (session = SSL_SESSION_dup(session)) == NULL)
		return 0;
	if ((h = host_find(c->t, c)) == NULL)
		h = host_new(c->t, c);
	if (h->n == TICKETS_MAX) {
		SSL_SESSION_free(h->tickets[0]);
		memmove(h->tickets, h->tickets + 1, sizeof(h->tickets) - sizeof(h->tickets[0]));
		h->n--;
	}
	h->tickets[h->n++] = session;
	return 0;			/* libssl keeps its reference */
}

static void
offer_ticket(struct tls_conn *c)
{
	struct tls_host *h = host_find(c->t, c);
	SSL_SESSION *s;

	if (h == NULL || h->n == 0)
		return;
	s = h->tickets[h->n - 1];
	if (SSL_SESSION_get_protocol_version(s) >= TLS1_3_VERSION)
		h->n--;
	else
		s = SSL_SESSION_dup(s);
	c->offered = s != NULL && SSL_set_session(c->ssl, s) == 1;
	SSL_SESSION_free(s);
}

/* A server that chokes on what it gave out gets a fresh handshake next time. */
static void
forget_tickets(struct tls_conn *c)
{
	struct tls_host *h = host_find(c->t, c);

	if (h != NULL)
		host_free(c->t, h);
}

/* ---- errors */

struct reason {
	int		 code;
	bool		 temporary;
	const char	*text;
};

static const struct reason reasons[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, false,
	    "the server does not speak TLS here; is this the port of STARTTLS?" },
	{ SSL_R_HTTP_REQUEST, false, "the server does not speak TLS here" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, false, "the server has no TLS 1.2 or newer" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, false, "the server has no TLS 1.2 or newer" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, false,
	    "the server refuses the TLS handshake: nothing both sides accept" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, false, "the server does not know this host name" },
	{ SSL_R_DH_KEY_TOO_SMALL, false, "the server's key exchange is too weak (DH)" },
	{ SSL_R_TLSV1_ALERT_INTERNAL_ERROR, true, "the server reports an internal error" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, false,
	    "the server wants a certificate of the client" },
};

static enum tls_step
fail_ssl(struct tls_conn *c, const char *doing, struct err *e)
{
	unsigned long code = ERR_peek_error();
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (ERR_GET_LIB(code) != ERR_LIB_SSL ||
		    reasons[i].code != ERR_GET_REASON(code))
			continue;
		peer_fail(e, c->peer, ERR_TLS, reasons[i].temporary, "%s", reasons[i].text);
		return TLS_FAILED;
	}
	why = ERR_reason_error_string(code);
	peer_fail(e, c->peer, ERR_TLS, false, "%s: %s", doing,
	    why != NULL ? why : "an error without a name");
	return TLS_FAILED;
}

/* What came of a call that returned rc <= 0.  errnum: errno as it left it. */
static enum tls_step
step_of(struct tls_conn *c, int rc, int errnum, const char *doing, struct err *e)
{
	int kind = SSL_get_error(c->ssl, rc);

	switch (kind) {
	case SSL_ERROR_WANT_READ:
		return TLS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		break;
	}
	c->dead = true;
	if (err_is(&c->refused)) {
		if (e != NULL && !err_is(e))
			*e = c->refused;
		return TLS_FAILED;
	}
	if (kind == SSL_ERROR_SSL &&
	    ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return TLS_CUT;
	if (kind == SSL_ERROR_SYSCALL && errnum == 0)
		return TLS_CUT;
	if (kind == SSL_ERROR_SYSCALL) {
		peer_err(e, c->peer, errnum);
		return TLS_FAILED;
	}
	return fail_ssl(c, doing, e);
}

/* ---- steps */

enum tls_step
tls_conn_handshake(struct tls_conn *c, struct err *e)
{
	enum tls_step step;
	int rc;

	CHECK(c, CONN_MAGIC);
	ERR_clear_error();
	errno = 0;
	rc = SSL_connect(c->ssl);
	if (rc == 1) {
		c->open = true;
		return TLS_OK;
	}
	step = step_of(c, rc, errno, "the TLS handshake failed", e);
	if (step == TLS_READ || step == TLS_WRITE)
		return step;
	if (c->offered)
		forget_tickets(c);
	if (step != TLS_FAILED)
		peer_fail(e, c->peer, ERR_NET, true,
		    "the server closed the connection in the TLS handshake");
	ERR_clear_error();
	return TLS_FAILED;
}

enum tls_step
tls_conn_read(struct tls_conn *c, void *p, size_t n, size_t *n_r, struct err *e)
{
	enum tls_step step;
	int rc;

	CHECK(c, CONN_MAGIC);
	ERR_clear_error();
	errno = 0;
	*n_r = 0;
	rc = SSL_read_ex(c->ssl, p, n, n_r);
	if (rc == 1)
		return TLS_OK;
	step = step_of(c, rc, errno, "the server's TLS is broken", e);
	ERR_clear_error();
	/*
	 * Idle from here on.  A ticket makes libssl allocate a write buffer (16 kB), which
	 * SSL_MODE_RELEASE_BUFFERS gives back behind a write only.  One in use is left.
	 */
	if (step == TLS_READ)
		SSL_free_buffers(c->ssl);
	return step;
}

enum tls_step
tls_conn_write(struct tls_conn *c, const void *p, size_t n, size_t *n_r, struct err *e)
{
	enum tls_step step;
	int rc;

	CHECK(c, CONN_MAGIC);
	ERR_clear_error();
	errno = 0;
	*n_r = 0;
	rc = SSL_write_ex(c->ssl, p, n, n_r);
	if (rc == 1)
		return TLS_OK;
	step = step_of(c, rc, errno, "the server's TLS is broken", e);
	ERR_clear_error();
	return step;
}

enum tls_step
tls_conn_goodbye(struct tls_conn *c, struct err *e)
{
	enum tls_step step;
	int rc;

	CHECK(c, CONN_MAGIC);
	if (!c->open || c->dead)
		return TLS_OK;
	ERR_clear_error();
	errno = 0;
	/* 0: ours is sent, the peer's has not come; that is all this asks for. */
	rc = SSL_shutdown(c->ssl);
	if (rc >= 0)
		return TLS_OK;
	step = step_of(c, rc, errno, "TLS cannot be ended", e);
	ERR_clear_error();
	return step;
}

void
tls_conn_facts(const struct tls_conn *c, struct tls_facts *out)
{
	CHECK(c, CONN_MAGIC);
	out->version = SSL_get_version(c->ssl);
	out->cipher = SSL_get_cipher_name(c->ssl);
	out->resumed = SSL_session_reused(c->ssl) == 1;
}

/* ---- life */

struct tls_conn *
tls_conn_new(struct tls *t, int fd, struct peer peer, struct err *e)
{
	struct tls_conn *c = xcalloc(1, sizeof(*c));

	CHECK(t, TLS_MAGIC);
	c->magic = CONN_MAGIC;
	c->t = t;
	snprintf(c->name, sizeof(c->name), "%s", peer.host);
	c->peer = (struct peer){ c->name, peer.port };
	ERR_clear_error();
	c->ssl = SSL_new(t->ctx);
	if (c->ssl == NULL || SSL_set_app_data(c->ssl, c) != 1 || SSL_set_fd(c->ssl, fd) != 1 ||
	    tls_verify_begin(c) != 0) {
		peer_fail(e, c->peer, ERR_TLS, false, "no TLS connection can be made");
		tls_conn_free(&c);
		return NULL;
	}
	offer_ticket(c);
	return c;
}

void
tls_conn_free(struct tls_conn **cp)
{
	struct tls_conn *c = *cp;

	if (c == NULL)
		return;
	CHECK(c, CONN_MAGIC);
	*cp = NULL;
	SSL_free(c->ssl);
	c->magic = 0;
	free(c);
}

struct tls *
tls_new(const struct tls_params *p, struct err *e)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	t->magic = TLS_MAGIC;
	list_init(&t->hosts);
	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL || SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
		err_set(e, ERR_SYSTEM, SCOPE_ACCOUNT, "libssl cannot be set up");
		tls_free(&t);
		return NULL;
	}
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(t->ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, on_ticket);
	if (tls_verify_setup(t, p, e) != 0)
		tls_free(&t);
	ERR_clear_error();
	return t;
}

void
tls_free(struct tls **tp)
{
	struct tls *t = *tp;

	if (t == NULL)
		return;
	CHECK(t, TLS_MAGIC);
	*tp = NULL;
	while (!list_empty(&t->hosts))
		host_free(t, LIST_ITEM(t->hosts.next, struct tls_host, link));
	SSL_CTX_free(t->ctx);
	t->magic = 0;
	free(t);
}
