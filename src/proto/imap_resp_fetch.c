/*
 * FETCH (RFC 9051, 7.5.2; 7162, 8474, 8514, 8970; Gmail's X-GM-*): a list of names and
 * values.  Each item is a row; an unknown one is skipped with its value.  What makes no
 * sense leaves its bit in "has" unset and harms nothing else.
 *
 * Tolerated: the list ends too early and items follow behind it (Xeams); a section
 * without a value (Yandex), quoted names in HEADER.FIELDS (Courier); one pair of
 * parentheses too many round all of it.
 */
#include "proto/imap_resp_int.h"

/* value may be NULL. */
struct item_row {
	const char	*name;
	unsigned	 has;
	bool		(*read)(struct imap_resp *r, const struct imap_node *value,
				struct imap_fetch *f);
};

static bool
read_uid(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	uint64_t n;

	(void)r;
	/* Never clamped: it would name another message. */
	if (!imap_number(node_text(value), UINT64_MAX, &n) || n == 0 || n > UINT32_MAX)
		return false;
	f->uid = (uint32_t)n;
	return true;
}

static bool
read_flags(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	struct imap_words words;

	if (!node_is_list(value) && !node_is_none(value))
		return false;
	words = resp_words(r, node_first(value));
	resp_flags(r, &words, &f->flags);
	return true;
}

/* "17-Jul-1996 02:44:25 -0700" */
static bool
read_internaldate(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	return date_parse(node_text(value), &f->internaldate);
}

static bool
read_savedate(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	return date_parse(node_text(value), &f->savedate);
}

static bool
read_size(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	return imap_number(node_text(value), UINT64_MAX, &f->size);
}

/* "(12345)", or without parentheses */
static struct view
inner_text(const struct imap_node *value)
{
	return node_is_list(value) ? node_text(value->first) : node_text(value);
}

static bool
read_modseq(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	return imap_number(inner_text(value), UINT64_MAX, &f->modseq);
}

static bool
read_emailid(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	f->emailid = inner_text(value);
	return f->emailid.n > 0;
}

static bool
read_threadid(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	f->threadid = inner_text(value);
	return f->threadid.n > 0;
}

static bool
read_preview(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	f->preview = node_text(value);
	return value != NULL && value->kind != NODE_ATOM;
}

static bool
read_gm_msgid(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	return imap_number(node_text(value), UINT64_MAX, &f->gm_msgid);
}

static bool
read_gm_thrid(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	(void)r;
	return imap_number(node_text(value), UINT64_MAX, &f->gm_thrid);
}

static bool
read_gm_labels(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	if (!node_is_list(value) && !node_is_none(value))
		return false;
	f->gm_labels = resp_words(r, node_first(value));
	return true;
}

static bool
read_structure(struct imap_resp *r, const struct imap_node *value, struct imap_fetch *f)
{
	/* Half a tree would tell less than there is: the message itself must be asked. */
	if (f->structure == NULL && !r->tree.deep)
		f->structure = resp_structure(value);
	return f->structure != NULL;
}

static const struct item_row rows[] = {
	{ "UID", IMAP_F_UID, read_uid }, { "FLAGS", IMAP_F_FLAGS, read_flags },
	{ "INTERNALDATE", IMAP_F_INTERNALDATE, read_internaldate },
	{ "RFC822.SIZE", IMAP_F_SIZE, read_size }, { "MODSEQ", IMAP_F_MODSEQ, read_modseq },
	{ "BODYSTRUCTURE", IMAP_F_STRUCTURE, read_structure },
	{ "BODY", IMAP_F_STRUCTURE, read_structure }, { "EMAILID", IMAP_F_EMAILID, read_emailid },
	{ "THREADID", IMAP_F_THREADID, read_threadid },
	{ "SAVEDATE", IMAP_F_SAVEDATE, read_savedate },
	{ "X-GM-MSGID", IMAP_F_GM_MSGID, read_gm_msgid },
	{ "X-GM-THRID", IMAP_F_GM_THRID, read_gm_thrid },
	{ "X-GM-LABELS", IMAP_F_GM_LABELS, read_gm_labels },
	{ "PREVIEW", IMAP_F_PREVIEW, read_preview }, { "ENVELOPE", 0, NULL },
};

