/* All facts of an IMAP reply as text, for tests that compare them. */
#ifndef IMAP_DUMP_H
#define IMAP_DUMP_H

#include "proto/imap_resp.h"

#define DUMP_ULL(n)	((unsigned long long)(n))

static inline void
dump_view(struct str *out, const char *name, struct view v)
{
	if (v.n > 0)
		str_addf(out, " %s=<", name);
	str_addv(out, v);
	if (v.n > 0)
		str_addc(out, '>');
}

static inline void
dump_number(struct str *out, const char *name, uint64_t n)
{
	if (n > 0)
		str_addf(out, " %s=%llu", name, DUMP_ULL(n));
}

static inline void
dump_words(struct str *out, const struct imap_words *w)
{
	str_adds(out, " [");
	for (size_t i = 0; i < w->n; i++) {
		str_adds(out, i > 0 ? "|" : "");
		str_addv(out, w->at[i]);
	}
	str_addc(out, ']');
}

static inline void
dump_flags(struct str *out, const struct imap_flags *f)
{
	str_addf(out, " sys=%u%s%s%s", f->sys, f->recent ? " recent" : "", f->any ? " any" : "",
	    f->more ? " more" : "");
	dump_words(out, &f->keywords);
}

static inline void
dump_result(struct str *out, const struct imap_result *c)
{
	str_addf(out, " %s", imap_cond_name(c->cond));
	if (c->code != IMAP_CODE_NONE) {
		str_addf(out, " code=%s%s", imap_code_name(c->code), c->code_bad ? "!" : "");
		dump_view(out, "name", c->code_name);
		dump_view(out, "args", c->code_text);
	}
	dump_number(out, "number", c->number);
	dump_number(out, "goal", c->goal);
	dump_number(out, "uidvalidity", c->uidvalidity);
	dump_view(out, "src", c->src);
	dump_view(out, "dst", c->dst);
	dump_view(out, "id", c->id);
	if (c->words.n > 0)
		dump_words(out, &c->words);
	if (c->code == IMAP_CODE_PERMANENTFLAGS)
		dump_flags(out, &c->flags);
	if (c->throttled)
		str_addf(out, " throttled=%llu", DUMP_ULL(c->backoff_ms));
	dump_view(out, "text", c->text);
}

static inline void
dump_list(struct str *out, const struct imap_list *l)
{
	dump_view(out, "name", l->name);
	str_addf(out, " delim=%c attrs=%x%s%s%s", l->delim != 0 ? l->delim : '0', l->attrs,
	    l->lsub ? " lsub" : "", l->xlist ? " xlist" : "",
	    l->child_subscribed ? " child" : "");
	dump_view(out, "old", l->oldname);
}

static inline void
dump_prefixes(struct str *out, const struct imap_prefixes *p)
{
	str_addc(out, ' ');
	for (size_t i = 0; i < p->n; i++) {
		str_adds(out, i > 0 ? "|" : "");
		str_addv(out, p->at[i].prefix);
		str_addf(out, ":%c", p->at[i].delim != 0 ? p->at[i].delim : '0');
	}
	str_addc(out, ';');
}

static inline void
dump_status(struct str *out, const struct imap_status *s)
{
	dump_view(out, "name", s->name);
	str_addf(out, " has=%u %u/%u/%u/%u/%u/%u %llu/%llu/%llu", s->has, s->messages, s->recent,
	    s->uidnext, s->uidvalidity, s->unseen, s->deleted, DUMP_ULL(s->modseq),
	    DUMP_ULL(s->size), DUMP_ULL(s->appendlimit));
	dump_view(out, "id", s->mailboxid);
}

static inline void
dump_set(struct str *out, const struct imap_reply *r)
{
	str_addc(out, ' ');
	seqset_print(r->set, out);
	if (r->incomplete)
		str_adds(out, " incomplete");
	if (r->earlier)
		str_adds(out, " earlier");
	dump_number(out, "modseq", r->modseq);
}

