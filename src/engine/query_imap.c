/*
 * A query as IMAP SEARCH criteria (RFC 9051, 6.4.4; OLDER, YOUNGER: RFC 5032), for
 * people and logs: what has no IMAP form stands in { } as the key in a script would.
 * Not for the wire: texts are quoted as they are, control bytes shown as escapes.
 */
#include "engine/query_int.h"

#include <inttypes.h>

#include "base/utf8.h"

#define TEXT_SHOWN	200u	/* characters of one value */
#define OR_MAX		50u	/* values of an any-of as OR; more stand in { } */
#define VALUES_SHOWN	10u	/* of an any-of in { }, then "..." */

static void
put_quoted(struct str *out, struct view v)
{
	struct str text = STR_INIT;

	utf8_printable(&text, v, TEXT_SHOWN);
	str_addc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			str_addc(out, '\\');
		str_addc(out, text.p[i]);
	}
	str_addc(out, '"');
	str_free(&text);
}

/* ---- what has no IMAP form */

static void
put_local_value(struct str *out, const struct value *v)
{
	switch (v->type) {
	case QV_TEXT:
		put_quoted(out, view_of(v->text));
		break;
	case QV_REGEX:
		put_quoted(out, regex_pattern(v->regex));
		break;
	case QV_LIST:
		str_adds(out, "list ");
		if (wordlist_path(v->list) != NULL)
			put_quoted(out, view_of(wordlist_path(v->list)));
		else
			str_addf(out, "of %zu", wordlist_count(v->list));
		break;
	default:
		if (v->text != NULL)
			put_quoted(out, view_of(v->text));
		else
			str_addf(out, "%" PRId64, v->lo);
	}
}

static void
put_local(struct str *out, const struct query *q)
{
	enum query_op op = q->op;

	if (op == OP_HAS && q->values.n > 0 && q->values.at[0].type == QV_REGEX)
		op = OP_MATCHES;
	str_addf(out, "{%s", q->row->name);
	if (q->name != NULL)
		str_addf(out, "(%s)", q->name);
	if (op != OP_PRESENT && op != OP_HAS)
		str_addf(out, ":%s", query_op_name(op));
	for (size_t i = 0; i < q->values.n; i++) {
		str_addc(out, ' ');
		if (i == VALUES_SHOWN) {
			str_addf(out, "... %zu more", q->values.n - i);
			break;
		}
		put_local_value(out, &q->values.at[i]);
	}
	str_addc(out, '}');
}

/* ---- alternatives: OR (a) (OR (b) (c)) */

typedef void (*alternative_fn)(struct str *out, const struct query *q, size_t i);

static void
put_or(struct str *out, const struct query *q, size_t n, alternative_fn fn)
{
	for (size_t i = 0; i + 1 < n; i++) {
		str_adds(out, i > 0 ? "(OR (" : "OR (");
		fn(out, q, i);
		str_adds(out, ") ");
	}
	if (n > 1)
		str_addc(out, '(');
	fn(out, q, n - 1);
	for (size_t i = 0; i + 1 < n; i++)
		str_addc(out, ')');
}

/* ---- keys */

/* The search key for one header; addresses in headers of their own are HEADER. */
static void
put_header(struct str *out, const char *header)
{
	const char *const own[] = { "from", "to", "cc", "bcc" };
	bool is_own = false;

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		is_own |= strcmp(header, own[i]) == 0;
	if (!is_own)
		str_adds(out, "HEADER ");
	for (; *header != '\0'; header++)
		str_addc(out, *header >= 'a' && *header <= 'z' ? (char)(*header - 32) : *header);
}

static size_t
header_count(const struct query *q)
{
	size_t n = 0;

	while (q->row->headers != NULL && q->row->headers[n] != NULL)
		n++;
	return n;
}

/* The i-th of (header, value) pairs; without values HEADER X "" asks for presence. */
static void
put_text(struct str *out, const struct query *q, size_t i)
{
	size_t nvalues = MAX(q->values.n, 1);

	if (q->row->imap == NULL)
		put_header(out, q->row->headers[i / nvalues]);
	else if (q->op == OP_PRESENT && strncmp(q->row->imap, "HEADER", 6) != 0)
		str_addf(out, "HEADER %s", q->row->imap);
	else
		str_adds(out, q->row->imap);
	if (q->name != NULL)
		str_addf(out, " %s", q->name);
	str_addc(out, ' ');
	put_quoted(out, q->op == OP_PRESENT ? VIEW_NONE : view_of(q->values.at[i % nvalues].text));
}

static void
put_present_address(struct str *out, const struct query *q, size_t i)
{
	const char *header = q->row->headers[i];

	str_adds(out, "HEADER ");
	for (; *header != '\0'; header++)
		str_addc(out, *header >= 'a' && *header <= 'z' ? (char)(*header - 32) : *header);
	str_adds(out, " \"\"");
}

