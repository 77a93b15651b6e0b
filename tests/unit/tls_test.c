/*
 * tls: whom to trust and in which words not, tickets, ends of a connection.  The client is
 * driven by poll(2), the server is a thread.
 */
#include "net/tls.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "tls_kit.h"

#define HOST	"mail.example.com"

/* ---- servers */

static void
serve_hello(struct kit_server *s, int fd)
{
	SSL *ssl = kit_accept(s, fd);

	if (ssl == NULL)
		return;
	SSL_write(ssl, "hello", 5);
	SSL_shutdown(ssl);
	kit_hear_out(ssl);
	SSL_free(ssl);
}

static void
serve_cut(struct kit_server *s, int fd)
{
	SSL *ssl = kit_accept(s, fd);

	if (ssl == NULL)
		return;
	SSL_write(ssl, "hello", 5);
	SSL_free(ssl);
}

static void
serve_plain(struct kit_server *s UNUSED, int fd)
{
	char c[1000];

	(void)!write(fd, "* OK ready\r\n", 12);
	while (read(fd, c, sizeof(c)) > 0)
		continue;
}

static void
serve_hang_up(struct kit_server *s UNUSED, int fd)
{
	char c[1000];

	(void)!read(fd, c, sizeof(c));
}

/* ---- the client */

static int
connect_to(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0)
		kit_die("connect");
	return fd;
}

static void
wait_for(int fd, enum tls_step step)
{
	struct pollfd p = { .fd = fd, .events = step == TLS_WRITE ? POLLOUT : POLLIN };

	poll(&p, 1, 10000);
}

struct talk {
	enum tls_step	shake, end;
	struct err	e;
	char		got[100];
	bool		resumed;
	char		version[20];
};

/* Handshake, reading to the end, goodbye. */
static struct talk
talk(struct tls *t, const char *host, uint16_t port)
{
	struct talk r = { .shake = TLS_FAILED };
	int fd = connect_to(port);
	struct tls_conn *c;
	struct tls_facts facts;
	size_t n, len = 0;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c = tls_conn_new(t, fd, (struct peer){ host, port }, &r.e);
	if (c == NULL) {
		close(fd);
		return r;
	}
	while ((r.shake = tls_conn_handshake(c, &r.e)) == TLS_READ || r.shake == TLS_WRITE)
		wait_for(fd, r.shake);
	if (r.shake == TLS_OK) {
		tls_conn_facts(c, &facts);
		r.resumed = facts.resumed;
		snprintf(r.version, sizeof(r.version), "%s", facts.version);
		while ((r.end = tls_conn_read(c, r.got + len, sizeof(r.got) - 1 - len, &n,
		    &r.e)) == TLS_OK || r.end == TLS_READ || r.end == TLS_WRITE) {
			len += n;
			if (r.end != TLS_OK)
				wait_for(fd, r.end);
		}
		tls_conn_goodbye(c, NULL);
	}
	tls_conn_free(&c);
	close(fd);
	return r;
}

/* A context that trusts this CA, or pins, or the system's CAs. */
static struct tls *
trust(const struct kit_cert *ca, const char *pin)
{
	const char *pins[] = { pin, NULL };
	struct err e = ERR_NONE;
	char path[300];
	struct tls *t = tls_new(&(struct tls_params){
	    .ca_file = ca != NULL ? kit_pem(ca, "ca", path) : NULL,
	    .fingerprints = pin != NULL ? pins : NULL }, &e);

	if (t == NULL)
		kit_die(e.text);
	return t;
}

