/*
 * Zones: names, gaps and repeats, the rule behind the last transition, broken
 * files; and every instant of a sample as the C library has it.
 */
#include "base/zone.h"

#include <time.h>

#include "base/clock.h"

#include "unit.h"

static struct tm
civil(int year, int month, int day, int hour, int min)
{
	return (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day,
		.tm_hour = hour, .tm_min = min };
}

/* "2026-03-29 03:30 +7200 dst" of an instant. */
static const char *
show(const struct zone *z, int64_t t, char out[80])
{
	struct tm tm;

	zone_split(z, t, &tm);
	snprintf(out, 80, "%04d-%02d-%02d %02d:%02d %+ld%s", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_gmtoff, tm.tm_isdst ? " dst" : "");
	return out;
}

TEST(kinds_and_names)
{
	static const struct { const char *name, *is; } some[] = {
		{ "", "local" }, { "local", "local" }, { "UTC", "UTC" }, { "utc", "UTC" },
		{ "Z", "UTC" }, { "+02:00", "+02:00" }, { "-0530", "-0530" },
		{ "Europe/Berlin", "Europe/Berlin" },
		{ "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires" },
	};

	for (size_t i = 0; i < ARRAY_LEN(some); i++) {
		struct err e = ERR_NONE;
		struct zone *z = zone_new(view_of(some[i].name), &e);

		if (z == NULL)
			UNIT_FAIL("%s: %s", some[i].name, e.text);
		EXPECT_STR(zone_name(z), some[i].is);
		zone_free(&z);
		EXPECT(z == NULL);
	}
	EXPECT_STR(zone_name(NULL), "local");
}

TEST(unknown_names)
{
	static const char *const bad[] = {
		"Europe/Berln", "Europe", "../../../etc/passwd", "/etc/passwd", "Europe/../UTC",
		"+25:00", "+2", "+02:60", "CET-1CEST,M3.5.0,M10.5.0/3", "a b", ".", "Europe/",
		"%s%n", "zone.tab",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_NONE;

		EXPECT(zone_new(view_of(bad[i]), &e) == NULL);
		EXPECT(e.kind == ERR_USAGE || e.kind == ERR_SYSTEM);
	}
}

