/*
 * The error value.  The text is made in a buffer on the stack and copied one
 * character at a time, so that it is one line of valid UTF-8 whatever a server
 * said: control characters (C0, DEL, C1) and bytes that are not UTF-8 become
 * '?'.  Nothing is allocated: an error can be told when memory is short.
 * Limits: the text holds 399 bytes; of a prefix no more than half of them.
 */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define TEXT_MAX	(sizeof(((struct err *)0)->text) - 1)
#define PREFIX_MAX	(TEXT_MAX / 2)
/* A character that begins inside the limit is in the buffer as a whole. */
#define RAW_SIZE	(TEXT_MAX + 4)

static bool
is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

/* Copies the characters of src that fit into max bytes and a NUL; the length. */
static size_t
copy_line(char *dst, size_t max, const char *src)
{
	struct view	rest = view_of(src);
	size_t		len = 0, at = 0, used;

	while (rest.n > 0) {
		uint32_t cp = utf8_get(rest, &used);

		/* By the source's offset: its last bytes may be half a character. */
		if (at + used > max)
			break;
		if (is_control(cp) || (cp == 0xfffd && used == 1)) {
			dst[len++] = '?';
		} else {
			memcpy(dst + len, rest.p, used);
			len += used;
		}
		at += used;
		rest = view_from(rest, used);
	}
	dst[len] = '\0';
	return len;
}

/* At most max bytes of the formatted line and a NUL; the length. */
static size_t PRINTF(3, 0)
format_line(char *dst, size_t max, const char *fmt, va_list ap)
{
	char raw[RAW_SIZE];

	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		return copy_line(dst, max, "(a message that cannot be printed)");
	return copy_line(dst, max, raw);
}

int
err_vset(struct err *e, enum err_kind kind, enum err_scope scope, const char *fmt,
    va_list ap)
{
	assert(kind != ERR_OK);
	if (e == NULL || err_is(e))
		return -1;
	e->kind = kind;
	e->scope = scope;
	e->temporary = false;
	format_line(e->text, TEXT_MAX, fmt, ap);
	return -1;
}

int
err_set(struct err *e, enum err_kind kind, enum err_scope scope, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, kind, scope, fmt, ap);
	va_end(ap);
	return -1;
}

/* The system has no room or no hands for anybody: not the fault of what was tried. */
static bool
is_shortage(int errnum)
{
	static const int shortages[] = { ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM };

	for (size_t i = 0; i < ARRAY_LEN(shortages); i++)
		if (errnum == shortages[i])
			return true;
	return false;
}

int
err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	char	reason[128];
	size_t	len, reason_len;
	va_list	ap;

	if (e == NULL || err_is(e))
		return -1;
	e->kind = ERR_SYSTEM;
	e->temporary = is_shortage(errnum);
	e->scope = e->temporary ? SCOPE_ACCOUNT : SCOPE_MESSAGE;
	/* The texts of the system's own numbers are constants: safe in threads. */
	reason_len = copy_line(reason, sizeof(reason) - 1, strerror(errnum));
	va_start(ap, fmt);
	/* A long name gives way: the reason is what the reader needs. */
	len = format_line(e->text, TEXT_MAX - reason_len - 2, fmt, ap);
	va_end(ap);
	memcpy(e->text + len, ": ", 2);
	memcpy(e->text + len + 2, reason, reason_len + 1);
	return -1;
}

void
err_prefix(struct err *e, const char *fmt, ...)
{
	char	line[sizeof(e->text)];
	size_t	len;
	va_list	ap;

	if (e == NULL || !err_is(e))
		return;
	va_start(ap, fmt);
	len = format_line(line, PREFIX_MAX, fmt, ap);
	va_end(ap);
	memcpy(line + len, ": ", 2);
	len += 2;
	len += copy_line(line + len, TEXT_MAX - len, e->text);
	memcpy(e->text, line, len + 1);
}

void
err_clear(struct err *e)
{
	*e = ERR_NONE;
}

const char *
err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_OK] = "ok",
#define X(sym, name) [ERR_##sym] = name,
		ERR_KINDS(X)
#undef X
	};

	assert((size_t)kind < ARRAY_LEN(names));
	return names[kind];
}

const char *
err_scope_name(enum err_scope scope)
{
	static const char *const names[] = {
		[SCOPE_MESSAGE] = "message",
		[SCOPE_MAILBOX] = "mailbox",
		[SCOPE_SESSION] = "session",
		[SCOPE_ACCOUNT] = "account",
		[SCOPE_PROGRAM] = "program",
	};

	assert((size_t)scope < ARRAY_LEN(names));
	return names[scope];
}
