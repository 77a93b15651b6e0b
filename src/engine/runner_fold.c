/*
 * Held messages in the log.  After a crash or a full disk hundreds may be held at once; their
 * lines would bury everything else.  Of a burst the first three of one reason and ten in all
 * have a line of their own; the others are one line with their number and their UIDs, which a
 * person needs to find them (--verbose has a line for each).
 *
 * A burst ends when no message is under way any more, at the latest 2 s after the first
 * that was folded: the line must be there before a crash.  A message that is held alone always has its line.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#include "base/mem.h"

#define FOLD_SAME	3u	/* lines with the same reason, one after the other */
#define FOLD_LINES	10u	/* ... with any reason */
#define FOLD_MS		2000
#define FOLD_UIDS	1000u	/* bytes of UIDs in the line */

/* "4-300, 307": ranges, as far as there is room. */
static void
put_range(struct fold *f)
{
	if (f->first == 0)
		return;
	str_addf(&f->uids, "%s%u", f->uids.len > 0 ? ", " : "", (unsigned)f->first);
	if (f->last > f->first)
		str_addf(&f->uids, "-%u", (unsigned)f->last);
}

static void
fold_uid(struct fold *f, uint32_t uid)
{
	f->more++;
	if (f->first != 0 && uid == f->last + 1) {
		f->last = uid;
		return;
	}
	put_range(f);
	f->first = f->last = uid;
}

static void
fold_late(void *arg)
{
	struct runner *r = arg;

	r->fold.timer = NULL;
	runner_fold_end(r);
}

void
runner_fold_end(struct runner *r)
{
	struct fold *f = &r->fold;

	loop_cancel(runner_loop(r), &f->timer);
	if (f->more > 0) {
		put_range(f);
		log_error(runner_log(r), "%s:%s: %u more %s held; UID %s%s; the last: %s", runner_account(r),
		    r->box->name, f->more, f->more == 1 ? "message is" : "messages are", str_z(&f->uids),
		    f->uids.over ? "..." : "", f->reason);
	}
	str_free(&f->uids);
	free(f->reason);
	*f = (struct fold){ 0 };
}

enum log_level
runner_fold(struct runner *r, uint32_t uid, const char *reason)
{
	struct fold *f = &r->fold;
	bool same = f->reason != NULL && strcmp(f->reason, reason) == 0;

	f->same = same ? f->same + 1 : 1;
	if (!same) {
		free(f->reason);
		f->reason = xstrdup(reason);
	}
	if (f->same <= FOLD_SAME && f->lines < FOLD_LINES) {
		f->lines++;
		return LOG_ERROR;
	}
	if (f->more == 0) {
		f->uids = str_limited(FOLD_UIDS);
		f->timer = loop_after(runner_loop(r), FOLD_MS, fold_late, r);
	}
	fold_uid(f, uid);
	return LOG_DEBUG;
}
