/*
 * One action on one message: the requests it takes, in their order, each waiting for the
 * proof of the one before (delivery.md J5).
 *
 *   flag, unflag     FLAGS
 *   copy             COPY; into another account: FETCH, APPEND there
 *   move, delete     MOVE; into another account: FETCH, APPEND there, EXPUNGE here
 *   replace          APPEND into the same mailbox, EXPUNGE the original
 *   save             FETCH, write the file
 *   expunge          EXPUNGE
 *
 * With probe each step first looks whether an earlier try has done it: copies carry a
 * token that depends on the message and the action alone.  In a dry run nothing is sent.
 */
#include "engine/engine_int.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/fault.h"

struct job {
	struct box		*box;
	struct account		*target;	/* of copy and move; else the box's own */
	uint32_t		 uid, uidvalidity;
	struct box		*into;		/* where it makes something, if that must be told from arrivals */
	struct message		*message;
	const struct action	*action;
	enum probe		 probe;
	perform_fn		 done;
	void			*arg;
	struct perform_result	 result;
	struct save_job		 save;
	struct str		 save_bytes;
};

/*
 * The rules of the mailbox that got a message look at once: its source would say so a
 * little later, when a run that ends with its work (--once) may be over.
 */
static void
tell_target(const struct job *j)
{
	const struct account *to = j->target;

	for (size_t i = 0; j->action->mailbox != NULL && i < to->boxes.n; i++) {
		struct runner *r = to->boxes.at[i]->runner;

		if (r != NULL && r->phase != RUNNER_STOPPING && strcmp(to->boxes.at[i]->name, j->action->mailbox) == 0)
			runner_changed(r, to->boxes.at[i]->name, NULL);
	}
}

static void
job_end(struct job *j)
{
	struct account *a = j->box->account, *to = j->target;

	if (j->result.result == RESULT_DONE && !a->engine->conf.dry_run)
		tell_target(j);
	if (!a->engine->conf.dry_run)
		account_heard(j->result.elsewhere ? to : a, &j->result.err);
	j->done(j->arg, &j->result);
	if (j->into != NULL) {
		box_incoming(j->into, -1);	/* the result is noted by now */
		box_unref(&j->into);
	}
	message_unref(&j->message);
	str_free(&j->save_bytes);
	free(j->save.path);
	free(j->save.safe_name);
	free(j->save.path_r);
	box_unref(&j->box);
	free(j);
	account_ended(to);
	account_ended(a);
}

static void
job_fail(struct job *j, enum err_kind kind, const char *text)
{
	j->result.result = RESULT_FAILED;
	err_set(&j->result.err, kind, SCOPE_MESSAGE, "%s", text);
	job_end(j);
}

/* An account that is not open is opened again by itself: what waits for it is tried again. */
static void
job_closed(struct job *j, const char *account)
{
	j->result.result = RESULT_FAILED;
	err_set(&j->result.err, ERR_NET, SCOPE_ACCOUNT, "account \"%s\" is not open now", account);
	j->result.err.temporary = true;
	job_end(j);
}

static bool
elsewhere(const struct job *j)
{
	return j->target != j->box->account;
}

/* A source that cannot look whether an earlier try has happened is asked to in doubt alone. */
static bool
probes(const struct job *j, const struct account *at)
{
	return j->probe == PROBE_DOUBT || (j->probe == PROBE_TRIED && at->source != NULL &&
	    source_cannot(at->source, SOURCE_ADOPT) == NULL);
}

static struct request *
job_request(struct job *j, enum request_kind kind, void (*done)(struct request *))
{
	struct request *r = request_new(kind, j->box->name, done, j);

	r->uid = j->uid;
	r->uidvalidity = j->uidvalidity;
	r->probe = probes(j, j->box->account);
	return r;
}

/* Takes over what the request says; true when the job can go on. */
static bool
job_take(struct job *j, struct request *r)
{
	j->result.result = r->result;
	j->result.err = r->err;
	j->result.adopted |= r->adopted;
	j->result.elsewhere = r->kind == REQ_APPEND && elsewhere(j);
	if (r->new_uid != 0) {
		j->result.new_uid = r->new_uid;
		j->result.new_uidvalidity = r->new_uidvalidity;
	}
	return r->result == RESULT_DONE;
}

static void
job_last(struct request *r)
{
	struct job *j = r->arg;
	struct account *a = r->kind == REQ_APPEND ? j->target : j->box->account;

	job_take(j, r);
	j->result.new_name = r->new_name;
	job_end(j);
	request_free(&r);
	account_ended(a);
}

/* ---- append, then remove the original */

