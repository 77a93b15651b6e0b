/* The engine over a real Maildir and a real state: rules as C values, functions answered here. */
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

static void
on_start(void *script, struct turn *t, uint32_t fn, bool where, const struct captures *caps)
{
	struct world *w = script;

	(void)fn; (void)where; (void)caps;
	w->asked[w->nasked++ % 64] = t;
}

static void
on_cancel(void *script, struct turn *t)
{
	struct world *w = script;

	(void)t;
	w->ncanceled++;
}

static const struct handler_ops handler = { on_start, on_cancel, NULL };

static void on_idle(void *arg) { ((struct world *)arg)->idle = true; }
static void on_stopped(void *arg) { ((struct world *)arg)->stopped = true; }

static void
make_maildir(const char *path)
{
	static const char *const subs[] = { "", "/cur", "/new", "/tmp" };
	char p[400];

	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		snprintf(p, sizeof(p), "%s%s", path, subs[i]);
		mkdir(p, 0700);
	}
}

static void
deliver(struct world *w, int n, const char *subject)
{
	char tmp[500], new[500];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s/tmp/%d.M%d.test", w->maildir, 1700000000 + n, n);
	snprintf(new, sizeof(new), "%s/new/%d.M%d.test", w->maildir, 1700000000 + n, n);
	f = fopen(tmp, "w");
	fprintf(f, "From: a%d@example.org\nSubject: %s\n\nbody of %d\n", n, subject, n);
	fclose(f);
	rename(tmp, new);
}

static int
count(const struct world *w, const char *folder)
{
	static const char *const subs[] = { "cur", "new" };
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		char p[500];
		DIR *d;

		snprintf(p, sizeof(p), "%s/%s/%s", w->maildir, folder, subs[i]);
		d = opendir(p);
		for (const struct dirent *de; d != NULL && (de = readdir(d)) != NULL;)
			n += de->d_name[0] != '.';
		if (d != NULL)
			closedir(d);
	}
	return n;
}

static bool
open_world(struct world *w, const char *dir, bool existing)
{
	struct engine_conf conf = { 0 };
	struct err e = ERR_NONE;

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "%s", dir);
	snprintf(w->maildir, sizeof(w->maildir), "%s/Maildir", dir);
	snprintf(w->state_dir, sizeof(w->state_dir), "%s/state", dir);
	make_maildir(w->maildir);
	w->loop = loop_new(&e);
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
	w->engine = engine_new(&conf);
	w->rules = ruleset_new(&handler, w);
	return true;
}

static void
add_account(struct world *w)
{
	struct account_decl *d = xcalloc(1, sizeof(*d));
	struct err e = ERR_NONE;

	d->name = xstrdup("home");
	d->where = xstrdup("test:1");
	d->path = xstrdup(w->maildir);
	d->create = true;
	d->digest = xstrdup("1");
	if (ruleset_add_account(w->rules, d, &e) < 0)
		abort();
}

static struct rule *
new_rule(const char *name, const char *subject)
{
	struct rule *r = rule_new(name, "test:2");
	struct query_value v = { .type = QV_TEXT, .text = view_of(subject) };
	struct err e = ERR_NONE;

	if (subject != NULL)
		r->when = query_key(VIEW("subject"), VIEW_NONE, OP_HAS, &v, 1, NULL, &e);
	return r;
}

static void
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

static void
attach(struct world *w, const char *box, struct rule *r)
{
	struct err e = ERR_NONE;

	if (ruleset_attach(w->rules, "home", box, r, &e) < 0)
		abort();
}

static bool
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

static void nothing(void *arg) { (void)arg; }

/* One turn that ends soon, whatever comes. */
static void
turn(struct world *w)
{
	struct loop_timer *t = loop_after(w->loop, 20, nothing, NULL);

	(void)t;
	loop_turn(w->loop, true);
}

/* Turns of the loop until the engine says that it is idle (and was not before), 10 s at most. */
static bool
run_idle(struct world *w)
{
	int64_t end = clock_mono_ms() + 10000;

	w->idle = false;
	engine_on_idle(w->engine, on_idle, w);
	while (!w->idle && clock_mono_ms() < end)
		turn(w);
	return w->idle;
}

static bool
run_asked(struct world *w, size_t n)
{
	int64_t end = clock_mono_ms() + 10000;

	while (w->nasked < n && clock_mono_ms() < end)
		turn(w);
	return w->nasked >= n;
}

static void
close_world(struct world *w, int64_t grace)
{
	engine_stop(w->engine, grace, on_stopped, w);
	while (!w->stopped)
		loop_turn(w->loop, true);
	engine_free(&w->engine);
	ruleset_unref(&w->rules);
	state_close(&w->state);
	loop_free(&w->loop);
	log_free(&w->log);
}

TEST(moves_what_matches_and_leaves_the_rest)
{
	struct world w;
	struct rule *r = new_rule("bills", "bill");

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(r, VERB_FLAG, NULL);
	add_action(r, VERB_MOVE, "Bills/{from.local_part}");
	attach(&w, "INBOX", r);
	deliver(&w, 1, "a bill");
	deliver(&w, 2, "something else");
	deliver(&w, 3, "another BILL");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(count(&w, ".Bills.a1"), 1);
	EXPECT_EQ(count(&w, ".Bills.a3"), 1);
	EXPECT_EQ(engine_counts(w.engine)->actions, 4);
	close_world(&w, 0);
}

