/* The wire log: what it shows of both directions, cut anywhere, and what it never shows. */
#include "proto/imap_log.h"

#include "proto/imap_cmd.h"

#include "tests/unit/unit.h"

static void
collect(void *arg, const char *line)
{
	str_addf(arg, "%s\n", line);
}

struct world { struct str out; struct imap_log *l; };

static struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	w->l = imap_log_new(collect, &w->out);
	return w;
}

static void
world_free(struct world *w)
{
	imap_log_free(&w->l);
	str_free(&w->out);
	free(w);
}

static void
hear(struct world *w, const char *s)
{
	imap_log_received(w->l, view_of(s));
}

static void
say(struct world *w, const char *s)
{
	imap_log_sent(w->l, view_of(s), false);
}

static void
say_secret(struct world *w, const char *s)
{
	imap_log_sent(w->l, view_of(s), true);
}

TEST(log_lines_and_literals)
{
	struct world *w = world_new();

	hear(w, "* OK ready\r\n* 1 FETCH (UID 7 BODY[] {100}\r\n");
	for (int i = 0; i < 10; i++)
		hear(w, "a1 OK x\r\n\n");
	hear(w, " FLAGS ())\r\n* LIST () \"/\" {5}\r\ncaf\xc3\xa9\r\n* X {0}\r\n\r\na1 OK done\r\n");
	EXPECT_STR(str_z(&w->out), "S: * OK ready\n"
	    "S: * 1 FETCH (UID 7 BODY[] {100}<...> FLAGS ())\n"
	    "S: * LIST () \"/\" {5}<caf\xc3\xa9>\n"
	    "S: * X {0}<>\n"
	    "S: a1 OK done\n");
	world_free(w);
}

TEST(log_text_counts_nothing)
{
	struct world *w = world_new();

	hear(w, "* OK costs {5}\r\na1 NO {9}\r\n+ idling {3}\r\n* BYE {4}\r\n* FLAGS {x}\r\n"
	    "* Y {5 }\r\n* Z {+}\r\nend\r\n");
	EXPECT_STR(str_z(&w->out), "S: * OK costs {5}\nS: a1 NO {9}\nS: + idling {3}\nS: * BYE {4}\n"
	    "S: * FLAGS {x}\nS: * Y {5 }\nS: * Z {+}\nS: end\n");
	world_free(w);
}

TEST(log_is_printable)
{
	struct world *w = world_new();

	imap_log_received(w->l, VIEW("* X \x1b[2J\0\a\xff\t \xe2\x80\xae \r a\nb\r\n\r\n\r\r\n"));
	EXPECT_STR(str_z(&w->out), "S: * X \\x1b[2J\\x00\\x07\xef\xbf\xbd\\t \\u202e \\r a\\nb\n"
	    "S: \nS: \\r\n");
	world_free(w);
}

static const char stream[] =
    "* OK [CAPABILITY IMAP4rev1] hi {3}\r\n* LIST () \"/\" {4}\r\na\r\nb\r\n"
    "* 1 FETCH (BODY[] {88}\r\n012345678901234567890123456789\r\n23456789012345678901234567890123"
    "45678901234567890123\r\n89 UID 3)\r\na1 OK \r x\r\n+ \r\n";

TEST(log_cut_at_every_byte)
{
	struct world *whole = world_new();

	hear(whole, stream);
	EXPECT(strstr(str_z(&whole->out), "UID 3)\nS: a1 OK") != NULL);
	for (size_t cut = 0; cut < sizeof(stream); cut++) {
		struct world *w = world_new();

		imap_log_received(w->l, view_n(stream, cut));
		imap_log_received(w->l, view_n(stream + cut, sizeof(stream) - 1 - cut));
		EXPECT_STR(str_z(&w->out), str_z(&whole->out));
		world_free(w);
	}
	world_free(whole);
}

