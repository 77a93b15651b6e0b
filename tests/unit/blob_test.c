/* Blobs: memory and unlinked files behind one count. */
#include "base/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

/* A descriptor at the start of a file of these bytes. */
static int
file_of(struct view v)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/f", unit_tmp());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (size_t done = 0; fd >= 0 && done < v.n; ) {
		ssize_t n = write(fd, v.p + done, v.n - done);

		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

TEST(copy_take_ref)
{
	struct str s = STR_INIT;
	struct blob *a = blob_copy(VIEW("bytes")), *b = blob_ref(a), *none = NULL;

	EXPECT(a == b);
	blob_free(&a);
	EXPECT(a == NULL);
	EXPECT_VIEW(blob_view(b), "bytes");
	blob_free(&b);
	blob_free(&none);
	EXPECT(blob_view(NULL).p == NULL);
	str_adds(&s, "taken");
	a = blob_take(&s);
	EXPECT_VIEW(blob_view(a), "taken");
	EXPECT_EQ(s.len, 0);
	blob_free(&a);
	a = blob_copy(VIEW_NONE);
	EXPECT_EQ(blob_view(a).n, 0);
	blob_free(&a);
}

TEST(read_small)
{
	struct err e = ERR_NONE;
	bool whole = false;
	int fd = file_of(VIEW("From: a@b\r\n\r\nbody\r\n"));
	struct blob *b = blob_read(fd, 0, &whole, &e);

	EXPECT(b != NULL);
	EXPECT(whole);
	EXPECT_VIEW(blob_view(b), "From: a@b\r\n\r\nbody\r\n");
	blob_free(&b);
	close(fd);
	fd = file_of(VIEW_NONE);
	b = blob_read(fd, 0, &whole, &e);
	EXPECT(b != NULL && whole && blob_view(b).n == 0);
	blob_free(&b);
	close(fd);
}

TEST(read_from_the_current_offset)
{
	struct err e = ERR_NONE;
	bool whole = false;
	int fd = file_of(VIEW("0123456789"));
	struct blob *b;

	lseek(fd, 4, SEEK_SET);
	b = blob_read(fd, 0, &whole, &e);
	EXPECT(b != NULL);
	EXPECT_VIEW(blob_view(b), "456789");
	blob_free(&b);
	close(fd);
}

TEST(read_large_is_mapped_and_leaves_no_file)
{
	struct str s = STR_INIT;
	struct err e = ERR_NONE;
	bool whole = false;
	const char *dir, *old = getenv("TMPDIR");
	char *keep = old != NULL ? xstrdup(old) : NULL;
	struct blob *b;
	struct dirent *d;
	DIR *dp;
	int fd, files = 0;

	while (s.len < BLOB_HEAP_MAX * 3 + 12345)
		str_addf(&s, "line %zu\r\n", s.len);
	fd = file_of(str_view(&s));
	EXPECT(fd >= 0);
	dir = unit_tmp();
	setenv("TMPDIR", dir, 1);
	b = blob_read(fd, 0, &whole, &e);
	EXPECT(b != NULL);
	EXPECT(whole);
	EXPECT(view_eq(blob_view(b), str_view(&s)));
	dp = opendir(dir);
	EXPECT(dp != NULL);
	while ((d = readdir(dp)) != NULL)
		files += d->d_name[0] != '.';
	closedir(dp);
	EXPECT_EQ(files, 0);
	/* The source may be cut now: the blob is our own copy. */
	EXPECT_EQ(ftruncate(fd, 0), 0);
	EXPECT_EQ(blob_view(b).p[s.len - 1], '\n');
	blob_free(&b);
	close(fd);
	if (keep != NULL)
		setenv("TMPDIR", keep, 1);
	else
		unsetenv("TMPDIR");
	free(keep);
	str_free(&s);
}

