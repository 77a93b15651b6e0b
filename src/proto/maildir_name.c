/*
 * Names of a Maildir, as data: https://cr.yp.to/proto/maildir.html for the unique
 * part and the info, Maildir++ for the folders.  Readers differ in what they append
 * (",S=size" is part of the unique name; keywords are lower-case letters by Dovecot),
 * so the parser takes all and the printer gives back what it did not understand.
 * Limit: 255 bytes a name, which is what file systems hold.
 */
#include "proto/maildir_name.h"

#include "base/scan.h"
#include "base/utf8.h"
#include "mail/flags.h"
#include "proto/utf7.h"

/* In ASCII order, which is the order in the name. */
static const struct { char letter; unsigned sys; } letters[] = {
	{ 'D', FLAG_DRAFT }, { 'F', FLAG_FLAGGED }, { 'P', FLAG_PASSED },
	{ 'R', FLAG_ANSWERED }, { 'S', FLAG_SEEN }, { 'T', FLAG_DELETED },
};

static unsigned
sys_of(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		if (letters[i].letter == letter)
			return letters[i].sys;
	}
	return 0;
}

static void
parse_letters(struct maildir_name *n, struct view info)
{
	size_t i;

	for (i = 0; i < info.n; i++) {
		char c = info.p[i];
		unsigned sys = sys_of(c);

		if (c >= 'a' && c <= 'z')
			n->keywords |= 1u << (c - 'a');
		else if (sys != 0)
			n->sys |= sys;
		else if (c >= 'A' && c <= 'Z')
			n->other |= 1u << (c - 'A');
		else
			break;
	}
	n->tail = view_from(info, i);
}

bool
maildir_name_parse(struct maildir_name *n, struct view file)
{
	ptrdiff_t colon;

	*n = (struct maildir_name){ 0 };
	if (file.n == 0 || file.n > MAILDIR_NAME_MAX || file.p[0] == '.')
		return false;
	if (view_chr(file, '/') >= 0 || view_chr(file, '\0') >= 0)
		return false;
	colon = view_chr(file, ':');
	n->key = colon < 0 ? file : view_sub(file, 0, (size_t)colon);
	if (n->key.n == 0)
		return false;
	if (colon >= 0 && view_starts(view_from(file, (size_t)colon), VIEW(":2,"))) {
		n->info = true;
		parse_letters(n, view_from(file, (size_t)colon + 3));
	}
	return true;
}

void
maildir_name_print(struct str *out, const struct maildir_name *n)
{
	str_addv(out, n->key);
	if (!n->info)
		return;
	str_adds(out, ":2,");
	for (char c = 'A'; c <= 'Z'; c++) {
		unsigned sys = sys_of(c);

		if (sys != 0 ? (n->sys & sys) != 0 : (n->other >> (c - 'A') & 1) != 0)
			str_addc(out, c);
	}
	for (char c = 'a'; c <= 'z'; c++) {
		if (n->keywords >> (c - 'a') & 1)
			str_addc(out, c);
	}
	str_addv(out, n->tail);
}

/* "M12P34Q5": a letter and a number each; the hexadecimal ones of other letters are skipped. */
static void
parse_middle(struct maildir_when *w, struct view middle)
{
	struct scan s = scan_of(middle);

	while (!scan_done(&s)) {
		int letter = scan_peek(&s);
		uint64_t n = 0;

		s.p++;
		if (letter != 'M' && letter != 'P' && letter != 'Q')
			continue;
		if (!scan_number(&s, UINT64_MAX, &n))
			continue;
		if (letter == 'M')
			w->m = n;
		else if (letter == 'P')
			w->p = n;
		else
			w->q = n;
	}
}

struct maildir_when
maildir_when_parse(struct view key)
{
	struct maildir_when w = { .time = -1 };
	struct scan s = scan_of(key);
	uint64_t n = 0;

	if (!scan_number(&s, INT64_MAX, &n) || !scan_char(&s, '.'))
		return w;
	w.time = (int64_t)n;
	/* the elder forms: "time.pid.host", "time.pid_counter.host" */
	if (scan_number(&s, UINT64_MAX, &w.p)) {
		if (scan_char(&s, '_') && !scan_number(&s, UINT64_MAX, &w.q))
			w.q = 0;
		return w;
	}
	parse_middle(&w, scan_until(&s, "."));
	return w;
}

int
maildir_when_cmp(const struct maildir_when *a, const struct maildir_when *b)
{
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->m != b->m)
		return a->m < b->m ? -1 : 1;
	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	if (a->q != b->q)
		return a->q < b->q ? -1 : 1;
	return 0;
}

