/* Requests that need no mailbox selected, several at once: which go together, what waits, their order. */
#include "imap_kit.h"

struct server *kit_server;

static void
talk_(int *unit_failed, struct server conf, const char *asks, const char *want)
{
	static const size_t cuts[] = { 0, 1 };

	kit_talk(unit_failed, &conf, cuts, ARRAY_LEN(cuts), asks, want);
}
#define TALK(asks, want, ...) \
	talk_(unit_failed, (struct server){ __VA_ARGS__ }, asks, want)

/* Once it is known that there is a mailbox they go together, in order, and each has its own proof. */
TEST(appends_together)
{
	TALK("append Lists a\nappend Lists b\nappend Lists c\nappend Lists d",
	    "done:17 done:18 failed(refused) done:19", .script =
	    "C APPEND Lists (\\Seen Paid) {1+}|a\n"
	    "S %1 OK [APPENDUID 9 17] done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|b\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|c\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|d\n"
	    "S %1 OK [APPENDUID 9 18] done\n"
	    "S %2 NO [OVERQUOTA] full\n"
	    "S %3 OK [APPENDUID 9 19] done\n");
	/* All that had gone may have happened, each of them; what had not is sent again. */
	TALK("append Lists a\nappend Lists b\nappend Lists c", "done:17 failed(held) failed(held)",
	    .script =
	    "C APPEND Lists (\\Seen Paid) {1+}|a\n"
	    "S %1 OK [APPENDUID 9 17] done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|b\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|c\n"
	    "X\n");
	/* The first is lost: the others had not gone, and keep their order on the next connection. */
	TALK("append Lists a\nappend Lists b\nappend Lists c", "failed(held) done:17 done:18",
	    .script =
	    "C APPEND Lists (\\Seen Paid) {1+}|a\n"
	    "X\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|b\n"
	    "S %1 OK [APPENDUID 9 17] done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|c\n"
	    "S %1 OK [APPENDUID 9 18] done\n");
}

/* Where nothing is known yet, mailboxes do not wait for each other. */
TEST(appends_to_two_mailboxes)
{
	TALK("append Lists a\nappend Work b", "done:17 done:5", .script =
	    "C APPEND Lists (\\Seen Paid) {1+}|a\n"
	    "C APPEND Work (\\Seen Paid) {1+}|b\n"
	    "S %1 OK [APPENDUID 9 17] done\n"
	    "S %2 OK [APPENDUID 7 5] done\n");
}

TEST(appends_without_uidplus_go_one_by_one)
{
	/* The count of two would prove neither. */
	TALK("append Lists x\nappend Lists y\nappend Lists z", "done done done",
	    .caps = "IMAP4rev1 LITERAL+", .script =
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 4)|%1 OK done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|x\n"
	    "S %1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 5)|%1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 5)|%1 OK done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|y\n"
	    "S %1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 6)|%1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 6)|%1 OK done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|z\n"
	    "S %1 OK done\n"
	    "C STATUS Lists (MESSAGES UIDNEXT)\n"
	    "S * STATUS Lists (MESSAGES 7)|%1 OK done\n");
}

/* The messages behind the first do not go in vain. */
TEST(a_mailbox_is_made_before_the_others_go)
{
	TALK("append! Lists a\nappend! Lists b\nappend! Lists c", "done:1 done:2 done:3", .script =
	    "C APPEND Lists (\\Seen Paid) {1+}|a\n"
	    "S %1 NO [TRYCREATE] none\n"
	    "C CREATE Lists\n"
	    "S %1 OK done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|a\n"
	    "S %1 OK [APPENDUID 9 1] done\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|b\n"
	    "C APPEND Lists (\\Seen Paid) {1+}|c\n"
	    "S %1 OK [APPENDUID 9 2] done\n"
	    "S %2 OK [APPENDUID 9 3] done\n");
}

/* 8 MiB on their way, or one message alone. */
TEST(bytes_of_messages_under_way)
{
	static const struct { size_t size; unsigned together; } rows[] = { { (size_t)3 << 20, 2 },
		{ (size_t)4 << 20, 2 }, { ((size_t)4 << 20) + 1, 1 }, { (size_t)9 << 20, 1 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *lines = xcalloc(1, 3 * rows[i].size + 200), *p = lines;
		struct server v = { .script = rows[i].together == 2 ?
			"C APPEND Lists %*|a\nS %1 OK done\nC APPEND Lists %*\nC APPEND Lists %*\n" :
			"C APPEND Lists %*|a\nS %1 OK done\nC APPEND Lists %*\n" };

		p += sprintf(p, "append Lists a\n");
		for (int k = 0; k < 3; k++) {
			p += sprintf(p, "append Lists ");
			memset(p, 'x', rows[i].size);
			p += rows[i].size;
			*p++ = '\n';
		}
		kit_begin(&v);
		kit_ask_all(&v, lines);
		kit_go(&v);
		EXPECT_STR(kit_outcome(&v), "1 of 4 answered");
		kit_finish(&v);
		free(lines);
	}
}
