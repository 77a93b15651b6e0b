/*
 * The wire log.  Each direction has a line under construction; CRLF ends it unless a
 * literal count stands before, then the literal's bytes belong to it.  So a line of the
 * log is a whole command or reply, and bytes of a mail never look like one.
 *
 * The reader of what the server sends is no parser: it follows counts, and not in the
 * text of OK, NO, BAD, BYE, PREAUTH and "+", where "{5}" counts nothing.  A server that
 * breaks these rules makes its own log unreadable and nothing else.
 * Where hiding is in doubt (a cut line, too many or too short secrets), the line is hidden.
 * Limits: IMAP_LOG_LINE bytes a line, HIDDEN_MAX secrets; linear in bytes, and in bytes
 * times secrets while a sign-in runs.
 */
#include "proto/imap_log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/scan.h"
#include "base/utf8.h"

#define LOG_MAGIC	0x1a9109a1u
#define HIDDEN_MAX	8u
#define HIDDEN_LEAST	4u	/* shorter ones would be masked in every other word */
#define LINE_ROOM	(IMAP_LOG_LINE + 256)
#define SECRET_MARK	"<secret>"
#define HIDDEN_LINE	"<hidden>"

enum brace { BRACE_NONE, BRACE_OPEN, BRACE_DIGITS, BRACE_PLUS, BRACE_CLOSED };

/* One direction. */
struct side {
	const char	*prefix;
	struct str	 line;		/* its first IMAP_LOG_LINE bytes */
	uint64_t	 left_out;	/* bytes behind them */
	bool		 cr;		/* the last byte was a CR, not yet in line */
	bool		 marked;	/* line ends with SECRET_MARK */
	enum brace	 brace;		/* "{12+}" so far */
	uint64_t	 count;
	uint64_t	 literal;	/* bytes of it to come */
	bool		 literal_shown;
};

struct imap_log {
	uint32_t		 magic;
	imap_log_fn		 fn;
	void			*arg;
	enum imap_log_mode	 mode;
	struct side		 sent, received;
	struct secret		*hidden[HIDDEN_MAX];
	size_t			 nhidden;
	bool			 hide_all;	/* there are secrets that cannot be masked */
	bool			 guarded;	/* the received line began during a sign-in */
};

struct imap_log *
imap_log_new(imap_log_fn fn, void *arg)
{
	struct imap_log *l = xcalloc(1, sizeof(*l));

	l->magic = LOG_MAGIC;
	l->fn = fn;
	l->arg = arg;
	l->sent = (struct side){ .prefix = "C: " };
	l->received = (struct side){ .prefix = "S: " };
	/* All the room a line takes: growing would leave copies of what it held. */
	(void)str_room(&l->sent.line, LINE_ROOM);
	(void)str_room(&l->received.line, LINE_ROOM);
	return l;
}

/* ---- what must not be shown */

static void
forget(struct imap_log *l)
{
	while (l->nhidden > 0)
		secret_free(&l->hidden[--l->nhidden]);
	l->hide_all = false;
	l->guarded = false;
}

void
imap_log_free(struct imap_log **lp)
{
	struct imap_log *l = *lp;

	if (l == NULL)
		return;
	CHECK(l, LOG_MAGIC);
	*lp = NULL;
	forget(l);
	secret_wipe_str(&l->sent.line);
	secret_wipe_str(&l->received.line);
	l->magic = 0;
	free(l);
}

static bool
between_lines(const struct side *s)
{
	return s->line.len == 0 && !s->cr && s->literal == 0;
}

void
imap_log_mode(struct imap_log *l, enum imap_log_mode mode)
{
	CHECK(l, LOG_MAGIC);
	l->mode = mode;
	/* A reply that is half here was begun during the sign-in: hidden until its end. */
	if (mode == IMAP_LOG_OPEN && between_lines(&l->received))
		forget(l);
}

