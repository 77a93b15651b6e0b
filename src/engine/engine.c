/*
 * The engine as a whole: putting a ruleset to work beside or instead of another one,
 * knowing when nothing is left to do, and stopping.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#include "net/suspend.h"
#include "net/tls.h"

#define OLD_HANDLERS_MS	30000		/* a reload gives functions under way this long */

struct engine *
engine_new(const struct engine_conf *conf)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->magic = ENGINE_MAGIC;
	e->conf = *conf;
	list_init(&e->runners);
	return e;
}

void
engine_free(struct engine **ep)
{
	struct engine *e = *ep;

	*ep = NULL;
	if (e == NULL)
		return;
	CHECK(e, ENGINE_MAGIC);
	assert(e->accounts.n == 0 && list_empty(&e->runners));
	loop_cancel(e->conf.loop, &e->old_timer);
	loop_cancel(e->conf.loop, &e->grace);
	VEC_FREE(&e->accounts);
	suspend_free(&e->suspend);
	tls_free(&e->tls);
	ruleset_unref(&e->ruleset);
	e->magic = 0;
	free(e);
}

const struct engine_counts *
engine_counts(const struct engine *e)
{
	return &e->counts;
}

bool
engine_dry_run(const struct engine *e)
{
	return e->conf.dry_run;
}

const struct err *
engine_trouble(const struct engine *e, const char **name_r)
{
	const struct link *head = &e->runners;
	const struct err *worst = NULL;

	for (size_t i = 0; i < e->accounts.n; i++) {
		const struct account *a = e->accounts.at[i];

		if (!err_is(&a->trouble) || a->retired)
			continue;
		if (worst != NULL && a->trouble.kind != ERR_AUTH)
			continue;
		worst = &a->trouble;
		*name_r = a->name;
	}
	/* The account can be used, one of its mailboxes cannot. */
	for (struct link *l = head->next; worst == NULL && l != head; l = l->next) {
		const struct runner *r = LIST_ITEM(l, struct runner, link);

		if (r->phase == RUNNER_STOPPING || !err_of_network(&r->trouble))
			continue;
		worst = &r->trouble;
		*name_r = r->box->account->name;
	}
	return worst;
}

size_t
engine_waiting(const struct engine *e)
{
	const struct link *head = &e->runners;
	size_t n = 0;

	for (struct link *l = head->next; l != head; l = l->next)
		n += LIST_ITEM(l, struct runner, link)->naway;
	return n;
}

size_t
engine_shut(const struct engine *e)
{
	const struct link *head = &e->runners;
	size_t n = 0;

	for (struct link *l = head->next; l != head; l = l->next) {
		const struct runner *r = LIST_ITEM(l, struct runner, link);

		n += r->phase == RUNNER_CLOSED && r->lost && !r->absent;
	}
	return n;
}

struct loop *
engine_loop(const struct engine *e)
{
	return e->conf.loop;
}

/* ---- idle and stopped */

static void
reap_runner(struct runner *r)
{
	struct engine *e = r->engine;
	struct box *b = box_ref(r->box);
	struct ruleset *rs = ruleset_ref(r->ruleset);
	struct chain *c = r->chain;
	bool again = r->again;

	runner_free(&r);
	if (again)
		runner_start(e, b, rs, c);
	ruleset_unref(&rs);
	box_unref(&b);
}

static void
reap_runners(struct engine *e)
{
	LIST_EACH(&e->runners, it) {
		struct runner *r = LIST_ITEM(it, struct runner, link);

		if (r->phase == RUNNER_STOPPING && runner_idle(r))
			reap_runner(r);
	}
}

bool
engine_idle(const struct engine *e)
{
	const struct link *head = &e->runners;

	for (struct link *l = head->next; l != head; l = l->next)
		if (!runner_idle(LIST_ITEM(l, struct runner, link)))
			return false;
	return true;
}

/* Functions and plans under way need the accounts: these go when all runners have ended. */
static void
retire_accounts(struct engine *e)
{
	if (e->retiring || !list_empty(&e->runners))
		return;
	e->retiring = true;
	/* account_retire may end an account and move another into its place. */
	for (size_t i = e->accounts.n; i-- > 0;)
		account_retire(e->accounts.at[i]);
}

