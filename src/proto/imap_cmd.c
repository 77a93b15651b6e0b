/*
 * An IMAP command under construction: text in one growing buffer, secrets in another
 * that is wiped, blobs by reference; parts are slices of these in the order of the wire.
 * A literal that the server has not promised to take at once makes a barrier: the next
 * part waits for "+" (RFC 9051, 4.3).
 *
 * What can stand where is decided by bytes alone: an atom of ATOM-CHAR, a quoted string
 * of printable ASCII up to QUOTED_MAX, else a literal.  {n+} is written only where it
 * was offered: a server that does not know it would run the literal as commands.
 */
#include "proto/imap_cmd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"

#define CMD_MAGIC	0x1a9c3d00u
#define QUOTED_MAX	((size_t)1000)	/* longer: a literal, which no line limit counts */

enum part_kind { PART_TEXT, PART_SECRET, PART_BLOB };

struct part {
	enum part_kind	 kind;
	bool		 wait;
	size_t		 off, n;	/* in text or hidden */
	struct blob	*blob;
};

struct imap_cmd {
	uint32_t		 magic;
	struct imap_syntax	 syntax;
	struct str		 text;
	struct secret		*hidden;	/* NULL: no secret */
	struct { VEC(struct part) } parts;
	bool			 barrier;	/* the next part waits */
	bool			 hide;		/* what comes is secret */
	bool			 ended;
	bool			 tagged;
	size_t			 line;		/* bytes outside of literals */
	struct err		 err;
};

/* ---- life */

struct imap_syntax
imap_syntax_of(const struct imap_caps *caps, size_t line_max)
{
	return (struct imap_syntax){
		.literal_plus = imap_caps_has(caps, IMAP_CAP_LITERAL_PLUS),
		.literal_minus = imap_caps_has(caps, IMAP_CAP_LITERAL_MINUS),
		.binary = imap_caps_has(caps, IMAP_CAP_BINARY),
		.line_max = line_max,
	};
}

void
imap_tags_init(struct imap_tags *t, const unsigned char random[IMAP_TAG_LETTERS])
{
	for (size_t i = 0; i < IMAP_TAG_LETTERS; i++)
		t->letters[i] = (char)('a' + random[i] % 26);
	t->letters[IMAP_TAG_LETTERS] = '\0';
	t->n = 0;
}

void
imap_tags_next(struct imap_tags *t, char tag_r[IMAP_TAG_SIZE])
{
	/* 13 digits are more commands than any connection lives to send. */
	t->n = t->n % UINT64_C(9999999999999) + 1;
	snprintf(tag_r, IMAP_TAG_SIZE, "%s%" PRIu64, t->letters, t->n);
}

struct imap_cmd *
imap_cmd_new(const struct imap_syntax *syntax, const char *tag)
{
	struct imap_cmd *c = xcalloc(1, sizeof(*c));

	c->magic = CMD_MAGIC;
	c->syntax = *syntax;
	if (c->syntax.line_max == 0)
		c->syntax.line_max = IMAP_LINE_DEFAULT;
	c->text = str_limited(IMAP_CMD_MAX);
	c->tagged = tag != NULL;
	if (c->tagged) {
		imap_cmd_raw(c, tag);
		imap_cmd_raw(c, " ");
	}
	return c;
}

void
imap_cmd_free(struct imap_cmd **cp)
{
	struct imap_cmd *c = *cp;

	if (c == NULL)
		return;
	CHECK(c, CMD_MAGIC);
	*cp = NULL;
	for (size_t i = 0; i < c->parts.n; i++)
		blob_free(&c->parts.at[i].blob);
	VEC_FREE(&c->parts);
	secret_free(&c->hidden);
	str_free(&c->text);
	c->magic = 0;
	free(c);
}

void
imap_cmd_fail(struct imap_cmd *c, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(&c->err, kind, SCOPE_MESSAGE, fmt, ap);
	va_end(ap);
}

/* ---- parts */