/* One conversation with a server that has this certificate. */
static struct talk
meet(const struct kit_cert *ca, const char *pin, const struct kit_cert *cert, const char *host,
    char *text_after_host)
{
	struct kit_server s = { 0 };
	struct tls *t = trust(ca, pin);
	struct talk r;
	char prefix[100];

	kit_server_start(&s, cert, serve_hello);
	r = talk(t, host, s.port);
	snprintf(prefix, sizeof(prefix), strchr(host, ':') != NULL ? "[%s]:%u: " : "%s:%u: ", host,
	    s.port);
	if (strncmp(r.e.text, prefix, strlen(prefix)) == 0)
		strcpy(text_after_host, r.e.text + strlen(prefix));
	else
		strcpy(text_after_host, r.e.text);
	kit_server_stop(&s);
	tls_free(&t);
	return r;
}

/* "... 2026-01-31 12:00 UTC": the day that is `days` from now. */
static const char *
day_text(long days, char out[20])
{
	time_t t = time(NULL) + days * DAY;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 20, "%Y-%m-%d", &tm);
	return out;
}

/* ---- whom to trust */

TEST(a_certificate_of_the_ca_is_accepted)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:" HOST, false, &ca, -1, 10);
	char text[400];
	struct talk r = meet(&ca, NULL, &c, HOST, text);

	EXPECT_STR(text, "");
	EXPECT_EQ(r.shake, TLS_OK);
	EXPECT_STR(r.got, "hello");
	EXPECT_EQ(r.end, TLS_END);
	EXPECT_STR(r.version, "TLSv1.3");
	EXPECT(!r.resumed);
	r = meet(&ca, NULL, &c, HOST ".", text);	/* a last dot is no part of the name */
	EXPECT_STR(text, "");
	EXPECT_EQ(r.shake, TLS_OK);
	r = meet(&ca, NULL, &c, "MAIL.example.com", text);
	EXPECT_EQ(r.shake, TLS_OK);
	kit_cert_free(&c);
	kit_cert_free(&ca);
}

TEST(wildcards_and_addresses)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:*.example.com,IP:127.0.0.1,IP:::1", false, &ca, -1,
	    10);
	char text[400];

	EXPECT_EQ(meet(&ca, NULL, &c, HOST, text).shake, TLS_OK);
	EXPECT_EQ(meet(&ca, NULL, &c, "127.0.0.1", text).shake, TLS_OK);
	EXPECT_EQ(meet(&ca, NULL, &c, "::1", text).shake, TLS_OK);
	EXPECT_EQ(meet(&ca, NULL, &c, "a.b.example.com", text).shake, TLS_FAILED);
	EXPECT_STR(text, "the certificate is for *.example.com, 127.0.0.1, an IPv6 address, "
	    "not for a.b.example.com");
	EXPECT_EQ(meet(&ca, NULL, &c, "127.0.0.2", text).shake, TLS_FAILED);
	EXPECT_EQ(meet(&ca, NULL, &c, "::2", text).shake, TLS_FAILED);
	kit_cert_free(&c);
	kit_cert_free(&ca);
}

TEST(a_chain_over_an_intermediate)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert mid = kit_cert("Middle", NULL, true, &ca, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:" HOST, false, &mid, -1, 10);
	struct kit_server s = { .chain = mid.cert };
	struct tls *t = trust(&ca, NULL);
	char text[400];

	kit_server_start(&s, &c, serve_hello);
	EXPECT_EQ(talk(t, HOST, s.port).shake, TLS_OK);
	kit_server_stop(&s);
	tls_free(&t);
	/* A server that forgets its intermediate: the issuer that is missing is named. */
	EXPECT_EQ(meet(&ca, NULL, &c, HOST, text).shake, TLS_FAILED);
	EXPECT(strstr(text, "a CA that is not trusted here: \"Middle\"; give its ca_file") != NULL);
	kit_cert_free(&c);
	kit_cert_free(&mid);
	kit_cert_free(&ca);
}

