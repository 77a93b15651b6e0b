/*
 * The arguments of commands that are no free strings: flags, UID sets, names of header
 * fields, dates; and what is put together from them, APPEND and SEARCH.  Each is checked
 * against its grammar, so that a value of a script cannot stand for more than itself.
 */
#include "proto/imap_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/scan.h"
#include "base/utf8.h"

#define FLAG_MAX	255u
#define DAY_S		86400
#define DAY_MIN		(-719162)	/* 1 January of the year 1 */
#define DAY_MAX		2932896		/* 31 December 9999 */
#define SHOWN		60		/* bytes of a bad value in an error */

static int
shown(struct view v)
{
	return (int)MIN(v.n, (size_t)SHOWN);
}

/* ---- flags: "\" atom, or atom (RFC 9051, 9: flag) */

void
imap_cmd_flag(struct imap_cmd *c, struct view flag)
{
	struct view name = view_from(flag, view_starts(flag, VIEW("\\")) ? 1 : 0);
	char text[FLAG_MAX + 1];

	if (!imap_atom(name) || flag.n > FLAG_MAX) {
		imap_cmd_fail(c, ERR_USAGE, "\"%.*s\" cannot be a flag", shown(flag),
		    flag.n > 0 ? flag.p : "");
		return;
	}
	memcpy(text, flag.p, flag.n);
	text[flag.n] = '\0';
	imap_cmd_raw(c, text);
}

void
imap_cmd_flags(struct imap_cmd *c, const struct view *flags, size_t n)
{
	imap_cmd_raw(c, "(");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			imap_cmd_raw(c, " ");
		imap_cmd_flag(c, flags[i]);
	}
	imap_cmd_raw(c, ")");
}

/* ---- sets: "$", or seq-number [":" seq-number] *("," ...) */

static bool
scan_seq_number(struct scan *s)
{
	uint64_t n;

	return scan_char(s, '*') || (scan_number(s, UINT32_MAX, &n) && n > 0);
}

static bool
scan_seq_range(struct scan *s)
{
	return scan_seq_number(s) && (!scan_char(s, ':') || scan_seq_number(s));
}

/* The bytes of the first range; 0: it is none. */
static size_t
range_size(struct view set)
{
	struct scan s = scan_of(set);

	if (!scan_seq_range(&s) || (!scan_done(&s) && scan_peek(&s) != ','))
		return 0;
	return (size_t)(s.p - set.p);
}

static void
bad_set(struct imap_cmd *c, struct view set)
{
	imap_cmd_fail(c, ERR_USAGE, "\"%.*s\" is no set of UIDs", shown(set), set.n > 0 ? set.p : "");
}

/* Ranges while they fit into room; the bytes taken, without a comma behind. */
static size_t
take_ranges(struct view set, size_t room, bool *bad_r)
{
	size_t taken = 0;

	*bad_r = false;
	for (size_t at = 0; at < set.n; at++) {
		size_t n = range_size(view_from(set, at));

		*bad_r = n == 0 || at + n + 1 == set.n;	/* none, or a comma at the end */
		if (*bad_r || (taken > 0 && at + n > room))
			break;
		at += n;
		taken = at;
	}
	return taken;
}

static void
put_ranges(struct imap_cmd *c, struct view *set, size_t room)
{
	bool bad;
	size_t taken = take_ranges(*set, room, &bad);
	char *text;

	if (bad || taken == 0) {
		bad_set(c, *set);
		*set = VIEW_NONE;
		return;
	}
	text = view_dup(view_sub(*set, 0, taken));
	imap_cmd_raw(c, text);
	free(text);
	*set = view_from(*set, taken + 1);
}

void
imap_cmd_set(struct imap_cmd *c, struct view set)
{
	if (view_is(set, "$"))
		imap_cmd_raw(c, "$");
	else
		put_ranges(c, &set, SIZE_MAX);
}

void
imap_cmd_set_some(struct imap_cmd *c, struct view *set, size_t reserve)
{
	put_ranges(c, set, imap_cmd_room(c, reserve));
}

/* ---- names of header fields: printable ASCII but the colon (RFC 5322, 2.2) */

static void
put_field(struct imap_cmd *c, struct view name)
{
	bool good = name.n > 0;

	for (size_t i = 0; i < name.n; i++)
		good = good && name.p[i] > ' ' && name.p[i] < 0x7f && name.p[i] != ':';
	if (good)
		imap_cmd_astring(c, name, "the name of a header field");
	else
		imap_cmd_fail(c, ERR_USAGE, "\"%.*s\" cannot be the name of a header field",
		    shown(name), name.n > 0 ? name.p : "");
}

void
imap_cmd_fields(struct imap_cmd *c, const struct view *names, size_t n)
{
	if (n == 0)
		imap_cmd_fail(c, ERR_USAGE, "there are no names of header fields");
	imap_cmd_raw(c, "(");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			imap_cmd_raw(c, " ");
		put_field(c, names[i]);
	}
	imap_cmd_raw(c, ")");
}

/* ---- dates */

static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

/* The calendar of the years 1 to 9999, which have four digits in IMAP. */
static bool
calendar(struct imap_cmd *c, int64_t epoch_s, struct tm *tm_r)
{
	time_t t = (time_t)epoch_s;

	if (epoch_s < (int64_t)DAY_MIN * DAY_S || epoch_s >= ((int64_t)DAY_MAX + 1) * DAY_S ||
	    gmtime_r(&t, tm_r) == NULL) {
		imap_cmd_fail(c, ERR_USAGE, "a date outside of the years 1 to 9999");
		return false;
	}
	return true;
}

