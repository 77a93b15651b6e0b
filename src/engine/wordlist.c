/*
 * Lists of entries, in memory or of a file that is read again when it changed.
 *
 * One hash table of casemap keys answers "is it in the list".  "Does it stand somewhere
 * in this text" is asked by the lengths that entries have: for each place of the text
 * and each length one look-up, and a small filter over the first three bytes passes by
 * most places without any.  So both cost the same for ten entries and for 50,000.
 *
 * A change is seen by the file's device, inode, size and times.  A file that was written
 * less than RACY_MS before it was read is read once more, since a second change within
 * the clock's grain would look the same.
 * Limits: WORDLIST_MAX bytes of a file, ENTRY_MAX bytes of an entry (longer: left out).
 */
#include "engine/wordlist.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/utf8.h"
#include "engine/wordlist_file.h"

#define WORDLIST_MAGIC	0x776c7331u
#define ENTRY_MAX	((size_t)4096)
#define CHECK_MS	1000
#define RACY_MS		2000
#define HEAD		((size_t)3)	/* bytes of an entry that the filter looks at */
#define FILTER_BITS	65536u

/* The entries as of one reading. */
struct entries {
	struct map	*map;			/* casemap key to any pointer */
	size_t		 lengths[ENTRY_MAX + 1];	/* how many keys have so many bytes */
	uint64_t	 filter[FILTER_BITS / 64];	/* heads of entries of HEAD bytes or more */
	size_t		 longest;
};

struct wordlist {
	uint32_t	 magic;
	int		 refs;
	char		*path;			/* NULL: in memory */
	struct entries	*entries;
	struct stat	 stamp;			/* of the file as it was read */
	bool		 racy;
	int64_t		 checked_ms;
	bool		 checked;
};

static unsigned
head_bit(const char *p)
{
	uint32_t h = ((uint32_t)(unsigned char)p[0] << 16) | ((uint32_t)(unsigned char)p[1] << 8) |
	    (unsigned char)p[2];

	return (h * 2654435761u) >> 16;
}

static struct entries *
entries_new(void)
{
	struct entries *s = xcalloc(1, sizeof(*s));

	s->map = map_new();
	return s;
}

static void
entries_free(struct entries *s)
{
	if (s == NULL)
		return;
	map_free(&s->map);
	free(s);
}

static void
entries_add(struct entries *s, struct view entry, struct str *key)
{
	str_reset(key);
	if (entry.n > ENTRY_MAX)
		return;
	casemap(key, entry);
	if (key->len == 0 || key->len > ENTRY_MAX || map_set(s->map, str_view(key), s) != NULL)
		return;
	s->lengths[key->len]++;
	s->longest = MAX(s->longest, key->len);
	if (key->len >= HEAD) {
		unsigned bit = head_bit(key->p);

		s->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
}

/* Bits of the filter stay: they only say "maybe". */
static void
entries_del(struct entries *s, struct view entry)
{
	struct str key = STR_INIT;

	casemap(&key, entry);
	if (map_del(s->map, str_view(&key)) != NULL)
		s->lengths[key.len]--;
	str_free(&key);
}

/* ---- the file */

/* The entry of a line: without a remark and without blanks around it. */
static struct view
line_entry(struct view line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '#' && (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t')) {
			line = view_sub(line, 0, i);
			break;
		}
	}
	return view_trim(line);
}

/* The line at the cursor with its line break; false at the end. */
static bool
next_line(struct scan *s, struct view *line_r)
{
	struct view rest = scan_rest(s);
	ptrdiff_t at;

	if (scan_done(s))
		return false;
	at = view_chr(rest, '\n');
	*line_r = at < 0 ? rest : view_sub(rest, 0, (size_t)at + 1);
	s->p += line_r->n;
	return true;
}

static struct entries *
entries_of_text(struct view text)
{
	struct entries *out = entries_new();
	struct str key = STR_INIT;
	struct scan s;
	struct view line;

	if (view_starts(text, VIEW("\xEF\xBB\xBF")))	/* byte order mark */
		text = view_from(text, 3);
	s = scan_of(text);
	while (next_line(&s, &line))
		entries_add(out, line_entry(line), &key);
	str_free(&key);
	return out;
}

