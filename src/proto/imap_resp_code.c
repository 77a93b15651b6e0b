/*
 * resp-text of RFC 9051, 7.1: "[" code "]" and words for people.  A code is taken apart
 * by its row below; one without a row keeps its arguments as text.
 *
 * Where a code ends: at the first "]" outside of parentheses and quotes, for Gmail has
 * flags like "OIB-Seen-[Gmail]/All"; if there is none, at the first "]" at all.
 */
#include "proto/imap_resp_int.h"

#define WORDS_MAX	10000u		/* of one code; the rest is left out */

struct code_row {
	enum imap_code	code;
	bool		(*parse)(struct imap_resp *r, struct view args, struct imap_result *out);
};

/* ---- arguments */

static struct view
next_word(struct scan *in)
{
	scan_blank(in);
	return scan_until(in, " ");
}

static struct view
unquoted(struct view v)
{
	return v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"' ? view_sub(v, 1, v.n - 2) : v;
}

/* "(a b)" or "a b" */
static struct view
unlisted(struct view v)
{
	v = view_trim(v);
	if (v.n > 0 && v.p[0] == '(')
		v = view_from(v, 1);
	if (v.n > 0 && v.p[v.n - 1] == ')')
		v.n--;
	return v;
}

static struct imap_words
split(struct imap_resp *r, struct view list)
{
	struct scan in = scan_of(list);
	size_t n = 0, i = 0;
	struct view *at;

	while (n < WORDS_MAX && next_word(&in).n > 0)
		n++;
	at = arena_alloc(resp_arena(r), n * sizeof(*at));
	in = scan_of(list);
	for (; i < n; i++)
		at[i] = unquoted(next_word(&in));
	return (struct imap_words){ at, n };
}

static bool
parse_number(struct imap_resp *r, struct view args, struct imap_result *out)
{
	(void)r;
	return imap_number(view_trim(args), UINT64_MAX, &out->number);
}

static bool
take_uidvalidity(struct scan *in, struct imap_result *out)
{
	uint64_t n;

	if (!imap_number(next_word(in), UINT32_MAX, &n))
		return false;
	out->uidvalidity = (uint32_t)n;
	return true;
}

static bool
parse_uidvalidity(struct imap_resp *r, struct view args, struct imap_result *out)
{
	struct scan in = scan_of(args);

	(void)r;
	return take_uidvalidity(&in, out);
}

static bool
is_set(struct view v)
{
	struct seq_pairs p;
	struct seq_run run;

	seq_pairs_begin(&p, v, v);
	while (seq_pairs_next(&p, &run))
		continue;
	return !p.broken;
}

/* RFC 4315, 3.  Exchange has "[COPYUID 5  ]" when nothing was copied. */
static bool
parse_copyuid(struct imap_resp *r, struct view args, struct imap_result *out)
{
	struct scan in = scan_of(args);
	struct seq_pairs p;
	struct seq_run run;

	(void)r;
	if (!take_uidvalidity(&in, out))
		return false;
	out->src = next_word(&in);
	out->dst = next_word(&in);
	seq_pairs_begin(&p, out->src, out->dst);
	while (seq_pairs_next(&p, &run))
		continue;
	if (!p.broken)
		return true;
	out->src = out->dst = VIEW_NONE;
	return false;
}

static bool
parse_appenduid(struct imap_resp *r, struct view args, struct imap_result *out)
{
	struct scan in = scan_of(args);

	(void)r;
	if (!take_uidvalidity(&in, out))
		return false;
	out->dst = next_word(&in);
	if (out->dst.n > 0 && is_set(out->dst))
		return true;
	out->dst = VIEW_NONE;
	return false;
}

/* RFC 7162, 3.1.3 */
static bool
parse_modified(struct imap_resp *r, struct view args, struct imap_result *out)
{
	struct view set = view_trim(args);

	(void)r;
	if (set.n == 0 || !is_set(set))
		return false;
	out->src = set;
	return true;
}

static bool
parse_words(struct imap_resp *r, struct view args, struct imap_result *out)
{
	out->words = split(r, unlisted(args));
	return true;
}

static bool
parse_flags(struct imap_resp *r, struct view args, struct imap_result *out)
{
	struct imap_words words = split(r, unlisted(args));

	resp_flags(r, &words, &out->flags);
	return true;
}

static bool
parse_mailboxid(struct imap_resp *r, struct view args, struct imap_result *out)
{
	(void)r;
	out->id = unlisted(args);
	return out->id.n > 0;
}

