/*
 * The IMAP engine's doors: bytes in, bytes out, time.  The session calls them; what comes in goes
 * reply by reply to imap_take.c, what goes out comes command by command from imap_flight.c.
 */
#include "proto/imap_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BYE_GRACE_MS	2000	/* for the answer of a sign-in behind a BYE */
#define SIGN_TIMES	5	/* reply_ms in which the sign-in must be over, whatever the server says */
#define LATE_MS		5000	/* a tick so late means that we slept: one more moment */

/* ---- life */

static char *
dup_or_null(const char *z)
{
	return z != NULL ? xstrdup(z) : NULL;
}

struct imap *
imap_new(const struct imap_conf *conf)
{
	struct imap *m = xcalloc(1, sizeof(*m));

	m->magic = IMAP_MAGIC;
	m->conf = *conf;
	m->conf.host = dup_or_null(conf->host);
	m->conf.user = xstrdup(conf->user != NULL ? conf->user : "");
	m->conf.authzid = dup_or_null(conf->authzid);
	m->conf.version = dup_or_null(conf->version);
	m->password = secret_copy(conf->password);
	m->token = secret_copy(conf->token);
	m->conf.password = m->conf.token = NULL;
	m->conf.reply_ms = conf->reply_ms > 0 ? conf->reply_ms : IMAP_REPLY_MS;
	m->conf.idle_ms = conf->idle_ms > 0 ? conf->idle_ms : IMAP_IDLE_MS;
	m->conf.poll_ms = conf->poll_ms > 0 ? conf->poll_ms : IMAP_POLL_MS;
	m->resp = imap_resp_new();
	if (conf->sink.data != NULL)
		imap_resp_sink(m->resp, &conf->sink);
	if (conf->wire != NULL)
		m->log = imap_log_new(conf->wire, conf->arg);
	imap_tags_init(&m->tags, conf->random);
	m->syntax = imap_syntax_of(&m->caps, conf->line_max);
	list_init(&m->waiting);
	list_init(&m->flight);
	m->due = true;			/* the greeting */
	return m;
}

void
imap_free(struct imap **mp)
{
	struct imap *m = *mp;
	struct err e = ERR_NONE;

	*mp = NULL;
	if (m == NULL)
		return;
	CHECK(m, IMAP_MAGIC);
	m->stage = STAGE_OVER;
	err_set(&e, ERR_CANCELED, SCOPE_SESSION, "the session was ended");
	imap_fail_all(m, &e);
	imap_sign_free(m);
	imap_box_clear(&m->sel);
	imap_box_clear(&m->next);
	imap_cmd_free(&m->line);
	imap_log_free(&m->log);
	imap_resp_free(&m->resp);
	for (size_t i = 0; i < m->targets.n; i++)
		free(m->targets.at[i]);
	VEC_FREE(&m->targets);
	free(m->bye);
	free((char *)(uintptr_t)m->conf.host);
	free((char *)(uintptr_t)m->conf.user);
	free((char *)(uintptr_t)m->conf.authzid);
	free((char *)(uintptr_t)m->conf.version);
	m->magic = 0;
	free(m);
}

void
imap_connected(struct imap *m, bool loopback)
{
	CHECK(m, IMAP_MAGIC);
	m->loopback = loopback;
	m->due = true;
	m->base = m->began = m->now;
}

int
imap_end(struct imap *m, enum err_kind kind, bool temporary, const char *fmt, ...)
{
	bool first = !err_is(&m->end);
	va_list ap;

	va_start(ap, fmt);
	err_vset(&m->end, kind, kind == ERR_TLS || kind == ERR_AUTH ? SCOPE_ACCOUNT : SCOPE_SESSION,
	    fmt, ap);
	va_end(ap);
	if (first)
		m->end.temporary = temporary;
	return -1;
}

/* ---- engine_ops */

static int
imap_feed(void *engine, struct view in, size_t *used_r, enum engine_want *want_r, struct err *e)
{
	struct imap *m = engine;
	struct imap_reply *r;
	size_t n = in.n;
	int rc = 0;

	CHECK(m, IMAP_MAGIC);
	*want_r = ENGINE_GO_ON;
	if (m->log != NULL)
		imap_log_received(m->log, in);
	if (in.n > 0) {
		m->base = m->now;
		m->probe_until = 0;
	}
	while (!m->want_tls && m->stage != STAGE_OVER && rc == 0) {
		struct err broken = ERR_NONE;

		rc = imap_resp_next(m->resp, &in, &r, &broken);
		if (rc < 0 && !err_is(&m->end))
			m->end = broken;
		if (rc <= 0)
			break;
		rc = imap_take(m, r);
	}
	*used_r = n - in.n;
	if (m->want_tls && !imap_resp_idle(m->resp))
		rc = imap_end(m, ERR_TLS, false, "bytes behind the answer to STARTTLS: somebody may have "
		    "put them there");
	if (rc < 0) {
		m->stage = STAGE_OVER;
		*e = m->end;
		return -1;
	}
	*want_r = m->stage == STAGE_OVER ? ENGINE_CLOSE : m->want_tls ? ENGINE_WANT_TLS : ENGINE_GO_ON;
	return 0;
}

