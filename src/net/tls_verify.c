/*
 * tls_verify: whom to trust, and in words why not.
 *
 * libssl walks the chain and calls back for every fault; the first one becomes the
 * connection's text, made while the certificate is at hand (libssl forgets it when it
 * refuses).  With pins the walk is replaced by one comparison.
 *
 * Names out of a certificate are the server's words: printable ASCII, at most 4 names of
 * 60 bytes are shown.  Dates are shown in UTC.
 */
#include "net/tls_int.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define NAMES_SHOWN	4
#define NAME_SHOWN	60

/* ---- what a certificate says */

static void
add_clean(struct str *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n && i < NAME_SHOWN; i++)
		str_addc(out, p[i] > 0x20 && p[i] < 0x7f ? (char)p[i] : p[i] == ' ' ? ' ' : '?');
	if (n > NAME_SHOWN)
		str_adds(out, "...");
}

/* The common name, or the organisation, or "without a name". */
static void
add_name(struct str *out, const X509_NAME *name)
{
	static const int nids[] = { NID_commonName, NID_organizationName };

	for (size_t i = 0; i < ARRAY_LEN(nids); i++) {
		int at = X509_NAME_get_index_by_NID(name, nids[i], -1);
		const ASN1_STRING *s;

		if (at < 0)
			continue;
		s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
		str_addc(out, '"');
		add_clean(out, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
		str_addc(out, '"');
		return;
	}
	str_adds(out, "without a name");
}

static bool
add_alt(struct str *out, const GENERAL_NAME *g, size_t n)
{
	const ASN1_STRING *s;

	if (g->type != GEN_DNS && g->type != GEN_IPADD)
		return false;
	if (n >= NAMES_SHOWN)
		return true;
	if (n > 0)
		str_adds(out, ", ");
	if (g->type == GEN_DNS) {
		s = g->d.dNSName;
		add_clean(out, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
		return true;
	}
	s = g->d.iPAddress;
	if (ASN1_STRING_length(s) == 4) {
		const unsigned char *b = ASN1_STRING_get0_data(s);

		str_addf(out, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	} else {
		str_adds(out, "an IPv6 address");
	}
	return true;
}

/* "mail.example.com, *.example.net and 3 more" */
static void
add_alt_names(struct str *out, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t n = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		n += add_alt(out, sk_GENERAL_NAME_value(names, i), n);
	if (n > NAMES_SHOWN)
		str_addf(out, " and %zu more", n - NAMES_SHOWN);
	if (n == 0)
		add_name(out, X509_get_subject_name(cert));
	GENERAL_NAMES_free(names);
}

static void
add_time(struct str *out, const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1) {
		str_adds(out, "a date that cannot be read");
		return;
	}
	str_addf(out, "%04d-%02d-%02d %02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min);
}

static bool
digest_of(X509 *cert, unsigned char out[SHA256_SIZE])
{
	unsigned int n = 0;

	return X509_digest(cert, EVP_sha256(), out, &n) == 1 && n == SHA256_SIZE;
}

static void
add_fingerprint(struct str *out, X509 *cert)
{
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (!digest_of(cert, digest))
		return;
	hex_of(digest, sizeof(digest), hex);
	str_addf(out, "sha256:%s", hex);
}

/* ---- words */

static void
say_dates(struct str *out, X509 *cert, int code)
{
	if (code == X509_V_ERR_CERT_HAS_EXPIRED) {
		str_adds(out, " expired on ");
		add_time(out, X509_get0_notAfter(cert));
	} else {
		str_adds(out, " is not valid before ");
		add_time(out, X509_get0_notBefore(cert));
		str_adds(out, "; is this machine's clock right?");
	}
}

/* The certificate at fault; depth 0 is the server's own. */
static void
say_whose(struct str *out, X509 *cert, int depth)
{
	if (depth == 0) {
		str_adds(out, "the certificate");
		return;
	}
	str_adds(out, "the certificate of its CA ");
	add_name(out, X509_get_subject_name(cert));
}

static void
say_unknown(struct str *out, X509 *cert)
{
	str_adds(out, "the certificate is of a CA that is not trusted here: ");
	add_name(out, X509_get_issuer_name(cert));
	str_adds(out, "; give its ca_file, or pin ");
	add_fingerprint(out, cert);
}

static void
say_why(struct str *out, const struct tls_conn *c, X509 *cert, X509 *leaf, int code, int depth)
{
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_whose(out, cert, depth);
		say_dates(out, cert, code);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		str_adds(out, "the certificate is self-signed; if it is the right one, pin ");
		add_fingerprint(out, leaf);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		str_adds(out, "the certificate is for ");
		add_alt_names(out, leaf);
		str_addf(out, ", not for %s", c->name);
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		say_unknown(out, leaf != NULL ? leaf : cert);
		break;
	default:
		say_whose(out, cert, depth);
		str_addf(out, " is not accepted: %s", X509_verify_cert_error_string(code));
		break;
	}
}

static struct tls_conn *
conn_of(X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

	return SSL_get_app_data(ssl);
}

/* libssl: a certificate of the chain is right, or has a fault; the first fault is told. */
static int
on_verify(int ok, X509_STORE_CTX *store)
{
	struct tls_conn *c = conn_of(store);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	struct str text = str_limited(sizeof(c->refused.text));

	if (ok)
		return 1;
	say_why(&text, c, cert != NULL ? cert : leaf, leaf, X509_STORE_CTX_get_error(store),
	    X509_STORE_CTX_get_error_depth(store));
	peer_fail(&c->refused, c->peer, ERR_TLS, false, "%s", str_z(&text));
	str_free(&text);
	return 0;
}

/* With pins, instead of the walk along the chain. */
static int
on_pinned(X509_STORE_CTX *store, void *arg)
{
	const struct tls *t = arg;
	struct tls_conn *c = conn_of(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	unsigned char digest[SHA256_SIZE];
	struct str text = str_limited(sizeof(c->refused.text));

	if (leaf != NULL && digest_of(leaf, digest))
		for (size_t i = 0; i < t->pins_n; i++)
			if (memcmp(digest, t->pins[i].digest, sizeof(digest)) == 0) {
				X509_STORE_CTX_set_error(store, X509_V_OK);
				return 1;
			}
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	str_adds(&text, "the certificate is not the one that is pinned; it is ");
	if (leaf != NULL)
		add_fingerprint(&text, leaf);
	peer_fail(&c->refused, c->peer, ERR_TLS, false, "%s", str_z(&text));
	str_free(&text);
	return 0;
}

/* ---- set-up */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int
pin_parse(const char *text, struct tls_pin *pin)
{
	struct view v = view_of(text);
	size_t n = 0;

	if (view_istarts(v, VIEW("sha256:")))
		v = view_from(v, 7);
	while (v.n > 0) {
		int high, low;

		if (v.p[0] == ':' && n > 0) {
			v = view_from(v, 1);
			if (v.n == 0)
				return -1;
		}
		if (n == SHA256_SIZE || v.n < 2)
			return -1;
		high = hex_digit(v.p[0]);
		low = hex_digit(v.p[1]);
		if (high < 0 || low < 0)
			return -1;
		pin->digest[n++] = (unsigned char)(high * 16 + low);
		v = view_from(v, 2);
	}
	return n == SHA256_SIZE ? 0 : -1;
}

static int
load_pins(struct tls *t, const char *const *pins, struct err *e)
{
	for (; pins != NULL && *pins != NULL; pins++) {
		if (t->pins_n == TLS_PINS_MAX)
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "more than %d fingerprints",
			    TLS_PINS_MAX);
		if (pin_parse(*pins, &t->pins[t->pins_n]) != 0)
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT,
			    "\"%.80s\" is no fingerprint: sha256: and 64 hex digits", *pins);
		t->pins_n++;
	}
	return 0;
}

static int
load_cas(struct tls *t, const char *path, struct err *e)
{
	FILE *f;

	if (path == NULL) {
		if (SSL_CTX_set_default_verify_paths(t->ctx) != 1)
			return err_set(e, ERR_SYSTEM, SCOPE_ACCOUNT,
			    "the system's CA certificates cannot be used");
		return 0;
	}
	/* libssl does not say why it could not read. */
	if ((f = fopen(path, "re")) == NULL) {
		err_sys(e, errno, "ca_file %s", path);
		if (e != NULL)
			e->scope = SCOPE_ACCOUNT;
		return -1;
	}
	fclose(f);
	if (SSL_CTX_load_verify_file(t->ctx, path) != 1)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT,
		    "ca_file %s: no certificate in it (PEM is expected)", path);
	return 0;
}

int
tls_verify_setup(struct tls *t, const struct tls_params *p, struct err *e)
{
	if (load_pins(t, p->fingerprints, e) != 0)
		return -1;
	if (t->pins_n > 0 && p->ca_file != NULL)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT,
		    "a fingerprint and a ca_file: choose one, a pin needs no CA");
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, on_verify);
	if (t->pins_n > 0) {
		SSL_CTX_set_cert_verify_callback(t->ctx, on_pinned, t);
		return 0;
	}
	return load_cas(t, p->ca_file, e);
}

/*
 * RFC 6066, 3: an address is no server name, and a name is sent without its last dot.
 * RFC 6125, 6.4.3: a wildcard stands for a whole label.
 */
int
tls_verify_begin(struct tls_conn *c)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(c->ssl);
	char name[HOST_MAX + 1];
	size_t n = strlen(c->name);

	memcpy(name, c->name, n + 1);
	if (n > 1 && name[n - 1] == '.')
		name[n - 1] = '\0';
	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return 0;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_host(param, name, 0) != 1 ||
	    SSL_set_tlsext_host_name(c->ssl, name) != 1)
		return -1;
	return 0;
}
