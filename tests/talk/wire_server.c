/*
 * The server of a talk on the wire: one connection at a time, in clear or under TLS, read
 * and written when the talk says so; nothing waits longer than LIMIT_S.
 */
#include "wire.h"

#include <poll.h>
#include <time.h>

bool wire_verbose;

void
wire_fail(struct wire *w, const struct talk_step *s, const char *what, const char *more)
{
	if (w->why[0] == '\0')
		snprintf(w->why, sizeof(w->why), "%s %u: %s%s",
		    s != NULL && s->included ? "in a macro, line" : "line", s != NULL ? s->line : 0,
		    what, more);
}

void
wire_show(const char *mark, struct view v)
{
	if (wire_verbose)
		printf("    %s %.*s%s", mark, VIEW_ARG(v), view_ends(v, VIEW("\n")) ? "" : "\n");
}

int64_t
wire_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
wire_nap(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* ---- the server's end */

void
wire_hang_up(struct wire *w)
{
	if (w->ssl != NULL)
		SSL_free(w->ssl);
	if (w->fd >= 0)
		close(w->fd);
	w->ssl = NULL;
	w->fd = -1;
	str_free(&w->in);
	w->over = false;
}

bool
wire_shake(struct wire *w)
{
	w->ssl = SSL_new(w->ctx);
	SSL_set_fd(w->ssl, w->fd);
	if (SSL_accept(w->ssl) == 1)
		return w->shaken = true;
	wire_show("tls", view_of("no handshake"));
	SSL_free(w->ssl);
	w->ssl = NULL;
	w->over = true;
	return false;
}

/* Connection number `number`; those before it that were not heard are closed. */
void
wire_next(struct wire *w, const struct talk_step *s, unsigned number)
{
	struct pollfd p = { .fd = w->listener, .events = POLLIN };
	struct timeval limit = { .tv_sec = LIMIT_S };
	const char *tls = talk_option(w->script, "tls");

	wire_hang_up(w);
	while (w->connections < number) {
		if (w->fd >= 0)
			close(w->fd);
		if (poll(&p, 1, LIMIT_S * 1000) != 1 ||
		    (w->fd = accept(w->listener, NULL, NULL)) < 0) {
			wire_fail(w, s, "nobody connects", "");
			return;
		}
		w->connections++;
	}
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	w->shaken = false;
	if (tls == NULL || strcmp(tls, "implicit") == 0)
		wire_shake(w);
}

bool
wire_connected(struct wire *w, const struct talk_step *s)
{
	if (w->fd < 0)
		wire_next(w, s, w->connections + 1);
	return w->why[0] == '\0';
}

void
wire_put(struct wire *w, struct view v)
{
	if (v.n == 0 || w->over)
		return;
	if (w->ssl != NULL)
		w->over = SSL_write(w->ssl, v.p, (int)v.n) <= 0;
	else
		w->over = send(w->fd, v.p, v.n, MSG_NOSIGNAL) != (ssize_t)v.n;
}

/* More bytes; false when none came in ms or the client has closed. */
bool
wire_get(struct wire *w, int ms)
{
	char buf[4096];
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	ssize_t n;

	if (w->over || w->fd < 0)
		return false;
	if ((w->ssl == NULL || SSL_pending(w->ssl) == 0) && poll(&p, 1, ms) != 1)
		return false;
	n = w->ssl != NULL ? SSL_read(w->ssl, buf, sizeof(buf)) : recv(w->fd, buf, sizeof(buf), 0);
	if (n <= 0) {
		w->over = true;
		return false;
	}
	str_add(&w->in, buf, (size_t)n);
	return true;
}

/* The first whole line, without its end, or nothing. */
bool
wire_line(struct wire *w, struct str *line)
{
	struct str rest = STR_INIT;
	ptrdiff_t end = view_find(str_view(&w->in), VIEW("\r\n"));

	if (end < 0)
		return false;
	str_reset(line);
	str_add(line, w->in.p, (size_t)end);
	str_addv(&rest, view_from(str_view(&w->in), (size_t)end + 2));
	str_free(&w->in);
	w->in = rest;
	return true;
}

bool
wire_answer(struct wire *w, struct view line)
{
	for (size_t i = 0; i < w->script->rules.n; i++) {
		const struct talk_rule *rule = &w->script->rules.at[i];
		struct talk_slots slots = w->slots;
		struct str out = STR_INIT;

		if (!talk_match(rule->pattern, line, &slots))
			continue;
		talk_keep(&w->slots, &slots);
		wire_show("c", line);
		talk_fill(&rule->answer, &slots, &out);
		wire_show("s", str_view(&out));
		wire_put(w, str_view(&out));
		str_free(&out);
		return true;
	}
	return false;
}

/* Nothing may come that nobody asked for: in the time of a few turns, or until it closes. */
bool
wire_is_silent(struct wire *w, const struct talk_step *s, int ms)
{
	struct str line = STR_INIT;
	bool fine = true;

	do {
		while (fine && wire_line(w, &line))
			if (!wire_answer(w, str_view(&line))) {
				wire_fail(w, s, "the client says: ", str_z(&line));
				fine = false;
			}
	} while (fine && wire_get(w, ms));
	str_free(&line);
	return fine;
}

/* ---- the listener */

void
wire_listen(struct wire *w)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	const char *version = talk_option(w->script, "tls_max");

	w->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_session_id_context(w->ctx, (const unsigned char *)"talk", 4);
	if (version != NULL && strcmp(version, "1.1") == 0) {
		SSL_CTX_set_security_level(w->ctx, 0);
		SSL_CTX_set_min_proto_version(w->ctx, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(w->ctx, TLS1_1_VERSION);
	}
	if (SSL_CTX_use_certificate(w->ctx, w->cert->cert) != 1 ||
	    SSL_CTX_use_PrivateKey(w->ctx, w->cert->key) != 1)
		kit_die("server's certificate");
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(w->listener, (struct sockaddr *)&in, len) != 0 || listen(w->listener, 20) != 0 ||
	    getsockname(w->listener, (struct sockaddr *)&in, &len) != 0)
		kit_die("listen");
	w->port = ntohs(in.sin_port);
}

