/*
 * The arguments of one reply as a tree in an arena.  Built token by token, without
 * recursion; bounded in depth and in memory, literals included.  Built for replies whose
 * size is a message's or a mailbox's; lists of numbers do not come here.
 */
#ifndef PROTO_IMAP_TREE_H
#define PROTO_IMAP_TREE_H

#include "base/arena.h"
#include "proto/imap_lex.h"

#define IMAP_DEPTH_MAX	64u			/* lists in lists; what is deeper is left out */
#define IMAP_REPLY_MAX	((size_t)4 << 20)	/* memory of one reply */

enum node_kind {
	NODE_ATOM, NODE_QUOTED, NODE_LITERAL,
	NODE_SUNK,		/* a literal whose bytes went elsewhere: size */
	NODE_LIST,
};

struct imap_node {
	enum node_kind		 kind;
	struct view		 text;		/* NUL-terminated; empty for lists and sunk literals */
	uint64_t		 size;
	struct imap_node	*first;		/* of a list */
	struct imap_node	*next;
};

/* Zeroed is valid: no arguments. */
struct imap_tree {
	struct arena		 arena;		/* also for what is made of the tree */
	struct imap_node	*first;		/* the arguments */
	bool			 over;		/* no memory was left; the rest is left out */
	bool			 deep;		/* lists lay too deep and were left out */
	/* ---- inner: the open lists, and the place behind the last node of each */
	struct imap_node	*last[IMAP_DEPTH_MAX + 1];
	struct imap_node	*list[IMAP_DEPTH_MAX + 1];
	unsigned		 depth;
	uint64_t		 deeper;	/* lists open beyond the deepest one that is kept */
};

/*
 * Takes LEX_ATOM, QUOTED, LITERAL, BIG, OPEN, CLOSE; other kinds are ignored.  A list
 * left open ends with the reply, a closing parenthesis too many is ignored.
 */
void imap_tree_add(struct imap_tree *t, const struct lex_token *tok);
size_t imap_tree_room(const struct imap_tree *t);	/* bytes that a literal may still have */
void imap_tree_free(struct imap_tree *t);		/* back to empty */

/* ---- reading; n may be NULL */
/* NIL, "", () and nothing: servers take one for the other. */
bool node_is_none(const struct imap_node *n);
static inline bool node_is_list(const struct imap_node *n)
{ return n != NULL && n->kind == NODE_LIST; }
struct view node_text(const struct imap_node *n);	/* empty for what node_is_none(), and lists */
const struct imap_node *node_first(const struct imap_node *n);	/* of a list, else NULL */
const struct imap_node *node_nth(const struct imap_node *first, size_t n);
size_t node_count(const struct imap_node *first);	/* it and its next ones */
/*
 * A number as servers write them: a fraction or exponent ("9.37e+06"), a sign; clamped to
 * 0..max.  false: no number at all.
 */
bool imap_number(struct view v, uint64_t max, uint64_t *n_r);

#endif
