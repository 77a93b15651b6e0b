/*
 * Charset labels to converters, and the conversion to UTF-8.
 *
 * A label is reduced to its letters and digits (Unicode TR 22, 1.4), without a
 * leading "x-", and looked up in a sorted table: the labels of the WHATWG
 * Encoding Standard and those that mail uses besides.  Where the WHATWG reads a
 * set as its superset (ISO-8859-1 as windows-1252, GB 2312 as GB 18030), so do we.
 * A set names iconv charsets, tried in order, since libraries differ in what they
 * have.  Sets whose converters are known to abort, loop or overflow in some libc
 * (ISO-2022-JP-3, ISO-2022-CN-EXT, IBM1390 and their like) are not in the table.
 *
 * Descriptors are opened per call: there is no state between calls.  The work and
 * the result are bounded by the input (OUT_PER_BYTE), whatever iconv does.
 */
#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include "base/utf8.h"

#define KEY_MAX		40u	/* the longest label has 39 letters and digits */
#define NAMES_MAX	4u
#define ICONV_BUF	8192u
#define ICONV_WINDOW	2048u
#define OUT_PER_BYTE	8u	/* no set needs more: a byte is at most two characters */

/* X(symbol, bytes < 0x80 are always ASCII, names for iconv_open() in order) */
#define SETS(X) \
	X(CP1250, true, "CP1250", "WINDOWS-1250") \
	X(CP1251, true, "CP1251", "WINDOWS-1251") \
	X(CP1253, true, "CP1253", "WINDOWS-1253") \
	X(CP1254, true, "CP1254", "WINDOWS-1254", "ISO-8859-9") \
	X(CP1255, true, "CP1255", "WINDOWS-1255") \
	X(CP1256, true, "CP1256", "WINDOWS-1256") \
	X(CP1257, true, "CP1257", "WINDOWS-1257") \
	X(CP1258, true, "CP1258", "WINDOWS-1258") \
	X(LATIN2, true, "ISO-8859-2") \
	X(LATIN3, true, "ISO-8859-3") \
	X(LATIN4, true, "ISO-8859-4") \
	X(CYRILLIC, true, "ISO-8859-5") \
	X(ARABIC, true, "ISO-8859-6") \
	X(GREEK, true, "ISO-8859-7") \
	X(HEBREW, true, "ISO-8859-8") \
	X(LATIN6, true, "ISO-8859-10") \
	X(LATIN7, true, "ISO-8859-13") \
	X(LATIN8, true, "ISO-8859-14") \
	X(LATIN9, true, "ISO-8859-15") \
	X(LATIN10, true, "ISO-8859-16") \
	X(THAI, true, "CP874", "WINDOWS-874", "ISO-8859-11", "TIS-620") \
	X(KOI8R, true, "KOI8-R") \
	X(KOI8U, true, "KOI8-U") \
	X(KOI8T, true, "KOI8-T") \
	X(CP437, true, "CP437", "IBM437") \
	X(CP737, true, "CP737", "IBM737") \
	X(CP775, true, "CP775", "IBM775") \
	X(CP850, true, "CP850", "IBM850") \
	X(CP852, true, "CP852", "IBM852") \
	X(CP855, true, "CP855", "IBM855") \
	X(CP857, true, "CP857", "IBM857") \
	X(CP858, true, "CP858", "IBM858", "CP850", "IBM850") \
	X(CP860, true, "CP860", "IBM860") \
	X(CP861, true, "CP861", "IBM861") \
	X(CP862, true, "CP862", "IBM862") \
	X(CP863, true, "CP863", "IBM863") \
	X(CP864, true, "CP864", "IBM864") \
	X(CP865, true, "CP865", "IBM865") \
	X(CP866, true, "CP866", "IBM866") \
	X(CP869, true, "CP869", "IBM869") \
	X(MACROMAN, true, "MACINTOSH", "MACROMAN") \
	X(MACCYR, true, "MAC-CYRILLIC", "MACCYRILLIC", "MAC-UK") \
	X(MACCE, true, "MAC-CENTRALEUROPE", "MACCENTRALEUROPE") \
	X(VISCII, false, "VISCII") \
	X(TCVN, false, "TCVN5712-1", "TCVN") \
	X(ARMSCII, true, "ARMSCII-8") \
	X(GEORGIAN, true, "GEORGIAN-PS") \
	X(ROMAN8, true, "HP-ROMAN8") \
	X(GB, true, "GB18030", "GBK", "CP936") \
	X(HZ, false, "HZ-GB-2312", "HZ") \
	X(BIG5, true, "CP950", "BIG5") \
	X(BIG5HK, true, "BIG5-HKSCS", "BIG5HKSCS", "BIG5") \
	X(EUCTW, false, "EUC-TW") \
	X(SJIS, true, "CP932", "SHIFT_JIS", "SJIS") \
	X(EUCJP, true, "EUC-JP-MS", "EUCJP-MS", "EUC-JP") \
	X(JIS, false, "ISO-2022-JP-MS", "ISO-2022-JP") \
	X(JIS2, false, "ISO-2022-JP-2") \
	X(KOREAN, true, "CP949", "UHC", "EUC-KR") \
	X(JOHAB, false, "JOHAB", "CP1361") \
	X(ISOKR, false, "ISO-2022-KR") \
	X(UTF7, false, "UTF-7") \
	X(UTF16, false, "UTF-16") \
	X(UTF16LE, false, "UTF-16LE") \
	X(UTF16BE, false, "UTF-16BE") \
	X(UTF32, false, "UTF-32") \
	X(UTF32LE, false, "UTF-32LE") \
	X(UTF32BE, false, "UTF-32BE")

