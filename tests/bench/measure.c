/*
 * measure LABEL PROGRAM [ARG...]: runs it and prints one line of the bench table: wall and
 * CPU seconds and the largest resident size.  Exits as the program did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	struct rusage u;
	double begin = now();
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: measure LABEL PROGRAM [ARG...]\n");
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) < 0) {
		perror("measure");
		return 2;
	}
	printf("%-58s %7.2f s %7.2f s %8.1f MB\n", argv[1], now() - begin,
	    (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6 +
	    (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6,
	    (double)u.ru_maxrss / 1024);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
