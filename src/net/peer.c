/*
 * peer: errors of connections in words that tell who must act, with host and port.
 *
 * The texts of strerror() say what a call met ("Transport endpoint is not
 * connected"); a user needs to know what happened to the connection.  What is not
 * in the table keeps the system's text.  Nothing here is an end: every error of the
 * network may be gone at the next attempt, so all are temporary.
 */
#include "net/peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct words {
	int		 errnum;
	const char	*text;
};

static const struct words words[] = {
	{ ECONNREFUSED, "connection refused: nothing listens there" },
	{ ECONNRESET, "the connection was reset by the server, or by something on the way" },
	{ ECONNABORTED, "the connection was broken off" },
	{ EPIPE, "the server has closed the connection" },
	{ ETIMEDOUT, "the server does not answer any more" },
	{ EHOSTUNREACH, "the host cannot be reached" },
	{ ENETUNREACH, "there is no network to the host" },
	{ EHOSTDOWN, "the host is down" },
	{ ENETDOWN, "the network is down" },
	{ ENETRESET, "the network dropped the connection" },
	{ EADDRNOTAVAIL, "this machine has no address or port for it" },
	{ EAFNOSUPPORT, "this machine has no such kind of network" },
	{ EACCES, "this machine forbids the connection" },
	{ EPERM, "this machine forbids the connection" },
};

const char *
peer_print(struct peer p, char *out)
{
	bool v6 = strchr(p.host, ':') != NULL;

	snprintf(out, PEER_TEXT, "%s%.*s%s:%u", v6 ? "[" : "", HOST_MAX, p.host, v6 ? "]" : "",
	    (unsigned)p.port);
	return out;
}

const char *
peer_words(int errnum)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].errnum == errnum)
			return words[i].text;
	return strerror(errnum);
}

static bool
is_ours(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

int
peer_fail(struct err *e, struct peer p, enum err_kind kind, bool temporary, const char *fmt, ...)
{
	char name[PEER_TEXT];
	va_list ap;

	if (e == NULL || err_is(e))
		return -1;
	va_start(ap, fmt);
	err_vset(e, kind, SCOPE_SESSION, fmt, ap);
	va_end(ap);
	err_prefix(e, "%s", peer_print(p, name));
	e->temporary = temporary;
	return -1;
}

int
peer_err(struct err *e, struct peer p, int errnum)
{
	return peer_fail(e, p, is_ours(errnum) ? ERR_SYSTEM : ERR_NET, true, "%s",
	    peer_words(errnum));
}
