/*
 * From the greeting to ready: STARTTLS where it is demanded, the sign-in, and what the server
 * can do.  Two gates: before TLS not a byte of a credential goes and nothing that was said
 * counts; and a sign-in in clear goes to this machine or where the account says so only
 * (sasl_choose decides).
 */
#include "proto/imap_int.h"

#include <stdlib.h>

#define SERVER_MAX	100u

static void sign_in(struct imap *m);
static void signed_in(struct imap *m);
static void learn(struct imap *m);

/* ---- capabilities */

void
imap_sign_caps(struct imap *m, struct imap_words words)
{
	imap_caps_begin(&m->caps);
	for (size_t i = 0; i < words.n; i++)
		imap_caps_word(&m->caps, words.at[i]);
	m->caps_signed = m->stage >= STAGE_SIGNIN;
	m->syntax = imap_syntax_of(&m->caps, m->conf.line_max);
}

static void
starttls_done(void *arg, const struct imap_answer *a)
{
	struct imap *m = arg;

	if (a->result == NULL)
		return;
	if (a->result->cond != IMAP_OK) {
		imap_end(m, ERR_TLS, false, "the server refuses STARTTLS (%s); nothing was sent in clear",
		    imap_cond_name(a->result->cond));
		return;
	}
	m->stage = STAGE_HANDSHAKE;
	m->want_tls = true;
}

static void
before_sign_in(struct imap *m)
{
	struct imap_op *op;

	if (m->preauth) {
		m->caps_signed = m->caps.fresh;
		signed_in(m);
		return;
	}
	if (m->conf.starttls && !m->tls) {
		if (!imap_caps_has(&m->caps, IMAP_CAP_STARTTLS)) {
			imap_end(m, ERR_TLS, false, "the server does not offer STARTTLS; nothing was sent "
			    "in clear (tls = \"implicit\" on its TLS port is the other way)");
			return;
		}
		m->stage = STAGE_STARTTLS;
		op = imap_op_own(m, IMAP_DO_STARTTLS, starttls_done);
		imap_op_send(op, NULL, starttls_done, m);
		return;
	}
	sign_in(m);
}

static void
capability_done(void *arg, const struct imap_answer *a)
{
	struct imap *m = arg;

	if (a->result == NULL)
		return;
	if (m->stage == STAGE_SIGNED_IN)
		learn(m);
	else
		before_sign_in(m);
}

static void
ask_capability(struct imap *m, enum imap_stage stage)
{
	m->stage = stage;
	imap_op_send(imap_op_own(m, IMAP_DO_CAPABILITY, capability_done), NULL, capability_done, m);
}

static void
signed_in(struct imap *m)
{
	secret_free(&m->password);
	secret_free(&m->token);
	secret_free(&m->sasl_first);
	sasl_free(&m->sasl);
	if (m->log != NULL)
		imap_log_mode(m->log, IMAP_LOG_OPEN);
	m->stage = STAGE_SIGNED_IN;
	if (m->caps_signed)
		learn(m);
	else
		ask_capability(m, STAGE_SIGNED_IN);
}

/* ---- the greeting */

int
imap_sign_preauth(struct imap *m)
{
	if (!m->tls && (m->conf.starttls || !(m->loopback || m->conf.insecure_plaintext)))
		return imap_end(m, ERR_TLS, false, "the server signs us in before TLS (PREAUTH); "
		    "somebody may stand in between");
	m->preauth = true;
	return 0;
}

int
imap_sign_greet(struct imap *m, const struct imap_reply *r)
{
	int64_t pause = 0;

	if (r->kind != IMAP_CONDITION)
		return imap_end(m, ERR_PROTO, false, "this is no IMAP server: it does not greet");
	if (r->cond.code == IMAP_CODE_CAPABILITY)
		imap_sign_caps(m, r->cond.words);
	if (r->cond.code == IMAP_CODE_ALERT && m->conf.events.event != NULL)
		m->conf.events.event(m->conf.arg, (struct imap_reply *)(uintptr_t)r);
	switch (r->cond.cond) {
	case IMAP_OK:
		if (m->caps.fresh)
			before_sign_in(m);
		else
			ask_capability(m, STAGE_CAPABILITY);
		break;
	case IMAP_PREAUTH:
		if (imap_sign_preauth(m) < 0)
			return -1;
		before_sign_in(m);
		break;
	case IMAP_BYE:
		imap_fault(&r->cond, IMAP_DURING_GREETING, "connecting", &m->end, &pause);
		m->backoff_ms = MAX(m->backoff_ms, pause);
		break;
	case IMAP_NO:
	case IMAP_BAD:
		return imap_end(m, ERR_PROTO, true, "the server greets with %s",
		    imap_cond_name(r->cond.cond));
	}
	return err_is(&m->end) ? -1 : 0;
}

