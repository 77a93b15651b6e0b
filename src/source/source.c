/*
 * What all sources share: the life of a request, and the checks that need no
 * protocol (can the source do it, is the token a safe name).  A request that fails
 * here is answered like any other: later, from the loop.
 */
#include "source/source.h"

#include <stdlib.h>

#include "base/mem.h"

#define TOKEN_MAX 120u

struct request *
request_new(enum request_kind kind, const char *mailbox, void (*done)(struct request *), void *arg)
{
	struct request *r = xcalloc(1, sizeof(*r));

	r->kind = kind;
	r->mailbox = mailbox;
	r->done = done;
	r->arg = arg;
	list_init(&r->link);
	return r;
}

void
request_free(struct request **rp)
{
	struct request *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	list_remove(&r->link);
	flags_free(&r->add);
	flags_free(&r->del);
	if (r->source != NULL) {	/* references are taken by the submission */
		blob_free(&r->bytes);
		message_unref(&r->message);
	}
	for (size_t i = 0; i < r->messages.n; i++)
		message_unref(&r->messages.at[i]);
	VEC_FREE(&r->messages);
	VEC_FREE(&r->hops);
	for (size_t i = 0; i < r->list.n; i++) {
		free(r->list.at[i].name);
		free(r->list.at[i].role);
	}
	VEC_FREE(&r->list);
	free(r->new_name);
	free(r->mailbox_own);
	free(r->target_own);
	free(r->token_own);
	free(r);
}

static unsigned
needs_of(const struct request *r)
{
	unsigned can = 0;

	switch (r->kind) {
	case REQ_LIST: case REQ_CREATE: case REQ_RENAME: case REQ_REMOVE:
		return SOURCE_MAILBOXES;
	case REQ_FLAGS:
		can = SOURCE_FLAGS;
		return r->add.n + r->del.n > 0 ? can | SOURCE_KEYWORDS : can;
	case REQ_COPY:
		return SOURCE_COPY;
	case REQ_MOVE:
		return SOURCE_MOVE;
	case REQ_EXPUNGE:
		return SOURCE_EXPUNGE;
	case REQ_APPEND:
		return SOURCE_APPEND;
	case REQ_STATUS: case REQ_SCAN: case REQ_FETCH:
		break;
	}
	return can;
}

const char *
source_cannot(const struct source *s, unsigned can)
{
	static const struct { unsigned bit; const char *words; } rows[] = {
		{ SOURCE_MAILBOXES, "cannot list, create, rename or remove mailboxes" },
		{ SOURCE_FLAGS, "cannot keep flags" },
		{ SOURCE_KEYWORDS, "cannot keep keywords" },
		{ SOURCE_MOVE, "cannot move messages" },
		{ SOURCE_COPY, "cannot copy messages" },
		{ SOURCE_APPEND, "cannot take messages" },
		{ SOURCE_EXPUNGE, "cannot delete messages" },
		{ SOURCE_WATCH, "cannot tell of changes" },
		{ SOURCE_ADOPT, "cannot recognise its own copies" },
		{ SOURCE_HOPS, "cannot tell what rules have moved" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if ((can & rows[i].bit) != 0 && (s->ops->can & rows[i].bit) == 0)
			return rows[i].words;
	}
	return NULL;
}

/* It becomes a file name: no path, no dot file, nothing that a terminal or a shell minds. */
static bool
token_good(const char *token)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789._-";
	size_t n = strlen(token);

	return n >= 1 && n <= TOKEN_MAX && token[0] != '.' && strspn(token, set) == n;
}

static int
check(const struct source *s, struct request *r)
{
	const char *cannot = source_cannot(s, needs_of(r));
	bool to = r->kind == REQ_COPY || r->kind == REQ_MOVE || r->kind == REQ_RENAME;

	if (cannot != NULL)
		return err_set(&r->err, ERR_USAGE, SCOPE_ACCOUNT, "account '%s': %s %s",
		    s->name, s->ops->protocol, cannot);
	if (r->kind != REQ_LIST && r->mailbox == NULL)
		return err_set(&r->err, ERR_USAGE, SCOPE_MESSAGE, "account '%s': no mailbox named",
		    s->name);
	if (to && r->target == NULL)
		return err_set(&r->err, ERR_USAGE, SCOPE_MESSAGE, "account '%s': no target named",
		    s->name);
	if (r->kind == REQ_APPEND && r->bytes == NULL)
		return err_set(&r->err, ERR_USAGE, SCOPE_MESSAGE, "account '%s': no message to append",
		    s->name);
	if (r->token != NULL && !token_good(r->token))
		return err_set(&r->err, ERR_USAGE, SCOPE_MESSAGE,
		    "'%s' is no token: 1 to %u of A-Z a-z 0-9 . _ -, not a dot first",
		    r->token, TOKEN_MAX);
	return 0;
}

static void
answer(void *arg)
{
	struct request *r = arg;

	r->done(r);
}

static char *
own(const char **p)
{
	char *copy = *p != NULL ? xstrdup(*p) : NULL;

	*p = copy;
	return copy;
}

void
source_submit(struct source *s, struct request *r)
{
	r->source = s;
	r->mailbox_own = own(&r->mailbox);
	r->target_own = own(&r->target);
	r->token_own = own(&r->token);
	if (r->bytes != NULL)
		blob_ref(r->bytes);
	if (r->message != NULL)
		message_ref(r->message);
	if (check(s, r) == 0) {
		s->ops->submit(s, r);
		return;
	}
	r->result = RESULT_FAILED;
	loop_defer(s->loop, answer, r);
}
