/*
 * IMAP replies: what servers send, each with the server that does; whole and cut at
 * every byte the facts are the same.  In the notation of imap_dump.h.
 */
#include "tests/unit/imap_dump.h"

#include "tests/unit/unit.h"

struct row { const char *server, *in, *out; };

/* Prints where they differ; the number of rows that do. */
static int
run(const struct row *rows, size_t n)
{
	struct str whole = STR_INIT, cut = STR_INIT;
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		struct view in = view_of(rows[i].in);

		dump_stream(in, in.n, 1, &whole);
		if (strcmp(str_z(&whole), rows[i].out) != 0) {
			printf("# %s: %s#   gives    %s#   expected %s", rows[i].server, rows[i].in,
			    str_z(&whole), rows[i].out);
			bad++;
		}
		dump_stream(in, 1, 1, &cut);
		bad += !view_eq(str_view(&whole), str_view(&cut));
		for (size_t at = 0; at <= in.n; at++) {
			dump_stream(in, at, in.n, &cut);
			if (!view_eq(str_view(&whole), str_view(&cut))) {
				printf("# %s: cut at %zu: %s", rows[i].server, at, str_z(&cut));
				bad++;
			}
		}
	}
	str_free(&whole);
	str_free(&cut);
	return bad;
}

static const struct row conditions[] = {
	{ "Dovecot", "* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN] Dovecot ready.\r\n",
	    "cond OK code=CAPABILITY name=<CAPABILITY> args=<IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN> "
	    "[IMAP4rev1|SASL-IR|LITERAL+|AUTH=PLAIN] text=<Dovecot ready.>\n" },
	{ "Courier", "* OK [ALERT] Filesystem notification initialization error\r\n* PREAUTH Ready.\r\n",
	    "cond OK code=ALERT name=<ALERT> text=<Filesystem notification initialization error>\n"
	    "cond PREAUTH text=<Ready.>\n" },
	{ "Gmail", "* OK [PERMANENTFLAGS (\\Answered OIB-Seen-[Gmail]/All $Forwarded \\*)] Flags "
	    "permitted.\r\n",
	    "cond OK code=PERMANENTFLAGS name=<PERMANENTFLAGS> args=<(\\Answered "
	    "OIB-Seen-[Gmail]/All $Forwarded \\*)> sys=36 any [OIB-Seen-[Gmail]/All] "
	    "text=<Flags permitted.>\n" },
	{ "Gmail", "* OK [HIGHESTMODSEQ 917162500]\r\n",
	    "cond OK code=HIGHESTMODSEQ name=<HIGHESTMODSEQ> args=<917162500> number=917162500\n" },
	{ "Gmail", "a2 OK Success [THROTTLED]\r\n",
	    "tagged tag=<a2> OK throttled=0 text=<Success [THROTTLED]>\n" },
	{ "Gmail", "a2 NO [ALERT] Too many simultaneous connections. (Failure)\r\n",
	    "tagged tag=<a2> NO code=ALERT name=<ALERT> text=<Too many simultaneous connections. "
	    "(Failure)>\n" },
	{ "Microsoft 365", "a3 NO Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n",
	    "tagged tag=<a3> NO throttled=299961 text=<Request is throttled. Suggested Backoff "
	    "Time: 299961 milliseconds>\n" },
	{ "Microsoft 365", "* BYE Session invalidated - AccessTokenExpired\r\n",
	    "cond BYE text=<Session invalidated - AccessTokenExpired>\n" },
	{ "Exchange", "+\r\n+ \r\n+ VGV4dA==\r\n", "+\n+\n+ text=<VGV4dA==>\n" },
	{ "Exchange", "a4 OK [COPYUID 7  ] done\r\n",
	    "tagged tag=<a4> OK code=COPYUID name=<COPYUID> args=<7> uidvalidity=7 text=<done>\n" },
	{ "Exchange", "* NO [Error=\"Server.WrongServerException [x]\" AuthResultFromPopImapEnd=0] a\r\n",
	    "cond NO code= name=<Error=\"Server.WrongServerException> args=<[x]\" "
	    "AuthResultFromPopImapEnd=0> text=<a>\n" },
	{ "Dovecot", "a5 OK [COPYUID 1500000000 1:3,7 10,12:14] Moved UIDs.\r\n",
	    "tagged tag=<a5> OK code=COPYUID name=<COPYUID> args=<1500000000 1:3,7 10,12:14> "
	    "uidvalidity=1500000000 src=<1:3,7> dst=<10,12:14> text=<Moved UIDs.>\n" },
	{ "maddy", "* [COPYUID 1 2 3] copied\r\n",
	    "cond OK code=COPYUID name=<COPYUID> args=<1 2 3> uidvalidity=1 src=<2> dst=<3> "
	    "text=<copied>\n" },
	{ "hostile", "a OK [COPYUID 1 1:4294967295 5] x\r\n",
	    "tagged tag=<a> OK code=COPYUID! name=<COPYUID> args=<1 1:4294967295 5> uidvalidity=1 "
	    "text=<x>\n" },
	{ "Cyrus", "a6 OK [APPENDUID 38505 3955] Completed\r\n",
	    "tagged tag=<a6> OK code=APPENDUID name=<APPENDUID> args=<38505 3955> "
	    "uidvalidity=38505 dst=<3955> text=<Completed>\n" },
	{ "any", "* OK [UIDVALIDITY 0] a\r\n* OK [UIDNEXT 4392] b\r\n* OK [UNSEEN 12] c\r\n",
	    "cond OK code=UIDVALIDITY name=<UIDVALIDITY> args=<0> text=<a>\n"
	    "cond OK code=UIDNEXT name=<UIDNEXT> args=<4392> number=4392 text=<b>\n"
	    "cond OK code=UNSEEN name=<UNSEEN> args=<12> number=12 text=<c>\n" },
	{ "any", "* OK [UIDNEXT x] b\r\n* OK [UIDVALIDITY] c\r\n",
	    "cond OK code=UIDNEXT! name=<UIDNEXT> args=<x> text=<b>\n"
	    "cond OK code=UIDVALIDITY! name=<UIDVALIDITY> text=<c>\n" },
	{ "Cyrus", "* OK [CLOSED] Ok\r\na NO [TRYCREATE] no\r\na NO [OVERQUOTA] full\r\n",
	    "cond OK code=CLOSED name=<CLOSED> text=<Ok>\n"
	    "tagged tag=<a> NO code=TRYCREATE name=<TRYCREATE> text=<no>\n"
	    "tagged tag=<a> NO code=OVERQUOTA name=<OVERQUOTA> text=<full>\n" },
	{ "Dovecot", "a NO [AUTHENTICATIONFAILED] Authentication failed.\r\na NO [UNAVAILABLE] x\r\n"
	    "a NO [INUSE] x\r\na NO [LIMIT] x\r\na NO [NONEXISTENT] x\r\na NO [ALREADYEXISTS] x\r\n",
	    "tagged tag=<a> NO code=AUTHENTICATIONFAILED name=<AUTHENTICATIONFAILED> "
	    "text=<Authentication failed.>\n"
	    "tagged tag=<a> NO code=UNAVAILABLE name=<UNAVAILABLE> text=<x>\n"
	    "tagged tag=<a> NO code=INUSE name=<INUSE> text=<x>\n"
	    "tagged tag=<a> NO code=LIMIT name=<LIMIT> text=<x>\n"
	    "tagged tag=<a> NO code=NONEXISTENT name=<NONEXISTENT> text=<x>\n"
	    "tagged tag=<a> NO code=ALREADYEXISTS name=<ALREADYEXISTS> text=<x>\n" },
	{ "any", "a OK [MODIFIED 7,9] Conditional STORE failed\r\na OK [MODIFIED] x\r\n",
	    "tagged tag=<a> OK code=MODIFIED name=<MODIFIED> args=<7,9> src=<7,9> "
	    "text=<Conditional STORE failed>\n"
	    "tagged tag=<a> OK code=MODIFIED! name=<MODIFIED> text=<x>\n" },
	{ "any", "* NO [BADCHARSET (US-ASCII \"UTF-8\")] x\r\n* OK [MAILBOXID (F22)] y\r\n",
	    "cond NO code=BADCHARSET name=<BADCHARSET> args=<(US-ASCII \"UTF-8\")> "
	    "[US-ASCII|UTF-8] text=<x>\n"
	    "cond OK code=MAILBOXID name=<MAILBOXID> args=<(F22)> id=<F22> text=<y>\n" },
	{ "Dovecot", "* OK [INPROGRESS (\"t7\" 454 1000)] Hang in there\r\n* OK [INPROGRESS] x\r\n",
	    "cond OK code=INPROGRESS name=<INPROGRESS> args=<(\"t7\" 454 1000)> number=454 "
	    "goal=1000 id=<t7> text=<Hang in there>\n"
	    "cond OK code=INPROGRESS name=<INPROGRESS> text=<x>\n" },
	{ "Yahoo", "a OK [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial results\r\n",
	    "tagged tag=<a> OK code=MESSAGELIMIT name=<MESSAGELIMIT> args=<1000 23221> number=1000 "
	    "goal=23221 text=<FETCH completed with 1000 partial results>\n" },
	{ "Yahoo", "a BAD [CLIENTBUG] UID SEARCH Command arguments invalid {1}\r\n* 1 EXISTS\r\n",
	    "tagged tag=<a> BAD code=CLIENTBUG name=<CLIENTBUG> text=<UID SEARCH Command arguments "
	    "invalid {1}>\nexists #1\n" },
	{ "any", "* OK [FOO a (b ] c) d\r\n* OK [FOO\r\n* OK [] x\r\n",
	    "cond OK code= name=<FOO> args=<a (b> text=<c) d>\n"
	    "cond OK text=<[FOO>\ncond OK code= text=<x>\n" },
	{ "any", "a1 FOO bar\r\na1 PREAUTH x\r\na1\r\n",
	    "broken name=<FOO> a tagged reply that is not OK, NO or BAD\n"
	    "broken name=<PREAUTH> a tagged reply that is not OK, NO or BAD\n"
	    "broken the line has no name\n" },
};