static struct part *
part_push(struct imap_cmd *c, enum part_kind kind, size_t off)
{
	struct part p = { .kind = kind, .wait = c->barrier, .off = off };

	c->barrier = false;
	VEC_PUSH(&c->parts, p);
	return &c->parts.at[c->parts.n - 1];
}

/* Bytes for the wire as they are, into the last part where they belong together. */
static void
add(struct imap_cmd *c, struct view v)
{
	enum part_kind kind = c->hide ? PART_SECRET : PART_TEXT;
	struct part *last = c->parts.n > 0 ? &c->parts.at[c->parts.n - 1] : NULL;

	CHECK(c, CMD_MAGIC);
	assert(!c->ended);
	if (v.n == 0)
		return;
	if (c->hide && c->hidden == NULL)
		c->hidden = secret_new();
	if (last == NULL || last->kind != kind || c->barrier)
		last = part_push(c, kind, c->hide ? secret_len(c->hidden) : c->text.len);
	if (c->hide)
		secret_add(c->hidden, v);
	else
		str_addv(&c->text, v);
	if (c->text.over || (c->hide && secret_over(c->hidden)))
		imap_cmd_fail(c, ERR_LIMIT, "the command is longer than %zu bytes",
		    c->hide ? SECRET_MAX : IMAP_CMD_MAX);
	else
		last->n += v.n;
}

static void
add_line(struct imap_cmd *c, struct view v)
{
	add(c, v);
	c->line += v.n;
}

static void
add_byte(struct imap_cmd *c, char byte)
{
	add_line(c, view_n(&byte, 1));
}

int
imap_cmd_end(struct imap_cmd *c, struct err *e)
{
	CHECK(c, CMD_MAGIC);
	add(c, VIEW("\r\n"));
	if (c->line + 2 > c->syntax.line_max)
		imap_cmd_fail(c, ERR_LIMIT, "a command line of %zu bytes, the server takes %zu",
		    c->line + 2, c->syntax.line_max);
	if (err_is(&c->err))
		return err_set(e, c->err.kind, c->err.scope, "%s", c->err.text);
	c->ended = true;
	return 0;
}

size_t
imap_cmd_parts(const struct imap_cmd *c)
{
	CHECK(c, CMD_MAGIC);
	return c->ended ? c->parts.n : 0;
}

struct imap_part
imap_cmd_part(const struct imap_cmd *c, size_t i)
{
	const struct part *p;
	struct view from;

	CHECK(c, CMD_MAGIC);
	assert(c->ended && i < c->parts.n);
	p = &c->parts.at[i];
	if (p->kind == PART_BLOB)
		return (struct imap_part){ blob_view(p->blob), p->wait, false };
	from = p->kind == PART_SECRET ? secret_reveal(c->hidden) : str_view(&c->text);
	return (struct imap_part){ view_sub(from, p->off, p->n), p->wait, p->kind == PART_SECRET };
}

size_t
imap_cmd_room(const struct imap_cmd *c, size_t reserve)
{
	size_t used = c->line + 2;	/* and CRLF */

	CHECK(c, CMD_MAGIC);
	if (reserve > c->syntax.line_max || used > c->syntax.line_max - reserve)
		return 0;
	return c->syntax.line_max - reserve - used;
}

bool
imap_cmd_utf8(const struct imap_cmd *c)
{
	CHECK(c, CMD_MAGIC);
	return c->syntax.utf8;
}

/* ---- strings */

static bool
is_atom_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

bool
imap_atom(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!is_atom_char(v.p[i]))
			return false;
	return v.n > 0;
}

/* QUOTED-CHAR, of the control bytes none; 8 bits where UTF-8 was agreed on. */
static bool
is_quotable(const struct imap_cmd *c, struct view v)
{
	bool high = false;

	for (size_t i = 0; i < v.n; i++) {
		unsigned char byte = (unsigned char)v.p[i];

		if (byte < ' ' || byte == 0x7f)
			return false;
		high |= byte >= 0x80;
	}
	return v.n <= QUOTED_MAX && (!high || (c->syntax.utf8 && utf8_valid(v)));
}

static void
add_quoted(struct imap_cmd *c, struct view v)
{
	add_byte(c, '"');
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\')
			add_byte(c, '\\');
		add_byte(c, v.p[i]);
	}
	add_byte(c, '"');
}

