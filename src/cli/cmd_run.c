/*
 * mailmill run: the daemon.  Loads the script, puts its rules to work, watches the file
 * for changes, and ends in order on SIGTERM: nothing new is taken, what is under way gets
 * ten seconds, what is left stands in the state for the next start.
 *
 * A reload loads the new file beside the running one up to its load point, without
 * touching any mail; only a file that is right takes the old one's place.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/host.h"

#define GRACE_MS	10000		/* of SIGTERM */
#define OLD_SCRIPT_MS	31000		/* a little over the engine's patience with old handlers */
#define OLD_TASKS_MS	1000		/* of tasks that were cancelled and go on */
#define SETTLE_MS	300		/* an editor writes a file in several steps */
#define POLL_MS		30000		/* looks at the file though no change was seen */
#define LOST_MS		1000		/* ... while its folder is not there */

struct daemon {
	struct host		 host;
	const char		*file;
	bool			 once, existing, dry_run;
	struct script		*script;	/* at work */
	struct script		*loading;	/* being loaded */
	bool			 load_again;	/* changed once more meanwhile */
	struct { VEC(struct script *) } old;
	struct loop_timer	*old_timer, *look;
	struct loop_watch	*watch, *real_watch;	/* of its folder; of a link's target's */
	bool			 changed;	/* seen since the last look */
	bool			 lost;		/* a watch is dead */
	bool			 told;		/* ... and that cannot be helped now */
	struct loop_signal	*signals[3];
	struct stat		 seen;		/* of the file that was loaded last */
	bool			 stopping;
	unsigned		 asked;		/* ... by signals, so often */
	int			 code;
};

static void load(struct daemon *d);
static void watch_file(struct daemon *d);

static struct log *
dlog(const struct daemon *d)
{
	return d->host.cli->log;
}

/* ---- stopping */

static void
stopped(void *arg)
{
	struct daemon *d = arg;

	loop_stop(d->host.loop);
}

static void
stop(struct daemon *d, int code, int64_t grace)
{
	if (d->stopping)
		return;
	d->stopping = true;
	if (d->code == EXIT_DONE)
		d->code = code;
	if (d->script != NULL)
		script_stop(d->script);
	engine_stop(d->host.engine, grace, stopped, d);
}

static void
on_term(void *arg)
{
	struct daemon *d = arg;

	if (d->asked++ > 1) {
		log_warn(dlog(d), "asked three times: breaking off; the next start goes on");
		_exit(EXIT_FAILED);
	} else if (d->stopping) {
		log_warn(dlog(d), "asked twice: ending now; the next start goes on");
		engine_hurry(d->host.engine);
		return;
	}
	log_info(dlog(d), "ending: what is under way gets %d s", GRACE_MS / 1000);
	stop(d, EXIT_DONE, GRACE_MS);
}

static void
on_broken(void *arg, const struct err *e)
{
	struct daemon *d = arg;

	log_error(dlog(d), "the state cannot be written, so nothing more is done: %s", e->text);
	stop(d, EXIT_FAILED, 0);
}

/* ---- the end of the work */

static void
summary(const struct daemon *d)
{
	const struct engine_counts *n = engine_counts(d->host.engine);

	log_info(dlog(d), "%sjudged %llu, matched by rules %llu, actions %s %llu, failed %llu, held %llu",
	    d->dry_run ? "dry run: " : "", (unsigned long long)n->judged, (unsigned long long)n->matched,
	    d->dry_run ? "that would be done" : "done", (unsigned long long)n->actions,
	    (unsigned long long)n->failed,
	    (unsigned long long)n->parked);
}

/* With --once: what waits for an account or a mailbox is not waited for; the exit code says so. */
static int
left_undone(const struct daemon *d)
{
	const char *name = "";
	const struct err *e = engine_trouble(d->host.engine, &name);
	size_t n = engine_waiting(d->host.engine), shut = engine_shut(d->host.engine);

	if (n > 0)
		log_warn(dlog(d), "%zu message%s wait%s for an account; the next run goes on", n,
		    n == 1 ? "" : "s", n == 1 ? "s" : "");
	if (e != NULL)
		log_error(dlog(d), "not all accounts could be used: %s: %s", name, e->text);
	if (shut > 0)
		log_error(dlog(d), "%zu mailbox%s could not be opened", shut, shut == 1 ? "" : "es");
	return e != NULL ? cli_exit_code(e) : n + shut > 0 ? EXIT_FAILED : EXIT_DONE;
}

static void
look(void *arg)
{
	struct daemon *d = arg;
	bool rules;

	if (d->stopping || d->script == NULL || d->loading != NULL || script_busy(d->script) ||
	    !engine_idle(d->host.engine))
		return;
	rules = script_ruleset(d->script)->chains.n > 0;
	if (d->once)
		d->code = left_undone(d);
	if (d->once || (!rules && !script_has_timers(d->script))) {
		if (!d->once)
			log_info(dlog(d), "no rules and no timers are left: the end");
		stop(d, EXIT_DONE, GRACE_MS);
	}
}

