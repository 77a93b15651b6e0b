/*
 * suspend: the wall clock against the monotonic one, every 30 s of waking time.
 *
 * On Linux and the BSDs the loop's clock stands still while the machine sleeps.  A
 * jump backwards is somebody setting the clock and only moves the base line.
 */
#include "net/suspend.h"

#include <stdlib.h>

#include "base/mem.h"

#define SUSPEND_MAGIC	0x736c6565u

struct suspend {
	uint32_t		 magic;
	struct loop		*l;
	struct loop_timer	*timer;
	int64_t			 ahead;		/* wall minus monotonic, when last looked */
	suspend_fn		 fn;
	void			*arg;
};

static void
on_look(void *arg)
{
	struct suspend *s = arg;
	int64_t ahead = loop_wall(s->l) - loop_now(s->l), jump = ahead - s->ahead;

	s->ahead = ahead;
	s->timer = loop_after(s->l, SUSPEND_LOOK_MS, on_look, s);
	if (jump >= SUSPEND_MIN_MS)
		s->fn(s->arg, jump);
}

struct suspend *
suspend_new(struct loop *l, suspend_fn fn, void *arg)
{
	struct suspend *s = xcalloc(1, sizeof(*s));

	s->magic = SUSPEND_MAGIC;
	s->l = l;
	s->ahead = loop_wall(l) - loop_now(l);
	s->fn = fn;
	s->arg = arg;
	s->timer = loop_after(l, SUSPEND_LOOK_MS, on_look, s);
	return s;
}

void
suspend_look(struct suspend *s)
{
	CHECK(s, SUSPEND_MAGIC);
	loop_cancel(s->l, &s->timer);
	s->timer = loop_after(s->l, 0, on_look, s);
}

void
suspend_free(struct suspend **sp)
{
	struct suspend *s = *sp;

	if (s == NULL)
		return;
	CHECK(s, SUSPEND_MAGIC);
	*sp = NULL;
	loop_cancel(s->l, &s->timer);
	s->magic = 0;
	free(s);
}
