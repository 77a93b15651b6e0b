/*
 * The one place that knows where a line of mail ends (RFC 5322 2.1 and what is met
 * instead of it).  The next LF is remembered, so that bytes with many CR and one LF
 * far behind them are not searched again for each line.
 *
 * Not here: the dot of POP3 and SMTP, which the protocols undo.
 */
#include "mail/line.h"

void
lines_begin(struct lines *l, struct view bytes)
{
	ptrdiff_t lf, cr;

	*l = (struct lines){ .bytes = bytes };
	lf = view_chr(bytes, '\n');
	l->lf = lf < 0 ? bytes.n : (size_t)lf;
	cr = view_chr(view_sub(bytes, 0, l->lf), '\r');
	if (cr >= 0) {
		size_t behind = (size_t)cr + 1;

		if (behind < bytes.n && bytes.p[behind] == '\r')
			behind++;
		/* "\r\r" with no LF behind it is an empty line of a CR message. */
		l->cr = behind != l->lf;
	}
}

void
lines_seek(struct lines *l, size_t at)
{
	l->at = MIN(at, l->bytes.n);
	l->lf = SIZE_MAX;
}

bool
lines_next(struct lines *l, struct line *line_r)
{
	const char *p = l->bytes.p;
	size_t n = l->bytes.n, end;
	ptrdiff_t found;

	if (l->at >= n)
		return false;
	if (l->lf == SIZE_MAX || l->lf < l->at) {
		found = view_chr(view_from(l->bytes, l->at), '\n');
		l->lf = found < 0 ? n : l->at + (size_t)found;
	}
	line_r->at = l->at;
	end = l->lf;
	line_r->next = end < n ? end + 1 : n;
	if (l->cr) {
		found = view_chr(view_sub(l->bytes, l->at, end - l->at), '\r');
		if (found >= 0) {
			end = l->at + (size_t)found;
			line_r->next = end + 1 + (end + 1 < n && p[end + 1] == '\n');
		}
	} else if (end < n) {
		for (int i = 0; i < 2 && end > l->at && p[end - 1] == '\r'; i++)
			end--;
	}
	line_r->text = view_sub(l->bytes, line_r->at, end - line_r->at);
	l->at = line_r->next;
	return true;
}

/* RFC 5322 2.2: a name is printable ASCII without the colon. */
static bool
is_name_byte(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

enum line_kind
line_kind(struct view text, struct view *name_r, size_t *value_r)
{
	size_t i = 0;

	if (text.n == 0)
		return LINE_EMPTY;
	if (*text.p == ' ' || *text.p == '\t')
		return LINE_FOLD;
	while (i < text.n && is_name_byte(text.p[i]))
		i++;
	*name_r = view_sub(text, 0, i);
	while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t'))
		i++;
	if (i < text.n && text.p[i] == ':' && name_r->n > 0) {
		*value_r = i + 1;
		return LINE_FIELD;
	}
	if (view_starts(text, VIEW("From ")) || view_starts(text, VIEW(">From ")))
		return LINE_FROM;
	return LINE_JUNK;
}
