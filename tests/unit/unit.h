/*
 * A unit test is one program of TEST() blocks; the runner counts lines "ok NAME"
 * and "not ok NAME: why".  An EXPECT that fails ends its test, not the program.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*unit_fn)(int *failed);
struct unit_row { const char *name; unit_fn fn; };

extern struct unit_row	unit_rows[];	/* filled by constructors, in file order */
extern size_t		unit_n;
void unit_register(const char *name, unit_fn fn);
const char *unit_tmp(void);		/* a fresh directory, removed when the program ends */

#define TEST(name_) \
	static void name_(int *unit_failed); \
	__attribute__((constructor)) static void unit_reg_##name_(void) \
	{ unit_register(#name_, name_); } \
	static void name_(int *unit_failed __attribute__((unused)))

#define UNIT_FAIL(...) do { \
	printf("# %s:%d: ", __FILE__, __LINE__); printf(__VA_ARGS__); printf("\n"); \
	*unit_failed = 1; return; \
} while (0)

#define EXPECT(cond) do { if (!(cond)) UNIT_FAIL("expected %s", #cond); } while (0)
#define EXPECT_EQ(a, b) do { \
	intmax_t unit_a = (intmax_t)(a), unit_b = (intmax_t)(b); \
	if (unit_a != unit_b) UNIT_FAIL("%s is %jd, expected %jd", #a, unit_a, unit_b); \
} while (0)
#define EXPECT_STR(a, b) do { \
	const char *unit_a = (a), *unit_b = (b); \
	if (strcmp(unit_a ? unit_a : "(null)", unit_b) != 0) \
		UNIT_FAIL("%s is \"%s\", expected \"%s\"", #a, unit_a ? unit_a : "(null)", unit_b); \
} while (0)
/* v: a struct view */
#define EXPECT_VIEW(v, b) do { \
	const char *unit_b = (b); \
	if ((v).n != strlen(unit_b) || ((v).n && memcmp((v).p, unit_b, (v).n) != 0)) \
		UNIT_FAIL("%s is \"%.*s\", expected \"%s\"", #v, (int)(v).n, (v).p ? (v).p : "", unit_b); \
} while (0)

#endif