TEST(an_expired_one_says_since_when)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -10, 10);
	struct kit_cert c = kit_cert("x", "DNS:" HOST, false, &ca, -9, -3);
	struct kit_cert young = kit_cert("x", "DNS:" HOST, false, &ca, 3, 9);
	char text[400], want[100], day[20];
	struct talk r = meet(&ca, NULL, &c, HOST, text);

	EXPECT_EQ(r.shake, TLS_FAILED);
	EXPECT_EQ(r.e.kind, ERR_TLS);
	EXPECT_EQ(r.e.scope, SCOPE_SESSION);
	EXPECT(!r.e.temporary);
	snprintf(want, sizeof(want), "the certificate expired on %s ", day_text(-3, day));
	EXPECT(strncmp(text, want, strlen(want)) == 0);
	EXPECT(strstr(text, " UTC") != NULL);
	r = meet(&ca, NULL, &young, HOST, text);
	snprintf(want, sizeof(want), "the certificate is not valid before %s ", day_text(3, day));
	EXPECT(strncmp(text, want, strlen(want)) == 0);
	EXPECT(strstr(text, "; is this machine's clock right?") != NULL);
	kit_cert_free(&c);
	kit_cert_free(&young);
	kit_cert_free(&ca);
}

TEST(an_expired_ca_is_named)
{
	struct kit_cert ca = kit_cert("Old CA", NULL, true, NULL, -10, -1);
	struct kit_cert c = kit_cert("x", "DNS:" HOST, false, &ca, -9, 10);
	char text[400];

	EXPECT_EQ(meet(&ca, NULL, &c, HOST, text).shake, TLS_FAILED);
	EXPECT(strstr(text, "the certificate of its CA \"Old CA\" expired on ") == text);
	kit_cert_free(&c);
	kit_cert_free(&ca);
}

TEST(a_wrong_name_says_what_it_is_for)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:other.example,DNS:b.example,DNS:c.example,"
	    "DNS:d.example,DNS:e.example,email:a@b.example", false, &ca, -1, 10);
	struct kit_cert bare = kit_cert("old\nstyle", NULL, false, &ca, -1, 10);
	char text[400];

	EXPECT_EQ(meet(&ca, NULL, &c, HOST, text).shake, TLS_FAILED);
	EXPECT_STR(text, "the certificate is for other.example, b.example, c.example, d.example "
	    "and 1 more, not for " HOST);
	EXPECT_EQ(meet(&ca, NULL, &bare, HOST, text).shake, TLS_FAILED);
	EXPECT_STR(text, "the certificate is for \"old?style\", not for " HOST);
	kit_cert_free(&bare);
	kit_cert_free(&c);
	kit_cert_free(&ca);
}

TEST(a_self_signed_one_offers_its_fingerprint)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert(HOST, "DNS:" HOST, false, NULL, -1, 10);
	char text[400], want[300], pin[80];

	EXPECT_EQ(meet(&ca, NULL, &c, HOST, text).shake, TLS_FAILED);
	snprintf(want, sizeof(want), "the certificate is self-signed; if it is the right one, "
	    "pin %s", kit_fingerprint(&c, pin));
	EXPECT_STR(text, want);
	/* Also where the system's CAs are asked. */
	EXPECT_EQ(meet(NULL, NULL, &c, HOST, text).shake, TLS_FAILED);
	EXPECT_STR(text, want);
	kit_cert_free(&c);
	kit_cert_free(&ca);
}

TEST(an_unknown_ca_is_named)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert other = kit_cert("Other CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:" HOST, false, &other, -1, 10);
	char text[400], want[300], pin[80];

	EXPECT_EQ(meet(&ca, NULL, &c, HOST, text).shake, TLS_FAILED);
	snprintf(want, sizeof(want), "the certificate is of a CA that is not trusted here: "
	    "\"Other CA\"; give its ca_file, or pin %s", kit_fingerprint(&c, pin));
	EXPECT_STR(text, want);
	EXPECT_EQ(meet(NULL, NULL, &c, HOST, text).shake, TLS_FAILED);
	EXPECT_STR(text, want);
	kit_cert_free(&c);
	kit_cert_free(&other);
	kit_cert_free(&ca);
}

