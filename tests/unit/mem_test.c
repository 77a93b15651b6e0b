/* Allocation: what it gives, and how the process ends when there is none. */
#include "base/mem.h"

#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* Runs fn in a child; its exit code, and what it said on stderr. */
static int
in_child(void (*fn)(void), char said[64])
{
	int	fds[2], status = -1;
	ssize_t	n;
	pid_t	pid;

	said[0] = '\0';
	if (pipe(fds) != 0)
		return -1;
	fflush(stdout);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], said, 63);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
product_wraps(void)
{
	free(xreallocarray(NULL, SIZE_MAX / 2, 3));
}

static void
copy_wraps(void)
{
	free(xmemdup0("", SIZE_MAX));
}

TEST(sizes_that_wrap_end_the_process)
{
	char said[64];

	EXPECT_EQ(in_child(product_wraps, said), 70);
	EXPECT_STR(said, "mailmill: out of memory\n");
	EXPECT_EQ(in_child(copy_wraps, said), 70);
	EXPECT_STR(said, "mailmill: out of memory\n");
}

TEST(blocks_and_copies)
{
	char	*a = xmalloc(0), *b = xcalloc(0, 8), *c = xcalloc(3, 2);
	char	*d = xstrdup("text"), *e = xmemdup0("a\0b", 3), *f = xmemdup0(NULL, 0);
	char	*g = xasprintf("%s-%d", "x", 42);

	EXPECT(memcmp(c, "\0\0\0\0\0\0", 6) == 0);
	EXPECT_STR(d, "text");
	EXPECT(memcmp(e, "a\0b", 4) == 0);
	EXPECT_STR(f, "");
	EXPECT_STR(g, "x-42");
	a = xrealloc(a, 100);
	memset(a, 'x', 100);
	a = xreallocarray(a, 1000, 10);
	EXPECT_EQ(a[99], 'x');
	a = xrealloc(a, 0);
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
	free(f);
	free(g);
}

#ifdef MAILMILL_TORTURE
static void
three_allocations(void)
{
	free(xmalloc(1));
	free(xstrdup("two"));
	free(xcalloc(3, 3));
}

TEST(the_chosen_allocation_is_refused)
{
	char said[64];

	setenv("MAILMILL_FAIL_ALLOC", "1000000", 1);
	EXPECT_EQ(in_child(three_allocations, said), 0);
	setenv("MAILMILL_FAIL_ALLOC", "3", 1);
	EXPECT_EQ(in_child(three_allocations, said), 70);
	EXPECT_STR(said, "mailmill: out of memory\n");
	setenv("MAILMILL_FAIL_ALLOC", "4", 1);
	EXPECT_EQ(in_child(three_allocations, said), 0);
	unsetenv("MAILMILL_FAIL_ALLOC");
}
#endif
