/* Files that messages are saved to: names, what stands there, tries that were cut short. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine_int.h"

struct place { const char *dir; char path[340], tmp[340]; };

static struct place
place(void)
{
	struct place p = { .dir = unit_tmp() };

	snprintf(p.path, sizeof(p.path), "%s/a.pdf", p.dir);
	snprintf(p.tmp, sizeof(p.tmp), "%s/.mailmill-1.Xtoken", p.dir);
	return p;
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

/* Saves text to p->path; the name it got, without the folder, in name. */
static void
save(const struct place *p, const char *text, bool probe, bool *adopted_r, char name[500])
{
	struct save_job j = { .bytes = view_of(text), .token = "1.Xtoken", .probe = probe };

	j.path = xstrdup(p->path);
	save_run(&j);
	*adopted_r = j.adopted;
	snprintf(name, 500, "%s", err_is(&j.err) ? j.err.text : strrchr(j.path_r, '/') + 1);
	free(j.path);
	free(j.path_r);
}

TEST(save_gives_the_next_name_and_leaves_no_other_file)
{
	struct place p = place();
	char name[500];
	bool adopted;

	save(&p, "one", false, &adopted, name);
	EXPECT_STR(name, "a.pdf");
	save(&p, "one", false, &adopted, name);
	EXPECT_STR(name, "a-1.pdf");
	EXPECT(!adopted);
	EXPECT(access(p.tmp, F_OK) < 0);
}

/* Killed before the file had its name: it is saved; after: it is found.  No litter in both. */
TEST(save_of_a_try_that_was_killed)
{
	struct place p = place();
	char name[500];
	bool adopted;

	put(p.tmp, "tw");
	save(&p, "two", true, &adopted, name);
	EXPECT_STR(name, "a.pdf");
	EXPECT(!adopted);
	EXPECT(access(p.tmp, F_OK) < 0);
	EXPECT_EQ(link(p.path, p.tmp), 0);
	save(&p, "two", true, &adopted, name);
	EXPECT_STR(name, "a.pdf");
	EXPECT(adopted);
	EXPECT(access(p.tmp, F_OK) < 0);
}

/* What another has under way with the same token is its own. */
TEST(save_beside_another_of_the_same_token)
{
	struct place p = place();
	char name[500];
	bool adopted;

	put(p.tmp, "its");
	save(&p, "three", false, &adopted, name);
	EXPECT_STR(name, "a.pdf");
	EXPECT_EQ(access(p.tmp, F_OK), 0);
}
