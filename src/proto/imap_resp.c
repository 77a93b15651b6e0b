/*
 * The reader: tokens of one reply are collected in the tree, in the set of numbers, or
 * as a text; at the end of the line the reply's row makes facts of them.  The table
 * below is all that is known of untagged replies; a name that is not in it is an event.
 *
 * Large literals go to the sink while the tree only remembers them.  What a literal in memory
 * may have is what the tree has left, asked before each token, so that the same bytes give
 * the same facts however they are cut.
 */
#include "proto/imap_resp.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/imap_resp_int.h"

static const struct reply_row rows[] = {
	{ "CAPABILITY",	IMAP_CAPABILITY, false, NULL, resp_capability },
	{ "ENABLED",	IMAP_ENABLED,	false, NULL, resp_capability },
	{ "ID",		IMAP_ID,	false, NULL, resp_id },
	{ "FLAGS",	IMAP_FLAGS,	false, NULL, resp_mailbox_flags },
	{ "LIST",	IMAP_LIST,	false, NULL, resp_list },
	{ "LSUB",	IMAP_LIST,	false, NULL, resp_list },
	{ "XLIST",	IMAP_LIST,	false, NULL, resp_list },
	{ "NAMESPACE",	IMAP_NAMESPACE,	false, NULL, resp_namespace },
	{ "STATUS",	IMAP_STATUS,	false, NULL, resp_status },
	{ "SEARCH",	IMAP_SEARCH,	false, resp_set_numbers, resp_set_end },
	{ "SORT",	IMAP_SORT,	false, resp_set_numbers, resp_set_end },
	{ "ESEARCH",	IMAP_ESEARCH,	false, resp_set_esearch, resp_set_end },
	{ "VANISHED",	IMAP_VANISHED,	false, resp_set_vanished, resp_set_end },
	{ "EXISTS",	IMAP_EXISTS,	true, NULL, NULL },
	{ "RECENT",	IMAP_RECENT,	true, NULL, NULL },
	{ "EXPUNGE",	IMAP_EXPUNGE,	true, NULL, NULL },
	{ "FETCH",	IMAP_FETCH,	true, NULL, resp_fetch },
	{ "QUOTA",	IMAP_QUOTA,	false, NULL, resp_quota },
	{ "QUOTAROOT",	IMAP_QUOTAROOT,	false, NULL, resp_quotaroot },
};

static const char *const cond_names[] = {
	[IMAP_OK] = "OK", [IMAP_NO] = "NO", [IMAP_BAD] = "BAD", [IMAP_BYE] = "BYE",
	[IMAP_PREAUTH] = "PREAUTH",
};

const char *
imap_cond_name(enum imap_cond cond)
{
	return cond_names[cond];
}

struct imap_resp *
imap_resp_new(void)
{
	struct imap_resp *r = xcalloc(1, sizeof(*r));

	r->magic = IMAP_RESP_MAGIC;
	r->reply.kind = IMAP_UNKNOWN;
	return r;
}

/* All of the reply before, and room for the next. */
static void
reset(struct imap_resp *r)
{
	if (r->reply.kind == IMAP_FETCH)
		mime_free(&r->reply.fetch.structure);
	imap_tree_free(&r->tree);
	seqset_free(&r->set);
	r->reply = (struct imap_reply){ .kind = IMAP_UNKNOWN };
	r->row = NULL;
	r->text = VIEW_NONE;
	r->key = SET_NONE;
	r->set_depth = 0;
	r->done = false;
}

void
imap_resp_free(struct imap_resp **rp)
{
	struct imap_resp *r = *rp;

	if (r == NULL)
		return;
	CHECK(r, IMAP_RESP_MAGIC);
	reset(r);
	imap_lex_free(&r->lex);
	r->magic = 0;
	free(r);
	*rp = NULL;
}

