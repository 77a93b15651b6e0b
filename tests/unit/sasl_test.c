/* SASL: examples of the RFCs, error challenges, servers that ask too much, the choice. */
#include "proto/sasl.h"

#include "tests/unit/unit.h"

#define NO_STEP		(-2)

/* One conversation: what is sent for each challenge; -1 where it gives up. */
struct talk {
	struct secret	*password, *token, *out;
	struct sasl	*s;
	struct err	 e;
};

static void
talk_end(struct talk *t)
{
	sasl_free(&t->s);
	secret_free(&t->password);
	secret_free(&t->token);
	secret_free(&t->out);
}

static struct talk
talk_begin(enum sasl_mech mech, bool initial, const char *authzid)
{
	struct talk t = { .e = ERR_NONE };
	struct sasl_params p = {
		.mech = mech, .user = VIEW("tim"), .authzid = view_of(authzid),
		.host = VIEW("imap.example.org"), .port = 993, .initial = initial,
		.tls = { .verified = true },
	};

	t.password = secret_of(VIEW("tanstaaftanstaaf"));
	t.token = secret_of(VIEW("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"));
	t.out = secret_new();
	p.password = t.password;
	p.token = t.token;
	t.s = sasl_new(&p, &t.e);
	return t;
}

static int
say(struct talk *t, const char *challenge)
{
	struct view v = view_of(challenge);

	return sasl_step(t->s, challenge != NULL ? &v : NULL, t->out, &t->e);
}

