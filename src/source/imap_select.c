/*
 * Selecting a mailbox on a link: SELECT, or EXAMINE in an account that is only read.  What the
 * answer says is taken over into the mailbox; a mailbox that the server does not give is told
 * to those who wait for it and to its watchers, and tried again every 30 s while it is watched.
 */
#include "source/imap_source_int.h"

#include <stdlib.h>

#include "base/mem.h"

#define RETRY_MS 30000

void
imap_select_leave(struct imap_link *l, bool unselect)
{
	if (l->box == NULL)
		return;
	l->box->at = NULL;
	l->box = NULL;
	l->selecting = false;
	if (!unselect || !imap_link_ready(l) || !imap_can(l->imap, IMAP_CAP_UNSELECT))
		return;
	imap_op_send(imap_op_new(l->imap, IMAP_DO_UNSELECT), NULL, NULL, NULL);
	imap_link_poke(l);
}

/* The server serves one session what it has in its place, and others what was made anew. */
bool
imap_select_is_stale(const struct imap_box *b)
{
	const struct imap_selected *sel = b->at != NULL && !b->at->selecting && imap_link_ready(b->at) ?
	    imap_selected(b->at->imap) : NULL;

	return sel != NULL && sel->uidvalidity != b->uidvalidity;
}

void
imap_select_validity(struct imap_box *b, uint32_t uidvalidity, int64_t messages)
{
	if (uidvalidity == 0 || uidvalidity == b->uidvalidity)
		return;
	if (b->uidvalidity != 0) {
		/* What that means for rules is said by who keeps UIDs (engine). */
		log_debug(b->source->source.log, "%s:%s: the server has renumbered its messages "
		    "(UIDVALIDITY %u is %u now; %lld message%s)", b->source->source.name, b->name,
		    b->uidvalidity, uidvalidity, (long long)messages, messages == 1 ? "" : "s");
		seqset_free(&b->known);
		b->known_above = 0;
		b->known_whole = false;
		b->uidnext = 0;
		b->changed = true;
	}
	b->uidvalidity = uidvalidity;
	/* A batch that is under way ends where it began, and then looks itself. */
	if (!b->batching && imap_select_is_stale(b))
		imap_select_leave(b->at, true);
}

int
imap_select_fault(struct imap_source *s, const char *name, const struct imap_result *res,
	struct err *e)
{
	struct err why = ERR_NONE;
	struct str what = STR_INIT;
	int rc;

	str_addf(&what, "mailbox '%s' in account '%s'", name, s->source.name);
	rc = imap_fault(res, IMAP_DURING_COMMAND, str_z(&what), &why, NULL);
	str_free(&what);
	if (rc == 0)
		return 0;
	if (why.scope < SCOPE_MAILBOX)
		why.scope = SCOPE_MAILBOX;
	if (why.kind == ERR_GONE) {
		log_debug(s->source.log, "%s: %s", s->source.name, why.text);
		err_set(e, ERR_GONE, SCOPE_MAILBOX, "there is no mailbox '%s' in account '%s'", name,
		    s->source.name);
	} else if (!err_is(e)) {
		*e = why;
	}
	return -1;
}

/* ---- answers to SELECT */

static void
refused(struct imap_box *b, const struct err *e)
{
	struct imap_source *s = b->source;

	imap_answer_all(s, &b->queue, e);
	imap_answer_all(s, &b->asks, e);
	b->retry_at = loop_now(s->source.loop) + RETRY_MS;
	imap_watch_lost(b, e);
}

static void
selected(struct imap_link *l)
{
	struct imap_box *b = l->box;
	const struct imap_selected *sel = imap_selected(l->imap);
	uint32_t before = b->uidnext;
	bool is_back = b->told_lost || err_is(&b->lost);

	imap_select_validity(b, sel->uidvalidity, sel->exists);
	b->exists = b->known_exists = sel->exists;
	b->uidnext = sel->uidnext;
	/* Without UIDNEXT the last message is the least that is known. */
	b->moved_on = sel->uidnext == 0;
	if (b->uidnext == 0)
		b->uidnext = l->last_uid < UINT32_MAX ? l->last_uid + 1 : l->last_uid;
	seqset_free(&b->known);
	b->known_above = 0;
	b->known_whole = false;
	b->retry_at = 0;
	err_clear(&b->lost);
	l->selecting = false;
	l->used_at = l->selected_at = loop_now(l->source->source.loop);
	imap_idle(l->imap, l->watches == b);
	if (l->watches == b)
		imap_watch_how(b, imap_can_idle(l->imap) ? HOW_IDLE : HOW_NOOP);
	/*
	 * Nobody has looked since the connection before, or at all.  Of a mailbox that is polled a
	 * worker tells only what is news, or two of them would call each other for ever.
	 */
	b->changed |= l->watches == b || is_back || (before != 0 && before != b->uidnext);
	imap_source_step(l->source);
}

