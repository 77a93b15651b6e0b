/*
 * LIST: all mailboxes with their roles.  Roles come by RETURN (SPECIAL-USE) where both
 * extensions are offered (Microsoft answers BAD to RETURN, and offers neither), by XLIST where
 * there is only that, else by the usual names (role.h).  A server that offers RETURN
 * and brings nothing by it is asked again without, and from then on.
 * Limit: 100,000 names.
 */
#include "source/imap_source_int.h"

#include <stdlib.h>

#include "base/mem.h"
#include "source/role.h"

#define NAMES_MAX 100000u
#define ROLES_MAX 8u

struct listing {
	struct imap_plain	*plain;
	bool			 special;	/* asked by RETURN or XLIST */
	bool			 inbox;		/* it was named */
	size_t			 all;		/* place of \All; SIZE_MAX: none */
	bool			 over, broken;
	const char		*roles[ROLES_MAX];	/* that have a mailbox */
};

static void ask(struct listing *li);

static const char *
role_of(unsigned attrs, const char *name)
{
	static const struct { unsigned attr; const char *role; } rows[] = {
		{ IMAP_ATTR(INBOX), "inbox" }, { IMAP_ATTR(TRASH), "trash" },
		{ IMAP_ATTR(ARCHIVE), "archive" }, { IMAP_ATTR(JUNK), "junk" },
		{ IMAP_ATTR(SPAM), "junk" }, { IMAP_ATTR(SENT), "sent" },
		{ IMAP_ATTR(DRAFTS), "drafts" },
	};

	if (strcmp(name, "INBOX") == 0)
		return "inbox";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((attrs & rows[i].attr) && strcmp(rows[i].role, "inbox") != 0)
			return rows[i].role;
	return NULL;
}

/* true: nobody has it yet; from now on somebody has. */
static bool
take_role(struct listing *li, const char *role)
{
	for (size_t i = 0; i < ROLES_MAX; i++) {
		if (li->roles[i] == NULL) {
			li->roles[i] = role;
			return true;
		}
		if (strcmp(li->roles[i], role) == 0)
			break;
	}
	return false;
}

static void
list_clear(struct request *r)
{
	for (size_t i = 0; i < r->list.n; i++) {
		free(r->list.at[i].name);
		free(r->list.at[i].role);
	}
	VEC_FREE(&r->list);
}

static void
list_reply(void *arg, struct imap_reply *reply)
{
	struct listing *li = arg;
	struct imap_source *s = li->plain->l->source;
	struct request *r = li->plain->r;
	unsigned attrs;
	struct str name = STR_INIT;
	struct err e = ERR_NONE;
	const char *role;

	if (reply->kind == IMAP_BROKEN && !li->broken)
		log_warn(s->source.log, "%s: the name of a mailbox cannot be read and is left out: %s",
		    s->source.name, reply->why);
	li->broken |= reply->kind == IMAP_BROKEN;
	if (reply->kind != IMAP_LIST || reply->list.lsub)
		return;
	attrs = reply->list.attrs;
	if (attrs & IMAP_ATTR(INBOX))
		str_adds(&name, "INBOX");	/* XLIST spells it in the user's language */
	else if (imap_name_decode(&name, reply->list.name, reply->list.delim,
	    imap_namespaces(li->plain->l->imap), &e) < 0)
		log_debug(s->source.log, "%s: %s", s->source.name, e.text);
	li->over |= r->list.n >= NAMES_MAX;
	if (name.len == 0 || li->over || (li->inbox && strcmp(name.p, "INBOX") == 0)) {
		str_free(&name);
		return;
	}
	li->inbox |= strcmp(name.p, "INBOX") == 0;
	role = role_of(attrs, name.p);
	if (attrs & (IMAP_ATTR(ALL) | IMAP_ATTR(ALLMAIL)) && li->all == SIZE_MAX)
		li->all = r->list.n;
	VEC_PUSH(&r->list, ((struct source_mailbox){ .name = str_take(&name),
	    .selectable = !(attrs & (IMAP_ATTR(NOSELECT) | IMAP_ATTR(NONEXISTENT))) }));
	/* of two with one role the first has it */
	if (role != NULL && take_role(li, role))
		r->list.at[r->list.n - 1].role = xstrdup(role);
}

static void
listed(struct listing *li)
{
	struct request *r = li->plain->r;
	struct source_mailbox *all = li->all != SIZE_MAX ? &r->list.at[li->all] : NULL;

	if (li->over) {
		err_set(&r->err, ERR_LIMIT, SCOPE_ACCOUNT, "account '%s': more than %u mailboxes",
		    li->plain->l->source->source.name, NAMES_MAX);
		r->result = RESULT_FAILED;
		list_clear(r);
		return;
	}
	if (!li->inbox)		/* there is one always (RFC 9051, 5.1) */
		VEC_PUSH(&r->list, ((struct source_mailbox){ xstrdup("INBOX"), xstrdup("inbox"), true }));
	role_give(r->list.at, r->list.n);
	/* Gmail has no archive: what leaves the inbox stays in All Mail. */
	all = li->all != SIZE_MAX ? &r->list.at[li->all] : NULL;
	if (all != NULL && all->role == NULL && !role_taken(r->list.at, r->list.n, "archive"))
		all->role = xstrdup("archive");
	r->result = RESULT_DONE;
}

static void
list_done(void *arg, const struct imap_answer *a)
{
	struct listing *li = arg;
	struct imap_plain *p = li->plain;
	struct imap_source *s = p->l->source;
	struct request *r = p->r;
	bool ok = a->result != NULL && a->result->cond == IMAP_OK;

	if (a->result != NULL && li->special && (!ok || r->list.n == 0)) {
		s->flat_list = true;
		ask(li);
		return;
	}
	if (ok) {
		listed(li);
		imap_answer(s, r);
	} else {
		list_clear(r);
		if (!imap_plain_again(p, a)) {
			struct str what = STR_INIT;

			str_addf(&what, "the mailboxes of account '%s'", s->source.name);
			imap_answer_fault(s, r, a, str_z(&what));
			str_free(&what);
		}
	}
	free(li);
	imap_plain_ended(p);
}

static void
ask(struct listing *li)
{
	struct imap_link *l = li->plain->l;
	bool returns = imap_can(l->imap, IMAP_CAP_SPECIAL_USE) &&
	    imap_can(l->imap, IMAP_CAP_LIST_EXTENDED) && !l->source->flat_list;
	bool xlist = imap_can(l->imap, IMAP_CAP_XLIST) && !imap_can(l->imap, IMAP_CAP_SPECIAL_USE) &&
	    !l->source->flat_list;
	struct imap_op *op = imap_op_new(l->imap, xlist ? IMAP_DO_XLIST : IMAP_DO_LIST);

	list_clear(li->plain->r);
	li->inbox = li->over = li->broken = false;
	memset(li->roles, 0, sizeof(li->roles));
	li->all = SIZE_MAX;
	li->special = returns || xlist;
	imap_cmd_raw(imap_op_cmd(op), returns ? "\"\" \"*\" RETURN (SPECIAL-USE)" : "\"\" \"*\"");
	imap_op_send(op, list_reply, list_done, li);
}

void
imap_list_run(struct imap_plain *p)
{
	struct listing *li = xcalloc(1, sizeof(*li));

	li->plain = p;
	ask(li);
}
