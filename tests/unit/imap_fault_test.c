/*
 * imap_fault: what servers were seen to say, and who must act.  Each row is a line as it came,
 * read by imap_resp, so that codes and pauses are those of the wire.
 */
#include "proto/imap_fault.h"

#include "unit.h"

#define G IMAP_DURING_GREETING
#define S IMAP_DURING_SIGNIN
#define C IMAP_DURING_COMMAND
#define I IMAP_DURING_IDLE

static const struct row {
	enum imap_during when;
	const char	*line;		/* behind the tag */
	enum err_kind	 kind;
	enum err_scope	 scope;
	bool		 temporary;
} rows[] = {
	/* Sign-in: wrong. */
	{ S, "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [AUTHENTICATIONFAILED] Authentication failed.", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [AUTHORIZATIONFAILED] may not act as her", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [EXPIRED] the password is too old", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [PRIVACYREQUIRED] not without TLS", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [ALERT] Application-specific password required: https://support.google.com/",
	    ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [ALERT] Please log in via your web browser: https://support.google.com/",
	    ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [WEBALERT https://accounts.google.com/x] Web login required.", ERR_AUTH, SCOPE_ACCOUNT,
	    0 },
	{ S, "NO LOGIN failed.", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO AUTHENTICATE failed.", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO Invalid username or password, please try again", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO Account is blocked. Login to your account via a web browser", ERR_AUTH,
	    SCOPE_ACCOUNT, 0 },
	{ S, "NO no", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [CONTACTADMIN] your account is closed", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "NO [NOPERM] IMAP is not for you", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	{ S, "BYE [AUTHENTICATIONFAILED] three times is enough", ERR_AUTH, SCOPE_ACCOUNT, 0 },
	/* Sign-in: not now. */
	{ S, "NO [UNAVAILABLE] Temporary authentication failure.", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded "
	    "(mail_max_userip_connections=10)", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO Maximum number of connections from user+IP exceeded", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO [ALERT] Too many simultaneous connections. (Failure)", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO Temporary authentication failed, TRY AGAIN LATER", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO [ALERT] Authentication Limit Exceeded", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO [LIMIT] LOGIN Rate limit hit.", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO [INUSE] it is open elsewhere", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO [SERVERBUG] oops", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO Service Unavailable", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO Server error - Please try again later", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "NO User is authenticated but not connected.", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "BYE Too many invalid commands", ERR_NET, SCOPE_SESSION, 1 },
	{ S, "BAD Command Argument Error. 11", ERR_PROTO, SCOPE_ACCOUNT, 0 },
	{ S, "BAD [AUTHENTICATIONFAILED] no", ERR_PROTO, SCOPE_ACCOUNT, 0 },
	{ S, "BAD [SERVERBUG] oops", ERR_NET, SCOPE_SESSION, 1 },
	/* Instead of a greeting. */
	{ G, "BYE Too many connections from your address", ERR_NET, SCOPE_SESSION, 1 },
	{ G, "BYE [ALERT] go away", ERR_NET, SCOPE_SESSION, 1 },
	{ G, "BYE", ERR_NET, SCOPE_SESSION, 1 },
	/* Commands. */
	{ C, "NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO User is over quota", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO [TOOBIG] 50 MB at most", ERR_LIMIT, SCOPE_MESSAGE, 0 },
	{ C, "NO Message too large", ERR_LIMIT, SCOPE_MESSAGE, 0 },
	{ C, "NO [LIMIT] 2000 flags at most", ERR_LIMIT, SCOPE_MESSAGE, 0 },
	{ C, "NO [LIMIT] UID FETCH Rate limit hit.", ERR_REFUSED, SCOPE_SESSION, 1 },
	{ C, "NO [NOPERM] Permission denied", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO Access denied", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO [CANNOT] bad name", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO [ALREADYEXISTS] Mailbox already exists", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO [NONEXISTENT] Unknown Mailbox: Lists (Failure)", ERR_GONE, SCOPE_MAILBOX, 0 },
	{ C, "NO Unknown Mailbox: Lists (Failure)", ERR_GONE, SCOPE_MAILBOX, 0 },
	{ C, "NO [TRYCREATE] Mailbox doesn't exist: Lists", ERR_GONE, SCOPE_MAILBOX, 0 },
	{ C, "NO Mailbox doesn't exist: Lists", ERR_GONE, SCOPE_MAILBOX, 0 },
	{ C, "NO Mailbox does not exist", ERR_GONE, SCOPE_MAILBOX, 0 },
	{ C, "NO [EXPUNGEISSUED] Some are gone", ERR_GONE, SCOPE_MESSAGE, 0 },
	{ C, "NO Some of the requested messages no longer exist.", ERR_GONE, SCOPE_MESSAGE, 0 },
	{ C, "NO Mailbox is read-only", ERR_REFUSED, SCOPE_MAILBOX, 0 },
	{ C, "NO [INUSE] Mailbox is locked", ERR_REFUSED, SCOPE_MAILBOX, 1 },
	{ C, "NO [UNAVAILABLE] index is being built", ERR_REFUSED, SCOPE_MAILBOX, 1 },
	{ C, "NO [SERVERBUG] Internal error occurred.", ERR_REFUSED, SCOPE_MESSAGE, 1 },
	{ C, "NO Server error while fetching", ERR_REFUSED, SCOPE_MESSAGE, 1 },
	{ C, "NO [THROTTLED] slow down", ERR_REFUSED, SCOPE_SESSION, 1 },
	{ C, "NO SELECT Unsafe Login. Please contact kefu@188.com for help", ERR_REFUSED,
	    SCOPE_ACCOUNT, 0 },
	{ C, "NO [BADCHARSET (UTF-8)] not that", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO [X-OTHER 1 2] because", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO because", ERR_REFUSED, SCOPE_MESSAGE, 0 },
	{ C, "NO your password is fine", ERR_REFUSED, SCOPE_MESSAGE, 0 },	/* not while signing in */
	{ C, "BAD Command Argument Error. 12", ERR_PROTO, SCOPE_MESSAGE, 0 },
	{ C, "BAD [CLIENTBUG] UID FETCH Command arguments invalid", ERR_PROTO, SCOPE_MESSAGE, 0 },
	{ C, "BAD [OVERQUOTA] odd", ERR_PROTO, SCOPE_MESSAGE, 0 },
	{ C, "BAD Mailbox does not exist", ERR_PROTO, SCOPE_MESSAGE, 0 },
	{ C, "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", ERR_REFUSED,
	    SCOPE_SESSION, 1 },
	{ C, "BYE Connection closed. 14", ERR_NET, SCOPE_SESSION, 1 },
	{ C, "BYE [NONEXISTENT] odd", ERR_NET, SCOPE_SESSION, 1 },
	/* Idling. */
	{ I, "BYE Session invalidated - AccessTokenExpired", ERR_NET, SCOPE_SESSION, 1 },
	{ I, "BYE Disconnected for inactivity.", ERR_NET, SCOPE_SESSION, 1 },
	{ I, "BYE [UNAVAILABLE] Server shutting down.", ERR_NET, SCOPE_SESSION, 1 },
};

/* Reads line as a server's; untagged, which imap_resp reads the same. */
static struct imap_resp *
read_line(const char *line, size_t n, const struct imap_result **out)
{
	struct imap_resp *resp = imap_resp_new();
	struct err e = ERR_NONE;
	struct imap_reply *r;
	struct str s = STR_INIT;
	struct view in;

	str_adds(&s, "* ");
	str_add(&s, line, n);
	str_adds(&s, "\r\n");
	in = str_view(&s);
	if (imap_resp_next(resp, &in, &r, &e) != 1 || r->kind != IMAP_CONDITION) {
		fprintf(stderr, "no condition: %s\n", line);
		exit(2);
	}
	*out = &r->cond;
	str_free(&s);
	return resp;
}

static struct err
fault(const char *line, enum imap_during when, const char *what, int64_t *pause_r)
{
	const struct imap_result *r;
	struct imap_resp *resp = read_line(line, strlen(line), &r);
	struct err e = ERR_NONE;

	imap_fault(r, when, what, &e, pause_r);
	imap_resp_free(&resp);
	return e;
}

TEST(who_must_act)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = fault(rows[i].line, rows[i].when, "x", NULL);

		if (e.kind != rows[i].kind || e.scope != rows[i].scope ||
		    e.temporary != rows[i].temporary)
			UNIT_FAIL("%s: %s %s temporary %d, expected %s %s %d", rows[i].line,
			    err_kind_name(e.kind), err_scope_name(e.scope), e.temporary,
			    err_kind_name(rows[i].kind), err_scope_name(rows[i].scope),
			    rows[i].temporary);
	}
}

TEST(the_text_quotes_the_server)
{
	EXPECT_STR(fault("NO No such thing (0.001 + 12.000 + 0.3 secs).", C, "X", NULL).text,
	    "X: the server says NO: No such thing");
	EXPECT_STR(fault("NO wait ...", C, "", NULL).text, "the server says NO: wait ...");
	EXPECT_STR(fault("NO ( secs).", C, "", NULL).text, "the server says NO");
	EXPECT_STR(fault("NO (a secs).", C, "", NULL).text, "the server says NO: (a secs)");
	EXPECT_STR(fault("NO .", C, "", NULL).text, "the server says NO: .");
	EXPECT_STR(fault("NO [CANNOT] Character not allowed in mailbox name: '.' (0.001 + 0.000 secs).", C,
	    "X", NULL).text, "X: the server says NO [CANNOT]: Character not allowed in mailbox name: '.'; "
	    "capture a part of the value, such as (?<name>[^.]+), and write {name}");
	EXPECT_STR(fault("NO [OVERQUOTA] Mailbox is full", C, "UID MOVE to Lists", NULL).text,
	    "UID MOVE to Lists: the server says NO [OVERQUOTA]: Mailbox is full");
	EXPECT_STR(fault("BAD", C, "NOOP", NULL).text, "NOOP: the server says BAD");
	EXPECT_STR(fault("NO [X-ODD 7] so", C, "NOOP", NULL).text,
	    "NOOP: the server says NO [X-ODD]: so");
	EXPECT_STR(fault("NO \033[31mred\302\205\342\200\256txt.exe \377", C, "NOOP", NULL).text,
	    "NOOP: the server says NO: \\x1b[31mred\\x85\\u202etxt.exe \357\277\275");
}

TEST(a_long_text_is_cut)
{
	char line[5000];
	struct err e;

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "NO ", 3);
	line[sizeof(line) - 1] = '\0';
	e = fault(line, C, "NOOP", NULL);
	EXPECT_EQ(strlen(e.text), strlen("NOOP: the server says NO: ") + 200 + 3);
	/* A hint finds its place behind a long quotation and a long name. */
	memcpy(line, "NO web browser ", 15);
	e = fault(line, S, "signing in as a.person.with.a.rather.long.name@example.com by PLAIN", NULL);
	EXPECT(strstr(e.text, "; sign in once with a browser, then try again") != NULL);
}

TEST(a_way_out_where_one_is_known)
{
	const char *no = "NO [AUTHENTICATIONFAILED] Invalid credentials";

	EXPECT_STR(fault("NO [ALERT] Application-specific password required", S, "signing in", NULL).text,
	    "signing in: the server says NO [ALERT]: Application-specific password required; "
	    "Google wants an app password (myaccount.google.com/apppasswords) or OAuth");
	EXPECT(strstr(fault(no, S, "signing in as me@Yahoo.co.uk by PLAIN", NULL).text,
	    "; Yahoo wants an app password") != NULL);
	EXPECT(strstr(fault(no, S, "signing in as me@icloud.com by PLAIN", NULL).text,
	    "; iCloud wants an app-specific password") != NULL);
	EXPECT(strstr(fault(no, S, "signing in as me@fastmail.fm by PLAIN", NULL).text,
	    "; Fastmail wants an app password") != NULL);
	EXPECT(strstr(fault(no, S, "signing in as me@gmail.com by XOAUTH2", NULL).text, ";") == NULL);
	EXPECT(strstr(fault(no, S, "signing in as me@example.com by PLAIN", NULL).text, ";") == NULL);
	EXPECT(strstr(fault("NO [UNAVAILABLE] later", S, "signing in as me@gmail.com", NULL).text, ";") ==
	    NULL);
}

TEST(a_pause_that_was_asked_for)
{
	int64_t pause = -1;

	fault("NO because", C, "x", &pause);
	EXPECT_EQ(pause, 0);
	fault("BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", C, "x", &pause);
	EXPECT_EQ(pause, 299961);
	fault("NO Suggested Backoff Time: 4000000000 milliseconds", C, "x", &pause);
	EXPECT_EQ(pause, 86400000);
}

TEST(what_is_no_fault_and_what_came_first)
{
	const struct imap_result *r;
	struct imap_resp *resp = read_line("OK fine", 7, &r);
	struct err e = ERR_NONE;
	int64_t pause = -1;

	EXPECT_EQ(imap_fault(r, C, "x", &e, &pause), 0);
	EXPECT_EQ(e.kind, ERR_OK);
	EXPECT_EQ(pause, 0);
	imap_resp_free(&resp);
	resp = read_line("NO [UNAVAILABLE] x", 18, &r);
	err_set(&e, ERR_TLS, SCOPE_ACCOUNT, "first");
	EXPECT_EQ(imap_fault(r, C, "x", &e, NULL), -1);
	EXPECT_STR(e.text, "first");
	EXPECT_EQ(e.kind, ERR_TLS);
	EXPECT(!e.temporary);
	EXPECT_EQ(imap_fault(r, C, "x", NULL, NULL), -1);
	imap_resp_free(&resp);
}
