/*
 * The flags of one message: system flags as bits, keywords as a sorted array.
 *
 * Keywords are kept in ASCII case-insensitive order and once each, so printing,
 * comparing and merging need no second order.  Ceilings: KEYWORD_MAX bytes and
 * KEYWORDS_MAX keywords; flags_add() leaves out what is over them, flags_scan()
 * says so.  A keyword must be an atom (RFC 9051, 9: flag-keyword), so it can be
 * sent to any server as it is.
 */
#include "mail/flags.h"

static const struct sys_flag {
	unsigned	 bit;
	const char	*name;
	bool		 slash;		/* IMAP spells it with a backslash */
} sys_flags[] = {			/* in the order of flags_print() */
	{ FLAG_SEEN, "seen", true },
	{ FLAG_FLAGGED, "flagged", true },
	{ FLAG_ANSWERED, "answered", true },
	{ FLAG_DRAFT, "draft", true },
	{ FLAG_DELETED, "deleted", true },
	{ FLAG_PASSED, "$Forwarded", false },
};

static int
keyword_cmp(struct view a, struct view b)
{
	for (size_t i = 0; i < MIN(a.n, b.n); i++) {
		int x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];

		x += x >= 'A' && x <= 'Z' ? 32 : 0;
		y += y >= 'A' && y <= 'Z' ? 32 : 0;
		if (x != y)
			return x - y;
	}
	return a.n < b.n ? -1 : a.n > b.n;
}

/* The place of keyword: where it is (true) or where it would go. */
static bool
keyword_find(const struct flags *f, struct view keyword, size_t *at_r)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = keyword_cmp(view_of(f->at[mid]), keyword);

		if (c == 0) {
			*at_r = mid;
			return true;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at_r = lo;
	return false;
}

void
flags_free(struct flags *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->at[i]);
	VEC_FREE(f);
	f->sys = 0;
}

void
flags_copy(struct flags *to, const struct flags *from)
{
	if (to == from)
		return;
	flags_free(to);
	flags_add_all(to, from);
}

/* RFC 9051, 9: ATOM-CHAR, and "]", which a flag-keyword cannot hold either. */
static bool
is_atom(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c <= ' ' || c >= 0x7F || strchr("(){%*\"\\]", c) != NULL)
			return false;
	}
	return v.n > 0;
}

int
flag_parse(struct view name, unsigned *sys_r, struct view *keyword_r, struct err *e)
{
	bool slash = name.n > 0 && name.p[0] == '\\';
	struct view word = view_from(name, slash ? 1 : 0);

	*sys_r = 0;
	*keyword_r = VIEW_NONE;
	for (size_t i = 0; i < ARRAY_LEN(sys_flags); i++) {
		if (view_iis(word, sys_flags[i].name) && (sys_flags[i].slash || !slash)) {
			*sys_r = sys_flags[i].bit;
			return 0;
		}
	}
	if (slash)
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "\"%.*s\" is no flag that can be set",
		    (int)MIN(name.n, KEYWORD_MAX), name.p);
	if (word.n > KEYWORD_MAX)
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE,
		    "flag \"%.40s...\" is longer than %u bytes", word.p, KEYWORD_MAX);
	if (!is_atom(word))
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE,
		    "\"%.*s\" is no flag: no blanks, controls, non-ASCII or any of (){%%*\"\\]",
		    VIEW_ARG(word));
	*keyword_r = word;
	return 0;
}

bool
flags_has(const struct flags *f, unsigned sys, struct view keyword)
{
	size_t at;

	if (sys != 0)
		return (f->sys & sys) == sys;
	return keyword_find(f, keyword, &at);
}

void
flags_add(struct flags *f, unsigned sys, struct view keyword)
{
	size_t at;

	f->sys |= sys;
	if (keyword.n == 0 || keyword.n > KEYWORD_MAX || f->n >= KEYWORDS_MAX ||
	    keyword_find(f, keyword, &at))
		return;
	VEC_ROOM(f, 1);
	memmove(f->at + at + 1, f->at + at, (f->n - at) * sizeof(*f->at));
	f->at[at] = view_dup(keyword);
	f->n++;
}

void
flags_del(struct flags *f, unsigned sys, struct view keyword)
{
	size_t at;

	f->sys &= ~sys;
	if (keyword.n == 0 || !keyword_find(f, keyword, &at))
		return;
	free(f->at[at]);
	f->n--;
	memmove(f->at + at, f->at + at + 1, (f->n - at) * sizeof(*f->at));
}

void
flags_add_all(struct flags *f, const struct flags *more)
{
	f->sys |= more->sys;
	if (f == more)
		return;
	for (size_t i = 0; i < more->n; i++)
		flags_add(f, 0, view_of(more->at[i]));
}

void
flags_del_all(struct flags *f, const struct flags *less)
{
	if (f == less) {
		flags_free(f);
		return;
	}
	f->sys &= ~less->sys;
	for (size_t i = 0; i < less->n; i++)
		flags_del(f, 0, view_of(less->at[i]));
}

void
flags_print(struct str *out, const struct flags *f)
{
	const char *blank = "";

	for (size_t i = 0; i < ARRAY_LEN(sys_flags); i++) {
		if ((f->sys & sys_flags[i].bit) == 0)
			continue;
		str_adds(out, blank);
		str_adds(out, sys_flags[i].name);
		blank = " ";
	}
	for (size_t i = 0; i < f->n; i++) {
		str_adds(out, blank);
		str_adds(out, f->at[i]);
		blank = " ";
	}
}

int
flags_scan(struct flags *f, struct view list, struct err *e)
{
	struct flags got = { 0 };
	size_t i = 0;

	for (;;) {
		size_t start, at;
		unsigned sys;
		struct view keyword;

		while (i < list.n && (list.p[i] == ' ' || list.p[i] == '\t'))
			i++;
		if (i == list.n)
			break;
		start = i;
		while (i < list.n && list.p[i] != ' ' && list.p[i] != '\t')
			i++;
		if (flag_parse(view_sub(list, start, i - start), &sys, &keyword, e) != 0)
			goto fail;
		if (sys == 0 && got.n == KEYWORDS_MAX && !keyword_find(&got, keyword, &at)) {
			err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "more than %u flags", KEYWORDS_MAX);
			goto fail;
		}
		flags_add(&got, sys, keyword);
	}
	flags_free(f);
	*f = got;
	return 0;
fail:
	flags_free(&got);
	return -1;
}
