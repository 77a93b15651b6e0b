/*
 * Templates: read once into pieces, filled for each message.
 *
 * A value comes from a mail and may be anything its sender likes, so it is made harmless
 * for where it goes: in names it loses "/", control and bidi characters, blanks around
 * it, leading dots, and "~" or "@" where these would begin the whole; it is never more
 * than VALUE_MAX bytes.  What the script's author wrote (text, date formats, fallbacks)
 * stays as it is.  A name of a mailbox keeps its "/"; each level is treated as a value.
 *
 * A capture goes before a field of the same name.  Limits: TEXT_MAX bytes of template.
 */
#include "engine/template.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/near.h"
#include "base/scan.h"
#include "base/utf8.h"

#define TEMPLATE_MAGIC	0x746d706cu
#define TEXT_MAX	((size_t)64 << 10)
#define VALUE_MAX	100u
#define DATE_MAX	512u		/* bytes of a filled date */
#define FORMAT_MAX	100u		/* bytes of a date's format */

enum field {
	FIELD_OF_TEXT, FIELD_OF_ADDRESS, FIELD_OF_DATE, FIELD_OF_RECEIVED, FIELD_OF_UID,
	FIELD_OF_SIZE, FIELD_OF_ACCOUNT, FIELD_OF_MAILBOX, FIELD_OF_FILENAME,
};

static const struct field_row {
	const char		*name;
	enum field		 kind;
	unsigned		 need;
	enum message_field	 text;		/* FIELD_OF_TEXT */
} field_rows[] = {
	{ "subject", FIELD_OF_TEXT, NEED_HEADER, FIELD_SUBJECT },
	{ "from", FIELD_OF_ADDRESS, NEED_HEADER, 0 },
	{ "to", FIELD_OF_ADDRESS, NEED_HEADER, 0 },
	{ "cc", FIELD_OF_ADDRESS, NEED_HEADER, 0 },
	{ "date", FIELD_OF_DATE, NEED_HEADER, 0 },
	{ "received", FIELD_OF_RECEIVED, NEED_RECEIVED, 0 },
	{ "message_id", FIELD_OF_TEXT, NEED_HEADER, FIELD_MESSAGE_ID },
	{ "list_id", FIELD_OF_TEXT, NEED_HEADER, FIELD_LIST_ID },
	{ "uid", FIELD_OF_UID, 0, 0 },
	{ "size", FIELD_OF_SIZE, NEED_SIZE, 0 },
	{ "account", FIELD_OF_ACCOUNT, 0, 0 },
	{ "mailbox", FIELD_OF_MAILBOX, 0, 0 },
	{ "filename", FIELD_OF_FILENAME, 0, 0 },
};

/* Parts of an address; the first is what a bare {from} is. */
static const char *const address_parts[] = { "address", "name", "local_part", "domain" };

struct piece {
	char			*text;		/* literal (no row, no capture), or the field as written */
	const struct field_row	*row;
	char			*capture;
	int			 part;		/* of address_parts */
	char			*format;	/* strftime, checked; NULL: the default */
	char			*fallback;	/* NULL: none */
};

struct template {
	uint32_t	 magic;
	char		*text;
	unsigned	 need;
	bool		 fixed;
	struct { VEC(struct piece) } pieces;
};

/* ---- reading */

struct reader {
	struct template		*t;
	struct view		 text;
	const char *const	*captures;
	size_t			 ncaptures;
};

static int
bad(const struct reader *r, const char *at, struct err *e, const char *why)
{
	return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "%s, at %td in \"%.*s\"", why,
	    at - r->text.p + 1, (int)MIN(r->text.n, 120), r->text.p);
}

static bool
is_capture(const struct reader *r, struct view name)
{
	for (size_t i = 0; i < r->ncaptures; i++)
		if (view_is(name, r->captures[i]))
			return true;
	return false;
}

static int
unknown_field(const struct reader *r, struct view name, struct err *e)
{
	struct { VEC(const char *) } names = { 0 };
	char why[200];
	int near;

	for (size_t i = 0; i < ARRAY_LEN(field_rows); i++)
		VEC_PUSH(&names, field_rows[i].name);
	for (size_t i = 0; i < r->ncaptures; i++)
		VEC_PUSH(&names, r->captures[i]);
	near = near_find(name, names.at, names.n);
	(void)snprintf(why, sizeof(why), "no field or capture \"%.*s\"%s%.60s%s",
	    (int)MIN(name.n, 60), name.p, near >= 0 ? "; did you mean \"" : "",
	    near >= 0 ? names.at[near] : "", near >= 0 ? "\"?" : "");
	VEC_FREE(&names);
	return bad(r, name.p, e, why);
}

