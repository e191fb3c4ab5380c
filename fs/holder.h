/* SPDX-License-Identifier: MIT */
#ifndef HOLDER_H
#define HOLDER_H

/*
 * Private to fs: who somebody is that asks for a lock, found from his process id (locks.md, "Who
 * holds"). The mount asks it for who sent a request, the command line for itself. It reads /proc
 * and knows nothing of FUSE. One thread at a time.
 */

#include "base.h"
#include "store.h"

#define LOCK_INSTANCE_RULE "an id is 1 to 63 letters, digits and . _ : @ -"

enum holder_rule {
	HOLDER_WRITTEN,	    /* 1: the id was written */
	HOLDER_ENVIRONMENT, /* 2: BOOKFS_INSTANCE */
	HOLDER_ANCESTOR,    /* 3: an ancestor is the anchor of a holder */
	HOLDER_NEW,	    /* 4: a new anonymous one */
};

struct holder {
	struct lock_holder as;
	enum holder_rule rule;
	bool id_is_none;     /* his BOOKFS_INSTANCE is no id, and counts as none */
	const char *because; /* of the anchor, for .me; borrowed for ever */
};

/* Remembers processes that asked before. */
struct holders;
struct holders *holders_new(void);
struct holders *holders_free(struct holders *h);
DEFINE_CLEANUP(struct holders, holders_free)

/* pid may be a thread's; 0: it cannot be seen from here. id and anchor_pid (as that process counts
 * them) are what was written, or NULL and 0. l may be NULL: then rule 3 finds nobody. -ESRCH: there
 * is no process anchor_pid, or who asks is gone; -EPERM: it is another user's; both in err. */
int holder_find(struct holder *out, struct holders *h, struct locks *l, pid_t pid, uid_t uid,
		const char *id, pid_t anchor_pid, struct err *err);
/* May this process act as that holder, under whatever id he holds: his anchor is its own, or (if it
 * has no id in its environment) one of its ancestors. */
bool holder_is_above(struct holders *h, const struct lock_holder *of, pid_t pid, uid_t uid);

/* A small file of /proc/PID, NUL-terminated; its length, or 0. And a number in its lines. */
size_t proc_text(char *out, size_t cap, pid_t pid, const char *name);
long proc_field(const char *text, const char *label);

#endif
