/* Actions: names, the line for people, the line for the state and back. */
#include "engine/action.h"
#include "unit.h"

TEST(action_verbs_are_named_and_found)
{
	EXPECT_STR(verb_name(VERB_FLAG), "flag");
	EXPECT_STR(verb_name(VERB_EXPUNGE), "expunge");
	for (int v = 0; v < VERB_COUNT; v++)
		EXPECT_EQ(verb_find(view_of(verb_name((enum verb)v))), v);
	EXPECT_EQ(verb_find(VIEW("mov")), -1);
	EXPECT_EQ(verb_find(VIEW("Move")), -1);
	EXPECT_EQ(verb_find(VIEW_NONE), -1);
	EXPECT(verb_takes_away(VERB_MOVE) && verb_takes_away(VERB_REPLACE));
	EXPECT(!verb_takes_away(VERB_COPY) && !verb_takes_away(VERB_UNFLAG));
}

static char text_account[] = "home", text_mailbox[] = "Lists/dev";

TEST(action_prints_for_people)
{
	struct str s = STR_INIT;
	struct action a = { .verb = VERB_MOVE, .account = text_account, .mailbox = text_mailbox };
	char path[] = "/tmp/a\x1b[1m", part[] = "1.2";

	action_print(&s, &a, "home");
	EXPECT_STR(str_z(&s), "move to Lists/dev");
	str_reset(&s);
	action_print(&s, &a, "work");
	EXPECT_STR(str_z(&s), "move to home:Lists/dev");
	str_reset(&s);
	action_print(&s, &a, NULL);
	EXPECT_STR(str_z(&s), "move to home:Lists/dev");

	str_reset(&s);
	a = (struct action){ .verb = VERB_FLAG };
	flags_add(&a.flags, 0, VIEW("Invoice"));
	flags_add(&a.flags, FLAG_SEEN, VIEW_NONE);
	action_print(&s, &a, "home");
	flags_free(&a.flags);
	EXPECT_STR(str_z(&s), "flag seen Invoice");

	str_reset(&s);
	a = (struct action){ .verb = VERB_SAVE, .path = path };
	action_print(&s, &a, "home");
	EXPECT_STR(str_z(&s), "save /tmp/a\\x1b[1m");
	str_reset(&s);
	a.part = part;
	action_print(&s, &a, "home");
	EXPECT_STR(str_z(&s), "save part 1.2 as /tmp/a\\x1b[1m");

	str_reset(&s);
	a = (struct action){ .verb = VERB_REPLACE, .bytes = blob_copy(VIEW("12345")) };
	action_print(&s, &a, "home");
	blob_free(&a.bytes);
	EXPECT_STR(str_z(&s), "replace by 5 bytes");

	str_reset(&s);
	a = (struct action){ .verb = VERB_DELETE };
	action_print(&s, &a, "home");
	EXPECT_STR(str_z(&s), "delete");
	str_reset(&s);
	a = (struct action){ .verb = VERB_EXPUNGE };
	action_print(&s, &a, "home");
	EXPECT_STR(str_z(&s), "expunge");
	str_free(&s);
}

TEST(action_copies_everything)
{
	struct action a = { .verb = VERB_SAVE, .account = xstrdup("a"), .mailbox = xstrdup("m"),
		.path = xstrdup("/p"), .part = xstrdup("1"), .bytes = blob_copy(VIEW("x")),
		.rule = xstrdup("r"), .token = xstrdup("t"), .row = 7, .done = true }, b;

	flags_add(&a.flags, 0, VIEW("K"));
	action_copy(&b, &a);
	action_free(&a);
	EXPECT(a.account == NULL && a.rule == NULL && a.flags.n == 0);
	EXPECT_STR(b.account, "a");
	EXPECT_STR(b.mailbox, "m");
	EXPECT_STR(b.path, "/p");
	EXPECT_STR(b.part, "1");
	EXPECT_VIEW(blob_view(b.bytes), "x");
	EXPECT_STR(b.rule, "r");
	EXPECT_STR(b.token, "t");
	EXPECT_EQ(b.row, 7);
	EXPECT(b.done && b.flags.n == 1 && b.verb == VERB_SAVE);
	action_free(&b);
}

TEST(action_list_is_freed)
{
	struct actions l = { 0 };
	struct action a = { .verb = VERB_MOVE, .mailbox = xstrdup("m") };

	VEC_PUSH(&l, a);
	a = (struct action){ .verb = VERB_FLAG, .rule = xstrdup("r") };
	VEC_PUSH(&l, a);
	actions_free(&l);
	EXPECT(l.n == 0 && l.at == NULL);
	actions_free(&l);
}