void
imap_resp_sink(struct imap_resp *r, const struct imap_sink *sink)
{
	CHECK(r, IMAP_RESP_MAGIC);
	r->has_sink = sink != NULL;
	r->sink = sink != NULL ? *sink : (struct imap_sink){ 0 };
}

bool
imap_resp_idle(const struct imap_resp *r)
{
	CHECK(r, IMAP_RESP_MAGIC);
	return imap_lex_idle(&r->lex);
}

struct imap_words
resp_words(struct imap_resp *r, const struct imap_node *first)
{
	size_t n = node_count(first), i = 0;
	struct view *at;

	if (n == 0)
		return (struct imap_words){ NULL, 0 };
	at = arena_alloc(resp_arena(r), n * sizeof(*at));
	for (; first != NULL; first = first->next) {
		if (first->kind != NODE_LIST && first->kind != NODE_SUNK)
			at[i++] = first->text;
	}
	return (struct imap_words){ at, i };
}

static const struct { const char *name; unsigned sys; } flag_names[] = {
	{ "\\Seen", FLAG_SEEN }, { "\\Flagged", FLAG_FLAGGED }, { "\\Answered", FLAG_ANSWERED },
	{ "\\Draft", FLAG_DRAFT }, { "\\Deleted", FLAG_DELETED }, { "$Forwarded", FLAG_PASSED },
};

static unsigned
flag_bit(struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(flag_names); i++) {
		if (view_iis(name, flag_names[i].name))
			return flag_names[i].sys;
	}
	return 0;
}

void
resp_flags(struct imap_resp *r, const struct imap_words *words, struct imap_flags *out)
{
	size_t n = 0;
	struct view *at = arena_alloc(resp_arena(r),
	    MIN(words->n, KEYWORDS_MAX) * sizeof(*at));

	*out = (struct imap_flags){ 0 };
	for (size_t i = 0; i < words->n; i++) {
		struct view name = words->at[i];
		unsigned sys = flag_bit(name);

		out->sys |= sys;
		if (view_iis(name, "\\Recent"))
			out->recent = true;
		else if (view_is(name, "\\*"))
			out->any = true;
		else if (sys == 0 && (n == KEYWORDS_MAX || name.n > KEYWORD_MAX))
			out->more = true;
		else if (sys == 0 && name.n > 0)
			at[n++] = name;
	}
	out->keywords = (struct imap_words){ at, n };
}

/* ---- tokens */

/* The head's last word is there: what does the line say? */
static void
on_name(struct imap_resp *r, struct view name)
{
	r->reply.name = arena_dup(resp_arena(r), name);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (view_iis(name, rows[i].name))
			r->row = &rows[i];
	}
	if (r->reply.tag.n > 0)
		r->row = NULL;
}

static void
on_big(struct imap_resp *r, const struct lex_token *t)
{
	struct imap_literal l = { .number = r->reply.number, .size = t->size };

	r->sinking = false;
	if (!r->has_sink || r->tree.over || r->row == NULL || r->row->kind != IMAP_FETCH)
		return;
	resp_fetch_so_far(r, &l);
	r->sinking = r->sink.begin(r->sink.arg, &l);
}

static void
on_data(struct imap_resp *r, const struct lex_token *t)
{
	if (!r->sinking)
		return;
	r->sink.data(r->sink.arg, t->text);
	if (t->last)
		r->sink.end(r->sink.arg);
	r->sinking = r->sinking && !t->last;
}

static void
on_argument(struct imap_resp *r, const struct lex_token *t)
{
	if (r->row != NULL && r->row->token != NULL) {
		r->row->token(r, t);
		return;
	}
	imap_tree_add(&r->tree, t);
	if (t->kind == LEX_BIG)
		on_big(r, t);
}

