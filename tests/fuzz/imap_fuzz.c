/*
 * Any bytes as what a hostile server says to the IMAP engine, cut anywhere, while an owner
 * sends a mix of commands.  Byte 0: how the session is set up; byte 1: how it is cut (low
 * digit 0: by lines).  Then the server's bytes, among which 0xFE and a byte are deeds of
 * the owner or of time, 0xFD is the tag of the oldest command that was not named yet,
 * 0xFC the tag of the newest.
 *
 * Holds: each command is answered exactly once and told nothing after; what is written is whole
 * lines without NUL, bare CR or LF outside of literals; no credential in clear where that is
 * forbidden; time that passes moves the deadline on.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPS_MAX		300u
#define LINE_SHOWN	64u
#define DEED		'\xfe'
#define TAG_OLDEST	'\xfd'
#define TAG_NEWEST	'\xfc'
#define TAG_LETTERS	"aaaaaa"	/* of random bytes that are 0 */

struct owner {
	struct imap	*m;
	int64_t		 now;
	bool		 over, in_clear;
	size_t		 n;			/* commands that were sent */
	unsigned char	 done[OPS_MAX];
	struct blob	*mail;
	unsigned	 tags[2 * OPS_MAX];	/* numbers, as written */
	size_t		 ntags, named;
	/* what is written */
	char		 line[LINE_SHOWN + 1];	/* its beginning */
	size_t		 len;
	char		 end[24];		/* its last bytes, for "{12+}" */
	bool		 cr;
	uint64_t	 literal;		/* bytes of it to come */
	bool		 asked;			/* ... when the server has said "+" */
};

/* ---- what is written */

/* "{12}" or "{12+}" at the end of the line: its size. */
static bool
literal_at_end(const struct owner *o, uint64_t *n_r, bool *asked_r)
{
	size_t have = strnlen(o->end, sizeof(o->end));
	const char *open = have > 0 && o->end[have - 1] == '}' ? strrchr(o->end, '{') : NULL;
	char *behind;

	if (open == NULL || open[1] < '0' || open[1] > '9')
		return false;
	*n_r = strtoull(open + 1, &behind, 10);
	*asked_r = *behind != '+';
	return true;
}

static void
line_ended(struct owner *o)
{
	if (strncmp(o->line, TAG_LETTERS, 6) == 0 && o->ntags < ARRAY_LEN(o->tags))
		o->tags[o->ntags++] = (unsigned)strtoul(o->line + 6, NULL, 10);
	if (o->in_clear)
		assert(strstr(o->line, " LOGIN ") == NULL && strstr(o->line, " AUTHENTICATE ") == NULL);
	if (!literal_at_end(o, &o->literal, &o->asked))
		o->literal = 0, o->asked = false;
	o->len = 0;
	o->line[0] = '\0';
	memset(o->end, 0, sizeof(o->end));
}

static void
written(struct owner *o, char c)
{
	/* Literals of ours never begin like that; a refused one is left out. */
	if (o->asked && (c == 'a' || c == 'D' || c == '*'))
		o->literal = 0;
	o->asked = false;
	if (o->literal > 0) {
		o->literal--;
		return;
	}
	assert(c != '\0' && (c == '\n') == o->cr);
	if (c == '\n') {
		o->cr = false;
		line_ended(o);
		return;
	}
	if (c == '\r') {
		o->cr = true;
		return;
	}
	if (o->len < LINE_SHOWN) {
		o->line[o->len] = c;
		o->line[o->len + 1] = '\0';
	}
	o->len++;
	if (o->end[sizeof(o->end) - 2] != '\0')
		memmove(o->end, o->end + 1, sizeof(o->end) - 1);
	o->end[strlen(o->end)] = c;
}

/* ---- commands */

static void
on_reply(void *arg, struct imap_reply *r)
{
	unsigned char *done = arg;

	assert(*done == 0 && r != NULL);
}

static void
on_done(void *arg, const struct imap_answer *a)
{
	unsigned char *done = arg;

	++*done;
	assert(*done == 1);
	assert(a->result != NULL || err_is(&a->err));
	assert(a->result == NULL || a->result->cond != IMAP_OK || a->sent);
}

static void
sent(struct owner *o, struct imap_op *op)
{
	imap_op_send(op, on_reply, on_done, &o->done[o->n++]);
}

