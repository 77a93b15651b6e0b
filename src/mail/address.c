/*
 * Address lists (RFC 5322, 3.4 and 4.4), as tolerant as mail needs.
 *
 * One pass cuts the value into pieces (atoms, quoted strings, "@", domain
 * literals) and collects them in two places: outside and inside of "< >".  At the
 * end of each mailbox (",", ";", the next "<", the end) the pieces become one
 * address.  State instead of recursion, so depth costs nothing; a quote or comment
 * that is not closed is found out once and is text from then on, so each byte is
 * looked at a bounded number of times.  What the pieces spell is piece.c's.
 *
 * "address" is built again from its two halves, so it can be put into an envelope
 * as it is; what cannot be one (blanks, controls) becomes a name without address.
 *
 * Ceilings: ADDRESS_MAX addresses a list, comments ADDRESS_DEPTH deep.
 */
#include "mail/address.h"

#include "mail/piece.h"
#include "mail/word.h"

#define MERGE_MAX	3u	/* unquoted commas in one name */

struct reader {
	struct arena		*arena;
	struct address_list	*out;
	struct view		 in;
	size_t			 at;
	bool			 no_quotes, no_comments;	/* one was not closed */
	/* the group we are in */
	bool			 in_group;
	struct str		 group;
	struct view		 group_kept;	/* in the arena, made at first use */
	/* the mailbox being read; reset by mailbox_reset() */
	struct pieces		 words;		/* outside of < > */
	struct pieces		 angle;		/* inside */
	bool			 in_angle, had_angle, apart;
	size_t			 behind;	/* words before the "<" */
	struct view		 comment;	/* the first that is not empty */
	/* the addresses before it in the list that may be the first half of its name */
	unsigned		 halves;
	/* buffers, reused */
	struct str		 raw, name, text;
	struct piece_scratch	 spell;
};

static bool
is_space(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7F;
}

static bool
is_special(char c)
{
	return c != '\0' && strchr("()<>,;:\"@", c) != NULL;
}

/* ---- names */

/* A name worth showing: decoded into r->name. */
static void
decode_name(struct reader *r, struct view raw)
{
	str_reset(&r->name);
	word_decode(&r->name, raw);
}

static struct view
keep_group(struct reader *r)
{
	if (r->in_group && r->group_kept.p == NULL) {
		struct str s = STR_INIT;

		word_decode(&s, str_view(&r->group));
		r->group_kept = arena_dup(r->arena, str_view(&s));
		str_free(&s);
	}
	return r->in_group ? r->group_kept : VIEW_NONE;
}

/* ---- a mailbox becomes an entry */

static void
mailbox_reset(struct reader *r)
{
	r->words.n = r->angle.n = r->behind = 0;
	r->in_angle = r->had_angle = false;
	r->comment = VIEW_NONE;
}

/*
 * Is the entry one half of a name with an unquoted comma ("Doe, John <a@b>")?
 * One word in lower case is a local mailbox.
 */
static bool
is_half(const struct address *a)
{
	return a->domain.n == 0 && (a->address.n == 0 ? a->name.n > 0 :
	    a->name.n == 0 && a->address.p[0] >= 'A' && a->address.p[0] <= 'Z');
}

/* Puts the halves before a into its name. */
static void
merge_halves(struct reader *r, struct address *a)
{
	struct address_list *l = r->out;

	str_reset(&r->name);
	for (size_t i = l->n - r->halves; i < l->n; i++) {
		str_addv(&r->name, l->at[i].name.n > 0 ? l->at[i].name : l->at[i].address);
		str_adds(&r->name, ", ");
	}
	str_addv(&r->name, a->name);
	a->name = arena_dup(r->arena, str_view(&r->name));
	l->n -= r->halves;
}

/* True when the list is full: the entry is counted and nothing is made for it. */
static bool
list_full(struct reader *r)
{
	if (r->out->n < ADDRESS_MAX)
		return false;
	r->out->dropped++;
	r->halves = 0;
	return true;
}

