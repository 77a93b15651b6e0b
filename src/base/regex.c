/*
 * Regular expressions by PCRE2: 8-bit, UTF, Unicode classes, JIT where the
 * system allows executable memory and the interpreter where it does not.
 *
 * What a pattern may cost is bounded three times: its length, nesting and groups
 * when it is compiled, the match limit when it runs, and its memory by a JIT
 * stack of its own or, interpreted, by the heap limit.  REGEX_DEPTH_LIMIT is the
 * nesting of parentheses: taken as PCRE2's backtracking depth it would refuse
 * ^(a|b)*$ on a line of 250 letters, and JIT does not know it.
 *
 * Subjects must be UTF-8.  The check is ours and remembered for the next start
 * on the same bytes, so that walking all matches of a text stays linear.
 * PCRE2_MATCH_INVALID_UTF stands behind it: a caller who changed the bytes
 * between two starts gets a wrong answer, not a read outside of them.  (The
 * interpreter checks again on each start; only there a walk is quadratic.)
 */
#include "base/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "base/utf8.h"

#define REGEX_MAGIC	0x4e9e70c1u
#define JIT_STACK_FIRST	((size_t)32 << 10)
#define JIT_STACK_MAX	((size_t)512 << 10)
#define KEEP_SUBJECT	((size_t)64 << 10)	/* interpreter frames of longer ones are freed */

struct regex {
	uint32_t		 magic;
	unsigned		 refs;
	unsigned		 flags;
	uint32_t		 groups;
	bool			 jit;
	char			*pattern;	/* n bytes and a NUL */
	size_t			 pattern_n;
	const char		**names;	/* groups + 1, pointing into the code */
	pcre2_code		*code;
	pcre2_match_context	*mctx;
	pcre2_jit_stack		*stack;		/* NULL before the first match */
	pcre2_match_data	*data;		/* NULL before the first match */
	struct view		 checked;	/* valid UTF-8 when last seen */
};

static const struct {
	char		letter;
	unsigned	flag;
	uint32_t	option;
} flag_table[] = {
	{ 'i', REGEX_CASELESS, PCRE2_CASELESS },
	{ 'm', REGEX_MULTILINE, PCRE2_MULTILINE },
	{ 's', REGEX_DOTALL, PCRE2_DOTALL },
	{ 'x', REGEX_EXTENDED, PCRE2_EXTENDED },
	{ '\0', REGEX_ANCHORED, PCRE2_ANCHORED },	/* has no letter */
};

int
regex_flags(struct view letters, unsigned *flags_r, struct err *e)
{
	unsigned flags = 0;

	for (size_t i = 0; i < letters.n; i++) {
		size_t k = 0;

		if (letters.p[i] == ' ')
			continue;
		while (k < ARRAY_LEN(flag_table) && (flag_table[k].letter == '\0' ||
		    flag_table[k].letter != letters.p[i]))
			k++;
		if (k == ARRAY_LEN(flag_table))
			return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "unknown flag \"%.*s\" of a "
			    "regular expression: the flags are i, m, s and x",
			    (int)utf8_clip(view_from(letters, i), 4), letters.p + i);
		flags |= flag_table[k].flag;
	}
	*flags_r = flags;
	return 0;
}

static uint32_t
compile_options(unsigned flags)
{
	/* \C would end a match inside of a character. */
	uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF |
	    PCRE2_NEVER_BACKSLASH_C;

	for (size_t k = 0; k < ARRAY_LEN(flag_table); k++)
		if (flags & flag_table[k].flag)
			options |= flag_table[k].option;
	return options;
}

