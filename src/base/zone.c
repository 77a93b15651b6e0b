/*
 * Time zones as values: no TZ, no setenv, no state of the C library, except for
 * "local", which is what localtime_r says.
 *
 * A named zone is read from the zone database in TZif, version 2 or later (RFC
 * 8536): the 64-bit transitions, and behind the last of them the POSIX rule of
 * the footer (zone_rule.c).  An instant is split by its offset; civil time is
 * joined by trying the offsets of the day before and the day after, which is
 * the same code for all kinds of zones.
 *
 * Limits: a file of 256 KiB; offsets under 26 h; years 1 to 9999, other instants
 * are clamped to these; no leap seconds ("right/" zones are refused).
 */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scan.h"

#define ZONE_MAGIC	0x20e0a11du
#define ZONE_DIR	"/usr/share/zoneinfo"
#define ZONE_FILE_MAX	((size_t)256 << 10)
#define ZONE_NAME_MAX	100
#define HEAD_SIZE	44u
#define OFFSET_MAX	(26 * 3600)
#define DAY		86400
#define EPOCH_FIRST	INT64_C(-62135596800)	/* 0001-01-01 00:00 UTC */
#define EPOCH_LAST	INT64_C(253402300799)	/* 9999-12-31 23:59:59 UTC */

enum zone_kind { ZONE_LOCAL, ZONE_FIXED, ZONE_FILE };

struct zone_type { int32_t offset; bool dst; };

