/* stream: back-pressure in both directions, and limits of time. */
#include "stream_kit.h"

/* ---- back-pressure */

static size_t
peer_fill(struct world *w)
{
	char c[8192];
	ssize_t n;
	size_t all = 0;

	memset(c, 'x', sizeof(c));
	for (int tries = 0; tries < 3; tries++) {
		while ((n = write(w->peer, c, sizeof(c))) > 0)
			all += (size_t)n;
		usleep(2000);
	}
	return all;
}

TEST(a_paused_stream_slows_the_server_down)
{
	struct world w;
	size_t sent;

	world_open(&w);
	world_plain(&w, NULL);
	stream_pause(w.s);
	sent = peer_fill(&w);
	turns(&w, 20);
	EXPECT_EQ(w.shown, 0);
	EXPECT_EQ(write(w.peer, "x", 1), -1);
	stream_resume(w.s);
	EXPECT_EQ(w.shown, 0);
	RUN_UNTIL(&w, w.got.len == sent);
	EXPECT_EQ(w.got.len, sent);
	EXPECT_EQ(write(w.peer, "x", 1), 1);
	world_close(&w);
}

static size_t
take_three(struct world *w UNUSED, struct view v)
{
	return MIN(v.n, 3);
}

TEST(what_is_not_taken_is_shown_again)
{
	struct world w;

	world_open(&w);
	world_plain(&w, NULL);
	w.take = take_three;
	say(&w, "1234567");
	RUN_UNTIL(&w, w.shown == 1);
	turns(&w, 5);
	EXPECT_EQ(w.shown, 1);			/* leaving is pausing */
	EXPECT(w.s->in != NULL);
	stream_resume(w.s);
	RUN_UNTIL(&w, w.shown == 2);
	stream_resume(w.s);
	RUN_UNTIL(&w, w.got.len == 7);
	EXPECT_STR(str_z(&w.got), "1234567");
	EXPECT_EQ(w.shown, 3);
	EXPECT(w.s->in == NULL);
	world_close(&w);
}

static void
resume_it(void *arg)
{
	struct world *w = arg;

	if (w->s != NULL)
		stream_resume(w->s);
}

static size_t
take_some_later_more(struct world *w, struct view v)
{
	loop_defer(w->l, resume_it, w);
	return v.n / 2 + 1;
}

TEST(a_slow_consumer_gets_all_of_a_tls_flood)
{
	struct stream_params p;
	struct world w;
	bool right = true;

	world_open(&w);
	world_server(&w, serve_flood);
	w.take = take_some_later_more;
	p = params(&w);
	p.tls = w.tls;
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_ORDERLY);
	EXPECT_EQ(w.got.len, 40 * 16384);
	for (size_t i = 0; i < w.got.len; i++)
		right = right && w.got.p[i] == (char)('a' + i / 16384 % 26);
	EXPECT(right);
	world_close(&w);
}

TEST(the_queue_has_a_ceiling_and_drains)
{
	struct stream_params change = { .write_max = 300000 };
	struct world w;
	struct err e = ERR_NONE;
	char c[65536];
	size_t queued = 0, got = 0;
	ssize_t n;
	bool right = true;

	world_open(&w);
	world_plain(&w, &change);
	memset(c, 'q', sizeof(c));
	/* Until the system takes no more and the queue is full. */
	for (int i = 0; i < 2000 && stream_write(w.s, view_n(c, 50000), &e) == 0; i++) {
		queued += 50000;
		turns(&w, 2);
	}
	EXPECT_EQ(e.kind, ERR_LIMIT);
	EXPECT_EQ(e.scope, SCOPE_SESSION);
	EXPECT(stream_room(w.s) < 50000);
	EXPECT(stream_queued(w.s) > 250000);
	w.drained = 0;
	while (got < queued && !w.late) {
		loop_turn(w.l, false);
		while ((n = read(w.peer, c, sizeof(c))) > 0) {
			for (ssize_t i = 0; i < n; i++)
				right = right && c[i] == 'q';
			got += (size_t)n;
		}
	}
	turns(&w, 3);
	EXPECT(right);
	EXPECT_EQ(got, queued);
	EXPECT_EQ(w.drained, 1);
	EXPECT_EQ(stream_room(w.s), 300000);
	world_close(&w);
}

