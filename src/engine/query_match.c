/*
 * One decoded text, or one address, against the values of a key: does it match one?
 *
 * Texts are compared by their casemap keys (RFC 5051), those of the query made once when
 * it was built.  A glob is matched on keys too: by characters, with the marks that follow
 * a letter counted to it; on a mismatch it goes back to the last star only, so the cost
 * is at most length of pattern times length of text.  Regular expressions are matched on
 * the text itself.
 */
#include "engine/query_int.h"

#include "base/utf8.h"

/* ---- globs */

/* The character at *at and the combining marks behind it, which a key has apart. */
static uint32_t
glob_char(struct view v, size_t *at)
{
	size_t used;
	uint32_t c = utf8_get(view_from(v, *at), &used);

	*at += used;
	while (*at < v.n) {
		uint32_t mark = utf8_get(view_from(v, *at), &used);

		if (mark < 0x300 || mark > 0x36F)
			break;
		*at += used;
	}
	return c;
}

/* One character of the pattern, a quoted one without its backslash. */
static uint32_t
glob_literal(struct view p, size_t *at)
{
	size_t used;
	uint32_t c;

	if (p.p[*at] == '\\' && *at + 1 < p.n)
		(*at)++;
	c = utf8_get(view_from(p, *at), &used);
	*at += used;
	return c;
}

/*
 * A set "[...]" with *at behind its "[": moves behind its "]".  "!" or "^" first is the
 * contrary; "]" first, and what a backslash quotes, is itself.  false: it never ends.
 */
static bool
glob_set(struct view p, size_t *at, uint32_t c, bool *holds_r)
{
	bool not = *at < p.n && (p.p[*at] == '!' || p.p[*at] == '^'), in = false;
	size_t first;

	if (not)
		(*at)++;
	for (first = *at; *at < p.n; ) {
		uint32_t lo, hi;

		if (p.p[*at] == ']' && *at > first) {
			(*at)++;
			*holds_r = in != not;
			return true;
		}
		lo = hi = glob_literal(p, at);
		if (*at + 1 < p.n && p.p[*at] == '-' && p.p[*at + 1] != ']') {
			(*at)++;
			hi = glob_literal(p, at);
		}
		in |= c >= lo && c <= hi;
	}
	return false;
}

bool
glob_valid(struct view p)
{
	for (size_t at = 0; at < p.n; ) {
		bool holds;

		if (p.p[at] == '[') {
			at++;
			if (!glob_set(p, &at, 0, &holds))
				return false;
		} else {
			if (p.p[at] == '\\' && at + 1 == p.n)
				return false;
			glob_literal(p, &at);
		}
	}
	return true;
}

/* One step of the pattern that is no star; moves both on when it matches. */
static bool
glob_step(struct view p, size_t *pi, struct view v, size_t *vi)
{
	size_t pat = *pi, at = *vi, used;
	bool holds = true;

	if (p.p[pat] == '?') {
		pat++;
		glob_char(v, &at);
	} else if (p.p[pat] == '[') {
		pat++;
		if (!glob_set(p, &pat, glob_char(v, &at), &holds))
			return false;
	} else {
		/* Exact, mark by mark. */
		holds = glob_literal(p, &pat) == utf8_get(view_from(v, at), &used);
		at += used;
	}
	if (!holds)
		return false;
	*pi = pat;
	*vi = at;
	return true;
}

bool
glob_match(struct view p, struct view v)
{
	size_t pi = 0, vi = 0, star = SIZE_MAX, star_at = 0;

	for (;;) {
		if (pi < p.n && p.p[pi] == '*') {
			star = ++pi;
			star_at = vi;
			continue;
		}
		if (pi == p.n && vi == v.n)
			return true;
		if (pi < p.n && vi < v.n && glob_step(p, &pi, v, &vi))
			continue;
		if (star == SIZE_MAX || star_at >= v.n)
			return false;
		glob_char(v, &star_at);		/* the star takes one more */
		pi = star;
		vi = star_at;
	}
}

/* ---- one value */

