/*
 * dial: name, addresses, race.
 *
 * The first address is tried at once, the next when 250 ms are over or as soon as
 * one has failed, whichever is first; those under way go on.  The first that
 * connects wins and the others are closed.  A dead IPv6 route therefore costs a
 * quarter of a second, a refused port nothing.
 *
 * Both families come as one answer of getaddrinfo, so RFC 8305's delay between
 * AAAA and A (section 3) has no place here; the system sorts by RFC 6724.
 *
 * The end (dial_end) is always the last thing done in a callback: the owner may
 * free the dial in it.
 */
#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define DIAL_MAGIC	0x6469616cu
#define SAY_MAX		3	/* addresses whose failure is told */

struct attempt {
	struct dial	*d;
	int		 fd;		/* -1: not begun, or over */
	struct loop_io	*io;
	int		 errnum;	/* how it ended */
};

struct dial {
	uint32_t		 magic;
	struct dial_params	 p;
	char			 host[HOST_MAX + 1];
	dial_fn			 done;
	void			*arg;
	bool			 ended;
	struct dns_query	*query;
	struct loop_timer	*limit, *stagger;
	struct dns_addrs	 addrs;		/* in the order of the race, ports set */
	size_t			 begun, failed;
	struct attempt		 tries[DNS_ADDRS_MAX];
};

static void race_on(struct dial *d);

void
dial_order(const struct dns_addrs *a, uint8_t order[DNS_ADDRS_MAX])
{
	size_t next[2] = { 0, 0 }, n = 0;
	int first = a->n > 0 ? a->at[0].sa.ss_family : AF_UNSPEC;

	/* next[0] walks the first's family, next[1] the other; one that is used up passes. */
	for (size_t turn = 0; n < a->n; turn = 1 - turn) {
		size_t i = next[turn];

		while (i < a->n && (a->at[i].sa.ss_family == first) != (turn == 0))
			i++;
		if (i < a->n)
			order[n++] = (uint8_t)i++;
		next[turn] = i;
	}
}

/* ---- the end */

