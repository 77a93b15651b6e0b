/*
 * What a talk asks of the source (lines "> ..."), and what came of it, as lines of text
 * that "= ..." is compared with.
 */
#include "talk_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define WORDS_MAX 12u

struct words { char *at[WORDS_MAX]; size_t n; char *memory; };

/* ---- outcomes */

void
talk_tell(struct talk_run *r, const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	str_addvf(&s, fmt, ap);
	va_end(ap);
	text = str_take(&s);
	/* Several changes may come as one, and do when the server's bytes come cut. */
	for (size_t i = 0; i < r->outcomes.n; i++)
		if (!r->outcomes.at[i].taken && strncmp(text, "changed ", 8) == 0 &&
		    strcmp(r->outcomes.at[i].text, text) == 0) {
			free(text);
			return;
		}
	talk_lines_add(&r->outcomes, text, 0);
}

static void
add_err(struct str *s, const struct err *e)
{
	str_addf(s, "(%s, %s, %s): %s", err_kind_name(e->kind), err_scope_name(e->scope),
	    e->temporary ? "temporary" : "permanent", e->text);
}

static void
add_message(struct str *s, struct message *m)
{
	const struct message_facts *f = message_facts(m);
	const struct address_list *from;
	unsigned have = message_have(m);
	struct view v;

	str_addf(s, "%u", f->uid);
	if ((have & NEED_FLAGS) != 0) {
		str_adds(s, " [");
		flags_print(s, &f->flags);
		str_adds(s, "]");
	}
	if ((have & NEED_SIZE) != 0)
		str_addf(s, " %lld bytes", (long long)f->size);
	if ((have & NEED_RECEIVED) != 0)
		str_addf(s, " at %lld", (long long)f->received);
	if ((have & (NEED_HEADER | NEED_BODY)) != 0) {
		if (message_field(m, FIELD_SUBJECT, &v))
			str_addf(s, " \"%.*s\"", VIEW_ARG(v));
		from = message_addresses(m, VIEW("from"));
		if (from->n > 0)
			str_addf(s, " from %.*s", VIEW_ARG(from->at[0].address));
	}
	if ((have & NEED_STRUCTURE) != 0)
		str_addf(s, " %zu parts", mime_count(message_mime(m)));
	if ((have & NEED_BODY) != 0) {
		v = view_trim(message_text(m));
		str_addf(s, " text %zu \"%.*s\"", message_raw(m).n, (int)MIN(v.n, (size_t)40),
		    v.p != NULL ? v.p : "");
	}
}

static void
answered(struct request *r)
{
	static const char *const kinds[] = { "list", "create", "rename", "remove", "status", "scan",
		"fetch", "flags", "copy", "move", "expunge", "append" };
	static const char *const results[] = { "done", "gone", "copied only", "failed" };
	struct talk_run *run = CONTAINER_OF(r->arg, struct talk_run, requests);
	struct str s = STR_INIT;

	str_addf(&s, "%s %s%s", kinds[r->kind], results[r->result], r->adopted ? ", adopted" : "");
	if (r->uid != 0 && r->kind >= REQ_FETCH)
		str_addf(&s, " %u", r->uid);
	if (r->result == RESULT_FAILED || err_is(&r->err)) {
		str_adds(&s, " ");
		add_err(&s, &r->err);
	}
	if (r->result == RESULT_DONE && (r->kind == REQ_SCAN || r->kind == REQ_STATUS))
		str_addf(&s, ", uidvalidity %u, uidnext %u", r->status.uidvalidity,
		    r->status.uidnext);
	if (r->result == RESULT_DONE && r->kind == REQ_STATUS)
		str_addf(&s, ", %lld messages, %lld unseen", (long long)r->status.messages,
		    (long long)r->status.unseen);
	if (r->new_uid != 0)
		str_addf(&s, ", new uid %u", r->new_uid);
	if (r->more)
		str_adds(&s, ", more");
	for (size_t i = 0; i < r->messages.n; i++) {
		str_adds(&s, i == 0 ? ": " : "; ");
		add_message(&s, r->messages.at[i]);
	}
	if (r->message != NULL && r->result == RESULT_DONE) {
		str_adds(&s, ": ");
		add_message(&s, r->message);
	}
	for (size_t i = 0; i < r->list.n; i++)
		str_addf(&s, "%s%s%s%s%s", i == 0 ? ": " : ", ", r->list.at[i].name,
		    r->list.at[i].role != NULL ? " as " : "",
		    r->list.at[i].role != NULL ? r->list.at[i].role : "",
		    r->list.at[i].selectable ? "" : " (no messages)");
	if (!run->closing)
		talk_tell(run, "%s", str_z(&s));
	str_free(&s);
	request_free(&r);
}

