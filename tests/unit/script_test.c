/*
 * Scripts on the real engine, a Maildir and a state: load point, activation, fields,
 * verbs, decisions, store, tasks, the end.  The Lua half is a few lines of its own here,
 * so that the C half is tested alone: the global `core` is what the embedded files get.
 */
#include "unit.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "bind/bind_int.h"

struct world {
	char		 dir[300], maildir[340], state_dir[340], file[340], lua[340];
	struct loop	*loop;
	struct log	*log;
	struct state	*state;
	struct engine	*engine;
	struct script	*script;
	struct str	 logged;
	struct err	 loaded;
	char		 load_point[100], detail[2000];
	enum script_phase phase;
	bool		 rules;			/* activate the rules as well */
	bool		 is_loaded, idle, stopped, free_when_loaded;
};

static const char init_lua[] =
	"local core = ...\n"
	"local hooks = {}\n"
	"rawset(_G, 'core', core)\n"
	"rawset(_G, 'on', hooks)\n"
	"rawset(_G, 'say', function(...) core.log('info', table.concat({...}, ' ')) end)\n"
	"function core.loaded() if hooks.loaded then hooks.loaded() end end\n"
	"function core.activated() if hooks.activated then hooks.activated() end end\n"
	"return { core = core, load = function(n) return core.load(n) end }\n";

static void
put(const char *dir, const char *name, const char *text)
{
	char path[700];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void
deliver(struct world *w, int n, const char *subject)
{
	char name[100], text[500];

	snprintf(name, sizeof(name), "new/%d.M%d.test", 1700000000 + n, n);
	snprintf(text, sizeof(text), "From: Anna <a%d@Example.org>\nTo: b@x.example, c@x.example\n"
	    "Subject: %s\nDate: Fri, 30 Jan 2026 14:00:00 +0100\nMessage-ID: <m%d@x>\n"
	    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: text/plain; charset=utf-8\n\nbody of %d\n--b\n"
	    "Content-Type: application/pdf; name=x.pdf\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n"
	    "--b--\n", n, subject, n, n);
	put(w->maildir, name, text);
}

static int
files(const char *maildir, const char *folder)
{
	static const char *const subs[] = { "cur", "new" };
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		char p[500];
		struct dirent *d;
		DIR *dir;

		snprintf(p, sizeof(p), "%s%s/%s", maildir, folder, subs[i]);
		dir = opendir(p);
		while (dir != NULL && (d = readdir(dir)) != NULL)
			n += d->d_name[0] != '.';
		if (dir != NULL)
			closedir(dir);
	}
	return n;
}

static void
on_line(void *arg, enum log_level level, const char *line)
{
	struct world *w = arg;

	(void)level;
	str_adds(&w->logged, line);
	str_addc(&w->logged, '\n');
}

static void
begin(struct world *w, const char *name)
{
	static const char *const subs[] = { "cur", "new", "tmp" };
	struct err e = ERR_NONE;
	long pid;
	char p[500];

	snprintf(w->dir, sizeof(w->dir), "%s/%s", unit_tmp(), name);
	mkdir(w->dir, 0700);
	snprintf(w->maildir, sizeof(w->maildir), "%s/Mail", w->dir);
	mkdir(w->maildir, 0700);
	for (size_t i = 0; i < 3; i++) {
		snprintf(p, sizeof(p), "%s/%s", w->maildir, subs[i]);
		mkdir(p, 0700);
	}
	snprintf(w->lua, sizeof(w->lua), "%s/lua", w->dir);
	mkdir(w->lua, 0700);
	snprintf(p, sizeof(p), "%s/mail", w->lua);
	mkdir(p, 0700);
	put(p, "init.lua", init_lua);
	put(p, "more.lua", "local core = ... return { n = core.loads }\n");
	snprintf(w->state_dir, sizeof(w->state_dir), "%s/state", w->dir);
	snprintf(w->file, sizeof(w->file), "%s/rules.lua", w->dir);
	w->loop = loop_new(&e);
	w->log = log_new(-1, LOG_TEXT, false, LOG_DEBUG);
	log_tap(w->log, on_line, w);
	w->state = state_open(w->loop, w->log, w->state_dir, "state", &pid, &e);
	w->engine = engine_new(&(struct engine_conf){ .loop = w->loop, .log = w->log,
		.state = w->state, .existing = true });
	w->phase = SCRIPT_EXEC;
}