/* Takes over what was read. */
static void
adopt(struct wordlist *l, struct view text, const struct stat *st)
{
	int64_t written_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;

	entries_free(l->entries);
	l->entries = entries_of_text(text);
	l->stamp = *st;
	l->racy = clock_wall_ms() - written_ms < RACY_MS;
}

static int
load(struct wordlist *l, struct err *e)
{
	struct str text = STR_INIT;
	struct stat st;
	int rc = wordlist_file_read(l->path, &text, &st, e);

	if (rc == 0)
		adopt(l, str_view(&text), &st);
	str_free(&text);
	return rc;
}

/* ---- the list */

struct wordlist *
wordlist_open(const char *path, struct err *e)
{
	struct wordlist *l = xcalloc(1, sizeof(*l));

	l->magic = WORDLIST_MAGIC;
	l->refs = 1;
	l->path = xstrdup(path);
	if (load(l, e) < 0)
		wordlist_free(&l);
	return l;
}

struct wordlist *
wordlist_of(const struct view *entries, size_t n)
{
	struct wordlist *l = xcalloc(1, sizeof(*l));
	struct str key = STR_INIT;

	l->magic = WORDLIST_MAGIC;
	l->refs = 1;
	l->entries = entries_new();
	for (size_t i = 0; i < n; i++)
		entries_add(l->entries, entries[i], &key);
	str_free(&key);
	return l;
}

struct wordlist *
wordlist_ref(struct wordlist *l)
{
	CHECK(l, WORDLIST_MAGIC);
	l->refs++;
	return l;
}

void
wordlist_free(struct wordlist **lp)
{
	struct wordlist *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	CHECK(l, WORDLIST_MAGIC);
	if (--l->refs > 0)
		return;
	entries_free(l->entries);
	free(l->path);
	l->magic = 0;
	free(l);
}

int
wordlist_refresh(struct wordlist *l, int64_t now_ms, struct err *e)
{
	struct stat st;

	CHECK(l, WORDLIST_MAGIC);
	if (l->path == NULL)
		return 0;
	if (l->checked && now_ms >= l->checked_ms && now_ms - l->checked_ms < CHECK_MS)
		return 0;
	l->checked = true;
	l->checked_ms = now_ms;
	if (stat(l->path, &st) == 0 && wordlist_file_same(&st, &l->stamp) && !l->racy)
		return 0;
	return load(l, e);
}

bool
wordlist_has(struct wordlist *l, struct view entry)
{
	struct str key = STR_INIT;
	bool found;

	CHECK(l, WORDLIST_MAGIC);
	casemap(&key, view_trim(entry));
	found = key.len > 0 && map_get(l->entries->map, str_view(&key)) != NULL;
	str_free(&key);
	return found;
}

bool
wordlist_has_address(struct wordlist *l, struct view address)
{
	struct str any = STR_INIT;
	size_t at = address.n;
	bool found;

	if (wordlist_has(l, address))
		return true;
	while (at > 0 && address.p[at - 1] != '@')
		at--;
	if (at == 0)
		return false;
	str_adds(&any, "*@");
	str_addv(&any, view_from(address, at));
	found = wordlist_has(l, str_view(&any));
	str_free(&any);
	return found;
}

bool
wordlist_within(struct wordlist *l, struct view key)
{
	const struct entries *s;
	size_t lengths[ENTRY_MAX], nlengths = 0;

	CHECK(l, WORDLIST_MAGIC);
	s = l->entries;
	for (size_t n = 1; n <= MIN(s->longest, key.n); n++)
		if (s->lengths[n] > 0)
			lengths[nlengths++] = n;
	for (size_t i = 0; i < key.n && nlengths > 0; i++) {
		size_t left = key.n - i;
		unsigned bit = left >= HEAD ? head_bit(key.p + i) : 0;
		bool maybe = left >= HEAD && (s->filter[bit / 64] >> (bit % 64) & 1) != 0;

		for (size_t k = 0; k < nlengths && lengths[k] <= left; k++) {
			if (lengths[k] >= HEAD && !maybe)
				break;
			if (map_get(s->map, view_n(key.p + i, lengths[k])) != NULL)
				return true;
		}
	}
	return false;
}

