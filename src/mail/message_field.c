/*
 * The fields of a message, decoded at their first use and kept; and its text.
 *
 * Identifiers (RFC 5322 3.6.4) are what stands between < and >, blanks of a fold
 * removed; without brackets the value itself, if it is one word.  List-Id (RFC 2919)
 * takes the last pair, since the phrase before it may hold anything.
 */
#include "mail/message_int.h"

#include "mail/html.h"
#include "mail/word.h"

static struct view
bounded(struct view raw)
{
	return view_sub(raw, 0, HEADER_FIELD_MAX);
}

/* ---- headers */

static struct view
decode_at(struct message *m, size_t i)
{
	struct str s = STR_INIT;

	if (m->decoded[i].p == NULL) {
		word_decode(&s, bounded(m->header.at[i].raw));
		m->decoded[i] = arena_dup(&m->arena, str_view(&s));
		str_free(&s);
	}
	return m->decoded[i];
}

/* The index of the n-th header of that name; the next after the last one is found fast. */
static bool
find_header(struct message *m, struct view name, size_t nth, size_t *index_r)
{
	const struct header *h = &m->header;
	size_t i = 0, seen = 0;

	if (m->last.index < h->n && nth > m->last.nth &&
	    view_ieq(h->at[m->last.index].name, name)) {
		i = m->last.index + 1;
		seen = m->last.nth + 1;
	}
	for (; i < h->n; i++) {
		if (!view_ieq(h->at[i].name, name) || seen++ != nth)
			continue;
		m->last.nth = nth;
		m->last.index = i;
		*index_r = i;
		return true;
	}
	return false;
}

bool
message_header(struct message *m, struct view name, size_t nth, struct view *v_r)
{
	size_t i;

	CHECK(m, MESSAGE_MAGIC);
	if (!find_header(m, name, nth, &i))
		return false;
	*v_r = decode_at(m, i);
	return true;
}

/* ---- identifiers */

/* A copy without the white space that folding put into it. */
static struct view
dup_id(struct message *m, struct view v)
{
	char *to = arena_alloc(&m->arena, v.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++)
		if (strchr(" \t\r\n", v.p[i]) == NULL)
			to[n++] = v.p[i];
	return view_n(to, n);
}

/* What stands between the first (or last) < and the > behind it. */
static bool
bracketed(struct view v, bool last, struct view *in_r)
{
	ptrdiff_t open = -1, close;

	if (last) {
		for (size_t i = v.n; i-- > 0 && open < 0;)
			if (v.p[i] == '<')
				open = (ptrdiff_t)i;
	} else {
		open = view_chr(v, '<');
	}
	if (open < 0)
		return false;
	*in_r = view_from(v, (size_t)open + 1);
	close = view_chr(*in_r, '>');
	if (close < 0)
		return false;
	in_r->n = (size_t)close;
	return true;
}

static bool
read_id(struct message *m, struct view name, bool last, bool one_word, struct view *v_r)
{
	struct str flat = STR_INIT;
	struct view v, in;
	bool found = true;
	size_t i;

	if (!find_header(m, name, 0, &i))
		return false;
	header_unfold(&flat, bounded(m->header.at[i].raw));
	v = str_view(&flat);
	if (bracketed(v, last, &in) && in.n > 0)
		*v_r = dup_id(m, in);
	else if (v.n > 0 && (!one_word || view_chr(v, ' ') < 0))
		*v_r = arena_dup(&m->arena, v);
	else
		found = false;
	str_free(&flat);
	return found;
}

static bool
read_field(struct message *m, enum message_field f, struct view *v_r)
{
	switch (f) {
	case FIELD_SUBJECT:
		return message_header(m, VIEW("Subject"), 0, v_r);
	case FIELD_MESSAGE_ID:
		return read_id(m, VIEW("Message-ID"), false, false, v_r);
	case FIELD_IN_REPLY_TO:
		return read_id(m, VIEW("In-Reply-To"), false, true, v_r);
	case FIELD_LIST_ID:
		return read_id(m, VIEW("List-Id"), true, false, v_r);
	}
	return false;
}

bool
message_field(struct message *m, enum message_field f, struct view *v_r)
{
	CHECK(m, MESSAGE_MAGIC);
	assert((size_t)f < FIELD_COUNT);
	if (!(m->have & NEED_HEADER))
		return false;
	if (m->field[f].known == KNOWN_NOT_YET)
		m->field[f].known = read_field(m, f, &m->field[f].value) ?
		    KNOWN_HERE : KNOWN_ABSENT;
	*v_r = m->field[f].value;
	return m->field[f].known == KNOWN_HERE;
}

/* Every <id> of all References fields, in order. */
static void
read_references(struct message *m)
{
	struct str flat = STR_INIT;
	struct view rest, id;

	m->references.known = true;
	for (size_t i = 0; i < m->header.n; i++) {
		if (!view_iis(m->header.at[i].name, "References"))
			continue;
		str_reset(&flat);
		header_unfold(&flat, bounded(m->header.at[i].raw));
		rest = str_view(&flat);
		while (bracketed(rest, false, &id)) {
			rest = view_from(rest, (size_t)(id.p + id.n - rest.p) + 1);
			if (id.n > 0)
				VEC_PUSH(&m->references, dup_id(m, id));
		}
	}
	str_free(&flat);
}

size_t
message_references(struct message *m, struct view *ids, size_t max)
{
	CHECK(m, MESSAGE_MAGIC);
	if (!m->references.known && (m->have & NEED_HEADER))
		read_references(m);
	for (size_t i = 0; i < MIN(max, m->references.n); i++)
		ids[i] = m->references.at[i];
	return m->references.n;
}