void
imap_sign_tls(struct imap *m)
{
	m->tls = true;
	m->want_tls = false;
	if (m->stage != STAGE_HANDSHAKE)
		return;			/* from the first byte: the greeting comes next */
	imap_caps_forget(&m->caps, IMAP_FORGET_TLS);
	m->syntax = imap_syntax_of(&m->caps, m->conf.line_max);
	ask_capability(m, STAGE_CAPABILITY);
}

/* ---- signing in */

/* The fault in words, with what the server's challenge said of a token. */
static void
refused(struct imap *m, const struct imap_result *res)
{
	int64_t pause = 0;
	struct str what = str_limited(300);

	str_addf(&what, "signing in as %s by %s", m->conf.user, sasl_mech_name(m->mech));
	if (m->sasl != NULL && sasl_refusal(m->sasl) == SASL_REFUSED_EXPIRED)
		str_addf(&what, " (the token has expired: status %s)", sasl_status(m->sasl));
	else if (m->sasl != NULL && sasl_refusal(m->sasl) == SASL_REFUSED_SCOPE)
		str_addf(&what, " (the token is for something else: status %s)", sasl_status(m->sasl));
	if (err_is(&m->sasl_fault))
		m->end = m->sasl_fault;
	imap_fault(res, IMAP_DURING_SIGNIN, str_z(&what), &m->end, &pause);
	m->backoff_ms = MAX(m->backoff_ms, pause);
	str_free(&what);
}

static void
sign_in_done(void *arg, const struct imap_answer *a)
{
	struct imap *m = arg;

	if (a->result == NULL)
		return;
	if (a->result->cond == IMAP_OK) {
		if (m->sasl != NULL && sasl_accepted(m->sasl, &m->end) < 0)
			return;
		if (!m->caps_signed)
			imap_caps_forget(&m->caps, IMAP_FORGET_LOGIN);
		if (a->result->code == IMAP_CODE_CAPABILITY)
			imap_sign_caps(m, a->result->words);
		signed_in(m);
		return;
	}
	/* BAD: it does not know the mechanism after all.  A NO is about the password: once is enough. */
	if (a->result->cond == IMAP_BAD && m->sasl != NULL && !err_is(&m->sasl_fault) &&
	    m->bye == NULL) {
		m->mechs_failed |= SASL_BIT(m->mech);
		sasl_free(&m->sasl);
		secret_free(&m->sasl_first);
		sign_in(m);
		return;
	}
	refused(m, a->result);
}

static void
login_command(struct imap *m)
{
	struct imap_op *op = imap_op_own(m, IMAP_DO_LOGIN, sign_in_done);

	imap_cmd_astring(imap_op_cmd(op), view_of(m->conf.user), "the user name");
	imap_cmd_raw(imap_op_cmd(op), " ");
	imap_cmd_secret(imap_op_cmd(op), m->password);
	imap_op_send(op, NULL, sign_in_done, m);
	if (err_is(&op->fault))
		m->end = op->fault;
}

static void
authenticate(struct imap *m)
{
	struct sasl_params p = { .mech = m->mech, .user = view_of(m->conf.user),
		.authzid = view_of(m->conf.authzid), .password = m->password, .token = m->token,
		.host = view_of(m->conf.host), .port = m->conf.port,
		.tls = { .verified = m->tls, .loopback = m->loopback },
		.initial = imap_caps_has(&m->caps, IMAP_CAP_SASL_IR) };
	struct imap_op *op;
	int first = 0;

	m->sasl = sasl_new(&p, &m->end);
	if (m->sasl == NULL)
		return;
	m->sasl_first = secret_new();
	if (p.initial)
		first = sasl_step(m->sasl, NULL, m->sasl_first, &m->end);
	if (first < 0)
		return;
	op = imap_op_own(m, IMAP_DO_AUTHENTICATE, sign_in_done);
	imap_cmd_raw(imap_op_cmd(op), sasl_mech_name(m->mech));
	if (first > 0 && imap_cmd_room(imap_op_cmd(op), 1) >= secret_len(m->sasl_first)) {
		imap_cmd_raw(imap_op_cmd(op), " ");
		imap_cmd_sasl(imap_op_cmd(op), m->sasl_first);
		first = 0;
	}
	if (first == 0)
		secret_free(&m->sasl_first);
	imap_op_send(op, NULL, sign_in_done, m);
}