static void on_idle(void *arg) { ((struct world *)arg)->idle = true; }
static void on_stopped(void *arg) { ((struct world *)arg)->stopped = true; }
static void on_tick(void *arg) { (void)arg; }

static void
on_loaded(void *arg, struct script *s, const struct err *e, const char *detail, const char *where)
{
	struct world *w = arg;
	struct err err = ERR_NONE;

	w->is_loaded = true;
	w->loaded = *e;
	snprintf(w->detail, sizeof(w->detail), "%s", detail);
	snprintf(w->load_point, sizeof(w->load_point), "%s", where != NULL ? where : "end");
	if (w->free_when_loaded)
		script_free(&w->script);
	if (err_is(e) || w->free_when_loaded || w->phase == SCRIPT_CHECK)
		return;
	if ((w->rules ? engine_activate(w->engine, script_ruleset(s), &err) :
	    engine_activate_accounts(w->engine, script_ruleset(s), &err)) < 0) {
		str_adds(&w->logged, err.text);
		return;
	}
	script_on_idle(s, on_idle, w);
	script_activate(s, w->engine);
}

static int
load(struct world *w, const char *text, struct err *e)
{
	struct script_conf conf = { .loop = w->loop, .log = w->log, .state = w->state,
		.phase = w->phase, .file = w->file, .lua_dir = w->lua };

	put(w->dir, "rules.lua", text);
	w->script = script_load(&conf, on_loaded, w, e);
	return w->script != NULL ? 0 : -1;
}

/* A deferred call may set the flag before the turn waits, so no turn waits long. */
static void
turn(struct world *w)
{
	struct loop_timer *t = loop_after(w->loop, 5, on_tick, NULL);

	(void)t;
	loop_turn(w->loop, true);
}

/* Turns the loop until *flag, 20 s at most. */
static bool
until(struct world *w, const bool *flag)
{
	int64_t last = clock_mono_ms() + 20000;

	while (!*flag && clock_mono_ms() < last)
		turn(w);
	return *flag;
}

/* Runs a program that begins with the account to its end. */
static bool
run(struct world *w, const char *text)
{
	struct str all = STR_INIT;
	struct err e = ERR_NONE;
	int r;

	str_addf(&all, "core.declare_account{kind='maildir', name='home', path='%s', create=true}\n"
	    "local H, I = 'home', 'INBOX'\n%s", w->maildir, text);
	r = load(w, str_z(&all), &e);
	str_free(&all);
	if (r < 0) {
		printf("# %s\n", e.text);
		return false;
	}
	return until(w, &w->is_loaded) && (err_is(&w->loaded) || until(w, &w->idle));
}

static void
end(struct world *w)
{
	if (w->script != NULL)
		script_stop(w->script);
	engine_stop(w->engine, 0, on_stopped, w);
	until(w, &w->stopped);
	script_free(&w->script);
	engine_free(&w->engine);
	state_close(&w->state);
	log_free(&w->log);
	loop_free(&w->loop);
	str_free(&w->logged);
	memset(w, 0, sizeof(*w));
}

#define EXPECT_LOG(w, words) do { \
	if (strstr(str_z(&(w)->logged), words) == NULL) \
		UNIT_FAIL("\"%s\" was not logged:\n%s", words, str_z(&(w)->logged)); \
} while (0)

TEST(script_that_cannot_be_read_or_compiled)
{
	struct world w = { 0 };
	struct err e = ERR_NONE;

	begin(&w, "bad");
	EXPECT_EQ(load(&w, "local x = = 1\n", &e), -1);
	EXPECT(strstr(e.text, "rules.lua:1:") != NULL);
	EXPECT(strchr(e.text, '\n') == NULL);
	end(&w);
}

