/*
 * COPY, MOVE, EXPUNGE and FLAGS against a server in memory that does half of things, answers
 * wrongly or not at all, while somebody else removes messages: whatever an answer says has to
 * be true of the mailboxes, and nobody else's message may have changed.  The dice are the same
 * in each run; CHAOS_RUNS=N throws them more often.
 */
#include "imap_kit.h"

struct server *kit_server;

#define HERE	24u	/* messages in INBOX, UIDs 1..HERE; the odd ones are asked about */
#define THERE	200u

struct mail { unsigned id; bool there, seen, deleted; };
static struct {		/* of this run; UID n is at n - 1 */
	struct mail	 inbox[HERE], target[THERE];
	unsigned	 ntarget, dice, cuts;
	bool		 made, plus, moves, by_others[HERE];
} world;

static unsigned
dice(unsigned n)
{
	return kit_dice(&world.dice, n);
}

static unsigned
copies_of(unsigned id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.ntarget; i++)
		n += world.target[i].id == id;
	return n;
}

/* ---- the server */

enum fault { FINE, CUT_BEFORE, CUT_AFTER, REFUSED, HALF, BARE };

static enum fault
fault_of(void)
{
	unsigned n = dice(100);

	if (n >= 30)
		return FINE;
	if (n < 12 && world.cuts == 0)
		return FINE;
	if (n < 12)
		world.cuts--;
	return n < 6 ? CUT_BEFORE : n < 12 ? CUT_AFTER : n < 20 ? REFUSED : n < 26 ? HALF : BARE;
}

/* The messages of the set at the front of *rest that are there. */
static size_t
take_set(struct view *rest, unsigned uids[HERE])
{
	ptrdiff_t blank = view_chr(*rest, ' ');
	struct view word = blank < 0 ? *rest : view_n(rest->p, (size_t)blank);
	struct seqset set = { 0 };
	struct err e = ERR_NONE;
	size_t n = 0;

	if (seqset_parse(&set, word, &e) < 0)
		abort();
	for (unsigned uid = 1; uid <= HERE; uid++)
		if (seqset_has(&set, uid) && world.inbox[uid - 1].there)
			uids[n++] = uid;
	seqset_free(&set);
	*rest = blank < 0 ? VIEW_NONE : view_from(*rest, (size_t)blank + 1);
	return n;
}

static void
expunge(struct session *s, unsigned uid)
{
	unsigned no = 1;

	for (unsigned i = 1; i < uid; i++)
		no += world.inbox[i - 1].there;
	world.inbox[uid - 1].there = false;
	str_addf(&s->out, "* %u EXPUNGE\r\n", no);
}

static void
others(struct session *s)
{
	unsigned uid = 1 + dice(HERE);

	if (dice(6) != 0 || !world.inbox[uid - 1].there)
		return;
	world.by_others[uid - 1] = true;
	expunge(s, uid);
}

static void
play_fetch(struct session *s, struct view rest, enum fault f)
{
	unsigned uids[HERE];
	size_t n = take_set(&rest, uids);

	for (size_t i = 0; i < n; i++) {
		const struct mail *m = &world.inbox[uids[i] - 1];

		if (f == CUT_AFTER && i == n / 2)
			break;
		str_addf(&s->out, "* 1 FETCH (UID %u", uids[i]);
		if (view_find(rest, VIEW("FLAGS")) >= 0)
			str_addf(&s->out, " FLAGS (%s%s)", m->seen ? "\\Seen " : "", m->deleted ? "\\Deleted" : "");
		str_adds(&s->out, ")\r\n");
	}
}

static void
play_store(struct session *s, struct view rest, enum fault f)
{
	unsigned uids[HERE];
	size_t n = take_set(&rest, uids);
	bool silent = view_find(rest, VIEW("SILENT")) >= 0, seen = view_find(rest, VIEW("Seen")) >= 0;

	for (size_t i = 0; i < (f == HALF ? n / 2 : n); i++) {
		struct mail *m = &world.inbox[uids[i] - 1];

		m->seen |= seen;
		m->deleted |= !seen;
		if (!silent)
			str_addf(&s->out, "* 1 FETCH (FLAGS (%s%s) UID %u)\r\n", m->seen ? "\\Seen " : "",
			    m->deleted ? "\\Deleted" : "", uids[i]);
	}
}

static void
play_expunge(struct session *s, struct view rest, enum fault f)
{
	unsigned uids[HERE];
	size_t n = take_set(&rest, uids);

	for (size_t i = 0; i < (f == HALF ? n / 2 : n); i++)
		if (world.inbox[uids[i] - 1].deleted)
			expunge(s, uids[i]);
}

