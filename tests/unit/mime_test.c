#include "mail/mime.h"

#include "base/utf8.h"
#include "unit.h"

#define MULTI(b) "Content-Type: multipart/mixed; boundary=\"" b "\"\r\n\r\n"

/* "number type size" of every part, for comparing whole trees. */
static const char *
shape(struct mime *m, struct str *s)
{
	str_reset(s);
	for (part_id p = 0; p < mime_count(m); p++) {
		str_adds(s, p > 0 ? "; " : "");
		mime_number(m, p, s);
		str_addf(s, " %.*s %zu", VIEW_ARG(mime_type(m, p)), mime_size(m, p));
	}
	return str_z(s);
}

static const char *
shape_of(struct view bytes, struct str *s)
{
	struct mime *m = mime_new(bytes);

	shape(m, s);
	mime_free(&m);
	return str_z(s);
}

/* Links and offsets agree, and numbers lead back to their parts. */
static bool
sound(struct mime *m, struct view bytes)
{
	struct str n = STR_INIT;
	bool good = true;

	for (part_id p = 0; good && p < mime_count(m); p++) {
		struct view head = mime_header_bytes(m, p), body = mime_body_bytes(m, p);
		part_id child = mime_child(m, p), next = mime_next(m, p);

		good = head.p == NULL || (head.p >= bytes.p && body.p == head.p + head.n &&
		    body.p + body.n <= bytes.p + bytes.n);
		good = good && (child == PART_NONE || mime_parent(m, child) == p);
		good = good && (next == PART_NONE || (next > p &&
		    mime_parent(m, next) == mime_parent(m, p)));
		str_reset(&n);
		mime_number(m, p, &n);
		good = good && mime_find_number(m, str_view(&n)) == p;
	}
	str_free(&n);
	return good;
}

TEST(mime_leaf)
{
	struct mime *m = mime_new(VIEW("Content-Type: TEXT/Html; charset=UTF-8\n\n<p>"));
	struct str s = STR_INIT;

	EXPECT_STR(shape(m, &s), "1 text/html 3");
	EXPECT_VIEW(mime_charset(m, 0), "UTF-8");
	EXPECT_VIEW(mime_param(m, 0, "charset"), "UTF-8");
	EXPECT(mime_is_leaf(m, 0));
	EXPECT(mime_parent(m, 0) == PART_NONE && mime_child(m, 0) == PART_NONE);
	EXPECT(mime_type_is(m, 0, VIEW("text/*")) && mime_type_is(m, 0, VIEW("*")));
	EXPECT(mime_type_is(m, 0, VIEW("Text/HTML")) && !mime_type_is(m, 0, VIEW("text/plain")));
	EXPECT(!mime_is_attachment(m, 0));
	str_free(&s);
	mime_free(&m);
	EXPECT(m == NULL);
}

TEST(mime_tree)
{
	struct view v = VIEW(MULTI("a") "pre\r\n--a\r\n" MULTI("b") "--b\r\n\r\none\r\n--b\r\n\r\n"
	    "two\r\n--b--\r\nbetween\r\n--a\r\nContent-Type: image/png\r\n\r\nthree\r\n--a--\r\npost");
	struct mime *m = mime_new(v);
	struct str s = STR_INIT;

	EXPECT_STR(shape(m, &s), "TEXT multipart/mixed 147; 1 multipart/mixed 38; "
	    "1.1 text/plain 3; 1.2 text/plain 3; 2 image/png 5");
	EXPECT(sound(m, v));
	EXPECT_EQ(mime_parent(m, 4), 0);
	EXPECT_EQ(mime_next(m, 1), 4);
	EXPECT_EQ(mime_depth(m, 3), 2);
	EXPECT_VIEW(mime_body_bytes(m, 3), "two");
	EXPECT_VIEW(mime_header_bytes(m, 2), "\r\n");
	EXPECT_EQ(mime_defects(m, 0) | mime_defects(m, 1), 0);
	mime_free(&m);
	str_free(&s);
}

