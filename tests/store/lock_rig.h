/* SPDX-License-Identifier: MIT */
#ifndef LOCK_RIG_H
#define LOCK_RIG_H

/* For tests of the lock table as one process sees it: the table, holders, and what they do. */

#include "fixture.h"

extern struct fixture fixture;

struct locks *open_table(void);

pid_t start_agent(void); /* a process that does nothing until it is killed */
void end_agent(pid_t pid);
struct lock_holder holder(const char *instance, pid_t anchor); /* anchor 0: bound to no process */

/* names: one resource, or several joined by '+' */
int take(struct locks *l, const struct lock_holder *h, const char *names);
int queue_up(int64_t *waiter, struct locks *l, const struct lock_holder *h, const char *names);

const char *owner_of(struct locks *l, const char *name); /* borrowed until the next call */
int64_t token_of(struct locks *l, const char *name);
int held(struct locks *l); /* how many there are */

#endif
