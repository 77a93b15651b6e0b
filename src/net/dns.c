/*
 * dns: getaddrinfo on the loop's threads behind a single-flight cache.
 *
 * An entry is a name with its last answer, the queries that wait for it, and the
 * flight while a thread looks it up.  A thread sees its flight only, never an entry.
 * A query for an answer that is there waits too, for a timer of 0 ms, because
 * nothing calls back from inside a call.  Addresses in digits need no thread.
 *
 * A lookup cannot be broken off and may take half a minute, so at most two threads
 * of the loop's four do this work; other names wait in line and blocking file work
 * goes on.  No AI_ADDRCONFIG: it hides the loopback on a machine without a network,
 * and an address that cannot be reached costs dial (net/dial.h) no time.
 *
 * Limits: 1,024 names are kept; those that nobody waits for make room, the oldest
 * first.  NXDOMAIN counts as temporary: it is also what a laptop hears behind a
 * hotel's portal, or before its VPN is up.
 */
#include "net/dns.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "net/peer.h"

#define DNS_MAGIC	0x646e7321u
#define QUERY_MAGIC	0x61736b21u
#define NAMES_MAX	1024
#define THREADS_MAX	2

struct flight {
	struct entry	*entry;
	dns_lookup_fn	 lookup;
	int		 code, errnum;
	struct dns_addrs addrs;
	char		 host[HOST_MAX + 1];
};

struct entry {
	struct link	 link;		/* of the dns, the oldest answer first */
	struct link	 line;		/* of those that wait for a thread */
	struct link	 waiters;
	struct dns	*d;
	struct flight	*flight;	/* NULL: answered */
	bool		 calling;	/* its answer is being told: stays */
	int64_t		 until;		/* how long the answer is good */
	struct err	 err;
	struct dns_addrs addrs;
	char		 host[HOST_MAX + 1];	/* lower case: the key */
};

struct dns {
	uint32_t	 magic;
	struct loop	*l;
	dns_lookup_fn	 lookup;
	struct map	*names;
	struct link	 entries, line;
	size_t		 running;
};

struct dns_query {
	uint32_t	 magic;
	struct link	 link;
	struct dns	*d;
	struct entry	*entry;
	struct loop_timer *timer;	/* the answer was there */
	dns_fn		 done;
	void		*arg;
};

/* ---- the system's answer */

static int
resolve(const char *host, int flags, struct dns_addrs *out)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
	    .ai_flags = flags };
	struct addrinfo *list;
	int code;

	if ((code = getaddrinfo(host, NULL, &hints, &list)) != 0)
		return code;
	out->n = 0;
	for (struct addrinfo *ai = list; ai != NULL && out->n < DNS_ADDRS_MAX; ai = ai->ai_next) {
		struct dns_addr *a = &out->at[out->n];

		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		if (ai->ai_addrlen > sizeof(a->sa))
			continue;
		memset(&a->sa, 0, sizeof(a->sa));
		memcpy(&a->sa, ai->ai_addr, ai->ai_addrlen);
		a->len = ai->ai_addrlen;
		out->n++;
	}
	freeaddrinfo(list);
	return out->n > 0 ? 0 : EAI_NONAME;
}

static int
lookup_system(const char *host, struct dns_addrs *out)
{
	return resolve(host, 0, out);
}

static void
explain(struct err *e, const char *host, int code, int errnum)
{
	switch (code) {
	case EAI_AGAIN:
		err_set(e, ERR_NET, SCOPE_SESSION,
		    "%s: no name server answers; is there a network?", host);
		break;
	case EAI_NONAME:
#ifdef EAI_NODATA
	case EAI_NODATA:
#endif
		err_set(e, ERR_NET, SCOPE_SESSION, "%s: there is no host of this name", host);
		break;
	case EAI_FAIL:
		err_set(e, ERR_NET, SCOPE_SESSION, "%s: the name server failed", host);
		break;
	case EAI_SYSTEM:
		err_set(e, ERR_NET, SCOPE_SESSION, "%s: the name cannot be looked up: %s", host,
		    strerror(errnum));
		break;
	default:
		err_set(e, ERR_NET, SCOPE_SESSION, "%s: the name cannot be looked up: %s", host,
		    gai_strerror(code));
		break;
	}
	e->temporary = true;
}

/* ---- queries */

static void
query_drop(struct dns_query *q)
{
	list_remove(&q->link);
	q->magic = 0;
	free(q);
}

void
dns_query_free(struct dns_query **qp)
{
	struct dns_query *q = *qp;

	if (q == NULL)
		return;
	CHECK(q, QUERY_MAGIC);
	*qp = NULL;
	loop_cancel(q->d->l, &q->timer);
	query_drop(q);
}

/* The query is gone when its owner hears, so that he may free nothing twice. */
static void
query_tell(struct dns_query *q)
{
	struct entry *en = q->entry;
	dns_fn done = q->done;
	void *arg = q->arg;

	query_drop(q);
	en->calling = true;
	if (err_is(&en->err))
		done(arg, NULL, &en->err);
	else
		done(arg, &en->addrs, NULL);
	en->calling = false;
}

/* ---- entries and flights */

static void
entry_free(struct entry *en)
{
	list_remove(&en->link);
	list_remove(&en->line);
	map_del(en->d->names, view_of(en->host));
	free(en->flight);
	free(en);
}

static void
entry_answered(struct entry *en)
{
	struct dns *d = en->d;

	en->until = loop_now(d->l) + (err_is(&en->err) ? DNS_BAD_MS : DNS_GOOD_MS);
	list_remove(&en->link);
	list_append(&d->entries, &en->link);
}

