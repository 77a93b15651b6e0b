/*
 * A live account: its source and the boxes in use (account_role.c: its mailboxes and roles).
 *
 * An account whose source cannot be opened now is tried again with growing pauses; its
 * rules wait, other accounts go on.  At a reload an account with other options is
 * retired: it finishes what is under way, then its successor opens, so that two never
 * work on one mailbox.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#define REOPEN_FIRST_MS	1000
#define REOPEN_MAX_MS	60000

struct account *
account_new(struct engine *e, const struct account_decl *d, struct err *err)
{
	struct zone *z = zone_new(view_of(d->tz), err);
	struct account *a;

	if (z == NULL) {
		err_prefix(err, "%s: account \"%s\"", d->where, d->name);
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	a->magic = ACCOUNT_MAGIC;
	a->engine = e;
	a->decl = account_decl_copy(d);
	a->name = a->decl->name;
	a->book = state_book(e->conf.state);
	a->zone = z;
	list_init(&a->waiting);
	return a;
}

void
account_free(struct account **ap)
{
	struct account *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	CHECK(a, ACCOUNT_MAGIC);
	assert(a->boxes.n == 0 && a->source == NULL);
	loop_cancel(a->engine->conf.loop, &a->reopen);
	account_list_clear(a);
	VEC_FREE(&a->boxes);
	zone_free(&a->zone);
	account_decl_free(&a->decl);
	a->magic = 0;
	free(a);
}

/* ---- opening */

static void
account_tell_runners(struct account *a)
{
	for (size_t i = 0; i < a->boxes.n; i++)
		if (a->boxes.at[i]->runner != NULL)
			runner_source(a->boxes.at[i]->runner);
}

void
account_heard(struct account *a, const struct err *e)
{
	bool was = err_is(&a->trouble);

	if (err_is(e)) {
		if (e->scope >= SCOPE_SESSION && err_of_network(e))
			a->trouble = *e;
		return;
	}
	err_clear(&a->trouble);
	/* What could not be opened need not wait for its timer. */
	if (was)
		account_tell_runners(a);
}

static void
account_reopen(void *arg)
{
	struct account *a = arg;
	struct err err = ERR_NONE;

	CHECK(a, ACCOUNT_MAGIC);
	a->reopen = NULL;
	if (account_open(a, &err) < 0) {
		/* The options were right once; the world has changed and may change back. */
		a->reopen = loop_after(a->engine->conf.loop, REOPEN_MAX_MS, account_reopen, a);
		log_error(a->engine->conf.log, "%s; trying again in %d s", err.text,
		    REOPEN_MAX_MS / 1000);
	}
}

int
account_open(struct account *a, struct err *err)
{
	struct engine *e = a->engine;
	struct err why = ERR_NONE;
	int64_t pause;

	a->source = account_source_open(a, &why);
	if (a->source != NULL) {
		a->failures = 0;
		err_clear(&a->trouble);
		account_want_list(a, NULL, NULL);
		account_tell_runners(a);
		return 0;
	}
	if (why.kind == ERR_USAGE && a->decl->path != NULL && a->decl->create && e->conf.dry_run) {
		log_warn(e->conf.log, "%s: there is no Maildir at %s yet; without the dry run it is made",
		    a->name, a->decl->path);
		return 0;
	}
	if (why.kind == ERR_USAGE) {
		*err = why;
		err_prefix(err, "%s: account \"%s\"", a->decl->where, a->name);
		return -1;
	}
	pause = MIN((int64_t)REOPEN_FIRST_MS << MIN(a->failures, 10u), (int64_t)REOPEN_MAX_MS);
	a->failures++;
	a->trouble = why;
	log_error(e->conf.log, "%s: %s; trying again in %lld s", a->name, why.text,
	    (long long)pause / 1000);
	a->reopen = loop_after(e->conf.loop, pause, account_reopen, a);
	return 0;
}

/* ---- retiring */

static void
account_closed(void *arg)
{
	struct account *a = arg;
	struct account *next = a->successor;
	struct engine *e = a->engine;
	struct err err = ERR_NONE;

	account_source_gone(a);
	for (size_t i = 0; i < e->accounts.n; i++) {
		if (e->accounts.at[i] != a)
			continue;
		e->accounts.at[i] = e->accounts.at[--e->accounts.n];
		break;
	}
	/* Replaced before its turn came: the one before it is still at work on the mailboxes. */
	for (size_t i = 0; i < e->accounts.n; i++) {
		if (e->accounts.at[i]->successor != a)
			continue;
		e->accounts.at[i]->successor = next;
		next = NULL;
	}
	account_free(&a);
	if (next != NULL && next->source == NULL && !next->retired && account_open(next, &err) < 0) {
		log_error(e->conf.log, "%s; trying again in %d s", err.text, REOPEN_MAX_MS / 1000);
		next->reopen = loop_after(e->conf.loop, REOPEN_MAX_MS, account_reopen, next);
	}
	engine_poke(e);
}

