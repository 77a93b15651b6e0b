/*
 * stream: dialling, plain and TLS, STARTTLS and what must not come with it, ends in words,
 * and freeing at every stage.
 */
#include "stream_kit.h"

/* ---- bytes */

TEST(plain_bytes_go_both_ways)
{
	struct world w;
	char c[100];

	world_open(&w);
	world_plain(&w, NULL);
	EXPECT_EQ(w.opened, 1);
	say(&w, "hello");
	RUN_UNTIL(&w, w.got.len == 5);
	EXPECT_STR(str_z(&w.got), "hello");
	EXPECT(w.s->in == NULL);		/* idle: no buffer */
	/* What one turn queues goes as one packet. */
	EXPECT_EQ(put(&w, "DONE\r\n"), 0);
	EXPECT_EQ(put(&w, "A1 FETCH\r\n"), 0);
	EXPECT_EQ(stream_queued(w.s), 16);
	RUN_UNTIL(&w, w.drained == 1);
	EXPECT_EQ(read(w.peer, c, sizeof(c)), 16);
	EXPECT_EQ(stream_queued(w.s), 0);
	EXPECT(w.s->out.p == NULL);
	EXPECT(stream_tls(w.s) == NULL);
	EXPECT_EQ(w.ended, 0);
	world_close(&w);
}

TEST(dialled_with_tls_from_the_first_byte)
{
	struct stream_params p;
	struct tls_facts facts;
	struct world w;

	world_open(&w);
	world_server(&w, serve_echo);
	p = params(&w);
	p.tls = w.tls;
	w.s = stream_new(&p);
	EXPECT_EQ(put(&w, "early"), 0);		/* waits for the handshake */
	EXPECT(stream_tls(w.s) == NULL);
	RUN_UNTIL(&w, w.got.len == 5 || w.ended > 0);
	EXPECT_STR(w.e.text, "");
	EXPECT_EQ(w.opened, 1);
	EXPECT_STR(str_z(&w.got), "early");
	tls_conn_facts(stream_tls(w.s), &facts);
	EXPECT_STR(facts.version, "TLSv1.3");
	EXPECT(!facts.resumed);
	stream_shut(w.s, GUARD_MS);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_ORDERLY);
	EXPECT_STR(words(&w), "the server closed the connection");
	stream_free(&w.s);
	/* The next one is resumed. */
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.opened == 2);
	tls_conn_facts(stream_tls(w.s), &facts);
	EXPECT(facts.resumed);
	world_close(&w);
}

TEST(a_refused_certificate_ends_it_in_words)
{
	struct stream_params p;
	struct err e = ERR_NONE;
	struct world w;

	world_open(&w);
	world_server(&w, serve_echo);
	tls_free(&w.tls);
	w.tls = tls_new(&(struct tls_params){ 0 }, &e);
	p = params(&w);
	p.tls = w.tls;
	w.s = stream_new(&p);
	EXPECT_EQ(put(&w, "secret"), 0);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.opened, 0);
	EXPECT_EQ(w.end, STREAM_FAILED);
	EXPECT_EQ(w.e.kind, ERR_TLS);
	EXPECT(!w.e.temporary);
	EXPECT(strstr(words(&w), "the certificate is of a CA that is not trusted here: "
	    "\"Test CA\"") == words(&w));
	EXPECT_EQ(put(&w, "x"), 0);		/* dropped */
	stream_pause(w.s);
	stream_resume(w.s);
	stream_shut(w.s, 1);
	stream_set_idle(w.s, 1);
	turns(&w, 3);
	EXPECT_EQ(w.ended, 1);
	world_close(&w);
}

TEST(a_host_that_is_unknown_and_one_that_refuses)
{
	struct stream_params p;
	struct world w;

	world_open(&w);
	p = params(&w);
	p.peer.host = "nowhere.example";
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_STR(w.e.text, "nowhere.example: there is no host of this name");
	stream_free(&w.s);
	close(pair(&w));		/* a port that was just free */
	p = params(&w);
	p.peer.port = w.port = 1;
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.ended > 1);
	EXPECT_STR(words(&w), "connection refused: nothing listens there");
	EXPECT(w.e.temporary);
	EXPECT_EQ(w.opened, 0);
	world_close(&w);
}