static void
attempt_close(struct attempt *t)
{
	loop_io_free(t->d->p.loop, &t->io);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void
give_up(struct dial *d)
{
	dns_query_free(&d->query);
	loop_cancel(d->p.loop, &d->limit);
	loop_cancel(d->p.loop, &d->stagger);
	for (size_t i = 0; i < d->begun; i++)
		attempt_close(&d->tries[i]);
}

static void
dial_end(struct dial *d, int fd, const struct err *e)
{
	give_up(d);
	d->ended = true;
	d->done(d->arg, fd, e);
}

static void
addr_print(const struct dns_addr *a, char *out, size_t size)
{
	const void *from = a->sa.ss_family == AF_INET6 ?
	    (const void *)&((const struct sockaddr_in6 *)&a->sa)->sin6_addr :
	    (const void *)&((const struct sockaddr_in *)&a->sa)->sin_addr;

	if (inet_ntop(a->sa.ss_family, from, out, (socklen_t)size) == NULL)
		snprintf(out, size, "?");
}

static bool
said_before(const struct dial *d, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (d->tries[k].errnum == d->tries[i].errnum)
			return true;
	return false;
}

/* "connection refused (192.0.2.1); there is no network to the host (2001:db8::1)" */
static void
fail_all(struct dial *d)
{
	struct err e = ERR_NONE;
	struct str say = str_limited(300);
	char addr[INET6_ADDRSTRLEN];
	size_t said = 0;

	for (size_t i = 0; i < d->begun && said < SAY_MAX; i++) {
		if (said_before(d, i))
			continue;
		addr_print(&d->addrs.at[i], addr, sizeof(addr));
		str_addf(&say, "%s%s (%s)", said++ > 0 ? "; " : "",
		    peer_words(d->tries[i].errnum), addr);
	}
	if (said == 1)
		peer_err(&e, d->p.peer, d->tries[0].errnum);
	else
		peer_fail(&e, d->p.peer, ERR_NET, true, "%s", str_z(&say));
	str_free(&say);
	dial_end(d, -1, &e);
}

static void
on_limit(void *arg)
{
	struct dial *d = arg;
	struct err e = ERR_NONE;

	d->limit = NULL;
	if (d->query != NULL)
		peer_fail(&e, d->p.peer, ERR_NET, true, "the name was not looked up in time");
	else
		peer_fail(&e, d->p.peer, ERR_NET, true,
		    "no connection in time (%zu of %zu addresses tried)", d->begun, d->addrs.n);
	dial_end(d, -1, &e);
}

/* ---- the race */

static void
on_connected(void *arg, int events UNUSED)
{
	struct attempt *t = arg;
	struct dial *d = t->d;
	int errnum = 0, fd;
	socklen_t len = sizeof(errnum);

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
		errnum = errno;
	if (errnum == 0) {
		loop_io_free(d->p.loop, &t->io);
		fd = t->fd;
		t->fd = -1;
		dial_end(d, fd, NULL);
		return;
	}
	t->errnum = errnum;
	attempt_close(t);
	d->failed++;
	race_on(d);
}

static int
attempt_start(struct attempt *t, const struct dns_addr *a)
{
	struct err e = ERR_NONE;

	t->fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return -1;
	/* Also one that connects at once is told by the loop: writable, no error. */
	if (connect(t->fd, (const struct sockaddr *)&a->sa, a->len) != 0 &&
	    errno != EINPROGRESS && errno != EINTR)
		return -1;
	t->io = loop_io_new(t->d->p.loop, t->fd, LOOP_WRITE, on_connected, t, &e);
	if (t->io == NULL) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static void
on_stagger(void *arg)
{
	struct dial *d = arg;

	d->stagger = NULL;
	race_on(d);
}

/* Begins the next attempt; with none left and all failed, the dial ends. */
static void
race_on(struct dial *d)
{
	loop_cancel(d->p.loop, &d->stagger);
	while (d->begun < d->addrs.n) {
		struct attempt *t = &d->tries[d->begun];

		t->d = d;
		t->fd = -1;
		if (attempt_start(t, &d->addrs.at[d->begun++]) == 0) {
			if (d->begun < d->addrs.n)
				d->stagger = loop_after(d->p.loop, DIAL_STAGGER_MS, on_stagger, d);
			return;
		}
		t->errnum = errno;
		attempt_close(t);
		d->failed++;
	}
	if (d->failed == d->addrs.n)
		fail_all(d);
}

static void
set_port(struct dns_addr *a, uint16_t port)
{
	if (a->sa.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->sa)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&a->sa)->sin_port = htons(port);
}

static void
on_addrs(void *arg, const struct dns_addrs *a, const struct err *e)
{
	struct dial *d = arg;
	uint8_t order[DNS_ADDRS_MAX];
	struct err own = ERR_NONE;

	d->query = NULL;
	if (a == NULL) {
		own = *e;
		dial_end(d, -1, &own);
		return;
	}
	dial_order(a, order);
	d->addrs.n = a->n;
	for (size_t i = 0; i < a->n; i++) {
		d->addrs.at[i] = a->at[order[i]];
		set_port(&d->addrs.at[i], d->p.peer.port);
	}
	race_on(d);
}

/* ---- life */

struct dial *
dial_new(const struct dial_params *p, dial_fn done, void *arg)
{
	struct dial *d = xcalloc(1, sizeof(*d));

	d->magic = DIAL_MAGIC;
	d->p = *p;
	/* One that is too long is told by dns, from the name as it was given. */
	snprintf(d->host, sizeof(d->host), "%s", p->peer.host);
	d->p.peer.host = d->host;
	d->done = done;
	d->arg = arg;
	d->query = dns_ask(p->dns, p->peer.host, on_addrs, d);
	if (p->deadline != DIAL_FOREVER)
		d->limit = loop_after(p->loop, MAX(p->deadline - loop_now(p->loop), 0), on_limit,
		    d);
	return d;
}

void
dial_free(struct dial **dp)
{
	struct dial *d = *dp;

	if (d == NULL)
		return;
	CHECK(d, DIAL_MAGIC);
	*dp = NULL;
	if (!d->ended)
		give_up(d);
	d->magic = 0;
	free(d);
}
