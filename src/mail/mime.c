/*
 * The tree of parts (RFC 2046), indexed in one pass over the lines of a message.
 *
 * Which multiparts are open stands in a list, not on the stack of calls.  A line that
 * begins with "--" is compared with the boundaries of all of them, so an outer boundary
 * closes what is open inside it, and the longest boundary wins where one begins with
 * another.  Each line is looked at once as header and once as body at most.
 *
 * The line break before a delimiter belongs to the delimiter (RFC 2046 5.1.1): offsets
 * agree with the sizes an IMAP server gives.  Preamble and epilogue belong to no part.
 * A message in a message (message/rfc822) is a part with one child, the root of it.
 * One that is sent in base64 or quoted-printable, which RFC 2046 5.2.1 forbids, is a leaf.
 *
 * Limits: MIME_DEPTH_MAX, MIME_PARTS_MAX, boundaries of 255 bytes.
 */
#include "mail/mime_int.h"

#include "mail/line.h"

#define BOUNDARY_MAX	255u

struct open { part_id part; struct view boundary; };

struct indexer {
	struct mime	*m;
	struct lines	 lines;
	struct header	 header;		/* of the part that was begun last */
	struct arena	 scratch;		/* boundaries, until the index is made */
	struct open	 open[MIME_DEPTH_MAX + 1];	/* outermost first */
	size_t		 nopen;
	part_id		 cur;			/* innermost part whose end is not known */
};

part_id
part_add(struct mime *m, part_id parent)
{
	struct part *up = parent == PART_NONE ? NULL : part_at(m, parent);
	part_id id = (part_id)m->n;

	if (up != NULL && up->depth >= MIME_DEPTH_MAX) {
		up->defects |= MIME_TOO_DEEP;
		return PART_NONE;
	}
	if (m->n >= MIME_PARTS_MAX) {
		if (up != NULL)
			up->defects |= MIME_TOO_MANY;
		return PART_NONE;
	}
	VEC_PUSH(m, ((struct part){
		.parent = parent, .next = PART_NONE, .last = PART_NONE, .ordinal = 1,
	}));
	if (up != NULL) {
		up = part_at(m, parent);	/* the array may have moved */
		m->at[id].depth = (uint8_t)(up->depth + 1);
		if (up->last != PART_NONE) {
			m->at[up->last].next = id;
			m->at[id].ordinal = (uint16_t)(m->at[up->last].ordinal + 1);
		}
		up->last = id;
	}
	return id;
}

/* The offset of the line break before at, or at. */
static size_t
before_break(struct view bytes, size_t at)
{
	if (at > 0 && bytes.p[at - 1] == '\n')
		at--;
	else if (at > 0 && bytes.p[at - 1] == '\r')
		return at - 1;
	return at > 0 && bytes.p[at - 1] == '\r' ? at - 1 : at;
}

/* delimiter and close-delimiter of RFC 2046 5.1.1, with transport padding. */
static bool
delimiter_match(const struct indexer *x, struct view text, size_t *open_r, bool *close_r)
{
	size_t best = 0;

	if (x->nopen == 0 || text.n < 3 || text.p[0] != '-' || text.p[1] != '-')
		return false;
	text = view_from(text, 2);
	while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t' ||
	    text.p[text.n - 1] == '\r'))
		text.n--;
	if (text.n > BOUNDARY_MAX + 2)
		return false;
	/* Innermost first, so that of two equal boundaries the inner one is meant. */
	for (size_t i = x->nopen; i-- > 0;) {
		struct view b = x->open[i].boundary;
		bool closing = text.n == b.n + 2 && view_ends(text, VIEW("--"));

		if (b.n <= best || (text.n != b.n && !closing) || !view_starts(text, b))
			continue;
		best = b.n;
		*open_r = i;
		*close_r = closing;
	}
	return best > 0;
}

/*
 * Finds where the header of part id, which begins at its start, ends; reads it, and
 * leaves the lines at the body.  A delimiter ends a header too.
 */
static void
header_read(struct indexer *x, part_id id)
{
	struct part *p = part_at(x->m, id);
	struct view name;
	struct line line;
	size_t open, value, end = x->m->bytes.n;
	bool any = false, closing;

	lines_seek(&x->lines, p->start);
	while (lines_next(&x->lines, &line)) {
		enum line_kind kind;

		end = line.at;
		if (delimiter_match(x, line.text, &open, &closing))
			break;
		kind = line_kind(line.text, &name, &value);
		if (kind == LINE_EMPTY) {
			end = line.next;
			break;
		}
		if (kind != LINE_FIELD && !(kind == LINE_FOLD && any))
			break;
		any = true;
		end = line.next;
	}
	header_index(&x->header, view_sub(x->m->bytes, p->start, end - p->start), false);
	p->body = p->end = end;
	lines_seek(&x->lines, end);
}

/* An embedded message out of a mailbox file may begin with its "From " line. */
static size_t
skip_from_line(struct indexer *x, size_t at)
{
	struct line line;
	struct view name;
	size_t value, next = at;

	lines_seek(&x->lines, at);
	if (lines_next(&x->lines, &line) &&
	    line_kind(line.text, &name, &value) == LINE_FROM)
		next = line.next;
	return next;
}

static void
open_multipart(struct indexer *x, part_id id, const struct params *params)
{
	struct part *p = part_at(x->m, id);
	struct view b = view_trim(params_get(params, "boundary"));

	if (b.n == 0 || b.n > BOUNDARY_MAX) {
		p->defects |= MIME_NO_BOUNDARY;
		return;
	}
	if (p->depth >= MIME_DEPTH_MAX) {
		p->defects |= MIME_TOO_DEEP;
		return;
	}
	p->kind = view_starts(params->value, VIEW("multipart/digest")) ?
	    PART_DIGEST : PART_MULTIPART;
	x->open[x->nopen++] = (struct open){ id, b };
}