TEST(a_pin_stands_above_dates_names_and_cas)
{
	struct kit_cert c = kit_cert("x", "DNS:other.example", false, NULL, -9, -3);
	struct kit_cert other = kit_cert(HOST, "DNS:" HOST, false, NULL, -1, 3);
	char text[400], want[300], pin[80], colons[120] = "", wrong[80];

	EXPECT_EQ(meet(NULL, kit_fingerprint(&c, pin), &c, HOST, text).shake, TLS_OK);
	EXPECT_STR(text, "");
	for (size_t i = 7; pin[i] != '\0'; i += 2)
		snprintf(colons + strlen(colons), sizeof(colons) - strlen(colons), "%s%c%c",
		    i > 7 ? ":" : "", pin[i], pin[i + 1]);
	EXPECT_EQ(meet(NULL, colons, &c, HOST, text).shake, TLS_OK);
	EXPECT_EQ(meet(NULL, pin, &other, HOST, text).shake, TLS_FAILED);
	snprintf(want, sizeof(want), "the certificate is not the one that is pinned; it is %s",
	    kit_fingerprint(&other, wrong));
	EXPECT_STR(text, want);
	kit_cert_free(&other);
	kit_cert_free(&c);
}

TEST(options_that_make_no_sense)
{
	static const char *const bad[] = { "sha256:", "12", "zz", "sha256:0g",
	    "0000000000000000000000000000000000000000000000000000000000000000ff",
	    "00000000000000000000000000000000000000000000000000000000000000:", "sha1:00" };
	char garbage[300], want[500];
	const char *pins[] = { NULL, NULL };
	struct err e = ERR_NONE;
	FILE *f;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err_clear(&e);
		pins[0] = bad[i];
		EXPECT(tls_new(&(struct tls_params){ .fingerprints = pins }, &e) == NULL);
		EXPECT_EQ(e.kind, ERR_USAGE);
	}
	err_clear(&e);
	EXPECT(tls_new(&(struct tls_params){ .ca_file = "/nonexistent/ca" }, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	EXPECT_EQ(e.scope, SCOPE_ACCOUNT);
	EXPECT_STR(e.text, "ca_file /nonexistent/ca: No such file or directory");
	snprintf(garbage, sizeof(garbage), "%s/garbage", unit_tmp());
	f = fopen(garbage, "w");
	fputs("nothing of the kind\n", f);
	fclose(f);
	err_clear(&e);
	EXPECT(tls_new(&(struct tls_params){ .ca_file = garbage }, &e) == NULL);
	snprintf(want, sizeof(want), "ca_file %s: no certificate in it (PEM is expected)", garbage);
	EXPECT_STR(e.text, want);
	err_clear(&e);
	pins[0] = "0000000000000000000000000000000000000000000000000000000000000000";
	EXPECT(tls_new(&(struct tls_params){ .ca_file = garbage, .fingerprints = pins }, &e) ==
	    NULL);
	EXPECT_STR(e.text, "a fingerprint and a ca_file: choose one, a pin needs no CA");
}

/* ---- tickets */

static void
resume_with(int version, kit_serve_fn serve, int *failed)
{
	int *unit_failed = failed;
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:" HOST ",DNS:other.example", false, &ca, -1, 10);
	struct kit_server s = { .ctx = SSL_CTX_new(TLS_server_method()) };
	struct tls *t = trust(&ca, NULL), *u = trust(&ca, NULL);

	SSL_CTX_set_max_proto_version(s.ctx, version);
	kit_server_start(&s, &c, serve);
	EXPECT(!talk(t, HOST, s.port).resumed);
	for (int i = 0; i < 3; i++) {
		struct talk r = talk(t, HOST, s.port);

		EXPECT_STR(r.e.text, "");
		EXPECT(r.resumed);
		EXPECT_STR(r.got, "hello");
	}
	/* Neither another host nor another context has it. */
	EXPECT(!talk(t, "other.example", s.port).resumed);
	EXPECT(!talk(u, HOST, s.port).resumed);
	kit_server_stop(&s);
	tls_free(&t);
	tls_free(&u);
	kit_cert_free(&c);
	kit_cert_free(&ca);
}

TEST(sessions_are_resumed_in_1_3) { resume_with(TLS1_3_VERSION, serve_hello, unit_failed); }
TEST(sessions_are_resumed_in_1_2) { resume_with(TLS1_2_VERSION, serve_hello, unit_failed); }
TEST(a_cut_spoils_no_ticket_in_1_3) { resume_with(TLS1_3_VERSION, serve_cut, unit_failed); }
TEST(a_cut_spoils_no_ticket_in_1_2) { resume_with(TLS1_2_VERSION, serve_cut, unit_failed); }

TEST(a_server_that_forgot_its_tickets_gets_a_whole_handshake)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:" HOST, false, &ca, -1, 10);
	struct kit_server s = { 0 };
	struct tls *t = trust(&ca, NULL);
	unsigned char keys[80];
	struct talk r;

	kit_server_start(&s, &c, serve_hello);
	talk(t, HOST, s.port);
	random_bytes(keys, sizeof(keys));
	SSL_CTX_set_tlsext_ticket_keys(s.ctx, keys, sizeof(keys));
	r = talk(t, HOST, s.port);
	EXPECT_EQ(r.shake, TLS_OK);
	EXPECT(!r.resumed);
	EXPECT_STR(r.got, "hello");
	kit_server_stop(&s);
	tls_free(&t);
	kit_cert_free(&c);
	kit_cert_free(&ca);
}

