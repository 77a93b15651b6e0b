/*
 * wire [-v] FILE...: talks with "!wire": the built program ($MAILMILL, or build/mailmill)
 * against a scripted server on loopback, over plain TCP or TLS with certificates that are
 * made on the spot.  README.md tells how talks are written.
 *
 * One thread: it sends, reads and waits in the order of the talk; what takes longer than
 * LIMIT_S is a failure.  The program's output goes to a file that is searched.
 */
#include "wire.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PASSWORD	"s3cret-pass"
#define CALM_MS		150	/* in which nothing more may be said */
#define WORDS_MAX	16u

static char tmp_dir[200];

static int
remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED,
    struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void
remove_tmp(void)
{
	nftw(tmp_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* One for all talks; tls_kit.h writes here too. */
const char *
unit_tmp(void)
{
	const char *base = getenv("TMPDIR");

	if (tmp_dir[0] != '\0')
		return tmp_dir;
	snprintf(tmp_dir, sizeof(tmp_dir), "%.150s/mailmill-wire-XXXXXX", base ? base : "/tmp");
	if (mkdtemp(tmp_dir) == NULL)
		kit_die("no temporary folder");
	atexit(remove_tmp);
	return tmp_dir;
}

/* ---- words that stand for what is known at run time only */

static void
put_values(const struct wire *w, const char *s, struct str *out)
{
	const struct { const char *name, *value; } rows[] = {
		{ "$CA", w->ca }, { "$PIN", w->pin }, { "$DIR", w->dir }, { "$RULES", w->rules },
	};

	while (*s != '\0') {
		bool some = false;

		if (strncmp(s, "$PORT", 5) == 0) {
			str_addf(out, "%u", w->port);
			s += 5;
			continue;
		}
		for (size_t i = 0; i < ARRAY_LEN(rows) && !some; i++)
			if (strncmp(s, rows[i].name, strlen(rows[i].name)) == 0) {
				str_adds(out, rows[i].value);
				s += strlen(rows[i].name);
				some = true;
			}
		if (!some)
			str_addc(out, *s++);
	}
}

static void
write_file(const char *path, struct view v)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(v.p, 1, v.n, f) != v.n || fclose(f) != 0)
		kit_die(path);
}

/* ---- the program */

