/* Capability lists of real servers, what they imply, and what is forgotten when. */
#include "proto/imap_caps.h"

#include "tests/unit/unit.h"

#define HAS(c, cap)	imap_caps_has(&(c), IMAP_CAP_##cap)

static struct imap_caps
caps_of(const char *list)
{
	struct imap_caps c = { 0 };

	imap_caps_parse(&c, view_of(list));
	return c;
}

TEST(caps_dovecot_before_the_login)
{
	struct imap_caps c = caps_of("IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ "
	    "STARTTLS LOGINDISABLED AUTH=PLAIN AUTH=login AUTH=X-OWN");

	EXPECT(HAS(c, IMAP4REV1) && HAS(c, SASL_IR) && HAS(c, LITERAL_PLUS) && HAS(c, STARTTLS));
	EXPECT(HAS(c, LOGINDISABLED));
	EXPECT(!HAS(c, IMAP4REV2) && !HAS(c, MOVE) && !HAS(c, LITERAL_MINUS));
	EXPECT_EQ(c.auth, SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_LOGIN));
	EXPECT(c.fresh);
}

TEST(caps_microsoft)
{
	struct imap_caps c = caps_of("IMAP4 IMAP4rev1 AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT "
	    "CHILDREN IDLE NAMESPACE LITERAL+");

	EXPECT(HAS(c, UIDPLUS) && HAS(c, MOVE) && HAS(c, CHILDREN));
	EXPECT(!HAS(c, CONDSTORE) && !HAS(c, ESEARCH) && !HAS(c, SPECIAL_USE));
	EXPECT_EQ(c.auth, SASL_BIT(SASL_XOAUTH2));
}

TEST(caps_rev2_implies)
{
	struct imap_caps c = caps_of("imap4REV2 STARTTLS");
	static const enum imap_cap built_in[] = {
		IMAP_CAP_NAMESPACE, IMAP_CAP_UNSELECT, IMAP_CAP_UIDPLUS, IMAP_CAP_ESEARCH,
		IMAP_CAP_SEARCHRES, IMAP_CAP_ENABLE, IMAP_CAP_IDLE, IMAP_CAP_SASL_IR,
		IMAP_CAP_LIST_EXTENDED, IMAP_CAP_LIST_STATUS, IMAP_CAP_MOVE,
		IMAP_CAP_LITERAL_MINUS, IMAP_CAP_STATUS_SIZE,
	};

	for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
		if (!imap_caps_has(&c, built_in[i]))
			UNIT_FAIL("no %s", imap_cap_name(built_in[i]));
	/* Not built in: the roles' RETURN option, APPEND of NUL bytes, {n+} of any size. */
	EXPECT(!HAS(c, SPECIAL_USE) && !HAS(c, BINARY) && !HAS(c, LITERAL_PLUS));
	EXPECT(!HAS(c, CONDSTORE) && !HAS(c, IMAP4REV1));
}

TEST(caps_qresync_and_utf8_imply)
{
	struct imap_caps c = caps_of("IMAP4rev1 QRESYNC UTF8=ONLY");

	EXPECT(HAS(c, CONDSTORE) && HAS(c, ENABLE) && HAS(c, UTF8_ACCEPT));
}

TEST(caps_numbers)
{
	struct imap_caps c = caps_of("IMAP4rev1 APPENDLIMIT=35651584 MESSAGELIMIT=1000");

	EXPECT(HAS(c, APPENDLIMIT) && HAS(c, MESSAGELIMIT));
	EXPECT_EQ(c.append_max, 35651584);
	EXPECT_EQ(c.message_max, 1000);
	c = caps_of("APPENDLIMIT");
	EXPECT(HAS(c, APPENDLIMIT) && c.append_max == 0);
	c = caps_of("APPENDLIMIT=12x APPENDLIMIT=99999999999999999999999 MESSAGELIMIT=-1");
	EXPECT(c.append_max == 0 && c.message_max == 0);
}

