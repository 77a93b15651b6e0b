/* The Maildir source: move, copy, append, expunge; crashes between, and storms of renames. */
#include "tests/unit/maildir_world.h"

/* ---- move */

TEST(maildir_moves)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	make_folder(&w, ".Archive.2024");
	deliver(&w, "1000.a.h");
	put_file(&w, "cur/2000.b.h:2,S", mail);
	EXPECT_EQ(count(&w, "INBOX"), 2);
	mv(&w, "cur/2000.b.h:2,S", "cur/2000.b.h:2,RS");
	EXPECT_EQ(result(&w, mover("INBOX", 1, "Archive/2024")), RESULT_DONE);
	r = run(&w, mover("INBOX", 2, "Archive/2024"));
	EXPECT_EQ(r->result, RESULT_DONE);
	EXPECT(!r->adopted);
	EXPECT_STR(r->new_name, path_of(&w, ".Archive.2024/cur/2000.b.h:2,RS"));
	request_free(&r);
	EXPECT(has(&w, ".Archive.2024/new/1000.a.h"));
	EXPECT(has(&w, ".Archive.2024/cur/2000.b.h:2,RS"));
	EXPECT_EQ(count(&w, "INBOX"), 0);
	EXPECT_EQ(count(&w, "Archive/2024"), 2);
	EXPECT(w.b.rows.at[0].forgotten);
	EXPECT_EQ(result(&w, mover("INBOX", 1, "Archive/2024")), RESULT_GONE);
	world_end(&w);
}

TEST(maildir_move_refused)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	make_folder(&w, ".A");
	deliver(&w, "1000.a.h");
	put_file(&w, ".A/new/1000.a.h", "another");
	r = run(&w, mover("INBOX", 1, "inbox"));
	EXPECT_EQ(r->err.kind, ERR_USAGE);
	request_free(&r);
	r = run(&w, mover("INBOX", 1, "Nowhere"));
	EXPECT_EQ(r->err.kind, ERR_REFUSED);
	EXPECT_STR(r->err.text, "no mailbox 'Nowhere' in account 'home'; create = true makes it");
	request_free(&r);
	r = run(&w, mover("INBOX", 1, "v//2"));
	EXPECT_EQ(r->err.kind, ERR_USAGE);
	request_free(&r);
	EXPECT_EQ(result(&w, mover("INBOX", 1, "A")), RESULT_FAILED);	/* the name is taken */
	r = mover("INBOX", 1, "A");
	r->probe = true;
	EXPECT_EQ(result(&w, r), RESULT_FAILED);	/* by another message */
	EXPECT(has(&w, "new/1000.a.h"));
	r = mover("INBOX", 1, "Made/Now");
	r->create = true;
	EXPECT_EQ(result(&w, r), RESULT_DONE);
	EXPECT(has(&w, ".Made.Now/new/1000.a.h"));
	EXPECT(has(&w, ".Made.Now/maildirfolder"));
	world_end(&w);
}

TEST(maildir_adopts_a_move_after_a_crash)
{
	struct world w;
	struct request *r;

	world_begin(&w);
	make_folder(&w, ".A");
	deliver(&w, "1000.a.h");
	deliver(&w, "2000.b.h");
	deliver(&w, "3000.c.h");
	EXPECT_EQ(count(&w, "INBOX"), 3);
	world_close(&w);
	/* the first was moved and then read by somebody; the second was linked only; the third is gone */
	mv(&w, "new/1000.a.h", ".A/cur/1000.a.h:2,S");
	need(link(path_of(&w, "new/2000.b.h"), path_of(&w, ".A/new/2000.b.h")));
	need(unlink(path_of(&w, "new/3000.c.h")));
	world_source(&w);
	for (uint32_t uid = 1; uid <= 3; uid++) {
		r = mover("INBOX", uid, "A");
		r->probe = true;
		run(&w, r);
		EXPECT_EQ(r->result, uid < 3 ? RESULT_DONE : RESULT_GONE);
		EXPECT_EQ(r->adopted, uid < 3);
		request_free(&r);
	}
	EXPECT(!has(&w, "new/2000.b.h"));
	EXPECT(has(&w, ".A/new/2000.b.h"));
	EXPECT_EQ(count(&w, "A"), 2);
	EXPECT_EQ(count(&w, "INBOX"), 0);
	world_end(&w);
}

