/*
 * Queries as values: made from keys and from each other, and asked about themselves.
 *
 * Nodes are immutable and shared by reference, so parts may stand in many queries.
 * Chains of "and" and of "or" become one node with many operands, and ~~q is q; so depth
 * comes only from changing between them, and QUERY_DEPTH_MAX bounds every walk here and
 * in evaluation, which are recursive over that depth.
 * Not here: values (query_value.c), evaluation (query_eval.c), printing (query_imap.c).
 */
#include "engine/query.h"

#include "base/near.h"
#include "engine/query_int.h"

#define SET_TEXT_MAX	((size_t)1024)	/* longer texts are compared one by one */
#define COVERS_STEPS	10000u		/* then "no": a warning less, never a false one */

static const char *const op_names[] = {
	[OP_PRESENT] = "", [OP_HAS] = "has", [OP_IS] = "is", [OP_STARTS] = "starts",
	[OP_ENDS] = "ends", [OP_GLOB] = "glob", [OP_MATCHES] = "matches", [OP_DOMAIN] = "domain",
};

const char *
query_op_name(enum query_op op)
{
	assert((size_t)op < ARRAY_LEN(op_names));
	return op_names[op];
}

int
query_op_find(struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(op_names); i++)
		if (name.n > 0 && view_is(name, op_names[i]))
			return (int)i;
	return -1;
}

/* ---- making */

static struct query *
node_new(enum query_kind kind)
{
	struct query *q = xcalloc(1, sizeof(*q));

	q->magic = QUERY_MAGIC;
	q->refs = 1;
	q->kind = kind;
	q->depth = 1;
	return q;
}

struct query *
query_ref(struct query *q)
{
	CHECK(q, QUERY_MAGIC);
	q->refs++;
	return q;
}

void
query_free(struct query **qp)
{
	struct query *q = *qp;

	*qp = NULL;
	if (q == NULL)
		return;
	CHECK(q, QUERY_MAGIC);
	if (--q->refs > 0)
		return;
	for (size_t i = 0; i < q->kids.n; i++)
		query_free(&q->kids.at[i]);
	VEC_FREE(&q->kids);
	for (size_t i = 0; i < q->values.n; i++)
		value_free(&q->values.at[i]);
	VEC_FREE(&q->values);
	wordlist_free(&q->set);
	free(q->name);
	q->magic = 0;
	free(q);
}

static const struct key_row *
find_row(struct view key, struct err *e)
{
	const struct key_row *row = key_find(key);
	const char *const *names = query_key_names();
	size_t n = 0;
	int near;

	if (row != NULL)
		return row;
	while (names[n] != NULL)
		n++;
	near = near_find(key, names, n);
	if (near >= 0)
		err_set(e, ERR_USAGE, SCOPE_PROGRAM, "no search key '%.*s'; did you mean '%s'?",
		    (int)MIN(key.n, 60), key.p != NULL ? key.p : "", names[near]);
	else
		err_set(e, ERR_USAGE, SCOPE_PROGRAM, "no search key '%.*s'",
		    (int)MIN(key.n, 60), key.p != NULL ? key.p : "");
	return NULL;
}

/* RFC 5322, 3.6.8: printable ASCII without a colon. */
static bool
is_header_name(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] > '~' || v.p[i] == ':')
			return false;
	return v.n > 0 && v.n <= 200;
}

/* The argument of header() and flag(). */
static int
set_name(struct query *q, struct view name, struct err *e)
{
	struct view keyword;

	if (!q->row->takes_name) {
		if (name.n == 0)
			return 0;
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "q.%s takes no name", q->row->name);
	}
	if (name.n == 0)
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "q.%s wants a name, as in q.%s",
		    q->row->name, q->row->example);
	if (q->row->kind == KEY_FLAG) {
		if (flag_parse(name, &q->flag, &keyword, e) < 0)
			return -1;
		q->name = q->flag == 0 ? view_dup(keyword) : NULL;
		return 0;
	}
	if (!is_header_name(name))
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "q.header: \"%.*s\" is no header's name, as in q.%s",
		    (int)MIN(name.n, 60), name.p, q->row->example);
	q->name = view_dup(name);
	return 0;
}

/* Do the operator and the number of values go with the key? */
static int
check_op(struct query *q, size_t n, struct err *e)
{
	const char *name = q->row->name;

	if (n == 0 && q->op == OP_HAS)
		q->op = OP_PRESENT;
	if (n > 0 && q->op == OP_PRESENT)
		q->op = OP_HAS;
	switch (q->row->kind) {
	case KEY_CONST:
	case KEY_FLAG:
		if (n == 0 && q->op == OP_PRESENT)
			return 0;
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "q.%s takes no value: it holds or not; the contrary is ~q.%s", name, name);
	case KEY_TEXT:
	case KEY_ADDRESS:
		if (n == 0 && q->op != OP_PRESENT)
			return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "q.%s:%s wants a text", name,
			    query_op_name(q->op));
		if (q->op == OP_DOMAIN && q->row->kind == KEY_TEXT && !q->row->has_domain)
			return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
			    "q.%s has no domain; :domain goes with addresses and list_id", name);
		return 0;
	default:
		if (q->op == OP_HAS)
			return 0;
		if (n > 0)
			return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
			    "q.%s is a number and has no :%s; a right use is q.%s", name,
			    query_op_name(q->op), q->row->example);
		return err_set(e, ERR_USAGE, SCOPE_PROGRAM, "q.%s wants a value, as in q.%s", name,
		    q->row->example);
	}
}

