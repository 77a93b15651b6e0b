/*
 * golden FILE: prints the decoded fields of a message as lines, for tests/golden/run.
 * Reads the whole file; it must be small.  Control bytes show as escapes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "mail/message.h"

#define SHOWN_MAX	4000u	/* characters of one value */

static void
show(const char *label, struct view v)
{
	struct str line = STR_INIT;

	if (!utf8_valid(v))
		str_adds(&line, "[not UTF-8] ");
	utf8_printable(&line, v, SHOWN_MAX);
	printf("%s: %s\n", label, str_z(&line));
	str_free(&line);
}

static void
show_addresses(struct message *m, const char *label, const char *header)
{
	const struct address_list *l = message_addresses(m, view_of(header));
	struct str line = STR_INIT;

	for (size_t i = 0; i < l->n; i++) {
		str_reset(&line);
		str_addf(&line, "'%.*s' <%.*s>", VIEW_ARG(l->at[i].name),
		    VIEW_ARG(l->at[i].address));
		if (l->at[i].group.n > 0)
			str_addf(&line, " in '%.*s'", VIEW_ARG(l->at[i].group));
		show(label, str_view(&line));
	}
	str_free(&line);
}

static void
show_fields(struct message *m)
{
#define X(sym, name) { FIELD_##sym, name },
	static const struct { enum message_field f; const char *name; } fields[] = {
		MESSAGE_FIELDS(X)
	};
#undef X
	struct view v, ids[100];
	struct date date;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (message_field(m, fields[i].f, &v))
			show(fields[i].name, v);
	show_addresses(m, "from", "From");
	show_addresses(m, "sender", "Sender");
	show_addresses(m, "reply_to", "Reply-To");
	show_addresses(m, "to", "To");
	show_addresses(m, "cc", "Cc");
	show_addresses(m, "bcc", "Bcc");
	if (message_date(m, &date))
		printf("date: %lld zone %+d\n", (long long)date.epoch, date.zone_min);
	n = message_references(m, ids, ARRAY_LEN(ids));
	for (size_t i = 0; i < MIN(n, ARRAY_LEN(ids)); i++)
		show("reference", ids[i]);
}

static void
show_part(struct mime *tree, part_id p)
{
	static const char *const encodings[] = { "plain", "base64", "qp", "unknown" };
	struct str line = STR_INIT;
	struct view charset = mime_charset(tree, p), disp = mime_disposition(tree, p);
	unsigned defects = mime_defects(tree, p);

	str_addf(&line, "%*s", (int)(2 * mime_depth(tree, p)), "");
	mime_number(tree, p, &line);
	str_addf(&line, " %.*s %.*s %s %zu", VIEW_ARG(mime_type(tree, p)),
	    charset.n > 0 ? (int)charset.n : 1, charset.n > 0 ? charset.p : "-",
	    encodings[mime_encoding(tree, p)], mime_size(tree, p));
	if (mime_filename(tree, p).n > 0) {
		str_addf(&line, " '%.*s' safe '", VIEW_ARG(mime_filename(tree, p)));
		mime_safe_name(tree, p, &line);
		str_addc(&line, '\'');
	}
	if (disp.n > 0)
		str_addf(&line, " %.*s", VIEW_ARG(disp));
	if (mime_cid(tree, p).n > 0)
		str_addf(&line, " cid %.*s", VIEW_ARG(mime_cid(tree, p)));
	if (mime_is_attachment(tree, p))
		str_adds(&line, " ATTACHED");
	if (defects != 0)
		str_addf(&line, " defects %u", defects);
	show("part", str_view(&line));
	str_free(&line);
}

static void
show_text(struct view text)
{
	struct view rest = text;

	while (rest.n > 0) {
		ptrdiff_t lf = view_chr(rest, '\n');
		size_t n = lf < 0 ? rest.n : (size_t)lf;

		show("text", view_sub(rest, 0, n));
		rest = view_from(rest, n + 1);
	}
}

static void
show_message(struct message *m)
{
	struct mime *tree = message_mime(m);
	struct str defects = STR_INIT;

	show_fields(m);
	for (part_id p = 0; p < mime_count(tree); p++)
		show_part(tree, p);
	show_text(message_text(m));
	message_defects(m, &defects);
	if (defects.len > 0)
		show("defects", str_view(&defects));
	str_free(&defects);
}

int
main(int argc, char **argv)
{
	struct str bytes = STR_INIT;
	struct message *m;
	struct blob *b;
	FILE *f;
	int c;

	if (argc != 2 || (f = fopen(argv[1], "rb")) == NULL) {
		fprintf(stderr, "usage: golden FILE\n");
		return 2;
	}
	while ((c = getc(f)) != EOF)
		str_addc(&bytes, (char)c);
	fclose(f);
	m = message_new();
	b = blob_take(&bytes);
	message_set_bytes(m, b, true);
	show_message(m);
	message_unref(&m);
	blob_free(&b);
	return 0;
}