/* ---- STARTTLS */

static size_t
take_starttls(struct world *w, struct view v)
{
	if (view_is(v, "ready\n"))
		(void)!put(w, "STARTTLS\n");
	if (view_is(v, "go\n")) {
		stream_start_tls(w->s, w->tls, loop_now(w->l) + GUARD_MS);
		(void)!put(w, "inside");
	}
	return v.n;
}

TEST(from_plain_to_tls)
{
	struct stream_params p;
	struct world w;

	world_open(&w);
	world_server(&w, serve_starttls);
	w.take = take_starttls;
	p = params(&w);
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.got.len == 15 || w.ended > 0);
	EXPECT_STR(w.e.text, "");
	EXPECT_EQ(w.opened, 2);
	EXPECT_STR(str_z(&w.got), "ready\ngo\ninside");
	EXPECT(stream_tls(w.s) != NULL);
	world_close(&w);
}

/* Takes the first line and asks for TLS. */
static size_t
take_line(struct world *w, struct view v)
{
	stream_start_tls(w->s, w->tls, loop_now(w->l) + GUARD_MS);
	return (size_t)view_chr(v, '\n') + 1;
}

static size_t
take_line_then_more_comes(struct world *w, struct view v)
{
	stream_start_tls(w->s, w->tls, loop_now(w->l) + GUARD_MS);
	say(w, "injected\n");
	return v.n;
}

static size_t
take_line_dirty(struct world *w, struct view v)
{
	(void)!put(w, "LOGIN me secret\n");
	stream_start_tls(w->s, w->tls, loop_now(w->l) + GUARD_MS);
	return v.n;
}

static void
upgrade_ends(take_fn take, const char *sent, const char *want, int *failed)
{
	int *unit_failed = failed;
	struct err e = ERR_NONE;
	struct world w;
	char c[100];

	world_open(&w);
	w.tls = tls_new(&(struct tls_params){ 0 }, &e);
	w.take = take;
	world_plain(&w, NULL);
	say(&w, sent);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.opened, 1);
	EXPECT_EQ(w.shown, 1);
	EXPECT_EQ(w.end, STREAM_FAILED);
	EXPECT_EQ(w.e.kind, ERR_TLS);
	EXPECT_STR(words(&w), want);
	EXPECT(read(w.peer, c, sizeof(c)) <= 0);	/* nothing was sent */
	world_close(&w);
}

#define INJECTED "there were bytes behind the server's agreement to STARTTLS; " \
	"somebody may have put them there"

TEST(bytes_left_behind_the_agreement_are_refused)
{
	upgrade_ends(take_line, "ok\ninjected\n", INJECTED, unit_failed);
}

TEST(bytes_that_come_before_the_handshake_are_refused)
{
	upgrade_ends(take_line_then_more_comes, "ok\n", INJECTED, unit_failed);
}

TEST(own_bytes_in_clear_are_refused)
{
	upgrade_ends(take_line_dirty, "ok\n",
	    "bytes were still to be sent in clear when STARTTLS began", unit_failed);
}

TEST(an_upgrade_from_outside_of_a_callback)
{
	struct stream_params p;
	struct world w;

	world_open(&w);
	world_server(&w, serve_starttls);
	p = params(&w);
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.got.len == 6);
	EXPECT_EQ(put(&w, "STARTTLS\n"), 0);
	RUN_UNTIL(&w, w.got.len == 9);
	stream_start_tls(w.s, w.tls, loop_now(w.l) + GUARD_MS);
	RUN_UNTIL(&w, w.opened == 2 || w.ended > 0);
	EXPECT_STR(w.e.text, "");
	EXPECT(stream_tls(w.s) != NULL);
	world_close(&w);
}