/* What the header just read makes of the part; true: a message begins at its body. */
static bool
classify(struct indexer *x, part_id id)
{
	const struct header_field *f = header_get(&x->header, VIEW("Content-Type"), 0);
	struct part *p = part_at(x->m, id);
	struct params params;
	struct view type, raw;

	if (f == NULL)		/* RFC 2046 5.1.5 */
		return p->parent != PART_NONE &&
		    part_at(x->m, p->parent)->kind == PART_DIGEST;
	raw = view_sub(f->raw, 0, HEADER_FIELD_MAX);
	type = view_trim(raw);
	if (!view_istarts(type, VIEW("multipart")) && !view_istarts(type, VIEW("message")) &&
	    !view_istarts(type, VIEW("(")))
		return false;
	params_parse(&x->scratch, raw, &params);
	type = params.value = part_type_clean(&x->scratch, params.value);
	if (view_starts(type, VIEW("multipart/"))) {
		open_multipart(x, id, &params);
		return false;
	}
	if (!view_is(type, "message/rfc822") && !view_is(type, "message/global"))
		return false;
	f = header_get(&x->header, VIEW("Content-Transfer-Encoding"), 0);
	if (f == NULL)
		return true;
	switch (part_encoding_read(f->raw)) {
	case ENC_BASE64:
	case ENC_QP:
		return false;
	default:
		return true;
	}
}

/* Adds the part whose header begins at at, and the messages that begin in it. */
static void
part_begin(struct indexer *x, part_id parent, size_t at)
{
	bool embedded = false;

	for (;;) {
		part_id id = part_add(x->m, parent);

		if (id == PART_NONE)
			return;
		if (embedded) {
			part_at(x->m, parent)->kind = PART_MESSAGE;
			at = skip_from_line(x, at);
		}
		part_at(x->m, id)->start = at;
		x->cur = id;
		header_read(x, id);
		embedded = classify(x, id);
		if (!embedded)
			return;
		parent = id;
		at = part_at(x->m, id)->body;
	}
}

/* The parts from cur up to, but without, stop end at end. */
static void
parts_end(struct indexer *x, part_id stop, size_t end)
{
	for (part_id id = x->cur; id != stop; id = part_at(x->m, id)->parent) {
		struct part *p = part_at(x->m, id);

		p->end = MAX(p->body, end);
	}
	x->cur = stop;
}

static void
on_delimiter(struct indexer *x, const struct line *line, size_t open, bool closing)
{
	part_id multi = x->open[open].part;

	parts_end(x, multi, before_break(x->m->bytes, line->at));
	while (x->nopen > open + 1)
		part_at(x->m, x->open[--x->nopen].part)->defects |= MIME_UNCLOSED;
	if (closing)
		x->nopen = open;
	else
		part_begin(x, multi, line->next);
}

static struct mime *
index_new(struct view bytes, bool header_only)
{
	struct indexer x = { .cur = 0 };
	struct line line;
	size_t open = 0;
	bool closing = false, embedded;
	struct part *root;

	x.m = mime_new_facts();
	x.m->bytes = bytes;
	(void)part_add(x.m, PART_NONE);
	root = part_at(x.m, 0);
	lines_begin(&x.lines, bytes);
	header_index(&x.header, bytes, true);
	root->body = root->end = header_only ? bytes.n : x.header.body;
	embedded = classify(&x, 0);
	if (!header_only) {
		lines_seek(&x.lines, root->body);
		if (embedded) {
			part_begin(&x, 0, skip_from_line(&x, root->body));
			root = part_at(x.m, 0);
			if (root->last != PART_NONE)
				root->kind = PART_MESSAGE;
		}
		while (x.nopen > 0 && lines_next(&x.lines, &line))
			if (delimiter_match(&x, line.text, &open, &closing))
				on_delimiter(&x, &line, open, closing);
		while (x.nopen > 0)
			part_at(x.m, x.open[--x.nopen].part)->defects |= MIME_UNCLOSED;
		parts_end(&x, PART_NONE, bytes.n);
	}
	header_free(&x.header);
	arena_free(&x.scratch);
	return x.m;
}

struct mime *
mime_new(struct view bytes)
{
	return index_new(bytes, false);
}

struct mime *
mime_new_header(struct view header)
{
	return index_new(header, true);
}

struct mime *
mime_new_facts(void)
{
	struct mime *m = xcalloc(1, sizeof(*m));

	m->magic = MIME_MAGIC;
	return m;
}

void
mime_free(struct mime **m)
{
	if (*m == NULL)
		return;
	CHECK(*m, MIME_MAGIC);
	(*m)->magic = 0;
	arena_free(&(*m)->arena);
	VEC_FREE(*m);
	free(*m);
	*m = NULL;
}

size_t
mime_held(const struct mime *m)
{
	CHECK(m, MIME_MAGIC);
	return sizeof(*m) + m->cap * sizeof(*m->at) + m->arena.total;
}

void
mime_drop_bytes(struct mime *m)
{
	CHECK(m, MIME_MAGIC);
	for (part_id p = 0; p < m->n; p++)
		(void)part_info(m, p);
	m->dropped = m->bytes.n;
	m->bytes = VIEW_NONE;
}

bool
mime_take_bytes(struct mime *m, struct view bytes)
{
	CHECK(m, MIME_MAGIC);
	if (m->bytes.n != 0 || bytes.n != m->dropped)
		return false;
	m->bytes = bytes;
	return true;
}
