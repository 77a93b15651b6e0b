/*
 * A TCP connection to a host by name: looks the name up and races its addresses
 * (RFC 8305) until one of them answers or the deadline has come.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/dns.h"
#include "net/peer.h"

#define DIAL_STAGGER_MS	250	/* RFC 8305, 5: Connection Attempt Delay */
#define DIAL_FOREVER	INT64_MAX

struct dial_params {
	struct loop	*loop;
	struct dns	*dns;
	struct peer	 peer;		/* the host is copied */
	int64_t		 deadline;	/* of loop_now(), over lookup and connect; DIAL_FOREVER */
};

/*
 * fd: connected, CLOEXEC, not blocking, the caller's; or -1 and e: ERR_NET (ERR_SYSTEM:
 * no descriptor), scope SESSION, temporary, naming host, port, and what each address
 * said.  Called exactly once, never from inside dial_new(), unless freed before; the
 * dial is spent then, and may be freed in the callback.
 */
typedef void (*dial_fn)(void *arg, int fd, const struct err *e);

struct dial;
struct dial *dial_new(const struct dial_params *p, dial_fn done, void *arg);
void dial_free(struct dial **d);	/* gives up what is under way; before loop_free() */

/*
 * The order in which a is tried: families in turn, beginning with the first's, each
 * in its own order (RFC 8305, 4).
 */
void dial_order(const struct dns_addrs *a, uint8_t order[DNS_ADDRS_MAX]);

#endif
