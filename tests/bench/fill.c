/* fill MAILDIR N: N messages of a usual size into cur/, every fifth of a list, half unseen. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void
message(FILE *f, int i)
{
	fprintf(f, "From: Sender %d <s%d@example%d.org>\r\nTo: me@example.org\r\n", i, i % 500, i % 50);
	fprintf(f, "Subject: message %d about %s\r\n", i, i % 3 ? "things" : "an invoice");
	fprintf(f, "Date: Thu, 1 Jan 2026 10:12:01 +0100\r\nMessage-ID: <m%d@example.org>\r\n", i);
	if (i % 5 == 0)
		fprintf(f, "List-Id: <dev.lists.example.org>\r\n");
	fprintf(f, "X-Spam-Score: %d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", i % 20);
	for (int k = 0; k < 40; k++)
		fprintf(f, "a line of text, so that the message has the usual length: %d\r\n", k);
}

int
main(int argc, char **argv)
{
	static const char *const subs[] = { "", "/cur", "/new", "/tmp" };
	char path[4096];
	int n = argc == 3 ? atoi(argv[2]) : 0;

	if (n <= 0) {
		fprintf(stderr, "usage: fill MAILDIR N\n");
		return 2;
	}
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%.4000s%s", argv[1], subs[i]);
		mkdir(path, 0700);
	}
	for (int i = 0; i < n; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%.4000s/cur/%d.M%dP1.bench:2,%s", argv[1], 1700000000 + i,
		    i, i % 2 ? "S" : "");
		f = fopen(path, "w");
		if (f == NULL) {
			perror(path);
			return 1;
		}
		message(f, i);
		fclose(f);
	}
	return 0;
}
