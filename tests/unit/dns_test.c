/* dns: one question a name, answers that are kept and run out, words, cancelling. */
#include "net/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/loop_fake.h"
#include "unit.h"

static atomic_int	lookups;
static atomic_int	lookup_code;
static atomic_bool	hold;		/* lookups wait while it is set */
static atomic_int	at_once, at_once_most;
static atomic_bool	saw_upper;	/* a host that is not in lower case was looked up */

/* 192.0.2.N for the Nth lookup. */
static int
fake_lookup(const char *host, struct dns_addrs *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&out->at[0].sa;
	int n = atomic_fetch_add(&at_once, 1) + 1;

	if (n > atomic_load(&at_once_most))
		atomic_store(&at_once_most, n);
	while (atomic_load(&hold))
		usleep(1000);
	atomic_fetch_sub(&at_once, 1);
	if (strpbrk(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
		saw_upper = true;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0xc0000200u + (uint32_t)++lookups);
	out->at[0].len = sizeof(*in);
	out->n = 1;
	errno = EIO;
	return lookup_code;
}

struct asker {
	struct dns		*d;
	struct dns_query	*q, *other;
	const char		*again;
	int			 called;
	uint32_t		 last;		/* last byte of the address */
	size_t			 n;
	struct err		 e;
};

static void
on_answer(void *arg, const struct dns_addrs *a, const struct err *e)
{
	struct asker *k = arg;

	k->called++;
	k->q = NULL;
	k->n = a != NULL ? a->n : 0;
	k->e = e != NULL ? *e : ERR_NONE;
	if (a != NULL && a->at[0].sa.ss_family == AF_INET)
		k->last = ntohl(((const struct sockaddr_in *)&a->at[0].sa)->sin_addr.s_addr) & 255;
	dns_query_free(&k->other);
	if (k->again != NULL) {
		const char *host = k->again;

		k->again = NULL;
		k->q = dns_ask(k->d, host, on_answer, k);
	}
}

static void
begin(int code)
{
	lookups = 0;
	lookup_code = code;
	hold = false;
	at_once_most = 0;
	saw_upper = false;
}

TEST(one_question_serves_all_who_wait)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { 0 }, b = { 0 }, c = { 0 };

	begin(0);
	a.q = dns_ask(d, "MAIL.Example.Com", on_answer, &a);
	b.q = dns_ask(d, "mail.example.com", on_answer, &b);
	EXPECT_EQ(a.called, 0);
	loop_run(l);
	EXPECT_EQ(lookups, 1);
	EXPECT_EQ(a.called, 1);
	EXPECT_EQ(b.called, 1);
	EXPECT_EQ(b.n, 1);
	c.q = dns_ask(d, "mail.example.com", on_answer, &c);
	EXPECT_EQ(c.called, 0);		/* never from inside the call */
	loop_run(l);
	EXPECT_EQ(c.called, 1);
	EXPECT_EQ(lookups, 1);
	EXPECT(!saw_upper);
	loop_free(&l);
	dns_free(&d);
	EXPECT(d == NULL);
}

TEST(an_answer_is_good_for_a_minute)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { 0 };

	begin(0);
	a.q = dns_ask(d, "h", on_answer, &a);
	loop_run(l);
	loop_fake_run_for(l, DNS_GOOD_MS - 10);
	a.q = dns_ask(d, "h", on_answer, &a);
	loop_run(l);
	EXPECT_EQ(lookups, 1);
	EXPECT_EQ(a.last, 1);
	loop_fake_run_for(l, 20);
	a.q = dns_ask(d, "h", on_answer, &a);
	loop_run(l);
	EXPECT_EQ(lookups, 2);
	EXPECT_EQ(a.last, 2);
	EXPECT_EQ(a.called, 3);
	loop_free(&l);
	dns_free(&d);
}

TEST(a_failure_is_kept_for_5_seconds)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { 0 };

	begin(EAI_AGAIN);
	a.q = dns_ask(d, "h", on_answer, &a);
	loop_run(l);
	EXPECT_STR(a.e.text, "h: no name server answers; is there a network?");
	EXPECT(a.e.temporary);
	EXPECT_EQ(a.e.kind, ERR_NET);
	EXPECT_EQ(a.e.scope, SCOPE_SESSION);
	lookup_code = 0;
	loop_fake_run_for(l, DNS_BAD_MS - 10);
	a.q = dns_ask(d, "h", on_answer, &a);
	loop_run(l);
	EXPECT_EQ(lookups, 1);
	EXPECT_EQ(a.n, 0);
	loop_fake_run_for(l, 20);
	a.q = dns_ask(d, "h", on_answer, &a);
	loop_run(l);
	EXPECT_EQ(lookups, 2);
	EXPECT_EQ(a.n, 1);
	EXPECT_EQ(a.e.kind, ERR_OK);
	loop_free(&l);
	dns_free(&d);
}

