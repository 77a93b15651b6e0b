/*
 * session: a small engine of lines over plain, TLS and STARTTLS; deadlines, ends of every
 * kind told once to the engine and once to the owner, and freeing at every stage.
 */
#include "stream_kit.h"

#include "source/session.h"

#define INJECTED "there were bytes behind the server's agreement to STARTTLS; " \
	"somebody may have put them there"

enum when { NEVER, IN_OPENED, IN_ENDED, IN_TIMER };

struct test {
	struct world		 w;
	int			 listener;
	struct session		*s;
	struct session_conf	 conf;
	/* the owner */
	int			 opened, ended;
	bool			 loopback, in_order;
	struct err		 e;
	enum when		 free_when;
	/* the engine */
	struct str		 order;		/* what was called: t(ls) o(pened) f(eed) c(losed) */
	struct str		 lines, out;
	int			 ticks, sends, closed;
	int64_t			 now, deadline;
	bool			 fail_tls, fail_tick;
	size_t			 room;		/* most that output shows at once; 0: all */
	struct engine_tls	 tls;
	char			 cipher[100];
};

/* ---- an engine of lines */

static void
act(struct test *t, struct view line, enum engine_want *want_r)
{
	str_addv(&t->lines, line);
	str_addc(&t->lines, '|');
	if (view_is(line, "ready"))
		str_adds(&t->out, "STARTTLS\n");
	if (view_is(line, "go"))
		*want_r = ENGINE_WANT_TLS;
	if (view_is(line, "bye"))
		*want_r = ENGINE_CLOSE;
}

static int
eng_feed(void *arg, struct view in, size_t *used_r, enum engine_want *want_r, struct err *e)
{
	struct test *t = arg;
	ptrdiff_t end;

	str_addc(&t->order, 'f');
	*used_r = 0;
	while (*want_r == ENGINE_GO_ON && (end = view_chr(view_from(in, *used_r), '\n')) >= 0) {
		struct view line = view_sub(in, *used_r, (size_t)end);

		*used_r += (size_t)end + 1;
		if (view_is(line, "mute"))
			return -1;
		if (view_is(line, "bad"))
			return err_set(e, ERR_PROTO, SCOPE_SESSION, "not a line of ours");
		act(t, line, want_r);
	}
	return 0;
}

static struct view
eng_output(void *arg)
{
	struct test *t = arg;
	struct view v = str_view(&t->out);

	if (t->room > 0)
		v.n = MIN(v.n, t->room);
	return v;
}

static void
eng_sent(void *arg, size_t n)
{
	struct test *t = arg;

	t->sends++;
	memmove(t->out.p, t->out.p + n, t->out.len - n);
	str_cut(&t->out, t->out.len - n);
}

static int
eng_on_tls(void *arg, const struct engine_tls *tls, struct err *e)
{
	struct test *t = arg;

	str_addc(&t->order, 't');
	t->tls = *tls;
	snprintf(t->cipher, sizeof(t->cipher), "%s", tls->cipher);
	if (t->fail_tls)
		return err_set(e, ERR_TLS, SCOPE_SESSION, "too weak");
	return 0;
}

static void
eng_on_closed(void *arg, const struct err *e)
{
	struct test *t = arg;

	str_addc(&t->order, 'c');
	t->closed++;
	t->e = *e;
}

static int
eng_tick(void *arg, int64_t now, struct err *e)
{
	struct test *t = arg;

	t->ticks++;
	t->now = now;
	if (now < t->deadline)
		return 0;
	t->deadline = INT64_MAX;
	if (t->fail_tick)
		return err_set(e, ERR_NET, SCOPE_SESSION, "no answer");
	str_adds(&t->out, "tick\n");
	return 0;
}

static int64_t
eng_next_deadline(void *arg)
{
	return ((struct test *)arg)->deadline;
}

static const struct engine_ops eng_ops = {
	.feed = eng_feed, .output = eng_output, .sent = eng_sent, .on_tls = eng_on_tls,
	.on_closed = eng_on_closed, .tick = eng_tick, .next_deadline = eng_next_deadline,
};

/* ---- the owner */

