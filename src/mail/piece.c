/*
 * From the pieces of a mailbox to what they say: a phrase for people, or the two
 * halves of an address and the address built from them again.
 *
 * All functions are linear in the text of their pieces.  What they build is valid
 * UTF-8 on one line; names are decoded by the caller, addresses hold no encoded
 * words (RFC 2047, 5 (3)).
 */
#include "mail/piece.h"

#include <ctype.h>

#include "base/utf8.h"
#include "mail/charset.h"
#include "mail/word.h"

bool
piece_dot_atom(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c <= ' ' || c == 0x7F || strchr("()<>[]:;@\\,\"", c) != NULL)
			return false;
	}
	return v.n > 0;
}

void
piece_unescape(struct str *out, struct view v)
{
	for (size_t i = 0; i < v.n; ) {
		ptrdiff_t slash = view_chr(view_from(v, i), '\\');
		size_t n = slash < 0 ? v.n - i : (size_t)slash;

		str_addv(out, view_sub(v, i, n));
		i += n;
		if (i + 1 < v.n)
			str_addc(out, v.p[i + 1]);
		i += 2;
	}
}

/* Makes what is in *s valid UTF-8 on one line. */
static void
make_clean(struct str *s, struct str *scratch)
{
	str_reset(scratch);
	charset_decode(scratch, VIEW_NONE, str_view(s));
	str_reset(s);
	word_one_line(s, str_view(scratch));
}

void
piece_phrase(struct str *out, const struct piece *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (out->len > 0 && (p[i].apart || (i > 0 && p[i].kind == PIECE_QUOTED &&
		    p[i - 1].kind == PIECE_ATOM)))
			str_addc(out, ' ');
		if (p[i].kind == PIECE_AT)
			str_addc(out, '@');
		else
			piece_unescape(out, p[i].text);
	}
}

/* The two halves into s->local and s->domain; false: no "@", all in local. */
static bool
split_halves(struct piece_scratch *s, const struct piece *p, size_t n)
{
	size_t at = n;

	str_reset(&s->local);
	str_reset(&s->domain);
	for (size_t i = 0; i < n; i++)
		if (p[i].kind == PIECE_AT)
			at = i;		/* the last one divides; others are quoted */
	for (size_t i = 0; i < n; i++) {
		struct str *half = i <= at ? &s->local : &s->domain;

		if (i == at)
			continue;
		if (p[i].kind == PIECE_AT)
			str_addc(half, '@');
		else
			piece_unescape(half, p[i].text);
	}
	return at < n;
}

/* Into what an envelope takes: lower-case; false: not a domain. */
static bool
fix_domain(struct str *s)
{
	bool literal = s->len > 2 && s->p[0] == '[' && s->p[s->len - 1] == ']';
	struct view inner;

	for (size_t i = 0; i < s->len; i++)
		if (s->p[i] >= 'A' && s->p[i] <= 'Z')
			s->p[i] = (char)(s->p[i] + 32);
	if (!literal)	/* no host has "?"; an encoded word could end with it */
		return piece_dot_atom(str_view(s)) && view_chr(str_view(s), '?') < 0;
	inner = view_sub(str_view(s), 1, s->len - 2);
	/* RFC 5321, 4.1.3: an address, with a tag in front or not. */
	for (size_t i = 0; i < inner.n; i++)
		if (!isalnum((unsigned char)inner.p[i]) && strchr(":.-", inner.p[i]) == NULL)
			return false;
	return utf8_ascii(inner);
}

static bool
has_control(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < ' ' || v.p[i] == 0x7F)
			return true;
	return false;
}

/*
 * Dots at the end of the domain, and 'bob@example.com' in single quotes, as Outlook
 * once wrote: until there are none, so that what is written is read as the same.
 */
static void
strip_ends(struct piece_scratch *s)
{
	size_t first = 0, end = s->domain.len;

	for (;;) {
		while (end > 0 && s->domain.p[end - 1] == '.')
			end--;
		if (first + 1 >= s->local.len || s->local.p[first] != '\'' || end < 2 ||
		    s->domain.p[end - 1] != '\'')
			break;
		first++;
		end--;
	}
	str_cut(&s->domain, end);
	if (first > 0) {
		memmove(s->local.p, s->local.p + first, s->local.len - first);
		str_cut(&s->local, s->local.len - first);
	}
}

/* local@domain from the halves into s->text, the local part quoted if it must be. */
static void
join_halves(struct piece_scratch *s)
{
	struct view local = str_view(&s->local);

	str_reset(&s->text);
	if (local.n == 0 || piece_dot_atom(local)) {
		str_addv(&s->text, local);
	} else {
		str_addc(&s->text, '"');
		for (size_t i = 0; i < local.n; i++) {
			if (local.p[i] == '"' || local.p[i] == '\\')
				str_addc(&s->text, '\\');
			str_addc(&s->text, local.p[i]);
		}
		str_addc(&s->text, '"');
	}
	str_addc(&s->text, '@');
	str_addv(&s->text, str_view(&s->domain));
}

bool
piece_address(struct arena *arena, struct piece_scratch *s, const struct piece *p, size_t n,
    struct address *a)
{
	bool at = n > 0 && split_halves(s, p, n);
	struct view whole;

	a->address = a->local_part = a->domain = VIEW_NONE;
	if (n == 0)
		return false;
	make_clean(&s->local, &s->text);
	make_clean(&s->domain, &s->text);
	if (at)
		strip_ends(s);
	if (!at) {
		/* A bare word, if it is one: "root", "MAILER-DAEMON". */
		if (n != 1 || p[0].kind != PIECE_ATOM || !piece_dot_atom(str_view(&s->local)) ||
		    !utf8_ascii(str_view(&s->local)) ||
		    view_find(str_view(&s->local), VIEW("=?")) >= 0)	/* (part of) an encoded word */
			return false;
		a->address = a->local_part = arena_dup(arena, str_view(&s->local));
		return true;
	}
	if (!fix_domain(&s->domain) || has_control(str_view(&s->local)))
		return false;
	join_halves(s);
	whole = arena_dup(arena, str_view(&s->text));
	a->address = whole;
	a->local_part = arena_dup(arena, str_view(&s->local));
	a->domain = view_from(whole, whole.n - s->domain.len);
	return true;
}

size_t
piece_word_end(const struct pieces *ps, size_t i, bool *has_at_r)
{
	*has_at_r = ps->at[i].kind == PIECE_AT;
	for (i++; i < ps->n; i++) {
		const struct piece *p = &ps->at[i], *before = &ps->at[i - 1];
		bool dot = *has_at_r && p->kind == PIECE_ATOM && before->kind == PIECE_ATOM &&
		    (p->text.p[0] == '.' || before->text.p[before->text.n - 1] == '.');

		if (p->apart && p->kind != PIECE_AT && before->kind != PIECE_AT && !dot)
			break;
		*has_at_r |= p->kind == PIECE_AT;
	}
	return i;
}

bool
piece_find_word(const struct pieces *ps, size_t *from_r, size_t *to_r, bool *all_r)
{
	bool found = false, has_at;

	*all_r = true;
	for (size_t i = 0, end; i < ps->n; i = end) {
		end = piece_word_end(ps, i, &has_at);
		*all_r &= has_at;
		if (has_at) {
			*from_r = i;
			*to_r = end;
			found = true;
		}
	}
	return found;
}

void
piece_scratch_free(struct piece_scratch *s)
{
	str_free(&s->local);
	str_free(&s->domain);
	str_free(&s->text);
}
