/* Templates: what is refused, what is filled in, and what a hostile value becomes. */
#include "engine/template.h"
#include "unit.h"

static const char *const captures[] = { "ticket", "size2", "date" };

static struct template *
make(const char *text, struct err *e)
{
	return template_new(view_of(text), captures, 2, e);
}

static struct message *
message_of(const char *header)
{
	struct message *m = message_new();
	struct message_facts *f = message_facts(m);
	struct blob *b = blob_copy(view_of(header));

	message_set_bytes(m, b, false);
	blob_free(&b);
	f->uid = 17;
	f->size = 5000;
	f->received = INT64_C(1769813999);	/* 2026-01-30 22:59:59 UTC */
	message_know(m, NEED_SIZE | NEED_RECEIVED);
	return m;
}

#define USUAL \
	"From: =?UTF-8?Q?M=C3=BCller=2C_Anna?= <anna.m@Billing.Example.org>, second@example.com\n" \
	"To: bob@example.com\n" \
	"Subject: Re: a/b\n" \
	"List-Id: <dev.lists.example.org>\n" \
	"Message-ID: <1@example.org>\n" \
	"Date: Fri, 31 Dec 2027 23:30:00 +0000\n\n"

/* Appends to *out what the template becomes, or "error: ..." */
static void
fill(struct str *out, const char *text, enum template_use use, const char *header,
	const struct captures *caps, const char *file)
{
	struct err e = ERR_NONE;
	struct zone *z = zone_new(VIEW("Europe/Berlin"), &e);
	struct template *t = make(text, &e);
	struct message *m = message_of(header);

	str_reset(out);
	if (t == NULL || template_fill(t, use, m, "home", "Lists/.dev", caps, view_of(file), z, out, &e) < 0) {
		str_reset(out);
		str_addf(out, "%s: %s", err_kind_name(e.kind), e.text);
	}
	template_free(&t);
	message_unref(&m);
	zone_free(&z);
}

TEST(template_fills_every_field)
{
	static const struct { const char *text, *is; } rows[] = {
		{ "", "" }, { "Lists", "Lists" }, { "a {{x}} b", "a {x} b" }, { "{{}}{{{uid}}}", "{}{17}" },
		{ "{subject}", "Re: ab" }, { "{from}", "anna.m@billing.example.org" },
		{ "{from.address}", "anna.m@billing.example.org" },
		{ "{from.domain}", "billing.example.org" }, { "{from.local_part}", "anna.m" },
		{ "{from.name}", "M\xC3\xBCller, Anna" }, { "{to}", "bob@example.com" },
		{ "{to.domain}/{from.local_part}", "example.com/anna.m" },
		{ "{to.name|nobody}", "nobody" }, { "{cc|none}", "none" }, { "{cc.domain|no/ne}", "no/ne" },
		{ "Lists/{list_id}", "Lists/dev.lists.example.org" }, { "{message_id}", "1@example.org" },
		{ "{uid}-{size}", "17-5000" }, { "{account}/x", "home/x" }, { "{mailbox}", "Lists/dev" },
		{ "{ subject }", "Re: ab" },
		/* in the zone: midnight has passed in Berlin for both */
		{ "{date}", "2028-01-01" }, { "{date:%Y/%m}", "2028/01" }, { "{received}", "2026-01-30" },
		{ "{received:%F_%H%M%S%z}", "2026-01-30_235959+0100" }, { "{date:%d%%|x}", "01%" },
		{ "{date:%a %A %b %B %j %u %V %G %y}", "Sat Saturday Jan January 001 6 52 2027 28" },
		{ "{date:week {{", "usage: a \"{\" without its \"}\" (a brace itself is \"{{\"), at 1 in \"{date:week {{\"" },
		{ "{ticket|none}", "none" }, { "x{filename|part}", "xpart" }, { "{cc|}", "" },
	};
	struct str s = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fill(&s, rows[i].text, TEMPLATE_MAILBOX, USUAL, NULL, "");
		EXPECT_STR(str_z(&s), rows[i].is);
	}
	fill(&s, "/x/{filename}", TEMPLATE_PATH, USUAL, NULL, "../inv oice.pdf");
	EXPECT_STR(str_z(&s), "/x/inv oice.pdf");
	str_free(&s);
}

