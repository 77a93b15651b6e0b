/*
 * check --connect: every account at once, and in each one after the other: its mailboxes, the
 * counts of those that have rules (of INBOX where none has), then the fixed targets of all
 * rules that lead there.  An account that cannot be reached does not hold up the others.
 */
#include "cli/connect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/near.h"

struct reach {				/* one account */
	struct reaching		*all;
	struct account		*account;
	struct { VEC(struct source_mailbox) } list;
	struct { VEC(const struct chain *) } chains;
	size_t			 next;		/* chain to be counted */
	struct box		*box;		/* being counted */
	struct str		 counts;
};
struct reaching {
	struct host		*host;
	const struct ruleset	*rules;
	struct connected	 found;
	size_t			 left;
};

static void reach_count(struct reach *r);

/* ---- findings */

static void PRINTF(3, 4)
finding(struct reach *r, const char *where, const char *fmt, ...)
{
	struct str text = str_limited(2000);
	va_list ap;

	va_start(ap, fmt);
	str_addvf(&text, fmt, ap);
	va_end(ap);
	log_error(r->all->host->cli->log, "%s: %s", where, str_z(&text));
	str_free(&text);
	r->all->found.findings++;
}

/* Sign-in before network before the rest. */
static void
reach_failed(struct reach *r, const char *what, const struct err *e)
{
	int code = cli_exit_code(e), *have = &r->all->found.code;

	log_error(r->all->host->cli->log, "%s: %s%s", account_name(r->account), what, e->text);
	if (*have == EXIT_DONE || code == EXIT_SIGNIN || (code == EXIT_NETWORK && *have != EXIT_SIGNIN))
		*have = code;
}

/* ---- targets */

/* The mailbox of that name or role, or NULL. */
static const struct source_mailbox *
reach_find(const struct reach *r, const char *name)
{
	const char *trash = account_decl(r->account)->trash;
	const char *role = name[0] == '@' ? name + 1 : NULL;

	if (role != NULL && strcasecmp(role, "trash") == 0 && trash != NULL) {
		name = trash;
		role = NULL;
	} else if (role != NULL && strcasecmp(role, "inbox") == 0) {
		name = "INBOX";
		role = NULL;
	}
	for (size_t i = 0; i < r->list.n; i++) {
		const struct source_mailbox *m = &r->list.at[i];
		bool inbox = strcasecmp(name, "INBOX") == 0 && strcasecmp(m->name, "INBOX") == 0;

		if (role == NULL ? inbox || strcmp(m->name, name) == 0 :
		    m->role != NULL && strcasecmp(m->role, role) == 0)
			return m;
	}
	return NULL;
}

static void
say_missing(struct reach *r, const struct rule *rule, const char *name)
{
	const char **names = xcalloc(r->list.n + 1, sizeof(*names));
	int near;

	for (size_t i = 0; i < r->list.n; i++)
		names[i] = r->list.at[i].name;
	near = near_find(view_of(name), names, r->list.n);
	finding(r, rule->where, "rule \"%s\": account \"%s\" has no mailbox \"%s\"%s%s%s", rule->name,
	    account_name(r->account), name, near >= 0 ? "; did you mean \"" : "; make it, or give the "
	    "account create = true", near >= 0 ? names[near] : "", near >= 0 ? "\"?" : "");
	free(names);
}

static void
check_target(struct reach *r, const struct rule *rule, const struct rule_action *a)
{
	struct str name = str_limited(4000);
	const struct source_mailbox *m;
	struct err e = ERR_NONE;

	if (a->verb == VERB_DELETE) {
		if (reach_find(r, "@trash") == NULL && account_decl(r->account)->trash == NULL)
			finding(r, rule->where, "rule \"%s\": account \"%s\" has no mailbox for the trash; name "
			    "one with trash = \"...\", or use expunge to remove for good", rule->name,
			    account_name(r->account));
		else if (reach_find(r, "@trash") == NULL && !account_decl(r->account)->create)
			say_missing(r, rule, account_decl(r->account)->trash);
	} else if (template_is_fixed(a->target) && template_fill(a->target, TEMPLATE_MAILBOX, NULL,
	    account_name(r->account), "", NULL, VIEW_NONE, NULL, &name, &e) == 0) {
		m = reach_find(r, str_z(&name));
		if (m == NULL && str_z(&name)[0] == '@')
			finding(r, rule->where, "rule \"%s\": account \"%s\" has no mailbox with the role %s",
			    rule->name, account_name(r->account), str_z(&name));
		else if (m == NULL && !account_decl(r->account)->create)
			say_missing(r, rule, str_z(&name));
		else if (m != NULL && !m->selectable)
			finding(r, rule->where, "rule \"%s\": \"%s\" in account \"%s\" can hold no messages",
			    rule->name, m->name, account_name(r->account));
	}
	str_free(&name);
}

