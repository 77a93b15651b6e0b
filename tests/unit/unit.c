/* The main() of every unit test program: runs the tests in file order (or those named). */
#include "unit.h"

#include <ftw.h>
#include <unistd.h>

#define UNIT_MAX 400

struct unit_row	unit_rows[UNIT_MAX];
size_t		unit_n;
static char	tmp_dir[200];

void
unit_register(const char *name, unit_fn fn)
{
	if (unit_n == UNIT_MAX) {
		fprintf(stderr, "more than %d tests in one program\n", UNIT_MAX);
		exit(2);
	}
	unit_rows[unit_n++] = (struct unit_row){ name, fn };
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st; (void)flag; (void)ftw;
	return remove(path);
}

static void
remove_tmp(void)
{
	nftw(tmp_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
unit_tmp(void)
{
	const char *base = getenv("TMPDIR");

	if (tmp_dir[0] != '\0')
		remove_tmp();
	else
		atexit(remove_tmp);
	snprintf(tmp_dir, sizeof(tmp_dir), "%.150s/mailmill-unit-XXXXXX", base ? base : "/tmp");
	if (mkdtemp(tmp_dir) == NULL) {
		perror(tmp_dir);
		exit(2);
	}
	return tmp_dir;
}

int
main(int argc, char **argv)
{
	int bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < unit_n; i++) {
		int failed = 0, wanted = argc < 2;

		for (int a = 1; a < argc; a++)
			wanted |= strcmp(argv[a], unit_rows[i].name) == 0;
		if (!wanted)
			continue;
		unit_rows[i].fn(&failed);
		printf("%s %s\n", failed ? "not ok" : "ok", unit_rows[i].name);
		bad |= failed;
	}
	return bad;
}
