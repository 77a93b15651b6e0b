/*
 * Replies about the server, the mailboxes and their names: CAPABILITY, ENABLED, ID, FLAGS,
 * LIST (RFC 9051, 7.3.1), LSUB, XLIST, NAMESPACE, STATUS, QUOTA and QUOTAROOT (RFC 9208).
 */
#include "proto/imap_resp_int.h"

const char *
resp_capability(struct imap_resp *r)
{
	r->reply.words = resp_words(r, r->tree.first);
	return NULL;
}

const char *
resp_mailbox_flags(struct imap_resp *r)
{
	struct imap_words words;

	if (!node_is_list(r->tree.first))
		return "FLAGS without a list";
	words = resp_words(r, node_first(r->tree.first));
	resp_flags(r, &words, &r->reply.flags);
	return NULL;
}

/* RFC 2971, 3.2: NIL or a list of names and values */
const char *
resp_id(struct imap_resp *r)
{
	const struct imap_node *n = node_first(r->tree.first);
	size_t i = 0, count = node_count(n) / 2;
	struct imap_pair *at = arena_alloc(resp_arena(r), count * sizeof(*at));

	for (; i < count; i++, n = n->next->next)
		at[i] = (struct imap_pair){ node_text(n), node_text(n->next) };
	r->reply.id = (struct imap_id){ at, count };
	return NULL;
}

/* ---- LIST */

static const char *const attr_names[] = {
#define X(sym, name) [IMAP_ATTRN_##sym] = name,
	IMAP_ATTRS(X)
#undef X
};

static unsigned
read_attrs(const struct imap_node *n)
{
	unsigned attrs = 0;

	for (; n != NULL; n = n->next) {
		for (size_t i = 0; i < ARRAY_LEN(attr_names); i++) {
			if (view_iis(n->text, attr_names[i]))
				attrs |= 1u << i;
		}
	}
	/* RFC 9051, 7.3.1: what does not exist cannot be selected */
	if ((attrs & IMAP_ATTR(NONEXISTENT)) != 0)
		attrs |= IMAP_ATTR(NOSELECT);
	return attrs;
}

/* The name of a mailbox: any string, also an atom NIL. */
static bool
is_name(const struct imap_node *n)
{
	return n != NULL && n->kind != NODE_LIST && n->kind != NODE_SUNK && n->text.n > 0;
}

/* mbox-list-extended: pairs of a tag and a value */
static void
read_extended(const struct imap_node *n, struct imap_list *list)
{
	for (; n != NULL && n->next != NULL; n = n->next->next) {
		const struct imap_node *value = node_first(n->next);

		if (view_iis(n->text, "OLDNAME") && is_name(value))
			list->oldname = value->text;
		for (; view_iis(n->text, "CHILDINFO") && value != NULL; value = value->next) {
			if (view_iis(value->text, "SUBSCRIBED"))
				list->child_subscribed = true;
		}
	}
}

const char *
resp_list(struct imap_resp *r)
{
	const struct imap_node *attrs = r->tree.first, *delim, *name;
	struct imap_list *list = &r->reply.list;

	if (attrs == NULL || (attrs->kind != NODE_LIST && !node_is_none(attrs)))
		return "LIST without attributes";
	delim = attrs->next;
	name = delim != NULL ? delim->next : NULL;
	if (!is_name(name) && !(name != NULL && name->kind == NODE_QUOTED))
		return "LIST without a name";
	*list = (struct imap_list){ .name = name->text, .attrs = read_attrs(node_first(attrs)),
		.lsub = view_iis(r->reply.name, "LSUB"), .xlist = view_iis(r->reply.name, "XLIST") };
	if (node_text(delim).n > 0)
		list->delim = node_text(delim).p[0];
	read_extended(node_first(name->next), list);
	return NULL;
}

/* ---- NAMESPACE, RFC 9051, 7.3.2: three of NIL or ((prefix delimiter ...) ...) */

static struct imap_prefixes
read_prefixes(struct imap_resp *r, const struct imap_node *list)
{
	const struct imap_node *n = node_first(list);
	size_t i = 0, count = MIN(node_count(n), IMAP_PREFIXES_MAX);
	struct imap_prefix *at = arena_alloc(resp_arena(r), count * sizeof(*at));

	for (; n != NULL && i < count; n = n->next) {
		const struct imap_node *prefix = node_first(n);
		struct view delim;

		if (prefix == NULL || prefix->kind == NODE_LIST)
			continue;
		delim = node_text(prefix->next);
		at[i++] = (struct imap_prefix){ node_text(prefix), delim.n > 0 ? delim.p[0] : 0 };
	}
	return (struct imap_prefixes){ at, i };
}

