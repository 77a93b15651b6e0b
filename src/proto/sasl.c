/*
 * SASL mechanisms: PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), XOAUTH2
 * (Google's), OAUTHBEARER (RFC 7628), EXTERNAL (RFC 4422, appendix A).  A mechanism is
 * one row of two functions, first and next; what is common (who begins, base64, the
 * size, that nothing follows the end) is in sasl_step().  A mechanism of several steps
 * keeps its place in turn and says complete only when the server has proven itself.
 *
 * Whatever a mechanism sends is made in a struct secret.  No I/O, no clock, no random
 * bytes.  Limits: a response of SECRET_MAX bytes, a challenge is read up to 16 KiB.
 */
#include "proto/sasl.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/scan.h"
#include "mail/decode.h"

#define SASL_MAGIC	0x5a51a551u
#define CHALLENGE_MAX	((size_t)16 << 10)
#define NAME_MAX_BYTES	((size_t)1024)	/* user, authzid, host */
#define STATUS_SIZE	32

struct sasl {
	uint32_t		 magic;
	struct sasl_params	 p;
	unsigned		 turn;		/* answers so far */
	bool			 complete;	/* only the server's word is missing */
	enum sasl_refusal	 refusal;
	bool			 refused;	/* an error challenge came */
	char			 status[STATUS_SIZE];
};

struct mech_row {
	bool	client_first;
	/* Fills raw with the first (or only) message. */
	void	(*first)(struct sasl *s, struct secret *raw);
	/* Answers a challenge, still in base64; NULL: none may come. */
	int	(*next)(struct sasl *s, struct view challenge, struct secret *raw, struct err *e);
};

/* ---- names */

static const struct { const char *name; unsigned strength, need; } names[] = {
	[SASL_NONE] = { "none", 0, 0 },
#define X(sym, name, strength, need) [SASL_##sym] = { name, strength, need },
	SASL_MECHS(X)
#undef X
};

enum sasl_mech
sasl_mech_of(struct view name)
{
	for (unsigned m = SASL_NONE + 1; m < SASL_MECH_END; m++)
		if (view_iis(name, names[m].name))
			return (enum sasl_mech)m;
	return SASL_NONE;
}

const char *
sasl_mech_name(enum sasl_mech mech)
{
	assert(mech < SASL_MECH_END);
	return names[mech].name;
}

/* ---- the choice */

static bool
usable(const struct sasl_policy *p, enum sasl_mech m)
{
	bool plus = m == SASL_SCRAM_SHA_256_PLUS || m == SASL_SCRAM_SHA_1_PLUS;

	if ((p->offered & ~p->failed & SASL_BIT(m)) == 0)
		return false;
	if (m != SASL_COMMAND && !sasl_mech_can(m))
		return false;
	if ((names[m].need & ~p->have) != 0)
		return false;
	if (plus && (p->tls.binding.n == 0 || p->tls.binding_type == NULL))
		return false;
	return m != SASL_CRAM_MD5 || p->named == SASL_CRAM_MD5;
}

static int
no_mechanism(const struct sasl_policy *p, struct err *e)
{
	struct str offered = STR_INIT;
	bool tried = (p->offered & p->failed) != 0;

	for (unsigned m = SASL_NONE + 1; m < SASL_MECH_END; m++)
		if ((p->offered & SASL_BIT(m)) != 0)
			str_addf(&offered, "%s%s", offered.len > 0 ? ", " : "", names[m].name);
	if (p->named != SASL_NONE)
		err_set(e, ERR_AUTH, SCOPE_ACCOUNT,
		    "no way to sign in: the account names %s, the server offers %s",
		    names[p->named].name, offered.len > 0 ? offered.p : "none that is known");
	else
		err_set(e, ERR_AUTH, SCOPE_ACCOUNT, "no %sway to sign in with %s: the server offers %s",
		    tried ? "other " : "",
		    (p->have & SASL_HAVE_PASSWORD) != 0 ? "a password" :
		    (p->have & SASL_HAVE_TOKEN) != 0 ? "a token" :
		    (p->have & SASL_HAVE_CERT) != 0 ? "a certificate" : "nothing",
		    offered.len > 0 ? offered.p : "none that is known");
	str_free(&offered);
	return -1;
}

int
sasl_choose(const struct sasl_policy *p, enum sasl_mech *mech_r, struct err *e)
{
	*mech_r = SASL_NONE;
	if (!p->tls.verified && !p->tls.loopback && !p->insecure_plaintext)
		return err_set(e, ERR_TLS, SCOPE_ACCOUNT,
		    "the connection is not encrypted and verified: no credentials are sent");
	if (p->named != SASL_NONE && usable(p, p->named)) {
		*mech_r = p->named;
		return 0;
	}
	for (unsigned m = SASL_NONE + 1; m < SASL_MECH_END; m++) {
		if (names[m].strength < names[p->named].strength || !usable(p, (enum sasl_mech)m))
			continue;
		*mech_r = (enum sasl_mech)m;
		return 0;
	}
	return no_mechanism(p, e);
}

