/* Requests of the IMAP source against a scripted server: how they are joined, and the proof of each. */
#include "imap_kit.h"

struct server *kit_server;

#define NO_MOVE		"IMAP4rev1 LITERAL+ UIDPLUS ESEARCH"
#define NO_UIDPLUS	"IMAP4rev1 LITERAL+ MOVE ESEARCH"
#define NOTHING		"IMAP4rev1"

/* Whole, and the server's bytes cut in pieces. */
static void
talk_(int *unit_failed, struct server conf, const char *asks, const char *want)
{
	static const size_t cuts[] = { 0, 1, 7 };

	kit_usual(&conf);
	kit_talk(unit_failed, &conf, cuts, ARRAY_LEN(cuts), asks, want);
}
#define TALK(asks, want, ...) \
	talk_(unit_failed, (struct server){ __VA_ARGS__ }, asks, want)

/* ---- joining */

TEST(many_moves_are_one_command)
{
	struct server v = { .exists = 300, .uidnext = 301, .script =
		"C UID MOVE 1:256 Lists\n"
		"S * OK [COPYUID 9 1:256 1001:1256] moved\n"
		"S %1 OK done\n" };
	char line[40];

	kit_begin(&v);
	for (uint32_t uid = 256; uid > 0; uid--) {
		snprintf(line, sizeof(line), "move %u Lists", uid);
		kit_ask_line(&v, line);
	}
	kit_go(&v);
	EXPECT(strncmp(kit_outcome(&v), "done:1256 done:1255 done:1254", 29) == 0);
	EXPECT_EQ(v.answered, 256);
	for (size_t i = 0; i < v.requests.n; i++) {
		EXPECT_EQ(v.requests.at[i]->result, RESULT_DONE);
		EXPECT_EQ(v.requests.at[i]->new_uidvalidity, 9);
	}
	kit_finish(&v);
}