TEST(the_first_run_leaves_what_is_there_alone_and_a_restart_goes_on)
{
	struct world w;
	const char *dir = unit_tmp();
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", dir);
	for (int run = 0; run < 3; run++) {
		struct rule *r = new_rule("all", NULL);

		EXPECT(open_world(&w, copy, false));
		add_account(&w);
		add_action(r, VERB_MOVE, "Done");
		attach(&w, "INBOX", r);
		deliver(&w, run, "x");
		EXPECT(start(&w));
		EXPECT(run_idle(&w));
		EXPECT_EQ(count(&w, "."), 1);
		EXPECT_EQ(count(&w, ".Done"), run);
		close_world(&w, 0);
	}
}

TEST(a_function_decides_and_a_failing_one_is_tried_again_later)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);
	struct turn_answer a = { .outcome = ANSWER_OK };
	struct action act = { .verb = VERB_MOVE, .mailbox = xstrdup("Out") };
	struct turn_answer bad = { .outcome = ANSWER_FAILED, .reason = "boom" };

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	r->run = 1;
	attach(&w, "INBOX", r);
	deliver(&w, 1, "x");
	deliver(&w, 2, "y");
	EXPECT(start(&w));
	EXPECT(run_asked(&w, 2));
	EXPECT_EQ(message_facts(turn_message(w.asked[0]))->uid, 1);
	VEC_PUSH(&a.actions, act);
	engine_answered(w.asked[0], &a);
	engine_answered(w.asked[1], &bad);
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Out"), 1);
	EXPECT_EQ(count(&w, "."), 1);
	EXPECT_EQ(engine_counts(w.engine)->failed, 1);
	EXPECT_EQ(engine_counts(w.engine)->retried, 1);
	close_world(&w, 0);
}

TEST(a_serial_rule_sees_one_message_at_a_time)
{
	struct world w;
	struct rule *r = new_rule("fn", NULL);

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	r->run = 1;
	r->serial = true;
	attach(&w, "INBOX", r);
	for (int i = 1; i <= 5; i++)
		deliver(&w, i, "x");
	EXPECT(start(&w));
	for (size_t i = 0; i < 5; i++) {
		struct turn_answer a = { .outcome = ANSWER_OK };

		EXPECT(run_asked(&w, i + 1));
		for (int k = 0; k < 20; k++)
			loop_turn(w.loop, false);
		EXPECT_EQ(w.nasked, i + 1);
		EXPECT_EQ(message_facts(turn_message(w.asked[i]))->uid, i + 1);
		engine_answered(w.asked[i], &a);
	}
	EXPECT(run_idle(&w));
	close_world(&w, 0);
}

TEST(stopping_gives_up_a_function_and_the_next_start_asks_again)
{
	struct world w;
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (int run = 0; run < 2; run++) {
		struct rule *r = new_rule("fn", NULL);

		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		r->run = 1;
		attach(&w, "INBOX", r);
		if (run == 0)
			deliver(&w, 1, "x");
		EXPECT(start(&w));
		EXPECT(run_asked(&w, 1));
		close_world(&w, 0);
		EXPECT_EQ(w.ncanceled, 1);
	}
}

TEST(own_mail_is_no_arrival_and_a_circle_ends)
{
	struct world w;
	struct rule *there, *back, *other;

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	there = new_rule("there", NULL);
	back = new_rule("back", NULL);
	other = new_rule("other", NULL);
	there->own = back->own = true;
	add_action(there, VERB_MOVE, "B");
	add_action(back, VERB_MOVE, "INBOX");
	add_action(other, VERB_MOVE, "Never");
	attach(&w, "INBOX", there);
	attach(&w, "B", other);
	attach(&w, "B", back);
	deliver(&w, 1, "x");
	EXPECT(start(&w));
	for (int i = 0; i < 12; i++)
		EXPECT(run_idle(&w));
	for (int64_t end = clock_mono_ms() + 5000; clock_mono_ms() < end &&
	    engine_counts(w.engine)->parked == 0;)
		turn(&w);
	EXPECT_EQ(count(&w, ".Never"), 0);
	EXPECT_EQ(engine_counts(w.engine)->parked, 1);
	EXPECT_EQ(engine_counts(w.engine)->actions, 5);
	close_world(&w, 0);
}

TEST(a_later_test_is_durable_and_comes_once)
{
	struct world w;
	char copy[300];

	snprintf(copy, sizeof(copy), "%s", unit_tmp());
	for (int run = 0; run < 2; run++) {
		struct rule *r = new_rule("later", "x");

		EXPECT(open_world(&w, copy, true));
		add_account(&w);
		r->after_ms = 2000;
		r->after_here = true;
		add_action(r, VERB_MOVE, "Later");
		attach(&w, "INBOX", r);
		if (run == 0)
			deliver(&w, 1, "x"), deliver(&w, 2, "y");
		EXPECT(start(&w));
		EXPECT(run_idle(&w));
		if (run == 1)
			for (int64_t end = clock_mono_ms() + 6000; clock_mono_ms() < end &&
			    count(&w, ".Later") == 0;)
				turn(&w);
		EXPECT_EQ(count(&w, ".Later"), run);
		EXPECT_EQ(count(&w, "."), 2 - run);
		EXPECT(run_idle(&w));
		close_world(&w, 0);
	}
}

TEST(thousands_pass_in_windows)
{
	struct world w;
	struct rule *r = new_rule("even", "even");

	EXPECT(open_world(&w, unit_tmp(), true));
	add_account(&w);
	add_action(r, VERB_MOVE, "Even");
	attach(&w, "INBOX", r);
	for (int i = 0; i < 2000; i++)
		deliver(&w, i, i % 2 ? "odd" : "even");
	EXPECT(start(&w));
	EXPECT(run_idle(&w));
	EXPECT_EQ(count(&w, ".Even"), 1000);
	EXPECT_EQ(engine_counts(w.engine)->judged, 2000);
	close_world(&w, 0);
}
