/*
 * Tells that the machine has slept: the wall clock went on while the monotonic one
 * stood still.  Connections are then likely to be dead, and timers late.
 */
#ifndef NET_SUSPEND_H
#define NET_SUSPEND_H

#include "net/loop.h"

#define SUSPEND_LOOK_MS		30000	/* how often the clocks are compared */
#define SUSPEND_MIN_MS		10000	/* a smaller jump is the clock being set */

/*
 * slept_ms: by how much the wall clock ran ahead.  A clock that is set forward looks the
 * same, so the answer to this is a probe, not a reconnect.
 */
typedef void (*suspend_fn)(void *arg, int64_t slept_ms);

struct suspend;
/* Looks by a timer, which keeps the loop alive. */
struct suspend *suspend_new(struct loop *l, suspend_fn fn, void *arg);
/* Looks now: for whoever has just been woken and cannot wait.  Calls fn by the loop. */
void suspend_look(struct suspend *s);
void suspend_free(struct suspend **s);		/* also in fn */

#endif