/* ---- ends and strangers */

static struct talk
meet_stranger(kit_serve_fn serve, SSL_CTX *ctx, char *text)
{
	struct kit_cert ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	struct kit_cert c = kit_cert("x", "DNS:" HOST, false, &ca, -1, 10);
	struct kit_server s = { .ctx = ctx };
	struct tls *t = trust(&ca, NULL);
	struct talk r;

	kit_server_start(&s, &c, serve);
	r = talk(t, HOST, s.port);
	strcpy(text, err_is(&r.e) ? strstr(r.e.text, ": ") + 2 : "");
	kit_server_stop(&s);
	tls_free(&t);
	kit_cert_free(&c);
	kit_cert_free(&ca);
	return r;
}

TEST(an_end_without_goodbye_is_told_apart)
{
	char text[400];
	struct talk r = meet_stranger(serve_cut, NULL, text);

	EXPECT_EQ(r.shake, TLS_OK);
	EXPECT_STR(r.got, "hello");
	EXPECT_EQ(r.end, TLS_CUT);
}

TEST(a_server_without_tls)
{
	char text[400];
	struct talk r = meet_stranger(serve_plain, NULL, text);

	EXPECT_EQ(r.shake, TLS_FAILED);
	EXPECT_STR(text, "the server does not speak TLS here; is this the port of STARTTLS?");
	EXPECT_EQ(r.e.kind, ERR_TLS);
	EXPECT(!r.e.temporary);
}

TEST(a_server_that_hangs_up)
{
	char text[400];
	struct talk r = meet_stranger(serve_hang_up, NULL, text);

	EXPECT_EQ(r.shake, TLS_FAILED);
	EXPECT_STR(text, "the server closed the connection in the TLS handshake");
	EXPECT_EQ(r.e.kind, ERR_NET);
	EXPECT(r.e.temporary);
}

TEST(a_server_with_old_tls_only)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char text[400];
	struct talk r;

	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	SSL_CTX_set_security_level(ctx, 0);
	r = meet_stranger(serve_hello, ctx, text);
	EXPECT_EQ(r.shake, TLS_FAILED);
	EXPECT_STR(text, "the server has no TLS 1.2 or newer");
	EXPECT(!r.e.temporary);
}
