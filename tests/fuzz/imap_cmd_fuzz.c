/*
 * The encoder of IMAP commands, whatever the strings.  The first byte is what the server
 * takes; then arguments: a kind, a length, bytes (kind & 0x80: a hundred times over).  The
 * command is read back by a reader of its own: outside of the counted bytes of literals
 * there is no bare CR, LF or NUL; each literal that must wait does wait, and no other byte
 * does; each argument reads back as what went in; secrets are marked, all of their bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/vec.h"
#include "proto/imap_cmd.h"

#define ARGS_MAX	24

enum kind {
	ASTRING, STRING, MAILBOX, FLAG, SET, FIELD, SECRET, NUMBER, DATE, DATETIME, BLOB, SEARCH,
	SET_SOME, KIND_END
};

struct arg { enum kind kind; struct view v; bool cut; };

/* The command as one text, with what is known of each place. */
struct wire {
	struct str	text;
	struct { VEC(size_t) } waits;
	struct { VEC(unsigned char) } secret;	/* a byte each */
	size_t		at;
	size_t		waits_seen;
	struct imap_syntax syntax;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool cond)
{
	if (!cond)
		abort();
}

static uint64_t
number_of(struct view v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v.n; i++)
		n = n << 8 | (unsigned char)v.p[i];
	return n;
}

static void
put(struct imap_cmd *c, struct arg *a)
{
	struct secret *s = secret_of(a->v);
	struct blob *b = blob_copy(a->v);
	struct imap_key keys[] = {
		{ .kind = IMAP_KEY_WORD, .text = VIEW("SUBJECT") },
		{ .kind = IMAP_KEY_TEXT, .text = a->v },
	};
	struct view rest = a->v;

	switch (a->kind) {
	case ASTRING: imap_cmd_astring(c, a->v, "it"); break;
	case STRING: imap_cmd_string(c, a->v, "it"); break;
	case MAILBOX: imap_cmd_mailbox(c, a->v); break;
	case FLAG: imap_cmd_flag(c, a->v); break;
	case SET: imap_cmd_set(c, a->v); break;
	case FIELD: imap_cmd_fields(c, &a->v, 1); break;
	case SECRET: imap_cmd_secret(c, s); break;
	case NUMBER: imap_cmd_number(c, number_of(a->v)); break;
	case DATE: imap_cmd_date(c, (int64_t)number_of(a->v)); break;
	case DATETIME: imap_cmd_datetime(c, (int64_t)number_of(a->v), (int)a->v.n * 11 - 900); break;
	case BLOB: imap_cmd_blob(c, b); break;
	case SEARCH: imap_cmd_search(c, keys, 2); break;
	case SET_SOME:
		imap_cmd_set_some(c, &rest, 10);
		a->cut = rest.n > 0;
		a->v.n -= rest.n + (a->cut ? 1 : 0);
		break;
	case KIND_END: break;
	}
	secret_free(&s);
	blob_free(&b);
}

static void
flatten(struct wire *w, const struct imap_cmd *c)
{
	for (size_t i = 0; i < imap_cmd_parts(c); i++) {
		struct imap_part p = imap_cmd_part(c, i);

		if (p.wait)
			VEC_PUSH(&w->waits, w->text.len);
		str_addv(&w->text, p.bytes);
		for (size_t k = 0; k < p.bytes.n; k++)
			VEC_PUSH(&w->secret, p.secret);
	}
}

static unsigned char
peek(const struct wire *w)
{
	must(w->at < w->text.len);
	return (unsigned char)w->text.p[w->at];
}

static void
expect(struct wire *w, const char *what)
{
	for (; *what != '\0'; what++, w->at++)
		must(peek(w) == (unsigned char)*what);
}

static void
read_literal(struct wire *w, struct str *out)
{
	bool eight = peek(w) == '~', now;
	size_t n = 0;

	w->at += eight;
	expect(w, "{");
	must(peek(w) != '0' || w->text.p[w->at + 1] == '}' || w->text.p[w->at + 1] == '+');
	while (peek(w) >= '0' && peek(w) <= '9')
		n = 10 * n + (size_t)(w->text.p[w->at++] - '0');
	now = peek(w) == '+';
	w->at += now;
	expect(w, "}\r\n");
	must(!now || w->syntax.literal_plus || (w->syntax.literal_minus && n <= 4096));
	must(!eight || w->syntax.binary);
	if (!now) {
		must(w->waits_seen < w->waits.n && w->waits.at[w->waits_seen] == w->at);
		w->waits_seen++;
	}
	must(n <= w->text.len - w->at);
	str_add(out, w->text.p + w->at, n);
	must(eight || view_chr(str_view(out), '\0') < 0);
	w->at += n;
}