/* Ends a retired account when nothing holds it any more. */
static void
account_try_end(struct account *a)
{
	struct source *s = a->source;

	if (!a->retired || a->ending || a->busy > 0 || a->boxes.n > 0)
		return;
	a->ending = true;
	loop_cancel(a->engine->conf.loop, &a->reopen);
	if (s == NULL)
		loop_defer(a->engine->conf.loop, account_closed, a);
	else
		s->ops->close(s, account_closed, a);
}

void
account_retire(struct account *a)
{
	CHECK(a, ACCOUNT_MAGIC);
	a->retired = true;
	for (size_t i = 0; i < a->boxes.n; i++)
		if (a->boxes.at[i]->runner != NULL)
			runner_stop(a->boxes.at[i]->runner);
	account_try_end(a);
}

/* ---- requests */

/* A request whose mailbox (or target) is a role waits here for the account's list. */
static void account_named(void *arg);

struct named { struct account *account; struct request *request; char *mailbox, *target; bool listed; };

/* The references that came with the request: the source has taken its own by now. */
static void
drop_references(struct blob *b, struct message *m)
{
	blob_free(&b);
	message_unref(&m);
}

static void
account_refuse(void *arg)
{
	struct request *r = arg;

	drop_references(r->bytes, r->message);
	r->bytes = NULL;
	r->message = NULL;
	r->done(r);
}

/* 1: both names are names now, 0: the list is needed first, -1: r->err says why not. */
static int
account_names(struct account *a, struct request *r)
{
	const char **names[] = { &r->mailbox, &r->target };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int found;

		if (*names[i] == NULL || (*names[i])[0] != '@')
			continue;
		found = account_role(a, *names[i], names[i], &r->err);
		if (found <= 0)
			return found < 0 ? 0 : -1;
	}
	return 1;
}

static void
named_free(struct named *n)
{
	free(n->mailbox);
	free(n->target);
	free(n);
}

static void
account_send(struct named *n)
{
	struct account *a = n->account;
	struct request *r = n->request;
	int named = account_names(a, r);

	if (named == 0 && !n->listed) {
		n->listed = true;
		r->mailbox = n->mailbox = xstrdup(r->mailbox);
		r->target = n->target = r->target != NULL ? xstrdup(r->target) : NULL;
		account_want_list(a, account_named, n);
		return;
	}
	if (named > 0 && a->source != NULL) {
		struct blob *b = r->bytes;
		struct message *m = r->message;

		source_submit(a->source, r);
		drop_references(b, m);
		named_free(n);
		return;
	}
	named_free(n);
	if (named >= 0) {
		err_set(&r->err, ERR_NET, SCOPE_ACCOUNT, "account \"%s\" is not open now", a->name);
		r->err.temporary = true;
	}
	r->result = RESULT_FAILED;
	loop_defer(a->engine->conf.loop, account_refuse, r);
}

static void
account_named(void *arg)
{
	account_send(arg);
}

void
account_submit(struct account *a, struct request *r)
{
	struct named *n = xcalloc(1, sizeof(*n));

	a->busy++;
	*n = (struct named){ .account = a, .request = r };
	account_send(n);
}

void
account_ended(struct account *a)
{
	CHECK(a, ACCOUNT_MAGIC);
	a->busy--;
	account_try_end(a);
}

/* ---- for programs */

struct account *
engine_account(struct engine *e, const char *name)
{
	CHECK(e, ENGINE_MAGIC);
	for (size_t i = 0; i < e->accounts.n; i++)
		if (!e->accounts.at[i]->retired && strcmp(e->accounts.at[i]->name, name) == 0)
			return e->accounts.at[i];
	return NULL;
}

const char *
account_name(const struct account *a)
{
	return a->name;
}

struct source *
account_source(struct account *a)
{
	return a->source;
}

const struct zone *
account_zone(const struct account *a)
{
	return a->zone;
}

const struct account_decl *
account_decl(const struct account *a)
{
	return a->decl;
}

struct resolve {
	struct account	*account;
	char		*name;
	bool		 listed;	/* asked for the list once */
	name_fn		 fn;
	void		*arg;
};

