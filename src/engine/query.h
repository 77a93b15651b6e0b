/*
 * Queries: an immutable tree, evaluated here on a message and printed as IMAP SEARCH.
 * One table row a key (query_keys.c) knows its name, its kind and what it needs.
 *
 * Evaluation is three-valued: what is not known yet makes UNKNOWN and names what is
 * missing (a NEED_ mask, or a where function); a false operand of "and" or a true one
 * of "or" decides without it.  So bodies are read only when nothing cheaper decides.
 */
#ifndef ENGINE_QUERY_H
#define ENGINE_QUERY_H

#include "base/clock.h"
#include "base/regex.h"
#include "engine/wordlist.h"
#include "mail/message.h"

struct query;

enum query_op {
	OP_PRESENT,			/* bare key */
	OP_HAS,				/* substring, the default with a value */
	OP_IS, OP_STARTS, OP_ENDS,
	OP_GLOB,			/* whole value; * ? [set]; backslash quotes */
	OP_MATCHES,			/* PCRE2 */
	OP_DOMAIN,			/* that domain or one below it */
};
const char *query_op_name(enum query_op op);	/* "has", ...; "" for OP_PRESENT */
/* -1: no operator of that name. */
int query_op_find(struct view name);

struct query_value {
	enum { QV_TEXT, QV_NUMBER, QV_REGEX, QV_LIST } type;
	struct view	 text;		/* QV_TEXT */
	int64_t		 number;	/* QV_NUMBER: bytes, seconds, epoch or UID as the key wants */
	struct regex	*regex;		/* QV_REGEX; a reference is taken */
	struct wordlist	*list;		/* QV_LIST; a reference is taken */
};

/* ---- making (each returns a new reference; NULL and ERR_USAGE with did-you-mean) */
/*
 * key: a name of the table.  name: the argument of header() and flag(), else empty.
 * values: any of them; none means OP_PRESENT.  Texts are turned into what the key
 * wants: sizes ("5MB"), durations ("30d"), times ("2026-01-31", in zone z; NULL local).
 * Text keys refuse the operators that make no sense, number keys all but the default.
 */
struct query *query_key(struct view key, struct view name, enum query_op op,
	const struct query_value *values, size_t n, const struct zone *z, struct err *e) MUST_CHECK;
/*
 * A list goes with OP_HAS, OP_IS and OP_DOMAIN: of addresses, those that stand in it (also
 * by *@domain); of texts, OP_HAS: an entry stands somewhere in it.  A regex is OP_MATCHES
 * under OP_HAS too; a text given to OP_MATCHES is one without regard to case.
 * UIDs are numbers or texts as "7", "1:100,300:*".
 */
struct query *query_all(void);
struct query *query_none(void);
/*
 * a, b stay the caller's.  NULL: and, or, not would stand in each other over 200 deep
 * (chains of one kind, and ~~, add no depth).
 */
struct query *query_and(struct query *a, struct query *b);
struct query *query_or(struct query *a, struct query *b);
struct query *query_not(struct query *a);
struct query *query_where(uint32_t fn);				/* a function of the script, by number */
struct query *query_ref(struct query *q);
void query_free(struct query **q);

/* ---- asking about one */
/* The names of all keys, for did-you-mean and completion; NULL-terminated. */
const char *const *query_key_names(void);
bool query_key_takes_name(struct view key);	/* header, flag */
unsigned query_needs(const struct query *q);	/* NEED_* it may ask for, at most */
unsigned query_needs_first(const struct query *q);	/* those worth fetching at once: all but NEED_BODY */
bool query_uses_key(const struct query *q, const char *key);	/* "older", "here" in arrival rules */
bool query_has_where(const struct query *q);
/* Names of the captures that :matches in q can make (none below ~), each once; stops at max. */
size_t query_captures(const struct query *q, const char **names, size_t max);
/* IMAP SEARCH form ('FROM "boss" NOT SEEN'); what has none is printed as the key in { }. */
void query_print(const struct query *q, struct str *out);
/*
 * Does a hold whenever b holds, as far as their shapes tell (equal parts, "all", any of
 * more values)?  For unreachable rules; a "no" may be wrong, a "yes" is not.
 */
bool query_covers(const struct query *a, const struct query *b);
/* The first plain substring value with a "*" in it (someone meant :glob), or NULL. */
const char *query_star(const struct query *q);

/* ---- evaluating */
enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_UNKNOWN };

struct capture { char *name, *value; };
struct captures { VEC(struct capture) };
void captures_clear(struct captures *c);
/* The value, or NULL; of one name the last that held wins (keys that need less are asked first). */
const char *captures_get(const struct captures *c, struct view name);

struct where_answer { uint32_t fn; bool yes; };
struct query_ctx {
	struct message	*message;
	int64_t		 now;		/* epoch seconds */
	const struct zone *zone;	/* in which times given as text are read (the account's); NULL: as made */
	const struct flags *flags;	/* instead of the message's own (flags set by earlier rules); or NULL */
	unsigned	 blind;		/* NEED_ bits to treat as unknown though known (a later test of "after") */
	struct captures	*captures;	/* may be NULL */
	struct { VEC(struct where_answer) } where;	/* answers so far */
	/* out, with VERDICT_UNKNOWN: */
	unsigned	 missing;	/* NEED_ bits, the cheapest first; or 0: */
	uint32_t	 where_fn;	/* this function must be asked */
	struct err	 err;		/* a regex that hit a ceiling: the verdict is NO and this is set */
	struct err	 note;		/* a list that could not be read again: its old entries stand */
};
void query_ctx_free(struct query_ctx *c);
enum verdict query_eval(const struct query *q, struct query_ctx *c);

#endif
