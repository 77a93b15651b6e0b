/*
 * Looking for new mail as the engine does, on a server in memory where messages come and go while it
 * answers, that tells of them late, leaves replies out or garbles them, refuses, counts in UIDNEXT what
 * is still on its way, and breaks the connection: each message that stays is seen once, none twice, in
 * the order of UIDs.  CHAOS_RUNS=N throws the dice more often.
 */
#include "imap_kit.h"

struct server *kit_server;

#define MAILS	120u

static struct {
	bool		 here[MAILS], told[MAILS];	/* UID n is at n; what this session knows */
	unsigned	 seen[MAILS], last, pending;	/* UIDs given; of these, the last ones are on their way */
	unsigned	 dice, faults, cuts;
	uint32_t	 upto;				/* scanned */
	bool		 dirty, more, scanning, quiet;
	const char	*wrong;
} world;

static unsigned
dice(unsigned n)
{
	return kit_dice(&world.dice, n);
}

/* ---- the server */

static unsigned
number_of(unsigned uid)
{
	unsigned n = 0;

	for (unsigned i = 1; i <= uid && i < MAILS; i++)
		n += world.told[i];
	return n;
}

static void
arrive(void)
{
	while (world.pending > 0 && dice(2) == 0) {
		world.here[world.last - world.pending + 1] = true;
		world.pending--;
	}
	if (world.quiet || world.last + 3 >= MAILS || dice(3) != 0)
		return;
	for (unsigned n = 1 + dice(3); n > 0; n--) {
		world.last++;
		world.pending++;
	}
}

/* What came and went is told, as a server may between two commands. */
static void
tell(struct session *s, bool expunges)
{
	bool some = false;

	for (unsigned i = 1; i < MAILS && expunges; i++)
		if (world.told[i] && !world.here[i]) {
			str_addf(&s->out, "* %u EXPUNGE\r\n", number_of(i));
			world.told[i] = false;
		}
	for (unsigned i = 1; i < MAILS; i++) {
		some |= world.here[i] && !world.told[i];
		world.told[i] |= world.here[i];
	}
	if (some)
		str_addf(&s->out, "* %u EXISTS\r\n", number_of(MAILS - 1));
}

static void
go(void)
{
	unsigned uid = 1 + dice(world.last + 1);

	if (!world.quiet && dice(5) == 0 && uid < MAILS)
		world.here[uid] = false;
}

static void
play_select(struct server *v, struct session *s, const char *tag)
{
	for (unsigned i = 1; i < MAILS; i++)
		world.told[i] = world.here[i];
	str_addf(&s->out, "* %u EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [PERMANENTFLAGS (\\*)] x\r\n",
	    number_of(MAILS - 1));
	if (v->uidnext != 0)
		str_addf(&s->out, "* OK [UIDNEXT %u] x\r\n", world.last + 1);
	str_addf(&s->out, "%s OK [READ-WRITE] done\r\n", tag);
}

static bool
in_set(struct view set, unsigned uid, unsigned max)
{
	struct seqset ss = { 0 };
	struct err e = ERR_NONE;
	ptrdiff_t star = view_find(set, VIEW(":*"));
	bool has;

	if (view_is(set, "*"))
		return uid == max;
	if (star >= 0) {
		unsigned from = (unsigned)strtoul(set.p, NULL, 10);

		return uid >= from || uid == max;
	}
	if (seqset_parse(&ss, set, &e) < 0)
		abort();
	has = seqset_has(&ss, uid);
	seqset_free(&ss);
	return has;
}

static unsigned
last_told(void)
{
	unsigned max = 0;

	for (unsigned i = 1; i < MAILS; i++)
		max = world.told[i] ? i : max;
	return max;
}

static void
play_fetch(struct session *s, struct view rest, unsigned fault)
{
	struct view set = view_n(rest.p, (size_t)view_chr(rest, ' '));
	bool header = view_find(rest, VIEW("HEADER")) >= 0;
	unsigned max = last_told(), odd = 1 + dice(world.last + 1);

	for (unsigned i = 1; i < MAILS; i++) {
		if (!world.told[i] || !world.here[i] || !in_set(set, i, max))
			continue;
		if (fault == 1 && i == odd)
			str_addf(&s->out, "* %u FETCH (UID %u BODY[HEADER] {x\r\n", number_of(i), i);
		else if (fault == 2 && i == odd)
			str_addf(&s->out, "* %u FETCH (BODY[HEADER] {x\r\n", number_of(i));
		else if (fault == 3 && i == odd)
			str_addf(&s->out, "* %u FETCH (FLAGS (\\Seen) UID %u)\r\n", number_of(i), i);
		else
			str_addf(&s->out, "* %u FETCH (UID %u FLAGS () RFC822.SIZE 9 INTERNALDATE "
			    "\" 1-Feb-2026 10:00:00 +0000\"%s)\r\n", number_of(i), i,
			    header ? " BODY[HEADER] {4}\r\n\r\n\r\n" : "");
	}
	if (fault == 4 && world.told[odd % MAILS])	/* of somebody else's making, without its UID or with it */
		str_addf(&s->out, "* %u FETCH (FLAGS (\\Flagged)%s)\r\n", number_of(odd), "");
	if (fault == 5 && odd < MAILS && world.told[odd])
		str_addf(&s->out, "* %u FETCH (FLAGS (\\Flagged) UID %u)\r\n", number_of(odd), odd);
}

