/*
 * For the tests of the Maildir source: a small book of UIDs, a Maildir in a directory
 * of its own on the real loop, and requests run to their answers.  "Another program"
 * is plain rename(2), link(2) and unlink(2) between turns.
 */
#ifndef MAILDIR_WORLD_H
#define MAILDIR_WORLD_H

#include "source/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "net/loop_fake.h"
#include "tests/unit/unit.h"

/* ---- a book */

struct book_row { char *mailbox, *key; uint32_t uid; bool forgotten; };
struct book {
	struct loop	*l;
	struct { VEC(struct book_row) } rows;
	struct map	*index;		/* "mailbox\nkey" to row number + 1 */
	struct map	*next;		/* mailbox to next UID */
	size_t		 asked, biggest, renames;
	bool		 fail;
};
struct book_answer { struct book *b; uid_book_fn done; void *arg; uint32_t next; };
struct book_found { uid_key_fn done; void *arg; const char *key; };

static inline void
book_answer(void *arg)
{
	struct book_answer *a = arg;
	struct err e = ERR_NONE;

	if (a->b->fail)
		err_set(&e, ERR_SYSTEM, SCOPE_PROGRAM, "the book is closed");
	a->done(a->arg, 7, a->next, &e);
	free(a);
}

static inline void
book_assign(void *book, const char *account, const char *mailbox, struct uid_entry *u, size_t n,
	uid_book_fn done, void *arg)
{
	struct book *b = book;
	struct book_answer *a = xmalloc(sizeof(*a));
	uintptr_t next = (uintptr_t)map_get(b->next, view_of(mailbox));

	(void)account;
	b->asked++;
	b->biggest = MAX(b->biggest, n);
	next = next == 0 ? 1 : next;
	for (size_t i = 0; i < n && !b->fail; i++) {
		char *key = xasprintf("%s\n%s", mailbox, u[i].key);
		uintptr_t at = (uintptr_t)map_get(b->index, view_of(key));

		if (at == 0) {
			VEC_PUSH(&b->rows, ((struct book_row){ xstrdup(mailbox), xstrdup(u[i].key),
			    (uint32_t)next++, false }));
			at = b->rows.n;
			map_set(b->index, view_of(key), (void *)at);
		}
		u[i].uid = b->rows.at[at - 1].uid;
		u[i].here = 1234;
		u[i].hops = (unsigned char)(u[i].uid % 3);
		free(key);
	}
	map_set(b->next, view_of(mailbox), (void *)next);
	*a = (struct book_answer){ b, done, arg, (uint32_t)next };
	loop_defer(b->l, book_answer, a);
}

static inline void
book_tell(void *arg)
{
	struct book_found *f = arg;

	f->done(f->arg, f->key, NULL);
	free(f);
}

static inline void
book_find(void *book, const char *account, const char *mailbox, uint32_t uid, uid_key_fn done,
	void *arg)
{
	struct book *b = book;
	struct book_found *f = xmalloc(sizeof(*f));

	(void)account;
	*f = (struct book_found){ done, arg, NULL };
	for (size_t i = 0; i < b->rows.n; i++) {
		if (b->rows.at[i].uid == uid && strcmp(b->rows.at[i].mailbox, mailbox) == 0)
			f->key = b->rows.at[i].key;
	}
	loop_defer(b->l, book_tell, f);
}

static inline void
book_forget(void *book, const char *account, const char *mailbox, const uint32_t *uids, size_t n)
{
	struct book *b = book;

	(void)account;
	for (size_t i = 0; i < b->rows.n; i++) {
		for (size_t j = 0; j < n; j++) {
			if (b->rows.at[i].uid == uids[j] && strcmp(b->rows.at[i].mailbox, mailbox) == 0)
				b->rows.at[i].forgotten = true;
		}
	}
}

static inline void
book_renamed(void *book, const char *account, const char *from, const char *to)
{
	struct book *b = book;

	(void)account; (void)from; (void)to;
	b->renames++;
}

/* ---- the world of one test */

struct world {
	char		 root[240];
	struct loop	*l;
	struct book	 b;
	struct uid_book	 book;
	struct source	*s;
	struct log	*log;
	char		 logged[4000];
};

static inline void
on_log(void *arg, enum log_level level, const char *line)
{
	struct world *w = arg;
	size_t n = strlen(w->logged);

	(void)level;
	snprintf(w->logged + n, sizeof(w->logged) - n, "%s\n", line);
}

static inline void
world_source(struct world *w)
{
	struct maildir_conf conf = { .name = "home", .path = w->root, .create = true,
	    .rescan_ms = 100 };
	struct err e = ERR_NONE;

	w->s = maildir_open(w->l, w->log, &conf, &w->book, &e);
	if (w->s == NULL) {
		printf("# %s\n", e.text);
		abort();
	}
}

