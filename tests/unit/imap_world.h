/*
 * A world for tests of the IMAP source: the virtual clock, sessions in memory, and a server that
 * answers by lines.  What it was told stands in w.heard, one "n> LINE" each, tags left
 * out; what the log said in w.log_text.
 */
#ifndef IMAP_WORLD_H
#define IMAP_WORLD_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/loop_fake.h"
#include "source/imap_source.h"

#define WORLD_CAPS "IMAP4rev1 IDLE ID NAMESPACE UIDPLUS MOVE UNSELECT SPECIAL-USE LIST-EXTENDED"

struct world_box {
	const char	*name;
	unsigned	 exists, uidnext, uidvalidity;
	bool		 missing;
};

struct session;
struct world {
	struct loop		*l;
	struct log		*log;
	struct source		*s;
	struct credential	*password;
	struct str		 heard, log_text;
	/* ---- the server */
	const char		*caps, *list;	/* list: the untagged lines */
	struct world_box	 box[6];
	bool			 refused;	/* nobody listens */
	bool			 no_password;	/* NO to LOGIN */
	const char		*busy;		/* BYE with this text instead of a greeting */
	bool			 silent;	/* takes what comes and says nothing */
	bool			 no_uidnext;	/* as Courier: SELECT does not say it */
	bool			 no_status_uidnext;
	bool			 empty_return;	/* LIST RETURN brings nothing */
	unsigned		 most;		/* sessions at once; 0: any number */
	/* ---- */
	struct session		*sessions[8];
	unsigned		 opened, now;	/* sessions so far, and now */
	bool			 closed;
	unsigned		 answers;
	struct request		*last;
};

/* session_maker knows no context. */
static struct world *world;

struct session {
	struct session_conf	 conf;
	struct world		*w;
	unsigned		 no;
	struct str		 in;
	struct str		 out;		/* what the server says next */
	char			 idle_tag[32];
	const struct world_box	*box;
	struct loop_timer	*timer;
	bool			 poked, inside, freed, over;
};

/* ---- sessions */

static void world_pump(void *arg);

/* true: it was freed, and goes when nothing will look at it any more. */
static bool
world_session_drop(struct session *x)
{
	if (!x->freed)
		return false;
	if (x->inside || x->poked)
		return true;
	loop_cancel(x->conf.loop, &x->timer);
	str_free(&x->in);
	str_free(&x->out);
	free(x);
	return true;
}

static void
world_over(struct session *x, const struct err *e)
{
	if (x->over)
		return;
	x->over = true;
	if (x->w->sessions[x->no % 8] == x)
		x->w->sessions[x->no % 8] = NULL;
	x->w->now--;
	x->conf.ops->on_closed(x->conf.engine, e);
	x->conf.ended(x->conf.arg, e);
}

static struct world_box *
world_box(struct world *w, const char *name)
{
	char bare[80];

	snprintf(bare, sizeof(bare), "%.70s", name[0] == '"' ? name + 1 : name);
	bare[strcspn(bare, "\" ")] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(w->box); i++)
		if (w->box[i].name != NULL && strcmp(w->box[i].name, bare) == 0)
			return &w->box[i];
	return NULL;
}

static void
world_select(struct session *x, const char *name)
{
	const struct world_box *b = world_box(x->w, name);

	x->box = NULL;
	if (b == NULL || b->missing) {
		str_adds(&x->out, "@ NO [NONEXISTENT] Mailbox doesn't exist\r\n");
		return;
	}
	x->box = b;
	str_addf(&x->out, "* %u EXISTS\r\n* OK [UIDVALIDITY %u] ok\r\n", b->exists, b->uidvalidity);
	if (!x->w->no_uidnext)
		str_addf(&x->out, "* OK [UIDNEXT %u] ok\r\n", b->uidnext);
	str_adds(&x->out, "@ OK [READ-WRITE] selected\r\n");
}

