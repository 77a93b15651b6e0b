/* dial: the order of addresses, the race, its words, its deadline, giving up at each stage. */
#include "net/dial.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <unistd.h>

#include "unit.h"

#define GUARD_MS	20000

static atomic_bool	hold;

/* "at-1-2-3": 127.0.0.1, 127.0.0.2, 127.0.0.3; "none": no such host; waits while held. */
static int
fake_lookup(const char *host, struct dns_addrs *out)
{
	while (atomic_load(&hold))
		usleep(1000);
	if (strcmp(host, "none") == 0)
		return EAI_NONAME;
	host += strlen("at-");
	for (out->n = 0; *host != '\0'; out->n++) {
		struct sockaddr_in *in = (struct sockaddr_in *)&out->at[out->n].sa;
		char *rest;

		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)strtoul(host, &rest, 10));
		out->at[out->n].len = sizeof(*in);
		host = *rest == '-' ? rest + 1 : rest;
	}
	return 0;
}

struct world {
	struct loop		*l;
	struct dns		*dns;
	struct dial		*dial;
	struct loop_timer	*guard;
	int			 called, fd;
	bool			 late, free_in_done;
	struct err		 e;
	char			 to[40];	/* the address that won */
};

static void
on_guard(void *arg)
{
	struct world *w = arg;

	w->guard = NULL;
	w->late = true;
	loop_stop(w->l);
}

static void
stop_it(void *arg)
{
	struct world *w = arg;

	loop_stop(w->l);
}

static void
on_done(void *arg, int fd, const struct err *e)
{
	struct world *w = arg;
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	w->called++;
	w->fd = fd;
	w->e = e != NULL ? *e : ERR_NONE;
	if (fd >= 0 && getpeername(fd, (struct sockaddr *)&in, &len) == 0)
		inet_ntop(AF_INET, &in.sin_addr, w->to, sizeof(w->to));
	if (w->free_in_done)
		dial_free(&w->dial);
	loop_stop(w->l);
}

static void
world_open(struct world *w)
{
	struct err e = ERR_NONE;

	*w = (struct world){ .fd = -1 };
	hold = false;
	w->l = loop_new(&e);
	w->dns = dns_new(w->l, fake_lookup);
	w->guard = loop_after(w->l, GUARD_MS, on_guard, w);
}

static void
world_close(struct world *w)
{
	hold = false;
	dial_free(&w->dial);
	if (w->fd >= 0)
		close(w->fd);
	loop_free(&w->l);
	dns_free(&w->dns);
}

static void
world_dial(struct world *w, const char *host, uint16_t port, int64_t ms)
{
	w->dial = dial_new(&(struct dial_params){ .loop = w->l, .dns = w->dns,
	    .peer = { host, port }, .deadline = ms == 0 ? DIAL_FOREVER : loop_now(w->l) + ms },
	    on_done, w);
}

/* A listener at 127.0.0.n; port 0: any.  Returns the descriptor. */
static int
listen_at(unsigned n, uint16_t *port, int backlog)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(*port),
	    .sin_addr.s_addr = htonl(0x7f000000u + n) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, len) != 0 || listen(fd, backlog) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0) {
		perror("listen");
		exit(2);
	}
	*port = ntohs(in.sin_port);
	return fd;
}

/* One that never answers: its queue is full.  The fillers are left in fds. */
static int
dead_at(unsigned n, uint16_t *port, int fds[8])
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(0x7f000000u + n) };
	int fd = listen_at(n, port, 0);

	in.sin_port = htons(*port);
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&in, sizeof(in));
	}
	return fd;
}

static void
close_fillers(int fds[8])
{
	for (int i = 0; i < 8; i++)
		close(fds[i]);
}

static void
add_addr(struct dns_addrs *a, int family)
{
	a->at[a->n++].sa.ss_family = (sa_family_t)family;
}

TEST(families_take_turns)
{
	struct dns_addrs a = { 0 };
	uint8_t order[DNS_ADDRS_MAX];
	static const int f[] = { AF_INET6, AF_INET6, AF_INET6, AF_INET, AF_INET };
	static const uint8_t want[] = { 0, 3, 1, 4, 2 };

	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		add_addr(&a, f[i]);
	dial_order(&a, order);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		EXPECT_EQ(order[i], want[i]);
}

TEST(one_family_keeps_its_order_and_the_first_family_leads)
{
	struct dns_addrs a = { 0 };
	uint8_t order[DNS_ADDRS_MAX];

	dial_order(&a, order);
	for (int i = 0; i < DNS_ADDRS_MAX; i++)
		add_addr(&a, AF_INET);
	dial_order(&a, order);
	for (int i = 0; i < DNS_ADDRS_MAX; i++)
		EXPECT_EQ(order[i], i);
	a.n = 0;
	add_addr(&a, AF_INET);
	add_addr(&a, AF_INET);
	add_addr(&a, AF_INET6);
	dial_order(&a, order);
	EXPECT_EQ(order[0], 0);
	EXPECT_EQ(order[1], 2);
	EXPECT_EQ(order[2], 1);
}

