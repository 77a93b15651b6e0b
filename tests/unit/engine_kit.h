/* What the tests of the engine share: a real Maildir and state, rules as C values, functions answered here. */
#ifndef ENGINE_KIT_H
#define ENGINE_KIT_H

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"

struct world {
	char		 dir[300], maildir[340], state_dir[340];
	struct loop	*loop;
	struct log	*log;
	struct state	*state;
	struct engine	*engine;
	struct ruleset	*rules;
	struct turn	*asked[64];	/* by the handler, not answered yet */
	size_t		 nasked, ncanceled;
	bool		 stopped, idle;
};

static inline void
on_start(void *script, struct turn *t, uint32_t fn, bool where, const struct captures *caps)
{
	struct world *w = script;

	(void)fn; (void)where; (void)caps;
	w->asked[w->nasked++ % 64] = t;
}

static inline void
on_cancel(void *script, struct turn *t)
{
	struct world *w = script;

	(void)t;
	w->ncanceled++;
}

static const struct handler_ops handler = { on_start, on_cancel, NULL };

static inline void on_idle(void *arg) { ((struct world *)arg)->idle = true; }
static inline void on_stopped(void *arg) { ((struct world *)arg)->stopped = true; }

static inline void
make_maildir(const char *path)
{
	static const char *const subs[] = { "", "/cur", "/new", "/tmp" };
	char p[400];

	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		snprintf(p, sizeof(p), "%s%s", path, subs[i]);
		mkdir(p, 0700);
	}
}

/* folder: "." or ".Lists" */
static inline void
deliver_to(const char *maildir, const char *folder, int n, const char *subject)
{
	char tmp[500], new[500];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s/%s/tmp/%d.M%d.test", maildir, folder, 1700000000 + n, n);
	snprintf(new, sizeof(new), "%s/%s/new/%d.M%d.test", maildir, folder, 1700000000 + n, n);
	f = fopen(tmp, "w");
	fprintf(f, "From: a%d@example.org\nSubject: %s\n\nbody of %d\n", n, subject, n);
	fclose(f);
	rename(tmp, new);
}

static inline void
deliver(struct world *w, int n, const char *subject)
{
	deliver_to(w->maildir, ".", n, subject);
}

static inline int
count_in(const char *maildir, const char *folder)
{
	static const char *const subs[] = { "cur", "new" };
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		char p[500];
		DIR *d;

		snprintf(p, sizeof(p), "%s/%s/%s", maildir, folder, subs[i]);
		d = opendir(p);
		for (const struct dirent *de; d != NULL && (de = readdir(d)) != NULL;)
			n += de->d_name[0] != '.';
		if (d != NULL)
			closedir(d);
	}
	return n;
}

static inline int
count(const struct world *w, const char *folder)
{
	return count_in(w->maildir, folder);
}

/* l: moves over */
static inline bool
open_world_on(struct world *w, struct loop *l, const char *dir, bool existing, bool dry_run)
{
	struct engine_conf conf = { 0 };
	struct err e = ERR_NONE;

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "%s", dir);
	snprintf(w->maildir, sizeof(w->maildir), "%s/Maildir", dir);
	snprintf(w->state_dir, sizeof(w->state_dir), "%s/state", dir);
	make_maildir(w->maildir);
	w->loop = l;
	w->log = log_new(getenv("UNIT_LOG") ? 2 : -1, LOG_TEXT, false, LOG_DEBUG);
	w->state = state_open(w->loop, w->log, w->state_dir, "state", NULL, &e);
	if (w->state == NULL) {
		printf("# %s\n", e.text);
		return false;
	}
	conf.loop = w->loop;
	conf.log = w->log;
	conf.state = w->state;
	conf.existing = existing;
	conf.dry_run = dry_run;
	w->engine = engine_new(&conf);
	w->rules = ruleset_new(&handler, w);
	return true;
}

static inline bool
open_world_as(struct world *w, const char *dir, bool existing, bool dry_run)
{
	struct err e = ERR_NONE;

	return open_world_on(w, loop_new(&e), dir, existing, dry_run);
}

static inline bool
open_world(struct world *w, const char *dir, bool existing)
{
	return open_world_as(w, dir, existing, false);
}