TEST(imap_resp_conditions)
{
	EXPECT_EQ(run(conditions, ARRAY_LEN(conditions)), 0);
}

static const struct row lists[] = {
	{ "iCloud", "* CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1  UIDPLUS \r\n* ENABLED\r\n",
	    "caps [XAPPLEPUSHSERVICE|IMAP4|IMAP4rev1|UIDPLUS]\nenabled []\n" },
	{ "Cyrus", "* ENABLED CONDSTORE QRESYNC\r\n", "enabled [CONDSTORE|QRESYNC]\n" },
	{ "Dovecot", "* ID (\"name\" \"Dovecot\" \"version\" NIL)\r\n* ID NIL\r\n* ID (\"odd\")\r\n",
	    "id name=Dovecot version=\nid\nid\n" },
	{ "Zoho", "* FLAGS (\\Answered \\Seen \\* $Junk)\r\n* FLAGS ()\r\n* FLAGS x\r\n",
	    "flags sys=5 any [$Junk]\nflags sys=0 []\nbroken name=<FLAGS> FLAGS without a list\n" },
	{ "Gmail", "* LIST (\\All \\HasNoChildren) \"/\" \"[Gmail]/All Mail\"\r\n"
	    "* XLIST (\\HasNoChildren \\Inbox) \"/\" \"Posteingang\"\r\n",
	    "list name=<[Gmail]/All Mail> delim=/ attrs=410\n"
	    "list name=<Posteingang> delim=/ attrs=40010 xlist\n" },
	{ "Domino", "* LIST () \"\\\\\" \"Folder\\\\Sub\" \r\n", "list name=<Folder\\Sub> delim=\\ attrs=0\n" },
	{ "Cyrus", "* LIST (\\NonExistent) \".\" INBOX.x (\"CHILDINFO\" (\"SUBSCRIBED\") \"OLDNAME\" "
	    "(\"INBOX.y\"))\r\n* LSUB (\\Noselect) NIL {3}\r\na\"b\r\n",
	    "list name=<INBOX.x> delim=. attrs=3 child old=<INBOX.y>\n"
	    "list name=<a\"b> delim=0 attrs=2 lsub\n" },
	{ "any", "* LIST () NIL \"\"\r\n* LIST NIL \"/\" NIL\r\n* LIST () \"/\"\r\n* LIST x y z\r\n"
	    "* LIST () \"/\" (a)\r\n",
	    "list delim=0 attrs=0\nlist name=<NIL> delim=/ attrs=0\n"
	    "broken name=<LIST> LIST without a name\nbroken name=<LIST> LIST without attributes\n"
	    "broken name=<LIST> LIST without a name\n" },
	{ "Exchange", "* LIST (\\HasNoChildren) \"/\" a\tb\r\n", "list name=<a\tb> delim=/ attrs=10\n" },
	{ "Courier", "* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\")(\"shared.\" \".\"))\r\n",
	    "space INBOX.:.; ; #shared.:.|shared.:.;\n" },
	{ "Dovecot", "* NAMESPACE ((\"\" \"/\" \"X-PARAM\" (\"a\"))) ((\"~\" NIL)) ()\r\n",
	    "space :/; ~:0; ;\n" },
	{ "any", "* NAMESPACE\r\n* NAMESPACE NIL\r\n* NAMESPACE (()) ((())) x\r\n",
	    "broken name=<NAMESPACE> NAMESPACE without namespaces\nspace ; ; ;\nspace ; ; ;\n" },
	{ "Dovecot", "* STATUS INBOX (MESSAGES 231 UIDNEXT 44292 HIGHESTMODSEQ 7011231777)\r\n",
	    "status name=<INBOX> has=37 231/0/44292/0/0/0 7011231777/0/0\n" },
	{ "Courier", "* STATUS \"INBOX\" (MESSAGES 5 UNSEEN 2 UIDVALIDITY 3 RECENT 1 ) \r\n",
	    "status name=<INBOX> has=27 5/1/0/3/2/0 0/0/0\n" },
	{ "Exchange", "* STATUS Deleted Items (MESSAGES 1) \r\n* STATUS \"a\" (UNSEEN -1)\r\n",
	    "status name=<Deleted Items> has=1 1/0/0/0/0/0 0/0/0\n"
	    "status name=<a> has=16 0/0/0/0/0/0 0/0/0\n" },
	{ "163.com", "* STATUS INBOX ()\r\n* STATUS INBOX\r\n",
	    "status name=<INBOX> has=0 0/0/0/0/0/0 0/0/0\n"
	    "status name=<INBOX> has=0 0/0/0/0/0/0 0/0/0\n" },
	{ "any", "* STATUS b (SIZE 8589934592 DELETED 3 APPENDLIMIT NIL MAILBOXID (F2) X 1)\r\n",
	    "status name=<b> has=960 0/0/0/0/0/3 0/8589934592/18446744073709551615 id=<F2>\n" },
	{ "mail.ru", "* STATUS b (MESSAGES 9.37e+06 UIDNEXT 99999999999 UNSEEN x)\r\n",
	    "status name=<b> has=5 9370000/0/4294967295/0/0/0 0/0/0\n" },
	{ "Dovecot", "* QUOTA \"User quota\" (STORAGE 10 512 MESSAGE 3 x)\r\n* QUOTAROOT INBOX \"\" a\r\n",
	    "quota root=<User quota> STORAGE 10/512\nquotaroot mailbox=<INBOX> [|a]\n" },
	{ "any", "* THREAD (1)(2 3)\r\n* 5 FOO\r\n* METADATA \"\" /shared/x\r\n",
	    "unknown name=<THREAD>\nunknown #5 name=<FOO>\nunknown name=<METADATA>\n" },
	{ "any", "* 0 EXISTS\r\n* 5 RECENT\r\n* 99999999999 EXPUNGE\r\n* EXISTS\r\n",
	    "exists #0\nrecent #5\nexpunge #4294967295\nbroken name=<EXISTS> a number is missing\n" },
};

