/*
 * A talk as read from its file: options, steps, standing answers.  README.md beside this
 * says how it is written.  Both runners share this, and how a line of the client is
 * compared with what was expected.
 */
#ifndef TALK_SCRIPT_H
#define TALK_SCRIPT_H

#include "base/str.h"
#include "base/vec.h"

enum talk_kind {
	TALK_SERVER,		/* bytes that the server sends, as one block */
	TALK_CLIENT,		/* a line that the client must say */
	TALK_DO,		/* what is asked of the program, of the server, of the clock */
	TALK_EXPECT,		/* what must have come of it */
	TALK_CONNECTION,	/* the next lines are about connection n */
};

struct talk_fixup { size_t off; char slot; };	/* a captured tag goes in at off */

struct talk_bytes {
	struct str	bytes;
	struct { VEC(struct talk_fixup) } fixups;
};

struct talk_step {
	enum talk_kind	  kind;
	unsigned	  line;
	bool		  included;	/* from lib/: not cut */
	bool		  joined;	/* CLIENT: in one write with the line before */
	unsigned	  number;	/* CONNECTION */
	char		 *text;		/* CLIENT, DO, EXPECT */
	struct talk_bytes server;
};

struct talk_rule { char *pattern; struct talk_bytes answer; };
struct talk_option { char *name, *value; };

struct talk_script {
	char	*about;			/* the first comment: the server and the fact */
	struct { VEC(struct talk_option) } options;
	struct { VEC(struct talk_step) } steps;
	struct { VEC(struct talk_rule) } rules;
	struct str lua;			/* L: lines, for the wire */
};

struct talk_slots { char tag['z' + 1][40]; };

/* -1 and a text in why. */
int talk_read(struct talk_script *t, const char *path, char *why, size_t size);
void talk_free(struct talk_script *t);
/* The last value of an option; NULL: not given.  "" for one without a value. */
const char *talk_option(const struct talk_script *t, const char *name);

/* "..." stands for any bytes, "%x" for a word of letters and digits that is kept in slot x. */
bool talk_match(const char *pattern, struct view line, struct talk_slots *slots);
/* Of what a standing answer has found, capital letters are kept. */
void talk_keep(struct talk_slots *to, const struct talk_slots *found);
/* The block with the tags that were kept. */
void talk_fill(const struct talk_bytes *b, const struct talk_slots *slots, struct str *out);
/* "9min", "55s", "300ms" or "1h"; -1: none of these. */
int64_t talk_ms(const char *text);

#endif