size_t
wordlist_count(const struct wordlist *l)
{
	CHECK(l, WORDLIST_MAGIC);
	return map_count(l->entries->map);
}

const char *
wordlist_path(const struct wordlist *l)
{
	CHECK(l, WORDLIST_MAGIC);
	return l->path;
}

/* ---- changing it */

static int
check_entry(struct view entry, struct view *clean_r, struct err *e)
{
	*clean_r = line_entry(entry);
	if (view_eq(*clean_r, view_trim(entry)) && clean_r->n > 0 && clean_r->n <= ENTRY_MAX &&
	    view_chr(*clean_r, '\n') < 0 && view_chr(*clean_r, '\r') < 0 &&
	    view_chr(*clean_r, '\0') < 0)
		return 0;
	return err_set(e, ERR_USAGE, SCOPE_PROGRAM,
	    "\"%.*s\" cannot be a list's entry: one line, not empty, no remark (#) in it",
	    (int)MIN(entry.n, 60), entry.p != NULL ? entry.p : "");
}

/* The text without the lines of the entry; *had_r: there were some. */
static void
text_without(struct view text, struct view entry, struct str *out, bool *had_r)
{
	struct wordlist *one = wordlist_of(&entry, 1);
	struct scan s = scan_of(text);
	struct view line;

	*had_r = false;
	if (view_starts(text, VIEW("\xEF\xBB\xBF"))) {
		str_addv(out, view_sub(text, 0, 3));
		s.p += 3;
	}
	while (next_line(&s, &line)) {
		if (wordlist_has(one, line_entry(line)))
			*had_r = true;
		else
			str_addv(out, line);
	}
	wordlist_free(&one);
}

static int
change(struct wordlist *l, struct view entry, bool add, struct err *e)
{
	struct str text = STR_INIT, rest = str_limited(WORDLIST_MAX);
	struct stat st;
	bool had;
	int rc = -1;

	if (wordlist_file_read(l->path, &text, &st, e) < 0)
		goto out;
	text_without(str_view(&text), entry, &rest, &had);
	if (add == had) {		/* nothing to write, but what was read is newer */
		adopt(l, str_view(&text), &st);
		rc = 0;
		goto out;
	}
	if (add) {
		if (rest.len > 0 && rest.p[rest.len - 1] != '\n')
			str_addc(&rest, '\n');
		str_addv(&rest, entry);
		str_addc(&rest, '\n');
	}
	if (rest.over) {
		err_set(e, ERR_LIMIT, SCOPE_PROGRAM, "list %s has more than %zu MiB", l->path,
		    WORDLIST_MAX >> 20);
		goto out;
	}
	if (wordlist_file_write(l->path, str_view(&rest), st.st_mode, e) < 0)
		goto out;
	rc = load(l, e);
out:
	str_free(&text);
	str_free(&rest);
	return rc;
}

int
wordlist_add(struct wordlist *l, struct view entry, struct err *e)
{
	struct str key = STR_INIT;
	struct view clean;

	CHECK(l, WORDLIST_MAGIC);
	if (check_entry(entry, &clean, e) < 0)
		return -1;
	if (l->path != NULL)
		return change(l, clean, true, e);
	entries_add(l->entries, clean, &key);
	str_free(&key);
	return 0;
}

int
wordlist_remove(struct wordlist *l, struct view entry, struct err *e)
{
	struct view clean;

	CHECK(l, WORDLIST_MAGIC);
	if (check_entry(entry, &clean, e) < 0)
		return -1;
	if (l->path != NULL)
		return change(l, clean, false, e);
	entries_del(l->entries, clean);
	return 0;
}