TEST(imap_resp_lists)
{
	EXPECT_EQ(run(lists, ARRAY_LEN(lists)), 0);
}

static const struct row sets[] = {
	{ "Dovecot", "* SEARCH 2 84 882\r\n* SEARCH\r\n* SEARCH 9 8 7 7\r\n",
	    "search 2,84,882\nsearch \nsearch 7:9\n" },
	{ "Exchange", "* SEARCH 2 3 \r\n", "search 2:3\n" },
	{ "Gmail", "* SEARCH 2 5 (MODSEQ 917162500)\r\n", "search 2,5 modseq=917162500\n" },
	{ "mail.ru", "* SEARCH 1 2.5e+1 x 0 99999999999\r\n", "search 1,25 incomplete\n" },
	{ "any", "* SORT 5 3 4\r\n", "sort 3:5\n" },
	{ "Dovecot", "* ESEARCH (TAG \"a7\") UID ALL 1:5,9,7 MIN 1 MAX 9 COUNT 7 MODSEQ 12\r\n",
	    "esearch tag=<a7> uid has=31 min=1 max=9 count=7 modseq=12 1:5,7,9\n" },
	{ "Cyrus", "* ESEARCH (TAG \"a7\") UID\r\n* ESEARCH (TAG a8) COUNT 0\r\n* ESEARCH\r\n",
	    "esearch tag=<a7> uid has=0 \nesearch tag=<a8> has=8 \nesearch has=0 \n" },
	{ "any", "* ESEARCH (TAG \"12\") UID ALL 3 FOO 5 BAR (1 2) COUNT 1\r\n",
	    "esearch tag=<12> uid has=12 count=1 3\n" },
	{ "any", "* ESEARCH (TAG {2}\r\na9 MAILBOX \"b,c\" UIDVALIDITY 4) UID ALL 2,3\r\n",
	    "esearch tag=<a9> mailbox=<b,c> uidvalidity=4 uid has=4 2:3\n" },
	{ "Yahoo", "* ESEARCH (TAG \"a\") UID PARTIAL (-1:-100 200:250,252) COUNT 51\r\n"
	    "* ESEARCH (TAG \"b\") UID PARTIAL (1:100 NIL)\r\n",
	    "esearch tag=<a> uid has=40 count=51 200:250,252\n"
	    "esearch tag=<b> uid has=32 \n" },
	{ "any", "* ESEARCH (TAG \"a\") ALL 1:*,5\r\n", "esearch tag=<a> has=4 5 incomplete\n" },
	{ "Dovecot", "* VANISHED (EARLIER) 300:310,405,411\r\n* VANISHED 1\r\n* VANISHED 4,x\r\n",
	    "vanished 300:310,405,411 earlier\nvanished 1\nvanished 4 incomplete\n" },
};

