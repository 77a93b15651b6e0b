/*
 * Walking the tree, and the numbers that IMAP gives to its parts (RFC 9051 6.4.5.1):
 * children of a multipart count from 1; a message in part 2 has its parts at 2.1, 2.2 if
 * it is a multipart, else its text is 2.1.  The multipart of a message has no number of
 * its own there; "TEXT" or "2.TEXT" names the same bytes.
 */
#include "mail/mime_int.h"

#include "base/scan.h"

static bool
is_multi(const struct mime *m, part_id p)
{
	enum part_kind kind = part_at(m, p)->kind;

	return kind == PART_MULTIPART || kind == PART_DIGEST;
}

/* The root of the message or of one in it. */
static bool
is_root(const struct mime *m, part_id p)
{
	part_id parent = part_at(m, p)->parent;

	return parent == PART_NONE || part_at(m, parent)->kind == PART_MESSAGE;
}

size_t
mime_count(const struct mime *m)
{
	CHECK(m, MIME_MAGIC);
	return m->n;
}

part_id
mime_parent(const struct mime *m, part_id p)
{
	return part_at(m, p)->parent;
}

part_id
mime_child(const struct mime *m, part_id p)
{
	return part_at(m, p)->last != PART_NONE ? p + 1 : PART_NONE;
}

part_id
mime_next(const struct mime *m, part_id p)
{
	return part_at(m, p)->next;
}

unsigned
mime_depth(const struct mime *m, part_id p)
{
	return part_at(m, p)->depth;
}

unsigned
mime_defects(const struct mime *m, part_id p)
{
	return part_at(m, p)->defects;
}

bool
mime_is_leaf(const struct mime *m, part_id p)
{
	return part_at(m, p)->kind == PART_LEAF;
}

size_t
mime_size(const struct mime *m, part_id p)
{
	return part_at(m, p)->end - part_at(m, p)->body;
}

void
mime_number(const struct mime *m, part_id p, struct str *out)
{
	unsigned numbers[MIME_DEPTH_MAX + 1];
	size_t n = 0;
	bool text = is_root(m, p) && is_multi(m, p);

	for (part_id at = p; at != PART_NONE; at = part_at(m, at)->parent)
		if (!is_root(m, at) || !is_multi(m, at))
			numbers[n++] = part_at(m, at)->ordinal;
	while (n-- > 0)
		str_addf(out, "%u%s", numbers[n], n > 0 || text ? "." : "");
	if (text)
		str_adds(out, "TEXT");
}

/* The n-th part (from 1) below at: below a message those of its root, or the root. */
static part_id
descend(const struct mime *m, part_id at, bool root, uint64_t n)
{
	if (!root && part_at(m, at)->kind == PART_MESSAGE) {
		at = at + 1;
		root = true;
	}
	if (!is_multi(m, at))
		return root && n == 1 ? at : PART_NONE;
	if (part_at(m, at)->last == PART_NONE)
		return PART_NONE;
	for (at = at + 1; at != PART_NONE && part_at(m, at)->ordinal != n; )
		at = part_at(m, at)->next;
	return at;
}

part_id
mime_find_number(const struct mime *m, struct view number)
{
	struct scan s = scan_of(number);
	part_id at = 0;
	bool root = true;	/* at is a root that was not named yet */
	uint64_t n;

	if (mime_count(m) == 0)
		return PART_NONE;
	for (;;) {
		if (scan_number(&s, MIME_PARTS_MAX, &n)) {
			at = descend(m, at, root, n);
		} else if (scan_lit(&s, "TEXT") && scan_done(&s)) {
			if (!root && part_at(m, at)->kind == PART_MESSAGE)
				at++;
			else if (!root)
				return PART_NONE;
		} else {
			return PART_NONE;
		}
		root = false;
		if (at == PART_NONE || scan_done(&s))
			return at;
		if (!scan_char(&s, '.'))
			return PART_NONE;
	}
}