static void on_looked_up(void *arg);

/* On a thread. */
static void
look_up(void *arg)
{
	struct flight *f = arg;

	f->code = f->lookup(f->host, &f->addrs);
	f->errnum = errno;
}

static void
start_next(struct dns *d)
{
	while (d->running < THREADS_MAX && !list_empty(&d->line)) {
		struct entry *en = LIST_ITEM(d->line.next, struct entry, line);

		list_remove(&en->line);
		d->running++;
		loop_work(d->l, look_up, on_looked_up, en->flight);
	}
}

static void
on_looked_up(void *arg)
{
	struct flight *f = arg;
	struct entry *en = f->entry;
	struct dns *d = en->d;
	struct link now;

	d->running--;
	en->flight = NULL;
	err_clear(&en->err);
	if (f->code == 0 && f->addrs.n > 0)
		en->addrs = f->addrs;
	else
		explain(&en->err, en->host, f->code == 0 ? EAI_NONAME : f->code, f->errnum);
	free(f);
	entry_answered(en);
	start_next(d);
	/* Whoever asks from inside a callback waits for a timer, not in this ring. */
	list_init(&now);
	while (!list_empty(&en->waiters)) {
		struct link *first = en->waiters.next;

		list_remove(first);
		list_append(&now, first);
	}
	/* An owner may free other queries of the ring: always the first that is left. */
	while (!list_empty(&now)) {
		struct dns_query *q = LIST_ITEM(now.next, struct dns_query, link);

		loop_cancel(d->l, &q->timer);
		query_tell(q);
	}
}

static void
on_there(void *arg)
{
	struct dns_query *q = arg;

	q->timer = NULL;
	/* It ran out and is asked anew meanwhile: wait like the others. */
	if (q->entry->flight == NULL)
		query_tell(q);
}

static void
entry_ask(struct entry *en)
{
	struct dns *d = en->d;
	struct flight *f = xcalloc(1, sizeof(*f));

	f->entry = en;
	f->lookup = d->lookup;
	memcpy(f->host, en->host, sizeof(f->host));
	en->flight = f;
	list_append(&d->line, &en->line);
	start_next(d);
}

static void
make_room(struct dns *d)
{
	LIST_EACH(&d->entries, it) {
		struct entry *en = LIST_ITEM(it, struct entry, link);

		if (map_count(d->names) < NAMES_MAX)
			return;
		if (en->flight == NULL && !en->calling && list_empty(&en->waiters))
			entry_free(en);
	}
}

static struct entry *
entry_new(struct dns *d, const char *key)
{
	struct entry *en;

	make_room(d);
	en = xcalloc(1, sizeof(*en));
	en->d = d;
	list_init(&en->line);
	list_init(&en->waiters);
	memcpy(en->host, key, strlen(key) + 1);
	list_append(&d->entries, &en->link);
	map_set(d->names, view_of(en->host), en);
	return en;
}

/* The entry's key; false for what is no host name, which gets the key "". */
static bool
key_of(const char *host, char *key)
{
	size_t n = strlen(host);

	key[0] = '\0';
	if (n == 0 || n > HOST_MAX)
		return false;
	for (size_t i = 0; i <= n; i++)
		key[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] + 32) : host[i];
	return true;
}

struct dns_query *
dns_ask(struct dns *d, const char *host, dns_fn done, void *arg)
{
	struct dns_query *q;
	struct entry *en;
	char key[HOST_MAX + 1];
	bool valid;

	CHECK(d, DNS_MAGIC);
	valid = key_of(host, key);
	if ((en = map_get(d->names, view_of(key))) == NULL)
		en = entry_new(d, key);
	q = xcalloc(1, sizeof(*q));
	q->magic = QUERY_MAGIC;
	q->d = d;
	q->entry = en;
	q->done = done;
	q->arg = arg;
	list_append(&en->waiters, &q->link);
	if (en->flight == NULL && en->until <= loop_now(d->l)) {
		err_clear(&en->err);
		if (!valid) {
			err_set(&en->err, ERR_NET, SCOPE_SESSION, "a host name has 1 to %d bytes",
			    HOST_MAX);
			entry_answered(en);
		} else if (resolve(key, AI_NUMERICHOST, &en->addrs) == 0) {
			entry_answered(en);
		} else {
			entry_ask(en);
		}
	}
	if (en->flight == NULL)
		q->timer = loop_after(d->l, 0, on_there, q);
	return q;
}

/* ---- life */

struct dns *
dns_new(struct loop *l, dns_lookup_fn lookup)
{
	struct dns *d = xcalloc(1, sizeof(*d));

	d->magic = DNS_MAGIC;
	d->l = l;
	d->lookup = lookup != NULL ? lookup : lookup_system;
	d->names = map_new();
	list_init(&d->entries);
	list_init(&d->line);
	return d;
}

void
dns_free(struct dns **dp)
{
	struct dns *d = *dp;

	if (d == NULL)
		return;
	CHECK(d, DNS_MAGIC);
	*dp = NULL;
	LIST_EACH(&d->entries, it) {
		struct entry *en = LIST_ITEM(it, struct entry, link);

		while (!list_empty(&en->waiters))
			query_drop(LIST_ITEM(en->waiters.next, struct dns_query, link));
		entry_free(en);
	}
	map_free(&d->names);
	d->magic = 0;
	free(d);
}