static void
own_opened(void *arg, bool loopback)
{
	struct test *t = arg;

	str_addc(&t->order, 'o');
	t->opened++;
	t->loopback = loopback;
	if (t->now == 0)
		str_addc(&t->order, '!');	/* the engine did not know the time */
	if (t->free_when == IN_OPENED)
		session_over_stream.free(&t->s);
}

static void
own_ended(void *arg, const struct err *e)
{
	struct test *t = arg;

	t->ended++;
	if (t->closed != 1 || !err_is(&t->e) ||
	    (err_is(e) && (e->kind != t->e.kind || strcmp(e->text, t->e.text) != 0)))
		str_addc(&t->order, '!');
	t->in_order = !err_is(e);
	if (t->free_when == IN_ENDED)
		session_over_stream.free(&t->s);
}

static void
own_timer(void *arg)
{
	struct test *t = arg;

	session_over_stream.free(&t->s);
}

static void
prepare(struct test *t, enum session_tls security)
{
	*t = (struct test){ .listener = -1, .deadline = INT64_MAX };
	world_open(&t->w);
	t->conf = (struct session_conf){ .loop = t->w.l, .dns = t->w.dns, .security = security,
	    .timeout_ms = GUARD_MS, .ops = &eng_ops, .engine = t, .opened = own_opened,
	    .ended = own_ended, .arg = t };
}

static void
open_it(struct test *t)
{
	char host[] = HOST;

	t->conf.peer = (struct peer){ host, t->w.port };
	t->conf.tls = t->w.tls;
	t->s = session_over_stream.open(&t->conf);
	memset(host, 'x', sizeof(host) - 1);	/* it was copied */
}

/* A port of this thread. */
static void
listen_here(struct test *t)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	t->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(t->listener, (struct sockaddr *)&in, len) != 0 || listen(t->listener, 1) != 0 ||
	    getsockname(t->listener, (struct sockaddr *)&in, &len) != 0)
		kit_die("listen");
	t->w.port = ntohs(in.sin_port);
}

/* A plain talk with this thread as the server, open. */
static void
open_plain(struct test *t, enum session_tls security)
{
	prepare(t, security);
	if (security == SESSION_STARTTLS) {
		struct err e = ERR_NONE;

		if ((t->w.tls = tls_new(&(struct tls_params){ 0 }, &e)) == NULL)
			kit_die(e.text);
	}
	listen_here(t);
	open_it(t);
	RUN_UNTIL(&t->w, t->opened > 0 || t->ended > 0);
	if ((t->w.peer = accept(t->listener, NULL, NULL)) < 0)
		kit_die("accept");
	fcntl(t->w.peer, F_SETFL, O_NONBLOCK);
}

static void
open_tls(struct test *t, enum session_tls security, kit_serve_fn serve)
{
	prepare(t, security);
	world_server(&t->w, serve);
	open_it(t);
}

static void
close_it(struct test *t)
{
	session_over_stream.free(&t->s);
	if (t->listener >= 0)
		close(t->listener);
	world_close(&t->w);
	str_free(&t->order);
	str_free(&t->lines);
	str_free(&t->out);
}

static void
tell(struct test *t, const char *line)
{
	str_adds(&t->out, line);
	session_over_stream.poke(t->s);
}

static const char *
hear(struct test *t)
{
	static char c[1000];
	ssize_t n = -1;

	for (int i = 0; i < 1000 && n < 0 && !t->w.late; i++) {
		loop_turn(t->w.l, false);
		n = read(t->w.peer, c, sizeof(c) - 1);
		if (n < 0)
			usleep(1000);
	}
	c[n > 0 ? n : 0] = '\0';
	return c;
}

/* What the error says behind host and port. */
static const char *
why(struct test *t)
{
	t->w.e = t->e;
	return words(&t->w);
}

/* ---- talking */