/* RFC 4616, 4: the second example, with and without an initial response. */
TEST(sasl_plain)
{
	struct talk t = talk_begin(SASL_PLAIN, true, "Ursel");

	EXPECT(t.s != NULL);
	EXPECT_EQ(sasl_accepted(t.s, &t.e), -1);
	err_clear(&t.e);
	EXPECT_EQ(say(&t, NULL), 1);
	EXPECT_VIEW(secret_reveal(t.out), "VXJzZWwAdGltAHRhbnN0YWFmdGFuc3RhYWY=");
	EXPECT_EQ(sasl_accepted(t.s, &t.e), 0);
	EXPECT_EQ(say(&t, ""), -1);
	EXPECT_EQ(t.e.kind, ERR_PROTO);
	EXPECT_EQ(secret_len(t.out), 0);
	talk_end(&t);

	t = talk_begin(SASL_PLAIN, false, NULL);
	EXPECT_EQ(say(&t, NULL), 0);
	EXPECT_EQ(say(&t, "VGVsbCBtZQ=="), 1);	/* a server that talks before the response */
	EXPECT_VIEW(secret_reveal(t.out), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
	talk_end(&t);
}

TEST(sasl_login)
{
	struct talk t = talk_begin(SASL_LOGIN, true, NULL);

	EXPECT_EQ(say(&t, NULL), 0);
	EXPECT_EQ(say(&t, "VXNlcm5hbWU6"), 1);
	EXPECT_VIEW(secret_reveal(t.out), "dGlt");
	EXPECT_EQ(sasl_accepted(t.s, &t.e), -1);
	EXPECT_EQ(t.e.kind, ERR_AUTH);
	err_clear(&t.e);
	EXPECT_EQ(say(&t, "*** no base64 ***"), 1);
	EXPECT_VIEW(secret_reveal(t.out), "dGFuc3RhYWZ0YW5zdGFhZg==");
	EXPECT_EQ(sasl_accepted(t.s, &t.e), 0);
	EXPECT_EQ(say(&t, "VXNlcm5hbWU6"), -1);
	talk_end(&t);
}

TEST(sasl_external)
{
	struct talk t = talk_begin(SASL_EXTERNAL, true, NULL);

	EXPECT_EQ(say(&t, NULL), 1);
	EXPECT_VIEW(secret_reveal(t.out), "=");		/* RFC 4959, 3 */
	EXPECT_EQ(sasl_accepted(t.s, &t.e), 0);
	talk_end(&t);

	t = talk_begin(SASL_EXTERNAL, false, NULL);
	EXPECT_EQ(say(&t, NULL), 0);
	EXPECT_EQ(say(&t, ""), 1);
	EXPECT_EQ(secret_len(t.out), 0);
	talk_end(&t);

	t = talk_begin(SASL_EXTERNAL, true, "fred");
	EXPECT_EQ(say(&t, NULL), 1);
	EXPECT_VIEW(secret_reveal(t.out), "ZnJlZA==");
	talk_end(&t);
}

TEST(sasl_xoauth2_and_its_error)
{
	struct talk t = talk_begin(SASL_XOAUTH2, true, NULL);

	EXPECT_EQ(say(&t, NULL), 1);
	EXPECT_VIEW(secret_reveal(t.out), "dXNlcj10aW0BYXV0aD1CZWFyZXIgeWEyOS52RjlkZnQ0cW1UYzJOdmIzUm"
	    "xja0JoZEhSaGRtbHpkR0V1WTI5dENnAQE=");
	EXPECT_EQ(sasl_accepted(t.s, &t.e), 0);
	/* {"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"} */
	EXPECT_EQ(say(&t, "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6"
	    "Ly9tYWlsLmdvb2dsZS5jb20vIn0="), 1);
	EXPECT_EQ(secret_len(t.out), 0);
	EXPECT_EQ(sasl_refusal(t.s), SASL_REFUSED_EXPIRED);
	EXPECT_STR(sasl_status(t.s), "401");
	EXPECT_EQ(sasl_accepted(t.s, &t.e), -1);
	err_clear(&t.e);
	EXPECT_EQ(say(&t, ""), -1);
	talk_end(&t);
}

/* 16 KiB of a challenge are read; what stands behind is not known, and it is a refusal all the same. */
TEST(sasl_challenge_has_a_ceiling)
{
	static const struct { size_t blanks; enum sasl_refusal refusal; const char *status; } rows[] = {
		{ 4090, SASL_REFUSED_EXPIRED, "401" }, { 4096, SASL_REFUSED, "" },
		{ 500000, SASL_REFUSED, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct talk t = talk_begin(SASL_XOAUTH2, true, NULL);
		struct str challenge = STR_INIT;

		EXPECT_EQ(say(&t, NULL), 1);
		for (size_t k = 0; k < rows[i].blanks; k++)
			str_adds(&challenge, "ICAg");
		str_adds(&challenge, "eyJzdGF0dXMiOiI0MDEifQ==");	/* {"status":"401"} */
		EXPECT_EQ(say(&t, str_z(&challenge)), 1);
		EXPECT_EQ(sasl_refusal(t.s), rows[i].refusal);
		EXPECT_STR(sasl_status(t.s), rows[i].status);
		EXPECT_EQ(sasl_accepted(t.s, &t.e), -1);
		str_free(&challenge);
		talk_end(&t);
	}
}

/* RFC 7628, 4.1 and 4.3 with our own names. */
TEST(sasl_oauthbearer_and_its_error)
{
	struct talk t = talk_begin(SASL_OAUTHBEARER, true, NULL);
	struct secret *want = secret_new();

	secret_add_base64(want, VIEW("n,a=tim,\1host=imap.example.org\1port=993\1auth=Bearer "
	    "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1"));
	EXPECT_EQ(say(&t, NULL), 1);
	EXPECT(view_eq(secret_reveal(t.out), secret_reveal(want)));
	/* {"status":"invalid_token"} */
	EXPECT_EQ(say(&t, "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0="), 1);
	EXPECT_VIEW(secret_reveal(t.out), "AQ==");
	EXPECT_EQ(sasl_refusal(t.s), SASL_REFUSED_EXPIRED);
	secret_free(&want);
	talk_end(&t);
}

TEST(sasl_status_of_error_challenges)
{
	static const struct { const char *json, *status; enum sasl_refusal refusal; } rows[] = {
		{ "{\"status\" : 401}", "401", SASL_REFUSED_EXPIRED },
		{ "{\"scope\":\"x\",\"status\":\"400\"}", "400", SASL_REFUSED_SCOPE },
		{ "{\"status\":\"insufficient_scope\"}", "insufficient_scope", SASL_REFUSED_SCOPE },
		{ "{\"status\":\"invalid_request\"}", "invalid_request", SASL_REFUSED },
		{ "{\"status\":\"a\x1b[2Jb\"}", "a[2Jb", SASL_REFUSED },
		{ "{\"status\":", "", SASL_REFUSED },
		{ "{\"status\"}", "", SASL_REFUSED },
		{ "not JSON", "", SASL_REFUSED },
		{ "{\"status\":\"0123456789012345678901234567890123456789\"}",
		    "0123456789012345678901234567890", SASL_REFUSED },
		{ "", "", SASL_REFUSED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct talk t = talk_begin(SASL_XOAUTH2, true, NULL);
		struct secret *b64 = secret_new();
		struct view v;

		secret_add_base64(b64, view_of(rows[i].json));
		v = secret_reveal(b64);
		EXPECT_EQ(say(&t, NULL), 1);
		EXPECT_EQ(sasl_step(t.s, &v, t.out, &t.e), 1);
		EXPECT_STR(sasl_status(t.s), rows[i].status);
		EXPECT_EQ(sasl_refusal(t.s), rows[i].refusal);
		secret_free(&b64);
		talk_end(&t);
	}
}

static int
try_params(enum sasl_mech mech, struct view user, struct view password, struct view token)
{
	struct secret *p = secret_of(password), *t = secret_of(token);
	struct sasl_params params = { .mech = mech, .user = user, .password = p, .token = t };
	struct err e = ERR_NONE;
	struct sasl *s = sasl_new(&params, &e);
	int kind = s != NULL ? ERR_OK : (int)e.kind;

	/* Whatever the error says, it says nothing of the secret. */
	if (strstr(e.text, "s3cret") != NULL)
		kind = NO_STEP;
	sasl_free(&s);
	secret_free(&p);
	secret_free(&t);
	return kind;
}

TEST(sasl_refuses_what_would_break_out)
{
	EXPECT_EQ(try_params(SASL_PLAIN, VIEW("a"), VIEW("s3cret"), VIEW_NONE), ERR_OK);
	EXPECT_EQ(try_params(SASL_PLAIN, view_n("a\0b", 3), VIEW("s3cret"), VIEW_NONE), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_PLAIN, VIEW("a"), view_n("s3cret\0x", 8), VIEW_NONE), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_PLAIN, VIEW(""), VIEW("s3cret"), VIEW_NONE), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_PLAIN, VIEW("a"), VIEW_NONE, VIEW("s3cret")), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_XOAUTH2, VIEW("a"), VIEW_NONE, VIEW("s3cret")), ERR_OK);
	EXPECT_EQ(try_params(SASL_XOAUTH2, VIEW("a\1b"), VIEW_NONE, VIEW("s3cret")), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_XOAUTH2, VIEW("a"), VIEW_NONE, VIEW("s3cret\1")), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_XOAUTH2, VIEW("a"), VIEW_NONE, VIEW("s3cret\n")), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_XOAUTH2, VIEW("a"), VIEW_NONE, VIEW_NONE), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_SCRAM_SHA_256, VIEW("a"), VIEW("s3cret"), VIEW_NONE), ERR_USAGE);
	EXPECT_EQ(try_params(SASL_NONE, VIEW("a"), VIEW("s3cret"), VIEW_NONE), ERR_USAGE);
}