TEST(imap_resp_sets)
{
	EXPECT_EQ(run(sets, ARRAY_LEN(sets)), 0);
}

static const struct row fetches[] = {
	{ "Dovecot", "* 3 FETCH (UID 7 FLAGS (\\Seen \\Recent $Forwarded Work) MODSEQ (12345))\r\n",
	    "fetch #3 uid=7 has=19 sys=33 recent [Work] modseq=12345\n" },
	{ "any", "* 3 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 "
	    "SAVEDATE \" 1-Jan-2020 00:00:00 +0000\")\r\n",
	    "fetch #3 uid=0 has=268 date=837596665 saved=1577836800 size=4286\n" },
	{ "Dovecot", "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM TO)] {11}\r\nFrom: a\r\n\r\n FLAGS ())\r\n",
	    "fetch #1 uid=1 has=3 sys=0 [] {BODY[HEADER.FIELDS (FROM TO)] fields [FROM|TO] size=11 "
	    "bytes=<From: a\r\n\r\n>}\n" },
	{ "Courier", "* 0 FETCH (UID 1 BODY[HEADER.FIELDS (\"Subject\" \"X]\")] \"\")\r\n",
	    "fetch #0 uid=1 has=1 {BODY[HEADER.FIELDS (\"Subject\" \"X]\")] fields [Subject|X]] size=0}\n" },
	{ "any", "* 1 FETCH (BODY[]<0> \"abc\" BODY[1.2.MIME] NIL BODY[TEXT] \"t\" BODY[3] {0}\r\n "
	    "BINARY[1]<5> ~{2}\r\n\x01\x02 BODY[1.HEADER.FIELDS.NOT (a)] \"\")\r\n",
	    "fetch #1 uid=0 has=0 {BODY[]<0> all from=0 size=3 bytes=<abc>} {BODY[1.2.MIME] mime "
	    "at=<1.2> nil size=0} {BODY[TEXT] text size=1 bytes=<t>} {BODY[3] all at=<3> size=0} "
	    "{BINARY[1]<5> all at=<1> from=5 binary size=2 bytes=<\x01\x02>} "
	    "{BODY[1.HEADER.FIELDS.NOT (a)] not at=<1> [a] size=0}\n" },
	{ "iCloud", "* 1 FETCH (RFC822 \"x\" RFC822.HEADER {1}\r\ny RFC822.TEXT NIL RFC822.SIZE 1)\r\n",
	    "fetch #1 uid=0 has=8 size=1 {RFC822 all size=1 bytes=<x>} {RFC822.HEADER header size=1 "
	    "bytes=<y>} {RFC822.TEXT text nil size=0}\n" },
	{ "Yandex", "* 1 FETCH (BODY[] UID 5)\r\n* 1 FETCH (UID 5 BODY[])\r\n",
	    "fetch #1 uid=5 has=1 {BODY[] all nil size=0}\n"
	    "fetch #1 uid=5 has=1 {BODY[] all nil size=0}\n" },
	{ "any", "* 1 FETCH (BODY[1] BODY[2] \"x\" BODY[3] foo UID 5)\r\n",
	    "fetch #1 uid=5 has=1 {BODY[1] all at=<1> nil size=0} {BODY[2] all at=<2> size=1 "
	    "bytes=<x>} {BODY[3] all at=<3> nil size=0}\n" },
	{ "Xeams", "* 1 FETCH (UID 5) FLAGS (\\Seen)\r\n* 1 FETCH ((UID 6))\r\n* 1 FETCH UID 5\r\n",
	    "fetch #1 uid=5 has=3 sys=1 []\nfetch #1 uid=6 has=1\n"
	    "broken #1 name=<FETCH> uid=5 FETCH without a list\n" },
	{ "Zimbra", "* 1 FETCH (UID 5 FLAGS(\\Seen)BODY[]{2}\r\nab)\r\n",
	    "fetch #1 uid=5 has=3 sys=1 [] {BODY[] all size=2 bytes=<ab>}\n" },
	{ "Zoho", "* 1 FETCH (UID 5 MODSEQ (-1) FLAGS (\\* a]b))\r\n",
	    "fetch #1 uid=5 has=19 sys=0 any [a]b]\n" },
	{ "Gmail", "* 2 FETCH (X-GM-THRID 1266894439832287888 X-GM-MSGID 1278455344230334865 "
	    "X-GM-LABELS (\"\\\\Inbox\" +x NIL \"Entw&APw-rfe\"))\r\n",
	    "fetch #2 uid=0 has=3584 msgid=1278455344230334865 thrid=1266894439832287888 "
	    "[\\Inbox|+x|NIL|Entw&APw-rfe]\n" },
	{ "Fastmail", "* 2 FETCH (EMAILID (M6d99ac) THREADID (T64b47) PREVIEW \"hello\")\r\n"
	    "* 2 FETCH (THREADID NIL PREVIEW NIL SAVEDATE NIL)\r\n",
	    "fetch #2 uid=0 has=4288 emailid=<M6d99ac> threadid=<T64b47> preview=<hello>\n"
	    "fetch #2 uid=0 has=0\n" },
	{ "any", "* 1 FETCH (FOO (a (b)) UID 5 BAR baz ENVELOPE (NIL \"s\" ((NIL NIL \"a\" \"b\"))) "
	    "FLAGS NIL UID 0 RFC822.SIZE x INTERNALDATE \"y\" MODSEQ ())\r\n",
	    "fetch #1 uid=5 has=3 sys=0 []\n" },
	{ "QQ", "* 1 FETCH (UID 5 ENVELOPE (\"qq.com\\\") BODY[] {17}\r\n* 2 EXPUNGE\r\n)\r\n\")\r\n* 2 EXISTS\r\n",
	    "broken #1 name=<FETCH> uid=5 a quoted string has no end\nexists #2\n" },
	{ "any", "* 1 FETCH ()\r\n* FETCH (UID 1)\r\n* 1 FETCH (UID 5 FLAGS (\\Seen\r\n",
	    "fetch #1 uid=0 has=0\nbroken name=<FETCH> uid=1 a number is missing\n"
	    "fetch #1 uid=5 has=3 sys=1 []\n" },
};