static void
last_done(void *arg, const struct imap_answer *a)
{
	struct imap_link *l = arg;

	if (!l->selecting)
		return;		/* it went away meanwhile */
	if (a->result != NULL && imap_selected(l->imap) != NULL) {
		selected(l);
		return;
	}
	imap_select_leave(l, false);
	imap_source_step(l->source);
}

/* Courier does not say UIDNEXT.  The reply comes as an event: no UID is named. */
static void
ask_last(struct imap_link *l)
{
	struct imap_op *op = imap_op_new(l->imap, IMAP_DO_UID_FETCH);

	imap_cmd_set(imap_op_cmd(op), VIEW("*"));
	imap_cmd_raw(imap_op_cmd(op), " (UID)");
	imap_op_send(op, NULL, last_done, l);
}

static void
select_done(void *arg, const struct imap_answer *a)
{
	struct imap_link *l = arg;
	struct imap_box *b = l->box;
	const struct imap_selected *sel;
	struct err e = ERR_NONE;

	if (!l->selecting)
		return;		/* the link is being closed */
	if (a->result != NULL) {
		(void)imap_select_fault(l->source, b->name, a->result, &e);
	} else if (a->err.kind == ERR_USAGE || (!a->sent && a->err.kind == ERR_LIMIT)) {
		e = a->err;
		e.scope = SCOPE_MAILBOX;
		err_prefix(&e, "mailbox '%s' in account '%s'", b->name, l->source->source.name);
	}
	sel = a->result != NULL && !err_is(&e) ? imap_selected(l->imap) : NULL;
	if (sel != NULL && sel->uidvalidity == 0)
		err_set(&e, ERR_PROTO, SCOPE_MAILBOX, "mailbox '%s' in account '%s': the server does not tell "
		    "its UIDVALIDITY: its messages cannot be told from those it had before", b->name,
		    l->source->source.name);
	if (sel != NULL && !err_is(&e)) {
		if (sel->uidnext == 0 && sel->exists > 0)
			ask_last(l);
		else
			selected(l);
		return;
	}
	/* Without an answer the link is gone, and its requests wait for the next one. */
	imap_select_leave(l, sel != NULL);
	if (err_is(&e))
		refused(b, &e);
	imap_source_step(l->source);
}

/* ---- the command */

/* The name as this server spells it; -1: there can be no such mailbox. */
static int
spell(struct imap_link *l, struct imap_box *b, struct err *e)
{
	struct str wire = STR_INIT;

	if (imap_name_encode(&wire, view_of(b->name), imap_namespaces(l->imap), e) < 0) {
		e->scope = SCOPE_MAILBOX;
		str_free(&wire);
		return -1;
	}
	free(b->wire);
	b->wire = str_take(&wire);
	return 0;
}

void
imap_select(struct imap_link *l, struct imap_box *b)
{
	struct imap_source *s = l->source;
	struct err e = ERR_NONE;
	struct imap_op *op;

	if (spell(l, b, &e) < 0) {
		refused(b, &e);
		imap_source_step(s);
		return;
	}
	imap_select_leave(l, false);
	l->box = b;
	b->at = l;
	l->selecting = true;
	l->last_uid = 0;
	l->selected_at = loop_now(s->source.loop);
	list_remove(&b->link);		/* the others come first the next time */
	list_append(&s->boxes, &b->link);
	op = imap_op_new(l->imap, s->conf.read_only ? IMAP_DO_EXAMINE : IMAP_DO_SELECT);
	imap_op_mailbox(op, view_of(b->wire));
	imap_op_send(op, NULL, select_done, l);
	imap_link_poke(l);
}