TEST(script_load_point_at_the_end)
{
	struct world w = { 0 };

	begin(&w, "point1");
	EXPECT(run(&w, "on.loaded = function() say 'loaded hook' end\n"
	    "assert(core.load('more') == core.load('more'))\nassert(not core.active())"));
	EXPECT_STR(w.load_point, "end");
	EXPECT_LOG(&w, "loaded hook");
	EXPECT(!script_has_tasks(w.script));
	EXPECT(!err_is(script_main_error(w.script)));
	end(&w);
}

TEST(script_load_point_in_the_middle)
{
	struct world w = { 0 };

	begin(&w, "point2");
	EXPECT(run(&w, "core.gate()\nassert(core.active())\n"
	    "local ok, e = pcall(core.attach, H, I, { name = 'late' })\nsay(tostring(e))"));
	EXPECT_STR(w.load_point, "rules.lua:3");
	EXPECT_LOG(&w, "after the load point (rules.lua:3)");
	end(&w);
}

TEST(script_that_raises_while_loading)
{
	struct world w = { 0 };

	begin(&w, "raises");
	EXPECT(run(&w, "error 'no such thing'"));
	EXPECT_EQ(w.loaded.kind, ERR_USAGE);
	EXPECT(strstr(w.loaded.text, "rules.lua:3: no such thing") != NULL);
	EXPECT(strstr(w.detail, "stack traceback") != NULL);
	end(&w);
}

TEST(script_checked_and_freed_in_reply)
{
	struct world w = { .free_when_loaded = true };
	struct err e = ERR_NONE;

	begin(&w, "check");
	w.phase = SCRIPT_CHECK;
	EXPECT_EQ(load(&w, "local t = setmetatable({}, { __close = function() say 'closed' end })\n"
	    "local c <close> = t\ncore.gate()\nsay 'never'", &e), 0);
	EXPECT(until(&w, &w.is_loaded));
	EXPECT(w.script == NULL);
	EXPECT_LOG(&w, "closed");
	EXPECT(strstr(str_z(&w.logged), "never") == NULL);
	end(&w);
}

TEST(script_findings_in_order)
{
	struct world w = { 0 };

	begin(&w, "findings");
	EXPECT(run(&w, "core.finding(false, 'rules.lua:12', 'b')\n"
	    "core.finding(false, 'rules.lua:9', 'a')\n"
	    "core.attach(H, I, { name = 'idle', where = 'rules.lua:10' })"));
	EXPECT_EQ(w.script->findings.n, 2);
	end(&w);
}

TEST(script_message_fields)
{
	struct world w = { 0 };

	begin(&w, "fields");
	deliver(&w, 1, "=?utf-8?q?gr=C3=BC=C3=9Fe?=");
	EXPECT(run(&w, "core.gate()\nlocal uids, maybe = core.search(H, I, core.query_all(), 0)\n"
	    "assert(#uids == 1 and maybe[1] == false)\nlocal m = core.message(H, I, uids[1])\n"
	    "core.prefetch({m}, nil)\n"
	    "say(m.subject, tostring(m.from), m.from.name, m.from.domain, #m.to, m.date, m.message_id)\n"
	    "assert(m.cc == nil and m.reply_to == nil and m.size > 100 and m.uid == 1)\n"
	    "assert(m:header 'subject' == m.subject and m:header 'x-no' == nil)\n"
	    "assert(#m:headers 'to' == 1 and m.text:find 'body of 1' and #m:raw() > 300)\n"
	    "for p in m:parts() do say(p.type, p.number, tostring(p.filename), p:bytes()) end\n"
	    "for p in m:parts 'application/*' do say('pdf', p:text(), p.message.subject) end\n"
	    "say(select(2, pcall(function() return m.subjekt end)).message)\n"
	    "say(core.fill(m, 'x/{from.domain}/{date:%Y}', 'mailbox', nil, nil))\n"
	    "core.methods('mail.message').twice = function(self) return self.uid * 2 end\n"
	    "assert(m:twice() == 2)\n"));
	EXPECT_STR(script_main_error(w.script)->text, "");
	EXPECT_LOG(&w, "gr\xC3\xBC\xC3\x9F" "e a1@example.org Anna example.org 2 1769778000 m1@x");
	EXPECT_LOG(&w, "application/pdf 2 x.pdf hello");
	EXPECT_LOG(&w, "pdf hello gr");
	EXPECT_LOG(&w, "did you mean 'subject'?");
	EXPECT_LOG(&w, "x/example.org/2026");
	end(&w);
}

