/* What the files of queries share: the node, its values, the table of keys. */
#ifndef ENGINE_QUERY_INT_H
#define ENGINE_QUERY_INT_H

#include "engine/query.h"

#define QUERY_MAGIC	0x71757279u
#define QUERY_DEPTH_MAX	200u		/* of and, or, not in each other */
#define QUERY_SET_MIN	8u		/* so many plain texts become a hash */

enum query_kind { QUERY_ALL, QUERY_NONE, QUERY_KEY, QUERY_AND, QUERY_OR, QUERY_NOT, QUERY_WHERE };

/* What a key's values are. */
enum key_kind {
	KEY_CONST,		/* all, none */
	KEY_TEXT,
	KEY_ADDRESS,
	KEY_FLAG,		/* no values */
	KEY_SIZE, KEY_AGE, KEY_TIME, KEY_DAY, KEY_UID,
};

/* The order in which operands are looked at: what is cheap decides first. */
enum query_cost { COST_FACTS, COST_HEADER, COST_BODY, COST_WHERE, COST_COUNT };

struct value {
	int		 type;		/* of enum in query_value */
	char		*text;		/* QV_TEXT: as it was given */
	struct str	 key;		/* ... its casemap key; of OP_MATCHES unused */
	struct regex	*regex;		/* QV_REGEX, and QV_TEXT with OP_MATCHES */
	struct wordlist	*list;		/* QV_LIST */
	int64_t		 lo, hi;	/* numbers; of a day or a UID range both, hi included */
	char		 day[16];	/* "31-Jan-2026" when lo is a day's beginning in its zone */
};

struct eval;
struct key_row {
	const char	*name;
	enum key_kind	 kind;
	unsigned	 need;			/* at most */
	const char	*imap;			/* SEARCH key; NULL: none */
	const char	*const *headers;	/* KEY_ADDRESS, NULL-terminated */
	unsigned	 flag;			/* KEY_FLAG: system flag, 0: by name */
	bool		 negated;		/* KEY_FLAG: holds without it */
	int		 field;			/* KEY_TEXT: enum message_field; -1: none */
	bool		 has_domain;		/* KEY_TEXT: OP_DOMAIN makes sense */
	bool		 takes_name;
	const char	*example;		/* a right use of a number key */
	/*
	 * Called when all of `need` is known; stepwise: whatever is known, and says by
	 * eval_missing() what it could not look at.
	 */
	bool		(*holds)(struct eval *ev, const struct query *q);
	bool		 stepwise;
};

struct query {
	uint32_t	 magic;
	int		 refs;
	enum query_kind	 kind;
	enum query_cost	 cost;		/* the dearest below */
	unsigned	 need;		/* NEED_ bits, at most */
	unsigned	 depth;
	bool		 has_where;
	/* QUERY_KEY */
	const struct key_row *row;
	enum query_op	 op;
	char		*name;		/* of header and flag */
	unsigned	 flag;		/* flag("seen"): its bit; 0: the keyword `name` */
	struct { VEC(struct value) } values;
	struct wordlist	*set;		/* instead of looking at each of many plain texts */
	/* QUERY_AND, QUERY_OR: two or more, in the order of the script; QUERY_NOT: one */
	struct { VEC(struct query *) } kids;
	/* QUERY_WHERE */
	uint32_t	 fn;
};

/* One evaluation. */
struct eval {
	struct query_ctx *ctx;
	struct message	*message;
	unsigned	 have;		/* NEED_ bits that are known */
	struct captures	 got;		/* of what held so far */
	struct str	 scratch, key;	/* one decoded value; its casemap key */
	/* what is missing, the cheapest of it: */
	enum query_cost	 missing_cost;
	unsigned	 missing;
	uint32_t	 where_fn;
};

/* ---- query_keys.c */
const struct key_row *key_find(struct view name);	/* NULL: none */

/* ---- query_match.c: one decoded text against the values of a key */
bool match_text(struct eval *ev, const struct query *q, struct view text);
bool match_address(struct eval *ev, const struct query *q, const struct address *a);
bool glob_valid(struct view pattern_key);
bool glob_match(struct view pattern_key, struct view key);

/* ---- query_value.c: what a script gave, turned into what the key wants */
/* The bounds of a time key's value, read in this zone (NULL: in the one it was made in). */
void value_times(const struct value *v, const struct query *q, const struct zone *z, int64_t *lo_r,
	int64_t *hi_r);
int value_add(struct query *q, const struct query_value *v, const struct zone *z, struct err *e)
	MUST_CHECK;
void value_free(struct value *v);
/* What of the text is compared: without blanks around it, a domain without its "@". */
struct view value_plain(const struct query *q, struct view text);

/* ---- query_eval.c */
void eval_missing(struct eval *ev, unsigned need);	/* the key cannot say without it */
void eval_error(struct eval *ev, const struct err *e);
void eval_capture(struct eval *ev, const char *name, struct view value);

#endif
