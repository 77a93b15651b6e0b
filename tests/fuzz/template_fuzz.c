/*
 * The first line is a template, the rest the header of a message.  Whatever both are: a
 * filled name has no control byte, no empty or dot-dot level that the template itself
 * did not write, and is UTF-8 when the template is.
 */
#include "base/utf8.h"
#include "engine/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fill(const struct template *t, enum template_use use, struct view text, struct message *m)
{
	struct str out = str_limited(4000);
	struct err e = ERR_NONE;
	bool plain = utf8_valid(text);

	if (template_fill(t, use, m, "home", "Lists/dev", NULL, VIEW("../a/b.pdf"), NULL, &out, &e) == 0) {
		for (size_t i = 0; i < out.len; i++) {
			if (out.p[i] == '\n' || out.p[i] == '\0')
				abort();
			if (use != TEMPLATE_TEXT && (unsigned char)out.p[i] < 0x20 &&
			    view_chr(text, out.p[i]) < 0)
				abort();
		}
		if (plain && !utf8_valid(str_view(&out)))
			abort();
		if (use != TEMPLATE_TEXT && view_find(str_view(&out), VIEW("..")) == 0 &&
		    view_chr(text, '.') < 0)
			abort();
	} else if (e.kind != ERR_HELD) {
		abort();
	}
	str_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const captures[] = { "ticket", "word" };
	struct view all = { (const char *)data, size }, text;
	ptrdiff_t end = view_chr(all, '\n');
	struct err e = ERR_NONE;
	struct template *t;
	struct message *m;
	struct blob *b;

	text = end < 0 ? all : view_sub(all, 0, (size_t)end);
	t = template_new(text, captures, 2, &e);
	if (t == NULL) {
		if (e.kind != ERR_USAGE)
			abort();
		return 0;
	}
	m = message_new();
	b = blob_copy(end < 0 ? VIEW_NONE : view_from(all, (size_t)end + 1));
	message_set_bytes(m, b, false);
	blob_free(&b);
	message_facts(m)->received = 1769813999;
	message_know(m, NEED_FACTS);
	fill(t, TEMPLATE_MAILBOX, text, m);
	fill(t, TEMPLATE_PATH, text, m);
	fill(t, TEMPLATE_TEXT, text, m);
	message_unref(&m);
	template_free(&t);
	return 0;
}