static int
compile(struct regex *re, size_t *offset_r, struct err *e)
{
	pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR why[200];
	PCRE2_SIZE at = 0;
	int code = PCRE2_ERROR_NOMEMORY;

	if (ctx != NULL) {
		pcre2_set_parens_nest_limit(ctx, REGEX_DEPTH_LIMIT);
		re->code = pcre2_compile((PCRE2_SPTR)re->pattern, re->pattern_n,
		    compile_options(re->flags), &code, &at, ctx);
		pcre2_compile_context_free(ctx);
	}
	if (re->code != NULL)
		return 0;
	*offset_r = MIN(at, re->pattern_n);
	if (pcre2_get_error_message(code, why, ARRAY_LEN(why)) < 0)
		why[0] = '\0';
	return err_set(e, ERR_USAGE, SCOPE_MESSAGE,
	    "regular expression: %s at offset %zu", (const char *)why, *offset_r);
}

/* Fills names from PCRE2's table: rows of a big-endian number and a C string. */
static void
read_names(struct regex *re)
{
	uint32_t count = 0, width = 0;
	PCRE2_SPTR row = NULL;

	re->names = xcalloc(re->groups + 1, sizeof(*re->names));
	(void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &count);
	(void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &width);
	(void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &row);
	for (uint32_t i = 0; i < count; i++, row += width) {
		uint32_t group = (uint32_t)row[0] << 8 | row[1];

		if (group <= re->groups)
			re->names[group] = (const char *)row + 2;
	}
}

static int
prepare(struct regex *re, size_t *offset_r, struct err *e)
{
	if (re->pattern_n > REGEX_PATTERN_MAX)
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "regular expression of %zu bytes: "
		    "at most %u are allowed", re->pattern_n, REGEX_PATTERN_MAX);
	if (compile(re, offset_r, e) < 0)
		return -1;
	(void)pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &re->groups);
	if (re->groups > REGEX_GROUPS_MAX)
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE, "regular expression with %u groups: "
		    "at most %u are allowed, (?:...) does not count",
		    (unsigned)re->groups, REGEX_GROUPS_MAX);
	read_names(re);
	if ((re->mctx = pcre2_match_context_create(NULL)) == NULL)
		return err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "regular expression: out of memory");
	(void)pcre2_set_match_limit(re->mctx, REGEX_MATCH_LIMIT);
	(void)pcre2_set_heap_limit(re->mctx, REGEX_HEAP_KIB);
	/* It may fail where memory must not be executable: pcre2_match then interprets. */
	re->jit = pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0;
	return 0;
}

struct regex *
regex_new(struct view pattern, unsigned flags, size_t *offset_r, struct err *e)
{
	struct regex *re = xcalloc(1, sizeof(*re));
	size_t offset = 0;

	re->magic = REGEX_MAGIC;
	re->refs = 1;
	re->flags = flags;
	re->pattern = xmemdup0(pattern.p, pattern.n);
	re->pattern_n = pattern.n;
	if (prepare(re, &offset, e) < 0)
		regex_free(&re);
	if (offset_r != NULL)
		*offset_r = offset;
	return re;
}

struct regex *
regex_ref(struct regex *re)
{
	CHECK(re, REGEX_MAGIC);
	(void)__atomic_add_fetch(&re->refs, 1, __ATOMIC_RELAXED);
	return re;
}

void
regex_free(struct regex **rep)
{
	struct regex *re = *rep;

	*rep = NULL;
	if (re == NULL)
		return;
	CHECK(re, REGEX_MAGIC);
	if (__atomic_sub_fetch(&re->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pcre2_match_data_free(re->data);
	pcre2_match_context_free(re->mctx);
	pcre2_jit_stack_free(re->stack);
	pcre2_code_free(re->code);
	free(re->names);
	free(re->pattern);
	re->magic = 0;
	free(re);
}

struct view
regex_pattern(const struct regex *re)
{
	CHECK(re, REGEX_MAGIC);
	return view_n(re->pattern, re->pattern_n);
}

unsigned
regex_flags_of(const struct regex *re)
{
	CHECK(re, REGEX_MAGIC);
	return re->flags;
}

unsigned
regex_groups(const struct regex *re)
{
	CHECK(re, REGEX_MAGIC);
	return re->groups;
}

const char *
regex_group_name(const struct regex *re, unsigned i)
{
	CHECK(re, REGEX_MAGIC);
	return i <= re->groups ? re->names[i] : NULL;
}

/* The subject is UTF-8 and start is at a character, or ERR_USAGE. */
static int
check_subject(struct regex *re, struct view v, size_t start, struct err *e)
{
	bool known = start > 0 && v.p == re->checked.p && v.n == re->checked.n;

	if (start > v.n)
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE,
		    "a match cannot start at offset %zu of %zu bytes", start, v.n);
	if (!known && !utf8_valid(v)) {
		re->checked = VIEW_NONE;
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE,
		    "the text for a regular expression is not valid UTF-8");
	}
	re->checked = v;
	if (start < v.n && ((unsigned char)v.p[start] & 0xC0) == 0x80)
		return err_set(e, ERR_USAGE, SCOPE_MESSAGE,
		    "a match cannot start inside of a character (offset %zu)", start);
	return 0;
}