enum set_id {
	SET_UTF8,
	SET_LATIN,			/* windows-1252, also under the name ISO-8859-1 */
	SET_GUESS,			/* says nothing: UTF-8 if valid, else windows-1252 */
#define X(sym, ascii, ...) SET_##sym,
	SETS(X)
#undef X
};

static const struct set {
	bool		 ascii;
	const char	*names[NAMES_MAX];
} sets[] = {
#define X(sym, ascii, ...) [SET_##sym] = { ascii, { __VA_ARGS__ } },
	SETS(X)
#undef X
};

/* Sorted by key: a label without "x-", lower-case, letters and digits only. */
static const struct label {
	const char	*key;
	enum set_id	 set;
} labels[] = {
	{ "1252", SET_LATIN }, { "1361", SET_JOHAB }, { "437", SET_CP437 }, { "646", SET_GUESS },
	{ "737", SET_CP737 }, { "775", SET_CP775 }, { "7bit", SET_GUESS }, { "850", SET_CP850 },
	{ "852", SET_CP852 }, { "855", SET_CP855 }, { "857", SET_CP857 }, { "858", SET_CP858 },
	{ "860", SET_CP860 }, { "861", SET_CP861 }, { "862", SET_CP862 }, { "863", SET_CP863 },
	{ "865", SET_CP865 }, { "866", SET_CP866 }, { "869", SET_CP869 }, { "874", SET_THAI },
	{ "8bit", SET_GUESS }, { "932", SET_SJIS }, { "936", SET_GB }, { "949", SET_KOREAN },
	{ "950", SET_BIG5 }, { "ansi", SET_LATIN }, { "ansix341968", SET_GUESS },
	{ "ansix341986", SET_GUESS }, { "appleroman", SET_MACROMAN }, { "arabic", SET_ARABIC },
	{ "armscii8", SET_ARMSCII }, { "ascii", SET_GUESS }, { "asmo708", SET_ARABIC },
	{ "big5", SET_BIG5 }, { "big5eten", SET_BIG5 }, { "big5hk", SET_BIG5HK },
	{ "big5hkscs", SET_BIG5HK }, { "big5hkscs2004", SET_BIG5HK }, { "big5tw", SET_BIG5 },
	{ "binary", SET_GUESS }, { "charset", SET_GUESS }, { "chinese", SET_GB },
	{ "chinesebig5", SET_BIG5 }, { "cnbig5", SET_BIG5 }, { "cngb", SET_GB },
	{ "cns11643", SET_EUCTW }, { "cp00858", SET_CP858 }, { "cp1200", SET_UTF16LE },
	{ "cp1201", SET_UTF16BE }, { "cp1250", SET_CP1250 }, { "cp1251", SET_CP1251 },
	{ "cp1252", SET_LATIN }, { "cp1253", SET_CP1253 }, { "cp1254", SET_CP1254 },
	{ "cp1255", SET_CP1255 }, { "cp1256", SET_CP1256 }, { "cp1257", SET_CP1257 },
	{ "cp1258", SET_CP1258 }, { "cp1361", SET_JOHAB }, { "cp367", SET_GUESS },
	{ "cp437", SET_CP437 }, { "cp50220", SET_JIS }, { "cp50221", SET_JIS },
	{ "cp50222", SET_JIS }, { "cp51932", SET_EUCJP }, { "cp65000", SET_UTF7 },
	{ "cp65001", SET_UTF8 }, { "cp737", SET_CP737 }, { "cp775", SET_CP775 },
	{ "cp819", SET_LATIN }, { "cp850", SET_CP850 }, { "cp852", SET_CP852 },
	{ "cp855", SET_CP855 }, { "cp857", SET_CP857 }, { "cp858", SET_CP858 },
	{ "cp860", SET_CP860 }, { "cp861", SET_CP861 }, { "cp862", SET_CP862 },
	{ "cp863", SET_CP863 }, { "cp864", SET_CP864 }, { "cp865", SET_CP865 },
	{ "cp866", SET_CP866 }, { "cp869", SET_CP869 }, { "cp874", SET_THAI },
	{ "cp932", SET_SJIS }, { "cp936", SET_GB }, { "cp943", SET_SJIS }, { "cp949", SET_KOREAN },
	{ "cp950", SET_BIG5 }, { "csascii", SET_GUESS }, { "csbig5", SET_BIG5 },
	{ "cseuckr", SET_KOREAN }, { "cseucpkdfmtjapanese", SET_EUCJP }, { "csgb18030", SET_GB },
	{ "csgb2312", SET_GB }, { "csgbk", SET_GB }, { "cshproman8", SET_ROMAN8 },
	{ "cshzgb2312", SET_HZ }, { "csibm855", SET_CP855 }, { "csibm857", SET_CP857 },
	{ "csibm860", SET_CP860 }, { "csibm861", SET_CP861 }, { "csibm863", SET_CP863 },
	{ "csibm864", SET_CP864 }, { "csibm865", SET_CP865 }, { "csibm866", SET_CP866 },
	{ "csibm869", SET_CP869 }, { "csiso2022jp", SET_JIS }, { "csiso2022jp2", SET_JIS2 },
	{ "csiso2022kr", SET_ISOKR }, { "csiso58gb231280", SET_GB }, { "csiso88591", SET_LATIN },
	{ "csiso88596e", SET_ARABIC }, { "csiso88596i", SET_ARABIC },
	{ "csiso88598e", SET_HEBREW }, { "csiso88598i", SET_HEBREW }, { "csisolatin1", SET_LATIN },
	{ "csisolatin2", SET_LATIN2 }, { "csisolatin3", SET_LATIN3 },
	{ "csisolatin4", SET_LATIN4 }, { "csisolatin5", SET_CP1254 },
	{ "csisolatin6", SET_LATIN6 }, { "csisolatin9", SET_LATIN9 },
	{ "csisolatinarabic", SET_ARABIC }, { "csisolatincyrillic", SET_CYRILLIC },
	{ "csisolatingreek", SET_GREEK }, { "csisolatinhebrew", SET_HEBREW },
	{ "cskoi8r", SET_KOI8R }, { "cskoi8u", SET_KOI8U }, { "csksc56011987", SET_KOREAN },
	{ "csmacintosh", SET_MACROMAN }, { "cspc775baltic", SET_CP775 },
	{ "cspc850multilingual", SET_CP850 }, { "cspc862latinhebrew", SET_CP862 },
	{ "cspc8codepage437", SET_CP437 }, { "cspcp852", SET_CP852 }, { "csshiftjis", SET_SJIS },
	{ "cstis620", SET_THAI }, { "csucs4", SET_UTF32 }, { "csunicode", SET_UTF16 },
	{ "csunicode11utf7", SET_UTF7 }, { "csutf16", SET_UTF16 }, { "csutf16be", SET_UTF16BE },
	{ "csutf16le", SET_UTF16LE }, { "csutf32", SET_UTF32 }, { "csutf7", SET_UTF7 },
	{ "csutf8", SET_UTF8 }, { "csviscii", SET_VISCII }, { "cswindows1250", SET_CP1250 },
	{ "cswindows1251", SET_CP1251 }, { "cswindows1252", SET_LATIN },
	{ "cswindows1253", SET_CP1253 }, { "cswindows1254", SET_CP1254 },
	{ "cswindows1255", SET_CP1255 }, { "cswindows1256", SET_CP1256 },
	{ "cswindows1257", SET_CP1257 }, { "cswindows1258", SET_CP1258 },
	{ "cswindows31j", SET_SJIS }, { "cyrillic", SET_CYRILLIC }, { "default", SET_GUESS },
	{ "dos437", SET_CP437 }, { "dos850", SET_CP850 }, { "dos852", SET_CP852 },
	{ "dos862", SET_CP862 }, { "dos866", SET_CP866 }, { "dos874", SET_THAI },
	{ "ecma114", SET_ARABIC }, { "ecma118", SET_GREEK }, { "elot928", SET_GREEK },
	{ "euccn", SET_GB }, { "eucjp", SET_EUCJP }, { "eucjpms", SET_EUCJP },
	{ "eucjpwin", SET_EUCJP }, { "euckr", SET_KOREAN }, { "euctw", SET_EUCTW },
	{ "extendedunixcodepackedformatforjapanese", SET_EUCJP }, { "gb", SET_GB },
	{ "gb18030", SET_GB }, { "gb180302000", SET_GB }, { "gb180302005", SET_GB },
	{ "gb180302022", SET_GB }, { "gb2312", SET_GB }, { "gb23121980", SET_GB },
	{ "gb231280", SET_GB }, { "gbk", SET_GB }, { "georgianps", SET_GEORGIAN },
	{ "greek", SET_GREEK }, { "greek8", SET_GREEK }, { "hebrew", SET_HEBREW },
	{ "hproman8", SET_ROMAN8 }, { "hz", SET_HZ }, { "hzgb", SET_HZ }, { "hzgb2312", SET_HZ },
	{ "ibm00858", SET_CP858 }, { "ibm367", SET_GUESS }, { "ibm437", SET_CP437 },
	{ "ibm737", SET_CP737 }, { "ibm775", SET_CP775 }, { "ibm819", SET_LATIN },
	{ "ibm850", SET_CP850 }, { "ibm852", SET_CP852 }, { "ibm855", SET_CP855 },
	{ "ibm857", SET_CP857 }, { "ibm858", SET_CP858 }, { "ibm860", SET_CP860 },
	{ "ibm861", SET_CP861 }, { "ibm862", SET_CP862 }, { "ibm863", SET_CP863 },
	{ "ibm864", SET_CP864 }, { "ibm865", SET_CP865 }, { "ibm866", SET_CP866 },
	{ "ibm869", SET_CP869 }, { "ibm874", SET_THAI }, { "ibm943", SET_SJIS },
	{ "iso10646", SET_GUESS }, { "iso10646ucs2", SET_UTF16 }, { "iso10646ucs4", SET_UTF32 },
	{ "iso2022jp", SET_JIS }, { "iso2022jp1", SET_JIS2 }, { "iso2022jp2", SET_JIS2 },
	{ "iso2022jpms", SET_JIS }, { "iso2022kr", SET_ISOKR }, { "iso646irv1991", SET_GUESS },
	{ "iso646us", SET_GUESS }, { "iso8859", SET_LATIN }, { "iso88591", SET_LATIN },
	{ "iso885910", SET_LATIN6 }, { "iso8859101992", SET_LATIN6 }, { "iso885911", SET_THAI },
	{ "iso885911987", SET_LATIN }, { "iso885913", SET_LATIN7 }, { "iso885914", SET_LATIN8 },
	{ "iso8859141998", SET_LATIN8 }, { "iso885915", SET_LATIN9 },
	{ "iso8859151998", SET_LATIN9 }, { "iso885916", SET_LATIN10 },
	{ "iso8859162001", SET_LATIN10 }, { "iso88591windows31latin1", SET_LATIN },
	{ "iso88592", SET_LATIN2 }, { "iso885921987", SET_LATIN2 }, { "iso88593", SET_LATIN3 },
	{ "iso885931988", SET_LATIN3 }, { "iso88594", SET_LATIN4 }, { "iso885941988", SET_LATIN4 },
	{ "iso88595", SET_CYRILLIC }, { "iso885951988", SET_CYRILLIC }, { "iso88596", SET_ARABIC },
	{ "iso885961987", SET_ARABIC }, { "iso88596e", SET_ARABIC }, { "iso88596i", SET_ARABIC },
	{ "iso88597", SET_GREEK }, { "iso885971987", SET_GREEK }, { "iso885972003", SET_GREEK },
	{ "iso88598", SET_HEBREW }, { "iso885981988", SET_HEBREW }, { "iso88598e", SET_HEBREW },
	{ "iso88598i", SET_HEBREW }, { "iso88599", SET_CP1254 }, { "iso885991989", SET_CP1254 },
	{ "isoceltic", SET_LATIN8 }, { "isoir100", SET_LATIN }, { "isoir101", SET_LATIN2 },
	{ "isoir109", SET_LATIN3 }, { "isoir110", SET_LATIN4 }, { "isoir126", SET_GREEK },
	{ "isoir127", SET_ARABIC }, { "isoir138", SET_HEBREW }, { "isoir144", SET_CYRILLIC },
	{ "isoir148", SET_CP1254 }, { "isoir149", SET_KOREAN }, { "isoir157", SET_LATIN6 },
	{ "isoir166", SET_THAI }, { "isoir179", SET_LATIN7 }, { "isoir199", SET_LATIN8 },
	{ "isoir203", SET_LATIN9 }, { "isoir226", SET_LATIN10 }, { "isoir58", SET_GB },
	{ "isoir6", SET_GUESS }, { "jis", SET_JIS }, { "johab", SET_JOHAB }, { "koi", SET_KOI8R },
	{ "koi8", SET_KOI8R }, { "koi8r", SET_KOI8R }, { "koi8ru", SET_KOI8U },
	{ "koi8t", SET_KOI8T }, { "koi8u", SET_KOI8U }, { "korean", SET_KOREAN },
	{ "ksc5601", SET_KOREAN }, { "ksc56011987", SET_KOREAN }, { "ksc56011989", SET_KOREAN },
	{ "ksc56011992", SET_KOREAN }, { "l1", SET_LATIN }, { "l10", SET_LATIN10 },
	{ "l2", SET_LATIN2 }, { "l3", SET_LATIN3 }, { "l4", SET_LATIN4 }, { "l5", SET_CP1254 },
	{ "l6", SET_LATIN6 }, { "l7", SET_LATIN7 }, { "l8", SET_LATIN8 }, { "l9", SET_LATIN9 },
	{ "latin0", SET_LATIN9 }, { "latin1", SET_LATIN }, { "latin10", SET_LATIN10 },
	{ "latin2", SET_LATIN2 }, { "latin3", SET_LATIN3 }, { "latin4", SET_LATIN4 },
	{ "latin5", SET_CP1254 }, { "latin6", SET_LATIN6 }, { "latin7", SET_LATIN7 },
	{ "latin8", SET_LATIN8 }, { "latin9", SET_LATIN9 }, { "logical", SET_HEBREW },
	{ "mac", SET_MACROMAN }, { "macce", SET_MACCE }, { "maccentraleurope", SET_MACCE },
	{ "maccentraleurroman", SET_MACCE }, { "maccentralroman", SET_MACCE },
	{ "maccyrillic", SET_MACCYR }, { "macintosh", SET_MACROMAN }, { "maclatin2", SET_MACCE },
	{ "macroman", SET_MACROMAN }, { "macuk", SET_MACCYR }, { "macukraine", SET_MACCYR },
	{ "macukrainian", SET_MACCYR }, { "ms932", SET_SJIS }, { "ms936", SET_GB },
	{ "ms949", SET_KOREAN }, { "ms950", SET_BIG5 }, { "msansi", SET_LATIN },
	{ "msarab", SET_CP1256 }, { "mscyrl", SET_CP1251 }, { "msee", SET_CP1250 },
	{ "msgreek", SET_CP1253 }, { "mshebr", SET_CP1255 }, { "mskanji", SET_SJIS },
	{ "msturk", SET_CP1254 }, { "none", SET_GUESS }, { "pcmultilingual850euro", SET_CP858 },
	{ "r8", SET_ROMAN8 }, { "roman8", SET_ROMAN8 }, { "shiftjis", SET_SJIS },
	{ "shiftjisms", SET_SJIS }, { "sjis", SET_SJIS }, { "sjiswin", SET_SJIS },
	{ "suneugreek", SET_GREEK }, { "tcvn", SET_TCVN }, { "tcvn5712", SET_TCVN },
	{ "tcvn57121", SET_TCVN }, { "tis620", SET_THAI }, { "tis6202533", SET_THAI },
	{ "ucs2", SET_UTF16 }, { "ucs2be", SET_UTF16BE }, { "ucs2le", SET_UTF16LE },
	{ "ucs4", SET_UTF32 }, { "ucs4be", SET_UTF32BE }, { "ucs4le", SET_UTF32LE },
	{ "uft8", SET_UTF8 }, { "uhc", SET_KOREAN }, { "ujis", SET_EUCJP },
	{ "unicode", SET_UTF16 }, { "unicode11utf7", SET_UTF7 }, { "unicode11utf8", SET_UTF8 },
	{ "unicode20utf7", SET_UTF7 }, { "unicode20utf8", SET_UTF8 }, { "unicodefeff", SET_UTF16 },
	{ "unicodefffe", SET_UTF16BE }, { "unknown", SET_GUESS }, { "unknown8bit", SET_GUESS },
	{ "unspecified", SET_GUESS }, { "us", SET_GUESS }, { "usascii", SET_GUESS },
	{ "userdefined", SET_GUESS }, { "utf", SET_UTF8 }, { "utf16", SET_UTF16 },
	{ "utf16be", SET_UTF16BE }, { "utf16le", SET_UTF16LE }, { "utf32", SET_UTF32 },
	{ "utf32be", SET_UTF32BE }, { "utf32le", SET_UTF32LE }, { "utf7", SET_UTF7 },
	{ "utf8", SET_UTF8 }, { "utf8mac", SET_UTF8 }, { "utf8mb4", SET_UTF8 },
	{ "utf8sig", SET_UTF8 }, { "viscii", SET_VISCII }, { "viscii111", SET_VISCII },
	{ "visual", SET_HEBREW }, { "win1250", SET_CP1250 }, { "win1251", SET_CP1251 },
	{ "win1252", SET_LATIN }, { "win1253", SET_CP1253 }, { "win1254", SET_CP1254 },
	{ "win1255", SET_CP1255 }, { "win1256", SET_CP1256 }, { "win1257", SET_CP1257 },
	{ "win1258", SET_CP1258 }, { "winbaltrim", SET_CP1257 }, { "windows1250", SET_CP1250 },
	{ "windows1251", SET_CP1251 }, { "windows1252", SET_LATIN }, { "windows12521", SET_LATIN },
	{ "windows1253", SET_CP1253 }, { "windows1254", SET_CP1254 },
	{ "windows1255", SET_CP1255 }, { "windows1256", SET_CP1256 },
	{ "windows1257", SET_CP1257 }, { "windows1258", SET_CP1258 }, { "windows31j", SET_SJIS },
	{ "windows65001", SET_UTF8 }, { "windows874", SET_THAI }, { "windows932", SET_SJIS },
	{ "windows936", SET_GB }, { "windows949", SET_KOREAN }, { "windows950", SET_BIG5 },
	{ "windowslatin1", SET_LATIN },
};

