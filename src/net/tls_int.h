/* Inside TLS: what tls.c (sessions and steps) and tls_verify.c (whom to trust) share. */
#ifndef NET_TLS_INT_H
#define NET_TLS_INT_H

#include <openssl/ssl.h>

#include "base/crypto.h"
#include "base/list.h"
#include "net/tls.h"

#define TLS_PINS_MAX	8

struct tls_pin { unsigned char digest[SHA256_SIZE]; };

struct tls {
	uint32_t	 magic;
	SSL_CTX		*ctx;
	size_t		 pins_n;
	struct tls_pin	 pins[TLS_PINS_MAX];
	struct link	 hosts;		/* tickets, the host used last first */
	size_t		 hosts_n;
};

struct tls_conn {
	uint32_t	 magic;
	struct tls	*t;
	SSL		*ssl;
	struct peer	 peer;		/* its host is name */
	char		 name[HOST_MAX + 1];
	struct err	 refused;	/* why the certificate was not accepted */
	bool		 offered;	/* a ticket */
	bool		 open;		/* the handshake is over */
	bool		 dead;		/* an error that ends the use of ssl */
};

/* Reads the pins and the CA file into t. */
int tls_verify_setup(struct tls *t, const struct tls_params *p, struct err *e) MUST_CHECK;
/* What this connection expects: SNI, the name to verify; sets the verifier. */
int tls_verify_begin(struct tls_conn *c) MUST_CHECK;

#endif