TEST(read_of_the_header)
{
	static const char *headers[] = {
		"A: b\r\n\r\n", "A: b\n\n", "A: b\r\r", "\r\nA: b\r\n\r\n", "A: b\r\nC: d\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct str s = STR_INIT;
		struct err e = ERR_NONE;
		bool whole = true;
		struct blob *b;
		int fd;

		str_adds(&s, headers[i]);
		while (s.len < 100000)
			str_adds(&s, "body");
		fd = file_of(str_view(&s));
		b = blob_read(fd, 65536, &whole, &e);
		EXPECT(b != NULL);
		EXPECT(!whole);
		EXPECT(blob_view(b).n >= strlen(headers[i]));
		EXPECT(blob_view(b).n < 20000);
		EXPECT(view_starts(str_view(&s), blob_view(b)));
		blob_free(&b);
		close(fd);
		str_free(&s);
	}
}

TEST(header_longer_than_a_chunk)
{
	struct str s = STR_INIT;
	struct err e = ERR_NONE;
	bool whole = true;
	struct blob *b;
	size_t end;
	int fd;

	while (s.len < 30000)
		str_addf(&s, "X-%zu: y\r\n", s.len);
	str_adds(&s, "\r\n");
	end = s.len;
	while (s.len < 100000)
		str_adds(&s, "body\r\n");
	fd = file_of(str_view(&s));
	b = blob_read(fd, 65536, &whole, &e);
	EXPECT(b != NULL && !whole);
	EXPECT(blob_view(b).n >= end && blob_view(b).n < end + 10000);
	blob_free(&b);
	/* Never more than upto bytes. */
	lseek(fd, 0, SEEK_SET);
	b = blob_read(fd, 10000, &whole, &e);
	EXPECT(b != NULL && !whole);
	EXPECT_EQ(blob_view(b).n, 10000);
	blob_free(&b);
	close(fd);
	str_free(&s);
}

TEST(whole_is_known_without_one_more_read)
{
	struct err e = ERR_NONE;
	bool whole = false;
	int fd = file_of(VIEW("A: b\r\n\r\nx"));
	struct blob *b = blob_read(fd, 4096, &whole, &e);

	EXPECT(b != NULL && whole);
	blob_free(&b);
	lseek(fd, 0, SEEK_SET);
	b = blob_read(fd, 9, &whole, &e);
	EXPECT(b != NULL && whole);
	blob_free(&b);
	lseek(fd, 0, SEEK_SET);
	b = blob_read(fd, 8, &whole, &e);
	EXPECT(b != NULL && !whole);
	blob_free(&b);
	close(fd);
}

TEST(read_of_a_pipe)
{
	struct err e = ERR_NONE;
	bool whole = false;
	struct blob *b;
	int p[2];

	EXPECT_EQ(pipe(p), 0);
	EXPECT_EQ(write(p[1], "hello", 5), 5);
	close(p[1]);
	b = blob_read(p[0], 0, &whole, &e);
	EXPECT(b != NULL && whole);
	EXPECT_VIEW(blob_view(b), "hello");
	blob_free(&b);
	close(p[0]);
}

TEST(read_errors)
{
	struct err e = ERR_NONE;
	bool whole;

	EXPECT(blob_read(-1, 0, &whole, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	EXPECT(strstr(e.text, strerror(EBADF)) != NULL);
}

TEST(no_place_for_the_file)
{
	struct str s = STR_INIT;
	struct err e = ERR_NONE;
	const char *old = getenv("TMPDIR");
	char *keep = old != NULL ? xstrdup(old) : NULL;
	bool whole;
	int fd;

	while (s.len < BLOB_HEAP_MAX + 100000)
		str_adds(&s, "0123456789");
	fd = file_of(str_view(&s));
	setenv("TMPDIR", "/nonexistent/place", 1);
	EXPECT(blob_read(fd, 0, &whole, &e) == NULL);
	EXPECT_EQ(e.kind, ERR_SYSTEM);
	if (keep != NULL)
		setenv("TMPDIR", keep, 1);
	else
		unsetenv("TMPDIR");
	free(keep);
	close(fd);
	str_free(&s);
}

static void *
ref_and_free(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		struct blob *b = blob_ref(arg);

		blob_free(&b);
	}
	return NULL;
}

TEST(count_is_thread_safe)
{
	struct blob *b = blob_copy(VIEW("shared"));
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		EXPECT_EQ(pthread_create(&t[i], NULL, ref_and_free, b), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	EXPECT_VIEW(blob_view(b), "shared");
	blob_free(&b);
}
