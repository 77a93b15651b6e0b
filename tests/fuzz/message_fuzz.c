/*
 * Any bytes as a message: every field is UTF-8 on one line, the text is UTF-8, and what
 * was said before the body was dropped is said after it.
 */
#include "mail/message.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(struct view v)
{
	assert(utf8_valid(v));
	assert(view_chr(v, '\r') < 0 && view_chr(v, '\n') < 0 && view_chr(v, '\0') < 0);
}

static void
check_fields(struct message *m)
{
	static const char *const lists[] = { "From", "To", "Cc", "Reply-To", "Sender" };
	struct header_field f;
	struct view v, ids[20];
	size_t n;

	for (int field = FIELD_SUBJECT; field <= FIELD_LIST_ID; field++)
		if (message_field(m, (enum message_field)field, &v))
			check_line(v);
	for (size_t i = 0; i < 100 && message_header_at(m, i, &f); i++) {
		assert(message_header(m, f.name, 0, &v));
		check_line(v);
	}
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct address_list *l = message_addresses(m, view_of(lists[i]));

		assert(l != NULL);
		for (size_t k = 0; k < l->n; k++) {
			check_line(l->at[k].name);
			check_line(l->at[k].address);
		}
	}
	n = message_references(m, ids, ARRAY_LEN(ids));
	for (size_t i = 0; i < MIN(n, ARRAY_LEN(ids)); i++)
		check_line(ids[i]);
}

static void
check_summary(struct message *m)
{
	struct str s = STR_INIT;
	unsigned char digest[32];
	struct date d;

	message_title(m, &s);
	check_line(str_view(&s));
	str_reset(&s);
	message_defects(m, &s);
	assert(utf8_ascii(str_view(&s)));
	message_digest(m, digest);
	(void)message_date(m, &d);
	assert(message_held(m) > 0);
	str_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message *m = message_new();
	struct blob *b = blob_copy(view_n((const char *)data, size));
	size_t parts;

	message_set_bytes(m, b, true);
	assert(utf8_valid(message_text(m)));
	parts = mime_count(message_mime(m));
	check_fields(m);
	check_summary(m);
	message_drop_body(m);
	check_fields(m);
	assert(mime_count(message_mime(m)) == parts);
	message_set_bytes(m, b, true);
	assert(utf8_valid(message_text(m)));
	blob_free(&b);
	message_unref(&m);
	return 0;
}