/* RFC 9585: nothing, or ("tag" done goal), each of which may be NIL */
static bool
parse_inprogress(struct imap_resp *r, struct view args, struct imap_result *out)
{
	struct scan in = scan_of(unlisted(args));

	(void)r;
	out->id = unquoted(next_word(&in));
	if (view_iis(out->id, "NIL"))
		out->id = VIEW_NONE;
	(void)imap_number(next_word(&in), UINT64_MAX, &out->number);
	(void)imap_number(next_word(&in), UINT64_MAX, &out->goal);
	return true;
}

/* RFC 9738 */
static bool
parse_messagelimit(struct imap_resp *r, struct view args, struct imap_result *out)
{
	struct scan in = scan_of(args);

	(void)r;
	if (!imap_number(next_word(&in), UINT64_MAX, &out->number))
		return false;
	(void)imap_number(next_word(&in), UINT32_MAX, &out->goal);
	return true;
}

static const struct code_row parsers[] = {
	{ IMAP_CODE_APPENDUID, parse_appenduid }, { IMAP_CODE_BADCHARSET, parse_words },
	{ IMAP_CODE_CAPABILITY, parse_words }, { IMAP_CODE_COPYUID, parse_copyuid },
	{ IMAP_CODE_HIGHESTMODSEQ, parse_number }, { IMAP_CODE_INPROGRESS, parse_inprogress },
	{ IMAP_CODE_MAILBOXID, parse_mailboxid }, { IMAP_CODE_MESSAGELIMIT, parse_messagelimit },
	{ IMAP_CODE_MODIFIED, parse_modified }, { IMAP_CODE_PERMANENTFLAGS, parse_flags },
	{ IMAP_CODE_UIDNEXT, parse_number }, { IMAP_CODE_UIDVALIDITY, parse_uidvalidity },
	{ IMAP_CODE_UNSEEN, parse_number },
};

static const char *const code_names[] = {
	[IMAP_CODE_NONE] = "", [IMAP_CODE_OTHER] = "",
#define X(sym, name) [IMAP_CODE_##sym] = name,
	IMAP_CODES(X)
#undef X
};

const char *
imap_code_name(enum imap_code code)
{
	return code_names[code];
}

/* ---- the text as a whole */

/* text begins with "[": the offset of its "]", or -1. */
static ptrdiff_t
find_close(struct view text)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 1; i < text.n; i++) {
		char c = text.p[i];

		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth -= depth > 0;
		else if (c == ']' && depth == 0)
			return (ptrdiff_t)i;
	}
	return view_chr(text, ']');
}

static void
read_code(struct imap_resp *r, struct view inside, struct imap_result *out)
{
	struct scan in = scan_of(view_trim(inside));

	out->code_name = scan_until(&in, " ");
	out->code_text = view_trim(scan_rest(&in));
	out->code = IMAP_CODE_OTHER;
	for (size_t i = IMAP_CODE_OTHER + 1; i < ARRAY_LEN(code_names); i++) {
		if (view_iis(out->code_name, code_names[i]))
			out->code = (enum imap_code)i;
	}
	for (size_t i = 0; i < ARRAY_LEN(parsers); i++) {
		if (parsers[i].code == out->code)
			out->code_bad = !parsers[i].parse(r, out->code_text, out);
	}
}

/* Microsoft 365: "Request is throttled. Suggested Backoff Time: 299961 milliseconds";
 * Gmail: "[THROTTLED]" behind the text of an OK. */
static void
read_pause(struct imap_result *out)
{
	static const char backoff[] = "Suggested Backoff Time:";
	ptrdiff_t at = view_find(out->text, view_of(backoff));

	if (at >= 0) {
		struct scan in = scan_of(view_from(out->text, (size_t)at + sizeof(backoff) - 1));

		out->throttled = imap_number(next_word(&in), UINT32_MAX, &out->backoff_ms);
	}
	if (out->code == IMAP_CODE_THROTTLED || view_find(out->text, VIEW("[THROTTLED]")) >= 0)
		out->throttled = true;
}

void
resp_result(struct imap_resp *r, enum imap_cond cond, struct view text,
	struct imap_result *out)
{
	ptrdiff_t close;

	*out = (struct imap_result){ .cond = cond, .text = text };
	if (text.n > 0 && text.p[0] == '[' && (close = find_close(text)) > 0) {
		read_code(r, view_sub(text, 1, (size_t)close - 1), out);
		out->text = view_trim(view_from(text, (size_t)close + 1));
	}
	read_pause(out);
}
