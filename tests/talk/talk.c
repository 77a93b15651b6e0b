/*
 * talk [-v] [-n CUTS] FILE...: runs each talk against the IMAP source in memory: whole; with
 * every block of the server byte by byte, in one turn of the loop and with a turn for each
 * byte; and cut in two at every position.  What comes of it must be the same each time.
 *
 * -n: at most so many cuts of a talk (3000; TALK_CUTS in the environment), evenly spread.
 * -v: the talk as it went, of the whole run.  README.md tells how talks are written.
 */
#include "talk_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define PATIENCE_MS	1000	/* of the virtual clock, for the client's next line */
#define CONNECT_MS	900000	/* ... for the next connection: backoff */
#define CLOSE_MS	600000
#define CUTS_MAX	3000u

struct shape { size_t step, len; };	/* a block of the server that can be cut */

struct taken {			/* what a run came to */
	struct { VEC(struct shape) } shapes;
	struct str outcomes;
	char why[900];
};

static bool verbose;

static void
settle(struct talk_run *r)
{
	loop_fake_run_for(r->loop, 0);
}

/* The first failure counts. */
static void
fail(struct talk_run *r, const struct talk_step *s, const char *what, const char *more)
{
	if (r->why[0] == '\0')
		snprintf(r->why, sizeof(r->why), "%s %u: %s%s", s == NULL ? "behind line" :
		    s->included ? "in a macro, line" : "line", s != NULL ? s->line :
		    r->script->steps.at[r->script->steps.n - 1].line, what, more);
}

static void
show(const char *mark, struct view v)
{
	if (verbose)
		printf("    %s %.*s%s", mark, VIEW_ARG(v), view_ends(v, VIEW("\n")) ? "" : "\n");
}

/* ---- what the client says */

/* The first line that nobody has dealt with, or NULL. */
static struct talk_line *
head(struct session *s)
{
	return s != NULL && s->head < s->lines.n ? &s->lines.at[s->head] : NULL;
}

/* A standing answer, if there is one. */
static bool
answer(struct talk_run *r, struct session *s)
{
	struct talk_line *l = head(s);

	for (size_t i = 0; l != NULL && i < r->script->rules.n; i++) {
		const struct talk_rule *rule = &r->script->rules.at[i];
		struct talk_slots slots = r->slots;
		struct str out = STR_INIT;

		if (!talk_match(rule->pattern, view_of(l->text), &slots))
			continue;
		talk_keep(&r->slots, &slots);
		show("c", view_of(l->text));
		s->head++;
		talk_fill(&rule->answer, &slots, &out);
		show("s", str_view(&out));
		talk_feed(s, str_view(&out));
		str_free(&out);
		return true;
	}
	return false;
}

static bool
answer_all(struct talk_run *r)
{
	bool some = false;

	for (size_t i = 0; i < r->sessions.n; i++)
		while (answer(r, r->sessions.at[i]))
			some = true;
	return some;
}

/* Lets time pass until there is something to look at: true while patience lasts. */
static bool
be_patient(struct talk_run *r, int64_t *left)
{
	int64_t step = *left > 10 * PATIENCE_MS ? 1000 : 50;

	settle(r);
	if (*left < 0)
		return false;
	if (*left != PATIENCE_MS && *left != CONNECT_MS && *left != CLOSE_MS)
		loop_fake_run_for(r->loop, step);
	*left -= step;
	return true;
}

static void
do_client(struct talk_run *r, const struct talk_step *step)
{
	struct talk_line *l;
	int64_t left = PATIENCE_MS;

	for (;;) {
		if ((l = head(r->at)) != NULL) {
			if (talk_match(step->text, view_of(l->text), &r->slots))
				break;
			if (answer(r, r->at))
				continue;
			fail(r, step, "the client says: ", l->text);
			return;
		}
		if (r->at != NULL && r->at->over) {
			fail(r, step, "the client is gone: ", r->at->end.text);
			return;
		}
		if (!be_patient(r, &left)) {
			fail(r, step, "the client says nothing, not: ", step->text);
			return;
		}
	}
	show("C", view_of(l->text));
	if (step->joined && l->write != r->last_write)
		fail(r, step, "not in one write with the line before: ", l->text);
	r->last_write = l->write;
	r->at->head++;
}