TEST(action_is_stored_as_json)
{
	struct str s = STR_INIT;
	struct action a = { .verb = VERB_SAVE };
	char path[] = "/a \"b\"\\\n\x01\xFF/", part[] = "2";

	action_store(&s, &a);
	EXPECT_STR(str_z(&s), "{}");
	str_reset(&s);
	a.path = path;
	a.part = part;
	flags_add(&a.flags, FLAG_SEEN, VIEW_NONE);
	flags_add(&a.flags, 0, VIEW("Invoice"));
	action_store(&s, &a);
	flags_free(&a.flags);
	EXPECT_STR(str_z(&s), "{\"flags\":\"seen Invoice\","
	    "\"path\":\"/a \\\"b\\\"\\\\\\u000a\\u0001\xFF/\",\"part\":\"2\"}");
	str_free(&s);
}

TEST(action_comes_back_from_the_state)
{
	struct action a = { .verb = VERB_MOVE, .account = xstrdup("ho\"me"),
		.mailbox = xstrdup("a\\b\x1f\tc/\xC3\xA4\xFF"), .path = xstrdup(""),
		.part = xstrdup("1.2.3") }, b;
	struct str s = STR_INIT;
	struct err e = ERR_NONE;

	flags_add(&a.flags, FLAG_PASSED | FLAG_FLAGGED, VIEW_NONE);
	flags_add(&a.flags, 0, VIEW("$Junk"));
	action_store(&s, &a);
	EXPECT_EQ(action_load(&b, VERB_MOVE, str_view(&s), &e), 0);
	EXPECT_EQ(b.verb, VERB_MOVE);
	EXPECT_STR(b.account, a.account);
	EXPECT_STR(b.mailbox, a.mailbox);
	EXPECT_STR(b.path, "");
	EXPECT_STR(b.part, "1.2.3");
	EXPECT_EQ(b.flags.sys, FLAG_PASSED | FLAG_FLAGGED);
	EXPECT(b.flags.n == 1 && strcmp(b.flags.at[0], "$Junk") == 0);
	EXPECT(b.rule == NULL && b.token == NULL && b.bytes == NULL && b.row == 0 && !b.done);
	action_free(&a);
	action_free(&b);
	EXPECT_EQ(action_load(&b, VERB_DELETE, VIEW(" { } "), &e), 0);
	EXPECT(b.verb == VERB_DELETE && b.account == NULL);
	EXPECT_EQ(action_load(&b, VERB_SAVE, VIEW("{ \"path\" : \"/x\" }"), &e), 0);
	EXPECT_STR(b.path, "/x");
	action_free(&b);
	str_free(&s);
}

TEST(action_refuses_what_is_no_action)
{
	static const struct { enum verb verb; const char *json; } rows[] = {
		{ VERB_EXPUNGE, "" }, { VERB_EXPUNGE, "{" }, { VERB_EXPUNGE, "[]" },
		{ VERB_EXPUNGE, "{}x" }, { VERB_EXPUNGE, "{,}" },
		{ VERB_EXPUNGE, "{\"path\"}" }, { VERB_EXPUNGE, "{\"path\":1}" },
		{ VERB_EXPUNGE, "{\"path\":\"a\",}" }, { VERB_EXPUNGE, "{\"path\":\"a}" },
		{ VERB_EXPUNGE, "{\"path\":\"a\" \"part\":\"1\"}" },
		{ VERB_EXPUNGE, "{\"path\":\"a\",\"path\":\"b\"}" },
		{ VERB_EXPUNGE, "{\"paths\":\"a\"}" },
		{ VERB_EXPUNGE, "{\"path\":\"a\nb\"}" }, { VERB_EXPUNGE, "{\"path\":\"\\n\"}" },
		{ VERB_EXPUNGE, "{\"path\":\"\\u0000\"}" }, { VERB_EXPUNGE, "{\"path\":\"\\u0041\"}" },
		{ VERB_EXPUNGE, "{\"path\":\"\\u00" }, { VERB_EXPUNGE, "{\"path\":\"\\" },
		{ VERB_EXPUNGE, "{\"path\":\"\\u1f" }, { VERB_EXPUNGE, "{\"path\":\"\\u001G\"}" },
		{ VERB_FLAG, "{\"flags\":\"a(b\"}" }, { VERB_FLAG, "{\"flags\":\"a\",\"flags\":\"b\"}" },
		/* complete for another verb only */
		{ VERB_FLAG, "{}" }, { VERB_UNFLAG, "{\"flags\":\" \"}" },
		{ VERB_SAVE, "{}" }, { VERB_MOVE, "{\"account\":\"a\"}" },
		{ VERB_COPY, "{\"mailbox\":\"a\"}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct action a;
		struct err e = ERR_NONE;

		if (action_load(&a, rows[i].verb, view_of(rows[i].json), &e) == 0)
			UNIT_FAIL("accepted: %s", rows[i].json);
		EXPECT_EQ(e.kind, ERR_SYSTEM);
		EXPECT(a.path == NULL && a.flags.n == 0);
	}
}