static void
changed(void *arg, const char *mailbox, const struct err *lost)
{
	struct talk_run *r = arg;
	struct str s = STR_INIT;

	if (lost != NULL && err_is(lost)) {
		add_err(&s, lost);
		talk_tell(r, "lost %s %s", mailbox, str_z(&s));
		str_free(&s);
	} else if (!r->closing) {
		talk_tell(r, "changed %s", mailbox);
	}
}

static void
on_log(void *arg, enum log_level level, const char *line)
{
	/* The password, and what SASL makes of it: base64 of "\0anna\0s3cret-pass", of itself. */
	static const char *const hidden[] = { TALK_PASSWORD, TALK_TOKEN, "AGFubmEAczNjcmV0LXBhc3M",
		"czNjcmV0LXBhc3M", "dXNlcj1hbm5h" };
	struct talk_run *r = arg;

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (strstr(line, hidden[i]) != NULL)
			r->leaked = true;
	talk_lines_add(&r->logged, xstrdup(line), 0);
	r->logged.at[r->logged.n - 1].taken = level == LOG_WIRE;	/* nothing for "= log:" */
}

/* ---- the source */

static unsigned
number_option(const struct talk_script *t, const char *name, unsigned otherwise)
{
	const char *v = talk_option(t, name);

	return v != NULL ? (unsigned)strtoul(v, NULL, 10) : otherwise;
}

static struct credential *
given(const char *text, struct err *e)
{
	struct secret *s = secret_of(view_of(text));
	struct credential *c = credential_new(&(struct credential_spec){
		.kind = CREDENTIAL_GIVEN, .given = s }, e);

	secret_free(&s);
	return c;
}

int
talk_open_source(struct talk_run *r)
{
	const struct talk_script *t = r->script;
	const char *tls = talk_option(t, "tls"), *poll = talk_option(t, "poll");
	const char *timeout = talk_option(t, "timeout"), *user = talk_option(t, "user");
	const char *password = talk_option(t, "password"), *token = talk_option(t, "token");
	struct err e = ERR_NONE;
	struct imap_source_conf conf = { .name = "test", .host = "mail.example.org", .port = 993,
		.user = user != NULL ? user : "anna", .authzid = talk_option(t, "authzid"),
		.security = SESSION_TLS, .dns = (struct dns *)(void *)r,
		.tls = (struct tls *)(void *)r, .maker = &talk_maker,
		.insecure_plaintext = talk_option(t, "insecure_plaintext") != NULL,
		.max_connections = number_option(t, "max_connections", 1),
		.read_only = talk_option(t, "read_only") != NULL,
		.subscribe = talk_option(t, "subscribe") != NULL,
		.poll_ms = poll != NULL ? talk_ms(poll) : 0,
		.timeout_ms = timeout != NULL ? talk_ms(timeout) : 0 };

	if (tls != NULL && strcmp(tls, "starttls") == 0) {
		conf.security = SESSION_STARTTLS;
		conf.port = 143;
	} else if (tls != NULL && strcmp(tls, "none") == 0) {
		conf.security = SESSION_PLAIN;
		conf.tls = NULL;
		conf.port = 143;
	}
	r->loop = loop_fake_new(INT64_C(1767225600000));
	r->log = log_new(-1, LOG_TEXT, false, r->cut.how == CUT_NEVER ? LOG_WIRE : LOG_INFO);
	log_tap(r->log, on_log, r);
	if (token == NULL)
		conf.password = r->password = given(password != NULL ? password : TALK_PASSWORD, &e);
	else
		conf.token = r->token = given(token[0] != '\0' ? token : TALK_TOKEN, &e);
	r->source = err_is(&e) ? NULL : imap_source_open(r->loop, r->log, &conf, &e);
	if (r->source == NULL)
		snprintf(r->why, sizeof(r->why), "the source does not open: %s", e.text);
	return r->source != NULL ? 0 : -1;
}

