/* Dates as mail has them; the wanted epochs are GNU date's. */
#include "mail/date.h"

#include "base/base.h"
#include "unit.h"

struct row { const char *raw; int64_t epoch; int zone; };

#define E0 INT64_C(1769778000)	/* 2026-01-30 13:00:00 UTC */

static const struct row good[] = {
	{ "Fri, 30 Jan 2026 14:00:00 +0100", E0, 60 },
	{ " Fri, 30 Jan 2026 14:00:00 +0100 (CET)\r\n", E0, 60 },
	{ "30 Jan 2026 14:00:00 +0100", E0, 60 },
	{ "Fri 30 Jan 2026 14:00:00 +0100", E0, 60 },
	{ "Friday, 30 January 2026 14:00:00 +0100", E0, 60 },
	{ "FRI, 30 JAN 2026 14:00:00 +0100", E0, 60 },
	{ "Fri,30 Jan 2026 14:00:00 +0100", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00 +0100", E0, 60 },
	{ "Fri, 30 Jan 26 14:00:00 +0100", E0, 60 },
	{ "Fri, 30 Jan 126 14:00:00 +0100", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00:00.123 +0100", E0, 60 },
	{ "Fri, 30 Jan 2026 14.00.00 +0100", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00:00 +01:00", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00:00 +1", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00:00+0100", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00:00 GMT+0100", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00:00 CET", E0, 60 },
	{ "Fri, 30 Jan 2026 14:00:00 (comment (nested \\)) x) +0100", E0, 60 },
	{ "Fri(c), (d)30(e) Jan 2026\r\n 14:00:00 +0100", E0, 60 },
	{ "Fri, 30 Jan 2026 13:00:00 GMT", E0, 0 },
	{ "Fri, 30 Jan 2026 13:00:00 UT", E0, 0 },
	{ "Fri, 30 Jan 2026 13:00:00 Z", E0, 0 },
	{ "Fri, 30 Jan 2026 13:00:00 -0000", E0, 0 },
	{ "Fri, 30 Jan 2026 13:00:00", E0, 0 },
	{ "Fri, 30 Jan 2026 13:00:00 XYZ", E0, 0 },
	{ "Fri, 30 Jan 2026 08:00:00 EST", E0, -300 },
	{ "Fri, 30 Jan 2026 09:00:00 (EDT) -0400", E0, -240 },
	{ "Fri, 30 Jan 2026 08:00:00 -0500 (EST)", E0, -300 },
	{ "Fri, 30 Jan 2026 08:00:00 EST (-0500)", E0, -300 },
	{ "Fri, 30 Jan 2026 18:30:00 +0530", E0, 330 },
	{ "Fri, 30 Jan 2026 18:30:00 +530", E0, 330 },
	{ "Fri, 30 Jan 2026 1:00:00 PM", E0, 0 },
	{ "Fri, 30 Jan 2026 01:00:00PM +0000", E0, 0 },
	{ "30 Jan 2026 12:00:00 AM +0000", INT64_C(1769731200), 0 },
	{ "Fri Jan 30 13:00:00 2026", E0, 0 },
	{ "Fri Jan 30 14:00:00 CET 2026", E0, 60 },
	{ "Fri Jan 30 14:00:00 2026 +0100", E0, 60 },
	{ "Fri Jan  2 13:00:00 2026", INT64_C(1767358800), 0 },
	{ "Jan 30, 2026 13:00:00 GMT", E0, 0 },
	{ "30-Jan-2026 14:00:00 +0100", E0, 60 },
	{ " 2-Jan-2026 13:00:00 +0000", INT64_C(1767358800), 0 },
	{ "30-Jan-26 13:00:00 GMT", E0, 0 },
	{ "30 Jan. 2026 13:00:00", E0, 0 },
	{ "2026-01-30T13:00:00Z", E0, 0 },
	{ "2026-01-30T14:00:00.000+01:00", E0, 60 },
	{ "2026-01-30 14:00:00 +0100", E0, 60 },
	{ "2026/01/30 13:00:00", E0, 0 },
	{ "2026-01-30", INT64_C(1769731200), 0 },
	{ "30 Jan 2026", INT64_C(1769731200), 0 },
	{ "Thu, 01 Jan 1970 00:00:00 +0000", 0, 0 },
	{ "Wed, 31 Dec 1969 23:59:59 +0000", -1, 0 },
	{ "1 Jan 70 00:00:00 GMT", 0, 0 },
	{ "29 Feb 2024 00:00:00 +0000", INT64_C(1709164800), 0 },
	{ "29 Feb 2000 00:00:00 +0000", INT64_C(951782400), 0 },
	{ "31 Dec 2016 23:59:60 +0000", INT64_C(1483228800), 0 },
	{ "1 Jan 0001 00:00:00 +0000", INT64_C(-62135596800), 0 },
	{ "31 Dec 9999 23:59:59 +0000", INT64_C(253402300799), 0 },
	{ "Tue, 19 Jan 2038 03:14:08 +0000", INT64_C(2147483648), 0 },
};

TEST(good_dates)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct date d = { -7, -7 };

		if (!date_parse(view_of(good[i].raw), &d))
			UNIT_FAIL("%s: not a date", good[i].raw);
		if (d.epoch != good[i].epoch || d.zone_min != good[i].zone)
			UNIT_FAIL("%s: %lld %d", good[i].raw, (long long)d.epoch, d.zone_min);
	}
}

TEST(no_dates)
{
	static const char *bad[] = {
		"", " ", "garbage", "Fri", "Jan 2026", "30 Jan", "14:00:00", "30 Foo 2026 14:00:00",
		"31 Feb 2026 14:00:00", "30 Feb 2024 14:00:00", "29 Feb 2026", "29 Feb 1900", "0 Jan 2026",
		"32 Jan 2026", "30 Jan 0000", "30 Jan 2026 24:00:00", "30 Jan 2026 14:60:00",
		"30 Jan 2026 14:00:61", "30 Jan 12026 14:00:00", "1/30/2026", "2026-13-01", "2026-00-10",
		"99999999999999999999", "30 Jan 2026 99999999999:1:1", "1769778000",
		"1 Jan 0001 00:00:00 +2300", "31 Dec 9999 23:59:59 -2300", "30 Jan 2026 14:", ":", "(((", "+",
		"30 Jan 2026 14:00:00 15:00:00",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct date d;

		if (date_parse(view_of(bad[i]), &d))
			UNIT_FAIL("%s: taken as %lld", bad[i], (long long)d.epoch);
	}
}

TEST(nonsense_zones_are_unknown)
{
	static const char *rows[] = {
		"30 Jan 2026 13:00:00 +9999", "30 Jan 2026 13:00:00 +0099", "30 Jan 2026 13:00:00 +00000000",
		"30 Jan 2026 13:00:00 +", "30 Jan 2026 13:00:00 -x", "30 Jan 2026 13:00:00 A",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct date d;

		EXPECT(date_parse(view_of(rows[i]), &d));
		EXPECT_EQ(d.epoch, E0);
		EXPECT_EQ(d.zone_min, 0);
	}
}

TEST(prints)
{
	static const struct { struct date d; const char *want; } rows[] = {
		{ { E0, 60 }, "Fri, 30 Jan 2026 14:00:00 +0100" },
		{ { E0, -300 }, "Fri, 30 Jan 2026 08:00:00 -0500" },
		{ { E0, 330 }, "Fri, 30 Jan 2026 18:30:00 +0530" },
		{ { 0, 0 }, "Thu, 01 Jan 1970 00:00:00 +0000" },
		{ { -1, 0 }, "Wed, 31 Dec 1969 23:59:59 +0000" },
		{ { 951782400, 0 }, "Tue, 29 Feb 2000 00:00:00 +0000" },
		{ { INT64_C(-62135596800), 0 }, "Mon, 01 Jan 0001 00:00:00 +0000" },
		{ { INT64_C(253402300799), 0 }, "Fri, 31 Dec 9999 23:59:59 +0000" },
		{ { INT64_MAX, 0 }, "Fri, 31 Dec 9999 23:59:59 +0000" },
		{ { INT64_MIN, -60 }, "Mon, 01 Jan 0001 00:00:00 -0100" },
		{ { 0, INT32_MAX }, "Mon, 05 Jan 1970 03:59:00 +9959" },
		{ { 0, INT32_MIN }, "Sat, 27 Dec 1969 20:01:00 -9959" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str s = STR_INIT;

		date_print(&s, rows[i].d);
		EXPECT_STR(str_z(&s), rows[i].want);
		str_free(&s);
	}
}

TEST(print_and_parse_agree)
{
	for (int64_t t = INT64_C(-62135596800) + 90000; t < INT64_C(253402200000); t += 98765432) {
		struct date d = { t, (int)(t % 840) }, back;
		struct str s = STR_INIT;

		date_print(&s, d);
		EXPECT(date_parse(str_view(&s), &back));
		EXPECT_EQ(back.epoch, d.epoch);
		EXPECT_EQ(back.zone_min, d.zone_min);
		str_free(&s);
	}
}

TEST(linear_cost)
{
	static const char *units[] = { "(", "1", "a", "1 ", "a ", "+1", " ", "()", "\\(", "1:", "-" };

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct str s = STR_INIT;
		struct date d;

		while (s.len < 1000000)
			str_adds(&s, units[i]);
		EXPECT(!date_parse(str_view(&s), &d));
		str_free(&s);
	}
}
