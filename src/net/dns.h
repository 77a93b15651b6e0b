/*
 * Host names to addresses: the system's resolver on threads behind a cache.
 *
 * One question a name, however many wait for it; an answer is kept for 60 s, a
 * failure for 5 s.  A dns is a value that belongs to one loop and is shared by all
 * that dial in it.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <sys/socket.h>

#include "net/loop.h"

#define DNS_GOOD_MS	60000
#define DNS_BAD_MS	5000
#define DNS_ADDRS_MAX	32	/* of one name; what is beyond is left out */

struct dns_addr {
	struct sockaddr_storage	 sa;	/* port 0 */
	socklen_t		 len;
};
struct dns_addrs {
	size_t		 n;
	struct dns_addr	 at[DNS_ADDRS_MAX];	/* in the system's order of preference */
};

/*
 * How a name is looked up: on a thread, so it may block and must not touch the loop.
 * Returns 0, an EAI_... code, or EAI_SYSTEM with errno.
 */
typedef int (*dns_lookup_fn)(const char *host, struct dns_addrs *out);

struct dns;
struct dns *dns_new(struct loop *l, dns_lookup_fn lookup);	/* NULL: getaddrinfo */
/*
 * After loop_free(), which waits for the threads: so nothing is left behind.  Queries
 * that are still there go with it, uncalled.
 */
void dns_free(struct dns **d);

/*
 * Asks.  done is called exactly once, never from inside the call, unless the query was
 * freed before; the query is gone when done is called.  Either a (at least one
 * address, valid during done) or e is set.  Errors: ERR_NET of scope SESSION that
 * names the host; temporary but for what cannot be a host name.
 */
struct dns_query;
typedef void (*dns_fn)(void *arg, const struct dns_addrs *a, const struct err *e);
struct dns_query *dns_ask(struct dns *d, const char *host, dns_fn done, void *arg);
/* The lookup goes on for others and for the cache. */
void dns_query_free(struct dns_query **q);

#endif
