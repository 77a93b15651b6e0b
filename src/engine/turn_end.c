/*
 * How a turn ends without a plan that was performed: given up (the next start goes on), to be
 * judged again later, or held for a person.  The last two leave a row in the state with the
 * reason and with what the message can be known by.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#include "base/crypto.h"

static struct log *
turn_log(const struct turn *t)
{
	return t->runner->engine->conf.log;
}

void
turn_abandon(struct turn *t)
{
	runner_turn_left(t->runner, t);
	t->phase = TURN_ENDED;
	runner_turn_ended(t->runner, t);
}

/* Its row is there: what the message can be known by goes into it. */
void
turn_note_known(struct turn *t)
{
	struct runner *r = t->runner;
	const struct message_facts *f = message_facts(t->message);
	unsigned have = message_have(t->message);
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1] = "";

	if (!(have & NEED_SIZE))
		return;
	if (have & NEED_HEADER) {
		message_digest(t->message, digest);
		hex_of(digest, sizeof(digest), hex);
	}
	state_batch_known(runner_batch(r), r->state.id, t->uid, f->size, hex[0] != '\0' ? hex : NULL,
	    (have & NEED_HERE) ? f->here : 0);
}

void
turn_retry(struct turn *t, unsigned attempts, int64_t delay_ms, const char *reason)
{
	struct runner *r = t->runner;
	int64_t at = (loop_wall(r->engine->conf.loop) + delay_ms + 999) / 1000;

	state_batch_retry(runner_batch(r), r->state.id, t->uid, t->due_rule, attempts, at, reason);
	turn_note_known(t);
	r->engine->counts.retried++;
	r->engine->counts.matched -= t->matched;	/* they will be asked again */
	runner_note_due(r);
	t->phase = TURN_ENDED;
	runner_turn_ended(r, t);
}

void
turn_later(struct turn *t, enum log_level level, int64_t delay_ms, const char *reason)
{
	struct str text = str_limited(4000);

	turn_title(t, &text);
	str_addf(&text, ": not now: %s; again in ", reason);
	duration_print(&text, delay_ms);
	log_at(turn_log(t), level, "%s", str_z(&text));
	str_free(&text);
	turn_retry(t, t->attempt - 1, delay_ms, reason);
}

void
turn_park(struct turn *t, const char *reason)
{
	struct runner *r = t->runner;
	struct str title = STR_INIT;

	turn_title(t, &title);
	log_at(turn_log(t), runner_fold(r, t->uid, reason), "%s: held: %s", str_z(&title), reason);
	str_free(&title);
	state_batch_park(runner_batch(r), r->state.id, t->uid, t->due_rule, t->attempt, reason);
	turn_note_known(t);
	r->engine->counts.parked++;
	t->phase = TURN_ENDED;
	runner_turn_ended(r, t);
}

void
turn_failed(struct turn *t, const char *rule, const char *why, const char *detail)
{
	static const int64_t pauses[] = { 5000, 60000 };
	struct str text = str_limited(4000);

	t->runner->engine->counts.failed++;
	turn_title(t, &text);
	str_addf(&text, ": rule \"%s\" raised: %s", rule, why);
	if (t->attempt < ATTEMPTS_MAX)
		str_addf(&text, "; nothing was done, trying again in %lld s (%u of %u)",
		    (long long)pauses[t->attempt - 1] / 1000, t->attempt, ATTEMPTS_MAX);
	log_detail(turn_log(t), LOG_ERROR, str_z(&text), detail != NULL ? detail : "");
	str_free(&text);
	if (t->attempt < ATTEMPTS_MAX) {
		turn_retry(t, t->attempt, pauses[t->attempt - 1], why);
		return;
	}
	str_addf(&text, "rule \"%s\" raised %u times: %s", rule, ATTEMPTS_MAX, why);
	turn_park(t, str_z(&text));
	str_free(&text);
}
