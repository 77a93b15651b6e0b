/*
 * The header block as a list of views.  One pass over the lines; nothing is decoded
 * and nothing but the list is allocated.
 *
 * The top of a message is taken as servers take it: it goes to the first empty line,
 * and lines in it that are no field are skipped.  Two exceptions save text: a block
 * without a single field is no header, and where the empty line is missing the lines
 * behind the last field are the body.  The header of a part ends at the first line
 * that is no field, since there the line is more often the beginning of the text.
 */
#include "mail/header.h"

#include "mail/charset.h"
#include "mail/line.h"

#define BOM "\xEF\xBB\xBF"

struct indexing {
	struct header	*h;
	bool		 top;
	bool		 any;		/* a field was seen */
	bool		 open;		/* the last field was recorded: folds belong to it */
	bool		 junk;		/* the last line was skipped: folds go with it */
	size_t		 first_junk;	/* where the text begins if no field comes */
	size_t		 tail;		/* behind the last field and its folds */
};

static void
add_field(struct indexing *x, struct view name, const struct line *line, size_t value)
{
	struct header *h = x->h;

	x->any = true;
	x->junk = false;
	x->tail = line->next;
	x->open = h->n < HEADER_COUNT_MAX && line->at < HEADER_BLOCK_MAX;
	if (!x->open) {
		h->over = true;
		return;
	}
	VEC_PUSH(h, ((struct header_field){
		.name = name,
		.raw = view_from(line->text, value),
	}));
}

static void
add_fold(struct indexing *x, const struct line *line)
{
	struct header_field *f;

	x->tail = line->next;
	if (x->open) {
		f = &x->h->at[x->h->n - 1];
		f->raw.n = (size_t)(line->text.p + line->text.n - f->raw.p);
	}
}

/* A line that is no field.  Returns false when the header ends before it. */
static bool
skip_line(struct indexing *x, enum line_kind kind, const struct line *line)
{
	if (x->top && kind == LINE_FROM && !x->any && !x->junk)
		return true;
	x->h->broken = true;
	if (!x->top)
		return false;
	if (!x->any && !x->junk)
		x->first_junk = line->at;
	x->junk = true;
	x->open = false;
	return true;
}

static bool
on_line(struct indexing *x, const struct line *line)
{
	struct view name = VIEW_NONE;
	size_t value = 0;
	enum line_kind kind = line_kind(line->text, &name, &value);

	switch (kind) {
	case LINE_FIELD:
		add_field(x, name, line, value);
		return true;
	case LINE_FOLD:
		if (x->any && !x->junk) {
			add_fold(x, line);
			return true;
		}
		if (x->junk)
			return true;
		break;
	default:
		break;
	}
	return skip_line(x, kind, line);
}

void
header_index(struct header *h, struct view bytes, bool top)
{
	struct indexing x = { .h = h, .top = top };
	struct lines lines;
	struct line line;
	bool started = false;

	h->n = 0;
	h->ended = h->over = h->broken = false;
	lines_begin(&lines, bytes);
	if (top && view_starts(bytes, VIEW(BOM)))
		lines_seek(&lines, sizeof(BOM) - 1);
	while (lines_next(&lines, &line)) {
		if (line.text.n == 0 && top && !started)
			continue;
		started = true;
		if (line.text.n == 0) {
			h->ended = true;
			h->body = !x.any && x.junk ? x.first_junk : line.next;
			return;
		}
		if (!on_line(&x, &line)) {
			h->ended = true;
			h->body = line.at;
			return;
		}
	}
	if (x.any)
		h->body = x.tail;
	else
		h->body = x.junk ? x.first_junk : bytes.n;
}

void
header_free(struct header *h)
{
	VEC_FREE(h);
	*h = (struct header){ 0 };
}

const struct header_field *
header_get(const struct header *h, struct view name, size_t nth)
{
	for (size_t i = 0; i < h->n; i++)
		if (view_ieq(h->at[i].name, name) && nth-- == 0)
			return &h->at[i];
	return NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

/* RFC 5322 2.2.3; a run of blanks with a line break or NUL in it becomes one blank. */
void
header_unfold(struct str *out, struct view raw)
{
	struct str flat = STR_INIT;
	size_t i = 0, run;

	raw = view_trim(view_sub(raw, 0, HEADER_FIELD_MAX));
	while (i < raw.n) {
		bool broken = false;

		for (run = i; run < raw.n && !is_blank(raw.p[run]); run++)
			;
		str_add(&flat, raw.p + i, run - i);
		for (i = run; i < raw.n && is_blank(raw.p[i]); i++)
			broken = broken || (raw.p[i] != ' ' && raw.p[i] != '\t');
		if (broken)
			str_addc(&flat, ' ');
		else
			str_add(&flat, raw.p + run, i - run);
	}
	(void)charset_decode(out, VIEW_NONE, view_trim(str_view(&flat)));
	str_free(&flat);
}