/* windows-1252, 0x80 to 0x9F; 0: not assigned. */
static const uint16_t latin_high[32] = {
	0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
	0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
};

/* The table key of a label; false: longer than any. */
static bool
label_key(struct view label, char key[KEY_MAX])
{
	size_t n = 0;

	label = view_trim(label);
	while (label.n > 0 && strchr("\"' ", label.p[0]) != NULL && label.p[0] != '\0')
		label = view_from(label, 1);
	while (view_istarts(label, VIEW("x-")))
		label = view_from(label, 2);
	for (size_t i = 0; i < label.n && label.p[i] != ';'; i++) {
		char c = label.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
			continue;
		if (n == KEY_MAX - 1)
			return false;
		key[n++] = c;
	}
	key[n] = '\0';
	return true;
}

static int
label_cmp(const void *key, const void *row)
{
	return strcmp(key, ((const struct label *)row)->key);
}

static bool
label_find(struct view name, enum set_id *id_r)
{
	char key[KEY_MAX];
	const struct label *l;

	if (!label_key(name, key))
		return false;
	l = bsearch(key, labels, ARRAY_LEN(labels), sizeof(*labels), label_cmp);
	if (l == NULL)
		return false;
	*id_r = l->set;
	return true;
}

bool
charset_known(struct view label)
{
	enum set_id id;

	return label_find(label, &id);
}