void
imap_cmd_date(struct imap_cmd *c, int64_t day)
{
	char text[64];
	struct tm tm;

	day = MIN(MAX(day, (int64_t)DAY_MIN - 1), (int64_t)DAY_MAX + 1);
	if (!calendar(c, day * DAY_S, &tm))
		return;
	snprintf(text, sizeof(text), "%d-%s-%04d", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
	imap_cmd_raw(c, text);
}

/* date-day-fixed has a blank before a single digit. */
void
imap_cmd_datetime(struct imap_cmd *c, int64_t epoch_s, int zone_min)
{
	const int64_t far = ((int64_t)DAY_MAX + 2) * DAY_S;
	int minutes = zone_min < 0 ? -zone_min : zone_min;
	char text[96];
	struct tm tm;

	if (zone_min <= -24 * 60 || zone_min >= 24 * 60) {
		imap_cmd_fail(c, ERR_USAGE, "a time zone of %d minutes", zone_min);
		return;
	}
	epoch_s = MIN(MAX(epoch_s, -far), far) + (int64_t)zone_min * 60;
	if (!calendar(c, epoch_s, &tm))
		return;
	snprintf(text, sizeof(text), "\"%2d-%s-%04d %02d:%02d:%02d %c%02d%02d\"", tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    zone_min < 0 ? '-' : '+', minutes / 60, minutes % 60);
	imap_cmd_raw(c, text);
}

/* ---- APPEND mailbox [flags] [date-time] literal (RFC 9051, 6.3.12) */

void
imap_cmd_append(struct imap_cmd *c, const struct imap_append *a)
{
	imap_cmd_raw(c, "APPEND ");
	imap_cmd_mailbox(c, a->mailbox);
	imap_cmd_raw(c, " ");
	if (a->nflags > 0) {
		imap_cmd_flags(c, a->flags, a->nflags);
		imap_cmd_raw(c, " ");
	}
	if (a->dated) {
		imap_cmd_datetime(c, a->received, a->zone_min);
		imap_cmd_raw(c, " ");
	}
	imap_cmd_blob(c, a->bytes);
}

/* ---- SEARCH */

bool
imap_keys_8bit(const struct imap_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].kind == IMAP_KEY_TEXT && !utf8_ascii(keys[i].text))
			return true;
	return false;
}

static void
put_word(struct imap_cmd *c, struct view v)
{
	char text[64];

	for (size_t i = 0; i < v.n; i++) {
		char b = v.p[i];

		if (!((b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') ||
		    b == '-'))
			v.n = 0;
	}
	if (v.n == 0 || v.n >= sizeof(text)) {
		imap_cmd_fail(c, ERR_USAGE, "a search key that is no word");
		return;
	}
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	imap_cmd_raw(c, text);
}

static void
put_text(struct imap_cmd *c, struct view v)
{
	if (!utf8_valid(v))
		imap_cmd_fail(c, ERR_USAGE, "the text to search for is not UTF-8");
	else
		imap_cmd_astring(c, v, "the text to search for");
}

static void
put_key(struct imap_cmd *c, const struct imap_key *k)
{
	switch (k->kind) {
	case IMAP_KEY_WORD:
		put_word(c, k->text);
		break;
	case IMAP_KEY_TEXT:
		put_text(c, k->text);
		break;
	case IMAP_KEY_FIELD:
		put_field(c, k->text);
		break;
	case IMAP_KEY_FLAG:
		if (view_starts(k->text, VIEW("\\")))
			imap_cmd_fail(c, ERR_USAGE, "a system flag is no keyword to search for");
		imap_cmd_flag(c, k->text);
		break;
	case IMAP_KEY_SET:
		imap_cmd_set(c, k->text);
		break;
	case IMAP_KEY_NUMBER:
		if (k->n < 0)
			imap_cmd_fail(c, ERR_USAGE, "a negative number to search for");
		imap_cmd_number(c, k->n < 0 ? 0 : (uint64_t)k->n);
		break;
	case IMAP_KEY_DAY:
		imap_cmd_date(c, k->n);
		break;
	case IMAP_KEY_OPEN:
		imap_cmd_raw(c, "(");
		break;
	case IMAP_KEY_CLOSE:
		imap_cmd_raw(c, ")");
		break;
	}
}

/* "( )" is no search key, and neither is what does not close. */
static bool
keys_match(const struct imap_key *keys, size_t n)
{
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (keys[i].kind == IMAP_KEY_OPEN)
			depth++;
		if (keys[i].kind == IMAP_KEY_CLOSE &&
		    (depth-- == 0 || keys[i - 1].kind == IMAP_KEY_OPEN))
			return false;
	}
	return n > 0 && depth == 0;
}

void
imap_cmd_search(struct imap_cmd *c, const struct imap_key *keys, size_t n)
{
	if (!keys_match(keys, n)) {
		imap_cmd_fail(c, ERR_USAGE, "search keys with parentheses that do not match");
		return;
	}
	if (imap_keys_8bit(keys, n) && !imap_cmd_utf8(c))
		imap_cmd_raw(c, "CHARSET UTF-8 ");
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && keys[i - 1].kind != IMAP_KEY_OPEN && keys[i].kind != IMAP_KEY_CLOSE)
			imap_cmd_raw(c, " ");
		put_key(c, &keys[i]);
	}
}
