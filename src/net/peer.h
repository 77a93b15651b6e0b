/* The other end of a connection, and what the system says about it, in words. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "base/err.h"

#define HOST_MAX	253	/* bytes of a host name: RFC 1035, 2.3.4, as text */
#define PEER_TEXT	(HOST_MAX + 10)

/* host is not owned. */
struct peer {
	const char	*host;		/* a name or an address, as the user wrote it */
	uint16_t	 port;
};

/* "mail.example.com:993", "[::1]:993"; out has PEER_TEXT places.  Returns out. */
const char *peer_print(struct peer p, char *out);
/* "connection refused", "no answer", ...: what errnum means on a connection. */
const char *peer_words(int errnum);
/*
 * ERR_NET of scope SESSION, temporary: "mail.example.com:993: " and the words.  What
 * this machine lacks (descriptors, memory, ports) is ERR_SYSTEM.  Always -1.
 */
int peer_err(struct err *e, struct peer p, int errnum);
/* The same with a text of the caller's behind the name; temporary as given. */
int peer_fail(struct err *e, struct peer p, enum err_kind kind, bool temporary,
	const char *fmt, ...) PRINTF(5, 6);

#endif
