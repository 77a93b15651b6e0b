/*
 * What the tests of the IMAP source share: an account on a scripted server in memory, on a loop with a
 * virtual clock.  Signing in, SELECT, NOOP, IDLE and LOGOUT the server does by itself; the rest is
 * a script, a line each:
 *
 *	"C UID FETCH 1:5 (UID)\n"	what the client must say; "%*": any bytes; line ends in it are "|"
 *	"S * 1 FETCH (UID 1)\n"		what the server says; "%1": tag of the first C line of this flight,
 *					%2, ... of the others; "%T" of the last one; "|" is CRLF
 *	"X\n"				the connection is cut; a new one goes on behind it
 *
 * C lines that follow each other are one flight: all are read before what the server says behind
 * them, and they may come in any number of writes.
 */
#ifndef IMAP_KIT_H
#define IMAP_KIT_H

#include "unit.h"

#include "base/mem.h"
#include "net/loop_fake.h"
#include "proto/imap.h"
#include "source/imap_source.h"

#define KIT_CAPS	"IMAP4rev1 LITERAL+ IDLE NAMESPACE UIDPLUS MOVE ESEARCH UNSELECT"
#define KIT_TAGS	32u

struct session;
struct server {
	struct loop		*loop;
	struct source		*source;
	struct credential	*password;
	struct session		*session;	/* the last that was opened and lives */
	const char		*caps;
	unsigned		 exists;
	unsigned		 uidnext;
	unsigned		 uidvalidity;
	const char		*permanent;	/* PERMANENTFLAGS */
	const char		*script;
	/*
	 * Instead of a script, or of what every server does: says something into s->out, or cuts the
	 * connection (s->dead).  False: not this command.
	 */
	bool			(*plays)(struct server *v, struct session *s, const char *tag, struct view cmd);
	size_t			 cut;		/* feed in pieces of so many bytes; 0: whole */
	bool			 after_s;	/* the last step was the server's */
	char			 tags[KIT_TAGS][24];
	size_t			 ntags;
	unsigned		 sessions;
	struct str		 heard;		/* all lines of the client that were not answered by itself */
	struct str		 wrong;		/* the first thing that was not as the script says */
	struct { VEC(struct request *) } requests;
	unsigned		 answered;
	bool			 closed;	/* by the test */
};

struct session {
	struct session_conf	 conf;
	struct server		*server;
	struct str		 in, out;	/* from the client, to the client */
	bool			 dead;		/* ended() is called, or it was freed */
	bool			 pumping;
};

extern struct server *kit_server;	/* who the maker makes sessions for */

static inline void kit_pump_later(struct session *s);

static inline void
kit_wrong(struct server *v, const char *what, struct view line)
{
	if (v->wrong.len == 0)
		str_addf(&v->wrong, "%s: %.*s", what, VIEW_ARG(line));
}

/* "%*" stands for any bytes, the shortest that fit. */
static inline bool
kit_match(struct view pattern, struct view line)
{
	size_t p = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < line.n || p < pattern.n) {
		if (p + 1 < pattern.n && pattern.p[p] == '%' && pattern.p[p + 1] == '*') {
			star = p += 2;
			from = i;
		} else if (p < pattern.n && i < line.n && pattern.p[p] == line.p[i]) {
			p++;
			i++;
		} else if (star != SIZE_MAX && from < line.n) {
			p = star;
			i = ++from;
		} else {
			return false;
		}
	}
	return true;
}

static inline struct view
kit_script_line(struct server *v)
{
	const char *end = strchr(v->script, '\n');

	return view_n(v->script, end != NULL ? (size_t)(end - v->script) : strlen(v->script));
}

static inline void
kit_script_next(struct server *v)
{
	size_t n = kit_script_line(v).n;

	v->script += n + (v->script[n] == '\n');
}

static inline void
kit_say(struct session *s, struct view text)
{
	struct server *v = s->server;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], k = i + 1 < text.n ? text.p[i + 1] : '\0';

		if (c == '|') {
			str_adds(&s->out, "\r\n");
		} else if (c == '%' && k == 'T') {
			str_adds(&s->out, v->ntags > 0 ? v->tags[v->ntags - 1] : "?");
			i++;
		} else if (c == '%' && k >= '1' && k <= '9') {
			size_t n = 0;

			while (i + 1 < text.n && text.p[i + 1] >= '0' && text.p[i + 1] <= '9')
				n = n * 10 + (size_t)(text.p[++i] - '0');
			str_adds(&s->out, n <= v->ntags ? v->tags[n - 1] : "?");
		} else {
			str_addc(&s->out, c);
		}
	}
	str_adds(&s->out, "\r\n");
}

