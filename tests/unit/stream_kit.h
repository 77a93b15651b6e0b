/*
 * For tests of streams: a loop, one stream and what its owner heard; a peer in the same
 * thread (plain) or a server on a thread (TLS).
 */
#ifndef STREAM_KIT_H
#define STREAM_KIT_H

#include "net/stream_int.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdatomic.h>

#include "tls_kit.h"

#define HOST		"mail.example.com"
#define GUARD_MS	20000
#define RUN_UNTIL(w, cond) do { while (!(w)->late && !(cond)) loop_turn((w)->l, true); } while (0)

/* ---- the world: a loop, a stream, and what its owner heard */

struct world;
typedef size_t (*take_fn)(struct world *w, struct view v);

struct world {
	struct loop		*l;
	struct dns		*dns;
	struct tls		*tls;
	struct stream		*s;
	struct loop_timer	*guard;
	bool			 late;
	int			 opened, drained, ended, shown;
	enum stream_end		 end;
	struct err		 e;
	struct str		 got;
	take_fn			 take;		/* NULL: all */
	int			 free_at;	/* 1 open, 2 data, 3 drain, 4 end */
	int			 peer;		/* the other end, where it is ours */
	struct kit_cert		 ca, cert;
	struct kit_server	 server;
	uint16_t		 port;
};

static atomic_bool hold;	/* lookups and servers wait */

static inline int
fake_lookup(const char *host, struct dns_addrs *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&out->at[0].sa;

	while (atomic_load(&hold))
		usleep(1000);
	if (strcmp(host, HOST) != 0)
		return EAI_NONAME;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	out->at[0].len = sizeof(*in);
	out->n = 1;
	return 0;
}

static inline void
on_guard(void *arg)
{
	struct world *w = arg;

	w->guard = NULL;
	w->late = true;
}

static inline void
on_open(void *arg)
{
	struct world *w = arg;

	w->opened++;
	if (w->free_at == 1)
		stream_free(&w->s);
}

static inline size_t
on_data(void *arg, struct view v)
{
	struct world *w = arg;

	w->shown++;
	if (w->free_at == 2) {
		stream_free(&w->s);
		str_addv(&w->got, v);	/* still there */
		return 0;
	}
	if (w->take != NULL)
		v.n = w->take(w, v);
	str_addv(&w->got, v);
	return v.n;
}

static inline void
on_drain(void *arg)
{
	struct world *w = arg;

	w->drained++;
	if (w->free_at == 3)
		stream_free(&w->s);
}

static inline void
on_end(void *arg, enum stream_end end, const struct err *e)
{
	struct world *w = arg;

	w->ended++;
	w->end = end;
	w->e = *e;
	if (w->free_at == 4)
		stream_free(&w->s);
}

static const struct stream_ops ops = { on_open, on_data, on_drain, on_end };

static inline void
world_open(struct world *w)
{
	struct err e = ERR_NONE;

	*w = (struct world){ .peer = -1, .port = 143 };
	hold = false;
	w->l = loop_new(&e);
	w->dns = dns_new(w->l, fake_lookup);
	w->guard = loop_after(w->l, GUARD_MS, on_guard, w);
}

static inline void
world_close(struct world *w)
{
	hold = false;
	stream_free(&w->s);
	if (w->peer >= 0)
		close(w->peer);
	if (w->server.ctx != NULL)
		kit_server_stop(&w->server);
	tls_free(&w->tls);
	kit_cert_free(&w->cert);
	kit_cert_free(&w->ca);
	loop_free(&w->l);
	dns_free(&w->dns);
	str_free(&w->got);
}

/* A server with a good certificate, and a context that trusts it. */
static inline void
world_server(struct world *w, kit_serve_fn serve)
{
	struct err e = ERR_NONE;
	char path[300];

	w->ca = kit_cert("Test CA", NULL, true, NULL, -1, 10);
	w->cert = kit_cert("x", "DNS:" HOST, false, &w->ca, -1, 10);
	kit_server_start(&w->server, &w->cert, serve);
	w->port = w->server.port;
	w->tls = tls_new(&(struct tls_params){ .ca_file = kit_pem(&w->ca, "ca", path) }, &e);
	if (w->tls == NULL)
		kit_die(e.text);
}

