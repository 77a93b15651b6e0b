/* What the tests of the state share: a state on the real loop, each question with its answer. */
#ifndef STATE_KIT_H
#define STATE_KIT_H

#include "unit.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/state_int.h"

struct kit {
	char			 dir[240];
	struct loop		*loop;
	struct log		*log;
	struct state		*state;
	struct err		 err;	/* of the last answer */
	size_t			 waiting;
	/* ---- the last answer */
	struct state_box	 box;
	struct state_messages	 list;
	uint32_t		 uids[64];
	size_t			 nuids;
	int64_t			 value;
	bool			 found;
	char			 text[100], keys[200];
	uint32_t		 uidvalidity, uidnext;
	struct err		 broken;
	int			 broken_n;
};

static inline void
kit_open(struct kit *k)
{
	struct err e = ERR_NONE;
	long pid = 0;

	if (k->loop == NULL) {
		snprintf(k->dir, sizeof(k->dir), "%s/state", unit_tmp());
		k->loop = loop_new(&e);
		k->log = log_new(-1, LOG_TEXT, false, LOG_DEBUG);
	}
	k->err = ERR_NONE;
	k->state = state_open(k->loop, k->log, k->dir, "state", &pid, &k->err);
}

static inline void
kit_close(struct kit *k)
{
	state_close(&k->state);
	state_messages_free(&k->list);
	log_free(&k->log);
	loop_free(&k->loop);
}

static inline void
kit_reopen(struct kit *k)
{
	state_close(&k->state);
	kit_open(k);
}

/* Ends by itself when the answer has come. */
static inline void
kit_wait(struct kit *k)
{
	loop_run(k->loop);
}

static inline void
kit_done(void *arg, const struct err *e)
{
	((struct kit *)arg)->err = *e;
}

static inline void
kit_on_box(void *arg, const struct state_box *box, const struct err *e)
{
	((struct kit *)arg)->err = *e;
	((struct kit *)arg)->box = *box;
}

static inline int64_t
kit_box(struct kit *k, const char *account, const char *mailbox, uint32_t uidvalidity)
{
	state_box(k->state, account, mailbox, uidvalidity, 0, kit_on_box, k);
	kit_wait(k);
	return k->box.id;
}

static inline void
kit_commit(struct kit *k, struct state_batch *b)
{
	state_commit(k->state, &b, kit_done, k);
	kit_wait(k);
}

static inline void
kit_on_messages(void *arg, struct state_messages *list, const struct err *e)
{
	struct kit *k = arg;

	k->err = *e;
	state_messages_free(&k->list);
	k->list = *list;
	memset(list, 0, sizeof(*list));
}

static inline void
kit_pending(struct kit *k, int64_t box, int64_t upto)
{
	state_pending(k->state, box, upto, 100, kit_on_messages, k);
	kit_wait(k);
}

static inline void
kit_on_uids(void *arg, const uint32_t *uids, size_t n, const struct err *e)
{
	struct kit *k = arg;

	k->err = *e;
	k->nuids = n;
	for (size_t i = 0; i < n && i < ARRAY_LEN(k->uids); i++)
		k->uids[i] = uids[i];
}

/* The judged UIDs above uid as "3 5 8". */
static inline const char *
kit_judged(struct kit *k, int64_t box, uint32_t uid)
{
	state_judged(k->state, box, uid, kit_on_uids, k);
	kit_wait(k);
	k->text[0] = '\0';
	for (size_t i = 0; i < k->nuids && i < 8; i++)
		snprintf(k->text + strlen(k->text), 12, "%s%u", i > 0 ? " " : "", k->uids[i]);
	return k->text;
}

static inline void
kit_on_time(void *arg, int64_t at, const struct err *e)
{
	((struct kit *)arg)->err = *e;
	((struct kit *)arg)->value = at;
}

static inline void
kit_on_book(void *arg, uint32_t uidvalidity, uint32_t uidnext, const struct err *e)
{
	struct kit *k = arg;

	k->err = *e;
	k->uidvalidity = uidvalidity;
	k->uidnext = uidnext;
}

static inline void
kit_on_broken(void *arg, const struct err *e)
{
	((struct kit *)arg)->broken = *e;
	((struct kit *)arg)->broken_n++;
}

static inline struct action
kit_action(enum verb verb, const char *mailbox, const char *token)
{
	struct action a = { .verb = verb, .rule = xstrdup("r"), .token = xstrdup(token) };

	if (mailbox != NULL) {
		a.account = xstrdup("home");
		a.mailbox = xstrdup(mailbox);
	}
	if (verb == VERB_FLAG)
		flags_add(&a.flags, FLAG_SEEN, VIEW_NONE);
	return a;
}

/* Plans one action of its own commit; its row is the result. */
static inline uint64_t
kit_plan(struct kit *k, int64_t box, uint32_t uid, struct action a)
{
	struct state_batch *b = state_batch_new();
	struct actions l = { 0 };
	uint64_t row;

	VEC_PUSH(&l, a);
	state_batch_plan(b, box, uid, NULL, "rev", &l);
	kit_commit(k, b);
	row = l.at[0].row;
	actions_free(&l);
	return row;
}

/* One value of a query on the state's own connection, while its thread is idle. */
static inline int64_t
kit_ask(struct kit *k, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(k->state->db->sq, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

#endif
