/*
 * Supervision of an account: why there is no connection, how long to wait, and what the log says
 * of it.
 *
 *	temporary	1 s, doubled up to 5 min, a quarter more or less by chance
 *	permanent	every 30 min: somebody has to change a password, a certificate, a rule file
 *	asked		what the server asked for, and not earlier
 *	lost		a link that had been up for 60 s: again within a second
 *
 * A reason is logged the first two times, when the pause has reached its longest, then hourly; in
 * between for --verbose only.
 */
#include "source/imap_source_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"

#define PAUSE_FIRST_MS		1000
#define PAUSE_MAX_MS		((int64_t)5 * 60 * 1000)
#define PAUSE_PERMANENT_MS	((int64_t)30 * 60 * 1000)
#define PAUSE_ASKED_MAX_MS	((int64_t)24 * 3600 * 1000)
#define PAUSE_LOST_MS		1000u	/* at most: a server that restarts is not stormed */
#define STABLE_MS		60000	/* up for so long: what failed before counts no more */
#define SAY_AGAIN_MS		((int64_t)3600 * 1000)

static uint32_t
chance(uint32_t below)
{
	uint32_t n;

	random_bytes(&n, sizeof(n));
	return n % below;
}

/* "4 s", "30 min", "2 h": rounded up to what people count in. */
static void
put_span(struct str *out, int64_t ms)
{
	int64_t s = (ms + 999) / 1000;

	if (s < 120)
		str_addf(out, "%lld s", (long long)s);
	else if (s < 7200)
		str_addf(out, "%lld min", (long long)(s + 59) / 60);
	else
		str_addf(out, "%lld h", (long long)(s + 3599) / 3600);
}