static void
job_original_gone(struct request *r)
{
	struct job *j = r->arg;
	struct account *a = j->box->account;

	/* The copy is proven.  An original that somebody else removed is as good as removed. */
	if (r->result == RESULT_FAILED) {
		j->result.result = RESULT_COPIED_ONLY;
		j->result.err = r->err;
		j->result.elsewhere = false;
	}
	job_end(j);
	request_free(&r);
	account_ended(a);
}

static void
job_appended(struct request *r)
{
	struct job *j = r->arg;
	struct account *to = j->target;

	if (!job_take(j, r) || j->action->verb == VERB_COPY)
		job_end(j);
	else
		account_submit(j->box->account, job_request(j, REQ_EXPUNGE, job_original_gone));
	request_free(&r);
	account_ended(to);
}

static void
job_append(struct job *j)
{
	const struct action *a = j->action;
	bool replace = a->verb == VERB_REPLACE;
	struct account *to = j->target;
	struct request *r = request_new(REQ_APPEND, replace ? j->box->name : a->mailbox,
	    job_appended, j);
	struct view raw = message_raw(j->message);

	if (to->source == NULL) {
		request_free(&r);
		j->result.elsewhere = elsewhere(j);
		job_closed(j, to->name);
		return;
	}
	r->bytes = replace ? blob_ref(a->bytes) : blob_copy(raw);
	r->received = message_facts(j->message)->received;
	flags_copy(&r->add, &message_facts(j->message)->flags);
	r->token = fault_planted("fresh-token") ? NULL : a->token;
	r->probe = probes(j, to);
	r->create = to->decl->create;
	j->result.bytes = (int64_t)blob_view(r->bytes).n;
	account_submit(to, r);
}

/* ---- save */

static void
job_write(void *arg)	/* on a work thread */
{
	struct job *j = arg;

	save_run(&j->save);
}

static void
job_saved(void *arg)
{
	struct job *j = arg;

	if (err_is(&j->save.err)) {
		j->result.result = RESULT_FAILED;
		j->result.err = j->save.err;
	} else {
		j->result.adopted = j->save.adopted;
		j->result.new_name = j->save.path_r;
		j->result.bytes = (int64_t)j->save.bytes.n;
	}
	job_end(j);
}

static void
job_save(struct job *j)
{
	struct str name = STR_INIT;
	part_id part = 0;

	j->save_bytes = str_limited(MIME_DECODED_MAX);
	j->save.path = xstrdup(j->action->path);
	j->save.probe = j->probe != PROBE_NONE;
	j->save.token = j->action->token;
	j->save.bytes = message_raw(j->message);
	if (j->action->part != NULL) {
		struct mime *mime = message_mime(j->message);

		part = mime_find_number(mime, view_of(j->action->part));
		if (part == PART_NONE) {
			job_fail(j, ERR_GONE, "the part to save is not in the message");
			return;
		}
		mime_bytes(mime, part, &j->save_bytes);
		j->save.bytes = str_view(&j->save_bytes);
		mime_safe_name(mime, part, &name);
	} else {
		str_addf(&name, "%lld-%u.eml", (long long)message_facts(j->message)->received, j->uid);
	}
	j->save.safe_name = str_take(&name);
	loop_work(j->box->account->engine->conf.loop, job_write, job_saved, j);
}

/* ---- the whole message first */

static void
job_fetched(struct request *r)
{
	struct job *j = r->arg;
	struct account *a = j->box->account;

	if (!job_take(j, r))
		job_end(j);
	else if (j->action->verb == VERB_SAVE)
		job_save(j);
	else
		job_append(j);
	request_free(&r);
	account_ended(a);
}

static void
job_fetch(struct job *j, unsigned need)
{
	struct request *r;

	if (j->message == NULL) {
		j->message = message_new();
		message_facts(j->message)->uid = j->uid;
	}
	r = job_request(j, REQ_FETCH, job_fetched);
	r->need = need;
	r->message = message_ref(j->message);
	account_submit(j->box->account, r);
}

/* ---- the rows */

static void
do_flags(struct job *j)
{
	struct request *r = job_request(j, REQ_FLAGS, job_last);

	if (j->action->verb == VERB_FLAG)
		flags_copy(&r->add, &j->action->flags);
	else
		flags_copy(&r->del, &j->action->flags);
	account_submit(j->box->account, r);
}

static void
do_transfer(struct job *j)
{
	const struct action *a = j->action;
	struct request *r;

	if (elsewhere(j)) {
		job_fetch(j, NEED_FACTS | NEED_BODY);
		return;
	}
	r = job_request(j, a->verb == VERB_COPY ? REQ_COPY : REQ_MOVE, job_last);
	r->target = a->mailbox;
	r->token = fault_planted("fresh-token") ? NULL : a->token;
	r->create = j->box->account->decl->create;
	account_submit(j->box->account, r);
}

