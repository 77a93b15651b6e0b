/* What is found wrong with a set of rules before any mail is touched; names and needs. */
#include "unit.h"

#include "engine/ruleset.h"

struct found { int errors, warnings; char text[1000]; };

static void
on_finding(void *arg, bool error, const char *where, const char *text)
{
	struct found *f = arg;

	f->errors += error;
	f->warnings += !error;
	strncat(f->text, where, sizeof(f->text) - strlen(f->text) - 1);
	strncat(f->text, ": ", sizeof(f->text) - strlen(f->text) - 1);
	strncat(f->text, text, sizeof(f->text) - strlen(f->text) - 1);
	strncat(f->text, "\n", sizeof(f->text) - strlen(f->text) - 1);
}

static struct found
check(struct ruleset *rs)
{
	struct found f = { 0 };

	ruleset_check(rs, on_finding, &f);
	return f;
}

static struct query *
key(const char *name, enum query_op op, const char *text)
{
	struct query_value v = { .type = QV_TEXT, .text = view_of(text) };
	struct err e = ERR_NONE;
	struct query *q = query_key(view_of(name), VIEW_NONE, op, &v, 1, NULL, &e);

	if (q == NULL)
		printf("# %s\n", e.text);
	return q;
}

/* subject: NULL for a rule that matches all */
static struct rule *
rule(const char *name, const char *subject)
{
	struct rule *r = rule_new(name, name);

	if (subject != NULL)
		r->when = key("subject", OP_HAS, subject);
	return r;
}

static struct rule *
with(struct rule *r, enum verb verb, const char *target)
{
	struct rule_action a = { .verb = verb };
	struct err e = ERR_NONE;

	if (target != NULL)
		a.target = template_new(view_of(target), NULL, 0, &e);
	if (verb == VERB_FLAG)
		flags_add(&a.flags, FLAG_SEEN, VIEW_NONE);
	VEC_PUSH(&r->actions, a);
	return r;
}

static void
attach(struct ruleset *rs, struct rule *r)
{
	struct err e = ERR_NONE;

	if (ruleset_attach(rs, "home", "INBOX", r, &e) < 0)
		printf("# %s\n", e.text);
}

TEST(good_rules_have_no_findings)
{
	struct ruleset *rs = ruleset_new(NULL, NULL);
	struct rule *later = with(rule("later", NULL), VERB_MOVE, "Old"), *fn = rule("fn", NULL);
	struct found f;

	later->after_ms = 1000;
	later->when = key("older", OP_HAS, "3d");
	fn->run = 1;
	attach(rs, with(rule("a", "x"), VERB_FLAG, NULL));
	attach(rs, with(with(rule("b", "y"), VERB_FLAG, NULL), VERB_MOVE, "Y"));
	attach(rs, with(rule("c", "z"), VERB_MOVE, "Z"));
	attach(rs, later);
	attach(rs, fn);
	f = check(rs);
	EXPECT_STR(f.text, "");
	ruleset_unref(&rs);
}

TEST(a_rule_below_one_that_takes_everything_is_never_reached)
{
	struct ruleset *rs = ruleset_new(NULL, NULL);
	struct found f;

	attach(rs, with(rule("all", NULL), VERB_MOVE, "A"));
	attach(rs, with(rule("below", "x"), VERB_FLAG, NULL));
	f = check(rs);
	EXPECT_EQ(f.warnings, 1);
	EXPECT_EQ(f.errors, 0);
	EXPECT(strstr(f.text, "below: rule \"below\" can never be reached: \"all\"") != NULL);
	ruleset_unref(&rs);
}

TEST(rules_that_others_let_through_are_reached)
{
	struct ruleset *rs;
	struct found f;

	for (int i = 0; i < 8; i++) {
		struct rule *a = with(rule("a", i == 5 ? "x" : NULL), i == 0 ? VERB_COPY : VERB_MOVE, "A");
		struct rule *b = with(rule("b", i == 5 ? NULL : "x"), VERB_FLAG, NULL);

		rs = ruleset_new(NULL, NULL);
		if (i == 1)
			a->stop = 0;
		else if (i == 2)
			a->unless = key("subject", OP_HAS, "not me");
		else if (i == 3)
			a->after_ms = 5000;
		else if (i == 4)
			b->own = true;
		else if (i == 6)
			b->existing = true;
		else if (i == 7)
			b->on = RULE_ARRIVAL | RULE_APPLY;
		attach(rs, a);
		attach(rs, b);
		f = check(rs);
		EXPECT_STR(f.text, "");
		ruleset_unref(&rs);
	}
}