/* Appends text that should be UTF-8; at the ceiling, what fits. */
static void
add_utf8(struct str *out, struct view v)
{
	size_t max = out->max > 0 ? out->max : STR_MAX_DEFAULT;
	size_t left = out->len < max ? max - out->len : 0;

	if (out->over || v.n == 0)
		return;
	if (!utf8_valid(v)) {
		utf8_clean(out, v);
		return;
	}
	str_addv(out, view_sub(v, 0, v.n > left ? utf8_clip(v, left) : v.n));
	if (v.n > left)
		out->over = true;
}

static void
decode_latin(struct str *out, struct view in)
{
	for (size_t i = 0; i < in.n && !out->over; ) {
		size_t start = i;
		unsigned char c;

		while (i < in.n && (unsigned char)in.p[i] < 0x80)
			i++;
		add_utf8(out, view_sub(in, start, i - start));
		for (; i < in.n && (c = (unsigned char)in.p[i]) >= 0x80; i++) {
			uint32_t cp = c < 0xA0 ? latin_high[c - 0x80] : c;

			utf8_put(out, cp != 0 ? cp : 0xFFFD);
		}
	}
}

static void
decode_guess(struct str *out, struct view in)
{
	if (utf8_valid(in))
		add_utf8(out, in);
	else
		decode_latin(out, in);
}