TEST(missing_database_is_said)
{
	struct err e = ERR_NONE;
	char dir[300];

	snprintf(dir, sizeof(dir), "%s/none", unit_tmp());
	EXPECT(zone_new_in(dir, VIEW("Europe/Berlin"), &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	EXPECT(strstr(e.text, "is missing") != NULL);
	err_clear(&e);
	EXPECT(zone_new_in(unit_tmp(), VIEW("Europe/Berlin"), &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, "unknown time zone \"Europe/Berlin\"") != NULL);
}

TEST(fixed_offsets)
{
	struct zone *z = zone_new(VIEW("-05:30"), NULL);
	char b[80];

	EXPECT(z != NULL);
	EXPECT_STR(show(z, 0, b), "1969-12-31 18:30 -19800");
	EXPECT_EQ(zone_join(z, civil(1970, 1, 1, 0, 0)), 19800);
	zone_free(&z);
}

TEST(calendar)
{
	struct zone *z = zone_new(VIEW("UTC"), NULL);
	struct tm tm;
	char b[80];

	EXPECT(z != NULL);
	zone_split(z, 1709164800, &tm);			/* 2024-02-29, a Thursday */
	EXPECT_EQ(tm.tm_mday, 29);
	EXPECT_EQ(tm.tm_wday, 4);
	EXPECT_EQ(tm.tm_yday, 59);
	EXPECT_STR(show(z, -1, b), "1969-12-31 23:59 +0");
	EXPECT_STR(show(z, INT64_MIN, b), "0001-01-01 00:00 +0");
	EXPECT_STR(show(z, INT64_MAX, b), "9999-12-31 23:59 +0");
	/* Fields carry over in both directions. */
	EXPECT_EQ(zone_join(z, civil(2026, 1, 32, 0, 0)), zone_join(z, civil(2026, 2, 1, 0, 0)));
	EXPECT_EQ(zone_join(z, civil(2026, 0, 1, 0, 0)), zone_join(z, civil(2025, 12, 1, 0, 0)));
	EXPECT_EQ(zone_join(z, civil(2026, 14, 0, -1, 0)),
	    zone_join(z, civil(2027, 1, 30, 23, 0)));
	zone_free(&z);
}

TEST(berlin_gap_and_repeat)
{
	struct zone *z = zone_new(VIEW("Europe/Berlin"), NULL);
	char b[80];

	EXPECT(z != NULL);
	EXPECT_STR(show(z, 1774745999, b), "2026-03-29 01:59 +3600");
	EXPECT_STR(show(z, 1774746000, b), "2026-03-29 03:00 +7200 dst");
	EXPECT_EQ(zone_join(z, civil(2026, 3, 29, 1, 59)), 1774746000 - 60);
	EXPECT_EQ(zone_join(z, civil(2026, 3, 29, 3, 0)), 1774746000);
	/* 02:30 does not exist: 03:30 */
	EXPECT_EQ(zone_join(z, civil(2026, 3, 29, 2, 30)), 1774746000 + 1800);
	/* 02:30 comes twice on October 25: the first, in summer time */
	EXPECT_STR(show(z, zone_join(z, civil(2026, 10, 25, 2, 30)), b),
	    "2026-10-25 02:30 +7200 dst");
	EXPECT_STR(show(z, zone_join(z, civil(2026, 10, 25, 3, 0)), b),
	    "2026-10-25 03:00 +3600");
	zone_free(&z);
}

TEST(rule_of_the_far_future)
{
	struct zone *z = zone_new(VIEW("Europe/Berlin"), NULL);
	char b[80];

	EXPECT(z != NULL);
	EXPECT_STR(show(z, zone_join(z, civil(2100, 7, 1, 12, 0)), b),
	    "2100-07-01 12:00 +7200 dst");
	EXPECT_STR(show(z, zone_join(z, civil(2100, 12, 1, 12, 0)), b),
	    "2100-12-01 12:00 +3600");
	EXPECT_STR(show(z, zone_join(z, civil(2100, 3, 28, 2, 30)), b),
	    "2100-03-28 03:30 +7200 dst");
	zone_free(&z);
}

TEST(a_day_that_was_left_out)
{
	struct zone *z = zone_new(VIEW("Pacific/Apia"), NULL);	/* no 2011-12-30 */
	char b[80];

	EXPECT(z != NULL);
	EXPECT_STR(show(z, zone_join(z, civil(2011, 12, 30, 12, 0)), b),
	    "2011-12-31 12:00 +50400 dst");
	EXPECT_STR(show(z, zone_join(z, civil(2011, 12, 31, 2, 0)), b),
	    "2011-12-31 02:00 +50400 dst");
	EXPECT_STR(show(z, zone_join(z, civil(2011, 12, 29, 23, 0)), b),
	    "2011-12-29 23:00 -36000 dst");
	zone_free(&z);
}

/* The process's zone is changed here and nowhere else. */
TEST(as_the_c_library_has_it)
{
	static const char *const names[] = {
		"Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo",
		"America/Nuuk", "Asia/Kolkata", "Asia/Tehran", "Australia/Lord_Howe",
		"Africa/Casablanca", "Pacific/Chatham", "Pacific/Kiritimati", "Asia/Tokyo",
		"Antarctica/Troll", "America/St_Johns", "Africa/Monrovia",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct zone *z = zone_new(view_of(names[i]), NULL);

		EXPECT(z != NULL);
		setenv("TZ", names[i], 1);
		tzset();
		/* Steps of 19.3 days from 1900 to 2170, so that all hours come. */
		for (int64_t t = -2208988800; t < 6311433600; t += 1667521) {
			struct tm ours, local, theirs;
			time_t when = (time_t)t;

			localtime_r(&when, &theirs);
			zone_split(z, t, &ours);
			zone_split(NULL, t, &local);
			if (ours.tm_gmtoff != theirs.tm_gmtoff || ours.tm_hour != theirs.tm_hour ||
			    ours.tm_mday != theirs.tm_mday || ours.tm_isdst != theirs.tm_isdst ||
			    ours.tm_wday != theirs.tm_wday || ours.tm_yday != theirs.tm_yday)
				UNIT_FAIL("%s at %jd", names[i], (intmax_t)t);
			if (local.tm_gmtoff != theirs.tm_gmtoff || local.tm_min != theirs.tm_min)
				UNIT_FAIL("local %s at %jd", names[i], (intmax_t)t);
			/* Joined again, or the first of two with the same civil time. */
			zone_split(z, zone_join(z, ours), &local);
			if (zone_join(z, ours) > t || local.tm_mday != ours.tm_mday ||
			    local.tm_hour != ours.tm_hour || local.tm_min != ours.tm_min)
				UNIT_FAIL("%s: %jd does not come back", names[i], (intmax_t)t);
		}
		zone_free(&z);
	}
	unsetenv("TZ");
	tzset();
}

TEST(rules_parsed)
{
	static const char *const good[] = {
		"CET-1CEST,M3.5.0,M10.5.0/3", "UTC0", "<+0330>-3:30", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
		"EST5EDT,J60,J300/23:59:59", "XXX3EDT4,0/0,J365/23", "IST-1GMT0,M10.5.0,M3.5.0/1",
	};
	static const char *const bad[] = {
		"", "CE-1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J1",
		"CET-1CEST,366,1", "CET-25", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0/168",
		"CET-1CEST,M3.5.0,M10.5.0x", "CET-1:60", ",M3.5.0",
	};
	struct zone_rule r;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!zone_rule_parse(view_of(good[i]), &r))
			UNIT_FAIL("\"%s\" was refused", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (zone_rule_parse(view_of(bad[i]), &r))
			UNIT_FAIL("\"%s\" was taken", bad[i]);
}

TEST(rules_of_days)
{
	struct zone_rule r;
	bool dst;

	/* J60 is March 1 in every year; 59 is February 29 in a leap year. */
	EXPECT(zone_rule_parse(VIEW("AAA0BBB,J60/0,J365/0"), &r));
	EXPECT_EQ(zone_rule_offset(&r, 1709251199, &dst), 0);		/* 2024-02-29 23:59:59 */
	EXPECT_EQ(zone_rule_offset(&r, 1709251200, &dst), 3600);
	EXPECT(dst);
	EXPECT(zone_rule_parse(VIEW("AAA0BBB,59/0,364/0"), &r));
	EXPECT_EQ(zone_rule_offset(&r, 1709164799, &dst), 0);
	EXPECT_EQ(zone_rule_offset(&r, 1709164800, &dst), 3600);
	/* South: January is summer. */
	EXPECT(zone_rule_parse(VIEW("AEST-10AEDT,M10.1.0,M4.1.0/3"), &r));
	EXPECT_EQ(zone_rule_offset(&r, 1767225600, &dst), 39600);
	EXPECT_EQ(zone_rule_offset(&r, 1782864000, &dst), 36000);
}

/* Writes a zone file: one transition at 1000 from +1 h to +2 h, cut to n bytes. */
static struct zone *
crafted(size_t n, int flip, struct err *e)
{
	static const char file[] =
	    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\4"
	    "\0\0\0\0\0\0\3\xE8" "\1" "\0\0\x0E\x10\0\0" "\0\0\x1C\x20\1\0" "AAA\0" "\n\n";
	char path[300], bytes[sizeof(file)];
	FILE *f;

	memcpy(bytes, file, sizeof(file));
	if (flip >= 0)
		bytes[flip] = (char)~bytes[flip];
	snprintf(path, sizeof(path), "%s/Zone", unit_tmp());
	if ((f = fopen(path, "wb")) == NULL)
		return NULL;
	fwrite(bytes, 1, n < sizeof(file) - 1 ? n : sizeof(file) - 1, f);
	fclose(f);
	path[strlen(path) - 5] = '\0';
	return zone_new_in(path, VIEW("Zone"), e);
}

TEST(crafted_file)
{
	struct err e = ERR_NONE;
	struct zone *z = crafted(SIZE_MAX, -1, &e);
	char b[80];

	if (z == NULL)
		UNIT_FAIL("%s", e.text);
	EXPECT_STR(show(z, 999, b), "1970-01-01 01:16 +3600");
	EXPECT_STR(show(z, 1000, b), "1970-01-01 02:16 +7200 dst");
	EXPECT_STR(show(z, INT64_C(9000000000), b), "2255-03-14 18:00 +7200 dst");
	zone_free(&z);
}

TEST(broken_files)
{
	const size_t size = 44 + 44 + 8 + 1 + 12 + 4 + 2;

	for (size_t n = 0; n < size; n++) {
		struct err e = ERR_NONE;

		EXPECT(crafted(n, -1, &e) == NULL);
		EXPECT_EQ(e.kind, ERR_SYSTEM);
	}
	/* Any byte wrong: refused, or a zone that answers. */
	for (size_t i = 0; i < size; i++) {
		struct zone *z = crafted(SIZE_MAX, (int)i, NULL);
		struct tm tm;

		if (z != NULL)
			zone_split(z, 1000, &tm);
		zone_free(&z);
	}
}
