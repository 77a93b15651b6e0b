/*
 * The wire log of an IMAP session: bytes in, lines for people out, without what must
 * not be seen.  "C: a1 LOGIN fred <secret>", "S: * 1 FETCH (UID 7 BODY[] {2345}<...>)".
 *
 * What is hidden follows from state, never from a look at the words: parts that the
 * encoder marked, all that is sent and each challenge while SASL runs, and, as long as a
 * sign-in runs, what was sent as a secret when the server says it back.
 */
#ifndef PROTO_IMAP_LOG_H
#define PROTO_IMAP_LOG_H

#include "base/secret.h"

#define IMAP_LOG_LINE	((size_t)2000)	/* bytes of a line that are shown */
#define IMAP_LOG_LITERAL 80u		/* a longer literal is shown as <...> */

/* line: one line without its end, valid UTF-8, no control bytes; until fn returns. */
typedef void (*imap_log_fn)(void *arg, const char *line);

struct imap_log;
struct imap_log *imap_log_new(imap_log_fn fn, void *arg);
/* Lines that have no end yet are not shown. */
void imap_log_free(struct imap_log **l);

enum imap_log_mode {
	IMAP_LOG_OPEN,		/* no sign-in runs */
	IMAP_LOG_LOGIN,		/* from before LOGIN or AUTHENTICATE is sent until its reply is taken */
	IMAP_LOG_SASL,		/* the same from behind the line of AUTHENTICATE */
};
/*
 * IMAP_LOG_OPEN forgets the secrets: masked for ever, they could be guessed from what is
 * masked in a mail.
 */
void imap_log_mode(struct imap_log *l, enum imap_log_mode mode);
/* One more thing that must not come back: the password behind a base64, say. */
void imap_log_hide(struct imap_log *l, struct view secret);

/* A part of a command, whole (imap_cmd_part). */
void imap_log_sent(struct imap_log *l, struct view bytes, bool secret);
/* Cut anywhere. */
void imap_log_received(struct imap_log *l, struct view bytes);

#endif
