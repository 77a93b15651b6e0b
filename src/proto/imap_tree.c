/*
 * Tokens to a tree.  The open lists are a stack of fixed depth; what lies deeper is
 * counted, so that the closing parentheses still fit, and left out.  Memory is asked
 * before it is taken: the first node that does not fit ends the building, and the
 * reply is told as broken by who reads it.
 */
#include "proto/imap_tree.h"

#include "base/scan.h"

/* What a node may cost beside its text: itself, alignment, a block of the arena begun. */
#define NODE_COST	(sizeof(struct imap_node) + 64)

size_t
imap_tree_room(const struct imap_tree *t)
{
	size_t used = t->arena.total + NODE_COST;

	return t->over || used > IMAP_REPLY_MAX ? 0 : IMAP_REPLY_MAX - used;
}

/* At the end of the open list; NULL when it does not fit or lies too deep. */
static struct imap_node *
append(struct imap_tree *t, enum node_kind kind, struct view text)
{
	struct imap_node *n;

	if (t->deeper > 0 || t->over)
		return NULL;
	if (text.n + NODE_COST > IMAP_REPLY_MAX - MIN(t->arena.total, IMAP_REPLY_MAX)) {
		t->over = true;
		return NULL;
	}
	n = ARENA_NEW(&t->arena, struct imap_node);
	n->kind = kind;
	n->text = text.n > 0 ? arena_dup(&t->arena, text) : VIEW("");
	if (t->last[t->depth] != NULL)
		t->last[t->depth]->next = n;
	else if (t->depth > 0)
		t->list[t->depth]->first = n;
	else
		t->first = n;
	t->last[t->depth] = n;
	return n;
}

static void
open_list(struct imap_tree *t)
{
	struct imap_node *n;

	if (t->deeper > 0 || t->depth == IMAP_DEPTH_MAX) {
		t->deeper++;
		t->deep = true;
		return;
	}
	n = append(t, NODE_LIST, VIEW_NONE);
	if (n == NULL)
		return;
	t->depth++;
	t->list[t->depth] = n;
	t->last[t->depth] = NULL;
}

static void
close_list(struct imap_tree *t)
{
	if (t->deeper > 0)
		t->deeper--;
	else if (t->depth > 0)
		t->depth--;
}

void
imap_tree_add(struct imap_tree *t, const struct lex_token *tok)
{
	struct imap_node *n;

	switch (tok->kind) {
	case LEX_ATOM:
		(void)append(t, NODE_ATOM, tok->text);
		break;
	case LEX_QUOTED:
		(void)append(t, NODE_QUOTED, tok->text);
		break;
	case LEX_LITERAL:
		(void)append(t, NODE_LITERAL, tok->text);
		break;
	case LEX_BIG:
		n = append(t, NODE_SUNK, VIEW_NONE);
		if (n != NULL)
			n->size = tok->size;
		break;
	case LEX_OPEN:
		open_list(t);
		break;
	case LEX_CLOSE:
		close_list(t);
		break;
	default:
		break;
	}
}

void
imap_tree_free(struct imap_tree *t)
{
	arena_free(&t->arena);
	*t = (struct imap_tree){ 0 };
}

bool
node_is_none(const struct imap_node *n)
{
	if (n == NULL)
		return true;
	switch (n->kind) {
	case NODE_LIST:
		return n->first == NULL;
	case NODE_ATOM:
		return view_iis(n->text, "NIL");
	case NODE_SUNK:
		return false;
	default:
		return n->text.n == 0;
	}
}

struct view
node_text(const struct imap_node *n)
{
	return node_is_none(n) || n->kind == NODE_LIST ? VIEW("") : n->text;
}

const struct imap_node *
node_first(const struct imap_node *n)
{
	return node_is_list(n) ? n->first : NULL;
}

const struct imap_node *
node_nth(const struct imap_node *first, size_t n)
{
	while (n-- > 0 && first != NULL)
		first = first->next;
	return first;
}

size_t
node_count(const struct imap_node *first)
{
	size_t n = 0;

	for (; first != NULL; first = first->next)
		n++;
	return n;
}

/* Times ten, at most max. */
static uint64_t
shift_up(uint64_t n, unsigned digit, uint64_t max)
{
	return n > max / 10 || (n == max / 10 && digit > max % 10) ? max : n * 10 + digit;
}

/*
 * digits ["." digits] ["e" sign digits] by integers: the digits behind the point are
 * kept as long as the exponent may still move the point behind them.
 */
static bool
scan_decimal(struct scan *in, uint64_t max, uint64_t *n_r)
{
	uint64_t n = 0, exponent = 0;
	const char *begin = in->p;
	struct view fraction = VIEW_NONE;
	size_t moved = 0;

	for (; scan_peek(in) >= '0' && scan_peek(in) <= '9'; in->p++)
		n = shift_up(n, (unsigned)(*in->p - '0'), max);
	if (in->p == begin)
		return false;
	if (scan_char(in, '.')) {
		begin = in->p;
		while (scan_peek(in) >= '0' && scan_peek(in) <= '9')
			in->p++;
		fraction = view_n(begin, (size_t)(in->p - begin));
	}
	if (scan_lit(in, "e")) {
		bool down = scan_char(in, '-');

		(void)scan_char(in, '+');
		if (!scan_number(in, 30, &exponent))
			exponent = 30;
		for (; down && exponent > 0; exponent--)
			n /= 10;
	}
	for (; exponent > 0; exponent--, moved++)
		n = shift_up(n, moved < fraction.n ? (unsigned)(fraction.p[moved] - '0') : 0, max);
	*n_r = n;
	return true;
}

bool
imap_number(struct view v, uint64_t max, uint64_t *n_r)
{
	struct scan in = scan_of(v);
	bool minus = scan_char(&in, '-');

	(void)scan_char(&in, '+');
	if (!scan_decimal(&in, max, n_r))
		return false;
	if (minus)
		*n_r = 0;
	return true;
}
