/*
 * imap_fault: a refusal in the server's words becomes an error that says who must act.
 *
 * Asked in this order: a pause that the server wants; the response code; words that are
 * known from servers without codes; what a refusal means at that stage.  A code that says
 * little (ALERT, LIMIT, ...) lets words say more.  Two rules stand over the tables: while
 * signing in, what is not temporary is for the user to act on (ERR_AUTH); and a BAD is
 * ERR_PROTO unless it is temporary.
 *
 * Words are compared without case, as substrings, the first row wins: rows that are sure
 * come before rows that are vague.  The rows are what servers were seen to say.
 */
#include "proto/imap_fault.h"

#include "base/utf8.h"

#define WHAT_BYTES	((size_t)140)
#define QUOTE_BYTES	((size_t)200)
#define CODE_CHARS	40
#define PAUSE_MAX_MS	((uint64_t)86400000)

/* When a row counts. */
enum { SIGNIN = 1, COMMAND = 2, ANY = 3 };

struct meaning {
	enum err_kind	kind;
	enum err_scope	scope;		/* of a command */
	bool		temporary;
};

#define AUTH_NO		{ ERR_AUTH, SCOPE_ACCOUNT, false }
#define LATER(scope)	{ ERR_REFUSED, scope, true }
#define REFUSED(scope)	{ ERR_REFUSED, scope, false }
#define GONE(scope)	{ ERR_GONE, scope, false }
#define LIMITED		{ ERR_LIMIT, SCOPE_MESSAGE, false }
#define OUR_FAULT	{ ERR_PROTO, SCOPE_MESSAGE, false }

/* RFC 5530, 3; RFC 9051, 7.1; soft: words may say more. */
static const struct {
	enum imap_code	code;
	bool		soft;
	struct meaning	m;
} codes[] = {
	{ IMAP_CODE_AUTHENTICATIONFAILED, false, AUTH_NO },
	{ IMAP_CODE_AUTHORIZATIONFAILED, false, AUTH_NO },
	{ IMAP_CODE_EXPIRED, false, AUTH_NO },
	{ IMAP_CODE_PRIVACYREQUIRED, false, AUTH_NO },
	{ IMAP_CODE_UNAVAILABLE, false, LATER(SCOPE_MAILBOX) },
	{ IMAP_CODE_INUSE, false, LATER(SCOPE_MAILBOX) },
	{ IMAP_CODE_THROTTLED, false, LATER(SCOPE_SESSION) },
	{ IMAP_CODE_SERVERBUG, false, LATER(SCOPE_MESSAGE) },
	{ IMAP_CODE_NONEXISTENT, false, GONE(SCOPE_MAILBOX) },
	{ IMAP_CODE_TRYCREATE, false, GONE(SCOPE_MAILBOX) },
	{ IMAP_CODE_EXPUNGEISSUED, false, GONE(SCOPE_MESSAGE) },
	{ IMAP_CODE_OVERQUOTA, false, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_ALREADYEXISTS, false, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_HASCHILDREN, false, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_BADCHARSET, false, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_UNKNOWN_CTE, false, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_USEATTR, false, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_READ_ONLY, false, REFUSED(SCOPE_MAILBOX) },
	{ IMAP_CODE_NOMODSEQ, false, REFUSED(SCOPE_MAILBOX) },
	{ IMAP_CODE_CORRUPTION, false, REFUSED(SCOPE_MAILBOX) },
	{ IMAP_CODE_TOOBIG, false, LIMITED },
	{ IMAP_CODE_MESSAGELIMIT, false, LIMITED },
	{ IMAP_CODE_LIMIT, true, LIMITED },
	{ IMAP_CODE_NOPERM, true, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_CANNOT, true, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_CONTACTADMIN, true, REFUSED(SCOPE_MESSAGE) },
	{ IMAP_CODE_CLIENTBUG, true, OUR_FAULT },
	{ IMAP_CODE_UIDREQUIRED, false, OUR_FAULT },
	{ IMAP_CODE_COMPRESSIONACTIVE, false, OUR_FAULT },
};