/* What only a regex that is used needs. */
static int
make_room(struct regex *re, struct err *e)
{
	if (re->data == NULL)
		re->data = pcre2_match_data_create_from_pattern(re->code, NULL);
	if (re->data == NULL)
		return err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "regular expression: out of memory");
	if (re->jit && re->stack == NULL) {
		/* Without one, JIT takes 32 KiB of the machine's stack. */
		re->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
		pcre2_jit_stack_assign(re->mctx, NULL, re->stack);
	}
	return 0;
}

static int
match_failed(int code, struct err *e)
{
	PCRE2_UCHAR why[200];

	switch (code) {
	case PCRE2_ERROR_MATCHLIMIT:
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
	case PCRE2_ERROR_JIT_STACKLIMIT:
	case PCRE2_ERROR_NOMEMORY:
	case PCRE2_ERROR_RECURSELOOP:
		return err_set(e, ERR_LIMIT, SCOPE_MESSAGE, "regular expression: %s on this text",
		    code == PCRE2_ERROR_MATCHLIMIT ? "too many steps" :
		    code == PCRE2_ERROR_RECURSELOOP ? "endless recursion" : "too much memory");
	default:
		if (pcre2_get_error_message(code, why, ARRAY_LEN(why)) < 0)
			why[0] = '\0';
		return err_set(e, ERR_SYSTEM, SCOPE_MESSAGE, "regular expression: %s (%d)",
		    (const char *)why, code);
	}
}

static void
read_spans(const struct regex *re, int set, struct regex_span *spans)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(re->data);

	for (uint32_t i = 0; i <= re->groups; i++) {
		spans[i] = (struct regex_span){ -1, -1 };
		if (i >= (uint32_t)set || at[2 * i] == PCRE2_UNSET)
			continue;
		spans[i].start = (ptrdiff_t)at[2 * i];
		/* \K can put the start of a match behind its end. */
		spans[i].end = (ptrdiff_t)MAX(at[2 * i], at[2 * i + 1]);
	}
}

int
regex_match(struct regex *re, struct view subject, size_t start, struct regex_span *spans,
	struct err *e)
{
	int rc;

	CHECK(re, REGEX_MAGIC);
	if (check_subject(re, subject, start, e) < 0 || make_room(re, e) < 0)
		return -1;
	rc = pcre2_match(re->code, (PCRE2_SPTR)(subject.p ? subject.p : ""), subject.n, start,
	    PCRE2_NO_UTF_CHECK, re->data, re->mctx);
	if (rc > 0 && spans != NULL)
		read_spans(re, rc, spans);
	if (!re->jit && (rc < PCRE2_ERROR_NOMATCH || subject.n > KEEP_SUBJECT)) {
		/* It keeps the interpreter's frames, up to the heap limit. */
		pcre2_match_data_free(re->data);
		re->data = NULL;
	}
	if (rc > 0)
		return 1;
	return rc == PCRE2_ERROR_NOMATCH ? 0 : match_failed(rc, e);
}