TEST(script_queries)
{
	struct world w = { 0 };

	begin(&w, "queries");
	deliver(&w, 1, "one");
	deliver(&w, 2, "two");
	EXPECT(run(&w, "local k = core.query_key\n"
	    "local a = k('subject', nil, 'has', {'two'})\n"
	    "local b = core.query_where(function(m) return m.text:find 'of 1' ~= nil end)\n"
	    "say(tostring(core.query_and(a, core.query_not(b))))\n"
	    "assert(select(2, pcall(k, 'subjec')).message:find 'subject')\n"
	    "core.gate()\n"
	    "assert(#core.search(H, I, a, 0) == 1)\n"
	    "local uids, maybe = core.search(H, I, b, 0)\nassert(#uids == 2 and maybe[1] and maybe[2])\n"
	    "local m1, m2 = core.message(H, I, 1), core.message(H, I, 2)\n"
	    "assert(b:test(m1) and not b:test(m2) and a:test(m2) and not a:test(m1))\n"
	    "assert(core.query_or(a, b):test(m1))\n"
	    "assert(k('subject', nil, nil, {core.re 'w.'}):test(m2))\n"
	    "assert(k('from', nil, nil, {core.list{'*@example.org'}}):test(m2))\nsay 'all'"));
	EXPECT_STR(script_main_error(w.script)->text, "");
	EXPECT_LOG(&w, "all");
	end(&w);
}

TEST(script_verbs_and_mailboxes)
{
	struct world w = { 0 };

	begin(&w, "verbs");
	deliver(&w, 1, "one");
	deliver(&w, 2, "two");
	EXPECT(run(&w, "core.gate()\ncore.create(H, 'Lists/dev')\n"
	    "local r = core.verb(H, I, {1, 7}, { verb = 'move', mailbox = 'Lists/dev' })\n"
	    "say(r.done, r.gone, r.failed)\n"
	    "r = core.verb(H, I, {2}, { verb = 'flag', flags = {'seen', 'Invoice'} })\n"
	    "local m = core.message(H, I, 2)\nassert(m.flags.seen and m.flags.Invoice)\n"
	    "local s = core.status(H, I)\nassert(s.messages == 1 and s.unseen == 0)\n"
	    "local names = {}\nfor _, b in ipairs(core.mailboxes(H)) do names[b.name] = true end\n"
	    "assert(names.INBOX and names['Lists/dev'])\n"
	    "core.rename(H, 'Lists/dev', 'Old')\nassert(core.status(H, 'Old').messages == 1)\n"
	    "local ok, e = pcall(core.resolve, H, '@trash')\nassert(not ok)\n"
	    "assert(core.resolve(H, 'X') == 'X')\n"
	    "ok, e = pcall(core.verb, H, I, {2}, { verb = 'delete' })\n"
	    "say(e.op, e.account, e.mailbox, tostring(e.result and e.result.failed))\n"
	    "ok, e = pcall(core.status, 'nobody', I)\nsay(e.message)\n"));
	EXPECT_STR(script_main_error(w.script)->text, "");
	EXPECT_LOG(&w, "1 1 0");
	EXPECT_LOG(&w, "delete home INBOX 1");
	EXPECT_LOG(&w, "no account \"nobody\" is open");
	EXPECT(script_partial(w.script));
	end(&w);
}

