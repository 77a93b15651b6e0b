/*
 * Replies that are lists of numbers, read token by token into a set and never held as
 * a text: SEARCH and SORT (RFC 9051, 7.3.4; RFC 5256), ESEARCH (7.3.4; RFC 4731, 7377, 9394),
 * VANISHED (RFC 7162, 3.2.10).  The lexer has cut sets at their commas.
 */
#include "proto/imap_resp_int.h"

static bool
is_numeric(struct view v)
{
	return v.n > 0 && ((v.p[0] >= '0' && v.p[0] <= '9') || v.p[0] == '-' || v.p[0] == '+');
}

static bool
is_text(const struct lex_token *t)
{
	return t->kind == LEX_ATOM || t->kind == LEX_QUOTED || t->kind == LEX_LITERAL;
}

static void
add_piece(struct imap_resp *r, struct view v)
{
	if (seqset_parse(&r->set, v, NULL) != 0)
		r->reply.incomplete = true;
}

/* Opening and closing; what was being read inside ends with it. */
static bool
nest(struct imap_resp *r, const struct lex_token *t)
{
	if (t->kind == LEX_OPEN)
		r->set_depth += r->set_depth < 1000;
	else if (t->kind == LEX_CLOSE)
		r->set_depth -= r->set_depth > 0;
	else
		return false;
	if (t->kind == LEX_CLOSE && r->set_depth == 0)
		r->key = SET_NONE;
	return true;
}

/* "1 5 9 (MODSEQ 917162500)"; the numbers are single, a float is what it means. */
void
resp_set_numbers(struct imap_resp *r, const struct lex_token *t)
{
	uint64_t n;

	if (nest(r, t) || !is_text(t))
		return;
	if (r->set_depth > 0) {
		if (view_iis(t->text, "MODSEQ"))
			r->key = SET_MODSEQ;
		else if (r->key == SET_MODSEQ && imap_number(t->text, UINT64_MAX, &n))
			r->reply.modseq = n;
	} else if (imap_number(t->text, UINT64_MAX, &n) && n <= UINT32_MAX) {
		seqset_add(&r->set, (uint32_t)n, (uint32_t)n);
	} else {
		r->reply.incomplete = true;
	}
}

void
resp_set_vanished(struct imap_resp *r, const struct lex_token *t)
{
	if (nest(r, t) || !is_text(t))
		return;
	if (r->set_depth > 0)
		r->reply.earlier = r->reply.earlier || view_iis(t->text, "EARLIER");
	else
		add_piece(r, t->text);
}

static const struct { const char *name; enum set_key key; unsigned has; } keys[] = {
	{ "TAG", SET_TAG, 0 }, { "MAILBOX", SET_MAILBOX, 0 },
	{ "UIDVALIDITY", SET_UIDVALIDITY, 0 }, { "MIN", SET_MIN, IMAP_ES_MIN },
	{ "MAX", SET_MAX, IMAP_ES_MAX }, { "ALL", SET_ALL, IMAP_ES_ALL },
	{ "COUNT", SET_COUNT, IMAP_ES_COUNT }, { "MODSEQ", SET_MODSEQ, IMAP_ES_MODSEQ },
	{ "PARTIAL", SET_PARTIAL, IMAP_ES_PARTIAL },
};

static void
esearch_key(struct imap_resp *r, struct view word)
{
	r->key = SET_OTHER;
	if (view_iis(word, "UID") && r->set_depth == 0) {
		r->reply.esearch.uid = true;
		r->key = SET_NONE;
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (view_iis(word, keys[i].name))
			r->key = keys[i].key;
	}
}

static unsigned
key_bit(enum set_key key)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i].key == key)
			return keys[i].has;
	}
	return 0;
}

static void
esearch_number(struct imap_resp *r, struct view v)
{
	struct imap_esearch *es = &r->reply.esearch;
	uint64_t n = 0;

	if (r->key == SET_ALL) {
		es->has |= IMAP_ES_ALL;
		add_piece(r, v);
		return;
	}
	if (r->key == SET_PARTIAL) {
		/* (range-asked set): the first is the range */
		if ((es->has & IMAP_ES_PARTIAL) != 0)
			add_piece(r, v);
		es->has |= IMAP_ES_PARTIAL;
		return;
	}
	if (!imap_number(v, UINT64_MAX, &n))
		return;
	es->has |= key_bit(r->key);
	if (r->key == SET_MODSEQ)
		es->modseq = n;
	n = MIN(n, UINT32_MAX);
	if (r->key == SET_MIN)
		es->min = (uint32_t)n;
	else if (r->key == SET_MAX)
		es->max = (uint32_t)n;
	else if (r->key == SET_COUNT)
		es->count = (uint32_t)n;
	else if (r->key == SET_UIDVALIDITY)
		es->uidvalidity = (uint32_t)n;
	r->key = SET_NONE;
}

/* A copy, unless the reply says it once too often: memory is bounded. */
static void
keep_once(struct imap_resp *r, struct view *at, struct view v)
{
	if (at->p == NULL)
		*at = arena_dup(resp_arena(r), v);
	r->key = SET_NONE;
}

void
resp_set_esearch(struct imap_resp *r, const struct lex_token *t)
{
	struct imap_esearch *es = &r->reply.esearch;

	if (nest(r, t) || !is_text(t))
		return;
	if (r->key == SET_TAG && r->set_depth > 0)
		keep_once(r, &es->tag, t->text);
	else if (r->key == SET_MAILBOX && r->set_depth > 0)
		keep_once(r, &es->mailbox, t->text);
	else if (is_numeric(t->text))
		esearch_number(r, t->text);
	else
		esearch_key(r, t->text);
}

const char *
resp_set_end(struct imap_resp *r)
{
	r->reply.set = &r->set;
	seqset_tidy(&r->set);
	r->reply.incomplete = r->reply.incomplete || r->set.over;
	return NULL;
}