TEST(mime_numbers)
{
	struct view v = VIEW(MULTI("a") "--a\n\nx\n--a\nContent-Type: message/rfc822\n\n"
	    MULTI("b") "--b\n\n1\n--b\nContent-Type: message/rfc822\n\nSubject: s\n\nleaf\n--b--\n"
	    "--a--\n");
	struct mime *m = mime_new(v);
	struct str s = STR_INIT;

	EXPECT_STR(shape(m, &s), "TEXT multipart/mixed 158; 1 text/plain 1; "
	    "2 message/rfc822 110; 2.TEXT multipart/mixed 63; 2.1 text/plain 1; "
	    "2.2 message/rfc822 16; 2.2.1 text/plain 4");
	EXPECT(sound(m, v));
	EXPECT_EQ(mime_find_number(m, VIEW("TEXT")), 0);
	EXPECT_EQ(mime_find_number(m, VIEW("2.2.1")), 6);
	EXPECT_EQ(mime_find_number(m, VIEW("2.2.TEXT")), 6);
	EXPECT(mime_find_number(m, VIEW("3")) == PART_NONE);
	EXPECT(mime_find_number(m, VIEW("0")) == PART_NONE);
	EXPECT(mime_find_number(m, VIEW("1.1")) == PART_NONE);
	EXPECT(mime_find_number(m, VIEW("1.")) == PART_NONE);
	EXPECT(mime_find_number(m, VIEW("1.TEXT")) == PART_NONE);
	EXPECT(mime_find_number(m, VIEW("")) == PART_NONE);
	EXPECT(mime_find_number(m, VIEW("1x")) == PART_NONE);
	EXPECT(mime_find_number(m, VIEW("99999999999999999999999")) == PART_NONE);
	mime_free(&m);
	str_free(&s);
}

TEST(mime_root_message)
{
	struct view v = VIEW("Content-Type: message/rfc822\n\nSubject: in\n\ntext");
	struct mime *m = mime_new(v);
	struct str s = STR_INIT;

	EXPECT_STR(shape(m, &s), "1 message/rfc822 17; 1.1 text/plain 4");
	EXPECT(sound(m, v) && !mime_is_leaf(m, 0));
	mime_free(&m);
	str_free(&s);
}

TEST(mime_encoded_message_is_a_leaf)
{
	struct str s = STR_INIT;

	EXPECT_STR(shape_of(VIEW("Content-Type: message/rfc822\n"
	    "Content-Transfer-Encoding: base64 (no)\n\nU3ViamVjdDogeAo="), &s),
	    "1 message/rfc822 16");
	EXPECT_STR(shape_of(VIEW("Content-Type: message/rfc822\n"
	    "Content-Transfer-Encoding: 8bit\n\nS: x\n\n"), &s),
	    "1 message/rfc822 6; 1.1 text/plain 0");
	str_free(&s);
}

TEST(mime_boundary_rules)
{
	struct str s = STR_INIT;

	/* Trailing blanks are padding; another tail is another line. */
	EXPECT_STR(shape_of(VIEW(MULTI("a") "--a \t\n\nx\n--ab\n--a-\n--ab--\n--a--  \n--a\n"), &s),
	    "TEXT multipart/mixed 38; 1 text/plain 18");
	/* The boundary itself may end with dashes; blanks at its end do not count. */
	EXPECT_STR(shape_of(VIEW(MULTI("a--") "--a--\n\nx\n--a----\n"), &s),
	    "TEXT multipart/mixed 17; 1 text/plain 1");
	EXPECT_STR(shape_of(VIEW(MULTI("a ") "--a\n\nx\n--a--\n"), &s),
	    "TEXT multipart/mixed 13; 1 text/plain 1");
	/* No delimiter at all. */
	EXPECT_STR(shape_of(VIEW(MULTI("a") "x\n"), &s), "TEXT multipart/mixed 2");
	/* A delimiter ends a header. */
	EXPECT_STR(shape_of(VIEW(MULTI("a:b") "--a:b\nX: y\n--a:b\n\nz"), &s),
	    "TEXT multipart/mixed 19; 1 text/plain 0; 2 text/plain 1");
	str_free(&s);
}

TEST(mime_outer_closes_inner)
{
	struct view v = VIEW(MULTI("a") "--a\r\n" MULTI("b") "--b\r\n\r\nx\r\n--a\r\n\r\ny\r\n--a--");
	struct mime *m = mime_new(v);
	struct str s = STR_INIT;

	EXPECT_STR(shape(m, &s), "TEXT multipart/mixed 77; 1 multipart/mixed 8; "
	    "1.1 text/plain 1; 2 text/plain 1");
	EXPECT_EQ(mime_defects(m, 1), MIME_UNCLOSED);
	EXPECT_EQ(mime_defects(m, 0), 0);
	mime_free(&m);
	str_free(&s);
}

