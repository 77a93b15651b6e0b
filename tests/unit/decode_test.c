/* Transfer encodings: exact where the RFC is, tolerant where mail is not. */
#include "mail/decode.h"

#include "base/base.h"
#include "unit.h"

TEST(names)
{
	static const struct { const char *name; enum encoding enc; } rows[] = {
		{ "", ENC_NONE }, { "7bit", ENC_NONE }, { "8BIT", ENC_NONE }, { "binary", ENC_NONE },
		{ "base64", ENC_BASE64 }, { " BASE64\r\n", ENC_BASE64 }, { "base64 (c)", ENC_BASE64 },
		{ "base64;", ENC_BASE64 }, { "\"base64\"", ENC_BASE64 },
		{ "Quoted-Printable", ENC_QP }, { "quoted-printable; x", ENC_QP },
		{ "x-uuencode", ENC_UNKNOWN }, { "base65", ENC_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (encoding_of(view_of(rows[i].name)) != rows[i].enc)
			UNIT_FAIL("%s", rows[i].name);
}

TEST(base64_in)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" }, { "Zm9vYg==", "foob" },
		{ "Zm9vYmFy", "foobar" }, { "Zg", "f" }, { "Zm8", "fo" }, { "Z", "" }, { "Zm9vY", "foo" },
		{ "Zm9v\r\nYmFy\r\n", "foobar" }, { "Zm 9v!Ym*Fy", "foobar" },
		{ "Zm9vYg==YmFy", "foobbar" }, { "Zg==Zg==", "ff" }, { "====", "" }, { "Zg=Zg", "ff" },
		{ "fn5-", "~~~" }, { "Pz8_", "???" }, { "fn5+", "~~~" }, { "Pz8/", "???" },
		{ "Zm9v\xC3\xBCYmFy", "foobar" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str s = STR_INIT;

		base64_decode(&s, view_of(rows[i].in));
		EXPECT_STR(str_z(&s), rows[i].want);
		str_free(&s);
	}
}

TEST(base64_there_and_back)
{
	unsigned char bytes[256];

	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (unsigned char)i;
	for (size_t n = 0; n <= 256; n++) {
		struct str enc = STR_INIT, dec = STR_INIT;

		base64_encode(&enc, view_n((char *)bytes, n));
		EXPECT_EQ(enc.len, (n + 2) / 3 * 4);
		base64_decode(&dec, str_view(&enc));
		EXPECT_EQ(dec.len, n);
		EXPECT(n == 0 || memcmp(dec.p, bytes, n) == 0);
		str_free(&enc);
		str_free(&dec);
	}
}

TEST(base64_out)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "\xFF\xFE\xFB", "//77" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str s = STR_INIT;

		base64_encode(&s, view_of(rows[i].in));
		EXPECT_STR(str_z(&s), rows[i].want);
		str_free(&s);
	}
}

TEST(qp_of_bodies)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "plain", "plain" }, { "a=3Db", "a=b" }, { "=c3=BC", "ü" },
		{ "soft=\r\nbreak", "softbreak" }, { "soft=\nbreak", "softbreak" },
		{ "soft= \t\r\nbreak", "softbreak" }, { "soft=\rbreak", "softbreak" },
		{ "end=", "end" }, { "end=\r\n", "end" }, { "end= ", "end" },
		{ "a=", "a" }, { "a=b", "a=b" }, { "a=zz", "a=zz" }, { "a=3", "a=3" }, { "a==3D", "a==" },
		{ "a==\r\nb", "a=b" }, { "=\r\n=\r\n", "" },
		{ "blank  \r\nx", "blank\r\nx" }, { "blank=20\r\n", "blank \r\n" }, { "tab\t\nx", "tab\nx" },
		{ "a_b", "a_b" }, { "a\r\n\r\nb", "a\r\n\r\nb" }, { "a\n\nb", "a\n\nb" },
		{ "-- =20\r\n", "--  \r\n" }, { "\r\n", "\r\n" }, { " = 20", " = 20" },
		{ "http://x/?a=3D1&b=3D2", "http://x/?a=1&b=2" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str s = STR_INIT;

		qp_decode(&s, view_of(rows[i].in), false);
		if (strcmp(str_z(&s), rows[i].want) != 0)
			UNIT_FAIL("%s: is \"%s\"", rows[i].in, str_z(&s));
		str_free(&s);
	}
}

TEST(qp_of_words)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "a_b", "a b" }, { "a=5Fb", "a_b" }, { "a ", "a " }, { "a=", "a=" }, { "a=\r\nb", "a=\r\nb" },
		{ "=E4=F6", "\xE4\xF6" }, { "==41", "=A" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str s = STR_INIT;

		qp_decode(&s, view_of(rows[i].in), true);
		EXPECT_STR(str_z(&s), rows[i].want);
		str_free(&s);
	}
}

TEST(nul_bytes_pass)
{
	struct str s = STR_INIT;

	qp_decode(&s, view_n("a\0b=00c \0", 9), false);
	EXPECT_EQ(s.len, 7);
	EXPECT(memcmp(s.p, "a\0b\0c \0", 7) == 0);
	str_reset(&s);
	base64_decode(&s, view_of("AAAA"));
	EXPECT_EQ(s.len, 3);
	EXPECT(memcmp(s.p, "\0\0\0", 3) == 0);
	str_free(&s);
}

/* At the ceiling the beginning is there, to the byte, and "over" says so. */
TEST(ceiling)
{
	struct str in = STR_INIT, b64 = STR_INIT;

	for (int i = 0; i < 3000; i++)
		str_adds(&in, "0123456789");
	base64_encode(&b64, str_view(&in));
	for (int k = 0; k < 3; k++) {
		struct str out = str_limited(10003);

		encoding_decode(&out, k == 0 ? ENC_BASE64 : k == 1 ? ENC_QP : ENC_UNKNOWN,
		    k == 0 ? str_view(&b64) : str_view(&in));
		EXPECT(out.over);
		EXPECT_EQ(out.len, 10003);
		EXPECT(memcmp(out.p, in.p, out.len) == 0);
		str_free(&out);
	}
	str_free(&in);
	str_free(&b64);
}

TEST(linear_cost)
{
	static const char *units[] = { "=", "= ", "=\r", "=\n", " ", "\r", "=4", "=  \t", "AA=", "\n", "A" };

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct str in = STR_INIT, out = STR_INIT;

		while (in.len < 4000000)
			str_adds(&in, units[i]);
		for (int k = 0; k < 3; k++) {
			str_reset(&out);
			if (k == 2)
				base64_decode(&out, str_view(&in));
			else
				qp_decode(&out, str_view(&in), k == 1);
			EXPECT(out.len <= in.len);
		}
		str_free(&in);
		str_free(&out);
	}
}