TEST(plain_lines_both_ways)
{
	struct test t;

	open_plain(&t, SESSION_PLAIN);
	EXPECT_STR(str_z(&t.order), "o");
	EXPECT(t.loopback);
	tell(&t, "first\n");
	EXPECT_STR(hear(&t), "first\n");
	say(&t.w, "one\ntwo\nthr");
	RUN_UNTIL(&t.w, t.lines.len == 8);
	say(&t.w, "ee");
	RUN_UNTIL(&t.w, t.order.len == 3);
	say(&t.w, "\nf");
	RUN_UNTIL(&t.w, t.order.len == 4);
	say(&t.w, "our\nready\n");
	RUN_UNTIL(&t.w, t.order.len == 5);
	EXPECT_STR(str_z(&t.lines), "one|two|three|four|ready|");
	EXPECT_STR(hear(&t), "STARTTLS\n");
	EXPECT_EQ(t.ended, 0);
	close_it(&t);
}

TEST(what_one_turn_asks_for_is_one_write)
{
	struct test t;
	int before;

	open_plain(&t, SESSION_PLAIN);
	turns(&t.w, 3);
	before = t.ticks;
	tell(&t, "A\n");
	tell(&t, "B\n");
	EXPECT_EQ(t.ticks, before);		/* not from inside a call */
	EXPECT_EQ(t.sends, 0);
	EXPECT_STR(hear(&t), "A\nB\n");
	EXPECT_EQ(t.sends, 1);
	turns(&t.w, 3);
	EXPECT_EQ(t.ticks, before + 2);		/* the poke, and the drained queue */
	close_it(&t);
}

TEST(more_than_the_stream_takes_goes_in_its_time)
{
	const size_t whole = 3 * STREAM_WRITE_MAX + 7;
	struct test t;
	size_t got = 0;
	char c[65536];

	open_plain(&t, SESSION_PLAIN);
	t.room = 100000;
	while (t.out.len < whole)
		str_addc(&t.out, (char)('a' + t.out.len % 26));
	session_over_stream.poke(t.s);
	while (got < whole && t.ended == 0 && !t.w.late) {
		ssize_t n = read(t.w.peer, c, sizeof(c));

		for (ssize_t i = 0; i < n; i++, got++)
			EXPECT_EQ(c[i], 'a' + (int)(got % 26));
		loop_turn(t.w.l, false);
	}
	EXPECT_EQ(got, whole);
	EXPECT_EQ(t.out.len, 0);
	close_it(&t);
}

TEST(tls_from_the_first_byte)
{
	struct test t;

	open_tls(&t, SESSION_TLS, serve_echo);
	str_adds(&t.out, "ping\n");		/* before it is open */
	session_over_stream.poke(t.s);
	RUN_UNTIL(&t.w, t.lines.len > 0 || t.ended > 0);
	EXPECT_STR(t.e.text, "");
	EXPECT_STR(str_z(&t.order), "tof");
	EXPECT_STR(str_z(&t.lines), "ping|");
	EXPECT(t.tls.verified);
	EXPECT_STR(t.tls.version, "TLSv1.3");
	EXPECT(strncmp(t.cipher, "TLS_", 4) == 0);
	EXPECT(t.loopback);
	close_it(&t);
}

TEST(from_plain_to_tls)
{
	struct test t;

	open_tls(&t, SESSION_STARTTLS, serve_starttls);
	RUN_UNTIL(&t.w, t.tls.verified || t.ended > 0);
	EXPECT_STR(t.e.text, "");
	EXPECT_STR(str_z(&t.order), "offt");
	EXPECT_EQ(t.opened, 1);
	tell(&t, "inside\n");
	RUN_UNTIL(&t.w, t.order.len == 5 || t.ended > 0);
	EXPECT_STR(str_z(&t.lines), "ready|go|inside|");
	close_it(&t);
}

TEST(bytes_behind_the_agreement_are_refused)
{
	const char *tails[] = { "injected\n", "x" };

	for (size_t i = 0; i < 2; i++) {
		struct test t;
		char c[100];

		open_plain(&t, SESSION_STARTTLS);
		say(&t.w, "g");		/* so that some of it lies in the rest */
		RUN_UNTIL(&t.w, t.order.len == 2);
		snprintf(c, sizeof(c), "o\n%s", tails[i]);
		say(&t.w, c);
		RUN_UNTIL(&t.w, t.ended > 0);
		EXPECT_STR(str_z(&t.lines), "go|");
		EXPECT_STR(str_z(&t.order), "offc");
		EXPECT_STR(why(&t), INJECTED);
		EXPECT_EQ(t.e.kind, ERR_TLS);
		EXPECT(read(t.w.peer, c, sizeof(c)) <= 0);
		close_it(&t);
	}
}