/* ---- requests */

static void
split(struct words *w, const char *text)
{
	char *p = w->memory = xstrdup(text), *to;

	w->n = 0;
	while (w->n < WORDS_MAX) {
		while (*p == ' ')
			p++;
		if (*p == '\0')
			break;
		if (*p == '"') {
			w->at[w->n++] = to = ++p;
			while (*p != '\0' && *p != '"') {
				if (*p == '\\' && p[1] != '\0')
					p++;
				*to++ = *p++;
			}
			if (*p == '"')
				p++;
			*to = '\0';
			continue;
		}
		w->at[w->n++] = p;
		while (*p != '\0' && *p != ' ')
			p++;
		if (*p != '\0')
			*p++ = '\0';
	}
}

static unsigned
need_of(const char *words)
{
	static const struct { const char *name; unsigned need; } rows[] = {
		{ "flags", NEED_FLAGS }, { "size", NEED_SIZE }, { "received", NEED_RECEIVED },
		{ "facts", NEED_FACTS }, { "header", NEED_HEADER },
		{ "structure", NEED_STRUCTURE }, { "body", NEED_BODY },
	};
	unsigned need = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strstr(words, rows[i].name) != NULL)
			need |= rows[i].need;
	return need;
}

static struct blob *
letter(const char *subject)
{
	struct str s = STR_INIT;
	struct blob *b;

	str_addf(&s, "Subject: %s\r\n\r\nHello\r\n", subject);
	b = blob_copy(str_view(&s));
	str_free(&s);
	return b;
}

/* Words behind the fixed ones: "create", "limit 5", "need header,body", "+seen", "-Kw", ... */
static bool
add_rest(struct request *q, const struct words *w, size_t from)
{
	for (size_t i = from; i < w->n; i++) {
		const char *a = w->at[i], *next = i + 1 < w->n ? w->at[i + 1] : "";
		struct view keyword;
		struct err e = ERR_NONE;
		unsigned sys;

		if (a[0] == '+' || a[0] == '-') {
			if (flag_parse(view_of(a + 1), &sys, &keyword, &e) < 0)
				return false;
			flags_add(a[0] == '+' ? &q->add : &q->del, sys, keyword);
		} else if (strcmp(a, "create") == 0) {
			q->create = true;
		} else if (strcmp(a, "probe") == 0) {
			q->probe = true;
		} else if (strcmp(a, "limit") == 0) {
			q->limit = (size_t)strtoul(next, NULL, 10);
			i++;
		} else if (strcmp(a, "upto") == 0) {
			q->upto = (uint32_t)strtoul(next, NULL, 10);
			i++;
		} else if (strcmp(a, "under") == 0) {
			q->uidvalidity = (uint32_t)strtoul(next, NULL, 10);
			i++;
		} else if (strcmp(a, "need") == 0) {
			q->need = need_of(next);
			i++;
		} else if (strcmp(a, "received") == 0) {
			q->received = strtoll(next, NULL, 10);
			i++;
		} else {
			return false;
		}
	}
	return true;
}