static const struct {
	const char	*words;		/* lower case */
	int		 when;
	struct meaning	 m;
} says[] = {
	/* Limits and pauses. */
	{ "too many simultaneous", ANY, LATER(SCOPE_SESSION) },		/* Gmail */
	{ "maximum number of connections", ANY, LATER(SCOPE_SESSION) },	/* Dovecot */
	{ "too many connections", ANY, LATER(SCOPE_SESSION) },
	{ "too many concurrent", ANY, LATER(SCOPE_SESSION) },
	{ "too many sessions", ANY, LATER(SCOPE_SESSION) },
	{ "too many login", ANY, LATER(SCOPE_SESSION) },
	{ "too many auth", ANY, LATER(SCOPE_SESSION) },
	{ "too many bad", ANY, LATER(SCOPE_SESSION) },
	{ "connection limit", ANY, LATER(SCOPE_SESSION) },
	{ "connections exceeded", ANY, LATER(SCOPE_SESSION) },
	{ "authentication limit exceeded", ANY, LATER(SCOPE_SESSION) },	/* mailbox.org */
	{ "rate limit", ANY, LATER(SCOPE_SESSION) },			/* Yahoo */
	{ "bandwidth limit", ANY, LATER(SCOPE_SESSION) },
	{ "command limits", ANY, LATER(SCOPE_SESSION) },
	{ "throttled", ANY, LATER(SCOPE_SESSION) },
	{ "authenticated but not connected", ANY, LATER(SCOPE_SESSION) },	/* Microsoft 365 */
	{ "accesstokenexpired", ANY, LATER(SCOPE_SESSION) },		/* a new one is fetched */
	{ "session expired", ANY, LATER(SCOPE_SESSION) },
	{ "temporar", ANY, LATER(SCOPE_MAILBOX) },
	{ "try again later", ANY, LATER(SCOPE_MAILBOX) },
	{ "try again in", ANY, LATER(SCOPE_MAILBOX) },
	{ "try later", ANY, LATER(SCOPE_MAILBOX) },
	{ "service unavailable", ANY, LATER(SCOPE_MAILBOX) },
	{ "service is unavailable", ANY, LATER(SCOPE_MAILBOX) },
	{ "service not available", ANY, LATER(SCOPE_MAILBOX) },
	{ "server unavailable", ANY, LATER(SCOPE_MAILBOX) },
	{ "server is not available", ANY, LATER(SCOPE_MAILBOX) },
	{ "currently unavailable", ANY, LATER(SCOPE_MAILBOX) },
	{ "server busy", ANY, LATER(SCOPE_MAILBOX) },
	{ "too busy", ANY, LATER(SCOPE_MAILBOX) },
	{ "overload", ANY, LATER(SCOPE_MAILBOX) },
	{ "maintenance", ANY, LATER(SCOPE_MAILBOX) },
	{ "shutting down", ANY, LATER(SCOPE_SESSION) },
	/* The user's account. */
	{ "application-specific password", SIGNIN, AUTH_NO },		/* Gmail */
	{ "web browser", SIGNIN, AUTH_NO },				/* Gmail */
	{ "account is blocked", SIGNIN, AUTH_NO },			/* Outlook.com */
	{ "account is disabled", SIGNIN, AUTH_NO },
	{ "authentication failed", SIGNIN, AUTH_NO },
	{ "authentication failure", SIGNIN, AUTH_NO },
	{ "login failed", SIGNIN, AUTH_NO },
	{ "invalid credentials", SIGNIN, AUTH_NO },
	{ "invalid login", SIGNIN, AUTH_NO },
	{ "invalid user", SIGNIN, AUTH_NO },
	{ "incorrect", SIGNIN, AUTH_NO },
	{ "password", SIGNIN, AUTH_NO },
	/* Vague, so behind those. */
	{ "internal error", ANY, LATER(SCOPE_MESSAGE) },
	{ "internal server error", ANY, LATER(SCOPE_MESSAGE) },
	{ "server error", ANY, LATER(SCOPE_MESSAGE) },			/* Microsoft 365 */
	{ "system error", ANY, LATER(SCOPE_MESSAGE) },
	{ "timed out", ANY, LATER(SCOPE_MAILBOX) },
	{ "timeout", ANY, LATER(SCOPE_MAILBOX) },
	{ "not connected", ANY, LATER(SCOPE_SESSION) },
	{ "is locked", COMMAND, LATER(SCOPE_MAILBOX) },
	/* What a command is about. */
	{ "no longer exist", COMMAND, GONE(SCOPE_MESSAGE) },		/* Exchange */
	{ "no such message", COMMAND, GONE(SCOPE_MESSAGE) },
	{ "message not found", COMMAND, GONE(SCOPE_MESSAGE) },
	{ "has been expunged", COMMAND, GONE(SCOPE_MESSAGE) },
	{ "have been expunged", COMMAND, GONE(SCOPE_MESSAGE) },
	{ "already exists", COMMAND, REFUSED(SCOPE_MESSAGE) },
	{ "quota", COMMAND, REFUSED(SCOPE_MESSAGE) },
	{ "mailbox is full", COMMAND, REFUSED(SCOPE_MESSAGE) },
	{ "too large", COMMAND, LIMITED },
	{ "too big", COMMAND, LIMITED },
	{ "maximum message size", COMMAND, LIMITED },
	{ "read-only", COMMAND, REFUSED(SCOPE_MAILBOX) },
	{ "read only", COMMAND, REFUSED(SCOPE_MAILBOX) },
	{ "mailbox doesn't exist", COMMAND, GONE(SCOPE_MAILBOX) },	/* Dovecot */
	{ "does not exist", COMMAND, GONE(SCOPE_MAILBOX) },		/* Cyrus, Courier */
	{ "doesn't exist", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "unknown mailbox", COMMAND, GONE(SCOPE_MAILBOX) },		/* Gmail */
	{ "unknown folder", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "no such mailbox", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "no such folder", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "mailbox not found", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "folder not found", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "nonexistent", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "non-existent", COMMAND, GONE(SCOPE_MAILBOX) },
	{ "unsafe login", COMMAND, REFUSED(SCOPE_ACCOUNT) },		/* 163.com: no ID came */
	{ "permission denied", COMMAND, REFUSED(SCOPE_MESSAGE) },
	{ "access denied", COMMAND, REFUSED(SCOPE_MESSAGE) },
	{ "not permitted", COMMAND, REFUSED(SCOPE_MESSAGE) },
};

