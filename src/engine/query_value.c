/*
 * The values of a key: what a script gave, turned once into what the key compares.
 *
 * Texts get their casemap key, patterns are compiled, sizes, durations, times and UID
 * ranges are read.  What would match everything or nothing by mistake (an empty text, a
 * bad glob) is refused here, with the key's name and a right use of it.
 * Limits: TEXT_MAX bytes of a text, VALUES_MAX values of a key.
 */
#include "engine/query_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/scan.h"
#include "base/utf8.h"

#define TEXT_MAX	((size_t)64 << 10)
#define VALUES_MAX	100000u

void
value_free(struct value *v)
{
	free(v->text);
	str_free(&v->key);
	regex_free(&v->regex);
	wordlist_free(&v->list);
}

/* ---- texts */

struct view
value_plain(const struct query *q, struct view text)
{
	if (q->op != OP_HAS)
		text = view_trim(text);
	if (q->op == OP_DOMAIN && text.n > 0 && (text.p[0] == '@' || text.p[0] == '.'))
		text = view_from(text, 1);
	return text;
}

static int
text_key(struct value *v, const struct query *q, struct view text, struct err *e)
{
	casemap(&v->key, value_plain(q, text));
	if (v->key.len == 0 && q->op != OP_IS && q->op != OP_GLOB)
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "q.%s: an empty text would match everything; q.%s%s means that there is one, "
		    ":is \"\" that it is empty", q->row->name, q->row->name,
		    strcmp(q->row->name, "header") == 0 ? "(name)" : " alone");
	if (q->op == OP_GLOB && !glob_valid(str_view(&v->key)))
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "q.%s: glob \"%.*s\" ends in the middle of a [set] or behind a backslash",
		    q->row->name, (int)MIN(text.n, 80), text.p);
	return 0;
}

static int
value_text(struct value *v, const struct query *q, struct view text, struct err *e)
{
	v->type = QV_TEXT;
	if (text.n > TEXT_MAX)
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "q.%s: a text over %zu KiB",
		    q->row->name, TEXT_MAX >> 10);
	v->text = view_dup(text);
	if (q->op != OP_MATCHES)
		return text_key(v, q, text, e);
	v->regex = regex_new(text, REGEX_CASELESS, NULL, e);
	if (v->regex == NULL) {
		err_prefix(e, "q.%s:matches", q->row->name);
		return -1;
	}
	return 0;
}

static int
value_of_text_key(struct value *v, const struct query *q, const struct query_value *in,
	struct err *e)
{
	char number[24];

	switch (in->type) {
	case QV_TEXT:
		return value_text(v, q, in->text, e);
	case QV_NUMBER:
		(void)snprintf(number, sizeof(number), "%" PRId64, in->number);
		return value_text(v, q, view_of(number), e);
	case QV_REGEX:
		if (q->op != OP_HAS && q->op != OP_MATCHES)
			return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
			    "q.%s:%s wants a text; a mail.re goes with :matches", q->row->name,
			    query_op_name(q->op));
		v->type = QV_REGEX;
		v->regex = regex_ref(in->regex);
		return 0;
	default:
		if (q->op != OP_HAS && q->op != OP_IS && q->op != OP_DOMAIN)
			return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
			    "q.%s:%s wants a text; a mail.list goes with q.%s(list), :is and "
			    ":domain", q->row->name, query_op_name(q->op), q->row->name);
		v->type = QV_LIST;
		v->list = wordlist_ref(in->list);
		return 0;
	}
}

/* ---- numbers */

static int
bad_number(const struct query *q, const char *why, struct err *e)
{
	return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "q.%s: %s; a right use is q.%s", q->row->name,
	    why, q->row->example);
}

static void
value_day(struct value *v, const struct query *q, const struct zone *z)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct tm tm, next;

	zone_split(z, v->lo, &tm);
	if (q->row->kind == KEY_DAY) {
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		next = tm;
		next.tm_mday++;
		v->lo = zone_join(z, tm);
		v->hi = zone_join(z, next) - 1;
	}
	/* IMAP knows days only (RFC 9051, 6.4.4). */
	if (tm.tm_hour == 0 && tm.tm_min == 0 && tm.tm_sec == 0)
		(void)snprintf(v->day, sizeof(v->day), "%u-%s-%04u", (unsigned)tm.tm_mday % 100,
		    months[(unsigned)tm.tm_mon % 12], (unsigned)(tm.tm_year + 1900) % 10000);
}