TEST(template_refuses_with_a_cure)
{
	static const struct { const char *text, *says; } rows[] = {
		{ "Lists/{lst_id}", "no field or capture \"lst_id\"; did you mean \"list_id\"?, at 8 in \"Lists/{lst_id}\"" },
		{ "{tickt}", "did you mean \"ticket\"?" }, { "{xyzzy}", "no field or capture \"xyzzy\", at 2" },
		{ "{Subject}", "did you mean \"subject\"?" },
		{ "{}", "a field without a name" }, { "{|x}", "a field without a name" },
		{ "a{b", "a \"{\" without its \"}\"" }, { "a}b", "a \"}\" without its \"{\"" },
		{ "{a{b}}", "a \"{\" without its \"}\"" },
		{ "{from.domian}", "did you mean \".domain\"?" }, { "{from.x}", "an address has .address" },
		{ "{from.}", "an address has .address" }, { "{subject.name}", "only from, to and cc have parts" },
		{ "{subject:%Y}", "only date and received take a format" },
		{ "{ticket:%Y}", "only date and received take a format" },
		{ "{date:}", "a date's format has 1 to 100 bytes" },
		{ "{date:%Q}", "a date's format knows" }, { "{date:%}", "a date's format knows" },
		{ "{date:%n}", "a date's format knows" }, { "{date:%Ey}", "a date's format knows" },
		{ "{date:%c}", "a date's format knows" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_NONE;

		if (make(rows[i].text, &e) != NULL)
			UNIT_FAIL("accepted: %s", rows[i].text);
		if (strstr(e.text, rows[i].says) == NULL)
			UNIT_FAIL("\"%s\" does not say \"%s\"", e.text, rows[i].says);
		EXPECT_EQ(e.kind, ERR_USAGE);
	}
}

TEST(template_missing_value_holds_the_message)
{
	struct str s = STR_INIT;
	struct message *m = message_new();
	struct err e = ERR_NONE;
	struct template *t = make("{subject}", &e);

	fill(&s, "Lists/{list_id}", TEMPLATE_MAILBOX, "Subject: x\n\n", NULL, "");
	EXPECT_STR(str_z(&s), "held: the message has no value for {list_id} of \"Lists/{list_id}\"; "
	    "{list_id|...} gives one");
	fill(&s, "{ticket}", TEMPLATE_MAILBOX, USUAL, NULL, "");
	EXPECT(strstr(str_z(&s), "held: the message has no value for {ticket}") != NULL);
	fill(&s, "{from.name}", TEMPLATE_TEXT, "From: a@b.c\n\n", NULL, "");
	EXPECT(strstr(str_z(&s), "held: ") != NULL);
	fill(&s, "{date:%Y}", TEMPLATE_MAILBOX, "Date: yesterday\n\n", NULL, "");
	EXPECT(strstr(str_z(&s), "held: ") != NULL);
	/* nothing is left of it: that is missing too */
	fill(&s, "{subject}", TEMPLATE_MAILBOX, "Subject: ..//. /\n\n", NULL, "");
	EXPECT(strstr(str_z(&s), "held: ") != NULL);
	fill(&s, "{subject|odd}", TEMPLATE_MAILBOX, "Subject: ..//. /\n\n", NULL, "");
	EXPECT_STR(str_z(&s), "odd");
	/* a header that was not fetched is no empty header */
	str_reset(&s);
	EXPECT_EQ(template_fill(t, TEMPLATE_TEXT, m, "a", "b", NULL, VIEW_NONE, NULL, &s, &e), -1);
	EXPECT_EQ(e.kind, ERR_HELD);
	template_free(&t);
	message_unref(&m);
	str_free(&s);
}

TEST(template_makes_hostile_values_harmless)
{
	static const struct { const char *subject, *name, *text; } rows[] = {
		{ "../../etc/passwd", "etcpasswd", "../../etc/passwd" },
		{ " . ./x", "x", ". ./x" }, { "~root/x", "rootx", "~root/x" }, { "@trash", "trash", "@trash" },
		{ ".~@.x", "x", ".~@.x" },
		{ "a\tb\x7F" "c", "abc", NULL },
		{ "a\xC2\x85" "b\xE2\x80\xAE" "c\xE2\x81\xA6" "d\xE2\x80\x8F" "e", "abcde", NULL },
		{ "{uid}", "{uid}", "{uid}" }, { "%Y", "%Y", "%Y" },
	};
	struct str s = STR_INIT, header = STR_INIT, want = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		str_reset(&header);
		str_addf(&header, "Subject: %s\n\n", rows[i].subject);
		fill(&s, "{subject}", TEMPLATE_MAILBOX, str_z(&header), NULL, "");
		EXPECT_STR(str_z(&s), rows[i].name);
		fill(&s, "{subject}", TEMPLATE_PATH, str_z(&header), NULL, "");
		EXPECT_STR(str_z(&s), rows[i].name);
		if (rows[i].text == NULL)
			continue;
		fill(&s, "{subject}", TEMPLATE_TEXT, str_z(&header), NULL, "");
		EXPECT_STR(str_z(&s), rows[i].text);
	}
	/* not at the beginning of the whole, "~" and "@" are letters like others; dots never */
	fill(&s, "a/{subject}", TEMPLATE_PATH, "Subject: .~@x\n\n", NULL, "");
	EXPECT_STR(str_z(&s), "a/~@x");

	/* a value is at most 100 bytes and is not cut inside a character */
	str_reset(&header);
	str_adds(&header, "Subject: ");
	for (int i = 0; i < 500; i++)
		str_adds(&header, "\xE2\x82\xAC");
	str_adds(&header, "\n\n");
	for (int i = 0; i < 33; i++)
		str_adds(&want, "\xE2\x82\xAC");
	fill(&s, "{subject}", TEMPLATE_MAILBOX, str_z(&header), NULL, "");
	EXPECT_STR(str_z(&s), str_z(&want));
	fill(&s, "{subject}", TEMPLATE_TEXT, str_z(&header), NULL, "");
	EXPECT_EQ(s.len, 1500);
	str_free(&s);
	str_free(&header);
	str_free(&want);
}

