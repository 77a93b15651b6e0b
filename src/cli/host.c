/* Opens and closes what a script runs on; picks the state. */
#include "cli/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "net/dns.h"

/* ---- a copy of the state for a dry run */

static bool
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out;
	char buf[65536];
	ssize_t n;
	bool ok;

	if (in < 0)
		return false;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = out >= 0;
	while (ok && (n = read(in, buf, sizeof(buf))) > 0)
		ok = write(out, buf, (size_t)n) == n;
	close(in);
	if (out >= 0)
		close(out);
	return ok;
}

static void
copy_state(struct cli *c, const char *to)
{
	static const char *const names[] = { "state.db", "state.db-wal" };
	char *lock = xasprintf("%s/state.lock", c->state_dir);
	int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	free(lock);
	if (fd < 0)
		return;			/* no state yet: nothing to copy */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_warn(c->log, "the state in %s is in use: this dry run begins without it and shows "
		    "what a first run would do", c->state_dir);
		close(fd);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *from = xasprintf("%s/%s", c->state_dir, names[i]);
		char *into = xasprintf("%s/%s", to, names[i]);

		if (access(from, F_OK) == 0 && !copy_file(from, into))
			log_warn(c->log, "%s cannot be copied for the dry run: %s", from,
			    strerror(errno));
		free(from);
		free(into);
	}
	close(fd);
}

static void
remove_folder(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *de;

	while (d != NULL && (de = readdir(d)) != NULL) {
		char *file = xasprintf("%s/%s", path, de->d_name);

		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
		    unlink(file) < 0 && rmdir(file) < 0 && errno != ENOENT)
			fprintf(stderr, "mailmill: %s stays: %s\n", file, strerror(errno));
		free(file);
	}
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

/* ---- opening */

static int
open_scratch(struct host *h, bool copy, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/mailmill-dry-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

	if (mkdtemp(dir) == NULL) {
		err_sys(e, errno, "no folder for the dry run: %s", dir);
		free(dir);
		return -1;
	}
	h->scratch = dir;
	if (copy)
		copy_state(h->cli, dir);
	h->state = state_open(h->loop, h->cli->log, dir, "state", NULL, e);
	return h->state != NULL ? 0 : -1;
}

static int
open_beside(struct host *h, struct err *e)
{
	unsigned char rnd[6];
	char hex[13];

	random_bytes(rnd, sizeof(rnd));
	hex_of(rnd, sizeof(rnd), hex);
	h->run_name = xasprintf("runs/%s", hex);
	h->beside = true;
	h->state = state_open(h->loop, h->cli->log, h->cli->state_dir, h->run_name, NULL, e);
	return h->state != NULL ? 0 : -1;
}

int
host_open(struct host *h, struct cli *c, enum host_state which, const struct manner *how)
{
	struct engine_conf conf = { .log = c->log, .dry_run = how->dry_run, .existing = how->existing,
		.once = how->once, .quiet = how->quiet };
	struct err e = ERR_NONE;
	long pid = 0;

	*h = (struct host){ .cli = c };
	if (geteuid() == 0)
		log_warn(c->log, "running as root: mail rules need no such rights; use an account of its own");
	h->loop = loop_new(&e);
	if (h->loop == NULL)
		goto fail;
	if (which == HOST_COPY || which == HOST_SCRATCH) {
		if (open_scratch(h, which == HOST_COPY, &e) < 0)
			goto fail;
	} else {
		h->state = state_open(h->loop, c->log, c->state_dir, "state", &pid, &e);
		if (h->state == NULL && which == HOST_BESIDE && e.kind == ERR_HELD) {
			err_clear(&e);
			log_debug(c->log, "beside process %ld", pid);
			open_beside(h, &e);
		}
		if (h->state == NULL)
			goto fail;
	}
	conf.loop = h->loop;
	conf.state = h->state;
	conf.dns = h->dns = dns_new(h->loop, NULL);
	h->engine = engine_new(&conf);
	return EXIT_DONE;
fail:
	log_error(c->log, "%s", e.text);
	host_close(h);
	return e.kind == ERR_HELD ? EXIT_IN_USE : e.kind == ERR_USAGE ? EXIT_CONFIG : EXIT_FAILED;
}

static void
state_answered(void *arg, int64_t at, const struct err *e)
{
	(void)at;
	(void)e;
	loop_stop(arg);
}

void
host_close(struct host *h)
{
	if (h->engine != NULL) {
		/* Answers come in order: with this one, all that scripts asked have come. */
		state_timer_get(h->state, "end", state_answered, h->loop);
		loop_run(h->loop);
	}
	engine_free(&h->engine);
	if (h->state != NULL)
		state_close(&h->state);
	loop_free(&h->loop);
	dns_free(&h->dns);
	if (h->scratch != NULL)
		remove_folder(h->scratch);
	if (h->run_name != NULL) {
		static const char *const tails[] = { ".db", ".db-wal", ".db-shm", ".lock" };

		for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
			char *file = xasprintf("%s/%s%s", h->cli->state_dir, h->run_name, tails[i]);

			unlink(file);
			free(file);
		}
	}
	free(h->scratch);
	free(h->run_name);
	h->scratch = h->run_name = NULL;
}

/* ---- findings */

void
host_load_error(struct log *log, const struct err *e, const char *detail)
{
	log_detail(log, LOG_ERROR, e->text, script_detail(e->text, detail));
}

struct findings { struct log *log; size_t errors, warnings; };

static void
on_finding(void *arg, bool error, const char *where, const char *text)
{
	struct findings *f = arg;

	log_at(f->log, error ? LOG_ERROR : LOG_WARN, "%s: %s", where, text);
	f->errors += error;
	f->warnings += !error;
}

size_t
host_findings(struct host *h, struct script *s, bool strict)
{
	struct findings f = { .log = h->cli->log };

	script_findings(s, on_finding, &f);
	return f.errors + (strict ? f.warnings : 0);
}