/* The script goes on with what the server does, until the client is to speak. */
static inline void
kit_script_run(struct session *s)
{
	struct server *v = s->server;

	while (!s->dead && v->script != NULL && v->script[0] != '\0') {
		struct view line = kit_script_line(v);

		if (line.p[0] == 'C')
			return;
		kit_script_next(v);
		if (line.p[0] == 'S') {
			kit_say(s, view_from(line, 2));
			v->after_s = true;
		} else if (line.p[0] == 'X') {
			s->dead = true;
			v->after_s = true;
		}
	}
}

/* What every server does; true: it was one of these. */
static inline bool
kit_by_itself(struct session *s, const char *tag, struct view cmd)
{
	struct server *v = s->server;

	if (view_starts(cmd, VIEW("SELECT ")) || view_starts(cmd, VIEW("EXAMINE "))) {
		str_addf(&s->out, "* %u EXISTS\r\n* OK [UIDVALIDITY %u] x\r\n* OK [PERMANENTFLAGS (%s)] x\r\n",
		    v->exists, v->uidvalidity, v->permanent);
		if (v->uidnext > 0)
			str_addf(&s->out, "* OK [UIDNEXT %u] x\r\n", v->uidnext);
		str_addf(&s->out, "%s OK [READ-WRITE] selected\r\n", tag);
	} else if (view_starts(cmd, VIEW("LIST \"\" \"\""))) {
		str_addf(&s->out, "* LIST () \"/\" \"\"\r\n%s OK\r\n", tag);
	} else if (view_starts(cmd, VIEW("NAMESPACE"))) {
		str_addf(&s->out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n%s OK\r\n", tag);
	} else if (view_starts(cmd, VIEW("AUTHENTICATE ")) || view_starts(cmd, VIEW("LOGIN ")) ||
	    view_starts(cmd, VIEW("ID ")) || view_starts(cmd, VIEW("ENABLE ")) || view_is(cmd, "NOOP") ||
	    view_is(cmd, "UNSELECT")) {
		str_addf(&s->out, "%s OK done\r\n", tag);
	} else if (view_is(cmd, "CAPABILITY")) {
		str_addf(&s->out, "* CAPABILITY %s\r\n%s OK done\r\n", v->caps, tag);
	} else if (view_is(cmd, "LOGOUT")) {
		str_addf(&s->out, "* BYE bye\r\n%s OK done\r\n", tag);
	} else {
		return false;
	}
	return true;
}

static inline void
kit_command(struct session *s, struct view line)
{
	struct server *v = s->server;
	ptrdiff_t blank = view_chr(line, ' ');
	struct view cmd = view_from(line, (size_t)(blank + 1)), want;
	char tag[24];

	if (blank < 0 || blank > 20) {
		kit_wrong(v, "no command", line);
		return;
	}
	snprintf(tag, sizeof(tag), "%.*s", (int)blank, line.p);
	if (v->plays != NULL && v->plays(v, s, tag, cmd))
		return;
	if (kit_by_itself(s, tag, cmd))
		return;
	str_addv(&v->heard, cmd);
	str_addc(&v->heard, '\n');
	want = v->script != NULL ? kit_script_line(v) : VIEW_NONE;
	if (want.n < 2 || want.p[0] != 'C' || !kit_match(view_from(want, 2), cmd)) {
		kit_wrong(v, str_z(&v->heard), want);
		str_addf(&s->out, "%s BAD not in the script\r\n", tag);
		return;
	}
	kit_script_next(v);
	if (v->after_s)
		v->ntags = 0;
	v->after_s = false;
	if (v->ntags < KIT_TAGS)
		memcpy(v->tags[v->ntags++], tag, sizeof(tag));
	if (v->script[0] != 'C')
		kit_script_run(s);
}

/* One command, its literals in it, off the front of what came; line ends in it become "|". */
static inline bool
kit_take_command(struct session *s, struct str *cmd)
{
	size_t at = 0;

	str_reset(cmd);
	for (;;) {
		struct view rest = view_from(str_view(&s->in), at);
		ptrdiff_t end = view_find(rest, VIEW("\r\n"));
		unsigned long n = 0;
		ptrdiff_t open;

		if (end < 0)
			return false;
		str_add(cmd, rest.p, (size_t)end);
		at += (size_t)end + 2;
		open = -1;
		for (ptrdiff_t i = end - 1; i >= 0 && open < 0 && end > 2 && rest.p[end - 1] == '}'; i--)
			open = rest.p[i] == '{' ? i : -1;
		if (open < 0)
			break;
		n = strtoul(rest.p + open + 1, NULL, 10);
		rest = view_from(str_view(&s->in), at);
		if (rest.n < n)
			return false;
		str_addc(cmd, '|');
		for (size_t i = 0; i < n; i++)
			if (rest.p[i] != '\r')
				str_addc(cmd, rest.p[i] == '\n' ? '|' : rest.p[i]);
		at += n;
	}
	{
		struct view left = view_from(str_view(&s->in), at);
		char *copy = view_dup(left);

		str_reset(&s->in);
		str_add(&s->in, copy, left.n);
		free(copy);
	}
	return true;
}

static inline void
kit_end(struct session *s, const struct err *e)
{
	struct err why = *e;

	err_set(&why, ERR_NET, SCOPE_SESSION, "the connection was cut");
	why.temporary = true;
	s->dead = true;
	s->conf.ops->on_closed(s->conf.engine, &why);
	s->conf.ended(s->conf.arg, &why);	/* frees s */
}

/* Bytes both ways until nothing moves. */
static inline void
kit_pump(void *arg)
{
	struct session *s = arg;
	struct server *v = s->server;
	struct err e = ERR_NONE;
	struct str cmd = STR_INIT;
	enum engine_want want = ENGINE_GO_ON;
	struct view out;
	bool moved = true;

	s->pumping = false;
	if (s->conf.ops == NULL) {		/* freed meanwhile */
		str_free(&s->in);
		str_free(&s->out);
		free(s);
		return;
	}
	while (moved && !err_is(&e) && want == ENGINE_GO_ON) {
		moved = false;
		if (s->conf.ops->tick(s->conf.engine, loop_now(v->loop), &e) < 0)
			break;
		while ((out = s->conf.ops->output(s->conf.engine)).n > 0) {
			size_t n = out.n;

			str_addv(&s->in, out);
			s->conf.ops->sent(s->conf.engine, n);
			moved = true;
		}
		while (!s->dead && kit_take_command(s, &cmd))
			kit_command(s, str_view(&cmd));
		while (s->out.len > 0 && !err_is(&e) && want == ENGINE_GO_ON) {
			size_t n = v->cut > 0 ? MIN(v->cut, s->out.len) : s->out.len, used = 0;
			char *bytes = xmemdup0(s->out.p, n), *rest;

			if (s->conf.ops->feed(s->conf.engine, view_n(bytes, n), &used, &want, &e) < 0)
				err_set(&e, ERR_PROTO, SCOPE_SESSION, "feed failed");
			rest = xmemdup0(s->out.p + n, s->out.len - n);
			n = s->out.len - n;
			str_reset(&s->out);
			str_add(&s->out, rest, n);
			free(rest);
			free(bytes);
			moved = true;
		}
	}
	str_free(&cmd);
	if (s->dead || err_is(&e) || want == ENGINE_CLOSE)
		kit_end(s, &e);
}

static inline void
kit_pump_later(struct session *s)
{
	if (s->pumping)
		return;
	s->pumping = true;
	loop_defer(s->server->loop, kit_pump, s);
}

static inline void
kit_opened(void *arg)
{
	struct session *s = arg;

	if (s->conf.ops != NULL)
		s->conf.opened(s->conf.arg, true);
	kit_pump(s);
}

static inline struct session *
kit_open(const struct session_conf *conf)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->conf = *conf;
	s->server = kit_server;
	s->server->session = s;
	s->server->sessions++;
	str_addf(&s->out, "* PREAUTH [CAPABILITY %s] hello\r\n", s->server->caps);
	s->pumping = true;
	loop_defer(s->server->loop, kit_opened, s);
	return s;
}