/* ---- ends */

TEST(an_orderly_end_and_one_with_bytes_unsent)
{
	struct world w;

	world_open(&w);
	world_plain(&w, NULL);
	say(&w, "bye");
	close(w.peer);
	w.peer = -1;
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_STR(str_z(&w.got), "bye");
	EXPECT_EQ(w.end, STREAM_ORDERLY);
	EXPECT_STR(words(&w), "the server closed the connection");
	EXPECT_EQ(w.e.kind, ERR_NET);
	EXPECT_EQ(w.e.scope, SCOPE_SESSION);
	EXPECT(w.e.temporary);
	stream_free(&w.s);
	w.opened = 0;
	world_plain(&w, NULL);
	EXPECT_EQ(put(&w, "12345"), 0);
	shutdown(w.peer, SHUT_WR);		/* half-closed: it could still read */
	RUN_UNTIL(&w, w.ended > 1);
	EXPECT_EQ(w.end, STREAM_ORDERLY);
	EXPECT_STR(words(&w),
	    "the server closed the connection while 5 bytes waited to be sent");
	world_close(&w);
}

TEST(a_reset_in_the_middle)
{
	struct world w;

	world_open(&w);
	world_plain(&w, NULL);
	reset_peer(&w);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_FAILED);
	EXPECT_STR(words(&w), "the connection was reset by the server, or by something on the way");
	EXPECT_EQ(w.e.kind, ERR_NET);
	EXPECT(w.e.temporary);
	world_close(&w);
}

TEST(last_words_are_heard_when_a_write_fails)
{
	char c[50000];
	struct world w;

	world_open(&w);
	world_plain(&w, NULL);
	stream_pause(w.s);
	memset(c, 'x', sizeof(c));
	(void)!write(w.peer, c, sizeof(c));
	(void)!write(w.peer, c, sizeof(c));
	say(&w, "BYE");
	/* Unread bytes make its close a reset. */
	EXPECT_EQ(put(&w, "one"), 0);
	RUN_UNTIL(&w, w.drained == 1);
	close(w.peer);
	w.peer = -1;
	stream_resume(w.s);
	EXPECT_EQ(put(&w, "two"), 0);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_FAILED);
	EXPECT_EQ(w.got.len, 100003);
	EXPECT(view_ends(str_view(&w.got), VIEW("BYE")));
	world_close(&w);
}

TEST(tls_without_a_goodbye_is_a_cut)
{
	struct stream_params p;
	struct world w;

	world_open(&w);
	world_server(&w, serve_cut);
	p = params(&w);
	p.tls = w.tls;
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.opened, 1);
	EXPECT_STR(str_z(&w.got), "half a li");
	EXPECT_EQ(w.end, STREAM_CUT);
	EXPECT_STR(words(&w),
	    "the connection was cut: the server closed it without a TLS goodbye");
	EXPECT(w.e.temporary);
	world_close(&w);
}

TEST(shut_writes_all_and_hears_the_server_out)
{
	struct world w;
	char c[100];

	world_open(&w);
	world_plain(&w, NULL);
	EXPECT_EQ(put(&w, "LOGOUT"), 0);
	stream_shut(w.s, GUARD_MS);
	EXPECT_EQ(put(&w, "late"), 0);		/* dropped */
	turns(&w, 5);
	EXPECT_EQ(read(w.peer, c, sizeof(c)), 6);
	EXPECT_EQ(read(w.peer, c, sizeof(c)), 0);
	say(&w, "BYE");
	RUN_UNTIL(&w, w.got.len == 3);
	EXPECT_EQ(w.ended, 0);
	close(w.peer);
	w.peer = -1;
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_ORDERLY);
	world_close(&w);
}

TEST(shut_does_not_wait_for_ever)
{
	struct world w;

	world_open(&w);
	world_plain(&w, NULL);
	stream_shut(w.s, 20);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_CUT);
	EXPECT_STR(words(&w), "the server did not close its side in time");
	world_close(&w);
}

