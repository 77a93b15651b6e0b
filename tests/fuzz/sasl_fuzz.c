/*
 * SASL against a hostile server: one byte names the mechanism, one the options, then
 * lines: user, authzid, password, token, host, challenges.  Whatever they hold, an
 * answer is base64 and nothing else, PLAIN reads back as what went in, a refused
 * token is never taken as a success, and no conversation goes on for ever.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/scan.h"
#include "mail/decode.h"
#include "proto/sasl.h"

#define STEPS_MAX	4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool cond)
{
	if (!cond)
		abort();
}

static struct view
next_line(struct scan *s)
{
	struct view v = scan_until(s, "\n");

	scan_char(s, '\n');
	return v;
}

static void
check_base64(struct view v)
{
	if (view_is(v, "="))
		return;
	must(v.n % 4 == 0);
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool pad = c == '=' && i + 2 >= v.n;

		must(pad || c == '+' || c == '/' || (c >= '0' && c <= '9') ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
	}
}

/* authzid NUL user NUL password */
static void
check_plain(const struct sasl_params *p, struct view b64)
{
	struct str raw = STR_INIT;
	struct view v, password = secret_reveal(p->password);
	size_t user_at = p->authzid.n + 1, password_at = user_at + p->user.n + 1;

	base64_decode(&raw, b64);
	v = str_view(&raw);
	must(v.n == password_at + password.n);
	must(view_eq(view_sub(v, 0, p->authzid.n), p->authzid) && v.p[user_at - 1] == '\0');
	must(view_eq(view_sub(v, user_at, p->user.n), p->user) && v.p[password_at - 1] == '\0');
	must(view_eq(view_from(v, password_at), password));
	str_free(&raw);
}

static void
converse(struct sasl *s, const struct sasl_params *p, struct scan *in)
{
	struct secret *out = secret_new();
	struct err e = ERR_NONE;
	int r = sasl_step(s, NULL, out, &e), steps = 0;
	bool sent = r == 1;

	must(r >= 0 || e.kind == ERR_LIMIT);
	while (r >= 0) {
		struct view challenge = next_line(in);

		if (r == 1 && p->mech == SASL_PLAIN)
			check_plain(p, secret_reveal(out));
		check_base64(secret_reveal(out));
		must(steps++ <= STEPS_MAX);
		r = sasl_step(s, &challenge, out, &e);
		sent |= r == 1;
	}
	must(err_is(&e) && secret_len(out) == 0);
	err_clear(&e);
	must(sent || sasl_accepted(s, &e) != 0);
	must(sasl_refusal(s) == SASL_REFUSED || sasl_accepted(s, &e) != 0);
	for (const char *c = sasl_status(s); *c != '\0'; c++)
		must(*c > ' ' && *c < 0x7f);
	secret_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct scan in;
	struct sasl_params p = { .port = 993 };
	struct secret *password, *token;
	struct sasl *s;
	struct err e = ERR_NONE;

	if (n < 2)
		return 0;
	p.mech = (enum sasl_mech)(data[0] % SASL_MECH_END);
	p.initial = (data[1] & 1) != 0;
	in = scan_of(view_n((const char *)data + 2, n - 2));
	p.user = next_line(&in);
	p.authzid = next_line(&in);
	password = secret_of(next_line(&in));
	token = secret_of(next_line(&in));
	p.host = next_line(&in);
	p.password = password;
	p.token = token;
	s = sasl_new(&p, &e);
	must((s == NULL) == err_is(&e));
	if (s != NULL)
		converse(s, &p, &in);
	sasl_free(&s);
	secret_free(&password);
	secret_free(&token);
	return 0;
}