TEST(imap_resp_fetches)
{
	EXPECT_EQ(run(fetches, ARRAY_LEN(fetches)), 0);
}

#define BS(x)	"* 1 FETCH (BODYSTRUCTURE " x ")\r\n"
#define BO(x)	"fetch #1 uid=0 has=32 parts(" x ")\n"

static const struct row bodies[] = {
	{ "any", BS("(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 3028 92)"),
	    BO("1 text/plain charset=<utf-8> size=3028") },
	{ "Dovecot", BS("((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL)(\"application\" "
	    "\"pdf\" (\"name\" \"a.pdf\") \"<i@d>\" NIL \"base64\" 100 NIL (\"attachment\" (\"filename\" "
	    "\"b.pdf\")) NIL NIL) \"mixed\" (\"boundary\" \"x\") NIL (\"en\" \"de\") NIL)"),
	    BO("TEXT multipart/mixed; 1 text/plain size=5; 2 application/pdf file=<b.pdf> "
	    "disp=<attachment> cid=<i@d> encoding=1 size=100") },
	{ "Cyrus", BS("((\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 90 (\"date\" NIL NIL NIL NIL NIL "
	    "NIL NIL NIL NIL) ((\"TEXT\" \"HTML\" NIL NIL NIL \"8BIT\" 7 1)(\"IMAGE\" \"PNG\" NIL NIL "
	    "NIL \"BASE64\" 9) \"RELATED\") 20 NIL (\"attachment\" NIL)) \"DIGEST\")"),
	    BO("TEXT multipart/digest; 1 message/rfc822 disp=<attachment> size=90; 1.TEXT "
	    "multipart/related; 1.1 text/html size=7; 1.2 image/png encoding=1 size=9") },
	{ "Gmail", BS("(\"MESSAGE\" \"RFC822\" (\"NAME\" \"a.eml\") NIL NIL \"BASE64\" 90 NIL "
	    "(\"ATTACHMENT\" (\"FILENAME\" \"a.eml\")) NIL)"),
	    BO("1 message/rfc822 file=<a.eml> disp=<attachment> encoding=1 size=90") },
	{ "Exchange", BS("(\"image\" \"png\" () \"\" NIL \"base64\" -1 NIL \"inline\" NIL)"),
	    BO("1 image/png disp=<inline> encoding=1") },
	{ "GroupWise", BS("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 12 NIL (\"inline\" NIL))"),
	    BO("1 text/plain disp=<inline> size=12") },
	{ "mail.ru", BS("((\"text\" \"plain\" () NIL NIL NIL 9.0 1) \"alternative\" (\"boundary\" NIL))"),
	    BO("TEXT multipart/alternative; 1 text/plain size=9") },
	{ "SmarterMail", BS("(\"text\" \"plain\")"), BO("1 text/plain") },
	{ "any", BS("(NIL NIL NIL NIL NIL NIL NIL)"), BO("1 text/plain") },
	{ "Domino", BS("()") "* 1 FETCH (BODY NIL)\r\n",
	    "fetch #1 uid=0 has=0\nfetch #1 uid=0 has=0\n" },
	{ "any", "* 1 FETCH (BODY ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1)\"mixed\"))\r\n",
	    BO("TEXT multipart/mixed; 1 text/plain size=5") },
	{ "any", BS("(\"text\" \"plain\" (\"NAME*0*\" \"utf-8''a%20\" \"NAME*1\" \"b\") NIL NIL \"7bit\" 5 1)"),
	    BO("1 text/plain file=<a b> size=5") },
};