TEST(tls_is_not_begun_where_none_was_set_up_nor_twice)
{
	struct test t;

	open_plain(&t, SESSION_PLAIN);
	say(&t.w, "go\n");
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(why(&t), "TLS was to begin where none is set up");
	EXPECT_EQ(t.e.kind, ERR_TLS);
	close_it(&t);
	open_tls(&t, SESSION_TLS, serve_echo);
	str_adds(&t.out, "go\n");
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(why(&t), "TLS was to begin inside of TLS");
	close_it(&t);
}

/* ---- time */

TEST(the_deadline_brings_a_tick)
{
	struct test t;

	open_plain(&t, SESSION_PLAIN);
	turns(&t.w, 3);
	EXPECT(t.now != 0 && t.now <= loop_now(t.w.l));
	t.deadline = loop_now(t.w.l) + 20;
	session_over_stream.poke(t.s);
	EXPECT_STR(hear(&t), "tick\n");
	/* Earlier than the one that is armed. */
	t.deadline = loop_now(t.w.l) + GUARD_MS / 2;
	session_over_stream.poke(t.s);
	turns(&t.w, 3);
	t.deadline = loop_now(t.w.l) + 10;
	session_over_stream.poke(t.s);
	EXPECT_STR(hear(&t), "tick\n");
	t.fail_tick = true;
	t.deadline = 0;
	session_over_stream.poke(t.s);
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(t.e.text, "no answer");
	EXPECT_STR(str_z(&t.order), "oc");
	close_it(&t);
}

/* ---- ends */

TEST(no_host_no_port_no_trust)
{
	struct err e = ERR_NONE;
	struct test t;

	prepare(&t, SESSION_PLAIN);
	t.conf.peer = (struct peer){ "nowhere.example", 143 };
	t.s = session_over_stream.open(&t.conf);
	session_over_stream.poke(t.s);
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(t.e.text, "nowhere.example: there is no host of this name");
	EXPECT_STR(str_z(&t.order), "c");
	close_it(&t);
	prepare(&t, SESSION_PLAIN);
	t.w.port = 1;
	open_it(&t);
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(why(&t), "connection refused: nothing listens there");
	EXPECT(t.e.temporary);
	EXPECT_STR(str_z(&t.order), "c");
	session_over_stream.poke(t.s);		/* useless, harmless */
	turns(&t.w, 3);
	EXPECT_EQ(t.ended, 1);
	close_it(&t);
	prepare(&t, SESSION_TLS);
	world_server(&t.w, serve_echo);
	tls_free(&t.w.tls);
	t.w.tls = tls_new(&(struct tls_params){ 0 }, &e);
	open_it(&t);
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_EQ(t.e.kind, ERR_TLS);
	EXPECT_STR(str_z(&t.order), "c");
	close_it(&t);
}

TEST(the_engine_gives_up)
{
	struct test t;

	open_plain(&t, SESSION_PLAIN);
	say(&t.w, "one\nbad\ntwo\n");
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(str_z(&t.lines), "one|");
	EXPECT_STR(t.e.text, "not a line of ours");
	EXPECT_EQ(t.e.kind, ERR_PROTO);
	EXPECT_STR(str_z(&t.order), "ofc");
	EXPECT_STR(hear(&t), "");		/* closed */
	close_it(&t);
	open_plain(&t, SESSION_PLAIN);
	say(&t.w, "mute\n");
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(why(&t), "the engine gave up without a word");
	close_it(&t);
	prepare(&t, SESSION_TLS);
	t.fail_tls = true;
	world_server(&t.w, serve_echo);
	open_it(&t);
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(t.e.text, "too weak");
	EXPECT_STR(str_z(&t.order), "tc");	/* never opened */
	close_it(&t);
}