static inline void
world_begin(struct world *w)
{
	struct err e = ERR_NONE;

	memset(w, 0, sizeof(*w));
	snprintf(w->root, sizeof(w->root), "%s/Mail", unit_tmp());
	w->l = loop_new(&e);
	w->log = log_new(-1, LOG_TEXT, false, LOG_DEBUG);
	log_tap(w->log, on_log, w);
	w->b = (struct book){ .l = w->l, .index = map_new(), .next = map_new() };
	w->book = (struct uid_book){ &w->b, book_assign, book_find, book_forget, book_renamed };
	world_source(w);
}

static inline void
set_true(void *arg)
{
	*(bool *)arg = true;
}

static inline void
world_close(struct world *w)
{
	bool closed = false;

	w->s->ops->close(w->s, set_true, &closed);
	while (!closed)
		loop_turn(w->l, true);
	w->s = NULL;
}

static inline void
world_end(struct world *w)
{
	if (w->s != NULL)
		world_close(w);
	loop_free(&w->l);
	log_free(&w->log);
	for (size_t i = 0; i < w->b.rows.n; i++) {
		free(w->b.rows.at[i].mailbox);
		free(w->b.rows.at[i].key);
	}
	VEC_FREE(&w->b.rows);
	map_free(&w->b.index);
	map_free(&w->b.next);
}

static inline const char *
path_of(struct world *w, const char *rest)
{
	static char buf[8][600];
	static int next;
	char *p = buf[next++ % 8];

	snprintf(p, sizeof(buf[0]), "%s/%s", w->root, rest);
	return p;
}

static inline void
put_file(struct world *w, const char *rest, const char *text)
{
	FILE *f = fopen(path_of(w, rest), "w");

	if (f == NULL)
		abort();
	fputs(text, f);
	fclose(f);
}

static inline bool
has(struct world *w, const char *rest)
{
	struct stat st;

	return lstat(path_of(w, rest), &st) == 0;
}

static inline void
need(int rc)
{
	if (rc != 0) {
		perror("# a step of the test itself");
		abort();
	}
}

static inline void
mv(struct world *w, const char *from, const char *to)
{
	need(rename(path_of(w, from), path_of(w, to)));
}

static inline void
make_folder(struct world *w, const char *name)
{
	char sub[300];

	need(mkdir(path_of(w, name), 0700));
	snprintf(sub, sizeof(sub), "%s/cur", name);
	need(mkdir(path_of(w, sub), 0700));
	snprintf(sub, sizeof(sub), "%s/new", name);
	need(mkdir(path_of(w, sub), 0700));
	snprintf(sub, sizeof(sub), "%s/tmp", name);
	need(mkdir(path_of(w, sub), 0700));
}

static UNUSED const char mail[] = "Subject: one\r\nFrom: a@b.example\r\n\r\nbody\r\n";

static inline void
deliver(struct world *w, const char *key)
{
	char tmp[300], new[300];

	snprintf(tmp, sizeof(tmp), "tmp/%s", key);
	snprintf(new, sizeof(new), "new/%s", key);
	put_file(w, tmp, mail);
	mv(w, tmp, new);
}

/* ---- requests */

static inline void
on_done(struct request *r)
{
	*(int *)r->arg += 1;
}

/* Runs r to its answer, which is the caller's. */
static inline struct request *
run(struct world *w, struct request *r)
{
	int done = 0;

	r->arg = &done;
	r->done = on_done;
	source_submit(w->s, r);
	if (done)
		abort();	/* never from inside submit */
	while (!done)
		loop_turn(w->l, true);
	return r;
}

static inline struct request *
make(enum request_kind kind, const char *mailbox, uint32_t uid)
{
	struct request *r = request_new(kind, mailbox, NULL, NULL);

	r->uid = uid;
	return r;
}

static inline struct request *
scan(struct world *w, const char *mailbox, uint32_t above, size_t limit, unsigned what)
{
	struct request *r = make(REQ_SCAN, mailbox, above);

	r->limit = limit;
	r->need = what;
	return run(w, r);
}

/* Result of a request that is not looked at further. */
static inline int
result(struct world *w, struct request *r)
{
	int res;

	run(w, r);
	res = (int)r->result;
	if (r->result == RESULT_FAILED)
		printf("# (%s)\n", r->err.text);
	request_free(&r);
	return res;
}

static inline struct request *
mover(const char *from, uint32_t uid, const char *to)
{
	struct request *r = make(REQ_MOVE, from, uid);

	r->target = to;
	return r;
}

static inline size_t
count(struct world *w, const char *mailbox)
{
	struct request *r = run(w, make(REQ_STATUS, mailbox, 0));
	size_t n = r->result == RESULT_DONE ? (size_t)r->status.messages : 9999;

	request_free(&r);
	return n;
}

#endif