TEST(a_connection_is_made)
{
	struct world w;
	uint16_t port = 0;
	int fd = listen_at(1, &port, 5);

	world_open(&w);
	world_dial(&w, "at-1", port, 0);
	EXPECT_EQ(w.called, 0);
	loop_run(w.l);
	EXPECT_EQ(w.called, 1);
	EXPECT(w.fd >= 0);
	EXPECT(fcntl(w.fd, F_GETFL) & O_NONBLOCK);
	EXPECT(fcntl(w.fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_STR(w.to, "127.0.0.1");
	world_close(&w);
	close(fd);
}

TEST(a_dead_address_does_not_hold_up_the_next)
{
	struct world w;
	uint16_t port = 0;
	int alive = listen_at(1, &port, 5), fill[8], dead = dead_at(2, &port, fill);

	world_open(&w);
	w.free_in_done = true;
	world_dial(&w, "at-2-1", port, 15000);
	loop_run(w.l);
	EXPECT_STR(w.e.text, "");
	EXPECT_EQ(w.called, 1);
	EXPECT_STR(w.to, "127.0.0.1");
	EXPECT(w.dial == NULL);
	world_close(&w);
	close_fillers(fill);
	close(alive);
	close(dead);
}

TEST(a_refusal_tries_the_next_at_once)
{
	struct world w;
	uint16_t port = 0;
	int alive = listen_at(9, &port, 5);

	world_open(&w);
	world_dial(&w, "at-3-4-5-9", port, 15000);
	loop_run(w.l);
	EXPECT_EQ(w.called, 1);
	EXPECT_STR(w.to, "127.0.0.9");
	world_close(&w);
	close(alive);
}

TEST(all_refused_is_told_once)
{
	struct world w;
	uint16_t port = 0;
	char want[200];

	close(listen_at(3, &port, 5));
	world_open(&w);
	world_dial(&w, "at-3-4", port, 15000);
	loop_run(w.l);
	EXPECT_EQ(w.called, 1);
	EXPECT_EQ(w.fd, -1);
	snprintf(want, sizeof(want), "at-3-4:%u: connection refused: nothing listens there", port);
	EXPECT_STR(w.e.text, want);
	EXPECT_EQ(w.e.kind, ERR_NET);
	EXPECT_EQ(w.e.scope, SCOPE_SESSION);
	EXPECT(w.e.temporary);
	world_close(&w);
}

TEST(no_such_host)
{
	struct world w;

	world_open(&w);
	w.free_in_done = true;
	world_dial(&w, "none", 993, 15000);
	loop_run(w.l);
	EXPECT_EQ(w.called, 1);
	EXPECT_STR(w.e.text, "none: there is no host of this name");
	world_close(&w);
}

TEST(the_deadline_ends_a_lookup)
{
	struct world w;

	world_open(&w);
	hold = true;
	world_dial(&w, "at-1", 993, 20);
	loop_run(w.l);
	EXPECT_EQ(w.called, 1);
	EXPECT_STR(w.e.text, "at-1:993: the name was not looked up in time");
	EXPECT(w.e.temporary);
	world_close(&w);
}

TEST(the_deadline_ends_the_race)
{
	struct world w;
	uint16_t port = 0;
	int fill[8], dead = dead_at(2, &port, fill);
	char want[200];

	world_open(&w);
	world_dial(&w, "at-2", port, 50);
	loop_run(w.l);
	EXPECT_EQ(w.called, 1);
	snprintf(want, sizeof(want), "at-2:%u: no connection in time (1 of 1 addresses tried)", port);
	EXPECT_STR(w.e.text, want);
	EXPECT(w.e.temporary);
	world_close(&w);
	close_fillers(fill);
	close(dead);
}

TEST(giving_up_before_the_first_turn_in_the_lookup_and_in_the_race)
{
	struct world w;
	uint16_t port = 0;
	int fill[8], dead = dead_at(2, &port, fill);

	world_open(&w);
	world_dial(&w, "at-1", port, 15000);
	dial_free(&w.dial);
	hold = true;
	world_dial(&w, "at-1-2", port, 15000);
	for (int i = 0; i < 5; i++)
		loop_turn(w.l, false);
	dial_free(&w.dial);
	hold = false;
	world_dial(&w, "at-2-2-2", port, 15000);
	loop_after(w.l, 600, stop_it, &w);
	loop_run(w.l);
	dial_free(&w.dial);
	loop_cancel(w.l, &w.guard);
	loop_run(w.l);			/* ends: nothing is left that could wake it */
	EXPECT_EQ(w.called, 0);
	EXPECT(!w.late);
	world_close(&w);
	close_fillers(fill);
	close(dead);
}
