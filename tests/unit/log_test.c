/* The log: its two forms, what it escapes, cuts and counts, and its one write. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/utf8.h"
#include "unit.h"

struct tapped {
	int		n;
	enum log_level	level;
	char		line[200000];
};

static void
on_line(void *arg, enum log_level level, const char *line)
{
	struct tapped *t = arg;

	t->n++;
	t->level = level;
	snprintf(t->line, sizeof(t->line), "%s", line);
}

static struct log *
tapped_log(struct tapped *t, enum log_form form, bool color, enum log_level upto)
{
	struct log *l = log_new(-1, form, color, upto);

	t->n = 0;
	t->line[0] = '\0';
	log_tap(l, on_line, t);
	return l;
}

/* The line behind "HH:MM:SS ", or NULL when it does not begin so. */
static const char *
after_time(const char *line)
{
	static const char form[] = "00:00:00 ";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		bool digit = line[i] >= '0' && line[i] <= '9';

		if (form[i] == '0' ? !digit : line[i] != form[i])
			return NULL;
	}
	return line + sizeof(form) - 1;
}

/* The object behind its time, or NULL when it does not begin with one. */
static const char *
after_json_time(const char *line)
{
	static const char form[] = "{\"time\":\"0000-00-00T00:00:00.000Z\",";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		bool digit = line[i] >= '0' && line[i] <= '9';

		if (form[i] == '0' ? !digit : line[i] != form[i])
			return NULL;
	}
	return line + sizeof(form) - 1;
}

static struct tapped tap;

TEST(text_lines)
{
	struct log *l = tapped_log(&tap, LOG_TEXT, false, LOG_WIRE);

	log_info(l, "%d mails", 3);
	EXPECT_STR(after_time(tap.line), "3 mails");
	EXPECT_EQ(tap.level, LOG_INFO);
	log_error(l, "it broke");
	EXPECT_STR(after_time(tap.line), "error: it broke");
	log_warn(l, "it may");
	EXPECT_STR(after_time(tap.line), "warn: it may");
	log_debug(l, "look");
	EXPECT_STR(after_time(tap.line), "debug: look");
	log_at(l, LOG_WIRE, "C: a1 NOOP");
	EXPECT_STR(after_time(tap.line), "wire: C: a1 NOOP");
	EXPECT_EQ(tap.n, 5);
	log_free(&l);
	EXPECT(l == NULL);
	log_free(&l);
}

TEST(levels_are_kept_out_and_counted)
{
	struct log *l = tapped_log(&tap, LOG_TEXT, false, LOG_WARN);

	EXPECT(log_on(l, LOG_ERROR) && log_on(l, LOG_WARN) && !log_on(l, LOG_INFO));
	log_info(l, "no");
	log_fact(l, LOG_DEBUG, "e", "no", NULL);
	log_detail(l, LOG_WIRE, "no", "no");
	EXPECT_EQ(tap.n, 0);
	log_warn(l, "yes");
	log_warn(l, "yes");
	log_detail(l, LOG_ERROR, "yes", "yes");
	EXPECT_EQ(log_count(l, LOG_WARN), 2);
	EXPECT_EQ(log_count(l, LOG_ERROR), 1);
	EXPECT_EQ(log_count(l, LOG_INFO), 0);
	log_free(&l);
}

TEST(no_log_is_silent)
{
	EXPECT(!log_on(NULL, LOG_ERROR));
	EXPECT_EQ(log_count(NULL, LOG_ERROR), 0);
	log_error(NULL, "x");
	log_fact(NULL, LOG_ERROR, "e", "x", NULL);
	log_detail(NULL, LOG_ERROR, "x", "y");
	log_tap(NULL, on_line, NULL);
}

TEST(text_is_escaped)
{
	struct log *l = tapped_log(&tap, LOG_TEXT, false, LOG_INFO);

	log_info(l, "%s", "\x1b[31m a\r\nb \xe2\x80\xae \xff\x7f");
	EXPECT_STR(after_time(tap.line), "\\x1b[31m a\\r\\nb \\u202e \xef\xbf\xbd\\x7f");
	log_free(&l);
}

