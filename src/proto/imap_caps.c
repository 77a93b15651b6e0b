/*
 * Capabilities of an IMAP server.  Each word of the list is looked up in the table of
 * the header, what a word brings with it (IMAP4rev2, QRESYNC, UTF8=ONLY) is added at
 * once, so that a question is one bit.  Knows no command and sends nothing.
 * Cost: words times rows of the table.
 */
#include "proto/imap_caps.h"

#include "base/scan.h"

_Static_assert(IMAP_CAP_END <= 64, "a capability has no bit");

#define BIT(cap)	((uint64_t)1 << IMAP_CAP_##cap)

static const struct cap_row {
	const char	*name;
	unsigned	 flags;
	const char	*allows;
} rows[] = {
#define X(sym, name, flags, allows) { name, flags, allows },
	IMAP_CAPS(X)
#undef X
};

/* The bits of the rows with any of these flags. */
static uint64_t
flagged(unsigned flags)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((rows[i].flags & flags) != 0)
			bits |= (uint64_t)1 << i;
	return bits;
}

void
imap_caps_begin(struct imap_caps *c)
{
	*c = (struct imap_caps){ .fresh = true };
}

/* "NAME=number"; a number that is none says nothing. */
static bool
take_number(struct view word, const char *name, uint64_t *n_r)
{
	struct scan s = scan_of(word);
	uint64_t n;

	if (!scan_lit(&s, name))
		return false;
	if (scan_number(&s, UINT64_MAX, &n) && scan_done(&s))
		*n_r = n;
	return true;
}

/* What a bit brings with it. */
static uint64_t
implied(uint64_t bits)
{
	if ((bits & BIT(IMAP4REV2)) != 0)
		bits |= flagged(CAPF_REV2);
	if ((bits & BIT(QRESYNC)) != 0)
		bits |= BIT(CONDSTORE) | BIT(ENABLE);	/* RFC 7162, 3.2.3 */
	if ((bits & BIT(UTF8_ONLY)) != 0)
		bits |= BIT(UTF8_ACCEPT);
	return bits;
}

void
imap_caps_word(struct imap_caps *c, struct view word)
{
	bool after_literal = c->after_literal;

	c->after_literal = view_iis(word, "LITERAL");
	/* Some servers break "LITERAL+" in two. */
	if (after_literal && view_is(word, "+"))
		c->bits |= BIT(LITERAL_PLUS);
	if (after_literal && view_is(word, "-"))
		c->bits |= BIT(LITERAL_MINUS);
	if (view_istarts(word, VIEW("AUTH="))) {
		enum sasl_mech mech = sasl_mech_of(view_from(word, 5));

		c->auth |= mech != SASL_NONE ? SASL_BIT(mech) : 0;
		return;
	}
	if (take_number(word, "APPENDLIMIT=", &c->append_max))
		c->bits |= BIT(APPENDLIMIT);
	if (take_number(word, "MESSAGELIMIT=", &c->message_max))
		c->bits |= BIT(MESSAGELIMIT);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (view_iis(word, rows[i].name))
			c->bits = implied(c->bits | (uint64_t)1 << i);
}

void
imap_caps_parse(struct imap_caps *c, struct view list)
{
	struct scan s = scan_of(list);

	imap_caps_begin(c);
	while (!scan_done(&s)) {
		struct view word = scan_until(&s, " \t\r\n]");

		if (word.n > 0)
			imap_caps_word(c, word);
		if (scan_peek(&s) == ']')
			return;
		if (!scan_done(&s))
			s.p++;
	}
}

void
imap_caps_forget(struct imap_caps *c, enum imap_forget when)
{
	if (when == IMAP_FORGET_TLS) {
		imap_caps_begin(c);
	} else {
		c->bits &= ~flagged(CAPF_LOGIN);
		c->auth = 0;
	}
	c->fresh = false;
	c->after_literal = false;
}

const char *
imap_cap_name(enum imap_cap cap)
{
	assert(cap < IMAP_CAP_END);
	return rows[cap].name;
}

const char *
imap_cap_allows(enum imap_cap cap)
{
	assert(cap < IMAP_CAP_END);
	return rows[cap].allows;
}

unsigned
imap_cap_flags(enum imap_cap cap)
{
	assert(cap < IMAP_CAP_END);
	return rows[cap].flags;
}

void
imap_caps_print(struct str *out, const struct imap_caps *c)
{
	const char *gap = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if ((c->bits >> i & 1) == 0)
			continue;
		str_addf(out, "%s%s", gap, rows[i].name);
		gap = " ";
	}
	for (unsigned m = SASL_NONE + 1; m < SASL_MECH_END; m++) {
		if ((c->auth & SASL_BIT(m)) == 0)
			continue;
		str_addf(out, "%sAUTH=%s", gap, sasl_mech_name((enum sasl_mech)m));
		gap = " ";
	}
}
