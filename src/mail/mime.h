/*
 * The MIME index of one message: a flat array of parts in depth-first order, each
 * 56 bytes, made from whole bytes, from a header alone, or (by mime_add, from a
 * BODYSTRUCTURE reply) without any bytes; the accessors do not differ.  Offsets are
 * of raw bytes.  Bounded, linear, no recursion.  All decoding is lazy.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "base/arena.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/param.h"

#define MIME_DEPTH_MAX		64u
#define MIME_PARTS_MAX		10000u
#define MIME_DECODED_MAX	((size_t)128 << 20)	/* decoded bytes of one message */

struct mime;
typedef uint32_t part_id;		/* index into the array; 0 is the message itself */
#define PART_NONE UINT32_MAX

enum part_defect {			/* or-ed; of a part */
	MIME_NO_BOUNDARY = 1,		/* multipart/x without a boundary: treated as a leaf */
	MIME_UNCLOSED = 2,		/* its end delimiter is missing */
	MIME_TOO_DEEP = 4, MIME_TOO_MANY = 8,	/* below it nothing was indexed */
};

/* ---- making one.  bytes are borrowed and must outlive the index. */
struct mime *mime_new(struct view bytes);		/* a whole message */
struct mime *mime_new_header(struct view header);	/* only its header: part 0 alone, no bodies */
/* From facts (BODYSTRUCTURE): parts are added in depth-first order. */
struct mime_facts {
	struct view	type;			/* "text/plain" */
	/* Of Content-Type; values as the server sent them (RFC 2231 and 2047 are undone here). */
	const struct param *params; size_t nparams;
	struct view	disposition;		/* "attachment", or empty */
	const struct param *disp_params; size_t ndisp_params;
	struct view	encoding, cid;
	size_t		size;			/* encoded bytes */
};
struct mime *mime_new_facts(void);
/* parent PART_NONE: the root.  PART_NONE over a ceiling: leave out what is below it too. */
part_id mime_add(struct mime *m, part_id parent, const struct mime_facts *f);
/* Forgets the bytes; all that the parts say of themselves stays. */
void mime_drop_bytes(struct mime *m);
/* The same bytes again, after mime_drop_bytes(); false when these have another length. */
bool mime_take_bytes(struct mime *m, struct view bytes);
void mime_free(struct mime **m);
size_t mime_held(const struct mime *m);	/* bytes of memory, about, the message not counted */

/* ---- shape */
size_t mime_count(const struct mime *m);
part_id mime_parent(const struct mime *m, part_id p);
part_id mime_child(const struct mime *m, part_id p);	/* first, or PART_NONE */
part_id mime_next(const struct mime *m, part_id p);	/* next sibling, or PART_NONE */
unsigned mime_depth(const struct mime *m, part_id p);
unsigned mime_defects(const struct mime *m, part_id p);	/* part_defect */
/*
 * IMAP part number, appended: "1.2"; a root that is a leaf is "1", one that is a multipart
 * "TEXT" (RFC 9051 gives it no number), the multipart of a message in part 2 "2.TEXT".
 */
void mime_number(const struct mime *m, part_id p, struct str *out);
part_id mime_find_number(const struct mime *m, struct view number);

/* ---- what a part says of itself; strings live as long as the index; lower-case where noted */
struct view mime_type(struct mime *m, part_id p);		/* "text/plain", lower-case, defaulted */
bool mime_type_is(struct mime *m, part_id p, struct view pattern);	/* a type, "image/" and a star, or a star alone */
struct view mime_charset(struct mime *m, part_id p);		/* label or empty */
struct view mime_filename(struct mime *m, part_id p);		/* decoded, as sent, or empty */
/* For saving: base name, control and path bytes removed, <= 255 bytes, never empty, ".", "..". */
void mime_safe_name(struct mime *m, part_id p, struct str *out);
struct view mime_disposition(struct mime *m, part_id p);	/* "inline", "attachment", or empty */
struct view mime_cid(struct mime *m, part_id p);		/* without < > */
struct view mime_param(struct mime *m, part_id p, const char *name);	/* of Content-Type, decoded */
enum encoding mime_encoding(struct mime *m, part_id p);
/* A leaf or embedded message with a file name or disposition attachment, images with a cid
 * excepted unless their disposition is attachment. */
bool mime_is_attachment(struct mime *m, part_id p);
bool mime_is_leaf(const struct mime *m, part_id p);
size_t mime_size(const struct mime *m, part_id p);		/* raw (encoded) bytes of the body */

/* ---- bytes (empty when the index was made without) */
struct view mime_header_bytes(const struct mime *m, part_id p);
struct view mime_body_bytes(const struct mime *m, part_id p);	/* still encoded */
/* Appends the body with its transfer encoding undone, at most MIME_DECODED_MAX. */
void mime_bytes(struct mime *m, part_id p, struct str *out);
/* Appends the text as UTF-8: decoded, charset undone, CRLF and CR to LF. */
void mime_text(struct mime *m, part_id p, struct str *out);

#endif
