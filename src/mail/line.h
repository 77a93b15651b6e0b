/*
 * Lines of mail: CRLF, LF and CR CR LF end one; a lone CR only in bytes whose first
 * line ends with it (a message of that kind), else it is a byte like any other.
 * And what a line can be inside a header block.  Linear, whatever the bytes.
 */
#ifndef MAIL_LINE_H
#define MAIL_LINE_H

#include "base/str.h"

struct lines {
	struct view	bytes;
	size_t		at;	/* where the next line begins */
	size_t		lf;	/* the first LF at or behind at; SIZE_MAX: not looked for */
	bool		cr;	/* a lone CR ends a line */
};
struct line {
	size_t		at;	/* offset of its first byte */
	size_t		next;	/* offset of the line behind it */
	struct view	text;	/* without the line break */
};

enum line_kind {
	LINE_EMPTY,
	LINE_FOLD,		/* begins with a blank or tab */
	LINE_FIELD,		/* "Name:", blanks before the colon allowed */
	LINE_FROM,		/* mbox "From " or ">From " */
	LINE_JUNK,		/* none of these */
};

void lines_begin(struct lines *l, struct view bytes);
void lines_seek(struct lines *l, size_t at);
bool lines_next(struct lines *l, struct line *line_r);
/* *name_r: the name of a field, without blanks behind it; the value begins at *value_r. */
enum line_kind line_kind(struct view text, struct view *name_r, size_t *value_r);

#endif