/* ---- what the server says */

/* Before the server speaks, the client may have said no more than the talk has heard. */
static bool
is_heard(struct talk_run *r, const struct talk_step *step)
{
	bool some;

	do {
		settle(r);
		some = false;
		while (answer(r, r->at))
			some = true;
	} while (some);
	if (r->at->over) {
		fail(r, step, "the client is gone: ", r->at->end.text);
		return false;
	}
	if (r->cut.how == CUT_NEVER && head(r->at) != NULL) {
		fail(r, step, "the client does not wait but says: ", head(r->at)->text);
		return false;
	}
	return true;
}

static void
do_server(struct talk_run *r, size_t i, struct taken *t)
{
	const struct talk_step *step = &r->script->steps.at[i];
	struct session *s = r->at;
	struct str out = STR_INIT;
	struct view v;
	size_t at;

	if (!is_heard(r, step))
		return;
	s = r->at;
	talk_fill(&step->server, &r->slots, &out);
	v = str_view(&out);
	show("S", v);
	if (r->cut.how == CUT_NEVER && !step->included) {
		struct shape sh = { i, v.n };

		VEC_PUSH(&t->shapes, sh);
	}
	if (r->cut.how == CUT_BYTES && !step->included) {
		for (at = 0; at < v.n; at++) {
			talk_feed(s, view_sub(v, at, 1));
			if (r->cut.turns)
				settle(r);
		}
	} else if (r->cut.how == CUT_ONCE && r->cut.step == i) {
		talk_feed(s, view_sub(v, 0, r->cut.at));
		if (r->cut.turns)
			settle(r);
		talk_feed(s, view_from(v, r->cut.at));
	} else {
		talk_feed(s, v);
	}
	str_free(&out);
}

static void
do_connection(struct talk_run *r, const struct talk_step *step, unsigned number)
{
	int64_t left = CONNECT_MS;

	while (r->sessions.n < number || !(r->sessions.at[number - 1]->opened ||
	    r->sessions.at[number - 1]->over)) {
		if (!be_patient(r, &left)) {
			fail(r, step, "", "no such connection comes");
			return;
		}
		answer_all(r);
	}
	r->at = r->sessions.at[number - 1];
	if (verbose)
		printf("    [%u]\n", number);
}

/* ---- what comes of it */

static bool
told(struct talk_run *r, const char *pattern)
{
	for (size_t i = 0; i < r->outcomes.n; i++) {
		struct talk_line *l = &r->outcomes.at[i];

		if (!l->taken && talk_match(pattern, view_of(l->text), &r->slots)) {
			show("=", view_of(l->text));
			l->taken = true;
			return true;
		}
	}
	return false;
}

static bool
was_logged(struct talk_run *r, const char *pattern)
{
	struct talk_slots slots = r->slots;

	for (size_t i = 0; i < r->logged.n; i++)
		if (!r->logged.at[i].taken &&
		    talk_match(pattern, view_of(r->logged.at[i].text), &slots))
			return true;
	return false;
}

/* A word about the state of things, else a pattern for an outcome. */
static bool
is_so(struct talk_run *r, const char *text)
{
	if (strcmp(text, "gone") == 0)		/* the client has closed this connection */
		return r->at != NULL && r->at->over;
	if (strncmp(text, "log: ", 5) == 0)
		return was_logged(r, text + 5);
	return told(r, text);
}

/* "nothing": neither an outcome nor a line of the client that was not heard. */
static const char *
something(struct talk_run *r)
{
	settle(r);
	while (answer_all(r))
		settle(r);
	for (size_t i = 0; i < r->outcomes.n; i++)
		if (!r->outcomes.at[i].taken && !(r->cut.turns &&
		    strncmp(r->outcomes.at[i].text, "changed ", 8) == 0))
			return r->outcomes.at[i].text;
	for (size_t i = 0; i < r->sessions.n; i++)
		if (head(r->sessions.at[i]) != NULL && !r->sessions.at[i]->over)
			return head(r->sessions.at[i])->text;
	return NULL;
}