TEST(partial_writes_under_tls)
{
	struct stream_params p;
	struct world w;
	struct str big = STR_INIT;
	struct err e = ERR_NONE;
	size_t sent = 0;

	world_open(&w);
	world_server(&w, serve_echo);
	for (int i = 0; i < 100000; i++)
		str_addf(&big, "%08d ", i);
	p = params(&w);
	p.tls = w.tls;
	w.s = stream_new(&p);
	while (!w.late && w.ended == 0 && w.got.len < big.len) {
		struct view v = view_sub(str_view(&big), sent, 30011);

		if (v.n > 0 && stream_write(w.s, v, &e) == 0)
			sent += v.n;
		err_clear(&e);
		loop_turn(w.l, v.n == 0);
	}
	EXPECT_STR(w.e.text, "");
	EXPECT(view_eq(str_view(&w.got), str_view(&big)));
	str_free(&big);
	world_close(&w);
}

/* ---- limits */

TEST(a_handshake_that_stalls_ends_at_the_deadline)
{
	struct stream_params p;
	struct world w;

	world_open(&w);
	world_server(&w, serve_stall);
	p = params(&w);
	p.tls = w.tls;
	p.deadline = loop_now(w.l) + 60;
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.opened, 0);
	EXPECT_EQ(w.end, STREAM_FAILED);
	EXPECT_STR(words(&w), "the TLS handshake did not end in time: the server does not answer");
	EXPECT_EQ(w.e.kind, ERR_NET);
	EXPECT(w.e.temporary);
	world_close(&w);
}

TEST(the_same_deadline_covers_the_name)
{
	struct stream_params p;
	struct world w;

	world_open(&w);
	hold = true;
	p = params(&w);
	p.deadline = loop_now(w.l) + 20;
	w.s = stream_new(&p);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_STR(words(&w), "the name was not looked up in time");
	world_close(&w);
}

TEST(a_silent_server)
{
	struct stream_params change = { .idle_ms = 30 };
	struct world w;

	world_open(&w);
	world_plain(&w, &change);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_FAILED);
	EXPECT_STR(words(&w), "the server was silent for 1 s");
	EXPECT(w.e.temporary);
	world_close(&w);
}

TEST(a_paused_stream_waits_for_nobody_and_limits_can_change)
{
	struct stream_params change = { .idle_ms = 30 };
	struct world w;

	world_open(&w);
	world_plain(&w, &change);
	stream_pause(w.s);
	EXPECT(w.s->limit == NULL);
	usleep(60000);
	turns(&w, 3);
	stream_resume(w.s);
	turns(&w, 3);
	EXPECT_EQ(w.ended, 0);
	EXPECT(w.s->limit != NULL);
	stream_set_idle(w.s, 0);
	EXPECT(w.s->limit == NULL);
	usleep(60000);
	turns(&w, 3);
	EXPECT_EQ(w.ended, 0);
	stream_set_idle(w.s, 20);
	turns(&w, 1);
	EXPECT_EQ(w.ended, 0);
	RUN_UNTIL(&w, w.ended > 0);
	world_close(&w);
}

TEST(a_server_that_takes_nothing)
{
	struct stream_params change = { .write_ms = 50, .write_max = (size_t)64 << 20 };
	struct world w;
	struct err e = ERR_NONE;
	char *big = calloc(1, (size_t)32 << 20);

	world_open(&w);
	world_plain(&w, &change);
	EXPECT_EQ(stream_write(w.s, view_n(big, (size_t)32 << 20), &e), 0);
	RUN_UNTIL(&w, w.ended > 0);
	EXPECT_EQ(w.end, STREAM_FAILED);
	EXPECT(strstr(words(&w), " waiting bytes for 1 s") != NULL);
	free(big);
	world_close(&w);
}
