/* Word lists: entries, addresses, remarks, big lists, files that change. */
#include "engine/wordlist.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "unit.h"

/* In a fresh directory. */
static char *
path_of(const char *name)
{
	return xasprintf("%s/%s", unit_tmp(), name);
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static char *
get(const char *path)
{
	static const size_t size = 4096;
	char *text = xcalloc(1, size);
	FILE *f = fopen(path, "r");

	if (f == NULL)
		abort();
	(void)!fread(text, 1, size - 1, f);
	fclose(f);
	return text;
}

TEST(wordlist_in_memory)
{
	const struct view entries[] = { VIEW("Anna@Example.com"), VIEW("*@lists.example.org"),
		VIEW("stra\xC3\x9F" "e"), VIEW(""), VIEW("anna@example.COM") };
	struct wordlist *l = wordlist_of(entries, 5);
	struct err e = ERR_NONE;

	EXPECT_EQ(wordlist_count(l), 3);
	EXPECT(wordlist_path(l) == NULL);
	EXPECT(wordlist_has(l, VIEW(" ANNA@example.com ")));
	EXPECT(wordlist_has(l, VIEW("STRA\xC3\x9F" "E")));
	EXPECT(!wordlist_has(l, VIEW("anna")));
	EXPECT(!wordlist_has(l, VIEW("")));
	EXPECT(wordlist_has_address(l, VIEW("anna@example.com")));
	EXPECT(wordlist_has_address(l, VIEW("Bob@Lists.Example.ORG")));
	EXPECT(wordlist_has_address(l, VIEW("\"a@b\"@lists.example.org")));
	EXPECT(!wordlist_has_address(l, VIEW("bob@a.lists.example.org")));
	EXPECT(!wordlist_has_address(l, VIEW("lists.example.org")));
	EXPECT(!wordlist_has_address(l, VIEW("")));
	EXPECT_EQ(wordlist_refresh(l, 5, &e), 0);
	EXPECT_EQ(wordlist_add(l, VIEW("new"), &e), 0);
	EXPECT_EQ(wordlist_remove(l, VIEW("ANNA@example.com"), &e), 0);
	EXPECT(wordlist_has(l, VIEW("New")) && !wordlist_has(l, VIEW("anna@example.com")));
	EXPECT_EQ(wordlist_count(l), 3);
	wordlist_free(&l);
	EXPECT(l == NULL);
	wordlist_free(&l);
}

static bool
within(struct wordlist *l, const char *text)
{
	struct str key = STR_INIT;
	bool found;

	casemap(&key, view_of(text));
	found = wordlist_within(l, str_view(&key));
	str_free(&key);
	return found;
}

TEST(wordlist_finds_entries_within_a_text)
{
	const struct view entries[] = { VIEW("viagra"), VIEW("lottery win"), VIEW("x!"), VIEW("\xE2\x82\xAC") };
	const struct view none[] = { VIEW("") };
	struct wordlist *l = wordlist_of(entries, 4), *empty = wordlist_of(none, 1);
	struct err e = ERR_NONE;

	EXPECT(within(l, "buy Viagra now"));
	EXPECT(within(l, "VIAGRA"));
	EXPECT(within(l, "a Lottery Winner"));
	EXPECT(within(l, "ends with x!"));
	EXPECT(within(l, "10 \xE2\x82\xAC"));
	EXPECT(!within(l, "viagr"));
	EXPECT(!within(l, "lottery  win"));
	EXPECT(!within(l, ""));
	EXPECT(!within(empty, "anything"));
	EXPECT_EQ(wordlist_remove(l, VIEW("viagra"), &e), 0);
	EXPECT(!within(l, "buy Viagra now"));
	wordlist_free(&l);
	wordlist_free(&empty);
}

TEST(wordlist_reads_a_file)
{
	char *path = path_of("read.txt");
	struct err e = ERR_NONE;
	struct wordlist *l;

	put(path, "\xEF\xBB\xBFtop@example.com\r\n# remark\n  a#b@example.com \t# why\n\n"
	    "two words\n#\n*@example.net\nlast@example.com");
	l = wordlist_open(path, &e);
	EXPECT(l != NULL);
	EXPECT_EQ(wordlist_count(l), 5);
	EXPECT_STR(wordlist_path(l), path);
	EXPECT(wordlist_has(l, VIEW("top@example.com")));
	EXPECT(wordlist_has(l, VIEW("a#b@example.com")));
	EXPECT(wordlist_has(l, VIEW("two words")));
	EXPECT(wordlist_has(l, VIEW("last@example.com")));
	EXPECT(wordlist_has_address(l, VIEW("x@example.net")));
	EXPECT(!wordlist_has(l, VIEW("remark")) && !wordlist_has(l, VIEW("why")));
	wordlist_free(&l);
	free(path);
}

TEST(wordlist_says_why_a_file_cannot_be_read)
{
	char *path = path_of("none.txt");
	struct err e = ERR_NONE;

	EXPECT(wordlist_open(path, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_USAGE);
	EXPECT(strstr(e.text, path) != NULL);
	err_clear(&e);
	EXPECT(wordlist_open("/", &e) == NULL);
	EXPECT(err_is(&e));
	err_clear(&e);
	EXPECT_EQ(mkfifo(path, 0600), 0);
	EXPECT(wordlist_open(path, &e) == NULL);
	EXPECT(strstr(e.text, "no regular file") != NULL);
	err_clear(&e);
	unlink(path);
	put(path, "x");
	EXPECT_EQ(truncate(path, (off_t)WORDLIST_MAX + 1), 0);
	EXPECT(wordlist_open(path, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_LIMIT);
	free(path);
}

/* Sets the file's time apart from now, so that only its change is what is seen. */
static void
age(const char *path, int seconds)
{
	int64_t now = clock_wall_ms() / 1000;
	struct timespec t[2] = { { .tv_sec = (time_t)now - seconds }, { .tv_sec = (time_t)now - seconds } };

	if (utimensat(AT_FDCWD, path, t, 0) != 0)
		abort();
}

TEST(wordlist_is_read_again_when_it_changed)
{
	char *path = path_of("change.txt");
	struct err e = ERR_NONE;
	struct wordlist *l, *other;

	put(path, "a\n");
	age(path, 100);
	l = wordlist_open(path, &e);
	other = wordlist_ref(l);
	EXPECT_EQ(wordlist_refresh(l, 10000, &e), 0);
	put(path, "b\n");
	age(path, 50);
	/* within the second nobody looks */
	EXPECT_EQ(wordlist_refresh(l, 10500, &e), 0);
	EXPECT(wordlist_has(l, VIEW("a")));
	EXPECT_EQ(wordlist_refresh(l, 11000, &e), 0);
	EXPECT(!wordlist_has(l, VIEW("a")) && wordlist_has(other, VIEW("b")));
	/* a clock that went back is no reason to wait */
	put(path, "c\n");
	age(path, 40);
	EXPECT_EQ(wordlist_refresh(l, 500, &e), 0);
	EXPECT(wordlist_has(l, VIEW("c")));

	EXPECT_EQ(unlink(path), 0);
	EXPECT_EQ(wordlist_refresh(l, 5000, &e), -1);
	EXPECT(strstr(e.text, path) != NULL);
	EXPECT(wordlist_has(l, VIEW("c")));
	err_clear(&e);
	put(path, "d\n");
	EXPECT_EQ(wordlist_refresh(l, 6000, &e), 0);
	EXPECT(wordlist_has(l, VIEW("d")));
	wordlist_free(&l);
	EXPECT(wordlist_has(other, VIEW("d")));
	wordlist_free(&other);
	free(path);
}

/* Where the clock of files is coarse, the second write has the size and the times of the first. */
TEST(wordlist_just_written_is_read_once_more)
{
	char *path = path_of("racy.txt");

	for (int i = 0; i < 50; i++) {
		struct err e = ERR_NONE;
		struct wordlist *l;
		FILE *f;

		put(path, "a\n");
		l = wordlist_open(path, &e);
		f = fopen(path, "r+");
		EXPECT(l != NULL && f != NULL && fputs("b\n", f) >= 0 && fclose(f) == 0);
		EXPECT_EQ(wordlist_refresh(l, 10000, &e), 0);
		EXPECT(wordlist_has(l, VIEW("b")));
		wordlist_free(&l);
	}
	free(path);
}

TEST(wordlist_changes_its_file)
{
	char *path = path_of("edit.txt"), *link_path = xasprintf("%s.link", path), *text;
	struct err e = ERR_NONE;
	struct wordlist *l;
	struct stat st;

	put(path, "# friends\nanna@example.com # since 2019\nbob@example.com");
	EXPECT_EQ(chmod(path, 0640), 0);
	EXPECT_EQ(symlink("edit.txt", link_path), 0);
	l = wordlist_open(link_path, &e);
	EXPECT_EQ(wordlist_add(l, VIEW(" carl@example.com"), &e), 0);
	EXPECT(wordlist_has(l, VIEW("carl@example.com")));
	text = get(path);
	EXPECT_STR(text, "# friends\nanna@example.com # since 2019\nbob@example.com\n"
	    "carl@example.com\n");
	free(text);
	EXPECT_EQ(lstat(link_path, &st), 0);
	EXPECT(S_ISLNK(st.st_mode));
	EXPECT_EQ(stat(path, &st), 0);
	EXPECT_EQ(st.st_mode & 07777, 0640);

	/* one that is there is not written twice; the file is not touched */
	EXPECT_EQ(wordlist_add(l, VIEW("BOB@example.com"), &e), 0);
	/* another's changes since are kept */
	put(path, "# friends\nanna@example.com # since 2019\nBob@example.com\ndora@example.com\n");
	EXPECT_EQ(wordlist_remove(l, VIEW("bob@example.com"), &e), 0);
	text = get(path);
	EXPECT_STR(text, "# friends\nanna@example.com # since 2019\ndora@example.com\n");
	free(text);
	EXPECT(!wordlist_has(l, VIEW("bob@example.com")) && wordlist_has(l, VIEW("dora@example.com")));
	EXPECT_EQ(wordlist_remove(l, VIEW("nobody"), &e), 0);
	EXPECT_EQ(wordlist_count(l), 2);

	EXPECT_EQ(wordlist_add(l, VIEW("a\nb"), &e), -1);
	EXPECT_EQ(e.kind, ERR_USAGE);
	err_clear(&e);
	EXPECT_EQ(wordlist_add(l, VIEW("a # b"), &e), -1);
	err_clear(&e);
	EXPECT_EQ(wordlist_add(l, VIEW("  "), &e), -1);
	err_clear(&e);
	EXPECT_EQ(unlink(path), 0);
	EXPECT_EQ(wordlist_add(l, VIEW("x"), &e), -1);
	EXPECT(wordlist_has(l, VIEW("dora@example.com")));
	wordlist_free(&l);
	free(path);
	free(link_path);
}

TEST(wordlist_of_50000_entries)
{
	char *path = path_of("big.txt");
	FILE *f = fopen(path, "w");
	struct err e = ERR_NONE;
	struct wordlist *l;
	size_t found = 0;

	EXPECT(f != NULL);
	for (int i = 0; i < 50000; i++)
		fprintf(f, "user%d@host%d.example.com\n", i, i % 1000);
	fprintf(f, "*@all.example.com\n");
	EXPECT_EQ(fclose(f), 0);
	l = wordlist_open(path, &e);
	EXPECT(l != NULL);
	EXPECT_EQ(wordlist_count(l), 50001);
	for (int i = 0; i < 50000; i++) {
		char address[64];

		snprintf(address, sizeof(address), "User%d@HOST%d.example.com", i, i % 1000);
		found += wordlist_has_address(l, view_of(address));
		snprintf(address, sizeof(address), "user%d@host%d.example.com", i, (i + 1) % 1000);
		found += wordlist_has_address(l, view_of(address));
	}
	EXPECT_EQ(found, 50000);
	EXPECT(wordlist_has_address(l, VIEW("x@all.example.com")));
	EXPECT(within(l, "mail by <user49999@host999.example.com> and others"));
	EXPECT(!within(l, "mail by <user49999@host998.example.com> and others"));
	wordlist_free(&l);
	free(path);
}