/* COPY does all or nothing; MOVE copies all, or half, and removes those or some of them. */
static void
play_copy(struct session *s, const char *tag, struct view rest, enum fault f, bool moves)
{
	static const char *const codes[] = { "CONTACTADMIN", "UNAVAILABLE", "EXPUNGEISSUED" };
	unsigned uids[HERE];
	size_t n = take_set(&rest, uids), stay;
	struct str code = STR_INIT;

	if (!world.made) {
		str_addf(&s->out, "%s NO [TRYCREATE] none\r\n", tag);
		return;
	}
	if (!moves && f == HALF) {
		str_addf(&s->out, "%s NO [EXPUNGEISSUED] some are gone\r\n", tag);
		return;
	}
	if (moves && f == HALF && dice(2) == 0)
		n /= 2;
	stay = f == HALF ? dice((unsigned)n + 1) : 0;
	for (size_t i = 0; i < n && world.plus; i++)
		str_addf(&code, "%s%u", i > 0 ? "," : "[COPYUID 9 ", uids[i]);
	for (size_t i = 0; i < n; i++) {
		world.target[world.ntarget].id = uids[i];
		world.ntarget++;
		if (world.plus)
			str_addf(&code, "%c%u", i > 0 ? ',' : ' ', world.ntarget);
	}
	if (code.len > 0)
		str_adds(&code, "] ");
	if (code.len > 0 && moves && f != BARE)
		str_addf(&s->out, "* OK %sdone\r\n", str_z(&code));
	for (size_t i = stay; i < n && moves; i++)
		expunge(s, uids[i]);
	if (f == HALF)
		str_addf(&s->out, "%s NO [%s] not all\r\n", tag, codes[dice(3)]);
	else if (f != CUT_AFTER)
		str_addf(&s->out, "%s OK %sdone\r\n", tag, f == BARE || moves || code.len == 0 ? "" : str_z(&code));
	str_free(&code);
}

static bool
plays(struct server *v, struct session *s, const char *tag, struct view cmd)
{
	bool copies = view_starts(cmd, VIEW("UID COPY ")) || view_starts(cmd, VIEW("UID MOVE "));
	enum fault f;

	(void)v;
	if (!view_starts(cmd, VIEW("UID ")) && !view_starts(cmd, VIEW("STATUS ")) &&
	    !view_starts(cmd, VIEW("CREATE ")))
		return false;
	f = fault_of();
	if (!copies && (f == BARE || (f == HALF && view_starts(cmd, VIEW("UID FETCH ")))))
		f = FINE;
	if (f == CUT_BEFORE) {
		s->dead = true;
		return true;
	}
	if (f == REFUSED) {
		str_addf(&s->out, "%s NO [%s] no\r\n", tag, dice(2) == 0 ? "CANNOT" : "UNAVAILABLE");
		return true;
	}
	others(s);
	if (copies) {
		play_copy(s, tag, view_from(cmd, 9), f, view_starts(cmd, VIEW("UID MOVE ")));
		s->dead = f == CUT_AFTER;
		return true;
	}
	if (view_starts(cmd, VIEW("UID FETCH ")))
		play_fetch(s, view_from(cmd, 10), f);
	else if (view_starts(cmd, VIEW("UID STORE ")))
		play_store(s, view_from(cmd, 10), f);
	else if (view_starts(cmd, VIEW("UID EXPUNGE ")))
		play_expunge(s, view_from(cmd, 12), f);
	else if (view_starts(cmd, VIEW("STATUS ")))
		str_addf(&s->out, "* STATUS Lists (MESSAGES %u UIDNEXT %u)\r\n", world.ntarget, world.ntarget + 1);
	else if (view_starts(cmd, VIEW("CREATE ")))
		world.made = true;
	else
		return false;
	s->dead = f == CUT_AFTER;
	if (s->dead)
		return true;
	str_addf(&s->out, "%s %s done\r\n", tag, f == HALF ? "NO [CONTACTADMIN]" : "OK");
	return true;
}

/* ---- what has to be true */

static bool
sent_away(const struct request *r)
{
	return r->kind == REQ_MOVE || r->kind == REQ_EXPUNGE;
}

/* NULL: all is as r says. */
static const char *
lies(const struct request *r)
{
	const struct mail *m = &world.inbox[r->uid - 1];
	unsigned n = copies_of(r->uid);
	bool held = r->result == RESULT_FAILED && r->err.kind == ERR_HELD;
	bool copies = r->kind == REQ_MOVE || r->kind == REQ_COPY;

	if (n > 1)
		return "copied twice";
	if (!copies && n > 0)
		return "copied";
	if (r->new_uid != 0 && (r->new_uid > world.ntarget || world.target[r->new_uid - 1].id != r->uid))
		return "another one's new UID";
	if (!m->there && n == 0 && !world.by_others[r->uid - 1] && r->kind != REQ_EXPUNGE)
		return "lost";
	if (m->there && m->deleted && !sent_away(r))
		return "marked deleted";
	switch (r->result) {
	case RESULT_DONE:
		/* Without UIDPLUS nobody tells that it went between the look and the copy. */
		if (copies && n != 1 && (world.plus || !world.by_others[r->uid - 1]))
			return "done and no copy";
		if (sent_away(r) && m->there)
			return "done and still there";
		if (r->kind == REQ_FLAGS && m->there && !m->seen)
			return "done and no flag";
		return NULL;
	case RESULT_GONE:
		if (m->there)
			return "gone and still there";
		return NULL;
	case RESULT_COPIED_ONLY:
		return n != 1 ? "copied only and no copy" : NULL;
	case RESULT_FAILED:
		/* A NO to MOVE that copied all the same cannot be told then, but is not tried again. */
		if (copies && n > 0 && !held && (world.plus || r->kind == REQ_COPY || r->err.temporary))
			return "failed and there is a copy";
		return NULL;
	}
	return "no result";
}