/* ---- sections */

static const struct { const char *name; enum imap_section_part part; } section_words[] = {
	{ "HEADER.FIELDS.NOT", IMAP_PART_FIELDS_NOT }, { "HEADER.FIELDS", IMAP_PART_FIELDS },
	{ "HEADER", IMAP_PART_HEADER }, { "TEXT", IMAP_PART_TEXT }, { "MIME", IMAP_PART_MIME },
};
static const struct { const char *name; enum imap_section_part part; } old_names[] = {
	{ "RFC822", IMAP_PART_ALL }, { "RFC822.HEADER", IMAP_PART_HEADER },
	{ "RFC822.TEXT", IMAP_PART_TEXT },
};

static bool
is_section(struct view item)
{
	for (size_t i = 0; i < ARRAY_LEN(old_names); i++) {
		if (view_iis(item, old_names[i].name))
			return true;
	}
	return view_istarts(item, VIEW("BODY[")) || view_istarts(item, VIEW("BODY.PEEK[")) ||
	    view_istarts(item, VIEW("BINARY[")) || view_istarts(item, VIEW("BINARY.PEEK["));
}

static struct view
next_field(struct scan *in)
{
	while (scan_peek(in) == ' ' || scan_peek(in) == '(' || scan_peek(in) == ')')
		in->p++;
	if (scan_char(in, '"')) {
		struct view v = scan_until(in, "\"");

		(void)scan_char(in, '"');
		return v;
	}
	return scan_until(in, " ()\"");
}

/* "(From To)" */
static struct imap_words
read_fields(struct imap_resp *r, struct view list)
{
	struct scan in = scan_of(list);
	struct view *at;
	size_t n = 0;

	while (next_field(&in).n > 0)
		n++;
	at = arena_alloc(resp_arena(r), n * sizeof(*at));
	in = scan_of(list);
	for (size_t i = 0; i < n; i++)
		at[i] = next_field(&in);
	return (struct imap_words){ at, n };
}

/* "1.2.HEADER.FIELDS (From)" between the brackets */
static void
read_inside(struct imap_resp *r, struct view inside, struct imap_section *s)
{
	struct scan in = scan_of(inside);

	while ((scan_peek(&in) >= '0' && scan_peek(&in) <= '9') || scan_peek(&in) == '.')
		in.p++;
	s->number = view_sub(inside, 0, inside.n - scan_rest(&in).n);
	if (s->number.n > 0 && s->number.p[s->number.n - 1] == '.')
		s->number.n--;
	for (size_t i = 0; i < ARRAY_LEN(section_words); i++) {
		if (!scan_lit(&in, section_words[i].name))
			continue;
		s->part = section_words[i].part;
		break;
	}
	if (s->part == IMAP_PART_FIELDS || s->part == IMAP_PART_FIELDS_NOT)
		s->fields = read_fields(r, scan_rest(&in));
}

static void
read_section_name(struct imap_resp *r, struct view item, struct imap_section *s)
{
	ptrdiff_t open = view_chr(item, '['), close = (ptrdiff_t)item.n - 1;
	struct scan in;

	s->item = item;
	s->binary = view_istarts(item, VIEW("BINARY"));
	for (size_t i = 0; i < ARRAY_LEN(old_names); i++) {
		if (view_iis(item, old_names[i].name))
			s->part = old_names[i].part;
	}
	if (open < 0)
		return;
	/* The last bracket: a field name may be quoted and hold one. */
	while (close > open && item.p[close] != ']')
		close--;
	if (close == open)
		return;
	read_inside(r, view_sub(item, (size_t)open + 1, (size_t)(close - open) - 1), s);
	in = scan_of(view_from(item, (size_t)close + 1));
	s->partial = scan_char(&in, '<') && scan_number(&in, UINT64_MAX, &s->origin);
}

