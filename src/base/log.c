/*
 * The log.  A line is built in memory, whole, and then written with one write
 * under the mutex, so that lines of threads do not mix and a reader of a pipe
 * never sees half of one unless the descriptor took half.  Text is made safe by
 * utf8_printable; JSON keeps the value and escapes what a terminal would obey.
 * Whether the level is wanted is asked first and costs no lock.
 * Limits: a message over 8 KiB and a detail over 64 KiB are cut ("...").
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#define LOG_MAGIC	0x6c6f6731u
#define MSG_MAX		((size_t)8 << 10)
#define DETAIL_MAX	((size_t)64 << 10)
#define DETAIL_INDENT	"    "
#define COLOR_OFF	"\x1b[0m"

struct log {
	uint32_t		magic;
	int			fd;
	enum log_form		form;
	bool			color;
	enum log_level		upto;
	atomic_ulong		counts[LOG_WIRE + 1];
	pthread_mutex_t		mutex;		/* over all below, and the write */
	bool			torn;		/* the last write took a part of its line */
	void			(*tap)(void *, enum log_level, const char *);
	void			*tap_arg;
};

/* What one line says; views may be empty, fields NULL. */
struct entry {
	enum log_level		 level;
	const char		*event;		/* NULL: none */
	struct view		 msg;
	struct view		 detail;
	const char *const	(*fields)[2];
};

static const struct {
	const char	*name;
	const char	*color;
} levels[] = {
	[LOG_ERROR] = { "error", "\x1b[1;31m" },
	[LOG_WARN] = { "warn", "\x1b[33m" },
	[LOG_INFO] = { "info", "" },
	[LOG_DEBUG] = { "debug", "\x1b[36m" },
	[LOG_WIRE] = { "wire", "\x1b[2m" },
};

struct log *
log_new(int fd, enum log_form form, bool color, enum log_level upto)
{
	struct log *l = xcalloc(1, sizeof(*l));

	assert((size_t)upto < ARRAY_LEN(levels));
	l->magic = LOG_MAGIC;
	l->fd = fd;
	l->form = form;
	l->color = color && form == LOG_TEXT;
	l->upto = upto;
	pthread_mutex_init(&l->mutex, NULL);
	return l;
}

void
log_free(struct log **lp)
{
	struct log *l = *lp;

	if (l == NULL)
		return;
	CHECK(l, LOG_MAGIC);
	pthread_mutex_destroy(&l->mutex);
	l->magic = 0;
	free(l);
	*lp = NULL;
}

bool
log_on(const struct log *l, enum log_level level)
{
	if (l == NULL)
		return false;
	CHECK(l, LOG_MAGIC);
	return level <= l->upto;
}

unsigned long
log_count(const struct log *l, enum log_level level)
{
	if (l == NULL)
		return 0;
	CHECK(l, LOG_MAGIC);
	return l->counts[level];
}

void
log_tap(struct log *l, void (*fn)(void *arg, enum log_level level, const char *line), void *arg)
{
	if (l == NULL)
		return;
	CHECK(l, LOG_MAGIC);
	pthread_mutex_lock(&l->mutex);
	l->tap = fn;
	l->tap_arg = arg;
	pthread_mutex_unlock(&l->mutex);
}

/* Of v what is shown: at most max bytes, cut at a character; *cut_r says if so. */
static struct view
shown(struct view v, size_t max, bool *cut_r)
{
	*cut_r = v.n > max;
	if (*cut_r)
		v.n = utf8_clip(v, max);
	return v;
}

static void
add_text(struct str *out, struct view v, size_t max)
{
	bool		cut;
	struct view	s = shown(v, max, &cut);

	utf8_printable(out, s, SIZE_MAX);
	if (cut)
		str_adds(out, "...");
}

/*
 * Controls, line separators, and what turns the direction of text (UAX 9): legal
 * in JSON, mostly, but whoever reads the log may do so in a terminal.
 */
static bool
must_escape(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c ||
	    cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	    (cp >= 0x2066 && cp <= 0x2069);
}

/* Appends v as a JSON string (RFC 8259, 7); bytes that are not UTF-8 as U+FFFD. */
static void
add_json(struct str *out, struct view v, size_t max)
{
	bool		cut;
	struct view	rest = shown(v, max, &cut);
	size_t		used;

	str_addc(out, '"');
	for (; rest.n > 0; rest = view_from(rest, used)) {
		uint32_t cp = utf8_get(rest, &used);

		if (cp == '"' || cp == '\\')
			str_addf(out, "\\%c", (int)cp);
		else if (cp == '\n')
			str_adds(out, "\\n");
		else if (must_escape(cp))
			str_addf(out, "\\u%04x", (unsigned)cp);
		else
			utf8_put(out, cp);
	}
	str_adds(out, cut ? "...\"" : "\"");
}

