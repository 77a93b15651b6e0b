/*
 * The mailboxes of an account as its source lists them, and which of them has a role:
 * "@trash" is a mailbox by the account's option, else by the list.  One LIST at a time, asked
 * for by whoever needs it; a list without the role is believed for a moment only.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#define LIST_FRESH_MS	5000

struct role_wait {
	struct link	 link;
	struct account	*account;
	loop_fn		 fn;
	void		*arg;
};

void
account_list_clear(struct account *a)
{
	for (size_t i = 0; i < a->list.n; i++) {
		free(a->list.at[i].name);
		free(a->list.at[i].role);
	}
	VEC_FREE(&a->list);
}

static void
roles_tell(struct account *a)
{
	struct link told;

	list_init(&told);
	while (!list_empty(&a->waiting)) {
		struct link *l = a->waiting.next;

		list_remove(l);
		list_append(&told, l);
	}
	LIST_EACH(&told, it) {
		struct role_wait *w = LIST_ITEM(it, struct role_wait, link);

		list_remove(it);
		w->fn(w->arg);
		free(w);
	}
}

static void
roles_listed(struct request *r)
{
	struct account *a = r->arg;

	a->listing = false;
	if (r->result == RESULT_DONE) {
		a->listed = true;
		a->listed_at = loop_now(a->engine->conf.loop);
		account_list_clear(a);
		for (size_t i = 0; i < r->list.n; i++) {
			VEC_PUSH(&a->list, r->list.at[i]);
			r->list.at[i].name = r->list.at[i].role = NULL;
		}
	} else {
		log_at(a->engine->conf.log, account_says_away(a, &r->err) ? LOG_DEBUG : LOG_WARN,
		    "%s: the mailboxes cannot be listed: %s", a->name, r->err.text);
	}
	account_heard(a, &r->err);
	request_free(&r);
	roles_tell(a);
	account_ended(a);
}

static void
roles_later(void *arg)
{
	roles_tell(arg);
	account_ended(arg);
}

void
account_want_list(struct account *a, loop_fn fn, void *arg)
{
	if (fn != NULL) {
		struct role_wait *w = xcalloc(1, sizeof(*w));

		*w = (struct role_wait){ .account = a, .fn = fn, .arg = arg };
		list_append(&a->waiting, &w->link);
	}
	if (a->listing)
		return;
	if (a->source == NULL) {
		a->busy++;
		loop_defer(a->engine->conf.loop, roles_later, a);
		return;
	}
	a->listing = true;
	account_submit(a, request_new(REQ_LIST, "", roles_listed, a));
}

int
account_role(struct account *a, const char *name, const char **name_r, struct err *err)
{
	if (name[0] != '@' && strcasecmp(name, "inbox") != 0) {
		*name_r = name;
		return 1;
	}
	if (strcasecmp(name, "@inbox") == 0 || name[0] != '@') {
		*name_r = "INBOX";
		return 1;
	}
	if (strcasecmp(name, "@trash") == 0 && a->decl->trash != NULL) {
		*name_r = a->decl->trash;
		return 1;
	}
	for (size_t i = 0; i < a->list.n; i++) {
		if (a->list.at[i].role != NULL && strcasecmp(a->list.at[i].role, name + 1) == 0) {
			*name_r = a->list.at[i].name;
			return 1;
		}
	}
	/* Mailboxes come and go: a list that does not have it is believed for a moment only. */
	if (!a->listed || loop_now(a->engine->conf.loop) - a->listed_at > LIST_FRESH_MS)
		return -1;
	if (strcasecmp(name, "@trash") == 0)
		err_set(err, ERR_REFUSED, SCOPE_MESSAGE, "account \"%s\" has no mailbox for the trash; "
		    "name one with trash = \"...\", or use expunge to remove for good", a->name);
	else
		err_set(err, ERR_REFUSED, SCOPE_MESSAGE,
		    "account \"%s\" has no mailbox with the role %s", a->name, name);
	return 0;
}
