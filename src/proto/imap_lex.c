/*
 * The IMAP lexer: a state and one function a state, called for each byte.
 *
 * How a line is framed does not depend on how it reads: beside the states a small
 * automaton watches for "{123}" (also "{123+}", "~{123}") and whoever meets CRLF asks it.
 * So a quoted string that a server left open spoils its line and not the frame: the
 * literal behind it is skipped by its count.
 *
 * A byte that ends a token and belongs to the next is not taken; the LF of CRLF also
 * waits until all tokens before it are out.  The head of a line decides how its rest
 * reads: text (no literals, nothing special), a list of numbers (a comma separates, no
 * ceiling for the line, since nothing of it is kept here), or arguments.
 */
#include "proto/imap_lex.h"

enum { START, ATOM, SECTION, QUOTED, ESCAPE, TEXT, TEXT_END, SKIP };
enum { MODE_HEAD, MODE_ARGS, MODE_NUMBERS };
enum { BRACE_NONE, BRACE_DIGITS, BRACE_PLUS, BRACE_CLOSED };
enum { LITERAL_NONE, LITERAL_MEMORY, LITERAL_BIG, LITERAL_SECTION, LITERAL_SKIP };

static const struct { const char *name; bool text, fetch; } names[] = {
	{ "OK", true, false }, { "NO", true, false }, { "BAD", true, false },
	{ "BYE", true, false }, { "PREAUTH", true, false }, { "FETCH", false, true },
	{ "SEARCH", false, false }, { "SORT", false, false }, { "ESEARCH", false, false },
	{ "VANISHED", false, false },
};

static void
spoil(struct imap_lex *lx, const char *why, bool limit)
{
	lx->state = SKIP;
	lx->why = why;
	lx->why_limit = limit;
	str_reset(&lx->buf);
}

/* One byte of the stream is done with. */
static void
take(struct imap_lex *lx, struct view *in)
{
	unsigned char c = (unsigned char)*in->p;

	if (lx->excerpt_n < sizeof(lx->excerpt) && c != '\r' && c != '\n')
		lx->excerpt[lx->excerpt_n++] = (char)c;
	*in = view_from(*in, 1);
	if (++lx->line > IMAP_LINE_MAX && lx->mode != MODE_NUMBERS && lx->state != SKIP)
		spoil(lx, "the line is too long", true);
}

static void
put(struct imap_lex *lx, unsigned char c, size_t max)
{
	if (lx->buf.len >= max) {
		spoil(lx, max == IMAP_TEXT_MAX ? "a text is too long" :
		    "an atom or string is too long", true);
		return;
	}
	str_addc(&lx->buf, (char)c);
}

static int
token(struct lex_token *t, enum lex_kind kind, struct view text)
{
	*t = (struct lex_token){ .kind = kind, .text = text };
	return 1;
}

/* ---- the watch for "{123}" */

static void
brace_watch(struct imap_lex *lx, unsigned char c)
{
	bool digit = c >= '0' && c <= '9';

	if (c == '{') {
		lx->brace = BRACE_DIGITS;
		lx->brace_len = 1;
		lx->brace_n = 0;
		return;
	}
	if (lx->brace == BRACE_DIGITS && digit) {
		/* sticks above the ceiling */
		lx->brace_n = lx->brace_n > IMAP_LITERAL_MAX ? lx->brace_n :
		    lx->brace_n * 10 + (uint64_t)(c - '0');
	} else if (lx->brace == BRACE_DIGITS && lx->brace_len > 1 && c == '+') {
		lx->brace = BRACE_PLUS;
	} else if ((lx->brace == BRACE_PLUS || (lx->brace == BRACE_DIGITS &&
	    lx->brace_len > 1)) && c == '}') {
		lx->brace = BRACE_CLOSED;
	} else {
		lx->brace = BRACE_NONE;
	}
	lx->brace_len++;
}

/* ---- the head of a line */

static bool
is_number(struct view v)
{
	bool sign = v.n > 1 && (v.p[0] == '-' || v.p[0] == '+');

	for (size_t i = sign; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	}
	return v.n > 0;
}