TEST(failures_in_words)
{
	static const struct { int code; const char *text; } rows[] = {
		{ EAI_NONAME, "h: there is no host of this name" },
		{ EAI_FAIL, "h: the name server failed" },
		{ EAI_SYSTEM, "h: the name cannot be looked up: Input/output error" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct loop *l = loop_fake_new(0);
		struct dns *d = dns_new(l, fake_lookup);
		struct asker a = { 0 };

		begin(rows[i].code);
		a.q = dns_ask(d, "h", on_answer, &a);
		loop_run(l);
		EXPECT_STR(a.e.text, rows[i].text);
		EXPECT(a.e.temporary);
		loop_free(&l);
		dns_free(&d);
	}
}

TEST(what_is_no_host_name_is_not_asked)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { 0 }, b = { 0 };
	char host[300];

	begin(0);
	memset(host, 'a', sizeof(host));
	host[254] = '\0';
	a.q = dns_ask(d, host, on_answer, &a);
	b.q = dns_ask(d, "", on_answer, &b);
	loop_run(l);
	EXPECT_EQ(lookups, 0);
	EXPECT_EQ(a.called, 1);
	EXPECT_EQ(b.called, 1);
	EXPECT_STR(a.e.text, "a host name has 1 to 253 bytes");
	EXPECT(!a.e.temporary);
	loop_free(&l);
	dns_free(&d);
}

TEST(digits_need_no_resolver)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { 0 }, b = { 0 };

	begin(EAI_FAIL);
	a.q = dns_ask(d, "192.0.2.77", on_answer, &a);
	b.q = dns_ask(d, "2001:db8::1", on_answer, &b);
	EXPECT_EQ(a.called, 0);
	loop_run(l);
	EXPECT_EQ(lookups, 0);
	EXPECT_EQ(a.last, 77);
	EXPECT_EQ(b.n, 1);
	loop_free(&l);
	dns_free(&d);
}

TEST(a_freed_query_is_not_answered)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { 0 }, b = { 0 };

	begin(0);
	a.q = dns_ask(d, "h", on_answer, &a);
	b.q = dns_ask(d, "h", on_answer, &b);
	dns_query_free(&a.q);
	EXPECT(a.q == NULL);
	loop_run(l);
	EXPECT_EQ(a.called, 0);
	EXPECT_EQ(b.called, 1);
	/* One whose answer is there. */
	a.q = dns_ask(d, "h", on_answer, &a);
	dns_query_free(&a.q);
	b.q = dns_ask(d, "h", on_answer, &b);
	loop_run(l);
	EXPECT_EQ(a.called, 0);
	EXPECT_EQ(b.called, 2);
	loop_free(&l);
	dns_free(&d);
}

TEST(a_callback_may_free_its_neighbour_and_ask_again)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { .d = d, .again = "h" }, b = { 0 }, c = { 0 };

	begin(0);
	a.q = dns_ask(d, "h", on_answer, &a);
	a.other = dns_ask(d, "h", on_answer, &b);
	c.q = dns_ask(d, "h", on_answer, &c);
	loop_run(l);
	EXPECT_EQ(a.called, 2);
	EXPECT_EQ(b.called, 0);
	EXPECT_EQ(c.called, 1);
	EXPECT_EQ(lookups, 1);
	loop_free(&l);
	dns_free(&d);
}

TEST(many_names_make_room)
{
	struct loop *l = loop_fake_new(0);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a = { 0 };
	char host[20];

	begin(0);
	for (int i = 0; i < 1500; i++) {
		snprintf(host, sizeof(host), "h%d", i);
		a.q = dns_ask(d, host, on_answer, &a);
		loop_run(l);
	}
	EXPECT_EQ(lookups, 1500);
	a.q = dns_ask(d, "h1499", on_answer, &a);	/* among the last: kept */
	loop_run(l);
	EXPECT_EQ(lookups, 1500);
	a.q = dns_ask(d, "h0", on_answer, &a);		/* the first: made room */
	loop_run(l);
	EXPECT_EQ(lookups, 1501);
	loop_free(&l);
	dns_free(&d);
}

TEST(threads_two_at_most_and_an_end_in_the_middle)
{
	struct err e = ERR_NONE;
	struct loop *l = loop_new(&e);
	struct dns *d = dns_new(l, fake_lookup);
	struct asker a[6] = { { 0 } };
	char host[20];

	begin(0);
	hold = true;
	for (int i = 0; i < 6; i++) {
		snprintf(host, sizeof(host), "h%d", i);
		a[i].q = dns_ask(d, host, on_answer, &a[i]);
	}
	loop_turn(l, false);
	hold = false;
	loop_run(l);
	EXPECT_EQ(lookups, 6);
	EXPECT_EQ(at_once, 0);
	EXPECT(at_once_most <= 2);
	for (int i = 0; i < 6; i++)
		EXPECT_EQ(a[i].called, 1);
	a[0].q = dns_ask(d, "last", on_answer, &a[0]);
	a[1].q = dns_ask(d, "192.0.2.1", on_answer, &a[1]);
	loop_free(&l);
	dns_free(&d);
	EXPECT_EQ(a[0].called, 1);
	EXPECT_EQ(a[1].called, 1);
}

TEST(the_system_knows_localhost)
{
	struct err e = ERR_NONE;
	struct loop *l = loop_new(&e);
	struct dns *d = dns_new(l, NULL);
	struct asker a = { 0 };

	a.q = dns_ask(d, "localhost", on_answer, &a);
	loop_run(l);
	EXPECT_EQ(a.called, 1);
	EXPECT(a.n >= 1);
	loop_free(&l);
	dns_free(&d);
}