static int
set_field(const struct reader *r, struct piece *p, struct view name, struct err *e)
{
	ptrdiff_t dot = view_chr(name, '.');
	struct view field = dot < 0 ? name : view_sub(name, 0, (size_t)dot);
	struct view part = dot < 0 ? VIEW_NONE : view_from(name, (size_t)dot + 1);
	int near;

	if (is_capture(r, name)) {
		p->capture = view_dup(name);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(field_rows) && p->row == NULL; i++)
		if (view_is(field, field_rows[i].name))
			p->row = &field_rows[i];
	if (p->row == NULL)
		return unknown_field(r, name, e);
	if (dot < 0)
		return 0;
	if (p->row->kind != FIELD_OF_ADDRESS)
		return bad(r, part.p, e, "only from, to and cc have parts");
	for (size_t i = 0; i < ARRAY_LEN(address_parts); i++) {
		if (view_is(part, address_parts[i])) {
			p->part = (int)i;
			return 0;
		}
	}
	near = near_find(part, address_parts, ARRAY_LEN(address_parts));
	return bad(r, part.p, e, near < 0 ?
	    "an address has .address, .name, .local_part and .domain" :
	    near == 0 ? "no such part of an address; did you mean \".address\"?" :
	    near == 1 ? "no such part of an address; did you mean \".name\"?" :
	    near == 2 ? "no such part of an address; did you mean \".local_part\"?" :
	    "no such part of an address; did you mean \".domain\"?");
}

/* Conversions that make one word without "/". */
static int
set_format(const struct reader *r, struct piece *p, struct view format, struct err *e)
{
	if (p->row == NULL || (p->row->kind != FIELD_OF_DATE && p->row->kind != FIELD_OF_RECEIVED))
		return bad(r, format.p, e, "only date and received take a format");
	if (format.n == 0 || format.n > FORMAT_MAX)
		return bad(r, format.p, e,
		    "a date's format has 1 to 100 bytes, as in {date:%Y-%m}");
	for (size_t i = 0; i < format.n; i++) {
		if (format.p[i] != '%')
			continue;
		i++;
		if (i == format.n || format.p[i] == '\0' ||
		    strchr("YymdjHMSFaAbBVGuz%", format.p[i]) == NULL)
			return bad(r, format.p + i - 1, e,
			    "a date's format knows %Y %y %m %d %j %H %M %S %F %a %A %b %B %V %G "
			    "%u %z");
	}
	p->format = view_dup(format);
	return 0;
}

/* "{name:format|fallback}", the cursor behind "{". */
static int
read_field(struct reader *r, struct scan *s, struct err *e)
{
	struct piece p = { 0 };
	struct scan in;
	const char *open = s->p - 1;
	struct view all = scan_until(s, "{}"), name;

	if (!scan_char(s, '}'))
		return bad(r, open, e, "a \"{\" without its \"}\" (a brace itself is \"{{\")");
	p.text = view_dup(all);
	in = scan_of(all);
	name = view_trim(scan_until(&in, ":|"));
	if (name.n == 0) {
		bad(r, open, e, "a field without a name");
		goto fail;
	}
	if (set_field(r, &p, name, e) < 0)
		goto fail;
	if (scan_char(&in, ':') && set_format(r, &p, scan_until(&in, "|"), e) < 0)
		goto fail;
	if (scan_char(&in, '|'))
		p.fallback = view_dup(scan_rest(&in));
	if (p.row != NULL)
		r->t->need |= p.row->need;
	r->t->fixed = false;
	VEC_PUSH(&r->t->pieces, p);
	return 0;
fail:
	free(p.text);
	free(p.capture);
	free(p.format);
	return -1;
}

static void
end_literal(struct template *t, struct str *literal)
{
	if (literal->len > 0)
		VEC_PUSH(&t->pieces, ((struct piece){ .text = str_take(literal) }));
}

