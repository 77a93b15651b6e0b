/* What is embedded is what stands under lua/, byte for byte.  Runs at the top of the tree. */
#include "bind/embedded.h"
#include "unit.h"

#include <ftw.h>

static int	files_seen;

static int
count_lua(const char *path, const struct stat *st, int flag)
{
	size_t n = strlen(path);

	(void)st;
	files_seen += flag == FTW_F && n > 4 && strcmp(path + n - 4, ".lua") == 0;
	return 0;
}

TEST(embedded_all_files)
{
	files_seen = 0;
	ftw("lua", count_lua, 8);
	EXPECT_EQ(embedded_count, files_seen);
}

TEST(embedded_sorted)
{
	for (size_t i = 1; i < embedded_count; i++)
		EXPECT(strcmp(embedded_files[i - 1].name, embedded_files[i].name) < 0);
}

TEST(embedded_bytes)
{
	for (size_t i = 0; i < embedded_count; i++) {
		const struct embedded_file *f = &embedded_files[i];
		char path[300];
		FILE *in;
		int c;
		size_t n = 0;

		snprintf(path, sizeof(path), "lua/%s", f->name);
		in = fopen(path, "rb");
		EXPECT(in != NULL);
		while ((c = getc(in)) != EOF && n < f->n && f->p[n] == c)
			n++;
		fclose(in);
		EXPECT_EQ(c, EOF);
		EXPECT_EQ(n, f->n);
		EXPECT_EQ(f->p[f->n], '\0');
	}
}