static inline void
kit_poke(struct session *s)
{
	kit_pump_later(s);
}

static inline void
kit_free(struct session **sp)
{
	struct session *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	if (s->server->session == s)
		s->server->session = NULL;
	s->conf.ops = NULL;
	kit_pump_later(s);		/* frees it */
}

static const struct session_maker kit_maker = { kit_open, kit_poke, kit_free };

/* ---- requests */

static inline void
kit_done(struct request *r)
{
	((struct server *)r->arg)->answered++;
}

static inline struct request *
kit_ask(struct server *v, enum request_kind kind, const char *mailbox, uint32_t uid)
{
	struct request *r = request_new(kind, mailbox, kit_done, v);

	r->uid = uid;
	VEC_PUSH(&v->requests, r);
	return r;
}

static inline unsigned
kit_need(const char *letters)
{
	return (strchr(letters, 'H') ? NEED_HEADER : 0u) | (strchr(letters, 'S') ? NEED_STRUCTURE : 0u) |
	    (strchr(letters, 'B') ? NEED_BODY : 0u);
}

/*
 * "move 5 Lists", "move! 5 Lists" (create), "copy 5 Lists", "expunge 5", "flags 5 +seen -Invoice",
 * "fetch 5 HSB", "scan ABOVE LIMIT H", "append Lists text of it": one a line, of INBOX.
 */
