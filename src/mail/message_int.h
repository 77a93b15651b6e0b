/* What message.c (the object) and message_field.c (what is decoded) share. */
#ifndef MAIL_MESSAGE_INT_H
#define MAIL_MESSAGE_INT_H

#include "mail/message.h"

#define MESSAGE_MAGIC	0x4d657367u
#define FIELD_COUNT	(FIELD_LIST_ID + 1)

struct known_list {
	struct known_list	*next;
	struct view		 name;
	struct address_list	 list;
};
enum known { KNOWN_NOT_YET, KNOWN_ABSENT, KNOWN_HERE };

struct message {
	uint32_t		 magic;
	unsigned		 refs;
	unsigned		 have;		/* NEED_* */
	struct message_facts	 facts;

	/* Bytes.  blob: the whole message, if it is here. */
	struct blob		*blob;
	struct str		 head;		/* the header block, our copy */
	struct header		 header;	/* over head */
	struct mime		*structure;	/* from BODYSTRUCTURE */
	struct mime		*tree;		/* from the bytes */

	/* Decoded, in the arena. */
	struct arena		 arena;
	struct view		*decoded;	/* by index of the header; p NULL: not yet */
	struct { enum known known; struct view value; } field[FIELD_COUNT];
	struct { enum known known; struct date value; } date;
	struct { bool known; VEC(struct view) } references;
	struct known_list	*lists;
	struct str		 text;
	bool			 text_made;
	/* Where the last message_header() stood: asking for the next one goes on there. */
	struct { size_t nth, index; } last;
};

#endif
