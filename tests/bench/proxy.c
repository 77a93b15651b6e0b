/*
 * usage: proxy LISTEN TO DELAY_MS FILE
 * A line of DELAY_MS there and as much back (half a round trip), between 127.0.0.1:LISTEN (0: any free port, which is
 * printed) and 127.0.0.1:TO, for any number of connections.  Bandwidth is not limited.  FILE is
 * rewritten whenever the line falls silent: "turns bytes_up bytes_down connections"; a turn is the
 * client speaking again after the server did, or speaking first.  SIGUSR1 cuts all connections, with
 * what is on its way.  Ends with SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX	64
#define PIECE		65536

struct piece {			/* bytes on their way */
	struct piece	*next;
	int64_t		 at;	/* when they arrive */
	size_t		 n, off;
	char		 bytes[PIECE];
};
struct way {			/* one direction */
	int		 from, to;
	struct piece	*first, *last;
	size_t		 pieces;
	int		 ended;
};
struct line { struct way up, down; int open, server_spoke; };

static struct line lines[LINES_MAX];
static volatile sig_atomic_t cut;
static unsigned long long turns, bytes_up, bytes_down, connections;

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
listen_on(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 64) < 0) {
		perror("proxy");
		exit(1);
	}
	getsockname(fd, (struct sockaddr *)&a, &n);
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static int
dial(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
accept_one(int listener, int to)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), other, one = 1;

	if (fd < 0)
		return;
	for (int i = 0; i < LINES_MAX; i++) {
		if (lines[i].open)
			continue;
		other = dial(to);
		if (other < 0)
			break;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		lines[i] = (struct line){ .up = { fd, other, NULL, NULL, 0, 0 },
			.down = { other, fd, NULL, NULL, 0, 0 }, .open = 1, .server_spoke = 1 };
		connections++;
		return;
	}
	close(fd);
}

/* Takes what is there; it arrives delay later. */
static void
take(struct line *l, struct way *w, int64_t delay)
{
	struct piece *p = malloc(sizeof(*p));
	ssize_t n;

	if (p == NULL)
		exit(1);
	n = read(w->from, p->bytes, PIECE);
	if (n <= 0) {
		w->ended = 1;
		n = 0;
	}
	p->next = NULL;
	p->at = now_us() + delay;
	p->n = (size_t)n;
	p->off = 0;
	if (w == &l->up && n > 0) {
		turns += (unsigned)l->server_spoke;
		l->server_spoke = 0;
		bytes_up += (unsigned long long)n;
	} else if (n > 0) {
		bytes_down += (unsigned long long)n;
	}
	if (w->last != NULL)
		w->last->next = p;
	else
		w->first = p;
	w->last = p;
	w->pieces++;
}

static void
give_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, bytes, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		bytes += done;
		n -= (size_t)done;
	}
}

/* Gives what has arrived; ms until the next piece does, or -1. */
static int
give(struct line *l, struct way *w)
{
	while (w->first != NULL) {
		struct piece *p = w->first;
		int64_t wait = p->at - now_us();

		if (wait > 0)
			return (int)((wait + 999) / 1000);
		if (p->n > 0)
			give_all(w->to, p->bytes, p->n);
		else
			shutdown(w->to, SHUT_WR);
		if (w == &l->down && p->n > 0)
			l->server_spoke = 1;
		w->first = p->next;
		if (w->first == NULL)
			w->last = NULL;
		w->pieces--;
		free(p);
	}
	return -1;
}

static void
on_cut(int signo)
{
	(void)signo;
	cut = 1;
}

/* Both ends see a reset. */
static void
cut_all(void)
{
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	cut = 0;
	for (int i = 0; i < LINES_MAX; i++) {
		struct line *l = &lines[i];

		if (!l->open)
			continue;
		for (int k = 0; k < 2; k++) {
			struct way *w = k == 0 ? &l->up : &l->down;

			for (struct piece *p = w->first, *next; p != NULL; p = next) {
				next = p->next;
				free(p);
			}
			setsockopt(w->from, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
			close(w->from);
		}
		l->open = 0;
	}
}

static void
write_counts(const char *file)
{
	FILE *f = fopen(file, "w");

	if (f == NULL)
		return;
	fprintf(f, "%llu %llu %llu %llu\n", turns, bytes_up, bytes_down, connections);
	fclose(f);
}

int
main(int argc, char **argv)
{
	int listener, to, quiet = 0;
	int64_t delay;

	if (argc != 5) {
		fprintf(stderr, "usage: proxy LISTEN TO DELAY_MS FILE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_cut }, NULL);
	listener = listen_on(atoi(argv[1]));
	to = atoi(argv[2]);
	delay = (int64_t)atoi(argv[3]) * 1000;
	for (;;) {
		struct pollfd fds[2 * LINES_MAX + 1] = { { .fd = listener, .events = POLLIN } };
		int wait = -1, n;

		for (int i = 0; i < LINES_MAX; i++) {
			struct line *l = &lines[i];

			for (int k = 0; k < 2; k++) {
				struct way *w = k == 0 ? &l->up : &l->down;
				int next = l->open ? give(l, w) : -1;

				fds[1 + 2 * i + k].fd = l->open && !w->ended && w->pieces < 256 ?
				    w->from : -1;
				fds[1 + 2 * i + k].events = POLLIN;
				if (next >= 0 && (wait < 0 || next < wait))
					wait = next;
			}
			if (l->open && l->up.ended && l->down.ended && l->up.first == NULL &&
			    l->down.first == NULL) {
				close(l->up.from);
				close(l->up.to);
				l->open = 0;
			}
		}
		if (wait < 0 && !quiet) {
			write_counts(argv[4]);
			quiet = 1;
		}
		n = poll(fds, 2 * LINES_MAX + 1, wait);
		if (cut) {
			cut_all();
			continue;
		}
		if (n <= 0)
			continue;
		quiet = 0;
		if (fds[0].revents)
			accept_one(listener, to);
		for (int i = 0; i < LINES_MAX; i++) {
			if (lines[i].open && fds[1 + 2 * i].revents)
				take(&lines[i], &lines[i].up, delay);
			if (lines[i].open && fds[2 + 2 * i].revents)
				take(&lines[i], &lines[i].down, delay);
		}
	}
}