#define APP_GOOGLE	"Google wants an app password (myaccount.google.com/apppasswords) or OAuth"
#define APP_YAHOO	"Yahoo wants an app password (login.yahoo.com, Security)"
#define APP_APPLE	"iCloud wants an app-specific password (account.apple.com)"
#define APP_FASTMAIL	"Fastmail wants an app password (Settings, Privacy & Security)"
#define MICROSOFT	"Microsoft takes no passwords any more: it wants OAuth"

/* Ways out, by what the server says or who signs in. */
static const struct {
	const char	*words, *hint;
} hints[] = {
	{ "web browser", "sign in once with a browser, then try again" },
	{ "web login required", "sign in once with a browser, then try again" },
	{ "application-specific password", APP_GOOGLE },
	{ "basicauthblocked", MICROSOFT },
	{ "imap access is disabled", "turn IMAP on in the settings of the account" },
	{ "not enabled for imap", "turn IMAP on in the settings of the account" },
	{ "imap is disabled", "turn IMAP on in the settings of the account" },
	{ "@gmail.com", APP_GOOGLE },
	{ "@googlemail.com", APP_GOOGLE },
	{ "@yahoo.", APP_YAHOO },
	{ "@ymail.com", APP_YAHOO },
	{ "@icloud.com", APP_APPLE },
	{ "@me.com", APP_APPLE },
	{ "@mac.com", APP_APPLE },
	{ "@fastmail.", APP_FASTMAIL },
	{ "@outlook.", MICROSOFT },
	{ "@hotmail.", MICROSOFT },
	{ "@live.", MICROSOFT },
};

/* Ways out of what a command was refused for. */
static const struct {
	const char	*words, *hint;
} ways[] = {
	{ "not allowed in mailbox name: '.'",		/* Dovecot with Maildir++ */
	    "capture a part of the value, such as (?<name>[^.]+), and write {name}" },
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* needle in lower case; hay is short. */
static bool
contains(struct view hay, const char *needle)
{
	size_t n = strlen(needle);

	for (size_t i = 0; i + n <= hay.n; i++) {
		size_t k = 0;

		while (k < n && lower(hay.p[i + k]) == needle[k])
			k++;
		if (k == n)
			return true;
	}
	return false;
}

bool
imap_says(const struct imap_result *r, const char *words)
{
	return contains(view_sub(r->text, 0, 300), words);
}

static const struct meaning *
by_code(enum imap_code code, bool *soft_r)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (codes[i].code != code)
			continue;
		*soft_r = codes[i].soft;
		return &codes[i].m;
	}
	*soft_r = true;
	return NULL;
}

static const struct meaning *
by_words(const struct imap_result *r, int when)
{
	struct view text = view_sub(r->text, 0, 2 * QUOTE_BYTES);

	for (size_t i = 0; i < ARRAY_LEN(says); i++)
		if ((says[i].when & when) && contains(text, says[i].words))
			return &says[i].m;
	return NULL;
}

