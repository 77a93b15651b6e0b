/*
 * The engine as a whole: putting a ruleset to work beside or instead of another one,
 * knowing when nothing is left to do, and stopping.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

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

struct loop *
engine_loop(const struct engine *e)
{
	return e->conf.loop;
}

/* ---- idle and stopped */

static void
reap_runners(struct engine *e)
{
	LIST_EACH(&e->runners, it) {
		struct runner *r = LIST_ITEM(it, struct runner, link);

		if (r->phase == RUNNER_STOPPING && runner_idle(r))
			runner_free(&r);
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

static void
engine_look(void *arg)
{
	struct engine *e = arg;

	CHECK(e, ENGINE_MAGIC);
	e->idle_asked = false;
	reap_runners(e);
	if (e->stopping) {
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
	/* account_retire may end an account and move another into its place. */
	for (size_t i = e->accounts.n; i-- > 0;) {
		e->accounts.at[i]->successor = NULL;
		account_retire(e->accounts.at[i]);
	}
	e->grace = loop_after(e->conf.loop, grace_ms, grace_over, e);
	engine_poke(e);
}

/* ---- rulesets */

/* Two accounts over one Maildir would act on each message twice. */
static int
check_paths(const struct ruleset *r, struct err *err)
{
	for (size_t i = 0; i < r->accounts.n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct account_decl *a = r->accounts.at[i], *b = r->accounts.at[k];

			if (a->path != NULL && b->path != NULL && strcmp(a->path, b->path) == 0)
				return err_set(err, ERR_USAGE, SCOPE_PROGRAM,
				    "%s: account \"%s\" is the same Maildir as \"%s\" (%s): %s", a->where,
				    a->name, b->name, b->where, a->path);
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
 * The accounts of the new ruleset: kept where the options are equal, else made anew.
 * All new ones are opened before an old one is touched, but for those that take the
 * place of an old one with the same name: these open when it has ended.
 */
static int
take_accounts(struct engine *e, struct ruleset *r, struct err *err)
{
	size_t n = r->accounts.n;
	struct account **fresh = xcalloc(n + 1, sizeof(*fresh));

	if (check_paths(r, err) < 0)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		const struct account_decl *d = r->accounts.at[i];
		struct account *old = engine_account(e, d->name);

		if (old != NULL && strcmp(old->decl->digest, d->digest != NULL ? d->digest : "") == 0)
			continue;
		fresh[i] = account_new(e, d, err);
		if (fresh[i] == NULL || (old == NULL && account_open(fresh[i], err) < 0))
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
	for (size_t i = 0; i < n; i++)
		if (fresh[i] != NULL)
			VEC_PUSH(&e->accounts, fresh[i]);
	free(fresh);
	return 0;
fail:
	drop_accounts(e, fresh, n);
	free(fresh);
	return -1;
}

static void
old_handlers_over(void *arg)
{
	struct engine *e = arg;

	e->old_timer = NULL;
	LIST_EACH(&e->runners, it) {
		struct runner *r = LIST_ITEM(it, struct runner, link);

		runner_cancel_handlers(r, r->ruleset);
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

int
engine_activate(struct engine *e, struct ruleset *r, struct err *err)
{
	bool reload = e->ruleset != NULL;

	if (engine_activate_accounts(e, r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->chains.n; i++) {
		struct chain *c = r->chains.at[i];
		struct account *a = engine_account(e, c->account);
		struct box *b = engine_box(a, c->mailbox);

		if (b->runner != NULL)
			runner_set_chain(b->runner, r, c);
		else
			runner_start(e, b, r, c);
		box_unref(&b);
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
