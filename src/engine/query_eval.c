/*
 * Evaluation: three-valued, cheap operands first.
 *
 * The operands of "and" and "or" are asked in the order of what they need (facts, header,
 * body, where function), those of one cost in the order of the script.  An operand that
 * decides ends it; else what is missing for the cheapest undecided one is reported, so
 * that a body is fetched only when no header decides, and a function asked only when
 * nothing else does.
 *
 * Captures are collected on the way and dropped again by every node that does not hold;
 * they reach the caller only with the verdict YES.  An error of a pattern ends the whole:
 * its verdict would be a guess, and so would be the contrary of it.
 */
#include "engine/query_int.h"

#include "base/utf8.h"

#define CAPTURE_MAX	((size_t)64 << 10)	/* bytes of one value */

/* ---- captures */

static void
captures_cut(struct captures *c, size_t n)
{
	while (c->n > n) {
		struct capture last = VEC_POP(c);

		free(last.name);
		free(last.value);
	}
}

void
captures_clear(struct captures *c)
{
	captures_cut(c, 0);
	VEC_FREE(c);
}

const char *
captures_get(const struct captures *c, struct view name)
{
	for (size_t i = c->n; i > 0; i--)
		if (view_is(name, c->at[i - 1].name))
			return c->at[i - 1].value;
	return NULL;
}

/* Moves what was got into c, each name once. */
static void
captures_move(struct captures *c, struct captures *got)
{
	for (size_t i = 0; i < got->n; i++) {
		size_t at = 0;

		while (at < c->n && strcmp(c->at[at].name, got->at[i].name) != 0)
			at++;
		if (at == c->n) {
			VEC_PUSH(c, got->at[i]);
			continue;
		}
		free(c->at[at].name);
		free(c->at[at].value);
		c->at[at] = got->at[i];
	}
	got->n = 0;
}

void
eval_capture(struct eval *ev, const char *name, struct view value)
{
	struct capture c;

	if (ev->ctx->captures == NULL)
		return;
	c.name = xstrdup(name);
	c.value = view_dup(view_sub(value, 0, utf8_clip(value, CAPTURE_MAX)));
	VEC_PUSH(&ev->got, c);
}

/* ---- what is missing */

/* The cheapest stays; of one cost all that is missing, but one function at a time. */
static void
note_missing(struct eval *ev, enum query_cost cost, unsigned need, uint32_t fn)
{
	if (cost > ev->missing_cost)
		return;
	if (cost < ev->missing_cost) {
		ev->missing = 0;
		ev->where_fn = fn;
	}
	ev->missing_cost = cost;
	ev->missing |= need;
}

void
eval_missing(struct eval *ev, unsigned need)
{
	unsigned facts = need & NEED_FACTS, header = need & (NEED_HEADER | NEED_STRUCTURE);

	if (facts != 0)
		note_missing(ev, COST_FACTS, facts, 0);
	else if (header != 0)
		note_missing(ev, COST_HEADER, header, 0);
	else if (need != 0)
		note_missing(ev, COST_BODY, need, 0);
}

void
eval_error(struct eval *ev, const struct err *e)
{
	if (!err_is(&ev->ctx->err))
		ev->ctx->err = *e;
}

/* ---- nodes */

static void
refresh_lists(struct eval *ev, const struct query *q)
{
	for (size_t i = 0; i < q->values.n; i++)
		if (q->values.at[i].list != NULL)
			(void)!wordlist_refresh(q->values.at[i].list, ev->ctx->now * 1000,
			    &ev->ctx->note);
}

static enum verdict
eval_key(struct eval *ev, const struct query *q)
{
	unsigned unknown = q->need & ~ev->have;

	if (unknown != 0 && !q->row->stepwise) {
		eval_missing(ev, unknown);
		return VERDICT_UNKNOWN;
	}
	refresh_lists(ev, q);
	if (q->row->holds(ev, q))
		return VERDICT_YES;
	if (unknown == 0)
		return VERDICT_NO;
	return VERDICT_UNKNOWN;
}

static enum verdict
eval_where(struct eval *ev, const struct query *q)
{
	const struct query_ctx *c = ev->ctx;

	for (size_t i = 0; i < c->where.n; i++)
		if (c->where.at[i].fn == q->fn)
			return c->where.at[i].yes ? VERDICT_YES : VERDICT_NO;
	note_missing(ev, COST_WHERE, 0, q->fn);
	return VERDICT_UNKNOWN;
}

static enum verdict eval_node(struct eval *ev, const struct query *q);

/* decides: the verdict of an operand that ends it (NO of "and", YES of "or"). */
static enum verdict
eval_operands(struct eval *ev, const struct query *q, enum verdict decides)
{
	enum verdict all = decides == VERDICT_NO ? VERDICT_YES : VERDICT_NO;

	for (int cost = COST_FACTS; cost <= (int)q->cost; cost++) {
		for (size_t i = 0; i < q->kids.n; i++) {
			enum verdict v;

			if ((int)q->kids.at[i]->cost != cost)
				continue;
			v = eval_node(ev, q->kids.at[i]);
			if (v == decides || err_is(&ev->ctx->err))
				return v;
			if (v == VERDICT_UNKNOWN)
				all = VERDICT_UNKNOWN;
		}
	}
	return all;
}

/* Depth is bounded by QUERY_DEPTH_MAX. */
static enum verdict
eval_node(struct eval *ev, const struct query *q)
{
	size_t had = ev->got.n;
	enum verdict v = VERDICT_NO;

	switch (q->kind) {
	case QUERY_ALL:
		v = VERDICT_YES;
		break;
	case QUERY_NONE:
		break;
	case QUERY_KEY:
		v = eval_key(ev, q);
		break;
	case QUERY_AND:
		v = eval_operands(ev, q, VERDICT_NO);
		break;
	case QUERY_OR:
		v = eval_operands(ev, q, VERDICT_YES);
		break;
	case QUERY_NOT:
		v = eval_node(ev, q->kids.at[0]);
		captures_cut(&ev->got, had);
		v = v == VERDICT_UNKNOWN ? v : v == VERDICT_YES ? VERDICT_NO : VERDICT_YES;
		break;
	case QUERY_WHERE:
		v = eval_where(ev, q);
		break;
	}
	if (v != VERDICT_YES)
		captures_cut(&ev->got, had);
	return v;
}

/* What is known of the message; who has the whole has its header and its parts. */
static unsigned
known(const struct query_ctx *c)
{
	unsigned have = message_have(c->message);

	if (have & NEED_BODY)
		have |= NEED_HEADER | NEED_STRUCTURE;
	if (c->flags != NULL)
		have |= NEED_FLAGS;
	return have & ~c->blind;
}

void
query_ctx_free(struct query_ctx *c)
{
	VEC_FREE(&c->where);
}

enum verdict
query_eval(const struct query *q, struct query_ctx *c)
{
	struct eval ev = { .ctx = c, .message = c->message, .have = known(c),
		.missing_cost = COST_COUNT };
	enum verdict v;

	CHECK(q, QUERY_MAGIC);
	c->missing = 0;
	c->where_fn = 0;
	c->err = ERR_NONE;
	c->note = ERR_NONE;
	v = eval_node(&ev, q);
	if (err_is(&c->err))
		v = VERDICT_NO;
	if (v == VERDICT_UNKNOWN) {
		c->missing = ev.missing;
		c->where_fn = ev.where_fn;
	}
	if (v == VERDICT_YES && c->captures != NULL)
		captures_move(c->captures, &ev.got);
	captures_clear(&ev.got);
	str_free(&ev.scratch);
	str_free(&ev.key);
	return v;
}
