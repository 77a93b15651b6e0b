/*
 * Reads talks: lines by their first characters, macros from lib/ in place, literals
 * counted.  Files are ours: what is wrong in one is told with its line, and the talk
 * fails.
 */
#include "talk_script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define DEPTH_MAX	4u
#define ARGS_MAX	9u

struct reader {
	struct talk_script *t;
	const char	*dir;
	char		*why;
	size_t		 why_size;
	struct talk_bytes *block;	/* S lines go here; NULL: the next one begins a block */
	size_t		 counted;	/* of block: where the length of the literal belongs */
	size_t		 literal;	/* ... and where it begins; 0: no literal is open */
	unsigned	 depth;
};

static int
complain(struct reader *r, const char *path, unsigned line, const char *what)
{
	snprintf(r->why, r->why_size, "%s:%u: %s", path, line, what);
	return -1;
}

/* ---- bytes of the server */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%1" a tag, "%{0d0a}" bytes, "%%" a percent sign. */
static bool
add_text(struct talk_bytes *b, const char *p)
{
	for (; *p != '\0'; p++) {
		if (*p != '%') {
			str_addc(&b->bytes, *p);
		} else if (p[1] == '%') {
			str_addc(&b->bytes, *++p);
		} else if (p[1] == '{') {
			for (p += 2; *p != '}'; p += 2) {
				if (hex(p[0]) < 0 || hex(p[1]) < 0)
					return false;
				str_addc(&b->bytes, (char)(hex(p[0]) << 4 | hex(p[1])));
			}
		} else if (isalnum((unsigned char)p[1])) {
			struct talk_fixup f = { b->bytes.len, *++p };

			VEC_PUSH(&b->fixups, f);
		} else {
			return false;
		}
	}
	return true;
}

/* The literal that was open is complete: its length goes where "{}" stood. */
static void
close_literal(struct reader *r)
{
	struct talk_bytes *b = r->block;
	struct str whole = STR_INIT;
	size_t before = b->bytes.len;

	if (r->literal == 0)
		return;
	str_add(&whole, b->bytes.p, r->counted);
	str_addf(&whole, "%zu", b->bytes.len - r->literal);
	str_addv(&whole, view_from(str_view(&b->bytes), r->counted));
	for (size_t i = 0; i < b->fixups.n; i++)
		if (b->fixups.at[i].off > r->counted)
			b->fixups.at[i].off += whole.len - before;
	str_free(&b->bytes);
	b->bytes = whole;
	r->literal = 0;
}

static struct talk_step *
new_step(struct reader *r, enum talk_kind kind, unsigned line)
{
	struct talk_step s = { .kind = kind, .line = line, .included = r->depth > 0 };

	if (r->block != NULL)
		close_literal(r);
	r->block = NULL;
	VEC_PUSH(&r->t->steps, s);
	return &r->t->steps.at[r->t->steps.n - 1];
}

/* "S: ", "S| " (a line of a literal), "S- " (without the end of the line). */
static bool
server_line(struct reader *r, char how, const char *text, unsigned line)
{
	size_t n = strlen(text);

	if (r->block == NULL)
		r->block = &new_step(r, TALK_SERVER, line)->server;
	if (how == '|') {
		if (r->literal == 0)
			return false;
		return add_text(r->block, text) && (str_adds(&r->block->bytes, "\r\n"), true);
	}
	if (how == '*') {	/* "S* 1000 text": so many lines of it */
		unsigned long times = strtoul(text, NULL, 10);

		text = strchr(text, ' ');
		for (; r->literal != 0 && text != NULL && times > 0; times--)
			str_addf(&r->block->bytes, "%s\r\n", text + 1);
		return r->literal != 0 && text != NULL;
	}
	if (how == '/') {	/* the last line of a literal, without an end */
		if (r->literal == 0)
			return false;
		return add_text(r->block, text);
	}
	close_literal(r);
	if (!add_text(r->block, text))
		return false;
	if (n >= 2 && strcmp(text + n - 2, "{}") == 0 && how == ':') {
		r->counted = r->block->bytes.len - 1;
		str_adds(&r->block->bytes, "\r\n");
		r->literal = r->block->bytes.len;
		return true;
	}
	if (how == ':')
		str_adds(&r->block->bytes, "\r\n");
	return true;
}

/* ---- lines */

static int read_file(struct reader *r, const char *path, char *const *args, size_t nargs);