/* What is written next of the line without a tag, or of the command under way. */
static struct view
rest_of(struct imap *m, struct imap_cmd *c, size_t part, size_t off)
{
	struct imap_part p = imap_cmd_part(c, part);

	if (off == 0 && m->log != NULL)
		imap_log_sent(m->log, p.bytes, p.secret);
	return view_from(p.bytes, off);
}

static struct view
imap_output(void *engine)
{
	struct imap *m = engine;
	struct imap_op *op;
	struct imap_part p;

	CHECK(m, IMAP_MAGIC);
	if (m->stage == STAGE_OVER || m->stage == STAGE_HANDSHAKE || m->want_tls)
		return VIEW_NONE;
	for (;;) {
		if (m->line != NULL)
			return rest_of(m, m->line, m->line_part, m->line_off);
		if (m->writing == NULL)
			m->writing = imap_flight_next(m);
		op = m->writing;
		if (op == NULL && m->line == NULL)
			return VIEW_NONE;
		if (op == NULL)
			continue;
		p = imap_cmd_part(op->cmd, op->part);
		if (op->off == 0 && p.wait && !op->plus) {
			if (!op->answered)
				return VIEW_NONE;
			m->writing = NULL;	/* it was refused: the literal is not wanted */
			imap_op_free(&op);
			continue;
		}
		if (p.bytes.n > 0)
			return rest_of(m, op->cmd, op->part, op->off);
		imap_engine_ops.sent(m, 0);	/* an empty literal */
	}
}

static void
op_sent(struct imap *m, struct imap_op *op, size_t n)
{
	op->off += n;
	if (op->off < imap_cmd_part(op->cmd, op->part).bytes.n)
		return;
	op->off = 0;
	op->part++;
	op->plus = false;
	if (op->part < imap_cmd_parts(op->cmd))
		return;
	m->writing = NULL;
	if (op->answered) {
		imap_op_free(&op);
		return;
	}
	if (op->verb == IMAP_DO_AUTHENTICATE && m->log != NULL)
		imap_log_mode(m->log, IMAP_LOG_SASL);
}

static void
imap_sent(void *engine, size_t n)
{
	struct imap *m = engine;

	CHECK(m, IMAP_MAGIC);
	if (!m->due)
		m->base = m->now;
	m->due = true;
	if (n > 0)
		m->base = m->now;
	if (m->line == NULL) {
		assert(m->writing != NULL);
		op_sent(m, m->writing, n);
		return;
	}
	m->line_off += n;
	if (m->line_off < imap_cmd_part(m->line, m->line_part).bytes.n)
		return;
	m->line_off = 0;
	if (++m->line_part == imap_cmd_parts(m->line))
		imap_cmd_free(&m->line);
}

static int
imap_on_tls(void *engine, const struct engine_tls *tls, struct err *e)
{
	struct imap *m = engine;

	CHECK(m, IMAP_MAGIC);
	(void)e;
	snprintf(m->tls_version, sizeof(m->tls_version), "%s", tls->version != NULL ? tls->version : "");
	m->base = m->now;
	imap_sign_tls(m);
	return 0;
}

static void
imap_on_closed(void *engine, const struct err *e)
{
	struct imap *m = engine;

	CHECK(m, IMAP_MAGIC);
	m->stage = STAGE_OVER;
	imap_fail_all(m, err_is(&m->end) ? &m->end : e);
}

/* Is a byte of the server due: an answer, a greeting, "+" of IDLE? */
static bool
answer_due(const struct imap *m)
{
	if (m->stage == STAGE_OVER || m->stage == STAGE_HANDSHAKE)
		return false;
	if (m->stage != STAGE_READY)
		return true;
	for (const struct link *it = m->flight.next; it != &m->flight; it = it->next) {
		const struct imap_op *op = (const struct imap_op *)(const void *)it;

		if (op != m->idling || !op->plus)
			return true;
	}
	return false;
}