TEST(colour_is_on_the_level_only)
{
	struct log *l = tapped_log(&tap, LOG_TEXT, true, LOG_INFO);

	log_error(l, "bad");
	EXPECT_STR(after_time(tap.line), "\x1b[1;31merror:\x1b[0m bad");
	log_info(l, "plain");
	EXPECT_STR(after_time(tap.line), "plain");
	log_free(&l);
	l = tapped_log(&tap, LOG_JSON, true, LOG_INFO);
	log_error(l, "bad");
	EXPECT(strchr(tap.line, '\x1b') == NULL);
	log_free(&l);
}

TEST(json_lines)
{
	static const char *const fields[][2] = {
		{ "account", "work" }, { "rule", "a \"b\" \\" }, { NULL, NULL },
	};
	struct log *l = tapped_log(&tap, LOG_JSON, false, LOG_INFO);

	log_warn(l, "n=%d", 1);
	EXPECT_STR(after_json_time(tap.line), "\"level\":\"warn\",\"msg\":\"n=1\"}");
	log_fact(l, LOG_INFO, "moved", "moved it", fields);
	EXPECT_STR(after_json_time(tap.line), "\"level\":\"info\",\"event\":\"moved\","
	    "\"msg\":\"moved it\",\"account\":\"work\",\"rule\":\"a \\\"b\\\" \\\\\"}");
	log_fact(l, LOG_INFO, "moved", "moved it", NULL);
	EXPECT_STR(after_json_time(tap.line),
	    "\"level\":\"info\",\"event\":\"moved\",\"msg\":\"moved it\"}");
	log_detail(l, LOG_ERROR, "m", "a\nb");
	EXPECT_STR(after_json_time(tap.line),
	    "\"level\":\"error\",\"msg\":\"m\",\"detail\":\"a\\nb\"}");
	log_free(&l);
}

TEST(json_is_escaped)
{
	struct log *l = tapped_log(&tap, LOG_JSON, false, LOG_INFO);

	log_info(l, "%s", "\x01\t\r\n\x7f\xc2\x85|\xe2\x80\xae\xe2\x80\xa8|\xff|\xc3\xa4\xf0\x9f\x98\x80");
	EXPECT_STR(after_json_time(tap.line), "\"level\":\"info\",\"msg\":\""
	    "\\u0001\\u0009\\u000d\\n\\u007f\\u0085|\\u202e\\u2028|\xef\xbf\xbd|"
	    "\xc3\xa4\xf0\x9f\x98\x80\"}");
	log_free(&l);
}

TEST(fact_in_text_is_its_message)
{
	static const char *const fields[][2] = { { "account", "work" }, { NULL, NULL } };
	struct log *l = tapped_log(&tap, LOG_TEXT, false, LOG_INFO);

	log_fact(l, LOG_INFO, "moved", "moved it", fields);
	EXPECT_STR(after_time(tap.line), "moved it");
	log_free(&l);
}

TEST(detail_in_text_is_indented)
{
	struct log *l = tapped_log(&tap, LOG_TEXT, false, LOG_INFO);

	log_detail(l, LOG_ERROR, "failed", "one\n\n\ttwo\x1b\n\n");
	EXPECT_STR(after_time(tap.line), "error: failed\n    one\n    \n      two\\x1b");
	log_detail(l, LOG_ERROR, "failed", NULL);
	EXPECT_STR(after_time(tap.line), "error: failed");
	log_detail(l, LOG_ERROR, "failed", "\n");
	EXPECT_STR(after_time(tap.line), "error: failed");
	log_free(&l);
}

