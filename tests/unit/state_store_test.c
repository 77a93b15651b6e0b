/* mail.store: set, count up, compare and set, expiry, what is refused. */
#include "state_kit.h"

#include "net/loop_fake.h"

static void
on_value(void *arg, bool found, struct view value, const struct err *e)
{
	struct kit *k = arg;

	k->err = *e;
	k->found = found;
	snprintf(k->text, sizeof(k->text), "%.*s", (int)MIN(value.n, 90), value.n ? value.p : "");
}

static void
on_key(void *arg, bool found, struct view key, const struct err *e)
{
	struct kit *k = arg;

	k->err = *e;
	if (found)
		snprintf(k->keys + strlen(k->keys), 20, "%.*s ", (int)key.n, key.p);
	else
		strcat(k->keys, ".");
}

/* The value, or "(absent)". */
static const char *
get(struct kit *k, const char *store, const char *key)
{
	state_store_get(k->state, store, key, on_value, k);
	kit_wait(k);
	return k->found ? k->text : "(absent)";
}

static struct state_write
write_of(const char *key, const char *value, int64_t expires)
{
	struct state_write w = { .op = STORE_SET, .store = xstrdup("s"), .key = xstrdup(key),
		.expires = expires };

	str_adds(&w.value, value);
	return w;
}

static void
write_free(struct state_write *w)
{
	free(w->store);
	free(w->key);
	str_free(&w->value);
}

/* Takes w. */
static void
put(struct kit *k, struct state_write w)
{
	state_store_write(k->state, &w, on_value, k);
	write_free(&w);
	kit_wait(k);
}

static void
incr(struct kit *k, const char *key, int64_t by)
{
	struct state_write w = write_of(key, "", -1);

	w.op = STORE_INCR;
	w.by = by;
	put(k, w);
}

static void
cas(struct kit *k, const char *key, const char *old, const char *value)
{
	struct state_write w = write_of(key, value, 0);

	state_store_cas(k->state, &w, old != NULL, view_of(old), on_value, k);
	write_free(&w);
	kit_wait(k);
}

static const char *
keys(struct kit *k, const char *prefix, size_t limit)
{
	k->keys[0] = '\0';
	state_store_keys(k->state, "s", prefix, limit, on_key, k);
	kit_wait(k);
	return k->keys;
}

TEST(set_get_delete)
{
	struct kit k = { 0 };
	struct state_write w;

	kit_open(&k);
	EXPECT_STR(get(&k, "s", "a"), "(absent)");
	put(&k, write_of("a", "sone", 0));
	EXPECT(k.found);
	put(&k, write_of("a", "stwo", 0));
	EXPECT_STR(get(&k, "s", "a"), "stwo");
	EXPECT_STR(get(&k, "t", "a"), "(absent)");
	put(&k, write_of("empty", "", 0));
	EXPECT_STR(get(&k, "s", "empty"), "");
	EXPECT(k.found);
	kit_reopen(&k);
	EXPECT_STR(get(&k, "s", "a"), "stwo");
	w = write_of("a", "", 0);
	w.op = STORE_DELETE;
	put(&k, w);
	EXPECT(k.found);
	EXPECT_STR(get(&k, "s", "a"), "(absent)");
	w = write_of("a", "", 0);
	w.op = STORE_DELETE;
	put(&k, w);
	EXPECT(!k.found);
	kit_close(&k);
}

TEST(counting)
{
	struct kit k = { 0 };

	kit_open(&k);
	incr(&k, "n", 3);
	EXPECT_STR(k.text, "i3");
	incr(&k, "n", -5);
	EXPECT_STR(k.text, "i-2");
	EXPECT_STR(get(&k, "s", "n"), "i-2");
	put(&k, write_of("max", "i9223372036854775807", 0));
	incr(&k, "max", 1);
	EXPECT_EQ(k.err.kind, ERR_USAGE);
	EXPECT(!k.found);
	EXPECT_STR(get(&k, "s", "max"), "i9223372036854775807");
	kit_close(&k);
}

TEST(what_is_no_integer_cannot_be_counted)
{
	static const char *const values[] = { "stext", "i", "i1x", "i 1", "i+1", "1", "",
		"i99999999999999999999" };
	struct kit k = { 0 };

	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		put(&k, write_of("v", values[i], 0));
		incr(&k, "v", 1);
		EXPECT_EQ(k.err.kind, ERR_USAGE);
		EXPECT(strstr(k.err.text, "\"v\" is no integer") != NULL);
		EXPECT_STR(get(&k, "s", "v"), values[i]);
	}
	EXPECT(!state_broken(k.state));
	kit_close(&k);
}

TEST(a_refusal_fails_alone)
{
	struct kit k = { 0 }, bad = { 0 };
	struct state_write w = write_of("text", "", -1);

	kit_open(&k);
	put(&k, write_of("text", "sx", 0));
	w.op = STORE_INCR;
	/* In one group with others. */
	state_timer_set(k.state, "a", 1, kit_done, &k);
	state_store_write(k.state, &w, on_value, &bad);
	state_timer_set(k.state, "b", 2, kit_done, &k);
	kit_wait(&k);
	EXPECT_EQ(bad.err.kind, ERR_USAGE);
	EXPECT(!err_is(&k.err));
	state_timer_get(k.state, "a", kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 1);
	state_timer_get(k.state, "b", kit_on_time, &k);
	kit_wait(&k);
	EXPECT_EQ(k.value, 2);
	write_free(&w);
	kit_close(&k);
}

