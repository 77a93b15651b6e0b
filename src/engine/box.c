/*
 * A live mailbox: shared by the rules that run on it and the programs that use it, and
 * the operations of programs: fetch, search, verbs over many messages, status.
 *
 * A search walks the mailbox in chunks and evaluates the query on each message, so that
 * memory does not grow with the mailbox; what a condition needs beyond the header is
 * fetched for those messages alone that nothing cheaper decides.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#define SEARCH_CHUNK	256u
#define VERB_LINES_MAX	100u	/* lines about failures of one verb; more are for --verbose */
#define VERB_WINDOW	256u		/* messages of one verb under way at a time */

/* ---- life */

struct box *
engine_box(struct account *a, const char *mailbox)
{
	struct box *b;

	CHECK(a, ACCOUNT_MAGIC);
	if (strcasecmp(mailbox, "inbox") == 0)
		mailbox = "INBOX";
	for (size_t i = 0; i < a->boxes.n; i++)
		if (strcmp(a->boxes.at[i]->name, mailbox) == 0)
			return box_ref(a->boxes.at[i]);
	b = xcalloc(1, sizeof(*b));
	b->magic = BOX_MAGIC;
	b->refs = 1;
	b->account = a;
	b->name = xstrdup(mailbox);
	VEC_PUSH(&a->boxes, b);
	return b;
}

struct box *
box_ref(struct box *b)
{
	CHECK(b, BOX_MAGIC);
	b->refs++;
	return b;
}

void
box_unref(struct box **bp)
{
	struct box *b = *bp;
	struct account *a;

	*bp = NULL;
	if (b == NULL)
		return;
	CHECK(b, BOX_MAGIC);
	if (--b->refs > 0)
		return;
	a = b->account;
	for (size_t i = 0; i < a->boxes.n; i++) {
		if (a->boxes.at[i] != b)
			continue;
		a->boxes.at[i] = a->boxes.at[--a->boxes.n];
		break;
	}
	b->magic = 0;
	free(b->name);
	free(b);
	a->busy++;
	account_ended(a);	/* a retired account may end now */
}

void
box_incoming(struct box *b, int by)
{
	b->incoming += (size_t)by;
	if (by < 0 && b->incoming == 0 && b->runner != NULL)
		runner_incoming_over(b->runner);
}

void
box_settle(struct message *m)
{
	unsigned have = message_have(m);

	if ((have & NEED_HERE) || !(have & NEED_RECEIVED))
		return;
	message_facts(m)->here = message_facts(m)->received;
	message_know(m, NEED_HERE);
}

const char *
box_name(const struct box *b)
{
	return b->name;
}

struct account *
box_account(struct box *b)
{
	return b->account;
}

void
box_title(const struct box *b, struct str *out)
{
	str_addf(out, "%s:%s", b->account->name, b->name);
}

void
engine_op_cancel(struct engine_op **op)
{
	if (*op != NULL)
		(*op)->canceled = true;
	*op = NULL;
}

/* Fills e when the box cannot be asked now. */
static bool
box_closed(struct box *b, struct err *e)
{
	if (b->account->source != NULL)
		return false;
	err_set(e, ERR_NET, SCOPE_ACCOUNT, "account \"%s\" is not open now", b->account->name);
	e->temporary = true;
	return true;
}

/* ---- one message, and the status */

struct box_op {
	struct engine_op	 op;
	struct box		*box;
	struct message		*message;	/* of a fetch */
	engine_fn		 fetched;
	status_fn		 counted;
	void			*arg;
	struct err		 err;
};

static void
box_op_end(struct box_op *op)
{
	struct account *a = op->box->account;

	a->busy++;		/* keeps the account until both have let go */
	box_unref(&op->box);
	message_unref(&op->message);
	free(op);
	account_ended(a);
}

static void
box_op_refused(void *arg)
{
	struct box_op *op = arg;

	if (!op->op.canceled) {
		if (op->counted != NULL)
			op->counted(op->arg, NULL, &op->err);
		else
			op->fetched(op->arg, &op->err);
	}
	box_op_end(op);
}