TEST(script_store_and_timers)
{
	struct world w = { 0 };

	begin(&w, "store");
	EXPECT(run(&w, "core.gate()\nassert(core.store_get('s', 'k') == nil)\n"
	    "core.store_set('s', 'k', { 1, a = { true } }, nil)\n"
	    "assert(core.store_get('s', 'k').a[1] == true)\n"
	    "assert(core.store_incr('s', 'n', 1) == 1 and core.store_incr('s', 'n', 4) == 5)\n"
	    "assert(not core.store_cas('s', 'n', 4, 6, nil) and core.store_cas('s', 'n', 5, 6, nil))\n"
	    "assert(core.store_cas('s', 'new', nil, 'x', nil))\n"
	    "assert(table.concat(core.store_keys('s', '', 10), ',') == 'k,n,new')\n"
	    "core.store_delete('s', 'k')\nassert(core.store_get('s', 'k') == nil)\n"
	    "assert(not pcall(core.store_incr, 's', 'new', 1))\n"
	    "assert(core.timer_last 'daily' == 0)\ncore.timer_ran('daily', 77)\n"
	    "assert(core.timer_last 'daily' == 77)\nsay 'stored'"));
	EXPECT_STR(script_main_error(w.script)->text, "");
	EXPECT_LOG(&w, "stored");
	end(&w);
}

TEST(script_tasks)
{
	struct world w = { 0 };

	begin(&w, "tasks");
	EXPECT(run(&w, "local t\non.activated = function()\n"
	    "t = core.root(function() core.sleep(0.001) return 5, nil, 7 end, 'r') end\n"
	    "core.gate()\nlocal a, b, c = t:wait()\nassert(a == 5 and b == nil and c == 7)\n"
	    "assert(select('#', t:wait()) == 3 and t:status() == 'done')\n"
	    "local bad = core.root(function() error 'lost' end, 'bad')\nbad:join()\n"
	    "assert(bad:status() == 'failed')\n"
	    "local taken = core.root(function() error 'taken' end, 'bad')\n"
	    "local ok, e = pcall(taken.wait, taken)\nassert(not ok and e.message:find 'taken')\n"
	    "local forever = core.root(function() core.sleep(1e6) end, 'ticking', 'timer')\n"
	    "assert(forever:status() == 'waiting')\nforever:cancel()\nforever:join()\n"
	    "assert(forever:status() == 'canceled')\nsay 'done here'"));
	EXPECT_STR(script_main_error(w.script)->text, "");
	EXPECT_LOG(&w, "done here");
	EXPECT_LOG(&w, "task \"bad\": ");
	EXPECT_EQ(script_task_errors(w.script), 1);
	EXPECT(!script_has_timers(w.script));
	end(&w);
}

TEST(script_stopped_with_a_timer)
{
	struct world w = { 0 };
	struct err e = ERR_NONE;

	begin(&w, "timer");
	EXPECT_EQ(load(&w, "on.activated = function()\n"
	    "core.root(function() core.sleep(1e6) end, 'tick', 'timer') end\n"
	    "core.root(function() core.gate() on.x = 1 end, 'waits')\n", &e), 0);
	EXPECT(until(&w, &w.is_loaded));
	while (!script_has_timers(w.script))
		turn(&w);
	script_stop(w.script);
	EXPECT(until(&w, &w.idle));
	EXPECT(!script_has_tasks(w.script));
	EXPECT_EQ(script_task_errors(w.script), 0);
	end(&w);
}

TEST(script_commands)
{
	struct world w = { 0 };

	begin(&w, "commands");
	deliver(&w, 1, "one");
	EXPECT(run(&w, "core.gate()\n"
	    "local r = core.command{ argv = {'cat'}, stdin = core.message(H, I, 1) }\n"
	    "assert(r.code == 0 and r.out:find 'Subject: one')\n"
	    "r = core.command{ argv = {'sh', '-c', 'echo $A; echo no >&2; exit 3'}, env = {A = 'x=y'} }\n"
	    "say(r.code, r.out, r.err)\n"
	    "r = core.command{ argv = {'sleep', '100'}, timeout = 20 }\nassert(r.timed_out)\n"
	    "local ok, e = pcall(core.command, { argv = {'/no/such/thing'} })\nassert(not ok)\n"
	    "local t = core.root(function() core.command{ argv = {'sleep', '100'} } end, 'child')\n"
	    "core.sleep(0.01)\nt:cancel()\nt:join()\nsay(t:status())"));
	EXPECT_STR(script_main_error(w.script)->text, "");
	EXPECT_LOG(&w, "canceled");
	end(&w);
}