/* A server that always says something would never be late. */
static int64_t
sign_by(const struct imap *m)
{
	return m->began + SIGN_TIMES * m->conf.reply_ms;
}

static void
imap_renew(struct imap *m)
{
	struct imap_op *op;

	if (m->idling != NULL ? !m->idling->plus || m->now - m->idle_since < m->conf.idle_ms :
	    !m->idle_wanted || imap_can_idle(m) || m->sel.name == NULL ||
	    m->now - m->polled_at < m->conf.poll_ms)
		return;
	/* DONE, NOOP, IDLE: what a server's push has missed is told in between. */
	m->polled_at = m->idle_since = m->now;
	op = imap_op_own(m, IMAP_DO_NOOP, NULL);
	imap_op_send(op, NULL, NULL, m);
}

static int
imap_tick(void *engine, int64_t now, struct err *e)
{
	struct imap *m = engine;
	int64_t limit;

	CHECK(m, IMAP_MAGIC);
	m->now = now;
	if (m->base == 0)
		m->base = now;
	if (m->began == 0)
		m->began = now;
	if (m->probe_until == -1)
		m->probe_until = now + IMAP_PROBE_MS;
	m->due = answer_due(m);
	limit = m->probe_until > 0 ? m->probe_until : m->base + m->conf.reply_ms;
	if (m->due && now >= limit + LATE_MS) {
		m->base = now - m->conf.reply_ms + LATE_MS;
		m->probe_until = 0;
	} else if (m->due && now >= limit) {
		imap_end(m, ERR_NET, true, m->probe_until > 0 ?
		    "the connection is dead: no answer in %lld s" : "the server gave no answer in %lld s",
		    (long long)(m->probe_until > 0 ? IMAP_PROBE_MS : m->conf.reply_ms) / 1000);
	} else if (m->bye_at != 0 && now >= m->bye_at + BYE_GRACE_MS) {
		imap_end(m, ERR_NET, true, "the server ended the session: %s", m->bye);
	} else if (m->stage < STAGE_READY && now >= sign_by(m)) {
		imap_end(m, ERR_NET, true, "the server talks but does not sign us in (%lld s)",
		    (long long)(sign_by(m) - m->began) / 1000);
	}
	if (err_is(&m->end)) {
		m->stage = STAGE_OVER;
		*e = m->end;
		return -1;
	}
	if (m->stage == STAGE_READY)
		imap_renew(m);
	return 0;
}

static int64_t
imap_next_deadline(void *engine)
{
	struct imap *m = engine;
	int64_t at = INT64_MAX;

	CHECK(m, IMAP_MAGIC);
	if (answer_due(m))
		at = m->probe_until > 0 ? m->probe_until : m->base + m->conf.reply_ms;
	if (m->bye_at != 0)
		at = MIN(at, m->bye_at + BYE_GRACE_MS);
	if (m->stage < STAGE_READY && m->began != 0)
		at = MIN(at, sign_by(m));
	if (m->idling != NULL && m->idling->plus)
		at = MIN(at, m->idle_since + m->conf.idle_ms);
	else if (m->stage == STAGE_READY && m->idle_wanted && m->sel.name != NULL && !imap_can_idle(m))
		at = MIN(at, m->polled_at + m->conf.poll_ms);
	return at;
}

const struct engine_ops imap_engine_ops = {
	.feed = imap_feed,
	.output = imap_output,
	.sent = imap_sent,
	.on_tls = imap_on_tls,
	.on_closed = imap_on_closed,
	.tick = imap_tick,
	.next_deadline = imap_next_deadline,
};

/* ---- what is known */

bool
imap_is_ready(const struct imap *m)
{
	CHECK(m, IMAP_MAGIC);
	return m->stage == STAGE_READY;
}

int64_t
imap_backoff_ms(const struct imap *m)
{
	return m->backoff_ms;
}

const char *
imap_bye(const struct imap *m)
{
	return m->bye != NULL ? m->bye : "";
}

const struct imap_caps *
imap_capabilities(const struct imap *m)
{
	return &m->caps;
}

bool
imap_is_enabled(const struct imap *m, enum imap_cap cap)
{
	return (m->enabled >> cap & 1) != 0;
}

const struct imap_places *
imap_namespaces(const struct imap *m)
{
	return &m->places;
}

const char *
imap_server(const struct imap *m)
{
	return m->server != NULL ? m->server : "";
}

const char *
imap_tls_version(const struct imap *m)
{
	return m->tls_version;
}

const struct imap_syntax *
imap_syntax(const struct imap *m)
{
	return &m->syntax;
}
