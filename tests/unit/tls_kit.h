/*
 * For tests of TLS: a CA and certificates made on the spot, and a server on a thread that
 * accepts one connection after the other on loopback and does what the test says.
 */
#ifndef TLS_KIT_H
#define TLS_KIT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/crypto.h"
#include "unit.h"

#define DAY	((long)24 * 3600)

struct kit_cert {
	EVP_PKEY	*key;
	X509		*cert;
};

static inline void
kit_die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	ERR_print_errors_fp(stderr);
	exit(2);
}

static inline void
kit_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	if ((ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) == NULL)
		kit_die(value);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
}

/* san: NULL or "DNS:a,IP:b"; ca: may sign; by: who signs, NULL: itself; days from today. */
static inline struct kit_cert
kit_cert(const char *cn, const char *san, bool ca, const struct kit_cert *by, long from, long to)
{
	struct kit_cert c = { EVP_EC_gen("P-256"), X509_new() };
	const struct kit_cert *signer = by != NULL ? by : &c;
	unsigned char serial[8];
	BIGNUM *bn;

	random_bytes(serial, sizeof(serial));
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c.cert));
	BN_free(bn);
	X509_set_version(c.cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(c.cert), from * DAY);
	X509_gmtime_adj(X509_getm_notAfter(c.cert), to * DAY);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c.cert), "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(c.cert, X509_get_subject_name(signer->cert));
	X509_set_pubkey(c.cert, c.key);
	kit_ext(c.cert, signer->cert, NID_basic_constraints,
	    ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	kit_ext(c.cert, signer->cert, NID_subject_key_identifier, "hash");
	if (san != NULL)
		kit_ext(c.cert, signer->cert, NID_subject_alt_name, san);
	if (X509_sign(c.cert, signer->key, EVP_sha256()) == 0)
		kit_die("no signature");
	return c;
}

static inline void
kit_cert_free(struct kit_cert *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->cert);
	*c = (struct kit_cert){ 0 };
}

/* Into a file in the test's folder; path has 300 places. */
static inline const char *
kit_pem(const struct kit_cert *c, const char *name, char *path)
{
	FILE *f;

	snprintf(path, 300, "%s/%s.pem", unit_tmp(), name);
	if ((f = fopen(path, "w")) == NULL || PEM_write_X509(f, c->cert) != 1)
		kit_die(path);
	fclose(f);
	return path;
}

/* "sha256:..."; out has 80 places. */
static inline const char *
kit_fingerprint(const struct kit_cert *c, char *out)
{
	unsigned char digest[SHA256_SIZE];
	unsigned int n = 0;

	X509_digest(c->cert, EVP_sha256(), digest, &n);
	strcpy(out, "sha256:");
	hex_of(digest, n, out + 7);
	return out;
}

struct kit_server;
typedef void (*kit_serve_fn)(struct kit_server *s, int fd);

struct kit_server {
	int			 fd;
	uint16_t		 port;
	SSL_CTX			*ctx;
	kit_serve_fn		 serve;
	pthread_t		 thread;
	X509			*chain;		/* an intermediate, or NULL */
};

static inline void *
kit_server_run(void *arg)
{
	struct kit_server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct timeval limit = { .tv_sec = 10 };

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		s->serve(s, fd);
		close(fd);
	}
	return NULL;
}

/* On any port of 127.0.0.1. */
static inline void
kit_server_start(struct kit_server *s, const struct kit_cert *c, kit_serve_fn serve)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	signal(SIGPIPE, SIG_IGN);
	s->serve = serve;
	if (s->ctx == NULL)
		s->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_session_id_context(s->ctx, (const unsigned char *)"kit", 3);
	if (c != NULL && (SSL_CTX_use_certificate(s->ctx, c->cert) != 1 ||
	    SSL_CTX_use_PrivateKey(s->ctx, c->key) != 1))
		kit_die("server's certificate");
	if (s->chain != NULL && SSL_CTX_add1_chain_cert(s->ctx, s->chain) != 1)
		kit_die("server's chain");
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&in, len) != 0 || listen(s->fd, 5) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)&in, &len) != 0)
		kit_die("listen");
	s->port = ntohs(in.sin_port);
	if (pthread_create(&s->thread, NULL, kit_server_run, s) != 0)
		kit_die("thread");
}

static inline void
kit_server_stop(struct kit_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	SSL_CTX_free(s->ctx);
	s->ctx = NULL;
}

/* NULL when the handshake failed. */
static inline SSL *
kit_accept(struct kit_server *s, int fd)
{
	SSL *ssl = SSL_new(s->ctx);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* Waits for the peer's goodbye or end. */
static inline void
kit_hear_out(SSL *ssl)
{
	char c[4096];

	while (SSL_read(ssl, c, sizeof(c)) > 0)
		continue;
}

#endif
