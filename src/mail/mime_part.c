/*
 * What a part says of itself, and its bytes.  The header of a part is read at the first
 * question and what it says is kept; bodies are decoded each time they are asked for.
 *
 * The first Content-Type counts (mime.md 8.4); what is no type is text/plain (RFC 2045
 * 5.2); a disposition that is not "inline" counts as attachment (RFC 2183 2.8).
 */
#include "mail/mime_int.h"

#include "base/utf8.h"
#include "mail/charset.h"
#include "mail/html.h"

#define SAFE_NAME_MAX		255u
#define SAFE_EXTENSION_MAX	16u	/* bytes of an extension that survives a cut */

struct part *
part_at(const struct mime *m, part_id p)
{
	CHECK(m, MIME_MAGIC);
	assert(p < m->n);
	return &m->at[p];
}

void
part_raw_read(const struct header *h, struct part_raw *raw_r)
{
	static const char *const names[] = {
		"Content-Type", "Content-Disposition", "Content-Transfer-Encoding",
		"Content-ID",
	};
	struct view *to[] = {
		&raw_r->type, &raw_r->disposition, &raw_r->encoding, &raw_r->cid,
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct header_field *f = header_get(h, view_of(names[i]), 0);

		*to[i] = f != NULL ? view_sub(f->raw, 0, HEADER_FIELD_MAX) : VIEW("");
	}
}

enum encoding
part_encoding_read(struct view raw)
{
	size_t n = 0;

	raw = view_trim(raw);
	while (n < raw.n && strchr(" \t\r\n;(,", raw.p[n]) == NULL)
		n++;
	return n == 0 ? ENC_NONE : encoding_of(view_sub(raw, 0, n));
}

