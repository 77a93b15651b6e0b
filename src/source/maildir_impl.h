/*
 * Inside of the Maildir source: what its files share.  Nobody else includes this.
 *
 * A mailbox (maildir_box) has a queue; a job takes what stands in it and goes
 * through stages: a pass over the directories (thread), UIDs for what is new (loop,
 * the book), the requests in order (thread), the answers (loop).  One job a mailbox:
 * its cache belongs to the thread while one runs there, else to the loop, and needs
 * no lock.
 */
#ifndef SOURCE_MAILDIR_IMPL_H
#define SOURCE_MAILDIR_IMPL_H

#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "proto/maildir_name.h"
#include "source/maildir.h"

#define MAILDIR_MAGIC		0x6d646972u
#define MAILDIR_BOX_MAGIC	0x6d626f78u
#define MAILDIR_TAKE_MAX	512u		/* requests a job */
#define MAILDIR_TARGETS_MAX	16u		/* target mailboxes a job */
#define MAILDIR_ASSIGN_MAX	5000u		/* keys a question to the book */
#define MAILDIR_SCAN_MAX	5000u		/* messages a SCAN */
#define MAILDIR_LOAD_MAX	((size_t)64 << 20)	/* bytes read by a job before it answers */
#define MAILDIR_LOOKS_MAX	32u		/* passes a job makes for files that were renamed */
#define MAILDIR_OURS		"mailmill."	/* begins the names of our files in tmp */

enum maildir_dir { MAILDIR_TMP, MAILDIR_NEW, MAILDIR_CUR, MAILDIR_DIRS };

struct maildir_keywords {
	char		*name[MAILDIR_KEYWORDS];	/* NULL: the letter has no meaning */
};

/* An open mailbox, for the length of one stage on a thread. */
struct maildir_place {
	char		*name;			/* mailbox */
	char		*path;
	int		 fd[MAILDIR_DIRS];
	bool		 dirty[MAILDIR_DIRS];	/* to be synced before anything is answered */
	bool		 open;
	struct map	*index;			/* key to file name ("cur/..."), when asked for */
	struct arena	 names;			/* of the index */
	struct maildir_keywords keywords;
};

struct maildir_entry {
	char		*name;		/* the file's, as last seen */
	uint16_t	 key_len;
	bool		 in_new;
	bool		 gone;		/* waits for the end of the job */
	unsigned char	 hops;
	uint32_t	 uid;
	uint32_t	 seen;		/* the look that saw it last */
	int64_t		 here;
};

/* What tells cheaply that a directory did not change. */
struct maildir_stamp {
	struct { dev_t dev; ino_t ino; struct timespec mtime; } dir[2];	/* new, cur */
};

struct maildir_watcher { source_change_fn fn; void *arg; };

struct maildir_box {
	uint32_t		 magic;
	struct maildir		*m;
	char			*name;		/* "" for LIST, which is of no mailbox */
	char			*path;
	struct link		 queue;		/* of requests */
	struct link		 ready;		/* in maildir.ready, while it waits for a job */
	bool			 busy;		/* a job runs */
	/* the cache */
	bool			 known;		/* every key of the first pass has its UID */
	struct map		*by_key;	/* struct maildir_entry */
	struct { VEC(struct maildir_entry *) } by_uid;
	uint32_t		 look;		/* number of the last look */
	uint32_t		 uidvalidity, uidnext;
	struct maildir_stamp	 stamp;		/* as of the last whole pass */
	int64_t			 stamp_wall;
	/* the watch */
	struct { VEC(struct maildir_watcher) } watchers;
	struct loop_watch	*watch[2];	/* new, cur */
	struct loop_timer	*timer;		/* of the slow check */
	struct loop_timer	*settle;	/* several notices become one */
	struct maildir_stamp	 watch_stamp;
	bool			 watch_known, lost, checking, warned;
};

struct maildir {
	struct source		 source;	/* first */
	uint32_t		 magic;
	char			*path;
	char			 host[64];	/* for unique names */
	int64_t			 rescan_ms;
	const struct uid_book	*book;
	struct map		*boxes;		/* by name */
	struct loop_watch	*root_watch;	/* of path: folders that come and go */
	struct loop_timer	*root_settle;
	struct link		 ready;		/* boxes with work, oldest first */
	size_t			 running;	/* jobs and checks on threads or with the book */
	size_t			 deferred;	/* calls that still point here */
	bool			 kicked, exclusive, closing;
	uint64_t		 jobs;		/* so far */
	loop_fn			 closed;
	void			*closed_arg;
};

