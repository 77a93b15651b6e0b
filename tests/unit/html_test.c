#include "mail/html.h"

#include "unit.h"

static struct str text_of;

static const char *
text(const char *html)
{
	str_reset(&text_of);
	html_text(&text_of, view_of(html));
	return str_z(&text_of);
}

TEST(html_words_and_breaks)
{
	EXPECT_STR(text("plain"), "plain");
	EXPECT_STR(text(""), "");
	EXPECT_STR(text("  a \r\n\t b  "), "a b");
	EXPECT_STR(text("<p>one</p><p>two</p>"), "one\ntwo");
	EXPECT_STR(text("a<br>b<BR/>c"), "a\nb\nc");
	EXPECT_STR(text("a<br><br><br><br>b"), "a\n\nb");
	EXPECT_STR(text("a<br><br><p>b"), "a\n\nb");
	EXPECT_STR(text("to<b>day</b> <i>is</i>"), "today is");
	EXPECT_STR(text("<table><tr><td>1<td>2<tr><td>3</table>"), "1 2\n3");
	EXPECT_STR(text("<ul><li>x<li>y</ul>z"), "x\ny\nz");
	EXPECT_STR(text("<div>a</div> <div> b </div>"), "a\nb");
	str_free(&text_of);
}

TEST(html_dropped_content)
{
	EXPECT_STR(text("<title>t</title>a<style>p{}</style>b"), "ab");
	EXPECT_STR(text("a<script>if (a</b) '</scripty>'</SCRIPT >b"), "ab");
	EXPECT_STR(text("a<noscript><p>x</p></noscript>b"), "ab");
	EXPECT_STR(text("a<script>never closed <p>x"), "a");
	EXPECT_STR(text("a<!-- > <p>x</p> --!>y-->b"), "ab");
	EXPECT_STR(text("a<!-->b<!--->c"), "abc");
	EXPECT_STR(text("a<!-- never"), "a");
	EXPECT_STR(text("<!DOCTYPE html><?xml version='1'?>a</>b</ c>d"), "abd");
	EXPECT_STR(text("a<![if !mso]>b<![endif]>"), "ab");
	str_free(&text_of);
}

TEST(html_tags)
{
	EXPECT_STR(text("a<img alt='x > y' src=\"<p>\">b"), "ab");
	EXPECT_STR(text("<a href=x'y>b</a>"), "b");
	EXPECT_STR(text("<a title=it's>b"), "b");
	EXPECT_STR(text("<a \"x>b"), "b");
	EXPECT_STR(text("a<b c='never"), "a");
	EXPECT_STR(text("a<b"), "a");
	EXPECT_STR(text("1 < 2 <3 <"), "1 < 2 <3 <");
	EXPECT_STR(text("<averyveryverylongelement>b"), "b");
	str_free(&text_of);
}

TEST(html_characters)
{
	EXPECT_STR(text("&lt;p&gt; &amp; &quot;&apos;"), "<p> & \"'");
	EXPECT_STR(text("Gr&uuml;&szlig;e &Uuml; &euro; &mdash;"),
	    "Gr\xC3\xBC\xC3\x9F" "e \xC3\x9C \xE2\x82\xAC \xE2\x80\x94");
	EXPECT_STR(text("&#228;&#xE4;&#XE4;&#228"), "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4");
	EXPECT_STR(text("&#128;&#x96;"), "\xE2\x82\xAC\xE2\x80\x93");
	EXPECT_STR(text("&#0;&#xD800;&#x110000;&#99999999999999;"),
	    "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
	EXPECT_STR(text("a&nbsp;&nbsp;b&#160;c\xC2\xA0" "d"), "a b c d");
	EXPECT_STR(text("&uumlx &ampx &eurox &nosuch; & &; &# &#x;"),
	    "\xC3\xBCx &x &eurox &nosuch; & &; &# &#x;");
	EXPECT_STR(text("a&#10;b&Tab;c"), "a b c");
	str_free(&text_of);
}

TEST(html_bytes)
{
	struct str s = STR_INIT;

	html_text(&s, view_n("a\0b\xFF<b\0>c", 9));
	EXPECT_STR(str_z(&s), "a b\xEF\xBF\xBD" "c");
	str_free(&s);
}

TEST(html_appends)
{
	struct str s = STR_INIT;

	str_adds(&s, "before");
	html_text(&s, VIEW("<p> x</p>"));
	EXPECT_STR(str_z(&s), "beforex");
	str_free(&s);
}

TEST(html_charset_of_meta)
{
	EXPECT_VIEW(html_charset(VIEW("<html><META charset=\"koi8-r\"><p>")), "koi8-r");
	EXPECT_VIEW(html_charset(VIEW("<meta http-equiv=x content='text/html; charset=Shift_JIS'>")),
	    "Shift_JIS");
	EXPECT_VIEW(html_charset(VIEW("<meta charset= big5/>")), "big5");
	EXPECT_EQ(html_charset(VIEW("<p>charset=utf-8 <")).n, 0);
	EXPECT_EQ(html_charset(VIEW("<meta name=x>")).n, 0);
	EXPECT_EQ(html_charset(VIEW("<meta charset=")).n, 0);
	EXPECT_EQ(html_charset(VIEW_NONE).n, 0);
}

TEST(html_entity_table_is_sorted)
{
	EXPECT_EQ(html_entity(VIEW("AElig")), 0xC6);
	EXPECT_EQ(html_entity(VIEW("zwnj")), 0x200C);
	EXPECT_EQ(html_entity(VIEW("auml")), 0xE4);
	EXPECT_EQ(html_entity(VIEW("Auml")), 0xC4);
	EXPECT_EQ(html_entity(VIEW("hellip")), 0x2026);
	EXPECT_EQ(html_entity(VIEW("nosuch")), 0);
	EXPECT_EQ(html_entity(VIEW("")), 0);
}

/* Each of these searched the rest again for every tag once begun: keep it linear. */
TEST(html_floods)
{
	static const char *const units[] = {
		"<!--", "<a b='", "<script>", "</", "&", "<", "<p", "&#1", "<br>", "<a =\"x\" ",
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct str in = STR_INIT, out = STR_INIT;

		while (in.len < 500000)
			str_adds(&in, units[i]);
		html_text(&out, str_view(&in));
		EXPECT(out.len <= 3 * in.len);
		str_free(&in);
		str_free(&out);
	}
}