/* A word of the head is whole: what is it, and how does the rest read? */
static enum lex_kind
head_word(struct imap_lex *lx)
{
	struct view w = str_view(&lx->buf);

	if (lx->words++ == 0) {
		lx->tagged = !view_is(w, "*");
		return LEX_TAG;
	}
	if (!lx->tagged && lx->words == 2 && is_number(w))
		return LEX_NUMBER;
	lx->mode = MODE_ARGS;
	if (lx->tagged)
		lx->state = TEXT;
	for (size_t i = 0; i < ARRAY_LEN(names) && !lx->tagged; i++) {
		if (!view_iis(w, names[i].name))
			continue;
		lx->fetch = names[i].fetch;
		if (names[i].text)
			lx->state = TEXT;
		else if (!names[i].fetch)
			lx->mode = MODE_NUMBERS;
	}
	return LEX_NAME;
}

static int
end_atom(struct imap_lex *lx, struct lex_token *t)
{
	enum lex_kind kind = LEX_ATOM;

	lx->state = START;
	if (lx->mode == MODE_HEAD)
		kind = head_word(lx);
	return token(t, kind, str_view(&lx->buf));
}

/* ---- one function a state: 1 for a token; the byte is taken unless it ends an atom */

static int
in_start(struct imap_lex *lx, unsigned char c, struct view *in, struct lex_token *t)
{
	str_reset(&lx->buf);
	if (c == ' ' || (c == '\0' && lx->words == 0) || (c == ',' && lx->mode == MODE_NUMBERS)) {
		take(lx, in);
		return 0;
	}
	if (lx->mode == MODE_HEAD) {
		if (c == '+' && lx->words == 0) {
			/* Exchange: "+" without a blank behind it */
			take(lx, in);
			lx->words = 1;
			lx->state = TEXT;
			return token(t, LEX_TAG, VIEW("+"));
		}
		/* maddy: "* [COPYUID ...]" without OK */
		lx->state = c == '[' && lx->words == 1 && !lx->tagged ? TEXT : ATOM;
		if (c == '(' || c == ')' || c == '"')
			spoil(lx, "the line has no name", false);
		return 0;
	}
	if (c == '(' || c == ')' || c == '"')
		take(lx, in);
	if (lx->state == SKIP)
		return 0;
	if (c == '(' || c == ')')
		return token(t, c == '(' ? LEX_OPEN : LEX_CLOSE, VIEW_NONE);
	lx->state = c == '"' ? QUOTED : ATOM;
	return 0;
}

/* section of RFC 9051, 9: only behind these it may hold blanks and parentheses. */
static bool
has_section(const struct imap_lex *lx)
{
	struct view v = str_view(&lx->buf);

	return lx->fetch && (view_iis(v, "BODY") || view_iis(v, "BODY.PEEK") ||
	    view_iis(v, "BINARY") || view_iis(v, "BINARY.PEEK") || view_iis(v, "BINARY.SIZE"));
}

static int
in_atom(struct imap_lex *lx, unsigned char c, struct view *in, struct lex_token *t)
{
	if (c == ' ' || c == '(' || c == ')' || (c == ',' && lx->mode == MODE_NUMBERS))
		return end_atom(lx, t);
	if (c == '[' && has_section(lx)) {
		lx->state = SECTION;
		lx->in_quote = false;
	}
	put(lx, c, IMAP_STRING_MAX);
	take(lx, in);
	return 0;
}

static int
in_section(struct imap_lex *lx, unsigned char c, struct view *in, struct lex_token *t)
{
	(void)t;
	if (c == '"')
		lx->in_quote = !lx->in_quote;
	if (c == ']' && !lx->in_quote)
		lx->state = ATOM;
	put(lx, c, IMAP_STRING_MAX);
	take(lx, in);
	return 0;
}

static int
in_quoted(struct imap_lex *lx, unsigned char c, struct view *in, struct lex_token *t)
{
	if (c == '"')
		lx->state = START;
	else if (c == '\\')
		lx->state = ESCAPE;
	else
		put(lx, c, IMAP_STRING_MAX);
	take(lx, in);
	return c == '"' && lx->state == START ? token(t, LEX_QUOTED, str_view(&lx->buf)) : 0;
}

/* A backslash before anything but quote and backslash is one that was not escaped. */
static int
in_escape(struct imap_lex *lx, unsigned char c, struct view *in, struct lex_token *t)
{
	(void)t;
	lx->state = QUOTED;
	if (c != '"' && c != '\\')
		put(lx, '\\', IMAP_STRING_MAX);
	if (lx->state != SKIP)
		put(lx, c, IMAP_STRING_MAX);
	take(lx, in);
	return 0;
}

/* The buffer still holds the word before. */
static void
begin_text(struct imap_lex *lx)
{
	if (!lx->in_text)
		str_reset(&lx->buf);
	lx->in_text = true;
}