const char *
resp_namespace(struct imap_resp *r)
{
	const struct imap_node *n = r->tree.first;
	struct imap_prefixes *kinds[] = { &r->reply.space.personal, &r->reply.space.other,
		&r->reply.space.shared };

	if (n == NULL)
		return "NAMESPACE without namespaces";
	r->reply.space = (struct imap_namespace){ { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	for (size_t i = 0; i < ARRAY_LEN(kinds) && n != NULL; i++, n = n->next)
		*kinds[i] = read_prefixes(r, n);
	return NULL;
}

/* ---- STATUS, RFC 9051, 7.3.3 */

static const struct { const char *name; unsigned has; size_t offset; bool wide; } items[] = {
	{ "MESSAGES", IMAP_ST_MESSAGES, offsetof(struct imap_status, messages), false },
	{ "RECENT", IMAP_ST_RECENT, offsetof(struct imap_status, recent), false },
	{ "UIDNEXT", IMAP_ST_UIDNEXT, offsetof(struct imap_status, uidnext), false },
	{ "UIDVALIDITY", IMAP_ST_UIDVALIDITY, offsetof(struct imap_status, uidvalidity), false },
	{ "UNSEEN", IMAP_ST_UNSEEN, offsetof(struct imap_status, unseen), false },
	{ "DELETED", IMAP_ST_DELETED, offsetof(struct imap_status, deleted), false },
	{ "HIGHESTMODSEQ", IMAP_ST_MODSEQ, offsetof(struct imap_status, modseq), true },
	{ "SIZE", IMAP_ST_SIZE, offsetof(struct imap_status, size), true },
	{ "APPENDLIMIT", IMAP_ST_APPENDLIMIT, offsetof(struct imap_status, appendlimit), true },
};

static void
read_item(struct imap_status *st, const struct imap_node *item, const struct imap_node *value)
{
	if (view_iis(item->text, "MAILBOXID") && is_name(node_first(value))) {
		st->mailboxid = node_first(value)->text;
		st->has |= IMAP_ST_MAILBOXID;
	}
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		char *at = (char *)st + items[i].offset;
		uint64_t n = UINT64_MAX, max = items[i].wide ? UINT64_MAX : UINT32_MAX;
		uint32_t narrow;

		if (!view_iis(item->text, items[i].name))
			continue;
		if (!imap_number(value->text, max, &n) &&
		    (items[i].has != IMAP_ST_APPENDLIMIT || !node_is_none(value)))
			return;
		narrow = (uint32_t)n;
		memcpy(at, items[i].wide ? (void *)&n : (void *)&narrow,
		    items[i].wide ? sizeof(n) : sizeof(narrow));
		st->has |= items[i].has;
	}
}

/* Exchange leaves names with blanks unquoted: all before the list is the name. */
static struct view
read_name(struct imap_resp *r, const struct imap_node *n, const struct imap_node *end)
{
	struct str name = STR_INIT;
	struct view copy;

	if (n->next == end)
		return n->text;
	for (; n != end; n = n->next) {
		if (name.len > 0)
			str_addc(&name, ' ');
		str_addv(&name, n->text);
	}
	copy = arena_dup(resp_arena(r), str_view(&name));
	str_free(&name);
	return copy;
}

const char *
resp_status(struct imap_resp *r)
{
	const struct imap_node *name = r->tree.first, *list = name;
	struct imap_status *st = &r->reply.status;

	*st = (struct imap_status){ .has = 0 };
	while (list != NULL && list->kind != NODE_LIST)
		list = list->next;
	if (!is_name(name))
		return "STATUS without a name";
	st->name = read_name(r, name, list);
	for (const struct imap_node *n = node_first(list); n != NULL && n->next != NULL;
	    n = n->next->next)
		read_item(st, n, n->next);
	return NULL;
}

/* ---- quotas */

const char *
resp_quota(struct imap_resp *r)
{
	const struct imap_node *root = r->tree.first, *n;
	struct imap_quota *q = &r->reply.quota;
	struct imap_resource *at;
	size_t i = 0, count;

	if (root == NULL || root->kind == NODE_LIST)
		return "QUOTA without a root";
	n = node_first(root->next);
	count = node_count(n) / 3;
	at = arena_alloc(resp_arena(r), count * sizeof(*at));
	for (size_t k = 0; k < count; k++, n = n->next->next->next) {
		at[i] = (struct imap_resource){ .name = n->text };
		if (imap_number(n->next->text, UINT64_MAX, &at[i].usage) &&
		    imap_number(n->next->next->text, UINT64_MAX, &at[i].limit))
			i++;
	}
	*q = (struct imap_quota){ .root = node_text(root), .at = at, .n = i };
	return NULL;
}

const char *
resp_quotaroot(struct imap_resp *r)
{
	const struct imap_node *name = r->tree.first;

	if (!is_name(name))
		return "QUOTAROOT without a name";
	r->reply.quota = (struct imap_quota){ .mailbox = name->text,
		.roots = resp_words(r, name->next) };
	return NULL;
}
