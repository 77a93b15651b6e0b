/*
 * The nearest name by the number of typing slips: a letter too many, missing or
 * wrong, or two neighbours swapped, of which no letter takes part in two
 * (optimal string alignment).  For names that people type: over WORD_MAX bytes
 * nothing is near, so the cost of a question is bounded by the list.
 */
#include "base/near.h"

#define WORD_MAX	64
#define ROW		(WORD_MAX + 3)	/* a name may be two letters longer */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	return MIN(MIN(a, b), c);
}

/* a and b are at most WORD_MAX and WORD_MAX + 2 long. */
static size_t
distance(struct view a, struct view b)
{
	size_t rows[3][ROW];	/* row i of the table is rows[i % 3] */

	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t	*row = rows[i % 3], *above = rows[(i - 1) % 3];
		char	 ac = lower(a.p[i - 1]);

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			char bc = lower(b.p[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ac != bc));
			if (i > 1 && j > 1 && ac == lower(b.p[j - 2]) &&
			    lower(a.p[i - 2]) == bc)
				row[j] = MIN(row[j], rows[(i - 2) % 3][j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

int
near_find(struct view word, const char *const *names, size_t n)
{
	size_t	limit = word.n < 4 ? 1 : 2;
	int	best = -1;

	if (word.n == 0 || word.n > WORD_MAX)
		return -1;
	/* After a hit only a nearer one counts: of equals the first is told. */
	for (size_t i = 0; i < n; i++) {
		struct view	name = view_of(names[i]);
		size_t		d;

		if (name.n > word.n + limit || word.n > name.n + limit)
			continue;
		d = distance(word, name);
		if (d > limit)
			continue;
		best = (int)i;
		if (d == 0)
			break;
		limit = d - 1;
	}
	return best;
}