static struct meaning
meaning_of(const struct imap_result *r, enum imap_during when)
{
	static const struct meaning pause = LATER(SCOPE_SESSION), refused = REFUSED(SCOPE_MESSAGE),
	    bad = OUR_FAULT, bye = LATER(SCOPE_SESSION);
	bool soft, signing = when == IMAP_DURING_GREETING || when == IMAP_DURING_SIGNIN;
	const struct meaning *m = by_code(r->code, &soft), *more;
	struct meaning is;

	if (soft && (more = by_words(r, signing ? SIGNIN : COMMAND)) != NULL)
		m = more;
	if (r->throttled)
		m = &pause;
	if (r->cond == IMAP_BAD && (m == NULL || !m->temporary))
		m = &bad;
	if (r->cond == IMAP_BYE && (m == NULL || m->kind != ERR_AUTH))
		m = &bye;
	is = m != NULL ? *m : refused;
	/* Where no session came to be, or none is left, there is no message to speak of. */
	if (is.temporary && (when != IMAP_DURING_COMMAND || r->cond == IMAP_BYE)) {
		is.kind = ERR_NET;
		is.scope = SCOPE_SESSION;
	} else if (signing && is.kind == ERR_LIMIT) {
		is = (struct meaning){ ERR_NET, SCOPE_SESSION, true };
	} else if (signing) {
		is.kind = is.kind == ERR_PROTO ? ERR_PROTO : ERR_AUTH;
		is.scope = SCOPE_ACCOUNT;
	}
	return is;
}

static const char *
hint_for(const struct imap_result *r, const char *what, enum err_kind kind)
{
	struct view text = view_sub(r->text, 0, 2 * QUOTE_BYTES);
	struct view who = view_sub(view_of(what), 0, 2 * QUOTE_BYTES);

	for (size_t i = 0; i < ARRAY_LEN(ways) && kind != ERR_AUTH; i++)
		if (contains(text, ways[i].words))
			return ways[i].hint;
	/* A token that is refused is another matter. */
	if (kind != ERR_AUTH || contains(who, "oauth"))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(hints); i++)
		if (contains(text, hints[i].words) || contains(who, hints[i].words))
			return hints[i].hint;
	return NULL;
}

/* Without the full stop, and without the time that Dovecot took: "(0.001 + 0.000 secs)". */
static struct view
words_of(struct view text)
{
	struct view v = text;
	size_t open;

	if (view_ends(v, view_of(" secs).")))
		v.n--;
	if (view_ends(v, view_of(" secs)"))) {
		for (open = v.n - 6; open > 0 && strchr("0123456789.+ ", v.p[open - 1]) != NULL;)
			open--;
		v.n = open > 0 && v.p[open - 1] == '(' ? open - 1 : v.n;
	}
	while (v.n > 0 && v.p[v.n - 1] == ' ')
		v.n--;
	if (v.n > 1 && v.p[v.n - 1] == '.' && v.p[v.n - 2] != '.')
		v.n--;
	return v;
}

/* "UID MOVE to Lists: the server says NO [OVERQUOTA]: Mailbox is full" */
static void
say(struct str *s, const struct imap_result *r, const char *what, enum err_kind kind)
{
	const char *hint = hint_for(r, what, kind);
	struct view v = view_of(what), text = words_of(r->text);
	size_t n;

	str_add(s, v.p, utf8_clip(v, WHAT_BYTES));
	str_addf(s, "%sthe server says %s", v.n > 0 ? ": " : "", imap_cond_name(r->cond));
	if (r->code != IMAP_CODE_NONE) {
		str_adds(s, " [");
		utf8_printable(s, r->code_name, CODE_CHARS);
		str_addc(s, ']');
	}
	if (text.n > 0) {
		n = utf8_clip(text, QUOTE_BYTES);
		str_adds(s, ": ");
		utf8_printable(s, view_n(text.p, n), QUOTE_BYTES);
		if (n < text.n)
			str_adds(s, "...");
	}
	if (hint != NULL)
		str_addf(s, "; %s", hint);
}

int
imap_fault(const struct imap_result *r, enum imap_during when, const char *what, struct err *e,
	int64_t *pause_ms_r)
{
	bool first = e != NULL && !err_is(e);
	struct str s = str_limited(2000);
	struct meaning m;

	if (pause_ms_r != NULL)
		*pause_ms_r = (int64_t)MIN(r->backoff_ms, PAUSE_MAX_MS);
	if (r->cond == IMAP_OK || r->cond == IMAP_PREAUTH)
		return 0;
	m = meaning_of(r, when);
	say(&s, r, what, m.kind);
	err_set(e, m.kind, m.scope, "%s", str_z(&s));
	if (first)
		e->temporary = m.temporary;
	str_free(&s);
	return -1;
}