TEST(log_long_lines_are_cut)
{
	struct world *w = world_new();
	const char *end;

	hear(w, "* SEARCH");
	for (int i = 0; i < 1000; i++)
		hear(w, " 12345");
	hear(w, "\r\n* next\r\n");
	end = strstr(str_z(&w->out), " (4008 bytes more)\nS: * next\n");
	EXPECT(end != NULL);
	EXPECT_EQ(end - str_z(&w->out), 3 + 2000);
	world_free(w);
}

/* From the encoder to the log: by its marks, with literals that wait and that do not. */
static void
send_login(struct world *w, const char *password, bool plus)
{
	struct imap_syntax syntax = { .literal_plus = plus };
	struct imap_cmd *c = imap_cmd_new(&syntax, "a1");
	struct secret *s = secret_of(view_of(password));
	struct err e = ERR_NONE;

	imap_cmd_raw(c, "LOGIN fred ");
	imap_cmd_secret(c, s);
	if (imap_cmd_end(c, &e) == 0)
		for (size_t i = 0; i < imap_cmd_parts(c); i++) {
			struct imap_part p = imap_cmd_part(c, i);

			imap_log_sent(w->l, p.bytes, p.secret);
		}
	imap_cmd_free(&c);
	secret_free(&s);
}

TEST(log_hides_the_password)
{
	static const char *const passwords[] = {
		"hunter2", "hun\"ter 2", "h\xc3\xbcnter2", "hunter2{5}", "hunt\r\ner2 \xff", "x", "",
	};

	for (size_t i = 0; i < ARRAY_LEN(passwords) * 2; i++) {
		const char *password = passwords[i / 2];
		struct world *w = world_new();

		imap_log_mode(w->l, i / 2 < 3 ? IMAP_LOG_LOGIN : IMAP_LOG_OPEN);
		send_login(w, password, i % 2 == 0);
		say(w, "a2 NOOP\r\n");
		EXPECT_STR(str_z(&w->out), "C: a1 LOGIN fred <secret>\nC: a2 NOOP\n");
		world_free(w);
	}
}

TEST(log_hides_what_is_said_back)
{
	struct world *w = world_new();

	imap_log_mode(w->l, IMAP_LOG_LOGIN);
	send_login(w, "hun\"ter 2", false);
	hear(w, "* OK LOGIN fred \"hun\\\"ter 2\" seen, hun\"ter 2hun\"ter 2\r\na1 BAD no hun\"ter");
	hear(w, " 2.\r\n* OK hun\r\n");
	EXPECT_STR(str_z(&w->out), "C: a1 LOGIN fred <secret>\n"
	    "S: * OK LOGIN fred <secret> seen, <secret><secret>\nS: a1 BAD no <secret>.\nS: * OK hun\n");
	str_reset(&w->out);
	/* Forgotten after: a mail that holds the word must not tell what it was. */
	imap_log_mode(w->l, IMAP_LOG_OPEN);
	hear(w, "* OK hun\"ter 2\r\n");
	EXPECT_STR(str_z(&w->out), "S: * OK hun\"ter 2\n");
	world_free(w);
}

TEST(log_hides_what_is_half_here)
{
	struct world *w = world_new();

	imap_log_mode(w->l, IMAP_LOG_LOGIN);
	send_login(w, "hunter2", true);
	hear(w, "a1 NO hunt");
	imap_log_mode(w->l, IMAP_LOG_OPEN);
	hear(w, "er2\r\n* OK open\r\n");
	EXPECT_STR(str_z(&w->out), "C: a1 LOGIN fred <secret>\nS: a1 NO <secret>\nS: * OK open\n");
	world_free(w);
}