static void
uids(struct owner *o, enum imap_verb v, const char *set, const char *rest, const char *target)
{
	struct imap_op *op = imap_op_new(o->m, v);
	struct seqset s = { 0 };
	struct seq_iter it = { 0 };
	struct err e = ERR_NONE;

	if (seqset_parse(&s, view_of(set), &e) != 0)
		abort();
	imap_op_uids(op, &s, &it, 100);
	imap_cmd_raw(imap_op_cmd(op), rest);
	if (target != NULL)
		imap_op_mailbox(op, view_of(target));
	sent(o, op);
	seqset_free(&s);
}

static void
words(struct owner *o, enum imap_verb v, const char *name, const char *rest)
{
	struct imap_op *op = imap_op_new(o->m, v);

	if (name != NULL)
		imap_op_mailbox(op, view_of(name));
	imap_cmd_raw(imap_op_cmd(op), rest);
	sent(o, op);
}

static void
append(struct owner *o)
{
	const struct view flag = VIEW("\\Seen");
	const struct imap_append a = { .mailbox = VIEW("Sent"), .flags = &flag, .nflags = 1,
	    .dated = true, .received = 1700000000, .zone_min = 60, .bytes = o->mail };
	struct imap_op *op = imap_op_new(o->m, IMAP_DO_APPEND);

	imap_op_append(op, &a);
	sent(o, op);
}

static void
fetch_new(struct owner *o)
{
	struct imap_op *op = imap_op_new(o->m, IMAP_DO_UID_FETCH);

	imap_op_uids_from(op, 44);
	imap_cmd_raw(imap_op_cmd(op), " (UID FLAGS BODY.PEEK[])");
	sent(o, op);
}

static void
deed(struct owner *o, unsigned what)
{
	struct imap_op *op;
	int64_t at;

	if (o->n + 1 >= OPS_MAX)
		return;
	switch (what % 20) {
	case 0: words(o, IMAP_DO_SELECT, "INBOX", ""); break;
	case 1: words(o, IMAP_DO_EXAMINE, "Lists/\"dev\"", ""); break;
	case 2: uids(o, IMAP_DO_UID_FETCH, "1:5,9", " (FLAGS BODYSTRUCTURE)", NULL); break;
	case 3: words(o, IMAP_DO_UID_SEARCH, NULL, "RETURN (ALL) UNSEEN"); break;
	case 4: words(o, IMAP_DO_UID_SEARCH, NULL, "SEEN"); break;
	case 5: uids(o, IMAP_DO_UID_STORE, "2,4", " +FLAGS (\\Seen)", NULL); break;
	case 6: words(o, IMAP_DO_LIST, NULL, "\"\" \"*\""); break;
	case 7: words(o, IMAP_DO_STATUS, "Sent", " (UIDNEXT MESSAGES)"); break;
	case 8: append(o); break;
	case 9: uids(o, IMAP_DO_UID_MOVE, "3", " ", "Lists"); break;
	case 10: uids(o, IMAP_DO_UID_COPY, "3:4", " ", "INBOX"); break;
	case 11: uids(o, IMAP_DO_UID_EXPUNGE, "3", "", NULL); break;
	case 12: fetch_new(o); break;
	case 13: words(o, IMAP_DO_NOOP, NULL, ""); break;
	case 14: words(o, IMAP_DO_CREATE, "Lists\r\nevil", ""); break;	/* cannot be encoded */
	case 15: imap_idle(o->m, true); break;
	case 16: imap_idle(o->m, false); break;
	case 17: imap_probe(o->m); break;
	case 18:
		op = imap_op_new(o->m, IMAP_DO_NOOP);
		imap_op_drop(&op);
		if (what >= 200)
			imap_logout(o->m);
		break;
	case 19:
		at = imap_engine_ops.next_deadline(o->m);
		if (at != INT64_MAX)
			o->now = MAX(o->now, at) + (what >= 128 ? 1 : 0);
		break;
	}
}

static void
on_ready(void *arg)
{
	struct owner *o = arg;

	for (unsigned i = 0; i < 13; i++)
		deed(o, i);
	imap_idle(o->m, true);
}

static void
on_event(void *arg, struct imap_reply *r)
{
	struct owner *o = arg;

	if (r->kind == IMAP_EXISTS && o->n < OPS_MAX / 2)
		fetch_new(o);
}

/* ---- the session */

static void
over(struct owner *o, const struct err *e)
{
	o->over = true;
	imap_engine_ops.on_closed(o->m, e);
	assert(imap_engine_ops.output(o->m).n == 0);
	for (size_t i = 0; i < o->n; i++)
		assert(o->done[i] == 1);
}