/* token "/" token, blanks around the slash left out, cut at what cannot belong to it. */
struct view
part_type_clean(struct arena *a, struct view value)
{
	char *to = arena_alloc(a, MIN(value.n, (size_t)SAFE_NAME_MAX) + 1);
	size_t n = 0;
	bool slash = false, blank = false;

	value = view_trim(value);
	for (size_t i = 0; i < value.n && n < SAFE_NAME_MAX; i++) {
		char c = value.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank = true;
			continue;
		}
		if (c <= ' ' || c >= 127 || strchr("()<>@,;:\\\"[]?=", c) != NULL ||
		    (c == '/' && slash) || (blank && c != '/' && (n == 0 || to[n - 1] != '/')))
			break;
		slash = slash || c == '/';
		blank = false;
		to[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	if (!slash || to[0] == '/' || to[n - 1] == '/')
		return VIEW_NONE;
	return view_n(to, n);
}

/* The disposition and, *params_r, its parameters. */
static struct view
read_disposition(struct mime *m, struct view raw, struct params *params_r)
{
	struct str fixed = str_limited(HEADER_FIELD_MAX + sizeof("attachment;"));

	params_r->n = 0;
	if (view_trim(raw).n == 0)
		return VIEW_NONE;
	params_parse(&m->arena, raw, params_r);
	if (view_chr(params_r->value, '=') >= 0) {	/* "filename=x", the word left out */
		str_adds(&fixed, "attachment;");
		str_addv(&fixed, raw);
		params_parse(&m->arena, str_view(&fixed), params_r);
		str_free(&fixed);
	}
	return view_is(params_r->value, "inline") ? VIEW("inline") : VIEW("attachment");
}

static struct view
read_cid(struct mime *m, struct view raw)
{
	struct str s = STR_INIT;
	struct view v;

	header_unfold(&s, raw);
	v = view_trim(str_view(&s));
	if (v.n > 0 && v.p[0] == '<')
		v = view_from(v, 1);
	if (v.n > 0 && v.p[v.n - 1] == '>')
		v.n--;
	v = arena_dup(&m->arena, v);
	str_free(&s);
	return v;
}

void
part_info_make(struct mime *m, part_id id, const struct part_raw *raw)
{
	struct part_info *info = ARENA_NEW(&m->arena, struct part_info);
	struct part *p = part_at(m, id);
	struct params type, disp;
	struct param *kept;

	params_parse(&m->arena, raw->type, &type);
	info->type = part_type_clean(&m->arena, type.value);
	if (info->type.n == 0) {
		bool digest = p->parent != PART_NONE && view_trim(raw->type).n == 0 &&
		    part_at(m, p->parent)->kind == PART_DIGEST;

		info->type = digest ? VIEW("message/rfc822") : VIEW("text/plain");
	}
	kept = arena_alloc(&m->arena, (type.n + 1) * sizeof(*kept));
	if (type.n > 0)
		memcpy(kept, type.at, type.n * sizeof(*kept));
	info->params = kept;
	info->nparams = type.n;
	info->disposition = read_disposition(m, raw->disposition, &disp);
	info->filename = params_get(&disp, "filename");
	if (info->filename.n == 0)
		info->filename = params_get(&type, "name");
	info->encoding = part_encoding_read(raw->encoding);
	info->cid = read_cid(m, raw->cid);
	p->info = info;
}

struct part_info *
part_info(struct mime *m, part_id id)
{
	struct part *p = part_at(m, id);
	struct header h = { 0 };
	struct part_raw raw;

	if (p->info == NULL) {
		header_index(&h, view_sub(m->bytes, p->start, p->body - p->start), id == 0);
		part_raw_read(&h, &raw);
		part_info_make(m, id, &raw);
		header_free(&h);
	}
	return p->info;
}

struct view
mime_type(struct mime *m, part_id p)
{
	return part_info(m, p)->type;
}

bool
mime_type_is(struct mime *m, part_id p, struct view pattern)
{
	struct view type = mime_type(m, p);

	if (view_is(pattern, "*") || view_is(pattern, "*/*"))
		return true;
	if (view_ends(pattern, VIEW("/*")))
		return view_istarts(type, view_sub(pattern, 0, pattern.n - 1));
	return view_ieq(type, pattern);
}

struct view
mime_param(struct mime *m, part_id p, const char *name)
{
	const struct part_info *info = part_info(m, p);

	for (size_t i = 0; i < info->nparams; i++)
		if (view_iis(info->params[i].name, name))
			return info->params[i].value;
	return VIEW_NONE;
}

struct view
mime_charset(struct mime *m, part_id p)
{
	return view_trim(mime_param(m, p, "charset"));
}

struct view
mime_filename(struct mime *m, part_id p)
{
	return part_info(m, p)->filename;
}

struct view
mime_disposition(struct mime *m, part_id p)
{
	return part_info(m, p)->disposition;
}

struct view
mime_cid(struct mime *m, part_id p)
{
	return part_info(m, p)->cid;
}

enum encoding
mime_encoding(struct mime *m, part_id p)
{
	return part_info(m, p)->encoding;
}

bool
mime_is_attachment(struct mime *m, part_id p)
{
	const struct part_info *info = part_info(m, p);
	enum part_kind kind = part_at(m, p)->kind;

	if (kind == PART_MULTIPART || kind == PART_DIGEST)
		return false;
	if (view_is(info->disposition, "attachment"))
		return true;
	if (info->filename.n == 0)
		return false;
	return !(view_starts(info->type, VIEW("image/")) && info->cid.n > 0);
}

/* ---- the name under which a part is saved */

/* Cc, and what changes the order or look of a name (UAX 9). */
static bool
is_unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == '/' || cp == '\\' ||
	    cp == 0x200E || cp == 0x200F || (cp >= 0x2028 && cp <= 0x202E) ||
	    (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF || cp == 0xFFFD;
}

static struct view
base_name(struct view name)
{
	size_t i;

	name = view_trim(name);
	while (name.n > 0 && (name.p[name.n - 1] == '/' || name.p[name.n - 1] == '\\'))
		name.n--;
	for (i = name.n; i > 0 && name.p[i - 1] != '/' && name.p[i - 1] != '\\'; i--)
		;
	return view_from(name, i);
}

/* Cuts name to the ceiling, before its extension if it has one. */
static void
add_clipped(struct str *out, struct view name)
{
	size_t dot = name.n;

	for (size_t i = name.n; i > 1 && name.n - i < SAFE_EXTENSION_MAX; i--) {
		if (name.p[i - 1] == '.') {
			dot = i - 1;
			break;
		}
	}
	if (name.n > SAFE_NAME_MAX) {
		struct view ext = view_from(name, dot);

		str_addv(out, view_sub(name, 0, utf8_clip(name, SAFE_NAME_MAX - ext.n)));
		str_addv(out, ext);
		return;
	}
	str_addv(out, name);
}

void
mime_safe_name(struct mime *m, part_id p, struct str *out)
{
	struct view name = base_name(mime_filename(m, p));
	struct str clean = STR_INIT;
	size_t used;

	for (; name.n > 0; name = view_from(name, used)) {
		uint32_t cp = utf8_get(name, &used);

		/* No leading dot: no hidden file, and neither "." nor "..". */
		if (!is_unsafe(cp) && !(clean.len == 0 && (cp == '.' || cp == ' ')))
			utf8_put(&clean, cp);
	}
	name = view_trim(str_view(&clean));
	if (name.n > 0) {
		add_clipped(out, name);
	} else {
		str_adds(out, "part-");
		mime_number(m, p, out);
	}
	str_free(&clean);
}

/* ---- bytes */

struct view
mime_header_bytes(const struct mime *m, part_id p)
{
	const struct part *part = part_at(m, p);

	return view_sub(m->bytes, part->start, part->body - part->start);
}

struct view
mime_body_bytes(const struct mime *m, part_id p)
{
	const struct part *part = part_at(m, p);

	return view_sub(m->bytes, part->body, part->end - part->body);
}

void
mime_bytes(struct mime *m, part_id p, struct str *out)
{
	struct view body = mime_body_bytes(m, p);
	enum encoding enc = mime_encoding(m, p);

	/* RFC 2045 6.4: what holds parts is not encoded itself, whatever it says. */
	if (!mime_is_leaf(m, p))
		enc = ENC_NONE;
	body.n = MIN(body.n, enc == ENC_BASE64 ? MIME_DECODED_MAX / 3 * 4 : MIME_DECODED_MAX);
	encoding_decode(out, enc, body);
}

/* CRLF, CR CR LF (line.h) and lone CR to LF, from byte at on, in place. */
static void
lines_to_lf(struct str *s, size_t at)
{
	ptrdiff_t first = view_chr(view_from(str_view(s), at), '\r');
	size_t to;

	if (first < 0)
		return;
	to = at + (size_t)first;
	for (size_t i = to; i < s->len; i++) {
		if (s->p[i] == '\r') {
			s->p[to++] = '\n';
			if (i + 2 < s->len && s->p[i + 1] == '\r' && s->p[i + 2] == '\n')
				i += 2;
			else if (i + 1 < s->len && s->p[i + 1] == '\n')
				i++;
		} else {
			s->p[to++] = s->p[i];
		}
	}
	str_cut(s, to);
}

/* Without a label HTML may name its own, unless the bytes say UTF-8 by themselves. */
static struct view
label_of(struct mime *m, part_id p, struct view text)
{
	struct view label = mime_charset(m, p);

	if (label.n > 0 || !view_is(mime_type(m, p), "text/html"))
		return label;
	if (!utf8_ascii(text) && utf8_valid(text))
		return VIEW_NONE;
	label = html_charset(text);
	/* A <meta> that can be read as ASCII is in no UTF-16 (HTML 13.2.3.2). */
	return view_istarts(label, VIEW("utf-16")) ? VIEW_NONE : label;
}

void
mime_text(struct mime *m, part_id p, struct str *out)
{
	struct str decoded = STR_INIT;
	size_t from = out->len;

	mime_bytes(m, p, &decoded);
	(void)charset_decode(out, label_of(m, p, str_view(&decoded)), str_view(&decoded));
	str_free(&decoded);
	if (out->len - from > MIME_DECODED_MAX) {
		struct view all = view_from(str_view(out), from);

		str_cut(out, from + utf8_clip(all, MIME_DECODED_MAX));
		out->over = true;
	}
	lines_to_lf(out, from);
}
