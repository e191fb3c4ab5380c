/* SPDX-License-Identifier: MIT */
#ifndef SETTLE_H
#define SETTLE_H

/*
 * Private to jobs. When nothing is being analysed and the cast is another than it was, it is looked
 * through once: two names with a look line each may have turned out to be one, and, if every
 * chapter is analysed, who may be one with whom is asked of the server of texts, once for that
 * cast.
 */

#include "jobs.h"

enum {
	DOUBTS_MOST = 24,    /* in one question; those that matter most */
	VERDICT_TOKENS = 25, /* of an answer, each */
	ERRAND_TOKENS = 300, /* of the answer to another question */
};

struct settling {
	struct cast_moment seen; /* the cast that was looked through last */
	bool wanted;		 /* another is to be */
	int under_way;
	void (*told)(void *arg);
	void *told_arg;
};
struct settlement { /* what is to be done */
	bool looks, doubts;
	char key[HASH_HEX];
};
struct preparation;

void settle_check(struct jobs *j); /* the store changed */
bool settle_wanted(const struct jobs *j);
void settle_begin(struct jobs *j);
int settle_look(struct preparation *p, struct err *err); /* pool */
void settle_looked(struct jobs *j, const struct settlement *s, int code);
/* Can the server of texts be asked something? */
bool settle_asks(const struct jobs *j);

#endif
