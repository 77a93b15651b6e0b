/* Inside imap_resp: the reader, and the functions that make facts of a reply's tree. */
#ifndef PROTO_IMAP_RESP_INT_H
#define PROTO_IMAP_RESP_INT_H

#include "proto/imap_resp.h"

#define IMAP_RESP_MAGIC	0x494d5250u

/* Where a list of numbers is being read (imap_resp_set.c). */
enum set_key {
	SET_NONE, SET_TAG, SET_MAILBOX, SET_UIDVALIDITY, SET_MIN, SET_MAX, SET_ALL, SET_COUNT,
	SET_MODSEQ, SET_PARTIAL, SET_OTHER,
};

struct imap_resp {
	uint32_t		 magic;
	struct imap_lex		 lex;
	struct imap_sink	 sink;
	bool			 has_sink, sinking;
	/* ---- of the reply; reset as a whole */
	bool			 done;		/* it was handed out */
	struct imap_tree	 tree;
	struct seqset		 set;
	struct imap_reply	 reply;
	const struct reply_row	*row;
	struct view		 text;
	enum set_key		 key;
	unsigned		 set_depth;
};

/*
 * One untagged reply.  token: for each token behind the name, in place of the tree.
 * end: makes the facts; NULL when none, or the reason why it is broken.
 */
struct reply_row {
	const char	*name;
	enum imap_kind	 kind;
	bool		 numbered;
	void		(*token)(struct imap_resp *r, const struct lex_token *t);
	const char	*(*end)(struct imap_resp *r);
};

/* Copies of strings and arrays live as long as the reply. */
static inline struct arena *resp_arena(struct imap_resp *r) { return &r->tree.arena; }
struct imap_words resp_words(struct imap_resp *r, const struct imap_node *first);
void resp_flags(struct imap_resp *r, const struct imap_words *words, struct imap_flags *out);

/* imap_resp_code.c: a condition's text into its code and words for people. */
void resp_result(struct imap_resp *r, enum imap_cond cond, struct view text,
	struct imap_result *out);

/* imap_resp_set.c */
void resp_set_numbers(struct imap_resp *r, const struct lex_token *t);
void resp_set_esearch(struct imap_resp *r, const struct lex_token *t);
void resp_set_vanished(struct imap_resp *r, const struct lex_token *t);
const char *resp_set_end(struct imap_resp *r);

/* imap_resp_list.c */
const char *resp_capability(struct imap_resp *r);
const char *resp_id(struct imap_resp *r);
const char *resp_mailbox_flags(struct imap_resp *r);
const char *resp_list(struct imap_resp *r);
const char *resp_namespace(struct imap_resp *r);
const char *resp_status(struct imap_resp *r);
const char *resp_quota(struct imap_resp *r);
const char *resp_quotaroot(struct imap_resp *r);

/* imap_resp_fetch.c */
const char *resp_fetch(struct imap_resp *r);
/* What the tree says so far: the UID or 0, sections, the name of the last item. */
void resp_fetch_so_far(const struct imap_resp *r, struct imap_literal *out);

/* imap_resp_body.c: NULL when there is no part at all. */
struct mime *resp_structure(const struct imap_node *body);

#endif