/* Many plain texts are one look-up instead of as many comparisons. */
static void
make_set(struct query *q)
{
	struct { VEC(struct view) } texts = { 0 };

	if (q->op != OP_HAS && q->op != OP_IS && q->op != OP_DOMAIN)
		return;
	for (size_t i = 0; i < q->values.n; i++) {
		const struct value *v = &q->values.at[i];

		if (v->type != QV_TEXT)
			continue;
		if (v->key.len == 0 || v->key.len > SET_TEXT_MAX)
			goto out;
		VEC_PUSH(&texts, value_plain(q, view_of(v->text)));
	}
	if (texts.n >= QUERY_SET_MIN)
		q->set = wordlist_of(texts.at, texts.n);
out:
	VEC_FREE(&texts);
}

static enum query_cost
need_cost(unsigned need)
{
	return need & NEED_BODY ? COST_BODY :
	    need & (NEED_HEADER | NEED_STRUCTURE) ? COST_HEADER : COST_FACTS;
}

struct query *
query_key(struct view key, struct view name, enum query_op op, const struct query_value *values,
	size_t n, const struct zone *z, struct err *e)
{
	const struct key_row *row = find_row(key, e);
	struct query *q;

	if (row == NULL)
		return NULL;
	q = node_new(row->kind != KEY_CONST ? QUERY_KEY :
	    row->imap != NULL ? QUERY_ALL : QUERY_NONE);
	q->row = row;
	q->op = op;
	q->need = row->need;
	q->cost = need_cost(row->need);
	if (set_name(q, name, e) < 0 || check_op(q, n, e) < 0)
		goto fail;
	for (size_t i = 0; i < n; i++)
		if (value_add(q, &values[i], z, e) < 0)
			goto fail;
	make_set(q);
	return q;
fail:
	query_free(&q);
	return NULL;
}

struct query *
query_all(void)
{
	return node_new(QUERY_ALL);
}

struct query *
query_none(void)
{
	return node_new(QUERY_NONE);
}

static void
add_kid(struct query *q, struct query *kid)
{
	VEC_PUSH(&q->kids, query_ref(kid));
	q->need |= kid->need;
	q->cost = MAX(q->cost, kid->cost);
	q->depth = MAX(q->depth, kid->depth + 1);
	q->has_where |= kid->has_where;
}

/* An operand of the same kind gives its operands. */
static void
add_operand(struct query *q, struct query *part)
{
	CHECK(part, QUERY_MAGIC);
	if (part->kind != q->kind) {
		add_kid(q, part);
		return;
	}
	for (size_t i = 0; i < part->kids.n; i++)
		add_kid(q, part->kids.at[i]);
}

static struct query *
join(enum query_kind kind, struct query *a, struct query *b)
{
	struct query *q = node_new(kind);

	add_operand(q, a);
	add_operand(q, b);
	if (q->depth > QUERY_DEPTH_MAX)
		query_free(&q);
	return q;
}

struct query *
query_and(struct query *a, struct query *b)
{
	return join(QUERY_AND, a, b);
}

struct query *
query_or(struct query *a, struct query *b)
{
	return join(QUERY_OR, a, b);
}

struct query *
query_not(struct query *a)
{
	struct query *q;

	CHECK(a, QUERY_MAGIC);
	if (a->kind == QUERY_NOT)
		return query_ref(a->kids.at[0]);
	q = node_new(QUERY_NOT);
	add_kid(q, a);
	if (q->depth > QUERY_DEPTH_MAX)
		query_free(&q);
	return q;
}

struct query *
query_where(uint32_t fn)
{
	struct query *q = node_new(QUERY_WHERE);

	q->fn = fn;
	q->cost = COST_WHERE;
	q->has_where = true;
	return q;
}

/* ---- asking */

unsigned
query_needs(const struct query *q)
{
	CHECK(q, QUERY_MAGIC);
	return q->need;
}

unsigned
query_needs_first(const struct query *q)
{
	CHECK(q, QUERY_MAGIC);
	return q->need & ~(unsigned)NEED_BODY;
}

bool
query_has_where(const struct query *q)
{
	CHECK(q, QUERY_MAGIC);
	return q->has_where;
}

bool
query_uses_key(const struct query *q, const char *key)
{
	CHECK(q, QUERY_MAGIC);
	for (size_t i = 0; i < q->kids.n; i++)
		if (query_uses_key(q->kids.at[i], key))
			return true;
	return q->kind == QUERY_KEY && strcmp(q->row->name, key) == 0;
}

