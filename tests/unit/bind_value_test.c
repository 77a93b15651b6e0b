/* Values of mail.store: there and back, order, ceilings, damaged texts. */
#include "unit.h"

#include "bind/bind_int.h"
#include "net/loop_fake.h"

struct probe {
	const char	*code;		/* a Lua expression */
	struct str	 text;		/* its encoding */
	struct str	 back;		/* the decoded value, encoded again */
	struct view	 in;		/* decode this instead */
};

static int
probe_run(lua_State *L)
{
	struct probe *p = lua_touserdata(L, 1);

	scratch_open(L);
	if (p->code != NULL) {
		if (luaL_loadstring(L, p->code) != LUA_OK)
			return lua_error(L);
		lua_call(L, 0, 1);
		value_encode(L, lua_gettop(L), &p->text);
		p->in = str_view(&p->text);
	}
	value_push(L, p->in);
	value_encode(L, lua_gettop(L), &p->back);
	return 0;
}

/* 0, or -1 and e. */
static int
probe(struct probe *p, struct err *e)
{
	struct loop *l = loop_fake_new(0);
	struct rt *rt = rt_new(l, NULL, NULL, e);
	int r = rt != NULL ? rt_pcall(rt, probe_run, p, e) : -1;

	rt_free(&rt);
	loop_free(&l);
	return r;
}

static void
probe_free(struct probe *p)
{
	str_free(&p->text);
	str_free(&p->back);
}

TEST(value_forms)
{
	static const struct { const char *code, *text; } rows[] = {
		{ "return 123", "i123" }, { "return -7", "i-7" },
		{ "return math.mininteger", "i-9223372036854775808" },
		{ "return 1.5", "d1.5" }, { "return 2.0", "d2" }, { "return true", "b1" },
		{ "return false", "b0" }, { "return ''", "s" }, { "return 'a;b}'", "sa;b}" },
		{ "return {}", "t{}" }, { "return {10, 'x'}", "t{i1;i10;i2;s1:x}" },
		{ "return {b = 1, a = {true}, [3] = 0.5}", "t{i3;d0.5;s1:a{i1;b1}s1:bi1;}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct probe p = { .code = rows[i].code };
		struct err e = ERR_NONE;

		EXPECT_EQ(probe(&p, &e), 0);
		EXPECT_STR(str_z(&p.text), rows[i].text);
		EXPECT_STR(str_z(&p.back), rows[i].text);
		probe_free(&p);
	}
}

TEST(value_equal_tables_have_equal_texts)
{
	struct probe a = { .code = "local t = {} for i = 1, 50 do t['k' .. i] = i end return t" };
	struct probe b = { .code = "local t = {} for i = 50, 1, -1 do t['k' .. i] = i end return t" };
	struct err e = ERR_NONE;

	EXPECT_EQ(probe(&a, &e), 0);
	EXPECT_EQ(probe(&b, &e), 0);
	EXPECT_STR(str_z(&a.text), str_z(&b.text));
	probe_free(&a);
	probe_free(&b);
}

TEST(value_refusals)
{
	static const struct { const char *code; enum err_kind kind; const char *says; } rows[] = {
		{ "return print", ERR_USAGE, "function" }, { "return {print}", ERR_USAGE, "function" },
		{ "return {[1.5] = 1}", ERR_USAGE, "keys" }, { "return {[true] = 1}", ERR_USAGE, "keys" },
		{ "return nil", ERR_USAGE, "nil" },
		{ "local t = {} t.t = t return t", ERR_LIMIT, "inside each other" },
		{ "return ('x'):rep(70000)", ERR_LIMIT, "KiB" },
		{ "return { ('x'):rep(70000) }", ERR_LIMIT, "KiB" },
		{ "local t = {} for i = 1, 60000 do t[i] = i end return t", ERR_LIMIT, "KiB" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct probe p = { .code = rows[i].code };
		struct err e = ERR_NONE;

		EXPECT_EQ(probe(&p, &e), -1);
		EXPECT_EQ(e.kind, rows[i].kind);
		EXPECT(strstr(e.text, rows[i].says) != NULL);
		probe_free(&p);
	}
}

TEST(value_depth_at_the_ceiling)
{
	struct probe p = { .code = "local t = {} for i = 1, 15 do t = { t } end return t" };
	struct probe q = { .code = "local t = {} for i = 1, 16 do t = { t } end return t" };
	struct err e = ERR_NONE;

	EXPECT_EQ(probe(&p, &e), 0);
	EXPECT_STR(str_z(&p.back), str_z(&p.text));
	EXPECT_EQ(probe(&q, &e), -1);
	probe_free(&p);
	probe_free(&q);
}

TEST(value_damaged)
{
	static const char *const rows[] = {
		"", "x", "i", "i1x", "i 1", "d", "dx", "b", "b2", "b11", "t", "t{", "t{i1;}", "t{i1;i2;",
		"t{i1;s9:x}", "t{b1i1;}", "t{d1;i1;}", "t{}x", "t{i1;{}", "t{s1:a}",
		"t{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{i1;{",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct probe p = { .in = view_of(rows[i]) };
		struct err e = ERR_NONE;

		if (probe(&p, &e) != -1)
			UNIT_FAIL("\"%s\" was taken", rows[i]);
		EXPECT_EQ(e.kind, ERR_SYSTEM);
		probe_free(&p);
	}
}