TEST(script_text)
{
	struct world w = { 0 };

	begin(&w, "text");
	EXPECT(run(&w, "local re = core.re('(\\\\w+) (\\\\w+)', 'i')\n"
	    "assert(re:gsub('ab cd ef gh', '%2-%1') == 'cd-ab gh-ef')\n"
	    "assert(select(2, re:gsub('ab cd ef gh', '%0', 1)) == 1)\n"
	    "assert(core.re('\\\\w'):gsub('abc', { a = 'x' }) == 'xbc')\n"
	    "assert(core.re('\\\\w'):gsub('abc', function(c) return c .. c end) == 'aabbcc')\n"
	    "assert(core.re(''):gsub('a\xC3\xBC', '-') == '-a-\xC3\xBC-')\n"
	    "local a, b, c = re:find('  ab cd')\nassert(a == 3 and b == 7 and c == 'ab')\n"
	    "assert(re:match 'x' == nil and core.re('b+'):match('abbb') == 'bbb')\n"
	    "assert(core.re('b'):match('abc', 3) == nil and core.re('b'):match('abc', -2) == 'b')\n"
	    "local n = 0 for x in core.re('.'):gmatch 'abc' do n = n + 1 end assert(n == 3)\n"
	    "assert(table.concat(core.re(', *'):split 'a, b,c', '|') == 'a|b|c')\n"
	    "assert(not pcall(core.re, '(') and not pcall(re.gsub, re, 'a b', '%7'))\n"
	    "local l = core.list{ 'a@b.c', '*@d.e' }\n"
	    "assert(l:has 'A@b.c' and l:has 'x@d.e' and not l:has 'q' and #l == 2)\n"
	    "assert(core.duration '1h' == 3600000 and core.size '2kB' == 2000)\n"
	    "local t = core.split_time(core.time('2026-01-31 14:00', 'UTC'), 'UTC')\n"
	    "assert(t.month == 1 and t.hour == 14 and t.wday == 7 and t.yday == 31)\n"
	    "assert(core.join_time(t, 'UTC') == 1769868000)\n"
	    "assert(core.near('fromm', {'from', 'to'}) == 'from' and core.near('zzz', {'a'}) == nil)\n"
	    "local ok, e = pcall(core.raise, 'usage', 'rules.lua:3: bad')\n"
	    "assert(e.code == 'usage' and e.message == 'bad' and e.where == 'rules.lua:3')\n"
	    "say 'text'"));
	EXPECT_STR(w.loaded.text, "");
	EXPECT_LOG(&w, "text");
	end(&w);
}

/* ---- rule functions */

static bool
run_rules(struct world *w, const char *text)
{
	w->rules = true;
	if (!run(w, text))
		return false;
	w->idle = false;
	engine_on_idle(w->engine, on_idle, w);
	return until(w, &w->idle);
}

TEST(script_rule_decides)
{
	struct world w = { 0 };

	begin(&w, "decides");
	deliver(&w, 1, "go 12");
	deliver(&w, 2, "stay");
	EXPECT(run_rules(&w, "local held\ncore.attach(H, I, { name = 'f', existing = true,\n"
	    "when = core.query_key('subject', nil, 'matches', {core.re '(?<what>go|stay)'}),\n"
	    "run = function(m, c)\n"
	    "  assert(core.handling() and core.deciding(m) and core.captures().what == c.what)\n"
	    "  assert(m.text:find 'body of')\n"
	    "  if c.what == 'go' then held = m\n"
	    "    core.decide{ verb = 'move', mailbox = core.fill(m, 'X{what}', 'mailbox', nil, nil) } end\n"
	    "  say(c.what, core.store_incr('s', 'n', 1), core.store_incr('s', 'n', 1))\n"
	    "  core.store_set('s', 'k', c.what, nil)\n"
	    "  assert(core.store_get('s', 'k') == c.what)\n"
	    "  assert(#core.store_keys('s', '', 10) == 2)\n"
	    "end })\n"
	    "core.attach(H, I, { name = 'g', existing = true, run = function(m)\n"
	    "  say('seen', core.store_get('s', 'k'))\n"
	    "  if held then say(select(2, pcall(function() return held.subject end)).message) end\n"
	    "  assert(not core.store_cas('s', 'k', 'x', 'y', nil))\n"
	    "end })"));
	EXPECT_STR(w.loaded.text, "");
	EXPECT_EQ(files(w.maildir, "/.Xgo"), 1);
	EXPECT_EQ(files(w.maildir, ""), 1);
	EXPECT_LOG(&w, "home:INBOX/2: stay");
	EXPECT_LOG(&w, "seen stay");
	EXPECT_LOG(&w, "message is closed");
	EXPECT_EQ(engine_counts(w.engine)->failed, 0);
	end(&w);
}