static void
fetch_done(struct request *r)
{
	struct box_op *op = r->arg;
	struct account *a = op->box->account;

	if (r->result == RESULT_GONE)
		err_set(&op->err, ERR_GONE, SCOPE_MESSAGE, "the message is no longer in %s:%s",
		    a->name, op->box->name);
	else if (r->result != RESULT_DONE)
		op->err = r->err;
	else
		box_settle(op->message);
	request_free(&r);
	if (!op->op.canceled)
		op->fetched(op->arg, &op->err);
	box_op_end(op);
	account_ended(a);
}

struct engine_op *
box_fetch(struct box *b, struct message *m, unsigned need, engine_fn done, void *arg)
{
	struct box_op *op = xcalloc(1, sizeof(*op));
	struct request *r;

	*op = (struct box_op){ .box = box_ref(b), .message = message_ref(m),
		.fetched = done, .arg = arg };
	if (box_closed(b, &op->err)) {
		loop_defer(b->account->engine->conf.loop, box_op_refused, op);
		return &op->op;
	}
	r = request_new(REQ_FETCH, b->name, fetch_done, op);
	r->uid = message_facts(m)->uid;
	r->uidvalidity = message_facts(m)->uidvalidity;
	r->need = need;
	r->message = message_ref(m);
	account_submit(b->account, r);
	return &op->op;
}

static void
status_done(struct request *r)
{
	struct box_op *op = r->arg;
	struct account *a = op->box->account;

	if (!op->op.canceled)
		op->counted(op->arg, r->result == RESULT_DONE ? &r->status : NULL, &r->err);
	request_free(&r);
	box_op_end(op);
	account_ended(a);
}

struct engine_op *
box_status(struct box *b, status_fn done, void *arg)
{
	struct box_op *op = xcalloc(1, sizeof(*op));

	*op = (struct box_op){ .box = box_ref(b), .counted = done, .arg = arg };
	if (box_closed(b, &op->err))
		loop_defer(b->account->engine->conf.loop, box_op_refused, op);
	else
		account_submit(b->account, request_new(REQ_STATUS, b->name, status_done, op));
	return &op->op;
}

/* ---- searching */

struct search {
	struct engine_op	 op;
	struct box		*box;
	struct query		*query;
	size_t			 limit;
	search_fn		 done;
	void			*arg;
	struct err		 err;
	struct { VEC(uint32_t) } uids;
	struct { VEC(bool) }	 maybe;
	uint32_t		 uidvalidity;	/* of the first chunk, and so of all */
	/* the chunk under way */
	struct request		*chunk;
	size_t			 next;
	uint32_t		 asked_uid;	/* this message ... */
	unsigned		 asked;		/* ... was asked for these NEED_* already */
	uint32_t		 above;		/* it began above this UID */
	struct query_ctx	 ctx;
};

static void search_step(struct search *s);

static void
search_end(struct search *s)
{
	struct account *a = s->box->account;

	a->busy++;
	if (!s->op.canceled) {
		if (err_is(&s->err))
			s->done(s->arg, 0, NULL, NULL, 0, &s->err);
		else
			s->done(s->arg, s->uidvalidity, s->uids.at, s->maybe.at, s->uids.n, &s->err);
	}
	request_free(&s->chunk);
	query_ctx_free(&s->ctx);
	query_free(&s->query);
	VEC_FREE(&s->uids);
	VEC_FREE(&s->maybe);
	box_unref(&s->box);
	free(s);
	account_ended(a);
}

static void
search_scanned(struct request *r)
{
	struct search *s = r->arg;
	struct account *a = s->box->account;

	s->chunk = r;
	s->next = 0;
	if (s->uidvalidity == 0)
		s->uidvalidity = r->status.uidvalidity;
	if (r->result == RESULT_DONE && r->status.uidvalidity != s->uidvalidity) {
		err_set(&r->err, ERR_GONE, SCOPE_MAILBOX, "the mailbox was given other UIDs meanwhile");
		r->err.temporary = true;
		r->result = RESULT_FAILED;
	}
	if (r->result != RESULT_DONE) {
		s->err = r->err;
		err_prefix(&s->err, "searching %s:%s", a->name, s->box->name);
		search_end(s);
	} else {
		search_step(s);
	}
	account_ended(a);
}

static void
search_scan(struct search *s, uint32_t above)
{
	struct request *r = request_new(REQ_SCAN, s->box->name, search_scanned, s);

	s->above = above;
	r->uid = above;
	r->limit = SEARCH_CHUNK;
	r->need = query_needs_first(s->query);
	account_submit(s->box->account, r);
}