static inline void
kit_ask_line(struct server *v, char *line)
{
	static const struct { const char *name; enum request_kind kind; } kinds[] = {
		{ "move", REQ_MOVE }, { "copy", REQ_COPY }, { "expunge", REQ_EXPUNGE },
		{ "flags", REQ_FLAGS }, { "fetch", REQ_FETCH }, { "scan", REQ_SCAN },
		{ "append", REQ_APPEND } };
	char *save = NULL, *verb = strtok_r(line, " ", &save), *word = strtok_r(NULL, " ", &save);
	bool create = verb[strlen(verb) - 1] == '!';
	struct request *r;
	struct err e = ERR_NONE;

	if (create)
		verb[strlen(verb) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].name, verb) != 0)
			continue;
		r = kit_ask(v, kinds[i].kind, kinds[i].kind == REQ_APPEND ? word : "INBOX",
		    kinds[i].kind == REQ_APPEND ? 0 : (uint32_t)strtoul(word, NULL, 10));
		r->create = create;
		if (r->kind == REQ_MOVE || r->kind == REQ_COPY)
			r->target = strtok_r(NULL, " ", &save);
		if (r->kind == REQ_SCAN)
			r->limit = strtoul(strtok_r(NULL, " ", &save), NULL, 10);
		if (r->kind == REQ_SCAN || r->kind == REQ_FETCH)
			r->need = kit_need(save != NULL ? save : "");
		if (r->kind == REQ_APPEND) {
			r->bytes = blob_copy(view_of(save));
			r->add.sys = FLAG_SEEN;
			flags_add(&r->add, 0, VIEW("Paid"));
		}
		while (r->kind == REQ_FLAGS && (word = strtok_r(NULL, " ", &save)) != NULL) {
			struct flags *f = word[0] == '+' ? &r->add : &r->del;
			struct view keyword;
			unsigned sys;

			if (flag_parse(view_of(word + 1), &sys, &keyword, &e) == 0)
				flags_add(f, sys, keyword);
		}
		source_submit(v->source, r);
		if (r->kind == REQ_APPEND) {
			struct blob *b = r->bytes;

			blob_free(&b);	/* the request has its own */
		}
		return;
	}
	abort();
}

static inline void
kit_ask_all(struct server *v, const char *lines)
{
	char *copy = xstrdup(lines), *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		kit_ask_line(v, line);
	free(copy);
}

/* Submits all that was asked since, and lets a minute pass. */
static inline void
kit_go(struct server *v)
{
	for (size_t i = 0; i < v->requests.n; i++)
		if (v->requests.at[i]->source == NULL)
			source_submit(v->source, v->requests.at[i]);
	loop_fake_run_for(v->loop, 10000);
}

/* "5{FSRDHBT}": UID and what is known of it: flags size received header structure body. */
static inline void
kit_message(struct message *m, struct str *out)
{
	static const struct { unsigned need; char c; } known[] = { { NEED_FLAGS, 'f' },
		{ NEED_SIZE, 's' }, { NEED_RECEIVED, 'r' }, { NEED_HEADER, 'H' }, { NEED_STRUCTURE, 'S' },
		{ NEED_BODY, 'B' } };

	str_addf(out, "%u{", message_facts(m)->uid);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (message_have(m) & known[i].need)
			str_addc(out, known[i].c);
	str_addc(out, '}');
}