/* One conversion in progress. */
struct conv {
	iconv_t		 cd;
	struct str	*out;
	size_t		 made;		/* bytes of UTF-8 so far */
	char		 buf[ICONV_BUF];
};

/* iconv(3) into buf and on to out; -1 and errno as iconv.  in NULL ends the text. */
static int
conv_step(struct conv *c, char **in, size_t *left)
{
	char *at = c->buf;
	size_t room = sizeof(c->buf);
	size_t rc = iconv(c->cd, in, left, &at, &room);
	int saved = errno;
	struct view got = view_n(c->buf, sizeof(c->buf) - room);

	if (c->made == 0 && view_starts(got, VIEW("\xEF\xBB\xBF")))
		add_utf8(c->out, view_from(got, 3));	/* UTF-16BE and its like keep the BOM */
	else
		add_utf8(c->out, got);
	c->made += got.n;
	errno = saved;
	return rc == (size_t)-1 ? -1 : 0;
}

static void
convert(struct str *out, iconv_t cd, struct view in)
{
	struct conv c = { .cd = cd, .out = out };
	char *p = (char *)(uintptr_t)in.p;	/* iconv() is not const-correct */
	size_t left = in.n;
	size_t most = in.n * OUT_PER_BYTE + 64;

	while (left > 0 && !out->over && c.made <= most) {
		/* In windows: what a refused byte costs does not depend on what is behind it. */
		size_t window = MIN(left, ICONV_WINDOW), rest = window, made = c.made;
		int rc = conv_step(&c, &p, &rest);

		left -= window - rest;
		if (rc == 0 || (errno == E2BIG && (rest < window || c.made > made)))
			continue;
		if (errno == EINVAL && rest < window && rest < left)
			continue;	/* the window's end cut a character */
		/* Not convertible, or cut off at the end: one byte is one U+FFFD. */
		utf8_put(out, 0xFFFD);
		p++;
		left--;
		c.made++;
	}
	/* Some sets hold back a letter until they know the accent behind it. */
	if (!out->over)
		conv_step(&c, NULL, NULL);
}