static void
start(struct wire *w, const struct talk_step *s, char *const *words)
{
	const char *program = getenv("MAILMILL");
	char env[4][360];
	int out;

	if (w->pid != 0) {
		wire_fail(w, s, "a program is running already", "");
		return;
	}
	if (program == NULL)
		program = "build/mailmill";
	snprintf(env[0], sizeof(env[0]), "MAILMILL_STATE=%s/state", w->dir);
	snprintf(env[1], sizeof(env[1]), "HOME=%s", w->dir);
	w->code = -1;
	fflush(stdout);
	if ((w->pid = fork()) == 0) {
		if ((out = open(w->output, O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
			_exit(120);
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out, 1);
		dup2(out, 2);
		putenv(env[0]);
		putenv(env[1]);
		close(w->listener);
		execvp(program, words);
		_exit(121);
	}
}

static bool
ended(struct wire *w, bool wait)
{
	int status;

	if (w->pid == 0)
		return true;
	if (waitpid(w->pid, &status, wait ? 0 : WNOHANG) != w->pid)
		return false;
	w->pid = 0;
	w->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

static void
output_of(const struct wire *w, struct str *out)
{
	FILE *f = fopen(w->output, "r");
	char buf[8192];
	size_t n;

	str_reset(out);
	if (f == NULL)
		return;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		str_add(out, buf, n);
	fclose(f);
}

static size_t
times_said(const struct wire *w, const char *text)
{
	struct str out = STR_INIT;
	struct view rest;
	ptrdiff_t at;
	size_t n = 0;

	output_of(w, &out);
	rest = str_view(&out);
	for (; (at = view_find(rest, view_of(text))) >= 0; n++)
		rest = view_from(rest, (size_t)at + strlen(text));
	str_free(&out);
	return n;
}

/* ---- steps */

static void
do_client(struct wire *w, const struct talk_step *s)
{
	struct str line = STR_INIT;
	int64_t until = wire_now() + (int64_t)LIMIT_S * 1000;
	bool found = false;

	if (!wire_connected(w, s))
		return;
	while (!found && w->why[0] == '\0') {
		if (wire_line(w, &line)) {
			found = talk_match(s->text, str_view(&line), &w->slots);
			if (found)
				wire_show("C", str_view(&line));
			else if (!wire_answer(w, str_view(&line)))
				wire_fail(w, s, "the client says: ", str_z(&line));
		} else if (!wire_get(w, (int)MAX(until - wire_now(), (int64_t)1))) {
			wire_fail(w, s, w->over ? "the client has closed, instead of " :
			    "the client says nothing, not ", s->text);
		}
	}
	str_free(&line);
}

static void
do_do(struct wire *w, const struct talk_step *s)
{
	struct str text = STR_INIT;
	char *words[WORDS_MAX + 1] = { NULL }, *save = NULL;
	size_t n = 0;
	int64_t ms;

	put_values(w, s->text, &text);
	wire_show(">", str_view(&text));
	if (text.len > 0)
		for (char *p = strtok_r(text.p, " ", &save); p != NULL && n < WORDS_MAX;
		    p = strtok_r(NULL, " ", &save))
			words[n++] = p;
	if (n == 0) {
		wire_fail(w, s, "nothing to do", "");
	} else if (strcmp(words[0], "mailmill") == 0) {
		start(w, s, words);
	} else if (strcmp(words[0], "tls") == 0) {
		if (wire_connected(w, s) && !wire_shake(w))
			wire_fail(w, s, "no handshake", "");
	} else if (strcmp(words[0], "cut") == 0) {
		wire_hang_up(w);
	} else if (strcmp(words[0], "bye") == 0) {
		if (w->ssl != NULL)
			SSL_shutdown(w->ssl);
		wire_hang_up(w);
	} else if (strcmp(words[0], "signal") == 0 && n == 2 && w->pid != 0) {
		kill(w->pid, strcmp(words[1], "TERM") == 0 ? SIGTERM : SIGHUP);
	} else if (strcmp(words[0], "wait") == 0 && n == 2 && (ms = talk_ms(words[1])) >= 0) {
		wire_nap((long)ms);
	} else {
		wire_fail(w, s, "cannot do: ", s->text);
	}
	str_free(&text);
}

static bool
is_so(struct wire *w, const struct talk_step *s, const char *text)
{
	char number[12];

	if (strcmp(text, "gone") == 0) {
		wire_is_silent(w, s, 50);
		return w->over;
	}
	if (strncmp(text, "exit ", 5) == 0) {
		if (w->fd >= 0 && !w->over)
			wire_is_silent(w, s, 0);
		if (!ended(w, false))
			return false;
		snprintf(number, sizeof(number), "%d", w->code);
		if (strcmp(number, text + 5) != 0)
			wire_fail(w, s, "the exit code is ", number);
		return true;
	}
	if (strncmp(text, "said ", 5) == 0)
		return times_said(w, text + 5) > 0;
	if (strncmp(text, "unsaid ", 7) == 0) {
		if (times_said(w, text + 7) > 0)
			wire_fail(w, s, "it says: ", text + 7);
		return true;
	}
	if (strncmp(text, "once ", 5) == 0)
		return times_said(w, text + 5) == 1;
	if (strcmp(text, "no handshake") == 0)
		return !w->shaken && w->connections > 0;
	return false;
}

static void
do_expect(struct wire *w, const struct talk_step *s)
{
	int64_t until = wire_now() + (int64_t)LIMIT_S * 1000;
	struct str text = STR_INIT;

	put_values(w, s->text, &text);
	wire_show("=", str_view(&text));
	while (w->why[0] == '\0' && !is_so(w, s, str_z(&text))) {
		if (wire_now() > until)
			wire_fail(w, s, "it is not so: ", str_z(&text));
		if (w->fd >= 0 && !w->over)
			wire_is_silent(w, s, 0);
		wire_nap(10);
	}
	str_free(&text);
}

static void
do_server(struct wire *w, const struct talk_step *s)
{
	struct str out = STR_INIT;

	if (!wire_connected(w, s))
		return;
	talk_fill(&s->server, &w->slots, &out);
	wire_show("S", str_view(&out));
	wire_put(w, str_view(&out));
	str_free(&out);
}

static void
do_step(struct wire *w, const struct talk_step *s)
{
	switch (s->kind) {
	case TALK_SERVER:
		do_server(w, s);
		break;
	case TALK_CLIENT:
		do_client(w, s);
		break;
	case TALK_DO:
		do_do(w, s);
		break;
	case TALK_EXPECT:
		do_expect(w, s);
		break;
	case TALK_CONNECTION:
		wire_next(w, s, s->number);
		break;
	}
}

/* ---- a talk */

static const struct kit_cert *
cert_of(const struct talk_script *t, const struct certs *c)
{
	const struct { const char *name; const struct kit_cert *cert; } rows[] = {
		{ "good", &c->good }, { "unknown", &c->unknown }, { "wrong_name", &c->wrong_name },
		{ "expired", &c->expired }, { "early", &c->early },
	};
	const char *name = talk_option(t, "cert");

	for (size_t i = 0; name != NULL && i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].cert;
	return &c->good;
}

static void
set_up(struct wire *w, const char *name, int len)
{
	struct str text = STR_INIT;
	const char *pin = talk_option(w->script, "pin");

	snprintf(w->dir, sizeof(w->dir), "%s/%.*s", unit_tmp(), len, name);
	snprintf(w->output, sizeof(w->output), "%s/output", w->dir);
	snprintf(w->rules, sizeof(w->rules), "%s/rules.lua", w->dir);
	if (mkdir(w->dir, 0700) != 0)
		kit_die(w->dir);
	w->cert = cert_of(w->script, w->certs);
	kit_pem(&w->certs->ca, "ca", w->ca);
	kit_fingerprint(pin != NULL ? &w->certs->unknown : w->cert, w->pin);
	wire_listen(w);
	put_values(w, str_z(&w->script->lua), &text);
	write_file(w->rules, str_view(&text));
	str_free(&text);
}

static void
tear_down(struct wire *w)
{
	struct str out = STR_INIT;
	int64_t until = wire_now() + (int64_t)LIMIT_S * 1000;

	wire_hang_up(w);
	if (w->pid != 0)
		kill(w->pid, w->why[0] != '\0' ? SIGKILL : SIGTERM);
	while (!ended(w, false) && wire_now() < until)
		wire_nap(10);
	if (w->pid != 0) {
		kill(w->pid, SIGKILL);
		ended(w, true);
		wire_fail(w, NULL, "the program does not end", "");
	}
	close(w->listener);
	SSL_CTX_free(w->ctx);
	output_of(w, &out);
	if (view_find(str_view(&out), VIEW(PASSWORD)) >= 0 ||
	    view_find(str_view(&out), VIEW("AGFubmEAczNjcmV0LXBhc3M")) >= 0 ||
	    view_find(str_view(&out), VIEW("czNjcmV0LXBhc3M")) >= 0)
		wire_fail(w, NULL, "a secret stands in the output", "");
	if (w->why[0] != '\0' || wire_verbose)
		printf("# output:\n%s\n", str_z(&out));
	str_free(&out);
}

static bool
talk(const char *path, const struct certs *certs)
{
	struct talk_script script;
	struct wire w = { .script = &script, .certs = certs, .fd = -1, .code = -1 };
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	int len = (int)strcspn(name, ".");

	if (talk_read(&script, path, w.why, sizeof(w.why)) == 0) {
		if (talk_option(&script, "wire") == NULL) {	/* for the other runner */
			talk_free(&script);
			return true;
		}
		if (wire_verbose)
			printf("%s\n", script.about);
		set_up(&w, name, len);
		for (size_t i = 0; i < script.steps.n && w.why[0] == '\0'; i++)
			do_step(&w, &script.steps.at[i]);
		if (w.why[0] == '\0' && w.fd >= 0 && !w.over && w.pid != 0)
			wire_is_silent(&w, NULL, CALM_MS);
		tear_down(&w);
	}
	if (w.why[0] != '\0')
		printf("# %s\n", w.why);
	printf("%sok talk/%.*s\n", w.why[0] != '\0' ? "not " : "", len, name);
	fflush(stdout);
	talk_free(&script);
	return w.why[0] == '\0';
}

int
main(int argc, char **argv)
{
	struct certs c = { .ca = kit_cert("Talk CA", NULL, true, NULL, -1, 30) };
	struct kit_cert *const all[] = { &c.ca, &c.good, &c.unknown, &c.wrong_name, &c.expired,
		&c.early };
	int bad = 0, opt;

	signal(SIGPIPE, SIG_IGN);
	c.good = kit_cert("localhost", "DNS:localhost,IP:127.0.0.1", false, &c.ca, -1, 30);
	c.unknown = kit_cert("localhost", "DNS:localhost,IP:127.0.0.1", false, NULL, -1, 30);
	c.wrong_name = kit_cert("elsewhere", "DNS:imap.example.net", false, &c.ca, -1, 30);
	c.expired = kit_cert("localhost", "DNS:localhost,IP:127.0.0.1", false, &c.ca, -30, -1);
	c.early = kit_cert("localhost", "DNS:localhost,IP:127.0.0.1", false, &c.ca, 2, 30);
	while ((opt = getopt(argc, argv, "v")) != -1) {
		if (opt != 'v')
			return 2;
		wire_verbose = true;
	}
	for (int i = optind; i < argc; i++)
		bad += !talk(argv[i], &c);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		kit_cert_free(all[i]);
	return bad > 0;
}