/* ---- loading */

static void old_over(void *arg);

static void
old_tasks_over(void *arg)
{
	struct daemon *d = arg;

	for (size_t i = 0; i < d->old.n; i++)
		script_kill(d->old.at[i]);
	d->old_timer = loop_after(d->host.loop, OLD_SCRIPT_MS, old_over, d);
}

static void
old_over(void *arg)
{
	struct daemon *d = arg;

	d->old_timer = NULL;
	for (size_t i = 0; i < d->old.n; i++)
		script_free(&d->old.at[i]);
	d->old.n = 0;
}

static void
retire_script(struct daemon *d)
{
	if (d->script == NULL)
		return;
	script_stop(d->script);
	VEC_PUSH(&d->old, d->script);
	d->script = NULL;
	loop_cancel(d->host.loop, &d->old_timer);
	d->old_timer = loop_after(d->host.loop, OLD_TASKS_MS, old_tasks_over, d);
}

/* A file that cannot be used: at the start that is the end, later the old rules stay. */
static void
refuse(struct daemon *d, struct script *s)
{
	script_free(&s);
	if (d->script == NULL) {
		stop(d, EXIT_CONFIG, 0);
		return;
	}
	log_error(dlog(d), "%s was not taken: the rules of before stay at work; mend the file, or see "
	    "mailmill check %s", d->file, d->file);
}

static void
loaded(void *arg, struct script *s, const struct err *e, const char *detail, const char *load_point)
{
	struct daemon *d = arg;
	struct err err = ERR_NONE;
	bool reload = d->script != NULL;

	(void)load_point;
	d->loading = NULL;
	if (d->stopping) {
		script_free(&s);
		return;
	}
	if (err_is(e)) {
		host_load_error(dlog(d), e, detail);
		refuse(d, s);
	} else if (host_findings(&d->host, s, false) > 0) {
		refuse(d, s);
	} else if (reload && !script_declares(s)) {
		/* Caught while it is being written, most likely: no reason to end the daemon. */
		log_error(dlog(d), "%s has no rules and no timers now; to end the daemon, send SIGTERM",
		    d->file);
		refuse(d, s);
	} else if (engine_activate(d->host.engine, script_ruleset(s), &err) < 0) {
		log_error(dlog(d), "%s", err.text);
		refuse(d, s);
	} else {
		retire_script(d);
		d->script = s;
		if (reload)
			log_info(dlog(d), "%s: loaded again", d->file);
		script_on_idle(s, look, d);
		script_activate(s, d->host.engine);
	}
	if (d->load_again) {
		d->load_again = false;
		load(d);
	}
}

static void
load(struct daemon *d)
{
	struct script_conf conf = { .loop = d->host.loop, .log = dlog(d), .state = d->host.state,
		.phase = SCRIPT_RUN, .file = d->file, .lua_dir = d->host.cli->lua_dir };
	struct err err = ERR_NONE;

	if (d->loading != NULL) {
		d->load_again = true;
		return;
	}
	if (!d->once)
		watch_file(d);
	if (stat(d->file, &d->seen) < 0)
		memset(&d->seen, 0, sizeof(d->seen));
	d->loading = script_load(&conf, loaded, d, &err);
	if (d->loading == NULL) {
		log_error(dlog(d), "%s", err.text);
		refuse(d, NULL);
	}
}

static void
on_hup(void *arg)
{
	struct daemon *d = arg;

	if (!d->stopping)
		load(d);
}

/* ---- a changed file */

static void look_at_file(void *arg);

static void
look_in(struct daemon *d, int64_t ms)
{
	loop_cancel(d->host.loop, &d->look);
	d->look = loop_after(d->host.loop, ms, look_at_file, d);
}

static void
on_change(void *arg, const char *name)
{
	struct daemon *d = arg;

	d->lost |= name == NULL;
	if (!d->changed)
		look_in(d, SETTLE_MS);
	d->changed = true;
}

static struct loop_watch *
watch_folder_of(struct daemon *d, const char *file)
{
	struct err e = ERR_NONE;
	const char *slash = strrchr(file, '/');
	char *dir = slash == NULL ? xstrdup(".") : slash == file ? xstrdup("/") :
	    xmemdup0(file, (size_t)(slash - file));
	struct loop_watch *w = loop_watch_new(d->host.loop, dir, on_change, d, &e);

	if (w == NULL && !d->told)
		log_warn(dlog(d), "%s is not watched for changes now: %s", file, e.text);
	d->told = w == NULL;
	free(dir);
	return w;
}

