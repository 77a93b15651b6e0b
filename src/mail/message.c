/*
 * One message: its facts, its bytes as far as they are here, and its fields, each
 * decoded when it is first asked for and kept in the arena until the message goes.
 *
 * The header block is copied (its first HEADER_BLOCK_MAX bytes), so that the bytes of
 * the whole message can be dropped while every view of a field stays good.  The first
 * header that was set stays the header, whatever bytes come later.
 */
#include "mail/message_int.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "mail/line.h"

#define TITLE_SUBJECT_MAX	80u	/* characters */
#define TITLE_ADDRESS_MAX	60u

struct message *
message_new(void)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->magic = MESSAGE_MAGIC;
	m->refs = 1;
	return m;
}

struct message *
message_ref(struct message *m)
{
	CHECK(m, MESSAGE_MAGIC);
	m->refs++;
	return m;
}

void
message_unref(struct message **mp)
{
	struct message *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	CHECK(m, MESSAGE_MAGIC);
	assert(m->refs > 0);
	if (--m->refs > 0)
		return;
	m->magic = 0;
	for (struct known_list *l = m->lists; l != NULL; l = l->next)
		address_list_free(&l->list);
	flags_free(&m->facts.flags);
	mime_free(&m->structure);
	mime_free(&m->tree);
	VEC_FREE(&m->references);
	header_free(&m->header);
	str_free(&m->head);
	str_free(&m->text);
	arena_free(&m->arena);
	blob_free(&m->blob);
	free(m);
}

unsigned
message_have(const struct message *m)
{
	CHECK(m, MESSAGE_MAGIC);
	return m->have;
}

struct message_facts *
message_facts(struct message *m)
{
	CHECK(m, MESSAGE_MAGIC);
	return &m->facts;
}

void
message_know(struct message *m, unsigned need)
{
	CHECK(m, MESSAGE_MAGIC);
	m->have |= need & NEED_FACTS;
}

static struct view
moved(struct view v, const char *from, const char *to)
{
	return view_n(to + (v.p - from), v.n);
}

/* Keeps a copy of the header block at the beginning of bytes. */
static void
keep_header(struct message *m, struct view bytes)
{
	struct header *h = &m->header;
	struct header cut = { 0 };

	header_index(h, bytes, true);
	if (h->body > HEADER_BLOCK_MAX) {
		/* Once more over what is kept, so that no view leaves it. */
		bytes.n = HEADER_BLOCK_MAX;
		header_index(&cut, bytes, true);
		header_free(h);
		*h = cut;
		h->over = true;
		h->body = bytes.n;
	}
	m->head = str_limited(HEADER_BLOCK_MAX);
	str_addv(&m->head, view_sub(bytes, 0, h->body));
	for (size_t i = 0; i < h->n; i++) {
		h->at[i].name = moved(h->at[i].name, bytes.p, m->head.p);
		h->at[i].raw = moved(h->at[i].raw, bytes.p, m->head.p);
	}
	m->decoded = arena_alloc(&m->arena, (h->n + 1) * sizeof(*m->decoded));
	m->have |= NEED_HEADER;
}

void
message_set_bytes(struct message *m, struct blob *b, bool whole)
{
	CHECK(m, MESSAGE_MAGIC);
	if (!(m->have & NEED_HEADER))
		keep_header(m, blob_view(b));
	if (!whole)
		return;
	message_drop_body(m);
	m->blob = blob_ref(b);
	if (m->tree != NULL && !mime_take_bytes(m->tree, blob_view(b)))
		mime_free(&m->tree);
	m->have |= NEED_STRUCTURE | NEED_BODY;
}

void
message_set_structure(struct message *m, struct mime **tree)
{
	CHECK(m, MESSAGE_MAGIC);
	mime_free(&m->structure);
	m->structure = *tree;
	*tree = NULL;
	m->have |= NEED_STRUCTURE;
}

void
message_drop_body(struct message *m)
{
	CHECK(m, MESSAGE_MAGIC);
	if (m->blob == NULL)
		return;
	if (m->tree != NULL)
		mime_drop_bytes(m->tree);
	str_free(&m->text);
	m->text_made = false;
	blob_free(&m->blob);
	m->have &= ~(unsigned)NEED_BODY;
	if (m->tree == NULL && m->structure == NULL)
		m->have &= ~(unsigned)NEED_STRUCTURE;
}

size_t
message_held(const struct message *m)
{
	size_t body = blob_view(m->blob).n;

	CHECK(m, MESSAGE_MAGIC);
	return sizeof(*m) + m->arena.total + m->head.cap + m->text.cap +
	    m->header.cap * sizeof(*m->header.at) + (body <= BLOB_HEAP_MAX ? body : 0) +
	    (m->tree != NULL ? mime_held(m->tree) : 0) +
	    (m->structure != NULL ? mime_held(m->structure) : 0);
}

bool
message_header_at(struct message *m, size_t i, struct header_field *f_r)
{
	CHECK(m, MESSAGE_MAGIC);
	if (i >= m->header.n)
		return false;
	*f_r = m->header.at[i];
	return true;
}

struct mime *
message_mime(struct message *m)
{
	CHECK(m, MESSAGE_MAGIC);
	if (m->tree == NULL && m->blob != NULL)
		m->tree = mime_new(blob_view(m->blob));
	return m->tree != NULL ? m->tree : m->structure;
}

struct view
message_raw(const struct message *m)
{
	CHECK(m, MESSAGE_MAGIC);
	return blob_view(m->blob);
}

void
message_digest(struct message *m, unsigned char out[32])
{
	struct sha256 *h = sha256_new();
	struct lines lines;
	struct line line;
	bool started = false;

	CHECK(m, MESSAGE_MAGIC);
	lines_begin(&lines, str_view(&m->head));
	while (lines_next(&lines, &line)) {
		if (line.text.n == 0 && started)
			break;
		if (line.text.n == 0)
			continue;
		started = true;
		sha256_add(h, line.text);
		sha256_add(h, VIEW("\r\n"));
	}
	sha256_end(&h, out);
}

void
message_title(struct message *m, struct str *out)
{
	const struct address_list *from = message_addresses(m, VIEW("From"));
	struct view subject;

	if (message_field(m, FIELD_SUBJECT, &subject) && subject.n > 0) {
		str_addc(out, '"');
		utf8_printable(out, subject, TITLE_SUBJECT_MAX);
		str_addc(out, '"');
	} else {
		str_adds(out, "(no subject)");
	}
	if (from->n > 0) {
		str_adds(out, " from ");
		utf8_printable(out, from->at[0].address, TITLE_ADDRESS_MAX);
	}
}