TEST(imap_resp_bodystructures)
{
	EXPECT_EQ(run(bodies, ARRAY_LEN(bodies)), 0);
}

static void
add_many(struct str *s, const char *what, size_t n)
{
	while (n-- > 0)
		str_adds(s, what);
}

TEST(imap_resp_deep_structures_are_left_out)
{
	struct str in = STR_INIT, out = STR_INIT;

	str_adds(&in, "* 1 FETCH (UID 5 BODYSTRUCTURE ");
	add_many(&in, "(", 70);
	add_many(&in, ")", 70);
	str_adds(&in, " FLAGS ())\r\n");
	dump_stream(str_view(&in), in.len, 1, &out);
	EXPECT_STR(str_z(&out), "fetch #1 limit uid=5 has=3 sys=0 []\n");
	str_free(&in);
	str_free(&out);
}

TEST(imap_resp_large_replies_are_broken)
{
	struct str in = STR_INIT, out = STR_INIT;

	str_adds(&in, "* 1 FETCH (UID 5 FLAGS (");
	add_many(&in, "abc ", 100000);
	str_adds(&in, "))\r\n* 2 EXISTS\r\n");
	dump_stream(str_view(&in), 1000, 1000, &out);
	EXPECT_STR(str_z(&out), "broken #1 name=<FETCH> uid=5 the reply is too large limit\n"
	    "exists #2\n");
	str_free(&in);
	str_free(&out);
}

