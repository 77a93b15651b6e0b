/*
 * Actions: their names, their copies, one line for people and one for the state.
 *
 * The line for the state is a JSON object of the arguments that are set, in a fixed
 * order: {"account":"home","mailbox":"Lists/dev"}, flags as the text of flags_print().
 * The reader accepts just what the writer makes, plus blanks: an unknown or repeated
 * name, a value that is no string or bytes behind the object are a damaged state.
 * Strings are written as they are but for ", \ and control bytes, so a path that is
 * not UTF-8 comes back unchanged.
 * Limits: a stored line is at most JSON_MAX bytes.
 */
#include "engine/action.h"

#include "base/scan.h"
#include "base/utf8.h"

#define JSON_MAX	((size_t)1 << 20)
#define SHOWN_MAX	200u	/* characters of a name or path in a line for people */

static const struct verb_row {
	const char	*name;
	bool		 away;
} verb_rows[VERB_COUNT] = {
#define X(sym, name, away, makes) { name, away },
	VERBS(X)
#undef X
};

/* The arguments that are one string each, in the order in which they are stored. */
static const struct text_row {
	const char	*name;
	size_t		 offset;
} text_rows[] = {
	{ "account", offsetof(struct action, account) },
	{ "mailbox", offsetof(struct action, mailbox) },
	{ "path", offsetof(struct action, path) },
	{ "part", offsetof(struct action, part) },
};

const char *
verb_name(enum verb v)
{
	assert(v < VERB_COUNT);
	return verb_rows[v].name;
}

int
verb_find(struct view name)
{
	for (int v = 0; v < VERB_COUNT; v++)
		if (view_is(name, verb_rows[v].name))
			return v;
	return -1;
}

bool
verb_takes_away(enum verb v)
{
	assert(v < VERB_COUNT);
	return verb_rows[v].away;
}

void
action_free(struct action *a)
{
	flags_free(&a->flags);
	free(a->account);
	free(a->mailbox);
	free(a->path);
	free(a->part);
	blob_free(&a->bytes);
	free(a->rule);
	free(a->token);
	*a = (struct action){ 0 };
}

void
actions_free(struct actions *l)
{
	for (size_t i = 0; i < l->n; i++)
		action_free(&l->at[i]);
	VEC_FREE(l);
}

static char *
dup_or_null(const char *z)
{
	return z != NULL ? xstrdup(z) : NULL;
}

void
action_copy(struct action *to, const struct action *from)
{
	*to = (struct action){ .verb = from->verb, .row = from->row, .done = from->done };
	flags_copy(&to->flags, &from->flags);
	to->account = dup_or_null(from->account);
	to->mailbox = dup_or_null(from->mailbox);
	to->path = dup_or_null(from->path);
	to->part = dup_or_null(from->part);
	to->bytes = from->bytes != NULL ? blob_ref(from->bytes) : NULL;
	to->rule = dup_or_null(from->rule);
	to->token = dup_or_null(from->token);
}

static void
print_target(struct str *out, const struct action *a, const char *account)
{
	if (a->mailbox == NULL)
		return;
	str_adds(out, " to ");
	if (a->account != NULL && (account == NULL || strcmp(a->account, account) != 0)) {
		utf8_printable(out, view_of(a->account), SHOWN_MAX);
		str_addc(out, ':');
	}
	utf8_printable(out, view_of(a->mailbox), SHOWN_MAX);
}

void
action_print(struct str *out, const struct action *a, const char *account)
{
	str_adds(out, verb_name(a->verb));
	switch (a->verb) {
	case VERB_FLAG:
	case VERB_UNFLAG:
		str_addc(out, ' ');
		flags_print(out, &a->flags);
		break;
	case VERB_SAVE:
		if (a->part != NULL)
			str_addf(out, " part %s as", a->part);
		str_addc(out, ' ');
		utf8_printable(out, view_of(a->path), SHOWN_MAX);
		break;
	case VERB_REPLACE:
		str_addf(out, " by %zu bytes", blob_view(a->bytes).n);
		break;
	default:
		print_target(out, a, account);
	}
}

/* ---- the line for the state */

static void
store_string(struct str *out, struct view v)
{
	str_addc(out, '"');
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c < ' ') {
			str_addf(out, "\\u%04x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			str_addc(out, '\\');
		str_addc(out, (char)c);
	}
	str_addc(out, '"');
}

static void
store_member(struct str *out, const char *comma, const char *name, struct view value)
{
	str_addf(out, "%s\"%s\":", comma, name);
	store_string(out, value);
}