static int
read_pieces(struct reader *r, struct str *literal, struct err *e)
{
	struct scan s = scan_of(r->text);

	while (!scan_done(&s)) {
		const char *at;
		char c;

		str_addv(literal, scan_until(&s, "{}"));
		if (scan_done(&s))
			break;
		at = s.p;
		c = *s.p++;
		if (scan_char(&s, c)) {
			str_addc(literal, c);
			continue;
		}
		if (c == '}')
			return bad(r, at, e,
			    "a \"}\" without its \"{\" (a brace itself is \"}}\")");
		end_literal(r->t, literal);
		if (read_field(r, &s, e) < 0)
			return -1;
	}
	end_literal(r->t, literal);
	return 0;
}

struct template *
template_new(struct view text, const char *const *captures, size_t ncaptures, struct err *e)
{
	struct template *t;
	struct reader r = { .text = text, .captures = captures, .ncaptures = ncaptures };
	struct str literal = STR_INIT;

	if (text.n > TEXT_MAX || view_chr(text, '\0') >= 0) {
		err_set(e, ERR_USAGE, SCOPE_PROGRAM, "a template has at most %zu KiB and no NUL",
		    TEXT_MAX >> 10);
		return NULL;
	}
	t = xcalloc(1, sizeof(*t));
	t->magic = TEMPLATE_MAGIC;
	t->text = view_dup(text);
	t->fixed = true;
	r.t = t;
	if (read_pieces(&r, &literal, e) < 0)
		template_free(&t);
	str_free(&literal);
	return t;
}

void
template_free(struct template **tp)
{
	struct template *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	CHECK(t, TEMPLATE_MAGIC);
	for (size_t i = 0; i < t->pieces.n; i++) {
		struct piece *p = &t->pieces.at[i];

		free(p->text);
		free(p->capture);
		free(p->format);
		free(p->fallback);
	}
	VEC_FREE(&t->pieces);
	free(t->text);
	t->magic = 0;
	free(t);
}

unsigned
template_needs(const struct template *t)
{
	CHECK(t, TEMPLATE_MAGIC);
	return t->need;
}

bool
template_is_fixed(const struct template *t)
{
	CHECK(t, TEMPLATE_MAGIC);
	return t->fixed;
}

/* ---- values */

struct filler {
	enum template_use	 use;
	struct message		*message;
	const char		*account, *mailbox;
	const struct captures	*caps;
	struct view		 part_name;
	const struct zone	*zone;
	struct str		 value;		/* a number, as text */
};

static bool
address_value(const struct filler *f, const struct piece *p, struct view *v_r)
{
	const struct address_list *l = message_addresses(f->message, view_of(p->row->name));
	const struct address *a;

	if (l->n == 0)
		return false;
	a = &l->at[0];
	*v_r = p->part == 0 ? a->address : p->part == 1 ? a->name :
	    p->part == 2 ? a->local_part : a->domain;
	return true;
}

/* false: the message has none. */
static bool
piece_value(struct filler *f, const struct piece *p, struct view *v_r)
{
	const struct message_facts *facts = message_facts(f->message);

	if (p->capture != NULL) {
		*v_r = view_of(f->caps != NULL ? captures_get(f->caps, view_of(p->capture)) : NULL);
		return v_r->p != NULL;
	}
	if ((p->row->need & ~message_have(f->message)) != 0)
		return false;
	str_reset(&f->value);
	switch (p->row->kind) {
	case FIELD_OF_TEXT:
		return message_field(f->message, p->row->text, v_r);
	case FIELD_OF_ADDRESS:
		return address_value(f, p, v_r);
	case FIELD_OF_ACCOUNT:
		*v_r = view_of(f->account);
		return v_r->n > 0;
	case FIELD_OF_FILENAME:
		*v_r = f->part_name;
		return v_r->n > 0;
	case FIELD_OF_UID:
		str_addf(&f->value, "%" PRIu32, facts->uid);
		break;
	case FIELD_OF_SIZE:
		str_addf(&f->value, "%" PRId64, facts->size);
		break;
	default:		/* dates and the mailbox are put otherwise */
		return false;
	}
	*v_r = str_view(&f->value);
	return true;
}