/* ---- freeing */

TEST(a_callback_may_free_the_stream)
{
	for (int tls = 0; tls < 2; tls++) {
		for (int at = 1; at <= 4; at++) {
			struct stream_params p;
			struct world w;

			world_open(&w);
			world_server(&w, tls ? serve_echo : serve_starttls);
			p = params(&w);
			p.tls = tls ? w.tls : NULL;
			w.free_at = at;
			w.s = stream_new(&p);
			EXPECT_EQ(put(&w, "STARTTLS "), 0);
			if (at == 4)
				stream_shut(w.s, GUARD_MS);
			RUN_UNTIL(&w, w.s == NULL);
			EXPECT(w.s == NULL);
			EXPECT_EQ(w.ended, at == 4);
			loop_cancel(w.l, &w.guard);
			loop_run(w.l);		/* ends: nothing is left */
			world_close(&w);
		}
	}
}

TEST(freeing_at_every_stage_leaves_nothing)
{
	/* Before the first turn, in the lookup, in the handshake, open, after the end. */
	for (int stage = 0; stage < 5; stage++) {
		struct stream_params p;
		struct world w;

		world_open(&w);
		world_server(&w, stage == 2 ? serve_stall : serve_echo);
		hold = stage == 1;
		p = params(&w);
		p.tls = w.tls;
		p.idle_ms = p.write_ms = GUARD_MS;
		w.s = stream_new(&p);
		EXPECT_EQ(put(&w, "bytes"), 0);
		if (stage == 1)
			turns(&w, 3);
		if (stage == 2)
			RUN_UNTIL(&w, w.s->stage == STAGE_HANDSHAKE);
		if (stage >= 3)
			RUN_UNTIL(&w, w.opened > 0);
		if (stage == 4) {
			stream_shut(w.s, GUARD_MS);
			RUN_UNTIL(&w, w.ended > 0);
		}
		stream_free(&w.s);
		EXPECT(w.s == NULL);
		hold = false;
		loop_cancel(w.l, &w.guard);
		loop_run(w.l);
		EXPECT_EQ(w.opened, stage >= 3);
		EXPECT_EQ(w.ended, stage == 4);
		world_close(&w);
	}
}

TEST(keepalive_and_no_delay_are_set)
{
	struct world w;
	int keep = 0, delay = 0;
	socklen_t len = sizeof(int);

	world_open(&w);
	world_plain(&w, NULL);
	getsockopt(w.s->fd, SOL_SOCKET, SO_KEEPALIVE, &keep, &len);
	getsockopt(w.s->fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &delay, &len);
	EXPECT(keep != 0);
	EXPECT(delay != 0);
	world_close(&w);
}

/* ---- who is there */

static bool
loopback(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return stream_addr_loopback((struct sockaddr *)&in);
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
		kit_die(text);
	return stream_addr_loopback((struct sockaddr *)&in6);
}

TEST(this_machine_is_known_by_its_address)
{
	struct sockaddr none = { .sa_family = AF_UNIX };
	struct world w;

	EXPECT(loopback("127.0.0.1"));
	EXPECT(loopback("127.255.3.2"));
	EXPECT(loopback("::1"));
	EXPECT(loopback("::ffff:127.0.0.1"));
	EXPECT(!loopback("128.0.0.1"));
	EXPECT(!loopback("10.0.0.127"));
	EXPECT(!loopback("0.0.0.0"));
	EXPECT(!loopback("::"));
	EXPECT(!loopback("::2"));
	EXPECT(!loopback("::ffff:10.0.0.1"));
	EXPECT(!loopback("7f00::1"));
	EXPECT(!loopback("::127.0.0.1"));
	EXPECT(!stream_addr_loopback(&none));
	world_open(&w);
	world_plain(&w, NULL);
	EXPECT(stream_loopback(w.s));
	close(w.peer);
	w.peer = -1;
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT(!stream_loopback(w.s));
	world_close(&w);
}