static inline void
kit_messages(const struct request *r, struct str *out)
{
	str_addc(out, '[');
	for (size_t i = 0; i < r->messages.n; i++) {
		if (i > 0)
			str_addc(out, ',');
		kit_message(r->messages.at[i], out);
	}
	str_adds(out, r->more ? " more]" : "]");
}

/* "done:17 gone failed(held)": the answers in the order of asking; "-": none yet. */
static inline void
kit_results(struct server *v, struct str *out)
{
	for (size_t i = 0; i < v->requests.n; i++) {
		const struct request *r = v->requests.at[i];
		static const char *const names[] = { "done", "gone", "copied_only", "failed" };

		str_addf(out, "%s%s", i > 0 ? " " : "", names[r->result]);
		if (r->new_uid != 0)
			str_addf(out, ":%u", r->new_uid);
		if (r->kind == REQ_SCAN && r->result == RESULT_DONE)
			kit_messages(r, out);
		if (r->kind == REQ_FETCH && r->message != NULL && r->result == RESULT_DONE)
			kit_message(r->message, out);
		if (err_is(&r->err))
			str_addf(out, "(%s%s)", err_kind_name(r->err.kind), r->err.temporary ? ",temporary" : "");
	}
}

/* What came of v's script and of what was asked, as words; lives until the next call. */
static inline const char *
kit_outcome(struct server *v)
{
	static char text[8000];
	struct str out = STR_INIT;

	if (v->wrong.len > 0)
		str_addf(&out, "WRONG %s", str_z(&v->wrong));
	else if (v->script[0] != '\0')
		str_addf(&out, "STOPPED at %s", v->script);
	else if (v->answered != v->requests.n)
		str_addf(&out, "%u of %zu answered", v->answered, v->requests.n);
	else
		kit_results(v, &out);
	snprintf(text, sizeof(text), "%s", str_z(&out));
	str_free(&out);
	return text;
}

/* The same numbers for the same seed, on every machine. */
static inline unsigned
kit_dice(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % n;
}

/* ---- life */

static inline void
kit_begin(struct server *v)
{
	struct secret *tea = secret_of(VIEW("tea"));
	struct credential_spec spec = { .kind = CREDENTIAL_GIVEN, .given = tea };
	struct imap_source_conf conf = { .name = "home", .host = "mail.example.com", .port = 143,
		.user = "anna", .security = SESSION_PLAIN, .insecure_plaintext = true,
		.maker = &kit_maker };
	struct err e = ERR_NONE;

	kit_server = v;
	v->loop = loop_fake_new(1700000000000);
	v->password = credential_new(&spec, &e);
	secret_free(&tea);
	conf.password = v->password;
	if (v->caps == NULL)
		v->caps = KIT_CAPS;
	if (v->permanent == NULL)
		v->permanent = "\\Seen \\Flagged \\Answered \\Draft \\Deleted \\*";
	if (v->uidvalidity == 0)
		v->uidvalidity = 7;
	v->source = imap_source_open(v->loop, NULL, &conf, &e);
	if (v->source == NULL) {
		fprintf(stderr, "kit: %s\n", e.text);
		abort();
	}
}

static inline void
kit_finish(struct server *v)
{
	if (!v->closed)
		v->source->ops->close(v->source, NULL, NULL);
	loop_fake_run_for(v->loop, 10000);
	for (size_t i = 0; i < v->requests.n; i++)
		request_free(&v->requests.at[i]);
	VEC_FREE(&v->requests);
	credential_unref(&v->password);
	str_free(&v->heard);
	str_free(&v->wrong);
	loop_free(&v->loop);
}

/* A script from beginning to end, the server's bytes whole (0) or cut in pieces of so many. */
static inline void
kit_talk(int *unit_failed, const struct server *conf, const size_t *cuts, size_t ncuts, const char *asks,
	const char *want)
{
	for (size_t i = 0; i < ncuts; i++) {
		struct server v = *conf;

		v.cut = cuts[i];
		kit_begin(&v);
		kit_ask_all(&v, asks);
		kit_go(&v);
		EXPECT_STR(kit_outcome(&v), want);
		kit_finish(&v);
	}
}

/* INBOX as most scripts take it. */
static inline void
kit_usual(struct server *v)
{
	if (v->exists == 0) {
		v->exists = 900;
		v->uidnext = 1001;
	}
}

#endif