static void
read_arg(struct wire *w, struct str *out)
{
	/* No atom holds a "{": behind "~" it can only be a literal of 8 bits. */
	if (peek(w) == '{' || (peek(w) == '~' && w->text.p[w->at + 1] == '{')) {
		read_literal(w, out);
	} else if (peek(w) == '"') {
		for (w->at++; peek(w) != '"'; w->at++) {
			w->at += peek(w) == '\\';
			must(peek(w) >= ' ' && peek(w) != 0x7f && (peek(w) < 0x80 || w->syntax.utf8));
			str_addc(out, (char)peek(w));
		}
		w->at++;
	} else {
		while (peek(w) != ' ' && peek(w) != '\r' && peek(w) != ')') {
			must(peek(w) > ' ' && peek(w) < 0x7f);
			str_addc(out, (char)w->text.p[w->at++]);
		}
		must(out->len > 0);
	}
}

static void
check_arg(struct wire *w, const struct arg *a)
{
	struct str out = STR_INIT;
	size_t from = w->at;
	bool any = a->kind == NUMBER || a->kind == DATE || a->kind == DATETIME;

	if (a->kind == FIELD)
		expect(w, "(");
	if (a->kind == SEARCH && peek(w) == 'C')
		expect(w, "CHARSET UTF-8 ");
	if (a->kind == SEARCH)
		expect(w, "SUBJECT ");
	read_arg(w, &out);
	if (a->kind == FIELD)
		expect(w, ")");
	if (a->kind == MAILBOX && view_iis(a->v, "INBOX"))
		must(view_is(str_view(&out), "INBOX"));
	else
		must(any || view_eq(str_view(&out), a->v));
	for (; from < w->at; from++)
		must(w->secret.at[from] == (a->kind == SECRET));
	str_free(&out);
}

static void
check(struct imap_cmd *c, const struct imap_syntax *syntax, const struct arg *args, size_t n)
{
	struct wire w = { .syntax = *syntax };

	flatten(&w, c);
	expect(&w, "zq7 X");
	for (size_t i = 0; i < n; i++) {
		expect(&w, " ");
		check_arg(&w, &args[i]);
	}
	expect(&w, "\r\n");
	must(w.at == w.text.len && w.waits_seen == w.waits.n);
	str_free(&w.text);
	VEC_FREE(&w.waits);
	VEC_FREE(&w.secret);
}

static struct view
take_bytes(struct view *in, bool many, struct str *room)
{
	size_t n = in->n > 0 ? (unsigned char)in->p[0] : 0;
	struct view v = view_sub(*in, 1, n);

	*in = view_from(*in, 1 + v.n);
	for (int i = 0; many && i < 100; i++)
		str_addv(room, v);
	return many ? str_view(room) : v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = view_n((const char *)data, n);
	struct imap_syntax syntax = { 0 };
	struct arg args[ARGS_MAX];
	struct str rooms[ARGS_MAX] = { STR_INIT };
	struct imap_cmd *c;
	struct err e = ERR_NONE;
	size_t nargs = 0;

	if (n == 0)
		return 0;
	syntax.literal_plus = (data[0] & 1) != 0;
	syntax.literal_minus = (data[0] & 2) != 0;
	syntax.binary = (data[0] & 4) != 0;
	syntax.utf8 = (data[0] & 8) != 0;
	syntax.line_max = (data[0] & 16) != 0 ? 100 : 0;
	in = view_from(in, 1);
	c = imap_cmd_new(&syntax, "zq7");
	imap_cmd_raw(c, "X");
	for (; in.n > 0 && nargs < ARGS_MAX; nargs++) {
		unsigned char kind = (unsigned char)in.p[0];
		struct arg *a = &args[nargs];

		in = view_from(in, 1);
		a->kind = (enum kind)((kind & 0x7f) % KIND_END);
		a->v = take_bytes(&in, (kind & 0x80) != 0, &rooms[nargs]);
		imap_cmd_raw(c, " ");
		put(c, a);
	}
	if (imap_cmd_end(c, &e) == 0)
		check(c, &syntax, args, nargs);
	else
		must(err_is(&e) && imap_cmd_parts(c) == 0);
	imap_cmd_free(&c);
	for (size_t i = 0; i < nargs; i++)
		str_free(&rooms[i]);
	return 0;
}
