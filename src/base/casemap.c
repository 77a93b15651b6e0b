/*
 * i;unicode-casemap (RFC 5051, 2): the key by which text is compared.
 *
 * Each character is mapped to titlecase and decomposed by compatibility, and
 * what comes out is mapped again until nothing changes, so U+01C4 gives D Z and
 * a caron, and the ligature U+FB01 gives F I.  Marks on one base are put into
 * canonical order (UAX 15), so that two spellings of the same letter are equal.
 * Padding without width, which spam puts between letters, is dropped.
 *
 * A key is UTF-8, and matching keys as bytes is the substring match of the
 * RFC: the key of "u" is found in that of "ü", since the mark comes behind.
 * By UnicodeData ı (dotless) is titlecased to I, and ß has no titlecase.
 *
 * Limits: MARKS_MAX marks on one base are ordered together, more of them in
 * portions; a character gives at most 18 (U+FDFA), so the cost is linear.
 */
#include "base/utf8.h"

#include <utf8proc.h>

#define MARKS_MAX	32	/* UAX 15's stream-safe format has at most 30 */
#define DECOMPOSED_MAX	32
#define ROUNDS_MAX	4	/* title and decompose; two are enough for Unicode 15 */

struct mark {
	uint32_t	cp;
	int		ccc;	/* canonical combining class, > 0 */
};

struct mapper {
	struct str	*out;
	struct mark	 marks[MARKS_MAX];
	size_t		 n;
};

/* Writes the marks that wait, which are in order. */
static void
flush(struct mapper *m)
{
	for (size_t i = 0; i < m->n; i++)
		utf8_put(m->out, m->marks[i].cp);
	m->n = 0;
}

static void
put_ordered(struct mapper *m, uint32_t cp)
{
	int ccc = utf8proc_get_property((utf8proc_int32_t)cp)->combining_class;
	size_t i;

	if (ccc == 0) {
		flush(m);
		utf8_put(m->out, cp);
		return;
	}
	if (m->n == MARKS_MAX)
		flush(m);
	/* Stable: behind those of its own class. */
	for (i = m->n; i > 0 && m->marks[i - 1].ccc > ccc; i--)
		m->marks[i] = m->marks[i - 1];
	m->marks[i] = (struct mark){ cp, ccc };
	m->n++;
}

static bool
is_padding(uint32_t cp)
{
	return cp == 0x00AD || (cp >= 0x200B && cp <= 0x200D) || cp == 0x2060 || cp == 0xFEFF;
}

/* RFC 5051 2, step 2 (a) and (b), once, for n characters; returns their new number. */
static size_t
map_round(const utf8proc_int32_t *in, size_t n, utf8proc_int32_t *out)
{
	const utf8proc_option_t how = UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE;
	int boundary = 0;
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		utf8proc_int32_t cp = utf8proc_totitle(in[i]);
		utf8proc_ssize_t room = (utf8proc_ssize_t)(DECOMPOSED_MAX - made);
		utf8proc_ssize_t got = room < 1 ? 0 :
		    utf8proc_decompose_char(cp, out + made, room, how, &boundary);

		if (got < 1 || got > room)
			return made;
		made += (size_t)got;
	}
	return made;
}

/* One character that is not ASCII. */
static void
map_char(struct mapper *m, uint32_t cp)
{
	utf8proc_int32_t a[DECOMPOSED_MAX], b[DECOMPOSED_MAX];
	size_t n = 1;

	if (is_padding(cp))
		return;
	a[0] = (utf8proc_int32_t)cp;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		size_t made = map_round(a, n, b);
		bool same = made == n && memcmp(a, b, n * sizeof(a[0])) == 0;

		memcpy(a, b, made * sizeof(a[0]));
		n = made;
		if (same)
			break;
	}
	for (size_t i = 0; i < n; i++)
		put_ordered(m, (uint32_t)a[i]);
}

/* Appends the run of ASCII at the start of v and returns its length. */
static size_t
map_ascii(struct str *out, struct view v)
{
	size_t n = 0;
	char *to;

	while (n < v.n && (unsigned char)v.p[n] < 0x80)
		n++;
	if ((to = str_room(out, n)) == NULL)
		return n;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		to[i] = (char)(c - ((unsigned)(c - 'a') < 26u ? 0x20 : 0));
	}
	str_grew(out, n);
	return n;
}

void
casemap(struct str *out, struct view v)
{
	struct mapper m = { .out = out };
	size_t i = 0, used;

	while (i < v.n && !out->over) {
		if ((unsigned char)v.p[i] < 0x80) {
			flush(&m);
			i += map_ascii(out, view_from(v, i));
			continue;
		}
		map_char(&m, utf8_get(view_from(v, i), &used));
		i += used;
	}
	flush(&m);
}

bool
casemap_contains(struct view hay, struct view needle_key)
{
	struct str key = STR_INIT;
	bool found;

	if (needle_key.n == 0)
		return true;
	casemap(&key, hay);
	found = view_find(str_view(&key), needle_key) >= 0;
	str_free(&key);
	return found;
}
