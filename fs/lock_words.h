/* SPDX-License-Identifier: MIT */
#ifndef LOCK_WORDS_H
#define LOCK_WORDS_H

/*
 * Private to fs: what people write into a lock's file and into locks/.ctl, read (locks.md). Every
 * byte is a stranger's. Nothing is looked up or done here. All of it: -EINVAL and what is wrong.
 */

#include "base.h"
#include "store.h"

enum { LOCK_TEXT_BYTES = 4096 };

/* `CLI-12345 pid=4711 ttl=900 reason="Prompt 3"`, each part at most once, all of them optional. */
struct lock_words {
	char id[LOCK_INSTANCE_BYTES];	/* "": none */
	char reason[LOCK_REASON_BYTES]; /* "": none */
	pid_t pid;			/* as its writer counts processes; 0: none */
	int ttl_s;			/* 0: none */
};
int lock_words_parse(struct lock_words *out, const char *text, size_t len, struct err *err);

/* The names of a set, "Chapter_03+ImageRegistry", each once, in the order of their first. The list
 * is added to. chapters: how many the book has. */
int lock_set_parse(struct strv *out, const char *text, size_t len, int chapters, struct err *err);

enum lock_verb {
	LOCK_VERB_ACQUIRE,
	LOCK_VERB_RENEW,
	LOCK_VERB_RELEASE,
	LOCK_VERB_TRANSFER,
	LOCK_VERB_BREAK,
	LOCK_VERB_CLEAR,
};

struct lock_command {
	enum lock_verb verb;
	struct lock_words words; /* id: `as ID`, or `to=ID` */
	char from[LOCK_INSTANCE_BYTES];
	struct strv resources; /* empty: all, or (clear) the stale ones */
	bool all;
	int64_t number; /* token, or seq */
};
/* One command; on failure nothing is to be finished. */
int lock_command_parse(struct lock_command *out, const char *text, size_t len, int chapters,
		       struct err *err);
void lock_command_finish(struct lock_command *c);

extern const char lock_commands_help[]; /* what reading .ctl shows */

#endif