/* Those of all rules that lead into this account. */
static void
check_targets(struct reach *r)
{
	const struct ruleset *rs = r->all->rules;

	for (size_t i = 0; i < rs->chains.n; i++) {
		const struct chain *c = rs->chains.at[i];

		for (size_t k = 0; k < c->rules.n; k++)
			for (size_t j = 0; j < c->rules.at[k]->actions.n; j++) {
				const struct rule_action *a = &c->rules.at[k]->actions.at[j];
				const char *to = a->account != NULL ? a->account : c->account;

				if ((a->verb == VERB_COPY || a->verb == VERB_MOVE ||
				    a->verb == VERB_DELETE) && strcmp(to, account_name(r->account)) == 0)
					check_target(r, c->rules.at[k], a);
			}
	}
}

/* ---- one account */

static void
reach_end(struct reach *r)
{
	struct reaching *all = r->all;

	for (size_t i = 0; i < r->list.n; i++) {
		free(r->list.at[i].name);
		free(r->list.at[i].role);
	}
	VEC_FREE(&r->list);
	VEC_FREE(&r->chains);
	str_free(&r->counts);
	free(r);
	if (--all->left == 0)
		loop_stop(all->host->loop);
}

static void
reach_done(struct reach *r)
{
	struct source *s = account_source(r->account);
	struct str line = STR_INIT;

	if (s != NULL && s->ops->describe != NULL)
		s->ops->describe(s, &line);
	else
		str_adds(&line, "is there");
	str_addf(&line, "; %zu mailbox%s%s", r->list.n, r->list.n == 1 ? "" : "es", str_z(&r->counts));
	printf("%s: %s\n", account_name(r->account), str_z(&line));
	str_free(&line);
	check_targets(r);
	reach_end(r);
}

static void
reach_counted(void *arg, const struct source_status *st, const struct err *e)
{
	struct reach *r = arg;
	const char *name = box_name(r->box);
	const struct chain *c = r->chains.n > 0 ? r->chains.at[r->next] : NULL;

	if (st != NULL)
		str_addf(&r->counts, "%s %s %lld message%s", r->next == 0 ? ";" : ",", name,
		    (long long)st->messages, st->messages == 1 ? "" : "s");
	else if (e->scope >= SCOPE_SESSION)
		reach_failed(r, "", e);
	else if (c == NULL || account_decl(r->account)->create)
		log_warn(r->all->host->cli->log, "%s:%s: %s", account_name(r->account), name, e->text);
	else
		finding(r, c->rules.at[0]->where, "rules for %s:%s: %s", account_name(r->account), name,
		    e->text);
	box_unref(&r->box);
	r->next++;
	reach_count(r);
}

static void
reach_count(struct reach *r)
{
	if (r->next >= MAX(r->chains.n, (size_t)1)) {
		reach_done(r);
		return;
	}
	r->box = engine_box(r->account, r->chains.n > 0 ? r->chains.at[r->next]->mailbox : "INBOX");
	box_status(r->box, reach_counted, r);
}

static void
reach_listed(void *arg, const struct source_mailbox *list, size_t n, const struct err *e)
{
	struct reach *r = arg;

	if (err_is(e)) {
		reach_failed(r, "", e);
		reach_end(r);
		return;
	}
	for (size_t i = 0; i < n; i++)
		VEC_PUSH(&r->list, ((struct source_mailbox){ xstrdup(list[i].name),
		    list[i].role != NULL ? xstrdup(list[i].role) : NULL, list[i].selectable }));
	reach_count(r);
}

static void
reach_begin(struct reaching *all, struct account *a)
{
	struct reach *r = xcalloc(1, sizeof(*r));

	r->all = all;
	r->account = a;
	r->counts = str_limited(4000);
	for (size_t i = 0; i < all->rules->chains.n; i++)
		if (strcmp(all->rules->chains.at[i]->account, account_name(a)) == 0)
			VEC_PUSH(&r->chains, all->rules->chains.at[i]);
	all->left++;
	account_mailboxes(a, reach_listed, r);
}

/* ---- all */

static void
closed(void *arg)
{
	loop_stop(arg);
}

struct connected
connect_all(struct host *h, struct ruleset *rs)
{
	struct reaching all = { .host = h, .rules = rs };
	struct err e = ERR_NONE;

	if (engine_activate_accounts(h->engine, rs, &e) < 0) {
		log_error(h->cli->log, "%s", e.text);
		all.found.findings++;
	} else {
		for (size_t i = 0; i < rs->accounts.n; i++)
			reach_begin(&all, engine_account(h->engine, rs->accounts.at[i]->name));
		if (all.left > 0)
			loop_run(h->loop);
	}
	engine_stop(h->engine, 0, closed, h->loop);
	loop_run(h->loop);
	return all.found;
}