static inline void
dump_esearch(struct str *out, const struct imap_esearch *e)
{
	dump_view(out, "tag", e->tag);
	dump_view(out, "mailbox", e->mailbox);
	dump_number(out, "uidvalidity", e->uidvalidity);
	str_addf(out, "%s has=%u", e->uid ? " uid" : "", e->has);
	dump_number(out, "min", e->min);
	dump_number(out, "max", e->max);
	dump_number(out, "count", e->count);
	dump_number(out, "modseq", e->modseq);
}

static inline void
dump_section(struct str *out, const struct imap_section *s)
{
	static const char *const parts[] = { "all", "header", "fields", "not", "text", "mime" };

	str_adds(out, " {");
	str_addv(out, s->item);
	str_addf(out, " %s", parts[s->part]);
	dump_view(out, "at", s->number);
	if (s->fields.n > 0)
		dump_words(out, &s->fields);
	if (s->partial)
		str_addf(out, " from=%llu", DUMP_ULL(s->origin));
	str_addf(out, "%s%s%s size=%llu", s->binary ? " binary" : "", s->nil ? " nil" : "",
	    s->sunk ? " sunk" : "", DUMP_ULL(s->size));
	dump_view(out, "bytes", s->bytes);
	str_addc(out, '}');
}

static inline void
dump_structure(struct str *out, struct mime *m)
{
	str_adds(out, " parts(");
	for (part_id p = 0; p < mime_count(m); p++) {
		str_adds(out, p > 0 ? "; " : "");
		mime_number(m, p, out);
		str_addc(out, ' ');
		str_addv(out, mime_type(m, p));
		dump_view(out, "charset", mime_charset(m, p));
		dump_view(out, "file", mime_filename(m, p));
		dump_view(out, "disp", mime_disposition(m, p));
		dump_view(out, "cid", mime_cid(m, p));
		dump_number(out, "encoding", mime_encoding(m, p));
		dump_number(out, "size", mime_size(m, p));
	}
	str_addc(out, ')');
}

static inline void
dump_fetch(struct str *out, const struct imap_fetch *f)
{
	str_addf(out, " uid=%u has=%u", f->uid, f->has);
	if ((f->has & IMAP_F_FLAGS) != 0)
		dump_flags(out, &f->flags);
	if ((f->has & IMAP_F_INTERNALDATE) != 0)
		str_addf(out, " date=%lld", (long long)f->internaldate.epoch);
	if ((f->has & IMAP_F_SAVEDATE) != 0)
		str_addf(out, " saved=%lld", (long long)f->savedate.epoch);
	dump_number(out, "size", f->size);
	dump_number(out, "modseq", f->modseq);
	dump_number(out, "msgid", f->gm_msgid);
	dump_number(out, "thrid", f->gm_thrid);
	if ((f->has & IMAP_F_GM_LABELS) != 0)
		dump_words(out, &f->gm_labels);
	dump_view(out, "emailid", f->emailid);
	dump_view(out, "threadid", f->threadid);
	dump_view(out, "preview", f->preview);
	for (size_t i = 0; i < f->nsections; i++)
		dump_section(out, &f->sections[i]);
	if (f->structure != NULL)
		dump_structure(out, f->structure);
}

static inline void
dump_quota(struct str *out, const struct imap_quota *q)
{
	dump_view(out, "root", q->root);
	for (size_t i = 0; i < q->n; i++) {
		str_addc(out, ' ');
		str_addv(out, q->at[i].name);
		str_addf(out, " %llu/%llu", DUMP_ULL(q->at[i].usage), DUMP_ULL(q->at[i].limit));
	}
	dump_view(out, "mailbox", q->mailbox);
	if (q->mailbox.n > 0)
		dump_words(out, &q->roots);
}

static inline void
dump_id(struct str *out, const struct imap_id *id)
{
	for (size_t i = 0; i < id->n; i++) {
		str_adds(out, " ");
		str_addv(out, id->at[i].name);
		str_addc(out, '=');
		str_addv(out, id->at[i].value);
	}
}