static void
read_section_value(const struct imap_node *value, struct imap_section *s)
{
	s->nil = value == NULL || (value->kind == NODE_ATOM && node_is_none(value));
	s->sunk = value != NULL && value->kind == NODE_SUNK;
	s->bytes = s->nil || s->sunk ? VIEW("") : value->text;
	s->size = s->sunk ? value->size : s->bytes.n;
}

/* ---- the reply */

/* Items stand in the first list; (Xeams) some behind it; one list too many is opened. */
static const struct imap_node *
items_of(const struct imap_node *first)
{
	const struct imap_node *n = first;

	if (node_is_list(n) && node_is_list(n->first) && n->first->next == NULL)
		n = n->first;
	return n;
}

/* What stands behind the name is the next name already. */
static bool
lacks_value(const struct imap_node *name, const struct imap_node *value)
{
	if (value == NULL || value->kind != NODE_ATOM || node_is_none(value))
		return false;
	if (is_section(name->text) || is_section(value->text))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (view_iis(value->text, rows[i].name))
			return true;
	}
	return false;
}

/* Over the items: n is the next name.  Behind the end of the list it goes on in outer. */
struct walk { const struct imap_node *n, *outer; };

static struct walk
walk_begin(const struct imap_tree *t)
{
	const struct imap_node *list = items_of(t->first);

	if (!node_is_list(list))
		return (struct walk){ list, NULL };
	return (struct walk){ list->first, t->first->next };
}

static bool
walk_next(struct walk *w, const struct imap_node **item_r, const struct imap_node **value_r)
{
	if (w->n == NULL) {
		w->n = w->outer;
		w->outer = NULL;
	}
	if (w->n == NULL)
		return false;
	*item_r = w->n;
	*value_r = w->n->next;
	if (lacks_value(w->n, *value_r))
		*value_r = NULL;
	w->n = *value_r != NULL ? (*value_r)->next : w->n->next;
	return true;
}

static void
read_item(struct imap_resp *r, struct view name, const struct imap_node *value,
	struct imap_fetch *f)
{
	for (size_t i = 0; i < ARRAY_LEN(rows) && value != NULL; i++) {
		if (view_iis(name, rows[i].name) && rows[i].read != NULL &&
		    rows[i].read(r, value, f))
			f->has |= rows[i].has;
	}
}

void
resp_fetch_so_far(const struct imap_resp *r, struct imap_literal *out)
{
	struct walk w = walk_begin(&r->tree);
	const struct imap_node *item, *value;
	uint64_t n;

	while (walk_next(&w, &item, &value)) {
		if (view_iis(item->text, "UID") && imap_number(node_text(value), UINT64_MAX, &n) &&
		    n <= UINT32_MAX)
			out->uid = (uint32_t)n;
		/* The one whose value has just been announced stands last. */
		out->item = item->text;
		if (is_section(item->text) && w.n != NULL)
			out->nth++;
	}
}

const char *
resp_fetch(struct imap_resp *r)
{
	struct walk w = walk_begin(&r->tree);
	const struct imap_node *item, *value;
	struct imap_fetch *f = &r->reply.fetch;
	struct imap_section *at;
	size_t n = 0, i = 0;

	*f = (struct imap_fetch){ .uid = 0 };
	if (!node_is_list(r->tree.first))
		return "FETCH without a list";
	while (walk_next(&w, &item, &value))
		n += is_section(item->text);
	at = arena_alloc(resp_arena(r), n * sizeof(*at));
	w = walk_begin(&r->tree);
	while (walk_next(&w, &item, &value)) {
		if (is_section(item->text)) {
			read_section_name(r, item->text, &at[i]);
			read_section_value(value, &at[i++]);
		} else {
			read_item(r, item->text, value, f);
		}
	}
	f->sections = at;
	f->nsections = n;
	return NULL;
}