struct zone {
	uint32_t		 magic;
	enum zone_kind		 kind;
	char			*name;
	struct zone_type	 fixed;
	/* ZONE_FILE: at[i] is when type[which[i]] begins, rising; type[0] before. */
	size_t			 at_n;
	int64_t			*at;
	unsigned char		*which;
	size_t			 type_n;
	struct zone_type	*type;
	bool			 has_rule;
	struct zone_rule	 rule;
};

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; month 1..12. */
int64_t
civil_days(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;	/* years that begin in March */
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The civil time of an instant of UTC. */
static void
split_utc(int64_t s, struct tm *tm)
{
	int64_t days = floor_div(s, DAY), z = days + 719468;
	int64_t era = floor_div(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);
	int64_t year = yoe + era * 400 + (month <= 2);
	int left = (int)(s - days * DAY);

	memset(tm, 0, sizeof(*tm));
	tm->tm_year = (int)(year - 1900);
	tm->tm_mon = month - 1;
	tm->tm_mday = (int)(doy - (153 * mp + 2) / 5 + 1);
	tm->tm_hour = left / 3600;
	tm->tm_min = left / 60 % 60;
	tm->tm_sec = left % 60;
	tm->tm_wday = (int)(((days + 4) % 7 + 7) % 7);
	tm->tm_yday = (int)(days - civil_days(year, 1, 1));
}

/* Seconds of civil time as if it were UTC; fields out of range carry over. */
static int64_t
join_utc(const struct tm *tm)
{
	int64_t year = (int64_t)tm->tm_year + 1900 + floor_div(tm->tm_mon, 12);
	int month = (int)(tm->tm_mon - 12 * floor_div(tm->tm_mon, 12)) + 1;
	int64_t days = civil_days(year, month, 1) + tm->tm_mday - 1;

	return days * DAY + (int64_t)tm->tm_hour * 3600 + (int64_t)tm->tm_min * 60 + tm->tm_sec;
}

static int64_t
clamp(int64_t t)
{
	return MAX(EPOCH_FIRST, MIN(EPOCH_LAST, t));
}

static struct zone_type
local_type(int64_t t)
{
	time_t when = (time_t)t;
	struct tm tm;

	if (localtime_r(&when, &tm) == NULL)
		return (struct zone_type){ 0, false };
	return (struct zone_type){ (int32_t)tm.tm_gmtoff, tm.tm_isdst > 0 };
}

static struct zone_type
file_type(const struct zone *z, int64_t t)
{
	size_t lo = 0, hi = z->at_n;
	struct zone_type type;

	if (z->has_rule && (z->at_n == 0 || t >= z->at[z->at_n - 1])) {
		type.offset = zone_rule_offset(&z->rule, t, &type.dst);
		return type;
	}
	while (lo < hi) {			/* the number of transitions up to t */
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return z->type[lo == 0 ? 0 : z->which[lo - 1]];
}

static struct zone_type
type_at(const struct zone *z, int64_t t)
{
	t = clamp(t);
	if (z == NULL || z->kind == ZONE_LOCAL)
		return local_type(t);
	return z->kind == ZONE_FIXED ? z->fixed : file_type(z, t);
}

void
zone_split(const struct zone *z, int64_t epoch_s, struct tm *tm_r)
{
	struct zone_type type;

	if (z != NULL)
		CHECK(z, ZONE_MAGIC);
	epoch_s = clamp(epoch_s);
	type = type_at(z, epoch_s);
	split_utc(epoch_s + type.offset, tm_r);
	tm_r->tm_isdst = type.dst;
	tm_r->tm_gmtoff = type.offset;
}

int64_t
zone_join(const struct zone *z, struct tm tm)
{
	int64_t civil = join_utc(&tm), first, second;
	int32_t before, after;

	if (z != NULL)
		CHECK(z, ZONE_MAGIC);
	before = type_at(z, civil - DAY).offset;
	after = type_at(z, civil + DAY).offset;
	first = civil - MAX(before, after);
	second = civil - MIN(before, after);
	/* Of a time that comes twice, the first. */
	if (type_at(z, first).offset == MAX(before, after))
		return first;
	if (type_at(z, second).offset == MIN(before, after))
		return second;
	/* A gap: the clock goes on as if it had not been put forward. */
	return civil - before;
}

/* Big-endian numbers. */
static uint32_t
get32(const char *z)
{
	const unsigned char *p = (const unsigned char *)z;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
get64(const char *p)
{
	return (int64_t)((uint64_t)get32(p) << 32 | get32(p + 4));
}

/* RFC 8536, 3.1. */
struct tzif_head { size_t isut, isstd, leap, time, type, chars; };

static bool
read_head(struct view v, struct tzif_head *h)
{
	size_t n[6];

	if (v.n < HEAD_SIZE || memcmp(v.p, "TZif", 4) != 0 || v.p[4] < '2')
		return false;
	for (size_t i = 0; i < 6; i++)
		if ((n[i] = get32(v.p + 20 + 4 * i)) > ZONE_FILE_MAX)
			return false;
	*h = (struct tzif_head){ n[0], n[1], n[2], n[3], n[4], n[5] };
	return true;
}

static size_t
block_size(const struct tzif_head *h, size_t time_size)
{
	return h->time * (time_size + 1) + h->type * 6 + h->chars + h->leap * (time_size + 4) +
	    h->isstd + h->isut;
}

/* RFC 8536, 3.2: the 64-bit block, which begins at p and is there as a whole. */
static bool
read_block(struct zone *z, const struct tzif_head *h, const char *p)
{
	if (h->leap != 0 || h->type == 0 || h->type > 256)
		return false;
	z->at_n = h->time;
	z->at = xcalloc(h->time + 1, sizeof(*z->at));
	z->which = xcalloc(h->time + 1, 1);
	z->type_n = h->type;
	z->type = xcalloc(h->type, sizeof(*z->type));
	for (size_t i = 0; i < h->time; i++, p += 8) {
		z->at[i] = get64(p);
		if (i > 0 && z->at[i] <= z->at[i - 1])
			return false;
	}
	for (size_t i = 0; i < h->time; i++, p++) {
		z->which[i] = (unsigned char)*p;
		if (z->which[i] >= h->type)
			return false;
	}
	for (size_t i = 0; i < h->type; i++, p += 6) {
		int64_t offset = (int64_t)get32(p);

		if (offset > INT32_MAX)
			offset -= INT64_C(1) << 32;
		if (offset <= -OFFSET_MAX || offset >= OFFSET_MAX)
			return false;
		z->type[i] = (struct zone_type){ (int32_t)offset, p[4] != 0 };
	}
	return true;
}

static bool
read_tzif(struct zone *z, struct view v)
{
	struct tzif_head h;
	ptrdiff_t end;
	size_t skip;

	/* The 32-bit block of version 1 comes first and says less. */
	if (!read_head(v, &h) || (skip = HEAD_SIZE + block_size(&h, 4)) > v.n)
		return false;
	v = view_from(v, skip);
	if (!read_head(v, &h) || (skip = HEAD_SIZE + block_size(&h, 8)) > v.n)
		return false;
	if (!read_block(z, &h, v.p + HEAD_SIZE))
		return false;
	v = view_from(v, skip);
	if (v.n < 2 || v.p[0] != '\n' || (end = view_chr(view_from(v, 1), '\n')) < 0)
		return false;
	v = view_sub(v, 1, (size_t)end);
	z->has_rule = v.n > 0;
	return !z->has_rule || zone_rule_parse(v, &z->rule);
}

/* A name is letters and a few signs, and cannot lead out of the directory. */
static bool
good_name(struct view name)
{
	if (name.n == 0 || name.n > ZONE_NAME_MAX || name.p[0] == '/' ||
	    view_find(name, VIEW("..")) >= 0)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '/'))
			return false;
	}
	return true;
}