static void
do_expect(struct talk_run *r, const struct talk_step *step)
{
	int64_t left = PATIENCE_MS;
	const char *what = NULL;

	if (strcmp(step->text, "nothing") == 0) {
		if ((what = something(r)) != NULL)
			fail(r, step, "there is: ", what);
		return;
	}
	while (!is_so(r, step->text)) {
		if (answer_all(r))
			continue;
		if (!be_patient(r, &left)) {
			what = something(r);
			fail(r, step, what != NULL ? "there is: " : "nothing comes of it",
			    what != NULL ? what : "");
			return;
		}
	}
}

static void
do_step(struct talk_run *r, size_t i, struct taken *t)
{
	const struct talk_step *s = &r->script->steps.at[i];

	if (r->at == NULL && (s->kind == TALK_SERVER || s->kind == TALK_CLIENT))
		do_connection(r, s, 1);
	if (r->why[0] != '\0')
		return;
	switch (s->kind) {
	case TALK_SERVER:
		do_server(r, i, t);
		break;
	case TALK_CLIENT:
		do_client(r, s);
		break;
	case TALK_DO:
		show(">", view_of(s->text));
		if (strncmp(s->text, "wait ", 5) == 0 || strncmp(s->text, "cut", 3) == 0) {
			settle(r);
			while (answer_all(r))
				settle(r);
		}
		if (!talk_do(r, s->text))
			fail(r, s, "cannot do: ", s->text);
		break;
	case TALK_EXPECT:
		do_expect(r, s);
		break;
	case TALK_CONNECTION:
		do_connection(r, s, s->number);
		break;
	}
}

/* ---- a run */

static void
set_true(void *arg)
{
	*(bool *)arg = true;
}