static int
include(struct reader *r, const char *path, unsigned line, const char *text)
{
	char *words = xstrdup(text), *save = NULL, *args[ARGS_MAX + 1];
	char file[600];
	size_t n = 0;
	int rc;

	for (char *w = strtok_r(words, " ", &save); w != NULL && n <= ARGS_MAX;
	    w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	if (n == 0 || r->depth == DEPTH_MAX) {
		free(words);
		return complain(r, path, line, "no macro, or macros too deep");
	}
	snprintf(file, sizeof(file), "%s/lib/%s.inc", r->dir, args[0]);
	r->depth++;
	if (r->block != NULL)
		close_literal(r);
	r->block = NULL;
	rc = read_file(r, file, args + 1, n - 1);
	if (r->block != NULL)
		close_literal(r);
	r->block = NULL;
	r->depth--;
	free(words);
	return rc;
}

static void
option(struct talk_script *t, const char *text)
{
	const char *blank = strchr(text, ' ');
	struct talk_option o;

	o.name = blank != NULL ? view_dup(view_n(text, (size_t)(blank - text))) : xstrdup(text);
	o.value = xstrdup(blank != NULL ? blank + 1 : "");
	VEC_PUSH(&t->options, o);
}

static int
one_line(struct reader *r, const char *path, unsigned line, const char *s)
{
	const char *text = s[0] != '\0' && s[1] != '\0' && s[2] == ' ' ? s + 3 : s + MIN(strlen(s), (size_t)2);
	struct talk_step *step;

	if (s[0] == 'S' && strchr(":|*/-", s[1]) != NULL && s[1] != '\0')
		return server_line(r, s[1], text, line) ? 0 :
		    complain(r, path, line, "a literal without {}, or a bad % escape");
	if (s[0] == '\0')
		return 0;
	if (s[0] == '#') {
		if (r->t->about == NULL && r->depth == 0)
			r->t->about = xstrdup(s[1] == ' ' ? s + 2 : s + 1);
		return 0;
	}
	if (s[0] == 'C' && (s[1] == ':' || s[1] == '+')) {
		step = new_step(r, TALK_CLIENT, line);
		step->text = xstrdup(text);
		step->joined = s[1] == '+';
		return 0;
	}
	if (s[0] == '?' && s[1] == ':') {
		struct talk_rule rule = { .pattern = xstrdup(text) };

		if (r->block != NULL)
			close_literal(r);
		VEC_ROOM(&r->t->rules, 1);
		r->t->rules.at[r->t->rules.n] = rule;
		r->block = &r->t->rules.at[r->t->rules.n++].answer;
		return 0;
	}
	if (s[0] == 'L' && s[1] == ':') {
		str_adds(&r->t->lua, text);
		str_addc(&r->t->lua, '\n');
		return 0;
	}
	if (s[0] == '!') {
		option(r->t, s + 1);
		return 0;
	}
	if (s[0] == '@')
		return include(r, path, line, s + 1);
	if (s[0] == '[') {
		step = new_step(r, TALK_CONNECTION, line);
		step->number = (unsigned)strtoul(s + 1, NULL, 10);
		return step->number > 0 ? 0 : complain(r, path, line, "[N] counts from 1");
	}
	if ((s[0] == '>' || s[0] == '=') && s[1] == ' ') {
		step = new_step(r, s[0] == '>' ? TALK_DO : TALK_EXPECT, line);
		step->text = xstrdup(s + 2);
		return 0;
	}
	return complain(r, path, line, "what line is this?");
}

static void
with_args(const char *s, char *const *args, size_t nargs, struct str *out)
{
	for (; *s != '\0'; s++) {
		if (s[0] == '$' && s[1] >= '1' && s[1] <= '9') {
			size_t n = (size_t)(*++s - '1');

			str_adds(out, n < nargs ? args[n] : "");
		} else if (s[0] == '$' && s[1] == '*') {
			s++;
			for (size_t i = 0; i < nargs; i++)
				str_addf(out, "%s%s", i > 0 ? " " : "", args[i]);
		} else {
			str_addc(out, *s);
		}
	}
}

static int
read_file(struct reader *r, const char *path, char *const *args, size_t nargs)
{
	FILE *f = fopen(path, "r");
	struct str text = STR_INIT;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	unsigned number = 0;
	int rc = 0;

	if (f == NULL)
		return complain(r, path, 0, "cannot be read");
	while (rc == 0 && (n = getline(&line, &cap, f)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		str_reset(&text);
		if (r->depth > 0)
			with_args(line, args, nargs, &text);
		else
			str_adds(&text, line);
		rc = one_line(r, path, ++number, str_z(&text));
	}
	free(line);
	str_free(&text);
	fclose(f);
	return rc;
}

int
talk_read(struct talk_script *t, const char *path, char *why, size_t size)
{
	struct reader r = { .t = t, .why = why, .why_size = size };
	const char *slash = strrchr(path, '/');
	char *dir = slash != NULL ? view_dup(view_n(path, (size_t)(slash - path))) : xstrdup(".");
	int rc;

	*t = (struct talk_script){ 0 };
	r.dir = dir;
	rc = read_file(&r, path, NULL, 0);
	if (r.block != NULL)
		close_literal(&r);
	free(dir);
	if (rc == 0 && (t->about == NULL || strchr(t->about, ':') == NULL))
		rc = complain(&r, path, 1, "the first line names no server and no fact");
	if (rc == 0 && t->steps.n == 0)
		rc = complain(&r, path, 1, "nothing is said");
	return rc;
}

static void
bytes_free(struct talk_bytes *b)
{
	str_free(&b->bytes);
	VEC_FREE(&b->fixups);
}

void
talk_free(struct talk_script *t)
{
	for (size_t i = 0; i < t->options.n; i++) {
		free(t->options.at[i].name);
		free(t->options.at[i].value);
	}
	for (size_t i = 0; i < t->steps.n; i++) {
		free(t->steps.at[i].text);
		bytes_free(&t->steps.at[i].server);
	}
	for (size_t i = 0; i < t->rules.n; i++) {
		free(t->rules.at[i].pattern);
		bytes_free(&t->rules.at[i].answer);
	}
	VEC_FREE(&t->options);
	VEC_FREE(&t->steps);
	VEC_FREE(&t->rules);
	str_free(&t->lua);
	free(t->about);
	*t = (struct talk_script){ 0 };
}

const char *
talk_option(const struct talk_script *t, const char *name)
{
	for (size_t i = t->options.n; i-- > 0;)
		if (strcmp(t->options.at[i].name, name) == 0)
			return t->options.at[i].value;
	return NULL;
}

/* ---- matching */

/* One run of the pattern up to "...", at exactly p; *p_r behind it. */
static bool
match_run(const char *pattern, size_t n, struct view line, size_t *at, struct talk_slots *slots)
{
	size_t p = *at;

	for (size_t i = 0; i < n; i++) {
		if (pattern[i] == '%' && i + 1 < n && isalnum((unsigned char)pattern[i + 1])) {
			char *tag = slots->tag[(unsigned char)pattern[++i]];
			size_t len = 0;

			while (p < line.n && isalnum((unsigned char)line.p[p]) && len < 39)
				tag[len++] = line.p[p++];
			tag[len] = '\0';
			if (len == 0)
				return false;
			continue;
		}
		if (pattern[i] == '%' && i + 1 < n && pattern[i + 1] == '%')
			i++;
		if (p == line.n || line.p[p] != pattern[i])
			return false;
		p++;
	}
	*at = p;
	return true;
}

/* Runs between "..." are looked for from the left, the last one at the end. */
bool
talk_match(const char *pattern, struct view line, struct talk_slots *slots)
{
	struct talk_slots found = *slots;
	size_t at = 0;
	bool first = true;

	for (;;) {
		const char *gap = strstr(pattern, "...");
		size_t n = gap != NULL ? (size_t)(gap - pattern) : strlen(pattern);
		size_t start = at;
		bool fits = false;

		for (; start <= line.n && !fits; start++) {
			at = start;
			fits = match_run(pattern, n, line, &at, &found) &&
			    (gap != NULL || at == line.n);
			if (first)
				break;
		}
		if (!fits)
			return false;
		if (gap == NULL)
			break;
		pattern = gap + 3;
		first = false;
	}
	*slots = found;
	return true;
}

void
talk_keep(struct talk_slots *to, const struct talk_slots *found)
{
	for (int c = 'A'; c <= 'Z'; c++)
		memcpy(to->tag[c], found->tag[c], sizeof(to->tag[c]));
}

void
talk_fill(const struct talk_bytes *b, const struct talk_slots *slots, struct str *out)
{
	size_t at = 0;

	for (size_t i = 0; i < b->fixups.n; i++) {
		const struct talk_fixup *f = &b->fixups.at[i];

		str_addv(out, view_sub(str_view(&b->bytes), at, f->off - at));
		str_adds(out, slots->tag[(unsigned char)f->slot]);
		at = f->off;
	}
	str_addv(out, view_from(str_view(&b->bytes), at));
}

int64_t
talk_ms(const char *text)
{
	static const struct { const char *unit; int64_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 },
	};
	char *end;
	long n = strtol(text, &end, 10);

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (end != text && strcmp(end, units[i].unit) == 0)
			return n * units[i].ms;
	return -1;
}
