/*
 * The table of search keys, one row each: name, kind of its values, what it needs of a
 * message, its IMAP form, and how it is evaluated.  A key and a message field of one
 * name mean the same thing.
 *
 * A key with several occurrences (headers, addresses, parts of a body) holds when it
 * holds for one of them.  Ages count from the message's arrival to the time of the
 * question; "older" is at least that old and "newer" the contrary (RFC 5032), "before"
 * and "since" are exact to the second.  Limits: MIME_DECODED_MAX bytes of decoded text.
 */
#include "engine/query_int.h"

#include "mail/html.h"
#include "mail/word.h"

/* ---- texts */

static bool
hold_field(struct eval *ev, const struct query *q)
{
	struct view v;

	return message_field(ev->message, (enum message_field)q->row->field, &v) &&
	    match_text(ev, q, v);
}

/* Decodes into ev->scratch.  By index and not by name: linear even for 10,000 of one name. */
static bool
match_headers(struct eval *ev, const struct query *q, const char *name)
{
	struct header_field f;

	for (size_t i = 0; message_header_at(ev->message, i, &f); i++) {
		if (name != NULL && !view_iis(f.name, name))
			continue;
		str_reset(&ev->scratch);
		word_decode(&ev->scratch, view_sub(f.raw, 0, HEADER_FIELD_MAX));
		if (match_text(ev, q, str_view(&ev->scratch)))
			return true;
	}
	return false;
}

static bool
hold_header(struct eval *ev, const struct query *q)
{
	return match_headers(ev, q, q->name);
}

static bool
match_part(struct eval *ev, const struct query *q, struct mime *mime, part_id p, size_t *left)
{
	struct str text = str_limited(*left), words = str_limited(*left);
	struct view v;
	bool found;

	mime_text(mime, p, &text);
	*left -= MIN(*left - 1, text.len);
	v = str_view(&text);
	if (mime_type_is(mime, p, VIEW("text/html"))) {
		html_text(&words, v);
		v = str_view(&words);
	}
	found = view_trim(v).n > 0 && match_text(ev, q, v);
	str_free(&text);
	str_free(&words);
	return found;
}

static bool
hold_body(struct eval *ev, const struct query *q)
{
	struct mime *mime = message_mime(ev->message);
	size_t left = MIME_DECODED_MAX;

	for (part_id p = 0; p < mime_count(mime); p++)
		if (mime_is_leaf(mime, p) && mime_type_is(mime, p, VIEW("text/*")) &&
		    match_part(ev, q, mime, p, &left))
			return true;
	return false;
}

static bool
hold_text(struct eval *ev, const struct query *q)
{
	struct view v = message_text(ev->message);

	return view_trim(v).n > 0 && match_text(ev, q, v);
}

static bool match_addresses(struct eval *ev, const struct query *q, const char *const *headers);

static const char *const every_headers[] = {
	"from", "sender", "reply-to", "to", "cc", "bcc", "delivered-to", NULL
};

/* The subject is one of the headers. */
static bool
hold_any_text(struct eval *ev, const struct query *q)
{
	if (!(ev->have & NEED_HEADER))
		eval_missing(ev, NEED_HEADER);
	else if (match_headers(ev, q, NULL) || match_addresses(ev, q, every_headers))
		return true;
	if (ev->have & NEED_BODY)
		return hold_body(ev, q);
	eval_missing(ev, NEED_BODY);
	return false;
}

/* ---- addresses */

static bool
match_addresses(struct eval *ev, const struct query *q, const char *const *headers)
{
	for (; *headers != NULL; headers++) {
		const struct address_list *l = message_addresses(ev->message, view_of(*headers));

		for (size_t i = 0; i < l->n; i++)
			if (match_address(ev, q, &l->at[i]))
				return true;
	}
	return false;
}

static bool
hold_address(struct eval *ev, const struct query *q)
{
	return match_addresses(ev, q, q->row->headers);
}

/* ---- flags and numbers */

static bool
hold_flag(struct eval *ev, const struct query *q)
{
	const struct flags *f = ev->ctx->flags != NULL ? ev->ctx->flags :
	    &message_facts(ev->message)->flags;
	bool has = flags_has(f, q->row->flag != 0 ? q->row->flag : q->flag,
	    q->name != NULL ? view_of(q->name) : VIEW_NONE);

	return has != q->row->negated;
}