/* LOGOUT is answered, all else is not heard any more. */
static void
shut(struct talk_run *r)
{
	static const char pattern[] = "%t LOGOUT";
	int64_t left = CLOSE_MS;
	bool done = false;

	r->closing = true;
	if (r->source == NULL)
		return;
	r->source->ops->close(r->source, set_true, &done);
	while (!done && be_patient(r, &left)) {
		for (size_t i = 0; i < r->sessions.n; i++) {
			struct session *s = r->sessions.at[i];
			struct talk_slots slots = r->slots;
			struct str out = STR_INIT;

			for (; head(s) != NULL; s->head++) {
				if (!talk_match(pattern, view_of(head(s)->text), &slots))
					continue;
				str_addf(&out, "* BYE\r\n%s OK\r\n", slots.tag['t']);
			}
			if (out.len > 0 && !s->over)
				talk_feed(s, str_view(&out));
			str_free(&out);
		}
	}
	if (!done)
		fail(r, NULL, "", "the source does not close");
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All outcomes, sorted: their order is the network's. */
static void
sum_up(struct talk_run *r, struct taken *t)
{
	struct { VEC(char *) } v = { 0 };

	for (size_t i = 0; i < r->outcomes.n; i++)
		if (strncmp(r->outcomes.at[i].text, "changed ", 8) != 0)
			VEC_PUSH(&v, r->outcomes.at[i].text);
	if (v.n > 0)
		qsort(v.at, v.n, sizeof(*v.at), by_text);
	for (size_t i = 0; i < v.n; i++)
		str_addf(&t->outcomes, "%s\n", v.at[i]);
	VEC_FREE(&v);
}

static void
show_end(struct talk_run *r)
{
	for (size_t i = 0; i < r->logged.n; i++)
		show("log", view_of(r->logged.at[i].text));
	for (size_t i = 0; i < r->outcomes.n; i++)
		if (!r->outcomes.at[i].taken)
			show("(=)", view_of(r->outcomes.at[i].text));
}

static void
run(const struct talk_script *script, const struct talk_cut *cut, struct taken *t)
{
	struct talk_run r = { .script = script, .cut = *cut };
	const char *what;

	if (talk_open_source(&r) == 0) {
		for (size_t i = 0; i < script->steps.n && r.why[0] == '\0'; i++)
			do_step(&r, i, t);
		if (r.why[0] == '\0' && (what = something(&r)) != NULL)
			fail(&r, NULL, "at the end there is: ", what);
		sum_up(&r, t);
		if (cut->how == CUT_NEVER)
			show_end(&r);
		shut(&r);
	}
	if (r.leaked && r.why[0] == '\0')
		fail(&r, NULL, "", "a secret stands in the log");
	snprintf(t->why, sizeof(t->why), "%s", r.why);
	loop_free(&r.loop);
	for (size_t i = 0; i < r.sessions.n; i++)
		talk_session_free(r.sessions.at[i]);
	VEC_FREE(&r.sessions);
	talk_lines_free(&r.outcomes);
	talk_lines_free(&r.logged);
	credential_unref(&r.password);
	credential_unref(&r.token);
	log_free(&r.log);
}

static void
taken_free(struct taken *t)
{
	VEC_FREE(&t->shapes);
	str_free(&t->outcomes);
}

/* Runs it another way: the same must come of it. */
static bool
again(const struct talk_script *script, const struct talk_cut *cut, const struct taken *whole,
    const char *how)
{
	struct taken t = { 0 };
	bool good, loud = verbose;

	verbose = false;
	run(script, cut, &t);
	verbose = loud;
	good = t.why[0] == '\0' && view_eq(str_view(&t.outcomes), str_view(&whole->outcomes));
	if (!good) {
		printf("# %s", how);
		if (cut->how == CUT_ONCE)
			printf(" behind %zu bytes of the block at line %u", cut->at,
			    script->steps.at[cut->step].line);
		printf(": %s\n", t.why[0] != '\0' ? t.why : "other things come of it");
		if (t.why[0] == '\0')
			printf("# whole:\n%s# now:\n%s", str_z(&whole->outcomes), str_z(&t.outcomes));
	}
	taken_free(&t);
	return good;
}

static bool
cuts(const struct talk_script *script, const struct taken *whole, size_t most, size_t *n_r)
{
	struct talk_cut cut = { .how = CUT_BYTES };
	size_t all = 0, every, count = 0;
	const char *few = talk_option(script, "cuts");

	if (few != NULL)
		most = MIN(most, (size_t)strtoul(few, NULL, 10));
	if (few == NULL && !again(script, &cut, whole, "byte by byte"))
		return false;
	cut.turns = talk_option(script, "one_turn") == NULL;
	if (few == NULL && cut.turns && !again(script, &cut, whole, "byte by byte, a turn each"))
		return false;
	for (size_t i = 0; i < whole->shapes.n; i++)
		all += whole->shapes.at[i].len;
	every = all / (most + 1) + 1;
	cut.how = CUT_ONCE;
	for (size_t i = 0; i < whole->shapes.n; i++)
		for (size_t at = 1; at < whole->shapes.at[i].len; at++) {
			if (count++ % every != 0)
				continue;
			cut.step = whole->shapes.at[i].step;
			cut.at = at;
			*n_r += 1;
			if (!again(script, &cut, whole, "cut"))
				return false;
		}
	return true;
}

static bool
talk(const char *path, size_t most)
{
	struct talk_script script;
	struct taken whole = { 0 };
	struct talk_cut never = { .how = CUT_NEVER };
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char why[700];
	size_t n = 0;
	bool good;
	int len = (int)strcspn(name, ".");

	if (talk_read(&script, path, why, sizeof(why)) < 0) {
		printf("# %s\nnot ok talk/%.*s\n", why, len, name);
		talk_free(&script);
		return false;
	}
	if (talk_option(&script, "wire") != NULL) {	/* for the other runner */
		talk_free(&script);
		return true;
	}
	if (verbose)
		printf("%s\n", script.about);
	run(&script, &never, &whole);
	good = whole.why[0] == '\0';
	if (!good)
		printf("# whole: %s\n", whole.why);
	else
		good = cuts(&script, &whole, most, &n);
	printf("%sok talk/%.*s\n", good ? "" : "not ", len, name);
	fflush(stdout);
	taken_free(&whole);
	talk_free(&script);
	return good;
}

int
main(int argc, char **argv)
{
	const char *env = getenv("TALK_CUTS");
	size_t most = env != NULL ? (size_t)strtoul(env, NULL, 10) : CUTS_MAX;
	int bad = 0, c;

	while ((c = getopt(argc, argv, "vn:")) != -1) {
		if (c == 'v')
			verbose = true;
		else if (c == 'n')
			most = (size_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	for (int i = optind; i < argc; i++)
		bad += !talk(argv[i], most);
	return bad > 0;
}