void
action_store(struct str *out, const struct action *a)
{
	struct str flags = STR_INIT;
	const char *comma = "";

	str_addc(out, '{');
	flags_print(&flags, &a->flags);
	if (flags.len > 0) {
		store_member(out, comma, "flags", str_view(&flags));
		comma = ",";
	}
	str_free(&flags);
	for (size_t i = 0; i < ARRAY_LEN(text_rows); i++) {
		const char *text = *(char *const *)(const void *)
		    ((const char *)a + text_rows[i].offset);

		if (text == NULL)
			continue;
		store_member(out, comma, text_rows[i].name, view_of(text));
		comma = ",";
	}
	str_addc(out, '}');
}

/* "\" was read: the byte behind it, or \u00XX of a control byte but NUL. */
static bool
load_escape(struct scan *s, struct str *out)
{
	static const char hex[] = "0123456789abcdef";
	const char *hi, *lo;

	if (scan_peek(s) == '"' || scan_peek(s) == '\\') {
		str_addc(out, *s->p++);
		return true;
	}
	if (s->end - s->p < 5 || memcmp(s->p, "u00", 3) != 0 || s->p[3] == '\0' ||
	    s->p[4] == '\0')
		return false;
	hi = strchr(hex, s->p[3]);
	lo = strchr(hex, s->p[4]);
	if (hi == NULL || lo == NULL || hi - hex > 1 || hi - hex + (lo - hex) == 0)
		return false;
	str_addc(out, (char)((hi - hex) * 16 + (lo - hex)));
	s->p += 5;
	return true;
}

static bool
load_string(struct scan *s, struct str *out)
{
	str_reset(out);
	scan_blank(s);
	if (!scan_char(s, '"'))
		return false;
	while (!scan_done(s)) {
		char c = *s->p++;

		if (c == '"')
			return true;
		if ((unsigned char)c < ' ')
			return false;
		if (c != '\\')
			str_addc(out, c);
		else if (!load_escape(s, out))
			return false;
	}
	return false;
}

static bool
load_member(struct action *a, struct scan *s, struct str *name, struct str *value, struct err *e)
{
	if (!load_string(s, name))
		return false;
	scan_blank(s);
	if (!scan_char(s, ':') || !load_string(s, value))
		return false;
	if (view_is(str_view(name), "flags"))
		return a->flags.sys == 0 && a->flags.n == 0 &&
		    flags_scan(&a->flags, str_view(value), e) == 0;
	for (size_t i = 0; i < ARRAY_LEN(text_rows); i++) {
		char **text = (char **)(void *)((char *)a + text_rows[i].offset);

		if (!view_is(str_view(name), text_rows[i].name))
			continue;
		if (*text != NULL)
			return false;
		*text = view_dup(str_view(value));
		return true;
	}
	return false;
}

static bool
load_object(struct action *a, struct scan *s, struct err *e)
{
	struct str name = STR_INIT, value = STR_INIT;
	bool good = false;

	scan_blank(s);
	if (!scan_char(s, '{'))
		goto out;
	scan_blank(s);
	if (!scan_char(s, '}')) {
		do {
			if (!load_member(a, s, &name, &value, e))
				goto out;
			scan_blank(s);
		} while (scan_char(s, ','));
		if (!scan_char(s, '}'))
			goto out;
	}
	scan_blank(s);
	good = scan_done(s);
out:
	str_free(&name);
	str_free(&value);
	return good;
}

/* What the verb cannot be done without; bytes of REPLACE are in the spool. */
static bool
is_complete(const struct action *a)
{
	switch (a->verb) {
	case VERB_FLAG:
	case VERB_UNFLAG:
		return a->flags.sys != 0 || a->flags.n > 0;
	case VERB_COPY:
	case VERB_MOVE:
		return a->mailbox != NULL && a->account != NULL;
	case VERB_SAVE:
		return a->path != NULL;
	default:
		return true;
	}
}

int
action_load(struct action *a, enum verb verb, struct view json, struct err *e)
{
	struct scan s = scan_of(json);
	struct err why = ERR_NONE;

	*a = (struct action){ .verb = verb };
	if (json.n <= JSON_MAX && load_object(a, &s, &why) && is_complete(a))
		return 0;
	action_free(a);
	return err_set(e, ERR_SYSTEM, SCOPE_MAILBOX,
	    "the state holds no arguments of \"%s\": %.*s%s%s", verb_name(verb), (int)MIN(json.n, 100), json.p != NULL ? json.p : "",
	    err_is(&why) ? ": " : "", why.text);
}