TEST(long_messages_are_cut_at_a_character)
{
	static char	 longer[100001];
	struct log	*l = tapped_log(&tap, LOG_TEXT, false, LOG_INFO);
	struct view	 v;

	for (size_t i = 0; i + 2 < sizeof(longer); i += 2)
		memcpy(longer + i, "\xc3\xa4", 2);
	log_info(l, "x%s", longer);
	v = view_of(after_time(tap.line));
	EXPECT(utf8_valid(v) && view_ends(v, VIEW("\xc3\xa4...")));
	EXPECT_EQ(v.n, 8191 + 3);
	EXPECT(view_find(v, VIEW(UTF8_REPLACEMENT)) < 0);
	log_detail(l, LOG_INFO, "m", longer);
	v = view_of(tap.line);
	EXPECT(view_ends(v, VIEW("\xc3\xa4\n    ...")));
	EXPECT(v.n > 65536 && v.n < 66000);
	log_free(&l);
	l = tapped_log(&tap, LOG_JSON, false, LOG_INFO);
	log_info(l, "%s", longer);
	EXPECT(view_ends(view_of(tap.line), VIEW("\xc3\xa4...\"}")));
	longer[8192] = '\0';
	log_info(l, "%s", longer);
	EXPECT(view_ends(view_of(tap.line), VIEW("\xc3\xa4\"}")));
	log_free(&l);
}

TEST(errno_stays)
{
	struct log *l = tapped_log(&tap, LOG_TEXT, false, LOG_INFO);
	struct log *bad = log_new(9999, LOG_TEXT, false, LOG_INFO);

	errno = ENOENT;
	log_info(l, "%m");
	EXPECT_STR(after_time(tap.line), "No such file or directory");
	EXPECT_EQ(errno, ENOENT);
	log_info(bad, "nowhere to go");
	EXPECT_EQ(errno, ENOENT);
	EXPECT_EQ(log_count(bad, LOG_INFO), 1);
	log_free(&l);
	log_free(&bad);
}

TEST(a_full_pipe_drops_and_goes_on_at_a_line)
{
	static char	 longer[6001], got[1 << 20];
	struct log	*l;
	int		 fds[2];
	ssize_t		 n;
	bool		 torn;

	memset(longer, 'x', sizeof(longer) - 1);
	EXPECT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	l = log_new(fds[1], LOG_TEXT, false, LOG_INFO);
	for (int i = 0; i < 100; i++)
		log_info(l, "%s", longer);
	EXPECT_EQ(log_count(l, LOG_INFO), 100);
	n = read(fds[0], got, sizeof(got));
	EXPECT(n > 0);
	torn = got[n - 1] != '\n';
	log_info(l, "after");
	n = read(fds[0], got, sizeof(got) - 1);
	EXPECT(n > 0);
	got[n] = '\0';
	/* Only when the pipe took half a line is there a line break to end it. */
	EXPECT_EQ(got[0] == '\n', torn);
	EXPECT_STR(after_time(got + torn), "after\n");
	log_free(&l);
	close(fds[0]);
	close(fds[1]);
}

enum { THREADS = 4, LINES = 500 };

static void *
log_many(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_warn(arg, "0123456789 0123456789 %d", i);
	return NULL;
}

TEST(lines_of_threads_do_not_mix)
{
	pthread_t	 threads[THREADS];
	char		 path[512], line[256];
	struct log	*l;
	FILE		*f;
	int		 n = 0, fd;

	snprintf(path, sizeof(path), "%s/log", unit_tmp());
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	EXPECT(fd >= 0);
	l = log_new(fd, LOG_TEXT, false, LOG_INFO);
	for (int i = 0; i < THREADS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, log_many, l), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(log_count(l, LOG_WARN), THREADS * LINES);
	f = fopen(path, "re");
	EXPECT(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *msg = after_time(line);

		EXPECT(msg != NULL);
		EXPECT(view_starts(view_of(msg), VIEW("warn: 0123456789 0123456789 ")));
		EXPECT_EQ(line[strlen(line) - 1], '\n');
		n++;
	}
	EXPECT_EQ(n, THREADS * LINES);
	fclose(f);
	log_free(&l);
	close(fd);
}