/* The stream's parameters: dial; tests change them. */
static inline struct stream_params
params(struct world *w)
{
	return (struct stream_params){ .loop = w->l, .peer = { HOST, w->port }, .fd = -1,
	    .dns = w->dns, .deadline = loop_now(w->l) + GUARD_MS, .ops = &ops, .arg = w };
}

/* A TCP connection over loopback: one end in w->peer, not blocking, the other returned. */
static inline int
pair(struct world *w)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int lis = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(lis, (struct sockaddr *)&in, len) != 0 || listen(lis, 1) != 0 ||
	    getsockname(lis, (struct sockaddr *)&in, &len) != 0 ||
	    connect(fd, (struct sockaddr *)&in, len) != 0 ||
	    (w->peer = accept(lis, NULL, NULL)) < 0)
		kit_die("pair");
	close(lis);
	fcntl(w->peer, F_SETFL, O_NONBLOCK);
	return fd;
}

/* A plain stream over a pair, open. */
static inline void
world_plain(struct world *w, struct stream_params *change)
{
	struct stream_params p = params(w);

	if (change != NULL) {
		p.idle_ms = change->idle_ms;
		p.write_ms = change->write_ms;
		p.write_max = change->write_max;
	}
	p.fd = pair(w);
	w->s = stream_new(&p);
	RUN_UNTIL(w, w->opened > 0 || w->ended > 0);
}

static inline void
say(struct world *w, const char *text)
{
	(void)!write(w->peer, text, strlen(text));
}

static inline void
reset_peer(struct world *w)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(w->peer);
	w->peer = -1;
}

static inline void
turns(struct world *w, int n)
{
	while (n-- > 0)
		loop_turn(w->l, false);
}

static inline int
put(struct world *w, const char *text)
{
	struct err e = ERR_NONE;

	return stream_write(w->s, view_of(text), &e);
}

/* What the error says behind host and port. */
static inline const char *
words(const struct world *w)
{
	static char prefix[100];

	snprintf(prefix, sizeof(prefix), HOST ":%u: ", w->port);
	return strncmp(w->e.text, prefix, strlen(prefix)) == 0 ? w->e.text + strlen(prefix) :
	    w->e.text;
}

/* ---- servers on a thread */

static inline void
serve_echo(struct kit_server *s, int fd)
{
	SSL *ssl = kit_accept(s, fd);
	char c[8192];
	int n;

	if (ssl == NULL)
		return;
	while ((n = SSL_read(ssl, c, sizeof(c))) > 0)
		SSL_write(ssl, c, n);
	SSL_shutdown(ssl);
	SSL_free(ssl);
}

static inline void
serve_flood(struct kit_server *s, int fd)
{
	SSL *ssl = kit_accept(s, fd);
	char c[16384];

	if (ssl == NULL)
		return;
	for (int i = 0; i < 40; i++) {
		memset(c, 'a' + i % 26, sizeof(c));
		SSL_write(ssl, c, sizeof(c));
	}
	SSL_shutdown(ssl);
	kit_hear_out(ssl);
	SSL_free(ssl);
}

static inline void
serve_cut(struct kit_server *s, int fd)
{
	SSL *ssl = kit_accept(s, fd);

	if (ssl == NULL)
		return;
	SSL_write(ssl, "half a li", 9);
	SSL_free(ssl);
}

static inline void
serve_stall(struct kit_server *s UNUSED, int fd)
{
	char c[4096];

	while (read(fd, c, sizeof(c)) > 0)
		continue;
}

/* Answers one line in clear, then speaks TLS. */
static inline void
serve_starttls(struct kit_server *s, int fd)
{
	char c[100];

	(void)!write(fd, "ready\n", 6);
	if (read(fd, c, sizeof(c)) != 9)
		return;
	(void)!write(fd, "go\n", 3);
	serve_echo(s, fd);
}

#endif
