/*
 * Requests that need no mailbox selected: LIST, STATUS, CREATE, RENAME, REMOVE, APPEND.  They
 * begin in the order of submission, on any ready link, and nothing overtakes: when the first has to
 * wait, all do.  Several are under way on a link at once; what may overlap on the wire is the
 * table of proto/imap_flight.c, what would not keep its order is held back here.
 *
 * Limits of a link: PLAINS_MAX requests, LITERALS_MAX bytes of messages (one alone may have more).
 */
#include "source/imap_source_int.h"

#include <stdlib.h>

#include "base/mem.h"

#define PLAINS_MAX	20u
#define LITERALS_MAX	((size_t)8 << 20)
#define RENAMED_MS	1000	/* a mailbox that is being removed is not selected at once again */

static bool
is_names(const struct request *r)
{
	return r->kind == REQ_CREATE || r->kind == REQ_RENAME || r->kind == REQ_REMOVE;
}

/* LIST names none. */
static bool
is_about(const struct request *r, const char *mailbox)
{
	return r->mailbox != NULL && mailbox != NULL && strcmp(r->mailbox, mailbox) == 0;
}

/* ---- which beside which */

/*
 * A mailbox that has taken a message in this session is there, or all of the messages on their
 * way might have to be sent twice; and without UIDPLUS its count is the proof of one APPEND.
 */
static bool
takes_many(const struct imap_link *l, const char *mailbox)
{
	struct str wire = STR_INIT;
	struct err e = ERR_NONE;
	bool takes = imap_link_ready(l) && imap_can(l->imap, IMAP_CAP_UIDPLUS) &&
	    imap_name_encode(&wire, view_of(mailbox), imap_namespaces(l->imap), &e) == 0 &&
	    imap_is_target(l->imap, str_view(&wire));

	str_free(&wire);
	return takes;
}

/* May r begin while p is under way?  What makes or removes mailboxes runs alone. */
static bool
goes_beside(const struct imap_plain *p, const struct request *r)
{
	if (is_names(r) || is_names(p->r))
		return false;
	return !is_about(r, p->r->mailbox) || (r->kind == REQ_APPEND && p->r->kind == REQ_APPEND &&
	    takes_many(p->l, r->mailbox));
}

/* *beside_r: what is under way about the same mailbox, or NULL. */
static bool
may_start(struct imap_source *s, const struct request *r, struct imap_plain **beside_r)
{
	*beside_r = NULL;
	LIST_EACH(&s->links, it)
		LIST_EACH(&LIST_ITEM(it, struct imap_link, link)->plains, pit) {
			struct imap_plain *p = LIST_ITEM(pit, struct imap_plain, link);

			if (!goes_beside(p, r))
				return false;
			if (is_about(r, p->r->mailbox))
				*beside_r = p;
		}
	return true;
}

/* ---- where */

static size_t
literal_of(const struct request *r)
{
	return r->kind == REQ_APPEND ? blob_view(r->bytes).n : 0;
}

/* How many are under way; PLAINS_MAX: r has no place here. */
static unsigned
load(struct imap_link *l, const struct request *r)
{
	unsigned n = 0;
	size_t bytes = 0, more = literal_of(r);

	LIST_EACH(&l->plains, it) {
		bytes += literal_of(LIST_ITEM(it, struct imap_plain, link)->r);
		n++;
	}
	return more > 0 && bytes > 0 && bytes + more > LITERALS_MAX ? PLAINS_MAX : n;
}

static struct imap_link *
best_link(struct imap_source *s, const struct request *r)
{
	struct imap_link *best = NULL;
	unsigned best_score = 0;

	LIST_EACH(&s->links, it) {
		struct imap_link *l = LIST_ITEM(it, struct imap_link, link);
		unsigned n = load(l, r), score;

		if (!imap_link_ready(l) || n >= PLAINS_MAX)
			continue;
		score = PLAINS_MAX - n;
		/* STATUS of the selected mailbox is frowned upon (RFC 9051, 6.3.11). */
		score += l->box == NULL || !is_about(r, l->box->name) ? 4 * PLAINS_MAX : 0;
		score += !imap_serve_busy(l) ? 2 * PLAINS_MAX : 0;
		score += l->watches == NULL ? PLAINS_MAX : 0;
		if (score > best_score) {
			best = l;
			best_score = score;
		}
	}
	return best;
}

/* NULL: it has to wait.  Messages for one mailbox go by one link, or their order would be lost. */
static struct imap_link *
link_for(struct imap_source *s, const struct request *r)
{
	struct imap_plain *beside;

	if (!may_start(s, r, &beside))
		return NULL;
	if (beside == NULL)
		return best_link(s, r);
	return load(beside->l, r) < PLAINS_MAX ? beside->l : NULL;
}

/* ---- life */

/* Dovecot ends a session whose selected mailbox it is told to remove. */
static void
let_go(struct imap_source *s, const struct request *r)
{
	struct imap_box *b = imap_box_find(s, r->mailbox, false);

	if (b == NULL || b->at == NULL || imap_serve_busy(b->at) || !imap_link_ready(b->at))
		return;
	b->retry_at = loop_now(s->source.loop) + RENAMED_MS;
	imap_select_leave(b->at, true);
}

static void
begin(struct imap_link *l, struct request *r)
{
	struct imap_plain *p = xcalloc(1, sizeof(*p));

	*p = (struct imap_plain){ .l = l, .r = r };
	list_append(&l->plains, &p->link);
	l->used_at = loop_now(l->source->source.loop);
	if (r->kind == REQ_APPEND)
		imap_append_run(p);
	else if (r->kind == REQ_LIST)
		imap_list_run(p);
	else
		imap_folder_run(p);
	imap_link_poke(l);
}

void
imap_plain_serve(struct imap_source *s)
{
	while (!list_empty(&s->plain)) {
		struct request *r = LIST_ITEM(s->plain.next, struct request, link);
		struct imap_link *l = link_for(s, r);

		if (l == NULL)
			return;
		list_remove(&r->link);
		if (r->kind == REQ_RENAME || r->kind == REQ_REMOVE)
			let_go(s, r);
		begin(l, r);
	}
}

void
imap_plain_ended(struct imap_plain *p)
{
	struct imap_link *l = p->l;
	struct imap_source *s = l->source;

	list_remove(&p->link);
	free(p);
	/* They all end when the link does; only then is their order known. */
	while (list_empty(&l->plains) && !list_empty(&l->again)) {
		struct link *last = l->again.prev;

		list_remove(last);
		list_prepend(&s->plain, last);
	}
	l->used_at = loop_now(s->source.loop);
	imap_source_step(s);
	imap_link_over(l);
}

bool
imap_plain_again(struct imap_plain *p, const struct imap_answer *a)
{
	bool reads = p->r->kind == REQ_LIST || p->r->kind == REQ_STATUS;

	if (a->result != NULL || p->l->source->closing || (a->sent && !reads) ||
	    a->err.kind == ERR_USAGE || a->err.kind == ERR_LIMIT)
		return false;
	list_append(&p->l->again, &p->r->link);
	return true;
}