static void
engine_look(void *arg)
{
	struct engine *e = arg;

	CHECK(e, ENGINE_MAGIC);
	e->idle_asked = false;
	reap_runners(e);
	if (e->stopping) {
		retire_accounts(e);
		if (e->accounts.n == 0 && list_empty(&e->runners) && e->stopped != NULL) {
			loop_fn fn = e->stopped;

			e->stopped = NULL;
			loop_cancel(e->conf.loop, &e->grace);
			fn(e->stopped_arg);
		}
		return;
	}
	if (e->on_idle != NULL && engine_idle(e))
		e->on_idle(e->on_idle_arg);
}

void
engine_poke(struct engine *e)
{
	if (e->idle_asked)
		return;
	e->idle_asked = true;
	loop_defer(e->conf.loop, engine_look, e);
}

void
engine_on_idle(struct engine *e, void (*fn)(void *arg), void *arg)
{
	e->on_idle = fn;
	e->on_idle_arg = arg;
	engine_poke(e);
}

static void
grace_over(void *arg)
{
	struct engine *e = arg;

	e->grace = NULL;
	LIST_EACH(&e->runners, it)
		runner_cancel_handlers(LIST_ITEM(it, struct runner, link), NULL);
	engine_poke(e);
}

void
engine_stop(struct engine *e, int64_t grace_ms, loop_fn done, void *arg)
{
	CHECK(e, ENGINE_MAGIC);
	assert(!e->stopping);
	e->stopping = true;
	e->stopped = done;
	e->stopped_arg = arg;
	loop_cancel(e->conf.loop, &e->old_timer);
	for (size_t i = 0; i < e->accounts.n; i++)
		e->accounts.at[i]->successor = NULL;
	LIST_EACH(&e->runners, it)
		runner_stop(LIST_ITEM(it, struct runner, link));
	/* A server that does not answer must not use up the grace of those that do. */
	for (size_t i = 0; i < e->accounts.n; i++) {
		struct source *s = e->accounts.at[i]->source;

		if (s != NULL && s->ops->no_wait != NULL)
			s->ops->no_wait(s);
	}
	e->grace = loop_after(e->conf.loop, grace_ms, grace_over, e);
	engine_poke(e);
}

void
engine_hurry(struct engine *e)
{
	CHECK(e, ENGINE_MAGIC);
	if (e->grace == NULL)
		return;
	loop_cancel(e->conf.loop, &e->grace);
	grace_over(e);
}

/* ---- rulesets */

int
engine_check_paths(const struct ruleset *r, struct err *err)
{
	for (size_t i = 0; i < r->accounts.n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct account_decl *a = r->accounts.at[i], *b = r->accounts.at[k];

			if (!account_same_store(a, b))
				continue;
			if (a->path != NULL)
				return err_set(err, ERR_USAGE, SCOPE_PROGRAM,
				    "%s: account \"%s\" is the same Maildir as \"%s\" (%s): %s", a->where,
				    a->name, b->name, b->where, a->path);
			return err_set(err, ERR_USAGE, SCOPE_PROGRAM, "%s: account \"%s\" is the same "
			    "mailbox as \"%s\" (%s): %s at %s; they would act on each message twice",
			    a->where, a->name, b->name, b->where,
			    a->authorize != NULL ? a->authorize : a->user, a->host);
		}
	return 0;
}

static void
drop_accounts(struct engine *e, struct account **fresh, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fresh[i] == NULL)
			continue;
		VEC_PUSH(&e->accounts, fresh[i]);
		account_retire(fresh[i]);
	}
}

/*
 * One that still ends, or will now, and has this one's name or Maildir: two never work
 * on one mailbox.
 */
static struct account *
in_the_way(const struct engine *e, const struct account_decl *d)
{
	for (size_t i = 0; i < e->accounts.n; i++) {
		struct account *a = e->accounts.at[i];

		if (a->successor == NULL && ((a->retired && strcmp(a->name, d->name) == 0) ||
		    account_same_store(a->decl, d)))
			return a;
	}
	return NULL;
}

/*
 * The accounts of the new ruleset: kept where the options are equal, else made anew.
 * All new ones are opened before an old one is touched, but for those that take the
 * place of an old one with the same name: these open when it has ended.
 */