static bool
matches_regex(struct eval *ev, struct regex *re, struct view text)
{
	struct regex_span spans[REGEX_GROUPS_MAX + 1];
	struct err err = ERR_NONE;
	int rc = regex_match(re, text, 0, spans, &err);

	if (rc < 0)
		eval_error(ev, &err);
	for (unsigned i = 1; rc == 1 && i <= regex_groups(re); i++) {
		const char *name = regex_group_name(re, i);

		if (name != NULL && spans[i].start >= 0)
			eval_capture(ev, name, view_sub(text, (size_t)spans[i].start,
			    (size_t)(spans[i].end - spans[i].start)));
	}
	return rc == 1;
}

/* Equal, or below it: "lists.example.org" is below "example.org". */
static bool
is_domain(struct view key, struct view domain)
{
	return view_ends(key, domain) &&
	    (key.n == domain.n || key.p[key.n - domain.n - 1] == '.');
}

/* Is the domain, or one above it, in the list (also as "*@domain")? */
static bool
list_has_domain(struct wordlist *l, struct view domain)
{
	struct str at = STR_INIT;
	bool found = false;

	while (!found && domain.n > 0) {
		ptrdiff_t dot = view_chr(domain, '.');

		str_reset(&at);
		str_addc(&at, '@');
		str_addv(&at, domain);
		found = wordlist_has(l, domain) || wordlist_has_address(l, str_view(&at));
		domain = dot < 0 ? VIEW_NONE : view_from(domain, (size_t)dot + 1);
	}
	str_free(&at);
	return found;
}

static bool
list_has_text(struct wordlist *l, enum query_op op, struct view text, struct view key)
{
	switch (op) {
	case OP_IS:
		return wordlist_has(l, text);
	case OP_DOMAIN:
		return list_has_domain(l, text);
	default:
		return wordlist_within(l, key);
	}
}

static bool
value_matches(enum query_op op, const struct value *v, struct view key)
{
	struct view want = str_view(&v->key);

	switch (op) {
	case OP_HAS:	return view_find(key, want) >= 0;
	case OP_IS:	return view_eq(key, want);
	case OP_STARTS:	return view_starts(key, want);
	case OP_ENDS:	return view_ends(key, want);
	case OP_GLOB:	return glob_match(want, key);
	case OP_DOMAIN:	return is_domain(key, want);
	default:	return false;
	}
}

bool
match_text(struct eval *ev, const struct query *q, struct view text)
{
	bool address = q->row->kind == KEY_ADDRESS, have_key = false;
	struct view key = VIEW_NONE;

	if (q->op == OP_PRESENT)
		return true;
	if (q->op != OP_HAS && q->op != OP_MATCHES)
		text = view_trim(text);
	for (size_t i = 0; i < q->values.n; i++) {
		const struct value *v = &q->values.at[i];

		if (v->regex != NULL) {
			if (matches_regex(ev, v->regex, text))
				return true;
			continue;
		}
		if (!have_key) {
			have_key = true;
			str_reset(&ev->key);
			casemap(&ev->key, text);
			key = str_view(&ev->key);
			if (q->set != NULL && list_has_text(q->set, q->op, text, key))
				return true;
		}
		if (v->type == QV_LIST) {
			/* Of an address the list was asked by match_address(). */
			if (!address && list_has_text(v->list, q->op, text, key))
				return true;
		} else if (q->set == NULL && value_matches(q->op, v, key)) {
			return true;
		}
	}
	return false;
}

static bool
lists_have(const struct query *q, const struct address *a)
{
	for (size_t i = 0; i < q->values.n; i++) {
		struct wordlist *l = q->values.at[i].list;

		if (l != NULL && (q->op == OP_DOMAIN ? list_has_domain(l, a->domain) :
		    wordlist_has_address(l, a->address)))
			return true;
	}
	return false;
}

/* HAS looks at "Name <address>", IS at name and address, DOMAIN at the domain, others at all. */
bool
match_address(struct eval *ev, const struct query *q, const struct address *a)
{
	if (q->op == OP_PRESENT)
		return true;
	if (q->row->kind == KEY_ADDRESS && lists_have(q, a))
		return true;
	if (q->op == OP_DOMAIN)
		return a->domain.n > 0 && match_text(ev, q, a->domain);
	if (q->op != OP_HAS && (match_text(ev, q, a->address) ||
	    (a->name.n > 0 && match_text(ev, q, a->name))))
		return true;
	if (q->op == OP_IS)
		return false;
	str_reset(&ev->scratch);
	address_print(&ev->scratch, a);
	return match_text(ev, q, str_view(&ev->scratch));
}