TEST(script_rule_raises_retries_holds)
{
	struct world w = { 0 };

	begin(&w, "holds");
	for (int i = 1; i <= 4; i++)
		deliver(&w, i, "x");
	EXPECT(run_rules(&w, "core.attach(H, I, { name = 'f', existing = true, run = function(m)\n"
	    "  if m.uid == 1 then error 'broken' end\n"
	    "  if m.uid == 2 then core.retry('not now', 3600000) end\n"
	    "  if m.uid == 3 then pcall(core.hold, 'look here') return end\n"
	    "  core.decide{ verb = 'flag', flags = {'seen'} }\n"
	    "end })"));
	EXPECT_LOG(&w, "rules.lua:4: broken");
	EXPECT_LOG(&w, "held: look here");
	EXPECT_EQ(engine_counts(w.engine)->failed, 1);
	EXPECT_EQ(engine_counts(w.engine)->parked, 1);
	EXPECT_EQ(engine_counts(w.engine)->retried, 2);
	EXPECT_EQ(engine_counts(w.engine)->actions, 1);
	end(&w);
}

TEST(script_where_function_decides_nothing)
{
	struct world w = { 0 };

	begin(&w, "where");
	deliver(&w, 1, "one");
	deliver(&w, 2, "two");
	EXPECT(run_rules(&w, "core.attach(H, I, { name = 'f', existing = true,\n"
	    "when = core.query_where(function(m)\n"
	    "  say(select(2, pcall(core.decide, { verb = 'delete' })).message)\n"
	    "  return m.subject == 'two' end),\n"
	    "actions = { { verb = 'copy', target = 'C/{from.local_part}' } } })"));
	EXPECT_EQ(files(w.maildir, "/.C.a2"), 1);
	EXPECT_EQ(files(w.maildir, "/.C.a1"), 0);
	EXPECT_LOG(&w, "it cannot decide");
	end(&w);
}

/* A function that waits for ever is given up; the script goes while it does. */
TEST(script_freed_under_a_rule_function)
{
	struct world w = { .rules = true };

	begin(&w, "freed");
	deliver(&w, 1, "one");
	EXPECT(run(&w, "core.attach(H, I, { name = 'f', existing = true, run = function(m)\n"
	    "  local c <close> = setmetatable({}, { __close = function() say 'closed' end })\n"
	    "  on.asked = true say 'asked' core.sleep(1e6) end })"));
	while (strstr(str_z(&w.logged), "asked") == NULL)
		turn(&w);
	script_free(&w.script);
	engine_stop(w.engine, 0, on_stopped, &w);
	EXPECT(until(&w, &w.stopped));
	engine_free(&w.engine);
	EXPECT_LOG(&w, "closed");
	state_close(&w.state);
	log_free(&w.log);
	loop_free(&w.loop);
	str_free(&w.logged);
}

TEST(script_store_denied)
{
	struct world w = { 0 };
	struct script_conf conf;
	struct err e = ERR_NONE;

	begin(&w, "denied");
	put(w.dir, "rules.lua", "core.gate()\nlocal ok, e = pcall(core.store_get, 's', 'k')\n"
	    "say(e.code, e.message)\nassert(core.timer_last 'x' == 0)");
	conf = (struct script_conf){ .loop = w.loop, .log = w.log, .state = w.state,
		.phase = SCRIPT_EXEC, .file = w.file, .lua_dir = w.lua, .store_denied = true };
	w.script = script_load(&conf, on_loaded, &w, &e);
	EXPECT(until(&w, &w.idle));
	EXPECT_LOG(&w, "held mail.store belongs to the running daemon");
	EXPECT_STR(script_main_error(w.script)->text, "");
	end(&w);
}
