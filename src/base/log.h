/*
 * The log as a value.  Lines go to a descriptor (stderr) as text for people or as
 * JSON lines; control bytes and bidi controls are escaped; a line that cannot be
 * written is dropped, never waited for beyond a blocking write.  Text is
 * "14:05:09 warn: ..." in local time, without a level word for LOG_INFO; JSON is
 * {"time":UTC,"level":...,"event":...,"msg":...,fields,"detail":...}, one object a
 * line, "event" and "detail" only where there is one.  Of a message 8 KiB are
 * shown, of a detail 64 KiB.  errno is left as it was.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_WIRE };

struct log;

enum log_form { LOG_TEXT, LOG_JSON };
/* color: ANSI colours in LOG_TEXT.  fd is borrowed.  fd -1: nowhere. */
struct log *log_new(int fd, enum log_form form, bool color, enum log_level upto);
void log_free(struct log **l);
bool log_on(const struct log *l, enum log_level level);
/* Lines of that level so far; those that were not asked for (upto) do not count. */
unsigned long log_count(const struct log *l, enum log_level level);
/* A NULL log is silent.  Thread-safe; one line each (line breaks are escaped). */
void log_at(struct log *l, enum log_level level, const char *fmt, ...) PRINTF(3, 4);
/*
 * A fact with fields, for machines and people: text shows "msg" alone, JSON adds
 * the fields.  fields: name, value pairs, the last name NULL; values are text.
 */
void log_fact(struct log *l, enum log_level level, const char *event, const char *msg,
	const char *const fields[][2]);
/* Several lines under one (a traceback): in text indented below, in JSON as "detail". */
void log_detail(struct log *l, enum log_level level, const char *msg, const char *detail);
/* Tests: every line, without its line break, goes to fn as well; fn may not log itself. */
void log_tap(struct log *l, void (*fn)(void *arg, enum log_level level, const char *line), void *arg);

#define log_error(l, ...)	log_at((l), LOG_ERROR, __VA_ARGS__)
#define log_warn(l, ...)	log_at((l), LOG_WARN, __VA_ARGS__)
#define log_info(l, ...)	log_at((l), LOG_INFO, __VA_ARGS__)
#define log_debug(l, ...)	log_at((l), LOG_DEBUG, __VA_ARGS__)

#endif
