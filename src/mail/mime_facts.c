/*
 * A tree from what a server told of it (BODYSTRUCTURE, RFC 9051 7.5.2), without a byte
 * of the message.  The lists of parameters are put together as a header again and read
 * like one, so that RFC 2231 and 2047 have one reader.
 */
#include "mail/mime_int.h"

/* "value" as a quoted-string, so that what the server split is read like a header. */
static void
add_quoted(struct str *raw, const struct param *param)
{
	str_adds(raw, "; ");
	str_addv(raw, param->name);
	str_adds(raw, "=\"");
	for (size_t i = 0; i < param->value.n; i++) {
		char c = param->value.p[i];

		if (c == '"' || c == '\\')
			str_addc(raw, '\\');
		str_addc(raw, c);
	}
	str_addc(raw, '"');
}

static struct view
rebuilt(struct str *raw, struct view value, const struct param *params, size_t n)
{
	str_addv(raw, value);
	for (size_t i = 0; i < MIN(n, PARAM_MAX); i++)
		add_quoted(raw, &params[i]);
	return raw->len > 0 ? str_view(raw) : VIEW("");
}

part_id
mime_add(struct mime *m, part_id parent, const struct mime_facts *f)
{
	struct str type = str_limited(HEADER_FIELD_MAX), disp = str_limited(HEADER_FIELD_MAX);
	struct part_raw raw;
	struct part *p;
	part_id id;

	CHECK(m, MIME_MAGIC);
	assert(m->bytes.n == 0 && (parent == PART_NONE) == (m->n == 0));
	id = part_add(m, parent);
	if (id == PART_NONE)
		return PART_NONE;
	if (parent != PART_NONE && part_at(m, parent)->kind == PART_LEAF)
		part_at(m, parent)->kind = PART_MESSAGE;
	raw.type = rebuilt(&type, f->type, f->params, f->nparams);
	raw.disposition = rebuilt(&disp, f->disposition, f->disp_params, f->ndisp_params);
	raw.encoding = f->encoding;
	raw.cid = f->cid;
	p = part_at(m, id);
	p->end = f->size;
	if (view_istarts(f->type, VIEW("multipart/")))
		p->kind = view_iis(f->type, "multipart/digest") ? PART_DIGEST : PART_MULTIPART;
	part_info_make(m, id, &raw);
	str_free(&type);
	str_free(&disp);
	return id;
}