static void
search_fetched(struct request *r)
{
	struct search *s = r->arg;
	struct account *a = s->box->account;

	if (r->result == RESULT_FAILED) {
		s->err = r->err;
		err_prefix(&s->err, "searching %s:%s", a->name, s->box->name);
		search_end(s);
	} else {
		if (r->result == RESULT_GONE)
			s->next++;	/* went while we looked: not found */
		search_step(s);
	}
	request_free(&r);
	account_ended(a);
}

/* One message; false: it has to be fetched first. */
static bool
search_judge(struct search *s, struct message *m)
{
	unsigned asked = s->asked_uid == message_facts(m)->uid ? s->asked : 0;
	enum verdict v;

	box_settle(m);
	s->ctx.message = m;
	s->ctx.zone = s->box->account->zone;
	s->ctx.now = loop_wall(s->box->account->engine->conf.loop) / 1000;
	s->ctx.missing = 0;
	v = query_eval(s->query, &s->ctx);
	if (err_is(&s->ctx.err)) {
		s->err = s->ctx.err;
		return true;
	}
	if (v == VERDICT_UNKNOWN && (s->ctx.missing & ~message_have(m)) != 0) {
		if ((s->ctx.missing & ~message_have(m) & asked) == 0)
			return false;
		err_set(&s->err, ERR_PROTO, SCOPE_MAILBOX, "%s:%s does not tell of %u what is searched for",
		    s->box->account->name, s->box->name, message_facts(m)->uid);
		return true;
	}
	if (v != VERDICT_NO) {
		VEC_PUSH(&s->uids, message_facts(m)->uid);
		VEC_PUSH(&s->maybe, v == VERDICT_UNKNOWN);
	}
	message_drop_body(m);
	return true;
}

static bool
search_full(const struct search *s)
{
	return s->limit > 0 && s->uids.n >= s->limit;
}

static void
search_step(struct search *s)
{
	while (s->next < s->chunk->messages.n && !err_is(&s->err) && !search_full(s) &&
	    !s->op.canceled) {
		struct message *m = s->chunk->messages.at[s->next];
		struct request *r;

		if (search_judge(s, m)) {
			s->next++;
			continue;
		}
		r = request_new(REQ_FETCH, s->box->name, search_fetched, s);
		r->uid = message_facts(m)->uid;
		s->asked = (s->asked_uid == r->uid ? s->asked : 0) | s->ctx.missing;
		s->asked_uid = r->uid;
		r->uidvalidity = s->uidvalidity;
		r->need = s->ctx.missing;
		r->message = message_ref(m);
		account_submit(s->box->account, r);
		return;
	}
	if (s->chunk->more && !err_is(&s->err) && !search_full(s) && !s->op.canceled) {
		size_t n = s->chunk->messages.n;
		/* All of a chunk can have gone while it was read: then the same again. */
		uint32_t last = n > 0 ? message_facts(s->chunk->messages.at[n - 1])->uid : s->above;

		request_free(&s->chunk);
		search_scan(s, last);
		return;
	}
	search_end(s);
}

static void
search_refused(void *arg)
{
	search_end(arg);
}

struct engine_op *
box_search(struct box *b, struct query *q, size_t limit, search_fn done, void *arg)
{
	struct search *s = xcalloc(1, sizeof(*s));

	s->box = box_ref(b);
	s->query = query_ref(q);
	s->limit = limit;
	s->done = done;
	s->arg = arg;
	if (box_closed(b, &s->err))
		loop_defer(b->account->engine->conf.loop, search_refused, s);
	else
		search_scan(s, 0);
	return &s->op;
}

/* ---- a verb over many messages */

struct verb_op {
	struct engine_op	 op;
	struct box		*box;
	struct action		 action;
	uint32_t		 uidvalidity;
	struct { VEC(uint32_t) } uids;
	size_t			 next, under_way;
	struct verb_result	 result;
	struct err		 err;
	verb_fn			 done;
	void			*arg;
};
struct verb_one { struct verb_op *all; uint32_t uid; };

static void verb_step(struct verb_op *v);

