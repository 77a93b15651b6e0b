/* What mime.c (the tree) and mime_part.c (what a part says of itself) share. */
#ifndef MAIL_MIME_INT_H
#define MAIL_MIME_INT_H

#include "mail/mime.h"

#define MIME_MAGIC	0x4d696d65u

enum part_kind { PART_LEAF, PART_MULTIPART, PART_DIGEST, PART_MESSAGE };

struct part_info {
	struct view		type, filename, disposition, cid;
	const struct param	*params;	/* of Content-Type */
	size_t			nparams;
	enum encoding		encoding;
};

/*
 * start <= body <= end <= bytes.n; the header is [start, body), the body [body, end).
 * Without bytes only end - body, the size, means something.
 * Children of p follow p in the array; last is the newest of them.
 */
struct part {
	size_t			 start, body, end;
	struct part_info	*info;		/* NULL until asked for */
	part_id			 parent, next, last;
	uint16_t		 ordinal;	/* among its siblings, from 1 */
	uint8_t			 depth, kind, defects;
};

struct mime {
	uint32_t	magic;
	struct view	bytes;
	size_t		dropped;	/* how many there were before mime_drop_bytes() */
	struct arena	arena;
	VEC(struct part)
};

/* Adds a child (parent PART_NONE: the root); PART_NONE, with a defect, over a ceiling. */
part_id part_add(struct mime *m, part_id parent);
struct part *part_at(const struct mime *m, part_id p);
/* The four values as they stand in the header of a part, folded; may be empty. */
struct part_raw { struct view type, disposition, encoding, cid; };
void part_raw_read(const struct header *h, struct part_raw *raw_r);
void part_info_make(struct mime *m, part_id p, const struct part_raw *raw);
struct part_info *part_info(struct mime *m, part_id p);
/* "text/plain" of what stands before the first ";"; empty when it is no type. */
struct view part_type_clean(struct arena *a, struct view value);
enum encoding part_encoding_read(struct view raw);

#endif