static void
put_number(struct str *out, const struct query *q, size_t i)
{
	const struct value *v = &q->values.at[i];

	str_addf(out, "%s ", q->row->imap);
	if (q->row->kind == KEY_TIME || q->row->kind == KEY_DAY)
		str_adds(out, v->day);
	else if (q->row->kind != KEY_UID || v->lo == v->hi)
		str_addf(out, "%" PRId64, v->lo);
	else if (v->hi == UINT32_MAX)
		str_addf(out, "%" PRId64 ":*", v->lo);
	else
		str_addf(out, "%" PRId64 ":%" PRId64, v->lo, v->hi);
}

static void
put_flag(struct str *out, const struct query *q)
{
	static const struct { unsigned bit; const char *name; } sys[] = {
		{ FLAG_SEEN, "SEEN" }, { FLAG_FLAGGED, "FLAGGED" }, { FLAG_ANSWERED, "ANSWERED" },
		{ FLAG_DRAFT, "DRAFT" }, { FLAG_DELETED, "DELETED" },
		{ FLAG_PASSED, "KEYWORD $Forwarded" },
	};

	if (q->name != NULL)
		str_addf(out, "%s %s", q->row->imap, q->name);
	else if (q->row->flag != 0)
		str_adds(out, q->row->imap);
	for (size_t i = 0; i < ARRAY_LEN(sys); i++)
		if (q->flag == sys[i].bit)
			str_adds(out, sys[i].name);
}

/* Has the key, with this operator and these values, an IMAP form that means the same? */
static bool
has_imap(const struct query *q)
{
	const struct key_row *row = q->row;

	if (row->imap == NULL && row->headers == NULL)
		return false;
	if (q->op == OP_PRESENT)
		return row->kind == KEY_FLAG || (row->need & NEED_BODY) == 0;
	if (q->op != OP_HAS || q->values.n > OR_MAX)
		return false;
	for (size_t i = 0; i < q->values.n; i++) {
		const struct value *v = &q->values.at[i];

		if (row->kind == KEY_TEXT || row->kind == KEY_ADDRESS) {
			if (v->type != QV_TEXT)
				return false;
		} else if ((row->kind == KEY_TIME || row->kind == KEY_DAY) && v->day[0] == '\0') {
			return false;
		} else if (row->kind == KEY_AGE && v->lo == 0) {
			return false;	/* RFC 5032: an nz-number */
		}
	}
	return true;
}

static void
put_key(struct str *out, const struct query *q)
{
	if (!has_imap(q))
		put_local(out, q);
	else if (q->row->kind == KEY_FLAG)
		put_flag(out, q);
	else if (q->row->kind == KEY_ADDRESS && q->op == OP_PRESENT)
		put_or(out, q, header_count(q), put_present_address);
	else if (q->row->kind == KEY_ADDRESS && q->row->imap == NULL)
		put_or(out, q, header_count(q) * q->values.n, put_text);
	else if (q->row->kind == KEY_TEXT || q->row->kind == KEY_ADDRESS)
		put_or(out, q, MAX(q->values.n, 1), put_text);
	else
		put_or(out, q, q->values.n, put_number);
}

/* ---- nodes; depth is bounded by QUERY_DEPTH_MAX */

static void put_node(struct str *out, const struct query *q);

static void
put_kid(struct str *out, const struct query *q, size_t i)
{
	put_node(out, q->kids.at[i]);
}

static void
put_and(struct str *out, const struct query *q)
{
	for (size_t i = 0; i < q->kids.n; i++) {
		str_adds(out, i > 0 ? " " : "");
		put_node(out, q->kids.at[i]);
	}
}

static void
put_not(struct str *out, const struct query *q)
{
	bool group = q->kind == QUERY_AND || q->kind == QUERY_OR;

	str_adds(out, group ? "NOT (" : "NOT ");
	put_node(out, q);
	str_adds(out, group ? ")" : "");
}

static void
put_node(struct str *out, const struct query *q)
{
	switch (q->kind) {
	case QUERY_ALL:
		str_adds(out, "ALL");
		break;
	case QUERY_NONE:
		str_adds(out, "NOT ALL");
		break;
	case QUERY_KEY:
		put_key(out, q);
		break;
	case QUERY_AND:
		put_and(out, q);
		break;
	case QUERY_OR:
		put_or(out, q, q->kids.n, put_kid);
		break;
	case QUERY_NOT:
		put_not(out, q->kids.at[0]);
		break;
	case QUERY_WHERE:
		str_adds(out, "{where}");
		break;
	}
}

void
query_print(const struct query *q, struct str *out)
{
	CHECK(q, QUERY_MAGIC);
	put_node(out, q);
}