TEST(a_narrower_condition_below_a_wider_one_is_never_reached)
{
	struct ruleset *rs = ruleset_new(NULL, NULL);
	struct rule *both = with(rule("both", NULL), VERB_FLAG, NULL), *stop = rule("stop", "x");
	struct query *x = key("subject", OP_HAS, "x"), *y = key("subject", OP_HAS, "y");
	struct found f;

	stop->stop = 1;
	both->when = query_and(x, y);
	query_free(&x);
	query_free(&y);
	attach(rs, stop);
	attach(rs, both);
	f = check(rs);
	EXPECT_EQ(f.warnings, 1);
	EXPECT(strstr(f.text, "\"both\" can never be reached") != NULL);
	ruleset_unref(&rs);
}

TEST(age_in_an_arrival_rule_is_an_error_that_names_after)
{
	static const char *const keys[] = { "older", "here" };

	for (int i = 0; i < 2; i++) {
		struct ruleset *rs = ruleset_new(NULL, NULL);
		struct rule *r = with(rule("old", NULL), VERB_MOVE, "Old");
		struct rule *by_hand = with(rule("hand", NULL), VERB_MOVE, "Old");
		struct found f;

		r->when = key(keys[i], OP_HAS, "3d");
		by_hand->when = key(keys[i], OP_HAS, "3d");
		by_hand->on = RULE_APPLY;
		attach(rs, r);
		attach(rs, by_hand);
		f = check(rs);
		EXPECT_EQ(f.errors, 1);
		EXPECT(strstr(f.text, "after = ") != NULL);
		EXPECT(strstr(f.text, "\"old\"") != NULL);
		EXPECT(strstr(f.text, "\"hand\"") == NULL);
		ruleset_unref(&rs);
	}
}

TEST(nothing_to_do_stars_and_two_ways_out)
{
	struct ruleset *rs = ruleset_new(NULL, NULL);
	struct rule *stop = rule("stop", "w");
	struct found f;

	stop->stop = 1;
	attach(rs, rule("idle", "v"));
	attach(rs, stop);
	attach(rs, with(rule("star", "*.pdf"), VERB_FLAG, NULL));
	attach(rs, with(with(rule("twice", "z"), VERB_MOVE, "A"), VERB_EXPUNGE, NULL));
	f = check(rs);
	EXPECT_EQ(f.errors, 1);
	EXPECT_EQ(f.warnings, 2);
	EXPECT(strstr(f.text, "idle: rule \"idle\" does nothing") != NULL);
	EXPECT(strstr(f.text, "\"*.pdf\" is looked for as it stands") != NULL);
	EXPECT(strstr(f.text, "twice: rule \"twice\": after move nothing is left to expunge") != NULL);
	ruleset_unref(&rs);
}

TEST(names_are_unique_in_a_mailbox_and_accounts_in_a_set)
{
	struct ruleset *rs = ruleset_new(NULL, NULL);
	struct err e = ERR_NONE;

	attach(rs, rule("a", NULL));
	EXPECT_EQ(ruleset_attach(rs, "home", "INBOX", rule("a", NULL), &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "unique") != NULL);
	err_clear(&e);
	EXPECT_EQ(ruleset_attach(rs, "home", "Lists", rule("a", NULL), &e), 0);
	EXPECT_EQ(ruleset_attach(rs, "work", "INBOX", rule("a", NULL), &e), 0);
	EXPECT_EQ(rs->chains.n, 3);
	EXPECT(ruleset_chain(rs, "work", "INBOX") != NULL);
	EXPECT(ruleset_chain(rs, "work", "Lists") == NULL);
	for (int i = 0; i < 2; i++) {
		struct account_decl *d = xcalloc(1, sizeof(*d));

		d->name = xstrdup("home");
		d->where = xstrdup(i == 0 ? "first:1" : "second:2");
		EXPECT_EQ(ruleset_add_account(rs, d, &e), -i);
	}
	EXPECT(strstr(e.text, "first:1") != NULL && strstr(e.text, "second:2") != NULL);
	EXPECT_EQ(rs->accounts.n, 1);
	ruleset_unref(&rs);
}

TEST(bodies_are_not_fetched_with_the_header_but_times_are)
{
	struct ruleset *rs = ruleset_new(NULL, NULL);
	struct rule *body = with(rule("body", NULL), VERB_FLAG, NULL);
	struct rule *later = with(rule("later", NULL), VERB_MOVE, "X/{from.domain}");
	struct chain *c;

	body->when = key("body", OP_HAS, "x");
	later->after_ms = 1000;
	later->after_here = true;
	later->when = key("body", OP_HAS, "x");
	attach(rs, later);
	c = ruleset_chain(rs, "home", "INBOX");
	EXPECT((c->need & NEED_HERE) != 0);
	EXPECT((c->need & NEED_BODY) == 0);
	attach(rs, body);
	EXPECT((c->need & NEED_BODY) == 0);
	EXPECT((c->need_most & NEED_BODY) != 0);
	EXPECT((rule_needs(later) & (NEED_BODY | NEED_HEADER)) == (NEED_BODY | NEED_HEADER));
	ruleset_unref(&rs);
}