static void
do_fetch_all(struct job *j)
{
	job_fetch(j, NEED_FACTS | NEED_BODY);
}

static void
do_replace(struct job *j)
{
	job_fetch(j, NEED_FACTS);	/* its flags and date go to the new one */
}

static void
do_expunge(struct job *j)
{
	account_submit(j->box->account, job_request(j, REQ_EXPUNGE, job_last));
}

static const struct verb_row {
	void		(*run)(struct job *);
	unsigned	 can;			/* of the box's own source */
} verb_rows[VERB_COUNT] = {
	[VERB_FLAG] =	 { do_flags, SOURCE_FLAGS },
	[VERB_UNFLAG] =	 { do_flags, SOURCE_FLAGS },
	[VERB_COPY] =	 { do_transfer, 0 },
	[VERB_SAVE] =	 { do_fetch_all, 0 },
	[VERB_REPLACE] = { do_replace, SOURCE_APPEND | SOURCE_EXPUNGE },
	[VERB_MOVE] =	 { do_transfer, 0 },
	[VERB_DELETE] =	 { do_transfer, 0 },
	[VERB_EXPUNGE] = { do_expunge, SOURCE_EXPUNGE },
};

/* Where no book says what our rules have moved, the mailbox that gets it waits for the result. */
static void
job_count(struct job *j)
{
	const struct account *to = j->target;
	const char *name = j->action->verb == VERB_REPLACE ? j->box->name : j->action->mailbox;

	if (name == NULL || j->action->verb == VERB_SAVE || to->source == NULL ||
	    source_cannot(to->source, SOURCE_HOPS) == NULL)
		return;
	j->into = engine_box(j->target, name);
	box_incoming(j->into, 1);
}

static void
job_begin(void *arg)
{
	struct job *j = arg;
	const struct action *a = j->action;
	struct engine *e = j->box->account->engine;
	unsigned can = verb_rows[a->verb].can;
	const char *cannot;
	struct str what = STR_INIT;

	if (a->verb == VERB_COPY || a->verb == VERB_MOVE || a->verb == VERB_DELETE) {
		/* By its own name it is this account, also after a reload made another one of it. */
		struct account *to = a->account == NULL || strcmp(a->account, j->target->name) == 0 ?
		    j->target : engine_account(e, a->account);

		if (to == NULL) {
			job_fail(j, ERR_USAGE, "the target's account is not in the rules any more");
			return;
		}
		to->busy++;
		account_ended(j->target);
		j->target = to;
		can |= elsewhere(j) ? (a->verb == VERB_COPY ? 0 : SOURCE_EXPUNGE) :
		    a->verb == VERB_COPY ? SOURCE_COPY : SOURCE_MOVE;
	}
	if (e->conf.dry_run) {
		action_print(&what, a, j->box->account->name);
		log_info(e->conf.log, "%s:%s/%u: would %s", j->box->account->name, j->box->name,
		    j->uid, str_z(&what));
		str_free(&what);
		job_end(j);
		return;
	}
	if (j->box->account->source == NULL) {
		job_closed(j, j->box->account->name);
		return;
	}
	job_count(j);
	if ((cannot = source_cannot(j->box->account->source, can)) != NULL) {
		job_fail(j, ERR_USAGE, cannot);
		return;
	}
	verb_rows[a->verb].run(j);
}

void
perform(struct box *b, uint32_t uid, uint32_t uidvalidity, struct message *m,
	const struct action *a, enum probe probe, perform_fn done, void *arg)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->box = box_ref(b);
	j->target = b->account;
	j->uid = uid;
	j->uidvalidity = uidvalidity;
	j->message = m != NULL ? message_ref(m) : NULL;
	j->action = a;
	j->probe = probe;
	j->done = done;
	j->arg = arg;
	b->account->busy += 2;	/* as the box's and as the target's */
	loop_defer(b->account->engine->conf.loop, job_begin, j);
}

char *
perform_token(const struct box *b, uint32_t uidvalidity, const struct message *m,
	const struct action *a, size_t ordinal, const char *due_rule)
{
	const struct message_facts *f = message_facts((struct message *)(uintptr_t)m);
	struct str id = STR_INIT;
	unsigned char digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	str_addf(&id, "%s%c%s%c%u%c%u%c%zu%c%s%c%s%c%s", b->account->name, 0, b->name, 0, uidvalidity,
	    0, f->uid, 0, ordinal, 0, verb_name(a->verb), 0, a->rule != NULL ? a->rule : "", 0,
	    due_rule != NULL ? due_rule : "");
	sha256_of(str_view(&id), digest);
	str_free(&id);
	hex_of(digest, 10, hex);
	return xasprintf("%lld.X%s.mailmill", (long long)f->received, hex);
}