/* ---- addresses and date */

const struct address_list *
message_addresses(struct message *m, struct view header)
{
	static const struct address_list none;
	struct known_list *l;

	CHECK(m, MESSAGE_MAGIC);
	for (l = m->lists; l != NULL; l = l->next)
		if (view_ieq(l->name, header))
			return &l->list;
	/* Only names that the header has are kept, so asking costs no memory. */
	if (header_get(&m->header, header, 0) == NULL)
		return &none;
	l = ARENA_NEW(&m->arena, struct known_list);
	l->name = arena_dup(&m->arena, header);
	l->next = m->lists;
	m->lists = l;
	for (size_t i = 0; i < m->header.n; i++)
		if (view_ieq(m->header.at[i].name, header))
			address_parse(&m->arena, bounded(m->header.at[i].raw), &l->list);
	return &l->list;
}

bool
message_date(struct message *m, struct date *d_r)
{
	const struct header_field *f;

	CHECK(m, MESSAGE_MAGIC);
	if (!(m->have & NEED_HEADER))
		return false;
	if (m->date.known == KNOWN_NOT_YET) {
		f = header_get(&m->header, VIEW("Date"), 0);
		m->date.known = f != NULL && date_parse(bounded(f->raw), &m->date.value) ?
		    KNOWN_HERE : KNOWN_ABSENT;
	}
	*d_r = m->date.value;
	return m->date.known == KNOWN_HERE;
}

/* ---- text */

static bool
is_blank(struct view v)
{
	return view_trim(v).n == 0;
}

/* Appends a text part, or its words, on a line of its own. */
static void
add_part_text(struct str *out, struct mime *tree, part_id p, bool html)
{
	struct str part = str_limited(MIME_DECODED_MAX * 3 + 1);

	mime_text(tree, p, &part);
	if (!is_blank(str_view(&part))) {
		if (out->len > 0 && out->p[out->len - 1] != '\n')
			str_addc(out, '\n');
		if (html)
			html_text(out, str_view(&part));
		else
			str_addv(out, str_view(&part));
	}
	str_free(&part);
}

/* All parts of that type but attachments, and what is in an attached message. */
static void
add_text_of(struct str *out, struct mime *tree, struct view type, bool html)
{
	size_t n = mime_count(tree);
	unsigned attached = UINT32_MAX;		/* depth of the attached message we are in */

	for (part_id p = 0; p < n; p++) {
		if (mime_depth(tree, p) > attached)
			continue;
		attached = UINT32_MAX;
		if (mime_is_attachment(tree, p)) {
			if (!mime_is_leaf(tree, p))
				attached = mime_depth(tree, p);
		} else if (mime_is_leaf(tree, p) && view_eq(mime_type(tree, p), type)) {
			add_part_text(out, tree, p, html);
		}
	}
}

struct view
message_text(struct message *m)
{
	struct mime *tree;

	CHECK(m, MESSAGE_MAGIC);
	if (m->blob == NULL)
		return VIEW_NONE;
	if (!m->text_made) {
		tree = message_mime(m);
		m->text_made = true;
		m->text = str_limited(MIME_DECODED_MAX);
		add_text_of(&m->text, tree, VIEW("text/plain"), false);
		if (m->text.len == 0)
			add_text_of(&m->text, tree, VIEW("text/html"), true);
	}
	return str_view(&m->text);
}

/* ---- defects */

static void
add_word(struct str *out, size_t from, const char *word)
{
	if (out->len > from)
		str_addc(out, ' ');
	str_adds(out, word);
}

/* RFC 5322 3.6: fields that stand once at most, and Content-Type (RFC 2045 3). */
static bool
has_duplicate(const struct header *h)
{
	static const char *const once[] = {
		"Subject", "Date", "Sender", "Reply-To", "To", "Cc", "Message-ID", "In-Reply-To",
		"References", "Content-Type",
	};

	for (size_t i = 0; i < ARRAY_LEN(once); i++)
		if (header_get(h, view_of(once[i]), 1) != NULL)
			return true;
	return false;
}

void
message_defects(struct message *m, struct str *out)
{
	static const struct { unsigned bit; const char *word; } of_parts[] = {
		{ MIME_NO_BOUNDARY, "no_boundary" }, { MIME_UNCLOSED, "unclosed_multipart" },
		{ MIME_TOO_DEEP, "too_deep" }, { MIME_TOO_MANY, "too_many_parts" },
	};
	const struct mime *tree = m->tree != NULL ? m->tree : m->structure;
	const struct header *h = &m->header;
	size_t from = out->len;
	unsigned seen = 0;
	struct date date;

	CHECK(m, MESSAGE_MAGIC);
	if (m->have & NEED_HEADER) {
		if (h->broken)
			add_word(out, from, "broken_header");
		if (h->over)
			add_word(out, from, "huge_header");
		if (header_get(h, VIEW("From"), 1) != NULL)
			add_word(out, from, "multiple_from");
		if (has_duplicate(h))
			add_word(out, from, "duplicate_header");
		if (header_get(h, VIEW("Date"), 0) != NULL && !message_date(m, &date))
			add_word(out, from, "bad_date");
	}
	for (part_id p = 0; tree != NULL && p < mime_count(tree); p++)
		seen |= mime_defects(tree, p);
	for (size_t i = 0; i < ARRAY_LEN(of_parts); i++)
		if (seen & of_parts[i].bit)
			add_word(out, from, of_parts[i].word);
}