/* RFC 5801, 4: "," and "=" in a user's name do not end it. */
TEST(sasl_oauthbearer_escapes_the_name)
{
	struct secret *token = secret_of(VIEW("t")), *out = secret_new(), *want = secret_new();
	struct sasl_params p = {
		.mech = SASL_OAUTHBEARER, .user = VIEW("a,b=c"), .token = token, .initial = true,
	};
	struct err e = ERR_NONE;
	struct sasl *s = sasl_new(&p, &e);

	EXPECT_EQ(sasl_step(s, NULL, out, &e), 1);
	secret_add_base64(want, VIEW("n,a=a=2Cb=3Dc,\1auth=Bearer t\1\1"));
	EXPECT(view_eq(secret_reveal(out), secret_reveal(want)));
	sasl_free(&s);
	secret_free(&token);
	secret_free(&out);
	secret_free(&want);
}

TEST(sasl_too_long_is_an_error)
{
	struct talk t = talk_begin(SASL_PLAIN, true, NULL);

	for (size_t i = 0; i < 3000; i++)
		secret_add(t.password, VIEW("0123456789abcdefghij"));
	EXPECT_EQ(say(&t, NULL), -1);
	EXPECT_EQ(t.e.kind, ERR_LIMIT);
	EXPECT_EQ(secret_len(t.out), 0);
	talk_end(&t);
}

TEST(sasl_names)
{
	EXPECT_EQ(sasl_mech_of(VIEW("plain")), SASL_PLAIN);
	EXPECT_EQ(sasl_mech_of(VIEW("SCRAM-SHA-256-PLUS")), SASL_SCRAM_SHA_256_PLUS);
	EXPECT_EQ(sasl_mech_of(VIEW("NTLM")), SASL_NONE);
	EXPECT_EQ(sasl_mech_of(VIEW("")), SASL_NONE);
	EXPECT_STR(sasl_mech_name(SASL_OAUTHBEARER), "OAUTHBEARER");
	EXPECT(sasl_mech_can(SASL_LOGIN) && !sasl_mech_can(SASL_NONE));
}

/* ---- the choice */

#define B(m)	SASL_BIT(SASL_##m)