static void
add_member(struct str *out, const char *name, struct view value, size_t max)
{
	str_addc(out, ',');
	add_json(out, view_of(name), MSG_MAX);
	str_addc(out, ':');
	add_json(out, value, max);
}

static void
build_json(struct str *out, const struct entry *e, int64_t now_ms)
{
	time_t		now = (time_t)(now_ms / 1000);
	struct tm	tm = { 0 };
	char		when[32];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	str_addf(out, "{\"time\":\"%s.%03dZ\"", when, (int)(now_ms % 1000));
	add_member(out, "level", view_of(levels[e->level].name), MSG_MAX);
	if (e->event != NULL)
		add_member(out, "event", view_of(e->event), MSG_MAX);
	add_member(out, "msg", e->msg, MSG_MAX);
	for (size_t i = 0; e->fields != NULL && e->fields[i][0] != NULL; i++)
		add_member(out, e->fields[i][0], view_of(e->fields[i][1]), MSG_MAX);
	if (e->detail.n > 0)
		add_member(out, "detail", e->detail, DETAIL_MAX);
	str_addc(out, '}');
}

/* Each line of the detail below the message, indented; no line breaks at the end. */
static void
add_detail(struct str *out, struct view detail)
{
	bool		cut;
	struct view	rest = shown(detail, DETAIL_MAX, &cut);

	while (rest.n > 0 && rest.p[rest.n - 1] == '\n')
		rest.n--;
	while (rest.n > 0) {
		ptrdiff_t	nl = view_chr(rest, '\n');
		size_t		len = nl < 0 ? rest.n : (size_t)nl;

		struct view	line = view_sub(rest, 0, len);

		str_adds(out, "\n" DETAIL_INDENT);
		if (view_starts(line, VIEW("\t"))) {	/* a traceback's frames */
			str_adds(out, "  ");
			line = view_from(line, 1);
		}
		utf8_printable(out, line, SIZE_MAX);
		rest = view_from(rest, len + 1);
	}
	if (cut)
		str_adds(out, "\n" DETAIL_INDENT "...");
}

static void
build_text(const struct log *l, struct str *out, const struct entry *e, int64_t now_ms)
{
	time_t		now = (time_t)(now_ms / 1000);
	struct tm	tm = { 0 };

	localtime_r(&now, &tm);
	str_addf(out, "%02d:%02d:%02d ", tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (e->level != LOG_INFO && l->color)
		str_addf(out, "%s%s:" COLOR_OFF " ", levels[e->level].color,
		    levels[e->level].name);
	else if (e->level != LOG_INFO)
		str_addf(out, "%s: ", levels[e->level].name);
	add_text(out, e->msg, MSG_MAX);
	add_detail(out, e->detail);
}

/* Writes the line, which ends in a line break; whatever fails, it is not tried again. */
static void
put_line(struct log *l, const struct str *line)
{
	ssize_t n;

	/* After half a line, the next one begins on its own. */
	if (l->torn && write(l->fd, "\n", 1) != 1)
		return;
	do
		n = write(l->fd, line->p, line->len);
	while (n < 0 && errno == EINTR);
	/* Failed after a torn one: the line break is out already. */
	l->torn = n > 0 && (size_t)n < line->len;
}

static void
emit(struct log *l, const struct entry *e)
{
	struct str	line = STR_INIT;
	int		saved = errno;
	int64_t		now_ms;

	/* The time is taken under the mutex, so that lines are in its order. */
	pthread_mutex_lock(&l->mutex);
	now_ms = clock_wall_ms();
	if (l->form == LOG_JSON)
		build_json(&line, e, now_ms);
	else
		build_text(l, &line, e, now_ms);
	l->counts[e->level]++;
	if (l->tap != NULL)
		l->tap(l->tap_arg, e->level, str_z(&line));
	str_addc(&line, '\n');
	if (l->fd >= 0)
		put_line(l, &line);
	pthread_mutex_unlock(&l->mutex);
	str_free(&line);
	errno = saved;
}

void
log_at(struct log *l, enum log_level level, const char *fmt, ...)
{
	/* More than is shown, so that it shows when something was cut. */
	char	msg[MSG_MAX + 8];
	int	saved = errno, n;
	va_list	ap;

	if (!log_on(l, level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	errno = saved;
	if (n < 0)
		return;
	emit(l, &(struct entry){ .level = level,
	    .msg = view_n(msg, MIN((size_t)n, sizeof(msg) - 1)) });
}

void
log_fact(struct log *l, enum log_level level, const char *event, const char *msg,
    const char *const fields[][2])
{
	if (!log_on(l, level))
		return;
	emit(l, &(struct entry){ .level = level, .event = event, .msg = view_of(msg),
	    .fields = fields });
}

void
log_detail(struct log *l, enum log_level level, const char *msg, const char *detail)
{
	if (!log_on(l, level))
		return;
	emit(l, &(struct entry){ .level = level, .msg = view_of(msg),
	    .detail = view_of(detail) });
}