static int
in_text(struct imap_lex *lx, unsigned char c, struct view *in, struct lex_token *t)
{
	(void)t;
	begin_text(lx);
	if (c != ' ' || lx->buf.len > 0)
		put(lx, c, IMAP_TEXT_MAX);
	take(lx, in);
	return 0;
}

static int
in_skip(struct imap_lex *lx, unsigned char c, struct view *in, struct lex_token *t)
{
	(void)c;
	(void)t;
	take(lx, in);
	return 0;
}

typedef int (*state_fn)(struct imap_lex *, unsigned char, struct view *, struct lex_token *);
static const state_fn states[] = {
	[START] = in_start, [ATOM] = in_atom, [SECTION] = in_section, [QUOTED] = in_quoted,
	[ESCAPE] = in_escape, [TEXT] = in_text, [TEXT_END] = in_skip, [SKIP] = in_skip,
};

/* A CR that no LF followed; it never ends a token.  Between tokens it is a blank. */
static void
bare_cr(struct imap_lex *lx)
{
	brace_watch(lx, '\r');
	if (lx->state == ESCAPE) {
		put(lx, '\\', IMAP_STRING_MAX);
		lx->state = lx->state == SKIP ? SKIP : QUOTED;
	}
	if (lx->state == ATOM || lx->state == SECTION || lx->state == QUOTED)
		put(lx, '\r', IMAP_STRING_MAX);
	else if (lx->state == TEXT && lx->in_text && lx->buf.len > 0)
		put(lx, '\r', IMAP_TEXT_MAX);
}

/* ---- the end of a line, or of a part of it that a literal follows */

static int
end_line(struct imap_lex *lx, struct view *in, struct lex_token *t)
{
	bool bad = lx->state == SKIP;

	*t = (struct lex_token){ .kind = bad ? LEX_BAD : LEX_END, .why = lx->why,
		.limit = bad && lx->why_limit };
	*in = view_from(*in, 1);
	if (lx->buf.cap > IMAP_STRING_MAX * 2)
		str_free(&lx->buf);
	lx->state = START;
	lx->mode = MODE_HEAD;
	lx->words = 0;
	lx->line = 0;
	lx->cr = lx->tagged = lx->fetch = lx->in_text = lx->why_limit = false;
	lx->brace = BRACE_NONE;
	lx->why = NULL;
	return 1;
}

static int
begin_literal(struct imap_lex *lx, struct view *in, struct lex_token *t, struct err *e)
{
	uint64_t n = lx->brace_n;

	if (n > IMAP_LITERAL_MAX)
		return err_set(e, ERR_PROTO, SCOPE_SESSION,
		    "the server announced a literal of an impossible length");
	take(lx, in);
	lx->cr = false;
	lx->brace = BRACE_NONE;
	lx->left = n;
	if (lx->state == SECTION && n > IMAP_STRING_MAX - MIN(lx->buf.len, IMAP_STRING_MAX))
		spoil(lx, "an atom or string is too long", true);
	if (lx->state == SKIP) {
		lx->literal = LITERAL_SKIP;
		return 0;
	}
	if (lx->state == SECTION) {
		lx->literal = LITERAL_SECTION;
		return 0;
	}
	str_reset(&lx->buf);
	lx->literal = n <= MIN(lx->literal_max, IMAP_MEMORY_MAX) ? LITERAL_MEMORY : LITERAL_BIG;
	if (lx->literal == LITERAL_BIG) {
		token(t, LEX_BIG, VIEW_NONE);
		t->size = n;
		return 1;
	}
	return n == 0 ? token(t, LEX_LITERAL, VIEW_NONE) : 0;
}

/* CRLF behind "{123}". */
static int
meet_literal(struct imap_lex *lx, struct view *in, struct lex_token *t, struct err *e)
{
	if (lx->state == ATOM || lx->state == SECTION) {
		str_cut(&lx->buf, lx->buf.len - MIN(lx->buf.len, lx->brace_len));
		lx->brace_len = 0;	/* cut once */
	}
	if (lx->state == ATOM) {
		/* literal8 of RFC 3516 */
		if (view_is(str_view(&lx->buf), "~"))
			str_reset(&lx->buf);
		if (lx->buf.len > 0)
			return end_atom(lx, t);	/* no blank before the brace */
		lx->state = START;
	}
	if (lx->state == QUOTED || lx->state == ESCAPE)
		spoil(lx, "a quoted string has no end", false);
	else if (lx->mode == MODE_HEAD && lx->state == START)
		spoil(lx, "the line has no name", false);
	return begin_literal(lx, in, t, e);
}