static inline void
dump_by_kind(struct str *out, const struct imap_reply *r)
{
	switch (r->kind) {
	case IMAP_TAGGED: case IMAP_CONDITION:
		dump_result(out, &r->cond); break;
	case IMAP_CAPABILITY: case IMAP_ENABLED:
		dump_words(out, &r->words); break;
	case IMAP_ID:		dump_id(out, &r->id); break;
	case IMAP_FLAGS:	dump_flags(out, &r->flags); break;
	case IMAP_LIST:		dump_list(out, &r->list); break;
	case IMAP_NAMESPACE:
		dump_prefixes(out, &r->space.personal);
		dump_prefixes(out, &r->space.other);
		dump_prefixes(out, &r->space.shared);
		break;
	case IMAP_STATUS:	dump_status(out, &r->status); break;
	case IMAP_ESEARCH:	dump_esearch(out, &r->esearch); break;
	case IMAP_FETCH:	dump_fetch(out, &r->fetch); break;
	case IMAP_QUOTA: case IMAP_QUOTAROOT:
		dump_quota(out, &r->quota); break;
	default:
		break;
	}
}

/* One reply as a line. */
static inline void
dump_reply(struct str *out, const struct imap_reply *r)
{
	static const char *const kinds[] = {
		[IMAP_BROKEN] = "broken", [IMAP_UNKNOWN] = "unknown", [IMAP_CONTINUE] = "+",
		[IMAP_TAGGED] = "tagged", [IMAP_CONDITION] = "cond", [IMAP_CAPABILITY] = "caps",
		[IMAP_ENABLED] = "enabled", [IMAP_ID] = "id", [IMAP_FLAGS] = "flags",
		[IMAP_LIST] = "list", [IMAP_NAMESPACE] = "space", [IMAP_STATUS] = "status",
		[IMAP_SEARCH] = "search", [IMAP_SORT] = "sort", [IMAP_ESEARCH] = "esearch",
		[IMAP_EXISTS] = "exists", [IMAP_RECENT] = "recent", [IMAP_EXPUNGE] = "expunge",
		[IMAP_VANISHED] = "vanished", [IMAP_FETCH] = "fetch", [IMAP_QUOTA] = "quota",
		[IMAP_QUOTAROOT] = "quotaroot",
	};

	str_adds(out, kinds[r->kind]);
	if (r->numbered)
		str_addf(out, " #%u", r->number);
	if (r->kind == IMAP_TAGGED)
		dump_view(out, "tag", r->tag);
	if (r->kind == IMAP_BROKEN || r->kind == IMAP_UNKNOWN)
		dump_view(out, "name", r->name);
	if (r->kind == IMAP_BROKEN) {
		dump_number(out, "uid", r->uid);
		str_addf(out, " %s", r->why);
	}
	if (r->limit)
		str_adds(out, " limit");
	dump_by_kind(out, r);
	if (r->set != NULL)
		dump_set(out, r);
	dump_view(out, "text", r->text);
	str_addc(out, '\n');
}

/* ---- a sink that notes what it got */

static inline bool
dump_sink_begin(void *arg, const struct imap_literal *l)
{
	struct str *out = arg;

	str_addf(out, "sink #%u uid=%u nth=%zu size=%llu ", l->number, l->uid, l->nth,
	    DUMP_ULL(l->size));
	str_addv(out, l->item);
	str_addc(out, ' ');
	return true;
}

static inline void
dump_sink_data(void *arg, struct view bytes)
{
	str_addv(arg, bytes);
}

static inline void
dump_sink_end(void *arg)
{
	str_adds(arg, " sunk\n");
}

/* All replies of in, which comes in a piece of at bytes and then in pieces of step (> 0). */
static inline int
dump_stream(struct view in, size_t at, size_t step, struct str *out)
{
	struct imap_resp *r = imap_resp_new();
	struct imap_sink sink = { dump_sink_begin, dump_sink_data, dump_sink_end, out };
	struct imap_reply *reply;
	struct err e = ERR_NONE;
	int rc = 0;

	str_reset(out);
	imap_resp_sink(r, &sink);
	for (size_t from = 0, n = at; rc >= 0; from += n, n = step) {
		struct view piece = view_sub(in, from, n);

		while ((rc = imap_resp_next(r, &piece, &reply, &e)) == 1)
			dump_reply(out, reply);
		if (from + n >= in.n)
			break;
	}
	str_adds(out, rc < 0 ? "fatal\n" : imap_resp_idle(r) ? "" : "...\n");
	imap_resp_free(&r);
	return rc;
}

#endif