static int
unknown_zone(const char *dir, struct view name, struct err *e)
{
	if (access(dir, F_OK) != 0)
		return err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "time zone \"%.*s\": the zone "
		    "database %s is missing (package tzdata)", VIEW_ARG(name), dir);
	return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "unknown time zone \"%.*s\": it is a name "
	    "such as Europe/Berlin, UTC, local or +02:00", VIEW_ARG(name));
}

/* Reads the file of a zone; the caller frees *s. */
static int
read_file(const char *dir, struct view name, struct str *s, struct err *e)
{
	char path[400];
	struct stat st;
	ssize_t got = 0;
	int fd, rc = -1;

	if (snprintf(path, sizeof(path), "%s/%.*s", dir, VIEW_ARG(name)) >= (int)sizeof(path))
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "time zone: the path is too long");
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return unknown_zone(dir, name, e);
		return err_sys(e, errno, "%s", path);
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		unknown_zone(dir, name, e);
		goto out;
	}
	*s = str_limited(ZONE_FILE_MAX);
	do {
		char *to = str_room(s, 4096);

		if (to == NULL) {
			err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "%s is too large for a zone", path);
			goto out;
		}
		if ((got = read(fd, to, 4096)) > 0)
			str_grew(s, (size_t)got);
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		err_sys(e, errno, "%s", path);
	else
		rc = 0;
out:
	close(fd);
	return rc;
}

static int
load(struct zone *z, const char *dir, struct view name, struct err *e)
{
	struct str s = STR_INIT;
	int rc;

	if (!good_name(name))
		return unknown_zone(dir, name, e);
	z->kind = ZONE_FILE;
	if ((rc = read_file(dir, name, &s, e)) == 0 && !read_tzif(z, str_view(&s)))
		rc = err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "%s/%.*s is not a zone file of "
		    "version 2 or later without leap seconds", dir, VIEW_ARG(name));
	str_free(&s);
	return rc;
}

struct zone *
zone_new_in(const char *dir, struct view name, struct err *e)
{
	struct zone *z = xcalloc(1, sizeof(*z));
	struct scan s = scan_of(name);

	z->magic = ZONE_MAGIC;
	if (name.n == 0 || view_iis(name, "local")) {
		name = VIEW("local");
		z->kind = ZONE_LOCAL;
	} else if (view_iis(name, "UTC") || view_is(name, "Z")) {
		name = VIEW("UTC");
		z->kind = ZONE_FIXED;
	} else if (zone_offset(&s, &z->fixed.offset) && scan_done(&s)) {
		z->kind = ZONE_FIXED;
	} else if (load(z, dir, name, e) < 0) {
		zone_free(&z);
		return NULL;
	}
	z->name = xmemdup0(name.p, name.n);
	return z;
}

struct zone *
zone_new(struct view name, struct err *e)
{
	return zone_new_in(ZONE_DIR, name, e);
}

void
zone_free(struct zone **zp)
{
	struct zone *z = *zp;

	*zp = NULL;
	if (z == NULL)
		return;
	CHECK(z, ZONE_MAGIC);
	free(z->name);
	free(z->at);
	free(z->which);
	free(z->type);
	z->magic = 0;
	free(z);
}

const char *
zone_name(const struct zone *z)
{
	if (z == NULL)
		return "local";
	CHECK(z, ZONE_MAGIC);
	return z->name;
}