static void
sign_in(struct imap *m)
{
	struct sasl_policy p = { .offered = m->caps.auth, .named = m->conf.mech,
		.have = (m->password != NULL ? SASL_HAVE_PASSWORD : 0) |
		    (m->token != NULL ? SASL_HAVE_TOKEN : 0),
		.failed = m->mechs_failed, .insecure_plaintext = m->conf.insecure_plaintext,
		.tls = { .verified = m->tls, .loopback = m->loopback } };

	m->stage = STAGE_SIGNIN;
	m->caps_signed = false;
	/* To act as another user takes a mechanism that can say so. */
	if (m->conf.authzid != NULL)
		p.offered &= ~SASL_BIT(SASL_LOGIN);
	else if (!imap_caps_has(&m->caps, IMAP_CAP_LOGINDISABLED))
		p.offered |= SASL_BIT(SASL_COMMAND);
	if (sasl_choose(&p, &m->mech, &m->end) < 0)
		return;
	if (m->log != NULL)
		imap_log_mode(m->log, IMAP_LOG_LOGIN);
	if (m->mech == SASL_COMMAND)
		login_command(m);
	else
		authenticate(m);
}

bool
imap_sign_plus(struct imap *m, struct view text)
{
	struct secret *out;
	struct imap_cmd *c;
	int rc = 1;

	if (m->sasl == NULL || m->stage != STAGE_SIGNIN || m->line != NULL ||
	    imap_flight_find(m, IMAPV_BARRIER) == NULL)
		return false;
	if (err_is(&m->sasl_fault)) {
		/* "*" was our last word: a server that asks on would ask for ever. */
		m->end = m->sasl_fault;
		return true;
	}
	text = view_trim(text);
	if (m->sasl_first != NULL) {
		out = m->sasl_first;
		m->sasl_first = NULL;
	} else {
		out = secret_new();
		rc = sasl_step(m->sasl, &text, out, &m->sasl_fault);
	}
	c = imap_cmd_new(&m->syntax, NULL);
	if (rc < 0)
		imap_cmd_raw(c, "*");
	else
		imap_cmd_sasl(c, out);
	secret_free(&out);
	imap_line(m, c, true);
	return true;
}

/* ---- what the server can do */

static void
ready_now(struct imap *m)
{
	m->stage = STAGE_READY;
	m->polled_at = m->now;
	if (m->conf.events.ready != NULL)
		m->conf.events.ready(m->conf.arg);
}

static void
learned(void *arg, const struct imap_answer *a)
{
	struct imap *m = arg;

	if (a->result == NULL || m->stage != STAGE_LEARN)
		return;
	if (--m->learning == 0)
		ready_now(m);
}

static void
ask_delimiter(struct imap *m)
{
	struct imap_op *op = imap_op_own(m, IMAP_DO_LIST, learned);

	imap_cmd_raw(imap_op_cmd(op), "\"\" \"\"");
	m->learning++;
	imap_op_send(op, NULL, learned, m);
}

static void
namespace_done(void *arg, const struct imap_answer *a)
{
	struct imap *m = arg;

	/* A NO, or an OK without an answer: the delimiter still has to be known. */
	if (a->result != NULL && m->stage == STAGE_LEARN && m->places.personal.prefix.p == NULL)
		ask_delimiter(m);
	learned(arg, a);
}

