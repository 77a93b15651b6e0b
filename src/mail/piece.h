/*
 * The pieces that address.c cuts an address list into, and what they spell.  Views
 * into the header's bytes.
 */
#ifndef MAIL_PIECE_H
#define MAIL_PIECE_H

#include "mail/address.h"

enum piece_kind { PIECE_ATOM, PIECE_QUOTED, PIECE_LITERAL, PIECE_AT };

struct piece {
	enum piece_kind	kind;
	bool		apart;		/* blanks or a comment stood before it */
	struct view	text;		/* as written; of a quoted string what is between the quotes */
};

struct pieces { VEC(struct piece) };

/* Buffers of piece_address(), reused; zeroed is valid. */
struct piece_scratch { struct str local, domain, text; };
void piece_scratch_free(struct piece_scratch *s);

/* RFC 5322, 3.2.3: atext and "."; 8-bit by RFC 6532. */
bool piece_dot_atom(struct view v);
/* Appends v without the backslashes of quoted pairs. */
void piece_unescape(struct str *out, struct view v);
/* Appends the pieces as a phrase, blanks as one blank, not yet decoded. */
void piece_phrase(struct str *out, const struct piece *p, size_t n);
/*
 * The address that the pieces spell into a's address, local_part and domain; false:
 * they spell none that could be used, all three are empty.
 */
bool piece_address(struct arena *arena, struct piece_scratch *s, const struct piece *p, size_t n,
	struct address *a);
/*
 * One past the pieces that belong to the word that begins at i: no blanks in it but
 * around "@", and around dots behind it (RFC 5322, 4.4: "a @ b . c").
 */
size_t piece_word_end(const struct pieces *ps, size_t i, bool *has_at_r);
/* The last word with an "@"; false: there is none.  *all_r: every word has one. */
bool piece_find_word(const struct pieces *ps, size_t *from_r, size_t *to_r, bool *all_r);

#endif