/* ---- PLAIN: authzid NUL authcid NUL passwd */

static void
plain_first(struct sasl *s, struct secret *raw)
{
	secret_add(raw, s->p.authzid);
	secret_addc(raw, '\0');
	secret_add(raw, s->p.user);
	secret_addc(raw, '\0');
	secret_add(raw, secret_reveal(s->p.password));
	s->complete = true;
}

/* ---- LOGIN: user and password each to a question, whose words differ by server */

static int
login_next(struct sasl *s, struct view challenge UNUSED, struct secret *raw, struct err *e)
{
	if (s->turn > 1)
		return err_set(e, ERR_PROTO, SCOPE_SESSION, "the server asks on after the password");
	secret_add(raw, s->turn == 0 ? s->p.user : secret_reveal(s->p.password));
	s->complete = s->turn == 1;
	return 0;
}

/* ---- EXTERNAL: the certificate says who; at most an authzid */

static void
external_first(struct sasl *s, struct secret *raw)
{
	secret_add(raw, s->p.authzid);
	s->complete = true;
}

/* ---- XOAUTH2 and OAUTHBEARER */

static void
add_bearer(struct sasl *s, struct secret *raw)
{
	secret_add(raw, VIEW("\1auth=Bearer "));
	secret_add(raw, secret_reveal(s->p.token));
	secret_add(raw, VIEW("\1\1"));
	s->complete = true;
}

static void
xoauth2_first(struct sasl *s, struct secret *raw)
{
	secret_add(raw, VIEW("user="));
	secret_add(raw, s->p.user);
	add_bearer(s, raw);
}

/* saslname (RFC 5801, 4): "," and "=" as =2C and =3D. */
static void
add_saslname(struct secret *raw, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == ',')
			secret_add(raw, VIEW("=2C"));
		else if (v.p[i] == '=')
			secret_add(raw, VIEW("=3D"));
		else
			secret_addc(raw, v.p[i]);
	}
}

/* RFC 7628, 3.1: "n,a=" saslname "," kvsep *(key "=" value kvsep) kvsep. */
static void
oauthbearer_first(struct sasl *s, struct secret *raw)
{
	struct str port = STR_INIT;

	secret_add(raw, VIEW("n,"));
	if (s->p.user.n > 0) {
		secret_add(raw, VIEW("a="));
		add_saslname(raw, s->p.user);
	}
	secret_addc(raw, ',');
	if (s->p.host.n > 0) {
		secret_add(raw, VIEW("\1host="));
		secret_add(raw, s->p.host);
	}
	if (s->p.port > 0) {
		str_addf(&port, "\1port=%u", (unsigned)s->p.port);
		secret_add(raw, str_view(&port));
	}
	add_bearer(s, raw);
	str_free(&port);
}

/* The value of "status" in an error challenge: a string or a number. */
static struct view
json_status(struct view json)
{
	const struct view key = VIEW("\"status\"");
	ptrdiff_t at = view_find(json, key);
	struct scan s = scan_of(view_from(json, at < 0 ? json.n : (size_t)at + key.n));

	scan_blank(&s);
	if (!scan_char(&s, ':'))
		return VIEW_NONE;
	scan_blank(&s);
	scan_char(&s, '"');
	return scan_until(&s, "\" \t\r\n,}");
}

static enum sasl_refusal
refusal_of(const char *status)
{
	static const struct { const char *status; enum sasl_refusal refusal; } known[] = {
		{ "401", SASL_REFUSED_EXPIRED },
		{ "invalid_token", SASL_REFUSED_EXPIRED },	/* RFC 7628, 3.2.2; RFC 6750, 3.1 */
		{ "400", SASL_REFUSED_SCOPE },
		{ "403", SASL_REFUSED_SCOPE },
		{ "insufficient_scope", SASL_REFUSED_SCOPE },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (view_iis(view_of(status), known[i].status))
			return known[i].refusal;
	return SASL_REFUSED;
}

/* An error challenge must be answered before the NO comes: XOAUTH2 by an empty line,
 * OAUTHBEARER by one kvsep (RFC 7628, 3.2.3). */
static int
oauth_next(struct sasl *s, struct view challenge, struct secret *raw, struct err *e)
{
	struct str json = STR_INIT;
	struct view status;
	size_t n = 0;

	if (s->refused)
		return err_set(e, ERR_PROTO, SCOPE_SESSION, "the server asks on after it refused the token");
	base64_decode(&json, view_sub(challenge, 0, CHALLENGE_MAX));
	status = json_status(str_view(&json));
	for (size_t i = 0; i < status.n && n + 1 < sizeof(s->status); i++)
		if (status.p[i] > ' ' && status.p[i] < 0x7f)
			s->status[n++] = status.p[i];
	s->status[n] = '\0';
	s->refusal = refusal_of(s->status);
	s->refused = true;
	str_free(&json);
	if (s->p.mech == SASL_OAUTHBEARER)
		secret_addc(raw, '\1');
	return 0;
}

/* ---- the machine */

static const struct mech_row rows[SASL_MECH_END] = {
	[SASL_PLAIN] = { true, plain_first, NULL },
	[SASL_LOGIN] = { false, NULL, login_next },
	[SASL_EXTERNAL] = { true, external_first, NULL },
	[SASL_XOAUTH2] = { true, xoauth2_first, oauth_next },
	[SASL_OAUTHBEARER] = { true, oauthbearer_first, oauth_next },
};

bool
sasl_mech_can(enum sasl_mech mech)
{
	assert(mech < SASL_MECH_END);
	return rows[mech].first != NULL || rows[mech].next != NULL;
}

/* NUL separates in PLAIN, 0x01 in OAUTHBEARER; neither is part of any real name. */
static int
check_name(const char *what, struct view v, struct err *e)
{
	if (view_chr(v, '\0') >= 0 || view_chr(v, '\1') >= 0)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "the %s holds a control byte", what);
	if (v.n > NAME_MAX_BYTES)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "the %s is longer than %zu bytes", what,
		    NAME_MAX_BYTES);
	return 0;
}

