/*
 * An account on a server that the test plays: mailboxes in memory, answers that can be held
 * back, lost, or fail because the server is away.  It has no book of UIDs and cannot
 * recognise copies, as IMAP.
 */
#ifndef ENGINE_FAR_KIT_H
#define ENGINE_FAR_KIT_H

#include "engine_kit.h"

struct far_message { uint32_t uid; const char *subject; uint32_t flags; };
struct far_box {
	const char	*name;
	uint32_t	 uidvalidity, uidnext;
	struct { VEC(struct far_message) } messages;
};
struct far {
	struct source	 source;	/* first */
	struct world	*w;
	struct far_box	 boxes[4];
	size_t		 nboxes;
	bool		 away, hold_moves, lose_moves, refuse_sign_in;
	bool		 open;
	uint32_t	 status_says;	/* UIDVALIDITY, other than SCAN; 0: the same */
	struct { VEC(struct request *) } held;
	struct { VEC(struct far_watch { char *mailbox; source_change_fn fn; void *arg; }) } watchers;
	size_t		 asked[REQ_APPEND + 1];	/* so many requests of each kind */
	size_t		 probes, awakes, waiting;
	loop_fn		 closed;
	void		*closed_arg;
};

static inline struct far_box *
far_box(struct far *f, const char *name)
{
	for (size_t i = 0; i < f->nboxes; i++)
		if (strcmp(f->boxes[i].name, name) == 0)
			return &f->boxes[i];
	return NULL;
}

static inline struct far_box *
far_add_box(struct far *f, const char *name, uint32_t uidvalidity)
{
	f->boxes[f->nboxes++] = (struct far_box){ .name = name, .uidvalidity = uidvalidity, .uidnext = 1 };
	return &f->boxes[f->nboxes - 1];
}

static inline uint32_t
far_put(struct far_box *b, const char *subject)
{
	VEC_PUSH(&b->messages, ((struct far_message){ b->uidnext, subject, 0 }));
	return b->uidnext++;
}

static inline void
far_tell(struct far *f)
{
	for (size_t i = 0; i < f->watchers.n; i++)
		f->watchers.at[i].fn(f->watchers.at[i].arg, f->watchers.at[i].mailbox, NULL);
}

static inline size_t
far_find(const struct far_box *b, uint32_t uid)
{
	for (size_t i = 0; i < b->messages.n; i++)
		if (b->messages.at[i].uid == uid)
			return i;
	return SIZE_MAX;
}

static inline void
far_fill(struct message *m, const struct far_message *fm)
{
	struct str text = STR_INIT;

	str_addf(&text, "From: a@example.org\r\nSubject: %s\r\n\r\nbody\r\n", fm->subject);
	message_facts(m)->uid = fm->uid;
	message_facts(m)->size = (int64_t)text.len;
	message_facts(m)->received = 1700000000;
	message_facts(m)->flags.sys = fm->flags;
	message_know(m, NEED_FLAGS | NEED_SIZE | NEED_RECEIVED);
	{
		struct blob *b = blob_copy(str_view(&text));

		message_set_bytes(m, b, true);
		blob_free(&b);
	}
	str_free(&text);
}

static inline void
far_move(struct far *f, struct far_box *b, struct request *r)
{
	struct far_box *to = far_box(f, r->target);
	size_t at = far_find(b, r->uid);

	if (at == SIZE_MAX) {
		r->result = RESULT_GONE;
		return;
	}
	if (to == NULL) {
		r->result = RESULT_FAILED;
		err_set(&r->err, ERR_REFUSED, SCOPE_MESSAGE, "no mailbox \"%s\"", r->target);
		return;
	}
	r->new_uid = far_put(to, b->messages.at[at].subject);
	r->new_uidvalidity = to->uidvalidity;
	memmove(&b->messages.at[at], &b->messages.at[at + 1],
	    (b->messages.n - at - 1) * sizeof(b->messages.at[0]));
	b->messages.n--;
}

static inline void
far_scan(struct far_box *b, struct request *r)
{
	for (size_t i = 0; i < b->messages.n; i++) {
		struct message *m;

		if (b->messages.at[i].uid <= r->uid)
			continue;
		m = message_new();
		far_fill(m, &b->messages.at[i]);
		VEC_PUSH(&r->messages, m);
		VEC_PUSH(&r->hops, 0);
	}
}

static inline void
far_status(const struct far_box *b, struct request *r)
{
	r->status = (struct source_status){ b->uidvalidity, b->uidnext, (int64_t)b->messages.n, 0 };
}

static inline bool
far_refuses(struct far *f, struct request *r, const struct far_box *b)
{
	bool copies = r->kind == REQ_MOVE || r->kind == REQ_COPY || r->kind == REQ_APPEND;

	if (f->refuse_sign_in) {
		err_set(&r->err, ERR_AUTH, SCOPE_ACCOUNT, "the password was refused");
	} else if (f->away) {
		err_set(&r->err, ERR_NET, SCOPE_SESSION, "the server is away");
		r->err.temporary = true;
	} else if (copies && r->probe) {
		err_set(&r->err, ERR_HELD, SCOPE_MESSAGE, "it may have happened");
	} else if (r->kind != REQ_LIST && b == NULL) {
		err_set(&r->err, ERR_REFUSED, SCOPE_MAILBOX, "no mailbox \"%s\"", r->mailbox);
	} else if (r->kind >= REQ_FETCH && r->uidvalidity != 0 && b != NULL &&
	    r->uidvalidity != b->uidvalidity) {
		err_set(&r->err, ERR_GONE, SCOPE_MAILBOX, "the UIDs are others");
	} else {
		return false;
	}
	r->result = RESULT_FAILED;
	return true;
}