static void
push(struct reader *r, struct address *a, bool angle)
{
	a->group = keep_group(r);
	if (angle && a->address.n > 0 && a->name.n > 0 && r->halves > 0 && r->halves <= MERGE_MAX)
		merge_halves(r, a);
	r->halves = !angle && is_half(a) ? r->halves + 1 : 0;
	VEC_PUSH(r->out, *a);
}

/* Name from raw phrase, or from the comment if that is empty. */
static struct view
keep_name(struct reader *r, struct view phrase)
{
	if (phrase.n == 0 && r->comment.n > 0) {
		str_reset(&r->text);
		piece_unescape(&r->text, r->comment);
		phrase = str_view(&r->text);
	}
	if (phrase.n == 0)
		return VIEW_NONE;
	decode_name(r, phrase);
	return arena_dup(r->arena, str_view(&r->name));
}

/* name <a@b> */
static void
finish_angle(struct reader *r)
{
	struct address a = { .name = VIEW_NONE };
	struct pieces *w = &r->words;
	size_t from = 0, to = r->angle.n;
	bool all;

	if (list_full(r))
		return;
	piece_find_word(&r->angle, &from, &to, &all);
	str_reset(&r->raw);
	if (r->behind > 0)
		piece_phrase(&r->raw, w->at, r->behind);
	else
		piece_phrase(&r->raw, w->at, w->n);	/* <a@b> name */
	a.name = keep_name(r, str_view(&r->raw));
	if (r->angle.n > 0 && !piece_address(r->arena, &r->spell, r->angle.at + from, to - from, &a) &&
	    a.name.n == 0) {
		str_reset(&r->raw);
		piece_phrase(&r->raw, r->angle.at, r->angle.n);
		a.name = keep_name(r, str_view(&r->raw));
	}
	if (a.name.n > 0 || a.address.n > 0)
		push(r, &a, true);
}

/* "bob@example.com" in quotes and nothing else: what it says, if that is an address. */
static bool
spell_quoted(struct reader *r, struct address *a)
{
	struct view t = r->words.at[0].text;
	ptrdiff_t at = view_chr(t, '@');
	struct piece p[3];

	if (r->words.n != 1 || r->words.at[0].kind != PIECE_QUOTED || at <= 0)
		return false;
	p[0] = (struct piece){ PIECE_ATOM, false, view_sub(t, 0, (size_t)at) };
	p[1] = (struct piece){ PIECE_AT, false, view_sub(t, (size_t)at, 1) };
	p[2] = (struct piece){ PIECE_ATOM, false, view_from(t, (size_t)at + 1) };
	return piece_dot_atom(p[0].text) && piece_dot_atom(p[2].text) && piece_address(r->arena, &r->spell, p, 3, a);
}

/* The words without < >: a@b (name), name a@b, a@b c@d, word, many words. */
static void
finish_bare(struct reader *r)
{
	struct address a = { .name = VIEW_NONE };
	struct pieces *w = &r->words;
	size_t from = 0, to = 0, end;
	bool all, has_at, found = piece_find_word(w, &from, &to, &all);

	for (size_t i = 0; found && all && i < from; i = end) {	/* a comma is missing */
		end = piece_word_end(w, i, &has_at);
		if (!list_full(r) && piece_address(r->arena, &r->spell, w->at + i, end - i, &a))
			push(r, &a, false);
	}
	if (list_full(r))
		return;
	str_reset(&r->raw);
	if (found && !all) {
		piece_phrase(&r->raw, w->at, from);
		piece_phrase(&r->raw, w->at + to, w->n - to);
	}
	if (found ? piece_address(r->arena, &r->spell, w->at + from, to - from, &a) :
	    spell_quoted(r, &a) || piece_address(r->arena, &r->spell, w->at, w->n, &a)) {
		a.name = keep_name(r, str_view(&r->raw));
	} else {
		str_reset(&r->raw);
		piece_phrase(&r->raw, w->at, w->n);
		a.name = keep_name(r, str_view(&r->raw));
	}
	if (a.name.n > 0 || a.address.n > 0)
		push(r, &a, false);
}