static bool
request(struct talk_run *r, const struct words *w)
{
	static const struct {
		const char *verb;
		enum request_kind kind;
		bool uid, target;
	} rows[] = {
		{ "list", REQ_LIST, false, false }, { "create", REQ_CREATE, false, false },
		{ "rename", REQ_RENAME, false, true }, { "remove", REQ_REMOVE, false, false },
		{ "status", REQ_STATUS, false, false }, { "scan", REQ_SCAN, true, false },
		{ "fetch", REQ_FETCH, true, false }, { "flags", REQ_FLAGS, true, false },
		{ "copy", REQ_COPY, true, true }, { "move", REQ_MOVE, true, true },
		{ "expunge", REQ_EXPUNGE, true, false }, { "append", REQ_APPEND, false, false },
	};
	struct request *q;
	struct blob *b = NULL;
	struct message *m = NULL;
	size_t at = 1;
	bool good;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].verb, w->at[0]) != 0)
			continue;
		q = request_new(rows[i].kind, at < w->n ? w->at[at++] : NULL, answered, &r->requests);
		if (rows[i].uid && at < w->n)
			q->uid = (uint32_t)strtoul(w->at[at++], NULL, 10);
		if (rows[i].target && at < w->n)
			q->target = w->at[at++];
		if (q->kind == REQ_SCAN)
			q->limit = 100;
		if (q->kind == REQ_APPEND)
			q->bytes = b = letter(at < w->n ? w->at[at++] : "Hi");
		if (q->kind == REQ_FETCH)
			q->message = m = message_new();
		good = add_rest(q, w, at);
		r->requests++;
		source_submit(r->source, q);
		blob_free(&b);
		message_unref(&m);
		return good;
	}
	return false;
}

/* "move INBOX 1..50 Lists": one request a message, all in one turn. */
static bool
requests(struct talk_run *r, struct words *w)
{
	char *dots = w->n > 2 ? strstr(w->at[2], "..") : NULL;
	unsigned long from, to;
	bool good = true;
	char number[24];

	if (dots == NULL)
		return request(r, w);
	from = strtoul(w->at[2], NULL, 10);
	to = strtoul(dots + 2, NULL, 10);
	w->at[2] = number;
	for (; from <= to && good; from++) {
		snprintf(number, sizeof(number), "%lu", from);
		good = request(r, w);
	}
	return good;
}

static void
closed(void *arg)
{
	talk_tell(arg, "closed");
}

bool
talk_do(struct talk_run *r, const char *text)
{
	struct words w;
	bool good = true;
	const char *verb;
	int64_t ms;

	split(&w, text);
	verb = w.n > 0 ? w.at[0] : "";
	if (strcmp(verb, "wait") == 0 && w.n == 2 && (ms = talk_ms(w.at[1])) >= 0) {
		loop_fake_run_for(r->loop, ms);
	} else if (strcmp(verb, "cut") == 0 && r->at != NULL) {
		talk_break(r->at, "the connection was cut");
	} else if (strcmp(verb, "refuse") == 0 && w.n == 2) {
		r->refuse = (unsigned)strtoul(w.at[1], NULL, 10);
	} else if (strcmp(verb, "watch") == 0 && w.n == 2) {
		r->source->ops->watch(r->source, w.at[1], changed, r);
	} else if (strcmp(verb, "unwatch") == 0 && w.n == 2) {
		r->source->ops->unwatch(r->source, w.at[1], changed, r);
	} else if (strcmp(verb, "awake") == 0 && w.n == 1) {
		r->source->ops->awake(r->source);
	} else if (strcmp(verb, "close") == 0 && w.n == 1) {
		r->source->ops->close(r->source, closed, r);
		r->source = NULL;
	} else {
		good = w.n > 0 && requests(r, &w);
	}
	free(w.memory);
	return good;
}