/* RFC 6750, 2.1: b64token; taken are all visible characters. */
static int
check_token(struct view token, struct err *e)
{
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] >= 0x7f)
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT,
			    "the token holds a byte that no token has (a blank, a line break?)");
	return 0;
}

static int
check_params(const struct sasl_params *p, struct err *e)
{
	unsigned need = names[p->mech].need;

	if (!sasl_mech_can(p->mech))
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "%s cannot be used to sign in",
		    names[p->mech].name);
	if (check_name("user name", p->user, e) != 0 ||
	    check_name("name to act as", p->authzid, e) != 0 ||
	    check_name("host name", p->host, e) != 0)
		return -1;
	if (p->user.n == 0 && p->mech != SASL_EXTERNAL && p->mech != SASL_OAUTHBEARER)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "there is no user name");
	if ((need & SASL_HAVE_PASSWORD) != 0 && secret_len(p->password) == 0)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "there is no password");
	if ((need & SASL_HAVE_TOKEN) != 0 && secret_len(p->token) == 0)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "there is no token");
	if (view_chr(secret_reveal(p->password), '\0') >= 0)
		return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "the password holds a NUL byte");
	return check_token(secret_reveal(p->token), e);
}

struct sasl *
sasl_new(const struct sasl_params *params, struct err *e)
{
	struct sasl *s;

	if (check_params(params, e) != 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->magic = SASL_MAGIC;
	s->p = *params;
	return s;
}

void
sasl_free(struct sasl **sp)
{
	struct sasl *s = *sp;

	if (s == NULL)
		return;
	CHECK(s, SASL_MAGIC);
	*sp = NULL;
	s->magic = 0;
	free(s);
}

static int
answer(struct sasl *s, const struct view *challenge, struct secret *raw, struct err *e)
{
	const struct mech_row *row = &rows[s->p.mech];

	/* What a server says before the first response of a client-first one is "begin". */
	if (row->client_first && s->turn == 0)
		row->first(s, raw);
	else if (row->next == NULL)
		return err_set(e, ERR_PROTO, SCOPE_SESSION, "the server asks for more than %s has",
		    names[s->p.mech].name);
	else if (row->next(s, *challenge, raw, e) != 0)
		return -1;
	s->turn++;
	return 0;
}

int
sasl_step(struct sasl *s, const struct view *challenge, struct secret *out, struct err *e)
{
	struct secret *raw;
	int result;

	CHECK(s, SASL_MAGIC);
	secret_reset(out);
	if (challenge == NULL && (!s->p.initial || !rows[s->p.mech].client_first || s->turn > 0))
		return 0;
	raw = secret_new();
	result = answer(s, challenge, raw, e);
	if (result == 0) {
		secret_add_base64(out, secret_reveal(raw));
		/* RFC 4959, 3: an empty initial response is "=", for "" would be none. */
		if (challenge == NULL && secret_len(out) == 0)
			secret_addc(out, '=');
		if (secret_over(raw) || secret_over(out))
			result = err_set(e, ERR_LIMIT, SCOPE_ACCOUNT,
			    "the credentials are longer than %zu bytes", SECRET_MAX);
	}
	secret_free(&raw);
	if (result != 0)
		secret_reset(out);
	return result == 0 ? 1 : -1;
}

int
sasl_accepted(const struct sasl *s, struct err *e)
{
	CHECK(s, SASL_MAGIC);
	if (s->refused)
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT,
		    "the server refused the token (status %s) and then said OK", s->status);
	if (!s->complete)
		return err_set(e, ERR_AUTH, SCOPE_ACCOUNT, "the server said OK before %s was at its end",
		    names[s->p.mech].name);
	return 0;
}

enum sasl_refusal
sasl_refusal(const struct sasl *s)
{
	CHECK(s, SASL_MAGIC);
	return s->refusal;
}

const char *
sasl_status(const struct sasl *s)
{
	CHECK(s, SASL_MAGIC);
	return s->status;
}