static int
check_level(struct view level, struct view mailbox, struct err *e)
{
	if (level.n == 0)
		return err_set(e, ERR_USAGE, SCOPE_MAILBOX,
		    "mailbox '%.*s': a level of the name is empty", VIEW_ARG(mailbox));
	for (size_t i = 0; i < level.n; i++) {
		unsigned char c = (unsigned char)level.p[i];

		if (c < 0x20 || c == 0x7f)
			return err_set(e, ERR_USAGE, SCOPE_MAILBOX,
			    "mailbox '%.*s': control bytes in the name", VIEW_ARG(mailbox));
	}
	return 0;
}

/*
 * "." separates the levels on disk, so one inside a level is written "\2e", and "\" itself
 * "\5c": the spelling of Dovecot's listescape.
 */
static void
escape_level(struct str *out, struct view level)
{
	for (size_t i = 0; i < level.n; i++) {
		if (level.p[i] == '.')
			str_adds(out, "\\2e");
		else if (level.p[i] == '\\')
			str_adds(out, "\\5c");
		else
			str_addc(out, level.p[i]);
	}
}

/* The reverse, in place behind `at`; a "\" that begins no code is a name of nobody's. */
static int
unescape_level(struct str *s, size_t at)
{
	size_t to = at;

	for (size_t i = at; i < s->len; i++) {
		char c = s->p[i];

		if (c == '\\') {
			struct view code = view_sub(str_view(s), i + 1, 2);

			if (!view_is(code, "2e") && !view_is(code, "5c"))
				return -1;
			c = code.p[0] == '2' ? '.' : '\\';
			i += 2;
		}
		s->p[to++] = c;
	}
	str_cut(s, to);
	return 0;
}

int
maildir_folder_encode(struct str *out, struct view mailbox, struct err *e)
{
	struct str escaped = STR_INIT;
	size_t before = out->len;
	struct view rest = mailbox;

	if (view_iis(mailbox, "INBOX"))
		return 0;
	if (mailbox.n > 2 * MAILDIR_NAME_MAX)	/* UTF-8 can be a little longer than its code */
		goto too_long;
	for (;;) {
		ptrdiff_t slash = view_chr(rest, '/');
		struct view level = slash < 0 ? rest : view_sub(rest, 0, (size_t)slash);

		if (check_level(level, mailbox, e) != 0)
			goto fail;
		str_addc(out, '.');
		str_reset(&escaped);
		escape_level(&escaped, level);
		if (utf7_encode(out, str_view(&escaped)) != 0) {
			err_set(e, ERR_USAGE, SCOPE_MAILBOX, "mailbox '%.*s': the name is not UTF-8",
			    VIEW_ARG(mailbox));
			goto fail;
		}
		if (slash < 0)
			break;
		rest = view_from(rest, (size_t)slash + 1);
	}
	str_free(&escaped);
	if (out->len - before <= MAILDIR_NAME_MAX)
		return 0;
too_long:
	err_set(e, ERR_USAGE, SCOPE_MAILBOX, "mailbox '%.*s': the name is longer than a folder's "
	    "can be (%u bytes, coded)", (int)MIN(mailbox.n, (size_t)60), mailbox.p, MAILDIR_NAME_MAX);
fail:
	str_free(&escaped);
	str_cut(out, before);
	return -1;
}

int
maildir_folder_decode(struct str *out, struct view dir, struct err *e)
{
	size_t before = out->len;
	struct view rest = dir;

	if (dir.n == 0) {
		str_adds(out, "INBOX");
		return 0;
	}
	if (dir.n > MAILDIR_NAME_MAX || dir.p[0] != '.')
		goto fail;
	while (rest.n > 0) {
		struct scan s = scan_of(view_from(rest, 1));
		struct view level = scan_until(&s, ".");
		size_t at;

		if (out->len > before)
			str_addc(out, '/');
		at = out->len;
		if (level.n == 0 || utf7_decode(out, level) != 0 || view_chr(view_from(str_view(out), at),
		    '.') >= 0 || unescape_level(out, at) != 0)
			goto fail;
		/* a coded "/" or control byte would be a name that leads elsewhere */
		if (view_chr(view_n(out->p + at, out->len - at), '/') >= 0 ||
		    check_level(view_n(out->p + at, out->len - at), dir, NULL) != 0)
			goto fail;
		rest = scan_rest(&s);
	}
	if (view_iis(view_n(out->p + before, out->len - before), "INBOX"))
		goto fail;	/* ".INBOX" beside the real one */
	return 0;
fail:
	str_cut(out, before);
	return err_set(e, ERR_PROTO, SCOPE_MAILBOX,
	    "folder '%.*s': the name is not modified UTF-7 of a mailbox", VIEW_ARG(dir));
}