TEST(mime_defect_bits)
{
	struct mime *m = mime_new(VIEW("Content-Type: multipart/mixed\n\n--a\n\nx\n"));

	EXPECT_EQ(mime_defects(m, 0), MIME_NO_BOUNDARY);
	EXPECT(mime_is_leaf(m, 0));
	mime_free(&m);
	m = mime_new(VIEW(MULTI("a") "--a\n\nx\n"));
	EXPECT_EQ(mime_defects(m, 0), MIME_UNCLOSED);
	EXPECT_VIEW(mime_body_bytes(m, 1), "x\n");
	mime_free(&m);
}

TEST(mime_boundary_length)
{
	struct str s = STR_INIT, out = STR_INIT;

	for (size_t n = 255; n <= 256; n++) {
		str_reset(&s);
		str_adds(&s, "Content-Type: multipart/mixed; boundary=");
		for (size_t i = 0; i < n; i++)
			str_addc(&s, 'b');
		str_adds(&s, "\n\n--");
		for (size_t i = 0; i < n; i++)
			str_addc(&s, 'b');
		str_adds(&s, "\n\nx");
		shape_of(str_view(&s), &out);
		EXPECT_EQ(strchr(str_z(&out), ';') != NULL, n == 255);
	}
	str_free(&s);
	str_free(&out);
}

TEST(mime_header_only)
{
	struct view v = VIEW("Subject: x\n" MULTI("a"));
	struct mime *m = mime_new_header(v);

	EXPECT_EQ(mime_count(m), 1);
	EXPECT_VIEW(mime_type(m, 0), "multipart/mixed");
	EXPECT_EQ(mime_size(m, 0), 0);
	EXPECT(!mime_is_leaf(m, 0));
	EXPECT_EQ(mime_header_bytes(m, 0).n, v.n);
	mime_free(&m);
}