TEST(imap_resp_keywords_have_a_ceiling)
{
	struct str in = STR_INIT;
	struct imap_resp *r = imap_resp_new();
	struct imap_reply *reply;
	struct view v;

	str_adds(&in, "* 1 FETCH (FLAGS (");
	for (unsigned i = 0; i < KEYWORDS_MAX + 5; i++)
		str_addf(&in, "k%u ", i);
	str_adds(&in, "\\Seen))\r\n");
	v = str_view(&in);
	EXPECT_EQ(imap_resp_next(r, &v, &reply, NULL), 1);
	EXPECT_EQ(reply->kind, IMAP_FETCH);
	EXPECT(reply->fetch.flags.more);
	EXPECT_EQ(reply->fetch.flags.keywords.n, KEYWORDS_MAX);
	EXPECT_EQ(reply->fetch.flags.sys, FLAG_SEEN);
	imap_resp_free(&r);
	str_free(&in);
}

/* 1 MiB is held, one byte more goes to the sink. */
TEST(imap_resp_sinks_large_literals)
{
	for (size_t extra = 0; extra < 2; extra++) {
		struct str in = STR_INIT, whole = STR_INIT, cut = STR_INIT;
		size_t n = IMAP_MEMORY_MAX + extra;

		str_addf(&in, "* 4 FETCH (UID 9 BODY[1] \"x\" BODY[] {%zu}\r\n", n);
		memset(str_room(&in, n), 'z', n);
		str_grew(&in, n);
		str_adds(&in, " FLAGS ())\r\n");
		dump_stream(str_view(&in), in.len, 1, &whole);
		dump_stream(str_view(&in), 37, 100003, &cut);
		EXPECT(view_eq(str_view(&whole), str_view(&cut)));
		EXPECT_EQ(view_starts(str_view(&whole), VIEW("sink #4 uid=9 nth=1 size=1048577 BODY[] zzz")),
		    extra == 1);
		EXPECT_EQ(view_find(str_view(&whole), VIEW("{BODY[] all sunk size=1048577}")) > 0,
		    extra == 1);
		EXPECT(view_find(str_view(&whole), VIEW("fetch #4 uid=9 has=3")) >= 0);
		str_free(&in);
		str_free(&whole);
		str_free(&cut);
	}
}