TEST(a_long_set_is_cut_to_the_line)
{
	struct server v = { .exists = 5000, .uidnext = 4000000000, .script =
		"C UID MOVE 2000000000,2000000002,%* Lists\n"
		"S * OK [COPYUID 9 2000000000 5] moved|%1 NO [NOPERM] no\n"
		"C UID MOVE %*,2000001998 Lists\n"
		"S %1 NO [NOPERM] no\n"
		"C UID FETCH 2000000000,%* (UID)\n"
		"C UID FETCH %*,2000001998 (UID)\n"
		"S %1 OK done|%2 OK done\n" };
	char line[40];

	kit_begin(&v);
	for (uint32_t uid = 2000000000; uid < 2000002000; uid += 2) {
		snprintf(line, sizeof(line), "move %u Lists", uid);
		kit_ask_line(&v, line);
	}
	kit_go(&v);
	EXPECT(strncmp(kit_outcome(&v), "done:5 gone gone", 16) == 0);
	for (const char *at = str_z(&v.heard), *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
		EXPECT(end - at < 8000);
	kit_finish(&v);
}

TEST(one_shape_one_command)
{
	TALK("flags 1 +seen\nmove 2 A\nflags 3 +seen\nmove 4 A\nmove 5 B\nflags 6 -seen",
	    "done done:12 done done:14 done:25 done", .script =
	    "C UID STORE 1,3 +FLAGS (\\Seen)\n"
	    "C UID MOVE 2,4 A\n"
	    "C UID MOVE 5 B\n"
	    "C UID STORE 6 -FLAGS (\\Seen)\n"
	    "S * 1 FETCH (UID 1 FLAGS (\\Seen))|* 3 FETCH (UID 3 FLAGS (\\Seen))|%1 OK done\n"
	    "S %2 OK [COPYUID 9 2,4 12,14] done\n"
	    "S * 6 FETCH (FLAGS () UID 6)|%4 OK done\n"
	    "S %3 OK [COPYUID 9 5 25] done\n");
}

/* The order of one message is kept, and a later request does not overtake by joining. */
TEST(same_uid_in_order)
{
	TALK("flags 1 +seen\nflags 1 -seen\nflags 1 +seen\nflags 2 +seen", "done done done done", .script =
	    "C UID STORE 1 +FLAGS (\\Seen)\n"
	    "S * 1 FETCH (UID 1 FLAGS (\\Seen))|%1 OK done\n"
	    "C UID STORE 1 -FLAGS (\\Seen)\n"
	    "S * 1 FETCH (UID 1 FLAGS ())|%1 OK done\n"
	    "C UID STORE 1:2 +FLAGS (\\Seen)\n"
	    "S * 1 FETCH (UID 1 FLAGS (\\Seen))|* 2 FETCH (UID 2 FLAGS (\\Seen))|%1 OK done\n");
	TALK("move 1 A\nfetch 1 H", "done:5 gone", .script =
	    "C UID MOVE 1 A\n"
	    "S %1 OK [COPYUID 9 1 5] done\n"
	    "C UID FETCH 1 (UID %*BODY.PEEK[HEADER])\n"
	    "S %1 OK done\n");
}

/* ---- FLAGS */

TEST(flags_are_looked_at_when_the_server_is_silent)
{
	TALK("flags 1 +seen +Invoice\nflags 2 +seen +Invoice\nflags 3 +seen +Invoice",
	    "done gone failed(refused)", .script =
	    "C UID STORE 1:3 +FLAGS (\\Seen Invoice)\n"
	    "S %1 OK done\n"
	    "C UID FETCH 1:3 (UID FLAGS)\n"
	    "S * 1 FETCH (UID 1 FLAGS (invoice \\Seen))|* 3 FETCH (UID 3 FLAGS (\\Seen))|%1 OK done\n");
	TALK("flags 1 +seen -flagged", "failed(refused)", .script =
	    "C UID STORE 1 +FLAGS (\\Seen)\n"
	    "C UID STORE 1 -FLAGS (\\Flagged)\n"
	    "S * 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged))|%1 OK done|%2 NO [CANNOT] no\n"
	    "C UID FETCH 1 (UID FLAGS)\n"
	    "S * 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged))|%1 OK done\n");
}

TEST(a_keyword_that_cannot_be_kept_is_not_sent)
{
	struct server v = { .script = "", .exists = 3, .uidnext = 4, .permanent = "\\Seen Work" };

	kit_begin(&v);
	kit_ask_all(&v, "flags 1 +seen +Invoice\nflags 2 +flagged");
	kit_go(&v);
	EXPECT_STR(kit_outcome(&v), "failed(refused) failed(refused)");
	EXPECT(strstr(v.requests.at[0]->err.text, "\"Invoice\"") != NULL);
	EXPECT(strstr(v.requests.at[1]->err.text, "\"\\Flagged\"") != NULL);
	kit_finish(&v);
}

/* ---- COPY, MOVE */

TEST(copy_by_copyuid)
{
	/* OK for what is not there; the source set alone counts (Dovecot, Cyrus). */
	TALK("copy 1 Lists\ncopy 2 Lists\ncopy 3 Lists", "done:70 gone done:71", .script =
	    "C UID COPY 1:3 Lists\n"
	    "S %1 OK [COPYUID 9 1,3 70:71] done\n"
	    "C UID FETCH 2 (UID)\n"
	    "S %1 OK done\n");
	/* A target without sticky UIDs: OK, no code. */
	TALK("copy 1 Lists\ncopy 2 Lists", "done gone", .script =
	    "C UID COPY 1:2 Lists\n"
	    "S %1 OK done\n"
	    "C UID FETCH 1:2 (UID)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done\n");
	TALK("copy 1 Lists\ncopy 2 Lists", "done gone", .caps = NOTHING, .script =
	    "C UID FETCH 1:2 (UID)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done\n"
	    "C UID COPY 1:2 Lists\n"
	    "S %1 OK done\n");
}

TEST(a_code_that_makes_no_sense_is_no_proof)
{
	TALK("move 1 Lists\nmove 2 Lists", "gone failed(refused)", .script =
	    "C UID MOVE 1:2 Lists\n"
	    "S %1 OK [COPYUID 9 1:2 70:99] done\n"
	    "C UID FETCH 1:2 (UID)\n"
	    "S * 2 FETCH (UID 2)|%1 OK done\n");
}

TEST(move_tells_gone_from_stayed)
{
	TALK("move 1 Lists\nmove 2 Lists\nmove 3 Lists", "gone done:71 failed(refused)", .script =
	    "C UID MOVE 1:3 Lists\n"
	    "S * OK [COPYUID 9 2 71] moved|%1 NO [OVERQUOTA] full\n"
	    "C UID FETCH 1:3 (UID)\n"
	    "S * 1 FETCH (UID 3)|%1 OK done\n");
	TALK("move 1 Lists\nmove 2 Lists", "gone done", .caps = NO_UIDPLUS, .script =
	    "C UID FETCH 1:2 (UID)\n"
	    "S * 1 FETCH (UID 2)|%1 OK done\n"
	    "C UID MOVE 1:2 Lists\n"
	    "S %1 OK done\n"
	    "C UID FETCH 1:2 (UID)\n"
	    "S %1 OK done\n");
}

TEST(move_to_where_it_is_is_refused)
{
	struct server v = { .script = "", .exists = 3, .uidnext = 4 };

	kit_begin(&v);
	kit_ask_all(&v, "move 1 inbox");
	kit_go(&v);
	EXPECT(strstr(kit_outcome(&v), "failed(") != NULL);
	kit_finish(&v);
}

TEST(move_by_copy)
{
	TALK("move 1 Lists\nmove 2 Lists\nmove 3 Lists", "done:70 gone copied_only:71(refused)",
	    .caps = NO_MOVE, .script =
	    "C UID COPY 1:3 Lists\n"
	    "S %1 OK [COPYUID 9 1,3 70:71] done\n"
	    "C UID FETCH 2 (UID)\n"
	    "S %1 OK done\n"
	    "C UID STORE 1,3 +FLAGS.SILENT (\\Deleted)\n"
	    "C UID EXPUNGE 1,3\n"
	    "S %1 OK done|* 1 EXPUNGE|%2 OK done\n"
	    "C UID FETCH 1,3 (UID)\n"
	    "S * 1 FETCH (UID 3)|%1 OK done\n");
	/* A copy without a proof: the original stays, and nobody copies again. */
	TALK("move 1 Lists", "failed(held)", .caps = NO_MOVE, .script =
	    "C UID COPY 1 Lists\n"
	    "S %1 OK done\n"
	    "C UID FETCH 1 (UID)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done\n");
	TALK("move 1 Lists", "failed(refused)", .caps = NO_MOVE, .script =
	    "C UID COPY 1 Lists\n"
	    "S %1 NO [OVERQUOTA] full\n"
	    "C UID FETCH 1 (UID)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done\n");
}

TEST(move_without_anything_expunges_nothing)
{
	TALK("move 1 Lists\nmove 2 Lists", "copied_only(refused) gone", .caps = NOTHING, .script =
	    "C UID FETCH 1:2 (UID)\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done|* STATUS Lists (MESSAGES 5 UIDNEXT 90)|%2 OK done\n"
	    "C UID COPY 1:2 Lists\n"
	    "S %1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 6 UIDNEXT 91)|%1 OK done\n"
	    "C UID STORE 1 +FLAGS.SILENT (\\Deleted)\n"
	    "S %1 OK done\n");
	TALK("move 1 Lists", "failed(held)", .caps = NOTHING, .script =
	    "C UID FETCH 1 (UID)\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done|* STATUS Lists (MESSAGES 5 UIDNEXT 90)|%2 OK done\n"
	    "C UID COPY 1 Lists\n"
	    "S %1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 5 UIDNEXT 90)|%1 OK done\n"
	    "C UID FETCH 1 (UID)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done\n");
}

TEST(a_missing_target_is_made_once)
{
	TALK("move! 1 Lists\nmove! 2 Lists", "done:1 done:2", .script =
	    "C UID MOVE 1:2 Lists\n"
	    "S %1 NO [TRYCREATE] none\n"
	    "C CREATE Lists\n"
	    "S %1 OK done\n"
	    "C UID MOVE 1:2 Lists\n"
	    "S %1 OK [COPYUID 9 1:2 1:2] done\n");
	TALK("move! 1 Lists", "failed(refused)", .script =
	    "C UID MOVE 1 Lists\n"
	    "S %1 NO [TRYCREATE] none\n"
	    "C CREATE Lists\n"
	    "S %1 NO [NOPERM] no\n");
	TALK("copy! 1 Lists", "failed(refused)", .script =
	    "C UID COPY 1 Lists\n"
	    "S %1 NO [TRYCREATE] none\n"
	    "C CREATE Lists\n"
	    "S %1 NO [ALREADYEXISTS] yes\n"
	    "C UID COPY 1 Lists\n"
	    "S %1 NO [TRYCREATE] none\n");
	TALK("copy 1 Lists", "failed(refused)", .script =
	    "C UID COPY 1 Lists\n"
	    "S %1 NO [TRYCREATE] none\n");
}

TEST(copy_is_tried_again_after_expungeissued)
{
	TALK("copy 1 A\ncopy 2 A", "done:7 gone", .script =
	    "C UID COPY 1:2 A\n"
	    "S %1 NO [EXPUNGEISSUED] gone\n"
	    "C UID COPY 1:2 A\n"
	    "S %1 OK [COPYUID 9 1 7] done\n"
	    "C UID FETCH 2 (UID)\n"
	    "S %1 OK done\n");
}

/* ---- EXPUNGE */

TEST(expunge_of_exactly_these)
{
	TALK("expunge 1\nexpunge 2\nexpunge 3", "done gone failed(refused)", .script =
	    "C UID FETCH 1:3 (UID)\n"
	    "S * 1 FETCH (UID 1)|* 2 FETCH (UID 3)|%1 OK done\n"
	    "C UID STORE 1:3 +FLAGS.SILENT (\\Deleted)\n"
	    "C UID EXPUNGE 1:3\n"
	    "S %1 OK done|* 1 EXPUNGE|%2 OK done\n"
	    "C UID FETCH 1:3 (UID)\n"
	    "S * 1 FETCH (UID 3)|%1 OK done\n");
	TALK("expunge 1\nexpunge 2", "failed(refused) gone", .caps = NOTHING, .script =
	    "C UID FETCH 1:2 (UID)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done\n"
	    "C UID STORE 1:2 +FLAGS.SILENT (\\Deleted)\n"
	    "S %1 OK done\n"
	    "C UID FETCH 1:2 (UID)\n"
	    "S * 1 FETCH (UID 1)|%1 OK done\n");
}

/* ---- a lost connection */

TEST(what_was_sent_and_is_in_doubt_is_held)
{
	TALK("move 1 A\ncopy 2 B\nflags 3 +seen\nfetch 5 H\nexpunge 4",
	    "failed(held) failed(held) failed(net,temporary) failed(net,temporary) failed(net,temporary)",
	    .script =
	    "C UID MOVE 1 A\n"
	    "C UID COPY 2 B\n"
	    "C UID STORE 3 %*\n"
	    "C UID FETCH 5 %*\n"
	    "C UID FETCH 4 (UID)\n"
	    "X\n");
	/* What was not sent goes by the next connection. */
	TALK("move 1 A\ncopy 2 A\nflags 1 +seen", "failed(held) done:9 gone", .script =
	    "C UID MOVE 1 A\n"
	    "X\n"
	    "C UID COPY 2 A\n"
	    "C UID STORE 1 %*\n"
	    "S %1 OK [COPYUID 9 2 9] done|%2 OK done\n"
	    "C UID FETCH 1 (UID FLAGS)\n"
	    "S %1 OK done\n");
}

TEST(a_loss_after_the_proof)
{
	TALK("move 1 A", "copied_only:7(net)", .caps = NO_MOVE, .script =
	    "C UID COPY 1 A\n"
	    "S %1 OK [COPYUID 9 1 7] done\n"
	    "C UID STORE 1 +FLAGS.SILENT (\\Deleted)\n"
	    "C UID EXPUNGE 1\n"
	    "X\n");
	/* Not named by the proof: it was not copied, and is copied by the next connection. */
	TALK("copy 1 A\ncopy 2 A", "done:7 done:8", .script =
	    "C UID COPY 1:2 A\n"
	    "S %1 OK [COPYUID 9 1 7] done\n"
	    "C UID FETCH 2 (UID)\n"
	    "X\n"
	    "C UID COPY 2 A\n"
	    "S %1 OK [COPYUID 9 2 8] done\n");
	/* An OK without proof: it may have happened. */
	TALK("copy 1 A", "failed(held)", .script =
	    "C UID COPY 1 A\n"
	    "S %1 OK done\n"
	    "C UID FETCH 1 (UID)\n"
	    "X\n");
	TALK("move! 1 A", "done:7", .script =
	    "C UID MOVE 1 A\n"
	    "S %1 NO [TRYCREATE] none\n"
	    "C CREATE A\n"
	    "X\n"
	    "C UID MOVE 1 A\n"
	    "S %1 OK [COPYUID 9 1 7] done\n");
}

TEST(closing_answers_all)
{
	struct server v = { .exists = 9, .uidnext = 10, .script =
		"C UID MOVE 1 A\n" };

	kit_begin(&v);
	kit_ask_all(&v, "move 1 A\nflags 1 +seen\nflags 2 +seen\nmove 1 B");
	kit_go(&v);
	EXPECT_EQ(v.answered, 0);
	v.source->ops->close(v.source, NULL, NULL);
	loop_fake_run_for(v.loop, 60000);
	EXPECT_STR(kit_outcome(&v), "failed(held) failed(canceled) failed(canceled) failed(canceled)");
	v.closed = true;
	kit_finish(&v);
}

/* ---- FETCH */

#define HEADER(uid)	"* 1 FETCH (UID " #uid " FLAGS (\\Seen) RFC822.SIZE 90 INTERNALDATE " \
	"\" 1-Feb-2026 10:00:00 +0000\" BODY[HEADER] {14}|Subject: tea||)|"
#define FACTS(uid)	"* 1 FETCH (UID " #uid " FLAGS (\\Seen) RFC822.SIZE 90 INTERNALDATE " \
	"\" 1-Feb-2026 10:00:00 +0000\")|"
#define BODY(uid)	"* 1 FETCH (UID " #uid " FLAGS () RFC822.SIZE 18 INTERNALDATE " \
	"\" 1-Feb-2026 10:00:00 +0000\" BODY[] {19}|Subject: tea||two|)|"

TEST(fetch_of_one_need)
{
	TALK("fetch 1 H\nfetch 2 H\nfetch 3 B\nfetch 4 H", "done1{fsrH} gone done3{fsrHSB} done4{fsrH}",
	    .script =
	    "C UID FETCH 1:2,4 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\n"
	    "C UID FETCH 3 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])\n"
	    "S " HEADER(4) BODY(3) HEADER(1) "%2 OK done|%1 OK done\n");
}

TEST(a_no_to_many_is_asked_of_each)
{
	TALK("fetch 1 H\nfetch 2 H\nfetch 3 H", "done1{fsrH} failed(refused) gone", .script =
	    "C UID FETCH 1:3 %*\n"
	    "S " HEADER(1) "%1 NO [CANNOT] corrupt\n"
	    "C UID FETCH 2 %*\n"
	    "C UID FETCH 3 %*\n"
	    "S %1 NO [CANNOT] corrupt|%2 OK done\n");
	/* Servers count BADs and end the session after some. */
	TALK("fetch 1 H\nfetch 2 H", "failed(proto) failed(proto)", .script =
	    "C UID FETCH 1:2 %*\n"
	    "S %1 BAD what\n");
}

TEST(a_structure_that_cannot_be_read_is_read_from_the_bytes)
{
	TALK("fetch 3 HS", "done3{fsrHSB}", .script =
	    "C UID FETCH 3 (UID FLAGS RFC822.SIZE INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER])\n"
	    "S " HEADER(3) "%1 OK done\n"
	    "C UID FETCH 3 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])\n"
	    "S " BODY(3) "%1 OK done\n");
}

TEST(a_large_body_goes_by_a_file)
{
	struct server v = { .exists = 9, .uidnext = 10 };
	struct str script = STR_INIT;

	str_addf(&script, "C UID FETCH 3 %%*\nS * 1 FETCH (UID 3 FLAGS () RFC822.SIZE 9 INTERNALDATE "
	    "\" 1-Feb-2026 10:00:00 +0000\" BODY[] {%u}|Subject: tea||", 3000000 + 16);
	for (size_t i = 0; i < 3000000; i++)
		str_addc(&script, (char)('a' + i % 26));
	str_adds(&script, ")|%1 OK done\n");
	v.script = str_z(&script);
	kit_begin(&v);
	kit_ask_all(&v, "fetch 3 B");
	kit_go(&v);
	EXPECT_STR(kit_outcome(&v), "done3{fsrHSB}");
	EXPECT_EQ(message_raw(v.requests.at[0]->message).n, 3000016);
	EXPECT_EQ(message_raw(v.requests.at[0]->message).p[3000015], 'a' + 2999999 % 26);
	kit_finish(&v);
	str_free(&script);
}

TEST(a_body_of_an_absurd_size)
{
	struct server v = { .exists = 9, .uidnext = 10, .script =
		"C UID FETCH 3 %*\n"
		"S * 1 FETCH (UID 3 FLAGS () RFC822.SIZE 9 INTERNALDATE "
		"\" 1-Feb-2026 10:00:00 +0000\" BODY[] {2000000000}|Subject\n"
		"X\n" };

	kit_begin(&v);
	kit_ask_all(&v, "fetch 3 B");
	kit_go(&v);
	EXPECT_STR(kit_outcome(&v), "failed(net,temporary)");
	kit_finish(&v);
}

/* ---- SCAN */

TEST(scan_knows_when_there_is_nothing)
{
	TALK("scan 1000 256 H", "done[]", .script = "");
	TALK("scan 1200 256 H", "done[]", .script = "");
}

TEST(scan_of_a_few_is_one_command)
{
	TALK("scan 998 256 H\nscan 1000 256 H", "done[999{fsrH},1000{fsrH}] done[]", .script =
	    "C UID FETCH 999:* (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\n"
	    "S " HEADER(1000) HEADER(999) "%1 OK done\n");
	/* The last one comes whatever its UID is. */
	TALK("scan 998 256 H\nscan 998 256 H", "done[] done[]", .script =
	    "C UID FETCH 999:* %*\n"
	    "S " HEADER(998) "%1 OK done\n");
	/* More than was asked for: the rest by its UIDs. */
	TALK("scan 0 2 H\nscan 2 2 H\nscan 9 2 H", "done[1{fsrH},2{fsrH} more] done[9{fsrH}] done[]",
	    .exists = 2, .uidnext = 10, .script =
	    "C UID FETCH 1:* %*\n"
	    "S " HEADER(9) HEADER(2) HEADER(1) "%1 OK done\n"
	    "C UID FETCH 9 %*\n"
	    "S " HEADER(9) "%1 OK done\n");
	TALK("scan 0 2 H\nscan 2 2 H", "done[1{fsrH},2{fsrH} more] done[9{fsrH}]",
	    .exists = 2, .uidnext = 10, .script =
	    "C UID FETCH 1:* %*\n"
	    "S " HEADER(1) HEADER(2) HEADER(9) "%1 OK done\n"
	    "C UID FETCH 9 %*\n"
	    "S " HEADER(9) "%1 OK done\n");
}

TEST(scan_of_many_is_one_search)
{
	TALK("scan 0 3 H\nscan 5 3 H\nscan 0 1 H\nscan 1000 3 H",
	    "done[1{fsrH},5{fsrH} more] done[7{fsrH},8{fsrH}] done[1{fsrH} more] done[]", .script =
	    "C UID SEARCH RETURN (ALL) UID 1:*\n"
	    "S * ESEARCH (TAG \"%1\") UID ALL 1,4:5,7:8|%1 OK done\n"
	    "C UID FETCH 1,4:5 %*\n"
	    "S " HEADER(1) HEADER(5) "%1 OK done\n"
	    "C UID FETCH 4 (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "S %1 OK done\n"
	    "C UID FETCH 7:8 %*\n"
	    "S " HEADER(7) HEADER(8) "%1 OK done\n"
	    "C UID FETCH 1 %*\n"
	    "S " HEADER(1) "%1 OK done\n");
	TALK("scan 0 300 \nscan 8 3", "done[1{fsr},8{fsr}] done[]", .caps = NOTHING, .script =
	    "C UID SEARCH UID 1:*\n"
	    "S * SEARCH 8|* SEARCH 1|%1 OK done\n"
	    "C UID FETCH 1,8 (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "S " FACTS(1) FACTS(8) "%1 OK done\n");
}

TEST(scan_skips_nothing_silently)
{
	/* A reply that cannot be read: once more alone, and then as it is. */
	TALK("scan 0 256 HS", "done[1{fsrH},2{fsrH},3{r}]", .exists = 3, .uidnext = 4, .script =
	    "C UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER])\n"
	    "S " HEADER(1) "* 2 FETCH (UID 2 BODY[HEADER] {5x}|* 3 FETCH (UID 3 BODY[HEADER] {5x}|%1 OK done\n"
	    "C UID FETCH 2 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\n"
	    "C UID FETCH 3 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\n"
	    "S " HEADER(2) "%1 OK done|%2 NO [CANNOT] corrupt\n");
	/* A NO in the middle of a list: what is there is searched for. */
	TALK("scan 0 256 H", "done[1{fsrH},2{r}]", .exists = 3, .uidnext = 4, .script =
	    "C UID FETCH 1:* %*\n"
	    "S " HEADER(1) "%1 NO [CANNOT] corrupt\n"
	    "C UID SEARCH RETURN (ALL) UID 1:*\n"
	    "S * ESEARCH (TAG \"%1\") UID ALL 1:3|%1 OK done\n"
	    "C UID FETCH 1:3 %*\n"
	    "S " HEADER(1) "%1 NO [CANNOT] corrupt\n"
	    "C UID FETCH 2 (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "C UID FETCH 3 (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "S %1 NO [CANNOT] corrupt|%2 OK done\n"
	    "C UID FETCH 2 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\n"
	    "S %1 NO [CANNOT] corrupt\n");
}

/* A SEARCH that cannot be read is not one that found nothing. */
TEST(a_search_that_cannot_be_read_hides_nothing)
{
	TALK("scan 0 3\nscan 0 3", "failed(proto) done[1{fsr}]", .caps = NOTHING, .exists = 9,
	    .uidnext = 10, .script =
	    "C UID SEARCH UID 1:*\n"
	    "S * SEARCH 1 \"2|%1 OK done\n"
	    "C UID SEARCH UID 1:*\n"
	    "S * SEARCH 1|%1 OK done\n"
	    "C UID FETCH 1 (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "S " FACTS(1) "%1 OK done\n");
}

/* Not even the UID could be read: what is there is searched for, and each asked alone. */
TEST(a_reply_without_a_uid_hides_nothing)
{
	TALK("scan 0 256 H", "done[1{fsrH},2{fsrH}]", .exists = 2, .uidnext = 3, .script =
	    "C UID FETCH 1:* %*\n"
	    "S " HEADER(1) "* 2 FETCH (BODY[HEADER] {5x}|%1 OK done\n"
	    "C UID SEARCH RETURN (ALL) UID 1:*\n"
	    "S * ESEARCH (TAG \"%1\") UID ALL 1:2|%1 OK done\n"
	    "C UID FETCH 1:2 %*\n"
	    "S " HEADER(1) "* 2 FETCH (BODY[HEADER] {5x}|%1 OK done\n"
	    "C UID FETCH 2 (UID FLAGS RFC822.SIZE INTERNALDATE)\n"
	    "S " FACTS(2) "%1 OK done\n"
	    "C UID FETCH 2 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\n"
	    "S " HEADER(2) "%1 OK done\n");
	TALK("fetch 1 H\nfetch 2 H\nfetch 3 H", "done1{fsrH} done2{fsrH} gone", .script =
	    "C UID FETCH 1:3 %*\n"
	    "S " HEADER(1) "* 2 FETCH (BODY[HEADER] {5x}|%1 OK done\n"
	    "C UID FETCH 2 %*\n"
	    "C UID FETCH 3 %*\n"
	    "S " HEADER(2) "%1 OK done|%2 OK done\n");
	TALK("move 1 A", "failed(refused)", .script =
	    "C UID MOVE 1 A\n"
	    "S %1 NO [CANNOT] no\n"
	    "C UID FETCH 1 (UID)\n"
	    "S * 1 FETCH (UID \"1|%1 OK done\n");
}

TEST(scan_that_fails)
{
	TALK("scan 0 256 H", "failed(net,temporary)", .script =
	    "C UID SEARCH RETURN (ALL) UID 1:*\n"
	    "X\n");
	TALK("scan 0 256 H\nscan 0 256 H", "failed(refused) done[1{fsrH}]", .script =
	    "C UID SEARCH RETURN (ALL) UID 1:*\n"
	    "S %1 NO [CANNOT] no\n"
	    "C UID SEARCH RETURN (ALL) UID 1:*\n"
	    "S * ESEARCH (TAG \"%1\") UID ALL 1|%1 OK done\n"
	    "C UID FETCH 1 %*\n"
	    "S " HEADER(1) "%1 OK done\n");
}

/* ---- APPEND */

TEST(append_by_appenduid)
{
	TALK("append Lists Subject: tea", "done:17", .script =
	    "C APPEND Lists (\\Seen Paid) {12+}|Subject: tea\n"
	    "S %1 OK [APPENDUID 9 17] done\n");
	TALK("append! Lists x", "done:17", .script =
	    "C APPEND Lists (\\Seen Paid) {1+}|x\n"
	    "S %1 NO [TRYCREATE] none\n"
	    "C CREATE Lists\n"
	    "S %1 OK done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|x\n"
	    "S %1 OK [APPENDUID 9 17] done\n");
	TALK("append Lists x", "failed(refused)", .script =
	    "C APPEND %*\n"
	    "S %1 NO [TRYCREATE] none\n");
	TALK("append Lists x", "done:17", .script =
	    "C APPEND Lists (\\Seen Paid) {1+}|x\n"
	    "S %1 NO Keywords are not allowed\n"
	    "C APPEND Lists (\\Seen) {1+}|x\n"
	    "S %1 OK [APPENDUID 9 17] done\n");
	TALK("append Lists xx", "failed(limit)", .caps = "IMAP4rev1 APPENDLIMIT=1", .script = "");
	TALK("append Lists x", "failed(held)", .script =
	    "C APPEND %*\n"
	    "X\n");
}

TEST(append_by_count)
{
	TALK("append Lists x", "done", .caps = "IMAP4rev1 LITERAL+", .script =
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 4)|%1 OK done\n"
	    "C APPEND %*\n"
	    "S %1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 5)|%1 OK done\n");
	TALK("append Lists x", "failed(held)", .caps = "IMAP4rev1 LITERAL+", .script =
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 4 UIDNEXT 9)|%1 OK done\n"
	    "C APPEND %*\n"
	    "S %1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 4 UIDNEXT 9)|%1 OK done\n");
}
