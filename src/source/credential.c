/*
 * credential: where a secret comes from, and who is asking for it.
 *
 * What is at hand (GIVEN, ENV, an answered PROMPT) is told by a timer of 0 ms for each
 * who asks.  What takes its time (COMMAND, FILE, PROMPT) is one flight: all who ask while it
 * is under way wait in its list and get the same answer.  The last to give up ends a program
 * at once; a thread is told to stop, and its flight, which holds the credential, ends
 * when the thread has come back; who asks meanwhile gets on again.
 *
 * A secret is kept only where it cannot be had again: one that was given or typed.
 */
#include "source/credential_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/utf8.h"

#define CREDENTIAL_MAGIC	0x63726564u
#define ASK_MAGIC		0x61736b3fu
#define LIMIT_MS		60000
#define ERR_BYTES		((size_t)4096)
#define ERR_CHARS		200

struct flight {
	struct credential	*c;		/* held */
	struct loop		*l;
	struct link		 asks;
	bool			 landing;	/* asks are being answered */
	bool			 threaded;
	atomic_bool		 stop;
	struct child		*child;
	struct loop_timer	*failed;	/* it did not even start */
	struct secret		*got;
	int			 rc;		/* of the thread: 0, -1 and e, 1 stopped */
	struct err		 e;
};

struct credential {
	uint32_t		 magic;
	unsigned		 refs;
	enum credential_kind	 kind;
	struct secret		*kept;		/* GIVEN; PROMPT when it was answered */
	char			**argv;
	char			*name;
	int64_t			 limit_ms;
	struct flight		*flight;	/* or NULL */
};

struct credential_ask {
	struct link		 link;		/* of its flight */
	uint32_t		 magic;
	struct credential	*c;		/* held */
	struct loop		*l;
	struct loop_timer	*timer;		/* no flight is needed */
	credential_fn		 done;
	void			*arg;
};

static const char *const kind_names[] = { "given", "command", "file", "env", "prompt" };

/* ---- life */

static int
spec_check(const struct credential_spec *spec, struct err *e)
{
	const char *name = spec->name;

	switch (spec->kind) {
	case CREDENTIAL_GIVEN:
		if (secret_len(spec->given) == 0)
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "an empty password");
		if (view_chr(secret_reveal(spec->given), '\0') >= 0)
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "a password with a NUL byte in it");
		return 0;
	case CREDENTIAL_COMMAND:
		if (spec->argv == NULL || spec->argv[0] == NULL || spec->argv[0][0] == '\0')
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "a password command without a program");
		return 0;
	case CREDENTIAL_FILE:
		if (name == NULL || name[0] != '/')
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT,
			    "a password file needs an absolute path, not \"%s\"", name ? name : "");
		return 0;
	case CREDENTIAL_ENV:
		if (name == NULL || name[0] == '\0' || strchr(name, '=') != NULL)
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT,
			    "\"%s\" is no name of an environment variable", name ? name : "");
		return 0;
	case CREDENTIAL_PROMPT:
		if (name == NULL || name[0] == '\0')
			return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "a prompt that does not say for what");
		return 0;
	}
	return err_set(e, ERR_USAGE, SCOPE_ACCOUNT, "a password from nowhere");
}