static bool
decode_iconv(struct str *out, const struct set *set, struct view in)
{
	for (size_t i = 0; i < NAMES_MAX && set->names[i] != NULL; i++) {
		iconv_t cd = iconv_open("UTF-8", set->names[i]);

		if (cd == (iconv_t)-1)
			continue;
		convert(out, cd, in);
		iconv_close(cd);
		return true;
	}
	return false;
}

bool
charset_decode(struct str *out, struct view label, struct view bytes)
{
	enum set_id id;

	if (!label_find(label, &id)) {
		decode_guess(out, bytes);
		return label.n == 0;
	}
	if (id == SET_LATIN) {
		decode_latin(out, bytes);
	} else if (id == SET_GUESS) {
		decode_guess(out, bytes);
	} else if (id == SET_UTF8) {
		/* RFC 3629, 6: a signature is no text. */
		bool bom = view_starts(bytes, VIEW("\xEF\xBB\xBF"));

		add_utf8(out, view_from(bytes, bom ? 3 : 0));
	} else if (sets[id].ascii && utf8_ascii(bytes)) {
		add_utf8(out, bytes);
	} else if (!decode_iconv(out, &sets[id], bytes)) {
		/* This libc lacks the set: as unknown. */
		decode_guess(out, bytes);
		return false;
	}
	return true;
}