static bool
hold_larger(struct eval *ev, const struct query *q)
{
	for (size_t i = 0; i < q->values.n; i++)
		if (message_facts(ev->message)->size > q->values.at[i].lo)
			return true;
	return false;
}

static bool
hold_smaller(struct eval *ev, const struct query *q)
{
	for (size_t i = 0; i < q->values.n; i++)
		if (message_facts(ev->message)->size < q->values.at[i].lo)
			return true;
	return false;
}

/* Is one of the durations no longer than the age? */
static bool
is_aged(const struct eval *ev, const struct query *q, int64_t since)
{
	for (size_t i = 0; i < q->values.n; i++)
		if (since <= ev->ctx->now - q->values.at[i].lo)
			return true;
	return false;
}

static bool
hold_older(struct eval *ev, const struct query *q)
{
	return is_aged(ev, q, message_facts(ev->message)->received);
}

static bool
hold_here(struct eval *ev, const struct query *q)
{
	return is_aged(ev, q, message_facts(ev->message)->here);
}

static bool
hold_newer(struct eval *ev, const struct query *q)
{
	for (size_t i = 0; i < q->values.n; i++)
		if (message_facts(ev->message)->received > ev->ctx->now - q->values.at[i].lo)
			return true;
	return false;
}

static bool
hold_before(struct eval *ev, const struct query *q)
{
	int64_t lo, hi;

	for (size_t i = 0; i < q->values.n; i++) {
		value_times(&q->values.at[i], q, ev->ctx->zone, &lo, &hi);
		if (message_facts(ev->message)->received < lo)
			return true;
	}
	return false;
}

static bool
hold_since(struct eval *ev, const struct query *q)
{
	int64_t lo, hi;

	for (size_t i = 0; i < q->values.n; i++) {
		value_times(&q->values.at[i], q, ev->ctx->zone, &lo, &hi);
		if (message_facts(ev->message)->received >= lo)
			return true;
	}
	return false;
}

static bool
is_within(const struct query *q, int64_t x)
{
	for (size_t i = 0; i < q->values.n; i++)
		if (x >= q->values.at[i].lo && x <= q->values.at[i].hi)
			return true;
	return false;
}

static bool
hold_on(struct eval *ev, const struct query *q)
{
	int64_t lo, hi, at = message_facts(ev->message)->received;

	for (size_t i = 0; i < q->values.n; i++) {
		value_times(&q->values.at[i], q, ev->ctx->zone, &lo, &hi);
		if (at >= lo && at <= hi)
			return true;
	}
	return false;
}

static bool
hold_uid(struct eval *ev, const struct query *q)
{
	return is_within(q, message_facts(ev->message)->uid);
}

/* ---- the table */

static const char *const from_headers[] = { "from", NULL };
static const char *const to_headers[] = { "to", NULL };
static const char *const cc_headers[] = { "cc", NULL };
static const char *const bcc_headers[] = { "bcc", NULL };
static const char *const sender_headers[] = { "sender", NULL };
static const char *const reply_to_headers[] = { "reply-to", NULL };
static const char *const recipient_headers[] = { "to", "cc", "delivered-to", NULL };
static const char *const anyone_headers[] = {
	"from", "to", "cc", "bcc", "sender", "reply-to", NULL
};