void
imap_log_hide(struct imap_log *l, struct view secret)
{
	CHECK(l, LOG_MAGIC);
	if (secret.n == 0)
		return;
	if (secret.n < HIDDEN_LEAST || l->nhidden == HIDDEN_MAX)
		l->hide_all = true;
	else
		l->hidden[l->nhidden++] = secret_of(secret);
}

/* A secret argument as sent, and as meant: without quotes, or without a literal's count. */
static void
hide_sent(struct imap_log *l, struct view v)
{
	ptrdiff_t head = view_find(v, VIEW("}\r\n"));
	struct secret *plain;

	if (view_starts(v, VIEW("{")) && head >= 0)
		v = view_from(v, (size_t)head + 3);
	/* Not what says nothing: an empty response, the answer to OAUTHBEARER's error. */
	if (!view_is(v, "=") && !view_is(v, "AQ=="))
		imap_log_hide(l, v);
	if (v.n < 2 || !view_starts(v, VIEW("\"")) || !view_ends(v, VIEW("\"")))
		return;
	plain = secret_new();
	for (size_t i = 1; i + 1 < v.n; i++) {
		if (v.p[i] == '\\')
			i++;
		secret_addc(plain, v.p[i]);
	}
	imap_log_hide(l, secret_reveal(plain));
	secret_free(&plain);
}

/* The first place in v where a secret stands; its length, 0: none. */
static size_t
find_hidden(const struct imap_log *l, struct view v, size_t *at_r)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nhidden; i++) {
		struct view secret = secret_reveal(l->hidden[i]);
		ptrdiff_t at = view_find(v, secret);

		if (at < 0 || (n > 0 && ((size_t)at > *at_r ||
		    ((size_t)at == *at_r && secret.n < n))))
			continue;
		*at_r = (size_t)at;
		n = secret.n;
	}
	return n;
}

static void
add_masked(const struct imap_log *l, struct str *out, struct view v)
{
	size_t at, n;

	while ((n = find_hidden(l, v, &at)) > 0) {
		utf8_printable(out, view_sub(v, 0, at), SIZE_MAX);
		str_adds(out, SECRET_MARK);
		v = view_from(v, at + n);
	}
	utf8_printable(out, v, SIZE_MAX);
}

/* ---- lines */

static void
add(struct side *s, struct view v)
{
	size_t room = IMAP_LOG_LINE - MIN(s->line.len, IMAP_LOG_LINE);
	size_t n = MIN(v.n, room);

	str_add(&s->line, v.p, n);
	s->left_out += v.n - n;
	s->marked = s->marked && v.n == 0;
}

/* The mark goes in whatever the room: that something was there is never cut off. */
static void
add_mark(struct side *s)
{
	if (!s->marked)
		str_adds(&s->line, SECRET_MARK);
	s->marked = true;
	s->brace = BRACE_NONE;
}

/* "+ " and all that is behind it. */
static bool
is_challenge(struct view line)
{
	return view_starts(line, VIEW("+"));
}

static void
show(struct imap_log *l, struct side *s)
{
	bool guarded = s == &l->received && l->guarded;
	struct view line = str_view(&s->line);
	struct str out = STR_INIT;

	str_adds(&out, s->prefix);
	if (guarded && l->mode != IMAP_LOG_LOGIN && is_challenge(line))
		str_adds(&out, line.n > 1 ? "+ " HIDDEN_LINE : "+");
	else if (guarded && (l->hide_all || s->left_out > 0))
		str_adds(&out, HIDDEN_LINE);
	else if (guarded)
		add_masked(l, &out, line);
	else
		utf8_printable(&out, line, SIZE_MAX);
	if (s->left_out > 0)
		str_addf(&out, " (%" PRIu64 " bytes more)", s->left_out);
	l->fn(l->arg, str_z(&out));
	str_free(&out);
	secret_wipe(s->line.p, s->line.len);
	str_reset(&s->line);
	s->left_out = 0;
	s->marked = false;
	if (s == &l->received && l->mode == IMAP_LOG_OPEN)
		forget(l);
}

/* ---- framing */