static void
on_token(struct imap_resp *r, const struct lex_token *t)
{
	uint64_t n;

	switch (t->kind) {
	case LEX_TAG:
		r->reply.tag = view_is(t->text, "*") ? VIEW("") :
		    arena_dup(resp_arena(r), t->text);
		break;
	case LEX_NUMBER:
		r->reply.numbered = imap_number(t->text, UINT32_MAX, &n);
		r->reply.number = r->reply.numbered ? (uint32_t)n : 0;
		break;
	case LEX_NAME:
		on_name(r, t->text);
		break;
	case LEX_TEXT:
		r->text = arena_dup(resp_arena(r), t->text);
		break;
	case LEX_DATA:
		on_data(r, t);
		break;
	default:
		on_argument(r, t);
		break;
	}
}

/* ---- the end of a reply */

static void
broken(struct imap_resp *r, const char *why, bool limit)
{
	struct imap_reply *reply = &r->reply;
	struct imap_literal so_far = { 0 };

	if (r->row != NULL && r->row->kind == IMAP_FETCH)
		resp_fetch_so_far(r, &so_far);
	if (reply->kind == IMAP_FETCH)
		mime_free(&reply->fetch.structure);
	reply->kind = IMAP_BROKEN;
	reply->uid = so_far.uid;
	reply->why = why;
	reply->limit = limit;
	reply->excerpt = imap_lex_excerpt(&r->lex);
}

/* false: the name is no condition. */
static bool
end_condition(struct imap_resp *r)
{
	struct imap_reply *reply = &r->reply;
	size_t i;

	for (i = 0; i < ARRAY_LEN(cond_names); i++) {
		if (view_iis(reply->name, cond_names[i]))
			break;
	}
	if (reply->name.n == 0)
		i = IMAP_OK;	/* "* [CODE] text" */
	if (i == ARRAY_LEN(cond_names) || (reply->tag.n > 0 && i > IMAP_BAD))
		return false;
	reply->kind = reply->tag.n > 0 ? IMAP_TAGGED : IMAP_CONDITION;
	resp_result(r, (enum imap_cond)i, r->text, &reply->cond);
	return true;
}

static void
end_untagged(struct imap_resp *r)
{
	const char *why = NULL;

	if (r->tree.over) {
		broken(r, "the reply is too large", true);
		return;
	}
	r->reply.limit = r->tree.deep;
	if (r->row == NULL) {
		r->reply.args = r->tree.first;
		return;
	}
	if (r->row->numbered && !r->reply.numbered) {
		broken(r, "a number is missing", false);
		return;
	}
	r->reply.kind = r->row->kind;
	if (r->row->end != NULL)
		why = r->row->end(r);
	if (why != NULL)
		broken(r, why, false);
}

static void
end_reply(struct imap_resp *r, const struct lex_token *t)
{
	r->done = true;
	if (t->kind == LEX_BAD) {
		broken(r, t->why, t->limit);
	} else if (view_is(r->reply.tag, "+")) {
		r->reply.kind = IMAP_CONTINUE;
		r->reply.tag = VIEW_NONE;
		r->reply.text = r->text;
	} else if (r->text.p != NULL) {
		if (!end_condition(r))
			broken(r, "a tagged reply that is not OK, NO or BAD", false);
	} else {
		end_untagged(r);
	}
}

int
imap_resp_next(struct imap_resp *r, struct view *in, struct imap_reply **reply_r,
	struct err *e)
{
	struct lex_token t;
	int rc;

	CHECK(r, IMAP_RESP_MAGIC);
	if (r->done)
		reset(r);
	for (;;) {
		r->lex.literal_max = r->row != NULL && r->row->token != NULL ? IMAP_STRING_MAX :
		    MIN(imap_tree_room(&r->tree), IMAP_MEMORY_MAX);
		rc = imap_lex_next(&r->lex, in, &t, e);
		if (rc != 1)
			return rc;
		if (t.kind == LEX_END || t.kind == LEX_BAD) {
			end_reply(r, &t);
			*reply_r = &r->reply;
			return 1;
		}
		on_token(r, &t);
	}
}
