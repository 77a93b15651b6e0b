/*
 * BODYSTRUCTURE (RFC 9051, 7.5.2) into the MIME index, by a stack of bounded depth: a
 * node is a multipart when it begins with a list, else a part by its type and subtype.
 *
 * Fields at the end may be missing or stand elsewhere (GroupWise leaves the number of lines
 * out), so the disposition is known by its shape: a list of a word and a list or
 * NIL.  Exchange writes it as a bare string.
 * Envelopes, descriptions, digests, languages and locations are not looked at.
 */
#include "proto/imap_resp_int.h"

struct frame {
	const struct imap_node	*at;		/* the next body */
	part_id			 parent;
	bool			 siblings;	/* those behind it are bodies too, as long as they are lists */
};

/* body-fld-param: a list of names and values, or NIL */
static size_t
read_params(const struct imap_node *list, struct param *out)
{
	size_t n = 0;

	for (const struct imap_node *p = node_first(list); p != NULL && p->next != NULL &&
	    n < PARAM_MAX; p = p->next->next) {
		if (node_text(p).n > 0)
			out[n++] = (struct param){ node_text(p), node_text(p->next) };
	}
	return n;
}

static bool
is_disposition_word(struct view v)
{
	return view_iis(v, "inline") || view_iis(v, "attachment");
}

/* body-fld-dsp among n and what follows it */
static void
read_disposition(const struct imap_node *n, struct mime_facts *f, struct param *params)
{
	for (; n != NULL; n = n->next) {
		const struct imap_node *word = node_first(n);

		if (!node_is_list(n) && is_disposition_word(node_text(n))) {
			f->disposition = node_text(n);
			return;
		}
		if (word == NULL || node_text(word).n == 0)
			continue;
		if (word->next == NULL ? is_disposition_word(node_text(word)) :
		    word->next->next == NULL && (node_is_list(word->next) ||
		    (word->next->kind == NODE_ATOM && node_is_none(word->next)))) {
			f->disposition = node_text(word);
			f->disp_params = params;
			f->ndisp_params = read_params(word->next, params);
			return;
		}
	}
}

/* "type/subtype"; a part without either has none. */
static void
put_type(struct str *out, struct view type, struct view subtype)
{
	if (type.n == 0 && subtype.n == 0)
		return;
	str_addv(out, type.n > 0 ? type : VIEW("application"));
	str_addc(out, '/');
	str_addv(out, subtype.n > 0 ? subtype : view_iis(type, "text") ? VIEW("plain") :
	    VIEW("octet-stream"));
}

/* body-type-mpart: first is its first part */
static part_id
add_multipart(struct mime *m, part_id parent, const struct imap_node *first)
{
	const struct imap_node *subtype = first;
	struct param params[PARAM_MAX], disp[PARAM_MAX];
	struct mime_facts f = { .params = params };
	struct str type = STR_INIT;
	part_id id;

	while (node_is_list(subtype))
		subtype = subtype->next;
	put_type(&type, VIEW("multipart"), node_text(subtype).n > 0 ? node_text(subtype) :
	    VIEW("mixed"));
	f.type = str_view(&type);
	if (subtype != NULL && subtype->next != NULL) {
		f.nparams = read_params(subtype->next, params);
		read_disposition(subtype->next->next, &f, disp);
	}
	id = mime_add(m, parent, &f);
	str_free(&type);
	return id;
}

/*
 * body-type-1part: type subtype params id description encoding octets, then what its
 * type adds.  *inner_r: the body of an embedded message.
 */
static part_id
add_part(struct mime *m, part_id parent, const struct imap_node *first,
	const struct imap_node **inner_r)
{
	const struct imap_node *rest = node_nth(first, 7);
	struct param params[PARAM_MAX], disp[PARAM_MAX];
	struct mime_facts f = { .params = params };
	struct str type = STR_INIT;
	uint64_t size = 0;
	part_id id;

	put_type(&type, node_text(first), first != NULL ? node_text(first->next) : VIEW(""));
	f.type = str_view(&type);
	f.nparams = read_params(node_nth(first, 2), params);
	f.cid = node_text(node_nth(first, 3));
	f.encoding = node_text(node_nth(first, 5));
	if (imap_number(node_text(node_nth(first, 6)), SIZE_MAX / 4, &size))
		f.size = (size_t)size;
	/* Gmail sends message/rfc822 in base64 without envelope and body. */
	if ((view_iis(f.type, "message/rfc822") || view_iis(f.type, "message/global")) &&
	    node_is_list(rest) && node_is_list(rest->next)) {
		*inner_r = rest->next;
		rest = rest->next->next;
	}
	read_disposition(rest, &f, disp);
	id = mime_add(m, parent, &f);
	str_free(&type);
	return id;
}

struct mime *
resp_structure(const struct imap_node *body)
{
	struct frame stack[IMAP_DEPTH_MAX + 2] = { { body, PART_NONE, false } };
	size_t depth = 1;
	struct mime *m;

	if (node_first(body) == NULL)
		return NULL;
	m = mime_new_facts();
	while (depth > 0) {
		struct frame *f = &stack[depth - 1];
		const struct imap_node *node = f->at, *inner = NULL, *first = node_first(node);
		part_id id;

		if (!node_is_list(node)) {
			depth--;
			continue;
		}
		f->at = f->siblings ? node->next : NULL;
		if (node_is_list(first)) {
			id = add_multipart(m, f->parent, first);
			inner = first;
		} else {
			id = add_part(m, f->parent, first, &inner);
		}
		if (id != PART_NONE && inner != NULL)
			stack[depth++] = (struct frame){ inner, id, node_is_list(first) };
	}
	return m;
}