static void
learn(struct imap *m)
{
	struct imap_op *op;

	m->stage = STAGE_LEARN;
	m->syntax = imap_syntax_of(&m->caps, m->conf.line_max);
	m->learning = 0;
	if (imap_caps_has(&m->caps, IMAP_CAP_ENABLE) && imap_caps_has(&m->caps, IMAP_CAP_CONDSTORE)) {
		op = imap_op_own(m, IMAP_DO_ENABLE, NULL);
		imap_cmd_raw(imap_op_cmd(op), "CONDSTORE");
		imap_op_send(op, NULL, NULL, m);
	}
	if (imap_caps_has(&m->caps, IMAP_CAP_ID)) {
		op = imap_op_own(m, IMAP_DO_ID, learned);
		if (m->conf.version != NULL) {
			imap_cmd_raw(imap_op_cmd(op), "(\"name\" \"mailmill\" \"version\" ");
			imap_cmd_string(imap_op_cmd(op), view_of(m->conf.version), "the version");
			imap_cmd_raw(imap_op_cmd(op), ")");
		} else {
			imap_cmd_raw(imap_op_cmd(op), "NIL");
		}
		m->learning++;
		imap_op_send(op, NULL, learned, m);
	}
	if (imap_caps_has(&m->caps, IMAP_CAP_NAMESPACE)) {
		m->learning++;
		imap_op_send(imap_op_own(m, IMAP_DO_NAMESPACE, namespace_done), NULL, namespace_done, m);
	} else {
		ask_delimiter(m);
	}
}

/* Names go to logs: printable, short. */
static void
take_id(struct imap *m, const struct imap_id *id)
{
	static const char *const wanted[] = { "name", "version" };
	struct str text = str_limited(SERVER_MAX);

	for (size_t w = 0; w < ARRAY_LEN(wanted); w++)
		for (size_t i = 0; i < id->n; i++) {
			if (!view_iis(id->at[i].name, wanted[w]) || id->at[i].value.n == 0)
				continue;
			if (text.len > 0)
				str_addc(&text, ' ');
			for (size_t k = 0; k < MIN(id->at[i].value.n, (size_t)40); k++) {
				unsigned char c = (unsigned char)id->at[i].value.p[k];

				str_addc(&text, c >= 32 && c < 127 ? (char)c : '?');
			}
			break;
		}
	free(m->server);
	m->server = str_take(&text);
}

static struct view
keep_prefix(struct view v)
{
	return view_n(view_dup(v), v.n);
}

static void
places_free(struct imap *m)
{
	free((char *)(uintptr_t)m->places.personal.prefix.p);
	for (size_t i = 0; i < m->other.n; i++)
		free((char *)(uintptr_t)m->other.at[i].prefix.p);
	m->other.n = 0;
	m->places = (struct imap_places){ 0 };
}

static void
take_namespace(struct imap *m, const struct imap_namespace *n)
{
	const struct imap_prefixes *kinds[] = { &n->personal, &n->other, &n->shared };

	if (n->personal.n == 0)
		return;
	places_free(m);
	m->places.personal = (struct imap_place){ keep_prefix(n->personal.at[0].prefix),
		n->personal.at[0].delim };
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = k == 0 ? 1 : 0; i < kinds[k]->n; i++) {
			struct imap_place p = { keep_prefix(kinds[k]->at[i].prefix),
				kinds[k]->at[i].delim };

			VEC_PUSH(&m->other, p);
		}
	m->places.other = m->other.at;
	m->places.nother = m->other.n;
}

void
imap_sign_learn(struct imap *m, const struct imap_reply *r)
{
	switch (r->kind) {
	case IMAP_ID:
		take_id(m, &r->id);
		break;
	case IMAP_NAMESPACE:
		take_namespace(m, &r->space);
		break;
	case IMAP_LIST:
		if (m->places.personal.prefix.p == NULL)
			m->places.personal = (struct imap_place){ keep_prefix(VIEW_NONE), r->list.delim };
		break;
	case IMAP_ENABLED:
		for (size_t i = 0; i < r->words.n; i++)
			for (int c = 0; c < IMAP_CAP_END; c++)
				if (view_iis(r->words.at[i], imap_cap_name((enum imap_cap)c)))
					m->enabled |= UINT64_C(1) << c;
		break;
	default:
		break;
	}
}

void
imap_sign_free(struct imap *m)
{
	secret_free(&m->password);
	secret_free(&m->token);
	secret_free(&m->sasl_first);
	sasl_free(&m->sasl);
	places_free(m);
	VEC_FREE(&m->other);
	free(m->server);
}