static char **
argv_copy(const char *const *argv)
{
	size_t n = 0;
	char **copy;

	while (argv[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(argv[i]);
	return copy;
}

struct credential *
credential_new(const struct credential_spec *spec, struct err *e)
{
	struct credential *c;

	if (spec_check(spec, e) != 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->magic = CREDENTIAL_MAGIC;
	c->refs = 1;
	c->kind = spec->kind;
	c->limit_ms = LIMIT_MS;
	if (c->kind == CREDENTIAL_GIVEN)
		c->kept = secret_copy(spec->given);
	else if (c->kind == CREDENTIAL_COMMAND)
		c->argv = argv_copy(spec->argv);
	else
		c->name = xstrdup(spec->name);
	return c;
}

struct credential *
credential_ref(struct credential *c)
{
	CHECK(c, CREDENTIAL_MAGIC);
	c->refs++;
	return c;
}

void
credential_unref(struct credential **cp)
{
	struct credential *c = *cp;

	if (c == NULL)
		return;
	CHECK(c, CREDENTIAL_MAGIC);
	*cp = NULL;
	if (--c->refs > 0)
		return;
	for (size_t i = 0; c->argv != NULL && c->argv[i] != NULL; i++)
		free(c->argv[i]);
	free(c->argv);
	free(c->name);
	secret_free(&c->kept);
	c->magic = 0;
	free(c);
}

void
credential_limit(struct credential *c, int64_t ms)
{
	CHECK(c, CREDENTIAL_MAGIC);
	c->limit_ms = ms;
}

/* Each part with its length before it: no two descriptions meet. */
void
credential_describe(const struct credential *c, struct str *out)
{
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	CHECK(c, CREDENTIAL_MAGIC);
	str_adds(out, kind_names[c->kind]);
	if (c->kind == CREDENTIAL_GIVEN) {
		sha256_of(secret_reveal(c->kept), digest);
		hex_of(digest, sizeof(digest), hex);
		str_addf(out, " %s", hex);
	}
	if (c->name != NULL)
		str_addf(out, " %zu:%s", strlen(c->name), c->name);
	for (size_t i = 0; c->argv != NULL && c->argv[i] != NULL; i++)
		str_addf(out, " %zu:%s", strlen(c->argv[i]), c->argv[i]);
}

/* ---- answers */

/* The ask is gone before its owner hears. */
static void
answer(struct credential_ask *a, const struct secret *s, const struct err *e)
{
	struct credential *c = a->c;
	credential_fn done = a->done;
	void *arg = a->arg;

	a->magic = 0;
	free(a);
	done(arg, s, e);
	credential_unref(&c);
}

static void
on_at_hand(void *arg)
{
	struct credential_ask *a = arg;
	struct credential *c = a->c;
	struct secret *s = NULL;
	struct err e = ERR_NONE;
	const char *value;

	a->timer = NULL;
	if (c->kept != NULL) {
		answer(a, c->kept, &e);
		return;
	}
	s = secret_new();
	if ((value = getenv(c->name)) == NULL)
		err_set(&e, ERR_AUTH, SCOPE_ACCOUNT, "it is not set");
	if (value == NULL || credential_first_line(s, view_of(value), true, &e) != 0)
		err_prefix(&e, "environment variable %s", c->name);
	answer(a, err_is(&e) ? NULL : s, &e);
	secret_free(&s);
}

static void
flight_free(struct flight *f)
{
	struct credential *c = f->c;

	child_free(&f->child);
	loop_cancel(f->l, &f->failed);
	secret_free(&f->got);
	if (c->flight == f)
		c->flight = NULL;
	free(f);
	credential_unref(&c);
}

/* Everybody hears; who asks from now on begins a new flight. */
static void
land(struct flight *f)
{
	struct credential *c = f->c;
	const struct secret *s = err_is(&f->e) ? NULL : f->got;

	f->landing = true;
	c->flight = NULL;
	if (s != NULL && c->kind == CREDENTIAL_PROMPT) {
		c->kept = f->got;
		f->got = NULL;
	}
	while (!list_empty(&f->asks)) {
		struct credential_ask *a = LIST_ITEM(f->asks.next, struct credential_ask, link);

		list_remove(&a->link);
		answer(a, s, &f->e);
	}
	flight_free(f);
}

static void
on_not_started(void *arg)
{
	struct flight *f = arg;

	f->failed = NULL;
	land(f);
}

/* ---- a program */

static void
program_fail(struct flight *f, bool temporary, const char *why, struct view said)
{
	struct str s = STR_INIT;
	ptrdiff_t end;

	said = view_trim(said);
	end = view_chr(said, '\n');
	if (end >= 0)
		said.n = (size_t)end;
	if (said.n > 0 && said.p[said.n - 1] == '.')
		said.n--;		/* the sentence goes on */
	str_adds(&s, why);
	if (said.n > 0) {
		str_adds(&s, ": ");
		utf8_printable(&s, said, ERR_CHARS);
	}
	err_set(&f->e, ERR_AUTH, SCOPE_ACCOUNT, "password command %s: %s", f->c->argv[0], str_z(&s));
	f->e.temporary = temporary;
	str_free(&s);
}

static void
on_program_ended(void *arg, const struct child_result *r)
{
	struct flight *f = arg;
	char why[100];

	if (r->timed_out) {
		snprintf(why, sizeof(why), "it did not end within %lld s",
		    (long long)(f->c->limit_ms + 999) / 1000);
		program_fail(f, true, why, r->err);
	} else if (r->exit_code != 0) {
		if (r->exit_code < 0)
			snprintf(why, sizeof(why), "it was ended by signal %d", r->signo);
		else
			snprintf(why, sizeof(why), "it exited with %d", r->exit_code);
		program_fail(f, true, why, r->err);
	} else if (r->out.n == 0) {
		program_fail(f, false, "it printed nothing", r->err);
	} else {
		f->got = secret_new();
		if (credential_first_line(f->got, r->out, !r->out_over, &f->e) != 0)
			err_prefix(&f->e, "password command %s", f->c->argv[0]);
	}
	land(f);
}

static void
program_start(struct flight *f)
{
	struct err e = ERR_NONE;
	struct child_params p = { .argv = (const char *const *)f->c->argv,
	    .out_max = SECRET_MAX + 2, .err_max = ERR_BYTES, .secret = true,
	    .timeout_ms = f->c->limit_ms };

	f->child = child_new(f->l, &p, on_program_ended, f, &e);
	if (f->child != NULL)
		return;
	program_fail(f, e.temporary, e.text, VIEW_NONE);
	f->failed = loop_after(f->l, 0, on_not_started, f);
}

/* ---- a thread */

static void
on_thread(void *arg)
{
	struct flight *f = arg;

	if (f->c->kind == CREDENTIAL_FILE)
		f->rc = credential_read_file(f->got, f->c->name, &f->e);
	else
		f->rc = credential_read_tty(f->got, f->c->name, &f->stop, &f->e);
}

static void
on_thread_done(void *arg)
{
	struct flight *f = arg;

	if (f->rc == 1 && !list_empty(&f->asks)) {
		secret_reset(f->got);
		loop_work(f->l, on_thread, on_thread_done, f);
	} else if (f->rc == 1) {
		flight_free(f);
	} else {
		land(f);
	}
}

/* ---- asking */

static struct flight *
flight_new(struct credential *c, struct loop *l)
{
	struct flight *f = xcalloc(1, sizeof(*f));

	f->c = credential_ref(c);
	f->l = l;
	list_init(&f->asks);
	atomic_init(&f->stop, false);
	c->flight = f;
	if (c->kind == CREDENTIAL_COMMAND) {
		program_start(f);
		return f;
	}
	f->threaded = true;
	f->got = secret_new();
	loop_work(l, on_thread, on_thread_done, f);
	return f;
}

struct credential_ask *
credential_get(struct credential *c, struct loop *l, credential_fn done, void *arg)
{
	struct credential_ask *a = xcalloc(1, sizeof(*a));

	CHECK(c, CREDENTIAL_MAGIC);
	a->magic = ASK_MAGIC;
	a->c = credential_ref(c);
	a->l = l;
	a->done = done;
	a->arg = arg;
	list_init(&a->link);
	if (c->kept != NULL || c->kind == CREDENTIAL_ENV) {
		a->timer = loop_after(l, 0, on_at_hand, a);
		return a;
	}
	if (c->flight == NULL)
		flight_new(c, l);
	assert(c->flight->l == l);
	atomic_store(&c->flight->stop, false);
	list_append(&c->flight->asks, &a->link);
	return a;
}

/* Nobody waits any more. */
static void
flight_abandon(struct flight *f)
{
	if (f->threaded)
		atomic_store(&f->stop, true);
	else
		flight_free(f);
}

void
credential_give_up(struct credential_ask **ap)
{
	struct credential_ask *a = *ap;
	struct credential *c;
	struct flight *f;

	if (a == NULL)
		return;
	CHECK(a, ASK_MAGIC);
	*ap = NULL;
	c = a->c;
	f = a->timer == NULL ? c->flight : NULL;
	loop_cancel(a->l, &a->timer);
	list_remove(&a->link);
	a->magic = 0;
	free(a);
	/* One that lands, which is not c->flight any more, sees to itself. */
	if (f != NULL && list_empty(&f->asks))
		flight_abandon(f);
	credential_unref(&c);
}