void
value_times(const struct value *v, const struct query *q, const struct zone *z, int64_t *lo_r,
	int64_t *hi_r)
{
	struct value there = { 0 };
	struct err e = ERR_NONE;

	*lo_r = v->lo;
	*hi_r = v->hi;
	if (z == NULL || v->text == NULL || time_parse(view_of(v->text), z, &there.lo, &e) < 0)
		return;
	there.hi = there.lo;
	value_day(&there, q, z);
	*lo_r = there.lo;
	*hi_r = there.hi;
}

static bool
scan_uid(struct scan *s, int64_t *uid_r)
{
	uint64_t n = UINT32_MAX;

	if (!scan_char(s, '*') && (!scan_number(s, UINT32_MAX, &n) || n == 0))
		return false;
	*uid_r = (int64_t)n;
	return true;
}

/* sequence-set of RFC 9051, 9; "*" has no upper end here. */
static bool
add_uids(struct query *q, struct view text)
{
	struct scan s = scan_of(view_trim(text));

	do {
		struct value v = { .type = QV_NUMBER };
		int64_t from, to;

		scan_blank(&s);
		if (!scan_uid(&s, &from))
			return false;
		to = from;
		if ((scan_char(&s, ':') && !scan_uid(&s, &to)) || q->values.n >= VALUES_MAX)
			return false;
		v.lo = MIN(from, to);
		v.hi = MAX(from, to);
		VEC_PUSH(&q->values, v);
		scan_blank(&s);
	} while (scan_char(&s, ','));
	return scan_done(&s);
}

static int
value_of_number_key(struct value *v, const struct query *q, const struct query_value *in,
	const struct zone *z, struct err *e)
{
	struct err why = ERR_NONE;
	int rc = 0;

	v->type = QV_NUMBER;
	if (in->type == QV_TEXT) {
		v->text = view_dup(view_sub(in->text, 0, TEXT_MAX));
		switch (q->row->kind) {
		case KEY_SIZE:
			rc = size_parse(in->text, &v->lo, &why);
			break;
		case KEY_AGE:
			rc = duration_parse(in->text, &v->lo, &why);
			v->lo /= 1000;
			break;
		default:
			rc = time_parse(in->text, z, &v->lo, &why);
		}
		if (rc < 0)
			return bad_number(q, why.text, e);
	} else if (in->type == QV_NUMBER) {
		v->lo = in->number;
	} else {
		return bad_number(q, "neither a pattern nor a list is a value of it", e);
	}
	if (v->lo < 0 && (q->row->kind == KEY_SIZE || q->row->kind == KEY_AGE))
		return bad_number(q, "less than nothing", e);
	v->hi = v->lo;
	if (q->row->kind == KEY_TIME || q->row->kind == KEY_DAY)
		value_day(v, q, z);
	return 0;
}

static int
value_of_uid(struct query *q, const struct query_value *in, struct err *e)
{
	struct value v = { .type = QV_NUMBER };

	if (in->type == QV_TEXT && add_uids(q, in->text))
		return 0;
	if (in->type != QV_NUMBER || in->number < 1 || in->number > UINT32_MAX)
		return bad_number(q, "a UID is a number from 1 to 4294967295, or a range", e);
	v.lo = v.hi = in->number;
	VEC_PUSH(&q->values, v);
	return 0;
}

int
value_add(struct query *q, const struct query_value *in, const struct zone *z, struct err *e)
{
	struct value v = { 0 };
	int rc;

	if (q->values.n >= VALUES_MAX)
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "q.%s: more than %u values; use a mail.list", q->row->name, VALUES_MAX);
	if (q->row->kind == KEY_UID)
		return value_of_uid(q, in, e);
	if (q->row->kind == KEY_TEXT || q->row->kind == KEY_ADDRESS)
		rc = value_of_text_key(&v, q, in, e);
	else
		rc = value_of_number_key(&v, q, in, z, e);
	if (rc < 0) {
		value_free(&v);
		return -1;
	}
	VEC_PUSH(&q->values, v);
	return 0;
}