/* "{n}" CRLF or "{n+}" CRLF, and the barrier. */
static void
add_literal_head(struct imap_cmd *c, size_t n, const char *open)
{
	bool now = c->syntax.literal_plus || (c->syntax.literal_minus && n <= IMAP_MINUS_MAX);
	char head[40];

	snprintf(head, sizeof(head), "%s%zu%s}\r\n", open, n, now ? "+" : "");
	add_line(c, view_of(head));
	c->barrier = !now;
}

/* A NUL can be said in no string (RFC 9051, 4.3: CHAR8). */
static bool
refused(struct imap_cmd *c, struct view v, const char *what)
{
	if (view_chr(v, '\0') >= 0)
		imap_cmd_fail(c, ERR_USAGE, "%s holds a NUL byte", what);
	else if (v.n > IMAP_ARG_MAX)
		imap_cmd_fail(c, ERR_LIMIT, "%s is longer than %zu bytes", what, IMAP_ARG_MAX);
	else
		return false;
	return true;
}

void
imap_cmd_string(struct imap_cmd *c, struct view v, const char *what)
{
	if (refused(c, v, what))
		return;
	if (is_quotable(c, v)) {
		add_quoted(c, v);
	} else {
		add_literal_head(c, v.n, "{");
		add(c, v);
	}
}

void
imap_cmd_astring(struct imap_cmd *c, struct view v, const char *what)
{
	/* "NIL" is an atom like any other in an astring, which not every server knows. */
	if (imap_atom(v) && v.n <= QUOTED_MAX && !view_iis(v, "NIL"))
		add_line(c, v);
	else
		imap_cmd_string(c, v, what);
}

static bool
has_line_break(struct view v)
{
	return view_chr(v, '\r') >= 0 || view_chr(v, '\n') >= 0;
}

void
imap_cmd_mailbox(struct imap_cmd *c, struct view name)
{
	if (name.n == 0)
		imap_cmd_fail(c, ERR_USAGE, "the mailbox name is empty");
	else if (has_line_break(name))
		imap_cmd_fail(c, ERR_USAGE, "the mailbox name holds a line break");
	else if (view_iis(name, "INBOX"))
		imap_cmd_raw(c, "INBOX");
	else
		imap_cmd_astring(c, name, "the mailbox name");
}

void
imap_cmd_secret(struct imap_cmd *c, const struct secret *s)
{
	c->hide = true;
	imap_cmd_astring(c, secret_reveal(s), "the password");
	c->hide = false;
}

void
imap_cmd_sasl(struct imap_cmd *c, const struct secret *base64)
{
	struct view v = secret_reveal(base64);

	for (size_t i = 0; i < v.n; i++)
		if (!is_atom_char(v.p[i])) {
			imap_cmd_fail(c, ERR_USAGE, "the response is not in base64");
			return;
		}
	c->hide = true;
	if (c->tagged)
		add_line(c, v);
	else
		add(c, v);	/* long tokens exist; no limit of commands is meant for an answer */
	c->hide = false;
}

void
imap_cmd_blob(struct imap_cmd *c, struct blob *b)
{
	struct view v = blob_view(b);
	bool nul = view_chr(v, '\0') >= 0;

	if (nul && !c->syntax.binary) {
		imap_cmd_fail(c, ERR_USAGE,
		    "the message holds a NUL byte, which this server cannot store");
		return;
	}
	add_literal_head(c, v.n, nul ? "~{" : "{");
	if (v.n > 0) {
		struct part *p = part_push(c, PART_BLOB, 0);

		p->n = v.n;
		p->blob = blob_ref(b);
	}
}

/* ---- what is no string */

void
imap_cmd_raw(struct imap_cmd *c, const char *words)
{
	for (const char *p = words; *p != '\0'; p++)
		assert(*p >= ' ' && *p < 0x7f);
	add_line(c, view_of(words));
}

void
imap_cmd_number(struct imap_cmd *c, uint64_t n)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	add_line(c, view_of(digits));
}