/* Its folder, and of a link the target's: where it leads may change with each load. */
static void
watch_file(struct daemon *d)
{
	struct stat st;
	char *real;

	if (d->lost)
		loop_watch_free(d->host.loop, &d->watch);
	loop_watch_free(d->host.loop, &d->real_watch);
	d->lost = false;
	if (d->watch == NULL)
		d->watch = watch_folder_of(d, d->file);
	if (lstat(d->file, &st) < 0 || !S_ISLNK(st.st_mode) || (real = realpath(d->file, NULL)) == NULL)
		return;
	d->real_watch = watch_folder_of(d, real);
	free(real);
}

/*
 * After a change, and now and then without one: not every file system tells of changes,
 * and a folder that went away takes its watch along.
 */
static void
look_at_file(void *arg)
{
	struct daemon *d = arg;
	struct stat st;
	int64_t age;

	d->look = NULL;
	d->changed = false;
	if (d->stopping)
		return;
	if (d->lost || d->watch == NULL)
		watch_file(d);
	look_in(d, d->watch == NULL ? LOST_MS : POLL_MS);
	if (stat(d->file, &st) < 0)
		return;		/* gone for a moment, or for good: the rules stay */
	age = loop_wall(d->host.loop) - (int64_t)st.st_mtim.tv_sec * 1000 -
	    st.st_mtim.tv_nsec / 1000000;
	if (age >= 0 && age < SETTLE_MS)
		look_in(d, SETTLE_MS - age);	/* it may be half written */
	else if (st.st_ino != d->seen.st_ino || st.st_size != d->seen.st_size ||
	    st.st_mtim.tv_sec != d->seen.st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != d->seen.st_mtim.tv_nsec)
		load(d);
}

/* ---- the command */

static int
run_daemon(struct daemon *d)
{
	static const struct { int signo; loop_fn fn; } sigs[] = {
		{ SIGTERM, on_term }, { SIGINT, on_term }, { SIGHUP, on_hup },
	};
	struct err e = ERR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(sigs); i++) {
		d->signals[i] = loop_signal_new(d->host.loop, sigs[i].signo, sigs[i].fn, d, &e);
		if (d->signals[i] == NULL) {
			log_error(dlog(d), "%s", e.text);
			return EXIT_FAILED;
		}
	}
	state_on_broken(d->host.state, on_broken, d);
	engine_on_idle(d->host.engine, look, d);
	load(d);
	if (!d->once)
		look_in(d, POLL_MS);
	loop_run(d->host.loop);
	if (d->script != NULL)
		summary(d);
	if (d->code == EXIT_DONE && d->script != NULL) {
		const struct engine_counts *n = engine_counts(d->host.engine);

		if (n->failed + n->parked > 0 || script_task_errors(d->script) > 0)
			d->code = EXIT_FAILED;
		else if (script_partial(d->script))
			d->code = EXIT_PARTIAL;
	}
	return d->code;
}

static void
close_daemon(struct daemon *d)
{
	struct loop *l = d->host.loop;

	loop_watch_free(l, &d->watch);
	loop_watch_free(l, &d->real_watch);
	for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
		loop_signal_free(l, &d->signals[i]);
	loop_cancel(l, &d->look);
	loop_cancel(l, &d->old_timer);
	script_free(&d->loading);
	script_free(&d->script);
	for (size_t i = 0; i < d->old.n; i++)
		script_free(&d->old.at[i]);
	VEC_FREE(&d->old);
	host_close(&d->host);
}

int
cmd_run(struct cli *c, int argc, char **argv)
{
	struct daemon d = { 0 };
	const struct cli_option opts[] = {
		{ "--once", &d.once, NULL }, { "--existing", &d.existing, NULL },
		{ "--dry-run", &d.dry_run, NULL },
	};
	const char **rest = xcalloc((size_t)argc + 1, sizeof(*rest));
	size_t nrest;
	int code = EXIT_USAGE;

	if (cli_options(c, cmd_find("run"), argc, argv, opts, ARRAY_LEN(opts), false, rest, &nrest) < 0)
		goto out;
	if (nrest > 1) {
		cli_usage(cmd_find("run"), "one FILE, not '%s' as well", rest[1]);
		goto out;
	}
	cli_open_log(c);
	code = EXIT_CONFIG;
	d.file = cli_rule_file(c, rest[0]);
	if (d.file == NULL)
		goto out;
	code = host_open(&d.host, c, d.dry_run ? HOST_COPY : HOST_OWN, &(struct manner){
		.dry_run = d.dry_run, .existing = d.existing, .once = d.once });
	if (code == EXIT_DONE) {
		code = run_daemon(&d);
		close_daemon(&d);
	}
out:
	free(rest);
	return code;
}