TEST(template_takes_captures)
{
	struct captures caps = { 0 };
	struct str s = STR_INIT;
	struct err e = ERR_NONE;
	struct message *m = message_of(USUAL);
	struct template *t;

	VEC_PUSH(&caps, ((struct capture){ xstrdup("ticket"), xstrdup("4/2\r\n") }));
	VEC_PUSH(&caps, ((struct capture){ xstrdup("date"), xstrdup("tomorrow") }));
	fill(&s, "T/{ticket}{size2|-}", TEMPLATE_MAILBOX, USUAL, &caps, "");
	EXPECT_STR(str_z(&s), "T/42-");
	fill(&s, "{ticket}", TEMPLATE_TEXT, USUAL, &caps, "");
	EXPECT_STR(str_z(&s), "4/2");
	/* one named like a field goes before it */
	t = template_new(VIEW("{date}"), captures, 3, &e);
	str_reset(&s);
	EXPECT_EQ(template_fill(t, TEMPLATE_TEXT, m, "a", "b", &caps, VIEW_NONE, NULL, &s, &e), 0);
	EXPECT_STR(str_z(&s), "tomorrow");
	EXPECT_EQ(template_needs(t), 0);
	template_free(&t);
	message_unref(&m);
	captures_clear(&caps);
	str_free(&s);
}

TEST(template_knows_its_needs)
{
	static const struct { const char *text; unsigned need; bool fixed; } rows[] = {
		{ "Lists/dev", 0, true }, { "a{{b}}", 0, true }, { "{uid}", 0, false }, { "{account}", 0, false },
		{ "{subject}", NEED_HEADER, false }, { "{from.domain}{size}", NEED_HEADER | NEED_SIZE, false },
		{ "{received:%Y}", NEED_RECEIVED, false }, { "{date}", NEED_HEADER, false },
		{ "{filename}", 0, false }, { "{ticket}", 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = ERR_NONE;
		struct template *t = make(rows[i].text, &e);

		EXPECT(t != NULL);
		EXPECT_EQ(template_needs(t), rows[i].need);
		EXPECT_EQ(template_is_fixed(t), rows[i].fixed);
		template_free(&t);
	}
}

TEST(template_that_becomes_too_long_is_held)
{
	struct err e = ERR_NONE;
	struct template *t = make("{subject}{subject}", &e);
	struct message *m = message_of("Subject: 12345\n\n");
	struct str s = str_limited(8);

	EXPECT_EQ(template_fill(t, TEMPLATE_TEXT, m, "a", "b", NULL, VIEW_NONE, NULL, &s, &e), -1);
	EXPECT_EQ(e.kind, ERR_HELD);
	EXPECT(strstr(e.text, "too long") != NULL);
	template_free(&t);
	message_unref(&m);
	str_free(&s);
}