/* What would break a name, hide in it or turn its direction. */
static bool
is_forbidden(uint32_t c)
{
	return c == '/' || c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C ||
	    (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
	    (c >= 0x2066 && c <= 0x2069);
}

/* A value as part of a name.  first: nothing stands before it. */
static bool
put_name(struct str *out, struct view v, bool first)
{
	struct str clean = str_limited(TEXT_MAX);
	struct view word;

	for (size_t i = 0; i < v.n && clean.len <= 4 * VALUE_MAX; ) {
		size_t used;
		uint32_t c = utf8_get(view_from(v, i), &used);

		if (!is_forbidden(c))
			utf8_put(&clean, c);
		i += used;
	}
	word = str_view(&clean);
	while (word.n > 0 && (word.p[0] == '.' || word.p[0] == ' ' ||
	    (first && (word.p[0] == '~' || word.p[0] == '@'))))
		word = view_from(word, 1);
	word = view_trim(view_sub(word, 0, utf8_clip(word, VALUE_MAX)));
	str_addv(out, word);
	str_free(&clean);
	return word.n > 0;
}

static bool
put_text(struct str *out, struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != '\r' && v.p[i] != '\n' && v.p[i] != '\0')
			str_addc(out, v.p[i]);
	return v.n > 0;
}

static bool
put_value(const struct filler *f, struct str *out, struct view v, size_t begin)
{
	return f->use == TEMPLATE_TEXT ? put_text(out, v) : put_name(out, v, out->len == begin);
}

static bool
put_mailbox(const struct filler *f, struct str *out, size_t begin)
{
	struct view rest = view_of(f->mailbox);
	size_t had = out->len;

	if (f->use == TEMPLATE_TEXT)
		return put_text(out, rest);
	while (rest.n > 0) {
		ptrdiff_t slash = view_chr(rest, '/');
		struct view level = slash < 0 ? rest : view_sub(rest, 0, (size_t)slash);
		size_t before = out->len;

		if (before > had)
			str_addc(out, '/');
		if (!put_name(out, level, out->len == begin))
			str_cut(out, before);
		rest = slash < 0 ? VIEW_NONE : view_from(rest, (size_t)slash + 1);
	}
	return out->len > had;
}

static bool
put_date(const struct filler *f, struct str *out, const struct piece *p)
{
	char text[DATE_MAX];
	int64_t epoch = message_facts(f->message)->received;
	struct date date;
	struct tm tm;
	size_t n;

	if ((p->row->need & ~message_have(f->message)) != 0)
		return false;
	if (p->row->kind == FIELD_OF_DATE) {
		if (!message_date(f->message, &date))
			return false;
		epoch = date.epoch;
	}
	zone_split(f->zone, epoch, &tm);
	/* The format was checked when the template was read. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = strftime(text, sizeof(text), p->format != NULL ? p->format : "%Y-%m-%d", &tm);
#pragma GCC diagnostic pop
	str_add(out, text, n);
	return n > 0;
}

static bool
put_piece(struct filler *f, struct str *out, const struct piece *p, size_t begin)
{
	struct view v = VIEW_NONE;

	if (p->row != NULL && (p->row->kind == FIELD_OF_DATE || p->row->kind == FIELD_OF_RECEIVED))
		return put_date(f, out, p);
	if (p->row != NULL && p->row->kind == FIELD_OF_MAILBOX)
		return put_mailbox(f, out, begin);
	return piece_value(f, p, &v) && put_value(f, out, v, begin);
}

int
template_fill(const struct template *t, enum template_use use, struct message *m,
	const char *account, const char *mailbox, const struct captures *caps, struct view part_name,
	const struct zone *z, struct str *out, struct err *e)
{
	struct filler f = { .use = use, .message = m, .account = account, .mailbox = mailbox,
		.caps = caps, .part_name = part_name, .zone = z };
	size_t begin = out->len;
	int rc = 0;

	CHECK(t, TEMPLATE_MAGIC);
	for (size_t i = 0; i < t->pieces.n && rc == 0; i++) {
		const struct piece *p = &t->pieces.at[i];

		if (p->row == NULL && p->capture == NULL)
			str_adds(out, p->text);
		else if (!put_piece(&f, out, p, begin)) {
			if (p->fallback != NULL)
				str_adds(out, p->fallback);
			else
				rc = err_set(e, ERR_HELD, SCOPE_MESSAGE,
				    "the message has no value for {%.60s} of \"%.150s\"; "
				    "{%.60s|...} gives one", p->text, t->text, p->text);
		}
	}
	if (rc == 0 && out->over)
		rc = err_set(e, ERR_HELD, SCOPE_MESSAGE, "\"%.150s\" becomes too long", t->text);
	str_free(&f.value);
	return rc;
}
