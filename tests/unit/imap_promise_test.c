/* What the IMAP source owes to delivery.md where servers do half of what they were told. */
#include "imap_kit.h"

struct server *kit_server;

#define NO_MOVE		"IMAP4rev1 LITERAL+ UIDPLUS ESEARCH"
#define NO_UIDPLUS	"IMAP4rev1 LITERAL+ ESEARCH"

static void
talk_(int *unit_failed, struct server conf, const char *asks, const char *want)
{
	static const size_t cuts[] = { 0 };

	kit_usual(&conf);
	kit_talk(unit_failed, &conf, cuts, ARRAY_LEN(cuts), asks, want);
}
#define TALK(asks, want, ...) \
	talk_(unit_failed, (struct server){ __VA_ARGS__ }, asks, want)

/* ---- MOVE and COPY that happened in part */

/* RFC 6851, 4.3: the copies were made, not all originals went.  COPYUID alone says the former. */
TEST(a_no_behind_the_proof_of_a_move_is_looked_at)
{
	TALK("move 1 A\nmove 2 A\nmove 3 A", "done:11 done:12 copied_only:13(refused)", .script =
	    "C UID MOVE 1:3 A\n"
	    "S * OK [COPYUID 9 1:3 11:13] copied|* 1 EXPUNGE|* 1 EXPUNGE|%1 NO [CONTACTADMIN] not all\n"
	    "C UID FETCH 1:3 (UID)\n"
	    "S * 1 FETCH (UID 3)|%1 OK done\n");
	TALK("move 1 A\nmove 2 A", "done:11 failed(refused)", .script =
	    "C UID MOVE 1:2 A\n"
	    "S * OK [COPYUID 9 1 11] copied|* 1 EXPUNGE|%1 NO [OVERQUOTA] full\n"
	    "C UID FETCH 1:2 (UID)\n"
	    "S * 1 FETCH (UID 2)|%1 OK done\n");
	/* Nobody can say whether it went: the copy is there, that is sure. */
	TALK("move 1 A", "copied_only:11(net)", .script =
	    "C UID MOVE 1 A\n"
	    "S * OK [COPYUID 9 1 11] copied|%1 NO [CONTACTADMIN] not all\n"
	    "C UID FETCH 1 (UID)\n"
	    "X\n");
}

/* The proof came, the tagged answer did not: the copy was made, and the original went or did not. */
TEST(a_loss_behind_the_proof_of_a_move)
{
	TALK("move 1 A\nmove 2 A", "copied_only:11(net) failed(held)", .script =
	    "C UID MOVE 1:2 A\n"
	    "S * OK [COPYUID 9 1 11] copied\n"
	    "X\n");
}

/* A long set is cut into commands: what one of them has done is not done again for another. */
static void
many(int *unit_failed, const char *verb, const char *caps, const char *script, const char *first,
	const char *last)
{
	struct server v = { .exists = 5000, .uidnext = 4000000000, .caps = caps, .script = script };
	struct str out = STR_INIT;
	char line[40];

	kit_begin(&v);
	for (uint32_t uid = 2000000000; uid < 2000002000; uid += 2) {
		snprintf(line, sizeof(line), "%s %u A", verb, uid);
		kit_ask_line(&v, line);
	}
	kit_go(&v);
	EXPECT_EQ(v.wrong.len, 0);
	EXPECT_STR(v.script, "");
	EXPECT_EQ(v.answered, 1000);
	if (v.answered == 1000) {
		kit_results(&v, &out);
		EXPECT(strncmp(str_z(&out), first, strlen(first)) == 0);
		EXPECT(out.len > strlen(last) && strcmp(str_z(&out) + out.len - strlen(last), last) == 0);
	}
	str_free(&out);
	kit_finish(&v);
}

TEST(a_piece_that_was_copied_is_not_copied_again)
{
	many(unit_failed, "copy", NO_UIDPLUS,
	    "C UID FETCH 2000000000,%* (UID)\n"
	    "C UID FETCH %*,2000001998 (UID)\n"
	    "S * 1 FETCH (UID 2000000000)|* 2 FETCH (UID 2000001998)|%1 OK done|%2 OK done\n"
	    "C UID COPY 2000000000,2000000002,%* A\n"
	    "S %1 OK done\n"
	    "C UID COPY %*,2000001998 A\n"
	    "S %1 NO [EXPUNGEISSUED] some are gone\n"
	    "C UID FETCH %*,2000001998 (UID)\n"
	    "S * 2 FETCH (UID 2000001998)|%1 OK done\n"
	    "C UID COPY %*,2000001998 A\n"
	    "S %1 OK done\n", "done gone", "gone done");
	/* The target goes between two commands. */
	many(unit_failed, "copy", NULL,
	    "C UID COPY 2000000000,2000000002,%* A\n"
	    "S %1 OK [COPYUID 9 2000000000 5] done\n"
	    "C UID COPY %*,2000001998 A\n"
	    "S %1 NO [TRYCREATE] none\n", "done:5 failed(refused)", "failed(refused) failed(refused)");
}

/* ---- FETCH */

/* Somebody's flags came in its place, and then it went. */
TEST(flags_of_a_message_that_goes_are_not_a_message)
{
	TALK("fetch 5 H", "gone", .script =
	    "C UID FETCH 5 %*\n"
	    "S * 5 FETCH (UID 5 FLAGS (\\Seen))|%1 OK done\n"
	    "C UID FETCH 5 %*\n"
	    "S %1 OK done\n");
}

/* ---- SCAN */

#define FACTS(uid)	"* 1 FETCH (UID " #uid " FLAGS (\\Seen) RFC822.SIZE 90 INTERNALDATE " \
	"\" 1-Feb-2026 10:00:00 +0000\")|"

/*
 * UIDNEXT counts messages that are being delivered: they appear later, with lower UIDs than it said.
 */
TEST(a_uidnext_that_runs_ahead_hides_nothing)
{
	struct server v = { .exists = 1, .uidnext = 15, .script =
		"C UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
		"S " FACTS(9) "%1 OK done\n" };
	struct str out = STR_INIT;

	kit_begin(&v);
	kit_ask_all(&v, "scan 0 256");
	kit_go(&v);
	v.script = "C UID FETCH 10:* (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "S * 2 EXISTS|" FACTS(9) FACTS(10) "%1 OK done\n"
	    "C UID FETCH 11:* (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "S " FACTS(10) "%1 OK done\n";
	str_adds(&v.session->out, "* 2 EXISTS\r\n");
	kit_ask_all(&v, "scan 9 256\nscan 10 256");
	kit_go(&v);
	kit_results(&v, &out);
	EXPECT_STR(v.wrong.len > 0 ? str_z(&v.wrong) : v.script, "");
	EXPECT_STR(str_z(&out), "done[9{fsr}] done[10{fsr} more] done[]");
	str_free(&out);
	kit_finish(&v);
}
