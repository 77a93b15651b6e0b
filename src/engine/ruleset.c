/*
 * The declarations of one load of a script, and the checks over them as a whole.
 * A ruleset is built by one thread, then only read; counted by references, because
 * turns that began under it may outlive its time at work.
 */
#include "engine/ruleset.h"

#include <stdlib.h>

/* ---- accounts */

static char *
copy_text(const char *z)
{
	return z != NULL ? xstrdup(z) : NULL;
}

static char **
copy_texts(char *const *list)
{
	size_t n = 0;
	char **copy;

	if (list == NULL)
		return NULL;
	while (list[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

struct account_decl *
account_decl_copy(const struct account_decl *d)
{
	struct account_decl *c = xcalloc(1, sizeof(*c));

	*c = *d;
	c->name = xstrdup(d->name);
	c->where = xstrdup(d->where);
	c->trash = copy_text(d->trash);
	c->tz = copy_text(d->tz);
	c->digest = xstrdup(d->digest != NULL ? d->digest : "");
	c->path = copy_text(d->path);
	c->host = copy_text(d->host);
	c->user = copy_text(d->user);
	c->authorize = copy_text(d->authorize);
	c->ca_file = copy_text(d->ca_file);
	c->fingerprints = copy_texts(d->fingerprints);
	if (d->password != NULL)
		credential_ref(d->password);
	if (d->token != NULL)
		credential_ref(d->token);
	return c;
}

void
account_decl_free(struct account_decl **dp)
{
	struct account_decl *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	free(d->name);
	free(d->where);
	free(d->trash);
	free(d->tz);
	free(d->digest);
	free(d->path);
	free(d->host);
	free(d->user);
	free(d->authorize);
	free(d->ca_file);
	for (char **f = d->fingerprints; f != NULL && *f != NULL; f++)
		free(*f);
	free(d->fingerprints);
	credential_unref(&d->password);
	credential_unref(&d->token);
	free(d);
}

/* ---- rules */

struct rule *
rule_new(const char *name, const char *where)
{
	struct rule *r = xcalloc(1, sizeof(*r));

	r->name = xstrdup(name);
	r->where = xstrdup(where);
	r->after_ms = -1;
	r->stop = -1;
	return r;
}

void
rule_free(struct rule **rp)
{
	struct rule *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	free(r->name);
	free(r->where);
	query_free(&r->when);
	query_free(&r->unless);
	for (size_t i = 0; i < r->actions.n; i++) {
		struct rule_action *a = &r->actions.at[i];

		flags_free(&a->flags);
		free(a->account);
		template_free(&a->target);
		blob_free(&a->bytes);
	}
	VEC_FREE(&r->actions);
	free(r);
}

static unsigned
rule_action_needs(const struct rule *r)
{
	unsigned need = 0;

	for (size_t i = 0; i < r->actions.n; i++)
		if (r->actions.at[i].target != NULL)
			need |= template_needs(r->actions.at[i].target);
	if (r->after_ms >= 0)
		need |= r->after_here ? NEED_HERE : NEED_RECEIVED;
	return need;
}

unsigned
rule_needs(const struct rule *r)
{
	unsigned need = rule_action_needs(r);

	if (r->when != NULL)
		need |= query_needs(r->when);
	if (r->unless != NULL)
		need |= query_needs(r->unless);
	return need;
}

unsigned
rule_needs_first(const struct rule *r)
{
	unsigned need = rule_action_needs(r);

	if (r->when != NULL)
		need |= query_needs_first(r->when);
	if (r->unless != NULL)
		need |= query_needs_first(r->unless);
	return need;
}

/* ---- life */

struct ruleset *
ruleset_new(const struct handler_ops *h, void *script)
{
	struct ruleset *r = xcalloc(1, sizeof(*r));

	r->refs = 1;
	r->handler = h;
	r->script = script;
	return r;
}

struct ruleset *
ruleset_ref(struct ruleset *r)
{
	r->refs++;
	return r;
}

static void
chain_free(struct chain *c)
{
	for (size_t i = 0; i < c->rules.n; i++)
		rule_free(&c->rules.at[i]);
	VEC_FREE(&c->rules);
	free(c->account);
	free(c->mailbox);
	free(c);
}

void
ruleset_unref(struct ruleset **rp)
{
	struct ruleset *r = *rp;

	*rp = NULL;
	if (r == NULL || --r->refs > 0)
		return;
	for (size_t i = 0; i < r->accounts.n; i++)
		account_decl_free(&r->accounts.at[i]);
	VEC_FREE(&r->accounts);
	for (size_t i = 0; i < r->chains.n; i++)
		chain_free(r->chains.at[i]);
	VEC_FREE(&r->chains);
	if (r->handler != NULL && r->handler->released != NULL)
		r->handler->released(r->script);
	free(r);
}

/* ---- declaring */

const struct account_decl *
ruleset_account(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->accounts.n; i++)
		if (strcmp(r->accounts.at[i]->name, name) == 0)
			return r->accounts.at[i];
	return NULL;
}

int
ruleset_add_account(struct ruleset *r, struct account_decl *d, struct err *e)
{
	const struct account_decl *old = ruleset_account(r, d->name);

	if (old != NULL) {
		err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "%s: account \"%s\" was declared at %s already; give this one another name",
		    d->where, d->name, old->where);
		account_decl_free(&d);
		return -1;
	}
	VEC_PUSH(&r->accounts, d);
	return 0;
}

struct chain *
ruleset_chain(const struct ruleset *r, const char *account, const char *mailbox)
{
	for (size_t i = 0; i < r->chains.n; i++) {
		struct chain *c = r->chains.at[i];

		if (strcmp(c->account, account) == 0 && strcmp(c->mailbox, mailbox) == 0)
			return c;
	}
	return NULL;
}

int
ruleset_attach(struct ruleset *r, const char *account, const char *mailbox, struct rule *rule,
	struct err *e)
{
	struct chain *c = ruleset_chain(r, account, mailbox);

	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
		c->account = xstrdup(account);
		c->mailbox = xstrdup(mailbox);
		VEC_PUSH(&r->chains, c);
	}
	for (size_t i = 0; i < c->rules.n; i++) {
		if (strcmp(c->rules.at[i]->name, rule->name) != 0)
			continue;
		err_set(e, ERR_USAGE, SCOPE_PROGRAM,
		    "%s: a rule \"%s\" stands at %s already; names are unique in a mailbox (%s:%s)",
		    rule->where, rule->name, c->rules.at[i]->where, account, mailbox);
		rule_free(&rule);
		return -1;
	}
	if (rule->on == 0)
		rule->on = RULE_ARRIVAL;
	c->need |= rule->after_ms >= 0 ? rule_action_needs(rule) : rule_needs_first(rule);
	c->need_most |= rule_needs(rule);
	VEC_PUSH(&c->rules, rule);
	return 0;
}