struct maildir_fresh {		/* a key that has no UID in the cache */
	char			*name;
	uint16_t		 key_len;
	bool			 in_new;
	uint32_t		 seen;
	struct maildir_when	 when;
	int64_t			 received;
	char			*key;
};

struct maildir_loaded {		/* FETCH: what goes into the caller's message, in the loop */
	struct request		*r;
	struct message_facts	 facts;
	struct blob		*bytes;
	bool			 whole;
};

struct maildir_job {
	struct maildir		*m;
	struct maildir_box	*box;
	struct link		 requests;	/* in order */
	struct link		 left;		/* not reached: they go back to the queue */
	uint64_t		 number;
	unsigned		 names;		/* unique names made so far */
	int64_t			 wall_ms;
	bool			 pass;		/* begin with a pass */
	bool			 twice;		/* and look again whatever the first look says */
	struct err		 err;		/* of the pass or the book: fails all requests */
	struct { VEC(struct maildir_fresh) } fresh;
	struct uid_entry	*asked;		/* the batch at the book */
	size_t			 asked_n, assigned;
	struct { VEC(uint32_t) } missing;	/* UIDs for book.forget */
	struct { VEC(uint32_t) } taken;		/* the same, by our verbs: told after the answers */
	struct map		*lost_keys;	/* "uid" to key, from the book, for probes */
	size_t			 finding;	/* questions to the book under way */
	struct maildir_place	 place;
	struct maildir_place	 targets[MAILDIR_TARGETS_MAX];
	size_t			 target_n;
	unsigned		 looks;
	bool			 quiet;		/* nothing changed under the last look */
	uint32_t		 look_first;	/* box->look at the begin of the stage */
	size_t			 loaded_bytes;
	struct { VEC(struct maildir_loaded) } loaded;
	struct { VEC(char *) } renamed;		/* from, to, from, to...; to may be NULL */
};

/* ---- maildir.c */
struct maildir_box *maildir_box_get(struct maildir *m, const char *name, struct err *e) MUST_CHECK;
void maildir_box_forget(struct maildir_box *box);	/* drops the cache */
void maildir_box_drop_if_empty(struct maildir_box *box);
void maildir_cancel_queued(struct maildir_box *box);
char *maildir_path_of(const struct maildir *m, const char *name, struct err *e) MUST_CHECK;
void maildir_unhold(struct maildir *m);		/* one of running has ended */
void maildir_idle(struct maildir *m);		/* frees m when it was closed and nothing is under way */

/* ---- maildir_job.c */
void maildir_job_start(struct maildir_box *box);	/* its queue is not empty, no job runs */

/* ---- maildir_scan.c; thread unless noted */
void maildir_pass(struct maildir_job *job);
/* Loop: puts the answered batch into the cache. */
void maildir_learn(struct maildir_job *job);
struct maildir_entry *maildir_entry_of(const struct maildir_box *box, uint32_t uid);
size_t maildir_above(const struct maildir_box *box, uint32_t uid);	/* index of the first UID > uid */
/* The file was not where it was last seen: 1 it is elsewhere (look at entry again), 0 gone, -1 busy. */
int maildir_again(struct maildir_job *job, struct maildir_entry *entry, struct err *e) MUST_CHECK;
void maildir_drop_gone(struct maildir_box *box);
void maildir_entry_free(struct maildir_entry *entry);
int maildir_stamp_take(const char *path, struct maildir_stamp *st) MUST_CHECK;
bool maildir_stamp_eq(const struct maildir_stamp *a, const struct maildir_stamp *b);

/* ---- maildir_place.c; thread */
int maildir_place_open(struct maildir_place *p, const struct source *s, const char *name,
	const char *path, struct err *e) MUST_CHECK;
void maildir_place_close(struct maildir_place *p);
int maildir_place_sync(struct maildir_place *p, struct err *e) MUST_CHECK;
/* "new/name" or "cur/name" of the key, or NULL; reads the directories once a stage. */
int maildir_place_find(struct maildir_place *p, struct view key, const char **where_r,
	struct err *e) MUST_CHECK;