TEST(compare_and_set)
{
	struct kit k = { 0 };

	kit_open(&k);
	cas(&k, "a", "sx", "sy");
	EXPECT(!k.found);
	EXPECT_STR(get(&k, "s", "a"), "(absent)");
	cas(&k, "a", NULL, "sx");
	EXPECT(k.found);
	cas(&k, "a", NULL, "sz");
	EXPECT(!k.found);
	cas(&k, "a", "sother", "sz");
	EXPECT(!k.found);
	EXPECT_STR(get(&k, "s", "a"), "sx");
	cas(&k, "a", "sx", "sy");
	EXPECT(k.found);
	EXPECT_STR(get(&k, "s", "a"), "sy");
	kit_close(&k);
}

TEST(values_expire)
{
	struct kit k = { 0 };
	int64_t now = 1700000000;

	k.loop = loop_fake_new(now * 1000);
	k.log = log_new(-1, LOG_TEXT, false, LOG_DEBUG);
	snprintf(k.dir, sizeof(k.dir), "%s/state", unit_tmp());
	kit_open(&k);
	put(&k, write_of("short", "i5", now + 10));
	put(&k, write_of("long", "sx", 0));
	put(&k, write_of("long", "sy", -1));
	incr(&k, "short", 1);		/* keeps its time */
	EXPECT_STR(get(&k, "s", "short"), "i6");
	EXPECT_STR(keys(&k, "", 10), "long short .");
	loop_fake_jump_wall(k.loop, 10000);
	EXPECT_STR(get(&k, "s", "short"), "(absent)");
	EXPECT_STR(keys(&k, "", 10), "long .");
	cas(&k, "short", NULL, "snew");
	EXPECT(k.found);
	EXPECT_STR(get(&k, "s", "short"), "snew");
	put(&k, write_of("short", "i5", now + 20));
	loop_fake_jump_wall(k.loop, 10000);
	incr(&k, "short", 1);		/* begins at nothing, without an end */
	EXPECT_STR(k.text, "i1");
	loop_fake_jump_wall(k.loop, 3 * DAY * 1000);
	EXPECT_STR(get(&k, "s", "short"), "i1");
	EXPECT_STR(get(&k, "s", "long"), "sy");
	put(&k, write_of("other", "sx", 0));	/* the day's purge comes with it */
	put(&k, write_of("gone", "sx", now + 10));
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM store WHERE key = 'gone'"), 1);
	kit_reopen(&k);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM store WHERE key = 'gone'"), 0);
	EXPECT_EQ(kit_ask(&k, "SELECT count(*) FROM store"), 3);
	kit_close(&k);
}

TEST(keys_by_prefix)
{
	struct kit k = { 0 };

	kit_open(&k);
	put(&k, write_of("b/2", "s", 0));
	put(&k, write_of("b/1", "s", 0));
	put(&k, write_of("a", "s", 0));
	put(&k, write_of("b0", "s", 0));
	put(&k, write_of("b/\xc3\xa4", "s", 0));
	EXPECT_STR(keys(&k, "b/", 10), "b/1 b/2 b/\xc3\xa4 .");
	EXPECT_STR(keys(&k, "b/", 2), "b/1 b/2 .");
	EXPECT_STR(keys(&k, "z", 2), ".");
	EXPECT_STR(keys(&k, "", 1), "a .");
	kit_close(&k);
}

TEST(ceilings)
{
	struct kit k = { 0 };
	struct str big = STR_INIT;
	struct state_write w;

	kit_open(&k);
	while (big.len <= STATE_KEY_MAX)
		str_addc(&big, 'k');
	put(&k, write_of(str_z(&big), "s", 0));
	EXPECT_EQ(k.err.kind, ERR_LIMIT);
	while (big.len < STATE_VALUE_MAX)
		str_addc(&big, 'k');
	put(&k, write_of("fits", str_z(&big), 0));
	EXPECT(!err_is(&k.err));
	str_addc(&big, 'k');
	w = write_of("a", str_z(&big), 0);
	put(&k, w);
	EXPECT_EQ(k.err.kind, ERR_LIMIT);
	EXPECT_STR(get(&k, "s", "a"), "(absent)");
	str_free(&big);
	kit_close(&k);
}

/* A function's mistake must not stop the mail of the others in its batch. */
TEST(a_batch_leaves_out_what_is_refused)
{
	struct kit k = { 0 };
	struct state_batch *b = state_batch_new();
	struct state_write set = write_of("text", "sx", 0), add = write_of("text", "", -1),
	    count = write_of("n", "", -1);
	int64_t box;

	kit_open(&k);
	box = kit_box(&k, "home", "INBOX", 1);
	add.op = count.op = STORE_INCR;
	add.by = count.by = 2;
	state_batch_store(b, &set);
	state_batch_store(b, &add);
	state_batch_store(b, &count);
	state_batch_store(b, &count);
	state_batch_cursor(b, box, 9);
	kit_commit(&k, b);
	EXPECT_STR(k.err.text, "");
	EXPECT_EQ(log_count(k.log, LOG_ERROR), 1);
	EXPECT_STR(get(&k, "s", "text"), "sx");
	EXPECT_STR(get(&k, "s", "n"), "i4");
	kit_box(&k, "home", "INBOX", 1);
	EXPECT_EQ(k.box.cursor, 9);
	write_free(&set);
	write_free(&add);
	write_free(&count);
	kit_close(&k);
}