/* Flags of everything change all the time; nothing may be taken for gone. */
struct storm { struct world *w; const char *box; int stop, renames, files; };

static void *
storm_run(void *arg)
{
	struct storm *st = arg;

	while (!__atomic_load_n(&st->stop, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < st->files; i++) {
			char a[2][600];

			for (int j = 0; j < 2; j++)
				snprintf(a[j], sizeof(a[j]), "%s/%s/cur/%d.M1.h:2,%s", st->w->root,
				    st->box, 1000 + i, j ? "S" : "");
			st->renames += rename(a[0], a[1]) == 0 || rename(a[1], a[0]) == 0;
		}
	}
	return NULL;
}

TEST(maildir_moves_in_a_storm_of_renames)
{
	struct world w;
	struct storm st = { .w = &w, .box = ".", .files = 200 };
	pthread_t t;
	int moved = 0, tries = 0;

	world_begin(&w);
	make_folder(&w, ".A");
	for (int i = 0; i < 200; i++) {
		char name[60];

		snprintf(name, sizeof(name), "cur/%d.M1.h:2,", 1000 + i);
		put_file(&w, name, mail);
	}
	EXPECT_EQ(count(&w, "INBOX"), 200);
	need(pthread_create(&t, NULL, storm_run, &st));
	for (uint32_t uid = 1; uid <= 200; uid++) {
		struct request *r = run(&w, mover("INBOX", uid, "A"));

		moved += r->result == RESULT_DONE;
		if (r->result == RESULT_FAILED && r->err.temporary && tries++ < 2000)
			uid--;
		request_free(&r);
	}
	__atomic_store_n(&st.stop, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	EXPECT_EQ(moved, 200);
	EXPECT_EQ(count(&w, "A"), 200);
	world_end(&w);
}

/*
 * A folder on a memory file system, where readdir misses renamed files much more often
 * than on a disk's, and which is another device.  Without one it is a plain folder.
 */
struct elsewhere { char dir[40]; };

static void
elsewhere_begin(struct world *w, struct elsewhere *el, const char *folder)
{
	char sub[60];

	snprintf(el->dir, sizeof(el->dir), "/dev/shm/mailmill-unit-XXXXXX");
	if (mkdtemp(el->dir) == NULL) {
		el->dir[0] = '\0';
		make_folder(w, folder);
		return;
	}
	need(symlink(el->dir, path_of(w, folder)));
	for (int d = 0; d < 3; d++) {
		snprintf(sub, sizeof(sub), "%s/%s", el->dir, d == 0 ? "tmp" : d == 1 ? "new" : "cur");
		need(mkdir(sub, 0700));
	}
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st; (void)flag; (void)ftw;
	return remove(path);
}

static void
elsewhere_end(struct elsewhere *el)
{
	if (el->dir[0] != '\0')
		need(nftw(el->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

TEST(maildir_counts_in_a_storm_of_renames)
{
	struct world w;
	struct elsewhere el;
	struct storm st = { .w = &w, .box = ".A", .files = 3000 };
	pthread_t t;
	size_t worst = 3000;

	world_begin(&w);
	elsewhere_begin(&w, &el, ".A");
	for (int i = 0; i < st.files; i++) {
		char name[60];

		snprintf(name, sizeof(name), ".A/cur/%d.M1.h:2,", 1000 + i);
		put_file(&w, name, mail);
	}
	EXPECT_EQ(count(&w, "A"), 3000);
	need(pthread_create(&t, NULL, storm_run, &st));
	for (int i = 0; i < 20; i++)
		worst = MIN(worst, count(&w, "A"));
	__atomic_store_n(&st.stop, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	elsewhere_end(&el);
	EXPECT_EQ(worst, 3000);
	EXPECT_EQ(w.b.rows.n, 3000);
	world_end(&w);
}

TEST(maildir_moves_between_file_systems)
{
	struct world w;
	struct elsewhere el;
	struct request *r;
	bool there;

	world_begin(&w);
	elsewhere_begin(&w, &el, ".A");
	deliver(&w, "1000.a.h");
	r = run(&w, mover("INBOX", 1, "A"));
	there = has(&w, ".A/new/1000.a.h");
	elsewhere_end(&el);
	EXPECT_EQ(r->result, RESULT_DONE);
	EXPECT(there);
	EXPECT(!has(&w, "new/1000.a.h"));
	request_free(&r);
	world_end(&w);
}

/* ---- copy and append */

TEST(maildir_copies_and_adopts)
{
	struct timespec times[2] = { { .tv_sec = 5000 }, { .tv_sec = 5000 } };
	struct world w;
	struct stat st;

	world_begin(&w);
	make_folder(&w, ".A");
	put_file(&w, "cur/1000.a.h:2,S", mail);
	need(utimensat(AT_FDCWD, path_of(&w, "cur/1000.a.h:2,S"), times, 0));
	for (int i = 0; i < 3; i++) {
		struct request *r = make(REQ_COPY, "INBOX", 1);

		r->target = "A";
		r->token = "mm-42.1";
		r->probe = i == 1;
		run(&w, r);
		EXPECT_EQ(r->result, i == 2 ? RESULT_FAILED : RESULT_DONE);
		EXPECT_EQ(r->adopted, i == 1);
		request_free(&r);
	}
	need(stat(path_of(&w, ".A/cur/mm-42.1:2,S"), &st));
	EXPECT_EQ(st.st_mtime, 5000);
	EXPECT_EQ(st.st_size, (int64_t)strlen(mail));
	EXPECT_EQ(count(&w, "A"), 1);
	EXPECT_EQ(count(&w, "INBOX"), 1);
	/* adopted also when the original went meanwhile */
	need(unlink(path_of(&w, "cur/1000.a.h:2,S")));
	for (int i = 0; i < 2; i++) {
		struct request *r = make(REQ_COPY, "INBOX", 1);

		r->target = "A";
		r->token = i == 0 ? "mm-42.1" : "mm-42.2";
		r->probe = true;
		EXPECT_EQ(result(&w, r), i == 0 ? RESULT_DONE : RESULT_GONE);
	}
	world_end(&w);
}

TEST(maildir_appends)
{
	struct blob *bytes = blob_copy(view_of(mail));
	struct world w;
	struct request *r;

	world_begin(&w);
	for (int i = 0; i < 2; i++) {
		r = make(REQ_APPEND, "Sent", 0);
		r->bytes = bytes;
		r->token = "mm-7";
		r->received = 7777;
		r->create = true;
		r->probe = i > 0;
		r->add.sys = FLAG_SEEN;
		run(&w, r);
		EXPECT_EQ(r->result, RESULT_DONE);
		EXPECT_EQ(r->adopted, i > 0);
		request_free(&r);
	}
	EXPECT(has(&w, ".Sent/cur/mm-7:2,S"));
	r = make(REQ_APPEND, "INBOX", 0);
	r->bytes = bytes;
	run(&w, r);
	EXPECT_EQ(r->result, RESULT_DONE);
	EXPECT(r->new_name != NULL && strstr(r->new_name, "/new/") != NULL);
	request_free(&r);
	r = scan(&w, "Sent", 0, 0, NEED_BODY);
	EXPECT_EQ(r->messages.n, 1);
	EXPECT_EQ(message_facts(r->messages.at[0])->received, 7777);
	EXPECT_VIEW(message_raw(r->messages.at[0]), mail);
	request_free(&r);
	r = make(REQ_APPEND, "INBOX", 0);
	r->bytes = bytes;
	r->token = "../../etc/x";
	run(&w, r);
	EXPECT_EQ(r->err.kind, ERR_USAGE);
	request_free(&r);
	EXPECT_EQ(count(&w, "INBOX"), 1);
	blob_free(&bytes);
	world_end(&w);
}

TEST(maildir_expunges)
{
	struct world w;

	world_begin(&w);
	deliver(&w, "1000.a.h");
	deliver(&w, "2000.b.h");
	EXPECT_EQ(result(&w, make(REQ_EXPUNGE, "INBOX", 1)), RESULT_DONE);
	EXPECT(!has(&w, "new/1000.a.h"));
	EXPECT(has(&w, "new/2000.b.h"));
	EXPECT_EQ(result(&w, make(REQ_EXPUNGE, "INBOX", 1)), RESULT_GONE);
	need(unlink(path_of(&w, "new/2000.b.h")));
	EXPECT_EQ(result(&w, make(REQ_EXPUNGE, "INBOX", 2)), RESULT_GONE);
	world_end(&w);
}
