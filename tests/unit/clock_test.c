/* Durations, sizes and points of time in words. */
#include "base/clock.h"

#include "unit.h"

#define DAY_MS	INT64_C(86400000)
#define BAD	(-1)

/* The value, or -1. */
static int64_t
duration(const char *z)
{
	struct err e = ERR_NONE;
	int64_t ms = -7;

	if (duration_parse(view_of(z), &ms, &e) == 0)
		return ms;
	return e.kind == ERR_USAGE && ms == -7 ? BAD : -99;
}

static int64_t
size(const char *z)
{
	struct err e = ERR_NONE;
	int64_t n = -7;

	if (size_parse(view_of(z), &n, &e) == 0)
		return n;
	return e.kind == ERR_USAGE && n == -7 ? BAD : -99;
}

static int64_t
point(const char *z, const struct zone *zone)
{
	struct err e = ERR_NONE;
	int64_t t = -7;

	if (time_parse(view_of(z), zone, &t, &e) == 0)
		return t;
	return e.kind == ERR_USAGE && t == -7 ? BAD : -99;
}

static const char *
print(struct str *s, int64_t ms)
{
	str_reset(s);
	duration_print(s, ms);
	return str_z(s);
}

TEST(durations)
{
	EXPECT_EQ(duration("0"), 0);
	EXPECT_EQ(duration("90"), 90000);
	EXPECT_EQ(duration("90s"), 90000);
	EXPECT_EQ(duration("15min"), 15 * 60000);
	EXPECT_EQ(duration("2h"), 2 * 3600000);
	EXPECT_EQ(duration("3d"), 3 * DAY_MS);
	EXPECT_EQ(duration("2w"), 14 * DAY_MS);
	EXPECT_EQ(duration("6mo"), 180 * DAY_MS);
	EXPECT_EQ(duration("1y"), 365 * DAY_MS);
	EXPECT_EQ(duration("1h30min"), 90 * 60000);
	EXPECT_EQ(duration(" 1 h 30 min "), 90 * 60000);
	EXPECT_EQ(duration("200y"), 200 * 365 * DAY_MS);
}

TEST(durations_refused)
{
	static const char *const bad[] = {
		"", " ", "d", "-1d", "1.5h", "5M", "3D", "1h 30", "30min1h", "1h1h", "10x",
		"1dd", "201y", "200y1s", "99999999999999999999", "18446744073709551616s", "3d!",
		"3d,", "0x10", "min",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (duration(bad[i]) != BAD)
			UNIT_FAIL("\"%s\" was taken", bad[i]);
}

TEST(m_is_refused_by_name)
{
	struct err e = ERR_NONE;
	int64_t ms;

	EXPECT_EQ(duration_parse(VIEW("5m"), &ms, &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "\"min\" or \"mo\"") != NULL);
}

TEST(durations_printed)
{
	static const int64_t some[] = { 1000, 61000, 3600000, DAY_MS + 1000, 365 * DAY_MS };
	struct str s = STR_INIT;

	EXPECT_STR(print(&s, 0), "0s");
	EXPECT_STR(print(&s, 250), "250ms");
	EXPECT_STR(print(&s, 90 * 60000), "1h30min");
	EXPECT_STR(print(&s, 15 * 60000), "15min");
	EXPECT_STR(print(&s, 3 * DAY_MS), "3d");
	EXPECT_STR(print(&s, -1500), "-1s500ms");
	EXPECT_STR(print(&s, INT64_MIN), "-106751991167d7h12min55s808ms");
	for (size_t i = 0; i < ARRAY_LEN(some); i++)
		EXPECT_EQ(duration(print(&s, some[i])), some[i]);
	str_free(&s);
}

TEST(sizes)
{
	EXPECT_EQ(size("0"), 0);
	EXPECT_EQ(size("1234"), 1234);
	EXPECT_EQ(size("12B"), 12);
	EXPECT_EQ(size("250kB"), 250000);
	EXPECT_EQ(size("250 KB"), 250000);
	EXPECT_EQ(size("5MB"), 5000000);
	EXPECT_EQ(size("5mb"), 5000000);
	EXPECT_EQ(size("1GB"), 1000000000);
	EXPECT_EQ(size("64KiB"), 65536);
	EXPECT_EQ(size("2MiB"), 2097152);
	EXPECT_EQ(size("1000TB"), INT64_C(1000000000000000));
}

TEST(sizes_refused)
{
	static const char *const bad[] = {
		"", "MB", "-1", "1.5MB", "5M", "5k", "5MBx", "5 MB 3", "1001TB", "1000TiB",
		"99999999999999999999999", "1e3",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (size(bad[i]) != BAD)
			UNIT_FAIL("\"%s\" was taken", bad[i]);
}

TEST(times)
{
	struct zone *utc = zone_new(VIEW("UTC"), NULL), *east = zone_new(VIEW("+02:00"), NULL);

	EXPECT(utc != NULL && east != NULL);
	EXPECT_EQ(point("1970-01-01", utc), 0);
	EXPECT_EQ(point("2026-01-31", utc), 1769817600);
	EXPECT_EQ(point("2026-01-31 14:00", utc), 1769868000);
	EXPECT_EQ(point("2026-01-31 14:00:05", utc), 1769868005);
	EXPECT_EQ(point("2026-01-31T14:00:00Z", east), 1769868000);
	EXPECT_EQ(point("2026-01-31 14:00", east), 1769860800);
	EXPECT_EQ(point("2026-01-31 14:00+0530", east), 1769848200);
	EXPECT_EQ(point("2026-01-31 14:00 -08", east), 1769896800);
	EXPECT_EQ(point("2024-02-29", utc), 1709164800);
	EXPECT_EQ(point("0001-01-01", utc), -62135596800);
	EXPECT_EQ(point("9999-12-31 23:59:59", utc), 253402300799);
	EXPECT_EQ(point(" 2026-01-31 ", utc), 1769817600);
	zone_free(&utc);
	zone_free(&east);
}

TEST(times_refused)
{
	static const char *const bad[] = {
		"", "2026", "2026-1-31", "2026-13-01", "2026-00-01", "2026-02-29", "2026-04-31",
		"2026-01-00", "0000-01-01", "2026-01-31 1:00", "2026-01-31 24:00",
		"2026-01-31 12:60", "2026-01-31 12:00:60", "2026-01-31 12:00:", "2026-01-31x",
		"2026-01-31 12:00 CET", "2026-01-31 12:00+24:00", "2026-01-31 12:00+1",
		"2026-01-31 12:00+01:", "12026-01-31", "31.01.2026",
	};
	struct zone *utc = zone_new(VIEW("UTC"), NULL);

	EXPECT(utc != NULL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (point(bad[i], utc) != BAD)
			UNIT_FAIL("\"%s\" was taken", bad[i]);
	zone_free(&utc);
}

TEST(clocks_go_on)
{
	int64_t a = clock_mono_ms(), b = clock_mono_ms();

	EXPECT(b >= a);
	EXPECT(clock_wall_ms() > INT64_C(1700000000000));
}