static size_t
add_capture(const char **names, size_t n, size_t max, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return n;
	if (n < max)
		names[n++] = name;
	return n;
}

static size_t
find_captures(const struct query *q, const char **names, size_t n, size_t max)
{
	/* What stands below ~ holds only when nothing matched. */
	for (size_t i = 0; i < q->kids.n && q->kind != QUERY_NOT; i++)
		n = find_captures(q->kids.at[i], names, n, max);
	for (size_t i = 0; i < q->values.n; i++) {
		const struct regex *re = q->values.at[i].regex;

		for (unsigned g = 1; re != NULL && g <= regex_groups(re); g++)
			if (regex_group_name(re, g) != NULL)
				n = add_capture(names, n, max, regex_group_name(re, g));
	}
	return n;
}

size_t
query_captures(const struct query *q, const char **names, size_t max)
{
	CHECK(q, QUERY_MAGIC);
	return find_captures(q, names, 0, max);
}

const char *
query_star(const struct query *q)
{
	CHECK(q, QUERY_MAGIC);
	for (size_t i = 0; i < q->kids.n; i++) {
		const char *star = query_star(q->kids.at[i]);

		if (star != NULL)
			return star;
	}
	for (size_t i = 0; i < q->values.n && q->op == OP_HAS; i++)
		if (q->values.at[i].type == QV_TEXT && q->values.at[i].text != NULL &&
		    strchr(q->values.at[i].text, '*') != NULL)
			return q->values.at[i].text;
	return NULL;
}

/* ---- covering */

static bool
same_list(const struct wordlist *a, const struct wordlist *b)
{
	return a == b || (wordlist_path(a) != NULL && wordlist_path(b) != NULL &&
	    strcmp(wordlist_path(a), wordlist_path(b)) == 0);
}

static bool
same_value(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == QV_LIST)
		return same_list(a->list, b->list);
	if (a->type == QV_NUMBER)
		return a->lo == b->lo && a->hi == b->hi;
	if (a->regex != NULL || b->regex != NULL)
		return a->regex != NULL && b->regex != NULL &&
		    regex_flags_of(a->regex) == regex_flags_of(b->regex) &&
		    view_eq(regex_pattern(a->regex), regex_pattern(b->regex));
	return view_eq(str_view(&a->key), str_view(&b->key));
}

/* Each value of b is one of a: any of more covers any of less. */
static bool
key_covers(const struct query *a, const struct query *b, unsigned *steps)
{
	if (a->row != b->row || a->flag != b->flag || (a->name == NULL) != (b->name == NULL) ||
	    (a->name != NULL && !view_iis(view_of(a->name), b->name)))
		return false;
	if (a->op == OP_PRESENT)
		return true;		/* whatever matched was there */
	if (a->op != b->op)
		return false;
	for (size_t i = 0; i < b->values.n; i++) {
		bool found = false;

		for (size_t k = 0; k < a->values.n && !found && *steps > 0; k++, --*steps)
			found = same_value(&a->values.at[k], &b->values.at[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool covers(const struct query *a, const struct query *b, unsigned *steps);

/* Some kid of a covers b. */
static bool
any_covers(const struct query *a, const struct query *b, unsigned *steps)
{
	for (size_t i = 0; i < a->kids.n; i++)
		if (covers(a->kids.at[i], b, steps))
			return true;
	return false;
}

static bool
all_cover(const struct query *a, const struct query *b, unsigned *steps)
{
	for (size_t i = 0; i < a->kids.n; i++)
		if (!covers(a->kids.at[i], b, steps))
			return false;
	return true;
}

static bool
covers(const struct query *a, const struct query *b, unsigned *steps)
{
	if (*steps == 0)
		return false;
	--*steps;
	if (a == b || a->kind == QUERY_ALL || b->kind == QUERY_NONE)
		return true;
	/* What must hold for all goes first: it loses nothing. */
	if (b->kind == QUERY_OR) {
		for (size_t i = 0; i < b->kids.n; i++)
			if (!covers(a, b->kids.at[i], steps))
				return false;
		return true;
	}
	if (a->kind == QUERY_AND)
		return all_cover(a, b, steps);
	if (a->kind == QUERY_OR && any_covers(a, b, steps))
		return true;
	if (b->kind == QUERY_AND) {
		for (size_t i = 0; i < b->kids.n; i++)
			if (covers(a, b->kids.at[i], steps))
				return true;
		return false;
	}
	if (a->kind == QUERY_NOT && b->kind == QUERY_NOT)
		return covers(b->kids.at[0], a->kids.at[0], steps);
	if (a->kind == QUERY_WHERE && b->kind == QUERY_WHERE)
		return a->fn == b->fn;
	return a->kind == QUERY_KEY && b->kind == QUERY_KEY && key_covers(a, b, steps);
}

bool
query_covers(const struct query *a, const struct query *b)
{
	unsigned steps = COVERS_STEPS;

	CHECK(a, QUERY_MAGIC);
	CHECK(b, QUERY_MAGIC);
	return covers(a, b, &steps);
}