static const struct choice {
	const char	*what;
	unsigned	 offered, have;
	enum sasl_mech	 named;
	unsigned	 failed;
	enum sasl_mech	 want;		/* SASL_NONE: ERR_AUTH */
} choices[] = {
	{ "PLAIN before LOGIN", B(PLAIN) | B(LOGIN), SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_PLAIN },
	{ "LOGIN if it must be", B(LOGIN), SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_LOGIN },
	{ "the command last", B(COMMAND) | B(LOGIN), SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_LOGIN },
	{ "the command alone", B(COMMAND), SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_COMMAND },
	{ "OAUTHBEARER before XOAUTH2", B(XOAUTH2) | B(OAUTHBEARER) | B(PLAIN), SASL_HAVE_TOKEN,
	    SASL_NONE, 0, SASL_OAUTHBEARER },
	{ "a token is no password", B(PLAIN) | B(LOGIN), SASL_HAVE_TOKEN, SASL_NONE, 0, SASL_NONE },
	{ "a password is no token", B(XOAUTH2), SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_NONE },
	{ "a certificate first", B(EXTERNAL) | B(PLAIN), SASL_HAVE_CERT | SASL_HAVE_PASSWORD,
	    SASL_NONE, 0, SASL_EXTERNAL },
	{ "no certificate, no EXTERNAL", B(EXTERNAL), SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_NONE },
	{ "named is taken", B(OAUTHBEARER) | B(XOAUTH2), SASL_HAVE_TOKEN, SASL_XOAUTH2, 0,
	    SASL_XOAUTH2 },
	{ "named, not offered: equally strong", B(OAUTHBEARER), SASL_HAVE_TOKEN, SASL_XOAUTH2, 0,
	    SASL_OAUTHBEARER },
	{ "no fall under the named one", B(PLAIN) | B(LOGIN) | B(COMMAND), SASL_HAVE_PASSWORD,
	    SASL_SCRAM_SHA_256, 0, SASL_NONE },
	{ "no fall from a token to a password", B(PLAIN), SASL_HAVE_TOKEN | SASL_HAVE_PASSWORD,
	    SASL_OAUTHBEARER, 0, SASL_NONE },
	{ "no fall from CRAM-MD5 to PLAIN", B(PLAIN), SASL_HAVE_PASSWORD, SASL_CRAM_MD5, 0,
	    SASL_NONE },
	{ "CRAM-MD5 not unasked", B(CRAM_MD5), SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_NONE },
	{ "not again what failed", B(PLAIN) | B(LOGIN), SASL_HAVE_PASSWORD, SASL_NONE, B(PLAIN),
	    SASL_LOGIN },
	{ "all failed", B(PLAIN), SASL_HAVE_PASSWORD, SASL_NONE, B(PLAIN), SASL_NONE },
	{ "nothing offered", 0, SASL_HAVE_PASSWORD, SASL_NONE, 0, SASL_NONE },
	{ "no channel binding, no PLUS", B(SCRAM_SHA_256_PLUS), SASL_HAVE_PASSWORD, SASL_NONE, 0,
	    SASL_NONE },
};

TEST(sasl_choice)
{
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		const struct choice *c = &choices[i];
		struct sasl_policy p = {
			.offered = c->offered, .have = c->have, .named = c->named,
			.failed = c->failed, .tls = { .verified = true },
		};
		struct err e = ERR_NONE;
		enum sasl_mech mech;
		int r = sasl_choose(&p, &mech, &e);

		if (mech != c->want || (r == 0) != (c->want != SASL_NONE) ||
		    (r != 0 && e.kind != ERR_AUTH))
			UNIT_FAIL("%s: %s, %s", c->what, sasl_mech_name(mech), e.text);
	}
}

TEST(sasl_nothing_in_clear)
{
	struct sasl_policy p = { .offered = B(PLAIN) | B(XOAUTH2) | B(COMMAND),
		.have = SASL_HAVE_PASSWORD | SASL_HAVE_TOKEN | SASL_HAVE_CERT };
	struct err e = ERR_NONE;
	enum sasl_mech mech;

	EXPECT_EQ(sasl_choose(&p, &mech, &e), -1);
	EXPECT_EQ(e.kind, ERR_TLS);
	EXPECT_EQ(mech, SASL_NONE);
	err_clear(&e);
	p.tls.loopback = true;
	EXPECT_EQ(sasl_choose(&p, &mech, &e), 0);
	p.tls.loopback = false;
	p.insecure_plaintext = true;
	EXPECT_EQ(sasl_choose(&p, &mech, &e), 0);
	EXPECT_EQ(mech, SASL_XOAUTH2);
}