TEST(an_end_in_order)
{
	struct test t;

	open_plain(&t, SESSION_PLAIN);
	say(&t.w, "one\nbye\nmore\n");
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT(t.in_order);
	EXPECT_EQ(t.e.kind, ERR_CANCELED);
	EXPECT_STR(why(&t), "the session has ended");
	EXPECT_STR(str_z(&t.order), "ofc");
	EXPECT_STR(str_z(&t.lines), "one|bye|");
	close_it(&t);
}

TEST(an_end_by_the_server)
{
	struct test t;

	open_plain(&t, SESSION_PLAIN);
	say(&t.w, "last words\n");
	close(t.w.peer);
	t.w.peer = -1;
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(why(&t), "the server closed the connection");
	EXPECT(t.e.temporary);
	EXPECT_STR(str_z(&t.lines), "last words|");
	EXPECT_STR(str_z(&t.order), "ofc");
	close_it(&t);
	open_tls(&t, SESSION_TLS, serve_cut);
	RUN_UNTIL(&t.w, t.ended > 0);
	EXPECT_STR(why(&t), "the connection was cut: the server closed it without a TLS goodbye");
	close_it(&t);
}

TEST(a_line_without_end_has_one)
{
	char c[8192];
	struct test t;

	open_plain(&t, SESSION_PLAIN);
	memset(c, 'x', sizeof(c));
	while (t.ended == 0 && !t.w.late) {
		(void)!write(t.w.peer, c, sizeof(c));
		turns(&t.w, 2);
	}
	EXPECT_STR(why(&t), "a line of the server is over 64 kB");
	EXPECT_EQ(t.e.kind, ERR_LIMIT);
	close_it(&t);
}

/* ---- freeing */

TEST(callbacks_may_free_the_session)
{
	const enum when whens[] = { IN_OPENED, IN_ENDED, IN_TIMER };

	for (int tls = 0; tls < 2; tls++) {
		for (size_t i = 0; i < 3; i++) {
			struct test t;

			prepare(&t, tls ? SESSION_TLS : SESSION_STARTTLS);
			t.free_when = whens[i];
			world_server(&t.w, tls ? serve_echo : serve_starttls);
			t.deadline = INT64_MAX - 1;
			open_it(&t);
			if (whens[i] == IN_TIMER)
				loop_after(t.w.l, 5, own_timer, &t);
			if (whens[i] == IN_ENDED)
				str_adds(&t.out, tls ? "bad\n" : "STARTTLX\nbye\nx");
			RUN_UNTIL(&t.w, t.s == NULL);
			EXPECT(t.s == NULL);
			EXPECT_EQ(t.ended, whens[i] == IN_ENDED);
			EXPECT_EQ(t.closed, whens[i] == IN_ENDED);
			loop_cancel(t.w.l, &t.w.guard);
			loop_run(t.w.l);		/* ends: nothing is left */
			close_it(&t);
		}
	}
}

TEST(freeing_at_every_stage_leaves_nothing)
{
	/* At once, dialling, shaking hands, open, poked, going to TLS, with bytes kept, over. */
	for (int stage = 0; stage < 8; stage++) {
		struct test t;

		if (stage < 3) {
			open_tls(&t, SESSION_TLS, serve_stall);
			turns(&t.w, stage == 0 ? 0 : stage == 1 ? 1 : 5);
		} else {
			open_plain(&t, SESSION_STARTTLS);
			turns(&t.w, 3);
		}
		if (stage == 4)
			tell(&t, "bytes\n");
		if (stage == 5) {
			say(&t.w, "go\n");
			RUN_UNTIL(&t.w, t.order.len == 2);
		} else if (stage == 6) {
			say(&t.w, "half a l");
			RUN_UNTIL(&t.w, t.order.len == 2);
		} else if (stage == 7) {
			say(&t.w, "bye\n");
			RUN_UNTIL(&t.w, t.ended > 0);
		}
		session_over_stream.free(&t.s);
		session_over_stream.free(&t.s);
		EXPECT_EQ(t.closed, stage == 7);
		EXPECT_EQ(t.ended, stage == 7);
		loop_cancel(t.w.l, &t.w.guard);
		loop_run(t.w.l);		/* ends: nothing is left */
		close_it(&t);
	}
}