static void
play_search(struct session *s, const char *tag, struct view rest)
{
	ptrdiff_t at = view_find(rest, VIEW("UID "));
	struct view set = view_from(rest, (size_t)at + 4);
	unsigned max = last_told();
	bool es = view_starts(rest, VIEW("RETURN")), any = false;

	str_addf(&s->out, es ? "* ESEARCH (TAG \"%s\") UID" : "* SEARCH", tag);
	for (unsigned i = 1; i < MAILS; i++)
		if (world.told[i] && in_set(set, i, max)) {
			str_addf(&s->out, es ? (any ? ",%u" : " ALL %u") : " %u", i);
			any = true;
		}
	str_adds(&s->out, "\r\n");
}

static bool
plays(struct server *v, struct session *s, const char *tag, struct view cmd)
{
	bool fetch = view_starts(cmd, VIEW("UID FETCH ")), search = view_starts(cmd, VIEW("UID SEARCH "));
	unsigned fault = world.faults > 0 && dice(3) == 0 ? 1 + dice(8) : 0;

	if (view_starts(cmd, VIEW("SELECT "))) {
		play_select(v, s, tag);
		return true;
	}
	if (!fetch && !search && !view_is(cmd, "NOOP"))
		return false;
	world.faults -= fault != 0;
	arrive();
	go();
	if (fault >= 7 && world.cuts > 0) {
		world.cuts--;
		if (fetch && fault == 8)
			play_fetch(s, view_from(cmd, 10), 0);
		s->dead = true;
		return true;
	}
	if (fault == 6 && !view_is(cmd, "NOOP")) {
		if (fetch && dice(2) == 0)
			play_fetch(s, view_from(cmd, 10), 5);
		str_addf(&s->out, "%s NO [CANNOT] no\r\n", tag);
		return true;
	}
	if (dice(4) == 0)
		tell(s, false);
	if (fetch)
		play_fetch(s, view_from(cmd, 10), fault);
	else if (search)
		play_search(s, tag, view_from(cmd, 11));
	if (view_is(cmd, "NOOP") || dice(2) == 0)
		tell(s, view_is(cmd, "NOOP"));
	str_addf(&s->out, "%s OK done\r\n", tag);
	return true;
}

/* ---- the engine */

static void
changed(void *arg, const char *mailbox, const struct err *lost)
{
	(void)arg;
	(void)mailbox;
	world.dirty |= lost == NULL;
}

static void
scanned(struct request *r)
{
	struct server *v = r->arg;

	v->answered++;
	world.scanning = false;
	world.dirty |= r->result != RESULT_DONE || r->more;
	for (size_t i = 0; i < r->messages.n; i++) {
		uint32_t uid = message_facts(r->messages.at[i])->uid;

		if (uid >= MAILS || uid > world.last)
			world.wrong = "a message that never was";
		else if (uid <= world.upto)
			world.wrong = "not ascending";
		else
			world.seen[world.upto = uid]++;
	}
	request_free(&r);
}

static void
scan(struct server *v)
{
	struct request *r = request_new(REQ_SCAN, "INBOX", scanned, v);

	r->uid = world.upto;
	r->limit = 1 + dice(12);
	r->need = NEED_FACTS | (dice(2) ? NEED_HEADER : 0u);
	world.dirty = false;
	world.scanning = true;
	source_submit(v->source, r);
}

static void
run(int *unit_failed, unsigned seed, const char *caps, unsigned uidnext)
{
	struct server v = { .caps = caps, .uidnext = uidnext, .plays = plays, .script = "" };
	char text[100] = "";

	memset(&world, 0, sizeof(world));
	world.dice = seed * 2654435761u + 1;
	world.faults = dice(8);
	world.cuts = dice(3);
	world.last = dice(60);
	for (unsigned i = 1; i <= world.last; i++)
		world.here[i] = dice(3) != 0;
	kit_begin(&v);
	v.source->ops->watch(v.source, "INBOX", changed, NULL);
	world.dirty = true;
	for (unsigned i = 0; i < 400; i++) {
		if (i == 200) {
			world.quiet = true;
			world.faults = 0;
		}
		if (world.quiet)
			arrive();
		if (world.dirty && !world.scanning)
			scan(&v);
		if (v.session != NULL)
			kit_pump_later(v.session);	/* its clock */
		loop_fake_run_for(v.loop, i < 200 ? 1 + dice(20000) : 60000);
	}
	for (unsigned i = 1; i < MAILS; i++)
		if (world.here[i] ? world.seen[i] != 1 : world.seen[i] > 1)
			snprintf(text, sizeof(text), "seed %u: UID %u was seen %u times (up to %u of %u)", seed, i,
			    world.seen[i], world.upto, world.last);
	EXPECT_STR(text, "");
	EXPECT_STR(world.wrong != NULL ? world.wrong : "", "");
	EXPECT_STR(str_z(&v.wrong), "");
	EXPECT(!world.scanning);
	v.source->ops->unwatch(v.source, "INBOX", changed, NULL);
	kit_finish(&v);
}

static void
runs(int *unit_failed, const char *caps, unsigned uidnext)
{
	const char *text = getenv("CHAOS_RUNS");
	unsigned n = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 150;

	for (unsigned seed = 1; seed <= n && !*unit_failed; seed++)
		run(unit_failed, seed, caps, uidnext);
}

TEST(each_message_is_seen_once)
{
	runs(unit_failed, "IMAP4rev1 LITERAL+ UIDPLUS MOVE ESEARCH", 1);
}

TEST(each_message_is_seen_once_by_search)
{
	runs(unit_failed, "IMAP4rev1", 1);
}

TEST(each_message_is_seen_once_without_uidnext)
{
	runs(unit_failed, "IMAP4rev1 ESEARCH", 0);
}