static void
resolve_step(void *arg)
{
	struct resolve *rv = arg;
	struct err err = ERR_NONE;
	const char *name = NULL;
	int found = account_role(rv->account, rv->name, &name, &err);

	if (found <= 0 && !rv->listed) {
		rv->listed = true;
		account_want_list(rv->account, resolve_step, rv);
		return;
	}
	if (found < 0)
		err_set(&err, ERR_NET, SCOPE_ACCOUNT, "account \"%s\" cannot be listed now",
		    rv->account->name);
	rv->fn(rv->arg, found > 0 ? name : NULL, &err);
	account_ended(rv->account);
	free(rv->name);
	free(rv);
}

void
account_resolve(struct account *a, const char *name, name_fn fn, void *arg)
{
	struct resolve *rv = xcalloc(1, sizeof(*rv));

	CHECK(a, ACCOUNT_MAGIC);
	*rv = (struct resolve){ .account = a, .name = xstrdup(name), .fn = fn, .arg = arg };
	a->busy++;
	loop_defer(a->engine->conf.loop, resolve_step, rv);
}

/* ---- LIST, CREATE, RENAME, REMOVE */

struct account_op {
	struct engine_op	 op;
	struct account		*account;
	mailboxes_fn		 listed;
	engine_fn		 changed;
	void			*arg;
	struct err		 err;
};

static void
account_op_answer(void *arg)
{
	struct account_op *op = arg;

	if (!op->op.canceled) {
		if (op->listed != NULL)
			op->listed(op->arg, NULL, 0, &op->err);
		else
			op->changed(op->arg, &op->err);
	}
	free(op);
}

static struct account_op *
account_op_new(struct account *a, mailboxes_fn listed, engine_fn changed, void *arg)
{
	struct account_op *op = xcalloc(1, sizeof(*op));

	CHECK(a, ACCOUNT_MAGIC);
	op->account = a;
	op->listed = listed;
	op->changed = changed;
	op->arg = arg;
	if (a->source == NULL)
		err_set(&op->err, ERR_NET, SCOPE_ACCOUNT, "account \"%s\" is not open now", a->name);
	return op;
}

static void
mailboxes_done(struct request *r)
{
	struct account_op *op = r->arg;
	struct account *a = op->account;

	if (!op->op.canceled) {
		if (r->result == RESULT_DONE)
			op->listed(op->arg, r->list.at, r->list.n, &op->err);
		else
			op->listed(op->arg, NULL, 0, &r->err);
	}
	free(op);
	request_free(&r);
	account_ended(a);
}

struct engine_op *
account_mailboxes(struct account *a, mailboxes_fn done, void *arg)
{
	struct account_op *op = account_op_new(a, done, NULL, arg);

	if (err_is(&op->err))
		loop_defer(a->engine->conf.loop, account_op_answer, op);
	else
		account_submit(a, request_new(REQ_LIST, "", mailboxes_done, op));
	return &op->op;
}

static void
change_done(struct request *r)
{
	struct account_op *op = r->arg;
	struct account *a = op->account;

	a->listed = a->listed && r->result != RESULT_DONE;
	if (!op->op.canceled)
		op->changed(op->arg, &r->err);
	free(op);
	request_free(&r);
	account_ended(a);
}

struct engine_op *
account_change(struct account *a, enum request_kind kind, const char *mailbox, const char *to,
	engine_fn done, void *arg)
{
	static const char *const words[] = { [REQ_CREATE] = "create", [REQ_RENAME] = "rename",
		[REQ_REMOVE] = "remove" };
	struct account_op *op = account_op_new(a, NULL, done, arg);
	const char *cannot;
	struct request *r;

	assert(kind == REQ_CREATE || kind == REQ_RENAME || kind == REQ_REMOVE);
	if (a->source != NULL && (cannot = source_cannot(a->source, SOURCE_MAILBOXES)) != NULL)
		err_set(&op->err, ERR_USAGE, SCOPE_ACCOUNT, "account \"%s\" %s", a->name, cannot);
	if (a->engine->conf.dry_run && !err_is(&op->err))
		log_info(a->engine->conf.log, "%s: would %s the mailbox %s%s%s", a->name,
		    words[kind], mailbox, to != NULL ? " to " : "", to != NULL ? to : "");
	if (err_is(&op->err) || a->engine->conf.dry_run) {
		loop_defer(a->engine->conf.loop, account_op_answer, op);
		return &op->op;
	}
	r = request_new(kind, mailbox, change_done, op);
	r->target = to;
	account_submit(a, r);
	return &op->op;
}
