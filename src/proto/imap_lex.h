/*
 * What an IMAP server sends, as tokens (RFC 9051, 9; RFC 3501).  Bytes may come cut
 * anywhere: the same tokens come out, a literal too large for memory apart, whose
 * pieces come as they are.
 *
 * A line ends at CRLF that no literal count stands before, and nowhere else: a bare CR
 * or LF is a byte like any other, so that the text of a mail can never become a line.  A line
 * that cannot be read is skipped to its end (its literals counted) and told by LEX_BAD.
 */
#ifndef PROTO_IMAP_LEX_H
#define PROTO_IMAP_LEX_H

#include "base/err.h"
#include "base/str.h"

#define IMAP_STRING_MAX	((size_t)64 << 10)	/* bytes of an atom or a quoted string */
#define IMAP_TEXT_MAX	((size_t)4 << 20)	/* of the text of OK, NO, BAD, BYE, PREAUTH, "+" */
#define IMAP_LINE_MAX	((size_t)8 << 20)	/* of a line without its literals, lists of numbers apart */
#define IMAP_SKIP_MAX	((size_t)64 << 20)	/* of one that is skipped: longer, and the session ends */
#define IMAP_MEMORY_MAX	((size_t)1 << 20)	/* of a literal that comes as one token */
#define IMAP_LITERAL_MAX ((uint64_t)1 << 40)	/* a larger count cannot be meant: the session ends */

enum lex_kind {
	/* ---- the head: always LEX_TAG, then (behind "*") a number or none, then a name */
	LEX_TAG,		/* a tag, "*" or "+" */
	LEX_NUMBER,
	LEX_NAME,		/* "FETCH", "OK"; missing where a text begins with "[" at once */
	/* ---- the rest */
	LEX_ATOM,		/* with a section in one piece: "BODY[HEADER.FIELDS (To)]<0>" */
	LEX_QUOTED, LEX_LITERAL,	/* unescaped */
	LEX_OPEN, LEX_CLOSE,	/* of a list */
	LEX_TEXT,		/* the rest of the line, after a condition or "+"; may be empty */
	LEX_BIG,		/* a literal that does not fit: size */
	LEX_DATA,		/* some of its bytes; last with the last */
	LEX_END,		/* of a line */
	LEX_BAD,		/* of a line that could not be read: why */
};

struct lex_token {
	enum lex_kind	 kind;
	struct view	 text;		/* until the next call */
	uint64_t	 size;
	bool		 last;
	bool		 limit;		/* of LEX_BAD: a ceiling of ours, not the server's fault */
	const char	*why;
};

/* Zeroed is the beginning of a session, but for literal_max. */
struct imap_lex {
	/* What fits of a literal, in memory; the owner may lower it between tokens. */
	size_t		 literal_max;
	/* ---- inner: of the token */
	struct str	 buf;
	unsigned	 state;
	bool		 cr;		/* a CR came and its meaning is open */
	bool		 in_quote;	/* in a section */
	/* ---- of "{123}": how far it was read, its length as written, its number */
	unsigned	 brace;
	size_t		 brace_len;
	uint64_t	 brace_n;
	/* ---- of the literal that is being read */
	uint64_t	 left;
	unsigned	 literal;
	/* ---- of the line */
	unsigned	 mode, words;
	bool		 tagged, fetch, in_text, why_limit;
	size_t		 line;		/* bytes without literals */
	const char	*why;
	size_t		 excerpt_n;
	char		 excerpt[120];	/* its beginning, for the log */
};

/*
 * Takes bytes off the front of *in until a token is whole.  1: *t is one; 0: all of *in is
 * used up; -1: the stream cannot be followed any more (ERR_PROTO, scope session).
 */
int imap_lex_next(struct imap_lex *lx, struct view *in, struct lex_token *t, struct err *e)
	MUST_CHECK;
/* The beginning of the line being read, or of the one that just ended. */
struct view imap_lex_excerpt(const struct imap_lex *lx);
/* Between two lines: nothing of the next one has come. */
bool imap_lex_idle(const struct imap_lex *lx);
void imap_lex_free(struct imap_lex *lx);

#endif