/* X(name, kind, need, IMAP form, evaluation, what else is not zero) */
#define KEYS(X) \
	X("from", ADDRESS, NEED_HEADER, "FROM", hold_address, .headers = from_headers) \
	X("to", ADDRESS, NEED_HEADER, "TO", hold_address, .headers = to_headers) \
	X("cc", ADDRESS, NEED_HEADER, "CC", hold_address, .headers = cc_headers) \
	X("bcc", ADDRESS, NEED_HEADER, "BCC", hold_address, .headers = bcc_headers) \
	X("sender", ADDRESS, NEED_HEADER, "HEADER SENDER", hold_address, \
	    .headers = sender_headers) \
	X("reply_to", ADDRESS, NEED_HEADER, "HEADER REPLY-TO", hold_address, \
	    .headers = reply_to_headers) \
	X("recipient", ADDRESS, NEED_HEADER, NULL, hold_address, .headers = recipient_headers) \
	X("anyone", ADDRESS, NEED_HEADER, NULL, hold_address, .headers = anyone_headers) \
	X("subject", TEXT, NEED_HEADER, "SUBJECT", hold_field, .field = FIELD_SUBJECT) \
	X("header", TEXT, NEED_HEADER, "HEADER", hold_header, .takes_name = true, \
	    .example = "header(\"List-Unsubscribe\")") \
	X("list_id", TEXT, NEED_HEADER, "HEADER LIST-ID", hold_field, .field = FIELD_LIST_ID, \
	    .has_domain = true) \
	X("message_id", TEXT, NEED_HEADER, "HEADER MESSAGE-ID", hold_field, \
	    .field = FIELD_MESSAGE_ID) \
	X("body", TEXT, NEED_BODY, "BODY", hold_body, .field = -1) \
	X("text", TEXT, NEED_BODY, NULL, hold_text, .field = -1) \
	X("any_text", TEXT, NEED_HEADER | NEED_BODY, "TEXT", hold_any_text, .field = -1, \
	    .stepwise = true) \
	X("seen", FLAG, NEED_FLAGS, "SEEN", hold_flag, .flag = FLAG_SEEN) \
	X("unseen", FLAG, NEED_FLAGS, "UNSEEN", hold_flag, .flag = FLAG_SEEN, .negated = true) \
	X("flagged", FLAG, NEED_FLAGS, "FLAGGED", hold_flag, .flag = FLAG_FLAGGED) \
	X("unflagged", FLAG, NEED_FLAGS, "UNFLAGGED", hold_flag, .flag = FLAG_FLAGGED, \
	    .negated = true) \
	X("answered", FLAG, NEED_FLAGS, "ANSWERED", hold_flag, .flag = FLAG_ANSWERED) \
	X("draft", FLAG, NEED_FLAGS, "DRAFT", hold_flag, .flag = FLAG_DRAFT) \
	X("deleted", FLAG, NEED_FLAGS, "DELETED", hold_flag, .flag = FLAG_DELETED) \
	X("flag", FLAG, NEED_FLAGS, "KEYWORD", hold_flag, .takes_name = true, \
	    .example = "flag(\"Invoice\")") \
	X("larger", SIZE, NEED_SIZE, "LARGER", hold_larger, .example = "larger \"5MB\"") \
	X("smaller", SIZE, NEED_SIZE, "SMALLER", hold_smaller, .example = "smaller \"250kB\"") \
	X("older", AGE, NEED_RECEIVED, "OLDER", hold_older, .example = "older \"30d\"") \
	X("newer", AGE, NEED_RECEIVED, "YOUNGER", hold_newer, .example = "newer \"12h\"") \
	X("before", TIME, NEED_RECEIVED, "BEFORE", hold_before, \
	    .example = "before \"2026-01-31\"") \
	X("since", TIME, NEED_RECEIVED, "SINCE", hold_since, .example = "since \"2026-01-31\"") \
	X("on", DAY, NEED_RECEIVED, "ON", hold_on, .example = "on \"2026-01-31\"") \
	X("here", AGE, NEED_HERE, NULL, hold_here, .example = "here \"30d\"") \
	X("uid", UID, 0, "UID", hold_uid, .example = "uid \"1:100\"") \
	X("all", CONST, 0, "ALL", NULL, .field = -1) \
	X("none", CONST, 0, NULL, NULL, .field = -1)

static const struct key_row key_rows[] = {
#define X(name_, kind_, need_, imap_, holds_, ...) \
	{ .name = name_, .kind = KEY_##kind_, .need = need_, .imap = imap_, .holds = holds_, \
	  __VA_ARGS__ },
	KEYS(X)
#undef X
};

static const char *const key_names[] = {
#define X(name_, ...) name_,
	KEYS(X)
#undef X
	NULL
};

const struct key_row *
key_find(struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(key_rows); i++)
		if (view_is(name, key_rows[i].name))
			return &key_rows[i];
	return NULL;
}

const char *const *
query_key_names(void)
{
	return key_names;
}

bool
query_key_takes_name(struct view key)
{
	const struct key_row *row = key_find(key);

	return row != NULL && row->takes_name;
}