static void
mailbox_finish(struct reader *r)
{
	if (r->in_angle || r->had_angle)
		finish_angle(r);
	else if (r->words.n > 0)
		finish_bare(r);
	mailbox_reset(r);
}

/* ---- pieces */

static void
add_piece(struct reader *r, enum piece_kind kind, struct view text)
{
	struct pieces *ps = r->in_angle ? &r->angle : &r->words;

	if (text.n == 0 && kind != PIECE_QUOTED)
		return;
	VEC_PUSH(ps, ((struct piece){ kind, r->apart, text }));
	r->apart = false;
}

static void
read_atom(struct reader *r)
{
	size_t start = r->at;
	struct view in = r->in;

	while (r->at < in.n && !is_space(in.p[r->at])) {
		char c = in.p[r->at];
		bool text = (c == '(' || c == ')') && r->no_comments;

		if (is_special(c) && !text && !(r->at == start && c == ')'))
			break;
		r->at += c == '\\' && r->at + 1 < in.n && !is_space(in.p[r->at + 1]) ? 2 : 1;
	}
	add_piece(r, PIECE_ATOM, view_sub(in, start, r->at - start));
}

/* An encoded word may hold specials (RFC 2047, 5 (3) forbids it), but no "< >", no blanks. */
static bool
read_encoded(struct reader *r)
{
	struct view v = view_from(r->in, r->at);
	size_t n = word_length(v);

	for (size_t i = 0; i < n; i++)
		if (is_space(v.p[i]) || v.p[i] == '<' || v.p[i] == '>' || v.p[i] == '"')
			return false;
	if (n == 0)
		return false;
	add_piece(r, PIECE_ATOM, view_sub(v, 0, n));
	r->at += n;
	return true;
}

static void
read_quoted(struct reader *r)
{
	size_t i = r->at + 1;

	while (i < r->in.n && r->in.p[i] != '"')
		i += r->in.p[i] == '\\' ? 2 : 1;
	if (i >= r->in.n) {
		r->no_quotes = true;		/* not closed: this one and all others are nothing */
		r->at++;
		r->apart = true;
		return;
	}
	add_piece(r, PIECE_QUOTED, view_sub(r->in, r->at + 1, i - r->at - 1));
	r->at = i + 1;
}

static void
read_comment(struct reader *r)
{
	size_t i = r->at;
	unsigned depth = 0;

	for (; i < r->in.n; i++) {
		char c = r->in.p[i];

		if (c == '\\')
			i++;
		else if (c == '(' && ++depth > ADDRESS_DEPTH)
			break;
		else if (c == ')' && --depth == 0)
			break;
	}
	if (i >= r->in.n || depth != 0) {
		r->no_comments = true;
		read_atom(r);
		return;
	}
	if (r->comment.n == 0)
		r->comment = view_sub(r->in, r->at + 1, i - r->at - 1);
	r->at = i + 1;
	r->apart = true;
}

static void
read_literal(struct reader *r)
{
	size_t i = r->at + 1;

	/* Not past the next "[": that one begins anew, and all would be quadratic. */
	while (i < r->in.n && strchr("[]@<>,;\"", r->in.p[i]) == NULL)
		i++;
	if (i < r->in.n && r->in.p[i] == ']') {
		add_piece(r, PIECE_LITERAL, view_sub(r->in, r->at, i + 1 - r->at));
		r->at = i + 1;
	} else {
		read_atom(r);
	}
}

static void
on_less(struct reader *r)
{
	struct pieces *w = &r->words;

	r->at++;
	if (r->in_angle)
		return;				/* << */
	if (r->had_angle) {
		/* <a@b> name <c@d>: a comma is missing; the words are the second's. */
		size_t first = r->behind, rest = w->n - first;

		w->n = first;
		finish_angle(r);
		w->n = first + rest;
		mailbox_reset(r);
		if (rest > 0)
			memmove(w->at, w->at + first, rest * sizeof(*w->at));
		w->n = rest;
	}
	r->in_angle = true;
	r->behind = w->n;
	r->apart = false;
}