TEST(log_hides_lines_it_cannot_mask)
{
	struct world *w = world_new();

	/* Cut in the middle of the secret. */
	imap_log_mode(w->l, IMAP_LOG_LOGIN);
	send_login(w, "hunter2", true);
	hear(w, "* OK ");
	for (int i = 0; i < 331; i++)
		hear(w, "123456");
	hear(w, "1234 hunter2\r\n");
	EXPECT_STR(str_z(&w->out), "C: a1 LOGIN fred <secret>\nS: <hidden> (3 bytes more)\n");
	world_free(w);

	/* Too short to be masked, too many to be kept. */
	w = world_new();
	imap_log_mode(w->l, IMAP_LOG_LOGIN);
	imap_log_hide(w->l, VIEW("abc"));
	hear(w, "a1 NO abc\r\n");
	EXPECT_STR(str_z(&w->out), "S: <hidden>\n");
	world_free(w);
	w = world_new();
	imap_log_mode(w->l, IMAP_LOG_LOGIN);
	for (int i = 0; i < 9; i++)
		imap_log_hide(w->l, VIEW("abcdef"));
	hear(w, "a1 NO x\r\n");
	EXPECT_STR(str_z(&w->out), "S: <hidden>\n");
	world_free(w);
}

TEST(log_hides_all_of_sasl)
{
	struct world *w = world_new();

	imap_log_mode(w->l, IMAP_LOG_LOGIN);
	say(w, "a1 AUTHENTICATE PLAIN ");
	say_secret(w, "AGZyZWQAaHVudGVyMg==");
	say(w, "\r\n");
	imap_log_mode(w->l, IMAP_LOG_SASL);
	imap_log_hide(w->l, VIEW("hunter2"));
	hear(w, "+ cj1meU1hcmtlZA==\r\n+ \r\n+\r\n");
	say_secret(w, "c2VjcmV0");
	say(w, "\r\n");
	/* Even where a mark is missing; an empty answer is empty. */
	say(w, "Yz1iaXdz\r\n");
	say(w, "\r\n");
	say(w, "Yz1iaXdz");
	say(w, "\r\n");
	hear(w, "a1 BAD AUTHENTICATE PLAIN AGZyZWQAaHVudGVyMg== (hunter2)\r\n");
	imap_log_mode(w->l, IMAP_LOG_OPEN);
	say(w, "a2 IDLE\r\n");
	hear(w, "+ idling\r\n");
	EXPECT_STR(str_z(&w->out), "C: a1 AUTHENTICATE PLAIN <secret>\n"
	    "S: + <hidden>\nS: + <hidden>\nS: +\n"
	    "C: <secret>\nC: <secret>\nC: \nC: <secret>\n"
	    "S: a1 BAD AUTHENTICATE PLAIN <secret> (<secret>)\n"
	    "C: a2 IDLE\nS: + idling\n");
	world_free(w);
}

/* What says nothing is no secret: a refusal after it stays readable. */
TEST(log_empty_responses_hide_no_reply)
{
	struct world *w = world_new();

	imap_log_mode(w->l, IMAP_LOG_LOGIN);
	say(w, "a1 AUTHENTICATE EXTERNAL ");
	say_secret(w, "=");
	say(w, "\r\n");
	imap_log_mode(w->l, IMAP_LOG_SASL);
	hear(w, "a1 NO [AUTHENTICATIONFAILED] no certificate\r\n");
	EXPECT_STR(str_z(&w->out), "C: a1 AUTHENTICATE EXTERNAL <secret>\n"
	    "S: a1 NO [AUTHENTICATIONFAILED] no certificate\n");
	world_free(w);
}

TEST(log_sent_literals)
{
	struct world *w = world_new();

	say(w, "a1 APPEND x {100+}\r\n");
	for (int i = 0; i < 10; i++)
		say(w, "Subject:\r\n");
	say(w, "\r\na2 SEARCH SUBJECT {2}\r\n");
	say(w, "\xc3\xa9\r\n");
	EXPECT_STR(str_z(&w->out), "C: a1 APPEND x {100+}<...>\nC: a2 SEARCH SUBJECT {2}<\xc3\xa9>\n");
	world_free(w);
}