static int
meet_crlf(struct imap_lex *lx, struct view *in, struct lex_token *t, struct err *e)
{
	if (lx->state == TEXT) {
		begin_text(lx);
		lx->state = TEXT_END;
		return token(t, LEX_TEXT, str_view(&lx->buf));
	}
	if (lx->brace == BRACE_CLOSED && lx->state != TEXT_END)
		return meet_literal(lx, in, t, e);
	if (lx->state == ATOM)
		return end_atom(lx, t);
	if (lx->state == QUOTED || lx->state == ESCAPE)
		spoil(lx, "a quoted string has no end", false);
	else if (lx->state == SECTION)
		spoil(lx, "a section has no end", false);
	else if (lx->state == START && lx->mode == MODE_HEAD)
		spoil(lx, lx->words == 0 ? "an empty line" : "the line has no name", false);
	return end_line(lx, in, t);
}

/* A byte that no state and no watch but its string's own cares for. */
static bool
is_plain(unsigned char c)
{
	return c > ' ' && c != '(' && c != ')' && c != ',' && c != '[' && c != ']' && c != '"' &&
	    c != '\\' && c != '{';
}

/* Plain bytes of an atom or a quoted string at once, within the ceilings: only for speed. */
static void
take_run(struct imap_lex *lx, struct view *in)
{
	size_t n = 0, max, head;

	if (lx->cr || lx->brace != BRACE_NONE || lx->line == 0 || lx->line >= IMAP_LINE_MAX ||
	    (lx->state != ATOM && lx->state != QUOTED))
		return;
	max = MIN(IMAP_STRING_MAX - MIN(lx->buf.len, IMAP_STRING_MAX), IMAP_LINE_MAX - lx->line);
	max = MIN(max, in->n);
	while (n < max && is_plain((unsigned char)in->p[n]))
		n++;
	str_add(&lx->buf, in->p, n);
	head = MIN(n, sizeof(lx->excerpt) - lx->excerpt_n);
	memcpy(lx->excerpt + lx->excerpt_n, in->p, head);
	lx->excerpt_n += head;
	lx->line += n;
	*in = view_from(*in, n);
}

static int
take_byte(struct imap_lex *lx, struct view *in, struct lex_token *t, struct err *e)
{
	unsigned char	c = (unsigned char)*in->p;
	size_t		before = in->n;
	int		r;

	if (lx->line == 0)
		lx->excerpt_n = 0;
	if (lx->cr) {
		if (c == '\n')
			return meet_crlf(lx, in, t, e);
		lx->cr = false;
		bare_cr(lx);
	}
	if (c == '\r') {
		lx->cr = true;
		take(lx, in);
		return 0;
	}
	r = states[lx->state](lx, c, in, t);

	if (in->n < before)
		brace_watch(lx, c);
	return r;
}

static int
take_literal(struct imap_lex *lx, struct view *in, struct lex_token *t)
{
	struct view some = view_sub(*in, 0, (size_t)MIN((uint64_t)in->n, lx->left));

	*in = view_from(*in, some.n);
	lx->left -= some.n;
	switch (lx->literal) {
	case LITERAL_BIG:
		token(t, LEX_DATA, some);
		t->last = lx->left == 0;
		return 1;
	case LITERAL_MEMORY:
		str_addv(&lx->buf, some);
		return lx->left == 0 ? token(t, LEX_LITERAL, str_view(&lx->buf)) : 0;
	case LITERAL_SECTION:
		str_addv(&lx->buf, some);
		return 0;
	default:
		return 0;
	}
}

int
imap_lex_next(struct imap_lex *lx, struct view *in, struct lex_token *t, struct err *e)
{
	int r = 0;

	while (in->n > 0 && r == 0) {
		if (lx->state == SKIP && lx->line > IMAP_SKIP_MAX)
			return err_set(e, ERR_LIMIT, SCOPE_SESSION, "a line of the server has no end");
		if (lx->left > 0) {
			r = take_literal(lx, in, t);
			continue;
		}
		take_run(lx, in);
		if (in->n > 0)
			r = take_byte(lx, in, t, e);
	}
	return r;
}

struct view
imap_lex_excerpt(const struct imap_lex *lx)
{
	return view_n(lx->excerpt, lx->excerpt_n);
}

bool
imap_lex_idle(const struct imap_lex *lx)
{
	return lx->line == 0 && lx->left == 0;
}

void
imap_lex_free(struct imap_lex *lx)
{
	str_free(&lx->buf);
	*lx = (struct imap_lex){ .literal_max = lx->literal_max };
}