static void
verb_end(struct verb_op *v)
{
	struct account *a = v->box->account;

	a->busy++;
	if (v->result.failed > VERB_LINES_MAX)
		log_warn(a->engine->conf.log, "%s:%s: %s failed for %u more, or was not tried; "
		    "--verbose names those that failed", a->name, v->box->name,
		    verb_name(v->action.verb), v->result.failed - VERB_LINES_MAX);
	if (!v->op.canceled)
		v->done(v->arg, &v->result, &v->err);
	action_free(&v->action);
	VEC_FREE(&v->uids);
	VEC_FREE(&v->result.map);
	box_unref(&v->box);
	free(v);
	account_ended(a);
}

static void
verb_one_done(void *arg, const struct perform_result *r)
{
	struct verb_one *one = arg;
	struct verb_op *v = one->all;

	switch (r->result) {
	case RESULT_DONE:
		v->result.done++;
		v->result.bytes += r->bytes;
		if (r->new_uid != 0)
			VEC_PUSH(&v->result.map, ((struct uid_pair){ one->uid, r->new_uid }));
		break;
	case RESULT_GONE:
		v->result.gone++;
		break;
	case RESULT_COPIED_ONLY:
		v->result.copied_only++;
		break;
	case RESULT_FAILED:
		v->result.failed++;
		if (!err_is(&v->result.first))
			v->result.first = r->err;
		log_at(v->box->account->engine->conf.log,
		    v->result.failed > VERB_LINES_MAX ? LOG_DEBUG : LOG_WARN, "%s:%s/%u: %s failed: %s",
		    v->box->account->name, v->box->name, one->uid, verb_name(v->action.verb),
		    r->err.text);
		/* Nothing more can be done here: the mailbox, session or account is lost. */
		if (r->err.scope > SCOPE_MESSAGE && !err_is(&v->err))
			v->err = r->err;
		break;
	}
	free(one);
	v->under_way--;
	verb_step(v);
}

static void
verb_step(struct verb_op *v)
{
	if (v->op.canceled)
		v->next = v->uids.n;	/* what has begun ends, nothing else begins */
	if (err_is(&v->err) && v->next < v->uids.n) {
		v->result.failed += (uint32_t)(v->uids.n - v->next);
		v->next = v->uids.n;
	}
	while (v->next < v->uids.n && v->under_way < VERB_WINDOW) {
		struct verb_one *one = xcalloc(1, sizeof(*one));

		*one = (struct verb_one){ v, v->uids.at[v->next++] };
		v->under_way++;
		perform(v->box, one->uid, v->uidvalidity, NULL, &v->action, PROBE_NONE, verb_one_done,
		    one);
	}
	if (v->under_way == 0 && v->next == v->uids.n)
		verb_end(v);
}

static void
verb_begin(void *arg)
{
	verb_step(arg);
}

static void
verb_named(void *arg, const char *name, const struct err *e)
{
	struct verb_op *v = arg;

	if (name == NULL) {
		v->err = *e;
	} else {
		free(v->action.mailbox);
		v->action.mailbox = xstrdup(name);
		if (v->action.account == NULL)
			v->action.account = xstrdup(v->box->account->name);
	}
	verb_step(v);
}

struct engine_op *
box_verb(struct box *b, const struct action *a, uint32_t uidvalidity, const uint32_t *uids,
	size_t n, verb_fn done, void *arg)
{
	struct verb_op *v = xcalloc(1, sizeof(*v));
	struct account *target = b->account;

	v->box = box_ref(b);
	action_copy(&v->action, a);
	v->uidvalidity = uidvalidity;
	VEC_ROOM(&v->uids, n);
	if (n > 0)
		memcpy(v->uids.at, uids, n * sizeof(*uids));
	v->uids.n = n;
	v->done = done;
	v->arg = arg;
	if (box_closed(b, &v->err)) {
		loop_defer(b->account->engine->conf.loop, verb_begin, v);
		return &v->op;
	}
	if (a->account != NULL && strcmp(a->account, b->account->name) != 0 &&
	    (target = engine_account(b->account->engine, a->account)) == NULL)
		err_set(&v->err, ERR_USAGE, SCOPE_ACCOUNT, "no account \"%s\"", a->account);
	if (target != NULL && (a->verb == VERB_DELETE || a->mailbox != NULL))
		account_resolve(target, a->verb == VERB_DELETE ? "@trash" : a->mailbox, verb_named, v);
	else
		loop_defer(b->account->engine->conf.loop, verb_begin, v);
	return &v->op;
}