static inline void
add_account_at(struct world *w, const char *name, const char *path, const char *digest)
{
	struct account_decl *d = xcalloc(1, sizeof(*d));
	struct err e = ERR_NONE;

	d->name = xstrdup(name);
	d->where = xstrdup("test:1");
	d->path = xstrdup(path);
	d->create = true;
	d->digest = xstrdup(digest);
	if (ruleset_add_account(w->rules, d, &e) < 0)
		abort();
}

static inline void
add_account(struct world *w)
{
	add_account_at(w, "home", w->maildir, "1");
}

static inline struct rule *
new_rule(const char *name, const char *subject)
{
	struct rule *r = rule_new(name, "test:2");
	struct query_value v = { .type = QV_TEXT, .text = view_of(subject) };
	struct err e = ERR_NONE;

	if (subject != NULL)
		r->when = query_key(VIEW("subject"), VIEW_NONE, OP_HAS, &v, 1, NULL, &e);
	return r;
}

static inline void
add_action(struct rule *r, enum verb verb, const char *target)
{
	struct rule_action a = { .verb = verb };
	struct err e = ERR_NONE;

	if (target != NULL)
		a.target = template_new(view_of(target), NULL, 0, &e);
	if (verb == VERB_FLAG)
		flags_add(&a.flags, FLAG_FLAGGED, VIEW_NONE);
	VEC_PUSH(&r->actions, a);
}

static inline void
attach(struct world *w, const char *box, struct rule *r)
{
	struct err e = ERR_NONE;

	if (ruleset_attach(w->rules, "home", box, r, &e) < 0)
		abort();
}

static inline bool
start(struct world *w)
{
	struct err e = ERR_NONE;

	engine_on_idle(w->engine, on_idle, w);
	if (engine_activate(w->engine, w->rules, &e) < 0) {
		printf("# %s\n", e.text);
		return false;
	}
	return true;
}

static inline void nothing(void *arg) { (void)arg; }

/* One turn that ends soon, whatever comes. */
static inline void
turn(struct world *w)
{
	struct loop_timer *t = loop_after(w->loop, 20, nothing, NULL);

	(void)t;
	loop_turn(w->loop, true);
}

/* The rules that come next, in place of those at work; activated by start(). */
static inline void
new_rules(struct world *w)
{
	ruleset_unref(&w->rules);
	w->rules = ruleset_new(&handler, w);
}

static inline void
pause_ms(struct world *w, int64_t ms)
{
	for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end;)
		turn(w);
}

/* Waits for it to hold, 10 s at most; then it holds or not. */
#define UNTIL(w, cond) do { \
	int64_t until_end = clock_mono_ms() + 10000; \
	while (!(cond) && clock_mono_ms() < until_end) \
		turn(w); \
} while (0)

static inline void
answer(struct turn *t, const char *move_to)
{
	struct turn_answer a = { .outcome = ANSWER_OK };

	if (move_to != NULL)
		VEC_PUSH(&a.actions, ((struct action){ .verb = VERB_MOVE, .mailbox = xstrdup(move_to) }));
	engine_answered(t, &a);
}

/* Turns of the loop until the engine says that it is idle (and was not before), 10 s at most. */
static inline bool
run_idle(struct world *w)
{
	int64_t end = clock_mono_ms() + 10000;

	w->idle = false;
	engine_on_idle(w->engine, on_idle, w);
	while (!w->idle && clock_mono_ms() < end)
		turn(w);
	return w->idle;
}

static inline bool
run_asked(struct world *w, size_t n)
{
	int64_t end = clock_mono_ms() + 10000;

	while (w->nasked < n && clock_mono_ms() < end)
		turn(w);
	return w->nasked >= n;
}

static inline void
free_world(struct world *w)
{
	engine_free(&w->engine);
	ruleset_unref(&w->rules);
	state_close(&w->state);
	loop_turn(w->loop, false);	/* an answer may be on its way still */
	loop_free(&w->loop);
	log_free(&w->log);
}

static inline void
close_world(struct world *w, int64_t grace)
{
	engine_stop(w->engine, grace, on_stopped, w);
	while (!w->stopped)
		loop_turn(w->loop, true);
	free_world(w);
}

#endif
