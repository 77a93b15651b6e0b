/*
 * An index over the header block of a message or part: names and raw values as
 * views into the caller's bytes.  CRLF, LF, CR CR LF and mixed accepted; a lone CR only
 * where the first line ends with one (line.h).
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/str.h"
#include "base/vec.h"

#define HEADER_BLOCK_MAX	((size_t)1 << 20)	/* bytes from which fields are taken */
#define HEADER_FIELD_MAX	((size_t)256 << 10)	/* bytes of one value that are decoded */
#define HEADER_COUNT_MAX	10000u

struct header_field {
	struct view	name;	/* as written, trailing blanks removed */
	struct view	raw;	/* value, still folded, without the final line break */
};
struct header {
	VEC(struct header_field)
	/*
	 * Offset of the first byte after the empty line.  Without one: of the end, or of lines
	 * behind the last field that are no field; 0 where no line is a field at all.
	 */
	size_t	body;
	bool	ended;		/* the empty line (or end of fields) was seen within the bytes */
	bool	over;		/* a ceiling was hit; the rest was left out */
	bool	broken;		/* a line that is no field was skipped, or ended the header of a part */
};

/* top: skip a leading "From " line and leading empty lines (top of a message, not of a part). */
void header_index(struct header *h, struct view bytes, bool top);
void header_free(struct header *h);
/* The n-th field (0 first) of that name (ASCII case-insensitive), or NULL. */
const struct header_field *header_get(const struct header *h, struct view name, size_t nth);
/* Appends the value unfolded to one line of valid UTF-8, not decoded by RFC 2047. */
void header_unfold(struct str *out, struct view raw);

#endif