void maildir_place_note(struct maildir_place *p, struct view key, enum maildir_dir d,
	const char *name);
/* rename(2) that replaces nothing: 0 or an errno (EEXIST). */
int maildir_rename(int from_fd, const char *from, int to_fd, const char *to) MUST_CHECK;
/* Calls fn for every entry that may be a message; false from fn ends. 0 or an errno. */
int maildir_each(int dir_fd, bool (*fn)(void *arg, const char *name), void *arg) MUST_CHECK;
int maildir_make(const char *path, struct err *e) MUST_CHECK;
/* Target of r in this job, opened (and made, when r->create); NULL and r->err. */
struct maildir_place *maildir_target(struct maildir_job *job, struct request *r);
extern const char *const maildir_dir_name[MAILDIR_DIRS];

/* ---- maildir_load.c; thread */
void maildir_do_scan(struct maildir_job *job, struct request *r);
void maildir_do_fetch(struct maildir_job *job, struct request *r);
void maildir_do_status(struct maildir_job *job, struct request *r);
/* 1 open, 0 gone, -1 unreadable. */
int maildir_entry_open(struct maildir_job *job, struct maildir_entry *entry, struct stat *st,
	int *fd_r, struct err *e) MUST_CHECK;
void maildir_fill(struct message *msg, struct maildir_loaded *ld);

/* ---- maildir_do.c; thread */
void maildir_perform(struct maildir_job *job);
void maildir_do_flags(struct maildir_job *job, struct request *r);
void maildir_do_move(struct maildir_job *job, struct request *r);
void maildir_do_expunge(struct maildir_job *job, struct request *r);

/* ---- maildir_copy.c; thread */
void maildir_do_copy(struct maildir_job *job, struct request *r);
void maildir_do_append(struct maildir_job *job, struct request *r);
/*
 * MOVE between file systems: writes name into the target's d, syncs, compares, and
 * only then removes the original.  0, or an errno (-1: e has it).
 */
int maildir_carry(struct maildir_job *job, struct maildir_entry *entry, struct maildir_place *to,
	enum maildir_dir d, const char *name, struct err *e) MUST_CHECK;
int maildir_same_bytes(int a_dir, const char *a, int b_dir, const char *b, bool *same_r,
	struct err *e) MUST_CHECK;
/* Removes what a crash of ours left in the tmp directories over 36 hours ago. */
void maildir_sweep(const struct maildir *m, int64_t wall_ms);

/* ---- maildir_box.c; thread */
/* A folder where path says; INBOX is made only when the source is opened. */
int maildir_folder_make(const struct maildir *m, const char *path, struct err *e) MUST_CHECK;
void maildir_do_mailboxes(struct maildir_job *job, struct request *r);
/* The folder names below path (".A"), INBOX not among them, sorted; freed by the caller. */
struct maildir_folders { VEC(char *) };
int maildir_folders(const struct maildir *m, struct maildir_folders *f, struct err *e) MUST_CHECK;
void maildir_folders_free(struct maildir_folders *f);

/* ---- maildir_keywords.c; thread */
void maildir_keywords_read(struct maildir_place *p, struct log *log);
void maildir_keywords_free(struct maildir_keywords *k);
/* The letters' names are added to flags. */
void maildir_keywords_names(const struct maildir_keywords *k, uint32_t letters, struct flags *flags);
uint32_t maildir_keywords_find(const struct maildir_keywords *k, const char *name);	/* a bit or 0 */
/* The bit, which is added to the file when it is new. */
int maildir_keywords_need(struct maildir_place *p, const char *name, uint32_t *bit_r,
	struct err *e) MUST_CHECK;
/* Letters of one mailbox as those of another; what does not fit is left out and logged. */
uint32_t maildir_keywords_translate(const struct maildir_place *from, struct maildir_place *to,
	uint32_t letters, struct log *log);

/* ---- maildir_watch.c; loop */
void maildir_watch(struct source *s, const char *mailbox, source_change_fn fn, void *arg);
void maildir_unwatch(struct source *s, const char *mailbox, source_change_fn fn, void *arg);
void maildir_watch_end(struct maildir_box *box);
void maildir_watch_stop(struct maildir *m);	/* what the account watches */

#endif