static inline void
far_serve(struct far *f, struct request *r)
{
	struct far_box *b = r->kind == REQ_LIST ? NULL : far_box(f, r->mailbox);
	size_t at;

	f->probes += r->probe;
	if (far_refuses(f, r, b))
		return;
	switch (r->kind) {
	case REQ_LIST:
		for (size_t i = 0; i < f->nboxes; i++)
			VEC_PUSH(&r->list, ((struct source_mailbox){ xstrdup(f->boxes[i].name), NULL, true }));
		break;
	case REQ_SCAN:
		far_scan(b, r);
		far_status(b, r);
		break;
	case REQ_STATUS:
		far_status(b, r);
		if (f->status_says != 0)
			r->status.uidvalidity = f->status_says;
		break;
	case REQ_FETCH:
		at = far_find(b, r->uid);
		if (at == SIZE_MAX)
			r->result = RESULT_GONE;
		else
			far_fill(r->message, &b->messages.at[at]);
		break;
	case REQ_FLAGS:
		at = far_find(b, r->uid);
		if (at == SIZE_MAX)
			r->result = RESULT_GONE;
		else
			b->messages.at[at].flags |= r->add.sys;
		break;
	case REQ_MOVE:
		far_move(f, b, r);
		if (f->lose_moves) {
			r->result = RESULT_FAILED;
			err_set(&r->err, ERR_HELD, SCOPE_MESSAGE, "it was sent, and never answered");
		}
		break;
	default:
		r->result = RESULT_FAILED;
		err_set(&r->err, ERR_USAGE, SCOPE_MESSAGE, "not here");
		break;
	}
}

static inline void
far_answer(void *arg)
{
	struct request *r = arg;
	struct far *f = (struct far *)r->source;

	f->waiting--;
	r->done(r);
}

static inline void
far_submit(struct source *s, struct request *r)
{
	struct far *f = (struct far *)s;

	f->asked[r->kind]++;
	far_serve(f, r);
	f->waiting++;
	if (r->kind == REQ_MOVE && f->hold_moves && r->result == RESULT_DONE)
		VEC_PUSH(&f->held, r);
	else
		loop_defer(s->loop, far_answer, r);
}

static inline void
far_let_go(struct far *f)
{
	f->hold_moves = false;
	for (size_t i = 0; i < f->held.n; i++)
		loop_defer(f->source.loop, far_answer, f->held.at[i]);
	f->held.n = 0;
}

static inline void
far_watch(struct source *s, const char *mailbox, source_change_fn fn, void *arg)
{
	struct far *f = (struct far *)s;

	VEC_PUSH(&f->watchers, ((struct far_watch){ xstrdup(mailbox), fn, arg }));
}

static inline void
far_unwatch(struct source *s, const char *mailbox, source_change_fn fn, void *arg)
{
	struct far *f = (struct far *)s;

	(void)fn;
	for (size_t i = 0; i < f->watchers.n; i++)
		if (f->watchers.at[i].arg == arg && strcmp(f->watchers.at[i].mailbox, mailbox) == 0) {
			free(f->watchers.at[i].mailbox);
			f->watchers.at[i] = f->watchers.at[--f->watchers.n];
			return;
		}
}

static inline void
far_awake(struct source *s)
{
	((struct far *)s)->awakes++;
}

static inline void
far_closed(void *arg)
{
	struct far *f = arg;

	f->open = false;
	f->closed(f->closed_arg);
}

static inline void
far_close(struct source *s, loop_fn done, void *arg)
{
	struct far *f = (struct far *)s;

	f->closed = done;
	f->closed_arg = arg;
	loop_defer(s->loop, far_closed, f);
}

static const struct source_ops far_ops = {
	.protocol = "far",
	.can = SOURCE_MAILBOXES | SOURCE_FLAGS | SOURCE_KEYWORDS | SOURCE_MOVE | SOURCE_COPY |
	    SOURCE_APPEND | SOURCE_EXPUNGE | SOURCE_WATCH,
	.submit = far_submit, .watch = far_watch, .unwatch = far_unwatch, .awake = far_awake,
	.close = far_close,
};

static inline struct source *
far_open(void *arg, const struct account_decl *d, struct err *e)
{
	struct far *f = arg;

	(void)d; (void)e;
	f->source = (struct source){ &far_ops, f->w->loop, f->w->log, NULL };
	f->source.name = (char *)(uintptr_t)"far";
	f->open = true;
	return &f->source;
}

/* The world's engine anew, with every account on f. */
static inline void
far_engine(struct world *w, struct far *f, bool existing)
{
	struct engine_conf conf = { .loop = w->loop, .log = w->log, .state = w->state,
		.existing = existing, .open_source = far_open, .open_arg = f };

	engine_free(&w->engine);
	w->engine = engine_new(&conf);
	f->w = w;
}

static inline bool
far_world(struct world *w, struct far *f, const char *dir, bool existing)
{
	if (!open_world(w, dir, existing))
		return false;
	far_engine(w, f, existing);
	add_account(w);
	return true;
}

/* Stops the engine as the end of a process does, and begins another one on the same state. */
static inline void
far_again(struct world *w, struct far *f)
{
	engine_stop(w->engine, 0, on_stopped, w);
	while (!w->stopped)
		loop_turn(w->loop, true);
	w->stopped = false;
	far_engine(w, f, false);
}

static inline void
far_close_world(struct world *w, struct far *f)
{
	close_world(w, 0);
	for (size_t i = 0; i < f->nboxes; i++)
		VEC_FREE(&f->boxes[i].messages);
	for (size_t i = 0; i < f->watchers.n; i++)
		free(f->watchers.at[i].mailbox);
	VEC_FREE(&f->watchers);
	VEC_FREE(&f->held);
}

#endif