TEST(mime_depth_is_bounded)
{
	struct str s = STR_INIT;
	struct mime *m;
	unsigned deepest = 0, defects = 0;

	for (int i = 0; i < 200; i++)
		str_addf(&s, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	m = mime_new(str_view(&s));
	for (part_id p = 0; p < mime_count(m); p++) {
		deepest = MAX(deepest, mime_depth(m, p));
		defects |= mime_defects(m, p);
	}
	EXPECT_EQ(deepest, MIME_DEPTH_MAX);
	EXPECT(defects & MIME_TOO_DEEP);
	EXPECT(sound(m, str_view(&s)));
	mime_free(&m);
	str_reset(&s);
	for (int i = 0; i < 200; i++)
		str_adds(&s, "Content-Type: message/rfc822\n\n");
	m = mime_new(str_view(&s));
	EXPECT_EQ(mime_count(m), MIME_DEPTH_MAX + 1);
	EXPECT_EQ(mime_defects(m, MIME_DEPTH_MAX), MIME_TOO_DEEP);
	EXPECT(mime_is_leaf(m, MIME_DEPTH_MAX));
	EXPECT(sound(m, str_view(&s)));
	mime_free(&m);
	str_free(&s);
}

TEST(mime_parts_are_bounded)
{
	struct str s = STR_INIT, out = STR_INIT;
	struct mime *m;

	str_adds(&s, MULTI("a"));
	for (unsigned i = 0; i < MIME_PARTS_MAX + 10; i++)
		str_addf(&s, "--a\nContent-Type: text/x-%u\n\n%u\n", i, i);
	str_adds(&s, "--a--\n");
	m = mime_new(str_view(&s));
	EXPECT_EQ(mime_count(m), MIME_PARTS_MAX);
	EXPECT_EQ(mime_defects(m, 0), MIME_TOO_MANY);
	mime_bytes(m, MIME_PARTS_MAX - 1, &out);
	EXPECT_STR(str_z(&out), "9998");
	str_reset(&out);
	mime_number(m, MIME_PARTS_MAX - 1, &out);
	EXPECT_STR(str_z(&out), "9999");
	EXPECT_VIEW(mime_type(m, 5), "text/x-4");
	mime_free(&m);
	str_free(&s);
	str_free(&out);
}

/* At the ceilings there is no defect. */
TEST(mime_at_its_ceilings)
{
	struct str s = STR_INIT;
	struct mime *m;

	for (unsigned more = 0; more < 2; more++) {
		str_reset(&s);
		str_adds(&s, MULTI("a"));
		for (unsigned i = 1; i < MIME_PARTS_MAX + more; i++)
			str_adds(&s, "--a\n\nx\n");
		str_adds(&s, "--a--\n");
		m = mime_new(str_view(&s));
		EXPECT_EQ(mime_count(m), MIME_PARTS_MAX);
		EXPECT_EQ(mime_defects(m, 0), more ? MIME_TOO_MANY : 0);
		mime_free(&m);
		str_reset(&s);
		for (unsigned i = 0; i < MIME_DEPTH_MAX + more; i++)
			str_adds(&s, "Content-Type: message/rfc822\n\n");
		str_adds(&s, "Subject: x\n\nx\n");
		m = mime_new(str_view(&s));
		EXPECT_EQ(mime_count(m), MIME_DEPTH_MAX + 1);
		EXPECT_EQ(mime_defects(m, MIME_DEPTH_MAX), more ? MIME_TOO_DEEP : 0);
		mime_free(&m);
	}
	str_free(&s);
}

/* 128 MiB of a body are decoded, not a byte more, in either encoding. */
TEST(mime_decoded_is_bounded)
{
	for (unsigned more = 0; more < 2; more++) {
		struct str s = STR_INIT, out = STR_INIT;
		struct mime *m;

		str_adds(&s, "Content-Type: text/plain\n\n");
		memset(str_room(&s, MIME_DECODED_MAX + more), 'x', MIME_DECODED_MAX + more);
		str_grew(&s, MIME_DECODED_MAX + more);
		m = mime_new(str_view(&s));
		mime_bytes(m, 0, &out);
		EXPECT_EQ(out.len, MIME_DECODED_MAX);
		mime_free(&m);
		str_free(&s);
		str_free(&out);
	}
}

/* Ten thousand multiparts, none closed: each with a boundary of its own. */
TEST(mime_multipart_flood)
{
	struct str s = STR_INIT;
	struct mime *m;

	str_adds(&s, MULTI("a"));
	for (unsigned i = 0; i < 10000; i++)
		str_addf(&s, "--a\nContent-Type: multipart/x; boundary=b%u\n\n--b%u\n\nx\n", i, i);
	m = mime_new(str_view(&s));
	EXPECT_EQ(mime_count(m), MIME_PARTS_MAX);
	mime_free(&m);
	str_free(&s);
}

TEST(mime_names_and_dispositions)
{
	static const struct { const char *head, *file, *disp; bool attached; } rows[] = {
		{ "Content-Type: a/b; name=x", "x", "", true },
		{ "Content-Disposition: attachment", "", "attachment", true },
		{ "Content-Disposition: INLINE; filename=x", "x", "inline", true },
		{ "Content-Disposition: inline", "", "inline", false },
		{ "Content-Disposition: odd", "", "attachment", true },
		{ "Content-Disposition: filename=x", "x", "attachment", true },
		{ "Content-Type: image/png; name=x\nContent-ID: <c@d>", "x", "", false },
		{ "Content-Type: image/png\nContent-ID: <c@d>\nContent-Disposition: attachment",
		    "", "attachment", true },
		{ "Content-Type: a/b; name=y\nContent-Disposition: attachment; filename=x", "x",
		    "attachment", true },
		{ "Subject: none", "", "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mime *m = mime_new(view_of(rows[i].head));

		EXPECT_VIEW(mime_filename(m, 0), rows[i].file);
		EXPECT_VIEW(mime_disposition(m, 0), rows[i].disp);
		EXPECT_EQ(mime_is_attachment(m, 0), rows[i].attached);
		mime_free(&m);
	}
}

TEST(mime_types)
{
	static const char *const rows[][2] = {
		{ "", "text/plain" }, { "Content-Type:", "text/plain" },
		{ "Content-Type: text", "text/plain" }, { "Content-Type: /x", "text/plain" },
		{ "Content-Type: a/", "text/plain" }, { "Content-Type: A / B ;x=y", "a/b" },
		{ "Content-Type: a/b/c", "a/b" }, { "Content-Type: a/b charset=x", "a/b" },
		{ "Content-Type: (c) a/b", "a/b" }, { "Content-Type: a/b\nContent-Type: c/d", "a/b" },
		{ "Content-Type:\n a/b;\n x=y", "a/b" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mime *m = mime_new(view_of(rows[i][0]));

		EXPECT_VIEW(mime_type(m, 0), rows[i][1]);
		mime_free(&m);
	}
}

static const char *
safe(const char *name, struct str *out)
{
	struct str s = STR_INIT;
	struct mime *m;

	str_addf(&s, "Content-Disposition: attachment; filename=\"%s\"\n\n", name);
	m = mime_new(str_view(&s));
	str_reset(out);
	mime_safe_name(m, 0, out);
	mime_free(&m);
	str_free(&s);
	return str_z(out);
}

TEST(mime_safe_names)
{
	struct str out = STR_INIT, in = STR_INIT;

	EXPECT_STR(safe("a b.txt", &out), "a b.txt");
	EXPECT_STR(safe("../../etc/passwd", &out), "passwd");
	EXPECT_STR(safe("/etc/", &out), "etc");
	EXPECT_STR(safe("C:\\TEMP\\x.doc", &out), "x.doc");
	EXPECT_STR(safe("..", &out), "part-1");
	EXPECT_STR(safe(".", &out), "part-1");
	EXPECT_STR(safe("", &out), "part-1");
	EXPECT_STR(safe("...hidden", &out), "hidden");
	EXPECT_STR(safe(" . x ", &out), "x");
	EXPECT_STR(safe("a\x01\x7F" "b", &out), "ab");
	EXPECT_STR(safe("exe.\xE2\x80\xAE" "fdp", &out), "exe.fdp");
	for (int i = 0; i < 200; i++)
		str_adds(&in, "\xC3\xA4");
	str_adds(&in, ".pdf");
	safe(str_z(&in), &out);
	EXPECT_EQ(out.len, 254);
	EXPECT(view_ends(str_view(&out), VIEW("\xC3\xA4.pdf")) && utf8_valid(str_view(&out)));
	str_free(&out);
	str_free(&in);
}

TEST(mime_decoded_bodies)
{
	struct str s = STR_INIT;
	struct mime *m = mime_new(VIEW("Content-Type: text/plain; charset=iso-8859-1\n"
	    "Content-Transfer-Encoding: quoted-printable\n\ngr=FCn\r\nx\ry\r\r\nz=\r\n!"));

	mime_bytes(m, 0, &s);
	EXPECT_STR(str_z(&s), "gr\xFCn\r\nx\ry\r\nz!");
	str_reset(&s);
	str_adds(&s, "\r");
	mime_text(m, 0, &s);
	EXPECT_STR(str_z(&s), "\rgr\xC3\xBCn\nx\ny\nz!");
	mime_free(&m);
	/* What holds parts is not encoded itself. */
	m = mime_new(VIEW("Content-Transfer-Encoding: base64\n" MULTI("a") "--a\n\nx\n--a--"));
	str_reset(&s);
	mime_bytes(m, 0, &s);
	EXPECT_STR(str_z(&s), "--a\n\nx\n--a--");
	mime_free(&m);
	str_free(&s);
}

TEST(mime_text_of_unlabelled_html)
{
	static const char *const rows[][2] = {
		{ "<meta charset=koi8-r>\xD0", "<meta charset=koi8-r>\xD0\xBF" },
		{ "<meta charset=koi8-r>\xC3\xA4", "<meta charset=koi8-r>\xC3\xA4" },
		{ "<meta charset=utf-16>abcd", "<meta charset=utf-16>abcd" },
		{ "<p>\xE4", "<p>\xC3\xA4" },
	};
	struct str in = STR_INIT, out = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mime *m;

		str_reset(&in);
		str_reset(&out);
		str_addf(&in, "Content-Type: text/html\n\n%s", rows[i][0]);
		m = mime_new(str_view(&in));
		mime_text(m, 0, &out);
		EXPECT_STR(str_z(&out), rows[i][1]);
		mime_free(&m);
	}
	str_free(&in);
	str_free(&out);
}

TEST(mime_from_facts)
{
	struct param type[] = {
		{ VIEW("CHARSET"), VIEW("utf-8") }, { VIEW("x"), VIEW("a\"; y=\\\"b") },
	};
	struct param disp[] = {
		{ VIEW("filename*0*"), VIEW("utf-8''%C3%A4") }, { VIEW("filename*1"), VIEW("\".pdf") },
	};
	struct mime_facts multi = { .type = VIEW("MULTIPART/MIXED") };
	struct mime_facts text = {
		.type = VIEW("TEXT/Plain"), .params = type, .nparams = 2,
		.encoding = VIEW("BASE64"), .size = 12,
	};
	struct mime_facts pdf = {
		.type = VIEW("application/pdf"), .disposition = VIEW("ATTACHMENT"),
		.disp_params = disp, .ndisp_params = 2, .cid = VIEW("<a@b>"), .size = 99,
	};
	struct mime_facts message = { .type = VIEW("message/rfc822"), .size = 7 };
	struct mime *m = mime_new_facts();
	struct str s = STR_INIT;
	part_id root = mime_add(m, PART_NONE, &multi), mail;

	(void)mime_add(m, root, &text);
	(void)mime_add(m, root, &pdf);
	mail = mime_add(m, root, &message);
	EXPECT(mime_is_leaf(m, mail));
	(void)mime_add(m, mail, &text);
	EXPECT(!mime_is_leaf(m, mail));
	EXPECT_STR(shape(m, &s), "TEXT multipart/mixed 0; 1 text/plain 12; "
	    "2 application/pdf 99; 3 message/rfc822 7; 3.1 text/plain 12");
	EXPECT_VIEW(mime_charset(m, 1), "utf-8");
	EXPECT_VIEW(mime_param(m, 1, "x"), "a\"; y=\\\"b");
	EXPECT_EQ(mime_param(m, 1, "y").n, 0);
	EXPECT_EQ(mime_encoding(m, 1), ENC_BASE64);
	EXPECT_VIEW(mime_filename(m, 2), "\xC3\xA4\".pdf");
	EXPECT_VIEW(mime_cid(m, 2), "a@b");
	EXPECT(mime_is_attachment(m, 2));
	EXPECT(sound(m, VIEW_NONE));
	str_reset(&s);
	mime_text(m, 1, &s);
	EXPECT_EQ(s.len, 0);
	mime_free(&m);
	str_free(&s);
}

TEST(mime_facts_are_bounded)
{
	struct mime_facts multi = { .type = VIEW("multipart/mixed") };
	struct mime_facts text = { .type = VIEW("text/plain") };
	struct mime *m = mime_new_facts();
	part_id at = mime_add(m, PART_NONE, &multi), deep;

	for (unsigned i = 0; i < MIME_DEPTH_MAX; i++)
		at = mime_add(m, at, &multi);
	EXPECT(at != PART_NONE);
	EXPECT((deep = mime_add(m, at, &text)) == PART_NONE);
	EXPECT_EQ(mime_defects(m, at), MIME_TOO_DEEP);
	while ((at = mime_add(m, 0, &text)) != PART_NONE)
		;
	EXPECT_EQ(mime_count(m), MIME_PARTS_MAX);
	EXPECT(mime_defects(m, 0) & MIME_TOO_MANY);
	mime_free(&m);
}

TEST(mime_bytes_dropped_and_back)
{
	struct view v = VIEW(MULTI("a") "--a\nContent-Type: a/b; name=n\n\nx\n--a--\n");
	struct mime *m = mime_new(v);
	struct str s = STR_INIT;

	mime_drop_bytes(m);
	EXPECT_STR(shape(m, &s), "TEXT multipart/mixed 39; 1 a/b 1");
	EXPECT_VIEW(mime_filename(m, 1), "n");
	EXPECT_EQ(mime_body_bytes(m, 1).n, 0);
	EXPECT_EQ(mime_header_bytes(m, 1).n, 0);
	EXPECT(!mime_take_bytes(m, VIEW("shorter")));
	EXPECT(mime_take_bytes(m, v));
	EXPECT_VIEW(mime_body_bytes(m, 1), "x");
	mime_free(&m);
	str_free(&s);
}