static void
on_greater(struct reader *r)
{
	r->at++;
	if (!r->in_angle)
		return;
	r->in_angle = false;
	r->had_angle = true;
	r->apart = true;
}

/* In < > the end of a route (RFC 5322, 4.4) or "mailto:", else the name of a group. */
static void
on_colon(struct reader *r)
{
	r->at++;
	if (r->in_angle) {
		r->angle.n = 0;
		return;
	}
	if (r->had_angle)
		mailbox_finish(r);
	if (r->words.n == 1 && view_iis(r->words.at[0].text, "mailto")) {
		mailbox_reset(r);
		return;
	}
	str_reset(&r->group);
	piece_phrase(&r->group, r->words.at, r->words.n);
	r->group_kept = VIEW_NONE;
	r->in_group = true;
	r->halves = 0;
	mailbox_reset(r);
}

static void
on_comma(struct reader *r)
{
	r->at++;
	if (r->in_angle && r->angle.n > 0 && r->angle.at[0].kind == PIECE_AT) {
		r->apart = true;		/* <@a,@b:c@d> */
		return;
	}
	mailbox_finish(r);
}

/* The end of a group; outside of one what Outlook puts between addresses. */
static void
on_semicolon(struct reader *r)
{
	r->at++;
	mailbox_finish(r);
	if (r->in_group)
		r->halves = 0;
	r->in_group = false;
}

static void
read_piece(struct reader *r)
{
	char c = r->in.p[r->at];
	const struct pieces *ps = r->in_angle ? &r->angle : &r->words;

	if (c == '(' && !r->no_comments) {
		read_comment(r);
	} else if (c == '"') {
		if (!r->no_quotes) {
			read_quoted(r);
		} else {
			r->at++;
			r->apart = true;
		}
	} else if (c == '@') {
		add_piece(r, PIECE_AT, view_sub(r->in, r->at++, 1));
	} else if (c == '[' && ps->n > 0 && ps->at[ps->n - 1].kind == PIECE_AT) {
		read_literal(r);
	} else if (c != '=' || !read_encoded(r)) {
		read_atom(r);
	}
}

void
address_parse(struct arena *a, struct view raw, struct address_list *out)
{
	struct reader r = { .arena = a, .out = out, .in = raw };

	while (r.at < raw.n) {
		switch (raw.p[r.at]) {
		case '<': on_less(&r); break;
		case '>': on_greater(&r); break;
		case ',': on_comma(&r); break;
		case ';': on_semicolon(&r); break;
		case ':': on_colon(&r); break;
		default:
			if (is_space(raw.p[r.at])) {
				r.apart = true;
				r.at++;
			} else {
				read_piece(&r);
			}
		}
	}
	mailbox_finish(&r);
	VEC_FREE(&r.words);
	VEC_FREE(&r.angle);
	str_free(&r.group);
	str_free(&r.raw);
	str_free(&r.name);
	str_free(&r.text);
	piece_scratch_free(&r.spell);
}

void
address_list_free(struct address_list *l)
{
	VEC_FREE(l);
	l->dropped = 0;
}

void
address_print(struct str *out, const struct address *a)
{
	bool quote = false;

	for (size_t i = 0; i < a->name.n; i++)
		quote |= is_special(a->name.p[i]);
	if (a->name.n > 0) {
		str_adds(out, quote ? "\"" : "");
		for (size_t i = 0; i < a->name.n; i++) {
			if (quote && (a->name.p[i] == '"' || a->name.p[i] == '\\'))
				str_addc(out, '\\');
			str_addc(out, a->name.p[i]);
		}
		str_adds(out, quote ? "\"" : "");
	}
	if (a->address.n == 0)
		return;
	if (a->name.n > 0)
		str_adds(out, " <");
	str_addv(out, a->address);
	if (a->name.n > 0)
		str_addc(out, '>');
}
