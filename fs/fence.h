/* SPDX-License-Identifier: MIT */
#ifndef FENCE_H
#define FENCE_H

/*
 * Private to fs: may this be written? (locks.md, "Enforcement".) Every path that changes something
 * of the book's asks here: fence_request when a file is opened for writing, or a name is made,
 * renamed or removed; fence_check before each write, truncate and fsync through what was opened;
 * fence_used once it succeeded. Reading is never asked for.
 *
 * The files that editors make beside what they edit are not asked for: they are no part of the book
 * until they are renamed onto one. The commands of .bookfs/ctl (`analyze 9`) are no writes to
 * chapter 9: they make derived data and read the chapter, so whoever holds it does not exclude
 * them.
 */

#include "fs.h"

/* What a handle remembers from its open. */
struct fence {
	char resource[LOCK_RESOURCE_BYTES]; /* "": of none, or nothing is enforced */
	int64_t token;			    /* 0: nobody held it */
	struct lock_holder as;
};

/* l NULL: the table cannot be used: -ENOLCK, as nobody knows who would be run over. -EBUSY:
 * somebody else holds it; -EPERM (strict): nobody does. *no says who. */
int fence_take(struct fence *out, struct locks *l, enum enforce how, const char *resource,
	       const struct lock_holder *as, struct lock_refusal *no);
/* -ESTALE: the lock it was opened under is gone; -EBUSY: nobody's then, somebody else's now. */
int fence_check(struct fence *f, struct locks *l, struct lock_refusal *no);
/* The holder is at work: his lock is renewed. */
void fence_used(const struct fence *f, struct locks *l);

/* For the files of a folder (pass_fence.c): may this process go on under a lock (*token; 0: it was
 * nobody's, or nothing is open yet), if the resource is this one's now (NULL: nobody's)? Who he is
 * is asked only if it matters. *token: under which from now on. As fence_take and fence_check. */
int fence_judge(int64_t *token, struct fs *fs, const char *resource, const struct lock *k,
		pid_t pid, uid_t uid, struct lock_refusal *no);
/* And was it this one's that is given back since? The id is all that is known of its holder. */
bool fence_was_his(struct fs *fs, const char *instance, pid_t pid, uid_t uid);

/* The same as fence_take for a request and a node of the book (for a name: its folder); what is
 * refused is told in locks/.why. */
int fence_request(struct fence *out, struct fs *fs, fuse_req_t req, uint64_t node);

#endif