/* Does the line end in text for people, in which nothing is counted? */
static bool
is_status(struct view line)
{
	static const char *const words[] = { "OK", "NO", "BAD", "BYE", "PREAUTH" };
	struct scan s = scan_of(line);
	struct view tag = scan_until(&s, " "), word;

	scan_blank(&s);
	word = scan_until(&s, " ");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (view_iis(word, words[i]))
			return true;
	return view_is(tag, "+");
}

/* One step of "{" digits ["+"] "}". */
static void
follow_brace(struct side *s, char c)
{
	bool digit = c >= '0' && c <= '9';

	if (c == '{') {
		s->brace = BRACE_OPEN;
		s->count = 0;
	} else if (digit && (s->brace == BRACE_OPEN || s->brace == BRACE_DIGITS) &&
	    s->count < UINT64_MAX / 100) {
		s->brace = BRACE_DIGITS;
		s->count = 10 * s->count + (uint64_t)(c - '0');
	} else if (c == '+' && s->brace == BRACE_DIGITS) {
		s->brace = BRACE_PLUS;
	} else if (c == '}' && (s->brace == BRACE_DIGITS || s->brace == BRACE_PLUS)) {
		s->brace = BRACE_CLOSED;
	} else {
		s->brace = BRACE_NONE;
	}
}

static void
end_line(struct imap_log *l, struct side *s)
{
	bool counted = s->brace == BRACE_CLOSED &&
	    (s == &l->sent || !is_status(str_view(&s->line)));

	s->brace = BRACE_NONE;
	if (!counted) {
		show(l, s);
		return;
	}
	s->literal = s->count;
	s->literal_shown = s->count <= IMAP_LOG_LITERAL;
	add(s, s->literal_shown ? VIEW("<") : VIEW("<...>"));
	if (s->literal == 0)
		add(s, VIEW(">"));
}

/* Bytes of a literal off the front of *v. */
static void
take_literal(struct side *s, struct view *v)
{
	size_t n = (size_t)MIN((uint64_t)v->n, s->literal);

	if (s->literal_shown)
		add(s, view_sub(*v, 0, n));
	s->literal -= n;
	*v = view_from(*v, n);
	if (s->literal == 0 && s->literal_shown)
		add(s, VIEW(">"));
}

/* Bytes of a line off the front of *v, up to and with its end. */
static void
take_line(struct imap_log *l, struct side *s, struct view *v)
{
	size_t i = 0;

	for (; i < v->n; i++) {
		char c = v->p[i];

		if (c == '\n' && s->cr)
			break;
		if (s->cr)
			add(s, VIEW("\r"));	/* a bare one: a byte like any other */
		s->cr = c == '\r';
		if (s->cr)
			continue;
		add(s, view_n(&c, 1));
		follow_brace(s, c);
	}
	if (i < v->n) {
		s->cr = false;
		i++;
		end_line(l, s);
	}
	*v = view_from(*v, i);
}

static void
take(struct imap_log *l, struct side *s, struct view v)
{
	while (v.n > 0) {
		/* A line begun during a sign-in stays guarded to its end. */
		if (s == &l->received && l->mode != IMAP_LOG_OPEN)
			l->guarded = true;
		if (s->literal > 0)
			take_literal(s, &v);
		else
			take_line(l, s, &v);
	}
}

void
imap_log_sent(struct imap_log *l, struct view bytes, bool secret)
{
	struct side *s = &l->sent;
	struct view end = VIEW("\r\n");

	CHECK(l, LOG_MAGIC);
	if (secret && l->mode != IMAP_LOG_OPEN)
		hide_sent(l, bytes);
	if (secret) {
		add_mark(s);
	} else if (l->mode == IMAP_LOG_SASL) {
		bool whole = view_ends(bytes, end);

		if (bytes.n > (whole ? end.n : 0))
			add_mark(s);
		if (whole)
			show(l, s);
	} else {
		take(l, s, bytes);
	}
}

void
imap_log_received(struct imap_log *l, struct view bytes)
{
	CHECK(l, LOG_MAGIC);
	take(l, &l->received, bytes);
}