static void
world_status(struct session *x, const char *name)
{
	const struct world_box *b = world_box(x->w, name);

	if (b == NULL || b->missing) {
		str_adds(&x->out, "@ NO [NONEXISTENT] Mailbox doesn't exist\r\n");
		return;
	}
	str_addf(&x->out, "* STATUS %s (MESSAGES %u UIDVALIDITY %u", b->name, b->exists, b->uidvalidity);
	if (!x->w->no_status_uidnext)
		str_addf(&x->out, " UIDNEXT %u", b->uidnext);
	str_adds(&x->out, " UNSEEN 0)\r\n@ OK done\r\n");
}

static bool
world_is(const char *line, const char *verb)
{
	return strncmp(line, verb, strlen(verb)) == 0;
}

/* "@" stands for the tag. */
static void
world_answer(struct session *x, const char *tag, const char *line)
{
	struct world *w = x->w;

	if (world_is(line, "LOGIN"))
		str_adds(&x->out, w->no_password ? "@ NO [AUTHENTICATIONFAILED] Wrong password\r\n" :
		    "@ OK in\r\n");
	else if (world_is(line, "CAPABILITY"))
		str_addf(&x->out, "* CAPABILITY %s\r\n@ OK done\r\n", w->caps);
	else if (world_is(line, "ID "))
		str_adds(&x->out, "* ID (\"name\" \"Testd\")\r\n@ OK done\r\n");
	else if (world_is(line, "NAMESPACE"))
		str_adds(&x->out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n@ OK done\r\n");
	else if (world_is(line, "SELECT ") || world_is(line, "EXAMINE "))
		world_select(x, strchr(line, ' ') + 1);
	else if (world_is(line, "STATUS "))
		world_status(x, line + 7);
	else if (world_is(line, "LIST ") || world_is(line, "XLIST "))
		str_addf(&x->out, "%s@ OK done\r\n", w->empty_return && strstr(line, "RETURN") != NULL ?
		    "" : w->list != NULL ? w->list : "");
	else if (world_is(line, "CREATE") && world_box(w, line + 7) != NULL)
		str_adds(&x->out, "@ NO [ALREADYEXISTS] Mailbox already exists\r\n");
	else if (world_is(line, "LOGOUT"))
		str_adds(&x->out, "* BYE see you\r\n@ OK done\r\n");
	else if (world_is(line, "UID FETCH *") && x->box != NULL)
		str_addf(&x->out, "* %u FETCH (UID %u)\r\n@ OK done\r\n", x->box->exists,
		    x->box->uidnext - 1);
	else if (world_is(line, "IDLE")) {
		snprintf(x->idle_tag, sizeof(x->idle_tag), "%s", tag);
		str_adds(&x->out, "+ idling\r\n");
	} else
		str_adds(&x->out, "@ OK done\r\n");
}

static void
world_line(struct session *x, char *line)
{
	struct str raw = STR_INIT;
	char *rest = strchr(line, ' ');
	const char *tag = line;

	if (strcmp(line, "DONE") == 0) {
		str_addf(&x->w->heard, "%u> DONE\n", x->no);
		str_addf(&x->out, "%s OK done\r\n", x->idle_tag);
		return;
	}
	*rest++ = '\0';
	str_addf(&x->w->heard, "%u> %s\n", x->no, rest);
	if (x->w->silent)
		return;
	raw = x->out;
	x->out = STR_INIT;
	world_answer(x, tag, rest);
	for (size_t i = 0; i < x->out.len; i++)
		if (x->out.p[i] == '@' && (i == 0 || x->out.p[i - 1] == '\n'))
			str_adds(&raw, tag);
		else
			str_addc(&raw, x->out.p[i]);
	str_free(&x->out);
	x->out = raw;
}

/* true: it is over. */
static bool
world_feed(struct session *x)
{
	struct err e = ERR_NONE;
	enum engine_want want = ENGINE_GO_ON;
	struct str text = x->out;
	size_t used;
	int rc;

	x->out = STR_INIT;
	if (x->conf.ops->tick(x->conf.engine, loop_now(x->conf.loop), &e) < 0)
		rc = -1;
	else
		rc = text.len > 0 ? x->conf.ops->feed(x->conf.engine, str_view(&text), &used, &want, &e) : 0;
	str_free(&text);
	if (rc < 0 || want == ENGINE_CLOSE)
		world_over(x, &e);
	return x->over;
}

static void
world_write(struct session *x)
{
	struct view v;
	char *nl;

	while ((v = x->conf.ops->output(x->conf.engine)).n > 0) {
		str_addv(&x->in, v);
		x->conf.ops->sent(x->conf.engine, v.n);
	}
	while (x->in.len > 0 && (nl = strstr(x->in.p, "\r\n")) != NULL) {
		char *line = xmemdup0(x->in.p, (size_t)(nl - x->in.p));
		char *rest = xstrdup(nl + 2);

		str_reset(&x->in);
		str_adds(&x->in, rest);
		world_line(x, line);
		free(rest);
		free(line);
	}
}

static void
world_tick(void *arg)
{
	((struct session *)arg)->timer = NULL;
	world_pump(arg);
}

static void
world_pump(void *arg)
{
	struct session *x = arg;
	int64_t due;

	x->inside = true;
	while (!x->over && !x->freed) {
		if (world_feed(x))
			break;
		world_write(x);
		if (x->out.len == 0)
			break;
	}
	x->inside = false;
	if (world_session_drop(x))
		return;
	loop_cancel(x->conf.loop, &x->timer);
	if (x->over)
		return;
	due = x->conf.ops->next_deadline(x->conf.engine);
	if (due != INT64_MAX)
		x->timer = loop_after(x->conf.loop, MAX(due - loop_now(x->conf.loop), (int64_t)1),
		    world_tick, x);
}

static void
world_poked(void *arg)
{
	struct session *x = arg;

	x->poked = false;
	if (!world_session_drop(x))
		world_pump(x);
}

static void
world_fail(struct session *x, const char *why)
{
	struct err e = ERR_NONE;

	x->inside = true;
	err_set(&e, ERR_NET, SCOPE_SESSION, "%s", why);
	e.temporary = true;
	world_over(x, &e);
	x->inside = false;
	world_session_drop(x);
}

static void
world_connect(void *arg)
{
	struct session *x = arg;
	struct world *w = x->w;

	x->poked = false;
	if (world_session_drop(x))
		return;
	if (w->refused) {
		world_fail(x, "mail.example.com:143: connection refused");
		return;
	}
	x->conf.opened(x->conf.arg, true);
	if (w->busy != NULL || (w->most > 0 && w->now > w->most))
		str_addf(&x->out, "* BYE %s\r\n", w->busy != NULL ? w->busy :
		    "[UNAVAILABLE] Maximum number of connections from user+IP exceeded");
	else if (!w->silent)
		str_addf(&x->out, "* OK [CAPABILITY %s] hello\r\n", w->caps);
	world_pump(x);
}

static struct session *
world_open(const struct session_conf *conf)
{
	struct session *x = xcalloc(1, sizeof(*x));

	x->conf = *conf;
	x->w = world;
	x->no = ++world->opened;
	world->now++;
	world->sessions[x->no % 8] = x;
	x->poked = true;
	loop_defer(conf->loop, world_connect, x);
	return x;
}

static void
world_poke(struct session *x)
{
	if (x->poked)
		return;
	x->poked = true;
	loop_defer(x->conf.loop, world_poked, x);
}

static void
world_free(struct session **xp)
{
	struct session *x = *xp;

	*xp = NULL;
	loop_cancel(x->conf.loop, &x->timer);
	if (!x->over) {
		x->over = true;
		x->w->now--;
		if (x->w->sessions[x->no % 8] == x)
			x->w->sessions[x->no % 8] = NULL;
	}
	x->freed = true;
	world_session_drop(x);
}

static const struct session_maker world_maker = { world_open, world_poke, world_free };

/* ---- the test's hands */

static void
world_logged(void *arg, enum log_level level, const char *line)
{
	struct world *w = arg;

	(void)level;
	str_addf(&w->log_text, "%s\n", line);
}

static void
world_begin(struct world *w)
{
	struct credential_spec spec = { .kind = CREDENTIAL_GIVEN };
	struct secret *secret = secret_of(VIEW("tea"));
	struct err e = ERR_NONE;

	*w = (struct world){ .caps = WORLD_CAPS };
	world = w;
	w->l = loop_fake_new(1700000000000);
	w->log = log_new(-1, LOG_TEXT, false, LOG_INFO);
	log_tap(w->log, world_logged, w);
	spec.given = secret;
	w->password = credential_new(&spec, &e);
	secret_free(&secret);
	w->box[0] = (struct world_box){ "INBOX", 3, 11, 1, false };
	w->box[1] = (struct world_box){ "Lists", 0, 1, 1, false };
	w->box[2] = (struct world_box){ "Work", 5, 6, 7, false };
	w->box[3] = (struct world_box){ "Four", 1, 2, 7, false };
}

static struct imap_source_conf
world_conf(struct world *w)
{
	return (struct imap_source_conf){ .name = "work", .host = "mail.example.com", .port = 143,
		.user = "anna", .password = w->password, .security = SESSION_PLAIN,
		.maker = &world_maker };
}

static void
world_start(struct world *w, const struct imap_source_conf *c)
{
	struct err e = ERR_NONE;

	w->s = imap_source_open(w->l, w->log, c, &e);
	if (w->s == NULL)
		printf("# %s\n", e.text);
}

static void
world_run(struct world *w, int64_t ms)
{
	loop_fake_run_for(w->l, ms);
}

static void
world_done(struct request *r)
{
	struct world *w = r->arg;

	request_free(&w->last);
	w->last = r;
	w->answers++;
}

static struct request *
world_ask(struct world *w, enum request_kind kind, const char *mailbox)
{
	struct request *r = request_new(kind, mailbox, world_done, w);

	r->uid = 1;
	r->target = kind == REQ_COPY || kind == REQ_MOVE || kind == REQ_RENAME ? "Lists" : NULL;
	source_submit(w->s, r);
	return r;
}

static void
world_is_closed(void *arg)
{
	((struct world *)arg)->closed = true;
}

static void
world_close(struct world *w)
{
	if (w->s != NULL)
		w->s->ops->close(w->s, world_is_closed, w);
	w->s = NULL;
}

static void
world_end(struct world *w)
{
	world_close(w);
	world_run(w, 60000);
	request_free(&w->last);
	credential_unref(&w->password);
	str_free(&w->heard);
	str_free(&w->log_text);
	log_free(&w->log);
	loop_free(&w->l);
}

/* How often a text was heard (or logged) since the world began. */
static inline unsigned
world_count(const struct str *in, const char *text)
{
	unsigned n = 0;

	for (const char *p = str_z(in); (p = strstr(p, text)) != NULL; p += strlen(text))
		n++;
	return n;
}

static inline unsigned
heard(struct world *w, const char *text)
{
	return world_count(&w->heard, text);
}

static inline unsigned
logged(struct world *w, const char *text)
{
	return world_count(&w->log_text, text);
}

/* The server says this on the n-th session, or ends it. */
static inline void
world_say(struct world *w, unsigned no, const char *text)
{
	struct session *x = w->sessions[no % 8];

	if (x == NULL)
		return;
	str_adds(&x->out, text);
	world_poke(x);
}

static inline void
world_cut(struct world *w, unsigned no)
{
	if (w->sessions[no % 8] != NULL)
		world_fail(w->sessions[no % 8], "mail.example.com:143: connection reset");
}

#endif
