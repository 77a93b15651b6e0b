/*
 * Any bytes as what an IMAP server sends: the facts do not depend on how they are cut,
 * memory is bounded, strings are the reply's own.  The first byte says where to cut.
 */
#include "tests/unit/imap_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the reply promises beside its text. */
static void
check(struct imap_reply *r)
{
	struct seq_pairs p;
	struct seq_run run;

	assert(r->kind != IMAP_BROKEN || r->why != NULL);
	if (r->kind == IMAP_TAGGED || r->kind == IMAP_CONDITION) {
		seq_pairs_begin(&p, r->cond.src, r->cond.dst);
		while (r->cond.code == IMAP_CODE_COPYUID && seq_pairs_next(&p, &run))
			assert(run.src > 0 && run.dst > 0 && run.n > 0);
		assert(r->cond.code != IMAP_CODE_COPYUID || !p.broken);
		assert(r->cond.code_name.n + r->cond.text.n <= IMAP_TEXT_MAX);
	}
	if (r->kind == IMAP_FETCH) {
		assert((r->fetch.has & IMAP_F_UID) == 0 || r->fetch.uid > 0);
		assert(((r->fetch.has & IMAP_F_STRUCTURE) != 0) == (r->fetch.structure != NULL));
		assert(r->fetch.flags.keywords.n <= KEYWORDS_MAX);
	}
	for (size_t i = 1; r->set != NULL && i < r->set->n; i++)
		assert(r->set->at[i].lo > r->set->at[i - 1].hi);
}

static void
read_all(struct view in)
{
	struct imap_resp *r = imap_resp_new();
	struct imap_reply *reply;

	while (imap_resp_next(r, &in, &reply, NULL) == 1)
		check(reply);
	imap_resp_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = view_n((const char *)data, size);
	struct str whole = STR_INIT, cut = STR_INIT;
	size_t at;

	if (size == 0)
		return 0;
	at = data[0];
	in = view_from(in, 1);
	read_all(in);
	dump_stream(in, in.n, 1, &whole);
	dump_stream(in, at, 1 + at / 8, &cut);
	assert(view_eq(str_view(&whole), str_view(&cut)));
	dump_stream(in, 1, 1, &cut);
	assert(view_eq(str_view(&whole), str_view(&cut)));
	str_free(&whole);
	str_free(&cut);
	return 0;
}
