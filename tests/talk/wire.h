/* What the two files of the runner on the wire share. */
#ifndef WIRE_H
#define WIRE_H

#include "talk_script.h"
#include "tls_kit.h"

#define LIMIT_S		10

struct certs { struct kit_cert ca, good, unknown, wrong_name, expired, early; };

struct wire {
	const struct talk_script *script;
	const struct certs *certs;
	const struct kit_cert *cert;
	SSL_CTX		*ctx;
	int		 listener;
	uint16_t	 port;
	unsigned	 connections;	/* that were accepted */
	int		 fd;		/* the present one, or -1 */
	SSL		*ssl;		/* NULL: in clear */
	bool		 shaken;	/* a handshake came to its end */
	struct str	 in;		/* of the client, no whole line yet */
	bool		 over;		/* the client has closed */
	struct talk_slots slots;
	char		 dir[300], output[330], rules[330], ca[330];
	char		 pin[80];
	pid_t		 pid;		/* 0: nothing runs */
	int		 code;		/* exit code; -1: none yet */
	char		 why[900];
};

/* ---- wire_server.c */
extern bool wire_verbose;
/* The first failure of a talk counts. */
void wire_fail(struct wire *w, const struct talk_step *s, const char *what, const char *more);
void wire_show(const char *mark, struct view v);
int64_t wire_now(void);
void wire_nap(long ms);
void wire_listen(struct wire *w);
void wire_hang_up(struct wire *w);
bool wire_shake(struct wire *w);		/* TLS; false: no handshake */
/* Connection number `number`; those before it that were not heard are closed. */
void wire_next(struct wire *w, const struct talk_step *s, unsigned number);
bool wire_connected(struct wire *w, const struct talk_step *s);
void wire_put(struct wire *w, struct view v);
/* More bytes; false when none came in ms or the client has closed. */
bool wire_get(struct wire *w, int ms);
bool wire_line(struct wire *w, struct str *line);
bool wire_answer(struct wire *w, struct view line);	/* a standing one */
/* Nothing comes that nobody asked for: within ms, or until it closes. */
bool wire_is_silent(struct wire *w, const struct talk_step *s, int ms);

#endif