/* What failed and may pass is tried again, as the engine does; from is the first of these. */
static size_t
ask_again(struct server *v, size_t from)
{
	static const char *const verbs[] = { [REQ_MOVE] = "move", [REQ_COPY] = "copy",
		[REQ_EXPUNGE] = "expunge", [REQ_FLAGS] = "flags" };
	size_t n = v->requests.n;
	char line[60];

	for (size_t i = from; i < n; i++) {
		struct request *r = v->requests.at[i];

		if (r->result != RESULT_FAILED || !r->err.temporary)
			continue;
		snprintf(line, sizeof(line), "%s%s %u %s", verbs[r->kind], r->create ? "!" : "", r->uid,
		    r->kind == REQ_FLAGS ? "+seen" : "Lists");
		r->result = RESULT_DONE;
		r->kind = REQ_STATUS;	/* the new one counts */
		kit_ask_line(v, line);
	}
	loop_fake_run_for(v->loop, 300000);
	return n;
}

static void
run(int *unit_failed, unsigned seed, const char *caps)
{
	static const char *const verbs[] = { "move", "copy", "expunge", "flags", "move!", "copy!" };
	struct server v = { .exists = HERE, .uidnext = HERE + 1, .caps = caps, .plays = plays, .script = "" };
	char line[60];

	memset(&world, 0, sizeof(world));
	world.dice = seed * 2654435761u + 1;
	world.plus = strstr(caps, "UIDPLUS") != NULL;
	world.made = dice(4) != 0;
	world.cuts = dice(3);
	for (unsigned i = 0; i < HERE; i++)
		world.inbox[i] = (struct mail){ i + 1, true, false, i % 6 == 1 };
	kit_begin(&v);
	for (unsigned uid = 1; uid <= HERE; uid += 2) {
		const char *verb = verbs[dice(ARRAY_LEN(verbs))];

		snprintf(line, sizeof(line), "%s %u %s", verb, uid, strcmp(verb, "flags") == 0 ? "+seen" : "Lists");
		kit_ask_line(&v, line);
	}
	loop_fake_run_for(v.loop, 300000);
	for (size_t round = 0, from = 0; round < 3 && v.answered == v.requests.n; round++)
		from = ask_again(&v, from);
	EXPECT_EQ(v.answered, v.requests.n);
	EXPECT_STR(str_z(&v.wrong), "");
	for (size_t i = 0; i < v.requests.n && v.answered == v.requests.n; i++) {
		const char *why = v.requests.at[i]->kind == REQ_STATUS ? NULL : lies(v.requests.at[i]);
		char text[200] = "";

		if (why != NULL)
			snprintf(text, sizeof(text), "seed %u, %s: kind %d of %u, result %d, %.80s: %s", seed, caps,
			    v.requests.at[i]->kind, v.requests.at[i]->uid, v.requests.at[i]->result,
			    v.requests.at[i]->err.text, why);
		EXPECT_STR(text, "");
	}
	for (unsigned i = 1; i < HERE; i += 2) {
		EXPECT_EQ(world.inbox[i].there, !world.by_others[i]);
		EXPECT_EQ(world.inbox[i].deleted, i % 6 == 1);
		EXPECT(!world.inbox[i].seen);
	}
	kit_finish(&v);
}

static void
runs(int *unit_failed, const char *caps)
{
	const char *text = getenv("CHAOS_RUNS");
	unsigned n = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 300;

	for (unsigned seed = 1; seed <= n && !*unit_failed; seed++)
		run(unit_failed, seed, caps);
}

TEST(answers_are_true_with_move)
{
	runs(unit_failed, "IMAP4rev1 LITERAL+ UIDPLUS MOVE ESEARCH");
}

TEST(answers_are_true_without_move)
{
	runs(unit_failed, "IMAP4rev1 LITERAL+ UIDPLUS");
}

TEST(answers_are_true_without_uidplus)
{
	runs(unit_failed, "IMAP4rev1 LITERAL+ MOVE");
}

TEST(answers_are_true_without_anything)
{
	runs(unit_failed, "IMAP4rev1 LITERAL+");
}