static int
take_accounts(struct engine *e, struct ruleset *r, struct err *err)
{
	size_t n = r->accounts.n;
	struct account **fresh = xcalloc(n + 1, sizeof(*fresh));
	struct account **before = xcalloc(n + 1, sizeof(*before));

	if (engine_check_paths(r, err) < 0)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		const struct account_decl *d = r->accounts.at[i];
		struct account *old = engine_account(e, d->name);

		if (old != NULL && strcmp(old->decl->digest, d->digest != NULL ? d->digest : "") == 0)
			continue;
		before[i] = old == NULL ? in_the_way(e, d) : NULL;
		fresh[i] = account_new(e, d, err);
		if (fresh[i] == NULL || account_prepare(fresh[i], err) < 0 || (old == NULL && before[i] == NULL &&
		    account_open(fresh[i], err) < 0))
			goto fail;
	}
	for (size_t i = e->accounts.n; i-- > 0;) {
		struct account *old = e->accounts.at[i];
		bool kept = false;

		for (size_t k = 0; k < n && !old->retired; k++) {
			if (strcmp(r->accounts.at[k]->name, old->name) != 0)
				continue;
			kept = fresh[k] == NULL;
			old->successor = fresh[k];
		}
		if (!kept && !old->retired)
			account_retire(old);
	}
	for (size_t i = 0; i < n; i++) {
		if (before[i] != NULL)
			before[i]->successor = fresh[i];
		if (fresh[i] != NULL)
			VEC_PUSH(&e->accounts, fresh[i]);
	}
	free(fresh);
	free(before);
	return 0;
fail:
	drop_accounts(e, fresh, n);
	free(fresh);
	free(before);
	return -1;
}

static void
old_handlers_over(void *arg)
{
	struct engine *e = arg;

	e->old_timer = NULL;
	LIST_EACH(&e->runners, it) {
		struct runner *r = LIST_ITEM(it, struct runner, link);

		runner_cancel_handlers(r, e->ruleset);
	}
}

int
engine_activate_accounts(struct engine *e, struct ruleset *r, struct err *err)
{
	CHECK(e, ENGINE_MAGIC);
	assert(!e->stopping);
	if (take_accounts(e, r, err) < 0)
		return -1;
	ruleset_unref(&e->ruleset);
	e->ruleset = ruleset_ref(r);
	return 0;
}

/* The runner of rules declared under this name; its box may have another one (of a role). */
static struct runner *
declared_runner(struct engine *e, const struct account *a, const char *mailbox)
{
	LIST_EACH(&e->runners, it) {
		struct runner *r = LIST_ITEM(it, struct runner, link);

		if (r->box->account == a && strcmp(r->chain->mailbox, mailbox) == 0)
			return r;
	}
	return NULL;
}

static void
start_chain(struct engine *e, struct ruleset *rs, struct chain *c)
{
	struct account *a = engine_account(e, c->account);
	struct runner *r = declared_runner(e, a, c->mailbox);
	struct box *b = r != NULL ? box_ref(r->box) : engine_box(a, c->mailbox);

	if (b->runner == NULL)
		runner_start(e, b, rs, c);
	else if (r != NULL || b->runner->ruleset != rs)
		runner_set_chain(b->runner, rs, c);
	else
		log_error(e->conf.log, "%s:%s: has rules under another name already; declare them "
		    "under one name", a->name, b->name);
	box_unref(&b);
}

int
engine_activate(struct engine *e, struct ruleset *r, struct err *err)
{
	bool reload = e->ruleset != NULL;

	if (engine_activate_accounts(e, r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->chains.n; i++) {
		start_chain(e, r, r->chains.at[i]);
	}
	LIST_EACH(&e->runners, it) {
		struct runner *old = LIST_ITEM(it, struct runner, link);

		if (old->ruleset != r)
			runner_stop(old);
	}
	if (reload) {
		loop_cancel(e->conf.loop, &e->old_timer);
		e->old_timer = loop_after(e->conf.loop, OLD_HANDLERS_MS, old_handlers_over, e);
	}
	engine_poke(e);
	return 0;
}
