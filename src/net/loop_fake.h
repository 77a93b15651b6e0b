/*
 * The loop's twin with a virtual clock, for tests: an idle loop moves its clock to
 * the next timer at once.  Work runs inside the next turn on the same thread;
 * watches and signals fire when the test says so; descriptors and children are refused.
 * Watches do not keep it alive.  While it is held (loop_hold) the clock waits for a
 * thread's post before it jumps, up to 1 s of real time each: hold per request.
 */
#ifndef NET_LOOP_FAKE_H
#define NET_LOOP_FAKE_H

#include "net/loop.h"

/* The monotonic clock begins at 1,000,000 ms, the wall clock at wall_ms. */
struct loop *loop_fake_new(int64_t wall_ms);
/*
 * Runs turns until the virtual clock has passed ms from now and what that made due
 * is done (or loop_stop).
 */
void loop_fake_run_for(struct loop *l, int64_t ms);
/* The wall clock jumps; the monotonic one does not. */
void loop_fake_jump_wall(struct loop *l, int64_t ms);
/*
 * As if `name` below a watched `path` had changed (NULL: the watch dies) / signal
 * signo had come.  They fire in the next turn.  path is compared as it was spelled.
 */
void loop_fake_touch(struct loop *l, const char *path, const char *name);
void loop_fake_signal(struct loop *l, int signo);

#endif
