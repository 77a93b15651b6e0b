/*
 * Any bytes as a message: the tree is bounded, its parts nest and follow each other, its
 * numbers lead back to them, and all it says is UTF-8 on one line.
 */
#include "mail/mime.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
offset(struct view all, struct view v)
{
	return v.n > 0 ? (size_t)(v.p - all.p) : 0;
}

/* A part lies in the body of its parent, behind its elder sibling. */
static void
check_place(struct mime *m, struct view all, part_id p)
{
	struct view head = mime_header_bytes(m, p), body = mime_body_bytes(m, p);
	part_id parent = mime_parent(m, p), next = mime_next(m, p), child = mime_child(m, p);

	assert(offset(all, head) + head.n <= all.n && offset(all, body) + body.n <= all.n);
	assert(body.n == mime_size(m, p));
	assert(mime_depth(m, p) <= MIME_DEPTH_MAX);
	assert((parent == PART_NONE) == (p == 0));
	assert(parent == PART_NONE || parent < p);
	assert(child == PART_NONE || (child == p + 1 && mime_parent(m, child) == p));
	assert(next == PART_NONE || (next > p && mime_parent(m, next) == parent));
	assert(!mime_is_leaf(m, p) || child == PART_NONE);
	if (parent != PART_NONE && body.n > 0) {
		struct view outer = mime_body_bytes(m, parent);

		assert(body.p >= outer.p && body.p + body.n <= outer.p + outer.n);
	}
	if (next != PART_NONE && body.n > 0 && mime_body_bytes(m, next).n > 0)
		assert(mime_body_bytes(m, next).p >= body.p + body.n);
}

static void
check_line(struct view v)
{
	assert(utf8_valid(v));
	assert(view_chr(v, '\r') < 0 && view_chr(v, '\n') < 0 && view_chr(v, '\0') < 0);
}

static void
check_words(struct mime *m, part_id p, struct str *s)
{
	struct view type = mime_type(m, p), disp = mime_disposition(m, p), name;

	assert(view_chr(type, '/') > 0 && utf8_ascii(type));
	assert(disp.n == 0 || view_is(disp, "inline") || view_is(disp, "attachment"));
	check_line(mime_filename(m, p));
	check_line(mime_charset(m, p));
	check_line(mime_cid(m, p));
	(void)mime_is_attachment(m, p);
	str_reset(s);
	mime_safe_name(m, p, s);
	name = str_view(s);
	check_line(name);
	assert(name.n > 0 && name.n <= 255 && name.p[0] != '.');
	assert(view_chr(name, '/') < 0 && view_chr(name, '\\') < 0);
	str_reset(s);
	mime_number(m, p, s);
	assert(mime_find_number(m, str_view(s)) == p);
}

static void
check_body(struct mime *m, part_id p, struct str *s)
{
	str_reset(s);
	mime_bytes(m, p, s);
	assert(s->len <= mime_body_bytes(m, p).n);
	str_reset(s);
	mime_text(m, p, s);
	assert(utf8_valid(str_view(s)) && view_chr(str_view(s), '\r') < 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view all = view_n((const char *)data, size);
	struct mime *m = mime_new(all);
	struct str s = STR_INIT;
	size_t decoded = 0;

	assert(mime_count(m) >= 1 && mime_count(m) <= MIME_PARTS_MAX);
	for (part_id p = 0; p < mime_count(m); p++) {
		check_place(m, all, p);
		check_words(m, p, &s);
		/* Nested bodies are decoded once a level: not all of a deep tree. */
		if (mime_is_leaf(m, p) && decoded++ < 50)
			check_body(m, p, &s);
	}
	mime_free(&m);
	m = mime_new_header(all);
	assert(mime_count(m) == 1 && mime_size(m, 0) == 0);
	check_words(m, 0, &s);
	mime_free(&m);
	str_free(&s);
	return 0;
}