static bool
tick(struct owner *o)
{
	struct err e = ERR_NONE;

	if (imap_engine_ops.tick(o->m, o->now, &e) == 0)
		return true;
	assert(err_is(&e));
	over(o, &e);
	return false;
}

static void
pump(struct owner *o, size_t piece)
{
	struct view v;

	if (o->over || !tick(o))
		return;
	while ((v = imap_engine_ops.output(o->m)).n > 0) {
		v.n = MIN(v.n, piece);
		for (size_t i = 0; i < v.n; i++)
			written(o, v.p[i]);
		imap_engine_ops.sent(o->m, v.n);
	}
	assert(imap_engine_ops.next_deadline(o->m) > o->now);
}

static void
begin_tls(struct owner *o)
{
	const struct engine_tls t = { .verified = true, .version = "TLSv1.3", .cipher = "x" };
	struct err e = ERR_NONE;

	if (imap_engine_ops.on_tls(o->m, &t, &e) != 0)
		over(o, &e);
	o->in_clear = false;
}

static void
feed(struct owner *o, struct view in)
{
	enum engine_want want = ENGINE_GO_ON;
	struct err e = ERR_NONE;
	size_t used = 0;

	while (in.n > 0 && !o->over && tick(o)) {
		if (imap_engine_ops.feed(o->m, in, &used, &want, &e) != 0) {
			assert(err_is(&e));
			over(o, &e);
			return;
		}
		assert(used <= in.n);
		in = view_from(in, used);
		if (want == ENGINE_CLOSE) {
			err_set(&e, ERR_CANCELED, SCOPE_SESSION, "in order");
			over(o, &e);
		} else if (want == ENGINE_WANT_TLS) {
			/* What is left counts as sent inside of TLS. */
			assert(imap_engine_ops.output(o->m).n == 0);
			begin_tls(o);
		} else {
			assert(in.n == 0);
		}
	}
}

/* One byte of the server's. */
static void
expand(struct owner *o, char c, struct str *out)
{
	if (c == TAG_OLDEST && o->named < o->ntags)
		str_addf(out, TAG_LETTERS "%u", o->tags[o->named++]);
	else if (c == TAG_NEWEST && o->ntags > 0)
		str_addf(out, TAG_LETTERS "%u", o->tags[o->ntags - 1]);
	else
		str_addc(out, c);
}

static void
talk(struct owner *o, struct view in, unsigned cut)
{
	size_t piece = cut % 16, out = cut < 128 ? SIZE_MAX : cut / 16, i = 0;
	struct str s = STR_INIT;

	pump(o, out);
	while (i < in.n && !o->over) {
		if (in.p[i] == DEED) {
			deed(o, i + 1 < in.n ? (unsigned char)in.p[i + 1] : 0);
			i += 2;
		} else {
			str_reset(&s);
			do
				expand(o, in.p[i++], &s);
			while (i < in.n && in.p[i] != DEED && in.p[i] != TAG_OLDEST &&
			    (piece == 0 ? in.p[i - 1] != '\n' : s.len < piece));
			feed(o, str_view(&s));
		}
		pump(o, out);
	}
	str_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct owner *o;
	struct imap_conf c = { .host = "mail.example.com", .port = 993, .version = "1",
	    .events = { on_ready, on_event } };
	struct secret *password = secret_of(VIEW("t\"ea"));
	unsigned how = size > 0 ? data[0] : 0;
	bool tls = how % 4 == 0, loopback = how % 4 == 2;

	o = calloc(1, sizeof(*o));
	o->now = 1000000;
	o->mail = blob_copy(VIEW("From: x\r\n\r\na\r\n.\r\naaaaaa1 LOGOUT\r\n"));
	o->in_clear = how % 4 == 1 || how % 4 == 3;
	c.arg = o;
	c.starttls = how % 4 == 1;
	c.user = how & 4 ? "m\xC3\xA9" : "me";		/* a literal in LOGIN */
	c.password = password;
	c.token = how & 8 ? password : NULL;
	c.line_max = how & 16 ? 200 : 0;
	c.mech = how & 32 ? SASL_LOGIN : SASL_NONE;
	o->m = imap_new(&c);
	(void)tick(o);
	if (tls)
		begin_tls(o);
	imap_connected(o->m, loopback);
	if (size > 2)
		talk(o, view_n((const char *)data + 2, size - 2), data[1]);
	imap_free(&o->m);
	for (size_t i = 0; i < o->n; i++)
		assert(o->done[i] == 1);
	blob_free(&o->mail);
	secret_free(&password);
	free(o);
	return 0;
}