static void
put_clock(struct str *out, int64_t wall_ms)
{
	struct tm tm = { 0 };

	zone_split(NULL, wall_ms / 1000, &tm);
	str_addf(out, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- the log */

/* Servers put times and numbers of sessions behind their words. */
static bool
same_but_numbers(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}

static void
say(struct imap_source *s, bool permanent, int64_t pause)
{
	int64_t now = loop_now(s->source.loop);
	bool at_max = pause >= PAUSE_MAX_MS * 3 / 4, loud;
	struct str line = STR_INIT;

	if (s->said.text == NULL || !same_but_numbers(s->said.text, s->trouble.text)) {
		free(s->said.text);
		s->said.text = xstrdup(s->trouble.text);
		s->said.times = 0;
		s->said.at_max = false;
	}
	s->said.times++;
	loud = s->said.times <= 2 || (at_max && !s->said.at_max) || now - s->said.at >= SAY_AGAIN_MS;
	s->said.at_max |= at_max;
	if (loud)
		s->said.at = now;
	str_addf(&line, "%s: %s", s->source.name, s->trouble.text);
	if (s->conf.once) {
		permanent = true;	/* for as long as anybody looks */
		if (s->asked) {
			str_adds(&line, "; the server asks for a pause of ");
			put_span(&line, pause);
		}
	} else if (s->asked) {
		str_adds(&line, "; the server asks for a pause: trying again at ");
		put_clock(&line, loop_wall(s->source.loop) + pause);
		str_adds(&line, " (in ");
		put_span(&line, pause);
		str_addc(&line, ')');
	} else {
		str_adds(&line, permanent ? "; this does not go away by itself; trying again in " :
		    "; trying again in ");
		put_span(&line, pause);
	}
	log_at(s->source.log, !loud || s->conf.quiet ? LOG_DEBUG : permanent ? LOG_ERROR : LOG_WARN, "%s", str_z(&line));
	str_free(&line);
}

/* ---- the pause */

static void
pause_over(void *arg)
{
	struct imap_source *s = arg;

	s->pause = NULL;
	s->asked = false;
	imap_source_step(s);
}

static void
pause_begin(struct imap_source *s, int64_t ms)
{
	loop_cancel(s->source.loop, &s->pause);
	s->pause = loop_after(s->source.loop, ms, pause_over, s);
}

/* What waits and cannot be served by a link that is there. */
static void
answer_waiting(struct imap_source *s)
{
	if (imap_serve_by(s, NULL) == NULL)
		imap_answer_all(s, &s->plain, &s->trouble);
	LIST_EACH(&s->boxes, it) {
		struct imap_box *b = LIST_ITEM(it, struct imap_box, link);

		if (b->batching || imap_serve_by(s, b) != NULL)
			continue;
		imap_answer_all(s, &b->queue, &s->trouble);
		imap_answer_all(s, &b->asks, &s->trouble);
	}
}

/* ---- what failed */

/* Words of servers that count the connections of a user; lower case. */
static bool
is_connection_limit(const char *text)
{
	static const char *const words[] = { "maximum number of connections", "too many connections",
		"too many simultaneous", "too many concurrent", "simultaneous connections",
		"connection limit", "connections exceeded", "limit of connections", "[limit]",
		"too many open", "maximum connections", "connection count exceeded",
		"maxconnectionsperuser", "too many sessions", "concurrent connections" };
	char *low = xstrdup(text);
	bool is = false;

	for (char *p = low; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_LEN(words) && !is; i++)
		is = strstr(low, words[i]) != NULL;
	free(low);
	return is;
}

/* true: it was one link too many, and the others go on. */
static bool
one_too_many(struct imap_source *s, const struct err *e)
{
	unsigned up = 0;

	LIST_EACH(&s->links, it)
		up += imap_link_ready(LIST_ITEM(it, struct imap_link, link));
	if (up == 0 || !is_connection_limit(e->text))
		return false;
	s->links_max = up;
	log_warn(s->source.log, "%s: the server takes no more than %u connection%s now (%s); "
	    "mailmill goes on with %u", s->source.name, up, up == 1 ? "" : "s", e->text, up);
	return true;
}

static void
forget_old_failures(struct imap_source *s)
{
	int64_t now = loop_now(s->source.loop);

	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (imap_link_ready(l) && now - l->up_at >= STABLE_MS)
			s->failures = 0;
	}
}

static void
set_trouble(struct imap_source *s, const struct err *e, bool at_server)
{
	size_t n = strlen(s->conf.host);

	s->trouble = *e;
	/* "HOST: there is no host of this name": once is enough. */
	if (strncmp(e->text, s->conf.host, n) == 0 && strncmp(e->text + n, ": ", 2) == 0)
		memmove(s->trouble.text, e->text + n + 2, strlen(e->text + n + 2) + 1);
	if (at_server && strncmp(e->text, s->where, strlen(s->where)) != 0)
		err_prefix(&s->trouble, "%s", s->where);
	s->trouble.scope = SCOPE_ACCOUNT;
	s->trouble.temporary = true;		/* the source tries again by itself */
}

void
imap_trouble_failed(struct imap_source *s, const struct err *e, bool at_server, int64_t pause_ms)
{
	bool permanent = !e->temporary && pause_ms == 0 &&
	    (e->kind == ERR_AUTH || e->kind == ERR_TLS || e->kind == ERR_USAGE);
	int64_t ms;

	if (one_too_many(s, e))
		return;
	forget_old_failures(s);
	ms = MIN((int64_t)PAUSE_FIRST_MS << MIN(s->failures, 16u), PAUSE_MAX_MS);
	ms = ms * 3 / 4 + chance((uint32_t)(ms / 2 + 1));
	if (permanent)
		ms = PAUSE_PERMANENT_MS;
	s->asked = pause_ms > 0;
	if (s->asked)
		ms = MIN(MAX(ms, pause_ms), PAUSE_ASKED_MAX_MS);
	s->failures++;
	set_trouble(s, e, at_server);
	pause_begin(s, ms);
	say(s, permanent, ms);
	answer_waiting(s);
}

void
imap_trouble_lost(struct imap_source *s, const struct err *e, int64_t up_at, int64_t pause_ms,
	bool needed)
{
	bool again = s->pause == NULL;		/* else the others go down with the first */

	if (again && loop_now(s->source.loop) - up_at >= STABLE_MS)
		s->failures = 0;
	if (pause_ms > 0 || (needed && again && s->failures > 0)) {
		imap_trouble_failed(s, e, true, pause_ms);
		return;
	}
	log_at(s->source.log, needed && !s->away ? LOG_INFO : LOG_DEBUG,
	    "%s: the connection was lost: %s%s", s->source.name, e->text,
	    needed ? "; connecting again" : "");
	if (!needed)
		return;
	s->away = true;
	if (!again)
		return;
	s->failures = 1;
	pause_begin(s, chance(PAUSE_LOST_MS));
}

/* "signed in at HOST:PORT as USER (TLSv1.3, Dovecot)" */
static void
put_signed_in(const struct imap_link *l, struct str *out)
{
	const struct imap_source *s = l->source;
	const char *tls = imap_tls_version(l->imap), *server = imap_server(l->imap);

	str_addf(out, "signed in at %s as %s", s->where, s->conf.user);
	if (tls[0] != '\0' || server[0] != '\0')
		str_addf(out, " (%s%s%s)", tls, tls[0] != '\0' && server[0] != '\0' ? ", " : "", server);
}

void
imap_describe(struct source *source, struct str *out)
{
	struct imap_source *s = (struct imap_source *)source;

	CHECK(s, IMAP_SOURCE_MAGIC);
	LIST_EACH(&s->links, it) {
		const struct imap_link *l = LIST_ITEM(it, struct imap_link, link);

		if (!imap_link_ready(l))
			continue;
		put_signed_in(l, out);
		return;
	}
	if (err_is(&s->trouble))
		str_addf(out, "not connected: %s", s->trouble.text);
	else
		str_addf(out, "not connected to %s now", s->where);
}

void
imap_trouble_over(struct imap_link *l)
{
	struct imap_source *s = l->source;
	struct str text = STR_INIT;

	put_signed_in(l, &text);
	if (!s->been_up)
		log_at(s->source.log, s->conf.quiet ? LOG_DEBUG : LOG_INFO, "%s: %s", s->source.name,
		    str_z(&text));
	else if (s->away || err_is(&s->trouble))
		log_info(s->source.log, "%s: connected again", s->source.name);
	else
		log_debug(s->source.log, "%s: one more connection", s->source.name);
	str_free(&text);
	s->been_up = true;
	s->away = false;
	err_clear(&s->trouble);
	if (!s->asked)
		loop_cancel(s->source.loop, &s->pause);
	free(s->said.text);
	s->said.text = NULL;
}