/* ---- checking */

struct check {
	ruleset_finding_fn	 fn;
	void			*arg;
};

static void PRINTF(4, 5)
finding(struct check *c, bool error, const char *where, const char *fmt, ...)
{
	struct str text = str_limited(2000);
	va_list ap;

	va_start(ap, fmt);
	str_addvf(&text, fmt, ap);
	va_end(ap);
	c->fn(c->arg, error, where, str_z(&text));
	str_free(&text);
}

static bool
rule_ends_chain(const struct rule *r)
{
	if (r->stop >= 0)
		return r->stop == 1;
	for (size_t i = 0; i < r->actions.n; i++)
		if (verb_takes_away(r->actions.at[i].verb))
			return true;
	return false;
}

/* A condition on age says nothing at the moment of arrival: "after" is what is meant. */
static void
check_age(struct check *c, const struct rule *r)
{
	static const char *const keys[] = { "older", "here" };

	if (r->after_ms >= 0 || !(r->on & RULE_ARRIVAL) || r->existing)
		return;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if ((r->when != NULL && query_uses_key(r->when, keys[i])) ||
		    (r->unless != NULL && query_uses_key(r->unless, keys[i])))
			finding(c, true, r->where, "rule \"%s\": q.%s can never hold when a message "
			    "arrives; write after = \"...\" to test the rule later, or on = \"apply\"",
			    r->name, keys[i]);
}

static void
check_star(struct check *c, const struct rule *r, const struct query *q)
{
	const char *star = q != NULL ? query_star(q) : NULL;

	if (star != NULL)
		finding(c, false, r->where, "rule \"%s\": \"%s\" is looked for as it stands, star "
		    "and all; for a pattern write q.key:glob \"%s\"", r->name, star, star);
}

static void
check_reach(struct check *c, const struct chain *chain, size_t at)
{
	const struct rule *r = chain->rules.at[at];

	for (size_t i = 0; i < at; i++) {
		const struct rule *p = chain->rules.at[i];

		if (p->unless != NULL || p->after_ms >= 0 || !rule_ends_chain(p) ||
		    (p->on & r->on) != r->on || (r->own && !p->own) || (r->existing && !p->existing))
			continue;
		if (p->when != NULL && (r->when == NULL || !query_covers(p->when, r->when)))
			continue;
		finding(c, false, r->where, "rule \"%s\" can never be reached: \"%s\" (%s) takes "
		    "every message it would match", r->name, p->name, p->where);
		return;
	}
}

static void
check_rule(struct check *c, const struct chain *chain, size_t at)
{
	const struct rule *r = chain->rules.at[at];

	if (r->actions.n == 0 && r->run == 0 && r->stop != 1)
		finding(c, false, r->where, "rule \"%s\" does nothing: it has no action, no run and "
		    "no stop", r->name);
	check_age(c, r);
	check_star(c, r, r->when);
	check_star(c, r, r->unless);
	check_reach(c, chain, at);
	for (size_t i = 0; i < r->actions.n; i++) {
		const struct rule_action *a = &r->actions.at[i];

		if (i > 0 && verb_takes_away(r->actions.at[i - 1].verb))
			finding(c, true, r->where, "rule \"%s\": after %s nothing is left to %s; "
			    "keep one of them", r->name, verb_name(r->actions.at[i - 1].verb),
			    verb_name(a->verb));
	}
}

void
ruleset_check(struct ruleset *r, ruleset_finding_fn fn, void *arg)
{
	struct check c = { fn, arg };

	for (size_t i = 0; i < r->chains.n; i++)
		for (size_t k = 0; k < r->chains.at[i]->rules.n; k++)
			check_rule(&c, r->chains.at[i], k);
}