/* A server was seen to write "LITERAL +"; a lone "+" elsewhere must not promise {n+}. */
TEST(caps_literal_in_two)
{
	struct imap_caps c = caps_of("IMAP4rev1 LITERAL + IDLE");

	EXPECT(HAS(c, LITERAL_PLUS) && HAS(c, IDLE));
	c = caps_of("IMAP4rev1 LITERAL - IDLE");
	EXPECT(HAS(c, LITERAL_MINUS) && !HAS(c, LITERAL_PLUS));
	c = caps_of("IMAP4rev1 + LITERAL IDLE +");
	EXPECT(!HAS(c, LITERAL_PLUS));
}

TEST(caps_odd_blanks_and_ends)
{
	struct imap_caps c = caps_of("  IMAP4rev1   IDLE\t MOVE \r\n");

	EXPECT(HAS(c, IMAP4REV1) && HAS(c, IDLE) && HAS(c, MOVE));
	c = caps_of("IMAP4rev1 IDLE] MOVE ready");
	EXPECT(HAS(c, IDLE) && !HAS(c, MOVE));
	c = caps_of("");
	EXPECT(c.bits == 0 && c.auth == 0);
	/* A name is known as a whole only. */
	c = caps_of("IDLEX XIDLE MOVE= AUTH= AUTH");
	EXPECT(c.bits == 0 && c.auth == 0);
}

TEST(caps_a_list_replaces)
{
	struct imap_caps c = caps_of("IMAP4rev1 IDLE AUTH=PLAIN APPENDLIMIT=5");

	imap_caps_parse(&c, VIEW("IMAP4rev1 MOVE"));
	EXPECT(HAS(c, MOVE) && !HAS(c, IDLE));
	EXPECT(c.auth == 0 && c.append_max == 0);
}

TEST(caps_forgotten_at_tls)
{
	struct imap_caps c = caps_of("IMAP4rev1 IDLE MOVE AUTH=PLAIN STARTTLS APPENDLIMIT=5");

	imap_caps_forget(&c, IMAP_FORGET_TLS);
	EXPECT(c.bits == 0 && c.auth == 0 && !c.fresh && c.append_max == 0);
}

TEST(caps_forgotten_at_login)
{
	struct imap_caps c = caps_of("IMAP4rev1 SASL-IR IDLE MOVE AUTH=PLAIN STARTTLS LOGINDISABLED "
	    "LOGIN-REFERRALS APPENDLIMIT=5");

	imap_caps_forget(&c, IMAP_FORGET_LOGIN);
	EXPECT(!HAS(c, STARTTLS) && !HAS(c, LOGINDISABLED) && !HAS(c, SASL_IR));
	EXPECT(!HAS(c, LOGIN_REFERRALS) && c.auth == 0 && !c.fresh);
	EXPECT(HAS(c, IMAP4REV1) && HAS(c, IDLE) && HAS(c, MOVE) && c.append_max == 5);
}

/* Each row is found by its own name, and printed by it. */
TEST(caps_each_by_name)
{
	for (unsigned i = 0; i < IMAP_CAP_END; i++) {
		struct imap_caps c = caps_of(imap_cap_name((enum imap_cap)i));

		if (!imap_caps_has(&c, (enum imap_cap)i))
			UNIT_FAIL("%s is not found", imap_cap_name((enum imap_cap)i));
		EXPECT(imap_cap_allows((enum imap_cap)i)[0] != '\0');
	}
	EXPECT((imap_cap_flags(IMAP_CAP_QRESYNC) & CAPF_ENABLE) != 0);
}

TEST(caps_print)
{
	struct imap_caps c = caps_of("MOVE idle auth=plain IMAP4rev1");
	struct str out = STR_INIT;

	imap_caps_print(&out, &c);
	EXPECT_STR(str_z(&out), "IMAP4rev1 MOVE IDLE AUTH=PLAIN");
	str_free(&out);
}