TEST(imap_resp_drops_large_literals_of_others)
{
	struct str in = STR_INIT, out = STR_INIT;
	size_t n = IMAP_MEMORY_MAX + 1;

	str_addf(&in, "* LIST () \"/\" {%zu}\r\n", n);
	memset(str_room(&in, n), 'z', n);
	str_grew(&in, n);
	str_adds(&in, "\r\n* 1 EXISTS\r\n");
	dump_stream(str_view(&in), in.len, 1, &out);
	EXPECT_STR(str_z(&out), "broken name=<LIST> LIST without a name\nexists #1\n");
	str_free(&in);
	str_free(&out);
}

/* No ceiling for a line of numbers: far over IMAP_LINE_MAX and IMAP_REPLY_MAX. */
TEST(imap_resp_streams_numbers)
{
	struct imap_resp *r = imap_resp_new();
	struct imap_reply *reply;
	struct view v = VIEW("* VANISHED (EARLIER) 1");
	uint64_t n = 1;
	char piece[40];
	int rc = imap_resp_next(r, &v, &reply, NULL);

	for (uint32_t i = 1; rc == 0 && i <= 1000000; i++, n++) {
		int len = snprintf(piece, sizeof(piece), ",%u", 4000000000u - 2 * i);

		v = view_n(piece, (size_t)len);
		rc = imap_resp_next(r, &v, &reply, NULL);
	}
	EXPECT_EQ(rc, 0);
	v = VIEW("\r\n");
	EXPECT_EQ(imap_resp_next(r, &v, &reply, NULL), 1);
	EXPECT_EQ(reply->kind, IMAP_VANISHED);
	EXPECT(reply->earlier && !reply->incomplete);
	EXPECT_EQ(seqset_count(reply->set), n);
	imap_resp_free(&r);
}

TEST(imap_resp_set_can_be_taken)
{
	struct imap_resp *r = imap_resp_new();
	struct imap_reply *reply;
	struct view v = VIEW("* SEARCH 1 2 3\r\n* SEARCH 9\r\n");
	struct seqset mine;

	EXPECT_EQ(imap_resp_next(r, &v, &reply, NULL), 1);
	mine = *reply->set;
	*reply->set = (struct seqset){ 0 };
	EXPECT_EQ(imap_resp_next(r, &v, &reply, NULL), 1);
	EXPECT_EQ(seqset_count(reply->set), 1);
	EXPECT_EQ(seqset_count(&mine), 3);
	seqset_free(&mine);
	imap_resp_free(&r);
}

/* What STARTTLS asks: a byte behind the tagged OK is seen, before and after it is read. */
TEST(imap_resp_knows_what_is_left)
{
	struct imap_resp *r = imap_resp_new();
	struct imap_reply *reply;
	struct view v = VIEW("a OK begin\r\n* C");

	EXPECT(imap_resp_idle(r));
	EXPECT_EQ(imap_resp_next(r, &v, &reply, NULL), 1);
	EXPECT_VIEW(v, "* C");
	EXPECT(imap_resp_idle(r));
	EXPECT_EQ(imap_resp_next(r, &v, &reply, NULL), 0);
	EXPECT(!imap_resp_idle(r));
	imap_resp_free(&r);
	imap_resp_free(&r);
}

TEST(imap_resp_impossible_literal_is_fatal)
{
	struct str out = STR_INIT;

	EXPECT_EQ(dump_stream(view_of("* 1 EXISTS\r\n* X {99999999999999}\r\n"), 5, 3, &out), -1);
	EXPECT_STR(str_z(&out), "exists #1\nfatal\n");
	str_free(&out);
}

TEST(imap_resp_structure_can_be_taken)
{
	struct imap_resp *r = imap_resp_new();
	struct imap_reply *reply;
	struct view v = VIEW("* 1 FETCH (BODY (\"a\" \"b\"))\r\n");
	struct mime *m;

	EXPECT_EQ(imap_resp_next(r, &v, &reply, NULL), 1);
	m = reply->fetch.structure;
	reply->fetch.structure = NULL;
	imap_resp_free(&r);
	EXPECT_EQ(mime_count(m), 1);
	EXPECT_VIEW(mime_type(m, 0), "a/b");
	mime_free(&m);
}
